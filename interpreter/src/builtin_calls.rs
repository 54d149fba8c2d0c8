//! `CALL` of C functions, method descriptors and types by their own C functions, without CPython's dispatcher between
//! (what CPython's own specialised instructions do). For threaded handlers only.

use crate::deaths::AtTheEnd;
use crate::direct::Direct;
use crate::machine::Machine;
use capi::refs::{decref, new_ref, type_of};
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

/// What the call gave, or that it is none of ours and nothing was done.
pub enum Called {
    /// Nothing was done.
    Not,
    /// The result is at the top, callable and arguments are gone.
    Done,
    /// The same with an exception, and null at the top.
    Raised,
}

/// Calls the callable under `arg` arguments (no keywords), if it is of a kind known here.
#[inline(always)]
pub unsafe fn call(m: &mut Direct<AtTheEnd>, arg: usize) -> Called {
    // SAFETY: the machine's invariant; layouts are used after the type was asked.
    unsafe {
        let below = usize::from(m.peek(arg + 2).is_null());
        let nargs = arg + 1 - below;
        let callable = m.peek(nargs + 1);
        let args = m.sp.sub(nargs);
        let ty = type_of(callable);
        let result = if ty == &raw mut sys::PyCFunction_Type {
            let function = callable.cast::<sys::PyCFunctionObject>();
            let definition = (*function).m_ml;
            let this = if (*definition).ml_flags as u32 & sys::METH_STATIC != 0 {
                ptr::null_mut()
            } else {
                (*function).m_self
            };
            match convention(definition, this, args, nargs, m.tstate) {
                Some(result) => result,
                None => return Called::Not,
            }
        } else if ty == &raw mut sys::PyMethodDescr_Type && nargs >= 1 {
            let descriptor = callable.cast::<sys::PyMethodDescrObject>();
            let this = *args;
            if type_of(this) != (*descriptor).d_common.d_type {
                return Called::Not;
            }
            match convention((*descriptor).d_method, this, args.add(1), nargs - 1, m.tstate) {
                Some(result) => result,
                None => return Called::Not,
            }
        } else if ty == &raw mut sys::PyType_Type {
            match call_type(callable.cast(), args, nargs) {
                Some(result) => result,
                None => return Called::Not,
            }
        } else {
            return Called::Not;
        };
        // The callable first, then the arguments from the lowest.
        let mut o = args.sub(1);
        while o < m.sp {
            decref(*o);
            o = o.add(1);
        }
        m.shrink(nargs + below);
        m.poke(1, result);
        if result.is_null() { Called::Raised } else { Called::Done }
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
