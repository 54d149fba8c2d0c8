//! Attributes: resolved once to a plan (kept in the inline cache), then carried out under the plan's conditions.
//!
//! A plan says where the value is while the type has a version: an inline value, a slot, an entry of a module's dict, or,
//! for methods, a function of the type. What has no plan goes through CPython's functions.

use super::{done_int, name};
use crate::field::{Field, MODULE_DICT, Region, TypeOf};
use crate::helpers;
use crate::keys;
use crate::machine::{Arg, Flow, Machine};
use capi::refs::type_of;
use capi::sys::{self, PyObject, PyTypeObject};

/// Where an attribute is.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u16)]
pub(crate) enum Place {
    /// Not resolved yet.
    Unresolved = 0,
    /// No plan; `index` counts down to the next try.
    None = 1,
    /// Inline value `index` of an instance whose type has `version`.
    Inline = 2,
    /// The slot at byte offset `index`.
    Slot = 3,
    /// Entry `index` of the dict, whose keys have `version`, of a module.
    Module = 4,
    /// The function `value` of the type; instances have inline values and no attribute of this name.
    MethodInline = 5,
    /// The function `value` of a type whose instances have no dict.
    Method = 6,
}

impl Place {
    fn from(number: u16) -> Place {
        match number {
            1 => Place::None,
            2 => Place::Inline,
            3 => Place::Slot,
            4 => Place::Module,
            5 => Place::MethodInline,
            6 => Place::Method,
            _ => Place::Unresolved,
        }
    }
}

/// The inline cache of `LOAD_ATTR` and `STORE_ATTR` (four units), and the start of that of `LOAD_METHOD` (ten units).
#[repr(C, packed(2))]
#[derive(Clone, Copy)]
pub(crate) struct AttributeCache {
    pub(crate) place: u16,
    pub(crate) index: u16,
    pub(crate) version: u32,
}

/// The inline cache of `LOAD_METHOD`.
#[repr(C, packed(2))]
#[derive(Clone, Copy)]
pub(crate) struct MethodCache {
    pub(crate) attribute: AttributeCache,
    pub(crate) keys_version: u32,
    /// Borrowed from the type while it has the version.
    pub(crate) value: *mut PyObject,
}

/// Executions after which a place without a plan is looked at again.
const RETRY: u16 = 200;

/// What a plan is asked about: the type, and for modules the version of the dict's keys.
#[inline(always)]
fn current_version<M: Machine>(m: &mut M, place: Place, owner: M::Obj) -> u32 {
    let owner = m.peek_address(owner);
    // SAFETY: a live object; modules have a dict.
    unsafe {
        if place == Place::Module {
            if type_of(owner) != &raw mut sys::PyModule_Type {
                return 0;
            }
            keys::version((*owner.cast::<sys::PyModuleObject>()).md_dict)
        } else {
            (*type_of(owner)).tp_version_tag
        }
    }
}

/// The plan for this instruction and owner.
#[inline(always)]
fn plan<M: Machine>(m: &mut M, owner: M::Obj, name_index: usize, kind: Kind) -> AttributeCache {
    if !m.may_specialise() {
        return AttributeCache { place: Place::None as u16, index: 0, version: 0 };
    }
    let cache = m.inline_cache().cast::<AttributeCache>();
    // SAFETY: the instruction has four cache units or more, which are ours.
    let seen = unsafe { *cache };
    let place = Place::from(seen.place);
    if place == Place::None {
        // SAFETY: as above.
        unsafe {
            if seen.index == 0 {
                (*cache).place = Place::Unresolved as u16;
            } else {
                (*cache).index = seen.index - 1;
            }
        }
        return seen;
    }
    if place != Place::Unresolved && seen.version == current_version(m, place, owner) {
        return seen;
    }
    let address = m.peek_address(owner);
    // SAFETY: a live object, a name of the code, this instruction's own cache.
    unsafe {
        let name = *helpers::tuple_items((*m.code()).co_names).add(name_index);
        resolve(address, name, cache, kind)
    }
}

