//! `LOAD_ATTR`, `STORE_ATTR` and `LOAD_METHOD` of owners of several types: up to four plans in the inline cache.

use super::attributes::{
    Cache, MISSES, inline_value, lacks_name, method, miss_load, miss_method, miss_store, owner,
    place_handlers, store_inline, unbound, values,
};
use super::registers::Registers;
use super::resolve::{Kind, Place, resolve};
use super::stack::load_fast;
use super::{Handler, Unit, handlers};
use crate::helpers;
use crate::opcode::caches;
use capi::instance;
use capi::opcode as op;
use capi::refs::type_of;
use capi::sys::PyObject;

/// Plans of one instruction.
const PLANS: usize = 4;
/// The cache unit in which the plans begin, counted from the instruction.
const TABLE: usize = 3;

/// The inline value `index` of instances whose type has `version`; 0: free.
#[repr(C)]
#[derive(Clone, Copy)]
struct Plan {
    version: u32,
    index: u32,
}

/// The method `value` of such instances, if they have no attribute of the name: see [`lacks_name`].
#[repr(C)]
#[derive(Clone, Copy)]
struct MethodPlan {
    version: u32,
    keys: u32,
    value: *mut PyObject,
}

const _: () = {
    assert!((TABLE - 1) * size_of::<Unit>() >= size_of::<Cache>());
    let table = PLANS * size_of::<Plan>() / size_of::<Unit>();
    assert!(TABLE - 1 + table <= caches(op::LOAD_ATTR) && TABLE - 1 + table <= caches(op::STORE_ATTR));
    assert!(TABLE - 1 + PLANS * size_of::<MethodPlan>() / size_of::<Unit>() <= caches(op::LOAD_METHOD));
};

/// The slot of the inline value in the plan for the owner; `None`: no plan, or no inline values.
#[inline(always)]
unsafe fn slot<const LOCAL: bool>(w: &Registers, o: *mut PyObject) -> Option<*mut *mut PyObject> {
    // SAFETY: a live owner; the instruction's own cache.
    unsafe {
        let plans = w.cache::<Plan>(LOCAL as usize + TABLE);
        let version = (*type_of(o)).tp_version_tag;
        for i in 0..PLANS {
            let plan = plans.add(i);
            if (*plan).version == version && version != 0 {
                let values = values(o);
                return (!values.is_null()).then(|| values.add((*plan).index as usize));
            }
        }
        None
    }
}

/// Leaves to the load, or to `miss`.
macro_rules! missed {
    ($w:ident, $arg:ident, $local:expr, $miss:expr) => {
        return if $local { $w.instead(load_fast, $arg) } else { $w.instead($miss, $arg) }
    };
}

handlers! {
    /// `LOAD_ATTR` of inline values.
    fn load<const LOCAL: bool>(w, arg) {
        let o = owner::<LOCAL>(&w, arg);
        if unbound::<LOCAL>(o) {
            return w.instead(load_fast, arg);
        }
        let Some(slot) = slot::<LOCAL>(&w, o) else { missed!(w, arg, LOCAL, miss_load) };
        let value = *slot;
        if value.is_null() {
            missed!(w, arg, LOCAL, super::full);
        }
        (*value).ob_refcnt += 1;
        if LOCAL {
            w.push(value);
        } else {
            w.poke(1, value);
            w.drop(o);
        }
        w.next(LOCAL as usize + 1 + caches(op::LOAD_ATTR))
    }

    /// `STORE_ATTR` of inline values.
    fn store<const LOCAL: bool>(w, arg) {
        let o = owner::<LOCAL>(&w, arg);
        if unbound::<LOCAL>(o) {
            return w.instead(load_fast, arg);
        }
        let Some(slot) = slot::<LOCAL>(&w, o) else { missed!(w, arg, LOCAL, miss_store) };
        let old = *slot;
        *slot = w.peek(if LOCAL { 1 } else { 2 });
        w.shrink(if LOCAL { 1 } else { 2 });
        w.ip = w.ip.add(LOCAL as usize);
        if old.is_null() {
            let values = values(o);
            instance::note_insertion(values.cast(), capi::dict::EntryIndex(slot.offset_from(values) as usize));
        } else {
            w.drop(old);
        }
        if !LOCAL {
            w.drop(o);
        }
        w.next(1 + caches(op::STORE_ATTR))
    }

    /// `LOAD_METHOD` of functions of the types.
    fn load_method<const LOCAL: bool>(w, arg) {
        let o = owner::<LOCAL>(&w, arg);
        if unbound::<LOCAL>(o) {
            return w.instead(load_fast, arg);
        }
        let plans = w.cache::<MethodPlan>(LOCAL as usize + TABLE);
        let version = (*type_of(o)).tp_version_tag;
        for i in 0..PLANS {
            let plan = plans.add(i);
            if (*plan).version == version && version != 0 {
                if !lacks_name(o, (*plan).keys) {
                    break;
                }
                let method = (*plan).value;
                (*method).ob_refcnt += 1;
                if LOCAL {
                    (*o).ob_refcnt += 1;
                    *w.sp = method;
                    *w.sp.add(1) = o;
                    w.sp = w.sp.add(2);
                } else {
                    w.poke(1, method);
                    w.push(o);
                }
                return w.next(LOCAL as usize + 1 + caches(op::LOAD_METHOD));
            }
        }
        missed!(w, arg, LOCAL, miss_method)
    }
}

