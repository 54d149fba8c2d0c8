//! The verifier: what must hold of every trace, and a check of all of it.
//!
//! Called after recording and after each optimizer pass in debug and stress builds, and by tests. It never changes a trace
//! and never stops at the first violation. It reads the op table and knows no op by name unless the invariant does.
//!
//! The invariants:
//!
//! Shape
//! 1.  A trace ends with `jump`, `jump_to`, `enter_trace` or `exit`, and has none of them before its end.
//! 2.  It has at most one `label`; a `jump` needs one.
//! 3.  A loop's `param`s directly follow its `label`, a bridge's are its first ops. They are numbered from 0. Nothing
//!     else is a `param`.
//! 4.  The lists of `label` and `jump` have one value for each `param` of the loop, of its type.
//!     The list of `jump_to` fits the label of its target, and targets exist, where the caller says what the targets are.
//!
//! Values
//! 5.  An operand is a constant of the trace or the result of an earlier op. It is never the result of an op that has none.
//! 6.  Operands and results have the types that the op table gives; a `param` has a type.
//! 7.  Places that an op does not use are empty: operands beyond its own, `imm`, region, list.
//! 8.  A store never writes to region `Immutable`.
//! 9.  A call numbers a helper of the trace, gives it arguments of its types (`Ptr` also takes an object) and has its
//!     result type. At most 6 arguments are not floats, at most 8 are.
//!
//! Snapshots
//! 10. Guards have a snapshot, other ops have none.
//! 11. The values of a snapshot are defined before every op that leaves by it.
//! 12. `decref_guard` leaves by a snapshot that says that its operand is dying; no other op does.
//! 13. Slots, `incref`s, functions and the dying object are of type `Obj`, frames in memory of type `Ptr`, virtual ints, floats and
//!     bools of their type.
//! 14. Frames in memory come before pushed ones, and the outermost is in memory. A pushed frame has a function and no slot in
//!     memory. The value stack is part of the slots.
//! 15. Virtual objects that slots name exist, contain neither NULL nor slots in memory, and do not contain themselves.
//!
//! Recordings, which the optimizer makes traces of, keep all of these with some differences ([`verify_recording`]): their params stand at
//! the start and are bound anew by their `jump`, which needs no label; `at` and `inline_return` are allowed only there; their
//! snapshots name no frame's address.
//!
//! ```
//! let trace = traces::parse::parse("v0: Int = int_add 1, 2.5\nexit\n", &[]).unwrap();
//! assert_eq!(traces::verify::verify(&trace), [
//!     "op 0 `v0: Int = int_add 1, 2.5`: operand 2 is Float, not Int",
//!     "op 1 `exit`: a guard without a snapshot",
//! ]);
//! ```

use crate::op::{Effect, OpCode, Operand, Region, Type};
use crate::text::{self, Plain};
use crate::trace::{FrameState, List, Op, Resume, Slot, SnapId, Snapshot, Trace, Val, Virtual};

/// Most arguments of a helper that are not floats: those that travel in registers under the System V convention.
pub const MAX_GENERAL_ARGS: usize = 6;
/// Most arguments of a helper that are floats.
pub const MAX_FLOAT_ARGS: usize = 8;

/// All violations, one sentence each, in trace order; empty for a well-formed trace. Targets of `jump_to` are not checked.
pub fn verify(trace: &Trace) -> Vec<String> {
    Verifier::new(trace, None).run()
}

/// As [`verify`], with the param types of each target's label (`None`: a target that has no label).
pub fn verify_with_targets(trace: &Trace, targets: &[Option<Vec<Type>>]) -> Vec<String> {
    Verifier::new(trace, Some(targets)).run()
}

/// As [`verify`], for a recording.
pub fn verify_recording(trace: &Trace) -> Vec<String> {
    let mut verifier = Verifier::new(trace, None);
    verifier.recording = true;
    verifier.params = leading_params(&trace.ops);
    verifier.run()
}

