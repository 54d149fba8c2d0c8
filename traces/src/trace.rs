//! What a trace is: ops in a line, constants, snapshots, and the helpers that it calls.
//!
//! Built by the tracer, printed and parsed by `text`, checked by `verify`, run by `evaluate`, compiled by a
//! backend. A trace is plain data: addresses in it are numbers, nothing here dereferences or owns them.
//!
//! A loop is `preamble ops, label, params, body ops, jump`; ops of the body may use values of the preamble (they are
//! invariant). A bridge is `params, ops, jump_to | enter_trace | exit`.

use crate::op::{Effect, OpCode, Region, Type};
use crate::snapshots::Snapshots;

/// A value: the result of the op with that index, or (top bit set) a constant.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Val(pub u32);

impl Val {
    /// No value: unused operand places.
    pub const NONE: Val = Val(u32::MAX);
    const CONST: u32 = 1 << 31;

    /// The result of op number `index`.
    pub fn op(index: usize) -> Val {
        debug_assert!((index as u32) < Self::CONST);
        Val(index as u32)
    }
    /// Constant number `index`.
    pub fn constant(index: usize) -> Val {
        Val(index as u32 | Self::CONST)
    }
    /// Whether this is a constant (and not `NONE`).
    pub fn is_const(self) -> bool {
        self != Val::NONE && self.0 & Self::CONST != 0
    }
    /// The op's index, for values that are not constants.
    pub fn op_index(self) -> Option<usize> {
        (self.0 & Self::CONST == 0).then_some(self.0 as usize)
    }
    /// The constant's index, for constants.
    pub fn const_index(self) -> Option<usize> {
        self.is_const().then_some((self.0 & !Self::CONST) as usize)
    }
}

impl std::fmt::Debug for Val {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (*self == Val::NONE, self.const_index()) {
            (true, _) => write!(f, "-"),
            (_, Some(c)) => write!(f, "c{c}"),
            _ => write!(f, "v{}", self.0),
        }
    }
}

/// A constant. Equality is by type and bits, so that -0.0 and 0.0, and different NaNs, stay apart.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Const {
    /// A machine integer.
    Int(i64),
    /// The bits of a double.
    Float(u64),
    /// A truth value.
    Bool(bool),
    /// The address of an object; who keeps it alive is the tracer's business.
    Obj(usize),
    /// Another address.
    Ptr(usize),
}

impl Const {
    /// Its type.
    pub fn ty(self) -> Type {
        match self {
            Const::Int(_) => Type::Int,
            Const::Float(_) => Type::Float,
            Const::Bool(_) => Type::Bool,
            Const::Obj(_) => Type::Obj,
            Const::Ptr(_) => Type::Ptr,
        }
    }
    /// As the 64 bits that a general register holds.
    pub fn bits(self) -> u64 {
        match self {
            Const::Int(i) => i as u64,
            Const::Float(bits) => bits,
            Const::Bool(b) => b as u64,
            Const::Obj(a) | Const::Ptr(a) => a as u64,
        }
    }
}

/// Number of a snapshot within its trace.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct SnapId(pub u32);
impl SnapId {
    /// No snapshot.
    pub const NONE: SnapId = SnapId(u32::MAX);
}

/// A range of a trace's operand list.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct List {
    /// First element.
    pub start: u32,
    /// How many.
    pub len: u32,
}

/// One operation. `args` beyond the op's operands are `Val::NONE`.
#[derive(Clone, Copy, Debug)]
pub struct Op {
    /// What to do.
    pub code: OpCode,
    /// The type of the result.
    pub ty: Type,
    /// Memory region, where the op has one.
    pub region: Region,
    /// Fixed operands.
    pub args: [Val; 3],
    /// Byte offset, helper number, target or index, as the op says.
    pub imm: i32,
    /// Where a guard leaves.
    pub snap: SnapId,
    /// Further operands (calls, label, jumps).
    pub list: List,
}

