//! When an object is freed whose last reference an opcode dropped: at once, or at the end of a threaded handler.

use crate::numbers;
use capi::sys::{PyObject, PyThreadState};
use std::ptr;

/// When an object is freed whose last reference an opcode dropped.
pub trait Deaths: Copy {
    /// Frees it, or notes it.
    ///
    /// # Safety
    /// The count of `o` is 0; `tstate` is the running thread's.
    unsafe fn dead(&mut self, tstate: *mut PyThreadState, o: *mut PyObject);
    /// Frees what was noted, because code may run now that must not come before.
    ///
    /// # Safety
    /// As `dead`.
    unsafe fn settle(&mut self, tstate: *mut PyThreadState);
}

/// At once, by a call.
#[derive(Clone, Copy, Debug)]
pub struct AtOnce;

impl Deaths for AtOnce {
    #[inline(always)]
    unsafe fn dead(&mut self, tstate: *mut PyThreadState, o: *mut PyObject) {
        // SAFETY: by contract.
        unsafe { numbers::dealloc(tstate, o) }
    }
    #[inline(always)]
    unsafe fn settle(&mut self, _: *mut PyThreadState) {}
}

/// At the end of the opcode, where a threaded handler jumps to a function that does it: a call within the handler would make
/// it save registers on entry. The dead are linked through their counts, the last one first.
#[derive(Clone, Copy, Debug)]
pub struct AtTheEnd {
    /// The last object that died, or null.
    pub last: *mut PyObject,
}

impl Deaths for AtTheEnd {
    #[inline(always)]
    unsafe fn dead(&mut self, _: *mut PyThreadState, o: *mut PyObject) {
        // SAFETY: by contract; nobody looks at a dead object's count.
        unsafe { (*o).ob_refcnt = self.last as isize };
        self.last = o;
    }
    #[inline(always)]
    unsafe fn settle(&mut self, tstate: *mut PyThreadState) {
        if !self.last.is_null() {
            // SAFETY: by contract.
            unsafe { bury(tstate, self.last) };
            self.last = ptr::null_mut();
        }
    }
}

/// Frees the noted dead in the order of their deaths.
///
/// # Safety
/// `last` is the chain of [`AtTheEnd`]; `tstate` is the running thread's.
#[cold]
#[inline(never)]
pub unsafe fn bury(tstate: *mut PyThreadState, last: *mut PyObject) {
    // SAFETY: by contract.
    unsafe {
        let mut first: *mut PyObject = ptr::null_mut();
        let mut o = last;
        while !o.is_null() {
            let before = (*o).ob_refcnt as *mut PyObject;
            (*o).ob_refcnt = first as isize;
            first = o;
            o = before;
        }
        while !first.is_null() {
            let next = (*first).ob_refcnt as *mut PyObject;
            (*first).ob_refcnt = 0;
            numbers::dealloc(tstate, first);
            first = next;
        }
    }
}
