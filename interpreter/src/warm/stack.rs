//! Loads, stores, and what moves or makes objects without asking for much.

use super::handlers;
use super::registers::{Registers, bool_value};
use crate::{helpers, numbers, tuples};
use capi::refs::type_of;
use capi::sys::{self, PyObject};

/// Drops what a local had (null: nothing), unless it dies of that and is no number that is kept: such a death may run code, which must
/// not see the next instruction done, or takes a call.
#[inline(always)]
unsafe fn dropped(w: &Registers, old: *mut PyObject) -> bool {
    // SAFETY: the machine's invariant.
    unsafe {
        if old.is_null() {
            return true;
        }
        if (*old).ob_refcnt == 1 {
            return numbers::keep_number(w.tstate, old);
        }
        (*old).ob_refcnt -= 1;
        true
    }
}

/// The items of an exact tuple or list that has `n`.
#[inline(always)]
unsafe fn items_of(sequence: *mut PyObject, n: usize) -> Option<*mut *mut PyObject> {
    // SAFETY: a live object; layouts are used after the type was asked.
    unsafe {
        let ty = type_of(sequence);
        let items = if ty == &raw mut sys::PyTuple_Type {
            helpers::tuple_items(sequence)
        } else if ty == &raw mut sys::PyList_Type {
            (*sequence.cast::<sys::PyListObject>()).ob_item
        } else {
            return None;
        };
        (helpers::size_of_sequence(sequence) == n).then_some(items)
    }
}

