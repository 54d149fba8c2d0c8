//! A trace's snapshots, packed: what neighbours have in common is there once.
//!
//! A trace that inlines calls has hundreds of snapshots, each with all frames of the chain; most of it is as in the one before. So a
//! snapshot is a row of ranges into pools that all share. It is built part by part ([`Snapshots::begin`] to [`Snapshots::finish`]), and
//! each part that equals the previous snapshot's is dropped again in favour of that. [`Snapshots::get`] unpacks one.
//!
//! ```text
//! entry: resume, frames (numbers), virtuals, increfs, keep       frame: code, function, address, instruction, slots
//! ```

use crate::pool::Range;
use crate::trace::{FrameState, Resume, Slot, SnapId, Snapshot, Val, Virtual};

/// A slot in one word: a value as it is, else a number above those of all values.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Word(u32);

impl Word {
    const NULL: Word = Word(u32::MAX);
    const IN_MEMORY: Word = Word(u32::MAX - 1);
    /// The first removed object; constants' numbers end below.
    const VIRTUAL: u32 = 3 << 30;

    fn of(slot: Slot) -> Word {
        match slot {
            Slot::Null => Word::NULL,
            Slot::InMemory => Word::IN_MEMORY,
            Slot::Virtual(n) => Word(Word::VIRTUAL + n),
            Slot::Value(v) => {
                debug_assert!(v.0 < Word::VIRTUAL);
                Word(v.0)
            }
        }
    }
    fn slot(self) -> Slot {
        match self {
            Word(v) if v < Word::VIRTUAL => Slot::Value(Val(v)),
            Word::NULL => Slot::Null,
            Word::IN_MEMORY => Slot::InMemory,
            Word(n) => Slot::Virtual(n - Word::VIRTUAL),
        }
    }
    fn value(self) -> Option<Val> {
        (self.0 < Word::VIRTUAL).then_some(Val(self.0))
    }
    /// A value that is no more becomes NULL: no snapshot that is left names it.
    fn map(&mut self, map: &impl Fn(Val) -> Val) {
        if let Some(v) = self.value() {
            let new = map(v);
            *self = if new == Val::NONE { Word::NULL } else { Word(new.0) };
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Frame {
    code: usize,
    function: Word,
    frame: Val,
    instr: u32,
    stack_depth: u32,
    slots: Range,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    resume: Resume,
    frames: Range,
    virtuals: Range,
    increfs: Range,
    keep: Range,
}

/// A removed object: its kind, and its value; of a tuple how many items follow as `Item`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Part {
    Int(Val),
    Float(Val),
    Bool(Val),
    Tuple(u32),
    Item(Word),
}

/// The snapshots of a trace.
#[derive(Clone, Debug, Default)]
pub struct Snapshots {
    entries: Vec<Entry>,
    chains: Vec<u32>,
    frames: Vec<Frame>,
    slots: Vec<Word>,
    virtuals: Vec<Part>,
    increfs: Vec<Val>,
    keep: Vec<Val>,
    /// Where what is being built starts.
    open: Length,
    /// Where its next frame's slots start.
    frame_slots: u32,
    resume: Option<Resume>,
}

/// How much there was at some point.
#[derive(Clone, Copy, Debug, Default)]
pub struct Length {
    entries: u32,
    chains: u32,
    frames: u32,
    slots: u32,
    virtuals: u32,
    increfs: u32,
    keep: u32,
}

/// The slots of a frame.
#[derive(Clone, Copy, Debug)]
pub struct Slots<'a>(&'a [Word]);

impl<'a> Slots<'a> {
    /// How many.
    #[allow(clippy::len_without_is_empty)]
    pub fn len(self) -> usize {
        self.0.len()
    }
    /// One of them.
    pub fn get(self, k: usize) -> Slot {
        self.0[k].slot()
    }
    /// All, in order.
    pub fn iter(self) -> impl Iterator<Item = Slot> + 'a {
        self.0.iter().map(|w| w.slot())
    }
}

