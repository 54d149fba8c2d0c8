//! Threaded dispatch: one handler an opcode, each of which ends in a jump to the next.
//!
//! `dispatch::run` of optimised builds. Nothing here may keep a local whose address is given away: the compiler would turn
//! the jumps into calls, and the stack would overflow (`tests/dispatch.rs` shows it).

use crate::direct::{Direct, Home};
use crate::dispatch::opcodes;
use crate::machine::Flow;
use crate::opcode;
use capi::opcode as op;
use capi::sys;

/// A handler: executes the instruction at `ip` whose argument is `arg`, then jumps to the handler of the next one. Returns
/// only when something other than the next instruction is to be done; the registers are in the home then.
type Handler = unsafe extern "C" fn(
    frame: *mut sys::_PyInterpreterFrame,
    sp: *mut *mut sys::PyObject,
    ip: *mut u16,
    tstate: *mut sys::PyThreadState,
    arg: usize,
    home: *mut Home,
) -> Flow;

/// Goes to the handler of the next instruction, as the last deed of a handler: the compiler makes a jump of it (when it
/// optimises; `tests/dispatch.rs` would overflow the stack otherwise).
#[inline(always)]
unsafe fn next(m: Direct) -> Flow {
    // SAFETY: the machine's invariant.
    unsafe {
        let unit = *m.ip;
        let handler = *HANDLERS.get_unchecked(usize::from(unit as u8));
        handler(m.frame, m.sp, m.ip, m.tstate, usize::from(unit >> 8), m.home)
    }
}

/// The last deed of a handler after which something else is to be done.
#[inline(always)]
unsafe fn leave(m: Direct, flow: Flow) -> Flow {
    // SAFETY: the machine's invariant.
    unsafe { (*m.home).registers = m };
    flow
}

/// Runs until something other than the next instruction is to be done.
pub fn run(d: &mut Direct) -> Flow {
    // SAFETY: the machine's invariant.
    unsafe {
        let flow = next(*d);
        *d = (*d.home).registers;
        flow
    }
}

macro_rules! make_handlers {
    (traced { $($op:ident => $f:path,)* } direct { $($direct:ident => $g:path,)* }) => {
        /// One handler an opcode.
        #[allow(non_snake_case)]
        mod handlers {
            use super::*;
            use crate::direct_only::{
                classes, exceptions, functions, generators, imports, maps, matching,
            };
            use crate::semantics::{
                arithmetic, attributes, calls, compare, globals, iteration, jumps, sequences, stack, strings,
                subscripts,
            };

            $(pub unsafe extern "C" fn $op(
                frame: *mut sys::_PyInterpreterFrame,
                sp: *mut *mut sys::PyObject,
                ip: *mut u16,
                tstate: *mut sys::PyThreadState,
                arg: usize,
                home: *mut Home,
            ) -> Flow {
                // SAFETY: the machine's invariant; the caches belong to the instruction.
                unsafe {
                    (*frame).prev_instr = ip;
                    let mut m = Direct { frame, sp, ip: ip.add(1 + opcode::caches(op::$op)), tstate, home };
                    match $f(&mut m, arg) {
                        Flow::Next => next(m),
                        flow => leave(m, flow),
                    }
                }
            })*

            $(pub unsafe extern "C" fn $direct(
                frame: *mut sys::_PyInterpreterFrame,
                sp: *mut *mut sys::PyObject,
                ip: *mut u16,
                tstate: *mut sys::PyThreadState,
                arg: usize,
                home: *mut Home,
            ) -> Flow {
                // SAFETY: the machine's invariant; the caches belong to the instruction.
                unsafe {
                    (*frame).prev_instr = ip;
                    (*home).registers =
                        Direct { frame, sp, ip: ip.add(1 + opcode::caches(op::$direct)), tstate, home };
                    match $g(&mut (*home).registers, arg) {
                        Flow::Next => next((*home).registers),
                        flow => flow,
                    }
                }
            })*
        }

        /// By opcode, specialised forms included.
        static HANDLERS: [Handler; 256] = {
            let mut table: [Handler; 256] = [other; 256];
            $(table[op::$op as usize] = handlers::$op;)*
            $(table[op::$direct as usize] = handlers::$direct;)*
            table[op::EXTENDED_ARG as usize] = extended_arg;
            table
        };
    };
}
opcodes!(make_handlers);

/// `EXTENDED_ARG`
unsafe extern "C" fn extended_arg(
    frame: *mut sys::_PyInterpreterFrame,
    sp: *mut *mut sys::PyObject,
    ip: *mut u16,
    tstate: *mut sys::PyThreadState,
    arg: usize,
    home: *mut Home,
) -> Flow {
    // SAFETY: the machine's invariant; an instruction follows.
    unsafe {
        (*frame).prev_instr = ip;
        let ip = ip.add(1);
        let unit = *ip;
        let handler = *HANDLERS.get_unchecked(usize::from(unit as u8));
        handler(frame, sp, ip, tstate, arg << 8 | usize::from(unit >> 8), home)
    }
}

/// An opcode that CPython specialised, or none at all.
unsafe extern "C" fn other(
    frame: *mut sys::_PyInterpreterFrame,
    sp: *mut *mut sys::PyObject,
    ip: *mut u16,
    tstate: *mut sys::PyThreadState,
    arg: usize,
    home: *mut Home,
) -> Flow {
    // SAFETY: the machine's invariant.
    unsafe {
        (*frame).prev_instr = ip;
        let code = *ip as u8;
        let m = Direct { frame, sp, ip: ip.add(1), tstate, home };
        if opcode::DEOPT[usize::from(code)] == code {
            return leave(m, Flow::HandOver);
        }
        opcode::restore((*frame).f_code);
        let handler = *HANDLERS.get_unchecked(usize::from(opcode::DEOPT[usize::from(code)]));
        handler(frame, sp, ip, tstate, arg, home)
    }
}
