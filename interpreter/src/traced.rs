//! The loop that runs frames while a trace or profile function is set: instruction by instruction, with CPython's events before, in and
//! after them (`DO_TRACING` and its like in Python/ceval.c). It ends as soon as nobody watches any more.

use crate::direct::Direct;
use crate::machine::{Flow, Machine};
use crate::semantics::calls;
use crate::{dispatch, evaluate, helpers, opcode, tracing, warm};
use capi::opcode as op;
use capi::refs::{decref, type_of};
use capi::sys::{self, PyObject};
use capi::{breaker, frame};
use std::ptr;

/// Did the machine stop at a `RESUME`, with nothing done, because somebody watches?
///
/// # Safety
/// The machine's invariant.
pub(crate) unsafe fn is_at_start(d: &Direct) -> bool {
    // SAFETY: by contract.
    unsafe {
        tracing::is_on(d.tstate) && opcode::DEOPT[usize::from(*(*d.frame).prev_instr as u8)] == op::RESUME
    }
}

/// As [`run`], from the instruction that the frame shows.
///
/// # Safety
/// The machine's invariant.
#[cold]
pub(crate) unsafe fn run_from_start(d: &mut Direct) -> Flow {
    // SAFETY: by contract.
    unsafe {
        d.ip = (*d.frame).prev_instr;
        run(d)
    }
}

/// Runs from the next instruction on. `Switch` when nobody watches any more.
///
/// # Safety
/// The machine's invariant.
#[inline(never)]
pub(crate) unsafe fn run(d: &mut Direct) -> Flow {
    // SAFETY: by contract.
    unsafe {
        while tracing::is_on(d.tstate) {
            let opcode = *d.ip as u8;
            let mut flow = Flow::Next;
            // A profile function alone is not told of lines. What CPython's evaluator made of a RESUME has one of its own.
            if opcode == op::RESUME || opcode == op::RESUME_QUICK || (*d.tstate).c_tracefunc.is_some() {
                flow = announce(d, opcode::DEOPT[usize::from(opcode)]);
            }
            if flow == Flow::Next {
                let (opcode, arg) = dispatch::fetch(d);
                flow = OPCODES[usize::from(opcode)](d, arg);
            }
            if !matches!(flow, Flow::Next | Flow::Traced | Flow::Switch) {
                return flow;
            }
        }
        warm::relink(d.frame);
    }
    Flow::Switch
}

/// The events before an instruction. `Switch`: it is to be looked at again.
unsafe fn announce(d: &mut Direct, opcode: u8) -> Flow {
    // SAFETY: the machine's invariant.
    unsafe {
        let frame = d.frame;
        let code = (*frame).f_code;
        let first = frame::first_instruction(code);
        if d.ip.offset_from(first) < (*code)._co_firsttraceable as isize {
            return Flow::Next;
        }
        let previous = (*frame).prev_instr.offset_from(first);
        (*frame).prev_instr = d.ip;
        if opcode == op::RESUME {
            if may_break(usize::from(*d.ip >> 8)) && breaker::is_set(d.tstate) {
                return if breaker::handle_pending(d.tstate) { Flow::Switch } else { Flow::Raise };
            }
            let goes_on = seen(d, |d| tracing::entered(d.tstate, d.frame));
            return if goes_on { Flow::Next } else { Flow::Raise };
        }
        if (*d.tstate).tracing == 0 {
            if !seen(d, |d| tracing::reached(d.tstate, d.frame, previous)) {
                d.ip = d.ip.add(1);
                return Flow::Raise;
            }
            // The function may have made it another.
            d.ip = (*frame).prev_instr;
        }
    }
    Flow::Next
}

/// Lets others look at the frame, and change its stack.
unsafe fn seen(d: &mut Direct, event: impl FnOnce(&Direct) -> bool) -> bool {
    d.save_stack();
    let goes_on = event(d);
    // SAFETY: the machine's invariant.
    unsafe {
        d.sp = frame::locals(d.frame).add((*d.frame).stacktop as usize);
        (*d.frame).stacktop = -1;
    }
    goes_on
}

/// Whether a `RESUME` with this argument asks the eval breaker: not after `yield from` and `await`.
fn may_break(arg: usize) -> bool {
    arg < 2
}

/// Each opcode, with the events in it.
static OPCODES: [dispatch::Opcode; 256] = {
    let mut table = dispatch::OPCODES;
    table[op::RESUME as usize] = resume;
    table[op::CALL as usize] = call;
    table[op::CALL_FUNCTION_EX as usize] = call_function_ex;
    table[op::RETURN_VALUE as usize] = |d, arg| give(d, op::RETURN_VALUE, arg);
    table[op::YIELD_VALUE as usize] = |d, arg| give(d, op::YIELD_VALUE, arg);
    table[op::FOR_ITER as usize] = for_iter;
    table[op::SEND as usize] = send;
    table
};

/// `RESUME`, whose event has been.
fn resume(d: &mut Direct, arg: usize) -> Flow {
    // SAFETY: the machine's invariant.
    unsafe {
        if may_break(arg) && breaker::is_set(d.tstate) && !breaker::handle_pending(d.tstate) {
            return Flow::Raise;
        }
    }
    Flow::Next
}

