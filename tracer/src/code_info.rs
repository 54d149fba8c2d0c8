//! What the tracer knows of a code object's shape: its loops.

use capi::sys::{self, PyCodeObject};
use fxhash::FxHashMap;
use interpreter::opcode::{self, Instruction};

/// The loops of a code object.
#[derive(Clone, Debug, Default)]
pub struct CodeInfo {
    /// Loop header -> index of the last instruction that jumps back to it.
    pub loops: FxHashMap<u32, u32>,
    /// It has one loop, in which there is one way to go round. Where that takes a few turns, a caller's trace may have all of them in a row.
    pub unrolls: bool,
    /// It must not be inlined: a recording that did became too long, or had to follow too many ways through its loop.
    pub no_inline: bool,
}

impl CodeInfo {
    /// Reads the bytecode of a live code object.
    pub fn new(code: *mut PyCodeObject) -> CodeInfo {
        let mut info = CodeInfo::default();
        for i in opcode::instructions(code) {
            if opcode::is_loop_edge(i.opcode) || u32::from(i.opcode) == sys::JUMP_BACKWARD_NO_INTERRUPT {
                let end = info.loops.entry((i.index + 1 - i.arg) as u32).or_default();
                *end = (*end).max(i.index as u32);
            }
        }
        let mut extents = info.loops.iter().map(|(&header, &end)| (header as usize, end as usize));
        if let (Some((header, end)), None) = (extents.next(), extents.next()) {
            let branches = |i: Instruction| {
                let target = i.index + 1 + i.arg;
                is_branch(&i) && (header..=end).contains(&i.index) && target <= end
            };
            info.unrolls = !opcode::instructions(code).any(branches);
        }
        info
    }

    /// Whether a caller's trace may contain calls of it.
    pub fn may_be_inlined(&self) -> bool {
        !self.no_inline && (self.loops.is_empty() || self.unrolls)
    }
}

/// A jump forward that is not always taken.
fn is_branch(i: &Instruction) -> bool {
    matches!(
        u32::from(i.opcode),
        sys::FOR_ITER
            | sys::JUMP_IF_FALSE_OR_POP
            | sys::JUMP_IF_TRUE_OR_POP
            | sys::POP_JUMP_FORWARD_IF_FALSE
            | sys::POP_JUMP_FORWARD_IF_TRUE
            | sys::POP_JUMP_FORWARD_IF_NONE
            | sys::POP_JUMP_FORWARD_IF_NOT_NONE
    )
}
