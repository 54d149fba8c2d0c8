//! Fast paths over CPython's objects, compared with what CPython itself says of the same objects.

mod common;

use capi::refs::{Owned, decref};
use capi::sys::*;
use capi::{dict, float, list, long, types};
use common::{get, repr, run, with_python};

const EDGES: [i64; 19] = [
    0,
    1,
    -1,
    -5,
    -6,
    256,
    257,
    (1 << 30) - 1,
    1 << 30,
    -(1 << 30),
    (1 << 60) - 1,
    1 << 60,
    -(1 << 60),
    (1 << 60) + 12345,
    i64::MAX,
    i64::MAX - 1,
    i64::MIN,
    i64::MIN + 1,
    -257,
];

#[test]
fn ints_of_64_bits_are_read_and_made_exactly() {
    with_python(|| {
        // twice: once with an empty pool, once from it
        for _ in 0..2 {
            for value in EDGES {
                // SAFETY: the GIL is held; each object is dropped once.
                unsafe {
                    let theirs = PyLong_FromLongLong(value);
                    assert_eq!(long::as_i64_exact(theirs), Some(value));
                    let ours = long::from_i64(value);
                    assert_eq!(PyLong_AsLongLong(ours), value);
                    assert_eq!(PyObject_RichCompareBool(ours, theirs, Py_EQ as i32), 1);
                    assert_eq!(repr(ours), value.to_string());
                    assert_eq!(ours == theirs, long::is_small(value));
                    decref(theirs);
                    (*ours).ob_refcnt -= 1;
                    if (*ours).ob_refcnt == 0 {
                        long::dealloc_exact(ours);
                    }
                }
            }
        }
    });
}

#[test]
fn ints_above_64_bits_are_refused() {
    with_python(|| {
        let names = run("a = 1 << 63; b = -(1 << 63) - 1; c = 1 << 90; d = -(1 << 2000)");
        for name in ["a", "b", "c", "d"] {
            // SAFETY: the namespace keeps the object alive.
            assert_eq!(unsafe { long::as_i64_exact(get(&names, name)) }, None, "{name}");
        }
    });
}

#[test]
fn a_freed_int_is_used_for_the_next_one() {
    with_python(|| {
        // SAFETY: the GIL is held; the objects are ours.
        unsafe {
            let first = long::from_i64(1 << 40);
            (*first).ob_refcnt = 0;
            long::dealloc_exact(first);
            let second = long::from_i64(-1000);
            assert_eq!(second, first);
            assert_eq!(repr(second), "-1000");
            decref(second);
        }
    });
}

#[test]
fn floats_share_the_free_list_of_cpython() {
    with_python(|| {
        // SAFETY: the GIL is held; the objects are ours.
        unsafe {
            let interp = PyInterpreterState_Get();
            let first = PyFloat_FromDouble(-0.0);
            assert!(float::value(first).is_sign_negative());
            (*first).ob_refcnt = 0;
            float::dealloc_exact(interp, first);
            let theirs = PyFloat_FromDouble(2.5);
            assert_eq!(theirs, first, "CPython takes what we freed");
            decref(theirs);
            let ours = float::new(interp, f64::INFINITY);
            assert_eq!(ours, first, "we take what CPython freed");
            assert_eq!(repr(ours), "inf");
            decref(ours);
        }
    });
}

#[test]
fn appending_grows_the_list_and_moves_the_count() {
    with_python(|| {
        let names = run("items = []; item = object()");
        let (items, item) = (get(&names, "items"), get(&names, "item"));
        // SAFETY: the GIL is held; a count is made for each append.
        unsafe {
            let before = (*item).ob_refcnt;
            for _ in 0..100 {
                (*item).ob_refcnt += 1;
                assert_eq!(list::append_take(items, item), 0);
            }
            assert_eq!((*item).ob_refcnt, before + 100);
            assert_eq!(PyList_Size(items), 100);
            assert_eq!(list::len(items), 100);
        }
    });
}

