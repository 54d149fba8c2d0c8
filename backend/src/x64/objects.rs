//! Lowering of memory, of the ops between objects and machine values, and of reference counts; slow paths.
//!
//! Called by `lower`. Slow paths are collected and placed behind the trace's code; they call thunks that preserve every
//! register, so that the fast path costs the register allocator nothing.

use traces::{Op, OpCode};

use super::assembler::{Cc, FLOAT_SCRATCH, Label, R, Rm, SCRATCH, Width};
use super::fixed::Slow;
use super::lower::{ColdPath, Lowering};
use crate::places::{Place, Reg};
use crate::regalloc::OpPlaces;

use Width::{B, D, Q};

/// What a slow path does.
#[derive(Clone, Copy, Debug)]
pub(super) enum Cold {
    /// Finishes `int_value`; the scratch register holds the size plus 1.
    IntValue { object: R, to: R, exit: Label },
    /// Makes an int object by a call.
    NewInt { value: Place, to: R },
    /// Makes a float object by a call.
    NewFloat { value: Place, to: R },
    /// Makes a float object by a call, and drops a reference to another, which has more.
    ReplaceFloat { value: Place, to: R, old: R },
    /// Frees an object whose count is zero.
    Dealloc { object: Place },
    /// Divides a negative value by a constant.
    DivideNegative { dividend: R, divisor: i64 },
    /// Divides 64-bit values.
    Divide { modulo: bool },
    /// Tells `i64::MIN` from what does not fit.
    Truncate { from: R, exit: Label },
}

