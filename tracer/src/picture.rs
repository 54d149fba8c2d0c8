//! Pictures: all that the frames of a run hold, in a form that can be compared between two processes that were one until a moment ago.
//!
//! `driver::forced` takes one behind a side exit and one of the interpreter at the same instruction. Objects are numbered in the order in
//! which they are met, so that equal pictures share in the same way; each is given with its address, its type, its count, its
//! content a few levels deep, and the counts of what it directly holds. Nothing here runs Python or changes a count.
//!
//! ```text
//! frame 1 of 2, slot 3: a 'list' at 0x7f…, count 2      the exit: count 3
//! ```

use crate::layout;
use capi::sys::{self, PyObject};
use fxhash::{FxHashMap, FxHashSet, FxHasher};
use std::ffi::{CStr, c_void};
use std::hash::Hasher;

/// A slot that is null.
const NULL: u64 = u64::MAX;
/// Most values that an instruction pushes (LOAD_METHOD).
const RESULTS: usize = 2;
/// How deep contents are looked at.
const DEPTH: u32 = 3;
/// Most items of a container that are looked at.
const ITEMS: usize = 16;

/// An object that frames hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Seen {
    address: u64,
    ty: u64,
    count: i64,
    /// Hash of its content.
    content: u64,
    /// Hash of the counts of what it holds.
    held: u64,
}

/// A frame: instruction, function and slots, the last two as numbers of objects.
#[derive(Clone, PartialEq, Eq, Debug)]
struct FramePicture {
    code: u64,
    /// Index of the instruction that comes next; of callers, of the one before that.
    instr: u64,
    function: u64,
    locals: u64,
    slots: Vec<u64>,
}

/// The frames of a run, outermost first.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Picture {
    frames: Vec<FramePicture>,
    objects: Vec<Seen>,
    /// References that objects hold which only the innermost frame's stack (or a cell of its locals) keeps alive: address of what is held.
    temporary: Vec<u64>,
    /// Objects that the garbage collector knows: how many, and the sum of their counts.
    tracked: [u64; 2],
}

/// Where a run stands.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// The frame that the trace was entered with.
    pub outermost: *mut sys::_PyInterpreterFrame,
    /// The current frame.
    pub innermost: *mut sys::_PyInterpreterFrame,
    /// How many slots of the innermost frame are in use.
    pub slots: usize,
    /// The innermost frame's next instruction.
    pub next: *mut u16,
}

