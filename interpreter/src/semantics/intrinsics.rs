//! Calls of well-known builtins on exact numbers and sequences, opened up so that a recorder sees through them.
//!
//! The interpreter calls the C functions themselves; only a machine that specialises comes here. Which builtin it is, is
//! resolved from the function object (its module's definition and its name), then asked as the object's identity.

use super::calls::finish_call;
use super::compare::quick_compare;
use crate::field::{LIST_SIZE, TUPLE_SIZE, TypeOf};
use crate::helper::Helper;
use crate::helpers;
use crate::machine::{Arg, Compare, FloatUnary, Flow, Machine};
use capi::refs::type_of;
use capi::sys::{self, PyObject};
use std::ffi::CStr;

/// What a builtin is here.
#[derive(Clone, Copy)]
enum Intrinsic {
    Abs,
    /// `min` or `max` of two.
    Extreme(Compare),
    Len,
    IsInstance,
    Sqrt,
    Fabs,
    /// `math.floor` of a float.
    Floor,
    /// `math.ceil` of a float.
    Ceil,
    /// A function of one double, valid when the argument is above this and below infinity, and the result is finite.
    Math1(&'static Helper, f64),
    /// A function of two doubles, both finite, result finite; whether the first must be above zero.
    Math2(&'static Helper, bool),
}

/// Module, name, number of arguments, meaning.
static TABLE: [(&CStr, &CStr, usize, Intrinsic); 17] = [
    (c"builtins", c"abs", 1, Intrinsic::Abs),
    (c"builtins", c"min", 2, Intrinsic::Extreme(Compare::Lt)),
    (c"builtins", c"max", 2, Intrinsic::Extreme(Compare::Gt)),
    (c"builtins", c"len", 1, Intrinsic::Len),
    (c"builtins", c"isinstance", 2, Intrinsic::IsInstance),
    (c"math", c"sqrt", 1, Intrinsic::Sqrt),
    (c"math", c"fabs", 1, Intrinsic::Fabs),
    (c"math", c"floor", 1, Intrinsic::Floor),
    (c"math", c"ceil", 1, Intrinsic::Ceil),
    (c"math", c"sin", 1, Intrinsic::Math1(&helpers::MATH_SIN, f64::NEG_INFINITY)),
    (c"math", c"cos", 1, Intrinsic::Math1(&helpers::MATH_COS, f64::NEG_INFINITY)),
    (c"math", c"tan", 1, Intrinsic::Math1(&helpers::MATH_TAN, f64::NEG_INFINITY)),
    (c"math", c"exp", 1, Intrinsic::Math1(&helpers::MATH_EXP, f64::NEG_INFINITY)),
    (c"math", c"log", 1, Intrinsic::Math1(&helpers::MATH_LOG, 0.0)),
    (c"math", c"atan", 1, Intrinsic::Math1(&helpers::MATH_ATAN, f64::NEG_INFINITY)),
    (c"math", c"atan2", 2, Intrinsic::Math2(&helpers::MATH_ATAN2, false)),
    (c"math", c"pow", 2, Intrinsic::Math2(&helpers::FLOAT_POW, true)),
];

/// Which intrinsic this object is.
fn resolve(function: *mut PyObject, nargs: usize) -> Option<Intrinsic> {
    // SAFETY: a live object; the layouts are used after the types were looked at.
    unsafe {
        if type_of(function) != &raw mut sys::PyCFunction_Type {
            return None;
        }
        let function = function.cast::<sys::PyCFunctionObject>();
        let module = (*function).m_self;
        if module.is_null() || type_of(module) != &raw mut sys::PyModule_Type {
            return None;
        }
        let definition = (*module.cast::<sys::PyModuleObject>()).md_def;
        if definition.is_null() {
            return None;
        }
        let module_name = CStr::from_ptr((*definition).m_name);
        let name = CStr::from_ptr((*(*function).m_ml).ml_name);
        TABLE.iter().find(|row| row.2 == nargs && row.1 == name && row.0 == module_name).map(|row| row.3)
    }
}

/// Carries the call out, or answers `None` with nothing consumed.
#[inline(always)]
pub fn call<M: Machine>(m: &mut M, function: M::Obj, nargs: usize, below: usize) -> Option<Flow> {
    let address = m.peek_address(function);
    if nargs == 1 {
        if address == (&raw mut sys::PyFloat_Type).cast() {
            return convert(m, function, below, TypeOf::Float);
        }
        if address == (&raw mut sys::PyLong_Type).cast() {
            return convert(m, function, below, TypeOf::Int);
        }
    }
    let intrinsic = resolve(address, nargs)?;
    if !m.is_object(function, address) {
        return None;
    }
    let a = m.peek(nargs);
    let result = match intrinsic {
        Intrinsic::Abs => super::arithmetic::absolute(m, a)?,
        Intrinsic::Extreme(op) => {
            let b = m.peek(1);
            // The later one wins only if it is strictly beyond.
            let beyond = quick_compare(m, op_number(op), b, a)?;
            let winner = if m.branch(beyond) { b } else { a };
            m.incref(winner);
            winner
        }
        Intrinsic::Len => {
            let size = if m.is_type(a, TypeOf::List) {
                LIST_SIZE
            } else if m.is_type(a, TypeOf::Tuple) {
                TUPLE_SIZE
            } else {
                return None;
            };
            let n = m.load_int(a, size);
            m.new_int(n)
        }
        Intrinsic::IsInstance => {
            let class = m.peek(1);
            let class_address = m.peek_address(class);
            let object = m.peek_address(a);
            // SAFETY: a live object.
            if unsafe { type_of(object) }.cast() != class_address
                || !m.is_object(class, class_address)
                || !m.is_type_object(a, class_address.cast())
            {
                return None;
            }
            let yes = m.known(helpers::py_true());
            m.incref(yes);
            yes
        }
        Intrinsic::Sqrt => {
            let x = double(m, a)?;
            within(m, x, Compare::Ge, 0.0)?;
            within(m, x, Compare::Lt, f64::INFINITY)?;
            let r = m.float_unary(FloatUnary::Sqrt, x);
            m.new_float(r)
        }
        Intrinsic::Fabs => {
            let x = double(m, a)?;
            let r = m.float_unary(FloatUnary::Abs, x);
            m.new_float(r)
        }
        Intrinsic::Floor | Intrinsic::Ceil => {
            if !m.is_type(a, TypeOf::Float) {
                return None;
            }
            let x = m.float_value(a);
            let helper = if matches!(intrinsic, Intrinsic::Floor) {
                &helpers::MATH_FLOOR
            } else {
                &helpers::MATH_CEIL
            };
            let r = m.call_float(helper, [Arg::Float(x)]);
            let n = m.int_from_float(r)?;
            m.new_int(n)
        }
        Intrinsic::Math1(helper, above) => {
            let x = double(m, a)?;
            within(m, x, Compare::Gt, above)?;
            within(m, x, Compare::Lt, f64::INFINITY)?;
            let r = m.call_float(helper, [Arg::Float(x)]);
            finite(m, r)?;
            m.new_float(r)
        }
        Intrinsic::Math2(helper, positive) => {
            let b = m.peek(1);
            let x = double(m, a)?;
            let y = double(m, b)?;
            within(m, x, Compare::Gt, if positive { 0.0 } else { f64::NEG_INFINITY })?;
            within(m, x, Compare::Lt, f64::INFINITY)?;
            finite(m, y)?;
            let r = m.call_float(helper, [Arg::Float(x), Arg::Float(y)]);
            finite(m, r)?;
            m.new_float(r)
        }
    };
    Some(finish_call(m, nargs, below, result))
}

fn op_number(op: Compare) -> usize {
    op as usize
}

/// The double of an exact float or an int, as `PyFloat_AsDouble` converts it.
#[inline(always)]
fn double<M: Machine>(m: &mut M, o: M::Obj) -> Option<M::Float> {
    if m.is_type(o, TypeOf::Float) {
        return Some(m.float_value(o));
    }
    if m.is_type(o, TypeOf::Int) {
        let i = m.int_value(o)?;
        return Some(m.float_from_int(i));
    }
    None
}

/// Asks for a comparison with a constant; `None` when it does not hold.
#[inline(always)]
fn within<M: Machine>(m: &mut M, x: M::Float, op: Compare, limit: f64) -> Option<()> {
    let limit = m.float(limit);
    let holds = m.float_compare(op, x, limit);
    m.branch(holds).then_some(())
}

#[inline(always)]
fn finite<M: Machine>(m: &mut M, x: M::Float) -> Option<()> {
    within(m, x, Compare::Gt, f64::NEG_INFINITY)?;
    within(m, x, Compare::Lt, f64::INFINITY)
}

/// `float(x)` and `int(x)` of an exact number.
#[inline(always)]
fn convert<M: Machine>(m: &mut M, function: M::Obj, below: usize, to: TypeOf) -> Option<Flow> {
    let address = m.peek_address(function);
    if !m.is_object(function, address) {
        return None;
    }
    let a = m.peek(1);
    let result = if m.is_type(a, to) {
        m.incref(a);
        a
    } else if to == TypeOf::Float && m.is_type(a, TypeOf::Int) {
        let i = m.int_value(a)?;
        let x = m.float_from_int(i);
        m.new_float(x)
    } else if to == TypeOf::Int && m.is_type(a, TypeOf::Float) {
        let x = m.float_value(a);
        let i = m.int_from_float(x)?;
        m.new_int(i)
    } else {
        return None;
    };
    Some(finish_call(m, 1, below, result))
}
