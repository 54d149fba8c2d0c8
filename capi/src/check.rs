//! Is this the CPython that the declarations describe? Asked once at start-up, before anything else of this crate is used.
//!
//! A wrong version or an unexpected layout is an error with a message, never a crash: each step only reads what the steps
//! before it have made safe. First the version, then the sizes that types state about their instances, then fields of the
//! thread, interpreter and runtime states against what functions say, last a few objects that are made and looked into.
//!
//! ```ignore
//! if let Err(why) = unsafe { check::at_startup(false) } {
//!     eprintln!("coluber: {why}");      // "coluber: made for CPython 3.11, but this is 3.12.1"
//! }
//! ```

use crate::dict::{EntryIndex, Kind};
use crate::objects::{
    AsyncGenWrappedValue, Enumerate, ListIter, LongRangeIter, Range, RangeIter, Reversed, TupleIter, Zip,
};
use crate::refs::{Owned, type_of};
use crate::sys::{self, *};
use crate::{dict, float, frame, instance, list, long, tuple, types};
use std::ffi::CStr;
use std::mem::offset_of;
use std::ptr::{eq, null_mut};

/// Bytes of a frame before its locals.
const FRAME_HEAD: usize = offset_of!(_PyInterpreterFrame, localsplus);

/// Refuses a Python that the declarations do not describe, with a message that says what is wrong. Keeps a raised exception. `known`: it is the
/// build of Python that went through all of this before; then no sample objects are made, for which a little Python code would run.
///
/// # Safety
/// Python is initialized; this is the main interpreter; the GIL is held.
pub unsafe fn at_startup(known: bool) -> Result<(), String> {
    // SAFETY: the caller guarantees an initialized Python; the order of the steps is the module's.
    unsafe {
        let (mut kind, mut value, mut traceback) = (null_mut(), null_mut(), null_mut());
        PyErr_Fetch(&mut kind, &mut value, &mut traceback);
        let quickly = version().and_then(|()| sizes()).and_then(|()| states());
        let checked = if known { quickly } else { quickly.and_then(|()| samples()) };
        PyErr_Restore(kind, value, traceback);
        checked
    }
}

/// # Safety
/// None: the function is in every Python.
unsafe fn version() -> Result<(), String> {
    // SAFETY: returns a static string.
    let version = unsafe { CStr::from_ptr(Py_GetVersion()) }.to_string_lossy();
    let number = version.split(' ').next().unwrap_or_default();
    if !number.starts_with("3.11.") {
        return Err(format!("made for CPython 3.11, but this is Python {number}"));
    }
    // SAFETY: Python is initialized. The names are borrowed from it.
    unsafe {
        let is_debug = !PySys_GetObject(c"gettotalrefcount".as_ptr()).is_null();
        if is_debug != cfg!(debug_python) {
            let kind = |debug| if debug { "debug" } else { "release" };
            let (made_for, this) = (kind(!is_debug), kind(is_debug));
            return Err(format!(
                "made for {made_for} builds of CPython, but this {number} is a {this} build"
            ));
        }
        let implementation = PySys_GetObject(c"implementation".as_ptr());
        let name = Owned::from_new(match implementation.is_null() {
            true => null_mut(),
            false => PyObject_GetAttrString(implementation, c"name".as_ptr()),
        });
        let name = name.map(|name| PyUnicode_CompareWithASCIIString(name.as_ptr(), c"cpython".as_ptr()));
        if name != Some(0) {
            PyErr_Clear();
            return Err("made for CPython, but sys.implementation.name is another".into());
        }
    }
    Ok(())
}

macro_rules! sizes {
    ($($ty:ident: $size:expr,)*) => {
        [$((stringify!($ty), &raw const $ty, $size)),*]
    };
}

