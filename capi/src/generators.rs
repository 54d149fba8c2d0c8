//! Generators, coroutines and asynchronous generators: creation, and what `await` and `yield from` ask of them.
//!
//! Called by `RETURN_GENERATOR`, `GET_AWAITABLE`, `ASYNC_GEN_WRAP`. Resuming one is the evaluator's part, or CPython's
//! (`PyIter_Send`), which enters the frame by way of the installed evaluator.

use crate::frame;
use crate::opcode::{DEOPT, RESUME};
use crate::refs::{Owned, decref, incref, new_ref, type_of};
use crate::sys::{
    _Py_NewReference, _PyAsyncGenWrappedValue_Type, _PyInterpreterFrame, _PyObject_GC_New,
    _PyObject_GC_NewVar, _frameowner_FRAME_OWNED_BY_GENERATOR, _framestate_FRAME_CLEARED,
    _framestate_FRAME_CREATED, CO_ASYNC_GENERATOR, CO_COROUTINE, CO_GENERATOR, CO_ITERABLE_COROUTINE,
    Py_BuildValue, Py_ssize_t, PyAsyncGen_Type, PyCode_Addr2Line, PyCodeObject, PyCoro_Type, PyErr_Format,
    PyErr_SetString, PyExc_TypeError, PyFunctionObject, PyGen_Type, PyGenObject, PyIter_Check, PyObject,
    PyObject_GC_Track, PyThreadState, PyTuple_New, PyTypeObject,
};
use crate::tuple;
use std::ffi::{c_char, c_int};
use std::ptr::null_mut;

/// `_PyAsyncGenWrappedValue` (Objects/genobject.c): a value on its way out of an asynchronous generator.
#[repr(C)]
struct WrappedValue {
    ob_base: PyObject,
    value: *mut PyObject,
}

/// The generator's own frame.
///
/// # Safety
/// `generator` is a live generator, coroutine or asynchronous generator.
#[inline(always)]
pub unsafe fn frame_of(generator: *mut PyGenObject) -> *mut _PyInterpreterFrame {
    // SAFETY: the caller guarantees the object; the address stays inside it.
    unsafe { (&raw mut (*generator).gi_iframe).cast() }
}

/// `make_gen`: everything but the frame, which the state says is cleared.
unsafe fn make(class: *mut PyTypeObject, func: *mut PyFunctionObject) -> *mut PyGenObject {
    // SAFETY: the caller guarantees a live function; the fields of a fresh object are ours to fill before it is tracked.
    unsafe {
        let code: *mut PyCodeObject = (*func).func_code.cast();
        let slots = (*code).co_nlocalsplus + (*code).co_stacksize;
        let generator: *mut PyGenObject = _PyObject_GC_NewVar(class, slots as Py_ssize_t).cast();
        if generator.is_null() {
            return generator;
        }
        (*generator).gi_frame_state = _framestate_FRAME_CLEARED as c_char;
        (*generator).gi_code = new_ref(code.cast()).cast();
        (*generator).gi_weakreflist = null_mut();
        (*generator).gi_exc_state.exc_value = null_mut();
        (*generator).gi_exc_state.previous_item = null_mut();
        (*generator).gi_name = new_ref((*func).func_name);
        (*generator).gi_qualname = new_ref((*func).func_qualname);
        // Plain generators use none of these; CPython leaves them as they are.
        (*generator).gi_origin_or_finalizer = null_mut();
        (*generator).gi_closed = 0;
        (*generator).gi_hooks_inited = 0;
        (*generator).gi_running_async = 0;
        PyObject_GC_Track(generator.cast());
        generator
    }
}

/// A new generator, coroutine or asynchronous generator for `func`, as its code's flags say (`_Py_MakeCoro`). Owned; null with
/// an exception set. Its frame is still to be filled: see [`move_frame`]. May collect garbage.
///
/// # Safety
/// `func` is alive and of such a kind; the current frame is its frame; the GIL is held.
pub unsafe fn make_coro(tstate: *mut PyThreadState, func: *mut PyFunctionObject) -> *mut PyGenObject {
    // SAFETY: the caller guarantees the function and the current frame.
    unsafe {
        let code: *mut PyCodeObject = (*func).func_code.cast();
        let kind = (*code).co_flags as u32 & (CO_GENERATOR | CO_COROUTINE | CO_ASYNC_GENERATOR);
        if kind == CO_GENERATOR {
            return make(&raw mut PyGen_Type, func);
        }
        if kind == CO_ASYNC_GENERATOR {
            return make(&raw mut PyAsyncGen_Type, func);
        }
        let coroutine = make(&raw mut PyCoro_Type, func);
        let depth = (*tstate).coroutine_origin_tracking_depth;
        if coroutine.is_null() || depth == 0 {
            return coroutine;
        }
        let origin = origin(depth as usize, (*(*(*tstate).cframe).current_frame).previous);
        (*coroutine).gi_origin_or_finalizer = origin;
        if origin.is_null() {
            decref(coroutine.cast());
            return null_mut();
        }
        coroutine
    }
}

