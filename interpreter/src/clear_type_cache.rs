//! `sys._clear_type_cache()`, while our evaluator is installed: empties the table of attributes that sites share as well.
//!
//! That table holds references to names, as CPython's cache of look-ups in types does, which this function empties. Who calls it wants no
//! count to rest on what was looked up before: CPython's own hunt for leaks does, between its runs.

use crate::warm;
use capi::refs::type_of;
use capi::sys::{self, PyObject};
use std::ffi::CStr;
use std::ptr;

const NAME: &CStr = c"_clear_type_cache";

/// CPython's function; written once, with the GIL held.
static mut ORIGINAL: sys::PyCFunction = None;
/// Its entry in the table of `sys`'s functions, which lives for ever.
static mut DEFINITION: *mut sys::PyMethodDef = ptr::null_mut();

/// Puts ours in the place of CPython's; not where a program has put something else there.
///
/// # Safety
/// The GIL is held.
pub(crate) unsafe fn install() {
    // SAFETY: by contract; the layout is used after the type was asked. Exactly this function is defined by a static table.
    unsafe {
        if DEFINITION.is_null() {
            let function = sys::PySys_GetObject(NAME.as_ptr());
            if function.is_null() || type_of(function) != &raw mut sys::PyCFunction_Type {
                return;
            }
            let definition = (*function.cast::<sys::PyCFunctionObject>()).m_ml;
            if CStr::from_ptr((*definition).ml_name) != NAME
                || (*definition).ml_flags != sys::METH_NOARGS as i32
            {
                return;
            }
            DEFINITION = definition;
            ORIGINAL = (*definition).ml_meth;
        }
        (*DEFINITION).ml_meth = Some(clear);
    }
}

/// Puts CPython's back.
///
/// # Safety
/// The GIL is held.
pub(crate) unsafe fn uninstall() {
    // SAFETY: by contract.
    unsafe {
        if !DEFINITION.is_null() {
            (*DEFINITION).ml_meth = ORIGINAL;
        }
    }
}

/// None (owned), as CPython's.
unsafe extern "C" fn clear(module: *mut PyObject, ignored: *mut PyObject) -> *mut PyObject {
    // SAFETY: CPython calls it with the GIL held and what its own function takes.
    unsafe {
        warm::forget_attributes();
        ORIGINAL.map_or(ptr::null_mut(), |original| original(module, ignored))
    }
}
