//! What becomes of a frame's value, where a call means more than calling the function: `C(…)` runs `__init__` and gives the instance,
//! `f(*args)` keeps the tuple alive.
//!
//! Such a call pushes the function's frame in the same activation, as any call of a Python function does. What it still needs stays on
//! the caller's stack, where CPython keeps it too, and is dropped when the frame is left, by whichever way: a return, an
//! exception, a hand-over to CPython's evaluator, the birth of a generator. All of them ask the frame's note
//! (`capi::frame::note`) and end in [`Completion::finish`].
//!
//! ```text
//! C(a, b)           caller's stack: instance C a b          frame of C.__init__: self a b, two levels of recursion
//! f(*args, **kw)    caller's stack: NULL f args kw          frame of f
//! ```

use crate::direct::Direct;
use crate::helpers;
use crate::machine::{Flow, Machine};
use crate::opcode;
use crate::warm::Unit;
use capi::frame;
use capi::refs::{decref, type_of};
use capi::sys::{self, _PyInterpreterFrame, PyObject, PyThreadState};

/// What stands before a frame that warm code pushed: of the caller.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct Link {
    /// Where it goes on.
    pub next: *mut Unit,
}

impl Link {
    /// The link of a frame that has one.
    #[inline(always)]
    pub(crate) fn of(frame: *mut _PyInterpreterFrame) -> *mut Link {
        frame.cast::<Link>().wrapping_sub(1)
    }
}

/// The note of a frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Completion(u16);

impl Completion {
    /// The value goes to the caller's stack.
    const PUSH: u16 = 0;
    /// Of `CALL_FUNCTION_EX`; one more when there is a dict of keywords.
    const SPREAD: u16 = 1;
    /// Of `CALL` of a class; one more for each operand above the class.
    const INIT: u16 = 3;
    /// A flag: warm code pushed the frame. The frame is not the first one of its chunk of the data stack, has no namespace, and the
    /// thread owns it; the words before it ([`Link`]) say where the caller's code goes on, and go with it.
    const WARM: u16 = 0x8000;

    /// A plain call by warm code.
    pub(crate) const WARM_CALL: Completion = Completion(Completion::WARM);

    /// A call of a class by warm code; `None` for too many operands.
    #[inline(always)]
    pub(crate) fn warm_init(operands: usize) -> Option<Completion> {
        (operands < 0x7000).then(|| Completion(Completion::WARM | (Completion::INIT + operands as u16)))
    }

    /// `f(*args)`, `f(*args, **kwargs)` by warm code.
    #[inline(always)]
    pub(crate) fn warm_spread(keywords: bool) -> Completion {
        Completion(Completion::WARM | (Completion::SPREAD + u16::from(keywords)))
    }

    /// Does the value go to the caller's stack, and nothing else happen?
    #[inline(always)]
    pub(crate) fn is_plain(self) -> bool {
        self.0 & !Completion::WARM == Completion::PUSH
    }

    /// What a frame's note says.
    ///
    /// # Safety
    /// One of our evaluator's frames.
    #[inline(always)]
    pub(crate) unsafe fn of(frame: *mut _PyInterpreterFrame) -> Completion {
        // SAFETY: by contract.
        unsafe {
            if (*frame).is_entry { Completion(Completion::PUSH) } else { Completion(*frame::note(frame)) }
        }
    }

    /// Of a note.
    #[inline(always)]
    pub(crate) fn from_note(note: u16) -> Completion {
        Completion(note)
    }

    /// Writes the note of a frame; `warm`: the frame is as such frames are.
    ///
    /// # Safety
    /// As [`Completion::of`].
    #[inline(always)]
    pub(crate) unsafe fn note(self, frame: *mut _PyInterpreterFrame, warm: bool) {
        // SAFETY: by contract.
        unsafe { *frame::note(frame) = if warm { self.0 } else { self.0 & !Completion::WARM } }
    }

