//! The recording machine: executes opcodes through `Direct` and writes down what it does.
//!
//! Its values are pairs: the concrete value, and the value's name in the recording. A fact that is asked becomes a guard
//! on the answer; a licence is refused unless it costs nothing. The interpreter's real frame is worked on all the
//! time, so a recording can be given up at any instruction boundary without undoing anything.
//!
//! Driven by `record`, one instruction at a time: `begin`, the opcode's function, `end`. It never decides what is worth keeping: that is the
//! optimizer's job.

use crate::abort::Abort;
use crate::layout;
use capi::sys::{self, PyCodeObject, PyObject};
use interpreter::direct::Direct;
use interpreter::machine::Machine;
use std::cell::Cell;
use std::sync::atomic::AtomicI64;
use traces::{Const, Op, OpCode, Region, Resume, Slot, SnapId, Trace, Type, Val};

mod machine;

/// A recorded object: the real one, and its name.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RObj {
    /// The object, possibly null.
    pub ptr: *mut PyObject,
    /// Its name.
    pub val: Val,
}

/// A recorded machine value.
#[derive(Clone, Copy, Debug)]
pub struct Named<T> {
    /// The value.
    pub now: T,
    /// Its name.
    pub val: Val,
}

/// The recorder's picture of a frame.
#[derive(Clone, Debug)]
pub struct Shadow {
    /// The code that it executes.
    pub code: *mut PyCodeObject,
    /// Its function; for the outermost frame unused.
    pub function: RObj,
    /// The real frame.
    pub frame: *mut sys::_PyInterpreterFrame,
    /// Where it goes on (code units); for callers: one before where they go on after the call.
    pub instr: u32,
    /// Locals, cells and free variables.
    pub locals: Vec<RObj>,
    /// The value stack.
    pub stack: Vec<RObj>,
}

/// What an exit does after frames were rebuilt, before the interpreter goes on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum After {
    /// Nothing.
    #[default]
    Nothing,
    /// The eval breaker is served, frames showing instruction `lasti`.
    ServeBreaker {
        /// Instruction index.
        lasti: u32,
    },
    /// The top of the stack (an exhausted iterator, a condition) is dropped, frames showing instruction `lasti`.
    DropTop {
        /// Instruction index.
        lasti: u32,
    },
}

/// A recording: a trace of recorded ops, and what its snapshots do besides.
pub struct Recording {
    /// The ops.
    pub raw: Trace,
    /// For each snapshot.
    pub afters: Vec<After>,
    /// Objects whose addresses are embedded and that the outermost code object does not keep alive; a reference to each, which a
    /// trace takes over. Else whoever has the recording gives them back.
    pub embedded: Vec<*mut PyObject>,
    /// Those of them that are watched instead: recording or trace go when one of them dies.
    pub watched: Vec<*mut PyObject>,
    /// Code objects of inlined calls: not kept alive; recording or trace go when one of them does. They have data, which makes
    /// their deaths known.
    pub inlined: Vec<*mut PyCodeObject>,
    /// Not 0 when one of `watched` or `inlined` has died. The trace reads it.
    pub invalid: Box<Cell<u32>>,
    /// Bytecodes recorded.
    pub bytecodes: u32,
    /// Snapshots from this one on are of the state in which the recording ended.
    pub ending: usize,
    /// Snapshots of guards that are not the program's: see [`Recorder::limit_passes`].
    pub limits: Vec<SnapId>,
    /// Of a loop: locals that it had better have unboxed.
    pub unboxable: Vec<(usize, Type)>,
}

impl Recording {
    /// The address of `invalid`, as the text of a trace has it.
    pub fn flag_text(&self) -> String {
        format!("ptr({:#x})", self.invalid.as_ptr() as usize)
    }
}

/// A reference that the present instruction drops.
#[derive(Clone, Copy)]
struct Drop {
    object: RObj,
    /// It was the last one, this time.
    died: bool,
    /// The type is known (guarded) to be freed without running Python.
    leaf: bool,
}

/// How many values are on the machine's stack.
fn stack_depth(d: &Direct) -> usize {
    // SAFETY: the stack pointer points into the frame.
    unsafe { d.sp.offset_from(capi::frame::stack_base(d.frame)) as usize }
}

