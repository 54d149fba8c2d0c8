//! What a trace knows at an exit beyond the slots' values, kept so that a bridge that starts there need not find it out again.
//!
//! A loop hoists loads and guards (its header's facts); a bridge that goes back to the loop has to supply them. At the exit they are
//! still in registers: the snapshot `keep`s the values, and [`Knowledge`] says what they are. A bridge passes on what
//! it was told, so bridges of bridges know as much. Made by `frames` with each snapshot, used by `peel` at a bridge's start.
//!
//! Nothing here may make the trace compute or hold a value that it needs for nothing else: `dead` drops from `keep` what is not
//! alive, and [`Knowledge::renumber`] what spoke of it.
//!
//! ```text
//! load_int v31 +16 RangeIter  is v38          ; the bridge's jump to the label passes v38's register, without a load
//! ```

use super::{Abs, Optimizer, memory::Key};
use std::rc::Rc;
use traces::{Const, Op, OpCode, Region, Trace, Type, Val};

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

/// Facts; snapshots share them.
pub type Facts = Rc<Vec<KnownFact>>;

/// What is known at a snapshot.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Knowledge {
    /// The known types (or 0) of functions of inlined frames and of slots, outermost frame first.
    pub types: Vec<usize>,
    /// Slots of the outermost frame whose object, which lies in memory, is this value as well.
    pub slots: Vec<(u32, Val)>,
    /// What is known of memory, and of computations on values that do not change.
    pub facts: Facts,
}

/// Most values that a snapshot keeps for what is known.
pub(super) const MOST_KEPT: usize = 40;

impl Knowledge {
    /// Every value that it speaks of, constants aside.
    pub fn for_each_value(&self, mut f: impl FnMut(Val)) {
        let mut value = |v: Val| {
            if v.op_index().is_some() {
                f(v)
            }
        };
        self.slots.iter().for_each(|&(_, v)| value(v));
        for fact in self.facts.iter() {
            fact.args.iter().for_each(|&v| value(v));
            value(fact.result);
        }
    }

    /// Follows a renumbering of the trace (old op -> new value); what speaks of dropped values is forgotten. Snapshots that share
    /// their facts go on to: `last` holds those that were renumbered last, old and new.
    pub fn renumber(&self, renumber: &[Val], last: &mut Option<(Facts, Facts)>) -> Knowledge {
        let map = |v: Val| match v.op_index() {
            Some(i) if v != Val::NONE => (renumber[i] != Val::NONE).then_some(renumber[i]),
            _ => Some(v),
        };
        let facts = match last {
            Some((old, new)) if Rc::ptr_eq(old, &self.facts) => new.clone(),
            _ => {
                let facts = self.facts.iter().filter_map(|f| {
                    let args = [map(f.args[0])?, map(f.args[1])?];
                    Some(KnownFact { args, result: map(f.result)?, ..*f })
                });
                let facts = Rc::new(facts.collect());
                *last = Some((self.facts.clone(), Rc::clone(&facts)));
                facts
            }
        };
        Knowledge {
            types: self.types.clone(),
            slots: self.slots.iter().filter_map(|&(k, v)| Some((k, map(v)?))).collect(),
            facts,
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
    fn known_val(&mut self, a: Abs) -> Option<Val> {
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

    /// What is known now of the facts that a bridge may want.
    pub(super) fn known_facts(&mut self) -> Rc<Vec<KnownFact>> {
        if let Some((version, facts)) = &self.last_known
            && *version == self.heap.version()
        {
            return facts.clone();
        }
        let mut facts = Vec::new();
        let wanted = std::mem::take(&mut self.wanted);
        for key in &wanted {
            let immutable = key.region == Region::Immutable;
            let hit = if immutable { self.pure.get(key).copied() } else { self.heap.get(key) };
            let Some(hit) = hit else { continue };
            let vals = (self.known_val(key.a), self.known_val(key.b), self.known_val(hit));
            let (Some(a), Some(b), Some(result)) = vals else { continue };
            let info = self.info(hit);
            facts.push(KnownFact {
                code: key.code,
                region: key.region,
                nonnull: info.nonnull,
                imm: key.imm,
                args: [a, b],
                result,
                known_type: info.known_type,
            });
        }
        self.wanted = wanted;
        let facts = Rc::new(facts);
        self.last_known = Some((self.heap.version(), facts.clone()));
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
            self.wanted.push(key);
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
