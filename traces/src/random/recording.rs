//! Random recordings: what the recorder could have written down while a stack machine ran, for tests of the optimizer.
//!
//! A recording differs from a trace: its params are the locals of the entry frame, all objects are real, every count
//! is written down, snapshots name the objects in all slots, `at` marks where an instruction that may run Python starts, and
//! `jump` binds the params anew. Instructions ask first (guards leave to their start) and change things afterwards.

use super::helpers::{call, helpers};
use super::world::*;
use super::{Program, RecordingOptions, Rng};
use crate::evaluate::{Entry, Run, Step};
use crate::memory::{Kind, Memory};
use crate::op::{Effect, OpCode, Region, Type};
use crate::trace::{Const, FrameState, Op, Resume, Slot, SnapId, Snapshot, Trace, Val};

/// What a recording is made with: the state that it begins in comes from the caller.
fn recorder<'a>(
    rng: Rng,
    memory: Memory,
    world: &'a World,
    entry: &Entry<'a>,
    options: &RecordingOptions,
) -> Recorder<'a> {
    Recorder {
        rng,
        trace: Trace::new(helpers()),
        run: Run::new(entry),
        memory,
        world,
        state: State::default(),
        start: State::default(),
        start_snapshot: None,
        asking: false,
        may_die: !options.looped,
    }
}

/// Makes a random recording.
pub(super) fn recording(seed: u64, options: &RecordingOptions) -> Program {
    let mut rng = Rng::new(seed);
    let mut memory = Memory::new(64 << 10);
    let world = World::new(&mut memory, &mut rng).expect("the arena is large enough");
    // The locals' own objects count as new ones: a number that nobody else has may come out in another box.
    let initial_top = memory.top();
    let inputs = locals(&mut memory, &mut rng, &world).expect("the arena is large enough");
    let initial = memory.bytes().to_vec();
    let entry =
        Entry { frame: world.frame, thread_state: world.thread_state, inputs: &inputs, ..Entry::default() };
    let mut recorder = recorder(rng, memory, &world, &entry, options);
    recorder.state.locals = recorder.params(LOCALS);
    recorder.record(options, OpCode::Jump);
    let Recorder { trace, mut memory, .. } = recorder;
    memory.restore(&initial);
    let (frame, thread_state) = (world.frame, world.thread_state);
    let world = Some(world);
    Program { trace, memory, initial, frame, thread_state, inputs, initial_top, recorded: true, world }
}

/// See [`super::other_way`].
pub(super) fn other_way(
    seed: u64,
    options: &RecordingOptions,
    program: &mut Program,
    until: &Trace,
    slots: &[Val],
    instr: u32,
) -> Option<Trace> {
    let world = program.world.as_ref().expect("a recording");
    let mut memory = std::mem::replace(&mut program.memory, Memory::new(0));
    memory.restore(&program.initial);
    let entry = Entry {
        frame: world.frame,
        thread_state: world.thread_state,
        inputs: &program.inputs,
        ..Entry::default()
    };
    let mut run = Run::new(&entry);
    let gets_there =
        (0..until.ops.len()).all(|index| run.step(until, index, &mut memory, &mut call) == Ok(Step::Next));
    let recorded = gets_there.then(|| {
        let now: Option<Vec<Const>> = slots.iter().map(|&v| run.value(until, v)).collect();
        let entry = Entry { inputs: &now.expect("the run came by all of them"), ..entry.clone() };
        let arena = std::mem::replace(&mut memory, Memory::new(0));
        let mut recorder = recorder(Rng::new(seed), arena, world, &entry, options);
        recorder.state.locals = recorder.params(slots.len());
        recorder.state.stack = recorder.state.locals.split_off(LOCALS);
        recorder.state.instr = instr;
        recorder.record(options, OpCode::Exit);
        memory = recorder.memory;
        recorder.trace
    });
    memory.restore(&program.initial);
    program.memory = memory;
    recorded
}

/// Local 0 is the counter; others hold immortal objects, objects of their own, or NULL.
fn locals(memory: &mut Memory, rng: &mut Rng, world: &World) -> Result<Vec<Const>, crate::memory::Fault> {
    let mut inputs = Vec::new();
    for n in 0..LOCALS {
        let object = match rng.below(7) {
            _ if n == 0 => memory.new_int(0)?,
            6 => memory.new_object(Kind::Plain, 48)?,
            0 | 1 => memory.new_float((rng.bits() as i16) as f64 / 8.0)?,
            2 => memory.new_int(rng.below(2000) as i64)?,
            3 => memory.new_int(edge_int(rng))?,
            4 if rng.one_in(2) => 0,
            _ => {
                let object = rng.pick(&world.objects);
                memory.incref(object)?;
                object
            }
        };
        memory.write_u64(world.frame + LOCALSPLUS as usize + 8 * n, object as u64)?;
        inputs.push(Const::Obj(object));
    }
    Ok(inputs)
}

