//! Tuples from CPython's free lists, without a call where that matters.

use capi::sys::{self, PyGC_Head, PyObject, PyThreadState, PyTupleObject};
use capi::words::{self, move_words};
use capi::{tracemalloc, tuple};

/// The low bits of `_gc_prev` are flags (`_PyGC_PREV_MASK`).
const FLAGS: usize = 3;

/// A tuple for `n` items from the free list, which are to be filled before anything else happens, and not tracked yet; null when
/// that takes a call.
#[inline(always)]
unsafe fn pop_free(tstate: *mut PyThreadState, n: usize) -> *mut PyTupleObject {
    // SAFETY: by the caller: the running thread.
    unsafe {
        let state = &raw mut (*(*tstate).interp).tuple;
        if n.wrapping_sub(1) >= (*state).free_list.len() || tracemalloc::is_on() {
            return std::ptr::null_mut();
        }
        let place = (&raw mut (*state).free_list).cast::<*mut PyTupleObject>().add(n - 1);
        let free = *place;
        if !free.is_null() {
            // The first item points to the next one; size and type are as they were.
            *place = (*free).ob_item[0].cast();
            *(&raw mut (*state).numfree).cast::<i32>().add(n - 1) -= 1;
            (*free).ob_base.ob_base.ob_refcnt = 1;
        }
        free
    }
}

/// `_PyObject_GC_TRACK`
#[inline(always)]
unsafe fn track(tstate: *mut PyThreadState, o: *mut PyTupleObject) {
    // SAFETY: by the caller: a tuple that is not tracked; the lists are the interpreter's.
    unsafe {
        let head = o.cast::<PyGC_Head>().sub(1);
        let generation = (*(*tstate).interp).gc.generation0;
        let last = (*generation)._gc_prev as *mut PyGC_Head;
        (*last)._gc_next = head as usize;
        (*head)._gc_prev = (*head)._gc_prev & FLAGS | last as usize;
        (*head)._gc_next = generation as usize;
        (*generation)._gc_prev = head as usize;
    }
}

/// A tuple that takes over the references of `n` objects; null where that takes a call, and nothing was done.
///
/// # Safety
/// As [`from_array_steal`].
#[inline(always)]
pub(crate) unsafe fn quick_from_array_steal(
    tstate: *mut PyThreadState,
    from: *const *mut PyObject,
    n: usize,
) -> *mut PyObject {
    // SAFETY: by contract; nothing happens between the tuple's birth and its tracking.
    unsafe {
        let free = pop_free(tstate, n);
        if !free.is_null() {
            move_words(from, n, tuple::items(free.cast()));
            track(tstate, free);
        }
        free.cast()
    }
}

/// A tuple that takes over the references of `n` objects; null with an exception, and they stay the caller's then.
///
/// # Safety
/// Live objects; `tstate` is the running thread's.
#[inline(always)]
pub(crate) unsafe fn from_array_steal(
    tstate: *mut PyThreadState,
    from: *const *mut PyObject,
    n: usize,
) -> *mut PyObject {
    // SAFETY: by contract.
    unsafe {
        let quick = quick_from_array_steal(tstate, from, n);
        if quick.is_null() { by_call(from, n) } else { quick }
    }
}

/// A tuple of `n` objects; null with an exception.
///
/// # Safety
/// As [`from_array_steal`].
#[inline(always)]
pub(crate) unsafe fn from_array(
    tstate: *mut PyThreadState,
    from: *const *mut PyObject,
    n: usize,
) -> *mut PyObject {
    // SAFETY: by contract.
    unsafe {
        let made = from_array_steal(tstate, from, n);
        if !made.is_null() {
            for i in 0..n {
                (**words::opaque(from.add(i).cast_mut())).ob_refcnt += 1;
            }
        }
        made
    }
}

#[inline(never)]
unsafe fn by_call(from: *const *mut PyObject, n: usize) -> *mut PyObject {
    // SAFETY: by the caller.
    unsafe {
        let made = sys::PyTuple_New(n as isize);
        if !made.is_null() {
            move_words(from, n, tuple::items(made));
        }
        made
    }
}