/// The recording machine. See the module's text.
pub struct Recorder<'d> {
    /// The machine that executes.
    pub d: &'d mut Direct,
    /// What was recorded.
    pub rec: Recording,
    /// The frame chain from the trace's outermost frame inwards.
    pub frames: Vec<Shadow>,
    /// Set when the recording has to be given up at the end of this instruction.
    pub abort: Option<Abort>,
    /// The loop header that the last instruction jumped back to.
    pub edge: Option<usize>,
    start: Vec<Shadow>,
    start_saved: bool,
    start_snapshot: Option<SnapId>,
    at_emitted: bool,
    unit: u32,
    opcode: u8,
    arg: usize,
    effects: bool,
    python: bool,
    /// The instruction returned from an inlined call.
    returned: bool,
    pending_breaker: Option<u32>,
    pending_tracing: bool,
    drops: Vec<Drop>,
    announced: Vec<Val>,
    may_inline: fn(*mut PyCodeObject, usize) -> bool,
}

impl<'d> Recorder<'d> {
    /// Starts a recording at the direct machine's next instruction, with `chain` frames (innermost is the machine's).
    ///
    /// # Safety
    /// `d` stands at an instruction boundary of a running frame whose `chain - 1` callers are inlined frames of the same evaluator.
    pub unsafe fn new(
        d: &'d mut Direct,
        chain: usize,
        may_inline: fn(*mut PyCodeObject, usize) -> bool,
    ) -> Self {
        let mut raw = Trace::with_room(crate::runtime::helper_table(), 512);
        raw.snapshots.reserve_some();
        let mut rec = Recording {
            raw,
            afters: Vec::with_capacity(64),
            embedded: Vec::new(),
            watched: Vec::new(),
            inlined: Vec::new(),
            invalid: Box::default(),
            bytecodes: 0,
            ending: usize::MAX,
            limits: Vec::new(),
            unboxable: Vec::new(),
        };
        let mut reals = vec![d.frame];
        for _ in 1..chain {
            // SAFETY: the caller guarantees that so many callers exist.
            reals.push(unsafe { (**reals.last().expect("not empty")).previous });
        }
        reals.reverse();
        let mut frames = Vec::new();
        let mut index = 0;
        let mut param = |ptr: *mut PyObject| {
            let mut op = Op::new(OpCode::Param, &[]);
            (op.ty, op.imm) = (Type::Obj, index);
            index += 1;
            RObj { ptr, val: rec.raw.push(op) }
        };
        for (depth, &frame) in reals.iter().enumerate() {
            // SAFETY: these are live frames; the innermost one's stack pointer is the machine's, callers saved theirs.
            unsafe {
                let code = (*frame).f_code;
                let locals = (*code).co_nlocalsplus as usize;
                let top = if depth + 1 == reals.len() {
                    stack_depth(d)
                } else {
                    (*frame).stacktop as usize - locals
                };
                let slots = (&raw mut (*frame).localsplus).cast::<*mut PyObject>();
                let function = if depth > 0 {
                    param((*frame).f_func.cast())
                } else {
                    RObj { ptr: (*frame).f_func.cast(), val: Val::NONE }
                };
                frames.push(Shadow {
                    code,
                    function,
                    frame,
                    // Callers saved where their call ends; the innermost frame goes on one later.
                    instr: layout::instruction_index(code, (*frame).prev_instr)
                        - u32::from(depth + 1 < reals.len()),
                    locals: (0..locals).map(|k| param(*slots.add(k))).collect(),
                    stack: (locals..locals + top).map(|k| param(*slots.add(k))).collect(),
                });
            }
        }
        Recorder {
            d,
            rec,
            frames,
            abort: None,
            edge: None,
            start: Vec::new(),
            start_saved: false,
            start_snapshot: None,
            at_emitted: false,
            unit: 0,
            opcode: 0,
            arg: 0,
            effects: false,
            python: false,
            returned: false,
            pending_breaker: None,
            pending_tracing: false,
            drops: Vec::new(),
            announced: Vec::new(),
            may_inline,
        }
    }

    // ---- instructions

    /// Before an instruction is fetched.
    pub fn begin(&mut self) {
        self.start_saved = false;
        self.start_snapshot = None;
        self.at_emitted = false;
        self.effects = false;
        self.python = false;
        self.returned = false;
        self.edge = None;
        self.announced.clear();
        self.rec.bytecodes += 1;
        let next = self.next_instruction() as u32;
        self.top().instr = next;
        if let Some(lasti) = self.pending_breaker.take() {
            let snap = self.new_snapshot(Resume::Execute, After::ServeBreaker { lasti });
            self.guard_breaker(snap);
        }
        if std::mem::take(&mut self.pending_tracing) {
            let thread = self.op(OpCode::ThreadState, &[]);
            let cframe = self.load(OpCode::LoadPtr, thread, layout::THREAD_CFRAME, Region::Frame);
            let tracing = self.load(OpCode::LoadU8, cframe, layout::CFRAME_USE_TRACING, Region::Volatile);
            let zero = self.rec.raw.constant(Const::Int(0));
            let off = self.op(OpCode::IntEq, &[tracing, zero]);
            self.guard(OpCode::GuardTrue, &[off]);
        }
    }