/// A frame of a snapshot; see [`FrameState`].
#[derive(Clone, Copy, Debug)]
pub struct FrameRef<'a> {
    /// Frames with the same number are the same.
    pub number: u32,
    /// See [`FrameState::code`].
    pub code: usize,
    /// See [`FrameState::function`].
    pub function: Slot,
    /// See [`FrameState::frame`].
    pub frame: Val,
    /// See [`FrameState::instr`].
    pub instr: u32,
    /// See [`FrameState::stack_depth`].
    pub stack_depth: u32,
    /// See [`FrameState::slots`].
    pub slots: Slots<'a>,
}

impl FrameRef<'_> {
    fn state(&self) -> FrameState {
        FrameState {
            code: self.code,
            function: self.function,
            frame: self.frame,
            instr: self.instr,
            stack_depth: self.stack_depth,
            slots: self.slots.iter().collect(),
        }
    }
}

// ---- reading

impl Snapshots {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
    /// Whether there is one with this number.
    pub fn contains(&self, id: SnapId) -> bool {
        (id.0 as usize) < self.entries.len()
    }

    fn entry(&self, id: SnapId) -> &Entry {
        &self.entries[id.0 as usize]
    }
    /// How to go on.
    pub fn resume(&self, id: SnapId) -> Resume {
        self.entry(id).resume
    }
    /// How many frames a snapshot has.
    pub fn depth(&self, id: SnapId) -> usize {
        let frames = self.entry(id).frames;
        (frames.end - frames.start) as usize
    }
    /// One of a snapshot's frames, the outermost being 0.
    pub fn frame(&self, id: SnapId, depth: usize) -> FrameRef<'_> {
        self.numbered(self.entry(id).frames.of(&self.chains)[depth])
    }
    fn numbered(&self, number: u32) -> FrameRef<'_> {
        let f = &self.frames[number as usize];
        FrameRef {
            number,
            code: f.code,
            function: f.function.slot(),
            frame: f.frame,
            instr: f.instr,
            stack_depth: f.stack_depth,
            slots: Slots(f.slots.of(&self.slots)),
        }
    }
    /// One more than the highest number of a frame.
    pub fn frame_numbers(&self) -> usize {
        self.frames.len()
    }
    /// A snapshot's frames, outermost first.
    pub fn frames(&self, id: SnapId) -> impl DoubleEndedIterator<Item = FrameRef<'_>> {
        self.entry(id).frames.of(&self.chains).iter().map(|&number| self.numbered(number))
    }
    /// A snapshot's removed objects: no tuples.
    pub fn scalars(&self, id: SnapId) -> impl ExactSizeIterator<Item = Virtual> + '_ {
        self.entry(id).virtuals.of(&self.virtuals).iter().map(|part| match *part {
            Part::Int(v) => Virtual::Int(v),
            Part::Float(v) => Virtual::Float(v),
            Part::Bool(v) => Virtual::Bool(v),
            _ => unreachable!("a trace without removed tuples"),
        })
    }
    /// See [`Snapshot::increfs`].
    pub fn increfs(&self, id: SnapId) -> &[Val] {
        self.entry(id).increfs.of(&self.increfs)
    }
    /// See [`Snapshot::keep`].
    pub fn keep(&self, id: SnapId) -> &[Val] {
        self.entry(id).keep.of(&self.keep)
    }

    /// As [`Snapshot::for_each_value`].
    pub fn for_each_value(&self, id: SnapId, mut f: impl FnMut(Val)) {
        self.for_each_needed(id, &mut f);
        self.keep(id).iter().copied().for_each(f);
    }
    /// As [`Snapshot::for_each_needed`].
    pub fn for_each_needed(&self, id: SnapId, f: impl FnMut(Val)) {
        self.for_each_in_frames(id, |_| true, f);
    }
    /// The same without the values of frames that had their turn: `seen`, by number of the frame, says which.
    pub fn for_each_newly_needed(&self, id: SnapId, seen: &mut [bool], f: impl FnMut(Val)) {
        self.for_each_in_frames(id, |number| !std::mem::replace(&mut seen[number as usize], true), f);
    }
    fn for_each_in_frames(&self, id: SnapId, mut wanted: impl FnMut(u32) -> bool, mut f: impl FnMut(Val)) {
        let entry = self.entry(id);
        if let Resume::Dying { object, .. } = entry.resume {
            f(object)
        }
        for &number in entry.frames.of(&self.chains).iter().filter(|&&number| wanted(number)) {
            let frame = &self.frames[number as usize];
            if frame.frame != Val::NONE {
                f(frame.frame)
            }
            frame.function.value().into_iter().for_each(&mut f);
            frame.slots.of(&self.slots).iter().filter_map(|w| w.value()).for_each(&mut f);
        }
        for part in entry.virtuals.of(&self.virtuals) {
            match *part {
                Part::Int(v) | Part::Float(v) | Part::Bool(v) => f(v),
                Part::Tuple(_) => {}
                Part::Item(w) => w.value().into_iter().for_each(&mut f),
            }
        }
        self.increfs(id).iter().copied().for_each(&mut f);
    }

    /// A snapshot, unpacked.
    pub fn get(&self, id: SnapId) -> Snapshot {
        let mut virtuals = Vec::new();
        for part in self.entry(id).virtuals.of(&self.virtuals) {
            match (*part, virtuals.last_mut()) {
                (Part::Int(v), _) => virtuals.push(Virtual::Int(v)),
                (Part::Float(v), _) => virtuals.push(Virtual::Float(v)),
                (Part::Bool(v), _) => virtuals.push(Virtual::Bool(v)),
                (Part::Tuple(n), _) => virtuals.push(Virtual::Tuple(Vec::with_capacity(n as usize))),
                (Part::Item(w), Some(Virtual::Tuple(items))) => items.push(w.slot()),
                (Part::Item(_), _) => unreachable!("an item follows its tuple"),
            }
        }
        Snapshot {
            resume: self.resume(id),
            frames: self.frames(id).map(|f| f.state()).collect(),
            virtuals,
            increfs: self.increfs(id).to_vec(),
            keep: self.keep(id).to_vec(),
        }
    }
    /// All, unpacked one by one.
    pub fn iter(&self) -> impl Iterator<Item = Snapshot> + '_ {
        (0..self.len()).map(|i| self.get(SnapId(i as u32)))
    }
}

