//! What traces embed dies when it would die without them.
//!
//! Types and functions, whose counts a program may ask for and whose deaths it may see, are only *watched*: a trace has no reference to them, and
//! before one is freed all traces that embed it are invalidated. A trace that runs meanwhile needs no reference either: what it has on a stack
//! is counted, and behind code that ran it asks whether it is still valid before it compares anything with an address (`Recorder::guard_valid`).
//!
//! To dicts, modules and what else is embedded a trace has a reference. It hangs on a code object, which is no container to the garbage
//! collector: so a function's globals would be in a cycle that the collector can't follow (dict, function, code object, trace, dict),
//! and live for ever. Hence the types of such objects show the collector the traces' references as the object's own: what only
//! traces hold is garbage, and before it is cleared the traces that embed it are invalidated, and give their references back. The collector alone
//! is shown that, in the one pass that takes references within the garbage off the counts: there it visits an object on behalf of the
//! object itself. `gc.get_referrers` and `gc.get_referents`, which have an argument of their own, see nothing.

use super::{Compilation, State, Tracer, tracer};
use crate::layout::{CYCLIC, WATCHED};
use capi::refs::decref;
use capi::sys::{self, PyObject};
use fxhash::{FxHashMap, FxHashSet};
use std::collections::TryReserveError;
use std::ffi::{c_int, c_void};

/// How many traces embed each object.
#[derive(Default)]
pub(super) struct Embedded {
    counts: FxHashMap<usize, u32>,
    /// A bit for each hash of an object that was embedded: most objects that the collector asks about were not.
    filter: [[u64; 8]; 8],
}

impl Embedded {
    fn bit(object: usize) -> ((usize, usize), u64) {
        let hash = object >> 4 ^ object >> 16;
        ((hash / 512 % 8, hash / 64 % 8), 1 << (hash % 64))
    }

    /// Makes room for so many objects more.
    pub(super) fn try_reserve(&mut self, more: usize) -> Result<(), TryReserveError> {
        self.counts.try_reserve(more)
    }

    /// A trace embeds these. There is room.
    pub(super) fn add(&mut self, objects: &[*mut PyObject]) {
        for &o in objects {
            *self.counts.entry(o as usize).or_insert(0) += 1;
            let ((row, word), bit) = Self::bit(o as usize);
            self.filter[row][word] |= bit;
        }
    }

    /// A trace embeds these no longer.
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

    /// It is dead: at its address may be another object soon.
    fn forget(&mut self, object: usize) {
        self.counts.remove(&object);
    }

    #[inline(always)]
    fn count(&self, object: usize) -> u32 {
        let ((row, word), bit) = Self::bit(object);
        if self.filter[row][word] & bit == 0 { 0 } else { self.counts.get(&object).copied().unwrap_or(0) }
    }
}

/// CPython's `tp_dealloc` of `WATCHED`; written once, with the GIL held.
static mut DEALLOC: [sys::destructor; WATCHED.len()] = [None; WATCHED.len()];
/// CPython's `tp_traverse` and `tp_clear` of `CYCLIC`; likewise.
static mut TRAVERSE: [(sys::traverseproc, sys::inquiry); CYCLIC.len()] = [(None, None); CYCLIC.len()];

/// Puts ours in the place of CPython's, for good.
///
/// # Safety
/// The GIL is held; once, when the tracer is there.
pub(super) unsafe fn install() {
    unsafe fn watched<const TYPE: usize>() {
        // SAFETY: by contract of `install`; the type is CPython's own and lives for ever.
        unsafe {
            let ty = WATCHED[TYPE];
            DEALLOC[TYPE] = (*ty).tp_dealloc;
            (*ty).tp_dealloc = Some(dealloc::<TYPE>);
        }
    }
    unsafe fn held<const TYPE: usize>() {
        // SAFETY: as above.
        unsafe {
            let ty = CYCLIC[TYPE];
            TRAVERSE[TYPE] = ((*ty).tp_traverse, (*ty).tp_clear);
            (*ty).tp_traverse = Some(traverse::<TYPE>);
            (*ty).tp_clear = Some(clear::<TYPE>);
        }
    }
    // SAFETY: by contract. Metaclasses inherit from the first what they don't have.
    unsafe {
        watched::<0>();
        watched::<1>();
        held::<0>();
        held::<1>();
        held::<2>();
        held::<3>();
        held::<4>();
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
        TRAVERSE[TYPE].0.map_or(0, |original| original(o, visit, argument))
    }
}

