//! Exceptions in a frame: the handler search, traceback entries, and the evaluator's own messages.
//!
//! Called when an opcode failed. Never catches anything: what is set stays set, unless the documentation says otherwise.
//!
//! ```text
//! co_exceptiontable: entries of four varints: start, size, target, depth * 2 + lasti      (all in code units)
//! ```

use crate::frame;
use crate::raise::is_exception;
use crate::refs::{new_ref, type_of, xdecref};
use crate::sys::{
    _Py_NoneStruct, _PyErr_ChainExceptions, _PyErr_Format, _PyErr_NormalizeException, _PyErr_Restore,
    _PyInterpreterFrame, _PyObject_GC_New, PyBaseExceptionObject, PyBytesObject, PyCode_Addr2Line,
    PyCodeObject, PyErr_Clear, PyErr_GivenExceptionMatches, PyExc_NameError, PyExc_SystemError,
    PyExc_UnboundLocalError, PyException_SetTraceback, PyNameErrorObject, PyObject, PyObject_GC_Track,
    PyObject_SetAttrString, PyThreadState, PyTraceBack_Type, PyTracebackObject, PyTupleObject, PyType_Type,
    PyUnicode_AsUTF8,
};
use std::ffi::CStr;
use std::mem::replace;
use std::ptr::null_mut;

/// Where an exception is handled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Handler {
    /// Index of the handler's first instruction, in code units.
    pub target: usize,
    /// How many stack slots remain.
    pub depth: usize,
    /// Whether the index of the faulting instruction is pushed as an int before the exception.
    pub lasti: bool,
}

/// Above this size the table is first narrowed by bisection (`MAX_LINEAR_SEARCH`).
const MAX_LINEAR_SEARCH: usize = 40;

/// Marks the first byte of an entry.
const ENTRY_START: u8 = 0x80;

/// A cursor over an exception table.
#[inline(always)]
fn varint(table: &[u8], at: &mut usize) -> usize {
    let mut byte = table[*at];
    *at += 1;
    let mut value = usize::from(byte & 0x3f);
    while byte & 0x40 != 0 {
        byte = table[*at];
        *at += 1;
        value = value << 6 | usize::from(byte & 0x3f);
    }
    value
}

/// The handler of the instruction with this index, in the bytes of a `co_exceptiontable`.
pub fn handler_in_table(table: &[u8], instruction: usize) -> Option<Handler> {
    let (mut start, mut end) = (0, table.len());
    if end > MAX_LINEAR_SEARCH && varint(table, &mut 0) > instruction {
        return None;
    }
    while end - start > MAX_LINEAR_SEARCH {
        let mut middle = start + (end - start) / 2;
        while table[middle] & ENTRY_START == 0 {
            middle -= 1;
        }
        if varint(table, &mut middle.clone()) > instruction {
            end = middle;
        } else {
            start = middle;
        }
    }
    let mut at = start;
    while at < end {
        let first = varint(table, &mut at);
        if first > instruction {
            return None;
        }
        let size = varint(table, &mut at);
        let target = varint(table, &mut at);
        let depth_and_lasti = varint(table, &mut at);
        if first + size > instruction {
            return Some(Handler { target, depth: depth_and_lasti >> 1, lasti: depth_and_lasti & 1 != 0 });
        }
    }
    None
}

/// The handler of the instruction with this index (in code units; of a fused or cached instruction its first unit).
///
/// # Safety
/// `code` is alive.
#[inline]
pub unsafe fn exception_handler(code: *mut PyCodeObject, instruction: usize) -> Option<Handler> {
    // SAFETY: a code object's exception table is a bytes object that lives as long.
    let table = unsafe {
        let bytes: *mut PyBytesObject = (*code).co_exceptiontable.cast();
        let data: *const u8 = (&raw const (*bytes).ob_sval).cast();
        std::slice::from_raw_parts(data, (*bytes).ob_base.ob_size as usize)
    };
    handler_in_table(table, instruction)
}

/// Sets `SystemError` when an opcode failed without an exception, as CPython's evaluator does.
///
/// # Safety
/// `tstate` is the current thread's; the GIL is held.
pub unsafe fn ensure_raised(tstate: *mut PyThreadState) {
    // SAFETY: the caller guarantees the thread state.
    unsafe {
        if (*tstate).curexc_type.is_null() {
            _PyErr_Format(tstate, PyExc_SystemError, c"error return without exception set".as_ptr());
        }
    }
}

/// The line of one instruction of a code object. To find it, CPython reads the table of lines from the code's start on, which takes longer
/// than all the rest of raising an exception.
#[derive(Debug)]
pub struct Line {
    /// The instruction, in bytes; -1: of none.
    lasti: i32,
    line: i32,
}

