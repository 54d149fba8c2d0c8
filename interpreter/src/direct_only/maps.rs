//! Dicts and sets, and unpacking with a star.

use super::{drop_top, push_result, status};
use crate::direct::Direct;
use crate::helpers;
use crate::machine::{Flow, Machine};
use capi::arguments;
use capi::refs::{decref, type_of};
use capi::sys::{self, PyObject};
use std::ptr;

/// A dict of `n` keys and values, each `step` apart. Null with an exception.
unsafe fn dict_from(
    keys: *const *mut PyObject,
    key_step: usize,
    values: *const *mut PyObject,
    value_step: usize,
    n: usize,
) -> *mut PyObject {
    // SAFETY: both arrays have that many live objects.
    unsafe {
        let dict = if n > 5 { sys::_PyDict_NewPresized(n as isize) } else { sys::PyDict_New() };
        if dict.is_null() {
            return dict;
        }
        for i in 0..n {
            if sys::PyDict_SetItem(dict, *keys.add(i * key_step), *values.add(i * value_step)) != 0 {
                decref(dict);
                return ptr::null_mut();
            }
        }
        dict
    }
}

/// `BUILD_MAP`: `n` pairs, key below value.
#[inline(never)]
pub fn build_map(d: &mut Direct, n: usize) -> Flow {
    // SAFETY: the invariant.
    unsafe {
        let first = d.sp.sub(2 * n);
        let dict = dict_from(first, 2, first.add(1), 2, n);
        if dict.is_null() {
            return Flow::Raise;
        }
        for _ in 0..2 * n {
            drop_top(d);
        }
        push_result(d, dict)
    }
}

/// `BUILD_CONST_KEY_MAP`: `n` values, the tuple of keys above.
#[inline(never)]
pub fn build_const_key_map(d: &mut Direct, n: usize) -> Flow {
    // SAFETY: the invariant.
    unsafe {
        let keys = d.peek(1);
        if type_of(keys) != &raw mut sys::PyTuple_Type || helpers::size_of_sequence(keys) != n {
            return super::raise(sys::PyExc_SystemError, c"bad BUILD_CONST_KEY_MAP keys argument");
        }
        let dict = dict_from(helpers::tuple_items(keys), 1, d.sp.sub(n + 1), 1, n);
        if dict.is_null() {
            return Flow::Raise;
        }
        for _ in 0..=n {
            drop_top(d);
        }
        push_result(d, dict)
    }
}

/// `BUILD_SET`
#[inline(never)]
pub fn build_set(d: &mut Direct, n: usize) -> Flow {
    // SAFETY: the invariant.
    unsafe {
        let set = sys::PySet_New(ptr::null_mut());
        if set.is_null() {
            return Flow::Raise;
        }
        let mut failed = 0;
        for depth in (1..=n).rev() {
            let item = d.peek(depth);
            if failed == 0 {
                failed = sys::PySet_Add(set, item);
            }
            decref(item);
        }
        d.shrink(n);
        if failed != 0 {
            decref(set);
            return Flow::Raise;
        }
        push_result(d, set)
    }
}

/// `SET_ADD`
#[inline(never)]
pub fn set_add(d: &mut Direct, depth: usize) -> Flow {
    // SAFETY: the invariant.
    unsafe {
        let value = d.pop();
        let result = sys::PySet_Add(d.peek(depth), value);
        decref(value);
        status(result)
    }
}

/// `SET_UPDATE`
#[inline(never)]
pub fn set_update(d: &mut Direct, depth: usize) -> Flow {
    // SAFETY: the invariant.
    unsafe {
        let iterable = d.pop();
        let result = sys::_PySet_Update(d.peek(depth), iterable);
        decref(iterable);
        status(result)
    }
}

/// `MAP_ADD`: key below, value above.
#[inline(never)]
pub fn map_add(d: &mut Direct, depth: usize) -> Flow {
    // SAFETY: the invariant.
    unsafe {
        let value = d.peek(1);
        let key = d.peek(2);
        d.shrink(2);
        let result = sys::PyDict_SetItem(d.peek(depth), key, value);
        decref(key);
        decref(value);
        status(result)
    }
}

