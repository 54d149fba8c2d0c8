//! Peeling: from a recording to a loop or a bridge.
//!
//! A recording of one turn is fed once, starting from what lies in memory: this is the preamble. Its end state is described as a header; fed
//! again from there it is the loop's body, out of which all that the header's facts say has been hoisted. When the body's end
//! does not fit the header, that copy becomes part of the preamble and the next one is tried (`a, b = b, a + b` needs three).
//!
//! Recordings: `param k` is slot `k` of the frame chain (outermost first); a loop ends with `at @s, jump(slots)` in the
//! state of its header.

use super::{
    Abs, Condition, Env, FrameMemory, Header, Info, Knowledge, Known, Optimized, Optimizer,
    dead::{self, Survivors},
    header::Fit,
    parts::Part,
};
use crate::abort::{Abort, enough_memory};
use traces::{Const, Helper, Op, OpCode, Resume, Slot, SnapId, Snapshot, Trace, Type, Val, Virtual};

/// Copies of the recording that are tried before it is given up.
const MAX_COPIES: usize = 4;

/// An optimized loop.
pub struct Loop {
    /// The trace.
    pub trace: Trace,
    /// How many turns come before its label.
    pub peeled: usize,
    /// The contract of its label.
    pub header: Header,
    /// For each snapshot of the trace the recorded one it was made from.
    pub origins: Vec<SnapId>,
    /// For each snapshot what is known there.
    pub known: Known,
}

/// Where a trace that is no loop ends.
#[derive(Clone, Copy, Debug)]
pub enum End<'a> {
    /// By an exit in the state of the recording's last `at`.
    Exit,
    /// At another trace's label, or where that does not fit, at its entry.
    Link(&'a Header),
    /// At another trace's entry.
    Entry,
}

impl<'e> Optimizer<'e> {
    /// Binds the params of a recording that starts from the interpreter: nothing is known, memory holds every slot.
    fn start_in_memory(&mut self, raw: &Trace) {
        self.start_copy(raw);
        self.frames.push(FrameMemory::new(self.frame_ptr));
        for (i, op) in raw.ops.iter().enumerate().take_while(|(_, op)| op.code == OpCode::Param) {
            let mut info = Info::new(Type::Obj, Val::NONE);
            info.lazy_slot = Some(op.imm as u32);
            (info.owed, info.held) = (1, 1);
            let a = self.new_abs(info);
            self.frames[0].set_slot(op.imm as usize, a);
            self.map[i] = a;
        }
    }

    /// Binds the params of a recording to these slots.
    fn start_from(&mut self, raw: &Trace, slots: &[Abs]) {
        self.start_copy(raw);
        self.map[..slots.len()].copy_from_slice(slots);
    }

    fn feed_all(&mut self, raw: &Trace) -> Optimized<()> {
        (0..raw.ops.len() - 1).try_for_each(|i| {
            self.feed(raw, i)?;
            enough_memory()
        })
    }

    /// The slots at the recording's end, and the snapshot of that state.
    fn end_state(&mut self, raw: &Trace) -> (Vec<Abs>, SnapId) {
        let slots = raw.snapshots.frame(self.at, 0).slots;
        (slots.iter().map(|s| self.slot_abs(raw, s)).collect(), self.at)
    }
}

/// Makes a loop of a recording that ends with `jump`. The slots of `unbox` hold such numbers, which paths that were not recorded change:
/// the loop has them unboxed though it does not use them itself.
pub fn compile_loop(
    env: &Env,
    raw: &Trace,
    helpers: &'static [Helper],
    unbox: &[(usize, Type)],
) -> Optimized<Loop> {
    let dropped = only_dropped(raw);
    let mut generic: Vec<bool> = Vec::new();
    for turns in 1..=MAX_COPIES {
        // Each try starts at the beginning: to keep a state that can be gone back to takes time and memory, and few loops need it.
        let mut o = preamble(env, raw, helpers, unbox, turns)?;
        let (slots, end) = o.end_state(raw);
        if raw.snapshots.depth(end) != 1 || o.frames.len() > 1 {
            return Err(Abort::FrameChanged);
        }
        let header = o.describe(&slots, &generic, &dropped);
        let fit = if turns == MAX_COPIES { Fit::Boxes } else { Fit::Unboxed };
        match close(&mut o, raw, slots, end, header, fit) {
            Ok(mut header) => {
                // Here a compilation needs most memory: what is not emitted goes first.
                let (mut trace, origins, mut known) = o.into_emitted();
                let survivors = dead::eliminate(&mut trace, env.off.has(Part::DeadCode));
                known.retain(&survivors);
                header.live = survivors.params.iter().map(Option::is_some).collect();
                let origins = surviving(&origins, &survivors);
                return Ok(Loop { peeled: turns, origins, known, header, trace });
            }
            Err(Failure::Slots(different)) if turns + 1 == MAX_COPIES => generic = different,
            Err(Failure::Abort(abort)) if !matches!(abort, Abort::Contradiction) => return Err(abort),
            Err(_) => {}
        }
    }
    Err(Abort::NoFixedPoint)
}

