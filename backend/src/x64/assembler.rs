//! Encodes x86-64 instructions whose operands are known only at run time.
//!
//! Used by the lowering of ops. Fixed pieces of code (trampoline, exits, thunks) are written with dynasm; here operands
//! may be a register, a spill slot, an object's field or a literal, each with the shortest displacement, which
//! dynasm's macros can't choose at run time. The code is position independent except for calls and jumps out of it, which are
//! recorded and completed when its address is known.
//!
//! ```text
//! asm.op(Width::Q, &[0x03], dst, Rm::Mem { base: RSP, disp: 16 });     // add dst, [rsp + 16]
//! asm.jcc(Cc::O, exit);                                              // jo exit
//! ```

use dynasmrt::{AssemblyOffset, DynasmApi};

/// Number of a general or floating-point register.
pub type R = u8;

pub const RAX: R = 0;
pub const RCX: R = 1;
pub const RDX: R = 2;
pub const RSP: R = 4;
/// The general register that is never allocated.
pub const SCRATCH: R = 11;
/// The floating-point register that is never allocated.
pub const FLOAT_SCRATCH: R = 15;

/// An operand that is a register or in memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rm {
    /// A register.
    Reg(R),
    /// `[base + disp]`.
    Mem { base: R, disp: i32 },
    /// `[base + 8 * index + disp]`.
    Index { base: R, index: R, scale: u8, disp: i32 },
    /// `[disp]`: an address below 2 GiB.
    Abs(i32),
    /// An address within reach of the code.
    Near(usize),
    /// A literal of the code.
    Literal(u32),
}

/// Condition codes as instructions have them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Cc {
    O = 0,
    B = 2,
    Ae = 3,
    E = 4,
    Ne = 5,
    Be = 6,
    A = 7,
    S = 8,
    Ns = 9,
    P = 10,
    Np = 11,
    L = 12,
    Ge = 13,
    Le = 14,
    G = 15,
    No = 1,
}

impl Cc {
    /// The opposite condition.
    pub fn not(self) -> Cc {
        Cc::from_number(self as u8 ^ 1)
    }
    /// The condition when the compared operands are exchanged.
    pub fn swapped(self) -> Cc {
        match self {
            Cc::L => Cc::G,
            Cc::G => Cc::L,
            Cc::Le => Cc::Ge,
            Cc::Ge => Cc::Le,
            Cc::B => Cc::A,
            Cc::A => Cc::B,
            Cc::Be => Cc::Ae,
            Cc::Ae => Cc::Be,
            other => other,
        }
    }
    fn from_number(n: u8) -> Cc {
        use Cc::*;
        [O, No, B, Ae, E, Ne, Be, A, S, Ns, P, Np, L, Ge, Le, G][n as usize]
    }
}

/// Operand width of general instructions.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Width {
    /// 8 bits: registers 4 to 7 are the low bytes of rsp, rbp, rsi, rdi.
    B,
    /// 32 bits.
    D,
    /// 64 bits.
    Q,
}

/// The opcode maps of VEX instructions.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Map {
    /// `0F`, floating-point instructions.
    Of = 1,
    /// `0F38` with 64-bit operands (BMI2).
    Wide0F38 = 2,
}

/// A place in the code that may be defined later.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Label(u32);

/// A 32-bit displacement to an address outside, to be filled in once the code's own address is known.
#[derive(Clone, Copy, Debug)]
struct External {
    /// Offset of the displacement.
    at: u32,
    /// Offset of the next instruction, from which it counts.
    next: u32,
    /// What it has to reach.
    target: usize,
}

/// A buffer of code with labels and literals.
#[derive(Debug, Default)]
pub struct Assembler {
    bytes: Vec<u8>,
    labels: Vec<u32>,
    /// (offset of a 32-bit displacement, label).
    jumps: Vec<(u32, Label)>,
    /// Number of short jumps.
    shorts: usize,
    literals: Vec<u64>,
    /// (offset of a displacement, offset of the next instruction, literal).
    literal_uses: Vec<(u32, u32, u32)>,
    /// What is to be completed.
    externals: Vec<External>,
}

impl Extend<u8> for Assembler {
    fn extend<T: IntoIterator<Item = u8>>(&mut self, iter: T) {
        self.bytes.extend(iter)
    }
}
impl<'a> Extend<&'a u8> for Assembler {
    fn extend<T: IntoIterator<Item = &'a u8>>(&mut self, iter: T) {
        self.bytes.extend(iter)
    }
}
/// So that instructions without such operands can be written with dynasm here too.
impl DynasmApi for Assembler {
    fn offset(&self) -> AssemblyOffset {
        AssemblyOffset(self.bytes.len())
    }
    fn push(&mut self, byte: u8) {
        self.bytes.push(byte)
    }
    fn align(&mut self, alignment: usize, with: u8) {
        self.bytes.resize(self.bytes.len().next_multiple_of(alignment), with)
    }
}

