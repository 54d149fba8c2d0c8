//! Which guards are failed at an entry of a trace, and how the run goes on then.

use super::children::Told;
use super::compare::Target;
use super::{Cause, Fate, LAST_PASS, PASSES};
use crate::driver::{State, Tracer};
use crate::picture::Before;
use interpreter::direct::Direct;
use interpreter::machine::Flow;
use std::sync::atomic::Ordering;

/// After so many entries in a row at which no guard was met, the trace is left alone until there are others.
const MOST_VAIN: u32 = 24;
/// An entry in vain doubles what is waited for the next one, up to so many times.
const MOST_DOUBLINGS: u32 = 9;
/// Passes of loop headers after which the first run in a child ends; each further one in vain takes twice as many.
const PASSES_OF_FIRST_TRY: i64 = 8;
/// Guards failed at one entry, at most.
const BATCH: usize = 1000;

/// Instructions that are interpreted for a comparison, at most.
const MOST_INSTRUCTIONS: u64 = 20_000_000;

/// How far a run goes that is compared.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    /// Passes of loop headers in a child.
    pub(super) passes: i64,
    /// Instructions that are interpreted.
    pub(super) instructions: u64,
}

/// How it went at the entries of a trace.
#[derive(Default)]
pub(super) struct Entries {
    /// The generation of guards for which `tree` is right.
    generation: u32,
    /// The trace, bridges on its exits, traces that it jumps to, and so on.
    tree: Vec<usize>,
    /// Nothing is left to fail, or nothing is met.
    settled: bool,
    vain: u32,
    /// Entries to wait for.
    wait: u32,
    /// Runs with a standby that recorded no bridge.
    pub(super) idle: u32,
    /// Entries to wait for until the next standby.
    pub(super) rest: u32,
}

impl State {
    /// What is known of a trace's entries, up to date.
    pub(super) fn entries_of(&mut self, trace: usize) -> &mut Entries {
        let forced = self.forced.as_mut().expect("the mode is on");
        let generation = forced.generation;
        let entries = forced.entries.entry(trace).or_default();
        if entries.generation == generation {
            return entries;
        }
        let mut tree = vec![trace];
        let mut next = 0;
        while let Some(&number) = tree.get(next) {
            next += 1;
            for (i, c) in self.compilations.iter() {
                let continues = c.bridge_of.is_some_and(|e| self.exits[e as usize].trace() == number);
                if (continues || self.compilations[number].jumps_to == Some(i)) && !tree.contains(&i) {
                    tree.push(i);
                }
            }
        }
        *entries = Entries { generation, tree, idle: entries.idle, rest: entries.rest, ..Entries::default() };
        entries
    }

    /// The exits of a trace.
    pub(super) fn exits_of(&self, trace: usize) -> Vec<u32> {
        let (first, n) = self.compilations[trace].exits;
        (first..first + n).collect()
    }

    /// The exits of the traces that an entry may come by.
    pub(super) fn exits_of_tree(&mut self, trace: usize) -> Vec<u32> {
        let tree = std::mem::take(&mut self.entries_of(trace).tree);
        let valid = tree.iter().filter(|&i| self.compilations.contains(*i) && !self.is_invalid(*i));
        let mut exits: Vec<u32> = valid
            .flat_map(|&i| {
                let (first, n) = self.compilations[i].exits;
                first..first + n
            })
            .collect();
        exits.sort_unstable();
        self.entries_of(trace).tree = tree;
        exits
    }

    /// Whether a guard is the program's.
    fn is_own(&self, exit: u32) -> bool {
        self.forced.as_ref().is_some_and(|forced| forced.guards[exit as usize].fate != Fate::Gone)
    }

    /// Those of these guards that were not failed yet.
    pub(super) fn open(&self, mut exits: Vec<u32>) -> Vec<u32> {
        let forced = self.forced.as_ref().expect("the mode is on");
        exits.retain(|&exit| forced.is_open(exit));
        exits
    }
}

/// Whether the thread is the interpreter's only one.
pub(super) fn is_alone(d: &Direct) -> bool {
    // SAFETY: the running thread's interpreter; its list of threads changes with the GIL held only.
    unsafe { (*(*(*d.tstate).interp).threads.head).next.is_null() }
}

impl Tracer {
    /// At an entry: fails the guards that were not failed yet. `None` where there is none, and the trace is to be run; else how the run
    /// goes on, which was interpreted so far.
    pub(in crate::driver) fn force_guards(&self, d: &mut Direct, trace: usize) -> Option<Flow> {
        let t = self.state();
        t.forced.as_ref()?;
        LAST_PASS.store(i64::MAX, Ordering::Relaxed);
        if t.entries_of(trace).settled {
            return None;
        }
        let exits = t.exits_of_tree(trace);
        let open = t.open(exits);
        if open.is_empty() {
            t.entries_of(trace).settled = true;
            return None;
        }
        if !is_alone(d) {
            t.forced.as_mut().expect("the mode is on").blame(&open, Cause::Threads);
            return None;
        }
        // The run is to come back here soon.
        let turns = 2 + (t.next_random() % 61) as i64;
        LAST_PASS.store(PASSES.load(Ordering::Relaxed) + turns, Ordering::Relaxed);
        let entries = t.entries_of(trace);
        if entries.wait > 0 {
            entries.wait -= 1;
            return None;
        }
        let passes = PASSES_OF_FIRST_TRY << entries.vain.min(2 * MOST_DOUBLINGS);
        let run = Limits { passes, instructions: MOST_INSTRUCTIONS };
        let (flow, compared) = self.fail_guards(d, &[trace], open, run);
        let entries = self.state().entries_of(trace);
        entries.vain = if compared > 0 { 0 } else { entries.vain + 1 };
        entries.wait = (1 << entries.vain.min(MOST_DOUBLINGS)) - 1;
        entries.settled = entries.vain > MOST_VAIN;
        flow
    }

