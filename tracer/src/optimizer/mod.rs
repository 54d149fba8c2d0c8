//! The forward optimizer: takes the ops of a recording one by one and emits what is left of them.
//!
//! A recording is a [`Trace`] whose objects are all real, whose counts are all written down and whose snapshots name recorded values.
//! What comes out has guards that are not implied by earlier ones, loads that are not forwarded, boxes that somebody
//! sees, counts that the death rule needs. Feeding the same recording again, with the end state as the start state, peels the loop
//! (`peel`). Called by `peel` and `driver`; knows no Python but through [`Env`].
//!
//! - `value`: abstract values; `fold`: constant folding; `memory`: what loads may be forwarded; `ledger`: counts;
//!   `frames`: snapshots, and bringing frames in memory up to date; `header`: loop headers and linking to them; `known`: what exits tell bridges; `dead`: dead code.

pub mod dead;
mod env;
pub mod fold;
mod frames;
mod header;
mod known;
mod ledger;
mod memory;
pub mod parts;
pub mod peel;
pub mod rules;
mod value;

pub use env::{Env, HelperIds};
pub use header::{Fact, FactArg, Header, HeaderSlot, Requirement};
pub use known::{Condition, Knowledge, Known, KnownAt, KnownFact, condition};
pub use peel::Values;
pub use value::{Abs, Boxed, Info};

use crate::abort::Abort;
use fold::{Fold, fold_without};
use frames::{FrameMemory, Seen};
use fxhash::FxHashMap;
use memory::{Heap, Key};
use parts::Part;
use traces::pool::Range;
use traces::{Const, Effect, Op, OpCode, Region, SnapId, Trace, Type, Val};

/// The optimizer's state.
pub struct Optimizer<'e> {
    env: &'e Env,
    /// What has been emitted.
    pub out: Trace,
    infos: Vec<Info>,
    /// Recorded op -> abstract value.
    map: Vec<Abs>,
    /// Recorded constant -> abstract value.
    const_map: Vec<Abs>,
    constants: FxHashMap<Const, Abs>,
    /// The abstract value of NULL, once there is one.
    null: Abs,
    pure: FxHashMap<Key, Abs>,
    heap: Heap,
    frames: Vec<FrameMemory>,
    at: SnapId,
    unsettled: Vec<Abs>,
    /// Bumped by whatever changes what a snapshot would say.
    generation: u32,
    last_snapshot: Option<(SnapId, u32, SnapId)>,
    seen: Seen,
    /// For each snapshot of `out` the recorded one it was made from.
    pub origins: Vec<SnapId>,
    /// For each snapshot of `out` what is known there.
    pub known: Known,
    /// What was known last of what is watched, and of which heap.
    last_known: Option<(u32, Range)>,
    /// For each value of `out` which snapshot was the last to keep it, counted from 1.
    kept: Vec<u32>,
    frame_ptr: Abs,
    /// The facts that were assumed at the start of this copy: key, value.
    assumed: Vec<(Key, Abs)>,
    assumed_used: Vec<bool>,
}

/// Most ops of a recording whose trace gets just the room that it is likely to need.
const SMALL: usize = 512;

fn map_for<K, V>(n: usize) -> FxHashMap<K, V> {
    FxHashMap::with_capacity_and_hasher(n, Default::default())
}

/// An error ends the optimization: the recording is not compiled.
pub type Optimized<T> = Result<T, Abort>;

