//! `LOAD_GLOBAL` with the look-up kept: where in the keys the value is, while they have this version.

use super::{Unit, handlers, width};
use crate::{helpers, keys};
use capi::opcode as op;
use capi::refs::type_of;
use capi::sys::{self, PyDictKeysObject, PyDictObject, PyDictUnicodeEntry, PyObject};

/// The inline cache.
#[repr(C)]
struct Cache {
    /// Executions until the name is looked for again.
    counter: u32,
    /// Of the entry's value, in bytes from the beginning of the keys. Keys of one version have one layout.
    offset: u32,
    /// Version of the globals' keys.
    globals: u32,
    /// Version of the builtins' keys, or 0.
    builtins: u32,
}

/// Executions of the full opcode before a name is looked for again.
const RETRY: u32 = 200;

/// Units of `LOAD_GLOBAL`.
const WIDTH: usize = width(op::LOAD_GLOBAL);

const _: () = assert!(size_of::<Cache>() <= (WIDTH - 1) * size_of::<Unit>());

/// `Cache::offset` of entry `index` of unicode keys.
unsafe fn offset_of(dict: *mut PyObject, index: u16) -> u32 {
    // SAFETY: by the caller: an exact dict with such keys and that many entries.
    unsafe {
        let keys = (*dict.cast::<PyDictObject>()).ma_keys;
        let entry = keys::entries(keys).cast::<PyDictUnicodeEntry>().add(index.into());
        (&raw const (*entry).me_value).byte_offset_from(keys) as u32
    }
}

/// The value of that entry; null when it was deleted.
#[inline(always)]
unsafe fn value_at(keys: *mut PyDictKeysObject, offset: u32) -> *mut PyObject {
    // SAFETY: by the caller: the keys have the version with which the offset was taken.
    unsafe { *keys.byte_add(offset as usize).cast::<*mut PyObject>() }
}

handlers! {
    /// `LOAD_GLOBAL` that has not been resolved.
    fn load_global(w, arg) {
        let cache = w.cache::<Cache>(1);
        if (*cache).counter > 0 {
            (*cache).counter -= 1;
            return w.full(arg);
        }
        (*cache).counter = RETRY;
        let name = *helpers::tuple_items((*w.code()).co_names).add(arg >> 1);
        let (globals, builtins) = ((*w.frame).f_globals, (*w.frame).f_builtins);
        match keys::find(globals, name) {
            keys::Entry::At { index, version } => {
                *cache = Cache { counter: 0, offset: offset_of(globals, index), globals: version, builtins: 0 };
                (*w.ip).handler = if arg & 1 != 0 { from_globals::<true> } else { from_globals::<false> };
            }
            keys::Entry::Absent { version: absent } => {
                if let keys::Entry::At { index, version } = keys::find(builtins, name) {
                    let offset = offset_of(builtins, index);
                    *cache = Cache { counter: 0, offset, globals: absent, builtins: version };
                    (*w.ip).handler = if arg & 1 != 0 { from_builtins::<true> } else { from_builtins::<false> };
                }
            }
            keys::Entry::Unknown => {}
        }
        w.full(arg)
    }

    fn from_globals<const NULL: bool>(w, arg) {
        let cache = w.cache::<Cache>(1);
        // Globals are a dict or of a subclass, whose keys never get a version from us.
        let keys = (*(*w.frame).f_globals.cast::<PyDictObject>()).ma_keys;
        if (*keys).dk_version != (*cache).globals {
            return w.instead(lost, arg);
        }
        let value = value_at(keys, (*cache).offset);
        if value.is_null() {
            return w.instead(lost, arg);
        }
        (*value).ob_refcnt += 1;
        if NULL {
            w.push(std::ptr::null_mut());
        }
        w.push(value);
        w.next(WIDTH)
    }

    fn from_builtins<const NULL: bool>(w, arg) {
        let cache = w.cache::<Cache>(1);
        let globals = (*(*w.frame).f_globals.cast::<PyDictObject>()).ma_keys;
        let builtins = (*w.frame).f_builtins;
        if (*globals).dk_version != (*cache).globals || type_of(builtins) != &raw mut sys::PyDict_Type {
            return w.instead(lost, arg);
        }
        let keys = (*builtins.cast::<PyDictObject>()).ma_keys;
        if (*keys).dk_version != (*cache).builtins {
            return w.instead(lost, arg);
        }
        let value = value_at(keys, (*cache).offset);
        if value.is_null() {
            return w.instead(lost, arg);
        }
        (*value).ob_refcnt += 1;
        if NULL {
            w.push(std::ptr::null_mut());
        }
        w.push(value);
        w.next(WIDTH)
    }

    /// What was found does not hold any more.
    fn lost(w, arg) {
        let cache = w.cache::<Cache>(1);
        (*cache).counter = RETRY / 8;
        (*w.ip).handler = load_global;
        w.full(arg)
    }
}
