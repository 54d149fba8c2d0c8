//! What a call remembers, in the inline cache of its `CALL`, and how `PRECALL` chooses a special case for it.
//!
//! `PRECALL` does the work of the `CALL` behind it. Its handler is one of
//!
//! ```text
//! precall       nothing is known yet, or nothing fits: counts, looks at the callable now and then
//! object        the same, where the callable was no Python function
//! function_case a Python function of this code, whose parameters are given one by one, the last ones by their defaults
//! builtin_calls::…, classes::…
//! ```
//!
//! A special case that meets another callable leaves to `calls::precall`, which asks everything; after some such misses it is
//! taken out.

use super::registers::jump;
use super::{Handler, Unit, builtin_calls, calls, classes, handlers, super_calls, width};
use crate::{bind, code_data};
use capi::frame;
use capi::opcode as op;
use capi::refs::type_of;
use capi::sys::{self, _PyInterpreterFrame, PyCodeObject, PyFunctionObject, PyObject};
use capi::words::{copy_references, fill_nulls, move_words};

/// Units of `PRECALL` and of `CALL`.
pub(super) const PRECALL: usize = width(op::PRECALL);
pub(super) const CALL: usize = width(op::CALL);

/// The inline cache of a `CALL`.
#[repr(C)]
pub(super) struct Site {
    /// Without a special case: executions until one is looked for. With one: how often it may still be wrong.
    pub counter: u16,
    /// Of a Python function: how many parameters get their defaults, …
    pub missing: u16,
    /// … and how many locals are no parameters.
    pub nulls: u16,
    /// Version of the class that is called.
    pub version: u32,
    /// The size of the function's frame.
    pub frame_bytes: u32,
    /// The tuple of keyword names, or null; it belongs to the code.
    pub names: *mut PyObject,
    /// Borrowed: the function's code while `deaths` holds, or the class's `__init__` while it has the version.
    pub object: *mut PyObject,
    /// Where that code starts.
    pub start: *mut Unit,
    /// `code_data::deaths` when it was looked at.
    pub deaths: usize,
}

const _: () = assert!(size_of::<Site>() <= (CALL - 1) * size_of::<Unit>());

/// Executions without a special case before one is looked for again.
const RETRY: u16 = 100;
/// Misses after which a special case is given up.
const MISSES: u16 = 8;

/// Notes the keyword names.
pub(super) unsafe fn prepare(at: *mut Unit, names: *mut PyObject) {
    // SAFETY: the instruction has a cache, which is zeros.
    unsafe { (*at.add(1).cast::<Site>()).names = names }
}

/// The site of the call whose `PRECALL` is at `w.ip`.
macro_rules! site {
    ($w:ident) => {
        $w.cache::<crate::warm::call_site::Site>(crate::warm::call_site::PRECALL + 1)
    };
}
pub(super) use site;

handlers! {
    /// `PRECALL` without a special case.
    fn precall(w, nargs) {
        let site = site!(w);
        if (*site).counter > 0 {
            (*site).counter -= 1;
            return w.instead(calls::precall, nargs);
        }
        w.instead(look, nargs)
    }

    /// `PRECALL` at which a special case is looked for.
    fn look(w, nargs) {
        specialise(w.ip, w.sp, nargs, w.instruction(), w.frame);
        if (*site!(w)).counter == RETRY {
            return w.instead(calls::precall, nargs);
        }
        w.instead((*w.ip).handler, nargs)
    }

    /// `PRECALL` without a special case, of what was no Python function.
    fn object(w, nargs) {
        let site = site!(w);
        if (*site).counter == 0 {
            return w.instead(look, nargs);
        }
        (*site).counter -= 1;
        let below = w.peek(nargs + 2);
        let ty = type_of(if below.is_null() { w.peek(nargs + 1) } else { below });
        if ty == &raw mut sys::PyFunction_Type || ty == &raw mut sys::PyMethod_Type {
            return w.instead(calls::precall, nargs);
        }
        w.ip = w.ip.add(PRECALL);
        w.instead(builtin_calls::call, nargs)
    }

    /// A special case that the callable or the arguments are none of.
    fn miss(w, nargs) {
        let site = site!(w);
        if (*site).counter > 0 {
            (*site).counter -= 1;
        } else {
            (*w.ip).handler = precall;
            (*site).counter = RETRY / 4;
        }
        w.instead(calls::precall, nargs)
    }

    /// A Python function of the remembered code, whose last parameters may get their `DEFAULTS`.
    fn function_case<const METHOD: bool, const DEFAULTS: bool>(w, nargs) {
        let below = w.peek(nargs + 2);
        let callable = if METHOD { below } else { w.peek(nargs + 1) };
        if METHOD == below.is_null() {
            return w.instead(miss, nargs);
        }
        let site = site!(w);
        let function = callable.cast::<PyFunctionObject>();
        if type_of(callable) != &raw mut sys::PyFunction_Type
            || (*function).func_code != (*site).object
            || (*site).deaths != code_data::deaths()
        {
            return w.instead(other_function, nargs);
        }
        let given = nargs + usize::from(METHOD);
        let mut from = std::ptr::null_mut();
        if DEFAULTS {
            from = bind::defaults((*function).func_defaults, given, (*site).missing as usize);
            if from.is_null() {
                return w.instead(miss, nargs);
            }
        }
        if !calls::has_room(&w, (*site).frame_bytes, 1) || !w.breaker_clear() {
            return w.instead(calls::precall, nargs);
        }
        w.shrink(nargs + 2);
        w.ip = w.ip.add(PRECALL);
        let callee = calls::push_frame(&w, function, (*site).object.cast(), (*site).frame_bytes);
        let mut to = move_words(w.sp.add(if METHOD { 1 } else { 2 }), given, frame::locals(callee));
        if DEFAULTS {
            to = copy_references(from, (*site).missing as usize, to);
        }
        let sp = to.add((*site).nulls as usize);
        fill_nulls(to, sp);
        jump(callee, sp, (*site).start, w.tstate, w.home)
    }

    /// Not what was remembered; where only code objects died meanwhile, it is looked at anew.
    fn other_function(w, nargs) {
        let site = site!(w);
        if (*site).deaths != code_data::deaths() {
            (*site).counter = 0;
            return w.instead(precall, nargs);
        }
        w.instead(miss, nargs)
    }
}

