//! Algebraic identities that hold for every value, as data: `fold` applies them, `tools/prove-rules` reads the lines of the table and proves
//! each with Z3.
//!
//! `x` is any value. Where the op is commutative, a rule holds with exchanged operands as well. On floats they are bit-exact, for
//! infinities, -0.0 and subnormals too; a NaN stays a NaN with its payload (a signalling one can't arise in Python).
//!
//! ```text
//! [IntAnd(x, -1) is x]       [IntSub(x, x) is 0]
//! ```

use std::sync::LazyLock;
use traces::{Const, OpCode};

/// What a rule says of the second operand.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Second {
    /// It is this constant.
    Is(Const),
    /// It is the same value as the first.
    Same,
}

/// What the op amounts to.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Becomes {
    /// The first operand.
    First,
    /// This constant.
    Const(Const),
}

/// An identity.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Rule {
    /// The op.
    pub code: OpCode,
    /// Its second operand.
    pub second: Second,
    /// What it is.
    pub becomes: Becomes,
}

/// The constant that a literal stands for.
trait Literal {
    fn constant(self) -> Const;
}
impl Literal for i64 {
    fn constant(self) -> Const {
        Const::Int(self)
    }
}
impl Literal for f64 {
    fn constant(self) -> Const {
        Const::Float(self.to_bits())
    }
}
impl Literal for bool {
    fn constant(self) -> Const {
        Const::Bool(self)
    }
}

macro_rules! second {
    (x) => {
        Second::Same
    };
    ($literal:literal) => {
        Second::Is(Literal::constant($literal))
    };
}
macro_rules! becomes {
    (x) => {
        Becomes::First
    };
    ($literal:literal) => {
        Becomes::Const(Literal::constant($literal))
    };
}
macro_rules! rules {
    ($( [$code:ident(x, $($second:tt)+) is $($becomes:tt)+] )*) => {
        /// The rules, in table order.
        pub static RULES: LazyLock<Vec<Rule>> = LazyLock::new(|| {
            vec![ $( Rule {
                code: OpCode::$code,
                second: second!($($second)+),
                becomes: becomes!($($becomes)+),
            }, )* ]
        });
    };
}

rules! {
    [IntAdd(x, 0) is x]
    [IntAddOvf(x, 0) is x]
    [IntSub(x, 0) is x]
    [IntSubOvf(x, 0) is x]
    [IntOr(x, 0) is x]
    [IntXor(x, 0) is x]
    [IntShl(x, 0) is x]
    [IntShr(x, 0) is x]
    [IntMul(x, 1) is x]
    [IntMulOvf(x, 1) is x]
    [IntFloorDiv(x, 1) is x]
    [IntMul(x, 0) is 0]
    [IntMulOvf(x, 0) is 0]
    [IntAnd(x, 0) is 0]
    [IntAnd(x, -1) is x]
    [IntMod(x, 1) is 0]
    [FloatMul(x, 1.0) is x]
    [FloatDiv(x, 1.0) is x]
    [IntSub(x, x) is 0]
    [IntSubOvf(x, x) is 0]
    [IntXor(x, x) is 0]
    [IntAnd(x, x) is x]
    [IntOr(x, x) is x]
    [IntEq(x, x) is true]
    [IntLe(x, x) is true]
    [IntGe(x, x) is true]
    [AddressEq(x, x) is true]
    [IntNe(x, x) is false]
    [IntLt(x, x) is false]
    [IntGt(x, x) is false]
    [IntULt(x, x) is false]
    [BoolAnd(x, false) is false]
    [BoolAnd(x, true) is x]
}

/// The rule for an op whose operands are known as far as `a` and `b` say, and the operand that is `x` in it. `same`: both are the same value.
pub fn find(code: OpCode, a: Option<Const>, b: Option<Const>, same: bool) -> Option<(Becomes, usize)> {
    // A product is not commutative for two NaNs only, and no constant here is one.
    let commutative = code.row().commutative || code == OpCode::FloatMul;
    RULES.iter().filter(|rule| rule.code == code).find_map(|rule| match rule.second {
        Second::Same => same.then_some((rule.becomes, 0)),
        Second::Is(c) if b == Some(c) => Some((rule.becomes, 0)),
        Second::Is(c) if commutative && a == Some(c) => Some((rule.becomes, 1)),
        Second::Is(_) => None,
    })
}
