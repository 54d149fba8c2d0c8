//! The memory that compiled code lives in: one reserved range of fixed size, mapped twice.
//!
//! Code is written through the *writable* view and runs in the *executable* view; no mapping is ever both. The
//! code generators allocate blocks here, write them and patch them; nothing else does. The whole range is within
//! reach of a 32-bit relative jump from anywhere in it. Blocks are packed: a trace does not cost a page.
//!
//! The two views share one memory file, which `fork` would share between parent and child too: a child that patched an
//! exit would change the parent's code. So a fork gives the child its own copy under the same addresses: the copy is
//! made before the fork (when nothing can change under it) and mapped in the child. It must never happen that a
//! child goes on with shared code; when it can't be helped otherwise, the child stops.
//!
//! ```text
//! let mut memory = CodeMemory::new(64 << 20, 0)?;
//! let block = memory.allocate(code.len())?;
//! memory.write(block, &code);
//! ```

use std::ops::Range;
use std::sync::{Mutex, MutexGuard, Once, PoisonError};

use traces::codegen::CompileError;

/// Blocks start at multiples of this, so that entries and aligned loop headers are aligned in memory.
pub const BLOCK_ALIGN: usize = 16;
/// A page of the system, or a part of one.
const PAGE: usize = 4096;
/// Bytes of the writable view that may stay mapped: the next write is next to the last one, most likely.
const KEPT: usize = 2 * PAGE;

/// A reserved range of code memory.
#[derive(Debug)]
pub struct CodeMemory {
    executable: usize,
    writable: usize,
    size: usize,
    /// Everything from here on was never used.
    bump: usize,
    /// Unused blocks below `bump`: (offset, bytes), by offset, never adjacent to each other.
    free: Vec<(usize, usize)>,
    in_use: usize,
    /// Offsets between which the writable view was touched since its pages were dropped.
    touched: Range<usize>,
}

impl CodeMemory {
    /// Reserves `size` bytes, if possible within 2 GiB of the address `near` (0: anywhere).
    ///
    /// # Errors
    /// `NoExecutableMemory` where the system refuses it.
    pub fn new(size: usize, near: usize) -> Result<CodeMemory, CompileError> {
        let size = size.max(PAGE).next_multiple_of(PAGE);
        let mapped = map_twice(size, near).ok_or(CompileError::NoExecutableMemory)?;
        let memory = CodeMemory {
            executable: mapped.executable,
            writable: mapped.writable,
            size,
            bump: 0,
            free: Vec::new(),
            in_use: 0,
            touched: 0..0,
        };
        fork::register(mapped);
        Ok(memory)
    }

    /// A block of at least `size` bytes: its address in the executable view.
    ///
    /// # Errors
    /// `CodeMemoryFull`.
    pub fn allocate(&mut self, size: usize) -> Result<usize, CompileError> {
        let size = block_size(size);
        if let Some(i) = self.free.iter().position(|&(_, len)| len >= size) {
            let (offset, len) = self.free[i];
            if len == size {
                self.free.remove(i);
            } else {
                self.free[i] = (offset + size, len - size);
            }
            self.in_use += size;
            return Ok(self.executable + offset);
        }
        if self.size - self.bump < size {
            return Err(CompileError::CodeMemoryFull);
        }
        let offset = self.bump;
        self.bump += size;
        self.in_use += size;
        fork::set_used(self.executable, self.bump);
        Ok(self.executable + offset)
    }

    /// Gives a block back: `address` and `size` as in `allocate`.
    pub fn release(&mut self, address: usize, size: usize) {
        let (offset, size) = (address - self.executable, block_size(size));
        self.in_use -= size;
        let at = self.free.partition_point(|&(other, _)| other < offset);
        self.free.insert(at, (offset, size));
        if at + 1 < self.free.len() && offset + size == self.free[at + 1].0 {
            self.free[at].1 += self.free.remove(at + 1).1;
        }
        if at > 0 && self.free[at - 1].0 + self.free[at - 1].1 == offset {
            self.free[at - 1].1 += self.free.remove(at).1;
        }
        if let Some(&(last, len)) = self.free.last()
            && last + len == self.bump
        {
            self.free.pop();
            self.bump = last;
        }
    }

