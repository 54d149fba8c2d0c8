//! The primitives of the recording machine: each executes on `Direct` and writes down one or a few ops.

use super::{Named, RObj, Recorder, Shadow};
use crate::abort::Abort;
use crate::layout;
use crate::runtime;
use capi::sys::{PyCodeObject, PyObject, PyTypeObject};
use interpreter::direct::Direct;
use interpreter::evaluate;
use interpreter::field::{self, Field, ItemsField, TypeOf};
use interpreter::helper::{Effect, Helper};
use interpreter::machine::{Arg, CheckedOp, Compare, FloatOp, FloatUnary, Flow, IntOp, Machine, NumberSize};
use traces::{Const, Op, OpCode, Region, Val};

type RInt = Named<i64>;
type RFloat = Named<f64>;
type RBool = Named<bool>;

/// The region of a field, as traces name it.
fn region(r: field::Region) -> Region {
    match r {
        field::Region::Immutable => Region::Immutable,
        field::Region::ListSize => Region::ListSize,
        field::Region::ListItem => Region::ListItem,
        field::Region::RangeIter => Region::RangeIter,
        field::Region::ListIter => Region::ListIter,
        field::Region::TupleIter => Region::TupleIter,
        field::Region::Enumerate => Region::Enumerate,
        field::Region::Cell => Region::Cell,
        field::Region::Function => Region::Function,
        field::Region::Instance => Region::Instance,
        field::Region::ArrayItem => Region::ArrayItem,
        field::Region::ArrayHead => Region::ArrayHead,
        field::Region::RefCount => Region::RefCount,
        field::Region::Volatile => Region::Volatile,
        field::Region::Other => Region::Other,
    }
}

impl Recorder<'_> {
    fn known_val(&mut self, o: *mut PyObject) -> RObj {
        RObj { ptr: o, val: self.rec.raw.constant(Const::Obj(o as usize)) }
    }

    /// The value is that of this name: becomes a guard.
    fn decide(&mut self, b: RBool) -> bool {
        if self.effects {
            self.late_decision(b);
        } else {
            self.guard(if b.now { OpCode::GuardTrue } else { OpCode::GuardFalse }, &[b.val]);
        }
        b.now
    }

    fn equals_const(&mut self, v: Val, c: i64, now: bool) -> bool {
        let c = self.rec.raw.constant(Const::Int(c));
        let equal = self.op(OpCode::IntEq, &[v, c]);
        self.decide(Named { now, val: equal })
    }

    fn items(&mut self, o: RObj, items: ItemsField) -> (Val, usize, Region) {
        match items {
            ItemsField::Tuple => (o.val, layout::TUPLE_ITEMS, Region::Immutable),
            ItemsField::List => {
                let array = self.load(OpCode::LoadPtr, o.val, layout::LIST_ITEMS, Region::ListItems);
                (array, 0, Region::ListItem)
            }
        }
    }

    fn load_at(&mut self, base: Val, index: Val, offset: usize, region: Region) -> Val {
        let mut op = Op::new(OpCode::LoadObjAt, &[base, index]);
        (op.imm, op.region) = (offset as i32, region);
        self.rec.raw.push(op)
    }

    fn store_obj(&mut self, base: Val, offset: i32, region: Region, value: Val) {
        self.effects = true;
        let mut op = Op::new(OpCode::StoreObj, &[base, value]);
        (op.imm, op.region) = (offset, region);
        self.rec.raw.push(op);
    }

    /// Writes a call down. `vals`: one for each argument.
    fn record_call(&mut self, code: OpCode, helper: &'static Helper, vals: &[Val]) -> Val {
        let number = runtime::helper_number(helper);
        self.record_numbered(code, number, helper.effect, vals)
    }

    fn record_numbered(&mut self, code: OpCode, number: i32, effect: Effect, vals: &[Val]) -> Val {
        if effect == Effect::RunsPython {
            self.emit_at();
            self.python = true;
            self.pending_tracing = true;
        }
        if effect != Effect::Pure {
            self.effects = true;
        }
        let mut op = Op::new(code, &[]);
        op.imm = number;
        op.list = self.rec.raw.push_list(vals);
        self.rec.raw.push(op)
    }

    fn arg_vals<const N: usize>(&mut self, args: &[Arg<Self>; N]) -> [Val; N] {
        args.each_ref().map(|arg| match arg {
            Arg::Obj(o) => o.val,
            Arg::Int(i) => i.val,
            Arg::Float(f) => f.val,
            Arg::Const(c) => self.rec.raw.constant(Const::Ptr(*c)),
            Arg::Thread => self.op(OpCode::ThreadState, &[]),
            Arg::Frame => {
                if self.frames.len() > 1 {
                    // The frame of an inlined call has no address that a recording could name.
                    self.give_up(Abort::Unsupported);
                }
                self.op(OpCode::Frame, &[])
            }
        })
    }

    /// A call of a helper that takes borrowed objects and gives a new one.
    fn call_runtime(&mut self, number: i32, vals: &[Val]) -> Val {
        self.record_numbered(OpCode::CallObj, number, Effect::RunsPython, vals)
    }

    /// The top `n` of the stack, in order.
    fn top_values(&mut self, n: usize) -> Vec<RObj> {
        let stack = &self.top().stack;
        stack[stack.len() - n..].to_vec()
    }

    /// A tuple or list of the top `n` values, which it takes over.
    fn build(&mut self, n: usize, numbers: &[i32], ptr: *mut PyObject) -> RObj {
        let items = self.top_values(n);
        self.touch();
        let len = self.top().stack.len();
        self.top().stack.truncate(len - n);
        let Some(&number) = numbers.get(n) else {
            self.give_up(Abort::TooManyArguments);
            return RObj { ptr, val: Val::NONE };
        };
        let vals: Vec<Val> = items.iter().map(|o| o.val).collect();
        let val = self.call_runtime(number, &vals);
        for v in vals {
            // The helper took references of its own: these can't be the last ones.
            self.op(OpCode::DecrefLeaf, &[v]);
        }
        RObj { ptr, val }
    }

    /// The address of a number in an array.
    fn number_address(&mut self, array: RObj, index: RInt, size: NumberSize) -> Val {
        let items = self.load(OpCode::LoadPtr, array.val, field::ARRAY_ITEMS.offset, Region::ArrayHead);
        let shift = self.rec.raw.constant(Const::Int(size.shift().into()));
        let offset = self.op(OpCode::IntShl, &[index.val, shift]);
        self.op(OpCode::AddressAt, &[items, offset])
    }

    fn store_number(&mut self, code: OpCode, address: Val, value: Val) {
        self.effects = true;
        let mut op = Op::new(code, &[address, value]);
        op.region = Region::ArrayItem;
        self.rec.raw.push(op);
    }

    fn values_pointer(&mut self, o: RObj) -> Val {
        self.load_signed(OpCode::LoadPtr, o.val, layout::VALUES_POINTER, Region::Instance)
    }
}

