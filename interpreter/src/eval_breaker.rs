//! Serves the eval breaker for the evaluator, and notices that a trace or profile function is set.

use crate::machine::Flow;
use crate::tracing;
use capi::sys::{_PyInterpreterFrame, PyThreadState};
use capi::{breaker, opcode};

/// Does what was asked for: `Next`, `Raise`, or, under tracing, `Traced`; at RESUME `HandOver`, with nothing done, for that is where
/// the call event is reported.
#[cold]
#[inline(never)]
#[allow(clippy::not_unsafe_ptr_arg_deref)] // callers pass what they run, see above
pub fn serve(tstate: *mut PyThreadState, frame: *mut _PyInterpreterFrame) -> Flow {
    // SAFETY: called with the running thread and its current frame, whose `prev_instr` is the instruction executed.
    unsafe {
        if tracing::is_on(tstate) && opcode::DEOPT[usize::from(*(*frame).prev_instr as u8)] == opcode::RESUME
        {
            return Flow::HandOver;
        }
        if breaker::is_set(tstate) && !breaker::handle_pending(tstate) {
            return Flow::Raise;
        }
        if tracing::is_on(tstate) { Flow::Traced } else { Flow::Next }
    }
}
