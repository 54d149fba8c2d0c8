//! Lowering of integer and floating-point arithmetic and of comparisons.
//!
//! Called by `lower`. Integer operands may be anywhere (register, slot, constant); results are in registers. A
//! division by a constant becomes a multiplication by its reciprocal, with Python's rounding towards minus infinity.

use traces::{Op, OpCode};

use super::assembler::{Cc, FLOAT_SCRATCH, Label, Map, R, RAX, RCX, RDX, Rm, SCRATCH, Width};
use super::lower::{ColdPath, Flags, Lowering, Undo};
use super::objects::Cold;
use crate::places::{Place, Reg};

use Width::{D, Q};

/// `opcode reg, rm` and the extension of `81 /n imm32` of an instruction of the add family.
const ADD: (u8, u8) = (0x03, 0);
const OR: (u8, u8) = (0x0b, 1);
const AND: (u8, u8) = (0x23, 4);
const SUB: (u8, u8) = (0x2b, 5);
const XOR: (u8, u8) = (0x33, 6);
const CMP: (u8, u8) = (0x3b, 7);

const SHL: u8 = 4;
const SHR: u8 = 5;
const SAR: u8 = 7;

/// The multiplier and shift with which `(x * multiplier) >> 64 >> shift` is `x / divisor` for all `x` below 2^63.
///
/// With `2^shift < divisor <= 2^(shift+1)`, the multiplier is `floor(2^(64+shift) / divisor) + 1`; its excess over the
/// exact quotient is at most `divisor <= 2^(shift+1)`, small enough for 63-bit dividends (Granlund and Montgomery, 1994).
fn reciprocal(divisor: u64) -> (u64, u8) {
    let shift = 63 - (divisor - 1).leading_zeros();
    let multiplier = (1u128 << (64 + shift)) / divisor as u128 + 1;
    (multiplier as u64, shift as u8)
}

