//! The work of `IMPORT_NAME`, `IMPORT_FROM` and `IMPORT_STAR` (CPython's `import_name`, `import_from`, `import_all_from`).
//!
//! Called by the evaluator; all of it may run any code. Arguments are borrowed, results owned; null or false means that an
//! exception is set, with CPython's own text.

use crate::frame;
use crate::id;
use crate::refs::{Owned, has_type_flag, type_of};
use crate::sys::{
    _Py_NoneStruct, _PyDict_GetItemWithError, _PyErr_Clear, _PyErr_ExceptionMatches, _PyErr_Format,
    _PyErr_SetString, _PyInterpreterFrame, _PyLong_AsInt, _PyModuleSpec_IsInitializing, _PyObject_LookupAttr,
    Py_TPFLAGS_UNICODE_SUBCLASS, Py_ssize_t, PyDict_SetItem, PyDict_Type, PyErr_SetImportError,
    PyExc_ImportError, PyExc_IndexError, PyExc_TypeError, PyImport_GetModule,
    PyImport_ImportModuleLevelObject, PyMapping_Keys, PyModule_GetDict, PyModule_GetFilenameObject, PyObject,
    PyObject_GetAttr, PyObject_SetItem, PyObject_Vectorcall, PySequence_GetItem, PyThreadState,
    PyUnicode_FromFormat, PyUnicode_FromString, PyUnicode_GetLength, PyUnicode_ReadChar,
};
use std::ptr::null_mut;

unsafe fn is_str(object: *mut PyObject) -> bool {
    // SAFETY: the caller guarantees a live object.
    unsafe { has_type_flag(object, Py_TPFLAGS_UNICODE_SUBCLASS) }
}

unsafe fn raised(tstate: *mut PyThreadState) -> bool {
    // SAFETY: the caller guarantees the current thread's state.
    unsafe { !(*tstate).curexc_type.is_null() }
}

/// Whether a module is being imported on this thread: a function of importlib waits.
///
/// # Safety
/// `tstate` is the current thread's.
pub unsafe fn is_importing(tstate: *mut PyThreadState) -> bool {
    // SAFETY: the caller guarantees the state; frames of the visible chain are alive and have globals.
    unsafe {
        let importlib = (*(*tstate).interp).importlib;
        let globals = if importlib.is_null() { null_mut() } else { PyModule_GetDict(importlib) };
        let mut frames = frame::chain((*(*tstate).cframe).current_frame);
        !globals.is_null() && frames.any(|frame| (*frame).f_globals == globals)
    }
}

/// `import name`: what `__import__` of the frame's builtins gives.
///
/// # Safety
/// `frame` is the current frame of `tstate`, the current thread's; the others are live objects.
pub unsafe fn import_name(
    tstate: *mut PyThreadState,
    frame: *mut _PyInterpreterFrame,
    name: *mut PyObject,
    from_list: *mut PyObject,
    level: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: the caller guarantees frame and objects; the frame keeps globals, builtins and locals alive.
    unsafe {
        let import = _PyDict_GetItemWithError((*frame).f_builtins, id!(___import__));
        let Some(import) = Owned::from_borrowed(import) else {
            if !raised(tstate) {
                _PyErr_SetString(tstate, PyExc_ImportError, c"__import__ not found".as_ptr());
            }
            return null_mut();
        };
        let globals = (*frame).f_globals;
        let locals = if (*frame).f_locals.is_null() { &raw mut _Py_NoneStruct } else { (*frame).f_locals };
        if import.as_ptr() == (*(*tstate).interp).import_func {
            let level = _PyLong_AsInt(level);
            if level == -1 && raised(tstate) {
                return null_mut();
            }
            return PyImport_ImportModuleLevelObject(name, globals, locals, from_list, level);
        }
        let args = [name, globals, locals, from_list, level];
        PyObject_Vectorcall(import.as_ptr(), args.as_ptr(), args.len(), null_mut())
    }
}

/// `from module import name`: the attribute, or else the submodule in `sys.modules` (for circular imports).
///
/// # Safety
/// `tstate` is the current thread's; `module` is alive, `name` a live str.
pub unsafe fn import_from(
    tstate: *mut PyThreadState,
    module: *mut PyObject,
    name: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: the caller guarantees the objects.
    unsafe {
        let mut found = null_mut();
        if _PyObject_LookupAttr(module, name, &mut found) != 0 {
            return found;
        }
        let package = Owned::from_new(PyObject_GetAttr(module, id!(___name__)));
        let package = package.filter(|package| is_str(package.as_ptr()));
        if let Some(package) = &package {
            let full = PyUnicode_FromFormat(c"%U.%U".as_ptr(), package.as_ptr(), name);
            let Some(full) = Owned::from_new(full) else { return null_mut() };
            let found = PyImport_GetModule(full.as_ptr());
            if !found.is_null() || raised(tstate) {
                return found;
            }
        }
        cannot_import(tstate, module, name, package);
    }
    null_mut()
}

