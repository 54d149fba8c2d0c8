//! Generators and coroutines.

use super::{Name, exceptions};
use crate::completion::Completion;
use crate::direct::Direct;
use crate::machine::{Flow, Machine};
use crate::{generators as running, helpers, tracing};
use capi::refs::{decref, type_of};
use capi::sys::{self, PyObject};
use capi::{frame, generators};
use std::ptr;

static AENTER: Name = Name::new(c"__aenter__");
static AEXIT: Name = Name::new(c"__aexit__");

/// `RETURN_GENERATOR`: the frame moves into a new generator, which is returned in its stead.
#[inline(never)]
pub fn return_generator(d: &mut Direct, _: usize) -> Flow {
    // SAFETY: the invariant; the frame's locals move.
    unsafe {
        let tstate = d.tstate;
        let frame = d.frame;
        let generator = generators::make_coro(tstate, (*frame).f_func);
        if generator.is_null() {
            return Flow::Raise;
        }
        d.save_stack();
        let completion = Completion::of(frame);
        // The generator's frame is none of this call any more.
        *frame::note(frame) = 0;
        generators::move_frame(frame, generator);
        (*tstate).recursion_remaining += 1;
        if (*frame).is_entry {
            generators::leave_empty(frame);
            (*d.home).result = generator.cast();
            return Flow::Return;
        }
        let caller = (*frame).previous;
        frame::pop(tstate, frame);
        (*(*tstate).cframe).current_frame = caller;
        d.switch_to_frame(caller);
        completion.finish(d, generator.cast())
    }
}

/// `YIELD_VALUE`: the value goes to the caller in this activation, or, from its entry frame, to whoever entered it.
#[inline(never)]
pub fn yield_value(d: &mut Direct, _: usize) -> Flow {
    // SAFETY: the invariant; a generator owns the frame.
    unsafe {
        let value = d.pop();
        if (*d.frame).is_entry {
            running::suspend_entry(d.tstate, d.frame, d.sp);
            (*d.home).result = value;
            return Flow::Return;
        }
        let caller = running::suspend(d.tstate, d.frame, d.sp);
        d.switch_to_frame(caller);
        d.push(value);
        if tracing::is_on(d.tstate) { Flow::Traced } else { Flow::Next }
    }
}

/// `SEND`: the value at the top to the iterator below it; jumps when that returned.
#[inline(never)]
pub fn send(d: &mut Direct, distance: usize) -> Flow {
    // SAFETY: the invariant.
    unsafe {
        let receiver = d.peek(2);
        let ty = type_of(receiver);
        // The stack keeps what is sent until the receiver yields; None needs no keeping.
        if d.peek(1) == helpers::none()
            && (ty == &raw mut sys::PyGen_Type || ty == &raw mut sys::PyCoro_Type)
            && running::is_resumable(d.tstate, receiver.cast())
        {
            running::resume(d, 2);
            return Flow::Next;
        }
        let value = d.pop();
        let mut result = ptr::null_mut();
        let outcome = sys::PyIter_Send(receiver, value, &mut result);
        decref(value);
        match outcome {
            sys::PySendResult_PYGEN_ERROR => Flow::Raise,
            sys::PySendResult_PYGEN_RETURN => {
                d.poke(1, result);
                decref(receiver);
                let target = d.instruction() + 1 + distance;
                d.jump(target);
                Flow::Next
            }
            _ => {
                d.push(result);
                Flow::Next
            }
        }
    }
}

/// `GET_YIELD_FROM_ITER`
#[inline(never)]
pub fn get_yield_from_iter(d: &mut Direct, _: usize) -> Flow {
    // SAFETY: the invariant.
    unsafe {
        let iterable = d.peek(1);
        if type_of(iterable) == &raw mut sys::PyCoro_Type {
            let flags = (*d.code()).co_flags as u32;
            if flags & (sys::CO_COROUTINE | sys::CO_ITERABLE_COROUTINE) == 0 {
                d.shrink(1);
                decref(iterable);
                return super::raise(
                    sys::PyExc_TypeError,
                    c"cannot 'yield from' a coroutine object in a non-coroutine generator",
                );
            }
            return Flow::Next;
        }
        if type_of(iterable) == &raw mut sys::PyGen_Type {
            return Flow::Next;
        }
        let iterator = sys::PyObject_GetIter(iterable);
        super::replace_top(d, iterator)
    }
}

