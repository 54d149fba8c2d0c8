//! Imports.

use super::{push_result, replace_top};
use crate::direct::Direct;
use crate::machine::{Flow, Machine};
use capi::import;
use capi::refs::decref;

/// `IMPORT_NAME`: level below, list of names above.
#[inline(never)]
pub fn import_name(d: &mut Direct, index: usize) -> Flow {
    // SAFETY: the invariant.
    unsafe {
        let name = super::name(d, index);
        let from_list = d.pop();
        let level = d.peek(1);
        let module = import::import_name(d.tstate, d.frame, name, from_list, level);
        let flow = replace_top(d, module);
        decref(from_list);
        flow
    }
}

/// `IMPORT_FROM`
#[inline(never)]
pub fn import_from(d: &mut Direct, index: usize) -> Flow {
    // SAFETY: the invariant.
    let value = unsafe { import::import_from(d.tstate, d.peek(1), super::name(d, index)) };
    push_result(d, value)
}

/// `IMPORT_STAR`: only modules and class bodies have it; those that got a locals dict of their own by `exec` of a function's code
/// (whose locals would have to be merged) are CPython's.
#[inline(never)]
pub fn import_star(d: &mut Direct, _: usize) -> Flow {
    // SAFETY: the invariant.
    unsafe {
        let namespace = (*d.frame).f_locals;
        if namespace.is_null() || (*d.code()).co_nlocalsplus != 0 {
            return Flow::HandOver;
        }
        let module = d.pop();
        let done = import::import_all_from(d.tstate, namespace, module);
        decref(module);
        if done { Flow::Next } else { Flow::Raise }
    }
}
