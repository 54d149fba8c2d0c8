//! Random recordings mean the same before and after optimization: same exit, same objects, same counts.

use std::cell::RefCell;
use std::collections::BTreeMap;

use tracer::optimizer::peel::{End, compile_bridge, compile_loop};
use tracer::optimizer::{Env, HelperIds};
use traces::memory::{Kind, Memory};
use traces::random::{LOCALSPLUS, Program, RecordingOptions, recording};
use traces::{Const, OpCode, verify};

thread_local! {
    /// The memory as the recorder found it, for the questions that `Env` asks of constant objects.
    static FOUND: RefCell<Memory> = RefCell::new(Memory::new(0));
    /// How far the program's arena is from that copy.
    static SHIFT: RefCell<usize> = const { RefCell::new(0) };
}

fn found<R>(address: usize, ask: impl FnOnce(&Memory, usize) -> R) -> R {
    FOUND.with_borrow(|memory| ask(memory, address.wrapping_sub(SHIFT.with_borrow(|&s| s))))
}

fn type_of(object: usize) -> usize {
    // The copy's bytes hold the original's addresses.
    found(object, |memory, at| memory.type_of(at).unwrap_or(0))
}

fn kind_of(ty: usize) -> Option<Kind> {
    [Kind::Int, Kind::Float, Kind::Bool, Kind::Plain]
        .into_iter()
        .find(|&k| found(ty, |m, at| m.type_address(k) == at))
}

fn payload_of(code: OpCode, object: usize) -> Option<Const> {
    let kind = kind_of(type_of(object))?;
    found(object, |memory, at| match (code, kind) {
        (OpCode::IntValue, Kind::Int | Kind::Bool) => memory.int_value(at).ok().flatten().map(Const::Int),
        (OpCode::FloatValue, Kind::Float) => Some(Const::Float(memory.float_value(at).ok()?.to_bits())),
        (OpCode::BoolValue, Kind::Bool) => Some(Const::Bool(memory.bool_object(true) == at)),
        _ => None,
    })
}

fn env(program: &Program) -> Env {
    let memory = &program.memory;
    FOUND.with_borrow_mut(|copy| {
        *copy = Memory::new(program.initial.len());
        copy.restore(&program.initial);
        SHIFT.replace(memory.base().wrapping_sub(copy.base()));
    });
    Env {
        int_type: memory.type_address(Kind::Int),
        float_type: memory.type_address(Kind::Float),
        bool_type: memory.type_address(Kind::Bool),
        true_object: memory.bool_object(true),
        false_object: memory.bool_object(false),
        is_leaf: |ty| matches!(kind_of(ty), Some(Kind::Int | Kind::Float | Kind::Bool)),
        keeps_class: |_| true,
        may_die: |o| o / 16 % 3 == 0,
        type_of,
        payload_of,
        drops_licences: false,
        off: Default::default(),
        refcnt: traces::memory::REFCNT_OFFSET,
        localsplus: LOCALSPLUS,
        frame_func: 0,
        prev_instr: 56,
        frame_obj: 48,
        f_locals: 40,
        first_unit: 0,
        helpers: HelperIds { push_frame: 0, pop_frame: 0, stealing: (i32::MAX, i32::MIN) },
    }
}

fn check(looped: bool, seeds: std::ops::Range<u64>) {
    let mut outcomes: BTreeMap<String, usize> = BTreeMap::new();
    let mut failures = vec![];
    let (mut smallest, mut report) = (usize::MAX, String::new());
    for seed in seeds.clone() {
        let flag = |bit: u64| seed >> bit & 1 == 1;
        let options = RecordingOptions {
            looped,
            memory: !flag(0),
            calls: !flag(1),
            ops: if flag(2) { 200 } else { 15 },
            ..RecordingOptions::default()
        };
        let mut program = recording(seed, &options);
        let env = env(&program);
        let helpers = program.trace.helpers;
        let optimized = if looped {
            compile_loop(&env, &program.trace, helpers, &[]).map(|l| l.trace)
        } else {
            compile_bridge(&env, &program.trace, helpers, None, End::Exit).map(|b| b.trace)
        };
        let trace = match optimized {
            Ok(trace) => trace,
            Err(abort) => {
                *outcomes.entry(abort.name().to_string()).or_default() += 1;
                continue;
            }
        };
        *outcomes.entry("compiled".into()).or_default() += 1;
        let mut problems = verify::verify(&trace);
        if problems.is_empty() {
            problems.extend(program.check_same(&trace).err());
        }
        if !problems.is_empty() {
            failures.push(seed);
            // The smallest one is shown.
            if program.trace.ops.len() < smallest {
                smallest = program.trace.ops.len();
                report = format!(
                    "seed {seed}, {options:?}\n{}\n---- recording\n{}\n---- optimized\n{trace}",
                    problems.join("\n"),
                    program.trace
                );
            }
        }
    }
    eprintln!("{report}\n{outcomes:?}");
    assert!(failures.is_empty(), "{} of {outcomes:?}: {failures:?}", failures.len());
    assert!(outcomes["compiled"] * 2 > (seeds.end - seeds.start) as usize, "{outcomes:?}");
}

#[test]
fn random_loops_mean_the_same_after_optimization() {
    check(true, 0..4000);
}

#[test]
fn random_straight_recordings_mean_the_same_after_optimization() {
    check(false, 0..4000);
}
