//! `CALL` of C functions: methods of builtin types, bound (`f = o.m; f(x)`) or not (`o.m(x)`), and functions of modules,
//! by their own calling convention, without objects or dispatch between.
//!
//! For machines that specialise; called by `calls::call`. Which function it is, is resolved from the object, then asked:
//! descriptors and module functions by identity, bound methods by their definition, so that each new binding is the same.

use super::calls::finish_call;
use super::subscripts::in_range;
use crate::field::{C_FUNCTION_DEFINITION, C_FUNCTION_SELF, LIST_SIZE, TypeOf};
use crate::helpers;
use crate::machine::{Arg, Compare, Flow, IntOp, Machine};
use capi::refs::type_of;
use capi::sys::{self, PyMethodDef, PyTypeObject};
use std::ffi::CStr;

/// The calling conventions among a method's flags; functions that also get their class or none of them are not for us.
const CONVENTION: u32 = sys::METH_VARARGS
    | sys::METH_FASTCALL
    | sys::METH_NOARGS
    | sys::METH_O
    | sys::METH_KEYWORDS
    | sys::METH_METHOD
    | sys::METH_CLASS
    | sys::METH_STATIC;
const FASTCALL_KEYWORDS: u32 = sys::METH_FASTCALL | sys::METH_KEYWORDS;

/// Whether a definition stands in the table of this type, one of C's static types (whose tables never go away).
unsafe fn is_static_method(ty: *mut PyTypeObject, definition: *mut PyMethodDef) -> bool {
    // SAFETY: a live type; tables of methods end with a null name.
    unsafe {
        if (*ty).tp_flags & sys::Py_TPFLAGS_HEAPTYPE as std::ffi::c_ulong != 0 {
            return false;
        }
        let mut row = (*ty).tp_methods;
        while !row.is_null() && !(*row).ml_name.is_null() {
            if row == definition {
                return true;
            }
            row = row.add(1);
        }
        false
    }
}

/// Carries the call out, or answers `None` with nothing consumed.
#[inline(always)]
pub fn call<M: Machine>(m: &mut M, function: M::Obj, nargs: usize, below: usize) -> Option<Flow> {
    let address = m.peek_address(function);
    // SAFETY: live objects; layouts are used after the types were looked at.
    unsafe {
        if type_of(address) == &raw mut sys::PyMethodDescr_Type && nargs >= 1 {
            let descriptor = address.cast::<sys::PyMethodDescrObject>();
            let ty = (*descriptor).d_common.d_type;
            let this = m.peek(nargs);
            let this_address = m.peek_address(this);
            if type_of(this_address) != ty || !m.is_object(function, address) || !m.is_type_object(this, ty) {
                return None;
            }
            return perform(m, (*descriptor).d_method, ty, this, nargs, nargs - 1, below);
        }
        if type_of(address) != &raw mut sys::PyCFunction_Type {
            return None;
        }
        let object = address.cast::<sys::PyCFunctionObject>();
        let (definition, this) = ((*object).m_ml, (*object).m_self);
        if this.is_null() {
            return None;
        }
        let ty = type_of(this);
        if ty == &raw mut sys::PyModule_Type {
            if !m.is_object(function, address) {
                return None;
            }
            let this = m.known(this);
            return perform(m, definition, ty, this, nargs, nargs, below);
        }
        if !is_static_method(ty, definition) || !m.is_type(function, TypeOf::CFunction) {
            return None;
        }
        let own = m.load_int(function, C_FUNCTION_DEFINITION);
        let expected = m.int(definition as i64);
        let same = m.int_compare(Compare::Eq, own, expected);
        if !m.branch(same) {
            return None;
        }
        let this = m.load_obj(function, C_FUNCTION_SELF);
        perform(m, definition, ty, this, nargs, nargs, below)
    }
}

