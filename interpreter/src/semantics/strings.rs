//! Strings: concatenation (in place where CPython does it in place), f-strings.

use super::{done, finish_binary, finish_unary};
use crate::field::TypeOf;
use crate::helper::Helper;
use crate::helpers;
use crate::machine::{Arg, Flow, Machine};

/// The rest of `+` after numbers: exact strings, then anything.
#[inline(always)]
pub fn add<M: Machine>(m: &mut M, a: M::Obj, b: M::Obj, helper: &'static Helper) -> Flow {
    if m.is_type(a, TypeOf::Str) && m.is_type(b, TypeOf::Str) {
        if let Some(flow) = m.may_append_in_place() {
            return flow;
        }
        let result = m.call_obj(&helpers::STR_CONCAT, [Arg::Obj(a), Arg::Obj(b)]);
        return finish_binary(m, a, b, result);
    }
    m.will_drop(a);
    m.will_drop(b);
    let result = m.call_obj(helper, [Arg::Obj(a), Arg::Obj(b)]);
    finish_binary(m, a, b, result)
}

/// `FORMAT_VALUE`
#[inline(always)]
pub fn format_value<M: Machine>(m: &mut M, arg: usize) -> Flow {
    let conversion = match arg & 3 {
        0 => None,
        1 => Some(&helpers::STR),
        2 => Some(&helpers::REPR),
        _ => Some(&helpers::ASCII),
    };
    let has_spec = arg & 4 != 0;
    let value = m.peek(1 + usize::from(has_spec));
    match (conversion, has_spec) {
        (None, false) => {
            if m.is_type(value, TypeOf::Str) {
                return Flow::Next;
            }
            let null = m.null();
            m.will_drop(value);
            let result = m.call_obj(&helpers::FORMAT, [Arg::Obj(value), Arg::Obj(null)]);
            finish_unary(m, value, result)
        }
        (None, true) => {
            let spec = m.peek(1);
            m.will_drop(value);
            let result = m.call_obj(&helpers::FORMAT, [Arg::Obj(value), Arg::Obj(spec)]);
            finish_binary(m, value, spec, result)
        }
        (Some(convert), false) => {
            m.will_drop(value);
            let result = m.call_obj(convert, [Arg::Obj(value)]);
            // The result of a conversion is an exact str unless __str__ returned a subclass, which format() makes exact.
            m.poke(1, result);
            m.decref(value);
            if !m.succeeded(result) {
                return Flow::Raise;
            }
            if m.is_type(result, TypeOf::Str) {
                return Flow::Next;
            }
            let null = m.null();
            let formatted = m.call_obj(&helpers::FORMAT, [Arg::Obj(result), Arg::Obj(null)]);
            finish_unary(m, result, formatted)
        }
        (Some(convert), true) => {
            let spec = m.peek(1);
            m.will_drop(value);
            let text = m.call_obj(convert, [Arg::Obj(value)]);
            m.poke(2, text);
            m.decref(value);
            if !m.succeeded(text) {
                return Flow::Raise;
            }
            let result = m.call_obj(&helpers::FORMAT, [Arg::Obj(text), Arg::Obj(spec)]);
            finish_binary(m, text, spec, result)
        }
    }
}

/// `BUILD_STRING`: joins the top `n`, all strings.
#[inline(always)]
pub fn build_string<M: Machine>(m: &mut M, n: usize) -> Flow {
    let result = m.call_array(&helpers::JOIN_STRINGS, n);
    // Strings: these deaths run no code.
    for _ in 0..n {
        let part = m.pop();
        m.decref(part);
    }
    m.push(result);
    done(m, result)
}
