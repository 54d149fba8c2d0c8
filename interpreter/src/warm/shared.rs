//! `LOAD_ATTR`, `STORE_ATTR` and `LOAD_METHOD` where the site itself remembers nothing: owners of many types, or ones whose look-up
//! has no handler of its own. What was found is kept for all sites in one table, by type, name and purpose.
//!
//! ```text
//! entry    version of the owner's type   name    purpose  ->  place, what it needs
//!          version of the class itself, where the owner is a class
//! ```
//!
//! Of an entry everything holds while the type has the version, but for what is asked at each use: whether the instance has an
//! attribute of its own, the metaclass's version, and what the type of a descriptor, which a program may change, makes of it.

use super::attributes::{Cache, call_descriptor, give, give_method, values};
use super::registers::Registers;
use super::resolve::{has_generic_look_up, is_hooked, slot_offset};
use super::{attributes, dispatch, handlers};
use crate::machine::Flow;
use crate::primitives::look_up_method;
use crate::{helpers, keys};
use capi::instance;
use capi::refs::{decref, type_of};
use capi::sys::{self, PyDictObject, PyHeapTypeObject, PyObject, PyTypeObject};
use std::ptr;

pub(super) use super::resolve::Kind;

/// Where an attribute is.
#[repr(u8)]
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Nowhere that is known here: the type's own function. `index` counts down to the next look.
    Unknown,
    /// The instance's own: inline value `index`, or in its dict. `value`, if any, is what the type has, no data descriptor.
    Instance,
    /// The slot at byte offset `index`.
    Slot,
    /// The same, for a load.
    LoadSlot,
    /// `value` itself, of the type; no descriptor, and the instance has none of its own.
    Type,
    /// The same, for a load, where nothing is left to be asked: values of that type are never descriptors, instances have no dict.
    LoadConstant,
    /// The method `value` of the type, for a call; the instance has no attribute of the name.
    Method,
    /// The same where instances have no dict.
    OnlyMethod,
    /// What the descriptor `value` of the type gives; likewise.
    Bound,
    /// What the data descriptor `value` of the type gives.
    Property,
    /// `value` of the class that is the owner, itself or, if it is a descriptor, what it gives; the metaclass has version `keys`.
    Class,
    /// What the descriptor `value` of the metaclass, of version `keys`, gives for the class.
    Meta,
}

/// A row of the table.
#[repr(C)]
struct Entry {
    /// Not 0, but where there is no name.
    version: u32,
    index: u32,
    /// A reference.
    name: *mut PyObject,
    /// Borrowed from the type.
    value: *mut PyObject,
    /// Version of the shared keys, in which the name is not; of the metaclass.
    keys: u32,
    place: Place,
    purpose: u8,
}

const SIZE: usize = 2048;
/// Uses of an entry without a place before the name is looked for again.
const RETRY: u32 = 250;
/// Executions of a site before it looks for a handler of its own again.
const PATIENCE: u16 = 2000;
/// Executions of a site where looking is futile before it looks again.
const PLAINLY: u16 = 64;
/// Added to the purpose where the owner is a class.
const OF_CLASS: u8 = 4;

const NONE: Entry = Entry {
    version: 0,
    index: 0,
    name: ptr::null_mut(),
    value: ptr::null_mut(),
    keys: 0,
    place: Place::Unknown,
    purpose: 0,
};
/// The GIL protects it.
static mut TABLE: [Entry; SIZE] = [NONE; SIZE];

/// Forgets all that was found, and drops the references to the names.
///
/// # Safety
/// The GIL is held.
pub(crate) unsafe fn forget_attributes() {
    for i in 0..SIZE {
        // SAFETY: by contract; names are exact strings, whose deaths run no code.
        unsafe {
            let entry = (&raw mut TABLE).cast::<Entry>().add(i);
            if !(*entry).name.is_null() {
                decref(entry.replace(NONE).name);
            }
        }
    }
}

