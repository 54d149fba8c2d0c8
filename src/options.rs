//! Coluber's own options: one table with each name, form, default and meaning.
//!
//! Called once by `start.rs`; nothing else reads an option or a `COLUBER_JIT…` variable. Python's options are not ours:
//! here is only what begins with `-X jit`.
//!
//! ```text
//! -X jit-threshold=7        the command line …
//! COLUBER_JIT_THRESHOLD=7   … goes before the environment, which -E and -I switch off
//! ```

use std::fmt::Write as _;
use std::path::PathBuf;

use tracer::driver::Only;
use tracer::optimizer::parts::{self, Off};

/// What the JIT may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Interpret only.
    Off,
    /// Compile what is hot.
    On,
    /// Record at the first chance, check everything, take exits deliberately.
    Stress,
}

/// Where the statistics go when the program ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StatsTarget {
    /// A table on the standard error stream.
    Stderr,
    /// JSON in this file. `%p` in its name stands for the process id.
    File(PathBuf),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    pub mode: Mode,
    /// Turns of a loop before it is recorded.
    pub threshold: u32,
    pub stats: Option<StatsTarget>,
    /// Folder that receives a dump of each trace.
    pub dump: Option<PathBuf>,
    /// Bytes of code memory; `None`: behave as if the system refused executable memory.
    pub code_memory: Option<usize>,
    /// Traces and bridges to compile at most.
    pub limit: u32,
    /// Which traces may be compiled, if not all.
    pub only: Option<Only>,
    /// Parts of the optimizer that are left out.
    pub off: Off,
    /// Each guard is failed once on purpose, and the frames are compared.
    pub force_guards: bool,
    /// Allocations of ours that fail on purpose: the first and the last, counted from 1.
    pub fail_alloc: Option<(u64, u64)>,
}

/// An odd number, so that loops whose bodies are entered in powers of two don't all get hot in the same turn.
const DEFAULT_THRESHOLD: u32 = 397;

/// Reserved as addresses, used as needed.
const DEFAULT_CODE_MEMORY: usize = 64 << 20;

impl Default for Options {
    fn default() -> Options {
        Options {
            mode: Mode::On,
            threshold: DEFAULT_THRESHOLD,
            stats: None,
            dump: None,
            code_memory: Some(DEFAULT_CODE_MEMORY),
            limit: u32::MAX,
            only: None,
            off: Off::default(),
            force_guards: false,
            fail_alloc: None,
        }
    }
}

/// One row of the table. A setter answers false to a value it can't take; it gets `None` for a bare `-X name`.
struct Row {
    name: &'static str,
    env: &'static str,
    form: &'static str,
    meaning: &'static str,
    set: fn(&mut Options, Option<&str>) -> bool,
}

