//! Warm code: what has run some times is translated into *units*, and runs faster from then on.
//!
//! A unit is a handler, its argument, and the number of its instruction in the bytecode. Behind it stand as many units of inline cache
//! as the instruction needs ([`width`]), fewer than the bytecode has: what code touches while it runs decides how fast it is. A handler
//! executes its instruction and ends in a jump to the handler of the next one. Its registers are the arguments that it is called with.
//!
//! ```text
//! bytecode   LOAD_FAST 0   LOAD_FAST 1   BINARY_OP +  CACHE        STORE_FAST 2
//! units      load_fast 0   load_fast 1   adaptive  +  (its cache)  store_fast 2      just translated
//! units      LL float_add 0 load_fast 1  SS float_add (its cache)  store_fast 2      after some turns with floats
//! ```
//!
//! - From a unit to its instruction leads the number in it ([`registers::Registers::instruction`]), from an instruction to its unit a
//!   table in front of the units (`translate::unit_of`), which is asked where somebody comes from elsewhere: from cold code, a handler
//!   of exceptions, a generator.
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
//!   the caller's unit to go on at; the frame's note says that there is one, and what becomes of its value (`crate::completion`).
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
mod shapes;
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
pub(crate) use returns::relink;
use shapes::width;
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

/// A translated instruction; in its caches it is data of the instruction before it.
#[repr(C, align(16))]
#[derive(Clone, Copy)]
pub struct Unit {
    pub(crate) handler: Handler,
    /// Of the instruction: the index of its code unit.
    pub(crate) index: u16,
    /// Of a jump backwards: how many turns it may still make before the loop's cell is asked (`jumps`). Of `LOAD_CONST`: see `constant`.
    pub(crate) extra: u16,
    /// What the handler expects: the opcode's argument; of jumps the distance, in units.
    pub(crate) arg: u32,
}

impl Unit {
    /// Of `LOAD_CONST`, with the constant in the bytes of `extra` and `arg`; `None` where its address needs more.
    fn load_const(index: u16, constant: *mut sys::PyObject) -> Option<Unit> {
        let address = constant as usize;
        let arg = u32::try_from(address >> 16).ok()?;
        Some(Unit { handler: stack::load_const, index, extra: address as u16, arg })
    }

    /// The constant of a `LOAD_CONST`.
    ///
    /// # Safety
    /// Made by [`Unit::load_const`].
    #[inline(always)]
    unsafe fn constant(this: *const Unit) -> *mut sys::PyObject {
        // SAFETY: the three fields are eight bytes, the constant's address in the upper six.
        unsafe { ((&raw const (*this).index).cast::<u64>().read() >> 16) as *mut sys::PyObject }
    }
}

const _: () = {
    use std::mem::offset_of;
    assert!(size_of::<Unit>() == 16 && cfg!(target_endian = "little"));
    assert!(offset_of!(Unit, index) == 8 && offset_of!(Unit, extra) == 10 && offset_of!(Unit, arg) == 12);
};

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
