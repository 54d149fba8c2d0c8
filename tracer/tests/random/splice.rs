//! A loop and a bridge as one trace, so that the reference evaluator can run them: the preamble, a part of a turn, the bridge instead of an exit,
//! then the loop again from its label.

use tracer::optimizer::peel::{Bridge, Loop};
use traces::{Effect, Op, OpCode, Resume, Slot, SnapId, Snapshot, Trace, Val, Virtual};

/// The first guard of the body whose exit is the start of the turn, when nothing was changed before it: a bridge that records a whole turn may
/// start there.
pub fn exit_at_start_of_turn(raw: &Trace, l: &Loop) -> Option<usize> {
    let label = l.trace.label_index()?;
    let params = raw.ops.iter().take_while(|op| op.code == OpCode::Param).count();
    for (i, op) in l.trace.ops.iter().enumerate().skip(label + 1) {
        if op.code.is_guard() {
            let origin = raw.snapshots.get(l.origins[op.snap.0 as usize]);
            let frame = &origin.frames[0];
            let unchanged = frame.slots.len() == params
                && frame.slots.iter().enumerate().all(|(k, s)| *s == Slot::Value(Val::op(k)));
            return (unchanged && origin.resume == Resume::Execute).then_some(i);
        }
        if !matches!(l.trace.effect(op), Effect::Pure | Effect::Reads) {
            return None;
        }
    }
    None
}

/// Copies ops of one trace to the end of another.
struct Copier<'a> {
    from: &'a Trace,
    /// For each op of `from` its value in the new trace.
    map: Vec<Val>,
}

impl Copier<'_> {
    fn value(&self, out: &mut Trace, v: Val) -> Val {
        match self.from.const_of(v) {
            Some(c) => out.constant(c),
            None if v == Val::NONE => v,
            None => self.map[v.0 as usize],
        }
    }

    fn list(&self, out: &mut Trace, op: &Op) -> Vec<Val> {
        self.from.list(op.list).iter().map(|&v| self.value(out, v)).collect()
    }

    fn copy(&mut self, out: &mut Trace, index: usize) {
        let mut op = self.from.ops[index];
        let list = self.list(out, &op);
        op.list = out.push_list(&list);
        for v in &mut op.args {
            *v = self.value(out, *v);
        }
        if op.snap != SnapId::NONE {
            let snapshot = self.snapshot(out, &self.from.snapshots.get(op.snap));
            op.snap = out.push_snapshot(snapshot);
        }
        self.map[index] = out.push(op);
    }

    fn snapshot(&self, out: &mut Trace, of: &Snapshot) -> Snapshot {
        let mut s = of.clone();
        let slot = |out: &mut Trace, s: &mut Slot| {
            if let Slot::Value(v) = s {
                *v = self.value(out, *v);
            }
        };
        if let Resume::Dying { object, .. } = &mut s.resume {
            *object = self.value(out, *object);
        }
        for frame in &mut s.frames {
            frame.frame = self.value(out, frame.frame);
            slot(out, &mut frame.function);
            frame.slots.iter_mut().for_each(|x| slot(out, x));
        }
        for v in &mut s.virtuals {
            match v {
                Virtual::Int(v) | Virtual::Float(v) | Virtual::Bool(v) => *v = self.value(out, *v),
                Virtual::Tuple(items) => items.iter_mut().for_each(|x| slot(out, x)),
            }
        }
        s.increfs.iter_mut().chain(&mut s.keep).for_each(|v| *v = self.value(out, *v));
        s
    }
}

/// The loop up to its guard `exit`, whose bridge is always taken; the bridge; the loop from its label on.
pub fn splice(l: &Trace, exit: usize, bridge: &Bridge) -> Trace {
    let mut out = Trace::new(l.helpers);
    let label = l.label_index().expect("a loop");
    let mut looped = Copier { from: l, map: vec![Val::NONE; l.ops.len()] };
    (0..label).for_each(|i| looped.copy(&mut out, i));
    let first_turn = looped.list(&mut out, &l.ops[label]);
    for i in label + 1..exit {
        match l.ops[i].code {
            OpCode::Param => looped.map[i] = first_turn[l.ops[i].imm as usize],
            _ => looped.copy(&mut out, i),
        }
    }
    let b = &bridge.trace;
    let mut bridged = Copier { from: b, map: vec![Val::NONE; b.ops.len()] };
    for (i, op) in b.ops.iter().enumerate() {
        match op.code {
            OpCode::Param => bridged.map[i] = looped.value(&mut out, bridge.inputs[op.imm as usize]),
            OpCode::JumpTo => {
                let values = bridged.list(&mut out, op);
                let list = out.push_list(&values);
                out.push(Op { list, ..Op::new(OpCode::Label, &[]) });
            }
            _ => bridged.copy(&mut out, i),
        }
    }
    (label + 1..l.ops.len()).for_each(|i| looped.copy(&mut out, i));
    out
}
