//! What traces embed, as the garbage collector sees it.
//!
//! A trace has a reference to each object that it embeds, and hangs on a code object. So a class whose method has a hot loop is in a cycle: class,
//! function, code object, trace, class. The collector can't follow it, since code objects are no containers to it; it would take the
//! trace's reference for one from outside, and the class would live for ever. A trace is to keep nothing alive that a program could see
//! die (a weak reference to the class tells). Hence, while a tracer is installed, the types whose instances are embedded show the traces' references as
//! the object's own: what only traces hold is garbage, and before it is cleared the traces that embed it are invalidated, and
//! give their references back.
//!
//! The collector alone is shown that, in the one pass that takes references within the garbage off the counts: there it visits an object
//! on behalf of the object itself. `gc.get_referrers` and `gc.get_referents`, which have an argument of their own, see nothing.

use super::{State, Tracer, tracer};
use capi::refs::decref;
use capi::sys::{self, PyObject, PyTypeObject};
use fxhash::{FxHashMap, FxHashSet};
use std::collections::TryReserveError;
use std::ffi::{c_int, c_void};

/// How many references traces have to each object that they embed.
#[derive(Default)]
pub(super) struct Held {
    counts: FxHashMap<usize, u32>,
    /// A bit for each hash of an object that was embedded: most objects that the collector asks about were not.
    filter: [[u64; 8]; 8],
}

impl Held {
    fn bit(object: usize) -> ((usize, usize), u64) {
        let hash = object >> 4 ^ object >> 16;
        ((hash / 512 % 8, hash / 64 % 8), 1 << (hash % 64))
    }

    /// Makes room for so many objects more.
    pub(super) fn try_reserve(&mut self, more: usize) -> Result<(), TryReserveError> {
        self.counts.try_reserve(more)
    }

    /// A trace took over these references. There is room.
    pub(super) fn add(&mut self, objects: &[*mut PyObject]) {
        for &o in objects {
            *self.counts.entry(o as usize).or_insert(0) += 1;
            let ((row, word), bit) = Self::bit(o as usize);
            self.filter[row][word] |= bit;
        }
    }

    /// A trace gives these references back.
    pub(super) fn remove(&mut self, objects: &[*mut PyObject]) {
        for &o in objects {
            if let Some(count) = self.counts.get_mut(&(o as usize)) {
                *count -= 1;
                if *count == 0 {
                    self.counts.remove(&(o as usize));
                }
            }
        }
    }

    #[inline(always)]
    fn count(&self, object: usize) -> u32 {
        let ((row, word), bit) = Self::bit(object);
        if self.filter[row][word] & bit == 0 { 0 } else { self.counts.get(&object).copied().unwrap_or(0) }
    }
}

/// The types whose instances are embedded and may be part of cycles. Classes' own types inherit from the first what they don't have.
const TYPES: [*mut PyTypeObject; 6] = [
    &raw mut sys::PyType_Type,
    &raw mut sys::PyFunction_Type,
    &raw mut sys::PyDict_Type,
    &raw mut sys::PyModule_Type,
    &raw mut sys::PyCFunction_Type,
    &raw mut sys::PyMethodDescr_Type,
];

/// CPython's functions for them; written once, with the GIL held.
static mut ORIGINALS: [(sys::traverseproc, sys::inquiry); TYPES.len()] = [(None, None); TYPES.len()];

/// Puts ours in the place of CPython's, for good.
///
/// # Safety
/// The GIL is held; once, when the tracer is there.
pub(super) unsafe fn install() {
    unsafe fn one<const TYPE: usize>() {
        // SAFETY: by contract of `install`; the type is CPython's own and lives for ever.
        unsafe {
            let ty = TYPES[TYPE];
            ORIGINALS[TYPE] = ((*ty).tp_traverse, (*ty).tp_clear);
            (*ty).tp_traverse = Some(traverse::<TYPE>);
            (*ty).tp_clear = Some(clear::<TYPE>);
        }
    }
    // SAFETY: by contract.
    unsafe {
        one::<0>();
        one::<1>();
        one::<2>();
        one::<3>();
        one::<4>();
        one::<5>();
    }
}

unsafe extern "C" fn traverse<const TYPE: usize>(
    o: *mut PyObject,
    visit: sys::visitproc,
    argument: *mut c_void,
) -> c_int {
    // SAFETY: the collector calls it with a live object and the GIL held; traces hold as many references as are shown.
    unsafe {
        if argument == o.cast()
            && let Some(visit) = visit
        {
            for _ in 0..tracer().state().held.count(o as usize) {
                let stop = visit(o, argument);
                if stop != 0 {
                    return stop;
                }
            }
        }
        ORIGINALS[TYPE].0.map_or(0, |original| original(o, visit, argument))
    }
}

unsafe extern "C" fn clear<const TYPE: usize>(o: *mut PyObject) -> c_int {
    // SAFETY: the collector calls it with an object that it holds, at a point where any code may run.
    unsafe {
        if tracer().state().held.count(o as usize) > 0 {
            tracer().collected(o);
        }
        ORIGINALS[TYPE].1.map_or(0, |original| original(o))
    }
}

impl Tracer {
    /// This object is garbage: no guard of a trace that embeds it can hold again.
    #[cold]
    fn collected(&self, o: *mut PyObject) {
        let t = self.state();
        let embed_it = |c: &super::Compilation| c.embedded.contains(&o);
        let traces: Vec<usize> = t.compilations.iter().filter(|(_, c)| embed_it(c)).map(|(i, _)| i).collect();
        for trace in traces {
            if !t.invalid.contains(&trace) {
                t.invalidate_outdated(trace);
            }
        }
        self.let_go();
    }

    /// Gives back what traces embed that are not entered any more, but for those that may be running. Runs any code.
    pub(super) fn let_go(&self) {
        let t = self.state();
        if t.recording || t.invalid.is_empty() {
            return;
        }
        let running = t.may_run();
        let mut embedded = Vec::new();
        for &i in &t.invalid {
            if !running.contains(&i) {
                embedded.extend(std::mem::take(&mut t.compilations[i].embedded));
            }
        }
        t.held.remove(&embedded);
        for o in embedded {
            // SAFETY: the trace held a reference. Nothing of the state is borrowed any more.
            unsafe { decref(o) };
        }
    }
}

impl State {
    /// Where runs that have not ended may be: in the traces that were entered, in their bridges, in what they jump to.
    fn may_run(&self) -> FxHashSet<usize> {
        let mut found: FxHashSet<usize> = self.running.iter().copied().collect();
        let mut next: Vec<usize> = found.iter().copied().collect();
        while let Some(number) = next.pop() {
            let jumps_to = self.compilations.get(number).and_then(|c| c.jumps_to);
            let hangs_on = |c: &super::Compilation| {
                c.bridge_of.is_some_and(|e| self.exits[e as usize].trace() == number)
            };
            let bridges = self.compilations.iter().filter(|(_, c)| hangs_on(c)).map(|(i, _)| i);
            next.extend(bridges.chain(jumps_to).filter(|&i| found.insert(i)));
        }
        found
    }
}
