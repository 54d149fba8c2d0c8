//! Side exits: rebuilding the interpreter's frames from a snapshot.
//!
//! Called by compiled code (through the backend's common exit) while its native frame still stands. Runs no Python: what
//! may (deallocations, the eval breaker) is left to `driver`, once the native frame is gone.

use crate::layout;
use crate::reserve;
use crate::runtime::link_frame;
use capi::sys::{self, PyObject};
use interpreter::opcode;
use traces::codegen::{ExitState, Location};
use traces::{Resume, Slot, Snapshot, Virtual};

/// Room for the values of a snapshot, kept from exit to exit.
#[derive(Default)]
pub struct Scratch {
    values: Vec<u64>,
    /// What was made of the snapshot's virtuals, and whether a slot has its reference.
    boxes: Vec<(*mut PyObject, bool)>,
}

/// What an exit leaves to be done.
#[derive(Clone, Copy, Debug)]
pub struct Rebuilt {
    /// How to go on.
    pub resume: Resume,
    /// The object whose count reached zero, for `Resume::Dying`.
    pub dying: Option<*mut PyObject>,
    /// Where the outermost frame goes on; `None` when that is in an inlined call.
    pub outer: Option<u32>,
}

/// Rebuilds the frames. The innermost becomes the thread's current frame; its `prev_instr` is one before the instruction to go on at
/// (for `Raise`: at the instruction itself), its `stacktop` is set.
///
/// # Safety
/// Called from an exit of a trace that was entered with `state.frame`; `locations` belong to `snapshot`.
pub unsafe fn rebuild(
    snapshot: &Snapshot,
    locations: &[Location],
    state: &ExitState,
    scratch: &mut Scratch,
) -> Rebuilt {
    // Everything is read before anything is written: slots may still lie in memory that is overwritten. What is only kept is not needed.
    let Scratch { values, boxes } = scratch;
    let needed = &locations[..locations.len() - snapshot.keep.len()];
    values.clear();
    // SAFETY: the exit is being taken: the native frame stands.
    values.extend(needed.iter().map(|&location| unsafe { state.read(location) }));
    let (values, increfs) = values.split_at(values.len() - snapshot.increfs.len());
    let (values, payloads) = values.split_at(values.len() - snapshot.virtuals.len());
    boxes.clear();
    // The exception of an exit that raises must outlive a box that memory is short for.
    let raised = (!snapshot.virtuals.is_empty() && matches!(snapshot.resume, Resume::Raise)).then(|| {
        let [mut kind, mut value, mut traceback] = [std::ptr::null_mut(); 3];
        // SAFETY: the GIL is held; the three references are handed back below.
        unsafe { sys::PyErr_Fetch(&mut kind, &mut value, &mut traceback) };
        (kind, value, traceback)
    });
    for (v, &payload) in snapshot.virtuals.iter().zip(payloads) {
        // SAFETY: the GIL is held; no exception is set.
        let built = unsafe {
            match v {
                Virtual::Int(_) => reserve::new_int(payload as i64),
                Virtual::Float(_) => reserve::new_float(f64::from_bits(payload)),
                Virtual::Bool(_) => sys::PyBool_FromLong((payload & 1) as _),
                Virtual::Tuple(_) => unreachable!("the optimizer builds tuples"),
            }
        };
        boxes.push((built, false));
    }
    if let Some((kind, value, traceback)) = raised {
        // SAFETY: fetched above.
        unsafe { sys::PyErr_Restore(kind, value, traceback) };
    }
    for &object in increfs {
        // SAFETY: the snapshot names live objects.
        unsafe { (*(object as *mut PyObject)).ob_refcnt += 1 };
    }
    let mut values = values.iter().copied();
    let mut next = || values.next().expect("one location for each value of the snapshot");
    let dying = match snapshot.resume {
        Resume::Dying { .. } => Some(next() as *mut PyObject),
        _ => None,
    };
    let thread = state.thread_state.cast::<sys::PyThreadState>();
    let mut current = state.frame.cast::<sys::_PyInterpreterFrame>();
    for (depth, f) in snapshot.frames.iter().enumerate() {
        let frame = if f.frame == traces::Val::NONE { 0 } else { next() };
        let function = if let Slot::Value(_) = f.function { next() } else { 0 };
        // SAFETY: the outermost frame is the one that the trace was entered with; others are in memory or pushed here.
        unsafe {
            if depth > 0 {
                let caller = &snapshot.frames[depth - 1];
                let unit = (caller.code + layout::FIRST_UNIT + 2 * caller.instr as usize) as *mut u16;
                (*current).stacktop = caller.slots.len() as i32;
                current = if frame != 0 {
                    (*current).prev_instr = unit;
                    frame as *mut sys::_PyInterpreterFrame
                } else {
                    link_frame(thread, current, function as *mut _, unit)
                };
            }
            let slots = capi::frame::locals(current);
            for (k, slot) in f.slots.iter().enumerate() {
                let object = match *slot {
                    Slot::InMemory => continue,
                    Slot::Null => std::ptr::null_mut(),
                    Slot::Value(_) => next() as *mut PyObject,
                    Slot::Virtual(n) => {
                        let (o, used) = &mut boxes[n as usize];
                        if std::mem::replace(used, true) {
                            (**o).ob_refcnt += 1;
                        }
                        *o
                    }
                };
                *slots.add(k) = object;
            }
        }
    }
    let last = snapshot.frames.last().expect("a snapshot has a frame");
    let raise = matches!(snapshot.resume, Resume::Raise);
    let index = last.instr as usize + usize::from(raise);
    // SAFETY: as above.
    unsafe {
        let shown = (last.code + layout::FIRST_UNIT + 2 * index - 2) as *mut u16;
        if !(raise && shows_start_of_call(current, shown)) {
            (*current).prev_instr = shown;
        }
        (*current).stacktop = last.slots.len() as i32;
        (*(*thread).cframe).current_frame = current;
    }
    let outer = match &snapshot.frames[..] {
        [only] => Some(only.instr),
        _ => None,
    };
    Rebuilt { resume: snapshot.resume, dying, outer }
}

/// Whether the frame shows the first unit of the `CALL` whose last one is `end`: its arguments did not fit (`runtime::run_function`).
///
/// # Safety
/// `frame` is live, `end` one of its code's units.
unsafe fn shows_start_of_call(frame: *mut sys::_PyInterpreterFrame, end: *mut u16) -> bool {
    // SAFETY: by contract; what the frame shows is one of its code's units.
    unsafe {
        (*frame).prev_instr == end.wrapping_sub(opcode::CALL_CACHES)
            && opcode::DEOPT[usize::from(*(*frame).prev_instr as u8)] == capi::opcode::CALL
    }
}