/// The frame as the recorder sees it.
#[derive(Clone, Default)]
struct State {
    locals: Vec<Val>,
    stack: Vec<Val>,
    instr: u32,
}

struct Recorder<'a> {
    rng: Rng,
    trace: Trace,
    run: Run<'a>,
    memory: Memory,
    world: &'a World,
    state: State,
    /// The state at the start of the instruction.
    start: State,
    start_snapshot: Option<SnapId>,
    /// While an instruction only asks: an op that would leave gives the instruction up.
    asking: bool,
    /// Whether an object may die at a guard that says that it did not: not in loops, which should come round.
    may_die: bool,
}

impl Recorder<'_> {
    /// `end`: what a turn of a loop ends with.
    fn record(&mut self, options: &RecordingOptions, end: OpCode) {
        let length = self.trace.ops.len() + options.ops;
        while self.trace.ops.len() < length {
            match self.rng.below(24) {
                0..5 => self.instruction(Self::load_fast),
                5..7 => self.instruction(Self::load_const),
                7..11 => self.instruction(Self::arithmetic),
                11..13 => self.instruction(Self::compare),
                13 | 14 => self.instruction(Self::pop_jump),
                15..18 => self.instruction(Self::store_fast),
                18 => self.instruction(Self::pop_top),
                19 => self.instruction(Self::shuffle),
                20 | 21 if options.memory => self.instruction(Self::load_from_memory),
                22 if options.memory => self.instruction(Self::store_to_memory),
                _ if options.calls => self.instruction(Self::call),
                _ => self.instruction(Self::load_fast),
            };
        }
        while !self.state.stack.is_empty() {
            self.instruction(Self::pop_top);
        }
        if !options.looped {
            return self.end(OpCode::Exit);
        }
        // `i += 1`, `while i < turns`.
        self.counted(OpCode::IntAddOvf, 1);
        self.instruction(|r| r.store_local(0));
        self.counted(OpCode::IntLt, options.turns);
        self.instruction(Self::pop_jump);
        self.end(end);
    }

    /// The first ops of the recording.
    fn params(&mut self, count: usize) -> Vec<Val> {
        let param = |index| Op { ty: Type::Obj, imm: index as i32, ..Op::new(OpCode::Param, &[]) };
        (0..count).map(|index| self.must(param(index))).collect()
    }

    /// An operation on local 0 and a constant.
    fn counted(&mut self, code: OpCode, operand: i64) {
        self.instruction(|r| {
            let counter = r.state.locals[0];
            let ty = r.ptr_const(r.memory.type_address(Kind::Int));
            r.ask(OpCode::GuardType, &[counter, ty])?;
            let value = r.ask(OpCode::IntValue, &[counter])?;
            let operand = r.trace.constant(Const::Int(operand));
            let result = r.ask(code, &[value, operand])?;
            r.change();
            let object = r.box_value(result);
            r.state.stack.push(object);
            Some(())
        });
    }

    fn end(&mut self, code: OpCode) {
        self.start_instruction();
        let snap = self.snapshot_of_start();
        self.must(Op { snap, ..Op::new(OpCode::At, &[]) });
        let op = if code == OpCode::Jump {
            let list = self.trace.push_list(&self.state.locals);
            Op { list, ..Op::new(code, &[]) }
        } else {
            Op { snap, ..Op::new(code, &[]) }
        };
        self.trace.push(op);
    }

    // ---- instructions

    fn start_instruction(&mut self) {
        self.state.instr += 1;
        self.start = self.state.clone();
        self.start_snapshot = None;
        self.asking = true;
    }

    /// Records an instruction. When one of its questions has an answer that does not suit it, nothing of it stays.
    fn instruction(&mut self, body: impl FnOnce(&mut Self) -> Option<()>) {
        self.start_instruction();
        let (ops, snapshots) = (self.trace.ops.len(), self.trace.snapshots.length());
        if body(self).is_none() {
            assert!(self.asking, "an instruction is given up only while it asks");
            self.trace.ops.truncate(ops);
            self.trace.snapshots.truncate(snapshots);
            self.state = self.start.clone();
        }
    }

    /// From here on, the instruction changes things and can't be given up.
    fn change(&mut self) {
        self.asking = false;
    }

    /// An op without side effects; guards leave to the start of the instruction.
    fn ask(&mut self, code: OpCode, args: &[Val]) -> Option<Val> {
        self.try_op(Op::new(code, args))
    }

    fn try_op(&mut self, mut op: Op) -> Option<Val> {
        if op.code.is_guard() && op.snap == SnapId::NONE {
            assert!(self.asking, "a guard after a change");
            op.snap = self.snapshot_of_start();
        }
        let v = self.trace.push(op);
        let index = self.trace.ops.len() - 1;
        (self.run.step(&self.trace, index, &mut self.memory, &mut call) == Ok(Step::Next)).then_some(v)
    }

    fn must(&mut self, op: Op) -> Val {
        self.try_op(op).unwrap_or_else(|| panic!("this op can't leave\n{}", self.trace))
    }

    fn plain_op(&mut self, code: OpCode, args: &[Val]) -> Val {
        self.must(Op::new(code, args))
    }

    fn memory_op(&mut self, code: OpCode, args: &[Val], imm: i32, region: Region) -> Val {
        self.must(Op { imm, region, ..Op::new(code, args) })
    }

    fn ptr_const(&mut self, address: usize) -> Val {
        self.trace.constant(Const::Ptr(address))
    }

    fn now(&self, v: Val) -> usize {
        self.run.value(&self.trace, v).map_or(0, |c| c.bits() as usize)
    }

    fn kind(&self, v: Val) -> Option<Kind> {
        let address = self.now(v);
        let kinds = [Kind::Int, Kind::Float, Kind::Bool, Kind::Plain];
        kinds.into_iter().find(|&kind| address != 0 && self.memory.is(address, kind))
    }

    fn guard_kind(&mut self, v: Val) -> Option<Kind> {
        let kind = self.kind(v)?;
        let ty = self.ptr_const(self.memory.type_address(kind));
        self.ask(OpCode::GuardType, &[v, ty])?;
        Some(kind)
    }

    /// Whether an object's death runs no code. Always asked where it is so: a trace that finds it out by itself would free the
    /// object where the recording leaves.
    fn is_leaf(&mut self, v: Val) -> Option<bool> {
        match self.kind(v)? {
            Kind::Plain => Some(false),
            _ => self.guard_kind(v).map(|_| true),
        }
    }

    /// The int, float or bool in an object whose type is asked first.
    fn unbox(&mut self, v: Val) -> Option<Val> {
        match self.guard_kind(v)? {
            Kind::Int => self.ask(OpCode::IntValue, &[v]),
            Kind::Float => self.ask(OpCode::FloatValue, &[v]),
            Kind::Bool if self.rng.one_in(2) => self.ask(OpCode::IntValue, &[v]),
            Kind::Bool => self.ask(OpCode::BoolValue, &[v]),
            Kind::Plain | Kind::Tuple => None,
        }
    }

    /// An object with a reference of its own.
    fn box_value(&mut self, v: Val) -> Val {
        match self.trace.ty(v) {
            Type::Int => self.plain_op(OpCode::NewInt, &[v]),
            Type::Float => self.plain_op(OpCode::NewFloat, &[v]),
            _ => {
                let object = self.plain_op(OpCode::BoolObj, &[v]);
                self.plain_op(OpCode::Incref, &[object]);
                object
            }
        }
    }

    fn push_new_reference(&mut self, v: Val) -> Option<()> {
        self.change();
        self.plain_op(OpCode::Incref, &[v]);
        self.state.stack.push(v);
        Some(())
    }

    /// Gives a reference up, as the last thing of an instruction. `leaf`: its type was asked, and its death runs nothing.
    fn drop_reference(&mut self, v: Val, leaf: bool) {
        self.change();
        let dies = self.memory.refcnt(self.now(v)) == Ok(1);
        if leaf {
            self.plain_op(OpCode::DecrefLeaf, &[v]);
        } else if dies && !(self.may_die && self.rng.one_in(3)) {
            let snap = self.snapshot_of_start();
            self.must(Op { snap, ..Op::new(OpCode::At, &[]) });
            self.plain_op(OpCode::DecrefDealloc, &[v]);
        } else {
            // Frames go on at the next instruction; while the object dies they show this one.
            let lasti = self.state.instr;
            let after = State { instr: lasti + 1, ..self.state.clone() };
            let snap = self.snapshot(&after, Resume::Dying { object: v, lasti });
            // When it leaves, the run ends here; what is recorded after it is just never reached.
            self.try_op(Op { snap, ..Op::new(OpCode::DecrefGuard, &[v]) });
        }
    }

    fn load_fast(&mut self) -> Option<()> {
        let v = self.rng.pick(&self.state.locals);
        if self.state.stack.len() > 6 {
            return None;
        }
        self.ask(OpCode::GuardNonNull, &[v])?;
        self.push_new_reference(v)
    }

    fn load_const(&mut self) -> Option<()> {
        let object = self.rng.pick(&self.world.objects);
        let v = self.trace.constant(Const::Obj(object));
        self.push_new_reference(v)
    }

    fn store_fast(&mut self) -> Option<()> {
        let k = 1 + self.rng.below(LOCALS - 1);
        self.store_local(k)
    }

    fn store_local(&mut self, k: usize) -> Option<()> {
        let old = self.state.locals[k];
        let null = self.now(old) == 0;
        let new = *self.state.stack.last()?;
        // A variable whose type changes is no loop that compiles.
        if self.kind(old) != self.kind(new) && !self.rng.one_in(25) {
            return None;
        }
        self.ask(if null { OpCode::GuardNull } else { OpCode::GuardNonNull }, &[old])?;
        let leaf = !null && self.is_leaf(old)?;
        self.change();
        self.state.stack.pop();
        self.state.locals[k] = new;
        if !null {
            self.drop_reference(old, leaf);
        }
        Some(())
    }

    fn pop_top(&mut self) -> Option<()> {
        let v = *self.state.stack.last()?;
        let leaf = self.is_leaf(v)?;
        self.state.stack.pop();
        self.drop_reference(v, leaf);
        Some(())
    }

    /// `COPY`, `SWAP`, `is`.
    fn shuffle(&mut self) -> Option<()> {
        let depth = self.state.stack.len();
        if depth < 2 {
            return None;
        }
        let n = self.rng.below(depth);
        match self.rng.below(3) {
            0 if depth < 7 => {
                let v = self.state.stack[n];
                self.push_new_reference(v)
            }
            1 => {
                let (a, b) = (self.state.stack[n], self.state.stack[depth - 1]);
                let same = self.ask(OpCode::AddressEq, &[a, b])?;
                let code = if self.now(same) != 0 { OpCode::GuardTrue } else { OpCode::GuardFalse };
                self.ask(code, &[same])?;
                Some(())
            }
            _ => {
                self.state.stack.swap(n, depth - 1);
                Some(())
            }
        }
    }

    fn two(&mut self) -> Option<(Val, Val)> {
        let depth = self.state.stack.len();
        (depth >= 2).then(|| (self.state.stack[depth - 2], self.state.stack[depth - 1]))
    }

    /// Replaces operands by a result.
    fn finish(&mut self, operands: &[Val], result: Val) -> Option<()> {
        self.change();
        let object = self.box_value(result);
        let depth = self.state.stack.len() - operands.len();
        self.state.stack.truncate(depth);
        self.state.stack.push(object);
        for &v in operands {
            self.plain_op(OpCode::DecrefLeaf, &[v]);
        }
        Some(())
    }

    fn as_float(&mut self, v: Val) -> Option<Val> {
        match self.trace.ty(v) {
            Type::Float => Some(v),
            Type::Int => self.ask(OpCode::FloatFromInt, &[v]),
            _ => None,
        }
    }

    fn arithmetic(&mut self) -> Option<()> {
        use OpCode::*;
        let (a, b) = self.two()?;
        let (x, y) = (self.unbox(a)?, self.unbox(b)?);
        let ints = (self.trace.ty(x), self.trace.ty(y)) == (Type::Int, Type::Int);
        let result = if ints {
            match self.rng.below(12) {
                0..4 => self.ask(IntAddOvf, &[x, y])?,
                4 | 5 => self.ask(IntSubOvf, &[x, y])?,
                6 | 7 => self.ask(IntMulOvf, &[x, y])?,
                8 => self.ask(IntAnd, &[x, y])?,
                9 => self.ask(IntXor, &[x, y])?,
                n => {
                    for bad in [0, -1] {
                        let bad = self.trace.constant(Const::Int(bad));
                        let differs = self.ask(IntNe, &[y, bad])?;
                        self.ask(GuardTrue, &[differs])?;
                    }
                    self.ask(if n == 10 { IntFloorDiv } else { IntMod }, &[x, y])?
                }
            }
        } else {
            let (x, y) = (self.as_float(x)?, self.as_float(y)?);
            match self.rng.below(5) {
                0 | 1 => self.ask(FloatAdd, &[x, y])?,
                2 => self.ask(FloatSub, &[x, y])?,
                3 => self.ask(FloatMul, &[x, y])?,
                _ => {
                    let zero = self.trace.constant(Const::Float(0));
                    let is_zero = self.ask(FloatEq, &[y, zero])?;
                    self.ask(GuardFalse, &[is_zero])?;
                    self.ask(FloatDiv, &[x, y])?
                }
            }
        };
        self.finish(&[a, b], result)
    }

    fn compare(&mut self) -> Option<()> {
        use OpCode::*;
        let (a, b) = self.two()?;
        let (x, y) = (self.unbox(a)?, self.unbox(b)?);
        let n = self.rng.below(6);
        let result = if (self.trace.ty(x), self.trace.ty(y)) == (Type::Int, Type::Int) {
            self.ask([IntEq, IntNe, IntLt, IntLe, IntGt, IntGe][n], &[x, y])?
        } else {
            let (x, y) = (self.as_float(x)?, self.as_float(y)?);
            self.ask([FloatEq, FloatNe, FloatLt, FloatLe, FloatGt, FloatGe][n], &[x, y])?
        };
        self.finish(&[a, b], result)
    }

    fn pop_jump(&mut self) -> Option<()> {
        let v = *self.state.stack.last()?;
        if self.kind(v)? != Kind::Bool {
            return None;
        }
        self.guard_kind(v)?;
        let truth = self.ask(OpCode::BoolValue, &[v])?;
        let code = if self.now(truth) != 0 { OpCode::GuardTrue } else { OpCode::GuardFalse };
        self.ask(code, &[truth])?;
        self.state.stack.pop();
        self.drop_reference(v, true);
        Some(())
    }

    /// A place that holds an object: base, index for list items, offset, region.
    fn place(&mut self) -> Option<(Val, Option<Val>, i32, Region)> {
        if self.rng.one_in(2) {
            let object = self.rng.pick(&self.world.plain);
            let base = self.trace.constant(Const::Obj(object));
            return Some((base, None, FIELD_OBJ, Region::Instance));
        }
        let list = self.rng.pick(&self.world.lists);
        let list = self.trace.constant(Const::Obj(list));
        let index = if self.rng.one_in(2) && self.kind(*self.state.stack.last()?)? == Kind::Int {
            let top = *self.state.stack.last()?;
            self.unbox(top)?
        } else {
            let index = self.rng.below(ITEMS) as i64;
            self.trace.constant(Const::Int(index))
        };
        let size = self.memory_op(OpCode::LoadInt, &[list], LIST_SIZE, Region::ListSize);
        let inside = self.ask(OpCode::IntULt, &[index, size])?;
        self.ask(OpCode::GuardTrue, &[inside])?;
        let items = self.memory_op(OpCode::LoadPtr, &[list], LIST_ITEMS, Region::ListItems);
        Some((items, Some(index), 0, Region::ListItem))
    }

    fn load_place(&mut self, place: (Val, Option<Val>, i32, Region)) -> Option<Val> {
        let (base, index, imm, region) = place;
        let v = match index {
            Some(index) => self.memory_op(OpCode::LoadObjAt, &[base, index], imm, region),
            None => self.memory_op(OpCode::LoadObj, &[base], imm, region),
        };
        self.ask(OpCode::GuardNonNull, &[v])?;
        Some(v)
    }

    fn load_from_memory(&mut self) -> Option<()> {
        if self.state.stack.len() > 6 {
            return None;
        }
        let fields =
            [(OpCode::LoadInt, FIELD_INT), (OpCode::LoadFloat, FIELD_FLOAT), (OpCode::LoadI32, FIELD_I32)];
        if self.rng.one_in(3) {
            let object = self.rng.pick(&self.world.plain);
            let base = self.trace.constant(Const::Obj(object));
            let (code, offset) = self.rng.pick(&fields);
            let v = self.memory_op(code, &[base], offset, Region::Instance);
            self.change();
            let object = self.box_value(v);
            self.state.stack.push(object);
            return Some(());
        }
        let place = self.place()?;
        let v = self.load_place(place)?;
        self.push_new_reference(v)
    }

    fn store_to_memory(&mut self) -> Option<()> {
        let v = *self.state.stack.last()?;
        if self.rng.one_in(3) {
            let x = self.unbox(v)?;
            let (code, offset) = match self.trace.ty(x) {
                Type::Int => (OpCode::StoreInt, FIELD_INT),
                Type::Float => (OpCode::StoreFloat, FIELD_FLOAT),
                _ => return None,
            };
            let object = self.rng.pick(&self.world.plain);
            let base = self.trace.constant(Const::Obj(object));
            self.change();
            self.memory_op(code, &[base, x], offset, Region::Instance);
            self.state.stack.pop();
            self.drop_reference(v, true);
            return Some(());
        }
        let place = self.place()?;
        let old = self.load_place(place)?;
        let leaf = self.is_leaf(old)?;
        self.change();
        let (base, index, imm, region) = place;
        match index {
            Some(index) => self.memory_op(OpCode::StoreObjAt, &[base, index, v], imm, region),
            None => self.memory_op(OpCode::StoreObj, &[base, v], imm, region),
        };
        self.state.stack.pop();
        self.drop_reference(old, leaf);
        Some(())
    }

    fn call(&mut self) -> Option<()> {
        let number = self.rng.below(self.trace.helpers.len());
        let helper = &self.trace.helpers[number];
        let mut args = Vec::new();
        for &ty in helper.args {
            let any = self.rng.pick(&self.state.locals);
            let v = match ty {
                // `count` writes to a plain object; any object has a reference count.
                Type::Obj if helper.effect == Effect::RunsPython => {
                    self.ask(OpCode::GuardNonNull, &[any])?;
                    any
                }
                Type::Obj => {
                    let object = self.rng.pick(&self.world.plain);
                    self.trace.constant(Const::Obj(object))
                }
                Type::Ptr | Type::Bool => return None,
                _ if self.rng.one_in(3) => {
                    let constant = match ty {
                        Type::Int => Const::Int(edge_int(&mut self.rng)),
                        _ => Const::Float(edge_float(&mut self.rng).to_bits()),
                    };
                    self.trace.constant(constant)
                }
                _ => {
                    self.ask(OpCode::GuardNonNull, &[any])?;
                    let x = self.unbox(any)?;
                    if ty == Type::Float { self.as_float(x)? } else { x }
                }
            };
            if self.trace.ty(v) != ty {
                return None;
            }
            args.push(v);
        }
        let code = match helper.result {
            Type::Int => OpCode::CallInt,
            Type::Float => OpCode::CallFloat,
            Type::Bool => OpCode::CallBool,
            Type::Obj => OpCode::CallObj,
            Type::Ptr | Type::Void => return None,
        };
        if helper.effect == Effect::RunsPython {
            let snap = self.snapshot_of_start();
            self.must(Op { snap, ..Op::new(OpCode::At, &[]) });
        }
        self.change();
        let list = self.trace.push_list(&args);
        let result = self.must(Op { imm: number as i32, list, ..Op::new(code, &[]) });
        let object = if helper.result == Type::Obj {
            // What is asked about a call's result leaves with the state in which an error is raised.
            let state = self.state.clone();
            let snap = self.snapshot(&state, Resume::Raise);
            self.must(Op { snap, ..Op::new(OpCode::GuardNonNull, &[result]) });
            result
        } else {
            self.box_value(result)
        };
        self.state.stack.push(object);
        Some(())
    }

    // ---- snapshots

    fn snapshot_of_start(&mut self) -> SnapId {
        if let Some(snap) = self.start_snapshot {
            return snap;
        }
        let start = self.start.clone();
        let snap = self.snapshot(&start, Resume::Execute);
        self.start_snapshot = Some(snap);
        snap
    }

    fn snapshot(&mut self, state: &State, resume: Resume) -> SnapId {
        let frame = FrameState {
            code: 0x1000,
            function: Slot::InMemory,
            frame: Val::NONE,
            instr: state.instr,
            stack_depth: state.stack.len() as u32,
            slots: state.locals.iter().chain(&state.stack).map(|&v| Slot::Value(v)).collect(),
        };
        let (virtuals, increfs, keep) = (Vec::new(), Vec::new(), Vec::new());
        self.trace.push_snapshot(Snapshot { resume, frames: vec![frame], virtuals, increfs, keep })
    }
}
