//! What is known of memory: loads that may be answered by earlier loads and stores.

use super::parts::Part;
use super::{Abs, Optimized, Optimizer};
use traces::{Const, Op, OpCode, Region};

/// What identifies a computation: same key, same result (for reads: while nothing writes there).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Key {
    /// The op.
    pub code: OpCode,
    /// First operand.
    pub a: Abs,
    /// Second operand.
    pub b: Abs,
    /// Offset, or helper.
    pub imm: i32,
    /// Memory region.
    pub region: Region,
}

impl Key {
    /// Of an op without memory.
    pub fn pure(code: OpCode, a: Abs, b: Abs) -> Key {
        Key { code, a, b, imm: 0, region: Region::Immutable }
    }
}

/// Values that memory is known to hold.
#[derive(Clone, Default)]
pub struct Heap {
    entries: Vec<(Key, Abs)>,
    /// What exits tell bridges, of memory or not.
    watched: Vec<Key>,
    version: u32,
}

impl Heap {
    /// Nothing is known; with room for so many values.
    pub fn with_room(values: usize) -> Heap {
        Heap { entries: Vec::with_capacity(values), watched: Vec::with_capacity(values), version: 0 }
    }
    /// The value, if known.
    pub fn get(&self, key: &Key) -> Option<Abs> {
        self.entries.iter().rev().find(|(k, _)| k == key).map(|&(_, a)| a)
    }
    /// Notes a value.
    pub fn insert(&mut self, key: Key, value: Abs) {
        self.note(&key);
        self.entries.push((key, value));
    }
    /// Says that something became known that is not of memory.
    pub fn note(&mut self, key: &Key) {
        self.version += u32::from(self.watched.contains(key));
    }
    /// From now on this is watched.
    pub fn watch(&mut self, key: Key) {
        self.version += 1;
        self.watched.push(key);
    }
    /// From now on these are watched, and no others.
    pub fn watch_only(&mut self, keys: impl Iterator<Item = Key>) {
        self.version += 1;
        self.watched.clear();
        self.watched.extend(keys);
    }
    /// What is watched.
    pub fn watched(&self) -> &[Key] {
        &self.watched
    }
    /// Forgets everything.
    pub fn clear(&mut self) {
        self.version += 1;
        self.entries.clear();
    }
    /// Forgets what fails the test.
    pub fn retain(&mut self, mut keep: impl FnMut(&Key) -> bool) {
        let (watched, version) = (&self.watched, &mut self.version);
        self.entries.retain(|(k, _)| {
            let kept = keep(k);
            *version += u32::from(!kept && watched.contains(k));
            kept
        });
    }
    /// Changes with what is known of what is watched.
    pub fn version(&self) -> u32 {
        self.version
    }
    /// All that is known, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &(Key, Abs)> {
        self.entries.iter()
    }
}

/// The load that reads what a store writes.
fn load_of(store: OpCode) -> OpCode {
    match store {
        OpCode::StoreInt => OpCode::LoadInt,
        OpCode::StoreFloat => OpCode::LoadFloat,
        OpCode::StoreObj => OpCode::LoadObj,
        OpCode::StoreObjAt => OpCode::LoadObjAt,
        OpCode::StoreU8 => OpCode::LoadU8,
        _ => OpCode::LoadI32,
    }
}

impl Optimizer<'_> {
    pub(super) fn lookup_pure(&mut self, key: &Key) -> Option<Abs> {
        if self.env.off.has(Part::Cse) && key.code != OpCode::ThreadState {
            return None;
        }
        let hit = *self.pure.get(key)?;
        self.mark_used(key, hit);
        Some(hit)
    }

    pub(super) fn lookup_heap(&mut self, key: &Key) -> Option<Abs> {
        let hit = self.heap.get(key)?;
        self.mark_used(key, hit);
        Some(hit)
    }

    /// An assumed fact that was relied upon belongs to the loop header's contract.
    fn mark_used(&mut self, key: &Key, hit: Abs) {
        if let Some(i) = self.assumed.iter().position(|(k, a)| k == key && *a == hit) {
            self.assumed_used[i] = true;
        }
    }

    pub(super) fn load(&mut self, op: &Op, base: Abs, index: Abs) -> Abs {
        let key = Key { code: op.code, a: base, b: index, imm: op.imm, region: op.region };
        let remembered = !matches!(op.region, Region::Volatile | Region::RefCount);
        if remembered && !self.env.off.has(Part::Forwarding) {
            let hit =
                if op.region == Region::Immutable { self.lookup_pure(&key) } else { self.lookup_heap(&key) };
            if let Some(a) = hit {
                return a;
            }
        }
        let operands = [base, index];
        let mut new = self.emit(op.code, &operands[..op.code.row().operands.len()]);
        (new.imm, new.region) = (op.imm, op.region);
        let r = self.push(new);
        if op.region == Region::Immutable {
            self.heap.note(&key);
            self.pure.insert(key, r);
        } else if remembered {
            self.heap.insert(key, r);
        }
        r
    }

    /// Whether two indices into the same array are certainly different.
    fn distinct(&self, a: Abs, b: Abs) -> bool {
        match (self.info(a).constant, self.info(b).constant) {
            (Some(Const::Int(x)), Some(Const::Int(y))) => x != y,
            _ => false,
        }
    }

    /// A store. An object that is stored gives its reference to memory, and memory's old object (loaded just before) is taken over.
    pub(super) fn store(&mut self, op: &Op, args: [Abs; 3]) -> Optimized<()> {
        let at = op.code == OpCode::StoreObjAt;
        let (base, index, value) =
            if at { (args[0], args[1], args[2]) } else { (args[0], Abs::NONE, args[1]) };
        let key = Key { code: load_of(op.code), a: base, b: index, imm: op.imm, region: op.region };
        let object = matches!(op.code, OpCode::StoreObj | OpCode::StoreObjAt);
        if object && let Some(old) = self.lookup_heap(&key) {
            self.take(old);
        }
        let operands = [base, if at { index } else { value }, value];
        let mut new = self.emit(op.code, &operands[..op.code.row().operands.len()]);
        (new.imm, new.region) = (op.imm, op.region);
        if object {
            self.give(value);
        }
        self.out.push(new);
        let mut heap = std::mem::take(&mut self.heap);
        heap.retain(|k| {
            k.region != op.region
                || (k.a == base && k.imm != op.imm && k.b == Abs::NONE && !at)
                || (k.a == base && k.imm == op.imm && at && k.b != Abs::NONE && self.distinct(k.b, index))
        });
        heap.insert(key, value);
        self.heap = heap;
        self.generation += 1;
        Ok(())
    }
}
