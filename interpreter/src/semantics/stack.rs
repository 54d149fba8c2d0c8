//! Opcodes of the value stack, locals, constants, and cells.

use super::done;
use crate::field::{CELL_VALUE, FUNCTION_CLOSURE, ItemsField};
use crate::helpers;
use crate::machine::{Arg, Flow, Machine};
use capi::sys;

/// `NOP`
#[inline(always)]
pub fn nop<M: Machine>(_: &mut M, _: usize) -> Flow {
    Flow::Next
}

/// `POP_TOP`
#[inline(always)]
pub fn pop_top<M: Machine>(m: &mut M, _: usize) -> Flow {
    let o = m.pop();
    m.decref(o);
    Flow::Next
}

/// `PUSH_NULL`
#[inline(always)]
pub fn push_null<M: Machine>(m: &mut M, _: usize) -> Flow {
    let null = m.null();
    m.push(null);
    Flow::Next
}

/// `LOAD_FAST`, `LOAD_CLOSURE`
#[inline(always)]
pub fn load_fast<M: Machine>(m: &mut M, index: usize) -> Flow {
    let o = m.local(index);
    if m.is_null(o) {
        return unbound_local(m, index);
    }
    m.incref(o);
    m.push(o);
    Flow::Next
}

#[inline(always)]
fn unbound_local<M: Machine>(m: &mut M, index: usize) -> Flow {
    let code = m.code() as usize;
    m.call_int(&helpers::RAISE_UNBOUND_LOCAL, [Arg::Thread, Arg::Const(code), Arg::Const(index)]);
    Flow::Raise
}

/// `LOAD_CONST`
#[inline(always)]
pub fn load_const<M: Machine>(m: &mut M, index: usize) -> Flow {
    let o = m.constant(index);
    m.incref(o);
    m.push(o);
    Flow::Next
}

/// `STORE_FAST`
#[inline(always)]
pub fn store_fast<M: Machine>(m: &mut M, index: usize) -> Flow {
    let old = m.local(index);
    let unset = m.is_null(old);
    let value = m.pop();
    m.set_local(index, value);
    if !unset {
        m.decref(old);
    }
    Flow::Next
}

/// `DELETE_FAST`
#[inline(always)]
pub fn delete_fast<M: Machine>(m: &mut M, index: usize) -> Flow {
    let old = m.local(index);
    if m.is_null(old) {
        return unbound_local(m, index);
    }
    let null = m.null();
    m.set_local(index, null);
    m.decref(old);
    Flow::Next
}

/// `SWAP`
#[inline(always)]
pub fn swap<M: Machine>(m: &mut M, depth: usize) -> Flow {
    let top = m.peek(1);
    let other = m.peek(depth);
    m.poke(1, other);
    m.poke(depth, top);
    Flow::Next
}

/// `COPY`
#[inline(always)]
pub fn copy<M: Machine>(m: &mut M, depth: usize) -> Flow {
    let o = m.peek(depth);
    // Stack places may be null (under a call); copies are not made of those.
    m.incref(o);
    m.push(o);
    Flow::Next
}

/// `LOAD_ASSERTION_ERROR`
#[inline(always)]
pub fn load_assertion_error<M: Machine>(m: &mut M, _: usize) -> Flow {
    // SAFETY: set when libpython is initialised, never changed.
    let class = m.known(unsafe { sys::PyExc_AssertionError });
    m.incref(class);
    m.push(class);
    Flow::Next
}

/// `MAKE_CELL`
#[inline(always)]
pub fn make_cell<M: Machine>(m: &mut M, index: usize) -> Flow {
    let value = m.local(index);
    let unset = m.is_null(value);
    let cell = m.call_obj(&helpers::NEW_CELL, [Arg::Obj(value)]);
    if !m.succeeded(cell) {
        return Flow::Raise;
    }
    m.set_local(index, cell);
    if !unset {
        m.decref(value);
    }
    Flow::Next
}

/// `LOAD_DEREF`
#[inline(always)]
pub fn load_deref<M: Machine>(m: &mut M, index: usize) -> Flow {
    let cell = m.local(index);
    let value = m.load_obj(cell, CELL_VALUE);
    if m.is_null(value) {
        return unbound_cell(m, index);
    }
    m.incref(value);
    m.push(value);
    Flow::Next
}

#[inline(always)]
fn unbound_cell<M: Machine>(m: &mut M, index: usize) -> Flow {
    let code = m.code() as usize;
    m.call_int(&helpers::RAISE_UNBOUND_CELL, [Arg::Thread, Arg::Const(code), Arg::Const(index)]);
    Flow::Raise
}

/// `STORE_DEREF`
#[inline(always)]
pub fn store_deref<M: Machine>(m: &mut M, index: usize) -> Flow {
    let cell = m.local(index);
    let before = m.load_obj(cell, CELL_VALUE);
    let unset = m.is_null(before);
    if !unset {
        m.will_drop(before);
    }
    let value = m.pop();
    let old = m.swap_obj(cell, CELL_VALUE, value);
    if !unset {
        m.decref(old);
    }
    Flow::Next
}

/// `DELETE_DEREF`
#[inline(always)]
pub fn delete_deref<M: Machine>(m: &mut M, index: usize) -> Flow {
    let cell = m.local(index);
    let before = m.load_obj(cell, CELL_VALUE);
    if m.is_null(before) {
        return unbound_cell(m, index);
    }
    m.will_drop(before);
    let null = m.null();
    let old = m.swap_obj(cell, CELL_VALUE, null);
    m.decref(old);
    Flow::Next
}

/// `COPY_FREE_VARS`
#[inline(always)]
pub fn copy_free_vars<M: Machine>(m: &mut M, n: usize) -> Flow {
    let function = m.function();
    let closure = m.load_obj(function, FUNCTION_CLOSURE);
    // SAFETY: the code lives while it is executed.
    let first = unsafe { (*m.code()).co_nlocals + (*m.code()).co_nplaincellvars } as usize;
    for i in 0..n {
        let index = m.int(i as i64);
        let cell = m.item(closure, ItemsField::Tuple, index);
        m.incref(cell);
        m.set_local(first + i, cell);
    }
    Flow::Next
}

/// `BUILD_SLICE`
#[inline(always)]
pub fn build_slice<M: Machine>(m: &mut M, n: usize) -> Flow {
    if m.may_specialise()
        && let Some(flow) = super::slices::subscript(m, n)
    {
        return flow;
    }
    let start = m.peek(n);
    let stop = m.peek(n - 1);
    let step = if n == 3 { m.peek(1) } else { m.null() };
    let slice = m.call_obj(&helpers::NEW_SLICE, [Arg::Obj(start), Arg::Obj(stop), Arg::Obj(step)]);
    m.shrink(n - 1);
    m.poke(1, slice);
    // The slice holds them: nothing dies here.
    m.decref(start);
    m.decref(stop);
    if n == 3 {
        m.decref(step);
    }
    done(m, slice)
}
