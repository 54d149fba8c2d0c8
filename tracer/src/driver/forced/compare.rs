//! Interpreting the run that children went through, and comparing their pictures on the way.

use super::children::Left;
use crate::driver::Tracer;
use crate::packed::ExitInfo;
use crate::picture::{Before, Picture, Place};
use crate::recorder::After;
use capi::sys;
use interpreter::direct::Direct;
use interpreter::machine::Flow;
use interpreter::{dispatch, evaluate};
use traces::Resume;

/// Where the interpreter's frames are compared with those of an exit.
pub(super) struct Target {
    pub(super) exit: u32,
    picture: Picture,
    /// See [`Left::dropped`].
    dropped: Option<Picture>,
    /// Passes of loop headers until then.
    passes: i64,
    /// The state is that before the header's pass is counted.
    at_end: bool,
    /// The exit leaves in the midst of its instruction.
    within: bool,
    /// It does so as if the instruction had raised.
    raises: bool,
    /// The code and the instruction.
    position: (u64, u64),
    /// The frame whose instruction it is, once that is being executed.
    executing: Option<*mut sys::_PyInterpreterFrame>,
    /// How it differs from the interpreter's frames at this instruction in an earlier turn of an unrolled loop.
    differed: Option<String>,
}

impl Target {
    /// What a child sent of an exit.
    pub(super) fn new(info: &ExitInfo, resume: Resume, left: Left) -> Target {
        let Left { exit, passes, picture, dropped } = left;
        let (code, instr) = picture.place();
        // Where frames are rebuilt for an exception, the instruction counts as executed.
        let (within, instr) = match (resume, info.after) {
            (Resume::Raise, _) => (true, instr - 1),
            (_, After::DropTop { lasti }) => (true, lasti.into()),
            _ => (false, instr),
        };
        let at_end = info.at_end || matches!(resume, Resume::Dying { .. });
        let raises = resume == Resume::Raise;
        let (position, executing, differed) = ((code, instr), None, None);
        Target { exit, picture, dropped, passes, at_end, within, raises, position, executing, differed }
    }

    /// What is different, for people. Called where its place was met: then the code is alive.
    fn tell(&self, differences: &[String]) -> String {
        let (code, instr) = self.position;
        let place = crate::dump::place(code as *mut _, instr as u32);
        let (exit, within) = (self.exit, if self.within { " (in an instruction)" } else { "" });
        let differences = differences.join("; ");
        let (function, file, line) = (place.function, place.file, place.line);
        format!("exit {exit}{within} in {function}, {file}:{line} (instruction {instr}): {differences}")
    }
}

impl Tracer {
    /// Interprets the run that the children went through, and compares on the way. What is left of the targets was not met.
    pub(super) fn interpret(
        &self,
        d: &mut Direct,
        headers: &[u32],
        targets: &mut Vec<Target>,
        known: &Before,
        mut left: u64,
    ) -> Flow {
        let outermost = d.frame;
        let mut passes = 0;
        let last = targets.iter().map(|target| target.passes).max().unwrap_or(0);
        while !targets.is_empty() && left > 0 {
            left -= 1;
            // SAFETY: the machine's frame is live, its registers lie in it.
            let (next, slots, innermost) = unsafe {
                let first = capi::frame::first_instruction((*d.frame).f_code);
                let slots = d.sp.offset_from(capi::frame::locals(d.frame)) as usize;
                (d.ip.offset_from(first) as u32, slots, d.frame)
            };
            let before = passes;
            if innermost == outermost && headers.contains(&next) {
                passes += 1;
            }
            let place = Place { outermost, innermost, slots, next: d.ip };
            self.compare(&place, (before, passes), targets, known);
            if targets.is_empty() || before > last {
                break;
            }
            let here = d.ip;
            let (opcode, arg) = d.fetch();
            let leaves = u32::from(opcode) == sys::RETURN_VALUE || !dispatch::is_traceable(opcode);
            if leaves && d.frame == outermost {
                d.ip = here;
                // SAFETY: the machine's frame is live.
                unsafe { (*d.frame).prev_instr = here.sub(1) };
                break;
            }
            let mut flow = dispatch::execute_as_recorded(d, opcode, arg);
            while matches!(flow, Flow::Raise | Flow::Unwind) && d.frame != outermost {
                // SAFETY: an exception is set, in a frame that the run has called.
                flow = unsafe { evaluate::raised(d, flow) };
            }
            if !matches!(flow, Flow::Next | Flow::Switch) {
                return flow;
            }
        }
        // SAFETY: the running thread's cframe.
        if unsafe { interpreter::tracing::is_on(d.tstate) } {
            return Flow::Traced;
        }
        Flow::Next
    }

