//! What the optimizer makes of random recordings means what the recording meant: the same exits, frames, counts and deaths.

mod common;

use std::collections::BTreeMap;

use common::env;
use tracer::optimizer::peel::{self, End};
use traces::random::{RecordingOptions, recording};
use traces::verify::{verify, verify_recording};

/// Every mixture of options, with seeds. `RANDOM_SEEDS=from..to` chooses others.
fn all_options(looped: bool) -> impl Iterator<Item = (u64, RecordingOptions)> {
    let range = std::env::var("RANDOM_SEEDS").ok();
    let range = range.as_deref().and_then(|text| text.split_once(".."));
    let (from, to) = range.map_or((0, 3000), |(a, b)| (a.parse().expect("seed"), b.parse().expect("seed")));
    (from..to).map(move |seed: u64| {
        let flag = |bit: u64| seed >> bit & 1 == 1;
        let options = RecordingOptions {
            looped,
            memory: flag(0),
            calls: flag(1),
            ops: [30, 60, 120, 250][(seed >> 2 & 3) as usize],
            ..RecordingOptions::default()
        };
        (seed, options)
    })
}

/// Optimizes and compares; returns how many were compiled, and the reasons of the others.
fn check(looped: bool) -> (usize, BTreeMap<&'static str, usize>) {
    let mut compiled = 0;
    let mut aborts: BTreeMap<&'static str, usize> = BTreeMap::new();
    let mut failures = Vec::new();
    for (seed, options) in all_options(looped) {
        let mut program = recording(seed, &options);
        assert_eq!(verify_recording(&program.trace), [""; 0], "seed {seed}\n{}", program.trace);
        let env = env(&program);
        let raw = &program.trace;
        let optimized = if looped {
            peel::compile_loop(&env, raw, raw.helpers, &[]).map(|l| l.trace)
        } else {
            peel::compile_bridge(&env, raw, raw.helpers, None, End::Exit).map(|b| b.trace)
        };
        match optimized {
            Ok(trace) => {
                compiled += 1;
                let wrong = match verify(&trace) {
                    errors if errors.is_empty() => program.check_same(&trace),
                    errors => Err(errors.join("; ")),
                };
                if let Err(error) = wrong {
                    failures.push((
                        program.trace.ops.len(),
                        format!(
                            "seed {seed}: {error}\n---- recorded\n{}---- optimized\n{trace}",
                            program.trace
                        ),
                    ));
                }
            }
            Err(abort) => *aborts.entry(abort.name()).or_default() += 1,
        }
    }
    failures.sort();
    let n = failures.len();
    assert!(
        n == 0,
        "{n} of {compiled} traces differ from their recordings; the shortest:\n{}",
        failures[0].1
    );
    (compiled, aborts)
}

#[test]
fn optimized_loops_mean_what_their_recordings_meant() {
    let (compiled, aborts) = check(true);
    println!("{compiled} loops, not compiled: {aborts:?}");
    assert!(compiled > aborts.values().sum::<usize>(), "{compiled} loops, not compiled: {aborts:?}");
}

#[test]
fn optimized_traces_that_leave_mean_what_their_recordings_meant() {
    let (compiled, aborts) = check(false);
    println!("{compiled} traces, not compiled: {aborts:?}");
    assert!(compiled > 9 * aborts.values().sum::<usize>(), "{compiled} traces, not compiled: {aborts:?}");
}