impl Lowering<'_> {
    /// Ops that are neither control, guards without a result, nor calls.
    pub(super) fn value_op(&mut self, op: &Op, places: &OpPlaces, a: Place, b: Place, c: Place) {
        use OpCode::*;
        let to = match places.result {
            Place::Reg(reg) => reg.number(),
            _ => SCRATCH,
        };
        match op.code {
            IntAdd | IntSub | IntAnd | IntOr | IntXor => self.int_binary(op, to, a, b),
            IntMul => self.int_mul(to, a, b),
            IntAddOvf | IntSubOvf | IntMulOvf => self.int_overflow(op, to, a, b),
            IntNeg | IntNot => self.int_unary(op.code, to, a),
            IntShl | IntShr => self.int_shift(op.code, to, a, b),
            IntFloorDiv | IntMod => self.int_divide(op.code == IntMod, to, a, b),
            IntEq | IntNe | IntLt | IntLe | IntGt | IntGe | IntULt | FloatEq | FloatNe | FloatLt
            | FloatLe | FloatGt | FloatGe | AddressEq | BoolValue => {
                let flags = self.comparison(op.code, a, b);
                self.set(to, flags);
            }
            FloatAdd => self.float_binary(0x58, to, a, b),
            FloatMul => self.float_binary(0x59, to, a, b),
            FloatSub => self.float_binary(0x5c, to, a, b),
            FloatDiv => self.float_binary(0x5e, to, a, b),
            FloatNeg => self.float_mask(0x57, 1 << 63, to, a),
            FloatAbs => self.float_mask(0x54, !(1 << 63), to, a),
            FloatSqrt => self.float_sqrt(to, a),
            FloatFromInt => self.float_from_int(to, a),
            IntFromFloat => self.int_from_float(to, a),
            BoolNot => {
                self.load_reg(to, a);
                self.asm.op_imm8(D, &[0x83], 6, Rm::Reg(to), 1);
            }
            BoolAnd => {
                let (first, second) = if b == Place::Reg(Reg::general(to)) { (b, a) } else { (a, b) };
                self.load_reg(to, first);
                self.alu(0x23, 4, to, second);
            }
            IntValue => self.int_value(to, a),
            FloatValue => self.load_double(to, a, self.runtime.float_value_offset),
            NewInt => self.new_int(to, a),
            NewFloat if self.analysis.reuses[self.at].is_some() => self.replace_float(to, a, b),
            NewFloat => self.new_float(to, a),
            BoolObj => self.bool_obj(to, a),
            LoadInt | LoadObj | LoadPtr => self.load(Q, &[0x8b], to, a, op.imm),
            LoadU32 => self.load(D, &[0x8b], to, a, op.imm),
            LoadI32 => self.load(Q, &[0x63], to, a, op.imm),
            LoadU8 => self.load(D, &[0x0f, 0xb6], to, a, op.imm),
            LoadFloat => self.load_double(to, a, op.imm),
            AddressAt => {
                let sum = Op { code: IntAdd, ..*op };
                self.int_binary(&sum, to, a, b)
            }
            LoadObjAt => {
                let item = self.item(a, b, op.imm);
                self.asm.op(Q, &[0x8b], to, item);
            }
            StoreInt | StoreObj | StoreFloat => {
                let field = self.address(a, op.imm);
                self.store(field, b);
            }
            StoreObjAt => {
                let item = self.item(a, b, op.imm);
                self.store(item, c);
            }
            StoreI32 => {
                let field = self.address(a, op.imm);
                match (self.bits(b), b) {
                    (Some(bits), _) => self.asm.op_imm32(D, &[0xc7], 0, field, bits as i32),
                    (_, Place::Reg(value)) => self.asm.op(D, &[0x89], value.number(), field),
                    _ => {
                        let value = self.rm(b);
                        self.asm.sse(0xf3, D, 0x10, FLOAT_SCRATCH, value);
                        self.asm.sse(0xf3, D, 0x11, FLOAT_SCRATCH, field);
                    }
                }
            }
            StoreU8 => {
                let field = self.address(a, op.imm);
                match self.bits(b) {
                    Some(bits) => self.asm.op_imm8(B, &[0xc6], 0, field, bits as u8),
                    None => self.asm.op(B, &[0x88], Self::reg(b), field),
                }
            }
            Incref => {
                let count = self.address(a, self.runtime.refcnt_offset);
                self.asm.op(Q, &[0xff], 0, count);
            }
            Decref => self.decrement(a),
            DecrefLeaf | DecrefDealloc => {
                self.decrement(a);
                let (entry, back) = (self.asm.label(), self.asm.label());
                self.asm.jcc(Cc::E, entry);
                self.asm.bind(back);
                let floats = self.live_floats();
                self.later(ColdPath { entry, back, what: Cold::Dealloc { object: a }, floats });
            }
            DecrefGuard => {
                let exit = self.exit();
                self.decrement(a);
                self.asm.jcc(Cc::E, exit);
            }
            _ => unreachable!("{:?} is lowered elsewhere", op.code),
        }
    }

    // ---- memory

    fn load(&mut self, width: Width, opcode: &[u8], to: R, base: Place, disp: i32) {
        let field = self.address(base, disp);
        self.asm.op(width, opcode, to, field);
    }

    fn load_double(&mut self, to: R, base: Place, disp: i32) {
        let field = self.address(base, disp);
        self.asm.sse(0xf2, D, 0x10, to, field);
    }

    /// `[base + 8 * index + disp]`.
    fn item(&mut self, base: Place, index: Place, disp: i32) -> Rm {
        let constant = self.bits(index).and_then(|i| (i as i64).checked_mul(8)?.checked_add(disp as i64));
        if let Some(disp) = constant.and_then(|disp| i32::try_from(disp).ok()) {
            return self.address(base, disp);
        }
        match (base, index) {
            (Place::Reg(base), Place::Reg(index)) => {
                Rm::Index { base: base.number(), index: index.number(), scale: 3, disp }
            }
            (Place::Reg(base), _) => {
                let index = self.in_reg(index, SCRATCH);
                Rm::Index { base: base.number(), index, scale: 3, disp }
            }
            _ => {
                let base = self.in_reg(base, SCRATCH);
                Rm::Index { base, index: Self::reg(index), scale: 3, disp }
            }
        }
    }

    /// Stores 64 bits. The scratch register may be part of the address.
    fn store(&mut self, to: Rm, from: Place) {
        match from {
            Place::Reg(reg) if reg.is_float() => self.asm.sse(0xf2, D, 0x11, reg.number(), to),
            Place::Reg(reg) => self.asm.op(Q, &[0x89], reg.number(), to),
            _ => match self.imm32(from) {
                Some(imm) => self.asm.op_imm32(Q, &[0xc7], 0, to, imm),
                None => {
                    let from = self.rm(from);
                    self.asm.sse(0xf2, D, 0x10, FLOAT_SCRATCH, from);
                    self.asm.sse(0xf2, D, 0x11, FLOAT_SCRATCH, to);
                }
            },
        }
    }

    fn decrement(&mut self, object: Place) {
        let count = self.address(object, self.runtime.refcnt_offset);
        self.asm.op(Q, &[0xff], 1, count);
    }

    // ---- objects

    /// An int of at most one digit is its digit times its size.
    fn int_value(&mut self, to: R, object: Place) {
        let exit = self.exit();
        let floats = self.live_floats();
        let Place::Reg(reg) = object else {
            self.load_reg(SCRATCH, object);
            self.call_slow(Slow::IntValue, floats);
            self.asm.jcc(Cc::E, exit);
            return self.load_reg(to, Place::Scratch);
        };
        let object = reg.number();
        let (entry, back) = (self.asm.label(), self.asm.label());
        let field = |disp| Rm::Mem { base: object, disp };
        self.asm.op(Q, &[0x8b], SCRATCH, field(self.runtime.int_size_offset));
        self.asm.op(D, &[0x8b], to, field(self.runtime.int_digit_offset));
        self.asm.op(Q, &[0x0f, 0xaf], to, Rm::Reg(SCRATCH));
        self.asm.op(Q, &[0xff], 0, Rm::Reg(SCRATCH));
        self.asm.op_imm8(Q, &[0x83], 7, Rm::Reg(SCRATCH), 2);
        self.asm.jcc(Cc::A, entry);
        self.asm.bind(back);
        self.later(ColdPath { entry, back, what: Cold::IntValue { object, to, exit }, floats });
    }

    fn cold_int_value(&mut self, object: R, to: R, exit: Label, path: &ColdPath) {
        let field = |disp| Rm::Mem { base: object, disp };
        let digit = self.runtime.int_digit_offset;
        let (two, minus_two) = (self.asm.label(), self.asm.label());
        // The scratch register is the size plus 1.
        self.asm.op_imm8(Q, &[0x83], 7, Rm::Reg(SCRATCH), 3);
        self.asm.jcc(Cc::E, two);
        self.asm.op_imm8(Q, &[0x83], 7, Rm::Reg(SCRATCH), -1i8 as u8);
        self.asm.jcc(Cc::E, minus_two);
        self.asm.op(Q, &[0x8b], SCRATCH, Rm::Reg(object));
        self.call_slow(Slow::IntValue, path.floats);
        self.asm.jcc(Cc::E, exit);
        self.load_reg(to, Place::Scratch);
        self.asm.jmp(path.back);
        for (label, negative) in [(two, false), (minus_two, true)] {
            self.asm.bind(label);
            self.asm.op(D, &[0x8b], to, field(digit + 4));
            self.asm.op_imm8(Q, &[0xc1], 4, Rm::Reg(to), 30);
            self.asm.op(D, &[0x8b], SCRATCH, field(digit));
            self.asm.op(Q, &[0x0b], to, Rm::Reg(SCRATCH));
            if negative {
                self.asm.op(Q, &[0xf7], 3, Rm::Reg(to));
            }
            self.asm.jmp(path.back);
        }
    }

    /// A cached int's address is computed.
    fn new_int(&mut self, to: R, value: Place) {
        let r = self.runtime;
        if let Some(bits) = self.bits(value) {
            let index = (bits as i64).wrapping_sub(r.small_int_min);
            if (0..r.small_int_count).contains(&index) {
                let object = r.small_ints as i64 + index * r.small_int_size;
                self.asm.mov_imm(to, object as u64);
                self.asm.op(Q, &[0xff], 0, Rm::Mem { base: to, disp: r.refcnt_offset });
            } else {
                self.asm.mov_imm(SCRATCH, bits);
                self.call_slow(Slow::NewInt, self.live_floats());
                self.load_reg(to, Place::Scratch);
            }
            return;
        }
        let (entry, back) = (self.asm.label(), self.asm.label());
        let from = Self::reg(value);
        let (min, count) = (r.small_int_min as i32, r.small_int_count as i32);
        self.asm.op(Q, &[0x8d], SCRATCH, Rm::Mem { base: from, disp: -min });
        self.asm.op_imm32(Q, &[0x81], 7, Rm::Reg(SCRATCH), count);
        self.asm.jcc(Cc::Ae, entry);
        if r.small_int_size.count_ones() == 1 {
            self.asm.op_imm8(Q, &[0xc1], 4, Rm::Reg(SCRATCH), r.small_int_size.trailing_zeros() as u8);
        } else {
            self.asm.op_imm32(Q, &[0x69], SCRATCH, Rm::Reg(SCRATCH), r.small_int_size as i32);
        }
        match i32::try_from(r.small_ints) {
            Ok(disp) => self.asm.op(Q, &[0x8d], to, Rm::Mem { base: SCRATCH, disp }),
            Err(_) => {
                self.asm.mov_imm(to, r.small_ints as u64);
                self.asm.op(Q, &[0x03], to, Rm::Reg(SCRATCH));
            }
        }
        self.asm.op(Q, &[0xff], 0, Rm::Mem { base: to, disp: r.refcnt_offset });
        self.asm.bind(back);
        let floats = self.live_floats();
        self.later(ColdPath { entry, back, what: Cold::NewInt { value, to }, floats });
    }

    /// A float is taken from the runtime's free list.
    fn new_float(&mut self, to: R, value: Place) {
        let r = self.runtime;
        let floats = self.live_floats();
        let (entry, back) = (self.asm.label(), self.asm.label());
        let cold = ColdPath { entry, back, what: Cold::NewFloat { value, to }, floats };
        if r.float_free_list == 0 || r.float_free_count == 0 {
            // There is none: the slow path in place.
            self.asm.bind(entry);
            self.cold_path_body(&cold);
            self.asm.bind(back);
            return;
        }
        let head = self.absolute(r.float_free_list);
        self.asm.op(Q, &[0x8b], to, head);
        self.asm.op(Q, &[0x85], to, Rm::Reg(to));
        self.asm.jcc(Cc::E, entry);
        let link = Rm::Mem { base: to, disp: r.type_offset };
        if matches!(head, Rm::Abs(_) | Rm::Near(_)) {
            self.asm.op(Q, &[0x8b], SCRATCH, link);
            self.asm.op(Q, &[0x89], SCRATCH, head);
            let count = self.absolute(r.float_free_count);
            self.asm.op(D, &[0xff], 1, count);
        } else {
            self.asm.sse(0xf2, D, 0x10, FLOAT_SCRATCH, link);
            self.asm.sse(0xf2, D, 0x11, FLOAT_SCRATCH, head);
            let near = i32::try_from(r.float_free_count.wrapping_sub(r.float_free_list) as i64);
            let count = match near {
                Ok(disp) => Rm::Mem { base: SCRATCH, disp },
                Err(_) => self.absolute(r.float_free_count),
            };
            self.asm.op(D, &[0xff], 1, count);
        }
        self.asm.op_imm32(Q, &[0xc7], 0, Rm::Mem { base: to, disp: r.refcnt_offset }, 1);
        match i32::try_from(r.float_type) {
            Ok(imm) => self.asm.op_imm32(Q, &[0xc7], 0, link, imm),
            Err(_) => {
                self.asm.mov_imm(SCRATCH, r.float_type as u64);
                self.asm.op(Q, &[0x89], SCRATCH, link);
            }
        }
        self.store(Rm::Mem { base: to, disp: r.float_value_offset }, value);
        self.asm.bind(back);
        self.later(cold);
    }

    /// A new float that replaces one which dies here: it takes over its memory when nobody else has a reference.
    fn replace_float(&mut self, to: R, value: Place, old: Place) {
        let (entry, back) = (self.asm.label(), self.asm.label());
        let floats = self.live_floats();
        let old = Self::reg(old);
        let count = Rm::Mem { base: old, disp: self.runtime.refcnt_offset };
        self.asm.op_imm8(Q, &[0x83], 7, count, 1);
        self.asm.jcc(Cc::Ne, entry);
        self.store(Rm::Mem { base: old, disp: self.runtime.float_value_offset }, value);
        self.load_reg(to, Place::Reg(Reg::general(old)));
        self.asm.bind(back);
        self.later(ColdPath { entry, back, what: Cold::ReplaceFloat { value, to, old }, floats });
    }

    fn bool_obj(&mut self, to: R, value: Place) {
        let (yes, no) = (self.runtime.true_object as u64, self.runtime.false_object as u64);
        if let Some(bits) = self.bits(value) {
            return self.asm.mov_imm(to, if bits != 0 { yes } else { no });
        }
        let value = Self::reg(value);
        self.asm.op(D, &[0x85], value, Rm::Reg(value));
        self.asm.mov_imm_keep_flags(to, no);
        self.asm.mov_imm_keep_flags(SCRATCH, yes);
        self.asm.op(Q, &[0x0f, 0x45], to, Rm::Reg(SCRATCH));
    }

    // ---- slow paths

    /// One slow path; its entry is bound by the caller.
    pub(super) fn cold_path(&mut self, path: &ColdPath) {
        self.cold_path_body(path);
        use Cold::*;
        if matches!(path.what, NewInt { .. } | NewFloat { .. } | ReplaceFloat { .. } | Dealloc { .. }) {
            self.asm.jmp(path.back);
        }
    }

    fn cold_path_body(&mut self, path: &ColdPath) {
        match path.what {
            Cold::IntValue { object, to, exit } => self.cold_int_value(object, to, exit, path),
            Cold::NewInt { value, to } => {
                self.load_reg(SCRATCH, value);
                self.call_slow(Slow::NewInt, path.floats);
                self.load_reg(to, Place::Scratch);
            }
            Cold::NewFloat { value, to } => {
                self.load_float(FLOAT_SCRATCH, value);
                self.call_slow(Slow::NewFloat, path.floats);
                self.load_reg(to, Place::Scratch);
            }
            Cold::ReplaceFloat { value, to, old } => {
                self.asm.op(Q, &[0xff], 1, Rm::Mem { base: old, disp: self.runtime.refcnt_offset });
                self.load_float(FLOAT_SCRATCH, value);
                self.call_slow(Slow::NewFloat, path.floats);
                self.load_reg(to, Place::Scratch);
            }
            Cold::Dealloc { object } => {
                self.load_reg(SCRATCH, object);
                self.call_slow(Slow::Dealloc, path.floats);
            }
            Cold::Divide { modulo } => self.cold_divide(modulo, path.back),
            Cold::DivideNegative { dividend, divisor } => {
                self.cold_divide_negative(dividend, divisor, path.back)
            }
            Cold::Truncate { from, exit } => self.cold_truncate(from, exit, path.back),
        }
    }
}
