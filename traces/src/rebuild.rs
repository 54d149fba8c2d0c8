//! The reference for exits: rebuilds the interpreter's frames from a snapshot in simulated memory, and describes the state
//! that results, so that two runs can be compared that allocated different objects.
//!
//! Called by tests of the optimizer: an optimized trace must leave in the same state as the original one, however many boxes
//! and counts it saved. The real exits are the tracer's business; this is what they have to agree with.
//!
//! Ownership at an exit: building a virtual object gives it one reference, which the first slot that names it takes; each
//! further slot adds one. Every other reference that a rebuilt slot holds is one that the trace held, or one of `increfs`.

use std::fmt::Write;

use crate::memory::{Fault, INT_SIZE_OFFSET, Kind, Memory};
use crate::trace::{Const, Resume, Slot, Snapshot, Val, Virtual};

/// Where frames are, and what is in them.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    /// The frame that the trace was entered with.
    pub entry_frame: usize,
    /// Byte offset of the first slot in a frame.
    pub localsplus: i32,
}

/// A rebuilt frame.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Frame {
    /// Address of the code object.
    pub code: usize,
    /// The function, for pushed frames.
    pub function: Option<usize>,
    /// Where it goes on.
    pub instr: u32,
    /// The objects in its slots; 0 is NULL.
    pub slots: Vec<usize>,
}

/// The values of a snapshot, handed out in the order of `Snapshot::for_each_value`.
struct Values<'a>(std::slice::Iter<'a, Const>);

impl Values<'_> {
    fn take(&mut self) -> Result<usize, Fault> {
        let value =
            self.0.next().ok_or_else(|| Fault("the exit has fewer values than its snapshot".into()))?;
        Ok(value.bits() as usize)
    }
}

/// Rebuilds the frames: what virtual slots need is built, counts are added, in-memory frames get their slots, an object that the
/// snapshot says is dying is deallocated. `values` are those of the exit.
pub fn rebuild(
    snapshot: &Snapshot,
    values: &[Const],
    layout: Layout,
    memory: &mut Memory,
) -> Result<Vec<Frame>, Fault> {
    // First all values by place, then the objects: a virtual object's value comes after the slots that name it.
    let mut values = Values(values.iter());
    let dying = match snapshot.resume {
        Resume::Dying { .. } => Some(values.take()?),
        _ => None,
    };
    let mut frames = Vec::new();
    for frame in &snapshot.frames {
        let address = if frame.frame == Val::NONE { None } else { Some(values.take()?) };
        let function = place(frame.function, &mut values)?;
        let slots = frame.slots.iter().map(|&s| place(s, &mut values)).collect::<Result<Vec<_>, _>>()?;
        frames.push((address, function, slots));
    }
    let mut virtuals = Vec::new();
    for v in &snapshot.virtuals {
        virtuals.push(match v {
            Virtual::Int(_) => Recipe::Int(values.take()? as i64),
            Virtual::Float(_) => Recipe::Float(values.take()? as u64),
            Virtual::Bool(_) => Recipe::Bool(values.take()? != 0),
            Virtual::Tuple(items) => {
                Recipe::Tuple(items.iter().map(|&s| place(s, &mut values)).collect::<Result<_, _>>()?)
            }
        });
    }
    for _ in &snapshot.increfs {
        let object = values.take()?;
        memory.incref(object)?;
    }

    let mut builder = Builder { recipes: &virtuals, built: vec![None; virtuals.len()] };
    let mut rebuilt = Vec::new();
    for (depth, ((address, function, places), state)) in frames.into_iter().zip(&snapshot.frames).enumerate()
    {
        // The outermost frame of a recording is the entry frame, though its snapshots do not say so.
        let address = address.or((depth == 0).then_some(layout.entry_frame));
        let mut slots = Vec::new();
        for (n, slot) in places.iter().enumerate() {
            let cell = address.map(|a| a + layout.localsplus as usize + 8 * n);
            let object = match (slot, cell) {
                (Place::InMemory, Some(cell)) => memory.read_u64(cell)? as usize,
                (Place::InMemory, None) => {
                    return Err(Fault("a slot in memory of a frame that is not".into()));
                }
                _ => builder.object(slot, memory)?,
            };
            if let Some(cell) = cell {
                memory.write_u64(cell, object as u64)?;
            }
            slots.push(object);
        }
        let function = match function {
            Place::InMemory => None,
            other => Some(builder.object(&other, memory)?),
        };
        rebuilt.push(Frame { code: state.code, function, instr: state.instr, slots });
    }
    if let Some(object) = dying {
        memory.dealloc(object)?;
    }
    Ok(rebuilt)
}

