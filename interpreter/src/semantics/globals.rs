//! Globals, builtins, and the names of module bodies.
//!
//! A look-up in dicts with string keys is resolved to "entry `index` while the keys have this version"; carrying it out asks for the
//! versions, so that a recorder guards them.

use super::{done, done_int, name};
use crate::helpers;
use crate::keys;
use crate::machine::{Arg, Flow, Machine};
use capi::sys;

/// `LOAD_GLOBAL`: name `arg >> 1`; pushes a NULL first when `arg & 1`.
#[inline(always)]
pub fn load_global<M: Machine>(m: &mut M, arg: usize) -> Flow {
    if !m.may_specialise() {
        return load_anew(m, arg);
    }
    let globals = m.globals();
    if let Some(entry) = resolve_global(m, arg >> 1)
        && m.is_keys_version(globals, entry.globals)
    {
        let found = match entry.builtins {
            None => m.dict_value(globals, entry.index),
            Some(version) => {
                let builtins = m.builtins();
                if m.is_keys_version(builtins, version) {
                    m.dict_value(builtins, entry.index)
                } else {
                    m.null()
                }
            }
        };
        if !m.is_null(found) {
            m.incref(found);
            if arg & 1 != 0 {
                let null = m.null();
                m.push(null);
            }
            m.push(found);
            return Flow::Next;
        }
    }
    load_anew(m, arg)
}

/// Looks the name up, whatever is known of it.
#[inline(always)]
fn load_anew<M: Machine>(m: &mut M, arg: usize) -> Flow {
    let name = name(m, arg >> 1);
    let value = m.call_obj(&helpers::LOAD_GLOBAL, [Arg::Frame, Arg::Obj(name)]);
    if arg & 1 != 0 {
        let null = m.null();
        m.push(null);
    }
    m.push(value);
    done(m, value)
}

/// Where a global is.
struct GlobalEntry {
    index: usize,
    /// Version of the globals' keys.
    globals: u32,
    /// Version of the builtins' keys; `None`: the name is in the globals.
    builtins: Option<u32>,
}

/// Where the name is, if both dicts have versions.
#[inline(always)]
fn resolve_global<M: Machine>(m: &mut M, name_index: usize) -> Option<GlobalEntry> {
    let globals = m.globals();
    let globals = m.peek_address(globals);
    let builtins = m.builtins();
    let builtins = m.peek_address(builtins);
    // SAFETY: the frame's namespaces are live objects; a name of the code.
    unsafe {
        let name = *helpers::tuple_items((*m.code()).co_names).add(name_index);
        find_global(globals, builtins, name)
    }
}

#[cold]
#[inline(never)]
unsafe fn find_global(
    globals: *mut sys::PyObject,
    builtins: *mut sys::PyObject,
    name: *mut sys::PyObject,
) -> Option<GlobalEntry> {
    // SAFETY: by the caller.
    unsafe {
        match keys::find(globals, name) {
            keys::Entry::At { index, version } => {
                Some(GlobalEntry { index: index.into(), globals: version, builtins: None })
            }
            keys::Entry::Absent { version: globals } => match keys::find(builtins, name) {
                keys::Entry::At { index, version } => {
                    Some(GlobalEntry { index: index.into(), globals, builtins: Some(version) })
                }
                _ => None,
            },
            keys::Entry::Unknown => None,
        }
    }
}

/// `LOAD_NAME`. In a module body, where the namespace is the globals, a recorder treats it like a global.
#[inline(always)]
pub fn load_name<M: Machine>(m: &mut M, index: usize) -> Flow {
    if m.may_specialise() {
        let namespace = m.namespace();
        let globals = m.globals();
        let same = m.same(namespace, globals);
        if m.branch(same) {
            // SAFETY: the frame's globals are a live object, the name one of the code's.
            let entry = unsafe {
                let name = *helpers::tuple_items((*m.code()).co_names).add(index);
                let builtins = m.builtins();
                (keys::find(m.peek_address(globals), name), keys::find(m.peek_address(builtins), name))
            };
            let found = match entry {
                (keys::Entry::At { index, version }, _) if m.is_keys_version(globals, version) => {
                    m.dict_value(globals, index.into())
                }
                (keys::Entry::Absent { version: absent }, keys::Entry::At { index, version })
                    if m.is_keys_version(globals, absent) =>
                {
                    let builtins = m.builtins();
                    if m.is_keys_version(builtins, version) {
                        m.dict_value(builtins, index.into())
                    } else {
                        m.null()
                    }
                }
                _ => m.null(),
            };
            if !m.is_null(found) {
                m.incref(found);
                m.push(found);
                return Flow::Next;
            }
        }
    }
    let name = name(m, index);
    let value = m.call_obj(&helpers::LOAD_NAME, [Arg::Frame, Arg::Obj(name)]);
    m.push(value);
    done(m, value)
}

/// `STORE_NAME`
#[inline(always)]
pub fn store_name<M: Machine>(m: &mut M, index: usize) -> Flow {
    let name = name(m, index);
    let value = m.peek(1);
    let status = m.call_int(&helpers::STORE_NAME, [Arg::Frame, Arg::Obj(name), Arg::Obj(value)]);
    m.shrink(1);
    m.decref(value);
    done_int(m, status)
}

/// `STORE_GLOBAL`
#[inline(always)]
pub fn store_global<M: Machine>(m: &mut M, index: usize) -> Flow {
    let name = name(m, index);
    let globals = m.globals();
    let value = m.peek(1);
    let status = m.call_int(&helpers::DICT_SET, [Arg::Obj(globals), Arg::Obj(name), Arg::Obj(value)]);
    m.shrink(1);
    m.decref(value);
    done_int(m, status)
}
