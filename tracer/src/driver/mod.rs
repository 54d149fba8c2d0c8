//! The tracer at work: decides what is recorded, compiles it, runs it, handles exits, grows bridges.
//!
//! The interpreter calls [`Tracer::loop_edge`] when a loop's counter has run out, or at each turn once it has a trace. All state belongs to
//! the GIL. Compiled code may run Python, which may come back here: so no reference into the tracer's state is held across a run.
//!
//! | file | subject |
//! | --- | --- |
//! | `recording` | recording a loop's turn or a bridge; what a recording that failed means for the next one |
//! | `installing` | from a recording to machine code: optimizing, the backend, exits |
//! | `runs` | entering a trace, going on after an exit |
//! | `worth` | whether a loop's trace is worth entering |
//! | `invalidation` | traces that are not entered any more, and giving back their code |
//! | `embedded` | what traces embed dies when it would die without them |
//! | `forced` | failing every guard once, to compare what its exit rebuilds |
//! | `numbers` | numbers of exits that are free again |
//! | `only` | choosing what is compiled, to find the trace that breaks a program |
//! | `callbacks` | what compiled code and the optimizer are told of CPython and of us |

mod callbacks;
mod embedded;
mod forced;
mod installing;
mod invalidation;
mod numbers;
mod only;
mod recording;
mod runs;
mod worth;

pub use callbacks::runtime_addresses;
pub use forced::{Cause, NotFailed, Report};
pub use only::Only;

use crate::abort::Abort;
use crate::code_info::CodeInfo;
use crate::exits::{Rebuilt, Scratch};
use crate::optimizer::parts::Off;
use crate::optimizer::{Env, Header};
use crate::packed::{ExitInfo, Packed};
use crate::recorder::After;
use crate::statistics::Statistics;
use capi::sys::{PyCodeObject, PyObject};
use capi::tracemalloc;
use embedded::Embedded;
use fxhash::FxHashMap;
use interpreter::code_data::{CodeData, LoopCell};
use interpreter::direct::Direct;
use interpreter::jit::Jit;
use interpreter::machine::Flow;
use invalidation::MOST_DOUBLINGS;
use numbers::FreeNumbers;
use slab::Slab;
use std::cell::{Cell, UnsafeCell};
use traces::codegen::{Backend, LabelCode, Location};
use traces::{Resume, SnapId, Snapshot, Trace};
use worth::Worth;

/// What is called so that the process takes no more memory than it needs; none may run Python.
#[derive(Clone, Copy, Debug)]
pub struct MemoryHooks {
    /// Before each recording: it and what is made of it need the compiler's code and some hundred KiB.
    pub begin_recording: fn(),
    /// After it.
    pub end_recording: fn(),
    /// Now and then while compiled code runs.
    pub give_back: fn(),
}

/// How the tracer behaves; all are set by the executable's options.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// Turns after which a loop is recorded.
    pub loop_threshold: u32,
    /// Times after which an exit grows a bridge.
    pub exit_threshold: u32,
    /// Recorded ops at which a recording is given up.
    pub max_ops: usize,
    /// Slots that its snapshots name at which a recording is given up: so what it takes, and what is made of it, stays in proportion to
    /// the allocator's reserve.
    pub max_slots: usize,
    /// Frames that are inlined into each other.
    pub max_depth: usize,
    /// Failures after which a loop or exit is left alone.
    pub max_failures: u32,
    /// Bytes that a loop's trace and bridges take, code and what is kept for exits, with each of which exits have to be taken
    /// `exit_threshold` times more before they grow a bridge.
    pub tree_step: usize,
    /// Bytes after which a loop gets no more bridges.
    pub max_tree: usize,
    /// Traces and bridges to compile at most.
    pub max_traces: u64,
    /// Which traces may be compiled, if not all.
    pub only: Option<&'static Only>,
    /// Parts of the optimizer that are left out.
    pub off: Off,
    /// Everything is checked, and exits are taken on purpose.
    pub stress: bool,
    /// Each guard is failed once while it holds, and what its exit rebuilds is compared (`forced`).
    pub force_guards: bool,
    /// What is told when much memory is needed, and when no more.
    pub memory: Option<MemoryHooks>,
}

impl Default for Policy {
    fn default() -> Policy {
        // Compiling costs what some hundred turns cost in the interpreter: so long is waited, lest what does not go on longer be
        // compiled for nothing. Primes, so that loops of round length are not always caught at the same turn.
        Policy {
            loop_threshold: 397,
            exit_threshold: 71,
            max_ops: 6000,
            max_slots: 128 << 10,
            max_depth: 8,
            max_failures: 5,
            tree_step: 24 << 10,
            max_tree: 512 << 10,
            max_traces: u64::MAX,
            only: None,
            off: Off::default(),
            stress: false,
            force_guards: false,
            memory: None,
        }
    }
}

