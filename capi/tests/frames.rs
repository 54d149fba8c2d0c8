//! Frames that this crate pushes, shows, hands over, clears and pops, as the program that runs in them sees it.

mod common;

use capi::refs::{Owned, decref, new_ref};
use capi::sys::*;
use capi::{exceptions, frame};
use common::{get, message, repr, run, with_python};
use std::ptr::null_mut;

/// A linked frame for a function without parameters, its recursion level taken.
///
/// # Safety
/// The GIL is held; `function` is a Python function.
unsafe fn enter(function: *mut PyObject) -> *mut _PyInterpreterFrame {
    // SAFETY: the caller guarantees the function.
    unsafe {
        let tstate = PyThreadState_Get();
        let pushed = frame::push(tstate, new_ref(function).cast());
        frame::locals(pushed).write_bytes(0, (*(*pushed).f_code).co_nlocalsplus as usize);
        let cframe = (*tstate).cframe;
        (*pushed).previous = (*cframe).current_frame;
        (*cframe).current_frame = pushed;
        (*tstate).recursion_remaining -= 1;
        pushed
    }
}

/// Hands an entered frame over, clears and pops it.
///
/// # Safety
/// `pushed` comes from `enter` and is the topmost frame; `from` is in its code.
unsafe fn finish(pushed: *mut _PyInterpreterFrame, from: *mut u16, throw: bool) -> Option<Owned> {
    // SAFETY: the caller guarantees the frame; its stack is empty.
    unsafe {
        let tstate = PyThreadState_Get();
        let result = frame::resume_in_cpython(tstate, pushed, from, frame::stack_base(pushed), throw);
        frame::clear_and_pop(tstate, pushed);
        Owned::from_new(result)
    }
}

