//! Structural pattern matching.

use super::{new_bool, push_result};
use crate::direct::Direct;
use crate::machine::{Flow, Machine};
use capi::refs::has_type_flag;
use capi::sys;

/// `GET_LEN`
#[inline(never)]
pub fn get_len(d: &mut Direct, _: usize) -> Flow {
    // SAFETY: the invariant.
    unsafe {
        let len = sys::PyObject_Size(d.peek(1));
        if len < 0 {
            return Flow::Raise;
        }
        push_result(d, sys::PyLong_FromSsize_t(len))
    }
}

/// `MATCH_MAPPING`
#[inline(never)]
pub fn match_mapping(d: &mut Direct, _: usize) -> Flow {
    // SAFETY: the invariant.
    let is = unsafe { has_type_flag(d.peek(1), sys::Py_TPFLAGS_MAPPING as u32) };
    d.push(new_bool(is));
    Flow::Next
}

/// `MATCH_SEQUENCE`
#[inline(never)]
pub fn match_sequence(d: &mut Direct, _: usize) -> Flow {
    // SAFETY: the invariant.
    let is = unsafe { has_type_flag(d.peek(1), sys::Py_TPFLAGS_SEQUENCE as u32) };
    d.push(new_bool(is));
    Flow::Next
}

/// `MATCH_KEYS`: CPython's evaluator does it.
#[inline(never)]
pub fn match_keys(_: &mut Direct, _: usize) -> Flow {
    Flow::HandOver
}

/// `MATCH_CLASS`: CPython's evaluator does it.
#[inline(never)]
pub fn match_class(_: &mut Direct, _: usize) -> Flow {
    Flow::HandOver
}
