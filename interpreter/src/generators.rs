//! Generators and coroutines that run in the activation which asks them for a value: their frame is linked above the asking
//! one, without C calls, and unlinked when it yields or ends.
//!
//! Asked so by `FOR_ITER` and by `SEND` of None only; the asking frame shows that instruction meanwhile. All else (`next`, `send`,
//! `throw`, `close`, C code) enters the evaluator with the generator's frame, which is an entry frame then. The steps are
//! those of `gen_send_ex2` (Objects/genobject.c). A generator's state, its `exc_info` and the level of recursion are what
//! they are in CPython at each step.

use crate::direct::Direct;
use crate::machine::{Flow, Machine};
use crate::{helpers, opcode, tracing};
use capi::refs::{decref, type_of, xdecref};
use capi::sys::{self, _PyInterpreterFrame, PyGenObject, PyObject, PyThreadState};
use capi::{frame, generators};
use std::ffi::c_char;
use std::ptr;

/// `FRAME_SUSPENDED`
const SUSPENDED: i8 = sys::_framestate_FRAME_SUSPENDED as i8;
/// `FRAME_EXECUTING`
const EXECUTING: i8 = sys::_framestate_FRAME_EXECUTING as i8;

/// Who made a generator's frame the current one. The number is the word of a frame that `is_entry`, `owner` and the note
/// (`capi::frame::note`) are.
#[repr(u32)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Resumed {
    /// C code: it is an entry frame.
    Entry = OWNED | 1,
    /// `FOR_ITER` or `SEND` of a frame whose code may be cold.
    Linked = OWNED,
    /// `FOR_ITER` or `SEND` of warm code, whose unit to go on at is where the value will go on its stack.
    LinkedByWarm = OWNED | 1 << 16,
}

const OWNED: u32 = sys::_frameowner_FRAME_OWNED_BY_GENERATOR << 8;
const _: () = {
    use std::mem::offset_of;
    let word = offset_of!(_PyInterpreterFrame, stacktop);
    assert!(word % 8 == 0 && cfg!(target_endian = "little"));
    assert!(offset_of!(_PyInterpreterFrame, is_entry) == word + 4);
    assert!(offset_of!(_PyInterpreterFrame, owner) == word + 5);
};

/// Is the current frame a generator's, with warm code to go on in when it yields?
///
/// # Safety
/// `frame` is live.
#[inline(always)]
pub(crate) unsafe fn is_linked_by_warm(frame: *mut _PyInterpreterFrame) -> bool {
    // SAFETY: by contract; see `Resumed`.
    unsafe { (&raw const (*frame).is_entry).cast::<u32>().read() == Resumed::LinkedByWarm as u32 }
}

/// A C char is not signed everywhere.
#[inline(always)]
unsafe fn state(generator: *mut PyGenObject) -> *mut i8 {
    // SAFETY: a live generator.
    unsafe { (&raw mut (*generator).gi_frame_state).cast() }
}

/// Does a generator own this frame?
///
/// # Safety
/// `frame` is live.
#[inline(always)]
pub(crate) unsafe fn owns(frame: *mut _PyInterpreterFrame) -> bool {
    // SAFETY: by contract.
    unsafe { (*frame).owner == sys::_frameowner_FRAME_OWNED_BY_GENERATOR as c_char }
}

/// May its frame be linked here: it is new or suspended, there is room for a level of recursion, no other evaluator and no trace
/// function would have to see it?
///
/// # Safety
/// `generator` is a live generator or coroutine; `tstate` is the running thread's.
#[inline(always)]
pub(crate) unsafe fn is_resumable(tstate: *mut PyThreadState, generator: *mut PyGenObject) -> bool {
    // SAFETY: by contract.
    unsafe {
        *state(generator) < EXECUTING
            && (*tstate).recursion_remaining > 1
            && (*(*tstate).cframe).use_tracing == 0
            && crate::evaluate::is_current(tstate)
    }
}

