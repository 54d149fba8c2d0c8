//! Golden tests of the optimizer: recordings written by hand, and what becomes of them. No Python is involved.
//!
//! A file in `golden/` has cases; each begins with a line that says what is done with the recording below it:
//!
//! ```text
//! == loop            peel::compile_loop; the last one is what `link` and `bridge` refer to
//! == trace           peel::compile_bridge from the interpreter to an exit
//! == link            ... to the label of the last loop
//! == enter           ... to the entry of another trace
//! == bridge s3       ... from that exit (snapshot of the optimized loop) to the label
//! == bridge s3 exit  ... to an exit
//! == dead            dead::eliminate on a trace
//! ```
//!
//! `BLESS=1` rewrites the expected parts. Names of types and objects: see `common/made_up.rs`.

mod common;

use std::fmt::Write;

use common::made_up::{HELPERS, MadeUp, env, to_addresses};
use tracer::optimizer::dead;
use tracer::optimizer::peel::{self, End, Loop, Start};
use tracer::optimizer::{Fact, FactArg, Header, HeaderSlot, Requirement};
use traces::parse::parse;
use traces::text::{Names, constant, print_with};
use traces::verify::{verify, verify_recording};
use traces::{Const, Op, OpCode, Slot, SnapId, Trace, Val, golden};

fn named(c: Const) -> String {
    MadeUp.constant(c).unwrap_or_else(|| constant(c))
}

fn requirement(r: &Requirement) -> String {
    let mut out = String::new();
    if let Some(c) = r.constant {
        let _ = write!(out, " = {}", named(c));
    } else if r.known_type != 0 {
        let _ = write!(out, " {}", named(Const::Ptr(r.known_type)));
    } else if r.nonnull {
        out.push_str(" nonnull");
    }
    out
}

fn slot(s: &HeaderSlot) -> String {
    let stays = |in_memory: bool| if in_memory { " in memory" } else { "" };
    match s {
        HeaderSlot::Null { in_memory } => format!("null{}", stays(*in_memory)),
        HeaderSlot::Const { object, in_memory } => {
            format!("{}{}", named(Const::Obj(*object)), stays(*in_memory))
        }
        HeaderSlot::Boxed { ty, param } => format!("{} in p{param}", ty.name()),
        HeaderSlot::Object { param, class, in_memory, requirement: r } => {
            let param = param.map_or_else(String::new, |p| format!(" in p{p}"));
            format!("object {class}{param}{}{}", stays(*in_memory), requirement(r))
        }
    }
}

fn fact(f: &Fact) -> String {
    let args: Vec<String> = f
        .args
        .iter()
        .filter_map(|arg| match arg {
            FactArg::None => None,
            FactArg::Param(p) => Some(format!("p{p}")),
            FactArg::Const(c) => Some(named(*c)),
            FactArg::Frame => Some("frame".into()),
        })
        .collect();
    let result = f.result.map_or_else(String::new, |p| format!("p{p} = "));
    let helper = if f.code.is_call() { format!(" {}", HELPERS[f.imm as usize].name) } else { String::new() };
    let place = if f.code.row().region { format!(" {:+} {}", f.imm, f.region.name()) } else { String::new() };
    format!(
        "{result}{}{helper} {}{place};{}",
        f.code.row().name,
        args.join(", "),
        requirement(&f.requirement)
    )
}

/// A header in a form to read; params that the label dropped are in brackets.
fn header(h: &Header) -> String {
    let params = h.params.iter().zip(&h.live).enumerate().map(|(i, (ty, live))| {
        if *live { format!("p{i} {}", ty.name()) } else { format!("(p{i} {})", ty.name()) }
    });
    let mut out = format!("header: params {}\n", params.collect::<Vec<_>>().join(", "));
    for (k, s) in h.slots.iter().enumerate() {
        let _ = writeln!(out, "  slot {k}: {}", slot(s));
    }
    for f in &h.facts {
        let _ = writeln!(out, "  fact: {}", fact(f));
    }
    out
}

/// A recording. `jump()` at its end stands for a jump with the slots of the last `at`, which the recorder leaves out.
fn recording(text: &str) -> Trace {
    let mut trace = parse(&to_addresses(text), &HELPERS).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let at = trace.ops.iter().rfind(|op| op.code == OpCode::At).map(|op| op.snap);
    let end = trace.ops.len() - 1;
    if let (Some(at), OpCode::Jump) = (at, trace.ops[end].code) {
        let values = trace.snapshots.frame(at, 0).slots.iter().map(|slot| match slot {
            Slot::Value(v) => v,
            other => panic!("a recording's slot is {other:?}"),
        });
        let values: Vec<Val> = values.collect();
        let params = trace.ops.iter().take_while(|op| op.code == OpCode::Param).count();
        if values.len() == params {
            trace.ops[end].list = trace.push_list(&values);
        } else {
            // A bridge out of an inlined call: what its last op is makes no difference to the optimizer, but it does to the verifier.
            trace.ops[end] = Op { snap: at, ..Op::new(OpCode::Exit, &[]) };
        }
    }
    let errors = verify_recording(&trace);
    assert!(errors.is_empty(), "an ill-formed recording: {}\n{text}", errors.join("; "));
    trace
}

