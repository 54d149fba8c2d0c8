//! Subscripts of `array.array`: doubles and signed integers are read and written in the buffer itself.
//!
//! For machines that specialise; called by `subscripts`. Nothing of the array module is exported: what an array's layout
//! is, is verified by the buffer that it exports, each time that an instruction is resolved.

use super::subscripts::index_of;
use crate::field::{ARRAY_KIND, ARRAY_SIZE, TypeOf};
use crate::machine::{Compare, Flow, IntOp, Machine, NumberSize};
use capi::objects::Array;
use capi::refs::type_of;
use capi::sys::{self, PyObject};
use std::ffi::CStr;

/// What an array holds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Items {
    /// `double`
    Doubles,
    /// Signed integers.
    Ints(NumberSize),
}

/// What this object holds, if it is an exact `array.array` with numbers known here.
pub(crate) fn resolve(o: *mut PyObject) -> Option<Items> {
    // SAFETY: a live object; heap types have their layout, and the buffer is released at once.
    unsafe {
        let ty = type_of(o);
        if (*ty).tp_flags & std::ffi::c_ulong::from(sys::Py_TPFLAGS_HEAPTYPE) == 0
            || (*ty).tp_basicsize as usize != size_of::<Array>()
            || CStr::from_ptr((*ty).tp_name) != c"array.array"
        {
            return None;
        }
        let module = (*ty.cast::<sys::PyHeapTypeObject>()).ht_module;
        if module.is_null() || type_of(module) != &raw mut sys::PyModule_Type {
            return None;
        }
        let definition = (*module.cast::<sys::PyModuleObject>()).md_def;
        if definition.is_null() || CStr::from_ptr((*definition).m_name) != c"array" {
            return None;
        }
        let mut view = std::mem::zeroed::<sys::Py_buffer>();
        let flags = (sys::PyBUF_FORMAT | sys::PyBUF_ND) as i32;
        if sys::PyObject_GetBuffer(o, &raw mut view, flags) < 0 {
            sys::PyErr_Clear();
            return None;
        }
        let array = o.cast::<Array>();
        let len = (*array).ob_base.ob_size;
        let as_known = view.buf.cast() == (*array).ob_item
            && view.ndim == 1
            && view.len == len * view.itemsize
            && !view.format.is_null();
        let items = match (if as_known { CStr::from_ptr(view.format).to_bytes() } else { b"" }, view.itemsize)
        {
            (b"d", 8) => Some(Items::Doubles),
            (b"i", 4) => Some(Items::Ints(NumberSize::Half)),
            (b"l" | b"q", 8) => Some(Items::Ints(NumberSize::Word)),
            _ => None,
        };
        sys::PyBuffer_Release(&raw mut view);
        items
    }
}

/// Asks whether the object is an array like this one, and for the place of the item.
#[inline(always)]
fn place<M: Machine>(m: &mut M, array: M::Obj, key: M::Obj) -> Option<(Items, M::Int)> {
    let address = m.peek_address(array);
    let items = resolve(address)?;
    // SAFETY: a live array, as was resolved.
    let (ty, kind) = unsafe { (type_of(address), (*address.cast::<Array>()).ob_descr as i64) };
    if !m.is_type_object(array, ty) {
        return None;
    }
    let own = m.load_int(array, ARRAY_KIND);
    let expected = m.int(kind);
    let same = m.int_compare(Compare::Eq, own, expected);
    if !m.branch(same) {
        return None;
    }
    let index = index_of(m, array, key, ARRAY_SIZE)?;
    Some((items, index))
}

/// A new reference to the number at `key`; `None`: nothing was done.
#[inline(always)]
pub fn load<M: Machine>(m: &mut M, array: M::Obj, key: M::Obj) -> Option<M::Obj> {
    let (items, index) = place(m, array, key)?;
    Some(match items {
        Items::Doubles => {
            let x = m.float_number(array, index);
            m.new_float(x)
        }
        Items::Ints(size) => {
            let i = m.int_number(array, index, size);
            m.new_int(i)
        }
    })
}

/// Carries `STORE_SUBSCR` (value, array, key at the top) out; `None`: nothing was done.
#[inline(always)]
pub fn store<M: Machine>(m: &mut M, value: M::Obj, array: M::Obj, key: M::Obj) -> Option<Flow> {
    let (items, index) = place(m, array, key)?;
    match items {
        Items::Doubles => {
            let x = if m.is_type(value, TypeOf::Float) {
                m.float_value(value)
            } else if m.is_type(value, TypeOf::Int) {
                let i = m.int_value(value)?;
                m.float_from_int(i)
            } else {
                return None;
            };
            announce(m);
            m.set_float_number(array, index, x);
        }
        Items::Ints(size) => {
            if !m.is_type(value, TypeOf::Int) {
                return None;
            }
            let i = m.int_value(value)?;
            if size == NumberSize::Half {
                let half = m.int(1 << 31);
                let shifted = m.int_op(IntOp::Add, i, half);
                let limit = m.int(1 << 32);
                let fits = m.int_below(shifted, limit);
                if !m.branch(fits) {
                    return None;
                }
            }
            announce(m);
            m.set_int_number(array, index, size, i);
        }
    }
    m.shrink(3);
    m.decref(value);
    m.decref(array);
    m.decref(key);
    Some(Flow::Next)
}

/// Says that value, array and key are dropped.
#[inline(always)]
fn announce<M: Machine>(m: &mut M) {
    for depth in [3, 2, 1] {
        let o = m.peek(depth);
        m.will_drop(o);
    }
}
