//! Calls of Python functions whose parameters are not simple: keywords, defaults of keyword-only ones, `*args`, `**kwargs`.
//!
//! The interpreter's own: the frame is pushed and run by the same loop, so that the C stack does not grow.

use crate::direct::Direct;
use crate::machine::Flow;
use crate::{helpers, keys};
use capi::refs::{decref, incref, new_ref, type_of};
use capi::sys::{
    self, _PyInterpreterFrame, PyCodeObject, PyFunctionObject, PyMethodObject, PyObject, PyThreadState,
};
use capi::words::{copy_references, fill_nulls, move_words};
use capi::{arguments, frame};
use std::mem::MaybeUninit;
use std::ptr;

/// See `Machine::may_bind_call`.
#[inline(never)]
pub fn call(
    d: &mut Direct,
    nargs: usize,
    kwnames: *mut PyObject,
    below: usize,
    return_to: usize,
) -> Option<Flow> {
    // SAFETY: the machine's invariant; the callable at `nargs + 1` is a Python function.
    unsafe {
        let tstate = d.tstate;
        if (*tstate).recursion_remaining <= 1 || !crate::evaluate::is_current(tstate) {
            return None;
        }
        let args = d.sp.sub(nargs);
        let function = (*args.sub(1)).cast::<PyFunctionObject>();
        d.sp = args.sub(1 + below);
        let callee = push(tstate, function, args, nargs, kwnames);
        if callee.is_null() {
            return Some(Flow::Raise);
        }
        let caller = d.frame;
        d.save_stack();
        (*caller).prev_instr = frame::first_instruction((*caller).f_code).add(return_to).sub(1);
        (*callee).previous = caller;
        (*(*tstate).cframe).current_frame = callee;
        (*tstate).recursion_remaining -= 1;
        d.switch_to_frame(callee);
        Some(Flow::Next)
    }
}

/// Pushes a frame for a call and binds its arguments, of which those of keywords are the last. Takes over the references of the
/// function and of all arguments. Null with an exception set. The caller links the frame.
///
/// # Safety
/// A live function and arguments, all owned by the caller; `tstate` is the running thread's.
#[inline(never)]
pub unsafe fn push(
    tstate: *mut PyThreadState,
    function: *mut PyFunctionObject,
    args: *const *mut PyObject,
    nargs: usize,
    kwnames: *mut PyObject,
) -> *mut _PyInterpreterFrame {
    // SAFETY: by contract.
    unsafe {
        let code = (*function).func_code.cast::<PyCodeObject>();
        let namespace = if (*code).co_flags as u32 & sys::CO_OPTIMIZED != 0 {
            ptr::null_mut()
        } else {
            (*function).func_globals
        };
        let keywords = if kwnames.is_null() { 0 } else { helpers::size_of_sequence(kwnames) };
        arguments::push_and_init(tstate, function, namespace, args, nargs - keywords, kwnames)
    }
}

/// So many arguments are copied without memory for them.
const FEW: usize = 16;

/// Room for arguments, none of which is written yet.
struct Room {
    few: [MaybeUninit<*mut PyObject>; FEW],
    many: Box<[*mut PyObject]>,
}

impl Room {
    fn new() -> Room {
        Room { few: [MaybeUninit::uninit(); FEW], many: Box::default() }
    }

    /// Room for `n` arguments. `None` with `MemoryError` set when memory is out.
    unsafe fn get(&mut self, n: usize) -> Option<*mut *mut PyObject> {
        if n <= FEW {
            return Some(self.few.as_mut_ptr().cast());
        }
        let Some(made) = allocator::boxed_slice(ptr::null_mut(), n) else {
            // SAFETY: the caller holds the GIL.
            unsafe { sys::PyErr_NoMemory() };
            return None;
        };
        self.many = made;
        Some(self.many.as_mut_ptr())
    }
}

