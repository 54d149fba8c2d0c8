//! Random traces: well-formed ones, together with the memory that they run on.
//!
//! Called by tests of the optimizer and of backends: evaluate a trace, transform or compile it, run that over the same
//! initial bytes, compare. The same seed gives the same trace, up to the addresses in it. The generator executes every op as it
//! makes it, so that guards mostly hold and runs get far; it keeps the rules that recorded traces keep:
//!
//! - what an op needs is guarded before it (divisors, types, indices in range);
//! - a memory region is truthful, and a field is always read and written with one width;
//! - a reference that the trace owns ends in a slot of every snapshot, is released, or is passed on; a borrowed object is not used
//!   after anything that could have released it;
//! - snapshots describe one frame in memory, sometimes a pushed one above it, and virtual objects.
//!
//! ```
//! use traces::random::{Options, generate};
//! let mut program = generate(7, &Options { looped: true, ..Options::default() });
//! let run = program.evaluate();
//! println!("{}\n{:?}", program.trace, run.outcome);
//! ```

mod generator;
pub mod helpers;
mod recording;
mod world;

use crate::evaluate::{Entry, Fault, Outcome, evaluate};
use crate::memory::{FLOAT_FREE_MAX, Memory};
use crate::op::OpCode;
use crate::rebuild::{Describer, Layout, rebuild};
use crate::trace::{Const, Trace, Val};

pub use world::{FRAME_SLOTS, LOCALS, LOCALSPLUS, World};

/// The seeds that a test walks through: these, unless `RANDOM_SEEDS=from..to` chooses others.
///
/// # Panics
/// Panics where that is no range of numbers, lest a search go over the usual seeds again.
pub fn seeds(usual: std::ops::Range<u64>) -> std::ops::Range<u64> {
    let Ok(chosen) = std::env::var("RANDOM_SEEDS") else { return usual };
    let range = chosen.split_once("..").and_then(|(from, to)| Some(from.parse().ok()?..to.parse().ok()?));
    range.unwrap_or_else(|| panic!("RANDOM_SEEDS={chosen} is not of the form 1000..2000"))
}

/// What to generate.
#[derive(Clone, Debug)]
pub struct Options {
    /// About how many ops (in a loop: how many in its body).
    pub ops: usize,
    /// A loop instead of a bridge.
    pub looped: bool,
    /// Turns that a loop takes unless another guard leaves first.
    pub turns: i64,
    /// Loads from and stores to frames, objects and lists.
    pub memory: bool,
    /// Boxing and unboxing, reference counts.
    pub objects: bool,
    /// Calls of [`helpers`](helpers::helpers).
    pub calls: bool,
    /// How many earlier values each snapshot keeps alive: 0 to 8 for what programs do, 40 to force spills.
    pub pressure: usize,
}

impl Default for Options {
    fn default() -> Self {
        Options { ops: 60, looped: false, turns: 5, memory: true, objects: true, calls: true, pressure: 4 }
    }
}

/// What to record, for [`recording`].
#[derive(Clone, Debug)]
pub struct RecordingOptions {
    /// About how many ops.
    pub ops: usize,
    /// A loop, instead of a recording that ends with an exit.
    pub looped: bool,
    /// Turns that a loop takes unless another guard leaves first.
    pub turns: i64,
    /// Attributes and list items.
    pub memory: bool,
    /// Calls of [`helpers`](helpers::helpers).
    pub calls: bool,
}

impl Default for RecordingOptions {
    fn default() -> Self {
        RecordingOptions { ops: 80, looped: true, turns: 6, memory: true, calls: true }
    }
}

/// A generator of pseudo-random numbers: xorshift64*.
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    /// Any seed will do.
    pub fn new(seed: u64) -> Rng {
        // Scrambled, so that neighbouring seeds give unrelated numbers; never 0, which the generator could not leave.
        Rng((seed ^ 0x9e37_79b9_7f4a_7c15).wrapping_mul(0xbf58_476d_1ce4_e5b9) | 1)
    }
    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }
    /// A number below `n`, which is not 0.
    pub fn below(&mut self, n: usize) -> usize {
        ((self.bits() >> 33) % n as u64) as usize
    }
    /// True once in `n` times.
    pub fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }
    /// One of these.
    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }
}

/// A trace, and what it is entered with.
#[derive(Debug)]
pub struct Program {
    /// The trace. It calls [`helpers`](helpers::helpers).
    pub trace: Trace,
    /// The memory that its addresses are in.
    pub memory: Memory,
    /// Contents of the memory at entry.
    pub initial: Vec<u8>,
    /// What `frame` gives.
    pub frame: usize,
    /// What `thread_state` gives.
    pub thread_state: usize,
    /// The values of a bridge's params.
    pub inputs: Vec<Const>,
    /// [`Memory::top`] at entry.
    pub initial_top: usize,
    /// Whether it is a recording: then only the slots of the frame count, not what else the frame in memory holds.
    pub recorded: bool,
    /// Of a recording, what [`other_way`] may use.
    pub world: Option<World>,
}

/// What a run left.
#[derive(Clone, PartialEq, Debug)]
pub struct Ran {
    /// How it ended.
    pub outcome: Outcome,
    /// Contents of the memory then.
    pub bytes: Vec<u8>,
}

