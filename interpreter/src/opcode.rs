//! Opcodes of CPython 3.11: caches, walking through code, and undoing CPython's specialisation.
//!
//! CPython's evaluator rewrites code that it runs ("quickening"). Ours only knows the opcodes that the compiler emits and
//! keeps caches of its own in the cache units, so a code object that was rewritten is first turned back.

use crate::code_data::units;
use capi::sys::{self, PyCodeObject};

/// Code units behind `CALL`.
pub const CALL_CACHES: usize = 4;
/// `KW_NAMES`
pub const KW_NAMES: u8 = sys::KW_NAMES as u8;
/// `PRECALL`
pub const PRECALL: u8 = sys::PRECALL as u8;
/// `EXTENDED_ARG`
pub const EXTENDED_ARG: u8 = sys::EXTENDED_ARG as u8;

/// Number of cache units behind an opcode that the compiler emits.
#[inline(always)]
pub const fn caches(opcode: u8) -> usize {
    match opcode as u32 {
        sys::BINARY_SUBSCR | sys::STORE_ATTR | sys::LOAD_ATTR | sys::CALL => 4,
        sys::STORE_SUBSCR | sys::UNPACK_SEQUENCE | sys::BINARY_OP | sys::PRECALL => 1,
        sys::COMPARE_OP => 2,
        sys::LOAD_GLOBAL => 5,
        sys::LOAD_METHOD => 10,
        _ => 0,
    }
}

/// For each opcode the one that the compiler emitted (`_PyOpcode_Deopt`): itself, unless it is a specialised form.
pub static BASE: [u8; 256] = base_table();

const fn base_table() -> [u8; 256] {
    let mut table = [0u8; 256];
    let mut i = 0;
    while i < 256 {
        table[i] = i as u8;
        i += 1;
    }
    let mut row = 0;
    while row < SPECIALISED.len() {
        let (base, forms) = SPECIALISED[row];
        let mut form = 0;
        while form < forms.len() {
            table[forms[form] as usize] = base as u8;
            form += 1;
        }
        row += 1;
    }
    table
}

/// Each opcode with its specialised forms (Lib/opcode.py).
const SPECIALISED: [(u32, &[u32]); 17] = [
    (
        sys::BINARY_OP,
        &[
            sys::BINARY_OP_ADAPTIVE,
            sys::BINARY_OP_ADD_FLOAT,
            sys::BINARY_OP_ADD_INT,
            sys::BINARY_OP_ADD_UNICODE,
            sys::BINARY_OP_INPLACE_ADD_UNICODE,
            sys::BINARY_OP_MULTIPLY_FLOAT,
            sys::BINARY_OP_MULTIPLY_INT,
            sys::BINARY_OP_SUBTRACT_FLOAT,
            sys::BINARY_OP_SUBTRACT_INT,
        ],
    ),
    (
        sys::BINARY_SUBSCR,
        &[
            sys::BINARY_SUBSCR_ADAPTIVE,
            sys::BINARY_SUBSCR_DICT,
            sys::BINARY_SUBSCR_GETITEM,
            sys::BINARY_SUBSCR_LIST_INT,
            sys::BINARY_SUBSCR_TUPLE_INT,
        ],
    ),
    (sys::CALL, &[sys::CALL_ADAPTIVE, sys::CALL_PY_EXACT_ARGS, sys::CALL_PY_WITH_DEFAULTS]),
    (
        sys::COMPARE_OP,
        &[
            sys::COMPARE_OP_ADAPTIVE,
            sys::COMPARE_OP_FLOAT_JUMP,
            sys::COMPARE_OP_INT_JUMP,
            sys::COMPARE_OP_STR_JUMP,
        ],
    ),
    (sys::EXTENDED_ARG, &[sys::EXTENDED_ARG_QUICK]),
    (sys::JUMP_BACKWARD, &[sys::JUMP_BACKWARD_QUICK]),
    (
        sys::LOAD_ATTR,
        &[
            sys::LOAD_ATTR_ADAPTIVE,
            sys::LOAD_ATTR_INSTANCE_VALUE,
            sys::LOAD_ATTR_MODULE,
            sys::LOAD_ATTR_SLOT,
            sys::LOAD_ATTR_WITH_HINT,
        ],
    ),
    (sys::LOAD_CONST, &[sys::LOAD_CONST__LOAD_FAST]),
    (sys::LOAD_FAST, &[sys::LOAD_FAST__LOAD_CONST, sys::LOAD_FAST__LOAD_FAST]),
    (sys::LOAD_GLOBAL, &[sys::LOAD_GLOBAL_ADAPTIVE, sys::LOAD_GLOBAL_BUILTIN, sys::LOAD_GLOBAL_MODULE]),
    (
        sys::LOAD_METHOD,
        &[
            sys::LOAD_METHOD_ADAPTIVE,
            sys::LOAD_METHOD_CLASS,
            sys::LOAD_METHOD_MODULE,
            sys::LOAD_METHOD_NO_DICT,
            sys::LOAD_METHOD_WITH_DICT,
            sys::LOAD_METHOD_WITH_VALUES,
        ],
    ),
    (
        sys::PRECALL,
        &[
            sys::PRECALL_ADAPTIVE,
            sys::PRECALL_BOUND_METHOD,
            sys::PRECALL_BUILTIN_CLASS,
            sys::PRECALL_BUILTIN_FAST_WITH_KEYWORDS,
            sys::PRECALL_METHOD_DESCRIPTOR_FAST_WITH_KEYWORDS,
            sys::PRECALL_NO_KW_BUILTIN_FAST,
            sys::PRECALL_NO_KW_BUILTIN_O,
            sys::PRECALL_NO_KW_ISINSTANCE,
            sys::PRECALL_NO_KW_LEN,
            sys::PRECALL_NO_KW_LIST_APPEND,
            sys::PRECALL_NO_KW_METHOD_DESCRIPTOR_FAST,
            sys::PRECALL_NO_KW_METHOD_DESCRIPTOR_NOARGS,
            sys::PRECALL_NO_KW_METHOD_DESCRIPTOR_O,
            sys::PRECALL_NO_KW_STR_1,
            sys::PRECALL_NO_KW_TUPLE_1,
            sys::PRECALL_NO_KW_TYPE_1,
            sys::PRECALL_PYFUNC,
        ],
    ),
    (sys::RESUME, &[sys::RESUME_QUICK]),
    (
        sys::STORE_ATTR,
        &[
            sys::STORE_ATTR_ADAPTIVE,
            sys::STORE_ATTR_INSTANCE_VALUE,
            sys::STORE_ATTR_SLOT,
            sys::STORE_ATTR_WITH_HINT,
        ],
    ),
    (sys::STORE_FAST, &[sys::STORE_FAST__LOAD_FAST, sys::STORE_FAST__STORE_FAST]),
    (
        sys::STORE_SUBSCR,
        &[sys::STORE_SUBSCR_ADAPTIVE, sys::STORE_SUBSCR_DICT, sys::STORE_SUBSCR_LIST_INT],
    ),
    (
        sys::UNPACK_SEQUENCE,
        &[
            sys::UNPACK_SEQUENCE_ADAPTIVE,
            sys::UNPACK_SEQUENCE_LIST,
            sys::UNPACK_SEQUENCE_TUPLE,
            sys::UNPACK_SEQUENCE_TWO_TUPLE,
        ],
    ),
];

