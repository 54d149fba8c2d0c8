//! The evaluator: each opcode's meaning, written once over a `Machine`, and the machine that executes it.

pub mod field;
pub mod helper;
pub mod machine;