/// Adds a plan for an owner at which a handler for one type, or for several, missed. False: there is none of that kind, or no room.
///
/// # Safety
/// `at` is an instruction of this code with such a handler, and its owner.
#[cold]
pub(super) unsafe fn learn(
    at: *mut Unit,
    code: *mut capi::sys::PyCodeObject,
    owner: *mut PyObject,
    arg: usize,
) -> bool {
    // SAFETY: by contract.
    unsafe {
        let cache = at.add(1).cast::<Cache>();
        let current = (*at).handler;
        let is = |handler: Handler| std::ptr::fn_addr_eq(handler, current);
        // Whether one type was known so far, what it is about, and the handlers for several.
        let rows: [(Handler, Handler, Handler, Kind, Place); 3] = [
            (inline_value::<false>, load::<false>, load::<true>, Kind::Load, Place::Inline),
            (store_inline::<false>, store::<false>, store::<true>, Kind::Store, Place::Inline),
            (method::<false>, load_method::<false>, load_method::<true>, Kind::Method, Place::Type),
        ];
        let Some(&(one, several, local, kind, place)) = rows.iter().find(|row| is(row.0) || is(row.1)) else {
            return false;
        };
        let name = *helpers::tuple_items((*code).co_names).add(arg);
        let mut found = std::mem::zeroed::<Cache>();
        if resolve(owner, name, &mut found, kind) != Some(place) {
            return false;
        }
        let known = [&*cache, &found];
        let plans = at.add(TABLE).cast::<Plan>();
        let methods = at.add(TABLE).cast::<MethodPlan>();
        if is(one) && found.version == (*cache).version {
            // The same type, other keys: it may go on so.
            (*cache).index = found.index;
            (*cache).keys = found.keys;
            (*cache).value = found.value;
            return false;
        }
        if is(one) {
            for i in 0..PLANS {
                let version = known.get(i).map_or(0, |cache| cache.version);
                if kind == Kind::Method {
                    let (keys, value) = known.get(i).map_or((0, std::ptr::null_mut()), |c| (c.keys, c.value));
                    methods.add(i).write(MethodPlan { version, keys, value });
                } else {
                    plans.add(i).write(Plan { version, index: known.get(i).map_or(0, |c| c.index) });
                }
            }
            place_handlers(at, several, local);
            (*cache).counter = MISSES;
            return true;
        }
        let version_at =
            |i: usize| if kind == Kind::Method { (*methods.add(i)).version } else { (*plans.add(i)).version };
        let Some(i) = (0..PLANS).find(|&i| version_at(i) == 0 || version_at(i) == found.version) else {
            return false;
        };
        let known = version_at(i) != 0;
        if !known {
            (*cache).counter = MISSES;
        }
        if kind == Kind::Method {
            methods.add(i).write(MethodPlan { version: found.version, keys: found.keys, value: found.value });
        } else {
            plans.add(i).write(Plan { version: found.version, index: found.index });
        }
        !known
    }
}
