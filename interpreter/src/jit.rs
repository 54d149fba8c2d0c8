//! The only door between the evaluator and the JIT: what it calls when a loop is hot.

use crate::code_data::{CodeData, LoopCell};
use crate::direct::Direct;
use crate::machine::Flow;
use std::sync::atomic::{AtomicBool, Ordering};

/// A JIT, as the evaluator sees it.
pub trait Jit: Sync {
    /// The loop's counter ran out (it stays below zero until this sets it). `d` stands at the loop's header, the breaker was
    /// served. May record or run a trace; on return `d` stands where execution goes on, as after any opcode.
    fn loop_edge(&self, d: &mut Direct, cell: &mut LoopCell) -> Flow;
    /// A code object that had run loops dies.
    fn code_dropped(&self, data: &CodeData);
}

// Written once at start-up with the GIL held, read with the GIL held.
static mut JIT: Option<&'static dyn Jit> = None;
static PRESENT: AtomicBool = AtomicBool::new(false);

/// Sets the JIT, or none. The GIL is held.
pub fn set_jit(jit: Option<&'static dyn Jit>) {
    PRESENT.store(false, Ordering::Release);
    // SAFETY: with the GIL held nobody reads it meanwhile.
    unsafe { JIT = jit };
    PRESENT.store(jit.is_some(), Ordering::Release);
}

/// The JIT in use.
pub fn current() -> Option<&'static dyn Jit> {
    if PRESENT.load(Ordering::Acquire) {
        // SAFETY: set before PRESENT.
        unsafe { JIT }
    } else {
        None
    }
}

/// Is there a JIT? Asked at each loop edge.
#[inline(always)]
pub fn is_present() -> bool {
    PRESENT.load(Ordering::Relaxed)
}

// As JIT.
static mut ON_WARM: Option<fn()> = None;

/// Sets what is called whenever code gets warm: the program does something new. It must not run Python. The GIL is held.
pub fn set_on_warm(on_warm: Option<fn()>) {
    // SAFETY: with the GIL held nobody reads it meanwhile.
    unsafe { ON_WARM = on_warm };
}

/// Some code has just been translated.
pub(crate) fn code_is_warm() {
    // SAFETY: the GIL is held.
    if let Some(on_warm) = unsafe { ON_WARM } {
        on_warm();
    }
}

/// Asks the JIT about a loop whose counter ran out.
#[cold]
#[inline(never)]
pub(crate) fn hot_loop(d: &mut Direct, cell: *mut LoopCell) -> Flow {
    match current() {
        // SAFETY: the cell lives as long as the code, which the current frame holds; the GIL is held.
        Some(jit) => jit.loop_edge(d, unsafe { &mut *cell }),
        None => Flow::Next,
    }
}
