//! What is kept of a compiled trace for its exits: snapshots, what is known there, and where the values are, packed into bytes.
//!
//! A trace that inlines calls has hundreds of exits, each with all frames of the chain; unpacked they take more memory than
//! many programs have. Numbers are written seven bits a byte; what neighbouring snapshots share
//! is written once. The driver packs when a trace is installed and unpacks what an exit needs when it is taken.
//! Nothing here knows what the values mean.
//!
//! ```text
//! snapshot: resume, frames (each a place in `bytes`), virtuals, increfs, keep, known types (a place), slots, facts (a place)
//! exit:     what is in `ExitInfo`, locations
//! ```

use crate::optimizer::{Condition, Knowledge, Known, KnownAt, KnownFact, Values};
use crate::recorder::After;
use crate::versions::GuardedVersion;
use traces::codegen::{self, ExitLocations, Location};
use traces::{FrameRef, FrameState, Region, Resume, Slot, SnapId, Snapshot, Trace, Val, Virtual, numbers};

/// Of frames: not written yet.
const NOWHERE: u32 = u32::MAX;

/// A trace's exits, packed.
#[derive(Debug, Default)]
pub struct Packed {
    bytes: Box<[u8]>,
    /// Where each snapshot starts.
    snapshots: Box<[u32]>,
    /// Where each exit starts.
    exits: Box<[u32]>,
    /// Types of objects, numbered from 1.
    types: Box<[usize]>,
    /// Constants in exits that are not the trace's: their numbers follow its own.
    other_consts: Box<[u64]>,
    /// The types of the trace's values, and its constants.
    pub values: Values,
}

/// What is to be known of an exit besides its snapshot.
#[derive(Clone, PartialEq, Default, Debug)]
pub struct ExitInfo {
    /// What is done when the frames are rebuilt.
    pub after: After,
    /// It leaves in the state in which the recording ended.
    pub at_end: bool,
    /// The guard asks for a truth value.
    pub is_branch: bool,
    /// What is known because the guard failed.
    pub condition: Option<Condition>,
    /// The version that the guard compares.
    pub version: Option<GuardedVersion>,
}

/// Bits of an exit's first number; the lowest two say what is done after it.
mod flag {
    pub const AFTER: u64 = 3;
    pub const AT_END: u64 = 1 << 2;
    pub const IS_BRANCH: u64 = 1 << 3;
    pub const CONDITION: u64 = 1 << 4;
    pub const HOLDS: u64 = 1 << 5;
    pub const VERSION: u64 = 1 << 6;
}

#[derive(Default)]
struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    #[inline]
    fn number(&mut self, n: u64) {
        numbers::write(&mut self.bytes, n)
    }
    fn val(&mut self, v: Val) {
        self.number(number_of(v));
    }
    fn vals(&mut self, vals: &[Val]) {
        self.number(vals.len() as u64);
        vals.iter().for_each(|&v| self.val(v));
    }
    fn slot(&mut self, s: Slot) {
        match s {
            Slot::Null => self.number(0),
            Slot::InMemory => self.number(1),
            Slot::Virtual(n) => self.number(2 + 2 * u64::from(n)),
            Slot::Value(v) => self.number(3 + 2 * number_of(v)),
        }
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

fn number_of(v: Val) -> u64 {
    match (v == Val::NONE, v.const_index()) {
        (true, _) => 0,
        (_, Some(c)) => 2 * c as u64 + 1,
        _ => 2 * u64::from(v.0) + 2,
    }
}

fn val_of(n: u64) -> Val {
    match n {
        0 => Val::NONE,
        n if n % 2 == 1 => Val::constant((n / 2) as usize),
        n => Val::op((n / 2 - 1) as usize),
    }
}

impl Reader<'_> {
    fn number(&mut self) -> u64 {
        numbers::read(self.bytes, &mut self.at)
    }
    fn val(&mut self) -> Val {
        val_of(self.number())
    }
    fn vals(&mut self) -> Vec<Val> {
        (0..self.number()).map(|_| self.val()).collect()
    }
    fn info(&mut self) -> ExitInfo {
        let flags = self.number();
        let after = match flags & flag::AFTER {
            0 => After::Nothing,
            1 => After::ServeBreaker { lasti: self.number() as u32 },
            _ => After::DropTop { lasti: self.number() as u32 },
        };
        let condition = (flags & flag::CONDITION != 0).then(|| Condition {
            code: traces::op::ALL[self.number() as usize],
            args: [self.val(), self.val()],
            holds: flags & flag::HOLDS != 0,
        });
        let version = (flags & flag::VERSION != 0).then(|| GuardedVersion {
            object: self.number() as usize,
            path: std::array::from_fn(|_| self.number() as u16),
            field: self.number() as u16,
            expected: self.number() as u32,
        });
        ExitInfo {
            after,
            at_end: flags & flag::AT_END != 0,
            is_branch: flags & flag::IS_BRANCH != 0,
            condition,
            version,
        }
    }
    fn resume(&mut self) -> Resume {
        match self.number() {
            0 => Resume::Execute,
            1 => Resume::Raise,
            _ => Resume::Dying { object: self.val(), lasti: self.number() as u32 },
        }
    }
    fn slot(&mut self) -> Slot {
        match self.number() {
            0 => Slot::Null,
            1 => Slot::InMemory,
            n if n % 2 == 0 => Slot::Virtual((n / 2 - 1) as u32),
            n => Slot::Value(val_of((n - 3) / 2)),
        }
    }
}

