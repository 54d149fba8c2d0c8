//! The one table from opcodes to functions, and what comes of it: `step` for any machine, `run` for the interpreter.

use crate::direct::{Direct, Home};
use crate::direct_only::{classes, exceptions, functions, generators, imports, maps, matching};
use crate::machine::{Flow, Machine};
use crate::semantics::{
    arithmetic, attributes, calls, compare, globals, iteration, jumps, sequences, stack, strings, subscripts,
};
use crate::{opcode, tracing, warm};
use capi::opcode as op;
use capi::sys;
use std::sync::atomic::{AtomicI16, Ordering};

macro_rules! opcodes {
    ($then:ident) => {
        $then! {
            traced {
                NOP => stack::nop,
                KW_NAMES => stack::nop,
                POP_TOP => stack::pop_top,
                PUSH_NULL => stack::push_null,
                LOAD_FAST => stack::load_fast,
                LOAD_CLOSURE => stack::load_fast,
                LOAD_CONST => stack::load_const,
                STORE_FAST => stack::store_fast,
                DELETE_FAST => stack::delete_fast,
                SWAP => stack::swap,
                COPY => stack::copy,
                LOAD_ASSERTION_ERROR => stack::load_assertion_error,
                MAKE_CELL => stack::make_cell,
                LOAD_DEREF => stack::load_deref,
                STORE_DEREF => stack::store_deref,
                DELETE_DEREF => stack::delete_deref,
                COPY_FREE_VARS => stack::copy_free_vars,
                BUILD_SLICE => stack::build_slice,
                BINARY_OP => arithmetic::binary_op,
                UNARY_POSITIVE => arithmetic::unary_positive,
                UNARY_NEGATIVE => arithmetic::unary_negative,
                UNARY_INVERT => arithmetic::unary_invert,
                UNARY_NOT => arithmetic::unary_not,
                COMPARE_OP => compare::compare_op,
                IS_OP => compare::is_op,
                CONTAINS_OP => compare::contains_op,
                JUMP_FORWARD => jumps::jump_forward,
                JUMP_BACKWARD => jumps::jump_backward,
                JUMP_BACKWARD_NO_INTERRUPT => jumps::jump_backward_no_interrupt,
                POP_JUMP_FORWARD_IF_FALSE => jumps::forward_if_false,
                POP_JUMP_FORWARD_IF_TRUE => jumps::forward_if_true,
                POP_JUMP_FORWARD_IF_NONE => jumps::forward_if_none,
                POP_JUMP_FORWARD_IF_NOT_NONE => jumps::forward_if_not_none,
                POP_JUMP_BACKWARD_IF_FALSE => jumps::backward_if_false,
                POP_JUMP_BACKWARD_IF_TRUE => jumps::backward_if_true,
                POP_JUMP_BACKWARD_IF_NONE => jumps::backward_if_none,
                POP_JUMP_BACKWARD_IF_NOT_NONE => jumps::backward_if_not_none,
                JUMP_IF_FALSE_OR_POP => jumps::jump_if_false_or_pop,
                JUMP_IF_TRUE_OR_POP => jumps::jump_if_true_or_pop,
                RESUME => jumps::resume,
                GET_ITER => iteration::get_iter,
                FOR_ITER => iteration::for_iter,
                BUILD_TUPLE => sequences::build_tuple,
                BUILD_LIST => sequences::build_list,
                LIST_TO_TUPLE => sequences::list_to_tuple,
                LIST_APPEND => sequences::list_append,
                LIST_EXTEND => sequences::list_extend,
                UNPACK_SEQUENCE => sequences::unpack_sequence,
                BINARY_SUBSCR => subscripts::binary_subscr,
                STORE_SUBSCR => subscripts::store_subscr,
                DELETE_SUBSCR => subscripts::delete_subscr,
                LOAD_GLOBAL => globals::load_global,
                LOAD_NAME => globals::load_name,
                STORE_NAME => globals::store_name,
                STORE_GLOBAL => globals::store_global,
                LOAD_ATTR => attributes::load_attr,
                STORE_ATTR => attributes::store_attr,
                DELETE_ATTR => attributes::delete_attr,
                LOAD_METHOD => attributes::load_method,
                PRECALL => calls::precall,
                CALL => calls::call,
                CALL_FUNCTION_EX => calls::call_function_ex,
                RETURN_VALUE => calls::return_value,
                FORMAT_VALUE => strings::format_value,
                BUILD_STRING => strings::build_string,
            }
            direct {
                PUSH_EXC_INFO => exceptions::push_exc_info,
                POP_EXCEPT => exceptions::pop_except,
                CHECK_EXC_MATCH => exceptions::check_exc_match,
                CHECK_EG_MATCH => exceptions::check_eg_match,
                RERAISE => exceptions::reraise,
                RAISE_VARARGS => exceptions::raise_varargs,
                PREP_RERAISE_STAR => exceptions::prep_reraise_star,
                BEFORE_WITH => exceptions::before_with,
                WITH_EXCEPT_START => exceptions::with_except_start,
                RETURN_GENERATOR => generators::return_generator,
                YIELD_VALUE => generators::yield_value,
                SEND => generators::send,
                GET_YIELD_FROM_ITER => generators::get_yield_from_iter,
                GET_AWAITABLE => generators::get_awaitable,
                GET_AITER => generators::get_aiter,
                GET_ANEXT => generators::get_anext,
                ASYNC_GEN_WRAP => generators::async_gen_wrap,
                END_ASYNC_FOR => generators::end_async_for,
                BEFORE_ASYNC_WITH => generators::before_async_with,
                IMPORT_NAME => imports::import_name,
                IMPORT_FROM => imports::import_from,
                IMPORT_STAR => imports::import_star,
                LOAD_BUILD_CLASS => classes::load_build_class,
                LOAD_CLASSDEREF => classes::load_classderef,
                SETUP_ANNOTATIONS => classes::setup_annotations,
                DELETE_NAME => classes::delete_name,
                DELETE_GLOBAL => classes::delete_global,
                PRINT_EXPR => classes::print_expr,
                MAKE_FUNCTION => functions::make_function,
                BUILD_MAP => maps::build_map,
                BUILD_CONST_KEY_MAP => maps::build_const_key_map,
                BUILD_SET => maps::build_set,
                SET_ADD => maps::set_add,
                SET_UPDATE => maps::set_update,
                MAP_ADD => maps::map_add,
                DICT_UPDATE => maps::dict_update,
                DICT_MERGE => maps::dict_merge,
                UNPACK_EX => maps::unpack_ex,
                GET_LEN => matching::get_len,
                MATCH_MAPPING => matching::match_mapping,
                MATCH_SEQUENCE => matching::match_sequence,
                MATCH_KEYS => matching::match_keys,
                MATCH_CLASS => matching::match_class,
            }
        }
    };
}

