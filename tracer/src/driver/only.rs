//! `-X jit-only`: which traces are compiled, to find the one that is to blame for a wrong program.
//!
//! ```text
//! f,Matrix.*          loops of these functions (qualified names)
//! solver.py:40-52     loops that begin in these lines of files whose names end so
//! 12-15,20            these of the traces that would be compiled, in order
//! ```

use crate::dump::Place;

/// A choice of traces.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Only {
    places: Vec<Pattern>,
    numbers: Vec<(u64, u64)>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Pattern {
    Function(String),
    Lines { file: String, first: u64, last: u64 },
}

/// `3` or `3-7`.
fn range(text: &str) -> Option<(u64, u64)> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    Some((first.parse().ok()?, last.parse().ok()?))
}

/// Whether a name is what a pattern says, in which `*` stands for anything.
fn matches(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((start, rest)) => name.strip_prefix(start).is_some_and(|name| {
            name.char_indices().map(|(i, _)| i).chain([name.len()]).any(|i| matches(rest, &name[i..]))
        }),
    }
}

impl Only {
    /// Reads an option's value; `None` where it is malformed.
    pub fn parse(text: &str) -> Option<Only> {
        let mut only = Only { places: Vec::new(), numbers: Vec::new() };
        for part in text.split(',') {
            if let Some(numbers) = range(part) {
                only.numbers.push(numbers);
            } else if let Some((file, lines)) = part.rsplit_once(':') {
                let (first, last) = range(lines)?;
                only.places.push(Pattern::Lines { file: file.into(), first, last });
            } else if part.is_empty() {
                return None;
            } else {
                only.places.push(Pattern::Function(part.into()));
            }
        }
        Some(only)
    }

    /// Whether a loop at this place may be compiled.
    pub fn has_place(&self, place: &Place) -> bool {
        self.places.is_empty()
            || self.places.iter().any(|pattern| match pattern {
                Pattern::Function(pattern) => matches(pattern, &place.function),
                Pattern::Lines { file, first, last } => {
                    place.file.ends_with(file) && (*first..=*last).contains(&(place.line.max(0) as u64))
                }
            })
    }

    /// Whether the trace with this number may be compiled.
    pub fn has_number(&self, number: u64) -> bool {
        self.numbers.is_empty() || self.numbers.iter().any(|&(first, last)| (first..=last).contains(&number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(function: &str, file: &str, line: i32) -> Place {
        Place { function: function.into(), file: file.into(), line }
    }

    #[test]
    fn functions_lines_and_numbers_are_chosen() {
        let only = Only::parse("Matrix.*,f,solver.py:40-52,3,7-9").unwrap();
        assert!(only.has_place(&place("Matrix.solve", "a.py", 1)));
        assert!(only.has_place(&place("f", "a.py", 1)));
        assert!(!only.has_place(&place("ff", "a.py", 1)));
        assert!(only.has_place(&place("g", "/home/solver.py", 52)));
        assert!(!only.has_place(&place("g", "/home/solver.py", 53)));
        let numbers: Vec<u64> = (0..12).filter(|&n| only.has_number(n)).collect();
        assert_eq!(numbers, [3, 7, 8, 9]);
        assert!(Only::parse("f").unwrap().has_number(77));
        assert!(Only::parse("4").unwrap().has_place(&place("any", "a.py", 1)));
        assert_eq!(Only::parse("a.py:x"), None);
        assert_eq!(Only::parse(""), None);
    }
}
