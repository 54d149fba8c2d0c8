//! `COMPARE_OP` of numbers and strings, with the conditional jump behind it; `CONTAINS_OP`.

use super::binary::{
    CONST, LOCAL, STACK, float_of, float_value, is_float, is_int, loads, operands, plain, put,
};
use super::parked::{failed, finish_two, park};
use super::registers::Registers;
use super::site::{MISSES, RETRY, Site};
use super::translate::Before;
use super::{Handler, Unit, handlers, width};
use crate::{helpers, numbers};
use capi::opcode as op;
use capi::refs::type_of;
use capi::sys::{self, PyObject};

/// The answer is an object.
const VALUE: u8 = 0;
/// A jump forward follows; the site's mask says for which orders it is taken.
const FORWARD: u8 = 1;
/// A jump backward.
const BACKWARD: u8 = 2;

/// Bits of an order: less, equal, greater, none of these.
const LESS: u32 = 1;
const EQUAL: u32 = 2;
const GREATER: u32 = 4;
const UNORDERED: u32 = 8;

/// For each comparison the orders that satisfy it.
const MASKS: [u8; 6] = [1, 3, 2, 13, 4, 6];

/// Units of `COMPARE_OP`.
const WIDTH: usize = width(op::COMPARE_OP);

#[inline(always)]
fn order_of_ints(x: i64, y: i64) -> u32 {
    1 << (i32::from(x > y) - i32::from(x < y) + 1)
}

#[inline(always)]
fn order_of_floats(x: f64, y: f64) -> u32 {
    if x < y {
        LESS
    } else if x > y {
        GREATER
    } else if x == y {
        EQUAL
    } else {
        UNORDERED
    }
}

/// Whether two exact strings are equal.
#[inline(always)]
unsafe fn same_text(a: *mut PyObject, b: *mut PyObject) -> bool {
    // SAFETY: ready strings, as all that a program gets.
    unsafe {
        if a == b {
            return true;
        }
        let (x, y) = (a.cast::<sys::PyASCIIObject>(), b.cast::<sys::PyASCIIObject>());
        if (*x).length != (*y).length || (*x).hash != -1 && (*y).hash != -1 && (*x).hash != (*y).hash {
            return false;
        }
        sys::_PyUnicode_EQ(a, b) != 0
    }
}

/// What comes of the order: a bool in the operands' place, or a jump.
#[inline(always)]
unsafe fn answer<const L: u8, const R: u8, const J: u8>(w: &mut Registers, order: u32) -> Option<*mut Unit> {
    // SAFETY: the machine's invariant; `specialise` saw the jump.
    unsafe {
        let at = w.ip.add(loads(L, R));
        let satisfied = u32::from((*at.add(1).cast::<Site>()).mask) & order != 0;
        let behind = at.add(WIDTH);
        if J == VALUE {
            let result = if satisfied { helpers::py_true() } else { helpers::py_false() };
            (*result).ob_refcnt += 1;
            put::<L, R>(w, result);
            return Some(behind);
        }
        let mut target = behind.add(1);
        if satisfied {
            if J == FORWARD {
                target = target.add((*behind).arg as usize);
            } else {
                target = w.count_turn(behind)?;
            }
        }
        w.shrink((L == STACK) as usize + (R == STACK) as usize);
        Some(target)
    }
}

