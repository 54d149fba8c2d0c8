//! From a recording to machine code: optimizing, the backend, and what is kept for the exits.

use super::{Compilation, Dumped, Exit, Goal, Outcome, State, Worth};
use crate::abort::Abort;
use crate::optimizer::{condition, peel};
use crate::packed::Packed;
use crate::recorder::{After, Recording};
use crate::runtime;
use crate::versions::GuardedVersion;
use capi::sys::{self, PyCodeObject};
use interpreter::opcode;
use std::ffi::CStr;
use std::time::Instant;
use traces::codegen::{CompileError, ExitId, Location, Request, Target};
use traces::{OpCode, Resume, Trace, Type, Val, verify};

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

    pub(super) fn install(
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
        let number = self.statistics.traces + self.statistics.bridges + self.skipped + 1;
        if !self.policy.only.is_none_or(|only| only.has_number(number)) {
            self.skipped += 1;
            return Err(Abort::Limit);
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
                resume,
                at_end: origins[snapshot.0 as usize].0 as usize >= recording.ending,
                is_branch: matches!(op.code, OpCode::GuardTrue | OpCode::GuardFalse),
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
                may_bridge: !recording.limits.contains(&origins[snapshot.0 as usize])
                    && after == After::Nothing
                    && resume == Resume::Execute
                    && op.code != OpCode::GuardClear
                    && op.code != OpCode::Exit,
            });
        }
        if let Some(forced) = &mut self.forced {
            let guards = trace.ops.iter().filter(|op| op.code.is_guard());
            forced.add_guards(guards.map(|op| recording.limits.contains(&origins[op.snap.0 as usize])));
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
