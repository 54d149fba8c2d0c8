//! Loop headers: the contract between a compiled loop and whoever jumps to its label.
//!
//! A header says for each slot of the frame how the loop expects it (unboxed, an object, in memory) and which *facts*
//! the loop relies on: values that were hoisted out of it. Linking (from the preamble, the back edge, a bridge of any
//! trace) goes through the slots and then feeds each fact to the forward optimizer: what is known already costs nothing, the rest is loaded
//! and guarded again. So a link never boxes what the loop wants unboxed, and never assumes what may have changed.

use super::{Abs, Boxed, Info, Optimized, Optimizer, frames::FrameMemory, memory::Key, parts::Part};
use crate::abort::Abort;
use traces::{Const, Effect, Op, OpCode, Region, Slot, SnapId, Trace, Type, Val};

/// Whether the op reads the number inside of a box.
fn is_unboxing(code: OpCode) -> bool {
    matches!(code, OpCode::IntValue | OpCode::FloatValue | OpCode::BoolValue)
}

/// What a value must be known to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Requirement {
    /// This constant.
    pub constant: Option<Const>,
    /// An object of exactly this type, or 0.
    pub known_type: usize,
    /// Not null.
    pub nonnull: bool,
}

/// How a loop expects a slot of its frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HeaderSlot {
    /// NULL.
    Null {
        /// Memory holds NULL.
        in_memory: bool,
    },
    /// This object, which the code keeps alive.
    Const {
        /// Its address.
        object: usize,
        /// Memory holds it, with a reference.
        in_memory: bool,
    },
    /// A box that nobody has seen: its payload is a param (shared by slots that hold the same box).
    Boxed {
        /// `Int`, `Float` or `Bool`.
        ty: Type,
        /// The param.
        param: usize,
    },
    /// An object, with one reference for each slot that holds it.
    Object {
        /// The param that is the object's address, if the loop has it in a register.
        param: Option<usize>,
        /// Slots with the same number hold the same object.
        class: usize,
        /// Memory holds it.
        in_memory: bool,
        /// What is known of it.
        requirement: Requirement,
    },
}

/// An operand of a fact.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FactArg {
    /// Unused.
    None,
    /// A param of the header.
    Param(usize),
    /// A constant.
    Const(Const),
    /// The frame.
    Frame,
}

/// A value that the loop relies on: the result of this op, as far as `requirement` says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fact {
    /// The op.
    pub code: OpCode,
    /// Its operands.
    pub args: [FactArg; 2],
    /// Offset or helper.
    pub imm: i32,
    /// Memory region.
    pub region: Region,
    /// The param that is its result, unless that is constant.
    pub result: Option<usize>,
    /// The type of the result.
    pub ty: Type,
    /// What the result is known to be.
    pub requirement: Requirement,
}

/// How well a state has to fit a header.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fit {
    /// The end of a loop's body that may be peeled once more: what can be unboxed has to be.
    Unboxed,
    /// The end of a loop's body: boxes may be built.
    Boxes,
    /// A link from elsewhere, which may take boxes apart.
    Link,
}

/// The contract of a loop's label.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Header {
    /// The slots of the frame: locals and stack.
    pub slots: Vec<HeaderSlot>,
    /// In an order in which operands come before their uses.
    pub facts: Vec<Fact>,
    /// The types of the params.
    pub params: Vec<Type>,
    /// Which params the label still has: a value that is only handed around, or only needed to state a fact, needs no register.
    pub live: Vec<bool>,
}