/// The state after so many turns, the first of which started in memory.
fn preamble<'e>(
    env: &'e Env,
    raw: &Trace,
    helpers: &'static [Helper],
    unbox: &[(usize, Type)],
    turns: usize,
) -> Optimized<Optimizer<'e>> {
    let mut o = Optimizer::new(env, Trace::with_room(helpers, 0), raw);
    o.start_in_memory(raw);
    o.feed_all(raw)?;
    if !env.off.has(Part::Unboxing) {
        o.unbox_ahead(raw, unbox)?;
    }
    for _ in 1..turns {
        let (slots, _) = o.end_state(raw);
        o.start_from(raw, &slots);
        o.feed_all(raw)?;
    }
    Ok(o)
}

/// For each slot whether a turn does nothing with what it holds but dropping it: `for shape in shapes` drops the last turn's shape,
/// of whatever class that is.
fn only_dropped(raw: &Trace) -> Vec<bool> {
    let params = raw.ops.iter().take_while(|op| op.code == OpCode::Param).count();
    let mut dropped = vec![false; params];
    let mut used = vec![false; params];
    for op in &raw.ops {
        let flags = match op.code {
            OpCode::DecrefGuard | OpCode::DecrefDealloc => &mut dropped,
            // Whether there is an object at all.
            OpCode::GuardNonNull => continue,
            _ => &mut used,
        };
        for v in op.operands().iter().chain(raw.list(op.list)) {
            if let Some(flag) = v.op_index().and_then(|i| flags.get_mut(i)) {
                *flag = true;
            }
        }
    }
    dropped.iter().zip(used).map(|(&dropped, used)| dropped && !used).collect()
}

enum Failure {
    /// These slots do not fit the header at the end of the body.
    Slots(Vec<bool>),
    Abort(Abort),
}

impl From<Abort> for Failure {
    fn from(abort: Abort) -> Self {
        Failure::Abort(abort)
    }
}

/// Tries to close the loop with this header: label, body, jump.
fn close(
    o: &mut Optimizer<'_>,
    raw: &Trace,
    slots: Vec<Abs>,
    end: SnapId,
    header: Header,
    fit: Fit,
) -> Result<Header, Failure> {
    let initial = o.link(raw, end, &slots, &header)?;
    let start = o.start_loop(&header, &initial);
    o.start_from(raw, &start);
    o.feed_all(raw)?;
    let (slots, end) = o.end_state(raw);
    if o.matches(&slots, &header, fit).is_err() {
        let mut different = vec![false; slots.len()];
        // Each slot that does not fit by itself; where only the sharing differs, the one that was named.
        while let Err(k) = o.matches_except(&slots, &header, &different, fit) {
            if k >= different.len() || std::mem::replace(&mut different[k], true) {
                return Err(Failure::Abort(Abort::NoFixedPoint));
            }
        }
        return Err(Failure::Slots(different));
    }
    let mut used = header.clone();
    let mut flags = o.used_facts().iter();
    used.facts.retain(|_| *flags.next().expect("one flag for each fact"));
    o.forget_unused_facts();
    let args = o.link(raw, end, &slots, &used)?;
    // Params of facts that nobody relied on are dead: any value will do until they are dropped.
    let args: Vec<Abs> = args
        .iter()
        .zip(&header.params)
        .map(|(&a, &ty)| if a == Abs::NONE { o.zero(ty) } else { a })
        .collect();
    o.jump(OpCode::Jump, 0, &args);
    Ok(used)
}

