//! The Python modules `coluber` and `coluber.jit`.
//!
//! Built into the executable and exported by the extension module. They only translate between Python and `start`/`wire`. Both are here and
//! not in Python's files, so that importing them takes one look at the file system.

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::ptr;

use capi::refs::{Owned, new_ref};
use capi::sys::{self, PyMethodDef, PyModuleDef, PyModuleDef_Base, PyModuleDef_Slot, PyObject};

use crate::start::{Host, Refusal, start};
use crate::{memory, wire};

/// A table that C reads and never writes, so it may be shared.
struct Shared<T>(T);
// SAFETY: the tables below hold pointers to constants only.
unsafe impl<T> Sync for Shared<T> {}

type Function = unsafe extern "C" fn(*mut PyObject, *mut PyObject) -> *mut PyObject;

const fn method(name: &'static CStr, function: Function, doc: &'static CStr) -> PyMethodDef {
    let flags = sys::METH_NOARGS.cast_signed();
    PyMethodDef { ml_name: name.as_ptr(), ml_meth: Some(function), ml_flags: flags, ml_doc: doc.as_ptr() }
}

const DOC: &CStr = c"Coluber: Python 3.11 with a tracing JIT.

>>> import coluber
>>> coluber.jit.stats()[\"traces\"]
0";

const JIT_DOC: &CStr = c"Control of the JIT, and what it has done so far.

The options are those of the command line (``-X jit=stress``) and the environment (``COLUBER_JIT=stress``).

>>> from coluber import jit
>>> jit.enable()
>>> jit.stats()[\"bridges\"]
0";

/// The functions of `coluber.jit`. What comes before the line of dashes is the signature.
static FUNCTIONS: Shared<[PyMethodDef; 5]> = Shared([
    method(
        c"enable",
        enable,
        c"enable($module, /)\n--\n\nRun frames that start from now on under Coluber's evaluator.

The ``coluber`` executable starts with this done; after ``disable`` it switches the JIT on again. Raises ``ValueError`` for
an unknown or malformed option, ``RuntimeError`` where this Python is not one that Coluber knows.",
    ),
    method(
        c"disable",
        disable,
        c"disable($module, /)\n--\n\nStop compiling, and stop entering compiled code. Frames go on in the interpreter.",
    ),
    method(
        c"stats",
        stats,
        c"stats($module, /)\n--\n\nA dictionary of what was done since the start; at least ``traces``, ``bridges`` and ``exits``.",
    ),
    PyMethodDef {
        ml_flags: sys::METH_VARARGS.cast_signed(),
        ..method(
            c"_fail_allocations",
            fail_allocations,
            c"_fail_allocations($module, first, last, /)\n--\n\nColuber's own allocations with these numbers, counted from 1, find no memory; 0, 0 for none
and to stop counting. Returns how many there were since the last call, and blocks made less blocks freed. For tests.",
        )
    },
    PyMethodDef { ml_name: ptr::null(), ml_meth: None, ml_flags: 0, ml_doc: ptr::null() },
]);

static SLOTS: Shared<[PyModuleDef_Slot; 2]> = Shared([
    PyModuleDef_Slot { slot: sys::Py_mod_exec.cast_signed(), value: execute as Execute as *mut c_void },
    PyModuleDef_Slot { slot: 0, value: ptr::null_mut() },
]);
type Execute = unsafe extern "C" fn(*mut PyObject) -> c_int;

/// Python keeps a count and an index in it, so it must be writable.
static mut DEFINITION: PyModuleDef = PyModuleDef {
    // What the headers call PyModuleDef_HEAD_INIT.
    m_base: PyModuleDef_Base {
        ob_base: PyObject { ob_refcnt: 1, ob_type: ptr::null_mut() },
        m_init: None,
        m_index: 0,
        m_copy: ptr::null_mut(),
    },
    m_name: c"coluber".as_ptr(),
    m_doc: DOC.as_ptr(),
    m_size: 0,
    m_methods: ptr::null_mut(),
    m_slots: SLOTS.0.as_ptr().cast_mut(),
    m_traverse: None,
    m_clear: None,
    m_free: None,
};

const VERSION: &CStr = match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
    Ok(text) => text,
    Err(_) => panic!("the version holds no NUL"),
};

/// The import system's entry. Answers a borrowed reference to the definition, from which Python makes the module.
///
/// # Safety
/// Called by Python's import system, which holds the GIL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyInit_coluber() -> *mut PyObject {
    // SAFETY: the definition is static and the GIL serializes all who write to it.
    unsafe { sys::PyModuleDef_Init(&raw mut DEFINITION) }
}

