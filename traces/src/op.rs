//! The op table: every operation that a trace may contain, one line each.
//!
//! Read by everything that handles traces: the recorder emits these ops, the optimizer rewrites them, the
//! verifier checks them, the backend lowers them. The enum, the names in the text form, operand and result types,
//! effects and commutativity are all derived from the one table below; nothing about an op may be declared elsewhere.
//!
//! ```text
//! v7: Int = int_add_ovf v3, v5 @s2      ; a guard: leaves by snapshot s2 when the sum needs more than 64 bits
//! ```

/// Declares a plain enum together with the list of its members, from which the parser takes their names.
macro_rules! listed {
    ($(#[$meta:meta])* pub enum $name:ident { $( $(#[$doc:meta])* $variant:ident, )* }) => {
        $(#[$meta])*
        pub enum $name { $( $(#[$doc])* $variant, )* }

        impl $name {
            /// All members, in order.
            pub const ALL: &'static [$name] = &[ $( $name::$variant, )* ];

            /// The name in the text form.
            pub fn name(self) -> &'static str {
                match self { $( $name::$variant => stringify!($variant), )* }
            }

            /// The member with this name.
            pub fn from_name(name: &str) -> Option<$name> {
                Self::ALL.iter().copied().find(|member| member.name() == name)
            }
        }
    };
}

listed! {
/// The type of a value in a trace.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
pub enum Type {
    /// No value.
    Void,
    /// A machine integer, `i64`.
    Int,
    /// An IEEE double.
    Float,
    /// 0 or 1.
    Bool,
    /// A Python object (a non-null `PyObject *` unless an op says otherwise). Owning is the ledger's business, not the type's.
    Obj,
    /// Any other address.
    Ptr,
}
}

/// What an op, or a helper that it calls, may do besides computing its result.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Effect {
    /// Nothing: same operands, same result; may be folded, merged, moved, dropped.
    Pure,
    /// Reads the memory region given by the op's `region`.
    Reads,
    /// Writes the memory region given by the op's `region`.
    Writes,
    /// Allocates; the result is a new reference that nobody else knows.
    Allocates,
    /// Changes a reference count; may free a leaf object, never runs Python.
    Counts,
    /// Reads or writes any memory but never runs Python code.
    AnyMemory,
    /// May run any Python code: frames have to be in memory before it.
    RunsPython,
    /// Leaves the trace or goes to another place in it.
    Control,
}

listed! {
/// Memory regions that never overlap one another: a write to one leaves what is known of the others.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
pub enum Region {
    /// No memory, or memory that can't change while the object lives (float payload, int digits, tuple items).
    Immutable,
    /// `localsplus` of a frame.
    FrameSlot,
    /// Other fields of a frame, of `cframe` and of the thread state.
    Frame,
    /// `recursion_remaining`, `datastack_top` of the thread state, `eval_frame` of its interpreter.
    Thread,
    /// `eval_breaker`, `use_tracing`: may change at any time, never remembered.
    Volatile,
    /// Reference counts, never remembered.
    RefCount,
    /// `ob_type` of heap objects whose class may be assigned.
    ObType,
    /// `tp_version_tag`, `tp_flags`.
    TypeVersion,
    /// Whether the trace itself was invalidated.
    Validity,
    /// `ob_size` of a list.
    ListSize,
    /// `ob_item` of a list.
    ListItems,
    /// The items of a list.
    ListItem,
    /// `ma_keys`, `ma_values`, `ma_used`, `ma_version_tag` of a dict.
    DictHead,
    /// `dk_version`, `dk_nentries` of dict keys.
    DictKeys,
    /// Values and entries of a dict or of inline instance values.
    DictValue,
    /// Instance slots and inline values pointer.
    Instance,
    /// `cell_contents`.
    Cell,
    /// Fields of a function object.
    Function,
    /// The state of a range iterator.
    RangeIter,
    /// The state of a list iterator.
    ListIter,
    /// The state of a tuple iterator.
    TupleIter,
    /// The state of an enumerate object.
    Enumerate,
    /// Numbers in the buffer of an `array.array`.
    ArrayItem,
    /// Length and buffer pointer of an `array.array`.
    ArrayHead,
    /// Anything else.
    Other,
}
}

/// What kind of operands an op takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Operand {
    /// A value of exactly this type.
    Is(Type),
    /// `Obj` or `Ptr`.
    Address,
    /// Any type.
    Any,
}

/// One row of the table.
#[derive(Debug)]
pub struct Row {
    /// The name in the text form.
    pub name: &'static str,
    /// The fixed operands.
    pub operands: &'static [Operand],
    /// Whether a list of further operands follows (calls, label, jumps).
    pub list: bool,
    /// The result; `None` where the op itself says it (`param`).
    pub result: Option<Type>,
    /// What it may do.
    pub effect: Effect,
    /// Whether it has a snapshot to leave by.
    pub guard: bool,
    /// Whether its two operands may be exchanged.
    pub commutative: bool,
    /// Whether `imm` means something (byte offset, helper, target) and is printed.
    pub imm: bool,
    /// Whether `region` means something and is printed.
    pub region: bool,
}

macro_rules! operand {
    (I) => {
        Operand::Is(Type::Int)
    };
    (F) => {
        Operand::Is(Type::Float)
    };
    (B) => {
        Operand::Is(Type::Bool)
    };
    (O) => {
        Operand::Is(Type::Obj)
    };
    (P) => {
        Operand::Is(Type::Ptr)
    };
    (A) => {
        Operand::Address
    };
    (X) => {
        Operand::Any
    };
}
macro_rules! result {
    (I) => {
        Some(Type::Int)
    };
    (F) => {
        Some(Type::Float)
    };
    (B) => {
        Some(Type::Bool)
    };
    (O) => {
        Some(Type::Obj)
    };
    (P) => {
        Some(Type::Ptr)
    };
    (V) => {
        Some(Type::Void)
    };
    (own) => {
        None
    };
}
macro_rules! ops {
    ($( $(#[$doc:meta])* $variant:ident $name:literal ($($operand:ident)*) $result:ident $effect:ident [$($flag:ident)*] ; )*) => {
        /// An operation.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        #[repr(u8)]
        pub enum OpCode { $( $(#[$doc])* $variant, )* }

        /// All ops, in table order.
        pub const ALL: &[OpCode] = &[ $( OpCode::$variant, )* ];

        static TABLE: &[Row] = &[ $( {
            #[allow(unused_mut)]
            let mut row = Row {
                name: $name, operands: &[ $( operand!($operand) ),* ], result: result!($result),
                effect: Effect::$effect, list: false, guard: false, commutative: false, imm: false, region: false,
            };
            $( row.$flag = true; )*
            row
        }, )* ];
    };
}

// Operands: I Int, F Float, B Bool, O Obj, P Ptr, A an address (Obj or Ptr), X any. Results: the same, V none, own: the op's own type.
ops! {
    // ---- structure
    /// An input: of a loop (directly after its `label`, which binds it) or of a bridge (its first ops, bound by the exit it
    /// starts from). `imm` is its index, from 0.
    Param "param" () own Pure [imm];
    /// The loop header. Its list has the values of the preamble that the `param`s after it have in the first turn; `jump` binds
    /// them anew.
    Label "label" () V Control [list];
    /// Back to this trace's own label; the list binds its params in order.
    Jump "jump" () V Control [list];
    /// To the label of another trace; `imm` is its target number, the list binds its params in order.
    JumpTo "jump_to" () V Control [list imm];
    /// To the entry of another trace, which reads everything from the frame in memory; `imm` is its target number.
    EnterTrace "enter_trace" () V Control [imm];
    /// Leaves the trace by its snapshot.
    Exit "exit" () V Control [guard];
    /// In recordings only: an instruction that may run Python code starts here, in the state of its snapshot.
    At "at" () V Control [guard];
    /// In recordings only: the innermost frame of its snapshot (an inlined call) returns.
    InlineReturn "inline_return" () V Control [guard];
    /// The frame that was current when the trace was entered (`_PyInterpreterFrame *`).
    Frame "frame" () P Pure [];
    /// The current thread state.
    ThreadState "thread_state" () P Pure [];

    // ---- integers; without `_ovf` they wrap
    IntAdd "int_add" (I I) I Pure [commutative];
    IntSub "int_sub" (I I) I Pure [];
    IntMul "int_mul" (I I) I Pure [commutative];
    /// Leaves when the sum does not fit an `i64`.
    IntAddOvf "int_add_ovf" (I I) I Pure [commutative guard];
    IntSubOvf "int_sub_ovf" (I I) I Pure [guard];
    IntMulOvf "int_mul_ovf" (I I) I Pure [commutative guard];
    /// Two's-complement negation, wraps at `i64::MIN`.
    IntNeg "int_neg" (I) I Pure [];
    IntNot "int_not" (I) I Pure [];
    IntAnd "int_and" (I I) I Pure [commutative];
    IntOr "int_or" (I I) I Pure [commutative];
    IntXor "int_xor" (I I) I Pure [commutative];
    /// Wrapping shift; the count is in 0..=63 (guarded before).
    IntShl "int_shl" (I I) I Pure [];
    /// Arithmetic shift; the count is in 0..=63 (guarded before).
    IntShr "int_shr" (I I) I Pure [];
    /// Python's floor division; the divisor is not 0, and not -1 with `i64::MIN` (guarded before).
    IntFloorDiv "int_floordiv" (I I) I Pure [];
    /// Python's modulo (sign of the divisor); same conditions.
    IntMod "int_mod" (I I) I Pure [];
    IntEq "int_eq" (I I) B Pure [commutative];
    IntNe "int_ne" (I I) B Pure [commutative];
    IntLt "int_lt" (I I) B Pure [];
    IntLe "int_le" (I I) B Pure [];
    IntGt "int_gt" (I I) B Pure [];
    IntGe "int_ge" (I I) B Pure [];
    /// Unsigned `<`: one comparison checks `0 <= index < length`.
    IntULt "int_ult" (I I) B Pure [];
    IntFromBool "int_from_bool" (B) I Pure [];

    // ---- floats, IEEE 754 binary64, round to nearest even. Of two NaNs the result is the first, so none is commutative.
    FloatAdd "float_add" (F F) F Pure [];
    FloatSub "float_sub" (F F) F Pure [];
    FloatMul "float_mul" (F F) F Pure [];
    /// The divisor is not zero (guarded before).
    FloatDiv "float_div" (F F) F Pure [];
    /// Flips the sign bit.
    FloatNeg "float_neg" (F) F Pure [];
    /// Clears the sign bit.
    FloatAbs "float_abs" (F) F Pure [];
    FloatSqrt "float_sqrt" (F) F Pure [];
    FloatEq "float_eq" (F F) B Pure [commutative];
    FloatNe "float_ne" (F F) B Pure [commutative];
    FloatLt "float_lt" (F F) B Pure [];
    FloatLe "float_le" (F F) B Pure [];
    FloatGt "float_gt" (F F) B Pure [];
    FloatGe "float_ge" (F F) B Pure [];
    /// `i64` to double, rounded to nearest even (exact below 2**53; the recorder guards where Python's rounding could differ).
    FloatFromInt "float_from_int" (I) F Pure [];
    /// Truncation towards zero; leaves when the result does not fit an `i64`.
    IntFromFloat "int_from_float" (F) I Pure [guard];

    // ---- booleans and identity
    BoolNot "bool_not" (B) B Pure [];
    BoolAnd "bool_and" (B B) B Pure [commutative];
    /// The same address?
    AddressEq "address_eq" (A A) B Pure [commutative];

    // ---- guards: go on when what they say holds, else leave by their snapshot
    GuardTrue "guard_true" (B) V Pure [guard];
    GuardFalse "guard_false" (B) V Pure [guard];
    /// `ob_type` of the object is this type.
    GuardType "guard_type" (O P) V Reads [guard];
    /// The two addresses are equal.
    GuardIs "guard_is" (A A) V Pure [guard];
    GuardNull "guard_null" (A) V Pure [guard];
    GuardNonNull "guard_nonnull" (A) V Pure [guard];
    /// The 32-bit word at `base + imm` is zero.
    GuardClear "guard_clear" (A) V Reads [guard imm region];

    // ---- between objects and machine values
    /// The value of an exact int or bool; leaves when it does not fit an `i64`.
    IntValue "int_value" (O) I Pure [guard];
    /// The value of an exact float.
    FloatValue "float_value" (O) F Pure [];
    /// Whether an exact bool is `True`.
    BoolValue "bool_value" (O) B Pure [];
    /// A new int (or the cached small one): a new reference.
    NewInt "new_int" (I) O Allocates [];
    /// A new float: a new reference.
    NewFloat "new_float" (F) O Allocates [];
    /// `True` or `False`: borrowed.
    BoolObj "bool_obj" (B) O Pure [];

    /// The address `index` bytes behind `base`: only for a load or store directly behind it.
    AddressAt "address_at" (A I) P Pure [];

    // ---- memory: `[base + imm]`, and `[base + 8*index + imm]` for `_at`
    LoadInt "load_int" (A) I Reads [imm region];
    /// 32 bits, zero-extended.
    LoadU32 "load_u32" (A) I Reads [imm region];
    /// 32 bits, sign-extended.
    LoadI32 "load_i32" (A) I Reads [imm region];
    LoadU8 "load_u8" (A) I Reads [imm region];
    LoadFloat "load_float" (A) F Reads [imm region];
    /// A borrowed object; null only where a guard follows.
    LoadObj "load_obj" (A) O Reads [imm region];
    LoadPtr "load_ptr" (A) P Reads [imm region];
    LoadObjAt "load_obj_at" (A I) O Reads [imm region];
    StoreInt "store_int" (A I) V Writes [imm region];
    StoreI32 "store_i32" (A I) V Writes [imm region];
    StoreU8 "store_u8" (A I) V Writes [imm region];
    StoreFloat "store_float" (A F) V Writes [imm region];
    /// Stores an address and counts nothing.
    StoreObj "store_obj" (A A) V Writes [imm region];
    StoreObjAt "store_obj_at" (A I O) V Writes [imm region];

    // ---- reference counts
    Incref "incref" (O) V Counts [];
    /// The count can't reach zero here.
    Decref "decref" (O) V Counts [];
    /// An object whose type's deallocation can't run Python: freed here when the count reaches zero.
    DecrefLeaf "decref_leaf" (O) V Counts [];
    /// When the count reaches zero, leaves by a snapshot that says `dying`: the exit deallocates once frames are rebuilt.
    DecrefGuard "decref_guard" (O) V Counts [guard];
    /// Frames are in memory: deallocates here when the count reaches zero.
    DecrefDealloc "decref_dealloc" (O) V RunsPython [];

    // ---- calls of helpers: `imm` is the helper's number in the trace's helper table, whose effect replaces the one given here
    CallVoid "call_void" () V RunsPython [list imm];
    CallInt "call_int" () I RunsPython [list imm];
    CallFloat "call_float" () F RunsPython [list imm];
    /// A C `int` that is 0 or 1.
    CallBool "call_bool" () B RunsPython [list imm];
    /// May return null (an error is set): a `guard_nonnull` with a raising snapshot follows then.
    CallObj "call_obj" () O RunsPython [list imm];
    CallPtr "call_ptr" () P RunsPython [list imm];
}

impl OpCode {
    /// The op's row of the table.
    pub fn row(self) -> &'static Row {
        &TABLE[self as usize]
    }

    /// The op with this name in the text form.
    pub fn from_name(name: &str) -> Option<OpCode> {
        ALL.iter().copied().find(|op| op.row().name == name)
    }

    /// Whether the trace ends with this op.
    pub fn is_end(self) -> bool {
        matches!(self, OpCode::Jump | OpCode::JumpTo | OpCode::EnterTrace | OpCode::Exit)
    }

    /// Whether this is a call of a helper.
    pub fn is_call(self) -> bool {
        (OpCode::CallVoid as u8..=OpCode::CallPtr as u8).contains(&(self as u8))
    }

    /// Whether the op may leave the trace by a snapshot.
    pub fn is_guard(self) -> bool {
        self.row().guard
    }
}
