//! `raise` and `except*` compared with CPython: the same statement once run by its evaluator, once done by this crate.

mod common;

use capi::raise::{self, Raise};
use capi::refs::{Owned, new_ref};
use capi::sys::*;
use common::{get, message, repr, run, with_python};
use std::ptr::null_mut;

#[test]
fn raise_leaves_the_exception_that_cpython_would() {
    let cases = [
        ("ValueError('a')", "None"),
        ("ValueError", "KeyError('why')"),
        ("ValueError", "KeyError"),
        ("5", "None"),
        ("int", "None"),
        ("Strange", "None"),
        ("Failing", "None"),
        ("ValueError", "7"),
        ("ValueError", "Failing"),
    ];
    with_python(|| {
        for (exc, cause) in cases {
            let names = run(&format!(
                "
class Strange(Exception):
    def __new__(cls): return 5
class Failing(Exception):
    def __init__(self): raise OSError('init')
exc, cause = {exc}, {cause}
def describe(e): return type(e), str(e), type(e.__cause__), e.__suppress_context__
try: raise exc from cause
except BaseException as e: theirs = describe(e)
"
            ));
            // SAFETY: the GIL is held; `raise` takes the counts made for it.
            unsafe {
                let tstate = PyThreadState_Get();
                let how = raise::raise(tstate, new_ref(get(&names, "exc")), new_ref(get(&names, "cause")));
                assert_eq!(how, Raise::New);
                let exception = Owned::from_new(capi::exceptions::take(tstate)).unwrap();
                let ours = PyObject_CallOneArg(get(&names, "describe"), exception.as_ptr());
                let ours = Owned::from_new(ours).unwrap();
                assert_eq!(repr(ours.as_ptr()), repr(get(&names, "theirs")), "raise {exc} from {cause}");
            }
        }
    });
}

#[test]
fn a_bare_raise_needs_an_active_exception() {
    with_python(|| {
        // SAFETY: the GIL is held; the handled exception is put there and taken away again.
        unsafe {
            let tstate = PyThreadState_Get();
            assert_eq!(raise::raise(tstate, null_mut(), null_mut()), Raise::New);
            assert_eq!(message(), "RuntimeError: No active exception to reraise");
            let names = run("e = ValueError('again')");
            let active = get(&names, "e");
            PyErr_SetHandledException(active);
            assert_eq!(raise::raise(tstate, null_mut(), null_mut()), Raise::Again);
            let raised = Owned::from_new(capi::exceptions::take(tstate)).unwrap();
            PyErr_SetHandledException(null_mut());
            assert_eq!(raised.as_ptr(), active);
        }
    });
}

#[test]
fn what_stands_behind_except_is_checked() {
    const NOT_A_CLASS: &str =
        "TypeError: catching classes that do not inherit from BaseException is not allowed";
    const GROUP: &str = "TypeError: catching ExceptionGroup with except* is not allowed. Use except instead.";
    let cases = [
        ("ValueError", None, None),
        ("(ValueError, OSError)", None, None),
        ("()", None, None),
        ("5", Some(NOT_A_CLASS), Some(NOT_A_CLASS)),
        ("(ValueError, 'x')", Some(NOT_A_CLASS), Some(NOT_A_CLASS)),
        ("(ValueError, ExceptionGroup)", None, Some(GROUP)),
    ];
    with_python(|| {
        for (source, plain, star) in cases {
            let names = run(&format!("x = {source}"));
            let expression = get(&names, "x");
            // SAFETY: the GIL is held.
            unsafe {
                let tstate = PyThreadState_Get();
                let checked = raise::check_except_type(tstate, expression);
                assert_eq!((!checked).then(message).as_deref(), plain, "except {source}");
                let checked = raise::check_except_star_type(tstate, expression);
                assert_eq!((!checked).then(message).as_deref(), star, "except* {source}");
            }
        }
    });
}

