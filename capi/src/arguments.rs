//! Binding call arguments to a function's locals, with CPython's own error messages.
//!
//! Called for each Python-to-Python call that the evaluator's fast paths don't cover: defaults, keywords, `*args`,
//! `**kwargs`. Nothing here links or runs the new frame.
//!
//! ```text
//! locals: | positional (co_argcount) | keyword-only (co_kwonlyargcount) | *args | **kwargs | other locals | cells
//! args:   | positional (argcount) | keyword values, in the order of the kwnames tuple |
//! ```

use crate::frame;
use crate::refs::{Owned, decref, has_type_flag, incref, type_of};
use crate::sys::{
    _PyErr_Clear, _PyErr_ExceptionMatches, _PyErr_Fetch, _PyErr_Format, _PyErr_Restore, _PyInterpreterFrame,
    _PyObject_FunctionStr, CO_VARARGS, CO_VARKEYWORDS, Py_EQ, Py_TPFLAGS_TUPLE_SUBCLASS,
    Py_TPFLAGS_UNICODE_SUBCLASS, Py_ssize_t, PyCodeObject, PyDict_GetItemWithError, PyDict_New,
    PyDict_SetItem, PyErr_NoMemory, PyExc_AttributeError, PyExc_KeyError, PyExc_TypeError, PyFunctionObject,
    PyList_Append, PyList_GetItem, PyList_New, PyList_SetSlice, PyList_Size, PyObject, PyObject_Repr,
    PyObject_RichCompareBool, PySequence_Check, PyThreadState, PyUnicode_Concat, PyUnicode_FromFormat,
    PyUnicode_FromString, PyUnicode_Join,
};
use crate::tuple;
use crate::words::move_words;
use std::ffi::{CStr, c_int};
use std::ptr::null_mut;

/// Binding failed; an exception is set.
struct Raised;

/// What the steps of binding share.
struct Binding {
    tstate: *mut PyThreadState,
    func: *mut PyFunctionObject,
    code: *mut PyCodeObject,
    locals: *mut *mut PyObject,
    /// Values: the positional ones, then those of the keywords.
    args: *const *mut PyObject,
    /// How many positional values were given.
    given: usize,
    /// The keywords' names, in order; null for none.
    kwnames: *mut PyObject,
    /// `co_argcount`.
    positional: usize,
    /// `co_argcount + co_kwonlyargcount`.
    named: usize,
}

fn plural(count: usize) -> *const std::ffi::c_char {
    if count == 1 { c"".as_ptr() } else { c"s".as_ptr() }
}

/// Fills `locals` from the arguments (`initialize_locals`). Takes over the counts of all arguments in any case: on failure
/// (false, exception set) those already bound are in `locals`, the others are dropped. May run code (comparison of names that
/// are not exact strings, finalizers).
///
/// # Safety
/// `func` is alive; `locals` are its `co_nlocalsplus` slots, all null; `args` holds `argcount` owned objects and one more for
/// each name in `kwnames` (a live tuple or null). The GIL is held.
pub unsafe fn initialize_locals(
    tstate: *mut PyThreadState,
    func: *mut PyFunctionObject,
    locals: *mut *mut PyObject,
    args: *const *mut PyObject,
    argcount: usize,
    kwnames: *mut PyObject,
) -> bool {
    // SAFETY: the caller guarantees the objects; `Binding`'s methods rely on nothing else.
    unsafe {
        let code: *mut PyCodeObject = (*func).func_code.cast();
        let positional = (*code).co_argcount as usize;
        let named = positional + (*code).co_kwonlyargcount as usize;
        let binding =
            Binding { tstate, func, code, locals, args, given: argcount, kwnames, positional, named };
        binding.bind().is_ok()
    }
}

impl Binding {
    fn keywords(&self) -> usize {
        // SAFETY: null or a live tuple by the word given to `initialize_locals`.
        if self.kwnames.is_null() { 0 } else { unsafe { tuple::len(self.kwnames) } }
    }

    fn has_flag(&self, flag: u32) -> bool {
        // SAFETY: the function keeps its code alive.
        unsafe { (*self.code).co_flags as u32 & flag != 0 }
    }

    fn qualname(&self) -> *mut PyObject {
        // SAFETY: the caller keeps the function alive.
        unsafe { (*self.func).func_qualname }
    }

