//! `LOAD_ATTR`, `STORE_ATTR` and `LOAD_METHOD` with the look-up kept, and with the load of a local owner before them.

use super::polymorphic::{self, Plans};
use super::registers::Registers;
use super::resolve::{Kind, Place, resolve};
use super::stack::load_fast;
use super::{Handler, Unit, exceptions, handlers, shared, width};
use crate::machine::Flow;
use crate::{helpers, keys};
use capi::instance;
use capi::opcode as op;
use capi::refs::{decref, type_of};
use capi::sys::{self, PyDictObject, PyDictUnicodeEntry, PyHeapTypeObject, PyObject, PyTypeObject};

/// The inline cache.
#[repr(C)]
pub(super) struct Cache {
    /// Of the adaptive handler: executions until the name is looked for again. Of a special one: how often it may still be wrong.
    pub counter: u16,
    /// Whether a `LOAD_FAST` stands directly before.
    local: bool,
    /// Version of the owner's type; of the keys, for modules; of the class itself, where that is the owner.
    pub version: u32,
    /// Of the inline value or entry, or byte offset of the slot.
    pub index: u32,
    /// Version of the keys in which the name must not be, or 0; of the metaclass, where the owner is a class.
    pub keys: u32,
    /// What the type has under the name, borrowed while it has the version; or the name.
    pub value: *mut PyObject,
    /// For owners of several types; null where there never were any. The translation owns them.
    pub plans: *mut Plans,
}

/// How often a handler may be wrong before the site looks where all do.
pub(super) const MISSES: u16 = 8;
/// Units of the instructions.
pub(super) const LOAD: usize = width(op::LOAD_ATTR);
pub(super) const STORE: usize = width(op::STORE_ATTR);
pub(super) const METHOD: usize = width(op::LOAD_METHOD);

const _: () = {
    let room = size_of::<Cache>().div_ceil(size_of::<Unit>());
    assert!(LOAD == 1 + room && STORE == 1 + room && METHOD == 1 + room);
};

/// Notes whether a `LOAD_FAST` stands before.
pub(super) unsafe fn prepare(at: *mut Unit, local: bool) {
    // SAFETY: these instructions have such a cache, which is zeros.
    unsafe { (*at.add(1).cast::<Cache>()).local = local }
}

/// The owner: on the stack, or in the local that the `LOAD_FAST` at `w.ip` names (null when unbound).
#[inline(always)]
pub(super) unsafe fn owner<const LOCAL: bool>(w: &Registers, arg: usize) -> *mut PyObject {
    // SAFETY: the machine's invariant.
    unsafe { if LOCAL { *w.local(arg) } else { w.peek(1) } }
}

/// Of the type of this version?
#[inline(always)]
unsafe fn has_version(o: *mut PyObject, version: u32) -> bool {
    // SAFETY: a live object.
    unsafe { (*type_of(o)).tp_version_tag == version }
}

/// The inline values; null when there is a dict instead.
#[inline(always)]
pub(super) unsafe fn values(o: *mut PyObject) -> *mut *mut PyObject {
    // SAFETY: an instance of a type with a managed dict: its version says so.
    unsafe { (*o.cast::<*mut *mut PyObject>().offset(helpers::VALUES_POINTER)).cast() }
}

/// Puts the attribute in the owner's place and goes on.
#[inline(always)]
pub(super) unsafe fn give<const LOCAL: bool>(
    mut w: Registers,
    owner: *mut PyObject,
    value: *mut PyObject,
) -> Flow {
    // SAFETY: the machine's invariant.
    unsafe {
        (*value).ob_refcnt += 1;
        if LOCAL {
            w.push(value);
            w.next(1 + LOAD)
        } else {
            w.poke(1, value);
            w.drop(owner);
            w.next(LOAD)
        }
    }
}

/// Puts the method and the owner in the owner's place and goes on.
#[inline(always)]
pub(super) unsafe fn give_method<const LOCAL: bool>(
    mut w: Registers,
    owner: *mut PyObject,
    method: *mut PyObject,
) -> Flow {
    // SAFETY: the machine's invariant.
    unsafe {
        (*method).ob_refcnt += 1;
        if LOCAL {
            (*owner).ob_refcnt += 1;
            *w.sp = method;
            *w.sp.add(1) = owner;
            w.sp = w.sp.add(2);
            w.next(1 + METHOD)
        } else {
            w.poke(1, method);
            w.push(owner);
            w.next(METHOD)
        }
    }
}

