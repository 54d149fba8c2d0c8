//! Recording a loop's turn or a bridge: the interpreter is stepped through the recorder until there is something to compile, or
//! a reason to give up.

use super::forced::{Job, LAST_PASS, PASSES, Standby};
use super::{Goal, Outcome, State, Tracer, tracer};
use crate::abort::Abort;
use crate::recorder::Recorder;
use capi::sys::{self, PyCodeObject, PyObject};
use fxhash::FxHashMap;
use interpreter::direct::Direct;
use interpreter::machine::Flow;
use interpreter::{dispatch, opcode, tracing};
use std::time::Instant;

/// Counts down the instructions to the next exit that stress mode takes on purpose.
pub static STRESS_COUNTDOWN: std::sync::atomic::AtomicI64 = std::sync::atomic::AtomicI64::new(i64::MAX);

/// So many turns of loops of inlined calls a recording has at most. Where there are more, a loop of its own is as good.
const MOST_UNROLLED: u32 = 16;

/// After so many recordings in a row for which there was no memory the wait for the next one grows no more.
const MOST_STARVED: u32 = 8;

/// Whether the slots of a frame would be more than a recording may have ops.
fn is_too_large(code: *mut PyCodeObject, max_ops: usize) -> bool {
    // SAFETY: a live code object.
    unsafe { capi::frame::words(code) > max_ops }
}

fn may_inline(code: *mut PyCodeObject, depth: usize) -> bool {
    let t = tracer().state();
    let max_depth = t.policy.max_depth;
    depth < max_depth
        && !is_too_large(code, t.policy.max_ops)
        && t.info(code).is_some_and(|info| info.may_be_inlined())
}

/// Gives back what a recording embeds of which no trace was made. May run any code, with `d` at an instruction boundary.
fn let_go(d: &Direct, embedded: Vec<*mut PyObject>, flow: Flow) -> Flow {
    if embedded.is_empty() {
        return flow;
    }
    for o in embedded {
        // SAFETY: the recording held a reference.
        unsafe { capi::refs::decref(o) };
    }
    // SAFETY: the running thread.
    if flow == Flow::Next && unsafe { tracing::is_on(d.tstate) } { Flow::Traced } else { flow }
}

impl Tracer {
    /// Records, optimizes, compiles, installs. On return `d` stands where execution goes on.
    /// With a standby, its guards are failed.
    #[cold]
    #[inline(never)]
    pub(super) fn record(&self, d: &mut Direct, goal: Goal, standby: Option<Standby>) -> Flow {
        let t = self.state();
        if t.starved.waits > 0 {
            t.starved.waits -= 1;
            return Flow::Next;
        }
        if !allocator::begin() {
            t.failed(goal, Abort::Memory);
            return Flow::Next;
        }
        let memory = self.state().policy.memory;
        if let Some(memory) = memory {
            (memory.begin_recording)();
        }
        let flow = self.record_and_install(d, goal, standby);
        if let Some(memory) = memory {
            (memory.end_recording)();
        }
        flow
    }

