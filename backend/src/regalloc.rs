//! Register allocation for linear traces, for all processors: what differs between them is data ([`Machine`]) and one
//! function from an op to its [`Shape`].
//!
//! A forward scan. In a linear trace the next use of every value is known exactly, so the scan evicts the value whose next
//! use is farthest, which is optimal for straight code with equal costs. (A reverse scan knows the same, but it
//! learns where a bridge's inputs are, and where a loop's params start, only when all decisions are made; forward
//! they are simply the start state.) The loop's back edge counts: the next use of an invariant that is used no more in
//! this turn is its first use in the next turn.
//!
//! - A value is stored to its spill slot at most once; evicting it again is free. Constants have no register at all, the
//!   code generator makes them immediates. `frame` and `thread_state` live in slots from the start.
//! - Snapshots want their values to be somewhere. They never load one, and a value that only snapshots need is the
//!   first to be evicted.
//! - The body is scanned once to learn which params and invariants were evicted before they were used; then it is
//!   scanned again with these in slots from the label on, which frees registers that the first scan wasted.
//! - A result that is the argument of a jump goes to its param's register when that is free, so the back edge of an
//!   ordinary loop has no moves.
//!
//! It must never change a value between the moment an exit's locations are taken and the jump to that exit: a guard's
//! result does not share a register with its snapshot's values unless the code generator undoes it.

use crate::analysis::{Analysis, NEVER, Role, Value};
use crate::places::{Move, Place, Reg, RegSet, sequence};
use traces::codegen::{
    CompileError, ExitLocations, LabelCode, Location, PackedLocation, Request, SPILL_SLOTS,
};
use traces::{OpCode, Type};

/// The spill slot in which the trampoline leaves the frame.
pub const FRAME_SLOT: u16 = 0;
/// The spill slot in which the trampoline leaves the thread state.
pub const THREAD_SLOT: u16 = 1;

/// The registers of a processor.
#[derive(Clone, Debug)]
pub struct Machine {
    /// Registers that values may be in.
    pub allocatable: RegSet,
    /// Registers that a call destroys.
    pub caller_saved: RegSet,
    /// Registers of the first general arguments of a call.
    pub general_args: &'static [Reg],
    /// Registers of the first floating-point arguments.
    pub float_args: &'static [Reg],
}

/// Where an op's operand may be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Want {
    /// In a register, or a constant.
    Register,
    /// Anywhere.
    Any,
}

/// What the code of an op needs of the allocator.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// The operands.
    pub operands: [Want; 3],
    /// Registers that the code destroys, after it has read its operands.
    pub clobbers: RegSet,
    /// Bit `k`: the result is written while operand `k` is still needed.
    pub apart: u8,
    /// Bit `k`: though the snapshot needs it, the result may overwrite operand `k`: the exit restores it.
    pub restored: u8,
    /// Registers that the result can't be in.
    pub avoid: RegSet,
    /// Where the result comes to be by itself.
    pub prefer: Option<Reg>,
}

/// An op without special needs.
pub const PLAIN: Shape = Shape {
    operands: [Want::Any; 3],
    clobbers: RegSet::EMPTY,
    apart: 0,
    restored: 0,
    avoid: RegSet::EMPTY,
    prefer: None,
};

/// What was decided for one op.
#[derive(Clone, Copy, Debug, Default)]
pub struct OpPlaces {
    /// Its operands (of a fused comparison: that comparison's).
    pub args: [Place; 3],
    /// Its result.
    pub result: Place,
    /// First of its list's places in [`Allocation::list_places`].
    pub list: u32,
    /// Moves to be done before it: a range of [`Allocation::moves`].
    pub moves: (u32, u32),
    /// Registers whose values are needed after it.
    pub live: RegSet,
}

/// What was decided for a trace.
#[derive(Debug, Default)]
pub struct Allocation {
    /// For each op.
    pub ops: Vec<OpPlaces>,
    /// Moves of all ops.
    pub moves: Vec<Move>,
    /// Places of list operands of calls.
    pub list_places: Vec<Place>,
    /// Locations of each exit's values.
    pub exits: ExitLocations,
    /// Where the loop's params are at the label.
    pub label: Vec<Location>,
    /// Whether the loop keeps values over its label that are not its params: then nothing else can jump there.
    pub label_is_private: bool,
}

