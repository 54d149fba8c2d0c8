//! A loop and a bridge as one trace, so that the reference evaluator can run them: the preamble, a part of a turn, the bridge instead of an exit,
//! then the loop again from its label.

use std::collections::HashMap;

use tracer::optimizer::peel::{Bridge, Loop};
use traces::{Effect, Op, OpCode, Resume, Slot, SnapId, Snapshot, Trace, Type, Val, Virtual};

/// The guards of the body that leave to the start of an instruction, with another object in each slot: there a bridge may begin, with what
/// was recorded from that instruction on. Where two slots have the same object, the recording does not say whose reference is meant.
pub fn exits_of_body(raw: &Trace, l: &Loop) -> Vec<usize> {
    let label = l.trace.label_index().expect("a loop");
    let usable = |op: &Op| {
        if !op.code.is_guard() {
            return false;
        }
        let at = raw.snapshots.get(origin(l, op));
        let slots = &at.frames[0].slots;
        at.resume == Resume::Execute && slots.iter().enumerate().all(|(k, slot)| !slots[..k].contains(slot))
    };
    (label + 1..l.trace.ops.len()).filter(|&i| usable(&l.trace.ops[i])).collect()
}

/// The recorded snapshot that a guard's was made from.
fn origin(l: &Loop, guard: &Op) -> SnapId {
    l.origins[guard.snap.0 as usize]
}

/// What would be recorded from an exit on if the loop's turn went on there as it was recorded: params are the slots that the exit has.
pub fn rest_of_turn(raw: &Trace, l: &Loop, exit: usize) -> Trace {
    let snap = origin(l, &l.trace.ops[exit]);
    let mut out = Trace::new(raw.helpers);
    let mut copier = Copier::new(raw);
    for (k, slot) in raw.snapshots.get(snap).frames[0].slots.iter().enumerate() {
        let param = out.push(Op { ty: Type::Obj, imm: k as i32, ..Op::new(OpCode::Param, &[]) });
        if let Slot::Value(v) = *slot {
            copier.replace(v, param);
        }
    }
    let first = raw.ops.iter().position(|op| op.snap == snap).expect("the guard was made from one");
    let jump = raw.ops.len() - 1;
    (first..jump).for_each(|i| copier.copy(&mut out, i));
    let end = out.ops.last().expect("what shows the frame at the end").snap;
    out.push(Op { snap: end, ..Op::new(OpCode::Exit, &[]) });
    out
}

/// A recording's run up to an exit.
pub struct Until {
    /// What runs before it.
    pub trace: Trace,
    /// The same, ending with the exit.
    pub left: Trace,
    /// What is in the slots there.
    pub slots: Vec<Val>,
    /// The instruction there.
    pub instr: u32,
}

/// The recording run up to an exit of the first turn that the loop's body takes.
pub fn until(raw: &Trace, l: &Loop, exit: usize) -> Until {
    let snap = origin(l, &l.trace.ops[exit]);
    let mut out = Trace::new(raw.helpers);
    let first = raw.ops.iter().position(|op| op.snap == snap).expect("the guard was made from one");
    let mut turn = Copier::new(raw);
    let jump = raw.ops.len() - 1;
    (0..jump).for_each(|i| turn.copy(&mut out, i));
    for peeled in 1..=l.peeled {
        let next = turn.list(&mut out, &raw.ops[jump]);
        turn = Copier::new(raw);
        turn.copy_turn(&mut out, 0..if peeled < l.peeled { jump } else { first }, &next);
    }
    let snapshot = raw.snapshots.get(snap);
    let slots = turn.slots(&mut out, &snapshot);
    let mut left = out.clone();
    let snap = turn.snapshot(&mut left, &snapshot);
    let snap = left.push_snapshot(snap);
    left.push(Op { snap, ..Op::new(OpCode::Exit, &[]) });
    Until { trace: out, left, slots, instr: snapshot.frames[0].instr }
}

