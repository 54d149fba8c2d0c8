//! The tracer at work: decides what is recorded, compiles it, runs it, handles exits, grows bridges.
//!
//! The interpreter calls [`Tracer::loop_edge`] when a loop's counter has run out, or at each turn once it has a trace. All state belongs to
//! the GIL. Compiled code may run Python, which may come back here: so no reference into the tracer's state is held across a run.

use crate::abort::Abort;
use crate::code_info::CodeInfo;
use crate::exits::{self, Rebuilt};
use crate::layout;
use crate::optimizer::{Condition, Env, Header, HelperIds, condition, peel};
use crate::packed::Packed;
use crate::recorder::{After, Recorder, Recording};
use crate::runtime;
use crate::statistics::Statistics;
use crate::versions::GuardedVersion;
use capi::sys::{self, PyCodeObject, PyObject};
use fxhash::FxHashMap;
use interpreter::code_data::{CodeData, LoopCell};
use interpreter::direct::Direct;
use interpreter::dispatch;
use interpreter::jit::Jit;
use interpreter::machine::Flow;
use interpreter::opcode;
use slab::Slab;
use std::cell::UnsafeCell;
use std::ffi::CStr;
use std::time::Instant;
use traces::codegen::{
    Backend, CompileError, Compiled, ExitId, ExitState, Location, Request, Runtime, Target,
};
use traces::{OpCode, Resume, SnapId, Snapshot, Trace, Type, Val, verify};

/// How the tracer behaves; all are set by the executable's options.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// Turns after which a loop is recorded.
    pub loop_threshold: u32,
    /// Times after which an exit grows a bridge.
    pub exit_threshold: u32,
    /// Recorded ops at which a recording is given up.
    pub max_ops: usize,
    /// Frames that are inlined into each other.
    pub max_depth: usize,
    /// Failures after which a loop or exit is left alone.
    pub max_failures: u32,
    /// Traces and bridges to compile at most.
    pub max_traces: u64,
    /// Everything is checked, and exits are taken on purpose.
    pub stress: bool,
    /// Called once, before the first trace is compiled. Must not run Python.
    pub before_first_trace: Option<fn()>,
}

impl Default for Policy {
    fn default() -> Policy {
        // Odd numbers, so that loops of round length are not always caught at the same turn.
        Policy {
            loop_threshold: 127,
            exit_threshold: 23,
            max_ops: 6000,
            max_depth: 8,
            max_failures: 5,
            max_traces: u64::MAX,
            stress: false,
            before_first_trace: None,
        }
    }
}

/// What the driver knows of a loop (found through its cell).
struct LoopState {
    code: *mut PyCodeObject,
    header: u32,
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
    /// Its exits are in `packed`.
    compiled: Compiled,
    packed: Packed,
    /// The contract of its label.
    header: Option<Header>,
    /// Kept as long as the trace: what it embeds.
    embedded: Vec<*mut PyObject>,
    code: *mut PyCodeObject,
    /// Of which loop it is the root.
    loop_state: Option<usize>,
    /// The exit that it continues.
    bridge_of: Option<u32>,
    /// The trace to whose label or entry it jumps.
    jumps_to: Option<usize>,
    worth: Worth,
}

/// Whether a loop's trace is worth entering.
#[derive(Clone, Copy, Default)]
struct Worth {
    entries: u32,
    /// Exits to an instruction inside the loop that grow no bridge: the next turn enters again.
    thrashes: u32,
    samples: u32,
    sampled_ns: u64,
}

/// Each time that a loop or bridge was invalidated doubles what is waited for the next recording, up to so many times.
const MOST_DOUBLINGS: u32 = 10;
/// After so many times it is not recorded any more.
const MOST_INVALIDATIONS: u32 = 20;

/// Every so many entries the time until the exit is taken.
const SAMPLE: u32 = 16;
/// So many exits back into the loop, most of the entries, each after less than this time: entering costs more than it gives.
const THRASHES: u32 = 1500;
/// See `THRASHES`.
const SHORT_RUN_NS: u64 = 700;

impl Worth {
    fn is_bad(&self) -> bool {
        self.thrashes > THRASHES
            && self.thrashes > self.entries / 2
            && self.samples > 0
            && self.sampled_ns / u64::from(self.samples) < SHORT_RUN_NS
    }
}