    /// Writes code to `address` of the executable view, by way of the writable one.
    pub fn write(&mut self, address: usize, code: &[u8]) {
        let offset = address.checked_sub(self.executable).expect("an address in code memory");
        assert!(offset + code.len() <= self.size);
        // SAFETY: the writable view is mapped for as long as `self` lives and has `size` bytes; the range was checked.
        unsafe {
            std::ptr::copy_nonoverlapping(code.as_ptr(), (self.writable + offset) as *mut u8, code.len());
        }
        let (first, end) = (offset / PAGE * PAGE, offset + code.len());
        let touched = &mut self.touched;
        *touched = if touched.start == touched.end {
            first..end
        } else {
            first.min(touched.start)..end.max(touched.end)
        };
        if touched.len() > KEPT {
            // The pages stay in the memory file. Mapped in both views they would count twice, and the program writes seldom.
            // SAFETY: pages of the writable view, which is shared with the file: dropping them loses nothing.
            unsafe {
                libc::madvise((self.writable + touched.start) as *mut _, touched.len(), libc::MADV_DONTNEED);
            }
            *touched = 0..0;
        }
    }

    /// The code at `address` of the executable view.
    pub fn read(&self, address: usize, len: usize) -> &[u8] {
        let offset = address.checked_sub(self.executable).expect("an address in code memory");
        assert!(offset + len <= self.size);
        // SAFETY: the executable view is mapped readable for as long as `self` lives; the range was checked.
        unsafe { std::slice::from_raw_parts(address as *const u8, len) }
    }

    /// Whether a 32-bit relative jump or call reaches `target` from everywhere in this memory.
    pub fn reaches(&self, target: usize) -> bool {
        let first = (target as i64).wrapping_sub(self.executable as i64);
        let last = first.wrapping_sub(self.size as i64);
        i32::try_from(first).is_ok() && i32::try_from(last).is_ok()
    }

    /// The first address of the executable view.
    pub fn base(&self) -> usize {
        self.executable
    }

    /// Bytes in allocated blocks.
    pub fn in_use(&self) -> usize {
        self.in_use
    }
}

impl Drop for CodeMemory {
    fn drop(&mut self) {
        fork::unregister(self.executable);
        // SAFETY: both views were mapped by `new` with this size, and nothing may run or write there any more.
        unsafe {
            libc::munmap(self.executable as *mut _, self.size);
            libc::munmap(self.writable as *mut _, self.size);
        }
    }
}

fn block_size(size: usize) -> usize {
    size.max(1).next_multiple_of(BLOCK_ALIGN)
}

#[derive(Clone, Copy, Debug)]
struct Mapped {
    executable: usize,
    writable: usize,
    size: usize,
    /// Bytes that may hold code, from the start; a fork copies only these.
    used: usize,
}

const READ_WRITE: i32 = libc::PROT_READ | libc::PROT_WRITE;
const READ_EXECUTE: i32 = libc::PROT_READ | libc::PROT_EXEC;

/// A new memory file of `size` bytes (sparse: only what is written takes memory).
fn memory_file(size: usize) -> Option<i32> {
    // SAFETY: plain system calls on a new descriptor that nobody else knows.
    unsafe {
        let fd = libc::memfd_create(c"coluber-code".as_ptr(), libc::MFD_CLOEXEC);
        if fd < 0 {
            return None;
        }
        if libc::ftruncate(fd, size as libc::off_t) != 0 {
            libc::close(fd);
            return None;
        }
        Some(fd)
    }
}

