//! The reference evaluator does what the op table says, op by op, on edge values.

use std::collections::HashMap;

use traces::evaluate::{Entry, Outcome, evaluate, no_helpers};
use traces::memory::{FLOAT_FREE_MAX, Kind, Memory};
use traces::parse::parse;
use traces::text::constant;
use traces::{Const, Effect, Helper, OpCode, Trace, Type, op};

/// What one op does: its value, `goes on`, `leaves`, or the fault. Guards get a snapshot by themselves.
fn outcome(memory: &mut Memory, line: &str) -> String {
    let name = line.split_whitespace().next().unwrap();
    let row = OpCode::from_name(name).unwrap_or_else(|| panic!("{line}")).row();
    let guard = if row.guard { " @s0" } else { "" };
    let (result, keep) = match row.result {
        Some(Type::Void) => (String::new(), ""),
        ty => (format!("v0: {} = ", ty.unwrap().name()), "\n  keep v0"),
    };
    let text = format!("{result}{line}{guard}\nexit @s1\ns0: execute\ns1: execute{keep}");
    let trace = parse(&text, &[]).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let entry = Entry { frame: memory.base() + 64, thread_state: memory.base() + 128, ..Entry::default() };
    match evaluate(&trace, &entry, memory, &mut no_helpers()) {
        Ok(Outcome::Exit { op: 0, .. }) if name != "exit" => "leaves".into(),
        Ok(Outcome::Exit { op: 1, values }) => values.first().map_or("goes on".into(), |&v| constant(v)),
        Ok(other) => format!("{other:?}"),
        Err(fault) => fault.to_string(),
    }
}

const MIN: &str = "-9223372036854775808";
const MAX: &str = "9223372036854775807";

#[test]
fn integer_ops_wrap_leave_and_round_as_the_table_says() {
    let cases: &[(&str, &str)] = &[
        ("int_add MAX, 1", MIN),
        ("int_sub MIN, 1", MAX),
        ("int_mul MIN, -1", MIN),
        ("int_mul 4294967296, 4294967296", "0"),
        ("int_add_ovf 9223372036854775806, 1", MAX),
        ("int_add_ovf MAX, 1", "leaves"),
        ("int_add_ovf MIN, -1", "leaves"),
        ("int_sub_ovf MIN, 1", "leaves"),
        ("int_sub_ovf -1, MIN", MAX),
        ("int_sub_ovf 0, MIN", "leaves"),
        ("int_mul_ovf MIN, -1", "leaves"),
        ("int_mul_ovf -1, MIN", "leaves"),
        ("int_mul_ovf 3037000500, 3037000500", "leaves"),
        ("int_mul_ovf 3037000499, 3037000499", "9223372030926249001"),
        ("int_mul_ovf MIN, 1", MIN),
        ("int_neg MIN", MIN),
        ("int_neg 5", "-5"),
        ("int_not 0", "-1"),
        ("int_not MIN", MAX),
        ("int_and -1, 12", "12"),
        ("int_or MIN, MAX", "-1"),
        ("int_xor -1, MAX", MIN),
        ("int_shl 1, 63", MIN),
        ("int_shl 3, 63", MIN),
        ("int_shl 5, 0", "5"),
        ("int_shl 1, 64", "op 0: int_shl needs a shift count in 0..=63"),
        ("int_shr MIN, 63", "-1"),
        ("int_shr -5, 1", "-3"),
        ("int_shr MAX, 62", "1"),
        ("int_shr 1, -1", "op 0: int_shr needs a shift count in 0..=63"),
        ("int_floordiv 7, 2", "3"),
        ("int_floordiv -7, 2", "-4"),
        ("int_floordiv 7, -2", "-4"),
        ("int_floordiv -7, -2", "3"),
        ("int_floordiv -8, 2", "-4"),
        ("int_floordiv 1, MIN", "-1"),
        ("int_floordiv MIN, 1", MIN),
        ("int_floordiv 0, -5", "0"),
        ("int_floordiv MIN, -1", "op 0: int_floordiv needs a quotient that fits 64 bits"),
        ("int_floordiv 1, 0", "op 0: int_floordiv needs a divisor other than 0"),
        ("int_mod 7, 3", "1"),
        ("int_mod -7, 3", "2"),
        ("int_mod 7, -3", "-2"),
        ("int_mod -7, -3", "-1"),
        ("int_mod -6, 3", "0"),
        ("int_mod 1, MIN", "-9223372036854775807"),
        ("int_mod MIN, MAX", "9223372036854775806"),
        ("int_mod MIN, -1", "op 0: int_mod needs a quotient that fits 64 bits"),
        ("int_mod 1, 0", "op 0: int_mod needs a divisor other than 0"),
        ("int_eq MIN, MIN", "true"),
        ("int_eq MIN, MAX", "false"),
        ("int_ne 0, 1", "true"),
        ("int_ne 1, 1", "false"),
        ("int_lt MIN, MAX", "true"),
        ("int_lt 1, 1", "false"),
        ("int_le 1, 1", "true"),
        ("int_le 1, 0", "false"),
        ("int_gt MAX, MIN", "true"),
        ("int_gt -1, 0", "false"),
        ("int_ge 0, 0", "true"),
        ("int_ge MIN, 0", "false"),
        ("int_ult 3, 4", "true"),
        ("int_ult 4, 4", "false"),
        ("int_ult -1, 4", "false"),
        ("int_ult 4, -1", "true"),
        ("int_from_bool true", "1"),
        ("int_from_bool false", "0"),
        ("float_from_int 9007199254740993", "9007199254740992.0"),
        ("float_from_int MAX", "9.223372036854776e18"),
        ("float_from_int MIN", "-9.223372036854776e18"),
        ("float_from_int 0", "0.0"),
    ];
    check(cases);
}