/// Is it a coroutine that has not started?
///
/// # Safety
/// `o` is live.
#[inline(always)]
pub(crate) unsafe fn is_new_coroutine(o: *mut PyObject) -> bool {
    // SAFETY: by contract; the layout is used after the type was asked.
    unsafe {
        type_of(o) == &raw mut sys::PyCoro_Type && *state(o.cast()) == sys::_framestate_FRAME_CREATED as i8
    }
}

/// Makes a generator's frame the current one, with `value` (taken over) as what its `yield` gives. Returns the frame and its stack
/// pointer; its next instruction is the one behind its `prev_instr`.
///
/// # Safety
/// [`is_resumable`] said yes; `caller` is the current frame, its stack ends at `caller_sp` and keeps the generator alive, and it
/// shows its `FOR_ITER` or `SEND`, whose sent value is off the stack.
#[inline(always)]
pub(crate) unsafe fn link(
    tstate: *mut PyThreadState,
    caller: *mut _PyInterpreterFrame,
    caller_sp: *mut *mut PyObject,
    generator: *mut PyGenObject,
    value: *mut PyObject,
    resumed: Resumed,
) -> (*mut _PyInterpreterFrame, *mut *mut PyObject) {
    // SAFETY: by contract.
    unsafe {
        (*caller).stacktop = caller_sp.offset_from(frame::locals(caller)) as i32;
        activate(tstate, caller, generator, value, resumed)
    }
}

/// What [`link`] does, but for the caller's part.
///
/// # Safety
/// As [`link`]; the caller may also be a frame that C code runs for.
#[inline(always)]
pub(crate) unsafe fn activate(
    tstate: *mut PyThreadState,
    caller: *mut _PyInterpreterFrame,
    generator: *mut PyGenObject,
    value: *mut PyObject,
    resumed: Resumed,
) -> (*mut _PyInterpreterFrame, *mut *mut PyObject) {
    // SAFETY: by contract; the compiler left room for the value.
    unsafe {
        let frame = generators::frame_of(generator);
        let sp = frame::locals(frame).add((*frame).stacktop as usize);
        *sp = value;
        // A `stacktop` of -1 as well.
        (&raw mut (*frame).stacktop).cast::<u64>().write((resumed as u64) << 32 | 0xffff_ffff);
        (*frame).previous = caller;
        (*generator).gi_exc_state.previous_item = (*tstate).exc_info;
        (*tstate).exc_info = &raw mut (*generator).gi_exc_state;
        *state(generator) = EXECUTING;
        (*(*tstate).cframe).current_frame = frame;
        (*tstate).recursion_remaining -= 1;
        (frame, sp.add(1))
    }
}

/// Is it suspended?
///
/// # Safety
/// `generator` is live.
#[inline(always)]
pub(crate) unsafe fn is_suspended(generator: *mut PyGenObject) -> bool {
    // SAFETY: by contract.
    unsafe { *state(generator) == SUSPENDED }
}

/// Takes a generator's frame off the chain: the caller, returned, is current again, and handles its own exceptions.
///
/// # Safety
/// `frame` is the current frame, activated here.
#[inline(always)]
pub(crate) unsafe fn unlink(
    tstate: *mut PyThreadState,
    frame: *mut _PyInterpreterFrame,
) -> *mut _PyInterpreterFrame {
    // SAFETY: a frame that `link` linked.
    unsafe {
        let generator = frame::generator(frame);
        let caller = (*frame).previous;
        (*frame).previous = ptr::null_mut();
        (*(*tstate).cframe).current_frame = caller;
        (*tstate).exc_info = (*generator).gi_exc_state.previous_item;
        (*generator).gi_exc_state.previous_item = ptr::null_mut();
        caller
    }
}

/// Suspends the current frame at its `YIELD_VALUE`, which it shows; the caller, returned, is current, and not loaded yet.
///
/// # Safety
/// `frame` is current and was linked by [`link`]; its stack, without the yielded value, ends at `sp`.
#[inline(always)]
pub(crate) unsafe fn suspend(
    tstate: *mut PyThreadState,
    frame: *mut _PyInterpreterFrame,
    sp: *mut *mut PyObject,
) -> *mut _PyInterpreterFrame {
    // SAFETY: by contract.
    unsafe {
        suspend_entry(tstate, frame, sp);
        unlink(tstate, frame)
    }
}

