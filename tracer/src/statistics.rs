//! What the tracer counts. Written by `driver`, shown by the executable (`-X jit-stats`) and by `coluber.jit.stats()`.

use crate::abort;

/// Counters, since the start of the process but for what is said to be of now.
#[derive(Clone, Debug, Default)]
pub struct Statistics {
    /// Compiled loops.
    pub traces: u64,
    /// Compiled bridges.
    pub bridges: u64,
    /// Loops that are not tried any more.
    pub blacklisted: u64,
    /// Traces whose code was given back: they were invalidated, or their code object died.
    pub dropped: u64,
    /// Times that a loop or bridge was invalidated because a guard in it could never hold again, with all that hung on it.
    pub invalidations: u64,
    /// Recordings given up, by reason (index into `abort::ALL`).
    pub aborts: [u64; abort::ALL.len()],
    /// Times that compiled code was entered from the interpreter.
    pub entries: u64,
    /// Side exits taken to the interpreter, by kind: guard, exception, object death, eval breaker.
    pub exits: [u64; 4],
    /// Ops recorded, over all compiled recordings.
    pub recorded_ops: u64,
    /// Ops after optimization, over all compiled traces.
    pub emitted_ops: u64,
    /// Bytecodes recorded.
    pub recorded_bytecodes: u64,
    /// Nanoseconds spent recording (execution included).
    pub recording_ns: u64,
    /// Nanoseconds spent optimizing.
    pub optimizing_ns: u64,
    /// Nanoseconds spent in the backend, and on what is kept for the exits.
    pub assembling_ns: u64,
    /// Bytes of machine code made.
    pub code_bytes: u64,
    /// References that the traces hold now, to objects whose addresses they embed.
    pub embedded: usize,
}

/// Names of `Statistics::exits`.
pub const EXIT_KINDS: [&str; 4] = ["guard", "exception", "death", "breaker"];

impl Statistics {
    /// Microseconds that a trace of 150 recorded ops took from the finished recording to code that can be entered, at the mean rate.
    pub fn compile_us_per_150_ops(&self) -> f64 {
        if self.recorded_ops == 0 {
            return 0.0;
        }
        (self.optimizing_ns + self.assembling_ns) as f64 / 1000.0 * 150.0 / self.recorded_ops as f64
    }
}