/// One side exit.
struct Exit {
    compilation: usize,
    snapshot: SnapId,
    /// The exit's place among those of its trace.
    index: usize,
    after: After,
    /// What is known because the guard failed.
    condition: Option<Condition>,
    /// The version that the guard compares.
    version: Option<Box<GuardedVersion>>,
    count: u32,
    failures: u32,
    /// Times that its bridge was invalidated.
    invalidations: u32,
    may_bridge: bool,
    /// Where the outermost frame goes on; `None` when it is in an inlined call.
    outer: Option<u32>,
    /// Unpacked, once it is seen to be taken often.
    unpacked: Option<Box<(Snapshot, Vec<Location>)>>,
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

struct State {
    backend: Box<dyn Backend>,
    policy: Policy,
    env: Env,
    loops: Slab<LoopState>,
    by_header: FxHashMap<(usize, u32), usize>,
    compilations: Slab<Compilation>,
    exits: Vec<Exit>,
    infos: FxHashMap<usize, CodeInfo>,
    statistics: Statistics,
    recording: bool,
    enabled: bool,
    rebuilt: Option<Rebuilt>,
    dump: Option<Box<dyn Dump>>,
    random: u64,
    /// Inlined code object -> code objects whose traces contain it.
    inliners: FxHashMap<usize, Vec<usize>>,
    /// Runs of compiled code that have not ended.
    active: usize,
    /// Traces that are not entered any more, whose code is given back when no run is active.
    invalid: Vec<usize>,
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

/// Counts down the instructions to the next exit that stress mode takes on purpose.
pub static STRESS_COUNTDOWN: std::sync::atomic::AtomicI64 = std::sync::atomic::AtomicI64::new(i64::MAX);

/// Times after which an exit's snapshot stays unpacked.
const OFTEN: u32 = 30;

/// Called by compiled code when an exit is taken, while its native frame stands.
unsafe extern "C" fn on_exit(exit: u32, state: *const ExitState) -> usize {
    let t = tracer().state();
    let e = &mut t.exits[exit as usize];
    let c = &t.compilations[e.compilation];
    let unpacked = e.unpacked.take().unwrap_or_else(|| {
        let (snapshot, _) = c.packed.snapshot(e.snapshot);
        let locations = c.packed.locations(e.index, &snapshot);
        Box::new((snapshot, locations))
    });
    // SAFETY: called from the exit `exit` of that compilation.
    t.rebuilt = Some(unsafe { exits::rebuild(&unpacked.0, &unpacked.1, &*state) });
    if e.count >= OFTEN {
        e.unpacked = Some(unpacked);
    }
    exit as usize
}

unsafe extern "C" fn int_value_slow(o: *mut PyObject, fits: *mut i32) -> i64 {
    // SAFETY: compiled code passes an exact int and a place on its stack.
    unsafe {
        let value = capi::long::as_i64(o);
        *fits = i32::from(value.is_some());
        value.unwrap_or(0)
    }
}

unsafe extern "C" fn new_int(value: i64) -> *mut PyObject {
    // SAFETY: the GIL is held.
    unsafe { sys::PyLong_FromLongLong(value) }
}

unsafe extern "C" fn new_float(value: f64) -> *mut PyObject {
    // SAFETY: the GIL is held.
    unsafe { sys::PyFloat_FromDouble(value) }
}

/// What the backend has to know of CPython.
pub fn runtime_addresses() -> Runtime {
    use std::mem::offset_of;
    let small = capi::long::small(-5) as usize;
    // SAFETY: the GIL is held at start-up; the interpreter's state stays where it is.
    let floats = unsafe { &raw mut (*(*sys::PyThreadState_Get()).interp).float_state };
    Runtime {
        on_exit,
        refcnt_offset: offset_of!(PyObject, ob_refcnt) as i32,
        type_offset: offset_of!(PyObject, ob_type) as i32,
        int_size_offset: offset_of!(sys::PyLongObject, ob_base.ob_size) as i32,
        int_digit_offset: offset_of!(sys::PyLongObject, ob_digit) as i32,
        float_value_offset: offset_of!(sys::PyFloatObject, ob_fval) as i32,
        true_object: (&raw const sys::_Py_TrueStruct) as usize,
        false_object: (&raw const sys::_Py_FalseStruct) as usize,
        int_value_slow: int_value_slow as *const () as usize,
        new_int: new_int as *const () as usize,
        small_ints: small,
        small_int_min: -5,
        small_int_count: 262,
        small_int_size: size_of::<sys::PyLongObject>() as i64,
        new_float: new_float as *const () as usize,
        // SAFETY: as above.
        float_free_list: unsafe { (&raw mut (*floats).free_list) as usize },
        // SAFETY: as above.
        float_free_count: unsafe { (&raw mut (*floats).numfree) as usize },
        float_free_max: 100,
        float_type: (&raw const sys::PyFloat_Type) as usize,
        dealloc: sys::_Py_Dealloc as *const () as usize,
    }
}

fn environment() -> Env {
    Env {
        int_type: (&raw const sys::PyLong_Type) as usize,
        float_type: (&raw const sys::PyFloat_Type) as usize,
        bool_type: (&raw const sys::PyBool_Type) as usize,
        true_object: (&raw const sys::_Py_TrueStruct) as usize,
        false_object: (&raw const sys::_Py_FalseStruct) as usize,
        is_leaf: layout::is_leaf,
        drops_licences: true,
        keeps_class: layout::keeps_class,
        type_of: layout::type_of,
        payload_of: layout::payload_of,
        refcnt: std::mem::offset_of!(PyObject, ob_refcnt) as i32,
        localsplus: std::mem::offset_of!(sys::_PyInterpreterFrame, localsplus) as i32,
        prev_instr: std::mem::offset_of!(sys::_PyInterpreterFrame, prev_instr) as i32,
        frame_obj: std::mem::offset_of!(sys::_PyInterpreterFrame, frame_obj) as i32,
        frame_func: layout::FRAME_FUNC as i32,
        first_unit: layout::FIRST_UNIT,
        helpers: HelperIds {
            push_frame: runtime::PUSH_FRAME,
            pop_frame: runtime::POP_FRAME,
            stealing: (runtime::CALL_FUNCTION[0], runtime::CALL_FUNCTION[4]),
        },
    }
}

impl Tracer {
    /// Makes the tracer and installs it in the evaluator. Once, with the GIL held.
    pub fn install(backend: Box<dyn Backend>, policy: Policy, dump: Option<Box<dyn Dump>>) {
        let t: &'static Tracer = Box::leak(Box::new(Tracer {
            state: UnsafeCell::new(State {
                backend,
                policy,
                env: environment(),
                loops: Slab::new(),
                by_header: Default::default(),
                compilations: Slab::new(),
                exits: Vec::new(),
                infos: Default::default(),
                statistics: Statistics::default(),
                recording: false,
                enabled: true,
                rebuilt: None,
                dump,
                random: 0x9e37_79b9_7f4a_7c15,
                inliners: Default::default(),
                active: 0,
                invalid: Vec::new(),
            }),
        }));
        // SAFETY: once, with the GIL held.
        unsafe { TRACER = Some(t) };
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
    unsafe { TRACER }.map(|t| t.state().statistics.clone())
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

/// Whether a code object names this global or attribute.
fn uses_name(code: *mut PyCodeObject, name: &CStr) -> bool {
    // SAFETY: a live code object's names are a tuple of strings; comparing them runs nothing and can't fail.
    unsafe {
        let names = (*code).co_names;
        (0..sys::PyTuple_Size(names)).any(|i| {
            sys::PyUnicode_CompareWithASCIIString(sys::PyTuple_GetItem(names, i), name.as_ptr()) == 0
        })
    }
}

fn may_inline(code: *mut PyCodeObject, depth: usize) -> bool {
    let t = tracer().state();
    let info = t.infos.entry(code as usize).or_insert_with(|| CodeInfo::new(code));
    depth < t.policy.max_depth && info.loops.is_empty() && !info.no_inline
}

impl Jit for Tracer {
    fn loop_edge(&self, d: &mut Direct, cell: &mut LoopCell) -> Flow {
        let t = self.state();
        if !t.enabled {
            cell.counter = t.policy.loop_threshold as i32;
            return Flow::Next;
        }
        if cell.tracer == 0 {
            // SAFETY: the machine's frame is live.
            let code = unsafe { (*d.frame).f_code };
            cell.tracer = t.loop_at(code, cell.header) + 1;
        }
        let state = cell.tracer - 1;
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
        if t.loops[state].failures >= t.policy.max_failures {
            cell.counter = i32::MAX;
            return Flow::Next;
        }
        let flow = self.record(d, Goal::Loop { state });
        let t = self.state();
        let l = &t.loops[state];
        cell.counter = match l.trace {
            Some(_) => -1,
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
        t.infos.remove(&code);
        t.invalidate(code);
        for inliner in t.inliners.remove(&code).unwrap_or_default() {
            t.invalidate(inliner);
        }
        for cell in &data.loops {
            if cell.tracer != 0 && t.loops.contains(cell.tracer - 1) {
                let l = t.loops.remove(cell.tracer - 1);
                t.by_header.remove(&(l.code as usize, l.header));
            }
        }
        self.release_invalid();
    }
}

impl Tracer {
    /// Gives back the code of traces that are not entered any more, once none can be running.
    fn release_invalid(&self) {
        let t = self.state();
        if t.active > 0 || t.recording || t.invalid.is_empty() {
            return;
        }
        let mut embedded = Vec::new();
        for i in std::mem::take(&mut t.invalid) {
            let c = t.compilations.remove(i);
            t.backend.release(&c.compiled);
            t.statistics.dropped += 1;
            embedded.extend(c.embedded);
        }
        for o in embedded {
            // SAFETY: the trace held a reference. May run Python: nothing of the state is borrowed any more.
            unsafe { capi::refs::decref(o) };
        }
    }
}

impl State {
    fn loop_at(&mut self, code: *mut PyCodeObject, header: u32) -> usize {
        *self.by_header.entry((code as usize, header)).or_insert_with(|| {
            self.loops.insert(LoopState {
                code,
                header,
                trace: None,
                failures: 0,
                retries: 0,
                invalidations: 0,
                restart: false,
            })
        })
    }