    /// After the instruction was fetched.
    pub fn fetched(&mut self, opcode: u8, arg: usize) {
        (self.opcode, self.arg) = (opcode, arg);
        self.unit = self.d.instruction() as u32;
    }

    /// After an instruction: drops that may run code come last, in the state in which the next instruction starts.
    pub fn end(&mut self) {
        let may_lose = self.at_emitted || !self.drops.is_empty();
        self.end_drops();
        // SAFETY: the recording has a reference to each.
        if may_lose && self.rec.embedded.iter().any(|&o| unsafe { (*o).ob_refcnt } == 1) {
            // But for the recording it would be dead.
            self.give_up(Abort::Died);
        }
    }

    fn end_drops(&mut self) {
        if self.drops.is_empty() {
            return;
        }
        let drops = std::mem::take(&mut self.drops);
        let (leaves, others): (Vec<_>, Vec<_>) = drops.into_iter().partition(|d| d.leaf);
        for drop in leaves {
            self.op(OpCode::Decref, &[drop.object.val]);
        }
        let last = others.len().saturating_sub(1);
        for (i, Drop { object: o, died, .. }) in others.into_iter().enumerate() {
            // After a return, frames show the call in the caller; else this instruction, with its effects on locals.
            let lasti = if self.returned { self.top().instr } else { self.unit };
            if died || i < last {
                self.top().instr = lasti;
                let snap = self.new_snapshot(Resume::Execute, After::Nothing);
                let mut at = Op::new(OpCode::At, &[]);
                at.snap = snap;
                self.rec.raw.push(at);
                self.op(OpCode::DecrefDealloc, &[o.val]);
                self.pending_tracing = true;
            } else {
                self.top().instr = self.next_instruction() as u32;
                let resume = Resume::Dying { object: o.val, lasti };
                let snap = self.new_snapshot(resume, After::Nothing);
                let mut op = Op::new(OpCode::DecrefGuard, &[o.val]);
                op.snap = snap;
                self.rec.raw.push(op);
            }
        }
    }

    /// Ends the recording in the state of the next instruction.
    pub fn finish(&mut self) -> SnapId {
        self.rec.ending = self.rec.raw.snapshots.len();
        self.begin();
        self.touch();
        let snap = self.start_snapshot();
        let mut op = Op::new(OpCode::At, &[]);
        op.snap = snap;
        self.rec.raw.push(op);
        self.op(OpCode::Jump, &[]);
        snap
    }

    /// What was recorded.
    pub fn into_recording(self) -> Recording {
        self.rec
    }

    /// Stress mode: the next guard leaves when `countdown` reaches zero.
    pub fn stress_exit(&mut self, countdown: &'static AtomicI64) {
        let address = self.rec.raw.constant(Const::Ptr(countdown.as_ptr() as usize));
        let now = self.load(OpCode::LoadInt, address, 0, Region::Volatile);
        let one = self.rec.raw.constant(Const::Int(1));
        let left = self.op(OpCode::IntSub, &[now, one]);
        let mut store = Op::new(OpCode::StoreInt, &[address, left]);
        store.region = Region::Volatile;
        self.rec.raw.push(store);
        let zero = self.rec.raw.constant(Const::Int(0));
        let go_on = self.op(OpCode::IntNe, &[left, zero]);
        self.guard(OpCode::GuardTrue, &[go_on]);
    }

    /// The trace counts in `passes` that it passes a loop header here.
    pub fn count_pass(&mut self, passes: &'static AtomicI64) {
        let address = self.rec.raw.constant(Const::Ptr(passes.as_ptr() as usize));
        let now = self.load(OpCode::LoadInt, address, 0, Region::Volatile);
        let one = self.rec.raw.constant(Const::Int(1));
        let next = self.op(OpCode::IntAdd, &[now, one]);
        let mut store = Op::new(OpCode::StoreInt, &[address, next]);
        store.region = Region::Volatile;
        self.rec.raw.push(store);
    }

