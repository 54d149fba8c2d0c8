//! Types: exact checks, version tags, look-up along the MRO.
//!
//! Called where attribute look-ups are resolved. Never caches anything by itself: a version tag tells its user when what
//! it learnt here has ceased to hold.

use crate::refs::type_of;
use crate::sys::{self, _PyType_Lookup, PyObject, PyTypeObject, PyUnicode_InternFromString};

/// Whether the type of `o` is exactly `ty`.
///
/// # Safety
/// `o` is alive.
#[inline(always)]
pub unsafe fn is_exact(o: *mut PyObject, ty: *const PyTypeObject) -> bool {
    // SAFETY: the caller guarantees a live object.
    unsafe { std::ptr::eq(type_of(o), ty) }
}

macro_rules! exact_checks {
    ($($(#[$doc:meta])* $name:ident = $ty:ident;)*) => {
        $($(#[$doc])*
        ///
        /// # Safety
        /// `o` is alive.
        #[inline(always)]
        pub unsafe fn $name(o: *mut PyObject) -> bool {
            // SAFETY: the caller guarantees a live object.
            unsafe { is_exact(o, &raw const sys::$ty) }
        })*
    };
}

exact_checks! {
    /// Exactly `int`?
    is_int = PyLong_Type;
    /// Exactly `float`?
    is_float = PyFloat_Type;
    /// `True` or `False`?
    is_bool = PyBool_Type;
    /// Exactly `str`?
    is_str = PyUnicode_Type;
    /// Exactly `bytes`?
    is_bytes = PyBytes_Type;
    /// Exactly `list`?
    is_list = PyList_Type;
    /// Exactly `tuple`?
    is_tuple = PyTuple_Type;
    /// Exactly `dict`?
    is_dict = PyDict_Type;
    /// Exactly `set`?
    is_set = PySet_Type;
    /// Exactly `frozenset`?
    is_frozenset = PyFrozenSet_Type;
    /// A slice?
    is_slice = PySlice_Type;
    /// A Python function?
    is_function = PyFunction_Type;
    /// A bound method?
    is_method = PyMethod_Type;
    /// A C function without a defining class?
    is_cfunction = PyCFunction_Type;
    /// A method of a C type, unbound?
    is_method_descriptor = PyMethodDescr_Type;
    /// Exactly `module`?
    is_module = PyModule_Type;
    /// A class whose metaclass is exactly `type`?
    is_plain_class = PyType_Type;
    /// A cell?
    is_cell = PyCell_Type;
    /// Exactly `range`?
    is_range = PyRange_Type;
    /// A code object?
    is_code = PyCode_Type;
    /// A generator (not a coroutine)?
    is_generator = PyGen_Type;
    /// A coroutine?
    is_coroutine = PyCoro_Type;
    /// An async generator?
    is_async_generator = PyAsyncGen_Type;
}

/// Whether the type has one of these `Py_TPFLAGS_…`.
///
/// # Safety
/// `ty` is alive.
#[inline(always)]
pub unsafe fn has_flag(ty: *const PyTypeObject, flag: u32) -> bool {
    // SAFETY: the caller guarantees a live type.
    unsafe { (*ty).tp_flags & u64::from(flag) != 0 }
}

/// `tp_version_tag` while it is valid, else 0. Changes whenever an attribute of the type or of a base changes.
///
/// # Safety
/// `ty` is alive.
#[inline(always)]
pub unsafe fn version(ty: *const PyTypeObject) -> u32 {
    // SAFETY: the caller guarantees a live type.
    unsafe { if has_flag(ty, sys::Py_TPFLAGS_VALID_VERSION_TAG) { (*ty).tp_version_tag } else { 0 } }
}

/// The version of a type, given one if it has none yet. 0 when it can't have one (tags are used up, or `mro()` was
/// replaced). Runs no code.
///
/// # Safety
/// `ty` is alive and ready; the GIL is held.
pub unsafe fn ensure_version(ty: *mut PyTypeObject) -> u32 {
    // SAFETY: the caller guarantees the type. The look-up of a short name assigns the tag as a by-product.
    unsafe {
        if version(ty) == 0 {
            let name = PyUnicode_InternFromString(c"__class__".as_ptr());
            if name.is_null() {
                sys::PyErr_Clear();
                return 0;
            }
            _PyType_Lookup(ty, name);
            crate::refs::decref(name);
        }
        version(ty)
    }
}

/// The attribute `name` along the MRO (borrowed), without descriptors' work; null without an exception when there is none.
///
/// # Safety
/// `ty` is alive; `name` is a live str; the GIL is held.
#[inline]
pub unsafe fn lookup(ty: *mut PyTypeObject, name: *mut PyObject) -> *mut PyObject {
    // SAFETY: the caller guarantees the type and the name.
    unsafe { _PyType_Lookup(ty, name) }
}
