//! The reference evaluator: runs a trace op by op, exactly as [`op`](crate::op) describes it, on simulated memory.
//!
//! Called by tests only: what the optimizer makes of a trace, and the machine code that a backend makes of it, are compared
//! with what this does. It favours being evidently right over being fast, checks what traces promise (a `decref` that
//! reaches zero, a division by zero, an access beside the arena are faults), and never shares code with an optimizer pass or a
//! backend, except for [`fold`](mod@crate::fold), which the optimizer takes from here.
//!
//! ```
//! use traces::evaluate::{Entry, Outcome, evaluate, no_helpers};
//! use traces::{Const, memory::Memory, parse::parse};
//! let text = "label(0)\nv1: Int = param 0\nv2: Int = int_add v1, 1\nv3: Bool = int_lt v1, 9\nguard_true v3 @s0\njump(v2)\n\
//!             s0: execute\n  keep v1";
//! let mut memory = Memory::new(0);
//! let outcome = evaluate(&parse(text, &[]).unwrap(), &Entry::default(), &mut memory, &mut no_helpers()).unwrap();
//! assert_eq!(outcome, Outcome::Exit { op: 4, values: vec![Const::Int(9)] });
//! ```

use crate::fold::{Folded, fold};
use crate::memory::{self, Kind, Memory};
use crate::op::{OpCode, Type};
use crate::trace::{Const, Helper, Op, Trace, Val};

/// What a trace is entered with.
#[derive(Clone, Debug)]
pub struct Entry<'a> {
    /// What `frame` gives.
    pub frame: usize,
    /// What `thread_state` gives.
    pub thread_state: usize,
    /// The values of a bridge's params.
    pub inputs: &'a [Const],
    /// How many times `jump` is taken before the evaluator gives up.
    pub max_turns: usize,
    /// `decref_guard` frees an int or float there and then, instead of leaving. For comparing a trace with one whose optimizer
    /// found out such an object's type: whether it is freed here or by an exit, no program can tell.
    pub free_leaves: bool,
}

impl Default for Entry<'_> {
    /// No frame, no inputs, and turns enough for a test.
    fn default() -> Self {
        Entry { frame: 0, thread_state: 0, inputs: &[], max_turns: 100_000, free_leaves: false }
    }
}

/// How a run ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// The guard (or `exit`) with this op index left; the values of its snapshot in the order of `Snapshot::for_each_value`.
    Exit {
        /// Op index of the guard.
        op: usize,
        /// Values of its snapshot.
        values: Vec<Const>,
    },
    /// `jump_to` this target with these values.
    JumpTo {
        /// The target's number.
        target: i32,
        /// Values for its params.
        values: Vec<Const>,
    },
    /// `enter_trace` this target.
    EnterTrace {
        /// The target's number.
        target: i32,
    },
    /// `jump` was taken more often than the entry allows.
    TooManyTurns,
}

/// A broken promise of the trace, or a wrong address: the op and what is wrong with it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fault {
    /// Op index.
    pub op: usize,
    /// One sentence.
    pub message: String,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "op {}: {}", self.op, self.message)
    }
}

/// Runs a helper: its row, the arguments, the memory. The result is ignored for helpers that have none.
pub type Call<'a> = dyn FnMut(&Helper, &[Const], &mut Memory) -> Result<Const, memory::Fault> + 'a;

/// For traces that call nothing: every call is a fault.
pub fn no_helpers() -> impl FnMut(&Helper, &[Const], &mut Memory) -> Result<Const, memory::Fault> {
    |helper, _, _| Err(memory::Fault(format!("there is nothing to run {} with", helper.name)))
}

/// Runs a trace from its first op to an exit or its end.
pub fn evaluate(
    trace: &Trace,
    entry: &Entry<'_>,
    memory: &mut Memory,
    call: &mut Call<'_>,
) -> Result<Outcome, Fault> {
    let mut run = Run::new(entry);
    let mut index = 0;
    let mut turns = 0;
    loop {
        match run.step(trace, index, memory, call)? {
            Step::Next => index += 1,
            Step::Done(outcome) => return Ok(outcome),
            Step::JumpBack => {
                turns += 1;
                if turns > entry.max_turns {
                    return Ok(Outcome::TooManyTurns);
                }
                index = trace.label_index().map_or(0, |label| label + 1);
            }
        }
    }
}

/// What follows an op.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Step {
    /// The next op.
    Next,
    /// The op after the label (of a recording: the first one); its params are bound.
    JumpBack,
    /// The run is over.
    Done(Outcome),
}

