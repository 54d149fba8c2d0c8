//! The work of `MATCH_KEYS` and `MATCH_CLASS` (PEP 634; CPython's `match_keys`, `match_class`).
//!
//! Called by the evaluator; all of it may run any code. Arguments are borrowed, results owned. A pattern that does not match
//! is not an exception: the results tell them apart.

use crate::id;
use crate::refs::{Owned, has_type_flag};
use crate::sys::{
    _Py_NoneStruct, _Py_TPFLAGS_MATCH_SELF, _PyErr_Clear, _PyErr_ExceptionMatches, _PyErr_Format,
    _PyObject_GetMethod, Py_TPFLAGS_TYPE_SUBCLASS, Py_ssize_t, PyBaseObject_Type, PyExc_AttributeError,
    PyExc_TypeError, PyExc_ValueError, PyList_Append, PyList_AsTuple, PyList_New, PyObject,
    PyObject_CallNoArgs, PyObject_GetAttr, PyObject_GetAttrString, PyObject_IsInstance, PyObject_Vectorcall,
    PySet_Add, PySet_Contains, PySet_New, PyThreadState, PyTuple_New, PyTuple_Type, PyTypeObject,
    PyUnicode_Type,
};
use crate::tuple;
use crate::types::{has_flag, is_exact};
use std::ffi::{c_char, c_int};
use std::ptr::null_mut;

/// A pattern does not match; if an exception is set, asking failed.
struct NoMatch;

/// The values of a mapping's keys, for `MATCH_KEYS`: a tuple, or `None` if a key is missing; null with an exception set.
///
/// # Safety
/// `tstate` is the current thread's; `map` is alive, `keys` a live tuple.
pub unsafe fn match_keys(
    tstate: *mut PyThreadState,
    map: *mut PyObject,
    keys: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: the caller guarantees the objects.
    unsafe { values_of_keys(tstate, map, keys).map_or(null_mut(), Owned::into_ptr) }
}

unsafe fn values_of_keys(
    tstate: *mut PyThreadState,
    map: *mut PyObject,
    keys: *mut PyObject,
) -> Option<Owned> {
    // SAFETY: the caller guarantees the objects; `values` has a slot for each key and is seen by nobody (GC aside, which
    // knows empty slots).
    unsafe {
        let count = tuple::len(keys);
        if count == 0 {
            return Owned::from_new(PyTuple_New(0));
        }
        // `get(key, default)` and not `[]`: it neither makes missing entries nor raises.
        let mut get = null_mut();
        let unbound = _PyObject_GetMethod(map, id!(_get), &mut get) != 0;
        let get = Owned::from_new(get)?;
        let seen = Owned::from_new(PySet_New(null_mut()))?;
        let missing = Owned::from_new(PyObject_CallNoArgs((&raw mut PyBaseObject_Type).cast()))?;
        let values = Owned::from_new(PyTuple_New(count as Py_ssize_t))?;
        for i in 0..count {
            let key = tuple::item(keys, i);
            if PySet_Contains(seen.as_ptr(), key) != 0 || PySet_Add(seen.as_ptr(), key) != 0 {
                if (*tstate).curexc_type.is_null() {
                    let format = c"mapping pattern checks duplicate key (%R)";
                    _PyErr_Format(tstate, PyExc_ValueError, format.as_ptr(), key);
                }
                return None;
            }
            let args = [map, key, missing.as_ptr()];
            let args = if unbound { &args[..] } else { &args[1..] };
            let value = PyObject_Vectorcall(get.as_ptr(), args.as_ptr(), args.len(), null_mut());
            let value = Owned::from_new(value)?;
            if value.as_ptr() == missing.as_ptr() {
                return Owned::from_borrowed(&raw mut _Py_NoneStruct);
            }
            tuple::items(values.as_ptr()).add(i).write(value.into_ptr());
        }
        Some(values)
    }
}

/// The attributes that a class pattern of `positional` and `keywords` subpatterns asks for, for `MATCH_CLASS`: a tuple; null
/// if the subject does not match, or with an exception set if one was raised.
///
/// # Safety
/// `tstate` is the current thread's; the objects are alive, `keywords` is a tuple of str.
pub unsafe fn match_class(
    tstate: *mut PyThreadState,
    subject: *mut PyObject,
    class: *mut PyObject,
    positional: usize,
    keywords: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: the caller guarantees the objects.
    unsafe {
        if !has_type_flag(class, Py_TPFLAGS_TYPE_SUBCLASS) {
            let text = c"called match pattern must be a type";
            _PyErr_Format(tstate, PyExc_TypeError, text.as_ptr());
            return null_mut();
        }
        if PyObject_IsInstance(subject, class) <= 0 {
            return null_mut();
        }
        let Some(seen) = Owned::from_new(PySet_New(null_mut())) else { return null_mut() };
        let Some(attrs) = Owned::from_new(PyList_New(0)) else { return null_mut() };
        let pattern = ClassPattern { tstate, subject, class: class.cast(), seen, attrs };
        if positional != 0 && pattern.positional(positional).is_err() {
            return null_mut();
        }
        for i in 0..tuple::len(keywords) {
            if pattern.attribute(tuple::item(keywords, i)).is_err() {
                return null_mut();
            }
        }
        PyList_AsTuple(pattern.attrs.as_ptr())
    }
}

