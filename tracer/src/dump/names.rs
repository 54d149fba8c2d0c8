//! Names for the addresses in a trace: what a person would call the object, type or code object behind them.
//!
//! Called by the dump while a trace is installed: its constants are alive and the GIL is held. It must never run Python code, raise, or
//! change an object: it looks at exact builtin types only and reads their fields. What it can't name it numbers
//! (`<list #1>`), so that two runs of a program give the same text.
//!
//! ```text
//! obj(0x7f…)  ->  'word', 12, <function f>, <class C>, <dict #2>
//! ptr(0x7f…)  ->  <class float>, f@12 (the instruction of f at that index)
//! ```

use std::cell::RefCell;
use std::ffi::{CStr, c_char};

use capi::sys::{self, PyCodeObject, PyObject, PyTypeObject};
use traces::{Const, OpCode, Region, Trace, text};

use crate::layout;

/// Characters of a string that are shown.
const MAX_TEXT: isize = 60;
/// Items of a tuple that are shown.
const MAX_ITEMS: usize = 6;

/// Where a code object's text comes from.
pub struct Place {
    /// Qualified name of the function.
    pub function: String,
    /// File as the code object names it.
    pub file: String,
    /// Line of the instruction; 0 when it has none.
    pub line: i32,
}

/// The place of an instruction (index in code units).
pub fn place(code: *mut PyCodeObject, instruction: u32) -> Place {
    // SAFETY: the dump is told of live code objects, with the GIL held; looking up a line runs nothing.
    unsafe {
        Place {
            function: characters((*code).co_qualname, isize::MAX),
            file: characters((*code).co_filename, isize::MAX),
            line: sys::PyCode_Addr2Line(code, 2 * instruction.cast_signed()).max(0),
        }
    }
}

/// The first characters of a `str`, or nothing of anything else. Lone surrogates become U+FFFD.
fn characters(o: *mut PyObject, max: isize) -> String {
    // SAFETY: a live object; exact strings that code objects and traces hold are in their final form, so that reading can't fail.
    unsafe {
        if !is_exact(o, &raw const sys::PyUnicode_Type) {
            return String::new();
        }
        let len = sys::PyUnicode_GetLength(o);
        let shown = (0..len.min(max))
            .map(|i| char::from_u32(sys::PyUnicode_ReadChar(o, i)).unwrap_or(char::REPLACEMENT_CHARACTER));
        shown.chain((len > max).then_some('…')).collect()
    }
}

fn is_exact(o: *mut PyObject, ty: *const PyTypeObject) -> bool {
    layout::type_of(o as usize) == ty as usize
}

/// A C string of CPython's tables.
///
/// # Safety
/// It is null, or NUL-terminated and alive.
unsafe fn c_text(name: *const c_char) -> String {
    if name.is_null() {
        return "?".into();
    }
    // SAFETY: the contract of this function.
    unsafe { CStr::from_ptr(name) }.to_string_lossy().into_owned()
}

fn type_name(ty: usize) -> String {
    // SAFETY: a live type; its name lives as long.
    unsafe { c_text((*(ty as *const PyTypeObject)).tp_name) }
}

/// Names for the addresses of one trace.
#[derive(Default)]
pub struct Names {
    codes: Vec<*mut PyCodeObject>,
    types: Vec<usize>,
    /// Flags that say whether a trace was invalidated.
    flags: Vec<usize>,
    /// Objects without a name of their own, numbered by appearance.
    numbered: RefCell<Vec<(usize, String)>>,
}

impl Names {
    /// Finds out what the addresses in these traces are.
    pub fn new(traces: &[&Trace]) -> Names {
        let mut names = Names::default();
        for trace in traces {
            for frame in trace.snapshots.iter().flat_map(|s| s.frames) {
                let code = frame.code as *mut PyCodeObject;
                if !names.codes.contains(&code) {
                    names.codes.push(code);
                }
            }
            for op in &trace.ops {
                let (value, constant) = match op.code {
                    OpCode::GuardType => (op.args[1], true),
                    _ => (op.args[0], op.region == Region::TypeVersion),
                };
                if op.region == Region::Validity
                    && let Some(Const::Ptr(flag)) = trace.const_of(op.args[0])
                {
                    names.flags.push(flag);
                }
                if constant && let Some(Const::Ptr(ty)) = trace.const_of(value) {
                    names.types.push(ty);
                }
            }
        }
        names
    }

    /// The code objects of all frames, in order of appearance.
    pub fn codes(&self) -> &[*mut PyCodeObject] {
        &self.codes
    }

    /// A short text for an object: as the program would write it where it is a plain value.
    pub fn object(&self, o: *mut PyObject) -> String {
        self.nested(o, 0)
    }

