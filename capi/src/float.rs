//! Exact floats: their value, and creation and death through the interpreter's own free list.
//!
//! Called by the evaluator's arithmetic and by exits that box floats. A float made here may die in CPython and the other way
//! round. Reusing a float in place (count 1, nobody else sees it) is [`set_value`].

use crate::sys::{
    _Py_float_state, PyErr_NoMemory, PyFloat_FromDouble, PyFloat_MAXFREELIST, PyFloat_Type, PyFloatObject,
    PyObject, PyObject_Free, PyObject_Malloc, PyThreadState,
};
use crate::tracemalloc;
use std::mem::offset_of;

/// Where the value lies in a float, in bytes.
pub const VALUE_OFFSET: usize = offset_of!(PyFloatObject, ob_fval);

/// The value.
///
/// # Safety
/// `float` is a live float (or of a subclass).
#[inline(always)]
pub unsafe fn value(float: *mut PyObject) -> f64 {
    // SAFETY: the caller guarantees a float.
    unsafe { (*float.cast::<PyFloatObject>()).ob_fval }
}

/// Changes the value in place.
///
/// # Safety
/// `float` is an exact float that nobody but the caller holds.
#[inline(always)]
pub unsafe fn set_value(float: *mut PyObject, value: f64) {
    // SAFETY: the caller guarantees a float of its own.
    unsafe { (*float.cast::<PyFloatObject>()).ob_fval = value };
}

#[inline(always)]
unsafe fn state(tstate: *mut PyThreadState) -> *mut _Py_float_state {
    // SAFETY: a thread state's interpreter outlives it.
    unsafe { &raw mut (*(*tstate).interp).float_state }
}

/// A new float (owned), exactly as `PyFloat_FromDouble` makes it; null with `MemoryError` set.
///
/// # Safety
/// `tstate` is the current thread's; the GIL is held.
#[inline]
pub unsafe fn new(tstate: *mut PyThreadState, value: f64) -> *mut PyObject {
    // SAFETY: the free list holds dead floats, linked by their types; the GIL protects it.
    unsafe {
        let state = state(tstate);
        let float = (*state).free_list;
        if float.is_null() || tracemalloc::is_on() {
            return new_slow(value);
        }
        (*state).free_list = (*float).ob_base.ob_type.cast();
        (*state).numfree -= 1;
        (*float).ob_base.ob_refcnt = 1;
        (*float).ob_base.ob_type = &raw mut PyFloat_Type;
        (*float).ob_fval = value;
        float.cast()
    }
}

#[cold]
#[inline(never)]
unsafe fn new_slow(value: f64) -> *mut PyObject {
    // SAFETY: the GIL is held by the word given to `new`; fresh memory is ours.
    unsafe {
        if tracemalloc::is_on() {
            return PyFloat_FromDouble(value);
        }
        let float: *mut PyFloatObject = PyObject_Malloc(size_of::<PyFloatObject>()).cast();
        if float.is_null() {
            return PyErr_NoMemory();
        }
        let ob_base = PyObject { ob_refcnt: 1, ob_type: &raw mut PyFloat_Type };
        float.write(PyFloatObject { ob_base, ob_fval: value });
        float.cast()
    }
}

/// Frees a dead float (`_PyFloat_ExactDealloc`). Runs no code.
///
/// # Safety
/// `float` is an exact float whose count just reached 0; `tstate` is the current thread's; the GIL is held.
#[inline]
pub unsafe fn free(tstate: *mut PyThreadState, float: *mut PyObject) {
    // SAFETY: the float is dead and so belongs to us; the GIL protects the free list.
    unsafe {
        let state = state(tstate);
        if (*state).numfree >= PyFloat_MAXFREELIST as i32 {
            PyObject_Free(float.cast());
            return;
        }
        (*state).numfree += 1;
        (*float).ob_type = (*state).free_list.cast();
        (*state).free_list = float.cast();
    }
}

/// Drops a count of an exact float. Runs no code.
///
/// # Safety
/// The caller owns a count of `float`, an exact float, and gives it up; else as for [`free`].
#[inline(always)]
pub unsafe fn decref(tstate: *mut PyThreadState, float: *mut PyObject) {
    // SAFETY: the caller owns the count.
    unsafe {
        (*float).ob_refcnt -= 1;
        if (*float).ob_refcnt == 0 {
            free(tstate, float);
        }
    }
}
