//! Pools: vectors of which many things own a part, and neighbours the same part where theirs are equal.

/// A part of a pool.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Range {
    /// Its first element.
    pub start: u32,
    /// One behind its last.
    pub end: u32,
}

impl Range {
    /// The elements.
    pub fn of<T>(self, pool: &[T]) -> &[T] {
        &pool[self.start as usize..self.end as usize]
    }
    /// What was appended to the pool since it had `start` elements; or `earlier`, if that is equal: then it is dropped again.
    pub fn close<T: PartialEq>(pool: &mut Vec<T>, start: u32, earlier: Option<Range>) -> Range {
        let new = Range { start, end: pool.len() as u32 };
        match earlier {
            Some(old) if old.of(pool) == new.of(pool) => {
                pool.truncate(start as usize);
                old
            }
            _ => new,
        }
    }
}
