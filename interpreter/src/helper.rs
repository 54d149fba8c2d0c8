//! Functions that opcodes call by `Machine::call_…`: name, address, argument and result kinds, effect.

/// What a helper may do besides computing its result.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Effect {
    /// Nothing; same arguments, same result.
    Pure,
    /// Reads or writes memory, allocates objects that the GC does not track; never runs Python.
    Memory,
    /// May run any Python code (also by freeing an object, or by a collection).
    RunsPython,
}

/// Kinds of arguments and results.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Kind {
    /// An object: arguments are borrowed, results owned.
    Obj,
    /// An `i64`, or a C `int` result (sign-extended).
    Int,
    /// A double.
    Float,
    /// An address.
    Ptr,
}

/// One helper, C calling convention.
#[derive(Debug)]
pub struct Helper {
    /// Name in dumps and statistics.
    pub name: &'static str,
    /// The function.
    pub address: *const (),
    /// Kinds of its arguments.
    pub args: &'static [Kind],
    /// Kind of its result. `Int` results of C type `int` are declared by `int32`.
    pub result: Kind,
    /// The C result type is `int` (32 bits).
    pub int32: bool,
    /// What it may do.
    pub effect: Effect,
}

// SAFETY: a helper is a constant row; `address` is that of a function, which any thread may read.
unsafe impl Sync for Helper {}
