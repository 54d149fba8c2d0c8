//! Threaded dispatch: one handler an opcode, each of which ends in a jump to the next.
//!
//! `dispatch::run` of optimised builds. Nothing here may keep a local whose address is given away: the compiler would turn
//! the jumps into calls, and the stack would overflow (`tests/dispatch.rs` shows it).

use crate::deaths::{self, AtOnce, AtTheEnd};
use crate::direct::{Direct, Home};
use crate::dispatch::opcodes;
use crate::machine::{Flow, Machine};
use crate::{builtin_calls, fast, numbers, opcode};
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

/// The machine of handlers.
type Registers = Direct<AtTheEnd>;

/// Goes to the handler of the next instruction, as the last deed of a handler: the compiler makes a jump of it (when it
/// optimises; `tests/dispatch.rs` would overflow the stack otherwise).
#[inline(always)]
unsafe fn next(m: Registers) -> Flow {
    // SAFETY: the machine's invariant.
    unsafe {
        let [first, second, third] = m.deaths.dead;
        if !first.is_null() {
            if second.is_null() {
                return bury_one(m.frame, m.sp, m.ip, m.tstate, first as usize, m.home);
            }
            (*m.home).dead = [second, third];
            return bury_all(m.frame, m.sp, m.ip, m.tstate, first as usize, m.home);
        }
        jump(m.frame, m.sp, m.ip, m.tstate, m.home)
    }
}

#[inline(always)]
unsafe fn jump(
    frame: *mut sys::_PyInterpreterFrame,
    sp: *mut *mut sys::PyObject,
    ip: *mut u16,
    tstate: *mut sys::PyThreadState,
    home: *mut Home,
) -> Flow {
    // SAFETY: the machine's invariant.
    unsafe {
        let unit = *ip;
        let handler = *HANDLERS.get_unchecked(usize::from(unit as u8));
        handler(frame, sp, ip, tstate, usize::from(unit >> 8), home)
    }
}

/// Frees what died in an instruction, then goes on; the usual case, an int or float, without a call.
#[inline(never)]
unsafe extern "C" fn bury_one(
    frame: *mut sys::_PyInterpreterFrame,
    sp: *mut *mut sys::PyObject,
    ip: *mut u16,
    tstate: *mut sys::PyThreadState,
    dead: usize,
    home: *mut Home,
) -> Flow {
    // SAFETY: the machine's invariant; the object that died.
    unsafe {
        if numbers::free_number(tstate, dead as *mut sys::PyObject) {
            return jump(frame, sp, ip, tstate, home);
        }
        (*home).dead = [std::ptr::null_mut(); 2];
        bury_all(frame, sp, ip, tstate, dead, home)
    }
}

/// Frees `first` and those in the home.
#[inline(never)]
unsafe extern "C" fn bury_all(
    frame: *mut sys::_PyInterpreterFrame,
    sp: *mut *mut sys::PyObject,
    ip: *mut u16,
    tstate: *mut sys::PyThreadState,
    first: usize,
    home: *mut Home,
) -> Flow {
    // SAFETY: the machine's invariant; the objects that died.
    unsafe {
        let [second, third] = (*home).dead;
        deaths::bury(tstate, first as *mut sys::PyObject, second, third);
        jump(frame, sp, ip, tstate, home)
    }
}

/// The last deed of a handler after which something else is to be done.
#[inline(always)]
unsafe fn leave(m: Registers, flow: Flow) -> Flow {
    // SAFETY: the machine's invariant.
    unsafe {
        {
            (*m.home).dead = [m.deaths.dead[1], m.deaths.dead[2]];
            leave_with(m.frame, m.sp, m.ip, m.tstate, m.deaths.dead[0], m.home, flow)
        }
    }
}

#[cold]
#[inline(never)]
unsafe fn leave_with(
    frame: *mut sys::_PyInterpreterFrame,
    sp: *mut *mut sys::PyObject,
    ip: *mut u16,
    tstate: *mut sys::PyThreadState,
    dead: *mut sys::PyObject,
    home: *mut Home,
    flow: Flow,
) -> Flow {
    // SAFETY: the machine's invariant; the chain of the dead.
    unsafe {
        if !dead.is_null() {
            let [second, third] = (*home).dead;
            deaths::bury(tstate, dead, second, third);
        }
        (*home).registers = Direct { frame, sp, ip, tstate, home, deaths: AtOnce };
    }
    flow
}

