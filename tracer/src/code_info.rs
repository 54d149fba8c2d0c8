//! What the tracer knows of a code object's shape: its loops.

use crate::layout;
use capi::opcode;
use capi::sys::{self, PyCodeObject};
use fxhash::FxHashMap;

/// The loops of a code object.
#[derive(Clone, Debug, Default)]
pub struct CodeInfo {
    /// Loop header -> index of the last instruction that jumps back to it.
    pub loops: FxHashMap<u32, u32>,
    /// A recording that inlined it became too long.
    pub no_inline: bool,
}

impl CodeInfo {
    /// Reads the bytecode.
    ///
    /// # Safety
    /// `code` is a live code object.
    pub unsafe fn new(code: *mut PyCodeObject) -> CodeInfo {
        let mut info = CodeInfo::default();
        // SAFETY: by contract; a code object has `ob_size` code units.
        let units: &[u16] = unsafe {
            let first = (code as usize + layout::FIRST_UNIT) as *const u16;
            std::slice::from_raw_parts(first, (*code).ob_base.ob_size as usize)
        };
        let (mut i, mut extended) = (0, 0);
        while i < units.len() {
            let op = opcode::DEOPT[(units[i] & 0xff) as usize];
            let arg = extended << 8 | usize::from(units[i] >> 8);
            let next = i + 1;
            match u32::from(op) {
                sys::EXTENDED_ARG => {
                    extended = arg;
                    i += 1;
                    continue;
                }
                sys::JUMP_BACKWARD
                | sys::JUMP_BACKWARD_NO_INTERRUPT
                | sys::POP_JUMP_BACKWARD_IF_FALSE
                | sys::POP_JUMP_BACKWARD_IF_TRUE
                | sys::POP_JUMP_BACKWARD_IF_NONE
                | sys::POP_JUMP_BACKWARD_IF_NOT_NONE => {
                    let end = info.loops.entry((next - arg) as u32).or_default();
                    *end = (*end).max(i as u32);
                }
                _ => {}
            }
            extended = 0;
            i = next + usize::from(opcode::CACHES[usize::from(op)]);
        }
        info
    }
}