/// For checks after a pass.
///
/// # Panics
/// When the trace is not well-formed; the message has all violations, the trace and what `stage` made it.
pub fn assert_valid(trace: &Trace, stage: &str) {
    let violations = verify(trace);
    assert!(
        violations.is_empty(),
        "the trace is not well-formed after {stage}:\n{}\n{trace}",
        violations.join("\n")
    );
}

/// The types of the params that the label binds; `None` without a label.
pub fn label_types(trace: &Trace) -> Option<Vec<Type>> {
    Some(leading_params(&trace.ops[trace.label_index()? + 1..]))
}

fn leading_params(ops: &[Op]) -> Vec<Type> {
    ops.iter().take_while(|op| op.code == OpCode::Param).map(|op| op.ty).collect()
}

struct Verifier<'a> {
    trace: &'a Trace,
    targets: Option<&'a [Option<Vec<Type>>]>,
    label: Option<usize>,
    params: Vec<Type>,
    recording: bool,
    violations: Vec<String>,
}

impl<'a> Verifier<'a> {
    fn new(trace: &'a Trace, targets: Option<&'a [Option<Vec<Type>>]>) -> Self {
        let label = trace.label_index();
        let params = label_types(trace).unwrap_or_default();
        Verifier { trace, targets, label, params, recording: false, violations: Vec::new() }
    }

    fn run(mut self) -> Vec<String> {
        if self.trace.ops.is_empty() {
            self.violations.push("a trace without ops".into());
        }
        let mut next_param = 0;
        for (index, op) in self.trace.ops.iter().enumerate() {
            self.shape(index, op, &mut next_param);
            self.op_values(index, op);
            self.lists(index, op);
            self.snapshot_of(index, op);
        }
        for (number, snapshot) in self.trace.snapshots.iter().enumerate() {
            self.snapshot(number, &snapshot);
        }
        self.violations
    }

    fn op_error(&mut self, index: usize, message: impl AsRef<str>) {
        let line = text::op(self.trace, index, &Plain);
        self.violations.push(format!("op {index} `{line}`: {}", message.as_ref()));
    }

    fn shape(&mut self, index: usize, op: &Op, next_param: &mut i32) {
        let last = index + 1 == self.trace.ops.len();
        match (op.code.is_end(), last) {
            (true, false) => self.op_error(index, "an end before the end of the trace"),
            (false, true) => self.op_error(index, "the trace ends without an end op"),
            _ => {}
        }
        match op.code {
            OpCode::Label if self.label != Some(index) => self.op_error(index, "a second label"),
            OpCode::Jump if self.label.is_none() && !self.recording => {
                self.op_error(index, "a jump without a label");
            }
            OpCode::Label if self.recording => self.op_error(index, "a label in a recording"),
            OpCode::At | OpCode::InlineReturn if !self.recording => {
                self.op_error(index, "an op that only recordings have");
            }
            OpCode::Param => {
                let first = self.label.map_or(0, |label| label + 1);
                if index.checked_sub(first) != Some(*next_param as usize) {
                    let place =
                        if self.label.is_some() { "directly after the label" } else { "at the start" };
                    self.op_error(index, format!("params stand {place} of the trace"));
                } else if op.imm != *next_param {
                    self.op_error(index, format!("this is param {next_param}"));
                }
                *next_param += 1;
            }
            _ => {}
        }
    }

    /// The type of a value, if it exists and `before` (an op index) may use it; else a complaint about it.
    fn value(&self, v: Val, before: usize) -> Result<Type, String> {
        if v == Val::NONE {
            return Err("is missing".into());
        }
        if let Some(index) = v.const_index() {
            let constant = self.trace.consts.get(index);
            return constant
                .map(|c| c.ty())
                .ok_or_else(|| format!("is constant {index}, which the trace has not"));
        }
        let index = v.0 as usize;
        match self.trace.ops.get(index) {
            None => Err(format!("is v{index}, which the trace has not")),
            Some(_) if index >= before => Err(format!("is v{index}, which is not defined before")),
            Some(op) if op.ty == Type::Void => Err(format!("is v{index}, an op without a result")),
            Some(op) => Ok(op.ty),
        }
    }

