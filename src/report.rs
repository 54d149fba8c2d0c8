//! The statistics as a table or as JSON, when the program ends.
//!
//! Called by `start.rs`, after Python is finalized: it must not touch a Python object.

use std::io::Write as _;

use serde_json::Value;

use crate::options::StatsTarget;

/// Writes the statistics. A target that can't be written costs a line on stderr, never the program's exit status.
pub fn write(statistics: &Value, target: &StatsTarget) {
    match target {
        StatsTarget::Stderr => {
            let _ = std::io::stderr().write_all(table(statistics).as_bytes());
        }
        StatsTarget::File(path) => {
            let path = path.to_string_lossy().replace("%p", &std::process::id().to_string());
            if let Err(error) = std::fs::write(&path, format!("{statistics:#}\n")) {
                let _ = writeln!(std::io::stderr(), "coluber: cannot write statistics to {path}: {error}");
            }
        }
    }
}

/// One row for each number, those of an inner object below its name, `0`s included.
fn table(statistics: &Value) -> String {
    let mut text = String::from("coluber: statistics\n");
    rows(&mut text, statistics, 1);
    text
}

fn rows(text: &mut String, value: &Value, depth: usize) {
    let Value::Object(entries) = value else { return };
    let indent = "  ".repeat(depth);
    for (name, entry) in entries {
        let name = name.replace('_', " ");
        match entry {
            Value::Object(_) => {
                text.push_str(&format!("{indent}{name}\n"));
                rows(text, entry, depth + 1);
            }
            Value::String(entry) => text.push_str(&format!("{indent}{name:<40} {entry:>14}\n")),
            entry => text.push_str(&format!("{indent}{name:<40} {:>14}\n", entry.to_string())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_shows_reasons_below_their_heading() {
        let statistics = serde_json::json!({ "traces": 3, "aborts_by_reason": { "too long": 1 } });
        let text = table(&statistics);
        let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(
            lines[1..],
            [vec!["aborts", "by", "reason"], vec!["too", "long", "1"], vec!["traces", "3"]]
        );
    }
}
