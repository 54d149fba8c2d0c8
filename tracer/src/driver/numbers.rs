//! Numbers of exits that are free again because their trace was dropped: a program that makes and drops code for ever needs no more of them.

use std::collections::BTreeMap;

/// Free ranges, by their first number, never adjacent to each other.
#[derive(Debug, Default)]
pub(super) struct FreeNumbers(BTreeMap<u32, u32>);

impl FreeNumbers {
    /// The first of `n` numbers in a row, which are free no more.
    pub(super) fn take(&mut self, n: u32) -> Option<u32> {
        let (&first, &len) = self.0.iter().find(|(_, len)| **len >= n)?;
        self.0.remove(&first);
        if len > n {
            self.0.insert(first + n, len - n);
        }
        Some(first)
    }

    /// These are free.
    pub(super) fn give(&mut self, mut first: u32, mut n: u32) {
        if n == 0 {
            return;
        }
        if let Some(behind) = self.0.remove(&(first + n)) {
            n += behind;
        }
        if let Some((&before, &len)) = self.0.range(..first).next_back()
            && before + len == first
        {
            (first, n) = (before, n + len);
        }
        self.0.insert(first, n);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_become_one_range() {
        let mut free = FreeNumbers::default();
        for first in [10, 30, 20] {
            free.give(first, 10);
        }
        assert_eq!(free.take(31), None);
        assert_eq!(free.take(25), Some(10));
        assert_eq!(free.take(5), Some(35));
        assert_eq!(free.take(1), None);
    }
}