impl<'e> Optimizer<'e> {
    /// Starts a trace that is made of this recording. What `out` has are its params.
    pub fn new(env: &'e Env, mut out: Trace, raw: &Trace) -> Self {
        // What grows is copied, and leaves holes in memory. But of what is reserved and not used, the page at each end is touched, which
        // a small trace can't afford: it gets what most need, a large one what the recording fed twice can need.
        let (ops, halves) = if raw.ops.len() <= SMALL { (raw.ops.len(), 3) } else { (2 * raw.ops.len(), 4) };
        let snapshots = raw.snapshots.len() * halves / 2;
        out.ops.reserve_exact(ops);
        out.snapshots.reserve(&raw.snapshots, halves);
        let mut o = Optimizer {
            env,
            out,
            infos: Vec::with_capacity(ops),
            map: Vec::with_capacity(raw.ops.len()),
            const_map: Vec::with_capacity(raw.consts.len()),
            constants: map_for(raw.consts.len()),
            null: Abs::NONE,
            pure: map_for(raw.ops.len() / 4),
            heap: Heap::with_room(32),
            frames: Vec::new(),
            at: SnapId::NONE,
            unsettled: Vec::with_capacity(16),
            generation: 0,
            last_snapshot: None,
            seen: Seen::default(),
            origins: Vec::with_capacity(snapshots),
            known: Known::with_room(snapshots),
            last_known: None,
            kept: Vec::with_capacity(ops),
            frame_ptr: Abs::NONE,
            assumed: Vec::new(),
            assumed_used: Vec::new(),
        };
        let v = o.out.push(Op::new(OpCode::Frame, &[]));
        o.frame_ptr = o.new_abs(Info { nonnull: true, ..Info::new(Type::Ptr, v) });
        o
    }

    /// What was emitted: trace, `origins`, `known`. All else is given back.
    fn into_emitted(self) -> (Trace, Vec<SnapId>, Known) {
        (self.out, self.origins, self.known)
    }

    fn new_abs(&mut self, info: Info) -> Abs {
        self.infos.push(info);
        Abs(self.infos.len() as u32 - 1)
    }

    fn info(&self, a: Abs) -> &Info {
        &self.infos[a.0 as usize]
    }

    fn info_mut(&mut self, a: Abs) -> &mut Info {
        &mut self.infos[a.0 as usize]
    }

    /// The abstract value of a constant.
    fn constant(&mut self, c: Const) -> Abs {
        if let Some(&a) = self.constants.get(&c) {
            return a;
        }
        let val = self.out.constant(c);
        let mut info = Info::new(c.ty(), val);
        info.constant = Some(c);
        info.immortal = true;
        if let Const::Obj(address) = c {
            info.immortal = address == 0 || !(self.env.may_die)(address);
            info.nonnull = address != 0;
            info.known_type = if address != 0 { (self.env.type_of)(address) } else { 0 };
        }
        let a = self.new_abs(info);
        self.constants.insert(c, a);
        a
    }

    /// The abstract value of NULL.
    fn null(&mut self) -> Abs {
        if self.null == Abs::NONE {
            self.null = self.constant(Const::Obj(0));
        }
        self.null
    }

    /// The abstract value of a recorded one.
    #[inline]
    fn abs(&mut self, raw: &Trace, v: Val) -> Abs {
        match v.op_index() {
            Some(i) => self.map[i],
            None => self.recorded_constant(raw, v.const_index().expect("an op's operand")),
        }
    }

    fn recorded_constant(&mut self, raw: &Trace, i: usize) -> Abs {
        match self.const_map.get(i) {
            Some(&a) if a != Abs::NONE => a,
            _ => self.new_recorded_constant(raw, i),
        }
    }

    #[cold]
    fn new_recorded_constant(&mut self, raw: &Trace, i: usize) -> Abs {
        if self.const_map.len() <= i {
            self.const_map.resize(raw.consts.len().max(i + 1), Abs::NONE);
        }
        self.const_map[i] = self.constant(raw.consts[i]);
        self.const_map[i]
    }

    /// Forgets which recorded value is which: before the recording is fed once more.
    fn start_copy(&mut self, raw: &Trace) {
        self.map.clear();
        self.map.resize(raw.ops.len(), Abs::NONE);
        self.at = SnapId::NONE;
        self.last_snapshot = None;
    }

    /// The value in the trace; builds a box, or loads from the entry frame, when there is none yet.
    #[inline]
    fn value(&mut self, a: Abs) -> Val {
        let info = self.info(a);
        if info.val.is_const() || info.constant.is_none() && info.val != Val::NONE {
            return info.val;
        }
        self.make_value(a)
    }

