//! Imports.

use super::{Name, replace_top};
use crate::direct::Direct;
use crate::helpers;
use crate::machine::{Flow, Machine};
use capi::refs::{decref, new_ref};
use capi::sys;
use std::ptr;

static IMPORT: Name = Name::new(c"__import__");

/// `IMPORT_NAME`: level below, list of names above.
#[inline(never)]
pub fn import_name(d: &mut Direct, index: usize) -> Flow {
    // SAFETY: the invariant.
    unsafe {
        let name = super::name(d, index);
        let from_list = d.pop();
        let level = d.peek(1);
        let frame = d.frame;
        let locals = if (*frame).f_locals.is_null() { helpers::none() } else { (*frame).f_locals };
        let function = sys::_PyDict_GetItemWithError((*frame).f_builtins, IMPORT.get());
        let module = if function.is_null() {
            if sys::PyErr_Occurred().is_null() {
                let _ = super::raise(sys::PyExc_ImportError, c"__import__ not found");
            }
            ptr::null_mut()
        } else if function == (*(*d.tstate).interp).import_func {
            let number = sys::_PyLong_AsInt(level);
            if number == -1 && !sys::PyErr_Occurred().is_null() {
                ptr::null_mut()
            } else {
                sys::PyImport_ImportModuleLevelObject(name, (*frame).f_globals, locals, from_list, number)
            }
        } else {
            new_ref(function);
            let args = [name, (*frame).f_globals, locals, from_list, level];
            let module = sys::PyObject_Vectorcall(function, args.as_ptr(), args.len(), ptr::null_mut());
            decref(function);
            module
        };
        let flow = replace_top(d, module);
        decref(from_list);
        flow
    }
}

/// `IMPORT_FROM`: CPython's evaluator does what is not a plain attribute.
#[inline(never)]
pub fn import_from(d: &mut Direct, index: usize) -> Flow {
    let name = super::name(d, index);
    let mut value = ptr::null_mut();
    // SAFETY: the invariant.
    let found = unsafe { sys::_PyObject_LookupAttr(d.peek(1), name, &mut value) };
    match found {
        0 => Flow::HandOver,
        _ => super::push_result(d, value),
    }
}

/// `IMPORT_STAR`: CPython's evaluator does it.
#[inline(never)]
pub fn import_star(_: &mut Direct, _: usize) -> Flow {
    Flow::HandOver
}