    /// Compares with the targets that this place is the place of, and drops them.
    fn compare(
        &self,
        place: &Place,
        (before, passes): (i64, i64),
        targets: &mut Vec<Target>,
        known: &Before,
    ) {
        // SAFETY: a live frame; the instruction and its EXTENDED_ARGs lie in its code.
        let (code, raw, instr, end) = unsafe {
            let code = (*place.innermost).f_code;
            let first = capi::frame::first_instruction(code);
            let mut at = place.next;
            while u32::from(capi::opcode::DEOPT[usize::from(*at as u8)]) == sys::EXTENDED_ARG {
                at = at.add(1);
            }
            let instr = at.offset_from(first) as u64;
            // A frame that waits for its call to return shows the end of that.
            let caches = capi::opcode::CACHES[usize::from(capi::opcode::DEOPT[usize::from(*at as u8)])];
            (code as u64, place.next.offset_from(first) as u64, instr, instr + u64::from(caches))
        };
        let mut picture: Option<Picture> = None;
        targets.retain_mut(|target| {
            let here = (target.executing.is_none())
                .then_some(target.position)
                .filter(|&(c, i)| c == code && (i == raw || (instr..=end).contains(&i)))
                .filter(|_| target.passes == if target.at_end { before } else { passes });
            let executed = target.executing == Some(place.innermost);
            if here.is_none() && !executed {
                return true;
            }
            // SAFETY: the frames are live; callers have saved their stacks.
            let ours = picture.get_or_insert_with(|| unsafe { Picture::take(place) });
            if target.within && !executed {
                if target.picture.is_at(ours, false) {
                    target.executing = Some(place.innermost);
                }
                return true;
            }
            if !target.within && !target.picture.is_at(ours, true) {
                return true;
            }
            let branch = self.state().exit_info(target.exit).is_branch;
            let differences = match &target.dropped {
                // The instruction has taken its operand, whatever the answer was.
                Some(dropped) if !target.raises && dropped.has_slots_of(ours) => {
                    target.within = false;
                    dropped.differences(ours, branch, known)
                }
                // The operand died of it.
                Some(dropped) if target.raises && target.picture.top_is_gone(ours) => {
                    dropped.differences_within(ours, known)
                }
                _ if target.within => target.picture.differences_within(ours, known),
                _ => target.picture.differences(ours, branch, known),
            };
            // One pass of the outermost loop's header may be followed by several turns here: it may be the state of a later one.
            let text = (!differences.is_empty()).then(|| target.tell(&differences));
            if text.is_some() && self.is_unrolled(place) {
                (target.executing, target.differed) = (None, text);
                return true;
            }
            self.note(target, text);
            false
        });
    }

    /// Whether one of the frames that the outermost has called is of code such that a trace may go through several turns of its loop in a row.
    fn is_unrolled(&self, place: &Place) -> bool {
        let mut frame = place.innermost;
        while frame != place.outermost {
            // SAFETY: a live frame, called by way of the outermost one.
            let code = unsafe { (*frame).f_code };
            if self.state().info(code).is_some_and(|info| info.unrolls) {
                return true;
            }
            // SAFETY: as above.
            frame = unsafe { (*frame).previous };
        }
        false
    }

    /// Notes and drops the targets whose place was met, though not in their state.
    pub(super) fn note_different(&self, targets: &mut Vec<Target>) {
        targets.retain_mut(|target| {
            let text = target.differed.take();
            let differs = text.is_some();
            if differs {
                self.note(target, text);
            }
            !differs
        });
    }

    /// Notes what came of a comparison: what is different, if anything.
    fn note(&self, target: &Target, difference: Option<String>) {
        let forced = self.state().forced.as_mut().expect("the mode is on");
        if !forced.compared(target.exit, target.within) {
            return;
        }
        let Some(text) = difference else { return };
        log::error!(
            "a guard that was failed on purpose rebuilds other frames than the interpreter's: {text}"
        );
        forced.report.differences.push((target.exit, text));
    }
}
