//! Returns.

use super::call_site::CALL;
use super::registers::{Registers, jump};
use super::translate::unit_of;
use super::{dispatch, generators, handlers};
use crate::completion::{Completion, Link};
use crate::machine::Flow;
use crate::{code_data, eval_breaker, helpers, numbers};
use capi::frame;
use capi::refs::decref;
use capi::sys::{_PyInterpreterFrame, PyObject};

/// `is_entry`, `owner` and the note of a frame at once: they follow `stacktop`.
#[inline(always)]
unsafe fn kind(frame: *mut _PyInterpreterFrame) -> u32 {
    // SAFETY: a frame; the two bytes of the note may be anything.
    unsafe { (&raw const (*frame).is_entry).cast::<u32>().read() }
}

/// Has the frame a frame object, or a dict that `locals()` made?
#[inline(always)]
unsafe fn was_seen(frame: *mut _PyInterpreterFrame) -> bool {
    // SAFETY: a frame.
    unsafe { (*frame).frame_obj as usize | (*frame).f_locals as usize != 0 }
}

handlers! {
    /// `RETURN_VALUE` to warm code, of a frame that nobody looked at.
    fn return_value(w, arg) {
        let dying = w.frame;
        if kind(dying) != (Completion::WARM_CALL.word() >> 32) as u32 || was_seen(dying) {
            return w.instead(return_otherwise, arg);
        }
        let code = (*dying).f_code;
        let mut slot = frame::locals(dying);
        let end = slot.add((*code).co_nlocalsplus as usize);
        while slot != end {
            let o = *slot;
            if !o.is_null() {
                if (*o).ob_refcnt == 1 {
                    return w.instead(return_with_deaths, slot as usize);
                }
                (*o).ob_refcnt -= 1;
            }
            slot = slot.add(1);
        }
        let function = (*dying).f_func.cast::<PyObject>();
        if (*function).ob_refcnt == 1 || (*code).ob_base.ob_base.ob_refcnt == 1 {
            return w.instead(return_with_deaths, slot as usize);
        }
        (*function).ob_refcnt -= 1;
        (*code).ob_base.ob_base.ob_refcnt -= 1;
        let value = w.peek(1);
        let caller = (*dying).previous;
        (*w.tstate).recursion_remaining += 1;
        (*(*w.tstate).cframe).current_frame = caller;
        (*w.tstate).datastack_top = Link::of(dying).cast();
        return_to(caller, value, w)
    }

    /// `LOAD_CONST`, `RETURN_VALUE`
    fn load_const_return_value(w, _arg) {
        let o = w.constant(0);
        (*o).ob_refcnt += 1;
        w.push(o);
        w.ip = w.ip.add(1);
        w.instead(return_value, 0)
    }

    /// `LOAD_FAST`, `RETURN_VALUE`
    fn load_fast_return_value(w, index) {
        let o = *w.local(index);
        if o.is_null() {
            return w.full(index);
        }
        (*o).ob_refcnt += 1;
        w.push(o);
        w.ip = w.ip.add(1);
        w.instead(return_value, 0)
    }

    /// `RETURN_VALUE` to warm code, where something dies from the local at `slot` on.
    fn return_with_deaths(w, slot) {
        let value = w.peek(1);
        let caller = (*w.frame).previous;
        (*(*w.tstate).cframe).current_frame = caller;
        clear(&w, slot as *mut *mut PyObject);
        return_to(caller, value, w)
    }

    /// `RETURN_VALUE` of all other kinds.
    fn return_otherwise(w, arg) {
        let dying = w.frame;
        let kind = kind(dying);
        // An entry frame's note means nothing.
        if kind & 0xffff != 0 {
            return w.instead(generators::return_value, arg);
        }
        if was_seen(dying) {
            return w.full(arg);
        }
        let completion = Completion::from_note((kind >> 16) as u16);
        if let Some(operands) = completion.warm_init_operands() {
            return w.instead(return_from_init, operands);
        }
        if let Some(operands) = completion.warm_spread_operands() {
            return w.instead(return_from_spread, operands);
        }
        w.full(arg)
    }

    /// `RETURN_VALUE` of an `__init__` whose class was called with so many operands (see `completion`).
    fn return_from_init(w, operands) {
        let value = w.peek(1);
        if value != helpers::none() {
            return w.full(0);
        }
        let caller = (*w.frame).previous;
        (*(*w.tstate).cframe).current_frame = caller;
        clear(&w, frame::locals(w.frame));
        // Before what dies now can push frames over the link.
        w.ip = (*Link::of(w.frame)).next.sub(CALL);
        w.frame = caller;
        (*value).ob_refcnt -= 1;
        (*w.tstate).recursion_remaining += 1;
        // Instance, class, operands: the instance stays.
        let end = frame::locals(caller).add((*caller).stacktop as usize);
        (*caller).stacktop = -1;
        let class = end.sub(operands + 1);
        w.sp = class;
        for i in 0..=operands {
            let o = *class.add(i);
            (*o).ob_refcnt -= 1;
            if (*o).ob_refcnt == 0 {
                numbers::dealloc(w.tstate, o);
            }
        }
        if !w.breaker_clear() {
            return w.instead(serve_breaker, 0);
        }
        w.next(CALL)
    }

    /// `RETURN_VALUE` of a function that was called with so many operands by `CALL_FUNCTION_EX`.
    fn return_from_spread(w, operands) {
        let value = w.peek(1);
        let caller = (*w.frame).previous;
        (*(*w.tstate).cframe).current_frame = caller;
        clear(&w, frame::locals(w.frame));
        w.ip = (*Link::of(w.frame)).next.sub(1);
        w.frame = caller;
        // NULL, function, arguments: the value goes to the place of NULL.
        let end = frame::locals(caller).add((*caller).stacktop as usize);
        (*caller).stacktop = -1;
        let function = end.sub(operands);
        w.sp = function;
        for i in 0..operands {
            let o = *function.add(i);
            (*o).ob_refcnt -= 1;
            if (*o).ob_refcnt == 0 {
                numbers::dealloc(w.tstate, o);
            }
        }
        w.poke(1, value);
        if !w.breaker_clear() {
            return w.instead(serve_breaker_after_spread, 0);
        }
        w.next(1)
    }

    /// After a `CALL_FUNCTION_EX`: signals, requests for the GIL, pending calls, or a trace function that was set.
    fn serve_breaker_after_spread(w, _arg) {
        match eval_breaker::serve(w.tstate, w.frame) {
            Flow::Next => w.next(1),
            flow => dispatch::leave(w, 1, flow),
        }
    }

    /// After a `CALL`: signals, requests for the GIL, pending calls, or a trace function that was set.
    fn serve_breaker(w, _arg) {
        match eval_breaker::serve(w.tstate, w.frame) {
            Flow::Next => w.next(CALL),
            flow => dispatch::leave(w, CALL, flow),
        }
    }
}

