//! Ints and floats: reading, making and freeing them without a call where that matters.
//!
//! Ints of one digit, or of two where there is room, come from a bounded free list of ours (CPython 3.11 has none for ints); floats from
//! CPython's own.

use capi::refs::type_of;
use capi::sys::{self, PyLongObject, PyObject, PyThreadState};
use capi::tracemalloc;
use std::ptr;

/// Bits of a digit (`PyLong_SHIFT`).
const SHIFT: u32 = 30;
/// `-_PY_NSMALLNEGINTS`
const SMALL_LEAST: i64 = -5;
/// `_PY_NSMALLNEGINTS + _PY_NSMALLPOSINTS`
const SMALL_COUNT: u64 = 262;
/// How many dead ints are kept: enough for what an expression makes and drops. Each pins a whole arena of CPython's allocator after the
/// objects around it have died; with 200 a program that made and dropped many objects kept twice its memory.
const MOST_FREE: u32 = 5;
/// `PyFloat_MAXFREELIST`
const MOST_FREE_FLOATS: i32 = 100;

/// How many are made at once where none is left: few, since they may not be needed.
const REFILL_FLOATS: i32 = 5;

/// Whether several are made at once. Guarded by the GIL.
static mut REFILLS: bool = true;

/// From now on each number is made when it is needed: for comparing two processes by the addresses of their objects.
pub fn make_one_at_a_time() {
    // SAFETY: the GIL is held.
    unsafe { REFILLS = false };
}

/// How many digits there is room for in each dead int that is kept: 1 or 2. Guarded by the GIL.
static mut ROOM: u64 = 1;

/// Learns how large CPython's allocator makes an int of one digit.
///
/// # Safety
/// CPython is initialised; the GIL is held.
pub unsafe fn learn_room() {
    // SAFETY: by contract; the name is a static string or null.
    unsafe {
        let name = sys::_PyMem_GetCurrentAllocatorName();
        // Its blocks are multiples of 16 bytes, so one of 28 has 32; with debug hooks each has what was asked for.
        let is_pymalloc = !name.is_null() && std::ffi::CStr::from_ptr(name) == c"pymalloc";
        ROOM = if is_pymalloc { 2 } else { 1 };
    }
}

/// Dead ints, linked through `ob_type`. Guarded by the GIL.
static mut FREE: *mut PyObject = ptr::null_mut();
static mut FREE_COUNT: u32 = 0;

/// The value of an exact int if it fits.
///
/// # Safety
/// `o` is an exact int.
#[inline(always)]
pub unsafe fn int_value(o: *mut PyObject) -> Option<i64> {
    // SAFETY: by contract.
    unsafe {
        let long = o.cast::<PyLongObject>();
        let size = (*long).ob_base.ob_size as i64;
        let digit = i64::from((*long).ob_digit[0]);
        if (size + 1) as u64 <= 2 { Some(size * digit) } else { long_value(long) }
    }
}

/// The value of an exact int of 63 bits at most, without a call.
///
/// # Safety
/// `o` is an exact int.
#[inline(always)]
pub unsafe fn quick_value(o: *mut PyObject) -> Option<i64> {
    // SAFETY: by contract; an int has as many digits as its size says, and one at least.
    unsafe {
        if let Some(value) = one_digit(o) {
            return Some(value);
        }
        let long = o.cast::<PyLongObject>();
        let size = (*long).ob_base.ob_size;
        let count = size.unsigned_abs();
        let digits = (&raw const (*long).ob_digit).cast::<u32>();
        let mut magnitude = i64::from(*digits.add(1)) << SHIFT | i64::from(*digits);
        if count > 2 {
            let third = i64::from(*digits.add(2));
            if count > 3 || third >> (63 - 2 * SHIFT) != 0 {
                return None;
            }
            magnitude |= third << (2 * SHIFT);
        }
        Some(if size < 0 { -magnitude } else { magnitude })
    }
}

