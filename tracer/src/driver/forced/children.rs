//! Forked processes: making them, cutting them off from what they share with others, and the child that runs a trace with guards that leave.

use super::{LAST_PASS, PASSES};
use crate::data_stack;
use crate::driver::Tracer;
use crate::picture::{Picture, Place};
use crate::recorder::After;
use capi::sys;
use interpreter::direct::Direct;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::sync::atomic::Ordering;
use traces::Resume;
use traces::codegen::ExitId;

/// Seconds after which a child that runs a trace ends.
const SECONDS: u32 = 20;

/// A forked process and the socket to it. Dropping it waits for its end.
#[derive(Debug)]
pub(super) struct Child {
    pid: libc::pid_t,
    /// The process that forked it: a program may fork itself, and then both have the socket.
    parent: u32,
    socket: UnixStream,
}

/// Which of the two processes this is.
pub(super) enum Side {
    Parent(Child),
    Child(UnixStream),
}

/// Ends the process at once: nothing of the parent's is flushed or finalized.
pub(super) fn end() -> ! {
    // SAFETY: a plain system call.
    unsafe { libc::_exit(0) }
}

/// Ends the process after so many seconds, whatever it does.
pub(super) fn end_after(seconds: u32) {
    // SAFETY: plain system calls of a child that only its parent waits for.
    unsafe {
        let mut alarm: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&mut alarm);
        libc::sigaddset(&mut alarm, libc::SIGALRM);
        libc::signal(libc::SIGALRM, libc::SIG_DFL);
        libc::pthread_sigmask(libc::SIG_UNBLOCK, &alarm, std::ptr::null_mut());
        libc::alarm(seconds);
    }
}

/// Forks. `None` where the system refuses. The child has the GIL, is the only thread, and is cut off from the world; it has to end by [`end`].
pub(super) fn fork() -> Option<Side> {
    let (ours, theirs) = UnixStream::pair().ok()?;
    // SAFETY: the child goes on with the GIL that it inherits, on its only thread; code memory has its own handlers.
    match unsafe { libc::fork() } {
        0 => {
            drop(ours);
            isolate(theirs.as_raw_fd());
            Some(Side::Child(theirs))
        }
        pid if pid > 0 => Some(Side::Parent(Child { pid, parent: std::process::id(), socket: ours })),
        _ => None,
    }
}

impl Child {
    /// Sends it a message, the only one.
    pub(super) fn tell(&mut self, message: &[u8]) {
        if self.parent == std::process::id() && self.socket.write_all(message).is_ok() {
            let _ = self.socket.shutdown(Shutdown::Write);
        }
    }

    /// All that it says until it ends.
    pub(super) fn listen(mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        if self.parent == std::process::id() {
            // Where it ended in the midst of it, what came is not understood.
            let _ = self.socket.read_to_end(&mut bytes);
        }
        bytes
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if self.parent != std::process::id() {
            return;
        }
        // Also where a process that the program forked holds the socket open.
        let _ = self.socket.shutdown(Shutdown::Both);
        // SAFETY: waits for the child, whose status nobody needs.
        while unsafe { libc::waitpid(self.pid, std::ptr::null_mut(), 0) } < 0
            && std::io::Error::last_os_error().kind() == std::io::ErrorKind::Interrupted
        {}
    }
}

/// Where a run left.
pub(super) struct Left {
    pub(super) exit: u32,
    /// Passes of loop headers until then.
    pub(super) passes: i64,
    pub(super) picture: Picture,
    /// Where the exit drops the top of the stack, or the instruction may do so in whose midst it leaves: what it is then.
    pub(super) dropped: Option<Picture>,
}

/// What a child did.
pub(super) enum Told {
    /// It left at an exit.
    Left(Left),
    /// The run left at this exit, none of the guards'.
    Missed(u32),
    /// It ended otherwise.
    Ended,
}

impl Tracer {
    /// Runs a trace in a child process in which these guards leave always, for so many passes of loop headers.
    pub(super) fn fail_first(&self, d: &mut Direct, trace: usize, guards: &[u32], passes: i64) -> Told {
        let child = match fork() {
            Some(Side::Parent(child)) => child,
            Some(Side::Child(mut socket)) => {
                end_after(SECONDS);
                let words = self.leave_at(d, trace, guards, passes);
                let bytes: Vec<u8> = words.iter().flat_map(|w| w.to_le_bytes()).collect();
                let _ = socket.write_all(&bytes);
                end()
            }
            None => return Told::Ended,
        };
        let bytes = child.listen();
        let words: Vec<u64> = bytes
            .chunks_exact(8)
            .map(|eight| u64::from_le_bytes(eight.try_into().expect("eight bytes")))
            .collect();
        match &words[..] {
            [] => Told::Ended,
            [exit] => Told::Missed(*exit as u32),
            [exit, passes, pictures @ ..] => {
                let mut words = pictures.iter().copied();
                match Picture::of_words(&mut words) {
                    Some(picture) => Told::Left(Left {
                        exit: *exit as u32,
                        passes: *passes as i64,
                        picture,
                        dropped: Picture::of_words(&mut words),
                    }),
                    None => Told::Ended,
                }
            }
        }
    }

