//! Entering a trace, and going on after an exit.

use super::forced::Standby;
use super::invalidation::MOST_DOUBLINGS;
use super::recording::STRESS_COUNTDOWN;
use super::worth::SAMPLE;
use super::{Goal, State, Tracer};
use crate::recorder::After;
use crate::{data_stack, reserve};
use capi::sys::{self, PyCodeObject};
use interpreter::direct::Direct;
use interpreter::machine::Flow;
use std::time::Instant;
use traces::Resume;

/// So many bridges upon bridges at one instruction, each for another class or object, are enough: the loop had better be compiled anew
/// for what it sees now, or not at all.
const MOST_ALTERNATIVES: usize = 12;
/// So many ways through loops of inlined calls a tree follows. Two such calls in a turn have as many ways as one has times those of the other.
const MOST_WAYS: u32 = 32;

impl State {
    /// How often an exit has to be taken before it grows a bridge.
    fn exit_threshold(&self, exit: u32) -> u32 {
        let e = &self.exits[exit as usize];
        let steps = self.tree_of(exit) / self.policy.tree_step;
        let threshold = self.policy.exit_threshold.saturating_mul(1 + steps as u32);
        threshold.saturating_mul(1 << u32::from(e.invalidations).min(MOST_DOUBLINGS))
    }

    /// Whether an exit grows a bridge when it is taken once more.
    pub(super) fn is_ripe(&self, exit: u32) -> bool {
        let e = &self.exits[exit as usize];
        // The first threshold is the least that the second can be, and asks for nothing.
        e.may_bridge && e.count + 1 >= self.policy.exit_threshold && e.count + 1 >= self.exit_threshold(exit)
    }

    /// How many traces in a row, bridge upon bridge, ask in vain at the instruction where this exit goes on.
    fn alternatives(&self, exit: u32) -> usize {
        let trace = |exit: u32| self.compilations.get(self.exits[exit as usize].trace());
        let place = |exit: u32| trace(exit).map(|c| c.packed.place(self.exits[exit as usize].snapshot));
        std::iter::successors(Some(exit), |&exit| trace(exit)?.bridge_of)
            .take_while(|&other| place(other) == place(exit))
            .count()
    }

    /// The code of the inlined call that an exit leaves, if that may be within a loop that was unrolled. It may be dead.
    fn unrolled(&self, exit: u32) -> Option<*mut PyCodeObject> {
        let e = &self.exits[exit as usize];
        let packed = &self.compilations[e.trace()].packed;
        if packed.frames(e.snapshot) < 2 {
            return None;
        }
        let (code, _) = packed.place(e.snapshot);
        self.infos.get(&code).is_some_and(|info| info.unrolls).then_some(code as *mut PyCodeObject)
    }

    /// Counts one more bridge that begins within an unrolled loop.
    fn too_many_ways(&mut self, root: usize) -> bool {
        self.compilations.get_mut(root).is_some_and(|c| {
            c.ways += 1;
            c.ways > MOST_WAYS
        })
    }

    /// No bridge was made of an exit. Where that is because the loop that it left goes on for long, its trace had better call the function.
    pub(super) fn give_up_unrolling(&mut self, exit: u32) {
        let is_called = |code| self.infos.get(&(code as usize)).is_some_and(|info| info.no_inline);
        let root = self.compilations[self.exits[exit as usize].trace()].root;
        if self.unrolled(exit).is_some_and(is_called) && !self.is_invalid(root) {
            self.invalidate_outdated(root);
        }
    }

    /// Bytes of the tree that an exit belongs to.
    pub(super) fn tree_of(&self, exit: u32) -> usize {
        let root = self.compilations[self.exits[exit as usize].trace()].root;
        self.compilations.get(root).map_or(0, |c| c.tree)
    }
}

impl Tracer {
    /// Runs compiled code from the header at which `d` stands.
    pub(super) fn run(&self, d: &mut Direct, trace: usize) -> Flow {
        // SAFETY: the GIL is held.
        if reserve::is_short() && !unsafe { reserve::fill() } {
            return Flow::Next;
        }
        if let Some(flow) = self.force_guards(d, trace) {
            return flow;
        }
        let standby = self.stand_by_run(d, trace);
        self.enter(d, trace, standby)
    }

