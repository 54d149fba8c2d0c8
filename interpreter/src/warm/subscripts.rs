//! `BINARY_SUBSCR` and `STORE_SUBSCR` of lists, tuples and dicts.

use super::binary::{CONST, COPIED, LOCAL, STACK, is_int, loads, operands, plain, put};
use super::parked::{failed, finish_bare, finish_two, park};
use super::registers::{Registers, jump};
use super::site::{MISSES, RETRY, Site};
use super::stack::swap;
use super::translate::{Before, unit_of};
use super::{Handler, Unit, arrays, calls, dispatch, handlers, width};
use crate::completion::Completion;
use crate::machine::Flow;
use crate::opcode::caches;
use crate::semantics::slices;
use crate::semantics::subscripts::call_getitem;
use crate::{code_data, helpers, numbers};
use capi::dict::{self, EntryIndex, Kind};
use capi::frame;
use capi::opcode as op;
use capi::refs::{new_ref, type_of};
use capi::sys::{self, PyObject};
use capi::words::fill_nulls;
use std::ptr;

/// Units of `BINARY_SUBSCR`.
pub(super) const WIDTH: usize = width(op::BINARY_SUBSCR);
/// Units of `STORE_SUBSCR`.
pub(super) const STORE: usize = width(op::STORE_SUBSCR);

/// The inline cache of a `BINARY_SUBSCR` of objects of a class of Python's.
#[repr(C)]
struct GetItem {
    site: Site,
    /// Of the class.
    version: u32,
    /// Its `__getitem__`, borrowed while it has the version: a function, or a method descriptor.
    function: *mut PyObject,
}

const _: () = assert!(size_of::<GetItem>() <= (WIDTH - 1) * size_of::<Unit>());

/// The inline cache of a `BINARY_SUBSCR` or `STORE_SUBSCR` of dicts.
#[repr(C)]
struct EntrySite {
    site: Site,
    /// Where the key was among the entries: a guess.
    index: u32,
}

const _: () = assert!(size_of::<EntrySite>() <= (STORE - 1) * size_of::<Unit>());

/// The value's slot at that place of an exact dict, if the very key is there.
#[inline(always)]
unsafe fn entry_slot(dict: *mut PyObject, key: *mut PyObject, index: u32) -> Option<*mut *mut PyObject> {
    // SAFETY: a live dict; the kind and the number of entries are asked first.
    unsafe {
        let keys = dict::keys(dict);
        if dict::kind(keys) != Kind::Unicode || i64::from(index) >= (*keys).dk_nentries as i64 {
            return None;
        }
        let entry = dict::unicode_entry(keys, EntryIndex(index as usize));
        ((*entry).me_key == key && !(*entry).me_value.is_null()).then_some(&raw mut (*entry).me_value)
    }
}

/// The value's slot of a str key in an exact dict of such keys; the site remembers the place. Runs no code.
#[inline(always)]
unsafe fn find_entry(
    dict: *mut PyObject,
    key: *mut PyObject,
    site: *mut EntrySite,
) -> Option<*mut *mut PyObject> {
    // SAFETY: live objects; what is asked here is asked for that.
    unsafe {
        let searchable = dict::kind(dict::keys(dict)) == Kind::Unicode;
        if searchable && type_of(key) == &raw mut sys::PyUnicode_Type {
            search(dict, key, site)
        } else {
            None
        }
    }
}

/// The same of a dict of str keys only.
#[inline(never)]
unsafe fn search(
    dict: *mut PyObject,
    key: *mut PyObject,
    site: *mut EntrySite,
) -> Option<*mut *mut PyObject> {
    // SAFETY: a live dict of that kind, and an exact str.
    unsafe {
        let (index, _) = dict::get(dict, key)?;
        (*site).index = u32::try_from(index.0).unwrap_or(0);
        Some(dict::value_slot(dict::keys(dict), index))
    }
}

