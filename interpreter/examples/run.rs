//! `python3.11` with our evaluator: the same command line. `COLUBER_HANDOVERS=1` prints the hand-overs at the end.

use interpreter::{evaluate, opcode};
use std::ffi::{CString, c_char};
use std::sync::atomic::Ordering;

extern "C" fn report() {
    let statistics = &evaluate::STATISTICS;
    for (code, count) in statistics.handovers.iter().enumerate() {
        let count = count.load(Ordering::Relaxed);
        if count != 0 {
            eprintln!("handed over at {}: {count}", opcode::NAMES[code]);
        }
    }
}

fn main() {
    let args: Vec<CString> = std::env::args_os()
        .map(|arg| CString::new(std::os::unix::ffi::OsStringExt::into_vec(arg)).expect("no NUL in arguments"))
        .collect();
    let mut argv: Vec<*mut c_char> = args.iter().map(|arg| arg.as_ptr().cast_mut()).collect();
    // SAFETY: the usual start of an embedded Python, on the main thread.
    unsafe {
        let mut config: capi::sys::PyConfig = std::mem::zeroed();
        capi::sys::PyConfig_InitPythonConfig(&mut config);
        let status =
            capi::sys::PyConfig_SetBytesArgv(&mut config, argv.len() as isize, argv.as_mut_ptr().cast());
        if capi::sys::PyStatus_Exception(status) != 0 {
            capi::sys::Py_ExitStatusException(status);
        }
        let status = capi::sys::Py_InitializeFromConfig(&config);
        capi::sys::PyConfig_Clear(&mut config);
        if capi::sys::PyStatus_Exception(status) != 0 {
            capi::sys::Py_ExitStatusException(status);
        }
        assert!(evaluate::install());
        if std::env::var_os("COLUBER_HANDOVERS").is_some() {
            capi::sys::Py_AtExit(Some(report));
        }
        std::process::exit(capi::sys::Py_RunMain());
    }
}
