//! The `Machine` trait: the primitives in which every opcode's meaning is written, once.
//!
//! `Direct` executes them (this is the interpreter); the tracer's `Recorder` executes them *and* writes them down. So
//! a trace can't drift from the interpreter. Opcode functions live in `semantics/`, generic over `M: Machine`:
//!
//! ```ignore
//! pub fn float_add<M: Machine>(m: &mut M, a: M::Obj, b: M::Obj) -> Flow {
//!     let sum = m.float_op(FloatOp::Add, m.float_value(a), m.float_value(b));
//!     ...
//! }
//! ```
//!
//! Rules, which keep recordings exact
//!
//! - A **fact** (`is_…`, `branch`) has one right answer; a recorder turns it into a guard on that answer. A **licence**
//!   (`may_…`, an `Option` that may be `None`) may always be answered no; what then follows must be right for every value.
//! - All questions come before an opcode's first side effect (store, call, count that may free); a guard resumes at the
//!   start of its instruction. What is asked of a call's result is asked by `succeeded`, or by the next instruction.
//! - Frame primitives *move* references; only `incref` and `decref` count. The `decref` that may run code comes last; an
//!   opcode with a side effect before it announces it by `will_drop`.
//! - Nothing is consumed before a slow path is taken.
//! - Dereferencing an `Obj` outside of the machine is for *resolving* only (which type owns this attribute, which index
//!   has this name): what was resolved must then be asked as facts.

use crate::field::{Field, ItemsField, TypeOf};
use crate::helper::Helper;
use capi::sys::{PyCodeObject, PyObject, PyTypeObject};

/// Where execution goes after an instruction.
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Flow {
    /// On, at the machine's next instruction (of another frame, after a call or a return).
    Next,
    /// An exception is set; the handler search starts at this instruction.
    Raise,
    /// The entry frame returned or was left by an exception; the machine holds the result, or null.
    Return,
    /// Not possible here, and nothing of this instruction has been done. At a `RESUME` that is to be reported: the loop for what is traced goes
    /// on; else CPython's evaluator, with this frame.
    HandOver,
    /// On, at the machine's next instruction, which a trace or profile function may want to see. The interpreter only.
    Traced,
    /// On, at the machine's next instruction, in another of the interpreter's two ways of running code. Within it only.
    Switch,
    /// As `Raise`, but the exception has its traceback entry for this frame already (a re-raise). Direct-only opcodes.
    Unwind,
}

/// Integer operations that can overflow.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CheckedOp {
    /// `a + b`
    Add,
    /// `a - b`
    Sub,
    /// `a * b`
    Mul,
}

/// Integer operations that can't fail. The caller has excluded shift counts outside 0..=63, a divisor of 0, and -1 with `i64::MIN`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum IntOp {
    /// Wrapping sum.
    Add,
    /// Wrapping difference.
    Sub,
    /// Wrapping product.
    Mul,
    /// Bitwise and.
    And,
    /// Bitwise or.
    Or,
    /// Bitwise exclusive or.
    Xor,
    /// Wrapping shift to the left.
    Shl,
    /// Arithmetic shift to the right.
    Shr,
    /// Python's `//`.
    FloorDiv,
    /// Python's `%`.
    Mod,
}

/// Float operations; IEEE 754, no Python exceptions (a zero divisor was excluded).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FloatOp {
    /// `a + b`
    Add,
    /// `a - b`
    Sub,
    /// `a * b`
    Mul,
    /// `a / b`
    Div,
}

/// Float operations of one operand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FloatUnary {
    /// Sign flipped.
    Neg,
    /// Sign cleared.
    Abs,
    /// Square root.
    Sqrt,
}

/// Size of an integer in a buffer of numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NumberSize {
    /// 32 bits.
    Half,
    /// 64 bits.
    Word,
}

impl NumberSize {
    /// Binary logarithm of the size in bytes.
    pub const fn shift(self) -> u8 {
        match self {
            NumberSize::Half => 2,
            NumberSize::Word => 3,
        }
    }
}

/// Comparisons, in the order of `COMPARE_OP`'s argument.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Compare {
    /// `<`
    Lt = 0,
    /// `<=`
    Le = 1,
    /// `==`
    Eq = 2,
    /// `!=`
    Ne = 3,
    /// `>`
    Gt = 4,
    /// `>=`
    Ge = 5,
}

/// An argument of a helper call.
#[derive(Clone, Copy)]
pub enum Arg<M: Machine> {
    /// A borrowed object.
    Obj(M::Obj),
    /// A machine integer.
    Int(M::Int),
    /// A double.
    Float(M::Float),
    /// An address or number known when recording.
    Const(usize),
    /// The thread state.
    Thread,
    /// The current frame; it is in memory during the call.
    Frame,
}

