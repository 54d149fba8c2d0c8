//! Argument binding and frames, on functions of a running CPython: what we bind, raise and leave behind is what it does.

mod common;

use capi::refs::{Owned, decref, incref};
use capi::sys::*;
use capi::{arguments, exceptions, frame, list, tuple};
use common::{get, message, repr, run, with_python};
use std::ptr::null_mut;

/// Binds as `function(*args, **kwargs)` would; what the parameters have then, or the exception.
///
/// # Safety
/// The GIL is held; a function, a tuple and a dict with str keys.
unsafe fn bind(function: *mut PyObject, args: *mut PyObject, kwargs: *mut PyObject) -> String {
    // SAFETY: by contract. The frame is never linked, so clearing it is all there is to do.
    unsafe {
        let tstate = PyThreadState_Get();
        let keys = Owned::from_new(PyDict_Keys(kwargs)).unwrap();
        let values = Owned::from_new(PyDict_Values(kwargs)).unwrap();
        let kwnames = Owned::from_new(PyList_AsTuple(keys.as_ptr())).unwrap();
        let mut all: Vec<*mut PyObject> = (0..tuple::len(args)).map(|i| tuple::item(args, i)).collect();
        let positional = all.len();
        all.extend((0..list::len(values.as_ptr())).map(|i| list::item(values.as_ptr(), i)));
        let counts: Vec<isize> = all.iter().map(|&o| (*o).ob_refcnt).collect();
        for &o in &all {
            incref(o);
        }
        incref(function);
        let names = if tuple::len(kwnames.as_ptr()) == 0 { null_mut() } else { kwnames.as_ptr() };
        let top = (*tstate).datastack_top;
        let pushed =
            arguments::push_and_init(tstate, function.cast(), null_mut(), all.as_ptr(), positional, names);
        let bound = if pushed.is_null() {
            message()
        } else {
            let code = (*pushed).f_code;
            let flags = (*code).co_flags as u32;
            let count = (*code).co_argcount
                + (*code).co_kwonlyargcount
                + i32::from(flags & CO_VARARGS != 0)
                + i32::from(flags & CO_VARKEYWORDS != 0);
            let parameters =
                Owned::from_new(tuple::from_array(frame::locals(pushed), count as usize)).unwrap();
            let rest = (count..(*code).co_nlocalsplus).map(|i| *frame::locals(pushed).add(i as usize));
            assert!(rest.into_iter().all(|o| o.is_null()), "other locals start unbound");
            let bound = repr(parameters.as_ptr());
            drop(parameters);
            frame::clear_and_pop(tstate, pushed);
            bound
        };
        assert!((*tstate).datastack_chunk.is_null() || (*tstate).datastack_top == top || top.is_null());
        let after: Vec<isize> = all.iter().map(|&o| (*o).ob_refcnt).collect();
        assert_eq!(after, counts, "each argument has the count that it had: {bound}");
        bound
    }
}

