//! What a trace knows at an exit beyond the slots' values, kept so that a bridge that starts there need not find it out again.
//!
//! A loop hoists loads and guards (its header's facts); a bridge that goes back to the loop has to supply them. At the exit they are
//! still in registers: the snapshot `keep`s the values, and [`Knowledge`] says what they are. A bridge passes on what
//! it was told, so bridges of bridges know as much. Made by `frames` with each snapshot, used by `peel` at a bridge's start.
//!
//! Nothing here may make the trace compute or hold a value that it needs for nothing else: `dead` drops from `keep` what is not
//! alive, and [`Known::retain`] what spoke of it.
//!
//! ```text
//! load_int v31 +16 RangeIter  is v38          ; the bridge's jump to the label passes v38's register, without a load
//! ```

use super::{Abs, Optimizer, dead::Survivors, memory::Key};
use traces::pool::Range;
use traces::{Const, Op, OpCode, Region, SnapId, Trace, Type, Val};

/// A computation whose result is known.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct KnownFact {
    /// The op.
    pub code: OpCode,
    /// Memory region.
    pub region: Region,
    /// Whether the result is known not to be null.
    pub nonnull: bool,
    /// Offset or helper.
    pub imm: i32,
    /// Operands; `Val::NONE` where unused.
    pub args: [Val; 2],
    /// The result.
    pub result: Val,
    /// The type of the result, or 0.
    pub known_type: usize,
}

/// What is known at a snapshot.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Knowledge {
    /// The known types (or 0) of functions of inlined frames and of slots, outermost frame first.
    pub types: Vec<usize>,
    /// Slots of the outermost frame whose object, which lies in memory, is this value as well.
    pub slots: Vec<(u32, Val)>,
    /// What is known of memory, and of computations on values that do not change.
    pub facts: Vec<KnownFact>,
}

/// Most values that a snapshot keeps for what is known.
pub(super) const MOST_KEPT: usize = 40;

#[derive(Clone, Copy, Debug)]
struct Entry {
    types: Range,
    slots: Range,
    facts: Range,
}

/// What is known at each snapshot of a trace. Packed as the snapshots are: neighbours share what is the same.
#[derive(Clone, Debug, Default)]
pub struct Known {
    entries: Vec<Entry>,
    /// Numbers of types: 0 is none, `n` is `table[n - 1]`.
    types: Vec<u16>,
    table: Vec<usize>,
    /// The type that was added last, and its number.
    last_type: (usize, u16),
    slots: Vec<(u32, Val)>,
    facts: Vec<KnownFact>,
    /// Where the types and the slots of what is being added start.
    open: (u32, u32),
}

/// What is known at one snapshot.
#[derive(Clone, Copy, Debug)]
pub struct KnownAt<'a> {
    known: &'a Known,
    entry: Entry,
}

impl<'a> KnownAt<'a> {
    /// See [`Knowledge::types`].
    pub fn types(self) -> impl ExactSizeIterator<Item = usize> + 'a {
        let types = self.entry.types.of(&self.known.types);
        types.iter().map(move |&n| if n == 0 { 0 } else { self.known.table[usize::from(n) - 1] })
    }
    /// The same by number.
    pub fn type_numbers(self) -> &'a [u16] {
        self.entry.types.of(&self.known.types)
    }
    /// See [`Knowledge::slots`].
    pub fn slots(self) -> impl Iterator<Item = (u32, Val)> + 'a {
        self.entry.slots.of(&self.known.slots).iter().copied().filter(|(_, v)| *v != Val::NONE)
    }
    /// See [`Knowledge::facts`].
    pub fn facts(self) -> impl Iterator<Item = &'a KnownFact> + 'a {
        self.entry.facts.of(&self.known.facts).iter().filter(|f| f.result != Val::NONE)
    }
    /// Whether the facts are the very ones that are known there.
    pub fn shares_facts(self, other: KnownAt<'_>) -> bool {
        self.entry.facts == other.entry.facts
    }
    /// Whether the types are the very ones that are known there.
    pub fn shares_types(self, other: KnownAt<'_>) -> bool {
        self.entry.types == other.entry.types
    }
}