/// Packs a trace's snapshots and exits.
struct Packer<'t> {
    out: Writer,
    trace: &'t Trace,
    /// Where each frame of the trace's snapshots was written.
    frames: Vec<u32>,
    /// The types that are known somewhere, numbered from 1 as there; then others.
    type_list: Vec<usize>,
}

impl Packer<'_> {
    fn type_number(&mut self, ty: usize) -> u64 {
        if ty == 0 {
            return 0;
        }
        let known = self.type_list.iter().position(|&known| known == ty);
        known.unwrap_or_else(|| {
            self.type_list.push(ty);
            self.type_list.len() - 1
        }) as u64
            + 1
    }

    fn here(&self) -> u32 {
        self.out.bytes.len() as u32
    }

    fn frame(&mut self, f: FrameRef<'_>) {
        let place = &mut self.frames[f.number as usize];
        if *place != NOWHERE {
            return;
        }
        *place = self.out.bytes.len() as u32;
        let w = &mut self.out;
        w.number(f.code as u64);
        w.slot(f.function);
        w.val(f.frame);
        w.number(u64::from(f.instr));
        w.number(u64::from(f.stack_depth));
        w.number(f.slots.len() as u64);
        f.slots.iter().for_each(|s| w.slot(s));
    }

    fn types(&mut self, known: KnownAt<'_>) -> u32 {
        let start = self.here();
        let types = known.type_numbers();
        self.out.number(types.len() as u64);
        types.iter().for_each(|&n| self.out.number(u64::from(n)));
        start
    }

    fn facts(&mut self, known: KnownAt<'_>) -> u32 {
        let start = self.here();
        self.out.number(known.facts().count() as u64);
        for f in known.facts() {
            let n = self.type_number(f.known_type);
            let w = &mut self.out;
            w.number(f.code as u64);
            w.number(f.region as u64);
            w.number(u64::from(f.nonnull));
            w.number(u64::from(f.imm as u32));
            f.args.iter().for_each(|&v| w.val(v));
            w.val(f.result);
            w.number(n);
        }
        start
    }

    /// Packs a snapshot, after what it refers to: its frames, and `types` and `facts`, which are there.
    fn snapshot(&mut self, id: SnapId, known: KnownAt<'_>, types: u32, facts: u32) -> u32 {
        let snapshots = &self.trace.snapshots;
        snapshots.frames(id).for_each(|f| self.frame(f));
        let start = self.here();
        let w = &mut self.out;
        match snapshots.resume(id) {
            Resume::Execute => w.number(0),
            Resume::Raise => w.number(1),
            Resume::Dying { object, lasti } => {
                w.number(2);
                w.val(object);
                w.number(u64::from(lasti));
            }
        }
        w.number(snapshots.depth(id) as u64);
        for f in snapshots.frames(id) {
            w.number(u64::from(self.frames[f.number as usize]));
        }
        let virtuals = snapshots.scalars(id);
        w.number(virtuals.len() as u64);
        for v in virtuals {
            let (kind, v) = match v {
                Virtual::Int(v) => (0, v),
                Virtual::Float(v) => (1, v),
                Virtual::Bool(v) => (2, v),
                Virtual::Tuple(_) => unreachable!("the optimizer builds tuples"),
            };
            w.number(kind);
            w.val(v);
        }
        w.vals(snapshots.increfs(id));
        w.vals(snapshots.keep(id));
        w.number(u64::from(types));
        w.number(known.slots().count() as u64);
        for (k, v) in known.slots() {
            w.number(u64::from(k));
            w.val(v);
        }
        w.number(u64::from(facts));
        start
    }

    fn info(&mut self, info: &ExitInfo) {
        let w = &mut self.out;
        let (after, lasti) = match info.after {
            After::Nothing => (0, None),
            After::ServeBreaker { lasti } => (1, Some(lasti)),
            After::DropTop { lasti } => (2, Some(lasti)),
        };
        let flag = |set, flag| if set { flag } else { 0 };
        w.number(
            after
                | flag(info.at_end, flag::AT_END)
                | flag(info.is_branch, flag::IS_BRANCH)
                | flag(info.condition.is_some(), flag::CONDITION)
                | flag(info.condition.is_some_and(|c| c.holds), flag::HOLDS)
                | flag(info.version.is_some(), flag::VERSION),
        );
        if let Some(lasti) = lasti {
            w.number(u64::from(lasti));
        }
        if let Some(c) = &info.condition {
            w.number(c.code as u64);
            c.args.iter().for_each(|&v| w.val(v));
        }
        if let Some(v) = &info.version {
            w.number(v.object as u64);
            v.path.iter().for_each(|&step| w.number(u64::from(step)));
            w.number(u64::from(v.field));
            w.number(u64::from(v.expected));
        }
    }

    fn exit(&mut self, info: &ExitInfo, locations: &[u8]) -> u32 {
        let start = self.here();
        self.info(info);
        self.out.bytes.extend_from_slice(locations);
        start
    }
}