    /// The same for a call that did not come to a frame.
    #[inline(always)]
    pub(crate) fn without_link(self) -> Completion {
        Completion(self.0 & !Completion::WARM)
    }

    /// Operands above the class of a call by warm code.
    #[inline(always)]
    pub(crate) fn warm_init_operands(self) -> Option<usize> {
        let least = Completion::WARM | Completion::INIT;
        (self.0 >= least).then(|| usize::from(self.0 - least))
    }

    /// Operands of `f(*args)` by warm code.
    #[inline(always)]
    pub(crate) fn warm_spread_operands(self) -> Option<usize> {
        let least = Completion::WARM | Completion::SPREAD;
        (least..least + 2).contains(&self.0).then(|| usize::from(self.0 - least) + 2)
    }

    /// The word of a frame that `stacktop`, `is_entry`, `owner` and the note are, for a new frame of the thread's.
    #[inline(always)]
    pub(crate) fn word(self) -> u64 {
        (self.0 as u64) << 48 | 0xffff_ffff
    }

    /// Takes the link of a frame that was just popped off the data stack, if it had one.
    ///
    /// # Safety
    /// This is the note that the frame had; it was the topmost of `tstate`'s data stack.
    #[inline(always)]
    pub(crate) unsafe fn drop_link(self, tstate: *mut PyThreadState) {
        if self.0 & Completion::WARM != 0 {
            // SAFETY: by contract.
            unsafe { (*tstate).datastack_top = (*tstate).datastack_top.byte_sub(size_of::<Link>()) }
        }
    }

    /// Ends the call whose frame was just popped: `d` has the caller's registers as they were saved at the call. `value` is what the
    /// function returned (taken over), or null with an exception set.
    ///
    /// # Safety
    /// The machine's invariant; this is the note that the frame had.
    #[inline(always)]
    pub(crate) unsafe fn finish(self, d: &mut Direct, value: *mut PyObject) -> Flow {
        let kind = self.0 & !Completion::WARM;
        // SAFETY: by contract.
        unsafe { self.drop_link(d.tstate) };
        if kind != Completion::PUSH {
            // SAFETY: by contract.
            return unsafe { finish_more(kind, d, value) };
        }
        if value.is_null() {
            return Flow::Raise;
        }
        d.push(value);
        Flow::Next
    }
}

#[inline(never)]
unsafe fn finish_more(kind: u16, d: &mut Direct, value: *mut PyObject) -> Flow {
    // SAFETY: by the caller; the note says what is on the stack.
    unsafe {
        let (result, first, operands) = if kind >= Completion::INIT {
            let operands = usize::from(kind - Completion::INIT) + 1;
            let instance = d.sp.sub(operands + 1);
            // As `slot_tp_init` and `type_call` end.
            let result = if initialised(value) {
                *instance
            } else {
                decref(*instance);
                std::ptr::null_mut()
            };
            (*d.tstate).recursion_remaining += 1;
            d.ip = d.ip.add(opcode::CALL_CACHES);
            (result, instance, operands)
        } else {
            let operands = usize::from(kind - Completion::SPREAD) + 2;
            (value, d.sp.sub(operands + 1), operands)
        };
        // The callable first, then the others from the lowest.
        for i in 1..=operands {
            decref(*first.add(i));
        }
        d.sp = first;
        if result.is_null() {
            return Flow::Raise;
        }
        d.push(result);
        d.check_breaker()
    }
}

/// Whether `__init__` returned None (value taken over); otherwise an exception is set.
unsafe fn initialised(value: *mut PyObject) -> bool {
    // SAFETY: a live object or null.
    unsafe {
        if value.is_null() {
            return false;
        }
        let is_none = value == helpers::none();
        if !is_none {
            sys::PyErr_Format(
                sys::PyExc_TypeError,
                c"__init__() should return None, not '%.200s'".as_ptr(),
                (*type_of(value)).tp_name,
            );
        }
        decref(value);
        is_none
    }
}
