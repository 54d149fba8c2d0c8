//! What the evaluator keeps with each code object that has run a loop or is warm: the counters of its loops, its translation.
//!
//! Hangs on the code object (`co_extra`) and is freed with it.

use crate::opcode;
use crate::warm::{Brief, Translation};
use capi::exceptions::Line;
use capi::sys::{self, PyCodeObject};
use std::ffi::c_void;
use std::sync::atomic::{AtomicI32, AtomicIsize, AtomicUsize, Ordering};

pub use capi::frame::first_instruction as units;

/// A loop header.
#[repr(C)]
#[derive(Debug)]
pub struct LoopCell {
    /// Turns until the JIT is asked, without those that warm jumps may still make (`warm::jumps`); below zero it is asked at each turn.
    pub counter: i32,
    /// The code unit that the backward jumps lead to.
    pub header: u32,
    /// The JIT's own.
    pub tracer: usize,
}

/// Data of one code object.
#[derive(Debug)]
pub struct CodeData {
    /// The code; not owned.
    pub code: *mut PyCodeObject,
    /// For each code unit the number of its loop cell, or `u16::MAX`; nothing if there is no loop.
    pub loop_of: Box<[u16]>,
    /// One per loop header.
    pub loops: Box<[LoopCell]>,
    /// What the interpreter runs when the code is warm.
    pub translation: Translation,
    /// Of the instruction that raised last.
    pub raised_at: Line,
}

impl CodeData {
    /// The cell of the loop with this header.
    ///
    /// # Safety
    /// `this` is live; `header` is the target of a backward jump of the code.
    #[inline(always)]
    pub unsafe fn cell(this: *mut CodeData, header: usize) -> *mut LoopCell {
        // SAFETY: by contract; `create` made a cell for each target.
        unsafe {
            let index = *(*this).loop_of.as_ptr().add(header);
            (*this).loops.as_mut_ptr().add(index.into())
        }
    }
}

static INDEX: AtomicIsize = AtomicIsize::new(-1);
static THRESHOLD: AtomicI32 = AtomicI32::new(1039);

/// Sets the number of turns after which a loop is hot; for loops whose code has not run yet.
pub fn set_threshold(turns: i32) {
    THRESHOLD.store(turns.max(0), Ordering::Relaxed);
}

/// The number of turns after which a loop is hot.
pub fn threshold() -> i32 {
    THRESHOLD.load(Ordering::Relaxed)
}

/// Asks CPython for a place on code objects. Once, with the GIL held.
pub(crate) fn request_index() -> bool {
    if INDEX.load(Ordering::Relaxed) < 0 {
        // SAFETY: the GIL is held, so the interpreter's table is ours to extend, as `_PyEval_RequestCodeExtraIndex` does.
        let interpreter = unsafe { &mut *(*sys::PyThreadState_Get()).interp };
        let index = interpreter.co_extra_user_count;
        if index as usize >= interpreter.co_extra_freefuncs.len() - 1 {
            return false;
        }
        interpreter.co_extra_user_count = index + 1;
        interpreter.co_extra_freefuncs[index as usize] = Some(free);
        INDEX.store(index, Ordering::Relaxed);
        BRIEF_SIZE.store(isize::from(index == 0), Ordering::Relaxed);
    }
    true
}

/// `_PyCodeObjectExtra` (Objects/codeobject.c).
#[repr(C)]
struct Extra {
    size: isize,
    extras: [*mut c_void; 1],
}

/// The size of a block of extras that was made here and has a [`Brief`] behind the only place: what calls ask for is in one line of memory then.
/// If ours is not the first place, blocks of that size may be others', and none has one; 0 then, as no block is. Who needs more
/// places makes the block larger, in CPython's `_PyCode_SetExtra`, which knows of nothing behind them.
static BRIEF_SIZE: AtomicIsize = AtomicIsize::new(0);