    fn make_value(&mut self, a: Abs) -> Val {
        let info = self.info(a);
        if let Some(c) = info.constant {
            return self.out.constant(c);
        }
        if let Some(boxed) = info.boxed {
            return self.build(a, boxed);
        }
        let slot = info.lazy_slot.expect("an object is real, virtual or in memory");
        let frame = self.info(self.frame_ptr).val;
        let mut op = Op::new(OpCode::LoadObj, &[frame]);
        op.imm = self.env.slot_offset(slot);
        op.region = Region::FrameSlot;
        let val = self.out.push(op);
        self.info_mut(a).val = val;
        self.generation += 1;
        val
    }

    /// Builds a virtual box.
    fn build(&mut self, a: Abs, boxed: Boxed) -> Val {
        let payload = self.value(boxed.payload());
        self.generation += 1;
        let (code, read) = match boxed {
            Boxed::Int(_) => (OpCode::NewInt, OpCode::IntValue),
            Boxed::Float(_) => (OpCode::NewFloat, OpCode::FloatValue),
            Boxed::Bool(_) => (OpCode::BoolObj, OpCode::BoolValue),
        };
        let val = self.out.push(Op::new(code, &[payload]));
        let info = self.info_mut(a);
        info.val = val;
        info.boxed = None;
        if matches!(boxed, Boxed::Bool(_)) {
            info.immortal = true;
        } else {
            info.held = 1;
            if info.owed > info.held {
                self.unsettled.push(a);
            }
        }
        self.pure.insert(Key::pure(read, a, Abs::NONE), boxed.payload());
        val
    }

    /// Emits an op with these operands.
    fn emit(&mut self, code: OpCode, args: &[Abs]) -> Op {
        let mut vals = [Val::NONE; 3];
        for (v, &a) in vals.iter_mut().zip(args) {
            *v = self.value(a);
        }
        Op::new(code, &vals[..args.len()])
    }

    fn push(&mut self, op: Op) -> Abs {
        let ty = op.ty;
        let val = self.out.push(op);
        self.new_abs(Info::new(ty, val))
    }

    /// Feeds one recorded op.
    pub fn feed(&mut self, raw: &Trace, index: usize) -> Optimized<()> {
        let op = &raw.ops[index];
        let code = op.code;
        if code == OpCode::Param {
            return Ok(());
        }
        let mut args = [Abs::NONE; 3];
        for (a, &v) in args.iter_mut().zip(op.operands()) {
            *a = self.abs(raw, v);
        }
        use OpCode::*;
        let result = match code {
            At => {
                self.at = op.snap;
                Abs::NONE
            }
            InlineReturn => {
                self.inline_return(raw, op.snap)?;
                Abs::NONE
            }
            Frame => self.frame_ptr,
            ThreadState => self.thread_state(),
            GuardType if self.is_mere_licence(raw, op, args[0]) => Abs::NONE,
            GuardTrue | GuardFalse | GuardType | GuardIs | GuardNull | GuardNonNull => {
                self.guard(raw, code, args[0], args[1], op.snap)?;
                Abs::NONE
            }
            GuardClear => {
                let base = self.value(args[0]);
                let snap = self.snapshot(raw, op.snap)?;
                let mut g = Op::new(GuardClear, &[base]);
                (g.imm, g.region, g.snap) = (op.imm, op.region, snap);
                self.out.push(g);
                Abs::NONE
            }
            IntValue | FloatValue | BoolValue => self.unbox(raw, code, args[0], op.snap)?,
            NewInt => self.fed_box(Boxed::Int(args[0]), self.env.int_type),
            NewFloat => self.fed_box(Boxed::Float(args[0]), self.env.float_type),
            BoolObj => match self.info(args[0]).constant {
                Some(Const::Bool(b)) => {
                    self.constant(Const::Obj(if b { self.env.true_object } else { self.env.false_object }))
                }
                _ => self.new_box(Boxed::Bool(args[0]), self.env.bool_type, 0),
            },
            Incref => {
                self.incref(args[0]);
                Abs::NONE
            }
            Decref | DecrefLeaf | DecrefGuard | DecrefDealloc => {
                self.decref(raw, code, args[0], op.snap)?;
                Abs::NONE
            }
            LoadInt | LoadU32 | LoadI32 | LoadU8 | LoadFloat | LoadObj | LoadPtr | LoadObjAt => {
                self.load(op, args[0], args[1])
            }
            StoreInt | StoreI32 | StoreU8 | StoreFloat | StoreObj | StoreObjAt => {
                self.store(op, args)?;
                Abs::NONE
            }
            CallVoid | CallInt | CallFloat | CallBool | CallObj | CallPtr => self.call(raw, op)?,
            _ if code.row().effect == Effect::Pure => self.pure_op(raw, op, args[0], args[1])?,
            _ => return Err(Abort::Unsupported),
        };
        self.map[index] = result;
        Ok(())
    }

