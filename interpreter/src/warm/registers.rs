//! The registers of warm code, and the ways on from a handler.

use super::{Handler, Unit, dispatch, jumps};
use crate::direct::Home;
use crate::machine::Flow;
use crate::{helpers, numbers, tracing};
use capi::frame;
use capi::sys::{_PyInterpreterFrame, PyCodeObject, PyObject, PyThreadState};
use std::ptr;

/// What a handler is called with, and the objects that died in it. All methods rest on the machine's invariant
/// ([`crate::direct::Direct`]), with `ip` at the unit that is executed; each is inlined.
#[derive(Clone, Copy)]
pub(super) struct Registers {
    pub frame: *mut _PyInterpreterFrame,
    /// Behind the top of the value stack.
    pub sp: *mut *mut PyObject,
    /// The unit that is executed.
    pub ip: *mut Unit,
    pub tstate: *mut PyThreadState,
    pub home: *mut Home,
    /// In the order of their deaths; null behind the last. Each has its last reference until [`Registers::next`].
    dead: [*mut PyObject; 3],
    /// Whether code may have run in this instruction.
    shown: bool,
}

#[allow(clippy::missing_safety_doc)] // the invariant above is the contract of all
impl Registers {
    #[inline(always)]
    pub fn new(
        frame: *mut _PyInterpreterFrame,
        sp: *mut *mut PyObject,
        ip: *mut Unit,
        tstate: *mut PyThreadState,
        home: *mut Home,
    ) -> Registers {
        Registers { frame, sp, ip, tstate, home, dead: [ptr::null_mut(); 3], shown: false }
    }

    /// Borrows; 1 is the top.
    #[inline(always)]
    pub unsafe fn peek(&self, depth: usize) -> *mut PyObject {
        // SAFETY: the invariant.
        unsafe { *self.sp.sub(depth) }
    }

    /// Overwrites without counting; 1 is the top.
    #[inline(always)]
    pub unsafe fn poke(&self, depth: usize, o: *mut PyObject) {
        // SAFETY: the invariant.
        unsafe { *self.sp.sub(depth) = o }
    }

    /// The stack takes the reference over.
    #[inline(always)]
    pub unsafe fn push(&mut self, o: *mut PyObject) {
        // SAFETY: the invariant; the compiler computed the stack's size.
        unsafe {
            *self.sp = o;
            self.sp = self.sp.add(1);
        }
    }

    #[inline(always)]
    pub unsafe fn shrink(&mut self, n: usize) {
        // SAFETY: the invariant.
        self.sp = unsafe { self.sp.sub(n) };
    }

    /// The same where code may have run in the instruction.
    #[inline(always)]
    pub fn after_code(self) -> Registers {
        Registers { shown: true, ..self }
    }

    /// A local's slot.
    #[inline(always)]
    pub unsafe fn local(&self, index: usize) -> *mut *mut PyObject {
        // SAFETY: the invariant.
        unsafe { frame::locals(self.frame).add(index) }
    }

    #[inline(always)]
    pub unsafe fn code(&self) -> *mut PyCodeObject {
        // SAFETY: the invariant.
        unsafe { (*self.frame).f_code }
    }

    /// The argument of the instruction `n` units further.
    #[inline(always)]
    pub unsafe fn arg(&self, n: usize) -> usize {
        // SAFETY: the invariant; an instruction of the same code.
        unsafe { (*self.ip.add(n)).arg as usize }
    }

    /// Borrows the constant of the `LOAD_CONST` that is `n` units further.
    #[inline(always)]
    pub unsafe fn constant(&self, n: usize) -> *mut PyObject {
        // SAFETY: the invariant; the code keeps the constant.
        unsafe { Unit::constant(self.ip.add(n)) }
    }

    /// The inline cache at the unit `n` units further.
    #[inline(always)]
    pub unsafe fn cache<T>(&self, n: usize) -> *mut T {
        // SAFETY: the invariant.
        unsafe { self.ip.add(n).cast() }
    }

    /// Drops a reference; the object is freed at the end of the instruction.
    #[inline(always)]
    pub unsafe fn drop(&mut self, o: *mut PyObject) {
        // SAFETY: a live object of which the handler holds a reference.
        unsafe {
            (*o).ob_refcnt -= 1;
            if (*o).ob_refcnt == 0 {
                self.die(o);
            }
        }
    }

    /// Drops a reference to what is often a number: it is kept at once, where there is room.
    #[inline(always)]
    pub unsafe fn drop_often_number(&mut self, o: *mut PyObject) {
        // SAFETY: as above.
        unsafe {
            (*o).ob_refcnt -= 1;
            if (*o).ob_refcnt == 0 && !numbers::keep_number(self.tstate, o) {
                self.die(o);
            }
        }
    }

    /// Drops a reference to an exact float.
    #[inline(always)]
    pub unsafe fn drop_float(&mut self, o: *mut PyObject) {
        // SAFETY: as above.
        unsafe {
            (*o).ob_refcnt -= 1;
            if (*o).ob_refcnt == 0 && !numbers::free_float(self.tstate, o) {
                self.die(o);
            }
        }
    }

    /// Drops a reference to an exact int of one digit.
    #[inline(always)]
    pub unsafe fn drop_int(&mut self, o: *mut PyObject) {
        // SAFETY: as above.
        unsafe {
            (*o).ob_refcnt -= 1;
            if (*o).ob_refcnt == 0 && !numbers::free_digit(o) {
                self.die(o);
            }
        }
    }

