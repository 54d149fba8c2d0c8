//! The parser of the text form that [`text`](crate::text) describes and prints.
//!
//! Called by tests and by golden files. It takes any numbers after `v` and `s` as names, as long as each is defined once, so
//! that lines of a test can be added and removed; the printer numbers anew. It checks the form only: a trace
//! that breaks a rule of the verifier parses, so that the verifier can be tested.
//!
//! ```
//! let trace = traces::parse::parse("v0: Int = int_add 2, 3\nexit @s0\ns0: execute\n", &[]).unwrap();
//! assert_eq!(trace.ops.len(), 2);
//! let error = traces::parse::parse("v0: Int = int_plus 2, 3\n", &[]).unwrap_err();
//! assert_eq!(error.to_string(), "line 1: no op is called `int_plus`");
//! ```

use std::collections::HashMap;

use crate::op::{OpCode, Region, Type};
use crate::trace::{
    Const, FrameState, Helper, List, Op, Resume, Slot, SnapId, Snapshot, Trace, Val, Virtual,
};

/// What is wrong with a text, and where.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ParseError {
    /// Line, counted from 1.
    pub line: usize,
    /// One sentence.
    pub message: String,
}

impl std::fmt::Display for ParseError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {}: {}", self.line, self.message)
    }
}

impl std::error::Error for ParseError {}

/// Reads a trace. Helpers are looked up by name in `helpers`.
pub fn parse(text: &str, helpers: &'static [Helper]) -> Result<Trace, ParseError> {
    let mut parser = Parser {
        trace: Trace::new(helpers),
        values: HashMap::new(),
        snapshots: HashMap::new(),
        described: Vec::new(),
        declared: 0,
    };
    let lines: Vec<(usize, &str)> = text
        .lines()
        .enumerate()
        .map(|(i, line)| (i + 1, line.split(';').next().unwrap_or("").trim()))
        .filter(|(_, line)| !line.is_empty())
        .collect();
    let at = |line: usize| move |message: String| ParseError { line, message };
    // Names first: a snapshot stands after the guards that use it, and the verifier, not the parser, checks that values are
    // defined before their use.
    for &(line, text) in &lines {
        parser.declare(text).map_err(at(line))?;
    }
    for &(line, text) in &lines {
        parser.line(text).map_err(at(line))?;
    }
    for s in &parser.described {
        parser.trace.snapshots.push(s);
    }
    Ok(parser.trace)
}

struct Parser {
    trace: Trace,
    /// Op index of each value name.
    values: HashMap<u32, usize>,
    /// Index of each snapshot name.
    snapshots: HashMap<u32, u32>,
    /// The snapshots so far.
    described: Vec<Snapshot>,
    /// Ops declared so far.
    declared: usize,
}

type Result1<T> = Result<T, String>;

/// What a line begins with.
enum Line<'a> {
    Snapshot { name: u32, rest: &'a str },
    Detail,
    Op { name: Option<(u32, &'a str)>, rest: &'a str },
}

const DETAILS: &[&str] = &["frame", "incref", "keep"];

/// `v12` with `letter` v is 12.
fn numbered(word: &str, letter: char) -> Option<u32> {
    let digits = word.strip_prefix(letter)?;
    (!digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())).then(|| digits.parse().ok())?
}

fn classify(text: &str, in_snapshots: bool) -> Line<'_> {
    if let Some((name, rest)) = text.split_once(':') {
        if let Some(name) = numbered(name.trim(), 's') {
            return Line::Snapshot { name, rest: rest.trim() };
        }
        if let (Some(name), Some((ty, rest))) = (numbered(name.trim(), 'v'), rest.split_once('=')) {
            return Line::Op { name: Some((name, ty.trim())), rest: rest.trim() };
        }
    }
    let word = text.split_whitespace().next().unwrap_or("");
    if in_snapshots && (DETAILS.contains(&word) || numbered(word, 'w').is_some()) {
        return Line::Detail;
    }
    Line::Op { name: None, rest: text }
}

