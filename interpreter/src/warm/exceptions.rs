//! Raising in warm code, and the instructions of handlers.

use super::registers::Registers;
use super::{dispatch, handlers, plain};
use crate::direct::Home;
use crate::direct_only::exceptions;
use crate::machine::Flow;
use crate::{evaluate, helpers};
use capi::raise;
use capi::refs::{has_type_flag, type_of};
use capi::sys::{self, PyObject, PyTypeObject};
use std::ptr;

/// The instruction at `w.ip` raised: goes on at its handler, if this frame has one.
#[inline(always)]
pub(super) unsafe fn raise(w: Registers) -> Flow {
    // SAFETY: the machine's invariant.
    unsafe {
        let at = w.instruction();
        // The handler is looked for by the code unit before the next instruction: its first one is as good as its last.
        dispatch::lay_down_at(&w, at, at.add(1));
        raised(w.home, Flow::Raise)
    }
}

/// The same after `Raise` or `Unwind`, with the registers in the home.
#[cold]
#[inline(never)]
pub(super) unsafe extern "C" fn raised(home: *mut Home, flow: Flow) -> Flow {
    // SAFETY: the machine's invariant; the reference ends with the call.
    unsafe {
        match evaluate::raised(&mut (*home).registers, flow) {
            Flow::Next => dispatch::resume(home),
            flow => flow,
        }
    }
}

/// Is an exception of this type one of the class's? `None` where `class` is neither an exception class nor a tuple of those.
#[inline(always)]
unsafe fn matches(ty: *mut PyTypeObject, class: *mut PyObject) -> Option<bool> {
    // SAFETY: live objects; a tuple's items are.
    unsafe {
        if has_type_flag(class, sys::Py_TPFLAGS_TUPLE_SUBCLASS) {
            let items = helpers::tuple_items(class);
            let mut found = false;
            for i in 0..helpers::size_of_sequence(class) {
                found |= is_subclass(ty, *items.add(i))?;
            }
            return Some(found);
        }
        is_subclass(ty, class)
    }
}

/// The same of one class, for which a subclass's metaclass is not asked (`PyErr_GivenExceptionMatches`).
#[inline(always)]
unsafe fn is_subclass(ty: *mut PyTypeObject, class: *mut PyObject) -> Option<bool> {
    // SAFETY: live objects; layouts are used after types were asked.
    unsafe {
        raise::is_exception_class(class)
            .then(|| ty.cast() == class || sys::PyType_IsSubtype(ty, class.cast()) != 0)
    }
}

handlers! {
    /// `PUSH_EXC_INFO`: the handled exception becomes the current one; the previous goes below it.
    fn push_exc_info(w, _arg) {
        let value = w.peek(1);
        let info = (*w.tstate).exc_info;
        let mut previous = (*info).exc_value;
        if previous.is_null() {
            previous = helpers::none();
            (*previous).ob_refcnt += 1;
        }
        (*value).ob_refcnt += 1;
        (*info).exc_value = value;
        w.poke(1, previous);
        w.push(value);
        w.next(1)
    }

    /// `POP_EXCEPT`
    fn pop_except(w, _arg) {
        let info = (*w.tstate).exc_info;
        let value = (*info).exc_value;
        (*info).exc_value = w.peek(1);
        w.shrink(1);
        if !value.is_null() {
            w.drop(value);
        }
        w.next(1)
    }

    /// `CHECK_EXC_MATCH`, `POP_JUMP_FORWARD_IF_FALSE`
    fn check_exc_match_jump(w, arg) {
        let (class, value) = (w.peek(1), w.peek(2));
        let Some(matches) = matches(type_of(value), class) else {
            return w.instead(plain::check_exc_match, arg);
        };
        let distance = w.arg(1);
        w.shrink(1);
        w.drop(class);
        w.next(if matches { 2 } else { 2 + distance })
    }

    /// `RERAISE`: the exception at the top; with `depth`, the instruction index below it says where it came from.
    fn reraise(w, depth) {
        dispatch::lay_down(&w, 1);
        let home = w.home;
        let d = &raw mut (*home).registers;
        let flow = match exceptions::reraised(&mut *d, depth) {
            // A metaclass may have its own view of what is an instance of the class, for which it is asked.
            Ok(value) if type_of(type_of(value).cast()) == &raw mut sys::PyType_Type => {
                evaluate::unwind(&mut *d, value)
            }
            Ok(value) => {
                exceptions::restore(value);
                evaluate::unwind(&mut *d, ptr::null_mut())
            }
            Err(flow) => evaluate::raised(&mut *d, flow),
        };
        match flow {
            Flow::Next => dispatch::resume(home),
            flow => flow,
        }
    }
}
