//! The frame evaluator that CPython calls (PEP 523), the run loop around `dispatch::run`, exceptions, hand-over.
//!
//! One activation of `eval_frame` runs its entry frame and all Python functions called from it (their frames are pushed and
//! popped by the loop). What it can't run, it hands to CPython's evaluator, frame by frame, and counts.

use crate::completion::Completion;
use crate::direct::{Direct, Home};
use crate::direct_only::exceptions::restore;
use crate::machine::Flow;
use crate::{
    clear_type_cache, code_data, dispatch, generator_finalize, generator_next, generators, numbers, traced,
    tracing, vectorcall, warm,
};
use capi::sys::{self, _PyInterpreterFrame, PyObject, PyThreadState};
use capi::{exceptions, frame, opcode};
use std::mem::{self, MaybeUninit};
use std::ptr;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counters of the evaluator.
#[derive(Debug)]
pub struct Statistics {
    /// Frames handed to CPython's evaluator at an opcode that ours lacks, by opcode.
    pub handovers: [AtomicU64; 256],
    /// Frames handed over because they belong to a sub-interpreter.
    pub handovers_interpreter: AtomicU64,
}

/// The counters.
pub static STATISTICS: Statistics =
    Statistics { handovers: [const { AtomicU64::new(0) }; 256], handovers_interpreter: AtomicU64::new(0) };

/// Makes CPython call our evaluator in the main interpreter. False when CPython has no room for our per-code data.
///
/// # Safety
/// The GIL is held, CPython is initialised.
pub unsafe fn install() -> bool {
    if !code_data::request_index() {
        return false;
    }
    // SAFETY: by contract.
    unsafe {
        numbers::learn_room();
        (*main_interpreter()).eval_frame = Some(eval_frame);
        generator_next::install();
        generator_finalize::install();
        clear_type_cache::install();
    }
    true
}

/// Back to CPython's evaluator, for frames that start from now on.
///
/// # Safety
/// As [`install`].
pub unsafe fn uninstall() {
    // SAFETY: by contract.
    unsafe {
        (*main_interpreter()).eval_frame = None;
        generator_next::uninstall();
        generator_finalize::uninstall();
        clear_type_cache::uninstall();
    }
}

/// Is our evaluator the one in use?
pub fn is_installed() -> bool {
    // SAFETY: reads the main interpreter's field.
    unsafe {
        (*main_interpreter()).eval_frame.is_some_and(|f| f as usize == eval_frame as *const () as usize)
    }
}

/// `PyInterpreterState_Main`. Read here, as its `eval_frame` is: CPython's small functions for both would each take a page of code.
fn main_interpreter() -> *mut sys::PyInterpreterState {
    // SAFETY: reads a field of a static; null only before initialization.
    unsafe { sys::_PyRuntime.interpreters.main }
}

/// The running thread: `_PyThreadState_GET`, whose layout `capi::check` asked about.
///
/// # Safety
/// The GIL is held.
#[inline(always)]
pub(crate) unsafe fn running_thread() -> *mut PyThreadState {
    // SAFETY: the caller has the GIL, with which this changes.
    unsafe {
        (&raw const sys::_PyRuntime.gilstate.tstate_current._value).read_volatile() as *mut PyThreadState
    }
}

/// Is ours the evaluator that this interpreter calls?
///
/// # Safety
/// `tstate` is the running thread's.
#[inline(always)]
pub unsafe fn is_current(tstate: *mut PyThreadState) -> bool {
    // SAFETY: by contract.
    unsafe { (*(*tstate).interp).eval_frame.is_some_and(|f| f as usize == eval_frame as *const () as usize) }
}