/// The same for arguments that stay with the caller, behind a first one unless that is null.
///
/// # Safety
/// Live objects; `tstate` is the running thread's.
#[inline(never)]
pub unsafe fn push_copies(
    tstate: *mut PyThreadState,
    function: *mut PyFunctionObject,
    first: *mut PyObject,
    args: *const *mut PyObject,
    nargs: usize,
    kwnames: *mut PyObject,
) -> *mut _PyInterpreterFrame {
    // SAFETY: by contract.
    unsafe {
        let skip = usize::from(!first.is_null());
        let mut room = Room::new();
        let Some(all) = room.get(skip + nargs) else { return ptr::null_mut() };
        if !first.is_null() {
            *all = new_ref(first);
        }
        copy_references(args, nargs, all.add(skip));
        incref(function.cast());
        push(tstate, function, all, skip + nargs, kwnames)
    }
}

/// The function of a bound method; any other object itself.
///
/// # Safety
/// A live object.
pub unsafe fn function_of(callable: *mut PyObject) -> *mut PyFunctionObject {
    // SAFETY: by contract; the layout is used after the type was asked.
    unsafe {
        if type_of(callable) == &raw mut sys::PyMethod_Type {
            (*callable.cast::<PyMethodObject>()).im_func.cast()
        } else {
            callable.cast()
        }
    }
}

/// Whether `f(*args, **kwargs)` is a call of a Python function, plainly or as a bound method, that [`spread`] can push the frame of.
/// `kwargs` may be null.
///
/// # Safety
/// Live objects.
pub unsafe fn is_spreadable(callable: *mut PyObject, args: *mut PyObject, kwargs: *mut PyObject) -> bool {
    // SAFETY: by contract; layouts are used after types were asked.
    unsafe {
        let function = function_of(callable).cast::<PyObject>();
        let listed =
            type_of(args) == &raw mut sys::PyTuple_Type || type_of(args) == &raw mut sys::PyList_Type;
        type_of(function) == &raw mut sys::PyFunction_Type
            && listed
            && (kwargs.is_null() || type_of(kwargs) == &raw mut sys::PyDict_Type && has_only_names(kwargs))
    }
}

/// Whether all keys of an exact dict are exact strings.
unsafe fn has_only_names(dict: *mut PyObject) -> bool {
    // SAFETY: by the caller.
    unsafe { (*(*dict.cast::<sys::PyDictObject>()).ma_keys).dk_kind != keys::GENERAL }
}

/// Pushes the frame of such a call; the operands stay with the caller. Null with an exception set.
///
/// # Safety
/// [`is_spreadable`] said yes, and `args` is a tuple.
#[inline(never)]
pub unsafe fn spread(
    tstate: *mut PyThreadState,
    callable: *mut PyObject,
    args: *mut PyObject,
    kwargs: *mut PyObject,
) -> *mut _PyInterpreterFrame {
    // SAFETY: by contract.
    unsafe {
        let (function, this) = if type_of(callable) == &raw mut sys::PyMethod_Type {
            let method = callable.cast::<PyMethodObject>();
            ((*method).im_func, (*method).im_self)
        } else {
            (callable, ptr::null_mut())
        };
        let function = function.cast::<PyFunctionObject>();
        let items = helpers::tuple_items(args);
        let count = helpers::size_of_sequence(args);
        if kwargs.is_null() || (*kwargs.cast::<sys::PyDictObject>()).ma_used == 0 {
            return push_copies(tstate, function, this, items, count, ptr::null_mut());
        }
        // As `_PyStack_UnpackDict`.
        let keywords = (*kwargs.cast::<sys::PyDictObject>()).ma_used;
        let names = sys::PyTuple_New(keywords);
        if names.is_null() {
            return ptr::null_mut();
        }
        let skip = usize::from(!this.is_null());
        let mut room = Room::new();
        let Some(all) = room.get(skip + count + keywords as usize) else {
            decref(names);
            return ptr::null_mut();
        };
        if !this.is_null() {
            *all = new_ref(this);
        }
        let mut to = copy_references(items, count, all.add(skip));
        let mut name = helpers::tuple_items(names);
        let (mut position, mut key, mut value) = (0, ptr::null_mut(), ptr::null_mut());
        while sys::PyDict_Next(kwargs, &mut position, &mut key, &mut value) != 0 {
            *name = new_ref(key);
            name = name.add(1);
            *to = new_ref(value);
            to = to.add(1);
        }
        incref(function.cast());
        let callee = push(tstate, function, all, skip + count + keywords as usize, names);
        decref(names);
        callee
    }
}

