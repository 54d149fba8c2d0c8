//! Argument binding compared with CPython's: the same call once by its own evaluator, once bound by this crate. Result or
//! message must be equal, and every argument must keep its count.

mod common;

use capi::refs::{Owned, new_ref};
use capi::sys::*;
use capi::{arguments, frame, tuple};
use common::{get, message, repr, run, with_python};
use std::ptr::null_mut;

/// Parameters, positional arguments, keyword arguments.
const CALLS: &[(&str, &str, &str)] = &[
    ("", "", ""),
    ("a, b", "1, 2", ""),
    ("a, b", "1", "b=2"),
    ("a, b", "", "b=2, a=1"),
    ("a, b=5", "1", ""),
    ("a=4, b=5", "", "b=1"),
    ("a, /, b=3, *, c, d=4", "1", "c=9"),
    ("a, *rest", "1, 2, 3", ""),
    ("a, *rest", "1", ""),
    ("a, *rest, k=2, **more", "1, 2, 3", "k=7, x=8, y=9"),
    ("a, /, **more", "1", "a=2"),
    ("**more", "", "x=1, y=2"),
    ("*rest, **more", "", ""),
    ("a, b=object, *, k=object", "1", ""),
    // Too many.
    ("", "1", ""),
    ("a", "1, 2", ""),
    ("a, b=2", "1, 2, 3", ""),
    ("a, *, k=1", "1, 2", "k=3"),
    ("a, *, k=1, m=2", "", "k=3, m=4"),
    ("a, *, k=1, m=2", "1, 2, 3", "k=3, m=4"),
    // Missing.
    ("a", "", ""),
    ("a, b", "", ""),
    ("a, b, c", "", ""),
    ("a, b, c, d", "", "b=1"),
    ("a, b=1, *, k", "", ""),
    ("*, k", "", ""),
    ("*, k, m, n=3", "", ""),
    ("*, k, m, n", "", ""),
    // Wrong names.
    ("a", "1", "a=2"),
    ("a", "1", "z=2"),
    ("a", "", "z=2"),
    ("a, /", "", "a=1"),
    ("a, b, /, c", "", "a=1, b=2, c=3"),
    ("a, b, /, c", "1", "b=2, z=3"),
    ("a, *, k", "1, 2", "k=1, k2=2"),
];

/// Binds and runs: `repr` of the result, or the message.
///
/// # Safety
/// The GIL is held; `positional` is a tuple, `keywords` a dict.
unsafe fn ours(function: *mut PyObject, positional: *mut PyObject, keywords: *mut PyObject) -> String {
    // SAFETY: the caller guarantees the objects; each argument gets a count that binding takes over.
    unsafe {
        let tstate = PyThreadState_Get();
        let mut values: Vec<*mut PyObject> = Vec::new();
        for i in 0..tuple::len(positional) {
            values.push(new_ref(tuple::item(positional, i)));
        }
        let given = values.len();
        let names = Owned::from_new(PySequence_Tuple(keywords)).unwrap();
        for i in 0..tuple::len(names.as_ptr()) {
            values.push(new_ref(PyDict_GetItem(keywords, tuple::item(names.as_ptr(), i))));
        }
        let kwnames = if values.len() == given { null_mut() } else { names.as_ptr() };
        let func: *mut PyFunctionObject = new_ref(function).cast();
        let top = (*tstate).datastack_top;
        let pushed = arguments::push_and_init(tstate, func, null_mut(), values.as_ptr(), given, kwnames);
        if pushed.is_null() {
            assert_eq!((*tstate).datastack_top, top, "the frame was popped");
            return message();
        }
        let cframe = (*tstate).cframe;
        (*pushed).previous = (*cframe).current_frame;
        (*cframe).current_frame = pushed;
        (*tstate).recursion_remaining -= 1;
        let (from, stack) = ((*pushed).prev_instr, frame::stack_base(pushed));
        let result = Owned::from_new(frame::resume_in_cpython(tstate, pushed, from, stack, false)).unwrap();
        frame::clear_and_pop(tstate, pushed);
        assert_eq!((*tstate).datastack_top, top);
        repr(result.as_ptr())
    }
}

/// The same by CPython.
///
/// # Safety
/// As for `ours`.
unsafe fn theirs(function: *mut PyObject, positional: *mut PyObject, keywords: *mut PyObject) -> String {
    // SAFETY: the caller guarantees the objects.
    unsafe {
        match Owned::from_new(PyObject_Call(function, positional, keywords)) {
            Some(result) => repr(result.as_ptr()),
            None => message(),
        }
    }
}

