//! Where attributes are, found once for an instruction of warm code and then kept in its cache.

use super::attributes::{Cache, values};
use crate::keys;
use capi::instance;
use capi::refs::type_of;
use capi::sys::{self, PyDictObject, PyObject, PyTypeObject};

/// Where an attribute was found.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Inline value `index` of an instance whose type has `version`.
    Inline,
    /// The slot at byte offset `index` of such an instance.
    Slot,
    /// Its dict, with the name `value`; for loads at entry `index`.
    Dict,
    /// Object `value` of the type: no descriptor, or a method for a call; the keys of version `keys` lack the name.
    Type,
    /// A method `value` of the type, of an instance with a dict of its own, which is to be asked.
    Private,
    /// A method `value` of the type, of an instance whose dict, at byte offset `index`, has not been made.
    Dictless,
    /// Entry `index` of a module's dict, whose keys have `version`.
    Module,
    /// Object `value` of the class with `version` that is the owner, whose metaclass has version `keys`: itself the attribute; where
    /// `index` is not 0, while it is no descriptor.
    Class,
    /// The same, a descriptor.
    ClassBound,
    /// Descriptor `value` of the type, which comes before the instance's attributes.
    Property,
    /// Descriptor `value` of the type, which comes after them; the keys of version `keys` lack the name.
    Bound,
}

/// What the attribute is looked up for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Load,
    Store,
    Method,
}

/// Finds where the attribute of such an owner is, and notes it in the cache.
#[cold]
#[inline(never)]
pub(super) unsafe fn resolve(
    owner: *mut PyObject,
    name: *mut PyObject,
    cache: &mut Cache,
    kind: Kind,
) -> Option<Place> {
    // SAFETY: a live object and an interned name; layouts are used after flags and types were looked at.
    unsafe {
        let ty = type_of(owner);
        if ty == &raw mut sys::PyModule_Type {
            return if kind == Kind::Store { None } else { resolve_in_module(owner, name, cache) };
        }
        if (*ty).tp_flags & u64::from(sys::Py_TPFLAGS_TYPE_SUBCLASS) != 0 {
            return if kind == Kind::Store {
                None
            } else {
                resolve_in_class(owner.cast(), name, cache, kind)
            };
        }
        let hooked = kind != Kind::Store && is_hooked(ty, &raw mut sys::PyBaseObject_Type);
        if !hooked && !has_generic_look_up(ty, kind) {
            return None;
        }
        // Assigns a version tag if it can.
        let descriptor = sys::_PyType_Lookup(ty, name);
        if (*ty).tp_flags & u64::from(sys::Py_TPFLAGS_VALID_VERSION_TAG) == 0 || (*ty).tp_version_tag == 0 {
            return None;
        }
        cache.version = (*ty).tp_version_tag;
        cache.keys = 0;
        let managed = instance::has_managed_dict(ty);
        let shared = if managed { instance::shared_keys(ty) } else { std::ptr::null_mut() };
        if descriptor.is_null() {
            if !managed {
                return None;
            }
            if !values(owner).is_null() {
                cache.index = keys::entry_of(shared, name)? as u32;
                return Some(Place::Inline);
            }
            let dict = (*instance::dict_pointer(owner)).cast::<PyDictObject>();
            if kind == Kind::Method || dict.is_null() || (*(*dict).ma_keys).dk_kind == keys::GENERAL {
                return None;
            }
            // The name lives as long as the code that has it.
            cache.value = name;
            if kind == Kind::Load {
                cache.index = keys::entry_of((*dict).ma_keys, name)? as u32;
            }
            return Some(Place::Dict);
        }
        let kind_of = type_of(descriptor);
        if managed && is_default(kind_of) && !values(owner).is_null() {
            // What the class has is what instances begin with.
            let index = keys::entry_of(shared, name);
            if let Some(index) = index
                && (kind == Kind::Store || !(*values(owner).add(index)).is_null())
            {
                cache.index = index as u32;
                return Some(Place::Inline);
            }
        }
        if kind_of == &raw mut sys::PyMemberDescr_Type
            && kind != Kind::Method
            && let Some(offset) = slot_offset(ty, descriptor.cast(), kind)
        {
            cache.index = offset;
            return Some(Place::Slot);
        }
        cache.value = descriptor;
        let is_method = (*kind_of).tp_flags & u64::from(sys::Py_TPFLAGS_METHOD_DESCRIPTOR) != 0;
        let place = match kind {
            Kind::Store => return None,
            Kind::Load if is_plain(kind_of) => Place::Type,
            Kind::Method if is_method => Place::Type,
            // An AttributeError of a descriptor would be the hook's.
            _ if hooked
                || (*kind_of).tp_flags & u64::from(sys::Py_TPFLAGS_IMMUTABLETYPE) == 0
                || (*kind_of).tp_descr_get.is_none() =>
            {
                return None;
            }
            Kind::Load if (*kind_of).tp_descr_set.is_some() => return Some(Place::Property),
            _ if (*kind_of).tp_descr_set.is_some() => return None,
            _ => Place::Bound,
        };
        if !managed {
            let offset = (*ty).tp_dictoffset;
            if offset == 0 {
                return Some(place);
            }
            if offset < 0
                || kind != Kind::Method
                || place != Place::Type
                || !(*owner.byte_offset(offset).cast::<*mut PyObject>()).is_null()
            {
                return None;
            }
            cache.index = u32::try_from(offset).ok()?;
            return Some(Place::Dictless);
        }
        let dict = *instance::dict_pointer(owner);
        let seen = if values(owner).is_null() && !dict.is_null() {
            if type_of(dict) != &raw mut sys::PyDict_Type {
                return None;
            }
            let own = (*dict.cast::<PyDictObject>()).ma_keys;
            if kind == Kind::Method && place == Place::Type && (*own).dk_kind == keys::UNICODE {
                return Some(Place::Private);
            }
            own
        } else {
            shared
        };
        if seen.is_null() || (*seen).dk_kind == keys::GENERAL || keys::entry_of(seen, name).is_some() {
            return None;
        }
        if !dict.is_null() && sys::PyDict_Contains(dict, name) != 0 {
            sys::PyErr_Clear();
            return None;
        }
        cache.keys = keys::assign_version(seen);
        (cache.keys != 0).then_some(place)
    }
}

