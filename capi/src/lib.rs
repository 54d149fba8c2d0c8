//! All that Coluber knows of CPython 3.11: declarations, layouts, references, frames, thread state. Knows no other crate.
//!
//! `sys` holds CPython's own declarations; `objects` the structs that no header shows. The other modules write anew what
//! CPython's evaluator uses and its library does not export. Nothing here runs Python code unless its documentation says so.

pub mod arguments;
pub mod breaker;
pub mod check;
pub mod chunk;
pub mod dict;
pub mod exceptions;
pub mod float;
pub mod frame;
pub mod generators;
pub mod import;
pub mod instance;
pub mod list;
pub mod long;
pub mod matching;
pub mod names;
pub mod objects;
pub mod opcode;
pub mod raise;
pub mod refs;
pub mod sys;
pub mod tracemalloc;
pub mod tuple;
pub mod types;
pub mod words;
