//! Events for trace and profile functions that were set while our evaluator runs a frame.
//!
//! Frames are handed to CPython's evaluator as soon as tracing is noticed; an exception that passes before is reported here.

use capi::frame;
use capi::sys::{self, _PyInterpreterFrame, PyObject, PyThreadState};
use std::ptr;

/// Is a trace or profile function active in this activation?
///
/// # Safety
/// `tstate` is the running thread's.
#[inline(always)]
pub unsafe fn is_on(tstate: *mut PyThreadState) -> bool {
    // SAFETY: by contract.
    unsafe { (*(*tstate).cframe).use_tracing != 0 }
}

/// Calls one function (`call_trace` of Python/ceval.c). Negative: it raised.
unsafe fn call(
    tstate: *mut PyThreadState,
    function: sys::Py_tracefunc,
    object: *mut PyObject,
    frame: *mut _PyInterpreterFrame,
    what: u32,
    arg: *mut PyObject,
) -> i32 {
    // SAFETY: by the caller; the functions' slots were filled by `sys.settrace` and the like.
    unsafe {
        let Some(function) = function else { return 0 };
        if (*tstate).tracing != 0 {
            return 0;
        }
        let shown = frame::make_frame_object(tstate, frame);
        if shown.is_null() {
            return -1;
        }
        let before = (*tstate).tracing_what;
        (*tstate).tracing_what = what as i32;
        sys::PyThreadState_EnterTracing(tstate);
        let result = function(object, shown, what as i32, arg);
        sys::PyThreadState_LeaveTracing(tstate);
        (*tstate).tracing_what = before;
        result
    }
}

/// The `exception` event (`call_exc_trace`): the exception stays set, unless the function raised another.
///
/// # Safety
/// An exception is set; `frame` is the current frame of the running thread.
#[cold]
pub unsafe fn exception(tstate: *mut PyThreadState, frame: *mut _PyInterpreterFrame) {
    // SAFETY: by contract.
    unsafe {
        if (*tstate).c_tracefunc.is_none() {
            return;
        }
        let (mut class, mut value, mut traceback) = (ptr::null_mut(), ptr::null_mut(), ptr::null_mut());
        sys::PyErr_Fetch(&mut class, &mut value, &mut traceback);
        if value.is_null() {
            value = capi::refs::new_ref(crate::helpers::none());
        }
        sys::PyErr_NormalizeException(&mut class, &mut value, &mut traceback);
        let none = crate::helpers::none();
        let shown = if traceback.is_null() { none } else { traceback };
        let arg = sys::PyTuple_Pack(3, class, value, shown);
        if arg.is_null() {
            sys::PyErr_Restore(class, value, traceback);
            return;
        }
        let result =
            call(tstate, (*tstate).c_tracefunc, (*tstate).c_traceobj, frame, sys::PyTrace_EXCEPTION, arg);
        capi::refs::decref(arg);
        if result == 0 {
            sys::PyErr_Restore(class, value, traceback);
        } else {
            capi::refs::xdecref(class);
            capi::refs::xdecref(value);
            capi::refs::xdecref(traceback);
        }
    }
}

/// The `return` events of a frame that an exception leaves (`TRACE_FUNCTION_UNWIND`).
///
/// # Safety
/// As [`exception`].
#[cold]
pub unsafe fn unwound(tstate: *mut PyThreadState, frame: *mut _PyInterpreterFrame) {
    // SAFETY: by contract.
    unsafe {
        let (mut class, mut value, mut traceback) = (ptr::null_mut(), ptr::null_mut(), ptr::null_mut());
        sys::PyErr_Fetch(&mut class, &mut value, &mut traceback);
        let none = ptr::null_mut();
        let mut result =
            call(tstate, (*tstate).c_tracefunc, (*tstate).c_traceobj, frame, sys::PyTrace_RETURN, none);
        if result == 0 {
            result = call(
                tstate,
                (*tstate).c_profilefunc,
                (*tstate).c_profileobj,
                frame,
                sys::PyTrace_RETURN,
                none,
            );
        }
        if result == 0 {
            sys::PyErr_Restore(class, value, traceback);
        } else {
            capi::refs::xdecref(class);
            capi::refs::xdecref(value);
            capi::refs::xdecref(traceback);
        }
    }
}