/// What [`splice`] makes, of recordings: what runs until the exit, the recording of the way from there, the loop again. And what it may do besides:
/// leave at the exit, by an earlier guard of the same instruction; at the end of the way or of one of the first `turns` after it, where things
/// are not as the loop takes them.
pub fn together(raw: &Trace, until: Until, rest: &Trace, turns: i64) -> Vec<Trace> {
    let mut out = until.trace;
    let mut way = Copier::new(rest);
    let exit = rest.ops.len() - 1;
    way.copy_turn(&mut out, 0..exit, &until.slots);
    let mut without = out.clone();
    way.copy(&mut without, exit);
    let mut besides = vec![until.left, without];
    let locals = way.slots(&mut out, &rest.snapshots.get(rest.ops[exit].snap));
    let jump = raw.ops.len() - 1;
    let (mut longer, mut at_start) = (out.clone(), locals.clone());
    for _ in 0..turns {
        let mut turn = Copier::new(raw);
        turn.copy_turn(&mut longer, 0..jump, &at_start);
        at_start = turn.list(&mut longer, &raw.ops[jump]);
        let snap = longer.ops.last().expect("what shows the frame at the end").snap;
        let mut left = longer.clone();
        left.push(Op { snap, ..Op::new(OpCode::Exit, &[]) });
        besides.push(left);
    }
    let list = out.push_list(&locals);
    out.push(Op { list, ..Op::new(OpCode::Label, &[]) });
    let mut turn = Copier::new(raw);
    (0..raw.ops.len()).for_each(|i| turn.copy(&mut out, i));
    besides.insert(0, out);
    besides
}

/// Copies ops of one trace to the end of another.
struct Copier<'a> {
    from: &'a Trace,
    /// For each op of `from` its value in the new trace.
    map: Vec<Val>,
    /// Constants of `from` that other values stand for.
    constants: HashMap<Val, Val>,
}

impl<'a> Copier<'a> {
    fn new(from: &'a Trace) -> Self {
        Copier { from, map: vec![Val::NONE; from.ops.len()], constants: HashMap::new() }
    }

    /// Has `by` stand for a value of `from`.
    fn replace(&mut self, v: Val, by: Val) {
        match v.op_index() {
            Some(i) => self.map[i] = by,
            None => _ = self.constants.insert(v, by),
        }
    }

    /// An op that computes something from what is there, and was not copied, is copied now.
    fn value(&mut self, out: &mut Trace, v: Val) -> Val {
        if v == Val::NONE {
            return v;
        }
        if let Some(c) = self.from.const_of(v) {
            return self.constants.get(&v).copied().unwrap_or_else(|| out.constant(c));
        }
        let i = v.0 as usize;
        if self.map[i] == Val::NONE {
            let op = &self.from.ops[i];
            assert!(
                matches!(self.from.effect(op), Effect::Pure | Effect::Reads) && !op.code.is_guard(),
                "v{i} is not there"
            );
            self.copy(out, i);
        }
        self.map[i]
    }

    fn list(&mut self, out: &mut Trace, op: &Op) -> Vec<Val> {
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

    /// Copies ops whose params are these values.
    fn copy_turn(&mut self, out: &mut Trace, range: std::ops::Range<usize>, params: &[Val]) {
        for i in range {
            match self.from.ops[i].code {
                OpCode::Param => self.map[i] = params[self.from.ops[i].imm as usize],
                _ => self.copy(out, i),
            }
        }
    }

    /// What is in the slots of a recorded snapshot.
    fn slots(&mut self, out: &mut Trace, of: &Snapshot) -> Vec<Val> {
        let values = of.frames[0].slots.iter().map(|slot| match *slot {
            Slot::Value(v) => self.value(out, v),
            _ => unreachable!("recordings name the objects in all slots"),
        });
        values.collect()
    }

    fn slot(&mut self, out: &mut Trace, slot: &mut Slot) {
        if let Slot::Value(v) = slot {
            *v = self.value(out, *v);
        }
    }

    fn snapshot(&mut self, out: &mut Trace, of: &Snapshot) -> Snapshot {
        let mut s = of.clone();
        if let Resume::Dying { object, .. } = &mut s.resume {
            *object = self.value(out, *object);
        }
        for frame in &mut s.frames {
            frame.frame = self.value(out, frame.frame);
            self.slot(out, &mut frame.function);
            frame.slots.iter_mut().for_each(|x| self.slot(out, x));
        }
        for v in &mut s.virtuals {
            match v {
                Virtual::Int(v) | Virtual::Float(v) | Virtual::Bool(v) => *v = self.value(out, *v),
                Virtual::Tuple(items) => items.iter_mut().for_each(|x| self.slot(out, x)),
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
    let mut looped = Copier::new(l);
    (0..label).for_each(|i| looped.copy(&mut out, i));
    let first_turn = looped.list(&mut out, &l.ops[label]);
    looped.copy_turn(&mut out, label + 1..exit, &first_turn);
    let b = &bridge.trace;
    let mut bridged = Copier::new(b);
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
