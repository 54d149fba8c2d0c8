//! Making functions.

use crate::direct::Direct;
use crate::machine::{Flow, Machine};
use capi::refs::decref;
use capi::sys;

/// `MAKE_FUNCTION`: code at the top, below it what the flags say.
#[inline(never)]
pub fn make_function(d: &mut Direct, flags: usize) -> Flow {
    // SAFETY: the invariant; the fields of a new function are null.
    unsafe {
        let code = d.pop();
        let function = sys::PyFunction_New(code, (*d.frame).f_globals).cast::<sys::PyFunctionObject>();
        decref(code);
        if function.is_null() {
            return Flow::Raise;
        }
        if flags & 8 != 0 {
            (*function).func_closure = d.pop();
        }
        if flags & 4 != 0 {
            (*function).func_annotations = d.pop();
        }
        if flags & 2 != 0 {
            (*function).func_kwdefaults = d.pop();
        }
        if flags & 1 != 0 {
            (*function).func_defaults = d.pop();
        }
        d.push(function.cast());
    }
    Flow::Next
}
