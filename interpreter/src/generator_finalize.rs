//! `tp_finalize` of generators, while our evaluator is installed: what becomes of one that is dropped in the midst, as `any(…)` does.
//!
//! CPython throws GeneratorExit into it: an exception, a traceback with a frame object, a run of the evaluator that finds no handler. Where
//! no handler covers the `yield`, nothing of that can be seen but the deaths: first of what is on the stack, from the top, with the
//! generator's frame current; then of function, namespace and locals, as its frame object would drop them. This does only these. What is
//! not so plain (a handler, a delegate, a frame object, a trace function, another interpreter) goes to CPython's function.

use crate::generators::{self, Resumed};
use crate::{evaluate, helpers};
use capi::refs::{type_of, xdecref};
use capi::sys::{self, PyGenObject, PyObject, PyThreadState};
use capi::{exceptions, frame, generators as coroutines, opcode as op};
use std::ptr;

/// CPython's function; written once, with the GIL held.
static mut ORIGINAL: sys::destructor = None;

/// Puts ours in the place of CPython's.
///
/// # Safety
/// The GIL is held.
pub(crate) unsafe fn install() {
    // SAFETY: by contract; the type is CPython's own and lives for ever.
    unsafe {
        let slot = &raw mut sys::PyGen_Type.tp_finalize;
        let original = ORIGINAL;
        if original.is_none() {
            ORIGINAL = *slot;
        }
        *slot = Some(finalize);
    }
}

/// Puts CPython's back.
///
/// # Safety
/// The GIL is held; [`install`] was called.
pub(crate) unsafe fn uninstall() {
    // SAFETY: by contract.
    unsafe { sys::PyGen_Type.tp_finalize = ORIGINAL };
}

/// Closes a generator that nobody holds any more. Runs any code; a set exception stays.
unsafe extern "C" fn finalize(o: *mut PyObject) {
    // SAFETY: CPython calls it with a live generator and the GIL held; `activate` and `unlink` are a pair.
    unsafe {
        let tstate = evaluate::running_thread();
        let generator = o.cast::<PyGenObject>();
        if !has_plain_end(tstate, generator) {
            if let Some(original) = ORIGINAL {
                original(o);
            }
            return;
        }
        let (mut kind, mut value, mut traceback) = (ptr::null_mut(), ptr::null_mut(), ptr::null_mut());
        sys::_PyErr_Fetch(tstate, &mut kind, &mut value, &mut traceback);
        let caller = (*(*tstate).cframe).current_frame;
        // The None is not looked at.
        let (dying, sp) = generators::activate(tstate, caller, generator, helpers::none(), Resumed::Entry);
        let base = frame::stack_base(dying);
        let mut top = sp.sub(1);
        while top != base {
            top = top.sub(1);
            xdecref(*top);
        }
        (*dying).stacktop = (*(*dying).f_code).co_nlocalsplus;
        (*tstate).recursion_remaining += 1;
        generators::unlink(tstate, dying);
        generators::clear_closed(tstate, generator);
        sys::_PyErr_Restore(tstate, kind, value, traceback);
    }
}

/// Is it suspended at a plain `yield` that no handler covers, with nobody to see how it ends?
unsafe fn has_plain_end(tstate: *mut PyThreadState, generator: *mut PyGenObject) -> bool {
    // SAFETY: by the caller; a suspended generator's frame is valid, and stands at a `yield` with a `RESUME` behind it.
    unsafe {
        if type_of(generator.cast()) != &raw mut sys::PyGen_Type
            || !generators::is_suspended(generator)
            || !generators::is_resumable(tstate, generator)
        {
            return false;
        }
        let suspended = coroutines::frame_of(generator);
        let code = (*suspended).f_code;
        let at = (*suspended).prev_instr;
        let [next, argument] = (*at.add(1)).to_le_bytes();
        // More than 1: within `yield from` or `await`.
        (*suspended).frame_obj.is_null()
            && crate::opcode::DEOPT[usize::from(next)] == op::RESUME
            && argument < 2
            && exceptions::exception_handler(code, at.offset_from(frame::first_instruction(code)) as usize)
                .is_none()
    }
}
