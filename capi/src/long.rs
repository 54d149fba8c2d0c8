//! Exact ints: 30-bit digits to and from machine words, and the table of small ints.
//!
//! Called by the evaluator's arithmetic, by guards that unbox and by exits that box. Works on `int` and, for reading, on its
//! subclasses (`bool` too).
//!
//! ```text
//! ob_size: sign * number of digits (0 for 0)     ob_digit: least significant first, 30 bits each
//! ```

use crate::refs::incref;
use crate::sys::{
    _PY_NSMALLNEGINTS, _PY_NSMALLPOSINTS, _PyRuntime, Py_ssize_t, PyLong_FromLongLong, PyLongObject, PyObject,
};
use std::mem::offset_of;

/// `PyLong_SHIFT`: bits of a digit.
pub const DIGIT_BITS: u32 = 30;

/// `PyLong_MASK`.
pub const DIGIT_MASK: u64 = (1 << DIGIT_BITS) - 1;

/// Where the first digit lies in an int, in bytes.
pub const DIGITS_OFFSET: usize = offset_of!(PyLongObject, ob_digit);

/// The ints that exist once and for all.
pub const SMALL: std::ops::RangeInclusive<i64> = -(_PY_NSMALLNEGINTS as i64)..=_PY_NSMALLPOSINTS as i64 - 1;

/// The value if it has at most one digit (|value| < 2^30), which is the common case.
///
/// # Safety
/// `int` is a live int.
#[inline(always)]
pub unsafe fn as_one_digit(int: *mut PyObject) -> Option<i64> {
    // SAFETY: the caller guarantees an int; 0 has a readable (zero) digit in CPython 3.11 too.
    unsafe {
        let int: *mut PyLongObject = int.cast();
        let size = (*int).ob_base.ob_size as i64;
        ((size + 1) as u64 <= 2).then(|| size * i64::from((*int).ob_digit[0]))
    }
}

/// The value if it fits in 64 bits.
///
/// # Safety
/// `int` is a live int.
#[inline(always)]
pub unsafe fn as_i64(int: *mut PyObject) -> Option<i64> {
    // SAFETY: the caller guarantees an int, which has |ob_size| digits.
    unsafe {
        if let Some(value) = as_one_digit(int) {
            return Some(value);
        }
        let int: *mut PyLongObject = int.cast();
        let size = (*int).ob_base.ob_size;
        let digit = |i: usize| u64::from(*(&raw const (*int).ob_digit).cast::<u32>().add(i));
        let low = digit(0) | digit(1) << DIGIT_BITS;
        match size {
            2 => Some(low as i64),
            -2 => Some(-(low as i64)),
            3 | -3 => three_digits(low, digit(2), size < 0),
            _ => None,
        }
    }
}

#[inline]
fn three_digits(low: u64, high: u64, negative: bool) -> Option<i64> {
    // Bits 60 to 63.
    if high >= 16 {
        return None;
    }
    let magnitude = high << (2 * DIGIT_BITS) | low;
    if negative {
        // -2^63 included.
        (magnitude <= 1 << 63).then(|| (magnitude as i64).wrapping_neg())
    } else {
        i64::try_from(magnitude).ok()
    }
}

/// How many digits a value has; 0 for 0.
#[inline(always)]
pub fn digits_of(value: i64) -> usize {
    (64 - value.unsigned_abs().leading_zeros()).div_ceil(DIGIT_BITS) as usize
}

/// The address of a small int's object, which is never freed (no count is added); null if `value` is not one.
#[inline(always)]
pub fn small(value: i64) -> *mut PyObject {
    if !SMALL.contains(&value) {
        return std::ptr::null_mut();
    }
    let index = (value - *SMALL.start()) as usize;
    // SAFETY: the table has a place for each small int; only the address is taken.
    unsafe { (&raw mut _PyRuntime.global_objects.singletons.small_ints[index]).cast() }
}

/// The table of the small ints' objects, which begins with that of `SMALL.start()`: for whoever compiles the address of one.
pub fn small_table() -> *mut PyLongObject {
    small(*SMALL.start()).cast()
}

/// An int of this value (owned); null with `MemoryError` set.
///
/// # Safety
/// The GIL is held.
#[inline]
pub unsafe fn from_i64(value: i64) -> *mut PyObject {
    let object = small(value);
    // SAFETY: small ints always live; the GIL is held.
    unsafe {
        if object.is_null() {
            return PyLong_FromLongLong(value);
        }
        incref(object);
    }
    object
}

/// Writes size and digits of a value.
///
/// # Safety
/// `int` has room for `digits_of(value)` digits (one at least) and nobody else sees it.
#[inline(always)]
pub unsafe fn set_value(int: *mut PyLongObject, value: i64) {
    let mut rest = value.unsigned_abs();
    let count = digits_of(value);
    // SAFETY: the caller guarantees the room.
    unsafe {
        (*int).ob_base.ob_size = if value < 0 { -(count as Py_ssize_t) } else { count as Py_ssize_t };
        let digits: *mut u32 = (&raw mut (*int).ob_digit).cast();
        digits.write((rest & DIGIT_MASK) as u32);
        for i in 1..count {
            rest >>= DIGIT_BITS;
            digits.add(i).write((rest & DIGIT_MASK) as u32);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::{PyVarObject, digit};

    /// An int of four digits: `PyLongObject` has padding where the second one lies.
    #[repr(C)]
    struct Room {
        ob_base: PyVarObject,
        ob_digit: [digit; 4],
    }

    fn room(ob_size: Py_ssize_t, ob_digit: [digit; 4]) -> Room {
        let ob_base = PyObject { ob_refcnt: 1, ob_type: std::ptr::null_mut() };
        Room { ob_base: PyVarObject { ob_base, ob_size }, ob_digit }
    }

    #[test]
    fn each_machine_word_survives_the_way_through_digits() {
        let edges = (0..64).flat_map(|bit| {
            let power = 1u64 << bit;
            [power.wrapping_sub(1), power, power + 1].map(|value| value as i64)
        });
        for value in edges.flat_map(|value| [value, value.wrapping_neg()]) {
            let mut room = room(0, [0; 4]);
            // SAFETY: there is room for four digits.
            let read = unsafe {
                set_value((&raw mut room).cast(), value);
                as_i64((&raw mut room).cast())
            };
            assert_eq!(read, Some(value));
        }
    }

    #[test]
    fn more_than_64_bits_are_refused() {
        for (size, digits) in [(3, [0, 0, 8, 1]), (-3, [1, 0, 8, 1]), (-3, [0, 0, 16, 1]), (4, [0, 0, 0, 1])]
        {
            let mut room = room(size, digits);
            // SAFETY: four digits are there.
            assert_eq!(unsafe { as_i64((&raw mut room).cast()) }, None, "{size} {digits:?}");
        }
    }
}