/// Runs until something other than the next instruction is to be done.
///
/// # Safety
/// The home's registers keep the machine's invariant.
pub unsafe fn run(home: *mut Home) -> Flow {
    // SAFETY: by contract.
    unsafe {
        let Direct { frame, sp, ip, tstate, .. } = (*home).registers;
        jump(frame, sp, ip, tstate, home)
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

            $(#[inline(never)]
            pub unsafe extern "C" fn $op(
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
                    let mut m = Direct {
                        frame,
                        sp,
                        ip: ip.add(1 + opcode::caches(op::$op)),
                        tstate,
                        home,
                        deaths: AtTheEnd::NONE,
                    };
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
                    let ip = ip.add(1 + opcode::caches(op::$direct));
                    (*home).registers = Direct { frame, sp, ip, tstate, home, deaths: AtOnce };
                    match $g(&mut (*home).registers, arg) {
                        Flow::Next => {
                            let m = &(*home).registers;
                            jump(m.frame, m.sp, m.ip, tstate, home)
                        }
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
            $crate::threaded::quick_table(table)
        };
    };
}
opcodes!(make_handlers);

macro_rules! quick_handlers {
    ($($op:ident => $quick:ident,)*) => {
        /// Handlers of usual cases, without a call, so that they save no registers; the others jump on to the full handler.
        #[allow(non_snake_case)]
        mod quick {
            use super::*;

            $(#[inline(never)]
            pub unsafe extern "C" fn $op(
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
                    let mut m = Direct {
                        frame,
                        sp,
                        ip: ip.add(1 + opcode::caches(op::$op)),
                        tstate,
                        home,
                        deaths: AtTheEnd::NONE,
                    };
                    if fast::$quick(&mut m, arg) {
                        next(m)
                    } else {
                        handlers::$op(frame, sp, ip, tstate, arg, home)
                    }
                }
            })*
        }

        const fn quick_table(mut table: [Handler; 256]) -> [Handler; 256] {
            $(table[op::$op as usize] = quick::$op;)*
            table[op::CALL as usize] = quick_call;
            table[op::BINARY_OP as usize] = binary_op;
            table
        }
    };
}
quick_handlers! {
    COMPARE_OP => compare_op,
    POP_JUMP_FORWARD_IF_FALSE => forward_if_false,
    POP_JUMP_FORWARD_IF_TRUE => forward_if_true,
    POP_JUMP_BACKWARD_IF_FALSE => backward_if_false,
    POP_JUMP_BACKWARD_IF_TRUE => backward_if_true,
    JUMP_BACKWARD => jump_backward,
    RESUME => resume,
    FOR_ITER => for_iter,
    BINARY_SUBSCR => binary_subscr,
    STORE_SUBSCR => store_subscr,
    LOAD_GLOBAL => load_global,
    LOAD_ATTR => load_attr,
    STORE_ATTR => store_attr,
    LOAD_METHOD => load_method,
    RETURN_VALUE => return_value,
    UNPACK_SEQUENCE => unpack_sequence,
}

/// `CALL`: Python functions at once, C functions by the next handler.
unsafe extern "C" fn quick_call(
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
        let mut m =
            Direct { frame, sp, ip: ip.add(1 + opcode::CALL_CACHES), tstate, home, deaths: AtTheEnd::NONE };
        if fast::call(&mut m, arg) { next(m) } else { call_builtin(frame, sp, ip, tstate, arg, home) }
    }
}

