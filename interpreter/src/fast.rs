//! The usual cases of the hottest opcodes, for threaded handlers only: no call in any of them, so that their handlers save no
//! registers. `true`: done. `false`: nothing was done, the full opcode of `semantics` takes over.
//!
//! Each must do exactly what the full opcode does in its case, deaths in the same order (they are noted in `deaths`).

use crate::code_data::CodeData;
use crate::deaths::{AtTheEnd, Deaths};
use crate::direct::{Direct, type_object};
use crate::field::{ItemsField, TypeOf};
use crate::machine::{Flow, Machine};
use crate::semantics::attributes::{AttributeCache, MethodCache, Place};
use crate::semantics::globals::GlobalCache;
use crate::{helpers, jit, keys, numbers, opcode};
use capi::objects::{ListIter, RangeIter, TupleIter};
use capi::opcode as op;
use capi::refs::type_of;
use capi::sys::{self, PyCodeObject, PyFunctionObject, PyObject};

type Registers = Direct<AtTheEnd>;

/// Drops a reference to an exact int of one digit or an exact float.
#[inline(always)]
unsafe fn drop_number(m: &mut Registers, o: *mut PyObject) {
    // SAFETY: the caller owns the reference.
    unsafe {
        (*o).ob_refcnt -= 1;
        if (*o).ob_refcnt == 0 && !numbers::free_number(m.tstate, o) {
            m.deaths.dead(m.tstate, o);
        }
    }
}

#[inline(always)]
unsafe fn is_float(o: *mut PyObject) -> bool {
    // SAFETY: a live object.
    unsafe { type_of(o) == &raw mut sys::PyFloat_Type }
}

#[inline(always)]
unsafe fn is_int(o: *mut PyObject) -> bool {
    // SAFETY: a live object.
    unsafe { type_of(o) == &raw mut sys::PyLong_Type }
}

/// `BINARY_OP` of two floats, two ints of one digit, or a mixture.
#[inline(always)]
pub unsafe fn binary_op(m: &mut Registers, what: u32) -> bool {
    // SAFETY: the machine's invariant.
    unsafe {
        let b = m.peek(1);
        let a = m.peek(2);
        let (x, y) = if is_float(a) {
            let x = m.float_value(a);
            if is_float(b) {
                (x, m.float_value(b))
            } else if is_int(b)
                && let Some(y) = numbers::one_digit(b)
            {
                (x, y as f64)
            } else {
                return false;
            }
        } else if is_int(a) {
            let Some(x) = numbers::one_digit(a) else { return false };
            if is_int(b) {
                let Some(y) = numbers::one_digit(b) else { return false };
                return int_op(m, what, a, b, x, y);
            }
            if !is_float(b) {
                return false;
            }
            (x as f64, m.float_value(b))
        } else {
            return false;
        };
        let value = match what {
            sys::NB_ADD => x + y,
            sys::NB_SUBTRACT => x - y,
            sys::NB_MULTIPLY => x * y,
            sys::NB_TRUE_DIVIDE if y != 0.0 => x / y,
            _ => return false,
        };
        if m.may_reuse_float(a, value) {
            m.shrink(1);
            drop_number(m, b);
        } else if m.may_reuse_float(b, value) {
            m.shrink(1);
            m.poke(1, b);
            drop_number(m, a);
        } else {
            let Some(result) = numbers::quick_float(m.tstate, value) else { return false };
            m.shrink(1);
            m.poke(1, result);
            drop_number(m, a);
            drop_number(m, b);
        }
        true
    }
}

