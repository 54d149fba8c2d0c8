//! From bytecode to units: chooses the first handler of each instruction, and notes what stands before and behind it.

use super::polymorphic::Plans;
use super::stack::{load_const, load_fast};
use super::{
    Handler, Unit, attributes, binary, builders, call_site, calls, compare, dispatch, exceptions, generators,
    globals, iteration, jumps, plain, returns, site, stack, subscripts, width,
};
use crate::code_data::{CodeData, units};
use crate::opcode;
use capi::opcode as op;
use capi::sys::{self, PyCodeObject};
use std::ptr::{null_mut, slice_from_raw_parts_mut};

/// What calls ask for, of a code object's translation.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Brief {
    /// Null when there is no translation. In front of them stands where the unit of each instruction is: see [`unit_of`].
    pub(crate) units: *mut Unit,
    /// Size of a frame, in bytes.
    pub(crate) frame_bytes: u32,
    /// Number of arguments if the code takes nothing but positional ones, and not thousands; else -1.
    pub(crate) parameters: i16,
    /// How many units a call leaves out when the eval breaker is clear: a leading `RESUME`.
    skips: u16,
}

impl Brief {
    /// Of code without a translation.
    pub const NONE: Brief = Brief { units: std::ptr::null_mut(), frame_bytes: 0, parameters: -1, skips: 0 };

    /// Where a call starts when the eval breaker is clear.
    #[inline(always)]
    pub(crate) fn start(&self) -> *mut Unit {
        self.units.wrapping_add(self.skips.into())
    }
}

/// What was made of a code object, kept in its [`CodeData`].
#[derive(Debug)]
pub struct Translation {
    /// What calls ask for.
    pub(crate) brief: Brief,
    /// The units and the table in front of them; owned.
    memory: *mut [Unit],
    /// What instructions remember for which their inline caches have no room; owned.
    pub(super) plans: Vec<*mut Plans>,
}

impl Translation {
    /// None.
    pub const NONE: Translation = Translation {
        brief: Brief::NONE,
        memory: slice_from_raw_parts_mut(null_mut(), 0),
        plans: Vec::new(),
    };
}

impl Drop for Translation {
    fn drop(&mut self) {
        for plans in self.plans.drain(..) {
            // SAFETY: made by `polymorphic::learn` from a box.
            drop(unsafe { Box::from_raw(plans) });
        }
        if !self.memory.is_null() {
            // SAFETY: made by `translate` from a boxed slice.
            drop(unsafe { Box::from_raw(self.memory) });
        }
    }
}

/// The unit of an instruction of the code that these units are of.
///
/// # Safety
/// `units` is the translation of the live `code`, and not null; the instruction is one of the code's, or the EXTENDED_ARG before it.
#[inline(always)]
pub(super) unsafe fn unit_of(
    units: *mut Unit,
    code: *mut PyCodeObject,
    instruction: *const u16,
) -> *mut Unit {
    // SAFETY: by contract; `translate` wrote the table, backwards.
    unsafe {
        let index = instruction.offset_from(crate::code_data::units(code));
        units.add((*units.cast::<u16>().offset(-1 - index)).into())
    }
}

/// Of each code unit the index of the unit that its instruction begins at; `None` without memory. At the end stands the number of units.
unsafe fn places(code: *mut PyCodeObject) -> Option<Box<[u16]>> {
    // SAFETY: the caller's live code.
    let len = unsafe { (*code).ob_base.ob_size } as usize;
    let mut places = allocator::boxed_slice(0, len + 1)?;
    let (mut place, mut end) = (0, 0);
    for opcode::Instruction { index, opcode: code, .. } in opcode::instructions(code) {
        // Each EXTENDED_ARG before it has a unit.
        for prefix in end..index {
            places[prefix] = place;
            place += 1;
        }
        end = index + 1 + opcode::caches(code);
        places[index..end.min(len)].fill(place);
        place += width(code) as u16;
    }
    places[end.min(len)..].fill(place);
    Some(places)
}