impl Known {
    /// What is known at a snapshot.
    pub fn at(&self, id: SnapId) -> KnownAt<'_> {
        KnownAt { known: self, entry: self.entries[id.0 as usize] }
    }
    /// The same, unpacked.
    pub fn get(&self, id: SnapId) -> Knowledge {
        let at = self.at(id);
        Knowledge {
            types: at.types().collect(),
            slots: at.slots().collect(),
            facts: at.facts().copied().collect(),
        }
    }

    /// Nothing yet, with room for so many snapshots.
    pub(super) fn with_room(snapshots: usize) -> Known {
        Known {
            entries: Vec::with_capacity(snapshots),
            types: Vec::with_capacity(8 * snapshots),
            table: Vec::with_capacity(8),
            facts: Vec::with_capacity(32),
            ..Known::default()
        }
    }
    /// Starts what is known at the next snapshot; [`Self::finish`] ends it.
    pub(super) fn begin(&mut self) {
        self.open = (self.types.len() as u32, self.slots.len() as u32);
    }
    /// The type of the next slot, or 0.
    #[inline]
    pub fn add_type(&mut self, ty: usize) {
        let number = if ty == self.last_type.0 { self.last_type.1 } else { self.type_number(ty) };
        self.types.push(number);
    }
    /// The number of a type: that in `types`.
    pub fn type_number(&mut self, ty: usize) -> u16 {
        if ty == 0 {
            return 0;
        }
        let known = self.table.iter().position(|&known| known == ty);
        let index = known.unwrap_or_else(|| {
            self.table.push(ty);
            self.table.len() - 1
        });
        let number = u16::try_from(index + 1).expect("a trace has fewer ops");
        self.last_type = (ty, number);
        number
    }
    /// The types by number, from 1.
    pub fn type_table(&self) -> &[usize] {
        &self.table
    }
    /// See [`Knowledge::slots`].
    pub(super) fn add_slot(&mut self, k: u32, v: Val) {
        self.slots.push((k, v));
    }
    /// Whether the slots of what is being added, and these facts, are those of the snapshot before.
    pub(super) fn is_as_before(&self, facts: Range) -> bool {
        let slots = &self.slots[self.open.1 as usize..];
        self.entries.last().is_some_and(|last| last.facts == facts && last.slots.of(&self.slots) == slots)
    }
    /// Ends it.
    pub(super) fn finish(&mut self, facts: Range) {
        let last = self.entries.last();
        let (types, slots) = (last.map(|e| e.types), last.map(|e| e.slots));
        let types = Range::close(&mut self.types, self.open.0, types);
        let slots = Range::close(&mut self.slots, self.open.1, slots);
        self.entries.push(Entry { types, slots, facts });
    }
    /// The values of slots of what is being added, and of these facts; constants aside.
    pub(super) fn for_each_new_value(&self, facts: Range, mut f: impl FnMut(Val)) {
        let mut value = |v: Val| {
            if v.op_index().is_some() {
                f(v)
            }
        };
        self.slots[self.open.1 as usize..].iter().for_each(|&(_, v)| value(v));
        for fact in facts.of(&self.facts) {
            fact.args.iter().for_each(|&v| value(v));
            value(fact.result);
        }
    }
    /// Forgets at all snapshots the result of this computation on these values.
    pub(super) fn forget(&mut self, key: &Key, args: [Val; 2]) {
        for f in &mut self.facts {
            if (f.code, f.region, f.imm, f.args) == (key.code, key.region, key.imm, args) {
                f.result = Val::NONE;
            }
        }
    }
    /// Adds what is known at one more snapshot.
    pub fn push(&mut self, k: &Knowledge) {
        self.begin();
        k.types.iter().for_each(|&ty| self.add_type(ty));
        self.slots.extend_from_slice(&k.slots);
        let start = self.facts.len() as u32;
        self.facts.extend_from_slice(&k.facts);
        let facts = Range::close(&mut self.facts, start, self.entries.last().map(|e| e.facts));
        self.finish(facts);
    }

    /// Follows what became of a trace's snapshots and values (old op -> new value); what speaks of dropped values is forgotten.
    pub(super) fn retain(&mut self, survivors: &Survivors) {
        let map = |v: Val| match v.op_index() {
            Some(i) if v != Val::NONE => survivors.values[i],
            _ => v,
        };
        let mut kept = survivors.snapshots.iter();
        self.entries.retain(|_| kept.next().is_some_and(Option::is_some));
        self.slots.iter_mut().for_each(|(_, v)| *v = map(*v));
        for f in &mut self.facts {
            let args = f.args.map(map);
            let lost = f.args.iter().zip(&args).any(|(old, new)| *old != Val::NONE && *new == Val::NONE);
            f.result = if lost { Val::NONE } else { map(f.result) };
            f.args = args;
        }
    }
}

/// What is known because a guard failed.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Condition {
    /// A comparison of the trace ...
    pub code: OpCode,
    /// ... of these values ...
    pub args: [Val; 2],
    /// ... which gave this.
    pub holds: bool,
}