#[inline(always)]
unsafe fn int_op(m: &mut Registers, what: u32, a: *mut PyObject, b: *mut PyObject, x: i64, y: i64) -> bool {
    // SAFETY: the machine's invariant; both have one digit, so nothing overflows.
    unsafe {
        let value = match what {
            sys::NB_ADD => x + y,
            sys::NB_SUBTRACT => x - y,
            sys::NB_MULTIPLY => x * y,
            sys::NB_AND => x & y,
            sys::NB_OR => x | y,
            sys::NB_XOR => x ^ y,
            // Divisions of 32 bits are much faster.
            sys::NB_FLOOR_DIVIDE if y > 0 => i64::from((x as i32).div_euclid(y as i32)),
            sys::NB_REMAINDER if y > 0 => i64::from((x as i32).rem_euclid(y as i32)),
            sys::NB_RSHIFT if (0..64).contains(&y) => x >> y,
            sys::NB_LSHIFT if (0..32).contains(&y) => x << y,
            _ => return false,
        };
        let Some(result) = numbers::quick_int(value) else { return false };
        m.shrink(1);
        m.poke(1, result);
        drop_number(m, a);
        drop_number(m, b);
        true
    }
}

/// `COMPARE_OP` of numbers of a kind; a conditional jump behind it is carried out at once.
#[inline(always)]
pub unsafe fn compare_op(m: &mut Registers, arg: usize) -> bool {
    // SAFETY: the machine's invariant.
    unsafe {
        let b = m.peek(1);
        let a = m.peek(2);
        let answer = if is_int(a) && is_int(b) {
            let (Some(x), Some(y)) = (numbers::one_digit(a), numbers::one_digit(b)) else { return false };
            // One bit for each of less, equal, greater.
            let order = 1u32 << (i32::from(x > y) - i32::from(x < y) + 1);
            ORDERS[arg] & order != 0
        } else if is_float(a) && is_float(b) {
            let (x, y) = (m.float_value(a), m.float_value(b));
            match arg as u32 {
                sys::Py_LT => x < y,
                sys::Py_LE => x <= y,
                sys::Py_EQ => x == y,
                sys::Py_NE => x != y,
                sys::Py_GT => x > y,
                _ => x >= y,
            }
        } else {
            return false;
        };
        m.shrink(1);
        let next = *m.ip;
        let distance = usize::from(next >> 8);
        match next as u8 {
            op::POP_JUMP_FORWARD_IF_FALSE => {
                m.shrink(1);
                (*m.frame).prev_instr = m.ip;
                m.ip = m.ip.add(if answer { 1 } else { 1 + distance });
            }
            op::POP_JUMP_FORWARD_IF_TRUE => {
                m.shrink(1);
                (*m.frame).prev_instr = m.ip;
                m.ip = m.ip.add(if answer { 1 + distance } else { 1 });
            }
            _ => {
                let result = m.new_bool(answer);
                m.poke(1, result);
            }
        }
        drop_number(m, a);
        drop_number(m, b);
        true
    }
}

/// For each comparison the orders (bit 0 less, bit 1 equal, bit 2 greater) that satisfy it.
static ORDERS: [u32; 6] = [0b001, 0b011, 0b010, 0b101, 0b100, 0b110];

/// Whether a conditional jump on the bool at the top is taken; `None` for other objects.
#[inline(always)]
unsafe fn pop_bool(m: &mut Registers, when: bool) -> Option<bool> {
    // SAFETY: the machine's invariant; the bools never die.
    unsafe {
        let o = m.peek(1);
        let value = if o == helpers::py_true() {
            true
        } else if o == helpers::py_false() {
            false
        } else {
            return None;
        };
        (*o).ob_refcnt -= 1;
        m.shrink(1);
        Some(value == when)
    }
}

#[inline(always)]
unsafe fn forward_if(m: &mut Registers, distance: usize, when: bool) -> bool {
    // SAFETY: the machine's invariant.
    unsafe {
        match pop_bool(m, when) {
            None => return false,
            Some(true) => m.ip = m.ip.add(distance),
            Some(false) => {}
        }
        true
    }
}

/// `POP_JUMP_FORWARD_IF_FALSE`
#[inline(always)]
pub unsafe fn forward_if_false(m: &mut Registers, distance: usize) -> bool {
    // SAFETY: the machine's invariant.
    unsafe { forward_if(m, distance, false) }
}