/// Hash of an object's content.
///
/// # Safety
/// `o` is a live object or null; the GIL is held.
unsafe fn content(o: *mut PyObject, depth: u32, hash: &mut FxHasher) {
    // SAFETY: layouts are used after the type was asked; what a live container holds is alive.
    unsafe {
        if o.is_null() {
            return hash.write_u8(0);
        }
        let ty = (*o).ob_type;
        hash.write_usize(ty as usize);
        let each = |items: *const *mut PyObject, n: usize, hash: &mut FxHasher| {
            hash.write_usize(n);
            for i in 0..n.min(if depth > 0 { ITEMS } else { 0 }) {
                content(*items.add(i), depth - 1, hash);
            }
        };
        if ty == &raw mut sys::PyLong_Type || ty == &raw mut sys::PyBool_Type {
            let int = o.cast::<sys::PyLongObject>();
            let size = (*int).ob_base.ob_size;
            hash.write_i64(size as i64);
            let digits = (&raw const (*int).ob_digit).cast::<u32>();
            (0..size.unsigned_abs()).for_each(|i| hash.write_u32(*digits.add(i)));
        } else if ty == &raw mut sys::PyFloat_Type {
            hash.write_u64((*o.cast::<sys::PyFloatObject>()).ob_fval.to_bits());
        } else if ty == &raw mut sys::PyUnicode_Type {
            hash.write_i64((*o.cast::<sys::PyASCIIObject>()).length as i64);
            hash.write_u64(capi::dict::str_hash(o) as u64);
        } else if ty == &raw mut sys::PyBytes_Type {
            let size = (*o.cast::<sys::PyVarObject>()).ob_size as usize;
            let bytes = (&raw const (*o.cast::<sys::PyBytesObject>()).ob_sval).cast::<u8>();
            hash.write(std::slice::from_raw_parts(bytes, size));
        } else if ty == &raw mut sys::PyTuple_Type {
            let items = (&raw const (*o.cast::<sys::PyTupleObject>()).ob_item).cast();
            each(items, capi::tuple::len(o), hash);
        } else if ty == &raw mut sys::PyList_Type {
            each((*o.cast::<sys::PyListObject>()).ob_item, capi::list::len(o), hash);
        } else if ty == &raw mut sys::PyMethod_Type {
            let method = o.cast::<sys::PyMethodObject>();
            hash.write_usize((*method).im_func as usize);
            hash.write_usize((*method).im_self as usize);
        } else if ty == &raw mut sys::PyCFunction_Type {
            let function = o.cast::<sys::PyCFunctionObject>();
            hash.write_usize((*function).m_ml as usize);
            hash.write_usize((*function).m_self as usize);
        } else if ty == &raw mut sys::PyCell_Type {
            each(&raw const (*o.cast::<sys::PyCellObject>()).ob_ref, 1, hash);
        } else if ty == &raw mut sys::PyDict_Type {
            hash.write_i64((*o.cast::<sys::PyDictObject>()).ma_used as i64);
            if depth > 0 {
                let (mut at, mut key, mut value) = (0, std::ptr::null_mut(), std::ptr::null_mut());
                let mut left = ITEMS;
                while left > 0 && sys::PyDict_Next(o, &mut at, &mut key, &mut value) != 0 {
                    content(key, depth - 1, hash);
                    content(value, depth - 1, hash);
                    left -= 1;
                }
            }
        } else if ty == &raw mut sys::PyRangeIter_Type {
            let it = o.cast::<capi::objects::RangeIter>();
            [(*it).index, (*it).start, (*it).step, (*it).len].into_iter().for_each(|n| hash.write_i64(n));
        } else if ty == &raw mut sys::PyListIter_Type {
            let it = o.cast::<capi::objects::ListIter>();
            hash.write_i64((*it).it_index as i64);
            each(&raw const (*it).it_seq, 1, hash);
        } else if ty == &raw mut sys::PyTupleIter_Type {
            let it = o.cast::<capi::objects::TupleIter>();
            hash.write_i64((*it).it_index as i64);
            each(&raw const (*it).it_seq, 1, hash);
        } else if ty == &raw mut sys::PyEnum_Type {
            let it = o.cast::<capi::objects::Enumerate>();
            hash.write_i64((*it).en_index as i64);
            each(&raw const (*it).en_sit, 1, hash);
        } else if capi::instance::has_managed_dict(ty) {
            let values = capi::instance::values_of(o);
            if values.is_null() {
                let dict = *capi::instance::dict_pointer(o);
                each(&raw const dict, 1, hash);
            } else {
                let keys = capi::instance::shared_keys(ty);
                let n = (*keys.cast::<sys::PyDictKeysObject>()).dk_nentries as usize;
                each(values.cast::<*mut PyObject>(), n, hash);
            }
        }
    }
}

/// Hash of the counts of what a list, tuple or cell directly holds.
///
/// # Safety
/// `o` is a live object; the GIL is held.
unsafe fn held(o: *mut PyObject) -> u64 {
    let mut hash = FxHasher::default();
    // SAFETY: as for `content`.
    unsafe {
        let ty = (*o).ob_type;
        let (items, n): (*const *mut PyObject, usize) = if ty == &raw mut sys::PyTuple_Type {
            ((&raw const (*o.cast::<sys::PyTupleObject>()).ob_item).cast(), capi::tuple::len(o))
        } else if ty == &raw mut sys::PyList_Type {
            ((*o.cast::<sys::PyListObject>()).ob_item.cast_const(), capi::list::len(o))
        } else if ty == &raw mut sys::PyCell_Type {
            (&raw const (*o.cast::<sys::PyCellObject>()).ob_ref, 1)
        } else if ty == &raw mut sys::PyMethodDescr_Type {
            // The method itself, by which it is known when it is bound.
            return (*o.cast::<sys::PyMethodDescrObject>()).d_method as u64;
        } else {
            return 0;
        };
        for i in 0..n.min(ITEMS) {
            let item = *items.add(i);
            hash.write_i64(if item.is_null() { -1 } else { (*item).ob_refcnt as i64 });
        }
    }
    hash.finish()
}

