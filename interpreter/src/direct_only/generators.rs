//! Generators and coroutines.

use super::{Name, exceptions};
use crate::direct::Direct;
use crate::machine::{Flow, Machine};
use capi::frame;
use capi::refs::{decref, type_of};
use capi::sys::{self, PyObject};
use std::ptr;

static AENTER: Name = Name::new(c"__aenter__");
static AEXIT: Name = Name::new(c"__aexit__");

/// `FRAME_SUSPENDED`
const SUSPENDED: i8 = -1;

/// `RETURN_GENERATOR`: CPython's evaluator does it.
#[inline(never)]
pub fn return_generator(_: &mut Direct, _: usize) -> Flow {
    Flow::HandOver
}

/// `YIELD_VALUE`: leaves the evaluator, which was entered with this very frame.
#[inline(never)]
pub fn yield_value(d: &mut Direct, _: usize) -> Flow {
    // SAFETY: the invariant; a generator owns the frame.
    unsafe {
        (*d.home).result = d.pop();
        (*frame::generator(d.frame)).gi_frame_state = SUSPENDED;
        d.save_stack();
        (*d.tstate).recursion_remaining += 1;
    }
    Flow::Return
}

/// `SEND`: the value at the top to the iterator below it; jumps when that returned.
#[inline(never)]
pub fn send(d: &mut Direct, distance: usize) -> Flow {
    // SAFETY: the invariant.
    unsafe {
        let value = d.pop();
        let receiver = d.peek(1);
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

/// `GET_AWAITABLE`: CPython's evaluator does it.
#[inline(never)]
pub fn get_awaitable(_: &mut Direct, _: usize) -> Flow {
    Flow::HandOver
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

/// `GET_ANEXT`: CPython's evaluator does it.
#[inline(never)]
pub fn get_anext(_: &mut Direct, _: usize) -> Flow {
    Flow::HandOver
}

/// `ASYNC_GEN_WRAP`: CPython's evaluator does it.
#[inline(never)]
pub fn async_gen_wrap(_: &mut Direct, _: usize) -> Flow {
    Flow::HandOver
}

/// `END_ASYNC_FOR`: StopAsyncIteration ends the loop, another exception goes on.
#[inline(never)]
pub fn end_async_for(d: &mut Direct, _: usize) -> Flow {
    // SAFETY: the invariant: iterator below, exception above.
    unsafe {
        let value = d.pop();
        if sys::PyErr_GivenExceptionMatches(value, sys::PyExc_StopAsyncIteration) == 0 {
            return exceptions::restore(value);
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
