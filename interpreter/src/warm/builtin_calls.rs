//! `CALL` of C functions, method descriptors and types by their own C functions, without CPython's dispatcher between
//! (what CPython's own specialised instructions do): by kind where the site knows it, else after asking.

use super::binary::{float_value, is_float, is_int};
use super::call_site::{CALL, PRECALL, Site, miss, site};
use super::parked::{back, drop_at_once, failed, park};
use super::registers::{Registers, jump};
use super::{Handler, calls, dispatch, handlers, stack};
use crate::direct::Home;
use crate::machine::Flow;
use crate::{eval_breaker, helpers, numbers, tuples};
use capi::refs::{new_ref, type_of};
use capi::sys::{self, PyMethodDef, PyObject, PyThreadState, PyTypeObject};
use capi::words::opaque;
use std::ffi::CStr;
use std::mem::transmute;
use std::ptr;

/// The calling conventions among a method's flags.
/// METH_METHOD is among them: such functions also get their class, which is none of the shapes here.
const CONVENTION: u32 = sys::METH_VARARGS
    | sys::METH_FASTCALL
    | sys::METH_NOARGS
    | sys::METH_O
    | sys::METH_KEYWORDS
    | sys::METH_METHOD;
const FASTCALL_KEYWORDS: u32 = sys::METH_FASTCALL | sys::METH_KEYWORDS;
const VARARGS_KEYWORDS: u32 = sys::METH_VARARGS | sys::METH_KEYWORDS;
/// `PY_VECTORCALL_ARGUMENTS_OFFSET`: the slot below the arguments may be used meanwhile.
const ARGUMENTS_OFFSET: usize = 1 << (usize::BITS - 1);

type OneArgument = unsafe extern "C" fn(*mut PyObject, *mut PyObject) -> *mut PyObject;
type Fast = unsafe extern "C" fn(*mut PyObject, *const *mut PyObject, isize) -> *mut PyObject;
type FastKeywords =
    unsafe extern "C" fn(*mut PyObject, *const *mut PyObject, isize, *mut PyObject) -> *mut PyObject;
type ThreeArguments = unsafe extern "C" fn(*mut PyObject, *mut PyObject, *mut PyObject) -> *mut PyObject;

/// The operands of a call.
#[derive(Clone, Copy)]
struct Operands {
    callable: *mut PyObject,
    args: *mut *mut PyObject,
    /// How many arguments, those of keywords included.
    given: usize,
}

#[inline(always)]
unsafe fn operands(w: &Registers, nargs: usize) -> Operands {
    // SAFETY: the machine's invariant, at a call.
    unsafe {
        let below = w.peek(nargs + 2);
        let method = !below.is_null();
        let given = nargs + usize::from(method);
        let callable = if method { below } else { w.peek(nargs + 1) };
        Operands { callable, args: w.sp.sub(given), given }
    }
}

/// Ends a `CALL`, at which the parked registers stand: drops the callable, then the arguments from the lowest; leaves the result.
#[inline(never)]
unsafe extern "C" fn finish(home: *mut Home, result: *mut PyObject) -> Flow {
    // SAFETY: the machine's invariant.
    unsafe {
        let mut w = back(home);
        let nargs = w.arg(0);
        if result.is_null() {
            return failed(home, nargs + 2);
        }
        // A method and its object, or null and another callable.
        let place = w.sp.sub(nargs + 2);
        let first = place.replace(result);
        if !first.is_null() {
            (*first).ob_refcnt -= 1;
            if (*first).ob_refcnt == 0 {
                return bury_operands(home, first, place.add(1));
            }
        }
        let mut slot = place.add(1);
        while slot != w.sp {
            let o = *slot;
            slot = opaque(slot.add(1));
            (*o).ob_refcnt -= 1;
            if (*o).ob_refcnt == 0 {
                return bury_operands(home, o, slot);
            }
        }
        w.sp = place.add(1);
        finished(w)
    }
}

/// Frees an operand of a call that died, and drops those from `slot` on.
#[inline(never)]
unsafe extern "C" fn bury_operands(
    home: *mut Home,
    dead: *mut PyObject,
    mut slot: *mut *mut PyObject,
) -> Flow {
    // SAFETY: as in `finish`.
    unsafe {
        numbers::dealloc((*home).parked.tstate, dead);
        let end = (*home).parked.sp;
        while slot != end {
            drop_at_once(home, *slot);
            slot = slot.add(1);
        }
        let mut w = back(home);
        w.shrink(w.arg(0) + 1);
        finished(w)
    }
}

