//! Memory for traces to run on in tests: an arena at a real address, with objects in CPython's layout.
//!
//! Used by the reference evaluator, by the generator of random traces, and by backend tests, which run machine code on the
//! very same bytes ([`native`](crate::native)). All state, the allocator's too, is in the arena's bytes: save [`Memory::bytes`], run
//! one way, save, [`Memory::restore`], run the other way, compare. It is no part of the product and knows no real Python.
//!
//! The arena: a header, the types, the cached small ints, `True`, `False`, then the heap. Freed floats go to a free list like
//! CPython's (linked through `ob_type`); other deaths are logged in the header in order, and their memory is not used again.
//!
//! ```
//! let mut memory = traces::memory::Memory::new(1 << 16);
//! let x = memory.new_float(2.5).unwrap();
//! assert_eq!((memory.float_value(x), memory.refcnt(x)), (Ok(2.5), Ok(1)));
//! ```

/// `ob_refcnt`.
pub const REFCNT_OFFSET: i32 = 0;
/// `ob_type`.
pub const TYPE_OFFSET: i32 = 8;
/// `ob_size` of an int: the number of 30-bit digits, negative for negative ints.
pub const INT_SIZE_OFFSET: i32 = 16;
/// The first digit of an int.
pub const INT_DIGIT_OFFSET: i32 = 24;
/// `ob_fval` of a float.
pub const FLOAT_VALUE_OFFSET: i32 = 16;
/// The lowest cached int.
pub const SMALL_INT_MIN: i64 = -5;
/// How many ints are cached.
pub const SMALL_INT_COUNT: i64 = 262;
/// Bytes from one cached int to the next.
pub const SMALL_INT_SIZE: i64 = 32;
/// Most floats on the free list. Far below CPython's 100, so that tests fill it.
pub const FLOAT_FREE_MAX: i32 = 8;

const TOP: usize = 0;
const FREE_LIST: usize = 8;
const FREE_COUNT: usize = 16;
const DEATHS: usize = 24;
const DEATH_LOG: usize = 32;
const DEATH_LOG_LEN: usize = 128;
/// Bytes of the allocator's own state at the start of the arena.
pub const HEADER_SIZE: usize = TYPES;
const TYPES: usize = DEATH_LOG + 8 * DEATH_LOG_LEN;
const TYPE_SIZE: usize = 64;
const SMALL_INTS: usize = TYPES + 5 * TYPE_SIZE;
const BOOLS: usize = SMALL_INTS + (SMALL_INT_COUNT * SMALL_INT_SIZE) as usize;
const HEAP: usize = BOOLS + 64;

/// The types of simulated objects.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// `int`.
    Int,
    /// `float`.
    Float,
    /// `bool`.
    Bool,
    /// Any other type whose objects hold no references.
    Plain,
    /// `tuple`: its length, then its items.
    Tuple,
}

/// An access beside the arena or an allocation that does not fit it; the text says which.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fault(pub String);

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// The arena. Addresses are real ones, and stay the same for its whole life.
#[derive(Debug)]
pub struct Memory {
    storage: Vec<u8>,
    /// Where in `storage` the arena begins, so that it is aligned to 16 bytes.
    start: usize,
    len: usize,
}

impl Memory {
    /// An arena of `len` bytes, at least 16 KiB of them, with types, small ints and bools in place.
    pub fn new(len: usize) -> Memory {
        let len = len.max(16 << 10).next_multiple_of(16);
        let storage = vec![0; len + 16];
        let start = storage.as_ptr().align_offset(16);
        let mut memory = Memory { storage, start, len };
        memory.fill().expect("the fixed part is smaller than the smallest arena");
        memory
    }

