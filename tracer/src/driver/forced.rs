//! `-X jit-force-guards`: fails each guard of each trace once, while it holds, and compares the frames that the exit rebuilds with the
//! interpreter's.
//!
//! At an entry of a trace, for each guard that was not failed yet, the process forks. The child patches the guard so that it always
//! leaves, runs the trace, and sends a [`Picture`] of the rebuilt frames. Then the parent interprets the same run, an instruction at a
//! time, and takes its own picture where the child's stands: same instruction, same number of passes of loop headers, which traces
//! count in this mode. Since both were one process, objects can be compared by address, and going on after
//! the comparison is the program's own course: nothing that it does shows that guards were failed.
//!
//! ```text
//! entry -+- fork: guard 7 leaves -> exit 7 rebuilds -> picture --\
//!        +- fork: guard 8 leaves -> exit 8 rebuilds -> picture --+-> compared on the way
//!        +- interprets .........................................-+........> goes on
//! ```
//!
//! While the program has several threads nothing is failed: what the others do in the parent, they don't do in the child.
//!
//! An exit in the midst of an instruction (an exception, an object's death, the other side of a branch on a call's result) has no
//! counterpart between two instructions: it is compared as far as [`Picture::differences_within`] says.

use super::{State, Tracer};
use crate::code_info::CodeInfo;
use crate::picture::{Before, Picture, Place};
use crate::recorder::After;
use capi::sys;
use interpreter::direct::Direct;
use interpreter::dispatch;
use interpreter::machine::Flow;
use std::ops::Range;
use std::sync::atomic::{AtomicI64, Ordering};
use traces::Resume;
use traces::codegen::ExitId;

/// Passes of loop headers: compiled code counts them in this mode.
pub static PASSES: AtomicI64 = AtomicI64::new(0);
/// A trace leaves at the loop header whose pass has this number.
pub static LAST_PASS: AtomicI64 = AtomicI64::new(i64::MAX);

/// How often a guard is tried that the run did not reach.
const TRIES: u8 = 9;
/// Guards failed at one entry, at most.
const BATCH: usize = 200;
/// Passes after which the first try ends; each further one takes four times as many.
const PASSES_OF_FIRST_TRY: i64 = 6;
/// Instructions that the parent interprets for a comparison, at most.
const MOST_INSTRUCTIONS: u64 = 20_000_000;
/// Seconds after which a child ends.
const SECONDS: u32 = 5;

/// What is known of a guard.
#[derive(Clone, Copy, Default)]
struct Guard {
    /// Failed, and compared.
    done: bool,
    tries: u8,
    /// Not to be tried before this entry.
    not_before: u64,
}

/// What came of it.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Guards of all traces.
    pub guards: u64,
    /// Guards that were failed on purpose and compared between two instructions.
    pub compared: u64,
    /// Guards that were failed on purpose and compared in the midst of an instruction.
    pub compared_within: u64,
    /// Guards that were not failed before their trace was dropped.
    pub dropped: u64,
    /// What was different, by guard.
    pub differences: Vec<String>,
}

/// The state of this mode.
#[derive(Default)]
pub(super) struct Forced {
    guards: Vec<Guard>,
    entries: u64,
    /// A run is being compared: loops are interpreted.
    interpreting: bool,
    report: Report,
}

/// Where the interpreter's frames are compared with those of an exit.
struct Target {
    exit: u32,
    picture: Picture,
    /// Passes of loop headers until then.
    passes: i64,
    /// The state is that before the header's pass is counted.
    at_end: bool,
    /// The exit leaves in the midst of its instruction.
    within: bool,
    /// The code and the instruction.
    position: (u64, u64),
    /// The frame whose instruction it is, once that is being executed.
    executing: Option<*mut sys::_PyInterpreterFrame>,
}

impl Forced {
    /// Whether the loop is to be interpreted, whatever there is of traces.
    pub(super) fn is_interpreting(&self) -> bool {
        self.interpreting
    }

    pub(super) fn report(&self) -> Report {
        self.report.clone()
    }

    /// The code of these guards was given back.
    pub(super) fn drop_guards(&mut self, exits: Range<usize>) {
        for guard in self.guards[exits].iter_mut().filter(|guard| !guard.done) {
            guard.done = true;
            self.report.dropped += 1;
        }
    }