    #[inline(always)]
    unsafe fn die(&mut self, o: *mut PyObject) {
        // SAFETY: the object's last reference goes to the list; no instruction here kills more than three.
        unsafe { (*o).ob_refcnt = 1 };
        if self.dead[0].is_null() {
            self.dead[0] = o;
        } else if self.dead[1].is_null() {
            self.dead[1] = o;
        } else {
            self.dead[2] = o;
        }
    }

    /// `eval_breaker` is clear, and no trace function is set?
    #[inline(always)]
    pub unsafe fn breaker_clear(&self) -> bool {
        // SAFETY: the invariant; the breaker is written by other threads, hence the volatile read.
        unsafe {
            let breaker = &raw const (*(*self.tstate).interp).ceval.eval_breaker._value;
            breaker.cast::<i32>().read_volatile() == 0 && (*(*self.tstate).cframe).use_tracing == 0
        }
    }

    /// Counts a turn of a loop when nothing but that is to be done; the loop's header. `jump` is the unit of the jump to it.
    #[inline(always)]
    pub unsafe fn count_turn(&self, jump: *mut Unit) -> Option<*mut Unit> {
        // SAFETY: the invariant; a unit of this code's.
        unsafe {
            let turns = (*jump).extra;
            if !self.breaker_clear() || turns == 0 {
                return None;
            }
            (*jump).extra = turns - 1;
            Some(jumps::header(jump))
        }
    }

    /// Goes on `n` units further; frees before what died.
    #[inline(always)]
    pub unsafe fn next(self, n: usize) -> Flow {
        // SAFETY: the invariant.
        unsafe { self.go(self.ip.add(n)) }
    }

    /// Goes on at a unit of this code; frees before what died.
    #[inline(always)]
    pub unsafe fn go(self, ip: *mut Unit) -> Flow {
        // SAFETY: the invariant.
        unsafe {
            let [first, second, third] = self.dead;
            if first.is_null() {
                if self.shown {
                    return self.reach(ip);
                }
                return jump(self.frame, self.sp, ip, self.tstate, self.home);
            }
            (*self.home).next = ip;
            if second.is_null() {
                return dispatch::bury_one(
                    self.frame,
                    self.sp,
                    self.ip,
                    self.tstate,
                    first as usize,
                    self.home,
                );
            }
            (*self.home).dead = [second, third];
            dispatch::bury_all(self.frame, self.sp, self.ip, self.tstate, first as usize, self.home)
        }
    }

    /// Goes on at a unit of this code after an instruction in which code may have run: it may have switched tracing on.
    #[inline(always)]
    pub unsafe fn reach(self, ip: *mut Unit) -> Flow {
        // SAFETY: the invariant.
        unsafe {
            if tracing::is_on(self.tstate) {
                return Registers { ip, ..self }.instead(dispatch::traced, 0);
            }
            jump(self.frame, self.sp, ip, self.tstate, self.home)
        }
    }

    /// Leaves this instruction, of which nothing was done, to another handler of it.
    #[inline(always)]
    pub unsafe fn instead(self, handler: Handler, arg: usize) -> Flow {
        // SAFETY: the invariant.
        unsafe { handler(self.frame, self.sp, self.ip, self.tstate, arg, self.home) }
    }

    /// Leaves this instruction, of which nothing was done, to the opcode itself.
    #[inline(always)]
    pub unsafe fn full(self, arg: usize) -> Flow {
        // SAFETY: the invariant.
        unsafe { self.instead(dispatch::full, arg) }
    }

    /// Leaves the jump at `ip`, of which nothing was done, to the opcode itself.
    #[inline(always)]
    pub unsafe fn full_jump(self) -> Flow {
        // SAFETY: the invariant.
        unsafe { self.instead(dispatch::full_jump, 0) }
    }

    /// The instruction in CPython's terms: what `prev_instr` has to be while it is executed.
    #[inline(always)]
    pub unsafe fn instruction(&self) -> *mut u16 {
        // SAFETY: the invariant.
        unsafe { self.instruction_at(self.ip) }
    }

    /// The instruction of a unit of this code's.
    #[inline(always)]
    pub unsafe fn instruction_at(&self, ip: *mut Unit) -> *mut u16 {
        // SAFETY: the invariant.
        unsafe { frame::first_instruction(self.code()).add((*ip).index.into()) }
    }

    /// Brings `prev_instr` up to date: from here on code may run.
    #[inline(always)]
    pub unsafe fn show(&mut self) {
        self.shown = true;
        // SAFETY: the invariant.
        unsafe { (*self.frame).prev_instr = self.instruction() }
    }
}

/// Goes to the handler at `ip`.
#[inline(always)]
pub(super) unsafe fn jump(
    frame: *mut _PyInterpreterFrame,
    sp: *mut *mut PyObject,
    ip: *mut Unit,
    tstate: *mut PyThreadState,
    home: *mut Home,
) -> Flow {
    // SAFETY: the machine's invariant.
    unsafe {
        let Unit { handler, arg, .. } = *ip;
        handler(frame, sp, ip, tstate, arg as usize, home)
    }
}

/// The value of a bool; `None` for other objects.
#[inline(always)]
pub(super) fn bool_value(o: *mut PyObject) -> Option<bool> {
    if o == helpers::py_true() {
        Some(true)
    } else if o == helpers::py_false() {
        Some(false)
    } else {
        None
    }
}
