//! The verifier takes what is well-formed and names every violation of what is not.

use traces::parse::parse;
use traces::verify::{verify, verify_with_targets};
use traces::{
    Const, Effect, FrameState, Helper, List, Op, OpCode, Region, Resume, Slot, Snapshot, Trace, Type, Val,
};

static HELPERS: &[Helper] = &[
    helper("clear", &[], Type::Void),
    helper("add", &[Type::Obj, Type::Obj], Type::Obj),
    helper("at", &[Type::Ptr, Type::Int], Type::Obj),
    helper("seven", &[Type::Int; 7], Type::Int),
    helper("eight_floats", &[Type::Float; 8], Type::Float),
];

const fn helper(name: &'static str, args: &'static [Type], result: Type) -> Helper {
    Helper { name, address: 0, args, result, effect: Effect::RunsPython }
}

fn violations(text: &str) -> Vec<String> {
    verify(&parse(text, HELPERS).unwrap_or_else(|error| panic!("{error}\n{text}")))
}

#[test]
fn well_formed_traces_pass() {
    let traces = [
        "exit @s0\ns0: execute",
        "v0: Ptr = frame\nv1: Int = load_int v0 +8 Frame\nlabel(v1, 1.5)\nv3: Int = param 0\nv4: Float = param 1\n\
         v5: Int = int_add_ovf v3, v1 @s0\njump(v5, v4)\ns0: execute\n  frame code=0x1 fn=memory at 3 in v0 [w0 | memory, w1]\n\
         w0 = tuple(w1, w1, obj(0x10))\n  w1 = float v4\n  incref obj(0x10)\n  keep v3",
        "v0: Obj = param 0\nv1: Int = param 1\ndecref_guard v0 @s0\njump_to 3(v1)\ns0: dying v0 at 7",
        "v0: Ptr = frame\nv1: Obj = call_obj at(v0, 3)\nv2: Obj = call_obj at(v1, 3)\ncall_void clear()\nexit @s0\n\
         s0: raise\n  frame code=0x1 fn=null at 0 in v0 []\n  frame code=0x2 fn=v1 at 0 push [v2 | null]",
        "v0: Float = call_float eight_floats(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)\nenter_trace 0",
    ];
    for text in traces {
        assert_eq!(violations(text), [""; 0], "{text}");
    }
}