#[test]
fn float_ops_are_ieee_754() {
    let cases: &[(&str, &str)] = &[
        ("float_add 0.1, 0.2", "0.30000000000000004"),
        ("float_add inf, -inf", "nan"),
        ("float_add -0.0, 0.0", "0.0"),
        ("float_add -0.0, -0.0", "-0.0"),
        ("float_sub 5e-324, 5e-324", "0.0"),
        ("float_sub inf, 1.0", "inf"),
        ("float_mul 1e308, 10.0", "inf"),
        ("float_mul 0.0, -1.0", "-0.0"),
        ("float_mul 0.0, inf", "nan"),
        ("float_mul 5e-324, 0.5", "0.0"),
        ("float_div 1.0, 3.0", "0.3333333333333333"),
        ("float_div -1.0, inf", "-0.0"),
        ("float_div 1.0, -0.0", "op 0: float_div needs a divisor other than 0"),
        ("float_neg 0.0", "-0.0"),
        ("float_neg float(0x7ff8000000000001)", "float(0xfff8000000000001)"),
        ("float_abs -0.0", "0.0"),
        ("float_abs float(0xfff8000000000001)", "float(0x7ff8000000000001)"),
        ("float_sqrt 2.0", "1.4142135623730951"),
        ("float_sqrt -0.0", "-0.0"),
        ("float_sqrt -1.0", "nan"),
        ("float_eq 0.0, -0.0", "true"),
        ("float_eq float(0x7ff8000000000000), float(0x7ff8000000000000)", "false"),
        ("float_ne float(0x7ff8000000000000), float(0x7ff8000000000000)", "true"),
        ("float_ne 1.0, 1.0", "false"),
        ("float_lt -inf, inf", "true"),
        ("float_lt 1.0, float(0x7ff8000000000000)", "false"),
        ("float_le 1.0, 1.0", "true"),
        ("float_le float(0x7ff8000000000000), 1.0", "false"),
        ("float_gt 5e-324, 0.0", "true"),
        ("float_gt float(0x7ff8000000000000), 1.0", "false"),
        ("float_ge 0.0, -0.0", "true"),
        ("float_ge float(0x7ff8000000000000), float(0x7ff8000000000000)", "false"),
        ("int_from_float -1.9", "-1"),
        ("int_from_float 1.9", "1"),
        ("int_from_float -0.0", "0"),
        ("int_from_float 9223372036854774784.0", "9223372036854774784"),
        ("int_from_float 9223372036854775808.0", "leaves"),
        ("int_from_float -9223372036854775808.0", MIN),
        ("int_from_float -9223372036854777856.0", "leaves"),
        ("int_from_float inf", "leaves"),
        ("int_from_float float(0x7ff8000000000000)", "leaves"),
    ];
    check(cases);
}