/// Brings the links of this activation's frames, `frame` the last, in line with what their callers show: a debugger may have had those go
/// on elsewhere (`f_lineno`). CPython looks there only after calls that it makes without C, which are plain ones here.
///
/// # Safety
/// The frame is the current one; none is executing warm code.
#[cold]
pub(crate) unsafe fn relink(mut frame: *mut _PyInterpreterFrame) {
    // SAFETY: by contract; the caller of a frame with a link has translated code.
    unsafe {
        while !(*frame).is_entry {
            let caller = (*frame).previous;
            if kind(frame) == (Completion::WARM_CALL.word() >> 32) as u32 {
                let code = (*caller).f_code;
                let next = (*caller).prev_instr.add(1);
                (*Link::of(frame)).next = unit_of((*code_data::brief(code)).units, code, next);
            }
            frame = caller;
        }
    }
}

/// Drops what the frame holds, the locals from `slot` on, and pops it. It was unlinked before.
#[inline(always)]
unsafe fn clear(w: &Registers, mut slot: *mut *mut PyObject) {
    // SAFETY: a frame that warm code pushed, without a frame object; finalizers run one level deeper, as under CPython.
    unsafe {
        let dying = w.frame;
        let code = (*dying).f_code;
        let end = frame::locals(dying).add((*code).co_nlocalsplus as usize);
        while slot != end {
            let o = *slot;
            if !o.is_null() {
                (*o).ob_refcnt -= 1;
                if (*o).ob_refcnt == 0 {
                    numbers::dealloc(w.tstate, o);
                }
            }
            slot = slot.add(1);
        }
        decref((*dying).f_func.cast());
        decref(code.cast());
        (*w.tstate).recursion_remaining += 1;
        (*w.tstate).datastack_top = Link::of(dying).cast();
    }
}

/// Goes on in the caller, where the link of the frame that just died says, with a call's value.
#[inline(always)]
unsafe fn return_to(caller: *mut _PyInterpreterFrame, value: *mut PyObject, w: Registers) -> Flow {
    // SAFETY: the caller made a warm call; nothing was pushed over the link since.
    unsafe {
        let sp = frame::locals(caller).add((*caller).stacktop as usize);
        *sp = value;
        (*caller).stacktop = -1;
        jump(caller, sp.add(1), (*Link::of(w.frame)).next, w.tstate, w.home)
    }
}