/// What the failure of a guard says.
pub fn condition(trace: &Trace, guard: &Op) -> Option<Condition> {
    let holds = match guard.code {
        OpCode::GuardTrue => false,
        OpCode::GuardFalse => true,
        _ => return None,
    };
    let op = &trace.ops[guard.args[0].op_index()?];
    let row = op.code.row();
    let comparison = row.result == Some(Type::Bool) && !row.guard && !row.list && !row.region;
    (comparison && row.operands.len() <= 2).then_some(Condition {
        code: op.code,
        args: [op.args[0], op.args[1]],
        holds,
    })
}

impl Optimizer<'_> {
    /// The key of a computation, its operands in the order in which look-ups have them.
    pub(super) fn ordered(&self, mut key: Key) -> Key {
        if key.code.row().commutative && key.b < key.a {
            std::mem::swap(&mut key.a, &mut key.b);
        }
        key
    }

    /// What stands for an abstract value at an exit, if it is in the trace as things are.
    pub(super) fn known_val(&mut self, a: Abs) -> Option<Val> {
        if a == Abs::NONE {
            return Some(Val::NONE);
        }
        let (constant, val) = (self.info(a).constant, self.info(a).val);
        match constant {
            Some(c) => Some(self.out.constant(c)),
            None => (val != Val::NONE).then_some(val),
        }
    }

    /// Whether a value is a param, which lives on anyway.
    pub(super) fn is_param(&self, a: Abs) -> bool {
        let info = self.info(a);
        info.constant.is_none()
            && info
                .val
                .op_index()
                .is_some_and(|i| info.val != Val::NONE && self.out.ops[i].code == OpCode::Param)
    }

    /// What is known now of the facts that a bridge may want: a part of `known.facts`.
    pub(super) fn known_facts(&mut self) -> Range {
        if let Some((version, facts)) = self.last_known
            && version == self.heap.version()
        {
            return facts;
        }
        let start = self.known.facts.len() as u32;
        for i in 0..self.heap.watched().len() {
            let key = self.heap.watched()[i];
            let immutable = key.region == Region::Immutable;
            let hit = if immutable { self.pure.get(&key).copied() } else { self.heap.get(&key) };
            let Some(hit) = hit else { continue };
            let vals = (self.known_val(key.a), self.known_val(key.b), self.known_val(hit));
            let (Some(a), Some(b), Some(result)) = vals else { continue };
            let (nonnull, known_type) = (self.info(hit).nonnull, self.info(hit).known_type);
            self.known.facts.push(KnownFact {
                code: key.code,
                region: key.region,
                nonnull,
                imm: key.imm,
                args: [a, b],
                result,
                known_type,
            });
        }
        let last = self.last_known.map(|(_, facts)| facts);
        let facts = Range::close(&mut self.known.facts, start, last);
        self.last_known = Some((self.heap.version(), facts));
        facts
    }

    /// Tells a bridge what was known at the exit that it starts from. `value` gives its value for one of the trace that it leaves.
    pub(super) fn learn_known(
        &mut self,
        known: &Knowledge,
        condition: Option<Condition>,
        mut value: impl FnMut(&mut Self, Val) -> Option<Abs>,
    ) {
        for fact in known.facts.iter() {
            let mut args = [Abs::NONE; 2];
            let mut complete = true;
            for (arg, &v) in args.iter_mut().zip(&fact.args).filter(|(_, v)| **v != Val::NONE) {
                match value(self, v) {
                    Some(a) => *arg = a,
                    None => complete = false,
                }
            }
            let Some(result) = value(self, fact.result) else { continue };
            if !complete {
                continue;
            }
            let info = self.info_mut(result);
            info.nonnull |= fact.nonnull;
            if info.known_type == 0 {
                info.known_type = fact.known_type;
            }
            let [a, b] = args;
            let key = self.ordered(Key { code: fact.code, a, b, imm: fact.imm, region: fact.region });
            if fact.code.row().result == Some(Type::Bool) && self.info(result).constant.is_none() {
                self.info_mut(result).compare = Some((fact.code, a, b));
            }
            if fact.region == Region::Immutable {
                self.pure.insert(key, result);
            } else {
                self.heap.insert(key, result);
            }
            self.heap.watch(key);
        }
        if let Some(c) = condition {
            let a = value(self, c.args[0]);
            let b = if c.args[1] == Val::NONE { Some(Abs::NONE) } else { value(self, c.args[1]) };
            if let (Some(a), Some(b)) = (a, b) {
                let key = self.ordered(Key::pure(c.code, a, b));
                let result = self.constant(Const::Bool(c.holds));
                self.pure.insert(key, result);
                self.learn_comparison(c.code, a, b, c.holds);
            }
        }
    }
}