/// What calls ask for, of the code's translation; null when the code has no data. It may be moved by whatever may call `_PyCode_SetExtra`.
///
/// # Safety
/// `code` is a live code object.
#[inline(always)]
pub(crate) unsafe fn brief(code: *mut PyCodeObject) -> *const Brief {
    // SAFETY: by contract; the layout is CPython's, and `set_extra`'s.
    unsafe {
        let extra = (*code).co_extra.cast::<Extra>();
        if extra.is_null() {
            return std::ptr::null();
        }
        if (*extra).size == BRIEF_SIZE.load(Ordering::Relaxed) {
            return extra.add(1).cast();
        }
        let data = get(code);
        if data.is_null() { std::ptr::null() } else { &raw const (*data).translation.brief }
    }
}

/// Notes that the code is translated.
///
/// # Safety
/// `code` is a live code object that has data; the GIL is held.
pub(crate) unsafe fn set_brief(code: *mut PyCodeObject, brief: Brief) {
    // SAFETY: by contract; see `BRIEF_SIZE`.
    unsafe {
        let extra = (*code).co_extra.cast::<Extra>();
        if (*extra).size == BRIEF_SIZE.load(Ordering::Relaxed) {
            *extra.add(1).cast() = brief;
        }
    }
}

/// The data of a code object; null when it has none.
///
/// # Safety
/// `code` is a live code object.
#[inline(always)]
pub unsafe fn get(code: *mut PyCodeObject) -> *mut CodeData {
    // SAFETY: by contract; the layout is CPython's.
    unsafe {
        let extra = (*code).co_extra.cast::<Extra>();
        let index = INDEX.load(Ordering::Relaxed);
        if extra.is_null() || (*extra).size <= index {
            return std::ptr::null_mut();
        }
        (*(&raw mut (*extra).extras).cast::<*mut CodeData>().offset(index)).cast()
    }
}

static MADE: AtomicUsize = AtomicUsize::new(0);
static DEATHS: AtomicUsize = AtomicUsize::new(0);

/// How many code objects have data. CPython counts a memory block for each (`sys.getallocatedblocks`): the array that the data hangs in.
pub fn alive() -> usize {
    MADE.load(Ordering::Relaxed).wrapping_sub(deaths())
}

/// How many code objects with data have died. While it stays the same, so does what belongs to the address of a code object.
#[inline(always)]
pub(crate) fn deaths() -> usize {
    DEATHS.load(Ordering::Relaxed)
}

/// The data of a code object that has some.
///
/// # Safety
/// `code` is a live code object; [`get`] gave its data once.
#[inline(always)]
pub(crate) unsafe fn get_known(code: *mut PyCodeObject) -> *mut CodeData {
    // SAFETY: by contract; the array of extras only grows.
    unsafe {
        let extra = (*code).co_extra.cast::<Extra>();
        (*(&raw mut (*extra).extras).cast::<*mut CodeData>().offset(INDEX.load(Ordering::Relaxed))).cast()
    }
}