/// Would storing the value have the garbage collector look at a dict that it has not looked at (`MAINTAIN_TRACKING`)?
#[inline(always)]
unsafe fn would_track(dict: *mut PyObject, value: *mut PyObject) -> bool {
    // SAFETY: live objects.
    unsafe { !dict::is_tracked(dict) && (*type_of(value)).tp_flags & u64::from(sys::Py_TPFLAGS_HAVE_GC) != 0 }
}

/// Gives an entry's value in the place of dict and key.
#[inline(always)]
unsafe fn give_entry<const L: u8, const R: u8>(
    mut w: Registers,
    dict: *mut PyObject,
    key: *mut PyObject,
    value: *mut PyObject,
) -> Flow {
    // SAFETY: the machine's invariant, at the first load.
    unsafe {
        (*value).ob_refcnt += 1;
        put::<L, R>(&mut w, value);
        w.ip = w.ip.add(loads(L, R));
        if R == STACK {
            w.drop(key);
        }
        if L == STACK {
            w.drop(dict);
        }
        w.next(WIDTH)
    }
}

/// `slot_mp_subscript`, which CPython does not export: what classes of Python's with a `__getitem__` have; null until one was met.
static mut CALLS_GETITEM: *const () = ptr::null();

/// May objects of this type have a `__getitem__` of Python's?
#[inline(always)]
unsafe fn may_have_getitem(ty: *mut sys::PyTypeObject) -> bool {
    // SAFETY: a live type; the GIL is held.
    unsafe {
        if (*ty).tp_flags & u64::from(sys::Py_TPFLAGS_HEAPTYPE) == 0 {
            return false;
        }
        let subscript = subscript_of(ty);
        if CALLS_GETITEM.is_null() {
            return subscript != subscript_of(&raw mut sys::PyDict_Type)
                && subscript != subscript_of(&raw mut sys::PyTuple_Type);
        }
        CALLS_GETITEM == subscript
    }
}

/// A type's `mp_subscript`, or null.
unsafe fn subscript_of(ty: *mut sys::PyTypeObject) -> *const () {
    // SAFETY: a live type.
    unsafe {
        let mapping = (*ty).tp_as_mapping;
        if mapping.is_null() {
            return ptr::null();
        }
        (*mapping).mp_subscript.map_or(ptr::null(), |f| f as *const ())
    }
}

/// Address of item `key` of a list or tuple, if that is an int in range.
#[inline(always)]
unsafe fn item_slot(sequence: *mut PyObject, key: *mut PyObject, list: bool) -> Option<*mut *mut PyObject> {
    // SAFETY: an exact list or tuple, a live key.
    unsafe {
        if !is_int(key) {
            return None;
        }
        let size = (*sequence.cast::<sys::PyVarObject>()).ob_size as i64;
        let mut index = numbers::one_digit(key)?;
        if index < 0 {
            index += size;
        }
        if index as u64 >= size as u64 {
            return None;
        }
        let items = if list {
            (*sequence.cast::<sys::PyListObject>()).ob_item
        } else {
            helpers::tuple_items(sequence)
        };
        Some(items.offset(index as isize))
    }
}