/// `CALL`, with the events for the profile function.
fn call(d: &mut Direct, arg: usize) -> Flow {
    // SAFETY: the machine's invariant.
    unsafe {
        if (*d.tstate).c_profilefunc.is_none() || !tracing::is_on(d.tstate) {
            return dispatch::execute(d, op::CALL, arg);
        }
        let below = usize::from(d.peek(arg + 2).is_null());
        let nargs = arg + 1 - below;
        let function = d.peek(nargs + 1);
        if type_of(function) == &raw mut sys::PyFunction_Type {
            return dispatch::execute(d, op::CALL, arg);
        }
        let kwnames = calls::keyword_names(d);
        let keywords = if kwnames.is_null() { 0 } else { helpers::size_of_sequence(kwnames) };
        let args = d.sp.sub(nargs);
        let result = tracing::call(d.tstate, function, args, nargs - keywords, kwnames);
        calls::finish_call(d, nargs, below, result)
    }
}

/// `CALL_FUNCTION_EX`, with the events for the profile function.
fn call_function_ex(d: &mut Direct, flags: usize) -> Flow {
    calls::call_function_ex_by(d, flags, |d, function, args, kwargs| {
        // SAFETY: the machine's invariant.
        unsafe {
            if tracing::is_on(d.tstate) {
                tracing::call_spread(d.tstate, function, args, kwargs)
            } else {
                sys::PyObject_Call(function, args, kwargs)
            }
        }
    })
}

/// `RETURN_VALUE`, `YIELD_VALUE`: the event first. When it raises, the frame is left as it is.
fn give(d: &mut Direct, opcode: u8, arg: usize) -> Flow {
    // SAFETY: the machine's invariant.
    unsafe {
        if tracing::is_on(d.tstate) {
            let value = d.pop();
            d.save_stack();
            if opcode == op::YIELD_VALUE {
                (*frame::generator(d.frame)).gi_frame_state = sys::_framestate_FRAME_SUSPENDED as i8;
            }
            if !tracing::returns(d.tstate, d.frame, value) {
                decref(value);
                return evaluate::leave(d);
            }
            (*d.frame).stacktop = -1;
            d.push(value);
        }
        dispatch::execute(d, opcode, arg)
    }
}

/// `FOR_ITER`: the StopIteration with which an iterator ends is an event.
fn for_iter(d: &mut Direct, distance: usize) -> Flow {
    // SAFETY: the machine's invariant; GET_ITER checked that it has `tp_iternext`.
    unsafe {
        let iterator = d.peek(1);
        let next = (*type_of(iterator)).tp_iternext.unwrap_unchecked()(iterator);
        if !next.is_null() {
            d.push(next);
            return Flow::Next;
        }
        if !sys::PyErr_Occurred().is_null() {
            if sys::PyErr_ExceptionMatches(sys::PyExc_StopIteration) == 0 {
                return Flow::Raise;
            }
            tracing::exception(d.tstate, d.frame);
            sys::PyErr_Clear();
        }
        d.shrink(1);
        let target = d.instruction() + 1 + distance;
        d.jump(target);
        decref(iterator);
    }
    Flow::Next
}

/// `SEND` under a trace function: by the methods, whose StopIteration is an event.
fn send(d: &mut Direct, distance: usize) -> Flow {
    // SAFETY: the machine's invariant.
    unsafe {
        if (*d.tstate).c_tracefunc.is_none() {
            return dispatch::execute(d, op::SEND, distance);
        }
        let value = d.pop();
        let receiver = d.peek(1);
        let mut result = if value == helpers::none() && sys::PyIter_Check(receiver) != 0 {
            (*type_of(receiver)).tp_iternext.unwrap_unchecked()(receiver)
        } else {
            send_by_name(receiver, value)
        };
        let yielded = !result.is_null();
        if !yielded {
            if (*d.tstate).c_tracefunc.is_some()
                && !sys::PyErr_Occurred().is_null()
                && sys::PyErr_ExceptionMatches(sys::PyExc_StopIteration) != 0
            {
                tracing::exception(d.tstate, d.frame);
            }
            if sys::_PyGen_FetchStopIterationValue(&mut result) != 0 {
                decref(value);
                return Flow::Raise;
            }
        }
        decref(value);
        if yielded {
            d.push(result);
        } else {
            decref(receiver);
            d.poke(1, result);
            let target = d.instruction() + 1 + distance;
            d.jump(target);
        }
    }
    Flow::Next
}

/// `receiver.send(value)`
unsafe fn send_by_name(receiver: *mut PyObject, value: *mut PyObject) -> *mut PyObject {
    // SAFETY: live objects, borrowed.
    unsafe {
        let name = sys::PyUnicode_InternFromString(c"send".as_ptr());
        if name.is_null() {
            return ptr::null_mut();
        }
        let args = [receiver, value];
        let result = sys::PyObject_VectorcallMethod(name, args.as_ptr(), 2, ptr::null_mut());
        decref(name);
        result
    }
}
