//! What the optimizer makes of random recordings means what the recording meant: the same exits, frames, counts and deaths.

#[path = "../common/mod.rs"]
mod common;
mod splice;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use common::env;
use tracer::optimizer::peel::{self, End, Linked, Start};
use traces::memory::{Kind, Memory};
use traces::random::{LOCALSPLUS, Program, RecordingOptions, Rng, other_way, recording, seeds};
use traces::verify::{verify, verify_recording};
use traces::{Const, Trace};

/// Seeds that showed bugs: a way back to the label that relied on what the label does not promise; a constant that a slot above the stack
/// kept a reference of; a constant that moved from one local to another before Python was called, counted once more; a reference that an exit
/// owed to an object in two slots in memory, of which its bridge knew nothing.
const FOUND: [u64; 7] = [1_008_925, 1_014_943, 1_026_079, 1_027_103, 10_175_518, 10_480_478, 30_077_373];

/// Every mixture of options, with seeds.
fn all_options(looped: bool) -> impl Iterator<Item = (u64, RecordingOptions)> {
    seeds(0..3000).chain(FOUND).map(move |seed: u64| {
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

/// Gives some locals another value or another type, unbinds some and binds others, so that other guards leave. Objects that the trace may
/// embed stay, and so does the loop's counter bound.
fn vary(program: &mut Program, rng: &mut Rng) {
    let original = program.initial.clone();
    program.memory.restore(&original);
    let memory = &mut program.memory;
    for (k, input) in program.inputs.iter_mut().enumerate() {
        let object = input.bits() as usize;
        let slot = program.frame + LOCALSPLUS as usize + 8 * k;
        let rebind = |memory: &mut Memory, input: &mut Const, object: usize| {
            *input = Const::Obj(object);
            memory.write_u64(slot, object as u64).expect("a local is in the arena");
        };
        if object == 0 {
            if rng.one_in(4) {
                let number = memory.new_int(rng.below(2000) as i64).expect("the arena is large enough");
                rebind(memory, input, number);
            }
            continue;
        }
        if memory.refcnt(object) != Ok(1) || rng.one_in(3) {
            continue;
        }
        if k != 0 && rng.one_in(6) {
            rebind(memory, input, 0);
            continue;
        }
        let payload = object + 16;
        let write = |memory: &mut Memory, kind: Kind, words: [u64; 2]| {
            memory.write_u64(object + 8, memory.type_address(kind) as u64)?;
            memory.write_u64(payload, words[0])?;
            memory.write_u64(payload + 8, words[1])
        };
        let float = rng.pick(&[0.0, -0.0, 1.0, -2.5, 1e300, f64::INFINITY, f64::NAN, 7.0]);
        let written = match rng.below(8) {
            0..4 => write(memory, Kind::Float, [float.to_bits(), 0]),
            // One digit of 30 bits, and its sign.
            _ => write(memory, Kind::Int, [rng.pick(&[1, u64::MAX]), rng.bits() & 0x3fff_ffff | 1]),
        };
        written.expect("objects of locals have room for both");
    }
    program.initial = memory.bytes().to_vec();
}

/// Runs that left elsewhere, or with other values, than the recording.
static OTHER_WAYS: AtomicUsize = AtomicUsize::new(0);

/// Compares with what was recorded on the recorded state, and on others. Of several recordings it may do what any of them does.
fn check_varied(program: &mut Program, recordings: &[Trace], trace: &Trace, seed: u64) -> Result<(), String> {
    let same = |program: &mut Program| {
        let mut wrong = Vec::new();
        for recording in recordings {
            program.trace.clone_from(recording);
            match program.check_same(trace) {
                Ok(()) => return Ok(()),
                Err(error) => wrong.push(error),
            }
        }
        Err(wrong.join("\n---- nor as it may do besides\n"))
    };
    same(program)?;
    let recorded_way = program.evaluate_trace(trace).map(|ran| ran.outcome);
    let (initial, inputs) = (program.initial.clone(), program.inputs.clone());
    let mut rng = Rng::new(seed);
    for variation in 0..6 {
        vary(program, &mut rng);
        same(program).map_err(|error| format!("variation {variation}: {error}"))?;
        if program.evaluate_trace(trace).map(|ran| ran.outcome) != recorded_way {
            OTHER_WAYS.fetch_add(1, Relaxed);
        }
        program.initial.clone_from(&initial);
        program.inputs.clone_from(&inputs);
    }
    Ok(())
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
            // None of them unboxed ahead: the comparison would see that an untouched number is another object afterwards.
            peel::compile_loop(&env, raw, raw.helpers, &[]).map(|l| l.trace)
        } else {
            peel::compile_bridge(&env, raw, raw.helpers, None, End::Exit).map(|b| b.trace)
        };
        match optimized {
            Ok(trace) => {
                compiled += 1;
                let wrong = match verify(&trace) {
                    errors if errors.is_empty() => {
                        let raw = [program.trace.clone()];
                        check_varied(&mut program, &raw, &trace, seed)
                    }
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
    assert!(OTHER_WAYS.load(Relaxed) > compiled, "variations have to go other ways");
    println!("{compiled} loops, not compiled: {aborts:?}");
    assert!(compiled > aborts.values().sum::<usize>(), "{compiled} loops, not compiled: {aborts:?}");
}

#[test]
fn optimized_traces_that_leave_mean_what_their_recordings_meant() {
    let (compiled, aborts) = check(false);
    println!("{compiled} traces, not compiled: {aborts:?}");
    assert!(compiled > 9 * aborts.values().sum::<usize>(), "{compiled} traces, not compiled: {aborts:?}");
}

/// How many exits of a loop get a bridge.
const EXITS: usize = 4;

/// A loop is left in the middle of a turn; the bridge takes the rest of the turn as it was recorded, or another way, jumps to the label, and the
/// loop goes on.
#[test]
fn bridges_link_to_the_label_in_the_state_that_the_loop_expects() {
    let (mut tried, mut linked, mut failures) = (0, 0, Vec::new());
    for (seed, options) in all_options(true) {
        let mut program = recording(seed, &options);
        let raw = program.trace.clone();
        let env = env(&program);
        let Ok(l) = peel::compile_loop(&env, &raw, raw.helpers, &[]) else { continue };
        let values = tracer::optimizer::Values::of(&l.trace);
        let mut exits = splice::exits_of_body(&raw, &l);
        let mut rng = Rng::new(seed);
        for _ in 0..EXITS.min(exits.len()) {
            tried += 1;
            let exit = exits.swap_remove(rng.below(exits.len()));
            let as_recorded = rng.one_in(2);
            let until = splice::until(&raw, &l, exit);
            let rest = if as_recorded {
                splice::rest_of_turn(&raw, &l, exit)
            } else {
                let options = RecordingOptions { ops: rng.pick(&[10, 30, 60]), ..options.clone() };
                match other_way(rng.bits(), &options, &mut program, &until.trace, &until.slots, until.instr) {
                    Some(way) => way,
                    None => continue,
                }
            };
            assert_eq!(verify_recording(&rest), [""; 0], "seed {seed}, exit v{exit}\n{raw}\n{rest}");
            let snapshot = l.trace.ops[exit].snap;
            let start = Start {
                values: &values,
                snapshot: &l.trace.snapshots.get(snapshot),
                known: &l.known.get(snapshot),
                // The guard does not really fail.
                condition: None,
            };
            let Ok(bridge) =
                peel::compile_bridge(&env, &rest, raw.helpers, Some(start), End::Link(&l.header))
            else {
                continue;
            };
            if bridge.linked != Linked::Label {
                continue;
            }
            linked += 1;
            let trace = splice::splice(&l.trace, exit, &bridge);
            let ways = splice::together(&raw, until, &rest, options.turns);
            let wrong = match (verify(&bridge.trace), verify(&trace)) {
                (a, b) if a.is_empty() && b.is_empty() => check_varied(&mut program, &ways, &trace, seed),
                (a, b) => Err(format!("{a:?}; {b:?}")),
            };
            if let Err(error) = wrong {
                let text = format!(
                    "seed {seed}: {error}\n---- recorded\n{raw}---- loop\n{}---- recorded from v{exit}\n{rest}---- bridge\n{}---- together\n{trace}",
                    l.trace, bridge.trace
                );
                failures.push((raw.ops.len(), text));
            }
        }
    }
    failures.sort();
    let n = failures.len();
    assert!(n == 0, "{n} of {linked} bridges are wrong; the shortest:\n{}", failures[0].1);
    println!("{linked} bridges linked");
    assert!(2 * linked > tried, "{linked} of {tried}");
}
