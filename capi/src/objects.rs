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