/// Visits all objects that the garbage collector of this thread's interpreter knows.
///
/// # Safety
/// The GIL is held; `visit` changes nothing.
pub unsafe fn each_tracked(mut visit: impl FnMut(*mut PyObject)) {
    // SAFETY: the lists are rings through their heads, of live objects behind their GC heads.
    unsafe {
        let gc = &raw const (*(*sys::PyThreadState_Get()).interp).gc;
        let permanent = &raw const (*gc).permanent_generation.head;
        for head in (0..3).map(|i| &raw const (*gc).generations[i].head).chain([permanent]) {
            let mut at = (*head)._gc_next as *const sys::PyGC_Head;
            while !at.is_null() && at != head {
                visit(at.add(1).cast::<PyObject>().cast_mut());
                at = (*at)._gc_next as *const sys::PyGC_Head;
            }
        }
    }
}

/// How many objects the garbage collector knows, and the sum of their counts.
///
/// # Safety
/// The GIL is held.
unsafe fn tracked() -> [u64; 2] {
    let (mut objects, mut sum) = (0u64, 0u64);
    // SAFETY: by contract; the objects are alive.
    unsafe {
        each_tracked(|o| {
            objects += 1;
            sum = sum.wrapping_add((*o).ob_refcnt as u64);
        });
    }
    [objects, sum]
}

/// Whether it is None, whose count tells nothing: each empty entry of CPython's cache of looked-up names has a reference.
fn is_none(o: &Seen) -> bool {
    o.address == (&raw const sys::_Py_NoneStruct) as u64
}

/// The addresses of the objects that there are before two processes part.
#[derive(Debug, Default)]
pub struct Before(FxHashSet<u64>);

impl Before {
    /// Those that the garbage collector knows.
    ///
    /// # Safety
    /// The GIL is held.
    pub unsafe fn now() -> Before {
        let mut all = FxHashSet::default();
        // SAFETY: by contract.
        unsafe { each_tracked(|o| _ = all.insert(o as u64)) };
        Before(all)
    }

    /// Whether two objects of two processes are one, as far as can be told: what was there before is at its address; what was made since,
    /// numbers and strings may be elsewhere.
    fn same_object(&self, a: &Seen, b: &Seen) -> bool {
        // SAFETY: both types are alive in this process.
        let tracked = unsafe { (*(b.ty as *const sys::PyTypeObject)).tp_flags }
            & u64::from(sys::Py_TPFLAGS_HAVE_GC)
            != 0;
        let made_since = || !self.0.contains(&a.address) && !self.0.contains(&b.address);
        a.ty == b.ty && a.content == b.content && (!tracked || a.address == b.address || made_since())
    }
}

/// Notes what an object holds.
///
/// # Safety
/// `o` is a live object; the GIL is held.
unsafe fn references(o: *mut PyObject, found: &mut Vec<u64>) {
    unsafe extern "C" fn visit(held: *mut PyObject, found: *mut c_void) -> i32 {
        // SAFETY: the vector that the traversal was given.
        unsafe { (*found.cast::<Vec<u64>>()).push(held as u64) };
        0
    }
    // SAFETY: a type's traversal visits what the object holds, and does nothing else.
    unsafe {
        let ty = (*o).ob_type;
        if ty == &raw mut sys::PyRange_Type {
            // The collector does not know ranges: start, stop, step, length.
            let fields = o.add(1).cast::<*mut PyObject>();
            found.extend((0..4).map(|i| *fields.add(i) as u64));
        } else if let Some(traverse) = (*ty).tp_traverse
            && (*ty).tp_flags & u64::from(sys::Py_TPFLAGS_HAVE_GC) != 0
        {
            traverse(o, Some(visit), (&raw mut *found).cast());
        }
    }
}

