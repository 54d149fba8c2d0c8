//! Side exits: rebuilding the interpreter's frames from a snapshot.
//!
//! Called by compiled code (through the backend's common exit) while its native frame still stands. Runs no Python: what
//! may (deallocations, the eval breaker) is left to `driver`, once the native frame is gone.

use crate::layout;
use crate::runtime::link_frame;
use capi::sys::{self, PyObject};
use traces::codegen::{ExitState, Location};
use traces::{Resume, Slot, Snapshot, Virtual};

/// Reads the values of a snapshot, in `Snapshot::for_each_value`'s order.
struct Reader<'a> {
    locations: std::slice::Iter<'a, Location>,
    state: &'a ExitState,
}

impl Reader<'_> {
    fn next(&mut self) -> u64 {
        let location = *self.locations.next().expect("one location for each value of the snapshot");
        // SAFETY: the exit is being taken: the native frame stands.
        unsafe { self.state.read(location) }
    }
    fn slot(&mut self, s: Slot) -> u64 {
        if let Slot::Value(_) = s { self.next() } else { 0 }
    }
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
pub unsafe fn rebuild(snapshot: &Snapshot, locations: &[Location], state: &ExitState) -> Rebuilt {
    let mut reader = Reader { locations: locations.iter(), state };
    let outer = match &snapshot.frames[..] {
        [only] => Some(only.instr),
        _ => None,
    };
    let mut rebuilt = Rebuilt { resume: snapshot.resume, dying: None, outer };
    if let Resume::Dying { .. } = snapshot.resume {
        rebuilt.dying = Some(reader.next() as *mut PyObject);
    }
    // Everything is read before anything is written: slots may still lie in memory that is overwritten.
    struct FrameValues {
        frame: u64,
        function: u64,
        slots: Vec<u64>,
    }
    let frames: Vec<FrameValues> = snapshot
        .frames
        .iter()
        .map(|f| FrameValues {
            frame: if f.frame == traces::Val::NONE { 0 } else { reader.next() },
            function: reader.slot(f.function),
            slots: f.slots.iter().map(|&s| reader.slot(s)).collect(),
        })
        .collect();
    let mut virtuals: Vec<*mut PyObject> = Vec::with_capacity(snapshot.virtuals.len());
    for v in &snapshot.virtuals {
        // SAFETY: the GIL is held; a box that can't be built leaves nothing sane to do.
        let built = unsafe {
            match v {
                Virtual::Int(_) => sys::PyLong_FromLongLong(reader.next() as i64),
                Virtual::Float(_) => sys::PyFloat_FromDouble(f64::from_bits(reader.next())),
                Virtual::Bool(_) => sys::PyBool_FromLong((reader.next() & 1) as _),
                Virtual::Tuple(_) => unreachable!("the optimizer builds tuples"),
            }
        };
        if built.is_null() {
            // SAFETY: ends the process.
            unsafe { sys::Py_FatalError(c"coluber: out of memory at a side exit".as_ptr()) };
        }
        virtuals.push(built);
    }
    for _ in &snapshot.increfs {
        // SAFETY: the snapshot names live objects.
        unsafe { (*(reader.next() as *mut PyObject)).ob_refcnt += 1 };
    }
    let mut first_use = vec![true; virtuals.len()];
    let thread = state.thread_state.cast::<sys::PyThreadState>();
    let mut current = state.frame.cast::<sys::_PyInterpreterFrame>();
    for (depth, (f, values)) in snapshot.frames.iter().zip(&frames).enumerate() {
        // SAFETY: the outermost frame is the one that the trace was entered with; others are in memory or pushed here.
        unsafe {
            if depth > 0 {
                let caller = &snapshot.frames[depth - 1];
                let unit = (caller.code + layout::FIRST_UNIT + 2 * caller.instr as usize) as *mut u16;
                (*current).stacktop = caller.slots.len() as i32;
                current = if values.frame != 0 {
                    (*current).prev_instr = unit;
                    values.frame as *mut sys::_PyInterpreterFrame
                } else {
                    link_frame(thread, current, values.function as *mut _, unit)
                };
            }
            let slots = capi::frame::locals(current);
            for (k, (slot, &bits)) in f.slots.iter().zip(&values.slots).enumerate() {
                let object = match *slot {
                    Slot::InMemory => continue,
                    Slot::Null => std::ptr::null_mut(),
                    Slot::Value(_) => bits as *mut PyObject,
                    Slot::Virtual(n) => {
                        let o = virtuals[n as usize];
                        if !std::mem::replace(&mut first_use[n as usize], false) {
                            (*o).ob_refcnt += 1;
                        }
                        o
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
        (*current).prev_instr = (last.code + layout::FIRST_UNIT + 2 * index - 2) as *mut u16;
        (*current).stacktop = last.slots.len() as i32;
        (*(*thread).cframe).current_frame = current;
    }
    rebuilt
}
