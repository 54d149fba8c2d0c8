//! What compiled code and the optimizer are told of CPython and of us: addresses, offsets, functions to call.

use super::{Unpacked, tracer};
use crate::optimizer::parts::Off;
use crate::optimizer::{Env, HelperIds};
use crate::{exits, layout, reserve, runtime};
use capi::sys::{self, PyObject};
use traces::codegen::{ExitState, Runtime};

/// Times after which an exit's snapshot stays unpacked.
const OFTEN: u32 = 30;

/// Called by compiled code when an exit is taken, while its native frame stands.
unsafe extern "C" fn on_exit(exit: u32, state: *const ExitState) -> usize {
    let t = tracer().state();
    let e = &mut t.exits[exit as usize];
    let c = &t.compilations[e.trace()];
    let unpacked = e.unpacked.take().unwrap_or_else(|| {
        let index = (exit - c.exits.0) as usize;
        let (snapshot, _) = c.packed.snapshot(e.snapshot);
        let locations = c.packed.locations(index, &snapshot).into_boxed_slice();
        Box::new(Unpacked { snapshot, locations, after: c.packed.info(index).after })
    });
    // SAFETY: called from the exit `exit` of that compilation.
    let rebuilt = unsafe { exits::rebuild(&unpacked.snapshot, &unpacked.locations, &*state, &mut t.scratch) };
    t.rebuilt = Some((rebuilt, unpacked.after));
    if allocator::is_short() {
        // Nothing that stays may be in the allocator's reserve.
        t.scratch = Default::default();
    } else if e.count >= OFTEN {
        e.unpacked = Some(unpacked);
    }
    exit as usize
}

unsafe extern "C" fn int_value_slow(o: *mut PyObject, fits: *mut i32) -> i64 {
    // SAFETY: compiled code passes an exact int and a place on its stack.
    unsafe {
        let value = capi::long::as_i64(o);
        *fits = i32::from(value.is_some());
        value.unwrap_or(0)
    }
}

unsafe extern "C" fn new_int(value: i64) -> *mut PyObject {
    // SAFETY: the GIL is held; compiled code makes boxes with no exception set.
    unsafe { reserve::new_int(value) }
}

unsafe extern "C" fn new_float(value: f64) -> *mut PyObject {
    // SAFETY: as above.
    unsafe { reserve::new_float(value) }
}

/// What the backend has to know of CPython.
pub fn runtime_addresses() -> Runtime {
    use std::mem::offset_of;
    let small = capi::long::small(-5) as usize;
    // SAFETY: the GIL is held at start-up; the interpreter's state stays where it is.
    let floats = unsafe { &raw mut (*(*sys::PyThreadState_Get()).interp).float_state };
    Runtime {
        on_exit,
        refcnt_offset: offset_of!(PyObject, ob_refcnt) as i32,
        type_offset: offset_of!(PyObject, ob_type) as i32,
        int_size_offset: offset_of!(sys::PyLongObject, ob_base.ob_size) as i32,
        int_digit_offset: offset_of!(sys::PyLongObject, ob_digit) as i32,
        float_value_offset: offset_of!(sys::PyFloatObject, ob_fval) as i32,
        true_object: (&raw const sys::_Py_TrueStruct) as usize,
        false_object: (&raw const sys::_Py_FalseStruct) as usize,
        int_value_slow: int_value_slow as *const () as usize,
        new_int: new_int as *const () as usize,
        small_ints: small,
        small_int_min: -5,
        small_int_count: 262,
        small_int_size: size_of::<sys::PyLongObject>() as i64,
        new_float: new_float as *const () as usize,
        // SAFETY: as above.
        float_free_list: unsafe { (&raw mut (*floats).free_list) as usize },
        // SAFETY: as above.
        float_free_count: unsafe { (&raw mut (*floats).numfree) as usize },
        float_free_max: 100,
        float_type: (&raw const sys::PyFloat_Type) as usize,
        dealloc: sys::_Py_Dealloc as *const () as usize,
    }
}

pub(super) fn environment(off: Off) -> Env {
    Env {
        int_type: (&raw const sys::PyLong_Type) as usize,
        float_type: (&raw const sys::PyFloat_Type) as usize,
        bool_type: (&raw const sys::PyBool_Type) as usize,
        true_object: (&raw const sys::_Py_TrueStruct) as usize,
        false_object: (&raw const sys::_Py_FalseStruct) as usize,
        is_leaf: layout::is_leaf,
        drops_licences: true,
        keeps_class: layout::keeps_class,
        type_of: layout::type_of,
        may_die: layout::may_die,
        payload_of: layout::payload_of,
        refcnt: std::mem::offset_of!(PyObject, ob_refcnt) as i32,
        localsplus: std::mem::offset_of!(sys::_PyInterpreterFrame, localsplus) as i32,
        prev_instr: std::mem::offset_of!(sys::_PyInterpreterFrame, prev_instr) as i32,
        frame_obj: std::mem::offset_of!(sys::_PyInterpreterFrame, frame_obj) as i32,
        f_locals: std::mem::offset_of!(sys::_PyInterpreterFrame, f_locals) as i32,
        frame_func: layout::FRAME_FUNC as i32,
        first_unit: layout::FIRST_UNIT,
        helpers: HelperIds {
            push_frame: runtime::PUSH_FRAME,
            pop_frame: runtime::POP_FRAME,
            stealing: (runtime::CALL_FUNCTION[0], runtime::CALL_FUNCTION[4]),
        },
        off,
    }
}