fn checked(trace: &Trace) -> String {
    let errors = verify(trace);
    let text = print_with(trace, &MadeUp);
    assert!(errors.is_empty(), "the optimizer made an ill-formed trace: {}\n{text}", errors.join("; "));
    text
}

fn run_case(how: &str, text: &str, last: &mut Option<Loop>) -> String {
    let env = env();
    let words: Vec<&str> = how.split_whitespace().collect();
    let bridge = |start: Option<Start<'_>>, end: End<'_>| match peel::compile_bridge(
        &env,
        &recording(text),
        &HELPERS,
        start,
        end,
    ) {
        Ok(b) => {
            let inputs = b.inputs.iter().map(|v| format!("{v:?}")).collect::<Vec<_>>().join(", ");
            let inputs = if inputs.is_empty() { inputs } else { format!("inputs: {inputs}\n") };
            format!("{inputs}{}", checked(&b.trace))
        }
        Err(abort) => format!("not compiled: {}\n", abort.name()),
    };
    match words[0] {
        "loop" => match peel::compile_loop(&env, &recording(text), &HELPERS, &[]) {
            Ok(l) => {
                let out = format!("{}{}", header(&l.header), checked(&l.trace));
                *last = Some(l);
                out
            }
            Err(abort) => format!("not compiled: {}\n", abort.name()),
        },
        "trace" => bridge(None, End::Exit),
        "enter" => bridge(None, End::Entry),
        "link" => bridge(None, End::Link(&last.as_ref().expect("a loop before").header)),
        "bridge" => {
            let l = last.as_ref().expect("a loop before");
            let id = SnapId(words[1].trim_start_matches('s').parse().expect("a snapshot"));
            let start = Start {
                values: &tracer::optimizer::Values::of(&l.trace),
                snapshot: &l.trace.snapshots.get(id),
                known: &l.known.get(id),
                condition: None,
            };
            bridge(Some(start), if words.get(2) == Some(&"exit") { End::Exit } else { End::Link(&l.header) })
        }
        "dead" => {
            let mut trace =
                parse(&to_addresses(text), &HELPERS).unwrap_or_else(|error| panic!("{error}\n{text}"));
            dead::eliminate(&mut trace, false);
            checked(&trace)
        }
        other => panic!("`== {other}` is no kind of case"),
    }
}

/// All cases of a file.
fn optimize(input: &str) -> String {
    let mut out = String::new();
    let mut last = None;
    for case in format!("\n{input}").split("\n== ").skip(1) {
        let (title, text) = case.split_once('\n').expect("a title");
        let how = title.split(';').next().unwrap_or("").trim();
        let _ = write!(out, "== {title}\n{}", run_case(how, text, &mut last));
    }
    out
}

/// Their expected parts are written by hand: not to be blessed before they are reached.
#[test]
#[ignore = "the optimizer does not do this yet"]
fn recordings_that_should_become_these_traces() {
    golden::run_dir("golden/open", "optimized", optimize);
}

#[test]
fn recordings_become_these_traces() {
    golden::run_dir("golden", "optimized", optimize);
}

/// The ops of the optimized loop's body: what is done in each turn.
fn body(file: &str, case: usize) -> Vec<OpCode> {
    let text = std::fs::read_to_string(format!("golden/{file}.txt")).expect("a golden file");
    let input = golden::File::parse(&text).expect("a golden file").input;
    let cases = format!("\n{input}");
    let recorded = cases.split("\n== ").nth(case + 1).expect("a case").split_once('\n').expect("a title").1;
    let Ok(l) = peel::compile_loop(&env(), &recording(recorded), &HELPERS, &[]) else { panic!("compiles") };
    let label = l.trace.label_index().expect("a loop");
    l.trace.ops[label + 1..].iter().map(|op| op.code).filter(|code| *code != OpCode::Param).collect()
}

#[test]
fn a_turn_over_local_floats_is_arithmetic_alone() {
    use OpCode::*;
    assert_eq!(body("hoisting", 0), [FloatAdd, GuardClear, Jump]);
    assert_eq!(body("unboxing", 0), [IntAddOvf, FloatMul, BoolNot, GuardClear, Jump]);
}

#[test]
fn a_turn_that_stores_to_a_list_asks_nothing_of_it() {
    use OpCode::*;
    assert_eq!(body("hoisting", 1), [FloatAdd, NewFloat, StoreObjAt, DecrefLeaf, Jump]);
}
