//! Versions of dictionary keys, and entries found by name: what caches of look-ups rest on.
//!
//! CPython 3.11 resets `dk_version` at every change of a dict's keys (not of its values); the function that assigns new
//! numbers is not exported, so we assign our own, from the upper half of the range, which CPython's counter never gets to.

use capi::sys::{self, PyDictKeysObject, PyDictObject, PyObject};
use std::sync::atomic::{AtomicU32, Ordering};

/// `DICT_KEYS_GENERAL` (pycore_dict.h).
pub const GENERAL: u8 = 0;
/// `DICT_KEYS_UNICODE`.
pub const UNICODE: u8 = 1;

/// The first number of ours.
const FIRST: u32 = 0x8000_0000;
static NEXT: AtomicU32 = AtomicU32::new(FIRST);

/// Where a name is in a dict.
pub enum Entry {
    /// Entry `index`, while the keys have this version.
    At {
        /// Index among the entries.
        index: u16,
        /// Version of the keys, not zero.
        version: u32,
    },
    /// Nowhere, while the keys have this version.
    Absent {
        /// Version of the keys, not zero.
        version: u32,
    },
    /// Can't be said once and for all.
    Unknown,
}

/// The version of the keys of an exact dict (0: none), or 0 for anything else.
#[inline(always)]
#[allow(clippy::not_unsafe_ptr_arg_deref)] // callers pass what they run, see above
pub fn version(dict: *mut PyObject) -> u32 {
    // SAFETY: callers pass a frame's namespaces or an exact module's dict; both live. Their type is asked before their layout is used.
    unsafe {
        if (*dict).ob_type != &raw mut sys::PyDict_Type {
            return 0;
        }
        (*(*dict.cast::<PyDictObject>()).ma_keys).dk_version
    }
}

/// How many versions were assigned so far: for tests of whether looking things up has assigned some.
pub fn assigned() -> u32 {
    NEXT.load(Ordering::Relaxed).wrapping_sub(FIRST)
}

/// The version of these keys, assigned if they have none; 0 when the numbers ran out.
///
/// # Safety
/// `keys` are live.
pub unsafe fn assign_version(keys: *mut PyDictKeysObject) -> u32 {
    // SAFETY: by contract.
    unsafe {
        if (*keys).dk_version == 0 {
            // The GIL is held; wrapping back to 0 ends the supply.
            let next = NEXT.load(Ordering::Relaxed);
            if next == 0 {
                return 0;
            }
            NEXT.store(next.wrapping_add(1), Ordering::Relaxed);
            (*keys).dk_version = next;
        }
        (*keys).dk_version
    }
}

/// The first of the entries of keys, which stand behind the index table.
///
/// # Safety
/// `keys` are live.
#[inline(always)]
pub unsafe fn entries(keys: *mut PyDictKeysObject) -> *mut u8 {
    // SAFETY: by contract; DK_ENTRIES of pycore_dict.h.
    unsafe { (&raw mut (*keys).dk_indices).cast::<u8>().add(1 << (*keys).dk_log2_index_bytes) }
}

/// Finds a name in an exact dict whose values stand in its keys (no split table).
///
/// # Safety
/// `dict` is a live object, `name` an interned str.
pub unsafe fn find(dict: *mut PyObject, name: *mut PyObject) -> Entry {
    // SAFETY: by contract.
    unsafe {
        if (*dict).ob_type != &raw mut sys::PyDict_Type || !(*dict.cast::<PyDictObject>()).ma_values.is_null()
        {
            return Entry::Unknown;
        }
        let keys = (*dict.cast::<PyDictObject>()).ma_keys;
        if (*keys).dk_kind != UNICODE {
            return Entry::Unknown;
        }
        let entry = entry_of(keys, name);
        let version = assign_version(keys);
        match entry {
            _ if version == 0 => Entry::Unknown,
            Some(index) if index <= u16::MAX.into() => Entry::At { index: index as u16, version },
            Some(_) => Entry::Unknown,
            None => {
                // The key may be there as an equal but different string: ask the dict itself.
                if sys::PyDict_Contains(dict, name) == 0 {
                    Entry::Absent { version }
                } else {
                    sys::PyErr_Clear();
                    Entry::Unknown
                }
            }
        }
    }
}

/// Index of the entry with this very key in unicode keys.
///
/// # Safety
/// `keys` are live unicode or split keys.
pub unsafe fn entry_of(keys: *mut PyDictKeysObject, name: *mut PyObject) -> Option<usize> {
    // SAFETY: by contract.
    unsafe {
        let all = entries(keys).cast::<sys::PyDictUnicodeEntry>();
        (0..(*keys).dk_nentries as usize).find(|&i| (*all.add(i)).me_key == name)
    }
}

/// The value of entry `index`; null when it was deleted.
///
/// # Safety
/// `dict` is an exact dict with that many entries and no split table.
#[inline(always)]
pub unsafe fn value_at(dict: *mut PyObject, index: usize) -> *mut PyObject {
    // SAFETY: by contract.
    unsafe {
        let keys = (*dict.cast::<PyDictObject>()).ma_keys;
        if (*keys).dk_kind == GENERAL {
            (*entries(keys).cast::<sys::PyDictKeyEntry>().add(index)).me_value
        } else {
            (*entries(keys).cast::<sys::PyDictUnicodeEntry>().add(index)).me_value
        }
    }
}
