//! Calls of Python functions, where the site does not know which. `PRECALL` does the work of the `CALL` behind it.

use super::call_site::{CALL, PRECALL, Site};
use super::parked::{back, drop_at_once, failed, park};
use super::registers::{Registers, jump};
use super::{builtin_calls, exceptions, handlers, returns};
use crate::code_data;
use crate::completion::{Completion, Link};
use crate::direct::Direct;
use crate::machine::Flow;
use crate::opcode::CALL_CACHES;
use crate::{bind, helpers};
use capi::frame;
use capi::refs::{decref, type_of};
use capi::sys::{self, _PyInterpreterFrame, PyCodeObject, PyFunctionObject, PyMethodObject, PyObject};
use capi::words::{copy_references, fill_nulls, move_words};

handlers! {
    /// `PRECALL` and `CALL`.
    fn precall(w, nargs) {
        let below = w.peek(nargs + 2);
        let callable = if below.is_null() { w.peek(nargs + 1) } else { below };
        let ty = type_of(callable);
        if ty == &raw mut sys::PyMethod_Type && below.is_null() {
            // A bound method becomes its function and its object.
            if (*callable).ob_refcnt == 1 {
                return w.instead(precall_last, nargs);
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

    /// `PRECALL` of a bound method that dies of it.
    fn precall_last(w, nargs) {
        w.show();
        let callable = w.peek(nargs + 1);
        let method = callable.cast::<PyMethodObject>();
        let (function, this) = ((*method).im_func, (*method).im_self);
        (*function).ob_refcnt += 1;
        (*this).ob_refcnt += 1;
        w.poke(nargs + 1, this);
        w.poke(nargs + 2, function);
        decref(callable);
        w.ip = w.ip.add(PRECALL);
        w.instead(call, nargs)
    }

    /// `CALL`
    fn call(w, nargs) {
        let below = w.peek(nargs + 2);
        let method = !below.is_null();
        let callable = if method { below } else { w.peek(nargs + 1) };
        if type_of(callable) != &raw mut sys::PyFunction_Type {
            return w.instead(builtin_calls::call, nargs);
        }
        if !(*w.cache::<Site>(1)).names.is_null() {
            return w.instead(call_with_names, nargs);
        }
        let function = callable.cast::<PyFunctionObject>();
        let code = (*function).func_code.cast::<PyCodeObject>();
        let brief = code_data::brief(code);
        if brief.is_null() {
            return w.full(nargs);
        }
        let given = nargs + usize::from(method);
        if i32::from((*brief).parameters) != given as i32 {
            return w.instead(call_with_defaults, nargs);
        }
        if !has_room(&w, (*brief).frame_bytes, 1) {
            return w.full(nargs);
        }
        let args = w.sp.sub(given);
        w.sp = args.sub(2 - usize::from(method));
        let callee = push_frame(&w, function, code, (*brief).frame_bytes);
        let locals = frame::locals(callee);
        let sp = locals.add((*code).co_nlocalsplus as usize);
        fill_nulls(move_words(args, given, locals), sp);
        jump(callee, sp, (*brief).units, w.tstate, w.home)
    }

    /// `CALL` of a Python function that takes the rest of its parameters from its defaults.
    fn call_with_defaults(w, nargs) {
        let below = w.peek(nargs + 2);
        let method = !below.is_null();
        let function = (if method { below } else { w.peek(nargs + 1) }).cast::<PyFunctionObject>();
        let code = (*function).func_code.cast::<PyCodeObject>();
        let brief = code_data::brief(code);
        let given = nargs + usize::from(method);
        let parameters = i32::from((*brief).parameters);
        let defaults = (*function).func_defaults;
        if parameters < given as i32 || defaults.is_null() || !has_room(&w, (*brief).frame_bytes, 1) {
            return w.instead(call_with_names, nargs);
        }
        let missing = parameters as usize - given;
        let from = bind::defaults(defaults, given, missing);
        if from.is_null() {
            return w.instead(call_with_binding, nargs);
        }
        let args = w.sp.sub(given);
        w.sp = args.sub(2 - usize::from(method));
        let callee = push_frame(&w, function, code, (*brief).frame_bytes);
        let locals = frame::locals(callee);
        let to = move_words(args, given, locals);
        let to = copy_references(from, missing, to);
        let sp = locals.add((*code).co_nlocalsplus as usize);
        fill_nulls(to, sp);
        jump(callee, sp, (*brief).units, w.tstate, w.home)
    }

    /// `CALL` of a Python function that takes no variable number of arguments: with keywords, or with defaults of keyword-only parameters.
    fn call_with_names(w, nargs) {
        let below = w.peek(nargs + 2);
        let method = !below.is_null();
        let function = (if method { below } else { w.peek(nargs + 1) }).cast::<PyFunctionObject>();
        let code = (*function).func_code.cast::<PyCodeObject>();
        let brief = code_data::brief(code);
        if brief.is_null() || (*brief).units.is_null() {
            return w.full(nargs);
        }
        if !has_room(&w, (*brief).frame_bytes, 1) {
            return w.full(nargs);
        }
        let given = nargs + usize::from(method);
        let args = w.sp.sub(given);
        let locals = next_locals(&w);
        if !bind::names(function, args, given, (*w.cache::<Site>(1)).names, locals) {
            return w.instead(call_with_binding, nargs);
        }
        w.sp = args.sub(2 - usize::from(method));
        let callee = push_frame(&w, function, code, (*brief).frame_bytes);
        jump(callee, locals.add((*code).co_nlocalsplus as usize), (*brief).units, w.tstate, w.home)
    }

    /// `CALL` of a Python function with any parameters.
    fn call_with_binding(w, nargs) {
        if !may_call(&w, 1) {
            return w.full(nargs);
        }
        w.show();
        let below = w.peek(nargs + 2);
        let method = !below.is_null();
        let given = nargs + usize::from(method);
        let function = (if method { below } else { w.peek(nargs + 1) }).cast::<PyFunctionObject>();
        let args = w.sp.sub(given);
        w.sp = args.sub(2 - usize::from(method));
        let warm = reserve(&w, function, CALL);
        let callee = bind::push(w.tstate, function, args, given, (*w.cache::<Site>(1)).names);
        if callee.is_null() {
            unreserve(&w, warm);
            return exceptions::raise(w);
        }
        // CPython's inlined calls leave it at their last unit.
        let shown = w.instruction().add(CALL_CACHES);
        enter(w, callee, shown, Completion::WARM_CALL, warm)
    }

    /// `CALL_FUNCTION_EX`
    fn call_function_ex(w, flags) {
        let (function, args) = (w.peek(2), w.peek(1));
        // A function whose parameters are the items of a tuple, one by one.
        if flags & 1 != 0
            || type_of(function) != &raw mut sys::PyFunction_Type
            || type_of(args) != &raw mut sys::PyTuple_Type
        {
            return w.instead(spread, flags);
        }
        let function = function.cast::<PyFunctionObject>();
        let code = (*function).func_code.cast::<PyCodeObject>();
        let brief = code_data::brief(code);
        let given = helpers::size_of_sequence(args);
        if brief.is_null() {
            return w.instead(spread, flags);
        }
        if i32::from((*brief).parameters) != given as i32 {
            return w.instead(spread_with_defaults, flags);
        }
        let bytes = (*brief).frame_bytes;
        if !has_room(&w, bytes, 1) {
            return w.full(flags);
        }
        (*function).ob_base.ob_refcnt += 1;
        let callee =
            push_frame_as(&w, function, code, bytes, w.instruction(), 1, Completion::warm_spread(false));
        let to = copy_references(helpers::tuple_items(args), given, frame::locals(callee));
        let sp = frame::stack_base(callee);
        fill_nulls(to, sp);
        jump(callee, sp, (*brief).units, w.tstate, w.home)
    }

    /// `CALL_FUNCTION_EX` of such a function with a tuple, the rest of whose parameters have defaults.
    fn spread_with_defaults(w, flags) {
        let (function, args) = (w.peek(2).cast::<PyFunctionObject>(), w.peek(1));
        let code = (*function).func_code.cast::<PyCodeObject>();
        let brief = code_data::brief(code);
        let bytes = (*brief).frame_bytes;
        if (*brief).units.is_null() || !has_room(&w, bytes, 1) {
            return w.instead(spread, flags);
        }
        let locals = next_locals(&w);
        let given = helpers::size_of_sequence(args);
        if !bind::names(function, helpers::tuple_items(args), given, std::ptr::null_mut(), locals) {
            return w.instead(spread, flags);
        }
        for i in 0..given {
            (**locals.add(i)).ob_refcnt += 1;
        }
        (*function).ob_base.ob_refcnt += 1;
        let callee =
            push_frame_as(&w, function, code, bytes, w.instruction(), 1, Completion::warm_spread(false));
        jump(callee, frame::stack_base(callee), (*brief).units, w.tstate, w.home)
    }

    /// `CALL_FUNCTION_EX` of a Python function or a bound method of one, with any arguments.
    fn spread(w, flags) {
        let extra = flags & 1;
        let (function, args) = (w.peek(2 + extra), w.peek(1 + extra));
        if !may_call(&w, 1) || !bind::is_spreadable(function, args, if extra == 1 { w.peek(1) } else { std::ptr::null_mut() }) {
            return w.instead(spread_by_protocol, flags);
        }
        w.show();
        if type_of(args) == &raw mut sys::PyList_Type {
            let tuple = sys::PySequence_Tuple(args);
            if tuple.is_null() {
                return w.full(flags);
            }
            w.poke(1 + extra, tuple);
            decref(args);
        }
        let kwargs = if extra == 1 { w.peek(1) } else { std::ptr::null_mut() };
        let warm = reserve(&w, bind::function_of(function), 1);
        let callee = bind::spread(w.tstate, function, w.peek(1 + extra), kwargs);
        let completion = Completion::warm_spread(extra == 1);
        let shown = w.instruction();
        if callee.is_null() {
            unreserve(&w, warm);
            let Registers { frame, sp, tstate, home, .. } = w;
            (*home).registers = Direct { frame, sp, ip: shown.add(1), tstate, home };
            return completion.without_link().finish(&mut (*home).registers, std::ptr::null_mut());
        }
        enter(w, callee, shown, completion, warm)
    }

    /// `CALL_FUNCTION_EX` of anything else.
    fn spread_by_protocol(w, flags) {
        let extra = flags & 1;
        let (function, args) = (w.peek(2 + extra), w.peek(1 + extra));
        let kwargs = if extra == 1 { w.peek(1) } else { std::ptr::null_mut() };
        if type_of(args) != &raw mut sys::PyTuple_Type || extra == 1 && type_of(kwargs) != &raw mut sys::PyDict_Type {
            return w.full(flags);
        }
        let home = park(w);
        let result = sys::PyObject_Call(function, args, kwargs);
        let mut w = back(home);
        let operands = 2 + (w.arg(0) & 1);
        if result.is_null() {
            return failed(home, operands);
        }
        // Below them stands NULL.
        for depth in (1..=operands).rev() {
            drop_at_once(home, w.peek(depth));
        }
        w.shrink(operands);
        w.poke(1, result);
        if !w.breaker_clear() {
            return w.instead(returns::serve_breaker_after_spread, 0);
        }
        w.next(1)
    }
}

/// Room for a frame of this size, for more levels of recursion, and no other evaluator that would have to see the frame?
#[inline(always)]
pub(super) unsafe fn has_room(w: &Registers, bytes: u32, levels: i32) -> bool {
    // SAFETY: the machine's invariant.
    unsafe {
        let room = ((*w.tstate).datastack_limit as usize).wrapping_sub((*w.tstate).datastack_top as usize);
        bytes as usize + size_of::<Link>() < room && may_call(w, levels)
    }
}

/// Where the locals of the next frame will be: nobody's place until the frame is pushed.
#[inline(always)]
unsafe fn next_locals(w: &Registers) -> *mut *mut PyObject {
    // SAFETY: there is room.
    unsafe { frame::locals((*w.tstate).datastack_top.byte_add(size_of::<Link>()).cast()) }
}

/// Writes a link at the top of the data stack, where there is room, to the unit `width` units further; the place of the frame behind it.
#[inline(always)]
unsafe fn link(w: &Registers, width: usize) -> *mut _PyInterpreterFrame {
    // SAFETY: by the caller.
    unsafe {
        let link = (*w.tstate).datastack_top.cast::<Link>();
        *link = Link { next: w.ip.add(width) };
        link.add(1).cast()
    }
}

/// Where `capi` will push a frame for the function next: makes a link for it, if the frame can be one that warm code is used to. The
/// calling instruction has `width` units. Without a frame, [`unreserve`] it.
#[inline(always)]
pub(super) unsafe fn reserve(w: &Registers, function: *mut PyFunctionObject, width: usize) -> bool {
    // SAFETY: a live function.
    unsafe {
        let code = (*function).func_code.cast::<PyCodeObject>();
        let bytes = frame::words(code) * size_of::<usize>();
        // Nearly full a chunk is left alone.
        let fits = (*code).co_flags as u32 & sys::CO_OPTIMIZED != 0 && has_room(w, (bytes + 64) as u32, 1);
        if fits {
            (*w.tstate).datastack_top = link(w, width).cast();
        }
        fits
    }
}

/// Takes a link back whose frame was not pushed.
#[inline(always)]
pub(super) unsafe fn unreserve(w: &Registers, reserved: bool) {
    if reserved {
        // SAFETY: nothing is above the link.
        unsafe { (*w.tstate).datastack_top = (*w.tstate).datastack_top.byte_sub(size_of::<Link>()) }
    }
}

/// More levels of recursion, and no other evaluator?
#[inline(always)]
pub(super) unsafe fn may_call(w: &Registers, levels: i32) -> bool {
    // SAFETY: the machine's invariant.
    unsafe { (*w.tstate).recursion_remaining > levels && crate::evaluate::is_current(w.tstate) }
}

/// Links a new frame and makes it current; its locals are the caller's to fill. The function's reference moves into it.
/// `w` stands at the `CALL`, without its operands.
#[inline(always)]
pub(super) unsafe fn push_frame(
    w: &Registers,
    function: *mut PyFunctionObject,
    code: *mut PyCodeObject,
    bytes: u32,
) -> *mut _PyInterpreterFrame {
    // SAFETY: there is room; the caller's frame is current. CPython's inlined calls leave the caller at their last unit.
    unsafe {
        push_frame_as(w, function, code, bytes, w.instruction().add(CALL_CACHES), CALL, Completion::WARM_CALL)
    }
}

/// The same; the caller shows the instruction `shown`, and the calling one has `width` units.
#[inline(always)]
pub(super) unsafe fn push_frame_as(
    w: &Registers,
    function: *mut PyFunctionObject,
    code: *mut PyCodeObject,
    bytes: u32,
    shown: *mut u16,
    width: usize,
    completion: Completion,
) -> *mut _PyInterpreterFrame {
    // SAFETY: there is room; the caller's frame is current.
    unsafe {
        let tstate = w.tstate;
        let callee = link(w, width);
        (*tstate).datastack_top = callee.byte_add(bytes as usize).cast();
        (*code).ob_base.ob_base.ob_refcnt += 1;
        (*callee).f_func = function;
        (*callee).f_code = code;
        (*callee).f_builtins = (*function).func_builtins;
        (*callee).f_globals = (*function).func_globals;
        (*callee).f_locals = std::ptr::null_mut();
        (*callee).frame_obj = std::ptr::null_mut();
        (*callee).prev_instr = frame::first_instruction(code).sub(1);
        // `stacktop`, `is_entry`, `owner`, note.
        (&raw mut (*callee).stacktop).cast::<u64>().write(completion.word());
        let caller = w.frame;
        (*caller).stacktop = w.sp.offset_from(frame::locals(caller)) as i32;
        (*caller).prev_instr = shown;
        (*callee).previous = caller;
        (*(*tstate).cframe).current_frame = callee;
        (*tstate).recursion_remaining -= 1;
        callee
    }
}

/// Goes on in a frame that `capi` pushed, which is linked now.
#[inline(always)]
pub(super) unsafe fn enter(
    w: Registers,
    callee: *mut _PyInterpreterFrame,
    shown: *mut u16,
    completion: Completion,
    warm: bool,
) -> Flow {
    // SAFETY: a new frame with its locals; the caller's frame is current.
    unsafe {
        let Registers { tstate, home, .. } = w;
        let caller = w.frame;
        (*caller).stacktop = w.sp.offset_from(frame::locals(caller)) as i32;
        (*caller).prev_instr = shown;
        (*callee).previous = caller;
        (*callee).stacktop = -1;
        completion.note(callee, warm);
        (*(*tstate).cframe).current_frame = callee;
        (*tstate).recursion_remaining -= 1;
        let code = (*callee).f_code;
        let sp = frame::stack_base(callee);
        let brief = code_data::brief(code);
        if brief.is_null() || (*brief).units.is_null() {
            let ip = frame::first_instruction(code);
            (*home).registers = Direct { frame: callee, sp, ip, tstate, home };
            return Flow::Switch;
        }
        jump(callee, sp, (*brief).units, tstate, home)
    }
}