unsafe extern "C" fn dealloc<const TYPE: usize>(o: *mut PyObject) {
    // SAFETY: CPython calls it for an object without references, with the GIL held; any code may run behind it.
    unsafe {
        let t = tracer().state();
        let embedded = t.watched.count(o as usize) > 0;
        if t.recording {
            t.died.push(o as usize);
        }
        if embedded {
            t.forget(o);
        }
        if let Some(original) = DEALLOC[TYPE] {
            original(o);
        }
        if embedded {
            tracer().let_go();
        }
    }
}

unsafe extern "C" fn clear<const TYPE: usize>(o: *mut PyObject) -> c_int {
    // SAFETY: the collector calls it with an object that it holds, at a point where any code may run.
    unsafe {
        if tracer().state().held.count(o as usize) > 0 {
            tracer().collected(o);
        }
        TRAVERSE[TYPE].1.map_or(0, |original| original(o))
    }
}

impl Tracer {
    /// This object is garbage: no trace that embeds it is needed again.
    #[cold]
    fn collected(&self, o: *mut PyObject) {
        self.state().invalidate_all(|c| c.embedded.contains(&o));
        self.let_go();
    }

    /// Gives back what traces embed that are not entered any more, but for those that may be running. Runs any code.
    pub(super) fn let_go(&self) {
        let t = self.state();
        if t.recording || !t.invalid.iter().any(|&i| t.compilations[i].embeds()) {
            return;
        }
        let running = t.may_run();
        let mut embedded = Vec::new();
        for &i in &t.invalid {
            if !running.contains(&i) {
                let c = &mut t.compilations[i];
                embedded.extend(std::mem::take(&mut c.embedded));
                t.watched.remove(&std::mem::take(&mut c.watched));
            }
        }
        t.held.remove(&embedded);
        for o in embedded {
            // SAFETY: the trace held a reference. Nothing of the state is borrowed any more.
            unsafe { decref(o) };
        }
    }
}

impl Compilation {
    /// Whether it still holds or watches anything.
    pub(super) fn embeds(&self) -> bool {
        !self.embedded.is_empty() || !self.watched.is_empty()
    }
}

impl State {
    /// This watched object is about to be freed.
    #[cold]
    fn forget(&mut self, o: *mut PyObject) {
        self.watched.forget(o as usize);
        self.invalidate_all(|c| {
            let at = c.watched.iter().position(|&watched| watched == o);
            at.map(|at| c.watched.swap_remove(at)).is_some()
        });
    }

    fn invalidate_all(&mut self, mut embed_it: impl FnMut(&mut Compilation) -> bool) {
        let of = self
            .compilations
            .iter_mut()
            .filter_map(|(i, c)| (embed_it(c) && c.invalid.get() == 0).then_some(i));
        let found = of.collect();
        self.invalidate_trees(found);
    }

    /// Where runs that have not ended may be: in the traces that were entered, in their bridges, in what they jump to.
    fn may_run(&self) -> FxHashSet<usize> {
        let mut found: FxHashSet<usize> = self.running.iter().copied().collect();
        if found.is_empty() {
            return found;
        }
        let mut leads_to: FxHashMap<usize, Vec<usize>> = FxHashMap::default();
        for (i, c) in self.compilations.iter() {
            if let Some(exit) = c.bridge_of {
                leads_to.entry(self.exits[exit as usize].trace()).or_default().push(i);
            }
            if let Some(target) = c.jumps_to {
                leads_to.entry(i).or_default().push(target);
            }
        }
        let mut next: Vec<usize> = found.iter().copied().collect();
        while let Some(number) = next.pop() {
            next.extend(
                leads_to.remove(&number).unwrap_or_default().into_iter().filter(|&i| found.insert(i)),
            );
        }
        found
    }
}
