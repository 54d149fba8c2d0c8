//! Where values are while compiled code runs, and how values are moved between places.
//!
//! Shared by the register allocator and the code generators of all processors: registers are only numbers here, what
//! they mean is each processor's business.

use std::ops::{BitAnd, BitOr, BitOrAssign, Not};

/// A register: general ones are 0..32, floating-point ones 32..64.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reg(pub u8);

impl Reg {
    /// General register `n`.
    pub const fn general(n: u8) -> Reg {
        Reg(n)
    }
    /// Floating-point register `n`.
    pub const fn float(n: u8) -> Reg {
        Reg(n + 32)
    }
    /// Whether it is a floating-point register.
    pub const fn is_float(self) -> bool {
        self.0 >= 32
    }
    /// Its number within its class.
    pub const fn number(self) -> u8 {
        self.0 & 31
    }
}

/// A set of registers.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct RegSet(pub u64);

impl RegSet {
    /// No register.
    pub const EMPTY: RegSet = RegSet(0);
    /// All general registers.
    pub const GENERAL: RegSet = RegSet(0xffff_ffff);
    /// All floating-point registers.
    pub const FLOAT: RegSet = RegSet(0xffff_ffff << 32);

    /// These registers.
    pub const fn of(regs: &[Reg]) -> RegSet {
        let (mut bits, mut i) = (0, 0);
        while i < regs.len() {
            bits |= 1 << regs[i].0;
            i += 1;
        }
        RegSet(bits)
    }
    /// One register.
    pub const fn one(reg: Reg) -> RegSet {
        RegSet(1 << reg.0)
    }
    /// All registers of a class.
    pub const fn class(float: bool) -> RegSet {
        if float { RegSet::FLOAT } else { RegSet::GENERAL }
    }
    /// Whether the register is in it.
    pub const fn has(self, reg: Reg) -> bool {
        self.0 >> reg.0 & 1 != 0
    }
    /// Puts a register in.
    pub fn add(&mut self, reg: Reg) {
        self.0 |= 1 << reg.0;
    }
    /// Takes a register out.
    pub fn remove(&mut self, reg: Reg) {
        self.0 &= !(1 << reg.0);
    }
    /// The lowest register.
    pub fn first(self) -> Option<Reg> {
        (self.0 != 0).then(|| Reg(self.0.trailing_zeros() as u8))
    }
    /// Whether it is empty.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl BitAnd for RegSet {
    type Output = RegSet;
    fn bitand(self, other: RegSet) -> RegSet {
        RegSet(self.0 & other.0)
    }
}
impl BitOr for RegSet {
    type Output = RegSet;
    fn bitor(self, other: RegSet) -> RegSet {
        RegSet(self.0 | other.0)
    }
}
impl BitOrAssign for RegSet {
    fn bitor_assign(&mut self, other: RegSet) {
        self.0 |= other.0;
    }
}
impl Not for RegSet {
    type Output = RegSet;
    fn not(self) -> RegSet {
        RegSet(!self.0)
    }
}
impl Iterator for RegSet {
    type Item = Reg;
    fn next(&mut self) -> Option<Reg> {
        let reg = self.first()?;
        self.0 &= self.0 - 1;
        Some(reg)
    }
}
impl std::fmt::Debug for RegSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(*self).finish()
    }
}

/// Where a value is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Place {
    /// Nowhere: there is no value.
    #[default]
    None,
    /// A register.
    Reg(Reg),
    /// A spill slot.
    Slot(u16),
    /// A constant of the analysis.
    Const(u32),
    /// A field of an object in memory: `[base + disp]`, of 1, 4 or 8 bytes; only as an operand that is read once.
    Field {
        /// General register with the object's address.
        base: Reg,
        /// Bytes from there.
        disp: i32,
        /// Bytes to read.
        width: u8,
    },
    /// The scratch register that no value is ever allocated to; only inside of a sequence of moves.
    Scratch,
}

/// Copies a value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Move {
    /// From where.
    pub from: Place,
    /// To where: a register, a slot, or `Scratch`.
    pub to: Place,
}