/// Goes on behind a `CALL` whose result is in its place.
#[inline(always)]
unsafe fn finished(w: Registers) -> Flow {
    // SAFETY: the machine's invariant.
    unsafe {
        if !w.breaker_clear() {
            return w.instead(serve_breaker, 0);
        }
        let result = w.peek(1);
        if is_statement(&w, CALL) && (*result).ob_refcnt > 1 {
            (*result).ob_refcnt -= 1;
            return jump(w.frame, w.sp.sub(1), w.ip.add(CALL + 1), w.tstate, w.home);
        }
        jump(w.frame, w.sp, w.ip.add(CALL), w.tstate, w.home)
    }
}

/// Whether the call that ends so many units further is a statement of its own: `POP_TOP` drops its result.
#[inline(always)]
unsafe fn is_statement(w: &Registers, width: usize) -> bool {
    // SAFETY: the machine's invariant; no call is the last instruction.
    unsafe { std::ptr::fn_addr_eq((*w.ip.add(width)).handler, stack::pop_top as Handler) }
}

handlers! {
    /// `CALL` of anything but Python functions.
    fn call(w, nargs) {
        let o = operands(&w, nargs);
        let names = (*w.cache::<Site>(1)).names;
        let tstate = w.tstate;
        let home = park(w);
        match by_kind(tstate, o.callable, o.args, o.given, names) {
            Some(result) => finish(home, result),
            None => back(home).instead(call_by_protocol, 0),
        }
    }

    /// `CALL` of anything by its vectorcall, or as CPython calls objects without one.
    fn call_by_protocol(w, _nargs) {
        let o = operands(&w, w.arg(0));
        let names = (*w.cache::<Site>(1)).names;
        let keywords = if names.is_null() { 0 } else { helpers::size_of_sequence(names) };
        let count = (o.given - keywords) | ARGUMENTS_OFFSET;
        let home = park(w);
        finish(home, sys::PyObject_Vectorcall(o.callable, o.args, count, names))
    }

    /// A C function (`DESCRIPTOR`: a method of a C type, unbound) of a calling convention.
    fn c_function<const DESCRIPTOR: bool, const KIND: u32>(w, nargs) {
        let o = operands(&w, nargs);
        let (definition, this, skip) = if DESCRIPTOR {
            if type_of(o.callable) != &raw mut sys::PyMethodDescr_Type || o.given == 0 {
                return w.instead(miss, nargs);
            }
            let descriptor = o.callable.cast::<sys::PyMethodDescrObject>();
            let this = *o.args;
            if type_of(this) != (*descriptor).d_common.d_type {
                return w.instead(miss, nargs);
            }
            ((*descriptor).d_method, this, 1)
        } else {
            if type_of(o.callable) != &raw mut sys::PyCFunction_Type {
                return w.instead(miss, nargs);
            }
            let function = o.callable.cast::<sys::PyCFunctionObject>();
            // Static methods, which get no object, are none of these cases.
            ((*function).m_ml, (*function).m_self, 0)
        };
        let flags = (*definition).ml_flags as u32;
        let (args, count) = (o.args.add(skip), o.given - skip);
        let fits = match KIND {
            sys::METH_O => count == 1,
            sys::METH_NOARGS => count == 0,
            _ => true,
        };
        if flags & (CONVENTION | sys::METH_STATIC) != KIND || !fits {
            return w.instead(miss, nargs);
        }
        let one = KIND == sys::METH_O || KIND == sys::METH_NOARGS;
        let packed = KIND == sys::METH_VARARGS || KIND == VARARGS_KEYWORDS;
        // These count as a level of recursion.
        if (one || packed) && (*w.tstate).recursion_remaining <= 1 {
            return w.instead(calls::precall, nargs);
        }
        w.ip = w.ip.add(PRECALL);
        let function = (*definition).ml_meth.unwrap_unchecked();
        let names = (*w.cache::<Site>(1)).names;
        let tstate = w.tstate;
        let home = park(w);
        let result = if one {
            (*tstate).recursion_remaining -= 1;
            let result = function(this, if KIND == sys::METH_O { *args } else { ptr::null_mut() });
            (*(*home).parked.tstate).recursion_remaining += 1;
            result
        } else if KIND == sys::METH_FASTCALL {
            transmute::<OneArgument, Fast>(function)(this, args, count as isize)
        } else if packed {
            with_tuple(tstate, o.callable, function, this, args, count, KIND == VARARGS_KEYWORDS)
        } else {
            let keywords = if names.is_null() { 0 } else { helpers::size_of_sequence(names) };
            transmute::<OneArgument, FastKeywords>(function)(this, args, (count - keywords) as isize, names)
        };
        finish(home, result)
    }

    /// `len(x)` of a list, tuple, dict or string, others by its function.
    fn len(w, nargs) {
        let callable = w.peek(2);
        if callable != (*(*w.tstate).interp).callable_cache.len || !w.peek(3).is_null() {
            return w.instead(miss, nargs);
        }
        let o = w.peek(1);
        let ty = type_of(o);
        let size = if ty == &raw mut sys::PyList_Type || ty == &raw mut sys::PyTuple_Type {
            (*o.cast::<sys::PyVarObject>()).ob_size
        } else if ty == &raw mut sys::PyUnicode_Type {
            (*o.cast::<sys::PyASCIIObject>()).length
        } else if ty == &raw mut sys::PyDict_Type {
            (*o.cast::<sys::PyDictObject>()).ma_used
        } else {
            return w.instead(c_function::<false, { sys::METH_O }>, nargs);
        };
        if (*o).ob_refcnt == 1 || !w.breaker_clear() {
            return w.instead(c_function::<false, { sys::METH_O }>, nargs);
        }
        let Some(result) = numbers::quick_int(size as i64) else {
            return w.instead(c_function::<false, { sys::METH_O }>, nargs);
        };
        // Modules and what the interpreter remembers keep the function alive.
        (*callable).ob_refcnt -= 1;
        (*o).ob_refcnt -= 1;
        w.shrink(2);
        w.poke(1, result);
        w.next(PRECALL + CALL)
    }

    /// `isinstance(x, C)` of an instance of C itself.
    fn isinstance(w, nargs) {
        let callable = w.peek(3);
        if callable != (*(*w.tstate).interp).callable_cache.isinstance || !w.peek(4).is_null() {
            return w.instead(miss, nargs);
        }
        let (class, o) = (w.peek(1), w.peek(2));
        if type_of(o).cast() != class {
            return w.instead(isinstance_asked, nargs);
        }
        if (*o).ob_refcnt == 1 || !w.breaker_clear() {
            return w.instead(c_function::<false, { sys::METH_FASTCALL }>, nargs);
        }
        (*callable).ob_refcnt -= 1;
        (*o).ob_refcnt -= 1;
        // Its instance keeps the class alive.
        (*class).ob_refcnt -= 1;
        let result = helpers::py_true();
        (*result).ob_refcnt += 1;
        w.shrink(3);
        w.poke(1, result);
        w.next(PRECALL + CALL)
    }

    /// `isinstance(x, C)`, `isinstance(x, (C, D))` where no code has a say in the answer.
    fn isinstance_asked(w, nargs) {
        let (classes, o, callable) = (w.peek(1), w.peek(2), w.peek(3));
        let answer = if (*o).ob_refcnt == 1 || (*classes).ob_refcnt == 1 || !w.breaker_clear() {
            None
        } else if type_of(classes) == &raw mut sys::PyTuple_Type {
            is_instance_of_any(o, classes)
        } else {
            is_instance(o, classes)
        };
        let Some(answer) = answer else {
            return w.instead(c_function::<false, { sys::METH_FASTCALL }>, nargs);
        };
        (*callable).ob_refcnt -= 1;
        (*o).ob_refcnt -= 1;
        (*classes).ob_refcnt -= 1;
        let result = if answer { helpers::py_true() } else { helpers::py_false() };
        (*result).ob_refcnt += 1;
        w.shrink(3);
        w.poke(1, result);
        w.next(PRECALL + CALL)
    }

    /// `l.append(x)` where the list has room.
    fn list_append(w, nargs) {
        let callable = w.peek(3);
        if callable != (*(*w.tstate).interp).callable_cache.list_append {
            return w.instead(miss, nargs);
        }
        let this = w.peek(2);
        if type_of(this) != &raw mut sys::PyList_Type {
            return w.instead(miss, nargs);
        }
        let list = this.cast::<sys::PyListObject>();
        let size = (*list).ob_base.ob_size;
        if size >= (*list).allocated || (*this).ob_refcnt == 1 || !w.breaker_clear() {
            return w.instead(c_function::<true, { sys::METH_O }>, nargs);
        }
        // The stack's reference to the value moves.
        *(*list).ob_item.offset(size) = w.peek(1);
        (*list).ob_base.ob_size = size + 1;
        (*callable).ob_refcnt -= 1;
        (*this).ob_refcnt -= 1;
        if is_statement(&w, PRECALL + CALL) {
            w.shrink(3);
            return w.next(PRECALL + CALL + 1);
        }
        let result = helpers::none();
        (*result).ob_refcnt += 1;
        w.shrink(2);
        w.poke(1, result);
        w.next(PRECALL + CALL)
    }

    /// `min(a, b)`, `max(a, b)` of two floats or two ints of one digit; the site remembers the function's definition.
    fn extreme<const MAX: bool>(w, nargs) {
        let callable = w.peek(3);
        if !is_remembered(callable, (*site!(w)).object) || !w.peek(4).is_null() {
            return w.instead(miss, nargs);
        }
        let (a, b) = (w.peek(2), w.peek(1));
        let beyond = if is_float(a) && is_float(b) {
            let (x, y) = (float_value(a), float_value(b));
            if MAX { y > x } else { y < x }
        } else if is_int(a) && is_int(b) {
            let (Some(x), Some(y)) = (numbers::one_digit(a), numbers::one_digit(b)) else {
                return w.instead(c_function::<false, VARARGS_KEYWORDS>, nargs);
            };
            if MAX { y > x } else { y < x }
        } else {
            return w.instead(c_function::<false, VARARGS_KEYWORDS>, nargs);
        };
        if (*callable).ob_refcnt == 1 || !w.breaker_clear() {
            return w.instead(calls::precall, nargs);
        }
        // The later one wins only if it is strictly beyond.
        let (winner, loser) = if beyond { (b, a) } else { (a, b) };
        (*callable).ob_refcnt -= 1;
        w.shrink(3);
        w.poke(1, winner);
        w.drop(loser);
        w.next(PRECALL + CALL)
    }

    /// `abs(x)` of a float or an int of one digit; the site remembers the function's definition.
    fn absolute(w, nargs) {
        let callable = w.peek(2);
        if !is_remembered(callable, (*site!(w)).object) || !w.peek(3).is_null() {
            return w.instead(miss, nargs);
        }
        let o = w.peek(1);
        if (*callable).ob_refcnt == 1 || !w.breaker_clear() {
            return w.instead(calls::precall, nargs);
        }
        if is_float(o) {
            let value = float_value(o).abs();
            if (*o).ob_refcnt == 1 {
                (*o.cast::<sys::PyFloatObject>()).ob_fval = value;
                w.poke(3, o);
            } else {
                let Some(result) = numbers::quick_float(w.tstate, value) else {
                    return w.instead(calls::precall, nargs);
                };
                (*o).ob_refcnt -= 1;
                w.poke(3, result);
            }
        } else {
            let value = if is_int(o) { numbers::one_digit(o) } else { None };
            let Some(result) = value.and_then(|value| numbers::quick_int(value.abs())) else {
                return w.instead(c_function::<false, { sys::METH_O }>, nargs);
            };
            w.poke(3, result);
            w.drop_int(o);
        }
        (*callable).ob_refcnt -= 1;
        w.shrink(2);
        w.next(PRECALL + CALL)
    }

    /// `type(x)`
    fn type_of_one(w, nargs) {
        let callable = w.peek(2);
        let o = w.peek(1);
        if callable != (&raw mut sys::PyType_Type).cast() || !w.peek(3).is_null() {
            return w.instead(miss, nargs);
        }
        if (*o).ob_refcnt == 1 || !w.breaker_clear() {
            return w.instead(calls::precall, nargs);
        }
        let class = type_of(o).cast::<PyObject>();
        (*class).ob_refcnt += 1;
        (*callable).ob_refcnt -= 1;
        (*o).ob_refcnt -= 1;
        w.shrink(2);
        w.poke(1, class);
        w.next(PRECALL + CALL)
    }

    /// `str(x)`
    fn text_of_one(w, nargs) {
        if w.peek(2) != (&raw mut sys::PyUnicode_Type).cast() || !w.peek(3).is_null() {
            return w.instead(miss, nargs);
        }
        let o = w.peek(1);
        w.ip = w.ip.add(PRECALL);
        let home = park(w);
        finish(home, sys::PyObject_Str(o))
    }

    /// A type with a vectorcall of its own.
    fn class_vectorcall(w, nargs) {
        let o = operands(&w, nargs);
        if type_of(o.callable) != &raw mut sys::PyType_Type {
            return w.instead(miss, nargs);
        }
        let Some(vectorcall) = (*o.callable.cast::<PyTypeObject>()).tp_vectorcall else {
            return w.instead(miss, nargs);
        };
        w.ip = w.ip.add(PRECALL);
        let names = (*w.cache::<Site>(1)).names;
        let keywords = if names.is_null() { 0 } else { helpers::size_of_sequence(names) };
        let home = park(w);
        let result = vectorcall(o.callable, o.args, o.given - keywords, names);
        let w = back(home);
        if result.is_null() != (*w.tstate).curexc_type.is_null() {
            return finish(home, result);
        }
        let result = sys::_Py_CheckFunctionResult(w.tstate, operands(&w, w.arg(0)).callable, result, ptr::null());
        finish(home, result)
    }

    /// After a `CALL`: signals, requests for the GIL, pending calls, or a trace function that was set.
    fn serve_breaker(w, _arg) {
        match eval_breaker::serve(w.tstate, w.frame) {
            Flow::Next => w.next(CALL),
            flow => dispatch::leave(w, CALL, flow),
        }
    }
}

