//! The reserve: a range of memory that is set aside at the start and only touched when the system has no memory.
//!
//! It is mapped, writable and private, so that limits on addresses and on data, and kernels that promise no more than they have, count it
//! from the start; no page of it exists before it is used, and none afterwards. Blocks are taken first fit; what is free is a list by
//! address, kept in the free memory itself. Callers may have any thread.

use std::alloc::Layout;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Bytes. One step of compiling takes less than half (see `tests/fail_allocations.py`), and so may what stays in use.
pub const SIZE: usize = 8 << 20;
/// Sizes and addresses of blocks are multiples.
const GRAIN: usize = size_of::<Free>();

/// A free block.
#[repr(C)]
struct Free {
    size: usize,
    next: *mut Free,
}

/// Where the reserve is; 0 before it is there.
static START: AtomicUsize = AtomicUsize::new(0);
/// Bytes in blocks that are in use.
static IN_USE: AtomicUsize = AtomicUsize::new(0);
static LOCKED: AtomicBool = AtomicBool::new(false);
/// The first free block, unless nothing is in use. The lock protects it and the list.
static mut FIRST: *mut Free = null_mut();

/// Holds the lock.
struct Lock;

impl Lock {
    fn take() -> Lock {
        while LOCKED.compare_exchange_weak(false, true, Ordering::Acquire, Ordering::Relaxed).is_err() {
            std::thread::yield_now();
        }
        Lock
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        LOCKED.store(false, Ordering::Release);
    }
}

/// Maps the reserve, unless it is there. False without memory for it.
pub fn set_aside() -> bool {
    if START.load(Ordering::Relaxed) != 0 {
        return true;
    }
    let _lock = Lock::take();
    if START.load(Ordering::Relaxed) != 0 {
        return true;
    }
    // SAFETY: a new mapping disturbs nothing; the advice concerns only that, and may be refused.
    unsafe {
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        let at = libc::mmap(null_mut(), SIZE, protection, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, -1, 0);
        if at == libc::MAP_FAILED {
            return false;
        }
        // A huge page would be the whole of it at the first touch.
        libc::madvise(at, SIZE, libc::MADV_NOHUGEPAGE);
        START.store(at as usize, Ordering::Relaxed);
    }
    true
}

/// Whether a block is the reserve's.
pub(crate) fn has(block: *const u8) -> bool {
    (block as usize).wrapping_sub(START.load(Ordering::Relaxed)) < SIZE
}

/// Bytes in use.
pub(crate) fn in_use() -> usize {
    IN_USE.load(Ordering::Relaxed)
}

/// Whether at least half is free.
pub(crate) fn has_room() -> bool {
    in_use() <= SIZE / 2
}

/// The bytes that a block takes.
fn rounded(layout: Layout) -> usize {
    layout.size().max(1).next_multiple_of(GRAIN)
}

/// A block, or null if there is no room for it.
pub(crate) fn take(layout: Layout) -> *mut u8 {
    let start = START.load(Ordering::Relaxed);
    if start == 0 || layout.size() > SIZE {
        return null_mut();
    }
    let size = rounded(layout);
    let align = layout.align().max(GRAIN);
    let _lock = Lock::take();
    // SAFETY: the lock is held. Free blocks lie in the reserve, are at least a grain long, and nobody else uses them.
    unsafe {
        if in_use() == 0 {
            FIRST = start as *mut Free;
            FIRST.write(Free { size: SIZE, next: null_mut() });
        }
        let mut link = &raw mut FIRST;
        while !(*link).is_null() {
            let free = *link;
            let Free { size: room, next } = free.read();
            let block = (free as usize).next_multiple_of(align);
            let before = block - free as usize;
            if room < before + size {
                link = &raw mut (*free).next;
                continue;
            }
            let after = room - before - size;
            let mut next = next;
            if after > 0 {
                let rest = (block + size) as *mut Free;
                rest.write(Free { size: after, next });
                next = rest;
            }
            if before > 0 {
                free.write(Free { size: before, next });
            } else {
                *link = next;
            }
            IN_USE.fetch_add(size, Ordering::Relaxed);
            crate::update();
            return block as *mut u8;
        }
    }
    null_mut()
}

