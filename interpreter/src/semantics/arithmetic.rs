//! `BINARY_OP` and the unary operators: exact ints and floats by hand, all else by CPython's functions.

use super::{done, finish_binary, finish_unary};
use crate::field::TypeOf;
use crate::helper::Helper;
use crate::helpers::{self, BINARY};
use crate::machine::{Arg, CheckedOp, Compare, FloatOp, FloatUnary, Flow, IntOp, Machine};
use capi::sys;

/// Largest magnitude up to which every integer is a double.
const EXACT: i64 = 1 << 53;

/// The operands of a binary operator as machine numbers.
enum Numbers<M: Machine> {
    Ints(M::Int, M::Int),
    Floats(M::Float, M::Float),
    Other,
}

/// Asks for the operands' types. Nothing is consumed.
#[inline(always)]
fn numbers<M: Machine>(m: &mut M, a: M::Obj, b: M::Obj) -> Numbers<M> {
    if m.is_type(a, TypeOf::Float) {
        let x = m.float_value(a);
        if m.is_type(b, TypeOf::Float) {
            let y = m.float_value(b);
            return Numbers::Floats(x, y);
        }
        if m.is_type(b, TypeOf::Int)
            && let Some(i) = m.int_value(b)
        {
            let y = m.float_from_int(i);
            return Numbers::Floats(x, y);
        }
    } else if m.is_type(a, TypeOf::Int) {
        if m.is_type(b, TypeOf::Int) {
            if let Some(x) = m.int_value(a)
                && let Some(y) = m.int_value(b)
            {
                return Numbers::Ints(x, y);
            }
        } else if m.is_type(b, TypeOf::Float)
            && let Some(i) = m.int_value(a)
        {
            let x = m.float_from_int(i);
            let y = m.float_value(b);
            return Numbers::Floats(x, y);
        }
    }
    Numbers::Other
}

/// Asks whether two machine numbers compare so.
#[inline(always)]
fn int_is<M: Machine>(m: &mut M, op: Compare, a: M::Int, b: i64) -> bool {
    let b = m.int(b);
    let answer = m.int_compare(op, a, b);
    m.branch(answer)
}

#[inline(always)]
fn float_is<M: Machine>(m: &mut M, op: Compare, a: M::Float, b: f64) -> bool {
    let b = m.float(b);
    let answer = m.float_compare(op, a, b);
    m.branch(answer)
}

/// Replaces the operands by a float; the object of one that nobody else holds is used again.
#[inline(always)]
fn finish_float<M: Machine>(m: &mut M, a: M::Obj, b: M::Obj, value: M::Float) -> Flow {
    if m.may_reuse_float(a, value) {
        m.shrink(1);
        m.decref(b);
        return Flow::Next;
    }
    if m.may_reuse_float(b, value) {
        m.shrink(1);
        m.poke(1, b);
        m.decref(a);
        return Flow::Next;
    }
    let result = m.new_float(value);
    finish_binary(m, a, b, result)
}

#[inline(always)]
fn finish_int<M: Machine>(m: &mut M, a: M::Obj, b: M::Obj, value: M::Int) -> Flow {
    let result = m.new_int(value);
    finish_binary(m, a, b, result)
}

/// Calls CPython's function for the two operands at the top.
#[inline(always)]
fn call_binary<M: Machine>(m: &mut M, a: M::Obj, b: M::Obj, helper: &'static Helper) -> Flow {
    m.will_drop(a);
    m.will_drop(b);
    let result = m.call_obj(helper, [Arg::Obj(a), Arg::Obj(b)]);
    finish_binary(m, a, b, result)
}