impl Picture {
    /// A picture of a run's frames.
    ///
    /// # Safety
    /// The frames are live, the innermost one's callers up to the outermost have saved their stacks; the GIL is held.
    pub unsafe fn take(at: &Place) -> Picture {
        let mut objects: Vec<Seen> = Vec::new();
        let mut numbers: FxHashMap<usize, u64> = Default::default();
        let mut number = |o: *mut PyObject| {
            if o.is_null() {
                return NULL;
            }
            *numbers.entry(o as usize).or_insert_with(|| {
                let mut hash = FxHasher::default();
                // SAFETY: frames hold live objects.
                unsafe {
                    content(o, DEPTH, &mut hash);
                    objects.push(Seen {
                        address: o as u64,
                        ty: (*o).ob_type as u64,
                        count: (*o).ob_refcnt as i64,
                        content: hash.finish(),
                        held: held(o),
                    });
                }
                objects.len() as u64 - 1
            })
        };
        let mut chain = vec![at.innermost];
        while *chain.last().expect("not empty") != at.outermost {
            // SAFETY: the outermost frame is one of the callers.
            chain.push(unsafe { (**chain.last().expect("not empty")).previous });
        }
        let mut frames = Vec::with_capacity(chain.len());
        for &frame in chain.iter().rev() {
            // SAFETY: a live frame; its slots in use hold objects or null.
            unsafe {
                let code = (*frame).f_code;
                let inner = frame == at.innermost;
                let n = if inner { at.slots } else { (*frame).stacktop as usize };
                let slots = capi::frame::locals(frame);
                let prev = if inner { at.next.sub(1) } else { (*frame).prev_instr };
                frames.push(FramePicture {
                    code: code as u64,
                    instr: layout::instruction_index(code, prev).into(),
                    function: number((*frame).f_func.cast()),
                    locals: (*code).co_nlocalsplus as u64,
                    slots: (0..n).map(|k| number(*slots.add(k))).collect(),
                });
            }
        }
        let last = frames.last().expect("not empty");
        let mut temporary = Vec::new();
        let cell = (&raw const sys::PyCell_Type) as u64;
        for (k, &slot) in last.slots.iter().enumerate() {
            let on_stack = k >= last.locals as usize;
            let o = objects.get(usize::try_from(slot).unwrap_or(usize::MAX));
            if let Some(o) = o.filter(|o| o.count == 1 && (on_stack || o.ty == cell)) {
                // SAFETY: the frame's stack holds it.
                unsafe { references(o.address as *mut PyObject, &mut temporary) };
            }
        }
        // SAFETY: the GIL is held.
        Picture { frames, objects, temporary, tracked: unsafe { tracked() } }
    }

    /// The code and next instruction of the innermost frame.
    pub fn place(&self) -> (u64, u64) {
        let last = self.frames.last().expect("a run has a frame");
        (last.code, last.instr)
    }

    /// For a pipe.
    pub fn words(&self) -> Vec<u64> {
        let mut w = vec![self.frames.len() as u64];
        for f in &self.frames {
            w.extend([f.code, f.instr, f.function, f.locals, f.slots.len() as u64]);
            w.extend(&f.slots);
        }
        w.push(self.objects.len() as u64);
        self.objects.iter().for_each(|o| w.extend([o.address, o.ty, o.count as u64, o.content, o.held]));
        w.push(self.temporary.len() as u64);
        w.extend(&self.temporary);
        w.extend(self.tracked);
        w
    }

    /// From a pipe; `None` where it was cut off.
    pub fn of_words(words: &mut impl Iterator<Item = u64>) -> Option<Picture> {
        let mut frames = Vec::new();
        for _ in 0..words.next()? {
            let (code, instr, function, locals, n) =
                (words.next()?, words.next()?, words.next()?, words.next()?, words.next()?);
            let slots = (0..n).map(|_| words.next()).collect::<Option<_>>()?;
            frames.push(FramePicture { code, instr, function, locals, slots });
        }
        let mut objects = Vec::new();
        for _ in 0..words.next()? {
            objects.push(Seen {
                address: words.next()?,
                ty: words.next()?,
                count: words.next()? as i64,
                content: words.next()?,
                held: words.next()?,
            });
        }
        let n = words.next()?;
        let temporary = (0..n).map(|_| words.next()).collect::<Option<_>>()?;
        Some(Picture { frames, objects, temporary, tracked: [words.next()?, words.next()?] })
    }

    fn object(&self, number: u64) -> Option<&Seen> {
        self.objects.get(usize::try_from(number).ok()?)
    }

    /// How an object is told of in a report; types are alive in this process, too.
    fn tell(&self, number: u64) -> String {
        match self.object(number) {
            None => "null".into(),
            Some(o) => {
                // SAFETY: a type that is alive here as in the other process; its name is a C string.
                let name = unsafe { CStr::from_ptr((*(o.ty as *const sys::PyTypeObject)).tp_name) };
                format!(
                    "{} {:#x} ({}, count {}, content {:x}, held {:x})",
                    name.to_string_lossy(),
                    o.address,
                    number,
                    o.count,
                    o.content as u32,
                    o.held as u32
                )
            }
        }
    }

    /// Whether the frames are those of `other`, slots aside.
    fn same_chain(&self, other: &Picture, innermost: bool) -> bool {
        let n = self.frames.len();
        let same = |(i, (a, b)): (usize, (&FramePicture, &FramePicture))| {
            a.code == b.code && (a.instr == b.instr || (!innermost && i + 1 == n))
        };
        n == other.frames.len() && self.frames.iter().zip(&other.frames).enumerate().all(same)
    }