    fn nested(&self, o: *mut PyObject, depth: usize) -> String {
        let singletons = [
            (&raw const sys::_Py_NoneStruct as usize, "None"),
            (&raw const sys::_Py_TrueStruct as usize, "True"),
            (&raw const sys::_Py_FalseStruct as usize, "False"),
            (&raw const sys::_Py_NotImplementedStruct as usize, "NotImplemented"),
            (&raw const sys::_Py_EllipsisObject as usize, "Ellipsis"),
            // What an iterator's helper answers at its end: a mark, no object.
            (interpreter::helpers::exhausted() as usize, "<exhausted>"),
            (0, "NULL"),
        ];
        if let Some((_, name)) = singletons.iter().find(|(address, _)| *address == o as usize) {
            return (*name).into();
        }
        // SAFETY: a live object, which is only read, each kind after its exact type was looked at. No tuple is in the making:
        // constants are complete, and a null item is shown as such.
        unsafe {
            let ty = layout::type_of(o as usize);
            if ty == &raw const sys::PyLong_Type as usize {
                if let Some(value) = capi::long::as_i64(o) {
                    return value.to_string();
                }
            } else if ty == &raw const sys::PyFloat_Type as usize {
                return format!("{:?}", (*o.cast::<sys::PyFloatObject>()).ob_fval);
            } else if ty == &raw const sys::PyUnicode_Type as usize {
                return format!("{:?}", characters(o, MAX_TEXT));
            } else if ty == &raw const sys::PyTuple_Type as usize && depth < 2 {
                let len = capi::tuple::len(o);
                let mut items: Vec<String> = (0..len.min(MAX_ITEMS))
                    .map(|i| {
                        let first = (o as usize + layout::TUPLE_ITEMS) as *const *mut PyObject;
                        self.nested(*first.add(i), depth + 1)
                    })
                    .collect();
                match len {
                    1 => items.push(String::new()),
                    _ if len > MAX_ITEMS => items.push("…".into()),
                    _ => {}
                }
                return format!("({})", items.join(", ").trim_end());
            } else if ty == &raw const sys::PyFunction_Type as usize {
                return format!(
                    "<function {}>",
                    characters((*o.cast::<sys::PyFunctionObject>()).func_qualname, MAX_TEXT)
                );
            } else if ty == &raw const sys::PyCFunction_Type as usize {
                return format!(
                    "<builtin {}>",
                    c_text((*(*o.cast::<sys::PyCFunctionObject>()).m_ml).ml_name)
                );
            } else if ty == &raw const sys::PyMethodDescr_Type as usize {
                let method = o.cast::<sys::PyMethodDescrObject>();
                let class = type_name((*method).d_common.d_type as usize);
                return format!("<method {class}.{}>", c_text((*(*method).d_method).ml_name));
            } else if ty == &raw const sys::PyCode_Type as usize {
                return format!("<code {}>", place(o.cast(), 0).function);
            } else if (*(ty as *const PyTypeObject)).tp_flags & sys::Py_TPFLAGS_TYPE_SUBCLASS as u64 != 0 {
                return format!("<class {}>", type_name(o as usize));
            }
            self.numbered_name(o as usize, &type_name(ty))
        }
    }

    fn numbered_name(&self, address: usize, kind: &str) -> String {
        let mut numbered = self.numbered.borrow_mut();
        if let Some((_, name)) = numbered.iter().find(|(a, _)| *a == address) {
            return name.clone();
        }
        let start = format!("<{kind} #");
        let number = numbered.iter().filter(|(_, name)| name.starts_with(&start)).count() + 1;
        let name = format!("{start}{number}>");
        numbered.push((address, name.clone()));
        name
    }

    fn pointer(&self, address: usize) -> String {
        if self.types.contains(&address) {
            return format!("<class {}>", type_name(address));
        }
        if self.flags.contains(&address) {
            return "<invalidated?>".into();
        }
        for &code in &self.codes {
            // SAFETY: a live code object.
            let units = unsafe { (*code).ob_base.ob_size } as usize;
            let first = code as usize + layout::FIRST_UNIT;
            let function = || place(code, 0).function;
            if address == code as usize {
                return format!("<code {}>", function());
            }
            if (first..first + 2 * units).contains(&address) {
                return format!("{}@{}", function(), (address - first) / 2);
            }
        }
        if address == 0 { "NULL".into() } else { self.numbered_name(address, "address") }
    }
}

impl text::Names for Names {
    fn constant(&self, constant: Const) -> Option<String> {
        match constant {
            Const::Obj(address) => Some(self.object(address as *mut PyObject)),
            Const::Ptr(address) => Some(self.pointer(address)),
            _ => None,
        }
    }

    fn code(&self, code: usize) -> Option<String> {
        Some(place(code as *mut PyCodeObject, 0).function)
    }
}