#[test]
fn look_ups_by_str_find_what_the_dict_finds() {
    with_python(|| {
        let names = run("
d = {f'name{i}': i for i in range(1000)}
for i in range(0, 1000, 3): del d[f'name{i}']
wanted = [f'name{i}' for i in range(1100)]
");
        let (d, wanted) = (get(&names, "d"), get(&names, "wanted"));
        // SAFETY: the GIL is held; the namespace keeps all alive.
        unsafe {
            let keys = (*d.cast::<PyDictObject>()).ma_keys;
            for i in 0..list::len(wanted) {
                let name = *list::items(wanted).add(i);
                let expected = PyDict_GetItemWithError(d, name);
                let found = dict::index_of_str(keys, name);
                assert_eq!(found.is_some(), !expected.is_null(), "{}", repr(name));
                if let Some(index) = found {
                    assert_eq!(dict::value_at(d, index), expected);
                    assert_eq!(repr(dict::key_at(keys, index)), repr(name));
                }
            }
        }
    });
}

#[test]
fn the_version_of_keys_changes_with_the_keys_only() {
    with_python(|| {
        let names = run("d = {'a': 1, 'b': 2}; e = {'a': 1}");
        let (d, e) = (get(&names, "d"), get(&names, "e"));
        // SAFETY: the GIL is held; the namespace keeps all alive.
        unsafe {
            let version = |d: *mut PyObject| dict::keys_version((*d.cast::<PyDictObject>()).ma_keys);
            let first = version(d);
            assert_ne!(first, 0);
            assert_eq!(version(d), first);
            assert_ne!(version(e), first);
            PyDict_SetItemString(d, c"a".as_ptr(), e);
            assert_eq!(version(d), first, "another value");
            PyDict_SetItemString(d, c"c".as_ptr(), e);
            let second = version(d);
            assert_ne!(second, first, "a new key");
            PyDict_DelItemString(d, c"c".as_ptr());
            assert_ne!(version(d), second, "a deleted key");
        }
    });
}

#[test]
fn globals_come_before_builtins() {
    with_python(|| {
        let names = run("len = 'mine'");
        let name = |text: &std::ffi::CStr| {
            // SAFETY: the GIL is held.
            unsafe { Owned::from_new(PyUnicode_InternFromString(text.as_ptr())).unwrap() }
        };
        // SAFETY: the GIL is held; the namespace keeps all alive.
        unsafe {
            let (globals, builtins) = (names.as_ptr(), PyEval_GetBuiltins());
            let load = |text| dict::load_global(globals, builtins, name(text).as_ptr());
            assert_eq!(repr(load(c"len")), "'mine'");
            assert_eq!(repr(load(c"abs")), "<built-in function abs>");
            assert!(load(c"nowhere").is_null());
            assert!(PyErr_Occurred().is_null());
        }
    });
}

#[test]
fn a_type_gets_a_version_and_loses_it_when_changed() {
    with_python(|| {
        let names = run("class A: pass\nclass B(A): pass");
        let (a, b) = (get(&names, "A"), get(&names, "B"));
        // SAFETY: the GIL is held; the namespace keeps all alive.
        unsafe {
            let first = types::ensure_version(b.cast());
            assert_ne!(first, 0);
            assert_eq!(types::version(b.cast()), first);
            PyObject_SetAttrString(a, c"x".as_ptr(), a);
            assert_eq!(types::version(b.cast()), 0, "an attribute of the base counts");
            assert_ne!(types::ensure_version(b.cast()), first);
        }
    });
}

#[test]
fn the_start_up_check_passes_and_keeps_a_raised_exception() {
    with_python(|| {
        // SAFETY: the GIL is held by the main interpreter.
        unsafe {
            PyErr_SetString(PyExc_KeyError, c"kept".as_ptr());
            assert_eq!(capi::check::at_startup(), Ok(()));
            assert_eq!(PyErr_ExceptionMatches(PyExc_KeyError), 1);
            PyErr_Clear();
        }
    });
}