/// A slot with its value.
enum Place {
    Object(usize),
    InMemory,
    Virtual(u32),
}

fn place(slot: Slot, values: &mut Values<'_>) -> Result<Place, Fault> {
    Ok(match slot {
        Slot::Null => Place::Object(0),
        Slot::InMemory => Place::InMemory,
        Slot::Value(_) => Place::Object(values.take()?),
        Slot::Virtual(n) => Place::Virtual(n),
    })
}

/// A virtual object with its values.
enum Recipe {
    Int(i64),
    Float(u64),
    Bool(bool),
    Tuple(Vec<Place>),
}

struct Builder<'a> {
    recipes: &'a [Recipe],
    built: Vec<Option<usize>>,
}

impl Builder<'_> {
    /// The object of a slot, with a reference for the slot.
    fn object(&mut self, place: &Place, memory: &mut Memory) -> Result<usize, Fault> {
        let n = match *place {
            Place::Object(address) => return Ok(address),
            Place::InMemory => return Err(Fault("a part of a virtual object that is in memory".into())),
            Place::Virtual(n) => n as usize,
        };
        if let Some(&Some(object)) = self.built.get(n) {
            memory.incref(object)?;
            return Ok(object);
        }
        let recipes = self.recipes;
        let object = match recipes.get(n).ok_or_else(|| Fault(format!("there is no w{n}")))? {
            Recipe::Int(value) => memory.new_int(*value)?,
            Recipe::Float(bits) => memory.new_float(f64::from_bits(*bits))?,
            Recipe::Bool(value) => {
                let object = memory.bool_object(*value);
                memory.incref(object)?;
                object
            }
            Recipe::Tuple(items) => {
                let tuple = memory.new_object(Kind::Tuple, 8 + 8 * items.len())?;
                memory.write_u64(tuple + INT_SIZE_OFFSET as usize, items.len() as u64)?;
                for (i, item) in items.iter().enumerate() {
                    let item = self.object(item, memory)?;
                    memory.write_u64(tuple + 24 + 8 * i, item as u64)?;
                }
                tuple
            }
        };
        self.built[n] = Some(object);
        Ok(object)
    }
}

/// Describes a state: values that are addresses of new objects by number and contents, everything else as it is. Two runs from
/// the same initial memory left the same state when their descriptions are equal.
///
/// An object is new when it lies above `initial_top`. NaNs are all the same.
pub struct Describer<'a> {
    memory: &'a Memory,
    initial_top: usize,
    seen: Vec<usize>,
    text: String,
}

impl<'a> Describer<'a> {
    /// A description of this memory; `initial_top` is [`Memory::top`] at entry.
    pub fn new(memory: &'a Memory, initial_top: usize) -> Self {
        Describer { memory, initial_top, seen: Vec::new(), text: String::new() }
    }

    fn name(&mut self, word: u64) -> String {
        let address = word as usize;
        if address < self.initial_top || address >= self.memory.top() {
            let base = self.memory.base();
            return match address.checked_sub(base) {
                Some(offset) if address < self.initial_top => format!("old+{offset:#x}"),
                _ if f64::from_bits(word).is_nan() => "nan".into(),
                _ => format!("{word:#x}"),
            };
        }
        let n = self.seen.iter().position(|&s| s == address).unwrap_or_else(|| {
            self.seen.push(address);
            self.seen.len() - 1
        });
        format!("new{n}")
    }

