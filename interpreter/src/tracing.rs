//! The events of trace and profile functions (`call_trace` and those around it in Python/ceval.c). When they come, says `traced`.

use crate::helpers;
use capi::frame;
use capi::refs::{decref, new_ref, type_of, xdecref};
use capi::sys::{self, _PyInterpreterFrame, Py_tracefunc, PyCodeObject, PyObject, PyThreadState};
use std::ptr;

/// Is a trace or profile function active in this activation?
///
/// # Safety
/// `tstate` is the running thread's.
#[inline(always)]
pub unsafe fn is_on(tstate: *mut PyThreadState) -> bool {
    // SAFETY: by contract.
    unsafe { (*(*tstate).cframe).use_tracing != 0 }
}

/// Calls one function (`call_trace`). False: it raised.
unsafe fn tell(
    tstate: *mut PyThreadState,
    function: Py_tracefunc,
    object: *mut PyObject,
    frame: *mut _PyInterpreterFrame,
    what: u32,
    arg: *mut PyObject,
) -> bool {
    // SAFETY: by the caller; the functions' slots were filled by `sys.settrace` and the like.
    unsafe {
        let Some(function) = function else { return true };
        if (*tstate).tracing != 0 {
            return true;
        }
        let shown = frame::make_frame_object(tstate, frame);
        if shown.is_null() {
            return false;
        }
        let before = (*tstate).tracing_what;
        (*tstate).tracing_what = what as i32;
        sys::PyThreadState_EnterTracing(tstate);
        let result = function(object, shown, what as i32, arg);
        sys::PyThreadState_LeaveTracing(tstate);
        (*tstate).tracing_what = before;
        result == 0
    }
}

/// The same while an exception may be set, which stays set unless the function raises another (`call_trace_protected`).
unsafe fn tell_protected(
    tstate: *mut PyThreadState,
    function: Py_tracefunc,
    object: *mut PyObject,
    frame: *mut _PyInterpreterFrame,
    what: u32,
    arg: *mut PyObject,
) -> bool {
    // SAFETY: by the caller.
    unsafe {
        let (mut class, mut value, mut traceback) = (ptr::null_mut(), ptr::null_mut(), ptr::null_mut());
        sys::PyErr_Fetch(&mut class, &mut value, &mut traceback);
        let goes_on = tell(tstate, function, object, frame, what, arg);
        if goes_on {
            sys::PyErr_Restore(class, value, traceback);
        } else {
            xdecref(class);
            xdecref(value);
            xdecref(traceback);
        }
        goes_on
    }
}

/// An event for both functions, the trace function's first. False: one raised.
unsafe fn tell_both(
    tstate: *mut PyThreadState,
    frame: *mut _PyInterpreterFrame,
    what: u32,
    arg: *mut PyObject,
) -> bool {
    // SAFETY: by the caller. The first may change what the second is.
    unsafe {
        tell_protected(tstate, (*tstate).c_tracefunc, (*tstate).c_traceobj, frame, what, arg)
            && tell_protected(tstate, (*tstate).c_profilefunc, (*tstate).c_profileobj, frame, what, arg)
    }
}

/// The `call` events. False: a function raised.
///
/// # Safety
/// `frame` is the running thread's current frame, its `prev_instr` and `stacktop` are up to date.
pub unsafe fn entered(tstate: *mut PyThreadState, frame: *mut _PyInterpreterFrame) -> bool {
    // SAFETY: by contract.
    unsafe { tell_both(tstate, frame, sys::PyTrace_CALL, helpers::none()) }
}

/// The `return` events of a frame that gives this value (borrowed). False: a function raised.
///
/// # Safety
/// As [`entered`].
pub unsafe fn returns(
    tstate: *mut PyThreadState,
    frame: *mut _PyInterpreterFrame,
    value: *mut PyObject,
) -> bool {
    // SAFETY: by contract.
    unsafe { tell_both(tstate, frame, sys::PyTrace_RETURN, value) }
}

/// The `return` events of a frame that an exception leaves (`TRACE_FUNCTION_UNWIND`); another one that they raise takes its place.
///
/// # Safety
/// As [`entered`]; an exception is set.
#[cold]
pub unsafe fn unwound(tstate: *mut PyThreadState, frame: *mut _PyInterpreterFrame) {
    // SAFETY: by contract.
    let _ = unsafe { tell_both(tstate, frame, sys::PyTrace_RETURN, ptr::null_mut()) };
}

