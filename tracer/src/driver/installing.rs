//! From a recording to machine code: optimizing, the backend, and what is kept for the exits.

use super::forced::Job;
use super::{Compilation, Dumped, Exit, Goal, Label, LoopState, Outcome, State, Worth, may_grow};
use crate::abort::{Abort, enough_memory};
use crate::optimizer::peel::Bridge;
use crate::optimizer::{Header, Known, condition, peel};
use crate::packed::{ExitInfo, Packed};
use crate::recorder::{After, Recording};
use crate::versions::GuardedVersion;
use crate::{data_stack, reserve, runtime};
use capi::sys::{self, PyCodeObject};
use capi::tuple;
use fxhash::FxHasher;
use interpreter::opcode;
use std::ffi::CStr;
use std::hash::Hasher;
use std::time::Instant;
use traces::codegen::{CompileError, Compiled, ExitId, Location, Request, Target};
use traces::{OpCode, Resume, SnapId, Snapshots, Trace, Type, Val, verify};

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
    let len = name.count_bytes() as sys::Py_ssize_t;
    // SAFETY: a live code object's names are a tuple of strings; comparing them runs nothing and can't fail.
    unsafe {
        let names = (*code).co_names;
        (0..tuple::len(names)).map(|i| tuple::item(names, i)).any(|o| {
            (*o.cast::<sys::PyASCIIObject>()).length == len
                && sys::PyUnicode_CompareWithASCIIString(o, name.as_ptr()) == 0
        })
    }
}

/// Words that the frames of the largest snapshot take on the data stack, its outermost ones left out.
fn words_above(snapshots: &Snapshots) -> usize {
    let frames = |i: usize| snapshots.frames(SnapId(i as u32)).skip(1);
    // SAFETY: live code objects.
    let words = |code: usize| unsafe { capi::frame::words(code as *mut PyCodeObject) };
    let inlined = (0..snapshots.len()).filter(|&i| snapshots.depth(SnapId(i as u32)) > 1);
    inlined.map(|i| frames(i).map(|f| words(f.code)).sum()).max().unwrap_or(0)
}

impl State {
    /// Locals that some path of this loop stores and that are numbers nobody else has now: the loop had better have them unboxed,
    /// lest a path that was not recorded builds a box in each turn.
    pub(super) fn unboxable(
        &self,
        code: *mut PyCodeObject,
        l: &LoopState,
        frame: *mut sys::_PyInterpreterFrame,
    ) -> Vec<(usize, Type)> {
        let mut found: Vec<(usize, Type)> = Vec::new();
        // Who asks for addresses of objects could tell.
        if uses_name(code, c"id") {
            return found;
        }
        for i in opcode::instructions(code) {
            let inside = (l.header as usize..=l.end as usize).contains(&i.index);
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

    /// Makes the deaths of inlined code objects known to the traces of this one. False without memory.
    fn watch_inlined(&mut self, all: &[*mut PyCodeObject], code: *mut PyCodeObject) -> bool {
        all.iter().all(|&inlined| {
            if allocator::fallible(|| self.inliners.try_reserve(1)).is_err() {
                return false;
            }
            let inliners = self.inliners.entry(inlined as usize).or_default();
            if inlined != code && !inliners.contains(&(code as usize)) {
                inliners.push(code as usize);
            }
            true
        })
    }

    fn compiled(&self) -> u64 {
        self.statistics.traces + self.statistics.bridges
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
                targets.push(Target { entry: c.entry, label: c.label.as_ref().map(|l| l.code.clone()) });
                match &c.label {
                    Some(l) => peel::End::Link(&l.header),
                    None => peel::End::Entry,
                }
            }
            _ => peel::End::Exit,
        };
        let left = match goal {
            Goal::Bridge { exit } => {
                let e = &self.exits[exit as usize];
                let c = &self.compilations[e.trace()];
                let (snapshot, known) = c.packed.snapshot(e.snapshot);
                Some(((exit - c.exits.0) as usize, &c.packed, snapshot, known))
            }
            Goal::Loop { .. } => None,
        };
        let start = left.as_ref().map(|(index, packed, snapshot, known)| peel::Start {
            values: &packed.values,
            snapshot,
            known,
            condition: packed.info(*index).condition,
        });
        let b = peel::compile_bridge(&self.env, raw, helpers, start, end)?;
        let mut inputs = Vec::new();
        if let Some((index, packed, snapshot, _)) = &left {
            let mut order: Vec<Val> = Vec::new();
            snapshot.for_each_value(|v| order.push(v));
            let locations = packed.locations(*index, snapshot);
            let place = |v| locations[order.iter().position(|w| w == v).expect("an exit's value")];
            inputs.extend(b.inputs.iter().map(place));
        }
        let Bridge { trace, origins, known, .. } = b;
        Ok(Made { trace, header: None, origins, known, inputs, targets, jumps_to })
    }

