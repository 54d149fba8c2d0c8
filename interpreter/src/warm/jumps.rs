//! Jumps, conditional or not, and the start of a function.
//!
//! In its unit a jump backwards has besides the distance how many turns it may still make before the loop's cell is asked. The cell was
//! charged for those before: they are few against what it counts. So a turn touches no memory but the unit's.

use super::parked::{back, failed, park};
use super::registers::{Registers, bool_value};
use super::{Handler, Unit, exceptions, handlers};
use crate::code_data::{self, CodeData};
use crate::direct::Direct;
use crate::eval_breaker;
use crate::machine::Flow;
use crate::{helpers, jit, numbers};
use capi::refs::type_of;
use capi::sys::{self, PyObject};

/// The truth of what needs no code: bools, None, ints, strings and containers of CPython's own.
#[inline(always)]
unsafe fn plain_truth(o: *mut PyObject) -> Option<bool> {
    // SAFETY: a live object; layouts are used after the type was asked.
    unsafe {
        if let Some(value) = bool_value(o) {
            return Some(value);
        }
        if o == helpers::none() {
            return Some(false);
        }
        let ty = type_of(o);
        if ty == &raw mut sys::PyLong_Type
            || ty == &raw mut sys::PyList_Type
            || ty == &raw mut sys::PyTuple_Type
        {
            return Some((*o.cast::<sys::PyVarObject>()).ob_size != 0);
        }
        if ty == &raw mut sys::PyUnicode_Type {
            return Some((*o.cast::<sys::PyASCIIObject>()).length != 0);
        }
        if ty == &raw mut sys::PyDict_Type {
            return Some((*o.cast::<sys::PyDictObject>()).ma_used != 0);
        }
        None
    }
}

/// Where the jump backwards at `jump` leads.
#[inline(always)]
pub(super) unsafe fn header(jump: *mut Unit) -> *mut Unit {
    // SAFETY: a unit that `translate` made so.
    unsafe { jump.add(1).sub((*jump).arg as usize) }
}

/// How many turns a jump is given in advance at most. Never more than half of what its loop's cell has left: the loop may have other jumps.
const MOST: u16 = 64;

/// Of a unit that is a conditional jump on a truth: whether it leads backwards, and on which truth it is taken.
pub(super) fn condition(unit: Unit) -> Option<(bool, bool)> {
    let all: [(Handler, bool, bool); 4] = [
        (forward_if::<false>, false, false),
        (forward_if::<true>, false, true),
        (backward_if::<false>, true, false),
        (backward_if::<true>, true, true),
    ];
    let row = all.into_iter().find(|row| std::ptr::fn_addr_eq(row.0, unit.handler))?;
    Some((row.1, row.2))
}

/// Whether any object is true; `None`: that raised.
#[inline(always)]
unsafe fn truth(w: &mut Registers, o: *mut PyObject) -> Option<bool> {
    // SAFETY: the machine's invariant; a live object.
    unsafe {
        if let Some(value) = plain_truth(o) {
            return Some(value);
        }
        w.show();
        match sys::PyObject_IsTrue(o) {
            0 => Some(false),
            1.. => Some(true),
            _ => None,
        }
    }
}