/// The row for an owner, whoever has it, and what it must say: version and purpose.
#[inline(always)]
unsafe fn row(owner: *mut PyObject, name: *mut PyObject, kind: Kind) -> (*mut Entry, u32, u8) {
    // SAFETY: a live owner; an instance of a subclass of `type` is a type.
    unsafe {
        let ty = type_of(owner);
        let (version, purpose) = if is_type(ty) {
            ((*owner.cast::<PyTypeObject>()).tp_version_tag, kind as u8 | OF_CLASS)
        } else {
            ((*ty).tp_version_tag, kind as u8)
        };
        (place_of(version, name, purpose), version, purpose)
    }
}

/// The row for a version, name and purpose.
#[inline(always)]
fn place_of(version: u32, name: *mut PyObject, purpose: u8) -> *mut Entry {
    let hash = version as usize ^ name.addr() >> 4 ^ name.addr() >> 12 ^ usize::from(purpose) << 7;
    (&raw mut TABLE).cast::<Entry>().wrapping_add(hash % SIZE)
}

/// The entry for an owner; null when there is none.
#[inline(always)]
unsafe fn find(owner: *mut PyObject, name: *mut PyObject, kind: Kind) -> *mut Entry {
    // SAFETY: as `row`.
    unsafe {
        let (entry, version, purpose) = row(owner, name, kind);
        let fits = (*entry).version == version && (*entry).name == name && (*entry).purpose == purpose;
        if fits { entry } else { ptr::null_mut() }
    }
}

/// The entry for an owner that is no class; null when there is none, or when the owner may be a class. Of its purpose only the place may
/// tell.
#[inline(always)]
unsafe fn find_of_instance(owner: *mut PyObject, name: *mut PyObject, kind: Kind) -> *mut Entry {
    // SAFETY: a live owner. An entry with the version of a metaclass is none: of owners that are classes they have the class's.
    unsafe {
        let version = (*type_of(owner)).tp_version_tag;
        let entry = place_of(version, name, kind as u8);
        if (*entry).version == version && (*entry).name == name { entry } else { ptr::null_mut() }
    }
}

/// Are instances of this type types?
#[inline(always)]
unsafe fn is_type(ty: *mut PyTypeObject) -> bool {
    // SAFETY: a live type.
    unsafe { (*ty).tp_flags & u64::from(sys::Py_TPFLAGS_TYPE_SUBCLASS) != 0 }
}

/// The name that the instruction has.
#[inline(always)]
unsafe fn name_of(w: &Registers, arg: usize) -> *mut PyObject {
    // SAFETY: the machine's invariant.
    unsafe { *helpers::tuple_items((*w.code()).co_names).add(arg) }
}

#[inline(always)]
unsafe fn has_get(descriptor: *mut PyObject) -> bool {
    // SAFETY: a live object.
    unsafe { (*type_of(descriptor)).tp_descr_get.is_some() }
}

#[inline(always)]
unsafe fn has_set(descriptor: *mut PyObject) -> bool {
    // SAFETY: a live object.
    unsafe { (*type_of(descriptor)).tp_descr_set.is_some() }
}

/// Does it come before what an instance has?
#[inline(always)]
unsafe fn is_data(descriptor: *mut PyObject) -> bool {
    // SAFETY: a live object.
    unsafe { has_get(descriptor) && has_set(descriptor) }
}

/// Whether an instance with inline values, or without any dict, lacks the attribute; no where that is not known at once.
#[inline(always)]
unsafe fn lacks_at_once(o: *mut PyObject, entry: *mut Entry) -> bool {
    // SAFETY: an instance of the type of the entry's version.
    unsafe {
        let ty = type_of(o);
        if !instance::has_managed_dict(ty) {
            return (*ty).tp_dictoffset == 0;
        }
        if values(o).is_null() {
            return (*instance::dict_pointer(o)).is_null();
        }
        (*(*ty.cast::<PyHeapTypeObject>()).ht_cached_keys).dk_version == (*entry).keys && (*entry).keys != 0
    }
}