impl Line {
    /// Of no instruction.
    pub const NONE: Line = Line { lasti: -1, line: 0 };

    /// The line of the instruction at byte `lasti`.
    ///
    /// # Safety
    /// `code` is live, and always the same.
    unsafe fn of(&mut self, code: *mut PyCodeObject, lasti: i32) -> i32 {
        if self.lasti != lasti {
            // SAFETY: by contract.
            *self = Line { lasti, line: unsafe { PyCode_Addr2Line(code, lasti) } };
        }
        self.line
    }
}

/// Adds an entry for `frame` to the traceback of the set exception (`PyTraceBack_Here`). An incomplete frame gets none. `known` is where
/// the line was put when an instruction of the same code object raised last, or null. May collect garbage, and so run code.
///
/// # Safety
/// An exception is set; `frame` is a live frame of the current thread whose `prev_instr` is at the faulting instruction.
pub unsafe fn add_traceback(tstate: *mut PyThreadState, frame: *mut _PyInterpreterFrame, known: *mut Line) {
    // SAFETY: the caller guarantees the frame and the exception, whose counts go to the entry and back; a new object's fields are
    // written before it is tracked.
    unsafe {
        if frame::is_incomplete(frame) {
            return;
        }
        let object = frame::make_frame_object(tstate, frame);
        if object.is_null() {
            return;
        }
        let lasti = (*frame).prev_instr.byte_offset_from(frame::first_instruction((*frame).f_code)) as i32;
        let line = match ((*object).f_lineno, known.as_mut()) {
            (0, Some(known)) => known.of((*frame).f_code, lasti),
            (0, None) => PyCode_Addr2Line((*frame).f_code, lasti),
            (set_by_a_debugger, _) => set_by_a_debugger,
        };
        let (kind, value, next) = fetch(tstate);
        let entry: *mut PyTracebackObject = _PyObject_GC_New(&raw mut PyTraceBack_Type).cast();
        if entry.is_null() {
            _PyErr_ChainExceptions(kind, value, next);
            return;
        }
        (*entry).tb_next = next.cast();
        (*entry).tb_frame = new_ref(object.cast()).cast();
        (*entry).tb_lasti = lasti;
        (*entry).tb_lineno = line;
        PyObject_GC_Track(entry.cast());
        _PyErr_Restore(tstate, kind, value, entry.cast());
    }
}

/// Type, value and traceback of the set exception, which is none any more. `_PyErr_Fetch`.
#[inline(always)]
unsafe fn fetch(tstate: *mut PyThreadState) -> (*mut PyObject, *mut PyObject, *mut PyObject) {
    // SAFETY: the current thread's state; the counts move to the caller.
    unsafe {
        let kind = replace(&mut (*tstate).curexc_type, null_mut());
        let value = replace(&mut (*tstate).curexc_value, null_mut());
        let traceback = replace(&mut (*tstate).curexc_traceback, null_mut());
        (kind, value, traceback)
    }
}

/// Takes the set exception off the thread state: normalized, its traceback attached. Owned by the caller, never null.
/// May run code (the exception's constructor).
///
/// # Safety
/// An exception is set; `tstate` is the current thread's.
pub unsafe fn take(tstate: *mut PyThreadState) -> *mut PyObject {
    // SAFETY: the three counts move to our variables; normalizing keeps them owned.
    unsafe {
        let (mut kind, mut value, mut traceback) = fetch(tstate);
        // An instance of the very type is normal, unless a metaclass has its own view of that.
        if value.is_null()
            || type_of(value).cast() != kind
            || type_of(kind) != &raw mut PyType_Type
            || !is_exception(value)
        {
            _PyErr_NormalizeException(tstate, &mut kind, &mut value, &mut traceback);
        }
        if traceback.is_null() {
            traceback = new_ref(&raw mut _Py_NoneStruct);
        }
        if is_exception(value) {
            // An exception raised once more has it already, and the drop of this one is not its last.
            let before = replace(&mut (*value.cast::<PyBaseExceptionObject>()).traceback, traceback);
            xdecref(before);
        } else {
            PyException_SetTraceback(value, traceback);
            xdecref(traceback);
        }
        xdecref(kind);
        value
    }
}

