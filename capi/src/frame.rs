//! Interpreter frames: push, clear, pop, give to a frame object, resume in CPython's evaluator.
//!
//! CPython exports none of this, so it is written anew, on CPython's own structures: each frame may be pushed by one
//! evaluator and popped by the other. Called by the evaluator at calls and returns, and by side exits that rebuild frames.
//! Never leaves a frame visible (`cframe.current_frame`) while it is being cleared: finalizers walk the chain.
//!
//! ```text
//! tstate.cframe.current_frame -> frame -> frame.previous -> ...      (the visible chain)
//! tstate.datastack_chunk: | frame | locals | stack | frame | ... top    limit
//! ```

use crate::chunk;
use crate::refs::{decref, new_ref, xdecref};
use crate::sys::{
    _Py_CODEUNIT, _PyEval_EvalFrameDefault, _PyInterpreterFrame, _frameowner_FRAME_OWNED_BY_FRAME_OBJECT,
    _frameowner_FRAME_OWNED_BY_GENERATOR, _frameowner_FRAME_OWNED_BY_THREAD, PyCodeObject, PyErr_Clear,
    PyErr_NoMemory, PyFrameObject, PyFunctionObject, PyGC_Head, PyGenObject, PyObject, PyObject_GC_Track,
    PyThreadState, PyThreadState_GetFrame,
};
use std::ffi::{c_char, c_int};
use std::mem::offset_of;
use std::ptr::{self, null_mut};

/// `FRAME_SPECIALS_SIZE`: how many words of a frame precede its locals.
pub const SPECIALS_WORDS: usize = offset_of!(_PyInterpreterFrame, localsplus) / size_of::<*mut PyObject>();

/// A code object's first instruction (`_PyCode_CODE`).
///
/// # Safety
/// `code` is alive.
#[inline(always)]
pub unsafe fn first_instruction(code: *mut PyCodeObject) -> *mut _Py_CODEUNIT {
    // SAFETY: the caller guarantees a live code object; the address stays inside it.
    unsafe { (&raw mut (*code).co_code_adaptive).cast() }
}

/// The frame's first local; its stack begins `co_nlocalsplus` slots further.
///
/// # Safety
/// `frame` is a frame.
#[inline(always)]
pub unsafe fn locals(frame: *mut _PyInterpreterFrame) -> *mut *mut PyObject {
    // SAFETY: the caller guarantees the frame.
    unsafe { (&raw mut (*frame).localsplus).cast() }
}

/// The lowest stack slot (`_PyFrame_Stackbase`).
///
/// # Safety
/// `frame` is an initialized frame.
#[inline(always)]
pub unsafe fn stack_base(frame: *mut _PyInterpreterFrame) -> *mut *mut PyObject {
    // SAFETY: the caller guarantees the frame, which has `co_nlocalsplus` locals.
    unsafe { locals(frame).add((*(*frame).f_code).co_nlocalsplus as usize) }
}

/// How many words a frame of `code` takes on the data stack.
///
/// # Safety
/// `code` is alive.
#[inline(always)]
pub unsafe fn words(code: *mut PyCodeObject) -> usize {
    // SAFETY: the caller guarantees a live code object.
    unsafe { (*code).co_nlocalsplus as usize + (*code).co_stacksize as usize + SPECIALS_WORDS }
}

/// The two bytes behind `owner`, which CPython never reads or writes: the evaluator that pushed the frame notes there what
/// becomes of the frame's value. Means nothing in frames that CPython pushed (those are entry frames for us), or generators own.
///
/// # Safety
/// `frame` is a frame.
#[inline(always)]
pub unsafe fn note(frame: *mut _PyInterpreterFrame) -> *mut u16 {
    const OFFSET: usize = offset_of!(_PyInterpreterFrame, owner) + 1;
    const { assert!(OFFSET.is_multiple_of(2) && OFFSET + 2 == offset_of!(_PyInterpreterFrame, localsplus)) }
    // SAFETY: the caller guarantees the frame; the bytes are padding.
    unsafe { frame.byte_add(OFFSET).cast() }
}