const UNDEFINED: u32 = u32::MAX;

impl Assembler {
    /// An empty buffer with room for the code of a trace with so many ops, guards among them.
    pub fn with_room(ops: usize, guards: usize) -> Assembler {
        Assembler {
            bytes: Vec::with_capacity(10 * ops + 16 * guards),
            labels: Vec::with_capacity(2 * guards),
            jumps: Vec::with_capacity(2 * guards),
            externals: Vec::with_capacity(2 * guards),
            ..Assembler::default()
        }
    }

    /// Bytes so far.
    pub fn here(&self) -> usize {
        self.bytes.len()
    }

    /// A label to be defined later.
    pub fn label(&mut self) -> Label {
        self.labels.push(UNDEFINED);
        Label(self.labels.len() as u32 - 1)
    }
    /// Defines a label here.
    pub fn bind(&mut self, label: Label) {
        self.labels[label.0 as usize] = self.bytes.len() as u32;
    }

    /// A 64-bit literal as an operand; equal ones are shared.
    pub fn literal(&mut self, bits: u64) -> Rm {
        let found = self.literals.iter().position(|&l| l == bits);
        Rm::Literal(found.unwrap_or_else(|| {
            self.literals.push(bits);
            self.literals.len() - 1
        }) as u32)
    }

    /// Places the literals, completes jumps and literal references. The code's bytes.
    pub fn finish(&mut self) -> &mut [u8] {
        if !self.literals.is_empty() {
            self.align(8, 0xcc);
        }
        let start = self.bytes.len() as u32;
        for literal in &self.literals {
            self.bytes.extend_from_slice(&literal.to_le_bytes());
        }
        let mut set = |at: u32, value: u32| {
            self.bytes[at as usize..at as usize + 4].copy_from_slice(&value.to_le_bytes());
        };
        for &(at, label) in &self.jumps {
            let target = self.labels[label.0 as usize];
            debug_assert_ne!(target, UNDEFINED);
            set(at, target.wrapping_sub(at + 4));
        }
        for &(at, next, literal) in &self.literal_uses {
            set(at, (start + 8 * literal).wrapping_sub(next));
        }
        &mut self.bytes
    }

    /// Completes the displacements to addresses outside, for code at `entry`. The code's bytes.
    pub fn placed_at(&mut self, entry: usize) -> &[u8] {
        for external in &self.externals {
            let at = external.at as usize;
            let displacement = external.target.wrapping_sub(entry + external.next as usize) as u32;
            self.bytes[at..at + 4].copy_from_slice(&displacement.to_le_bytes());
        }
        &self.bytes
    }

    // ---- instructions

    /// REX, opcode and operands. `prefix` 0: none; `trailing`: bytes of immediate that follow.
    fn encode(&mut self, prefix: u8, width: Width, opcode: &[u8], reg: R, rm: Rm, trailing: u8) {
        let mut buffer = [0u8; 16];
        let mut n = 0;
        let mut put = |byte: u8| {
            buffer[n] = byte;
            n += 1;
        };
        if prefix != 0 {
            put(prefix);
        }
        let (x, b) = match rm {
            Rm::Reg(r) => (0, r >> 3),
            Rm::Mem { base, .. } => (0, base >> 3),
            Rm::Index { base, index, .. } => (index >> 3, base >> 3),
            Rm::Abs(_) | Rm::Near(_) | Rm::Literal(_) => (0, 0),
        };
        let low_byte = |r: R| width == Width::B && (4..8).contains(&r);
        let forced = low_byte(reg) || matches!(rm, Rm::Reg(r) if low_byte(r));
        let rex = ((width == Width::Q) as u8) << 3 | (reg >> 3) << 2 | x << 1 | b;
        if rex != 0 || forced {
            put(0x40 | rex);
        }
        opcode.iter().for_each(|&byte| put(byte));
        self.bytes.extend_from_slice(&buffer[..n]);
        self.operand(reg, rm, trailing);
    }

