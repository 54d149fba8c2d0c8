//! Boxes where no exception can be raised: in compiled code, whose boxes stand in place of an instruction's long after it, and at exits.
//!
//! When CPython's allocator has no memory for one, it is made in a block of a reserve that was allocated before. The reserve is filled
//! again at the next pending call, and nothing is entered before; when half of it is gone, the thread gets a `MemoryError` at its
//! next loop edge. The GIL protects it.

use capi::sys::{self, PyObject};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering::Relaxed};

/// The least that the reserve holds.
const LEAST: usize = 128;
/// Turns of the largest loop, exit included, that the reserve holds: a turn may go through some bridges.
const TURNS: usize = 4;
/// Bytes of the largest box: an int of three digits.
const SIZE: usize = size_of::<sys::PyLongObject>() + 2 * size_of::<u32>();

/// The free blocks; each begins with the next one's address.
static FREE: AtomicPtr<u8> = AtomicPtr::new(null_mut());
/// How many are free, and how many should be.
static LEFT: AtomicUsize = AtomicUsize::new(0);
static FULL: AtomicUsize = AtomicUsize::new(LEAST);
/// Whether a pending call will fill the reserve.
static ASKED: AtomicBool = AtomicBool::new(false);

/// Whether blocks are missing: then nothing is entered before `fill` has found memory for them.
#[inline]
pub fn is_short() -> bool {
    LEFT.load(Relaxed) < FULL.load(Relaxed)
}

/// Makes the reserve large enough for a trace with so many boxes; false if memory is out.
///
/// # Safety
/// The GIL is held.
pub unsafe fn fill_for(boxes: usize) -> bool {
    FULL.fetch_max(TURNS * boxes, Relaxed);
    // SAFETY: by contract.
    unsafe { fill() }
}

/// Fills the reserve as far as memory goes; whether it is full.
///
/// # Safety
/// The GIL is held.
#[cold]
pub unsafe fn fill() -> bool {
    while is_short() {
        // SAFETY: the GIL is held; no exception is set when there is no memory. A block has room for an address.
        unsafe {
            let block: *mut u8 = sys::PyObject_Malloc(SIZE).cast();
            if block.is_null() {
                return false;
            }
            block.cast::<*mut u8>().write(FREE.load(Relaxed));
            FREE.store(block, Relaxed);
        }
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
    // SAFETY: the GIL is held; compiled code runs with a thread state; free blocks begin with an address.
    unsafe {
        sys::PyErr_Clear();
        let block = FREE.load(Relaxed);
        if block.is_null() {
            sys::Py_FatalError(c"coluber: out of memory in compiled code".as_ptr());
        }
        FREE.store(block.cast::<*mut u8>().read(), Relaxed);
        let left = LEFT.fetch_sub(1, Relaxed) - 1;
        if !ASKED.load(Relaxed) {
            // It may fail when too many are pending; the next block asks again.
            ASKED.store(sys::Py_AddPendingCall(Some(fill_pending), null_mut()) == 0, Relaxed);
        }
        let thread = sys::PyThreadState_Get();
        if left <= FULL.load(Relaxed) / 2 && (*thread).async_exc.is_null() {
            sys::PyThreadState_SetAsyncExc((*thread).thread_id, sys::PyExc_MemoryError);
        }
        block.cast()
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
