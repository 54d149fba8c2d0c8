//! Objects whose structs stand in CPython's `.c` files only. `check::at_startup` verifies them by behaviour.

use crate::sys::{Py_ssize_t, PyObject};

/// `rangeiterobject` (Objects/rangeobject.c).
#[repr(C)]
pub struct RangeIter {
    /// Head.
    pub ob_base: PyObject,
    /// How many values were taken.
    pub index: i64,
    /// First value.
    pub start: i64,
    /// Difference of neighbours.
    pub step: i64,
    /// How many values there are in all.
    pub len: i64,
}

/// `listiterobject` (Objects/listobject.c).
#[repr(C)]
pub struct ListIter {
    /// Head.
    pub ob_base: PyObject,
    /// Index of the next item.
    pub it_index: Py_ssize_t,
    /// The list; null when exhausted.
    pub it_seq: *mut PyObject,
}

/// `tupleiterobject` (Objects/tupleobject.c).
#[repr(C)]
pub struct TupleIter {
    /// Head.
    pub ob_base: PyObject,
    /// Index of the next item.
    pub it_index: Py_ssize_t,
    /// The tuple; null when exhausted.
    pub it_seq: *mut PyObject,
}

/// `enumobject` (Objects/enumobject.c).
#[repr(C)]
pub struct Enumerate {
    /// Head.
    pub ob_base: PyObject,
    /// The next index, while it fits.
    pub en_index: Py_ssize_t,
    /// The iterator inside.
    pub en_sit: *mut PyObject,
    /// The pair that is handed out again when nobody else holds it.
    pub en_result: *mut PyObject,
    /// The index once it no longer fits; else null.
    pub en_longindex: *mut PyObject,
    /// The int 1 (borrowed).
    pub one: *mut PyObject,
}

/// `arrayobject` (Modules/arraymodule.c).
#[repr(C)]
pub struct Array {
    /// Head, with the number of items.
    pub ob_base: crate::sys::PyVarObject,
    /// The items.
    pub ob_item: *mut u8,
    /// Capacity in items.
    pub allocated: Py_ssize_t,
    /// What kind of items they are: a static table's row.
    pub ob_descr: *const u8,
    /// Weak references.
    pub weakreflist: *mut PyObject,
    /// How many buffers are exported.
    pub ob_exports: Py_ssize_t,
}

/// `longrangeiterobject` (Objects/rangeobject.c): numbers that do not fit a `long`.
#[repr(C)]
pub struct LongRangeIter {
    /// Head.
    pub ob_base: PyObject,
    /// How many values were taken.
    pub index: *mut PyObject,
    /// First value.
    pub start: *mut PyObject,
    /// Difference of neighbours.
    pub step: *mut PyObject,
    /// How many values there are in all.
    pub len: *mut PyObject,
}

/// `rangeobject` (Objects/rangeobject.c). Immutable.
#[repr(C)]
pub struct Range {
    /// Head.
    pub ob_base: PyObject,
    /// First value.
    pub start: *mut PyObject,
    /// Where it ends, exclusive.
    pub stop: *mut PyObject,
    /// Difference of neighbours.
    pub step: *mut PyObject,
    /// How many values there are.
    pub length: *mut PyObject,
}

/// `reversedobject` (Objects/enumobject.c).
#[repr(C)]
pub struct Reversed {
    /// Head.
    pub ob_base: PyObject,
    /// Index of the next item; -1 when exhausted.
    pub index: Py_ssize_t,
    /// The sequence; null when exhausted.
    pub seq: *mut PyObject,
}

/// `zipobject` (Python/bltinmodule.c).
#[repr(C)]
pub struct Zip {
    /// Head.
    pub ob_base: PyObject,
    /// How many iterators there are.
    pub tuplesize: Py_ssize_t,
    /// The tuple of the iterators.
    pub ittuple: *mut PyObject,
    /// The tuple that is handed out again when nobody else holds it.
    pub result: *mut PyObject,
    /// Whether unequal lengths are an error.
    pub strict: i32,
}

/// `_PyAsyncGenWrappedValue` (Objects/genobject.c).
#[repr(C)]
pub struct AsyncGenWrappedValue {
    /// Head.
    pub ob_base: PyObject,
    /// What an async generator yielded.
    pub agw_val: *mut PyObject,
}