/// What executes an instruction. See the module's rules.
pub trait Machine: Sized {
    /// A `PyObject *`, possibly null. Whether it owns is a matter of where it is.
    type Obj: Copy;
    /// An `i64`.
    type Int: Copy;
    /// An `f64`.
    type Float: Copy;
    /// A `bool` that is not an object.
    type Bool: Copy;

    // ---- the current frame; these move references

    /// Pushes on the value stack, which takes the reference over.
    fn push(&mut self, o: Self::Obj);
    /// Pops; the caller takes the reference over.
    fn pop(&mut self) -> Self::Obj;
    /// Borrows; 1 is the top.
    fn peek(&mut self, depth: usize) -> Self::Obj;
    /// Overwrites without counting; 1 is the top.
    fn poke(&mut self, depth: usize, o: Self::Obj);
    /// Drops the top `n` places without counting.
    fn shrink(&mut self, n: usize);
    /// Borrows `localsplus[index]`, null when unbound.
    fn local(&mut self, index: usize) -> Self::Obj;
    /// Overwrites without counting.
    fn set_local(&mut self, index: usize, o: Self::Obj);
    /// Borrows `co_consts[index]`.
    fn constant(&mut self, index: usize) -> Self::Obj;
    /// Borrows the function of the frame.
    fn function(&mut self) -> Self::Obj;
    /// Borrows the namespace (`f_locals`) of module and class bodies; null in functions.
    fn namespace(&mut self) -> Self::Obj;
    /// The frame's globals dict.
    fn globals(&mut self) -> Self::Obj;
    /// The frame's builtins.
    fn builtins(&mut self) -> Self::Obj;
    /// The code that is executed. Concrete: traces are specific to it.
    fn code(&self) -> *mut PyCodeObject;
    /// An object that stays as long as the code does, or without which the trace is not valid (names, singletons, methods): borrowed.
    fn known(&mut self, o: *mut PyObject) -> Self::Obj;
    /// The null object.
    fn null(&mut self) -> Self::Obj;
    /// The object's address, for resolving only.
    fn peek_address(&self, o: Self::Obj) -> *mut PyObject;

    // ---- control

    /// Index (code units) of the instruction that is executed (its own unit, after EXTENDED_ARG).
    fn instruction(&self) -> usize;
    /// Where the next instruction is; `jump(instruction() + 1 + caches)` is what happens by itself.
    fn jump(&mut self, target: usize);
    /// The rest of this opcode belongs to the later instruction at `index`: frames show that one from now on. All questions were asked.
    fn step_to(&mut self, index: usize);
    /// A jump backwards to a loop header: `jump`, then the eval breaker is served and the loop counted. Ends the opcode.
    fn loop_edge(&mut self, target: usize) -> Flow;
    /// `eval_breaker` is zero? To be asked before side effects; a recorder guards it.
    fn breaker_clear(&mut self) -> bool;
    /// Serves the eval breaker (signals, GIL requests, pending calls) after a call; ends the opcode.
    fn check_breaker(&mut self) -> Flow;

    // ---- facts

    /// Null?
    fn is_null(&mut self, o: Self::Obj) -> bool;
    /// Exactly of this type?
    fn is_type(&mut self, o: Self::Obj, ty: TypeOf) -> bool;
    /// Exactly of this type, a heap type or any other?
    fn is_type_object(&mut self, o: Self::Obj, ty: *mut PyTypeObject) -> bool;
    /// Is this very object?
    fn is_object(&mut self, o: Self::Obj, known: *mut PyObject) -> bool;
    /// The truth of a machine boolean decides where execution goes.
    fn branch(&mut self, b: Self::Bool) -> bool;
    /// `tp_version_tag` of this type is `version` (non-zero)? Holds until a call that may run Python.
    fn is_type_version(&mut self, ty: *mut PyTypeObject, version: u32) -> bool;
    /// `dict->ma_keys->dk_version` is `version` (non-zero)?
    fn is_keys_version(&mut self, dict: Self::Obj, version: u32) -> bool;

    /// The attributes of this instance (of a type with a managed dict) are inline values, no dict was made?
    fn has_inline_values(&mut self, o: Self::Obj) -> bool;
    /// `ht_cached_keys->dk_version` of this heap type is `version` (non-zero): no instance has got another attribute name?
    fn is_cached_keys_version(&mut self, ty: *mut PyTypeObject, version: u32) -> bool;

    // ---- licences

    /// Calls the Python function at depth `nargs + 1` with any parameters and keywords, as `enter_call` does. A licence:
    /// only the interpreter says yes (with `Raise` when the arguments do not fit); `None` means that nothing was consumed.
    fn may_bind_call(
        &mut self,
        nargs: usize,
        kwnames: *mut PyObject,
        below: usize,
        return_to: usize,
    ) -> Option<Flow>;
    /// `FOR_ITER` over an exact generator at the top: makes its frame the current one, from where `YIELD_VALUE` or its end come back.
    /// A licence: only the interpreter says yes.
    fn may_resume(&mut self, iterator: Self::Obj) -> bool;

