//! The text form of a trace: the printer. Its counterpart is [`parse`](crate::parse), and the two round-trip exactly.
//!
//! Called by tests, by dumps and by the verifier's messages; never while a program runs at speed. It must never fail:
//! also a malformed trace prints, so that what is wrong with it can be seen.
//!
//! ```text
//! v0: Ptr = frame
//! v1: Obj = load_obj v0 +72 FrameSlot
//! guard_type v1, ptr(0x1000) @s0                 ; constants stand in place
//! v3: Float = float_value v1                     ; vN is the result of op number N
//! label(v3)                                      ; the value of the param in the first turn
//! v5: Float = param 0
//! v6: Float = float_add v5, v3
//! v7: Obj = call_obj PyNumber_Add(v1, v1)
//! jump(v6)
//! s0: execute                                    ; or `raise`, or `dying v7 at 12`
//!   frame code=0x1 fn=memory at 12 in v0 [memory, v1, null | w0]
//!   frame code=0x2 fn=v1 at 3 push [v1]
//!   w0 = float v3
//!   incref v1, v1
//!   keep v3
//! ```
//!
//! - Constants: `5`, `-3`; `1.5`, `-0.0`, `1e300`, `inf`, and `float(0x7ff8000000000000)` for a NaN; `true`, `false`;
//!   `obj(0x10)`; `ptr(0x20)`. A missing operand is `-`.
//! - `+72 FrameSlot` is a byte offset and a memory region, `@s0` the snapshot of a guard.
//! - A frame line has the code object, the function, the instruction to go on at, the frame in memory (`in v0`) or that
//!   it has to be pushed, and the slots: locals, and after the bar the value stack. A slot is `null`, `memory` (left as it is),
//!   a value, or the virtual object `wN` described below.
//! - `;` starts a comment.

use std::fmt::Write;

use crate::op::{OpCode, Type};
use crate::trace::{Const, Resume, Slot, SnapId, Snapshot, Trace, Val, Virtual};

/// Names for addresses, for dumps that people read. What it names does not parse back.
pub trait Names {
    /// A text for a constant; `None`: as in the text form.
    fn constant(&self, constant: Const) -> Option<String>;
    /// A text for the code object at this address; `None`: the address.
    fn code(&self, code: usize) -> Option<String>;
}

/// Names nothing: the plain text form.
pub struct Plain;

impl Names for Plain {
    fn constant(&self, _: Const) -> Option<String> {
        None
    }
    fn code(&self, _: usize) -> Option<String> {
        None
    }
}

/// The text form of a trace.
pub fn print(trace: &Trace) -> String {
    print_with(trace, &Plain)
}

/// The text form of a trace, with names for addresses.
pub fn print_with(trace: &Trace, names: &dyn Names) -> String {
    let mut out = String::new();
    for index in 0..trace.ops.len() {
        out.push_str(&op(trace, index, names));
        out.push('\n');
    }
    for index in 0..trace.snapshots.len() {
        out.push_str(&snapshot(trace, SnapId(index as u32), names));
    }
    out
}

impl std::fmt::Display for Trace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&print(self))
    }
}

/// The line of one op, without its line end.
pub fn op(trace: &Trace, index: usize, names: &dyn Names) -> String {
    let op = &trace.ops[index];
    let row = op.code.row();
    let mut out = String::new();
    if op.ty != Type::Void || row.result != Some(Type::Void) {
        let _ = write!(out, "v{index}: {} = ", op.ty.name());
    }
    out.push_str(row.name);
    for (i, &v) in op.operands().iter().enumerate() {
        out.push_str(if i == 0 { " " } else { ", " });
        value(&mut out, trace, v, names);
    }
    if row.imm {
        if op.code.is_call() {
            match trace.helpers.get(op.imm as usize) {
                Some(helper) => out.extend([" ", helper.name]),
                None => drop(write!(out, " ?{}", op.imm)),
            }
        } else if row.region {
            let _ = write!(out, " {:+}", op.imm);
        } else {
            let _ = write!(out, " {}", op.imm);
        }
    }
    if row.region {
        out.extend([" ", op.region.name()]);
    }
    if row.list {
        out.push('(');
        let vals = trace.lists.get(op.list.start as usize..(op.list.start + op.list.len) as usize);
        values(&mut out, trace, vals.unwrap_or(&[]), names);
        out.push(')');
    }
    if op.snap != SnapId::NONE {
        let _ = write!(out, " @s{}", op.snap.0);
    }
    out
}

