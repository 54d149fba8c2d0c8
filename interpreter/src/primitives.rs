//! The primitives of the machine that executes, each inlined into every opcode.
//!
//! The trait's rules say who guarantees what: opcodes ask for an object's type before they use its layout, and pass live
//! objects only.

use crate::code_data::{self, CodeData, units};
use crate::completion::Completion;
use crate::direct::{Direct, type_object};
use crate::field::{Field, ItemsField, TypeOf};
use crate::helper::Helper;
use crate::machine::{Arg, CheckedOp, Compare, FloatOp, FloatUnary, Flow, IntOp, Machine, NumberSize};
use crate::{generators, helpers, keys, numbers};
use capi::frame::{self, SPECIALS_WORDS};
use capi::objects::Array;
use capi::refs::type_of;
use capi::sys::{self, PyCodeObject, PyObject, PyTypeObject};
use capi::words::move_words;
use std::ptr;

/// `PY_VECTORCALL_ARGUMENTS_OFFSET`
const ARGUMENTS_OFFSET: usize = 1 << (usize::BITS - 1);

#[allow(clippy::not_unsafe_ptr_arg_deref)] // the trait's rules are the contract
impl Machine for Direct {
    type Obj = *mut PyObject;
    type Int = i64;
    type Float = f64;
    type Bool = bool;

    #[inline(always)]
    fn push(&mut self, o: Self::Obj) {
        // SAFETY: the invariant; the compiler computed the stack's size.
        unsafe {
            *self.sp = o;
            self.sp = self.sp.add(1);
        }
    }

    #[inline(always)]
    fn pop(&mut self) -> Self::Obj {
        // SAFETY: the invariant.
        unsafe {
            self.sp = self.sp.sub(1);
            *self.sp
        }
    }

    #[inline(always)]
    fn peek(&mut self, depth: usize) -> Self::Obj {
        // SAFETY: the invariant.
        unsafe { *self.slot(depth) }
    }

    #[inline(always)]
    fn poke(&mut self, depth: usize, o: Self::Obj) {
        // SAFETY: the invariant.
        unsafe { *self.slot(depth) = o }
    }

    #[inline(always)]
    fn shrink(&mut self, n: usize) {
        self.sp = self.slot(n);
    }

    #[inline(always)]
    fn local(&mut self, index: usize) -> Self::Obj {
        // SAFETY: the invariant.
        unsafe { *self.local_slot(index) }
    }

    #[inline(always)]
    fn set_local(&mut self, index: usize, o: Self::Obj) {
        // SAFETY: the invariant.
        unsafe { *self.local_slot(index) = o }
    }

    #[inline(always)]
    fn constant(&mut self, index: usize) -> Self::Obj {
        // SAFETY: the invariant; the index lies within co_consts.
        unsafe { *helpers::tuple_items((*(*self.frame).f_code).co_consts).add(index) }
    }

    #[inline(always)]
    fn function(&mut self) -> Self::Obj {
        // SAFETY: the invariant.
        unsafe { (*self.frame).f_func.cast() }
    }

    #[inline(always)]
    fn namespace(&mut self) -> Self::Obj {
        // SAFETY: the invariant.
        unsafe { (*self.frame).f_locals }
    }

    #[inline(always)]
    fn globals(&mut self) -> Self::Obj {
        // SAFETY: the invariant.
        unsafe { (*self.frame).f_globals }
    }

    #[inline(always)]
    fn builtins(&mut self) -> Self::Obj {
        // SAFETY: the invariant.
        unsafe { (*self.frame).f_builtins }
    }

    #[inline(always)]
    fn code(&self) -> *mut PyCodeObject {
        // SAFETY: the invariant.
        unsafe { (*self.frame).f_code }
    }

    #[inline(always)]
    fn known(&mut self, o: *mut PyObject) -> Self::Obj {
        o
    }

    #[inline(always)]
    fn null(&mut self) -> Self::Obj {
        ptr::null_mut()
    }

    #[inline(always)]
    fn peek_address(&self, o: Self::Obj) -> *mut PyObject {
        o
    }

    #[inline(always)]
    fn instruction(&self) -> usize {
        // SAFETY: the invariant.
        unsafe { (*self.frame).prev_instr.offset_from(units(self.code())) as usize }
    }

    #[inline(always)]
    fn jump(&mut self, target: usize) {
        // SAFETY: the invariant; jumps stay within the code.
        self.ip = unsafe { units(self.code()).add(target) };
    }