/// The same, of any instance.
unsafe fn lacks(o: *mut PyObject, entry: *mut Entry) -> bool {
    // SAFETY: as above; the place of a dict that is not managed is asked for without making one.
    unsafe {
        if lacks_at_once(o, entry) {
            return true;
        }
        let dict = if !instance::has_managed_dict(type_of(o)) {
            let place = sys::_PyObject_GetDictPtr(o);
            if place.is_null() { ptr::null_mut() } else { *place }
        } else if values(o).is_null() {
            *instance::dict_pointer(o)
        } else {
            let shared = instance::shared_keys(type_of(o));
            if keys::entry_of(shared, (*entry).name).is_some() {
                return false;
            }
            // Another name has come.
            (*entry).keys = keys::assign_version(shared);
            return true;
        };
        dict.is_null() || is_searchable(dict) && search(dict, (*entry).name).is_null()
    }
}

/// A dict of strings only, in which looking one up runs no code?
#[inline(always)]
unsafe fn is_searchable(dict: *mut PyObject) -> bool {
    // SAFETY: a live object; the layout is used after the type was asked.
    unsafe {
        type_of(dict) == &raw mut sys::PyDict_Type
            && (*(*dict.cast::<PyDictObject>()).ma_keys).dk_kind != keys::GENERAL
    }
}

/// Borrows what such a dict has under an interned name; null for nothing.
#[inline(always)]
unsafe fn search(dict: *mut PyObject, name: *mut PyObject) -> *mut PyObject {
    // SAFETY: by the caller; an interned string has its hash.
    unsafe { sys::_PyDict_GetItem_KnownHash(dict, name, (*name.cast::<sys::PyASCIIObject>()).hash) }
}

/// Borrows an instance's own attribute from its dict; null where there is none.
unsafe fn own_value(o: *mut PyObject, name: *mut PyObject) -> *mut PyObject {
    // SAFETY: an instance of a type with a managed dict.
    unsafe {
        if !values(o).is_null() {
            return ptr::null_mut();
        }
        let dict = *instance::dict_pointer(o);
        if dict.is_null() || !is_searchable(dict) { ptr::null_mut() } else { search(dict, name) }
    }
}

/// Borrows the value if no call is needed for it.
#[inline(always)]
unsafe fn value_at_once(o: *mut PyObject, entry: *mut Entry) -> *mut PyObject {
    // SAFETY: an instance of the type, or the class, of the entry's version.
    unsafe {
        let value = (*entry).value;
        match (*entry).place {
            Place::Instance if value.is_null() || !is_data(value) => {
                let values = values(o);
                if values.is_null() || (*entry).index == u32::MAX {
                    return ptr::null_mut();
                }
                *values.add((*entry).index as usize)
            }
            Place::Slot | Place::LoadSlot => *o.byte_add((*entry).index as usize).cast::<*mut PyObject>(),
            Place::LoadConstant => value,
            Place::Type if !has_get(value) && lacks_at_once(o, entry) => value,
            Place::Class if !has_get(value) && (*type_of(o)).tp_version_tag == (*entry).keys => value,
            _ => ptr::null_mut(),
        }
    }
}

/// The value (owned) of anything that has an entry; null, without an exception, where the type's own function is to be asked, and
/// with one if a descriptor raised it.
#[inline(never)]
unsafe fn value_by_entry(o: *mut PyObject, entry: *mut Entry) -> *mut PyObject {
    // SAFETY: as above. Descriptors may run any code, after which the entry may be another's.
    unsafe {
        let at_once = value_at_once(o, entry);
        if !at_once.is_null() {
            return capi::refs::new_ref(at_once);
        }
        let value = (*entry).value;
        let found = match (*entry).place {
            Place::Instance if value.is_null() || !is_data(value) => own_value(o, (*entry).name),
            Place::Type if !has_get(value) && lacks(o, entry) => value,
            Place::Bound if has_get(value) && !is_data(value) && lacks(o, entry) => {
                return call_descriptor(value, o, type_of(o).cast());
            }
            Place::Property if is_data(value) => return call_descriptor(value, o, type_of(o).cast()),
            Place::Class if (*type_of(o)).tp_version_tag == (*entry).keys => {
                return call_descriptor(value, ptr::null_mut(), o);
            }
            Place::Meta if (*type_of(o)).tp_version_tag == (*entry).keys => {
                return call_descriptor(value, o, type_of(o).cast());
            }
            Place::Unknown => {
                (*entry).index = (*entry).index.wrapping_sub(1);
                if (*entry).index == 0 {
                    decref(entry.replace(NONE).name);
                }
                ptr::null_mut()
            }
            _ => ptr::null_mut(),
        };
        if !found.is_null() {
            (*found).ob_refcnt += 1;
        }
        found
    }
}

