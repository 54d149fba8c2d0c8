//! Exits rebuild the state, and a trace that leaves in another state than the original is told apart.

use traces::evaluate::Outcome;
use traces::memory::{Kind, Memory};
use traces::parse::parse;
use traces::random::helpers::helpers;
use traces::random::{LOCALSPLUS, Options, Program, RecordingOptions, generate, recording};
use traces::{Const, OpCode, SnapId, Trace};

/// A program with a frame whose first local is a plain object (`OBJECT` in texts), and one spare slot.
fn program(text: &str) -> (Program, String) {
    let mut memory = Memory::new(0);
    let frame = memory.allocate(LOCALSPLUS as usize + 8 * 64).unwrap();
    let object = memory.new_object(Kind::Plain, 48).unwrap();
    memory.incref(object).unwrap();
    memory.write_u64(frame + LOCALSPLUS as usize, object as u64).unwrap();
    let object = format!("obj({object:#x})");
    let trace = parse(&text.replace("OBJECT", &object), helpers()).unwrap();
    let (initial, initial_top) = (memory.bytes().to_vec(), memory.top());
    let inputs = vec![Const::Float(2.5f64.to_bits()), Const::Int(1 << 40)];
    let program = Program {
        trace,
        memory,
        initial,
        frame,
        thread_state: 0,
        inputs,
        initial_top,
        recorded: false,
        world: None,
    };
    (program, object)
}

const HEAD: &str = "v0: Float = param 0\nv1: Int = param 1\nv2: Ptr = frame\n";
const ORIGINAL: &str = "v3: Obj = new_float v0\nv4: Obj = new_int v1\nincref OBJECT\nincref v3\nexit @s0\n\
     s0: execute\n  frame code=0x1 fn=memory at 5 in v2 [memory | v3, v3, v4, OBJECT]\n";

fn check(other: &str) -> Result<(), String> {
    let (mut program, object) = program(&format!("{HEAD}{ORIGINAL}"));
    let other = parse(&format!("{HEAD}{}", other.replace("OBJECT", &object)), helpers()).unwrap();
    program.check_same(&other)
}

#[test]
fn the_same_state_may_be_reached_with_fewer_objects_and_counts() {
    let same = [
        ORIGINAL,
        // In another order.
        "v4: Obj = new_int v1\nv3: Obj = new_float v0\nincref v3\nincref OBJECT\nexit @s0\n\
         s0: execute\n  frame code=0x1 fn=memory at 5 in v2 [memory | v3, v3, v4, OBJECT]\n",
        // Virtual objects, counts at the exit.
        "exit @s0\ns0: execute\n  frame code=0x1 fn=memory at 5 in v2 [memory | w1, w1, w0, OBJECT]\n  w0 = int v1\n  \
         w1 = float v0\n  incref OBJECT\n",
        // A store taken back into memory, and an object that came and went.
        "v3: Obj = new_float v0\nincref OBJECT\nincref v3\nv5: Obj = new_float 1.5\ndecref_leaf v5\nstore_obj v2, v3 +80 FrameSlot\n\
         exit @s0\ns0: execute\n  frame code=0x1 fn=memory at 5 in v2 [memory | memory, v3, w0, OBJECT]\n  w0 = int v1\n",
    ];
    for text in same {
        assert_eq!(check(text), Ok(()), "{text}");
    }
}

#[test]
fn another_state_is_told_apart() {
    let frame = |slots: &str, rest: &str| {
        format!(
            "exit @s0\ns0: execute\n  frame code=0x1 fn=memory at 5 in v2 [{slots}]\n  w0 = int v1\n  w1 = float v0\n{rest}"
        )
    };
    let different = [
        // Two floats instead of one in two slots.
        frame("memory | w1, w2, w0, OBJECT", "  w2 = float v0\n  incref OBJECT\n"),
        // No reference for the fourth slot; one too many.
        frame("memory | w1, w1, w0, OBJECT", ""),
        frame("memory | w1, w1, w0, OBJECT", "  incref OBJECT, OBJECT\n"),
        // Another value, another slot, another instruction, another local.
        frame("memory | w2, w2, w0, OBJECT", "  w2 = float 2.0\n  incref OBJECT\n"),
        frame("memory | w1, w1, OBJECT, w0", "  incref OBJECT\n"),
        frame("memory | w1, w1, w0, OBJECT", "  incref OBJECT\n").replace("at 5", "at 6"),
        frame("null | w1, w1, w0, OBJECT", "  incref OBJECT\n"),
        // An object that nobody releases, and a store that nobody asked for.
        format!("v3: Obj = new_int 5000\n{}", frame("memory | w1, w1, w0, OBJECT", "  incref OBJECT\n")),
        format!(
            "store_int OBJECT, 7 +16 Instance\n{}",
            frame("memory | w1, w1, w0, OBJECT", "  incref OBJECT\n")
        ),
        // A raise, and an end of another kind.
        frame("memory | w1, w1, w0, OBJECT", "  incref OBJECT\n").replace("execute", "raise"),
        "jump_to 0(v0)".to_string(),
    ];
    for text in different {
        assert!(check(&text).is_err(), "{text}");
    }
}