/// One `MATCH_CLASS` under way. `attrs` is the list of attributes found, `seen` the set of their names.
struct ClassPattern {
    tstate: *mut PyThreadState,
    subject: *mut PyObject,
    class: *mut PyTypeObject,
    seen: Owned,
    attrs: Owned,
}

impl ClassPattern {
    unsafe fn class_name(&self) -> *const c_char {
        // SAFETY: the class is alive, and its name with it.
        unsafe { (*self.class).tp_name }
    }

    /// Takes one attribute, whose name must be new (`match_class_attr`).
    unsafe fn attribute(&self, name: *mut PyObject) -> Result<(), NoMatch> {
        // SAFETY: the objects are alive.
        unsafe {
            if PySet_Contains(self.seen.as_ptr(), name) != 0 || PySet_Add(self.seen.as_ptr(), name) != 0 {
                if (*self.tstate).curexc_type.is_null() {
                    let format = c"%s() got multiple sub-patterns for attribute %R";
                    _PyErr_Format(self.tstate, PyExc_TypeError, format.as_ptr(), self.class_name(), name);
                }
                return Err(NoMatch);
            }
            let Some(value) = Owned::from_new(PyObject_GetAttr(self.subject, name)) else {
                if _PyErr_ExceptionMatches(self.tstate, PyExc_AttributeError) != 0 {
                    _PyErr_Clear(self.tstate);
                }
                return Err(NoMatch);
            };
            PyList_Append(self.attrs.as_ptr(), value.as_ptr());
        }
        Ok(())
    }

    /// Takes the attributes that `__match_args__` names, or the subject itself for a type such as `int`.
    unsafe fn positional(&self, given: usize) -> Result<(), NoMatch> {
        // SAFETY: the objects are alive; `names` owns a tuple that has been checked to be one.
        unsafe {
            let names = PyObject_GetAttrString(self.class.cast(), c"__match_args__".as_ptr());
            let names = match Owned::from_new(names) {
                Some(names) if is_exact(names.as_ptr(), &raw const PyTuple_Type) => Some(names),
                Some(names) => {
                    let format = c"%s.__match_args__ must be a tuple (got %s)";
                    let found = (*(*names.as_ptr()).ob_type).tp_name;
                    _PyErr_Format(self.tstate, PyExc_TypeError, format.as_ptr(), self.class_name(), found);
                    return Err(NoMatch);
                }
                None if _PyErr_ExceptionMatches(self.tstate, PyExc_AttributeError) != 0 => {
                    _PyErr_Clear(self.tstate);
                    None
                }
                None => return Err(NoMatch),
            };
            // The flag counts only where there is no `__match_args__`, so that a subclass can undo it.
            let whole = names.is_none() && has_flag(self.class, _Py_TPFLAGS_MATCH_SELF);
            let allowed = names.as_ref().map_or(usize::from(whole), |names| tuple::len(names.as_ptr()));
            if allowed < given {
                _PyErr_Format(
                    self.tstate,
                    PyExc_TypeError,
                    c"%s() accepts %d positional sub-pattern%s (%d given)".as_ptr(),
                    self.class_name(),
                    allowed as c_int,
                    if allowed == 1 { c"" } else { c"s" }.as_ptr(),
                    given as c_int,
                );
                return Err(NoMatch);
            }
            let Some(names) = names else {
                PyList_Append(self.attrs.as_ptr(), self.subject);
                return Ok(());
            };
            for i in 0..given {
                let name = tuple::item(names.as_ptr(), i);
                if !is_exact(name, &raw const PyUnicode_Type) {
                    let format = c"__match_args__ elements must be strings (got %s)";
                    let found = (*(*name).ob_type).tp_name;
                    _PyErr_Format(self.tstate, PyExc_TypeError, format.as_ptr(), found);
                    return Err(NoMatch);
                }
                self.attribute(name)?;
            }
        }
        Ok(())
    }
}