/// A run in progress. For those who take single steps: the generator of random traces executes each op as it makes it.
#[derive(Debug)]
pub struct Run<'a> {
    entry: Entry<'a>,
    values: Vec<Option<Const>>,
    /// What the label or the last jump gave for the loop's params.
    bound: Vec<Const>,
    in_loop: bool,
}

impl<'a> Run<'a> {
    /// A run that has not begun.
    pub fn new(entry: &Entry<'a>) -> Run<'a> {
        Run { entry: entry.clone(), values: Vec::new(), bound: Vec::new(), in_loop: false }
    }

    /// The value of an operand, if it has one by now.
    pub fn value(&self, trace: &Trace, v: Val) -> Option<Const> {
        match v.op_index() {
            Some(index) => self.values.get(index).copied().flatten(),
            None => trace.const_of(v),
        }
    }

    /// Executes one op.
    pub fn step(
        &mut self,
        trace: &Trace,
        index: usize,
        memory: &mut Memory,
        call: &mut Call<'_>,
    ) -> Result<Step, Fault> {
        let fault = |message: String| Fault { op: index, message };
        let op = trace.ops.get(index).ok_or_else(|| fault("the trace has no end".into()))?;
        let operands = self.all(trace, op.operands()).map_err(fault)?;
        let list = self.all(trace, trace.list(op.list)).map_err(fault)?;
        let done = match fold(op.code, &operands) {
            Folded::Value(value) => Done::Value(value),
            Folded::Holds => Done::Nothing,
            Folded::Leaves => Done::Leave,
            Folded::Undefined(condition) => {
                return Err(fault(format!("{} needs {condition}", op.code.row().name)));
            }
            Folded::NotFoldable => self.effect(trace, op, &operands, list, memory, call).map_err(fault)?,
        };
        if self.values.len() <= index {
            self.values.resize(index + 1, None);
        }
        match done {
            Done::Nothing => Ok(Step::Next),
            Done::Value(value) if value.ty() == op.ty => {
                self.values[index] = Some(value);
                Ok(Step::Next)
            }
            Done::Value(value) => {
                Err(fault(format!("gave {value:?} instead of a value of type {}", op.ty.name())))
            }
            Done::Leave => {
                let values = self.snapshot_values(trace, op).map_err(fault)?;
                Ok(Step::Done(Outcome::Exit { op: index, values }))
            }
            Done::Step(step) => Ok(step),
        }
    }

    fn all(&self, trace: &Trace, vals: &[Val]) -> Result<Vec<Const>, String> {
        vals.iter().map(|&v| self.value(trace, v).ok_or_else(|| format!("{v:?} has no value yet"))).collect()
    }

    fn snapshot_values(&self, trace: &Trace, op: &Op) -> Result<Vec<Const>, String> {
        if !trace.snapshots.contains(op.snap) {
            return Err("a guard without a snapshot leaves".into());
        }
        let mut vals = Vec::new();
        trace.snapshots.for_each_value(op.snap, |v| vals.push(v));
        self.all(trace, &vals)
    }

    /// What is not a function of the operands alone.
    fn effect(
        &mut self,
        trace: &Trace,
        op: &Op,
        operands: &[Const],
        list: Vec<Const>,
        memory: &mut Memory,
        call: &mut Call<'_>,
    ) -> Result<Done, String> {
        use OpCode::*;
        if op.code.is_call() {
            let helper = trace.helpers.get(op.imm as usize).ok_or("calls no helper")?;
            let result = call(helper, &list, memory).map_err(|fault| fault.0)?;
            return Ok(if op.ty == Type::Void { Done::Nothing } else { Done::Value(result) });
        }
        let first = operands.first().map_or(0, |c| c.bits());
        let second = operands.get(1).map_or(0, |c| c.bits());
        let address = (first as usize).wrapping_add(op.imm as usize);
        let indexed = address.wrapping_add((second as usize).wrapping_mul(8));
        let object = first as usize;
        let step = match op.code {
            Param => {
                let values = if self.in_loop { self.bound.as_slice() } else { self.entry.inputs };
                let value =
                    values.get(op.imm as usize).ok_or_else(|| format!("param {} is not given", op.imm))?;
                return Ok(Done::Value(*value));
            }
            Label => {
                self.in_loop = true;
                self.bound = list;
                return Ok(Done::Nothing);
            }
            // In a recording, which has no label, the params at its start are bound anew.
            Jump => {
                self.in_loop = true;
                self.bound = list;
                Step::JumpBack
            }
            JumpTo => Step::Done(Outcome::JumpTo { target: op.imm, values: list }),
            EnterTrace => Step::Done(Outcome::EnterTrace { target: op.imm }),
            Exit => return Ok(Done::Leave),
            // These mark places in recordings.
            At | InlineReturn => Step::Next,
            _ => {
                return self
                    .memory_op(op, memory, address, indexed, object, operands)
                    .map_err(|fault| fault.0);
            }
        };
        Ok(Done::Step(step))
    }

    fn memory_op(
        &self,
        op: &Op,
        memory: &mut Memory,
        address: usize,
        indexed: usize,
        object: usize,
        operands: &[Const],
    ) -> Result<Done, memory::Fault> {
        use OpCode::*;
        let value = |c: Const| Ok(Done::Value(c));
        let guard = |holds: bool| Ok(if holds { Done::Nothing } else { Done::Leave });
        let operand = |n: usize| operands.get(n).map_or(0, |c| c.bits());
        match op.code {
            Frame => return value(Const::Ptr(self.entry.frame)),
            ThreadState => return value(Const::Ptr(self.entry.thread_state)),
            GuardType => return guard(memory.type_of(object)? as u64 == operand(1)),
            GuardClear => return guard(memory.read_u32(address)? == 0),
            IntValue => {
                return Ok(memory.int_value(object)?.map_or(Done::Leave, |i| Done::Value(Const::Int(i))));
            }
            FloatValue => return value(Const::Float(memory.float_value(object)?.to_bits())),
            BoolValue => return value(Const::Bool(object == memory.bool_object(true))),
            NewInt => return value(Const::Obj(memory.new_int(operand(0) as i64)?)),
            NewFloat => return value(Const::Obj(memory.new_float(f64::from_bits(operand(0)))?)),
            BoolObj => return value(Const::Obj(memory.bool_object(operand(0) != 0))),
            AddressAt => return value(Const::Ptr(operand(0).wrapping_add(operand(1)) as usize)),
            LoadInt => return value(Const::Int(memory.read_u64(address)? as i64)),
            LoadU32 => return value(Const::Int(memory.read_u32(address)? as i64)),
            LoadI32 => return value(Const::Int(memory.read_u32(address)? as i32 as i64)),
            LoadU8 => return value(Const::Int(memory.read_u8(address)? as i64)),
            LoadFloat => return value(Const::Float(memory.read_u64(address)?)),
            LoadObj => return value(Const::Obj(memory.read_u64(address)? as usize)),
            LoadPtr => return value(Const::Ptr(memory.read_u64(address)? as usize)),
            LoadObjAt => return value(Const::Obj(memory.read_u64(indexed)? as usize)),
            StoreInt | StoreFloat | StoreObj => memory.write_u64(address, operand(1))?,
            StoreI32 => memory.write_u32(address, operand(1) as u32)?,
            StoreU8 => memory.write_u8(address, operand(1) as u8)?,
            StoreObjAt => memory.write_u64(indexed, operand(2))?,
            Incref => memory.incref(object)?,
            Decref => {
                if memory.decref(object)? == 0 {
                    return Err(memory::Fault("a decref that can't reach zero reached it".into()));
                }
            }
            DecrefLeaf | DecrefDealloc => {
                if memory.decref(object)? == 0 {
                    memory.dealloc(object)?;
                }
            }
            DecrefGuard => {
                let alive = memory.decref(object)? != 0;
                let leaf = memory.is(object, Kind::Int) || memory.is(object, Kind::Float);
                if !alive && leaf && self.entry.free_leaves {
                    memory.dealloc(object)?;
                    return Ok(Done::Nothing);
                }
                return guard(alive);
            }
            other => return Err(memory::Fault(format!("{} with operands {operands:?}", other.row().name))),
        }
        Ok(Done::Nothing)
    }
}

/// What an op did.
enum Done {
    Nothing,
    Value(Const),
    Leave,
    Step(Step),
}

/// Whether two values are the same; all NaNs are.
pub fn same_value(a: Const, b: Const) -> bool {
    match (a, b) {
        (Const::Float(a), Const::Float(b)) => {
            a == b || f64::from_bits(a).is_nan() && f64::from_bits(b).is_nan()
        }
        _ => a == b,
    }
}

/// Whether two outcomes are the same, by [`same_value`].
pub fn same_outcome(a: &Outcome, b: &Outcome) -> bool {
    let same =
        |a: &[Const], b: &[Const]| a.len() == b.len() && a.iter().zip(b).all(|(&a, &b)| same_value(a, b));
    match (a, b) {
        (Outcome::Exit { op: a, values: x }, Outcome::Exit { op: b, values: y }) => a == b && same(x, y),
        (Outcome::JumpTo { target: a, values: x }, Outcome::JumpTo { target: b, values: y }) => {
            a == b && same(x, y)
        }
        _ => a == b,
    }
}