/// Is it time for the site to look for a handler of its own?
#[inline(always)]
unsafe fn is_time(w: &Registers) -> bool {
    // SAFETY: the instruction's own cache.
    unsafe {
        let counter = &raw mut (*w.cache::<Cache>(1)).counter;
        *counter = (*counter).wrapping_sub(1);
        *counter == 0
    }
}

/// Has the site look here from now on.
pub(super) unsafe fn settle(w: &Registers, handler: super::Handler) {
    // SAFETY: as below.
    unsafe { settle_for(w, handler, PATIENCE) }
}

/// Gives the site this handler for so many executions.
unsafe fn settle_for(w: &Registers, handler: super::Handler, executions: u16) {
    // SAFETY: the instruction's unit and cache.
    unsafe {
        attributes::place_handlers(w.ip, handler, super::stack::load_fast);
        (*w.cache::<Cache>(1)).counter = executions;
    }
}

handlers! {
    /// `LOAD_ATTR`, counted.
    fn load(w, arg) {
        if is_time(&w) {
            return w.instead(attributes::load_attr, arg);
        }
        w.instead(load_once, arg)
    }

    /// `LOAD_ATTR`
    fn load_once(w, arg) {
        let o = w.peek(1);
        let entry = find_of_instance(o, name_of(&w, arg), Kind::Load);
        if entry.is_null() {
            return w.instead(load_of_any, arg);
        }
        let value = match (*entry).place {
            Place::LoadConstant => (*entry).value,
            Place::LoadSlot => *o.byte_add((*entry).index as usize).cast::<*mut PyObject>(),
            _ => return w.instead(load_by_place, entry as usize),
        };
        if value.is_null() {
            return w.instead(load_of_any, arg);
        }
        give::<false>(w, o, value)
    }

    /// `LOAD_ATTR` of an owner that is no class, by an entry with its type's version and the name.
    fn load_by_place(w, entry) {
        let o = w.peek(1);
        let entry = entry as *mut Entry;
        let value = if (*entry).purpose == Kind::Load as u8 { value_at_once(o, entry) } else { ptr::null_mut() };
        if value.is_null() {
            let arg = w.arg(0);
            return w.instead(load_of_any, arg);
        }
        give::<false>(w, o, value)
    }

    /// `LOAD_ATTR` of anything.
    fn load_of_any(w, arg) {
        let o = w.peek(1);
        let entry = find(o, name_of(&w, arg), Kind::Load);
        if entry.is_null() {
            return w.instead(load_new, arg);
        }
        let value = value_at_once(o, entry);
        if value.is_null() {
            return w.instead(load_by_call, entry as usize);
        }
        give::<false>(w, o, value)
    }

    /// `LOAD_ATTR` of an owner that has no entry.
    fn load_new(w, arg) {
        if is_futile(subject(w.peek(1))) {
            settle_for(&w, load_plainly, PLAINLY);
            return w.instead(load_by_type, arg);
        }
        w.show();
        let entry = learn(w.peek(1), name_of(&w, arg), Kind::Load);
        if entry.is_null() {
            return w.instead(load_by_type, arg);
        }
        w.instead(load_by_call, entry as usize)
    }

    /// `LOAD_ATTR` at a site where looking is futile for a while.
    fn load_plainly(w, arg) {
        if is_time(&w) {
            settle(&w, load);
        }
        w.instead(load_by_type, arg)
    }

    /// `LOAD_ATTR` where the value takes a call.
    fn load_by_call(w, entry) {
        w.show();
        let entry = entry as *mut Entry;
        let o = w.peek(1);
        let value = value_by_entry(o, entry);
        if value.is_null() {
            if !(*w.tstate).curexc_type.is_null() {
                return dispatch::leave(w, attributes::LOAD, Flow::Raise);
            }
            let arg = w.arg(0);
            return w.instead(load_by_type, arg);
        }
        w.poke(1, value);
        w.drop(o);
        w.next(attributes::LOAD)
    }

    /// `LOAD_ATTR` by the type's own function.
    fn load_by_type(w, arg) {
        w.show();
        let o = w.peek(1);
        let value = sys::PyObject_GetAttr(o, name_of(&w, arg));
        if value.is_null() {
            return dispatch::leave(w, attributes::LOAD, Flow::Raise);
        }
        w.poke(1, value);
        w.drop(o);
        w.next(attributes::LOAD)
    }

    /// `LOAD_METHOD`, counted.
    fn load_method(w, arg) {
        if is_time(&w) {
            return w.instead(attributes::load_method, arg);
        }
        w.instead(load_method_once, arg)
    }

    /// `LOAD_METHOD`
    fn load_method_once(w, arg) {
        let o = w.peek(1);
        let entry = find_of_instance(o, name_of(&w, arg), Kind::Method);
        if entry.is_null() || (*entry).place != Place::OnlyMethod {
            return w.instead(load_method_of_any, arg);
        }
        give_method::<false>(w, o, (*entry).value)
    }

    /// `LOAD_METHOD` of anything.
    fn load_method_of_any(w, arg) {
        let o = w.peek(1);
        let entry = find(o, name_of(&w, arg), Kind::Method);
        if entry.is_null() {
            return w.instead(load_method_new, arg);
        }
        if (*entry).place != Place::Method || !lacks_at_once(o, entry) {
            return w.instead(load_method_by_call, entry as usize);
        }
        give_method::<false>(w, o, (*entry).value)
    }

    /// `LOAD_METHOD` of an owner that has no entry.
    fn load_method_new(w, arg) {
        w.show();
        let entry = learn(w.peek(1), name_of(&w, arg), Kind::Method);
        if entry.is_null() {
            return w.instead(load_method_by_type, arg);
        }
        w.instead(load_method_by_call, entry as usize)
    }

    /// `LOAD_METHOD` where that takes a call: the method and the owner, or NULL and what is called.
    fn load_method_by_call(w, entry) {
        w.show();
        let entry = entry as *mut Entry;
        let o = w.peek(1);
        if matches!((*entry).place, Place::Method | Place::OnlyMethod) {
            if !lacks(o, entry) {
                let arg = w.arg(0);
                return w.instead(load_method_by_type, arg);
            }
            return give_method::<false>(w, o, (*entry).value);
        }
        let value = value_by_entry(o, entry);
        if value.is_null() {
            if !(*w.tstate).curexc_type.is_null() {
                return dispatch::leave(w, attributes::METHOD, Flow::Raise);
            }
            let arg = w.arg(0);
            return w.instead(load_method_by_type, arg);
        }
        w.poke(1, ptr::null_mut());
        w.push(value);
        w.drop(o);
        w.next(attributes::METHOD)
    }

    /// `LOAD_METHOD` by the type's own function.
    fn load_method_by_type(w, arg) {
        w.show();
        let o = w.peek(1);
        let (method, unbound) = look_up_method(o, name_of(&w, arg));
        if method.is_null() {
            return dispatch::leave(w, attributes::METHOD, Flow::Raise);
        }
        if unbound {
            w.poke(1, method);
            w.push(o);
        } else {
            w.poke(1, ptr::null_mut());
            w.push(method);
            w.drop(o);
        }
        w.next(attributes::METHOD)
    }

    /// `STORE_ATTR`, counted.
    fn store(w, arg) {
        if is_time(&w) {
            return w.instead(attributes::store_attr, arg);
        }
        w.instead(store_once, arg)
    }

    /// `STORE_ATTR`: value, owner.
    fn store_once(w, arg) {
        let o = w.peek(1);
        let entry = find(o, name_of(&w, arg), Kind::Store);
        if entry.is_null() {
            return w.instead(store_new, arg);
        }
        let slot = match (*entry).place {
            Place::Instance if (*entry).value.is_null() || !has_set((*entry).value) => {
                let values = values(o);
                if values.is_null() || (*entry).index == u32::MAX {
                    return w.instead(store_by_type, arg);
                }
                let slot = values.add((*entry).index as usize);
                if (*slot).is_null() {
                    instance::note_insertion(values.cast(), capi::dict::EntryIndex((*entry).index as usize));
                }
                slot
            }
            Place::Slot => o.byte_add((*entry).index as usize).cast::<*mut PyObject>(),
            _ => return w.instead(store_by_type, arg),
        };
        let old = slot.replace(w.peek(2));
        w.shrink(2);
        if !old.is_null() {
            w.drop(old);
        }
        w.drop(o);
        w.next(attributes::STORE)
    }

    /// `STORE_ATTR` at an owner that has no entry.
    fn store_new(w, arg) {
        w.show();
        let o = w.peek(1);
        // Storing into a class gives it another version.
        if is_type(type_of(o)) || is_futile(subject(o)) {
            settle_for(&w, store_plainly, PLAINLY);
        } else {
            learn(o, name_of(&w, arg), Kind::Store);
        }
        w.instead(store_by_type, arg)
    }

    /// `STORE_ATTR` at a site where looking is futile for a while.
    fn store_plainly(w, arg) {
        if is_time(&w) {
            settle(&w, store);
        }
        w.instead(store_by_type, arg)
    }

    /// `STORE_ATTR` by the type's own function.
    fn store_by_type(w, arg) {
        w.show();
        let (o, value) = (w.peek(1), w.peek(2));
        let status = sys::PyObject_SetAttr(o, name_of(&w, arg), value);
        w.shrink(2);
        if status != 0 {
            decref(value);
            decref(o);
            return dispatch::leave(w, attributes::STORE, Flow::Raise);
        }
        w.drop(value);
        w.drop(o);
        w.next(attributes::STORE)
    }
}