    /// # Safety
    /// As for `initialize_locals`; so for all methods below, which are its steps.
    unsafe fn bind(&self) -> Result<(), Raised> {
        // SAFETY: the steps run in CPython's order, each with the state that the ones before left.
        unsafe {
            let kwdict = self.make_kwdict()?;
            self.bind_positional()?;
            self.bind_keywords(kwdict)?;
            if self.given > self.positional && !self.has_flag(CO_VARARGS) {
                self.raise_too_many_positional();
                return Err(Raised);
            }
            self.fill_positional_defaults()?;
            self.fill_keyword_defaults()
        }
    }

    unsafe fn drop_args(&self, from: usize, to: usize) {
        for i in from..to {
            // SAFETY: not consumed yet, by the caller's count.
            unsafe { decref(*self.args.add(i)) };
        }
    }

    /// The dict of `**kwargs`, already in its slot (borrowed); null where the function has none.
    unsafe fn make_kwdict(&self) -> Result<*mut PyObject, Raised> {
        if !self.has_flag(CO_VARKEYWORDS) {
            return Ok(null_mut());
        }
        // SAFETY: the slot exists because of the flag.
        unsafe {
            let dict = PyDict_New();
            if dict.is_null() {
                self.drop_args(0, self.given + self.keywords());
                return Err(Raised);
            }
            self.locals.add(self.named + usize::from(self.has_flag(CO_VARARGS))).write(dict);
            Ok(dict)
        }
    }

    unsafe fn bind_positional(&self) -> Result<(), Raised> {
        let bound = self.given.min(self.positional);
        // SAFETY: `bound` slots and values exist; the counts move.
        unsafe {
            move_words(self.args, bound, self.locals);
            if self.has_flag(CO_VARARGS) {
                let rest = tuple::from_array_steal(self.args.add(bound), self.given - bound);
                if rest.is_null() {
                    self.drop_args(self.given, self.given + self.keywords());
                    return Err(Raised);
                }
                self.locals.add(self.named).write(rest);
            } else {
                // Too many: reported after the keywords.
                self.drop_args(bound, self.given);
            }
        }
        Ok(())
    }

    unsafe fn bind_keywords(&self, kwdict: *mut PyObject) -> Result<(), Raised> {
        let count = self.keywords();
        for i in 0..count {
            // SAFETY: the values behind the positional ones belong to the names, one each.
            unsafe {
                let (name, value) = (tuple::item(self.kwnames, i), *self.args.add(self.given + i));
                if self.bind_keyword(name, value, kwdict).is_err() {
                    self.drop_args(self.given + i, self.given + count);
                    return Err(Raised);
                }
            }
        }
        Ok(())
    }

    /// Takes the value over only on success.
    unsafe fn bind_keyword(
        &self,
        name: *mut PyObject,
        value: *mut PyObject,
        kwdict: *mut PyObject,
    ) -> Result<(), Raised> {
        // SAFETY: name and value are alive; a found index is below `named`, so its slot exists.
        unsafe {
            if name.is_null() || !has_type_flag(name, Py_TPFLAGS_UNICODE_SUBCLASS) {
                _PyErr_Format(
                    self.tstate,
                    PyExc_TypeError,
                    c"%U() keywords must be strings".as_ptr(),
                    self.qualname(),
                );
                return Err(Raised);
            }
            if let Some(index) = self.parameter(name)? {
                let slot = self.locals.add(index);
                if !(*slot).is_null() {
                    let format = c"%U() got multiple values for argument '%S'";
                    _PyErr_Format(self.tstate, PyExc_TypeError, format.as_ptr(), self.qualname(), name);
                    return Err(Raised);
                }
                slot.write(value);
                return Ok(());
            }
            if kwdict.is_null() {
                if (*self.code).co_posonlyargcount != 0 {
                    self.refuse_positional_only()?;
                }
                let format = c"%U() got an unexpected keyword argument '%S'";
                _PyErr_Format(self.tstate, PyExc_TypeError, format.as_ptr(), self.qualname(), name);
                return Err(Raised);
            }
            if PyDict_SetItem(kwdict, name, value) < 0 {
                return Err(Raised);
            }
            decref(value);
        }
        Ok(())
    }