/// The `line` and `opcode` events before the instruction that the frame shows (`maybe_call_line_trace`); `previous` is the index of the
/// unit that it showed before. False: the trace function raised.
///
/// # Safety
/// As [`entered`].
pub unsafe fn reached(tstate: *mut PyThreadState, frame: *mut _PyInterpreterFrame, previous: isize) -> bool {
    // SAFETY: by contract; the indices are of this code's units.
    unsafe {
        let code = (*frame).f_code;
        if !has_lines(code) {
            return false;
        }
        let now = (*frame).prev_instr.offset_from(frame::first_instruction(code));
        let last_line =
            if previous <= (*code)._co_firsttraceable as isize { -1 } else { line_of(code, previous) };
        let line = line_of(code, now);
        let shown = frame::make_frame_object(tstate, frame);
        if shown.is_null() {
            return false;
        }
        let (function, object) = ((*tstate).c_tracefunc, (*tstate).c_traceobj);
        // Also jumps backwards, but not the waiting of `yield from`.
        let is_new = line != last_line || now < previous && *(*frame).prev_instr as u8 != capi::opcode::SEND;
        if line != -1
            && (*shown).f_trace_lines != 0
            && is_new
            && !tell(tstate, function, object, frame, sys::PyTrace_LINE, helpers::none())
        {
            return false;
        }
        (*shown).f_trace_opcodes == 0
            || tell(tstate, function, object, frame, sys::PyTrace_OPCODE, helpers::none())
    }
}

/// Sees to it that the code has its array of lines, as CPython makes and frees it (`_PyCode_CreateLineArray`). False with MemoryError set.
unsafe fn has_lines(code: *mut PyCodeObject) -> bool {
    // SAFETY: live code; the GIL is held. The array has an entry for each of the code's units.
    unsafe {
        if !(*code)._co_linearray.is_null() {
            return true;
        }
        let units = (*code).ob_base.ob_size as usize;
        let each = |found: &mut dyn FnMut(usize, i32)| {
            let table = (*code).co_linetable.cast::<sys::PyBytesObject>();
            let start = (&raw const (*table).ob_sval).cast::<u8>();
            let limit = start.add((*table).ob_base.ob_size as usize);
            let opaque = sys::_opaque { computed_line: (*code).co_firstlineno, lo_next: start, limit };
            let mut bounds = sys::PyCodeAddressRange { ar_start: -1, ar_end: 0, ar_line: -1, opaque };
            for index in 0..units {
                found(index, sys::_PyCode_CheckLineNumber(2 * index as i32, &mut bounds));
            }
        };
        let mut most = 0;
        each(&mut |_, line| most = most.max(line));
        let width = if most < 1 << 15 { 2 } else { 4 };
        let array = sys::PyMem_Malloc(units * width);
        if array.is_null() {
            sys::PyErr_NoMemory();
            return false;
        }
        each(&mut |index, line| match width {
            2 => array.cast::<i16>().add(index).write(line as i16),
            _ => array.cast::<i32>().add(index).write(line),
        });
        (*code)._co_linearray_entry_size = width as i16;
        (*code)._co_linearray = array.cast();
        true
    }
}

/// The line of a unit, -1 for none (`_PyCode_LineNumberFromArray`).
unsafe fn line_of(code: *mut PyCodeObject, index: isize) -> i32 {
    // SAFETY: by the caller: the array is there, and so is the unit.
    unsafe {
        let array = (*code)._co_linearray;
        match (*code)._co_linearray_entry_size {
            2 => i32::from(*array.cast::<i16>().offset(index)),
            _ => *array.cast::<i32>().offset(index),
        }
    }
}

/// Calls something with events for the profile function if it is a C function (`trace_call_function`). Borrows all; null with an exception set.
///
/// # Safety
/// A live callable and arguments, the last of which belong to `kwnames`, which is a tuple or null; the frames are up to date.
pub unsafe fn call(
    tstate: *mut PyThreadState,
    function: *mut PyObject,
    args: *const *mut PyObject,
    nargs: usize,
    kwnames: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: by contract.
    unsafe {
        if is_c_function(function) {
            return watched(tstate, function, || sys::PyObject_Vectorcall(function, args, nargs, kwnames));
        }
        if is_method_descriptor(function) && nargs > 0 {
            let method = bind(function, *args);
            if method.is_null() {
                return method;
            }
            let call = || sys::PyObject_Vectorcall(method, args.add(1), nargs - 1, kwnames);
            let result = watched(tstate, method, call);
            decref(method);
            return result;
        }
        sys::PyObject_Vectorcall(function, args, nargs, kwnames)
    }
}

