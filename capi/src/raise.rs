//! `raise`, and the checks of `except` and `except*`.
//!
//! Called by `RAISE_VARARGS`, `CHECK_EXC_MATCH`, `CHECK_EG_MATCH` and `PREP_RERAISE_STAR`.
//!
//! ```text
//! except* keeps a list of what its clauses raised or did not handle; `prep_reraise_star` makes one exception of it:
//! the unhandled parts, put together again in the shape of the original group, and the newly raised ones.
//! ```

use crate::refs::{Owned, has_type_flag, new_ref, type_of};
use crate::sys::{
    _Py_NoneStruct, _PyErr_Format, _PyErr_GetTopmostException, _PyErr_Restore, _PyErr_SetObject,
    _PyErr_SetString, Py_EnterRecursiveCall, Py_LeaveRecursiveCall, Py_TPFLAGS_BASE_EXC_SUBCLASS,
    Py_TPFLAGS_TUPLE_SUBCLASS, Py_TPFLAGS_TYPE_SUBCLASS, Py_Version, Py_ssize_t, PyBaseExceptionGroupObject,
    PyBaseExceptionObject, PyErr_GivenExceptionMatches, PyErr_NoMemory, PyErr_SetString,
    PyExc_BaseExceptionGroup, PyExc_RuntimeError, PyExc_TypeError, PyException_GetCause,
    PyException_GetContext, PyException_GetTraceback, PyException_SetCause, PyException_SetContext,
    PyException_SetTraceback, PyList_Append, PyList_GetItem, PyList_New, PyList_Size, PyObject,
    PyObject_CallFunction, PyObject_CallMethod, PyObject_CallNoArgs, PyObject_GetAttrString,
    PyObject_HasAttrString, PyObject_IsSubclass, PyObject_SetAttrString, PySequence_Check, PySequence_List,
    PySequence_Size, PyThreadState, PyTuple_Pack, PyType_IsSubtype, PyTypeObject,
};
use crate::tuple;
use std::collections::HashSet;
use std::ffi::c_ulong;
use std::ptr::null_mut;

/// How `raise` left the exception.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Raise {
    /// A new exception (perhaps about the statement itself): it gets a traceback entry for this frame.
    New,
    /// A bare `raise`: the handled exception again, with its own traceback; no entry is added.
    Again,
}

/// `PyExceptionClass_Check`.
///
/// # Safety
/// `object` is alive.
#[inline]
pub unsafe fn is_exception_class(object: *mut PyObject) -> bool {
    // SAFETY: the caller guarantees a live object; it is a type when its flags are read.
    unsafe {
        has_type_flag(object, Py_TPFLAGS_TYPE_SUBCLASS)
            && (*object.cast::<PyTypeObject>()).tp_flags & u64::from(Py_TPFLAGS_BASE_EXC_SUBCLASS) != 0
    }
}

/// `PyExceptionInstance_Check`.
///
/// # Safety
/// `object` is alive.
#[inline]
pub unsafe fn is_exception(object: *mut PyObject) -> bool {
    // SAFETY: the caller guarantees a live object.
    unsafe { has_type_flag(object, Py_TPFLAGS_BASE_EXC_SUBCLASS) }
}

unsafe fn is_group(object: *mut PyObject) -> bool {
    // SAFETY: the caller guarantees a live object.
    unsafe { PyType_IsSubtype(type_of(object), PyExc_BaseExceptionGroup.cast()) != 0 }
}

fn none() -> *mut PyObject {
    &raw mut _Py_NoneStruct
}

/// The statement `raise exc from cause` (`do_raise`). Both are taken over; null where the statement has none. In any case an
/// exception is set afterwards. May run code (the exception classes' constructors).
///
/// # Safety
/// `exc` and `cause` are null or owned by the caller; `tstate` is the current thread's; no exception is set.
pub unsafe fn raise(tstate: *mut PyThreadState, exc: *mut PyObject, cause: *mut PyObject) -> Raise {
    // SAFETY: the caller guarantees the objects; each count ends in the exception or with its `Owned`.
    unsafe {
        let (exc, cause) = (Owned::from_new(exc), Owned::from_new(cause));
        let Some(exc) = exc else { return raise_again(tstate) };
        raise_new(tstate, exc, cause);
        Raise::New
    }
}

unsafe fn raise_again(tstate: *mut PyThreadState) -> Raise {
    // SAFETY: the topmost stack item always exists; counts that are added are taken over by restoring.
    unsafe {
        let value = (*_PyErr_GetTopmostException(tstate)).exc_value;
        if value.is_null() || value == none() {
            _PyErr_SetString(tstate, PyExc_RuntimeError, c"No active exception to reraise".as_ptr());
            return Raise::New;
        }
        let class = new_ref(type_of(value).cast());
        let value = new_ref(value);
        let traceback = PyException_GetTraceback(value);
        _PyErr_Restore(tstate, class, value, traceback);
        Raise::Again
    }
}