unsafe fn resolve_in_module(module: *mut PyObject, name: *mut PyObject, cache: &mut Cache) -> Option<Place> {
    // SAFETY: an exact module, which has a dict.
    unsafe {
        // A module's own `__getattribute__` is the generic one; types' descriptors come first.
        if !sys::_PyType_Lookup(&raw mut sys::PyModule_Type, name).is_null() {
            return None;
        }
        match keys::find((*module.cast::<sys::PyModuleObject>()).md_dict, name) {
            keys::Entry::At { index, version } => {
                cache.index = index.into();
                cache.version = version;
                Some(Place::Module)
            }
            _ => None,
        }
    }
}

/// Whether instances of a type are no descriptors, and will not become any.
unsafe fn is_plain(ty: *mut PyTypeObject) -> bool {
    // SAFETY: a live type.
    unsafe {
        (*ty).tp_flags & u64::from(sys::Py_TPFLAGS_IMMUTABLETYPE) != 0
            && (*ty).tp_descr_get.is_none()
            && (*ty).tp_descr_set.is_none()
    }
}

/// What a class has, where its metaclass has nothing of the name and no way of its own.
unsafe fn resolve_in_class(
    class: *mut PyTypeObject,
    name: *mut PyObject,
    cache: &mut Cache,
    kind: Kind,
) -> Option<Place> {
    // SAFETY: a live class and name.
    unsafe {
        let valid = |ty: *mut PyTypeObject| {
            (*ty).tp_flags & u64::from(sys::Py_TPFLAGS_VALID_VERSION_TAG) != 0 && (*ty).tp_version_tag != 0
        };
        let meta = type_of(class.cast());
        let standard = sys::PyType_Type.tp_getattro;
        let hooked = is_hooked(meta, &raw mut sys::PyType_Type);
        if !hooked && (*meta).tp_getattro.map(|f| f as usize) != standard.map(|f| f as usize)
            || !sys::_PyType_Lookup(meta, name).is_null()
            || !valid(meta)
        {
            return None;
        }
        let value = sys::_PyType_Lookup(class, name);
        if value.is_null() || !valid(class) {
            return None;
        }
        cache.value = value;
        cache.version = (*class).tp_version_tag;
        cache.keys = (*meta).tp_version_tag;
        let value_type = type_of(value);
        let itself = value_type == &raw mut sys::PyFunction_Type
            || value_type == &raw mut sys::PyMethodDescr_Type
            || is_plain(value_type);
        // Of a class of Python's, which may become one of descriptors.
        cache.index = u32::from(!itself);
        if itself || (*value_type).tp_descr_get.is_none() {
            return Some(Place::Class);
        }
        let bound = kind == Kind::Method
            && !hooked
            && (*value_type).tp_flags & u64::from(sys::Py_TPFLAGS_IMMUTABLETYPE) != 0
            && (*value_type).tp_descr_get.is_some();
        bound.then_some(Place::ClassBound)
    }
}