/// `POP_JUMP_FORWARD_IF_TRUE`
#[inline(always)]
pub unsafe fn forward_if_true(m: &mut Registers, distance: usize) -> bool {
    // SAFETY: the machine's invariant.
    unsafe { forward_if(m, distance, true) }
}

/// Counts a turn of the loop at `header` when nothing but that is to be done.
#[inline(always)]
unsafe fn count_turn(m: &mut Registers, header: *mut u16) -> bool {
    // SAFETY: the machine's invariant.
    unsafe {
        if !m.breaker_clear() {
            return false;
        }
        if !jit::is_present() {
            return true;
        }
        let loops = (*m.home).loops;
        if loops.is_null() {
            return false;
        }
        let first = capi::frame::first_instruction((*m.frame).f_code);
        let cell = CodeData::cell(loops, header.offset_from(first) as usize);
        if (*cell).counter <= 0 {
            return false;
        }
        (*cell).counter -= 1;
        true
    }
}

#[inline(always)]
unsafe fn backward_if(m: &mut Registers, distance: usize, when: bool) -> bool {
    // SAFETY: the machine's invariant.
    unsafe {
        let o = m.peek(1);
        let (yes, no) = (helpers::py_true(), helpers::py_false());
        if o != yes && o != no {
            return false;
        }
        if (o == yes) == when {
            let header = m.ip.sub(distance);
            if !count_turn(m, header) {
                return false;
            }
            m.ip = header;
        }
        (*o).ob_refcnt -= 1;
        m.shrink(1);
        true
    }
}

/// `POP_JUMP_BACKWARD_IF_FALSE`
#[inline(always)]
pub unsafe fn backward_if_false(m: &mut Registers, distance: usize) -> bool {
    // SAFETY: the machine's invariant.
    unsafe { backward_if(m, distance, false) }
}

/// `POP_JUMP_BACKWARD_IF_TRUE`
#[inline(always)]
pub unsafe fn backward_if_true(m: &mut Registers, distance: usize) -> bool {
    // SAFETY: the machine's invariant.
    unsafe { backward_if(m, distance, true) }
}

/// `JUMP_BACKWARD`
#[inline(always)]
pub unsafe fn jump_backward(m: &mut Registers, distance: usize) -> bool {
    // SAFETY: the machine's invariant.
    unsafe {
        let header = m.ip.sub(distance);
        if !count_turn(m, header) {
            return false;
        }
        m.ip = header;
        true
    }
}

/// `RESUME`
#[inline(always)]
pub unsafe fn resume(m: &mut Registers, _: usize) -> bool {
    m.breaker_clear()
}

/// `FOR_ITER` over ranges, lists and tuples that have another item.
#[inline(always)]
pub unsafe fn for_iter(m: &mut Registers, _: usize) -> bool {
    // SAFETY: the machine's invariant; layouts are used after the type was asked.
    unsafe {
        let iterator = m.peek(1);
        let ty = type_of(iterator);
        let item = if ty == &raw mut sys::PyRangeIter_Type {
            let range = iterator.cast::<RangeIter>();
            if (*range).index >= (*range).len {
                return false;
            }
            let value = (*range).start.wrapping_add((*range).index.wrapping_mul((*range).step));
            let Some(item) = numbers::quick_int(value) else { return false };
            (*range).index += 1;
            item
        } else if ty == &raw mut sys::PyListIter_Type {
            let list = iterator.cast::<ListIter>();
            let sequence = (*list).it_seq;
            if sequence.is_null() || (*list).it_index >= (*sequence.cast::<sys::PyVarObject>()).ob_size {
                return false;
            }
            let item = m.item(sequence, ItemsField::List, (*list).it_index as i64);
            (*list).it_index += 1;
            m.incref(item);
            item
        } else if ty == &raw mut sys::PyTupleIter_Type {
            let tuple = iterator.cast::<TupleIter>();
            let sequence = (*tuple).it_seq;
            if sequence.is_null() || (*tuple).it_index >= (*sequence.cast::<sys::PyVarObject>()).ob_size {
                return false;
            }
            let item = m.item(sequence, ItemsField::Tuple, (*tuple).it_index as i64);
            (*tuple).it_index += 1;
            m.incref(item);
            item
        } else {
            return false;
        };
        m.push(item);
        true
    }
}

