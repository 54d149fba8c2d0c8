//! Boxes where no exception can be raised: in compiled code, whose boxes stand in place of an instruction's long after it, and at exits.
//!
//! When CPython's allocator has no memory for one, it is made in a block of a reserve that was allocated before. The
//! reserve is filled again at the next pending call; when half of it is gone, the thread gets a `MemoryError` at its next
//! loop edge. The GIL protects it.

use capi::sys::{self, PyObject};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering::Relaxed};

/// More than a turn of a loop and its exit make.
const BLOCKS: usize = 256;
/// Bytes of the largest box: an int of three digits.
const SIZE: usize = size_of::<sys::PyLongObject>() + 2 * size_of::<u32>();

static RESERVE: [AtomicPtr<u8>; BLOCKS] = [const { AtomicPtr::new(null_mut()) }; BLOCKS];
static LEFT: AtomicUsize = AtomicUsize::new(0);
/// Whether a pending call will fill the reserve.
static ASKED: AtomicBool = AtomicBool::new(false);

/// Fills the reserve as far as memory goes; whether it is full.
///
/// # Safety
/// The GIL is held.
pub unsafe fn fill() -> bool {
    for place in &RESERVE[LEFT.load(Relaxed)..] {
        // SAFETY: the GIL is held; no exception is set when there is no memory.
        let block: *mut u8 = unsafe { sys::PyObject_Malloc(SIZE) }.cast();
        if block.is_null() {
            return false;
        }
        place.store(block, Relaxed);
        LEFT.fetch_add(1, Relaxed);
    }
    true
}

unsafe extern "C" fn fill_pending(_: *mut std::ffi::c_void) -> i32 {
    ASKED.store(false, Relaxed);
    // SAFETY: pending calls hold the GIL.
    unsafe { fill() };
    0
}

/// A block that `PyObject_Free` takes, when memory has run out. Clears the `MemoryError`. Ends the process when none is left.
#[cold]
unsafe fn take<T>() -> *mut T {
    // SAFETY: the GIL is held; compiled code runs with a thread state.
    unsafe {
        sys::PyErr_Clear();
        let Some(left) = LEFT.load(Relaxed).checked_sub(1) else {
            sys::Py_FatalError(c"coluber: out of memory in compiled code".as_ptr())
        };
        LEFT.store(left, Relaxed);
        if !ASKED.load(Relaxed) {
            // It may fail when too many are pending; the next block asks again.
            ASKED.store(sys::Py_AddPendingCall(Some(fill_pending), null_mut()) == 0, Relaxed);
        }
        let thread = sys::PyThreadState_Get();
        if left <= BLOCKS / 2 && (*thread).async_exc.is_null() {
            sys::PyThreadState_SetAsyncExc((*thread).thread_id, sys::PyExc_MemoryError);
        }
        RESERVE[left].load(Relaxed).cast()
    }
}

/// A new reference to an int, never null.
///
/// # Safety
/// The GIL is held; no exception is set.
pub unsafe fn new_int(value: i64) -> *mut PyObject {
    // SAFETY: by contract; a block has room for each `i64`, and nobody else sees it.
    unsafe {
        let object = sys::PyLong_FromLongLong(value);
        if !object.is_null() {
            return object;
        }
        let int: *mut sys::PyLongObject = take();
        (*int).ob_base.ob_base = PyObject { ob_refcnt: 1, ob_type: &raw mut sys::PyLong_Type };
        capi::long::set_value(int, value);
        int.cast()
    }
}

/// A new reference to a float, never null.
///
/// # Safety
/// The GIL is held; no exception is set.
pub unsafe fn new_float(value: f64) -> *mut PyObject {
    // SAFETY: by contract; a block has room for a float, and nobody else sees it.
    unsafe {
        let object = sys::PyFloat_FromDouble(value);
        if !object.is_null() {
            return object;
        }
        let float: *mut sys::PyFloatObject = take();
        let ob_base = PyObject { ob_refcnt: 1, ob_type: &raw mut sys::PyFloat_Type };
        float.write(sys::PyFloatObject { ob_base, ob_fval: value });
        float.cast()
    }
}