/// The same for `f(*args, **kwargs)` (`do_call_core`).
///
/// # Safety
/// As [`call`]; `args` is a tuple, `kwargs` a dict or null.
pub unsafe fn call_spread(
    tstate: *mut PyThreadState,
    function: *mut PyObject,
    args: *mut PyObject,
    kwargs: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: by contract.
    unsafe {
        if is_c_function(function) {
            return watched(tstate, function, || sys::PyObject_Call(function, args, kwargs));
        }
        let nargs = helpers::size_of_sequence(args);
        if is_method_descriptor(function) && nargs > 0 {
            let items = helpers::tuple_items(args);
            let method = bind(function, *items);
            if method.is_null() {
                return method;
            }
            let call = || sys::PyObject_VectorcallDict(method, items.add(1), nargs - 1, kwargs);
            let result = watched(tstate, method, call);
            decref(method);
            return result;
        }
        sys::PyObject_Call(function, args, kwargs)
    }
}

unsafe fn is_c_function(o: *mut PyObject) -> bool {
    // SAFETY: a live object.
    let ty = unsafe { type_of(o) };
    ty == &raw mut sys::PyCFunction_Type || ty == &raw mut sys::PyCMethod_Type
}

unsafe fn is_method_descriptor(o: *mut PyObject) -> bool {
    // SAFETY: a live object.
    unsafe { type_of(o) == &raw mut sys::PyMethodDescr_Type }
}

/// A method of this object, for the profile function to see (owned).
unsafe fn bind(descriptor: *mut PyObject, object: *mut PyObject) -> *mut PyObject {
    // SAFETY: a live method descriptor, which has this slot.
    unsafe {
        let get = (*type_of(descriptor)).tp_descr_get.unwrap_unchecked();
        get(descriptor, object, type_of(object).cast())
    }
}

/// A call with the events around it (`C_TRACE`).
unsafe fn watched(
    tstate: *mut PyThreadState,
    function: *mut PyObject,
    call: impl FnOnce() -> *mut PyObject,
) -> *mut PyObject {
    // SAFETY: by the caller.
    unsafe {
        let profile = |what, protected| {
            let tell = if protected { tell_protected } else { tell };
            let frame = (*(*tstate).cframe).current_frame;
            tell(tstate, (*tstate).c_profilefunc, (*tstate).c_profileobj, frame, what, function)
        };
        if (*tstate).c_profilefunc.is_none() {
            return call();
        }
        if !profile(sys::PyTrace_C_CALL, false) {
            return ptr::null_mut();
        }
        let result = call();
        if result.is_null() {
            profile(sys::PyTrace_C_EXCEPTION, true);
        } else if !profile(sys::PyTrace_C_RETURN, false) {
            decref(result);
            return ptr::null_mut();
        }
        result
    }
}

/// The `exception` event (`call_exc_trace`): the exception stays set, unless the function raised another.
///
/// # Safety
/// An exception is set; `frame` is the current frame of the running thread.
#[cold]
pub unsafe fn exception(tstate: *mut PyThreadState, frame: *mut _PyInterpreterFrame) {
    // SAFETY: by contract.
    unsafe {
        if (*tstate).c_tracefunc.is_none() {
            return;
        }
        let (mut class, mut value, mut traceback) = (ptr::null_mut(), ptr::null_mut(), ptr::null_mut());
        sys::PyErr_Fetch(&mut class, &mut value, &mut traceback);
        if value.is_null() {
            value = new_ref(helpers::none());
        }
        sys::PyErr_NormalizeException(&mut class, &mut value, &mut traceback);
        let shown = if traceback.is_null() { helpers::none() } else { traceback };
        let arg = sys::PyTuple_Pack(3, class, value, shown);
        if arg.is_null() {
            sys::PyErr_Restore(class, value, traceback);
            return;
        }
        let goes_on =
            tell(tstate, (*tstate).c_tracefunc, (*tstate).c_traceobj, frame, sys::PyTrace_EXCEPTION, arg);
        decref(arg);
        if goes_on {
            sys::PyErr_Restore(class, value, traceback);
        } else {
            xdecref(class);
            xdecref(value);
            xdecref(traceback);
        }
    }
}