    fn fill(&mut self) -> Result<(), Fault> {
        let base = self.base();
        self.write_u64(base + TOP, (base + HEAP) as u64)?;
        // Types, cached ints and bools are immortal in practice: their counts start high.
        const MANY: u64 = 1_000_000;
        for kind in [Kind::Int, Kind::Float, Kind::Bool, Kind::Plain, Kind::Tuple] {
            self.write_u64(self.type_address(kind) + REFCNT_OFFSET as usize, MANY)?;
        }
        for value in SMALL_INT_MIN..SMALL_INT_MIN + SMALL_INT_COUNT {
            let address = self.small_int(value).expect("in range");
            self.write_u64(address, MANY)?;
            self.write_u64(address + TYPE_OFFSET as usize, self.type_address(Kind::Int) as u64)?;
            self.write_int(address, value.into())?;
        }
        for value in [false, true] {
            let address = self.bool_object(value);
            self.write_u64(address, MANY)?;
            self.write_u64(address + TYPE_OFFSET as usize, self.type_address(Kind::Bool) as u64)?;
            self.write_int(address, value.into())?;
        }
        Ok(())
    }

    /// Address of the first byte.
    pub fn base(&self) -> usize {
        self.storage.as_ptr() as usize + self.start
    }

    /// The whole contents.
    pub fn bytes(&self) -> &[u8] {
        &self.storage[self.start..self.start + self.len]
    }

    /// Puts back contents that [`Memory::bytes`] of this arena gave.
    ///
    /// # Panics
    /// When they are of another length.
    pub fn restore(&mut self, bytes: &[u8]) {
        self.storage[self.start..self.start + self.len].copy_from_slice(bytes);
    }

    /// Address of the first byte that is not allocated yet.
    pub fn top(&self) -> usize {
        let bytes = self.bytes()[TOP..TOP + 8].try_into().expect("eight bytes");
        u64::from_le_bytes(bytes) as usize
    }

    /// The objects whose deallocation was logged, oldest first (all but floats that went to the free list). At most the
    /// last 128.
    pub fn deaths(&self) -> Vec<usize> {
        let word = |offset: usize| {
            u64::from_le_bytes(self.bytes()[offset..offset + 8].try_into().expect("eight bytes")) as usize
        };
        let count = word(DEATHS);
        (count.saturating_sub(DEATH_LOG_LEN)..count)
            .map(|n| word(DEATH_LOG + 8 * (n % DEATH_LOG_LEN)))
            .collect()
    }

    fn range(&self, address: usize, size: usize) -> Result<std::ops::Range<usize>, Fault> {
        let offset = address.wrapping_sub(self.base());
        if offset <= self.len && size <= self.len - offset {
            let at = self.start + offset;
            Ok(at..at + size)
        } else {
            Err(Fault(format!("access to {size} bytes at {address:#x}, outside of the arena")))
        }
    }

    fn read<const N: usize>(&self, address: usize) -> Result<[u8; N], Fault> {
        let range = self.range(address, N)?;
        Ok(self.storage[range].try_into().expect("a range of N bytes"))
    }

    fn write(&mut self, address: usize, bytes: &[u8]) -> Result<(), Fault> {
        let range = self.range(address, bytes.len())?;
        self.storage[range].copy_from_slice(bytes);
        Ok(())
    }

    /// Reads 64 bits.
    pub fn read_u64(&self, address: usize) -> Result<u64, Fault> {
        self.read(address).map(u64::from_le_bytes)
    }

    /// Reads 32 bits.
    pub fn read_u32(&self, address: usize) -> Result<u32, Fault> {
        self.read(address).map(u32::from_le_bytes)
    }

    /// Reads 8 bits.
    pub fn read_u8(&self, address: usize) -> Result<u8, Fault> {
        self.read(address).map(u8::from_le_bytes)
    }

    /// Writes 64 bits.
    pub fn write_u64(&mut self, address: usize, value: u64) -> Result<(), Fault> {
        self.write(address, &value.to_le_bytes())
    }

    /// Writes 32 bits.
    pub fn write_u32(&mut self, address: usize, value: u32) -> Result<(), Fault> {
        self.write(address, &value.to_le_bytes())
    }

    /// Writes 8 bits.
    pub fn write_u8(&mut self, address: usize, value: u8) -> Result<(), Fault> {
        self.write(address, &[value])
    }