    #[inline(always)]
    fn step_to(&mut self, index: usize) {
        // SAFETY: the invariant; an instruction of this code.
        unsafe {
            let unit = units(self.code()).add(index);
            (*self.frame).prev_instr = unit;
            // CPython's evaluator may have rewritten it.
            let code = capi::opcode::DEOPT[usize::from(*unit as u8)];
            self.ip = unit.add(1 + crate::opcode::caches(code));
        }
    }

    #[inline(always)]
    fn loop_edge(&mut self, target: usize) -> Flow {
        self.jump(target);
        if !self.breaker_clear() {
            let flow = self.serve();
            if flow != Flow::Next {
                return flow;
            }
        }
        if !crate::jit::is_present() {
            return Flow::Next;
        }
        // SAFETY: the current code lives; the GIL is held.
        let loops = unsafe { code_data::get_or_create(self.code()) };
        if loops.is_null() {
            return Flow::Next;
        }
        // SAFETY: the data is that of the current code; the target is a loop header.
        let cell = unsafe { CodeData::cell(loops, target) };
        // SAFETY: a live cell; the GIL is held.
        unsafe {
            (*cell).counter = (*cell).counter.saturating_sub(1);
            if (*cell).counter < 0 {
                return crate::jit::hot_loop(self, cell);
            }
        }
        Flow::Next
    }

    #[inline(always)]
    fn breaker_clear(&mut self) -> bool {
        // SAFETY: the invariant; the breaker is written by other threads, hence the volatile read.
        unsafe {
            let breaker = &raw const (*(*self.tstate).interp).ceval.eval_breaker._value;
            breaker.cast::<i32>().read_volatile() == 0 && (*(*self.tstate).cframe).use_tracing == 0
        }
    }

    #[inline(always)]
    fn check_breaker(&mut self) -> Flow {
        if self.breaker_clear() { Flow::Next } else { self.serve() }
    }

    #[inline(always)]
    fn is_null(&mut self, o: Self::Obj) -> bool {
        o.is_null()
    }

    #[inline(always)]
    fn is_type(&mut self, o: Self::Obj, ty: TypeOf) -> bool {
        if ty == TypeOf::None {
            return o == helpers::none();
        }
        // SAFETY: opcodes ask this of live objects.
        unsafe { type_of(o) == type_object(ty) }
    }

    #[inline(always)]
    fn is_type_object(&mut self, o: Self::Obj, ty: *mut PyTypeObject) -> bool {
        // SAFETY: opcodes ask this of live objects.
        unsafe { type_of(o) == ty }
    }

    #[inline(always)]
    fn is_object(&mut self, o: Self::Obj, known: *mut PyObject) -> bool {
        o == known
    }

    #[inline(always)]
    fn branch(&mut self, b: Self::Bool) -> bool {
        b
    }

    #[inline(always)]
    fn is_type_version(&mut self, ty: *mut PyTypeObject, version: u32) -> bool {
        // SAFETY: the type of a live object.
        unsafe { (*ty).tp_version_tag == version }
    }

    #[inline(always)]
    fn is_keys_version(&mut self, dict: Self::Obj, version: u32) -> bool {
        keys::version(dict) == version
    }

    #[inline(always)]
    fn has_inline_values(&mut self, o: Self::Obj) -> bool {
        // SAFETY: an instance of a type with a managed dict (its version was asked).
        unsafe { !(*o.cast::<*mut PyObject>().offset(helpers::VALUES_POINTER)).is_null() }
    }

    #[inline(always)]
    fn is_cached_keys_version(&mut self, ty: *mut PyTypeObject, version: u32) -> bool {
        // SAFETY: a heap type with cached keys (its version was asked).
        unsafe { (*(*ty.cast::<sys::PyHeapTypeObject>()).ht_cached_keys).dk_version == version }
    }

    #[inline(always)]
    fn may_bind_call(
        &mut self,
        nargs: usize,
        kwnames: *mut PyObject,
        below: usize,
        return_to: usize,
    ) -> Option<Flow> {
        crate::bind::call(self, nargs, kwnames, below, return_to)
    }

    #[inline(always)]
    fn may_resume(&mut self, iterator: Self::Obj) -> bool {
        // SAFETY: the invariant; the iterator is at the top.
        unsafe {
            if type_of(iterator) != &raw mut sys::PyGen_Type
                || !generators::is_resumable(self.tstate, iterator.cast())
            {
                return false;
            }
            generators::resume(self, 1);
            true
        }
    }

