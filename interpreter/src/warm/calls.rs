//! Calls and returns. `PRECALL` does the work of the `CALL` behind it.

use super::registers::{Registers, jump};
use super::{Unit, builtin_calls, dispatch, handlers};
use crate::code_data;
use crate::direct::Direct;
use crate::eval_breaker;
use crate::machine::Flow;
use crate::{helpers, numbers};
use capi::frame;
use capi::refs::{decref, type_of};
use capi::sys::{self, _PyInterpreterFrame, PyCodeObject, PyFunctionObject, PyMethodObject, PyObject};

/// Code units of `PRECALL` and of `CALL`.
const PRECALL: usize = 2;
const CALL: usize = 5;

/// Notes whether a `CALL` has keywords: then it is the opcode's.
pub(super) unsafe fn prepare(at: *mut Unit, keywords: bool) {
    // SAFETY: the instruction has four cache units.
    unsafe { (*at.add(1)).arg = usize::from(keywords) }
}

handlers! {
    /// `PRECALL` and `CALL`.
    fn precall(w, nargs) {
        let below = w.peek(nargs + 2);
        let callable = if below.is_null() { w.peek(nargs + 1) } else { below };
        let ty = type_of(callable);
        if ty == &raw mut sys::PyMethod_Type && below.is_null() {
            // A bound method becomes its function and its object.
            if (*callable).ob_refcnt == 1 {
                return w.full(nargs);
            }
            let method = callable.cast::<PyMethodObject>();
            let (function, this) = ((*method).im_func, (*method).im_self);
            (*function).ob_refcnt += 1;
            (*this).ob_refcnt += 1;
            w.poke(nargs + 1, this);
            w.poke(nargs + 2, function);
            (*callable).ob_refcnt -= 1;
        }
        w.ip = w.ip.add(PRECALL);
        w.instead(call, nargs)
    }

    /// `CALL`
    fn call(w, nargs) {
        if w.arg(1) != 0 {
            return w.full(nargs);
        }
        let below = w.peek(nargs + 2);
        let method = !below.is_null();
        let callable = if method { below } else { w.peek(nargs + 1) };
        if type_of(callable) != &raw mut sys::PyFunction_Type {
            return w.instead(call_builtin, nargs);
        }
        let function = callable.cast::<PyFunctionObject>();
        let code = (*function).func_code.cast::<PyCodeObject>();
        let data = code_data::get(code);
        if data.is_null() {
            return w.full(nargs);
        }
        let translation = &raw const (*data).translation;
        let given = nargs + usize::from(method);
        let parameters = (*translation).parameters;
        if parameters != given as i32 {
            return w.instead(call_with_defaults, nargs);
        }
        if !has_room(&w, (*translation).frame_bytes) {
            return w.full(nargs);
        }
        let args = w.sp.sub(given);
        w.sp = args.sub(2 - usize::from(method));
        let callee = push_frame(&w, function, code, (*translation).frame_bytes);
        let locals = frame::locals(callee);
        for i in 0..given {
            *locals.add(i) = *args.add(i);
        }
        let count = (*code).co_nlocalsplus as usize;
        for i in given..count {
            *locals.add(i) = std::ptr::null_mut();
        }
        let units = (*translation).units;
        (*w.home).enter(units, code);
        jump(callee, locals.add(count), units, w.tstate, w.home)
    }

    /// `CALL` of a Python function that takes the rest of its parameters from its defaults.
    fn call_with_defaults(w, nargs) {
        let below = w.peek(nargs + 2);
        let method = !below.is_null();
        let function = (if method { below } else { w.peek(nargs + 1) }).cast::<PyFunctionObject>();
        let code = (*function).func_code.cast::<PyCodeObject>();
        let translation = &raw const (*code_data::get(code)).translation;
        let given = nargs + usize::from(method);
        let parameters = (*translation).parameters;
        let defaults = (*function).func_defaults;
        if parameters < given as i32 || defaults.is_null() || !has_room(&w, (*translation).frame_bytes) {
            return w.full(nargs);
        }
        let parameters = parameters as usize;
        let available = helpers::size_of_sequence(defaults);
        if given + available < parameters || available > parameters {
            return w.full(nargs);
        }
        let args = w.sp.sub(given);
        w.sp = args.sub(2 - usize::from(method));
        let callee = push_frame(&w, function, code, (*translation).frame_bytes);
        let locals = frame::locals(callee);
        for i in 0..given {
            *locals.add(i) = *args.add(i);
        }
        for i in given..parameters {
            let value = *helpers::tuple_items(defaults).add(i + available - parameters);
            (*value).ob_refcnt += 1;
            *locals.add(i) = value;
        }
        let count = (*code).co_nlocalsplus as usize;
        for i in parameters..count {
            *locals.add(i) = std::ptr::null_mut();
        }
        let units = (*translation).units;
        (*w.home).enter(units, code);
        jump(callee, locals.add(count), units, w.tstate, w.home)
    }

    /// `CALL` of C functions, method descriptors and types.
    fn call_builtin(w, nargs) {
        let below = w.peek(nargs + 2);
        let method = !below.is_null();
        let given = nargs + usize::from(method);
        let callable = if method { below } else { w.peek(nargs + 1) };
        let args = w.sp.sub(given);
        w.show();
        let Some(result) = builtin_calls::call(w.tstate, callable, args, given) else {
            return w.full(nargs);
        };
        // The callable first, then the arguments from the lowest.
        decref(callable);
        for i in 0..given {
            decref(*args.add(i));
        }
        w.sp = args.sub(2 - usize::from(method));
        if result.is_null() {
            return dispatch::leave(w, CALL, Flow::Raise);
        }
        w.push(result);
        if !w.breaker_clear() {
            return w.instead(serve_breaker, 0);
        }
        w.next(CALL)
    }

    /// After a `CALL`: signals, requests for the GIL, pending calls, or a trace function that was set.
    fn serve_breaker(w, _arg) {
        match eval_breaker::serve(w.tstate, w.frame) {
            Flow::Next => w.next(CALL),
            flow => dispatch::leave(w, CALL, flow),
        }
    }

    /// `RETURN_VALUE` to a caller in the same activation, of a frame that nobody looked at.
    fn return_value(w, arg) {
        let tstate = w.tstate;
        let dying = w.frame;
        let chunk = (*tstate).datastack_chunk;
        if (*dying).is_entry
            || (*dying).owner != sys::_frameowner_FRAME_OWNED_BY_THREAD as std::ffi::c_char
            || !(*dying).frame_obj.is_null()
            || !(*dying).f_locals.is_null()
            || std::ptr::eq(dying.cast(), &raw const (*chunk).data)
        {
            return w.full(arg);
        }
        let code = (*dying).f_code;
        let function = (*dying).f_func.cast::<PyObject>();
        if (*function).ob_refcnt == 1 || (*code).ob_base.ob_base.ob_refcnt == 1 {
            return w.full(arg);
        }
        // Locals from the first on, as long as what dies is a number; the opcode goes on where this stops.
        let locals = frame::locals(dying);
        let count = (*code).co_nlocalsplus as usize;
        for i in 0..count {
            let o = *locals.add(i);
            if !o.is_null() {
                if (*o).ob_refcnt > 1 {
                    (*o).ob_refcnt -= 1;
                } else if !numbers::free_number(tstate, o) {
                    return w.full(arg);
                }
                *locals.add(i) = std::ptr::null_mut();
            }
        }
        let value = w.peek(1);
        let caller = (*dying).previous;
        (*tstate).recursion_remaining += 1;
        (*(*tstate).cframe).current_frame = caller;
        (*function).ob_refcnt -= 1;
        (*code).ob_base.ob_base.ob_refcnt -= 1;
        (*tstate).datastack_top = dying.cast();
        return_to(caller, value, w)
    }
}