unsafe fn raise_new(tstate: *mut PyThreadState, exc: Owned, cause: Option<Owned>) {
    // SAFETY: live objects, each with a count of ours.
    unsafe {
        let (class, value) = if is_exception_class(exc.as_ptr()) {
            let Some(value) = Owned::from_new(PyObject_CallNoArgs(exc.as_ptr())) else { return };
            if !is_exception(value.as_ptr()) {
                let format = c"calling %R should have returned an instance of BaseException, not %R";
                _PyErr_Format(
                    tstate,
                    PyExc_TypeError,
                    format.as_ptr(),
                    exc.as_ptr(),
                    type_of(value.as_ptr()),
                );
                return;
            }
            (exc, value)
        } else if is_exception(exc.as_ptr()) {
            let class: *mut PyObject = type_of(exc.as_ptr()).cast();
            let Some(class) = Owned::from_borrowed(class) else { return };
            (class, exc)
        } else {
            drop(exc);
            _PyErr_SetString(tstate, PyExc_TypeError, c"exceptions must derive from BaseException".as_ptr());
            return;
        };
        if let Some(cause) = cause {
            let fixed = if is_exception_class(cause.as_ptr()) {
                let Some(made) = Owned::from_new(PyObject_CallNoArgs(cause.as_ptr())) else { return };
                made.into_ptr()
            } else if is_exception(cause.as_ptr()) {
                cause.into_ptr()
            } else if cause.as_ptr() == none() {
                null_mut()
            } else {
                let text = c"exception causes must derive from BaseException";
                _PyErr_SetString(tstate, PyExc_TypeError, text.as_ptr());
                return;
            };
            PyException_SetCause(value.as_ptr(), fixed);
        }
        _PyErr_SetObject(tstate, class.as_ptr(), value.as_ptr());
        // CPython drops the value first.
        drop(value);
        drop(class);
    }
}

/// Calls `test` with an exception class expression, or with each item of a tuple of them, until it answers true.
unsafe fn any_class(expression: *mut PyObject, mut test: impl FnMut(*mut PyObject) -> bool) -> bool {
    // SAFETY: the caller guarantees a live object.
    unsafe {
        if has_type_flag(expression, Py_TPFLAGS_TUPLE_SUBCLASS) {
            (0..tuple::len(expression)).any(|i| test(tuple::item(expression, i)))
        } else {
            test(expression)
        }
    }
}

/// Whether what stands behind `except` is an exception class or a tuple of them; false with `TypeError` set.
///
/// # Safety
/// `expression` is alive; `tstate` is the current thread's.
pub unsafe fn check_except_type(tstate: *mut PyThreadState, expression: *mut PyObject) -> bool {
    // SAFETY: the caller guarantees a live object.
    unsafe {
        // Not only the first class of a tuple: CPython looks at all.
        if any_class(expression, |class| !is_exception_class(class)) {
            let text = c"catching classes that do not inherit from BaseException is not allowed";
            _PyErr_SetString(tstate, PyExc_TypeError, text.as_ptr());
            return false;
        }
        true
    }
}

/// The same for `except*`, where exception groups are refused too. May run code (`__subclasscheck__`).
///
/// # Safety
/// As for [`check_except_type`].
pub unsafe fn check_except_star_type(tstate: *mut PyThreadState, expression: *mut PyObject) -> bool {
    // SAFETY: the caller guarantees a live object.
    unsafe {
        if !check_except_type(tstate, expression) {
            return false;
        }
        let mut answer = 0;
        let stopped = any_class(expression, |class| {
            answer = PyObject_IsSubclass(class, PyExc_BaseExceptionGroup);
            answer != 0
        });
        if stopped && answer > 0 {
            let text = c"catching ExceptionGroup with except* is not allowed. Use except instead.";
            _PyErr_SetString(tstate, PyExc_TypeError, text.as_ptr());
        }
        !stopped
    }
}

/// An exception group of `exceptions` (a sequence, borrowed) without a message (`_PyExc_CreateExceptionGroup`).
unsafe fn new_group(exceptions: *mut PyObject) -> *mut PyObject {
    // SAFETY: the caller guarantees a live sequence; the format has one str and one object.
    unsafe { PyObject_CallFunction(PyExc_BaseExceptionGroup, c"sO".as_ptr(), c"".as_ptr(), exceptions) }
}

