//! Calls of C functions: meanwhile the registers are *parked* in the home. Kept in registers that calls preserve, all of those would have
//! to be saved first and restored behind, also where nothing is left to be done. What an operand is, is read from the stack again.
//! What ends such an instruction is one function for all of them: code that is shared stays in the processor's cache.

use super::Unit;
use super::exceptions;
use super::registers::Registers;
use crate::direct::Home;
use crate::machine::Flow;
use crate::numbers;
use capi::refs::decref;
use capi::sys::{_PyInterpreterFrame, PyObject, PyThreadState};

/// The registers of warm code.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parked {
    frame: *mut _PyInterpreterFrame,
    pub(super) sp: *mut *mut PyObject,
    pub(super) ip: *mut Unit,
    pub(super) tstate: *mut PyThreadState,
}

/// Parks the registers and shows the instruction: from here on code may run.
#[inline(always)]
pub(super) unsafe fn park(mut w: Registers) -> *mut Home {
    // SAFETY: the machine's invariant.
    unsafe {
        w.show();
        let Registers { frame, sp, ip, tstate, home, .. } = w;
        (*home).parked = Parked { frame, sp, ip, tstate };
        home
    }
}

/// The registers again, of an instruction in which code may have run.
#[inline(always)]
pub(super) unsafe fn back(home: *mut Home) -> Registers {
    // SAFETY: parked before, in this instruction.
    unsafe {
        let Parked { frame, sp, ip, tstate } = (*home).parked;
        Registers::new(frame, sp, ip, tstate, home).after_code()
    }
}

/// Drops a reference while the registers are parked; the object is freed at once.
#[inline(always)]
pub(super) unsafe fn drop_at_once(home: *mut Home, o: *mut PyObject) {
    // SAFETY: a live object of which the handler holds a reference.
    unsafe {
        (*o).ob_refcnt -= 1;
        if (*o).ob_refcnt == 0 {
            numbers::dealloc((*home).parked.tstate, o);
        }
    }
}

/// Puts the result (owned, or null with an exception) of a C function in the place of the topmost object, which is dropped; goes on
/// `width` units further.
#[inline(never)]
pub(super) unsafe extern "C" fn finish_one(home: *mut Home, result: *mut PyObject, width: usize) -> Flow {
    // SAFETY: parked; the operand is on the stack.
    unsafe {
        if result.is_null() {
            return failed(home, 1);
        }
        drop_at_once(home, (*home).parked.sp.sub(1).replace(result));
        back(home).next(width)
    }
}

/// The same for the two topmost objects, of which the lower one is dropped first.
#[inline(never)]
pub(super) unsafe extern "C" fn finish_two(home: *mut Home, result: *mut PyObject, width: usize) -> Flow {
    // SAFETY: as above.
    unsafe {
        if result.is_null() {
            return failed(home, 2);
        }
        drop_at_once(home, (*home).parked.sp.sub(2).replace(result));
        drop_at_once(home, *(*home).parked.sp.sub(1));
        let mut w = back(home);
        w.shrink(1);
        w.next(width)
    }
}

/// Drops the `N` topmost objects, the lowest one first, after a C function that has no result; an exception is set where `status` is
/// not 0.
#[inline(never)]
pub(super) unsafe extern "C" fn finish_bare<const N: usize>(
    home: *mut Home,
    status: i32,
    width: usize,
) -> Flow {
    // SAFETY: as above.
    unsafe {
        if status != 0 {
            return failed(home, N);
        }
        for depth in (1..=N).rev() {
            drop_at_once(home, *(*home).parked.sp.sub(depth));
        }
        let mut w = back(home);
        w.shrink(N);
        w.next(width)
    }
}

/// Drops so many operands, the lowest one first, of an instruction that raised an exception.
#[cold]
#[inline(never)]
pub(super) unsafe extern "C" fn failed(home: *mut Home, operands: usize) -> Flow {
    // SAFETY: as above; operands may be null.
    unsafe {
        let mut w = back(home);
        w.shrink(operands);
        for i in 0..operands {
            let o = *w.sp.add(i);
            if !o.is_null() {
                decref(o);
            }
        }
        exceptions::raise(w)
    }
}