const NO_REG: u8 = u8::MAX;
const NO_SLOT: u16 = u16::MAX;
/// In a slot from the label on.
const IN_SLOT: u8 = 1;
/// In its register and, stored before the label, in its slot.
const STORED: u8 = 2;

/// The state in which a loop's label was reached.
#[derive(Debug)]
struct AtLabel {
    /// By value, for those before the label.
    reg: Vec<u8>,
    slot: Vec<u16>,
    owner: [Value; 64],
    free: RegSet,
    slots: [u64; SPILL_SLOTS / 64],
    out_of_slots: bool,
    /// How many moves, places in lists, and exits there were.
    lengths: (usize, usize, usize),
}

/// Whether the trampoline fills this slot.
fn is_fixed(slot: u16) -> bool {
    slot == FRAME_SLOT || slot == THREAD_SLOT
}

/// The allocator of one trace.
#[derive(Debug)]
struct Allocator<'m> {
    machine: &'m Machine,
    /// By value.
    reg: Vec<u8>,
    slot: Vec<u16>,
    head: Vec<u32>,
    hint: Vec<u8>,
    /// By value, for those that are alive at the label: register there, first use after it, whether used since, and
    /// what earlier scans found out.
    label_reg: Vec<u8>,
    body_use: Vec<u32>,
    touched: Vec<bool>,
    marks: Vec<u8>,
    /// By value: the register that it had to move to in the loop, where it had better be from the start.
    better: Vec<u8>,
    marked: bool,
    /// Whether no scan follows, whatever is marked.
    last_scan: bool,
    /// Values below this exist at the label.
    label_values: u32,
    turn: u32,
    owner: [Value; 64],
    free: RegSet,
    pinned: RegSet,
    /// Registers that params start in.
    param_regs: RegSet,
    /// Used spill slots, a bit each.
    slots: [u64; SPILL_SLOTS / 64],
    out_of_slots: bool,
    pending: Vec<Move>,
    order: Vec<(u32, u32)>,
    label_places: Vec<Place>,
    at_label: AtLabel,
    out: Allocation,
}

impl Allocation {
    /// Decides for a whole trace. `shape` says what each op's code needs.
    ///
    /// # Errors
    /// `TooManySpills`.
    pub fn of(
        request: &Request<'_>,
        analysis: &Analysis,
        machine: &Machine,
        shape: impl Fn(usize) -> Shape,
    ) -> Result<Allocation, CompileError> {
        /// Each scan after the first only improves the loop's start state.
        const SCANS: usize = 2;
        let mut allocator = Allocator::new(request, analysis, machine);
        allocator.scan(request, analysis, &shape, 0);
        for scan in 2..=SCANS {
            if !allocator.marked {
                break;
            }
            allocator.last_scan = scan == SCANS;
            let label = allocator.restart(analysis);
            allocator.scan(request, analysis, &shape, label);
        }
        if allocator.out_of_slots { Err(CompileError::TooManySpills) } else { Ok(allocator.out) }
    }
}

