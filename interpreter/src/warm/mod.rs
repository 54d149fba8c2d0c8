//! Warm code: what has run some times is translated into *units*, and runs faster from then on.
//!
//! A unit is a handler and its argument; there is one for each code unit of CPython's bytecode, so that `unit[i]` belongs to
//! instruction `i`, and the units of an instruction's caches are its inline cache (16 bytes each). A handler executes its
//! instruction and ends in a jump to the handler of the next one. Its registers are the arguments that it is called with.
//!
//! ```text
//! bytecode   LOAD_FAST 0   LOAD_FAST 1   BINARY_OP +  CACHE        STORE_FAST 2
//! units      load_fast 0   load_fast 1   adaptive  +  (its cache)  store_fast 2      just translated
//! units      LL float_add 0 load_fast 1  SS float_add (its cache)  store_fast 2      after some turns with floats
//! ```
//!
//! - The first execution of an instruction that has special cases looks at its operands and puts the handler for them into
//!   the unit ("quickening"); a handler that is wrong too often is taken out again. Handlers may execute several instructions
//!   at once: then they stand in the unit of the first. The others keep theirs, for jumps that lead to them.
//! - A special handler must do exactly what the opcode in `semantics` does in its case, with the same deaths in the same order.
//!   What it can't do, it leaves: to a less special handler, in the end to `dispatch::full`, which runs the opcode itself. Until
//!   then it must not have consumed anything.
//! - `prev_instr` of the frame is not kept up to date; whoever may run code, raise or allocate by a call sets it before.
//! - Handlers call nothing where it counts: a call makes the compiler save registers on entry. They jump to a function that calls.
//!   And nothing here may keep a local whose address is given away: then the compiler turns the jumps into calls, and the stack
//!   overflows (`tests/differential/many_turns.py` shows it).
//! - A call of a Python function pushes its frame in the same activation, also from `C(…)` and `f(*args)`. Before the frame stands a link,
//!   which says where the caller's units are; the frame's note says that, and what becomes of its value (`crate::completion`).
//!
//! The bytecode itself stays as it is: CPython's evaluator, tracebacks, `dis`, and the recorder all go by it. Code that is
//! not warm runs in `dispatch`'s plain loop.

mod arrays;
mod attributes;
mod binary;
mod builders;
mod builtin_calls;
mod call_site;
mod calls;
mod classes;
mod compare;
mod dispatch;
mod exceptions;
mod generators;
mod globals;
mod iteration;
mod jumps;
mod parked;
mod plain;
mod polymorphic;
mod registers;
mod resolve;
mod returns;
mod shared;
mod site;
mod stack;
mod subscripts;
mod super_calls;
mod translate;

use dispatch::full;
pub(crate) use dispatch::{go, resume, start};
pub(crate) use generators::go_on;
pub(crate) use parked::Parked;
pub(crate) use shared::forget_attributes;
pub(crate) use translate::translate;
pub use translate::{Brief, Translation};

use crate::direct::Home;
use crate::machine::Flow;
use capi::sys;

/// Executes the instruction of the unit at `ip`, then jumps to the handler of the next one. Returns only when something other
/// than the next instruction is to be done; the registers are in the home then.
pub(crate) type Handler = unsafe extern "C" fn(
    frame: *mut sys::_PyInterpreterFrame,
    sp: *mut *mut sys::PyObject,
    ip: *mut Unit,
    tstate: *mut sys::PyThreadState,
    arg: usize,
    home: *mut Home,
) -> Flow;

/// A translated code unit; that of a cache is data of the instruction before it.
#[repr(C, align(16))]
#[derive(Clone, Copy)]
pub struct Unit {
    pub(crate) handler: Handler,
    /// What the handler expects: the opcode's argument, unless its handlers say otherwise.
    pub(crate) arg: usize,
}

impl std::fmt::Debug for Unit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Unit({})", self.arg)
    }
}

/// Defines handlers: `fn name(w, arg) { … }`, where `w` are the registers. The body's last deed is one of the ways on that
/// [`registers::Registers`] has.
macro_rules! handlers {
    ($($(#[$meta:meta])* fn $name:ident $(<$(const $g:ident: $t:ty),*>)? ($w:ident, $arg:ident) $body:block)*) => {
        $($(#[$meta])*
        #[inline(never)]
        pub(super) unsafe extern "C" fn $name $(<$(const $g: $t),*>)? (
            frame: *mut capi::sys::_PyInterpreterFrame,
            sp: *mut *mut capi::sys::PyObject,
            ip: *mut crate::warm::Unit,
            tstate: *mut capi::sys::PyThreadState,
            $arg: usize,
            home: *mut crate::direct::Home,
        ) -> crate::machine::Flow {
            #[allow(unused_mut)]
            let mut $w = crate::warm::registers::Registers::new(frame, sp, ip, tstate, home);
            // SAFETY: the machine's invariant: a live frame that stands at this unit, with the operands that its instruction
            // has; layouts are used after types were asked; caches are the instruction's own.
            unsafe { $body }
        })*
    };
}
pub(crate) use handlers;