impl Op {
    /// An op with the table's result type and nothing else set.
    pub fn new(code: OpCode, args: &[Val]) -> Op {
        let mut a = [Val::NONE; 3];
        a[..args.len()].copy_from_slice(args);
        Op {
            code,
            ty: code.row().result.unwrap_or(Type::Void),
            region: Region::Immutable,
            args: a,
            imm: 0,
            snap: SnapId::NONE,
            list: List::default(),
        }
    }
    /// The fixed operands that are in use.
    pub fn operands(&self) -> &[Val] {
        &self.args[..self.code.row().operands.len()]
    }
}

/// How the interpreter goes on after an exit.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Resume {
    /// At the innermost frame's instruction, which is executed from its start.
    Execute,
    /// An exception is set: the handler search starts at the innermost frame's instruction.
    Raise,
    /// As `Execute`, after this object, whose count has just reached zero, was deallocated with
    /// the innermost frame's `prev_instr` at `lasti`.
    Dying {
        /// The object.
        object: Val,
        /// Instruction index that frames show during the deallocation.
        lasti: u32,
    },
}

/// What a slot of a frame holds at an exit.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Slot {
    /// NULL (an unbound local).
    Null,
    /// Memory already holds it, with its reference: leave it.
    InMemory,
    /// This object (type `Obj`).
    Value(Val),
    /// The object that `virtuals[n]` describes, built at the exit; shared ones once.
    Virtual(u32),
}

/// An object that the optimizer removed, and how to build it. Building gives it one reference; each further slot adds one.
#[derive(Clone, PartialEq, Debug)]
pub enum Virtual {
    /// An int with this `Int` value.
    Int(Val),
    /// A float with this `Float` value.
    Float(Val),
    /// A bool with this `Bool` value (nothing is allocated).
    Bool(Val),
    /// A tuple of these items (each takes a reference).
    Tuple(Vec<Slot>),
}

/// One frame of the chain at an exit, outermost first.
#[derive(Clone, PartialEq, Debug)]
pub struct FrameState {
    /// Address of the code object.
    pub code: usize,
    /// The function object, for inlined frames that have to be pushed.
    pub function: Slot,
    /// The `_PyInterpreterFrame *` when the frame is in memory (`Frame` op's value for the outermost); `NONE`: push it.
    pub frame: Val,
    /// Index (in code units) of the instruction to go on at; for frames that called the next one: of that CALL.
    pub instr: u32,
    /// How many of `slots` are the value stack (the last ones).
    pub stack_depth: u32,
    /// `localsplus` up to the top of the stack.
    pub slots: Vec<Slot>,
}

/// All that is needed to rebuild the interpreter's state at an exit.
#[derive(Clone, PartialEq, Debug)]
pub struct Snapshot {
    /// How to go on.
    pub resume: Resume,
    /// The frames, outermost first.
    pub frames: Vec<FrameState>,
    /// Objects that were removed.
    pub virtuals: Vec<Virtual>,
    /// Counts to add: each object here once for each reference that the rebuilt slots hold beyond those the trace holds.
    pub increfs: Vec<Val>,
    /// Further values to keep for a bridge that starts here (hoisted ones, in an order that the tracer knows).
    pub keep: Vec<Val>,
}

impl Snapshot {
    /// Calls `f` with every value that has to be available at the exit (constants included, repeats possible).
    pub fn for_each_value(&self, mut f: impl FnMut(Val)) {
        self.for_each_needed(&mut f);
        self.keep.iter().copied().for_each(&mut f);
    }