    fn record_and_install(&self, d: &mut Direct, goal: Goal, standby: Option<Standby>) -> Flow {
        let t = self.state();
        t.died.clear();
        let started = Instant::now();
        let (chain, code, header) = match goal {
            Goal::Loop { state } => (1, t.loops[state].code, t.loops[state].header),
            Goal::Bridge { exit } => {
                let e = &t.exits[exit as usize];
                let c = &t.compilations[e.trace()];
                (c.packed.frames(e.snapshot), c.code, u32::MAX)
            }
        };
        let extent = match goal {
            Goal::Loop { .. } => t.info(code).and_then(|info| info.loops.get(&header).copied()),
            Goal::Bridge { .. } => None,
        };
        // A bridge has the frames of a trace, which were not.
        if matches!(goal, Goal::Loop { .. }) && is_too_large(code, t.policy.max_ops) {
            t.failed(goal, Abort::TooLong);
            return Flow::Next;
        }
        t.recording = true;
        // SAFETY: `d` stands at an instruction boundary; the exit rebuilt `chain` frames.
        let mut r = unsafe { Recorder::new(d, chain, may_inline) };
        let start_instruction = r.frames.last().map_or(0, |f| f.instr);
        // Asked for now: the code object may be gone when the recording ends.
        // SAFETY: the recorder's frames are live.
        let place = r
            .frames
            .last()
            .filter(|_| log::log_enabled!(log::Level::Debug))
            .map(|f| crate::dump::place(unsafe { (*f.frame).f_code }, f.instr));
        let starts_with_pass = match goal {
            Goal::Loop { .. } => true,
            Goal::Bridge { exit } => t.exit_info(exit).at_end,
        };
        let versions = interpreter::keys::assigned();
        let (flow, outcome) = self.record_instructions(&mut r, header, extent, starts_with_pass);
        let mut embedded = Vec::new();
        let mut job = match outcome {
            Outcome::Failed(abort) => {
                embedded = std::mem::take(&mut r.rec.embedded);
                Err(abort)
            }
            outcome => {
                r.finish();
                let mut recording = r.into_recording();
                if let (Goal::Loop { state }, Outcome::Closed) = (goal, &outcome) {
                    let t = self.state();
                    recording.unboxable = t.unboxable(code, &t.loops[state], d.frame);
                }
                Ok(Job { goal, outcome, code, instruction: start_instruction, recording })
            }
        };
        let t = self.state();
        t.recording = false;
        t.statistics.recording_ns += started.elapsed().as_nanos() as u64;
        let new = interpreter::keys::assigned() != versions;
        if job.is_ok() && t.forced.as_mut().is_some_and(|forced| forced.practise(goal, new)) {
            return let_go(d, job.map_or(embedded, |job| job.recording.embedded), flow);
        }
        let standby = job.as_ref().ok().and_then(|job| Some((standby?, job.message())));
        let result = match &mut job {
            Ok(job) => t.install(job),
            Err(abort) => Err(*abort),
        };
        if let (Some((standby, message)), Ok(())) = (standby, result) {
            self.hear(standby, &message);
        }
        if let Err(abort) = result {
            if let Some(place) = place {
                let what = if matches!(goal, Goal::Loop { .. }) { "loop" } else { "bridge" };
                log::debug!(
                    "{what} in {}, {}:{} given up: {}",
                    place.function,
                    place.file,
                    place.line,
                    abort.text()
                );
            }
            self.state().failed(goal, abort);
        }
        let_go(d, job.map_or(embedded, |job| job.recording.embedded), flow)
    }

    /// Whether the outermost frame is about to pass a loop header.
    fn is_header(&self, r: &Recorder<'_>, next: u32) -> bool {
        let [frame] = &r.frames[..] else { return false };
        self.state().info(frame.code).is_some_and(|info| info.loops.contains_key(&next))
    }

