//! From a recording to machine code: optimizing, the backend, and what is kept for the exits.

use super::forced::Job;
use super::{Compilation, Dumped, Exit, Goal, Outcome, State, Worth};
use crate::abort::Abort;
use crate::optimizer::peel::Bridge;
use crate::optimizer::{Header, Known, condition, peel};
use crate::packed::Packed;
use crate::recorder::{After, Recording};
use crate::runtime;
use crate::versions::GuardedVersion;
use capi::sys::{self, PyCodeObject};
use fxhash::FxHasher;
use interpreter::opcode;
use std::ffi::CStr;
use std::hash::Hasher;
use std::time::{Duration, Instant};
use traces::codegen::{CompileError, ExitId, Location, Request, Target};
use traces::{OpCode, Resume, SnapId, Trace, Type, Val, verify};

/// After so many compilations, twice, four times … as many, idle memory is given back at once.
const MANY: u64 = 8;
/// Before a recording of more ops is optimized, too: that needs several hundred KiB.
const LARGE: usize = 2000;
/// After so long without one it is, too.
const PAUSE: Duration = Duration::from_millis(10);

/// What a recording was made into.
struct Made {
    trace: Trace,
    /// The contract of its label, if it is a loop.
    header: Option<Header>,
    /// For each snapshot the recorded one.
    origins: Vec<SnapId>,
    known: Known,
    /// Where the exit that it continues has its params.
    inputs: Vec<Location>,
    targets: Vec<Target>,
    /// The trace of the target.
    jumps_to: Option<usize>,
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

impl State {
    /// Locals that some path of this loop stores and that are numbers nobody else has now: the loop had better have them unboxed,
    /// lest a path that was not recorded builds a box in each turn.
    pub(super) fn unboxable(
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

    fn compiled(&self) -> u64 {
        self.statistics.traces + self.statistics.bridges
    }

    /// Gives back what start-up needed; then the tracer's code does not come on top.
    pub(super) fn before_recording(&mut self) {
        if !std::mem::replace(&mut self.has_recorded, true) {
            self.drop_idle();
            if let Some(expect_compiler) = self.policy.expect_compiler {
                expect_compiler();
            }
        }
    }

    /// Gives back what compiling needed, when there has been none for a while.
    pub(super) fn drop_after_pause(&mut self) {
        if self.compiled_at.is_some_and(|at| at.elapsed() >= PAUSE) {
            self.drop_idle();
        }
    }

    /// Calls [`Policy::drop_idle`](super::Policy::drop_idle).
    fn drop_idle(&mut self) {
        self.compiled_at = None;
        if let Some(drop_idle) = self.policy.drop_idle {
            drop_idle();
        }
    }

    /// Makes a trace of a recording.
    fn optimize(&self, recording: &Recording, goal: Goal, outcome: &Outcome) -> Result<Made, Abort> {
        let helpers = runtime::helper_table();
        let raw = &recording.raw;
        if let (Goal::Loop { .. }, Outcome::Closed) = (goal, outcome) {
            let l = peel::compile_loop(&self.env, raw, helpers, &recording.unboxable)?;
            return Ok(Made {
                trace: l.trace,
                header: Some(l.header),
                origins: l.origins,
                known: l.known,
                inputs: Vec::new(),
                targets: Vec::new(),
                jumps_to: None,
            });
        }
        let mut targets = Vec::new();
        let mut jumps_to = None;
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
                let packed = &self.compilations[e.compilation].packed;
                let (snapshot, known) = packed.snapshot(e.snapshot);
                Some((e, packed, snapshot, known))
            }
            Goal::Loop { .. } => None,
        };
        let start = left.as_ref().map(|(e, packed, snapshot, known)| peel::Start {
            values: &packed.values,
            snapshot,
            known,
            condition: e.condition,
        });
        let b = peel::compile_bridge(&self.env, raw, helpers, start, end)?;
        let mut inputs = Vec::new();
        if let Some((e, packed, snapshot, _)) = &left {
            let mut order: Vec<Val> = Vec::new();
            snapshot.for_each_value(|v| order.push(v));
            let locations = packed.locations(e.index, snapshot);
            let place = |v| locations[order.iter().position(|w| w == v).expect("an exit's value")];
            inputs.extend(b.inputs.iter().map(place));
        }
        let Bridge { trace, origins, known, .. } = b;
        Ok(Made { trace, header: None, origins, known, inputs, targets, jumps_to })
    }