/// Divides an exception for an `except*` clause (`exception_group_match`): what it handles and what is left, both owned and
/// `None` where there is nothing. `None` (Rust's) with an exception set. May run code.
///
/// # Safety
/// `exception` is an exception or Python's `None`; `expression` was checked; the GIL is held.
pub unsafe fn exception_group_match(
    exception: *mut PyObject,
    expression: *mut PyObject,
) -> Option<(*mut PyObject, *mut PyObject)> {
    // SAFETY: the caller guarantees live objects.
    unsafe {
        if exception == none() {
            return Some((new_ref(none()), new_ref(none())));
        }
        if PyErr_GivenExceptionMatches(exception, expression) != 0 {
            let matched = if is_group(exception) {
                new_ref(exception)
            } else {
                let one = Owned::from_new(PyTuple_Pack(1, exception))?;
                Owned::from_new(new_group(one.as_ptr()))?.into_ptr()
            };
            return Some((matched, new_ref(none())));
        }
        if !is_group(exception) {
            return Some((new_ref(none()), new_ref(none())));
        }
        let pair = PyObject_CallMethod(exception, c"split".as_ptr(), c"(O)".as_ptr(), expression);
        let pair = Owned::from_new(pair)?;
        let is_pair =
            has_type_flag(pair.as_ptr(), Py_TPFLAGS_TUPLE_SUBCLASS) && tuple::len(pair.as_ptr()) >= 2;
        if !is_pair {
            // A subclass's own split(). CPython would read past it.
            PyErr_SetString(PyExc_TypeError, c"split must return a 2-tuple".as_ptr());
            return None;
        }
        Some((new_ref(tuple::item(pair.as_ptr(), 0)), new_ref(tuple::item(pair.as_ptr(), 1))))
    }
}

/// Something failed; an exception is set.
struct Raised;

/// Runs `step` one recursion level deeper.
unsafe fn nested<T>(place: &std::ffi::CStr, step: impl FnOnce() -> Result<T, Raised>) -> Result<T, Raised> {
    // SAFETY: the GIL is held by the word given to `prep_reraise_star`.
    unsafe {
        if Py_EnterRecursiveCall(place.as_ptr()) != 0 {
            return Err(Raised);
        }
        let result = step();
        Py_LeaveRecursiveCall();
        result
    }
}

/// The exceptions in a group (a tuple, borrowed).
unsafe fn members(group: *mut PyObject) -> *mut PyObject {
    // SAFETY: the caller guarantees a group.
    unsafe { (*group.cast::<PyBaseExceptionGroupObject>()).excs }
}

unsafe fn collect_leaves(
    exception: *mut PyObject,
    leaves: &mut HashSet<*mut PyObject>,
) -> Result<(), Raised> {
    // SAFETY: the caller guarantees an exception; a group keeps its members alive.
    unsafe {
        if exception == none() {
            return Ok(());
        }
        if !is_group(exception) {
            if allocator::fallible(|| leaves.try_reserve(1)).is_err() {
                PyErr_NoMemory();
                return Err(Raised);
            }
            leaves.insert(exception);
            return Ok(());
        }
        let excs = members(exception);
        for i in 0..tuple::len(excs) {
            let member = tuple::item(excs, i);
            nested(c" in collect_exception_group_leaf_ids", || collect_leaves(member, leaves))?;
        }
        Ok(())
    }
}

/// The part of `exception` that consists of these leaves, in the same shape; `Ok(None)` for nothing.
unsafe fn project(
    exception: *mut PyObject,
    leaves: &HashSet<*mut PyObject>,
) -> Result<Option<Owned>, Raised> {
    // SAFETY: the caller guarantees an exception; its members are alive while it is.
    unsafe {
        // A leaf is found by identity; a group is never among the leaves.
        if !is_group(exception) {
            let kept = leaves.contains(&exception);
            return Ok(if kept { Owned::from_borrowed(exception) } else { None });
        }
        let kept = Owned::from_new(PyList_New(0)).ok_or(Raised)?;
        let excs = members(exception);
        for i in 0..tuple::len(excs) {
            let member = tuple::item(excs, i);
            let part = nested(c" in exceptiongroup_split_recursive", || project(member, leaves))?;
            if let Some(part) = part
                && PyList_Append(kept.as_ptr(), part.as_ptr()) < 0
            {
                return Err(Raised);
            }
        }
        subset(exception, kept.as_ptr())
    }
}