/// Suspends an entry frame: unlinking it is the part of CPython's function that entered the evaluator.
///
/// # Safety
/// As [`suspend`], for an entry frame.
#[inline(always)]
pub(crate) unsafe fn suspend_entry(
    tstate: *mut PyThreadState,
    frame: *mut _PyInterpreterFrame,
    sp: *mut *mut PyObject,
) {
    // SAFETY: by contract.
    unsafe {
        *state(frame::generator(frame)) = SUSPENDED;
        (*frame).stacktop = sp.offset_from(frame::locals(frame)) as i32;
        (*tstate).recursion_remaining += 1;
    }
}

/// Goes on in the generator at `depth` of the stack (1 is the top, which is dropped if `depth` is 2: the None that is sent).
///
/// # Safety
/// As [`link`].
#[inline(never)]
pub(crate) unsafe fn resume(d: &mut Direct, depth: usize) {
    // SAFETY: by contract; the sent None moves, that of FOR_ITER is a new reference.
    unsafe {
        let generator = d.peek(depth).cast::<PyGenObject>();
        let none = helpers::none();
        if depth == 2 {
            d.shrink(1);
        } else {
            (*none).ob_refcnt += 1;
        }
        let (frame, sp) = link(d.tstate, d.frame, d.sp, generator, none, Resumed::Linked);
        d.frame = frame;
        d.sp = sp;
        d.ip = (*frame).prev_instr.add(1);
    }
}

/// The current frame, a linked generator's, has ended: with a value (taken over), or, null, by the set exception. Goes on in the
/// caller. Runs any code.
///
/// # Safety
/// The machine's invariant, but that the frame's recursion level was given back and its `stacktop` is valid.
#[inline(never)]
pub(crate) unsafe fn finish(d: &mut Direct, value: *mut PyObject) -> Flow {
    // SAFETY: by contract; the caller's stack keeps the generator alive until it is dropped here.
    unsafe {
        let tstate = d.tstate;
        let frame = d.frame;
        let generator = frame::generator(frame);
        let caller = unlink(tstate, frame);
        d.switch_to_frame(caller);
        clear(tstate, generator, value.is_null());
        if value.is_null() {
            return Flow::Raise;
        }
        let (code, distance) = instruction_at((*caller).f_code, (*caller).prev_instr);
        if code == capi::opcode::SEND {
            d.poke(1, value);
        } else {
            drop_result(d, value);
            d.shrink(1);
        }
        drop_ended(generator);
        d.ip = d.ip.add(distance);
        if tracing::is_on(tstate) { Flow::Traced } else { Flow::Next }
    }
}

/// A generator whose frame is off the chain can't be resumed any more: drops what the frame holds. Runs any code.
///
/// # Safety
/// The generator is kept alive by the caller; the frame's `stacktop` is valid; an exception is set if it was left by one.
#[inline(always)]
pub(crate) unsafe fn clear(tstate: *mut PyThreadState, generator: *mut PyGenObject, raised: bool) {
    // SAFETY: by contract.
    unsafe {
        *state(generator) = sys::_framestate_FRAME_COMPLETED as i8;
        if raised {
            no_stop_iteration(generator);
        }
        let handled = (*generator).gi_exc_state.exc_value;
        (*generator).gi_exc_state.exc_value = ptr::null_mut();
        xdecref(handled);
        *state(generator) = sys::_framestate_FRAME_CLEARED as i8;
        frame::clear(tstate, generators::frame_of(generator));
    }
}

/// The same for one that was closed, in the order in which its frame object, held by the traceback of GeneratorExit, would drop things.
///
/// # Safety
/// As [`clear`]; no exception is set.
pub(crate) unsafe fn clear_closed(tstate: *mut PyThreadState, generator: *mut PyGenObject) {
    // SAFETY: by contract. A generator whose state says cleared is asked for nothing of its frame.
    unsafe {
        let frame = generators::frame_of(generator);
        if !(*frame).frame_obj.is_null() {
            return clear(tstate, generator, false);
        }
        *state(generator) = sys::_framestate_FRAME_COMPLETED as i8;
        let handled = (*generator).gi_exc_state.exc_value;
        (*generator).gi_exc_state.exc_value = ptr::null_mut();
        xdecref(handled);
        *state(generator) = sys::_framestate_FRAME_CLEARED as i8;
        let code = (*frame).f_code;
        decref((*frame).f_func.cast());
        xdecref((*frame).f_locals);
        for i in 0..(*frame).stacktop as usize {
            xdecref(*frame::locals(frame).add(i));
        }
        decref(code.cast());
    }
}