#[test]
fn each_violation_has_its_message() {
    let cases: &[(&str, &[&str])] = &[
        // Shape.
        ("", &["a trace without ops"]),
        ("v0: Ptr = frame", &["op 0 `v0: Ptr = frame`: the trace ends without an end op"]),
        (
            "enter_trace 0\nexit @s0\ns0: execute",
            &["op 0 `enter_trace 0`: an end before the end of the trace"],
        ),
        ("label()\nlabel()\njump()", &["op 1 `label()`: a second label"]),
        ("jump()", &["op 0 `jump()`: a jump without a label"]),
        (
            "v0: Ptr = frame\nv1: Int = param 0\nenter_trace 0",
            &["op 1 `v1: Int = param 0`: params stand at the start of the trace"],
        ),
        (
            "v0: Int = param 0\nlabel()\njump()",
            &["op 0 `v0: Int = param 0`: params stand directly after the label of the trace"],
        ),
        ("v0: Int = param 1\nenter_trace 0", &["op 0 `v0: Int = param 1`: this is param 0"]),
        (
            "label(1)\nv1: Int = param 0\nv2: Int = param 1\njump(v1, v2, v2)",
            &[
                "op 0 `label(1)`: the loop has 2 params, 1 values are given",
                "op 3 `jump(v1, v2, v2)`: the loop has 2 params, 3 values are given",
            ],
        ),
        (
            "label(1.5)\nv1: Int = param 0\njump(true)",
            &[
                "op 0 `label(1.5)`: element 1 is Float, not Int",
                "op 2 `jump(true)`: element 1 is Bool, not Int",
            ],
        ),
        // Values.
        (
            "v0: Int = int_add v1, v0\nv1: Int = int_neg 1\nenter_trace 0",
            &[
                "op 0 `v0: Int = int_add v1, v0`: operand 1 is v1, which is not defined before",
                "op 0 `v0: Int = int_add v1, v0`: operand 2 is v0, which is not defined before",
            ],
        ),
        (
            "v0: Void = thread_state\nv1: Int = load_int v0 +0 Other\nenter_trace 0",
            &[
                "op 0 `v0: Void = thread_state`: its result is Ptr, not Void",
                "op 1 `v1: Int = load_int v0 +0 Other`: operand 1 is v0, an op without a result",
            ],
        ),
        (
            "v0: Int = int_add 1, 2.5\nenter_trace 0",
            &["op 0 `v0: Int = int_add 1, 2.5`: operand 2 is Float, not Int"],
        ),
        (
            "v0: Int = load_int true +0 Other\nenter_trace 0",
            &["op 0 `v0: Int = load_int true +0 Other`: operand 1 is Bool, not an address"],
        ),
        ("incref ptr(0x10)\nenter_trace 0", &["op 0 `incref ptr(0x10)`: operand 1 is Ptr, not Obj"]),
        ("decref 5\nenter_trace 0", &["op 0 `decref 5`: operand 1 is Int, not Obj"]),
        ("incref -\nenter_trace 0", &["op 0 `incref -`: operand 1 is missing"]),
        (
            "v0: Float = int_add 1, 2\nenter_trace 0",
            &["op 0 `v0: Float = int_add 1, 2`: its result is Int, not Float"],
        ),
        ("v0: Void = param 0\nenter_trace 0", &["op 0 `v0: Void = param 0`: its type is not given"]),
        (
            "store_int ptr(0x10), 1 +0 Immutable\nenter_trace 0",
            &["op 0 `store_int ptr(0x10), 1 +0 Immutable`: a store to immutable memory"],
        ),
        // Helpers.
        (
            "v0: Obj = call_obj add(obj(0x10))\nenter_trace 0",
            &["op 0 `v0: Obj = call_obj add(obj(0x10))`: add takes 2 arguments, 1 are given"],
        ),
        (
            "v0: Obj = call_obj add(ptr(0x10), obj(0x10))\nenter_trace 0",
            &["op 0 `v0: Obj = call_obj add(ptr(0x10), obj(0x10))`: argument 1 is Ptr, not Obj"],
        ),
        (
            "v0: Int = call_int add(obj(0x10), obj(0x10))\nenter_trace 0",
            &["op 0 `v0: Int = call_int add(obj(0x10), obj(0x10))`: add returns Obj, not Int"],
        ),
        (
            "v0: Int = call_int seven(1, 1, 1, 1, 1, 1, 1)\nenter_trace 0",
            &[
                "op 0 `v0: Int = call_int seven(1, 1, 1, 1, 1, 1, 1)`: seven takes more arguments than travel in registers",
            ],
        ),
        // Snapshots of ops.
        ("guard_true true\nenter_trace 0", &["op 0 `guard_true true`: a guard without a snapshot"]),
        (
            "enter_trace 0 @s0\ns0: execute",
            &["op 0 `enter_trace 0 @s0`: a snapshot on an op that is no guard"],
        ),
        (
            "guard_true true @s0\nv1: Ptr = frame\nexit @s0\ns0: execute\n  keep v1",
            &["op 0 `guard_true true @s0`: s0 has v1, which is not defined before"],
        ),
        (
            "v0: Int = int_add_ovf 1, 2 @s0\nenter_trace 0\ns0: execute\n  keep v0",
            &["op 0 `v0: Int = int_add_ovf 1, 2 @s0`: s0 has v0, which is not defined before"],
        ),
        (
            "decref_guard obj(0x10) @s0\nexit @s1\ns0: execute\ns1: dying obj(0x10) at 3",
            &[
                "op 0 `decref_guard obj(0x10) @s0`: s0 does not say that its operand dies",
                "op 1 `exit @s1`: s1 says that an object dies",
            ],
        ),
        // Snapshots.
        (
            "exit @s0\ns0: execute\n  frame code=0x1 fn=5 at 0 in obj(0x10) [1.5, w1 | ptr(0x10)]\n  w0 = float 1\n  \
             incref true\n  keep -",
            &[
                "s0: frame 0 is Obj, not Ptr",
                "s0: the function of frame 0 is Int, not Obj",
                "s0: slot 0 of frame 0 is Float, not Obj",
                "s0: slot 1 of frame 0 is w1, which the snapshot has not",
                "s0: slot 2 of frame 0 is Ptr, not Obj",
                "s0: w0 is Int, not Float",
                "s0: an incref is Bool, not Obj",
                "s0: a kept value is missing",
            ],
        ),
        (
            "exit @s0\ns0: execute\n  frame code=0x1 fn=null at 0 push [memory]\n  frame code=0x1 fn=null at 0 in ptr(0x10) []",
            &[
                "s0: frame 0 is pushed and has no function",
                "s0: slot 0 of frame 0 is in memory, and the frame is not",
                "s0: frame 1 is in memory and the one before it is not",
                "s0: the outermost frame is not in memory",
            ],
        ),
        (
            "exit @s0\ns0: execute\n  w0 = tuple(w1, null, memory)\n  w1 = tuple(w2)\n  w2 = tuple(w0)",
            &["s0: item 1 of w0 is no object", "s0: item 2 of w0 is no object", "s0: w0 contains itself"],
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(violations(text), *expected, "{text}");
    }
}

#[test]
fn what_no_text_can_say_is_rejected_too() {
    fn ended(build: impl FnOnce(&mut Trace)) -> Vec<String> {
        let mut trace = Trace::new(HELPERS);
        build(&mut trace);
        trace.push(Op::new(OpCode::EnterTrace, &[]));
        verify(&trace)
    }
    let one = |trace: &mut Trace| trace.constant(Const::Int(1));

    let extra = ended(|t| {
        let one = one(t);
        t.push(Op { args: [one; 3], imm: 4, region: Region::Cell, ..Op::new(OpCode::IntNeg, &[]) });
    });
    let op = "op 0 `v0: Int = int_neg 1`: ";
    assert_eq!(
        extra,
        [
            format!("{op}it takes 1 operands and has more"),
            format!("{op}it takes no number and has 4"),
            format!("{op}it has no memory region and is given Cell"),
        ]
    );
    let foreign = ended(|t| {
        t.push(Op::new(OpCode::IntNeg, &[Val::constant(3)]));
        t.push(Op::new(OpCode::IntNeg, &[Val::op(9)]));
        t.push(Op { imm: -1, ..Op::new(OpCode::CallVoid, &[]) });
    });
    assert_eq!(
        foreign,
        [
            "op 0 `v0: Int = int_neg ?c3`: operand 1 is constant 3, which the trace has not",
            "op 1 `v1: Int = int_neg v9`: operand 1 is v9, which the trace has not",
            "op 2 `call_void ?-1()`: there is no helper -1",
        ]
    );
    let lists = ended(|t| {
        let one = one(t);
        let list = t.push_list(&[one]);
        t.push(Op { list, ..Op::new(OpCode::ThreadState, &[]) });
        t.push(Op { list: List { start: 1, len: 1 }, ..Op::new(OpCode::Label, &[]) });
    });
    assert_eq!(
        lists,
        [
            "op 0 `v0: Ptr = thread_state`: it takes no list and has one",
            "op 1 `label()`: its list reaches beyond the trace's lists",
        ]
    );
    let snapshot = ended(|t| {
        let frame = t.constant(Const::Ptr(0x10));
        let state = FrameState {
            code: 1,
            function: Slot::Virtual(0),
            frame,
            instr: 0,
            stack_depth: 2,
            slots: vec![Slot::Null],
        };
        let (virtuals, increfs, keep) = (vec![], vec![], vec![]);
        t.push_snapshot(Snapshot { resume: Resume::Execute, frames: vec![state], virtuals, increfs, keep });
        t.push(Op { snap: traces::SnapId(7), ..Op::new(OpCode::GuardNull, &[frame]) });
    });
    assert_eq!(
        snapshot,
        [
            "op 0 `guard_null ptr(0x10) @s7`: there is no snapshot s7",
            "s0: the function of frame 0 is a virtual object",
            "s0: frame 0 has 1 slots and a stack of 2",
        ]
    );
}

#[test]
fn a_jump_to_another_trace_fits_its_label() {
    let targets = [None, Some(vec![Type::Int, Type::Float])];
    let check = |text: &str| verify_with_targets(&parse(text, HELPERS).unwrap(), &targets);
    assert_eq!(check("jump_to 1(1, 2.5)"), [""; 0]);
    assert_eq!(check("enter_trace 0"), [""; 0]);
    assert_eq!(check("jump_to 0()"), ["op 0 `jump_to 0()`: target 0 has no label"]);
    assert_eq!(check("enter_trace 2"), ["op 0 `enter_trace 2`: there is no target 2"]);
    assert_eq!(check("jump_to 1(1)"), ["op 0 `jump_to 1(1)`: the target has 2 params, 1 values are given"]);
    assert_eq!(check("jump_to 1(1, 2)"), ["op 0 `jump_to 1(1, 2)`: element 2 is Int, not Float"]);
}