/// What the look-up is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Load,
    Store,
    Method,
}

/// Finds a plan and keeps it.
#[cold]
#[inline(never)]
unsafe fn resolve(
    owner: *mut PyObject,
    name: *mut PyObject,
    cache: *mut AttributeCache,
    kind: Kind,
) -> AttributeCache {
    // SAFETY: by the caller.
    unsafe {
        let found = find(owner, name, cache, kind).unwrap_or(AttributeCache {
            place: Place::None as u16,
            index: RETRY,
            version: 0,
        });
        *cache = found;
        found
    }
}

unsafe fn find(
    owner: *mut PyObject,
    name: *mut PyObject,
    cache: *mut AttributeCache,
    kind: Kind,
) -> Option<AttributeCache> {
    // SAFETY: by the caller; layouts are used after flags and types were looked at.
    unsafe {
        let ty = type_of(owner);
        if ty == &raw mut sys::PyModule_Type {
            return if kind == Kind::Store { None } else { find_in_module(owner, name) };
        }
        let standard = match kind {
            Kind::Store => (*ty).tp_setattro.is_some_and(|f| {
                std::ptr::fn_addr_eq(f, sys::PyObject_GenericSetAttr as unsafe extern "C" fn(_, _, _) -> _)
            }),
            _ => (*ty).tp_getattro.is_some_and(|f| {
                std::ptr::fn_addr_eq(f, sys::PyObject_GenericGetAttr as unsafe extern "C" fn(_, _) -> _)
            }),
        };
        if !standard {
            return None;
        }
        // Assigns a version tag if it can.
        let descriptor = sys::_PyType_Lookup(ty, name);
        let version = (*ty).tp_version_tag;
        if version == 0 || (*ty).tp_flags & u64::from(sys::Py_TPFLAGS_VALID_VERSION_TAG) == 0 {
            return None;
        }
        let managed = (*ty).tp_flags & u64::from(sys::Py_TPFLAGS_MANAGED_DICT) != 0;
        if !descriptor.is_null() {
            let descriptor_type = type_of(descriptor);
            if descriptor_type == &raw mut sys::PyMemberDescr_Type && kind != Kind::Method {
                return find_slot(ty, descriptor.cast(), version, kind);
            }
            let method = (*descriptor_type).tp_flags & u64::from(sys::Py_TPFLAGS_METHOD_DESCRIPTOR) != 0;
            if kind != Kind::Method || !method {
                return None;
            }
            let method_cache = cache.cast::<MethodCache>();
            if managed {
                let keys = (*ty.cast::<sys::PyHeapTypeObject>()).ht_cached_keys;
                if keys.is_null() || keys::entry_of(keys, name).is_some() {
                    return None;
                }
                let keys_version = keys::assign_version(keys);
                if keys_version == 0 {
                    return None;
                }
                (*method_cache).keys_version = keys_version;
                (*method_cache).value = descriptor;
                return Some(AttributeCache { place: Place::MethodInline as u16, index: 0, version });
            }
            if (*ty).tp_dictoffset != 0 {
                return None;
            }
            (*method_cache).value = descriptor;
            return Some(AttributeCache { place: Place::Method as u16, index: 0, version });
        }
        if !managed || kind == Kind::Method {
            return None;
        }
        let keys = (*ty.cast::<sys::PyHeapTypeObject>()).ht_cached_keys;
        if keys.is_null() {
            return None;
        }
        let index = u16::try_from(keys::entry_of(keys, name)?).ok()?;
        Some(AttributeCache { place: Place::Inline as u16, index, version })
    }
}

unsafe fn find_in_module(module: *mut PyObject, name: *mut PyObject) -> Option<AttributeCache> {
    // SAFETY: an exact module, which has a dict.
    unsafe {
        let dict = (*module.cast::<sys::PyModuleObject>()).md_dict;
        match keys::find(dict, name) {
            keys::Entry::At { index, version } => {
                Some(AttributeCache { place: Place::Module as u16, index, version })
            }
            _ => None,
        }
    }
}

