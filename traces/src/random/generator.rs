//! The generator: makes an op, executes it, keeps it if the run goes on. See the module for the rules that it keeps.

use std::collections::HashMap;

use super::helpers::{call, helpers};
use super::world::*;
use super::{Options, Program, Rng};
use crate::evaluate::{Entry, Run, Step};
use crate::memory::{Kind, Memory};
use crate::op::{OpCode, Region, Type};
use crate::trace::{Const, FrameState, Op, Resume, Slot, Snapshot, Trace, Val, Virtual};

/// Makes a random program.
pub(super) fn generate(seed: u64, options: &Options) -> Program {
    let mut rng = Rng::new(seed);
    let mut memory = Memory::new(32 << 10);
    let world = World::new(&mut memory, &mut rng).expect("the arena is large enough");
    let initial = memory.bytes().to_vec();
    let inputs = if options.looped { Vec::new() } else { inputs(&mut rng, &world) };
    let entry =
        Entry { frame: world.frame, thread_state: world.thread_state, inputs: &inputs, ..Entry::default() };
    let mut generator = Generator {
        rng,
        trace: Trace::new(helpers()),
        run: Run::new(&entry),
        memory,
        world: &world,
        options,
        pools: HashMap::new(),
        immortal: Vec::new(),
        borrowed: Vec::new(),
        owned: Vec::new(),
        kinds: HashMap::new(),
        frame: Val::NONE,
        left: false,
    };
    if options.looped {
        generator.looped();
    } else {
        generator.bridge(&inputs);
    }
    let Generator { trace, mut memory, .. } = generator;
    memory.restore(&initial);
    let initial_top = memory.top();
    Program {
        trace,
        memory,
        initial,
        frame: world.frame,
        thread_state: world.thread_state,
        inputs,
        initial_top,
        recorded: false,
        world: None,
    }
}

struct Generator<'a> {
    rng: Rng,
    trace: Trace,
    run: Run<'a>,
    memory: Memory,
    world: &'a World,
    options: &'a Options,
    /// Ints, floats and bools made so far.
    pools: HashMap<Type, Vec<Val>>,
    /// Objects that never die.
    immortal: Vec<Val>,
    /// Objects that live until the next release of anything.
    borrowed: Vec<Val>,
    /// One entry for each reference that the trace owns.
    owned: Vec<Val>,
    /// Objects whose type was guarded or is known.
    kinds: HashMap<Val, Kind>,
    frame: Val,
    /// A guard left: the run ends here.
    left: bool,
}