/// What the driver knows of a loop (found through its cell).
struct LoopState {
    code: *mut PyCodeObject,
    header: u32,
    /// The last instruction that jumps back to it.
    end: u32,
    trace: Option<usize>,
    failures: u32,
    retries: u32,
    /// Times that its trace was invalidated.
    invalidations: u32,
    /// Its trace, or that of a loop in it, was invalidated since its last turn: the counter starts again.
    restart: bool,
}

/// A compiled trace.
struct Compilation {
    /// Address and size of its code.
    entry: usize,
    size: usize,
    /// Of a loop: what jumps into it has to know.
    label: Option<Box<Label>>,
    packed: Packed,
    /// The first of its exits, and how many there are.
    exits: (u32, u32),
    /// What it embeds and has references to, as long as it may be entered or runs.
    embedded: Box<[*mut PyObject]>,
    /// What it embeds and has no references to.
    watched: Vec<*mut PyObject>,
    /// Read by the trace: 1 when it is not to be entered any more.
    invalid: Box<Cell<u32>>,
    code: *mut PyCodeObject,
    /// Of which loop it is the root.
    loop_state: Option<usize>,
    /// The exit that it continues.
    bridge_of: Option<u32>,
    /// The trace to whose label or entry it jumps.
    jumps_to: Option<usize>,
    /// The trace at the root of its tree of bridges: a loop's, or that of a bridge whose root is gone.
    root: usize,
    /// Of a root: bytes of the tree.
    tree: usize,
    /// Of a root: bridges of the tree that begin within a loop of an inlined call.
    ways: u32,
    worth: Worth,
}

/// A loop's label.
struct Label {
    code: LabelCode,
    /// Its contract.
    header: Header,
}

/// One side exit. A trace has up to hundreds of them, most of which are never taken: what they need then is packed.
struct Exit {
    /// Its trace.
    compilation: u32,
    snapshot: SnapId,
    /// How often it was taken since it may grow a bridge (again).
    count: u32,
    failures: u8,
    /// Times that its bridge was invalidated.
    invalidations: u8,
    may_bridge: bool,
    /// Unpacked, once it is seen to be taken often.
    unpacked: Option<Box<Unpacked>>,
}

/// What an exit needs when it is taken.
struct Unpacked {
    snapshot: Snapshot,
    locations: Box<[Location]>,
    after: After,
}

impl Exit {
    /// The key of its trace.
    fn trace(&self) -> usize {
        self.compilation as usize
    }
}

/// What a recording is for.
#[derive(Clone, Copy)]
enum Goal {
    Loop { state: usize },
    Bridge { exit: u32 },
}

/// How a recording ended.
enum Outcome {
    /// The loop came round.
    Closed,
    /// It reached the header of a loop that has a trace.
    Reached(usize),
    /// It ends at an instruction that leaves the frame.
    Left,
    Failed(Abort),
}

/// Recordings for which there was no memory.
#[derive(Default)]
struct Starved {
    /// How many in a row.
    times: u32,
    /// How many are not even begun before the next one is.
    waits: u32,
}

struct State {
    backend: Box<dyn Backend>,
    policy: Policy,
    env: Env,
    loops: Slab<LoopState>,
    by_header: FxHashMap<(usize, u32), usize>,
    compilations: Slab<Box<Compilation>>,
    exits: Vec<Exit>,
    /// Those of `exits` that belong to no trace.
    free_exits: FreeNumbers,
    infos: FxHashMap<usize, CodeInfo>,
    statistics: Statistics,
    /// Traces that `Policy::only` kept from being compiled.
    skipped: u64,
    recording: bool,
    /// Code objects, types and functions that died while it was so.
    died: Vec<usize>,
    starved: Starved,
    enabled: bool,
    /// What the exit that was taken last leaves to be done, and what comes after that.
    rebuilt: Option<(Rebuilt, After)>,
    scratch: Scratch,
    dump: Option<Box<dyn Dump>>,
    random: u64,
    /// The state of `Policy::force_guards`.
    forced: Option<Box<forced::Forced>>,
    /// Inlined code object -> code objects whose traces contain it.
    inliners: FxHashMap<usize, Vec<usize>>,
    /// The traces that were entered by runs of compiled code that have not ended.
    running: Vec<usize>,
    /// Traces that are not entered any more, whose code is given back when none is running.
    invalid: Vec<usize>,
    /// What traces have references to, and what they only watch.
    held: Embedded,
    watched: Embedded,
}

impl State {
    /// What is to be known of an exit besides what it has in `exits`.
    fn exit_info(&self, exit: u32) -> ExitInfo {
        let c = &self.compilations[self.exits[exit as usize].trace()];
        c.packed.info((exit - c.exits.0) as usize)
    }

