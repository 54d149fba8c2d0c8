//! Each op on edge values, in registers, slots and as constants: the machine code's results and exits are the evaluator's.

mod common;

use common::{Machine, keeping, variants};
use traces::evaluate::{Entry, evaluate, no_helpers, same_outcome};
use traces::memory::{Kind, Memory, first_difference};
use traces::op::Operand;
use traces::{Const, Op, OpCode, Trace, Type, Val, op};

const INTS: [i64; 22] = [
    0,
    1,
    -1,
    2,
    -2,
    3,
    7,
    -7,
    10,
    63,
    64,
    -128,
    255,
    1 << 30,
    -(1 << 31),
    1 << 32,
    1 << 53,
    (1 << 62) + 1,
    i64::MAX - 1,
    i64::MAX,
    i64::MIN,
    i64::MIN + 1,
];

fn floats() -> Vec<f64> {
    let nan = f64::NAN;
    vec![
        0.0,
        -0.0,
        1.0,
        -1.5,
        2.0,
        1e300,
        -1e308,
        5e-324,
        f64::INFINITY,
        f64::NEG_INFINITY,
        nan,
        9.3e18,
        -9223372036854775808.0,
        9223372036854775808.0,
        0.1,
    ]
}

fn edge_values(ty: Type) -> Vec<Const> {
    match ty {
        Type::Int => INTS.map(Const::Int).to_vec(),
        Type::Float => floats().into_iter().map(|x| Const::Float(x.to_bits())).collect(),
        Type::Bool => vec![Const::Bool(false), Const::Bool(true)],
        Type::Ptr => [0usize, 16, 0x1234_5678_9abc].map(Const::Ptr).to_vec(),
        _ => unreachable!(),
    }
}

/// How the operands of the op under test are given, and what uses its result.
#[derive(Clone, Copy, Debug)]
struct Form {
    /// Bit `k`: operand `k` is a constant.
    constants: u32,
    /// Operands are needed after the op.
    operands_live: bool,
    /// The result, a boolean, is only guarded, so that it is fused.
    fused: bool,
    /// The guard is a `guard_false`, and of the negation.
    negated: bool,
}

/// A bridge that performs one op and leaves with its result.
fn around(code: OpCode, operands: &[Const], form: Form) -> (Trace, Vec<Const>) {
    let mut trace = Trace::new(&[]);
    let mut inputs = Vec::new();
    let mut vals: Vec<Val> = Vec::new();
    for (k, &operand) in operands.iter().enumerate() {
        if form.constants >> k & 1 == 0 {
            let param = Op { imm: inputs.len() as i32, ty: operand.ty(), ..Op::new(OpCode::Param, &[]) };
            inputs.push(operand);
            vals.push(trace.push(param));
        } else {
            vals.push(Val::NONE);
        }
    }
    for (k, &operand) in operands.iter().enumerate() {
        if form.constants >> k & 1 == 1 {
            vals[k] = trace.constant(operand);
        }
    }
    let before = trace.push_snapshot(keeping(vals.clone()));
    let mut op = Op::new(code, &vals);
    if code.is_guard() {
        op.snap = before;
    }
    let result = trace.push(op);
    let mut keep = if form.operands_live { vals.clone() } else { vec![] };
    if form.fused {
        let (guard, tested) = if form.negated {
            (OpCode::GuardFalse, trace.push(Op::new(OpCode::BoolNot, &[result])))
        } else {
            (OpCode::GuardTrue, result)
        };
        trace.push(Op { snap: before, ..Op::new(guard, &[tested]) });
    } else if op.ty != Type::Void {
        keep.push(result);
    }
    let after = trace.push_snapshot(keeping(keep));
    trace.push(Op { snap: after, ..Op::new(OpCode::Exit, &[]) });
    (trace, inputs)
}

fn forms(operands: usize, boolean: bool) -> Vec<Form> {
    let mut forms = Vec::new();
    for constants in 0..1u32 << operands {
        for operands_live in [false, true] {
            forms.push(Form { constants, operands_live, fused: false, negated: false });
            if boolean {
                forms.push(Form { constants, operands_live, fused: true, negated: false });
                forms.push(Form { constants, operands_live, fused: true, negated: true });
            }
        }
    }
    forms
}

/// Ops whose operands are machine values.
fn value_ops() -> impl Iterator<Item = OpCode> {
    op::ALL.iter().copied().filter(|code| {
        let row = code.row();
        let machine =
            |o: &Operand| matches!(o, Operand::Is(Type::Int | Type::Float | Type::Bool) | Operand::Address);
        !row.operands.is_empty() && row.operands.iter().all(machine) && row.effect == traces::Effect::Pure
    })
}

