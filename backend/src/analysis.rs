//! What the register allocator has to know of a trace: where each value is used next, how long it lives, which ops
//! produce no code.
//!
//! Computed once for each trace, in one forward and one backward walk over the ops, into vectors indexed by op.
//! Independent of the processor. It must never change what the trace means.
//!
//! A value is here a [`Value`]: the index of an op, or a constant. Ops that only rename are replaced by what they
//! rename (`int_from_bool`; a second `frame`; two params of a bridge at one location), so only canonical values are
//! ever allocated:
//!
//! ```text
//! v3: Bool = int_lt v1, v2        ; fused: used by nothing but the guard, so it becomes cmp + jcc there
//! guard_true v3 @s0               ; its operands are v1 and v2; in s0, v3 is known to be false
//! ```

use traces::codegen::{Location, Request};
use traces::op::Operand;
use traces::{List, Op, OpCode, SnapId, Trace, Type, Val};

/// A value of the trace, or one of the analysis' constants.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Value(pub u32);

impl Value {
    /// No value.
    pub const NONE: Value = Value(u32::MAX);
    const CONST: u32 = 1 << 31;

    /// The value of op number `index`.
    pub fn op(index: usize) -> Value {
        Value(index as u32)
    }
    /// Constant number `index` of [`Analysis::consts`].
    pub fn constant(index: usize) -> Value {
        Value(index as u32 | Self::CONST)
    }
    /// The op's index, for values that are not constants.
    pub fn op_index(self) -> Option<usize> {
        (self.0 & Self::CONST == 0).then_some(self.0 as usize)
    }
    /// The constant's index.
    pub fn const_index(self) -> Option<usize> {
        (self.0 & Self::CONST != 0 && self != Value::NONE).then_some((self.0 & !Self::CONST) as usize)
    }
}

/// Where a value is not used any more.
pub const NEVER: u32 = u32::MAX;

#[derive(Clone, Copy, Debug)]
struct Use {
    at: u32,
    next: u32,
}

/// What an op compiles to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// Code of its own.
    Normal,
    /// Nothing: its result is not needed, or another value stands for it.
    Nothing,
    /// Nothing here: it is part of the guard that uses it.
    Fused,
}

/// What a guard tests that a comparison was fused into.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fusion {
    /// The comparison's op.
    pub compare: u32,
    /// Whether the guard goes on when the comparison is false.
    pub negated: bool,
}

/// A load that is part of the op that uses it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fold {
    /// Which operand is read from memory.
    pub operand: u8,
    /// The load's op.
    pub load: u32,
}

/// The result of the analysis. All vectors are indexed by op, unless their doc says otherwise.
#[derive(Debug, Default)]
pub struct Analysis {
    /// The value that stands for an op's result.
    canon: Vec<Value>,
    /// Bits of the constants: those of the trace, and further ones (bridge inputs).
    pub consts: Vec<u64>,
    /// What each op compiles to.
    pub roles: Vec<Role>,
    /// For guards with a comparison fused into them.
    pub fusions: Vec<Option<Fusion>>,
    /// For ops one operand of which is read from memory.
    pub folds: Vec<Option<Fold>>,
    /// For `new_float`: the float that the trace drops right after it, whose memory may be used again.
    pub reuses: Vec<Option<Value>>,
    reuse_floats: bool,
    /// Which values are exact floats, because something reads their payload.
    floats: Vec<bool>,
    /// Last position at which a value has to exist, snapshots included; `NEVER` when it is not used at all.
    pub last: Vec<u32>,
    /// Head of each value's list of uses that want a register, in ascending order.
    pub first_use: Vec<u32>,
    uses: Vec<Use>,
    /// Values by where they are used last, in the order of `deaths_start`; invariants that live on are among them.
    deaths: Vec<u32>,
    /// Where each op's part of `deaths` begins; it ends where the part of the op before it begins.
    deaths_start: Vec<u32>,
    /// Position of the next call after each op (`NEVER`: none).
    pub next_call: Vec<u32>,
    /// Ranges of `snap_values`, by snapshot.
    snaps: Vec<List>,
    snap_values: Vec<Value>,
    /// How many guards there are, and how many values their snapshots have together.
    pub guards: usize,
    /// See `guards`.
    pub guard_values: usize,
    /// The label's position, in a loop.
    pub label: Option<u32>,
    /// Values defined before the label and used after it: they live through the whole loop.
    pub invariants: Vec<Value>,
    /// How many params the loop has; their ops follow the label.
    pub params: u32,
}

