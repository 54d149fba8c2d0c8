//! `GET_ITER` and `FOR_ITER`: ranges, lists and tuples by hand, all else by their `tp_iternext`.

use super::{done, finish_unary};
use crate::field::{self, Field, ItemsField, TypeOf};
use crate::machine::{Arg, CheckedOp, Compare, Flow, IntOp, Machine};
use crate::{helpers, opcode};

/// `GET_ITER`
#[inline(always)]
pub fn get_iter<M: Machine>(m: &mut M, _: usize) -> Flow {
    let iterable = m.peek(1);
    if m.is_type(iterable, TypeOf::List)
        || m.is_type(iterable, TypeOf::Range)
        || m.is_type(iterable, TypeOf::Tuple)
    {
        let iterator = m.call_obj(&helpers::GET_BUILTIN_ITER, [Arg::Obj(iterable)]);
        return finish_unary(m, iterable, iterator);
    }
    m.will_drop(iterable);
    let iterator = m.call_obj(&helpers::GET_ITER, [Arg::Obj(iterable)]);
    finish_unary(m, iterable, iterator)
}

/// `FOR_ITER`: pushes the next value, or drops the iterator and leaves the loop.
#[inline(always)]
pub fn for_iter<M: Machine>(m: &mut M, distance: usize) -> Flow {
    let iterator = m.peek(1);
    if m.is_type(iterator, TypeOf::RangeIter) {
        return range_next(m, iterator, distance);
    }
    if m.is_type(iterator, TypeOf::ListIter) {
        let shape = (field::LIST_ITER_SEQ, field::LIST_ITER_INDEX, field::LIST_SIZE, ItemsField::List);
        return sequence_next(m, iterator, distance, shape);
    }
    if m.is_type(iterator, TypeOf::TupleIter) {
        let shape = (field::TUPLE_ITER_SEQ, field::TUPLE_ITER_INDEX, field::TUPLE_SIZE, ItemsField::Tuple);
        return sequence_next(m, iterator, distance, shape);
    }
    if m.may_specialise()
        && m.is_type(iterator, TypeOf::Enumerate)
        && let Some(flow) = enumerate_next(m, iterator, distance)
    {
        return flow;
    }
    if m.may_resume(iterator) {
        return Flow::Next;
    }
    let next = m.call_obj(&helpers::ITER_NEXT, [Arg::Obj(iterator)]);
    if m.is_object(next, helpers::exhausted()) {
        return leave_loop(m, iterator, distance);
    }
    m.push(next);
    done(m, next)
}

/// Drops the exhausted iterator and jumps behind the loop.
#[inline(always)]
fn leave_loop<M: Machine>(m: &mut M, iterator: M::Obj, distance: usize) -> Flow {
    m.shrink(1);
    let target = m.instruction() + 1 + distance;
    m.jump(target);
    m.decref(iterator);
    Flow::Next
}

#[inline(always)]
fn range_next<M: Machine>(m: &mut M, iterator: M::Obj, distance: usize) -> Flow {
    let index = m.load_int(iterator, field::RANGE_ITER_INDEX);
    let len = m.load_int(iterator, field::RANGE_ITER_LEN);
    let more = m.int_compare(Compare::Lt, index, len);
    if !m.branch(more) {
        return leave_loop(m, iterator, distance);
    }
    let one = m.int(1);
    let next_index = m.int_op(IntOp::Add, index, one);
    m.store_int(iterator, field::RANGE_ITER_INDEX, next_index);
    let start = m.load_int(iterator, field::RANGE_ITER_START);
    let step = m.load_int(iterator, field::RANGE_ITER_STEP);
    let offset = m.int_op(IntOp::Mul, index, step);
    let value = m.int_op(IntOp::Add, start, offset);
    let value = m.new_int(value);
    m.push(value);
    done(m, value)
}

