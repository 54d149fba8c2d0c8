//! Structural pattern matching.

use super::{new_bool, push_result};
use crate::direct::Direct;
use crate::helpers;
use crate::machine::{Flow, Machine};
use capi::matching;
use capi::refs::{decref, has_type_flag, new_ref};
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
    let is = unsafe { has_type_flag(d.peek(1), sys::Py_TPFLAGS_MAPPING) };
    d.push(new_bool(is));
    Flow::Next
}

/// `MATCH_SEQUENCE`
#[inline(never)]
pub fn match_sequence(d: &mut Direct, _: usize) -> Flow {
    // SAFETY: the invariant.
    let is = unsafe { has_type_flag(d.peek(1), sys::Py_TPFLAGS_SEQUENCE) };
    d.push(new_bool(is));
    Flow::Next
}

/// `MATCH_KEYS`: subject below, tuple of keys above; pushes a tuple of values or None.
#[inline(never)]
pub fn match_keys(d: &mut Direct, _: usize) -> Flow {
    // SAFETY: the invariant.
    let values = unsafe { matching::match_keys(d.tstate, d.peek(2), d.peek(1)) };
    push_result(d, values)
}

/// `MATCH_CLASS`: subject, class, tuple of names; leaves a tuple of attributes or None.
#[inline(never)]
pub fn match_class(d: &mut Direct, positional: usize) -> Flow {
    // SAFETY: the invariant.
    unsafe {
        let names = d.pop();
        let class = d.pop();
        let subject = d.peek(1);
        let mut attributes = matching::match_class(d.tstate, subject, class, positional, names);
        decref(names);
        decref(class);
        if attributes.is_null() {
            if !sys::PyErr_Occurred().is_null() {
                return Flow::Raise;
            }
            attributes = new_ref(helpers::none());
        }
        d.poke(1, attributes);
        decref(subject);
    }
    Flow::Next
}
