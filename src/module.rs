//! The module `_coluber`, on which the Python package `coluber` stands.
//!
//! Built into the executable and exported by the extension module. It only translates between Python and `start`/`wire`.

use std::ffi::{CStr, CString, c_char};
use std::ptr;

use capi::sys::{self, PyMethodDef, PyModuleDef, PyModuleDef_Base, PyObject};

use crate::start::{Host, Refusal, start};
use crate::{memory, wire};

/// A table that C reads and never writes, so it may be shared.
struct Shared<T>(T);
// SAFETY: the tables below hold pointers to constants only.
unsafe impl<T> Sync for Shared<T> {}

type Function = unsafe extern "C" fn(*mut PyObject, *mut PyObject) -> *mut PyObject;

const fn method(name: &'static CStr, function: Function, doc: &'static CStr) -> PyMethodDef {
    let flags = sys::METH_NOARGS.cast_signed();
    PyMethodDef { ml_name: name.as_ptr(), ml_meth: Some(function), ml_flags: flags, ml_doc: doc.as_ptr() }
}

static METHODS: Shared<[PyMethodDef; 5]> = Shared([
    method(c"enable", enable, c"Install the evaluator, or switch the JIT on again."),
    method(c"disable", disable, c"Stop compiling and entering compiled code."),
    method(c"stats", stats, c"The statistics as JSON text."),
    PyMethodDef {
        ml_flags: sys::METH_VARARGS.cast_signed(),
        ..method(
            c"fail_allocations",
            fail_allocations,
            c"fail_allocations(first, last): Coluber's own allocations with these numbers, counted from 1, find no memory; 0, 0 for none and to \
              stop counting. Returns how many there were since the last call, and blocks made less blocks freed. For tests.",
        )
    },
    PyMethodDef { ml_name: ptr::null(), ml_meth: None, ml_flags: 0, ml_doc: ptr::null() },
]);

/// Python keeps a count and an index in it, so it must be writable.
static mut DEFINITION: PyModuleDef = PyModuleDef {
    // What the headers call PyModuleDef_HEAD_INIT.
    m_base: PyModuleDef_Base {
        ob_base: PyObject { ob_refcnt: 1, ob_type: ptr::null_mut() },
        m_init: None,
        m_index: 0,
        m_copy: ptr::null_mut(),
    },
    m_name: c"_coluber".as_ptr(),
    m_doc: c"Coluber's control functions; use the package coluber.".as_ptr(),
    m_size: -1,
    m_methods: METHODS.0.as_ptr().cast_mut(),
    m_slots: ptr::null_mut(),
    m_traverse: None,
    m_clear: None,
    m_free: None,
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
    let module = unsafe { sys::PyModule_Create2(&raw mut DEFINITION, sys::PYTHON_API_VERSION.cast_signed()) };
    if !module.is_null() {
        // SAFETY: the GIL is held, the module is new; where this fails the exception is reported at its first use.
        unsafe { sys::PyModule_AddStringConstant(module, c"__version__".as_ptr(), VERSION.as_ptr()) };
    }
    module
}

/// A new reference to `None`.
fn none() -> *mut PyObject {
    // SAFETY: called from a module function only, so the GIL is held; `None` is a static object.
    unsafe { sys::Py_NewRef(&raw mut sys::_Py_NoneStruct) }
}

unsafe extern "C" fn enable(_module: *mut PyObject, _args: *mut PyObject) -> *mut PyObject {
    memory::begin();
    // SAFETY: Python calls with the GIL held.
    match unsafe { start(Host::Other) } {
        Ok(()) => none(),
        // SAFETY: the exception types are static objects, initialized before any module is.
        Err(Refusal::Option(message)) => raise(unsafe { sys::PyExc_ValueError }, message),
        // SAFETY: as above.
        Err(Refusal::Python(message)) => raise(unsafe { sys::PyExc_RuntimeError }, message),
    }
}

unsafe extern "C" fn disable(_module: *mut PyObject, _args: *mut PyObject) -> *mut PyObject {
    wire::set_enabled(false);
    none()
}

unsafe extern "C" fn stats(_module: *mut PyObject, _args: *mut PyObject) -> *mut PyObject {
    let text = wire::statistics().to_string();
    // SAFETY: the GIL is held; the text is valid UTF-8 of this length.
    unsafe { sys::PyUnicode_FromStringAndSize(text.as_ptr().cast::<c_char>(), text.len().cast_signed()) }
}

unsafe extern "C" fn fail_allocations(_module: *mut PyObject, args: *mut PyObject) -> *mut PyObject {
    let (mut first, mut last) = (0u64, 0u64);
    // SAFETY: the GIL is held; the format asks for two numbers of this size.
    if unsafe { sys::PyArg_ParseTuple(args, c"KK".as_ptr(), &raw mut first, &raw mut last) } == 0 {
        return ptr::null_mut();
    }
    let counted = allocator::failing::set(first, last);
    // SAFETY: the GIL is held; the format makes a tuple of two such numbers.
    unsafe { sys::Py_BuildValue(c"(KL)".as_ptr(), counted.allocations, counted.alive) }
}

fn raise(kind: *mut PyObject, message: String) -> *mut PyObject {
    let message = CString::new(message.replace('\0', " ")).expect("NULs were replaced");
    // SAFETY: called from a module function only, so the GIL is held; Python copies the message.
    unsafe { sys::PyErr_SetString(kind, message.as_ptr()) };
    ptr::null_mut()
}
