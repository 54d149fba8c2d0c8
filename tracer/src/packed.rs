//! What is kept of a compiled trace for its exits: snapshots, what is known there, and where the values are, packed into bytes.
//!
//! A trace that inlines calls has hundreds of exits, each with all frames of the chain; unpacked they take more memory than
//! many programs have. Numbers are written seven bits a byte; frames that are the same at several exits, and
//! facts that are, are written once. The driver packs when a trace is installed and unpacks what an exit needs when it is taken.
//! Nothing here knows what the values mean.
//!
//! ```text
//! snapshot: resume, frames (each a place in `bytes`), virtuals, increfs, keep, known slots, known facts (a place in `bytes`)
//! ```

use crate::optimizer::{Knowledge, KnownFact, Values};
use fxhash::FxHashMap;
use std::rc::Rc;
use traces::codegen::Location;
use traces::{FrameState, Region, Resume, Slot, SnapId, Snapshot, Trace, Val, Virtual};

/// A trace's exits, packed.
#[derive(Debug, Default)]
pub struct Packed {
    bytes: Box<[u8]>,
    /// Where each snapshot starts.
    snapshots: Box<[u32]>,
    /// Where the locations of each exit start.
    exits: Box<[u32]>,
    /// Types of objects, numbered from 1.
    types: Box<[usize]>,
    /// The types of the trace's values, and its constants.
    pub values: Values,
}