    /// Notes how a run of a loop's trace went; a loop that is left again and again after a short run is not entered any more.
    fn weigh(&mut self, trace: usize, exit: u32, sampled: Option<u64>) {
        let e = &self.exits[exit as usize];
        let (outer, grows) = (e.outer, e.may_bridge);
        let Some(c) = self.compilations.get_mut(trace) else { return };
        if let Some(ns) = sampled {
            c.worth.samples += 1;
            c.worth.sampled_ns += ns;
        }
        if grows {
            return;
        }
        let code = c.code as usize;
        let Some(l) = c.loop_state.and_then(|state| self.loops.get_mut(state)) else { return };
        let end = self.infos.get(&code).and_then(|info| info.loops.get(&l.header)).copied().unwrap_or(0);
        if outer.is_none_or(|instr| (l.header..=end).contains(&instr)) {
            c.worth.thrashes += 1;
            if c.worth.is_bad() {
                l.trace = None;
                l.failures = self.policy.max_failures;
                self.statistics.blacklisted += 1;
            }
        }
    }

    /// No trace of this code object is entered any more.
    fn invalidate(&mut self, code: usize) {
        for (i, c) in self.compilations.iter() {
            if c.code as usize == code && !self.invalid.contains(&i) {
                self.invalid.push(i);
            }
        }
        for (_, l) in self.loops.iter_mut() {
            if l.code as usize == code {
                l.trace = None;
            }
        }
    }

