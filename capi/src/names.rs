//! The str objects that CPython keeps for its own names (`_Py_ID`), such as `__name__`: always alive, interned, hashed.
//!
//! ```ignore
//! let name = id!(___name__);      // borrowed; the declarations put an underscore before each name
//! ```

/// The address of CPython's own str of this name (borrowed, of the runtime).
#[macro_export]
macro_rules! id {
    ($name:ident) => {
        (&raw mut $crate::sys::_PyRuntime)
            .wrapping_byte_add(::std::mem::offset_of!(
                $crate::sys::_PyRuntimeState,
                global_objects.singletons.strings.identifiers.$name
            ))
            .cast::<$crate::sys::PyObject>()
    };
}
