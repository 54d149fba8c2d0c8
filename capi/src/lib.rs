//! All that Coluber knows of CPython 3.11. Knows no other crate.

pub mod objects;
pub mod opcode;
pub mod sys;