    /// Whether its frames are those of `other`, at the same instructions; with or without the innermost one's.
    pub fn is_at(&self, other: &Picture, innermost: bool) -> bool {
        self.same_chain(other, innermost)
    }

    /// Whether its frames are those of `other`, the innermost ones at whatever instructions, with as many slots.
    pub fn has_slots_of(&self, other: &Picture) -> bool {
        let slots = |picture: &Picture| picture.frames.last().map(|f| f.slots.len());
        self.same_chain(other, false) && slots(self) == slots(other)
    }

    /// Whether the object on the top of the innermost frame's stack is in no frame of `other`.
    pub fn top_is_gone(&self, other: &Picture) -> bool {
        let top = self.frames.last().and_then(|f| self.object(*f.slots.last()?));
        top.is_some_and(|top| other.objects.iter().all(|o| o.address != top.address))
    }

    /// What is different from the interpreter's frames, which stand at the same instruction: nothing may be, but for
    ///
    /// - the answer that a failed branch asked for: the exit has the other one in its slots, since with this the guard would have held;
    /// - a method that was looked up for a call: the interpreter may keep function and instance apart.
    pub fn differences(&self, interpreter: &Picture, branch: bool, before: &Before) -> Vec<String> {
        let mut found = Vec::new();
        let mut tracked = self.tracked;
        let branch = branch && self.answers_otherwise(interpreter);
        let (mut theirs, mut ours): (FxHashMap<u64, u64>, FxHashMap<u64, u64>) = Default::default();
        for (depth, (a, b)) in self.frames.iter().zip(&interpreter.frames).enumerate() {
            if a.slots.len() != b.slots.len() {
                let (a, b) = (a.slots.len(), b.slots.len());
                found.push(format!("frame {depth}: {a} slots, the interpreter's has {b}"));
            }
            let all = |f: &FramePicture| [&[f.function], &f.slots[..]].concat();
            let (a, b) = (all(a), all(b));
            let mut k = 0;
            while k < a.len().min(b.len()) {
                let (x, y) = (a[k], b[k]);
                let next = (k + 1 < a.len().min(b.len())).then(|| (a[k + 1], b[k + 1]));
                if let Some((method, instance)) = next
                    && x == NULL
                    && self.is_method(method, interpreter, y, instance)
                {
                    // The object that binds them is one more; one of C's does not hold its descriptor.
                    tracked[0] -= 1;
                    tracked[1] -= u64::from(self.object(method).is_some_and(|m| m.ty == method_type()));
                    k += 2;
                    continue;
                }
                let same = match (self.object(x), interpreter.object(y)) {
                    (None, None) => true,
                    (Some(p), Some(q)) if branch && are_answers(p, q) => true,
                    (Some(p), Some(q)) => {
                        let shared = *theirs.entry(x).or_insert(y) == y && *ours.entry(y).or_insert(x) == x;
                        // Where True and False were exchanged, so were their counts in what holds them.
                        shared
                            && before.same_object(p, q)
                            && (p.count == q.count || is_none(p))
                            && (p.held == q.held || branch)
                    }
                    _ => false,
                };
                if !same {
                    let place = if k == 0 { "function".into() } else { format!("slot {}", k - 1) };
                    let (x, y) = (self.tell(x), interpreter.tell(y));
                    found.push(format!("frame {depth}, {place}: {x}, the interpreter's is {y}"));
                }
                k += 1;
            }
        }
        if tracked != interpreter.tracked {
            let [a, b] = [tracked, interpreter.tracked];
            found
                .push(format!("tracked objects and the sum of their counts: {a:?}, the interpreter's {b:?}"));
        }
        found
    }

    /// Whether a slot is True where the interpreter has False, or the other way round.
    fn answers_otherwise(&self, interpreter: &Picture) -> bool {
        let pairs =
            self.frames.iter().zip(&interpreter.frames).flat_map(|(a, b)| a.slots.iter().zip(&b.slots));
        let mut objects = pairs.filter_map(|(&x, &y)| self.object(x).zip(interpreter.object(y)));
        objects.any(|(a, b)| are_answers(a, b) && a.address != b.address)
    }

