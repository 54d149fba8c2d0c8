//! Where the memory of our own Rust code comes from, and what happens when there is none.
//!
//! Rust ends the process when an allocation fails; a Python program may not end for that. So what the system has no memory for comes from a
//! *reserve* that was set aside before (`reserve`), and the tracer asks between its steps whether that has happened ([`is_out`]): then it
//! gives the recording up, what it took from the reserve is freed, and the program goes on interpreted. What may grow large, or lives as long as
//! the program's code, is had from the system or not at all ([`fallible`], [`boxed_slice`]). CPython's own allocations never come here.
//!
//! ```text
//! if !allocator::begin() { /* too little is left of the reserve: nothing is recorded */ }
//! … some steps, after each: if allocator::is_out() { /* given up */ }
//! ```
//!
//! It knows nobody. `src/` makes [`Allocator`] the global one of the library; in other crates' tests nothing ever comes from the reserve.

pub mod failing;
mod reserve;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

pub use reserve::{SIZE as RESERVE_SIZE, set_aside};

/// The system's allocator, with the reserve behind it.
#[derive(Debug)]
pub struct Allocator;

/// Whether a block came from the reserve since [`begin`].
static OUT: AtomicBool = AtomicBool::new(false);
/// Whether blocks of the reserve are in use, or allocations are counted.
static SPECIAL: AtomicBool = AtomicBool::new(false);
/// Whether allocations fail rather than come from the reserve. The GIL protects it.
static FALLIBLE: AtomicBool = AtomicBool::new(false);

/// A piece of work begins that asks [`is_out`] as it goes on. False if the reserve may be too small for it: most of it is in use, or there
/// is none and no memory for one.
pub fn begin() -> bool {
    OUT.store(false, Relaxed);
    set_aside() && reserve::has_room()
}

/// Whether the system had no memory for something since [`begin`].
#[inline(always)]
pub fn is_out() -> bool {
    OUT.load(Relaxed)
}

/// Whether blocks of the reserve are in use. What would stay for long had better not be made then.
pub fn is_short() -> bool {
    reserve::in_use() > 0
}

/// Sets `SPECIAL` anew.
fn update() {
    SPECIAL.store(reserve::in_use() > 0 || failing::is_on(), Relaxed);
}

/// What `work` allocates is had from the system or not at all: only for what can fail, such as `try_reserve`. The GIL is held, and `work` does not run Python.
pub fn fallible<T>(work: impl FnOnce() -> T) -> T {
    let outer = FALLIBLE.swap(true, Relaxed);
    let result = work();
    FALLIBLE.store(outer, Relaxed);
    result
}

/// So many copies of a value, or `None` without memory. The GIL is held.
pub fn boxed_slice<T: Clone>(value: T, len: usize) -> Option<Box<[T]>> {
    let mut all = vec_with_room(len)?;
    all.resize(len, value);
    Some(all.into_boxed_slice())
}

/// An empty vector with room for so many values, or `None` without memory. The GIL is held.
pub fn vec_with_room<T>(len: usize) -> Option<Vec<T>> {
    let mut all = Vec::new();
    fallible(|| all.try_reserve_exact(len)).ok()?;
    Some(all)
}

/// A value on the heap, or `None` without memory. The GIL is held.
pub fn boxed<T>(value: T) -> Option<Box<T>> {
    let mut one = vec_with_room(1)?;
    one.push(value);
    let one: Box<[T; 1]> = one.into_boxed_slice().try_into().ok()?;
    // SAFETY: an array of one is laid out as its item.
    Some(unsafe { Box::from_raw(Box::into_raw(one).cast()) })
}

/// Whether the system had memory for so many bytes just now: asked before something grows that has no way to fail. The GIL is held.
pub fn is_available(bytes: usize) -> bool {
    vec_with_room::<u8>(bytes).is_some()
}

// SAFETY: each block is the system's or the reserve's, and goes back to the one that it came from, which its address tells.
unsafe impl GlobalAlloc for Allocator {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: by contract.
        unsafe {
            if !SPECIAL.load(Relaxed) {
                let block = System.alloc(layout);
                if !block.is_null() {
                    return block;
                }
            }
            special::alloc(layout)
        }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: by contract.
        unsafe {
            if !SPECIAL.load(Relaxed) {
                let block = System.alloc_zeroed(layout);
                if !block.is_null() {
                    return block;
                }
            }
            let block = special::alloc(layout);
            if !block.is_null() {
                block.write_bytes(0, layout.size());
            }
            block
        }
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: by contract.
        unsafe {
            if SPECIAL.load(Relaxed) {
                special::dealloc(block, layout);
            } else {
                System.dealloc(block, layout);
            }
        }
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: by contract.
        unsafe {
            if !SPECIAL.load(Relaxed) {
                let moved = System.realloc(block, layout, size);
                if !moved.is_null() {
                    return moved;
                }
            }
            special::realloc(block, layout, size)
        }
    }
}