// ---- building

impl Snapshots {
    /// Starts a snapshot. Then come its frames, outermost first, each by its slots ([`Self::slot`]) and [`Self::end_frame`]; between
    /// them or behind them removed objects, counts, kept values; then [`Self::finish`].
    pub fn begin(&mut self, resume: Resume) {
        self.open = self.length();
        self.frame_slots = self.open.slots;
        self.resume = Some(resume);
    }
    /// The next slot of the next frame.
    pub fn slot(&mut self, slot: Slot) {
        self.slots.push(Word::of(slot));
    }
    /// A frame with the slots that were given; its `slots` are not looked at.
    pub fn end_frame(&mut self, code: usize, function: Slot, frame: Val, instr: u32, stack_depth: u32) {
        let depth = self.chains.len() as u32 - self.open.chains;
        let last = self.entries.last().map(|e| e.frames.of(&self.chains));
        let last = last.and_then(|chain| chain.get(depth as usize).copied());
        let earlier = last.map(|number| self.frames[number as usize]);
        let slots = Range::close(&mut self.slots, self.frame_slots, earlier.map(|f| f.slots));
        self.frame_slots = self.slots.len() as u32;
        let new = Frame { code, function: Word::of(function), frame, instr, stack_depth, slots };
        let number = match (last, earlier) {
            (Some(number), Some(earlier)) if earlier == new => number,
            _ => {
                self.frames.push(new);
                self.frames.len() as u32 - 1
            }
        };
        self.chains.push(number);
    }
    /// The next removed object.
    pub fn removed(&mut self, object: &Virtual) {
        match object {
            Virtual::Int(v) => self.virtuals.push(Part::Int(*v)),
            Virtual::Float(v) => self.virtuals.push(Part::Float(*v)),
            Virtual::Bool(v) => self.virtuals.push(Part::Bool(*v)),
            Virtual::Tuple(items) => {
                self.virtuals.push(Part::Tuple(items.len() as u32));
                self.virtuals.extend(items.iter().map(|&s| Part::Item(Word::of(s))));
            }
        }
    }
    /// A count to add.
    pub fn incref(&mut self, v: Val) {
        self.increfs.push(v);
    }
    /// A value to keep.
    pub fn keep_value(&mut self, v: Val) {
        self.keep.push(v);
    }
    /// Keeps the values that the snapshot before keeps.
    pub fn keep_as_before(&mut self) {
        if let Some(last) = self.entries.last() {
            self.keep.extend_from_within(last.keep.start as usize..last.keep.end as usize);
        }
    }
    /// How many values the snapshot that is being built keeps.
    pub fn kept(&self) -> usize {
        self.keep.len() - self.open.keep as usize
    }
    /// Ends the snapshot.
    pub fn finish(&mut self) -> SnapId {
        let last = self.entries.last().copied();
        let open = self.open;
        let frames = Range::close(&mut self.chains, open.chains, last.map(|e| e.frames));
        let virtuals = Range::close(&mut self.virtuals, open.virtuals, last.map(|e| e.virtuals));
        let increfs = Range::close(&mut self.increfs, open.increfs, last.map(|e| e.increfs));
        let keep = Range::close(&mut self.keep, open.keep, last.map(|e| e.keep));
        let resume = self.resume.take().expect("a snapshot was begun");
        self.entries.push(Entry { resume, frames, virtuals, increfs, keep });
        SnapId(self.entries.len() as u32 - 1)
    }
    /// Packs one.
    pub fn push(&mut self, s: &Snapshot) -> SnapId {
        self.begin(s.resume);
        for f in &s.frames {
            f.slots.iter().for_each(|&slot| self.slot(slot));
            self.end_frame(f.code, f.function, f.frame, f.instr, f.stack_depth);
        }
        s.virtuals.iter().for_each(|v| self.removed(v));
        s.increfs.iter().for_each(|&v| self.incref(v));
        s.keep.iter().for_each(|&v| self.keep_value(v));
        self.finish()
    }