    /// Address of a type.
    pub fn type_address(&self, kind: Kind) -> usize {
        self.base() + TYPES + kind as usize * TYPE_SIZE
    }

    /// Address of `True` or `False`.
    pub fn bool_object(&self, value: bool) -> usize {
        self.base() + BOOLS + 32 * value as usize
    }

    /// Address of the table of cached ints.
    pub fn small_ints(&self) -> usize {
        self.base() + SMALL_INTS
    }

    /// Address of the head of the float free list.
    pub fn float_free_list(&self) -> usize {
        self.base() + FREE_LIST
    }

    /// Address of the length of the float free list (a C `int`).
    pub fn float_free_count(&self) -> usize {
        self.base() + FREE_COUNT
    }

    /// The cached int of this value, if there is one.
    pub fn small_int(&self, value: i64) -> Option<usize> {
        let index = value.checked_sub(SMALL_INT_MIN).filter(|i| (0..SMALL_INT_COUNT).contains(i))?;
        Some(self.small_ints() + (index * SMALL_INT_SIZE) as usize)
    }

    /// `size` zeroed bytes, aligned to 16.
    pub fn allocate(&mut self, size: usize) -> Result<usize, Fault> {
        let address = self.top();
        let end = address + size.next_multiple_of(16);
        if end > self.base() + self.len {
            return Err(Fault(format!("no room for {size} bytes in the arena")));
        }
        self.write_u64(self.base() + TOP, end as u64)?;
        Ok(address)
    }

    /// A new object with `payload` zeroed bytes after its header and one reference.
    pub fn new_object(&mut self, kind: Kind, payload: usize) -> Result<usize, Fault> {
        let address = self.allocate(16 + payload)?;
        self.write_u64(address + REFCNT_OFFSET as usize, 1)?;
        self.write_u64(address + TYPE_OFFSET as usize, self.type_address(kind) as u64)?;
        Ok(address)
    }

    /// A reference to an int of this value: the cached one, or a new one.
    pub fn new_int(&mut self, value: i64) -> Result<usize, Fault> {
        match self.small_int(value) {
            Some(address) => {
                self.incref(address)?;
                Ok(address)
            }
            None => self.new_wide_int(value.into()),
        }
    }

    /// A new int, also beyond 64 bits and also where a cached one exists.
    pub fn new_wide_int(&mut self, value: i128) -> Result<usize, Fault> {
        let digits = (128 - value.unsigned_abs().leading_zeros()).div_ceil(30).max(1);
        let address = self.new_object(Kind::Int, 8 + 4 * digits as usize)?;
        self.write_int(address, value)?;
        Ok(address)
    }

    fn write_int(&mut self, address: usize, value: i128) -> Result<(), Fault> {
        let mut rest = value.unsigned_abs();
        let mut digits = 0;
        while rest > 0 {
            let digit = (rest & ((1 << 30) - 1)) as u32;
            self.write_u32(address + INT_DIGIT_OFFSET as usize + 4 * digits as usize, digit)?;
            rest >>= 30;
            digits += 1;
        }
        let size: i64 = if value < 0 { -digits } else { digits };
        self.write_u64(address + INT_SIZE_OFFSET as usize, size as u64)
    }

    /// The value of an int or bool; `None` when it does not fit.
    pub fn int_value(&self, address: usize) -> Result<Option<i64>, Fault> {
        let size = self.read_u64(address + INT_SIZE_OFFSET as usize)? as i64;
        let count = size.unsigned_abs() as usize;
        // Four digits with a non-zero top one are at least 2**90.
        if count > 3 {
            return Ok(None);
        }
        let mut value: i128 = 0;
        for n in (0..count).rev() {
            value = value << 30 | self.read_u32(address + INT_DIGIT_OFFSET as usize + 4 * n)? as i128;
        }
        Ok(i64::try_from(if size < 0 { -value } else { value }).ok())
    }

