//! `CALL` of C functions, method descriptors and types by their own C functions, without CPython's dispatcher between
//! (what CPython's own specialised instructions do).

use capi::refs::{new_ref, type_of};
use capi::sys::{self, PyObject, PyTypeObject};
use std::mem::transmute;
use std::ptr;

/// The calling conventions among a method's flags.
/// METH_METHOD is among them: such functions also get their class, which is none of the shapes here.
const CONVENTION: u32 = sys::METH_VARARGS
    | sys::METH_FASTCALL
    | sys::METH_NOARGS
    | sys::METH_O
    | sys::METH_KEYWORDS
    | sys::METH_METHOD;
const FASTCALL_KEYWORDS: u32 = sys::METH_FASTCALL | sys::METH_KEYWORDS;

type OneArgument = unsafe extern "C" fn(*mut PyObject, *mut PyObject) -> *mut PyObject;
type Fast = unsafe extern "C" fn(*mut PyObject, *const *mut PyObject, isize) -> *mut PyObject;
type FastKeywords =
    unsafe extern "C" fn(*mut PyObject, *const *mut PyObject, isize, *mut PyObject) -> *mut PyObject;

/// The result (owned, or null with an exception) of calling what has no keywords; `None` when it is none of the kinds known
/// here, and nothing was done. Nothing is consumed.
///
/// # Safety
/// `callable` is live, `args` are `nargs` live objects, `tstate` is the running thread's.
#[inline(always)]
pub(super) unsafe fn call(
    tstate: *mut sys::PyThreadState,
    callable: *mut PyObject,
    args: *mut *mut PyObject,
    nargs: usize,
) -> Option<*mut PyObject> {
    // SAFETY: by contract; layouts are used after the type was asked.
    unsafe {
        let ty = type_of(callable);
        if ty == &raw mut sys::PyCFunction_Type {
            let function = callable.cast::<sys::PyCFunctionObject>();
            let definition = (*function).m_ml;
            let this = if (*definition).ml_flags as u32 & sys::METH_STATIC != 0 {
                ptr::null_mut()
            } else {
                (*function).m_self
            };
            convention(definition, this, args, nargs, tstate)
        } else if ty == &raw mut sys::PyMethodDescr_Type && nargs >= 1 {
            let descriptor = callable.cast::<sys::PyMethodDescrObject>();
            let this = *args;
            if type_of(this) != (*descriptor).d_common.d_type {
                return None;
            }
            convention((*descriptor).d_method, this, args.add(1), nargs - 1, tstate)
        } else if ty == &raw mut sys::PyType_Type {
            call_type(callable.cast(), args, nargs)
        } else {
            None
        }
    }
}

/// Calls by the convention of a method definition.
#[inline(always)]
unsafe fn convention(
    definition: *mut sys::PyMethodDef,
    this: *mut PyObject,
    args: *mut *mut PyObject,
    nargs: usize,
    tstate: *mut sys::PyThreadState,
) -> Option<*mut PyObject> {
    // SAFETY: the flags say what type the function has.
    unsafe {
        let function = (*definition).ml_meth?;
        match (*definition).ml_flags as u32 & CONVENTION {
            sys::METH_O if nargs == 1 => one_argument(tstate, function, this, *args),
            sys::METH_NOARGS if nargs == 0 => one_argument(tstate, function, this, ptr::null_mut()),
            sys::METH_FASTCALL => Some(transmute::<OneArgument, Fast>(function)(this, args, nargs as isize)),
            FASTCALL_KEYWORDS => Some(transmute::<OneArgument, FastKeywords>(function)(
                this,
                args,
                nargs as isize,
                ptr::null_mut(),
            )),
            _ => None,
        }
    }
}

/// These count as a level of recursion.
#[inline(always)]
unsafe fn one_argument(
    tstate: *mut sys::PyThreadState,
    function: OneArgument,
    this: *mut PyObject,
    arg: *mut PyObject,
) -> Option<*mut PyObject> {
    // SAFETY: by the caller.
    unsafe {
        if (*tstate).recursion_remaining <= 1 {
            return None;
        }
        (*tstate).recursion_remaining -= 1;
        let result = function(this, arg);
        (*tstate).recursion_remaining += 1;
        Some(result)
    }
}

/// `type(x)`, `str(x)`, `tuple(x)`, and types with a vectorcall of their own.
#[inline(always)]
unsafe fn call_type(
    class: *mut PyTypeObject,
    args: *mut *mut PyObject,
    nargs: usize,
) -> Option<*mut PyObject> {
    // SAFETY: a type object; live arguments.
    unsafe {
        if nargs == 1 {
            if class == &raw mut sys::PyType_Type {
                return Some(new_ref(type_of(*args).cast()));
            }
            if class == &raw mut sys::PyUnicode_Type {
                return Some(sys::PyObject_Str(*args));
            }
            if class == &raw mut sys::PyTuple_Type {
                return Some(sys::PySequence_Tuple(*args));
            }
        }
        let vectorcall = (*class).tp_vectorcall?;
        let result = vectorcall(class.cast(), args, nargs, ptr::null_mut());
        Some(sys::_Py_CheckFunctionResult(sys::PyThreadState_Get(), class.cast(), result, ptr::null()))
    }
}
