//! What compiled code calls: the table of helpers, and the few that the tracer itself brings.
//!
//! Helper numbers in traces are indices into [`helper_table`]: first the rows of this file, then those of the interpreter.

use crate::data_stack;
use capi::sys::{self, PyCodeObject, PyObject, PyThreadState};
use interpreter::helper;
use std::sync::OnceLock;
use traces::{Effect, Helper, Type};

type Obj = *mut PyObject;
type Frame = *mut sys::_PyInterpreterFrame;

macro_rules! own {
    ($( $number:ident $name:literal $function:ident ($($arg:ident)*) $result:ident $effect:ident; )*) => {
        #[allow(non_camel_case_types, clippy::upper_case_acronyms)]
        enum Number { $( $number, )* END }
        fn own_rows() -> Vec<Helper> {
            vec![ $( Helper {
                name: $name,
                address: $function as *const () as usize,
                args: &[ $( Type::$arg, )* ],
                result: Type::$result,
                effect: Effect::$effect,
            }, )* ]
        }
    };
}

own! {
    PUSH_FRAME "push_frame" push_frame (Ptr Ptr Obj Ptr Ptr) Ptr AnyMemory;
    POP_FRAME "pop_frame" pop_frame (Ptr Ptr) Void AnyMemory;
    CALL0 "call0" call0 (Obj Ptr) Obj RunsPython;
    CALL1 "call1" call1 (Obj Ptr Obj) Obj RunsPython;
    CALL2 "call2" call2 (Obj Ptr Obj Obj) Obj RunsPython;
    CALL3 "call3" call3 (Obj Ptr Obj Obj Obj) Obj RunsPython;
    CALL4 "call4" call4 (Obj Ptr Obj Obj Obj Obj) Obj RunsPython;
    FUNCTION0 "call_function0" function0 (Obj Ptr) Obj RunsPython;
    FUNCTION1 "call_function1" function1 (Obj Ptr Obj) Obj RunsPython;
    FUNCTION2 "call_function2" function2 (Obj Ptr Obj Obj) Obj RunsPython;
    FUNCTION3 "call_function3" function3 (Obj Ptr Obj Obj Obj) Obj RunsPython;
    FUNCTION4 "call_function4" function4 (Obj Ptr Obj Obj Obj Obj) Obj RunsPython;
    TUPLE0 "tuple0" tuple0 () Obj RunsPython;
    TUPLE1 "tuple1" tuple1 (Obj) Obj RunsPython;
    TUPLE2 "tuple2" tuple2 (Obj Obj) Obj RunsPython;
    TUPLE3 "tuple3" tuple3 (Obj Obj Obj) Obj RunsPython;
    TUPLE4 "tuple4" tuple4 (Obj Obj Obj Obj) Obj RunsPython;
    TUPLE5 "tuple5" tuple5 (Obj Obj Obj Obj Obj) Obj RunsPython;
    TUPLE6 "tuple6" tuple6 (Obj Obj Obj Obj Obj Obj) Obj RunsPython;
    LIST0 "list0" list0 () Obj RunsPython;
    LIST1 "list1" list1 (Obj) Obj RunsPython;
    LIST2 "list2" list2 (Obj Obj) Obj RunsPython;
    LIST3 "list3" list3 (Obj Obj Obj) Obj RunsPython;
    LIST4 "list4" list4 (Obj Obj Obj Obj) Obj RunsPython;
    LIST5 "list5" list5 (Obj Obj Obj Obj Obj) Obj RunsPython;
    LIST6 "list6" list6 (Obj Obj Obj Obj Obj Obj) Obj RunsPython;
}

