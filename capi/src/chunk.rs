//! The chunks of a thread's data stack, on which frames are pushed.
//!
//! Made as CPython does it (Python/pystate.c), from the same allocator, so that either evaluator can free them. Unlike there one of the
//! usual size is kept when it is freed: recursion to and fro over the end of a chunk would map and unmap it at each crossing.

use crate::sys::{
    _PyInterpreterFrame, _PyStackChunk, PyObject, PyObject_GetArenaAllocator, PyObjectArenaAllocator,
    PyThreadState,
};
use std::ffi::c_int;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, Ordering::Relaxed};

/// `DATA_STACK_CHUNK_SIZE` (Python/pystate.c), in bytes.
const CHUNK_BYTES: usize = 16 * 1024;

/// `MINIMUM_OVERHEAD` (Python/pystate.c), in words.
const CHUNK_SLACK_WORDS: usize = 1000;

/// A chunk of `CHUNK_BYTES` that was freed last and belongs to no thread, or null. The GIL protects it.
static FREED: AtomicPtr<_PyStackChunk> = AtomicPtr::new(null_mut());

fn arena_allocator() -> PyObjectArenaAllocator {
    let mut arena = PyObjectArenaAllocator { ctx: null_mut(), alloc: None, free: None };
    // SAFETY: fills the struct.
    unsafe { PyObject_GetArenaAllocator(&mut arena) };
    arena
}

/// The size of a chunk for a frame of so many words, in bytes.
pub fn bytes_for(words: usize) -> usize {
    let mut bytes = CHUNK_BYTES;
    while bytes < size_of::<*mut PyObject>() * (words + CHUNK_SLACK_WORDS) {
        bytes *= 2;
    }
    bytes
}

/// A chunk with room for so many words, which belongs to no thread yet; null when memory is out.
///
/// # Safety
/// The GIL is held.
pub unsafe fn new(words: usize) -> *mut _PyStackChunk {
    if words > (c_int::MAX / 2) as usize {
        return null_mut();
    }
    let bytes = bytes_for(words);
    let mut chunk = null_mut();
    if bytes == CHUNK_BYTES {
        chunk = FREED.load(Relaxed);
        FREED.store(null_mut(), Relaxed);
    }
    // SAFETY: the allocator is called as CPython calls it; the chunk, fresh or kept, is ours.
    unsafe {
        if chunk.is_null() {
            let arena = arena_allocator();
            let Some(alloc) = arena.alloc else { return null_mut() };
            chunk = alloc(arena.ctx, bytes).cast();
        }
        if !chunk.is_null() {
            (*chunk).previous = null_mut();
            (*chunk).size = bytes;
            (*chunk).top = 0;
        }
        chunk
    }
}

/// Frees a chunk that belongs to no thread, or keeps it for the next one.
///
/// # Safety
/// The chunk came from [`new`] or [`remove`]; the GIL is held.
pub unsafe fn free(chunk: *mut _PyStackChunk) {
    // SAFETY: the caller guarantees the chunk.
    if unsafe { (*chunk).size } == CHUNK_BYTES && FREED.load(Relaxed).is_null() {
        FREED.store(chunk, Relaxed);
        return;
    }
    let arena = arena_allocator();
    if let Some(free) = arena.free {
        // SAFETY: the caller guarantees the chunk.
        unsafe { free(arena.ctx, chunk.cast(), (*chunk).size) };
    }
}

/// Puts a chunk on the thread's data stack and takes `words` words of it.
///
/// # Safety
/// The chunk belongs to no thread and has room for so many words; `tstate` is the current thread's.
pub unsafe fn add(
    tstate: *mut PyThreadState,
    chunk: *mut _PyStackChunk,
    words: usize,
) -> *mut _PyInterpreterFrame {
    // SAFETY: the caller guarantees both.
    unsafe {
        let previous = (*tstate).datastack_chunk;
        (*chunk).previous = previous;
        if !previous.is_null() {
            let data: *mut *mut PyObject = (&raw mut (*previous).data).cast();
            (*previous).top = (*tstate).datastack_top.offset_from(data) as usize;
        }
        (*tstate).datastack_chunk = chunk;
        (*tstate).datastack_limit = chunk.byte_add((*chunk).size).cast();
        // The first word of a root chunk stays unused, so that popping never frees that chunk.
        let first: *mut *mut PyObject = (&raw mut (*chunk).data).cast();
        let frame = first.add(usize::from(previous.is_null()));
        (*tstate).datastack_top = frame.add(words);
        frame.cast()
    }
}

/// Takes the newest chunk off the thread's data stack; the caller frees it.
///
/// # Safety
/// It is empty and not the only one; `tstate` is the current thread's.
pub unsafe fn remove(tstate: *mut PyThreadState) -> *mut _PyStackChunk {
    // SAFETY: the caller guarantees the chunk below.
    unsafe {
        let chunk = (*tstate).datastack_chunk;
        let previous = (*chunk).previous;
        let data: *mut *mut PyObject = (&raw mut (*previous).data).cast();
        (*tstate).datastack_top = data.add((*previous).top);
        (*tstate).datastack_chunk = previous;
        (*tstate).datastack_limit = previous.byte_add((*previous).size).cast();
        chunk
    }
}