/// Fills the module; -1 with an exception set where that fails.
///
/// # Safety
/// Called by Python's import system with the new module `coluber`; the GIL is held.
unsafe extern "C" fn execute(module: *mut PyObject) -> c_int {
    // SAFETY: by contract.
    match unsafe { fill(module) } {
        Some(()) => 0,
        None => -1,
    }
}

/// As [`execute`]. `import coluber.jit` finds the second module where the import system keeps all that were imported.
unsafe fn fill(module: *mut PyObject) -> Option<()> {
    let done = |status: c_int| (status == 0).then_some(());
    // SAFETY: the GIL is held and the module is live (contract of `execute`); the tables and texts are static.
    unsafe {
        done(sys::PyModule_AddStringConstant(module, c"__version__".as_ptr(), VERSION.as_ptr()))?;
        let jit = Owned::from_new(sys::PyModule_New(c"coluber.jit".as_ptr()))?;
        done(sys::PyModule_AddFunctions(jit.as_ptr(), FUNCTIONS.0.as_ptr().cast_mut()))?;
        done(sys::PyModule_SetDocString(jit.as_ptr(), JIT_DOC.as_ptr()))?;
        done(sys::PyModule_AddStringConstant(jit.as_ptr(), c"__package__".as_ptr(), c"coluber".as_ptr()))?;
        done(sys::PyModule_AddObjectRef(module, c"jit".as_ptr(), jit.as_ptr()))?;
        done(sys::PyDict_SetItemString(sys::PyImport_GetModuleDict(), c"coluber.jit".as_ptr(), jit.as_ptr()))
    }
}

/// A new reference to `None`.
fn none() -> *mut PyObject {
    // SAFETY: called from a module function only, so the GIL is held; `None` is a static object.
    unsafe { new_ref(&raw mut sys::_Py_NoneStruct) }
}

unsafe extern "C" fn enable(_module: *mut PyObject, _args: *mut PyObject) -> *mut PyObject {
    memory::begin();
    // SAFETY: Python calls with the GIL held.
    match unsafe { start(Host::Other) } {
        Ok(()) => none(),
        // SAFETY: the exception types are static objects, initialized before any module is.
        Err(Refusal::Option(message)) => raise(unsafe { sys::PyExc_ValueError }, message),
        // SAFETY: as above.
        Err(Refusal::Python(message)) => raise(unsafe { sys::PyExc_RuntimeError }, message),
    }
}

unsafe extern "C" fn disable(_module: *mut PyObject, _args: *mut PyObject) -> *mut PyObject {
    wire::set_enabled(false);
    none()
}

unsafe extern "C" fn stats(_module: *mut PyObject, _args: *mut PyObject) -> *mut PyObject {
    let text = wire::statistics().to_string();
    // SAFETY: Python calls with the GIL held.
    unsafe { parsed(&text) }.map_or(ptr::null_mut(), Owned::into_ptr)
}

/// What `json.loads` makes of a text; `None` with an exception set.
///
/// # Safety
/// The GIL is held.
unsafe fn parsed(json: &str) -> Option<Owned> {
    // SAFETY: by contract; the text is valid UTF-8 of this length.
    unsafe {
        let text = sys::PyUnicode_FromStringAndSize(json.as_ptr().cast::<c_char>(), json.len().cast_signed());
        let text = Owned::from_new(text)?;
        let module = Owned::from_new(sys::PyImport_ImportModule(c"json".as_ptr()))?;
        let loads = Owned::from_new(sys::PyObject_GetAttrString(module.as_ptr(), c"loads".as_ptr()))?;
        Owned::from_new(sys::PyObject_CallOneArg(loads.as_ptr(), text.as_ptr()))
    }
}

unsafe extern "C" fn fail_allocations(_module: *mut PyObject, args: *mut PyObject) -> *mut PyObject {
    let (mut first, mut last) = (0u64, 0u64);
    // SAFETY: the GIL is held; the format asks for two numbers of this size.
    if unsafe { sys::PyArg_ParseTuple(args, c"KK".as_ptr(), &raw mut first, &raw mut last) } == 0 {
        return ptr::null_mut();
    }
    let counted = allocator::failing::set(first, last);
    // SAFETY: the GIL is held; the format makes a tuple of two such numbers.
    unsafe { sys::Py_BuildValue(c"(KL)".as_ptr(), counted.allocations, counted.alive) }
}

fn raise(kind: *mut PyObject, message: String) -> *mut PyObject {
    let message = CString::new(message.replace('\0', " ")).expect("NULs were replaced");
    // SAFETY: called from a module function only, so the GIL is held; Python copies the message.
    unsafe { sys::PyErr_SetString(kind, message.as_ptr()) };
    ptr::null_mut()
}
