//! `BINARY_OP` of numbers: a handler for each operator, kind of numbers, and place where the operands come from.

use super::parked::{back, failed, finish_two, park};
use super::registers::{Registers, jump};
use super::site::{MISSES, RETRY, Site};
use super::stack::{copy, load_const, load_fast};
use super::translate::Before;
use super::{Handler, Unit, handlers, width};
use crate::direct::Home;
use crate::machine::Flow;
use crate::{helpers, numbers, opcode};
use capi::opcode as op;
use capi::refs::type_of;
use capi::sys::{self, PyFloatObject, PyNumberMethods, PyObject};
use std::mem::offset_of;

/// On the value stack, which owns it.
pub(super) const STACK: u8 = 0;
/// In a local: the handler stands at its `LOAD_FAST`.
pub(super) const LOCAL: u8 = 1;
/// A constant: the handler stands at its `LOAD_CONST`.
pub(super) const CONST: u8 = 2;

/// On the value stack, and to stay there: the handler stands at the first of two `COPY 2`.
pub(super) const COPIED: u8 = 3;

/// Units of `BINARY_OP`.
const WIDTH: usize = width(op::BINARY_OP);

/// How many loads are part of a handler with operands from there.
pub(super) const fn loads(left: u8, right: u8) -> usize {
    (left != STACK) as usize + (right != STACK) as usize
}

/// Borrows the operands; null for an unbound local.
#[inline(always)]
pub(super) unsafe fn operands<const L: u8, const R: u8>(
    w: &Registers,
    arg: usize,
) -> (*mut PyObject, *mut PyObject) {
    // SAFETY: the handler stands at the first load, or at the instruction itself.
    unsafe {
        let first = |from: u8| if from == LOCAL { *w.local(arg) } else { w.constant(0) };
        match (L, R) {
            (STACK, STACK) | (COPIED, COPIED) => (w.peek(2), w.peek(1)),
            (STACK, _) => (w.peek(1), first(R)),
            (_, LOCAL) => (first(L), *w.local(w.arg(1))),
            _ => (first(L), w.constant(1)),
        }
    }
}

/// The plain handler of the first instruction; at the operator itself, of which a special case was missed, the given one.
#[inline(always)]
fn plain_handler<const L: u8, const R: u8>(missed: Handler) -> Handler {
    match (L, R) {
        (STACK, STACK) => missed,
        (STACK, LOCAL) | (LOCAL, _) => load_fast,
        (COPIED, _) => copy,
        _ => load_const,
    }
}

/// Leaves to that handler.
#[inline(always)]
pub(super) unsafe fn plain<const L: u8, const R: u8>(w: Registers, arg: usize, missed: Handler) -> Flow {
    // SAFETY: the machine's invariant.
    unsafe { w.instead(plain_handler::<L, R>(missed), arg) }
}

/// Where in `PyNumberMethods` an int's function for an operator is, by `BINARY_OP`'s argument: a jump for each operator would cost as
/// much as the operation. Where the special cases leave two ints to the general way, it is the place of `@`, which ints don't have.
const INT_SLOTS: [u16; 32] = {
    let mut slots = [offset_of!(PyNumberMethods, nb_matrix_multiply) as u16; 32];
    let offsets = [
        (sys::NB_ADD, offset_of!(PyNumberMethods, nb_add)),
        (sys::NB_SUBTRACT, offset_of!(PyNumberMethods, nb_subtract)),
        (sys::NB_MULTIPLY, offset_of!(PyNumberMethods, nb_multiply)),
        (sys::NB_FLOOR_DIVIDE, offset_of!(PyNumberMethods, nb_floor_divide)),
        (sys::NB_REMAINDER, offset_of!(PyNumberMethods, nb_remainder)),
        (sys::NB_AND, offset_of!(PyNumberMethods, nb_and)),
        (sys::NB_OR, offset_of!(PyNumberMethods, nb_or)),
        (sys::NB_XOR, offset_of!(PyNumberMethods, nb_xor)),
        (sys::NB_LSHIFT, offset_of!(PyNumberMethods, nb_lshift)),
        (sys::NB_RSHIFT, offset_of!(PyNumberMethods, nb_rshift)),
    ];
    let mut i = 0;
    while i < offsets.len() {
        let (what, offset) = offsets[i];
        slots[what as usize] = offset as u16;
        slots[(sys::NB_INPLACE_ADD + what) as usize] = offset as u16;
        i += 1;
    }
    slots
};

