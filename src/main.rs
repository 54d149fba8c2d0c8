//! The executable `coluber`: python's own command line, with Coluber's evaluator installed.
//!
//! Python parses the command line, finds its paths and runs the program (`Py_RunMain`); we say where the base Python is,
//! add our modules, and switch Coluber on before the program starts. C's `main` and not Rust's, since Rust's would ignore
//! SIGPIPE and handle SIGSEGV before Python looks at them, and a program can see that.

#![cfg_attr(not(test), no_main)]
#![cfg_attr(test, allow(dead_code))] // the test harness brings its own main

mod frozen;
mod memory;
mod module;
mod options;
mod report;
mod start;
mod version;
mod wire;

use std::ffi::{CStr, CString, c_char, c_int};
use std::mem::MaybeUninit;

use capi::sys::{self, PyConfig, PyStatus, wchar_t};
use start::Refusal;

// The unwinder, which only backtraces of panics need: linked in, so that no process has to load it.
#[cfg(static_libgcc)]
#[link(name = "gcc_eh", kind = "static", modifiers = "-bundle")]
unsafe extern "C" {}
#[cfg(static_libgcc)]
#[link(name = "gcc", kind = "static", modifiers = "-bundle")]
unsafe extern "C" {}

/// The status of a command line that can't be understood, as Python's own.
const USAGE: c_int = 2;

#[cfg_attr(not(test), unsafe(export_name = "main"))]
extern "C" fn c_main(argc: c_int, argv: *const *const c_char) -> c_int {
    if let Err(message) = start::check_version() {
        eprintln!("coluber: {message}");
        return 1;
    }
    // SAFETY: C hands over `argc` NUL-terminated strings that live as long as the process.
    let arguments = unsafe { arguments(argc, argv) };
    // SAFETY: nothing of Python ran before; this is its only thread.
    if let Err(status) = unsafe { initialize(argc, argv) } {
        // SAFETY: the status came from Python just now.
        if unsafe { sys::PyStatus_IsExit(status) } != 0 && status.exitcode == 0 {
            // SAFETY: flushes all streams; Python has printed its part by C's.
            unsafe { libc::fflush(std::ptr::null_mut()) };
            print!("{}", version::after_pythons_own(&arguments));
        }
        // SAFETY: the status is an exit or an error, as this function demands.
        unsafe { sys::Py_ExitStatusException(status) };
    }
    // SAFETY: Python is initialized and this thread holds its GIL.
    let started = unsafe { start::start(Some(memory::drop_idle)) };
    if let Err(Refusal::Option(message) | Refusal::Python(message)) = started {
        eprintln!("coluber: {message}");
        // SAFETY: Python is initialized and this thread holds its GIL.
        unsafe { sys::Py_FinalizeEx() };
        return USAGE;
    }
    memory::note_objects();
    // SAFETY: Python is initialized; this runs the program and finalizes.
    unsafe { sys::Py_RunMain() }
}

/// The command line as text; what isn't UTF-8 can't be one of the options that we look for.
///
/// # Safety
/// `argv` holds `argc` NUL-terminated strings.
unsafe fn arguments(argc: c_int, argv: *const *const c_char) -> Vec<String> {
    // SAFETY: contract of this function.
    let pointers = (0..argc.unsigned_abs() as usize).map(|index| unsafe { *argv.add(index) });
    // SAFETY: contract of this function.
    pointers.map(|argument| unsafe { CStr::from_ptr(argument) }.to_string_lossy().into_owned()).collect()
}

/// Initializes Python as its own `main` would, except that the base Python's prefix is told instead of searched upwards
/// from the executable. PYTHONHOME and a venv's `pyvenv.cfg` keep their say.
///
/// # Safety
/// Called once, before any other use of Python; `argv` holds `argc` NUL-terminated strings.
unsafe fn initialize(argc: c_int, argv: *const *const c_char) -> Result<(), PyStatus> {
    frozen::register();
    // SAFETY: before initialization, as this function demands. It fails only for want of memory; then the import does.
    unsafe { sys::PyImport_AppendInittab(c"_coluber".as_ptr(), Some(module::PyInit__coluber)) };
    let mut config = MaybeUninit::<PyConfig>::uninit();
    let config = config.as_mut_ptr();
    // SAFETY: fills the whole structure.
    unsafe { sys::PyConfig_InitPythonConfig(config) };
    // SAFETY: the configuration is initialized; its strings are Python's until PyConfig_Clear; argv per contract.
    let status = unsafe {
        let set = |field: *mut *mut wchar_t, value: &str| {
            let value = CString::new(value).expect("a path holds no NUL");
            checked(sys::PyConfig_SetBytesString(config, field, value.as_ptr()))
        };
        checked(sys::PyConfig_SetBytesArgv(config, argc as isize, argv.cast()))
            .and_then(|()| set(&raw mut (*config).prefix, env!("COLUBER_BASE_PREFIX")))
            .and_then(|()| set(&raw mut (*config).exec_prefix, env!("COLUBER_BASE_EXEC_PREFIX")))
            .and_then(|()| checked(sys::Py_InitializeFromConfig(config)))
    };
    // SAFETY: initialized above.
    unsafe { sys::PyConfig_Clear(config) };
    status
}

fn checked(status: PyStatus) -> Result<(), PyStatus> {
    // SAFETY: looks at the value only.
    if unsafe { sys::PyStatus_Exception(status) } != 0 { Err(status) } else { Ok(()) }
}