const TABLE: [Row; 10] = [
    Row {
        name: "jit",
        env: "COLUBER_JIT",
        form: "jit=on|off|stress",
        meaning: "compile hot loops (default: on); stress checks everything",
        set: |options, value| choose(&mut options.mode, value, &MODES),
    },
    Row {
        name: "jit-threshold",
        env: "COLUBER_JIT_THRESHOLD",
        form: "jit-threshold=N",
        meaning: "turns of a loop before it is compiled, from 1 (default: 397); with fewer, code also warms up sooner",
        set: |options, value| {
            let number = value.and_then(|text| text.parse().ok()).filter(|&number| number >= 1);
            options.threshold = number.unwrap_or(options.threshold);
            number.is_some()
        },
    },
    Row {
        name: "jit-stats",
        env: "COLUBER_JIT_STATS",
        form: "jit-stats[=FILE]",
        meaning: "at the end, a table on stderr, or JSON in FILE (%p: process id)",
        set: |options, value| {
            options.stats = Some(match value {
                None | Some("" | "-" | "1") => StatsTarget::Stderr,
                Some(file) => StatsTarget::File(file.into()),
            });
            true
        },
    },
    Row {
        name: "jit-dump",
        env: "COLUBER_JIT_DUMP",
        form: "jit-dump=DIR",
        meaning: "write each trace to DIR (%p: process id): bytecode, IR, machine code",
        set: |options, value| {
            options.dump = value.filter(|text| !text.is_empty()).map(PathBuf::from);
            options.dump.is_some()
        },
    },
    Row {
        name: "jit-limit",
        env: "COLUBER_JIT_LIMIT",
        form: "jit-limit=N",
        meaning: "compile at most N traces: halve it to find the one that breaks a program",
        set: |options, value| {
            let number = value.and_then(|text| text.parse().ok());
            options.limit = number.unwrap_or(options.limit);
            number.is_some()
        },
    },
    Row {
        name: "jit-only",
        env: "COLUBER_JIT_ONLY",
        form: "jit-only=NAME|FILE:LINE|N-M,...",
        meaning: "compile only loops of these functions (* is anything), of these lines, these traces in order",
        set: |options, value| {
            options.only = value.and_then(Only::parse);
            options.only.is_some()
        },
    },
    Row {
        name: "jit-no-pass",
        env: "COLUBER_JIT_NO_PASS",
        form: "jit-no-pass=NAME,...",
        meaning: "leave out parts of the optimizer: folding, identities, cse, forwarding, guards, unboxing, hoisting, dead-code, counts",
        set: |options, value| {
            let names: Vec<&str> = value.map(|text| text.split(',').collect()).unwrap_or_default();
            let part = |name: &str| parts::ALL.iter().find(|(known, _)| *known == name).map(|row| row.1);
            let chosen: Vec<_> = names.iter().map_while(|name| part(name)).collect();
            chosen.iter().for_each(|&part| options.off.add(part));
            !names.is_empty() && chosen.len() == names.len()
        },
    },
    Row {
        name: "jit-force-guards",
        env: "COLUBER_JIT_FORCE_GUARDS",
        form: "jit-force-guards[=1|0]",
        meaning: "fail each guard once while it holds and compare the frames; for tests",
        set: |options, value| {
            choose(&mut options.force_guards, value.or(Some("1")), &[("1", true), ("0", false)])
        },
    },
    Row {
        name: "jit-fail-alloc",
        env: "COLUBER_JIT_FAIL_ALLOC",
        form: "jit-fail-alloc=N[-M]",
        meaning: "let the N-th (to M-th) allocation of Coluber's own find no memory; for tests",
        set: |options, value| {
            let (first, last) = value.map(|text| text.split_once('-').unwrap_or((text, text))).unzip();
            let number = |text: Option<&str>| text.and_then(|text| text.parse::<u64>().ok());
            options.fail_alloc =
                number(first).zip(number(last)).filter(|&(first, last)| 1 <= first && first <= last);
            options.fail_alloc.is_some()
        },
    },
    Row {
        name: "jit-code-memory",
        env: "COLUBER_JIT_CODE_MEMORY",
        form: "jit-code-memory=KIB|allow|deny",
        meaning: "most code, in KiB (default: 65536); deny: behave as if the system refused executable memory",
        set: |options, value| {
            let kib =
                value.and_then(|text| text.parse::<usize>().ok()).filter(|kib| (4..=1 << 20).contains(kib));
            let named = [("allow", Some(DEFAULT_CODE_MEMORY)), ("deny", None)];
            if let Some(kib) = kib {
                options.code_memory = Some(kib << 10);
            }
            kib.is_some() || choose(&mut options.code_memory, value, &named)
        },
    },
];

const MODES: [(&str, Mode); 3] = [("on", Mode::On), ("off", Mode::Off), ("stress", Mode::Stress)];

fn choose<T: Copy>(place: &mut T, value: Option<&str>, choices: &[(&str, T)]) -> bool {
    let chosen = choices.iter().find(|(name, _)| Some(*name) == value);
    if let Some(&(_, chosen)) = chosen {
        *place = chosen;
    }
    chosen.is_some()
}

impl Options {
    /// Reads the environment (name and value of each variable; none under `-E`), then `-X` options (`name`, or
    /// `name=value`; those that aren't ours are passed over).
    ///
    /// # Errors
    /// One line that names the culprit and all valid options.
    pub fn read(
        environment: impl Iterator<Item = (String, String)>,
        xoptions: impl Iterator<Item = (String, Option<String>)>,
    ) -> Result<Options, String> {
        let mut options = Options::default();
        // Python takes an empty variable as one that isn't set; so do we.
        for (name, value) in
            environment.filter(|(name, value)| name.starts_with("COLUBER_JIT") && !value.is_empty())
        {
            let row = TABLE.iter().find(|row| row.env == name);
            if !row.is_some_and(|row| (row.set)(&mut options, Some(&value))) {
                return Err(complaint(row.is_some(), &format!("{name}={value}")));
            }
        }
        for (name, value) in xoptions.filter(|(name, _)| name.starts_with("jit")) {
            let row = TABLE.iter().find(|row| row.name == name);
            if !row.is_some_and(|row| (row.set)(&mut options, value.as_deref())) {
                let value = value.map(|value| format!("={value}")).unwrap_or_default();
                return Err(complaint(row.is_some(), &format!("-X {name}{value}")));
            }
        }
        Ok(options)
    }
}