impl Analysis {
    /// Analyses the trace of a request. `reuse_floats`: see [`BackendOptions`](crate::BackendOptions).
    pub fn of(request: &Request<'_>, reuse_floats: bool) -> Analysis {
        let trace = request.trace;
        let n = trace.ops.len();
        let mut analysis = Analysis {
            canon: Vec::with_capacity(n),
            consts: trace.consts.iter().map(|c| c.bits()).collect(),
            roles: vec![Role::Normal; n],
            fusions: vec![None; n],
            folds: vec![None; n],
            reuses: vec![None; n],
            reuse_floats,
            floats: vec![false; n],
            last: vec![NEVER; n],
            first_use: vec![NEVER; n],
            uses: Vec::with_capacity(2 * n),
            deaths: Vec::with_capacity(n),
            deaths_start: vec![0; n + 1],
            next_call: vec![NEVER; n],
            ..Analysis::default()
        };
        analysis.name_values(request);
        analysis.flatten_snapshots(trace);
        analysis.walk_back(trace);
        analysis.extend_invariants();
        analysis
    }

    /// The value that stands for an operand.
    pub fn value(&self, val: Val) -> Value {
        match val.op_index() {
            Some(op) => self.canon[op],
            None => Value(val.0),
        }
    }

    /// The values of an op's operands that code is generated for: of a guard with a fused comparison, those of the
    /// comparison; instead of a loaded operand the load's base; of a `new_float` also the float that it replaces.
    pub fn operands(&self, trace: &Trace, at: usize) -> ([Value; 3], usize) {
        let op = match self.fusions[at] {
            Some(fusion) => &trace.ops[fusion.compare as usize],
            None => &trace.ops[at],
        };
        let mut values = [Value::NONE; 3];
        let operands = op.operands();
        for (value, &operand) in values.iter_mut().zip(operands) {
            *value = self.value(operand);
        }
        if let Some(fold) = self.folds[at] {
            values[fold.operand as usize] = self.value(trace.ops[fold.load as usize].args[0]);
        }
        if let Some(old) = self.reuses[at] {
            values[1] = old;
            return (values, 2);
        }
        (values, operands.len())
    }

    /// The values of a guard's snapshot, in `for_each_value` order.
    pub fn snapshot(&self, op: &Op) -> &[Value] {
        match self.snaps.get(op.snap.0 as usize) {
            Some(list) if op.code.is_guard() => {
                &self.snap_values[list.start as usize..(list.start + list.len) as usize]
            }
            _ => &[],
        }
    }

    /// What is known of a value when this guard leaves: the operand of `guard_true` is then false.
    pub fn known_at_exit(&self, op: &Op) -> Option<(Value, u64)> {
        match op.code {
            OpCode::GuardTrue => Some((self.value(op.args[0]), 0)),
            OpCode::GuardFalse => Some((self.value(op.args[0]), 1)),
            _ => None,
        }
    }

    /// Position of the first use after `at`, given the list's head, which is moved on.
    pub fn use_after(&self, head: &mut u32, at: u32) -> u32 {
        while let Some(node) = self.uses.get(*head as usize) {
            if node.at > at {
                return node.at;
            }
            *head = node.next;
        }
        NEVER
    }

    /// Whether an op is in the loop's body.
    pub fn in_body(&self, op: u32) -> bool {
        self.label.is_some_and(|label| op > label)
    }

