//! What the executable adds to the texts of `-VV` and `--help-xoptions`.
//!
//! Python prints those while it parses the command line and then asks us to exit; `executable.rs` calls this just before.

use crate::options;

/// Python's options that take a value, in the same argument or in the next.
const WITH_VALUE: &str = "WX";

/// Our lines, empty where Python printed something else.
pub fn after_pythons_own(arguments: &[String]) -> String {
    let mut capital_vs = 0;
    let mut rest = arguments.iter().skip(1);
    while let Some(argument) = rest.next() {
        if matches!(argument.as_str(), "--help-xoptions" | "--help-all") {
            return options::help();
        }
        if argument == "--version" {
            capital_vs += 1;
            continue;
        }
        let Some(letters) = argument.strip_prefix('-').filter(|letters| !letters.starts_with('-')) else {
            break;
        };
        for (index, letter) in letters.char_indices() {
            match letter {
                'V' => capital_vs += 1,
                'c' | 'm' => return String::new(),
                _ if WITH_VALUE.contains(letter) => {
                    if index + 1 == letters.len() {
                        rest.next();
                    }
                    break;
                }
                _ => {}
            }
        }
    }
    if capital_vs >= 2 { line() } else { String::new() }
}

fn line() -> String {
    let (ours, base) = (env!("CARGO_PKG_VERSION"), env!("COLUBER_BASE_VERSION"));
    format!("Coluber {ours}: a tracing JIT for CPython {base}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(command: &str) -> String {
        after_pythons_own(&command.split(' ').map(str::to_string).collect::<Vec<_>>())
    }

    #[test]
    fn only_the_long_version_gets_a_line() {
        for long in [
            "coluber -VV",
            "coluber -V -V",
            "coluber -X dev -VV",
            "coluber --version --version",
            "coluber -IVV",
        ] {
            assert_eq!(after(long), line(), "{long}");
        }
        for other in ["coluber -V", "coluber --version", "coluber -h", "coluber -V x.py -V", "coluber -WV -V"]
        {
            assert_eq!(after(other), "", "{other}");
        }
    }

    #[test]
    fn help_on_x_options_has_ours() {
        assert!(after("coluber --help-xoptions").contains("jit-threshold=N"));
        assert!(after("coluber --help-all").contains("COLUBER_JIT_THRESHOLD"));
    }
}
