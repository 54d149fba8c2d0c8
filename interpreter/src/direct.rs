//! The machine that executes: the interpreter itself. Its registers are the frame, the stack pointer and the instruction pointer.
//!
//! It runs cold code, one opcode after the other, and for warm code (`warm`) the opcodes that have no handlers of their own.
//! While a frame is executed its `stacktop` is -1, and its `prev_instr` is the instruction being executed, as in CPython.

use crate::code_data::units;
use crate::field::TypeOf;
use crate::helper::Helper;
use crate::machine::{Arg, Flow};
use crate::warm::{Handler, Parked, Unit};
use crate::{eval_breaker, helpers, opcode};
use capi::frame::{self, SPECIALS_WORDS};
use capi::refs::type_of;
use capi::sys::{self, PyCodeObject, PyObject, PyThreadState, PyTypeObject};
use std::ptr;

/// The registers of the interpreter. Its invariant, on which every `unsafe` block here rests: `frame` is the current frame of
/// `tstate` (the running thread, GIL held), `sp` points behind the top of its value stack, `ip` at its next instruction;
/// the code was made by CPython's compiler (or is as wrong as what crashes CPython itself).
#[derive(Clone, Copy, Debug)]
pub struct Direct {
    /// The current frame.
    pub frame: *mut sys::_PyInterpreterFrame,
    /// Behind the top of the value stack.
    pub sp: *mut *mut PyObject,
    /// The next instruction.
    pub ip: *mut u16,
    /// The running thread.
    pub tstate: *mut PyThreadState,
    /// What does not need a register.
    pub home: *mut Home,
}

/// State of one activation of the evaluator that stays in memory. Each part is written before it is read.
#[derive(Debug)]
pub struct Home {
    /// The registers, when a function works on them in memory.
    pub registers: Direct,
    /// Where warm code goes on after what died was freed.
    pub(crate) next: *mut Unit,
    /// The registers of warm code while it calls C.
    pub(crate) parked: Parked,
    /// The handler for an instruction that could not make its number quickly.
    pub(crate) otherwise: Handler,
    /// What the entry frame returned, after `Flow::Return`; null: an exception.
    pub result: *mut PyObject,
    /// Objects that died in an instruction, behind the first one.
    pub dead: [*mut PyObject; 2],
}

impl Direct {
    /// A machine at the next instruction of `frame`, whose `stacktop` and `prev_instr` are valid.
    ///
    /// # Safety
    /// `frame` is (or becomes at once) the current frame of `tstate`, which runs now; `home` outlives the machine.
    pub unsafe fn new(
        tstate: *mut PyThreadState,
        frame: *mut sys::_PyInterpreterFrame,
        home: *mut Home,
    ) -> Direct {
        let mut d = Direct { frame, sp: ptr::null_mut(), ip: ptr::null_mut(), tstate, home };
        // SAFETY: by contract.
        unsafe { d.switch_to_frame(frame) };
        d
    }
}

impl Direct {
    /// Loads the registers from a frame and marks it as executing (`stacktop` -1).
    ///
    /// # Safety
    /// As [`Direct::new`].
    #[inline(always)]
    pub unsafe fn switch_to_frame(&mut self, frame: *mut sys::_PyInterpreterFrame) {
        // SAFETY: by contract.
        unsafe {
            self.frame = frame;
            self.sp = frame::locals(frame).add((*frame).stacktop as usize);
            self.ip = (*frame).prev_instr.add(1);
            (*frame).stacktop = -1;
        }
    }

    /// Stores the registers in the frame, such that `switch_to_frame` goes on at the next instruction.
    #[inline(always)]
    pub fn save(&mut self) {
        self.save_stack();
        // SAFETY: the invariant.
        unsafe { (*self.frame).prev_instr = self.ip.sub(1) };
    }

    /// Stores the height of the stack only.
    #[inline(always)]
    pub fn save_stack(&mut self) {
        // SAFETY: the invariant; both point into the frame.
        unsafe { (*self.frame).stacktop = self.sp.offset_from(frame::locals(self.frame)) as i32 };
    }

    /// Reads the next instruction, with its EXTENDED_ARGs, and steps over it and its caches.
    #[inline(always)]
    pub fn fetch(&mut self) -> (u8, usize) {
        let mut extended = 0;
        loop {
            // SAFETY: the invariant.
            unsafe {
                let unit = *self.ip;
                (*self.frame).prev_instr = self.ip;
                let code = unit as u8;
                if opcode::DEOPT[usize::from(code)] != code {
                    opcode::restore((*self.frame).f_code);
                    continue;
                }
                let arg = extended << 8 | usize::from(unit >> 8);
                if code == opcode::EXTENDED_ARG {
                    extended = arg;
                    self.ip = self.ip.add(1);
                    continue;
                }
                self.ip = self.ip.add(1 + opcode::caches(code));
                return (code, arg);
            }
        }
    }