impl Optimizer<'_> {
    fn zero(&mut self, ty: Type) -> Abs {
        self.constant(match ty {
            Type::Float => Const::Float(0),
            Type::Bool => Const::Bool(false),
            Type::Obj => Const::Obj(0),
            Type::Ptr => Const::Ptr(0),
            _ => Const::Int(0),
        })
    }

    fn matches_except(
        &mut self,
        slots: &[Abs],
        header: &Header,
        except: &[bool],
        fit: Fit,
    ) -> Result<(), usize> {
        let kept: Vec<usize> = (0..slots.len()).filter(|&k| !except[k]).collect();
        let part = Header { slots: kept.iter().map(|&k| header.slots[k]).collect(), ..header.clone() };
        let values: Vec<Abs> = kept.iter().map(|&k| slots[k]).collect();
        self.matches(&values, &part, fit).map_err(|k| kept.get(k).copied().unwrap_or(usize::MAX))
    }
}

/// What is to be known of a trace's values once it is compiled.
#[derive(Clone, Debug, Default)]
pub struct Values {
    types: Box<[Type]>,
    consts: Box<[Const]>,
}

impl Values {
    /// Those of this trace.
    pub fn of(trace: &Trace) -> Values {
        Values {
            types: trace.ops.iter().map(|op| op.ty).collect(),
            consts: trace.consts.clone().into_boxed_slice(),
        }
    }
    /// How many bytes they take.
    pub fn bytes(&self) -> usize {
        size_of_val(&*self.types) + size_of_val(&*self.consts)
    }
    /// The trace's constants.
    pub fn consts(&self) -> &[Const] {
        &self.consts
    }
    /// The constant behind a value.
    pub fn const_of(&self, v: Val) -> Option<Const> {
        v.const_index().map(|i| self.consts[i])
    }
    /// The type of a value.
    pub fn ty(&self, v: Val) -> Type {
        self.const_of(v).map_or_else(|| self.types[v.0 as usize], Const::ty)
    }
}

/// What a bridge starts from: the exit's snapshot, and what the trace that it leaves knows there.
pub struct Start<'a> {
    /// The values of the trace that it leaves.
    pub values: &'a Values,
    /// The snapshot of the exit.
    pub snapshot: &'a Snapshot,
    /// What is known there.
    pub known: &'a Knowledge,
    /// What is known because the guard failed.
    pub condition: Option<Condition>,
}

/// Where a bridge went.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Linked {
    /// It ends with an exit.
    Exit,
    /// It jumps to the label.
    Label,
    /// It stores all to memory and jumps to the entry.
    Entry,
}

/// An optimized bridge, or a loop's first turn that ends in another trace.
pub struct Bridge {
    /// The trace; its params are those of `inputs` in order.
    pub trace: Trace,
    /// Values of the trace that it leaves, one for each param.
    pub inputs: Vec<Val>,
    /// How it ends.
    pub linked: Linked,
    /// For each snapshot of the trace the recorded one it was made from.
    pub origins: Vec<SnapId>,
    /// For each snapshot what is known there.
    pub known: Known,
}

/// What belongs to the snapshots that survived.
fn surviving<T: Clone>(of: &[T], survivors: &Survivors) -> Vec<T> {
    of.iter().zip(&survivors.snapshots).filter(|(_, kept)| kept.is_some()).map(|(x, _)| x.clone()).collect()
}

