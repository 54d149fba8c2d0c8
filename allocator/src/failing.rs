//! Allocations that fail on purpose, for tests: `-X jit-fail-alloc`, and `coluber.jit._fail_allocations`, which tests/fail_allocations.py calls.
//!
//! Allocations of ours are counted from the moment that it is switched on; those with a number in a given range are treated as if the
//! system had no memory. Each call of `alloc` or `realloc` is one.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::Relaxed};

/// Whether allocations are counted.
static ON: AtomicBool = AtomicBool::new(false);
/// Those that fail: the first and the last.
static FIRST: AtomicU64 = AtomicU64::new(0);
static LAST: AtomicU64 = AtomicU64::new(0);
/// Allocations since it was switched on.
static COUNT: AtomicU64 = AtomicU64::new(0);
/// Blocks made since then less blocks freed.
static ALIVE: AtomicI64 = AtomicI64::new(0);

/// What was counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counted {
    /// Allocations.
    pub allocations: u64,
    /// Blocks made less blocks freed.
    pub alive: i64,
}

/// The allocations from number `first` to `last`, counted from here and from 1, fail: none where `last` is less. `first` 0 switches it
/// off. Answers what was counted since the last time.
pub fn set(first: u64, last: u64) -> Counted {
    ON.store(false, Relaxed);
    FIRST.store(first, Relaxed);
    LAST.store(last, Relaxed);
    let counted = Counted { allocations: COUNT.swap(0, Relaxed), alive: ALIVE.swap(0, Relaxed) };
    ON.store(first > 0, Relaxed);
    crate::update();
    counted
}

/// Whether allocations are counted.
pub(crate) fn is_on() -> bool {
    ON.load(Relaxed)
}

/// Whether the allocation that is being made fails.
pub(crate) fn now() -> bool {
    if !is_on() {
        return false;
    }
    let number = COUNT.fetch_add(1, Relaxed) + 1;
    (FIRST.load(Relaxed)..=LAST.load(Relaxed)).contains(&number)
}

/// A block was made.
pub(crate) fn count_made() {
    if is_on() {
        ALIVE.fetch_add(1, Relaxed);
    }
}

/// A block is given back.
pub(crate) fn count_freed() {
    if is_on() {
        ALIVE.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::sync::{Mutex, MutexGuard, PoisonError};

    /// Tests that fail allocations or look at the reserve take turns.
    pub(crate) fn turn() -> MutexGuard<'static, ()> {
        static TURN: Mutex<()> = Mutex::new(());
        TURN.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[test]
    fn those_in_the_range_fail() {
        let _turn = turn();
        set(2, 3);
        assert_eq!([now(), now(), now(), now()], [false, true, true, false]);
        assert_eq!(set(0, 0).allocations, 4);
        assert!(!now());
    }
}
