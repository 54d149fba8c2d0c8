//! Subscripts of `array.array`: doubles and signed integers are read and written in the buffer itself.

use super::binary::{float_of, is_float, is_int, short_of_floats, short_of_ints};
use super::site::{MISSES, Site};
use super::subscripts::{STORE, WIDTH, miss, store_any};
use super::{Handler, Unit, handlers};
use crate::machine::NumberSize;
use crate::numbers;
use crate::semantics::arrays::{Items, resolve};
use capi::objects::Array;
use capi::refs::type_of;
use capi::sys::{self, PyObject};

/// The inline cache of `BINARY_SUBSCR` and of `STORE_SUBSCR`.
#[repr(C)]
struct Cache {
    /// Its counter: how often the handler may still be wrong; of other handlers executions until they look again.
    site: Site,
    /// Version of the array's type.
    version: u32,
    /// What kind of items it has: a row of the array module's table.
    kind: *const u8,
}

const _: () = assert!(size_of::<Cache>() <= (WIDTH - 1) * size_of::<Unit>() && STORE == WIDTH);

/// Address of item `key`, if the object is an array like the resolved one and `key` an int in range.
#[inline(always)]
unsafe fn place<T>(o: *mut PyObject, key: *mut PyObject, cache: *const Cache) -> Option<*mut T> {
    // SAFETY: live objects; the layout was resolved for the type's version and the kind.
    unsafe {
        if (*type_of(o)).tp_version_tag != (*cache).version {
            return None;
        }
        let array = o.cast::<Array>();
        if (*array).ob_descr != (*cache).kind || !is_int(key) {
            return None;
        }
        let size = (*array).ob_base.ob_size as i64;
        let mut index = numbers::one_digit(key)?;
        if index < 0 {
            index += size;
        }
        ((index as u64) < size as u64).then(|| (*array).ob_item.cast::<T>().offset(index as isize))
    }
}

handlers! {
    /// A double.
    fn load_double(w, arg) {
        let (key, array) = (w.peek(1), w.peek(2));
        let Some(item) = place::<f64>(array, key, w.cache(1)) else { return w.instead(miss, arg) };
        let Some(result) = numbers::quick_float(w.tstate, *item) else {
            return short_of_floats(w, super::full, arg);
        };
        w.shrink(1);
        w.poke(1, result);
        w.drop(array);
        w.drop_int(key);
        w.next(WIDTH)
    }

    /// An integer of four bytes, or of eight.
    fn load_int<const WORD: bool>(w, arg) {
        let (key, array) = (w.peek(1), w.peek(2));
        let value = if WORD {
            place::<i64>(array, key, w.cache(1)).map(|item| *item)
        } else {
            place::<i32>(array, key, w.cache(1)).map(|item| i64::from(*item))
        };
        let Some(value) = value else { return w.instead(miss, arg) };
        let Some(result) = numbers::quick_int(value) else { return short_of_ints(w, super::full, arg) };
        w.shrink(1);
        w.poke(1, result);
        w.drop(array);
        w.drop_int(key);
        w.next(WIDTH)
    }

    /// `STORE_SUBSCR` into an array of doubles.
    fn store_double(w, arg) {
        let (key, array, value) = (w.peek(1), w.peek(2), w.peek(3));
        let (Some(item), Some(x)) = (place::<f64>(array, key, w.cache(1)), float_of(value)) else {
            return w.instead(miss_store, arg);
        };
        *item = x;
        w.shrink(3);
        if is_float(value) {
            w.drop_float(value);
        } else {
            w.drop_int(value);
        }
        w.drop(array);
        w.drop_int(key);
        w.next(STORE)
    }

    /// The same for integers of four bytes, or of eight.
    fn store_int<const WORD: bool>(w, arg) {
        let (key, array, value) = (w.peek(1), w.peek(2), w.peek(3));
        if !is_int(value) {
            return w.instead(miss_store, arg);
        }
        // One digit fits either size.
        let Some(x) = numbers::one_digit(value) else { return w.instead(store_any, arg) };
        if WORD {
            let Some(item) = place::<i64>(array, key, w.cache(1)) else { return w.instead(miss_store, arg) };
            *item = x;
        } else {
            let Some(item) = place::<i32>(array, key, w.cache(1)) else { return w.instead(miss_store, arg) };
            *item = x as i32;
        }
        w.shrink(3);
        w.drop_int(value);
        w.drop(array);
        w.drop_int(key);
        w.next(STORE)
    }

    /// A store that is not into an array like the resolved one.
    fn miss_store(w, arg) {
        let site = w.cache::<Site>(1);
        if (*site).counter > 0 {
            (*site).counter -= 1;
        } else {
            (*w.ip).handler = super::subscripts::store_subscr;
        }
        w.instead(store_any, arg)
    }
}

/// The array's kind, noted in an inline cache.
unsafe fn note(o: *mut PyObject, cache: *mut Cache) -> Option<Items> {
    // SAFETY: a live object; the instruction's own unit.
    unsafe {
        let items = resolve(o)?;
        let ty = type_of(o);
        // Assigns a version tag if it can.
        sys::_PyType_Lookup(ty, capi::id!(___getitem__));
        if (*ty).tp_flags & u64::from(sys::Py_TPFLAGS_VALID_VERSION_TAG) == 0 {
            return None;
        }
        let kind = (*o.cast::<Array>()).ob_descr;
        (*cache).site.counter = MISSES;
        (*cache).version = (*ty).tp_version_tag;
        (*cache).kind = kind;
        Some(items)
    }
}

/// Puts the handler for this array at a `BINARY_SUBSCR`, if there is one.
pub(super) unsafe fn specialise_load(at: *mut Unit, container: *mut PyObject) -> bool {
    // SAFETY: the instruction has such a cache.
    unsafe {
        let Some(items) = note(container, at.add(1).cast()) else { return false };
        (*at).handler = match items {
            Items::Doubles => load_double,
            Items::Ints(NumberSize::Half) => load_int::<false>,
            Items::Ints(NumberSize::Word) => load_int::<true>,
        };
        true
    }
}

/// Puts the handler for this array at a `STORE_SUBSCR`, if there is one.
pub(super) unsafe fn specialise_store(at: *mut Unit, container: *mut PyObject) {
    // SAFETY: the instruction has such a cache.
    unsafe {
        let Some(items) = note(container, at.add(1).cast()) else { return };
        let handler: Handler = match items {
            Items::Doubles => store_double,
            Items::Ints(NumberSize::Half) => store_int::<false>,
            Items::Ints(NumberSize::Word) => store_int::<true>,
        };
        (*at).handler = handler;
    }
}