/// Makes a bridge of a recording. With no `start` the recording starts from the interpreter.
pub fn compile_bridge(
    env: &Env,
    raw: &Trace,
    helpers: &'static [Helper],
    start: Option<Start<'_>>,
    end: End<'_>,
) -> Optimized<Bridge> {
    // The bridge's params come first: every value of the snapshot that is not a constant.
    let mut inputs: Vec<Val> = Vec::new();
    if let Some(start) = &start {
        start.snapshot.for_each_value(|v| {
            if !v.is_const() && !inputs.contains(&v) {
                inputs.push(v);
            }
        });
    }
    // The state at the recording's end, and its slots.
    let recorded = || -> Optimized<(Optimizer<'_>, Vec<Abs>, SnapId)> {
        let mut out = Trace::with_room(helpers, inputs.len() + raw.ops.len());
        for (i, &v) in inputs.iter().enumerate() {
            let mut op = Op::new(OpCode::Param, &[]);
            (op.ty, op.imm) = (start.as_ref().map_or(Type::Void, |start| start.values.ty(v)), i as i32);
            out.push(op);
        }
        let mut o = Optimizer::new(env, out, raw);
        match &start {
            None => o.start_in_memory(raw),
            Some(start) => o.start_at_exit(raw, start, &inputs),
        }
        o.feed_all(raw)?;
        let (slots, snap) = o.end_state(raw);
        Ok((o, slots, snap))
    };
    let (mut o, mut slots, snap) = recorded()?;
    let one_frame = raw.snapshots.depth(snap) == 1 && o.frames.len() == 1;
    let linked = match end {
        End::Link(_) | End::Entry if !one_frame => return Err(Abort::FrameChanged),
        End::Link(header) if o.matches(&slots, header, Fit::Link).is_ok() => {
            match o.link(raw, snap, &slots, header) {
                Ok(args) => {
                    let live = args.into_iter().zip(&header.live).filter(|(_, live)| **live);
                    let args: Vec<Abs> = live.map(|(a, _)| a).collect();
                    o.jump(OpCode::JumpTo, 0, &args);
                    Linked::Label
                }
                Err(_) => {
                    // Seldom: the state is made again rather than each time kept in case it is needed.
                    drop(o);
                    (o, slots, _) = recorded()?;
                    o.enter(&slots)?
                }
            }
        }
        // What the loop relies on is not so here: it is entered from the front, and finds its way by guards.
        End::Link(_) | End::Entry => o.enter(&slots)?,
        End::Exit => {
            let mut op = Op::new(OpCode::Exit, &[]);
            op.snap = o.snapshot(raw, snap)?;
            o.out.push(op);
            Linked::Exit
        }
    };
    let (mut trace, origins, mut known) = o.into_emitted();
    let survivors = dead::eliminate(&mut trace, env.off.has(Part::DeadCode));
    known.retain(&survivors);
    let mut flags = survivors.params.iter();
    inputs.retain(|_| flags.next().is_some_and(|p| p.is_some()));
    Ok(Bridge { origins: surviving(&origins, &survivors), known, trace, inputs, linked })
}