    /// How the innermost frame goes on at an exit.
    fn resume_of(&self, exit: u32) -> Resume {
        let e = &self.exits[exit as usize];
        self.compilations[e.trace()].packed.resume(e.snapshot)
    }
}

/// What a dump is told of each compiled trace.
pub struct Dumped<'a> {
    /// Number of the trace.
    pub number: usize,
    /// `None` for a loop, else the exit that it continues.
    pub bridge_of: Option<u32>,
    /// The code object and the instruction where it starts.
    pub code: *mut PyCodeObject,
    /// See `code`.
    pub instruction: u32,
    /// What was recorded.
    pub recorded: &'a Trace,
    /// What was compiled.
    pub optimized: &'a Trace,
    /// The machine code: offset and text.
    pub assembly: &'a [(u32, String)],
    /// Offset of each op's code.
    pub op_offsets: &'a [u32],
    /// Number of its first exit.
    pub first_exit: u32,
}

/// Receives compiled traces (`-X jit-dump`).
pub trait Dump {
    /// A trace was compiled. Called with the GIL held, all that the trace names being alive; must not run Python code.
    fn compiled(&mut self, d: &Dumped<'_>);
    /// The program has ended: how often each exit was taken, by its number. Python can't be used any more.
    fn finish(&mut self, counts: &[u32]);
}

/// The tracer. One per process; its state is guarded by the GIL.
pub struct Tracer {
    state: UnsafeCell<State>,
}

// SAFETY: every access happens with the GIL held.
unsafe impl Sync for Tracer {}

static mut TRACER: Option<&'static Tracer> = None;

fn tracer() -> &'static Tracer {
    // SAFETY: set once by `Tracer::install`, before anything that calls this can run.
    unsafe { TRACER.expect("installed") }
}

impl Tracer {
    /// Makes the tracer and installs it in the evaluator. Once, with the GIL held.
    pub fn install(backend: Box<dyn Backend>, policy: Policy, dump: Option<Box<dyn Dump>>) {
        let t: &'static Tracer = Box::leak(Box::new(Tracer {
            state: UnsafeCell::new(State {
                backend,
                policy,
                env: callbacks::environment(policy.off),
                loops: Slab::new(),
                by_header: Default::default(),
                compilations: Slab::new(),
                exits: Vec::new(),
                free_exits: FreeNumbers::default(),
                infos: Default::default(),
                statistics: Statistics::default(),
                skipped: 0,
                recording: false,
                died: Vec::new(),
                starved: Starved::default(),
                enabled: true,
                rebuilt: None,
                scratch: Scratch::default(),
                dump,
                random: 0x9e37_79b9_7f4a_7c15,
                forced: policy.force_guards.then(Box::default),
                inliners: Default::default(),
                running: Vec::new(),
                invalid: Vec::new(),
                held: Embedded::default(),
                watched: Embedded::default(),
            }),
        }));
        // SAFETY: once, with the GIL held.
        unsafe {
            TRACER = Some(t);
            embedded::install();
        }
        interpreter::code_data::set_threshold(policy.loop_threshold.min(i32::MAX as u32) as i32);
        interpreter::jit::set_jit(Some(t));
    }

    /// The state. Not to be held across anything that runs Python.
    #[allow(clippy::mut_from_ref)]
    fn state(&self) -> &mut State {
        // SAFETY: the GIL is held, and no caller keeps the reference while Python runs.
        unsafe { &mut *self.state.get() }
    }
}

/// A copy of the counters, if a tracer is installed.
pub fn statistics() -> Option<Statistics> {
    // SAFETY: with the GIL held, or after Python has ended.
    unsafe { TRACER }.map(|t| {
        let t = t.state();
        Statistics {
            embedded: t.compilations.iter().map(|(_, c)| c.embedded.len()).sum(),
            ..t.statistics.clone()
        }
    })
}

/// What came of failing every guard, where that was asked for.
pub fn forced() -> Option<Report> {
    // SAFETY: with the GIL held, or after Python has ended.
    unsafe { TRACER }.and_then(|t| t.state().forced.as_ref().map(|forced| forced.report()))
}

/// Completes the dump, if there is one. For the end of the process: after Python was finalized.
pub fn finish_dump() {
    // SAFETY: Python has ended, nothing else runs.
    if let Some(t) = unsafe { TRACER } {
        let t = t.state();
        let counts: Vec<u32> = t.exits.iter().map(|e| e.count).collect();
        if let Some(dump) = &mut t.dump {
            dump.finish(&counts);
        }
    }
}

/// Stops or resumes recording and entering traces.
pub fn set_enabled(enabled: bool) {
    // SAFETY: the GIL is held.
    if let Some(t) = unsafe { TRACER } {
        t.state().enabled = enabled;
    }
}

