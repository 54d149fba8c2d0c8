//! Raising, catching, `with`.

use super::{Name, drop_top, new_bool, raise};
use crate::direct::Direct;
use crate::helpers::{self, tuple_items};
use crate::machine::{Flow, Machine};
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

const CANNOT_CATCH: &std::ffi::CStr =
    c"catching classes that do not inherit from BaseException is not allowed";

/// `PyExceptionClass_Check`
unsafe fn is_exception_class(o: *mut PyObject) -> bool {
    // SAFETY: a live object; a type object's flags are read after it is known to be one.
    unsafe {
        has_type_flag(o, sys::Py_TPFLAGS_TYPE_SUBCLASS as u32)
            && (*o.cast::<sys::PyTypeObject>()).tp_flags & u64::from(sys::Py_TPFLAGS_BASE_EXC_SUBCLASS as u32)
                != 0
    }
}

/// `check_except_type_valid`
unsafe fn may_catch(class: *mut PyObject) -> bool {
    // SAFETY: a live object.
    unsafe {
        let valid = if has_type_flag(class, sys::Py_TPFLAGS_TUPLE_SUBCLASS as u32) {
            (0..helpers::size_of_sequence(class)).all(|i| is_exception_class(*tuple_items(class).add(i)))
        } else {
            is_exception_class(class)
        };
        if !valid {
            let _ = raise(sys::PyExc_TypeError, CANNOT_CATCH);
        }
        valid
    }
}

/// `CHECK_EXC_MATCH`
#[inline(never)]
pub fn check_exc_match(d: &mut Direct, _: usize) -> Flow {
    // SAFETY: the invariant: exception below, class or tuple above.
    unsafe {
        let class = d.peek(1);
        let value = d.peek(2);
        if !may_catch(class) {
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
    // SAFETY: the invariant.
    unsafe {
        if depth != 0 {
            let lasti = d.peek(depth + 1);
            if !has_type_flag(lasti, sys::Py_TPFLAGS_LONG_SUBCLASS as u32) {
                return raise(sys::PyExc_SystemError, c"lasti is not an int");
            }
            let index = sys::PyLong_AsLong(lasti);
            (*d.frame).prev_instr = crate::code_data::units(d.code()).offset(index as isize);
        }
        let value = d.pop();
        restore(value)
    }
}

/// Sets an exception (taken over) with its own traceback again.
pub(super) unsafe fn restore(value: *mut PyObject) -> Flow {
    // SAFETY: an exception instance.
    unsafe {
        let class = new_ref(type_of(value).cast());
        let traceback = sys::PyException_GetTraceback(value);
        sys::PyErr_Restore(class, value, traceback);
    }
    Flow::Unwind
}

/// `RAISE_VARARGS`
#[inline(never)]
pub fn raise_varargs(d: &mut Direct, n: usize) -> Flow {
    let cause = if n == 2 { d.pop() } else { ptr::null_mut() };
    let exception = if n >= 1 { d.pop() } else { ptr::null_mut() };
    // SAFETY: the invariant; both are owned.
    unsafe { do_raise(d, exception, cause) }
}

/// `do_raise` of Python/ceval.c; takes both over.
unsafe fn do_raise(d: &mut Direct, exception: *mut PyObject, cause: *mut PyObject) -> Flow {
    // SAFETY: by the caller.
    unsafe {
        if exception.is_null() {
            let mut info = (*d.tstate).exc_info;
            while ((*info).exc_value.is_null() || (*info).exc_value == helpers::none())
                && !(*info).previous_item.is_null()
            {
                info = (*info).previous_item;
            }
            let value = (*info).exc_value;
            if value.is_null() || value == helpers::none() {
                return raise(sys::PyExc_RuntimeError, c"No active exception to reraise");
            }
            return restore(new_ref(value));
        }
        let (class, value);
        if is_exception_class(exception) {
            class = exception;
            value = sys::PyObject_CallNoArgs(class);
            if value.is_null() {
                decref(class);
                xdecref(cause);
                return Flow::Raise;
            }
            if !has_type_flag(value, sys::Py_TPFLAGS_BASE_EXC_SUBCLASS as u32) {
                sys::PyErr_Format(
                    sys::PyExc_TypeError,
                    c"calling %R should have returned an instance of BaseException, not %R".as_ptr(),
                    class,
                    type_of(value),
                );
                decref(value);
                decref(class);
                xdecref(cause);
                return Flow::Raise;
            }
        } else if has_type_flag(exception, sys::Py_TPFLAGS_BASE_EXC_SUBCLASS as u32) {
            value = exception;
            class = new_ref(type_of(value).cast());
        } else {
            decref(exception);
            let _ = raise(sys::PyExc_TypeError, c"exceptions must derive from BaseException");
            xdecref(cause);
            return Flow::Raise;
        }
        if !cause.is_null() {
            let fixed = if is_exception_class(cause) {
                let made = sys::PyObject_CallNoArgs(cause);
                if made.is_null() {
                    decref(value);
                    decref(class);
                    decref(cause);
                    return Flow::Raise;
                }
                decref(cause);
                made
            } else if has_type_flag(cause, sys::Py_TPFLAGS_BASE_EXC_SUBCLASS as u32) {
                cause
            } else if cause == helpers::none() {
                decref(cause);
                ptr::null_mut()
            } else {
                let _ = raise(sys::PyExc_TypeError, c"exception causes must derive from BaseException");
                decref(value);
                decref(class);
                decref(cause);
                return Flow::Raise;
            };
            sys::PyException_SetCause(value, fixed);
        }
        sys::PyErr_SetObject(class, value);
        decref(value);
        decref(class);
        Flow::Raise
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

/// `CHECK_EG_MATCH`: CPython's evaluator does it.
#[inline(never)]
pub fn check_eg_match(_: &mut Direct, _: usize) -> Flow {
    Flow::HandOver
}

/// `PREP_RERAISE_STAR`: CPython's evaluator does it.
#[inline(never)]
pub fn prep_reraise_star(_: &mut Direct, _: usize) -> Flow {
    Flow::HandOver
}
