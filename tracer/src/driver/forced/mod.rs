//! `-X jit-force-guards`: fails each guard of each trace once, while it holds, and compares the frames that the exit rebuilds with the
//! interpreter's.
//!
//! A child process patches guards so that they always leave, runs the trace, and sends a [`Picture`](crate::picture::Picture) of the frames
//! that the first exit rebuilt; the next child leaves that guard alone and so gets to the one after. Then the process that forked them
//! interprets the same run, an instruction at a time, and takes its own picture where each child's stands: same instruction, same number of
//! passes of loop headers, which traces count in this mode. Since all were one process, objects can be compared by address, and going on
//! after the comparison is the program's own course: nothing that it does shows that guards were failed.
//!
//! ```text
//! entry -+- fork: guard 7 leaves -> exit 7 rebuilds -> picture --\
//!        +- fork: guard 8 leaves -> exit 8 rebuilds -> picture --+-> compared on the way
//!        +- interprets .........................................-+........> goes on
//! ```
//!
//! A program may never come by a guard again, so this is done before it goes on from where the trace was recorded: a *standby*, forked before
//! the recording (of a bridge: before the run that ends at its exit), is sent what was recorded, compiles the same, and rehearses
//! it from there. The first recording of each loop and exit is dropped, and further ones that assign versions: looking things up gives versions to
//! types and dicts, on which guards stand, and so the standby has them already. What is left is tried at the entries of the trace.
//!
//! While the program has several threads nothing is failed: what the others do in the parent, they don't do in the child.
//!
//! An exit in the midst of an instruction (an exception, an object's death, the other side of a branch on a call's result) has no
//! counterpart between two instructions: it is compared as far as
//! [`differences_within`](crate::picture::Picture::differences_within) says.
//!
//! | file | subject |
//! | --- | --- |
//! | `children` | forked processes, what they are cut off from, and the child that runs a trace with guards that leave |
//! | `compare` | interpreting the same run, and comparing on the way |
//! | `entries` | which guards are failed at an entry of a trace |
//! | `fit` | making a frame fit a loop's label |
//! | `job` | a recording that is to be compiled, as a message |
//! | `standby` | rehearsing a trace before the program goes on from where it was recorded |

mod children;
mod compare;
mod entries;
mod fit;
mod job;
mod standby;

pub(super) use job::Job;
pub(super) use standby::Standby;

use super::Goal;
use capi::sys;
use entries::Entries;
use fxhash::FxHashMap;
use std::ops::Range;
use std::sync::atomic::AtomicI64;

/// Passes of loop headers: compiled code counts them in this mode.
pub static PASSES: AtomicI64 = AtomicI64::new(0);
/// A trace leaves at the loop header whose pass has this number.
pub static LAST_PASS: AtomicI64 = AtomicI64::new(i64::MAX);

/// Recordings that are dropped, at most, while each assigns versions.
const MOST_PRACTICE: u32 = 4;

macro_rules! causes {
    ($( $variant:ident $name:literal $text:literal; )*) => {
        /// Why a guard was not failed.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        #[repr(u8)]
        pub enum Cause { $( #[doc = $text] $variant, )* }
        impl Cause {
            const ALL: &[Cause] = &[ $( Cause::$variant, )* ];
            /// Short name: a key of the statistics.
            pub fn name(self) -> &'static str { [ $( $name, )* ][self as usize] }
        }
    };
}

causes! {
    NotEntered "not_entered" "The trace was neither rehearsed nor entered again";
    NotReached "not_reached" "Runs left before it";
    BehindFailing "behind_failing" "An earlier guard of its trace did not hold, also where it was recorded";
    NotFollowed "not_followed" "The interpreter did not come to where the exit leads";
    ChildEnded "child_ended" "The child that was to run the trace ended otherwise";
    Outside "outside" "What comes there differs from run to run: a clock, say";
    Threads "threads" "The program had several threads";
}

/// What became of a guard.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// It was not failed so far.
    Open(Cause),
    /// It was failed, and compared between two instructions.
    Compared,
    /// It was failed, and compared in the midst of an instruction.
    ComparedWithin,
    /// It is not the program's, or its trace was dropped.
    Gone,
}

/// What is known of a guard.
#[derive(Clone, Copy)]
struct Guard {
    fate: Fate,
    /// The op.
    what: &'static str,
    /// Its number among the guards of its trace.
    index: u32,
    /// Which trace: see `Forced::places`.
    place: usize,
}

/// A guard that was not failed.
#[derive(Clone, Debug)]
pub struct NotFailed {
    /// Why not.
    pub cause: Cause,
    /// The op, its trace, and where that begins.
    pub guard: String,
    /// Its trace was dropped before the program ended.
    pub dropped: bool,
}

/// What came of it.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Guards of all traces.
    pub guards: u64,
    /// Guards that were failed on purpose and compared between two instructions.
    pub compared: u64,
    /// Guards that were failed on purpose and compared in the midst of an instruction.
    pub compared_within: u64,
    /// Guards that were not failed.
    pub not_failed: Vec<NotFailed>,
    /// What was different: the exit, and a text.
    pub differences: Vec<(u32, String)>,
}