    /// The trace leaves here once `passes` has come to `last`.
    pub fn limit_passes(&mut self, passes: &'static AtomicI64, last: &'static AtomicI64) {
        let mut read = |cell: &'static AtomicI64| {
            let address = self.rec.raw.constant(Const::Ptr(cell.as_ptr() as usize));
            self.load(OpCode::LoadInt, address, 0, Region::Volatile)
        };
        let (now, end) = (read(passes), read(last));
        let more = self.op(OpCode::IntLt, &[now, end]);
        let snap = self.new_snapshot(Resume::Execute, After::Nothing);
        self.rec.limits.push(snap);
        self.guard_at(OpCode::GuardTrue, &[more], snap);
    }

    /// Compares the picture of the innermost frames with memory.
    pub fn check(&self) -> Result<(), String> {
        for (depth, shadow) in self.frames.iter().enumerate() {
            // SAFETY: the frames are live while their calls are.
            let slots = unsafe { (&raw mut (*shadow.frame).localsplus).cast::<*mut PyObject>() };
            let all = shadow.locals.iter().chain(&shadow.stack);
            for (k, o) in all.enumerate() {
                // SAFETY: the picture has no more slots than the frame.
                let real = unsafe { *slots.add(k) };
                if real != o.ptr {
                    return Err(format!("frame {depth}, slot {k}: recorded {:p}, real {real:p}", o.ptr));
                }
            }
        }
        let depth = stack_depth(self.d);
        let recorded = self.frames.last().map_or(0, |f| f.stack.len());
        if depth != recorded {
            return Err(format!("stack depth: recorded {recorded}, real {depth}"));
        }
        Ok(())
    }

    /// Index of the next instruction.
    pub fn next_instruction(&self) -> usize {
        // SAFETY: both point into the code of the machine's frame.
        unsafe { self.d.ip.offset_from(capi::frame::first_instruction((*self.d.frame).f_code)) as usize }
    }

    // ---- writing down

    fn top(&mut self) -> &mut Shadow {
        self.frames.last_mut().expect("a recording has a frame")
    }

    fn op(&mut self, code: OpCode, args: &[Val]) -> Val {
        self.rec.raw.push(Op::new(code, args))
    }

    fn load(&mut self, code: OpCode, base: Val, offset: usize, region: Region) -> Val {
        self.load_signed(code, base, offset as i32, region)
    }

    fn load_signed(&mut self, code: OpCode, base: Val, offset: i32, region: Region) -> Val {
        let mut op = Op::new(code, &[base]);
        (op.imm, op.region) = (offset, region);
        self.rec.raw.push(op)
    }

    #[track_caller]
    fn guard(&mut self, code: OpCode, args: &[Val]) {
        if self.effects {
            self.give_up(Abort::Unsupported);
            return;
        }
        let snap = self.start_snapshot();
        self.guard_at(code, args, snap);
    }

    fn guard_at(&mut self, code: OpCode, args: &[Val], snap: SnapId) -> Val {
        let mut op = Op::new(code, args);
        op.snap = snap;
        self.rec.raw.push(op)
    }

    fn guard_breaker(&mut self, snap: SnapId) {
        // SAFETY: the running thread's interpreter lives as long as the process.
        let word = unsafe { &raw const (*(*self.d.tstate).interp).ceval.eval_breaker };
        let address = self.rec.raw.constant(Const::Ptr(word as usize));
        let mut op = Op::new(OpCode::GuardClear, &[address]);
        (op.snap, op.region) = (snap, Region::Volatile);
        self.rec.raw.push(op);
    }

    #[track_caller]
    fn give_up(&mut self, reason: Abort) {
        if log::log_enabled!(log::Level::Debug) {
            let opcode = interpreter::opcode::NAMES[usize::from(self.opcode)];
            log::debug!("{} at {opcode} ({})", reason.text(), std::panic::Location::caller());
        }
        self.abort.get_or_insert(reason);
    }

    /// Adds a snapshot of these frames, the innermost standing at `instr`.
    fn add_snapshot(
        rec: &mut Recording,
        frames: &[Shadow],
        instr: u32,
        resume: Resume,
        after: After,
    ) -> SnapId {
        let out = &mut rec.raw.snapshots;
        out.begin(resume);
        for (depth, f) in frames.iter().enumerate() {
            for o in f.locals.iter().chain(&f.stack) {
                let null = o.ptr.is_null() && o.val.is_const();
                out.slot(if null { Slot::Null } else { Slot::Value(o.val) });
            }
            let function = if depth > 0 { Slot::Value(f.function.val) } else { Slot::InMemory };
            let instr = if depth + 1 == frames.len() { instr } else { f.instr };
            out.end_frame(f.code as usize, function, Val::NONE, instr, f.stack.len() as u32);
        }
        rec.afters.push(after);
        out.finish()
    }

    /// A snapshot of the present state.
    fn new_snapshot(&mut self, resume: Resume, after: After) -> SnapId {
        let instr = self.top().instr;
        Self::add_snapshot(&mut self.rec, &self.frames, instr, resume, after)
    }

    /// The snapshot of the instruction's start.
    fn start_snapshot(&mut self) -> SnapId {
        if let Some(s) = self.start_snapshot {
            return s;
        }
        let frames = if self.start_saved { &self.start } else { &self.frames };
        let instr = frames.last().expect("a recording has a frame").instr;
        let id = Self::add_snapshot(&mut self.rec, frames, instr, Resume::Execute, After::Nothing);
        self.start_snapshot = Some(id);
        id
    }

    /// Before the first change of the picture in an instruction.
    fn touch(&mut self) {
        if !self.start_saved {
            self.start.clone_from(&self.frames);
            self.start_saved = true;
        }
    }

    /// Says, before an op that may run Python, in what state the instruction started.
    fn emit_at(&mut self) {
        if self.at_emitted {
            return;
        }
        self.at_emitted = true;
        let mut snap = self.start_snapshot();
        let started = self.rec.raw.snapshots.frames(snap).next_back().expect("not empty").instr;
        if started != self.unit {
            // Behind an EXTENDED_ARG: frames show the instruction itself.
            let frames = if self.start_saved { &self.start } else { &self.frames };
            snap = Self::add_snapshot(&mut self.rec, frames, self.unit, Resume::Execute, After::Nothing);
        }
        let mut op = Op::new(OpCode::At, &[]);
        op.snap = snap;
        self.rec.raw.push(op);
    }

    /// Keeps an object whose address the trace contains.
    fn embed(&mut self, o: *mut PyObject) {
        // SAFETY: a live object, our sentinel, or null; the GIL is held.
        unsafe {
            if o.is_null() || layout::is_static(o) || self.is_of_code(o) {
                return;
            }
            if (*o).ob_type == &raw mut sys::PyCode_Type {
                if !self.rec.inlined.contains(&o.cast()) {
                    self.rec.inlined.push(o.cast());
                    if interpreter::code_data::get_or_create(o.cast()).is_null() {
                        self.give_up(Abort::Memory);
                    }
                }
            } else if layout::is_watched(o) {
                if !self.rec.watched.contains(&o) {
                    self.rec.watched.push(o);
                }
            } else if !self.rec.embedded.contains(&o) {
                // What runs before the recording ends may drop all other references.
                self.rec.embedded.push(capi::refs::new_ref(o));
            }
        }
    }

    /// Whether it is a name or a constant of the code that runs, which the trace does not outlive.
    unsafe fn is_of_code(&self, o: *mut PyObject) -> bool {
        // SAFETY: a live object; the code of a live frame, whose names and constants are tuples.
        unsafe {
            let code = self.d.code();
            let of = match (*o).ob_type {
                ty if ty == &raw mut sys::PyUnicode_Type => (*code).co_names,
                ty if ty == &raw mut sys::PyTuple_Type => (*code).co_consts,
                _ => return false,
            };
            let count = interpreter::helpers::size_of_sequence(of) as usize;
            std::slice::from_raw_parts(interpreter::helpers::tuple_items(of), count).contains(&o)
        }
    }
}