    /// How many slots they name, those that neighbours share counted once.
    pub fn slots(&self) -> usize {
        self.slots.len()
    }

    /// Makes room for so many halves of what another trace has, in the hope that no pool has to grow.
    pub fn reserve(&mut self, like: &Snapshots, halves: usize) {
        let room = |len: usize| len * halves / 2;
        self.entries.reserve_exact(room(like.entries.len()));
        self.chains.reserve_exact(room(like.chains.len()));
        self.frames.reserve_exact(room(like.frames.len()));
        self.slots.reserve_exact(room(like.slots.len()));
        self.virtuals.reserve_exact(room(like.entries.len()));
        self.increfs.reserve_exact(room(like.entries.len()));
        self.keep.reserve_exact(room(like.entries.len()));
    }
    /// Makes room for the snapshots of a small trace.
    pub fn reserve_some(&mut self) {
        self.entries.reserve(64);
        self.chains.reserve(64);
        self.frames.reserve(64);
        self.slots.reserve(1024);
    }

    /// How much there is now.
    pub fn length(&self) -> Length {
        Length {
            entries: self.entries.len() as u32,
            chains: self.chains.len() as u32,
            frames: self.frames.len() as u32,
            slots: self.slots.len() as u32,
            virtuals: self.virtuals.len() as u32,
            increfs: self.increfs.len() as u32,
            keep: self.keep.len() as u32,
        }
    }
    /// Forgets what was added since there was so much.
    pub fn truncate(&mut self, to: Length) {
        self.entries.truncate(to.entries as usize);
        self.chains.truncate(to.chains as usize);
        self.frames.truncate(to.frames as usize);
        self.slots.truncate(to.slots as usize);
        self.virtuals.truncate(to.virtuals as usize);
        self.increfs.truncate(to.increfs as usize);
        self.keep.truncate(to.keep as usize);
    }

