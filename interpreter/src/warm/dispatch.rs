//! Between warm code and the rest: entering it, freeing what died, running an opcode that has no handler of its own, leaving.

use super::parked::{back, park};
use super::registers::{Registers, jump};
use super::translate::unit_of;
use super::{handlers, width};
use crate::code_data;
use crate::direct::{Direct, Home};
use crate::dispatch::OPCODES;
use crate::machine::Flow;
use crate::{numbers, opcode, tracing};
use capi::frame;
use capi::sys::{self, PyObject};

/// Goes on in warm code where the home's registers stand. `Switch` when that code has no translation.
///
/// # Safety
/// The home's registers keep the machine's invariant.
pub(crate) unsafe extern "C" fn resume(home: *mut Home) -> Flow {
    // SAFETY: by contract.
    unsafe {
        let Direct { frame, sp, ip, tstate, .. } = (*home).registers;
        let code = (*frame).f_code;
        let brief = code_data::brief(code);
        if brief.is_null() || (*brief).units.is_null() {
            return Flow::Switch;
        }
        jump(frame, sp, unit_of((*brief).units, code, ip), tstate, home)
    }
}

/// Starts or resumes a frame with which the evaluator is entered, and whose stack ends at `sp`. `Switch`, with the registers in
/// the home, when its code has no translation.
///
/// # Safety
/// The frame is current, with a `stacktop` of -1; its next instruction is the one behind its `prev_instr`.
#[inline(always)]
pub(crate) unsafe fn go(
    home: *mut Home,
    tstate: *mut sys::PyThreadState,
    frame: *mut sys::_PyInterpreterFrame,
    sp: *mut *mut PyObject,
) -> Flow {
    // SAFETY: by contract.
    unsafe {
        let code = (*frame).f_code;
        let ip = (*frame).prev_instr.add(1);
        let brief = code_data::brief(code);
        if brief.is_null() || (*brief).units.is_null() {
            (*home).registers = Direct { frame, sp, ip, tstate, home };
            return Flow::Switch;
        }
        jump(frame, sp, unit_of((*brief).units, code, ip), tstate, home)
    }
}

/// Leaves warm code: the registers go to the home, at the instruction behind the one at `w.ip`, which is `width` units long.
#[inline(always)]
pub(super) unsafe fn leave(w: Registers, width: usize, flow: Flow) -> Flow {
    // SAFETY: the machine's invariant.
    unsafe { lay_down(&w, width) };
    flow
}

/// Puts the registers into the home, for functions over `Direct`: at the instruction behind the one at `w.ip`, which is executed and is
/// `width` units long.
#[inline(always)]
pub(super) unsafe fn lay_down(w: &Registers, width: usize) {
    // SAFETY: the machine's invariant.
    unsafe { lay_down_at(w, w.instruction(), w.instruction_at(w.ip.add(width))) }
}

/// The same, where `at` is executed and `next` would be the next instruction.
#[inline(always)]
pub(super) unsafe fn lay_down_at(w: &Registers, at: *mut u16, next: *mut u16) {
    // SAFETY: the machine's invariant.
    unsafe {
        (*w.frame).prev_instr = at;
        let Registers { frame, sp, tstate, home, .. } = *w;
        (*home).registers = Direct { frame, sp, ip: next, tstate, home };
    }
}

/// Starts a new frame, of code that is translated, with which the evaluator is entered.
///
/// # Safety
/// The frame is current, with a `stacktop` of -1; its locals are filled.
#[inline(always)]
pub(crate) unsafe fn start(
    home: *mut Home,
    tstate: *mut sys::PyThreadState,
    frame: *mut sys::_PyInterpreterFrame,
) -> Flow {
    // SAFETY: by contract.
    unsafe {
        let brief = code_data::brief((*frame).f_code);
        let units = (*brief).units;
        let sp = frame::stack_base(frame);
        let clear = Registers::new(frame, sp, units, tstate, home).breaker_clear();
        jump(frame, sp, if clear { (*brief).start() } else { units }, tstate, home)
    }
}

handlers! {
    /// Runs the opcode itself, whatever it is.
    fn full(w, arg) {
        let at = w.instruction();
        let mut code = *at as u8;
        if opcode::DEOPT[usize::from(code)] != code {
            // CPython's evaluator had this frame or another of the same code.
            opcode::restore(w.code());
            code = *at as u8;
        }
        let width = width(code);
        lay_down(&w, width);
        let Registers { frame, ip, tstate, home, .. } = w;
        let next = (*home).registers.ip;
        match OPCODES[usize::from(code)](&mut (*home).registers, arg) {
            Flow::Next => {
                let d = &raw const (*home).registers;
                if (*d).frame == frame && tracing::is_on(tstate) {
                    return Flow::Traced;
                }
                if (*d).frame == frame && (*d).ip == next {
                    return jump(frame, (*d).sp, ip.add(width), tstate, home);
                }
                resume(home)
            }
            flow @ (Flow::Raise | Flow::Unwind) => super::exceptions::raised(home, flow),
            flow => flow,
        }
    }

    /// The same for a jump, whose unit has the distance in units.
    fn full_jump(w, _arg) {
        let target = w.ip.add(1 + w.arg(0));
        let distance = (*target).index - ((*w.ip).index + 1);
        w.full(distance.into())
    }

    /// Goes on at the unit in the loop for what is traced: the instruction before it made somebody want to see events.
    fn traced(w, _arg) {
        let ip = w.instruction();
        let Registers { frame, sp, tstate, home, .. } = w;
        (*home).registers = Direct { frame, sp, ip, tstate, home };
        Flow::Traced
    }

    /// Frees what died in the instruction at `w.ip`, then goes on at the home's `next`.
    fn bury_one(w, dead) {
        let o = dead as *mut PyObject;
        if numbers::is_number(o) {
            return w.instead(bury_number, dead);
        }
        // Nothing has run since it got its last reference.
        (*o).ob_refcnt = 0;
        let home = park(w);
        numbers::call_dealloc(o);
        back(home).reach((*home).next)
    }

    /// The same for an int or a float.
    fn bury_number(w, dead) {
        let o = dead as *mut PyObject;
        if !numbers::keep_number(w.tstate, o) {
            let home = park(w);
            sys::PyObject_Free(o.cast());
            w = back(home);
        }
        w.reach((*w.home).next)
    }

    /// The same, for two or three.
    fn bury_all(w, first) {
        let [second, third] = (*w.home).dead;
        w.show();
        for o in [first as *mut PyObject, second, third] {
            if o.is_null() {
                break;
            }
            // A finalizer of an earlier one may have got hold of a later one.
            (*o).ob_refcnt -= 1;
            if (*o).ob_refcnt == 0 {
                numbers::dealloc(w.tstate, o);
            }
        }
        w.reach((*w.home).next)
    }

    /// `EXTENDED_ARG`: its instruction has the whole argument.
    fn extended_arg(w, _arg) {
        w.next(1)
    }

    /// Stands in the units of caches, which are never executed.
    fn never(w, _arg) {
        leave(w, 1, Flow::HandOver)
    }
}
