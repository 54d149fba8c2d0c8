//! The runtime functions that machine code calls, over simulated memory: for backend tests that run machine code where the
//! reference evaluator runs.
//!
//! They do exactly what [`Memory`] does for the evaluator, addresses of new objects included, so that both ways leave
//! the same bytes. No part of the product, which gets these functions from the real runtime.
//!
//! ```
//! # use traces::{codegen::ExitState, memory::Memory, native};
//! unsafe extern "C" fn on_exit(_: u32, _: *const ExitState) -> usize { 0 }
//! let mut memory = Memory::new(0);
//! let runtime = native::runtime(&memory, on_exit);
//! // SAFETY: `new_int` of this runtime is the function with this signature.
//! let new_int: unsafe extern "C" fn(i64) -> usize = unsafe { std::mem::transmute(runtime.new_int) };
//! // SAFETY: called under `with`.
//! let object = native::with(&mut memory, || unsafe { new_int(1 << 40) });
//! assert_eq!(memory.int_value(object), Ok(Some(1 << 40)));
//! ```

use std::cell::Cell;

use crate::codegen::{OnExit, Runtime};
use crate::memory::{self, Fault, Kind, Memory};

thread_local! {
    static CURRENT: Cell<*mut Memory> = const { Cell::new(std::ptr::null_mut()) };
}

/// Runs `f` (which runs machine code) with `memory` as the memory of the runtime functions of this thread.
pub fn with<R>(memory: &mut Memory, f: impl FnOnce() -> R) -> R {
    struct Restore(*mut Memory);
    impl Drop for Restore {
        fn drop(&mut self) {
            CURRENT.set(self.0);
        }
    }
    let _restore = Restore(CURRENT.replace(memory));
    f()
}

/// Does something with the memory that [`with`] set. A fault ends the process with its message: machine code can't be
/// unwound.
///
/// # Safety
/// Called by machine code, or anything else, that runs under [`with`] and holds no other reference to the memory.
pub(crate) unsafe fn current<R>(f: impl FnOnce(&mut Memory) -> Result<R, Fault>) -> R {
    let memory = CURRENT.get();
    assert!(!memory.is_null(), "a runtime function called outside of `native::with`");
    // SAFETY: `with` has exclusive access to the memory for as long as the pointer is set and lends it to its callee only;
    // by this function's contract nobody there holds a reference to it.
    f(unsafe { &mut *memory }).unwrap_or_else(|fault| panic!("{fault}"))
}

unsafe extern "C" fn new_int(value: i64) -> usize {
    // SAFETY: only machine code under `with` has this function's address.
    unsafe { current(|memory| memory.new_int(value)) }
}

unsafe extern "C" fn new_float(value: f64) -> usize {
    // SAFETY: as in `new_int`.
    unsafe { current(|memory| memory.new_float(value)) }
}

unsafe extern "C" fn dealloc(object: usize) {
    // SAFETY: as in `new_int`.
    unsafe { current(|memory| memory.dealloc(object)) }
}

unsafe extern "C" fn int_value(object: usize, fits: *mut i32) -> i64 {
    // SAFETY: as in `new_int`.
    let value = unsafe { current(|memory| memory.int_value(object)) };
    // SAFETY: the caller passes a valid pointer to an `int` (`Runtime::int_value_slow`).
    unsafe { *fits = value.is_some() as i32 };
    value.unwrap_or(-1)
}

/// The runtime over this memory, inline allocation of floats from the free list included.
pub fn runtime(memory: &Memory, on_exit: OnExit) -> Runtime {
    Runtime {
        on_exit,
        refcnt_offset: memory::REFCNT_OFFSET,
        type_offset: memory::TYPE_OFFSET,
        int_size_offset: memory::INT_SIZE_OFFSET,
        int_digit_offset: memory::INT_DIGIT_OFFSET,
        float_value_offset: memory::FLOAT_VALUE_OFFSET,
        true_object: memory.bool_object(true),
        false_object: memory.bool_object(false),
        int_value_slow: int_value as *const () as usize,
        new_int: new_int as *const () as usize,
        small_ints: memory.small_ints(),
        small_int_min: memory::SMALL_INT_MIN,
        small_int_count: memory::SMALL_INT_COUNT,
        small_int_size: memory::SMALL_INT_SIZE,
        new_float: new_float as *const () as usize,
        float_free_list: memory.float_free_list(),
        float_free_count: memory.float_free_count(),
        float_free_max: memory::FLOAT_FREE_MAX,
        float_type: memory.type_address(Kind::Float),
        dealloc: dealloc as *const () as usize,
    }
}