    fn record_instructions(
        &self,
        r: &mut Recorder<'_>,
        header: u32,
        extent: Option<u32>,
        starts_with_pass: bool,
    ) -> (Flow, Outcome) {
        let mut first = true;
        let mut edges: Vec<usize> = Vec::new();
        let mut unrolled = 0;
        let policy = self.state().policy;
        let mut inlined: FxHashMap<usize, u32> = Default::default();
        loop {
            if policy.stress
                && let Err(e) = r.check()
            {
                panic!("coluber: the recorder's frames differ from the interpreter's: {e}");
            }
            // What the recording allocates would be seen.
            // SAFETY: the GIL is held.
            if unsafe { capi::tracemalloc::is_on() } {
                return (Flow::Next, Outcome::Failed(Abort::Tracing));
            }
            let edge = r.edge.take();
            let next = r.next_instruction() as u32;
            if r.frames.len() == 1 && !first {
                let code = r.frames[0].code;
                if next == header {
                    return (Flow::Next, Outcome::Closed);
                }
                if let Some(l) = self.state().compiled_at(code, next) {
                    return (Flow::Next, Outcome::Reached(l));
                }
                if extent.is_some_and(|end| next < header || next > end) {
                    return (Flow::Next, Outcome::Failed(Abort::LeftLoop));
                }
                if let Some(edge) = edge {
                    // Another loop's turn: an inner one has to be compiled first, an outer one is gone through once.
                    if extent.is_some() || edges.contains(&edge) {
                        return (Flow::Next, Outcome::Failed(Abort::InnerLoop));
                    }
                    edges.push(edge);
                }
            } else if edge.is_some() {
                unrolled += 1;
                if unrolled > MOST_UNROLLED {
                    // The next recording calls it, and so it runs as a loop of its own.
                    let code = r.frames.last().map_or(std::ptr::null_mut(), |f| f.code);
                    self.state().call_from_now_on(code);
                    return (Flow::Next, Outcome::Failed(Abort::LongLoop));
                }
            }
            let passes = policy.force_guards && (!first || starts_with_pass) && self.is_header(r, next);
            if passes {
                r.count_pass(&PASSES);
            }
            r.begin();
            if passes {
                r.limit_passes(&PASSES, &LAST_PASS);
            }
            if policy.stress && !first {
                r.stress_exit(&STRESS_COUNTDOWN);
            }
            first = false;
            let here = r.d.ip;
            let (opcode, arg) = r.d.fetch();
            let leaves = u32::from(opcode) == sys::RETURN_VALUE && r.frames.len() == 1;
            if leaves || !dispatch::is_traceable(opcode) {
                r.d.ip = here;
                // SAFETY: the machine's frame is live.
                unsafe { (*r.d.frame).prev_instr = here.sub(1) };
                let outcome = match (leaves, extent) {
                    (true, None) => Outcome::Left,
                    (true, _) => Outcome::Failed(Abort::Returned),
                    _ => {
                        log::debug!("recording stops at {}", opcode::NAMES[usize::from(opcode)]);
                        Outcome::Failed(Abort::Opcode)
                    }
                };
                return (Flow::Next, outcome);
            }
            r.fetched(opcode, arg);
            if r.frames.len() > 1 {
                *inlined.entry(r.frames[1].code as usize).or_default() += 1;
            }
            let before = r.d.frame;
            let flow = dispatch::step(r, opcode, arg);
            let in_step = r.frames.last().is_some_and(|f| f.frame == r.d.frame);
            if in_step && flow == Flow::Next && r.abort.is_none() {
                r.end();
            }
            // SAFETY: the running thread.
            if flow == Flow::Next && r.d.frame == before && unsafe { tracing::is_on(r.d.tstate) } {
                return (Flow::Traced, Outcome::Failed(Abort::Tracing));
            }
            if let Some(abort) = r.abort {
                return (flow, Outcome::Failed(abort));
            }
            if allocator::is_out() {
                return (flow, Outcome::Failed(Abort::Memory));
            }
            if flow != Flow::Next {
                return (flow, Outcome::Failed(Abort::Raised));
            }
            if !in_step {
                return (flow, Outcome::Failed(Abort::FrameChanged));
            }
            // Where something died before, the recording may rely on what was made there since: it would be so in each turn.
            let relies_on = |o: &usize| {
                r.rec.inlined.contains(&(*o as *mut PyCodeObject))
                    || r.rec.watched.contains(&(*o as *mut PyObject))
            };
            if self.state().died.iter().any(relies_on) {
                return (flow, Outcome::Failed(Abort::Died));
            }
            if r.rec.raw.ops.len() > policy.max_ops || r.rec.raw.snapshots.slots() > policy.max_slots {
                // The next recording calls what took most of this one.
                if let Some((&code, _)) = inlined.iter().max_by_key(|(_, n)| **n) {
                    self.state().call_from_now_on(code as *mut PyCodeObject);
                }
                return (flow, Outcome::Failed(Abort::TooLong));
            }
        }
    }
}

impl State {
    /// Recordings inline no call of this code any more.
    pub(super) fn call_from_now_on(&mut self, code: *mut PyCodeObject) {
        if let Some(info) = self.infos.get_mut(&(code as usize)) {
            info.no_inline = true;
        }
    }

    fn failed(&mut self, goal: Goal, abort: Abort) {
        self.statistics.aborts[abort as usize] += 1;
        if abort == Abort::Memory {
            // Not the loop's fault. As long as memory is short, it is tried less and less often.
            self.starved.times = (self.starved.times + 1).min(MOST_STARVED);
            self.starved.waits = (1 << self.starved.times) - 2;
            if let Goal::Bridge { exit } = goal {
                self.exits[exit as usize].count = 0;
            }
            return;
        }
        match goal {
            Goal::Loop { state } => {
                let l = &mut self.loops[state];
                l.retries += 1;
                // Leaving a loop by its end, and an inner loop that is not ready yet, are bad luck rather than failures; so is what the next
                // recording does in another way.
                let luck =
                    matches!(abort, Abort::LeftLoop | Abort::InnerLoop | Abort::Returned | Abort::LongLoop);
                if !luck || l.retries > 20 {
                    l.failures += 1;
                }
                if abort == Abort::Limit {
                    l.failures = self.policy.max_failures;
                }
            }
            Goal::Bridge { exit } => {
                let e = &mut self.exits[exit as usize];
                e.failures = e.failures.saturating_add(1);
                e.count = 0;
                if u32::from(e.failures) >= self.policy.max_failures || abort == Abort::Limit {
                    e.may_bridge = false;
                }
                self.give_up_unrolling(exit);
            }
        }
    }
}