    /// Links a new frame for `code` and makes it current: `enter_call` without moving the arguments. Its locals are null.
    /// `function` is taken over. The caller goes on at `return_to`, its stack is what `sp` says.
    ///
    /// # Safety
    /// `function` is a live Python function with that code; there is room ([`Machine::may_push_frame`] said yes).
    #[inline(always)]
    pub unsafe fn frame_push_for_call(
        &mut self,
        function: *mut PyObject,
        code: *mut PyCodeObject,
        initialised: usize,
        return_to: usize,
    ) -> *mut *mut PyObject {
        // SAFETY: the invariant and the contract.
        unsafe {
            let tstate = self.tstate;
            let caller = self.frame;
            let function = function.cast::<sys::PyFunctionObject>();
            let callee = (*tstate).datastack_top.cast::<sys::_PyInterpreterFrame>();
            let nlocals = (*code).co_nlocalsplus as usize;
            (*tstate).datastack_top =
                (*tstate).datastack_top.add(nlocals + (*code).co_stacksize as usize + SPECIALS_WORDS);
            (*code).ob_base.ob_base.ob_refcnt += 1;
            (*callee).f_func = function;
            (*callee).f_code = code;
            (*callee).f_builtins = (*function).func_builtins;
            (*callee).f_globals = (*function).func_globals;
            (*callee).f_locals = ptr::null_mut();
            (*callee).frame_obj = ptr::null_mut();
            (*callee).prev_instr = units(code).sub(1);
            (*callee).is_entry = false;
            (*callee).owner = sys::_frameowner_FRAME_OWNED_BY_THREAD as _;
            (*callee).stacktop = -1;
            *frame::note(callee) = 0;
            let locals = frame::locals(callee);
            for i in initialised..nlocals {
                *locals.add(i) = ptr::null_mut();
            }
            (*caller).stacktop = self.sp.offset_from(frame::locals(caller)) as i32;
            (*caller).prev_instr = units((*caller).f_code).add(return_to).sub(1);
            (*callee).previous = caller;
            (*(*tstate).cframe).current_frame = callee;
            (*tstate).recursion_remaining -= 1;
            self.frame = callee;
            self.sp = locals.add(nlocals);
            self.ip = units(code);
            locals
        }
    }

    #[inline(always)]
    pub(crate) fn serve(&mut self) -> Flow {
        eval_breaker::serve(self.tstate, self.frame)
    }

    #[inline(always)]
    pub(crate) fn local_slot(&self, index: usize) -> *mut *mut PyObject {
        // SAFETY: the invariant.
        unsafe { frame::locals(self.frame).add(index) }
    }

    #[inline(always)]
    pub(crate) fn slot(&self, depth: usize) -> *mut *mut PyObject {
        // SAFETY: the invariant; the stack is that deep.
        unsafe { self.sp.sub(depth) }
    }

    #[inline(always)]
    pub(crate) fn argument(&self, arg: Arg<Self>) -> usize {
        match arg {
            Arg::Obj(o) => o as usize,
            Arg::Int(i) => i as usize,
            Arg::Const(c) => c,
            Arg::Thread => self.tstate as usize,
            Arg::Frame => self.frame as usize,
            Arg::Float(_) => unreachable!("helpers of doubles are called by call_float"),
        }
    }

    /// Calls a helper whose arguments are all integers or addresses.
    #[inline(always)]
    pub(crate) fn call_c<const N: usize>(&mut self, helper: &'static Helper, args: [Arg<Self>; N]) -> usize {
        let address = helper.address;
        // SAFETY: the row says the kinds of the function's parameters, which opcodes pass: all of the integer class of the C
        // calling convention, so that their exact types do not matter.
        unsafe {
            match N {
                0 => std::mem::transmute::<*const (), unsafe extern "C" fn() -> usize>(address)(),
                1 => std::mem::transmute::<*const (), unsafe extern "C" fn(usize) -> usize>(address)(
                    self.argument(args[0]),
                ),
                2 => std::mem::transmute::<*const (), unsafe extern "C" fn(usize, usize) -> usize>(address)(
                    self.argument(args[0]),
                    self.argument(args[1]),
                ),
                3 => std::mem::transmute::<*const (), unsafe extern "C" fn(usize, usize, usize) -> usize>(
                    address,
                )(self.argument(args[0]), self.argument(args[1]), self.argument(args[2])),
                4 => std::mem::transmute::<
                    *const (),
                    unsafe extern "C" fn(usize, usize, usize, usize) -> usize,
                >(address)(
                    self.argument(args[0]),
                    self.argument(args[1]),
                    self.argument(args[2]),
                    self.argument(args[3]),
                ),
                _ => unreachable!("no helper has so many parameters"),
            }
        }
    }
}

/// The type object that a name stands for.
#[inline(always)]
pub fn type_object(ty: TypeOf) -> *mut PyTypeObject {
    match ty {
        TypeOf::Int => &raw mut sys::PyLong_Type,
        TypeOf::Float => &raw mut sys::PyFloat_Type,
        TypeOf::Bool => &raw mut sys::PyBool_Type,
        TypeOf::Str => &raw mut sys::PyUnicode_Type,
        TypeOf::List => &raw mut sys::PyList_Type,
        TypeOf::Tuple => &raw mut sys::PyTuple_Type,
        TypeOf::Dict => &raw mut sys::PyDict_Type,
        TypeOf::Slice => &raw mut sys::PySlice_Type,
        TypeOf::Function => &raw mut sys::PyFunction_Type,
        TypeOf::Method => &raw mut sys::PyMethod_Type,
        TypeOf::CFunction => &raw mut sys::PyCFunction_Type,
        TypeOf::Module => &raw mut sys::PyModule_Type,
        TypeOf::Type => &raw mut sys::PyType_Type,
        TypeOf::Cell => &raw mut sys::PyCell_Type,
        TypeOf::Range => &raw mut sys::PyRange_Type,
        TypeOf::RangeIter => &raw mut sys::PyRangeIter_Type,
        TypeOf::ListIter => &raw mut sys::PyListIter_Type,
        TypeOf::TupleIter => &raw mut sys::PyTupleIter_Type,
        TypeOf::Enumerate => &raw mut sys::PyEnum_Type,
        // NoneType itself is not exported.
        TypeOf::None => {
            // SAFETY: None lives for ever.
            unsafe { type_of(helpers::none()) }
        }
    }
}