/// Finds a special case for such a callable. `sp` is the stack's end.
#[cold]
#[inline(never)]
unsafe fn specialise(
    at: *mut Unit,
    sp: *mut *mut PyObject,
    nargs: usize,
    instruction: *mut u16,
    frame: *mut _PyInterpreterFrame,
) {
    // SAFETY: the adaptive handler's unit; its operands are on the stack.
    unsafe {
        let below = *sp.sub(nargs + 2);
        let method = !below.is_null();
        let callable = if method { below } else { *sp.sub(nargs + 1) };
        let given = nargs + usize::from(method);
        let site = at.add(PRECALL + 1).cast::<Site>();
        (*site).counter = RETRY;
        (*at).handler = precall;
        let handler = if type_of(callable) == &raw mut sys::PyFunction_Type {
            choose_function(&mut *site, callable.cast(), method, given)
        } else if nargs == 0 && !method && callable == (&raw mut sys::PySuper_Type).cast() {
            super_calls::choose(site, at, instruction, frame)
        } else {
            let class = if method { None } else { classes::choose(&mut *site, callable, given) };
            // Without arguments the stack may end at the end of a generator's memory.
            let first = if given == 0 { std::ptr::null_mut() } else { *sp.sub(given) };
            class.or_else(|| builtin_calls::choose(&mut *site, callable, first, given, method))
        };
        let ty = type_of(callable);
        if let Some(handler) = handler {
            (*at).handler = handler;
            (*site).counter = MISSES;
        } else if ty != &raw mut sys::PyFunction_Type && ty != &raw mut sys::PyMethod_Type {
            (*at).handler = object;
        }
    }
}

unsafe fn choose_function(
    site: &mut Site,
    function: *mut PyFunctionObject,
    method: bool,
    given: usize,
) -> Option<Handler> {
    // SAFETY: a live function.
    unsafe {
        let code = (*function).func_code.cast::<PyCodeObject>();
        let brief = code_data::brief(code);
        if brief.is_null() || (*brief).units.is_null() || !site.names.is_null() {
            return None;
        }
        let missing = isize::from((*brief).parameters) - given as isize;
        let Ok(nulls) = u16::try_from((*code).co_nlocalsplus - i32::from((*brief).parameters)) else {
            return None;
        };
        if missing < 0
            || missing > 0 && bind::defaults((*function).func_defaults, given, missing as usize).is_null()
        {
            return None;
        }
        site.object = code.cast();
        site.start = (*brief).start();
        site.frame_bytes = (*brief).frame_bytes;
        site.missing = missing as u16;
        site.nulls = nulls;
        site.deaths = code_data::deaths();
        Some(match (method, missing > 0) {
            (false, false) => function_case::<false, false>,
            (true, false) => function_case::<true, false>,
            (false, true) => function_case::<false, true>,
            (true, true) => function_case::<true, true>,
        })
    }
}