/// Drops a reference to a generator that has ended: `gen_dealloc` without what it does for others.
#[inline(always)]
unsafe fn drop_ended(generator: *mut PyGenObject) {
    // SAFETY: the caller holds the reference; the frame was cleared. A finalizer has nothing to do any more, and is not called.
    unsafe {
        let o = generator.cast::<PyObject>();
        if (*o).ob_refcnt != 1 || !(*generator).gi_weakreflist.is_null() {
            return decref(o);
        }
        sys::PyObject_GC_UnTrack(o.cast());
        (*o).ob_refcnt = 0;
        // CPython sets it for coroutines only.
        if (*(*generator).gi_code).co_flags as u32 & sys::CO_COROUTINE != 0 {
            xdecref((*generator).gi_origin_or_finalizer);
        }
        decref((*generator).gi_code.cast());
        decref((*generator).gi_name);
        decref((*generator).gi_qualname);
        sys::PyObject_GC_Del(o.cast());
    }
}

/// The current frame, a linked generator's, was handed to CPython's evaluator, which gave `result`: goes on in the caller.
///
/// # Safety
/// As [`finish`].
pub(crate) unsafe fn handed_back(d: &mut Direct, result: *mut PyObject) -> Flow {
    // SAFETY: by contract.
    unsafe {
        let frame = d.frame;
        if result.is_null() || !is_suspended(frame::generator(frame)) {
            return finish(d, result);
        }
        let caller = unlink(d.tstate, frame);
        d.switch_to_frame(caller);
        d.push(result);
        if tracing::is_on(d.tstate) { Flow::Traced } else { Flow::Next }
    }
}

/// Drops what the iterator of a `for` returned. CPython raises and swallows StopIteration then, if it is not None; only a trace
/// function sees it.
unsafe fn drop_result(d: &Direct, value: *mut PyObject) {
    // SAFETY: the machine's invariant; the value is ours.
    unsafe {
        if tracing::is_on(d.tstate) && value != helpers::none() {
            sys::_PyGen_SetStopIterationValue(value);
            tracing::exception(d.tstate, d.frame);
            sys::PyErr_Clear();
        }
        decref(value);
    }
}

/// StopIteration can't leave a generator or coroutine: it becomes the cause of a RuntimeError.
#[cold]
unsafe fn no_stop_iteration(generator: *mut PyGenObject) {
    // SAFETY: a live generator; an exception is set.
    unsafe {
        if sys::PyErr_ExceptionMatches(sys::PyExc_StopIteration) == 0 {
            return;
        }
        let message = if type_of(generator.cast()) == &raw mut sys::PyCoro_Type {
            c"coroutine raised StopIteration"
        } else {
            c"generator raised StopIteration"
        };
        sys::_PyErr_FormatFromCause(sys::PyExc_RuntimeError, c"%s".as_ptr(), message.as_ptr());
    }
}

/// The opcode at `at` and its argument. A unit before it that looks like EXTENDED_ARG may be a cache.
unsafe fn instruction_at(code: *mut sys::PyCodeObject, at: *mut u16) -> (u8, usize) {
    // SAFETY: an instruction of live code.
    unsafe {
        let unit = *at;
        let first = frame::first_instruction(code);
        let opcode = opcode::DEOPT[usize::from(unit as u8)];
        let mut arg = usize::from(unit >> 8);
        if at > first && opcode::DEOPT[usize::from(*at.sub(1) as u8)] == opcode::EXTENDED_ARG {
            let index = at.offset_from(first) as usize;
            arg = opcode::instructions(code).find(|i| i.index == index).map_or(arg, |i| i.arg);
        }
        (opcode, arg)
    }
}
