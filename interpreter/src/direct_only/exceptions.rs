//! Raising, catching, `with`.

use super::{Name, drop_top, new_bool};
use crate::direct::Direct;
use crate::helpers;
use crate::machine::{Flow, Machine};
use capi::raise;
use capi::refs::{decref, has_type_flag, new_ref, type_of, xdecref};
use capi::sys::{self, PyObject};
use std::ptr;

static ENTER: Name = Name::new(c"__enter__");
static EXIT: Name = Name::new(c"__exit__");

/// `PUSH_EXC_INFO`: the handled exception becomes the current one; the previous goes below it.
#[inline(never)]
pub fn push_exc_info(d: &mut Direct, _: usize) -> Flow {
    // SAFETY: the invariant; the top is the exception.
    unsafe {
        let value = d.peek(1);
        let info = (*d.tstate).exc_info;
        let previous = (*info).exc_value;
        d.poke(1, if previous.is_null() { new_ref(helpers::none()) } else { previous });
        d.push(new_ref(value));
        (*info).exc_value = value;
    }
    Flow::Next
}

/// `POP_EXCEPT`
#[inline(never)]
pub fn pop_except(d: &mut Direct, _: usize) -> Flow {
    // SAFETY: the invariant; the top is the previous exception or None.
    unsafe {
        let info = (*d.tstate).exc_info;
        let value = (*info).exc_value;
        (*info).exc_value = d.pop();
        xdecref(value);
    }
    Flow::Next
}

/// `CHECK_EXC_MATCH`
#[inline(never)]
pub fn check_exc_match(d: &mut Direct, _: usize) -> Flow {
    // SAFETY: the invariant: exception below, class or tuple above.
    unsafe {
        let class = d.peek(1);
        let value = d.peek(2);
        if !raise::check_except_type(d.tstate, class) {
            drop_top(d);
            return Flow::Raise;
        }
        let matches = sys::PyErr_GivenExceptionMatches(value, class);
        d.shrink(1);
        decref(class);
        d.push(new_bool(matches != 0));
    }
    Flow::Next
}

/// `RERAISE`: the exception at the top; with `depth`, the instruction index below it says where it came from.
#[inline(never)]
pub fn reraise(d: &mut Direct, depth: usize) -> Flow {
    // SAFETY: the invariant; the exception is taken over.
    unsafe {
        match reraised(d, depth) {
            Ok(value) => restore(value),
            Err(flow) => return flow,
        }
    }
    Flow::Unwind
}

/// The exception of a `RERAISE`, taken from the stack; or how to go on instead.
#[inline(always)]
pub(crate) unsafe fn reraised(d: &mut Direct, depth: usize) -> Result<*mut PyObject, Flow> {
    // SAFETY: the invariant.
    unsafe {
        if depth != 0 {
            let lasti = d.peek(depth + 1);
            if !has_type_flag(lasti, sys::Py_TPFLAGS_LONG_SUBCLASS) {
                return Err(super::raise(sys::PyExc_SystemError, c"lasti is not an int"));
            }
            let index = sys::PyLong_AsLong(lasti);
            (*d.frame).prev_instr = crate::code_data::units(d.code()).offset(index as isize);
        }
        Ok(d.pop())
    }
}

/// Sets an exception (taken over) with its own traceback again.
pub(crate) unsafe fn restore(value: *mut PyObject) {
    // SAFETY: an exception instance.
    unsafe {
        let class = new_ref(type_of(value).cast());
        let traceback = sys::PyException_GetTraceback(value);
        sys::PyErr_Restore(class, value, traceback);
    }
}

/// `RAISE_VARARGS`
#[inline(never)]
pub fn raise_varargs(d: &mut Direct, n: usize) -> Flow {
    let cause = if n == 2 { d.pop() } else { ptr::null_mut() };
    let exception = if n >= 1 { d.pop() } else { ptr::null_mut() };
    // SAFETY: the invariant; both are taken over.
    match unsafe { raise::raise(d.tstate, exception, cause) } {
        raise::Raise::New => Flow::Raise,
        raise::Raise::Again => Flow::Unwind,
    }
}