/// # Safety
/// This is CPython 3.11.
unsafe fn sizes() -> Result<(), String> {
    let sizes = sizes! {
        PyLong_Type: offset_of!(PyLongObject, ob_digit),
        PyFloat_Type: size_of::<PyFloatObject>(),
        PyBool_Type: size_of::<PyLongObject>(),
        PyUnicode_Type: size_of::<PyUnicodeObject>(),
        PyBytes_Type: offset_of!(PyBytesObject, ob_sval) + 1,
        PyList_Type: size_of::<PyListObject>(),
        PyTuple_Type: offset_of!(PyTupleObject, ob_item),
        PyDict_Type: size_of::<PyDictObject>(),
        PySet_Type: size_of::<PySetObject>(),
        PySlice_Type: size_of::<PySliceObject>(),
        PyCell_Type: size_of::<PyCellObject>(),
        PyType_Type: size_of::<PyHeapTypeObject>(),
        PyModule_Type: size_of::<PyModuleObject>(),
        PyCode_Type: offset_of!(PyCodeObject, co_code_adaptive),
        PyFunction_Type: size_of::<PyFunctionObject>(),
        PyMethod_Type: size_of::<PyMethodObject>(),
        PyCFunction_Type: size_of::<PyCFunctionObject>(),
        PyCMethod_Type: size_of::<PyCMethodObject>(),
        PyMethodDescr_Type: size_of::<PyMethodDescrObject>(),
        PyMemberDescr_Type: size_of::<PyMemberDescrObject>(),
        PyGetSetDescr_Type: size_of::<PyGetSetDescrObject>(),
        PyTraceBack_Type: size_of::<PyTracebackObject>(),
        PyFrame_Type: offset_of!(PyFrameObject, _f_frame_data) + FRAME_HEAD,
        PyGen_Type: offset_of!(PyGenObject, gi_iframe) + FRAME_HEAD,
        PyCoro_Type: offset_of!(PyCoroObject, cr_iframe) + FRAME_HEAD,
        PyAsyncGen_Type: offset_of!(PyAsyncGenObject, ag_iframe) + FRAME_HEAD,
        _PyAsyncGenWrappedValue_Type: size_of::<AsyncGenWrappedValue>(),
        PyRange_Type: size_of::<Range>(),
        PyRangeIter_Type: size_of::<RangeIter>(),
        PyLongRangeIter_Type: size_of::<LongRangeIter>(),
        PyListIter_Type: size_of::<ListIter>(),
        PyTupleIter_Type: size_of::<TupleIter>(),
        PyEnum_Type: size_of::<Enumerate>(),
        PyReversed_Type: size_of::<Reversed>(),
        PyZip_Type: size_of::<Zip>(),
    };
    for (name, ty, size) in sizes {
        // SAFETY: types are static objects of the library. The version was checked, so this field is where it says.
        let found = unsafe { (*ty).tp_basicsize };
        if found != size as isize {
            return Err(format!("unexpected layout: {name} has objects of {found} bytes, not {size}"));
        }
    }
    Ok(())
}

/// Fails with the expression as message.
macro_rules! expect {
    ($($condition:expr),* $(,)?) => {
        $(if !($condition) {
            return Err(format!("unexpected layout: not true: {}", stringify!($condition)));
        })*
    };
}

/// # Safety
/// The sizes are right; the GIL is held by the main interpreter.
unsafe fn states() -> Result<(), String> {
    // SAFETY: the states are alive; each of the fields compared lies within the struct that CPython itself allocated, and the
    // version is right.
    unsafe {
        let tstate = PyThreadState_Get();
        let interp = PyInterpreterState_Get();
        let runtime = &raw mut _PyRuntime;
        expect!(
            eq((*tstate).interp, interp),
            (*tstate).thread_id == PyThread_get_thread_ident(),
            eq((*interp).runtime, runtime),
            (*interp).id == PyInterpreterState_GetID(interp),
            eq((*runtime).interpreters.main, interp),
            (*runtime).gilstate.tstate_current._value == tstate as usize,
            (*interp).eval_frame.is_none_or(|ours| {
                // null means the library's own, whose address may differ between two who ask for it
                _PyInterpreterState_GetEvalFrameFunc(interp)
                    .is_some_and(|theirs| theirs as usize == ours as usize)
            }),
            (*interp).ceval.recursion_limit == Py_GetRecursionLimit(),
            eq((*interp).modules, PyImport_GetModuleDict()),
            (*tstate).recursion_limit == Py_GetRecursionLimit(),
            (*tstate).recursion_remaining <= (*tstate).recursion_limit,
            !(*tstate).cframe.is_null(),
            !(*tstate).exc_info.is_null(),
            eq((*tstate).curexc_type, null_mut::<PyObject>()),
        );
        let (bottom, top, limit) =
            ((*tstate).datastack_chunk, (*tstate).datastack_top, (*tstate).datastack_limit);
        expect!(bottom.is_null() == top.is_null(), top <= limit);
        if !bottom.is_null() {
            expect!(eq(bottom.byte_add((*bottom).size).cast(), limit), top.cast() > bottom);
        }
        for value in [*long::SMALL.start(), 0, 1, *long::SMALL.end()] {
            let number = owned(PyLong_FromLongLong(value))?;
            expect!(eq(number.as_ptr(), long::small(value)));
        }
        let empty = owned(PyTuple_New(0))?;
        expect!(eq(empty.as_ptr().cast(), &raw const (*runtime).global_objects.singletons.tuple_empty));
    }
    Ok(())
}