impl Packed {
    /// Packs what the exits of a trace need. `known` is for each snapshot; for each guard in order, `guards` has what is to be known besides its
    /// snapshot, `exits` the locations of the snapshot's values.
    pub fn new(
        trace: &Trace,
        known: &Known,
        guards: impl Iterator<Item = ExitInfo>,
        exits: &ExitLocations,
    ) -> Packed {
        let mut p = Packer {
            out: Writer { bytes: Vec::with_capacity(24 * trace.snapshots.len()) },
            trace,
            frames: vec![NOWHERE; trace.snapshots.frame_numbers()],
            type_list: known.type_table().to_vec(),
        };
        let mut last: Option<(KnownAt<'_>, u32, u32)> = None;
        let ids = (0..trace.snapshots.len()).map(|i| SnapId(i as u32));
        let snapshots = ids.map(|id| {
            let known = known.at(id);
            let types = match last {
                Some((before, types, _)) if known.shares_types(before) => types,
                _ => p.types(known),
            };
            let facts = match last {
                Some((before, _, facts)) if known.shares_facts(before) => facts,
                _ => p.facts(known),
            };
            last = Some((known, types, facts));
            p.snapshot(id, known, types, facts)
        });
        let snapshots = snapshots.collect();
        let others = exits.other_consts(trace.consts.len());
        let exits = guards.enumerate().map(|(exit, info)| p.exit(&info, exits.bytes_of(exit))).collect();
        Packed {
            bytes: p.out.bytes.into_boxed_slice(),
            snapshots,
            exits,
            types: p.type_list.into_boxed_slice(),
            other_consts: others.into(),
            values: Values::of(trace),
        }
    }

    fn reader(&self, at: u32) -> Reader<'_> {
        Reader { bytes: &self.bytes, at: at as usize }
    }

