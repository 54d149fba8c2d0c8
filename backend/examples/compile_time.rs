//! How long the backend takes for random traces of ordinary size: `cargo run --release -p backend --example compile_time`.

use backend::BackendOptions;
use traces::codegen::{ExitId, ExitState, Location, Request, Target};
use traces::random::{Options, generate};
use traces::{OpCode, Type};

unsafe extern "C" fn on_exit(_: u32, _: *const ExitState) -> usize {
    0
}

/// CPU time of this thread: others may be using the machine.
fn cpu_seconds() -> f64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is valid for writing.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}

fn main() {
    let options = Options { looped: true, ops: 150, pressure: 8, ..Options::default() };
    let programs: Vec<_> = (0..200).map(|seed| generate(seed, &options)).collect();
    let runtime = traces::native::runtime(&programs[0].memory, on_exit);
    let mut backend = backend::new(runtime, BackendOptions::default()).expect("executable memory");
    for round in 0..5 {
        let (mut ops, mut exits, mut bytes) = (0, 0, 0);
        let start = cpu_seconds();
        for program in &programs {
            let trace = &program.trace;
            let end = trace.ops.last().expect("an end");
            if matches!(end.code, OpCode::JumpTo | OpCode::EnterTrace) {
                continue;
            }
            let targets: Vec<Target> = vec![];
            let inputs: Vec<Location> = trace
                .ops
                .iter()
                .take_while(|op| op.code == OpCode::Param)
                .enumerate()
                .map(|(i, op)| {
                    if op.ty == Type::Float {
                        Location::Float(i as u8)
                    } else {
                        Location::Spill(i as u16 + 2)
                    }
                })
                .collect();
            let request = Request { trace, inputs: &inputs, first_exit: ExitId(0), targets: &targets };
            let compiled = backend.compile(&request).expect("compiles");
            (ops, exits, bytes) =
                (ops + trace.ops.len(), exits + compiled.exits.len(), bytes + compiled.size);
            backend.release(compiled.entry, compiled.size);
        }
        let time = cpu_seconds() - start;
        println!(
            "round {round}: {ops} ops, {exits} exits, {bytes} bytes; {:.1} us for 150 ops, {:.1} bytes an op",
            time * 1e6 / ops as f64 * 150.0,
            bytes as f64 / ops as f64
        );
    }
}
