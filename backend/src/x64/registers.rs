//! The registers of x86-64 and what each op's code needs of them: the table that the shared register allocator reads.
//!
//! Never allocated: `rsp` (spill slots), `rbp` (frame pointer, so that profilers and debuggers unwind), `r11` and `xmm15`
//! (scratch for single instructions and for moves).

use traces::{OpCode, Trace};

use super::assembler::SCRATCH;
use crate::analysis::Analysis;
use crate::places::{Reg, RegSet};
use crate::regalloc::{Machine, PLAIN, Shape, Want};

const fn g(n: u8) -> Reg {
    Reg::general(n)
}
const fn x(n: u8) -> Reg {
    Reg::float(n)
}

const RAX: Reg = g(0);
const RCX: Reg = g(1);
const RDX: Reg = g(2);

/// Registers that survive calls, other than `rsp` and `rbp`.
const CALLEE_SAVED: RegSet = RegSet::of(&[g(3), g(12), g(13), g(14), g(15)]);
const CALLER_SAVED: RegSet = RegSet(!CALLEE_SAVED.0 & (0xffff | 0xffff << 32) & !(1 << 4) & !(1 << 5));
const ALLOCATABLE: RegSet = RegSet((0xffff | 0x7fff << 32) & !(1 << 4) & !(1 << 5) & !(1 << SCRATCH));
/// Two that calls destroy, two that they leave.
const FEW: RegSet = RegSet::of(&[RAX, RCX, g(3), g(12), x(0), x(1), x(2), x(3)]);

/// Arguments of a call (System V).
pub const GENERAL_ARGS: &[Reg] = &[g(7), g(6), RDX, RCX, g(8), g(9)];
/// Floating-point arguments of a call.
pub const FLOAT_ARGS: &[Reg] = &[x(0), x(1), x(2), x(3), x(4), x(5), x(6), x(7)];

/// What the allocator works with.
pub fn machine(few_registers: bool) -> Machine {
    Machine {
        allocatable: if few_registers { FEW } else { ALLOCATABLE },
        caller_saved: CALLER_SAVED,
        general_args: GENERAL_ARGS,
        float_args: FLOAT_ARGS,
    }
}

const REGISTERS: [Want; 3] = [Want::Register; 3];

/// What an op's code needs.
pub fn shape(trace: &Trace, analysis: &Analysis, at: usize, bmi2: bool) -> Shape {
    use OpCode::*;
    let op = match analysis.fusions[at] {
        Some(fusion) => &trace.ops[fusion.compare as usize],
        None => &trace.ops[at],
    };
    let base = Shape { operands: [Want::Register, Want::Any, Want::Any], ..PLAIN };
    let constant = |k: usize| trace.const_of(op.args[k]).is_some();
    match op.code {
        IntAddOvf | IntSubOvf | IntMulOvf => Shape { restored: 0b11, ..PLAIN },
        IntShl | IntShr if constant(1) => PLAIN,
        IntShl | IntShr if bmi2 => {
            Shape { operands: [Want::Any, Want::Register, Want::Any], apart: 0b10, ..PLAIN }
        }
        // The count goes to cl.
        IntShl | IntShr => {
            Shape { clobbers: RegSet::one(RCX), avoid: RegSet::one(RCX), apart: 0b10, ..PLAIN }
        }
        IntFloorDiv | IntMod if is_power_of_two(trace, op.args[1]) => PLAIN,
        // mulx needs rdx only.
        IntFloorDiv | IntMod if bmi2 && is_positive(trace, op.args[1]) => {
            let prefer = (op.code == IntFloorDiv).then_some(RDX);
            Shape { clobbers: RegSet::one(RDX), prefer, ..base }
        }
        IntFloorDiv | IntMod => {
            let result = if op.code == IntFloorDiv && !constant(1) { RAX } else { RDX };
            Shape { clobbers: RegSet::of(&[RAX, RDX]), prefer: Some(result), ..PLAIN }
        }
        GuardType | GuardIs => Shape { operands: [Want::Register, Want::Any, Want::Any], ..PLAIN },
        IntValue => Shape { operands: REGISTERS, apart: 0b1, ..PLAIN },
        IntFromFloat => Shape { operands: REGISTERS, ..PLAIN },
        BoolObj | NewInt => Shape { operands: REGISTERS, ..PLAIN },
        FloatValue | LoadInt | LoadU32 | LoadI32 | LoadU8 | LoadFloat | LoadObj | LoadPtr | GuardClear
        | StoreInt | StoreI32 | StoreFloat | StoreObj => base,
        NewFloat if analysis.reuses[at].is_some() => {
            Shape { operands: [Want::Any, Want::Register, Want::Any], ..PLAIN }
        }
        StoreU8 | LoadObjAt => Shape { operands: REGISTERS, ..PLAIN },
        StoreObjAt => Shape { operands: [Want::Register, Want::Register, Want::Any], ..PLAIN },
        Incref | Decref | DecrefLeaf | DecrefGuard | DecrefDealloc => Shape { operands: REGISTERS, ..PLAIN },
        code if code.is_call() => {
            let returned = if code == CallFloat { x(0) } else { RAX };
            Shape { clobbers: CALLER_SAVED, prefer: Some(returned), ..PLAIN }
        }
        _ => PLAIN,
    }
}

/// Whether a value is a constant with which division is a shift.
fn is_power_of_two(trace: &Trace, val: traces::Val) -> bool {
    matches!(trace.const_of(val), Some(traces::Const::Int(divisor)) if divisor > 0 && divisor.count_ones() == 1)
}

/// Whether a value is a positive constant.
fn is_positive(trace: &Trace, val: traces::Val) -> bool {
    matches!(trace.const_of(val), Some(traces::Const::Int(divisor)) if divisor > 0)
}
