//! Dead code: drops ops whose result nobody needs, and params that are only handed around.
//!
//! An op that leaves only because its own result would be wrong (overflow, an int too large) is needed only with its result.

use traces::{Effect, List, Op, OpCode, SnapId, Trace, Val};

/// What became of a trace's params.
#[derive(Debug, Default)]
pub struct Survivors {
    /// For each param: its new number, unless it was dropped.
    pub params: Vec<Option<usize>>,
    /// For each snapshot of the old trace its number in the new one.
    pub snapshots: Vec<Option<SnapId>>,
    /// For each op of the old trace its value in the new one, or `NONE`.
    pub values: Vec<Val>,
}

fn is_needed(trace: &Trace, op: &Op) -> bool {
    use OpCode::*;
    if matches!(op.code, IntAddOvf | IntSubOvf | IntMulOvf | IntValue | IntFromFloat) {
        return false;
    }
    if op.code.is_guard() {
        return true;
    }
    !matches!(trace.effect(op), Effect::Pure | Effect::Reads)
}

struct Marker<'t> {
    trace: &'t Trace,
    live: Vec<bool>,
    snapshots: Vec<bool>,
    /// By number: frames of snapshots whose values are marked.
    frames: Vec<bool>,
    work: Vec<usize>,
    label: Option<usize>,
}

impl Marker<'_> {
    fn mark(&mut self, v: Val) {
        if v == Val::NONE {
            return;
        }
        if let Some(i) = v.op_index()
            && !self.live[i]
        {
            self.live[i] = true;
            self.work.push(i);
        }
    }

    fn run(&mut self) {
        let trace = self.trace;
        while let Some(i) = self.work.pop() {
            let op = &trace.ops[i];
            for &v in op.operands() {
                self.mark(v);
            }
            if op.snap != SnapId::NONE && !self.snapshots[op.snap.0 as usize] {
                self.snapshots[op.snap.0 as usize] = true;
                let mut frames = std::mem::take(&mut self.frames);
                trace.snapshots.for_each_newly_needed(op.snap, &mut frames, |v| self.mark(v));
                self.frames = frames;
            }
            match (op.code, self.label) {
                // What a loop's params get is needed when they are.
                (OpCode::Label | OpCode::Jump, _) => {}
                (OpCode::Param, Some(label)) if i > label => {
                    let p = op.imm as usize;
                    self.mark(trace.list(trace.ops[label].list)[p]);
                    let last = trace.ops.last().expect("a trace has an end");
                    if last.code == OpCode::Jump {
                        self.mark(trace.list(last.list)[p]);
                    }
                }
                _ => {
                    for &v in trace.list(op.list) {
                        self.mark(v);
                    }
                }
            }
        }
    }
}

/// Drops what is dead; with `keep_all` only params that nothing uses, which links do not supply.
pub fn eliminate(trace: &mut Trace, keep_all: bool) -> Survivors {
    let label = trace.label_index();
    let mut marker = Marker {
        trace,
        live: vec![false; trace.ops.len()],
        snapshots: vec![false; trace.snapshots.len()],
        frames: vec![false; trace.snapshots.frame_numbers()],
        work: Vec::with_capacity(trace.ops.len()),
        label,
    };
    for (i, op) in trace.ops.iter().enumerate() {
        if (keep_all && op.code != OpCode::Param) || is_needed(trace, op) {
            marker.live[i] = true;
            marker.work.push(i);
        }
    }
    marker.run();
    let (live, snapshot_live) = (marker.live, marker.snapshots);
    let mut survivors = Survivors::default();
    let mut next_param = 0;
    for (i, op) in trace.ops.iter().enumerate() {
        if op.code == OpCode::Param {
            survivors.params.push(live[i].then(|| {
                next_param += 1;
                next_param - 1
            }));
        }
    }
    let mut renumber = vec![Val::NONE; trace.ops.len()];
    let mut kept = 0;
    let mut lists = Vec::with_capacity(trace.lists.len());
    let map = |renumber: &[Val], v: Val| match v.op_index() {
        Some(i) if v != Val::NONE => renumber[i],
        _ => v,
    };
    let mut next_snapshot = 0;
    survivors.snapshots = snapshot_live
        .iter()
        .map(|&l| {
            l.then(|| {
                next_snapshot += 1;
                SnapId(next_snapshot - 1)
            })
        })
        .collect();
    for i in 0..trace.ops.len() {
        if !live[i] {
            continue;
        }
        let op = trace.ops[i];
        let mut new = op;
        for v in &mut new.args {
            *v = map(&renumber, *v);
        }
        if op.snap != SnapId::NONE {
            new.snap = survivors.snapshots[op.snap.0 as usize].expect("a live op's snapshot is live");
        }
        if op.code == OpCode::Param {
            new.imm = survivors.params[op.imm as usize].expect("live") as i32;
        }
        let filtered = matches!(op.code, OpCode::Label | OpCode::Jump);
        let start = lists.len() as u32;
        for (p, &v) in trace.list(op.list).iter().enumerate() {
            if !filtered || survivors.params[p].is_some() {
                lists.push(map(&renumber, v));
            }
        }
        new.list = List { start, len: lists.len() as u32 - start };
        renumber[i] = Val::op(kept);
        trace.ops[kept] = new;
        kept += 1;
    }
    trace.ops.truncate(kept);
    // What was kept in case a bridge wants it does not live for that alone.
    trace.snapshots.retain(&snapshot_live, |v| map(&renumber, v));
    survivors.values = renumber;
    trace.lists = lists;
    survivors
}
