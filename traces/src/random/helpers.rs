//! The helpers that random traces call: for the evaluator a Rust function, for machine code a C one, both made of
//! the same few lines.
//!
//! They take arguments of all types, so many that all argument registers are in use, and have all kinds of effects. No part
//! of the product.

use std::sync::OnceLock;

use crate::memory::{Fault, Memory};
use crate::native::current;
use crate::op::{Effect, Type};
use crate::trace::{Const, Helper};

fn mix(a: i64, b: i64) -> i64 {
    a.wrapping_mul(31).wrapping_add(b).rotate_left(7)
}

fn blend(x: f64, n: i64, y: f64) -> f64 {
    x * 0.5 + (y - n as f64)
}

fn odd(n: i64) -> bool {
    n & 1 == 1
}

fn fold_ints(ints: [i64; 6]) -> i64 {
    ints.iter().fold(1, |sum, &i| mix(sum, i))
}

fn fold_floats(floats: [f64; 8]) -> f64 {
    floats.iter().fold(0.0, |sum, &x| sum * 0.5 + x)
}

/// Counts in the first field of a plain object.
fn count(memory: &mut Memory, object: usize) -> Result<i64, Fault> {
    let value = (memory.read_u64(object + 16)? as i64).wrapping_add(1);
    memory.write_u64(object + 16, value as u64)?;
    Ok(value)
}

fn note(memory: &mut Memory, frame: usize, value: i64) -> Result<(), Fault> {
    memory.write_u64(frame, value as u64)
}

/// Another field of the frame.
fn field(frame: usize) -> usize {
    frame + 16
}

fn boxed_sum(memory: &mut Memory, x: f64, y: f64) -> Result<usize, Fault> {
    memory.new_float(x + y)
}

/// What `sys.getrefcount` would see: code that runs Python may look at every count. Those of immortal objects need not be exact.
fn refcount(memory: &mut Memory, object: usize) -> Result<i64, Fault> {
    memory.refcnt(object).map(|count| count.min(1000))
}

extern "C" fn c_mix(a: i64, b: i64) -> i64 {
    mix(a, b)
}
extern "C" fn c_blend(x: f64, n: i64, y: f64) -> f64 {
    blend(x, n, y)
}
extern "C" fn c_odd(n: i64) -> i32 {
    odd(n) as i32
}
extern "C" fn c_fold_ints(a: i64, b: i64, c: i64, d: i64, e: i64, f: i64) -> i64 {
    fold_ints([a, b, c, d, e, f])
}
extern "C" fn c_fold_floats(a: f64, b: f64, c: f64, d: f64, e: f64, f: f64, g: f64, h: f64) -> f64 {
    fold_floats([a, b, c, d, e, f, g, h])
}
unsafe extern "C" fn c_count(object: usize) -> i64 {
    // SAFETY: its address is only in the table below, which machine code calls under `native::with`.
    unsafe { current(|memory| count(memory, object)) }
}
unsafe extern "C" fn c_note(frame: usize, value: i64) {
    // SAFETY: as in `c_count`.
    unsafe { current(|memory| note(memory, frame, value)) }
}
extern "C" fn c_field(frame: usize) -> usize {
    field(frame)
}
unsafe extern "C" fn c_boxed_sum(x: f64, y: f64) -> usize {
    // SAFETY: as in `c_count`.
    unsafe { current(|memory| boxed_sum(memory, x, y)) }
}
unsafe extern "C" fn c_refcount(object: usize) -> i64 {
    // SAFETY: as in `c_count`.
    unsafe { current(|memory| refcount(memory, object)) }
}

/// The table, with addresses that machine code may call under [`native::with`](crate::native::with).
pub fn helpers() -> &'static [Helper] {
    static TABLE: OnceLock<Vec<Helper>> = OnceLock::new();
    TABLE.get_or_init(|| {
        use Type::{Bool, Float, Int, Obj, Ptr, Void};
        let row = |name, function: *const (), args, result, effect| Helper {
            name,
            address: function as usize,
            args,
            result,
            effect,
        };
        vec![
            row("mix", c_mix as *const (), &[Int, Int], Int, Effect::Pure),
            row("blend", c_blend as *const (), &[Float, Int, Float], Float, Effect::Pure),
            row("odd", c_odd as *const (), &[Int], Bool, Effect::Pure),
            row("fold_ints", c_fold_ints as *const (), &[Int; 6], Int, Effect::Pure),
            row("fold_floats", c_fold_floats as *const (), &[Float; 8], Float, Effect::Pure),
            row("count", c_count as *const (), &[Obj], Int, Effect::AnyMemory),
            row("note", c_note as *const (), &[Ptr, Int], Void, Effect::AnyMemory),
            row("field", c_field as *const (), &[Ptr], Ptr, Effect::Pure),
            row("boxed_sum", c_boxed_sum as *const (), &[Float, Float], Obj, Effect::Allocates),
            row("refcount", c_refcount as *const (), &[Obj], Int, Effect::RunsPython),
        ]
    })
}

/// Runs one of [`helpers`] for the evaluator.
pub fn call(helper: &Helper, args: &[Const], memory: &mut Memory) -> Result<Const, Fault> {
    let int = |n: usize| args[n].bits() as i64;
    let float = |n: usize| f64::from_bits(args[n].bits());
    let address = |n: usize| args[n].bits() as usize;
    Ok(match helper.name {
        "mix" => Const::Int(mix(int(0), int(1))),
        "blend" => Const::Float(blend(float(0), int(1), float(2)).to_bits()),
        "odd" => Const::Bool(odd(int(0))),
        "fold_ints" => Const::Int(fold_ints(std::array::from_fn(int))),
        "fold_floats" => Const::Float(fold_floats(std::array::from_fn(float)).to_bits()),
        "count" => Const::Int(count(memory, address(0))?),
        "note" => {
            note(memory, address(0), int(1))?;
            Const::Bool(false)
        }
        "field" => Const::Ptr(field(address(0))),
        "boxed_sum" => Const::Obj(boxed_sum(memory, float(0), float(1))?),
        "refcount" => Const::Int(refcount(memory, address(0))?),
        other => return Err(Fault(format!("there is no helper {other}"))),
    })
}
