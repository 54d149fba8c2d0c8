//! `-X jit-dump=DIR`: each compiled trace as a text and a JSON file, and a table of all exits at the end.
//!
//! The driver hands over each trace just after it was compiled ([`driver::Dump`]); the executable calls
//! [`driver::finish_dump`](crate::driver::finish_dump) when Python has ended. Nothing here runs Python code or changes an object, and a
//! file that can't be written costs a line in the log, never the program.
//!
//! ```text
//! DIR/0001-inner-12-loop.txt     bytecode, recorded and optimized ops with snapshots, exits, machine code
//! DIR/0001-inner-12-loop.json    the same
//! DIR/0002-inner-14-bridge.txt   ...
//! DIR/exits.txt, DIR/exits.json  how often each exit was taken, and which bridge it got
//! ```
//!
//! Traces are numbered in the order in which they were compiled. A child made by `fork` does not dump.

mod bytecode;
mod names;

use std::fmt::Write as _;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use traces::{SnapId, Trace, text};

use crate::driver::{Dump, Dumped};
use bytecode::Line;
pub(crate) use names::place;
pub use names::{Names, Place};

/// The bytecode of one code object.
struct Listing {
    place: Place,
    lines: Vec<Line>,
    /// Instructions that the recording names, ascending.
    recorded: Vec<usize>,
}

/// One trace's ops and snapshots as text.
struct Ir {
    ops: Vec<String>,
    snapshots: Vec<String>,
}

/// One exit of a trace.
struct ExitRow {
    /// The driver's number.
    number: u32,
    /// Index of the guard among the ops.
    op: usize,
    guard: &'static str,
    snapshot: u32,
    /// Where the program goes on.
    place: Place,
    instruction: u32,
    /// File (without ending) of the trace.
    trace: String,
}

/// Everything about one trace.
struct Page {
    stem: String,
    kind: &'static str,
    place: Place,
    instruction: u32,
    /// Exit that a bridge continues, and the file of its trace.
    continues: Option<(u32, String)>,
    bytecode: Vec<Listing>,
    recorded: Ir,
    optimized: Ir,
    exits: Vec<ExitRow>,
    /// Offset of its code, for each op.
    op_offsets: Vec<u32>,
    assembly: Vec<(u32, String)>,
}

/// Writes dumps to a folder.
pub struct Folder {
    path: PathBuf,
    process: u32,
    written: usize,
    /// All exits so far, in the driver's order.
    exits: Vec<ExitRow>,
    /// Exit, and the file of the bridge that continues it.
    bridges: Vec<(u32, String)>,
    /// The log already has a line about an error.
    complained: bool,
}

impl Folder {
    /// Makes the folder where it is missing and sees whether files can be written there. `%p` in the name stands for the process id.
    ///
    /// # Errors
    /// One line for the user.
    pub fn new(path: &Path) -> Result<Folder, String> {
        let path = PathBuf::from(path.to_string_lossy().replace("%p", &std::process::id().to_string()));
        let cannot = |error: std::io::Error| {
            let reason = match error.kind() {
                ErrorKind::AlreadyExists | ErrorKind::NotADirectory => "it is not a folder".into(),
                _ => error.to_string(),
            };
            format!("cannot write dumps to {}: {reason}", path.display())
        };
        fs::create_dir_all(&path).map_err(cannot)?;
        // The table of exits is rewritten at the end; until then it says so.
        fs::write(path.join("exits.txt"), "The program has not ended yet.\n").map_err(cannot)?;
        Ok(Folder {
            path,
            process: std::process::id(),
            written: 0,
            exits: Vec::new(),
            bridges: Vec::new(),
            complained: false,
        })
    }

    fn write(&mut self, name: &str, content: &str) {
        let path = self.path.join(name);
        if let Err(error) = fs::write(&path, content)
            && !std::mem::replace(&mut self.complained, true)
        {
            log::warn!("cannot write {}: {error}", path.display());
        }
    }

