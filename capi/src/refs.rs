//! Reference counts: raw operations for the evaluator's slots, and `Owned` for code that leaves by several ways.
//!
//! Everything here needs the GIL. A decref may run any code (finalizers, weak reference callbacks), so it must never happen
//! while a structure is half changed.
//!
//! ```ignore
//! let name = unsafe { Owned::from_new(sys::PyUnicode_FromString(c"x".as_ptr())) }?;
//! use_it(name.as_ptr());
//! ```

use crate::sys::{_Py_Dealloc, PyObject, PyTypeObject};
use std::ptr::NonNull;

/// Adds a count.
///
/// # Safety
/// `object` is alive; the GIL is held.
#[inline(always)]
pub unsafe fn incref(object: *mut PyObject) {
    // SAFETY: the caller guarantees a live object.
    unsafe { (*object).ob_refcnt += 1 };
}

/// Adds a count unless `object` is null.
///
/// # Safety
/// `object` is null or alive; the GIL is held.
#[inline(always)]
pub unsafe fn xincref(object: *mut PyObject) {
    if !object.is_null() {
        // SAFETY: not null, so alive by the caller's word.
        unsafe { incref(object) };
    }
}

/// Drops a count, and the object with the last one: may run any code.
///
/// # Safety
/// The caller owns a count of `object` and gives it up; the GIL is held.
#[inline(always)]
pub unsafe fn decref(object: *mut PyObject) {
    // SAFETY: the caller owns a count, so the object is alive; the last count was its own.
    unsafe {
        (*object).ob_refcnt -= 1;
        if (*object).ob_refcnt == 0 {
            _Py_Dealloc(object);
        }
    }
}

/// Like [`decref`], but null is allowed.
///
/// # Safety
/// `object` is null or the caller owns a count of it and gives it up; the GIL is held.
#[inline(always)]
pub unsafe fn xdecref(object: *mut PyObject) {
    if !object.is_null() {
        // SAFETY: not null, so owned by the caller's word.
        unsafe { decref(object) };
    }
}

/// Adds a count and returns the object.
///
/// # Safety
/// As for [`incref`].
#[inline(always)]
pub unsafe fn new_ref(object: *mut PyObject) -> *mut PyObject {
    // SAFETY: the caller guarantees a live object.
    unsafe { incref(object) };
    object
}

/// Empties a slot, then drops what was in it (the order matters: the drop may look at the slot).
///
/// # Safety
/// `slot` points to a slot that is null or owns a count; the GIL is held.
#[inline(always)]
pub unsafe fn clear(slot: *mut *mut PyObject) {
    // SAFETY: the caller guarantees the slot; its count moves to the drop.
    unsafe { xdecref(slot.replace(std::ptr::null_mut())) };
}

/// The exact type of an object (borrowed).
///
/// # Safety
/// `object` is alive.
#[inline(always)]
pub unsafe fn type_of(object: *mut PyObject) -> *mut PyTypeObject {
    // SAFETY: the caller guarantees a live object.
    unsafe { (*object).ob_type }
}

/// Whether the type of `object` has one of these `Py_TPFLAGS_…`.
///
/// # Safety
/// `object` is alive.
#[inline(always)]
pub unsafe fn has_type_flag(object: *mut PyObject, flag: u32) -> bool {
    // SAFETY: the caller guarantees a live object; its type lives at least as long.
    unsafe { (*type_of(object)).tp_flags & u64::from(flag) != 0 }
}

/// A count that is dropped with its owner. Created and dropped only with the GIL held.
#[derive(Debug)]
pub struct Owned(NonNull<PyObject>);

impl Owned {
    /// Takes over a count, as C functions return it; `None` for null (an exception is then set, by the C function's custom).
    ///
    /// # Safety
    /// `object` is null or carries a count that nobody else drops; the GIL is held until the value is dropped.
    #[inline]
    pub unsafe fn from_new(object: *mut PyObject) -> Option<Owned> {
        NonNull::new(object).map(Owned)
    }

    /// Adds a count of its own to a borrowed object.
    ///
    /// # Safety
    /// `object` is null or alive; the GIL is held until the value is dropped.
    #[inline]
    pub unsafe fn from_borrowed(object: *mut PyObject) -> Option<Owned> {
        // SAFETY: null or alive by the caller's word.
        unsafe { xincref(object) };
        NonNull::new(object).map(Owned)
    }

    /// The object; the count stays here.
    #[inline]
    pub fn as_ptr(&self) -> *mut PyObject {
        self.0.as_ptr()
    }

    /// The object, and its count with it.
    #[inline]
    pub fn into_ptr(self) -> *mut PyObject {
        std::mem::ManuallyDrop::new(self).0.as_ptr()
    }
}

impl Drop for Owned {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: a count was taken over at creation, and the creator promised the GIL.
        unsafe { decref(self.0.as_ptr()) }
    }
}

/// An object that somebody else keeps alive for `'a`.
#[derive(Debug, Clone, Copy)]
pub struct Borrowed<'a>(NonNull<PyObject>, std::marker::PhantomData<&'a PyObject>);

impl<'a> Borrowed<'a> {
    /// `None` for null.
    ///
    /// # Safety
    /// `object` is null or stays alive for `'a`.
    #[inline]
    pub unsafe fn new(object: *mut PyObject) -> Option<Borrowed<'a>> {
        NonNull::new(object).map(|object| Borrowed(object, std::marker::PhantomData))
    }

    /// The object.
    #[inline]
    pub fn as_ptr(self) -> *mut PyObject {
        self.0.as_ptr()
    }

    /// A count of one's own.
    ///
    /// # Safety
    /// The GIL is held until the result is dropped.
    #[inline]
    pub unsafe fn to_owned(self) -> Owned {
        // SAFETY: alive for 'a by the word given to `new`.
        unsafe { incref(self.0.as_ptr()) };
        Owned(self.0)
    }
}
