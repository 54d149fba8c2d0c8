//! Offsets and questions about CPython's objects that traces need, from the checked layouts of `capi`.

use capi::refs::has_type_flag;
use capi::sys::{self, PyCodeObject, PyObject, PyTypeObject};
use std::mem::offset_of;
use std::ptr;
use traces::{Const, OpCode};

/// `cframe` of the thread state.
pub const THREAD_CFRAME: usize = offset_of!(sys::PyThreadState, cframe);
/// `recursion_remaining` of the thread state.
pub const RECURSION_REMAINING: usize = offset_of!(sys::PyThreadState, recursion_remaining);
/// `eval_frame` of an interpreter.
pub const EVAL_FRAME: usize = offset_of!(sys::PyInterpreterState, eval_frame);
/// `use_tracing` of a cframe.
pub const CFRAME_USE_TRACING: usize = offset_of!(sys::_PyCFrame, use_tracing);
/// The items of a tuple.
pub const TUPLE_ITEMS: usize = offset_of!(sys::PyTupleObject, ob_item);
/// The items pointer of a list.
pub const LIST_ITEMS: usize = offset_of!(sys::PyListObject, ob_item);
/// Where inline values are, before the object.
pub const VALUES_POINTER: i32 = -32;
/// Fields of a frame.
pub const FRAME_FUNC: usize = offset_of!(sys::_PyInterpreterFrame, f_func);
/// See `FRAME_FUNC`.
pub const FRAME_LOCALS: usize = offset_of!(sys::_PyInterpreterFrame, f_locals);
/// See `FRAME_FUNC`.
pub const FRAME_GLOBALS: usize = offset_of!(sys::_PyInterpreterFrame, f_globals);
/// See `FRAME_FUNC`.
pub const FRAME_BUILTINS: usize = offset_of!(sys::_PyInterpreterFrame, f_builtins);
/// `tp_version_tag`.
pub const TYPE_VERSION: usize = offset_of!(PyTypeObject, tp_version_tag);
/// `ht_cached_keys`.
pub const TYPE_CACHED_KEYS: usize = offset_of!(sys::PyHeapTypeObject, ht_cached_keys);
/// `ma_keys`.
pub const DICT_KEYS: usize = offset_of!(sys::PyDictObject, ma_keys);
/// `dk_version`.
pub const KEYS_VERSION: usize = offset_of!(sys::PyDictKeysObject, dk_version);
/// The first code unit of a code object.
pub const FIRST_UNIT: usize = offset_of!(PyCodeObject, co_code_adaptive);

/// Index of the code unit that `prev_instr` points to, plus one: where a frame that saved it goes on.
pub fn instruction_index(code: *mut PyCodeObject, prev_instr: *mut sys::_Py_CODEUNIT) -> u32 {
    ((prev_instr as usize + 2 - (code as usize + FIRST_UNIT)) / 2) as u32
}

/// Byte offset from `ma_keys` of the value of entry `index`.
pub fn entry_value_offset(dict: *mut PyObject, index: usize) -> usize {
    // SAFETY: the opcode resolved this dict's keys just now, under the GIL.
    unsafe {
        let keys = (*dict.cast::<sys::PyDictObject>()).ma_keys.cast::<sys::PyDictKeysObject>();
        let entries = size_of::<sys::PyDictKeysObject>() + (1usize << (*keys).dk_log2_index_bytes);
        if u32::from((*keys).dk_kind) == sys::DictKeysKind_DICT_KEYS_GENERAL {
            entries + index * size_of::<sys::PyDictKeyEntry>() + offset_of!(sys::PyDictKeyEntry, me_value)
        } else {
            entries
                + index * size_of::<sys::PyDictUnicodeEntry>()
                + offset_of!(sys::PyDictUnicodeEntry, me_value)
        }
    }
}

/// Whether a type lives as long as the process, and its instances keep their class.
pub fn is_static_type(ty: *mut PyTypeObject) -> bool {
    // SAFETY: the type of a live object.
    unsafe { (*ty).tp_flags & (sys::Py_TPFLAGS_HEAPTYPE as u64) == 0 }
}