/// Maps `fd` shared; `at` 0: anywhere.
///
/// # Safety
/// With `MAP_FIXED` in `flags`, what is mapped at `at` is replaced: it has to be the caller's.
unsafe fn map(fd: i32, size: usize, at: usize, protection: i32, flags: i32) -> Option<usize> {
    // SAFETY: see the contract; without MAP_FIXED a new mapping disturbs nothing.
    let address = unsafe { libc::mmap(at as *mut _, size, protection, libc::MAP_SHARED | flags, fd, 0) };
    (address != libc::MAP_FAILED).then_some(address as usize)
}

fn map_twice(size: usize, near: usize) -> Option<Mapped> {
    let fd = memory_file(size)?;
    // SAFETY: no MAP_FIXED: nothing is replaced.
    let views = unsafe {
        let executable = map_near(fd, size, near).or_else(|| map(fd, size, 0, READ_EXECUTE, 0));
        let writable = executable.and_then(|_| map(fd, size, 0, READ_WRITE, 0));
        libc::close(fd);
        if let (Some(executable), None) = (executable, writable) {
            libc::munmap(executable as *mut _, size);
        }
        executable.zip(writable)
    };
    views.map(|(executable, writable)| Mapped { executable, writable, size, used: 0 })
}

/// Tries addresses from which a 32-bit displacement reaches `near` and 256 MiB around it, the farthest first: close to
/// a program lies its heap, which has to be able to grow.
fn map_near(fd: i32, size: usize, near: usize) -> Option<usize> {
    if near == 0 {
        return None;
    }
    let step = 64 << 20;
    let reach = (2 << 30) - size - (256 << 20);
    let fits = |at: usize| at.abs_diff(near).max((at + size).abs_diff(near)) < (2 << 30) - (128 << 20);
    let above = (0..reach).step_by(step).map(|d| near.saturating_add(reach - d));
    let below = (0..reach).step_by(step).filter_map(|d| near.checked_sub(reach + size - d));
    for at in above.chain(below).map(|at| at & !0xffff).filter(|&at| at > (1 << 20)) {
        // SAFETY: MAP_FIXED_NOREPLACE fails where something is mapped already.
        let Some(got) = (unsafe { map(fd, size, at, READ_EXECUTE, libc::MAP_FIXED_NOREPLACE) }) else {
            continue;
        };
        if fits(got) {
            return Some(got);
        }
        // An old kernel took the address for a hint.
        // SAFETY: mapped just now.
        unsafe { libc::munmap(got as *mut _, size) };
    }
    None
}

/// Gives the child of a fork its own copy of all code memory.
mod fork {
    use super::*;
    use std::cell::UnsafeCell;

    type Registry = Vec<(Mapped, Option<i32>)>;

    /// All code memory of the process, and, between `prepare` and the fork's end, a copy of each.
    static MAPPED: Mutex<Registry> = Mutex::new(Vec::new());
    static INSTALL: Once = Once::new();