    /// Neither this trace, one of whose guards can't hold any more, nor any that needs it is entered again: bridges on its exits,
    /// traces that jump to it. What one of them was a bridge of exits to the interpreter again.
    fn invalidate_outdated(&mut self, trace: usize) {
        self.statistics.invalidations += 1;
        let mut found = vec![trace];
        let mut next = 0;
        while let Some(&number) = found.get(next) {
            next += 1;
            for (i, c) in self.compilations.iter() {
                let hangs_on = c.bridge_of.is_some_and(|e| self.exits[e as usize].compilation == number);
                if (hangs_on || c.jumps_to == Some(number)) && !found.contains(&i) {
                    found.push(i);
                }
            }
        }
        for i in found {
            if self.invalid.contains(&i) {
                continue;
            }
            self.invalid.push(i);
            let c = &self.compilations[i];
            if let Some(exit) = c.bridge_of {
                self.backend.unpatch_exit(ExitId(exit));
                let e = &mut self.exits[exit as usize];
                e.count = 0;
                e.invalidations += 1;
                e.may_bridge = e.invalidations < MOST_INVALIDATIONS;
            }
            let l = c.loop_state.and_then(|state| self.loops.get_mut(state));
            if let Some(l) = l.filter(|l| l.trace == Some(i)) {
                l.trace = None;
                l.invalidations += 1;
                if l.invalidations >= MOST_INVALIDATIONS {
                    l.failures = self.policy.max_failures;
                    self.statistics.blacklisted += 1;
                }
                let (code, header, invalidations) = (l.code, l.header, l.invalidations);
                self.restart(code, header, invalidations);
            }
        }
    }