    fn page(&self, d: &Dumped<'_>) -> Page {
        let names = Names::new(&[d.recorded, d.optimized]);
        // A bridge starts in the innermost frame of its exit.
        let recorded = &d.recorded.snapshots;
        let first = recorded.contains(SnapId(0)).then(|| recorded.frames(SnapId(0)).next_back()).flatten();
        let code = first.map_or(d.code, |frame| frame.code as *mut _);
        let here = place(code, d.instruction);
        let kind = if d.bridge_of.is_some() { "bridge" } else { "loop" };
        let stem = format!("{:04}-{}-{}-{kind}", self.written + 1, file_name(&here.function), here.line);
        let bytecode = names.codes().iter().map(|&code| {
            let mut recorded: Vec<usize> = d
                .recorded
                .snapshots
                .iter()
                .flat_map(|s| s.frames)
                .filter(|frame| frame.code == code as usize)
                .map(|frame| frame.instr as usize)
                .collect();
            recorded.sort_unstable();
            recorded.dedup();
            Listing { place: place(code, 0), lines: bytecode::listing(code, &names), recorded }
        });
        let guards = d.optimized.ops.iter().enumerate().filter(|(_, op)| op.code.is_guard());
        let exits = guards.zip(d.first_exit..).map(|((index, op), number)| {
            let frame = d.optimized.snapshots.frames(op.snap).next_back();
            ExitRow {
                number,
                op: index,
                guard: op.code.row().name,
                snapshot: op.snap.0,
                place: frame
                    .map_or_else(|| place(d.code, d.instruction), |f| place(f.code as *mut _, f.instr)),
                instruction: frame.map_or(d.instruction, |f| f.instr),
                trace: stem.clone(),
            }
        });
        Page {
            kind,
            place: here,
            instruction: d.instruction,
            continues: d.bridge_of.map(|exit| (exit, self.trace_of(exit))),
            bytecode: bytecode.collect(),
            recorded: ir(d.recorded, &names),
            optimized: ir(d.optimized, &names),
            exits: exits.collect(),
            op_offsets: d.op_offsets.to_vec(),
            assembly: d.assembly.to_vec(),
            stem,
        }
    }

    fn trace_of(&self, exit: u32) -> String {
        self.exits.iter().find(|row| row.number == exit).map_or_else(|| "?".into(), |row| row.trace.clone())
    }
}

impl Dump for Folder {
    fn compiled(&mut self, d: &Dumped<'_>) {
        if std::process::id() != self.process {
            return;
        }
        let page = self.page(d);
        self.written += 1;
        self.write(&format!("{}.txt", page.stem), &page.text());
        self.write(&format!("{}.json", page.stem), &format!("{:#}\n", page.json()));
        if let Some((exit, _)) = page.continues {
            self.bridges.push((exit, page.stem));
        }
        self.exits.extend(page.exits);
    }

    fn finish(&mut self, counts: &[u32]) {
        if std::process::id() != self.process {
            return;
        }
        let bridge =
            |number: u32| self.bridges.iter().find(|(exit, _)| *exit == number).map(|(_, file)| file.clone());
        let mut table = String::from(
            "How often each exit was taken to the interpreter; what a bridge took over is not counted any more.\n\n   \
             exit     count  guard            where; trace; bridge\n",
        );
        let mut rows = Vec::new();
        for row in &self.exits {
            let count = counts.get(row.number as usize).copied().unwrap_or(0);
            let bridge = bridge(row.number);
            let Place { function, file, line } = &row.place;
            let _ = write!(
                table,
                "{:7} {count:9}  {:<15}  {function}, {file}:{line}; {} v{}",
                row.number, row.guard, row.trace, row.op
            );
            if let Some(bridge) = &bridge {
                let _ = write!(table, "; {bridge}");
            }
            table.push('\n');
            rows.push(json!({
                "exit": row.number, "count": count, "guard": row.guard, "op": row.op, "snapshot": row.snapshot,
                "function": function, "file": file, "line": line, "instruction": row.instruction,
                "trace": row.trace, "bridge": bridge,
            }));
        }
        self.write("exits.txt", &table);
        self.write("exits.json", &format!("{:#}\n", Value::Array(rows)));
    }
}

/// A function's name as part of a file's.
fn file_name(function: &str) -> String {
    let plain = |c: char| if c.is_alphanumeric() || "._-".contains(c) { c } else { '_' };
    let name: String = function.chars().map(plain).take(80).collect();
    name.trim_matches('_').to_owned()
}

fn ir(trace: &Trace, names: &Names) -> Ir {
    Ir {
        ops: (0..trace.ops.len()).map(|i| text::op(trace, i, names)).collect(),
        snapshots: (0..trace.snapshots.len())
            .map(|i| text::snapshot(trace, SnapId(i as u32), names))
            .collect(),
    }
}

