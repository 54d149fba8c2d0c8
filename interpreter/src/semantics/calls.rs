//! Calls and returns.

use super::done;
use crate::field::{FUNCTION_CODE, FUNCTION_DEFAULTS, ItemsField, METHOD_FUNC, METHOD_SELF, TypeOf};
use crate::helpers;
use crate::machine::{Arg, Flow, Machine};
use crate::opcode;
use capi::sys::{self, PyCodeObject, PyObject};
use std::ptr;

/// `PRECALL`: a bound method at the place of the callable becomes its function and its object.
#[inline(always)]
pub fn precall<M: Machine>(m: &mut M, nargs: usize) -> Flow {
    let below = m.peek(nargs + 2);
    if !m.is_null(below) {
        return Flow::Next;
    }
    let callable = m.peek(nargs + 1);
    if !m.is_type(callable, TypeOf::Method) {
        return Flow::Next;
    }
    let function = m.load_obj(callable, METHOD_FUNC);
    let this = m.load_obj(callable, METHOD_SELF);
    m.will_drop(callable);
    m.incref(function);
    m.incref(this);
    m.poke(nargs + 1, this);
    m.poke(nargs + 2, function);
    m.decref(callable);
    Flow::Next
}

/// `CALL`. Keyword names stand in the `KW_NAMES` before its `PRECALL`.
#[inline(always)]
pub fn call<M: Machine>(m: &mut M, arg: usize) -> Flow {
    let kwnames = keyword_names(m);
    let method = m.peek(arg + 2);
    let below = usize::from(m.is_null(method));
    let nargs = arg + 1 - below;
    let function = m.peek(nargs + 1);
    if m.is_type(function, TypeOf::Function) {
        if kwnames.is_null() && call_function(m, function, nargs, below) {
            return Flow::Next;
        }
        let return_to = m.instruction() + 1 + opcode::CALL_CACHES;
        if let Some(flow) = m.may_bind_call(nargs, kwnames, below, return_to) {
            return flow;
        }
    } else if m.may_specialise()
        && kwnames.is_null()
        && let Some(flow) = super::intrinsics::call(m, function, nargs, below)
            .or_else(|| super::methods::call(m, function, nargs, below))
    {
        return flow;
    }
    call_anything(m, nargs, below, kwnames)
}

/// Calls a Python function without variable or keyword-only parameters; false: nothing was done.
#[inline(always)]
fn call_function<M: Machine>(m: &mut M, function: M::Obj, nargs: usize, below: usize) -> bool {
    let code = m.load_obj(function, FUNCTION_CODE);
    let code_address = m.peek_address(code);
    if !m.is_object(code, code_address) {
        return false;
    }
    let code = code_address.cast::<PyCodeObject>();
    // SAFETY: a function's code is a code object.
    let (flags, parameters, keyword_only) =
        unsafe { ((*code).co_flags as u32, (*code).co_argcount as usize, (*code).co_kwonlyargcount) };
    const SHAPE: u32 = sys::CO_OPTIMIZED | sys::CO_VARARGS | sys::CO_VARKEYWORDS;
    if flags & SHAPE != sys::CO_OPTIMIZED || keyword_only != 0 {
        return false;
    }
    let return_to = m.instruction() + 1 + opcode::CALL_CACHES;
    if nargs == parameters {
        if !m.may_push_frame(code) {
            return false;
        }
        let flow = m.enter_call(function, code, nargs, below, return_to);
        debug_assert_eq!(flow, Flow::Next);
        return true;
    }
    if nargs > parameters {
        return false;
    }
    let defaults = m.load_obj(function, FUNCTION_DEFAULTS);
    if m.is_null(defaults) {
        return false;
    }
    let defaults_address = m.peek_address(defaults);
    if !m.is_object(defaults, defaults_address) {
        return false;
    }
    // SAFETY: `__defaults__` is a tuple.
    let count = unsafe { helpers::size_of_sequence(defaults_address) };
    if nargs + count < parameters || count > parameters || !m.may_push_frame(code) {
        return false;
    }
    let flow = m.enter_call(function, code, nargs, below, return_to);
    debug_assert_eq!(flow, Flow::Next);
    for i in nargs..parameters {
        let index = m.int((i + count - parameters) as i64);
        let value = m.item(defaults, ItemsField::Tuple, index);
        m.incref(value);
        m.set_local(i, value);
    }
    true
}