#[test]
fn the_data_stack_grows_by_chunks_and_shrinks_back() {
    with_python(|| {
        let names = run("
def f(): a = b = c = d = e = 1; return a + b + c + d + e
def deep(n): return 0 if n == 0 else 1 + deep(n - 1)
");
        let [function, deep] = ["f", "deep"].map(|name| get(&names, name));
        // SAFETY: the GIL is held; the frames are cleared in reverse order.
        unsafe {
            let tstate = PyThreadState_Get();
            let before = ((*tstate).datastack_chunk, (*tstate).datastack_top, (*tstate).datastack_limit);
            let count = (*function).ob_refcnt;
            let mut frames = Vec::new();
            let mut chunks = std::collections::HashSet::new();
            for _ in 0..2000 {
                let pushed = frame::push(tstate, new_ref(function).cast());
                frame::locals(pushed).write_bytes(0, 5);
                frames.push(pushed);
                chunks.insert((*tstate).datastack_chunk);
            }
            assert!(chunks.len() > 3, "{} chunks", chunks.len());
            // CPython goes on in the same chunks, and frees the ones that it adds.
            let ten = Owned::from_new(PyLong_FromLong(500)).unwrap();
            let result = Owned::from_new(PyObject_CallOneArg(deep, ten.as_ptr())).unwrap();
            assert_eq!(repr(result.as_ptr()), "500");
            for pushed in frames.into_iter().rev() {
                frame::clear_and_pop(tstate, pushed);
            }
            let after = ((*tstate).datastack_chunk, (*tstate).datastack_top, (*tstate).datastack_limit);
            assert_eq!(after, before);
            assert_eq!((*function).ob_refcnt, count);
        }
    });
}

#[test]
fn a_new_thread_gets_its_first_chunk() {
    with_python(|| {
        let names = run("def f(): return 1");
        let function = get(&names, "f");
        // SAFETY: the new thread state is current while it is used; ours afterwards.
        unsafe {
            let ours = PyThreadState_Get();
            let fresh = PyThreadState_New((*ours).interp);
            PyThreadState_Swap(fresh);
            assert!((*fresh).datastack_chunk.is_null());
            for _ in 0..2 {
                let pushed = enter(function);
                let from = (*pushed).prev_instr;
                assert_eq!(repr(finish(pushed, from, false).unwrap().as_ptr()), "1");
            }
            assert!(!(*fresh).datastack_chunk.is_null(), "the root chunk stays");
            PyThreadState_Clear(fresh);
            PyThreadState_Swap(ours);
            PyThreadState_Delete(fresh);
        }
    });
}

#[test]
fn a_frame_can_be_kept_after_its_function_returned() {
    with_python(|| {
        let names = run("
import sys
kept = []
def f():
    local = ['value']
    kept.append(sys._getframe())
    return len(kept)
def look():
    frame = kept.pop()
    return frame.f_locals, frame.f_lineno - f.__code__.co_firstlineno, frame.f_back, frame.f_code is f.__code__
");
        let function = get(&names, "f");
        // SAFETY: the GIL is held.
        unsafe {
            let pushed = enter(function);
            let from = (*pushed).prev_instr;
            assert_eq!(repr(finish(pushed, from, false).unwrap().as_ptr()), "1");
            let seen = Owned::from_new(PyObject_CallNoArgs(get(&names, "look"))).unwrap();
            assert_eq!(repr(seen.as_ptr()), "({'local': ['value']}, 3, None, True)");
        }
    });
}

#[test]
fn an_outer_frame_becomes_f_back_of_a_kept_inner_one() {
    with_python(|| {
        let names = run("
import sys
kept = []
def outer(): pass
def inner(): kept.append(sys._getframe())
def look():
    frame = kept.pop()
    return frame.f_code.co_name, frame.f_back.f_code.co_name, frame.f_back.f_back
");
        // SAFETY: the GIL is held; the frames end in reverse order.
        unsafe {
            let tstate = PyThreadState_Get();
            let outer = enter(get(&names, "outer"));
            // It stands behind its RESUME, as a caller does.
            (*outer).prev_instr = frame::first_instruction((*outer).f_code).add(1);
            let inner = enter(get(&names, "inner"));
            let from = (*inner).prev_instr;
            drop(finish(inner, from, false).unwrap());
            (*(*tstate).cframe).current_frame = (*outer).previous;
            (*tstate).recursion_remaining += 1;
            frame::clear_and_pop(tstate, outer);
            let seen = Owned::from_new(PyObject_CallNoArgs(get(&names, "look"))).unwrap();
            assert_eq!(repr(seen.as_ptr()), "('inner', 'outer', None)");
        }
    });
}

#[test]
fn locals_die_in_order_after_the_frame_is_unlinked() {
    with_python(|| {
        let names = run("
import sys
log = []
class D:
    def __init__(self, name): self.name = name
    def __del__(self):
        names = []
        frame = sys._getframe().f_back
        while frame: names.append(frame.f_code.co_name); frame = frame.f_back
        log.append((self.name, names))
def f():
    first = D('first')
    second = D('second')
");
        // SAFETY: the GIL is held.
        unsafe {
            let pushed = enter(get(&names, "f"));
            let from = (*pushed).prev_instr;
            drop(finish(pushed, from, false));
            assert_eq!(repr(get(&names, "log")), "[('first', []), ('second', [])]");
        }
    });
}

#[test]
fn recursion_levels_are_given_back() {
    with_python(|| {
        let names = run("def f(): return 1\ndef g(): return 1 / 0");
        // SAFETY: the GIL is held.
        unsafe {
            let tstate = PyThreadState_Get();
            let before = (*tstate).recursion_remaining;
            for name in ["f", "g"] {
                let pushed = enter(get(&names, name));
                let from = (*pushed).prev_instr;
                if finish(pushed, from, false).is_none() {
                    assert_eq!(message(), "ZeroDivisionError: division by zero");
                }
                assert_eq!((*tstate).recursion_remaining, before);
            }
        }
    });
}

#[test]
fn an_exception_thrown_at_a_hand_over_finds_its_handler() {
    with_python(|| {
        let names = run("
def f():
    try:
        left = 1
    except ValueError as e:
        return str(e), e.__traceback__.tb_lineno - f.__code__.co_firstlineno
");
        // SAFETY: the GIL is held; the index is of an instruction in the try block.
        unsafe {
            let pushed = enter(get(&names, "f"));
            let code = (*pushed).f_code;
            let inside = (0..).find(|&i| exceptions::exception_handler(code, i).is_some()).unwrap();
            let handler = exceptions::exception_handler(code, inside).unwrap();
            assert_eq!((handler.depth, handler.lasti), (0, false));
            PyErr_SetString(PyExc_ValueError, c"thrown".as_ptr());
            let from = frame::first_instruction(code).add(inside);
            assert_eq!(repr(finish(pushed, from, true).unwrap().as_ptr()), "('thrown', 2)");
        }
    });
}

#[test]
fn a_traceback_entry_names_function_and_line() {
    with_python(|| {
        let names = run("
import traceback
def f():
    x = 1
    return x
def lines(e): return [(entry.name, entry.lineno - f.__code__.co_firstlineno) for entry in traceback.extract_tb(e.__traceback__)]
");
        // SAFETY: the GIL is held; the frame is entered and left by hand.
        unsafe {
            let tstate = PyThreadState_Get();
            let pushed = enter(get(&names, "f"));
            PyErr_SetString(PyExc_ValueError, c"here".as_ptr());
            exceptions::add_traceback(tstate, pushed, null_mut());
            assert!((*tstate).curexc_traceback.is_null(), "an incomplete frame gets none");
            // LOAD_CONST, behind RESUME.
            (*pushed).prev_instr = frame::first_instruction((*pushed).f_code).add(1);
            exceptions::add_traceback(tstate, pushed, null_mut());
            let exception = Owned::from_new(exceptions::take(tstate)).unwrap();
            (*(*tstate).cframe).current_frame = (*pushed).previous;
            (*tstate).recursion_remaining += 1;
            frame::clear_and_pop(tstate, pushed);
            let lines = PyObject_CallOneArg(get(&names, "lines"), exception.as_ptr());
            assert_eq!(repr(Owned::from_new(lines).unwrap().as_ptr()), "[('f', 1)]");
        }
    });
}

#[test]
fn names_without_a_value_have_cpythons_messages() {
    with_python(|| {
        let names = run("
def local(): return x; x = 1
def own_cell():
    return x
    x = 1
    lambda: x
def outer():
    def free(): return x
    result = free
    return result
    x = 1
free = outer()
def absent(): return no_such_name
def text(f):
    try: f()
    except NameError as e: return type(e).__name__ + ': ' + str(e), getattr(e, 'name', None)
def described(e): return type(e).__name__ + ': ' + str(e), getattr(e, 'name', None)
theirs = {f.__name__: text(f) for f in [local, own_cell, free, absent]}
name = 'no_such_name'
");
        // SAFETY: the GIL is held; each function has the local that is asked for.
        unsafe {
            let tstate = PyThreadState_Get();
            let check = |name: &str, index: usize| {
                let function: *mut PyFunctionObject = get(&names, name).cast();
                let code: *mut PyCodeObject = (*function).func_code.cast();
                match name {
                    "local" => exceptions::unbound_local(tstate, code, index),
                    "absent" => exceptions::name_error(tstate, get(&names, "name")),
                    _ => exceptions::format_exc_unbound(tstate, code, index),
                }
                let exception = Owned::from_new(exceptions::take(tstate)).unwrap();
                let ours = PyObject_CallOneArg(get(&names, "described"), exception.as_ptr());
                let ours = Owned::from_new(ours).unwrap();
                let key = std::ffi::CString::new(name).unwrap();
                let theirs = PyDict_GetItemString(get(&names, "theirs"), key.as_ptr());
                assert_eq!(repr(ours.as_ptr()), repr(theirs), "{name}");
            };
            for name in ["local", "own_cell", "free", "absent"] {
                check(name, 0);
            }
            // What is set stays set.
            PyErr_SetString(PyExc_OSError, c"first".as_ptr());
            let function: *mut PyFunctionObject = get(&names, "free").cast();
            exceptions::format_exc_unbound(tstate, (*function).func_code.cast(), 0);
            assert_eq!(message(), "OSError: first");
            exceptions::ensure_raised(tstate);
            assert_eq!(message(), "SystemError: error return without exception set");
        }
    });
}

#[test]
fn a_frame_object_is_made_once_and_keeps_a_raised_exception() {
    with_python(|| {
        let names = run("def f(): pass");
        // SAFETY: the GIL is held; the frame is entered and left by hand.
        unsafe {
            let tstate = PyThreadState_Get();
            let pushed = enter(get(&names, "f"));
            assert_eq!(frame::make_frame_object(tstate, pushed), null_mut(), "incomplete");
            (*pushed).prev_instr = frame::first_instruction((*pushed).f_code).add(1);
            PyErr_SetString(PyExc_OSError, c"kept".as_ptr());
            let object = frame::make_frame_object(tstate, pushed);
            assert_eq!(frame::make_frame_object(tstate, pushed), object);
            assert_eq!((*object).ob_base.ob_refcnt, 1, "the frame's own");
            assert_eq!(message(), "OSError: kept");
            new_ref(object.cast());
            (*(*tstate).cframe).current_frame = (*pushed).previous;
            (*tstate).recursion_remaining += 1;
            frame::clear_and_pop(tstate, pushed);
            assert_eq!((*object).ob_base.ob_refcnt, 1, "ours");
            assert_eq!(PyFrame_GetBack(object), null_mut());
            decref(object.cast());
        }
    });
}