/// A `try` block with two clauses, of which each may pass, raise anew or raise again; run by CPython in `theirs` and step by
/// step in the test.
const GROUPS: &str = "
class Mine(ExceptionGroup):
    def derive(self, excs): return Mine(self.message, excs)
def make(kind):
    leaves = [ValueError(1), OSError(2), ValueError(3), KeyError(4)]
    group = {
        'flat': lambda: ExceptionGroup('g', leaves),
        'nested': lambda: ExceptionGroup('g', [leaves[0], Mine('m', leaves[1:3]), ExceptionGroup('n', leaves[3:])]),
        'mine': lambda: Mine('g', leaves),
        'naked': lambda: leaves[0],
    }[kind]()
    if kind != 'naked': group.add_note('noted')
    group.__cause__ = TypeError('cause')
    try: raise group
    except BaseException as e: return e
def act(how, part):
    if how == 'pass': return None
    if how == 'new':
        try: raise RuntimeError('new')
        except RuntimeError as e: return e
    return part
def theirs(kind, first, second):
    try:
        try: raise make(kind)
        except* ValueError as e:
            if first == 'new': raise RuntimeError('new')
            if first == 'again': raise
        except* OSError as e:
            if second == 'new': raise RuntimeError('new')
            if second == 'again': raise
    except BaseException as e: return e
def shape(e):
    if isinstance(e, BaseExceptionGroup):
        return (type(e).__name__, e.message, getattr(e, '__notes__', None), type(e.__cause__).__name__, [shape(x) for x in e.exceptions])
    return repr(e)
";

#[test]
fn except_star_puts_the_same_exception_together() {
    with_python(|| {
        let names = run(GROUPS);
        let text = |text: &str| {
            let text = std::ffi::CString::new(text).unwrap();
            // SAFETY: the GIL is held.
            unsafe { Owned::from_new(PyUnicode_FromString(text.as_ptr())).unwrap() }
        };
        let call = |name: &str, args: &[*mut PyObject]| {
            // SAFETY: the GIL is held; the arguments are alive.
            unsafe {
                let function = get(&names, name);
                let result = PyObject_Vectorcall(function, args.as_ptr(), args.len(), null_mut());
                Owned::from_new(result).unwrap_or_else(|| panic!("{name}: {}", message()))
            }
        };
        for kind in ["flat", "nested", "mine", "naked"] {
            for (first, second) in
                ["pass", "new", "again"].iter().flat_map(|a| ["pass", "new", "again"].map(|b| (*a, b)))
            {
                let [kind_, first_, second_] = [kind, first, second].map(text);
                let theirs = call("theirs", &[kind_.as_ptr(), first_.as_ptr(), second_.as_ptr()]);
                let original = call("make", &[kind_.as_ptr()]);
                // SAFETY: the GIL is held; everything is owned by this block.
                let ours = unsafe {
                    let list = Owned::from_new(PyList_New(0)).unwrap();
                    let mut rest = Owned::from_borrowed(original.as_ptr()).unwrap();
                    for (class, how) in [(PyExc_ValueError, &first_), (PyExc_OSError, &second_)] {
                        let parts = raise::exception_group_match(rest.as_ptr(), class).unwrap();
                        let part = Owned::from_new(parts.0).unwrap();
                        let left = Owned::from_new(parts.1).unwrap();
                        if part.as_ptr() == &raw mut _Py_NoneStruct {
                            continue;
                        }
                        rest = left;
                        let outcome = call("act", &[how.as_ptr(), part.as_ptr()]);
                        if outcome.as_ptr() != &raw mut _Py_NoneStruct {
                            PyList_Append(list.as_ptr(), outcome.as_ptr());
                        }
                    }
                    PyList_Append(list.as_ptr(), rest.as_ptr());
                    Owned::from_new(raise::prep_reraise_star(original.as_ptr(), list.as_ptr())).unwrap()
                };
                let shape = |exception: &Owned| repr(call("shape", &[exception.as_ptr()]).as_ptr());
                assert_eq!(shape(&ours), shape(&theirs), "{kind}: {first}, {second}");
            }
        }
    });
}