handlers! {
    /// `NOP`, `KW_NAMES`
    fn nop(w, _arg) {
        w.next(1)
    }

    /// `POP_TOP`
    fn pop_top(w, _arg) {
        let o = w.peek(1);
        w.shrink(1);
        w.drop(o);
        w.next(1)
    }

    /// `PUSH_NULL`
    fn push_null(w, _arg) {
        w.push(std::ptr::null_mut());
        w.next(1)
    }

    /// `LOAD_FAST`, `LOAD_CLOSURE`
    fn load_fast(w, index) {
        let o = *w.local(index);
        if o.is_null() {
            return w.full(index);
        }
        (*o).ob_refcnt += 1;
        w.push(o);
        w.next(1)
    }

    /// `LOAD_CONST`
    fn load_const(w, _arg) {
        let o = w.constant(0);
        (*o).ob_refcnt += 1;
        w.push(o);
        w.next(1)
    }

    /// `LOAD_FAST`, `LOAD_FAST`
    fn load_fast_load_fast(w, index) {
        let a = *w.local(index);
        let b = *w.local(w.arg(1));
        if a.is_null() || b.is_null() {
            return w.instead(load_fast, index);
        }
        (*a).ob_refcnt += 1;
        (*b).ob_refcnt += 1;
        *w.sp = a;
        *w.sp.add(1) = b;
        w.sp = w.sp.add(2);
        w.next(2)
    }

    /// `LOAD_FAST`, `LOAD_CONST`
    fn load_fast_load_const(w, index) {
        let a = *w.local(index);
        if a.is_null() {
            return w.full(index);
        }
        let b = w.constant(1);
        (*a).ob_refcnt += 1;
        (*b).ob_refcnt += 1;
        *w.sp = a;
        *w.sp.add(1) = b;
        w.sp = w.sp.add(2);
        w.next(2)
    }

    /// `STORE_FAST`
    fn store_fast(w, index) {
        let o = w.peek(1);
        w.shrink(1);
        let old = w.local(index).replace(o);
        if !old.is_null() {
            w.drop_often_number(old);
        }
        w.next(1)
    }

    /// `STORE_FAST`, `LOAD_FAST`
    fn store_fast_load_fast(w, index) {
        let slot = w.local(index);
        let old = slot.replace(w.peek(1));
        let next = *w.local(w.arg(1));
        if next.is_null() || !dropped(&w, old) {
            *slot = old;
            return w.instead(store_fast, index);
        }
        (*next).ob_refcnt += 1;
        w.poke(1, next);
        w.next(2)
    }

    /// `STORE_FAST`, `STORE_FAST`
    fn store_fast_store_fast(w, index) {
        let (first, second) = (w.local(index), w.local(w.arg(1)));
        if !dropped(&w, *first) {
            return w.instead(store_fast, index);
        }
        *first = w.peek(1);
        w.shrink(1);
        w.ip = w.ip.add(1);
        if !dropped(&w, *second) {
            let index = w.arg(0);
            return w.instead(store_fast, index);
        }
        *second = w.peek(1);
        w.shrink(1);
        w.next(1)
    }

    /// `SWAP`
    fn swap(w, depth) {
        let (top, other) = (w.peek(1), w.peek(depth));
        w.poke(1, other);
        w.poke(depth, top);
        w.next(1)
    }

    /// `COPY`
    fn copy(w, depth) {
        let o = w.peek(depth);
        if o.is_null() {
            return w.full(depth);
        }
        (*o).ob_refcnt += 1;
        w.push(o);
        w.next(1)
    }

    /// `LOAD_DEREF`
    fn load_deref(w, index) {
        let o = (*(*w.local(index)).cast::<sys::PyCellObject>()).ob_ref;
        if o.is_null() {
            return w.full(index);
        }
        (*o).ob_refcnt += 1;
        w.push(o);
        w.next(1)
    }

    /// `STORE_DEREF`
    fn store_deref(w, index) {
        let cell = (*w.local(index)).cast::<sys::PyCellObject>();
        let o = w.peek(1);
        w.shrink(1);
        let old = std::mem::replace(&mut (*cell).ob_ref, o);
        if !old.is_null() {
            w.drop(old);
        }
        w.next(1)
    }

    /// `IS_OP`
    fn is_op(w, invert) {
        let (b, a) = (w.peek(1), w.peek(2));
        let answer = (a == b) != (invert != 0);
        let result = if answer { helpers::py_true() } else { helpers::py_false() };
        (*result).ob_refcnt += 1;
        w.shrink(1);
        w.poke(1, result);
        w.drop(a);
        w.drop(b);
        w.next(1)
    }

    /// `IS_OP`, `POP_JUMP_FORWARD_IF_FALSE` or `POP_JUMP_FORWARD_IF_TRUE`
    fn is_op_jump<const WHEN: bool>(w, invert) {
        let (b, a) = (w.peek(1), w.peek(2));
        // A death belongs to the first instruction; it may be one object twice.
        if (*a).ob_refcnt <= 2 || (*b).ob_refcnt <= 2 {
            return w.instead(is_op, invert);
        }
        (*a).ob_refcnt -= 1;
        (*b).ob_refcnt -= 1;
        let answer = (a == b) != (invert != 0);
        let distance = w.arg(1);
        w.shrink(2);
        w.next(if answer == WHEN { 2 + distance } else { 2 })
    }

    /// `UNARY_NOT`
    fn unary_not(w, arg) {
        let o = w.peek(1);
        let Some(value) = bool_value(o) else { return w.instead(super::jumps::unary_not, arg) };
        let result = if value { helpers::py_false() } else { helpers::py_true() };
        (*o).ob_refcnt -= 1;
        (*result).ob_refcnt += 1;
        w.poke(1, result);
        w.next(1)
    }

    /// `LIST_APPEND`
    fn list_append(w, depth) {
        // One below the depth counted before the item was popped.
        let list = w.peek(depth + 1).cast::<sys::PyListObject>();
        let size = (*list).ob_base.ob_size;
        if size >= (*list).allocated {
            return w.instead(list_append_growing, depth);
        }
        *(*list).ob_item.offset(size) = w.peek(1);
        (*list).ob_base.ob_size = size + 1;
        w.shrink(1);
        w.next(1)
    }

    /// The same for a list that has to grow.
    fn list_append_growing(w, depth) {
        w.show();
        let o = w.peek(1);
        let status = sys::PyList_Append(w.peek(depth + 1), o);
        w.shrink(1);
        if status != 0 {
            capi::refs::decref(o);
            return super::exceptions::raise(w);
        }
        (*o).ob_refcnt -= 1;
        w.next(1)
    }

    /// `BUILD_TUPLE`
    fn build_tuple(w, n) {
        let tuple = tuples::quick_from_array_steal(w.tstate, w.sp.sub(n), n);
        if tuple.is_null() {
            return w.instead(build_tuple_by_call, n);
        }
        w.shrink(n);
        w.push(tuple);
        w.next(1)
    }

    /// The same where CPython has to make the tuple.
    fn build_tuple_by_call(w, n) {
        w.show();
        let tuple = tuples::from_array_steal(w.tstate, w.sp.sub(n), n);
        if tuple.is_null() {
            return super::exceptions::raise(w);
        }
        w.shrink(n);
        w.push(tuple);
        w.next(1)
    }

    /// `UNPACK_SEQUENCE` of two items.
    fn unpack_two(w, n) {
        let sequence = w.peek(1);
        let Some(items) = items_of(sequence, 2) else { return w.full(n) };
        let (first, second) = (*items, *items.add(1));
        (*first).ob_refcnt += 1;
        (*second).ob_refcnt += 1;
        w.poke(1, second);
        w.push(first);
        w.drop(sequence);
        w.next(1)
    }

    /// `FORMAT_VALUE`: a str without conversion and format stays as it is.
    fn format_value(w, arg) {
        if arg != 0 || type_of(w.peek(1)) != &raw mut sys::PyUnicode_Type {
            return w.instead(super::plain::format_value, arg);
        }
        w.next(1)
    }

    /// `UNPACK_SEQUENCE`
    fn unpack_sequence(w, n) {
        let sequence = w.peek(1);
        let Some(items) = items_of(sequence, n) else { return w.full(n) };
        // The first item goes to the top.
        w.shrink(1);
        let mut place = w.sp.add(n);
        w.sp = place;
        for i in 0..n {
            let item = *items.add(i);
            (*item).ob_refcnt += 1;
            place = place.sub(1);
            *place = item;
        }
        w.drop(sequence);
        w.next(1)
    }
}