/// The same, by address.
pub fn keeps_class(ty: usize) -> bool {
    // Modules may have their class assigned although their type is static.
    is_static_type(ty as *mut PyTypeObject) && ty != (&raw const sys::PyModule_Type) as usize
}

/// Whether freeing an instance can't run Python code.
pub fn is_leaf(ty: usize) -> bool {
    [
        &raw const sys::PyLong_Type,
        &raw const sys::PyFloat_Type,
        &raw const sys::PyUnicode_Type,
        &raw const sys::PyBool_Type,
        &raw const sys::PyComplex_Type,
        &raw const sys::PyBytes_Type,
        &raw const sys::PyRange_Type,
        &raw const sys::PyRangeIter_Type,
        &raw const sys::_PyNone_Type,
    ]
    .iter()
    .any(|&t| t as usize == ty)
}

/// The types of objects that traces only watch: `type` (of which metaclasses inherit) and functions.
pub const WATCHED: [*mut PyTypeObject; 2] = [&raw mut sys::PyType_Type, &raw mut sys::PyFunction_Type];

/// The types of other embedded objects that may be part of cycles.
pub const CYCLIC: [*mut PyTypeObject; 5] = [
    &raw mut sys::PyDict_Type,
    &raw mut sys::PyModule_Type,
    &raw mut sys::PyCFunction_Type,
    &raw mut sys::PyMethodDescr_Type,
    &raw mut sys::PyTuple_Type,
];

/// Whether an object is there as long as the interpreter: static types, the singletons, our sentinel, which has no type.
///
/// # Safety
/// A live object, or our sentinel.
pub unsafe fn is_static(o: *mut PyObject) -> bool {
    // SAFETY: by contract; the layout is used after the type was asked.
    unsafe {
        let singletons = [
            ptr::null_mut(),
            &raw mut sys::_PyNone_Type,
            &raw mut sys::PyBool_Type,
            &raw mut sys::PyEllipsis_Type,
            &raw mut sys::_PyNotImplemented_Type,
        ];
        singletons.contains(&(*o).ob_type)
            || has_type_flag(o, sys::Py_TPFLAGS_TYPE_SUBCLASS) && is_static_type(o.cast())
    }
}

/// Whether traces only watch an object whose address they embed: they are told of its death and have no reference. Types and functions.
///
/// # Safety
/// As [`is_static`].
pub unsafe fn is_watched(o: *mut PyObject) -> bool {
    // SAFETY: by contract; what has no type is static.
    unsafe {
        !is_static(o)
            && ((*o).ob_type == &raw mut sys::PyFunction_Type
                || has_type_flag(o, sys::Py_TPFLAGS_TYPE_SUBCLASS))
    }
}

/// Whether a live constant object may die while a trace that embeds it runs.
pub fn may_die(object: usize) -> bool {
    let o = object as *mut PyObject;
    // SAFETY: the constants of a trace that is being made live.
    unsafe { is_watched(o) || CYCLIC.contains(&(*o).ob_type) }
}

/// The type of a live constant object.
pub fn type_of(object: usize) -> usize {
    // SAFETY: the constants of a trace that is being made, or is valid, live.
    unsafe { (*(object as *const PyObject)).ob_type as usize }
}

/// The machine value of a constant object.
pub fn payload_of(code: OpCode, object: usize) -> Option<Const> {
    let ty = type_of(object);
    let o = object as *mut PyObject;
    match code {
        OpCode::IntValue => {
            let value = if ty == (&raw const sys::PyLong_Type) as usize
                || ty == (&raw const sys::PyBool_Type) as usize
            {
                // SAFETY: an exact int or bool, as checked here.
                unsafe { capi::long::as_i64(o) }
            } else {
                None
            };
            value.map(Const::Int)
        }
        OpCode::FloatValue if ty == (&raw const sys::PyFloat_Type) as usize => {
            // SAFETY: an exact float.
            Some(Const::Float(unsafe { (*o.cast::<sys::PyFloatObject>()).ob_fval }.to_bits()))
        }
        OpCode::BoolValue => Some(Const::Bool(object == (&raw const sys::_Py_TrueStruct) as usize)),
        _ => None,
    }
}
