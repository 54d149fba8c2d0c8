//! The interface between the tracer and a backend: what is compiled, where exits find their values.
//!
//! A backend turns a [`Trace`] into machine code and knows nothing of Python: offsets and addresses come in as data
//! ([`Runtime`]). The tracer never sees registers by name: a [`Location`] is read from the [`ExitState`].
//!
//! All compiled code runs in one native stack frame of fixed layout, made by [`Backend::enter`]'s trampoline, so that
//! traces and bridges jump to each other freely. It has [`SPILL_SLOTS`] words of spill space.

use crate::numbers;
use crate::trace::Trace;

/// Words of spill space in the native frame.
pub const SPILL_SLOTS: usize = 256;

/// Where a value is when an exit is taken, or where a label expects it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Location {
    /// General register, index into [`ExitState::general`].
    General(u8),
    /// Floating-point register, index into [`ExitState::float`].
    Float(u8),
    /// Spill slot number.
    Spill(u16),
    /// Nowhere: a constant of the trace.
    Const(u64),
}

/// Registers as an exit found them, and the spill slots, which are still in the native frame.
#[repr(C)]
#[derive(Debug)]
pub struct ExitState {
    /// General registers.
    pub general: [u64; 32],
    /// The low 64 bits of the floating-point registers.
    pub float: [u64; 32],
    /// The first spill slot.
    pub spill: *const u64,
    /// The frame with which the trace was entered.
    pub frame: *mut u8,
    /// The thread state with which the trace was entered.
    pub thread_state: *mut u8,
}

impl ExitState {
    /// The 64 bits of a value.
    ///
    /// # Safety
    /// `self` comes from a running exit, so that `spill` points to the native frame's spill slots.
    pub unsafe fn read(&self, location: Location) -> u64 {
        match location {
            Location::General(r) => self.general[r as usize],
            Location::Float(r) => self.float[r as usize],
            // SAFETY: the caller guarantees a live native frame; the backend numbers slots below SPILL_SLOTS.
            Location::Spill(s) => unsafe { *self.spill.add(s as usize) },
            Location::Const(bits) => bits,
        }
    }
}

/// Number of an exit; the tracer hands out ranges of them, one for each guard of a trace in op order.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct ExitId(pub u32);

/// Called when an exit is taken, on the native frame of the trace. Its result is what [`Backend::enter`] returns.
pub type OnExit = unsafe extern "C" fn(exit: u32, state: *const ExitState) -> usize;

/// Addresses and offsets of the runtime, which lowering needs.
#[derive(Clone, Copy, Debug)]
pub struct Runtime {
    /// Takes an exit.
    pub on_exit: OnExit,
    /// `ob_refcnt`, `ob_type` offsets in an object.
    pub refcnt_offset: i32,
    /// See `refcnt_offset`.
    pub type_offset: i32,
    /// `ob_size` of an int (sign and number of 30-bit digits).
    pub int_size_offset: i32,
    /// First digit of an int (`u32` each, 30 bits used).
    pub int_digit_offset: i32,
    /// `ob_fval` of a float.
    pub float_value_offset: i32,
    /// `Py_True`, `Py_False`.
    pub true_object: usize,
    /// See `true_object`.
    pub false_object: usize,
    /// `int64_t int_value(PyObject *, int *fits)`: for ints of more than two digits; sets `*fits` to 0 or 1.
    pub int_value_slow: usize,
    /// `PyObject *new_int(int64_t)`. Null only when memory is exhausted.
    pub new_int: usize,
    /// The table of cached small ints: object `i` is at `small_ints + (i - small_int_min) * small_int_size`.
    pub small_ints: usize,
    /// Lowest cached int (-5).
    pub small_int_min: i64,
    /// How many are cached (262).
    pub small_int_count: i64,
    /// Bytes from one cached int to the next.
    pub small_int_size: i64,
    /// `PyObject *new_float(double)`: slow path.
    pub new_float: usize,
    /// Address of the head of the float free list (`PyFloatObject *`, linked through `ob_type`), or 0.
    pub float_free_list: usize,
    /// Address of its count (`int`), or 0.
    pub float_free_count: usize,
    /// Most that the free list takes.
    pub float_free_max: i32,
    /// `PyFloat_Type`.
    pub float_type: usize,
    /// `void dealloc(PyObject *)`: the count is zero.
    pub dealloc: usize,
}

/// Why a trace was not compiled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CompileError {
    /// The code memory is full.
    CodeMemoryFull,
    /// More values alive than spill slots.
    TooManySpills,
    /// Executable memory is refused on this system.
    NoExecutableMemory,
    /// The system had no memory for compiling.
    Memory,
}

/// The label of a compiled loop: where it is, and where each param is expected.
#[derive(Clone, Debug)]
pub struct LabelCode {
    /// Address to jump to.
    pub address: usize,
    /// Locations of the label's params, in order.
    pub params: Vec<Location>,
}

/// Another trace that `jump_to` / `enter_trace` number in `imm`.
#[derive(Clone, Debug)]
pub struct Target {
    /// Address of its entry.
    pub entry: usize,
    /// Its label.
    pub label: Option<LabelCode>,
}

/// What to compile.
pub struct Request<'a> {
    /// The trace.
    pub trace: &'a Trace,
    /// For a bridge: where each param is (in param order). For a loop: empty; its code starts with nothing in registers.
    pub inputs: &'a [Location],
    /// Number of the first guard's exit; guards are numbered on in op order (`Exit` ops included).
    pub first_exit: ExitId,
    /// The traces that it may jump to.
    pub targets: &'a [Target],
}

