//! Opcodes that only the interpreter has: a recording is aborted at them. Written against `Direct`, never inlined.
//!
//! `fn name(d: &mut Direct, arg: usize) -> Flow`; the machine's invariant (`Direct`) is what their `unsafe` rests on.

pub mod classes;
pub mod exceptions;
pub mod functions;
pub mod generators;
pub mod imports;
pub mod maps;
pub mod matching;

use crate::direct::Direct;
use crate::helpers;
use crate::machine::{Flow, Machine};
use capi::refs::{decref, new_ref};
use capi::sys::{self, PyObject};

/// Name `index` of the code, borrowed.
fn name(d: &Direct, index: usize) -> *mut PyObject {
    // SAFETY: the compiler emits indices within co_names.
    unsafe { *helpers::tuple_items((*d.code()).co_names).add(index) }
}

/// Replaces the top by a result (owned, or null with an exception) and drops what was there.
fn replace_top(d: &mut Direct, result: *mut PyObject) -> Flow {
    let old = d.peek(1);
    d.poke(1, result);
    // SAFETY: the stack owned it.
    unsafe { decref(old) };
    if result.is_null() { Flow::Raise } else { Flow::Next }
}

/// Pushes a result (owned, or null with an exception).
fn push_result(d: &mut Direct, result: *mut PyObject) -> Flow {
    if result.is_null() {
        return Flow::Raise;
    }
    d.push(result);
    Flow::Next
}

/// Drops the top.
fn drop_top(d: &mut Direct) {
    let o = d.pop();
    // SAFETY: the stack owned it.
    unsafe { decref(o) };
}

/// `Next`, or `Raise` when a C status is negative.
fn status(status: i32) -> Flow {
    if status < 0 { Flow::Raise } else { Flow::Next }
}

/// A new reference to a bool.
fn new_bool(value: bool) -> *mut PyObject {
    // SAFETY: the bools live for ever.
    unsafe { new_ref(if value { helpers::py_true() } else { helpers::py_false() }) }
}

/// Sets an exception with a plain message.
fn raise(class: *mut PyObject, message: &std::ffi::CStr) -> Flow {
    // SAFETY: `class` is an exception class.
    unsafe { sys::PyErr_SetString(class, message.as_ptr()) };
    Flow::Raise
}

/// An interned string that lives for ever, made at its first use.
pub(crate) struct Name(&'static std::ffi::CStr, std::sync::atomic::AtomicPtr<PyObject>);

impl Name {
    pub(crate) const fn new(text: &'static std::ffi::CStr) -> Name {
        Name(text, std::sync::atomic::AtomicPtr::new(std::ptr::null_mut()))
    }

    /// The string, borrowed; null with MemoryError set.
    pub(crate) fn get(&self) -> *mut PyObject {
        use std::sync::atomic::Ordering::Relaxed;
        let known = self.1.load(Relaxed);
        if !known.is_null() {
            return known;
        }
        // SAFETY: the GIL is held.
        let made = unsafe { sys::PyUnicode_InternFromString(self.0.as_ptr()) };
        self.1.store(made, Relaxed);
        made
    }
}