macro_rules! make_step {
    (traced { $($op:ident => $f:path,)* } direct { $($direct:ident => $g:path,)* }) => {
        /// Executes one instruction that `Direct::fetch` read. `HandOver` for opcodes that only the interpreter has.
        #[inline]
        pub fn step<M: Machine>(m: &mut M, opcode: u8, arg: usize) -> Flow {
            match opcode {
                $(op::$op => $f(m, arg),)*
                _ => Flow::HandOver,
            }
        }

        /// Each opcode over the machine that executes; `HandOver` for what is none.
        pub(crate) static OPCODES: [Opcode; 256] = {
            let mut table: [Opcode; 256] = [|_, _| Flow::HandOver; 256];
            $(table[op::$op as usize] = |d, arg| $f(d, arg);)*
            $(table[op::$direct as usize] = |d, arg| $g(d, arg);)*
            table
        };
    };
}

/// Executes one instruction that `Direct::fetch` read.
pub(crate) type Opcode = fn(&mut Direct, usize) -> Flow;

opcodes!(make_step);

/// Executes one instruction that `Direct::fetch` read, whatever its opcode. `HandOver` for what is none.
#[inline(always)]
pub fn execute(d: &mut Direct, opcode: u8, arg: usize) -> Flow {
    OPCODES[usize::from(opcode)](d, arg)
}

/// The same with the calls that a recorder goes into, for whoever follows a recording.
pub fn execute_as_recorded(d: &mut Direct, opcode: u8, arg: usize) -> Flow {
    if opcode == op::BINARY_SUBSCR {
        let container = d.peek(2);
        if let Some(flow) = subscripts::call_getitem(d, container) {
            return flow;
        }
    }
    execute(d, opcode, arg)
}

/// How often a code object starts at most before it is translated. Translating costs some 30 ns for each instruction, and as much again when the
/// first execution finds its special case; a start saves some 2 ns for each, and seldom executes all.
const MOST_COLD_STARTS: i16 = 64;

/// As often CPython starts code before it quickens it: what its cold code shows, ours shows until then.
const LEAST_COLD_STARTS: i16 = -INITIAL_WARMUP;

/// What a start counts. A turn of a loop counts as much of it as the loop is of the code: a long module with a short loop is run once.
const START_COUNTS: i16 = 16;