/// The lines of one snapshot, each with its line end.
pub fn snapshot(trace: &Trace, id: SnapId, names: &dyn Names) -> String {
    let snapshot = &trace.snapshots.get(id);
    let mut out = format!("s{}: ", id.0);
    resume(&mut out, trace, snapshot, names);
    for frame in &snapshot.frames {
        out.push_str("  frame code=");
        match names.code(frame.code) {
            Some(name) => out.push_str(&name),
            None => drop(write!(out, "{:#x}", frame.code)),
        }
        out.push_str(" fn=");
        slot(&mut out, trace, &frame.function, names);
        let _ = write!(out, " at {}", frame.instr);
        if frame.frame == Val::NONE {
            out.push_str(" push [");
        } else {
            out.push_str(" in ");
            value(&mut out, trace, frame.frame, names);
            out.push_str(" [");
        }
        let locals = frame.slots.len().saturating_sub(frame.stack_depth as usize);
        slots(&mut out, trace, &frame.slots[..locals], names);
        if frame.stack_depth > 0 {
            out.push_str(if locals > 0 { " | " } else { "| " });
            slots(&mut out, trace, &frame.slots[locals..], names);
        }
        out.push_str("]\n");
    }
    for (n, v) in snapshot.virtuals.iter().enumerate() {
        let _ = write!(out, "  w{n} = ");
        match v {
            Virtual::Int(v) => scalar(&mut out, "int", trace, *v, names),
            Virtual::Float(v) => scalar(&mut out, "float", trace, *v, names),
            Virtual::Bool(v) => scalar(&mut out, "bool", trace, *v, names),
            Virtual::Tuple(items) => {
                out.push_str("tuple(");
                slots(&mut out, trace, items, names);
                out.push(')');
            }
        }
        out.push('\n');
    }
    for (word, vals) in [("incref", &snapshot.increfs), ("keep", &snapshot.keep)] {
        if !vals.is_empty() {
            let _ = write!(out, "  {word} ");
            values(&mut out, trace, vals, names);
            out.push('\n');
        }
    }
    out
}

/// The text of a value as an operand.
pub fn operand(trace: &Trace, v: Val, names: &dyn Names) -> String {
    let mut out = String::new();
    value(&mut out, trace, v, names);
    out
}

/// The text of a constant.
pub fn constant(c: Const) -> String {
    match c {
        Const::Int(i) => i.to_string(),
        Const::Float(bits) => match f64::from_bits(bits) {
            nan if nan.is_nan() => format!("float({bits:#x})"),
            // The shortest decimal text that reads back as the same double.
            value => format!("{value:?}"),
        },
        Const::Bool(b) => b.to_string(),
        Const::Obj(address) => format!("obj({address:#x})"),
        Const::Ptr(address) => format!("ptr({address:#x})"),
    }
}

fn resume(out: &mut String, trace: &Trace, snapshot: &Snapshot, names: &dyn Names) {
    match snapshot.resume {
        Resume::Execute => out.push_str("execute\n"),
        Resume::Raise => out.push_str("raise\n"),
        Resume::Dying { object, lasti } => {
            scalar(out, "dying", trace, object, names);
            let _ = writeln!(out, " at {lasti}");
        }
    }
}

fn scalar(out: &mut String, word: &str, trace: &Trace, v: Val, names: &dyn Names) {
    out.extend([word, " "]);
    value(out, trace, v, names);
}

fn value(out: &mut String, trace: &Trace, v: Val, names: &dyn Names) {
    if let Some(index) = v.op_index() {
        let _ = write!(out, "v{index}");
        return;
    }
    match v.const_index().map(|index| trace.consts.get(index)) {
        Some(Some(&c)) => out.push_str(&names.constant(c).unwrap_or_else(|| constant(c))),
        Some(None) => drop(write!(out, "?{v:?}")),
        None => out.push('-'),
    }
}

fn values(out: &mut String, trace: &Trace, vals: &[Val], names: &dyn Names) {
    for (i, &v) in vals.iter().enumerate() {
        if i > 0 {
            out.push_str(", ");
        }
        value(out, trace, v, names);
    }
}

fn slot(out: &mut String, trace: &Trace, slot: &Slot, names: &dyn Names) {
    match slot {
        Slot::Null => out.push_str("null"),
        Slot::InMemory => out.push_str("memory"),
        Slot::Value(v) => value(out, trace, *v, names),
        Slot::Virtual(n) => drop(write!(out, "w{n}")),
    }
}

fn slots(out: &mut String, trace: &Trace, all: &[Slot], names: &dyn Names) {
    for (i, s) in all.iter().enumerate() {
        if i > 0 {
            out.push_str(", ");
        }
        slot(out, trace, s, names);
    }
}

/// Whether two traces are the same: ops, operands by value, snapshots. The numbering of constants does not count, nor do
/// operand lists that no op uses.
pub fn same(a: &Trace, b: &Trace) -> bool {
    let signature = |t: &Trace| -> Vec<(OpCode, String)> {
        t.ops.iter().enumerate().map(|(i, o)| (o.code, op(t, i, &Plain))).collect()
    };
    let snapshots = |t: &Trace| -> Vec<String> {
        (0..t.snapshots.len()).map(|i| snapshot(t, SnapId(i as u32), &Plain)).collect()
    };
    a.helpers.as_ptr() == b.helpers.as_ptr() && signature(a) == signature(b) && snapshots(a) == snapshots(b)
}
