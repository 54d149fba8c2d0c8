//! Attributes of plain instances: the inline values array, the managed dict, the class's shared keys.
//!
//! Called when `LOAD_ATTR`, `STORE_ATTR` and `LOAD_METHOD` are resolved or performed. Knows nothing of descriptors.
//!
//! ```text
//! word -4: values array or null    word -3: dict or null    words -2, -1: GC head    word 0: the object
//! values array: bytes before it: [-1] its prefix size, [-2] how many are set, [-3], [-4] ...: their order of insertion
//! ```

use crate::dict::{EntryIndex, Keys};
use crate::refs::type_of;
use crate::sys::{_dictvalues, Py_TPFLAGS_MANAGED_DICT, PyHeapTypeObject, PyObject, PyTypeObject};
use std::ptr::null_mut;

/// An instance's values, one for each shared key; null where the attribute is not set.
pub type Values = _dictvalues;

/// Where the pointer to the values lies, in bytes from the object.
pub const VALUES_OFFSET: isize = -4 * size_of::<usize>() as isize;

/// Where the pointer to the dict lies, in bytes from the object.
pub const DICT_OFFSET: isize = -3 * size_of::<usize>() as isize;

/// Whether instances of a type have these two words in front.
///
/// # Safety
/// `class` is alive.
#[inline(always)]
pub unsafe fn has_managed_dict(class: *mut PyTypeObject) -> bool {
    // SAFETY: the caller guarantees a live type.
    unsafe { (*class).tp_flags & u64::from(Py_TPFLAGS_MANAGED_DICT) != 0 }
}

/// `_PyObject_ValuesPointer`.
///
/// # Safety
/// `object` is alive, its type has a managed dict.
#[inline(always)]
pub unsafe fn values_pointer(object: *mut PyObject) -> *mut *mut Values {
    // SAFETY: the caller guarantees the words in front.
    unsafe { object.byte_offset(VALUES_OFFSET).cast() }
}

/// `_PyObject_ManagedDictPointer`.
///
/// # Safety
/// As for [`values_pointer`].
#[inline(always)]
pub unsafe fn dict_pointer(object: *mut PyObject) -> *mut *mut PyObject {
    // SAFETY: the caller guarantees the words in front.
    unsafe { object.byte_offset(DICT_OFFSET).cast() }
}

/// The slot of an attribute.
///
/// # Safety
/// `values` belongs to an instance whose class's shared keys have this entry.
#[inline(always)]
pub unsafe fn slot(values: *mut Values, index: EntryIndex) -> *mut *mut PyObject {
    // SAFETY: the caller guarantees the index.
    unsafe { (&raw mut (*values).values).cast::<*mut PyObject>().add(index.0) }
}

/// The keys that a class's instances share (`ht_cached_keys`, borrowed); null where they share none.
///
/// # Safety
/// `class` is a live heap type.
#[inline(always)]
pub unsafe fn shared_keys(class: *mut PyTypeObject) -> *mut Keys {
    // SAFETY: the caller guarantees a heap type.
    unsafe { (*class.cast::<PyHeapTypeObject>()).ht_cached_keys }
}

/// The values of an object whose attributes are inline; null otherwise.
///
/// # Safety
/// `object` is alive.
#[inline(always)]
pub unsafe fn values_of(object: *mut PyObject) -> *mut Values {
    // SAFETY: the words in front exist where the type says so.
    unsafe { if has_managed_dict(type_of(object)) { *values_pointer(object) } else { null_mut() } }
}

/// Notes that an attribute was set for the first time, or again after a deletion (`_PyDictValues_AddToInsertionOrder`): call it
/// when the slot was null before.
///
/// # Safety
/// `values` has this slot, which was null.
#[inline(always)]
pub unsafe fn note_insertion(values: *mut Values, index: EntryIndex) {
    // SAFETY: the prefix has a byte for each slot.
    unsafe {
        let used = values.cast::<u8>().sub(2);
        *used += 1;
        used.sub(usize::from(*used)).write(index.0 as u8);
    }
}

/// Notes that an attribute was deleted (`delete_index_from_values`).
///
/// # Safety
/// `values` has this slot, which was not null and is now.
pub unsafe fn note_deletion(values: *mut Values, index: EntryIndex) {
    // SAFETY: the order holds each set slot once.
    unsafe {
        let used = values.cast::<u8>().sub(2);
        let count = usize::from(*used);
        let order = |i: usize| used.sub(i);
        let Some(place) = (1..=count).find(|&i| usize::from(*order(i)) == index.0) else { return };
        for i in place..count {
            order(i).write(*order(i + 1));
        }
        *used -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deleted_attribute_leaves_the_order_and_a_new_one_goes_last() {
        let mut memory = [0usize; 8];
        let bytes: *mut u8 = memory.as_mut_ptr().cast();
        // SAFETY: 32 bytes of prefix precede the array.
        let order = unsafe {
            let values: *mut Values = bytes.add(32).cast();
            for index in [3, 1, 2] {
                note_insertion(values, EntryIndex(index));
            }
            note_deletion(values, EntryIndex(1));
            note_insertion(values, EntryIndex(0));
            std::slice::from_raw_parts(bytes.add(27), 4)
        };
        assert_eq!(order, [0, 2, 3, 3]);
    }
}