#[derive(Default)]
struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    fn number(&mut self, mut n: u64) {
        while n >= 0x80 {
            self.bytes.push(n as u8 | 0x80);
            n >>= 7;
        }
        self.bytes.push(n as u8);
    }
    fn val(&mut self, v: Val) {
        self.number(match (v == Val::NONE, v.const_index()) {
            (true, _) => 0,
            (_, Some(c)) => 2 * c as u64 + 1,
            _ => 2 * u64::from(v.0) + 2,
        });
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
            Slot::Value(v) => {
                let mut inner = Writer::default();
                inner.val(v);
                let encoded = Reader { bytes: &inner.bytes, at: 0 }.number();
                self.number(3 + 2 * encoded);
            }
        }
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
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
        let (mut n, mut shift) = (0, 0);
        loop {
            let byte = self.bytes[self.at];
            self.at += 1;
            n |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return n;
            }
            shift += 7;
        }
    }
    fn val(&mut self) -> Val {
        val_of(self.number())
    }
    fn vals(&mut self) -> Vec<Val> {
        (0..self.number()).map(|_| self.val()).collect()
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
struct Packer {
    out: Writer,
    shared: FxHashMap<Vec<u8>, u32>,
    types: FxHashMap<usize, u64>,
    type_list: Vec<usize>,
}

impl Packer {
    fn type_number(&mut self, ty: usize) -> u64 {
        if ty == 0 {
            return 0;
        }
        *self.types.entry(ty).or_insert_with(|| {
            self.type_list.push(ty);
            self.type_list.len() as u64
        })
    }

    /// The place of these bytes, which are written unless they already stand somewhere.
    fn share(&mut self, part: Writer) -> u64 {
        let bytes = &mut self.out.bytes;
        u64::from(*self.shared.entry(part.bytes).or_insert_with_key(|part| {
            bytes.extend_from_slice(part);
            (bytes.len() - part.len()) as u32
        }))
    }

    fn frame(&mut self, f: &FrameState, types: &[usize]) -> u64 {
        let mut w = Writer::default();
        w.number(f.code as u64);
        w.slot(f.function);
        w.val(f.frame);
        w.number(u64::from(f.instr));
        w.number(u64::from(f.stack_depth));
        w.number(f.slots.len() as u64);
        f.slots.iter().for_each(|&s| w.slot(s));
        w.number(types.len() as u64);
        for &ty in types {
            let n = self.type_number(ty);
            w.number(n);
        }
        self.share(w)
    }

    fn facts(&mut self, facts: &[KnownFact]) -> u64 {
        let mut w = Writer::default();
        w.number(facts.len() as u64);
        for f in facts {
            w.number(f.code as u64);
            w.number(f.region as u64);
            w.number(u64::from(f.nonnull));
            w.number(u64::from(f.imm as u32));
            f.args.iter().for_each(|&v| w.val(v));
            w.val(f.result);
            let n = self.type_number(f.known_type);
            w.number(n);
        }
        self.share(w)
    }

    fn snapshot(&mut self, s: &Snapshot, known: &Knowledge) -> u32 {
        let mut w = Writer::default();
        match s.resume {
            Resume::Execute => w.number(0),
            Resume::Raise => w.number(1),
            Resume::Dying { object, lasti } => {
                w.number(2);
                w.val(object);
                w.number(u64::from(lasti));
            }
        }
        w.number(s.frames.len() as u64);
        let mut types = &known.types[..];
        for (depth, f) in s.frames.iter().enumerate() {
            let n = if depth + 1 == s.frames.len() {
                types.len()
            } else {
                f.slots.len() + usize::from(depth > 0)
            };
            let (these, rest) = types.split_at(n.min(types.len()));
            types = rest;
            let place = self.frame(f, these);
            w.number(place);
        }
        w.number(s.virtuals.len() as u64);
        for v in &s.virtuals {
            let (kind, v) = match v {
                Virtual::Int(v) => (0, *v),
                Virtual::Float(v) => (1, *v),
                Virtual::Bool(v) => (2, *v),
                Virtual::Tuple(_) => unreachable!("the optimizer builds tuples"),
            };
            w.number(kind);
            w.val(v);
        }
        w.vals(&s.increfs);
        w.vals(&s.keep);
        w.number(known.slots.len() as u64);
        for &(k, v) in &known.slots {
            w.number(u64::from(k));
            w.val(v);
        }
        let facts = self.facts(&known.facts);
        w.number(facts);
        let start = self.out.bytes.len() as u32;
        self.out.bytes.extend_from_slice(&w.bytes);
        start
    }

    fn locations(&mut self, trace: &Trace, s: &Snapshot, locations: &[Location]) -> u32 {
        let start = self.out.bytes.len() as u32;
        let mut all = locations.iter();
        s.for_each_value(|v| {
            let location = *all.next().expect("one location for each value of the snapshot");
            match location {
                Location::General(r) => self.out.number(4 * u64::from(r)),
                Location::Float(r) => self.out.number(4 * u64::from(r) + 1),
                Location::Spill(s) => self.out.number(4 * u64::from(s) + 2),
                // A constant of the trace needs no place.
                Location::Const(bits) if trace.const_of(v).is_some_and(|c| c.bits() == bits) => {}
                Location::Const(bits) => {
                    self.out.number(3);
                    self.out.number(bits);
                }
            }
            debug_assert!(!v.is_const() || matches!(location, Location::Const(_)));
        });
        start
    }
}

impl Packed {
    /// Packs what the exits of a trace need. `known` is for each snapshot, `exits` for each guard in order: its snapshot and the
    /// locations of the snapshot's values.
    pub fn new<'a>(
        trace: &Trace,
        known: &[Rc<Knowledge>],
        exits: impl Iterator<Item = (SnapId, &'a [Location])>,
    ) -> Packed {
        let mut p = Packer {
            out: Writer::default(),
            shared: Default::default(),
            types: Default::default(),
            type_list: Vec::new(),
        };
        let snapshots = trace.snapshots.iter().zip(known).map(|(s, k)| p.snapshot(s, k)).collect();
        let exits =
            exits.map(|(s, places)| p.locations(trace, &trace.snapshots[s.0 as usize], places)).collect();
        Packed {
            bytes: p.out.bytes.into_boxed_slice(),
            snapshots,
            exits,
            types: p.type_list.into_boxed_slice(),
            values: Values::of(trace),
        }
    }

    fn reader(&self, at: u32) -> Reader<'_> {
        Reader { bytes: &self.bytes, at: at as usize }
    }

    fn type_of(&self, n: u64) -> usize {
        if n == 0 { 0 } else { self.types[n as usize - 1] }
    }

    /// How many frames a snapshot has.
    pub fn frames(&self, id: SnapId) -> usize {
        let mut r = self.reader(self.snapshots[id.0 as usize]);
        if r.number() == 2 {
            r.number();
            r.number();
        }
        r.number() as usize
    }

    /// A snapshot and what is known there.
    pub fn snapshot(&self, id: SnapId) -> (Snapshot, Knowledge) {
        let mut r = self.reader(self.snapshots[id.0 as usize]);
        let resume = match r.number() {
            0 => Resume::Execute,
            1 => Resume::Raise,
            _ => Resume::Dying { object: r.val(), lasti: r.number() as u32 },
        };
        let mut known = Knowledge::default();
        let frames = (0..r.number())
            .map(|_| {
                let mut f = self.reader(r.number() as u32);
                let frame = FrameState {
                    code: f.number() as usize,
                    function: f.slot(),
                    frame: f.val(),
                    instr: f.number() as u32,
                    stack_depth: f.number() as u32,
                    slots: (0..f.number()).map(|_| f.slot()).collect(),
                };
                known.types.extend((0..f.number()).map(|_| self.type_of(f.number())));
                frame
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
        known.facts = Rc::new(facts.collect());
        (Snapshot { resume, frames, virtuals, increfs, keep }, known)
    }

    /// The locations of an exit's values, in the order of `Snapshot::for_each_value`.
    pub fn locations(&self, exit: usize, snapshot: &Snapshot) -> Vec<Location> {
        let mut r = self.reader(self.exits[exit]);
        let mut locations = Vec::with_capacity(16);
        snapshot.for_each_value(|v| {
            locations.push(match self.values.const_of(v) {
                Some(c) => Location::Const(c.bits()),
                None => match r.number() {
                    3 => Location::Const(r.number()),
                    n => match n % 4 {
                        0 => Location::General((n / 4) as u8),
                        1 => Location::Float((n / 4) as u8),
                        _ => Location::Spill((n / 4) as u16),
                    },
                },
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
        let known = Knowledge {
            types: vec![0, 9, 77, 0, 9, 0, 5, 77],
            slots: vec![(1, v)],
            facts: Rc::new(vec![fact]),
        };
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
        let known = vec![Rc::new(known.clone()), Rc::new(known)];
        let exits = [(SnapId(1), &locations[..]), (SnapId(0), &locations[..])];
        let packed = Packed::new(&trace, &known, exits.into_iter());
        for (i, &resume) in resumes.iter().enumerate() {
            let (s, k) = packed.snapshot(SnapId(i as u32));
            assert_eq!((&s, &k), (&snapshot(resume), &*known[i]));
            assert_eq!(packed.locations(1 - i, &s), locations);
            assert_eq!(packed.frames(SnapId(i as u32)), 2);
        }
    }
}