#[test]
fn every_op_on_machine_values_agrees_with_the_evaluator_on_edge_values() {
    let mut seen = 0;
    for options in variants() {
        let mut machine = Machine::new(Memory::new(0), options.clone());
        for code in value_ops() {
            let types: Vec<Type> = code
                .row()
                .operands
                .iter()
                .map(|operand| match operand {
                    Operand::Is(ty) => *ty,
                    _ => Type::Ptr,
                })
                .collect();
            let boolean = code.row().result == Some(Type::Bool);
            let firsts = edge_values(types[0]);
            let seconds =
                types.get(1).map_or(vec![None], |&ty| edge_values(ty).into_iter().map(Some).collect());
            for &first in &firsts {
                for &second in &seconds {
                    let operands: Vec<Const> = [Some(first), second].into_iter().flatten().collect();
                    for form in forms(operands.len(), boolean) {
                        let (trace, inputs) = around(code, &operands, form);
                        let entry = Entry { inputs: &inputs, ..Entry::default() };
                        // What an op must not be given (a zero divisor) is a fault.
                        let Ok(expected) = evaluate(&trace, &entry, &mut machine.memory, &mut no_helpers())
                        else {
                            continue;
                        };
                        let (compiled, outcome) = machine.run_bridge(&trace, &inputs);
                        assert!(
                            same_outcome(&outcome, &expected),
                            "{operands:?} {form:?} {options:?}\n{}\ncode      {outcome:?}\nevaluator {expected:?}",
                            machine.dump(&compiled)
                        );
                        seen += 1;
                    }
                }
            }
        }
    }
    assert!(seen > 100_000, "{seen} cases");
}

#[test]
fn an_operation_of_a_value_with_itself_overflows_with_its_operand_intact() {
    for options in variants() {
        let mut machine = Machine::new(Memory::new(0), options);
        for code in [OpCode::IntAddOvf, OpCode::IntSubOvf, OpCode::IntMulOvf] {
            for i in INTS {
                let mut trace = Trace::new(&[]);
                let x = trace.push(Op { ty: Type::Int, ..Op::new(OpCode::Param, &[]) });
                let snap = trace.push_snapshot(keeping(vec![x]));
                let sum = trace.push(Op { snap, ..Op::new(code, &[x, x]) });
                let snap = trace.push_snapshot(keeping(vec![sum]));
                trace.push(Op { snap, ..Op::new(OpCode::Exit, &[]) });
                let inputs = [Const::Int(i)];
                let entry = Entry { inputs: &inputs, ..Entry::default() };
                let expected = evaluate(&trace, &entry, &mut machine.memory, &mut no_helpers()).unwrap();
                assert_eq!(machine.run_bridge(&trace, &inputs).1, expected, "{code:?} {i}");
            }
        }
    }
}

/// Runs a bridge over objects both ways; the memory has to be the same afterwards too.
fn check_on_memory(memory: Memory, text: &str, inputs: &[Const]) -> Memory {
    let trace = traces::parse::parse(text, &[]).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let initial = memory.bytes().to_vec();
    let mut memory = Some(memory);
    for options in variants() {
        let mut machine = Machine::new(memory.take().unwrap(), options);
        machine.memory.restore(&initial);
        let entry = Entry { inputs, ..Entry::default() };
        let expected = evaluate(&trace, &entry, &mut machine.memory, &mut no_helpers())
            .unwrap_or_else(|fault| panic!("{fault}\n{text}"));
        let bytes = machine.memory.bytes().to_vec();
        machine.memory.restore(&initial);
        let (code, outcome) = machine.run_bridge(&trace, inputs);
        let dump = machine.dump(&code);
        assert!(same_outcome(&outcome, &expected), "{dump}\ncode {outcome:?}\nevaluator {expected:?}");
        assert_eq!(first_difference(machine.memory.bytes(), &bytes), None, "{dump}");
        memory = Some(std::mem::replace(&mut machine.memory, Memory::new(0)));
    }
    let mut memory = memory.expect("put back");
    memory.restore(&initial);
    memory
}