    fn name_values(&mut self, request: &Request<'_>) {
        let trace = request.trace;
        let (mut frame, mut thread) = (None, None);
        for (i, op) in trace.ops.iter().enumerate() {
            let own = Value::op(i);
            let value = match op.code {
                OpCode::Frame => *frame.get_or_insert(own),
                OpCode::ThreadState => *thread.get_or_insert(own),
                OpCode::IntFromBool => self.value(op.args[0]),
                OpCode::Label => {
                    self.label = Some(i as u32);
                    own
                }
                OpCode::FloatValue => {
                    if let Some(object) = self.value(op.args[0]).op_index() {
                        self.floats[object] = true;
                    }
                    own
                }
                OpCode::Param if self.label.is_some() => {
                    self.params += 1;
                    own
                }
                OpCode::Param => match request.inputs[op.imm as usize] {
                    Location::Const(bits) => {
                        self.consts.push(bits);
                        Value::constant(self.consts.len() - 1)
                    }
                    // An earlier param at the same location is the same value.
                    location => {
                        let same = request.inputs[..op.imm as usize].iter().position(|&l| l == location);
                        same.map_or(own, |earlier| self.canon[earlier])
                    }
                },
                _ => own,
            };
            if value != own {
                self.roles[i] = Role::Nothing;
            }
            self.canon.push(value);
        }
    }

    fn flatten_snapshots(&mut self, trace: &Trace) {
        /// About so many values a snapshot has.
        const VALUES: usize = 24;
        let mut values = std::mem::take(&mut self.snap_values);
        values.reserve(VALUES * trace.snapshots.len());
        self.snaps.reserve(trace.snapshots.len());
        for id in 0..trace.snapshots.len() {
            let start = values.len() as u32;
            trace.snapshots.for_each_value(SnapId(id as u32), |val| values.push(self.value(val)));
            self.snaps.push(List { start, len: values.len() as u32 - start });
        }
        self.snap_values = values;
    }

    fn add_use(&mut self, value: Value, at: usize) {
        let Some(v) = value.op_index() else { return };
        self.need(value, at);
        let next = self.first_use[v];
        if self.uses.get(next as usize).is_none_or(|node| node.at != at as u32) {
            self.uses.push(Use { at: at as u32, next });
            self.first_use[v] = self.uses.len() as u32 - 1;
        }
    }

    fn need(&mut self, value: Value, at: usize) {
        if let Some(v) = value.op_index()
            && self.last[v] == NEVER
        {
            self.last[v] = at as u32;
            self.deaths.push(v as u32);
        }
    }

    fn walk_back(&mut self, trace: &Trace) {
        let mut call = NEVER;
        for at in (0..trace.ops.len()).rev() {
            let op = &trace.ops[at];
            self.next_call[at] = call;
            self.deaths_start[at + 1] = self.deaths.len() as u32;
            if self.roles[at] != Role::Normal {
                continue;
            }
            if op.code.is_call() {
                call = at as u32;
            }
            if self.last[at] == NEVER && is_droppable(op.code) {
                self.roles[at] = Role::Nothing;
                continue;
            }
            if matches!(op.code, OpCode::GuardTrue | OpCode::GuardFalse) {
                self.fuse(trace, at);
            }
            if op.code == OpCode::DecrefLeaf && self.reuse_floats && self.reuse(trace, at) {
                continue;
            }
            self.fold(trace, at);
            let known = self.known_at_exit(op).map(|(value, _)| value);
            if op.code.is_guard()
                && let Some(&list) = self.snaps.get(op.snap.0 as usize)
            {
                self.guards += 1;
                self.guard_values += list.len as usize;
                for i in list.start..list.start + list.len {
                    let value = self.snap_values[i as usize];
                    if Some(value) != known {
                        self.need(value, at);
                    }
                }
            }
            let (operands, count) = self.operands(trace, at);
            for &value in &operands[..count] {
                self.add_use(value, at);
            }
            for &val in trace.list(op.list) {
                self.add_use(self.value(val), at);
            }
        }
        self.deaths_start[0] = self.deaths.len() as u32;
    }