#[test]
fn booleans_and_guards_without_memory() {
    let cases: &[(&str, &str)] = &[
        ("bool_not true", "false"),
        ("bool_not false", "true"),
        ("bool_and true, true", "true"),
        ("bool_and true, false", "false"),
        ("address_eq obj(0x10), ptr(0x10)", "true"),
        ("address_eq obj(0x10), obj(0x11)", "false"),
        ("guard_true true", "goes on"),
        ("guard_true false", "leaves"),
        ("guard_false false", "goes on"),
        ("guard_false true", "leaves"),
        ("guard_is obj(0x10), ptr(0x10)", "goes on"),
        ("guard_is obj(0x10), obj(0x20)", "leaves"),
        ("guard_null ptr(0x0)", "goes on"),
        ("guard_null ptr(0x1)", "leaves"),
        ("guard_nonnull obj(0x1)", "goes on"),
        ("guard_nonnull obj(0x0)", "leaves"),
        ("at", "goes on"),
        ("inline_return", "goes on"),
    ];
    check(cases);
}

fn check(cases: &[(&str, &str)]) {
    let mut memory = Memory::new(0);
    for (line, expected) in cases {
        let line = line.replace("MIN", MIN).replace("MAX", MAX);
        let actual = outcome(&mut memory, &line);
        // The sign and payload of a NaN that an operation makes are the processor's choice.
        let actual = match (*expected, actual.strip_prefix("float(0x").and_then(|t| t.strip_suffix(')'))) {
            ("nan", Some(bits)) if f64::from_bits(u64::from_str_radix(bits, 16).unwrap()).is_nan() => {
                "nan".into()
            }
            _ => actual,
        };
        assert_eq!(actual, *expected, "{line}");
    }
}

#[test]
fn objects_become_machine_values_and_back() {
    let mut memory = Memory::new(0);
    for (value, expected) in [
        (0, "0".into()),
        (1, "1".into()),
        (-1, "-1".into()),
        ((1 << 30) - 1, "1073741823".into()),
        (1 << 30, "1073741824".into()),
        (-(1 << 30), "-1073741824".into()),
        (1 << 60, (1i64 << 60).to_string()),
        (i64::MAX.into(), MAX.into()),
        (i64::MIN.into(), MIN.into()),
        (1i128 << 63, "leaves".into()),
        (-(1i128 << 63) - 1, "leaves".into()),
        (1i128 << 90, "leaves".to_string()),
        (-(1i128 << 100), "leaves".to_string()),
    ] {
        let object = memory.new_wide_int(value).unwrap();
        assert_eq!(outcome(&mut memory, &format!("int_value obj({object:#x})")), expected, "{value}");
    }
    let (no, yes) = (memory.bool_object(false), memory.bool_object(true));
    let float = memory.new_float(-2.5).unwrap();
    assert_eq!(outcome(&mut memory, &format!("int_value obj({yes:#x})")), "1");
    assert_eq!(outcome(&mut memory, &format!("int_value obj({no:#x})")), "0");
    assert_eq!(outcome(&mut memory, &format!("bool_value obj({yes:#x})")), "true");
    assert_eq!(outcome(&mut memory, &format!("bool_value obj({no:#x})")), "false");
    assert_eq!(outcome(&mut memory, &format!("float_value obj({float:#x})")), "-2.5");
    assert_eq!(outcome(&mut memory, "bool_obj true"), format!("obj({yes:#x})"));
    assert_eq!(outcome(&mut memory, "bool_obj false"), format!("obj({no:#x})"));

    let (float_type, int_type) = (memory.type_address(Kind::Float), memory.type_address(Kind::Int));
    assert_eq!(outcome(&mut memory, &format!("guard_type obj({float:#x}), ptr({float_type:#x})")), "goes on");
    assert_eq!(outcome(&mut memory, &format!("guard_type obj({float:#x}), ptr({int_type:#x})")), "leaves");

    for value in [-5, 0, 256] {
        let cached = memory.small_int(value).unwrap();
        let before = memory.refcnt(cached).unwrap();
        assert_eq!(outcome(&mut memory, &format!("new_int {value}")), format!("obj({cached:#x})"));
        assert_eq!(memory.refcnt(cached), Ok(before + 1));
    }
    for value in [-6, 257, 1 << 30, -(1 << 60), i64::MAX, i64::MIN] {
        let fresh = memory.top();
        assert_eq!(outcome(&mut memory, &format!("new_int {value}")), format!("obj({fresh:#x})"));
        assert_eq!((memory.int_value(fresh), memory.refcnt(fresh)), (Ok(Some(value)), Ok(1)));
        assert!(memory.is(fresh, Kind::Int));
    }
    let fresh = memory.top();
    assert_eq!(outcome(&mut memory, "new_float -0.0"), format!("obj({fresh:#x})"));
    assert_eq!(memory.float_value(fresh).unwrap().to_bits(), (-0.0f64).to_bits());
    assert!(memory.is(fresh, Kind::Float));
}

