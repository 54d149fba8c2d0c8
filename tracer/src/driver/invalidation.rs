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
    /// Gives back traces that are not entered any more, once none can be running: what they embed, then their code. Runs any code.
    pub(super) fn release_invalid(&self) {
        if self.state().invalid.is_empty() || self.is_busy() {
            return;
        }
        self.let_go();
        // Code that ran meanwhile, or another thread's, may have begun a run, or invalidated more.
        // SAFETY: asks for a field of the runtime's. At the end of the process its memory goes anyway.
        if self.is_busy() || unsafe { capi::sys::_Py_IsFinalizing() != 0 } {
            return;
        }
        let t = self.state();
        let (released, others): (Vec<usize>, _) =
            t.invalid.iter().partition(|&&i| !t.compilations[i].embeds());
        t.invalid = others;
        for i in released {
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
        }
    }

    /// May any trace be running, or be recorded onto?
    fn is_busy(&self) -> bool {
        let t = self.state();
        !t.running.is_empty() || t.recording
    }
}

impl State {
    /// Whether this trace, if it is still there, is not to be entered any more.
    pub(super) fn is_invalid(&self, trace: usize) -> bool {
        self.compilations.get(trace).is_some_and(|c| c.invalid.get() != 0)
    }

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