    /// May opcodes ask more than they need now, so that what follows can be specialised? (Intrinsics, constant steps.)
    fn may_specialise(&self) -> bool;
    /// If `o` is an exact float that nobody else holds: its value becomes `value`, and it is returned as the result.
    fn may_reuse_float(&mut self, o: Self::Obj, value: Self::Float) -> bool;
    /// `s = s + x` of two exact strings at the top, stored by the next instruction: does both, in place. A licence: only the interpreter says yes.
    fn may_append_in_place(&mut self) -> Option<Flow>;
    /// `LOAD_METHOD`'s look-up: an owned callable (null with an exception set), and whether it is a function that the object has
    /// to be passed to. A licence: only the interpreter does it; a bound method is the same to a program.
    fn may_look_up_method(&mut self, owner: Self::Obj, name: Self::Obj) -> Option<(Self::Obj, bool)>;

    // ---- arithmetic

    /// A machine integer known when recording.
    fn int(&mut self, value: i64) -> Self::Int;
    /// A double known when recording.
    fn float(&mut self, value: f64) -> Self::Float;
    /// The value of an exact int (or bool). A licence: `None` when it needs more than 64 bits.
    fn int_value(&mut self, o: Self::Obj) -> Option<Self::Int>;
    /// The value of an exact float.
    fn float_value(&mut self, o: Self::Obj) -> Self::Float;
    /// The truth of an exact bool.
    fn bool_value(&mut self, o: Self::Obj) -> Self::Bool;
    /// A licence: `None` on overflow.
    fn int_checked(&mut self, op: CheckedOp, a: Self::Int, b: Self::Int) -> Option<Self::Int>;
    /// See [`IntOp`].
    fn int_op(&mut self, op: IntOp, a: Self::Int, b: Self::Int) -> Self::Int;
    /// Compares.
    fn int_compare(&mut self, op: Compare, a: Self::Int, b: Self::Int) -> Self::Bool;
    /// `0 <= a < b`, for `b >= 0`.
    fn int_below(&mut self, a: Self::Int, b: Self::Int) -> Self::Bool;
    /// See [`FloatOp`].
    fn float_op(&mut self, op: FloatOp, a: Self::Float, b: Self::Float) -> Self::Float;
    /// See [`FloatUnary`].
    fn float_unary(&mut self, op: FloatUnary, a: Self::Float) -> Self::Float;
    /// Compares; false for NaN, `Ne` true.
    fn float_compare(&mut self, op: Compare, a: Self::Float, b: Self::Float) -> Self::Bool;
    /// Rounds to nearest even.
    fn float_from_int(&mut self, a: Self::Int) -> Self::Float;
    /// Truncates. A licence: `None` when it does not fit (NaN, infinities).
    fn int_from_float(&mut self, a: Self::Float) -> Option<Self::Int>;
    /// Negates.
    fn bool_not(&mut self, a: Self::Bool) -> Self::Bool;
    /// 0 or 1.
    fn int_from_bool(&mut self, a: Self::Bool) -> Self::Int;
    /// The same object?
    fn same(&mut self, a: Self::Obj, b: Self::Obj) -> Self::Bool;

    // ---- objects