/// The answer of `isinstance` for a class whose metaclass is `type`, and an object whose `__class__` is its type; `None`
/// for others.
unsafe fn is_instance(o: *mut PyObject, class: *mut PyObject) -> Option<bool> {
    // SAFETY: live objects; an instance of `type` is a type.
    unsafe {
        if type_of(class) != &raw mut sys::PyType_Type {
            return None;
        }
        let ty = type_of(o);
        if sys::PyType_IsSubtype(ty, class.cast()) != 0 {
            return Some(true);
        }
        // `__class__` of `object` comes before what an instance has, and says what its type is.
        let generic = (*ty).tp_getattro.is_some_and(|f| {
            ptr::fn_addr_eq(f, sys::PyObject_GenericGetAttr as unsafe extern "C" fn(_, _) -> _)
        });
        let own = |ty| sys::_PyType_Lookup(ty, capi::id!(___class__));
        (generic && own(ty) == own(&raw mut sys::PyBaseObject_Type)).then_some(false)
    }
}

/// The same for a tuple of such classes.
unsafe fn is_instance_of_any(o: *mut PyObject, classes: *mut PyObject) -> Option<bool> {
    // SAFETY: a live object and tuple.
    unsafe {
        for i in 0..helpers::size_of_sequence(classes) {
            if is_instance(o, *helpers::tuple_items(classes).add(i))? {
                return Some(true);
            }
        }
        Some(false)
    }
}

