//! The evaluator: each opcode's meaning, written once over a `Machine`, and the machine that executes it.
//!
//! ```text
//! CPython -> evaluate::eval_frame -> dispatch::run -> semantics::*  over  direct::Direct      (the interpreter)
//!                                                     direct_only::*      (what only it does)
//!                                                     warm::*             (translated code that ran some times)
//!                                traced::run   -> the same, with events for trace and profile functions
//! tracer  ->                         dispatch::step -> semantics::*  over  its Recorder
//! ```

mod bind;
mod clear_type_cache;
pub mod code_data;
mod completion;
pub mod direct;
pub mod direct_only;
pub mod dispatch;
pub mod eval_breaker;
pub mod evaluate;
pub mod field;
mod generator_finalize;
mod generator_next;
mod generators;
pub mod helper;
pub mod helpers;
pub mod jit;
pub mod keys;
pub mod machine;
pub mod numbers;
pub mod opcode;
mod primitives;
pub mod semantics;
mod traced;
pub mod tracing;
mod tuples;
mod vectorcall;
mod warm;
