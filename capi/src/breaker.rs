//! The eval breaker: signals, pending calls, requests for the GIL, asynchronous exceptions.
//!
//! Called by the evaluator at backward jumps, at `RESUME` and after calls, when [`is_set`]; and by compiled loops. Serves
//! everything in the order of CPython's `eval_frame_handle_pending`, by exported functions where there are any.
//!
//! ```ignore
//! if breaker::is_set(tstate) && !breaker::handle_pending(tstate) { /* an exception is set */ }
//! ```

use crate::refs::decref;
use crate::sys::{
    _PyErr_SetNone, _PyOS_IsMainThread, _PyRuntime, Py_MakePendingCalls, PyEval_RestoreThread,
    PyEval_SaveThread, PyThread_get_thread_ident, PyThreadState,
};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicI32, Ordering::Relaxed};

/// The word that is not 0 when something waits (`interp->ceval.eval_breaker`), for whoever compiles the question.
///
/// # Safety
/// `tstate` is alive. The word lives as long as its interpreter.
#[inline(always)]
pub unsafe fn word(tstate: *mut PyThreadState) -> *mut i32 {
    // SAFETY: a thread state's interpreter outlives it.
    unsafe { &raw mut (*(*tstate).interp).ceval.eval_breaker._value }
}

/// Whether something waits.
///
/// # Safety
/// `tstate` is alive.
#[inline(always)]
pub unsafe fn is_set(tstate: *mut PyThreadState) -> bool {
    // SAFETY: the word is a C atomic, only ever accessed as such.
    unsafe { AtomicI32::from_ptr(word(tstate)).load(Relaxed) != 0 }
}

/// `COMPUTE_EVAL_BREAKER`: what of all that may wait this thread could serve.
unsafe fn recompute(tstate: *mut PyThreadState) {
    // SAFETY: the runtime and the interpreter are alive; all words are C atomics but `async_exc`, which the GIL protects.
    unsafe {
        let load = |value: *mut i32| AtomicI32::from_ptr(value).load(Relaxed);
        let ceval = &raw mut (*(*tstate).interp).ceval;
        let main_thread = PyThread_get_thread_ident() == (&raw const _PyRuntime.main_thread).read();
        let signals =
            load(&raw mut _PyRuntime.ceval.signals_pending._value) != 0 && _PyOS_IsMainThread() != 0;
        let calls = load(&raw mut (*ceval).pending.calls_to_do._value) != 0 && main_thread;
        let value = load(&raw mut (*ceval).gil_drop_request._value)
            | i32::from(signals)
            | i32::from(calls)
            | (*ceval).pending.async_exc;
        AtomicI32::from_ptr(word(tstate)).store(value, Relaxed);
    }
}

/// Serves whatever waits. False when an exception was raised, by a signal handler, a pending call or from another thread.
/// Runs any code, here and in other threads; the frames must be up to date. Does not return in a daemon thread when the
/// interpreter is being finalized: CPython ends the thread (`pthread_exit`), so callers hold nothing that must be dropped.
///
/// # Safety
/// `tstate` is the current thread's; the GIL is held; no exception is set.
#[cold]
pub unsafe fn handle_pending(tstate: *mut PyThreadState) -> bool {
    // SAFETY: the caller guarantees the thread state; the words are C atomics; `async_exc` owns a count that moves to us.
    unsafe {
        let load = |value: *mut i32| AtomicI32::from_ptr(value).load(Relaxed);
        let ceval = &raw mut (*(*tstate).interp).ceval;
        let signals = load(&raw mut _PyRuntime.ceval.signals_pending._value) != 0;
        let calls = load(&raw mut (*ceval).pending.calls_to_do._value) != 0;
        // Signals first, then the calls; it does nothing in threads that may not.
        if (signals || calls) && Py_MakePendingCalls() != 0 {
            return false;
        }
        if load(&raw mut (*ceval).gil_drop_request._value) != 0 {
            // Forced switching included: dropping waits until another thread took the GIL.
            PyEval_SaveThread();
            PyEval_RestoreThread(tstate);
        }
        let exception = (*tstate).async_exc;
        if exception.is_null() {
            return true;
        }
        (*tstate).async_exc = null_mut();
        (*ceval).pending.async_exc = 0;
        recompute(tstate);
        _PyErr_SetNone(tstate, exception);
        decref(exception);
        false
    }
}