impl Lowering<'_> {
    /// `op reg, place` for the add family.
    pub(super) fn alu(&mut self, opcode: u8, extension: u8, reg: R, place: Place) {
        match self.imm32(place) {
            Some(imm) => self.alu_imm(extension, Rm::Reg(reg), imm),
            None => {
                let rm = self.rm(place);
                self.asm.op(Q, &[opcode], reg, rm);
            }
        }
    }

    fn alu_imm(&mut self, extension: u8, rm: Rm, imm: i32) {
        match i8::try_from(imm) {
            Ok(imm) => self.asm.op_imm8(Q, &[0x83], extension, rm, imm as u8),
            Err(_) => self.asm.op_imm32(Q, &[0x81], extension, rm, imm),
        }
    }

    fn shift_imm(&mut self, extension: u8, reg: R, count: u8) {
        if count != 0 {
            self.asm.op_imm8(Q, &[0xc1], extension, Rm::Reg(reg), count);
        }
    }

    fn lea(&mut self, to: R, from: Rm) {
        self.asm.op(Q, &[0x8d], to, from);
    }

    // ---- integers

    /// Commutative ops of the add family, and `int_sub` with its operands in order.
    pub(super) fn int_binary(&mut self, op: &Op, to: R, mut a: Place, mut b: Place) {
        if op.code.row().commutative && matches!(a, Place::Const(_)) {
            std::mem::swap(&mut a, &mut b);
        }
        let here = Place::Reg(Reg::general(to));
        let (opcode, extension) = match op.code {
            OpCode::IntAdd => ADD,
            OpCode::IntSub => SUB,
            OpCode::IntAnd => AND,
            OpCode::IntOr => OR,
            _ => XOR,
        };
        if let (OpCode::IntAdd | OpCode::IntSub, Place::Reg(base)) = (op.code, a)
            && a != here
        {
            let imm = self
                .imm32(b)
                .and_then(|imm| if op.code == OpCode::IntSub { imm.checked_neg() } else { Some(imm) });
            if let Some(disp) = imm {
                return self.lea(to, Rm::Mem { base: base.number(), disp });
            }
            if let (OpCode::IntAdd, Place::Reg(index)) = (op.code, b)
                && b != here
            {
                return self
                    .lea(to, Rm::Index { base: base.number(), index: index.number(), scale: 0, disp: 0 });
            }
        }
        if b == here && a != here {
            if op.code == OpCode::IntSub {
                // a - b = -b + a
                self.asm.op(Q, &[0xf7], 3, Rm::Reg(to));
                return self.alu(ADD.0, ADD.1, to, a);
            }
            return self.alu(opcode, extension, to, a);
        }
        self.load_reg(to, a);
        self.alu(opcode, extension, to, b);
    }

    /// Addition, subtraction and multiplication that leave on overflow. What the snapshot needs is intact at the exit:
    /// an addition in place is undone there, a multiplication goes through the scratch register.
    pub(super) fn int_overflow(&mut self, op: &Op, to: R, mut a: Place, mut b: Place) {
        let exit = self.exit();
        if op.code.row().commutative && (matches!(a, Place::Const(_)) || b == Place::Reg(Reg::general(to))) {
            std::mem::swap(&mut a, &mut b);
        }
        let here = Place::Reg(Reg::general(to));
        let needed = self.exit_reads(to);
        match op.code {
            OpCode::IntMulOvf => {
                let target = if needed { SCRATCH } else { to };
                self.multiply(target, a, b);
                self.asm.jcc(Cc::O, exit);
                self.load_reg(to, Place::Reg(Reg::general(target)));
            }
            OpCode::IntSubOvf if b == here && a != here => {
                self.load_reg(SCRATCH, a);
                self.alu(SUB.0, SUB.1, SCRATCH, b);
                self.asm.jcc(Cc::O, exit);
                self.load_reg(to, Place::Scratch);
            }
            code => {
                let (alu, undo) = match code {
                    OpCode::IntSubOvf => (SUB, Undo::Add(to, b)),
                    _ if a == b => (ADD, Undo::Halve(to)),
                    _ => (ADD, Undo::Sub(to, b)),
                };
                if a == here && needed {
                    self.exit_undoes(undo);
                }
                self.load_reg(to, a);
                self.alu(alu.0, alu.1, to, b);
                self.asm.jcc(Cc::O, exit);
            }
        }
    }

    /// `imul`, which sets the overflow flag.
    fn multiply(&mut self, to: R, a: Place, b: Place) {
        let here = Place::Reg(Reg::general(to));
        if let Some(imm) = self.imm32(b) {
            let a = self.rm(a);
            match i8::try_from(imm) {
                Ok(imm) => self.asm.op_imm8(Q, &[0x6b], to, a, imm as u8),
                Err(_) => self.asm.op_imm32(Q, &[0x69], to, a, imm),
            }
            return;
        }
        let (a, b) = if b == here { (b, a) } else { (a, b) };
        self.load_reg(to, a);
        let b = self.rm(b);
        self.asm.op(Q, &[0x0f, 0xaf], to, b);
    }

    /// Wrapping multiplication: by small constants with shifts and `lea`.
    pub(super) fn int_mul(&mut self, to: R, mut a: Place, mut b: Place) {
        if matches!(a, Place::Const(_)) {
            std::mem::swap(&mut a, &mut b);
        }
        let Some(factor) = self.bits(b).map(|bits| bits as i64) else { return self.multiply(to, a, b) };
        match factor {
            0 => self.asm.mov_imm(to, 0),
            1 => self.load_reg(to, a),
            -1 => self.int_unary(OpCode::IntNeg, to, a),
            3 | 5 | 9 => {
                let base = self.in_reg(a, SCRATCH);
                let scale = (factor - 1).trailing_zeros() as u8;
                self.lea(to, Rm::Index { base, index: base, scale, disp: 0 });
            }
            _ if factor.count_ones() == 1 => {
                self.load_reg(to, a);
                self.shift_imm(SHL, to, factor.trailing_zeros() as u8);
            }
            _ => self.multiply(to, a, b),
        }
    }

    pub(super) fn int_unary(&mut self, code: OpCode, to: R, a: Place) {
        self.load_reg(to, a);
        self.asm.op(Q, &[0xf7], if code == OpCode::IntNeg { 3 } else { 2 }, Rm::Reg(to));
    }

    pub(super) fn int_shift(&mut self, code: OpCode, to: R, a: Place, count: Place) {
        let extension = if code == OpCode::IntShl { SHL } else { SAR };
        if let Some(bits) = self.bits(count) {
            self.load_reg(to, a);
            return self.shift_imm(extension, to, bits as u8 & 63);
        }
        if self.bmi2 {
            let a = match a {
                Place::Const(_) => {
                    self.load_reg(to, a);
                    Rm::Reg(to)
                }
                _ => self.rm(a),
            };
            let prefix = if code == OpCode::IntShl { 0x66 } else { 0xf3 };
            return self.asm.vex(prefix, Map::Wide0F38, 0xf7, to, Self::reg(count), a);
        }
        // The result is neither rcx nor the count's register.
        self.load_reg(to, a);
        self.load_reg(RCX, count);
        self.asm.op(Q, &[0xd3], extension, Rm::Reg(to));
    }

    /// Floor division and modulo; `rax` (where it is used) and `rdx` are free.
    pub(super) fn int_divide(&mut self, modulo: bool, to: R, a: Place, b: Place) {
        let constant = self.bits(b).map(|bits| bits as i64);
        match constant {
            Some(divisor) if divisor > 0 && divisor.count_ones() == 1 => {
                let mask = divisor - 1;
                self.load_reg(to, a);
                if !modulo {
                    self.shift_imm(SAR, to, divisor.trailing_zeros() as u8);
                } else if let Ok(imm) = i32::try_from(mask) {
                    self.alu_imm(AND.1, Rm::Reg(to), imm);
                } else {
                    let mask = self.asm.literal(mask as u64);
                    self.asm.op(Q, &[AND.0], to, mask);
                }
            }
            Some(divisor) if divisor > 0 => self.divide_by_constant(modulo, to, a, divisor),
            _ => {
                // b first: it may be in rax.
                self.load_reg(SCRATCH, b);
                self.load_reg(RAX, a);
                // Two values that are 32 bits wide and not negative divide much faster.
                let (entry, back) = (self.asm.label(), self.asm.label());
                self.asm.op(Q, &[0x8b], RDX, Rm::Reg(RAX));
                self.asm.op(Q, &[OR.0], RDX, Rm::Reg(SCRATCH));
                self.shift_imm(SHR, RDX, 32);
                self.asm.jcc(Cc::Ne, entry);
                // rdx is zero here.
                self.asm.op(D, &[0xf7], 6, Rm::Reg(SCRATCH));
                self.asm.bind(back);
                let result = if modulo { RDX } else { RAX };
                self.load_reg(to, Place::Reg(Reg::general(result)));
                self.later(ColdPath { entry, back, what: Cold::Divide { modulo }, floats: 0 });
            }
        }
    }

    /// The slow path of a division: `rax` by `r11`, rounded down.
    pub(super) fn cold_divide(&mut self, modulo: bool, back: Label) {
        self.asm.cqo();
        self.asm.op(Q, &[0xf7], 7, Rm::Reg(SCRATCH));
        self.asm.op(Q, &[0x85], RDX, Rm::Reg(RDX));
        self.asm.jcc(Cc::E, back);
        if modulo {
            // The remainder has the dividend's sign; Python's has the divisor's.
            self.asm.op(Q, &[0x8b], RAX, Rm::Reg(RDX));
            self.asm.op(Q, &[XOR.0], RAX, Rm::Reg(SCRATCH));
            self.asm.jcc(Cc::Ns, back);
            self.asm.op(Q, &[ADD.0], RDX, Rm::Reg(SCRATCH));
        } else {
            self.asm.op(Q, &[XOR.0], RDX, Rm::Reg(SCRATCH));
            self.asm.jcc(Cc::Ns, back);
            self.asm.op(Q, &[0xff], 1, Rm::Reg(RAX));
        }
        self.asm.jmp(back);
    }

    /// Division by a positive constant that is no power of two: a multiplication by its reciprocal. Negative dividends are
    /// rare and go the slow way.
    fn divide_by_constant(&mut self, modulo: bool, to: R, a: Place, divisor: i64) {
        let (multiplier, shift) = reciprocal(divisor as u64);
        let in_rdx = a == Place::Reg(Reg::general(RDX));
        let dividend = match a {
            Place::Reg(reg) if self.bmi2 && !in_rdx => reg.number(),
            _ => {
                self.load_reg(SCRATCH, a);
                SCRATCH
            }
        };
        let (entry, back) = (self.asm.label(), self.asm.label());
        self.asm.op(Q, &[0x85], dividend, Rm::Reg(dividend));
        self.asm.jcc(Cc::S, entry);
        self.asm.mov_imm(RDX, multiplier);
        if self.bmi2 {
            // mulx: the upper half replaces the multiplier in rdx.
            self.asm.vex(0xf2, Map::Wide0F38, 0xf6, RDX, RDX, Rm::Reg(dividend));
        } else {
            self.load_reg(RAX, Place::Reg(Reg::general(dividend)));
            self.asm.op(Q, &[0xf7], 4, Rm::Reg(RDX));
        }
        self.shift_imm(SHR, RDX, shift);
        self.asm.bind(back);
        self.later(ColdPath { entry, back, what: Cold::DivideNegative { dividend, divisor }, floats: 0 });
        if !modulo {
            return self.load_reg(to, Place::Reg(Reg::general(RDX)));
        }
        match i32::try_from(divisor) {
            Ok(imm) => self.asm.op_imm32(Q, &[0x69], RDX, Rm::Reg(RDX), imm),
            Err(_) => {
                let divisor = self.asm.literal(divisor as u64);
                self.asm.op(Q, &[0x0f, 0xaf], RDX, divisor);
            }
        }
        if to == RDX {
            self.asm.op(Q, &[0xf7], 3, Rm::Reg(RDX));
            self.asm.op(Q, &[ADD.0], RDX, Rm::Reg(dividend));
        } else {
            self.load_reg(to, Place::Reg(Reg::general(dividend)));
            self.asm.op(Q, &[SUB.0], to, Rm::Reg(RDX));
        }
    }

    /// For a negative dividend, `floor(a / c)` is `!(!a / c)`.
    pub(super) fn cold_divide_negative(&mut self, dividend: R, divisor: i64, back: Label) {
        let (multiplier, shift) = reciprocal(divisor as u64);
        let multiplier = self.asm.literal(multiplier);
        if self.bmi2 {
            self.asm.op(Q, &[0x8b], RDX, Rm::Reg(dividend));
            self.asm.op(Q, &[0xf7], 2, Rm::Reg(RDX));
            self.asm.vex(0xf2, Map::Wide0F38, 0xf6, RDX, RDX, multiplier);
        } else {
            self.asm.op(Q, &[0x8b], RAX, Rm::Reg(dividend));
            self.asm.op(Q, &[0xf7], 2, Rm::Reg(RAX));
            self.asm.op(Q, &[0xf7], 4, multiplier);
        }
        self.shift_imm(SHR, RDX, shift);
        self.asm.op(Q, &[0xf7], 2, Rm::Reg(RDX));
        self.asm.jmp(back);
    }

    // ---- comparisons

    /// Compares two general values; `cc` as for `a ? b`.
    pub(super) fn compare(&mut self, a: Place, b: Place, cc: Cc) -> Flags {
        if matches!(a, Place::Const(_)) && !matches!(b, Place::Const(_)) {
            return self.compare(b, a, cc.swapped());
        }
        match (self.imm32(b), a, b) {
            // Narrow fields are only compared with constants.
            (Some(imm), Place::Field { width: 1, .. }, _) => {
                let a = self.rm(a);
                self.asm.op_imm8(Width::B, &[0x80], CMP.1, a, imm as u8);
            }
            (Some(imm), Place::Field { width: 4, .. }, _) => {
                let a = self.rm(a);
                match i8::try_from(imm) {
                    Ok(imm) => self.asm.op_imm8(D, &[0x83], CMP.1, a, imm as u8),
                    Err(_) => self.asm.op_imm32(D, &[0x81], CMP.1, a, imm),
                }
            }
            (Some(0), Place::Reg(_), _) => return self.compare_zero(a, cc),
            (Some(imm), _, _) => {
                let a = self.rm(a);
                self.alu_imm(CMP.1, a, imm);
            }
            (None, Place::Slot(_) | Place::Field { .. }, Place::Reg(b)) => {
                let a = self.rm(a);
                self.asm.op(Q, &[0x39], b.number(), a);
            }
            _ => {
                let a = self.in_reg(a, SCRATCH);
                self.alu(CMP.0, CMP.1, a, b);
            }
        }
        Flags::One(cc)
    }

    pub(super) fn compare_zero(&mut self, a: Place, cc: Cc) -> Flags {
        match a {
            Place::Slot(_) => {
                let a = self.rm(a);
                self.alu_imm(CMP.1, a, 0);
            }
            _ => {
                let a = self.in_reg(a, SCRATCH);
                self.asm.op(Q, &[0x85], a, Rm::Reg(a));
            }
        }
        Flags::One(cc)
    }

    /// Compares two doubles. Unordered operands set the carry, zero and parity flags, so that with the operands
    /// in the right order "above" is false for them.
    fn compare_floats(&mut self, code: OpCode, a: Place, b: Place) -> Flags {
        use OpCode::*;
        let (first, second) = if matches!(code, FloatLt | FloatLe) { (b, a) } else { (a, b) };
        let first = self.in_float(first);
        let second = self.rm(second);
        if self.avx {
            self.asm.vex(0x66, Map::Of, 0x2e, first, 0, second);
        } else {
            self.asm.sse(0x66, D, 0x2e, first, second);
        }
        match code {
            FloatEq => Flags::And(Cc::E, Cc::Np),
            FloatNe => Flags::Or(Cc::Ne, Cc::P),
            FloatLt | FloatGt => Flags::One(Cc::A),
            _ => Flags::One(Cc::Ae),
        }
    }

    /// Sets the flags by a comparison.
    pub(super) fn comparison(&mut self, code: OpCode, a: Place, b: Place) -> Flags {
        use OpCode::*;
        let cc = match code {
            IntEq | AddressEq => Cc::E,
            IntNe => Cc::Ne,
            IntLt => Cc::L,
            IntLe => Cc::Le,
            IntGt => Cc::G,
            IntGe => Cc::Ge,
            IntULt => Cc::B,
            BoolValue => return self.is_object(a, self.runtime.true_object),
            _ => return self.compare_floats(code, a, b),
        };
        self.compare(a, b, cc)
    }

    /// Whether a value is this object.
    fn is_object(&mut self, a: Place, object: usize) -> Flags {
        let a = self.in_reg(a, SCRATCH);
        match i32::try_from(object) {
            Ok(imm) => self.alu_imm(CMP.1, Rm::Reg(a), imm),
            Err(_) => {
                let object = self.asm.literal(object as u64);
                self.asm.op(Q, &[CMP.0], a, object);
            }
        }
        Flags::One(Cc::E)
    }

    /// Makes a boolean of the flags.
    pub(super) fn set(&mut self, to: R, flags: Flags) {
        let set = |this: &mut Self, cc: Cc, reg: R| {
            this.asm.op(Width::B, &[0x0f, 0x90 | cc as u8], 0, Rm::Reg(reg))
        };
        match flags {
            Flags::One(cc) => set(self, cc, to),
            Flags::And(a, b) | Flags::Or(a, b) => {
                set(self, a, SCRATCH);
                set(self, b, to);
                let opcode = if matches!(flags, Flags::And(..)) { 0x22 } else { 0x0a };
                self.asm.op(Width::B, &[opcode], to, Rm::Reg(SCRATCH));
            }
        }
        self.asm.op(Width::B, &[0x0f, 0xb6], to, Rm::Reg(to));
    }

    // ---- floats

    /// A floating-point instruction of two operands; `opcode` after `F2 0F`. Of two NaNs it gives the first, so none is commutative.
    pub(super) fn float_binary(&mut self, opcode: u8, to: R, a: Place, b: Place) {
        let here = Place::Reg(Reg::float(to));
        if self.avx {
            let (first, second) = (self.in_float(a), self.rm(b));
            return self.asm.vex(0xf2, Map::Of, opcode, to, first, second);
        }
        let target = if b == here && a != here { FLOAT_SCRATCH } else { to };
        self.load_float(target, a);
        let second = self.rm(b);
        self.asm.sse(0xf2, D, opcode, target, second);
        if target != to {
            self.load_float(to, Place::Reg(Reg::float(target)));
        }
    }

    /// `xorpd` (57) or `andpd` (54) with a mask.
    pub(super) fn float_mask(&mut self, opcode: u8, mask: u64, to: R, a: Place) {
        let a = match a {
            Place::Reg(reg) => reg.number(),
            _ => {
                self.load_float(to, a);
                to
            }
        };
        let mask = self.asm.literal(mask);
        self.asm.sse(0xf2, D, 0x10, FLOAT_SCRATCH, mask);
        if self.avx {
            return self.asm.vex(0x66, Map::Of, opcode, to, a, Rm::Reg(FLOAT_SCRATCH));
        }
        self.load_float(to, Place::Reg(Reg::float(a)));
        self.asm.sse(0x66, D, opcode, to, Rm::Reg(FLOAT_SCRATCH));
    }

    pub(super) fn float_sqrt(&mut self, to: R, a: Place) {
        let a = self.in_float(a);
        if self.avx {
            return self.asm.vex(0xf2, Map::Of, 0x51, to, a, Rm::Reg(a));
        }
        self.asm.sse(0xf2, D, 0x51, to, Rm::Reg(a));
    }

    pub(super) fn float_from_int(&mut self, to: R, a: Place) {
        // The conversion leaves the upper half: without this it would wait for the register's old value.
        self.zero_float(to);
        let a = self.rm(a);
        self.asm.sse(0xf2, Q, 0x2a, to, a);
    }

    pub(super) fn int_from_float(&mut self, to: R, a: Place) {
        let exit = self.exit();
        let (entry, back) = (self.asm.label(), self.asm.label());
        let a = self.in_float(a);
        self.asm.sse(0xf2, Q, 0x2c, to, Rm::Reg(a));
        // What does not fit gives i64::MIN, the only value from which subtracting 1 overflows.
        self.alu_imm(CMP.1, Rm::Reg(to), 1);
        self.asm.jcc(Cc::O, entry);
        self.asm.bind(back);
        self.later(ColdPath { entry, back, what: Cold::Truncate { from: a, exit }, floats: 0 });
    }

    /// The result was `i64::MIN`: right when the double is just that.
    pub(super) fn cold_truncate(&mut self, from: R, exit: Label, back: Label) {
        let minimum = self.asm.literal((i64::MIN as f64).to_bits());
        self.asm.sse(0x66, D, 0x2e, from, minimum);
        self.asm.jcc(Cc::Ne, exit);
        self.asm.jcc(Cc::P, exit);
        self.asm.jmp(back);
    }
}

#[cfg(test)]
mod tests {
    use super::reciprocal;

    #[test]
    fn a_reciprocal_divides_every_dividend_of_63_bits() {
        let divisors = [
            3,
            5,
            6,
            7,
            9,
            10,
            11,
            13,
            97,
            100,
            641,
            1000,
            65537,
            (1 << 31) - 1,
            (1 << 62) + 1,
            i64::MAX as u64,
        ];
        for divisor in divisors {
            let (multiplier, shift) = reciprocal(divisor);
            let max = i64::MAX as u64;
            let near = [
                0,
                1,
                divisor - 1,
                divisor,
                divisor + 1,
                2 * divisor - 1,
                max / divisor * divisor,
                max - 1,
                max,
            ];
            for x in near.into_iter().flat_map(|x| [x, x.saturating_sub(1)]).filter(|&x| x <= max) {
                let quotient = (((x as u128 * multiplier as u128) >> 64) as u64) >> shift;
                assert_eq!(quotient, x / divisor, "{x} / {divisor}");
            }
        }
    }
}