/// The data of a code object, made if it has none; null without memory.
///
/// # Safety
/// `code` is a live code object; the GIL is held.
#[inline(never)]
pub unsafe fn get_or_create(code: *mut PyCodeObject) -> *mut CodeData {
    // SAFETY: by contract.
    unsafe {
        let data = get(code);
        if !data.is_null() {
            return data;
        }
        let Some(data) = make(code) else { return std::ptr::null_mut() };
        let data = Box::into_raw(data);
        if !set_extra(code, data) {
            drop(Box::from_raw(data));
            return std::ptr::null_mut();
        }
        // The GIL is held.
        MADE.store(MADE.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
        data
    }
}

/// New data for a live code object, or `None` without memory.
fn make(code: *mut PyCodeObject) -> Option<Box<CodeData>> {
    // Where the backward jumps lead to, in the jumps' order.
    let headers =
        || opcode::instructions(code).filter(|i| opcode::is_loop_edge(i.opcode)).map(|i| i.index + 1 - i.arg);
    let (mut loop_of, mut loops) = (Box::default(), Box::default());
    if headers().next().is_some() {
        // SAFETY: the caller holds a live code object.
        let len = unsafe { (*code).ob_base.ob_size } as usize;
        loop_of = allocator::boxed_slice(u16::MAX, len)?;
        let mut count = 0;
        for header in headers() {
            if loop_of[header] == u16::MAX {
                loop_of[header] = count;
                count += 1;
            }
        }
        let mut cells = allocator::vec_with_room(count.into())?;
        for header in headers() {
            if usize::from(loop_of[header]) == cells.len() {
                cells.push(LoopCell { counter: threshold(), header: header as u32, tracer: 0 });
            }
        }
        loops = cells.into_boxed_slice();
    }
    allocator::boxed(CodeData { code, loop_of, loops, translation: Translation::NONE, raised_at: Line::NONE })
}

/// Hangs the data on the code object, which has none; false for want of memory. `_PyCode_SetExtra` makes room for all who asked for a
/// place, and then each of them is told of the code object's death, with a null pointer: so of code objects that they never
/// touched, if it is us who make the room. Thus there is room up to our place only; who needs more makes it.
unsafe fn set_extra(code: *mut PyCodeObject, data: *mut CodeData) -> bool {
    let index = INDEX.load(Ordering::Relaxed);
    // SAFETY: the code object is live and the GIL is held (contract of the caller); its extras are a block of `PyMem_Realloc` with
    // room for `size` of them.
    unsafe {
        let mut extra = (*code).co_extra.cast::<Extra>();
        let present = if extra.is_null() { 0 } else { (*extra).size };
        if present <= index {
            let has_brief = BRIEF_SIZE.load(Ordering::Relaxed) == index + 1;
            let brief = if has_brief { size_of::<Brief>() } else { 0 };
            let bytes = size_of::<Extra>() + index as usize * size_of::<*mut c_void>() + brief;
            extra = if present == 0 { out_of_pools(bytes) } else { sys::PyMem_Realloc(extra.cast(), bytes) }
                .cast();
            if extra.is_null() {
                return false;
            }
            if present == 0 {
                // The program did not ask for it: no line of its is said to have made it.
                sys::PyTraceMalloc_Untrack(0, extra as usize);
            }
            (*extra).size = index + 1;
            for place in present..index {
                *(&raw mut (*extra).extras).cast::<*mut c_void>().offset(place) = std::ptr::null_mut();
            }
            if has_brief {
                *extra.add(1).cast() = Brief::NONE;
            }
            (*code).co_extra = extra.cast();
        }
        *(&raw mut (*extra).extras).cast::<*mut c_void>().offset(index) = data.cast();
    }
    true
}

/// Of this size `PyMem_Malloc` has blocks from C's allocator, not from its pools: one more than `SMALL_REQUEST_THRESHOLD` (Objects/obmalloc.c).
const OUT_OF_POOLS: usize = 513;

/// Memory for `PyMem_Realloc` and `PyMem_Free` that lies in no pool; null without memory. What hangs on code lives long, and is made
/// while the program's objects come and go. In the midst of them it would keep a pool of theirs, and its arena, from being given back
/// when they are gone; and a pool that is never empty hands its blocks out in an order that gets ever worse.
///
/// # Safety
/// The GIL is held.
unsafe fn out_of_pools(bytes: usize) -> *mut c_void {
    // SAFETY: by contract; the second call is given what the first one gave.
    unsafe {
        let block = sys::PyMem_Malloc(bytes.max(OUT_OF_POOLS));
        if block.is_null() {
            return block;
        }
        // It stays with the allocator that it came from.
        let less = sys::PyMem_Realloc(block, bytes);
        if less.is_null() { block } else { less }
    }
}

/// Called by CPython when the code object dies.
unsafe extern "C" fn free(data: *mut c_void) {
    if data.is_null() {
        return;
    }
    DEATHS.store(deaths().wrapping_add(1), Ordering::Relaxed);
    // SAFETY: set by `get_or_create` only, freed once.
    let data = unsafe { Box::from_raw(data.cast::<CodeData>()) };
    if let Some(jit) = crate::jit::current() {
        jit.code_dropped(&data);
    }
}