    fn const_bits(&self, number: usize) -> u64 {
        let own = self.values.consts();
        own.get(number).map_or_else(|| self.other_consts[number - own.len()], |c| c.bits())
    }

    fn type_of(&self, n: u64) -> usize {
        if n == 0 { 0 } else { self.types[n as usize - 1] }
    }

    /// How many bytes it takes.
    pub fn bytes(&self) -> usize {
        self.bytes.len()
            + size_of_val(&*self.snapshots)
            + size_of_val(&*self.exits)
            + size_of_val(&*self.types)
            + size_of_val(&*self.other_consts)
            + self.values.bytes()
    }

    /// How many frames a snapshot has.
    pub fn frames(&self, id: SnapId) -> usize {
        let mut r = self.reader(self.snapshots[id.0 as usize]);
        r.resume();
        r.number() as usize
    }

    /// The code of a snapshot's innermost frame, and the instruction at which it goes on.
    pub fn place(&self, id: SnapId) -> (usize, u32) {
        let mut r = self.reader(self.snapshots[id.0 as usize]);
        r.resume();
        let frames = r.number();
        let innermost = (0..frames).map(|_| r.number()).last().expect("a snapshot has a frame");
        let mut f = self.reader(innermost as u32);
        let code = f.number() as usize;
        f.slot();
        f.val();
        (code, f.number() as u32)
    }

    /// How a snapshot's innermost frame goes on.
    pub fn resume(&self, id: SnapId) -> Resume {
        self.reader(self.snapshots[id.0 as usize]).resume()
    }

    /// A snapshot and what is known there.
    pub fn snapshot(&self, id: SnapId) -> (Snapshot, Knowledge) {
        let mut r = self.reader(self.snapshots[id.0 as usize]);
        let resume = r.resume();
        let mut known = Knowledge::default();
        let frames = (0..r.number())
            .map(|_| {
                let mut f = self.reader(r.number() as u32);
                FrameState {
                    code: f.number() as usize,
                    function: f.slot(),
                    frame: f.val(),
                    instr: f.number() as u32,
                    stack_depth: f.number() as u32,
                    slots: (0..f.number()).map(|_| f.slot()).collect(),
                }
            })
            .collect();
        let virtuals = (0..r.number())
            .map(|_| match r.number() {
                0 => Virtual::Int(r.val()),
                1 => Virtual::Float(r.val()),
                _ => Virtual::Bool(r.val()),
            })
            .collect();
        let (increfs, keep) = (r.vals(), r.vals());
        let mut t = self.reader(r.number() as u32);
        known.types = (0..t.number()).map(|_| self.type_of(t.number())).collect();
        known.slots = (0..r.number()).map(|_| (r.number() as u32, r.val())).collect();
        let mut f = self.reader(r.number() as u32);
        let facts = (0..f.number()).map(|_| KnownFact {
            code: traces::op::ALL[f.number() as usize],
            region: Region::ALL[f.number() as usize],
            nonnull: f.number() != 0,
            imm: f.number() as u32 as i32,
            args: [f.val(), f.val()],
            result: f.val(),
            known_type: self.type_of(f.number()),
        });
        known.facts = facts.collect();
        (Snapshot { resume, frames, virtuals, increfs, keep }, known)
    }

    /// What is to be known of an exit besides its snapshot.
    pub fn info(&self, exit: usize) -> ExitInfo {
        self.reader(self.exits[exit]).info()
    }