/// Whether the frame has not reached its first `RESUME` yet, and so must not be shown (`_PyFrame_IsIncomplete`).
///
/// # Safety
/// `frame` is an initialized frame, `prev_instr` included.
#[inline]
pub unsafe fn is_incomplete(frame: *mut _PyInterpreterFrame) -> bool {
    // SAFETY: the caller guarantees the frame; the compared addresses lie in one code object.
    unsafe {
        let code = (*frame).f_code;
        (*frame).owner != _frameowner_FRAME_OWNED_BY_GENERATOR as c_char
            && (*frame).prev_instr
                < first_instruction(code).wrapping_offset((*code)._co_firsttraceable as isize)
    }
}

/// The generator around a frame that a generator owns (borrowed).
///
/// # Safety
/// `frame.owner` says generator.
#[inline]
pub unsafe fn generator(frame: *mut _PyInterpreterFrame) -> *mut PyGenObject {
    // SAFETY: such a frame is the field `gi_iframe` of a generator, coroutine or async generator.
    unsafe { frame.byte_sub(offset_of!(PyGenObject, gi_iframe)).cast() }
}

/// Takes `words` words off the thread's data stack; null without an exception when memory is out.
///
/// # Safety
/// `tstate` is the current thread's; the GIL is held. Popped in reverse order by [`pop`].
#[inline]
pub unsafe fn bump(tstate: *mut PyThreadState, words: usize) -> *mut _PyInterpreterFrame {
    // SAFETY: the caller guarantees the thread state; top and limit are null together or lie in one chunk.
    unsafe {
        let top = (*tstate).datastack_top;
        let room = ((*tstate).datastack_limit as usize - top as usize) / size_of::<*mut PyObject>();
        if words < room && !top.is_null() {
            (*tstate).datastack_top = top.add(words);
            return top.cast();
        }
        push_chunk(tstate, words)
    }
}

/// A new chunk (`push_chunk` in Python/pystate.c).
#[cold]
unsafe fn push_chunk(tstate: *mut PyThreadState, words: usize) -> *mut _PyInterpreterFrame {
    // SAFETY: the caller guarantees `tstate`; the fresh chunk is ours.
    unsafe {
        let new = chunk::new(words);
        if new.is_null() { null_mut() } else { chunk::add(tstate, new, words) }
    }
}

/// Gives a frame's words back to the data stack (`_PyThreadState_PopFrame`). The frame was cleared before.
///
/// # Safety
/// `frame` is the topmost one of the current thread's data stack; nothing uses it any more.
#[inline]
pub unsafe fn pop(tstate: *mut PyThreadState, frame: *mut _PyInterpreterFrame) {
    // SAFETY: the caller guarantees the topmost frame, so it lies in the newest chunk.
    unsafe {
        let chunk = (*tstate).datastack_chunk;
        if ptr::eq(frame.cast(), &raw const (*chunk).data) {
            pop_chunk(tstate);
        } else {
            (*tstate).datastack_top = frame.cast();
        }
    }
}

#[cold]
unsafe fn pop_chunk(tstate: *mut PyThreadState) {
    // SAFETY: the caller saw that the newest chunk's first frame is popped, so the chunk is empty and not the root
    // (whose first word is never a frame).
    unsafe { chunk::free(chunk::remove(tstate)) };
}

/// Fills in all but the locals, the stack and `previous` (`_PyFrame_InitializeSpecials`); the note is 0. Takes over the count of `func`;
/// adds one to the code and to `namespace` (`f_locals`; null in functions). `stacktop` says: no stack, all locals.
///
/// # Safety
/// `frame` has room for the code of `func`; `func` is owned by the caller; `namespace` is null or alive.
#[inline]
pub unsafe fn initialize(
    frame: *mut _PyInterpreterFrame,
    func: *mut PyFunctionObject,
    namespace: *mut PyObject,
) {
    // SAFETY: the caller guarantees the room and live objects.
    unsafe {
        let code: *mut PyCodeObject = new_ref((*func).func_code).cast();
        (*frame).f_func = func;
        (*frame).f_code = code;
        (*frame).f_builtins = (*func).func_builtins;
        (*frame).f_globals = (*func).func_globals;
        if !namespace.is_null() {
            new_ref(namespace);
        }
        (*frame).f_locals = namespace;
        (*frame).stacktop = (*code).co_nlocalsplus;
        (*frame).frame_obj = null_mut();
        (*frame).prev_instr = first_instruction(code).wrapping_sub(1);
        (*frame).is_entry = false;
        (*frame).owner = _frameowner_FRAME_OWNED_BY_THREAD as c_char;
        *note(frame) = 0;
    }
}

