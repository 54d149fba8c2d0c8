//! Standbys: processes that wait where a recording begins (for a bridge: where the run begins that ends at its exit), to fail the guards of
//! what it is made into while the program has not gone on.
//!
//! ```text
//! loop's header --+-- records, compiles ---- what was recorded --\          /-> knows which guards were failed, and goes on
//!                 +-- standby waits ........................... compiles, fails guards from here
//! ```
//!
//! The body of a loop is entered a second time by an empty bridge from the header to its label, so that its guards are met on the path
//! that was recorded, whatever the next turn does. Where a frame does not fit the label, as in a first turn whose locals are unbound, it is
//! made to fit: the standby may go any way that the interpreter goes as well.

use super::children::{Child, Side, Told, end, end_after, fork};
use super::entries::{Limits, is_alone};
use super::job::Job;
use super::{Cause, Fate, LAST_PASS};
use crate::driver::{Goal, Outcome, Tracer};
use crate::optimizer::HeaderSlot;
use crate::picture::Before;
use crate::recorder::Recorder;
use interpreter::direct::Direct;
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::atomic::Ordering;
use traces::{Const, OpCode};

/// Seconds that a rehearsal may take.
const SECONDS: u32 = 120;
/// How far the runs of a rehearsal go.
const LIMITS: Limits = Limits { passes: 2 * RUN, instructions: 2_000_000_000 };
/// Passes of loop headers after which a run with a standby ends.
const RUN: i64 = 1 << 16;
/// So often is a rehearsal tried, from frames that are made to fit differently.
const MOST_ATTEMPTS: usize = 8;
/// So many runs in a row with a standby that recorded no bridge make the next one wait, ever longer.
const MOST_IDLE: u32 = 16;

/// A process that waits where a recording begins.
#[derive(Debug)]
pub(in crate::driver) struct Standby(Child);

impl Tracer {
    /// A standby for the recording of a loop at whose header `d` stands.
    pub(in crate::driver) fn stand_by_loop(&self, d: &mut Direct, state: usize) -> Option<Standby> {
        let practice = self.state().forced.as_ref()?.is_practice(Goal::Loop { state });
        if practice { None } else { self.stand_by(d, None) }
    }

    /// A standby for the run of a trace that may end at an exit which is to grow a bridge.
    pub(in crate::driver) fn stand_by_run(&self, d: &mut Direct, trace: usize) -> Option<Standby> {
        let t = self.state();
        t.forced.as_ref()?;
        let exits = t.exits_of_tree(trace);
        if !exits.into_iter().any(|exit| t.is_ripe(exit)) {
            return None;
        }
        let entries = t.entries_of(trace);
        if entries.rest > 0 {
            entries.rest -= 1;
            return None;
        }
        entries.idle += 1;
        entries.rest = (1 << (entries.idle / MOST_IDLE).min(8)) - 1;
        let standby = self.stand_by(d, Some(trace));
        let last = super::PASSES.load(Ordering::Relaxed) + RUN;
        LAST_PASS.fetch_min(last, Ordering::Relaxed);
        standby
    }

    /// Whether the bridge is left to a run with a standby; the one from this trace had none.
    pub(in crate::driver) fn needs_standby(&self, d: &Direct, trace: usize) -> bool {
        let t = self.state();
        let Some(forced) = &t.forced else { return false };
        if forced.interpreting.is_some() {
            return true;
        }
        if !is_alone(d) {
            return false;
        }
        t.entries_of(trace).rest = 0;
        true
    }

    fn stand_by(&self, d: &mut Direct, trace: Option<usize>) -> Option<Standby> {
        if !is_alone(d) {
            return None;
        }
        match fork()? {
            Side::Parent(child) => Some(Standby(child)),
            Side::Child(mut socket) => {
                let mut message = Vec::new();
                let read = socket.read_to_end(&mut message);
                if let (Ok(_), Some(mut job)) = (read, Job::of_message(&message)) {
                    end_after(SECONDS);
                    self.rehearse(d, &mut job, trace, &mut socket);
                }
                end()
            }
        }
    }

    /// In the standby: compiles what was recorded, fails the guards, and says what came of it.
    fn rehearse(&self, d: &mut Direct, job: &mut Job, trace: Option<usize>, socket: &mut UnixStream) {
        let t = self.state();
        (t.dump, t.recording) = (None, false);
        let goal = job.goal;
        if t.install(job).is_err() {
            return;
        }
        let (number, hash) = t.forced.as_ref().expect("the mode is on").newest;
        let exits = t.exits_of(number);
        let known = t.forced.as_ref().expect("the mode is on").report.differences.len();
        LAST_PASS.store(i64::MAX, Ordering::Relaxed);
        let link = match goal {
            Goal::Loop { state } if t.compilations[number].label.is_some() => self.link_to(d, state),
            _ => None,
        };
        let entered: Vec<usize> = [trace.or(Some(number)), link].into_iter().flatten().collect();
        let target = t.compilations[number].jumps_to.unwrap_or(number);
        let unfit = self.unfit_locals(d, target);
        let singly = if unfit.len() > 1 { &unfit[..] } else { &[] };
        let made_to_fit = [&[][..], &unfit[..]].into_iter().chain(singly.iter().map(std::slice::from_ref));
        for locals in made_to_fit.take(if unfit.is_empty() { 1 } else { MOST_ATTEMPTS }) {
            let open = self.state().open(exits.clone());
            if open.is_empty() {
                break;
            }
            // All start from the same state, so each in a process of its own.
            match fork() {
                Some(Side::Parent(child)) => {
                    let found = self.take_report(&exits, &child.listen(), None);
                    self.excuse_unsteady(d, &entered, found);
                }
                Some(Side::Child(mut socket)) => {
                    end_after(SECONDS);
                    let process = std::process::id();
                    self.fit_locals(d, target, locals);
                    self.fail_guards(d, &entered, open, LIMITS);
                    if std::process::id() == process {
                        self.report(&exits, known, hash, &mut socket);
                    }
                    end()
                }
                None => return,
            }
        }
        self.report(&exits, known, hash, socket);
    }