    /// Makes a load part of the only op that uses its value, where the processor can read that operand from memory and
    /// nothing in between could change what is loaded or free the object.
    fn fold(&mut self, trace: &Trace, at: usize) {
        /// How far back a load may be.
        const REACH: usize = 16;
        use OpCode::*;
        let op = match self.fusions[at] {
            Some(fusion) => &trace.ops[fusion.compare as usize],
            None => &trace.ops[at],
        };
        let first_try: &[usize] = match op.code {
            FloatAdd | FloatMul | FloatSub | FloatDiv | FloatGt | FloatGe | FloatEq | FloatNe => &[1],
            FloatLt | FloatLe => &[0],
            IntEq | IntNe | IntLt | IntLe | IntGt | IntGe | IntULt | AddressEq | GuardIs => &[0, 1],
            _ => return,
        };
        for &operand in first_try {
            let Some(load) = self.value(op.args[operand]).op_index() else { continue };
            let other = self.value(op.args[1 - operand]);
            let value = Value::op(load);
            let wanted = self.roles[load] == Role::Normal
                && is_foldable(op, &trace.ops[load], other, &self.consts)
                && self.last[load] == NEVER
                && other != value
                && at - load <= REACH
                && self.value(trace.ops[load].args[0]).op_index().is_some()
                && !self.snapshot(&trace.ops[at]).contains(&value)
                && !self.label.is_some_and(|label| (load as u32) < label && at as u32 > label);
            if !wanted {
                continue;
            }
            let compare = self.fusions[at].map(|fusion| fusion.compare as usize);
            let stands = (load + 1..at).all(|between| {
                self.roles[between] == Role::Fused
                    || (passes(&trace.ops[between], &trace.ops[load])
                        && (Some(between) == compare || !self.mentions(trace, between, value)))
            });
            // Another load that was folded into an op between is done there, not here: only `value` itself matters.
            if stands {
                self.roles[load] = Role::Fused;
                self.folds[at] = Some(Fold { operand: operand as u8, load: load as u32 });
                return;
            }
        }
    }

    /// Recognizes a new float that replaces another: `new_float`, its store, and the `decref_leaf` of a float. The new
    /// one may take the old one's memory when the count there is 1: nobody else has seen it, and it dies here. Then
    /// nothing is left to do at the `decref_leaf`.
    fn reuse(&mut self, trace: &Trace, decref: usize) -> bool {
        let Some(old) = self.value(trace.ops[decref].args[0]).op_index().filter(|&old| self.floats[old])
        else {
            return false;
        };
        let old = Value::op(old);
        for at in (0..decref).rev() {
            let op = &trace.ops[at];
            let mentions = op.operands().iter().any(|&val| self.value(val) == old);
            match op.code {
                OpCode::NewFloat if !mentions && self.reuses[at].is_none() && old.0 < at as u32 => {
                    self.reuses[at] = Some(old);
                    self.roles[decref] = Role::Fused;
                    return true;
                }
                OpCode::StoreObj | OpCode::StoreObjAt if !mentions => {}
                _ => return false,
            }
        }
        false
    }