#[test]
fn pushed_frames_tuples_and_dying_objects_are_rebuilt() {
    let text = "v0: Float = param 0\nv1: Int = param 1\nv2: Ptr = frame\nv3: Obj = new_int v1\ndecref_guard v3 @s0\nenter_trace 0\n\
         s0: dying v3 at 9\n  frame code=0x1 fn=memory at 5 in v2 [memory | w1, null]\n  frame code=0x2 fn=OBJECT at 7 push [w0]\n  \
         w0 = float v0\n  w1 = tuple(w0, w2, OBJECT)\n  w2 = bool true\n  incref OBJECT, OBJECT\n";
    let (mut program, object) = program(text);
    let trace = program.trace.clone();
    let state = program.describe(&trace).unwrap();
    let address = usize::from_str_radix(&object[6..object.len() - 1], 16).unwrap();
    let base = program.memory.base();
    let offset = |a: usize| format!("old+{:#x}", a - base);
    let (object, yes) = (offset(address), offset(program.memory.bool_object(true)));
    let expected = format!(
        "dying at 9\n\
         frame code=0x1 fn=- at 5 [\"{object}\", \"new0\", \"0x0\"]\n\
         frame code=0x2 fn={object} at 7 [\"new1\"]\n"
    );
    assert!(state.starts_with(&expected), "{state}");
    let objects = format!(
        "new0: 1 references, tuple [\"new1\", \"{yes}\", \"{object}\"]\nnew1: 2 references, float 2.5\n"
    );
    assert!(state.ends_with(&objects), "{state}");
    assert_eq!(program.memory.deaths().len(), 1, "the dying object is deallocated");
}

/// Changes one op or snapshot of a trace in one of six ways; `None` where there is nothing of the kind to change. `exit` is
/// the guard that leaves.
fn sabotage(trace: &Trace, how: usize, exit: usize) -> Option<Trace> {
    let mut t = trace.clone();
    let mut change = |from: OpCode, to: OpCode| {
        let i = t.ops[..exit].iter().rposition(|op| op.code == from)?;
        t.ops[i].code = to;
        Some(())
    };
    match how {
        0 => change(OpCode::IntAddOvf, OpCode::IntSubOvf)?,
        1 => change(OpCode::FloatMul, OpCode::FloatAdd)?,
        2 => change(OpCode::Incref, OpCode::GuardNonNull)?,
        3 => change(OpCode::DecrefLeaf, OpCode::Incref)?,
        _ => {
            let snap: SnapId = t.ops[exit].snap;
            let mut snapshot = t.snapshots.get(snap);
            let slots = &mut snapshot.frames[0].slots;
            let n = slots.len();
            if how == 5 {
                snapshot.increfs.pop()?;
            } else if slots[n - 1] == slots[n - 2] {
                return None;
            } else {
                slots.swap(n - 1, n - 2);
            }
            t.ops[exit].snap = t.push_snapshot(snapshot);
        }
    }
    Some(t)
}

#[test]
fn random_programs_are_the_same_as_themselves_and_not_as_sabotaged_ones() {
    let mut noticed = [(0, 0); 6];
    for seed in 0..300 {
        let programs = [
            generate(seed, &Options::default()),
            recording(seed, &RecordingOptions { looped: seed % 2 == 0, ..RecordingOptions::default() }),
        ];
        for mut program in programs {
            let again = parse(&program.trace.to_string(), helpers()).unwrap();
            assert_eq!(program.check_same(&again), Ok(()), "seed {seed}\n{again}");
            let Outcome::Exit { op, .. } = program.evaluate().outcome else { continue };
            for (how, count) in noticed.iter_mut().enumerate() {
                let Some(other) = sabotage(&program.trace, how, op) else { continue };
                count.0 += 1;
                count.1 += program.check_same(&other).is_err() as usize;
            }
        }
    }
    // A wrong value may not matter; a wrong count or slot nearly always does.
    for (how, (made, seen)) in noticed.into_iter().enumerate() {
        let share = if how < 2 { made / 4 } else { made * 9 / 10 };
        assert!(made > 20 && seen > share, "kind {how}: {seen} of {made} noticed");
    }
}