/// The loads that stand directly before an instruction with two operands.
#[repr(u8)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Before {
    Other = 0,
    Local = 1,
    Const = 2,
    LocalLocal = 3,
    LocalConst = 4,
    ConstLocal = 5,
    /// `COPY 2` twice: the operands stay on the stack as well. For subscripts only.
    Copies = 6,
}

impl Before {
    /// How many they are.
    pub fn loads(self) -> usize {
        match self {
            Before::Other => 0,
            Before::Local | Before::Const => 1,
            _ => 2,
        }
    }

    /// Gives the loads before `at` their plain handlers back.
    pub unsafe fn restore(self, at: *mut Unit) {
        let (last, first): (Option<Handler>, Option<Handler>) = match self {
            Before::Other => (None, None),
            Before::Local => (Some(load_fast), None),
            Before::Const => (Some(load_const), None),
            Before::LocalLocal => (Some(load_fast), Some(load_fast)),
            Before::LocalConst => (Some(load_const), Some(load_fast)),
            Before::ConstLocal => (Some(load_fast), Some(load_const)),
            Before::Copies => (Some(stack::copy), Some(stack::copy)),
        };
        // SAFETY: the translation saw those loads there.
        unsafe {
            if let Some(handler) = last {
                (*at.sub(1)).handler = handler;
            }
            if let Some(handler) = first {
                (*at.sub(2)).handler = handler;
            }
        }
    }
}

/// Code units of the longest code that is translated: units have 16 bits for their instruction's number. Longer code stays cold, and
/// its loops are for the JIT.
const MOST: usize = u16::MAX as usize - 1;