/// How often a type was looked into.
#[derive(Clone, Copy)]
struct Looks {
    /// Only compared.
    ty: *mut PyTypeObject,
    count: u32,
}

/// The GIL protects it.
static mut LOOKS: [Looks; TYPES] = [Looks { ty: ptr::null_mut(), count: 0 }; TYPES];
const TYPES: usize = 64;
/// Looks into a type that are all made: each of its names takes some.
const EAGER: u32 = 256;
/// Of the later ones one in so many is made.
const SELDOM: u32 = 32;

/// The type whose version tells what attributes an owner has.
#[inline(always)]
unsafe fn subject(owner: *mut PyObject) -> *mut PyTypeObject {
    // SAFETY: a live object.
    unsafe { if is_type(type_of(owner)) { owner.cast() } else { type_of(owner) } }
}

/// Counts a look into a type. One whose version changes again and again, as a counter in the class makes it, is seldom worth another.
unsafe fn is_futile(ty: *mut PyTypeObject) -> bool {
    // SAFETY: the GIL is held.
    unsafe {
        let looks = &raw mut LOOKS[(ty as usize >> 6) % TYPES];
        if (*looks).ty != ty {
            *looks = Looks { ty, count: 0 };
        }
        (*looks).count = (*looks).count.wrapping_add(1);
        (*looks).count > EAGER && !(*looks).count.is_multiple_of(SELDOM)
    }
}