    /// Optimizes a recording, compiles it and puts it where it belongs. Only then does the trace take over what the recording embeds.
    pub(super) fn install(&mut self, job: &mut Job) -> Result<(), Abort> {
        let Job { goal, outcome, code, instruction, recording } = job;
        let (goal, code, instruction) = (*goal, *code, *instruction);
        enough_memory()?;
        if self.compiled() >= self.policy.max_traces {
            return Err(Abort::Limit);
        }
        if let Goal::Bridge { exit } = goal {
            if self.is_invalid(self.exits[exit as usize].trace()) {
                return Err(Abort::Invalidated);
            }
            if self.tree_of(exit) > self.policy.max_tree {
                self.exits[exit as usize].may_bridge = false;
                return Err(Abort::TreeFull);
            }
        }
        let started = Instant::now();
        let raw = &recording.raw;
        if log::log_enabled!(log::Level::Trace) {
            log::trace!("recorded:\n{}", traces::text::print(raw));
        }
        let Made { trace, header, origins, known, inputs, targets, jumps_to } =
            self.optimize(recording, goal, outcome)?;
        enough_memory()?;
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
        let made = trace.ops.iter().filter(|op| matches!(op.code, OpCode::NewInt | OpCode::NewFloat)).count();
        let snapshots = &trace.snapshots;
        let at_exit =
            (0..snapshots.len()).map(|i| snapshots.scalars(SnapId(i as u32)).len()).max().unwrap_or(0);
        // SAFETY: the GIL is held; the snapshots' code objects were recorded moments ago.
        if !unsafe { reserve::fill_for(made + at_exit) && data_stack::require(words_above(snapshots)) } {
            return Err(Abort::Memory);
        }
        let optimized = Instant::now();
        let guards = trace.ops.iter().filter(|op| op.code.is_guard()).count();
        let first_exit = self.free_exits.take(guards as u32).unwrap_or(self.exits.len() as u32);
        let new = (first_exit as usize + guards).saturating_sub(self.exits.len());
        if self.exits.capacity() - self.exits.len() < new {
            // Doubling would need it thrice for a moment.
            let more = new + self.exits.len() / 8;
            allocator::fallible(|| self.exits.try_reserve_exact(more)).map_err(|_| Abort::Memory)?;
        }
        let request =
            Request { trace: &trace, inputs: &inputs, first_exit: ExitId(first_exit), targets: &targets };
        let compiled = self.backend.compile(&request).map_err(|e| match e {
            CompileError::CodeMemoryFull | CompileError::NoExecutableMemory => Abort::CodeMemory,
            CompileError::TooManySpills => Abort::TooManySpills,
            CompileError::Memory => Abort::Memory,
        });
        let compiled = compiled.and_then(|compiled| {
            let exits = trace.ops.iter().filter(|op| op.code.is_guard()).map(|op| {
                let recorded = origins[op.snap.0 as usize].0 as usize;
                ExitInfo {
                    after: recording.afters[recorded],
                    at_end: recorded >= recording.ending,
                    is_branch: matches!(op.code, OpCode::GuardTrue | OpCode::GuardFalse),
                    condition: condition(&trace, op),
                    version: GuardedVersion::of(&trace, op, known.at(op.snap)),
                }
            });
            let packed = Packed::new(&trace, &known, exits, &compiled.exits);
            // Here memory may run out for the last time: what follows is a few words.
            let ready = may_grow(&self.compilations)
                && self.watch_inlined(&recording.inlined, code)
                && allocator::fallible(|| self.held.try_reserve(recording.embedded.len())).is_ok()
                && allocator::fallible(|| self.watched.try_reserve(recording.watched.len())).is_ok();
            if ready && !allocator::is_out() {
                return Ok((compiled, packed));
            }
            self.backend.release(compiled.entry, compiled.size);
            Err(Abort::Memory)
        });
        if compiled.is_err() && first_exit < self.exits.len() as u32 {
            self.free_exits.give(first_exit, guards as u32);
        }
        let (compiled, packed) = compiled?;
        self.starved.times = 0;
        let s = &mut self.statistics;
        s.optimizing_ns += (optimized - started).as_nanos() as u64;
        s.recorded_ops += recorded_ops;
        s.emitted_ops += trace.ops.len() as u64;
        s.recorded_bytecodes += u64::from(recording.bytecodes);
        s.code_bytes += compiled.size as u64;
        let number = self.compilations.vacant_key();
        for (index, op) in trace.ops.iter().filter(|op| op.code.is_guard()).enumerate() {
            let recorded = origins[op.snap.0 as usize];
            let exit = Exit {
                compilation: number as u32,
                snapshot: op.snap,
                count: 0,
                failures: 0,
                invalidations: 0,
                unpacked: None,
                may_bridge: !recording.limits.contains(&recorded)
                    && recording.afters[recorded.0 as usize] == After::Nothing
                    && trace.snapshots.resume(op.snap) == Resume::Execute
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
            let text = traces::text::print(&trace);
            hash.write(text.replace(&recording.flag_text(), "flag").as_bytes());
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
        let Compiled { entry, size, label, .. } = compiled;
        let label = label.zip(header).map(|(code, header)| Box::new(Label { code, header }));
        let bytes = size + packed.bytes();
        let embedded = std::mem::take(&mut recording.embedded);
        let watched = std::mem::take(&mut recording.watched);
        self.held.add(&embedded);
        self.watched.add(&watched);
        let root = match goal {
            Goal::Loop { .. } => number,
            Goal::Bridge { exit } => self.compilations[self.exits[exit as usize].trace()].root,
        };
        if let Some(root) = self.compilations.get_mut(root) {
            root.tree += bytes;
        }
        self.compilations.insert(Box::new(Compilation {
            entry,
            size,
            label,
            packed,
            exits: (first_exit, guards as u32),
            embedded: embedded.into_boxed_slice(),
            watched,
            invalid: std::mem::take(&mut recording.invalid),
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
            ways: 0,
            worth: Worth::default(),
        }));
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
        self.statistics.assembling_ns += optimized.elapsed().as_nanos() as u64;
        Ok(())
    }
}
