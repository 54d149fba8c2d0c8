//! Exits, bridges, jumps between traces, and code memory as a user of the backend sees them.

mod common;

use backend::BackendOptions;
use common::{Machine, variants};
use traces::Const;
use traces::codegen::{Backend, CompileError, ExitId, Location, Request};
use traces::evaluate::Outcome;
use traces::memory::Memory;

fn machine() -> Machine {
    Machine::new(Memory::new(0), variants()[0].clone())
}

fn float(x: f64) -> Const {
    Const::Float(x.to_bits())
}

/// Counts `i` up to 10 and adds 0.5 to `x` each turn; leaves at i = 5 by another guard.
const LOOP: &str = "label(0, 1.0)
v1: Int = param 0
v2: Float = param 1
v3: Bool = int_lt v1, 10
guard_true v3 @s0
v5: Bool = int_eq v1, 5
guard_false v5 @s0
v7: Float = float_add v2, 0.5
v8: Int = int_add_ovf v1, 1 @s0
jump(v8, v7)
s0: execute
  keep v1, v2";

#[test]
fn a_loop_runs_until_a_guard_fails() {
    for options in variants() {
        let mut m = Machine::new(Memory::new(0), options);
        let code = m.parse_and_compile(LOOP, &[], &[]);
        let taken = m.enter(code.compiled.entry, 0x10, 0x20);
        let expected = Outcome::Exit { op: 6, values: vec![Const::Int(5), float(3.5)] };
        assert_eq!(Machine::outcome(&code, &taken), expected);
    }
}

#[test]
fn a_bridge_goes_back_to_the_loop_with_unboxed_values() {
    for options in variants() {
        let mut m = Machine::new(Memory::new(0), options);
        let root = m.parse_and_compile(LOOP, &[], &[]);
        let bridge = "v0: Int = param 0\nv1: Float = param 1\nv2: Int = int_add v0, 2\nv3: Float = float_mul v1, 2.0\njump_to 0(v2, v3)";
        let bridge = m.parse_and_compile(bridge, &root.locations(6), &[root.target()]);
        m.backend.patch_exit(root.exit_of(6), bridge.compiled.entry);
        let taken = m.enter(root.compiled.entry, 0x10, 0x20);
        // 5 turns to 3.5, doubled to 7.0 at i = 7, then three more turns.
        let expected = Outcome::Exit { op: 4, values: vec![Const::Int(10), float(8.5)] };
        assert_eq!(Machine::outcome(&root, &taken), expected);

        m.backend.unpatch_exit(root.exit_of(6));
        let taken = m.enter(root.compiled.entry, 0x10, 0x20);
        let expected = Outcome::Exit { op: 6, values: vec![Const::Int(5), float(3.5)] };
        assert_eq!(Machine::outcome(&root, &taken), expected);
    }
}

#[test]
fn a_patched_exit_restores_what_the_guard_overwrote_before_the_bridge_runs() {
    let mut m = machine();
    let text = "label(9223372036854775800)
v1: Int = param 0
v2: Int = int_add_ovf v1, 3 @s0
jump(v2)
s0: execute
  keep v1";
    let root = m.parse_and_compile(text, &[], &[]);
    let bridge =
        "v0: Int = param 0\nv1: Int = int_sub v0, 9223372036854775800\nexit @s0\ns0: execute\n  keep v1, v0";
    let bridge = m.parse_and_compile(bridge, &root.locations(2), &[]);
    m.backend.patch_exit(root.exit_of(2), bridge.compiled.entry);
    let taken = m.enter(root.compiled.entry, 0, 0);
    let Outcome::Exit { values, .. } = Machine::outcome(&bridge, &taken) else { unreachable!() };
    assert_eq!(values, [Const::Int(6), Const::Int(9223372036854775806)]);
}

#[test]
fn the_frame_and_the_thread_state_are_what_the_trace_was_entered_with() {
    for options in variants() {
        let mut m = Machine::new(Memory::new(0), options);
        let text = "v0: Ptr = frame
v1: Ptr = thread_state
label(0)
v3: Int = param 0
v4: Bool = int_lt v3, 3
guard_true v4 @s0
v6: Ptr = frame
v7: Bool = address_eq v6, v0
guard_true v7 @s0
v9: Int = int_add v3, 1
jump(v9)
s0: execute
  frame code=0x1 fn=null at 0 in v0 []
  keep v1, v3";
        let code = m.parse_and_compile(text, &[], &[]);
        assert!(code.compiled.label.is_some(), "the frame does not tie the label to this trace's preamble");
        let taken = m.enter(code.compiled.entry, 0x1000, 0x2000);
        let expected =
            Outcome::Exit { op: 5, values: vec![Const::Ptr(0x1000), Const::Ptr(0x2000), Const::Int(3)] };
        assert_eq!(Machine::outcome(&code, &taken), expected);
    }
}