/// Goes on in the caller with a call's value, or with what a generator gave it.
#[inline(always)]
pub(super) unsafe fn return_to(caller: *mut _PyInterpreterFrame, value: *mut PyObject, w: Registers) -> Flow {
    // SAFETY: the caller's frame says where it stands.
    unsafe {
        let sp = frame::locals(caller).add((*caller).stacktop as usize);
        *sp = value;
        let sp = sp.add(1);
        (*caller).stacktop = -1;
        let code = (*caller).f_code;
        let at = (*caller).prev_instr.add(1);
        let data = code_data::get(code);
        if data.is_null() || (*data).translation.units.is_null() {
            (*w.home).registers = Direct { frame: caller, sp, ip: at, tstate: w.tstate, home: w.home };
            return Flow::Switch;
        }
        let units = (*data).translation.units;
        (*w.home).enter(units, code);
        let ip = units.add(at.offset_from(frame::first_instruction(code)) as usize);
        jump(caller, sp, ip, w.tstate, w.home)
    }
}

/// Room for a frame of this size, for one more level of recursion, and no other evaluator that would have to see the frame?
#[inline(always)]
unsafe fn has_room(w: &Registers, bytes: u32) -> bool {
    // SAFETY: the machine's invariant.
    unsafe {
        let tstate = w.tstate;
        let room = ((*tstate).datastack_limit as usize).wrapping_sub((*tstate).datastack_top as usize);
        (*tstate).recursion_remaining > 1 && (bytes as usize) < room && crate::evaluate::is_current(tstate)
    }
}

/// Links a new frame and makes it current; its locals are the caller's to fill. The function's reference moves into it.
/// `w` stands at the `CALL`, without its operands.
#[inline(always)]
unsafe fn push_frame(
    w: &Registers,
    function: *mut PyFunctionObject,
    code: *mut PyCodeObject,
    bytes: u32,
) -> *mut _PyInterpreterFrame {
    // SAFETY: there is room; the caller's frame is current.
    unsafe {
        let tstate = w.tstate;
        let callee = (*tstate).datastack_top.cast::<_PyInterpreterFrame>();
        (*tstate).datastack_top = callee.byte_add(bytes as usize).cast();
        (*code).ob_base.ob_base.ob_refcnt += 1;
        (*callee).f_func = function;
        (*callee).f_code = code;
        (*callee).f_builtins = (*function).func_builtins;
        (*callee).f_globals = (*function).func_globals;
        (*callee).f_locals = std::ptr::null_mut();
        (*callee).frame_obj = std::ptr::null_mut();
        (*callee).prev_instr = frame::first_instruction(code).sub(1);
        (*callee).is_entry = false;
        (*callee).owner = sys::_frameowner_FRAME_OWNED_BY_THREAD as _;
        (*callee).stacktop = -1;
        let caller = w.frame;
        (*caller).stacktop = w.sp.offset_from(frame::locals(caller)) as i32;
        // CPython's specialised calls leave it at their last unit.
        (*caller).prev_instr = w.instruction().add(CALL - 1);
        (*callee).previous = caller;
        (*(*tstate).cframe).current_frame = callee;
        (*tstate).recursion_remaining -= 1;
        callee
    }
}
