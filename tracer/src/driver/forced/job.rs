//! What was recorded, and what for; and how it is sent from one process to another that was the same a moment ago.

use crate::driver::{Goal, Outcome};
use crate::recorder::{After, Recording};
use crate::runtime;
use capi::sys::PyCodeObject;
use serde_json::{Value, json};
use std::cell::Cell;
use traces::{SnapId, Type, parse, text};

/// A recording that is to be compiled.
pub(in crate::driver) struct Job {
    pub goal: Goal,
    pub outcome: Outcome,
    /// The code of the loop, or of that whose trace has the exit.
    pub code: *mut PyCodeObject,
    /// Where it starts.
    pub instruction: u32,
    pub recording: Recording,
}

impl Job {
    /// For a pipe. Addresses stay what they are.
    pub(in crate::driver) fn message(&self) -> Vec<u8> {
        let r = &self.recording;
        let after = |after: &After| match *after {
            After::Nothing => (0, 0),
            After::ServeBreaker { lasti } => (1, lasti),
            After::DropTop { lasti } => (2, lasti),
        };
        let message = json!({
            "goal": match self.goal {
                Goal::Loop { state } => (0, state),
                Goal::Bridge { exit } => (1, exit as usize),
            },
            "outcome": match self.outcome {
                Outcome::Closed => (0, 0),
                Outcome::Reached(l) => (1, l),
                Outcome::Left | Outcome::Failed(_) => (2, 0),
            },
            "code": self.code as usize,
            "instruction": self.instruction,
            "ops": text::print(&r.raw),
            "invalid": r.invalid.as_ptr() as usize,
            "afters": r.afters.iter().map(after).collect::<Vec<_>>(),
            "embedded": r.embedded.iter().map(|&o| o as usize).collect::<Vec<_>>(),
            "watched": r.watched.iter().map(|&o| o as usize).collect::<Vec<_>>(),
            "inlined": r.inlined.iter().map(|&o| o as usize).collect::<Vec<_>>(),
            "bytecodes": r.bytecodes,
            "ending": r.ending,
            "limits": r.limits.iter().map(|snap| snap.0).collect::<Vec<_>>(),
            "unboxable": r.unboxable.iter().map(|&(local, ty)| (local, ty == Type::Float)).collect::<Vec<_>>(),
        });
        message.to_string().into_bytes()
    }

    /// What [`Job::message`] wrote; `None` where it was cut off.
    pub(super) fn of_message(message: &[u8]) -> Option<Job> {
        let mut message: Value = serde_json::from_slice(message).ok()?;
        macro_rules! field {
            ($name:literal: $ty:ty) => {
                serde_json::from_value::<$ty>(message.get_mut($name)?.take()).ok()?
            };
        }
        let after = |(kind, lasti)| match kind {
            0 => After::Nothing,
            1 => After::ServeBreaker { lasti },
            _ => After::DropTop { lasti },
        };
        // The flag that the trace reads is another here.
        let invalid: Box<Cell<u32>> = Box::default();
        let flag = |address: usize| format!("ptr({address:#x})");
        let ops =
            field!("ops": String).replace(&flag(field!("invalid": usize)), &flag(invalid.as_ptr() as usize));
        let recording = Recording {
            raw: parse::parse(&ops, runtime::helper_table()).ok()?,
            invalid,
            afters: field!("afters": Vec<(u8, u32)>).into_iter().map(after).collect(),
            embedded: field!("embedded": Vec<usize>)
                .into_iter()
                // SAFETY: what the sender embeds is alive here, too: this process was the same before the recording.
                .map(|o| unsafe { capi::refs::new_ref(o as *mut _) })
                .collect(),
            watched: field!("watched": Vec<usize>).into_iter().map(|o| o as *mut _).collect(),
            inlined: field!("inlined": Vec<usize>).into_iter().map(|o| o as *mut _).collect(),
            bytecodes: field!("bytecodes": u32),
            ending: field!("ending": usize),
            limits: field!("limits": Vec<u32>).into_iter().map(SnapId).collect(),
            unboxable: field!("unboxable": Vec<(usize, bool)>)
                .into_iter()
                .map(|(local, float)| (local, if float { Type::Float } else { Type::Int }))
                .collect(),
        };
        Some(Job {
            goal: match field!("goal": (u8, usize)) {
                (0, state) => Goal::Loop { state },
                (_, exit) => Goal::Bridge { exit: exit as u32 },
            },
            outcome: match field!("outcome": (u8, usize)) {
                (0, _) => Outcome::Closed,
                (1, l) => Outcome::Reached(l),
                _ => Outcome::Left,
            },
            code: field!("code": usize) as *mut PyCodeObject,
            instruction: field!("instruction": u32),
            recording,
        })
    }
}
