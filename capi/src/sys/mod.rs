//! CPython 3.11's C declarations, as bindgen read them from the headers (`bindgen/regenerate`); checked in. Only symbols that stock
//! builds export. `tests/layouts.rs` compares the layouts with the headers of the Python in use.

#[allow(
    non_camel_case_types,
    non_snake_case,
    non_upper_case_globals,
    dead_code,
    missing_docs,
    improper_ctypes,
    unnecessary_transmutes,
    unsafe_op_in_unsafe_fn,
    clippy::all,
    clippy::undocumented_unsafe_blocks
)]
mod bindings;
pub use bindings::*;

// Of marshal.h, whose other declarations would bring C's streams with them.
unsafe extern "C" {
    /// An object from its marshalled form: a new reference, or null with an exception set.
    pub fn PyMarshal_ReadObjectFromString(data: *const core::ffi::c_char, len: Py_ssize_t) -> *mut PyObject;
}
