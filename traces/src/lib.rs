//! What a trace is. Linear SSA in a text form that parses, its verifier and reference evaluator, and the interface to
//! backends. This crate knows no other crate of the workspace and links no Python.

pub mod codegen;
pub mod evaluate;
pub mod fold;
pub mod golden;
pub mod memory;
pub mod native;
pub mod numbers;
pub mod op;
pub mod parse;
pub mod pool;
pub mod random;
pub mod rebuild;
pub mod snapshots;
pub mod text;
pub mod trace;
pub mod verify;

pub use op::{Effect, OpCode, Region, Type};
pub use snapshots::{FrameRef, Slots, Snapshots};
pub use trace::{Const, FrameState, Helper, List, Op, Resume, Slot, SnapId, Snapshot, Trace, Val, Virtual};