/// What [`samples`] looks into: the marshalled code of `check_samples.py`. Its frames are a running one and a suspended one.
static SAMPLES: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/check_samples.marshal"));

/// Nothing of it is left when this returns, and no trace function hears of it.
///
/// # Safety
/// The sizes and states are right; the GIL is held by the main interpreter.
unsafe fn samples() -> Result<(), String> {
    // SAFETY: by contract. A dict that refers to itself, through its functions, has to be emptied.
    unsafe {
        let tstate = PyThreadState_Get();
        expect!((*tstate).id == PyThreadState_GetID(tstate));
        let namespace = owned(PyDict_New())?;
        PyThreadState_EnterTracing(tstate);
        let checked = samples_in(namespace.as_ptr());
        PyDict_Clear(namespace.as_ptr());
        PyThreadState_LeaveTracing(tstate);
        checked
    }
}

/// # Safety
/// As [`samples`]; `globals` is an empty dict.
unsafe fn samples_in(globals: *mut PyObject) -> Result<(), String> {
    // SAFETY: the sample's names are all there once it ran without an exception, and of the types that the sizes were checked
    // for; the namespace keeps them alive.
    unsafe {
        let builtins = PyEval_GetBuiltins();
        let set = PyDict_SetItemString(globals, c"__builtins__".as_ptr(), builtins);
        let name = owned(PyUnicode_FromString(c"coluber.check".as_ptr()))?;
        let named = PyDict_SetItemString(globals, c"__name__".as_ptr(), name.as_ptr());
        if set < 0 || named < 0 {
            return Err(failed());
        }
        let code = owned(PyMarshal_ReadObjectFromString(SAMPLES.as_ptr().cast(), SAMPLES.len() as isize))?;
        drop(owned(PyEval_EvalCode(code.as_ptr(), globals, globals))?);
        let get = |name: &CStr| PyDict_GetItemString(globals, name.as_ptr());
        let int = |o: *mut PyObject| long::as_i64(o);
        let string = |o: *mut PyObject, text: &CStr| PyUnicode_CompareWithASCIIString(o, text.as_ptr()) == 0;

        // iterators and other objects of which headers are silent
        let items = get(c"items");
        let range: *mut RangeIter = get(c"range_iter").cast();
        expect!((*range).index == 1, (*range).start == 10, (*range).step == 7, (*range).len == 6);
        let iter: *mut ListIter = get(c"list_iter").cast();
        expect!((*iter).it_index == 1, eq((*iter).it_seq, items));
        let iter: *mut TupleIter = get(c"tuple_iter").cast();
        expect!((*iter).it_index == 1, eq((*iter).it_seq, get(c"pair")));
        let pairs: *mut Enumerate = get(c"pairs").cast();
        expect!((*pairs).en_index == 6, (*pairs).en_longindex.is_null());
        expect!(eq((*(*pairs).en_sit.cast::<ListIter>()).it_seq, items), types::is_tuple((*pairs).en_result));
        expect!(eq((*pairs).one, long::small(1)));
        let backwards: *mut Reversed = get(c"backwards").cast();
        expect!((*backwards).index == 0, eq((*backwards).seq, get(c"pair")));
        let zipped: *mut Zip = get(c"zipped").cast();
        expect!(
            (*zipped).tuplesize == 2,
            tuple::len((*zipped).ittuple) == 2,
            tuple::len((*zipped).result) == 2
        );
        expect!((*zipped).strict == 0);
        let span: *mut Range = get(c"span").cast();
        expect!(int((*span).start) == Some(10), int((*span).stop) == Some(50), int((*span).step) == Some(7));
        expect!(int((*span).length) == Some(6));

        // numbers, sequences, dicts
        expect!(int(get(c"huge")).is_none(), int(get(c"wide")) == Some(-((1 << 45) + 3)));
        expect!(list::len(items) == 3, int(list::item(items, 2)) == Some(30));
        expect!(list::capacity(items) >= 3);
        expect!(tuple::len(get(c"pair")) == 2, int(tuple::item(get(c"pair"), 1)) == Some(20));
        let (names, mixed) = (get(c"names"), get(c"mixed"));
        let (keys, second) = (dict::keys(names), EntryIndex(1));
        expect!(dict::kind(keys) == Kind::Unicode, dict::kind(dict::keys(mixed)) == Kind::General);
        let entry = dict::unicode_entry(keys, second);
        expect!((*keys).dk_nentries == 2, string((*entry).me_key, c"two"), int((*entry).me_value) == Some(2));
        expect!(dict::get(names, (*entry).me_key) == Some((second, (*entry).me_value)));
        let entry = dict::general_entry(dict::keys(mixed), second);
        expect!(int((*entry).me_key) == Some(2), string((*entry).me_value, c"two"));
        expect!((*entry).me_hash == 2);

        // instances with inline values
        let plain = get(c"plain");
        expect!(instance::has_managed_dict(type_of(plain)));
        let (shared, values) = (instance::shared_keys(type_of(plain)), instance::values_of(plain));
        expect!(!shared.is_null(), !values.is_null(), (*instance::dict_pointer(plain)).is_null());
        expect!(
            dict::kind(shared) == Kind::Split,
            string((*dict::unicode_entry(shared, second)).me_key, c"y")
        );
        expect!(int(*instance::slot(values, second)) == Some(8));

        // functions, code, frames
        let bound: *mut PyMethodObject = get(c"bound").cast();
        let function: *mut PyFunctionObject = get(c"function").cast();
        expect!(eq((*bound).im_self, plain), eq((*bound).im_func, function.cast()));
        expect!(types::is_function(function.cast()), eq((*function).func_globals, globals));
        expect!(eq((*function).func_builtins, builtins), tuple::len((*function).func_defaults) == 1);
        let code: *mut PyCodeObject = (*function).func_code.cast();
        expect!(types::is_code(code.cast()), (*code).co_argcount == 3, (*code).co_kwonlyargcount == 1);
        expect!((*code).co_nlocalsplus == 4, string((*code).co_name, c"method"));
        expect!(string((*code).co_qualname, c"Plain.method"), (*code).ob_base.ob_size > 0);
        expect!((*frame::first_instruction(code)).to_le_bytes()[0] == crate::opcode::RESUME);
        let generator: *mut PyGenObject = get(c"generator").cast();
        let inner: *mut _PyInterpreterFrame = (&raw mut (*generator).gi_iframe).cast();
        expect!((*generator).gi_frame_state == _framestate_FRAME_CREATED as i8);
        expect!((*inner).owner == _frameowner_FRAME_OWNED_BY_GENERATOR as _);
        expect!(eq((*inner).f_code, (*generator).gi_code), eq((*inner).f_globals, globals));
        expect!(eq((*inner).f_func.cast(), get(c"later")), eq((*inner).f_builtins, builtins));
        expect!((*inner).stacktop == (*(*inner).f_code).co_nlocalsplus, !(*inner).is_entry);
        expect!(int(*frame::locals(inner).add(1)) == Some(6), eq(frame::generator(inner), generator));
        let next = (*inner).prev_instr.offset_from(frame::first_instruction((*inner).f_code)) + 1;
        expect!(next > 0, next < (*(*inner).f_code).ob_base.ob_size);
        let part: *mut PySliceObject = get(c"part").cast();
        expect!(int((*part).start) == Some(1), int((*part).stop) == Some(2), int((*part).step) == Some(3));

        // the free list of floats
        let interp = PyInterpreterState_Get();
        let first = owned(PyFloat_FromDouble(0.5))?;
        expect!(float::value(first.as_ptr()) == 0.5, (*interp).float_state.numfree >= 0);
        let address = first.as_ptr();
        let known = (*interp).float_state.numfree;
        drop(first);
        expect!(known >= 100 || eq((*interp).float_state.free_list.cast(), address));
        expect!(known >= 100 || (*interp).float_state.numfree == known + 1);
    }
    Ok(())
}

/// # Safety
/// `object` is null (an exception is set) or carries a count; the GIL is held while the result lives.
unsafe fn owned(object: *mut PyObject) -> Result<Owned, String> {
    // SAFETY: the caller's word.
    unsafe { Owned::from_new(object) }.ok_or_else(failed)
}

fn failed() -> String {
    // SAFETY: only called with the GIL held.
    unsafe { sys::PyErr_Clear() };
    "the start-up check could not make its sample objects".into()
}
