//! Generators and coroutines: their frames run in the activation that asks them for a value (`crate::generators`).

use super::registers::{Registers, jump};
use super::translate::unit_of;
use super::{Handler, Unit, handlers};
use crate::code_data;
use crate::completion::Completion;
use crate::direct::{Direct, Home};
use crate::generators::{self, Resumed};
use crate::helpers;
use crate::machine::Flow;
use capi::refs::type_of;
use capi::sys::{self, _PyInterpreterFrame, PyGenObject, PyObject, PyThreadState};
use capi::{frame, generators as coroutines};

/// Goes on in a generator that may be resumed, with None. The caller shows its instruction; `w.sp` is without the None that is sent.
#[inline(always)]
unsafe fn enter(w: Registers, generator: *mut PyGenObject) -> Flow {
    // SAFETY: the machine's invariant; `is_resumable` said yes.
    unsafe {
        let none = helpers::none();
        // In the place of what the generator will give: nobody looks there until it does.
        *w.sp.cast() = w.ip.add(1);
        let (frame, sp) = generators::link(w.tstate, w.frame, w.sp, generator, none, Resumed::LinkedByWarm);
        go_on(w.home, w.tstate, frame, sp)
    }
}

/// Goes on in a generator's frame, where its stack ends at `sp` with a None that is not counted yet: it is only where it stays. `Switch`,
/// with the registers in the home, when the code has no translation.
///
/// # Safety
/// The frame is current, with a `stacktop` of -1; its next instruction is the one behind its `prev_instr`.
#[inline(always)]
pub(crate) unsafe fn go_on(
    home: *mut Home,
    tstate: *mut PyThreadState,
    frame: *mut _PyInterpreterFrame,
    sp: *mut *mut PyObject,
) -> Flow {
    // SAFETY: by contract.
    unsafe {
        let none = helpers::none();
        let at = (*frame).prev_instr.add(1);
        let code = (*frame).f_code;
        let brief = code_data::brief(code);
        if brief.is_null() || (*brief).units.is_null() {
            (*none).ob_refcnt += 1;
            (*home).registers = Direct { frame, sp, ip: at, tstate, home };
            return Flow::Switch;
        }
        let ip = unit_of((*brief).units, code, at);
        let clear = Registers::new(frame, sp, ip, tstate, home).breaker_clear();
        if std::ptr::fn_addr_eq((*ip).handler, resume_pop_top as Handler) && clear {
            return jump(frame, sp.sub(1), ip.add(2), tstate, home);
        }
        (*none).ob_refcnt += 1;
        jump(frame, sp, ip, tstate, home)
    }
}