/// One instruction of a code object.
#[derive(Clone, Copy)]
pub struct Instruction {
    /// Index of its own unit, behind its EXTENDED_ARGs.
    pub index: usize,
    /// What the compiler emitted.
    pub opcode: u8,
    /// With EXTENDED_ARGs.
    pub arg: usize,
}

/// The instructions of a live code object, in order, without EXTENDED_ARG and caches.
pub fn instructions(code: *mut PyCodeObject) -> impl Iterator<Item = Instruction> {
    // SAFETY: the caller holds a live code object.
    let (first, len) = unsafe { (units(code), (*code).ob_base.ob_size as usize) };
    let mut index = 0;
    let mut extended = 0;
    std::iter::from_fn(move || {
        while index < len {
            // SAFETY: `index` is below the number of units.
            let unit = unsafe { *first.add(index) };
            let opcode = BASE[usize::from(unit as u8)];
            let arg = extended << 8 | usize::from(unit >> 8);
            let here = index;
            if opcode == EXTENDED_ARG {
                extended = arg;
                index += 1;
                continue;
            }
            extended = 0;
            index += 1 + caches(opcode);
            return Some(Instruction { index: here, opcode, arg });
        }
        None
    })
}

/// Undoes CPython's rewriting of a code object: base opcodes, empty caches.
#[cold]
#[inline(never)]
pub fn restore(code: *mut PyCodeObject) {
    // SAFETY: the caller executes the code; the units are writable memory of the code object, the GIL is held.
    unsafe {
        let first = units(code);
        let len = (*code).ob_base.ob_size as usize;
        let mut i = 0;
        while i < len {
            let unit = *first.add(i);
            let opcode = BASE[usize::from(unit as u8)];
            *first.add(i) = unit & 0xff00 | u16::from(opcode);
            for cache in 1..=caches(opcode) {
                *first.add(i + cache) = 0;
            }
            i += 1 + caches(opcode);
        }
        // A long way to the next time (`_PyCode_Warmup` counts up to 0).
        (*code).co_warmup = i16::MIN;
    }
}

/// The name of an opcode in statistics.
pub fn name(opcode: u8) -> &'static str {
    crate::dispatch::NAMES[usize::from(opcode)]
}