handlers! {
    /// Two ints of one digit.
    fn ints<const L: u8, const R: u8, const J: u8>(w, arg) {
        let (a, b) = operands::<L, R>(&w, arg);
        if L == LOCAL && a.is_null() || R == LOCAL && b.is_null() || !is_int(a) || !is_int(b) {
            return plain::<L, R>(w, arg, miss);
        }
        let (Some(x), Some(y)) = (numbers::one_digit(a), numbers::one_digit(b)) else {
            return plain::<L, R>(w, arg, miss);
        };
        let Some(target) = answer::<L, R, J>(&mut w, order_of_ints(x, y)) else {
            return plain::<L, R>(w, arg, super::full);
        };
        if L == STACK {
            w.drop_int(a);
        }
        if R == STACK {
            w.drop_int(b);
        }
        w.go(target)
    }

    /// Two floats.
    fn floats<const L: u8, const R: u8, const J: u8>(w, arg) {
        let (a, b) = operands::<L, R>(&w, arg);
        if L == LOCAL && a.is_null() || R == LOCAL && b.is_null() || !is_float(a) || !is_float(b) {
            return plain::<L, R>(w, arg, miss);
        }
        let Some(target) = answer::<L, R, J>(&mut w, order_of_floats(float_value(a), float_value(b))) else {
            return plain::<L, R>(w, arg, super::full);
        };
        if L == STACK {
            w.drop_float(a);
        }
        if R == STACK {
            w.drop_float(b);
        }
        w.go(target)
    }

    /// Floats and ints of one digit in any mixture, on the stack.
    fn mixed<const J: u8>(w, arg) {
        let (b, a) = (w.peek(1), w.peek(2));
        let Some(x) = float_of(a) else { return w.instead(miss, arg) };
        let Some(y) = float_of(b) else { return w.instead(miss, arg) };
        let Some(target) = answer::<STACK, STACK, J>(&mut w, order_of_floats(x, y)) else {
            return w.full(arg);
        };
        w.drop_often_number(a);
        w.drop_often_number(b);
        w.go(target)
    }

    /// Two strings, for equality.
    fn texts<const L: u8, const R: u8, const J: u8>(w, arg) {
        let (a, b) = operands::<L, R>(&w, arg);
        let text = &raw mut sys::PyUnicode_Type;
        if L == LOCAL && a.is_null() || R == LOCAL && b.is_null() || type_of(a) != text || type_of(b) != text {
            return plain::<L, R>(w, arg, miss);
        }
        let order = if same_text(a, b) { EQUAL } else { LESS };
        let Some(target) = answer::<L, R, J>(&mut w, order) else {
            return plain::<L, R>(w, arg, super::full);
        };
        if L == STACK {
            w.drop(a);
        }
        if R == STACK {
            w.drop(b);
        }
        w.go(target)
    }

    /// Anything else: the objects' own comparison.
    fn any(w, arg) {
        if Site::is_time(w.ip, adaptive) {
            return w.instead(adaptive, arg);
        }
        let (b, a) = (w.peek(1), w.peek(2));
        let home = park(w);
        finish_two(home, sys::PyObject_RichCompare(a, b, arg as i32), WIDTH)
    }

    /// `COMPARE_OP` that has not been looked at.
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
            let mixture = MIXED[usize::from(jump_behind(w.ip).0)];
            let numbers = float_of(w.peek(1)).is_some() && float_of(w.peek(2)).is_some();
            if numbers && !std::ptr::fn_addr_eq(mixture, before) {
                (*w.ip).handler = mixture;
                (*w.cache::<Site>(1)).counter = MISSES;
            }
        }
        w.full(arg)
    }

    /// `CONTAINS_OP`
    fn contains_op(w, _invert) {
        let (container, o) = (w.peek(1), w.peek(2));
        let home = park(w);
        let found = if type_of(container) == &raw mut sys::PyDict_Type {
            sys::PyDict_Contains(container, o)
        } else {
            sys::PySequence_Contains(container, o)
        };
        if found < 0 {
            return failed(home, 2);
        }
        let result = if (found != 0) != ((*(*home).parked.ip).arg != 0) { helpers::py_true() } else { helpers::py_false() };
        (*result).ob_refcnt += 1;
        finish_two(home, result, 1)
    }
}

macro_rules! by_place {
    ($kind:ident, $jump:expr) => {
        |before| match before {
            Before::Other | Before::Copies => $kind::<STACK, STACK, { $jump }>,
            Before::Local => $kind::<STACK, LOCAL, { $jump }>,
            Before::Const => $kind::<STACK, CONST, { $jump }>,
            Before::LocalLocal => $kind::<LOCAL, LOCAL, { $jump }>,
            Before::LocalConst => $kind::<LOCAL, CONST, { $jump }>,
            Before::ConstLocal => $kind::<CONST, LOCAL, { $jump }>,
        }
    };
}

/// Handlers of a kind and what follows, by where the operands come from.
type Kind = fn(Before) -> Handler;

const INTS: [Kind; 3] = [by_place!(ints, VALUE), by_place!(ints, FORWARD), by_place!(ints, BACKWARD)];
const FLOATS: [Kind; 3] = [by_place!(floats, VALUE), by_place!(floats, FORWARD), by_place!(floats, BACKWARD)];
const TEXTS: [Kind; 3] = [by_place!(texts, VALUE), by_place!(texts, FORWARD), by_place!(texts, BACKWARD)];

const MIXED: [Handler; 3] = [mixed::<VALUE>, mixed::<FORWARD>, mixed::<BACKWARD>];

/// What follows the comparison, and for which truth it jumps.
unsafe fn jump_behind(at: *mut Unit) -> (u8, bool) {
    // SAFETY: another instruction follows.
    match super::jumps::condition(unsafe { *at.add(WIDTH) }) {
        None => (VALUE, true),
        Some((backward, when)) => (if backward { BACKWARD } else { FORWARD }, when),
    }
}

/// Finds handlers for operands like these.
#[cold]
#[inline(never)]
unsafe fn specialise(at: *mut Unit, a: *mut PyObject, b: *mut PyObject, arg: usize) {
    // SAFETY: the adaptive handler's unit; its operands are live; another instruction follows.
    unsafe {
        let site = at.add(1).cast::<Site>();
        (*site).counter = RETRY;
        (*at).handler = any;
        Site::join_loads(at);
        let text = &raw mut sys::PyUnicode_Type;
        let kinds = if is_int(a) && is_int(b) {
            if numbers::one_digit(a).is_none() || numbers::one_digit(b).is_none() {
                return;
            }
            INTS
        } else if is_float(a) && is_float(b) {
            FLOATS
        } else if type_of(a) == text && type_of(b) == text && matches!(arg as u32, sys::Py_EQ | sys::Py_NE) {
            TEXTS
        } else {
            return;
        };
        let mask = MASKS[arg];
        let (jump, when) = jump_behind(at);
        (*site).mask = if when { mask } else { !mask & 15 };
        let kind = kinds[usize::from(jump)];
        Site::place(at, kind);
    }
}
