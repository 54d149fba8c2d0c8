//! From bytecode to units: notes what stands before and behind each instruction, and joins some.

use super::polymorphic::Plans;
use super::shapes::{Kind, SHAPES, Shape};
use super::site::Site;
use super::stack::{load_const, load_fast};
use super::{
    Handler, Unit, attributes, call_site, dispatch, exceptions, generators, returns, stack, subscripts,
};
use crate::code_data::{CodeData, units};
use crate::opcode;
use capi::opcode as op;
use capi::sys::{self, PyCodeObject};
use std::mem::ManuallyDrop;
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
            // SAFETY: made by `polymorphic::new_plans` from a box.
            drop(unsafe { Box::from_raw(plans) });
        }
        if !self.memory.is_null() {
            // SAFETY: made by `room_for` from a vector of this capacity.
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
const MOST: isize = u16::MAX as isize - 1;

/// The shapes of a live code object's instructions with their indices, EXTENDED_ARG counted as one.
unsafe fn shapes(code: *mut PyCodeObject) -> impl Iterator<Item = (usize, &'static Shape)> {
    // SAFETY: by the caller.
    let (first, len) = unsafe { (units(code), (*code).ob_base.ob_size as usize) };
    let mut next = 0;
    std::iter::from_fn(move || {
        let index = next;
        // SAFETY: below the number of code units.
        let shape = (index < len).then(|| unsafe { &SHAPES[usize::from(*first.add(index) as u8)] })?;
        next += usize::from(shape.length);
        Some((index, shape))
    })
}

/// Memory for the units of a code object, with the table in front of them filled, and where the units begin; `None` without memory.
unsafe fn room_for(code: *mut PyCodeObject) -> Option<(*mut [Unit], *mut Unit)> {
    // SAFETY: the caller's live code; the memory has room for what is written.
    unsafe {
        let len = (*code).ob_base.ob_size as usize;
        let count: usize = shapes(code).map(|(_, shape)| usize::from(shape.width)).sum();
        let table = ((len + 1) * size_of::<u16>()).div_ceil(size_of::<Unit>());
        // At the end stands one of no instruction: what is behind the last one.
        let mut memory = allocator::vec_with_room::<Unit>(table + count + 1)?;
        let start = memory.as_mut_ptr();
        let first = start.add(table);
        let place_of = |index: usize| first.cast::<u16>().sub(1 + index);
        let mut place = 0;
        for (index, shape) in shapes(code) {
            for i in 0..usize::from(shape.length) {
                *place_of(index + i) = place;
            }
            place += u16::from(shape.width);
        }
        *place_of(len) = place;
        first.add(count).write(Unit { handler: dispatch::never, index: len as u16, extra: 0, arg: 0 });
        let memory = ManuallyDrop::new(memory);
        Some((slice_from_raw_parts_mut(start, memory.capacity()), first))
    }
}

/// Translates the code, unless that was done; its data, which have no units when memory is out or the code too long, or null.
///
/// # Safety
/// `code` is live; the GIL is held.
#[inline(never)]
pub(crate) unsafe fn translate(code: *mut PyCodeObject) -> *mut CodeData {
    // SAFETY: by contract.
    unsafe {
        let data = crate::code_data::get_or_create(code);
        if data.is_null() || !(*data).translation.brief.units.is_null() || (*code).ob_base.ob_size > MOST {
            return data;
        }
        // CPython's evaluator may have rewritten it.
        opcode::restore_if_rewritten(code);
        let code_units = units(code);
        let Some((memory, translated)) = room_for(code) else { return data };
        (*data).translation.memory = memory;
        let constants = crate::helpers::tuple_items((*code).co_consts);
        let unit_at = |index: usize| translated.add((*translated.cast::<u16>().sub(1 + index)).into());
        let mut joiner =
            Joiner { code, first: (NO_INSTRUCTION, translated), second: (NO_INSTRUCTION, translated) };
        let mut at = translated;
        let mut extended = 0;
        // The two instructions before the current one, if they directly precede it.
        let mut before = [(0u8, usize::MAX); 2];
        for (index, shape) in shapes(code) {
            let code_unit = *code_units.add(index);
            let opcode = code_unit as u8;
            let arg = extended << 8 | usize::from(code_unit >> 8);
            // Arguments have 32 bits.
            let mut unit = Unit { handler: shape.handler, index: index as u16, extra: 0, arg: arg as u32 };
            if shape.kind == Kind::ExtendedArg {
                at.write(unit);
                at = at.add(1);
                extended = arg;
                continue;
            }
            extended = 0;
            // Caches are data, which start as zeros.
            for i in 1..usize::from(shape.width) {
                at.add(i).cast::<[u64; 2]>().write([0; 2]);
            }
            let end = index + usize::from(shape.length);
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
            match shape.kind {
                Kind::Plain | Kind::ExtendedArg => {}
                Kind::Constant => match Unit::load_const(index as u16, *constants.add(arg)) {
                    Some(load) => unit = load,
                    None => {
                        (*data).translation = Translation::NONE;
                        return data;
                    }
                },
                Kind::JumpForward => unit.arg = unit_at(end + arg).offset_from(unit_at(end)) as u32,
                Kind::JumpBackward => unit.arg = unit_at(end).offset_from(unit_at(end - arg)) as u32,
                Kind::Operator => {
                    Site::prepare(at, loads());
                }
                Kind::Subscript => {
                    let copies = is(0, 2, op::COPY) && is(1, 1, op::COPY);
                    let copies = copies && (*at.sub(2)).arg == 2 && (*at.sub(1)).arg == 2;
                    Site::prepare(at, if copies { Before::Copies } else { loads() });
                }
                Kind::Attribute => attributes::prepare(at, local()),
                Kind::UnpackSequence if arg == 2 => unit.handler = stack::unpack_two,
                Kind::UnpackSequence => {}
                Kind::Call => {
                    let named = is(1, 2, op::PRECALL) && is(0, 3, op::KW_NAMES);
                    // `KW_NAMES`, `PRECALL`, and this.
                    let names = if named { *constants.add((*at.sub(2)).arg as usize) } else { null_mut() };
                    call_site::prepare(at, names);
                }
            }
            at.write(unit);
            before = [before[1], (opcode, index)];
            joiner.follows(opcode::Instruction { index, opcode, arg }, at);
            at = at.add(shape.width.into());
        }
        joiner.follows(NO_INSTRUCTION, at);
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
struct Joiner {
    code: *mut PyCodeObject,
    /// The last two instructions, which are translated, and their units.
    first: (opcode::Instruction, *mut Unit),
    second: (opcode::Instruction, *mut Unit),
}

impl Joiner {
    /// The next instruction, or none at the end: now the two before it are looked at.
    #[inline(always)]
    unsafe fn follows(&mut self, third: opcode::Instruction, at: *mut Unit) {
        let ((first, unit), (second, _)) = (self.first, self.second);
        (self.first, self.second) = (self.second, (third, at));
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
        // SAFETY: the first one's unit in this translation.
        unsafe { (*unit).handler = both };
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
