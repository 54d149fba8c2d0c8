//! The declarations of the C API that starting Python takes: the executable's alone.
//!
//! Used by `main.rs` and `frozen.rs`.

use std::ffi::{c_char, c_int, c_uchar, c_ulong, c_void};

use crate::python::PyObject;

/// `PyStatus`: what an initialization function answers.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct PyStatus {
    kind: c_int,
    func: *const c_char,
    err_msg: *const c_char,
    pub exitcode: c_int,
}

#[repr(C)]
pub struct PyWideStringList {
    pub length: isize,
    pub items: *mut *mut i32,
}

/// `PyConfig` of 3.11, in the header's order.
#[repr(C)]
pub struct PyConfig {
    config_init: c_int,
    isolated: c_int,
    use_environment: c_int,
    dev_mode: c_int,
    install_signal_handlers: c_int,
    use_hash_seed: c_int,
    hash_seed: c_ulong,
    faulthandler: c_int,
    tracemalloc: c_int,
    import_time: c_int,
    code_debug_ranges: c_int,
    show_ref_count: c_int,
    dump_refs: c_int,
    dump_refs_file: *mut i32,
    malloc_stats: c_int,
    filesystem_encoding: *mut i32,
    filesystem_errors: *mut i32,
    pycache_prefix: *mut i32,
    parse_argv: c_int,
    orig_argv: PyWideStringList,
    argv: PyWideStringList,
    xoptions: PyWideStringList,
    warnoptions: PyWideStringList,
    site_import: c_int,
    bytes_warning: c_int,
    warn_default_encoding: c_int,
    inspect: c_int,
    interactive: c_int,
    optimization_level: c_int,
    parser_debug: c_int,
    write_bytecode: c_int,
    verbose: c_int,
    quiet: c_int,
    user_site_directory: c_int,
    configure_c_stdio: c_int,
    buffered_stdio: c_int,
    stdio_encoding: *mut i32,
    stdio_errors: *mut i32,
    check_hash_pycs_mode: *mut i32,
    use_frozen_modules: c_int,
    safe_path: c_int,
    pathconfig_warnings: c_int,
    program_name: *mut i32,
    pythonpath_env: *mut i32,
    home: *mut i32,
    platlibdir: *mut i32,
    module_search_paths_set: c_int,
    module_search_paths: PyWideStringList,
    stdlib_dir: *mut i32,
    executable: *mut i32,
    base_executable: *mut i32,
    pub prefix: *mut i32,
    base_prefix: *mut i32,
    pub exec_prefix: *mut i32,
    base_exec_prefix: *mut i32,
    skip_source_first_line: c_int,
    run_command: *mut i32,
    run_module: *mut i32,
    run_filename: *mut i32,
    install_importlib: c_int,
    init_main: c_int,
    isolated_interpreter: c_int,
    is_python_build: c_int,
}

/// `struct _frozen`: a module whose marshalled code is part of the executable. The last entry of a table is all null.
#[repr(C)]
pub struct Frozen {
    pub name: *const c_char,
    pub code: *const c_uchar,
    pub size: c_int,
    pub is_package: c_int,
    pub get_code: *const c_void,
}

unsafe extern "C" {
    pub static mut PyImport_FrozenModules: *const Frozen;
    pub fn PyConfig_InitPythonConfig(config: *mut PyConfig);
    pub fn PyConfig_SetBytesArgv(config: *mut PyConfig, argc: isize, argv: *const *const c_char) -> PyStatus;
    pub fn PyConfig_SetBytesString(
        config: *mut PyConfig,
        field: *mut *mut i32,
        value: *const c_char,
    ) -> PyStatus;
    pub fn PyConfig_Clear(config: *mut PyConfig);
    pub fn PyStatus_Exception(status: PyStatus) -> c_int;
    pub fn PyStatus_IsExit(status: PyStatus) -> c_int;
    pub fn PyImport_AppendInittab(
        name: *const c_char,
        init: unsafe extern "C" fn() -> *mut PyObject,
    ) -> c_int;
    pub fn Py_InitializeFromConfig(config: *const PyConfig) -> PyStatus;
    pub fn Py_ExitStatusException(status: PyStatus) -> !;
    pub fn Py_RunMain() -> c_int;
    pub fn Py_FinalizeEx() -> c_int;
    /// C's own: null flushes every stream.
    pub fn fflush(stream: *mut c_void) -> c_int;
}