/// The value of an int of more than one digit if it fits.
#[inline(never)]
unsafe fn long_value(long: *mut PyLongObject) -> Option<i64> {
    // SAFETY: by the caller.
    unsafe {
        let size = (*long).ob_base.ob_size;
        let digits = (&raw const (*long).ob_digit).cast::<u32>();
        let count = size.unsigned_abs();
        if count > 3 {
            return None;
        }
        let mut magnitude = u128::from(*digits) | u128::from(*digits.add(1)) << SHIFT;
        if count == 3 {
            magnitude |= u128::from(*digits.add(2)) << (2 * SHIFT);
        }
        let value = if size < 0 { -(magnitude as i128) } else { magnitude as i128 };
        i64::try_from(value).ok()
    }
}

/// A new reference to an int; null with MemoryError set.
#[inline(always)]
pub fn new_int(value: i64) -> *mut PyObject {
    match quick_int(value) {
        Some(o) => o,
        // SAFETY: the GIL is held.
        None => unsafe { sys::PyLong_FromLongLong(value) },
    }
}

/// The value of an exact int of one digit at most.
///
/// # Safety
/// `o` is an exact int.
#[inline(always)]
pub unsafe fn one_digit(o: *mut PyObject) -> Option<i64> {
    // SAFETY: by contract.
    unsafe {
        let long = o.cast::<PyLongObject>();
        let size = (*long).ob_base.ob_size as i64;
        ((size + 1) as u64 <= 2).then(|| size * i64::from((*long).ob_digit[0]))
    }
}

/// The value of an exact int that has one digit at most.
///
/// # Safety
/// [`one_digit`] has an answer for `o`.
#[inline(always)]
pub unsafe fn digit(o: *mut PyObject) -> i64 {
    // SAFETY: by contract.
    unsafe {
        let long = o.cast::<PyLongObject>();
        (*long).ob_base.ob_size as i64 * i64::from((*long).ob_digit[0])
    }
}

/// A new reference to an int, unless that needs a call.
#[inline(always)]
pub fn quick_int(value: i64) -> Option<*mut PyObject> {
    // SAFETY: the GIL is held, so the free list is ours; small ints live for ever.
    unsafe {
        let small = value.wrapping_sub(SMALL_LEAST) as u64;
        if small < SMALL_COUNT {
            let table =
                (&raw mut sys::_PyRuntime.global_objects.singletons.small_ints).cast::<PyLongObject>();
            let o = table.add(small as usize).cast::<PyObject>();
            (*o).ob_refcnt += 1;
            return Some(o);
        }
        let free = FREE;
        if value.unsigned_abs() < 1 << SHIFT && !free.is_null() && !tracemalloc::is_on() {
            let long = take(free);
            (*long).ob_base.ob_size = if value < 0 { -1 } else { 1 };
            (*long).ob_digit[0] = value.unsigned_abs() as u32;
            return Some(free);
        }
    }
    None
}

/// Takes the first dead int from the list, to make a new one of; its size and digits are to be written.
///
/// # Safety
/// `free` is the first of the list; the GIL is held.
#[inline(always)]
unsafe fn take(free: *mut PyObject) -> *mut PyLongObject {
    // SAFETY: by contract.
    unsafe {
        FREE = (*free).ob_type.cast();
        FREE_COUNT -= 1;
        (*free).ob_refcnt = 1;
        (*free).ob_type = &raw mut sys::PyLong_Type;
    }
    free.cast()
}

/// A new reference to an int, of two digits too, unless that needs a call.
#[inline(always)]
pub fn quick_wide_int(value: i64) -> Option<*mut PyObject> {
    let narrow = quick_int(value);
    if narrow.is_some() {
        return narrow;
    }
    let magnitude = value.unsigned_abs();
    // SAFETY: as in `quick_int`; where there is room the second digit lies within the block.
    unsafe {
        let free = FREE;
        let two_digits = magnitude >> SHIFT != 0 && magnitude >> (2 * SHIFT) == 0;
        if !two_digits || free.is_null() || ROOM != 2 || tracemalloc::is_on() {
            return None;
        }
        let long = take(free);
        (*long).ob_base.ob_size = if value < 0 { -2 } else { 2 };
        let digits = (&raw mut (*long).ob_digit).cast::<u32>();
        *digits = magnitude as u32 & ((1 << SHIFT) - 1);
        *digits.add(1) = (magnitude >> SHIFT) as u32;
        Some(free)
    }
}