    /// ModRM, SIB and displacement.
    fn operand(&mut self, reg: R, rm: Rm, trailing: u8) {
        let reg = (reg & 7) << 3;
        let mut buffer = [0u8; 8];
        let mut n = 0;
        let mut put = |byte: u8| {
            buffer[n] = byte;
            n += 1;
        };
        let (base, index, disp) = match rm {
            Rm::Reg(r) => {
                self.bytes.push(0xc0 | reg | r & 7);
                return;
            }
            Rm::Abs(disp) => {
                put(reg | 4);
                put(0x25);
                disp.to_le_bytes().into_iter().for_each(put);
                self.bytes.extend_from_slice(&buffer[..n]);
                return;
            }
            Rm::Near(target) => {
                self.bytes.push(reg | 5);
                let at = self.bytes.len() as u32;
                self.externals.push(External { at, next: at + 4 + trailing as u32, target });
                self.bytes.extend_from_slice(&[0; 4]);
                return;
            }
            Rm::Literal(literal) => {
                self.bytes.push(reg | 5);
                let at = self.bytes.len() as u32;
                self.literal_uses.push((at, at + 4 + trailing as u32, literal));
                self.bytes.extend_from_slice(&[0; 4]);
                return;
            }
            Rm::Mem { base, disp } => (base, None, disp),
            Rm::Index { base, index, scale, disp } => (base, Some((index, scale)), disp),
        };
        let mode = match disp {
            // rbp and r13 as a base always have a displacement.
            0 if base & 7 != 5 => 0,
            -128..=127 => 0x40,
            _ => 0x80,
        };
        match index {
            Some((index, scale)) => {
                put(mode | reg | 4);
                put(scale << 6 | (index & 7) << 3 | base & 7);
            }
            None if base & 7 == 4 => {
                put(mode | reg | 4);
                put(0x24);
            }
            None => put(mode | reg | base & 7),
        }
        match mode {
            0 => {}
            0x40 => put(disp as u8),
            _ => disp.to_le_bytes().into_iter().for_each(put),
        }
        self.bytes.extend_from_slice(&buffer[..n]);
    }

    /// A general instruction `opcode reg, rm` (or `rm, reg`, as the opcode says).
    pub fn op(&mut self, width: Width, opcode: &[u8], reg: R, rm: Rm) {
        self.encode(0, width, opcode, reg, rm, 0);
    }
    /// As `op`, with a mandatory prefix (SSE instructions).
    pub fn sse(&mut self, prefix: u8, width: Width, opcode: u8, reg: R, rm: Rm) {
        self.encode(prefix, width, &[0x0f, opcode], reg, rm, 0);
    }
    /// As `op`, followed by an immediate byte.
    pub fn op_imm8(&mut self, width: Width, opcode: &[u8], reg: R, rm: Rm, imm: u8) {
        self.encode(0, width, opcode, reg, rm, 1);
        self.bytes.push(imm);
    }
    /// As `op`, followed by a 32-bit immediate.
    pub fn op_imm32(&mut self, width: Width, opcode: &[u8], reg: R, rm: Rm, imm: i32) {
        self.encode(0, width, opcode, reg, rm, 4);
        self.bytes.extend_from_slice(&imm.to_le_bytes());
    }
    /// A VEX instruction of 128 bits: `opcode reg, second, rm`. `prefix` as for `sse`.
    pub fn vex(&mut self, prefix: u8, map: Map, opcode: u8, reg: R, second: R, rm: Rm) {
        let wide = map == Map::Wide0F38;
        let map = map as u8;
        let (x, b) = match rm {
            Rm::Reg(r) => (0, r >> 3),
            Rm::Mem { base, .. } => (0, base >> 3),
            Rm::Index { base, index, .. } => (index >> 3, base >> 3),
            Rm::Abs(_) | Rm::Near(_) | Rm::Literal(_) => (0, 0),
        };
        let pp = match prefix {
            0x66 => 1,
            0xf3 => 2,
            0xf2 => 3,
            _ => 0,
        };
        let tail = (!second & 15) << 3 | pp;
        let r = !reg >> 3 & 1;
        if x == 0 && b == 0 && map == 1 && !wide {
            self.bytes.extend_from_slice(&[0xc5, r << 7 | tail, opcode]);
        } else {
            let first = r << 7 | (x ^ 1) << 6 | (b ^ 1) << 5 | map;
            self.bytes.extend_from_slice(&[0xc4, first, (wide as u8) << 7 | tail, opcode]);
        }
        self.operand(reg, rm, 0);
    }