#[test]
fn enter_trace_starts_another_trace_from_its_entry() {
    let mut m = machine();
    let root = m.parse_and_compile(LOOP, &[], &[]);
    let other = m.parse_and_compile("enter_trace 0", &[], &[root.target()]);
    let taken = m.enter(other.compiled.entry, 1, 2);
    assert_eq!(taken.exit, root.exit_of(6).0);
}

#[test]
fn a_loop_that_keeps_values_of_its_preamble_has_no_label_for_others() {
    let mut m = machine();
    let text = "v0: Ptr = frame
v1: Int = load_int v0 +0 Frame
label(0)
v3: Int = param 0
v4: Int = int_add v3, v1
jump(v4)";
    let code = m.parse_and_compile(text, &[], &[]);
    assert!(code.compiled.label.is_none());
}

#[test]
fn a_param_that_is_passed_back_as_it_is_costs_nothing() {
    let mut m = machine();
    let params = 40;
    let inits: Vec<String> = (0..params).map(|i| i.to_string()).collect();
    let mut text = format!("label({})\n", inits.join(", "));
    for i in 0..params {
        text.push_str(&format!("v{}: Int = param {i}\n", i + 1));
    }
    text.push_str(&format!("v{}: Int = int_add_ovf v1, 1 @s0\n", params + 1));
    let back: Vec<String> = (2..=params).map(|v| format!("v{v}")).collect();
    text.push_str(&format!("jump(v{}, {})\n", params + 1, back.join(", ")));
    let all: Vec<String> = (1..=params).map(|v| format!("v{v}")).collect();
    text.push_str(&format!("s0: execute\n  keep {}", all.join(", ")));
    let code = m.parse_and_compile(&text, &[], &[]);
    let label = code.compiled.label.as_ref().unwrap();
    let body: Vec<_> = m
        .backend
        .disassemble(&code.compiled)
        .into_iter()
        .skip_while(|(offset, _)| code.compiled.entry + *offset as usize != label.address)
        .map(|(_, text)| text)
        .collect();
    assert!(
        body[0].starts_with("add") && body[1].starts_with("jo") && body[2].starts_with("jmp"),
        "{body:?}"
    );
    assert!(matches!(label.params[0], Location::General(_)), "the only param that is used is in a register");
}

#[test]
fn values_beyond_the_spill_slots_are_refused() {
    let mut m = machine();
    let mut text = String::from("v0: Ptr = frame\n");
    for i in 1..=400 {
        text.push_str(&format!("v{i}: Int = load_int v0 +{} Frame\n", 8 * i));
    }
    let all: Vec<String> = (1..=400).map(|v| format!("v{v}")).collect();
    text.push_str(&format!("exit @s0\ns0: execute\n  keep {}", all.join(", ")));
    let trace = traces::parse::parse(&text, &[]).unwrap();
    let request = Request { trace: &trace, inputs: &[], first_exit: ExitId(0), targets: &[] };
    assert_eq!(m.backend.compile(&request).err(), Some(CompileError::TooManySpills));
    let code = m.parse_and_compile(LOOP, &[], &[]);
    assert_eq!(m.enter(code.compiled.entry, 0, 0).exit, code.exit_of(6).0);
}

#[test]
fn full_code_memory_is_an_error_and_released_code_makes_room() {
    let mut m =
        Machine::new(Memory::new(0), BackendOptions { code_memory: 32 << 10, ..BackendOptions::default() });
    let trace = traces::parse::parse(LOOP, &[]).unwrap();
    let request = Request { trace: &trace, inputs: &[], first_exit: ExitId(0), targets: &[] };
    let empty = m.backend.code_bytes();
    let mut all = Vec::new();
    let error = loop {
        match m.backend.compile(&request) {
            Ok(compiled) => all.push(compiled),
            Err(error) => break error,
        }
    };
    assert_eq!(error, CompileError::CodeMemoryFull);
    assert!(all.len() > 50, "small traces are packed: {}", all.len());
    let full = m.backend.code_bytes();
    for compiled in all.iter().skip(1).step_by(2) {
        m.backend.release(compiled.entry, compiled.size);
    }
    assert!(m.backend.code_bytes() < full);
    let again = m.backend.compile(&request).expect("there is room");
    assert_eq!(m.enter(again.entry, 0, 0).exit, 1);
    for compiled in all.iter().step_by(2).chain([&again]) {
        m.backend.release(compiled.entry, compiled.size);
    }
    assert_eq!(m.backend.code_bytes(), empty);
}

#[test]
fn refused_memory_is_an_error_when_the_backend_is_made() {
    let memory = Memory::new(0);
    unsafe extern "C" fn on_exit(_: u32, _: *const traces::codegen::ExitState) -> usize {
        0
    }
    let runtime = traces::native::runtime(&memory, on_exit);
    let options = BackendOptions { refuse_memory: true, ..BackendOptions::default() };
    let refused: Result<Box<dyn Backend>, _> = backend::new(runtime, options);
    assert_eq!(refused.err(), Some(CompileError::NoExecutableMemory));
}