/// What to do while allocations are counted or blocks of the reserve are in use, and when the system has no memory.
mod special {
    use super::*;

    #[cold]
    #[inline(never)]
    pub(super) unsafe fn alloc(layout: Layout) -> *mut u8 {
        // SAFETY: the contract of `GlobalAlloc::alloc`.
        let block = if failing::now() { std::ptr::null_mut() } else { unsafe { System.alloc(layout) } };
        let block = if block.is_null() { without_memory(layout) } else { block };
        if !block.is_null() {
            failing::count_made();
        }
        block
    }

    #[cold]
    #[inline(never)]
    pub(super) unsafe fn dealloc(block: *mut u8, layout: Layout) {
        failing::count_freed();
        if reserve::has(block) {
            reserve::give_back(block, layout);
        } else {
            // SAFETY: the contract of `GlobalAlloc::dealloc`; what is not the reserve's is the system's.
            unsafe { System.dealloc(block, layout) };
        }
    }

    /// A block leaves the reserve as soon as the system has memory for it.
    #[cold]
    #[inline(never)]
    pub(super) unsafe fn realloc(block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the contract of `GlobalAlloc::realloc`: the size fits this alignment. The old block is freed once it is copied.
        unsafe {
            let new = Layout::from_size_align_unchecked(size, layout.align());
            let fails = failing::now();
            if !fails && !reserve::has(block) {
                let moved = System.realloc(block, layout, size);
                if !moved.is_null() {
                    return moved;
                }
            }
            let moved = if fails { std::ptr::null_mut() } else { System.alloc(new) };
            let moved = if moved.is_null() { without_memory(new) } else { moved };
            if !moved.is_null() {
                moved.copy_from_nonoverlapping(block, layout.size().min(size));
                failing::count_made();
                dealloc(block, layout);
            }
            moved
        }
    }
}

/// A block of the reserve, or null where that may or must not be.
#[cold]
#[inline(never)]
fn without_memory(layout: Layout) -> *mut u8 {
    if FALLIBLE.load(Relaxed) {
        return std::ptr::null_mut();
    }
    OUT.store(true, Relaxed);
    reserve::take(layout)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_fail_comes_from_the_system_or_not_at_all() {
        assert_eq!(boxed_slice(7u16, 5).as_deref(), Some(&[7; 5][..]));
        assert_eq!(boxed(String::from("text")).as_deref().map(String::as_str), Some("text"));
        assert!(is_available(1 << 10));
        assert!(vec_with_room::<u8>(isize::MAX as usize).is_none());
    }

    #[test]
    fn blocks_move_between_system_and_reserve() {
        let _turn = failing::tests::turn();
        assert!(begin());
        let small = Layout::from_size_align(24, 8).unwrap();
        let large = Layout::from_size_align(240, 8).unwrap();
        // SAFETY: each block is given back with the layout that it was made with.
        unsafe {
            let first = Allocator.alloc(small);
            first.write_bytes(3, 24);
            failing::set(1, 1);
            let second = Allocator.realloc(first, small, 240);
            failing::set(0, 0);
            assert!(reserve::has(second) && !reserve::has(first) && is_out() && is_short());
            assert_eq!(*second.add(23), 3);
            let third = Allocator.realloc(second, large, 480);
            assert!(!reserve::has(third) && !is_short());
            assert_eq!(*third.add(23), 3);
            Allocator.dealloc(third, Layout::from_size_align(480, 8).unwrap());

            failing::set(1, 1);
            let zeroed = Allocator.alloc_zeroed(large);
            assert!(reserve::has(zeroed));
            assert!((0..240).all(|i| *zeroed.add(i) == 0));
            Allocator.dealloc(zeroed, large);

            failing::set(1, 1);
            assert!(fallible(|| Allocator.alloc(large)).is_null());
            failing::set(0, 0);
        }
        assert!(begin() && !is_out());
    }
}