/// Sets `exception` with `format`, whose one `%s` is the str `name`; a `NameError` gets it as attribute `name` too
/// (for suggestions). Nothing happens when `name` is null (`format_exc_check_arg`).
///
/// # Safety
/// `exception` is an exception class; `format` has just that one field; `name` is null or a live str.
#[cold]
pub unsafe fn format_exc_check_arg(
    tstate: *mut PyThreadState,
    exception: *mut PyObject,
    format: &CStr,
    name: *mut PyObject,
) {
    if name.is_null() {
        return;
    }
    // SAFETY: the caller guarantees the objects and the format; fetched counts are restored.
    unsafe {
        let text = PyUnicode_AsUTF8(name);
        if text.is_null() {
            return;
        }
        _PyErr_Format(tstate, exception, format.as_ptr(), text);
        if exception != PyExc_NameError {
            return;
        }
        let (mut kind, mut value, mut traceback) = fetch(tstate);
        _PyErr_NormalizeException(tstate, &mut kind, &mut value, &mut traceback);
        if PyErr_GivenExceptionMatches(value, PyExc_NameError) != 0
            && (*value.cast::<PyNameErrorObject>()).name.is_null()
            && PyObject_SetAttrString(value, c"name".as_ptr(), name) < 0
        {
            // Only the suggestion is lost.
            PyErr_Clear();
        }
        _PyErr_Restore(tstate, kind, value, traceback);
    }
}

/// "name 'x' is not defined".
///
/// # Safety
/// `name` is a live str; `tstate` is the current thread's.
#[cold]
pub unsafe fn name_error(tstate: *mut PyThreadState, name: *mut PyObject) {
    // SAFETY: the caller guarantees the str.
    unsafe { format_exc_check_arg(tstate, PyExc_NameError, c"name '%.200s' is not defined", name) }
}

unsafe fn local_name(code: *mut PyCodeObject, local: usize) -> *mut PyObject {
    // SAFETY: the caller guarantees that the code object has that local; the tuple lives as long as the code.
    unsafe {
        let names: *mut PyTupleObject = (*code).co_localsplusnames.cast();
        *(&raw const (*names).ob_item).cast::<*mut PyObject>().add(local)
    }
}

/// "cannot access local variable 'x' where it is not associated with a value".
///
/// # Safety
/// `code` is alive and has that local.
#[cold]
pub unsafe fn unbound_local(tstate: *mut PyThreadState, code: *mut PyCodeObject, local: usize) {
    let format = c"cannot access local variable '%s' where it is not associated with a value";
    // SAFETY: the caller guarantees the local.
    unsafe { format_exc_check_arg(tstate, PyExc_UnboundLocalError, format, local_name(code, local)) }
}

/// The message for an empty cell: of a local variable or of an enclosing function's (`format_exc_unbound`). A set exception
/// stays.
///
/// # Safety
/// `code` is alive and has that local.
#[cold]
pub unsafe fn format_exc_unbound(tstate: *mut PyThreadState, code: *mut PyCodeObject, local: usize) {
    // SAFETY: the caller guarantees the local.
    unsafe {
        if !(*tstate).curexc_type.is_null() {
            return;
        }
        if local < ((*code).co_nplaincellvars + (*code).co_nlocals) as usize {
            unbound_local(tstate, code, local);
        } else {
            let format =
                c"cannot access free variable '%s' where it is not associated with a value in enclosing scope";
            format_exc_check_arg(tstate, PyExc_NameError, format, local_name(code, local));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One entry as the compiler writes it, for numbers below 64.
    fn entry(start: u8, size: u8, target: u8, depth_and_lasti: u8) -> [u8; 4] {
        [start | ENTRY_START, size, target, depth_and_lasti]
    }

    #[test]
    fn an_instruction_inside_an_entry_finds_its_handler() {
        let table = [entry(2, 3, 20, 5), entry(10, 1, 30, 0)].concat();
        let inside = Some(Handler { target: 20, depth: 2, lasti: true });
        assert_eq!(handler_in_table(&table, 1), None);
        assert_eq!(handler_in_table(&table, 2), inside);
        assert_eq!(handler_in_table(&table, 4), inside);
        assert_eq!(handler_in_table(&table, 5), None);
        assert_eq!(handler_in_table(&table, 10), Some(Handler { target: 30, depth: 0, lasti: false }));
        assert_eq!(handler_in_table(&table, 11), None);
        assert_eq!(handler_in_table(&[], 0), None);
    }

    #[test]
    fn long_tables_and_long_numbers_are_found_by_bisection() {
        // start in two bytes: 0x80 | 0x40 | high, low
        let table: Vec<u8> = (0..40u16)
            .flat_map(|i| {
                let start = i * 50 + 7;
                [0xc0 | (start >> 6) as u8, (start & 63) as u8, 3, i as u8, 2]
            })
            .collect();
        for i in 0..40usize {
            let found = Some(Handler { target: i, depth: 1, lasti: false });
            assert_eq!(handler_in_table(&table, i * 50 + 6), None);
            assert_eq!(handler_in_table(&table, i * 50 + 7), found);
            assert_eq!(handler_in_table(&table, i * 50 + 9), found);
            assert_eq!(handler_in_table(&table, i * 50 + 10), None);
        }
    }
}