/// Translates the code, unless that was done; its data, which have no units when memory is out or the code too long, or null.
///
/// # Safety
/// `code` is live; the GIL is held.
#[cold]
#[inline(never)]
pub(crate) unsafe fn translate(code: *mut PyCodeObject) -> *mut CodeData {
    // SAFETY: by contract.
    unsafe {
        let data = crate::code_data::get_or_create(code);
        if data.is_null() || !(*data).translation.brief.units.is_null() {
            return data;
        }
        let len = (*code).ob_base.ob_size as usize;
        if len > MOST {
            return data;
        }
        let Some(places) = places(code) else { return data };
        let count = usize::from(places[len]);
        // At the end stands one of no instruction: what is behind the last one.
        let empty = Unit { handler: dispatch::never, index: len as u16, extra: 0, arg: 0 };
        let table = (places.len() * size_of::<u16>()).div_ceil(size_of::<Unit>());
        let Some(memory) = allocator::boxed_slice(empty, table + count + 1) else { return data };
        let memory = Box::into_raw(memory);
        let translated = memory.cast::<Unit>().add(table);
        for (i, &place) in places.iter().enumerate() {
            *translated.cast::<u16>().sub(1 + i) = place;
        }
        (*data).translation.memory = memory;
        let constants = crate::helpers::tuple_items((*code).co_consts);
        let code_units = units(code);
        let unit_at = |index: usize| translated.add(places[index].into());
        let mut fuser =
            Fuser { code, places: &places, translated, first: NO_INSTRUCTION, second: NO_INSTRUCTION };
        let mut end = 0;
        // The two instructions before the current one, if they directly precede it.
        let mut before = [(0u8, usize::MAX); 2];
        for instruction in opcode::instructions(code) {
            let opcode::Instruction { index, opcode: code, arg } = instruction;
            let at = unit_at(index);
            if *code_units.add(index) as u8 != code {
                // CPython's evaluator rewrote it.
                opcode::restore(fuser.code);
            }
            for prefix in end..index {
                *unit_at(prefix) =
                    Unit { handler: dispatch::extended_arg, index: prefix as u16, extra: 0, arg: 0 };
            }
            // Caches are data, which start as zeros.
            std::ptr::write_bytes(at.add(1), 0, width(code) - 1);
            end = index + 1 + opcode::caches(code);
            let is = |which: usize, distance: usize, code: u8| {
                before[which] == (code, index.wrapping_sub(distance))
            };
            let local = || is(1, 1, op::LOAD_FAST);
            let loads = || {
                let constant = is(1, 1, op::LOAD_CONST);
                let (first_local, first_constant) = (is(0, 2, op::LOAD_FAST), is(0, 2, op::LOAD_CONST));
                match () {
                    () if local() && first_local => Before::LocalLocal,
                    () if local() && first_constant => Before::ConstLocal,
                    () if constant && first_local => Before::LocalConst,
                    () if local() => Before::Local,
                    () if constant => Before::Const,
                    () => Before::Other,
                }
            };
            // Arguments have 32 bits.
            let mut unit =
                Unit { handler: first_handler(code), index: index as u16, extra: 0, arg: arg as u32 };
            match code {
                op::LOAD_CONST => match Unit::load_const(index as u16, *constants.add(arg)) {
                    Some(load) => unit = load,
                    None => {
                        (*data).translation = Translation::NONE;
                        return data;
                    }
                },
                op::JUMP_FORWARD
                | op::POP_JUMP_FORWARD_IF_FALSE
                | op::POP_JUMP_FORWARD_IF_TRUE
                | op::POP_JUMP_FORWARD_IF_NONE
                | op::POP_JUMP_FORWARD_IF_NOT_NONE
                | op::JUMP_IF_FALSE_OR_POP
                | op::JUMP_IF_TRUE_OR_POP
                | op::FOR_ITER
                | op::SEND => unit.arg = unit_at(end + arg).offset_from(unit_at(end)) as u32,
                op::JUMP_BACKWARD
                | op::JUMP_BACKWARD_NO_INTERRUPT
                | op::POP_JUMP_BACKWARD_IF_FALSE
                | op::POP_JUMP_BACKWARD_IF_TRUE
                | op::POP_JUMP_BACKWARD_IF_NONE
                | op::POP_JUMP_BACKWARD_IF_NOT_NONE => {
                    unit.arg = unit_at(end).offset_from(unit_at(end - arg)) as u32;
                }
                op::BINARY_OP | op::COMPARE_OP => {
                    let site = at.add(1).cast::<site::Site>();
                    *site = site::Site { counter: 0, before: loads(), mask: 0 };
                }
                op::BINARY_SUBSCR => {
                    let copies = is(0, 2, op::COPY) && is(1, 1, op::COPY);
                    let copies = copies && (*at.sub(2)).arg == 2 && (*at.sub(1)).arg == 2;
                    subscripts::prepare(at, if copies { Before::Copies } else { loads() });
                }
                op::LOAD_ATTR | op::LOAD_METHOD | op::STORE_ATTR => attributes::prepare(at, local()),
                op::UNPACK_SEQUENCE if arg == 2 => unit.handler = stack::unpack_two,
                op::CALL => {
                    let named = is(1, 2, op::PRECALL) && is(0, 3, op::KW_NAMES);
                    // `KW_NAMES`, `PRECALL`, and this.
                    let names = if named { *constants.add((*at.sub(2)).arg as usize) } else { null_mut() };
                    call_site::prepare(at, names);
                }
                _ => {}
            }
            *at = unit;
            before = [before[1], (code, index)];
            fuser.follows(instruction);
        }
        fuser.follows(NO_INSTRUCTION);
        const SHAPE: u32 = sys::CO_OPTIMIZED | sys::CO_VARARGS | sys::CO_VARKEYWORDS;
        let simple = (*code).co_flags as u32 & SHAPE == sys::CO_OPTIMIZED && (*code).co_kwonlyargcount == 0;
        let brief = Brief {
            units: translated,
            frame_bytes: (capi::frame::words(code) * size_of::<usize>()) as u32,
            parameters: if simple { i16::try_from((*code).co_argcount).unwrap_or(-1) } else { -1 },
            skips: u16::from(*code_units as u8 == op::RESUME),
        };
        (*data).translation.brief = brief;
        crate::code_data::set_brief(code, brief);
        crate::jit::code_is_warm();
        data
    }
}