    #[inline(always)]
    fn may_specialise(&self) -> bool {
        false
    }

    #[inline(always)]
    fn may_reuse_float(&mut self, o: Self::Obj, value: Self::Float) -> bool {
        // SAFETY: a live object; with one reference, the stack's, nobody sees the change.
        unsafe {
            if (*o).ob_refcnt == 1 && type_of(o) == type_object(TypeOf::Float) {
                (*o.cast::<sys::PyFloatObject>()).ob_fval = value;
                return true;
            }
        }
        false
    }

    #[inline(always)]
    fn may_append_in_place(&mut self) -> Option<Flow> {
        // SAFETY: the invariant; the next unit is an instruction.
        unsafe {
            let next = *self.ip;
            if next as u8 != capi::opcode::STORE_FAST || crate::tracing::is_on(self.tstate) {
                return None;
            }
            let target = self.local_slot(usize::from(next >> 8));
            let left = *self.slot(2);
            if *target != left {
                return None;
            }
            let right = *self.slot(1);
            // Two references at least: the local's stays, alone if nobody else has one.
            (*left).ob_refcnt -= 1;
            self.sp = self.sp.sub(2);
            sys::PyUnicode_Append(target, right);
            self.decref(right);
            if (*target).is_null() {
                return Some(Flow::Raise);
            }
            self.ip = self.ip.add(1);
            Some(Flow::Next)
        }
    }

    #[inline(always)]
    fn may_look_up_method(&mut self, owner: Self::Obj, name: Self::Obj) -> Option<(Self::Obj, bool)> {
        Some(look_up_method(owner, name))
    }

    #[inline(always)]
    fn int(&mut self, value: i64) -> Self::Int {
        value
    }

    #[inline(always)]
    fn float(&mut self, value: f64) -> Self::Float {
        value
    }

    #[inline(always)]
    fn int_value(&mut self, o: Self::Obj) -> Option<Self::Int> {
        // SAFETY: an exact int.
        unsafe { numbers::int_value(o) }
    }

    #[inline(always)]
    fn float_value(&mut self, o: Self::Obj) -> Self::Float {
        // SAFETY: an exact float.
        unsafe { (*o.cast::<sys::PyFloatObject>()).ob_fval }
    }

    #[inline(always)]
    fn bool_value(&mut self, o: Self::Obj) -> Self::Bool {
        o == helpers::py_true()
    }

    #[inline(always)]
    fn int_checked(&mut self, op: CheckedOp, a: Self::Int, b: Self::Int) -> Option<Self::Int> {
        match op {
            CheckedOp::Add => a.checked_add(b),
            CheckedOp::Sub => a.checked_sub(b),
            CheckedOp::Mul => a.checked_mul(b),
        }
    }

    #[inline(always)]
    fn int_op(&mut self, op: IntOp, a: Self::Int, b: Self::Int) -> Self::Int {
        match op {
            IntOp::Add => a.wrapping_add(b),
            IntOp::Sub => a.wrapping_sub(b),
            IntOp::Mul => a.wrapping_mul(b),
            IntOp::And => a & b,
            IntOp::Or => a | b,
            IntOp::Xor => a ^ b,
            IntOp::Shl => a.wrapping_shl(b as u32),
            IntOp::Shr => a.wrapping_shr(b as u32),
            IntOp::FloorDiv => numbers::floor_div(a, b),
            IntOp::Mod => numbers::floor_mod(a, b),
        }
    }

    #[inline(always)]
    fn int_compare(&mut self, op: Compare, a: Self::Int, b: Self::Int) -> Self::Bool {
        match op {
            Compare::Lt => a < b,
            Compare::Le => a <= b,
            Compare::Eq => a == b,
            Compare::Ne => a != b,
            Compare::Gt => a > b,
            Compare::Ge => a >= b,
        }
    }

    #[inline(always)]
    fn int_below(&mut self, a: Self::Int, b: Self::Int) -> Self::Bool {
        (a as u64) < b as u64
    }

    #[inline(always)]
    fn float_op(&mut self, op: FloatOp, a: Self::Float, b: Self::Float) -> Self::Float {
        match op {
            FloatOp::Add => a + b,
            FloatOp::Sub => a - b,
            FloatOp::Mul => a * b,
            FloatOp::Div => a / b,
        }
    }

