//! Inline attribute values of plain instances, and the bookkeeping that a store into them or into a dict needs.
//!
//! Called by the evaluator's `STORE_ATTR` and `DELETE_ATTR` fast paths. Knows nothing of descriptors.
//!
//! ```text
//! word -4: values array or null    word -3: dict or null    words -2, -1: GC head    word 0: the object
//! values array: bytes before it: [-1] its prefix size, [-2] how many are set, [-3], [-4] ...: their order of insertion
//! ```

use crate::sys::{_dictvalues, PyDictObject, PyObject};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Where the pointer to the values lies, in bytes from the object.
pub const VALUES_OFFSET: isize = -4 * size_of::<usize>() as isize;

/// Where the pointer to the dict lies, in bytes from the object.
pub const DICT_OFFSET: isize = -3 * size_of::<usize>() as isize;

/// The slot of the attribute with this index in the class's shared keys.
///
/// # Safety
/// `values` belongs to an instance whose class's shared keys have this entry.
#[inline(always)]
pub unsafe fn slot(values: *mut _dictvalues, index: usize) -> *mut *mut PyObject {
    // SAFETY: the caller guarantees the index.
    unsafe { (&raw mut (*values).values).cast::<*mut PyObject>().add(index) }
}

/// Notes that an attribute was set for the first time, or again after a deletion (`_PyDictValues_AddToInsertionOrder`): call it
/// when the slot was null before.
///
/// # Safety
/// `values` has this slot, which was null.
#[inline(always)]
pub unsafe fn note_insertion(values: *mut _dictvalues, index: usize) {
    // SAFETY: the prefix has a byte for each slot.
    unsafe {
        let used = values.cast::<u8>().sub(2);
        *used += 1;
        used.sub(usize::from(*used)).write(index as u8);
    }
}

/// Notes that an attribute was deleted (`delete_index_from_values`).
///
/// # Safety
/// `values` has this slot, which was not null and is now.
pub unsafe fn note_deletion(values: *mut _dictvalues, index: usize) {
    // SAFETY: the order holds each set slot once.
    unsafe {
        let used = values.cast::<u8>().sub(2);
        let count = usize::from(*used);
        let order = |i: usize| used.sub(i);
        let Some(place) = (1..=count).find(|&i| usize::from(*order(i)) == index) else { return };
        for i in place..count {
            order(i).write(*order(i + 1));
        }
        *used -= 1;
    }
}

/// CPython's count of dict versions is not exported; ours starts far above it.
static NEXT_DICT_VERSION: AtomicU64 = AtomicU64::new(1 << 63);

/// Gives a dict a fresh `ma_version_tag`, as each store into one of its entries must (`DICT_NEXT_VERSION`).
///
/// # Safety
/// `dict` is a live dict; the GIL is held.
#[inline(always)]
pub unsafe fn renew_version_tag(dict: *mut PyObject) {
    let number = NEXT_DICT_VERSION.load(Relaxed);
    NEXT_DICT_VERSION.store(number + 1, Relaxed);
    // SAFETY: the caller guarantees a dict.
    unsafe { (*dict.cast::<PyDictObject>()).ma_version_tag = number };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deleted_attribute_leaves_the_order_and_a_new_one_goes_last() {
        let mut memory = [0u8; 64];
        // SAFETY: 32 bytes of prefix precede the array.
        unsafe {
            let values: *mut _dictvalues = memory.as_mut_ptr().add(32).cast();
            for index in [3, 1, 2] {
                note_insertion(values, index);
            }
            note_deletion(values, 1);
            note_insertion(values, 0);
        }
        assert_eq!(memory[30], 3);
        assert_eq!(memory[27..30], [0, 2, 3]);
    }
}