    /// A new float: the first of the free list, or a new one.
    pub fn new_float(&mut self, value: f64) -> Result<usize, Fault> {
        let head = self.read_u64(self.float_free_list())? as usize;
        let address = if head != 0 {
            let next = self.read_u64(head + TYPE_OFFSET as usize)?;
            self.write_u64(self.float_free_list(), next)?;
            let count = self.read_u32(self.float_free_count())?;
            self.write_u32(self.float_free_count(), count - 1)?;
            self.write_u64(head + REFCNT_OFFSET as usize, 1)?;
            self.write_u64(head + TYPE_OFFSET as usize, self.type_address(Kind::Float) as u64)?;
            head
        } else {
            self.new_object(Kind::Float, 8)?
        };
        self.write_u64(address + FLOAT_VALUE_OFFSET as usize, value.to_bits())?;
        Ok(address)
    }

    /// The value of a float.
    pub fn float_value(&self, address: usize) -> Result<f64, Fault> {
        self.read_u64(address + FLOAT_VALUE_OFFSET as usize).map(f64::from_bits)
    }

    /// The type of an object.
    pub fn type_of(&self, address: usize) -> Result<usize, Fault> {
        self.read_u64(address + TYPE_OFFSET as usize).map(|ty| ty as usize)
    }

    /// Whether an object is of this type.
    pub fn is(&self, address: usize, kind: Kind) -> bool {
        self.type_of(address) == Ok(self.type_address(kind))
    }

    /// The reference count of an object.
    pub fn refcnt(&self, address: usize) -> Result<i64, Fault> {
        self.read_u64(address + REFCNT_OFFSET as usize).map(|count| count as i64)
    }

    /// Adds a reference.
    pub fn incref(&mut self, address: usize) -> Result<(), Fault> {
        let count = self.refcnt(address)?;
        self.write_u64(address + REFCNT_OFFSET as usize, (count + 1) as u64)
    }

    /// Takes a reference away and returns how many are left. Deallocates nothing.
    pub fn decref(&mut self, address: usize) -> Result<i64, Fault> {
        let count = self.refcnt(address)? - 1;
        if count < 0 {
            return Err(Fault(format!("the object at {address:#x} is dead already")));
        }
        self.write_u64(address + REFCNT_OFFSET as usize, count as u64)?;
        Ok(count)
    }

    /// Deallocates an object whose count is zero: a float goes to the free list while that is not full, other deaths are logged.
    pub fn dealloc(&mut self, address: usize) -> Result<(), Fault> {
        let count = self.refcnt(address)?;
        if count != 0 {
            return Err(Fault(format!(
                "deallocation of the object at {address:#x}, which has {count} references"
            )));
        }
        let free = self.read_u32(self.float_free_count())?;
        if self.is(address, Kind::Float) && (free as i32) < FLOAT_FREE_MAX {
            let head = self.read_u64(self.float_free_list())?;
            self.write_u64(address + TYPE_OFFSET as usize, head)?;
            self.write_u64(self.float_free_list(), address as u64)?;
            return self.write_u32(self.float_free_count(), free + 1);
        }
        let deaths = self.read_u64(self.base() + DEATHS)?;
        let entry = self.base() + DEATH_LOG + 8 * (deaths as usize % DEATH_LOG_LEN);
        self.write_u64(entry, address as u64)?;
        self.write_u64(self.base() + DEATHS, deaths + 1)
    }
}

/// The first 64-bit word in which two contents of the same arena differ: its offset and both words. Two NaNs do not differ:
/// which one an operation gives is the processor's choice.
pub fn first_difference(a: &[u8], b: &[u8]) -> Option<(usize, u64, u64)> {
    let words = |bytes: &[u8]| -> Vec<u64> {
        bytes.chunks_exact(8).map(|w| u64::from_le_bytes(w.try_into().expect("eight bytes"))).collect()
    };
    let nan = |word: u64| f64::from_bits(word).is_nan();
    let pairs = words(a).into_iter().zip(words(b)).enumerate();
    pairs.map(|(i, (x, y))| (8 * i, x, y)).find(|&(_, x, y)| x != y && !(nan(x) && nan(y)))
}
