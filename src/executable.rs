//! The executable `coluber`: python's own command line, with Coluber's evaluator installed.
//!
//! The executable is the base Python's own file, with this library added to those that it loads (`tools/make-executable`), so that all
//! of CPython's code is exactly what the user would run otherwise. `start_main` gets control before python's `main` would.
//!
//! Python parses the command line, finds its paths and runs the program (`Py_RunMain`); we say where the base Python is,
//! add our module, and switch Coluber on before the program starts. C's `main` and not Rust's, since Rust's would ignore
//! SIGPIPE and handle SIGSEGV before Python looks at them, and a program can see that.

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::mem::MaybeUninit;

use capi::sys::{self, PyConfig, PyStatus, wchar_t};

use crate::start::{self, Host, Refusal};
use crate::{memory, module, version};

/// The status of a command line that can't be understood, as Python's own.
const USAGE: c_int = 2;

/// C's `main`.
type Main = unsafe extern "C" fn(c_int, *const *const c_char, *const *const c_char) -> c_int;
/// A function that the C library calls at the program's begin or end.
type Hook = Option<unsafe extern "C" fn()>;
/// The C library's function that a program's entry point calls: it prepares the process, runs `main` and exits.
type StartMain =
    unsafe extern "C" fn(Main, c_int, *const *const c_char, Hook, Hook, Hook, *mut c_void) -> c_int;

/// Takes the place of the C library's function of this name for the entry point of the executable, since the dynamic linker finds
/// this library first: the program is ours in place of python's. In an extension module nobody calls it.
///
/// # Safety
/// Called by the entry point of an executable, once, with what the C library's function takes.
#[cfg_attr(not(test), unsafe(export_name = "__libc_start_main"))]
unsafe extern "C" fn start_main(
    _pythons: Main,
    argc: c_int,
    argv: *const *const c_char,
    init: Hook,
    fini: Hook,
    linkers: Hook,
    stack_end: *mut c_void,
) -> c_int {
    // SAFETY: the dynamic linker's own function, with a NUL-terminated name.
    let next = unsafe { libc::dlsym(libc::RTLD_NEXT, c"__libc_start_main".as_ptr()) };
    if next.is_null() {
        eprintln!("coluber: this system's C library has no __libc_start_main");
        std::process::abort();
    }
    // SAFETY: the function of this name has this type, in every C library that has it.
    let next = unsafe { std::mem::transmute::<*mut c_void, StartMain>(next) };
    // SAFETY: what our caller promises for the same arguments.
    unsafe { next(main, argc, argv, init, fini, linkers, stack_end) }
}

/// # Safety
/// Called by the C library as a program's `main`.
unsafe extern "C" fn main(
    argc: c_int,
    argv: *const *const c_char,
    _environment: *const *const c_char,
) -> c_int {
    allocator::set_aside();
    if let Err(message) = start::check_version() {
        eprintln!("coluber: {message}");
        return 1;
    }
    // SAFETY: C hands over `argc` NUL-terminated strings that live as long as the process.
    let arguments = unsafe { arguments(argc, argv) };
    memory::begin();
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
    let started = unsafe { start::start(Host::Executable) };
    if let Err(Refusal::Option(message) | Refusal::Python(message)) = started {
        eprintln!("coluber: {message}");
        // SAFETY: Python is initialized and this thread holds its GIL.
        unsafe { sys::Py_FinalizeEx() };
        return USAGE;
    }
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
    // SAFETY: before initialization, as this function demands. It fails only for want of memory; then the import does.
    unsafe { sys::PyImport_AppendInittab(c"coluber".as_ptr(), Some(module::PyInit_coluber)) };
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