    /// Optimizes a recording, compiles it and puts it where it belongs.
    pub(super) fn install(&mut self, job: Job) -> Result<(), Abort> {
        let Job { goal, outcome, code, instruction, mut recording } = job;
        if self.compiled() >= self.policy.max_traces {
            return Err(Abort::Limit);
        }
        if let Goal::Bridge { exit } = goal {
            if self.invalid.contains(&self.exits[exit as usize].compilation) {
                return Err(Abort::Invalidated);
            }
            if self.tree_of(exit) > self.policy.max_tree {
                self.exits[exit as usize].may_bridge = false;
                return Err(Abort::TreeFull);
            }
        }
        if recording.raw.ops.len() > LARGE {
            self.drop_idle();
        }
        let started = Instant::now();
        let raw = &recording.raw;
        if log::log_enabled!(log::Level::Trace) {
            log::trace!("recorded:\n{}", traces::text::print(raw));
        }
        let Made { trace, header, origins, known, inputs, targets, jumps_to } =
            self.optimize(&recording, goal, &outcome)?;
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
            log::trace!("optimized:\n{}", traces::text::print(&trace));
        }
        let number = self.statistics.traces + self.statistics.bridges + self.skipped + 1;
        if !self.policy.only.is_none_or(|only| only.has_number(number)) {
            self.skipped += 1;
            return Err(Abort::Limit);
        }
        let recorded_ops = raw.ops.len() as u64;
        if self.dump.is_none() {
            // Nobody else looks at it, and the backend needs memory, too.
            recording.raw = Trace::new(trace.helpers);
        }
        let optimized = Instant::now();
        let guards = trace.ops.iter().filter(|op| op.code.is_guard()).count();
        let first_exit = self.free_exits.take(guards as u32).unwrap_or(self.exits.len() as u32);
        let request =
            Request { trace: &trace, inputs: &inputs, first_exit: ExitId(first_exit), targets: &targets };
        let mut compiled = self.backend.compile(&request).map_err(|e| {
            if first_exit < self.exits.len() as u32 {
                self.free_exits.give(first_exit, guards as u32);
            }
            match e {
                CompileError::CodeMemoryFull | CompileError::NoExecutableMemory => Abort::CodeMemory,
                CompileError::TooManySpills => Abort::TooManySpills,
            }
        })?;
        let s = &mut self.statistics;
        s.optimizing_ns += (optimized - started).as_nanos() as u64;
        s.assembling_ns += optimized.elapsed().as_nanos() as u64;
        s.recorded_ops += recorded_ops;
        s.emitted_ops += trace.ops.len() as u64;
        s.recorded_bytecodes += u64::from(recording.bytecodes);
        s.code_bytes += compiled.size as u64;
        let number = self.compilations.vacant_key();
        let new = (first_exit as usize + guards).saturating_sub(self.exits.len());
        if self.exits.capacity() - self.exits.len() < new {
            // Doubling would need it thrice for a moment.
            self.exits.reserve_exact(new + self.exits.len() / 8);
        }
        for (index, op) in trace.ops.iter().filter(|op| op.code.is_guard()).enumerate() {
            let snapshot = op.snap;
            let after = recording.afters[origins[snapshot.0 as usize].0 as usize];
            let resume = trace.snapshots.resume(snapshot);
            let exit = Exit {
                compilation: number,
                snapshot,
                index,
                after,
                resume,
                at_end: origins[snapshot.0 as usize].0 as usize >= recording.ending,
                is_branch: matches!(op.code, OpCode::GuardTrue | OpCode::GuardFalse),
                condition: condition(&trace, op),
                version: GuardedVersion::of(&trace, op, known.at(snapshot)).map(Box::new),
                count: 0,
                failures: 0,
                invalidations: 0,
                outer: (trace.snapshots.depth(snapshot) == 1)
                    .then(|| trace.snapshots.frame(snapshot, 0).instr),
                unpacked: None,
                may_bridge: !recording.limits.contains(&origins[snapshot.0 as usize])
                    && after == After::Nothing
                    && resume == Resume::Execute
                    && op.code != OpCode::GuardClear
                    && op.code != OpCode::Exit,
            };
            match self.exits.get_mut(first_exit as usize + index) {
                Some(free) => *free = exit,
                None => self.exits.push(exit),
            }
        }
        if let Some(forced) = &mut self.forced {
            let guards = trace
                .ops
                .iter()
                .filter(|op| op.code.is_guard())
                .map(|op| (op.code.row().name, !recording.limits.contains(&origins[op.snap.0 as usize])));
            let at = crate::dump::place(code, instruction);
            let what = if matches!(goal, Goal::Loop { .. }) { "loop" } else { "bridge" };
            let place = format!("a {what} in {}, {}:{}", at.function, at.file, at.line);
            let mut hash = FxHasher::default();
            hash.write(traces::text::print(&trace).as_bytes());
            forced.add_guards(number, first_exit as usize, guards, place, hash.finish());
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
        let snapshots = trace.ops.iter().filter(|op| op.code.is_guard()).map(|op| op.snap);
        let places = compiled.exits.iter().map(|places| &places[..]);
        let packed = Packed::new(&trace, &known, snapshots.zip(places));
        (compiled.exits, compiled.op_offsets) = (Vec::new(), Vec::new());
        let bytes = compiled.size + packed.bytes();
        let root = match goal {
            Goal::Loop { .. } => number,
            Goal::Bridge { exit } => self.compilations[self.exits[exit as usize].compilation].root,
        };
        if let Some(root) = self.compilations.get_mut(root) {
            root.tree += bytes;
        }
        self.compilations.insert(Compilation {
            compiled,
            packed,
            exits: (first_exit, guards as u32),
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
            root,
            tree: bytes,
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
        // Less and less often, for it costs what compiling a small trace does.
        if self.compiled() >= MANY && self.compiled().is_power_of_two() {
            self.drop_idle();
        }
        self.compiled_at = Some(Instant::now());
        Ok(())
    }
}