    /// The locations of an exit's values, in the order of `Snapshot::for_each_value`.
    pub fn locations(&self, exit: usize, snapshot: &Snapshot) -> Vec<Location> {
        let mut r = self.reader(self.exits[exit]);
        r.info();
        let mut locations = Vec::with_capacity(16);
        snapshot.for_each_value(|_| {
            locations.push(match codegen::PackedLocation::read(r.bytes, &mut r.at) {
                codegen::PackedLocation::Place(location) => location,
                codegen::PackedLocation::Const(number) => Location::Const(self.const_bits(number as usize)),
            });
        });
        locations
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use traces::{Const, Op, OpCode};

    #[test]
    fn what_is_unpacked_is_what_was_packed() {
        let mut trace = Trace::new(&[]);
        trace.push(Op::new(OpCode::Frame, &[]));
        let c = trace.constant(Const::Obj(0x7fff_1234_5678));
        let (v, far) = (Val::op(0), Val::op(70_000));
        let frame = |frame: Val, slots: Vec<Slot>| FrameState {
            code: usize::MAX,
            function: Slot::Value(c),
            frame,
            instr: 3,
            stack_depth: 1,
            slots,
        };
        let snapshot = |resume| Snapshot {
            resume,
            frames: vec![
                frame(v, vec![Slot::Null, Slot::InMemory, Slot::Value(c), Slot::Virtual(0)]),
                frame(Val::NONE, vec![Slot::Value(v), Slot::Value(far), Slot::Virtual(200)]),
            ],
            virtuals: vec![Virtual::Int(v), Virtual::Float(c), Virtual::Bool(far)],
            increfs: vec![v, v],
            keep: vec![far],
        };
        let fact = KnownFact {
            code: OpCode::LoadInt,
            region: Region::ListSize,
            nonnull: true,
            imm: -16,
            args: [v, Val::NONE],
            result: c,
            known_type: 77,
        };
        let known =
            Knowledge { types: vec![0, 9, 77, 0, 9, 0, 5, 77], slots: vec![(1, v)], facts: vec![fact] };
        let locations: Vec<Location> = {
            let mut n = 0;
            let mut all = Vec::new();
            snapshot(Resume::Execute).for_each_value(|v| {
                n += 1;
                all.push(match (v.is_const(), n % 4) {
                    (true, _) => Location::Const(0x7fff_1234_5678),
                    (_, 0) => Location::Const(u64::MAX),
                    (_, 1) => Location::General(15),
                    (_, 2) => Location::Float(3),
                    _ => Location::Spill(255),
                })
            });
            all
        };
        let resumes = [Resume::Execute, Resume::Raise];
        resumes.iter().for_each(|&resume| {
            trace.push_snapshot(snapshot(resume));
        });
        let mut all_known = Known::default();
        all_known.push(&known);
        all_known.push(&known);
        let infos = [
            ExitInfo::default(),
            ExitInfo {
                after: After::DropTop { lasti: 300 },
                at_end: true,
                is_branch: true,
                condition: Some(Condition { code: OpCode::IntEq, args: [v, c], holds: true }),
                version: Some(GuardedVersion {
                    object: usize::MAX,
                    path: [8, u16::MAX, 0],
                    field: 16,
                    expected: u32::MAX,
                }),
            },
        ];
        let guards = infos.iter().cloned();
        let mut exits = ExitLocations::with_room(2, locations.len(), &[0x7fff_1234_5678]);
        let packed = |exits: &mut ExitLocations, at| match at {
            Location::Const(bits) => codegen::PackedLocation::Const(exits.number_of(bits)),
            place => codegen::PackedLocation::Place(place),
        };
        let all: Vec<_> = locations.iter().map(|&at| packed(&mut exits, at)).collect();
        for _ in 0..2 {
            all.iter().for_each(|&location| exits.push(location));
            exits.end();
        }
        let packed = Packed::new(&trace, &all_known, guards, &exits);
        for (i, &resume) in resumes.iter().enumerate() {
            let (s, k) = packed.snapshot(SnapId(i as u32));
            assert_eq!((&s, &k), (&snapshot(resume), &known));
            assert_eq!(packed.locations(1 - i, &s), locations);
            assert_eq!(packed.info(i), infos[i]);
            assert_eq!(packed.frames(SnapId(i as u32)), 2);
            assert_eq!(packed.place(SnapId(i as u32)), (usize::MAX, 3));
        }
    }
}
