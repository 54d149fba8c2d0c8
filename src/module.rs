//! The module `_coluber`, on which the Python package `coluber` stands.
//!
//! Built into the executable and exported by the extension module. It only translates between Python and `start`/`wire`.

use std::ffi::{CStr, CString, c_char};
use std::ptr;

use crate::python::{self, METH_NOARGS, PyCFunction, PyMethodDef, PyModuleDef, PyObject};
use crate::start::{Refusal, start};
use crate::wire;

/// A table that C reads and never writes, so it may be shared.
struct Shared<T>(T);
// SAFETY: the tables below hold pointers to constants only.
unsafe impl<T> Sync for Shared<T> {}

const fn method(name: &'static CStr, function: PyCFunction, doc: &'static CStr) -> PyMethodDef {
    PyMethodDef { name: name.as_ptr(), function: Some(function), flags: METH_NOARGS, doc: doc.as_ptr() }
}

static METHODS: Shared<[PyMethodDef; 4]> = Shared([
    method(c"enable", enable, c"Install the evaluator, or switch the JIT on again."),
    method(c"disable", disable, c"Stop compiling and entering compiled code."),
    method(c"stats", stats, c"The statistics as JSON text."),
    PyMethodDef { name: ptr::null(), function: None, flags: 0, doc: ptr::null() },
]);

/// Python keeps a count and an index in it, so it must be writable.
static mut DEFINITION: PyModuleDef = PyModuleDef {
    refcnt: 1,
    ob_type: ptr::null(),
    init: ptr::null(),
    index: 0,
    copy: ptr::null(),
    name: c"_coluber".as_ptr(),
    doc: c"Coluber's control functions; use the package coluber.".as_ptr(),
    size: -1,
    methods: METHODS.0.as_ptr(),
    slots: ptr::null(),
    traverse: ptr::null(),
    clear: ptr::null(),
    free: ptr::null(),
};

const VERSION: &CStr = match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
    Ok(text) => text,
    Err(_) => panic!("the version holds no NUL"),
};

/// The import system's entry. Answers a new reference, or null with an exception set.
///
/// # Safety
/// Called by Python's import system, which holds the GIL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyInit__coluber() -> *mut PyObject {
    // SAFETY: the definition is static and the GIL serializes all who write to it.
    let module = unsafe { python::PyModule_Create2(&raw mut DEFINITION, python::PYTHON_API_VERSION) };
    if !module.is_null() {
        // SAFETY: the GIL is held, the module is new; where this fails the exception is reported at its first use.
        unsafe { python::PyModule_AddStringConstant(module, c"__version__".as_ptr(), VERSION.as_ptr()) };
    }
    module
}

/// A new reference to `None`.
fn none() -> *mut PyObject {
    // SAFETY: called from a module function only, so the GIL is held; `None` is a static object.
    unsafe { python::Py_NewRef(&raw mut python::_Py_NoneStruct) }
}

unsafe extern "C" fn enable(_module: *mut PyObject, _args: *mut PyObject) -> *mut PyObject {
    // SAFETY: Python calls with the GIL held.
    match unsafe { start() } {
        Ok(()) => none(),
        // SAFETY: the exception types are static objects, initialized before any module is.
        Err(Refusal::Option(message)) => raise(unsafe { python::PyExc_ValueError }, message),
        // SAFETY: as above.
        Err(Refusal::Python(message)) => raise(unsafe { python::PyExc_RuntimeError }, message),
    }
}

unsafe extern "C" fn disable(_module: *mut PyObject, _args: *mut PyObject) -> *mut PyObject {
    wire::set_enabled(false);
    none()
}

unsafe extern "C" fn stats(_module: *mut PyObject, _args: *mut PyObject) -> *mut PyObject {
    let text = wire::statistics().to_string();
    // SAFETY: the GIL is held; the text is valid UTF-8 of this length.
    unsafe { python::PyUnicode_FromStringAndSize(text.as_ptr().cast::<c_char>(), text.len().cast_signed()) }
}

fn raise(kind: *mut PyObject, message: String) -> *mut PyObject {
    let message = CString::new(message.replace('\0', " ")).expect("NULs were replaced");
    // SAFETY: called from a module function only, so the GIL is held; Python copies the message.
    unsafe { python::PyErr_SetString(kind, message.as_ptr()) };
    ptr::null_mut()
}