/// `BINARY_OP`; the in-place forms of numbers are the plain ones.
#[inline(always)]
pub fn binary_op<M: Machine>(m: &mut M, arg: usize) -> Flow {
    let b = m.peek(1);
    let a = m.peek(2);
    match arg as u32 {
        sys::NB_ADD | sys::NB_INPLACE_ADD => add(m, a, b, arg),
        sys::NB_SUBTRACT | sys::NB_INPLACE_SUBTRACT => subtract(m, a, b, arg),
        sys::NB_MULTIPLY | sys::NB_INPLACE_MULTIPLY => multiply(m, a, b, arg),
        sys::NB_TRUE_DIVIDE | sys::NB_INPLACE_TRUE_DIVIDE => true_divide(m, a, b, arg),
        sys::NB_FLOOR_DIVIDE | sys::NB_INPLACE_FLOOR_DIVIDE => floor_divide(m, a, b, arg, true),
        sys::NB_REMAINDER | sys::NB_INPLACE_REMAINDER => floor_divide(m, a, b, arg, false),
        sys::NB_POWER | sys::NB_INPLACE_POWER => power(m, a, b, arg),
        sys::NB_AND | sys::NB_INPLACE_AND => bitwise(m, a, b, IntOp::And, arg),
        sys::NB_OR | sys::NB_INPLACE_OR => bitwise(m, a, b, IntOp::Or, arg),
        sys::NB_XOR | sys::NB_INPLACE_XOR => bitwise(m, a, b, IntOp::Xor, arg),
        sys::NB_LSHIFT | sys::NB_INPLACE_LSHIFT => left_shift(m, a, b, arg),
        sys::NB_RSHIFT | sys::NB_INPLACE_RSHIFT => right_shift(m, a, b, arg),
        _ => call_binary(m, a, b, BINARY[arg]),
    }
}

#[inline(always)]
fn add<M: Machine>(m: &mut M, a: M::Obj, b: M::Obj, arg: usize) -> Flow {
    match numbers(m, a, b) {
        Numbers::Floats(x, y) => {
            let sum = m.float_op(FloatOp::Add, x, y);
            finish_float(m, a, b, sum)
        }
        Numbers::Ints(x, y) => match m.int_checked(CheckedOp::Add, x, y) {
            Some(sum) => finish_int(m, a, b, sum),
            None => call_binary(m, a, b, &helpers::INT_ADD),
        },
        Numbers::Other => super::strings::add(m, a, b, BINARY[arg]),
    }
}

#[inline(always)]
fn subtract<M: Machine>(m: &mut M, a: M::Obj, b: M::Obj, arg: usize) -> Flow {
    match numbers(m, a, b) {
        Numbers::Floats(x, y) => {
            let difference = m.float_op(FloatOp::Sub, x, y);
            finish_float(m, a, b, difference)
        }
        Numbers::Ints(x, y) => match m.int_checked(CheckedOp::Sub, x, y) {
            Some(difference) => finish_int(m, a, b, difference),
            None => call_binary(m, a, b, &helpers::INT_SUBTRACT),
        },
        Numbers::Other => call_binary(m, a, b, BINARY[arg]),
    }
}

#[inline(always)]
fn multiply<M: Machine>(m: &mut M, a: M::Obj, b: M::Obj, arg: usize) -> Flow {
    match numbers(m, a, b) {
        Numbers::Floats(x, y) => {
            let product = m.float_op(FloatOp::Mul, x, y);
            finish_float(m, a, b, product)
        }
        Numbers::Ints(x, y) => match m.int_checked(CheckedOp::Mul, x, y) {
            Some(product) => finish_int(m, a, b, product),
            None => call_binary(m, a, b, &helpers::INT_MULTIPLY),
        },
        Numbers::Other => call_binary(m, a, b, BINARY[arg]),
    }
}

/// Whether an int is a double without rounding.
#[inline(always)]
fn is_exact<M: Machine>(m: &mut M, x: M::Int) -> bool {
    let offset = m.int(EXACT);
    let shifted = m.int_op(IntOp::Add, x, offset);
    let limit = m.int(2 * EXACT + 1);
    let inside = m.int_below(shifted, limit);
    m.branch(inside)
}

#[inline(always)]
fn true_divide<M: Machine>(m: &mut M, a: M::Obj, b: M::Obj, arg: usize) -> Flow {
    let (x, y) = match numbers(m, a, b) {
        Numbers::Floats(x, y) => (x, y),
        Numbers::Ints(i, j) if is_exact(m, i) && is_exact(m, j) => (m.float_from_int(i), m.float_from_int(j)),
        _ => return call_binary(m, a, b, BINARY[arg]),
    };
    if !float_is(m, Compare::Ne, y, 0.0) {
        return call_binary(m, a, b, BINARY[arg]);
    }
    let quotient = m.float_op(FloatOp::Div, x, y);
    finish_float(m, a, b, quotient)
}