    /// Keeps the snapshots that are alive, and renames the values of all. What was kept and has no new name is kept no more.
    pub fn retain(&mut self, live: &[bool], map: impl Fn(Val) -> Val) {
        let mut flags = live.iter();
        self.entries.retain(|_| *flags.next().expect("one flag for each snapshot"));
        for entry in &mut self.entries {
            if let Resume::Dying { object, .. } = &mut entry.resume {
                *object = map(*object);
            }
        }
        for frame in &mut self.frames {
            frame.frame = map(frame.frame);
            frame.function.map(&map);
        }
        self.slots.iter_mut().for_each(|w| w.map(&map));
        for part in &mut self.virtuals {
            match part {
                Part::Int(v) | Part::Float(v) | Part::Bool(v) => *v = map(*v),
                Part::Tuple(_) => {}
                Part::Item(w) => w.map(&map),
            }
        }
        self.increfs.iter_mut().for_each(|v| *v = map(*v));
        let room = Vec::with_capacity(self.keep.len());
        let old = std::mem::replace(&mut self.keep, room);
        let mut last = (Range::default(), Range::default());
        for entry in &mut self.entries {
            if entry.keep != last.0 {
                let start = self.keep.len() as u32;
                self.keep.extend(entry.keep.of(&old).iter().map(|&v| map(v)).filter(|&v| v != Val::NONE));
                last = (entry.keep, Range { start, end: self.keep.len() as u32 });
            }
            entry.keep = last.1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(instr: u32, slots: Vec<Slot>) -> FrameState {
        FrameState {
            code: usize::MAX,
            function: Slot::InMemory,
            frame: Val::op(0),
            instr,
            stack_depth: 1,
            slots,
        }
    }

    fn examples() -> Vec<Snapshot> {
        let slots = vec![Slot::Null, Slot::InMemory, Slot::Virtual(1), Slot::Value(Val::constant(70_000))];
        let one = Snapshot {
            resume: Resume::Execute,
            frames: vec![frame(3, slots.clone()), frame(9, vec![Slot::Value(Val::op(1 << 20))])],
            virtuals: vec![Virtual::Int(Val::op(4)), Virtual::Tuple(vec![Slot::Virtual(0), slots[3]])],
            increfs: vec![Val::op(7), Val::op(7)],
            keep: vec![Val::op(8)],
        };
        let mut other = one.clone();
        other.resume = Resume::Dying { object: Val::op(5), lasti: 2 };
        other.frames[1].instr = 10;
        let mut third = other.clone();
        (third.frames[0].slots, third.increfs) = (vec![], vec![]);
        third.virtuals = vec![Virtual::Float(Val::op(4)), Virtual::Bool(Val::constant(1))];
        vec![one.clone(), other, third, one]
    }

    #[test]
    fn what_is_unpacked_is_what_was_packed_and_values_come_in_the_same_order() {
        let mut packed = Snapshots::default();
        let examples = examples();
        for s in &examples {
            let id = packed.push(s);
            let (mut expected, mut values) = (Vec::new(), Vec::new());
            s.for_each_value(|v| expected.push(v));
            packed.for_each_value(id, |v| values.push(v));
            assert_eq!(values, expected);
        }
        assert_eq!(packed.iter().collect::<Vec<_>>(), examples);
        assert_eq!(packed.frame(SnapId(0), 0).number, packed.frame(SnapId(1), 0).number, "shared");
    }

    #[test]
    fn what_is_retained_has_its_new_names() {
        let mut packed = Snapshots::default();
        let examples = examples();
        packed.push(&examples[0]);
        let length = packed.length();
        packed.push(&examples[2]);
        packed.truncate(length);
        examples[1..].iter().for_each(|s| {
            packed.push(s);
        });
        packed.retain(&[false, true, false, false], |v| match v.op_index() {
            Some(8) => Val::NONE,
            Some(i) if v != Val::NONE => Val::op(i + 1),
            _ => v,
        });
        let s = packed.get(SnapId(0));
        assert_eq!((packed.len(), s.resume), (1, Resume::Dying { object: Val::op(6), lasti: 2 }));
        assert_eq!(s.frames[1].slots, [Slot::Value(Val::op((1 << 20) + 1))]);
        assert_eq!((&s.increfs[..], &s.keep[..]), (&[Val::op(8), Val::op(8)][..], &[][..]));
        assert_eq!(s.frames[0].slots, examples[1].frames[0].slots);
    }
}
