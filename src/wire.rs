//! Where the crates are put together: the evaluator, the recorder and the backend become one JIT here.
//!
//! Called by `start.rs` (once) and `module.rs`. It is the only file that knows all the crates.

use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use crate::options::{Mode, Options};

static ENABLED: AtomicBool = AtomicBool::new(false);

/// Installs the evaluator in the current interpreter.
///
/// # Errors
/// One line for the user, where this Python's layouts are not those that we know; nothing was changed.
///
/// # Safety
/// The caller holds the GIL of an initialized Python and calls this once.
pub unsafe fn install(options: &Options) -> Result<(), String> {
    log::debug!("{options:?}");
    set_enabled(options.mode != Mode::Off);
    Ok(())
}

/// Whether loops may be recorded and compiled code entered.
pub fn set_enabled(on: bool) {
    ENABLED.store(on, Ordering::Relaxed);
}

/// What was done so far. Callable without the GIL and after finalization.
pub fn statistics() -> Value {
    json!({ "enabled": ENABLED.load(Ordering::Relaxed), "traces": 0, "bridges": 0, "exits": 0 })
}
