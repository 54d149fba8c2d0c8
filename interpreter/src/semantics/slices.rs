//! `BUILD_SLICE` together with the subscript behind it, where that consumes the slice and nobody can see it: lists,
//! tuples and strings. For machines that specialise; called by `stack::build_slice`.
//!
//! Bounds are machine integers, so that `x[:k + 1]` makes neither an int nor a slice object. CPython's slices come from a
//! cache of one object: that none is made is no difference to the garbage collector either.

use super::{done, done_int};
use crate::field::TypeOf;
use crate::helper::Helper;
use crate::machine::{Arg, Compare, Flow, Machine};
use crate::{helpers, opcode};
use capi::opcode::{BINARY_SUBSCR, DELETE_SUBSCR, STORE_SUBSCR};

/// A bound: the value of an exact int, or the default for None; no answer for anything else.
#[inline(always)]
fn bound<M: Machine>(m: &mut M, o: M::Obj, default: i64) -> Option<M::Int> {
    if m.is_type(o, TypeOf::None) {
        return Some(m.int(default));
    }
    if m.is_type(o, TypeOf::Int) { m.int_value(o) } else { None }
}

/// Asks whether a machine integer compares so with a constant.
#[inline(always)]
fn int_is<M: Machine>(m: &mut M, op: Compare, a: M::Int, b: i64) -> bool {
    let b = m.int(b);
    let answer = m.int_compare(op, a, b);
    m.branch(answer)
}

/// Carries out the slice of `n` operands at the top and the subscript that follows; `None`: nothing was done.
#[inline(always)]
pub fn subscript<M: Machine>(m: &mut M, n: usize) -> Option<Flow> {
    // SAFETY: the running code; BUILD_SLICE is never its last instruction.
    let (next, code, _) = unsafe { opcode::following(m.code(), m.instruction()) };
    let container = m.peek(n + 1);
    match code {
        BINARY_SUBSCR if m.is_type(container, TypeOf::List) => {
            let (start, stop, step) = machine_bounds(m, n)?;
            let args = [Arg::Obj(container), Arg::Int(start), Arg::Int(stop), Arg::Int(step)];
            Some(load(m, n, next, &helpers::LIST_SLICE, args))
        }
        BINARY_SUBSCR if n == 2 && m.is_type(container, TypeOf::Str) => {
            let (start, stop, _) = machine_bounds(m, n)?;
            let args = [Arg::Obj(container), Arg::Int(start), Arg::Int(stop)];
            Some(load(m, n, next, &helpers::STR_SLICE, args))
        }
        BINARY_SUBSCR if n == 2 && m.is_type(container, TypeOf::Tuple) => {
            let (start, stop, _) = machine_bounds(m, n)?;
            let args = [Arg::Obj(container), Arg::Int(start), Arg::Int(stop)];
            Some(load(m, n, next, &helpers::TUPLE_SLICE, args))
        }
        BINARY_SUBSCR if m.is_type(container, TypeOf::Str) || m.is_type(container, TypeOf::Tuple) => {
            let (start, stop, step) = (m.peek(n), m.peek(n - 1), m.peek(1));
            // Only such bounds run no code.
            bound(m, start, 0)?;
            bound(m, stop, 0)?;
            bound(m, step, 1)?;
            let args = [Arg::Obj(container), Arg::Obj(start), Arg::Obj(stop), Arg::Obj(step)];
            Some(load(m, n, next, &helpers::GET_SLICE, args))
        }
        STORE_SUBSCR | DELETE_SUBSCR if m.is_type(container, TypeOf::List) => {
            store(m, n, next, code == STORE_SUBSCR)
        }
        _ => None,
    }
}

/// Says that container and bounds are dropped.
#[inline(always)]
fn announce<M: Machine>(m: &mut M, n: usize) {
    for depth in (1..=n + 1).rev() {
        let o = m.peek(depth);
        m.will_drop(o);
    }
}

/// Replaces container and bounds by the result.
#[inline(always)]
fn finish<M: Machine>(m: &mut M, n: usize, result: M::Obj) -> Flow {
    let container = m.peek(n + 1);
    let bounds = bounds(m, n);
    m.shrink(n);
    m.poke(1, result);
    m.decref(container);
    drop_bounds(m, bounds);
    done(m, result)
}

/// The operands of the slice in the order in which a slice drops them.
#[inline(always)]
fn bounds<M: Machine>(m: &mut M, n: usize) -> [Option<M::Obj>; 3] {
    let step = (n == 3).then(|| m.peek(1));
    [step, Some(m.peek(n)), Some(m.peek(n - 1))]
}

#[inline(always)]
fn drop_bounds<M: Machine>(m: &mut M, bounds: [Option<M::Obj>; 3]) {
    for o in bounds.into_iter().flatten() {
        m.decref(o);
    }
}

/// Start, stop and step, which is not 0, as machine integers; no answer where one of them is something else.
#[inline(always)]
fn machine_bounds<M: Machine>(m: &mut M, n: usize) -> Option<(M::Int, M::Int, M::Int)> {
    let (start, stop) = (m.peek(n), m.peek(n - 1));
    let mut step = m.int(1);
    let mut forwards = true;
    if n == 3 {
        let o = m.peek(1);
        step = bound(m, o, 1)?;
        forwards = int_is(m, Compare::Gt, step, 0);
        if !forwards && !int_is(m, Compare::Lt, step, 0) {
            return None;
        }
    }
    let (first, last) = if forwards { (0, i64::MAX) } else { (i64::MAX, i64::MIN) };
    Some((bound(m, start, first)?, bound(m, stop, last)?, step))
}

/// Container and bounds make way for what the helper answers.
#[inline(always)]
fn load<M: Machine, const N: usize>(
    m: &mut M,
    n: usize,
    next: usize,
    helper: &'static Helper,
    args: [Arg<M>; N],
) -> Flow {
    announce(m, n);
    m.step_to(next);
    let result = m.call_obj(helper, args);
    finish(m, n, result)
}

/// `list[start:stop] = value`, or its deletion.
#[inline(always)]
fn store<M: Machine>(m: &mut M, n: usize, next: usize, has_value: bool) -> Option<Flow> {
    let list = m.peek(n + 1);
    let (start, stop) = (m.peek(n), m.peek(n - 1));
    if n == 3 {
        let o = m.peek(1);
        let step = bound(m, o, 1)?;
        if !int_is(m, Compare::Eq, step, 1) {
            return None;
        }
    }
    let start = bound(m, start, 0)?;
    let stop = bound(m, stop, i64::MAX)?;
    announce(m, n);
    let mut value = m.null();
    if has_value {
        value = m.peek(n + 2);
        m.will_drop(value);
    }
    m.step_to(next);
    let args = [Arg::Obj(list), Arg::Int(start), Arg::Int(stop), Arg::Obj(value)];
    let status = m.call_int(&helpers::LIST_SET_SLICE, args);
    let bounds = bounds(m, n);
    m.shrink(n + 1 + usize::from(has_value));
    if has_value {
        m.decref(value);
    }
    m.decref(list);
    drop_bounds(m, bounds);
    Some(done_int(m, status))
}