    /// Makes the comparison behind a `guard_true` or `guard_false` part of the guard when nothing else needs its result.
    fn fuse(&mut self, trace: &Trace, guard: usize) {
        /// How far back a comparison may be: its operands live on until the guard.
        const REACH: usize = 8;
        let mut negated = trace.ops[guard].code == OpCode::GuardFalse;
        let mut user = guard;
        loop {
            let Some(at) = self.value(trace.ops[user].args[0]).op_index() else { return };
            let op = &trace.ops[at];
            let wanted = op.code == OpCode::BoolNot || is_comparison(op.code);
            if !wanted || self.last[at] != NEVER || guard - at > REACH || self.roles[at] != Role::Normal {
                return;
            }
            if self.label.is_some_and(|label| (at as u32) < label && guard as u32 > label) {
                return;
            }
            if (at + 1..guard).any(|between| between != user && self.mentions(trace, between, Value::op(at)))
            {
                return;
            }
            if user != guard && self.snapshot(&trace.ops[guard]).contains(&Value::op(at)) {
                return;
            }
            if op.code == OpCode::BoolNot {
                negated = !negated;
                user = at;
                continue;
            }
            let mut chain = guard;
            while chain != at {
                chain = self.value(trace.ops[chain].args[0]).op_index().expect("walked above");
                self.roles[chain] = Role::Fused;
            }
            self.fusions[guard] = Some(Fusion { compare: at as u32, negated });
            return;
        }
    }

    fn mentions(&self, trace: &Trace, at: usize, value: Value) -> bool {
        let op = &trace.ops[at];
        op.operands().iter().any(|&val| self.value(val) == value)
            || trace.list(op.list).iter().any(|&val| self.value(val) == value)
            || self.snapshot(op).contains(&value)
    }

    /// Values that nothing needs after this op.
    pub fn deaths(&self, at: usize) -> impl Iterator<Item = usize> + '_ {
        let end = self.deaths_start[at];
        let dying = &self.deaths[self.deaths_start[at + 1] as usize..end as usize];
        dying.iter().map(|&v| v as usize).filter(move |&v| self.last[v] == at as u32)
    }

    fn extend_invariants(&mut self) {
        let Some(label) = self.label else { return };
        let end = self.last.len() as u32 - 1;
        for v in 0..label {
            let last = self.last[v as usize];
            if last != NEVER && last > label {
                self.last[v as usize] = end;
                self.invariants.push(Value(v));
            }
        }
    }
}

/// Ops without any effect besides their result.
fn is_droppable(code: OpCode) -> bool {
    use traces::Effect;
    let row = code.row();
    !row.guard
        && row.result != Some(Type::Void)
        && code != OpCode::Param
        && matches!(row.effect, Effect::Pure | Effect::Reads)
}

/// Ops whose boolean result a jump can test by the processor's flags.
fn is_comparison(code: OpCode) -> bool {
    use OpCode::*;
    matches!(
        code,
        IntEq
            | IntNe
            | IntLt
            | IntLe
            | IntGt
            | IntGe
            | IntULt
            | FloatEq
            | FloatNe
            | FloatLt
            | FloatLe
            | FloatGt
            | FloatGe
            | AddressEq
            | BoolValue
    )
}

/// Whether an op can read an operand from memory instead of having it loaded.
fn is_foldable(op: &Op, load: &Op, other: Value, consts: &[u64]) -> bool {
    use OpCode::*;
    let float = op.code.row().operands[0] == Operand::Is(Type::Float);
    match load.code {
        FloatValue | LoadFloat => float,
        LoadInt | LoadObj | LoadPtr => !float,
        // Narrow fields only where extending them makes no difference.
        LoadU8 | LoadU32 | LoadI32 if matches!(op.code, IntEq | IntNe) => {
            let Some(constant) = other.const_index().map(|c| consts[c] as i64) else { return false };
            match load.code {
                LoadU8 => (0..=0x7f).contains(&constant),
                LoadU32 => (0..=i32::MAX as i64).contains(&constant),
                _ => i32::try_from(constant).is_ok(),
            }
        }
        _ => false,
    }
}

/// Whether a load may be done after this op instead of before it.
fn passes(op: &Op, load: &Op) -> bool {
    use traces::{Effect, Region};
    let immutable = load.code == OpCode::FloatValue || load.region == Region::Immutable;
    match op.code.row().effect {
        Effect::Pure | Effect::Reads => true,
        Effect::Writes => immutable || op.region != load.region,
        Effect::Counts => matches!(op.code, OpCode::Incref | OpCode::Decref),
        _ => false,
    }
}