/// Address of item `key` of an exact list (or tuple, if allowed).
#[inline(always)]
unsafe fn item_slot(sequence: *mut PyObject, key: *mut PyObject, tuples: bool) -> Option<*mut *mut PyObject> {
    // SAFETY: live objects; layouts are used after the types were asked.
    unsafe {
        if !is_int(key) {
            return None;
        }
        let items = if type_of(sequence) == &raw mut sys::PyList_Type {
            (*sequence.cast::<sys::PyListObject>()).ob_item
        } else if tuples && type_of(sequence) == &raw mut sys::PyTuple_Type {
            helpers::tuple_items(sequence)
        } else {
            return None;
        };
        let size = (*sequence.cast::<sys::PyVarObject>()).ob_size as i64;
        let mut index = numbers::one_digit(key)?;
        if index < 0 {
            index += size;
        }
        ((index as u64) < size as u64).then(|| items.offset(index as isize))
    }
}

/// `BINARY_SUBSCR` of lists and tuples.
#[inline(always)]
pub unsafe fn binary_subscr(m: &mut Registers, _: usize) -> bool {
    // SAFETY: the machine's invariant.
    unsafe {
        let key = m.peek(1);
        let sequence = m.peek(2);
        let Some(slot) = item_slot(sequence, key, true) else { return false };
        let item = *slot;
        m.incref(item);
        m.shrink(1);
        m.poke(1, item);
        drop_number(m, key);
        m.decref(sequence);
        true
    }
}

/// `STORE_SUBSCR` of lists.
#[inline(always)]
pub unsafe fn store_subscr(m: &mut Registers, _: usize) -> bool {
    // SAFETY: the machine's invariant.
    unsafe {
        let key = m.peek(1);
        let list = m.peek(2);
        let value = m.peek(3);
        let Some(slot) = item_slot(list, key, false) else { return false };
        let old = slot.replace(value);
        m.shrink(3);
        drop_number(m, key);
        m.decref(old);
        m.decref(list);
        true
    }
}

/// `LOAD_GLOBAL` whose cached look-up still holds.
#[inline(always)]
pub unsafe fn load_global(m: &mut Registers, arg: usize) -> bool {
    // SAFETY: the machine's invariant; the cache is the instruction's.
    unsafe {
        let cache = m.inline_cache().cast::<GlobalCache>();
        let (index, globals_version, builtins_version) =
            ((*cache).index, (*cache).globals, (*cache).builtins);
        // Globals are a dict or of a subclass, whose keys never get a version from us.
        let globals = (*m.globals().cast::<sys::PyDictObject>()).ma_keys;
        if globals_version == 0 || (*globals).dk_version != globals_version {
            return false;
        }
        let keys = if builtins_version == 0 {
            globals
        } else {
            let builtins = m.builtins();
            if type_of(builtins) != type_object(TypeOf::Dict) {
                return false;
            }
            let builtins = (*builtins.cast::<sys::PyDictObject>()).ma_keys;
            if (*builtins).dk_version != builtins_version {
                return false;
            }
            builtins
        };
        // Versions are given to keys of strings only.
        let entries = keys::entries(keys).cast::<sys::PyDictUnicodeEntry>();
        let value = (*entries.add(index.into())).me_value;
        if value.is_null() {
            return false;
        }
        m.incref(value);
        if arg & 1 != 0 {
            m.push(std::ptr::null_mut());
        }
        m.push(value);
        true
    }
}