/// None, where an instruction is missing.
const NO_INSTRUCTION: opcode::Instruction =
    opcode::Instruction { index: usize::MAX - 1, opcode: op::NOP, arg: 0 };

/// Joins neighbours that are always executed at once, whatever their operands are. Loads that may become part of a special case of the
/// instruction behind them are left alone.
struct Fuser<'a> {
    code: *mut PyCodeObject,
    /// See `places`.
    places: &'a [u16],
    translated: *mut Unit,
    /// The last two instructions, which are translated.
    first: opcode::Instruction,
    second: opcode::Instruction,
}

impl Fuser<'_> {
    /// The next instruction, or none at the end: now the two before it are looked at.
    unsafe fn follows(&mut self, third: opcode::Instruction) {
        let (first, second) = (self.first, self.second);
        (self.first, self.second) = (second, third);
        if second.index != first.index + 1 {
            return;
        }
        let both: Handler = match (first.opcode, second.opcode) {
            (op::STORE_FAST, op::LOAD_FAST) if !takes_loads(third.opcode) => stack::store_fast_load_fast,
            (op::LOAD_CONST, op::RETURN_VALUE) => returns::load_const_return_value,
            (op::LOAD_FAST, op::RETURN_VALUE) => returns::load_fast_return_value,
            (op::STORE_FAST, op::STORE_FAST) => stack::store_fast_store_fast,
            (op::LOAD_FAST, op::LOAD_FAST) if !takes_loads(third.opcode) => stack::load_fast_load_fast,
            (op::LOAD_FAST, op::LOAD_CONST) if !takes_loads(third.opcode) => stack::load_fast_load_const,
            // `o[k] += x`
            (op::SWAP, op::SWAP) if third.opcode == op::STORE_SUBSCR && (first.arg, second.arg) == (3, 2) => {
                subscripts::swap_swap_store
            }
            (op::IS_OP, op::POP_JUMP_FORWARD_IF_FALSE) => stack::is_op_jump::<false>,
            (op::IS_OP, op::POP_JUMP_FORWARD_IF_TRUE) => stack::is_op_jump::<true>,
            (op::CHECK_EXC_MATCH, op::POP_JUMP_FORWARD_IF_FALSE) => exceptions::check_exc_match_jump,
            (op::RESUME, op::POP_TOP) => generators::resume_pop_top,
            // SAFETY: an instruction of this live code.
            (op::RESUME, op::JUMP_BACKWARD_NO_INTERRUPT) if unsafe { self.leads_to_send(second) } => {
                generators::resume_send
            }
            _ => return,
        };
        // SAFETY: both are instructions of this translation.
        unsafe { (*self.translated.add(self.places[first.index].into())).handler = both };
    }

    /// Whether the jump back is that of a `yield from` or `await`.
    unsafe fn leads_to_send(&self, jump: opcode::Instruction) -> bool {
        // SAFETY: by the caller; jumps lead to instructions.
        unsafe { *units(self.code).add(jump.index + 1 - jump.arg) as u8 == op::SEND }
    }
}

/// Whether special cases of the opcode include the loads before it; loads themselves may begin such a case.
fn takes_loads(code: u8) -> bool {
    matches!(
        code,
        op::LOAD_FAST
            | op::LOAD_CONST
            | op::BINARY_OP
            | op::COMPARE_OP
            | op::BINARY_SUBSCR
            | op::LOAD_ATTR
            | op::LOAD_METHOD
            | op::STORE_ATTR
    )
}

