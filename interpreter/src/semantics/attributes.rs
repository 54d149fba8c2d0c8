//! Attributes: resolved to a plan, then carried out under the plan's conditions.
//!
//! A plan says where the value is while the type has a version: an inline value, a slot, an entry of a module's dict, or,
//! for methods, a function of the type. What has no plan goes through CPython's functions. Only the recorder asks for one: warm code
//! has handlers of its own (`warm::attributes`), and cold code does not run often enough.

use super::{done_int, name};
use crate::field::{Field, MODULE_DICT, Region, TypeOf};
use crate::helpers;
use crate::keys;
use crate::machine::{Arg, Flow, Machine};
use capi::refs::type_of;
use capi::sys::{self, PyObject, PyTypeObject};

/// Where an attribute is.
#[derive(Clone, Copy)]
enum Place {
    /// This inline value of an instance.
    Inline(u16),
    /// The slot at this byte offset.
    Slot(u16),
    /// This entry of a module's dict, whose keys have the version.
    Module(u16),
    /// A function of the type; instances have inline values and no attribute of this name.
    MethodInline {
        /// Of the type's cached keys.
        keys_version: u32,
        /// Borrowed from the type while it has the version.
        method: *mut PyObject,
    },
    /// A function of a type whose instances have no dict; borrowed as above.
    Method(*mut PyObject),
}

/// Where an attribute is as long as the owner's type, or the keys of a module's dict, have this version.
#[derive(Clone, Copy)]
struct Plan {
    place: Place,
    version: u32,
}

/// The plan for this instruction and owner.
#[inline(always)]
fn plan<M: Machine>(m: &mut M, owner: M::Obj, name_index: usize, kind: Kind) -> Option<Plan> {
    if !m.may_specialise() {
        return None;
    }
    let address = m.peek_address(owner);
    // SAFETY: a live object, a name of the code.
    unsafe {
        let name = *helpers::tuple_items((*m.code()).co_names).add(name_index);
        find(address, name, kind)
    }
}

/// What the look-up is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Load,
    Store,
    Method,
}

unsafe fn find(owner: *mut PyObject, name: *mut PyObject, kind: Kind) -> Option<Plan> {
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
            if managed {
                let keys = (*ty.cast::<sys::PyHeapTypeObject>()).ht_cached_keys;
                if keys.is_null() || keys::entry_of(keys, name).is_some() {
                    return None;
                }
                let keys_version = keys::assign_version(keys);
                if keys_version == 0 {
                    return None;
                }
                let place = Place::MethodInline { keys_version, method: descriptor };
                return Some(Plan { place, version });
            }
            if (*ty).tp_dictoffset != 0 {
                return None;
            }
            return Some(Plan { place: Place::Method(descriptor), version });
        }
        if !managed || kind == Kind::Method {
            return None;
        }
        let keys = (*ty.cast::<sys::PyHeapTypeObject>()).ht_cached_keys;
        if keys.is_null() {
            return None;
        }
        let index = u16::try_from(keys::entry_of(keys, name)?).ok()?;
        Some(Plan { place: Place::Inline(index), version })
    }
}

unsafe fn find_in_module(module: *mut PyObject, name: *mut PyObject) -> Option<Plan> {
    // SAFETY: an exact module, which has a dict.
    unsafe {
        let dict = (*module.cast::<sys::PyModuleObject>()).md_dict;
        match keys::find(dict, name) {
            keys::Entry::At { index, version } => Some(Plan { place: Place::Module(index), version }),
            _ => None,
        }
    }
}

unsafe fn find_slot(
    ty: *mut PyTypeObject,
    descriptor: *mut sys::PyMemberDescrObject,
    version: u32,
    kind: Kind,
) -> Option<Plan> {
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
        Some(Plan { place: Place::Slot(index), version })
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
fn value_of<M: Machine>(m: &mut M, owner: M::Obj, plan: Plan) -> M::Obj {
    match plan.place {
        Place::Inline(index) if has_type_version(m, owner, plan.version) && m.has_inline_values(owner) => {
            return m.instance_value(owner, index.into());
        }
        Place::Slot(offset) if has_type_version(m, owner, plan.version) => {
            return m.load_obj(owner, slot(offset));
        }
        Place::Module(index) if m.is_type(owner, TypeOf::Module) => {
            let dict = m.load_obj(owner, MODULE_DICT);
            if m.is_keys_version(dict, plan.version) {
                return m.dict_value(dict, index.into());
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
    if let Some(plan) = plan(m, owner, name_index, Kind::Load) {
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
    match plan(m, owner, name_index, Kind::Store) {
        Some(Plan { place: Place::Inline(index), version })
            if has_type_version(m, owner, version) && m.has_inline_values(owner) =>
        {
            let index = usize::from(index);
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
        Some(Plan { place: Place::Slot(offset), version }) if has_type_version(m, owner, version) => {
            let before = m.load_obj(owner, slot(offset));
            let unset = m.is_null(before);
            if !unset {
                m.will_drop(before);
            }
            m.will_drop(owner);
            m.shrink(2);
            let old = m.swap_obj(owner, slot(offset), value);
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
    match plan(m, owner, name_index, Kind::Method) {
        Some(Plan { place: Place::MethodInline { keys_version, method }, version }) => {
            let address = m.peek_address(owner);
            // SAFETY: a live object.
            let ty = unsafe { type_of(address) };
            if has_type_version(m, owner, version)
                && m.has_inline_values(owner)
                && m.is_cached_keys_version(ty, keys_version)
            {
                return push_method(m, owner, method);
            }
        }
        Some(Plan { place: Place::Method(method), version }) if has_type_version(m, owner, version) => {
            return push_method(m, owner, method);
        }
        Some(plan @ Plan { place: Place::Module(_), .. }) => {
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