// The trait's primitives take addresses of live objects, as its rules say; they can't be `unsafe` one by one.
#[allow(clippy::not_unsafe_ptr_arg_deref)]
impl Machine for Recorder<'_> {
    type Obj = RObj;
    type Int = RInt;
    type Float = RFloat;
    type Bool = RBool;

    fn push(&mut self, o: RObj) {
        self.touch();
        Machine::push(self.d, o.ptr);
        self.top().stack.push(o);
    }
    fn pop(&mut self) -> RObj {
        self.touch();
        Machine::pop(self.d);
        self.top().stack.pop().expect("the picture is as deep as the stack")
    }
    fn peek(&mut self, depth: usize) -> RObj {
        let stack = &self.top().stack;
        stack[stack.len() - depth]
    }
    fn poke(&mut self, depth: usize, o: RObj) {
        self.touch();
        Machine::poke(self.d, depth, o.ptr);
        let stack = &mut self.top().stack;
        let at = stack.len() - depth;
        stack[at] = o;
    }
    fn shrink(&mut self, n: usize) {
        self.touch();
        Machine::shrink(self.d, n);
        let stack = &mut self.top().stack;
        stack.truncate(stack.len() - n);
    }
    fn local(&mut self, index: usize) -> RObj {
        self.top().locals[index]
    }
    fn set_local(&mut self, index: usize, o: RObj) {
        self.touch();
        Machine::set_local(self.d, index, o.ptr);
        self.top().locals[index] = o;
    }
    fn constant(&mut self, index: usize) -> RObj {
        let o = Machine::constant(self.d, index);
        self.known_val(o)
    }
    fn function(&mut self) -> RObj {
        if self.frames.len() > 1 {
            return self.top().function;
        }
        let ptr = Machine::function(self.d);
        let frame = self.op(OpCode::Frame, &[]);
        let val = self.load(OpCode::LoadObj, frame, layout::FRAME_FUNC, Region::Immutable);
        RObj { ptr, val }
    }
    fn namespace(&mut self) -> RObj {
        let ptr = Machine::namespace(self.d);
        self.frame_object(ptr, layout::FRAME_LOCALS)
    }
    fn globals(&mut self) -> RObj {
        let ptr = Machine::globals(self.d);
        self.frame_object(ptr, layout::FRAME_GLOBALS)
    }
    fn builtins(&mut self) -> RObj {
        let ptr = Machine::builtins(self.d);
        self.frame_object(ptr, layout::FRAME_BUILTINS)
    }
    fn code(&self) -> *mut PyCodeObject {
        self.d.code()
    }
    fn known(&mut self, o: *mut PyObject) -> RObj {
        self.embed(o);
        self.known_val(o)
    }
    fn null(&mut self) -> RObj {
        self.known_val(std::ptr::null_mut())
    }
    fn peek_address(&self, o: RObj) -> *mut PyObject {
        o.ptr
    }

    fn instruction(&self) -> usize {
        self.d.instruction()
    }
    fn jump(&mut self, target: usize) {
        self.d.jump(target)
    }
    fn step_to(&mut self, index: usize) {
        // Guards of this instruction lead to its start.
        self.start_snapshot();
        self.touch();
        self.d.step_to(index);
        self.unit = index as u32;
    }
    fn loop_edge(&mut self, target: usize) -> Flow {
        if !self.d.breaker_clear() {
            self.give_up(Abort::Tracing);
            return self.d.loop_edge(target);
        }
        // Dropped operands are no side effect that a second execution would repeat: nothing was emitted yet.
        if self.effects {
            let lasti = self.unit;
            self.pending_breaker = Some(lasti);
        } else {
            let snap = self.start_snapshot();
            self.guard_breaker(snap);
        }
        self.edge = Some(target);
        self.d.jump(target);
        Flow::Next
    }
    fn breaker_clear(&mut self) -> bool {
        let clear = self.d.breaker_clear();
        if clear && !self.effects {
            let snap = self.start_snapshot();
            self.guard_breaker(snap);
        } else {
            self.give_up(Abort::Tracing);
        }
        clear
    }
    fn check_breaker(&mut self) -> Flow {
        if !self.d.breaker_clear() {
            self.give_up(Abort::Tracing);
            return self.d.check_breaker();
        }
        self.pending_breaker = Some(self.unit);
        Flow::Next
    }

    fn is_null(&mut self, o: RObj) -> bool {
        let null = o.ptr.is_null();
        self.fact(if null { OpCode::GuardNull } else { OpCode::GuardNonNull }, &[o.val]);
        null
    }
    fn is_type(&mut self, o: RObj, ty: TypeOf) -> bool {
        self.guard_real_type(o);
        self.d.is_type(o.ptr, ty)
    }
    fn is_type_object(&mut self, o: RObj, ty: *mut PyTypeObject) -> bool {
        self.guard_real_type(o);
        self.d.is_type_object(o.ptr, ty)
    }
    fn is_object(&mut self, o: RObj, known: *mut PyObject) -> bool {
        let same = o.ptr == known;
        self.embed(known);
        let k = self.known_val(known);
        if self.effects {
            self.late_identity(o, k, same);
        } else if same {
            // SAFETY: a live object.
            if unsafe { layout::is_watched(known) || (*known).ob_type == &raw mut capi::sys::PyCode_Type } {
                self.guard_valid();
            }
            self.guard(OpCode::GuardIs, &[o.val, k.val]);
        } else {
            let equal = self.op(OpCode::AddressEq, &[o.val, k.val]);
            self.guard(OpCode::GuardFalse, &[equal]);
        }
        same
    }
    fn branch(&mut self, b: RBool) -> bool {
        self.decide(b)
    }
    fn is_type_version(&mut self, ty: *mut PyTypeObject, version: u32) -> bool {
        self.embed(ty.cast());
        let now = self.d.is_type_version(ty, version);
        let base = self.rec.raw.constant(Const::Ptr(ty as usize));
        let tag = self.load(OpCode::LoadU32, base, layout::TYPE_VERSION, Region::TypeVersion);
        self.equals_const(tag, i64::from(version), now)
    }
    fn is_keys_version(&mut self, dict: RObj, version: u32) -> bool {
        let now = self.d.is_keys_version(dict.ptr, version);
        let keys = self.load(OpCode::LoadPtr, dict.val, layout::DICT_KEYS, Region::DictHead);
        let tag = self.load(OpCode::LoadU32, keys, layout::KEYS_VERSION, Region::DictKeys);
        self.equals_const(tag, i64::from(version), now)
    }
    fn has_inline_values(&mut self, o: RObj) -> bool {
        let now = self.d.has_inline_values(o.ptr);
        let values = self.values_pointer(o);
        self.fact(if now { OpCode::GuardNonNull } else { OpCode::GuardNull }, &[values]);
        now
    }
    fn is_cached_keys_version(&mut self, ty: *mut PyTypeObject, version: u32) -> bool {
        self.embed(ty.cast());
        let now = self.d.is_cached_keys_version(ty, version);
        let base = self.rec.raw.constant(Const::Ptr(ty as usize));
        let keys = self.load(OpCode::LoadPtr, base, layout::TYPE_CACHED_KEYS, Region::TypeVersion);
        let tag = self.load(OpCode::LoadU32, keys, layout::KEYS_VERSION, Region::DictKeys);
        self.equals_const(tag, i64::from(version), now)
    }

    fn may_bind_call(
        &mut self,
        nargs: usize,
        kwnames: *mut PyObject,
        below: usize,
        return_to: usize,
    ) -> Option<Flow> {
        let Some(&number) = runtime::CALL_FUNCTION.get(nargs) else {
            self.give_up(Abort::TooManyArguments);
            return self.d.may_bind_call(nargs, kwnames, below, return_to);
        };
        // Not inlined, but its arguments are moved all the same; the caller shows the end of the call meanwhile.
        self.unit = return_to as u32 - 1;
        let values = self.top_values(nargs + 1);
        let mut vals = vec![values[0].val, self.rec.raw.constant(Const::Ptr(kwnames as usize))];
        vals.extend(values[1..].iter().map(|o| o.val));
        self.embed(kwnames);
        let val = self.call_runtime(number, &vals);
        Machine::shrink(self, nargs + 1 + below);
        let args: Vec<*mut PyObject> = values[1..].iter().map(|o| o.ptr).collect();
        // SAFETY: the stack's references are handed over; the real frame is the current one and shows the call.
        let ptr = unsafe {
            let unit = capi::frame::first_instruction(self.code()).add(return_to - 1);
            (*self.d.frame).prev_instr = unit;
            runtime::run_function(values[0].ptr, kwnames, &args)
        };
        if ptr.is_null() {
            self.give_up(Abort::Raised);
            return Some(Flow::Raise);
        }
        let result = RObj { ptr, val };
        Machine::push(self, result);
        Some(if self.succeeded(result) { Flow::Next } else { Flow::Raise })
    }
    fn may_look_up_method(&mut self, _: RObj, _: RObj) -> Option<(RObj, bool)> {
        None
    }
    fn may_resume(&mut self, _: RObj) -> bool {
        false
    }
    fn may_specialise(&self) -> bool {
        true
    }
    fn may_reuse_float(&mut self, _: RObj, _: RFloat) -> bool {
        false
    }
    fn may_append_in_place(&mut self) -> Option<Flow> {
        // Joining strings in a trace would copy what the interpreter appends in place.
        self.give_up(Abort::Opcode);
        self.d.may_append_in_place()
    }

    fn int(&mut self, value: i64) -> RInt {
        Named { now: value, val: self.rec.raw.constant(Const::Int(value)) }
    }
    fn float(&mut self, value: f64) -> RFloat {
        Named { now: value, val: self.rec.raw.constant(Const::Float(value.to_bits())) }
    }
    fn int_value(&mut self, o: RObj) -> Option<RInt> {
        let now = self.d.int_value(o.ptr)?;
        if self.effects {
            self.give_up(Abort::Unsupported);
        }
        let snap = self.start_snapshot();
        Some(Named { now, val: self.guard_at(OpCode::IntValue, &[o.val], snap) })
    }
    fn float_value(&mut self, o: RObj) -> RFloat {
        Named { now: self.d.float_value(o.ptr), val: self.op(OpCode::FloatValue, &[o.val]) }
    }
    fn bool_value(&mut self, o: RObj) -> RBool {
        Named { now: self.d.bool_value(o.ptr), val: self.op(OpCode::BoolValue, &[o.val]) }
    }
    fn int_checked(&mut self, op: CheckedOp, a: RInt, b: RInt) -> Option<RInt> {
        let now = self.d.int_checked(op, a.now, b.now)?;
        let code = match op {
            CheckedOp::Add => OpCode::IntAddOvf,
            CheckedOp::Sub => OpCode::IntSubOvf,
            CheckedOp::Mul => OpCode::IntMulOvf,
        };
        if self.effects {
            self.give_up(Abort::Unsupported);
        }
        let snap = self.start_snapshot();
        Some(Named { now, val: self.guard_at(code, &[a.val, b.val], snap) })
    }
    fn int_op(&mut self, op: IntOp, a: RInt, b: RInt) -> RInt {
        let code = match op {
            IntOp::Add => OpCode::IntAdd,
            IntOp::Sub => OpCode::IntSub,
            IntOp::Mul => OpCode::IntMul,
            IntOp::And => OpCode::IntAnd,
            IntOp::Or => OpCode::IntOr,
            IntOp::Xor => OpCode::IntXor,
            IntOp::Shl => OpCode::IntShl,
            IntOp::Shr => OpCode::IntShr,
            IntOp::FloorDiv => OpCode::IntFloorDiv,
            IntOp::Mod => OpCode::IntMod,
        };
        Named { now: self.d.int_op(op, a.now, b.now), val: self.op(code, &[a.val, b.val]) }
    }
    fn int_compare(&mut self, op: Compare, a: RInt, b: RInt) -> RBool {
        let code = match op {
            Compare::Lt => OpCode::IntLt,
            Compare::Le => OpCode::IntLe,
            Compare::Eq => OpCode::IntEq,
            Compare::Ne => OpCode::IntNe,
            Compare::Gt => OpCode::IntGt,
            Compare::Ge => OpCode::IntGe,
        };
        Named { now: self.d.int_compare(op, a.now, b.now), val: self.op(code, &[a.val, b.val]) }
    }
    fn int_below(&mut self, a: RInt, b: RInt) -> RBool {
        Named { now: self.d.int_below(a.now, b.now), val: self.op(OpCode::IntULt, &[a.val, b.val]) }
    }
    fn float_op(&mut self, op: FloatOp, a: RFloat, b: RFloat) -> RFloat {
        let code = match op {
            FloatOp::Add => OpCode::FloatAdd,
            FloatOp::Sub => OpCode::FloatSub,
            FloatOp::Mul => OpCode::FloatMul,
            FloatOp::Div => OpCode::FloatDiv,
        };
        Named { now: self.d.float_op(op, a.now, b.now), val: self.op(code, &[a.val, b.val]) }
    }
    fn float_unary(&mut self, op: FloatUnary, a: RFloat) -> RFloat {
        let code = match op {
            FloatUnary::Neg => OpCode::FloatNeg,
            FloatUnary::Abs => OpCode::FloatAbs,
            FloatUnary::Sqrt => OpCode::FloatSqrt,
        };
        Named { now: self.d.float_unary(op, a.now), val: self.op(code, &[a.val]) }
    }
    fn float_compare(&mut self, op: Compare, a: RFloat, b: RFloat) -> RBool {
        let code = match op {
            Compare::Lt => OpCode::FloatLt,
            Compare::Le => OpCode::FloatLe,
            Compare::Eq => OpCode::FloatEq,
            Compare::Ne => OpCode::FloatNe,
            Compare::Gt => OpCode::FloatGt,
            Compare::Ge => OpCode::FloatGe,
        };
        Named { now: self.d.float_compare(op, a.now, b.now), val: self.op(code, &[a.val, b.val]) }
    }
    fn float_from_int(&mut self, a: RInt) -> RFloat {
        Named { now: self.d.float_from_int(a.now), val: self.op(OpCode::FloatFromInt, &[a.val]) }
    }
    fn int_from_float(&mut self, a: RFloat) -> Option<RInt> {
        let now = self.d.int_from_float(a.now)?;
        if self.effects {
            self.give_up(Abort::Unsupported);
        }
        let snap = self.start_snapshot();
        Some(Named { now, val: self.guard_at(OpCode::IntFromFloat, &[a.val], snap) })
    }
    fn bool_not(&mut self, a: RBool) -> RBool {
        Named { now: !a.now, val: self.op(OpCode::BoolNot, &[a.val]) }
    }
    fn int_from_bool(&mut self, a: RBool) -> RInt {
        Named { now: a.now as i64, val: self.op(OpCode::IntFromBool, &[a.val]) }
    }
    fn same(&mut self, a: RObj, b: RObj) -> RBool {
        Named { now: a.ptr == b.ptr, val: self.op(OpCode::AddressEq, &[a.val, b.val]) }
    }

    fn new_int(&mut self, value: RInt) -> RObj {
        let ptr = self.d.new_int(value.now);
        RObj { ptr, val: self.op(OpCode::NewInt, &[value.val]) }
    }
    fn new_float(&mut self, value: RFloat) -> RObj {
        let ptr = self.d.new_float(value.now);
        RObj { ptr, val: self.op(OpCode::NewFloat, &[value.val]) }
    }
    fn new_bool(&mut self, value: RBool) -> RObj {
        let ptr = self.d.new_bool(value.now);
        let val = self.op(OpCode::BoolObj, &[value.val]);
        self.op(OpCode::Incref, &[val]);
        RObj { ptr, val }
    }
    fn new_tuple_from_stack(&mut self, n: usize) -> RObj {
        let ptr = self.d.new_tuple_from_stack(n);
        self.build(n, &runtime::NEW_TUPLE, ptr)
    }
    fn new_list_from_stack(&mut self, n: usize) -> RObj {
        let ptr = self.d.new_list_from_stack(n);
        self.build(n, &runtime::NEW_LIST, ptr)
    }
    fn load_int(&mut self, o: RObj, f: Field) -> RInt {
        let val = self.load(OpCode::LoadInt, o.val, f.offset, region(f.region));
        Named { now: self.d.load_int(o.ptr, f), val }
    }
    fn load_obj(&mut self, o: RObj, f: Field) -> RObj {
        let val = self.load(OpCode::LoadObj, o.val, f.offset, region(f.region));
        RObj { ptr: self.d.load_obj(o.ptr, f), val }
    }
    fn store_int(&mut self, o: RObj, f: Field, value: RInt) {
        self.d.store_int(o.ptr, f, value.now);
        self.effects = true;
        let mut op = Op::new(OpCode::StoreInt, &[o.val, value.val]);
        (op.imm, op.region) = (f.offset as i32, region(f.region));
        self.rec.raw.push(op);
    }
    fn swap_obj(&mut self, o: RObj, f: Field, value: RObj) -> RObj {
        let old = self.load(OpCode::LoadObj, o.val, f.offset, region(f.region));
        self.store_obj(o.val, f.offset as i32, region(f.region), value.val);
        RObj { ptr: self.d.swap_obj(o.ptr, f, value.ptr), val: old }
    }
    fn item(&mut self, o: RObj, items: ItemsField, index: RInt) -> RObj {
        let (base, offset, region) = self.items(o, items);
        let val = self.load_at(base, index.val, offset, region);
        RObj { ptr: self.d.item(o.ptr, items, index.now), val }
    }
    fn swap_item(&mut self, o: RObj, items: ItemsField, index: RInt, value: RObj) -> RObj {
        let (base, offset, region) = self.items(o, items);
        let old = self.load_at(base, index.val, offset, region);
        self.effects = true;
        let mut op = Op::new(OpCode::StoreObjAt, &[base, index.val, value.val]);
        (op.imm, op.region) = (offset as i32, region);
        self.rec.raw.push(op);
        RObj { ptr: self.d.swap_item(o.ptr, items, index.now, value.ptr), val: old }
    }
    fn float_number(&mut self, array: RObj, index: RInt) -> RFloat {
        let address = self.number_address(array, index, NumberSize::Word);
        let val = self.load(OpCode::LoadFloat, address, 0, Region::ArrayItem);
        Named { now: self.d.float_number(array.ptr, index.now), val }
    }
    fn int_number(&mut self, array: RObj, index: RInt, size: NumberSize) -> RInt {
        let address = self.number_address(array, index, size);
        let code = if size == NumberSize::Word { OpCode::LoadInt } else { OpCode::LoadI32 };
        let val = self.load(code, address, 0, Region::ArrayItem);
        Named { now: self.d.int_number(array.ptr, index.now, size), val }
    }
    fn set_float_number(&mut self, array: RObj, index: RInt, value: RFloat) {
        let address = self.number_address(array, index, NumberSize::Word);
        self.store_number(OpCode::StoreFloat, address, value.val);
        self.d.set_float_number(array.ptr, index.now, value.now);
    }
    fn set_int_number(&mut self, array: RObj, index: RInt, size: NumberSize, value: RInt) {
        let address = self.number_address(array, index, size);
        let code = if size == NumberSize::Word { OpCode::StoreInt } else { OpCode::StoreI32 };
        self.store_number(code, address, value.val);
        self.d.set_int_number(array.ptr, index.now, size, value.now);
    }
    fn dict_value(&mut self, dict: RObj, index: usize) -> RObj {
        let ptr = self.d.dict_value(dict.ptr, index);
        let keys = self.load(OpCode::LoadPtr, dict.val, layout::DICT_KEYS, Region::DictHead);
        // The keys version was asked: while it holds, the table has this shape.
        let offset = layout::entry_value_offset(dict.ptr, index);
        let val = self.load(OpCode::LoadObj, keys, offset, Region::DictValue);
        RObj { ptr, val }
    }
    fn instance_value(&mut self, o: RObj, index: usize) -> RObj {
        let ptr = self.d.instance_value(o.ptr, index);
        let values = self.values_pointer(o);
        let val = self.load(OpCode::LoadObj, values, 8 * index, Region::DictValue);
        RObj { ptr, val }
    }
    fn swap_instance_value(&mut self, o: RObj, index: usize, value: RObj) -> RObj {
        let values = self.values_pointer(o);
        let old = self.load(OpCode::LoadObj, values, 8 * index, Region::DictValue);
        self.store_obj(values, 8 * index as i32, Region::DictValue, value.val);
        RObj { ptr: self.d.swap_instance_value(o.ptr, index, value.ptr), val: old }
    }

    fn incref(&mut self, o: RObj) {
        self.d.incref(o.ptr);
        self.op(OpCode::Incref, &[o.val]);
    }
    fn decref(&mut self, o: RObj) {
        // SAFETY: the semantics drop a live object's reference.
        let (ty, died) = unsafe { ((*o.ptr).ob_type, (*o.ptr).ob_refcnt == 1) };
        let mut leaf = layout::is_leaf(ty as usize);
        if leaf && !self.effects {
            self.guard_real_type(o);
        } else if leaf && !self.announced.contains(&o.val) {
            leaf = false;
        }
        if self.python && !leaf {
            // Frames are in memory already: it may die right here, in order.
            self.op(OpCode::DecrefDealloc, &[o.val]);
        } else if self.python {
            self.op(OpCode::Decref, &[o.val]);
        } else {
            self.drop_at_end(o, died && !layout::is_leaf(ty as usize), leaf);
        }
        Machine::decref(self.d, o.ptr);
    }
    fn will_drop(&mut self, o: RObj) {
        if o.ptr.is_null() {
            self.fact(OpCode::GuardNull, &[o.val]);
            return;
        }
        // SAFETY: a live object, as the caller of `will_drop` is about to drop its reference.
        let ty = unsafe { (*o.ptr).ob_type };
        if layout::is_leaf(ty as usize) && !self.effects {
            self.guard_real_type(o);
            self.announced.push(o.val);
        } else {
            self.fact(OpCode::GuardNonNull, &[o.val]);
        }
    }

    fn call_obj<const N: usize>(&mut self, helper: &'static Helper, args: [Arg<Self>; N]) -> RObj {
        let vals = self.arg_vals(&args);
        let val = self.record_call(OpCode::CallObj, helper, &vals);
        let ptr = self.d.call_obj(helper, args.map(direct_arg));
        RObj { ptr, val }
    }
    fn call_int<const N: usize>(&mut self, helper: &'static Helper, args: [Arg<Self>; N]) -> RInt {
        let vals = self.arg_vals(&args);
        let mut val = self.record_call(OpCode::CallInt, helper, &vals);
        if helper.int32 {
            // A C int: only the low half of the register is defined.
            let half = self.rec.raw.constant(Const::Int(32));
            val = self.op(OpCode::IntShl, &[val, half]);
            val = self.op(OpCode::IntShr, &[val, half]);
        }
        let now = self.d.call_int(helper, args.map(direct_arg));
        Named { now, val }
    }
    fn call_float<const N: usize>(&mut self, helper: &'static Helper, args: [Arg<Self>; N]) -> RFloat {
        let vals = self.arg_vals(&args);
        let val = self.record_call(OpCode::CallFloat, helper, &vals);
        let now = self.d.call_float(helper, args.map(direct_arg));
        Named { now, val }
    }
    fn call_array(&mut self, helper: &'static Helper, n: usize) -> RObj {
        self.give_up(Abort::TooManyArguments);
        RObj { ptr: self.d.call_array(helper, n), val: Val::NONE }
    }
    fn vectorcall(&mut self, nargs: usize, kwnames: *mut PyObject) -> RObj {
        let values = self.top_values(nargs + 1);
        let val = match runtime::CALL.get(nargs) {
            Some(&number) => {
                let mut vals = vec![values[0].val, self.rec.raw.constant(Const::Ptr(kwnames as usize))];
                vals.extend(values[1..].iter().map(|o| o.val));
                self.call_runtime(number, &vals)
            }
            None => {
                self.give_up(Abort::TooManyArguments);
                Val::NONE
            }
        };
        let ptr = self.d.vectorcall(nargs, kwnames);
        RObj { ptr, val }
    }
    fn succeeded(&mut self, result: RObj) -> bool {
        let ok = !result.ptr.is_null();
        if !ok {
            self.give_up(Abort::Raised);
        } else if self.effects {
            self.guard_success(OpCode::GuardNonNull, result.val);
        }
        ok
    }
    fn succeeded_int(&mut self, result: RInt) -> bool {
        if result.now < 0 {
            self.give_up(Abort::Raised);
            return false;
        }
        let zero = self.rec.raw.constant(Const::Int(0));
        let ok = self.op(OpCode::IntGe, &[result.val, zero]);
        self.guard_success(OpCode::GuardTrue, ok);
        true
    }

    fn may_push_frame(&mut self, code: *mut PyCodeObject) -> bool {
        // A function that calls itself is a tree of calls, of which each path would become a trace.
        let recursive = self.frames.iter().any(|f| f.code == code);
        if self.effects
            || recursive
            || !(self.may_inline)(code, self.frames.len())
            || !self.d.may_push_frame(code)
        {
            return false;
        }
        // As many calls as are inlined now, and this one, have to be possible.
        let thread = self.op(OpCode::ThreadState, &[]);
        let remaining = self.load(OpCode::LoadI32, thread, layout::RECURSION_REMAINING, Region::Thread);
        let depth = self.rec.raw.constant(Const::Int(self.frames.len() as i64 + 1));
        let enough = self.op(OpCode::IntGt, &[remaining, depth]);
        self.guard(OpCode::GuardTrue, &[enough]);
        // Another frame evaluator that a program installs has to see each frame.
        // SAFETY: the running thread's interpreter, which is the only one that is recorded.
        let interpreter = self.rec.raw.constant(Const::Ptr(unsafe { (*self.d.tstate).interp } as usize));
        let ours = self.rec.raw.constant(Const::Ptr(evaluate::eval_frame as *const () as usize));
        let evaluator = self.load(OpCode::LoadPtr, interpreter, layout::EVAL_FRAME, Region::Thread);
        let current = self.op(OpCode::AddressEq, &[evaluator, ours]);
        self.guard(OpCode::GuardTrue, &[current]);
        true
    }
    fn enter_call(
        &mut self,
        function: RObj,
        code: *mut PyCodeObject,
        nargs: usize,
        below: usize,
        return_to: usize,
    ) -> Flow {
        let args = self.take_arguments(code, nargs, 1 + below, return_to);
        let flow = self.d.enter_call(function.ptr, code, nargs, below, return_to);
        self.push_shadow(function, code, args);
        flow
    }
    fn enter_function(
        &mut self,
        function: RObj,
        code: *mut PyCodeObject,
        nargs: usize,
        return_to: usize,
    ) -> Flow {
        let args = self.take_arguments(code, nargs, 0, return_to);
        let flow = self.d.enter_function(function.ptr, code, nargs, return_to);
        self.push_shadow(function, code, args);
        flow
    }
    fn leave_call(&mut self, value: RObj) -> Flow {
        self.touch();
        // SAFETY: the machine's frame is live until it returns.
        if unsafe { !(*self.d.frame).frame_obj.is_null() || !(*self.d.frame).f_locals.is_null() } {
            self.give_up(Abort::FrameObject);
        }
        let snap = self.start_snapshot();
        let mut op = Op::new(OpCode::InlineReturn, &[]);
        op.snap = snap;
        self.rec.raw.push(op);
        self.returned = true;
        let left = self.frames.pop().expect("only inlined calls return while recording");
        for o in left.locals.into_iter().filter(|o| !o.ptr.is_null()).chain([left.function]) {
            // SAFETY: the frame holds a reference to each.
            let (ty, died) = unsafe { ((*o.ptr).ob_type, (*o.ptr).ob_refcnt == 1) };
            let leaf = layout::is_leaf(ty as usize);
            if leaf && !self.effects {
                self.guard_real_type(o);
            }
            self.drop_at_end(o, died && !leaf, leaf && !self.effects);
        }
        let flow = self.d.leave_call(value.ptr);
        self.top().stack.push(value);
        flow
    }
}