unsafe fn find_slot(
    ty: *mut PyTypeObject,
    descriptor: *mut sys::PyMemberDescrObject,
    version: u32,
    kind: Kind,
) -> Option<AttributeCache> {
    // SAFETY: a member descriptor found in the type.
    unsafe {
        let member = (*descriptor).d_member;
        if (*member).type_ != sys::T_OBJECT_EX as i32 || (*descriptor).d_common.d_type.is_null() {
            return None;
        }
        if sys::PyType_IsSubtype(ty, (*descriptor).d_common.d_type) == 0 {
            return None;
        }
        let flags = (*member).flags as u32;
        if flags & sys::PY_AUDIT_READ != 0 || (kind == Kind::Store && flags & sys::READONLY != 0) {
            return None;
        }
        let index = u16::try_from((*member).offset).ok()?;
        Some(AttributeCache { place: Place::Slot as u16, index, version })
    }
}

fn slot(offset: u16) -> Field {
    Field { name: "slot", offset: offset.into(), region: Region::Instance }
}

/// Asks that the owner's type has the plan's version.
#[inline(always)]
fn has_type_version<M: Machine>(m: &mut M, owner: M::Obj, version: u32) -> bool {
    let address = m.peek_address(owner);
    // SAFETY: a live object.
    let ty = unsafe { type_of(address) };
    m.is_type_object(owner, ty) && m.is_type_version(ty, version)
}

/// Borrows the value that a plan leads to; null when it does not hold or the attribute is unset.
#[inline(always)]
fn value_of<M: Machine>(m: &mut M, owner: M::Obj, plan: AttributeCache) -> M::Obj {
    match Place::from(plan.place) {
        Place::Inline if has_type_version(m, owner, plan.version) && m.has_inline_values(owner) => {
            return m.instance_value(owner, plan.index.into());
        }
        Place::Slot if has_type_version(m, owner, plan.version) => {
            return m.load_obj(owner, slot(plan.index));
        }
        Place::Module if m.is_type(owner, TypeOf::Module) => {
            let dict = m.load_obj(owner, MODULE_DICT);
            if m.is_keys_version(dict, plan.version) {
                return m.dict_value(dict, plan.index.into());
            }
        }
        _ => {}
    }
    m.null()
}

/// `LOAD_ATTR`
#[inline(always)]
pub fn load_attr<M: Machine>(m: &mut M, name_index: usize) -> Flow {
    let owner = m.peek(1);
    let plan = plan(m, owner, name_index, Kind::Load);
    if plan.place > Place::None as u16 {
        let value = value_of(m, owner, plan);
        if !m.is_null(value) {
            m.will_drop(owner);
            m.incref(value);
            m.poke(1, value);
            m.decref(owner);
            return Flow::Next;
        }
    }
    m.will_drop(owner);
    let name = name(m, name_index);
    let value = m.call_obj(&helpers::GET_ATTR, [Arg::Obj(owner), Arg::Obj(name)]);
    if !m.succeeded(value) {
        return Flow::Raise;
    }
    m.poke(1, value);
    m.decref(owner);
    Flow::Next
}

/// `STORE_ATTR`: value, owner.
#[inline(always)]
pub fn store_attr<M: Machine>(m: &mut M, name_index: usize) -> Flow {
    let owner = m.peek(1);
    let value = m.peek(2);
    let plan = plan(m, owner, name_index, Kind::Store);
    match Place::from(plan.place) {
        Place::Inline if has_type_version(m, owner, plan.version) && m.has_inline_values(owner) => {
            let index = usize::from(plan.index);
            let before = m.instance_value(owner, index);
            if m.is_null(before) {
                m.will_drop(owner);
                m.call_int(&helpers::INSTANCE_INSERT, [Arg::Obj(owner), Arg::Const(index), Arg::Obj(value)]);
                m.shrink(2);
                // The instance holds it now.
                m.decref(value);
                m.decref(owner);
                return Flow::Next;
            }
            m.will_drop(before);
            m.will_drop(owner);
            m.shrink(2);
            let old = m.swap_instance_value(owner, index, value);
            m.decref(old);
            m.decref(owner);
            return Flow::Next;
        }
        Place::Slot if has_type_version(m, owner, plan.version) => {
            let before = m.load_obj(owner, slot(plan.index));
            let unset = m.is_null(before);
            if !unset {
                m.will_drop(before);
            }
            m.will_drop(owner);
            m.shrink(2);
            let old = m.swap_obj(owner, slot(plan.index), value);
            if !unset {
                m.decref(old);
            }
            m.decref(owner);
            return Flow::Next;
        }
        _ => {}
    }
    m.will_drop(value);
    m.will_drop(owner);
    let name = name(m, name_index);
    let status = m.call_int(&helpers::SET_ATTR, [Arg::Obj(owner), Arg::Obj(name), Arg::Obj(value)]);
    m.shrink(2);
    m.decref(value);
    m.decref(owner);
    done_int(m, status)
}