    #[inline(always)]
    fn float_unary(&mut self, op: FloatUnary, a: Self::Float) -> Self::Float {
        match op {
            FloatUnary::Neg => -a,
            FloatUnary::Abs => a.abs(),
            FloatUnary::Sqrt => a.sqrt(),
        }
    }

    #[inline(always)]
    fn float_compare(&mut self, op: Compare, a: Self::Float, b: Self::Float) -> Self::Bool {
        match op {
            Compare::Lt => a < b,
            Compare::Le => a <= b,
            Compare::Eq => a == b,
            Compare::Ne => a != b,
            Compare::Gt => a > b,
            Compare::Ge => a >= b,
        }
    }

    #[inline(always)]
    fn float_from_int(&mut self, a: Self::Int) -> Self::Float {
        a as f64
    }

    #[inline(always)]
    fn int_from_float(&mut self, a: Self::Float) -> Option<Self::Int> {
        // 2^63 itself is a double; NaN fails both comparisons.
        (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&a).then_some(a as i64)
    }

    #[inline(always)]
    fn bool_not(&mut self, a: Self::Bool) -> Self::Bool {
        !a
    }

    #[inline(always)]
    fn int_from_bool(&mut self, a: Self::Bool) -> Self::Int {
        i64::from(a)
    }

    #[inline(always)]
    fn same(&mut self, a: Self::Obj, b: Self::Obj) -> Self::Bool {
        a == b
    }

    #[inline(always)]
    fn new_int(&mut self, value: Self::Int) -> Self::Obj {
        numbers::new_int(value)
    }

    #[inline(always)]
    fn new_float(&mut self, value: Self::Float) -> Self::Obj {
        // SAFETY: the invariant.
        unsafe { numbers::new_float(self.tstate, value) }
    }

    #[inline(always)]
    fn new_bool(&mut self, value: Self::Bool) -> Self::Obj {
        let o = if value { helpers::py_true() } else { helpers::py_false() };
        self.incref(o);
        o
    }

    #[inline(always)]
    fn new_tuple_from_stack(&mut self, n: usize) -> Self::Obj {
        // SAFETY: the top `n` of the stack are ours; a new tuple has room for them.
        unsafe {
            let tuple = sys::PyTuple_New(n as isize);
            if !tuple.is_null() {
                move_words(self.slot(n), n, helpers::tuple_items(tuple));
                self.shrink(n);
            }
            tuple
        }
    }

    #[inline(always)]
    fn new_list_from_stack(&mut self, n: usize) -> Self::Obj {
        // SAFETY: the top `n` of the stack are ours; a new list has room for them.
        unsafe {
            let list = sys::PyList_New(n as isize);
            if !list.is_null() {
                move_words(self.slot(n), n, (*list.cast::<sys::PyListObject>()).ob_item);
                self.shrink(n);
            }
            list
        }
    }

    #[inline(always)]
    fn load_int(&mut self, o: Self::Obj, field: Field) -> Self::Int {
        // SAFETY: the opcode asked for the object's type, which has this field.
        unsafe { *o.cast::<u8>().wrapping_add(field.offset).cast::<i64>() }
    }

    #[inline(always)]
    fn load_obj(&mut self, o: Self::Obj, field: Field) -> Self::Obj {
        // SAFETY: as above.
        unsafe { *o.cast::<u8>().add(field.offset).cast::<*mut PyObject>() }
    }

    #[inline(always)]
    fn store_int(&mut self, o: Self::Obj, field: Field, value: Self::Int) {
        // SAFETY: as above.
        unsafe { *o.cast::<u8>().add(field.offset).cast::<i64>() = value }
    }

    #[inline(always)]
    fn swap_obj(&mut self, o: Self::Obj, field: Field, value: Self::Obj) -> Self::Obj {
        // SAFETY: as above.
        unsafe { o.cast::<u8>().add(field.offset).cast::<*mut PyObject>().replace(value) }
    }

    #[inline(always)]
    fn item(&mut self, o: Self::Obj, items: ItemsField, index: Self::Int) -> Self::Obj {
        // SAFETY: the opcode asked for the type and that the index is in range.
        unsafe { *items_of(o, items).offset(index as isize) }
    }

    #[inline(always)]
    fn swap_item(
        &mut self,
        o: Self::Obj,
        items: ItemsField,
        index: Self::Int,
        value: Self::Obj,
    ) -> Self::Obj {
        // SAFETY: as above.
        unsafe { items_of(o, items).offset(index as isize).replace(value) }
    }