    /// The lock, from `prepare` to `parent` or `child`. No thread-local: those with a destructor take memory when they are first used.
    struct Forking(UnsafeCell<Option<MutexGuard<'static, Registry>>>);

    // SAFETY: only the thread that has the lock comes here, and it is the one that forks.
    unsafe impl Sync for Forking {}

    static FORKING: Forking = Forking(UnsafeCell::new(None));

    fn lock() -> MutexGuard<'static, Registry> {
        MAPPED.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn register(mapped: Mapped) {
        INSTALL.call_once(|| {
            // SAFETY: the handlers are functions of this program, which is never unloaded while compiled code exists.
            unsafe { libc::pthread_atfork(Some(prepare), Some(parent), Some(child)) };
        });
        lock().push((mapped, None));
    }

    pub(super) fn unregister(executable: usize) {
        lock().retain(|(mapped, _)| mapped.executable != executable);
    }

    pub(super) fn set_used(executable: usize, used: usize) {
        if let Some((mapped, _)) = lock().iter_mut().find(|(m, _)| m.executable == executable) {
            mapped.used = mapped.used.max(used);
        }
    }

    /// Before the fork: copies. The lock is kept, so that no block is allocated until the fork is over.
    unsafe extern "C" fn prepare() {
        let mut all = lock();
        for (mapped, copy) in all.iter_mut() {
            *copy = memory_file(mapped.size).filter(|&fd| {
                // SAFETY: the executable view is readable and `used` bytes long at least; the registry's lock is held.
                let code = unsafe { std::slice::from_raw_parts(mapped.executable as *const u8, mapped.used) };
                let written = write_all(fd, code);
                if !written {
                    // SAFETY: `fd` was made above.
                    unsafe { libc::close(fd) };
                }
                written
            });
        }
        // SAFETY: this thread has the lock.
        unsafe { *FORKING.0.get() = Some(all) };
    }

    fn write_all(fd: i32, mut bytes: &[u8]) -> bool {
        while !bytes.is_empty() {
            // SAFETY: `bytes` is a valid slice.
            let n = unsafe { libc::write(fd, bytes.as_ptr() as *const _, bytes.len()) };
            if n <= 0 {
                return false;
            }
            bytes = &bytes[n as usize..];
        }
        true
    }

    unsafe extern "C" fn parent() {
        finish(|_, _| true);
    }

    unsafe extern "C" fn child() {
        finish(|mapped, fd| {
            // SAFETY: the views that are replaced belong to registered code memory, which is mapped until unregistered.
            unsafe {
                map(fd, mapped.size, mapped.executable, READ_EXECUTE, libc::MAP_FIXED).is_some()
                    && map(fd, mapped.size, mapped.writable, READ_WRITE, libc::MAP_FIXED).is_some()
            }
        });
    }

    /// Applies `f` to each memory with its copy (-1: there is none), closes the copies, and unlocks.
    fn finish(f: impl Fn(&Mapped, i32) -> bool) {
        // SAFETY: `prepare` took the lock in this thread, and nobody has given it back.
        let Some(mut all) = (unsafe { (*FORKING.0.get()).take() }) else { return };
        for (mapped, copy) in all.iter_mut() {
            let fd = copy.take().unwrap_or(-1);
            if !f(mapped, fd) {
                // Going on would let parent and child change each other's running code.
                std::process::abort();
            }
            if fd >= 0 {
                // SAFETY: `prepare` made the descriptor.
                unsafe { libc::close(fd) };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn released_neighbours_become_one_block() {
        let mut memory = CodeMemory::new(4096, 0).unwrap();
        let blocks: Vec<usize> = (0..4).map(|_| memory.allocate(100).unwrap()).collect();
        let last = memory.allocate(100).unwrap();
        assert!(blocks.iter().all(|block| block % BLOCK_ALIGN == 0));
        for block in [blocks[1], blocks[3], blocks[2], blocks[0]] {
            memory.release(block, 100);
        }
        assert_eq!(memory.allocate(4 * 112), Ok(blocks[0]), "four neighbours make room for one large block");
        memory.release(blocks[0], 4 * 112);
        memory.release(last, 100);
        assert_eq!(memory.in_use(), 0);
        assert_eq!(memory.allocate(4096), Ok(memory.base()));
        assert_eq!(memory.allocate(1), Err(CompileError::CodeMemoryFull));
    }

    #[test]
    fn memory_near_an_address_reaches_it() {
        let here = memory_near_an_address_reaches_it as *const () as usize;
        let memory = CodeMemory::new(1 << 20, here).unwrap();
        assert!(memory.reaches(here));
        assert!(!memory.reaches(here ^ 1 << 46));
    }

    #[test]
    fn what_is_written_is_read_in_the_executable_view() {
        let mut memory = CodeMemory::new(4096, 0).unwrap();
        let block = memory.allocate(3).unwrap();
        memory.write(block, &[1, 2, 3]);
        assert_eq!(memory.read(block, 3), [1, 2, 3]);
    }
}
