//! Whether `tracemalloc` is on: then objects must not be created behind its back.
//!
//! Called by the modules that take objects from free lists or reuse them in place. Only ever reads.

use std::ffi::c_int;

/// `struct _PyTraceMalloc_Config` (Modules/_tracemalloc.c's; declared beside Objects/object.c).
#[repr(C)]
struct Config {
    /// An enum: whether the module was set up.
    initialized: c_int,
    /// Not 0 while on.
    tracing: c_int,
    /// Frames a trace.
    max_nframe: c_int,
}

unsafe extern "C" {
    #[link_name = "_Py_tracemalloc_config"]
    static CONFIG: Config;
}

/// Whether each new object must be reported (`_Py_NewReference` and all that calls it does so).
///
/// # Safety
/// The GIL is held.
#[inline(always)]
pub unsafe fn is_on() -> bool {
    // SAFETY: only changed under the GIL.
    unsafe { (&raw const CONFIG.tracing).read() != 0 }
}