/// Pushes the frame of an inlined call.
pub const PUSH_FRAME: i32 = Number::PUSH_FRAME as i32;
/// Pops it.
pub const POP_FRAME: i32 = Number::POP_FRAME as i32;
/// Vectorcalls by number of arguments: callable, names of keywords (a tuple or null), arguments.
pub const CALL: [i32; 5] = [
    Number::CALL0 as i32,
    Number::CALL1 as i32,
    Number::CALL2 as i32,
    Number::CALL3 as i32,
    Number::CALL4 as i32,
];
/// Calls of Python functions by number of arguments: function, names of keywords (a tuple or null), arguments. The references of
/// function and arguments are handed over, as the interpreter's calls do it: an argument dies when the callee drops it.
pub const CALL_FUNCTION: [i32; 5] = [
    Number::FUNCTION0 as i32,
    Number::FUNCTION1 as i32,
    Number::FUNCTION2 as i32,
    Number::FUNCTION3 as i32,
    Number::FUNCTION4 as i32,
];
/// New tuples by number of items, to which they take references of their own.
pub const NEW_TUPLE: [i32; 7] = [
    Number::TUPLE0 as i32,
    Number::TUPLE1 as i32,
    Number::TUPLE2 as i32,
    Number::TUPLE3 as i32,
    Number::TUPLE4 as i32,
    Number::TUPLE5 as i32,
    Number::TUPLE6 as i32,
];
/// New lists, likewise.
pub const NEW_LIST: [i32; 7] = [
    Number::LIST0 as i32,
    Number::LIST1 as i32,
    Number::LIST2 as i32,
    Number::LIST3 as i32,
    Number::LIST4 as i32,
    Number::LIST5 as i32,
    Number::LIST6 as i32,
];

/// All helpers that a trace may call.
pub fn helper_table() -> &'static [Helper] {
    static TABLE: OnceLock<Vec<Helper>> = OnceLock::new();
    TABLE.get_or_init(|| {
        let mut rows = own_rows();
        rows.extend(interpreter::helpers::all().iter().map(|h| Helper {
            name: h.name,
            address: h.address as usize,
            args: Vec::leak(h.args.iter().map(|&k| ty(k)).collect()),
            result: ty(h.result),
            effect: match h.effect {
                helper::Effect::Pure => Effect::Pure,
                helper::Effect::Memory => Effect::AnyMemory,
                helper::Effect::RunsPython => Effect::RunsPython,
            },
        }));
        rows
    })
}

fn ty(kind: helper::Kind) -> Type {
    match kind {
        helper::Kind::Obj => Type::Obj,
        helper::Kind::Int => Type::Int,
        helper::Kind::Float => Type::Float,
        helper::Kind::Ptr => Type::Ptr,
    }
}

/// The number of an interpreter's helper.
pub fn helper_number(h: &'static helper::Helper) -> i32 {
    let position = interpreter::helpers::all().iter().position(|&row| std::ptr::eq(row, h));
    (position.expect("every helper is in the interpreter's table") + Number::END as usize) as i32
}

/// Pushes a frame for `function` above `caller`, whose `prev_instr` becomes `caller_instr`. The frame takes over one reference to the
/// function; its locals are null. The new frame is the current one.
unsafe extern "C" fn push_frame(
    thread: *mut PyThreadState,
    caller: Frame,
    function: Obj,
    _code: *mut PyCodeObject,
    caller_instr: *mut u16,
) -> Frame {
    // SAFETY: the trace guarded that there is room for the call and that `function` has this code.
    unsafe {
        let frame = link_frame(thread, caller, function.cast(), caller_instr);
        let locals = (*(*frame).f_code).co_nlocalsplus as usize;
        std::ptr::write_bytes(capi::frame::locals(frame), 0, locals);
        frame
    }
}

/// The common part of pushing an inlined frame, in traces and at exits. Locals are not filled.
///
/// # Safety
/// `caller` is the thread's current frame; the caller hands over a reference to `function`.
pub unsafe fn link_frame(
    thread: *mut PyThreadState,
    caller: Frame,
    function: *mut sys::PyFunctionObject,
    caller_instr: *mut u16,
) -> Frame {
    // SAFETY: by contract; runs are promised room for these frames.
    unsafe {
        let frame = data_stack::push(thread, function);
        (*caller).prev_instr = caller_instr;
        (*frame).previous = caller;
        (*frame).is_entry = false;
        (*thread).recursion_remaining -= 1;
        (*(*thread).cframe).current_frame = frame;
        frame
    }
}

/// Unlinks and frees the frame of an inlined call that has no frame object. References of its locals and function stay with the trace.
unsafe extern "C" fn pop_frame(thread: *mut PyThreadState, frame: Frame) {
    // SAFETY: the trace pushed it and guarded that it has no frame object.
    unsafe {
        (*(*thread).cframe).current_frame = (*frame).previous;
        (*thread).recursion_remaining += 1;
        capi::refs::decref((*frame).f_code.cast());
        data_stack::pop(thread, frame);
    }
}

