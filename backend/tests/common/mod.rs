//! Runs traces as machine code where the reference evaluator runs them, and reads the values at the exit that was taken.
#![allow(dead_code, reason = "each test program uses a part of it")]

use std::cell::RefCell;

use backend::{BackendOptions, Processor};
use traces::codegen::{Backend, Compiled, ExitId, ExitState, Location, Request, Target};
use traces::evaluate::Outcome;
use traces::memory::Memory;
use traces::parse::parse;
use traces::random::helpers::helpers;
use traces::{Const, Op, OpCode, Snapshot, Trace, Type, Val, native};

/// What an exit found.
pub struct Taken {
    pub exit: u32,
    pub general: [u64; 32],
    pub float: [u64; 32],
    pub spill: Vec<u64>,
    pub frame: usize,
    pub thread_state: usize,
}

impl Taken {
    pub fn read(&self, location: Location) -> u64 {
        match location {
            Location::General(r) => self.general[r as usize],
            Location::Float(r) => self.float[r as usize],
            Location::Spill(s) => self.spill[s as usize],
            Location::Const(bits) => bits,
        }
    }
}

thread_local! {
    static TAKEN: RefCell<Option<Taken>> = const { RefCell::new(None) };
}

unsafe extern "C" fn on_exit(exit: u32, state: *const ExitState) -> usize {
    // SAFETY: the backend passes the state of the exit that is being taken.
    let state = unsafe { &*state };
    // SAFETY: the native frame has that many spill slots.
    let spill = unsafe { std::slice::from_raw_parts(state.spill, traces::codegen::SPILL_SLOTS) }.to_vec();
    let taken = Taken {
        exit,
        general: state.general,
        float: state.float,
        spill,
        frame: state.frame as usize,
        thread_state: state.thread_state as usize,
    };
    TAKEN.with(|t| *t.borrow_mut() = Some(taken));
    exit as usize + 1000
}

/// A compiled trace with the number of its first exit.
#[derive(Clone)]
pub struct Code {
    pub trace: Trace,
    pub compiled: Compiled,
    pub first_exit: u32,
}

impl Code {
    pub fn target(&self) -> Target {
        Target { entry: self.compiled.entry, label: self.compiled.label.clone() }
    }
    /// Op index of a guard by its number within the trace.
    pub fn guard(&self, number: usize) -> usize {
        let guards = (0..self.trace.ops.len()).filter(|&i| self.trace.ops[i].code.is_guard());
        guards.clone().nth(number).expect("a guard with this number")
    }
    /// The exit of the guard with this op index.
    pub fn exit_of(&self, op: usize) -> ExitId {
        ExitId(self.first_exit + self.trace.ops[..op].iter().filter(|op| op.code.is_guard()).count() as u32)
    }
    pub fn locations(&self, op: usize) -> Vec<Location> {
        self.compiled.exits.of((self.exit_of(op).0 - self.first_exit) as usize).collect()
    }
}

/// A backend with memory to run in.
pub struct Machine {
    pub memory: Memory,
    pub backend: Box<dyn Backend>,
    next_exit: u32,
}

/// Backends in all forms that tests run.
pub fn variants() -> [BackendOptions; 4] {
    let small = BackendOptions { code_memory: 1 << 20, reuse_floats: false, ..BackendOptions::default() };
    [
        small.clone(),
        BackendOptions { few_registers: true, ..small.clone() },
        BackendOptions { processor: Processor::Baseline, ..small.clone() },
        BackendOptions { processor: Processor::Baseline, few_registers: true, ..small },
    ]
}

impl Machine {
    pub fn new(memory: Memory, options: BackendOptions) -> Machine {
        let backend = backend::new(native::runtime(&memory, on_exit), options).expect("executable memory");
        Machine { memory, backend, next_exit: 3 }
    }

    pub fn parse_and_compile(&mut self, text: &str, inputs: &[Location], targets: &[Target]) -> Code {
        let trace = parse(text, helpers()).unwrap_or_else(|error| panic!("{error}\n{text}"));
        self.compile(&trace, inputs, targets)
    }

    pub fn compile(&mut self, trace: &Trace, inputs: &[Location], targets: &[Target]) -> Code {
        let first_exit = ExitId(self.next_exit);
        let compiled = self
            .backend
            .compile(&Request { trace, inputs, first_exit, targets })
            .expect("the trace compiles");
        self.next_exit += compiled.exits.len() as u32;
        Code { trace: trace.clone(), compiled, first_exit: first_exit.0 }
    }

    /// Enters code; what the exit found.
    pub fn enter(&mut self, entry: usize, frame: usize, thread_state: usize) -> Taken {
        let enter = self.backend.enter();
        // SAFETY: compiled by this machine's backend for this memory.
        let result = native::with(&mut self.memory, || unsafe {
            enter(entry, frame as *mut u8, thread_state as *mut u8)
        });
        let taken = TAKEN.with(|t| t.borrow_mut().take()).expect("an exit was taken");
        assert_eq!(result, taken.exit as usize + 1000, "enter returns what on_exit returned");
        assert_eq!((taken.frame, taken.thread_state), (frame, thread_state));
        taken
    }