handlers! {
    /// An item of a list, or of a tuple.
    fn item<const LIST: bool, const L: u8, const R: u8>(w, arg) {
        let (sequence, key) = operands::<L, R>(&w, arg);
        if L == LOCAL && sequence.is_null() || R == LOCAL && key.is_null() {
            return plain::<L, R>(w, arg, miss);
        }
        let ty = if LIST { &raw mut sys::PyList_Type } else { &raw mut sys::PyTuple_Type };
        if type_of(sequence) != ty {
            return plain::<L, R>(w, arg, miss);
        }
        let Some(slot) = item_slot(sequence, key, LIST) else {
            return plain::<L, R>(w, arg, super::full);
        };
        let item = *slot;
        (*item).ob_refcnt += 1;
        put::<L, R>(&mut w, item);
        if R == STACK {
            w.drop_int(key);
        }
        w.ip = w.ip.add(loads(L, R));
        if L == STACK {
            w.drop(sequence);
        }
        w.next(WIDTH)
    }

    /// A value of a dict, at the place where the site found its key before.
    fn entry<const L: u8, const R: u8>(w, arg) {
        let (dict, key) = operands::<L, R>(&w, arg);
        if L == LOCAL && dict.is_null() || R == LOCAL && key.is_null() {
            return plain::<L, R>(w, arg, miss);
        }
        if type_of(dict) != &raw mut sys::PyDict_Type {
            return plain::<L, R>(w, arg, miss);
        }
        let Some(slot) = entry_slot(dict, key, (*w.cache::<EntrySite>(loads(L, R) + 1)).index) else {
            return w.instead(entry_elsewhere::<L, R>, arg);
        };
        give_entry::<L, R>(w, dict, key, *slot)
    }

    /// A value of a dict, wherever its key is.
    fn entry_elsewhere<const L: u8, const R: u8>(w, arg) {
        let (dict, key) = operands::<L, R>(&w, arg);
        let site = w.cache::<EntrySite>(loads(L, R) + 1);
        if let Some(slot) = find_entry(dict, key, site) {
            return give_entry::<L, R>(w, dict, key, *slot);
        }
        // Code may run: from here on the stack owns both, as behind the loads.
        if L != STACK {
            w.push(new_ref(dict));
        }
        if R != STACK {
            w.push(new_ref(key));
        }
        w.ip = w.ip.add(loads(L, R));
        let home = park(w);
        let value = sys::PyDict_GetItemWithError(dict, key);
        if value.is_null() {
            if (*(*home).parked.tstate).curexc_type.is_null() {
                sys::_PyErr_SetKeyError(key);
            }
            return failed(home, 2);
        }
        finish_two(home, new_ref(value), WIDTH)
    }

    /// Anything but an object with a `__getitem__` of Python's: the object's own function.
    fn any(w, arg) {
        if Site::is_time(w.ip, binary_subscr) {
            return w.instead(binary_subscr, arg);
        }
        let (key, container) = (w.peek(1), w.peek(2));
        if may_have_getitem(type_of(container)) {
            return w.instead(getitem_of_any, arg);
        }
        let home = park(w);
        finish_two(home, sys::PyObject_GetItem(container, key), WIDTH)
    }

    /// An object whose class has a `__getitem__` of two parameters.
    fn getitem(w, arg) {
        let container = w.peek(2);
        let cache = w.cache::<GetItem>(1);
        if (*type_of(container)).tp_version_tag != (*cache).version {
            return w.instead(miss, arg);
        }
        let function = (*cache).function.cast::<sys::PyFunctionObject>();
        let code = (*function).func_code.cast::<sys::PyCodeObject>();
        let brief = code_data::brief(code);
        if brief.is_null() || (*brief).parameters != 2 {
            return w.instead(getitem_of_any, arg);
        }
        if !calls::has_room(&w, (*brief).frame_bytes, 1) {
            return w.instead(getitem_of_any, arg);
        }
        (*function).ob_base.ob_refcnt += 1;
        w.shrink(2);
        // CPython's inlined calls leave the caller at their last unit.
        let shown = w.instruction().add(caches(op::BINARY_SUBSCR));
        let callee = calls::push_frame_as(
            &w,
            function,
            code,
            (*brief).frame_bytes,
            shown,
            WIDTH,
            Completion::WARM_CALL,
        );
        let locals = frame::locals(callee);
        *locals = *w.sp;
        *locals.add(1) = *w.sp.add(1);
        let sp = locals.add((*code).co_nlocalsplus as usize);
        fill_nulls(locals.add(2), sp);
        jump(callee, sp, (*brief).units, w.tstate, w.home)
    }

    /// By the class's own `__getitem__`, if that is Python's, whatever the site knows of it; else by the opcode.
    fn getitem_of_any(w, arg) {
        dispatch::lay_down(&w, WIDTH);
        let home = w.home;
        match call_getitem(&mut (*home).registers, w.peek(2)) {
            Some(Flow::Next) => dispatch::resume(home),
            Some(flow) => flow,
            None => w.full(arg),
        }
    }

    /// An object whose class got its `__getitem__` from a type of C.
    fn getitem_in_c(w, arg) {
        let (key, container) = (w.peek(1), w.peek(2));
        let cache = w.cache::<GetItem>(1);
        if (*type_of(container)).tp_version_tag != (*cache).version {
            return w.instead(miss, arg);
        }
        // The call counts as a level of recursion.
        if (*w.tstate).recursion_remaining <= 1 {
            return w.full(arg);
        }
        let descriptor = (*cache).function.cast::<sys::PyMethodDescrObject>();
        let function = (*(*descriptor).d_method).ml_meth.unwrap_unchecked();
        (*w.tstate).recursion_remaining -= 1;
        let home = park(w);
        let item = function(container, key);
        (*(*home).parked.tstate).recursion_remaining += 1;
        finish_two(home, item, WIDTH)
    }

    /// `BUILD_SLICE` with the subscript behind it, where that makes no slice.
    fn build_slice(w, n) {
        dispatch::lay_down(&w, 1);
        let home = w.home;
        match slices::subscript(&mut (*home).registers, n) {
            None => w.full(n),
            Some(Flow::Next) => {
                w.sp = (*home).registers.sp;
                w.reach(unit_of((*code_data::brief(w.code())).units, w.code(), (*home).registers.ip))
            }
            Some(flow) => flow,
        }
    }

    /// `BINARY_SUBSCR` that has not been looked at.
    fn binary_subscr(w, arg) {
        let site = w.cache::<Site>(1);
        if (*site).counter > 0 {
            (*site).counter -= 1;
            return w.instead(getitem_of_any, arg);
        }
        specialise(w.ip, w.peek(2), w.peek(1));
        w.instead((*w.ip).handler, arg)
    }

    /// A special case that the operands are none of.
    fn miss(w, arg) {
        Site::missed(w.ip, binary_subscr);
        w.instead(getitem_of_any, arg)
    }

    /// `SWAP 3`, `SWAP 2`, `STORE_SUBSCR`: container, key, value.
    fn swap_swap_store(w, arg) {
        let (value, key, container) = (w.peek(1), w.peek(2), w.peek(3));
        if type_of(container) != &raw mut sys::PyList_Type {
            return w.instead(swap, arg);
        }
        let Some(slot) = item_slot(container, key, true) else { return w.instead(swap, arg) };
        let old = slot.replace(value);
        w.shrink(3);
        w.ip = w.ip.add(2);
        w.drop_often_number(old);
        w.drop_int(key);
        w.drop(container);
        w.next(STORE)
    }

    /// `STORE_SUBSCR`: value, container, key.
    fn store_subscr(w, arg) {
        let (key, container) = (w.peek(1), w.peek(2));
        let ty = type_of(container);
        if ty == &raw mut sys::PyList_Type {
            let Some(slot) = item_slot(container, key, true) else { return w.full(arg) };
            let old = slot.replace(w.peek(3));
            w.shrink(3);
            w.drop_often_number(old);
            w.drop_int(key);
            w.drop(container);
            return w.next(STORE);
        }
        if ty == &raw mut sys::PyDict_Type {
            return w.instead(store_entry, arg);
        }
        w.instead(store_other, arg)
    }

    /// An entry of a dict is written, perhaps where the site found its key before.
    fn store_entry(w, _arg) {
        let (key, dict, value) = (w.peek(1), w.peek(2), w.peek(3));
        let site = w.cache::<EntrySite>(1);
        let known = entry_slot(dict, key, (*site).index).or_else(|| find_entry(dict, key, site));
        let Some(slot) = known.filter(|_| !would_track(dict, value)) else {
            let home = park(w);
            return finish_bare::<3>(home, sys::PyDict_SetItem(dict, key, value), STORE);
        };
        let old = slot.replace(value);
        if old != value {
            dict::renew_version_tag(dict);
        }
        w.shrink(3);
        w.drop_often_number(old);
        w.drop(key);
        w.drop(dict);
        w.next(STORE)
    }

    /// An item of something else is written: of an array perhaps, at which is looked now and then.
    fn store_other(w, arg) {
        let counter = &raw mut (*w.cache::<Site>(1)).counter;
        if *counter > 0 {
            *counter -= 1;
        } else {
            *counter = RETRY;
            arrays::specialise_store(w.ip, w.peek(2));
        }
        w.instead(store_any, arg)
    }

    /// An item of anything is written.
    fn store_any(w, _arg) {
        let (key, container, value) = (w.peek(1), w.peek(2), w.peek(3));
        let home = park(w);
        finish_bare::<3>(home, sys::PyObject_SetItem(container, key, value), STORE)
    }
}

