//! The bytecode of a function as a listing, with the instructions that a recording went through marked.
//!
//! Called by the dump. It reads code objects and runs nothing.

use std::ffi::c_int;

use capi::sys::{self, PyCodeObject, PyObject};
use interpreter::opcode;

use super::names::Names;
use crate::layout;

/// One instruction.
pub struct Line {
    /// Source line; 0: none.
    pub line: i32,
    /// Index in code units, as in snapshots; `dis` shows twice that.
    pub index: usize,
    /// Name of the opcode.
    pub opcode: &'static str,
    /// Its argument.
    pub arg: usize,
    /// What the argument stands for, if it says something.
    pub meaning: String,
}

/// What an opcode's argument is.
#[derive(Clone, Copy)]
enum Kind {
    Local,
    Name,
    /// A name; the lowest bit says something else.
    Global,
    Constant,
    Compare,
    Binary,
    Forward,
    Backward,
}

/// The first row whose text the opcode's name starts with counts.
const KINDS: [(&str, Kind); 26] = [
    ("LOAD_FAST", Kind::Local),
    ("STORE_FAST", Kind::Local),
    ("DELETE_FAST", Kind::Local),
    ("LOAD_CLOSURE", Kind::Local),
    ("LOAD_DEREF", Kind::Local),
    ("STORE_DEREF", Kind::Local),
    ("DELETE_DEREF", Kind::Local),
    ("LOAD_CLASSDEREF", Kind::Local),
    ("MAKE_CELL", Kind::Local),
    ("LOAD_GLOBAL", Kind::Global),
    ("LOAD_NAME", Kind::Name),
    ("LOAD_ATTR", Kind::Name),
    ("LOAD_METHOD", Kind::Name),
    ("STORE_NAME", Kind::Name),
    ("STORE_ATTR", Kind::Name),
    ("STORE_GLOBAL", Kind::Name),
    ("DELETE_NAME", Kind::Name),
    ("DELETE_ATTR", Kind::Name),
    ("LOAD_CONST", Kind::Constant),
    ("KW_NAMES", Kind::Constant),
    ("COMPARE_OP", Kind::Compare),
    ("BINARY_OP", Kind::Binary),
    ("FOR_ITER", Kind::Forward),
    ("JUMP_BACKWARD", Kind::Backward),
    ("POP_JUMP_BACKWARD", Kind::Backward),
    ("JUMP_", Kind::Forward),
];

const COMPARE: [&str; 6] = ["<", "<=", "==", "!=", ">", ">="];
/// By `NB_…` number; from 13 on the same with `=` after them.
const BINARY: [&str; 13] = ["+", "&", "//", "<<", "@", "*", "%", "|", "**", ">>", "-", "/", "^"];

/// All instructions of a live code object.
pub fn listing(code: *mut PyCodeObject, names: &Names) -> Vec<Line> {
    opcode::instructions(code)
        .map(|i| {
            let name = opcode::NAMES[usize::from(i.opcode)];
            // SAFETY: a live code object; the look-up runs nothing.
            let line = unsafe { sys::PyCode_Addr2Line(code, 2 * i.index as c_int) }.max(0);
            Line { line, index: i.index, opcode: name, arg: i.arg, meaning: meaning(code, i, name, names) }
        })
        .collect()
}

fn meaning(code: *mut PyCodeObject, i: opcode::Instruction, name: &str, names: &Names) -> String {
    let bare = name.strip_prefix("POP_").filter(|rest| rest.starts_with("JUMP_FORWARD")).unwrap_or(name);
    let Some((_, kind)) = KINDS.iter().find(|(start, _)| bare.starts_with(start)) else {
        return String::new();
    };
    // SAFETY: a live code object's tuples.
    let (locals, attributes, constants) =
        unsafe { ((*code).co_localsplusnames, (*code).co_names, (*code).co_consts) };
    let end = i.index + 1 + opcode::caches(i.opcode);
    match kind {
        Kind::Local => item(locals, i.arg, names).trim_matches('"').into(),
        Kind::Name => item(attributes, i.arg, names).trim_matches('"').into(),
        Kind::Global => item(attributes, i.arg >> 1, names).trim_matches('"').into(),
        Kind::Constant => item(constants, i.arg, names),
        Kind::Compare => COMPARE.get(i.arg).copied().unwrap_or("?").into(),
        Kind::Binary => match BINARY.get(i.arg) {
            Some(plain) => (*plain).into(),
            None => format!("{}=", BINARY.get(i.arg - 13).unwrap_or(&"?")),
        },
        Kind::Forward => format!("to {}", end + i.arg),
        Kind::Backward => format!("to {}", end.saturating_sub(i.arg)),
    }
}

fn item(tuple: *mut PyObject, index: usize, names: &Names) -> String {
    // SAFETY: one of a code object's tuples, which are complete and never change.
    unsafe {
        if index >= capi::tuple::len(tuple) as usize {
            return "?".into();
        }
        let first = (tuple as usize + layout::TUPLE_ITEMS) as *const *mut PyObject;
        names.object(*first.add(index))
    }
}
