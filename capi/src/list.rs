//! Exact lists: items and appending.
//!
//! Called by the evaluator's subscripts, iteration and comprehensions. Checks no bounds: that is the caller's question.

use crate::refs::decref;
use crate::sys::{Py_ssize_t, PyList_Append, PyListObject, PyObject};

/// How many items there are.
///
/// # Safety
/// `list` is a live list.
#[inline(always)]
pub unsafe fn len(list: *mut PyObject) -> usize {
    // SAFETY: the caller guarantees a list.
    unsafe { (*list.cast::<PyListObject>()).ob_base.ob_size as usize }
}

/// The slot of an item.
///
/// # Safety
/// `list` is a live list with more than `index` items. The slot is valid until the list changes.
#[inline(always)]
pub unsafe fn slot(list: *mut PyObject, index: usize) -> *mut *mut PyObject {
    // SAFETY: the caller guarantees the index.
    unsafe { (*list.cast::<PyListObject>()).ob_item.add(index) }
}

/// An item (borrowed).
///
/// # Safety
/// As for [`slot`].
#[inline(always)]
pub unsafe fn item(list: *mut PyObject, index: usize) -> *mut PyObject {
    // SAFETY: the caller guarantees the index.
    unsafe { *slot(list, index) }
}

/// Appends `value` and takes over its count, also on failure (false, `MemoryError` set).
///
/// # Safety
/// `list` is a live list; the caller owns a count of `value`; the GIL is held.
#[inline]
pub unsafe fn append_steal(list: *mut PyObject, value: *mut PyObject) -> bool {
    // SAFETY: between size and capacity the slots are ours to fill.
    unsafe {
        let object: *mut PyListObject = list.cast();
        let len = (*object).ob_base.ob_size;
        if len >= (*object).allocated {
            return append_slow(list, value);
        }
        (*object).ob_item.offset(len).write(value);
        (*object).ob_base.ob_size = len + 1;
        true
    }
}

#[cold]
#[inline(never)]
unsafe fn append_slow(list: *mut PyObject, value: *mut PyObject) -> bool {
    // SAFETY: as in `append_steal`; the list adds a count of its own, so that ours can go.
    unsafe {
        let failed = PyList_Append(list, value) < 0;
        decref(value);
        !failed
    }
}

/// Capacity, in items: an append below it moves nothing.
///
/// # Safety
/// `list` is a live list.
#[inline(always)]
pub unsafe fn capacity(list: *mut PyObject) -> Py_ssize_t {
    // SAFETY: the caller guarantees a list.
    unsafe { (*list.cast::<PyListObject>()).allocated }
}
