//! Generators and coroutines: their frames run in the activation that asks them for a value (`crate::generators`).

use super::handlers;
use super::registers::{Registers, jump};
use crate::code_data;
use crate::completion::Completion;
use crate::direct::Direct;
use crate::machine::Flow;
use crate::{generators, helpers};
use capi::refs::type_of;
use capi::sys::{self, _PyInterpreterFrame, PyGenObject, PyObject};
use capi::{frame, generators as coroutines};

/// Goes on in a generator that may be resumed, with `value` (taken over). The caller shows its instruction; `w.sp` is without what is
/// sent.
#[inline(always)]
unsafe fn enter(w: Registers, generator: *mut PyGenObject, value: *mut PyObject) -> Flow {
    // SAFETY: the machine's invariant; `is_resumable` said yes.
    unsafe {
        let (frame, sp) = generators::link(w.tstate, w.frame, w.sp, generator, value);
        let code = (*frame).f_code;
        let at = (*frame).prev_instr.add(1);
        let data = code_data::get(code);
        if data.is_null() || (*data).translation.units.is_null() {
            (*w.home).registers = Direct { frame, sp, ip: at, tstate: w.tstate, home: w.home };
            return Flow::Switch;
        }
        let units = (*data).translation.units;
        (*w.home).enter(units, code);
        let ip = units.add(at.offset_from(frame::first_instruction(code)) as usize);
        jump(frame, sp, ip, w.tstate, w.home)
    }
}

handlers! {
    /// `FOR_ITER` over a generator.
    fn for_iter(w, distance) {
        let iterator = w.peek(1);
        if type_of(iterator) != &raw mut sys::PyGen_Type {
            return w.instead(super::iteration::any, distance);
        }
        let generator = iterator.cast::<PyGenObject>();
        if !generators::is_resumable(w.tstate, generator) {
            return w.full(distance);
        }
        let none = helpers::none();
        (*none).ob_refcnt += 1;
        w.show();
        enter(w, generator, none)
    }

    /// `SEND` of None to a generator or coroutine.
    fn send(w, distance) {
        let none = helpers::none();
        let receiver = w.peek(2);
        let ty = type_of(receiver);
        if w.peek(1) != none
            || (ty != &raw mut sys::PyGen_Type && ty != &raw mut sys::PyCoro_Type)
            || !generators::is_resumable(w.tstate, receiver.cast())
        {
            return w.full(distance);
        }
        w.show();
        w.shrink(1);
        enter(w, receiver.cast(), none)
    }

    /// `YIELD_VALUE` to a caller in the same activation.
    fn yield_value(w, arg) {
        if (*w.frame).is_entry {
            return w.instead(yield_from_entry, arg);
        }
        if (*(*w.tstate).cframe).use_tracing != 0 {
            return w.full(arg);
        }
        let value = w.peek(1);
        w.show();
        let caller = generators::suspend(w.tstate, w.frame, w.sp.sub(1));
        return_to(caller, value, w)
    }

    /// `YIELD_VALUE` to whoever entered the evaluator with this frame.
    fn yield_from_entry(w, _arg) {
        w.show();
        generators::suspend_entry(w.tstate, w.frame, w.sp.sub(1));
        (*w.home).result = w.peek(1);
        Flow::Return
    }

    /// `RETURN_GENERATOR` to a caller in the same activation.
    fn return_generator(w, arg) {
        let tstate = w.tstate;
        let dying = w.frame;
        if (*dying).is_entry || !Completion::of(dying).is_plain() {
            return w.full(arg);
        }
        w.show();
        let generator = coroutines::make_coro(tstate, (*dying).f_func);
        if generator.is_null() {
            return super::dispatch::leave(w, 1, Flow::Raise);
        }
        (*dying).stacktop = w.sp.offset_from(frame::locals(dying)) as i32;
        // The generator's frame is none of this call any more.
        *frame::note(dying) = 0;
        coroutines::move_frame(dying, generator);
        let caller = (*dying).previous;
        (*tstate).recursion_remaining += 1;
        (*(*tstate).cframe).current_frame = caller;
        frame::pop(tstate, dying);
        return_to(caller, generator.cast(), w)
    }

    /// `GET_AWAITABLE`: a coroutine that has not started is its own iterator.
    fn get_awaitable(w, previous) {
        if generators::is_new_coroutine(w.peek(1)) {
            return w.next(1);
        }
        w.full(previous)
    }
}

/// Goes on in the caller, warm or not, with what a generator gave it.
#[inline(always)]
unsafe fn return_to(caller: *mut _PyInterpreterFrame, value: *mut PyObject, w: Registers) -> Flow {
    // SAFETY: the caller's frame says where it stands.
    unsafe {
        let sp = frame::locals(caller).add((*caller).stacktop as usize);
        *sp = value;
        let sp = sp.add(1);
        (*caller).stacktop = -1;
        let code = (*caller).f_code;
        let at = (*caller).prev_instr.add(1);
        let data = code_data::get(code);
        if data.is_null() || (*data).translation.units.is_null() {
            (*w.home).registers = Direct { frame: caller, sp, ip: at, tstate: w.tstate, home: w.home };
            return Flow::Switch;
        }
        let units = (*data).translation.units;
        (*w.home).enter(units, code);
        let ip = units.add(at.offset_from(frame::first_instruction(code)) as usize);
        jump(caller, sp, ip, w.tstate, w.home)
    }
}