    #[inline(always)]
    fn float_number(&mut self, array: Self::Obj, index: Self::Int) -> Self::Float {
        // SAFETY: the opcode asked for the kind of the array and the range.
        unsafe { *(*array.cast::<Array>()).ob_item.cast::<f64>().offset(index as isize) }
    }

    #[inline(always)]
    fn int_number(&mut self, array: Self::Obj, index: Self::Int, size: NumberSize) -> Self::Int {
        // SAFETY: as above.
        unsafe {
            let items = (*array.cast::<Array>()).ob_item;
            match size {
                NumberSize::Half => (*items.cast::<i32>().offset(index as isize)).into(),
                NumberSize::Word => *items.cast::<i64>().offset(index as isize),
            }
        }
    }

    #[inline(always)]
    fn set_float_number(&mut self, array: Self::Obj, index: Self::Int, value: Self::Float) {
        // SAFETY: as above.
        unsafe { *(*array.cast::<Array>()).ob_item.cast::<f64>().offset(index as isize) = value }
    }

    #[inline(always)]
    fn set_int_number(&mut self, array: Self::Obj, index: Self::Int, size: NumberSize, value: Self::Int) {
        // SAFETY: as above.
        unsafe {
            let items = (*array.cast::<Array>()).ob_item;
            match size {
                NumberSize::Half => *items.cast::<i32>().offset(index as isize) = value as i32,
                NumberSize::Word => *items.cast::<i64>().offset(index as isize) = value,
            }
        }
    }

    #[inline(always)]
    fn dict_value(&mut self, dict: Self::Obj, index: usize) -> Self::Obj {
        // SAFETY: the opcode asked for the version of the keys, for which the index was found.
        unsafe { keys::value_at(dict, index) }
    }

    #[inline(always)]
    fn instance_value(&mut self, o: Self::Obj, index: usize) -> Self::Obj {
        // SAFETY: the opcode asked that there are inline values, and for the type's version, for which the index was found.
        unsafe { *(*o.cast::<*mut *mut PyObject>().offset(helpers::VALUES_POINTER)).add(index) }
    }

    #[inline(always)]
    fn swap_instance_value(&mut self, o: Self::Obj, index: usize, value: Self::Obj) -> Self::Obj {
        // SAFETY: as above.
        unsafe { (*o.cast::<*mut *mut PyObject>().offset(helpers::VALUES_POINTER)).add(index).replace(value) }
    }

    #[inline(always)]
    fn incref(&mut self, o: Self::Obj) {
        // SAFETY: a live object.
        unsafe { (*o).ob_refcnt += 1 }
    }

    #[inline(always)]
    fn decref(&mut self, o: Self::Obj) {
        // SAFETY: a live object of which the opcode holds a reference.
        unsafe {
            (*o).ob_refcnt -= 1;
            if (*o).ob_refcnt == 0 {
                numbers::dealloc(self.tstate, o);
            }
        }
    }

    #[inline(always)]
    fn will_drop(&mut self, _: Self::Obj) {}

    #[inline(always)]
    fn call_obj<const N: usize>(&mut self, helper: &'static Helper, args: [Arg<Self>; N]) -> Self::Obj {
        self.call_c(helper, args) as *mut PyObject
    }

    #[inline(always)]
    fn call_int<const N: usize>(&mut self, helper: &'static Helper, args: [Arg<Self>; N]) -> Self::Int {
        let result = self.call_c(helper, args);
        if helper.int32 { i64::from(result as i32) } else { result as i64 }
    }

    #[inline(always)]
    fn call_float<const N: usize>(&mut self, helper: &'static Helper, args: [Arg<Self>; N]) -> Self::Float {
        let value = |i: usize| match args[i] {
            Arg::Float(x) => x,
            _ => unreachable!("call_float passes doubles"),
        };
        // SAFETY: the row says that the function takes and returns doubles.
        unsafe {
            match N {
                1 => std::mem::transmute::<*const (), extern "C" fn(f64) -> f64>(helper.address)(value(0)),
                2 => std::mem::transmute::<*const (), extern "C" fn(f64, f64) -> f64>(helper.address)(
                    value(0),
                    value(1),
                ),
                _ => unreachable!("no helper has so many doubles"),
            }
        }
    }