/// Looks both special methods of a context manager up; raises TypeError when one is missing.
pub(super) unsafe fn special_methods(
    manager: *mut PyObject,
    enter: &Name,
    exit: &Name,
    protocol: &std::ffi::CStr,
    missing: &std::ffi::CStr,
) -> Option<(*mut PyObject, *mut PyObject)> {
    // SAFETY: a live object.
    unsafe {
        let enter = sys::_PyObject_LookupSpecial(manager, enter.get());
        if enter.is_null() {
            if sys::PyErr_Occurred().is_null() {
                sys::PyErr_Format(sys::PyExc_TypeError, protocol.as_ptr(), (*type_of(manager)).tp_name);
            }
            return None;
        }
        let exit = sys::_PyObject_LookupSpecial(manager, exit.get());
        if exit.is_null() {
            if sys::PyErr_Occurred().is_null() {
                sys::PyErr_Format(sys::PyExc_TypeError, missing.as_ptr(), (*type_of(manager)).tp_name);
            }
            decref(enter);
            return None;
        }
        Some((enter, exit))
    }
}

/// Puts `exit` at the manager's place and pushes the result of calling `enter`.
pub(super) unsafe fn enter_context(d: &mut Direct, enter: *mut PyObject, exit: *mut PyObject) -> Flow {
    // SAFETY: both are owned; the manager is at the top.
    unsafe {
        let manager = d.peek(1);
        d.poke(1, exit);
        decref(manager);
        let result = sys::PyObject_CallNoArgs(enter);
        decref(enter);
        super::push_result(d, result)
    }
}

/// `BEFORE_WITH`
#[inline(never)]
pub fn before_with(d: &mut Direct, _: usize) -> Flow {
    // SAFETY: the invariant.
    unsafe {
        match special_methods(
            d.peek(1),
            &ENTER,
            &EXIT,
            c"'%.200s' object does not support the context manager protocol",
            c"'%.200s' object does not support the context manager protocol (missed __exit__ method)",
        ) {
            Some((enter, exit)) => enter_context(d, enter, exit),
            None => Flow::Raise,
        }
    }
}

/// `WITH_EXCEPT_START`: calls the `__exit__` four below with the exception at the top.
#[inline(never)]
pub fn with_except_start(d: &mut Direct, _: usize) -> Flow {
    // SAFETY: the invariant.
    unsafe {
        let value = d.peek(1);
        let exit = d.peek(4);
        let traceback = sys::PyException_GetTraceback(value);
        xdecref(traceback);
        let mut args = [ptr::null_mut(), type_of(value).cast(), value, traceback];
        let result = sys::PyObject_Vectorcall(
            exit,
            args.as_mut_ptr().add(1),
            3 | 1 << (usize::BITS - 1),
            ptr::null_mut(),
        );
        super::push_result(d, result)
    }
}

/// `CHECK_EG_MATCH`: the exception below, the class above; leaves the rest and what matched (or None).
#[inline(never)]
pub fn check_eg_match(d: &mut Direct, _: usize) -> Flow {
    // SAFETY: the invariant.
    unsafe {
        let class = d.pop();
        if !raise::check_except_star_type(d.tstate, class) {
            decref(class);
            return Flow::Raise;
        }
        let value = d.peek(1);
        let outcome = raise::exception_group_match(value, class);
        decref(class);
        let Some((matched, rest)) = outcome else { return Flow::Raise };
        if matched == helpers::none() {
            d.push(matched);
            xdecref(rest);
        } else {
            d.poke(1, rest);
            d.push(matched);
            sys::PyErr_SetExcInfo(ptr::null_mut(), new_ref(matched), ptr::null_mut());
            decref(value);
        }
    }
    Flow::Next
}

/// `PREP_RERAISE_STAR`: the exception below, the list of what the clauses raised or left above.
#[inline(never)]
pub fn prep_reraise_star(d: &mut Direct, _: usize) -> Flow {
    // SAFETY: the invariant; both are taken from the stack.
    unsafe {
        let raised = d.pop();
        let original = d.pop();
        let result = raise::prep_reraise_star(original, raised);
        decref(raised);
        decref(original);
        super::push_result(d, result)
    }
}