/// Where the values of a trace's exits are: for each exit, in order, the locations of `Snapshot::for_each_value`'s values, in that order.
/// Packed: most take a byte.
#[derive(Clone, Debug, Default)]
pub struct ExitLocations {
    bytes: Vec<u8>,
    /// Where each exit's locations end.
    ends: Vec<u32>,
    /// The bits of constants by number: first the trace's own, then others.
    consts: Vec<u64>,
}

/// A location as [`ExitLocations`] keeps it: its kind in the low bits; a constant by its number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PackedLocation {
    /// Any other than a constant.
    Place(Location),
    /// A constant.
    Const(u32),
}

impl PackedLocation {
    #[inline]
    fn word(self) -> u64 {
        match self {
            PackedLocation::Place(Location::General(r)) => u64::from(r) << 2,
            PackedLocation::Place(Location::Float(r)) => u64::from(r) << 2 | 1,
            PackedLocation::Place(Location::Spill(s)) => u64::from(s) << 2 | 2,
            PackedLocation::Const(number) => u64::from(number) << 2 | 3,
            PackedLocation::Place(Location::Const(_)) => unreachable!("constants have numbers"),
        }
    }
    /// Reads the next one, and moves on.
    pub fn read(bytes: &[u8], at: &mut usize) -> PackedLocation {
        let word = numbers::read(bytes, at);
        match word & 3 {
            0 => PackedLocation::Place(Location::General((word >> 2) as u8)),
            1 => PackedLocation::Place(Location::Float((word >> 2) as u8)),
            2 => PackedLocation::Place(Location::Spill((word >> 2) as u16)),
            _ => PackedLocation::Const((word >> 2) as u32),
        }
    }
}

impl ExitLocations {
    /// None, with room for so many exits, and for so many locations of all. The trace's constants are given by their bits.
    pub fn with_room(exits: usize, locations: usize, consts: &[u64]) -> ExitLocations {
        let mut own = Vec::with_capacity(consts.len() + 2);
        own.extend_from_slice(consts);
        let bytes = Vec::with_capacity(locations + locations / 8);
        ExitLocations { ends: Vec::with_capacity(exits), bytes, consts: own }
    }
    /// The number of a constant that the trace need not have.
    pub fn number_of(&mut self, bits: u64) -> u32 {
        let known = self.consts.iter().position(|&known| known == bits);
        known.unwrap_or_else(|| {
            self.consts.push(bits);
            self.consts.len() - 1
        }) as u32
    }
    /// Appends a location to the exit that is being made.
    #[inline]
    pub fn push(&mut self, location: PackedLocation) {
        numbers::write(&mut self.bytes, location.word());
    }
    /// Ends the exit.
    pub fn end(&mut self) {
        self.ends.push(self.bytes.len() as u32);
    }
    /// Forgets all exits but the first ones.
    pub fn truncate(&mut self, exits: usize) {
        self.ends.truncate(exits);
        self.bytes.truncate(self.ends.last().map_or(0, |&end| end as usize));
    }
    /// How many exits there are.
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        self.ends.len()
    }
    /// The locations of an exit, packed.
    pub fn bytes_of(&self, exit: usize) -> &[u8] {
        let start = exit.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.bytes[start as usize..self.ends[exit] as usize]
    }
    /// The locations of an exit.
    pub fn of(&self, exit: usize) -> impl Iterator<Item = Location> + '_ {
        let bytes = self.bytes_of(exit);
        let mut at = 0;
        std::iter::from_fn(move || {
            (at < bytes.len()).then(|| match PackedLocation::read(bytes, &mut at) {
                PackedLocation::Place(location) => location,
                PackedLocation::Const(number) => Location::Const(self.consts[number as usize]),
            })
        })
    }
    /// The constants that are not among the first `own`, which the trace has, by their bits.
    pub fn other_consts(&self, own: usize) -> &[u64] {
        &self.consts[own..]
    }
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// Address of its first instruction (jumped to by the trampoline or by a patched exit).
    pub entry: usize,
    /// Bytes of code.
    pub size: usize,
    /// Where its exits' values are.
    pub exits: ExitLocations,
    /// For a loop: its label.
    pub label: Option<LabelCode>,
    /// For each op, offset of its first byte from `entry` (for dumps).
    pub op_offsets: Vec<u32>,
}

/// A code generator for one processor with its code memory.
pub trait Backend {
    /// Compiles a trace into code memory.
    fn compile(&mut self, request: &Request<'_>) -> Result<Compiled, CompileError>;
    /// Makes an exit jump to `target` (a bridge's entry) from now on.
    fn patch_exit(&mut self, exit: ExitId, target: usize);
    /// Undoes `patch_exit`: the exit reports again.
    fn unpatch_exit(&mut self, exit: ExitId);
    /// Makes the guard of an exit fail from now on, whether it holds or not: what it checks is still computed as far as the exit needs it.
    /// False where the backend was not asked to remember where its guards leave. For tests of exits: there is no way back.
    fn force_exit(&mut self, exit: ExitId) -> bool;
    /// Gives the code of a trace back, which has this entry and so many bytes. Its exits must not be reachable any more.
    fn release(&mut self, entry: usize, size: usize);
    /// The trampoline: `usize enter(entry, frame, thread_state)`, C calling convention. Runs code until an exit is taken; returns what `on_exit` returned.
    fn enter(&self) -> unsafe extern "C" fn(entry: usize, frame: *mut u8, thread_state: *mut u8) -> usize;
    /// Disassembles code, one line an instruction: offset and text.
    fn disassemble(&self, compiled: &Compiled) -> Vec<(u32, String)>;
    /// Bytes of code memory in use.
    fn code_bytes(&self) -> usize;
}