/// Raises `ImportError`. `package` is the module's `__name__`, if that is a str.
#[cold]
unsafe fn cannot_import(
    tstate: *mut PyThreadState,
    module: *mut PyObject,
    name: *mut PyObject,
    package: Option<Owned>,
) {
    // SAFETY: the caller guarantees the objects. A null message is what `PyErr_SetImportError` takes, too.
    unsafe {
        let path = Owned::from_new(PyModule_GetFilenameObject(module));
        let shown = match &package {
            Some(package) => Owned::from_borrowed(package.as_ptr()),
            None => Owned::from_new(PyUnicode_FromString(c"<unknown module name>".as_ptr())),
        };
        let Some(shown) = shown else { return };
        let package = package.as_ref().map_or(null_mut(), Owned::as_ptr);
        let Some(path) = path.filter(|path| is_str(path.as_ptr())) else {
            _PyErr_Clear(tstate);
            let format = c"cannot import name %R from %R (unknown location)";
            let text = PyUnicode_FromFormat(format.as_ptr(), name, shown.as_ptr());
            let text = Owned::from_new(text);
            PyErr_SetImportError(text.as_ref().map_or(null_mut(), Owned::as_ptr), package, null_mut());
            return;
        };
        let spec = Owned::from_new(PyObject_GetAttr(module, id!(___spec__)));
        let initializing = _PyModuleSpec_IsInitializing(spec.as_ref().map_or(null_mut(), Owned::as_ptr)) != 0;
        let format = if initializing {
            c"cannot import name %R from partially initialized module %R (most likely due to a circular import) (%S)"
        } else {
            c"cannot import name %R from %R (%S)"
        };
        drop(spec);
        let text =
            Owned::from_new(PyUnicode_FromFormat(format.as_ptr(), name, shown.as_ptr(), path.as_ptr()));
        PyErr_SetImportError(text.as_ref().map_or(null_mut(), Owned::as_ptr), package, path.as_ptr());
    }
}

/// `from module import *`: stores the names of `__all__`, else those of `__dict__` without a leading underscore, in `locals`.
///
/// # Safety
/// `tstate` is the current thread's; `locals` (any mapping) and `module` are alive.
pub unsafe fn import_all_from(
    tstate: *mut PyThreadState,
    locals: *mut PyObject,
    module: *mut PyObject,
) -> bool {
    // SAFETY: the caller guarantees the objects; names and values are owned while they are used.
    unsafe {
        let (mut all, mut dict) = (null_mut(), null_mut());
        if _PyObject_LookupAttr(module, id!(___all__), &mut all) < 0 {
            return false;
        }
        let by_dict = all.is_null();
        if by_dict {
            if _PyObject_LookupAttr(module, id!(___dict__), &mut dict) < 0 {
                return false;
            }
            let Some(dict) = Owned::from_new(dict) else {
                let text = c"from-import-* object has no __dict__ and no __all__";
                _PyErr_SetString(tstate, PyExc_ImportError, text.as_ptr());
                return false;
            };
            all = PyMapping_Keys(dict.as_ptr());
        }
        let Some(all) = Owned::from_new(all) else { return false };
        for position in 0 as Py_ssize_t.. {
            let Some(name) = Owned::from_new(PySequence_GetItem(all.as_ptr(), position)) else {
                if _PyErr_ExceptionMatches(tstate, PyExc_IndexError) == 0 {
                    return false;
                }
                _PyErr_Clear(tstate);
                return true;
            };
            if !is_str(name.as_ptr()) {
                not_a_str(tstate, module, name.as_ptr(), by_dict);
                return false;
            }
            // of an empty name CPython reads the terminating zero
            let hidden = by_dict
                && PyUnicode_GetLength(name.as_ptr()) > 0
                && PyUnicode_ReadChar(name.as_ptr(), 0) == u32::from(b'_');
            if hidden {
                continue;
            }
            let Some(value) = Owned::from_new(PyObject_GetAttr(module, name.as_ptr())) else { return false };
            let stored = if type_of(locals) == &raw mut PyDict_Type {
                PyDict_SetItem(locals, name.as_ptr(), value.as_ptr())
            } else {
                PyObject_SetItem(locals, name.as_ptr(), value.as_ptr())
            };
            // the name goes first, then the value
            drop(name);
            if stored != 0 {
                return false;
            }
        }
    }
    true
}

#[cold]
unsafe fn not_a_str(tstate: *mut PyThreadState, module: *mut PyObject, name: *mut PyObject, by_dict: bool) {
    // SAFETY: the caller guarantees the objects; a type's name lives as long as the type.
    unsafe {
        let Some(module_name) = Owned::from_new(PyObject_GetAttr(module, id!(___name__))) else { return };
        if !is_str(module_name.as_ptr()) {
            let format = c"module __name__ must be a string, not %.100s";
            let found = (*type_of(module_name.as_ptr())).tp_name;
            _PyErr_Format(tstate, PyExc_TypeError, format.as_ptr(), found);
            return;
        }
        let (what, of) = if by_dict { (c"Key", c"__dict__") } else { (c"Item", c"__all__") };
        _PyErr_Format(
            tstate,
            PyExc_TypeError,
            c"%s in %U.%s must be str, not %.100s".as_ptr(),
            what.as_ptr(),
            module_name.as_ptr(),
            of.as_ptr(),
            (*type_of(name)).tp_name,
        );
    }
}