/// The defaults for the last `missing` of a function's positional parameters, of which arguments are given for `given`; null when the function has
/// fewer, or more than it has parameters. `tuple` is what the function has, or null.
///
/// # Safety
/// `tuple` is null or a live tuple.
#[inline(always)]
pub(crate) unsafe fn defaults(tuple: *mut PyObject, given: usize, missing: usize) -> *mut *mut PyObject {
    // SAFETY: by contract.
    unsafe {
        if tuple.is_null() {
            return ptr::null_mut();
        }
        let unused = helpers::size_of_sequence(tuple).wrapping_sub(missing);
        // Below zero it is more than any number of arguments.
        if unused > given { ptr::null_mut() } else { helpers::tuple_items(tuple).add(unused) }
    }
}

/// Binds arguments of which the last ones have the keywords `kwnames`, if that is not null: fills the locals of a frame that is not pushed
/// yet. False when that takes more than finding names and defaults; nothing was done then. Otherwise the references of all arguments have
/// moved.
///
/// # Safety
/// A live function and arguments, of which the caller owns references, or gets them before anything else happens; `locals` has room for
/// all of the code's locals.
#[inline(never)]
pub unsafe fn names(
    function: *mut PyFunctionObject,
    args: *const *mut PyObject,
    nargs: usize,
    kwnames: *mut PyObject,
    locals: *mut *mut PyObject,
) -> bool {
    const SHAPE: u32 = sys::CO_OPTIMIZED | sys::CO_VARARGS | sys::CO_VARKEYWORDS;
    // SAFETY: by contract. The locals are nobody's yet: what is written there and then given up costs nothing.
    unsafe {
        let code = (*function).func_code.cast::<PyCodeObject>();
        let positional = (*code).co_argcount as usize;
        let named = positional + (*code).co_kwonlyargcount as usize;
        let keywords = if kwnames.is_null() { 0 } else { helpers::size_of_sequence(kwnames) };
        let given = nargs - keywords;
        if (*code).co_flags as u32 & SHAPE != sys::CO_OPTIMIZED || given > positional {
            return false;
        }
        let bound = move_words(args, given, locals);
        fill_nulls(bound, locals.add((*code).co_nlocalsplus as usize));
        let parameters = helpers::tuple_items((*code).co_localsplusnames);
        for k in 0..keywords {
            let keyword = *helpers::tuple_items(kwnames).add(k);
            // Names are interned, as a rule; a positional-only one is an error.
            let first = given.max((*code).co_posonlyargcount as usize);
            let Some(i) = (first..named).find(|&i| *parameters.add(i) == keyword) else { return false };
            if !(*locals.add(i)).is_null() {
                return false;
            }
            *locals.add(i) = *args.add(given + k);
        }
        let defaults = (*function).func_defaults;
        let available = if defaults.is_null() { 0 } else { helpers::size_of_sequence(defaults) };
        if available > positional {
            return false;
        }
        // References are added when nothing can fail any more; until then the lowest bit says which.
        for i in given..positional {
            let slot = locals.add(i);
            if (*slot).is_null() {
                if i < positional - available {
                    return false;
                }
                *slot = (*helpers::tuple_items(defaults).add(i + available - positional)).byte_add(1);
            }
        }
        for i in positional..named {
            let slot = locals.add(i);
            if (*slot).is_null() {
                let defaults = (*function).func_kwdefaults;
                if defaults.is_null()
                    || type_of(defaults) != &raw mut sys::PyDict_Type
                    || !has_only_names(defaults)
                {
                    return false;
                }
                let value = sys::PyDict_GetItemWithError(defaults, *parameters.add(i));
                if value.is_null() {
                    // Keys and name are exact strings: nothing was raised.
                    return false;
                }
                *slot = value.byte_add(1);
            }
        }
        for i in given..named {
            let slot = locals.add(i);
            if (*slot).addr() & 1 != 0 {
                *slot = (*slot).byte_sub(1);
                incref(*slot);
            }
        }
        true
    }
}
