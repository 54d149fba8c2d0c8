//! `tp_iternext` of generators, while our evaluator is installed: what `sum`, `list`, `next` and other C code call for each value.
//!
//! CPython's `gen_iternext` would enter the evaluator through a function pointer that knows nothing of generators, and both would do
//! half of the work twice. This does the steps of `gen_iternext`, `gen_send_ex2` and [`evaluate::eval_frame`] once. What is not
//! a plain resumption (a generator that runs or has ended, a trace function, another interpreter) goes to CPython's function.

use crate::direct::Home;
use crate::generators::{self, Resumed};
use crate::machine::Flow;
use crate::{evaluate, helpers, warm};
use capi::refs::decref;
use capi::sys::{self, PyGenObject, PyObject, PyThreadState};
use std::mem::MaybeUninit;
use std::ptr;

/// CPython's function; written once, with the GIL held.
static mut ORIGINAL: sys::iternextfunc = None;

/// Puts ours in the place of CPython's.
///
/// # Safety
/// The GIL is held.
pub(crate) unsafe fn install() {
    // SAFETY: by contract; the type is CPython's own and lives for ever.
    unsafe {
        let slot = &raw mut sys::PyGen_Type.tp_iternext;
        let original = ORIGINAL;
        if original.is_none() {
            ORIGINAL = *slot;
        }
        *slot = Some(next);
    }
}

/// Puts CPython's back.
///
/// # Safety
/// The GIL is held; [`install`] was called.
pub(crate) unsafe fn uninstall() {
    // SAFETY: by contract.
    unsafe { sys::PyGen_Type.tp_iternext = ORIGINAL };
}

/// The next value (owned); null at the end, with an exception if there is one.
unsafe extern "C" fn next(o: *mut PyObject) -> *mut PyObject {
    // SAFETY: CPython calls it with a live generator and the GIL held; `home` outlives the frame's run.
    unsafe {
        let tstate = evaluate::running_thread();
        let generator = o.cast::<PyGenObject>();
        if !generators::is_resumable(tstate, generator) {
            return ORIGINAL.map_or(ptr::null_mut(), |original| original(o));
        }
        // The asking activation's `cframe` serves for this one too: its frame is the current one again when this returns.
        let caller = (*(*tstate).cframe).current_frame;
        let (frame, sp) = generators::activate(tstate, caller, generator, helpers::none(), Resumed::Entry);
        let mut home = MaybeUninit::<Home>::uninit();
        let home = home.as_mut_ptr();
        let result = match warm::go_on(home, tstate, frame, sp) {
            Flow::Return => (*home).result,
            flow => evaluate::run(home, frame, flow),
        };
        generators::unlink(tstate, frame);
        if !result.is_null() && generators::is_suspended(generator) {
            return result;
        }
        ended(tstate, generator, result)
    }
}

/// The generator returned `value` (taken over), or, null, was left by an exception.
#[inline(never)]
unsafe fn ended(
    tstate: *mut PyThreadState,
    generator: *mut PyGenObject,
    value: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: by the caller, who was called with the generator and so keeps it alive.
    unsafe {
        generators::clear(tstate, generator, value.is_null());
        if !value.is_null() {
            if value != helpers::none() {
                sys::_PyGen_SetStopIterationValue(value);
            }
            decref(value);
        }
        ptr::null_mut()
    }
}
