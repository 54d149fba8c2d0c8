//! Machine code of random traces does what the reference evaluator does: the same exit, the same values, the same memory.

mod common;

use common::{Machine, constant, variants};
use traces::codegen::Target;
use traces::evaluate::{Outcome, same_outcome};
use traces::memory::{Memory, first_difference};
use traces::random::{Options, generate, seeds};
use traces::{Const, OpCode, Type};

fn all_options(seeds: std::ops::Range<u64>) -> impl Iterator<Item = (u64, Options)> {
    seeds.map(|seed| {
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

/// Runs one random program in one variant of the backend.
fn check(seed: u64, options: &Options, variant: usize) {
    check_with(seed, options, variant, false);
}

/// With `reuse_floats` floats may come to be at other addresses: only numbers are compared then.
fn check_with(seed: u64, options: &Options, variant: usize, reuse_floats: bool) {
    let mut program = generate(seed, options);
    let expected = program.evaluate();
    if expected.outcome == Outcome::TooManyTurns {
        return;
    }
    let inputs_at = Memory::new(0);
    let mut machine = Machine::new(
        std::mem::replace(&mut program.memory, inputs_at),
        backend::BackendOptions { reuse_floats, ..variants()[variant].clone() },
    );
    let trace = &program.trace;
    let end = trace.ops.last().expect("an end");
    let ending: Vec<_> = trace.list(end.list).iter().map(|&val| constant(trace.ty(val), 0)).collect();
    let landing = machine.landing(if end.code == OpCode::JumpTo { &ending } else { &[] });
    let nowhere = Target { entry: landing.compiled.entry, label: landing.compiled.label.clone() };
    let targets = vec![nowhere; end.imm.max(0) as usize + 1];
    let (code, entry) = if trace.label_index().is_some() {
        let code = machine.compile(trace, &[], &targets);
        let entry = code.compiled.entry;
        (code, entry)
    } else {
        let mut room = vec![0u64; program.inputs.len()];
        let driver = {
            // The inputs come from memory of their own, so that the program's stays as it is.
            let source = room.as_mut_ptr() as usize;
            for (word, input) in room.iter_mut().zip(&program.inputs) {
                *word = input.bits();
            }
            machine.driver_from(&program.inputs, source)
        };
        let exit = driver.guard(0);
        let code = machine.compile(trace, &driver.locations(exit), &targets);
        machine.backend.patch_exit(driver.exit_of(exit), code.compiled.entry);
        std::mem::forget(room);
        (code, driver.compiled.entry)
    };
    machine.memory.restore(&program.initial);
    let taken = machine.enter(entry, program.frame, program.thread_state);
    let outcome = if taken.exit >= code.first_exit {
        Machine::outcome(&code, &taken)
    } else {
        let Outcome::Exit { values, .. } = Machine::outcome(&landing, &taken) else { unreachable!() };
        match end.code {
            OpCode::JumpTo => Outcome::JumpTo { target: end.imm, values },
            _ => Outcome::EnterTrace { target: end.imm },
        }
    };
    let dump = || format!("seed {seed} variant {variant}\n{}", machine.dump(&code));
    if reuse_floats {
        let (a, b) = (numbers(&outcome), numbers(&expected.outcome));
        assert!(same_outcome(&a, &b), "{}\ncode      {a:?}\nevaluator {b:?}", dump());
        return;
    }
    assert!(
        same_outcome(&outcome, &expected.outcome),
        "{}\ncode      {outcome:?}\nevaluator {:?}",
        dump(),
        expected.outcome
    );
    let bytes = machine.memory.bytes().to_vec();
    if let Some((offset, got, wanted)) = first_difference(&bytes, &expected.bytes) {
        panic!("{}\nmemory +{offset:#x}: code {got:#x}, evaluator {wanted:#x}", dump());
    }
}

/// An outcome without its objects.
fn numbers(outcome: &Outcome) -> Outcome {
    let of = |values: &[Const]| values.iter().copied().filter(|value| value.ty() != Type::Obj).collect();
    match outcome {
        Outcome::Exit { op, values } => Outcome::Exit { op: *op, values: of(values) },
        Outcome::JumpTo { target, values } => Outcome::JumpTo { target: *target, values: of(values) },
        other => other.clone(),
    }
}

#[test]
fn random_traces_that_reuse_floats_compute_what_they_evaluate() {
    for (seed, options) in all_options(0..1000) {
        check_with(seed, &options, (seed % 4) as usize, true);
    }
}

fn check_all(variant: usize, seeds: std::ops::Range<u64>) {
    for (seed, options) in all_options(seeds) {
        check(seed, &options, variant);
    }
}

#[test]
fn random_traces_run_as_they_evaluate() {
    check_all(0, 0..1000);
}

#[test]
fn random_traces_run_as_they_evaluate_with_four_registers() {
    check_all(1, 0..1000);
}

#[test]
fn random_traces_run_as_they_evaluate_on_the_baseline_processor() {
    check_all(2, 0..500);
    check_all(3, 0..500);
}

#[test]
fn random_traces_of_further_seeds_run_as_they_evaluate() {
    for variant in 0..variants().len() {
        check_all(variant, seeds(10_000..10_200));
    }
}