/// What the primitives in `record_machine` share.
impl Recorder<'_> {
    /// A fact: a guard on what is the case.
    #[track_caller]
    pub(crate) fn fact(&mut self, code: OpCode, args: &[Val]) {
        if args.iter().all(|v| v.is_const()) {
            return;
        }
        self.guard(code, args);
    }

    /// Guards that what is watched has not died, before something is compared with its address, which may be another's by then. Asked once
    /// between two places where code may run.
    #[track_caller]
    pub(crate) fn guard_valid(&mut self) {
        let flag = self.rec.raw.constant(Const::Ptr(self.rec.invalid.as_ptr() as usize));
        let flag = self.load(OpCode::LoadU32, flag, 0, Region::Validity);
        let zero = self.rec.raw.constant(Const::Int(0));
        let valid = self.op(OpCode::IntEq, &[flag, zero]);
        self.guard(OpCode::GuardTrue, &[valid]);
    }

    /// Guards the type that the object has.
    #[track_caller]
    pub(crate) fn guard_real_type(&mut self, o: RObj) {
        if o.val.is_const() {
            return;
        }
        // SAFETY: types are asked of live objects only.
        let ty = unsafe { (*o.ptr).ob_type };
        if !layout::is_static_type(ty) {
            self.embed(ty.cast());
            self.guard_valid();
        }
        let ty = self.rec.raw.constant(Const::Ptr(ty as usize));
        self.guard(OpCode::GuardType, &[o.val, ty]);
    }

    /// A reference of the frame's outermost objects (globals, builtins, f_locals), which do not change while it runs.
    pub(crate) fn frame_object(&mut self, ptr: *mut PyObject, offset: usize) -> RObj {
        if self.frames.len() > 1 {
            // An inlined function's globals are those of the function that was guarded to be this one.
            self.embed(ptr);
            return RObj { ptr, val: self.rec.raw.constant(Const::Obj(ptr as usize)) };
        }
        let frame = self.op(OpCode::Frame, &[]);
        let val = self.load(OpCode::LoadObj, frame, offset, Region::Immutable);
        RObj { ptr, val }
    }

    /// A drop that waits for the end of the instruction.
    pub(crate) fn drop_at_end(&mut self, object: RObj, died: bool, leaf: bool) {
        self.drops.push(Drop { object, died, leaf });
    }

    /// A question about a call's result, asked in the same instruction, that decides a jump on the top of the stack: the exit
    /// drops it and goes on where the other answer leads.
    pub(crate) fn late_decision(&mut self, b: Named<bool>) {
        let next = self.next_instruction();
        let arg = self.arg;
        let (target, jumps_when) = match u32::from(self.opcode) {
            sys::POP_JUMP_FORWARD_IF_FALSE => (next + arg, false),
            sys::POP_JUMP_FORWARD_IF_TRUE => (next + arg, true),
            sys::POP_JUMP_BACKWARD_IF_FALSE => (next - arg, false),
            sys::POP_JUMP_BACKWARD_IF_TRUE => (next - arg, true),
            _ => {
                self.give_up(Abort::Unsupported);
                return;
            }
        };
        // Where the answer that was not given leads.
        let other = if b.now == jumps_when { next } else { target };
        let before = std::mem::replace(&mut self.top().instr, other as u32);
        let snap = self.new_snapshot(Resume::Execute, After::DropTop { lasti: self.unit });
        self.top().instr = before;
        self.guard_at(if b.now { OpCode::GuardTrue } else { OpCode::GuardFalse }, &[b.val], snap);
    }

    /// Whether an iterator was exhausted, asked after it was called.
    pub(crate) fn late_identity(&mut self, o: RObj, known: RObj, same: bool) {
        if same || known.ptr != interpreter::helpers::exhausted() {
            self.give_up(Abort::LeftLoop);
            return;
        }
        let equal = self.op(OpCode::AddressEq, &[o.val, known.val]);
        let target = (self.next_instruction() + self.arg) as u32;
        let before = std::mem::replace(&mut self.top().instr, target);
        let snap = self.new_snapshot(Resume::Execute, After::DropTop { lasti: self.unit });
        self.top().instr = before;
        self.guard_at(OpCode::GuardFalse, &[equal], snap);
    }

    /// The call did not fail; else the handler search starts at this instruction.
    pub(crate) fn guard_success(&mut self, code: OpCode, val: Val) {
        let drops = &self.drops;
        let top = self.frames.last_mut().expect("not empty");
        let before = std::mem::replace(&mut top.instr, self.unit);
        // What the instruction is to drop at its end is dropped by the handler search, with the stack. The result, which is null then,
        // leaves its place to it.
        let result = top.stack.pop_if(|o| code == OpCode::GuardNonNull && o.val == val);
        let depth = top.stack.len();
        top.stack.extend(drops.iter().map(|drop| drop.object));
        // SAFETY: the code of a live frame.
        let fits = top.stack.len() <= unsafe { (*top.code).co_stacksize } as usize;
        if fits {
            let snap = self.new_snapshot(Resume::Raise, After::Nothing);
            self.guard_at(code, &[val], snap);
        } else {
            self.give_up(Abort::Unsupported);
        }
        let top = self.top();
        top.stack.truncate(depth);
        top.stack.extend(result);
        top.instr = before;
    }
}