impl Optimizer<'_> {
    /// Binds the params of a bridge's recording to what the exit's snapshot says of the slots.
    fn start_at_exit(&mut self, raw: &Trace, start: &Start<'_>, inputs: &[Val]) {
        self.start_copy(raw);
        let mut types = start.known.types.iter().copied();
        let mut values: Vec<(Val, Abs)> = Vec::new();
        let mut boxes: Vec<Option<Abs>> = vec![None; start.snapshot.virtuals.len()];
        let input = |o: &mut Self, v: Val, values: &mut Vec<(Val, Abs)>| -> Abs {
            if let Some((_, a)) = values.iter().find(|(w, _)| *w == v) {
                return *a;
            }
            let a = match start.values.const_of(v) {
                Some(c) => o.constant(c),
                None => {
                    let index = inputs.iter().position(|&w| w == v).expect("inputs has every value");
                    let mut info = Info::new(start.values.ty(v), Val::op(index));
                    // A local may be unbound, whatever it was when the bridge was recorded.
                    info.nonnull = info.ty != Type::Obj;
                    o.new_abs(info)
                }
            };
            values.push((v, a));
            a
        };
        let mut param = 0;
        for (depth, frame) in start.snapshot.frames.iter().enumerate() {
            let in_memory = depth == 0 || frame.frame != Val::NONE;
            if in_memory {
                let frame_abs =
                    if depth == 0 { self.frame_ptr } else { input(self, frame.frame, &mut values) };
                self.frames.push(FrameMemory::new(frame_abs));
            }
            // The function of an inlined frame is a param of the recording, too.
            let function = (depth > 0).then_some(frame.function);
            for (k, slot) in function.iter().map(|s| (usize::MAX, s)).chain(frame.slots.iter().enumerate()) {
                let ty = types.next().unwrap_or(0);
                let kept = start.known.slots.iter().find(|(slot, _)| depth == 0 && *slot as usize == k);
                let kept = kept.map(|&(_, v)| v).filter(|v| inputs.contains(v));
                let a = match (*slot, kept) {
                    (Slot::Null, _) => self.null(),
                    // In memory, and in a register as well.
                    (Slot::InMemory, Some(v)) => {
                        let a = input(self, v, &mut values);
                        self.info_mut(a).owed += 1;
                        self.info_mut(a).held += 1;
                        self.frames[0].set_slot(k, a);
                        a
                    }
                    (Slot::Value(v), _) => {
                        let a = input(self, v, &mut values);
                        self.info_mut(a).owed += 1;
                        self.info_mut(a).held += 1;
                        a
                    }
                    (Slot::InMemory, None) => {
                        let mut info = Info::new(Type::Obj, Val::NONE);
                        (info.owed, info.held) = (1, 1);
                        if depth == 0 {
                            info.lazy_slot = Some(k as u32);
                        } else {
                            let base = self.frames[depth].frame;
                            let mut op = self.emit(OpCode::LoadObj, &[base]);
                            op.imm = if k == usize::MAX {
                                self.env.frame_func
                            } else {
                                self.env.slot_offset(k as u32)
                            };
                            op.region = traces::Region::FrameSlot;
                            info.val = self.out.push(op);
                        }
                        let a = self.new_abs(info);
                        if k == usize::MAX {
                            self.frames[depth].function = a;
                        } else {
                            self.frames[depth].set_slot(k, a);
                        }
                        a
                    }
                    (Slot::Virtual(n), _) => {
                        let a = match boxes[n as usize] {
                            Some(a) => a,
                            None => {
                                let (payload, ty) = match start.snapshot.virtuals[n as usize] {
                                    Virtual::Int(v) => (v, self.env.int_type),
                                    Virtual::Float(v) => (v, self.env.float_type),
                                    Virtual::Bool(v) => (v, self.env.bool_type),
                                    Virtual::Tuple(_) => unreachable!("tuples are built"),
                                };
                                let p = input(self, payload, &mut values);
                                let boxed = match start.snapshot.virtuals[n as usize] {
                                    Virtual::Int(_) => super::Boxed::Int(p),
                                    Virtual::Float(_) => super::Boxed::Float(p),
                                    _ => super::Boxed::Bool(p),
                                };
                                let a = self.new_box(boxed, ty, 0);
                                boxes[n as usize] = Some(a);
                                a
                            }
                        };
                        self.info_mut(a).owed += 1;
                        a
                    }
                };
                // The function, or a slot of the stack.
                let bound = k == usize::MAX || k + frame.stack_depth as usize >= frame.slots.len();
                if bound && matches!(slot, Slot::Value(_)) {
                    self.info_mut(a).nonnull = true;
                }
                if ty != 0 && self.info(a).known_type == 0 {
                    let info = self.info_mut(a);
                    info.known_type = ty;
                    info.nonnull = true;
                }
                self.map[param] = a;
                param += 1;
            }
        }
        // Each `incref` of the snapshot is a reference that the trace did not hold.
        for &v in &start.snapshot.increfs {
            let a = input(self, v, &mut values);
            self.info_mut(a).held -= 1;
            // It is in memory only, where the slots are values of their own here: nobody else would carry it out.
            if self.info(a).held < 0 {
                self.add_real(a, 1);
            }
        }
        self.learn_known(start.known, start.condition, |o, v| {
            // Only what the exit kept: it keeps so much and no more.
            let available = v.is_const() || inputs.contains(&v);
            let new = !values.iter().any(|(w, _)| *w == v);
            let a = available.then(|| input(o, v, &mut values))?;
            if new && !v.is_const() {
                o.info_mut(a).nonnull = false;
            }
            Some(a)
        });
        let owing: Vec<Abs> = (0..self.infos.len() as u32).map(Abs).collect();
        for a in owing {
            let info = self.info(a);
            if info.owed > info.held && !info.immortal {
                self.unsettled.push(a);
            }
        }
        debug_assert!(!matches!(start.snapshot.resume, Resume::Dying { .. }));
    }

    /// Ends the trace at another's entry: everything is stored to memory.
    fn enter(&mut self, slots: &[Abs]) -> Optimized<Linked> {
        for (k, &a) in slots.iter().enumerate() {
            self.store_slot(0, k, a);
        }
        self.settle_memory(slots)?;
        self.out.push(Op::new(OpCode::EnterTrace, &[]));
        Ok(Linked::Entry)
    }

    /// After all slots were stored: one real reference for each.
    fn settle_memory(&mut self, slots: &[Abs]) -> Optimized<()> {
        for (i, &a) in slots.iter().enumerate() {
            if slots[..i].contains(&a) || self.info(a).constant == Some(Const::Obj(0)) {
                continue;
            }
            let count = slots.iter().filter(|&&b| b == a).count() as i32;
            let held = self.info(a).held;
            if held < count {
                self.add_real(a, count - held);
            } else if held > count {
                return Err(Abort::Counts);
            }
        }
        Ok(())
    }
}
