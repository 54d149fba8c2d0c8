//! The optimizer's folding agrees with what ops are defined to compute, on edge values of every op.

use tracer::optimizer::fold::{Fold, fold};
use traces::fold::Folded;
use traces::op::{self, Operand};
use traces::{Const, Effect, OpCode, Type};

const INTS: [i64; 21] = [
    0,
    1,
    -1,
    2,
    -2,
    3,
    7,
    -7,
    63,
    64,
    65,
    255,
    1 << 30,
    -(1 << 30),
    1 << 53,
    (1 << 53) + 1,
    1 << 62,
    i64::MAX,
    i64::MAX - 1,
    i64::MIN,
    i64::MIN + 1,
];
const FLOATS: [f64; 17] = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    0.1,
    1.5,
    -2.5,
    1e300,
    -1e300,
    5e-324,
    f64::MIN_POSITIVE,
    f64::MAX,
    f64::INFINITY,
    f64::NEG_INFINITY,
    f64::NAN,
    9007199254740992.0,
];

fn values(operand: Operand) -> Vec<Const> {
    match operand {
        Operand::Is(Type::Int) => INTS.map(Const::Int).to_vec(),
        Operand::Is(Type::Float) => FLOATS.map(|x| Const::Float(x.to_bits())).to_vec(),
        Operand::Is(Type::Bool) => vec![Const::Bool(false), Const::Bool(true)],
        _ => vec![Const::Obj(0), Const::Obj(0x1000), Const::Obj(0x2000), Const::Ptr(0x1000)],
    }
}

/// All pure ops that compute something, with all tuples of edge values.
fn for_each_case(mut check: impl FnMut(OpCode, &[Const])) {
    for &code in op::ALL {
        let row = code.row();
        if row.effect != Effect::Pure
            || row.result.is_none_or(|ty| ty == Type::Void)
            || row.operands.is_empty()
        {
            continue;
        }
        let first = values(row.operands[0]);
        match row.operands.get(1) {
            None => first.iter().for_each(|&a| check(code, &[a])),
            Some(&second) => {
                for &a in &first {
                    values(second).iter().for_each(|&b| check(code, &[a, b]));
                }
            }
        }
    }
}

fn nan(c: Const) -> bool {
    matches!(c, Const::Float(bits) if f64::from_bits(bits).is_nan())
}

/// Where an op is undefined, the guard that the recorder puts before it has left.
fn agrees(folded: Fold, operands: &[Const], defined: Folded) -> bool {
    match (folded, defined) {
        (_, Folded::Undefined(_)) => true,
        (Fold::Const(c), Folded::Value(value)) => c == value,
        (Fold::Operand(n), Folded::Value(value)) => operands[n] == value || nan(operands[n]) && nan(value),
        (Fold::Overflow, Folded::Leaves) => true,
        _ => false,
    }
}

#[test]
fn folded_constants_are_what_ops_compute() {
    let mut folded = 0;
    for_each_case(|code, operands| {
        let same = operands.len() == 2 && operands[0] == operands[1] && !nan(operands[0]);
        if let Some(result) = fold(code, Some(operands[0]), operands.get(1).copied(), same) {
            folded += 1;
            let defined = traces::fold::fold(code, operands);
            assert!(
                agrees(result, operands, defined),
                "{code:?} {operands:?}: {result:?}, defined as {defined:?}"
            );
        }
    });
    assert!(folded > 8000, "{folded}");
}

/// Identities must hold for every value of the unknown operand.
#[test]
fn identities_hold_for_every_value() {
    let mut used = 0;
    for_each_case(|code, operands| {
        let &[a, b] = operands else { return };
        for (known_a, known_b) in [(Some(a), None), (None, Some(b)), (None, None)] {
            let same = known_a.is_none() && known_b.is_none();
            if same && a != b {
                continue;
            }
            if let Some(result) = fold(code, known_a, known_b, same) {
                used += 1;
                let defined = traces::fold::fold(code, operands);
                assert!(
                    agrees(result, operands, defined),
                    "{code:?} {operands:?}: {result:?}, defined as {defined:?}"
                );
            }
        }
    });
    assert!(used > 500, "{used}");
}
