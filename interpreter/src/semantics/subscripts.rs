//! Subscripts: exact lists and tuples with machine-integer indices by hand, dicts by their functions, the rest by CPython's.

use super::{done_int, finish_binary};
use crate::field::{FUNCTION_CODE, ItemsField, LIST_SIZE, TUPLE_SIZE, TypeOf};
use crate::helpers;
use crate::machine::{Arg, Compare, Flow, IntOp, Machine};
use crate::opcode;
use capi::opcode as op;
use capi::refs::type_of;
use capi::sys;

/// The index counted from the start, when it is in range; negative ones count from the end.
#[inline(always)]
pub(super) fn in_range<M: Machine>(m: &mut M, index: M::Int, size: M::Int) -> Option<M::Int> {
    let below = m.int_below(index, size);
    if m.branch(below) {
        return Some(index);
    }
    let zero = m.int(0);
    let negative = m.int_compare(Compare::Lt, index, zero);
    if !m.branch(negative) {
        return None;
    }
    let from_start = m.int_op(IntOp::Add, index, size);
    let below = m.int_below(from_start, size);
    if m.branch(below) { Some(from_start) } else { None }
}

/// Index of `key` in a sequence of that size field, when it is an exact int in range.
#[inline(always)]
pub(super) fn index_of<M: Machine>(
    m: &mut M,
    sequence: M::Obj,
    key: M::Obj,
    size: crate::field::Field,
) -> Option<M::Int> {
    if !m.is_type(key, TypeOf::Int) {
        return None;
    }
    let index = m.int_value(key)?;
    let size = m.load_int(sequence, size);
    in_range(m, index, size)
}

/// `BINARY_SUBSCR`
#[inline(always)]
pub fn binary_subscr<M: Machine>(m: &mut M, _: usize) -> Flow {
    let key = m.peek(1);
    let container = m.peek(2);
    if m.is_type(container, TypeOf::List) {
        if let Some(index) = index_of(m, container, key, LIST_SIZE) {
            let item = m.item(container, ItemsField::List, index);
            m.incref(item);
            return finish_binary_item(m, container, key, item);
        }
    } else if m.is_type(container, TypeOf::Tuple) {
        if let Some(index) = index_of(m, container, key, TUPLE_SIZE) {
            let item = m.item(container, ItemsField::Tuple, index);
            m.incref(item);
            return finish_binary_item(m, container, key, item);
        }
    } else if m.is_type(container, TypeOf::Dict) {
        m.will_drop(container);
        m.will_drop(key);
        let item = m.call_obj(&helpers::DICT_GET, [Arg::Obj(container), Arg::Obj(key)]);
        return finish_binary(m, container, key, item);
    } else if m.may_specialise()
        && let Some(flow) = call_getitem(m, container)
    {
        return flow;
    }
    if m.may_specialise()
        && let Some(number) = super::arrays::load(m, container, key)
    {
        return finish_binary(m, container, key, number);
    }
    m.will_drop(container);
    m.will_drop(key);
    let item = m.call_obj(&helpers::GET_ITEM, [Arg::Obj(container), Arg::Obj(key)]);
    finish_binary(m, container, key, item)
}

/// Calls a class's own `__getitem__(self, key)` without leaving the evaluator, as CPython's specialised instruction does: the caller stands
/// at the end of its instruction then, and at the start where the call goes through C, as in cold code. `None`: nothing was done.
#[inline(always)]
pub(crate) fn call_getitem<M: Machine>(m: &mut M, container: M::Obj) -> Option<Flow> {
    let address = m.peek_address(container);
    // SAFETY: a live object.
    let (function, ty, version) = unsafe {
        let ty = type_of(address);
        if (*ty).tp_flags & u64::from(sys::Py_TPFLAGS_HEAPTYPE) == 0 {
            return None;
        }
        let (function, version) = find_getitem(ty)?;
        (function, ty, version)
    };
    if !m.is_type_object(container, ty) || !m.is_type_version(ty, version) {
        return None;
    }
    let function = m.known(function);
    let code = m.load_obj(function, FUNCTION_CODE);
    let code_address = m.peek_address(code);
    let plain = code_address.cast::<sys::PyCodeObject>();
    if !m.is_object(code, code_address) || !takes_two(plain) || !m.may_push_frame(plain) {
        return None;
    }
    m.incref(function);
    let return_to = m.instruction() + 1 + opcode::caches(op::BINARY_SUBSCR);
    Some(m.enter_function(function, plain, 2, return_to))
}