    /// What is wrong with `v` as a value of this kind.
    fn misfit(&self, v: Val, before: usize, wanted: Operand) -> Option<String> {
        let ty = match self.value(v, before) {
            Ok(ty) => ty,
            Err(message) => return Some(message),
        };
        match wanted {
            Operand::Is(wanted) if ty != wanted => Some(format!("is {}, not {}", ty.name(), wanted.name())),
            Operand::Address if ty != Type::Obj && ty != Type::Ptr => {
                Some(format!("is {}, not an address", ty.name()))
            }
            _ => None,
        }
    }

    fn op_values(&mut self, index: usize, op: &Op) {
        let row = op.code.row();
        for (i, (&v, &wanted)) in op.args.iter().zip(row.operands).enumerate() {
            if let Some(message) = self.misfit(v, index, wanted) {
                self.op_error(index, format!("operand {} {message}", i + 1));
            }
        }
        if op.args[row.operands.len()..].iter().any(|&v| v != Val::NONE) {
            self.op_error(index, format!("it takes {} operands and has more", row.operands.len()));
        }
        match row.result {
            Some(ty) if op.ty != ty => {
                self.op_error(index, format!("its result is {}, not {}", ty.name(), op.ty.name()));
            }
            None if op.ty == Type::Void => self.op_error(index, "its type is not given"),
            _ => {}
        }
        if !row.imm && op.imm != 0 {
            self.op_error(index, format!("it takes no number and has {}", op.imm));
        }
        if !row.region && op.region != Region::Immutable {
            self.op_error(index, format!("it has no memory region and is given {}", op.region.name()));
        }
        if row.region && row.effect == Effect::Writes && op.region == Region::Immutable {
            self.op_error(index, "a store to immutable memory");
        }
    }

    fn lists(&mut self, index: usize, op: &Op) {
        let List { start, len } = op.list;
        let Some(list) = self.trace.lists.get(start as usize..).and_then(|rest| rest.get(..len as usize))
        else {
            return self.op_error(index, "its list reaches beyond the trace's lists");
        };
        if !op.code.row().list && len > 0 {
            return self.op_error(index, "it takes no list and has one");
        }
        let mut general_and_float = [0, 0];
        match op.code {
            OpCode::Label => {
                let params = self.params.clone();
                self.list_fits(index, list, &params, "the loop");
            }
            OpCode::Jump if self.label.is_some() || self.recording => {
                let params = self.params.clone();
                self.list_fits(index, list, &params, "the loop");
            }
            OpCode::JumpTo | OpCode::EnterTrace => {
                let target =
                    self.targets.map(|targets| usize::try_from(op.imm).ok().and_then(|n| targets.get(n)));
                match target {
                    Some(None) => self.op_error(index, format!("there is no target {}", op.imm)),
                    Some(Some(None)) if op.code == OpCode::JumpTo => {
                        self.op_error(index, format!("target {} has no label", op.imm));
                    }
                    Some(Some(Some(types))) if op.code == OpCode::JumpTo => {
                        self.list_fits(index, list, types, "the target");
                    }
                    _ => self.list_is_defined(index, list),
                }
            }
            code if code.is_call() => {
                let helper = usize::try_from(op.imm).ok().and_then(|n| self.trace.helpers.get(n));
                let Some(helper) = helper else {
                    return self.op_error(index, format!("there is no helper {}", op.imm));
                };
                if list.len() != helper.args.len() {
                    let message = format!(
                        "{} takes {} arguments, {} are given",
                        helper.name,
                        helper.args.len(),
                        list.len()
                    );
                    self.op_error(index, message);
                }
                for (i, (&v, &ty)) in list.iter().zip(helper.args).enumerate() {
                    let wanted = if ty == Type::Ptr { Operand::Address } else { Operand::Is(ty) };
                    if let Some(message) = self.misfit(v, index, wanted) {
                        self.op_error(index, format!("argument {} {message}", i + 1));
                    }
                }
                if op.ty != helper.result {
                    self.op_error(
                        index,
                        format!("{} returns {}, not {}", helper.name, helper.result.name(), op.ty.name()),
                    );
                }
                helper.args.iter().for_each(|&ty| general_and_float[(ty == Type::Float) as usize] += 1);
                if general_and_float[0] > MAX_GENERAL_ARGS || general_and_float[1] > MAX_FLOAT_ARGS {
                    self.op_error(
                        index,
                        format!("{} takes more arguments than travel in registers", helper.name),
                    );
                }
            }
            _ => self.list_is_defined(index, list),
        }
    }

