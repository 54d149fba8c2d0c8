//! Traces that are not entered any more: their code object died, or one of their guards can never hold again.

use super::{State, Tracer};
use capi::sys::PyCodeObject;
use fxhash::FxHashMap;
use traces::codegen::ExitId;

/// Each time that a loop or bridge was invalidated doubles what is waited for the next recording, up to so many times.
pub(super) const MOST_DOUBLINGS: u32 = 10;
/// After so many times it is not recorded any more.
pub(super) const MOST_INVALIDATIONS: u8 = 20;

impl Tracer {
    /// Gives back the code of traces that are not entered any more, once none can be running.
    pub(super) fn release_invalid(&self) {
        let t = self.state();
        // SAFETY: asks for a field of the runtime's. At the end of the process its memory goes anyway.
        let ends = || unsafe { capi::sys::_Py_IsFinalizing() != 0 };
        if !t.running.is_empty() || t.recording || t.invalid.is_empty() || ends() {
            return;
        }
        let mut embedded = Vec::new();
        for i in std::mem::take(&mut t.invalid) {
            let c = t.compilations.remove(i);
            let (first, n) = c.exits;
            let exits = first as usize..(first + n) as usize;
            if let Some(forced) = &mut t.forced {
                forced.drop_guards(exits.clone());
            }
            for e in &mut t.exits[exits] {
                e.unpacked = None;
            }
            // A dump tells of exits by their numbers to the end.
            if t.dump.is_none() {
                t.free_exits.give(first, n);
            }
            t.backend.release(c.entry, c.size);
            t.statistics.dropped += 1;
            embedded.extend(c.embedded);
            t.watched.remove(&c.watched);
        }
        t.held.remove(&embedded);
        for o in embedded {
            // SAFETY: the trace held a reference. May run Python: nothing of the state is borrowed any more.
            unsafe { capi::refs::decref(o) };
        }
    }
}

impl State {
    /// No trace of this code object is entered any more.
    pub(super) fn invalidate(&mut self, code: usize) {
        for (i, c) in self.compilations.iter() {
            if c.code as usize == code && c.invalid.replace(1) == 0 {
                self.invalid.push(i);
            }
        }
        for (_, l) in self.loops.iter_mut() {
            if l.code as usize == code {
                l.trace = None;
            }
        }
    }

    /// A code object that traces of this one inline has died. The next recordings of its loops wait longer each time, lest a loop that
    /// makes the functions that it calls is compiled in each turn.
    pub(super) fn invalidate_inliner(&mut self, code: usize) {
        let compiled: Vec<usize> = self
            .loops
            .iter()
            .filter(|(_, l)| l.code as usize == code && l.trace.is_some())
            .map(|(i, _)| i)
            .collect();
        self.invalidate(code);
        for state in compiled {
            self.wait_longer(state);
        }
    }

    /// A loop's trace was invalidated.
    fn wait_longer(&mut self, state: usize) {
        let l = &mut self.loops[state];
        l.trace = None;
        l.invalidations += 1;
        if l.invalidations >= MOST_INVALIDATIONS.into() {
            l.failures = self.policy.max_failures;
            self.statistics.blacklisted += 1;
        }
        let (code, header, invalidations) = (l.code, l.header, l.invalidations);
        self.restart(code, header, invalidations);
    }

    /// One of the guards of this trace can't hold any more.
    pub(super) fn invalidate_outdated(&mut self, trace: usize) {
        self.invalidate_trees(vec![trace]);
    }

    /// Neither these traces nor any that needs them is entered again: bridges on their exits, traces that jump to them. What one of them was a
    /// bridge of exits to the interpreter again.
    pub(super) fn invalidate_trees(&mut self, mut found: Vec<usize>) {
        self.statistics.invalidations += found.len() as u64;
        let mut needed_by: FxHashMap<usize, Vec<usize>> = FxHashMap::default();
        for (i, c) in self.compilations.iter() {
            let left = c.bridge_of.map(|exit| self.exits[exit as usize].trace());
            for needed in left.into_iter().chain(c.jumps_to) {
                needed_by.entry(needed).or_default().push(i);
            }
        }
        let mut next = 0;
        while let Some(number) = found.get(next) {
            next += 1;
            found.extend(needed_by.remove(number).unwrap_or_default());
        }
        for i in found {
            let c = &self.compilations[i];
            if c.invalid.replace(1) != 0 {
                continue;
            }
            self.invalid.push(i);
            if let Some(exit) = c.bridge_of {
                self.backend.unpatch_exit(ExitId(exit));
                let e = &mut self.exits[exit as usize];
                e.count = 0;
                e.invalidations += 1;
                e.may_bridge = e.invalidations < MOST_INVALIDATIONS;
            }
            let state =
                c.loop_state.filter(|&state| self.loops.get(state).is_some_and(|l| l.trace == Some(i)));
            if let Some(state) = state {
                self.wait_longer(state);
            }
        }
    }

    /// A loop's counter starts again, and those of the loops around it, which can't be recorded without it.
    pub(super) fn restart(&mut self, code: *mut PyCodeObject, header: u32, invalidations: u32) {
        for (_, l) in self.loops.iter_mut().filter(|(_, l)| l.code == code && l.trace.is_none()) {
            if (l.header..=l.end).contains(&header) {
                l.invalidations = l.invalidations.max(invalidations);
                (l.restart, l.retries) = (true, 0);
            }
        }
    }
}
