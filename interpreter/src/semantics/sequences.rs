//! Building and unpacking tuples and lists.

use super::{done, done_int};
use crate::field::{ItemsField, LIST_SIZE, TUPLE_SIZE, TypeOf};
use crate::helpers;
use crate::machine::{Arg, Compare, Flow, Machine};

/// `BUILD_TUPLE`
#[inline(always)]
pub fn build_tuple<M: Machine>(m: &mut M, n: usize) -> Flow {
    let tuple = m.new_tuple_from_stack(n);
    m.push(tuple);
    done(m, tuple)
}

/// `BUILD_LIST`
#[inline(always)]
pub fn build_list<M: Machine>(m: &mut M, n: usize) -> Flow {
    let list = m.new_list_from_stack(n);
    m.push(list);
    done(m, list)
}

/// `LIST_TO_TUPLE`
#[inline(always)]
pub fn list_to_tuple<M: Machine>(m: &mut M, _: usize) -> Flow {
    let list = m.peek(1);
    let tuple = m.call_obj(&helpers::LIST_AS_TUPLE, [Arg::Obj(list)]);
    super::finish_unary(m, list, tuple)
}

/// `LIST_APPEND`: the value at the top goes to the list `depth` below it.
#[inline(always)]
pub fn list_append<M: Machine>(m: &mut M, depth: usize) -> Flow {
    let value = m.peek(1);
    let list = m.peek(depth + 1);
    let status = m.call_int(&helpers::LIST_APPEND, [Arg::Obj(list), Arg::Obj(value)]);
    m.shrink(1);
    m.decref(value);
    done_int(m, status)
}

/// `LIST_EXTEND`
#[inline(always)]
pub fn list_extend<M: Machine>(m: &mut M, depth: usize) -> Flow {
    let iterable = m.peek(1);
    let list = m.peek(depth + 1);
    m.will_drop(iterable);
    let status = m.call_int(&helpers::LIST_EXTEND, [Arg::Obj(list), Arg::Obj(iterable)]);
    m.shrink(1);
    m.decref(iterable);
    done_int(m, status)
}

/// `UNPACK_SEQUENCE`
#[inline(always)]
pub fn unpack_sequence<M: Machine>(m: &mut M, n: usize) -> Flow {
    let sequence = m.peek(1);
    let (items, size) = if m.is_type(sequence, TypeOf::Tuple) {
        (ItemsField::Tuple, TUPLE_SIZE)
    } else if m.is_type(sequence, TypeOf::List) {
        (ItemsField::List, LIST_SIZE)
    } else {
        return unpack_iterable(m, sequence, n);
    };
    let have = m.load_int(sequence, size);
    let want = m.int(n as i64);
    let fits = m.int_compare(Compare::Eq, have, want);
    if !m.branch(fits) {
        return unpack_iterable(m, sequence, n);
    }
    m.will_drop(sequence);
    m.shrink(1);
    for i in (0..n).rev() {
        let index = m.int(i as i64);
        let item = m.item(sequence, items, index);
        m.incref(item);
        m.push(item);
    }
    m.decref(sequence);
    Flow::Next
}

/// Of any iterable: by way of a tuple.
#[inline(always)]
fn unpack_iterable<M: Machine>(m: &mut M, iterable: M::Obj, n: usize) -> Flow {
    m.will_drop(iterable);
    let tuple = m.call_obj(&helpers::UNPACK, [Arg::Obj(iterable), Arg::Const(n)]);
    m.shrink(1);
    if !m.succeeded(tuple) {
        m.decref(iterable);
        return Flow::Raise;
    }
    for i in (0..n).rev() {
        let index = m.int(i as i64);
        let item = m.item(tuple, ItemsField::Tuple, index);
        m.incref(item);
        m.push(item);
    }
    m.decref(tuple);
    m.decref(iterable);
    Flow::Next
}
