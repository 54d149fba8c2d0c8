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
/// it save registers on entry. Until then an object keeps its last reference, so that a collection takes it for alive.
#[derive(Clone, Copy, Debug)]
pub struct AtTheEnd {
    /// In the order of their deaths; null behind the last.
    pub dead: [*mut PyObject; 3],
}

impl AtTheEnd {
    /// Nobody died.
    pub const NONE: AtTheEnd = AtTheEnd { dead: [ptr::null_mut(); 3] };
}

impl Deaths for AtTheEnd {
    #[inline(always)]
    unsafe fn dead(&mut self, tstate: *mut PyThreadState, o: *mut PyObject) {
        // SAFETY: by contract.
        unsafe {
            (*o).ob_refcnt = 1;
            if self.dead[0].is_null() {
                self.dead[0] = o;
            } else if self.dead[1].is_null() {
                self.dead[1] = o;
            } else if self.dead[2].is_null() {
                self.dead[2] = o;
            } else {
                bury(tstate, self.dead[0], self.dead[1], self.dead[2]);
                self.dead = [o, ptr::null_mut(), ptr::null_mut()];
            }
        }
    }
    #[inline(always)]
    unsafe fn settle(&mut self, tstate: *mut PyThreadState) {
        if !self.dead[0].is_null() {
            // SAFETY: by contract.
            unsafe { bury(tstate, self.dead[0], self.dead[1], self.dead[2]) };
            *self = AtTheEnd::NONE;
        }
    }
}

/// Drops the last references of the noted dead, in the order of their deaths.
///
/// # Safety
/// They are those of [`AtTheEnd`]; `tstate` is the running thread's.
#[cold]
#[inline(never)]
pub unsafe fn bury(
    tstate: *mut PyThreadState,
    first: *mut PyObject,
    second: *mut PyObject,
    third: *mut PyObject,
) {
    for o in [first, second, third] {
        if o.is_null() {
            return;
        }
        // SAFETY: by contract. A finaliser of an earlier one may have got hold of a later one.
        unsafe {
            (*o).ob_refcnt -= 1;
            if (*o).ob_refcnt == 0 {
                numbers::dealloc(tstate, o);
            }
        }
    }
}
