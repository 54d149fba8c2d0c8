//! Exact dicts from inside: the keys object, its entries, its version.
//!
//! Called when a global or an attribute is resolved for an inline cache, and when a cached entry is used again. Look-ups here
//! never run code: they know str keys only.
//!
//! ```text
//! dict.ma_keys -> { dk_kind, dk_version, hash table of indices, entries: (key, value) | (hash, key, value) }
//! kind general:  entries of three words     kind unicode: entries of two     kind split: two, values in dict.ma_values
//! ```
//!
//! `dk_version` is 0 until somebody asks for a version, and CPython resets it to 0 at each change of the set of keys or of
//! their places (insert, delete from a combined table, popitem, setdefault, a new shared key); clearing and resizing bring
//! another keys object. A copied dict keeps the number together with the very same table. It says nothing about values, and in
//! a split table a key may have none: test the entry's value for null.

use crate::refs::type_of;
use crate::sys::{
    _dictkeysobject, DictKeysKind_DICT_KEYS_GENERAL, DictKeysKind_DICT_KEYS_SPLIT, Py_hash_t, PyASCIIObject,
    PyDict_Type, PyDictKeyEntry, PyDictObject, PyDictUnicodeEntry, PyGC_Head, PyObject, PyObject_Hash,
    PyUnicode_Compare, PyUnicode_Type,
};
use std::mem::offset_of;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

/// A table of keys (`PyDictKeysObject`), of a dict or shared by a class's instances.
pub type Keys = _dictkeysobject;

/// What a keys object looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Any keys; entries of hash, key and value.
    General,
    /// Exact strs only; entries of key and value.
    Unicode,
    /// As `Unicode`, but shared: the values are elsewhere (`ma_values`, or inline in the instance).
    Split,
}

/// Place of an entry in its table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EntryIndex(pub usize);

const PERTURB_SHIFT: u32 = 5;
const EMPTY: i64 = -1;

/// Whether this is a dict proper, not of a subclass.
///
/// # Safety
/// `object` is alive.
#[inline(always)]
pub unsafe fn is_exact(object: *mut PyObject) -> bool {
    // SAFETY: the caller guarantees a live object.
    unsafe { type_of(object) == &raw mut PyDict_Type }
}

/// The table of keys. Valid until the dict changes.
///
/// # Safety
/// `dict` is a live dict.
#[inline(always)]
pub unsafe fn keys(dict: *mut PyObject) -> *mut Keys {
    // SAFETY: the caller guarantees a dict.
    unsafe { (*dict.cast::<PyDictObject>()).ma_keys }
}

/// What it looks like.
///
/// # Safety
/// `keys` is alive.
#[inline(always)]
pub unsafe fn kind(keys: *mut Keys) -> Kind {
    // SAFETY: the caller guarantees the keys.
    let kind = u32::from(unsafe { (*keys).dk_kind });
    if kind == DictKeysKind_DICT_KEYS_GENERAL {
        Kind::General
    } else if kind == DictKeysKind_DICT_KEYS_SPLIT {
        Kind::Split
    } else {
        Kind::Unicode
    }
}

/// Where the entries begin.
///
/// # Safety
/// `keys` is alive.
#[inline(always)]
unsafe fn entries(keys: *mut Keys) -> *mut u8 {
    // SAFETY: the entries follow the 2^dk_log2_index_bytes bytes of the hash table.
    unsafe { keys.cast::<u8>().add(offset_of!(Keys, dk_indices) + (1 << (*keys).dk_log2_index_bytes)) }
}

/// An entry of a table of str keys.
///
/// # Safety
/// `keys` is alive, its kind not general; `index` is below `dk_nentries`.
#[inline(always)]
pub unsafe fn unicode_entry(keys: *mut Keys, index: EntryIndex) -> *mut PyDictUnicodeEntry {
    // SAFETY: the caller guarantees kind and index.
    unsafe { entries(keys).cast::<PyDictUnicodeEntry>().add(index.0) }
}

/// An entry of a table of any keys.
///
/// # Safety
/// `keys` is alive, its kind general; `index` is below `dk_nentries`.
#[inline(always)]
pub unsafe fn general_entry(keys: *mut Keys, index: EntryIndex) -> *mut PyDictKeyEntry {
    // SAFETY: the caller guarantees kind and index.
    unsafe { entries(keys).cast::<PyDictKeyEntry>().add(index.0) }
}

/// The slot of a value of a combined dict (not split). It holds null after a deletion.
///
/// # Safety
/// As for [`unicode_entry`] or [`general_entry`]; the kind is not split.
#[inline(always)]
pub unsafe fn value_slot(keys: *mut Keys, index: EntryIndex) -> *mut *mut PyObject {
    // SAFETY: the caller guarantees index and kind.
    unsafe {
        if kind(keys) == Kind::General {
            &raw mut (*general_entry(keys, index)).me_value
        } else {
            &raw mut (*unicode_entry(keys, index)).me_value
        }
    }
}