/// The state of this mode.
#[derive(Default)]
pub(super) struct Forced {
    /// By number of the exit.
    guards: Vec<Guard>,
    /// Of traces: what they are, for reports.
    places: Vec<String>,
    /// How often guards were added.
    generation: u32,
    /// How it went at the entries of each trace.
    entries: FxHashMap<usize, Entries>,
    /// A run is being compared: the loops of this frame are interpreted.
    interpreting: Option<*mut sys::_PyInterpreterFrame>,
    /// Traces with guards that leave always, in a child.
    patched: Vec<usize>,
    /// How often these were recorded: the states of loops, and exits.
    practised: (FxHashMap<usize, u32>, FxHashMap<u32, u32>),
    /// The loop whose recording was dropped last.
    just_practised: Option<usize>,
    /// The trace that was compiled last: its number, its text's hash.
    newest: (usize, u64),
    report: Report,
}

impl Forced {
    pub(super) fn report(&self) -> Report {
        let mut report = self.report.clone();
        report.not_failed.extend(self.guards.iter().filter_map(|guard| self.not_failed(guard, false)));
        report
    }

    fn not_failed(&self, guard: &Guard, dropped: bool) -> Option<NotFailed> {
        let Fate::Open(cause) = guard.fate else { return None };
        let guard = format!("{}, guard {} of {}", guard.what, guard.index, self.places[guard.place]);
        Some(NotFailed { cause, guard, dropped })
    }

    /// Whether a recording is the first of its loop or exit.
    pub(super) fn is_practice(&self, goal: Goal) -> bool {
        match goal {
            Goal::Loop { state } => !self.practised.0.contains_key(&state),
            Goal::Bridge { exit } => !self.practised.1.contains_key(&exit),
        }
    }

    /// Whether a recording of this loop or exit is dropped: the first one, and those that have assigned versions, up to a few.
    pub(super) fn practise(&mut self, goal: Goal, new_versions: bool) -> bool {
        let recordings = match goal {
            Goal::Loop { state } => self.practised.0.entry(state).or_insert(0),
            Goal::Bridge { exit } => self.practised.1.entry(exit).or_insert(0),
        };
        *recordings += 1;
        let dropped = *recordings == 1 || new_versions && *recordings <= MOST_PRACTICE;
        if let (true, Goal::Loop { state }) = (dropped, goal) {
            self.just_practised = Some(state);
        }
        dropped
    }

    /// Whether the last recording was this loop's, and was dropped.
    pub(super) fn take_practised(&mut self, state: usize) -> bool {
        self.just_practised.take() == Some(state)
    }

    fn is_open(&self, exit: u32) -> bool {
        matches!(self.guards[exit as usize].fate, Fate::Open(_))
    }

    /// The code of these guards was given back.
    pub(super) fn drop_guards(&mut self, exits: Range<usize>) {
        for exit in exits {
            self.report.not_failed.extend(self.not_failed(&self.guards[exit], true));
            self.guards[exit].fate = Fate::Gone;
        }
    }

    /// A trace was compiled whose exits begin at `first`: the ops of its guards, and whether each is the program's. `place` says for reports
    /// what trace it is, `hash` is that of its text.
    pub(super) fn add_guards(
        &mut self,
        number: usize,
        first: usize,
        guards: impl Iterator<Item = (&'static str, bool)>,
        place: String,
        hash: u64,
    ) {
        self.generation += 1;
        self.newest = (number, hash);
        self.entries.remove(&number);
        let place = {
            self.places.push(place);
            self.places.len() - 1
        };
        for (exit, (what, own)) in (first..).zip(guards) {
            self.practised.1.remove(&(exit as u32));
            self.report.guards += u64::from(own);
            let fate = if own { Fate::Open(Cause::NotEntered) } else { Fate::Gone };
            let guard = Guard { fate, what, index: (exit - first) as u32, place };
            match self.guards.get_mut(exit) {
                Some(free) => *free = guard,
                None => self.guards.push(guard),
            }
        }
    }

    /// A guard was failed and compared; false where it had been before.
    fn compared(&mut self, exit: u32, within: bool) -> bool {
        if !self.is_open(exit) {
            return false;
        }
        let (fate, count) = if within {
            (Fate::ComparedWithin, &mut self.report.compared_within)
        } else {
            (Fate::Compared, &mut self.report.compared)
        };
        *count += 1;
        self.guards[exit as usize].fate = fate;
        true
    }

    /// Why these were not failed so far.
    fn blame(&mut self, exits: &[u32], cause: Cause) {
        for &exit in exits {
            if let Fate::Open(known) = &mut self.guards[exit as usize].fate {
                // That a run does not come by says nothing new of a guard of which more is known.
                let new =
                    *known == Cause::NotEntered || cause != Cause::NotReached && cause != Cause::NotEntered;
                *known = if new { cause } else { *known };
            }
        }
    }
}
