//! `vectorcall` of Python functions whose code is warm: what `sorted`, `map`, the slots of classes and other C code call.
//!
//! CPython's `_PyFunction_Vectorcall` binds the arguments in general, and enters the evaluator through a function pointer that knows
//! nothing of calls. This does the steps of `_PyEval_Vector`, [`evaluate::eval_frame`] and `_PyEvalFrameClearAndPop` once, for arguments
//! that are the parameters, one by one, with defaults for the rest. What is not so plain goes to CPython's function, also while a trace
//! function is set. A function gets it when the evaluator is entered with its warm code ([`adopt`]), and keeps it.

use crate::code_data;
use crate::direct::Home;
use crate::machine::Flow;
use crate::{bind, evaluate, numbers, warm};
use capi::frame;
use capi::refs::decref;
use capi::sys::{self, _PyInterpreterFrame, PyCodeObject, PyFunctionObject, PyObject, PyThreadState};
use capi::words;
use std::mem::MaybeUninit;
use std::ptr;

/// `PY_VECTORCALL_ARGUMENTS_OFFSET`
const ARGUMENTS_OFFSET: usize = 1 << (usize::BITS - 1);

/// The word of an entry frame that `stacktop`, `is_entry`, `owner` and the note are, while the frame is executed.
const ENTRY: u64 = 1 << 32 | 0xffff_ffff;

/// Gives the function of an entry frame this vectorcall, if it is worth it.
///
/// # Safety
/// `entry` is a live frame with a function; the GIL is held.
#[inline(always)]
pub(crate) unsafe fn adopt(entry: *mut _PyInterpreterFrame) {
    // SAFETY: by contract.
    unsafe {
        let function = (*entry).f_func;
        if (*function).vectorcall.is_some_and(|f| ptr::fn_addr_eq(f, sys::_PyFunction_Vectorcall as Function))
        {
            adopt_warm(function);
        }
    }
}

type Function =
    unsafe extern "C" fn(*mut PyObject, *const *mut PyObject, usize, *mut PyObject) -> *mut PyObject;

#[inline(never)]
unsafe fn adopt_warm(function: *mut PyFunctionObject) {
    // SAFETY: by the caller.
    unsafe {
        let brief = code_data::brief((*function).func_code.cast());
        if !brief.is_null() && (*brief).parameters >= 0 {
            (*function).vectorcall = Some(call);
        }
    }
}

/// Calls the function; the arguments stay the caller's. Null with an exception set.
unsafe extern "C" fn call(
    callable: *mut PyObject,
    args: *const *mut PyObject,
    nargsf: usize,
    kwnames: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: CPython calls it with a live function, live arguments and the GIL held; `home` outlives the frame's run.
    unsafe {
        let tstate = evaluate::running_thread();
        let callee = push(tstate, callable.cast(), args, nargsf & !ARGUMENTS_OFFSET, kwnames);
        if callee.is_null() {
            return sys::_PyFunction_Vectorcall(callable, args, nargsf, kwnames);
        }
        // The calling activation's `cframe` serves for this one too: its frame is the current one again when this returns.
        let cframe = (*tstate).cframe;
        let caller = (*cframe).current_frame;
        (*cframe).current_frame = callee;
        (*callee).previous = caller;
        (*tstate).recursion_remaining -= 1;
        let mut home = MaybeUninit::<Home>::uninit();
        let home = home.as_mut_ptr();
        let result = match warm::start(home, tstate, callee) {
            Flow::Return => (*home).result,
            flow => evaluate::run(home, callee, flow),
        };
        (*cframe).current_frame = caller;
        clear_and_pop(tstate, callee);
        result
    }
}

/// Pushes a frame with its locals, which the caller links; null, with nothing done, where more is to be asked or done.
#[inline(always)]
unsafe fn push(
    tstate: *mut PyThreadState,
    function: *mut PyFunctionObject,
    args: *const *mut PyObject,
    given: usize,
    kwnames: *mut PyObject,
) -> *mut _PyInterpreterFrame {
    // SAFETY: by the caller; the code's data says what frame it needs.
    unsafe {
        let code = (*function).func_code.cast::<PyCodeObject>();
        let brief = code_data::brief(code);
        if brief.is_null()
            || !kwnames.is_null()
            || (*(*tstate).cframe).use_tracing != 0
            || (*tstate).recursion_remaining <= 1
            || !evaluate::is_current(tstate)
        {
            return ptr::null_mut();
        }
        let bytes = (*brief).frame_bytes as usize;
        let top = (*tstate).datastack_top;
        let room = ((*tstate).datastack_limit as usize).wrapping_sub(top as usize);
        let parameters = (*brief).parameters;
        let missing = (parameters as isize).wrapping_sub(given as isize);
        // No translation, no simple parameters, too many arguments: a negative number.
        if missing < 0 || bytes >= room {
            return ptr::null_mut();
        }
        let mut from = ptr::null_mut();
        if missing > 0 {
            from = bind::defaults((*function).func_defaults, given, missing as usize);
            if from.is_null() {
                return ptr::null_mut();
            }
        }
        let callee = top.cast::<_PyInterpreterFrame>();
        (*tstate).datastack_top = callee.byte_add(bytes).cast();
        (*function).ob_base.ob_refcnt += 1;
        (*code).ob_base.ob_base.ob_refcnt += 1;
        (*callee).f_func = function;
        (*callee).f_code = code;
        (*callee).f_builtins = (*function).func_builtins;
        (*callee).f_globals = (*function).func_globals;
        (*callee).f_locals = ptr::null_mut();
        (*callee).frame_obj = ptr::null_mut();
        (*callee).prev_instr = frame::first_instruction(code).sub(1);
        (&raw mut (*callee).stacktop).cast::<u64>().write(ENTRY);
        let mut to = words::copy_references(args, given, frame::locals(callee));
        to = words::copy_references(from, missing as usize, to);
        words::fill_nulls(to, frame::stack_base(callee));
        callee
    }
}

/// Drops what the frame holds and pops it; it is off the chain, with a valid `stacktop`. Runs any code; a set exception stays.
#[inline(always)]
unsafe fn clear_and_pop(tstate: *mut PyThreadState, dying: *mut _PyInterpreterFrame) {
    // SAFETY: the frame that `push` pushed is the topmost one again. It is not the first one of its chunk: there was room.
    unsafe {
        if (*dying).frame_obj as usize | (*dying).f_locals as usize != 0 {
            return frame::clear_and_pop(tstate, dying);
        }
        (*tstate).recursion_remaining -= 1;
        let mut slot = frame::locals(dying);
        let end = slot.offset((*dying).stacktop as isize);
        while slot != end {
            let o = *slot;
            if !o.is_null() {
                (*o).ob_refcnt -= 1;
                if (*o).ob_refcnt == 0 {
                    numbers::dealloc(tstate, o);
                }
            }
            slot = slot.add(1);
        }
        decref((*dying).f_func.cast());
        decref((*dying).f_code.cast());
        (*tstate).recursion_remaining += 1;
        (*tstate).datastack_top = dying.cast();
    }
}