/// Whether instances of a type are what a class may have where its instances have their own: no data descriptors, now or ever.
unsafe fn is_default(ty: *mut PyTypeObject) -> bool {
    // SAFETY: a live type.
    unsafe { (*ty).tp_flags & u64::from(sys::Py_TPFLAGS_IMMUTABLETYPE) != 0 && (*ty).tp_descr_set.is_none() }
}

/// Are attributes of instances of this type looked up as those of plain objects are?
pub(super) unsafe fn has_generic_look_up(ty: *mut PyTypeObject, kind: Kind) -> bool {
    // SAFETY: a live type.
    unsafe {
        match kind {
            Kind::Store => (*ty).tp_setattro.is_some_and(|f| {
                std::ptr::fn_addr_eq(f, sys::PyObject_GenericSetAttr as unsafe extern "C" fn(_, _, _) -> _)
            }),
            _ => (*ty).tp_getattro.is_some_and(|f| {
                std::ptr::fn_addr_eq(f, sys::PyObject_GenericGetAttr as unsafe extern "C" fn(_, _) -> _)
            }),
        }
    }
}

/// Has it a `__getattr__`, which is asked last, but the `__getattribute__` of `base`? Attributes that are found are then those that
/// `base` would find.
pub(super) unsafe fn is_hooked(ty: *mut PyTypeObject, base: *mut PyTypeObject) -> bool {
    // SAFETY: live types.
    unsafe {
        let of = |ty| sys::_PyType_Lookup(ty, capi::id!(___getattribute__));
        !sys::_PyType_Lookup(ty, capi::id!(___getattr__)).is_null() && of(ty) == of(base)
    }
}

/// Byte offset of a `__slots__` member, if reading (or writing) it means no more than that.
pub(super) unsafe fn slot_offset(
    ty: *mut PyTypeObject,
    descriptor: *mut sys::PyMemberDescrObject,
    kind: Kind,
) -> Option<u32> {
    // SAFETY: a member descriptor found in the type.
    unsafe {
        let member = (*descriptor).d_member;
        if (*member).type_ != sys::T_OBJECT_EX as i32
            || (*descriptor).d_common.d_type.is_null()
            || sys::PyType_IsSubtype(ty, (*descriptor).d_common.d_type) == 0
        {
            return None;
        }
        let flags = (*member).flags as u32;
        if flags & sys::PY_AUDIT_READ != 0 || (kind == Kind::Store && flags & sys::READONLY != 0) {
            return None;
        }
        u32::try_from((*member).offset).ok()
    }
}