#[test]
fn arguments_are_bound_and_refused_as_by_cpython() {
    with_python(|| {
        let names = run("
class Str(str): pass
def none(): return ()
def one(a): return a,
def two(a, b): x = 1; return a, b
def defaults(a, b=['b'], c=['c']): return a, b, c
def posonly(a, b=['b'], /, c=['c']): return a, b, c
def kwonly(a, *, d, e=['e'], f): return a, d, e, f
def star(a, *args): return a, args
def kwargs(a, /, b=['b'], **kw): return a, b, kw
def everything(a, b=['b'], /, c=['c'], *args, d, e=['e'], **kw): return a, b, c, d, e, args, kw
def nested():
    cell = 0
    def inner(a, b=['b']):
        nonlocal cell
        return a, b
    return inner
inner = nested()
many = defaults.__class__(defaults.__code__, {}, 'many', (['w'], ['x'], ['y'], ['z']))
lost = kwonly.__class__(kwonly.__code__, {}, 'lost')
functions = [none, one, two, defaults, posonly, kwonly, star, kwargs, everything, inner, many, lost]
positional = [tuple(['p%d' % i] for i in range(n)) for n in range(6)]
keywords = [{}, {'a': [1]}, {'b': [2]}, {'c': [3]}, {'d': [4]}, {'d': [4], 'f': [5]}, {'a': [1], 'b': [2]},
    {'b': [2], 'zz': [9]}, {Str('d'): [4], 'e': [7], 'q': [1]}, {'d': [4], 'f': [5], 'e': [6], 'c': [8]}, {Str('zz'): [0]}]
cases = [(f, p, k) for f in functions for p in positional for k in keywords]
def expected(f, p, k):
    try:
        return repr(f(*p, **k))
    except Exception as e:
        return f'{type(e).__name__}: {e}'
wanted = [expected(*case) for case in cases]
");
        let (cases, wanted) = (get(&names, "cases"), get(&names, "wanted"));
        let mut refused = 0;
        // SAFETY: the GIL is held; the namespace keeps all alive.
        unsafe {
            for i in 0..list::len(cases) {
                let case = list::item(cases, i);
                let found = bind(tuple::item(case, 0), tuple::item(case, 1), tuple::item(case, 2));
                let wanted = common::text(list::item(wanted, i));
                assert_eq!(found, wanted, "{}", repr(case));
                refused += usize::from(wanted.starts_with("TypeError"));
            }
            assert!(refused > 200 && list::len(cases) - refused > 50, "{refused} of {}", list::len(cases));
        }
    });
}

/// Pushes a frame for `function(*args)` and links it, as a call in our evaluator does.
///
/// # Safety
/// The GIL is held.
unsafe fn enter(
    tstate: *mut PyThreadState,
    function: *mut PyObject,
    args: &[*mut PyObject],
) -> *mut _PyInterpreterFrame {
    // SAFETY: by contract; counts are made for what the frame takes over.
    unsafe {
        incref(function);
        args.iter().for_each(|&o| incref(o));
        let pushed = arguments::push_and_init(
            tstate,
            function.cast(),
            null_mut(),
            args.as_ptr(),
            args.len(),
            null_mut(),
        );
        assert!(!pushed.is_null());
        (*pushed).previous = (*(*tstate).cframe).current_frame;
        (*(*tstate).cframe).current_frame = pushed;
        (*tstate).recursion_remaining -= 1;
        pushed
    }
}

/// Unlinks, clears and pops the current frame, as a return in our evaluator does.
///
/// # Safety
/// `dying` came from `enter` and is the current frame.
unsafe fn leave(tstate: *mut PyThreadState, dying: *mut _PyInterpreterFrame) {
    // SAFETY: by contract.
    unsafe {
        (*tstate).recursion_remaining += 1;
        (*(*tstate).cframe).current_frame = (*dying).previous;
        frame::clear_and_pop(tstate, dying);
    }
}

#[test]
fn a_frame_object_outlives_its_frame_with_locals_line_and_caller() {
    with_python(|| {
        let names = run("
def outer(x):
    return inner(x)
def inner(y):
    z = y
    return z
value = ['value']
");
        // SAFETY: the GIL is held; the frames are entered and left in order.
        unsafe {
            let tstate = PyThreadState_Get();
            let level = (*tstate).recursion_remaining;
            let value = get(&names, "value");
            let count = (*value).ob_refcnt;
            let outer = enter(tstate, get(&names, "outer"), &[value]);
            (*outer).prev_instr = frame::first_instruction((*outer).f_code);
            let inner = enter(tstate, get(&names, "inner"), &[value]);
            assert!(frame::is_incomplete(inner));
            assert!(frame::make_frame_object(tstate, inner).is_null(), "not before its RESUME");
            (*inner).prev_instr = frame::first_instruction((*inner).f_code).add(1);
            assert!(!frame::is_incomplete(inner));
            let object = frame::make_frame_object(tstate, inner);
            assert_eq!(object, frame::make_frame_object(tstate, inner), "made once");
            let kept = Owned::from_borrowed(object.cast()).unwrap();
            leave(tstate, inner);
            assert_eq!((*tstate).recursion_remaining, level - 1);
            let back = Owned::from_new(PyFrame_GetBack(object).cast()).unwrap();
            assert_eq!((*outer).frame_obj.cast(), back.as_ptr(), "the caller got a frame object, too");
            leave(tstate, outer);
            assert_eq!((*tstate).recursion_remaining, level);

            let get_attr = |o: &Owned, name: &std::ffi::CStr| {
                repr(Owned::from_new(PyObject_GetAttrString(o.as_ptr(), name.as_ptr())).unwrap().as_ptr())
            };
            assert_eq!(get_attr(&kept, c"f_locals"), "{'y': ['value']}");
            assert_eq!(get_attr(&kept, c"f_lineno"), "5");
            assert_eq!(get_attr(&back, c"f_locals"), "{'x': ['value']}");
            assert_eq!(get_attr(&back, c"f_back"), "None");
            drop(back);
            drop(kept);
            assert_eq!((*value).ob_refcnt, count, "nothing leaks");
        }
    });
}

#[test]
fn a_frame_without_another_holder_dies_with_its_object() {
    with_python(|| {
        let names = run("
import weakref
class Watched: pass
def f(x): return x
dead = []
watched = Watched()
weakref.finalize(watched, dead.append, 'gone')
");
        // SAFETY: the GIL is held; the frame is entered and left in order.
        unsafe {
            let tstate = PyThreadState_Get();
            let pushed = enter(tstate, get(&names, "f"), &[get(&names, "watched")]);
            PyDict_DelItemString(names.as_ptr(), c"watched".as_ptr());
            (*pushed).prev_instr = frame::first_instruction((*pushed).f_code);
            assert!(!frame::make_frame_object(tstate, pushed).is_null());
            assert_eq!(repr(get(&names, "dead")), "[]");
            leave(tstate, pushed);
            assert_eq!(repr(get(&names, "dead")), "['gone']");
        }
    });
}

#[test]
fn data_stack_chunks_come_and_go() {
    with_python(|| {
        let names = run("
def f(x): return x
item = ['item']
");
        // SAFETY: the GIL is held; the frames are entered and left in order.
        unsafe {
            let tstate = PyThreadState_Get();
            let item = get(&names, "item");
            let count = (*item).ob_refcnt;
            let chunk = (*tstate).datastack_chunk;
            // more than a chunk of 16 KB holds
            let frames: Vec<_> = (0..5000).map(|_| enter(tstate, get(&names, "f"), &[item])).collect();
            assert_ne!((*tstate).datastack_chunk, chunk);
            (*tstate).recursion_remaining += 5000;
            for &dying in frames.iter().rev() {
                (*tstate).recursion_remaining -= 1;
                leave(tstate, dying);
            }
            assert_eq!((*item).ob_refcnt, count);
            // CPython goes on with the stack that we left
            let result = run("
def deep(n): return n and deep(n - 1) + 1
assert deep(900) == 900
");
            drop(result);
        }
    });
}

#[test]
fn cpython_resumes_a_frame_that_we_pushed() {
    with_python(|| {
        let names = run("
def f(x):
    try:
        return [x, fail()]
    except ZeroDivisionError as e:
        return 'caught', x
def fail(): return 1 / 0
def g(x): return x
");
        // SAFETY: the GIL is held; CPython unlinks the frame, we pop it.
        unsafe {
            let tstate = PyThreadState_Get();
            let (level, current) = ((*tstate).recursion_remaining, (*(*tstate).cframe).current_frame);
            let x = Owned::from_new(PyLong_FromLong(7)).unwrap();
            let resume = |name: &str, at: usize, throw: bool| {
                let pushed = enter(tstate, get(&names, name), &[x.as_ptr()]);
                let code = (*pushed).f_code;
                let prev = frame::first_instruction(code).wrapping_add(at).wrapping_sub(1);
                let result = frame::resume_in_cpython(tstate, pushed, prev, frame::stack_base(pushed), throw);
                assert_eq!((*tstate).recursion_remaining, level);
                assert_eq!((*(*tstate).cframe).current_frame, current);
                frame::clear_and_pop(tstate, pushed);
                result
            };
            let result = Owned::from_new(resume("f", 0, false)).unwrap();
            assert_eq!(repr(result.as_ptr()), "('caught', 7)");
            PyErr_SetString(PyExc_KeyError, c"thrown".as_ptr());
            assert!(resume("g", 1, true).is_null());
            let (mut kind, mut value, mut traceback) = (null_mut(), null_mut(), null_mut());
            PyErr_Fetch(&mut kind, &mut value, &mut traceback);
            let frame_of = (*traceback.cast::<PyTracebackObject>()).tb_frame;
            let code = Owned::from_new(PyFrame_GetCode(frame_of).cast()).unwrap();
            assert_eq!(common::text((*code.as_ptr().cast::<PyCodeObject>()).co_name), "g");
            for o in [kind, value, traceback] {
                decref(o);
            }
        }
    });
}

#[test]
fn handlers_are_found_where_cpython_lists_them() {
    with_python(|| {
        let names = run("
import asyncio.base_events, contextlib, dis, subprocess, types
def codes(code):
    yield code
    for c in code.co_consts:
        if isinstance(c, types.CodeType): yield from codes(c)
found = []
for module in asyncio.base_events, contextlib, subprocess:
    with open(module.__file__) as file: source = file.read()
    for code in codes(compile(source, module.__file__, 'exec')):
        entries = [None] * (len(code.co_code) // 2)
        for e in dis._parse_exception_table(code):
            for i in range(e.start // 2, e.end // 2): entries[i] = (e.target // 2, e.depth, e.lasti)
        found.append((code, entries))
");
        let mut handled = 0;
        // SAFETY: the GIL is held; the namespace keeps all alive.
        unsafe {
            let found = get(&names, "found");
            for i in 0..list::len(found) {
                let pair = list::item(found, i);
                let (code, entries) = (tuple::item(pair, 0).cast(), tuple::item(pair, 1));
                for at in 0..list::len(entries) {
                    let expected = repr(list::item(entries, at));
                    let handler = exceptions::exception_handler(code, at);
                    handled += usize::from(handler.is_some());
                    let handler = handler.map_or("None".into(), |h| {
                        format!("({}, {}, {})", h.target, h.depth, if h.lasti { "True" } else { "False" })
                    });
                    assert_eq!(handler, expected, "{} at {at}", repr(code.cast()));
                }
            }
        }
        assert!(handled > 1000, "{handled}");
    });
}