/// `//` when `quotient`, else `%`.
#[inline(always)]
fn floor_divide<M: Machine>(m: &mut M, a: M::Obj, b: M::Obj, arg: usize, quotient: bool) -> Flow {
    match numbers(m, a, b) {
        Numbers::Floats(x, y) if float_is(m, Compare::Ne, y, 0.0) => {
            let helper = if quotient { &helpers::FLOAT_FLOOR_DIVIDE } else { &helpers::FLOAT_MOD };
            let value = m.call_float(helper, [Arg::Float(x), Arg::Float(y)]);
            finish_float(m, a, b, value)
        }
        // -1 is left out for the sake of the least i64.
        Numbers::Ints(x, y) if int_is(m, Compare::Gt, y, 0) || int_is(m, Compare::Lt, y, -1) => {
            let op = if quotient { IntOp::FloorDiv } else { IntOp::Mod };
            let value = m.int_op(op, x, y);
            finish_int(m, a, b, value)
        }
        _ => call_binary(m, a, b, BINARY[arg]),
    }
}

#[inline(always)]
fn power<M: Machine>(m: &mut M, a: M::Obj, b: M::Obj, arg: usize) -> Flow {
    match numbers(m, a, b) {
        // CPython's special cases, errors and complex results all lie outside of these conditions.
        Numbers::Floats(x, y)
            if float_is(m, Compare::Gt, x, 0.0)
                && float_is(m, Compare::Lt, x, f64::INFINITY)
                && float_is(m, Compare::Lt, y, f64::INFINITY)
                && float_is(m, Compare::Gt, y, f64::NEG_INFINITY) =>
        {
            let value = m.call_float(&helpers::FLOAT_POW, [Arg::Float(x), Arg::Float(y)]);
            if float_is(m, Compare::Gt, value, 0.0) && float_is(m, Compare::Lt, value, f64::INFINITY) {
                return finish_float(m, a, b, value);
            }
            call_binary(m, a, b, BINARY[arg])
        }
        Numbers::Ints(x, y) if int_is(m, Compare::Eq, y, 2) => match m.int_checked(CheckedOp::Mul, x, x) {
            Some(square) => finish_int(m, a, b, square),
            None => call_binary(m, a, b, BINARY[arg]),
        },
        _ => call_binary(m, a, b, BINARY[arg]),
    }
}

#[inline(always)]
fn bitwise<M: Machine>(m: &mut M, a: M::Obj, b: M::Obj, op: IntOp, arg: usize) -> Flow {
    if let Numbers::Ints(x, y) = ints(m, a, b) {
        let value = m.int_op(op, x, y);
        return finish_int(m, a, b, value);
    }
    call_binary(m, a, b, BINARY[arg])
}

/// As [`numbers`], for operators that floats do not have.
#[inline(always)]
fn ints<M: Machine>(m: &mut M, a: M::Obj, b: M::Obj) -> Numbers<M> {
    if m.is_type(a, TypeOf::Int)
        && m.is_type(b, TypeOf::Int)
        && let Some(x) = m.int_value(a)
        && let Some(y) = m.int_value(b)
    {
        Numbers::Ints(x, y)
    } else {
        Numbers::Other
    }
}

#[inline(always)]
fn left_shift<M: Machine>(m: &mut M, a: M::Obj, b: M::Obj, arg: usize) -> Flow {
    if let Numbers::Ints(x, y) = ints(m, a, b) {
        let limit = m.int(63);
        let small = m.int_below(y, limit);
        if m.branch(small) {
            let value = m.int_op(IntOp::Shl, x, y);
            let back = m.int_op(IntOp::Shr, value, y);
            let same = m.int_compare(Compare::Eq, back, x);
            if m.branch(same) {
                return finish_int(m, a, b, value);
            }
        }
    }
    call_binary(m, a, b, BINARY[arg])
}

