//! The evaluator: each opcode's meaning, written once over a `Machine`, and the machine that executes it.
//!
//! ```text
//! CPython -> evaluate::eval_frame -> dispatch::run -> semantics::*  over  direct::Direct      (the interpreter)
//!                                                     direct_only::*      (what only it does)
//! tracer  ->                         dispatch::step -> semantics::*  over  its Recorder
//! ```

mod bind;
#[cfg(not(debug_assertions))]
mod builtin_calls;
pub mod code_data;
pub mod deaths;
pub mod direct;
pub mod direct_only;
pub mod dispatch;
pub mod eval_breaker;
pub mod evaluate;
#[cfg(not(debug_assertions))]
mod fast;
pub mod field;
pub mod helper;
pub mod helpers;
pub mod jit;
pub mod keys;
pub mod machine;
pub mod numbers;
pub mod opcode;
mod primitives;
pub mod semantics;
#[cfg(not(debug_assertions))]
mod threaded;
mod tracing;