/// A C function of this definition?
#[inline(always)]
unsafe fn is_remembered(callable: *mut PyObject, definition: *mut PyObject) -> bool {
    // SAFETY: a live object; the layout is used after the type was asked.
    unsafe {
        type_of(callable) == &raw mut sys::PyCFunction_Type
            && (*callable.cast::<sys::PyCFunctionObject>()).m_ml.cast() == definition
    }
}

/// The name of a function of the module `builtins`.
unsafe fn builtin_name(function: *mut sys::PyCFunctionObject) -> Option<&'static CStr> {
    // SAFETY: a live function; modules and definitions of C's static tables.
    unsafe {
        let module = (*function).m_self;
        if module.is_null() || type_of(module) != &raw mut sys::PyModule_Type {
            return None;
        }
        let definition = (*module.cast::<sys::PyModuleObject>()).md_def;
        if definition.is_null() || CStr::from_ptr((*definition).m_name) != c"builtins" {
            return None;
        }
        Some(CStr::from_ptr((*(*function).m_ml).ml_name))
    }
}

/// The special case for a C function or a type, if there is one.
pub(super) unsafe fn choose(
    site: &mut Site,
    callable: *mut PyObject,
    first: *mut PyObject,
    given: usize,
    method: bool,
) -> Option<Handler> {
    // SAFETY: live objects; layouts are used after types were asked.
    unsafe {
        let ty = type_of(callable);
        let named = !site.names.is_null();
        let known = &(*(*sys::PyThreadState_Get()).interp).callable_cache;
        if ty == &raw mut sys::PyCFunction_Type {
            if !named && given == 1 && callable == known.len {
                return Some(len);
            }
            if !named && given == 2 && callable == known.isinstance {
                return Some(isinstance);
            }
            let function = callable.cast::<sys::PyCFunctionObject>();
            if !named && !method {
                let special: Option<Handler> = match (builtin_name(function).map(CStr::to_bytes), given) {
                    (Some(b"min"), 2) => Some(extreme::<false>),
                    (Some(b"max"), 2) => Some(extreme::<true>),
                    (Some(b"abs"), 1) => Some(absolute),
                    _ => None,
                };
                if special.is_some() {
                    site.object = (*function).m_ml.cast();
                    return special;
                }
            }
            let flags = (*(*function).m_ml).ml_flags as u32;
            return by_convention::<false>(flags, named, given);
        }
        if ty == &raw mut sys::PyMethodDescr_Type && given != 0 {
            let descriptor = callable.cast::<sys::PyMethodDescrObject>();
            if type_of(first) != (*descriptor).d_common.d_type {
                return None;
            }
            if !named && given == 2 && method && callable == known.list_append {
                return Some(list_append);
            }
            return by_convention::<true>((*(*descriptor).d_method).ml_flags as u32, named, given - 1);
        }
        if ty == &raw mut sys::PyType_Type {
            if !named && given == 1 && callable == (&raw mut sys::PyType_Type).cast() {
                return Some(type_of_one);
            }
            if !named && given == 1 && !method && callable == (&raw mut sys::PyUnicode_Type).cast() {
                return Some(text_of_one);
            }
            return (*callable.cast::<PyTypeObject>()).tp_vectorcall.map(|_| class_vectorcall as Handler);
        }
        None
    }
}