impl Optimizer<'_> {
    fn requirement(&self, a: Abs) -> Requirement {
        let info = self.info(a);
        Requirement { constant: info.constant, known_type: info.known_type, nonnull: info.nonnull }
    }

    /// Describes the present state as a header: the frame has these slots. `generic` slots are given as plain objects of which nothing is known,
    /// `dropped` ones as objects of any type.
    pub(super) fn describe(&mut self, slots: &[Abs], generic: &[bool], dropped: &[bool]) -> Header {
        let mut header = Header::default();
        let any_type = |o: &Self, a: Abs| {
            let ty = o.info(a).known_type;
            let all_dropped = || slots.iter().zip(dropped).all(|(&b, &dropped)| b != a || dropped);
            ty != 0 && o.info(a).constant.is_none() && !(o.env.is_leaf)(ty) && all_dropped()
        };
        let mut bound: Vec<(Abs, FactArg)> = vec![(self.frame_ptr, FactArg::Frame)];
        let mut classes: Vec<Abs> = Vec::new();
        let param = |header: &mut Header, ty: Type| {
            header.params.push(ty);
            header.params.len() - 1
        };
        let null = self.null();
        for (k, &a) in slots.iter().enumerate() {
            let in_memory = self.frames[0].slot(k) == a;
            let info = self.info(a);
            let slot = if a == null {
                HeaderSlot::Null { in_memory }
            } else if generic.get(k).copied().unwrap_or(false) {
                classes.push(Abs::NONE);
                let p = param(&mut header, Type::Obj);
                HeaderSlot::Object {
                    param: Some(p),
                    class: classes.len() - 1,
                    in_memory: false,
                    requirement: Requirement { nonnull: true, ..Default::default() },
                }
            } else if let (true, Some(Const::Obj(object))) = (info.immortal, info.constant) {
                HeaderSlot::Const { object, in_memory }
            } else if let Some(boxed) = info.boxed {
                let payload = boxed.payload();
                let ty = match boxed {
                    Boxed::Int(_) => Type::Int,
                    Boxed::Float(_) => Type::Float,
                    Boxed::Bool(_) => Type::Bool,
                };
                let known = slots[..k].iter().position(|&b| b == a).map(|j| header.slots[j]);
                let p = match known {
                    Some(HeaderSlot::Boxed { param, .. }) => param,
                    _ => {
                        let p = param(&mut header, ty);
                        if self.info(payload).constant.is_none() {
                            bound.push((payload, FactArg::Param(p)));
                        }
                        p
                    }
                };
                HeaderSlot::Boxed { ty, param: p }
            } else {
                let class = classes.iter().position(|&b| b == a);
                let class = class.unwrap_or_else(|| {
                    classes.push(a);
                    classes.len() - 1
                });
                let loaded = info.val != Val::NONE || !in_memory;
                let known = bound.iter().find(|(b, _)| *b == a).map(|&(_, arg)| arg);
                let p = match known {
                    Some(FactArg::Param(p)) => Some(p),
                    _ if loaded => {
                        let p = param(&mut header, Type::Obj);
                        bound.push((a, FactArg::Param(p)));
                        Some(p)
                    }
                    _ => None,
                };
                let mut requirement = self.requirement(a);
                if any_type(self, a) {
                    requirement.known_type = 0;
                }
                HeaderSlot::Object { param: p, class, in_memory, requirement }
            };
            header.slots.push(slot);
        }
        // What is known of an object of any type may hold for this one only.
        bound.retain(|&(a, _)| !any_type(self, a));
        if !self.env.off.has(Part::Hoisting) {
            self.describe_facts(&mut header, bound);
        }
        header
    }

    /// Adds all that is known and can be said in terms of the header's params.
    fn describe_facts(&mut self, header: &mut Header, mut bound: Vec<(Abs, FactArg)>) {
        // In the order in which they were computed: what made a load safe (a bounds check) comes before it.
        let age = |a: Abs| if a == Abs::NONE { 0 } else { a.0 };
        let known = self.heap.iter().filter(|(k, a)| self.heap.get(k) == Some(*a)).copied();
        let mut candidates: Vec<(Key, Abs)> = self.pure.iter().map(|(k, &a)| (*k, a)).chain(known).collect();
        candidates.sort_by_key(|(k, a)| (a.0.max(age(k.a)).max(age(k.b)), a.0, k.code as u8, k.imm));
        let mut done = vec![false; candidates.len()];
        loop {
            let mut progress = false;
            for (i, &(key, result)) in candidates.iter().enumerate() {
                if done[i] {
                    continue;
                }
                let Some(args) = self.fact_args(&bound, &key) else { continue };
                done[i] = true;
                if self.rests_on_a_forgotten_type(&key) {
                    continue;
                }
                let info = self.info(result);
                // A box that nobody has seen is not a fact of memory.
                if info.boxed.is_some() {
                    continue;
                }
                let constant = info.constant;
                let varies = args.iter().any(|a| matches!(a, FactArg::Param(_)))
                    || key.region != Region::Immutable
                    || key.code.is_guard();
                if constant.is_some() && !varies {
                    continue;
                }
                let param = if constant.is_some() {
                    None
                } else {
                    header.params.push(info.ty);
                    Some(header.params.len() - 1)
                };
                header.facts.push(Fact {
                    code: key.code,
                    args,
                    imm: key.imm,
                    region: key.region,
                    result: param,
                    ty: info.ty,
                    requirement: self.requirement(result),
                });
                if let Some(p) = param
                    && !bound.iter().any(|(b, _)| *b == result)
                {
                    bound.push((result, FactArg::Param(p)));
                }
                progress = true;
            }
            if !progress {
                return;
            }
        }
    }

    /// A load whose object's type is no longer known (its class may have been assigned): it holds for the object that it was
    /// made from, but who links may bring another one.
    fn rests_on_a_forgotten_type(&self, key: &Key) -> bool {
        if key.a == Abs::NONE || key.code.row().effect == Effect::Pure && !is_unboxing(key.code) {
            return false;
        }
        let base = self.info(key.a);
        base.ty == Type::Obj && base.constant.is_none() && base.known_type == 0
    }

    fn fact_args(&self, bound: &[(Abs, FactArg)], key: &Key) -> Option<[FactArg; 2]> {
        let mut args = [FactArg::None; 2];
        for (arg, &a) in args.iter_mut().zip(&[key.a, key.b]) {
            if a == Abs::NONE {
                continue;
            }
            *arg = match self.info(a).constant {
                Some(c) => FactArg::Const(c),
                None => bound.iter().find(|(b, _)| *b == a)?.1,
            };
        }
        Some(args)
    }

    /// Starts the loop's own copy: everything is forgotten but the header. Emits label and params.
    pub(super) fn start_loop(&mut self, header: &Header, initial: &[Abs]) -> Vec<Abs> {
        let vals: Vec<Val> = initial.iter().map(|&a| self.value(a)).collect();
        let mut label = Op::new(OpCode::Label, &[]);
        label.list = self.out.push_list(&vals);
        self.out.push(label);
        let params: Vec<Abs> = header
            .params
            .iter()
            .enumerate()
            .map(|(i, &ty)| {
                let mut op = Op::new(OpCode::Param, &[]);
                (op.ty, op.imm) = (ty, i as i32);
                self.push(op)
            })
            .collect();
        self.assume(header, &params)
    }

    /// Sets the state that a header describes, its params being these values. Returns the slots.
    fn assume(&mut self, header: &Header, params: &[Abs]) -> Vec<Abs> {
        self.pure.clear();
        self.heap.clear();
        self.assumed.clear();
        self.unsettled.clear();
        for info in &mut self.infos {
            // A constant is the same value behind the label; what was held of it is the params' now.
            if info.immortal || info.constant.is_some() {
                (info.owed, info.held) = (0, 0);
            }
        }
        let memory = FrameMemory::new(self.frame_ptr);
        self.frames.truncate(0);
        self.frames.push(memory);
        let null = self.null();
        let mut slots = Vec::with_capacity(header.slots.len());
        let mut objects: Vec<Abs> = Vec::new();
        let mut boxes: Vec<(usize, Abs)> = Vec::new();
        for (k, slot) in header.slots.iter().enumerate() {
            let (a, in_memory) = match *slot {
                HeaderSlot::Null { in_memory } => (null, in_memory),
                HeaderSlot::Const { object, in_memory } => {
                    let a = self.constant(Const::Obj(object));
                    self.info_mut(a).owed += 1;
                    self.info_mut(a).held += in_memory as i32;
                    (a, in_memory)
                }
                HeaderSlot::Boxed { ty, param } => {
                    let known = boxes.iter().find(|(p, _)| *p == param).map(|b| b.1);
                    let a = known.unwrap_or_else(|| {
                        let payload = params[param];
                        let (boxed, ty) = match ty {
                            Type::Int => (Boxed::Int(payload), self.env.int_type),
                            Type::Float => (Boxed::Float(payload), self.env.float_type),
                            _ => (Boxed::Bool(payload), self.env.bool_type),
                        };
                        let a = self.new_box(boxed, ty, 0);
                        boxes.push((param, a));
                        a
                    });
                    self.info_mut(a).owed += 1;
                    (a, false)
                }
                HeaderSlot::Object { param, class, in_memory, requirement } => {
                    if objects.len() <= class {
                        objects.resize(class + 1, Abs::NONE);
                    }
                    if objects[class] == Abs::NONE {
                        objects[class] = match param {
                            Some(p) => params[p],
                            None => {
                                let mut info = Info::new(Type::Obj, Val::NONE);
                                info.lazy_slot = Some(k as u32);
                                self.new_abs(info)
                            }
                        };
                        self.grant(objects[class], &requirement);
                    }
                    let info = self.info_mut(objects[class]);
                    info.owed += 1;
                    info.held += 1;
                    (objects[class], in_memory)
                }
            };
            if in_memory {
                self.frames[0].set_slot(k, a);
            }
            slots.push(a);
        }
        for fact in &header.facts {
            let [a, b] = fact.args.map(|arg| self.fact_operand(arg, params));
            let key = self.ordered(Key { code: fact.code, a, b, imm: fact.imm, region: fact.region });
            let result = match (fact.result, fact.requirement.constant) {
                (Some(p), _) => params[p],
                (None, Some(c)) => self.constant(c),
                (None, None) => continue,
            };
            self.grant(result, &fact.requirement);
            if fact.ty == Type::Bool && fact.code.row().result == Some(Type::Bool) {
                self.info_mut(result).compare = Some((fact.code, a, b));
            }
            self.assumed.push((key, result));
            if fact.region == Region::Immutable {
                self.pure.insert(key, result);
            } else {
                self.heap.insert(key, result);
            }
        }
        self.assumed_used = vec![false; self.assumed.len()];
        self.heap.watch_only(self.assumed.iter().map(|(key, _)| *key));
        self.last_known = None;
        self.generation += 1;
        slots
    }

    fn fact_operand(&mut self, arg: FactArg, params: &[Abs]) -> Abs {
        match arg {
            FactArg::None => Abs::NONE,
            FactArg::Param(p) => params[p],
            FactArg::Const(c) => self.constant(c),
            FactArg::Frame => self.frame_ptr,
        }
    }

    fn grant(&mut self, a: Abs, requirement: &Requirement) {
        let info = self.info_mut(a);
        if info.constant.is_none() {
            info.constant = requirement.constant;
        }
        info.known_type = requirement.known_type;
        info.nonnull = requirement.nonnull;
    }

    /// Whether the state fits the header, apart from guards that the link can still make.
    pub(super) fn matches(&mut self, slots: &[Abs], header: &Header, fit: Fit) -> Result<(), usize> {
        if slots.len() != header.slots.len() {
            return Err(usize::MAX);
        }
        let null = self.null();
        // What is an object in one slot and a number in another would come out as two objects.
        let is_object = |a| {
            let mut pairs = slots.iter().zip(&header.slots);
            pairs.any(|(&b, slot)| b == a && matches!(slot, HeaderSlot::Object { .. }))
        };
        let mut boxes: Vec<(usize, Abs)> = Vec::new();
        let mut classes: Vec<(usize, Abs)> = Vec::new();
        for (k, (&a, slot)) in slots.iter().zip(&header.slots).enumerate() {
            let info = self.info(a);
            let fits = match *slot {
                HeaderSlot::Null { .. } => a == null,
                HeaderSlot::Const { object, .. } => info.constant == Some(Const::Obj(object)),
                HeaderSlot::Boxed { ty, param } => {
                    let same_box = boxes.iter().all(|&(p, b)| (p == param) == (b == a));
                    boxes.push((param, a));
                    // Of a bool, or a small int, there is but one object.
                    let single = ty == Type::Bool || info.immortal;
                    same_box
                        && (single || !is_object(a))
                        && (self.unboxed(a, ty).is_some()
                            || (fit == Fit::Link && self.may_unbox(a, ty, slots)))
                }
                HeaderSlot::Object { class, requirement, .. } => {
                    let same = classes.iter().all(|&(c, b)| c != class || b == a);
                    classes.push((class, a));
                    let known = requirement.known_type == 0
                        || info.known_type == 0
                        || info.known_type == requirement.known_type;
                    let constant = match (requirement.constant, info.constant) {
                        (Some(x), Some(y)) => x == y,
                        (Some(_), None) => info.boxed.is_none(),
                        _ => true,
                    };
                    let box_in_each_turn = fit == Fit::Unboxed && info.boxed.is_some();
                    same && known && constant && a != null && !box_in_each_turn
                }
            };
            if !fits {
                return Err(k);
            }
        }
        Ok(())
    }

    /// The payload of a box that nobody has seen, or of a small int (which any box of that value is).
    fn unboxed(&self, a: Abs, ty: Type) -> Option<Result<Abs, Const>> {
        let info = self.info(a);
        match (info.boxed, ty) {
            (Some(Boxed::Int(p)), Type::Int)
            | (Some(Boxed::Float(p)), Type::Float)
            | (Some(Boxed::Bool(p)), Type::Bool) => return Some(Ok(p)),
            _ => {}
        }
        let Some(Const::Obj(address)) = info.constant else { return None };
        if !info.immortal {
            return None;
        }
        match (ty, info.known_type) {
            (Type::Int, t) if t == self.env.int_type => {
                match (self.env.payload_of)(OpCode::IntValue, address) {
                    Some(c @ Const::Int(-5..=256)) => Some(Err(c)),
                    _ => None,
                }
            }
            (Type::Bool, t) if t == self.env.bool_type => {
                (self.env.payload_of)(OpCode::BoolValue, address).map(Err)
            }
            _ => None,
        }
    }

    /// Whether [`Self::unbox_slot`] may try: an object that just this slot holds.
    fn may_unbox(&self, a: Abs, ty: Type, slots: &[Abs]) -> bool {
        let info = self.info(a);
        let wanted = match ty {
            Type::Int => self.env.int_type,
            Type::Float => self.env.float_type,
            _ => return false,
        };
        (info.known_type == wanted || info.known_type == 0)
            && info.boxed.is_none()
            && info.constant.is_none()
            && !info.immortal
            && (info.owed, info.held) == (1, 1)
            && slots.iter().filter(|&&b| b == a).count() == 1
    }

    /// Takes the number in a slot out of its box, with guards that leave at `snap`. Allowed where nobody can tell: the slot
    /// has the only reference, or it is one of the small ints, which are what they are. Returns the slot's new object, a box that nobody has seen.
    pub(super) fn unbox_slot(&mut self, raw: &Trace, snap: SnapId, k: usize, ty: Type) -> Optimized<Abs> {
        let source = raw.snapshots.frame(snap, 0).slots.get(k);
        let a = self.slot_abs(raw, source);
        let Slot::Value(source) = source else { return Err(Abort::NoFixedPoint) };
        let Some(source) = source.op_index() else { return Err(Abort::NoFixedPoint) };
        let (read, known_type) = match ty {
            Type::Int => (OpCode::IntValue, self.env.int_type),
            Type::Float => (OpCode::FloatValue, self.env.float_type),
            _ => return Err(Abort::NoFixedPoint),
        };
        let requirement = Requirement { known_type, ..Default::default() };
        self.require(raw, snap, a, &requirement)?;
        let payload = self.unbox(raw, read, a, snap)?;
        let mut load = Op::new(OpCode::LoadInt, &[]);
        (load.imm, load.region) = (self.env.refcnt, Region::RefCount);
        let count = self.load(&load, a, Abs::NONE);
        let one = self.constant(Const::Int(1));
        let alone = self.pure_op(raw, &Op::new(OpCode::IntEq, &[]), count, one)?;
        if ty == Type::Int {
            let (low, many) = (self.constant(Const::Int(5)), self.constant(Const::Int(262)));
            let from_low = self.pure_op(raw, &Op::new(OpCode::IntAdd, &[]), payload, low)?;
            let small = self.pure_op(raw, &Op::new(OpCode::IntULt, &[]), from_low, many)?;
            let large = self.pure_op(raw, &Op::new(OpCode::BoolNot, &[]), small, Abs::NONE)?;
            let shared = self.pure_op(raw, &Op::new(OpCode::BoolNot, &[]), alone, Abs::NONE)?;
            let seen = self.pure_op(raw, &Op::new(OpCode::BoolAnd, &[]), large, shared)?;
            self.guard(raw, OpCode::GuardFalse, seen, Abs::NONE, snap)?;
        } else {
            self.guard(raw, OpCode::GuardTrue, alone, Abs::NONE, snap)?;
        }
        self.decref(raw, OpCode::DecrefLeaf, a, snap)?;
        let boxed = if ty == Type::Int { Boxed::Int(payload) } else { Boxed::Float(payload) };
        let new = self.new_box(boxed, known_type, 1);
        self.map[source] = new;
        self.generation += 1;
        Ok(new)
    }

    /// Takes the numbers in these slots out of their boxes before the loop is closed, where the recording neither does so itself
    /// nor lets other code see them.
    pub(super) fn unbox_ahead(&mut self, raw: &Trace, unbox: &[(usize, Type)]) -> Optimized<()> {
        if raw.ops.iter().any(|op| raw.effect(op) == Effect::RunsPython) {
            return Ok(());
        }
        let at = self.at;
        for &(k, ty) in unbox {
            let sources = raw.snapshots.frame(at, 0).slots;
            if k >= sources.len() {
                continue;
            }
            let source = sources.get(k);
            let slots: Vec<Abs> = sources.iter().map(|s| self.slot_abs(raw, s)).collect();
            if matches!(source, Slot::Value(v) if !v.is_const()) && self.may_unbox(slots[k], ty, &slots) {
                self.unbox_slot(raw, at, k, ty)?;
            }
        }
        Ok(())
    }

    /// Makes the state fit the header (`matches` said it can), with guards that leave at `snap`. Returns the values of the params.
    pub(super) fn link(
        &mut self,
        raw: &Trace,
        snap: SnapId,
        slots: &[Abs],
        header: &Header,
    ) -> Optimized<Vec<Abs>> {
        let mut args = vec![Abs::NONE; header.params.len()];
        let mut slots = slots.to_vec();
        for (k, slot) in header.slots.iter().enumerate() {
            if let HeaderSlot::Boxed { ty, .. } = *slot
                && self.unboxed(slots[k], ty).is_none()
            {
                slots[k] = self.unbox_slot(raw, snap, k, ty)?;
            }
        }
        let slots = &slots[..];
        // Questions first: while nothing has been stored, a guard leaves with the state as it is.
        for (&a, slot) in slots.iter().zip(&header.slots) {
            if let HeaderSlot::Object { requirement, .. } = slot {
                self.require(raw, snap, a, requirement)?;
            }
        }
        for (k, (&a, slot)) in slots.iter().zip(&header.slots).enumerate() {
            match *slot {
                HeaderSlot::Null { in_memory } => {
                    if in_memory {
                        self.store_slot(0, k, a);
                    }
                }
                HeaderSlot::Const { in_memory, .. } => {
                    if in_memory {
                        self.store_slot(0, k, a);
                    }
                }
                HeaderSlot::Boxed { ty, param } => {
                    args[param] = match self.unboxed(a, ty).ok_or(Abort::NoFixedPoint)? {
                        Ok(payload) => payload,
                        Err(c) => self.constant(c),
                    };
                }
                HeaderSlot::Object { param, in_memory, .. } => {
                    if in_memory {
                        self.store_slot(0, k, a);
                    }
                    if let Some(p) = param {
                        self.value(a);
                        args[p] = a;
                    }
                }
            }
        }
        self.settle_slots(slots, header)?;
        for fact in &header.facts {
            let [a, b] = fact.args.map(|arg| self.fact_operand(arg, &args));
            let mut op = Op::new(fact.code, &[]);
            (op.ty, op.imm, op.region, op.snap) = (fact.ty, fact.imm, fact.region, snap);
            let result = match fact.code {
                OpCode::LoadInt
                | OpCode::LoadU32
                | OpCode::LoadI32
                | OpCode::LoadU8
                | OpCode::LoadFloat
                | OpCode::LoadObj
                | OpCode::LoadPtr
                | OpCode::LoadObjAt => self.load(&op, a, b),
                OpCode::IntValue | OpCode::FloatValue | OpCode::BoolValue => {
                    self.unbox(raw, fact.code, a, snap)?
                }
                OpCode::ThreadState => self.thread_state(),
                code if code.is_call() => self.pure_call(&op, a, b),
                _ => self.pure_op(raw, &op, a, b)?,
            };
            self.require(raw, snap, result, &fact.requirement)?;
            if let Some(p) = fact.result {
                args[p] = result;
            }
        }
        Ok(args)
    }

    fn pure_call(&mut self, op: &Op, a: Abs, b: Abs) -> Abs {
        let key = Key { code: op.code, a, b, imm: op.imm, region: Region::Immutable };
        if let Some(hit) = self.lookup_pure(&key) {
            return hit;
        }
        let vals: Vec<Val> = [a, b].iter().filter(|&&x| x != Abs::NONE).map(|&x| self.value(x)).collect();
        let mut new = Op::new(op.code, &[]);
        new.imm = op.imm;
        new.list = self.out.push_list(&vals);
        let r = self.push(new);
        self.heap.note(&key);
        self.pure.insert(key, r);
        r
    }

    /// One real reference for each slot that the loop takes for an object, none for boxes and constants out of memory. A small int in the
    /// place of a box may be such a constant: memory that holds it gives up its reference, for the loop will overwrite it as if there were none.
    fn settle_slots(&mut self, slots: &[Abs], header: &Header) -> Optimized<()> {
        let mut wanted: Vec<(Abs, i32)> = Vec::new();
        for (&a, slot) in slots.iter().zip(&header.slots) {
            let n = match slot {
                HeaderSlot::Object { .. } | HeaderSlot::Const { in_memory: true, .. } => 1,
                HeaderSlot::Const { .. } => 0,
                HeaderSlot::Boxed { .. } if self.info(a).immortal => 0,
                _ => continue,
            };
            match wanted.iter_mut().find(|(b, _)| *b == a) {
                Some((_, count)) => *count += n,
                None => wanted.push((a, n)),
            }
        }
        for (a, n) in wanted {
            self.value(a);
            let (held, immortal) = (self.info(a).held, self.info(a).immortal);
            if held < n {
                self.add_real(a, n - held);
            } else if held > n && immortal {
                for _ in n..held {
                    let op = self.emit(OpCode::Decref, &[a]);
                    self.out.push(op);
                }
                self.info_mut(a).held = n;
                // Guards behind it must not take these slots of memory for good.
                for (k, slot) in header.slots.iter().enumerate() {
                    let out_of_memory =
                        matches!(slot, HeaderSlot::Boxed { .. } | HeaderSlot::Const { in_memory: false, .. });
                    if let Some(known) = self.frames[0].slots.get_mut(k).filter(|b| out_of_memory && **b == a)
                    {
                        *known = Abs::NONE;
                    }
                }
                self.generation += 1;
            } else if held > n {
                return Err(Abort::Counts);
            }
        }
        Ok(())
    }

    fn require(&mut self, raw: &Trace, snap: SnapId, a: Abs, r: &Requirement) -> Optimized<()> {
        let known = self.info(a).constant;
        match r.constant {
            Some(c) if known == Some(c) => return Ok(()),
            Some(c) if known.is_some_and(|k| k.bits() != c.bits()) => return Err(Abort::Contradiction),
            Some(Const::Bool(b)) => {
                let code = if b { OpCode::GuardTrue } else { OpCode::GuardFalse };
                return self.guard(raw, code, a, Abs::NONE, snap);
            }
            Some(c @ Const::Int(_)) => {
                let constant = self.constant(c);
                let equal = self.pure_op(raw, &Op::new(OpCode::IntEq, &[]), a, constant)?;
                return self.guard(raw, OpCode::GuardTrue, equal, Abs::NONE, snap);
            }
            Some(Const::Float(_)) => return Err(Abort::Contradiction),
            Some(c @ (Const::Obj(_) | Const::Ptr(_))) => {
                let constant = self.constant(c);
                return self.guard(raw, OpCode::GuardIs, a, constant, snap);
            }
            None => {}
        }
        if (r.known_type != 0 || r.nonnull) && self.info(a).ty == Type::Obj {
            // The slot may be unbound where the link comes from, though it never is in the loop.
            self.guard(raw, OpCode::GuardNonNull, a, Abs::NONE, snap)?;
        }
        if r.known_type != 0 {
            let ty = self.constant(Const::Ptr(r.known_type));
            self.guard(raw, OpCode::GuardType, a, ty, snap)
        } else if r.nonnull {
            self.guard(raw, OpCode::GuardNonNull, a, Abs::NONE, snap)
        } else {
            Ok(())
        }
    }

    /// Emits the jump back, or to another trace's label.
    pub(super) fn jump(&mut self, code: OpCode, target: i32, args: &[Abs]) {
        let vals: Vec<Val> =
            args.iter().map(|&a| if a == Abs::NONE { Val::NONE } else { self.value(a) }).collect();
        let mut op = Op::new(code, &[]);
        op.imm = target;
        op.list = self.out.push_list(&vals);
        self.out.push(op);
    }

    /// Takes back what was assumed and not relied on: it is no part of the loop's contract, so the way back to the label must not rely on
    /// it either, and no bridge of the body's exits. (Where the result is a param, nothing has it, and so exits forget the fact by themselves.)
    pub(super) fn forget_unused_facts(&mut self) {
        let facts = self.assumed.iter().zip(&self.assumed_used);
        let unused: Vec<(Key, Abs)> = facts.filter(|(_, used)| !**used).map(|(&fact, _)| fact).collect();
        for (key, result) in unused {
            if self.pure.get(&key) == Some(&result) {
                self.pure.remove(&key);
            }
            if self.heap.get(&key) == Some(result) {
                self.heap.retain(|known| *known != key);
            }
            if self.info(result).constant.is_some()
                && let (Some(a), Some(b)) = (self.known_val(key.a), self.known_val(key.b))
            {
                self.known.forget(&key, [a, b]);
            }
        }
    }

    /// Which of the header's facts this copy relied on.
    pub(super) fn used_facts(&self) -> &[bool] {
        &self.assumed_used
    }
}