#[test]
fn ints_of_every_size_are_unboxed_or_leave() {
    let edges = [
        0,
        1,
        5,
        (1i128 << 30) - 1,
        1 << 30,
        (1 << 60) - 1,
        1 << 60,
        (1 << 62) + 12345,
        (1 << 63) - 1,
        1 << 63,
        1 << 90,
    ];
    for magnitude in edges {
        for value in [magnitude, -magnitude] {
            for text in [
                "v0: Obj = param 0\nv1: Int = int_value v0 @s0\nexit @s1\ns0: execute\n  keep v0\ns1: execute\n  keep v1",
                "v0: Obj = param 0\nv1: Int = int_value v0 @s0\nexit @s1\ns0: execute\n  keep v0\ns1: execute\n  keep v0, v1",
            ] {
                let mut memory = Memory::new(0);
                let object = memory.new_wide_int(value).unwrap();
                check_on_memory(memory, text, &[Const::Obj(object)]);
            }
        }
    }
}

#[test]
fn ints_are_boxed_as_cached_or_new_objects() {
    for i in [-6, -5, -1, 0, 100, 256, 257, 1 << 30, i64::MAX, i64::MIN] {
        let text = "v0: Int = param 0\nv1: Float = param 1\nv2: Obj = new_int v0\nexit @s0\ns0: execute\n  keep v2, v1, v0";
        check_on_memory(Memory::new(0), text, &[Const::Int(i), Const::Float(2.5f64.to_bits())]);
        let text = format!("v0: Obj = new_int {i}\nexit @s0\ns0: execute\n  keep v0");
        check_on_memory(Memory::new(0), &text, &[]);
    }
}

#[test]
fn floats_are_boxed_from_the_free_list_and_go_back_to_it() {
    let free_one = "v0: Obj = param 0\nv1: Float = param 1\nv2: Float = float_value v0\ndecref_leaf v0\n\
                    v4: Float = float_add v1, v2\nv5: Obj = new_float v4\nv6: Obj = new_float v1\nexit @s0\n\
                    s0: execute\n  keep v5, v6, v4, v1";
    for count in [1, 2] {
        let mut memory = Memory::new(0);
        let object = memory.new_float(1.25).unwrap();
        if count == 2 {
            memory.incref(object).unwrap();
        }
        check_on_memory(memory, free_one, &[Const::Obj(object), Const::Float(0.5f64.to_bits())]);
    }
}

#[test]
fn counts_go_up_and_down_and_the_last_one_leaves_or_frees() {
    for ops in [
        "incref v0\nexit @s0",
        "decref v0\nexit @s0",
        "decref_leaf v0\nexit @s0",
        "decref_dealloc v0\nexit @s0",
        "decref_guard v0 @s1\nexit @s0",
    ] {
        for count in [1, 2] {
            if count == 1 && ops.starts_with("decref v0") {
                continue;
            }
            let mut memory = Memory::new(0);
            let object = memory.new_object(Kind::Plain, 16).unwrap();
            if count == 2 {
                memory.incref(object).unwrap();
            }
            let text = format!(
                "v0: Obj = param 0\nv1: Int = param 1\nv2: Float = param 2\n{ops}\ns0: execute\n  keep v1, v2\ns1: dying v0 at 3\n  keep v1, v2"
            );
            let inputs = [Const::Obj(object), Const::Int(77), Const::Float(1f64.to_bits())];
            check_on_memory(memory, &text, &inputs);
        }
    }
}

#[test]
fn loads_and_stores_have_the_right_width_and_address() {
    let mut memory = Memory::new(0);
    let object = memory.new_object(Kind::Plain, 256).unwrap();
    for i in 0..32 {
        memory.write_u64(object + 16 + 8 * i, 0x8182_8384_8586_8788u64.wrapping_mul(i as u64 + 1)).unwrap();
    }
    let text = format!(
        "v0: Obj = param 0\nv1: Int = param 1\nv2: Int = param 2\nv3: Float = param 3\nv4: Obj = param 4\n\
         v5: Int = load_int v0 +16 Other\nv6: Int = load_u32 v0 +20 Other\nv7: Int = load_i32 v0 +20 Other\n\
         v8: Int = load_u8 v0 +23 Other\nv9: Float = load_float v0 +24 Other\nv10: Int = load_int obj({object:#x}) +200 Other\n\
         store_int v0 +32 Other, v2\nstore_i32 v0 +40 Other, v2\nstore_u8 v0 +49 Other, v2\nstore_float v0 +56 Other, v3\n\
         store_obj v0 +64 Other, v4\nstore_obj_at v0, v1 +16 Other, v4\nv17: Obj = load_obj_at v0, v1 +16 Other\n\
         store_int v0 +72 Other, 5\nstore_int v0 +80 Other, 81985529216486895\nstore_i32 v0 +88 Other, -2\nstore_u8 v0 +92 Other, 255\n\
         store_float v0 +96 Other, 1.5\nstore_obj v0 +104 Other, obj(0x123456789abc)\nstore_obj_at v0, 13 +16 Other, v4\n\
         store_obj_at obj({object:#x}), v1 +24 Other, v4\nstore_int obj({object:#x}) +136 Other, v2\nv27: Obj = load_obj_at v0, 13 +16 Other\nexit @s0\n\
         s0: execute\n  keep v5, v6, v7, v8, v9, v10, v17, v27"
    );
    let text = reorder(&text);
    let inputs = [
        Const::Obj(object),
        Const::Int(9),
        Const::Int(-2),
        Const::Float(2.5f64.to_bits()),
        Const::Obj(object + 64),
    ];
    check_on_memory(memory, &text, &inputs);
}