    /// The same without those that are only kept: what rebuilding the interpreter's state takes.
    pub fn for_each_needed(&self, mut f: impl FnMut(Val)) {
        fn slot(s: &Slot, f: &mut impl FnMut(Val)) {
            if let Slot::Value(v) = s {
                f(*v)
            }
        }
        if let Resume::Dying { object, .. } = self.resume {
            f(object)
        }
        for frame in &self.frames {
            if frame.frame != Val::NONE {
                f(frame.frame)
            }
            slot(&frame.function, &mut f);
            frame.slots.iter().for_each(|s| slot(s, &mut f));
        }
        for v in &self.virtuals {
            match v {
                Virtual::Int(v) | Virtual::Float(v) | Virtual::Bool(v) => f(*v),
                Virtual::Tuple(items) => items.iter().for_each(|s| slot(s, &mut f)),
            }
        }
        self.increfs.iter().copied().for_each(&mut f);
    }
}

/// A function that compiled code may call, C calling convention.
#[derive(Debug)]
pub struct Helper {
    /// Name in dumps and in the text form.
    pub name: &'static str,
    /// Its address; 0 in tests that do not run it.
    pub address: usize,
    /// Types of its arguments (at most 6 that are not `Float` and 8 that are).
    pub args: &'static [Type],
    /// Type of its result.
    pub result: Type,
    /// What it may do.
    pub effect: Effect,
}

/// A trace.
#[derive(Clone, Debug)]
pub struct Trace {
    /// The ops; the last one is an end.
    pub ops: Vec<Op>,
    /// The constants.
    pub consts: Vec<Const>,
    /// Operand lists.
    pub lists: Vec<Val>,
    /// Snapshots; guards may share one.
    pub snapshots: Snapshots,
    /// The helpers that `call_…` ops number.
    pub helpers: &'static [Helper],
    const_index: std::collections::HashMap<Const, Val, fxhash::FxBuildHasher>,
}

impl Trace {
    /// An empty trace.
    pub fn new(helpers: &'static [Helper]) -> Trace {
        Trace {
            ops: Vec::new(),
            consts: Vec::new(),
            lists: Vec::new(),
            snapshots: Snapshots::default(),
            helpers,
            const_index: Default::default(),
        }
    }
    /// An empty trace with room for so many ops and some constants.
    pub fn with_room(helpers: &'static [Helper], ops: usize) -> Trace {
        let mut trace = Trace::new(helpers);
        trace.ops.reserve(ops);
        trace.consts.reserve(32);
        trace.lists.reserve(64);
        trace.const_index.reserve(28);
        trace
    }
    /// Appends an op and returns its value.
    pub fn push(&mut self, op: Op) -> Val {
        self.ops.push(op);
        Val::op(self.ops.len() - 1)
    }
    /// Appends an operand list.
    pub fn push_list(&mut self, vals: &[Val]) -> List {
        let start = self.lists.len() as u32;
        self.lists.extend_from_slice(vals);
        List { start, len: vals.len() as u32 }
    }
    /// The value of a constant; equal ones are shared.
    pub fn constant(&mut self, c: Const) -> Val {
        *self.const_index.entry(c).or_insert_with(|| {
            self.consts.push(c);
            Val::constant(self.consts.len() - 1)
        })
    }
    /// Appends a snapshot.
    pub fn push_snapshot(&mut self, s: Snapshot) -> SnapId {
        self.snapshots.push(&s)
    }
    /// The constant behind a value.
    pub fn const_of(&self, v: Val) -> Option<Const> {
        v.const_index().map(|i| self.consts[i])
    }
    /// The type of a value.
    pub fn ty(&self, v: Val) -> Type {
        match v.const_index() {
            Some(i) => self.consts[i].ty(),
            None => self.ops[v.0 as usize].ty,
        }
    }
    /// The elements of an op's list.
    pub fn list(&self, list: List) -> &[Val] {
        &self.lists[list.start as usize..(list.start + list.len) as usize]
    }
    /// What an op may do: for calls, what their helper may do.
    pub fn effect(&self, op: &Op) -> Effect {
        if op.code.is_call() { self.helpers[op.imm as usize].effect } else { op.code.row().effect }
    }
    /// Index of the `label` op, in a loop.
    pub fn label_index(&self) -> Option<usize> {
        self.ops.iter().position(|op| op.code == OpCode::Label)
    }
}