/// `CALL` of C functions; all else by the full handler.
#[inline(never)]
unsafe extern "C" fn call_builtin(
    frame: *mut sys::_PyInterpreterFrame,
    sp: *mut *mut sys::PyObject,
    ip: *mut u16,
    tstate: *mut sys::PyThreadState,
    arg: usize,
    home: *mut Home,
) -> Flow {
    // SAFETY: the machine's invariant; the cache is the instruction's: 1 says no keywords.
    unsafe {
        let mut m =
            Direct { frame, sp, ip: ip.add(1 + opcode::CALL_CACHES), tstate, home, deaths: AtTheEnd::NONE };
        if *ip.add(1) != 1 {
            return handlers::CALL(frame, sp, ip, tstate, arg, home);
        }
        match builtin_calls::call(&mut m, arg) {
            builtin_calls::Called::Not => handlers::CALL(frame, sp, ip, tstate, arg, home),
            builtin_calls::Called::Raised => leave(m, Flow::Raise),
            builtin_calls::Called::Done => match m.check_breaker() {
                Flow::Next => next(m),
                flow => leave(m, flow),
            },
        }
    }
}

/// `BINARY_OP`: one handler an operator.
unsafe extern "C" fn binary_op(
    frame: *mut sys::_PyInterpreterFrame,
    sp: *mut *mut sys::PyObject,
    ip: *mut u16,
    tstate: *mut sys::PyThreadState,
    arg: usize,
    home: *mut Home,
) -> Flow {
    // SAFETY: the machine's invariant; the argument is that of BINARY_OP.
    unsafe { BINARY.get_unchecked(arg)(frame, sp, ip, tstate, arg, home) }
}

/// Two numbers; all else by the full handler.
unsafe extern "C" fn binary<const WHAT: u32>(
    frame: *mut sys::_PyInterpreterFrame,
    sp: *mut *mut sys::PyObject,
    ip: *mut u16,
    tstate: *mut sys::PyThreadState,
    arg: usize,
    home: *mut Home,
) -> Flow {
    // SAFETY: the machine's invariant; the cache belongs to the instruction.
    unsafe {
        (*frame).prev_instr = ip;
        let mut m = Direct {
            frame,
            sp,
            ip: ip.add(1 + opcode::caches(op::BINARY_OP)),
            tstate,
            home,
            deaths: AtTheEnd::NONE,
        };
        if fast::binary_op(&mut m, WHAT) {
            next(m)
        } else {
            handlers::BINARY_OP(frame, sp, ip, tstate, arg, home)
        }
    }
}

/// By the argument of `BINARY_OP`; in-place operators of numbers are the plain ones.
static BINARY: [Handler; 26] = {
    let mut table: [Handler; 26] = [handlers::BINARY_OP; 26];
    let mut offset = 0;
    while offset <= sys::NB_INPLACE_ADD as usize {
        table[offset + sys::NB_ADD as usize] = binary::<{ sys::NB_ADD }>;
        table[offset + sys::NB_SUBTRACT as usize] = binary::<{ sys::NB_SUBTRACT }>;
        table[offset + sys::NB_MULTIPLY as usize] = binary::<{ sys::NB_MULTIPLY }>;
        table[offset + sys::NB_TRUE_DIVIDE as usize] = binary::<{ sys::NB_TRUE_DIVIDE }>;
        table[offset + sys::NB_FLOOR_DIVIDE as usize] = binary::<{ sys::NB_FLOOR_DIVIDE }>;
        table[offset + sys::NB_REMAINDER as usize] = binary::<{ sys::NB_REMAINDER }>;
        table[offset + sys::NB_AND as usize] = binary::<{ sys::NB_AND }>;
        table[offset + sys::NB_OR as usize] = binary::<{ sys::NB_OR }>;
        table[offset + sys::NB_XOR as usize] = binary::<{ sys::NB_XOR }>;
        table[offset + sys::NB_LSHIFT as usize] = binary::<{ sys::NB_LSHIFT }>;
        table[offset + sys::NB_RSHIFT as usize] = binary::<{ sys::NB_RSHIFT }>;
        offset += sys::NB_INPLACE_ADD as usize;
    }
    table
};

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
        if opcode::DEOPT[usize::from(code)] == code {
            return leave_with(frame, sp, ip.add(1), tstate, std::ptr::null_mut(), home, Flow::HandOver);
        }
        opcode::restore((*frame).f_code);
        let handler = *HANDLERS.get_unchecked(usize::from(opcode::DEOPT[usize::from(code)]));
        handler(frame, sp, ip, tstate, arg, home)
    }
}