    fn thread_state(&mut self) -> Abs {
        let key = Key::pure(OpCode::ThreadState, Abs::NONE, Abs::NONE);
        if let Some(a) = self.lookup_pure(&key) {
            return a;
        }
        let a = self.push(Op::new(OpCode::ThreadState, &[]));
        self.info_mut(a).nonnull = true;
        self.pure.insert(key, a);
        a
    }

    /// A box that the recording makes.
    fn fed_box(&mut self, boxed: Boxed, ty: usize) -> Abs {
        let a = self.new_box(boxed, ty, 1);
        if self.env.off.has(Part::Unboxing) {
            self.value(a);
        }
        a
    }

    fn new_box(&mut self, boxed: Boxed, ty: usize, owed: i32) -> Abs {
        let mut info = Info::new(Type::Obj, Val::NONE);
        info.boxed = Some(boxed);
        info.known_type = ty;
        info.nonnull = true;
        info.owed = owed;
        self.new_abs(info)
    }

    /// A pure op: folded, shared with an earlier one, or emitted.
    fn pure_op(&mut self, raw: &Trace, op: &Op, mut a: Abs, mut b: Abs) -> Optimized<Abs> {
        let code = op.code;
        let row = code.row();
        if row.commutative && b < a {
            std::mem::swap(&mut a, &mut b);
        }
        if code == OpCode::AddressEq
            && let Some(same) = self.known_identity(a, b)
        {
            return Ok(self.constant(Const::Bool(same)));
        }
        let known = |o: &Self, x: Abs| if x == Abs::NONE { None } else { o.info(x).constant };
        let same = a == b && b != Abs::NONE;
        match fold_without(code, known(self, a), known(self, b), same, self.env.off) {
            Some(Fold::Const(c)) => return Ok(self.constant(c)),
            Some(Fold::Operand(0)) => return Ok(a),
            Some(Fold::Operand(_)) => return Ok(b),
            Some(Fold::Overflow) => return Err(Abort::Contradiction),
            None => {}
        }
        let key = Key::pure(code, a, b);
        if let Some(hit) = self.lookup_pure(&key) {
            return Ok(hit);
        }
        let operands = [a, b];
        let mut new = self.emit(code, &operands[..row.operands.len()]);
        if row.guard {
            new.snap = self.snapshot(raw, op.snap)?;
        }
        let r = self.push(new);
        if row.result == Some(Type::Bool) {
            self.info_mut(r).compare = Some((code, a, b));
        }
        self.heap.note(&key);
        self.pure.insert(key, r);
        Ok(r)
    }

    /// Whether two objects are the same one, where that can be known.
    fn known_identity(&self, a: Abs, b: Abs) -> Option<bool> {
        if a == b {
            return Some(true);
        }
        let (ia, ib) = (self.info(a), self.info(b));
        let different_types = ia.known_type != 0 && ib.known_type != 0 && ia.known_type != ib.known_type;
        // A box that nobody has seen is no other object; but small ints are shared, so an int proves nothing.
        let fresh_float = |i: &Info| matches!(i.boxed, Some(Boxed::Float(_)));
        if different_types || fresh_float(ia) || fresh_float(ib) { Some(false) } else { None }
    }