fn by_convention<const DESCRIPTOR: bool>(flags: u32, named: bool, count: usize) -> Option<Handler> {
    match flags & (CONVENTION | sys::METH_STATIC) {
        sys::METH_O if count == 1 && !named => Some(c_function::<DESCRIPTOR, { sys::METH_O }>),
        sys::METH_NOARGS if count == 0 => Some(c_function::<DESCRIPTOR, { sys::METH_NOARGS }>),
        sys::METH_FASTCALL if !named => Some(c_function::<DESCRIPTOR, { sys::METH_FASTCALL }>),
        FASTCALL_KEYWORDS => Some(c_function::<DESCRIPTOR, FASTCALL_KEYWORDS>),
        sys::METH_VARARGS if !named => Some(c_function::<DESCRIPTOR, { sys::METH_VARARGS }>),
        VARARGS_KEYWORDS if !named => Some(c_function::<DESCRIPTOR, VARARGS_KEYWORDS>),
        _ => None,
    }
}

/// The result (owned, or null with an exception) of a call; `None` when it is none of the kinds known here, and nothing was done.
/// Nothing is consumed.
#[inline(never)]
unsafe fn by_kind(
    tstate: *mut PyThreadState,
    callable: *mut PyObject,
    args: *mut *mut PyObject,
    given: usize,
    names: *mut PyObject,
) -> Option<*mut PyObject> {
    // SAFETY: by the caller: live operands; layouts are used after the type was asked.
    unsafe {
        let ty = type_of(callable);
        if ty == &raw mut sys::PyCFunction_Type {
            let function = callable.cast::<sys::PyCFunctionObject>();
            let definition = (*function).m_ml;
            let this = if (*definition).ml_flags as u32 & sys::METH_STATIC != 0 {
                ptr::null_mut()
            } else {
                (*function).m_self
            };
            convention(definition, callable, this, args, given, names, tstate)
        } else if ty == &raw mut sys::PyMethodDescr_Type && given >= 1 {
            let descriptor = callable.cast::<sys::PyMethodDescrObject>();
            let this = *args;
            if type_of(this) != (*descriptor).d_common.d_type {
                return None;
            }
            convention((*descriptor).d_method, callable, this, args.add(1), given - 1, names, tstate)
        } else if ty == &raw mut sys::PyType_Type {
            call_type(tstate, callable.cast(), args, given, names)
        } else {
            None
        }
    }
}