    /// The child's part: what it sends.
    fn leave_at(&self, d: &mut Direct, trace: usize, guards: &[u32], passes: i64) -> Vec<u64> {
        let t = self.state();
        // Backwards: the jump that is written into one guard may reach into the next one, and then has to be whole.
        for &exit in guards.iter().rev() {
            // A bridge must not be taken.
            t.backend.unpatch_exit(ExitId(exit));
            t.backend.force_exit(ExitId(exit));
        }
        let patched = guards.iter().map(|&exit| t.exits[exit as usize].trace()).collect();
        let forced = t.forced.as_mut().expect("the mode is on");
        (forced.interpreting, forced.patched) = (Some(d.frame), patched);
        let before = PASSES.load(Ordering::Relaxed);
        LAST_PASS.store(before.saturating_add(passes), Ordering::Relaxed);
        let (entry, enter) = (t.compilations[trace].entry, t.backend.enter());
        // SAFETY: as in `enter`.
        let promise = unsafe { data_stack::begin(d.tstate) }.expect("a test has memory for a chunk");
        // SAFETY: as in `enter`.
        let exit = unsafe { enter(entry, d.frame.cast(), d.tstate.cast()) } as u32;
        data_stack::end(promise);
        let passes = PASSES.load(Ordering::Relaxed) - before;
        let (rebuilt, _) = self.state().rebuilt.take().expect("an exit rebuilds");
        // SAFETY: the running thread.
        let raised = unsafe { !(*d.tstate).curexc_type.is_null() };
        // A call that failed in earnest: the interpreter goes elsewhere, too.
        if !guards.contains(&exit) || raised {
            return vec![exit.into()];
        }
        let mut words = vec![exit.into(), passes as u64];
        // SAFETY: the exit rebuilt the frames, the innermost being the current one.
        unsafe {
            let innermost = (*(*d.tstate).cframe).current_frame;
            let next = (*innermost).prev_instr.add(1);
            if let (Resume::Dying { lasti, .. }, Some(object)) = (rebuilt.resume, rebuilt.dying)
                && (*object).ob_refcnt == 0
            {
                // It dies in earnest.
                let first = capi::frame::first_instruction((*innermost).f_code);
                (*innermost).prev_instr = first.add(lasti as usize);
                sys::_Py_Dealloc(object);
                (*innermost).prev_instr = next.sub(1);
            }
            let slots = (*innermost).stacktop as usize;
            let mut place = Place { outermost: d.frame, innermost, slots, next };
            words.extend(Picture::take(&place).words());
            let first = capi::frame::first_instruction((*innermost).f_code);
            let dropping = match self.state().exit_info(exit).after {
                After::DropTop { lasti } => Some(first.add(lasti as usize)),
                _ if rebuilt.resume == Resume::Raise && holds_sole_operand(&place) => {
                    Some((*innermost).prev_instr)
                }
                _ => None,
            };
            if let Some(at) = dropping {
                (*innermost).prev_instr = at;
                place.slots -= 1;
                (*innermost).stacktop -= 1;
                capi::refs::decref(*capi::frame::locals(innermost).add(place.slots));
                (*innermost).prev_instr = next.sub(1);
                words.extend(Picture::take(&place).words());
            }
        }
        words
    }
}

/// Whether the top of the innermost frame's stack is an object that nobody else has.
///
/// # Safety
/// The frame is live, with so many slots.
unsafe fn holds_sole_operand(place: &Place) -> bool {
    // SAFETY: by contract; slots hold objects or null.
    unsafe {
        let end = capi::frame::locals(place.innermost).add(place.slots);
        if end == capi::frame::stack_base(place.innermost) {
            return false;
        }
        let top = *end.sub(1);
        !top.is_null() && (*top).ob_refcnt == 1
    }
}

/// Cuts a child off from what its parent shares with others: nothing that it writes arrives, and what it reads of files does not move the
/// parent's position. Its socket alone stays.
fn isolate(socket: i32) {
    let Ok(entries) = std::fs::read_dir("/proc/self/fd") else { return };
    let all: Vec<i32> = entries.filter_map(|e| e.ok()?.file_name().to_str()?.parse().ok()).collect();
    // SAFETY: plain system calls on descriptors of this process, which nobody else uses any more.
    unsafe {
        let null = libc::open(c"/dev/null".as_ptr(), libc::O_RDWR);
        for fd in all.into_iter().filter(|&fd| fd != socket && fd != null) {
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