/// `LOAD_METHOD`: leaves method and object, or NULL and a callable.
#[inline(always)]
pub fn load_method<M: Machine>(m: &mut M, name_index: usize) -> Flow {
    let owner = m.peek(1);
    let plan = plan(m, owner, name_index, Kind::Method);
    let cache = m.inline_cache().cast::<MethodCache>();
    match Place::from(plan.place) {
        Place::MethodInline => {
            // SAFETY: LOAD_METHOD has ten cache units, filled with the plan.
            let (keys_version, method) = unsafe { ((*cache).keys_version, (*cache).value) };
            let address = m.peek_address(owner);
            // SAFETY: a live object.
            let ty = unsafe { type_of(address) };
            if has_type_version(m, owner, plan.version)
                && m.has_inline_values(owner)
                && m.is_cached_keys_version(ty, keys_version)
            {
                return push_method(m, owner, method);
            }
            // SAFETY: this instruction's own cache: a new key is a reason to resolve again.
            unsafe { (*cache).attribute.place = Place::Unresolved as u16 };
        }
        Place::Method => {
            // SAFETY: as above.
            let method = unsafe { (*cache).value };
            if has_type_version(m, owner, plan.version) {
                return push_method(m, owner, method);
            }
        }
        Place::Module => {
            let value = value_of(m, owner, plan);
            if !m.is_null(value) {
                m.will_drop(owner);
                m.incref(value);
                let null = m.null();
                m.poke(1, null);
                m.push(value);
                m.decref(owner);
                return Flow::Next;
            }
        }
        _ => {}
    }
    let name = name(m, name_index);
    if let Some((method, unbound)) = m.may_look_up_method(owner, name) {
        if !m.succeeded(method) {
            return Flow::Raise;
        }
        if unbound {
            m.poke(1, method);
            m.push(owner);
            return Flow::Next;
        }
        let null = m.null();
        m.poke(1, null);
        m.push(method);
        m.decref(owner);
        return Flow::Next;
    }
    m.will_drop(owner);
    let callable = m.call_obj(&helpers::GET_ATTR, [Arg::Obj(owner), Arg::Obj(name)]);
    if !m.succeeded(callable) {
        return Flow::Raise;
    }
    let null = m.null();
    m.poke(1, null);
    m.push(callable);
    m.decref(owner);
    Flow::Next
}

/// The method and the object, whose reference stays where it was.
#[inline(always)]
fn push_method<M: Machine>(m: &mut M, owner: M::Obj, method: *mut PyObject) -> Flow {
    let method = m.known(method);
    m.incref(method);
    m.poke(1, method);
    m.push(owner);
    Flow::Next
}

/// `DELETE_ATTR`
#[inline(always)]
pub fn delete_attr<M: Machine>(m: &mut M, name_index: usize) -> Flow {
    let owner = m.peek(1);
    m.will_drop(owner);
    let name = name(m, name_index);
    let null = m.null();
    let status = m.call_int(&helpers::SET_ATTR, [Arg::Obj(owner), Arg::Obj(name), Arg::Obj(null)]);
    m.shrink(1);
    m.decref(owner);
    done_int(m, status)
}