    /// A trace was compiled whose exits begin at this number; of its guards some are not the program's.
    pub(super) fn add_guards(&mut self, first: usize, artificial: impl Iterator<Item = bool>) {
        for (exit, artificial) in (first..).zip(artificial) {
            self.report.guards += u64::from(!artificial);
            self.guards.resize(self.guards.len().max(exit + 1), Guard::default());
            self.guards[exit] = Guard { done: artificial, ..Guard::default() };
        }
    }
}

impl State {
    /// The guards that can be failed at this entry, and whether there are others that may be later on.
    fn candidates(&self, trace: usize) -> (Vec<u32>, bool) {
        let forced = self.forced.as_ref().expect("the mode is on");
        let open = |g: &Guard| !g.done && g.tries < TRIES;
        if !forced.guards.iter().any(open) {
            return (Vec::new(), false);
        }
        let mut tree = vec![trace];
        let mut next = 0;
        while let Some(&number) = tree.get(next) {
            next += 1;
            for (i, c) in self.compilations.iter() {
                let continues = c.bridge_of.is_some_and(|e| self.exits[e as usize].trace() == number);
                if (continues || self.compilations[number].jumps_to == Some(i)) && !tree.contains(&i) {
                    tree.push(i);
                }
            }
        }
        let all = forced.guards.iter().enumerate().filter(|(i, g)| {
            let compilation = self.exits[*i].trace();
            open(g) && tree.contains(&compilation) && !self.invalid.contains(&compilation)
        });
        let mut later = false;
        let now = all.filter(|(_, g)| {
            later = true;
            g.not_before <= forced.entries
        });
        (now.map(|(i, _)| i as u32).take(BATCH).collect(), later)
    }
}

impl Tracer {
    /// At an entry: fails the guards that were not failed yet. `None` where there is none, and the trace is to be run; else how the run
    /// goes on, which was interpreted so far.
    pub(super) fn force_guards(&self, d: &mut Direct, trace: usize) -> Option<Flow> {
        let t = self.state();
        let random = t.next_random();
        let forced = t.forced.as_mut()?;
        // SAFETY: the running thread's interpreter; its list of threads changes with the GIL held only.
        let alone = unsafe { (*(*(*d.tstate).interp).threads.head).next.is_null() };
        if !alone {
            LAST_PASS.store(i64::MAX, Ordering::Relaxed);
            return None;
        }
        forced.entries += 1;
        let (candidates, later) = t.candidates(trace);
        let mut targets: Vec<Target> = Vec::new();
        // SAFETY: the GIL is held.
        let known = if candidates.is_empty() { Before::default() } else { unsafe { Before::now() } };
        for exit in candidates {
            let picture = self.fail(d, trace, exit);
            let t = self.state();
            let forced = t.forced.as_mut().expect("the mode is on");
            let guard = &mut forced.guards[exit as usize];
            guard.tries += 1;
            guard.not_before = forced.entries + (1 << guard.tries);
            if let Some((picture, passes)) = picture {
                let info = t.exit_info(exit);
                let e = &t.exits[exit as usize];
                let resume = t.compilations[e.trace()].packed.resume(e.snapshot);
                let (code, instr) = picture.place();
                // Where frames are rebuilt for an exception, the instruction counts as executed.
                let (within, instr) = match (resume, info.after) {
                    (Resume::Raise, _) => (true, instr - 1),
                    (_, After::DropTop { lasti }) => (true, lasti.into()),
                    _ => (false, instr),
                };
                let at_end = info.at_end || matches!(resume, Resume::Dying { .. });
                targets.push(Target {
                    exit,
                    picture,
                    passes,
                    at_end,
                    within,
                    position: (code, instr),
                    executing: None,
                });
            }
        }
        let t = self.state();
        let turns = if later { PASSES.load(Ordering::Relaxed) + 2 + (random % 61) as i64 } else { i64::MAX };
        LAST_PASS.store(turns, Ordering::Relaxed);
        if targets.is_empty() {
            return None;
        }
        // SAFETY: the machine's frame is live and holds its code.
        let code = unsafe { (*d.frame).f_code };
        let info = t.infos.entry(code as usize).or_insert_with(|| CodeInfo::new(code));
        let headers: Vec<u32> = info.loops.keys().copied().collect();
        t.forced.as_mut().expect("the mode is on").interpreting = true;
        let flow = self.interpret(d, &headers, targets, &known);
        self.state().forced.as_mut().expect("the mode is on").interpreting = false;
        Some(flow)
    }

