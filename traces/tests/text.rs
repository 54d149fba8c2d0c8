//! The text form round-trips: over golden files, op by op, and each error message says what is wrong.

use traces::op;
use traces::parse::parse;
use traces::text::{print, same};
use traces::{Effect, Helper, Type};

/// Helpers named in this file's texts; none is run.
static HELPERS: &[Helper] = &[
    helper("clear", &[], Type::Void),
    helper("count", &[Type::Obj], Type::Int),
    helper("sin", &[Type::Float], Type::Float),
    helper("truth", &[Type::Obj], Type::Bool),
    helper("PyNumber_Add", &[Type::Obj, Type::Obj], Type::Obj),
    helper("lookup", &[Type::Obj, Type::Int, Type::Float, Type::Bool, Type::Ptr], Type::Ptr),
];

const fn helper(name: &'static str, args: &'static [Type], result: Type) -> Helper {
    Helper { name, address: 0, args, result, effect: Effect::RunsPython }
}

#[test]
fn golden_texts_print_as_expected_and_round_trip() {
    traces::golden::run_dir("golden/text", "print", |input| {
        let trace = parse(input, HELPERS).unwrap_or_else(|error| panic!("{error}"));
        let printed = print(&trace);
        let again = parse(&printed, HELPERS).unwrap_or_else(|error| panic!("{error}\n{printed}"));
        assert!(same(&trace, &again), "{printed}");
        assert_eq!(print(&again), printed);
        printed
    });
}

#[test]
fn the_golden_texts_have_every_op() {
    let text = std::fs::read_to_string("golden/text/every_op.trace").unwrap();
    let missing: Vec<_> = op::ALL
        .iter()
        .map(|op| op.row().name)
        .filter(|&name| !text.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == name))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn a_syntax_error_names_its_line_and_what_is_wrong() {
    let cases = [
        ("v0: Int = int_plus 1, 2", "line 1: no op is called `int_plus`"),
        ("int_add 1, 2", "line 1: `int_add` has a result: write `vN: Int = int_add …`"),
        ("param 0", "line 1: `param` has a result: write `vN: Type = param …`"),
        ("v0: Int = int_add 1", "line 1: `int_add` takes 2 operands, 1 are given"),
        ("v0: Int = int_add 1, 2, 3", "line 1: expected the end of the line, found `, 3`"),
        ("v0: Int = int_add 1, v9", "line 1: v9 is not defined"),
        ("v0: Integer = int_add 1, 2", "line 1: no type is called `Integer`"),
        ("v0: Ptr = frame\n\nv0: Ptr = frame", "line 3: v0 is defined twice"),
        ("v0: Int = int_add 1, 9223372036854775808", "line 1: `9223372036854775808` is no 64-bit integer"),
        ("v0: Float = float_neg 1.2.3", "line 1: `1.2.3` is no float"),
        ("v0: Int = int_neg x", "line 1: `x` is no value"),
        ("v0: Int = int_neg", "line 1: expected a value, found the end of the line"),
        ("v0: Int = param", "line 1: `param` needs a number"),
        (
            "v0: Int = load_int ptr(0x0) Frame",
            "line 1: `load_int` needs a byte offset such as `+16` after its operands",
        ),
        ("v0: Int = load_int ptr(0x0) +8 Heap", "line 1: no memory region is called `Heap`"),
        (
            "v0: Int = load_int ptr(16) +8 Frame",
            "line 1: expected a hexadecimal number such as 0x10, found `16) +8 Frame`",
        ),
        ("call_void nothing()", "line 1: no helper is called `nothing`"),
        ("jump 1", "line 1: expected `(`, found `1`"),
        ("jump(1 2)", "line 1: expected `,`, found `2)`"),
        ("exit @s0", "line 1: no snapshot is called `s0`"),
        ("exit @s0\ns0: execute\ns0: execute", "line 3: s0 is defined twice"),
        ("exit @s0\ns0: run", "line 2: a snapshot begins with `execute`, `raise` or `dying`, not with `run`"),
        (
            "s0: execute\nexit @s0",
            "line 2: `exit @s0` is no part of a snapshot, and ops end where snapshots begin",
        ),
        ("s0: execute\n  frame code=0x1 fn=null at x", "line 2: expected a number in range, found `x`"),
        (
            "s0: execute\n  frame code=0x1 fn=null at 1 [",
            "line 2: expected `in` and the frame, or `push`, found `[`",
        ),
        ("s0: execute\n  w1 = int 5", "line 2: virtual objects are numbered in order: `w1` should be `w0`"),
        (
            "s0: execute\n  w0 = list(5)",
            "line 2: a virtual object is an `int`, `float`, `bool` or `tuple`, not `list`",
        ),
        ("s0: execute\n  keep", "line 2: expected a value, found the end of the line"),
    ];
    for (text, message) in cases {
        let error = parse(text, HELPERS).expect_err(text);
        assert_eq!(error.to_string(), message, "{text}");
    }
}

#[test]
fn a_malformed_trace_still_prints() {
    use traces::{Const, Op, OpCode, SnapId, Trace, Val};
    let mut trace = Trace::new(&[]);
    trace.push(Op::new(OpCode::IntAdd, &[Val::NONE, Val::constant(7)]));
    let five = trace.constant(Const::Int(5));
    trace.push(Op { imm: 3, snap: SnapId(9), ..Op::new(OpCode::CallVoid, &[]) });
    trace.push(Op { ty: Type::Int, ..Op::new(OpCode::GuardTrue, &[five]) });
    assert_eq!(print(&trace), "v0: Int = int_add -, ?c7\ncall_void ?3() @s9\nv2: Int = guard_true 5\n");
}

#[test]
fn dumps_show_names_where_there_are_some() {
    struct Known;
    impl traces::text::Names for Known {
        fn constant(&self, c: traces::Const) -> Option<String> {
            (c == traces::Const::Ptr(0x10)).then(|| "<type float>".into())
        }
        fn code(&self, code: usize) -> Option<String> {
            (code == 0x20).then(|| "advance".into())
        }
    }
    let text = "guard_type obj(0x10), ptr(0x10) @s0\nexit @s0\ns0: execute\n  frame code=0x20 fn=null at 4 push []\n";
    let trace = parse(text, &[]).unwrap();
    let expected = "guard_type obj(0x10), <type float> @s0\nexit @s0\ns0: execute\n  frame code=advance fn=null at 4 push []\n";
    assert_eq!(traces::text::print_with(&trace, &Known), expected);
}