/// `compute_cr_origin`: a tuple of (file name, line, function name) of the frames from `first` outward.
#[cold]
unsafe fn origin(depth: usize, first: *mut _PyInterpreterFrame) -> *mut PyObject {
    // SAFETY: the caller guarantees a frame of the visible chain, which doesn't change while we look.
    unsafe {
        let chain = || frame::chain(first).take(depth);
        let Some(frames) = Owned::from_new(PyTuple_New(chain().count() as Py_ssize_t)) else {
            return null_mut();
        };
        for (i, frame) in chain().enumerate() {
            let code = (*frame).f_code;
            let line = PyCode_Addr2Line(code, instruction_bytes(frame));
            let entry = Py_BuildValue(c"OiO".as_ptr(), (*code).co_filename, line, (*code).co_name);
            if entry.is_null() {
                return null_mut();
            }
            tuple::items(frames.as_ptr()).add(i).write(entry);
        }
        frames.into_ptr()
    }
}

/// `_PyInterpreterFrame_LASTI` in bytes.
unsafe fn instruction_bytes(frame: *mut _PyInterpreterFrame) -> c_int {
    // SAFETY: the caller guarantees a frame, whose `prev_instr` is in its code (or one unit before).
    unsafe {
        let first = frame::first_instruction((*frame).f_code);
        ((*frame).prev_instr as isize - first as isize) as c_int
    }
}

/// Moves the contents of `frame` into a fresh generator, which is then created, not started (the work of `RETURN_GENERATOR`).
/// Afterwards `frame` owns nothing and may only be popped; where CPython entered it itself, the caller makes it fit to be
/// cleared: [`leave_empty`].
///
/// # Safety
/// `generator` comes from [`make_coro`] for this frame's function; `frame.stacktop` is `co_nlocalsplus` at least;
/// `frame` has no frame object (it is still incomplete).
pub unsafe fn move_frame(frame: *mut _PyInterpreterFrame, generator: *mut PyGenObject) {
    // SAFETY: the generator was made with room for all of the frame.
    unsafe {
        let own = frame_of(generator);
        let bytes = frame::locals(frame).add((*frame).stacktop as usize).byte_offset_from(frame) as usize;
        std::ptr::copy_nonoverlapping(frame.cast::<u8>(), own.cast::<u8>(), bytes);
        (*own).previous = null_mut();
        (*own).owner = _frameowner_FRAME_OWNED_BY_GENERATOR as c_char;
        (*generator).gi_frame_state = _framestate_FRAME_CREATED as c_char;
    }
}

/// Makes a frame that gave its contents away fit to be cleared by whoever entered the evaluator with it.
///
/// # Safety
/// `frame` was given to [`move_frame`].
pub unsafe fn leave_empty(frame: *mut _PyInterpreterFrame) {
    // SAFETY: function and code are alive: the generator's frame holds them.
    unsafe {
        (*frame).stacktop = 0;
        (*frame).f_locals = null_mut();
        incref((*frame).f_func.cast());
        incref((*frame).f_code.cast());
    }
}

/// What a suspended generator delegates to (`_PyGen_yf`): owned, or null without an exception.
///
/// # Safety
/// `generator` is a live generator or coroutine.
pub unsafe fn delegate(generator: *mut PyGenObject) -> *mut PyObject {
    // SAFETY: before it is cleared, the generator's frame is valid; while it delegates, the delegate is on top of its stack.
    unsafe {
        // A C char, which isn't signed everywhere.
        let state = c_int::from((&raw const (*generator).gi_frame_state).cast::<i8>().read());
        if state >= _framestate_FRAME_CLEARED as c_int || state == _framestate_FRAME_CREATED as c_int {
            return null_mut();
        }
        let frame = frame_of(generator);
        let [opcode, argument] = (*(*frame).prev_instr.add(1)).to_le_bytes();
        if DEOPT[usize::from(opcode)] != RESUME || argument < 2 {
            return null_mut();
        }
        new_ref(*frame::locals(frame).add((*frame).stacktop as usize - 1))
    }
}