/// The index in place `i` of the hash table.
unsafe fn hashed(keys: *mut Keys, i: usize) -> i64 {
    // SAFETY: the caller masks `i`; the width of an index follows from the size of the table.
    unsafe {
        let table = keys.cast::<u8>().add(offset_of!(Keys, dk_indices));
        match (*keys).dk_log2_size {
            0..8 => i64::from(*table.cast::<i8>().add(i)),
            8..16 => i64::from(*table.cast::<i16>().add(i)),
            16..32 => i64::from(*table.cast::<i32>().add(i)),
            _ => *table.cast::<i64>().add(i),
        }
    }
}

/// The hash of an exact str, computed if it was not yet. Runs no code.
///
/// # Safety
/// `string` is a live exact str.
pub unsafe fn str_hash(string: *mut PyObject) -> Py_hash_t {
    // SAFETY: every str begins with this struct; -1 says: not computed.
    unsafe {
        let hash = (*string.cast::<PyASCIIObject>()).hash;
        if hash != -1 { hash } else { PyObject_Hash(string) }
    }
}

/// Where a str key stands in a table of str keys (`unicodekeys_lookup_unicode`). Runs no code.
///
/// # Safety
/// `keys` is alive, its kind not general; `key` is a live exact str; the GIL is held.
pub unsafe fn lookup(keys: *mut Keys, key: *mut PyObject) -> Option<EntryIndex> {
    // SAFETY: the caller guarantees kind and key; a table always has an empty place, so probing ends.
    unsafe {
        debug_assert!(type_of(key) == &raw mut PyUnicode_Type && kind(keys) != Kind::General);
        let hash = str_hash(key);
        let mask = (1usize << (*keys).dk_log2_size) - 1;
        let mut perturb = hash as usize;
        let mut place = perturb & mask;
        loop {
            let index = hashed(keys, place);
            if index >= 0 {
                let index = EntryIndex(index as usize);
                let found = (*unicode_entry(keys, index)).me_key;
                if found == key || str_hash(found) == hash && PyUnicode_Compare(found, key) == 0 {
                    return Some(index);
                }
            } else if index == EMPTY {
                return None;
            }
            perturb >>= PERTURB_SHIFT;
            place = mask & place.wrapping_mul(5).wrapping_add(perturb).wrapping_add(1);
        }
    }
}

/// The value of a str key in an exact dict of str keys (borrowed), with its place; `None` also for a general table.
///
/// # Safety
/// `dict` is a live dict; `key` is a live exact str; the GIL is held.
pub unsafe fn get(dict: *mut PyObject, key: *mut PyObject) -> Option<(EntryIndex, *mut PyObject)> {
    // SAFETY: the caller guarantees dict and key; the kind is asked before use.
    unsafe {
        let keys = keys(dict);
        let kind = kind(keys);
        if kind == Kind::General {
            return None;
        }
        let index = lookup(keys, key)?;
        let value = if kind == Kind::Split {
            *(&raw mut (*(*dict.cast::<PyDictObject>()).ma_values).values)
                .cast::<*mut PyObject>()
                .add(index.0)
        } else {
            *value_slot(keys, index)
        };
        (!value.is_null()).then_some((index, value))
    }
}

/// Numbers of our own; CPython's count upward from 2 and would need 2^31 specializations to get here.
static NEXT_KEYS_VERSION: AtomicU32 = AtomicU32::new(0x8000_0000);

/// The version of a table's keys, a new one if it has none (`_PyDictKeys_GetVersionForCurrentState`); 0 if numbers ran out.
/// While `dk_version` keeps this value, each key keeps its entry and no key is added.
///
/// # Safety
/// `keys` is alive; the GIL is held.
pub unsafe fn keys_version(keys: *mut Keys) -> u32 {
    // SAFETY: the caller guarantees the keys; the GIL protects the field.
    unsafe {
        if (*keys).dk_version == 0 {
            let number = NEXT_KEYS_VERSION.load(Relaxed);
            if number != 0 {
                NEXT_KEYS_VERSION.store(number.wrapping_add(1), Relaxed);
            }
            (*keys).dk_version = number;
        }
        (*keys).dk_version
    }
}

/// Whether the garbage collector watches a dict: one that holds only what it does not watch either is left alone.
///
/// # Safety
/// `dict` is a live dict.
#[inline(always)]
pub unsafe fn is_tracked(dict: *mut PyObject) -> bool {
    // SAFETY: each dict has a head before it.
    unsafe { (*dict.cast::<PyGC_Head>().sub(1))._gc_next != 0 }
}

/// CPython's count of dict versions is not exported; ours starts far above it.
static NEXT_DICT_VERSION: AtomicU64 = AtomicU64::new(1 << 63);

/// Gives a dict a fresh `ma_version_tag`, as each store into it must (`DICT_NEXT_VERSION`).
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