/// The next index and item of an `enumerate` over a list or tuple, when the next instruction unpacks them: both
/// instructions at once. The pair that CPython would hand out and take back holds both until the next turn.
///
/// `None`: nothing was done.
#[inline(always)]
fn enumerate_next<M: Machine>(m: &mut M, enumerate: M::Obj, distance: usize) -> Option<Flow> {
    // SAFETY: the running code; a FOR_ITER is never its last instruction.
    let (unpack, opcode, targets) = unsafe { opcode::following(m.code(), m.instruction()) };
    if opcode != capi::opcode::UNPACK_SEQUENCE || targets != 2 {
        return None;
    }
    let iterator = m.load_obj(enumerate, field::ENUMERATE_ITER);
    let (seq, index, size, items) = if m.is_type(iterator, TypeOf::ListIter) {
        (field::LIST_ITER_SEQ, field::LIST_ITER_INDEX, field::LIST_SIZE, ItemsField::List)
    } else if m.is_type(iterator, TypeOf::TupleIter) {
        (field::TUPLE_ITER_SEQ, field::TUPLE_ITER_INDEX, field::TUPLE_SIZE, ItemsField::Tuple)
    } else {
        return None;
    };
    let sequence = m.load_obj(iterator, seq);
    if m.is_null(sequence) {
        return Some(leave_loop(m, enumerate, distance));
    }
    let i = m.load_int(iterator, index);
    let len = m.load_int(sequence, size);
    let more = m.int_compare(Compare::Lt, i, len);
    if !m.branch(more) {
        m.will_drop(sequence);
        m.will_drop(enumerate);
        let null = m.null();
        let old = m.swap_obj(iterator, seq, null);
        m.shrink(1);
        let target = m.instruction() + 1 + distance;
        m.jump(target);
        m.decref(old);
        m.decref(enumerate);
        return Some(Flow::Next);
    }
    // Nobody else holds the pair, and the GC knows it.
    let pair = m.load_obj(enumerate, field::ENUMERATE_PAIR);
    let count = m.load_int(pair, field::REFCOUNT);
    let one = m.int(1);
    let unique = m.int_compare(Compare::Eq, count, one);
    if !m.branch(unique) {
        return None;
    }
    let link = m.load_int(pair, field::GC_NEXT);
    let zero = m.int(0);
    let tracked = m.int_compare(Compare::Ne, link, zero);
    let tracked = m.branch(tracked);
    let number = m.load_int(enumerate, field::ENUMERATE_INDEX);
    let next_number = m.int_checked(CheckedOp::Add, number, one)?;
    let (first, second) = (field::pair_item(0), field::pair_item(1));
    let (old_number, old_item) = (m.load_obj(pair, first), m.load_obj(pair, second));
    m.will_drop(old_number);
    m.will_drop(old_item);
    let next = m.int_op(IntOp::Add, i, one);
    m.store_int(iterator, index, next);
    m.store_int(enumerate, field::ENUMERATE_INDEX, next_number);
    let item = m.item(sequence, items, i);
    let boxed = m.new_int(number);
    m.incref(boxed);
    m.incref(item);
    m.swap_obj(pair, first, boxed);
    m.incref(item);
    m.swap_obj(pair, second, item);
    if !tracked {
        m.call_int(&helpers::GC_TRACK, [Arg::Obj(pair)]);
    }
    m.push(item);
    m.push(boxed);
    let target = unpack + 1 + opcode::caches(opcode);
    m.jump(target);
    m.decref(old_number);
    m.decref(old_item);
    Some(Flow::Next)
}

#[inline(always)]
fn sequence_next<M: Machine>(
    m: &mut M,
    iterator: M::Obj,
    distance: usize,
    (seq, index, size, items): (Field, Field, Field, ItemsField),
) -> Flow {
    let sequence = m.load_obj(iterator, seq);
    if m.is_null(sequence) {
        return leave_loop(m, iterator, distance);
    }
    let i = m.load_int(iterator, index);
    let len = m.load_int(sequence, size);
    let more = m.int_compare(Compare::Lt, i, len);
    if m.branch(more) {
        let one = m.int(1);
        let next = m.int_op(IntOp::Add, i, one);
        m.store_int(iterator, index, next);
        let item = m.item(sequence, items, i);
        m.incref(item);
        m.push(item);
        return Flow::Next;
    }
    // An exhausted iterator lets its sequence go, so that it stays exhausted.
    m.will_drop(sequence);
    m.will_drop(iterator);
    let null = m.null();
    let old = m.swap_obj(iterator, seq, null);
    m.shrink(1);
    let target = m.instruction() + 1 + distance;
    m.jump(target);
    m.decref(old);
    m.decref(iterator);
    Flow::Next
}