/// Is [`quick_int`] short of dead ints to make new ones of?
#[inline(always)]
pub fn lacks_ints() -> bool {
    // SAFETY: the GIL is held.
    unsafe { FREE.is_null() && REFILLS && !tracemalloc::is_on() }
}

/// Makes some more for [`quick_int`] where it lacks them. False when there is no memory.
#[cold]
#[inline(never)]
pub fn refill_ints() -> bool {
    // SAFETY: the GIL is held. What `free_digit` keeps is memory of Python's allocator, as large as an int of one digit.
    unsafe {
        for _ in FREE_COUNT..MOST_FREE {
            let o = sys::PyObject_Malloc(size_of::<PyLongObject>()).cast::<PyObject>();
            if o.is_null() {
                break;
            }
            keep(o);
        }
        FREE_COUNT != 0
    }
}

/// A new reference to a float, unless that needs a call.
///
/// # Safety
/// As [`new_float`].
#[inline(always)]
pub unsafe fn quick_float(tstate: *mut PyThreadState, value: f64) -> Option<*mut PyObject> {
    // SAFETY: by contract; the list is CPython's own, linked through `ob_type`.
    unsafe {
        let state = &raw mut (*(*tstate).interp).float_state;
        let free = (*state).free_list;
        if free.is_null() || tracemalloc::is_on() {
            return None;
        }
        (*state).free_list = (*free).ob_base.ob_type.cast();
        (*state).numfree -= 1;
        (*free).ob_base.ob_refcnt = 1;
        (*free).ob_base.ob_type = &raw mut sys::PyFloat_Type;
        (*free).ob_fval = value;
        Some(free.cast())
    }
}

/// Is [`quick_float`] short of dead floats to make new ones of?
///
/// # Safety
/// As [`new_float`].
#[inline(always)]
pub unsafe fn lacks_floats(tstate: *mut PyThreadState) -> bool {
    // SAFETY: by contract.
    unsafe { (*(*tstate).interp).float_state.free_list.is_null() && REFILLS && !tracemalloc::is_on() }
}

/// Makes some more for [`quick_float`] where it lacks them. False when there is no memory.
///
/// # Safety
/// As [`new_float`].
#[cold]
#[inline(never)]
pub unsafe fn refill_floats(tstate: *mut PyThreadState) -> bool {
    // SAFETY: by contract. What CPython's list keeps is memory of Python's allocator, as large as a float.
    unsafe {
        let state = &raw mut (*(*tstate).interp).float_state;
        for _ in (*state).numfree..REFILL_FLOATS {
            let o = sys::PyObject_Malloc(size_of::<sys::PyFloatObject>()).cast::<PyObject>();
            if o.is_null() {
                break;
            }
            free_float(tstate, o);
        }
        !(*state).free_list.is_null()
    }
}

/// A new reference to a float; null with MemoryError set.
///
/// # Safety
/// `tstate` is the running thread's; the GIL is held.
#[inline(always)]
pub unsafe fn new_float(tstate: *mut PyThreadState, value: f64) -> *mut PyObject {
    // SAFETY: by contract.
    unsafe {
        match quick_float(tstate, value) {
            Some(o) => o,
            None => sys::PyFloat_FromDouble(value),
        }
    }
}

/// Frees a dead float by keeping it; false when enough are kept.
///
/// # Safety
/// The count of `o`, an exact float, is 0; `tstate` is the running thread's; the GIL is held.
#[inline(always)]
pub unsafe fn free_float(tstate: *mut PyThreadState, o: *mut PyObject) -> bool {
    // SAFETY: by contract; the list is CPython's own.
    unsafe {
        let state = &raw mut (*(*tstate).interp).float_state;
        if (*state).numfree >= MOST_FREE_FLOATS {
            return false;
        }
        (*o).ob_type = (*state).free_list.cast();
        (*state).free_list = o.cast();
        (*state).numfree += 1;
        true
    }
}

