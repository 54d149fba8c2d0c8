//! Where the crates are put together: the evaluator, the tracer and the backend become one JIT here.
//!
//! Called by `start.rs` (once) and `module.rs`. It is the only file that knows all the crates.

use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Map, Value, json};
use tracer::driver::{self, Dump, MemoryHooks, Policy, Tracer};
use tracer::dump::Folder;
use tracer::{abort, statistics::EXIT_KINDS};

use crate::memory;
use crate::options::{Mode, Options};

/// So many turns of the loops' threshold allow code one cold start: a low threshold has code warm up sooner, too.
const TURNS_FOR_A_COLD_START: u32 = 6;

static ENABLED: AtomicBool = AtomicBool::new(false);

/// Installs the evaluator in the current interpreter, with the JIT unless the options say no or the system refuses memory for it.
/// `known`: see `capi::check::at_startup`.
///
/// # Errors
/// One line for the user, where this Python's layouts are not those that we know, or the folder for dumps can't be written; nothing
/// was changed.
///
/// # Safety
/// The caller holds the GIL of an initialized Python and calls this once.
pub unsafe fn install(options: &Options, known: bool) -> Result<(), String> {
    log::debug!("{options:?}");
    if let Some((first, last)) = options.fail_alloc {
        allocator::failing::set(first, last);
    }
    // SAFETY: the caller holds the GIL.
    unsafe { capi::check::at_startup(known)? };
    let dump = match &options.dump {
        Some(folder) => Some(Box::new(Folder::new(folder)?) as Box<dyn Dump>),
        None => None,
    };
    // SAFETY: the caller holds the GIL.
    if !unsafe { interpreter::evaluate::install() } {
        return Err("this Python does not let a frame evaluator be installed".into());
    }
    interpreter::jit::set_on_warm(Some(memory::give_back));
    let stress = options.mode == Mode::Stress;
    let loop_threshold = if stress { 2 } else { options.threshold };
    interpreter::dispatch::set_cold_starts(loop_threshold / TURNS_FOR_A_COLD_START);
    if options.mode == Mode::Off {
        return Ok(());
    }
    let mut backend_options = backend::BackendOptions {
        refuse_memory: options.code_memory.is_none(),
        forcible: options.force_guards,
        ..Default::default()
    };
    if let Some(bytes) = options.code_memory {
        backend_options.code_memory = bytes;
    }
    if options.force_guards {
        interpreter::numbers::make_one_at_a_time();
    }
    match backend::new(driver::runtime_addresses(), backend_options) {
        Ok(backend) => {
            let policy = Policy {
                loop_threshold,
                exit_threshold: if stress {
                    3
                } else {
                    Policy::default().exit_threshold.min(options.threshold)
                },
                stress,
                force_guards: options.force_guards,
                only: options.only.clone().map(|only| &*Box::leak(Box::new(only))),
                off: options.off,
                memory: Some(MemoryHooks {
                    begin_recording: memory::begin_recording,
                    end_recording: memory::end_recording,
                    give_back: memory::give_back,
                }),
                max_traces: u64::from(options.limit),
                ..Policy::default()
            };
            Tracer::install(backend, policy, dump);
            set_enabled(true);
        }
        Err(_) => {
            log::warn!("executable memory is refused on this system: loops are interpreted");
        }
    }
    Ok(())
}

/// Whether loops may be recorded and compiled code entered.
pub fn set_enabled(on: bool) {
    ENABLED.store(on, Ordering::Relaxed);
    driver::set_enabled(on);
}

/// Completes the dump, if there is one; when Python has ended.
pub fn finish_dump() {
    driver::finish_dump();
}

/// What was done so far. Callable without the GIL and after finalization.
pub fn statistics() -> Value {
    let s = driver::statistics().unwrap_or_default();
    let named = |names: &[&str], counts: &[u64]| -> Value {
        let pairs = names.iter().zip(counts).filter(|(_, n)| **n > 0);
        Value::Object(pairs.map(|(name, &n)| (name.to_string(), json!(n))).collect::<Map<_, _>>())
    };
    let aborts: Vec<&str> = abort::ALL.iter().map(|a| a.name()).collect();
    let evaluator = &interpreter::evaluate::STATISTICS;
    let mut handovers = Map::new();
    for (opcode, count) in evaluator.handovers.iter().enumerate() {
        let n = count.load(Ordering::Relaxed);
        if n > 0 {
            handovers.insert(interpreter::opcode::NAMES[opcode].to_string(), json!(n));
        }
    }
    let n = evaluator.handovers_interpreter.load(Ordering::Relaxed);
    if n > 0 {
        handovers.insert("sub_interpreter".into(), json!(n));
    }
    let ms = |ns: u64| (ns as f64 / 1e4).round() / 100.0;
    let mut statistics = json!({
        "enabled": ENABLED.load(Ordering::Relaxed),
        "traces": s.traces,
        "bridges": s.bridges,
        "blacklisted": s.blacklisted,
        "dropped": s.dropped,
        "invalidations": s.invalidations,
        "entries": s.entries,
        "exits": named(&EXIT_KINDS, &s.exits),
        "aborts": named(&aborts, &s.aborts),
        "handovers": handovers,
        "recorded": { "bytecodes": s.recorded_bytecodes, "ops": s.recorded_ops, "ops_after_optimization": s.emitted_ops },
        "time_ms": { "recording": ms(s.recording_ns), "optimizing": ms(s.optimizing_ns), "assembling": ms(s.assembling_ns) },
        "compile_us_per_150_recorded_ops": (s.compile_us_per_150_ops() * 10.0).round() / 10.0,
        "code_bytes": s.code_bytes,
        "code_objects": interpreter::code_data::alive(),
        "embedded_objects": s.embedded,
    });
    if let Some(forced) = driver::forced() {
        let mut not_failed: Map<String, Value> = Map::new();
        for guard in &forced.not_failed {
            let count = not_failed.entry(guard.cause.name()).or_insert(json!(0));
            *count = json!(count.as_u64().unwrap_or_default() + 1);
        }
        let guards: Vec<String> = forced
            .not_failed
            .iter()
            .map(|guard| format!("{}: {}", guard.cause.name(), guard.guard))
            .collect();
        statistics["forced_guards"] = json!({
            "guards": forced.guards,
            "compared": forced.compared,
            "compared_within_an_instruction": forced.compared_within,
            "not_failed": not_failed,
            "not_failed_guards": guards,
            "different": forced.differences.len(),
            "differences": forced.differences.iter().map(|(_, text)| text).collect::<Vec<_>>(),
        });
    }
    statistics
}
