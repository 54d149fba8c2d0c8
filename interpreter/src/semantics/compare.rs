//! `COMPARE_OP`, `IS_OP`, `CONTAINS_OP`.

use super::{done_int, finish_binary};
use crate::field::TypeOf;
use crate::helpers;
use crate::machine::{Arg, Compare, Flow, IntOp, Machine};

const OPS: [Compare; 6] = [Compare::Lt, Compare::Le, Compare::Eq, Compare::Ne, Compare::Gt, Compare::Ge];

/// Compares numbers and strings at the top of the stack, or answers `None` with nothing consumed.
#[inline(always)]
pub fn quick_compare<M: Machine>(m: &mut M, arg: usize, a: M::Obj, b: M::Obj) -> Option<M::Bool> {
    let op = OPS[arg];
    if m.is_type(a, TypeOf::Int) {
        if m.is_type(b, TypeOf::Int) {
            let x = m.int_value(a)?;
            let y = m.int_value(b)?;
            return Some(m.int_compare(op, x, y));
        }
        if m.is_type(b, TypeOf::Float) {
            let x = m.int_value(a)?;
            let x = exact_float(m, x)?;
            let y = m.float_value(b);
            return Some(m.float_compare(op, x, y));
        }
    } else if m.is_type(a, TypeOf::Float) {
        let x = m.float_value(a);
        if m.is_type(b, TypeOf::Float) {
            let y = m.float_value(b);
            return Some(m.float_compare(op, x, y));
        }
        if m.is_type(b, TypeOf::Int) {
            let y = m.int_value(b)?;
            let y = exact_float(m, y)?;
            return Some(m.float_compare(op, x, y));
        }
    } else if matches!(op, Compare::Eq | Compare::Ne)
        && m.is_type(a, TypeOf::Str)
        && m.is_type(b, TypeOf::Str)
    {
        let equal = m.call_int(&helpers::STR_EQUAL, [Arg::Obj(a), Arg::Obj(b)]);
        let zero = m.int(0);
        let inverse = if op == Compare::Eq { Compare::Ne } else { Compare::Eq };
        return Some(m.int_compare(inverse, equal, zero));
    }
    None
}

/// An int as the same double; `None` when it would be rounded (comparisons are exact).
#[inline(always)]
fn exact_float<M: Machine>(m: &mut M, x: M::Int) -> Option<M::Float> {
    let offset = m.int(1 << 53);
    let shifted = m.int_op(IntOp::Add, x, offset);
    let limit = m.int((1 << 54) + 1);
    let inside = m.int_below(shifted, limit);
    if m.branch(inside) { Some(m.float_from_int(x)) } else { None }
}

/// `COMPARE_OP`
#[inline(always)]
pub fn compare_op<M: Machine>(m: &mut M, arg: usize) -> Flow {
    let b = m.peek(1);
    let a = m.peek(2);
    if let Some(answer) = quick_compare(m, arg, a, b) {
        let result = m.new_bool(answer);
        return finish_binary(m, a, b, result);
    }
    m.will_drop(a);
    m.will_drop(b);
    let result = m.call_obj(&helpers::RICH_COMPARE, [Arg::Obj(a), Arg::Obj(b), Arg::Const(arg)]);
    finish_binary(m, a, b, result)
}

/// `IS_OP`
#[inline(always)]
pub fn is_op<M: Machine>(m: &mut M, invert: usize) -> Flow {
    let b = m.peek(1);
    let a = m.peek(2);
    let mut answer = m.same(a, b);
    if invert != 0 {
        answer = m.bool_not(answer);
    }
    let result = m.new_bool(answer);
    finish_binary(m, a, b, result)
}

/// `CONTAINS_OP`
#[inline(always)]
pub fn contains_op<M: Machine>(m: &mut M, invert: usize) -> Flow {
    let container = m.peek(1);
    let value = m.peek(2);
    m.will_drop(value);
    m.will_drop(container);
    let status = m.call_int(&helpers::CONTAINS, [Arg::Obj(container), Arg::Obj(value)]);
    let zero = m.int(0);
    let op = if invert != 0 { Compare::Eq } else { Compare::Ne };
    let answer = m.int_compare(op, status, zero);
    let result = m.new_bool(answer);
    m.shrink(1);
    m.poke(1, result);
    m.decref(value);
    m.decref(container);
    done_int(m, status)
}