/// Makes room for the result where the operands from the stack were.
#[inline(always)]
pub(super) unsafe fn put<const L: u8, const R: u8>(w: &mut Registers, result: *mut PyObject) {
    // SAFETY: the machine's invariant.
    unsafe {
        match (L, R) {
            (STACK, STACK) => w.shrink(1),
            (STACK, _) => {}
            _ => w.sp = w.sp.add(1),
        }
        w.poke(1, result);
    }
}

#[inline(always)]
pub(super) unsafe fn is_float(o: *mut PyObject) -> bool {
    // SAFETY: a live object.
    unsafe { type_of(o) == &raw mut sys::PyFloat_Type }
}

#[inline(always)]
pub(super) unsafe fn is_int(o: *mut PyObject) -> bool {
    // SAFETY: a live object.
    unsafe { type_of(o) == &raw mut sys::PyLong_Type }
}

#[inline(always)]
pub(super) unsafe fn float_value(o: *mut PyObject) -> f64 {
    // SAFETY: an exact float.
    unsafe { (*o.cast::<PyFloatObject>()).ob_fval }
}

/// `None`: not to be done here.
#[inline(always)]
fn float_result(what: u32, x: f64, y: f64) -> Option<f64> {
    Some(match what {
        sys::NB_ADD => x + y,
        sys::NB_SUBTRACT => x - y,
        sys::NB_MULTIPLY => x * y,
        _ if y != 0.0 => x / y,
        _ => return None,
    })
}

/// Of ints of one digit: nothing overflows 64 bits. `None`: not to be done here.
#[inline(always)]
fn int_result(what: u32, x: i64, y: i64) -> Option<i64> {
    Some(match what {
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
        _ => return None,
    })
}

/// Of ints of up to 63 bits. `None`: not to be done here.
#[inline(always)]
fn wide_result(what: u32, x: i64, y: i64) -> Option<i64> {
    match what {
        sys::NB_ADD => x.checked_add(y),
        sys::NB_SUBTRACT => x.checked_sub(y),
        sys::NB_MULTIPLY => x.checked_mul(y),
        sys::NB_AND => Some(x & y),
        sys::NB_OR => Some(x | y),
        sys::NB_XOR => Some(x ^ y),
        sys::NB_FLOOR_DIVIDE if y > 0 => Some(numbers::floor_div(x, y)),
        sys::NB_REMAINDER if y > 0 => Some(numbers::floor_mod(x, y)),
        sys::NB_RSHIFT if (0..64).contains(&y) => Some(x >> y),
        sys::NB_LSHIFT if (0..63).contains(&y) && (x << y) >> y == x => Some(x << y),
        _ => None,
    }
}

/// Nothing quick made the handler's int: it is started again with more of them, or the instruction is left to another handler.
#[inline(always)]
pub(super) unsafe fn short_of_ints(w: Registers, otherwise: Handler, arg: usize) -> Flow {
    // SAFETY: the machine's invariant; the instruction at `w.ip` has done nothing yet.
    unsafe {
        (*w.home).otherwise = otherwise;
        w.instead(without_int, arg)
    }
}

/// The same for a float.
#[inline(always)]
pub(super) unsafe fn short_of_floats(w: Registers, otherwise: Handler, arg: usize) -> Flow {
    // SAFETY: as above.
    unsafe {
        (*w.home).otherwise = otherwise;
        w.instead(without_float, arg)
    }
}

/// Drops a reference to an exact int while the registers are parked.
#[inline(always)]
unsafe fn drop_int_at_once(home: *mut Home, o: *mut PyObject) {
    // SAFETY: the handler holds a reference; an int's memory is all that there is to free.
    unsafe {
        (*o).ob_refcnt -= 1;
        if (*o).ob_refcnt == 0 && !numbers::keep_number((*home).parked.tstate, o) {
            sys::PyObject_Free(o.cast());
        }
    }
}