    fn list_is_defined(&mut self, index: usize, list: &[Val]) {
        for (i, &v) in list.iter().enumerate() {
            if let Some(message) = self.misfit(v, index, Operand::Any) {
                self.op_error(index, format!("element {} {message}", i + 1));
            }
        }
    }

    fn list_fits(&mut self, index: usize, list: &[Val], types: &[Type], whose: &str) {
        if list.len() != types.len() {
            self.op_error(
                index,
                format!("{whose} has {} params, {} values are given", types.len(), list.len()),
            );
        }
        for (i, (&v, &ty)) in list.iter().zip(types).enumerate() {
            if let Some(message) = self.misfit(v, index, Operand::Is(ty)) {
                self.op_error(index, format!("element {} {message}", i + 1));
            }
        }
    }

    fn snapshot_of(&mut self, index: usize, op: &Op) {
        match (op.code.is_guard(), op.snap != SnapId::NONE) {
            (true, false) => return self.op_error(index, "a guard without a snapshot"),
            (false, true) => return self.op_error(index, "a snapshot on an op that is no guard"),
            (false, false) => return,
            (true, true) => {}
        }
        let snapshots = &self.trace.snapshots;
        if !snapshots.contains(op.snap) {
            return self.op_error(index, format!("there is no snapshot s{}", op.snap.0));
        }
        let mut late = Vec::new();
        snapshots.for_each_value(op.snap, |v| {
            if v.op_index().is_some_and(|defined| defined >= index) && !late.contains(&v) {
                late.push(v);
            }
        });
        for v in late {
            self.op_error(index, format!("s{} has {v:?}, which is not defined before", op.snap.0));
        }
        match (op.code, snapshots.resume(op.snap)) {
            (OpCode::DecrefGuard, Resume::Dying { object, .. }) if object == op.args[0] => {}
            (OpCode::DecrefGuard, _) => {
                self.op_error(index, format!("s{} does not say that its operand dies", op.snap.0))
            }
            (_, Resume::Dying { .. }) => {
                self.op_error(index, format!("s{} says that an object dies", op.snap.0))
            }
            _ => {}
        }
    }

