//! A made-up runtime for recordings written by hand: addresses that stand for types and objects, helpers, and their names in golden files.
//!
//! | text | what |
//! | --- | --- |
//! | `<int>` `<float>` `<bool>` `<list>` `<Class>` | types; instances of `Class` may change their class and run code when they die, lists may run code |
//! | `int:7` `float:1.5` `True` `False` | constant objects with that value |
//! | `list:1` `instance:1` | constant objects of those types |

use tracer::optimizer::{Env, HelperIds};
use traces::text::{self, Names};
use traces::{Const, Effect, Helper, OpCode, Type};

const TYPES: [(&str, usize); 5] =
    [("<int>", 0x100), ("<float>", 0x200), ("<bool>", 0x300), ("<list>", 0x400), ("<Class>", 0x500)];
const INT: usize = TYPES[0].1;
const FLOAT: usize = TYPES[1].1;
const BOOL: usize = TYPES[2].1;
const BOOLS: [(&str, usize); 2] = [("False", 0x310), ("True", 0x320)];

/// First address, end, type of ranges of objects; objects are 16 bytes apart.
const OBJECTS: [(&str, usize, usize, usize); 4] = [
    ("int", 0x10_0000, 0x20_0000, INT),
    ("float", 0x20_0000, 0x30_0000, FLOAT),
    ("list", 0x30_0000, 0x40_0000, TYPES[3].1),
    ("instance", 0x40_0000, 0x50_0000, TYPES[4].1),
];

/// Ints from -1000 on, floats are multiples of a quarter from -1000.0 on.
fn address(kind: &str, number: &str) -> Option<usize> {
    let &(_, first, _, _) = OBJECTS.iter().find(|row| row.0 == kind)?;
    let index = match kind {
        "int" => number.parse::<i64>().ok()? + 1000,
        "float" => ((number.parse::<f64>().ok()? + 1000.0) * 4.0) as i64,
        _ => number.parse().ok()?,
    };
    Some(first + 16 * index as usize)
}

fn range(object: usize) -> Option<&'static (&'static str, usize, usize, usize)> {
    OBJECTS.iter().find(|&&(_, first, end, _)| (first..end).contains(&object))
}

fn type_of(object: usize) -> usize {
    if BOOLS.iter().any(|row| row.1 == object) { BOOL } else { range(object).map_or(0, |row| row.3) }
}

fn payload_of(code: OpCode, object: usize) -> Option<Const> {
    let index = range(object).map_or(0, |row| (object - row.1) as i64 / 16);
    match (code, type_of(object)) {
        (OpCode::IntValue, INT) => Some(Const::Int(index - 1000)),
        (OpCode::FloatValue, FLOAT) => Some(Const::Float((index as f64 / 4.0 - 1000.0).to_bits())),
        (OpCode::IntValue, BOOL) => Some(Const::Int((object == BOOLS[1].1).into())),
        (OpCode::BoolValue, BOOL) => Some(Const::Bool(object == BOOLS[1].1)),
        _ => None,
    }
}

/// Helpers, of each effect one.
pub static HELPERS: [Helper; 9] = [
    helper(
        "push_frame",
        &[Type::Ptr, Type::Ptr, Type::Obj, Type::Ptr, Type::Ptr],
        Type::Ptr,
        Effect::AnyMemory,
    ),
    helper("pop_frame", &[Type::Ptr, Type::Ptr], Type::Void, Effect::AnyMemory),
    helper("python", &[Type::Obj], Type::Obj, Effect::RunsPython),
    helper("compare", &[Type::Obj, Type::Obj], Type::Obj, Effect::RunsPython),
    helper("touch", &[Type::Obj], Type::Int, Effect::AnyMemory),
    helper("sin", &[Type::Float], Type::Float, Effect::Pure),
    helper("pow", &[Type::Float, Type::Float], Type::Float, Effect::Pure),
    helper("scale3", &[Type::Float, Type::Float, Type::Float], Type::Float, Effect::Pure),
    // Takes the references of its arguments over.
    helper("steal", &[Type::Obj, Type::Obj], Type::Obj, Effect::RunsPython),
];

const fn helper(name: &'static str, args: &'static [Type], result: Type, effect: Effect) -> Helper {
    Helper { name, address: 0, args, result, effect }
}

/// The runtime.
pub fn env() -> Env {
    Env {
        int_type: INT,
        float_type: FLOAT,
        bool_type: BOOL,
        true_object: BOOLS[1].1,
        false_object: BOOLS[0].1,
        drops_licences: true,
        off: Default::default(),
        is_leaf: |ty| [INT, FLOAT, BOOL].contains(&ty),
        keeps_class: |ty| ty != TYPES[4].1,
        type_of,
        may_die: |_| false,
        payload_of,
        refcnt: 0,
        localsplus: 72,
        frame_func: 8,
        frame_obj: 40,
        f_locals: 48,
        prev_instr: 56,
        first_unit: 200,
        helpers: HelperIds { push_frame: 0, pop_frame: 1, stealing: (8, 8) },
    }
}

/// Puts addresses for the names of this runtime.
pub fn to_addresses(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    'next: while let Some(c) = rest.chars().next() {
        for (name, address) in TYPES {
            if let Some(after) = rest.strip_prefix(name) {
                out.push_str(&format!("ptr({address:#x})"));
                rest = after;
                continue 'next;
            }
        }
        for (name, address) in BOOLS {
            if let Some(after) = rest.strip_prefix(name) {
                out.push_str(&format!("obj({address:#x})"));
                rest = after;
                continue 'next;
            }
        }
        let word_before = out.chars().last().is_some_and(|c| c.is_alphanumeric() || c == '_');
        for (kind, ..) in OBJECTS {
            if !word_before
                && let Some(after) = rest.strip_prefix(kind).and_then(|r| r.strip_prefix(':'))
                && !after.starts_with(' ')
            {
                let end =
                    after.find(|c: char| !c.is_ascii_digit() && !".-".contains(c)).unwrap_or(after.len());
                let address = address(kind, &after[..end]).expect("a number");
                out.push_str(&format!("obj({address:#x})"));
                rest = &after[end..];
                continue 'next;
            }
        }
        out.push(c);
        rest = &rest[c.len_utf8()..];
    }
    out
}

/// The other way round.
pub struct MadeUp;

impl Names for MadeUp {
    fn constant(&self, constant: Const) -> Option<String> {
        match constant {
            Const::Ptr(p) => TYPES.iter().find(|row| row.1 == p).map(|row| row.0.to_owned()),
            Const::Obj(o) => {
                if let Some((name, _)) = BOOLS.iter().find(|row| row.1 == o) {
                    return Some((*name).to_owned());
                }
                let &(kind, first, ..) = range(o)?;
                let value = match kind {
                    "int" => payload_of(OpCode::IntValue, o).map(text::constant),
                    "float" => payload_of(OpCode::FloatValue, o).map(text::constant),
                    _ => Some(((o - first) / 16).to_string()),
                };
                Some(format!("{kind}:{}", value?))
            }
            _ => None,
        }
    }
    fn code(&self, _: usize) -> Option<String> {
        None
    }
}
