//! Class bodies, and names of module and class bodies.

use super::{Name, raise, status};
use crate::direct::Direct;
use crate::helpers;
use crate::machine::{Flow, Machine};
use capi::exceptions;
use capi::refs::{decref, new_ref, type_of};
use capi::sys::{self, PyObject};

static BUILD_CLASS: Name = Name::new(c"__build_class__");
static ANNOTATIONS: Name = Name::new(c"__annotations__");
static DISPLAYHOOK: Name = Name::new(c"displayhook");

/// Looks a name up in a dict or any mapping: a new reference, or null, with an exception other than "missing" set or not.
unsafe fn look_up(namespace: *mut PyObject, name: *mut PyObject) -> *mut PyObject {
    // SAFETY: live objects.
    unsafe {
        if type_of(namespace) == &raw mut sys::PyDict_Type {
            let value = sys::PyDict_GetItemWithError(namespace, name);
            return if value.is_null() { value } else { new_ref(value) };
        }
        let value = sys::PyObject_GetItem(namespace, name);
        if value.is_null() && sys::PyErr_ExceptionMatches(sys::PyExc_KeyError) != 0 {
            sys::PyErr_Clear();
        }
        value
    }
}

/// `LOAD_BUILD_CLASS`
#[inline(never)]
pub fn load_build_class(d: &mut Direct, _: usize) -> Flow {
    // SAFETY: the invariant.
    unsafe {
        let function = look_up((*d.frame).f_builtins, BUILD_CLASS.get());
        if function.is_null() {
            if sys::PyErr_Occurred().is_null() {
                let _ = raise(sys::PyExc_NameError, c"__build_class__ not found");
            }
            return Flow::Raise;
        }
        d.push(function);
    }
    Flow::Next
}

/// `LOAD_CLASSDEREF`: the class body's namespace first, then the cell.
#[inline(never)]
pub fn load_classderef(d: &mut Direct, index: usize) -> Flow {
    // SAFETY: the invariant.
    unsafe {
        let name = *helpers::tuple_items((*d.code()).co_localsplusnames).add(index);
        let mut value = look_up((*d.frame).f_locals, name);
        if value.is_null() {
            if !sys::PyErr_Occurred().is_null() {
                return Flow::Raise;
            }
            value = (*d.local(index).cast::<sys::PyCellObject>()).ob_ref;
            if value.is_null() {
                exceptions::format_exc_unbound(d.tstate, d.code(), index);
                return Flow::Raise;
            }
            new_ref(value);
        }
        d.push(value);
    }
    Flow::Next
}

/// `SETUP_ANNOTATIONS`
#[inline(never)]
pub fn setup_annotations(d: &mut Direct, _: usize) -> Flow {
    // SAFETY: the invariant.
    unsafe {
        let namespace = (*d.frame).f_locals;
        if namespace.is_null() {
            return raise(sys::PyExc_SystemError, c"no locals found when setting up annotations");
        }
        let found = look_up(namespace, ANNOTATIONS.get());
        if !found.is_null() {
            decref(found);
            return Flow::Next;
        }
        if !sys::PyErr_Occurred().is_null() {
            return Flow::Raise;
        }
        let made = sys::PyDict_New();
        if made.is_null() {
            return Flow::Raise;
        }
        let result = sys::PyObject_SetItem(namespace, ANNOTATIONS.get(), made);
        decref(made);
        status(result)
    }
}

/// `DELETE_NAME`
#[inline(never)]
pub fn delete_name(d: &mut Direct, index: usize) -> Flow {
    // SAFETY: the invariant.
    unsafe {
        let name = super::name(d, index);
        let namespace = (*d.frame).f_locals;
        if namespace.is_null() {
            sys::PyErr_Format(sys::PyExc_SystemError, c"no locals when deleting %R".as_ptr(), name);
            return Flow::Raise;
        }
        if sys::PyObject_DelItem(namespace, name) != 0 {
            exceptions::name_error(d.tstate, name);
            return Flow::Raise;
        }
    }
    Flow::Next
}

/// `DELETE_GLOBAL`
#[inline(never)]
pub fn delete_global(d: &mut Direct, index: usize) -> Flow {
    // SAFETY: the invariant.
    unsafe {
        let name = super::name(d, index);
        if sys::PyDict_DelItem((*d.frame).f_globals, name) != 0 {
            if sys::PyErr_ExceptionMatches(sys::PyExc_KeyError) != 0 {
                exceptions::name_error(d.tstate, name);
            }
            return Flow::Raise;
        }
    }
    Flow::Next
}

/// `PRINT_EXPR`
#[inline(never)]
pub fn print_expr(d: &mut Direct, _: usize) -> Flow {
    // SAFETY: the invariant.
    unsafe {
        let value = d.pop();
        let hook = sys::_PySys_GetAttr(d.tstate, DISPLAYHOOK.get());
        if hook.is_null() {
            let _ = raise(sys::PyExc_RuntimeError, c"lost sys.displayhook");
            decref(value);
            return Flow::Raise;
        }
        let result = sys::PyObject_CallOneArg(hook, value);
        decref(value);
        if result.is_null() {
            return Flow::Raise;
        }
        decref(result);
    }
    Flow::Next
}