/// `DICT_UPDATE`
#[inline(never)]
pub fn dict_update(d: &mut Direct, depth: usize) -> Flow {
    // SAFETY: the invariant.
    unsafe {
        let update = d.pop();
        let result = sys::PyDict_Update(d.peek(depth), update);
        if result < 0 && sys::PyErr_ExceptionMatches(sys::PyExc_AttributeError) != 0 {
            sys::PyErr_Format(
                sys::PyExc_TypeError,
                c"'%.200s' object is not a mapping".as_ptr(),
                (*type_of(update)).tp_name,
            );
        }
        decref(update);
        status(result)
    }
}

/// `DICT_MERGE`: `**mapping` of a call, whose callable is two below the dict.
#[inline(never)]
pub fn dict_merge(d: &mut Direct, depth: usize) -> Flow {
    // SAFETY: the invariant.
    unsafe {
        let update = d.pop();
        let result = sys::_PyDict_MergeEx(d.peek(depth), update, 2);
        if result < 0 {
            arguments::format_kwargs_error(d.tstate, d.peek(2 + depth), update);
        }
        decref(update);
        status(result)
    }
}

/// `UNPACK_EX`: `a, *b, c = …`; values before the star in the low byte, after it above.
#[inline(never)]
pub fn unpack_ex(d: &mut Direct, arg: usize) -> Flow {
    let (before, after) = (arg & 0xff, arg >> 8);
    // SAFETY: the invariant; the stack has room for all targets.
    unsafe {
        let sequence = d.pop();
        let total = before + 1 + after;
        let ok = unpack_star(sequence, before, after, d.sp.add(total));
        if ok {
            d.sp = d.sp.add(total);
        }
        decref(sequence);
        if ok { Flow::Next } else { Flow::Raise }
    }
}

/// `unpack_iterable` of Python/ceval.c with a star: fills downwards from `top`.
unsafe fn unpack_star(sequence: *mut PyObject, before: usize, after: usize, top: *mut *mut PyObject) -> bool {
    // SAFETY: by the caller.
    unsafe {
        let iterator = sys::PyObject_GetIter(sequence);
        if iterator.is_null() {
            let ty = type_of(sequence);
            if sys::PyErr_ExceptionMatches(sys::PyExc_TypeError) != 0
                && (*ty).tp_iter.is_none()
                && sys::PySequence_Check(sequence) == 0
            {
                sys::PyErr_Format(
                    sys::PyExc_TypeError,
                    c"cannot unpack non-iterable %.200s object".as_ptr(),
                    (*ty).tp_name,
                );
            }
            return false;
        }
        let mut sp = top;
        let mut count = 0;
        let fail = |mut sp: *mut *mut PyObject, count: usize| {
            for _ in 0..count {
                decref(*sp);
                sp = sp.add(1);
            }
            decref(iterator);
            false
        };
        while count < before {
            let item = sys::PyIter_Next(iterator);
            if item.is_null() {
                if sys::PyErr_Occurred().is_null() {
                    sys::PyErr_Format(
                        sys::PyExc_ValueError,
                        c"not enough values to unpack (expected at least %d, got %d)".as_ptr(),
                        (before + after) as i32,
                        count as i32,
                    );
                }
                return fail(sp, count);
            }
            sp = sp.sub(1);
            *sp = item;
            count += 1;
        }
        let list = sys::PySequence_List(iterator);
        if list.is_null() {
            return fail(sp, count);
        }
        sp = sp.sub(1);
        *sp = list;
        count += 1;
        let len = helpers::size_of_sequence(list);
        if len < after {
            sys::PyErr_Format(
                sys::PyExc_ValueError,
                c"not enough values to unpack (expected at least %d, got %zd)".as_ptr(),
                (before + after) as i32,
                before + len,
            );
            return fail(sp, count);
        }
        let items = (*list.cast::<sys::PyListObject>()).ob_item;
        for j in (1..=after).rev() {
            sp = sp.sub(1);
            *sp = *items.add(len - j);
        }
        (*list.cast::<sys::PyVarObject>()).ob_size = (len - after) as isize;
        decref(iterator);
        true
    }
}
