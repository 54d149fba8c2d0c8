//! Whether a loop's trace is worth entering: runs that end soon, again and again inside the loop, cost more than they give.

use super::State;
use std::time::Duration;

/// Whether a loop's trace is worth entering.
#[derive(Clone, Copy, Default)]
pub(super) struct Worth {
    pub(super) entries: u32,
    /// Exits to an instruction inside the loop that grow no bridge: the next turn enters again.
    thrashes: u32,
    samples: u32,
    sampled_ns: u64,
}

/// Every so many entries the time until the exit is taken.
pub(super) const SAMPLE: u32 = 16;
/// So many exits back into the loop, most of the entries, each after less than this time: entering costs more than it gives.
const THRASHES: u32 = 1500;
/// See `THRASHES`.
const SHORT_RUN_NS: u64 = 700;

impl Worth {
    fn is_bad(&self) -> bool {
        self.thrashes > THRASHES
            && self.thrashes > self.entries / 2
            && self.samples > 0
            && self.sampled_ns / u64::from(self.samples) < SHORT_RUN_NS
    }
}

impl State {
    /// Notes how long a run took.
    pub(super) fn sample(&mut self, trace: usize, time: Duration) {
        if let Some(c) = self.compilations.get_mut(trace) {
            c.worth.samples += 1;
            c.worth.sampled_ns += time.as_nanos() as u64;
        }
    }

    /// Notes how a run of a loop's trace went; a loop that is left again and again after a short run is not entered any more.
    pub(super) fn weigh(&mut self, trace: usize, exit: u32) {
        if self.exits[exit as usize].may_bridge || self.forced.is_some() {
            return;
        }
        let outer = self.rebuilt.as_ref().expect("an exit rebuilds").0.outer;
        let Some(c) = self.compilations.get_mut(trace) else { return };
        let Some(l) = c.loop_state.and_then(|state| self.loops.get_mut(state)) else { return };
        if outer.is_none_or(|instr| (l.header..=l.end).contains(&instr)) {
            c.worth.thrashes += 1;
            if c.worth.is_bad() {
                l.trace = None;
                l.failures = self.policy.max_failures;
                self.statistics.blacklisted += 1;
            }
        }
    }
}