unsafe fn is_coroutine(object: *mut PyObject) -> bool {
    // SAFETY: the caller guarantees a live object.
    unsafe {
        let class = type_of(object);
        class == &raw mut PyCoro_Type
            || class == &raw mut PyGen_Type
                && (*(*object.cast::<PyGenObject>()).gi_code).co_flags as u32 & CO_ITERABLE_COROUTINE != 0
    }
}

/// The iterator behind an awaitable (`_PyCoro_GetAwaitableIter`): owned; null with an exception set. May run code.
///
/// # Safety
/// `object` is alive; the GIL is held.
pub unsafe fn awaitable_iter(object: *mut PyObject) -> *mut PyObject {
    // SAFETY: the caller guarantees a live object; slots are called as CPython calls them.
    unsafe {
        if is_coroutine(object) {
            return new_ref(object);
        }
        let methods = (*type_of(object)).tp_as_async;
        let Some(getter) = methods.as_ref().and_then(|methods| methods.am_await) else {
            let format = c"object %.100s can't be used in 'await' expression";
            return PyErr_Format(PyExc_TypeError, format.as_ptr(), (*type_of(object)).tp_name);
        };
        let Some(iterator) = Owned::from_new(getter(object)) else { return null_mut() };
        if is_coroutine(iterator.as_ptr()) {
            // PEP 492: an iterator, not another awaitable.
            PyErr_SetString(PyExc_TypeError, c"__await__() returned a coroutine".as_ptr());
            return null_mut();
        }
        if PyIter_Check(iterator.as_ptr()) == 0 {
            let format = c"__await__() returned non-iterator of type '%.100s'";
            PyErr_Format(PyExc_TypeError, format.as_ptr(), (*type_of(iterator.as_ptr())).tp_name);
            return null_mut();
        }
        iterator.into_ptr()
    }
}

/// "'async with' received an object from __aenter__ that does not implement __await__": sets it in place of a set exception if
/// `class` is to blame (`format_awaitable_error`); `previous` is the argument of `GET_AWAITABLE`: 1 after `__aenter__`,
/// 2 after `__aexit__`, 0 elsewhere.
///
/// # Safety
/// `class` is alive; an exception is set.
#[cold]
pub unsafe fn format_awaitable_error(class: *mut PyTypeObject, previous: u32) {
    let name = match previous {
        1 => c"__aenter__",
        2 => c"__aexit__",
        _ => return,
    };
    // SAFETY: the caller guarantees a live type.
    unsafe {
        if (*class).tp_as_async.as_ref().is_none_or(|methods| methods.am_await.is_none()) {
            let format = c"'async with' received an object from %s that does not implement __await__: %.100s";
            PyErr_Format(PyExc_TypeError, format.as_ptr(), name.as_ptr(), (*class).tp_name);
        }
    }
}

/// Wraps what an asynchronous generator yields (`_PyAsyncGenValueWrapperNew`): owned, with a count of its own of `value`; null
/// with `MemoryError` set.
///
/// # Safety
/// `value` is alive; `tstate` is the current thread's; the GIL is held.
pub unsafe fn wrap_async_value(tstate: *mut PyThreadState, value: *mut PyObject) -> *mut PyObject {
    // SAFETY: the free list holds dead wrappers; the GIL protects it; nobody sees the wrapper before it is filled.
    unsafe {
        let state = &raw mut (*(*tstate).interp).async_gen;
        let wrapper: *mut WrappedValue = if (*state).value_numfree > 0 {
            (*state).value_numfree -= 1;
            let wrapper = (*state).value_freelist[(*state).value_numfree as usize];
            _Py_NewReference(wrapper.cast());
            wrapper.cast()
        } else {
            _PyObject_GC_New(&raw mut _PyAsyncGenWrappedValue_Type).cast()
        };
        if !wrapper.is_null() {
            (*wrapper).value = new_ref(value);
            PyObject_GC_Track(wrapper.cast());
        }
        wrapper.cast()
    }
}
