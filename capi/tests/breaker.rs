//! The eval breaker served by this crate: what waits is done once, in CPython's order, and the word is clear afterwards.

mod common;

use capi::breaker;
use capi::sys::*;
use common::{get, message, run};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};

static CALLS: AtomicU32 = AtomicU32::new(0);

unsafe extern "C" fn count(_: *mut std::ffi::c_void) -> std::ffi::c_int {
    CALLS.fetch_add(1, SeqCst);
    0
}

unsafe extern "C" fn fail(_: *mut std::ffi::c_void) -> std::ffi::c_int {
    // SAFETY: pending calls run with the GIL held.
    unsafe { PyErr_SetString(PyExc_OSError, c"pending".as_ptr()) };
    -1
}

/// One test in a program of its own: only the main thread of Python serves signals and pending calls.
#[test]
fn everything_that_waits_is_served() {
    // SAFETY: this thread initializes Python and keeps the GIL throughout, but where it is asked to let others run.
    unsafe {
        Py_InitializeEx(1);
        capi::check::at_startup(false).unwrap();
        let tstate = PyThreadState_Get();
        while breaker::is_set(tstate) {
            assert!(breaker::handle_pending(tstate));
        }

        // A signal without an exception, then one with.
        let names = run("
import signal
seen = []
signal.signal(signal.SIGUSR1, lambda number, frame: seen.append(number))
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
");
        assert_eq!(PyErr_SetInterruptEx(10), 0);
        assert!(breaker::is_set(tstate));
        assert!(breaker::handle_pending(tstate));
        assert_eq!(common::repr(get(&names, "seen")), "[10]");
        assert!(!breaker::is_set(tstate));
        PyErr_SetInterrupt();
        assert!(!breaker::handle_pending(tstate));
        assert_eq!(message(), "KeyboardInterrupt: ");
        while breaker::is_set(tstate) {
            // It was scheduled again, as CPython does after an error.
            assert!(breaker::handle_pending(tstate));
        }

        // Pending calls.
        assert_eq!(Py_AddPendingCall(Some(count), std::ptr::null_mut()), 0);
        assert!(breaker::is_set(tstate));
        assert!(breaker::handle_pending(tstate));
        assert_eq!(CALLS.load(SeqCst), 1);
        assert_eq!(Py_AddPendingCall(Some(fail), std::ptr::null_mut()), 0);
        assert!(!breaker::handle_pending(tstate));
        assert_eq!(message(), "OSError: pending");
        while breaker::is_set(tstate) {
            assert!(breaker::handle_pending(tstate));
        }

        // An exception from another thread.
        let names = run("class Stop(Exception): pass");
        assert_eq!(PyThreadState_SetAsyncExc(PyThread_get_thread_ident(), get(&names, "Stop")), 1);
        assert!(breaker::is_set(tstate));
        assert!(!breaker::handle_pending(tstate));
        assert_eq!(message(), "Stop: ");
        assert!(!breaker::is_set(tstate));

        // A thread that wants the GIL gets it.
        static RAN: AtomicBool = AtomicBool::new(false);
        let thread = std::thread::spawn(|| {
            let state = PyGILState_Ensure();
            RAN.store(true, SeqCst);
            PyGILState_Release(state);
        });
        while !breaker::is_set(tstate) {
            std::hint::spin_loop();
        }
        assert!(!RAN.load(SeqCst));
        assert!(breaker::handle_pending(tstate));
        assert!(RAN.load(SeqCst), "forced switching: the other thread ran before we went on");
        let saved = PyEval_SaveThread();
        thread.join().unwrap();
        PyEval_RestoreThread(saved);
    }
}