/// Evaluates a frame: PEP 523.
///
/// # Safety
/// Called by CPython as `interp->eval_frame`.
pub unsafe extern "C" fn eval_frame(
    tstate: *mut PyThreadState,
    entry: *mut _PyInterpreterFrame,
    throwflag: i32,
) -> *mut PyObject {
    // SAFETY: by contract; the steps are those of `_PyEval_EvalFrameDefault`.
    unsafe {
        // Its `cframe` serves for this activation too: the caller's frame is the current one again when this returns. One of our own
        // would have to be linked and unlinked through memory, which takes longer than the rest of entering.
        let cframe = (*tstate).cframe;
        let caller = (*cframe).current_frame;
        (*cframe).current_frame = entry;
        (*entry).is_entry = true;
        (*entry).previous = caller;

        // Nothing reads a part of the home before it was written.
        let mut home = MaybeUninit::<Home>::uninit();
        let home = home.as_mut_ptr();
        let result = if !enter_recursive_call(tstate) {
            ptr::null_mut()
        } else if throwflag != 0 {
            (*home).registers = Direct::new(tstate, entry, home);
            if tracing::is_on(tstate) && !tracing::entered(tstate, entry) {
                (*tstate).recursion_remaining += 1;
                ptr::null_mut()
            } else {
                run(home, entry, Flow::Raise)
            }
        } else if tracing::is_on(tstate) {
            (*home).registers = Direct::new(tstate, entry, home);
            run(home, entry, Flow::Traced)
        } else {
            // Most calls from C run warm code to its end.
            vectorcall::adopt(entry);
            let d = Direct::new(tstate, entry, home);
            match warm::go(home, tstate, entry, d.sp) {
                Flow::Return => (*home).result,
                flow => run(home, entry, flow),
            }
        };
        (*cframe).current_frame = caller;
        result
    }
}

/// `_Py_EnterRecursiveCall`. After a no nothing is to be left.
#[inline(always)]
unsafe fn enter_recursive_call(tstate: *mut PyThreadState) -> bool {
    // SAFETY: the running thread.
    unsafe {
        (*tstate).recursion_remaining -= 1;
        if (*tstate).recursion_remaining >= 0 {
            return true;
        }
        sys::_Py_CheckRecursiveCall(tstate, c"".as_ptr()) == 0
    }
}

/// Goes on until the entry frame returns (owned), or is left by an exception (null). The entry frame's recursion level is
/// left; its `stacktop` is valid.
///
/// # Safety
/// The home's registers keep the machine's invariant, at `entry` or a frame above it.
#[inline(never)]
pub(crate) unsafe fn run(home: *mut Home, entry: *mut _PyInterpreterFrame, mut flow: Flow) -> *mut PyObject {
    // SAFETY: the machine's invariant; nobody else uses the home's registers while a function works on them.
    unsafe {
        loop {
            let d = &raw mut (*home).registers;
            flow = match flow {
                Flow::Next | Flow::Switch => dispatch::run(home),
                Flow::Return => return (*home).result,
                Flow::Raise | Flow::Unwind => raised(&mut *d, flow),
                Flow::Traced => traced::run(&mut *d),
                Flow::HandOver if traced::is_at_start(&*d) => traced::run_from_start(&mut *d),
                Flow::HandOver => match hand_over(&mut *d, entry) {
                    HandedOver::Entry(result) => return result,
                    HandedOver::Called(flow) => flow,
                },
            };
        }
    }
}

/// Goes on after `Raise` or `Unwind`: see [`unwind`].
///
/// # Safety
/// The machine's invariant; an exception is set.
#[inline]
pub unsafe fn raised(d: &mut Direct, flow: Flow) -> Flow {
    // SAFETY: by contract.
    unsafe {
        if flow == Flow::Raise {
            exceptions::ensure_raised(d.tstate);
            let data = code_data::get((*d.frame).f_code);
            let known = if data.is_null() { ptr::null_mut() } else { &raw mut (*data).raised_at };
            exceptions::add_traceback(d.tstate, d.frame, known);
            if tracing::is_on(d.tstate) {
                tracing::exception(d.tstate, d.frame);
                relink_if_unwatched(d.tstate, d.frame);
            }
        }
        unwind(d, ptr::null_mut())
    }
}