macro_rules! calls {
    ($( $name:ident $n:literal ($($arg:ident)*) )*) => { $(
        unsafe extern "C" fn $name(callable: Obj, kwnames: Obj $(, $arg: Obj)*) -> Obj {
            let mut args: [Obj; $n + 1] = [std::ptr::null_mut() $(, $arg)*];
            let positional = $n - if kwnames.is_null() { 0 } else {
                // SAFETY: a tuple of names.
                unsafe { capi::tuple::len(kwnames) as usize }
            };
            // SAFETY: borrowed live objects; the place before the arguments may be used by the callee.
            unsafe {
                sys::PyObject_Vectorcall(
                    callable,
                    args.as_mut_ptr().add(1),
                    positional | 1 << (usize::BITS - 1),
                    kwnames,
                )
            }
        }
    )* };
}
calls! {
    call0 0 ()
    call1 1 (a)
    call2 2 (a b)
    call3 3 (a b c)
    call4 4 (a b c d)
}

/// Runs a Python function that is not inlined. Where its arguments don't fit, the frame that calls shows the start of the `CALL` from then on.
///
/// # Safety
/// `function` is a Python function; its reference and those of the arguments are taken over. The frame that calls is in memory and shows
/// the last unit of the `CALL`.
pub unsafe fn run_function(function: Obj, kwnames: Obj, args: &[Obj]) -> Obj {
    // SAFETY: by contract; these are the steps of `_PyEval_Vector`, with arguments that are moved.
    unsafe {
        let thread = sys::PyThreadState_Get();
        let function = function.cast::<sys::PyFunctionObject>();
        let code = (*function).func_code.cast::<PyCodeObject>();
        let namespace = if (*code).co_flags as u32 & sys::CO_OPTIMIZED != 0 {
            std::ptr::null_mut()
        } else {
            (*function).func_globals
        };
        let keywords = if kwnames.is_null() { 0 } else { capi::tuple::len(kwnames) as usize };
        let caller = (*(*thread).cframe).current_frame;
        let end = (*caller).prev_instr;
        (*caller).prev_instr = end.sub(interpreter::opcode::CALL_CACHES);
        let frame = capi::arguments::push_and_init(
            thread,
            function,
            namespace,
            args.as_ptr(),
            args.len() - keywords,
            kwnames,
        );
        if frame.is_null() {
            return std::ptr::null_mut();
        }
        (*caller).prev_instr = end;
        // Ours, unless another one was installed since this was recorded (`_PyEval_EvalFrame`).
        let evaluator = (*(*thread).interp).eval_frame.unwrap_or(sys::_PyEval_EvalFrameDefault);
        let result = evaluator(thread, frame, 0);
        capi::frame::clear_and_pop(thread, frame);
        result
    }
}

macro_rules! functions {
    ($( $name:ident ($($arg:ident)*) )*) => { $(
        unsafe extern "C" fn $name(function: Obj, kwnames: Obj $(, $arg: Obj)*) -> Obj {
            // SAFETY: the trace guarded the type, synced the frames and hands the references over.
            unsafe { run_function(function, kwnames, &[$($arg),*]) }
        }
    )* };
}
functions! {
    function0 ()
    function1 (a)
    function2 (a b)
    function3 (a b c)
    function4 (a b c d)
}

macro_rules! builders {
    ($( $tuple:ident $list:ident $n:literal ($($arg:ident)*) )*) => { $(
        unsafe extern "C" fn $tuple($($arg: Obj),*) -> Obj {
            let items: [Obj; $n] = [$($arg),*];
            // SAFETY: borrowed live objects, to which the tuple takes references.
            unsafe { capi::tuple::from_array(items.as_ptr(), $n) }
        }
        unsafe extern "C" fn $list($($arg: Obj),*) -> Obj {
            let items: [Obj; $n] = [$($arg),*];
            // SAFETY: borrowed live objects; the list takes over the references that are added here.
            unsafe {
                let list = sys::PyList_New($n);
                if !list.is_null() {
                    for (i, item) in items.into_iter().enumerate() {
                        *(*list.cast::<sys::PyListObject>()).ob_item.add(i) = capi::refs::new_ref(item);
                    }
                }
                list
            }
        }
    )* };
}
builders! {
    tuple0 list0 0 ()
    tuple1 list1 1 (a)
    tuple2 list2 2 (a b)
    tuple3 list3 3 (a b c)
    tuple4 list4 4 (a b c d)
    tuple5 list5 5 (a b c d e)
    tuple6 list6 6 (a b c d e f)
}