/// Two positional parameters and nothing else?
fn takes_two(code: *mut sys::PyCodeObject) -> bool {
    const SHAPE: u32 = sys::CO_OPTIMIZED | sys::CO_VARARGS | sys::CO_VARKEYWORDS;
    // SAFETY: a function's code.
    unsafe {
        (*code).co_flags as u32 & SHAPE == sys::CO_OPTIMIZED
            && (*code).co_kwonlyargcount == 0
            && (*code).co_argcount == 2
    }
}

/// A class's own `__getitem__`, where that is a Python function, and the class's version.
#[cold]
#[inline(never)]
unsafe fn find_getitem(ty: *mut sys::PyTypeObject) -> Option<(*mut sys::PyObject, u32)> {
    // SAFETY: a live heap type.
    unsafe {
        let function = sys::_PyType_Lookup(ty, capi::id!(___getitem__));
        let plain = !function.is_null() && type_of(function) == &raw mut sys::PyFunction_Type;
        let version = (*ty).tp_version_tag;
        (plain && version != 0).then_some((function, version))
    }
}

/// The end of a successful look-up: CPython drops the index first, then the sequence.
#[inline(always)]
fn finish_binary_item<M: Machine>(m: &mut M, sequence: M::Obj, key: M::Obj, item: M::Obj) -> Flow {
    m.shrink(1);
    m.poke(1, item);
    m.decref(key);
    m.decref(sequence);
    Flow::Next
}

/// `STORE_SUBSCR`: value, container, key.
#[inline(always)]
pub fn store_subscr<M: Machine>(m: &mut M, _: usize) -> Flow {
    let key = m.peek(1);
    let container = m.peek(2);
    let value = m.peek(3);
    if m.is_type(container, TypeOf::List) {
        if let Some(index) = index_of(m, container, key, LIST_SIZE) {
            let before = m.item(container, ItemsField::List, index);
            m.will_drop(before);
            m.will_drop(container);
            m.shrink(3);
            let old = m.swap_item(container, ItemsField::List, index, value);
            m.decref(key);
            m.decref(old);
            m.decref(container);
            return Flow::Next;
        }
    } else if m.is_type(container, TypeOf::Dict) {
        return store(m, &helpers::DICT_SET, value, container, key);
    }
    if m.may_specialise()
        && let Some(flow) = super::arrays::store(m, value, container, key)
    {
        return flow;
    }
    store(m, &helpers::SET_ITEM, value, container, key)
}

#[inline(always)]
fn store<M: Machine>(
    m: &mut M,
    helper: &'static crate::helper::Helper,
    value: M::Obj,
    container: M::Obj,
    key: M::Obj,
) -> Flow {
    m.will_drop(value);
    m.will_drop(container);
    m.will_drop(key);
    let status = m.call_int(helper, [Arg::Obj(container), Arg::Obj(key), Arg::Obj(value)]);
    m.shrink(3);
    m.decref(value);
    m.decref(container);
    m.decref(key);
    done_int(m, status)
}

/// `DELETE_SUBSCR`: container, key.
#[inline(always)]
pub fn delete_subscr<M: Machine>(m: &mut M, _: usize) -> Flow {
    let key = m.peek(1);
    let container = m.peek(2);
    m.will_drop(container);
    m.will_drop(key);
    let status = m.call_int(&helpers::DEL_ITEM, [Arg::Obj(container), Arg::Obj(key)]);
    m.shrink(2);
    m.decref(container);
    m.decref(key);
    done_int(m, status)
}
