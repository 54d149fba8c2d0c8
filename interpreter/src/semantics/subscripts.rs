//! Subscripts: exact lists and tuples with machine-integer indices by hand, dicts by their functions, the rest by CPython's.

use super::{done_int, finish_binary};
use crate::field::{ItemsField, LIST_SIZE, TUPLE_SIZE, TypeOf};
use crate::helpers;
use crate::machine::{Arg, Compare, Flow, IntOp, Machine};

/// The index counted from the start, when it is in range; negative ones count from the end.
#[inline(always)]
pub(super) fn in_range<M: Machine>(m: &mut M, index: M::Int, size: M::Int) -> Option<M::Int> {
    let below = m.int_below(index, size);
    if m.branch(below) {
        return Some(index);
    }
    let zero = m.int(0);
    let negative = m.int_compare(Compare::Lt, index, zero);
    if !m.branch(negative) {
        return None;
    }
    let from_start = m.int_op(IntOp::Add, index, size);
    let below = m.int_below(from_start, size);
    if m.branch(below) { Some(from_start) } else { None }
}

/// Index of `key` in a sequence of that size field, when it is an exact int in range.
#[inline(always)]
fn index_of<M: Machine>(
    m: &mut M,
    sequence: M::Obj,
    key: M::Obj,
    size: crate::field::Field,
) -> Option<M::Int> {
    if !m.is_type(key, TypeOf::Int) {
        return None;
    }
    let index = m.int_value(key)?;
    let size = m.load_int(sequence, size);
    in_range(m, index, size)
}

/// `BINARY_SUBSCR`
#[inline(always)]
pub fn binary_subscr<M: Machine>(m: &mut M, _: usize) -> Flow {
    let key = m.peek(1);
    let container = m.peek(2);
    if m.is_type(container, TypeOf::List) {
        if let Some(index) = index_of(m, container, key, LIST_SIZE) {
            let item = m.item(container, ItemsField::List, index);
            m.incref(item);
            return finish_binary_item(m, container, key, item);
        }
    } else if m.is_type(container, TypeOf::Tuple) {
        if let Some(index) = index_of(m, container, key, TUPLE_SIZE) {
            let item = m.item(container, ItemsField::Tuple, index);
            m.incref(item);
            return finish_binary_item(m, container, key, item);
        }
    } else if m.is_type(container, TypeOf::Dict) {
        m.will_drop(container);
        m.will_drop(key);
        let item = m.call_obj(&helpers::DICT_GET, [Arg::Obj(container), Arg::Obj(key)]);
        return finish_binary(m, container, key, item);
    }
    m.will_drop(container);
    m.will_drop(key);
    let item = m.call_obj(&helpers::GET_ITEM, [Arg::Obj(container), Arg::Obj(key)]);
    finish_binary(m, container, key, item)
}

/// The end of a successful look-up: CPython drops the index first, then the sequence.
#[inline(always)]
fn finish_binary_item<M: Machine>(m: &mut M, sequence: M::Obj, key: M::Obj, item: M::Obj) -> Flow {
    m.shrink(1);
    m.poke(1, item);
    m.decref(key);
    m.decref(sequence);
    Flow::Next
}

/// `STORE_SUBSCR`: value, container, key.
#[inline(always)]
pub fn store_subscr<M: Machine>(m: &mut M, _: usize) -> Flow {
    let key = m.peek(1);
    let container = m.peek(2);
    let value = m.peek(3);
    if m.is_type(container, TypeOf::List) {
        if let Some(index) = index_of(m, container, key, LIST_SIZE) {
            let before = m.item(container, ItemsField::List, index);
            m.will_drop(before);
            m.will_drop(container);
            m.shrink(3);
            let old = m.swap_item(container, ItemsField::List, index, value);
            m.decref(key);
            m.decref(old);
            m.decref(container);
            return Flow::Next;
        }
    } else if m.is_type(container, TypeOf::Dict) {
        return store(m, &helpers::DICT_SET, value, container, key);
    }
    store(m, &helpers::SET_ITEM, value, container, key)
}

#[inline(always)]
fn store<M: Machine>(
    m: &mut M,
    helper: &'static crate::helper::Helper,
    value: M::Obj,
    container: M::Obj,
    key: M::Obj,
) -> Flow {
    m.will_drop(value);
    m.will_drop(container);
    m.will_drop(key);
    let status = m.call_int(helper, [Arg::Obj(container), Arg::Obj(key), Arg::Obj(value)]);
    m.shrink(3);
    m.decref(value);
    m.decref(container);
    m.decref(key);
    done_int(m, status)
}

/// `DELETE_SUBSCR`: container, key.
#[inline(always)]
pub fn delete_subscr<M: Machine>(m: &mut M, _: usize) -> Flow {
    let key = m.peek(1);
    let container = m.peek(2);
    m.will_drop(container);
    m.will_drop(key);
    let status = m.call_int(&helpers::DEL_ITEM, [Arg::Obj(container), Arg::Obj(key)]);
    m.shrink(2);
    m.decref(container);
    m.decref(key);
    done_int(m, status)
}