/// Calls the function of a definition with the top `count` of the `nargs` values on the stack. `this` is of type `ty`, or, where that is
/// a bound method's, has to be asked.
#[inline(always)]
unsafe fn perform<M: Machine>(
    m: &mut M,
    definition: *mut PyMethodDef,
    ty: *mut PyTypeObject,
    this: M::Obj,
    nargs: usize,
    count: usize,
    below: usize,
) -> Option<Flow> {
    // SAFETY: the caller's definition is live.
    unsafe {
        if ty == &raw mut sys::PyList_Type
            && is_static_method(ty, definition)
            && m.is_type(this, TypeOf::List)
            && let Some(flow) =
                list_method(m, CStr::from_ptr((*definition).ml_name), this, nargs, count, below)
        {
            return Some(flow);
        }
        let address = Arg::Const((*definition).ml_meth? as usize);
        let flags = (*definition).ml_flags as u32 & CONVENTION;
        let fast = flags == sys::METH_FASTCALL || flags == FASTCALL_KEYWORDS;
        let fits = match count {
            0 => flags == sys::METH_NOARGS || fast,
            1 => flags == sys::METH_O || fast,
            2 => fast,
            _ => false,
        };
        if !fits {
            return None;
        }
        announce(m, nargs);
        let this = Arg::Obj(this);
        let result = match count {
            0 if fast => m.call_obj(&helpers::C_FAST_0, [address, this]),
            0 => m.call_obj(&helpers::C_NO_ARGUMENTS, [Arg::Thread, address, this]),
            1 => {
                let a = Arg::Obj(m.peek(1));
                if fast {
                    m.call_obj(&helpers::C_FAST_1, [address, this, a])
                } else {
                    m.call_obj(&helpers::C_ONE_ARGUMENT, [Arg::Thread, address, this, a])
                }
            }
            _ => {
                let (a, b) = (Arg::Obj(m.peek(2)), Arg::Obj(m.peek(1)));
                m.call_obj(&helpers::C_FAST_2, [address, this, a, b])
            }
        };
        Some(finish_call(m, nargs, below, result))
    }
}

/// Says that the callable and the arguments are dropped.
#[inline(always)]
fn announce<M: Machine>(m: &mut M, nargs: usize) {
    for depth in (1..=nargs + 1).rev() {
        let o = m.peek(depth);
        m.will_drop(o);
    }
}

/// The methods of an exact list that can be done without running Python.
#[inline(always)]
fn list_method<M: Machine>(
    m: &mut M,
    name: &CStr,
    list: M::Obj,
    nargs: usize,
    count: usize,
    below: usize,
) -> Option<Flow> {
    match (name.to_bytes(), count) {
        (b"append", 1) => {
            let value = m.peek(1);
            announce(m, nargs);
            let status = m.call_int(&helpers::LIST_APPEND, [Arg::Obj(list), Arg::Obj(value)]);
            Some(finish_none(m, nargs, below, status))
        }
        (b"insert", 2) => {
            let (position, value) = (m.peek(2), m.peek(1));
            if !m.is_type(position, TypeOf::Int) {
                return None;
            }
            let index = m.int_value(position)?;
            announce(m, nargs);
            let args = [Arg::Obj(list), Arg::Int(index), Arg::Obj(value)];
            let status = m.call_int(&helpers::LIST_INSERT, args);
            Some(finish_none(m, nargs, below, status))
        }
        (b"pop", 0 | 1) => {
            let size = m.load_int(list, LIST_SIZE);
            let index = if count == 1 {
                let position = m.peek(1);
                if !m.is_type(position, TypeOf::Int) {
                    return None;
                }
                let index = m.int_value(position)?;
                in_range(m, index, size)?
            } else {
                let one = m.int(1);
                let last = m.int_op(IntOp::Sub, size, one);
                in_range(m, last, size)?
            };
            announce(m, nargs);
            let result = m.call_obj(&helpers::LIST_POP, [Arg::Obj(list), Arg::Int(index)]);
            Some(finish_call(m, nargs, below, result))
        }
        _ => None,
    }
}

/// Ends a call that gives None, or failed when the status is negative.
#[inline(always)]
fn finish_none<M: Machine>(m: &mut M, nargs: usize, below: usize, status: M::Int) -> Flow {
    for depth in (1..=nargs + 1).rev() {
        let o = m.peek(depth);
        m.decref(o);
    }
    m.shrink(nargs + below + 1);
    if !m.succeeded_int(status) {
        return Flow::Raise;
    }
    let none = m.known(helpers::none());
    m.incref(none);
    m.push(none);
    m.check_breaker()
}
