//! What was recorded, and what for; and how it is sent from one process to another that was the same a moment ago.

use crate::driver::{Goal, Outcome};
use crate::picture;
use crate::recorder::{After, Recording};
use crate::runtime;
use capi::sys::{self, PyCodeObject};
use fxhash::FxHashSet;
use interpreter::code_data;
use serde_json::{Value, json};
use traces::{SnapId, Trace, Type, parse, text};

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
            "flag": r.flag_text(),
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
        let (watched, inlined) = (field!("watched": Vec<usize>), field!("inlined": Vec<usize>));
        // What the program made while it was recorded does not exist here, or elsewhere.
        if !are_alive(watched.iter().chain(&inlined)) {
            return None;
        }
        // Where the program made a code object meanwhile there may be another one here: its death has to be known.
        let is_told_of = |&code: &usize| {
            // SAFETY: the code of a live function; the GIL is held.
            unsafe { !code_data::get_or_create(code as *mut PyCodeObject).is_null() }
        };
        if !inlined.iter().all(is_told_of) {
            return None;
        }
        let mut recording = Recording {
            raw: Trace::new(runtime::helper_table()),
            invalid: Box::default(),
            afters: field!("afters": Vec<(u8, u32)>).into_iter().map(after).collect(),
            embedded: field!("embedded": Vec<usize>)
                .into_iter()
                // SAFETY: what the sender embeds is alive here, too: this process was the same before the recording.
                .map(|o| unsafe { capi::refs::new_ref(o as *mut _) })
                .collect(),
            watched: watched.into_iter().map(|o| o as *mut _).collect(),
            inlined: inlined.into_iter().map(|o| o as *mut _).collect(),
            bytecodes: field!("bytecodes": u32),
            ending: field!("ending": usize),
            limits: field!("limits": Vec<u32>).into_iter().map(SnapId).collect(),
            unboxable: field!("unboxable": Vec<(usize, bool)>)
                .into_iter()
                .map(|(local, float)| (local, if float { Type::Float } else { Type::Int }))
                .collect(),
        };
        // The flag that the trace reads is another here.
        let ops = field!("ops": String).replace(&field!("flag": String), &recording.flag_text());
        recording.raw = parse::parse(&ops, runtime::helper_table()).ok()?;
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

/// Whether at each of these addresses is an object that the garbage collector knows, or the code of a function.
fn are_alive<'a>(addresses: impl Iterator<Item = &'a usize>) -> bool {
    let mut missing: FxHashSet<usize> = addresses.copied().collect();
    // SAFETY: a process that was forked with the GIL held; the layout is used after the type was asked.
    unsafe {
        picture::each_tracked(|o| {
            missing.remove(&(o as usize));
            if (*o).ob_type == &raw mut sys::PyFunction_Type {
                missing.remove(&((*o.cast::<sys::PyFunctionObject>()).func_code as usize));
            }
        });
    }
    missing.is_empty()
}
