//! Globals, builtins, and the names of module bodies.
//!
//! A look-up in dicts with string keys is resolved once to "entry `index` while the keys have this version" and kept in
//! the instruction's inline cache; carrying it out asks for the versions, so that a recorder guards them.

use super::{done, done_int, name};
use crate::helpers;
use crate::keys;
use crate::machine::{Arg, Flow, Machine};
use capi::sys;

/// The inline cache of `LOAD_GLOBAL`: five units.
#[repr(C, packed(2))]
pub(crate) struct GlobalCache {
    pub(crate) index: u16,
    /// Version of the globals' keys; 0: not resolved.
    pub(crate) globals: u32,
    /// Version of the builtins' keys; 0: the name is in the globals.
    pub(crate) builtins: u32,
}

/// `LOAD_GLOBAL`: name `arg >> 1`; pushes a NULL first when `arg & 1`.
#[inline(always)]
pub fn load_global<M: Machine>(m: &mut M, arg: usize) -> Flow {
    if !m.may_specialise() {
        return load_anew(m, arg);
    }
    let globals = m.globals();
    let cache = m.inline_cache().cast::<GlobalCache>();
    // SAFETY: LOAD_GLOBAL has five cache units, which are ours.
    let mut plan = unsafe { (cache.read().index, cache.read().globals, cache.read().builtins) };
    if plan.1 == 0 || keys::version(m.peek_address(globals)) != plan.1 {
        plan = resolve_global(m, arg >> 1);
    }
    if plan.1 != 0 && m.is_keys_version(globals, plan.1) {
        let found = if plan.2 == 0 {
            m.dict_value(globals, plan.0.into())
        } else {
            let builtins = m.builtins();
            if keys::version(m.peek_address(builtins)) != plan.2 {
                plan = resolve_global(m, arg >> 1);
            }
            if plan.2 != 0 && m.is_keys_version(builtins, plan.2) {
                m.dict_value(builtins, plan.0.into())
            } else {
                m.null()
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

/// Fills the cache; all zero when the name can't be cached.
#[inline(always)]
fn resolve_global<M: Machine>(m: &mut M, name_index: usize) -> (u16, u32, u32) {
    let globals = m.globals();
    let globals = m.peek_address(globals);
    let builtins = m.builtins();
    let builtins = m.peek_address(builtins);
    let cache = m.inline_cache();
    // SAFETY: the frame's namespaces are live objects; the cache is this instruction's own.
    unsafe { fill_global_cache(m.code(), name_index, globals, builtins, cache.cast()) }
}

#[cold]
#[inline(never)]
unsafe fn fill_global_cache(
    code: *mut sys::PyCodeObject,
    name_index: usize,
    globals: *mut sys::PyObject,
    builtins: *mut sys::PyObject,
    cache: *mut GlobalCache,
) -> (u16, u32, u32) {
    // SAFETY: by the caller.
    unsafe {
        let name = *helpers::tuple_items((*code).co_names).add(name_index);
        let plan = match keys::find(globals, name) {
            keys::Entry::At { index, version } => (index, version, 0),
            keys::Entry::Absent { version: globals_version } => match keys::find(builtins, name) {
                keys::Entry::At { index, version } => (index, globals_version, version),
                _ => (0, 0, 0),
            },
            keys::Entry::Unknown => (0, 0, 0),
        };
        cache.write(GlobalCache { index: plan.0, globals: plan.1, builtins: plan.2 });
        plan
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
