//! The helpers that opcodes call, one row each, and the bodies of those that libpython does not export as they are.
//!
//! Called through `Machine::call_…` only. A body must never touch the evaluator's state; what it needs of the frame it
//! gets as `Arg::Frame`. A new helper is one line in the table below:
//!
//! ```ignore
//! ITER_NEXT = iter_next, (Obj) -> Obj, RunsPython;
//! ```

use crate::helper::{Effect, Helper, Kind};
use capi::refs::{decref, new_ref, type_of, xdecref};
use capi::sys::{self, PyObject};
use std::ffi::c_int;
use std::ptr;

macro_rules! helpers {
    (@int32 Int32) => { true };
    (@int32 $other:ident) => { false };
    (@kind Int32) => { Kind::Int };
    (@kind $kind:ident) => { Kind::$kind };
    ($( $(#[$doc:meta])* $name:ident = $function:path, ($($arg:ident),*) -> $result:ident, $effect:ident; )*) => {
        $( $(#[$doc])* pub static $name: Helper = Helper {
            name: stringify!($name),
            address: $function as *const (),
            args: &[$(helpers!(@kind $arg)),*],
            result: helpers!(@kind $result),
            int32: helpers!(@int32 $result),
            effect: Effect::$effect,
        }; )*
        /// All helpers.
        pub fn all() -> &'static [&'static Helper] {
            static ALL: &[&Helper] = &[ $( &$name, )* ];
            ALL
        }
    };
}

helpers! {
    /// `+`
    NUMBER_ADD = sys::PyNumber_Add, (Obj, Obj) -> Obj, RunsPython;
    /// `&`
    NUMBER_AND = sys::PyNumber_And, (Obj, Obj) -> Obj, RunsPython;
    /// `//`
    NUMBER_FLOOR_DIVIDE = sys::PyNumber_FloorDivide, (Obj, Obj) -> Obj, RunsPython;
    /// `<<`
    NUMBER_LSHIFT = sys::PyNumber_Lshift, (Obj, Obj) -> Obj, RunsPython;
    /// `@`
    NUMBER_MATRIX_MULTIPLY = sys::PyNumber_MatrixMultiply, (Obj, Obj) -> Obj, RunsPython;
    /// `*`
    NUMBER_MULTIPLY = sys::PyNumber_Multiply, (Obj, Obj) -> Obj, RunsPython;
    /// `%`
    NUMBER_REMAINDER = sys::PyNumber_Remainder, (Obj, Obj) -> Obj, RunsPython;
    /// `|`
    NUMBER_OR = sys::PyNumber_Or, (Obj, Obj) -> Obj, RunsPython;
    /// `**`
    NUMBER_POWER = power, (Obj, Obj) -> Obj, RunsPython;
    /// `>>`
    NUMBER_RSHIFT = sys::PyNumber_Rshift, (Obj, Obj) -> Obj, RunsPython;
    /// `-`
    NUMBER_SUBTRACT = sys::PyNumber_Subtract, (Obj, Obj) -> Obj, RunsPython;
    /// `/`
    NUMBER_TRUE_DIVIDE = sys::PyNumber_TrueDivide, (Obj, Obj) -> Obj, RunsPython;
    /// `^`
    NUMBER_XOR = sys::PyNumber_Xor, (Obj, Obj) -> Obj, RunsPython;
    /// `+=`
    NUMBER_INPLACE_ADD = sys::PyNumber_InPlaceAdd, (Obj, Obj) -> Obj, RunsPython;
    /// `&=`
    NUMBER_INPLACE_AND = sys::PyNumber_InPlaceAnd, (Obj, Obj) -> Obj, RunsPython;
    /// `//=`
    NUMBER_INPLACE_FLOOR_DIVIDE = sys::PyNumber_InPlaceFloorDivide, (Obj, Obj) -> Obj, RunsPython;
    /// `<<=`
    NUMBER_INPLACE_LSHIFT = sys::PyNumber_InPlaceLshift, (Obj, Obj) -> Obj, RunsPython;
    /// `@=`
    NUMBER_INPLACE_MATRIX_MULTIPLY = sys::PyNumber_InPlaceMatrixMultiply, (Obj, Obj) -> Obj, RunsPython;
    /// `*=`
    NUMBER_INPLACE_MULTIPLY = sys::PyNumber_InPlaceMultiply, (Obj, Obj) -> Obj, RunsPython;
    /// `%=`
    NUMBER_INPLACE_REMAINDER = sys::PyNumber_InPlaceRemainder, (Obj, Obj) -> Obj, RunsPython;
    /// `|=`
    NUMBER_INPLACE_OR = sys::PyNumber_InPlaceOr, (Obj, Obj) -> Obj, RunsPython;
    /// `**=`
    NUMBER_INPLACE_POWER = inplace_power, (Obj, Obj) -> Obj, RunsPython;
    /// `>>=`
    NUMBER_INPLACE_RSHIFT = sys::PyNumber_InPlaceRshift, (Obj, Obj) -> Obj, RunsPython;
    /// `-=`
    NUMBER_INPLACE_SUBTRACT = sys::PyNumber_InPlaceSubtract, (Obj, Obj) -> Obj, RunsPython;
    /// `/=`
    NUMBER_INPLACE_TRUE_DIVIDE = sys::PyNumber_InPlaceTrueDivide, (Obj, Obj) -> Obj, RunsPython;
    /// `^=`
    NUMBER_INPLACE_XOR = sys::PyNumber_InPlaceXor, (Obj, Obj) -> Obj, RunsPython;
    /// `+x`
    NUMBER_POSITIVE = sys::PyNumber_Positive, (Obj) -> Obj, RunsPython;
    /// `-x`
    NUMBER_NEGATIVE = sys::PyNumber_Negative, (Obj) -> Obj, RunsPython;
    /// `~x`
    NUMBER_INVERT = sys::PyNumber_Invert, (Obj) -> Obj, RunsPython;
    /// `abs(x)`
    NUMBER_ABSOLUTE = sys::PyNumber_Absolute, (Obj) -> Obj, RunsPython;
    /// The sum of two exact ints of any size.
    INT_ADD = sys::PyNumber_Add, (Obj, Obj) -> Obj, Memory;
    /// The difference of two exact ints of any size.
    INT_SUBTRACT = sys::PyNumber_Subtract, (Obj, Obj) -> Obj, Memory;
    /// The product of two exact ints of any size.
    INT_MULTIPLY = sys::PyNumber_Multiply, (Obj, Obj) -> Obj, Memory;
    /// Float `%`, divisor not zero.
    FLOAT_MOD = float_mod, (Float, Float) -> Float, Pure;
    /// Float `//`, divisor not zero.
    FLOAT_FLOOR_DIVIDE = float_floor_divide, (Float, Float) -> Float, Pure;
    /// C's `pow`, base above zero.
    FLOAT_POW = libm::pow, (Float, Float) -> Float, Pure;
    /// `math.sin`
    MATH_SIN = libm::sin, (Float) -> Float, Pure;
    /// `math.cos`
    MATH_COS = libm::cos, (Float) -> Float, Pure;
    /// `math.tan`
    MATH_TAN = libm::tan, (Float) -> Float, Pure;
    /// `math.exp`
    MATH_EXP = libm::exp, (Float) -> Float, Pure;
    /// `math.log` of one argument
    MATH_LOG = libm::log, (Float) -> Float, Pure;
    /// `math.atan`
    MATH_ATAN = libm::atan, (Float) -> Float, Pure;
    /// `math.atan2`
    MATH_ATAN2 = libm::atan2, (Float, Float) -> Float, Pure;
    /// C's `floor`
    MATH_FLOOR = libm::floor, (Float) -> Float, Pure;
    /// C's `ceil`
    MATH_CEIL = libm::ceil, (Float) -> Float, Pure;
    /// A rich comparison; the third argument is its number.
    RICH_COMPARE = rich_compare, (Obj, Obj, Ptr) -> Obj, RunsPython;
    /// Whether two exact strings are equal: 1 or 0.
    STR_EQUAL = sys::_PyUnicode_EQ, (Obj, Obj) -> Int32, Memory;
    /// The truth of any object: 1, 0, or -1 with an exception set.
    OBJECT_IS_TRUE = sys::PyObject_IsTrue, (Obj) -> Int32, RunsPython;
    /// The truth of an exact str, dict or other object whose truth is asked without running Python.
    BUILTIN_IS_TRUE = sys::PyObject_IsTrue, (Obj) -> Int32, Memory;
    /// `value in container`, arguments in this order: container, value.
    CONTAINS = sys::PySequence_Contains, (Obj, Obj) -> Int32, RunsPython;
    /// `iter(x)`
    GET_ITER = sys::PyObject_GetIter, (Obj) -> Obj, RunsPython;
    /// The iterator of an exact range, list or tuple.
    GET_BUILTIN_ITER = sys::PyObject_GetIter, (Obj) -> Obj, Memory;
    /// The next value; the sentinel [`exhausted`] at the end; null with an exception.
    ITER_NEXT = iter_next, (Obj) -> Obj, RunsPython;
    /// The GC goes on watching a tuple that it had let go.
    GC_TRACK = gc_track, (Obj) -> Int, Memory;
    /// `container[key]`
    GET_ITEM = sys::PyObject_GetItem, (Obj, Obj) -> Obj, RunsPython;
    /// `container[key] = value`
    SET_ITEM = sys::PyObject_SetItem, (Obj, Obj, Obj) -> Int32, RunsPython;
    /// `del container[key]`
    DEL_ITEM = sys::PyObject_DelItem, (Obj, Obj) -> Int32, RunsPython;
    /// `dict[key]` of an exact dict.
    DICT_GET = dict_get, (Obj, Obj) -> Obj, RunsPython;
    /// `dict[key]` of an exact dict with an exact str or int key (a KeyError is all that may happen, unless the dict has odd keys).
    DICT_SET = sys::PyDict_SetItem, (Obj, Obj, Obj) -> Int32, RunsPython;
    /// `list[start:stop:step]` of an exact list; the step is not 0.
    LIST_SLICE = list_slice, (Obj, Int, Int, Int) -> Obj, RunsPython;
    /// `list[start:stop] = value` of an exact list; a null value deletes: list, start, stop, value.
    LIST_SET_SLICE = list_set_slice, (Obj, Int, Int, Obj) -> Int32, RunsPython;
    /// `text[start:stop]` of an exact str.
    STR_SLICE = str_slice, (Obj, Int, Int) -> Obj, Memory;
    /// `tuple[start:stop]` of an exact tuple.
    TUPLE_SLICE = tuple_slice, (Obj, Int, Int) -> Obj, RunsPython;
    /// `container[start:stop:step]` of an exact str or tuple: container, start, stop, step.
    GET_SLICE = get_slice, (Obj, Obj, Obj, Obj) -> Obj, RunsPython;
    /// `list.pop(index)` of an exact list, the index in range and counted from the start.
    LIST_POP = list_pop, (Obj, Int) -> Obj, Memory;
    /// `list.insert(index, value)` of an exact list, which takes a reference of its own.
    LIST_INSERT = sys::PyList_Insert, (Obj, Int, Obj) -> Int32, Memory;
    /// A C function without arguments: thread, function, self.
    C_NO_ARGUMENTS = c_no_arguments, (Ptr, Ptr, Obj) -> Obj, RunsPython;
    /// A C function of one argument: thread, function, self, argument.
    C_ONE_ARGUMENT = c_one_argument, (Ptr, Ptr, Obj, Obj) -> Obj, RunsPython;
    /// A C function of an array of no arguments: function, self.
    C_FAST_0 = c_fast_0, (Ptr, Obj) -> Obj, RunsPython;
    /// A C function of an array of one argument: function, self, argument.
    C_FAST_1 = c_fast_1, (Ptr, Obj, Obj) -> Obj, RunsPython;
    /// A C function of an array of two arguments: function, self, arguments.
    C_FAST_2 = c_fast_2, (Ptr, Obj, Obj, Obj) -> Obj, RunsPython;
    /// Appends to an exact list; the list takes a reference of its own.
    LIST_APPEND = sys::PyList_Append, (Obj, Obj) -> Int32, Memory;
    /// `list.extend` as `*` in displays does it; the list, any iterable.
    LIST_EXTEND = list_extend, (Obj, Obj) -> Int32, RunsPython;
    /// A tuple of a list's items.
    LIST_AS_TUPLE = sys::PyList_AsTuple, (Obj) -> Obj, RunsPython;
    /// `slice(start, stop, step)`; a null step means None.
    NEW_SLICE = sys::PySlice_New, (Obj, Obj, Obj) -> Obj, RunsPython;
    /// Unpacks any iterable into a tuple of exactly `n` values: iterable, `n`.
    UNPACK = unpack, (Obj, Ptr) -> Obj, RunsPython;
    /// `getattr(o, name)`
    GET_ATTR = sys::PyObject_GetAttr, (Obj, Obj) -> Obj, RunsPython;
    /// `setattr(o, name, value)`
    SET_ATTR = sys::PyObject_SetAttr, (Obj, Obj, Obj) -> Int32, RunsPython;
    /// Sets inline value `index` that was unset: object, index, value.
    INSTANCE_INSERT = instance_insert, (Obj, Ptr, Obj) -> Int, Memory;
    /// A global or builtin: frame, name.
    LOAD_GLOBAL = load_global, (Ptr, Obj) -> Obj, RunsPython;
    /// A name of a module or class body: frame, name.
    LOAD_NAME = load_name, (Ptr, Obj) -> Obj, RunsPython;
    /// Assigns a name of a module or class body: frame, name, value.
    STORE_NAME = store_name, (Ptr, Obj, Obj) -> Int32, RunsPython;
    /// Raises UnboundLocalError: thread, code, index of the local.
    RAISE_UNBOUND_LOCAL = raise_unbound_local, (Ptr, Ptr, Ptr) -> Int, Memory;
    /// Raises the error of an empty cell: thread, code, index.
    RAISE_UNBOUND_CELL = raise_unbound_cell, (Ptr, Ptr, Ptr) -> Int, Memory;
    /// A new cell that holds the object (or null).
    NEW_CELL = sys::PyCell_New, (Obj) -> Obj, Memory;
    /// `format(value, spec)`; a null spec means none.
    FORMAT = sys::PyObject_Format, (Obj, Obj) -> Obj, RunsPython;
    /// `str(x)`
    STR = sys::PyObject_Str, (Obj) -> Obj, RunsPython;
    /// `repr(x)`
    REPR = sys::PyObject_Repr, (Obj) -> Obj, RunsPython;
    /// `ascii(x)`
    ASCII = sys::PyObject_ASCII, (Obj) -> Obj, RunsPython;
    /// Joins two exact strings.
    STR_CONCAT = sys::PyUnicode_Concat, (Obj, Obj) -> Obj, Memory;
    /// Joins an array of exact strings: array, length.
    JOIN_STRINGS = join_strings, (Ptr, Ptr) -> Obj, Memory;
    /// `f(*args, **kwargs)`: function, tuple, dict or null.
    CALL_EX = sys::PyObject_Call, (Obj, Obj, Obj) -> Obj, RunsPython;
    /// The tuple of `*args`: function (for the message), iterable.
    ARGS_TUPLE = args_tuple, (Obj, Obj) -> Obj, RunsPython;
    /// The dict of `**kwargs`: function (for the message), mapping.
    KWARGS_DICT = kwargs_dict, (Obj, Obj) -> Obj, RunsPython;
}

/// The helpers of `BINARY_OP`, by its argument (`NB_…`).
pub static BINARY: [&Helper; 26] = [
    &NUMBER_ADD,
    &NUMBER_AND,
    &NUMBER_FLOOR_DIVIDE,
    &NUMBER_LSHIFT,
    &NUMBER_MATRIX_MULTIPLY,
    &NUMBER_MULTIPLY,
    &NUMBER_REMAINDER,
    &NUMBER_OR,
    &NUMBER_POWER,
    &NUMBER_RSHIFT,
    &NUMBER_SUBTRACT,
    &NUMBER_TRUE_DIVIDE,
    &NUMBER_XOR,
    &NUMBER_INPLACE_ADD,
    &NUMBER_INPLACE_AND,
    &NUMBER_INPLACE_FLOOR_DIVIDE,
    &NUMBER_INPLACE_LSHIFT,
    &NUMBER_INPLACE_MATRIX_MULTIPLY,
    &NUMBER_INPLACE_MULTIPLY,
    &NUMBER_INPLACE_REMAINDER,
    &NUMBER_INPLACE_OR,
    &NUMBER_INPLACE_POWER,
    &NUMBER_INPLACE_RSHIFT,
    &NUMBER_INPLACE_SUBTRACT,
    &NUMBER_INPLACE_TRUE_DIVIDE,
    &NUMBER_INPLACE_XOR,
];

/// C's mathematical functions.
pub mod libm {
    unsafe extern "C" {
        /// See C.
        pub safe fn pow(x: f64, y: f64) -> f64;
        /// See C.
        pub safe fn fmod(x: f64, y: f64) -> f64;
        /// See C.
        pub safe fn sin(x: f64) -> f64;
        /// See C.
        pub safe fn cos(x: f64) -> f64;
        /// See C.
        pub safe fn tan(x: f64) -> f64;
        /// See C.
        pub safe fn exp(x: f64) -> f64;
        /// See C.
        pub safe fn log(x: f64) -> f64;
        /// See C.
        pub safe fn atan(x: f64) -> f64;
        /// See C.
        pub safe fn atan2(y: f64, x: f64) -> f64;
        /// See C.
        pub safe fn floor(x: f64) -> f64;
        /// See C.
        pub safe fn ceil(x: f64) -> f64;
    }
}

/// `None`
pub fn none() -> *mut PyObject {
    &raw mut sys::_Py_NoneStruct
}
/// `True`
pub fn py_true() -> *mut PyObject {
    (&raw mut sys::_Py_TrueStruct).cast()
}
/// `False`
pub fn py_false() -> *mut PyObject {
    (&raw mut sys::_Py_FalseStruct).cast()
}

/// What [`ITER_NEXT`] answers at the end of an iterator: an object that no program can get as a value (its own count is
/// never touched).
pub fn exhausted() -> *mut PyObject {
    struct Sentinel(std::cell::UnsafeCell<PyObject>);
    // SAFETY: only its address is used.
    unsafe impl Sync for Sentinel {}
    static SENTINEL: Sentinel =
        Sentinel(std::cell::UnsafeCell::new(PyObject { ob_refcnt: 1 << 40, ob_type: ptr::null_mut() }));
    SENTINEL.0.get()
}

unsafe extern "C" fn power(a: *mut PyObject, b: *mut PyObject) -> *mut PyObject {
    // SAFETY: called as a helper, with live objects.
    unsafe { sys::PyNumber_Power(a, b, none()) }
}

unsafe extern "C" fn inplace_power(a: *mut PyObject, b: *mut PyObject) -> *mut PyObject {
    // SAFETY: called as a helper, with live objects.
    unsafe { sys::PyNumber_InPlacePower(a, b, none()) }
}

/// `float_rem` of Objects/floatobject.c.
extern "C" fn float_mod(x: f64, y: f64) -> f64 {
    let r = libm::fmod(x, y);
    if r == 0.0 {
        0f64.copysign(y)
    } else if (y < 0.0) != (r < 0.0) {
        r + y
    } else {
        r
    }
}

/// `_float_div_mod` of Objects/floatobject.c.
extern "C" fn float_floor_divide(x: f64, y: f64) -> f64 {
    let r = libm::fmod(x, y);
    let mut quotient = (x - r) / y;
    // NaN is "not zero" in C's `if (mod)`.
    if r != 0.0 && (y < 0.0) != (r < 0.0) {
        quotient -= 1.0;
    }
    if quotient == 0.0 {
        return 0f64.copysign(x / y);
    }
    let floor = libm::floor(quotient);
    if quotient - floor > 0.5 { floor + 1.0 } else { floor }
}

unsafe extern "C" fn rich_compare(a: *mut PyObject, b: *mut PyObject, op: usize) -> *mut PyObject {
    // SAFETY: called as a helper, with live objects; `op` is one of the six comparisons.
    unsafe { sys::PyObject_RichCompare(a, b, op as c_int) }
}

unsafe extern "C" fn iter_next(iterator: *mut PyObject) -> *mut PyObject {
    // SAFETY: called as a helper, with a live iterator (GET_ITER checked that it has tp_iternext).
    unsafe {
        let next = (*type_of(iterator)).tp_iternext.unwrap_unchecked()(iterator);
        if next.is_null() { end_of_iteration() } else { next }
    }
}

unsafe extern "C" fn gc_track(o: *mut PyObject) -> i64 {
    // SAFETY: called as a helper, with a live object of a GC type that is not tracked.
    unsafe { sys::PyObject_GC_Track(o.cast()) };
    0
}

#[cold]
unsafe fn end_of_iteration() -> *mut PyObject {
    // SAFETY: the thread holds the GIL.
    unsafe {
        if !sys::PyErr_Occurred().is_null() {
            if sys::PyErr_ExceptionMatches(sys::PyExc_StopIteration) == 0 {
                return ptr::null_mut();
            }
            sys::PyErr_Clear();
        }
        exhausted()
    }
}

unsafe extern "C" fn dict_get(dict: *mut PyObject, key: *mut PyObject) -> *mut PyObject {
    // SAFETY: called as a helper, with an exact dict and a live key.
    unsafe {
        let value = sys::PyDict_GetItemWithError(dict, key);
        if !value.is_null() {
            return new_ref(value);
        }
        if sys::PyErr_Occurred().is_null() {
            sys::_PyErr_SetKeyError(key);
        }
        ptr::null_mut()
    }
}

/// Extends a list as `*` in displays does; a message names what is not iterable.
///
/// # Safety
/// An exact list, a live object; the GIL is held.
pub(crate) unsafe extern "C" fn list_extend(list: *mut PyObject, iterable: *mut PyObject) -> c_int {
    // SAFETY: called as a helper, with an exact list and a live object.
    unsafe {
        let none = sys::_PyList_Extend(list.cast(), iterable);
        if !none.is_null() {
            decref(none);
            return 0;
        }
        let ty = type_of(iterable);
        if sys::PyErr_ExceptionMatches(sys::PyExc_TypeError) != 0
            && (*ty).tp_iter.is_none()
            && sys::PySequence_Check(iterable) == 0
        {
            sys::PyErr_Clear();
            sys::PyErr_Format(
                sys::PyExc_TypeError,
                c"Value after * must be an iterable, not %.200s".as_ptr(),
                (*ty).tp_name,
            );
        }
        -1
    }
}

/// `PySlice_AdjustIndices`: start, stop, and how many items there are.
fn adjust(len: i64, start: i64, stop: i64, step: i64) -> (i64, i64, i64) {
    let clamp = |i: i64| {
        if i < 0 {
            let from_start = i.saturating_add(len);
            if from_start < 0 { if step < 0 { -1 } else { 0 } } else { from_start }
        } else if i >= len {
            if step < 0 { len - 1 } else { len }
        } else {
            i
        }
    };
    let (start, stop) = (clamp(start), clamp(stop));
    let count = if step < 0 {
        if stop < start { (start - stop - 1) / -step + 1 } else { 0 }
    } else if start < stop {
        (stop - start - 1) / step + 1
    } else {
        0
    };
    (start, stop, count)
}

/// `list_subscript` of Objects/listobject.c.
unsafe extern "C" fn list_slice(list: *mut PyObject, start: i64, stop: i64, step: i64) -> *mut PyObject {
    // SAFETY: called as a helper, with an exact list.
    unsafe {
        let step = step.max(-i64::MAX);
        let (start, stop, count) = adjust(size_of_sequence(list) as i64, start, stop, step);
        if count <= 0 {
            return sys::PyList_New(0);
        }
        if step == 1 {
            return sys::PyList_GetSlice(list, start as isize, stop as isize);
        }
        let result = sys::PyList_New(count as isize);
        if result.is_null() {
            return result;
        }
        let from = (*list.cast::<sys::PyListObject>()).ob_item.offset(start as isize);
        let to = (*result.cast::<sys::PyListObject>()).ob_item;
        for i in 0..count as isize {
            *to.offset(i) = new_ref(*from.offset(i * step as isize));
        }
        result
    }
}

unsafe extern "C" fn list_set_slice(
    list: *mut PyObject,
    start: i64,
    stop: i64,
    value: *mut PyObject,
) -> c_int {
    // SAFETY: called as a helper, with an exact list and a live value or null.
    unsafe {
        let (start, stop, _) = adjust(size_of_sequence(list) as i64, start, stop, 1);
        sys::PyList_SetSlice(list, start as isize, stop as isize, value)
    }
}

/// `unicode_subscript` of Objects/unicodeobject.c.
unsafe extern "C" fn str_slice(text: *mut PyObject, start: i64, stop: i64) -> *mut PyObject {
    // SAFETY: called as a helper, with an exact, ready str.
    unsafe {
        let len = (*text.cast::<sys::PyASCIIObject>()).length as i64;
        let (start, stop, _) = adjust(len, start, stop, 1);
        sys::PyUnicode_Substring(text, start as isize, stop as isize)
    }
}

/// `tuplesubscript` of Objects/tupleobject.c.
unsafe extern "C" fn tuple_slice(tuple: *mut PyObject, start: i64, stop: i64) -> *mut PyObject {
    // SAFETY: called as a helper, with an exact tuple.
    unsafe {
        let (start, stop, _) = adjust(size_of_sequence(tuple) as i64, start, stop, 1);
        sys::PyTuple_GetSlice(tuple, start as isize, stop as isize)
    }
}

unsafe extern "C" fn get_slice(
    container: *mut PyObject,
    start: *mut PyObject,
    stop: *mut PyObject,
    step: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: called as a helper, with live objects.
    unsafe {
        let slice = sys::PySlice_New(start, stop, step);
        if slice.is_null() {
            return slice;
        }
        let result = sys::PyObject_GetItem(container, slice);
        decref(slice);
        result
    }
}

/// `list_pop_impl` of Objects/listobject.c.
unsafe extern "C" fn list_pop(list: *mut PyObject, index: i64) -> *mut PyObject {
    // SAFETY: called as a helper, with an exact list that has such an item.
    unsafe {
        let object = list.cast::<sys::PyListObject>();
        let left = (*object).ob_base.ob_size - 1;
        let slot = (*object).ob_item.offset(index as isize);
        let item = *slot;
        if left >= (*object).allocated >> 1 {
            // No smaller array yet (`list_resize`).
            ptr::copy(slot.add(1), slot, left as usize - index as usize);
            (*object).ob_base.ob_size = left;
            return item;
        }
        let item = new_ref(item);
        if sys::PyList_SetSlice(list, index as isize, index as isize + 1, ptr::null_mut()) < 0 {
            decref(item);
            return ptr::null_mut();
        }
        item
    }
}

type OneArgument = unsafe extern "C" fn(*mut PyObject, *mut PyObject) -> *mut PyObject;
type Fast = unsafe extern "C" fn(*mut PyObject, *const *mut PyObject, isize, *mut PyObject) -> *mut PyObject;

/// As `cfunction_vectorcall_O` of Objects/methodobject.c: these count as a level of recursion.
unsafe extern "C" fn c_one_argument(
    tstate: *mut sys::PyThreadState,
    function: OneArgument,
    this: *mut PyObject,
    argument: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: called as a helper, with the running thread; the opcode read the convention from the function's definition.
    unsafe {
        if (*tstate).recursion_remaining <= 1 {
            if sys::Py_EnterRecursiveCall(c" while calling a Python object".as_ptr()) != 0 {
                return ptr::null_mut();
            }
        } else {
            (*tstate).recursion_remaining -= 1;
        }
        let result = function(this, argument);
        (*tstate).recursion_remaining += 1;
        result
    }
}

unsafe extern "C" fn c_no_arguments(
    tstate: *mut sys::PyThreadState,
    function: OneArgument,
    this: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: as above.
    unsafe { c_one_argument(tstate, function, this, ptr::null_mut()) }
}

unsafe extern "C" fn c_fast_0(function: Fast, this: *mut PyObject) -> *mut PyObject {
    // SAFETY: called as a helper; functions without keywords ignore the last parameter, as in C.
    unsafe { function(this, ptr::null(), 0, ptr::null_mut()) }
}

unsafe extern "C" fn c_fast_1(function: Fast, this: *mut PyObject, a: *mut PyObject) -> *mut PyObject {
    // SAFETY: as above.
    unsafe { function(this, [a].as_ptr(), 1, ptr::null_mut()) }
}

unsafe extern "C" fn c_fast_2(
    function: Fast,
    this: *mut PyObject,
    a: *mut PyObject,
    b: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: as above.
    unsafe { function(this, [a, b].as_ptr(), 2, ptr::null_mut()) }
}

/// `unpack_iterable` of Python/ceval.c for `n` values: a new tuple with exactly them, null with an exception.
unsafe extern "C" fn unpack(iterable: *mut PyObject, n: usize) -> *mut PyObject {
    // SAFETY: called as a helper, with a live object.
    unsafe {
        let iterator = sys::PyObject_GetIter(iterable);
        if iterator.is_null() {
            let ty = type_of(iterable);
            if sys::PyErr_ExceptionMatches(sys::PyExc_TypeError) != 0
                && (*ty).tp_iter.is_none()
                && sys::PySequence_Check(iterable) == 0
            {
                sys::PyErr_Format(
                    sys::PyExc_TypeError,
                    c"cannot unpack non-iterable %.200s object".as_ptr(),
                    (*ty).tp_name,
                );
            }
            return ptr::null_mut();
        }
        let tuple = sys::PyTuple_New(n as isize);
        if tuple.is_null() {
            decref(iterator);
            return tuple;
        }
        // Its items are unset while Python may run: no one may find it through the GC.
        sys::PyObject_GC_UnTrack(tuple.cast());
        for i in 0..n {
            let item = sys::PyIter_Next(iterator);
            if item.is_null() {
                if sys::PyErr_Occurred().is_null() {
                    sys::PyErr_Format(
                        sys::PyExc_ValueError,
                        c"not enough values to unpack (expected %d, got %d)".as_ptr(),
                        n as c_int,
                        i as c_int,
                    );
                }
                // CPython drops the values that it got from the last to the first.
                for k in (0..i).rev() {
                    xdecref(std::mem::replace(&mut *tuple_items(tuple).add(k), ptr::null_mut()));
                }
                decref(tuple);
                decref(iterator);
                return ptr::null_mut();
            }
            *tuple_items(tuple).add(i) = item;
        }
        let extra = sys::PyIter_Next(iterator);
        if extra.is_null() && sys::PyErr_Occurred().is_null() {
            decref(iterator);
            return tuple;
        }
        if !extra.is_null() {
            decref(extra);
            sys::PyErr_Format(
                sys::PyExc_ValueError,
                c"too many values to unpack (expected %d)".as_ptr(),
                n as c_int,
            );
        }
        for k in (0..n).rev() {
            xdecref(std::mem::replace(&mut *tuple_items(tuple).add(k), ptr::null_mut()));
        }
        decref(tuple);
        decref(iterator);
        ptr::null_mut()
    }
}

/// The items of a tuple.
///
/// # Safety
/// `tuple` is a live tuple.
#[inline(always)]
pub unsafe fn tuple_items(tuple: *mut PyObject) -> *mut *mut PyObject {
    // SAFETY: by contract.
    unsafe { (&raw mut (*tuple.cast::<sys::PyTupleObject>()).ob_item).cast() }
}

/// The number of items of a tuple or list.
///
/// # Safety
/// `o` is a live tuple or list.
#[inline(always)]
pub unsafe fn size_of_sequence(o: *mut PyObject) -> usize {
    // SAFETY: by contract.
    unsafe { (*o.cast::<sys::PyVarObject>()).ob_size as usize }
}

/// Where an instance with a managed dict keeps the pointer to its inline values (`_PyObject_ValuesPointer`), in words.
pub const VALUES_POINTER: isize = -4;
/// Where it keeps its dict (`_PyObject_ManagedDictPointer`), in words.
pub const MANAGED_DICT_POINTER: isize = -3;

/// Sets an inline value that was unset and notes the order (`_PyDictValues_AddToInsertionOrder`).
unsafe extern "C" fn instance_insert(o: *mut PyObject, index: usize, value: *mut PyObject) -> i64 {
    // SAFETY: the opcode asked that `o` has inline values and `index` is below the number of its type's shared keys.
    unsafe {
        let values = *o.cast::<*mut *mut PyObject>().offset(VALUES_POINTER);
        *values.add(index) = new_ref(value);
        let bytes = values.cast::<u8>();
        let size = i32::from(*bytes.offset(-2)) + 1;
        *bytes.offset(-2) = size as u8;
        *bytes.offset(-(size as isize) - 2) = index as u8;
        0
    }
}

/// Looks a global up, then a builtin.
unsafe extern "C" fn load_global(frame: *mut sys::_PyInterpreterFrame, name: *mut PyObject) -> *mut PyObject {
    // SAFETY: called as a helper, with the current frame.
    unsafe { look_up_namespaces((*frame).f_globals, (*frame).f_builtins, name) }
}

unsafe extern "C" fn load_name(frame: *mut sys::_PyInterpreterFrame, name: *mut PyObject) -> *mut PyObject {
    // SAFETY: called as a helper, with the current frame.
    unsafe {
        let locals = (*frame).f_locals;
        if locals.is_null() {
            sys::PyErr_Format(sys::PyExc_SystemError, c"no locals when loading %R".as_ptr(), name);
            return ptr::null_mut();
        }
        match look_up(locals, name) {
            Found::Value(value) => return value,
            Found::Error => return ptr::null_mut(),
            Found::Missing => {}
        }
        look_up_namespaces((*frame).f_globals, (*frame).f_builtins, name)
    }
}

enum Found {
    /// A new reference.
    Value(*mut PyObject),
    Missing,
    Error,
}

/// Looks a name up in a dict or any mapping.
unsafe fn look_up(namespace: *mut PyObject, name: *mut PyObject) -> Found {
    // SAFETY: both are live objects.
    unsafe {
        if type_of(namespace) == &raw mut sys::PyDict_Type {
            let value = sys::PyDict_GetItemWithError(namespace, name);
            if !value.is_null() {
                Found::Value(new_ref(value))
            } else if sys::PyErr_Occurred().is_null() {
                Found::Missing
            } else {
                Found::Error
            }
        } else {
            let value = sys::PyObject_GetItem(namespace, name);
            if !value.is_null() {
                Found::Value(value)
            } else if sys::PyErr_ExceptionMatches(sys::PyExc_KeyError) != 0 {
                sys::PyErr_Clear();
                Found::Missing
            } else {
                Found::Error
            }
        }
    }
}

unsafe fn look_up_namespaces(
    globals: *mut PyObject,
    builtins: *mut PyObject,
    name: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: all are live objects.
    unsafe {
        for namespace in [globals, builtins] {
            match look_up(namespace, name) {
                Found::Value(value) => return value,
                Found::Error => return ptr::null_mut(),
                Found::Missing => {}
            }
        }
        capi::exceptions::name_error(sys::PyThreadState_Get(), name);
        ptr::null_mut()
    }
}

unsafe extern "C" fn store_name(
    frame: *mut sys::_PyInterpreterFrame,
    name: *mut PyObject,
    value: *mut PyObject,
) -> c_int {
    // SAFETY: called as a helper, with the current frame.
    unsafe {
        let locals = (*frame).f_locals;
        if locals.is_null() {
            sys::PyErr_Format(sys::PyExc_SystemError, c"no locals found when storing %R".as_ptr(), name);
            -1
        } else if type_of(locals) == &raw mut sys::PyDict_Type {
            sys::PyDict_SetItem(locals, name, value)
        } else {
            sys::PyObject_SetItem(locals, name, value)
        }
    }
}

#[cold]
unsafe extern "C" fn raise_unbound_local(
    tstate: *mut sys::PyThreadState,
    code: *mut sys::PyCodeObject,
    index: usize,
) -> i64 {
    // SAFETY: called as a helper, with the current code and one of its locals.
    unsafe { capi::exceptions::unbound_local(tstate, code, index) };
    -1
}

#[cold]
unsafe extern "C" fn raise_unbound_cell(
    tstate: *mut sys::PyThreadState,
    code: *mut sys::PyCodeObject,
    index: usize,
) -> i64 {
    // SAFETY: called as a helper, with the current code and one of its cells.
    unsafe { capi::exceptions::format_exc_unbound(tstate, code, index) };
    -1
}

unsafe extern "C" fn join_strings(parts: *const *mut PyObject, n: usize) -> *mut PyObject {
    // SAFETY: called as a helper, with an array of `n` live objects.
    unsafe {
        let empty = sys::PyUnicode_New(0, 0);
        let result = sys::_PyUnicode_JoinArray(empty, parts, n as isize);
        decref(empty);
        result
    }
}

unsafe extern "C" fn args_tuple(function: *mut PyObject, args: *mut PyObject) -> *mut PyObject {
    // SAFETY: called as a helper, with live objects.
    unsafe {
        if type_of(args) == &raw mut sys::PyTuple_Type {
            return new_ref(args);
        }
        if (*type_of(args)).tp_iter.is_none() && sys::PySequence_Check(args) == 0 {
            let text = sys::_PyObject_FunctionStr(function);
            if !text.is_null() {
                sys::PyErr_Format(
                    sys::PyExc_TypeError,
                    c"%U argument after * must be an iterable, not %.200s".as_ptr(),
                    text,
                    (*type_of(args)).tp_name,
                );
                decref(text);
            }
            return ptr::null_mut();
        }
        sys::PySequence_Tuple(args)
    }
}

unsafe extern "C" fn kwargs_dict(function: *mut PyObject, kwargs: *mut PyObject) -> *mut PyObject {
    // SAFETY: called as a helper, with live objects.
    unsafe {
        if type_of(kwargs) == &raw mut sys::PyDict_Type {
            return new_ref(kwargs);
        }
        let dict = sys::PyDict_New();
        if dict.is_null() {
            return dict;
        }
        if sys::_PyDict_MergeEx(dict, kwargs, 2) < 0 {
            decref(dict);
            capi::arguments::format_kwargs_error(sys::PyThreadState_Get(), function, kwargs);
            return ptr::null_mut();
        }
        dict
    }
}