/// The inline values of an object whose type has this version; null if it has none.
#[inline(always)]
unsafe fn inline_values(o: *mut PyObject, version: u32) -> *mut *mut PyObject {
    // SAFETY: a live object; the version was seen with a type with a managed dict.
    unsafe {
        if (*type_of(o)).tp_version_tag != version {
            return std::ptr::null_mut();
        }
        *o.cast::<*mut *mut PyObject>().offset(helpers::VALUES_POINTER)
    }
}

/// Where a cached plan finds the attribute: a slot that may hold null; `None` when the plan does not hold.
#[inline(always)]
unsafe fn attribute_slot(o: *mut PyObject, cache: AttributeCache) -> Option<*mut *mut PyObject> {
    // SAFETY: a live object; plans are made for its type's version.
    unsafe {
        if cache.place == Place::Inline as u16 {
            let values = inline_values(o, cache.version);
            return (!values.is_null()).then(|| values.add(cache.index.into()));
        }
        if cache.place == Place::Slot as u16 && (*type_of(o)).tp_version_tag == cache.version {
            return Some(o.cast::<u8>().add(cache.index.into()).cast());
        }
        None
    }
}

/// `LOAD_ATTR` of inline values, slots, and modules.
#[inline(always)]
pub unsafe fn load_attr(m: &mut Registers, _: usize) -> bool {
    // SAFETY: the machine's invariant; the cache is the instruction's.
    unsafe {
        let cache = *m.inline_cache().cast::<AttributeCache>();
        let owner = m.peek(1);
        let value = match attribute_slot(owner, cache) {
            Some(slot) => *slot,
            None => {
                if cache.place != Place::Module as u16 || type_of(owner) != &raw mut sys::PyModule_Type {
                    return false;
                }
                let dict = (*owner.cast::<sys::PyModuleObject>()).md_dict;
                if keys::version(dict) != cache.version {
                    return false;
                }
                keys::value_at(dict, cache.index.into())
            }
        };
        if value.is_null() {
            return false;
        }
        m.incref(value);
        m.poke(1, value);
        m.decref(owner);
        true
    }
}

/// `STORE_ATTR` of attributes that are set.
#[inline(always)]
pub unsafe fn store_attr(m: &mut Registers, _: usize) -> bool {
    // SAFETY: the machine's invariant; the cache is the instruction's.
    unsafe {
        let cache = *m.inline_cache().cast::<AttributeCache>();
        let owner = m.peek(1);
        let Some(slot) = attribute_slot(owner, cache) else { return false };
        if (*slot).is_null() {
            return false;
        }
        let value = m.peek(2);
        m.shrink(2);
        let old = slot.replace(value);
        m.decref(old);
        m.decref(owner);
        true
    }
}

/// `LOAD_METHOD` of functions of the type.
#[inline(always)]
pub unsafe fn load_method(m: &mut Registers, _: usize) -> bool {
    // SAFETY: the machine's invariant; the cache is the instruction's.
    unsafe {
        let cache = m.inline_cache().cast::<MethodCache>();
        let owner = m.peek(1);
        let attribute = (*cache).attribute;
        if attribute.place == Place::MethodInline as u16 {
            if inline_values(owner, attribute.version).is_null() {
                return false;
            }
            let keys = (*type_of(owner).cast::<sys::PyHeapTypeObject>()).ht_cached_keys;
            if (*keys).dk_version != (*cache).keys_version {
                return false;
            }
        } else if attribute.place != Place::Method as u16
            || (*type_of(owner)).tp_version_tag != attribute.version
        {
            return false;
        }
        let method = (*cache).value;
        m.incref(method);
        m.poke(1, method);
        m.push(owner);
        true
    }
}

