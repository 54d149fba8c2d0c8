//! What an instruction with two operands remembers: `BINARY_OP`, `COMPARE_OP`, `BINARY_SUBSCR`.

use super::stack::{load_fast_load_const, load_fast_load_fast};
use super::translate::Before;
use super::{Handler, Unit};

/// The first unit of the inline cache.
#[repr(C)]
pub(super) struct Site {
    /// Of an adaptive handler: executions until it looks at the operands again. Of a special one: how often it may still be wrong.
    pub counter: u16,
    /// What stands before the instruction; set by the translation.
    pub before: Before,
    /// `compare`'s own.
    pub mask: u8,
}

/// How often a special handler may be wrong before it is taken out.
pub(super) const MISSES: u16 = 8;
/// Executions of the full opcode before special cases are looked for again.
pub(super) const RETRY: u16 = 120;

impl Site {
    /// Notes what stands before the instruction.
    ///
    /// # Safety
    /// `at` is an instruction with a site, which is zeros.
    pub unsafe fn prepare(at: *mut Unit, before: Before) {
        // SAFETY: by contract.
        unsafe { (*at.add(1).cast::<Site>()).before = before }
    }

    /// Puts handlers of a kind at the instruction and at the loads before it.
    ///
    /// # Safety
    /// `at` is an instruction with a site.
    pub unsafe fn place(at: *mut Unit, kind: impl Fn(Before) -> Handler) {
        // SAFETY: by contract; the translation saw the loads.
        unsafe {
            let site = at.add(1).cast::<Site>();
            (*site).counter = MISSES;
            (*at).handler = kind(Before::Other);
            let before = (*site).before;
            if before == Before::Other {
                return;
            }
            (*at.sub(before.loads())).handler = kind(before);
            // Jumps may lead to the second load.
            match before {
                Before::LocalConst => (*at.sub(1)).handler = kind(Before::Const),
                Before::LocalLocal | Before::ConstLocal => (*at.sub(1)).handler = kind(Before::Local),
                _ => {}
            }
        }
    }

    /// Joins the loads before an instruction whose handler takes both operands from the stack. [`Site::place`] and [`Site::missed`] put other
    /// handlers there.
    ///
    /// # Safety
    /// As for [`Site::place`].
    pub unsafe fn join_loads(at: *mut Unit) {
        // SAFETY: by contract; the translation saw the loads. Jumps to the second one find its own handler.
        unsafe {
            let site = at.add(1).cast::<Site>();
            let both: Handler = match (*site).before {
                Before::LocalLocal => load_fast_load_fast,
                Before::LocalConst => load_fast_load_const,
                _ => return,
            };
            (*at.sub(2)).handler = both;
        }
    }

    /// Counts a wrong guess; after too many the handlers are taken out, and the answer is yes.
    ///
    /// # Safety
    /// As for [`Site::place`]; `adaptive` is the handler that looks at the operands.
    pub unsafe fn missed(at: *mut Unit, adaptive: Handler) -> bool {
        // SAFETY: by contract.
        unsafe {
            let site = at.add(1).cast::<Site>();
            if (*site).counter > 0 {
                (*site).counter -= 1;
                return false;
            }
            (*site).before.restore(at);
            (*site).counter = RETRY / 4;
            (*at).handler = adaptive;
            true
        }
    }

    /// Counts an execution of a handler for anything; when it is time to look at the operands again, the adaptive one is put back, and the
    /// answer is yes.
    ///
    /// # Safety
    /// As for [`Site::missed`].
    #[inline(always)]
    pub unsafe fn is_time(at: *mut Unit, adaptive: Handler) -> bool {
        // SAFETY: by contract.
        unsafe {
            let site = at.add(1).cast::<Site>();
            if (*site).counter > 0 {
                (*site).counter -= 1;
                return false;
            }
            (*at).handler = adaptive;
            true
        }
    }
}