/// `co_warmup` of a new code object (`QUICKENING_INITIAL_WARMUP_VALUE`). CPython's evaluator counts it up, to 0; we count it down.
const INITIAL_WARMUP: i16 = -8;

/// With this `co_warmup` or less a code object is translated.
static WARM_FROM: AtomicI16 = AtomicI16::new(warm_after(MOST_COLD_STARTS));

const fn warm_after(starts: i16) -> i16 {
    INITIAL_WARMUP - starts * START_COUNTS
}

/// Sets how often a code object starts before it is translated: from 8 to 64 times, as is the default.
pub fn set_cold_starts(starts: u32) {
    let starts = i16::try_from(starts).unwrap_or(i16::MAX).clamp(LEAST_COLD_STARTS, MOST_COLD_STARTS);
    WARM_FROM.store(warm_after(starts), Ordering::Relaxed);
}

/// Runs until something other than the next instruction is to be done.
///
/// # Safety
/// The home's registers keep the machine's invariant.
pub unsafe fn run(home: *mut Home) -> Flow {
    loop {
        // SAFETY: by contract; the reference ends with each call.
        unsafe {
            let flow = warm::resume(home);
            if flow != Flow::Switch {
                return flow;
            }
            let flow = run_cold(&mut (*home).registers);
            if flow != Flow::Switch {
                return flow;
            }
        }
    }
}

/// What the cold loop has to know of an opcode: the number of its cache units, or one of the following.
static KINDS: [u8; 256] = {
    let mut table = [0; 256];
    let mut code = 0;
    while code < 256 {
        table[code] = match code as u8 {
            opcode::EXTENDED_ARG => UNUSUAL,
            code if opcode::DEOPT[code as usize] != code => UNUSUAL,
            code if is_start(code) => opcode::caches(code) as u8 | START,
            code => opcode::caches(code) as u8,
        };
        code += 1;
    }
    table
};
/// Its own unit does not say all, or CPython's evaluator made it.
const UNUSUAL: u8 = 0x80;
/// Starts of functions, resumptions of generators, turns of loops.
const START: u8 = 0x40;

/// `Direct::fetch`, at a glance where the unit says all.
#[inline(always)]
pub(crate) fn fetch(d: &mut Direct) -> (u8, usize) {
    // SAFETY: the machine's invariant; another instruction follows.
    unsafe {
        let unit = *d.ip;
        let kind = KINDS[usize::from(unit as u8)];
        if kind & UNUSUAL != 0 {
            return d.fetch();
        }
        (*d.frame).prev_instr = d.ip;
        d.ip = d.ip.add(1 + usize::from(kind & !START));
        (unit as u8, usize::from(unit >> 8))
    }
}

/// Runs code that is not translated, one opcode after the other, until it is warm or another frame is current.
unsafe fn run_cold(d: &mut Direct) -> Flow {
    let frame = d.frame;
    loop {
        let (opcode, arg) = fetch(d);
        let flow = execute(d, opcode, arg);
        if flow != Flow::Next {
            return flow;
        }
        if d.frame != frame {
            return Flow::Switch;
        }
        // SAFETY: the running thread.
        if unsafe { tracing::is_on(d.tstate) } {
            return Flow::Traced;
        }
        // SAFETY: the current frame's code.
        if KINDS[usize::from(opcode)] & START != 0 && unsafe { is_warm(d.code(), opcode, arg) } {
            return Flow::Switch;
        }
    }
}

const fn is_start(code: u8) -> bool {
    code as u32 == sys::RESUME || opcode::is_loop_edge(code)
}

/// Counts a start, or a turn of a loop of so many units; translates when it was the last cold one.
unsafe fn is_warm(code: *mut sys::PyCodeObject, opcode: u8, arg: usize) -> bool {
    // SAFETY: live code; the GIL is held.
    unsafe {
        if (*code).co_warmup > WARM_FROM.load(Ordering::Relaxed) {
            let counts = if opcode == op::RESUME {
                START_COUNTS
            } else {
                // A loop is a part of its code.
                (arg * START_COUNTS as usize / (*code).ob_base.ob_size as usize).max(1) as i16
            };
            (*code).co_warmup -= counts;
            return false;
        }
        let data = warm::translate(code);
        !data.is_null() && !(*data).translation.brief.units.is_null()
    }
}

macro_rules! make_traceable {
    (traced { $($op:ident => $f:path,)* } direct { $($direct:ident => $g:path,)* }) => {
        /// Whether `step` knows the opcode: a recorder may go through it.
        pub fn is_traceable(opcode: u8) -> bool {
            matches!(opcode, $(op::$op)|*)
        }
    };
}
opcodes!(make_traceable);