/// Pushes a frame for `func` (`_PyFrame_Push`), whose count it takes over in any case. The locals are **not** initialized:
/// the caller fills all `co_nlocalsplus` of them, and links the frame. Null with `MemoryError` set when memory is out.
///
/// # Safety
/// `tstate` is the current thread's; the GIL is held; the caller owns a count of `func`.
#[inline]
pub unsafe fn push(tstate: *mut PyThreadState, func: *mut PyFunctionObject) -> *mut _PyInterpreterFrame {
    // SAFETY: the caller guarantees the thread state and the function.
    unsafe {
        let frame = bump(tstate, words((*func).func_code.cast()));
        if frame.is_null() {
            PyErr_NoMemory();
            decref(func.cast());
            return frame;
        }
        initialize(frame, func, null_mut());
        frame
    }
}

/// The frame's frame object, made if need be (borrowed: the frame owns it). Null with `MemoryError` set when memory is out,
/// null without one when the frame is still incomplete. May collect garbage, and so run code; a raised exception is kept.
///
/// # Safety
/// `frame` is a live frame of the current thread (any place in the chain), its `prev_instr` is up to date.
pub unsafe fn make_frame_object(
    tstate: *mut PyThreadState,
    frame: *mut _PyInterpreterFrame,
) -> *mut PyFrameObject {
    // SAFETY: the caller guarantees the frame. CPython only makes the object of the current frame, so that is what `frame`
    // becomes for the time of the call; the cframe outlives it.
    unsafe {
        if !(*frame).frame_obj.is_null() {
            return (*frame).frame_obj;
        }
        if is_incomplete(frame) {
            return null_mut();
        }
        let cframe = (*tstate).cframe;
        let current = (*cframe).current_frame;
        (*cframe).current_frame = frame;
        let object = PyThreadState_GetFrame(tstate);
        (*cframe).current_frame = current;
        if object.is_null() {
            PyErr_NoMemory();
        } else {
            decref(object.cast());
        }
        object
    }
}

/// `first`, unless it is null, and its callers, from the innermost outward.
///
/// # Safety
/// `first` is of the visible chain, which does not change while the iterator is used.
pub unsafe fn chain(first: *mut _PyInterpreterFrame) -> impl Iterator<Item = *mut _PyInterpreterFrame> {
    let some = |frame: *mut _PyInterpreterFrame| Some(frame).filter(|frame| !frame.is_null());
    // SAFETY: the caller guarantees the chain.
    std::iter::successors(some(first), move |&frame| some(unsafe { (*frame).previous }))
}

/// Moves a dying frame into its frame object, which somebody else still holds (`take_ownership` in Python/frame.c).
#[cold]
unsafe fn take_ownership(
    tstate: *mut PyThreadState,
    object: *mut PyFrameObject,
    dying: *mut _PyInterpreterFrame,
) {
    // SAFETY: the caller guarantees that `object` belongs to `dying`; a frame object has room for its code's frame.
    unsafe {
        let bytes = locals(dying).add((*dying).stacktop as usize).byte_offset_from(dying) as usize;
        let frame: *mut _PyInterpreterFrame = (&raw mut (*object)._f_frame_data).cast();
        ptr::copy_nonoverlapping(dying.cast::<u8>(), frame.cast::<u8>(), bytes);
        (*object).f_frame = frame;
        (*frame).owner = _frameowner_FRAME_OWNED_BY_FRAME_OBJECT as c_char;
        if is_incomplete(frame) {
            // A generator that never started: pretend that its first RESUME ran.
            let code = (*frame).f_code;
            (*frame).prev_instr = first_instruction(code).offset((*code)._co_firsttraceable as isize);
        }
        let mut previous = (*frame).previous;
        while !previous.is_null() && is_incomplete(previous) {
            previous = (*previous).previous;
        }
        (*frame).previous = null_mut();
        if !previous.is_null() {
            let back = make_frame_object(tstate, previous);
            if back.is_null() {
                PyErr_Clear();
            } else {
                (*object).f_back = new_ref(back.cast()).cast();
            }
        }
        let head = object.cast::<PyGC_Head>().sub(1);
        if (*head)._gc_next == 0 {
            PyObject_GC_Track(object.cast());
        }
    }
}