/// `GET_AWAITABLE`; the argument says after which opcode, for the error's text.
#[inline(never)]
pub fn get_awaitable(d: &mut Direct, previous: usize) -> Flow {
    // SAFETY: the invariant.
    unsafe {
        let iterable = d.peek(1);
        let mut iterator = generators::awaitable_iter(iterable);
        if iterator.is_null() {
            generators::format_awaitable_error(type_of(iterable), previous as u32);
        }
        decref(iterable);
        if !iterator.is_null() && type_of(iterator) == &raw mut sys::PyCoro_Type {
            let awaited = generators::delegate(iterator.cast());
            if !awaited.is_null() {
                decref(awaited);
                decref(iterator);
                iterator = ptr::null_mut();
                let _ = super::raise(sys::PyExc_RuntimeError, c"coroutine is being awaited already");
            }
        }
        d.poke(1, iterator);
        if iterator.is_null() { Flow::Raise } else { Flow::Next }
    }
}

/// The slot functions for `async for`.
unsafe fn async_slots(o: *mut PyObject) -> Option<*mut sys::PyAsyncMethods> {
    // SAFETY: a live object.
    let slots = unsafe { (*type_of(o)).tp_as_async };
    (!slots.is_null()).then_some(slots)
}

/// `GET_AITER`
#[inline(never)]
pub fn get_aiter(d: &mut Direct, _: usize) -> Flow {
    // SAFETY: the invariant.
    unsafe {
        let o = d.peek(1);
        let Some(getter) = async_slots(o).and_then(|slots| (*slots).am_aiter) else {
            d.shrink(1);
            sys::PyErr_Format(
                sys::PyExc_TypeError,
                c"'async for' requires an object with __aiter__ method, got %.100s".as_ptr(),
                (*type_of(o)).tp_name,
            );
            decref(o);
            return Flow::Raise;
        };
        let iterator = getter(o);
        d.poke(1, iterator);
        decref(o);
        if iterator.is_null() {
            return Flow::Raise;
        }
        if async_slots(iterator).and_then(|slots| (*slots).am_anext).is_none() {
            d.shrink(1);
            sys::PyErr_Format(
                sys::PyExc_TypeError,
                c"'async for' received an object from __aiter__ that does not implement __anext__: %.100s"
                    .as_ptr(),
                (*type_of(iterator)).tp_name,
            );
            decref(iterator);
            return Flow::Raise;
        }
    }
    Flow::Next
}

/// `GET_ANEXT`: pushes what to await for the next value of the asynchronous iterator.
#[inline(never)]
pub fn get_anext(d: &mut Direct, _: usize) -> Flow {
    // SAFETY: the invariant.
    unsafe {
        let iterator = d.peek(1);
        let Some(getter) = async_slots(iterator).and_then(|slots| (*slots).am_anext) else {
            sys::PyErr_Format(
                sys::PyExc_TypeError,
                c"'async for' requires an iterator with __anext__ method, got %.100s".as_ptr(),
                (*type_of(iterator)).tp_name,
            );
            return Flow::Raise;
        };
        let next = getter(iterator);
        if next.is_null() || type_of(iterator) == &raw mut sys::PyAsyncGen_Type {
            return super::push_result(d, next);
        }
        let awaitable = generators::awaitable_iter(next);
        if awaitable.is_null() {
            sys::_PyErr_FormatFromCause(
                sys::PyExc_TypeError,
                c"'async for' received an invalid object from __anext__: %.100s".as_ptr(),
                (*type_of(next)).tp_name,
            );
        }
        decref(next);
        super::push_result(d, awaitable)
    }
}

/// `ASYNC_GEN_WRAP`
#[inline(never)]
pub fn async_gen_wrap(d: &mut Direct, _: usize) -> Flow {
    // SAFETY: the invariant.
    unsafe {
        let value = d.peek(1);
        let wrapped = generators::wrap_async_value(d.tstate, value);
        if wrapped.is_null() {
            return Flow::Raise;
        }
        d.poke(1, wrapped);
        decref(value);
    }
    Flow::Next
}

/// `END_ASYNC_FOR`: StopAsyncIteration ends the loop, another exception goes on.
#[inline(never)]
pub fn end_async_for(d: &mut Direct, _: usize) -> Flow {
    // SAFETY: the invariant: iterator below, exception above.
    unsafe {
        let value = d.pop();
        if sys::PyErr_GivenExceptionMatches(value, sys::PyExc_StopAsyncIteration) == 0 {
            exceptions::restore(value);
            return Flow::Unwind;
        }
        decref(value);
        super::drop_top(d);
    }
    Flow::Next
}

/// `BEFORE_ASYNC_WITH`
#[inline(never)]
pub fn before_async_with(d: &mut Direct, _: usize) -> Flow {
    // SAFETY: the invariant.
    unsafe {
        match exceptions::special_methods(
            d.peek(1),
            &AENTER,
            &AEXIT,
            c"'%.200s' object does not support the asynchronous context manager protocol",
            c"'%.200s' object does not support the asynchronous context manager protocol (missed __aexit__ method)",
        ) {
            Some((enter, exit)) => exceptions::enter_context(d, enter, exit),
            None => Flow::Raise,
        }
    }
}