/// Puts the result of an operator in the place of two exact ints, which are dropped. No code runs.
#[inline(never)]
unsafe extern "C" fn finish_ints(home: *mut Home, result: *mut PyObject) -> Flow {
    // SAFETY: parked at the instruction; the operands are on the stack.
    unsafe {
        if result.is_null() {
            return failed(home, 2);
        }
        drop_int_at_once(home, (*home).parked.sp.sub(2).replace(result));
        drop_int_at_once(home, *(*home).parked.sp.sub(1));
        let w = back(home);
        jump(w.frame, w.sp.sub(1), w.ip.add(WIDTH), w.tstate, w.home)
    }
}

handlers! {
    /// An instruction that needs a new int: started again where more can be made at once, else left to the home's `otherwise`.
    fn without_int(w, arg) {
        if numbers::lacks_ints() {
            return w.instead(refill_ints, 0);
        }
        w.instead((*w.home).otherwise, arg)
    }

    /// The same for a float.
    fn without_float(w, arg) {
        if numbers::lacks_floats(w.tstate) {
            return w.instead(refill_floats, 0);
        }
        w.instead((*w.home).otherwise, arg)
    }

    /// Makes room for new ints and starts the instruction again.
    fn refill_ints(w, _arg) {
        if !numbers::refill_ints() {
            sys::PyErr_NoMemory();
            return super::exceptions::raise(w);
        }
        jump(w.frame, w.sp, w.ip, w.tstate, w.home)
    }

    /// The same for floats.
    fn refill_floats(w, _arg) {
        if !numbers::refill_floats(w.tstate) {
            sys::PyErr_NoMemory();
            return super::exceptions::raise(w);
        }
        jump(w.frame, w.sp, w.ip, w.tstate, w.home)
    }

    /// Two floats.
    fn floats<const WHAT: u32, const L: u8, const R: u8>(w, arg) {
        let (a, b) = operands::<L, R>(&w, arg);
        if L == LOCAL && a.is_null() || R == LOCAL && b.is_null() || !is_float(a) || !is_float(b) {
            return plain::<L, R>(w, arg, miss);
        }
        let Some(value) = float_result(WHAT, float_value(a), float_value(b)) else {
            return plain::<L, R>(w, arg, super::full);
        };
        // A float of the stack's that nobody else holds becomes the result.
        if L == STACK && (*a).ob_refcnt == 1 {
            (*a.cast::<PyFloatObject>()).ob_fval = value;
            put::<L, R>(&mut w, a);
            if R == STACK {
                w.drop_float(b);
            }
        } else if R == STACK && (*b).ob_refcnt == 1 {
            (*b.cast::<PyFloatObject>()).ob_fval = value;
            put::<L, R>(&mut w, b);
            w.drop_float(a);
        } else {
            let Some(result) = numbers::quick_float(w.tstate, value) else {
                return short_of_floats(w, plain_handler::<L, R>(super::full), arg);
            };
            put::<L, R>(&mut w, result);
            if L == STACK {
                w.drop_float(a);
            }
            if R == STACK {
                w.drop_float(b);
            }
        }
        w.next(loads(L, R) + WIDTH)
    }

    /// `UNARY_NEGATIVE`
    fn unary_negative(w, arg) {
        let o = w.peek(1);
        if is_float(o) {
            let value = -float_value(o);
            if (*o).ob_refcnt == 1 {
                (*o.cast::<PyFloatObject>()).ob_fval = value;
                return w.next(1);
            }
            let Some(result) = numbers::quick_float(w.tstate, value) else {
                return short_of_floats(w, super::full, arg);
            };
            w.poke(1, result);
            (*o).ob_refcnt -= 1;
            return w.next(1);
        }
        if !is_int(o) {
            return w.full(arg);
        }
        let Some(x) = numbers::one_digit(o) else { return w.full(arg) };
        let Some(result) = numbers::quick_int(-x) else { return short_of_ints(w, super::full, arg) };
        w.poke(1, result);
        w.drop_int(o);
        w.next(1)
    }

    /// Two ints of one digit.
    fn ints<const WHAT: u32, const L: u8, const R: u8>(w, arg) {
        let (a, b) = operands::<L, R>(&w, arg);
        if L == LOCAL && a.is_null() || R == LOCAL && b.is_null() || !is_int(a) || !is_int(b) {
            return plain::<L, R>(w, arg, miss);
        }
        let (Some(x), Some(y)) = (numbers::one_digit(a), numbers::one_digit(b)) else {
            return plain::<L, R>(w, arg, miss);
        };
        let Some(value) = int_result(WHAT, x, y) else {
            return plain::<L, R>(w, arg, super::full);
        };
        // Of the other operators the result has a digit at most.
        const GROWING: [u32; 4] = [sys::NB_ADD, sys::NB_SUBTRACT, sys::NB_MULTIPLY, sys::NB_LSHIFT];
        let result = if GROWING.contains(&WHAT) { numbers::quick_wide_int(value) } else { numbers::quick_int(value) };
        let Some(result) = result else {
            return short_of_ints(w, plain_handler::<L, R>(wide::<WHAT>), arg);
        };
        put::<L, R>(&mut w, result);
        if L == STACK {
            w.drop_int(a);
        }
        if R == STACK {
            w.drop_int(b);
        }
        w.next(loads(L, R) + WIDTH)
    }

    /// Two ints of up to 63 bits, on the stack.
    fn wide<const WHAT: u32>(w, arg) {
        let (b, a) = (w.peek(1), w.peek(2));
        if !is_int(a) || !is_int(b) {
            return w.instead(miss, arg);
        }
        let (Some(x), Some(y)) = (numbers::quick_value(a), numbers::quick_value(b)) else {
            return w.instead(too_long, arg);
        };
        let Some(value) = wide_result(WHAT, x, y) else {
            return w.instead(too_long, arg);
        };
        let Some(result) = numbers::quick_wide_int(value) else {
            return short_of_ints(w, wide_by_call::<WHAT>, arg);
        };
        put::<STACK, STACK>(&mut w, result);
        w.drop_often_number(a);
        w.drop_often_number(b);
        w.next(WIDTH)
    }

    /// The same with a result that needs a call to be made.
    fn wide_by_call<const WHAT: u32>(w, arg) {
        let (b, a) = (w.peek(1), w.peek(2));
        let value = match (numbers::quick_value(a), numbers::quick_value(b)) {
            (Some(x), Some(y)) => wide_result(WHAT, x, y),
            _ => None,
        };
        let Some(value) = value else { return w.instead(longs, arg) };
        w.show();
        let result = numbers::new_int(value);
        if result.is_null() {
            sys::PyErr_Clear();
            return w.full(arg);
        }
        put::<STACK, STACK>(&mut w, result);
        w.drop(a);
        w.drop(b);
        w.next(WIDTH)
    }

    /// Two ints, on the stack, that `wide` can't do: where that happens again and again it is not tried for a while.
    fn too_long(w, arg) {
        let site = w.cache::<Site>(1);
        if (*site).counter > 0 {
            (*site).counter -= 1;
        } else {
            (*site).counter = RETRY;
            (*w.ip).handler = longs_for_now;
        }
        w.instead(longs, arg)
    }

    /// Two ints at a site that had long ones lately.
    fn longs_for_now(w, arg) {
        if Site::is_time(w.ip, adaptive) {
            return w.instead(adaptive, arg);
        }
        w.instead(longs, arg)
    }

    /// Two ints of any size, on the stack: the type's own function.
    fn longs(w, arg) {
        let (b, a) = (w.peek(1), w.peek(2));
        if !is_int(a) || !is_int(b) {
            return w.instead(miss, arg);
        }
        let slot = usize::from(INT_SLOTS[arg % INT_SLOTS.len()]);
        let function = *sys::PyLong_Type.tp_as_number.byte_add(slot).cast::<sys::binaryfunc>();
        let Some(function) = function else { return w.full(arg) };
        let home = park(w);
        finish_ints(home, function(a, b))
    }

    /// Floats and ints of one digit in any mixture, on the stack; quotients of such ints are exact in floats.
    fn mixed<const WHAT: u32>(w, arg) {
        let (b, a) = (w.peek(1), w.peek(2));
        let Some(x) = float_of(a) else { return w.instead(miss, arg) };
        let Some(y) = float_of(b) else { return w.instead(miss, arg) };
        if WHAT != sys::NB_TRUE_DIVIDE && !is_float(a) && !is_float(b) {
            let value = int_result(WHAT, numbers::digit(a), numbers::digit(b));
            let Some(result) = value.and_then(numbers::quick_int) else {
                return short_of_ints(w, longs, arg);
            };
            put::<STACK, STACK>(&mut w, result);
            w.drop_int(a);
            w.drop_int(b);
            return w.next(WIDTH);
        }
        let Some(value) = float_result(WHAT, x, y) else { return w.full(arg) };
        if is_float(a) && (*a).ob_refcnt == 1 {
            (*a.cast::<PyFloatObject>()).ob_fval = value;
            w.shrink(1);
            w.drop(b);
            return w.next(WIDTH);
        }
        let Some(result) = numbers::quick_float(w.tstate, value) else {
            return short_of_floats(w, super::full, arg);
        };
        put::<STACK, STACK>(&mut w, result);
        w.drop(a);
        w.drop(b);
        w.next(WIDTH)
    }

    /// Two strings: `+`. With a store into the very local that the left one comes from, it grows in place.
    fn texts(w, arg) {
        let (b, a) = (w.peek(1), w.peek(2));
        let text = &raw mut sys::PyUnicode_Type;
        if type_of(a) != text || type_of(b) != text {
            return w.instead(miss, arg);
        }
        let store = *w.instruction().add(1 + opcode::caches(op::BINARY_OP));
        if store as u8 == op::STORE_FAST {
            let target = w.local(usize::from(store >> 8));
            if *target == a {
                w.show();
                // Two references at least: the local's stays, alone if nobody else has one.
                (*a).ob_refcnt -= 1;
                w.shrink(2);
                sys::PyUnicode_Append(target, b);
                capi::refs::decref(b);
                if (*target).is_null() {
                    return super::exceptions::raise(w);
                }
                return w.next(WIDTH + 1);
            }
        }
        let home = park(w);
        finish_two(home, sys::PyUnicode_Concat(a, b), WIDTH)
    }

    /// Anything else: CPython's function of the operator.
    fn any(w, arg) {
        if Site::is_time(w.ip, adaptive) {
            return w.instead(adaptive, arg);
        }
        let (b, a) = (w.peek(1), w.peek(2));
        let function: unsafe extern "C" fn(*mut PyObject, *mut PyObject) -> *mut PyObject =
            std::mem::transmute(helpers::BINARY[arg].address);
        let home = park(w);
        finish_two(home, function(a, b), WIDTH)
    }

    /// `BINARY_OP` that has not been looked at.
    fn adaptive(w, arg) {
        let site = w.cache::<Site>(1);
        if (*site).counter > 0 {
            (*site).counter -= 1;
            return w.full(arg);
        }
        specialise(w.ip, w.peek(2), w.peek(1), arg);
        w.instead((*w.ip).handler, arg)
    }

    /// A special case that the operands are none of.
    fn miss(w, arg) {
        let before = (*w.ip).handler;
        if Site::missed(w.ip, adaptive) {
            let what = arg as u32 % sys::NB_INPLACE_ADD;
            let mixture = FLOATS.iter().find(|row| row.0 == what).filter(|row| {
                let other = !std::ptr::fn_addr_eq(row.2, before);
                other && float_of(w.peek(1)).is_some() && float_of(w.peek(2)).is_some()
            });
            if let Some(row) = mixture {
                (*w.ip).handler = row.2;
                (*w.cache::<Site>(1)).counter = MISSES;
            }
        }
        w.full(arg)
    }
}