    /// Which parameter may be given by this keyword.
    unsafe fn parameter(&self, keyword: *mut PyObject) -> Result<Option<usize>, Raised> {
        // SAFETY: the names tuple has at least `named` items and lives as long as the code.
        unsafe {
            let first = (*self.code).co_posonlyargcount as usize;
            let names = tuple::items((*self.code).co_localsplusnames);
            // Names are interned, as a rule.
            if let Some(found) = (first..self.named).find(|&i| *names.add(i) == keyword) {
                return Ok(Some(found));
            }
            for i in first..self.named {
                match PyObject_RichCompareBool(keyword, *names.add(i), Py_EQ as c_int) {
                    0 => {}
                    1.. => return Ok(Some(i)),
                    _ => return Err(Raised),
                }
            }
        }
        Ok(None)
    }

    /// Raises if some keyword names a positional-only parameter (`positional_only_passed_as_keyword`).
    #[cold]
    unsafe fn refuse_positional_only(&self) -> Result<(), Raised> {
        // SAFETY: names and keywords are live tuples; `conflicts` is a list of ours.
        unsafe {
            let conflicts = Owned::from_new(PyList_New(0)).ok_or(Raised)?;
            for k in 0..(*self.code).co_posonlyargcount as usize {
                let name = tuple::item((*self.code).co_localsplusnames, k);
                for i in 0..self.keywords() {
                    let keyword = tuple::item(self.kwnames, i);
                    let same = keyword == name
                        || match PyObject_RichCompareBool(name, keyword, Py_EQ as c_int) {
                            0 => false,
                            1.. => true,
                            _ => return Err(Raised),
                        };
                    if same && PyList_Append(conflicts.as_ptr(), keyword) != 0 {
                        return Err(Raised);
                    }
                }
            }
            if PyList_Size(conflicts.as_ptr()) == 0 {
                return Ok(());
            }
            let names = join(c", ", conflicts.as_ptr()).ok_or(Raised)?;
            let format = c"%U() got some positional-only arguments passed as keyword arguments: '%U'";
            _PyErr_Format(self.tstate, PyExc_TypeError, format.as_ptr(), self.qualname(), names.as_ptr());
        }
        Err(Raised)
    }

    unsafe fn fill_positional_defaults(&self) -> Result<(), Raised> {
        if self.given >= self.positional {
            return Ok(());
        }
        // SAFETY: `func_defaults` is null or a tuple; CPython's setters see to it that it isn't longer than the parameters
        // (a longer one only fills the last parameters: the index is checked).
        unsafe {
            let defaults = (*self.func).func_defaults;
            let count = if defaults.is_null() { 0 } else { tuple::len(defaults) };
            // More defaults than parameters: the first ones have no parameter.
            let (first, skipped) = match self.positional.checked_sub(count) {
                Some(first) => (first, 0),
                None => (0, count - self.positional),
            };
            let missing = (self.given..first).filter(|&i| (*self.locals.add(i)).is_null()).count();
            if missing != 0 {
                self.raise_missing(missing, 0, first, c"positional");
                return Err(Raised);
            }
            for i in first.max(self.given)..self.positional {
                let slot = self.locals.add(i);
                if (*slot).is_null() {
                    let value = tuple::item(defaults, i - first + skipped);
                    incref(value);
                    slot.write(value);
                }
            }
        }
        Ok(())
    }

    unsafe fn fill_keyword_defaults(&self) -> Result<(), Raised> {
        let mut missing = 0;
        // SAFETY: slots and names up to `named` exist; `func_kwdefaults` is null or a dict.
        unsafe {
            for i in self.positional..self.named {
                let slot = self.locals.add(i);
                if !(*slot).is_null() {
                    continue;
                }
                let defaults = (*self.func).func_kwdefaults;
                if !defaults.is_null() {
                    let name = tuple::item((*self.code).co_localsplusnames, i);
                    let value = PyDict_GetItemWithError(defaults, name);
                    if !value.is_null() {
                        incref(value);
                        slot.write(value);
                        continue;
                    }
                    if !(*self.tstate).curexc_type.is_null() {
                        return Err(Raised);
                    }
                }
                missing += 1;
            }
            if missing != 0 {
                self.raise_missing(missing, self.positional, self.named, c"keyword-only");
                return Err(Raised);
            }
        }
        Ok(())
    }