/// Leaves a special case that does not hold.
#[inline(always)]
unsafe fn missed<const LOCAL: bool>(w: Registers, arg: usize, miss: Handler) -> Flow {
    // SAFETY: the machine's invariant.
    unsafe { if LOCAL { w.instead(load_fast, arg) } else { w.instead(miss, arg) } }
}

/// `null` for an unbound local too.
#[inline(always)]
pub(super) fn unbound<const LOCAL: bool>(o: *mut PyObject) -> bool {
    LOCAL && o.is_null()
}

macro_rules! cache {
    ($w:ident, $local:expr) => {
        $w.cache::<Cache>(1 + $local as usize)
    };
}

handlers! {
    /// An inline value of an instance.
    fn inline_value<const LOCAL: bool>(w, arg) {
        let o = owner::<LOCAL>(&w, arg);
        let cache = cache!(w, LOCAL);
        if unbound::<LOCAL>(o) || !has_version(o, (*cache).version) {
            return missed::<LOCAL>(w, arg, miss_load);
        }
        let values = values(o);
        if values.is_null() {
            return missed::<LOCAL>(w, arg, miss_load);
        }
        let value = *values.add((*cache).index as usize);
        if value.is_null() {
            return missed::<LOCAL>(w, arg, super::full);
        }
        give::<LOCAL>(w, o, value)
    }

    /// A slot of an instance.
    fn slot<const LOCAL: bool>(w, arg) {
        let o = owner::<LOCAL>(&w, arg);
        let cache = cache!(w, LOCAL);
        if unbound::<LOCAL>(o) || !has_version(o, (*cache).version) {
            return missed::<LOCAL>(w, arg, miss_load);
        }
        let value = *o.byte_add((*cache).index as usize).cast::<*mut PyObject>();
        if value.is_null() {
            return missed::<LOCAL>(w, arg, super::full);
        }
        give::<LOCAL>(w, o, value)
    }

    /// A value of an instance's dict, at the entry where another instance had it.
    fn dict_value<const LOCAL: bool>(w, arg) {
        let o = owner::<LOCAL>(&w, arg);
        let cache = cache!(w, LOCAL);
        if unbound::<LOCAL>(o) || !has_version(o, (*cache).version) {
            return missed::<LOCAL>(w, arg, miss_load);
        }
        let slot = dict_slot(o, (*cache).index as usize, (*cache).value);
        if slot.is_null() || (*slot).is_null() {
            return missed::<LOCAL>(w, arg, miss_load);
        }
        give::<LOCAL>(w, o, *slot)
    }

    /// What the type has, which is no descriptor: the instance has no attribute of the name.
    fn type_value<const LOCAL: bool>(w, arg) {
        let o = owner::<LOCAL>(&w, arg);
        let cache = cache!(w, LOCAL);
        if unbound::<LOCAL>(o) || !has_version(o, (*cache).version) || !lacks_name(o, (*cache).keys) {
            return missed::<LOCAL>(w, arg, miss_load);
        }
        give::<LOCAL>(w, o, (*cache).value)
    }

    /// An attribute of a module.
    fn module_value<const LOCAL: bool>(w, arg) {
        let o = owner::<LOCAL>(&w, arg);
        let cache = cache!(w, LOCAL);
        if unbound::<LOCAL>(o) || type_of(o) != &raw mut sys::PyModule_Type {
            return missed::<LOCAL>(w, arg, miss_load);
        }
        let value = module_entry(o, &*cache);
        if value.is_null() {
            return missed::<LOCAL>(w, arg, miss_load);
        }
        give::<LOCAL>(w, o, value)
    }

    /// An attribute of a class.
    fn class_value<const LOCAL: bool>(w, arg) {
        let o = owner::<LOCAL>(&w, arg);
        let cache = cache!(w, LOCAL);
        if unbound::<LOCAL>(o) || !is_class(o, &*cache) {
            return missed::<LOCAL>(w, arg, miss_load);
        }
        if (*cache).index != 0 && (*type_of((*cache).value)).tp_descr_get.is_some() {
            return missed::<LOCAL>(w, arg, miss_load);
        }
        give::<LOCAL>(w, o, (*cache).value)
    }

    /// What a descriptor of the type gives, one that comes before the instance's own attributes.
    fn property<const LOCAL: bool>(w, arg) {
        let o = owner::<LOCAL>(&w, arg);
        let cache = cache!(w, LOCAL);
        if unbound::<LOCAL>(o) || !has_version(o, (*cache).version) {
            return missed::<LOCAL>(w, arg, miss_load);
        }
        w.instead(get::<LOCAL>, o as usize)
    }

    /// The same of one that comes after them: the instance has no attribute of the name.
    fn bound<const LOCAL: bool>(w, arg) {
        let o = owner::<LOCAL>(&w, arg);
        let cache = cache!(w, LOCAL);
        if unbound::<LOCAL>(o) || !has_version(o, (*cache).version) || !lacks_name(o, (*cache).keys) {
            return missed::<LOCAL>(w, arg, miss_load);
        }
        w.instead(get::<LOCAL>, o as usize)
    }

    /// Calls the cached descriptor for the owner.
    fn get<const LOCAL: bool>(w, owner) {
        let o = owner as *mut PyObject;
        let descriptor = (*cache!(w, LOCAL)).value;
        w.ip = w.ip.add(LOCAL as usize);
        w.show();
        if LOCAL {
            // As if it had been loaded.
            (*o).ob_refcnt += 1;
            w.push(o);
        }
        let value = call_descriptor(descriptor, o, type_of(o).cast());
        if value.is_null() {
            return exceptions::raise(w);
        }
        w.poke(1, value);
        w.drop(o);
        w.next(LOAD)
    }

    /// `LOAD_ATTR` that has not been resolved.
    fn load_attr(w, arg) {
        let cache = w.cache::<Cache>(1);
        let name = *helpers::tuple_items((*w.code()).co_names).add(arg);
        w.show();
        let found = resolve(w.peek(1), name, &mut *cache, Kind::Load);
        let Some(place) = found else {
            shared::settle(&w, shared::load);
            return w.instead(shared::load_once, arg);
        };
        (*cache).counter = MISSES;
        let (plain, local): (Handler, Handler) = match place {
            Place::Inline => (inline_value::<false>, inline_value::<true>),
            Place::Slot => (slot::<false>, slot::<true>),
            Place::Dict => (dict_value::<false>, dict_value::<true>),
            Place::Type => (type_value::<false>, type_value::<true>),
            Place::Module => (module_value::<false>, module_value::<true>),
            Place::Class => (class_value::<false>, class_value::<true>),
            Place::Property => (property::<false>, property::<true>),
            Place::Bound => (bound::<false>, bound::<true>),
            Place::Private | Place::Dictless | Place::ClassBound => {
                shared::settle(&w, shared::load);
                return w.instead(shared::load_once, arg);
            }
        };
        place_handlers(w.ip, plain, local);
        w.instead(plain, arg)
    }

    fn miss_load(w, arg) {
        if polymorphic::learn(w.ip, w.code(), w.peek(1), arg) {
            return w.instead((*w.ip).handler, arg);
        }
        miss(&w, shared::load);
        w.instead(shared::load_once, arg)
    }

    /// An inline value is overwritten, or set for the first time.
    fn store_inline<const LOCAL: bool>(w, arg) {
        let o = owner::<LOCAL>(&w, arg);
        let cache = cache!(w, LOCAL);
        if unbound::<LOCAL>(o) || !has_version(o, (*cache).version) {
            return missed::<LOCAL>(w, arg, miss_store);
        }
        let values = values(o);
        if values.is_null() {
            return missed::<LOCAL>(w, arg, miss_store);
        }
        let slot = values.add((*cache).index as usize);
        let old = *slot;
        *slot = w.peek(if LOCAL { 1 } else { 2 });
        w.shrink(if LOCAL { 1 } else { 2 });
        w.ip = w.ip.add(LOCAL as usize);
        if old.is_null() {
            instance::note_insertion(values.cast(), capi::dict::EntryIndex((*cache).index as usize));
        } else {
            w.drop(old);
        }
        if !LOCAL {
            w.drop(o);
        }
        w.next(STORE)
    }

    /// A slot is written.
    fn store_slot<const LOCAL: bool>(w, arg) {
        let o = owner::<LOCAL>(&w, arg);
        let cache = cache!(w, LOCAL);
        if unbound::<LOCAL>(o) || !has_version(o, (*cache).version) {
            return missed::<LOCAL>(w, arg, miss_store);
        }
        let slot = o.byte_add((*cache).index as usize).cast::<*mut PyObject>();
        let old = *slot;
        *slot = w.peek(if LOCAL { 1 } else { 2 });
        w.shrink(if LOCAL { 1 } else { 2 });
        w.ip = w.ip.add(LOCAL as usize);
        if !old.is_null() {
            w.drop(old);
        }
        if !LOCAL {
            w.drop(o);
        }
        w.next(STORE)
    }

    /// An instance's dict gets a value.
    fn store_dict(w, arg) {
        let o = w.peek(1);
        let cache = w.cache::<Cache>(1);
        if !has_version(o, (*cache).version) || !values(o).is_null() {
            return w.instead(miss_store, arg);
        }
        let dict = *instance::dict_pointer(o);
        if dict.is_null() || type_of(dict) != &raw mut sys::PyDict_Type {
            return w.instead(miss_store, arg);
        }
        w.show();
        let value = w.peek(2);
        let status = sys::PyDict_SetItem(dict, (*cache).value, value);
        w.shrink(2);
        if status != 0 {
            decref(value);
            decref(o);
            return exceptions::raise(w);
        }
        w.drop(value);
        w.drop(o);
        w.next(STORE)
    }

    /// `STORE_ATTR` that has not been resolved: value, owner.
    fn store_attr(w, arg) {
        let cache = w.cache::<Cache>(1);
        let name = *helpers::tuple_items((*w.code()).co_names).add(arg);
        w.show();
        let found = resolve(w.peek(1), name, &mut *cache, Kind::Store);
        let chosen: Option<(Handler, Handler)> = match found {
            Some(Place::Inline) => Some((store_inline::<false>, store_inline::<true>)),
            Some(Place::Slot) => Some((store_slot::<false>, store_slot::<true>)),
            Some(Place::Dict) => Some((store_dict, load_fast)),
            _ => None,
        };
        let Some((plain, local)) = chosen else {
            shared::settle(&w, shared::store);
            return w.instead(shared::store_once, arg);
        };
        (*cache).counter = MISSES;
        place_handlers(w.ip, plain, local);
        w.instead(plain, arg)
    }

    fn miss_store(w, arg) {
        if polymorphic::learn(w.ip, w.code(), w.peek(1), arg) {
            return w.instead((*w.ip).handler, arg);
        }
        miss(&w, shared::store);
        w.instead(shared::store_once, arg)
    }

    /// A function of the type: it and the object.
    fn method<const LOCAL: bool>(w, arg) {
        let o = owner::<LOCAL>(&w, arg);
        let cache = cache!(w, LOCAL);
        if unbound::<LOCAL>(o) || !has_version(o, (*cache).version) || !lacks_name(o, (*cache).keys) {
            return missed::<LOCAL>(w, arg, miss_method);
        }
        give_method::<LOCAL>(w, o, (*cache).value)
    }

    /// The same, of a type of C whose instances have a dict somewhere, which this one has not made.
    fn dictless_method<const LOCAL: bool>(w, arg) {
        let o = owner::<LOCAL>(&w, arg);
        let cache = cache!(w, LOCAL);
        if unbound::<LOCAL>(o)
            || !has_version(o, (*cache).version)
            || !(*o.byte_add((*cache).index as usize).cast::<*mut PyObject>()).is_null()
        {
            return missed::<LOCAL>(w, arg, miss_method);
        }
        give_method::<LOCAL>(w, o, (*cache).value)
    }

    /// The same, of an instance with a dict of its own.
    fn private_method(w, arg) {
        let o = w.peek(1);
        let cache = w.cache::<Cache>(1);
        if !has_version(o, (*cache).version) || !values(o).is_null() {
            return w.instead(miss_method, arg);
        }
        let dict = *instance::dict_pointer(o);
        // Dicts of strings only: looking a string up runs no code.
        if dict.is_null()
            || type_of(dict) != &raw mut sys::PyDict_Type
            || (*(*dict.cast::<PyDictObject>()).ma_keys).dk_kind == keys::GENERAL
        {
            return w.instead(miss_method, arg);
        }
        let name = *helpers::tuple_items((*w.code()).co_names).add(arg);
        let own = sys::PyDict_GetItemWithError(dict, name);
        if !own.is_null() {
            // The instance's own comes before the type's function, and is no method.
            (*own).ob_refcnt += 1;
            w.poke(1, std::ptr::null_mut());
            w.push(own);
            w.drop(o);
            return w.next(METHOD);
        }
        give_method::<false>(w, o, (*cache).value)
    }

    /// An inline value that is called: it and NULL.
    fn inline_callable<const LOCAL: bool>(w, arg) {
        let o = owner::<LOCAL>(&w, arg);
        let cache = cache!(w, LOCAL);
        if unbound::<LOCAL>(o) || !has_version(o, (*cache).version) {
            return missed::<LOCAL>(w, arg, miss_method);
        }
        let values = values(o);
        if values.is_null() {
            return missed::<LOCAL>(w, arg, miss_method);
        }
        let value = *values.add((*cache).index as usize);
        if value.is_null() {
            return missed::<LOCAL>(w, arg, super::full);
        }
        (*value).ob_refcnt += 1;
        if LOCAL {
            *w.sp = std::ptr::null_mut();
            *w.sp.add(1) = value;
            w.sp = w.sp.add(2);
            w.next(1 + METHOD)
        } else {
            w.poke(1, std::ptr::null_mut());
            w.push(value);
            w.drop(o);
            w.next(METHOD)
        }
    }

    /// What a descriptor of the type, or of the class that the owner is, gives: it and NULL.
    fn bound_callable<const CLASS: bool>(w, arg) {
        let o = w.peek(1);
        let cache = w.cache::<Cache>(1);
        let holds = if CLASS {
            is_class(o, &*cache)
        } else {
            has_version(o, (*cache).version) && lacks_name(o, (*cache).keys)
        };
        if !holds {
            return w.instead(miss_method, arg);
        }
        w.show();
        let value = if CLASS {
            call_descriptor((*cache).value, std::ptr::null_mut(), o)
        } else {
            call_descriptor((*cache).value, o, type_of(o).cast())
        };
        if value.is_null() {
            return exceptions::raise(w);
        }
        w.poke(1, std::ptr::null_mut());
        w.push(value);
        w.drop(o);
        w.next(METHOD)
    }

    /// A function of a module, or of a class: it and NULL.
    fn function<const LOCAL: bool, const MODULE: bool>(w, arg) {
        let o = owner::<LOCAL>(&w, arg);
        let cache = cache!(w, LOCAL);
        if unbound::<LOCAL>(o) {
            return w.instead(load_fast, arg);
        }
        let value = if MODULE {
            if type_of(o) == &raw mut sys::PyModule_Type { module_entry(o, &*cache) } else { std::ptr::null_mut() }
        } else if is_class(o, &*cache)
            && ((*cache).index == 0 || (*type_of((*cache).value)).tp_descr_get.is_none())
        {
            (*cache).value
        } else {
            std::ptr::null_mut()
        };
        if value.is_null() {
            return missed::<LOCAL>(w, arg, miss_method);
        }
        (*value).ob_refcnt += 1;
        if LOCAL {
            *w.sp = std::ptr::null_mut();
            *w.sp.add(1) = value;
            w.sp = w.sp.add(2);
            w.next(1 + METHOD)
        } else {
            w.poke(1, std::ptr::null_mut());
            w.push(value);
            w.drop(o);
            w.next(METHOD)
        }
    }

    /// `LOAD_METHOD` that has not been resolved.
    fn load_method(w, arg) {
        let cache = w.cache::<Cache>(1);
        let name = *helpers::tuple_items((*w.code()).co_names).add(arg);
        w.show();
        let found = resolve(w.peek(1), name, &mut *cache, Kind::Method);
        let chosen: Option<(Handler, Handler)> = match found {
            Some(Place::Type) => Some((method::<false>, method::<true>)),
            Some(Place::Module) => Some((function::<false, true>, function::<true, true>)),
            Some(Place::Class) => Some((function::<false, false>, function::<true, false>)),
            Some(Place::Private) => Some((private_method, load_fast)),
            Some(Place::Dictless) => Some((dictless_method::<false>, dictless_method::<true>)),
            Some(Place::Inline) => Some((inline_callable::<false>, inline_callable::<true>)),
            Some(Place::Bound) => Some((bound_callable::<false>, load_fast)),
            Some(Place::ClassBound) => Some((bound_callable::<true>, load_fast)),
            _ => None,
        };
        let Some((plain, local)) = chosen else {
            shared::settle(&w, shared::load_method);
            return w.instead(shared::load_method_once, arg);
        };
        (*cache).counter = MISSES;
        place_handlers(w.ip, plain, local);
        w.instead(plain, arg)
    }

    fn miss_method(w, arg) {
        if polymorphic::learn(w.ip, w.code(), w.peek(1), arg) {
            return w.instead((*w.ip).handler, arg);
        }
        miss(&w, shared::load_method);
        w.instead(shared::load_method_once, arg)
    }
}