/// The value of a float, or of an int of one digit.
#[inline(always)]
pub(super) unsafe fn float_of(o: *mut PyObject) -> Option<f64> {
    // SAFETY: a live object.
    unsafe {
        if is_float(o) {
            Some(float_value(o))
        } else if is_int(o) {
            numbers::one_digit(o).map(|x| x as f64)
        } else {
            None
        }
    }
}

/// Handlers of one operator and kind, by where the operands come from.
type Kind = fn(Before) -> Handler;

macro_rules! by_place {
    ($kind:ident, $what:expr) => {
        |before| match before {
            Before::Other | Before::Copies => $kind::<{ $what }, STACK, STACK>,
            Before::Local => $kind::<{ $what }, STACK, LOCAL>,
            Before::Const => $kind::<{ $what }, STACK, CONST>,
            Before::LocalLocal => $kind::<{ $what }, LOCAL, LOCAL>,
            Before::LocalConst => $kind::<{ $what }, LOCAL, CONST>,
            Before::ConstLocal => $kind::<{ $what }, CONST, LOCAL>,
        }
    };
}

const FLOATS: [(u32, Kind, Handler); 4] = [
    (sys::NB_ADD, by_place!(floats, sys::NB_ADD), mixed::<{ sys::NB_ADD }>),
    (sys::NB_SUBTRACT, by_place!(floats, sys::NB_SUBTRACT), mixed::<{ sys::NB_SUBTRACT }>),
    (sys::NB_MULTIPLY, by_place!(floats, sys::NB_MULTIPLY), mixed::<{ sys::NB_MULTIPLY }>),
    (sys::NB_TRUE_DIVIDE, by_place!(floats, sys::NB_TRUE_DIVIDE), mixed::<{ sys::NB_TRUE_DIVIDE }>),
];