impl Recorder<'_> {
    /// The arguments of a call, moved off the caller's stack, with `dropped` places below them.
    fn take_arguments(
        &mut self,
        code: *mut PyCodeObject,
        nargs: usize,
        dropped: usize,
        return_to: usize,
    ) -> Vec<RObj> {
        self.touch();
        self.embed(code.cast());
        let caller = self.top();
        let args = caller.stack.split_off(caller.stack.len() - nargs);
        caller.stack.truncate(caller.stack.len() - dropped);
        caller.instr = return_to as u32 - 1;
        args
    }

    /// The picture of the frame that was just pushed.
    fn push_shadow(&mut self, function: RObj, code: *mut PyCodeObject, args: Vec<RObj>) {
        let null = Machine::null(self);
        // SAFETY: the code of a live function.
        let slots = unsafe { (*code).co_nlocalsplus as usize };
        let mut locals = args;
        locals.resize(slots, null);
        let frame = self.d.frame;
        self.frames.push(Shadow { code, function, frame, instr: 0, locals, stack: Vec::new() });
    }
}

fn direct_arg(arg: Arg<Recorder<'_>>) -> Arg<Direct> {
    match arg {
        Arg::Obj(o) => Arg::Obj(o.ptr),
        Arg::Int(i) => Arg::Int(i.now),
        Arg::Float(f) => Arg::Float(f.now),
        Arg::Const(c) => Arg::Const(c),
        Arg::Thread => Arg::Thread,
        Arg::Frame => Arg::Frame,
    }
}