/// A group like `original` of these exceptions, with its traceback, context, cause and notes (`exceptiongroup_subset`).
unsafe fn subset(original: *mut PyObject, exceptions: *mut PyObject) -> Result<Option<Owned>, Raised> {
    // SAFETY: the caller guarantees a group and a list; setters of context and cause take counts over.
    unsafe {
        let size: Py_ssize_t = PySequence_Size(exceptions);
        if size == 0 {
            return Ok(None);
        }
        let group = PyObject_CallMethod(original, c"derive".as_ptr(), c"(O)".as_ptr(), exceptions);
        let group = Owned::from_new(group).ok_or(Raised)?;
        if !is_group(group.as_ptr()) {
            let text = c"derive must return an instance of BaseExceptionGroup";
            PyErr_SetString(PyExc_TypeError, text.as_ptr());
            return Err(Raised);
        }
        if let Some(traceback) = Owned::from_new(PyException_GetTraceback(original))
            && PyException_SetTraceback(group.as_ptr(), traceback.as_ptr()) < 0
        {
            return Err(Raised);
        }
        PyException_SetContext(group.as_ptr(), PyException_GetContext(original));
        PyException_SetCause(group.as_ptr(), PyException_GetCause(original));
        if PyObject_HasAttrString(original, c"__notes__".as_ptr()) != 0 {
            let notes = PyObject_GetAttrString(original, c"__notes__".as_ptr());
            let notes = Owned::from_new(notes).ok_or(Raised)?;
            // Notes that are no sequence are ignored: this is no place to complain of them.
            if PySequence_Check(notes.as_ptr()) != 0 {
                let copy = Owned::from_new(PySequence_List(notes.as_ptr())).ok_or(Raised)?;
                if PyObject_SetAttrString(group.as_ptr(), c"__notes__".as_ptr(), copy.as_ptr()) < 0 {
                    return Err(Raised);
                }
            }
        }
        Ok(Some(group))
    }
}

/// Whether an exception is (part of) the original, unhandled, by what CPython compares.
unsafe fn is_reraised(exception: *mut PyObject, original: *mut PyObject) -> bool {
    // SAFETY: the caller guarantees two exceptions.
    unsafe {
        let (a, b): (*mut PyBaseExceptionObject, *mut PyBaseExceptionObject) =
            (exception.cast(), original.cast());
        (*a).notes == (*b).notes
            && (*a).traceback == (*b).traceback
            && (*a).cause == (*b).cause
            && (*a).context == (*b).context
    }
}

/// What to raise at the end of a `try` with `except*` (`_PyExc_PrepReraiseStar`): owned; Python's `None` for nothing; null with
/// an exception set. `raised` is the list of what the clauses raised or left; `original` what the `try` block raised.
///
/// # Safety
/// `original` is an exception, `raised` a list of exceptions and `None`s, both borrowed; the GIL is held.
pub unsafe fn prep_reraise_star(original: *mut PyObject, raised: *mut PyObject) -> *mut PyObject {
    // SAFETY: the caller guarantees the objects.
    unsafe {
        let count = PyList_Size(raised);
        if count == 0 {
            return new_ref(none());
        }
        if !is_group(original) {
            // It was wrapped for the clause; only one clause can have run.
            return new_ref(PyList_GetItem(raised, 0));
        }
        match reraise_parts(original, raised, count) {
            Ok(result) => result,
            Err(Raised) => null_mut(),
        }
    }
}

/// The `PY_VERSION_HEX` since which a single exception that was raised in a clause isn't wrapped in a group: 3.11.4.
const SINGLE_IS_BARE: c_ulong = 0x030b_04f0;

unsafe fn reraise_parts(
    original: *mut PyObject,
    raised: *mut PyObject,
    count: Py_ssize_t,
) -> Result<*mut PyObject, Raised> {
    // SAFETY: the caller guarantees the objects; the list holds its items while leaves are borrowed from them.
    unsafe {
        let new = Owned::from_new(PyList_New(0)).ok_or(Raised)?;
        let mut leaves = HashSet::new();
        for i in 0..count {
            let exception = PyList_GetItem(raised, i);
            if exception == none() {
                continue;
            }
            if is_reraised(exception, original) {
                collect_leaves(exception, &mut leaves)?;
            } else if PyList_Append(new.as_ptr(), exception) < 0 {
                return Err(Raised);
            }
        }
        let again = project(original, &leaves)?;
        if PyList_Size(new.as_ptr()) == 0 {
            return Ok(again.map_or_else(|| new_ref(none()), Owned::into_ptr));
        }
        if let Some(again) = again
            && PyList_Append(new.as_ptr(), again.as_ptr()) < 0
        {
            return Err(Raised);
        }
        if PyList_Size(new.as_ptr()) == 1 && Py_Version >= SINGLE_IS_BARE {
            return Ok(new_ref(PyList_GetItem(new.as_ptr(), 0)));
        }
        Owned::from_new(new_group(new.as_ptr())).map(Owned::into_ptr).ok_or(Raised)
    }
}