impl Generator<'_> {
    fn bridge(&mut self, inputs: &[Const]) {
        for (index, input) in inputs.iter().enumerate() {
            let v = self.emit(Op { ty: input.ty(), imm: index as i32, ..Op::new(OpCode::Param, &[]) });
            self.remember(v, input.ty() == Type::Obj);
        }
        self.begin();
        self.body(self.options.ops);
        let end = match self.rng.below(3) {
            _ if self.left => None,
            0 => Some(Op { imm: 1, ..Op::new(OpCode::EnterTrace, &[]) }),
            1 => {
                let vals: Vec<Val> = (0..self.rng.below(6)).map(|_| self.scalar()).collect();
                let list = self.trace.push_list(&vals);
                Some(Op { imm: 2, list, ..Op::new(OpCode::JumpTo, &[]) })
            }
            _ => None,
        };
        match end {
            // The references that the trace owns do not fit the target's frame: they are released before.
            Some(end) => {
                self.release_all();
                self.trace.push(end);
            }
            None => self.exit(),
        }
    }

    fn looped(&mut self) {
        self.begin();
        self.body(self.options.ops / 2);
        let zero = self.trace.constant(Const::Int(0));
        let mut first = vec![zero];
        first.extend((0..1 + self.rng.below(5)).map(|_| self.scalar()));
        let scalars = first.len();
        // References go around the loop in params.
        first.append(&mut self.owned);
        let types: Vec<Type> = first.iter().map(|&v| self.trace.ty(v)).collect();
        let list = self.trace.push_list(&first);
        self.emit(Op { list, ..Op::new(OpCode::Label, &[]) });
        self.forget();
        let mut params = Vec::new();
        for (index, &ty) in types.iter().enumerate() {
            let v = self.emit(Op { ty, imm: index as i32, ..Op::new(OpCode::Param, &[]) });
            params.extend(v);
            if index >= scalars {
                self.owned.extend(v);
            } else {
                self.remember(v, false);
            }
        }
        self.body(self.options.ops);
        if self.left {
            return self.exit();
        }
        let (one, turns) = (self.int_const(1), self.int_const(self.options.turns));
        let counter = self.op(OpCode::IntAdd, &[params[0], one]).expect("never leaves");
        let more = self.op(OpCode::IntLt, &[counter, turns]).expect("never leaves");
        let snap = self.snapshot(Resume::Execute);
        let snap = self.trace.push_snapshot(snap);
        let guard = Op { snap, ..Op::new(OpCode::GuardTrue, &[more]) };
        self.trace.push(guard);
        let mut next = vec![counter];
        for &ty in &types[1..scalars] {
            next.push(self.value(ty));
        }
        let wanted = types.len() - scalars;
        while self.owned.len() > wanted {
            self.release(false);
        }
        while self.owned.len() < wanted {
            self.box_something();
        }
        next.append(&mut self.owned);
        let list = self.trace.push_list(&next);
        self.trace.push(Op { list, ..Op::new(OpCode::Jump, &[]) });
    }

    /// Names the frame and the objects of the world.
    fn begin(&mut self) {
        self.frame = self.op(OpCode::Frame, &[]).expect("never leaves");
        for n in 0..self.world.objects.len() {
            let v = self.trace.constant(Const::Obj(self.world.objects[n]));
            self.immortal.push(v);
        }
    }

    fn exit(&mut self) {
        let snapshot = self.snapshot(Resume::Execute);
        let snap = self.trace.push_snapshot(snapshot);
        self.trace.push(Op { snap, ..Op::new(OpCode::Exit, &[]) });
    }

    fn body(&mut self, ops: usize) {
        let end = self.trace.ops.len() + ops;
        let mut tries = 0;
        // Some attempts end without an op.
        while self.trace.ops.len() < end && !self.left && tries < 20 * ops {
            tries += 1;
            match self.rng.below(12) {
                0..4 => self.arithmetic(),
                4 => self.guard_a_bool(),
                5 | 6 if self.options.memory => self.load(),
                7 if self.options.memory => self.store(),
                8 | 9 if self.options.objects => self.object(),
                10 if self.options.calls => self.call(),
                _ => self.arithmetic(),
            }
        }
    }

    // ---- making ops

    /// Appends an op and executes it. `None`: it has no result, or it was taken back because it would leave or its operands do
    /// not suit it.
    fn emit(&mut self, op: Op) -> Option<Val> {
        self.emitted(op).then(|| Val::op(self.trace.ops.len() - 1))
    }

    /// As `emit`; whether the op stayed and the run goes on.
    fn emitted(&mut self, mut op: Op) -> bool {
        let snapshots = self.trace.snapshots.length();
        if op.code.is_guard() && op.snap == crate::SnapId::NONE {
            let snapshot = self.snapshot(Resume::Execute);
            op.snap = self.trace.push_snapshot(snapshot);
        }
        let index = self.trace.ops.len();
        self.trace.push(op);
        match self.run.step(&self.trace, index, &mut self.memory, &mut call) {
            Ok(Step::Next) => true,
            Ok(_) if !self.options.looped && self.rng.one_in(30) => {
                self.left = true;
                false
            }
            _ => {
                self.trace.ops.pop();
                self.trace.snapshots.truncate(snapshots);
                false
            }
        }
    }

    fn op(&mut self, code: OpCode, args: &[Val]) -> Option<Val> {
        self.emit(Op::new(code, args))
    }

    fn memory_op(&mut self, code: OpCode, args: &[Val], imm: i32, region: Region) -> Option<Val> {
        self.emit(Op { imm, region, ..Op::new(code, args) })
    }

    fn remember(&mut self, v: Option<Val>, immortal: bool) {
        let Some(v) = v else { return };
        match self.trace.ty(v) {
            Type::Obj if immortal => self.immortal.push(v),
            Type::Obj => self.borrowed.push(v),
            Type::Void | Type::Ptr => {}
            ty => self.pools.entry(ty).or_default().push(v),
        }
    }

    /// After something that may have released any object.
    fn forget(&mut self) {
        self.borrowed.clear();
    }

    // ---- choosing values

    fn int_const(&mut self, value: i64) -> Val {
        self.trace.constant(Const::Int(value))
    }

    fn value(&mut self, ty: Type) -> Val {
        let pool = self.pools.get(&ty).map_or(&[][..], Vec::as_slice);
        if !pool.is_empty() && !self.rng.one_in(5) {
            // Half of the time a recent one, so that chains form.
            let recent = if self.rng.one_in(2) { pool.len().saturating_sub(4) } else { 0 };
            return self.rng.pick(&pool[recent..]);
        }
        let constant = match ty {
            Type::Int => Const::Int(edge_int(&mut self.rng)),
            Type::Float => Const::Float(edge_float(&mut self.rng).to_bits()),
            _ => Const::Bool(self.rng.one_in(2)),
        };
        self.trace.constant(constant)
    }

    fn int(&mut self) -> Val {
        self.value(Type::Int)
    }

    fn float(&mut self) -> Val {
        self.value(Type::Float)
    }

    fn scalar(&mut self) -> Val {
        let ty = self.rng.pick(&[Type::Int, Type::Int, Type::Float, Type::Float, Type::Bool]);
        self.value(ty)
    }

    fn object_value(&mut self) -> Val {
        let pools = [&self.owned, &self.borrowed, &self.borrowed, &self.immortal];
        let pool = pools[self.rng.below(4)];
        let pool = if pool.is_empty() { &self.immortal } else { pool };
        self.rng.pick(pool)
    }

    /// An int in `0..ITEMS`.
    fn index(&mut self) -> Option<Val> {
        if self.rng.one_in(2) {
            let index = self.rng.below(ITEMS) as i64;
            return Some(self.int_const(index));
        }
        let (mask, any) = (self.int_const(ITEMS as i64 - 1), self.int());
        self.op(OpCode::IntAnd, &[any, mask])
    }

    // ---- kinds of ops

    fn arithmetic(&mut self) {
        use OpCode::*;
        const INT: &[OpCode] = &[
            IntAdd, IntSub, IntMul, IntAddOvf, IntAddOvf, IntSubOvf, IntMulOvf, IntAnd, IntOr, IntXor, IntEq,
            IntNe, IntLt, IntLe, IntGt, IntGe, IntULt,
        ];
        const FLOAT: &[OpCode] =
            &[FloatAdd, FloatSub, FloatMul, FloatEq, FloatNe, FloatLt, FloatLe, FloatGt, FloatGe];
        let result = match self.rng.below(20) {
            0..7 => {
                let (a, b) = (self.int(), self.int());
                let code = self.rng.pick(INT);
                self.op(code, &[a, b])
            }
            7..12 => {
                let (a, b) = (self.float(), self.float());
                let code = self.rng.pick(FLOAT);
                self.op(code, &[a, b])
            }
            12 => self.divide(),
            13 => self.shift(),
            14 => {
                let (a, b) = (self.float(), self.trace.constant(Const::Float(0)));
                let code = if self.rng.one_in(2) { FloatNe } else { FloatEq };
                let (wanted, divisor) = (if code == FloatNe { GuardTrue } else { GuardFalse }, self.float());
                let test = self.op(code, &[divisor, b]).expect("never leaves");
                if !self.emitted(Op::new(wanted, &[test])) {
                    return;
                }
                self.op(FloatDiv, &[a, divisor])
            }
            15 => {
                let code = self.rng.pick(&[IntNeg, IntNot, FloatFromInt]);
                let a = self.int();
                self.op(code, &[a])
            }
            16 => {
                let code = self.rng.pick(&[FloatNeg, FloatAbs, FloatSqrt, IntFromFloat]);
                let a = self.float();
                self.op(code, &[a])
            }
            17 => {
                let (a, b) = (self.value(Type::Bool), self.value(Type::Bool));
                match self.rng.below(3) {
                    0 => self.op(BoolNot, &[a]),
                    1 => self.op(IntFromBool, &[a]),
                    _ => self.op(BoolAnd, &[a, b]),
                }
            }
            _ => {
                let (a, b) = (self.object_value(), self.object_value());
                self.op(AddressEq, &[a, b])
            }
        };
        self.remember(result, false);
    }

    fn divide(&mut self) -> Option<Val> {
        let (a, b) = (self.int(), self.int());
        for bad in [0, -1] {
            let bad = self.int_const(bad);
            let test = self.op(OpCode::IntNe, &[b, bad])?;
            if !self.emitted(Op::new(OpCode::GuardTrue, &[test])) {
                return None;
            }
        }
        let code = self.rng.pick(&[OpCode::IntFloorDiv, OpCode::IntMod]);
        self.op(code, &[a, b])
    }

    fn shift(&mut self) -> Option<Val> {
        let a = self.int();
        let count = if self.rng.one_in(2) {
            let count = self.rng.below(64) as i64;
            self.int_const(count)
        } else {
            let (mask, any) = (self.int_const(63), self.int());
            self.op(OpCode::IntAnd, &[any, mask])?
        };
        let code = self.rng.pick(&[OpCode::IntShl, OpCode::IntShr]);
        self.op(code, &[a, count])
    }

    fn guard_a_bool(&mut self) {
        let v = self.value(Type::Bool);
        let holds = self.run.value(&self.trace, v) == Some(Const::Bool(true));
        let code = if holds { OpCode::GuardTrue } else { OpCode::GuardFalse };
        self.emitted(Op::new(code, &[v]));
    }

    fn plain(&mut self) -> Val {
        let object = self.rng.pick(&self.world.plain);
        self.trace.constant(Const::Obj(object))
    }

    fn load(&mut self) {
        use OpCode::*;
        let base = self.plain();
        let frame = self.frame;
        let n = self.rng.below(4) as i32;
        let local = LOCALSPLUS + 8 * self.rng.below(LOCALS) as i32;
        let v = match self.rng.below(10) {
            0 => self.memory_op(LoadInt, &[base], FIELD_INT, Region::Instance),
            1 => self.memory_op(LoadFloat, &[base], FIELD_FLOAT, Region::Instance),
            2 => self.memory_op(LoadI32, &[base], FIELD_I32, Region::Instance),
            3 => self.memory_op(LoadU32, &[base], FIELD_U32, Region::Instance),
            4 => self.memory_op(LoadU8, &[base], FIELD_U8, Region::Instance),
            5 => self.memory_op(LoadObj, &[base], FIELD_OBJ, Region::Instance),
            6 => self.memory_op(LoadInt, &[frame], 8 * n, Region::Frame),
            7 => self.thread_state(n),
            8 => self.item(None),
            _ => self.memory_op(LoadObj, &[frame], local, Region::FrameSlot),
        };
        self.remember(v, false);
    }

    fn thread_state(&mut self, n: i32) -> Option<Val> {
        let state = self.op(OpCode::ThreadState, &[])?;
        self.emitted(Op { region: Region::Volatile, ..Op::new(OpCode::GuardClear, &[state]) });
        self.memory_op(OpCode::LoadInt, &[state], 16 + 8 * n, Region::Thread)
    }

    /// Loads an item of a list, and stores an owned object in its place if there is one to store.
    fn item(&mut self, store: Option<Val>) -> Option<Val> {
        let list = self.rng.pick(&self.world.lists);
        let list = self.trace.constant(Const::Obj(list));
        let index = self.index()?;
        let size = self.memory_op(OpCode::LoadInt, &[list], LIST_SIZE, Region::ListSize)?;
        let inside = self.op(OpCode::IntULt, &[index, size])?;
        if !self.emitted(Op::new(OpCode::GuardTrue, &[inside])) {
            return None;
        }
        let items = self.memory_op(OpCode::LoadPtr, &[list], LIST_ITEMS, Region::ListItems)?;
        let item = if self.rng.one_in(4) {
            let shift = self.int_const(3);
            let offset = self.op(OpCode::IntShl, &[index, shift])?;
            let address = self.op(OpCode::AddressAt, &[items, offset])?;
            self.memory_op(OpCode::LoadObj, &[address], 0, Region::ListItem)?
        } else {
            self.memory_op(OpCode::LoadObjAt, &[items, index], 0, Region::ListItem)?
        };
        if let Some(new) = store {
            self.memory_op(OpCode::StoreObjAt, &[items, index, new], 0, Region::ListItem);
        }
        Some(item)
    }

    fn store(&mut self) {
        use OpCode::*;
        let (base, frame, int, float) = (self.plain(), self.frame, self.int(), self.float());
        let n = self.rng.below(4) as i32;
        let _ = match self.rng.below(9) {
            0 => self.memory_op(StoreInt, &[base, int], FIELD_INT, Region::Instance),
            1 => self.memory_op(StoreFloat, &[base, float], FIELD_FLOAT, Region::Instance),
            2 => self.memory_op(StoreI32, &[base, int], FIELD_I32, Region::Instance),
            3 => self.memory_op(StoreI32, &[base, int], FIELD_U32, Region::Instance),
            4 => self.memory_op(StoreU8, &[base, int], FIELD_U8, Region::Instance),
            5 => self.memory_op(StoreInt, &[frame, int], 8 * n, Region::Frame),
            _ => return self.replace(),
        };
    }

    /// Stores an object over another: the place takes a reference of the new one, and the old one's is released.
    fn replace(&mut self) {
        use OpCode::*;
        let transfer = !self.owned.is_empty() && self.rng.one_in(2);
        let place = self.rng.below(3);
        let local = LOCALSPLUS + 8 * self.rng.below(LOCALS) as i32;
        let base = self.plain();
        let new = if transfer {
            let n = self.rng.below(self.owned.len());
            self.owned[n]
        } else {
            let new = self.object_value();
            self.op(Incref, &[new]);
            self.owned.push(new);
            new
        };
        let old = match place {
            0 => self.item(Some(new)),
            1 => {
                let old = self.memory_op(LoadObj, &[self.frame], local, Region::FrameSlot);
                self.memory_op(StoreObj, &[self.frame, new], local, Region::FrameSlot);
                old
            }
            _ => {
                let old = self.memory_op(LoadObj, &[base], FIELD_OBJ, Region::Instance);
                self.memory_op(StoreObj, &[base, new], FIELD_OBJ, Region::Instance);
                old
            }
        };
        // The item was not stored when a guard on its index left: then the trace keeps the reference.
        let Some(old) = old else { return };
        let owner = self.owned.iter().rposition(|&v| v == new).expect("owned since above");
        self.owned.remove(owner);
        self.drop_reference(old);
    }

    /// Releases a reference that nothing holds any more.
    fn drop_reference(&mut self, v: Val) {
        let immortal = self.immortal.contains(&v);
        let Some(Const::Obj(address)) = self.run.value(&self.trace, v) else { return };
        let dies = self.memory.refcnt(address) == Ok(1);
        let code = match self.rng.below(5) {
            0 if immortal => OpCode::Decref,
            1 if !dies || !self.options.looped && self.rng.one_in(8) => OpCode::DecrefGuard,
            2 => OpCode::DecrefDealloc,
            _ => OpCode::DecrefLeaf,
        };
        self.forget();
        if code != OpCode::DecrefGuard {
            self.op(code, &[v]);
            return;
        }
        let resume = Resume::Dying { object: v, lasti: self.rng.below(50) as u32 };
        let snapshot = self.snapshot(resume);
        let snap = self.trace.push_snapshot(snapshot);
        // Not through `emit`: an op that leaves is not taken back, its count is down already.
        let index = self.trace.ops.len();
        self.trace.push(Op { snap, ..Op::new(OpCode::DecrefGuard, &[v]) });
        let step = self.run.step(&self.trace, index, &mut self.memory, &mut call);
        self.left = step != Ok(Step::Next);
    }

    fn object(&mut self) {
        match self.rng.below(8) {
            0 | 1 if self.owned.len() < 10 => self.box_something(),
            2 if self.owned.len() < 10 => {
                let v = self.object_value();
                self.op(OpCode::Incref, &[v]);
                self.owned.push(v);
            }
            3 if !self.owned.is_empty() => self.release(true),
            4 => {
                let v = self.object_value();
                let address = self.run.value(&self.trace, v);
                match self.rng.below(4) {
                    0 => drop(self.emitted(Op::new(OpCode::GuardNonNull, &[v]))),
                    1 => {
                        let null = self.trace.constant(Const::Ptr(0));
                        self.emitted(Op::new(OpCode::GuardNull, &[null]));
                    }
                    _ => {
                        // Only an immortal object's address may stand in the trace.
                        if let Some(Const::Obj(a)) = address
                            && self.world.objects.contains(&a)
                        {
                            let same = self.trace.constant(Const::Obj(a));
                            self.emitted(Op::new(OpCode::GuardIs, &[v, same]));
                        }
                    }
                }
            }
            5 => {
                let b = self.value(Type::Bool);
                let v = self.op(OpCode::BoolObj, &[b]);
                if let Some(v) = v {
                    self.kinds.insert(v, Kind::Bool);
                }
                self.remember(v, true);
            }
            _ => self.unbox(),
        }
    }

    fn unbox(&mut self) {
        let v = self.object_value();
        let Some(Const::Obj(address)) = self.run.value(&self.trace, v) else { return };
        let kinds = [Kind::Int, Kind::Float, Kind::Bool, Kind::Plain];
        let Some(&kind) = kinds.iter().find(|&&kind| self.memory.is(address, kind)) else { return };
        if !self.kinds.contains_key(&v) || self.rng.one_in(4) {
            let ty = self.memory.type_address(kind);
            let ty = self.trace.constant(Const::Ptr(ty));
            if !self.emitted(Op::new(OpCode::GuardType, &[v, ty])) {
                return;
            }
            self.kinds.insert(v, kind);
        }
        let result = match kind {
            Kind::Int => self.op(OpCode::IntValue, &[v]),
            Kind::Float => self.op(OpCode::FloatValue, &[v]),
            Kind::Bool if self.rng.one_in(2) => self.op(OpCode::IntValue, &[v]),
            Kind::Bool => self.op(OpCode::BoolValue, &[v]),
            Kind::Plain | Kind::Tuple => None,
        };
        self.remember(result, false);
    }

    fn box_something(&mut self) {
        let (code, kind, v) = if self.rng.one_in(2) {
            (OpCode::NewInt, Kind::Int, self.int())
        } else {
            (OpCode::NewFloat, Kind::Float, self.float())
        };
        let v = self.op(code, &[v]).expect("the arena is large enough");
        self.kinds.insert(v, kind);
        self.owned.push(v);
    }

    fn release(&mut self, any_way: bool) {
        let n = self.rng.below(self.owned.len());
        let v = self.owned.remove(n);
        if any_way {
            self.drop_reference(v);
        } else {
            self.forget();
            self.op(OpCode::DecrefLeaf, &[v]);
        }
    }

    fn release_all(&mut self) {
        while !self.owned.is_empty() {
            self.release(false);
        }
    }

    fn call(&mut self) {
        let number = self.rng.below(self.trace.helpers.len());
        let helper = &self.trace.helpers[number];
        let mut args = Vec::new();
        for &ty in helper.args {
            args.push(match ty {
                Type::Obj => self.plain(),
                Type::Ptr => self.frame,
                ty => self.value(ty),
            });
        }
        let code = match helper.result {
            Type::Void => OpCode::CallVoid,
            Type::Int => OpCode::CallInt,
            Type::Float => OpCode::CallFloat,
            Type::Bool => OpCode::CallBool,
            Type::Obj => OpCode::CallObj,
            Type::Ptr => OpCode::CallPtr,
        };
        let list = self.trace.push_list(&args);
        let v = self.emit(Op { imm: number as i32, list, ..Op::new(code, &[]) });
        match (helper.result, v) {
            (Type::Obj, Some(v)) => {
                let snapshot = self.snapshot(Resume::Raise);
                let snap = self.trace.push_snapshot(snapshot);
                self.emitted(Op { snap, ..Op::new(OpCode::GuardNonNull, &[v]) });
                self.owned.push(v);
            }
            (Type::Ptr, Some(v)) => {
                let loaded = self.memory_op(OpCode::LoadInt, &[v], 0, Region::Frame);
                self.remember(loaded, false);
            }
            _ => self.remember(v, false),
        }
    }

    // ---- snapshots

    /// The state at this point: every owned reference is in a slot of the stack.
    fn snapshot(&mut self, resume: Resume) -> Snapshot {
        let mut snapshot = Snapshot {
            resume,
            frames: Vec::new(),
            virtuals: Vec::new(),
            increfs: Vec::new(),
            keep: Vec::new(),
        };
        let mut slots = vec![Slot::InMemory; LOCALS];
        slots.extend(self.owned.iter().map(|&v| Slot::Value(v)));
        self.more_slots(&mut snapshot, &mut slots);
        snapshot.frames.push(FrameState {
            code: 0x1000,
            function: Slot::InMemory,
            frame: self.frame,
            instr: self.rng.below(100) as u32,
            stack_depth: (slots.len() - LOCALS) as u32,
            slots,
        });
        if self.rng.one_in(6) {
            let function = self.rng.pick(&self.immortal);
            snapshot.increfs.push(function);
            let mut slots = vec![Slot::Null];
            self.more_slots(&mut snapshot, &mut slots);
            snapshot.frames.push(FrameState {
                code: 0x2000,
                function: Slot::Value(function),
                frame: Val::NONE,
                instr: self.rng.below(100) as u32,
                stack_depth: self.rng.below(slots.len() + 1) as u32,
                slots,
            });
        }
        for _ in 0..self.options.pressure {
            let ty = self.rng.pick(&[Type::Int, Type::Float, Type::Int, Type::Float, Type::Bool]);
            if let Some(pool) = self.pools.get(&ty) {
                snapshot.keep.push(self.rng.pick(pool));
            }
        }
        snapshot
    }

    /// A few more slots: borrowed objects, which the exit increments, and virtual ones.
    fn more_slots(&mut self, snapshot: &mut Snapshot, slots: &mut Vec<Slot>) {
        for _ in 0..self.rng.below(4) {
            let slot = match self.rng.below(6) {
                0 => Slot::Null,
                1 | 2 => {
                    let pool = if self.borrowed.is_empty() { &self.immortal } else { &self.borrowed };
                    let v = self.rng.pick(pool);
                    snapshot.increfs.push(v);
                    Slot::Value(v)
                }
                3 if !snapshot.virtuals.is_empty() => {
                    Slot::Virtual(self.rng.below(snapshot.virtuals.len()) as u32)
                }
                n => {
                    let virtual_object = match n {
                        3 => Virtual::Bool(self.value(Type::Bool)),
                        4 => Virtual::Int(self.int()),
                        _ if snapshot.virtuals.len() >= 2 && self.rng.one_in(3) => {
                            let v = self.rng.pick(&self.immortal);
                            snapshot.increfs.push(v);
                            let inner = self.rng.below(snapshot.virtuals.len()) as u32;
                            Virtual::Tuple(vec![Slot::Virtual(inner), Slot::Value(v)])
                        }
                        _ => Virtual::Float(self.float()),
                    };
                    snapshot.virtuals.push(virtual_object);
                    Slot::Virtual(snapshot.virtuals.len() as u32 - 1)
                }
            };
            slots.push(slot);
        }
    }
}