/// Calls by the convention of a method definition.
unsafe fn convention(
    definition: *mut PyMethodDef,
    callable: *mut PyObject,
    this: *mut PyObject,
    args: *mut *mut PyObject,
    count: usize,
    names: *mut PyObject,
    tstate: *mut PyThreadState,
) -> Option<*mut PyObject> {
    // SAFETY: the flags say what type the function has.
    unsafe {
        let function = (*definition).ml_meth?;
        let flags = (*definition).ml_flags as u32 & CONVENTION;
        let keywords = if names.is_null() { 0 } else { helpers::size_of_sequence(names) };
        match flags {
            FASTCALL_KEYWORDS => Some(transmute::<OneArgument, FastKeywords>(function)(
                this,
                args,
                (count - keywords) as isize,
                names,
            )),
            _ if keywords != 0 => None,
            sys::METH_O if count == 1 => one_level(tstate, || function(this, *args)),
            sys::METH_NOARGS if count == 0 => one_level(tstate, || function(this, ptr::null_mut())),
            sys::METH_FASTCALL => Some(transmute::<OneArgument, Fast>(function)(this, args, count as isize)),
            sys::METH_VARARGS | VARARGS_KEYWORDS => {
                if (*tstate).recursion_remaining <= 1 {
                    return None;
                }
                let keywords = flags == VARARGS_KEYWORDS;
                Some(with_tuple(tstate, callable, function, this, args, count, keywords))
            }
            _ => None,
        }
    }
}