    /// Jumps when the condition holds.
    pub fn jcc(&mut self, cc: Cc, label: Label) {
        self.bytes.extend_from_slice(&[0x0f, 0x80 | cc as u8]);
        self.displacement(label);
    }
    /// A place among the jumps: for `first_jump`.
    pub fn next_jump(&self) -> (usize, usize) {
        (self.jumps.len(), self.shorts)
    }
    /// Where the first jump after `mark` is: a conditional one with a long displacement, and no short one anywhere behind `mark`.
    pub fn first_jump(&self, mark: &(usize, usize)) -> Option<usize> {
        let &(displacement, _) = self.jumps.get(mark.0)?;
        let at = (displacement as usize).checked_sub(2)?;
        let conditional = self.bytes[at] == 0x0f && self.bytes[at + 1] & 0xf0 == 0x80;
        (mark.1 == self.shorts && conditional).then_some(at)
    }
    /// Jumps when the condition holds, over fewer than 128 bytes that follow; see `bind_short`.
    pub fn jcc_short(&mut self, cc: Cc) -> usize {
        self.bytes.extend_from_slice(&[0x70 | cc as u8, 0]);
        self.shorts += 1;
        self.bytes.len()
    }
    /// The target of `jcc_short`.
    pub fn bind_short(&mut self, jump: usize) {
        self.bytes[jump - 1] = u8::try_from(self.bytes.len() - jump).expect("a short jump");
    }
    /// Jumps.
    pub fn jmp(&mut self, label: Label) {
        self.bytes.push(0xe9);
        self.displacement(label);
    }
    fn displacement(&mut self, label: Label) {
        self.jumps.push((self.bytes.len() as u32, label));
        self.bytes.extend_from_slice(&[0; 4]);
    }
    /// Jumps to an address within reach.
    pub fn jmp_to(&mut self, target: usize) {
        self.bytes.push(0xe9);
        self.external(target);
    }
    /// Calls an address within reach.
    pub fn call(&mut self, target: usize) {
        self.bytes.push(0xe8);
        self.external(target);
    }
    fn external(&mut self, target: usize) {
        let at = self.bytes.len() as u32;
        self.externals.push(External { at, next: at + 4, target });
        self.bytes.extend_from_slice(&[0; 4]);
    }

    /// `mov reg, bits`, the shortest form.
    pub fn mov_imm(&mut self, reg: R, bits: u64) {
        if bits == 0 {
            self.op(Width::D, &[0x31], reg, Rm::Reg(reg));
        } else if let Ok(low) = u32::try_from(bits) {
            self.mov_u32(reg, low);
        } else if let Ok(low) = i32::try_from(bits as i64) {
            self.op_imm32(Width::Q, &[0xc7], 0, Rm::Reg(reg), low);
        } else {
            self.mov_opcode(Width::Q, reg);
            self.bytes.extend_from_slice(&bits.to_le_bytes());
        }
    }
    /// `mov reg, imm32`, always in six bytes for the registers from r8 on.
    pub fn mov_u32(&mut self, reg: R, value: u32) {
        self.mov_opcode(Width::D, reg);
        self.bytes.extend_from_slice(&value.to_le_bytes());
    }
    /// Sign-extends `rax` into `rdx`.
    pub fn cqo(&mut self) {
        self.bytes.extend_from_slice(&[0x48, 0x99]);
    }
    /// `mov reg, bits` without touching the flags.
    pub fn mov_imm_keep_flags(&mut self, reg: R, bits: u64) {
        if bits == 0 {
            self.mov_u32(reg, 0);
        } else {
            self.mov_imm(reg, bits);
        }
    }
    fn mov_opcode(&mut self, width: Width, reg: R) {
        let rex = ((width == Width::Q) as u8) << 3 | reg >> 3;
        if rex != 0 {
            self.bytes.push(0x40 | rex);
        }
        self.bytes.push(0xb8 | reg & 7);
    }

    /// Fills up to a multiple of 16 with few long no-ops.
    pub fn align_code(&mut self) {
        const NOPS: [&[u8]; 9] = [
            &[0x90],
            &[0x66, 0x90],
            &[0x0f, 0x1f, 0x00],
            &[0x0f, 0x1f, 0x40, 0x00],
            &[0x0f, 0x1f, 0x44, 0x00, 0x00],
            &[0x66, 0x0f, 0x1f, 0x44, 0x00, 0x00],
            &[0x0f, 0x1f, 0x80, 0, 0, 0, 0],
            &[0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0],
            &[0x66, 0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0],
        ];
        let mut left = self.bytes.len().next_multiple_of(16) - self.bytes.len();
        while left > 0 {
            let n = left.min(9);
            self.bytes.extend_from_slice(NOPS[n - 1]);
            left -= n;
        }
    }
}
