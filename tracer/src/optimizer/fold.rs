//! Folding: pure ops on constants, and the algebraic identities of `rules`.

use super::parts::{Off, Part};
use super::rules::{self, Becomes};
use traces::{Const, OpCode};

/// What an op amounts to.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Fold {
    /// This constant.
    Const(Const),
    /// Its first or second operand.
    Operand(usize),
    /// An overflow for certain.
    Overflow,
}

/// Python's floor division.
pub fn floor_div(a: i64, b: i64) -> i64 {
    let q = a.wrapping_div(b);
    if a.wrapping_rem(b) != 0 && (a < 0) != (b < 0) { q - 1 } else { q }
}

/// Python's modulo.
pub fn floor_mod(a: i64, b: i64) -> i64 {
    let r = a.wrapping_rem(b);
    if r != 0 && (r < 0) != (b < 0) { r + b } else { r }
}

/// Folds a pure op whose operands are known as far as `a` and `b` say. `same`: both operands are the same value.
pub fn fold(code: OpCode, a: Option<Const>, b: Option<Const>, same: bool) -> Option<Fold> {
    fold_without(code, a, b, same, Off::default())
}

/// As [`fold`], with parts of the optimizer left out.
pub fn fold_without(code: OpCode, a: Option<Const>, b: Option<Const>, same: bool, off: Off) -> Option<Fold> {
    if a.is_none() && b.is_none() && !same {
        return None;
    }
    let computed = if off.has(Part::Folding) { None } else { compute(code, a, b) };
    computed.or_else(|| {
        if off.has(Part::Identities) {
            return None;
        }
        Some(match rules::find(code, a, b, same)? {
            (Becomes::First, x) => Fold::Operand(x),
            (Becomes::Const(c), _) => Fold::Const(c),
        })
    })
}

/// The result on constants.
fn compute(code: OpCode, a: Option<Const>, b: Option<Const>) -> Option<Fold> {
    use Const::{Bool, Float, Int};
    use OpCode::*;
    let boolean = |v: bool| Some(Fold::Const(Bool(v)));
    let integer = |v: i64| Some(Fold::Const(Int(v)));
    let float = |v: f64| Some(Fold::Const(Float(v.to_bits())));
    let checked = |v: Option<i64>| Some(v.map_or(Fold::Overflow, |v| Fold::Const(Int(v))));
    match (code, a, b) {
        (IntAdd, Some(Int(a)), Some(Int(b))) => integer(a.wrapping_add(b)),
        (IntSub, Some(Int(a)), Some(Int(b))) => integer(a.wrapping_sub(b)),
        (IntMul, Some(Int(a)), Some(Int(b))) => integer(a.wrapping_mul(b)),
        (IntAddOvf, Some(Int(a)), Some(Int(b))) => checked(a.checked_add(b)),
        (IntSubOvf, Some(Int(a)), Some(Int(b))) => checked(a.checked_sub(b)),
        (IntMulOvf, Some(Int(a)), Some(Int(b))) => checked(a.checked_mul(b)),
        (IntAnd, Some(Int(a)), Some(Int(b))) => integer(a & b),
        (IntOr, Some(Int(a)), Some(Int(b))) => integer(a | b),
        (IntXor, Some(Int(a)), Some(Int(b))) => integer(a ^ b),
        (IntShl, Some(Int(a)), Some(Int(b))) if (0..64).contains(&b) => integer(a.wrapping_shl(b as u32)),
        (IntShr, Some(Int(a)), Some(Int(b))) if (0..64).contains(&b) => integer(a >> b),
        (IntFloorDiv, Some(Int(a)), Some(Int(b))) if b != 0 && !(b == -1 && a == i64::MIN) => {
            integer(floor_div(a, b))
        }
        (IntMod, Some(Int(a)), Some(Int(b))) if b != 0 && !(b == -1 && a == i64::MIN) => {
            integer(floor_mod(a, b))
        }
        (IntNeg, Some(Int(a)), _) => integer(a.wrapping_neg()),
        (IntNot, Some(Int(a)), _) => integer(!a),
        (IntEq, Some(Int(a)), Some(Int(b))) => boolean(a == b),
        (IntNe, Some(Int(a)), Some(Int(b))) => boolean(a != b),
        (IntLt, Some(Int(a)), Some(Int(b))) => boolean(a < b),
        (IntLe, Some(Int(a)), Some(Int(b))) => boolean(a <= b),
        (IntGt, Some(Int(a)), Some(Int(b))) => boolean(a > b),
        (IntGe, Some(Int(a)), Some(Int(b))) => boolean(a >= b),
        (IntULt, Some(Int(a)), Some(Int(b))) => boolean((a as u64) < b as u64),
        (IntFromBool, Some(Bool(a)), _) => integer(a as i64),
        (BoolNot, Some(Bool(a)), _) => boolean(!a),
        (BoolAnd, Some(Bool(a)), Some(Bool(b))) => boolean(a && b),
        (FloatFromInt, Some(Int(a)), _) => float(a as f64),
        (FloatAdd | FloatSub | FloatMul | FloatDiv, Some(Float(a)), Some(Float(b))) => {
            let (a, b) = (f64::from_bits(a), f64::from_bits(b));
            let r = match code {
                FloatAdd => a + b,
                FloatSub => a - b,
                FloatMul => a * b,
                _ => a / b,
            };
            // The sign and payload of a NaN result depend on the processor: leave it to it.
            if r.is_nan() { None } else { float(r) }
        }
        (FloatNeg, Some(Float(a)), _) => Some(Fold::Const(Float(a ^ (1 << 63)))),
        (FloatAbs, Some(Float(a)), _) => Some(Fold::Const(Float(a & !(1 << 63)))),
        (FloatEq | FloatNe | FloatLt | FloatLe | FloatGt | FloatGe, Some(Float(a)), Some(Float(b))) => {
            let (a, b) = (f64::from_bits(a), f64::from_bits(b));
            boolean(match code {
                FloatEq => a == b,
                FloatNe => a != b,
                FloatLt => a < b,
                FloatLe => a <= b,
                FloatGt => a > b,
                _ => a >= b,
            })
        }
        (AddressEq, Some(a), Some(b)) => boolean(a.bits() == b.bits()),
        _ => None,
    }
}
