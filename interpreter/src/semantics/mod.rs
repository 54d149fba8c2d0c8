//! What each opcode means, written once over a [`Machine`](crate::machine::Machine).
//!
//! One function an opcode, `fn name<M: Machine>(m: &mut M, arg: usize) -> Flow`, listed in `dispatch.rs`. They must keep
//! the rules of `machine.rs`: questions first, nothing consumed before a slow path, the death that may run code last.
//! All are inlined into the interpreter's loop, so that the machine's registers stay registers.

pub mod arithmetic;
pub(crate) mod arrays;
pub mod attributes;
pub mod calls;
pub mod compare;
pub mod globals;
pub mod intrinsics;
pub mod iteration;
pub mod jumps;
pub mod methods;
pub mod sequences;
pub mod slices;
pub mod stack;
pub mod strings;
pub mod subscripts;

use crate::machine::{Flow, Machine};

/// Ends an opcode of two operands (still at the top, `b` uppermost): they are replaced by `result`, then dropped, `a` first.
#[inline(always)]
fn finish_binary<M: Machine>(m: &mut M, a: M::Obj, b: M::Obj, result: M::Obj) -> Flow {
    m.shrink(1);
    m.poke(1, result);
    m.decref(a);
    m.decref(b);
    done(m, result)
}

/// Ends an opcode of one operand (still at the top): it is replaced by `result`, then dropped.
#[inline(always)]
fn finish_unary<M: Machine>(m: &mut M, a: M::Obj, result: M::Obj) -> Flow {
    m.poke(1, result);
    m.decref(a);
    done(m, result)
}

/// On, or `Raise` when `result` is null.
#[inline(always)]
fn done<M: Machine>(m: &mut M, result: M::Obj) -> Flow {
    if m.succeeded(result) { Flow::Next } else { Flow::Raise }
}

/// On, or `Raise` when `status` is negative.
#[inline(always)]
fn done_int<M: Machine>(m: &mut M, status: M::Int) -> Flow {
    if m.succeeded_int(status) { Flow::Next } else { Flow::Raise }
}

/// Name `index` of the code.
#[inline(always)]
fn name<M: Machine>(m: &mut M, index: usize) -> M::Obj {
    // SAFETY: the compiler emits indices within co_names, a tuple that lives as long as the code.
    let name = unsafe { *crate::helpers::tuple_items((*m.code()).co_names).add(index) };
    m.known(name)
}