    /// Fails a guard in a child process. The picture of the frames that its exit rebuilt, and the passes until then; `None` where the run
    /// did not come there.
    fn fail(&self, d: &mut Direct, trace: usize, exit: u32) -> Option<(Picture, i64)> {
        let mut pipe = [0; 2];
        // SAFETY: a place for two descriptors.
        if unsafe { libc::pipe2(pipe.as_mut_ptr(), libc::O_CLOEXEC) } != 0 {
            return None;
        }
        // SAFETY: the child runs compiled code with the GIL that it inherits, on its only thread, and ends without returning.
        let child = unsafe { libc::fork() };
        if child == 0 {
            self.fail_here(d, trace, exit, pipe[1]);
        }
        // SAFETY: descriptors that were made above.
        unsafe { libc::close(pipe[1]) };
        let mut bytes = Vec::new();
        if child > 0 {
            let mut buffer = [0u8; 4096];
            loop {
                // SAFETY: reads into a buffer of that size.
                let n = unsafe { libc::read(pipe[0], buffer.as_mut_ptr().cast(), buffer.len()) };
                match n {
                    1.. => bytes.extend_from_slice(&buffer[..n as usize]),
                    0 => break,
                    _ if std::io::Error::last_os_error().kind() == std::io::ErrorKind::Interrupted => {}
                    _ => break,
                }
            }
            // SAFETY: waits for the child, whose status nobody needs.
            while unsafe { libc::waitpid(child, std::ptr::null_mut(), 0) } < 0
                && std::io::Error::last_os_error().kind() == std::io::ErrorKind::Interrupted
            {}
        }
        // SAFETY: made above.
        unsafe { libc::close(pipe[0]) };
        let words: Vec<u64> = bytes
            .chunks_exact(8)
            .map(|eight| u64::from_le_bytes(eight.try_into().expect("eight bytes")))
            .collect();
        let (&passes, picture) = words.split_first()?;
        Some((Picture::of_words(picture)?, passes as i64))
    }

    /// The child's part: runs the trace until the guard leaves, and sends what its exit rebuilt.
    fn fail_here(&self, d: &mut Direct, trace: usize, exit: u32, pipe: i32) -> ! {
        // SAFETY: plain system calls of a process that is about to end.
        let end = |status: i32| -> ! { unsafe { libc::_exit(status) } };
        isolate(pipe);
        // SAFETY: as above. The alarm ends what takes too long.
        unsafe {
            libc::signal(libc::SIGALRM, libc::SIG_DFL);
            libc::alarm(SECONDS);
        }
        let t = self.state();
        // A bridge must not be taken; and code that compiled code calls is interpreted, as the parent will.
        t.backend.unpatch_exit(ExitId(exit));
        if !t.backend.force_exit(ExitId(exit)) {
            end(2);
        }
        let forced = t.forced.as_mut().expect("the mode is on");
        forced.interpreting = true;
        let most = PASSES_OF_FIRST_TRY << (2 * forced.guards[exit as usize].tries);
        let before = PASSES.load(Ordering::Relaxed);
        LAST_PASS.store(before + most, Ordering::Relaxed);
        let (entry, enter) = (t.compilations[trace].entry, t.backend.enter());
        // SAFETY: as in `run`.
        let left = unsafe { enter(entry, d.frame.cast(), d.tstate.cast()) } as u32;
        let rebuilt = self.state().rebuilt.take();
        // SAFETY: a dying object that was not freed.
        let really_dies = rebuilt.and_then(|(r, _)| r.dying).is_some_and(|o| unsafe { (*o).ob_refcnt } == 0);
        if left != exit || really_dies {
            end(1);
        }
        // SAFETY: the exit rebuilt the frames, the innermost being the current one.
        let picture = unsafe {
            let innermost = (*(*d.tstate).cframe).current_frame;
            let slots = (*innermost).stacktop as usize;
            let next = (*innermost).prev_instr.add(1);
            Picture::take(&Place { outermost: d.frame, innermost, slots, next })
        };
        let mut words = vec![(PASSES.load(Ordering::Relaxed) - before) as u64];
        words.extend(picture.words());
        let bytes: Vec<u8> = words.iter().flat_map(|w| w.to_le_bytes()).collect();
        let mut left = &bytes[..];
        while !left.is_empty() {
            // SAFETY: writes from a slice.
            let n = unsafe { libc::write(pipe, left.as_ptr().cast(), left.len()) };
            if n <= 0 {
                end(3);
            }
            left = &left[n as usize..];
        }
        end(0)
    }