const INTS: [(u32, Kind, Handler); 10] = [
    (sys::NB_ADD, by_place!(ints, sys::NB_ADD), wide::<{ sys::NB_ADD }>),
    (sys::NB_SUBTRACT, by_place!(ints, sys::NB_SUBTRACT), wide::<{ sys::NB_SUBTRACT }>),
    (sys::NB_MULTIPLY, by_place!(ints, sys::NB_MULTIPLY), wide::<{ sys::NB_MULTIPLY }>),
    (sys::NB_FLOOR_DIVIDE, by_place!(ints, sys::NB_FLOOR_DIVIDE), wide::<{ sys::NB_FLOOR_DIVIDE }>),
    (sys::NB_REMAINDER, by_place!(ints, sys::NB_REMAINDER), wide::<{ sys::NB_REMAINDER }>),
    (sys::NB_AND, by_place!(ints, sys::NB_AND), wide::<{ sys::NB_AND }>),
    (sys::NB_OR, by_place!(ints, sys::NB_OR), wide::<{ sys::NB_OR }>),
    (sys::NB_XOR, by_place!(ints, sys::NB_XOR), wide::<{ sys::NB_XOR }>),
    (sys::NB_LSHIFT, by_place!(ints, sys::NB_LSHIFT), wide::<{ sys::NB_LSHIFT }>),
    (sys::NB_RSHIFT, by_place!(ints, sys::NB_RSHIFT), wide::<{ sys::NB_RSHIFT }>),
];