    /// Runs a bridge with these inputs, which come in registers and spill slots as a driver leaves them.
    pub fn run_bridge(&mut self, trace: &Trace, inputs: &[Const]) -> (Code, Outcome) {
        let words: Vec<u64> = inputs.iter().map(|input| input.bits()).collect();
        let driver = self.driver_from(inputs, words.as_ptr() as usize);
        let exit = driver.guard(0);
        let code = self.compile(trace, &driver.locations(exit), &[]);
        self.backend.patch_exit(driver.exit_of(exit), code.compiled.entry);
        let taken = self.enter(driver.compiled.entry, 0x1111, 0x2222);
        let outcome = Machine::outcome(&code, &taken);
        self.backend.release(code.compiled.entry, code.compiled.size);
        self.backend.release(driver.compiled.entry, driver.compiled.size);
        (code, outcome)
    }

    /// The code of a trace, for messages.
    pub fn dump(&self, code: &Code) -> String {
        let mut text = format!(
            "{}
",
            code.trace
        );
        let mut next = 0;
        for (offset, line) in self.backend.disassemble(&code.compiled) {
            while next < code.trace.ops.len() && code.compiled.op_offsets[next] <= offset {
                let op = &code.trace.ops[next];
                text.push_str(&format!("; v{next} {:?} {:?}\n", op.code, op.args));
                next += 1;
            }
            text.push_str(&format!("{offset:#06x} {line}\n"));
        }
        text
    }

    /// A trace whose only exit has these values somewhere, loaded from the words at `source`: a bridge can be attached
    /// to it.
    pub fn driver_from(&mut self, values: &[Const], source: usize) -> Code {
        let mut trace = Trace::new(helpers());
        let mut keep = Vec::new();
        for (i, &value) in values.iter().enumerate() {
            let base = trace.constant(Const::Ptr(source + 8 * i));
            let (code, mask) = match value.ty() {
                Type::Float => (OpCode::LoadFloat, false),
                Type::Obj => (OpCode::LoadObj, false),
                Type::Ptr => (OpCode::LoadPtr, false),
                Type::Bool => (OpCode::LoadInt, true),
                _ => (OpCode::LoadInt, false),
            };
            let mut loaded = trace.push(Op::new(code, &[base]));
            if mask {
                let zero = trace.constant(Const::Int(0));
                loaded = trace.push(Op::new(OpCode::IntNe, &[loaded, zero]));
            }
            keep.push(loaded);
        }
        let snap = trace.push_snapshot(keeping(keep));
        let exit = Op { snap, ..Op::new(OpCode::Exit, &[]) };
        trace.push(exit);
        self.compile(&trace, &[], &[])
    }

    /// A loop with params of these types that leaves at once, keeping them.
    pub fn landing(&mut self, values: &[Const]) -> Code {
        let mut trace = Trace::new(helpers());
        let inits: Vec<Val> = values.iter().map(|&value| trace.constant(value)).collect();
        let list = trace.push_list(&inits);
        trace.push(Op { list, ..Op::new(OpCode::Label, &[]) });
        let params: Vec<Val> = (0..values.len())
            .map(|i| trace.push(Op { imm: i as i32, ty: values[i].ty(), ..Op::new(OpCode::Param, &[]) }))
            .collect();
        let snap = trace.push_snapshot(keeping(params));
        trace.push(Op { snap, ..Op::new(OpCode::Exit, &[]) });
        self.compile(&trace, &[], &[])
    }

    /// What the taken exit means for a trace that it belongs to.
    pub fn outcome(code: &Code, taken: &Taken) -> Outcome {
        let number = (taken.exit - code.first_exit) as usize;
        let op = code.guard(number);
        let types = snapshot_values(&code.trace, op);
        let locations: Vec<_> = code.compiled.exits.of(number).collect();
        assert_eq!(types.len(), locations.len());
        let values = types
            .iter()
            .zip(locations)
            .map(|(&val, location)| constant(code.trace.ty(val), taken.read(location)))
            .collect();
        Outcome::Exit { op, values }
    }
}

/// A snapshot that only keeps values.
pub fn keeping(keep: Vec<Val>) -> Snapshot {
    Snapshot { resume: traces::Resume::Execute, frames: vec![], virtuals: vec![], increfs: vec![], keep }
}

pub fn snapshot_values(trace: &Trace, op: usize) -> Vec<Val> {
    let mut values = Vec::new();
    let snap = trace.ops[op].snap;
    if trace.snapshots.contains(snap) {
        trace.snapshots.for_each_value(snap, |val| values.push(val));
    }
    values
}

pub fn constant(ty: Type, bits: u64) -> Const {
    match ty {
        Type::Float => Const::Float(bits),
        Type::Bool => {
            assert!(bits < 2, "a Bool is 0 or 1, not {bits:#x}");
            Const::Bool(bits == 1)
        }
        Type::Obj => Const::Obj(bits as usize),
        Type::Ptr => Const::Ptr(bits as usize),
        _ => Const::Int(bits as i64),
    }
}
