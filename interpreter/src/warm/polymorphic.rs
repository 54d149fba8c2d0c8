//! `LOAD_ATTR`, `STORE_ATTR` and `LOAD_METHOD` of owners of several types: up to four plans, in a line of memory of their own.

use super::attributes::{
    Cache, LOAD, MISSES, STORE, give_method, inline_value, lacks_name, method, miss_load, miss_method,
    miss_store, owner, place_handlers, store_inline, unbound, values,
};
use super::registers::Registers;
use super::resolve::{Kind, Place, resolve};
use super::stack::load_fast;
use super::{Handler, Unit, handlers};
use crate::{code_data, helpers};
use capi::instance;
use capi::refs::type_of;
use capi::sys::{PyCodeObject, PyObject};
use std::ptr::null_mut;

/// What to do for the owners of one type.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
struct Plan {
    /// The type's; 0: free.
    version: u32,
    /// The inline value to read or write; or the keys in which the name of a method must not be, see [`lacks_name`].
    index: u32,
    /// The method, borrowed while the type has the version; else null.
    method: *mut PyObject,
}

/// So many plans make a line of memory.
const PLANS: usize = 4;

/// The plans of one instruction.
#[repr(C, align(64))]
#[derive(Debug)]
pub(super) struct Plans([Plan; PLANS]);

impl Plans {
    const NONE: Plans = Plans([Plan { version: 0, index: 0, method: null_mut() }; PLANS]);

    /// The plan for the owner.
    #[inline(always)]
    unsafe fn find(this: *const Plans, o: *mut PyObject) -> Option<*const Plan> {
        // SAFETY: an instruction's own plans, a live owner.
        unsafe {
            let version = (*type_of(o)).tp_version_tag;
            for i in 0..PLANS {
                let plan = this.cast::<Plan>().add(i);
                if (*plan).version == version && version != 0 {
                    return Some(plan);
                }
            }
            None
        }
    }
}

/// The slot of the inline value in the plan for the owner; `None`: no plan, or no inline values.
#[inline(always)]
unsafe fn slot<const LOCAL: bool>(w: &Registers, o: *mut PyObject) -> Option<*mut *mut PyObject> {
    // SAFETY: a live owner; the instruction's own cache.
    unsafe {
        let plan = Plans::find((*w.cache::<Cache>(LOCAL as usize + 1)).plans, o)?;
        let values = values(o);
        (!values.is_null()).then(|| values.add((*plan).index as usize))
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
        w.next(LOCAL as usize + LOAD)
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
        w.next(STORE)
    }

    /// `LOAD_METHOD` of functions of the types.
    fn load_method<const LOCAL: bool>(w, arg) {
        let o = owner::<LOCAL>(&w, arg);
        if unbound::<LOCAL>(o) {
            return w.instead(load_fast, arg);
        }
        let plan = Plans::find((*w.cache::<Cache>(LOCAL as usize + 1)).plans, o);
        let Some(plan) = plan.filter(|&plan| lacks_name(o, (*plan).index)) else {
            missed!(w, arg, LOCAL, miss_method)
        };
        give_method::<LOCAL>(w, o, (*plan).method)
    }
}

/// Empty plans, which the code's translation owns; null without memory.
unsafe fn new_plans(code: *mut PyCodeObject) -> *mut Plans {
    // SAFETY: by the caller: the code is translated.
    unsafe {
        let all = &mut (*code_data::get_known(code)).translation.plans;
        if allocator::fallible(|| all.try_reserve(1)).is_err() {
            return null_mut();
        }
        let Some(plans) = allocator::boxed(Plans::NONE) else { return null_mut() };
        let plans = Box::into_raw(plans);
        all.push(plans);
        plans
    }
}

/// Adds a plan for an owner at which a handler for one type, or for several, missed. False: there is none of that kind, or no room.
///
/// # Safety
/// `at` is an instruction of this code with such a handler, and its owner.
#[cold]
pub(super) unsafe fn learn(at: *mut Unit, code: *mut PyCodeObject, owner: *mut PyObject, arg: usize) -> bool {
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
        let plan = |found: &Cache| match kind {
            Kind::Method => Plan { version: found.version, index: found.keys, method: found.value },
            _ => Plan { version: found.version, index: found.index, method: null_mut() },
        };
        if is(one) && found.version == (*cache).version {
            // The same type, other keys: it may go on so.
            (*cache).index = found.index;
            (*cache).keys = found.keys;
            (*cache).value = found.value;
            return false;
        }
        if is(one) {
            if (*cache).plans.is_null() {
                (*cache).plans = new_plans(code);
            }
            if (*cache).plans.is_null() {
                return false;
            }
            *(*cache).plans = Plans::NONE;
            (&mut (*(*cache).plans).0)[..2].copy_from_slice(&[plan(&*cache), plan(&found)]);
            place_handlers(at, several, local);
            (*cache).counter = MISSES;
            return true;
        }
        let plans = &mut (*(*cache).plans).0;
        let Some(place) = plans.iter_mut().find(|p| p.version == 0 || p.version == found.version) else {
            return false;
        };
        let known = place.version != 0;
        if !known {
            (*cache).counter = MISSES;
        }
        *place = plan(&found);
        !known
    }
}
