//! Golden tests: input and expected output in one file, compared or rewritten.
//!
//! Called by the tests of every crate that turns a trace into text (printer, optimizer passes, code generators); never by the
//! product. A file looks like this:
//!
//! ```text
//! ; what this shows
//! --- input
//! v0: Int = int_add 2, 3
//! --- expected fold
//! ...
//! ```
//!
//! All lines before `--- input` are the header and are kept. With `BLESS=1` in the environment, expected texts
//! that differ are rewritten in place, to be read in review; a file that has no expected text gets one. Without it, a
//! difference is an error that shows the first differing line of each stage.
//!
//! ```no_run
//! traces::golden::run_dir("golden/fold", "fold", |input| input.to_uppercase());
//! ```

use std::fs;
use std::path::{Path, PathBuf};

/// A golden file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct File {
    /// The lines before the input.
    pub header: String,
    /// The input.
    pub input: String,
    /// Stage names and their expected output.
    pub expected: Vec<(String, String)>,
}

impl File {
    /// Splits a file into its sections. The error names what is missing.
    pub fn parse(text: &str) -> Result<File, String> {
        let mut file = File { header: String::new(), input: String::new(), expected: Vec::new() };
        let mut in_input = false;
        for line in text.lines() {
            if let Some(section) = line.strip_prefix("--- ") {
                match section.trim().split_once(' ') {
                    None if section.trim() == "input" && !in_input => in_input = true,
                    Some(("expected", stage)) if in_input => {
                        file.expected.push((stage.trim().to_string(), String::new()));
                    }
                    _ => {
                        return Err(format!(
                            "`{line}` is neither `--- input` nor, after it, `--- expected STAGE`"
                        ));
                    }
                }
                continue;
            }
            let section = match file.expected.last_mut() {
                Some((_, text)) => text,
                None if in_input => &mut file.input,
                None => &mut file.header,
            };
            section.push_str(line);
            section.push('\n');
        }
        if in_input { Ok(file) } else { Err("there is no line `--- input`".into()) }
    }

    /// The text of the file.
    pub fn print(&self) -> String {
        let mut text = format!("{}--- input\n{}", self.header, self.input);
        for (stage, expected) in &self.expected {
            text.push_str(&format!("--- expected {stage}\n{expected}"));
        }
        text
    }
}

/// Runs `transform` over the input of every file in a folder and compares its result with the expected text of `stage`.
/// A relative `folder` is taken from the crate under test (cargo runs tests there).
///
/// # Panics
/// When a file does not match or can't be read, and when the folder has no file; the message names all such files.
pub fn run_dir(folder: impl AsRef<Path>, stage: &str, mut transform: impl FnMut(&str) -> String) {
    run_dir_stages(folder, |input| vec![(stage.to_string(), transform(input))]);
}

/// As [`run_dir`], for a transformation with several stages: their names and outputs, in order.
///
/// # Panics
/// As [`run_dir`].
pub fn run_dir_stages(folder: impl AsRef<Path>, mut transform: impl FnMut(&str) -> Vec<(String, String)>) {
    let folder = folder.as_ref();
    let bless = std::env::var_os("BLESS").is_some_and(|value| value == "1");
    let files = files(folder);
    assert!(!files.is_empty(), "{}: no golden files", folder.display());
    let failures: Vec<String> = files
        .iter()
        .filter_map(|path| run_file(path, bless, &mut transform).err())
        .map(|message| format!("{message}\n"))
        .collect();
    assert!(
        failures.is_empty(),
        "{}of {} golden files, {} differ; BLESS=1 rewrites them",
        failures.concat(),
        files.len(),
        failures.len()
    );
}

/// All files of a folder, sorted by name; hidden ones are left out.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.unwrap_or_else(|error| panic!("{}: {error}", folder.display())).path())
        .filter(|path| {
            path.is_file() && !path.file_name().is_some_and(|n| n.to_string_lossy().starts_with('.'))
        })
        .collect();
    files.sort();
    files
}

/// Compares or blesses one file. The error is the message to show.
fn run_file(
    path: &Path,
    bless: bool,
    transform: &mut impl FnMut(&str) -> Vec<(String, String)>,
) -> Result<(), String> {
    let in_file = |message: String| format!("{}: {message}", path.display());
    let text = fs::read_to_string(path).map_err(|error| in_file(error.to_string()))?;
    let file = File::parse(&text).map_err(in_file)?;
    let mut actual = transform(&file.input);
    for (_, output) in &mut actual {
        if !output.is_empty() && !output.ends_with('\n') {
            output.push('\n');
        }
    }
    if actual == file.expected {
        return Ok(());
    }
    if bless {
        let blessed = File { expected: actual, ..file };
        return fs::write(path, blessed.print()).map_err(|error| in_file(error.to_string()));
    }
    let mut message = String::new();
    for (stage, output) in &actual {
        match file.expected.iter().find(|(name, _)| name == stage) {
            None => message.push_str(&format!("\nstage {stage} has no expected text; it gives\n{output}")),
            Some((_, expected)) if expected != output => {
                message.push_str(&format!("\nstage {stage}: {}", first_difference(expected, output)));
            }
            Some(_) => {}
        }
    }
    for (stage, _) in &file.expected {
        if !actual.iter().any(|(name, _)| name == stage) {
            message.push_str(&format!("\nstage {stage} is expected and was not run"));
        }
    }
    Err(in_file(if message.is_empty() { "stages come in another order".into() } else { message }))
}

/// The first differing line of two texts, with the whole actual text after it.
pub fn first_difference(expected: &str, actual: &str) -> String {
    let end = "(end of the text)";
    let (mut e, mut a) = (expected.lines(), actual.lines());
    let mut line = 0;
    loop {
        line += 1;
        let (x, y) = (e.next(), a.next());
        if x != y || x.is_none() {
            let (x, y) = (x.unwrap_or(end), y.unwrap_or(end));
            return format!("line {line}\n  expected  {x}\n  actual    {y}\nactual text\n{actual}");
        }
    }
}