/// `descriptor.__get__(owner, class)`; null with an exception.
pub(super) unsafe fn call_descriptor(
    descriptor: *mut PyObject,
    owner: *mut PyObject,
    class: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: a live descriptor, which the class may drop meanwhile.
    unsafe {
        let Some(get) = (*type_of(descriptor)).tp_descr_get else {
            return capi::refs::new_ref(descriptor);
        };
        (*descriptor).ob_refcnt += 1;
        let value = get(descriptor, owner, class);
        decref(descriptor);
        value
    }
}

/// Puts handlers at an instruction, and at the load before it.
pub(super) unsafe fn place_handlers(at: *mut Unit, plain: Handler, local: Handler) {
    // SAFETY: the instruction's unit and cache; the translation saw the load.
    unsafe {
        (*at).handler = plain;
        if (*at.add(1).cast::<Cache>()).local {
            (*at.sub(1)).handler = local;
        }
    }
}

/// Counts a wrong guess; too many take the handlers out. This execution is none of those that the handler for all counts.
unsafe fn miss(w: &Registers, shared: Handler) {
    // SAFETY: the instruction's unit and cache.
    unsafe {
        let cache = w.cache::<Cache>(1);
        if (*cache).counter > 0 {
            (*cache).counter -= 1;
            return;
        }
        shared::settle(w, shared);
    }
}

