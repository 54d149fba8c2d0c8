//! Machine code for traces: register allocation, one folder for each processor, code memory.
//!
//! The executable and the extension module make a backend with [`new`] and hand it to the tracer, which knows it only as
//! [`traces::codegen::Backend`]. This crate knows `traces` and nothing of Python: addresses and offsets come in
//! as data. It must never run Python code by itself, and never make memory writable and executable at once.
//!
//! ```text
//! trace -> analysis -> register allocation -> lowering (x64/) -> code memory
//! ```
//!
//! A second processor is a second folder beside `x64`, with its registers, its shapes of ops, and its lowering.

pub mod analysis;
pub mod code_memory;
pub mod places;
pub mod regalloc;
pub mod x64;

use traces::codegen::{Backend, CompileError, Runtime};

/// What a backend can be told.
#[derive(Clone, Debug)]
pub struct BackendOptions {
    /// Bytes of code memory; reserved as addresses, used as needed.
    pub code_memory: usize,
    /// Behave as on a system that refuses executable memory.
    pub refuse_memory: bool,
    /// Allocate only four registers of each class, so that everything is spilled that can be.
    pub few_registers: bool,
    /// A float that replaces another one, which dies then, may take over its memory. Off: objects are made and freed exactly
    /// as the trace says, which tests compare byte by byte.
    pub reuse_floats: bool,
    /// Which instructions to use.
    pub processor: Processor,
    /// Remember where each guard leaves, for [`Backend::force_exit`].
    pub forcible: bool,
}

/// Instructions beyond those that every processor of the family has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Processor {
    /// Those that this processor has.
    Detected,
    /// None.
    Baseline,
    /// All that the code generator knows, also where they can't run: for code that is only looked at.
    Newest,
}

impl Default for BackendOptions {
    fn default() -> BackendOptions {
        BackendOptions {
            code_memory: 64 << 20,
            refuse_memory: false,
            few_registers: false,
            reuse_floats: true,
            processor: Processor::Detected,
            forcible: false,
        }
    }
}

/// The backend for the processor that this program is compiled for.
///
/// # Errors
/// `NoExecutableMemory` where the system refuses it, and on processors that have no code generator yet.
pub fn new(runtime: Runtime, options: BackendOptions) -> Result<Box<dyn Backend>, CompileError> {
    if options.refuse_memory {
        return Err(CompileError::NoExecutableMemory);
    }
    #[cfg(target_arch = "x86_64")]
    return Ok(Box::new(x64::X64Backend::new(runtime, &options)?));
    #[cfg(not(target_arch = "x86_64"))]
    return {
        let _ = runtime;
        Err(CompileError::NoExecutableMemory)
    };
}