/// A handler by where its operands come from.
macro_rules! by_place {
    ($handler:ident, $before:expr $(, $list:expr)?) => {
        match $before {
            Before::Other => $handler::<$({ $list },)? STACK, STACK>,
            Before::Local => $handler::<$({ $list },)? STACK, LOCAL>,
            Before::Const => $handler::<$({ $list },)? STACK, CONST>,
            Before::LocalLocal => $handler::<$({ $list },)? LOCAL, LOCAL>,
            Before::LocalConst => $handler::<$({ $list },)? LOCAL, CONST>,
            Before::ConstLocal => $handler::<$({ $list },)? CONST, LOCAL>,
            Before::Copies => $handler::<$({ $list },)? COPIED, COPIED>,
        }
    };
}

fn handler_of(list: bool, before: Before) -> Handler {
    if list { by_place!(item, before, true) } else { by_place!(item, before, false) }
}

/// Is it a method of C, of one argument, by which the type's slot for all that is looked up gets an item? So it is in subclasses of dict.
unsafe fn is_inherited(ty: *mut sys::PyTypeObject, descriptor: *mut PyObject) -> bool {
    const SHAPE: u32 = sys::METH_O
        | sys::METH_STATIC
        | sys::METH_CLASS
        | sys::METH_KEYWORDS
        | sys::METH_VARARGS
        | sys::METH_FASTCALL;
    // SAFETY: a live type and object; the layout is used after the type was asked.
    unsafe {
        if type_of(descriptor) != &raw mut sys::PyMethodDescr_Type || CALLS_GETITEM != subscript_of(ty) {
            return false;
        }
        let descriptor = descriptor.cast::<sys::PyMethodDescrObject>();
        (*(*descriptor).d_method).ml_flags as u32 & SHAPE == sys::METH_O
            && sys::PyType_IsSubtype(ty, (*descriptor).d_common.d_type) != 0
    }
}

