//! Random traces are well-formed, round-trip as text, run without faults, get far, and reach every op.

use std::collections::HashMap;

use traces::evaluate::Outcome;
use traces::parse::parse;
use traces::random::helpers::helpers;
use traces::random::{Options, RecordingOptions, generate, recording};
use traces::text::{print, same};
use traces::verify::{verify, verify_recording};
use traces::{OpCode, SnapId, Trace, op};

/// Every mixture of options, with seeds.
fn all_options() -> impl Iterator<Item = (u64, Options)> {
    (0..1000).map(|seed| {
        let flag = |bit: u64| seed >> bit & 1 == 1;
        let options = Options {
            looped: flag(0),
            memory: !(flag(1) && flag(2)),
            objects: !(flag(2) && flag(3)),
            calls: !(flag(3) && flag(1)),
            pressure: if flag(4) { 40 } else { 4 },
            ops: if flag(5) { 200 } else { 40 },
            ..Options::default()
        };
        (seed, options)
    })
}

#[test]
fn random_traces_are_well_formed() {
    for (seed, options) in all_options() {
        let program = generate(seed, &options);
        assert_eq!(verify(&program.trace), [""; 0], "seed {seed}\n{}", program.trace);
    }
}

/// Compares field by field, without the printer.
fn identical(a: &Trace, b: &Trace) -> bool {
    let constants = |t: &Trace, vals: &[traces::Val]| -> Vec<Result<traces::Const, u32>> {
        vals.iter().map(|&v| t.const_of(v).ok_or(v.0)).collect()
    };
    let ops = |t: &Trace| -> Vec<_> {
        let one = |o: &traces::Op| {
            let lists = constants(t, t.list(o.list));
            (o.code, o.ty, o.region, constants(t, o.operands()), o.imm, o.snap, lists)
        };
        t.ops.iter().map(one).collect()
    };
    let snapshots = |t: &Trace| -> Vec<_> {
        let one = |s: traces::Snapshot| {
            let mut vals = vec![];
            s.for_each_value(|v| vals.push(v));
            let frames: Vec<_> = s
                .frames
                .iter()
                .map(|f| {
                    let kinds: Vec<_> = f.slots.iter().map(std::mem::discriminant).collect();
                    (
                        f.code,
                        f.instr,
                        f.stack_depth,
                        kinds,
                        std::mem::discriminant(&f.function),
                        f.frame.is_const(),
                    )
                })
                .collect();
            let kinds: Vec<_> = s.virtuals.iter().map(std::mem::discriminant).collect();
            (
                constants(t, &vals),
                frames,
                kinds,
                s.increfs.len(),
                s.keep.len(),
                std::mem::discriminant(&s.resume),
            )
        };
        t.snapshots.iter().map(one).collect()
    };
    ops(a) == ops(b) && snapshots(a) == snapshots(b)
}

#[test]
fn the_text_of_random_traces_round_trips() {
    for (seed, options) in all_options() {
        let trace = generate(seed, &options).trace;
        let text = print(&trace);
        let parsed = parse(&text, helpers()).unwrap_or_else(|error| panic!("seed {seed}: {error}\n{text}"));
        assert!(same(&trace, &parsed) && identical(&trace, &parsed), "seed {seed}\n{text}\n{parsed}");
        assert_eq!(print(&parsed), text, "seed {seed}");
    }
}

#[test]
fn random_traces_run_without_faults_and_the_same_each_time() {
    for (seed, options) in all_options() {
        let mut program = generate(seed, &options);
        let first = program.evaluate();
        assert_eq!(program.evaluate(), first, "seed {seed}");
    }
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    let shape = |seed| -> Vec<OpCode> {
        generate(seed, &Options::default()).trace.ops.iter().map(|op| op.code).collect()
    };
    assert_eq!(shape(11), shape(11));
    assert_ne!(shape(11), shape(12));
}

#[test]
fn random_traces_have_every_op_and_get_far() {
    let mut ops: HashMap<OpCode, usize> = HashMap::new();
    let mut all_turns = 0;
    let mut elsewhere = 0;
    for (seed, options) in all_options() {
        let mut program = generate(seed, &options);
        for op in &program.trace.ops {
            *ops.entry(op.code).or_default() += 1;
        }
        // The guard on the number of turns is a loop's last.
        let counts_turns = program.trace.ops.iter().rposition(|op| op.code == OpCode::GuardTrue);
        match program.evaluate().outcome {
            Outcome::Exit { op, .. } if options.looped && Some(op) == counts_turns => all_turns += 1,
            Outcome::Exit { .. } if options.looped => elsewhere += 1,
            _ => {}
        }
    }
    let never = [OpCode::At, OpCode::InlineReturn];
    let missing: Vec<_> = op::ALL.iter().filter(|op| !ops.contains_key(op) && !never.contains(op)).collect();
    assert!(missing.is_empty(), "{missing:?}");
    assert!(all_turns > 100 && elsewhere > 50, "{all_turns} and {elsewhere} of 500 loops");
}

#[test]
fn high_pressure_keeps_many_values_alive() {
    let trace = generate(3, &Options { pressure: 40, ops: 150, looped: true, ..Options::default() }).trace;
    let op = trace.ops.iter().rev().find(|op| op.snap != SnapId::NONE).unwrap();
    let mut values = std::collections::HashSet::new();
    trace.snapshots.for_each_value(op.snap, |v| {
        values.extend(v.op_index());
    });
    assert!(values.len() > 20, "{values:?}");
}

fn recordings() -> impl Iterator<Item = (u64, RecordingOptions)> {
    (0..1000).map(|seed| {
        let flag = |bit: u64| seed >> bit & 1 == 1;
        let ops = if flag(3) { 200 } else { 50 };
        (seed, RecordingOptions { looped: !flag(0), memory: !flag(1), calls: !flag(2), ops, turns: 6 })
    })
}

#[test]
fn random_recordings_are_well_formed_and_round_trip() {
    for (seed, options) in recordings() {
        let trace = recording(seed, &options).trace;
        assert_eq!(verify_recording(&trace), [""; 0], "seed {seed}\n{trace}");
        let parsed = parse(&print(&trace), helpers()).unwrap();
        assert!(identical(&trace, &parsed), "seed {seed}");
    }
}

#[test]
fn random_recordings_run_without_faults_and_leak_nothing() {
    let mut dying = 0;
    let mut turns = 0;
    for (seed, options) in recordings() {
        let mut program = recording(seed, &options);
        let trace = program.trace.clone();
        let state = program.describe(&trace).unwrap_or_else(|error| panic!("seed {seed}: {error}\n{trace}"));
        assert!(!state.contains("alive"), "seed {seed}\n{state}\n{trace}");
        dying += state.contains("dying") as usize;
        let last = trace.ops.iter().rposition(|op| op.code == OpCode::GuardTrue);
        let outcome = program.evaluate().outcome;
        turns += (options.looped && matches!(outcome, Outcome::Exit { op, .. } if Some(op) == last)) as usize;
    }
    assert!(dying > 10 && turns > 50, "{dying} exits to a dying object, {turns} loops to the end");
}

#[test]
fn random_traces_leak_nothing() {
    for (seed, options) in all_options() {
        let mut program = generate(seed, &options);
        let trace = program.trace.clone();
        let state = program.describe(&trace).unwrap_or_else(|error| panic!("seed {seed}: {error}\n{trace}"));
        assert!(!state.contains("alive"), "seed {seed}\n{state}\n{trace}");
    }
}