/// Frees a dead int by keeping it; false when enough are kept, or where tracemalloc counts what is not freed.
///
/// # Safety
/// The count of `o`, an exact int of one digit, or of two where there is room, is 0; the GIL is held.
#[inline(always)]
pub unsafe fn free_digit(o: *mut PyObject) -> bool {
    // SAFETY: by contract.
    unsafe {
        let keeps = FREE_COUNT < MOST_FREE && !tracemalloc::is_on();
        if keeps {
            keep(o);
        }
        keeps
    }
}

/// # Safety
/// `o` is memory of Python's allocator that nobody uses, as large as an int of one digit, or of two where there is room; the GIL is held.
#[inline(always)]
unsafe fn keep(o: *mut PyObject) {
    // SAFETY: by contract.
    unsafe {
        (*o).ob_type = FREE.cast();
        FREE = o;
        FREE_COUNT += 1;
    }
}

/// An exact int or float?
///
/// # Safety
/// `o` is live.
#[inline(always)]
pub unsafe fn is_number(o: *mut PyObject) -> bool {
    // SAFETY: by contract.
    unsafe {
        let ty = type_of(o);
        ty == &raw mut sys::PyFloat_Type || ty == &raw mut sys::PyLong_Type
    }
}

/// Frees a dead int or float by keeping it for later; false when it is neither, or there is no room.
///
/// # Safety
/// Nobody else has a reference to `o`; `tstate` is the running thread's; the GIL is held.
#[inline(always)]
pub unsafe fn keep_number(tstate: *mut PyThreadState, o: *mut PyObject) -> bool {
    // SAFETY: by contract.
    unsafe {
        let ty = type_of(o);
        if ty == &raw mut sys::PyFloat_Type {
            free_float(tstate, o)
        } else {
            // Ints have a digit at least.
            let fits = ty == &raw mut sys::PyLong_Type
                && (*o.cast::<PyLongObject>()).ob_base.ob_size.unsigned_abs() as u64 <= ROOM;
            fits && free_digit(o)
        }
    }
}

/// Frees a dead int or float, keeping it for later where there is room; false when it is neither.
///
/// # Safety
/// As [`keep_number`].
#[inline(always)]
pub unsafe fn free_number(tstate: *mut PyThreadState, o: *mut PyObject) -> bool {
    // SAFETY: by contract; the deallocator of both types gives exact ones back to Python's allocator and does nothing else.
    unsafe {
        if keep_number(tstate, o) {
            return true;
        }
        let number = is_number(o);
        if number {
            sys::PyObject_Free(o.cast());
        }
        number
    }
}

/// Frees an object whose last reference went.
///
/// # Safety
/// As [`free_number`].
#[inline(never)]
pub unsafe fn dealloc(tstate: *mut PyThreadState, o: *mut PyObject) {
    // SAFETY: by contract.
    unsafe {
        if !free_number(tstate, o) {
            call_dealloc(o);
        }
    }
}

/// What `_Py_Dealloc` does: the type's function frees the object.
///
/// # Safety
/// The count of `o` is 0; the GIL is held. Runs any code.
#[inline(always)]
pub unsafe fn call_dealloc(o: *mut PyObject) {
    // SAFETY: by contract; every type has the function.
    unsafe { (*type_of(o)).tp_dealloc.unwrap_unchecked()(o) }
}

/// Python's `//`.
#[inline(always)]
pub fn floor_div(a: i64, b: i64) -> i64 {
    let quotient = a.wrapping_div(b);
    if a.wrapping_rem(b) != 0 && (a < 0) != (b < 0) { quotient - 1 } else { quotient }
}

/// Python's `%`.
#[inline(always)]
pub fn floor_mod(a: i64, b: i64) -> i64 {
    let rest = a.wrapping_rem(b);
    if rest != 0 && (rest < 0) != (b < 0) { rest + b } else { rest }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn division_rounds_down_and_the_rest_has_the_divisors_sign() {
        for (a, b, quotient, rest) in
            [(7, 2, 3, 1), (-7, 2, -4, 1), (7, -2, -4, -1), (-7, -2, 3, -1), (6, 3, 2, 0), (-6, 3, -2, 0)]
        {
            assert_eq!((floor_div(a, b), floor_mod(a, b)), (quotient, rest), "{a} {b}");
        }
    }
}