/// The text form has an op's offset and region behind its operands.
fn reorder(text: &str) -> String {
    let line = |line: &str| match line.split_once(" Other, ") {
        Some((head, value)) => {
            let (head, offset) = head.rsplit_once(' ').expect("an offset");
            format!("{head}, {value} {offset} Other")
        }
        None => line.to_string(),
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn guards_on_objects_and_addresses_hold_or_leave() {
    let mut memory = Memory::new(0);
    let float = memory.new_float(0.5).unwrap();
    let plain = memory.new_object(Kind::Plain, 16).unwrap();
    let float_type = memory.type_address(Kind::Float);
    let (yes, no) = (memory.bool_object(true), memory.bool_object(false));
    let guards = [
        format!("guard_type v0, ptr({float_type:#x}) @s0"),
        format!("guard_is v0, obj({float:#x}) @s0"),
        "guard_is v0, v1 @s0".to_string(),
        "guard_null v0 @s0".to_string(),
        "guard_nonnull v0 @s0".to_string(),
        "guard_clear v0 +16 Other @s0".to_string(),
    ];
    for guard in guards {
        for object in [float, plain] {
            let text = format!(
                "v0: Obj = param 0\nv1: Obj = param 1\n{guard}\nexit @s1\ns0: execute\n  keep v0, v1\ns1: execute\n  keep v0"
            );
            memory = check_on_memory(memory, &text, &[Const::Obj(object), Const::Obj(float)]);
        }
    }
    for object in [yes, no] {
        for rest in [
            "exit @s1",
            "guard_true v1 @s0\nexit @s1",
            "guard_false v1 @s0\nexit @s1",
            "v2: Obj = bool_obj v1\nexit @s2",
        ] {
            let kept = if rest.contains("bool_obj") { "\ns2: execute\n  keep v2" } else { "" };
            let text = format!(
                "v0: Obj = param 0\nv1: Bool = bool_value v0\n{rest}\ns0: execute\n  keep v0, v1\ns1: execute\n  keep v0, v1{kept}"
            );
            memory = check_on_memory(memory, &text, &[Const::Obj(object)]);
        }
    }
}

#[test]
fn a_float_that_replaces_the_last_reference_to_another_takes_its_memory() {
    for store in ["store_obj v0, v4 +16 Other", "store_obj_at v0, 1, v4 +8 Other"] {
        let text = format!(
            "v0: Obj = param 0\nv1: Obj = load_obj v0 +16 Other\nv2: Float = float_value v1\nv3: Float = float_add v2, 1.5\n\
             v4: Obj = new_float v3\n{store}\ndecref_leaf v1\nexit @s0\ns0: execute\n  keep v3"
        );
        let trace = traces::parse::parse(&text, &[]).unwrap();
        for shared in [false, true] {
            for options in variants() {
                let mut memory = Memory::new(0);
                let holder = memory.new_object(Kind::Plain, 64).unwrap();
                let float = memory.new_float(0.25).unwrap();
                memory.write_u64(holder + 16, float as u64).unwrap();
                if shared {
                    memory.incref(float).unwrap();
                }
                let options = backend::BackendOptions { reuse_floats: true, ..options };
                let mut machine = Machine::new(memory, options);
                let inputs = [Const::Obj(holder)];
                for turn in 1..=3 {
                    let (_, outcome) = machine.run_bridge(&trace, &inputs);
                    let expected = 0.25 + 1.5 * turn as f64;
                    let values = vec![Const::Float(expected.to_bits())];
                    assert_eq!(outcome, traces::evaluate::Outcome::Exit { op: 7, values });
                    let memory = &machine.memory;
                    let now = memory.read_u64(holder + 16).unwrap() as usize;
                    assert_eq!((memory.float_value(now), memory.refcnt(now)), (Ok(expected), Ok(1)));
                    assert_eq!(now == float, !shared, "turn {turn}");
                    if shared {
                        // The other holder's float is as it was.
                        assert_eq!((memory.float_value(float), memory.refcnt(float)), (Ok(0.25), Ok(1)));
                    }
                }
            }
        }
    }
}

#[test]
fn loads_that_are_part_of_the_op_that_uses_them_read_what_they_would_have_read() {
    let mut memory = Memory::new(0);
    let object = memory.new_object(Kind::Plain, 64).unwrap();
    let float = memory.new_float(2.5).unwrap();
    memory.write_u64(object + 16, 0x0000_0003_8000_0005).unwrap();
    memory.write_u64(object + 24, float as u64).unwrap();
    memory.write_u64(object + 32, (-2.5f64).to_bits()).unwrap();
    let inputs = [Const::Obj(object), Const::Obj(float), Const::Int(15), Const::Float(2.5f64.to_bits())];
    let params = "v0: Obj = param 0\nv1: Obj = param 1\nv2: Int = param 2\nv3: Float = param 3\n";
    let tails = "exit @s1\ns0: execute\n  keep v2, v3\ns1: execute\n  keep v0, v3";
    let int = |load: &str, compare: &str| format!("v4: Int = {load} Other\nv5: Bool = {compare}\n");
    let mut bodies = vec![
        int("load_int v0 +16", "int_eq v4, 15032385541"),
        int("load_int v0 +16", "int_ult v2, v4"),
        int("load_int v0 +16", "int_lt v4, v2"),
        int("load_int v0 +16", "int_ge 100, v4"),
        int("load_u8 v0 +16", "int_eq 5, v4"),
        int("load_u8 v0 +19", "int_eq v4, 128"),
        int("load_u8 v0 +19", "int_ne v4, 0"),
        int("load_i32 v0 +16", "int_eq v4, -2147483643"),
        int("load_i32 v0 +16", "int_ne v4, 7"),
        int("load_u32 v0 +16", "int_eq v4, 2147483653"),
        int("load_u32 v0 +20", "int_eq v4, 3"),
        int("load_i32 v0 +16", "int_lt v4, 3"),
        "v4: Obj = load_obj v0 +24 Other\nv5: Bool = address_eq v4, v1\n".to_string(),
        // Not part of the comparison: the field is written in between.
        "v4: Int = load_int v0 +16 Other\nstore_int v0, v2 +16 Other\nv6: Bool = int_eq v4, 15\n".to_string(),
        // Written in between, but elsewhere.
        "v4: Int = load_int v0 +16 Other\nstore_int v0, v2 +40 Instance\nv6: Bool = int_eq v4, 15032385541\n"
            .to_string(),
    ];
    for compare in ["eq", "ne", "lt", "le", "gt", "ge"] {
        for operands in ["v4, v3", "v3, v4", "v4, 2.5", "1e300, v4"] {
            bodies.push(format!("v4: Float = float_value v1\nv5: Bool = float_{compare} {operands}\n"));
            bodies.push(format!(
                "v4: Float = load_float v0 +32 Other\nv5: Bool = float_{compare} {operands}\n"
            ));
        }
    }
    for body in &bodies {
        let last = 3 + body.lines().count();
        for guard in ["guard_true", "guard_false"] {
            let text = format!("{params}{body}{guard} v{last} @s0\n{tails}");
            memory = check_on_memory(memory, &text, &inputs);
        }
        let text = format!("{params}{body}exit @s1\ns1: execute\n  keep v{last}, v0");
        memory = check_on_memory(memory, &text, &inputs);
    }
    for op in ["add", "sub", "mul", "div"] {
        for operands in ["v4, v3", "v3, v4", "v4, v4", "v4, 0.5", "0.5, v4"] {
            for live in ["", ", v4", ", v1, v3"] {
                let text = format!(
                    "{params}v4: Float = float_value v1\nv5: Float = float_{op} {operands}\nexit @s1\ns1: execute\n  keep v5{live}"
                );
                memory = check_on_memory(memory, &text, &inputs);
            }
        }
    }
    let is = format!("{params}v4: Obj = load_obj v0 +24 Other\nguard_is v4, v1 @s0\n{tails}");
    check_on_memory(memory, &is, &inputs);
}
