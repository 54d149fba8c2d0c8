//! Calls of Python functions whose parameters are not simple: keywords, defaults of keyword-only ones, `*args`, `**kwargs`.
//!
//! The interpreter's own: the frame is pushed and run by the same loop, so that the C stack does not grow.

use crate::direct::Direct;
use crate::helpers;
use crate::machine::Flow;
use capi::sys::{self, PyCodeObject, PyFunctionObject, PyObject};
use capi::{arguments, frame};
use std::ptr;

/// See `Machine::may_bind_call`.
#[inline(never)]
pub fn call(
    d: &mut Direct,
    nargs: usize,
    kwnames: *mut PyObject,
    below: usize,
    return_to: usize,
) -> Option<Flow> {
    // SAFETY: the machine's invariant; the callable at `nargs + 1` is a Python function.
    unsafe {
        let tstate = d.tstate;
        if (*tstate).recursion_remaining <= 1 || !crate::evaluate::is_current(tstate) {
            return None;
        }
        let args = d.sp.sub(nargs);
        let function = (*args.sub(1)).cast::<PyFunctionObject>();
        let code = (*function).func_code.cast::<PyCodeObject>();
        let namespace = if (*code).co_flags as u32 & sys::CO_OPTIMIZED != 0 {
            ptr::null_mut()
        } else {
            (*function).func_globals
        };
        let keywords = if kwnames.is_null() { 0 } else { helpers::size_of_sequence(kwnames) };
        d.sp = args.sub(1 + below);
        let callee = arguments::push_and_init(
            tstate,
            function,
            namespace,
            args.cast_const(),
            nargs - keywords,
            kwnames,
        );
        if callee.is_null() {
            return Some(Flow::Raise);
        }
        let caller = d.frame;
        d.save_stack();
        (*caller).prev_instr = frame::first_instruction((*caller).f_code).add(return_to).sub(1);
        (*callee).previous = caller;
        (*(*tstate).cframe).current_frame = callee;
        (*tstate).recursion_remaining -= 1;
        d.switch_to_frame(callee);
        Some(Flow::Next)
    }
}