    /// A new reference to an int; null with MemoryError set (ask `is_null` only in direct-only code: a recorder aborts then).
    fn new_int(&mut self, value: Self::Int) -> Self::Obj;
    /// A new reference to a float.
    fn new_float(&mut self, value: Self::Float) -> Self::Obj;
    /// A new reference to `True` or `False`.
    fn new_bool(&mut self, value: Self::Bool) -> Self::Obj;
    /// A new tuple that takes over the references of the top `n` of the stack, which is shrunk. Frames are in memory (GC may run). Null on error.
    fn new_tuple_from_stack(&mut self, n: usize) -> Self::Obj;
    /// The same for a list.
    fn new_list_from_stack(&mut self, n: usize) -> Self::Obj;
    /// Reads an integer field.
    fn load_int(&mut self, o: Self::Obj, field: Field) -> Self::Int;
    /// Borrows an object field, possibly null.
    fn load_obj(&mut self, o: Self::Obj, field: Field) -> Self::Obj;
    /// Writes an integer field.
    fn store_int(&mut self, o: Self::Obj, field: Field, value: Self::Int);
    /// Overwrites an object field, which takes the reference over; the old value is returned with its reference.
    fn swap_obj(&mut self, o: Self::Obj, field: Field, value: Self::Obj) -> Self::Obj;
    /// Borrows item `index` (in range).
    fn item(&mut self, o: Self::Obj, items: ItemsField, index: Self::Int) -> Self::Obj;
    /// Overwrites item `index` (in range), which takes the reference over; the old one is returned with its reference.
    fn swap_item(&mut self, o: Self::Obj, items: ItemsField, index: Self::Int, value: Self::Obj)
    -> Self::Obj;
    /// The double at `index` (in range) of an `array.array` of doubles.
    fn float_number(&mut self, array: Self::Obj, index: Self::Int) -> Self::Float;
    /// The integer at `index` (in range) of an `array.array` of signed integers of this size.
    fn int_number(&mut self, array: Self::Obj, index: Self::Int, size: NumberSize) -> Self::Int;
    /// Overwrites a double.
    fn set_float_number(&mut self, array: Self::Obj, index: Self::Int, value: Self::Float);
    /// Overwrites an integer, with a value that fits.
    fn set_int_number(&mut self, array: Self::Obj, index: Self::Int, size: NumberSize, value: Self::Int);
    /// Borrows the value of entry `index` of a dict with unicode-only or general keys whose keys version was asked; possibly null.
    fn dict_value(&mut self, dict: Self::Obj, index: usize) -> Self::Obj;
    /// Borrows inline value `index` of an instance that has them (asked before); null when unset.
    fn instance_value(&mut self, o: Self::Obj, index: usize) -> Self::Obj;
    /// Overwrites inline value `index`, which is set (asked before); the old one is returned with its reference.
    fn swap_instance_value(&mut self, o: Self::Obj, index: usize, value: Self::Obj) -> Self::Obj;

    // ---- counts

    /// Adds a reference (`o` is not null).
    fn incref(&mut self, o: Self::Obj);
    /// Drops a reference (`o` is not null); may run code.
    fn decref(&mut self, o: Self::Obj);
    /// Says, before the first side effect, that `o` (may be null) will be dropped by this instruction.
    fn will_drop(&mut self, o: Self::Obj);

    // ---- calls

    /// Calls a helper; an owned reference, null with an exception set.
    fn call_obj<const N: usize>(&mut self, helper: &'static Helper, args: [Arg<Self>; N]) -> Self::Obj;
    /// Calls a helper that returns an integer.
    fn call_int<const N: usize>(&mut self, helper: &'static Helper, args: [Arg<Self>; N]) -> Self::Int;
    /// Calls a pure helper of doubles.
    fn call_float<const N: usize>(&mut self, helper: &'static Helper, args: [Arg<Self>; N]) -> Self::Float;
    /// Calls a helper of signature `(array, n)` with the top `n` of the stack, which stay there. An owned reference, null with an exception set.
    fn call_array(&mut self, helper: &'static Helper, n: usize) -> Self::Obj;
    /// Vectorcall of the object at depth `nargs + 1` with the `nargs` arguments above it, which stay on the stack.
    /// `kwnames`: a tuple known when recording, or null; its values are among `nargs`. An owned reference, null with an exception set.
    fn vectorcall(&mut self, nargs: usize, kwnames: *mut PyObject) -> Self::Obj;
    /// Whether a call's result is not null. To be asked after the operands' drops: the exit raises at this instruction.
    fn succeeded(&mut self, result: Self::Obj) -> bool;
    /// Whether a call's integer result is not negative; the same rule.
    fn succeeded_int(&mut self, result: Self::Int) -> bool;

    // ---- Python-to-Python calls

    /// Room for one more call: `recursion_remaining` above 1 and space on the data stack? A licence: no means the slow path.
    fn may_push_frame(&mut self, code: *mut PyCodeObject) -> bool;
    /// Calls a function whose code (asked before) takes `nargs` or more positional arguments: pushes its frame, moves the
    /// function reference and the top `nargs` of the stack into it, drops `below` further places (already empty: the
    /// NULL under a plain call). The caller goes on at `return_to`. The other locals are null; the opcode sets those of
    /// omitted parameters (`set_local`, now in the callee) before it ends.
    fn enter_call(
        &mut self,
        function: Self::Obj,
        code: *mut PyCodeObject,
        nargs: usize,
        below: usize,
        return_to: usize,
    ) -> Flow;
    /// As `enter_call`, for a function that is not on the stack: its reference is taken over, the top `nargs` move.
    fn enter_function(
        &mut self,
        function: Self::Obj,
        code: *mut PyCodeObject,
        nargs: usize,
        return_to: usize,
    ) -> Flow;
    /// Returns from the current frame: the value (taken over) is pushed in the caller, or is the result of the entry frame. Locals are
    /// dropped in order after the frame was unlinked.
    fn leave_call(&mut self, value: Self::Obj) -> Flow;
}
