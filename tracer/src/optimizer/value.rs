//! Abstract values: what the optimizer knows of each value of a recording.
//!
//! An abstract value is a machine value (`Int`, `Float`, `Bool`, `Ptr`) or an object. An object is *real* (it has a value in the
//! trace, or still lies untouched in the entry frame's memory) or *virtual* (a box that nobody has seen: it gets built
//! when something needs its address, or at an exit).
//!
//! For each object the ledger keeps *owed*, the references that the interpreter would hold now, and *held*,
//! the real ones that the trace answers for. `owed >= held` at every instruction boundary.

use traces::{Const, OpCode, Type, Val};

/// Number of an abstract value.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Abs(pub u32);

impl Abs {
    /// None.
    pub const NONE: Abs = Abs(u32::MAX);
}

/// A box without an object. The payload is a machine value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Boxed {
    /// An int.
    Int(Abs),
    /// A float.
    Float(Abs),
    /// A bool.
    Bool(Abs),
}

impl Boxed {
    /// The machine value inside.
    pub fn payload(self) -> Abs {
        match self {
            Boxed::Int(a) | Boxed::Float(a) | Boxed::Bool(a) => a,
        }
    }
}

/// What is known of a value.
#[derive(Clone, Debug)]
pub struct Info {
    /// Its type.
    pub ty: Type,
    /// Where it is in the trace; `NONE` for virtual objects and those that still lie in memory.
    pub val: Val,
    /// For objects not loaded yet: the slot of the entry frame that holds it.
    pub lazy_slot: Option<u32>,
    /// Its value, when known.
    pub constant: Option<Const>,
    /// For objects that were not built.
    pub boxed: Option<Boxed>,
    /// `ob_type`, or 0.
    pub known_type: usize,
    /// Known not to be null.
    pub nonnull: bool,
    /// A constant that is kept alive by a code object, or never freed.
    pub immortal: bool,
    /// References that the interpreter would hold.
    pub owed: i32,
    /// Real references that the trace answers for.
    pub held: i32,
    /// How many slots of the snapshot that is being made hold it; else 0.
    pub in_slots: i32,
    /// For machine booleans: the comparison behind it.
    pub compare: Option<(OpCode, Abs, Abs)>,
}

impl Info {
    /// A value that is in the trace.
    pub fn new(ty: Type, val: Val) -> Info {
        Info {
            ty,
            val,
            lazy_slot: None,
            constant: None,
            boxed: None,
            known_type: 0,
            nonnull: false,
            immortal: false,
            owed: 0,
            held: 0,
            in_slots: 0,
            compare: None,
        }
    }
}
