//! Fast paths over CPython's objects, compared with what CPython itself says of the same objects.

mod common;

use capi::refs::decref;
use capi::sys::*;
use capi::{dict, float, list, long, types};
use common::{get, repr, run, with_python};

#[test]
fn ints_are_read_and_made_as_cpython_does() {
    with_python(|| {
        let edges = (0..63).flat_map(|bit| [(1i64 << bit) - 1, 1 << bit, (1 << bit) + 1]);
        for value in edges.flat_map(|value| [value, -value]).chain([i64::MAX, i64::MIN, i64::MIN + 1]) {
            // SAFETY: the GIL is held; each object is dropped once.
            unsafe {
                let (theirs, ours) = (PyLong_FromLongLong(value), long::from_i64(value));
                assert_eq!(long::as_i64(theirs), Some(value));
                assert_eq!(PyLong_AsLongLong(ours), value);
                assert_eq!(ours == theirs, long::SMALL.contains(&value));
                decref(theirs);
                decref(ours);
            }
        }
        let names = run("a = 1 << 63; b = -(1 << 63) - 1; c = 1 << 90; d = -(1 << 2000); t = True");
        for name in ["a", "b", "c", "d"] {
            // SAFETY: the namespace keeps the object alive.
            assert_eq!(unsafe { long::as_i64(get(&names, name)) }, None, "{name}");
        }
        // SAFETY: the namespace keeps the object alive.
        assert_eq!(unsafe { long::as_i64(get(&names, "t")) }, Some(1));
    });
}

#[test]
fn floats_share_the_free_list_of_cpython() {
    with_python(|| {
        // SAFETY: the GIL is held; the objects are ours.
        unsafe {
            let tstate = PyThreadState_Get();
            let first = PyFloat_FromDouble(-0.0);
            assert!(float::value(first).is_sign_negative());
            float::decref(tstate, first);
            let theirs = PyFloat_FromDouble(2.5);
            assert_eq!(theirs, first, "CPython takes what we freed");
            decref(theirs);
            let ours = float::new(tstate, f64::INFINITY);
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
                assert!(list::append_steal(items, item));
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
            for i in 0..list::len(wanted) {
                let name = list::item(wanted, i);
                let expected = PyDict_GetItemWithError(d, name);
                let found = dict::get(d, name);
                assert_eq!(found.is_some(), !expected.is_null(), "{}", repr(name));
                if let Some((index, value)) = found {
                    assert_eq!(value, expected);
                    let entry = dict::unicode_entry(dict::keys(d), index);
                    assert_eq!(repr((*entry).me_key), repr(name));
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
            let version = |d: *mut PyObject| dict::keys_version(dict::keys(d));
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
            assert_eq!(capi::check::at_startup(false), Ok(()));
            assert_eq!(PyErr_ExceptionMatches(PyExc_KeyError), 1);
            PyErr_Clear();
        }
    });
}