    /// The same, failing nothing.
    pub(super) fn enter(&self, d: &mut Direct, trace: usize, standby: Option<Standby>) -> Flow {
        let t = self.state();
        if allocator::fallible(|| t.running.try_reserve(1)).is_err() {
            return Flow::Next;
        }
        // SAFETY: the machine's thread is the running one.
        let Some(promise) = (unsafe { data_stack::begin(d.tstate) }) else { return Flow::Next };
        let entry = t.compilations[trace].entry;
        let enter = t.backend.enter();
        t.statistics.entries += 1;
        if t.policy.stress {
            let turns = (t.next_random() % 97) as i64 + 1;
            STRESS_COUNTDOWN.store(turns, std::sync::atomic::Ordering::Relaxed);
        }
        t.running.push(trace);
        let worth = &mut t.compilations[trace].worth;
        worth.entries = worth.entries.wrapping_add(1);
        let sampled = worth.entries.is_multiple_of(SAMPLE).then(Instant::now);
        // SAFETY: the frame is the current one and stands at the trace's header; the frame holds the code and so the trace.
        let exit = unsafe { enter(entry, d.frame.cast(), d.tstate.cast()) } as u32;
        data_stack::end(promise);
        let t = self.state();
        if let Some(start) = sampled {
            t.sample(trace, start.elapsed());
            if let Some(memory) = t.policy.memory {
                (memory.give_back)();
            }
        }
        t.weigh(trace, exit);
        let flow = self.leave(d, exit, trace, standby);
        let t = self.state();
        if let Some(this) = t.running.iter().rposition(|&running| running == trace) {
            t.running.remove(this);
        }
        if !t.invalid.is_empty() {
            self.release_invalid();
        }
        flow
    }

    /// Goes on after an exit: `exits::rebuild` has put the frames right.
    fn leave(&self, d: &mut Direct, exit: u32, trace: usize, standby: Option<Standby>) -> Flow {
        let t = self.state();
        let (rebuilt, after) = t.rebuilt.take().expect("an exit rebuilds");
        let hot = t.is_ripe(exit);
        t.exits[exit as usize].count += 1;
        let resume = rebuilt.resume;
        let kind = match (resume, after) {
            (Resume::Raise, _) => 1,
            (Resume::Dying { .. }, _) => 2,
            (_, After::ServeBreaker { .. }) => 3,
            _ => 0,
        };
        t.statistics.exits[kind] += 1;
        // SAFETY: the exit made the innermost rebuilt frame the current one.
        unsafe { d.switch_to_frame((*(*d.tstate).cframe).current_frame) };
        let unit = |lasti: u32| {
            // SAFETY: the machine's frame is live.
            unsafe { capi::frame::first_instruction((*d.frame).f_code).add(lasti as usize) }
        };
        match (resume, after) {
            (Resume::Raise, _) => return Flow::Raise,
            (Resume::Dying { lasti, .. }, _) => {
                let shown = unit(lasti);
                let object = rebuilt.dying.expect("a dying exit has an object");
                // SAFETY: its last reference was dropped by the trace; frames show the instruction that dropped it.
                unsafe {
                    (*d.frame).prev_instr = shown;
                    sys::_Py_Dealloc(object);
                }
            }
            (_, After::ServeBreaker { lasti }) => {
                let shown = unit(lasti);
                // SAFETY: as above.
                unsafe { (*d.frame).prev_instr = shown };
                return interpreter::eval_breaker::serve(d.tstate, d.frame);
            }
            (_, After::DropTop { lasti }) => {
                let shown = unit(lasti);
                // SAFETY: the value on top is owned by the stack.
                unsafe {
                    (*d.frame).prev_instr = shown;
                    d.sp = d.sp.sub(1);
                    capi::refs::decref(*d.sp);
                }
            }
            _ => {}
        }
        // SAFETY: the running thread's cframe.
        if unsafe { interpreter::tracing::is_on(d.tstate) } {
            return Flow::Traced;
        }
        let t = self.state();
        if hot && t.enabled && !t.recording && after == After::Nothing && resume == Resume::Execute {
            let left = t.exits[exit as usize].trace();
            if t.is_invalid(left) {
                return Flow::Next;
            }
            // SAFETY: the trace is valid, so what it embeds is alive; the GIL is held.
            if t.exit_info(exit).version.is_some_and(|version| unsafe { version.is_outdated() }) {
                t.invalidate_outdated(left);
                return Flow::Next;
            }
            let root = t.compilations[left].root;
            let unrolled = t.unrolled(exit);
            if t.alternatives(exit) >= MOST_ALTERNATIVES || unrolled.is_some() && t.too_many_ways(root) {
                unrolled.into_iter().for_each(|code| t.call_from_now_on(code));
                t.invalidate_outdated(root);
                return Flow::Next;
            }
            if standby.is_none() && self.needs_standby(d, trace) {
                return Flow::Next;
            }
            return self.record(d, Goal::Bridge { exit }, standby);
        }
        Flow::Next
    }
}
