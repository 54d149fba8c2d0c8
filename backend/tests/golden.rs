//! The machine code of each op. `BLESS=1` rewrites the expected text, to be read in review.

use backend::x64::X64Backend;
use backend::{BackendOptions, Processor};
use traces::codegen::{Backend, ExitId, ExitState, Location, Request, Runtime, Target};
use traces::golden;
use traces::parse::parse;
use traces::random::helpers::helpers;
use traces::{Helper, OpCode, Trace};

unsafe extern "C" fn on_exit(_: u32, _: *const ExitState) -> usize {
    0
}

/// A runtime at made-up addresses: nothing here runs. Types and cached ints lie where a position-dependent executable has
/// them, functions far from the code.
fn runtime() -> Runtime {
    Runtime {
        on_exit,
        refcnt_offset: 0,
        type_offset: 8,
        int_size_offset: 16,
        int_digit_offset: 24,
        float_value_offset: 16,
        true_object: 0x9000,
        false_object: 0x9040,
        int_value_slow: 0,
        new_int: 0,
        small_ints: 0x8000,
        small_int_min: -5,
        small_int_count: 262,
        small_int_size: 32,
        new_float: 0,
        float_free_list: 0x7008,
        float_free_count: 0x7000,
        float_free_max: 100,
        float_type: 0x6000,
        dealloc: 0,
    }
}

/// Helpers at addresses that no code memory is near to.
fn far_helpers() -> &'static [Helper] {
    static HELPERS: std::sync::OnceLock<Vec<Helper>> = std::sync::OnceLock::new();
    HELPERS.get_or_init(|| {
        let far = |(i, h): (usize, &Helper)| Helper { address: 0x7000_0000_0000_0000 + 16 * i, ..*h };
        helpers().iter().enumerate().map(far).collect()
    })
}

/// Params of a bridge come in registers, in their order.
fn inputs(trace: &Trace) -> Vec<Location> {
    let params = trace.ops.iter().take_while(|op| op.code == OpCode::Param);
    let (mut general, mut float) = ([0u8, 1, 2, 6, 7, 8, 9].into_iter(), 0..14u8);
    params
        .map(|op| match op.ty {
            traces::Type::Float => Location::Float(float.next().expect("few params")),
            _ => Location::General(general.next().expect("few params")),
        })
        .collect()
}

/// The code of a trace as text, ops as headings.
fn assembly(text: &str, processor: Processor) -> String {
    let trace = parse(text, far_helpers()).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let options = BackendOptions { code_memory: 1 << 20, processor, ..BackendOptions::default() };
    let mut backend = X64Backend::new(runtime(), &options).expect("executable memory");
    let inputs = if trace.label_index().is_some() { vec![] } else { inputs(&trace) };
    let landing = parse(
        "label(1, 2.0)\nv1: Int = param 0\nv2: Float = param 1\nexit @s0\ns0: execute\n  keep v1, v2",
        &[],
    )
    .expect("a trace");
    let request = Request { trace: &landing, inputs: &[], first_exit: ExitId(1000), targets: &[] };
    let landing = backend.compile(&request).expect("compiles");
    let targets = [Target { entry: landing.entry, label: landing.label }];
    let request = Request { trace: &trace, inputs: &inputs, first_exit: ExitId(7), targets: &targets };
    let compiled = backend.compile(&request).expect("compiles");
    let printed = trace.to_string();
    let ops: Vec<&str> = printed.lines().take(trace.ops.len()).collect();
    let mut out = String::new();
    let mut next = 0;
    for (offset, line) in backend.disassemble(&compiled) {
        while next < ops.len() && compiled.op_offsets[next] <= offset {
            out.push_str(&format!("; {}\n", ops[next].trim()));
            next += 1;
        }
        // Where code memory lies differs from run to run.
        let line = match line.strip_prefix("jmp 0x") {
            Some(_) => "jmp target".to_string(),
            None => line,
        };
        out.push_str(&format!("{offset:#06x}  {line}\n"));
    }
    for i in 0..compiled.exits.len() {
        let exit: Vec<_> = compiled.exits.of(i).collect();
        out.push_str(&format!("; exit {}: {exit:?}\n", 7 + i));
    }
    if let Some(label) = &compiled.label {
        out.push_str(&format!("; label: {:?}\n", label.params));
    }
    out
}

#[test]
fn the_machine_code_of_each_op_is_the_expected_one() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/golden/x64");
    golden::run_dir_stages(folder, |input| {
        vec![
            ("baseline".to_string(), assembly(input, Processor::Baseline)),
            ("newest".to_string(), assembly(input, Processor::Newest)),
        ]
    });
}

#[test]
fn every_op_has_golden_code() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/golden/x64");
    let mut seen = std::collections::HashSet::new();
    for file in std::fs::read_dir(folder).expect("the folder is there") {
        let text = std::fs::read_to_string(file.expect("an entry").path()).expect("readable");
        let input = golden::File::parse(&text).expect("a golden file").input;
        seen.extend(parse(&input, far_helpers()).expect("it parses").ops.iter().map(|op| op.code));
    }
    // These two are in recordings only.
    let compiled = |code: &&OpCode| !matches!(**code, OpCode::At | OpCode::InlineReturn);
    let missing: Vec<_> =
        traces::op::ALL.iter().filter(compiled).filter(|code| !seen.contains(*code)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