#[test]
fn loads_and_stores_have_their_widths_and_signs() {
    let mut memory = Memory::new(0);
    let block = memory.allocate(64).unwrap();
    let run = |memory: &mut Memory, line: &str| {
        outcome(memory, &line.replace("BLOCK", &format!("ptr({block:#x})")).replace("END", "+8 Other"))
    };
    memory.write_u64(block + 8, 0xffff_fffe_8000_00ff).unwrap();
    assert_eq!(run(&mut memory, "load_int BLOCK END"), (0xffff_fffe_8000_00ffu64 as i64).to_string());
    assert_eq!(run(&mut memory, "load_u32 BLOCK END"), "2147483903");
    assert_eq!(run(&mut memory, "load_i32 BLOCK END"), "-2147483393");
    assert_eq!(run(&mut memory, "load_u8 BLOCK END"), "255");
    assert_eq!(run(&mut memory, "load_ptr BLOCK END"), "ptr(0xfffffffe800000ff)");
    assert_eq!(run(&mut memory, "load_obj BLOCK END"), "obj(0xfffffffe800000ff)");
    assert_eq!(run(&mut memory, "guard_clear BLOCK END"), "leaves");
    assert_eq!(run(&mut memory, "store_u8 BLOCK, 256 END"), "goes on");
    assert_eq!(memory.read_u64(block + 8), Ok(0xffff_fffe_8000_0000));
    assert_eq!(run(&mut memory, "store_i32 BLOCK, 4294967296 END"), "goes on");
    assert_eq!(memory.read_u64(block + 8), Ok(0xffff_fffe_0000_0000));
    assert_eq!(run(&mut memory, "guard_clear BLOCK END"), "goes on");
    assert_eq!(run(&mut memory, "store_i32 BLOCK, -1 END"), "goes on");
    assert_eq!(memory.read_u64(block + 8), Ok(0xffff_fffe_ffff_ffff));
    assert_eq!(run(&mut memory, "store_float BLOCK, -0.0 END"), "goes on");
    assert_eq!(run(&mut memory, "load_float BLOCK END"), "-0.0");
    assert_eq!(run(&mut memory, &format!("store_int BLOCK, {MIN} END")), "goes on");
    assert_eq!(run(&mut memory, "load_int BLOCK END"), MIN);
    assert_eq!(run(&mut memory, "store_obj BLOCK, ptr(0x77) END"), "goes on");
    assert_eq!(run(&mut memory, "load_obj_at BLOCK, 1 +0 Other"), "obj(0x77)");
    assert_eq!(run(&mut memory, "load_obj_at BLOCK, 3 -16 Other"), "obj(0x77)");
    assert_eq!(run(&mut memory, "store_obj_at BLOCK, 2, obj(0x99) +8 Other"), "goes on");
    assert_eq!(memory.read_u64(block + 24), Ok(0x99));
    assert_eq!(run(&mut memory, "load_obj_at BLOCK, -1 +32 Other"), "obj(0x99)");
    assert_eq!(
        run(&mut memory, "load_int ptr(0x8) END"),
        "op 0: access to 8 bytes at 0x10, outside of the arena"
    );
    assert_eq!(run(&mut memory, "address_at ptr(0x70), 7"), "ptr(0x77)");
    assert_eq!(run(&mut memory, "address_at ptr(0x70), -8"), "ptr(0x68)");
    let base = memory.base();
    assert_eq!(run(&mut memory, "frame"), format!("ptr({:#x})", base + 64));
    assert_eq!(run(&mut memory, "thread_state"), format!("ptr({:#x})", base + 128));
}