/// The result of a function that takes a tuple of its arguments; there is room for a level of recursion.
#[inline(never)]
unsafe fn with_tuple(
    tstate: *mut PyThreadState,
    callable: *mut PyObject,
    function: OneArgument,
    this: *mut PyObject,
    args: *mut *mut PyObject,
    count: usize,
    keywords: bool,
) -> *mut PyObject {
    // SAFETY: by the caller: the function is of such a kind.
    unsafe {
        let tuple = tuples::from_array(tstate, args, count);
        if tuple.is_null() {
            return tuple;
        }
        (*tstate).recursion_remaining -= 1;
        let result = if keywords {
            transmute::<OneArgument, ThreeArguments>(function)(this, tuple, ptr::null_mut())
        } else {
            function(this, tuple)
        };
        (*tstate).recursion_remaining += 1;
        capi::refs::decref(tuple);
        if result.is_null() == (*tstate).curexc_type.is_null() {
            return sys::_Py_CheckFunctionResult(tstate, callable, result, ptr::null());
        }
        result
    }
}

/// These count as a level of recursion.
#[inline(always)]
unsafe fn one_level(
    tstate: *mut PyThreadState,
    call: impl FnOnce() -> *mut PyObject,
) -> Option<*mut PyObject> {
    // SAFETY: the running thread.
    unsafe {
        if (*tstate).recursion_remaining <= 1 {
            return None;
        }
        (*tstate).recursion_remaining -= 1;
        let result = call();
        (*tstate).recursion_remaining += 1;
        Some(result)
    }
}

/// `type(x)`, `str(x)`, `tuple(x)`, and types with a vectorcall of their own.
unsafe fn call_type(
    tstate: *mut PyThreadState,
    class: *mut PyTypeObject,
    args: *mut *mut PyObject,
    given: usize,
    names: *mut PyObject,
) -> Option<*mut PyObject> {
    // SAFETY: a type object; live arguments.
    unsafe {
        if given == 1 && names.is_null() {
            if class == &raw mut sys::PyType_Type {
                return Some(new_ref(type_of(*args).cast()));
            }
            if class == &raw mut sys::PyUnicode_Type {
                return Some(sys::PyObject_Str(*args));
            }
            if class == &raw mut sys::PyTuple_Type {
                return Some(sys::PySequence_Tuple(*args));
            }
        }
        let vectorcall = (*class).tp_vectorcall?;
        let keywords = if names.is_null() { 0 } else { helpers::size_of_sequence(names) };
        let result = vectorcall(class.cast(), args, given - keywords, names);
        Some(sys::_Py_CheckFunctionResult(tstate, class.cast(), result, ptr::null()))
    }
}