handlers! {
    /// `JUMP_FORWARD`
    fn jump_forward(w, distance) {
        w.next(1 + distance)
    }

    /// `JUMP_BACKWARD`
    fn jump_backward(w, arg) {
        let Some(header) = w.count_turn(w.ip) else { return w.instead(loop_edge, arg) };
        w.go(header)
    }

    /// A turn at which there is more to do: the breaker is served, the cell counts, the JIT is asked.
    fn loop_edge(w, _arg) {
        let at = w.instruction();
        (*w.frame).prev_instr = at;
        let Registers { frame, sp, ip: jump, tstate, home, .. } = w;
        let code = w.code();
        let header = header(jump);
        let target = w.instruction_at(header);
        let cell = CodeData::cell(code_data::get_known(code), (*header).index.into());
        (*home).registers = Direct { frame, sp, ip: target, tstate, home };
        if !w.breaker_clear() {
            let flow = eval_breaker::serve(tstate, frame);
            if flow != Flow::Next {
                return flow;
            }
        }
        if (*jump).extra > 0 {
            // Charged before; it came here for the breaker.
            (*jump).extra -= 1;
            return super::resume(home);
        }
        (*cell).counter = (*cell).counter.saturating_sub(1);
        if (*cell).counter < 0 {
            if !jit::is_present() {
                (*cell).counter = code_data::threshold();
            } else {
                let flow = jit::hot_loop(&mut (*home).registers, cell);
                if flow != Flow::Next {
                    return flow;
                }
            }
        } else {
            let advance = ((*cell).counter / 2).min(MOST.into());
            (*cell).counter -= advance;
            (*jump).extra = advance as u16;
        }
        super::resume(home)
    }

    /// `JUMP_BACKWARD_NO_INTERRUPT`
    fn jump_backward_no_interrupt(w, distance) {
        let target = w.ip.add(1).sub(distance);
        w.go(target)
    }

    /// `POP_JUMP_FORWARD_IF_FALSE`, `POP_JUMP_FORWARD_IF_TRUE`
    fn forward_if<const WHEN: bool>(w, distance) {
        let o = w.peek(1);
        let Some(value) = bool_value(o) else {
            return w.instead(forward_if_other::<WHEN>, distance);
        };
        (*o).ob_refcnt -= 1;
        w.shrink(1);
        w.next(if value == WHEN { 1 + distance } else { 1 })
    }

    /// The same for what is no bool.
    fn forward_if_other<const WHEN: bool>(w, distance) {
        let o = w.peek(1);
        let Some(value) = plain_truth(o) else {
            return w.instead(forward_if_asked::<WHEN>, distance);
        };
        w.shrink(1);
        w.drop(o);
        w.next(if value == WHEN { 1 + distance } else { 1 })
    }

    /// The same for an object that answers by code.
    fn forward_if_asked<const WHEN: bool>(w, _distance) {
        let o = w.peek(1);
        let home = park(w);
        let answer = sys::PyObject_IsTrue(o);
        if answer < 0 {
            return failed(home, 1);
        }
        let mut w = back(home);
        let width = if (answer != 0) == WHEN { 1 + w.arg(0) } else { 1 };
        let o = w.peek(1);
        w.shrink(1);
        w.drop(o);
        w.next(width)
    }

    /// `POP_JUMP_FORWARD_IF_NONE`, `POP_JUMP_FORWARD_IF_NOT_NONE`
    fn forward_if_none<const WHEN: bool>(w, distance) {
        let o = w.peek(1);
        w.shrink(1);
        let is_none = o == helpers::none();
        w.drop(o);
        w.next(if is_none == WHEN { 1 + distance } else { 1 })
    }

    /// `POP_JUMP_BACKWARD_IF_FALSE`, `POP_JUMP_BACKWARD_IF_TRUE`
    fn backward_if<const WHEN: bool>(w, arg) {
        let o = w.peek(1);
        let Some(value) = plain_truth(o) else {
            return w.instead(backward_if_asked::<WHEN>, arg);
        };
        if value != WHEN {
            w.shrink(1);
            w.drop(o);
            return w.next(1);
        }
        if (*o).ob_refcnt == 1 && !numbers::is_number(o) {
            return w.instead(backward_if_asked::<WHEN>, arg);
        }
        let Some(header) = w.count_turn(w.ip) else {
            return w.instead(backward_if_asked::<WHEN>, arg);
        };
        w.shrink(1);
        w.drop(o);
        w.go(header)
    }

    /// The same for an object that answers by code, or whose death may run some, and where more is to be done than counting.
    fn backward_if_asked<const WHEN: bool>(w, arg) {
        w.show();
        let o = w.peek(1);
        let answer = sys::PyObject_IsTrue(o);
        w.shrink(1);
        capi::refs::decref(o);
        if answer < 0 {
            return exceptions::raise(w);
        }
        if (answer != 0) == WHEN {
            return w.instead(jump_backward, arg);
        }
        w.next(1)
    }

    /// `POP_JUMP_BACKWARD_IF_NONE`, `POP_JUMP_BACKWARD_IF_NOT_NONE`
    fn backward_if_none<const WHEN: bool>(w, arg) {
        let o = w.peek(1);
        w.shrink(1);
        let is_none = o == helpers::none();
        if is_none == WHEN {
            w.show();
            capi::refs::decref(o);
            return w.instead(jump_backward, arg);
        }
        w.drop(o);
        w.next(1)
    }

    /// `JUMP_IF_FALSE_OR_POP`, `JUMP_IF_TRUE_OR_POP`
    fn jump_or_pop<const WHEN: bool>(w, distance) {
        let o = w.peek(1);
        let Some(value) = plain_truth(o) else {
            return w.instead(jump_or_pop_asked::<WHEN>, distance);
        };
        if value == WHEN {
            return w.next(1 + distance);
        }
        w.shrink(1);
        w.drop(o);
        w.next(1)
    }

    /// The same for an object that answers by code.
    fn jump_or_pop_asked<const WHEN: bool>(w, distance) {
        w.show();
        let o = w.peek(1);
        let answer = sys::PyObject_IsTrue(o);
        if answer < 0 {
            return exceptions::raise(w);
        }
        if (answer != 0) == WHEN {
            return w.next(1 + distance);
        }
        w.shrink(1);
        w.drop(o);
        w.next(1)
    }

    /// `UNARY_NOT` of what is no bool.
    fn unary_not(w, _arg) {
        let o = w.peek(1);
        let Some(value) = truth(&mut w, o) else { return exceptions::raise(w) };
        let result = if value { helpers::py_false() } else { helpers::py_true() };
        (*result).ob_refcnt += 1;
        w.poke(1, result);
        w.drop(o);
        w.next(1)
    }

    /// `RESUME`
    fn resume(w, arg) {
        if arg < 2 && !w.breaker_clear() {
            return w.full(arg);
        }
        w.next(1)
    }
}