    /// `missing_arguments`: which of the parameters `from..to` have no value.
    #[cold]
    unsafe fn raise_missing(&self, missing: usize, from: usize, to: usize, kind: &CStr) {
        // SAFETY: slots and names up to `named` exist. Where something fails, its own exception stays.
        unsafe {
            let Some(names) = Owned::from_new(PyList_New(0)) else { return };
            for i in from..to {
                if !(*self.locals.add(i)).is_null() {
                    continue;
                }
                let repr = Owned::from_new(PyObject_Repr(tuple::item((*self.code).co_localsplusnames, i)));
                let Some(repr) = repr else { return };
                if PyList_Append(names.as_ptr(), repr.as_ptr()) < 0 {
                    return;
                }
            }
            let Some(listed) = enumeration(names.as_ptr()) else { return };
            _PyErr_Format(
                self.tstate,
                PyExc_TypeError,
                c"%U() missing %i required %s argument%s: %U".as_ptr(),
                self.qualname(),
                missing as c_int,
                kind.as_ptr(),
                plural(missing),
                listed.as_ptr(),
            );
        }
    }

    #[cold]
    unsafe fn raise_too_many_positional(&self) {
        // SAFETY: slots up to `named` exist; formats and arguments agree.
        unsafe {
            let kwonly = (self.positional..self.named).filter(|&i| !(*self.locals.add(i)).is_null()).count();
            let defaults = (*self.func).func_defaults;
            let defaults = if defaults.is_null() { 0 } else { tuple::len(defaults) };
            let most = self.positional as Py_ssize_t;
            let (signature, many) = if defaults != 0 {
                let least = most - defaults as Py_ssize_t;
                (PyUnicode_FromFormat(c"from %zd to %zd".as_ptr(), least, most), true)
            } else {
                (PyUnicode_FromFormat(c"%zd".as_ptr(), most), most != 1)
            };
            let Some(signature) = Owned::from_new(signature) else { return };
            let extra = if kwonly != 0 {
                let format = c" positional argument%s (and %zd keyword-only argument%s)";
                PyUnicode_FromFormat(
                    format.as_ptr(),
                    plural(self.given),
                    kwonly as Py_ssize_t,
                    plural(kwonly),
                )
            } else {
                PyUnicode_FromString(c"".as_ptr())
            };
            let Some(extra) = Owned::from_new(extra) else { return };
            _PyErr_Format(
                self.tstate,
                PyExc_TypeError,
                c"%U() takes %U positional argument%s but %zd%U %s given".as_ptr(),
                self.qualname(),
                signature.as_ptr(),
                plural(if many { 2 } else { 1 }),
                self.given as Py_ssize_t,
                extra.as_ptr(),
                if self.given == 1 && kwonly == 0 { c"was" } else { c"were" }.as_ptr(),
            );
        }
    }
}

unsafe fn join(separator: &CStr, strings: *mut PyObject) -> Option<Owned> {
    // SAFETY: the caller guarantees a list of str; null results have an exception.
    unsafe {
        let separator = Owned::from_new(PyUnicode_FromString(separator.as_ptr()))?;
        Owned::from_new(PyUnicode_Join(separator.as_ptr(), strings))
    }
}

/// "a", "a and b", "a, b, and c"; uses the list up.
unsafe fn enumeration(names: *mut PyObject) -> Option<Owned> {
    // SAFETY: the caller guarantees a list of at least one str; nobody else sees it.
    unsafe {
        let count = PyList_Size(names);
        let item = |i| PyList_GetItem(names, i);
        match count {
            1 => Owned::from_borrowed(item(0)),
            2 => Owned::from_new(PyUnicode_FromFormat(c"%U and %U".as_ptr(), item(0), item(1))),
            _ => {
                let tail = PyUnicode_FromFormat(c", %U, and %U".as_ptr(), item(count - 2), item(count - 1));
                let tail = Owned::from_new(tail)?;
                if PyList_SetSlice(names, count - 2, count, null_mut()) < 0 {
                    return None;
                }
                let head = join(c", ", names)?;
                Owned::from_new(PyUnicode_Concat(head.as_ptr(), tail.as_ptr()))
            }
        }
    }
}