/// Finds handlers for operands like these.
#[cold]
#[inline(never)]
unsafe fn specialise(at: *mut Unit, a: *mut PyObject, b: *mut PyObject, arg: usize) {
    // SAFETY: the adaptive handler's unit; its operands are live.
    unsafe {
        let site = at.add(1).cast::<Site>();
        (*site).counter = RETRY;
        (*at).handler = any;
        Site::join_loads(at);
        let in_place = arg as u32 >= sys::NB_INPLACE_ADD;
        let what = arg as u32 - if in_place { sys::NB_INPLACE_ADD } else { 0 };
        let floats = FLOATS.iter().find(|row| row.0 == what);
        let ints = INTS.iter().find(|row| row.0 == what);
        let chosen = if is_float(a) && is_float(b) {
            floats.map(|row| (row.1, None))
        } else if is_int(a) && is_int(b) && what != sys::NB_TRUE_DIVIDE {
            if ints.is_some() && (numbers::quick_value(a).is_none() || numbers::quick_value(b).is_none()) {
                (*at).handler = longs_for_now;
                return;
            }
            let small = numbers::one_digit(a).is_some() && numbers::one_digit(b).is_some();
            ints.map(|row| (row.1, (!small).then_some(row.2)))
        } else if float_of(a).is_some() && float_of(b).is_some() {
            floats.map(|row| (row.1, Some(row.2)))
        } else {
            let text = &raw mut sys::PyUnicode_Type;
            if what == sys::NB_ADD && type_of(a) == text && type_of(b) == text {
                (*site).counter = MISSES;
                (*at).handler = texts;
            }
            None
        };
        let Some((kind, only_stack)) = chosen else { return };
        if let Some(handler) = only_stack {
            (*site).counter = MISSES;
            (*at).handler = handler;
            return;
        }
        Site::place(at, kind);
    }
}