impl Parser {
    fn declare(&mut self, text: &str) -> Result1<()> {
        match classify(text, !self.snapshots.is_empty()) {
            Line::Snapshot { name, .. } => {
                if self.snapshots.insert(name, self.snapshots.len() as u32).is_some() {
                    return Err(format!("s{name} is defined twice"));
                }
            }
            Line::Detail => {}
            Line::Op { name, .. } => {
                if !self.snapshots.is_empty() {
                    return Err(format!(
                        "`{text}` is no part of a snapshot, and ops end where snapshots begin"
                    ));
                }
                if let Some((name, _)) = name
                    && self.values.insert(name, self.declared).is_some()
                {
                    return Err(format!("v{name} is defined twice"));
                }
                self.declared += 1;
            }
        }
        Ok(())
    }

    fn line(&mut self, text: &str) -> Result1<()> {
        match classify(text, !self.described.is_empty()) {
            Line::Snapshot { rest, .. } => self.snapshot(rest),
            Line::Detail => self.detail(text),
            Line::Op { name, rest } => self.op(name, rest),
        }
    }

    fn op(&mut self, name: Option<(u32, &str)>, text: &str) -> Result1<()> {
        let mut c = Cursor { rest: text };
        let word = c.word();
        let code = OpCode::from_name(word).ok_or_else(|| format!("no op is called `{word}`"))?;
        let row = code.row();
        let mut op = Op::new(code, &[]);
        match name {
            Some((_, ty)) => {
                op.ty = Type::from_name(ty).ok_or_else(|| format!("no type is called `{ty}`"))?
            }
            None if row.result == Some(Type::Void) => {}
            None => {
                let ty = row.result.map_or("Type", Type::name);
                return Err(format!("`{word}` has a result: write `vN: {ty} = {word} …`"));
            }
        }
        for i in 0..row.operands.len() {
            if i > 0 && !c.eat(',') {
                return Err(format!("`{word}` takes {} operands, {i} are given", row.operands.len()));
            }
            op.args[i] = self.value(&mut c)?;
        }
        if row.imm {
            op.imm = if code.is_call() {
                let helper = c.word();
                let index = self.trace.helpers.iter().position(|h| h.name == helper);
                index.ok_or_else(|| format!("no helper is called `{helper}`"))? as i32
            } else if row.region {
                c.number()
                    .map_err(|_| format!("`{word}` needs a byte offset such as `+16` after its operands"))?
            } else {
                c.number().map_err(|_| format!("`{word}` needs a number"))?
            };
        }
        if row.region {
            let region = c.word();
            op.region =
                Region::from_name(region).ok_or_else(|| format!("no memory region is called `{region}`"))?;
        }
        if row.list {
            c.expect('(')?;
            let vals = self.values(&mut c, ')')?;
            op.list = if vals.is_empty() { List::default() } else { self.trace.push_list(&vals) };
        }
        if c.eat('@') {
            let snap = c.word();
            let index = numbered(snap, 's').and_then(|name| self.snapshots.get(&name));
            op.snap = SnapId(*index.ok_or_else(|| format!("no snapshot is called `{snap}`"))?);
        }
        c.end()?;
        self.trace.push(op);
        Ok(())
    }

    fn snapshot(&mut self, text: &str) -> Result1<()> {
        let mut c = Cursor { rest: text };
        let resume = match c.word() {
            "execute" => Resume::Execute,
            "raise" => Resume::Raise,
            "dying" => {
                let object = self.value(&mut c)?;
                c.keyword("at")?;
                Resume::Dying { object, lasti: c.number()? }
            }
            other => {
                return Err(format!(
                    "a snapshot begins with `execute`, `raise` or `dying`, not with `{other}`"
                ));
            }
        };
        c.end()?;
        self.described.push(Snapshot {
            resume,
            frames: Vec::new(),
            virtuals: Vec::new(),
            increfs: Vec::new(),
            keep: Vec::new(),
        });
        Ok(())
    }