#[test]
fn reference_counts_and_deaths() {
    let mut memory = Memory::new(0);
    let plain = memory.new_object(Kind::Plain, 16).unwrap();
    let run =
        |memory: &mut Memory, line: &str, object: usize| outcome(memory, &format!("{line} obj({object:#x})"));
    assert_eq!(run(&mut memory, "incref", plain), "goes on");
    assert_eq!(memory.refcnt(plain), Ok(2));
    assert_eq!(run(&mut memory, "decref", plain), "goes on");
    assert_eq!(run(&mut memory, "decref", plain), "op 0: a decref that can't reach zero reached it");
    assert_eq!(
        run(&mut memory, "decref_leaf", plain),
        format!("op 0: the object at {plain:#x} is dead already")
    );

    let mut dying = vec![];
    for line in ["decref_leaf", "decref_dealloc"] {
        let object = memory.new_object(Kind::Plain, 0).unwrap();
        memory.incref(object).unwrap();
        assert_eq!(run(&mut memory, line, object), "goes on");
        assert_eq!(memory.deaths(), dying);
        assert_eq!(run(&mut memory, line, object), "goes on");
        dying.push(object);
        assert_eq!(memory.deaths(), dying);
    }
    let object = memory.new_object(Kind::Plain, 0).unwrap();
    memory.incref(object).unwrap();
    assert_eq!(run(&mut memory, "decref_guard", object), "goes on");
    assert_eq!(run(&mut memory, "decref_guard", object), "leaves");
    assert_eq!((memory.refcnt(object), memory.deaths()), (Ok(0), dying), "the exit deallocates, not the op");
}

#[test]
fn freed_floats_are_used_again_in_reverse_order_while_the_free_list_has_room() {
    let mut memory = Memory::new(0);
    let floats: Vec<usize> = (0..FLOAT_FREE_MAX + 2).map(|i| memory.new_float(i.into()).unwrap()).collect();
    for &float in &floats {
        assert_eq!(outcome(&mut memory, &format!("decref_leaf obj({float:#x})")), "goes on");
    }
    let (listed, freed) = floats.split_at(FLOAT_FREE_MAX as usize);
    assert_eq!(memory.deaths(), freed);
    for &float in listed.iter().rev() {
        assert_eq!(outcome(&mut memory, "new_float 9.5"), format!("obj({float:#x})"));
        assert_eq!((memory.float_value(float), memory.refcnt(float)), (Ok(9.5), Ok(1)));
    }
    let fresh = memory.top();
    assert_eq!(outcome(&mut memory, "new_float 9.5"), format!("obj({fresh:#x})"));
}

fn run_trace(text: &str, entry: Entry<'_>) -> Result<Outcome, String> {
    let trace = parse(text, &[]).unwrap_or_else(|error| panic!("{error}\n{text}"));
    evaluate(&trace, &entry, &mut Memory::new(0), &mut no_helpers()).map_err(|fault| fault.to_string())
}

#[test]
fn a_loop_binds_all_its_params_at_once() {
    // Fibonacci: each turn needs the old values of both.
    let text = "label(0, 1, 0)\nv1: Int = param 0\nv2: Int = param 1\nv3: Int = param 2\nv4: Int = int_add v1, v2\n\
                v5: Int = int_add v3, 1\nv6: Bool = int_le v5, 10\nguard_true v6 @s0\njump(v2, v4, v5)\n\
                s0: execute\n  w0 = int v1\n  keep v2, v3";
    let exit = Outcome::Exit { op: 7, values: vec![Const::Int(55), Const::Int(89), Const::Int(10)] };
    assert_eq!(run_trace(text, Entry::default()), Ok(exit));
    assert_eq!(run_trace(text, Entry { max_turns: 5, ..Entry::default() }), Ok(Outcome::TooManyTurns));
}

