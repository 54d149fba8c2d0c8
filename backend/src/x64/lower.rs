//! From ops with places to instructions: the walk over the trace, moves, guards and exits, and what all lowerings share.
//!
//! Called by `compile` with what the register allocator decided. One method for each op, in this file and in
//! `arithmetic` and `objects`; each leaves its operands as they are (but where its shape says otherwise) and never touches
//! a register besides its result and the two scratch registers.
//!
//! The code of a trace: ops, then slow paths, then one stub for each exit, then literals. A stub is
//!
//! ```text
//!     sub rax, rcx            ; only where the guard overwrote an operand that the snapshot needs
//!     mov r11d, 12            ; the exit's number; a jmp to a bridge is written over this
//!     jmp exit
//! ```

use traces::codegen::{Location, Request, Runtime};
use traces::{Op, OpCode, Trace};

use super::assembler::{Assembler, Cc, FLOAT_SCRATCH, Label, R, RSP, Rm, SCRATCH, Width};
use super::fixed::{Fixed, Slow};
use super::objects::Cold;
use crate::analysis::{Analysis, Role};
use crate::code_memory::CodeMemory;
use crate::places::{Move, Place, Reg, RegSet, sequence};
use crate::regalloc::{Allocation, OpPlaces};

/// What restores an operand at an exit.
#[derive(Clone, Copy, Debug)]
pub(super) enum Undo {
    /// Nothing was overwritten.
    No,
    /// The register was added to.
    Sub(R, Place),
    /// The register was subtracted from.
    Add(R, Place),
    /// The register was added to itself.
    Halve(R),
}

#[derive(Clone, Copy, Debug)]
struct Exit {
    label: Label,
    undo: Undo,
}

/// What flags say after a comparison.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Flags {
    /// True when the condition holds.
    One(Cc),
    /// True when both hold.
    And(Cc, Cc),
    /// True when either holds.
    Or(Cc, Cc),
}

impl Flags {
    fn not(self) -> Flags {
        match self {
            Flags::One(a) => Flags::One(a.not()),
            Flags::And(a, b) => Flags::Or(a.not(), b.not()),
            Flags::Or(a, b) => Flags::And(a.not(), b.not()),
        }
    }
}

/// A slow path out of the way.
#[derive(Clone, Copy, Debug)]
pub(super) struct ColdPath {
    pub entry: Label,
    pub back: Label,
    pub what: Cold,
    /// How many floating-point registers have to be preserved.
    pub floats: u8,
}

/// What the code of a trace looks like from outside.
#[derive(Debug, Default)]
pub struct Lowered {
    /// Offset of each op's first instruction.
    pub op_offsets: Vec<u32>,
    /// Offset of the label.
    pub label: Option<u32>,
    /// Offset of each exit's patchable instruction.
    pub stubs: Vec<u32>,
    /// Where each exit's guard leaves.
    pub branches: Vec<Branch>,
}

/// Where a guard leaves: a jump from `at` to `target` makes it fail always.
#[derive(Clone, Copy, Debug)]
pub struct Branch {
    /// The first jump of the guard, or where the guard's code starts.
    pub at: usize,
    /// The exit: with what restores an operand where the guard's code was gone through.
    pub target: usize,
    /// Whether at `at` stands a conditional jump with a 32-bit displacement.
    pub conditional: bool,
}

/// The lowering of one trace.
pub struct Lowering<'a> {
    pub(super) asm: &'a mut Assembler,
    pub(super) request: &'a Request<'a>,
    pub(super) trace: &'a Trace,
    pub(super) analysis: &'a Analysis,
    pub(super) allocation: &'a Allocation,
    pub(super) runtime: &'a Runtime,
    pub(super) memory: &'a CodeMemory,
    pub(super) fixed: &'a Fixed,
    pub(super) avx: bool,
    pub(super) bmi2: bool,
    exits: Vec<Exit>,
    branches: Vec<Branch>,
    cold: Vec<ColdPath>,
    pending: Vec<Move>,
    ordered: Vec<Move>,
    /// The op that is being lowered.
    pub(super) at: usize,
    label: Option<Label>,
}

