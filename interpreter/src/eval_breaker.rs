//! Serves the eval breaker: signals, pending calls, GIL requests, asynchronous exceptions; and notices tracing.

use crate::machine::Flow;
use capi::opcode;
use capi::sys::{self, _PyInterpreterFrame, PyThreadState};

/// Does what was asked for. `Next`, `Raise`, or a hand-over because a trace or profile function is set: at RESUME before it
/// (CPython's own reports the call), else after the instruction.
#[cold]
#[inline(never)]
pub fn serve(tstate: *mut PyThreadState, frame: *mut _PyInterpreterFrame) -> Flow {
    // SAFETY: called with the running thread and its current frame, whose `prev_instr` is the instruction executed.
    unsafe {
        if (*(*tstate).cframe).use_tracing != 0 {
            let code = *(*frame).prev_instr as u8;
            return if opcode::DEOPT[usize::from(code)] == opcode::RESUME {
                Flow::HandOver
            } else {
                Flow::HandOverNext
            };
        }
        if handle_pending(tstate) != 0 { Flow::Raise } else { Flow::Next }
    }
}

fn read(flag: *const sys::_Py_atomic_int) -> i32 {
    // SAFETY: an atomic int of CPython's, which other threads write.
    unsafe { (&raw const (*flag)._value).cast::<i32>().read_volatile() }
}

/// `eval_frame_handle_pending` of Python/ceval.c.
unsafe fn handle_pending(tstate: *mut PyThreadState) -> i32 {
    // SAFETY: the running thread, GIL held.
    unsafe {
        let ceval = &raw mut (*(*tstate).interp).ceval;
        let runtime = &raw mut sys::_PyRuntime.ceval;
        if read(&raw const (*runtime).signals_pending) != 0 || read(&raw const (*ceval).pending.calls_to_do) != 0
        {
            // Both only in the main thread of the main interpreter, as in CPython. Signals come first.
            if sys::Py_MakePendingCalls() != 0 {
                return -1;
            }
        }
        if read(&raw const (*ceval).gil_drop_request) != 0 {
            let saved = sys::PyEval_SaveThread();
            sys::PyEval_RestoreThread(saved);
        }
        if !(*tstate).async_exc.is_null() {
            let exception = (*tstate).async_exc;
            (*tstate).async_exc = std::ptr::null_mut();
            (*ceval).pending.async_exc = 0;
            recompute(ceval, runtime);
            sys::PyErr_SetNone(exception);
            capi::refs::decref(exception);
            return -1;
        }
    }
    0
}

/// `COMPUTE_EVAL_BREAKER`, in the thread that may handle all (a flag too many is served and cleared).
unsafe fn recompute(ceval: *mut sys::_ceval_state, runtime: *mut sys::_ceval_runtime_state) {
    // SAFETY: by the caller; the breaker is CPython's atomic int.
    unsafe {
        let any = read(&raw const (*ceval).gil_drop_request) != 0
            || read(&raw const (*runtime).signals_pending) != 0
            || read(&raw const (*ceval).pending.calls_to_do) != 0
            || (*ceval).pending.async_exc != 0;
        (&raw mut (*ceval).eval_breaker._value).cast::<i32>().write_volatile(i32::from(any));
    }
}
