//! Moving a few object pointers from place to place, word by word.
//!
//! Most runs are short, and their words have just been written one by one: wider loads, as `memcpy` has them, would wait until those stores
//! are in the cache.

use crate::sys::PyObject;

/// A pointer that the compiler knows nothing of: so a loop over a few words stays a loop, and is neither unrolled nor made wider.
#[inline(always)]
pub fn opaque<T>(pointer: *mut T) -> *mut T {
    let mut address = pointer.addr();
    // SAFETY: no instructions.
    unsafe {
        std::arch::asm!("/* {0} */", inout(reg) address, options(pure, nomem, nostack, preserves_flags));
    }
    pointer.with_addr(address)
}

/// Puts `n` words elsewhere, and does something with each object; where they end there.
#[inline(always)]
unsafe fn put_elsewhere(
    mut from: *const *mut PyObject,
    n: usize,
    mut to: *mut *mut PyObject,
    each: impl Fn(*mut PyObject),
) -> *mut *mut PyObject {
    // SAFETY: by the caller: there are so many, and there is room.
    unsafe {
        let end = to.add(n);
        while to != end {
            each(*from);
            *to = *from;
            from = from.add(1);
            to = opaque(to.add(1));
        }
        to
    }
}

/// Moves `n` words; where they end there.
///
/// # Safety
/// There are so many, and there is room; nothing is at both places.
#[inline(always)]
pub unsafe fn move_words(from: *const *mut PyObject, n: usize, to: *mut *mut PyObject) -> *mut *mut PyObject {
    // SAFETY: by contract.
    unsafe { put_elsewhere(from, n, to, |_| ()) }
}

/// Copies `n` objects with a new reference to each; where they end there.
///
/// # Safety
/// Live objects; there is room.
#[inline(always)]
pub unsafe fn copy_references(
    from: *const *mut PyObject,
    n: usize,
    to: *mut *mut PyObject,
) -> *mut *mut PyObject {
    // SAFETY: by contract; the objects are live.
    unsafe { put_elsewhere(from, n, to, |o| (*o).ob_refcnt += 1) }
}

/// Fills the words from `from` up to `end` with nulls.
///
/// # Safety
/// The range is the caller's to fill.
#[inline(always)]
pub unsafe fn fill_nulls(mut from: *mut *mut PyObject, end: *mut *mut PyObject) {
    // SAFETY: by the caller: the range is.
    unsafe {
        while from != end {
            *from = std::ptr::null_mut();
            from = opaque(from.add(1));
        }
    }
}