impl Jit for Tracer {
    fn loop_edge(&self, d: &mut Direct, cell: &mut LoopCell) -> Flow {
        let t = self.state();
        // Compiled code makes objects later than the program does, and does not show each instruction that allocates: tracemalloc would
        // name other lines.
        // SAFETY: the GIL is held.
        if !t.enabled || unsafe { tracemalloc::is_on() } {
            cell.counter = t.policy.loop_threshold as i32;
            return Flow::Next;
        }
        if cell.tracer == 0 {
            // SAFETY: the machine's frame is live.
            let code = unsafe { (*d.frame).f_code };
            let Some(state) = t.loop_at(code, cell.header) else {
                cell.counter = t.policy.loop_threshold as i32;
                return Flow::Next;
            };
            cell.tracer = state + 1;
        }
        let state = cell.tracer - 1;
        if let Some(flow) = self.beside_comparison(d, state) {
            return flow;
        }
        let t = self.state();
        if let Some(trace) = t.loops[state].trace {
            return self.run(d, trace);
        }
        let l = &mut t.loops[state];
        if std::mem::take(&mut l.restart) {
            let doublings = l.invalidations.min(MOST_DOUBLINGS);
            cell.counter = (t.policy.loop_threshold as i32).saturating_mul(1 << doublings) | 1;
            return Flow::Next;
        }
        cell.counter = t.policy.loop_threshold as i32;
        if t.recording {
            return Flow::Next;
        }
        let l = &t.loops[state];
        let chosen = |only: &Only| only.has_place(&crate::dump::place(l.code, l.header));
        if l.failures >= t.policy.max_failures || !t.policy.only.is_none_or(chosen) {
            cell.counter = i32::MAX;
            return Flow::Next;
        }
        let standby = self.stand_by_loop(d, state);
        let flow = self.record(d, Goal::Loop { state }, standby);
        let t = self.state();
        let l = &t.loops[state];
        cell.counter = match l.trace {
            Some(_) => -1,
            None if t.forced.as_mut().is_some_and(|forced| forced.take_practised(state)) => 1,
            None if l.failures >= t.policy.max_failures => {
                t.statistics.blacklisted += 1;
                i32::MAX
            }
            // Back off, by an odd amount.
            None => (t.policy.loop_threshold as i32).saturating_mul(1 << l.failures) | 1,
        };
        flow
    }

    fn code_dropped(&self, data: &CodeData) {
        let t = self.state();
        let code = data.code as usize;
        if t.recording {
            t.died.push(code);
        }
        t.infos.remove(&code);
        t.invalidate(code);
        for inliner in t.inliners.remove(&code).unwrap_or_default() {
            t.invalidate_inliner(inliner);
        }
        for inliners in t.inliners.values_mut() {
            inliners.retain(|&inliner| inliner != code);
        }
        for cell in &data.loops {
            if cell.tracer != 0 && t.loops.contains(cell.tracer - 1) {
                let l = t.loops.remove(cell.tracer - 1);
                t.by_header.remove(&(l.code as usize, l.header));
            }
        }
        // Also while other traces run.
        self.let_go();
        self.release_invalid();
    }
}

/// Whether there is memory for one entry more. Growing itself has no way to fail.
fn may_grow<T>(all: &Slab<T>) -> bool {
    all.len() < all.capacity()
        || allocator::is_available(2 * all.capacity() * (size_of::<T>() + size_of::<usize>()))
}

impl State {
    /// What is known of a live code object's shape. `None` without memory: what stays is not put into the allocator's reserve.
    fn info(&mut self, code: *mut PyCodeObject) -> Option<&mut CodeInfo> {
        if !self.infos.contains_key(&(code as usize)) {
            if allocator::is_short() || allocator::fallible(|| self.infos.try_reserve(1)).is_err() {
                return None;
            }
            self.infos.insert(code as usize, CodeInfo::new(code));
        }
        self.infos.get_mut(&(code as usize))
    }

    /// The number of the loop with this header. `None` without memory.
    fn loop_at(&mut self, code: *mut PyCodeObject, header: u32) -> Option<usize> {
        let end = self.info(code)?.loops.get(&header).copied().unwrap_or(header);
        if !may_grow(&self.loops) || allocator::fallible(|| self.by_header.try_reserve(1)).is_err() {
            return None;
        }
        let state = *self.by_header.entry((code as usize, header)).or_insert_with(|| {
            self.loops.insert(LoopState {
                code,
                header,
                end,
                trace: None,
                failures: 0,
                retries: 0,
                invalidations: 0,
                restart: false,
            })
        });
        Some(state)
    }

    /// The loop with a trace at this instruction.
    fn compiled_at(&self, code: *mut PyCodeObject, instruction: u32) -> Option<usize> {
        let l = *self.by_header.get(&(code as usize, instruction))?;
        self.loops[l].trace.map(|_| l)
    }

    fn next_random(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random
    }
}
