//! Opcode numbers and tables of CPython 3.11's bytecode, as its headers have them (`bindgen/regenerate`).
//!
//! `sys::` has the numbers too, as `u32`; here they are `u8`, as in the code:
//!
//! ```
//! use capi::opcode;
//! assert_eq!(opcode::DEOPT[opcode::BINARY_OP_ADD_INT as usize], opcode::BINARY_OP);
//! assert_eq!(opcode::CACHES[opcode::BINARY_OP as usize], 1);
//! assert_eq!(opcode::NAMES[opcode::LOAD_FAST as usize], "LOAD_FAST");
//! ```

#[allow(missing_docs)]
mod tables;
pub use tables::*;