    /// A line with a value.
    pub fn value(&mut self, label: &str, value: Const) {
        let text = match value {
            Const::Obj(a) | Const::Ptr(a) => self.name(a as u64),
            Const::Float(bits) if f64::from_bits(bits).is_nan() => "nan".into(),
            other => crate::text::constant(other),
        };
        let _ = writeln!(self.text, "{label} {text}");
    }

    /// Lines for rebuilt frames.
    pub fn frames(&mut self, resume: Resume, frames: &[Frame]) {
        let how = match resume {
            Resume::Execute => "execute".into(),
            Resume::Raise => "raise".into(),
            Resume::Dying { lasti, .. } => format!("dying at {lasti}"),
        };
        let _ = writeln!(self.text, "{how}");
        for frame in frames {
            let slots: Vec<String> = frame.slots.iter().map(|&s| self.name(s as u64)).collect();
            let function = frame.function.map_or("-".into(), |f| self.name(f as u64));
            let at = frame.instr;
            let _ = writeln!(self.text, "frame code={:#x} fn={function} at {at} {slots:?}", frame.code);
        }
    }

    /// Lines for the words below `initial_top` that differ from `initial`, except for the allocator's own and those of `skip`.
    pub fn old_memory(&mut self, initial: &[u8], skip: std::ops::Range<usize>) {
        let base = self.memory.base();
        let word = |bytes: &[u8], offset: usize| {
            u64::from_le_bytes(bytes[offset..offset + 8].try_into().expect("eight bytes"))
        };
        for offset in (crate::memory::HEADER_SIZE..self.initial_top - base).step_by(8) {
            let (before, now) = (word(initial, offset), word(self.memory.bytes(), offset));
            if before != now && !skip.contains(&(base + offset)) {
                let name = self.name(now);
                let _ = writeln!(self.text, "old+{offset:#x}: {name}");
            }
        }
    }

    /// Ends with the new objects: those named so far and what they contain, then those that are alive though nothing that
    /// was described leads to them.
    pub fn finish(mut self) -> Result<String, Fault> {
        let mut n = 0;
        while let Some(&object) = self.seen.get(n) {
            let memory = self.memory;
            let contents = if memory.is(object, Kind::Float) {
                let value = memory.float_value(object)?;
                if value.is_nan() { "float nan".into() } else { format!("float {value:?}") }
            } else if memory.is(object, Kind::Int) {
                format!("int {:?}", memory.int_value(object)?)
            } else if memory.is(object, Kind::Tuple) {
                let len = memory.read_u64(object + INT_SIZE_OFFSET as usize)? as usize;
                let items = (0..len).map(|i| Ok(self.name(memory.read_u64(object + 24 + 8 * i)?)));
                format!("tuple {:?}", items.collect::<Result<Vec<_>, Fault>>()?)
            } else if memory.is(object, Kind::Plain) {
                let fields = (2..8).map(|i| Ok(self.name(memory.read_u64(object + 8 * i)?)));
                format!("object {:?}", fields.collect::<Result<Vec<_>, Fault>>()?)
            } else {
                "of no known type".into()
            };
            let _ = writeln!(self.text, "new{n}: {} references, {contents}", memory.refcnt(object)?);
            n += 1;
        }
        // Objects are aligned to 16 bytes and have their type in the second word.
        for object in (self.initial_top..self.memory.top()).step_by(16) {
            let kinds = [Kind::Int, Kind::Float, Kind::Tuple, Kind::Plain];
            if kinds.iter().any(|&kind| self.memory.is(object, kind))
                && (1..1000).contains(&self.memory.refcnt(object)?)
                && !self.seen.contains(&object)
            {
                self.text.push_str("an object is alive that nothing refers to\n");
            }
        }
        Ok(self.text)
    }
}