    /// A loop's counter starts again, and those of the loops around it, which can't be recorded without it.
    fn restart(&mut self, code: *mut PyCodeObject, header: u32, invalidations: u32) {
        let info = self.infos.get(&(code as usize));
        for (_, l) in self.loops.iter_mut().filter(|(_, l)| l.code == code && l.trace.is_none()) {
            let end = info.and_then(|info| info.loops.get(&l.header)).copied().unwrap_or(l.header);
            if (l.header..=end).contains(&header) {
                l.invalidations = l.invalidations.max(invalidations);
                (l.restart, l.retries) = (true, 0);
            }
        }
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

impl Tracer {
    /// Runs compiled code from the header at which `d` stands.
    fn run(&self, d: &mut Direct, trace: usize) -> Flow {
        let t = self.state();
        let entry = t.compilations[trace].compiled.entry;
        let enter = t.backend.enter();
        t.statistics.entries += 1;
        if t.policy.stress {
            let turns = (t.next_random() % 97) as i64 + 1;
            STRESS_COUNTDOWN.store(turns, std::sync::atomic::Ordering::Relaxed);
        }
        t.active += 1;
        let worth = &mut t.compilations[trace].worth;
        worth.entries = worth.entries.wrapping_add(1);
        let sampled = worth.entries.is_multiple_of(SAMPLE).then(Instant::now);
        // SAFETY: the frame is the current one and stands at the trace's header; the frame holds the code and so the trace.
        let exit = unsafe { enter(entry, d.frame.cast(), d.tstate.cast()) } as u32;
        self.state().weigh(trace, exit, sampled.map(|start| start.elapsed().as_nanos() as u64));
        let flow = self.leave(d, exit);
        self.state().active -= 1;
        self.release_invalid();
        flow
    }

    /// Goes on after an exit: `exits::rebuild` has put the frames right.
    fn leave(&self, d: &mut Direct, exit: u32) -> Flow {
        let t = self.state();
        let rebuilt = t.rebuilt.take().expect("an exit rebuilds");
        let e = &mut t.exits[exit as usize];
        e.count += 1;
        let after = e.after;
        let threshold = t.policy.exit_threshold.saturating_mul(1 << e.invalidations.min(MOST_DOUBLINGS));
        let hot = e.may_bridge && e.count >= threshold;
        let resume = rebuilt.resume;
        let kind = match (resume, after) {
            (Resume::Raise, _) => 1,
            (Resume::Dying { .. }, _) => 2,
            (_, After::ServeBreaker { .. }) => 3,
            _ => 0,
        };
        t.statistics.exits[kind] += 1;
        // SAFETY: the exit made the innermost rebuilt frame the current one.
        unsafe { d.switch_to_frame((*(*d.tstate).cframe).current_frame) };
        let unit = |lasti: u32| {
            // SAFETY: the machine's frame is live.
            unsafe { capi::frame::first_instruction((*d.frame).f_code).add(lasti as usize) }
        };
        match (resume, after) {
            (Resume::Raise, _) => return Flow::Raise,
            (Resume::Dying { lasti, .. }, _) => {
                let shown = unit(lasti);
                let object = rebuilt.dying.expect("a dying exit has an object");
                // SAFETY: its last reference was dropped by the trace; frames show the instruction that dropped it.
                unsafe {
                    (*d.frame).prev_instr = shown;
                    sys::_Py_Dealloc(object);
                }
            }
            (_, After::ServeBreaker { lasti }) => {
                let shown = unit(lasti);
                // SAFETY: as above.
                unsafe { (*d.frame).prev_instr = shown };
                return interpreter::eval_breaker::serve(d.tstate, d.frame);
            }
            (_, After::DropTop { lasti }) => {
                let shown = unit(lasti);
                // SAFETY: the value on top is owned by the stack.
                unsafe {
                    (*d.frame).prev_instr = shown;
                    d.sp = d.sp.sub(1);
                    capi::refs::decref(*d.sp);
                }
            }
            _ => {}
        }
        // SAFETY: the running thread's cframe.
        if unsafe { (*(*d.tstate).cframe).use_tracing } != 0 {
            return Flow::HandOverNext;
        }
        let t = self.state();
        if hot && t.enabled && !t.recording && after == After::Nothing && resume == Resume::Execute {
            let e = &t.exits[exit as usize];
            if t.invalid.contains(&e.compilation) {
                return Flow::Next;
            }
            // SAFETY: the exit's trace is given back only when no run is active, and this one is; the GIL is held.
            if e.version.as_ref().is_some_and(|version| unsafe { version.is_outdated() }) {
                t.invalidate_outdated(e.compilation);
                return Flow::Next;
            }
            return self.record(d, Goal::Bridge { exit });
        }
        Flow::Next
    }

    /// Records, optimizes, compiles, installs. On return `d` stands where execution goes on.
    fn record(&self, d: &mut Direct, goal: Goal) -> Flow {
        let t = self.state();
        t.recording = true;
        let started = Instant::now();
        let (chain, code, header) = match goal {
            Goal::Loop { state } => (1, t.loops[state].code, t.loops[state].header),
            Goal::Bridge { exit } => {
                let e = &t.exits[exit as usize];
                let c = &t.compilations[e.compilation];
                (c.packed.frames(e.snapshot), c.code, u32::MAX)
            }
        };
        let extent = match goal {
            Goal::Loop { .. } => {
                let info = t.infos.entry(code as usize).or_insert_with(|| CodeInfo::new(code));
                info.loops.get(&header).copied()
            }
            Goal::Bridge { .. } => None,
        };
        // SAFETY: `d` stands at an instruction boundary; the exit rebuilt `chain` frames.
        let mut r = unsafe { Recorder::new(d, chain, may_inline) };
        let start_instruction = r.frames.last().map_or(0, |f| f.instr);
        // Asked for now: the code object may be gone when the recording ends.
        // SAFETY: the recorder's frames are live.
        let place = r
            .frames
            .last()
            .filter(|_| log::log_enabled!(log::Level::Debug))
            .map(|f| crate::dump::place(unsafe { (*f.frame).f_code }, f.instr));
        let (flow, outcome) = self.record_instructions(&mut r, header, extent);
        let (outcome, recording) = match outcome {
            Outcome::Failed(abort) => (Err(abort), None),
            other => {
                r.finish();
                (Ok(other), Some(r.into_recording()))
            }
        };
        let t = self.state();
        t.recording = false;
        t.statistics.recording_ns += started.elapsed().as_nanos() as u64;
        let result = outcome.and_then(|o| {
            t.install(recording.expect("recorded"), goal, code, start_instruction, &o, d.frame)
        });
        if let Err(abort) = result {
            if let Some(place) = place {
                let what = if matches!(goal, Goal::Loop { .. }) { "loop" } else { "bridge" };
                log::debug!(
                    "{what} in {}, {}:{} given up: {}",
                    place.function,
                    place.file,
                    place.line,
                    abort.text()
                );
            }
            t.failed(goal, abort);
        }
        flow
    }

    fn record_instructions(&self, r: &mut Recorder<'_>, header: u32, extent: Option<u32>) -> (Flow, Outcome) {
        let mut first = true;
        let mut edges: Vec<usize> = Vec::new();
        let policy = self.state().policy;
        let mut inlined: FxHashMap<usize, u32> = Default::default();
        loop {
            if policy.stress
                && let Err(e) = r.check()
            {
                panic!("coluber: the recorder's frames differ from the interpreter's: {e}");
            }
            let edge = r.edge.take();
            let next = r.next_instruction() as u32;
            if r.frames.len() == 1 && !first {
                let code = r.frames[0].code;
                if next == header {
                    return (Flow::Next, Outcome::Closed);
                }
                if let Some(l) = self.state().compiled_at(code, next) {
                    return (Flow::Next, Outcome::Reached(l));
                }
                if extent.is_some_and(|end| next < header || next > end) {
                    return (Flow::Next, Outcome::Failed(Abort::LeftLoop));
                }
                if let Some(edge) = edge {
                    // Another loop's turn: an inner one has to be compiled first, an outer one is gone through once.
                    if extent.is_some() || edges.contains(&edge) {
                        return (Flow::Next, Outcome::Failed(Abort::InnerLoop));
                    }
                    edges.push(edge);
                }
            }
            r.begin();
            if policy.stress && !first {
                r.stress_exit(&STRESS_COUNTDOWN);
            }
            first = false;
            let here = r.d.ip;
            let (opcode, arg) = r.d.fetch();
            let leaves = u32::from(opcode) == sys::RETURN_VALUE && r.frames.len() == 1;
            if leaves || !dispatch::is_traceable(opcode) {
                r.d.ip = here;
                // SAFETY: the machine's frame is live.
                unsafe { (*r.d.frame).prev_instr = here.sub(1) };
                let outcome = match (leaves, extent) {
                    (true, None) => Outcome::Left,
                    (true, _) => Outcome::Failed(Abort::Returned),
                    _ => {
                        log::debug!("recording stops at {}", opcode::NAMES[usize::from(opcode)]);
                        Outcome::Failed(Abort::Opcode)
                    }
                };
                return (Flow::Next, outcome);
            }
            r.fetched(opcode, arg);
            if r.frames.len() > 1 {
                *inlined.entry(r.frames[1].code as usize).or_default() += 1;
            }
            let flow = dispatch::step(r, opcode, arg);
            r.end();
            if let Some(abort) = r.abort {
                return (flow, Outcome::Failed(abort));
            }
            if flow != Flow::Next {
                return (flow, Outcome::Failed(Abort::Raised));
            }
            if r.frames.last().is_none_or(|f| f.frame != r.d.frame) {
                return (flow, Outcome::Failed(Abort::FrameChanged));
            }
            if r.rec.raw.ops.len() > policy.max_ops {
                // The next recording calls what took most of this one.
                if let Some((&code, _)) = inlined.iter().max_by_key(|(_, n)| **n)
                    && let Some(info) = self.state().infos.get_mut(&code)
                {
                    info.no_inline = true;
                }
                return (flow, Outcome::Failed(Abort::TooLong));
            }
        }
    }
}

impl State {
    fn failed(&mut self, goal: Goal, abort: Abort) {
        self.statistics.aborts[abort as usize] += 1;
        match goal {
            Goal::Loop { state } => {
                let l = &mut self.loops[state];
                l.retries += 1;
                // Leaving a loop by its end, and an inner loop that is not ready yet, are bad luck rather than failures.
                let luck = matches!(abort, Abort::LeftLoop | Abort::InnerLoop | Abort::Returned);
                if !luck || l.retries > 20 {
                    l.failures += 1;
                }
            }
            Goal::Bridge { exit } => {
                let e = &mut self.exits[exit as usize];
                e.failures += 1;
                e.count = 0;
                if e.failures >= self.policy.max_failures {
                    e.may_bridge = false;
                }
            }
        }
    }

    /// Locals that some path of this loop stores and that are numbers nobody else has now: the loop had better have them unboxed,
    /// lest a path that was not recorded builds a box in each turn.
    fn unboxable(
        &self,
        code: *mut PyCodeObject,
        header: u32,
        frame: *mut sys::_PyInterpreterFrame,
    ) -> Vec<(usize, Type)> {
        let end = self.infos.get(&(code as usize)).and_then(|i| i.loops.get(&header)).copied().unwrap_or(0);
        let mut found: Vec<(usize, Type)> = Vec::new();
        // Who asks for addresses of objects could tell.
        if uses_name(code, c"id") {
            return found;
        }
        for i in opcode::instructions(code) {
            let inside = (header as usize..=end as usize).contains(&i.index);
            if !inside || u32::from(i.opcode) != sys::STORE_FAST || found.iter().any(|f| f.0 == i.arg) {
                continue;
            }
            // SAFETY: the frame is live and stands at the loop's header; a local is null or an object.
            unsafe {
                let o = *capi::frame::locals(frame).add(i.arg);
                if o.is_null() {
                    continue;
                }
                let ty = (*o).ob_type;
                let alone = (*o).ob_refcnt == 1;
                if ty == &raw mut sys::PyFloat_Type && alone {
                    found.push((i.arg, Type::Float));
                } else if ty == &raw mut sys::PyLong_Type
                    && capi::long::as_i64(o).is_some_and(|v| alone || (-5..=256).contains(&v))
                {
                    found.push((i.arg, Type::Int));
                }
            }
        }
        found
    }

    fn install(
        &mut self,
        mut recording: Recording,
        goal: Goal,
        code: *mut PyCodeObject,
        instruction: u32,
        outcome: &Outcome,
        frame: *mut sys::_PyInterpreterFrame,
    ) -> Result<(), Abort> {
        if self.statistics.traces + self.statistics.bridges >= self.policy.max_traces {
            return Err(Abort::Limit);
        }
        if let Goal::Bridge { exit } = goal
            && self.invalid.contains(&self.exits[exit as usize].compilation)
        {
            return Err(Abort::Invalidated);
        }
        if let Some(prepare) = self.policy.before_first_trace.take() {
            prepare();
        }
        let started = Instant::now();
        let helpers = runtime::helper_table();
        let raw = &recording.raw;
        if log::log_enabled!(log::Level::Trace) {
            log::trace!("recorded:\n{}", traces::text::print(raw));
        }
        let mut targets: Vec<Target> = Vec::new();
        let mut jumps_to = None;
        let (trace, header, origins, known, inputs) = match (goal, outcome) {
            (Goal::Loop { state }, Outcome::Closed) => {
                let unbox = self.unboxable(code, self.loops[state].header, frame);
                let l = peel::compile_loop(&self.env, raw, helpers, &unbox)?;
                (l.trace, Some(l.header), l.origins, l.known, Vec::new())
            }
            _ => {
                let end = match outcome {
                    Outcome::Reached(l) => {
                        let target = self.loops[*l].trace.expect("compiled");
                        jumps_to = Some(target);
                        let c = &self.compilations[target];
                        targets.push(Target { entry: c.compiled.entry, label: c.compiled.label.clone() });
                        match &c.header {
                            Some(h) => peel::End::Link(h),
                            None => peel::End::Entry,
                        }
                    }
                    _ => peel::End::Exit,
                };
                let left = match goal {
                    Goal::Bridge { exit } => {
                        let e = &self.exits[exit as usize];
                        Some(self.compilations[e.compilation].packed.snapshot(e.snapshot))
                    }
                    Goal::Loop { .. } => None,
                };
                let start = match (goal, &left) {
                    (Goal::Bridge { exit }, Some((snapshot, known))) => {
                        let e = &self.exits[exit as usize];
                        let values = &self.compilations[e.compilation].packed.values;
                        Some(peel::Start { values, snapshot, known, condition: e.condition })
                    }
                    _ => None,
                };
                let b = peel::compile_bridge(&self.env, raw, helpers, start, end)?;
                (b.trace, None, b.origins, b.known, b.inputs)
            }
        };
        if self.policy.stress || cfg!(debug_assertions) {
            let errors = verify::verify(&trace);
            if !errors.is_empty() {
                panic!(
                    "coluber: the optimizer made an ill-formed trace: {}\n{}\nfrom\n{}",
                    errors.join("; "),
                    traces::text::print(&trace),
                    traces::text::print(raw)
                );
            }
        }
        if log::log_enabled!(log::Level::Trace) {
            log::trace!("optimized, exits from {}:\n{}", self.exits.len(), traces::text::print(&trace));
        }
        let recorded_ops = raw.ops.len() as u64;
        if self.dump.is_none() {
            // Nobody else looks at it, and the backend needs memory, too.
            recording.raw = Trace::new(helpers);
        }
        let optimized = Instant::now();
        let input_locations: Vec<Location> = match goal {
            Goal::Bridge { exit } => {
                let e = &self.exits[exit as usize];
                let c = &self.compilations[e.compilation];
                let mut order: Vec<Val> = Vec::new();
                let (snapshot, _) = c.packed.snapshot(e.snapshot);
                snapshot.for_each_value(|v| order.push(v));
                let locations = c.packed.locations(e.index, &snapshot);
                inputs
                    .iter()
                    .map(|v| locations[order.iter().position(|w| w == v).expect("an exit's value")])
                    .collect()
            }
            Goal::Loop { .. } => Vec::new(),
        };
        let first_exit = self.exits.len() as u32;
        let request = Request {
            trace: &trace,
            inputs: &input_locations,
            first_exit: ExitId(first_exit),
            targets: &targets,
        };
        let mut compiled = self.backend.compile(&request).map_err(|e| match e {
            CompileError::CodeMemoryFull | CompileError::NoExecutableMemory => Abort::CodeMemory,
            CompileError::TooManySpills => Abort::TooManySpills,
        })?;
        let s = &mut self.statistics;
        s.optimizing_ns += (optimized - started).as_nanos() as u64;
        s.assembling_ns += optimized.elapsed().as_nanos() as u64;
        s.recorded_ops += recorded_ops;
        s.emitted_ops += trace.ops.len() as u64;
        s.recorded_bytecodes += u64::from(recording.bytecodes);
        s.code_bytes += compiled.size as u64;
        let number = self.compilations.vacant_key();
        for (index, op) in trace.ops.iter().filter(|op| op.code.is_guard()).enumerate() {
            let snapshot = op.snap;
            let after = recording.afters[origins[snapshot.0 as usize].0 as usize];
            let resume = trace.snapshots[snapshot.0 as usize].resume;
            self.exits.push(Exit {
                compilation: number,
                snapshot,
                index,
                after,
                condition: condition(&trace, op),
                version: GuardedVersion::of(&trace, op, &known[snapshot.0 as usize]).map(Box::new),
                count: 0,
                failures: 0,
                invalidations: 0,
                outer: match &trace.snapshots[snapshot.0 as usize].frames[..] {
                    [frame] => Some(frame.instr),
                    _ => None,
                },
                unpacked: None,
                may_bridge: after == After::Nothing
                    && resume == Resume::Execute
                    && op.code != OpCode::GuardClear
                    && op.code != OpCode::Exit,
            });
        }
        if let Some(dump) = &mut self.dump {
            let assembly = self.backend.disassemble(&compiled);
            dump.compiled(&Dumped {
                number,
                bridge_of: match goal {
                    Goal::Bridge { exit } => Some(exit),
                    Goal::Loop { .. } => None,
                },
                code,
                instruction: match goal {
                    Goal::Loop { state } => self.loops[state].header,
                    Goal::Bridge { .. } => instruction,
                },
                recorded: &recording.raw,
                optimized: &trace,
                assembly: &assembly,
                op_offsets: &compiled.op_offsets,
                first_exit,
            });
        }
        for &o in &recording.embedded {
            // SAFETY: live when recorded, moments ago; the GIL was held since by this thread or whoever dropped it.
            unsafe { capi::refs::incref(o) };
        }
        for &inlined in &recording.inlined {
            // SAFETY: a live code object, as above. Its data makes its death known.
            unsafe { interpreter::code_data::get_or_create(inlined) };
            let inliners = self.inliners.entry(inlined as usize).or_default();
            if inlined != code && !inliners.contains(&(code as usize)) {
                inliners.push(code as usize);
            }
        }
        let entry = compiled.entry;
        let guards = trace.ops.iter().filter(|op| op.code.is_guard()).map(|op| op.snap);
        let places = compiled.exits.iter().map(|places| &places[..]);
        let packed = Packed::new(&trace, &known, guards.zip(places));
        (compiled.exits, compiled.op_offsets) = (Vec::new(), Vec::new());
        self.compilations.insert(Compilation {
            compiled,
            packed,
            header,
            embedded: recording.embedded,
            code,
            loop_state: match goal {
                Goal::Loop { state } => Some(state),
                Goal::Bridge { .. } => None,
            },
            bridge_of: match goal {
                Goal::Loop { .. } => None,
                Goal::Bridge { exit } => Some(exit),
            },
            jumps_to,
            worth: Worth::default(),
        });
        match goal {
            Goal::Loop { state } => {
                self.loops[state].trace = Some(number);
                self.statistics.traces += 1;
            }
            Goal::Bridge { exit } => {
                self.backend.patch_exit(ExitId(exit), entry);
                self.exits[exit as usize].unpacked = None;
                self.statistics.bridges += 1;
            }
        }
        Ok(())
    }
}
