//! What the optimizer has to know of the runtime: addresses, offsets and a few questions, as plain data, so that passes are
//! tested on text without Python.

use super::parts::Off;
use traces::{Const, OpCode};

/// Numbers of the helpers that the optimizer itself calls, in the trace's helper table.
#[derive(Clone, Copy, Debug)]
pub struct HelperIds {
    /// `push_frame(thread_state, caller, function, code, caller_instruction) -> frame`: see `runtime`.
    pub push_frame: i32,
    /// `pop_frame(thread_state, frame)`.
    pub pop_frame: i32,
    /// First and last of the helpers that take the references of their arguments over.
    pub stealing: (i32, i32),
}

/// The runtime, as the optimizer sees it.
#[derive(Clone, Debug)]
pub struct Env {
    /// Address of `PyLong_Type`.
    pub int_type: usize,
    /// Address of `PyFloat_Type`.
    pub float_type: usize,
    /// Address of `PyBool_Type`.
    pub bool_type: usize,
    /// Address of `Py_True`.
    pub true_object: usize,
    /// Address of `Py_False`.
    pub false_object: usize,
    /// Whether freeing an instance of this type can't run Python code.
    pub is_leaf: fn(usize) -> bool,
    /// Whether a type guard may be left out that only permits to drop a local: what it permits is done either way, but the trace leaves later
    /// than the recording would.
    pub drops_licences: bool,
    /// Whether instances of this type keep their class (static types).
    pub keeps_class: fn(usize) -> bool,
    /// The type of a constant object, or 0.
    pub type_of: fn(usize) -> usize,
    /// Whether a constant object may die while the trace runs: neither a code object keeps it alive nor the interpreter.
    pub may_die: fn(usize) -> bool,
    /// What `int_value`, `float_value` or `bool_value` of a constant object gives.
    pub payload_of: fn(OpCode, usize) -> Option<Const>,
    /// Offset of the reference count in an object.
    pub refcnt: i32,
    /// Offset of `localsplus[0]` in a frame.
    pub localsplus: i32,
    /// Offset of `f_func` in a frame.
    pub frame_func: i32,
    /// Offset of `prev_instr` in a frame.
    pub prev_instr: i32,
    /// Offset of `frame_obj` in a frame.
    pub frame_obj: i32,
    /// Offset of `f_locals` in a frame.
    pub f_locals: i32,
    /// Offset of the first code unit in a code object.
    pub first_unit: usize,
    /// See [`HelperIds`].
    pub helpers: HelperIds,
    /// Parts of the optimizer that are left out.
    pub off: Off,
}

impl Env {
    /// Byte offset of a slot in its frame.
    pub fn slot_offset(&self, slot: u32) -> i32 {
        self.localsplus + 8 * slot as i32
    }
    /// Address of a code unit.
    pub fn unit(&self, code: usize, instr: u32) -> usize {
        code + self.first_unit + 2 * instr as usize
    }
}