/// Drops all that a dead frame holds (`_PyFrame_Clear`): its locals and stack up to `stacktop`, in that order, then its
/// namespace, function and code. If its frame object is held by somebody else, it gets everything instead.
/// Runs any code. The words stay taken; see [`pop`].
///
/// # Safety
/// `frame` is unlinked from the visible chain, `stacktop` and `prev_instr` are right; a generator's state says cleared.
#[inline]
pub unsafe fn clear(tstate: *mut PyThreadState, frame: *mut _PyInterpreterFrame) {
    // SAFETY: the caller guarantees an unlinked frame that owns what it holds.
    unsafe {
        if !(*frame).frame_obj.is_null() && give_to_frame_object(tstate, frame) {
            return;
        }
        let slots = locals(frame);
        for i in 0..(*frame).stacktop as usize {
            xdecref(*slots.add(i));
        }
        xdecref((*frame).frame_obj.cast());
        xdecref((*frame).f_locals);
        decref((*frame).f_func.cast());
        decref((*frame).f_code.cast());
    }
}

/// Whether the frame object took the contents over; otherwise it is gone.
#[cold]
unsafe fn give_to_frame_object(tstate: *mut PyThreadState, frame: *mut _PyInterpreterFrame) -> bool {
    // SAFETY: the caller saw a frame object, of which the frame owns a count.
    unsafe {
        let object = (*frame).frame_obj;
        (*frame).frame_obj = null_mut();
        let shared = (*object).ob_base.ob_refcnt > 1;
        if shared {
            take_ownership(tstate, object, frame);
        }
        decref(object.cast());
        shared
    }
}

/// Clears and pops the thread's topmost frame (`_PyEvalFrameClearAndPop`). Runs any code.
///
/// # Safety
/// As for [`clear`] and [`pop`]; the thread owns the frame (not a generator).
#[inline]
pub unsafe fn clear_and_pop(tstate: *mut PyThreadState, frame: *mut _PyInterpreterFrame) {
    // SAFETY: the caller guarantees the frame.
    unsafe {
        // Finalizers run one level deeper, as under CPython.
        (*tstate).recursion_remaining -= 1;
        clear(tstate, frame);
        (*tstate).recursion_remaining += 1;
        pop(tstate, frame);
    }
}

/// Lets CPython's evaluator run `frame` to its end: from the instruction behind `prev_instr`, or, with `throw`, from the
/// handling of the set exception at `prev_instr` (which adds the traceback entry). Returns what the frame returns or
/// yields (owned), or null with an exception set.
///
/// The frame is taken off the chain and its recursion level given back, before and after: the caller neither
/// leaves the recursive call nor unlinks. The frame's contents stay; who pushed it clears and pops it.
///
/// # Safety
/// `frame` is `tstate.cframe.current_frame`, entered once (one recursion level taken); its slots below `stack_pointer`
/// are right. An exception is set if and only if `throw`.
#[cold]
pub unsafe fn resume_in_cpython(
    tstate: *mut PyThreadState,
    frame: *mut _PyInterpreterFrame,
    prev_instr: *mut _Py_CODEUNIT,
    stack_pointer: *mut *mut PyObject,
    throw: bool,
) -> *mut PyObject {
    // SAFETY: the caller guarantees the state that CPython's evaluator expects of a frame to be entered.
    unsafe {
        (*frame).prev_instr = prev_instr;
        (*frame).stacktop = stack_pointer.offset_from(locals(frame)) as c_int;
        (*(*tstate).cframe).current_frame = (*frame).previous;
        (*tstate).recursion_remaining += 1;
        _PyEval_EvalFrameDefault(tstate, frame, c_int::from(throw))
    }
}