fn complaint(known: bool, culprit: &str) -> String {
    let forms: Vec<_> = TABLE.iter().map(|row| row.form).collect();
    let fault = if known { "malformed" } else { "unknown" };
    format!(
        "{fault} option {culprit}; the valid ones are {} (environment: COLUBER_JIT=… and so on)",
        forms.join(", ")
    )
}

/// The table as `--help-xoptions` shows it.
#[allow(dead_code)] // the extension module has no command line
pub fn help() -> String {
    let mut text = String::from("\nColuber's own -X options, each also an environment variable:\n");
    for row in &TABLE {
        writeln!(text, "  {:<27} {}\n  {:<27} ({})", row.form, row.meaning, "", row.env)
            .expect("a String takes all");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(environment: &[(&str, &str)], xoptions: &[(&str, Option<&str>)]) -> Result<Options, String> {
        let environment = environment.iter().map(|(name, value)| (name.to_string(), value.to_string()));
        let xoptions = xoptions.iter().map(|(name, value)| (name.to_string(), value.map(str::to_string)));
        Options::read(environment, xoptions)
    }

    #[test]
    fn the_command_line_goes_before_the_environment() {
        let options =
            read(&[("COLUBER_JIT", "off"), ("COLUBER_JIT_THRESHOLD", "9")], &[("jit", Some("stress"))]);
        let options = options.unwrap();
        assert_eq!((options.mode, options.threshold), (Mode::Stress, 9));
    }

    #[test]
    fn an_unknown_option_is_named_with_the_valid_ones() {
        let complaint = read(&[], &[("jit-treshold", Some("9"))]).unwrap_err();
        assert!(complaint.starts_with("unknown option -X jit-treshold=9;"), "{complaint}");
        for row in &TABLE {
            assert!(complaint.contains(row.form), "{complaint}");
        }
        assert!(!complaint.contains('\n'));
    }

    #[test]
    fn malformed_values_are_refused() {
        for (name, value) in [
            ("jit", None),
            ("jit", Some("yes")),
            ("jit-threshold", Some("0")),
            ("jit-threshold", Some("-1")),
            ("jit-threshold", None),
            ("jit-dump", None),
            ("jit-only", Some("")),
            ("jit-no-pass", Some("folding,everything")),
            ("jit-code-memory", Some("maybe")),
            ("jit-code-memory", Some("0")),
            ("jit-fail-alloc", Some("0")),
            ("jit-fail-alloc", Some("9-8")),
        ] {
            let complaint = read(&[], &[(name, value)]).unwrap_err();
            assert!(complaint.starts_with("malformed option -X jit"), "{complaint}");
        }
        assert!(
            read(&[("COLUBER_JIT", "yes")], &[])
                .unwrap_err()
                .starts_with("malformed option COLUBER_JIT=yes;")
        );
    }

    #[test]
    fn pythons_own_options_and_empty_variables_are_passed_over() {
        let options =
            read(&[("COLUBER_JIT", ""), ("COLUBER_LOG", "debug")], &[("dev", None), ("utf8", Some("1"))]);
        assert_eq!(options, Ok(Options::default()));
    }

    #[test]
    fn stats_go_to_stderr_or_a_file() {
        assert_eq!(read(&[], &[("jit-stats", None)]).unwrap().stats, Some(StatsTarget::Stderr));
        let file = read(&[], &[("jit-stats", Some("s.json"))]).unwrap().stats;
        assert_eq!(file, Some(StatsTarget::File("s.json".into())));
    }

    #[test]
    fn the_help_names_every_part_of_the_optimizer() {
        for (name, _) in parts::ALL {
            assert!(help().contains(name), "{name}");
        }
    }

    #[test]
    fn the_help_tells_the_default_threshold() {
        assert!(help().contains(&format!("(default: {DEFAULT_THRESHOLD})")));
    }
}