    fn detail(&mut self, text: &str) -> Result1<()> {
        let mut c = Cursor { rest: text };
        match c.word() {
            "frame" => {
                let frame = self.frame(&mut c)?;
                self.last_snapshot().frames.push(frame);
            }
            "incref" => {
                let vals = self.values(&mut c, '\n')?;
                self.last_snapshot().increfs.extend(vals);
            }
            "keep" => {
                let vals = self.values(&mut c, '\n')?;
                self.last_snapshot().keep.extend(vals);
            }
            name => {
                let next = self.last_snapshot().virtuals.len();
                if numbered(name, 'w') != Some(next as u32) {
                    return Err(format!(
                        "virtual objects are numbered in order: `{name}` should be `w{next}`"
                    ));
                }
                c.expect('=')?;
                let described = match c.word() {
                    "int" => Virtual::Int(self.value(&mut c)?),
                    "float" => Virtual::Float(self.value(&mut c)?),
                    "bool" => Virtual::Bool(self.value(&mut c)?),
                    "tuple" => {
                        c.expect('(')?;
                        Virtual::Tuple(self.slots(&mut c, ')')?.0)
                    }
                    other => {
                        return Err(format!(
                            "a virtual object is an `int`, `float`, `bool` or `tuple`, not `{other}`"
                        ));
                    }
                };
                self.last_snapshot().virtuals.push(described);
            }
        }
        c.end()
    }

    fn last_snapshot(&mut self) -> &mut Snapshot {
        self.described.last_mut().expect("details are classified as such after a snapshot line only")
    }

    fn frame(&mut self, c: &mut Cursor<'_>) -> Result1<FrameState> {
        c.keyword("code")?;
        c.expect('=')?;
        let code = c.address()?;
        c.keyword("fn")?;
        c.expect('=')?;
        let function = self.slot(c)?;
        c.keyword("at")?;
        let instr = c.number()?;
        let found = c.found();
        let frame = match c.word() {
            "in" => self.value(c)?,
            "push" => Val::NONE,
            _ => return Err(format!("expected `in` and the frame, or `push`, found {found}")),
        };
        c.expect('[')?;
        let (slots, locals) = self.slots(c, ']')?;
        Ok(FrameState { code, function, frame, instr, stack_depth: (slots.len() - locals) as u32, slots })
    }

    /// Slots up to `close`, and how many of them stand before the bar.
    fn slots(&mut self, c: &mut Cursor<'_>, close: char) -> Result1<(Vec<Slot>, usize)> {
        let mut slots = Vec::new();
        let mut bar = None;
        let mut first = true;
        loop {
            if c.eat(close) {
                return Ok((slots.clone(), bar.unwrap_or(slots.len())));
            }
            if close == ']' && bar.is_none() && c.eat('|') {
                bar = Some(slots.len());
                first = true;
                continue;
            }
            if !first {
                c.expect(',')?;
            }
            first = false;
            slots.push(self.slot(c)?);
        }
    }

    fn slot(&mut self, c: &mut Cursor<'_>) -> Result1<Slot> {
        let word = c.peek_word();
        let slot = match word {
            "null" => Slot::Null,
            "memory" => Slot::InMemory,
            _ => match numbered(word, 'w') {
                Some(n) => Slot::Virtual(n),
                None => return Ok(Slot::Value(self.value(c)?)),
            },
        };
        c.word();
        Ok(slot)
    }

    /// Values up to `close` (a line end: up to the end of the line, and at least one).
    fn values(&mut self, c: &mut Cursor<'_>, close: char) -> Result1<Vec<Val>> {
        let mut vals = Vec::new();
        if close != '\n' && c.eat(close) {
            return Ok(vals);
        }
        loop {
            vals.push(self.value(c)?);
            if close == '\n' && c.at_end() || close != '\n' && c.eat(close) {
                return Ok(vals);
            }
            c.expect(',')?;
        }
    }

