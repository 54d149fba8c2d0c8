//! Serves the eval breaker for the evaluator, and notices that a trace or profile function was set.

use crate::machine::Flow;
use capi::sys::{_PyInterpreterFrame, PyThreadState};
use capi::{breaker, opcode};

/// Does what was asked for: `Next`, `Raise`, or a hand-over under tracing: at RESUME before it (CPython's own reports the
/// call event), else after the instruction.
#[cold]
#[inline(never)]
#[allow(clippy::not_unsafe_ptr_arg_deref)] // callers pass what they run, see above
pub fn serve(tstate: *mut PyThreadState, frame: *mut _PyInterpreterFrame) -> Flow {
    // SAFETY: called with the running thread and its current frame, whose `prev_instr` is the instruction executed.
    unsafe {
        if (*(*tstate).cframe).use_tracing != 0 {
            let code = *(*frame).prev_instr as u8;
            return if opcode::DEOPT[usize::from(code)] == opcode::RESUME {
                Flow::HandOver
            } else {
                Flow::HandOverNext
            };
        }
        if breaker::handle_pending(tstate) { Flow::Next } else { Flow::Raise }
    }
}