impl<'a> Lowering<'a> {
    #[expect(clippy::too_many_arguments, reason = "borrows the parts of a backend")]
    pub fn new(
        asm: &'a mut Assembler,
        request: &'a Request<'a>,
        analysis: &'a Analysis,
        allocation: &'a Allocation,
        runtime: &'a Runtime,
        memory: &'a CodeMemory,
        fixed: &'a Fixed,
        (avx, bmi2): (bool, bool),
    ) -> Lowering<'a> {
        let trace = request.trace;
        Lowering {
            asm,
            request,
            trace,
            analysis,
            allocation,
            runtime,
            memory,
            fixed,
            avx,
            bmi2,
            exits: Vec::with_capacity(analysis.guards),
            branches: Vec::with_capacity(analysis.guards),
            cold: Vec::with_capacity(16),
            pending: Vec::new(),
            ordered: Vec::new(),
            at: 0,
            label: None,
        }
    }

    /// Generates the code. Literals and displacements are still open: the assembler's `finish` completes them.
    pub fn run(mut self) -> Lowered {
        let mut lowered = Lowered::default();
        lowered.op_offsets.reserve_exact(self.trace.ops.len());
        for at in 0..self.trace.ops.len() {
            self.at = at;
            let op = &self.trace.ops[at];
            if op.code == OpCode::Label {
                self.moves(at);
                self.asm.align_code();
                lowered.op_offsets.push(self.asm.here() as u32);
                lowered.label = Some(self.asm.here() as u32);
                let label = self.asm.label();
                self.asm.bind(label);
                self.label = Some(label);
                continue;
            }
            lowered.op_offsets.push(self.asm.here() as u32);
            if self.analysis.roles[at] == Role::Normal {
                self.moves(at);
                let places = self.allocation.ops[at];
                let start = self.asm.here();
                let jump = self.asm.next_jump();
                self.op(op, &places);
                if op.code.is_guard() {
                    // Behind a short jump nothing is sure to be reached: then the whole guard is passed over.
                    let first = self.asm.first_jump(&jump);
                    let branch =
                        Branch { at: first.unwrap_or(start), target: 0, conditional: first.is_some() };
                    self.branches.push(branch);
                }
            }
        }
        for i in 0..self.cold.len() {
            let path = self.cold[i];
            self.asm.bind(path.entry);
            self.cold_path(&path);
        }
        lowered.stubs.reserve_exact(self.exits.len());
        for i in 0..self.exits.len() {
            let exit = self.exits[i];
            self.asm.bind(exit.label);
            let restoring = self.asm.here();
            self.undo(exit.undo);
            let stub = self.asm.here();
            lowered.stubs.push(stub as u32);
            let branch = &mut self.branches[i];
            branch.target = if branch.conditional { restoring } else { stub };
            self.asm.mov_u32(SCRATCH, self.request.first_exit.0 + i as u32);
            self.asm.jmp_to(self.fixed.exit);
        }
        lowered.branches = self.branches;
        lowered
    }

    fn op(&mut self, op: &Op, places: &OpPlaces) {
        use OpCode::*;
        let mut args = places.args;
        if let Some(fold) = self.analysis.folds[self.at] {
            args[fold.operand as usize] = self.field(fold.load as usize, args[fold.operand as usize]);
        }
        let [a, b, c] = args;
        match op.code {
            Param | Label | Frame | ThreadState | IntFromBool => {}
            // Only recordings have these; they still count as guards.
            At | InlineReturn => {
                self.exit();
            }
            Jump => {
                let label = self.label.expect("a jump is in a loop");
                self.asm.jmp(label);
            }
            JumpTo => {
                let target = self.request.targets[op.imm as usize].label.as_ref();
                self.asm.jmp_to(target.expect("a jump_to goes to a trace with a label").address);
            }
            EnterTrace => self.asm.jmp_to(self.request.targets[op.imm as usize].entry),
            Exit => {
                let exit = self.exit();
                self.asm.jmp(exit);
            }
            GuardTrue | GuardFalse => self.guard_bool(op, a, b),
            GuardIs => {
                let exit = self.exit();
                let flags = self.compare(a, b, Cc::E);
                self.exit_unless(flags, exit);
            }
            GuardNull | GuardNonNull => {
                let exit = self.exit();
                let cc = if op.code == GuardNull { Cc::E } else { Cc::Ne };
                let flags = self.compare_zero(a, cc);
                self.exit_unless(flags, exit);
            }
            GuardType => self.guard_type(a, b),
            GuardClear => {
                let exit = self.exit();
                let word = self.address(a, op.imm);
                self.asm.op_imm8(Width::D, &[0x83], 7, word, 0);
                self.exit_unless(Flags::One(Cc::E), exit);
            }
            code if code.is_call() => self.call(op, places),
            _ => self.value_op(op, places, a, b, c),
        }
    }

    // ---- places

    /// The general register behind a result.
    pub(super) fn reg(place: Place) -> R {
        match place {
            Place::Reg(reg) => reg.number(),
            other => unreachable!("a register is promised, not {other:?}"),
        }
    }

    /// What a folded load reads, its base being in this place.
    fn field(&self, load: usize, base: Place) -> Place {
        let load = &self.trace.ops[load];
        let Place::Reg(base) = base else { unreachable!("a folded load has its base in a register") };
        let (disp, width) = match load.code {
            OpCode::FloatValue => (self.runtime.float_value_offset, 8),
            OpCode::LoadU8 => (load.imm, 1),
            OpCode::LoadU32 | OpCode::LoadI32 => (load.imm, 4),
            _ => (load.imm, 8),
        };
        Place::Field { base, disp, width }
    }

    /// The bits of a place that is a constant.
    pub(super) fn bits(&self, place: Place) -> Option<u64> {
        match place {
            Place::Const(c) => Some(self.analysis.consts[c as usize]),
            _ => None,
        }
    }

    /// A constant that fits a sign-extended 32-bit immediate.
    pub(super) fn imm32(&self, place: Place) -> Option<i32> {
        self.bits(place).and_then(|bits| i32::try_from(bits as i64).ok())
    }

    /// A place as an operand of an instruction.
    pub(super) fn rm(&mut self, place: Place) -> Rm {
        match place {
            Place::Reg(reg) => Rm::Reg(reg.number()),
            Place::Scratch => Rm::Reg(SCRATCH),
            Place::Field { base, disp, .. } => Rm::Mem { base: base.number(), disp },
            Place::Slot(slot) => Rm::Mem { base: RSP, disp: slot as i32 * 8 },
            Place::Const(c) => self.asm.literal(self.analysis.consts[c as usize]),
            Place::None => unreachable!("an operand has a place"),
        }
    }

    /// The general register that a value is in, or `scratch` after loading it there. Leaves the flags alone.
    pub(super) fn in_reg(&mut self, place: Place, scratch: R) -> R {
        match place {
            Place::Reg(reg) => reg.number(),
            _ => {
                self.load_reg(scratch, place);
                scratch
            }
        }
    }

    /// The floating-point register that a value is in, or the scratch register after loading it there.
    pub(super) fn in_float(&mut self, place: Place) -> R {
        match place {
            Place::Reg(reg) => reg.number(),
            _ => {
                self.load_float(FLOAT_SCRATCH, place);
                FLOAT_SCRATCH
            }
        }
    }

    /// Copies a value to a general register. Leaves the flags alone.
    pub(super) fn load_reg(&mut self, to: R, from: Place) {
        match from {
            Place::Const(c) => self.asm.mov_imm_keep_flags(to, self.analysis.consts[c as usize]),
            Place::Reg(reg) if reg.number() == to => {}
            _ => {
                let rm = self.rm(from);
                self.asm.op(Width::Q, &[0x8b], to, rm);
            }
        }
    }

    /// Copies a value to a floating-point register.
    pub(super) fn load_float(&mut self, to: R, from: Place) {
        match from {
            Place::Reg(reg) if reg.number() == to => {}
            Place::Reg(reg) => self.asm.op(Width::D, &[0x0f, 0x28], to, Rm::Reg(reg.number())),
            Place::Const(c) if self.analysis.consts[c as usize] == 0 => self.zero_float(to),
            _ => {
                let rm = self.rm(from);
                self.asm.sse(0xf2, Width::D, 0x10, to, rm);
            }
        }
    }

    pub(super) fn zero_float(&mut self, to: R) {
        self.asm.op(Width::D, &[0x0f, 0x57], to, Rm::Reg(to));
    }

    /// `[base + disp]`. May use the scratch register; leaves the flags alone.
    pub(super) fn address(&mut self, base: Place, disp: i32) -> Rm {
        if let Some(bits) = self.bits(base)
            && let Some(direct) = self.direct((bits as usize).wrapping_add_signed(disp as isize))
        {
            return direct;
        }
        Rm::Mem { base: self.in_reg(base, SCRATCH), disp }
    }

    /// `[address]` where an instruction can contain the address.
    fn direct(&self, address: usize) -> Option<Rm> {
        match i32::try_from(address) {
            Ok(absolute) => Some(Rm::Abs(absolute)),
            Err(_) => self.memory.reaches(address).then_some(Rm::Near(address)),
        }
    }

    /// `[address]` for an address of the runtime. May use the scratch register.
    pub(super) fn absolute(&mut self, address: usize) -> Rm {
        self.direct(address).unwrap_or_else(|| {
            self.asm.mov_imm_keep_flags(SCRATCH, address as u64);
            Rm::Mem { base: SCRATCH, disp: 0 }
        })
    }

    /// How many floating-point registers a slow path has to preserve here.
    pub(super) fn live_floats(&self) -> u8 {
        let live = self.allocation.ops[self.at].live & RegSet::FLOAT;
        64 - RegSet(live.0 >> 32).0.leading_zeros() as u8
    }

    // ---- moves

    fn moves(&mut self, at: usize) {
        let (start, end) = self.allocation.ops[at].moves;
        for i in start..end {
            let m = self.allocation.moves[i as usize];
            self.copy(m.from, m.to);
        }
    }

    /// Copies from place to place. From slot to slot it uses the floating-point scratch register.
    fn copy(&mut self, from: Place, to: Place) {
        let float = |place| matches!(place, Place::Reg(reg) if reg.is_float());
        match (from, to) {
            _ if from == to => {}
            (Place::None, _) => {}
            (Place::Const(c), Place::Slot(_)) => match self.imm32(from) {
                Some(imm) => {
                    let rm = self.rm(to);
                    self.asm.op_imm32(Width::Q, &[0xc7], 0, rm, imm);
                }
                None => {
                    let bits = self.analysis.consts[c as usize];
                    let literal = self.asm.literal(bits);
                    self.through_float(literal, to);
                }
            },
            (Place::Slot(_), Place::Slot(_)) => {
                let rm = self.rm(from);
                self.through_float(rm, to);
            }
            (Place::Reg(reg), Place::Scratch) if reg.is_float() => {
                // movq r11, xmm
                self.asm.sse(0x66, Width::Q, 0x7e, reg.number(), Rm::Reg(SCRATCH));
            }
            (Place::Scratch, Place::Reg(reg)) if reg.is_float() => {
                self.asm.sse(0x66, Width::Q, 0x6e, reg.number(), Rm::Reg(SCRATCH));
            }
            (_, Place::Reg(reg)) if reg.is_float() => self.load_float(reg.number(), from),
            (_, Place::Reg(reg)) => {
                debug_assert!(!float(from));
                // Moves never stand between a comparison and its jump.
                match self.bits(from) {
                    Some(bits) => self.asm.mov_imm(reg.number(), bits),
                    None => self.load_reg(reg.number(), from),
                }
            }
            (_, Place::Scratch) => self.load_reg(SCRATCH, from),
            (Place::Reg(reg), Place::Slot(_)) if reg.is_float() => {
                let rm = self.rm(to);
                self.asm.sse(0xf2, Width::D, 0x11, reg.number(), rm);
            }
            (_, Place::Slot(_)) => {
                let (from, rm) =
                    (if from == Place::Scratch { SCRATCH } else { Self::reg(from) }, self.rm(to));
                self.asm.op(Width::Q, &[0x89], from, rm);
            }
            (_, Place::None | Place::Const(_) | Place::Field { .. }) => {
                unreachable!("moves go to registers and slots")
            }
        }
    }

    fn through_float(&mut self, from: Rm, to: Place) {
        self.asm.sse(0xf2, Width::D, 0x10, FLOAT_SCRATCH, from);
        let rm = self.rm(to);
        self.asm.sse(0xf2, Width::D, 0x11, FLOAT_SCRATCH, rm);
    }

    // ---- guards and exits

    /// The exit of the guard that is being lowered; exactly once for each guard.
    pub(super) fn exit(&mut self) -> Label {
        let label = self.asm.label();
        self.exits.push(Exit { label, undo: Undo::No });
        label
    }

    /// Lets the newest exit restore an operand.
    pub(super) fn exit_undoes(&mut self, undo: Undo) {
        self.exits.last_mut().expect("after exit()").undo = undo;
    }

    /// Whether the newest exit reads a general register.
    pub(super) fn exit_reads(&self, reg: R) -> bool {
        self.allocation.exits.of(self.exits.len() - 1).any(|at| at == Location::General(reg))
    }

    fn undo(&mut self, undo: Undo) {
        let (opcode, imm, reg, place) = match undo {
            Undo::No => return,
            Undo::Halve(reg) => {
                // The carry of the addition is the bit that was shifted out.
                self.asm.op(Width::Q, &[0xd1], 3, Rm::Reg(reg));
                return;
            }
            Undo::Sub(reg, place) => (0x2b, 5, reg, place),
            Undo::Add(reg, place) => (0x03, 0, reg, place),
        };
        self.alu(opcode, imm, reg, place);
    }

    /// Leaves when what the flags say is false.
    pub(super) fn exit_unless(&mut self, flags: Flags, exit: Label) {
        match flags {
            Flags::One(cc) => self.asm.jcc(cc.not(), exit),
            Flags::And(a, b) => {
                self.asm.jcc(a.not(), exit);
                self.asm.jcc(b.not(), exit);
            }
            Flags::Or(a, b) => {
                let on = self.asm.jcc_short(a);
                self.asm.jcc(b.not(), exit);
                self.asm.bind_short(on);
            }
        }
    }

    fn guard_bool(&mut self, op: &Op, a: Place, b: Place) {
        let exit = self.exit();
        let (flags, negated) = match self.analysis.fusions[self.at] {
            Some(fusion) => {
                let compare = &self.trace.ops[fusion.compare as usize];
                (self.comparison(compare.code, a, b), fusion.negated)
            }
            None => {
                let negated = op.code == OpCode::GuardFalse;
                if let Some(bits) = self.bits(a) {
                    if (bits == 0) != negated {
                        self.asm.jmp(exit);
                    }
                    return;
                }
                (self.compare_zero(a, Cc::Ne), negated)
            }
        };
        self.exit_unless(if negated { flags.not() } else { flags }, exit);
    }

    fn guard_type(&mut self, object: Place, ty: Place) {
        let exit = self.exit();
        let field = self.address(object, self.runtime.type_offset);
        if let Some(imm) = self.imm32(ty) {
            self.asm.op_imm32(Width::Q, &[0x81], 7, field, imm);
        } else if matches!(field, Rm::Mem { base: SCRATCH, .. }) {
            self.asm.op(Width::Q, &[0x8b], SCRATCH, field);
            let ty = self.rm(ty);
            self.asm.op(Width::Q, &[0x3b], SCRATCH, ty);
        } else {
            let ty = self.in_reg(ty, SCRATCH);
            self.asm.op(Width::Q, &[0x3b], ty, field);
        }
        self.exit_unless(Flags::One(Cc::E), exit);
    }

    /// Puts a slow path behind the code.
    pub(super) fn later(&mut self, path: ColdPath) {
        self.cold.push(path);
    }

    // ---- calls

    /// A call of a helper or of a thunk.
    pub(super) fn call_address(&mut self, target: usize) {
        if self.memory.reaches(target) {
            self.asm.call(target);
        } else {
            self.asm.mov_imm(SCRATCH, target as u64);
            self.asm.op(Width::D, &[0xff], 2, Rm::Reg(SCRATCH));
        }
    }

    /// Calls a thunk: argument and result in the scratch register, everything else is preserved.
    pub(super) fn call_slow(&mut self, slow: Slow, floats: u8) {
        self.asm.call(self.fixed.thunk(slow, floats));
    }

    fn call(&mut self, op: &Op, places: &OpPlaces) {
        let list = self.trace.list(op.list);
        let mut pending = std::mem::take(&mut self.pending);
        let mut ordered = std::mem::take(&mut self.ordered);
        let (mut general, mut float) = (super::registers::GENERAL_ARGS, super::registers::FLOAT_ARGS);
        for (k, &val) in list.iter().enumerate() {
            let args = if self.trace.ty(val) == traces::Type::Float { &mut float } else { &mut general };
            let (&reg, rest) = args.split_first().expect("at most 6 general and 8 floating-point arguments");
            *args = rest;
            let from = self.allocation.list_places[places.list as usize + k];
            pending.push(Move { from, to: Place::Reg(reg) });
        }
        sequence(&mut pending, &mut ordered);
        for m in &ordered {
            self.copy(m.from, m.to);
        }
        ordered.clear();
        (self.pending, self.ordered) = (pending, ordered);
        self.call_address(self.trace.helpers[op.imm as usize].address);
        match (op.code, places.result) {
            (_, Place::Reg(reg)) if reg.is_float() => {
                self.load_float(reg.number(), Place::Reg(Reg::float(0)))
            }
            // A C int: the upper half of rax means nothing.
            (OpCode::CallBool, Place::Reg(reg)) => self.asm.op(Width::D, &[0x8b], reg.number(), Rm::Reg(0)),
            (_, Place::Reg(reg)) => self.load_reg(reg.number(), Place::Reg(Reg::general(0))),
            _ => {}
        }
    }
}
