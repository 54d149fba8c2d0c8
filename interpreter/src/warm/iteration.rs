//! `FOR_ITER`, by the iterator's type, with a store of the item into a local behind it.

use super::binary::short_of_ints;
use super::handlers;
use super::parked::{back, finish_one, park};
use super::registers::Registers;
use super::stack::store_fast;
use crate::machine::Flow;
use crate::{numbers, tracing};
use capi::objects::{ListIter, RangeIter, TupleIter};
use capi::refs::type_of;
use capi::sys::{self, PyObject};

/// The next int of a range; `None` at its end, or when a call is needed for it.
#[inline(always)]
unsafe fn range_next(range: *mut RangeIter) -> Option<*mut PyObject> {
    // SAFETY: a live range iterator.
    unsafe {
        if (*range).index >= (*range).len {
            return None;
        }
        let value = (*range).start.wrapping_add((*range).index.wrapping_mul((*range).step));
        let item = numbers::quick_int(value)?;
        (*range).index += 1;
        Some(item)
    }
}

/// The next item (owned) of a list or tuple; `None` at the end.
#[inline(always)]
unsafe fn sequence_next(iterator: *mut PyObject, list: bool) -> Option<*mut PyObject> {
    // SAFETY: a live iterator of that kind; list and tuple iterators have the same layout.
    unsafe {
        let iterator = iterator.cast::<ListIter>();
        let sequence = (*iterator).it_seq;
        let index = (*iterator).it_index;
        if sequence.is_null() || index >= (*sequence.cast::<sys::PyVarObject>()).ob_size {
            return None;
        }
        let items = if list {
            (*sequence.cast::<sys::PyListObject>()).ob_item
        } else {
            crate::helpers::tuple_items(sequence)
        };
        let item = *items.offset(index);
        (*item).ob_refcnt += 1;
        (*iterator).it_index = index + 1;
        Some(item)
    }
}
const _: () = {
    use std::mem::offset_of;
    assert!(offset_of!(ListIter, it_index) == offset_of!(TupleIter, it_index));
    assert!(offset_of!(ListIter, it_seq) == offset_of!(TupleIter, it_seq));
};

/// Pushes the item, or stores it where the next instruction says when nobody can see the difference.
#[inline(always)]
unsafe fn give<const STORE: bool>(mut w: Registers, item: *mut PyObject) -> Flow {
    // SAFETY: the machine's invariant; with STORE a STORE_FAST follows.
    unsafe {
        if !STORE {
            w.push(item);
            return w.next(1);
        }
        let slot = w.local(w.arg(1));
        let old = *slot;
        if !old.is_null() {
            if (*old).ob_refcnt > 1 {
                (*old).ob_refcnt -= 1;
            } else if !numbers::keep_number(w.tstate, old) {
                // Its death belongs to the second instruction, or takes a call.
                w.push(item);
                let store = w.arg(1);
                w.ip = w.ip.add(1);
                return w.instead(store_fast, store);
            }
        }
        *slot = item;
        w.next(2)
    }
}

/// The end of a loop over a list or tuple: an exhausted iterator lets its sequence go, so that it stays exhausted.
#[inline(always)]
unsafe fn leave_loop(mut w: Registers, iterator: *mut PyObject, distance: usize) -> Flow {
    // SAFETY: the machine's invariant; an iterator of that kind.
    unsafe {
        let sequence = std::mem::replace(&mut (*iterator.cast::<ListIter>()).it_seq, std::ptr::null_mut());
        w.shrink(1);
        if !sequence.is_null() {
            w.drop(sequence);
        }
        w.drop(iterator);
        w.next(1 + distance)
    }
}