#[test]
fn a_system_that_forbids_executable_mappings_is_noticed() {
    let memory = Memory::new(0);
    unsafe extern "C" fn on_exit(_: u32, _: *const traces::codegen::ExitState) -> usize {
        0
    }
    let runtime = traces::native::runtime(&memory, on_exit);
    let noticed = in_child(|| {
        let filter = |code, k, jt, jf| libc::sock_filter { code, jt, jf, k };
        // mmap with PROT_EXEC fails with EPERM: number of the call, then the low half of its third argument.
        let mut program = [
            filter(0x20, 0, 0, 0),
            filter(0x15, libc::SYS_mmap as u32, 0, 3),
            filter(0x20, 32, 0, 0),
            filter(0x45, libc::PROT_EXEC as u32, 0, 1),
            filter(0x06, libc::SECCOMP_RET_ERRNO | libc::EPERM as u32, 0, 0),
            filter(0x06, libc::SECCOMP_RET_ALLOW, 0, 0),
        ];
        let program = libc::sock_fprog { len: program.len() as u16, filter: program.as_mut_ptr() };
        // SAFETY: `program` is a valid filter; only this child is restricted.
        let filtered = unsafe {
            libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
                && libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program) == 0
        };
        let made = backend::new(runtime, BackendOptions::default());
        filtered && made.err() == Some(CompileError::NoExecutableMemory)
    });
    assert!(noticed);
}

/// Runs `f` in a forked child; whether it returned true there.
fn in_child(f: impl FnOnce() -> bool) -> bool {
    // SAFETY: the child only runs `f` and leaves at once, without returning to the test harness.
    unsafe {
        let pid = libc::fork();
        if pid == 0 {
            libc::_exit(if f() { 7 } else { 1 });
        }
        let mut status = 0;
        assert_eq!(libc::waitpid(pid, &mut status, 0), pid);
        libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 7
    }
}

#[test]
fn a_forked_child_changes_only_its_own_code() {
    let mut m = machine();
    let root = m.parse_and_compile(LOOP, &[], &[]);
    let exit = root.exit_of(6);
    let child_agrees = in_child(|| {
        let before = m.enter(root.compiled.entry, 1, 2).exit == exit.0;
        let bridge = "v0: Int = param 0\nv1: Float = param 1\nv2: Int = int_add v0, 2\njump_to 0(v2, v1)";
        let bridge = m.parse_and_compile(bridge, &root.locations(6), &[root.target()]);
        m.backend.patch_exit(exit, bridge.compiled.entry);
        before && m.enter(root.compiled.entry, 1, 2).exit == root.exit_of(4).0
    });
    assert!(child_agrees, "the child runs the code that it inherited and what it adds");
    assert_eq!(m.enter(root.compiled.entry, 1, 2).exit, exit.0, "the parent's exit is not patched");
    let later = m.parse_and_compile(LOOP, &[], &[]);
    assert_eq!(m.enter(later.compiled.entry, 1, 2).exit, later.exit_of(6).0);
}

#[test]
fn a_parent_that_releases_code_leaves_its_child_alone() {
    let mut m = machine();
    let root = m.parse_and_compile(LOOP, &[], &[]);
    let mut pipe = [0; 2];
    // SAFETY: `pipe` has room for two descriptors.
    assert_eq!(unsafe { libc::pipe(pipe.as_mut_ptr()) }, 0);
    // SAFETY: the child waits, runs its code and leaves at once.
    unsafe {
        let pid = libc::fork();
        if pid == 0 {
            libc::close(pipe[1]);
            let mut byte = 0u8;
            libc::read(pipe[0], (&raw mut byte).cast(), 1);
            let same = m.enter(root.compiled.entry, 1, 2).exit == root.exit_of(6).0;
            libc::_exit(if same { 7 } else { 1 });
        }
        m.backend.release(root.compiled.entry, root.compiled.size);
        let other = m.parse_and_compile("exit @s0\ns0: execute", &[], &[]);
        assert_eq!(other.compiled.entry, root.compiled.entry, "the block is used again");
        libc::close(pipe[1]);
        let mut status = 0;
        assert_eq!(libc::waitpid(pid, &mut status, 0), pid);
        assert!(libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 7);
    }
}

#[test]
fn no_mapping_of_code_is_writable_and_executable() {
    let m = machine();
    let code = m.backend.enter() as *const () as usize;
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let mut found = 0;
    for line in maps.lines().filter(|line| line.contains("coluber-code")) {
        let permissions = line.split_whitespace().nth(1).unwrap();
        assert!(!permissions.starts_with("rwx"), "{line}");
        found += 1;
    }
    assert!(found >= 2 && code != 0);
}
