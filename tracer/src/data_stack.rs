//! Room on the data stack for the frames that compiled code and exits push, where no exception can be raised.
//!
//! A run of compiled code is promised room for the frames of each exit, beyond the frame that it is entered with: in the chunk that
//! is in use, or where that ends too soon, in a spare one that was allocated before. No run begins without. A spare that was used comes
//! back when compiled code pops the first frame on it; where the interpreter does that, the run has ended. The GIL protects it all.

use capi::sys::{self, _PyInterpreterFrame, _PyStackChunk, PyFunctionObject, PyThreadState};
use capi::{chunk, frame};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering::Relaxed};

/// Words that the frames of an exit take at most: those of usual size and depth, until there are larger ones.
static MOST: AtomicUsize = AtomicUsize::new(512);
/// The spare chunks, linked, and how many they are. Each has room for `MOST` words.
static SPARE: AtomicPtr<_PyStackChunk> = AtomicPtr::new(null_mut());
static SPARES: AtomicUsize = AtomicUsize::new(0);
/// How many of them are promised. Of runs that use theirs, they are in use.
static PROMISED: AtomicUsize = AtomicUsize::new(0);
/// Runs of compiled code that have not ended.
static RUNNING: AtomicUsize = AtomicUsize::new(0);

/// What a run was promised.
#[must_use]
pub struct Promise {
    spare: bool,
}

/// Promises room to a run that begins; `None` where the chunk in use has too little and there is no memory for another one.
///
/// # Safety
/// `thread` is the running one. The promise goes to [`end`].
#[inline]
pub unsafe fn begin(thread: *mut PyThreadState) -> Option<Promise> {
    // SAFETY: by contract. Top and limit lie in one chunk, or are null.
    let room = unsafe { (*thread).datastack_limit as usize - (*thread).datastack_top as usize };
    let spare = room / size_of::<usize>() <= MOST.load(Relaxed);
    // SAFETY: the running thread holds the GIL.
    if spare && !unsafe { promise(1) } {
        return None;
    }
    RUNNING.store(RUNNING.load(Relaxed) + 1, Relaxed);
    Some(Promise { spare })
}

/// A run has ended; the GIL is held.
#[inline]
pub fn end(promise: Promise) {
    RUNNING.store(RUNNING.load(Relaxed) - 1, Relaxed);
    if promise.spare {
        PROMISED.store(PROMISED.load(Relaxed) - 1, Relaxed);
    }
}

/// Promises so many spare chunks more; false without memory.
#[cold]
unsafe fn promise(more: usize) -> bool {
    let promised = PROMISED.load(Relaxed) + more;
    while SPARES.load(Relaxed) < promised {
        // SAFETY: the caller holds the GIL.
        unsafe {
            let new = chunk::new(MOST.load(Relaxed));
            if new.is_null() {
                return false;
            }
            keep(new);
        }
    }
    PROMISED.store(promised, Relaxed);
    true
}

/// Adds a chunk that belongs to no thread to the spare ones.
unsafe fn keep(new: *mut _PyStackChunk) {
    // SAFETY: the caller's chunk.
    unsafe { (*new).previous = SPARE.load(Relaxed) };
    SPARE.store(new, Relaxed);
    SPARES.store(SPARES.load(Relaxed) + 1, Relaxed);
}

/// Takes one of the spare chunks; null if there is none.
unsafe fn take() -> *mut _PyStackChunk {
    let spare = SPARE.load(Relaxed);
    if !spare.is_null() {
        // SAFETY: linked by `keep`.
        SPARE.store(unsafe { (*spare).previous }, Relaxed);
        SPARES.store(SPARES.load(Relaxed) - 1, Relaxed);
    }
    spare
}

/// A trace is about to be installed whose exits have frames of so many words, the outermost not counted: also runs that have begun may
/// come to it. False without memory.
///
/// # Safety
/// The GIL is held.
pub unsafe fn require(words: usize) -> bool {
    let most = MOST.load(Relaxed);
    if words <= most {
        return true;
    }
    let old = SPARE.load(Relaxed);
    let spares = SPARES.load(Relaxed);
    MOST.store(words.next_power_of_two(), Relaxed);
    // All anew: what there is may be too small.
    SPARE.store(null_mut(), Relaxed);
    SPARES.store(0, Relaxed);
    // SAFETY: the GIL is held; what is freed is nobody's.
    unsafe {
        let promised = promise(RUNNING.load(Relaxed));
        let mut dropped = old;
        if !promised {
            dropped = SPARE.load(Relaxed);
            MOST.store(most, Relaxed);
            SPARE.store(old, Relaxed);
            SPARES.store(spares, Relaxed);
        }
        while !dropped.is_null() {
            let next = (*dropped).previous;
            chunk::free(dropped);
            dropped = next;
        }
        promised
    }
}

/// Pushes a frame as [`frame::push`] does, without fail.
///
/// # Safety
/// As there; a run that was promised room takes it.
pub unsafe fn push(thread: *mut PyThreadState, function: *mut PyFunctionObject) -> *mut _PyInterpreterFrame {
    // SAFETY: by contract.
    unsafe {
        let words = frame::words((*function).func_code.cast());
        let mut pushed = frame::bump(thread, words);
        if pushed.is_null() {
            let spare = take();
            if spare.is_null() {
                sys::Py_FatalError(c"coluber: out of memory for a frame in compiled code".as_ptr());
            }
            pushed = chunk::add(thread, spare, words);
        }
        frame::initialize(pushed, function, null_mut());
        pushed
    }
}

/// Pops a frame as [`frame::pop`] does.
///
/// # Safety
/// As there; compiled code pushed it.
pub unsafe fn pop(thread: *mut PyThreadState, frame: *mut _PyInterpreterFrame) {
    // SAFETY: by contract.
    unsafe {
        let last = (*thread).datastack_chunk;
        if !std::ptr::eq(frame.cast(), &raw const (*last).data) {
            (*thread).datastack_top = frame.cast();
            return;
        }
        chunk::remove(thread);
        if SPARES.load(Relaxed) < PROMISED.load(Relaxed)
            && (*last).size >= chunk::bytes_for(MOST.load(Relaxed))
        {
            keep(last);
        } else {
            chunk::free(last);
        }
    }
}