/// The handler that an instruction starts with.
fn first_handler(code: u8) -> Handler {
    match code {
        op::NOP | op::KW_NAMES => stack::nop,
        op::POP_TOP => stack::pop_top,
        op::PUSH_NULL => stack::push_null,
        op::LOAD_FAST => stack::load_fast,
        op::LOAD_CLOSURE => stack::load_fast,
        op::LOAD_CONST => stack::load_const,
        op::STORE_FAST => stack::store_fast,
        op::SWAP => stack::swap,
        op::COPY => stack::copy,
        op::LOAD_DEREF => stack::load_deref,
        op::STORE_DEREF => stack::store_deref,
        op::IS_OP => stack::is_op,
        op::FORMAT_VALUE => stack::format_value,
        op::UNARY_NOT => stack::unary_not,
        op::UNARY_NEGATIVE => binary::unary_negative,
        op::LIST_APPEND => stack::list_append,
        op::BUILD_TUPLE => stack::build_tuple,
        op::UNPACK_SEQUENCE => stack::unpack_sequence,
        op::BUILD_LIST => builders::build_list,
        op::BUILD_MAP => builders::build_map,
        op::LIST_EXTEND => builders::list_extend,
        op::LIST_TO_TUPLE => builders::list_to_tuple,
        op::DICT_MERGE => builders::dict_merge,
        op::MAP_ADD => builders::map_add,
        op::MAKE_CELL => builders::make_cell,
        op::COPY_FREE_VARS => builders::copy_free_vars,
        op::MAKE_FUNCTION => builders::make_function,
        op::BINARY_OP => binary::adaptive,
        op::COMPARE_OP => compare::adaptive,
        op::CONTAINS_OP => compare::contains_op,
        op::PUSH_EXC_INFO => exceptions::push_exc_info,
        op::POP_EXCEPT => exceptions::pop_except,
        op::RERAISE => exceptions::reraise,
        op::JUMP_FORWARD => jumps::jump_forward,
        op::JUMP_BACKWARD => jumps::jump_backward,
        op::JUMP_BACKWARD_NO_INTERRUPT => jumps::jump_backward_no_interrupt,
        op::POP_JUMP_FORWARD_IF_FALSE => jumps::forward_if::<false>,
        op::POP_JUMP_FORWARD_IF_TRUE => jumps::forward_if::<true>,
        op::POP_JUMP_FORWARD_IF_NONE => jumps::forward_if_none::<true>,
        op::POP_JUMP_FORWARD_IF_NOT_NONE => jumps::forward_if_none::<false>,
        op::POP_JUMP_BACKWARD_IF_FALSE => jumps::backward_if::<false>,
        op::POP_JUMP_BACKWARD_IF_TRUE => jumps::backward_if::<true>,
        op::POP_JUMP_BACKWARD_IF_NONE => jumps::backward_if_none::<true>,
        op::POP_JUMP_BACKWARD_IF_NOT_NONE => jumps::backward_if_none::<false>,
        op::JUMP_IF_FALSE_OR_POP => jumps::jump_or_pop::<false>,
        op::JUMP_IF_TRUE_OR_POP => jumps::jump_or_pop::<true>,
        op::RESUME => jumps::resume,
        op::GET_ITER => iteration::get_iter,
        op::FOR_ITER => iteration::for_iter,
        op::BINARY_SUBSCR => subscripts::binary_subscr,
        op::BUILD_SLICE => subscripts::build_slice,
        op::STORE_SUBSCR => subscripts::store_subscr,
        op::LOAD_GLOBAL => globals::load_global,
        op::LOAD_ATTR => attributes::load_attr,
        op::STORE_ATTR => attributes::store_attr,
        op::LOAD_METHOD => attributes::load_method,
        op::PRECALL => call_site::precall,
        op::CALL => calls::call,
        op::CALL_FUNCTION_EX => calls::call_function_ex,
        op::RETURN_VALUE => returns::return_value,
        op::RETURN_GENERATOR => generators::return_generator,
        op::YIELD_VALUE => generators::yield_value,
        op::SEND => generators::send,
        op::GET_ANEXT => generators::get_anext,
        op::GET_YIELD_FROM_ITER => generators::get_yield_from_iter,
        op::GET_AWAITABLE => generators::get_awaitable,
        _ => plain::handler(code).unwrap_or(dispatch::full),
    }
}
