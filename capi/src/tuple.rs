//! Exact tuples: items, and building from an array whose counts move.
//!
//! Called wherever arguments or stack slots are packed. Never changes a tuple that somebody else can see.

use crate::refs::decref;
use crate::sys::{Py_ssize_t, PyObject, PyTuple_New, PyTupleObject};
use crate::words::{copy_references, move_words};

/// The first item's slot.
///
/// # Safety
/// `tuple` is a live tuple.
#[inline(always)]
pub unsafe fn items(tuple: *mut PyObject) -> *mut *mut PyObject {
    // SAFETY: the caller guarantees a tuple; the address stays inside it.
    unsafe { (&raw mut (*tuple.cast::<PyTupleObject>()).ob_item).cast() }
}

/// How many items there are.
///
/// # Safety
/// `tuple` is a live tuple.
#[inline(always)]
pub unsafe fn len(tuple: *mut PyObject) -> usize {
    // SAFETY: the caller guarantees a tuple.
    unsafe { (*tuple.cast::<PyTupleObject>()).ob_base.ob_size as usize }
}

/// An item (borrowed).
///
/// # Safety
/// `tuple` is a live tuple with more than `index` items.
#[inline(always)]
pub unsafe fn item(tuple: *mut PyObject, index: usize) -> *mut PyObject {
    // SAFETY: the caller guarantees the index.
    unsafe { *items(tuple).add(index) }
}

/// A new tuple that takes over the counts of `count` objects, also when it fails (null, `MemoryError` set).
/// (`_PyTuple_FromArraySteal`; `PyTuple_New` knows the empty tuple and the free lists.)
///
/// # Safety
/// `source` points to `count` owned objects, none null; the GIL is held.
pub unsafe fn from_array_steal(source: *const *mut PyObject, count: usize) -> *mut PyObject {
    // SAFETY: the caller guarantees the array; a new tuple has `count` empty slots and is seen by nobody before we return:
    // nothing runs between.
    unsafe {
        let tuple = PyTuple_New(count as Py_ssize_t);
        if tuple.is_null() {
            for i in 0..count {
                decref(*source.add(i));
            }
        } else {
            move_words(source, count, items(tuple));
        }
        tuple
    }
}

/// A new tuple of `count` objects with counts of its own (`_PyTuple_FromArray`); null with `MemoryError` set.
///
/// # Safety
/// `source` points to `count` live objects, none null; the GIL is held.
pub unsafe fn from_array(source: *const *mut PyObject, count: usize) -> *mut PyObject {
    // SAFETY: as above; each object gets a count for its slot.
    unsafe {
        let tuple = PyTuple_New(count as Py_ssize_t);
        if !tuple.is_null() {
            copy_references(source, count, items(tuple));
        }
        tuple
    }
}
