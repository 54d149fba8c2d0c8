//! The few declarations of the C API that defining a module and reading options take.
//!
//! Used by `start.rs` and `module.rs`; those for starting Python are in `embed.rs`. It must hold nothing that a running frame needs: that is `capi`'s.

use std::ffi::{c_char, c_int, c_void};

/// A Python object, only ever seen through a pointer.
#[repr(C)]
pub struct PyObject {
    _private: [u8; 0],
}

pub type PyCFunction = unsafe extern "C" fn(*mut PyObject, *mut PyObject) -> *mut PyObject;

#[repr(C)]
pub struct PyMethodDef {
    pub name: *const c_char,
    pub function: Option<PyCFunction>,
    pub flags: c_int,
    pub doc: *const c_char,
}

/// `PyModuleDef`, its `PyModuleDef_HEAD_INIT` spelled out.
#[repr(C)]
pub struct PyModuleDef {
    pub refcnt: isize,
    pub ob_type: *const c_void,
    pub init: *const c_void,
    pub index: isize,
    pub copy: *const c_void,
    pub name: *const c_char,
    pub doc: *const c_char,
    pub size: isize,
    pub methods: *const PyMethodDef,
    pub slots: *const c_void,
    pub traverse: *const c_void,
    pub clear: *const c_void,
    pub free: *const c_void,
}

pub const METH_NOARGS: c_int = 4;
pub const PYTHON_API_VERSION: c_int = 1013;

unsafe extern "C" {
    pub static mut _Py_NoneStruct: PyObject;
    pub static Py_IgnoreEnvironmentFlag: c_int;
    pub static PyExc_ValueError: *mut PyObject;
    pub static PyExc_RuntimeError: *mut PyObject;

    pub fn Py_AtExit(function: unsafe extern "C" fn()) -> c_int;
    pub fn Py_GetVersion() -> *const c_char;

    pub fn Py_NewRef(object: *mut PyObject) -> *mut PyObject;
    pub fn PyModule_Create2(def: *mut PyModuleDef, api: c_int) -> *mut PyObject;
    pub fn PyModule_AddStringConstant(
        module: *mut PyObject,
        name: *const c_char,
        value: *const c_char,
    ) -> c_int;
    pub fn PyErr_SetString(kind: *mut PyObject, message: *const c_char);
    pub fn PyErr_Clear();
    pub fn PyUnicode_FromStringAndSize(text: *const c_char, size: isize) -> *mut PyObject;
    pub fn PyUnicode_AsUTF8AndSize(object: *mut PyObject, size: *mut isize) -> *const c_char;
    pub fn PySys_GetXOptions() -> *mut PyObject;
    pub fn PyDict_Next(
        dict: *mut PyObject,
        position: *mut isize,
        key: *mut *mut PyObject,
        value: *mut *mut PyObject,
    ) -> c_int;
}