impl Program {
    /// Evaluates the program's trace on the initial memory.
    ///
    /// # Panics
    /// On a fault, with the trace.
    pub fn evaluate(&mut self) -> Ran {
        let trace = self.trace.clone();
        self.evaluate_trace(&trace).unwrap_or_else(|fault| panic!("{fault}\n{trace}"))
    }

    /// Evaluates another trace, one that was made from the program's, on the initial memory.
    pub fn evaluate_trace(&mut self, trace: &Trace) -> Result<Ran, Fault> {
        self.memory.restore(&self.initial);
        let outcome = self.run(trace, false)?;
        Ok(Ran { outcome, bytes: self.memory.bytes().to_vec() })
    }

    fn run(&mut self, trace: &Trace, free_leaves: bool) -> Result<Outcome, Fault> {
        let entry = Entry {
            frame: self.frame,
            thread_state: self.thread_state,
            inputs: &self.inputs,
            max_turns: 10_000,
            free_leaves,
        };
        evaluate(trace, &entry, &mut self.memory, &mut helpers::call)
    }

    /// Evaluates a trace that was made from the program's and describes where and in what state it left, exits carried out. Traces
    /// that mean the same give the same text, whatever they allocate.
    pub fn describe(&mut self, trace: &Trace) -> Result<String, String> {
        self.run_and_describe(trace).map(|(_, state)| state)
    }

    fn run_and_describe(&mut self, trace: &Trace) -> Result<(Outcome, String), String> {
        self.memory.restore(&self.initial);
        // With a full free list no memory is used twice, so that an address stands for one object.
        let free_count = self.memory.float_free_count();
        self.memory.write_u32(free_count, FLOAT_FREE_MAX as u32).expect("the header is in the arena");
        let outcome = self.run(trace, self.recorded).map_err(|fault| fault.to_string())?;
        let layout = Layout { entry_frame: self.frame, localsplus: LOCALSPLUS };
        let initial_top = self.initial_top;
        let describe = |memory: &mut Memory| -> Result<String, crate::memory::Fault> {
            let frames = match &outcome {
                Outcome::Exit { op, values } => {
                    let snapshot = trace.snapshots.get(trace.ops[*op].snap);
                    let frames = rebuild(&snapshot, values, layout, memory)?;
                    Some((snapshot, frames, values))
                }
                _ => None,
            };
            let mut describer = Describer::new(memory, initial_top);
            match (&frames, &outcome) {
                (Some((snapshot, frames, values)), _) => {
                    describer.frames(snapshot.resume, frames);
                    // What a recording's exits keep is the optimizer's choice.
                    if !self.recorded {
                        let kept = &values[values.len() - snapshot.keep.len()..];
                        kept.iter().for_each(|&value| describer.value("keep", value));
                    }
                }
                (None, Outcome::JumpTo { target, values }) => {
                    values.iter().for_each(|&value| describer.value(&format!("to {target}"), value));
                }
                (None, other) => describer.value(&format!("{other:?}"), Const::Bool(true)),
            }
            let frame = self.frame..self.frame + LOCALSPLUS as usize + 8 * FRAME_SLOTS;
            describer.old_memory(&self.initial, if self.recorded { frame } else { 0..0 });
            describer.finish()
        };
        let state = describe(&mut self.memory).map_err(|fault| format!("the exit: {fault}"))?;
        Ok((outcome, state))
    }

    /// Whether a trace made from the program's means the same. The error shows the first difference and the whole other state.
    ///
    /// An optimizer may drop an op that leaves only because its own result would not fit, when nobody needs the result: where
    /// a recording leaves by such an op and the other trace does not, they can't be compared.
    pub fn check_same(&mut self, other: &Trace) -> Result<(), String> {
        use OpCode::{IntAddOvf, IntFromFloat, IntMulOvf, IntSubOvf, IntValue};
        let original = self.trace.clone();
        let (outcome, expected) = self.run_and_describe(&original)?;
        let actual = self.describe(other)?;
        if expected == actual {
            return Ok(());
        }
        let left = match outcome {
            Outcome::Exit { op, .. } => Some(original.ops[op].code),
            _ => None,
        };
        let droppable = matches!(left, Some(IntAddOvf | IntSubOvf | IntMulOvf | IntValue | IntFromFloat));
        // Instruction and turn: up to the first slot, which is the loop's counter.
        let place =
            |state: &str| state.lines().nth(1).and_then(|line| line.split(',').next().map(String::from));
        if self.recorded && droppable && place(&expected) != place(&actual) {
            return Ok(());
        }
        Err(crate::golden::first_difference(&expected, &actual))
    }
}

/// Makes a random program.
pub fn generate(seed: u64, options: &Options) -> Program {
    generator::generate(seed, options)
}

/// Makes a random recording: what the optimizer is fed. Optimized traces of it are checked by [`Program::check_same`].
pub fn recording(seed: u64, options: &RecordingOptions) -> Program {
    recording::recording(seed, options)
}

/// Makes a random recording of another way from an exit on, which ends where the next turn of `program`'s loop would begin: its params are the
/// locals and the stack there, `slots` of `until`, which is run to get there from the program's initial state. `instr` is the exit's.
/// None where that run leaves before.
///
/// # Panics
/// Where `program` is not a [`recording`].
pub fn other_way(
    seed: u64,
    options: &RecordingOptions,
    program: &mut Program,
    until: &Trace,
    slots: &[Val],
    instr: u32,
) -> Option<Trace> {
    recording::other_way(seed, options, program, until, slots, instr)
}
