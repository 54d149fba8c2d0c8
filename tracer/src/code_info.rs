//! What the tracer knows of a code object's shape: its loops.

use capi::sys::{self, PyCodeObject};
use fxhash::FxHashMap;
use interpreter::opcode;

/// The loops of a code object.
#[derive(Clone, Debug, Default)]
pub struct CodeInfo {
    /// Loop header -> index of the last instruction that jumps back to it.
    pub loops: FxHashMap<u32, u32>,
    /// It must not be inlined: a recording that did became too long.
    pub no_inline: bool,
}

impl CodeInfo {
    /// Reads the bytecode of a live code object.
    pub fn new(code: *mut PyCodeObject) -> CodeInfo {
        let mut info = CodeInfo::default();
        for i in opcode::instructions(code) {
            if matches!(
                u32::from(i.opcode),
                sys::JUMP_BACKWARD
                    | sys::JUMP_BACKWARD_NO_INTERRUPT
                    | sys::POP_JUMP_BACKWARD_IF_FALSE
                    | sys::POP_JUMP_BACKWARD_IF_TRUE
                    | sys::POP_JUMP_BACKWARD_IF_NONE
                    | sys::POP_JUMP_BACKWARD_IF_NOT_NONE
            ) {
                let end = info.loops.entry((i.index + 1 - i.arg) as u32).or_default();
                *end = (*end).max(i.index as u32);
            }
        }
        info
    }
}