/// Pushes a frame for a call and binds its arguments (`_PyEvalFramePushAndInit`). Takes over the counts of `func` and of all
/// arguments, in any case; `namespace` (`f_locals`, null in functions) is borrowed. Null with an exception set on failure: the
/// frame is then gone. The caller links the frame.
///
/// # Safety
/// `tstate` is the current thread's; the GIL is held; `func` and `args` (see [`initialize_locals`]) are owned by the caller.
pub unsafe fn push_and_init(
    tstate: *mut PyThreadState,
    func: *mut PyFunctionObject,
    namespace: *mut PyObject,
    args: *const *mut PyObject,
    argcount: usize,
    kwnames: *mut PyObject,
) -> *mut _PyInterpreterFrame {
    // SAFETY: the caller guarantees the objects; the fresh frame is topmost and unlinked when it is cleared.
    unsafe {
        let code: *mut PyCodeObject = (*func).func_code.cast();
        let frame = frame::bump(tstate, frame::words(code));
        if frame.is_null() {
            let keywords = if kwnames.is_null() { 0 } else { tuple::len(kwnames) };
            for i in 0..argcount + keywords {
                decref(*args.add(i));
            }
            decref(func.cast());
            PyErr_NoMemory();
            return null_mut();
        }
        frame::initialize(frame, func, namespace);
        let locals = frame::locals(frame);
        locals.write_bytes(0, (*code).co_nlocalsplus as usize);
        if !initialize_locals(tstate, func, locals, args, argcount, kwnames) {
            frame::clear_and_pop(tstate, frame);
            return null_mut();
        }
        frame
    }
}

/// Turns the failure to merge `**kwargs` into the message that names the callee (`format_kwargs_error`).
///
/// # Safety
/// An exception is set; `callee` and `kwargs` are alive.
#[cold]
pub unsafe fn format_kwargs_error(tstate: *mut PyThreadState, callee: *mut PyObject, kwargs: *mut PyObject) {
    // SAFETY: the caller guarantees the objects; fetched counts are dropped or restored.
    unsafe {
        if _PyErr_ExceptionMatches(tstate, PyExc_AttributeError) != 0 {
            // The attempt to get 'keys'.
            _PyErr_Clear(tstate);
            if let Some(name) = Owned::from_new(_PyObject_FunctionStr(callee)) {
                let format = c"%U argument after ** must be a mapping, not %.200s";
                _PyErr_Format(
                    tstate,
                    PyExc_TypeError,
                    format.as_ptr(),
                    name.as_ptr(),
                    (*type_of(kwargs)).tp_name,
                );
            }
            return;
        }
        if _PyErr_ExceptionMatches(tstate, PyExc_KeyError) == 0 {
            return;
        }
        let (mut kind, mut value, mut traceback) = (null_mut(), null_mut(), null_mut());
        _PyErr_Fetch(tstate, &mut kind, &mut value, &mut traceback);
        // A merge raises the tuple of the key, not yet normalized.
        if value.is_null() || !has_type_flag(value, Py_TPFLAGS_TUPLE_SUBCLASS) || tuple::len(value) != 1 {
            _PyErr_Restore(tstate, kind, value, traceback);
            return;
        }
        let (_kind, value, _traceback) =
            (Owned::from_new(kind), Owned::from_new(value), Owned::from_new(traceback));
        if let (Some(name), Some(value)) = (Owned::from_new(_PyObject_FunctionStr(callee)), value) {
            let format = c"%U got multiple values for keyword argument '%S'";
            _PyErr_Format(
                tstate,
                PyExc_TypeError,
                format.as_ptr(),
                name.as_ptr(),
                tuple::item(value.as_ptr(), 0),
            );
        }
    }
}

/// Whether `args` can follow `*` in a call; if not, the message that names the callee (`check_args_iterable`), in place of a
/// set exception.
///
/// # Safety
/// `callee` and `args` are alive; `tstate` is the current thread's.
pub unsafe fn check_args_iterable(
    tstate: *mut PyThreadState,
    callee: *mut PyObject,
    args: *mut PyObject,
) -> bool {
    // SAFETY: the caller guarantees the objects.
    unsafe {
        if (*type_of(args)).tp_iter.is_some() || PySequence_Check(args) != 0 {
            return true;
        }
        _PyErr_Clear(tstate);
        if let Some(name) = Owned::from_new(_PyObject_FunctionStr(callee)) {
            let format = c"%U argument after * must be an iterable, not %.200s";
            _PyErr_Format(tstate, PyExc_TypeError, format.as_ptr(), name.as_ptr(), (*type_of(args)).tp_name);
        }
        false
    }
}