/// Looks for an attribute of such owners, and keeps what was found; null where nothing can be kept.
#[cold]
#[inline(never)]
unsafe fn learn(owner: *mut PyObject, name: *mut PyObject, kind: Kind) -> *mut Entry {
    // SAFETY: a live object and an interned name.
    unsafe {
        let ty = type_of(owner);
        if ty == &raw mut sys::PyModule_Type {
            return ptr::null_mut();
        }
        let (of_class, subject) = (is_type(ty), subject(owner));
        // Assigns version tags if it can.
        let (in_meta, value) = if of_class {
            (sys::_PyType_Lookup(ty, name), sys::_PyType_Lookup(subject, name))
        } else {
            (ptr::null_mut(), sys::_PyType_Lookup(ty, name))
        };
        if !is_versioned(subject) || !is_versioned(ty) {
            return ptr::null_mut();
        }
        let mut found = Entry { version: (*subject).tp_version_tag, index: RETRY, value, ..NONE };
        if of_class {
            place_in_class(owner.cast(), in_meta, &mut found);
        } else {
            place_in_instance(owner, name, kind, &mut found);
        }
        let (entry, _, purpose) = row(owner, name, kind);
        found.purpose = purpose;
        found.name = capi::refs::new_ref(name);
        let old = entry.replace(found);
        capi::refs::xdecref(old.name);
        entry
    }
}