/// Brings moves that are meant to happen at once into an order in which they can happen one by one; cycles go
/// through `Scratch`. The targets are all different. Constants come last, so that they may use the scratch register too.
/// Consumes `pending`.
pub fn sequence(pending: &mut Vec<Move>, out: &mut Vec<Move>) {
    pending.retain(|m| m.from != m.to);
    let is_const = |m: &Move| matches!(m.from, Place::Const(_));
    // Constants at the end of `pending`, so that the others are `pending[..n]`.
    pending.sort_by_key(is_const);
    let mut n = pending.iter().take_while(|m| !is_const(m)).count();
    let constants = pending.len() - n;
    while n > 0 {
        let mut i = 0;
        let before = n;
        while i < n {
            let to = pending[i].to;
            if pending[..n].iter().any(|m| m.from == to) {
                i += 1;
            } else {
                out.push(pending[i]);
                n -= 1;
                pending.swap(i, n);
            }
        }
        if n == before {
            let to = pending[0].to;
            out.push(Move { from: to, to: Place::Scratch });
            for m in pending[..n].iter_mut().filter(|m| m.from == to) {
                m.from = Place::Scratch;
            }
        }
    }
    let first_constant = pending.len() - constants;
    // Swapping kept the constants behind all others.
    out.extend_from_slice(&pending[first_constant..]);
    pending.clear();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reg(n: u8) -> Place {
        Place::Reg(Reg(n))
    }

    /// Performs moves on a machine whose places hold numbers.
    fn perform(moves: &[Move], before: &[(Place, u32)]) -> Vec<(Place, u32)> {
        let mut state = before.to_vec();
        for m in moves {
            let value = match m.from {
                Place::Const(c) => 1000 + c,
                from => state.iter().find(|s| s.0 == from).expect("a source has a value").1,
            };
            state.retain(|s| s.0 != m.to);
            state.push((m.to, value));
        }
        state
    }

    fn check(moves: &[(Place, Place)]) {
        let moves: Vec<Move> = moves.iter().map(|&(from, to)| Move { from, to }).collect();
        let before: Vec<(Place, u32)> = (0..8)
            .map(|n| (reg(n), n as u32))
            .chain((0..8).map(|s| (Place::Slot(s), 100 + s as u32)))
            .collect();
        let mut out = Vec::new();
        sequence(&mut moves.clone(), &mut out);
        let after = perform(&out, &before);
        for m in &moves {
            let expected = match m.from {
                Place::Const(c) => 1000 + c,
                from => before.iter().find(|s| s.0 == from).unwrap().1,
            };
            assert_eq!(after.iter().find(|s| s.0 == m.to).unwrap().1, expected, "{m:?} in {out:?}");
        }
    }

    #[test]
    fn moves_that_exchange_registers_and_slots_keep_all_values() {
        check(&[(reg(0), reg(1)), (reg(1), reg(0))]);
        check(&[(reg(0), reg(1)), (reg(1), reg(2)), (reg(2), reg(0)), (reg(0), reg(3))]);
        check(&[
            (Place::Slot(1), Place::Slot(2)),
            (Place::Slot(2), Place::Slot(1)),
            (Place::Const(7), reg(5)),
        ]);
        check(&[(reg(0), reg(0)), (reg(1), reg(2)), (reg(2), Place::Slot(0)), (Place::Slot(0), reg(1))]);
        check(&[(reg(0), reg(1)), (reg(1), reg(0)), (reg(2), reg(3)), (reg(3), reg(2)), (reg(2), reg(4))]);
    }

    #[test]
    fn a_chain_needs_no_scratch() {
        let mut out = Vec::new();
        let chain = [(reg(0), reg(1)), (reg(1), reg(2)), (Place::Const(0), reg(0))];
        sequence(&mut chain.map(|(from, to)| Move { from, to }).to_vec(), &mut out);
        assert_eq!(out.len(), 3);
        assert!(out.iter().all(|m| m.to != Place::Scratch));
    }
}
