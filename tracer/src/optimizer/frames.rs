//! Frames: translating snapshots, and bringing the frames in memory up to date before other code may look at them.

use super::known::MOST_KEPT;
use super::{Abs, Boxed, Info, Optimized, Optimizer};
use crate::abort::Abort;
use traces::{Const, Op, OpCode, Region, Resume, Slot, SnapId, Trace, Type, Val, Virtual};

/// What is known of a frame's memory.
#[derive(Clone, Debug)]
pub struct FrameMemory {
    /// The frame's address; `NONE` for an inlined frame that was never pushed.
    pub frame: Abs,
    /// What each slot's memory holds (the object that was last stored or found there).
    pub slots: Vec<Abs>,
    /// The function whose reference the frame in memory holds (inlined frames).
    pub function: Abs,
    /// Index of the instruction that `prev_instr` points to, if known.
    pub prev_instr: Option<u32>,
}

impl FrameMemory {
    /// A frame in memory of whose slots nothing is known.
    pub fn new(frame: Abs) -> FrameMemory {
        FrameMemory { frame, slots: Vec::new(), function: Abs::NONE, prev_instr: None }
    }

    /// What slot `k` holds.
    pub fn slot(&self, k: usize) -> Abs {
        self.slots.get(k).copied().unwrap_or(Abs::NONE)
    }

    /// Notes that slot `k` now holds `a`.
    pub fn set_slot(&mut self, k: usize, a: Abs) {
        if self.slots.len() <= k {
            self.slots.resize(k + 1, Abs::NONE);
        }
        self.slots[k] = a;
    }
}

/// The objects in the slots of a snapshot that is being made.
#[derive(Clone, Default)]
pub(super) struct Seen {
    /// Each once; how often is in `Info::in_slots`.
    touched: Vec<Abs>,
    /// Those that have to be built.
    virtuals: Vec<Abs>,
}