/// Finds handlers for operands like these.
#[cold]
#[inline(never)]
unsafe fn specialise(at: *mut Unit, container: *mut PyObject, key: *mut PyObject) {
    // SAFETY: the adaptive handler's unit; its operands are live.
    unsafe {
        let site = at.add(1).cast::<Site>();
        (*site).counter = RETRY;
        (*at).handler = any;
        Site::join_loads(at);
        let ty = type_of(container);
        let list = ty == &raw mut sys::PyList_Type;
        if ty == &raw mut sys::PyDict_Type {
            (*at.add(1).cast::<EntrySite>()).index = 0;
            Site::place(at, |before| by_place!(entry, before));
            return;
        }
        if arrays::specialise_load(at, container) {
            return;
        }
        if (*ty).tp_flags & u64::from(sys::Py_TPFLAGS_HEAPTYPE) != 0 {
            // Assigns a version tag if it can.
            let function = sys::_PyType_Lookup(ty, capi::id!(___getitem__));
            let version = (*ty).tp_version_tag;
            if function.is_null() || version == 0 {
                return;
            }
            let handler: Handler = if type_of(function) == &raw mut sys::PyFunction_Type {
                CALLS_GETITEM = subscript_of(ty);
                getitem
            } else if is_inherited(ty, function) {
                getitem_in_c
            } else {
                return;
            };
            (*site).counter = MISSES;
            let cache = at.add(1).cast::<GetItem>();
            (*cache).version = version;
            (*cache).function = function;
            (*at).handler = handler;
            return;
        }
        if !list && ty != &raw mut sys::PyTuple_Type || !is_int(key) || numbers::one_digit(key).is_none() {
            return;
        }
        Site::place(at, |before| handler_of(list, before));
    }
}