impl<'m> Allocator<'m> {
    /// The state before the first op.
    fn new(request: &Request<'_>, a: &Analysis, machine: &'m Machine) -> Allocator<'m> {
        let n = request.trace.ops.len();
        let mut slots = [0; SPILL_SLOTS / 64];
        slots[0] = 1 << FRAME_SLOT | 1 << THREAD_SLOT;
        let label_is_private = a.invariants.iter().any(|value| {
            let op = &request.trace.ops[value.0 as usize];
            !matches!(op.code, OpCode::Frame | OpCode::ThreadState)
        });
        let mut allocator = Allocator {
            machine,
            reg: vec![NO_REG; n],
            slot: vec![NO_SLOT; n],
            head: a.first_use.clone(),
            hint: vec![NO_REG; n],
            label_reg: vec![NO_REG; n],
            body_use: vec![NEVER; n],
            touched: vec![false; n],
            marks: vec![0; n],
            better: vec![NO_REG; n],
            marked: false,
            last_scan: false,
            label_values: 0,
            turn: a.label.map_or(0, |label| n as u32 - 1 - label),
            owner: [Value::NONE; 64],
            free: machine.allocatable,
            pinned: RegSet::EMPTY,
            param_regs: RegSet::EMPTY,
            slots,
            out_of_slots: false,
            pending: Vec::new(),
            order: Vec::new(),
            label_places: Vec::new(),
            at_label: AtLabel {
                reg: Vec::new(),
                slot: Vec::new(),
                owner: [Value::NONE; 64],
                free: RegSet::EMPTY,
                slots: [0; SPILL_SLOTS / 64],
                out_of_slots: false,
                lengths: (0, 0, 0),
            },
            out: Allocation {
                ops: vec![OpPlaces::default(); n],
                moves: Vec::with_capacity(32),
                exits: ExitLocations::with_room(a.guards, a.guard_values, &a.consts),
                label_is_private,
                ..Allocation::default()
            },
        };
        if a.label.is_none() {
            allocator.enter_bridge(request, a);
        }
        allocator
    }

    /// Remembers the state in which the label was reached: what is found out in the body changes nothing before it.
    fn save(&mut self, label: usize) {
        self.at_label = AtLabel {
            reg: self.reg[..label].to_vec(),
            slot: self.slot[..label].to_vec(),
            owner: self.owner,
            free: self.free,
            slots: self.slots,
            out_of_slots: self.out_of_slots,
            lengths: (self.out.moves.len(), self.out.list_places.len(), self.out.exits.len()),
        };
    }

    /// Back to the state in which the label was reached. Returns where that is.
    fn restart(&mut self, a: &Analysis) -> usize {
        let saved = &self.at_label;
        let label = saved.reg.len();
        self.reg[..label].copy_from_slice(&saved.reg);
        self.reg[label..].fill(NO_REG);
        self.slot[..label].copy_from_slice(&saved.slot);
        self.slot[label..].fill(NO_SLOT);
        (self.owner, self.free, self.slots) = (saved.owner, saved.free, saved.slots);
        self.out_of_slots = saved.out_of_slots;
        self.hint.fill(NO_REG);
        self.label_reg.fill(NO_REG);
        self.body_use.fill(NEVER);
        self.touched.fill(false);
        self.head.copy_from_slice(&a.first_use);
        self.marked = false;
        self.label_values = 0;
        self.param_regs = RegSet::EMPTY;
        let (moves, list_places, exits) = saved.lengths;
        self.out.moves.truncate(moves);
        self.out.list_places.truncate(list_places);
        self.out.exits.truncate(exits);
        self.out.label.clear();
        label
    }

    fn scan(&mut self, request: &Request<'_>, a: &Analysis, shape: &impl Fn(usize) -> Shape, from: usize) {
        for at in from..request.trace.ops.len() {
            if a.roles[at] != Role::Normal {
                continue;
            }
            let start = self.out.moves.len() as u32;
            match request.trace.ops[at].code {
                OpCode::Param => {}
                OpCode::Frame => self.slot[at] = FRAME_SLOT,
                OpCode::ThreadState => self.slot[at] = THREAD_SLOT,
                OpCode::Label => {
                    if from == 0 {
                        self.save(at);
                    }
                    self.label(request, a, at);
                }
                OpCode::Jump => self.jump(request, a, at),
                OpCode::JumpTo => self.jump_to(request, a, at),
                _ => self.op(request, a, at, shape(at)),
            }
            self.out.ops[at].moves = (start, self.out.moves.len() as u32);
        }
    }

    // ---- places

    fn place(&self, value: Value) -> Place {
        match (value.op_index(), value.const_index()) {
            (Some(v), _) if self.reg[v] != NO_REG => Place::Reg(Reg(self.reg[v])),
            (Some(v), _) if self.slot[v] != NO_SLOT => Place::Slot(self.slot[v]),
            (_, Some(c)) => Place::Const(c as u32),
            _ => Place::None,
        }
    }

    fn location(&self, a: &Analysis, place: Place) -> Location {
        match place {
            Place::Reg(reg) if reg.is_float() => Location::Float(reg.number()),
            Place::Reg(reg) => Location::General(reg.number()),
            Place::Slot(slot) => Location::Spill(slot),
            Place::Const(c) => Location::Const(a.consts[c as usize]),
            Place::None | Place::Scratch | Place::Field { .. } => Location::Const(0),
        }
    }

    fn from_location(location: Location) -> Place {
        match location {
            Location::General(r) => Place::Reg(Reg::general(r)),
            Location::Float(r) => Place::Reg(Reg::float(r)),
            Location::Spill(slot) => Place::Slot(slot),
            Location::Const(_) => Place::None,
        }
    }

    fn push_move(&mut self, from: Place, to: Place) {
        self.out.moves.push(Move { from, to });
    }

    fn give(&mut self, v: usize, reg: Reg) {
        self.reg[v] = reg.0;
        self.owner[reg.0 as usize] = Value::op(v);
        self.free.remove(reg);
    }

    fn take_away(&mut self, v: usize) {
        let reg = Reg(std::mem::replace(&mut self.reg[v], NO_REG));
        self.owner[reg.0 as usize] = Value::NONE;
        if self.machine.allocatable.has(reg) {
            self.free.add(reg);
        }
    }

    fn new_slot(&mut self) -> u16 {
        for (word, used) in self.slots.iter_mut().enumerate() {
            if *used != u64::MAX {
                let bit = used.trailing_ones();
                *used |= 1 << bit;
                return (word * 64) as u16 + bit as u16;
            }
        }
        self.out_of_slots = true;
        SPILL_SLOTS as u16 - 1
    }

    /// Makes sure that a value is in its slot.
    fn store(&mut self, v: usize) {
        if self.slot[v] == NO_SLOT {
            let slot = self.new_slot();
            self.slot[v] = slot;
            self.push_move(Place::Reg(Reg(self.reg[v])), Place::Slot(slot));
        }
    }

    fn evict(&mut self, v: usize) {
        if (v as u32) < self.label_values {
            let mark = if !self.touched[v] {
                IN_SLOT
            } else if self.slot[v] == NO_SLOT && self.label_reg[v] != NO_REG {
                STORED
            } else {
                0
            };
            if mark & !self.marks[v] != 0 {
                self.marks[v] |= mark;
                self.marked = true;
            }
        }
        self.store(v);
        self.take_away(v);
    }

    fn kill(&mut self, v: usize) {
        if self.reg[v] != NO_REG {
            self.take_away(v);
        }
        let slot = std::mem::replace(&mut self.slot[v], NO_SLOT);
        if slot != NO_SLOT && !is_fixed(slot) {
            self.slots[slot as usize / 64] &= !(1 << (slot % 64));
        }
    }

    /// Position of the next use that wants a register.
    fn next_use(&mut self, a: &Analysis, v: usize, at: u32) -> u32 {
        match a.use_after(&mut self.head[v], at) {
            NEVER if self.body_use[v] != NEVER => self.body_use[v] + self.turn,
            position => position,
        }
    }

    // ---- choosing registers

    fn crosses_call(&self, a: &Analysis, v: usize, at: usize) -> bool {
        a.last[v] != NEVER && a.last[v] > a.next_call[at]
    }

    /// The best of the free registers `from` for a value that is defined or loaded at `at`.
    fn choose(&self, a: &Analysis, v: usize, at: usize, from: RegSet, prefer: Option<Reg>) -> Option<Reg> {
        let hint = self.hint[v];
        if hint != NO_REG && from.has(Reg(hint)) {
            return Some(Reg(hint));
        }
        if let Some(reg) = prefer.filter(|&reg| from.has(reg)) {
            return Some(reg);
        }
        let kind =
            if self.crosses_call(a, v, at) { !self.machine.caller_saved } else { self.machine.caller_saved };
        let unclaimed = from & !self.param_regs;
        (unclaimed & kind)
            .first()
            .or_else(|| unclaimed.first())
            .or_else(|| (from & kind).first())
            .or_else(|| from.first())
    }

    /// The register of `from` whose value is needed last, and when.
    fn victim(&mut self, a: &Analysis, at: usize, from: RegSet) -> Option<(Reg, u32)> {
        let mut best = None;
        for reg in from & !self.free & !self.pinned {
            let Some(v) = self.owner[reg.0 as usize].op_index() else { continue };
            let next = self.next_use(a, v, at as u32);
            // What is stored already costs no store: worth half as much distance again.
            let weight = if self.slot[v] == NO_SLOT { 2 } else { 3 };
            let score = (next as u64 - at as u64) * weight;
            if best.is_none_or(|(s, _, _)| score > s) {
                best = Some((score, reg, next));
            }
        }
        best.map(|(_, reg, next)| (reg, next))
    }

    /// A free register for `v`, evicting if need be. Panics when all registers are pinned: the machine has too few.
    fn obtain(&mut self, a: &Analysis, v: usize, at: usize, float: bool, prefer: Option<Reg>) -> Reg {
        let class = RegSet::class(float) & self.machine.allocatable;
        if let Some(reg) = self.choose(a, v, at, self.free & class, prefer) {
            return reg;
        }
        let (reg, _) = self.victim(a, at, class).expect("a register that is not pinned");
        let owner = self.owner[reg.0 as usize].op_index().expect("victims have owners");
        self.evict(owner);
        reg
    }

    fn load(&mut self, a: &Analysis, v: usize, at: usize, float: bool) -> Reg {
        let prefer = self.label_reg[v];
        let reg = self.obtain(a, v, at, float, (prefer != NO_REG).then_some(Reg(prefer)));
        self.push_move(Place::Slot(self.slot[v]), Place::Reg(reg));
        self.give(v, reg);
        reg
    }

    // ---- ops

    fn op(&mut self, request: &Request<'_>, a: &Analysis, at: usize, shape: Shape) {
        let trace = request.trace;
        let op = &trace.ops[at];
        let (operands, count) = a.operands(trace, at);
        let operands = &operands[..count];
        self.pinned = RegSet::EMPTY;
        for v in operands.iter().filter_map(|value| value.op_index()) {
            self.touched[v] = true;
            if self.reg[v] != NO_REG {
                self.pinned.add(Reg(self.reg[v]));
            }
        }
        let mut places = OpPlaces { list: self.out.list_places.len() as u32, ..OpPlaces::default() };
        for (k, &value) in operands.iter().enumerate() {
            let float = value.op_index().is_some_and(|v| trace.ops[v].ty == Type::Float);
            // The base of a folded load.
            let folded = a.folds[at].is_some_and(|fold| fold.operand as usize == k);
            let want = if folded { Want::Register } else { shape.operands[k] };
            places.args[k] = self.operand(a, float, value, at, want);
        }
        for &val in trace.list(op.list) {
            let value = a.value(val);
            if let Some(v) = value.op_index() {
                self.touched[v] = true;
            }
            let place = self.place(value);
            self.out.list_places.push(place);
        }
        self.clear_clobbered(a, at, shape.clobbers);
        let snapshot = a.snapshot(op);
        let mut dying = RegSet::EMPTY;
        for v in a.deaths(at).filter(|&v| self.reg[v] != NO_REG) {
            dying.add(Reg(self.reg[v]));
        }
        let mut result = None;
        if op.ty != Type::Void {
            let mut avoid = shape.avoid;
            for (k, &place) in places.args[..count].iter().enumerate() {
                let Place::Reg(reg) = place else { continue };
                // What the snapshot needs may only be overwritten when the exit restores it.
                let at_exit = shape.restored >> k & 1 == 0 && snapshot.contains(&operands[k]);
                if at_exit || shape.apart >> k & 1 != 0 {
                    avoid.add(reg);
                }
            }
            let float = op.ty == Type::Float;
            let class = RegSet::class(float) & self.machine.allocatable & !avoid;
            let mut from = (self.free | dying) & class;
            if !snapshot.is_empty() {
                // Other values that die here are the snapshot's.
                from = from & (self.free | self.pinned);
            }
            // An operand's register saves a move on two-address processors.
            let reused = |k: usize| match places.args[k] {
                Place::Reg(reg) if from.has(reg) => Some(reg),
                _ => None,
            };
            let second =
                || (op.code.row().commutative || a.reuses[at].is_some()).then(|| reused(1)).flatten();
            let prefer = shape.prefer.or_else(|| self.call_hint(request, a, at, float));
            let prefer = prefer.filter(|&reg| from.has(reg)).or_else(|| reused(0)).or_else(second);
            let reg = self.choose(a, at, at, from, prefer).unwrap_or_else(|| {
                // Whatever is evicted goes to its slot before the op, so exits find it there.
                let (reg, _) = self.victim(a, at, class).expect("more registers than an op has operands");
                let owner = self.owner[reg.0 as usize].op_index().expect("victims have owners");
                self.evict(owner);
                reg
            });
            result = Some(reg);
            places.result = Place::Reg(reg);
        }
        // When there is something to do better, the next scan's exits are the ones that count.
        if op.code.is_guard() && (self.last_scan || !self.marked) {
            let known = a.known_at_exit(op);
            let mut exits = std::mem::take(&mut self.out.exits);
            let known = known.map(|(value, bits)| (value, exits.number_of(bits)));
            for &value in snapshot {
                let location = match (known, self.place(value)) {
                    (Some((known, number)), _) if known == value => PackedLocation::Const(number),
                    (_, Place::Const(number)) => PackedLocation::Const(number),
                    (_, place) => match self.location(a, place) {
                        Location::Const(bits) => PackedLocation::Const(exits.number_of(bits)),
                        location => PackedLocation::Place(location),
                    },
                };
                exits.push(location);
            }
            exits.end();
            self.out.exits = exits;
        }
        places.live = self.machine.allocatable & !self.free;
        for v in a.deaths(at) {
            self.kill(v);
        }
        if let Some(reg) = result
            && a.last[at] != NEVER
        {
            self.give(at, reg);
        }
        self.out.ops[at] = places;
    }

    fn operand(&mut self, a: &Analysis, float: bool, value: Value, at: usize, want: Want) -> Place {
        let Some(v) = value.op_index() else { return self.place(value) };
        if self.reg[v] == NO_REG {
            // Code that can read the slot does so when loading would not help a later use or would evict another value.
            let load = want == Want::Register
                || (self.next_use(a, v, at as u32) != NEVER
                    && !(self.free & RegSet::class(float) & self.machine.allocatable).is_empty());
            if load {
                let reg = self.load(a, v, at, float);
                self.pinned.add(reg);
            }
        }
        self.place(value)
    }

    /// Moves what has to survive out of registers that an op destroys.
    fn clear_clobbered(&mut self, a: &Analysis, at: usize, clobbers: RegSet) {
        for reg in clobbers & self.machine.allocatable & !self.free {
            let Some(v) = self.owner[reg.0 as usize].op_index() else { continue };
            if a.last[v] == at as u32 {
                continue;
            }
            let class = RegSet::class(reg.is_float());
            let safe = self.free & class & !clobbers;
            match safe.first() {
                Some(to) if self.slot[v] == NO_SLOT => {
                    if (v as u32) < self.label_values && self.better[v] == NO_REG {
                        self.better[v] = to.0;
                        self.marked = true;
                    }
                    self.push_move(Place::Reg(reg), Place::Reg(to));
                    self.take_away(v);
                    self.give(v, to);
                }
                _ => self.evict(v),
            }
        }
    }

    /// The register in which the next call expects the value that `at` defines.
    fn call_hint(&self, request: &Request<'_>, a: &Analysis, at: usize, float: bool) -> Option<Reg> {
        let call = a.next_call[at];
        if call == NEVER || a.last[at] != call {
            return None;
        }
        let trace = request.trace;
        let mut number = 0;
        for &val in trace.list(trace.ops[call as usize].list) {
            if (trace.ty(val) == Type::Float) != float {
                continue;
            }
            if a.value(val) == Value::op(at) {
                let regs = if float { self.machine.float_args } else { self.machine.general_args };
                return regs.get(number).copied();
            }
            number += 1;
        }
        None
    }

    // ---- the ends of the trace and of the loop

    fn enter_bridge(&mut self, request: &Request<'_>, a: &Analysis) {
        for (at, op) in request.trace.ops.iter().enumerate() {
            if op.code != OpCode::Param || a.roles[at] != Role::Normal || a.last[at] == NEVER {
                continue;
            }
            match Self::from_location(request.inputs[op.imm as usize]) {
                Place::Reg(reg) => self.give(at, reg),
                Place::Slot(slot) => {
                    self.slot[at] = slot;
                    self.slots[slot as usize / 64] |= 1 << (slot % 64);
                }
                _ => {}
            }
        }
        let end = request.trace.ops.len() - 1;
        let op = &request.trace.ops[end];
        if op.code == OpCode::JumpTo
            && let Some(label) = &request.targets[op.imm as usize].label
        {
            for (&val, &location) in request.trace.list(op.list).iter().zip(&label.params) {
                if let (Some(v), Place::Reg(reg)) = (a.value(val).op_index(), Self::from_location(location)) {
                    self.hint[v] = reg.0;
                    self.param_regs.add(reg);
                }
            }
        }
    }

    fn label(&mut self, request: &Request<'_>, a: &Analysis, at: usize) {
        let trace = request.trace;
        let end = trace.ops.len() - 1;
        let inits = trace.list(trace.ops[at].list);
        let first = at + 1;
        self.pinned = RegSet::EMPTY;
        for &value in &a.invariants {
            let v = value.0 as usize;
            // What lives in a fixed slot is left there, so that others may jump to the label too.
            let evict =
                self.marks[v] & IN_SLOT != 0 || (is_fixed(self.slot[v]) && !self.out.label_is_private);
            if (self.marks[v] != 0 || evict) && self.reg[v] != NO_REG {
                self.store(v);
                if evict {
                    self.take_away(v);
                }
            }
            let better = self.better[v];
            if self.reg[v] != NO_REG && better != NO_REG && self.free.has(Reg(better)) {
                self.push_move(Place::Reg(Reg(self.reg[v])), Place::Reg(Reg(better)));
                self.take_away(v);
                self.give(v, Reg(better));
            }
            self.body_use[v] = a.use_after(&mut self.head[v], at as u32);
        }
        // Where the initial values are now, before any is evicted or its register taken over: no register is written
        // before the moves at the end, so they can still be read there.
        let mut pending = std::mem::take(&mut self.pending);
        pending.extend(inits.iter().map(|&val| Move { from: self.place(a.value(val)), to: Place::None }));
        self.order.clear();
        for i in 0..inits.len() {
            let next = a.use_after(&mut self.head[first + i], at as u32);
            self.order.push((next, i as u32));
        }
        self.order.sort_unstable();
        self.label_places.clear();
        self.label_places.resize(inits.len(), Place::None);
        let mut order = std::mem::take(&mut self.order);
        for &(next, i) in &order {
            let (phi, init) = (first + i as usize, a.value(inits[i as usize]));
            let place = self.place_param(a, trace.ops[phi].ty == Type::Float, at, phi, init, next);
            self.label_places[i as usize] = place;
            if let Place::Reg(reg) = place {
                self.pinned.add(reg);
            }
        }
        order.clear();
        self.order = order;
        for (m, &place) in pending.iter_mut().zip(&self.label_places) {
            m.to = place;
        }
        sequence(&mut pending, &mut self.out.moves);
        self.pending = pending;
        for v in inits.iter().filter_map(|&val| a.value(val).op_index()) {
            if a.last[v] == at as u32 {
                self.kill(v);
            }
        }
        self.preload(a, trace, at);
        self.label_values = (first + inits.len()) as u32;
        let back = if trace.ops[end].code == OpCode::Jump { trace.list(trace.ops[end].list) } else { &[] };
        for v in 0..first {
            self.label_reg[v] = self.reg[v];
            self.touched[v] = false;
        }
        for i in 0..inits.len() {
            let place = self.label_places[i];
            let location = self.location(a, place);
            self.out.label.push(location);
            if let Place::Reg(reg) = place {
                self.param_regs.add(reg);
                if let Some(v) = back.get(i).and_then(|&val| a.value(val).op_index())
                    && v >= first + inits.len()
                {
                    self.hint[v] = reg.0;
                }
            }
            // A param that nothing reads is only passed on.
            if a.last[first + i] == NEVER {
                self.kill(first + i);
            }
        }
        self.pinned = RegSet::EMPTY;
    }

    /// Finds a place for a param at the label.
    fn place_param(
        &mut self,
        a: &Analysis,
        float: bool,
        at: usize,
        phi: usize,
        init: Value,
        next: u32,
    ) -> Place {
        if self.marks[phi] & IN_SLOT == 0 {
            let class = RegSet::class(float) & self.machine.allocatable;
            let crosses = self.crosses_call(a, phi, at);
            let better = self.better[phi];
            if better != NO_REG && self.free.has(Reg(better)) {
                self.give(phi, Reg(better));
                return Place::Reg(Reg(better));
            }
            if let Some(v) = init.op_index()
                && a.last[v] == at as u32
                && self.reg[v] != NO_REG
            {
                let reg = Reg(self.reg[v]);
                let better = self.free & class & !self.machine.caller_saved;
                if !crosses || !self.machine.caller_saved.has(reg) || better.is_empty() {
                    // The initial value dies here: the param takes its register over.
                    self.reg[v] = NO_REG;
                    self.give(phi, reg);
                    return Place::Reg(reg);
                }
            }
            let found = self.choose(a, phi, at, self.free & class, None).or_else(|| {
                let (reg, later) = self.victim(a, at, class)?;
                if later <= next {
                    return None;
                }
                let owner = self.owner[reg.0 as usize].op_index()?;
                self.evict(owner);
                Some(reg)
            });
            if let Some(reg) = found {
                self.give(phi, reg);
                return Place::Reg(reg);
            }
        }
        let slot = self.new_slot();
        self.slot[phi] = slot;
        Place::Slot(slot)
    }

    /// Loads invariants that the body uses into registers that are left, in order of use.
    fn preload(&mut self, a: &Analysis, trace: &traces::Trace, at: usize) {
        let mut order = std::mem::take(&mut self.order);
        order.clear();
        for &value in &a.invariants {
            let v = value.0 as usize;
            let stays = is_fixed(self.slot[v]) && !self.out.label_is_private;
            if self.reg[v] == NO_REG && self.marks[v] & IN_SLOT == 0 && self.body_use[v] != NEVER && !stays {
                order.push((self.body_use[v], value.0));
            }
        }
        order.sort_unstable();
        for &(_, v) in &order {
            let float = trace.ops[v as usize].ty == Type::Float;
            let free = self.free & RegSet::class(float) & self.machine.allocatable;
            if let Some(reg) = self.choose(a, v as usize, at, free, None) {
                self.push_move(Place::Slot(self.slot[v as usize]), Place::Reg(reg));
                self.give(v as usize, reg);
            }
        }
        self.order = order;
    }

    fn jump(&mut self, request: &Request<'_>, a: &Analysis, at: usize) {
        let trace = request.trace;
        let mut pending = std::mem::take(&mut self.pending);
        for (&val, &to) in trace.list(trace.ops[at].list).iter().zip(&self.label_places) {
            pending.push(Move { from: self.place(a.value(val)), to });
        }
        for &value in &a.invariants {
            let reg = self.label_reg[value.0 as usize];
            if reg != NO_REG {
                pending.push(Move { from: self.place(value), to: Place::Reg(Reg(reg)) });
            }
        }
        sequence(&mut pending, &mut self.out.moves);
        self.pending = pending;
    }

    fn jump_to(&mut self, request: &Request<'_>, a: &Analysis, at: usize) {
        let op = &request.trace.ops[at];
        let label = request.targets[op.imm as usize].label.as_ref();
        let params: &LabelCode = label.expect("a jump_to goes to a trace that has a label");
        let mut pending = std::mem::take(&mut self.pending);
        for (&val, &location) in request.trace.list(op.list).iter().zip(&params.params) {
            pending.push(Move { from: self.place(a.value(val)), to: Self::from_location(location) });
        }
        sequence(&mut pending, &mut self.out.moves);
        self.pending = pending;
    }
}
