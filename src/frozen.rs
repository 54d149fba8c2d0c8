//! The Python package `coluber` as frozen modules of the executable: importable everywhere, under -I and in any venv.
//!
//! Called by `executable.rs` before Python is initialized. `build.rs` compiles the sources in `lib-python` with the base Python.

use std::ffi::{CStr, c_int};
use std::ptr;

use capi::sys::{self, _frozen as Frozen};

/// A module's marshalled code.
struct Source {
    name: &'static CStr,
    code: &'static [u8],
    package: bool,
}

include!(concat!(env!("OUT_DIR"), "/frozen.rs"));

/// Adds the modules to those that the import system knows. Call it before Python is initialized.
pub fn register() {
    let mut table: Vec<Frozen> = FROZEN.iter().map(entry).collect();
    table.push(Frozen { name: ptr::null(), code: ptr::null(), size: 0, is_package: 0, get_code: None });
    // SAFETY: no Python thread runs yet; the table is leaked, so it lives as long as Python looks at it.
    unsafe { sys::PyImport_FrozenModules = table.leak().as_ptr() };
}

fn entry(source: &Source) -> Frozen {
    Frozen {
        name: source.name.as_ptr(),
        code: source.code.as_ptr(),
        size: c_int::try_from(source.code.len()).expect("a module's code is small"),
        is_package: c_int::from(source.package),
        get_code: None,
    }
}