/// The class of the cached version, whose metaclass has the cached one?
#[inline(always)]
unsafe fn is_class(o: *mut PyObject, cache: &Cache) -> bool {
    // SAFETY: a live object; an instance of that metaclass is a type.
    unsafe { has_version(o, cache.keys) && (*o.cast::<PyTypeObject>()).tp_version_tag == cache.version }
}

/// The cached entry of a module's dict; null when the keys changed or it was deleted.
#[inline(always)]
unsafe fn module_entry(module: *mut PyObject, cache: &Cache) -> *mut PyObject {
    // SAFETY: an exact module, which has a dict.
    unsafe {
        let dict = (*module.cast::<sys::PyModuleObject>()).md_dict.cast::<PyDictObject>();
        let keys = (*dict).ma_keys;
        if (*keys).dk_version != cache.version {
            return std::ptr::null_mut();
        }
        // Versions are given to keys of strings only, which have no split table here.
        (*keys::entries(keys).cast::<PyDictUnicodeEntry>().add(cache.index as usize)).me_value
    }
}

/// Whether the instance certainly has no attribute of the name that is in none of the keys of this version. 0: its type gives
/// instances no dict.
#[inline(always)]
pub(super) unsafe fn lacks_name(o: *mut PyObject, version: u32) -> bool {
    // SAFETY: an instance of the type of the cached version.
    unsafe {
        if version == 0 {
            return true;
        }
        if values(o).is_null() {
            let dict = *instance::dict_pointer(o);
            return dict.is_null() || keys::version(dict) == version;
        }
        (*(*type_of(o).cast::<PyHeapTypeObject>()).ht_cached_keys).dk_version == version
    }
}

/// The slot of entry `index` of an instance's dict if it has that name; else null.
#[inline(always)]
unsafe fn dict_slot(o: *mut PyObject, index: usize, name: *mut PyObject) -> *mut *mut PyObject {
    // SAFETY: an instance of a type with a managed dict; layouts are used after kinds were asked.
    unsafe {
        let none = std::ptr::null_mut();
        if !values(o).is_null() {
            return none;
        }
        let dict = (*instance::dict_pointer(o)).cast::<PyDictObject>();
        if dict.is_null() || type_of(dict.cast()) != &raw mut sys::PyDict_Type {
            return none;
        }
        let table = (*dict).ma_keys;
        // These have entries of another shape.
        if (*table).dk_kind == keys::GENERAL || index >= (*table).dk_nentries as usize {
            return none;
        }
        let entry = keys::entries(table).cast::<PyDictUnicodeEntry>().add(index);
        if (*entry).me_key != name {
            return none;
        }
        if (*dict).ma_values.is_null() {
            &raw mut (*entry).me_value
        } else {
            (*dict).ma_values.cast::<*mut PyObject>().add(index)
        }
    }
}