/// Vectorcall of whatever it is.
#[inline(always)]
fn call_anything<M: Machine>(m: &mut M, nargs: usize, below: usize, kwnames: *mut PyObject) -> Flow {
    let mut depth = nargs + 1;
    while depth > 0 {
        let o = m.peek(depth);
        m.will_drop(o);
        depth -= 1;
    }
    let result = m.vectorcall(nargs, kwnames);
    finish_call(m, nargs, below, result)
}

/// Drops the callable and the arguments in CPython's order, leaves the result.
#[inline(always)]
pub fn finish_call<M: Machine>(m: &mut M, nargs: usize, below: usize, result: M::Obj) -> Flow {
    let mut depth = nargs + 1;
    while depth > 0 {
        let o = m.peek(depth);
        m.decref(o);
        depth -= 1;
    }
    m.shrink(nargs + below);
    m.poke(1, result);
    if !m.succeeded(result) {
        return Flow::Raise;
    }
    m.check_breaker()
}

/// The keyword names of this `CALL`, or null.
#[inline(always)]
pub fn keyword_names<M: Machine>(m: &mut M) -> *mut PyObject {
    find_keyword_names(m.code(), m.instruction())
}

/// Looks for the `KW_NAMES` that belongs to the `CALL` at `call`.
#[cold]
#[inline(never)]
fn find_keyword_names(code: *mut PyCodeObject, call: usize) -> *mut PyObject {
    // SAFETY: constants are a tuple that the index lies in.
    let constant = |index: usize| unsafe { *helpers::tuple_items((*code).co_consts).add(index) };
    // KW_NAMES stands directly before PRECALL and its cache unit: mostly a glance is enough. What else may stand there are an instruction
    // and the last unit of a cache, which is 0.
    // SAFETY: a CALL is not among the first three units of its code; what may stand before a KW_NAMES is looked at then.
    let before = |distance: usize| unsafe { *crate::code_data::units(code).add(call - distance) };
    if before(2) as u8 == opcode::PRECALL {
        match before(3) as u8 {
            opcode::KW_NAMES if before(4) as u8 != opcode::EXTENDED_ARG => {
                return constant(usize::from(before(3) >> 8));
            }
            opcode::KW_NAMES | opcode::EXTENDED_ARG => {}
            _ => return ptr::null_mut(),
        }
    }
    let mut names = None;
    for instruction in opcode::instructions(code) {
        if instruction.index >= call {
            break;
        }
        match instruction.opcode {
            opcode::KW_NAMES => names = Some(instruction.arg),
            opcode::PRECALL => {}
            _ => names = None,
        }
    }
    names.map_or(ptr::null_mut(), constant)
}

/// `RETURN_VALUE`
#[inline(always)]
pub fn return_value<M: Machine>(m: &mut M, _: usize) -> Flow {
    let value = m.pop();
    m.leave_call(value)
}

/// `CALL_FUNCTION_EX`: NULL, function, iterable of arguments, and a mapping when `flags & 1`.
#[inline(always)]
pub fn call_function_ex<M: Machine>(m: &mut M, flags: usize) -> Flow {
    call_function_ex_by(m, flags, |m, function, args, kwargs| {
        m.call_obj(&helpers::CALL_EX, [Arg::Obj(function), Arg::Obj(args), Arg::Obj(kwargs)])
    })
}

/// The same; `call` calls the function with a tuple, and a dict or null, all borrowed.
#[inline(always)]
pub fn call_function_ex_by<M: Machine>(
    m: &mut M,
    flags: usize,
    call: impl FnOnce(&mut M, M::Obj, M::Obj, M::Obj) -> M::Obj,
) -> Flow {
    let extra = flags & 1;
    let function = m.peek(2 + extra);
    let mut kwargs = m.null();
    if extra == 1 {
        let mapping = m.peek(1);
        kwargs = m.call_obj(&helpers::KWARGS_DICT, [Arg::Obj(function), Arg::Obj(mapping)]);
        m.poke(1, kwargs);
        m.decref(mapping);
        if !m.succeeded(kwargs) {
            return Flow::Raise;
        }
    }
    let iterable = m.peek(1 + extra);
    let args = m.call_obj(&helpers::ARGS_TUPLE, [Arg::Obj(function), Arg::Obj(iterable)]);
    m.poke(1 + extra, args);
    m.decref(iterable);
    if !m.succeeded(args) {
        return Flow::Raise;
    }
    m.will_drop(function);
    m.will_drop(args);
    let result = call(m, function, args, kwargs);
    m.shrink(2 + extra);
    m.poke(1, result);
    m.decref(function);
    m.decref(args);
    if extra == 1 {
        m.decref(kwargs);
    }
    match done(m, result) {
        Flow::Next => m.check_breaker(),
        flow => flow,
    }
}