    fn value(&mut self, c: &mut Cursor<'_>) -> Result1<Val> {
        let word = c.peek_word();
        if let Some(name) = numbered(word, 'v') {
            c.word();
            return match self.values.get(&name) {
                Some(&index) => Ok(Val::op(index)),
                None => Err(format!("v{name} is not defined")),
            };
        }
        let constant = match word {
            "true" => Const::Bool(true),
            "false" => Const::Bool(false),
            "inf" => Const::Float(f64::INFINITY.to_bits()),
            "obj" | "ptr" | "float" => {
                c.word();
                c.expect('(')?;
                let bits = c.address()?;
                c.expect(')')?;
                let constant = match word {
                    "obj" => Const::Obj(bits),
                    "ptr" => Const::Ptr(bits),
                    _ => Const::Float(bits as u64),
                };
                return Ok(self.trace.constant(constant));
            }
            "" => {
                let number = c.literal();
                let constant = match number {
                    "" => return Err(format!("expected a value, found {}", c.found())),
                    "-" if c.peek_word() == "inf" => {
                        c.word();
                        Const::Float(f64::NEG_INFINITY.to_bits())
                    }
                    "-" => return Ok(Val::NONE),
                    _ => read_number(number)?,
                };
                return Ok(self.trace.constant(constant));
            }
            other => return Err(format!("`{other}` is no value")),
        };
        c.word();
        Ok(self.trace.constant(constant))
    }
}

fn read_number(text: &str) -> Result1<Const> {
    if text.contains(['.', 'e']) {
        let value: f64 = text.parse().map_err(|_| format!("`{text}` is no float"))?;
        Ok(Const::Float(value.to_bits()))
    } else {
        Ok(Const::Int(text.parse().map_err(|_| format!("`{text}` is no 64-bit integer"))?))
    }
}

/// The rest of a line. Blanks between its parts do not count.
struct Cursor<'a> {
    rest: &'a str,
}

impl<'a> Cursor<'a> {
    fn skip(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn peek_word(&mut self) -> &'a str {
        self.skip();
        let starts = self.rest.starts_with(|ch: char| ch.is_ascii_alphabetic() || ch == '_');
        let inside = |ch: char| ch.is_ascii_alphanumeric() || ch == '_' || ch == '.';
        let end = if starts { self.rest.find(|ch| !inside(ch)).unwrap_or(self.rest.len()) } else { 0 };
        &self.rest[..end]
    }

    /// A name, or nothing.
    fn word(&mut self) -> &'a str {
        let word = self.peek_word();
        self.rest = &self.rest[word.len()..];
        word
    }

    /// The characters of a number, or nothing.
    fn literal(&mut self) -> &'a str {
        self.skip();
        let mut previous = ' ';
        let mut end = 0;
        for ch in self.rest.chars() {
            let sign = (ch == '-' || ch == '+') && (end == 0 || previous == 'e');
            if !sign && !ch.is_ascii_digit() && !(end > 0 && (ch == '.' || ch == 'e')) {
                break;
            }
            previous = ch;
            end += ch.len_utf8();
        }
        let (literal, rest) = self.rest.split_at(end);
        self.rest = rest;
        literal
    }

    fn number<T: std::str::FromStr>(&mut self) -> Result1<T> {
        let found = self.found();
        let literal = self.literal();
        literal.parse().map_err(|_| format!("expected a number in range, found {found}"))
    }

    /// A hexadecimal number with `0x`.
    fn address(&mut self) -> Result1<usize> {
        self.skip();
        let found = self.found();
        let error = || format!("expected a hexadecimal number such as 0x10, found {found}");
        let digits = self.rest.strip_prefix("0x").ok_or_else(error)?;
        let end = digits.find(|ch: char| !ch.is_ascii_hexdigit()).unwrap_or(digits.len());
        self.rest = &digits[end..];
        usize::from_str_radix(&digits[..end], 16).map_err(|_| error())
    }

    fn eat(&mut self, ch: char) -> bool {
        self.skip();
        match self.rest.strip_prefix(ch) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn expect(&mut self, ch: char) -> Result1<()> {
        if self.eat(ch) { Ok(()) } else { Err(format!("expected `{ch}`, found {}", self.found())) }
    }

    fn keyword(&mut self, word: &str) -> Result1<()> {
        let found = self.found();
        if self.word() == word { Ok(()) } else { Err(format!("expected `{word}`, found {found}")) }
    }

    fn at_end(&mut self) -> bool {
        self.skip();
        self.rest.is_empty()
    }

    fn end(&mut self) -> Result1<()> {
        if self.at_end() {
            Ok(())
        } else {
            Err(format!("expected the end of the line, found {}", self.found()))
        }
    }

    fn found(&mut self) -> String {
        if self.at_end() { "the end of the line".into() } else { format!("`{}`", self.rest) }
    }
}