impl Listing {
    fn text(&self) -> String {
        let mut out = format!("---- bytecode of {}, {}", self.place.function, self.place.file);
        if let (Some(first), Some(last)) = (self.recorded.first(), self.recorded.last()) {
            let _ = write!(out, ": recorded from {first} to {last} (marked: named by snapshots)");
        }
        out.push('\n');
        let mut line = 0;
        for l in &self.lines {
            let mark = if self.recorded.binary_search(&l.index).is_ok() { '>' } else { ' ' };
            let shown = if l.line == line { String::new() } else { l.line.to_string() };
            line = l.line;
            let row = format!("{mark} {shown:>5} {:5} {:<28} {:4}", l.index, l.opcode, l.arg);
            let meaning = if l.meaning.is_empty() { String::new() } else { format!("  {}", l.meaning) };
            let _ = writeln!(out, "{row}{meaning}");
        }
        out
    }

    fn json(&self) -> Value {
        let instructions = self.lines.iter().map(|l| {
            json!({
                "line": l.line, "index": l.index, "opcode": l.opcode, "arg": l.arg, "meaning": l.meaning,
                "recorded": self.recorded.binary_search(&l.index).is_ok(),
            })
        });
        json!({ "function": self.place.function, "file": self.place.file, "instructions": instructions.collect::<Vec<_>>() })
    }
}

impl Ir {
    fn text(&self, title: &str) -> String {
        let mut out = format!("---- {title}: {} ops\n", self.ops.len());
        self.ops.iter().for_each(|op| {
            let _ = writeln!(out, "{op}");
        });
        self.snapshots.iter().for_each(|s| out.push_str(s));
        out
    }

    fn json(&self) -> Value {
        json!({ "ops": self.ops, "snapshots": self.snapshots })
    }
}

impl Page {
    /// For each instruction the op that it belongs to: the last one that starts at or before it.
    fn op_at(&self, offset: u32) -> Option<usize> {
        self.op_offsets.iter().rposition(|&start| start <= offset)
    }

    fn machine_code(&self) -> String {
        let mut out = String::from("---- machine code, each op before its instructions\n");
        let mut next = 0;
        for (offset, instruction) in &self.assembly {
            while next < self.op_offsets.len() && self.op_offsets[next] <= *offset {
                let _ = writeln!(out, "{}", self.optimized.ops[next]);
                next += 1;
            }
            let _ = writeln!(out, "    {offset:+6x}  {instruction}");
        }
        out
    }

    fn text(&self) -> String {
        let Place { function, file, line } = &self.place;
        let mut out = format!(
            "{}: {} of {function}, {file}:{line}, instruction {}\n",
            self.stem, self.kind, self.instruction
        );
        if let Some((exit, trace)) = &self.continues {
            let _ = writeln!(out, "continues exit {exit} of {trace}");
        }
        for listing in &self.bytecode {
            let _ = write!(out, "\n{}", listing.text());
        }
        let _ = write!(out, "\n{}", self.recorded.text("recorded"));
        let _ = write!(out, "\n{}", self.optimized.text("optimized"));
        let _ = writeln!(out, "\n---- exits (exits.txt has their counts)");
        for row in &self.exits {
            let Place { function, line, .. } = &row.place;
            let _ = writeln!(
                out,
                "exit {:4}  v{:<4} {:<15} @s{:<4} to {function}, line {line}, instruction {}",
                row.number, row.op, row.guard, row.snapshot, row.instruction
            );
        }
        let _ = write!(out, "\n{}", self.machine_code());
        out
    }

    fn json(&self) -> Value {
        let exits = self.exits.iter().map(|row| {
            json!({
                "exit": row.number, "op": row.op, "guard": row.guard, "snapshot": row.snapshot,
                "function": row.place.function, "file": row.place.file, "line": row.place.line, "instruction": row.instruction,
            })
        });
        let code = self
            .assembly
            .iter()
            .map(|(offset, text)| json!({ "offset": offset, "op": self.op_at(*offset), "text": text }));
        json!({
            "trace": self.stem, "kind": self.kind,
            "function": self.place.function, "file": self.place.file, "line": self.place.line, "instruction": self.instruction,
            "continues": self.continues.as_ref().map(|(exit, trace)| json!({ "exit": exit, "trace": trace })),
            "bytecode": self.bytecode.iter().map(Listing::json).collect::<Vec<_>>(),
            "recorded": self.recorded.json(), "optimized": self.optimized.json(),
            "exits": exits.collect::<Vec<_>>(), "machine_code": code.collect::<Vec<_>>(),
        })
    }
}