#[test]
fn every_shape_of_call_binds_or_fails_as_in_cpython() {
    with_python(|| {
        for (parameters, positional, keywords) in CALLS {
            let names = run(&format!(
                "
def outer():
    def inner({parameters}): return list(locals().items())
    return inner
f = outer()
args, kwargs = (lambda *args, **kwargs: (args, kwargs))({positional}{}{keywords})
",
                if positional.is_empty() || keywords.is_empty() { "" } else { ", " }
            ));
            let [function, args, kwargs] = ["f", "args", "kwargs"].map(|name| get(&names, name));
            // SAFETY: the GIL is held; the namespace keeps the objects alive.
            unsafe {
                let call = format!("def f({parameters}); f({positional}; {keywords})");
                assert_eq!(ours(function, args, kwargs), theirs(function, args, kwargs), "{call}");
            }
        }
    });
}

#[test]
fn names_that_are_equal_but_not_interned_are_found() {
    with_python(|| {
        let names = run("
def f(a, alpha=2, *, omega=3, **more): return list(locals().items())
args = (1,)
kwargs = {'al' + str('pha'): 5, ''.join(['ome', 'ga']): 6, 'o' * 3: 7}
bad = {5: 1}
");
        let [function, args, kwargs, bad] = ["f", "args", "kwargs", "bad"].map(|name| get(&names, name));
        // SAFETY: the GIL is held; the namespace keeps the objects alive.
        unsafe {
            assert_eq!(ours(function, args, kwargs), theirs(function, args, kwargs));
            assert_eq!(ours(function, args, bad), "TypeError: f() keywords must be strings");
        }
    });
}

#[test]
fn no_argument_is_lost_or_leaked_whether_binding_succeeds_or_fails() {
    with_python(|| {
        for parameters in
            ["a, b, **k", "a, *r, z=1", "a", "a, /, *, k, z", "*r, **k", "a, b, c, d, e", "z, a, b"]
        {
            let names = run(&format!(
                "
def f({parameters}): pass
args = tuple([object() for _ in range(2)])
kwargs = {{'k': object(), 'z': object()}}
f.__qualname__ = 'f%d' % 1
everything = [f, f.__code__, *args, *kwargs.values()]
"
            ));
            let [function, args, kwargs, all] = ["f", "args", "kwargs", "everything"].map(|n| get(&names, n));
            // SAFETY: the GIL is held; the namespace keeps the objects alive.
            unsafe {
                let counts = || {
                    let count = |i| (*capi::list::item(all, i)).ob_refcnt;
                    (0..capi::list::len(all)).map(count).collect::<Vec<_>>()
                };
                let before = counts();
                let outcome = ours(function, args, kwargs);
                assert_eq!(counts(), before, "def f({parameters}): {outcome}");
            }
        }
    });
}

#[test]
fn defaults_and_code_are_read_at_each_call() {
    with_python(|| {
        let names = run("
def f(a, b=1, *, k=2): return a, b, k
args, kwargs = (0,), {}
f.__defaults__ = (7, 8, 9, 10)
f.__kwdefaults__ = {'k': 11}
");
        let [function, args, kwargs] = ["f", "args", "kwargs"].map(|name| get(&names, name));
        // SAFETY: the GIL is held; the namespace keeps the objects alive.
        unsafe {
            assert_eq!(ours(function, args, kwargs), theirs(function, args, kwargs));
        }
    });
}

#[test]
fn unpacked_arguments_that_cannot_be_name_the_callee() {
    with_python(|| {
        let names = run("
def f(**kw): pass
def catch(call):
    try: call()
    except TypeError as e: return 'TypeError: ' + str(e)
five, twice = 5, {'a': 1}
theirs = [catch(lambda: f(*5)), catch(lambda: f(**5)), catch(lambda: f(**{'a': 1}, **{'a': 1}))]
");
        let expected = get(&names, "theirs");
        let text = |i| {
            // SAFETY: the list holds strs.
            unsafe {
                let text = PyUnicode_AsUTF8(capi::list::item(expected, i));
                std::ffi::CStr::from_ptr(text).to_string_lossy().into_owned()
            }
        };
        let [function, five, twice] = ["f", "five", "twice"].map(|name| get(&names, name));
        // SAFETY: the GIL is held; the namespace keeps the objects alive.
        unsafe {
            let tstate = PyThreadState_Get();
            assert!(!arguments::check_args_iterable(tstate, function, five));
            assert_eq!(message(), text(0));
            let dict = Owned::from_new(PyDict_New()).unwrap();
            assert_eq!(_PyDict_MergeEx(dict.as_ptr(), five, 2), -1);
            arguments::format_kwargs_error(tstate, function, five);
            assert_eq!(message(), text(1));
            assert_eq!(_PyDict_MergeEx(dict.as_ptr(), twice, 2), 0);
            assert_eq!(_PyDict_MergeEx(dict.as_ptr(), twice, 2), -1);
            arguments::format_kwargs_error(tstate, function, twice);
            assert_eq!(message(), text(2));
        }
    });
}
