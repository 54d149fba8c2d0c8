//! An embedded Python for tests. The tests of one program share it and take turns by its GIL.

use capi::refs::Owned;
use capi::sys::*;
use std::ffi::CString;
use std::sync::Once;

/// Runs `body` with the GIL held, in an initialized Python that passed the start-up check.
#[allow(dead_code)]
pub fn with_python<R>(body: impl FnOnce() -> R) -> R {
    static START: Once = Once::new();
    START.call_once(|| {
        // SAFETY: once, before any other use; the thread state stays for the threads of the tests.
        unsafe {
            Py_InitializeEx(0);
            let checked = capi::check::at_startup(false);
            PyEval_SaveThread();
            checked.unwrap();
        }
    });
    /// Gives the GIL back when a test fails, too.
    struct Held(PyGILState_STATE);
    impl Drop for Held {
        fn drop(&mut self) {
            // SAFETY: taken by this thread below.
            unsafe { PyGILState_Release(self.0) };
        }
    }
    // SAFETY: Python is initialized.
    let _held = Held(unsafe { PyGILState_Ensure() });
    body()
}

/// A fresh namespace in which `source` was run. Shows Python's traceback and fails if that raised.
#[allow(dead_code)]
pub fn run(source: &str) -> Owned {
    let source = CString::new(source).unwrap();
    // SAFETY: called with the GIL held.
    unsafe {
        let namespace = Owned::from_new(PyDict_New()).unwrap();
        let globals = namespace.as_ptr();
        PyDict_SetItemString(globals, c"__builtins__".as_ptr(), PyEval_GetBuiltins());
        let name = Owned::from_new(PyUnicode_FromString(c"sample".as_ptr())).unwrap();
        PyDict_SetItemString(globals, c"__name__".as_ptr(), name.as_ptr());
        let none =
            PyRun_StringFlags(source.as_ptr(), Py_file_input as i32, globals, globals, std::ptr::null_mut());
        if none.is_null() {
            PyErr_Print();
            panic!("the sample raised");
        }
        capi::refs::decref(none);
        namespace
    }
}

/// What a namespace has under this name (borrowed).
#[allow(dead_code)]
pub fn get(namespace: &Owned, name: &str) -> *mut PyObject {
    let name = CString::new(name).unwrap();
    // SAFETY: called with the GIL held.
    let found = unsafe { PyDict_GetItemString(namespace.as_ptr(), name.as_ptr()) };
    assert!(!found.is_null(), "{name:?} is not in the namespace");
    found
}

/// `repr()`.
#[allow(dead_code)]
pub fn repr(object: *mut PyObject) -> String {
    // SAFETY: called with the GIL held and a live object.
    unsafe {
        let text = Owned::from_new(PyObject_Repr(object)).unwrap();
        std::ffi::CStr::from_ptr(PyUnicode_AsUTF8(text.as_ptr())).to_string_lossy().into_owned()
    }
}

/// A str.
#[allow(dead_code)]
pub fn text(object: *mut PyObject) -> String {
    // SAFETY: called with the GIL held and a live object.
    unsafe {
        let utf8 = PyUnicode_AsUTF8(object);
        assert!(!utf8.is_null(), "not a str");
        std::ffi::CStr::from_ptr(utf8).to_string_lossy().into_owned()
    }
}

/// Takes the set exception away: "Type: text".
#[allow(dead_code)]
pub fn message() -> String {
    // SAFETY: called with the GIL held and an exception set.
    unsafe {
        let tstate = PyThreadState_Get();
        assert!(!(*tstate).curexc_type.is_null(), "no exception is set");
        let exception = Owned::from_new(capi::exceptions::take(tstate)).unwrap();
        let text = Owned::from_new(PyObject_Str(exception.as_ptr())).unwrap();
        let text = std::ffi::CStr::from_ptr(PyUnicode_AsUTF8(text.as_ptr())).to_string_lossy();
        let class =
            std::ffi::CStr::from_ptr((*capi::refs::type_of(exception.as_ptr())).tp_name).to_string_lossy();
        format!("{class}: {text}")
    }
}