handlers! {
    /// `FOR_ITER` over a generator.
    fn for_iter(w, distance) {
        let iterator = w.peek(1);
        if type_of(iterator) != &raw mut sys::PyGen_Type {
            return w.instead(super::iteration::any::<false>, distance);
        }
        let generator = iterator.cast::<PyGenObject>();
        if !generators::is_resumable(w.tstate, generator) {
            return w.full_jump();
        }
        w.show();
        enter(w, generator)
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
            return w.instead(send_other, distance);
        }
        w.show();
        w.shrink(1);
        (*none).ob_refcnt -= 1;
        enter(w, receiver.cast())
    }

    /// `SEND` of anything to any iterator.
    fn send_other(w, distance) {
        w.show();
        let (value, receiver) = (w.peek(1), w.peek(2));
        // Nothing here may have an address but what is in the home.
        let outcome = sys::PyIter_Send(receiver, value, &raw mut (*w.home).result);
        capi::refs::decref(value);
        let result = (*w.home).result;
        match outcome {
            sys::PySendResult_PYGEN_NEXT => {
                w.poke(1, result);
                w.next(1)
            }
            sys::PySendResult_PYGEN_RETURN => {
                w.shrink(1);
                w.poke(1, result);
                w.drop(receiver);
                w.next(1 + distance)
            }
            _ => {
                w.shrink(1);
                super::exceptions::raise(w)
            }
        }
    }

    /// `GET_ANEXT` of an asynchronous generator.
    fn get_anext(w, arg) {
        let iterator = w.peek(1);
        let ty = type_of(iterator);
        if ty != &raw mut sys::PyAsyncGen_Type {
            return w.full(arg);
        }
        let Some(getter) = (*(*ty).tp_as_async).am_anext else { return w.full(arg) };
        w.show();
        let next = getter(iterator);
        if next.is_null() {
            return super::exceptions::raise(w);
        }
        w.push(next);
        w.next(1)
    }

    /// `RESUME` within `yield from` or `await`, and the jump back to its `SEND`.
    fn resume_send(w, _arg) {
        let jump = w.ip.add(1);
        w.ip = jump.add(1).sub((*jump).arg as usize);
        let distance = w.arg(0);
        w.instead(send, distance)
    }

    /// `YIELD_VALUE` to warm code.
    fn yield_value(w, arg) {
        if !generators::is_linked_by_warm(w.frame) {
            return w.instead(yield_otherwise, arg);
        }
        if (*(*w.tstate).cframe).use_tracing != 0 {
            return w.full(arg);
        }
        let value = w.peek(1);
        w.show();
        let caller = generators::suspend(w.tstate, w.frame, w.sp.sub(1));
        let sp = frame::locals(caller).add((*caller).stacktop as usize);
        // As `enter` left it.
        let next = *sp.cast::<*mut Unit>();
        *sp = value;
        (*caller).stacktop = -1;
        jump(caller, sp.add(1), next, w.tstate, w.home)
    }

    /// `YIELD_VALUE` to C code, or to code that is cold.
    fn yield_otherwise(w, arg) {
        if !(*w.frame).is_entry {
            return w.full(arg);
        }
        w.show();
        generators::suspend_entry(w.tstate, w.frame, w.sp.sub(1));
        (*w.home).result = w.peek(1);
        Flow::Return
    }

    /// `RESUME` behind a `yield` whose value is not used, which is None in most cases.
    fn resume_pop_top(w, arg) {
        let none = helpers::none();
        if w.peek(1) != none || !w.breaker_clear() {
            return w.instead(super::jumps::resume, arg);
        }
        (*none).ob_refcnt -= 1;
        w.shrink(1);
        w.next(2)
    }

    /// `RETURN_VALUE` of an entry frame or of a generator's.
    fn return_value(w, _arg) {
        let frame = w.frame;
        w.show();
        let value = w.peek(1);
        w.shrink(1);
        (*frame).stacktop = w.sp.offset_from(frame::locals(frame)) as i32;
        (*w.tstate).recursion_remaining += 1;
        if (*frame).is_entry {
            (*w.home).result = value;
            return Flow::Return;
        }
        let Registers { frame, sp, tstate, home, .. } = w;
        (*home).registers = Direct { frame, sp, ip: w.instruction().add(1), tstate, home };
        match generators::finish(&mut (*home).registers, value) {
            Flow::Next => super::resume(home),
            flow => flow,
        }
    }

    /// `RETURN_GENERATOR`
    fn return_generator(w, arg) {
        let tstate = w.tstate;
        let dying = w.frame;
        let completion = Completion::of(dying);
        if !completion.is_plain() {
            return w.full(arg);
        }
        w.show();
        let generator = coroutines::make_coro(tstate, (*dying).f_func);
        if generator.is_null() {
            return super::exceptions::raise(w);
        }
        (*dying).stacktop = w.sp.offset_from(frame::locals(dying)) as i32;
        // The generator's frame is none of this call any more.
        coroutines::move_frame(dying, generator);
        *frame::note(coroutines::frame_of(generator)) = 0;
        (*tstate).recursion_remaining += 1;
        if (*dying).is_entry {
            coroutines::leave_empty(dying);
            (*w.home).result = generator.cast();
            return Flow::Return;
        }
        let caller = (*dying).previous;
        (*(*tstate).cframe).current_frame = caller;
        frame::pop(tstate, dying);
        completion.drop_link(tstate);
        return_to(caller, generator.cast(), w)
    }

    /// `GET_YIELD_FROM_ITER`: a generator is its own iterator.
    fn get_yield_from_iter(w, arg) {
        if type_of(w.peek(1)) == &raw mut sys::PyGen_Type {
            return w.next(1);
        }
        w.full(arg)
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
        let brief = code_data::brief(code);
        if brief.is_null() || (*brief).units.is_null() {
            (*w.home).registers = Direct { frame: caller, sp, ip: at, tstate: w.tstate, home: w.home };
            return Flow::Switch;
        }
        jump(caller, sp, unit_of((*brief).units, code, at), w.tstate, w.home)
    }
}