handlers! {
    /// `GET_ITER`
    fn get_iter(w, _arg) {
        let iterable = w.peek(1);
        let ty = type_of(iterable);
        // A generator is its own iterator.
        if ty == &raw mut sys::PyGen_Type {
            return w.next(1);
        }
        let home = park(w);
        finish_one(home, sys::PyObject_GetIter(iterable), 1)
    }

    /// `FOR_ITER` that has not been looked at, or of anything: chooses the handler by the iterator's type.
    fn for_iter(w, distance) {
        let ty = type_of(w.peek(1));
        let store = std::ptr::fn_addr_eq((*w.ip.add(1)).handler, store_fast as super::Handler);
        let handler: super::Handler = if ty == &raw mut sys::PyRangeIter_Type {
            if store { range::<true> } else { range::<false> }
        } else if ty == &raw mut sys::PyListIter_Type {
            if store { list::<true> } else { list::<false> }
        } else if ty == &raw mut sys::PyTupleIter_Type {
            if store { tuple::<true> } else { tuple::<false> }
        } else if ty == &raw mut sys::PyGen_Type {
            super::generators::for_iter
        } else if store {
            any::<true>
        } else {
            any::<false>
        };
        (*w.ip).handler = handler;
        w.instead(handler, distance)
    }

    fn range<const STORE: bool>(w, distance) {
        let iterator = w.peek(1);
        if type_of(iterator) != &raw mut sys::PyRangeIter_Type {
            return w.instead(any::<STORE>, distance);
        }
        if let Some(item) = range_next(iterator.cast()) {
            return give::<STORE>(w, item);
        }
        let range = iterator.cast::<RangeIter>();
        if (*range).index < (*range).len {
            return short_of_ints(w, range_call, distance);
        }
        w.shrink(1);
        w.drop(iterator);
        w.next(1 + distance)
    }

    /// The next int of a range that needs a call to be made.
    fn range_call(w, _distance) {
        w.show();
        let range = w.peek(1).cast::<RangeIter>();
        let value = (*range).start.wrapping_add((*range).index.wrapping_mul((*range).step));
        let item = sys::PyLong_FromLongLong(value);
        if item.is_null() {
            sys::PyErr_Clear();
            return w.full_jump();
        }
        (*range).index += 1;
        w.push(item);
        w.next(1)
    }

    fn list<const STORE: bool>(w, distance) {
        let iterator = w.peek(1);
        if type_of(iterator) != &raw mut sys::PyListIter_Type {
            return w.instead(any::<STORE>, distance);
        }
        match sequence_next(iterator, true) {
            Some(item) => give::<STORE>(w, item),
            None => leave_loop(w, iterator, distance),
        }
    }

    fn tuple<const STORE: bool>(w, distance) {
        let iterator = w.peek(1);
        if type_of(iterator) != &raw mut sys::PyTupleIter_Type {
            return w.instead(any::<STORE>, distance);
        }
        match sequence_next(iterator, false) {
            Some(item) => give::<STORE>(w, item),
            None => leave_loop(w, iterator, distance),
        }
    }

    /// Any iterator: its `tp_iternext`.
    fn any<const STORE: bool>(w, distance) {
        let iterator = w.peek(1);
        let ty = type_of(iterator);
        if ty == &raw mut sys::PyListIter_Type
            && let Some(item) = sequence_next(iterator, true)
        {
            return give::<STORE>(w, item);
        }
        if ty == &raw mut sys::PyGen_Type {
            return w.instead(super::generators::for_iter, distance);
        }
        let Some(next) = (*ty).tp_iternext else { return w.full_jump() };
        let home = park(w);
        let item = next(iterator);
        let mut w = back(home);
        if item.is_null() {
            return w.instead(ended, 0);
        }
        // Whom the iterator made watch sees the store too.
        if STORE && !tracing::is_on(w.tstate) {
            return give::<true>(w, item);
        }
        w.push(item);
        w.next(1)
    }

    /// The end of a loop over any iterator, which gave nothing: there may be an exception.
    fn ended(w, _arg) {
        if !(*w.tstate).curexc_type.is_null() {
            if sys::PyErr_ExceptionMatches(sys::PyExc_StopIteration) == 0 {
                return super::exceptions::raise(w);
            }
            sys::PyErr_Clear();
        }
        let (iterator, distance) = (w.peek(1), w.arg(0));
        w = w.after_code();
        w.shrink(1);
        w.drop(iterator);
        w.next(1 + distance)
    }
}