/// `CALL` of a Python function with exactly its positional parameters, without keywords.
#[inline(always)]
pub unsafe fn call(m: &mut Registers, arg: usize) -> bool {
    // SAFETY: the machine's invariant; the cache is the instruction's: 1 says no keywords.
    unsafe {
        if *m.inline_cache() != 1 {
            return false;
        }
        let below = usize::from(m.peek(arg + 2).is_null());
        let nargs = arg + 1 - below;
        let function = m.peek(nargs + 1);
        if type_of(function) != &raw mut sys::PyFunction_Type {
            return false;
        }
        let code = (*function.cast::<PyFunctionObject>()).func_code.cast::<PyCodeObject>();
        const SHAPE: u32 = sys::CO_OPTIMIZED | sys::CO_VARARGS | sys::CO_VARKEYWORDS;
        if (*code).co_flags as u32 & SHAPE != sys::CO_OPTIMIZED
            || (*code).co_kwonlyargcount != 0
            || (*code).co_argcount as usize != nargs
            || !m.may_push_frame(code)
        {
            return false;
        }
        let return_to = m.instruction() + 1 + opcode::CALL_CACHES;
        let flow = m.enter_call(function, code, nargs, below, return_to);
        flow == Flow::Next
    }
}

/// `RETURN_VALUE` to a caller in the same loop, of a frame that nobody looked at.
#[inline(always)]
pub unsafe fn return_value(m: &mut Registers, _: usize) -> bool {
    // SAFETY: the machine's invariant. What may run code when it dies is left to the full opcode.
    unsafe {
        let tstate = m.tstate;
        let dying = m.frame;
        let chunk = (*tstate).datastack_chunk;
        if (*dying).is_entry
            || !(*dying).frame_obj.is_null()
            || !(*dying).f_locals.is_null()
            || std::ptr::eq(dying.cast(), &raw const (*chunk).data)
        {
            return false;
        }
        let code = (*dying).f_code;
        let function = (*dying).f_func.cast::<PyObject>();
        if (*function).ob_refcnt == 1 || (*code).ob_base.ob_base.ob_refcnt == 1 {
            return false;
        }
        // Locals from the first on, as long as what dies is a number; the full opcode goes on where this stops.
        let locals = capi::frame::locals(dying);
        let count = (*code).co_nlocalsplus as usize;
        let mut i = 0;
        while i < count {
            let o = *locals.add(i);
            if !o.is_null() {
                if (*o).ob_refcnt > 1 {
                    (*o).ob_refcnt -= 1;
                } else if !numbers::free_number(tstate, o) {
                    return false;
                }
                *locals.add(i) = std::ptr::null_mut();
            }
            i += 1;
        }
        let value = m.pop();
        let caller = (*dying).previous;
        (*tstate).recursion_remaining += 1;
        (*(*tstate).cframe).current_frame = caller;
        (*function).ob_refcnt -= 1;
        (*code).ob_base.ob_base.ob_refcnt -= 1;
        (*tstate).datastack_top = dying.cast();
        m.switch_to_frame(caller);
        m.push(value);
        true
    }
}

/// `UNPACK_SEQUENCE` of tuples and lists of the right length.
#[inline(always)]
pub unsafe fn unpack_sequence(m: &mut Registers, n: usize) -> bool {
    // SAFETY: the machine's invariant; layouts are used after the type was asked.
    unsafe {
        let sequence = m.peek(1);
        let items = if type_of(sequence) == type_object(TypeOf::Tuple) {
            helpers::tuple_items(sequence)
        } else if type_of(sequence) == type_object(TypeOf::List) {
            (*sequence.cast::<sys::PyListObject>()).ob_item
        } else {
            return false;
        };
        if helpers::size_of_sequence(sequence) != n {
            return false;
        }
        m.shrink(1);
        let mut i = n;
        while i > 0 {
            i -= 1;
            let item = *items.add(i);
            m.incref(item);
            m.push(item);
        }
        m.decref(sequence);
        true
    }
}
