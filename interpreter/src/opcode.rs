//! Opcodes of CPython 3.11: caches, walking through code, and undoing CPython's specialisation.
//!
//! CPython's evaluator rewrites code that it runs ("quickening"). Ours only knows the opcodes that the compiler emits, so a code
//! object that was rewritten is first turned back.

use crate::code_data::units;
use capi::sys::{self, PyCodeObject};

pub use capi::opcode::{CACHES, DEOPT, EXTENDED_ARG, KW_NAMES, NAMES, PRECALL};

/// Code units behind `CALL`.
pub const CALL_CACHES: usize = 4;

/// Number of cache units behind an opcode that the compiler emits.
#[inline(always)]
pub const fn caches(opcode: u8) -> usize {
    CACHES[opcode as usize] as usize
}

/// One instruction of a code object.
#[derive(Clone, Copy)]
pub struct Instruction {
    /// Index of its own unit, behind its EXTENDED_ARGs.
    pub index: usize,
    /// What the compiler emitted.
    pub opcode: u8,
    /// With EXTENDED_ARGs.
    pub arg: usize,
}

/// Whether an instruction jumps backwards and is counted as a turn of a loop.
pub const fn is_loop_edge(opcode: u8) -> bool {
    matches!(
        opcode as u32,
        sys::JUMP_BACKWARD
            | sys::POP_JUMP_BACKWARD_IF_FALSE
            | sys::POP_JUMP_BACKWARD_IF_TRUE
            | sys::POP_JUMP_BACKWARD_IF_NONE
            | sys::POP_JUMP_BACKWARD_IF_NOT_NONE
    )
}

/// The instructions of a live code object, in order, without EXTENDED_ARG and caches.
#[allow(clippy::not_unsafe_ptr_arg_deref)] // callers pass what they run, see above
pub fn instructions(code: *mut PyCodeObject) -> impl Iterator<Item = Instruction> {
    // SAFETY: the caller holds a live code object.
    let (first, len) = unsafe { (units(code), (*code).ob_base.ob_size as usize) };
    let mut index = 0;
    let mut extended = 0;
    std::iter::from_fn(move || {
        while index < len {
            // SAFETY: `index` is below the number of units.
            let unit = unsafe { *first.add(index) };
            let opcode = DEOPT[usize::from(unit as u8)];
            let arg = extended << 8 | usize::from(unit >> 8);
            let here = index;
            if opcode == EXTENDED_ARG {
                extended = arg;
                index += 1;
                continue;
            }
            extended = 0;
            index += 1 + caches(opcode);
            return Some(Instruction { index: here, opcode, arg });
        }
        None
    })
}

/// The instruction behind the one at `index`, when it needs no EXTENDED_ARG: its index, opcode and argument.
///
/// # Safety
/// `index` is an instruction of this live code, and not the last one.
#[inline(always)]
pub unsafe fn following(code: *mut PyCodeObject, index: usize) -> (usize, u8, usize) {
    // SAFETY: by contract.
    unsafe {
        let opcode = DEOPT[usize::from(*units(code).add(index) as u8)];
        let next = index + 1 + caches(opcode);
        let unit = *units(code).add(next);
        (next, DEOPT[usize::from(unit as u8)], usize::from(unit >> 8))
    }
}

/// [`restore`], if an opcode is one that the compiler does not emit.
#[allow(clippy::not_unsafe_ptr_arg_deref)] // callers pass what they run, see above
pub fn restore_if_rewritten(code: *mut PyCodeObject) {
    // SAFETY: the caller holds a live code object.
    let (first, len) = unsafe { (units(code), (*code).ob_base.ob_size as usize) };
    let mut index = 0;
    while index < len {
        // SAFETY: `index` is below the number of units.
        let opcode = unsafe { *first.add(index) } as u8;
        if DEOPT[usize::from(opcode)] != opcode {
            return restore(code);
        }
        index += 1 + caches(opcode);
    }
}

/// Undoes CPython's rewriting of a code object: base opcodes, empty caches.
#[cold]
#[inline(never)]
#[allow(clippy::not_unsafe_ptr_arg_deref)] // callers pass what they run, see above
pub fn restore(code: *mut PyCodeObject) {
    // SAFETY: the caller executes the code; the units are writable memory of the code object, the GIL is held.
    unsafe {
        let first = units(code);
        let len = (*code).ob_base.ob_size as usize;
        let mut i = 0;
        while i < len {
            let unit = *first.add(i);
            let opcode = DEOPT[usize::from(unit as u8)];
            *first.add(i) = unit & 0xff00 | u16::from(opcode);
            for cache in 1..=caches(opcode) {
                *first.add(i + cache) = 0;
            }
            i += 1 + caches(opcode);
        }
        // A long way to the next time (`_PyCode_Warmup` counts up to 0).
        (*code).co_warmup = i16::MIN + 1;
    }
}