    /// Says what became of guards.
    fn report(&self, exits: &[u32], known: usize, hash: u64, socket: &mut UnixStream) {
        let forced = self.state().forced.as_ref().expect("the mode is on");
        let fates: Vec<u64> = exits.iter().map(|&exit| forced.guards[exit as usize].fate.number()).collect();
        let report =
            json!({ "hash": hash, "fates": fates, "differences": forced.report.differences[known..] });
        let _ = socket.write_all(report.to_string().as_bytes());
    }

    /// Of exits that were different: those where two runs of the same are so as well depend on something outside.
    fn excuse_unsteady(&self, d: &mut Direct, entered: &[usize], exits: Vec<u32>) {
        for exit in exits {
            let mut picture = || {
                entered.iter().find_map(|&trace| match self.fail_first(d, trace, &[exit], LIMITS.passes) {
                    Told::Left(left) => Some(left.picture),
                    _ => None,
                })
            };
            let (Some(one), Some(other)) = (picture(), picture()) else { continue };
            // SAFETY: the GIL is held.
            if !one.differences(&other, false, &unsafe { Before::now() }).is_empty() {
                let forced = self.state().forced.as_mut().expect("the mode is on");
                forced.guards[exit as usize].fate = Fate::Open(Cause::Outside);
                forced.report.differences.retain(|(e, _)| *e != exit);
            }
        }
    }

    /// Notes what was reported of guards, if of a trace whose text has this hash. The exits that were different.
    fn take_report(&self, exits: &[u32], report: &[u8], hash: Option<u64>) -> Vec<u32> {
        let report: Value = serde_json::from_slice(report).unwrap_or_default();
        let forced = self.state().forced.as_mut().expect("the mode is on");
        let fates = report["fates"].as_array().filter(|fates| fates.len() == exits.len());
        let Some(fates) = fates.filter(|_| hash.is_none() || report["hash"].as_u64() == hash) else {
            forced.blame(exits, Cause::ChildEnded);
            return Vec::new();
        };
        for (&exit, fate) in exits.iter().zip(fates) {
            match Fate::of_number(fate.as_u64().unwrap_or_default()) {
                Fate::Open(cause) => forced.blame(&[exit], cause),
                Fate::Gone => {}
                fate => _ = forced.compared(exit, fate == Fate::ComparedWithin),
            }
        }
        let differences = report["differences"].as_array().into_iter().flatten();
        let differences = differences.filter_map(|pair| serde_json::from_value(pair.clone()).ok());
        let differences: Vec<(u32, String)> = differences.collect();
        let found = differences.iter().map(|(exit, _)| *exit).collect();
        forced.report.differences.extend(differences);
        found
    }

    /// A trace from where `d` stands, the header of this loop, to the label of its trace.
    fn link_to(&self, d: &mut Direct, state: usize) -> Option<usize> {
        let t = self.state();
        let (code, header) = (t.loops[state].code, t.loops[state].header);
        // SAFETY: `d` stands at an instruction boundary, in a frame that is live.
        let mut r = unsafe { Recorder::new(d, 1, |_, _| false) };
        r.begin();
        let slots = t.loops[state].trace.and_then(|trace| t.compilations[trace].label.as_ref());
        for (k, slot) in slots.into_iter().flat_map(|label| label.header.slots.iter().enumerate()) {
            if let (HeaderSlot::Const { object, .. }, Some(local)) = (slot, r.frames[0].locals.get(k)) {
                let (local, constant) = (local.val, r.rec.raw.constant(Const::Obj(*object)));
                r.fact(OpCode::GuardIs, &[local, constant]);
            }
        }
        r.finish();
        let t = self.state();
        t.install(&mut Job {
            goal: Goal::Loop { state },
            outcome: Outcome::Reached(state),
            code,
            instruction: header,
            recording: r.into_recording(),
        })
        .ok()?;
        Some(t.forced.as_ref()?.newest.0)
    }

    /// Sends a standby what was recorded, which was compiled here as well, and notes what it found.
    pub(in crate::driver) fn hear(&self, mut standby: Standby, job: &[u8]) {
        standby.0.tell(job);
        let report = standby.0.listen();
        let t = self.state();
        let (number, hash) = t.forced.as_ref().expect("the mode is on").newest;
        let exits = t.exits_of(number);
        self.take_report(&exits, &report, Some(hash));
    }
}

impl Fate {
    fn number(self) -> u64 {
        match self {
            Fate::Compared => 0,
            Fate::ComparedWithin => 1,
            Fate::Gone => 2,
            Fate::Open(cause) => 3 + cause as u64,
        }
    }

    fn of_number(number: u64) -> Fate {
        match number {
            0 => Fate::Compared,
            1 => Fate::ComparedWithin,
            2 => Fate::Gone,
            _ => Fate::Open(Cause::ALL[number as usize - 3]),
        }
    }
}