/// Frees a block of the reserve. When it was the last one, the pages go back to the system.
#[cold]
pub(crate) fn give_back(block: *mut u8, layout: Layout) {
    let size = rounded(layout);
    let _lock = Lock::take();
    // SAFETY: as in `take`; the block is the caller's.
    unsafe {
        if IN_USE.fetch_sub(size, Ordering::Relaxed) == size {
            libc::madvise(START.load(Ordering::Relaxed) as *mut _, SIZE, libc::MADV_DONTNEED);
            crate::update();
            return;
        }
        let mut before: *mut Free = null_mut();
        let mut next = FIRST;
        while !next.is_null() && (next as usize) < block as usize {
            before = next;
            next = (*next).next;
        }
        let free: *mut Free = block.cast();
        free.write(Free { size, next });
        if !next.is_null() && block as usize + size == next as usize {
            free.write(Free { size: size + (*next).size, next: (*next).next });
        }
        if before.is_null() {
            FIRST = free;
        } else if before as usize + (*before).size == block as usize {
            before.write(Free { size: (*before).size + (*free).size, next: (*free).next });
        } else {
            (*before).next = free;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failing::tests::turn;

    fn layout(size: usize, align: usize) -> Layout {
        Layout::from_size_align(size, align).unwrap()
    }

    #[test]
    fn freed_neighbours_become_one_block() {
        let _turn = turn();
        assert!(set_aside());
        let quarter = layout(SIZE / 4, 8);
        let blocks: Vec<*mut u8> = (0..4).map(|_| take(quarter)).collect();
        assert!(blocks.iter().all(|&block| has(block)));
        assert!(take(layout(1, 1)).is_null());
        for i in [1, 3, 2] {
            give_back(blocks[i], quarter);
        }
        let most = layout(3 * (SIZE / 4), 8);
        assert_eq!(take(most), blocks[1]);
        give_back(blocks[1], most);
        assert!(!take(layout(SIZE / 2, 8)).is_null());
        assert!(!has_room());
        give_back(blocks[1], layout(SIZE / 2, 8));
        give_back(blocks[0], quarter);
        assert_eq!(in_use(), 0);
    }

    #[test]
    fn blocks_are_aligned() {
        let _turn = turn();
        assert!(set_aside());
        let all = [layout(1, 1), layout(100, 64), layout(7, 4096), layout(16, 16), layout(0, 1)];
        let blocks = all.map(|layout| (take(layout), layout));
        for (block, layout) in blocks {
            assert!(has(block) && (block as usize).is_multiple_of(layout.align()));
        }
        for (block, layout) in blocks {
            give_back(block, layout);
        }
        assert_eq!(in_use(), 0);
    }

    /// Random blocks, filled and looked at again: none overlaps another, and at the end all is free.
    #[test]
    fn no_two_blocks_overlap() {
        let _turn = turn();
        assert!(set_aside());
        let mut random = 0x9e37_79b9_7f4a_7c15u64;
        let mut next = || {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            random as usize
        };
        let mut blocks: Vec<(*mut u8, Layout, u8)> = Vec::new();
        for turn in 0..20_000 {
            if next().is_multiple_of(2) || blocks.is_empty() {
                let layout = layout(next() % 3000, 1 << (next() % 8));
                let block = take(layout);
                if !block.is_null() {
                    // SAFETY: a block of this size.
                    unsafe { block.write_bytes(turn as u8, layout.size()) };
                    blocks.push((block, layout, turn as u8));
                }
            } else {
                let (block, layout, byte) = blocks.swap_remove(next() % blocks.len());
                // SAFETY: filled above.
                assert!((0..layout.size()).all(|i| unsafe { *block.add(i) } == byte));
                give_back(block, layout);
            }
        }
        for (block, layout, _) in blocks {
            give_back(block, layout);
        }
        assert_eq!(in_use(), 0);
    }
}