    #[inline(always)]
    fn call_array(&mut self, helper: &'static Helper, n: usize) -> Self::Obj {
        self.call_c(helper, [Arg::Const(self.slot(n) as usize), Arg::Const(n)]) as *mut PyObject
    }

    #[inline(always)]
    fn vectorcall(&mut self, nargs: usize, kwnames: *mut PyObject) -> Self::Obj {
        // SAFETY: callable and arguments are on the stack; the slot before the arguments may be written for the time of the call.
        unsafe {
            let keywords = if kwnames.is_null() { 0 } else { helpers::size_of_sequence(kwnames) };
            sys::PyObject_Vectorcall(
                *self.slot(nargs + 1),
                self.slot(nargs),
                (nargs - keywords) | ARGUMENTS_OFFSET,
                kwnames,
            )
        }
    }

    #[inline(always)]
    fn succeeded(&mut self, result: Self::Obj) -> bool {
        !result.is_null()
    }

    #[inline(always)]
    fn succeeded_int(&mut self, result: Self::Int) -> bool {
        result >= 0
    }

    #[inline(always)]
    fn may_push_frame(&mut self, code: *mut PyCodeObject) -> bool {
        // SAFETY: the invariant.
        unsafe {
            let tstate = self.tstate;
            let size = (*code).co_nlocalsplus as usize + (*code).co_stacksize as usize + SPECIALS_WORDS;
            let room = ((*tstate).datastack_limit as usize).wrapping_sub((*tstate).datastack_top as usize);
            // Another frame evaluator that a program installed has to see each frame.
            (*tstate).recursion_remaining > 1
                && size * size_of::<usize>() < room
                && crate::evaluate::is_current(tstate)
        }
    }

    #[inline(always)]
    fn enter_call(
        &mut self,
        function: Self::Obj,
        code: *mut PyCodeObject,
        nargs: usize,
        below: usize,
        return_to: usize,
    ) -> Flow {
        // SAFETY: the opcode asked for the function's code and for room; the arguments and the function's reference move.
        unsafe {
            let args = self.slot(nargs);
            self.sp = args.sub(1 + below);
            let locals = self.frame_push_for_call(function, code, nargs, return_to);
            for i in 0..nargs {
                *locals.add(i) = *args.add(i);
            }
        }
        Flow::Next
    }

    #[inline(always)]
    fn enter_function(
        &mut self,
        function: Self::Obj,
        code: *mut PyCodeObject,
        nargs: usize,
        return_to: usize,
    ) -> Flow {
        // SAFETY: as above.
        unsafe {
            let args = self.slot(nargs);
            self.sp = args;
            let locals = self.frame_push_for_call(function, code, nargs, return_to);
            for i in 0..nargs {
                *locals.add(i) = *args.add(i);
            }
        }
        Flow::Next
    }

    #[inline(always)]
    fn leave_call(&mut self, value: Self::Obj) -> Flow {
        // SAFETY: the invariant; the dying frame is unlinked before it is cleared.
        unsafe {
            let tstate = self.tstate;
            let dying = self.frame;
            (*tstate).recursion_remaining += 1;
            self.save_stack();
            if (*dying).is_entry {
                (*self.home).result = value;
                return Flow::Return;
            }
            if generators::owns(dying) {
                return generators::finish(self, value);
            }
            let caller = (*dying).previous;
            let completion = Completion::of(dying);
            (*(*tstate).cframe).current_frame = caller;
            frame::clear_and_pop(tstate, dying);
            self.switch_to_frame(caller);
            completion.finish(self, value)
        }
    }
}

/// `_PyObject_GetMethod`: the callable (owned), and whether the object is to be passed to it.
#[inline(never)]
pub(crate) fn look_up_method(owner: *mut PyObject, name: *mut PyObject) -> (*mut PyObject, bool) {
    let mut method = ptr::null_mut();
    // SAFETY: live objects.
    let unbound = unsafe { sys::_PyObject_GetMethod(owner, name, &mut method) };
    (method, unbound != 0)
}

#[inline(always)]
unsafe fn items_of(o: *mut PyObject, items: ItemsField) -> *mut *mut PyObject {
    // SAFETY: an exact list or tuple, as `items` says.
    unsafe {
        match items {
            ItemsField::List => (*o.cast::<sys::PyListObject>()).ob_item,
            ItemsField::Tuple => helpers::tuple_items(o),
        }
    }
}