#[inline(always)]
fn right_shift<M: Machine>(m: &mut M, a: M::Obj, b: M::Obj, arg: usize) -> Flow {
    if let Numbers::Ints(x, y) = ints(m, a, b) {
        let limit = m.int(64);
        let small = m.int_below(y, limit);
        if m.branch(small) {
            let value = m.int_op(IntOp::Shr, x, y);
            return finish_int(m, a, b, value);
        }
    }
    call_binary(m, a, b, BINARY[arg])
}

#[inline(always)]
fn call_unary<M: Machine>(m: &mut M, a: M::Obj, helper: &'static Helper) -> Flow {
    m.will_drop(a);
    let result = m.call_obj(helper, [Arg::Obj(a)]);
    finish_unary(m, a, result)
}

/// `UNARY_POSITIVE`
#[inline(always)]
pub fn unary_positive<M: Machine>(m: &mut M, _: usize) -> Flow {
    let a = m.peek(1);
    if m.is_type(a, TypeOf::Float) || m.is_type(a, TypeOf::Int) {
        return Flow::Next;
    }
    call_unary(m, a, &helpers::NUMBER_POSITIVE)
}

/// `UNARY_NEGATIVE`
#[inline(always)]
pub fn unary_negative<M: Machine>(m: &mut M, _: usize) -> Flow {
    let a = m.peek(1);
    if m.is_type(a, TypeOf::Float) {
        let x = m.float_value(a);
        let value = m.float_unary(FloatUnary::Neg, x);
        if m.may_reuse_float(a, value) {
            return Flow::Next;
        }
        let result = m.new_float(value);
        return finish_unary(m, a, result);
    }
    if m.is_type(a, TypeOf::Int)
        && let Some(x) = m.int_value(a)
    {
        let zero = m.int(0);
        if let Some(value) = m.int_checked(CheckedOp::Sub, zero, x) {
            let result = m.new_int(value);
            return finish_unary(m, a, result);
        }
    }
    call_unary(m, a, &helpers::NUMBER_NEGATIVE)
}

/// `UNARY_INVERT`
#[inline(always)]
pub fn unary_invert<M: Machine>(m: &mut M, _: usize) -> Flow {
    let a = m.peek(1);
    if m.is_type(a, TypeOf::Int)
        && let Some(x) = m.int_value(a)
    {
        let ones = m.int(-1);
        let value = m.int_op(IntOp::Xor, x, ones);
        let result = m.new_int(value);
        return finish_unary(m, a, result);
    }
    call_unary(m, a, &helpers::NUMBER_INVERT)
}

/// `UNARY_NOT`
#[inline(always)]
pub fn unary_not<M: Machine>(m: &mut M, _: usize) -> Flow {
    let a = m.peek(1);
    if m.is_type(a, TypeOf::Bool) {
        let value = m.bool_value(a);
        let not = m.bool_not(value);
        let result = m.new_bool(not);
        return finish_unary(m, a, result);
    }
    m.will_drop(a);
    let status = m.call_int(&helpers::OBJECT_IS_TRUE, [Arg::Obj(a)]);
    let zero = m.int(0);
    let is_false = m.int_compare(Compare::Eq, status, zero);
    let result = m.new_bool(is_false);
    m.poke(1, result);
    m.decref(a);
    super::done_int(m, status)
}

/// `abs()` of a number, for the intrinsic: replaces `a` at `depth`? See `intrinsics.rs`.
#[inline(always)]
pub fn absolute<M: Machine>(m: &mut M, a: M::Obj) -> Option<M::Obj> {
    if m.is_type(a, TypeOf::Float) {
        let x = m.float_value(a);
        let value = m.float_unary(FloatUnary::Abs, x);
        return Some(m.new_float(value));
    }
    if m.is_type(a, TypeOf::Int)
        && let Some(x) = m.int_value(a)
    {
        if int_is(m, Compare::Ge, x, 0) {
            // CPython gives the object itself back.
            m.incref(a);
            return Some(a);
        }
        let zero = m.int(0);
        if let Some(value) = m.int_checked(CheckedOp::Sub, zero, x) {
            return Some(m.new_int(value));
        }
    }
    None
}

/// `int(x)` and friends end like this: see [`done`].
#[inline(always)]
pub fn push_result<M: Machine>(m: &mut M, result: M::Obj) -> Flow {
    m.push(result);
    done(m, result)
}
