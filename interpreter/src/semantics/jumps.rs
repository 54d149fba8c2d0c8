//! Jumps, conditional or not. Backward ones are loop edges.

use crate::field::{LIST_SIZE, TUPLE_SIZE, TypeOf};
use crate::helpers;
use crate::machine::{Arg, Compare, Flow, Machine};

/// Whether the object at the top is true: asked and answered. `None`: an exception is set. The caller has announced nothing yet.
#[inline(always)]
fn truth<M: Machine>(m: &mut M, o: M::Obj) -> Option<bool> {
    if m.is_type(o, TypeOf::Bool) {
        let b = m.bool_value(o);
        return Some(m.branch(b));
    }
    if m.is_type(o, TypeOf::None) {
        return Some(false);
    }
    let zero = m.int(0);
    if m.is_type(o, TypeOf::Int)
        && let Some(x) = m.int_value(o)
    {
        let b = m.int_compare(Compare::Ne, x, zero);
        return Some(m.branch(b));
    }
    if m.is_type(o, TypeOf::Float) {
        let x = m.float_value(o);
        let zero = m.float(0.0);
        let b = m.float_compare(Compare::Ne, x, zero);
        return Some(m.branch(b));
    }
    let status = if m.is_type(o, TypeOf::List) {
        m.load_int(o, LIST_SIZE)
    } else if m.is_type(o, TypeOf::Tuple) {
        m.load_int(o, TUPLE_SIZE)
    } else if m.is_type(o, TypeOf::Str) || m.is_type(o, TypeOf::Dict) {
        m.call_int(&helpers::BUILTIN_IS_TRUE, [Arg::Obj(o)])
    } else {
        m.will_drop(o);
        let status = m.call_int(&helpers::OBJECT_IS_TRUE, [Arg::Obj(o)]);
        if !m.succeeded_int(status) {
            return None;
        }
        status
    };
    let b = m.int_compare(Compare::Ne, status, zero);
    Some(m.branch(b))
}

#[inline(always)]
fn forward<M: Machine>(m: &mut M, distance: usize) {
    let target = m.instruction() + 1 + distance;
    m.jump(target);
}

#[inline(always)]
fn backward<M: Machine>(m: &mut M, distance: usize) -> Flow {
    let target = m.instruction() + 1 - distance;
    m.loop_edge(target)
}

#[inline(always)]
fn pop_jump_if<M: Machine>(m: &mut M, distance: usize, when: bool, back: bool) -> Flow {
    let o = m.peek(1);
    let answer = truth(m, o);
    m.shrink(1);
    m.decref(o);
    match answer {
        None => Flow::Raise,
        Some(value) if value == when => {
            if back {
                return backward(m, distance);
            }
            forward(m, distance);
            Flow::Next
        }
        Some(_) => Flow::Next,
    }
}

/// `POP_JUMP_FORWARD_IF_FALSE`
#[inline(always)]
pub fn forward_if_false<M: Machine>(m: &mut M, distance: usize) -> Flow {
    pop_jump_if(m, distance, false, false)
}

/// `POP_JUMP_FORWARD_IF_TRUE`
#[inline(always)]
pub fn forward_if_true<M: Machine>(m: &mut M, distance: usize) -> Flow {
    pop_jump_if(m, distance, true, false)
}

/// `POP_JUMP_BACKWARD_IF_FALSE`
#[inline(always)]
pub fn backward_if_false<M: Machine>(m: &mut M, distance: usize) -> Flow {
    pop_jump_if(m, distance, false, true)
}

/// `POP_JUMP_BACKWARD_IF_TRUE`
#[inline(always)]
pub fn backward_if_true<M: Machine>(m: &mut M, distance: usize) -> Flow {
    pop_jump_if(m, distance, true, true)
}

#[inline(always)]
fn pop_jump_if_none<M: Machine>(m: &mut M, distance: usize, when: bool, back: bool) -> Flow {
    let o = m.peek(1);
    let is_none = m.is_type(o, TypeOf::None);
    m.shrink(1);
    if is_none != when {
        m.decref(o);
        return Flow::Next;
    }
    if back {
        m.decref(o);
        return backward(m, distance);
    }
    forward(m, distance);
    m.decref(o);
    Flow::Next
}

/// `POP_JUMP_FORWARD_IF_NONE`
#[inline(always)]
pub fn forward_if_none<M: Machine>(m: &mut M, distance: usize) -> Flow {
    pop_jump_if_none(m, distance, true, false)
}

/// `POP_JUMP_FORWARD_IF_NOT_NONE`
#[inline(always)]
pub fn forward_if_not_none<M: Machine>(m: &mut M, distance: usize) -> Flow {
    pop_jump_if_none(m, distance, false, false)
}

/// `POP_JUMP_BACKWARD_IF_NONE`
#[inline(always)]
pub fn backward_if_none<M: Machine>(m: &mut M, distance: usize) -> Flow {
    pop_jump_if_none(m, distance, true, true)
}

/// `POP_JUMP_BACKWARD_IF_NOT_NONE`
#[inline(always)]
pub fn backward_if_not_none<M: Machine>(m: &mut M, distance: usize) -> Flow {
    pop_jump_if_none(m, distance, false, true)
}

#[inline(always)]
fn jump_if_or_pop<M: Machine>(m: &mut M, distance: usize, when: bool) -> Flow {
    let o = m.peek(1);
    match truth(m, o) {
        None => Flow::Raise,
        Some(value) if value == when => {
            forward(m, distance);
            Flow::Next
        }
        Some(_) => {
            m.shrink(1);
            m.decref(o);
            Flow::Next
        }
    }
}

/// `JUMP_IF_FALSE_OR_POP`
#[inline(always)]
pub fn jump_if_false_or_pop<M: Machine>(m: &mut M, distance: usize) -> Flow {
    jump_if_or_pop(m, distance, false)
}

/// `JUMP_IF_TRUE_OR_POP`
#[inline(always)]
pub fn jump_if_true_or_pop<M: Machine>(m: &mut M, distance: usize) -> Flow {
    jump_if_or_pop(m, distance, true)
}

/// `JUMP_FORWARD`
#[inline(always)]
pub fn jump_forward<M: Machine>(m: &mut M, distance: usize) -> Flow {
    forward(m, distance);
    Flow::Next
}

/// `JUMP_BACKWARD`
#[inline(always)]
pub fn jump_backward<M: Machine>(m: &mut M, distance: usize) -> Flow {
    backward(m, distance)
}

/// `JUMP_BACKWARD_NO_INTERRUPT`: the loop of `yield from` and `await`; the innermost generator serves interrupts.
#[inline(always)]
pub fn jump_backward_no_interrupt<M: Machine>(m: &mut M, distance: usize) -> Flow {
    let target = m.instruction() + 1 - distance;
    m.jump(target);
    Flow::Next
}

/// `RESUME`; the argument tells a function's start (0) and generators' resumption (1) from the rest.
#[inline(always)]
pub fn resume<M: Machine>(m: &mut M, arg: usize) -> Flow {
    if m.breaker_clear() || arg >= 2 { Flow::Next } else { m.check_breaker() }
}