unsafe fn is_versioned(ty: *mut PyTypeObject) -> bool {
    // SAFETY: a live type.
    unsafe { (*ty).tp_flags & u64::from(sys::Py_TPFLAGS_VALID_VERSION_TAG) != 0 && (*ty).tp_version_tag != 0 }
}

unsafe fn is_immutable(ty: *mut PyTypeObject) -> bool {
    // SAFETY: a live type.
    unsafe { (*ty).tp_flags & u64::from(sys::Py_TPFLAGS_IMMUTABLETYPE) != 0 }
}

/// Where a class has an attribute; `in_meta` is what its metaclass has.
unsafe fn place_in_class(class: *mut PyTypeObject, in_meta: *mut PyObject, found: &mut Entry) {
    // SAFETY: a live class, with a version as its metaclass has.
    unsafe {
        let meta = type_of(class.cast());
        let standard = sys::PyType_Type.tp_getattro;
        let hooked = is_hooked(meta, &raw mut sys::PyType_Type);
        if !hooked && (*meta).tp_getattro.map(|f| f as usize) != standard.map(|f| f as usize) {
            return;
        }
        found.keys = (*meta).tp_version_tag;
        if !in_meta.is_null() {
            // A program can make something else of the others.
            if !is_immutable(type_of(in_meta)) {
                return;
            }
            if is_data(in_meta) || found.value.is_null() {
                if !hooked {
                    found.value = in_meta;
                    found.place = Place::Meta;
                }
                return;
            }
        }
        // An AttributeError of a descriptor would be the hook's.
        if found.value.is_null()
            || hooked && has_get(found.value) && type_of(found.value) != &raw mut sys::PyFunction_Type
        {
            return;
        }
        found.place = Place::Class;
    }
}

/// Where an instance has an attribute.
unsafe fn place_in_instance(owner: *mut PyObject, name: *mut PyObject, kind: Kind, found: &mut Entry) {
    // SAFETY: a live object of a type with a version.
    unsafe {
        let ty = type_of(owner);
        let hooked = kind != Kind::Store && is_hooked(ty, &raw mut sys::PyBaseObject_Type);
        if !hooked && !has_generic_look_up(ty, kind) {
            return;
        }
        let value = found.value;
        if !value.is_null() {
            let of = type_of(value);
            if of == &raw mut sys::PyMemberDescr_Type
                && let Some(offset) = slot_offset(ty, value.cast(), kind)
            {
                found.index = offset;
                found.place = if kind == Kind::Load { Place::LoadSlot } else { Place::Slot };
                return;
            }
            if kind == Kind::Store && has_set(value) {
                return;
            }
            if kind != Kind::Store && is_data(value) {
                if !hooked {
                    found.place = Place::Property;
                }
                return;
            }
        }
        let managed = instance::has_managed_dict(ty);
        if managed {
            let shared = instance::shared_keys(ty);
            let index = if shared.is_null() { None } else { keys::entry_of(shared, name) };
            let in_dict = !own_value(owner, name).is_null();
            if index.is_some() || in_dict {
                found.index = index.map_or(u32::MAX, |index| index as u32);
                found.place = Place::Instance;
                return;
            }
            if !shared.is_null() {
                found.keys = keys::assign_version(shared);
            }
        }
        if kind == Kind::Store || value.is_null() {
            return;
        }
        let is_method = (*type_of(value)).tp_flags & u64::from(sys::Py_TPFLAGS_METHOD_DESCRIPTOR) != 0;
        let dictless = !managed && (*ty).tp_dictoffset == 0;
        let of = type_of(value);
        found.place = match () {
            () if is_method && kind == Kind::Method && dictless => Place::OnlyMethod,
            () if is_method && kind == Kind::Method => Place::Method,
            () if !has_get(value) && kind == Kind::Load && dictless && is_immutable(of) => {
                Place::LoadConstant
            }
            () if !has_get(value) => Place::Type,
            () if !hooked || type_of(value) == &raw mut sys::PyFunction_Type => Place::Bound,
            () => Place::Unknown,
        };
    }
}