    /// What holds of a snapshot, whoever leaves by it.
    fn snapshot(&mut self, number: usize, snapshot: &Snapshot) {
        let mut errors = Vec::new();
        if let Resume::Dying { object, .. } = snapshot.resume {
            self.snapshot_value(object, Type::Obj, "the dying object", &mut errors);
        }
        let mut pushed = false;
        for (i, frame) in snapshot.frames.iter().enumerate() {
            if pushed && frame.frame != Val::NONE {
                errors.push(format!("frame {i} is in memory and the one before it is not"));
            }
            pushed = frame.frame == Val::NONE;
            self.frame(i, frame, snapshot, &mut errors);
        }
        match snapshot.frames.first() {
            Some(frame) if frame.frame == Val::NONE && !self.recording => {
                errors.push("the outermost frame is not in memory".into());
            }
            _ => {}
        }
        for (i, v) in snapshot.virtuals.iter().enumerate() {
            let what = format!("w{i}");
            match v {
                Virtual::Int(v) => self.snapshot_value(*v, Type::Int, &what, &mut errors),
                Virtual::Float(v) => self.snapshot_value(*v, Type::Float, &what, &mut errors),
                Virtual::Bool(v) => self.snapshot_value(*v, Type::Bool, &what, &mut errors),
                Virtual::Tuple(items) => {
                    for (n, item) in items.iter().enumerate() {
                        let what = format!("item {n} of {what}");
                        match item {
                            Slot::Null | Slot::InMemory => errors.push(format!("{what} is no object")),
                            _ => self.slot(item, snapshot, &what, &mut errors),
                        }
                    }
                }
            }
        }
        if let Some(i) = cyclic(&snapshot.virtuals) {
            errors.push(format!("w{i} contains itself"));
        }
        for &v in &snapshot.increfs {
            self.snapshot_value(v, Type::Obj, "an incref", &mut errors);
        }
        for &v in &snapshot.keep {
            if let Err(message) = self.value(v, self.trace.ops.len()) {
                errors.push(format!("a kept value {message}"));
            }
        }
        self.violations.extend(errors.into_iter().map(|error| format!("s{number}: {error}")));
    }

    fn frame(&self, i: usize, frame: &FrameState, snapshot: &Snapshot, errors: &mut Vec<String>) {
        let in_memory = frame.frame != Val::NONE || self.recording && i == 0;
        if frame.frame != Val::NONE {
            self.snapshot_value(frame.frame, Type::Ptr, &format!("frame {i}"), errors);
        }
        match frame.function {
            Slot::Value(_) => {
                self.slot(&frame.function, snapshot, &format!("the function of frame {i}"), errors)
            }
            Slot::Virtual(_) => errors.push(format!("the function of frame {i} is a virtual object")),
            _ if !in_memory => errors.push(format!("frame {i} is pushed and has no function")),
            _ => {}
        }
        for (n, slot) in frame.slots.iter().enumerate() {
            let what = format!("slot {n} of frame {i}");
            if !in_memory && *slot == Slot::InMemory {
                errors.push(format!("{what} is in memory, and the frame is not"));
            }
            self.slot(slot, snapshot, &what, errors);
        }
        if frame.stack_depth as usize > frame.slots.len() {
            errors.push(format!(
                "frame {i} has {} slots and a stack of {}",
                frame.slots.len(),
                frame.stack_depth
            ));
        }
    }

    fn slot(&self, slot: &Slot, snapshot: &Snapshot, what: &str, errors: &mut Vec<String>) {
        match *slot {
            Slot::Value(v) => self.snapshot_value(v, Type::Obj, what, errors),
            Slot::Virtual(n) if n as usize >= snapshot.virtuals.len() => {
                errors.push(format!("{what} is w{n}, which the snapshot has not"));
            }
            _ => {}
        }
    }

    fn snapshot_value(&self, v: Val, ty: Type, what: &str, errors: &mut Vec<String>) {
        if let Some(message) = self.misfit(v, self.trace.ops.len(), Operand::Is(ty)) {
            errors.push(format!("{what} {message}"));
        }
    }
}

/// A virtual object that contains itself, however deep.
fn cyclic(virtuals: &[Virtual]) -> Option<usize> {
    #[derive(Clone, Copy, PartialEq)]
    enum State {
        New,
        Open,
        Done,
    }
    fn visit(n: usize, virtuals: &[Virtual], states: &mut [State]) -> bool {
        match states[n] {
            State::Open => return true,
            State::Done => return false,
            State::New => {}
        }
        states[n] = State::Open;
        if let Virtual::Tuple(items) = &virtuals[n] {
            for item in items {
                if let Slot::Virtual(inner) = item
                    && (*inner as usize) < virtuals.len()
                    && visit(*inner as usize, virtuals, states)
                {
                    return true;
                }
            }
        }
        states[n] = State::Done;
        false
    }
    let mut states = vec![State::New; virtuals.len()];
    (0..virtuals.len()).find(|&n| visit(n, virtuals, &mut states))
}