    /// Interprets the run that the children went through, and compares on the way.
    fn interpret(&self, d: &mut Direct, headers: &[u32], mut targets: Vec<Target>, known: &Before) -> Flow {
        let outermost = d.frame;
        let mut passes = 0;
        let mut left = MOST_INSTRUCTIONS;
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
            self.compare(&place, (before, passes), &mut targets, known);
            if targets.is_empty() {
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
            let flow = dispatch::execute(d, opcode, arg);
            if !matches!(flow, Flow::Next | Flow::Switch) {
                return flow;
            }
        }
        // SAFETY: the running thread's cframe.
        if unsafe { interpreter::tracing::is_on(d.tstate) } {
            return Flow::HandOverNext;
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
        let (code, raw, instr) = unsafe {
            let code = (*place.innermost).f_code;
            let first = capi::frame::first_instruction(code);
            let mut at = place.next;
            while u32::from(capi::opcode::DEOPT[usize::from(*at as u8)]) == sys::EXTENDED_ARG {
                at = at.add(1);
            }
            (code as u64, place.next.offset_from(first) as u64, at.offset_from(first) as u64)
        };
        let mut picture: Option<Picture> = None;
        targets.retain_mut(|target| {
            let here = (target.executing.is_none())
                .then_some(target.position)
                .filter(|&(c, i)| c == code && (i == raw || i == instr))
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
            let differences = if target.within {
                target.picture.differences_within(ours, known)
            } else {
                let branch = self.state().exit_info(target.exit).is_branch;
                target.picture.differences(ours, branch, known)
            };
            self.note(target, &differences);
            false
        });
    }

    /// Notes what came of a comparison.
    fn note(&self, target: &Target, differences: &[String]) {
        let t = self.state();
        let forced = t.forced.as_mut().expect("the mode is on");
        let guard = &mut forced.guards[target.exit as usize];
        if std::mem::replace(&mut guard.done, true) {
            return;
        }
        if target.within {
            forced.report.compared_within += 1;
        } else {
            forced.report.compared += 1;
        }
        if !differences.is_empty() {
            let (code, instr) = target.position;
            let place = crate::dump::place(code as *mut _, instr as u32);
            let (exit, within) = (target.exit, if target.within { " (in an instruction)" } else { "" });
            let text = format!(
                "exit {exit}{within} in {}, {}:{} (instruction {instr}): {}",
                place.function,
                place.file,
                place.line,
                differences.join("; ")
            );
            log::error!(
                "a guard that was failed on purpose rebuilds other frames than the interpreter's: {text}"
            );
            forced.report.differences.push(text);
        }
    }
}

/// Cuts a child off from what its parent shares with others: nothing that it writes arrives, and what it reads of files does not move the
/// parent's position. The pipe alone stays.
fn isolate(pipe: i32) {
    let Ok(entries) = std::fs::read_dir("/proc/self/fd") else { return };
    let all: Vec<i32> = entries.filter_map(|e| e.ok()?.file_name().to_str()?.parse().ok()).collect();
    // SAFETY: plain system calls on descriptors of this process, which nobody else uses any more.
    unsafe {
        let null = libc::open(c"/dev/null".as_ptr(), libc::O_RDWR);
        for fd in all.into_iter().filter(|&fd| fd != pipe && fd != null) {
            let mut stat: libc::stat = std::mem::zeroed();
            let mode = libc::fcntl(fd, libc::F_GETFL);
            if mode < 0 || libc::fstat(fd, &mut stat) != 0 {
                continue;
            }
            let regular = stat.st_mode & libc::S_IFMT == libc::S_IFREG;
            let directory = stat.st_mode & libc::S_IFMT == libc::S_IFDIR;
            if mode & libc::O_ACCMODE == libc::O_RDONLY && regular {
                let path = std::ffi::CString::new(format!("/proc/self/fd/{fd}")).expect("no NUL");
                let own = libc::open(path.as_ptr(), libc::O_RDONLY);
                if own >= 0 {
                    libc::lseek(own, libc::lseek(fd, 0, libc::SEEK_CUR), libc::SEEK_SET);
                    libc::dup2(own, fd);
                    libc::close(own);
                }
            } else if !directory {
                libc::dup2(null, fd);
            }
        }
    }
}