    /// The machine value inside an exact int, float or bool.
    fn unbox(&mut self, raw: &Trace, code: OpCode, o: Abs, snap: SnapId) -> Optimized<Abs> {
        match self.info(o).boxed {
            Some(Boxed::Bool(b)) if code == OpCode::IntValue => {
                let op = Op::new(OpCode::IntFromBool, &[Val::NONE]);
                return self.pure_op(raw, &op, b, Abs::NONE);
            }
            Some(boxed) => return Ok(boxed.payload()),
            None => {}
        }
        if let Some(Const::Obj(address)) = self.info(o).constant
            && let Some(c) = (self.env.payload_of)(code, address)
        {
            return Ok(self.constant(c));
        }
        let key = Key::pure(code, o, Abs::NONE);
        if let Some(hit) = self.lookup_pure(&key) {
            return Ok(hit);
        }
        let mut new = self.emit(code, &[o]);
        if code.is_guard() {
            new.snap = self.snapshot(raw, snap)?;
        }
        let r = self.push(new);
        self.heap.note(&key);
        self.pure.insert(key, r);
        Ok(r)
    }

    fn guard(&mut self, raw: &Trace, code: OpCode, a: Abs, b: Abs, snap: SnapId) -> Optimized<()> {
        use OpCode::*;
        let info = self.info(a);
        let implied = match code {
            GuardTrue | GuardFalse => match info.constant {
                Some(Const::Bool(v)) => Some(v == (code == GuardTrue)),
                _ => None,
            },
            GuardType => {
                let Some(Const::Ptr(ty)) = self.info(b).constant else { return Err(Abort::Unsupported) };
                if info.known_type == 0 { None } else { Some(info.known_type == ty) }
            }
            GuardIs => match (info.constant, self.info(b).constant) {
                (Some(x), Some(y)) => Some(x.bits() == y.bits()),
                _ if a == b => Some(true),
                _ => None,
            },
            GuardNull | GuardNonNull => match info.constant {
                Some(c) => Some((c.bits() == 0) == (code == GuardNull)),
                None if info.nonnull => Some(code == GuardNonNull),
                None => None,
            },
            _ => None,
        };
        let plain = info.constant.is_none() && info.boxed.is_none();
        match implied {
            Some(true) if plain && self.env.off.has(Part::Guards) => {}
            Some(true) => return Ok(()),
            Some(false) => return Err(Abort::Contradiction),
            None => {}
        }
        let operands = [a, b];
        let mut new = self.emit(code, &operands[..code.row().operands.len()]);
        new.snap = self.snapshot(raw, snap)?;
        self.out.push(new);
        self.learn(code, a, b);
        Ok(())
    }

    /// Whether a guard's type only allows to drop the object without further ado, and the type that it is now known to have allows that as
    /// well: a local of one type that is overwritten with another has the second one when the recording is fed once more.
    fn is_mere_licence(&self, raw: &Trace, guard: &Op, a: Abs) -> bool {
        let (object, ty) = (guard.args[0], guard.args[1]);
        // Only a local of the loop's frame, and (no use but these) never pushed in this turn: who asks for the type of a value on the
        // stack may want to know it.
        let in_loop = self.env.drops_licences && raw.ops.last().is_some_and(|op| op.code == OpCode::Jump);
        let local = in_loop
            && object.op_index().is_some_and(|i| {
                let end = raw.snapshots.len().checked_sub(1).map_or(0, |last| {
                    let frame = raw.snapshots.frame(SnapId(last as u32), 0);
                    frame.slots.len() as u32 - frame.stack_depth
                });
                raw.ops[i].code == OpCode::Param && (raw.ops[i].imm as u32) < end
            });
        if !local {
            return false;
        }
        let known = self.info(a).known_type;
        if known == 0 || raw.const_of(ty) == Some(Const::Ptr(known)) || !(self.env.is_leaf)(known) {
            return false;
        }
        let is_decref = |code| matches!(code, OpCode::Decref | OpCode::DecrefLeaf);
        let uses = |op: &&Op| op.operands().contains(&object) || raw.list(op.list).contains(&object);
        let mut dropped = false;
        raw.ops.iter().filter(uses).all(|op| {
            dropped |= is_decref(op.code);
            is_decref(op.code) || matches!(op.code, OpCode::GuardType | OpCode::GuardNonNull)
        }) && dropped
    }

