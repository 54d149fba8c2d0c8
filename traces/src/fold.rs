//! What the ops that need no memory compute: the one definition of integer, float and boolean arithmetic in traces.
//!
//! Called by the reference evaluator for every such op and by the optimizer to fold ops whose operands are constants. It
//! never reads memory, and it never guesses: operands for which an op is not defined give [`Folded::Undefined`].
//!
//! ```
//! use traces::{Const, OpCode, fold::{Folded, fold}};
//! let seven = fold(OpCode::IntFloorDiv, &[Const::Int(-13), Const::Int(2)]);
//! assert_eq!(seven, Folded::Value(Const::Int(-7)));
//! assert_eq!(fold(OpCode::IntAddOvf, &[Const::Int(i64::MAX), Const::Int(1)]), Folded::Leaves);
//! ```

use crate::op::OpCode;
use crate::trace::Const;

/// What an op does with given operands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Folded {
    /// It has this result (a guard with a result also goes on).
    Value(Const),
    /// A guard without a result: it goes on.
    Holds,
    /// A guard: it leaves.
    Leaves,
    /// The op is not defined for these operands; the recorder guards against them before. Says which condition is broken.
    Undefined(&'static str),
    /// The op needs more than its operands (memory, a call, control), or the operands are not of its types.
    NotFoldable,
}

/// Computes an op on constants. Floats are IEEE 754 binary64, rounded to nearest even; which NaN comes out is the
/// processor's choice.
pub fn fold(code: OpCode, operands: &[Const]) -> Folded {
    use Const::{Bool, Float, Int, Obj, Ptr};
    match *operands {
        [Int(a)] => int1(code, a),
        [Int(a), Int(b)] => int2(code, a, b),
        [Float(a)] => float1(code, f64::from_bits(a)),
        [Float(a), Float(b)] => float2(code, f64::from_bits(a), f64::from_bits(b)),
        [Bool(a)] => match code {
            OpCode::BoolNot => Folded::Value(Bool(!a)),
            OpCode::IntFromBool => Folded::Value(Int(a as i64)),
            OpCode::GuardTrue => guard(a),
            OpCode::GuardFalse => guard(!a),
            _ => Folded::NotFoldable,
        },
        [Bool(a), Bool(b)] if code == OpCode::BoolAnd => Folded::Value(Bool(a && b)),
        [Obj(a) | Ptr(a)] => match code {
            OpCode::GuardNull => guard(a == 0),
            OpCode::GuardNonNull => guard(a != 0),
            _ => Folded::NotFoldable,
        },
        [Obj(a) | Ptr(a), Obj(b) | Ptr(b)] => match code {
            OpCode::AddressEq => Folded::Value(Bool(a == b)),
            OpCode::GuardIs => guard(a == b),
            _ => Folded::NotFoldable,
        },
        _ => Folded::NotFoldable,
    }
}

fn guard(holds: bool) -> Folded {
    if holds { Folded::Holds } else { Folded::Leaves }
}

fn int(value: i64) -> Folded {
    Folded::Value(Const::Int(value))
}

fn truth(value: bool) -> Folded {
    Folded::Value(Const::Bool(value))
}

fn float(value: f64) -> Folded {
    Folded::Value(Const::Float(value.to_bits()))
}

fn int1(code: OpCode, a: i64) -> Folded {
    match code {
        OpCode::IntNeg => int(a.wrapping_neg()),
        OpCode::IntNot => int(!a),
        OpCode::FloatFromInt => float(a as f64),
        _ => Folded::NotFoldable,
    }
}

fn int2(code: OpCode, a: i64, b: i64) -> Folded {
    let checked = |result: Option<i64>| result.map_or(Folded::Leaves, int);
    match code {
        OpCode::IntAdd => int(a.wrapping_add(b)),
        OpCode::IntSub => int(a.wrapping_sub(b)),
        OpCode::IntMul => int(a.wrapping_mul(b)),
        OpCode::IntAddOvf => checked(a.checked_add(b)),
        OpCode::IntSubOvf => checked(a.checked_sub(b)),
        OpCode::IntMulOvf => checked(a.checked_mul(b)),
        OpCode::IntAnd => int(a & b),
        OpCode::IntOr => int(a | b),
        OpCode::IntXor => int(a ^ b),
        OpCode::IntShl | OpCode::IntShr if !(0..=63).contains(&b) => {
            Folded::Undefined("a shift count in 0..=63")
        }
        OpCode::IntShl => int(a << b),
        OpCode::IntShr => int(a >> b),
        OpCode::IntFloorDiv | OpCode::IntMod if b == 0 => Folded::Undefined("a divisor other than 0"),
        OpCode::IntFloorDiv | OpCode::IntMod if b == -1 && a == i64::MIN => {
            Folded::Undefined("a quotient that fits 64 bits")
        }
        // Rust truncates towards zero, Python rounds down: they differ when the division leaves a remainder
        // and the signs differ.
        OpCode::IntFloorDiv => int(a / b - (a % b != 0 && (a < 0) != (b < 0)) as i64),
        OpCode::IntMod => int(a % b + if a % b != 0 && (a < 0) != (b < 0) { b } else { 0 }),
        OpCode::IntEq => truth(a == b),
        OpCode::IntNe => truth(a != b),
        OpCode::IntLt => truth(a < b),
        OpCode::IntLe => truth(a <= b),
        OpCode::IntGt => truth(a > b),
        OpCode::IntGe => truth(a >= b),
        OpCode::IntULt => truth((a as u64) < b as u64),
        _ => Folded::NotFoldable,
    }
}

fn float1(code: OpCode, a: f64) -> Folded {
    match code {
        // On the bits, so that a NaN's sign too is flipped or cleared and its payload stays.
        OpCode::FloatNeg => Folded::Value(Const::Float(a.to_bits() ^ (1 << 63))),
        OpCode::FloatAbs => Folded::Value(Const::Float(a.to_bits() & !(1 << 63))),
        OpCode::FloatSqrt => float(a.sqrt()),
        // -2**63 is a double, 2**63 is the first one too large; a NaN is in no range.
        OpCode::IntFromFloat if (-(2f64.powi(63))..2f64.powi(63)).contains(&a) => int(a as i64),
        OpCode::IntFromFloat => Folded::Leaves,
        _ => Folded::NotFoldable,
    }
}

fn float2(code: OpCode, a: f64, b: f64) -> Folded {
    match code {
        OpCode::FloatAdd => float(a + b),
        OpCode::FloatSub => float(a - b),
        OpCode::FloatMul => float(a * b),
        OpCode::FloatDiv if b == 0.0 => Folded::Undefined("a divisor other than 0"),
        OpCode::FloatDiv => float(a / b),
        OpCode::FloatEq => truth(a == b),
        OpCode::FloatNe => truth(a != b),
        OpCode::FloatLt => truth(a < b),
        OpCode::FloatLe => truth(a <= b),
        OpCode::FloatGt => truth(a > b),
        OpCode::FloatGe => truth(a >= b),
        _ => Folded::NotFoldable,
    }
}