    /// Whether an object is the method that binds these two of the interpreter's.
    fn is_method(&self, method: u64, interpreter: &Picture, function: u64, instance: u64) -> bool {
        let parts = (interpreter.object(function), interpreter.object(instance));
        let (Some(method), (Some(function), Some(instance))) = (self.object(method), parts) else {
            return false;
        };
        let of_c = method.ty == (&raw const sys::PyCFunction_Type) as u64;
        let mut hash = FxHasher::default();
        hash.write_u64(method.ty);
        hash.write_u64(if of_c { function.held } else { function.address });
        hash.write_u64(instance.address);
        (of_c || method.ty == method_type()) && method.count == 1 && method.content == hash.finish()
    }

    /// What is different from the interpreter's frames after the instruction in whose midst the exit leaves. Locals and the frames of
    /// callers have to be the same, and the stack below what the instruction works on. What else holds an object that both know (its
    /// count without the references of slots) has to be so too; of the results on the top of the interpreter's stack, and what they hold,
    /// nothing is said.
    pub fn differences_within(&self, interpreter: &Picture, before: &Before) -> Vec<String> {
        if !self.same_chain(interpreter, false) {
            return vec!["other frames than the interpreter's".into()];
        }
        let mut found = Vec::new();
        let top = interpreter.frames.last().map_or(&[][..], |f| &f.slots);
        let results = top.iter().rev().take(RESULTS).filter_map(|&slot| interpreter.object(slot));
        let results: Vec<u64> =
            results.map(|o| o.address).chain(interpreter.temporary.iter().copied()).collect();
        let (ours, theirs) = (self.outside(), interpreter.outside());
        let n = self.frames.len();
        for (depth, (a, b)) in self.frames.iter().zip(&interpreter.frames).enumerate() {
            let compared = if depth + 1 < n {
                a.slots.len().max(b.slots.len())
            } else {
                a.slots.len().min(b.slots.len().saturating_sub(RESULTS)).max(a.locals as usize)
            };
            let pair = |k: usize| {
                let (x, y) = (a.slots.get(k).copied(), b.slots.get(k).copied());
                (x.unwrap_or(NULL), y.unwrap_or(NULL))
            };
            let mut next = 0;
            while next < compared {
                let k = next;
                next += 1;
                let (x, y) = pair(k);
                if let (method, instance) = pair(k + 1)
                    && x == NULL
                    && self.is_method(method, interpreter, y, instance)
                {
                    next += 1;
                    continue;
                }
                let same = match (self.object(x), interpreter.object(y)) {
                    (None, None) => true,
                    // The instruction makes a cell of the local.
                    (_, Some(q))
                        if depth + 1 == n && q.ty == (&raw const sys::PyCell_Type) as u64 && q.count == 1 =>
                    {
                        true
                    }
                    (Some(p), Some(q)) => before.same_object(p, q),
                    _ => false,
                };
                if !same {
                    let (x, y) = (self.tell(x), interpreter.tell(y));
                    found.push(format!("frame {depth}, slot {k}: {x}, the interpreter's is {y}"));
                }
            }
        }
        for (i, o) in self.objects.iter().enumerate() {
            let Some(j) =
                interpreter.objects.iter().position(|p| p.address == o.address && before.same_object(o, p))
            else {
                continue;
            };
            // Of numbers that are equal it is not known which is which.
            let alike =
                |of: &Picture| of.objects.iter().filter(|p| p.ty == o.ty && p.content == o.content).count();
            let ambiguous = alike(self) > 1 || alike(interpreter) > 1;
            if ours[i] != theirs[j] && !is_none(o) && !results.contains(&o.address) && !ambiguous {
                let what = self.tell(i as u64);
                found.push(format!(
                    "{what}: {} references from elsewhere, the interpreter's {}",
                    ours[i], theirs[j]
                ));
            }
        }
        found
    }

    /// For each object its count without the references of these frames and of what only they keep.
    fn outside(&self) -> Vec<i64> {
        let held = |o: &Seen| self.temporary.iter().filter(|&&address| address == o.address).count() as i64;
        let mut counts: Vec<i64> = self.objects.iter().map(|o| o.count - held(o)).collect();
        for f in &self.frames {
            for &slot in f.slots.iter().chain([&f.function]) {
                if let Some(count) = counts.get_mut(usize::try_from(slot).unwrap_or(usize::MAX)) {
                    *count -= 1;
                }
            }
        }
        counts
    }
}

/// Whether both are True or False. Their counts say nothing then: one has been exchanged for the other.
fn are_answers(a: &Seen, b: &Seen) -> bool {
    let bool_type = (&raw const sys::PyBool_Type) as u64;
    a.ty == bool_type && b.ty == bool_type
}

fn method_type() -> u64 {
    (&raw const sys::PyMethod_Type) as u64
}