/// Looks for the handler of an exception in the current frame; leaves the frame when there is none. `Next` at the handler, `Raise` in
/// the caller, `Return` without a result when the entry frame was left. The exception is `again`, taken over, which was raised before
/// and whose class has no metaclass of its own, or, where that is null, the one that is set.
///
/// # Safety
/// The machine's invariant; there is an exception, and only one.
pub(crate) unsafe fn unwind(d: &mut Direct, mut again: *mut PyObject) -> Flow {
    // SAFETY: by contract.
    unsafe {
        let tstate = d.tstate;
        let code = (*d.frame).f_code;
        let first = frame::first_instruction(code);
        loop {
            // The unit before the next instruction: after a jump, CPython looks at the target's neighbour.
            let index = d.ip.offset_from(first) - 1;
            let handler = exceptions::exception_handler(code, index as usize);
            let keep = handler.as_ref().map_or(0, |h| h.depth);
            let top = frame::stack_base(d.frame).add(keep);
            while d.sp > top {
                d.sp = d.sp.sub(1);
                capi::refs::xdecref(*d.sp);
            }
            let Some(handler) = handler else { break };
            if handler.lasti {
                let lasti = (*d.frame).prev_instr.offset_from(first);
                let lasti = sys::PyLong_FromLong(lasti as i64);
                if lasti.is_null() {
                    capi::refs::xdecref(mem::replace(&mut again, ptr::null_mut()));
                    continue;
                }
                *d.sp = lasti;
                d.sp = d.sp.add(1);
            }
            let exception = if again.is_null() { exceptions::take(tstate) } else { again };
            *d.sp = exception;
            d.sp = d.sp.add(1);
            d.ip = first.add(handler.target);
            return if tracing::is_on(tstate) { Flow::Traced } else { Flow::Next };
        }
        if !again.is_null() {
            restore(again);
        }
        d.save_stack();
        if tracing::is_on(tstate) {
            tracing::unwound(tstate, d.frame);
            relink_if_unwatched(tstate, d.frame);
        }
        leave(d)
    }
}

/// After an event that may have been the last one.
unsafe fn relink_if_unwatched(tstate: *mut PyThreadState, frame: *mut _PyInterpreterFrame) {
    // SAFETY: the current frame of the running thread.
    unsafe {
        if !tracing::is_on(tstate) {
            warm::relink(frame);
        }
    }
}

/// Leaves the current frame by the set exception: `Raise` in the caller, `Return` without a result when it was the entry frame.
///
/// # Safety
/// The machine's invariant, but that the stack is empty and saved.
pub(crate) unsafe fn leave(d: &mut Direct) -> Flow {
    // SAFETY: by contract.
    unsafe {
        let tstate = d.tstate;
        let dying = d.frame;
        (*tstate).recursion_remaining += 1;
        if (*dying).is_entry {
            (*d.home).result = ptr::null_mut();
            return Flow::Return;
        }
        if generators::owns(dying) {
            return generators::finish(d, ptr::null_mut());
        }
        let caller = (*dying).previous;
        let completion = Completion::of(dying);
        (*(*tstate).cframe).current_frame = caller;
        frame::clear_and_pop(tstate, dying);
        d.switch_to_frame(caller);
        completion.finish(d, ptr::null_mut())
    }
}

/// What came of a hand-over.
enum HandedOver {
    /// The entry frame ended so.
    Entry(*mut PyObject),
    /// A frame called from the loop ended; its caller goes on.
    Called(Flow),
}

/// Gives the current frame to CPython's evaluator until it ends, from the instruction that it shows.
#[cold]
unsafe fn hand_over(d: &mut Direct, entry: *mut _PyInterpreterFrame) -> HandedOver {
    // SAFETY: the machine's invariant.
    unsafe {
        let tstate = d.tstate;
        let handed = d.frame;
        let previous = (*handed).previous;
        let mut start = (*handed).prev_instr;
        STATISTICS.handovers[usize::from(*start as u8)].fetch_add(1, Ordering::Relaxed);
        let first = frame::first_instruction((*handed).f_code);
        while start > first && opcode::DEOPT[usize::from(*start.sub(1) as u8)] == opcode::EXTENDED_ARG {
            start = start.sub(1);
        }
        // Being handed over makes it an entry frame.
        let completion = Completion::of(handed);
        let result = frame::resume_in_cpython(tstate, handed, start.sub(1), d.sp, false);
        if handed == entry {
            return HandedOver::Entry(result);
        }
        if generators::owns(handed) {
            return HandedOver::Called(generators::handed_back(d, result));
        }
        frame::clear_and_pop(tstate, handed);
        (*(*tstate).cframe).current_frame = previous;
        relink_if_unwatched(tstate, previous);
        d.switch_to_frame(previous);
        let flow = completion.finish(d, result);
        // The function may have been the one that set the trace function.
        if flow == Flow::Next && tracing::is_on(tstate) {
            return HandedOver::Called(Flow::Traced);
        }
        HandedOver::Called(flow)
    }
}