impl Optimizer<'_> {
    /// The abstract value of a recorded slot.
    pub(super) fn slot_abs(&mut self, raw: &Trace, slot: Slot) -> Abs {
        match slot {
            Slot::Value(v) => self.abs(raw, v),
            _ => self.null(),
        }
    }

    /// Translates a recorded snapshot into one of the trace, as things stand now.
    pub(super) fn snapshot(&mut self, raw: &Trace, id: SnapId) -> Optimized<SnapId> {
        if let Some((last, generation, out)) = self.last_snapshot
            && last == id
            && generation == self.generation
        {
            return Ok(out);
        }
        if !raw.snapshots.contains(id) {
            return Err(Abort::Unsupported);
        }
        let resume = match raw.snapshots.resume(id) {
            Resume::Dying { object, lasti } => {
                let a = self.abs(raw, object);
                Resume::Dying { object: self.value(a), lasti }
            }
            other => other,
        };
        self.out.snapshots.begin(resume);
        self.known.begin();
        let mut seen = std::mem::take(&mut self.seen);
        seen.touched.clear();
        seen.virtuals.clear();
        let frames = std::mem::take(&mut self.frames);
        for (depth, frame) in raw.snapshots.frames(id).enumerate() {
            let (address, function, memory) = match frames.get(depth) {
                Some(f) => (f.frame, f.function, &f.slots[..]),
                None => (Abs::NONE, Abs::NONE, &[][..]),
            };
            let function = match frame.function {
                Slot::Value(v) => {
                    let a = self.abs(raw, v);
                    self.known.add_type(self.infos[a.0 as usize].known_type);
                    self.slot_state(a, a == function, &mut seen)
                }
                _ => Slot::InMemory,
            };
            for (k, slot) in frame.slots.iter().enumerate() {
                let a = self.slot_abs(raw, slot);
                let in_memory = memory.get(k) == Some(&a);
                self.known.add_type(self.infos[a.0 as usize].known_type);
                if in_memory && depth == 0 && self.is_param(a) {
                    self.known.add_slot(k as u32, self.infos[a.0 as usize].val);
                }
                let state = self.slot_state(a, in_memory, &mut seen);
                self.out.snapshots.slot(state);
            }
            let address = if address == Abs::NONE { Val::NONE } else { self.value(address) };
            self.out.snapshots.end_frame(frame.code, function, address, frame.instr, frame.stack_depth);
        }
        self.frames = frames;
        let mut wrong = false;
        for &a in &seen.touched {
            let info = self.info_mut(a);
            let count = std::mem::take(&mut info.in_slots);
            if info.boxed.is_some() || info.constant == Some(Const::Obj(0)) {
                continue;
            }
            let missing = count - info.held;
            if missing > 0 {
                let val = self.value(a);
                (0..missing).for_each(|_| self.out.snapshots.incref(val));
            }
            wrong |= missing < 0;
        }
        self.seen = seen;
        if wrong {
            return Err(Abort::Counts);
        }
        let facts = self.known_facts();
        let (out, kept) = (&mut self.out.snapshots, &mut self.kept);
        if self.known.is_as_before(facts) {
            out.keep_as_before();
        } else {
            kept.resize(self.out.ops.len(), 0);
            let turn = out.len() as u32 + 1;
            self.known.for_each_new_value(facts, |v| {
                let last = &mut kept[v.0 as usize];
                if *last != turn && out.kept() < MOST_KEPT {
                    *last = turn;
                    out.keep_value(v);
                }
            });
        }
        self.known.finish(facts);
        let out = self.out.snapshots.finish();
        self.origins.push(id);
        self.last_snapshot = Some((id, self.generation, out));
        Ok(out)
    }

    fn slot_state(&mut self, a: Abs, in_memory: bool, seen: &mut Seen) -> Slot {
        let info = &mut self.infos[a.0 as usize];
        if info.constant == Some(Const::Obj(0)) {
            return if in_memory { Slot::InMemory } else { Slot::Null };
        }
        let boxed = info.boxed;
        if info.in_slots == 0 {
            seen.touched.push(a);
        }
        info.in_slots += 1;
        if in_memory {
            return Slot::InMemory;
        }
        if let Some(boxed) = boxed {
            let number = match seen.virtuals.iter().position(|&v| v == a) {
                Some(n) => n,
                None => {
                    let payload = self.value(boxed.payload());
                    self.out.snapshots.removed(&match boxed {
                        Boxed::Int(_) => Virtual::Int(payload),
                        Boxed::Float(_) => Virtual::Float(payload),
                        Boxed::Bool(_) => Virtual::Bool(payload),
                    });
                    seen.virtuals.push(a);
                    seen.virtuals.len() - 1
                }
            };
            return Slot::Virtual(number as u32);
        }
        Slot::Value(self.value(a))
    }

    /// Stores an object into a slot of a frame in memory, which takes one of its references.
    pub(super) fn store_slot(&mut self, depth: usize, k: usize, a: Abs) {
        let old = self.frames[depth].slot(k);
        if old == a {
            return;
        }
        // An object that still lies only there is loaded before it is overwritten.
        if old != Abs::NONE && self.info(old).val == Val::NONE && self.info(old).owed > 0 {
            self.value(old);
        }
        let frame = self.frames[depth].frame;
        let mut op = self.emit(OpCode::StoreObj, &[frame, a]);
        op.imm = self.env.slot_offset(k as u32);
        op.region = Region::FrameSlot;
        self.frames[depth].set_slot(k, a);
        if self.info(a).immortal && self.info(a).constant != Some(Const::Obj(0)) {
            // One real reference for each place in memory; one may be left from a place that it was moved out of.
            let missing = self.places(a) - self.info(a).held;
            self.add_real(a, missing.max(0));
        }
        self.out.push(op);
        self.generation += 1;
    }

    /// How many slots and functions of frames in memory hold an object.
    pub(super) fn places(&self, a: Abs) -> i32 {
        let of = |f: &FrameMemory| f.slots.iter().filter(|&&b| b == a).count() + usize::from(f.function == a);
        self.frames.iter().map(of).sum::<usize>() as i32
    }

    /// Brings the frames in memory up to date: inlined frames are pushed, locals stored, `prev_instr` set.
    pub(super) fn before_python(&mut self, raw: &Trace) -> Optimized<()> {
        let at = self.at;
        if !raw.snapshots.contains(at) {
            return Err(Abort::Unsupported);
        }
        let frames = raw.snapshots.depth(at);
        for depth in 0..frames {
            let state = raw.snapshots.frame(at, depth);
            if depth >= self.frames.len() {
                self.push_frame(raw, at, depth)?;
            }
            let locals = state.slots.len() - state.stack_depth as usize;
            // What is about to be overwritten is no place of a constant any more: its reference may be that of a slot which is stored first.
            for k in 0..locals.min(self.frames[depth].slots.len()) {
                let (old, new) = (self.frames[depth].slot(k), self.slot_abs(raw, state.slots.get(k)));
                if old != Abs::NONE && old != new && self.info(old).immortal {
                    self.frames[depth].slots[k] = Abs::NONE;
                }
            }
            for k in 0..locals {
                let a = self.slot_abs(raw, state.slots.get(k));
                self.store_slot(depth, k, a);
            }
            let last = depth + 1 == frames;
            if last && self.frames[depth].prev_instr != Some(state.instr) {
                let unit = self.constant(Const::Ptr(self.env.unit(state.code, state.instr)));
                let frame = self.frames[depth].frame;
                let mut op = self.emit(OpCode::StoreObj, &[frame, unit]);
                op.imm = self.env.prev_instr;
                op.region = Region::Frame;
                self.out.push(op);
                self.frames[depth].prev_instr = Some(state.instr);
            }
        }
        self.settle_all();
        Ok(())
    }

    /// Makes an inlined frame real.
    fn push_frame(&mut self, raw: &Trace, at: SnapId, depth: usize) -> Optimized<()> {
        let (callers, state) = (raw.snapshots.frame(at, depth - 1), raw.snapshots.frame(at, depth));
        let (caller_code, caller_instr) = (callers.code, callers.instr);
        let code = state.code;
        let function = self.slot_abs(raw, state.function);
        let caller = self.frames[depth - 1].frame;
        let unit = self.constant(Const::Ptr(self.env.unit(caller_code, caller_instr)));
        let code = self.constant(Const::Ptr(code));
        let thread = self.thread_state();
        let args = [thread, caller, function, code, unit].map(|a| self.value(a));
        // The frame in memory holds a reference of its own; for others than constants `settle_all` makes it real.
        if self.info(function).immortal {
            self.add_real(function, 1);
        }
        let mut op = Op::new(OpCode::CallPtr, &[]);
        op.imm = self.env.helpers.push_frame;
        op.list = self.out.push_list(&args);
        let val = self.out.push(op);
        let frame = self.new_abs(Info { nonnull: true, ..Info::new(Type::Ptr, val) });
        let null = self.null();
        let slots = state.slots.len() - state.stack_depth as usize;
        self.frames.push(FrameMemory { frame, slots: vec![null; slots], function, prev_instr: None });
        self.frames[depth - 1].prev_instr = Some(caller_instr);
        self.generation += 1;
        Ok(())
    }

    /// What other code may have changed is forgotten.
    pub(super) fn after_python(&mut self) {
        self.heap.clear();
        let env = self.env;
        for info in &mut self.infos {
            if info.known_type != 0 && info.boxed.is_none() && !(env.keeps_class)(info.known_type) {
                info.known_type = 0;
            }
        }
        self.generation += 1;
    }

    /// The innermost recorded frame returns: if it was pushed, it is popped, unless the program kept its frame object or asked for the dict of its
    /// locals, which would have to be dropped.
    pub(super) fn inline_return(&mut self, raw: &Trace, snap: SnapId) -> Optimized<()> {
        let depth = raw.snapshots.depth(snap) - 1;
        if depth >= self.frames.len() {
            return Ok(());
        }
        let frame = self.frames[depth].frame;
        let left = self.snapshot(raw, snap)?;
        for offset in [self.env.frame_obj, self.env.f_locals] {
            let mut load = self.emit(OpCode::LoadPtr, &[frame]);
            (load.imm, load.region) = (offset, Region::Frame);
            let object = self.out.push(load);
            let mut guard = Op::new(OpCode::GuardNull, &[object]);
            guard.snap = left;
            self.out.push(guard);
        }
        let thread = self.thread_state();
        let args = [self.value(thread), self.value(frame)];
        let mut op = Op::new(OpCode::CallVoid, &[]);
        op.imm = self.env.helpers.pop_frame;
        op.list = self.out.push_list(&args);
        self.out.push(op);
        self.frames.truncate(depth);
        self.generation += 1;
        Ok(())
    }
}