    /// Fails those of these guards that the runs from here, entering these traces, come by, and compares. How the interpreted run goes on, if
    /// there was one, and how many were compared.
    pub(super) fn fail_guards(
        &self,
        d: &mut Direct,
        traces: &[usize],
        open: Vec<u32>,
        run: Limits,
    ) -> (Option<Flow>, usize) {
        let mut open = self.state().open(open);
        // SAFETY: the GIL is held.
        let known = unsafe { Before::now() };
        let undisturbed = Undisturbed::new(d);
        let mut targets: Vec<Target> = Vec::new();
        for &trace in traces {
            while !open.is_empty() && targets.len() < BATCH {
                match self.fail_first(d, trace, &open, run.passes) {
                    Told::Left(left) => {
                        open.retain(|&exit| exit != left.exit);
                        let t = self.state();
                        targets.push(Target::new(&t.exit_info(left.exit), t.resume_of(left.exit), left));
                    }
                    Told::Missed(at) => {
                        let t = self.state();
                        let same = |exit: &u32| {
                            t.exits[*exit as usize].compilation == t.exits[at as usize].compilation
                        };
                        let behind: Vec<u32> = open
                            .iter()
                            .copied()
                            .filter(|exit| *exit > at && same(exit) && t.is_own(at))
                            .collect();
                        self.blame(&behind, Cause::BehindFailing);
                        self.blame(&open, Cause::NotReached);
                        break;
                    }
                    Told::Ended => {
                        self.blame(&open, Cause::ChildEnded);
                        break;
                    }
                }
            }
        }
        if targets.is_empty() {
            return (None, 0);
        }
        self.blame(&targets.iter().map(|target| target.exit).collect::<Vec<_>>(), Cause::NotFollowed);
        let t = self.state();
        // SAFETY: the machine's frame is live and holds its code.
        let code = unsafe { (*d.frame).f_code };
        let headers: Vec<u32> =
            t.info(code).map(|info| info.loops.keys().copied().collect()).unwrap_or_default();
        t.forced.as_mut().expect("the mode is on").interpreting = Some(d.frame);
        let all = targets.len();
        let flow = self.interpret(d, &headers, &mut targets, &known, run.instructions);
        self.note_different(&mut targets);
        self.state().forced.as_mut().expect("the mode is on").interpreting = None;
        drop(undisturbed);
        (Some(flow), all - targets.len())
    }

    /// At a loop's edge while a run is compared: other frames than the run's enter their traces, but fail and record nothing. Those of calls
    /// that may be inlined are the run's.
    pub(in crate::driver) fn beside_comparison(&self, d: &mut Direct, state: usize) -> Option<Flow> {
        let t = self.state();
        let outermost = t.forced.as_ref()?.interpreting?;
        let code = t.loops[state].code;
        let inlined = t.info(code).is_some_and(|info| info.may_be_inlined());
        let Some(trace) = t.loops[state].trace.filter(|_| d.frame != outermost && !inlined) else {
            return Some(Flow::Next);
        };
        let tree = t.entries_of(trace).tree.clone();
        if t.forced.as_ref()?.patched.iter().any(|patched| tree.contains(patched)) {
            return Some(Flow::Next);
        }
        let passes = PASSES.load(Ordering::Relaxed);
        let last = LAST_PASS.swap(i64::MAX, Ordering::Relaxed);
        let flow = self.enter(d, trace, None);
        PASSES.store(passes, Ordering::Relaxed);
        LAST_PASS.store(last, Ordering::Relaxed);
        Some(flow)
    }

    fn blame(&self, exits: &[u32], cause: Cause) {
        self.state().forced.as_mut().expect("the mode is on").blame(exits, cause);
    }
}

/// Keeps away what comes at its own time, lest it comes in a child and not here, or the other way round: signals of timers, which children
/// don't have, and automatic runs of the garbage collector, for which allocations are counted.
struct Undisturbed {
    mask: libc::sigset_t,
    collector: *mut i32,
    enabled: i32,
}

impl Undisturbed {
    fn new(d: &Direct) -> Undisturbed {
        // SAFETY: plain calls on sets of signals of this thread; the running thread's interpreter outlives it.
        unsafe {
            let (mut timers, mut mask): (libc::sigset_t, libc::sigset_t) = std::mem::zeroed();
            libc::sigemptyset(&mut timers);
            for signal in [libc::SIGALRM, libc::SIGVTALRM, libc::SIGPROF] {
                libc::sigaddset(&mut timers, signal);
            }
            libc::pthread_sigmask(libc::SIG_BLOCK, &timers, &mut mask);
            let collector = &raw mut (*(*d.tstate).interp).gc.enabled;
            Undisturbed { mask, collector, enabled: collector.replace(0) }
        }
    }
}

impl Drop for Undisturbed {
    fn drop(&mut self) {
        // SAFETY: as above. What the program itself has asked for meanwhile stays.
        unsafe {
            *self.collector |= self.enabled;
            libc::pthread_sigmask(libc::SIG_SETMASK, &self.mask, std::ptr::null_mut());
        }
    }
}
