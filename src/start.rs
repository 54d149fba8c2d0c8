//! Switching Coluber on inside an initialized Python: its version, our options, the log, the evaluator, the final report.
//!
//! Called by `executable.rs` after Python's initialization and by `coluber.jit.enable()`. It must not assume that the process is
//! ours: in the extension module's case it isn't.

use std::borrow::Cow;
use std::ffi::CStr;
use std::ptr;
use std::sync::OnceLock;

use capi::sys::{self, PyObject};

use crate::options::{Options, StatsTarget};
use crate::{report, wire};

static OPTIONS: OnceLock<Options> = OnceLock::new();
static PROCESS: OnceLock<u32> = OnceLock::new();

/// Why Coluber can't be switched on.
pub enum Refusal {
    /// An option is unknown or malformed.
    Option(String),
    /// This isn't a Python that we know.
    Python(String),
}

/// Whose process it is.
#[derive(Clone, Copy, PartialEq)]
pub enum Host {
    /// Ours: the executable's.
    Executable,
    /// That of a Python which loaded the extension module.
    Other,
}

/// Reads the options and installs the evaluator; the second time it only switches the JIT on again.
///
/// # Errors
/// `Refusal`, with one line for the user; nothing was changed.
///
/// # Safety
/// The caller holds the GIL of an initialized Python.
pub unsafe fn start(host: Host) -> Result<(), Refusal> {
    if OPTIONS.get().is_some() {
        wire::set_enabled(true);
        return Ok(());
    }
    // Without it nothing is recorded, and it is tried again.
    allocator::set_aside();
    check_version().map_err(Refusal::Python)?;
    // SAFETY: a plain C int, written during initialization only.
    let ignore_environment = unsafe { sys::Py_IgnoreEnvironmentFlag } != 0;
    let environment = std::env::vars_os().filter(|_| !ignore_environment);
    // Names and values that aren't text can't be ours; a lossy value can only make an option malformed.
    let environment = environment
        .map(|(name, value)| (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned()));
    // SAFETY: the GIL is held (contract of this function).
    let xoptions = unsafe { xoptions() };
    let options = Options::read(environment, xoptions.into_iter()).map_err(Refusal::Option)?;
    start_log(ignore_environment);
    let ours = host == Host::Executable;
    // Whoever made the executable let the same Python load this library as an extension module (tools/place-executable).
    let known = ours && version_text() == env!("COLUBER_BASE_BUILD");
    // SAFETY: the GIL is held (contract of this function).
    unsafe { wire::install(&options, known) }.map_err(Refusal::Python)?;
    if options.stats.is_some() || options.dump.is_some() {
        // SAFETY: `report_at_exit` calls no Python, as an exit function must not. The call fails only where all 32
        // places are taken; then there is no report.
        unsafe { sys::Py_AtExit(Some(report_at_exit)) };
    }
    PROCESS.get_or_init(std::process::id);
    OPTIONS.get_or_init(|| options);
    Ok(())
}

/// Refuses a libpython of another version than the one this was built for, e.g. by a changed library path.
///
/// # Errors
/// One line for the user.
pub fn check_version() -> Result<(), String> {
    let text = version_text();
    let version = text.split(' ').next().unwrap_or("?");
    let built = env!("COLUBER_BASE_VERSION");
    if version.starts_with("3.11.") {
        return Ok(());
    }
    Err(format!("this build is for Python 3.11 (built with {built}), but the loaded libpython is {version}"))
}

/// `sys.version`: the number, when and with what this Python was built.
fn version_text() -> Cow<'static, str> {
    // SAFETY: answers a static, NUL-terminated string and may be called at any time, even before initialization.
    unsafe { CStr::from_ptr(sys::Py_GetVersion()) }.to_string_lossy()
}

/// `sys._xoptions`: each name with its value, or without where none was given.
///
/// # Safety
/// The caller holds the GIL.
unsafe fn xoptions() -> Vec<(String, Option<String>)> {
    let mut pairs = Vec::new();
    let (mut position, mut key, mut value) = (0, ptr::null_mut(), ptr::null_mut());
    // SAFETY: the GIL is held (contract); the answer is a borrowed dictionary or null.
    let dict = unsafe { sys::PySys_GetXOptions() };
    // SAFETY: `dict` is a dictionary that nobody changes meanwhile; key and value are borrowed from it.
    while !dict.is_null() && unsafe { sys::PyDict_Next(dict, &mut position, &mut key, &mut value) } != 0 {
        // SAFETY: key and value are live objects, borrowed from the dictionary.
        if let Some(name) = unsafe { text(key) } {
            // SAFETY: as above.
            pairs.push((name, unsafe { text(value) }));
        }
    }
    pairs
}

/// The text of a `str`; `None` of anything else.
///
/// # Safety
/// `object` is a live object and the caller holds the GIL.
unsafe fn text(object: *mut PyObject) -> Option<String> {
    let mut size = 0;
    // SAFETY: contract of this function; the characters live as long as the object, which outlives this call.
    let characters = unsafe { sys::PyUnicode_AsUTF8AndSize(object, &mut size) };
    if characters.is_null() {
        // SAFETY: the GIL is held; the error of a non-`str` is ours to drop.
        unsafe { sys::PyErr_Clear() };
        return None;
    }
    // SAFETY: Python answered the address of `size` bytes of UTF-8.
    let bytes = unsafe { std::slice::from_raw_parts(characters.cast::<u8>(), size.unsigned_abs()) };
    Some(String::from_utf8_lossy(bytes).into_owned())
}

/// `COLUBER_LOG` is an env_logger filter such as `debug` or `tracer=trace`; warnings are shown without it.
fn start_log(ignore_environment: bool) {
    let filter = std::env::var("COLUBER_LOG").ok().filter(|text| !text.is_empty() && !ignore_environment);
    let mut builder = env_logger::Builder::new();
    builder.parse_filters(filter.as_deref().unwrap_or("warn"));
    // Another extension module written in Rust can't have set our copy of `log`; an error means a second call.
    let _ = builder.try_init();
}

unsafe extern "C" fn report_at_exit() {
    wire::finish_dump();
    let Some(target) = OPTIONS.get().and_then(|options| options.stats.as_ref()) else { return };
    // A forked child must not write over its parent's file.
    let forked = PROCESS.get() != Some(&std::process::id());
    if forked && !matches!(target, StatsTarget::File(file) if file.to_string_lossy().contains("%p")) {
        return;
    }
    report::write(&wire::statistics(), target);
}