    /// Notes what a guard that held says.
    fn learn(&mut self, code: OpCode, a: Abs, b: Abs) {
        use OpCode::*;
        match code {
            GuardTrue | GuardFalse => {
                let value = code == GuardTrue;
                self.info_mut(a).constant = Some(Const::Bool(value));
                if let Some((compare, x, y)) = self.info(a).compare {
                    self.learn_comparison(compare, x, y, value);
                }
            }
            GuardType => {
                if let Some(Const::Ptr(ty)) = self.info(b).constant {
                    let info = self.info_mut(a);
                    info.known_type = ty;
                    info.nonnull = true;
                }
            }
            GuardIs => {
                let c = self.info(b).constant;
                let known_type = self.info(b).known_type;
                let info = self.info_mut(a);
                info.constant = c;
                info.nonnull = c.is_some_and(|c| c.bits() != 0);
                info.known_type = known_type;
            }
            GuardNull => {
                let null = if self.info(a).ty == Type::Obj { Const::Obj(0) } else { Const::Ptr(0) };
                self.info_mut(a).constant = Some(null);
            }
            GuardNonNull => self.info_mut(a).nonnull = true,
            _ => {}
        }
        self.generation += 1;
    }

    /// Notes what the outcome of a comparison says of its operands.
    fn learn_comparison(&mut self, compare: OpCode, x: Abs, y: Abs, value: bool) {
        use OpCode::*;
        let equal = (matches!(compare, IntEq | AddressEq) && value) || (compare == IntNe && !value);
        if equal && self.info(x).constant.is_none() {
            self.info_mut(x).constant = self.info(y).constant;
        } else if equal && self.info(y).constant.is_none() {
            self.info_mut(y).constant = self.info(x).constant;
        } else if compare == BoolNot {
            self.learn(if value { GuardFalse } else { GuardTrue }, x, Abs::NONE);
        }
    }

    fn call(&mut self, raw: &Trace, op: &Op) -> Optimized<Abs> {
        let effect = raw.effect(op);
        let args: Vec<Abs> = raw.list(op.list).iter().map(|&v| self.abs(raw, v)).collect();
        let key = Key { code: op.code, a: Abs::NONE, b: Abs::NONE, imm: op.imm, region: Region::Immutable };
        let key = match *args {
            [a] => Key { a, ..key },
            [a, b] => Key { a, b, ..key },
            _ => key,
        };
        let shareable = effect == Effect::Pure && (1..=2).contains(&args.len());
        if shareable && let Some(hit) = self.lookup_pure(&key) {
            return Ok(hit);
        }
        match effect {
            Effect::RunsPython => self.before_python(raw)?,
            Effect::AnyMemory => self.settle_borrowed(None),
            _ => {}
        }
        let vals: Vec<Val> = args.iter().map(|&a| self.value(a)).collect();
        if effect == Effect::RunsPython {
            self.settle_all();
            self.settle_constants(&args);
        }
        let (first, last) = self.env.helpers.stealing;
        if (first..=last).contains(&op.imm) {
            for &a in &args {
                if self.info(a).ty == Type::Obj {
                    self.give(a);
                }
            }
        }
        let mut new = Op::new(op.code, &[]);
        new.imm = op.imm;
        new.list = self.out.push_list(&vals);
        let r = self.push(new);
        if op.ty == Type::Obj {
            let info = self.info_mut(r);
            (info.owed, info.held) = (1, 1);
        }
        match effect {
            Effect::RunsPython => self.after_python(),
            Effect::AnyMemory => self.heap.clear(),
            _ => {}
        }
        self.generation += 1;
        if shareable {
            self.heap.note(&key);
            self.pure.insert(key, r);
        }
        Ok(r)
    }
}