#[test]
fn a_bridge_takes_inputs_and_hands_values_on() {
    let text = "v0: Int = param 0\nv1: Float = param 1\nv2: Float = float_from_int v0\nv3: Float = float_add v1, v2\njump_to 4(v3, v0)";
    let inputs = [Const::Int(2), Const::Float(0.5f64.to_bits())];
    let entry = Entry { inputs: &inputs, ..Entry::default() };
    let values = vec![Const::Float(2.5f64.to_bits()), Const::Int(2)];
    assert_eq!(run_trace(text, entry), Ok(Outcome::JumpTo { target: 4, values }));
    assert_eq!(run_trace(text, Entry::default()), Err("op 0: param 0 is not given".into()));
    assert_eq!(run_trace("enter_trace 2", Entry::default()), Ok(Outcome::EnterTrace { target: 2 }));
    let exit = run_trace("exit @s0\ns0: execute\n  keep 5", Entry::default());
    assert_eq!(exit, Ok(Outcome::Exit { op: 0, values: vec![Const::Int(5)] }));
}

#[test]
fn calls_run_the_helper_of_that_name_and_check_its_result() {
    static HELPERS: &[Helper] = &[
        helper("twice", &[Type::Int], Type::Int),
        helper("half", &[Type::Float], Type::Float),
        helper("odd", &[Type::Int], Type::Bool),
        helper("none", &[], Type::Obj),
        helper("note", &[Type::Int], Type::Void),
        helper("where", &[], Type::Ptr),
    ];
    const fn helper(name: &'static str, args: &'static [Type], result: Type) -> Helper {
        Helper { name, address: 0, args, result, effect: Effect::AnyMemory }
    }
    let text = "v0: Int = call_int twice(21)\nv1: Float = call_float half(0.5)\nv2: Bool = call_bool odd(v0)\n\
                v3: Obj = call_obj none()\ncall_void note(v0)\nv4: Ptr = call_ptr where()\nexit @s0\n\
                s0: execute\n  keep v0, v1, v2, v3, v4";
    let trace: Trace = parse(text, HELPERS).unwrap();
    let mut noted = vec![];
    let mut call = |helper: &Helper, args: &[Const], _: &mut Memory| {
        Ok(match (helper.name, args) {
            ("twice", [Const::Int(i)]) => Const::Int(2 * i),
            ("half", [Const::Float(f)]) => Const::Float((f64::from_bits(*f) / 2.0).to_bits()),
            ("odd", [Const::Int(i)]) => Const::Bool(i % 2 == 1),
            ("none", []) => Const::Obj(0),
            ("where", []) => Const::Ptr(7),
            ("note", [Const::Int(i)]) => {
                noted.push(*i);
                Const::Bool(true)
            }
            other => panic!("{other:?}"),
        })
    };
    let outcome = evaluate(&trace, &Entry::default(), &mut Memory::new(0), &mut call);
    let values = vec![
        Const::Int(42),
        Const::Float(0.25f64.to_bits()),
        Const::Bool(false),
        Const::Obj(0),
        Const::Ptr(7),
    ];
    assert_eq!(outcome, Ok(Outcome::Exit { op: 6, values }));
    assert_eq!(noted, [42]);
    let wrong =
        evaluate(&trace, &Entry::default(), &mut Memory::new(0), &mut |_, _, _| Ok(Const::Bool(true)));
    assert_eq!(wrong.unwrap_err().to_string(), "op 0: gave Bool(true) instead of a value of type Int");
}

#[test]
fn this_file_runs_every_op() {
    let text = include_str!("evaluate.rs").replace("\\n", " ");
    let mut words: HashMap<&str, usize> = HashMap::new();
    for word in text.split(|c: char| !c.is_alphanumeric() && c != '_') {
        *words.entry(word).or_default() += 1;
    }
    let missing: Vec<_> =
        op::ALL.iter().map(|op| op.row().name).filter(|name| !words.contains_key(name)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
