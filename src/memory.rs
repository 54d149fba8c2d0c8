//! Gives back memory that a program needs no more: code of start-up, of importing and compiling, and of the JIT's compiler between two
//! recordings.
//!
//! Called before the program begins, by the evaluator when code gets warm and by the tracer around recordings, always with the GIL held. Pages of code and
//! constants are clean copies of files; what is needed after all comes back from the page cache at the first touch, some 64 KiB at a time. What
//! the C library keeps of freed memory goes, too, so that compiling a trace does not come on top. A program pays 0.4 ms, with warm code
//! up to some hundredths of its first tenth of a second, and less and less after that.

use std::ffi::{c_int, c_void};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// How many objects were loaded when we began: the executable, libpython, the system's libraries, this one. Extension modules of the program
/// come behind them in the dynamic linker's list; they may be large, and are left alone.
static AT_START: AtomicUsize = AtomicUsize::new(0);

/// What a program imports so early it needs to begin at all; what takes longer is the program.
const BEGINNING: Duration = Duration::from_millis(100);
/// After so long without a recording the compiler's code may go.
const COMPILER_PAUSE: Duration = Duration::from_millis(3);
/// Of smaller segments of an object little is to be had, for two system calls each.
const LARGE: usize = 256 << 10;
/// Of larger segments a page fault maps less once the program runs.
const VERY_LARGE: usize = 1 << 20;
/// So many bytes; a power of two.
const WINDOW: usize = 32 << 10;
/// Bytes of free memory that are worth giving back.
const WORTH_TRIMMING: c_int = 256 << 10;

/// Giving back and getting again costs some 0.7 ms, so it must not happen too often.
struct Limit {
    /// In nanoseconds after the program's begin: zero at first, when `others` decides alone.
    not_before: AtomicU64,
    /// Between two times is so long, and as long as the program has run so far.
    pause: Duration,
    /// So long nothing may have been given back for another reason, either.
    others: Duration,
}

/// Importing leaves much that the program does not need; one that ends at once had better not deal with it.
static WHEN_WARM: Limit = Limit::new(Duration::from_millis(16), Duration::from_millis(16));
/// Of what an import needs no more a part comes cheap.
static WHILE_IMPORTING: Limit = Limit::new(Duration::from_millis(16), Duration::from_millis(16));
/// A recording needs memory at once, however lately the last one did.
static FOR_RECORDING: Limit = Limit::new(Duration::from_millis(16), Duration::from_millis(8));
/// The compiler's code, which each of a series of recordings would have to get back.
static AFTER_COMPILING: Limit = Limit::new(COMPILER_PAUSE, Duration::ZERO);
/// When idle pages were last given back and no module was being imported, in nanoseconds after the program's begin; 0 if never.
static GIVEN_AT: AtomicU64 = AtomicU64::new(0);
/// When the last recording ended, in nanoseconds after the program's begin; `NONE` when the compiler's code was given back since.
static RECORDED_AT: AtomicU64 = AtomicU64::new(NONE);
const NONE: u64 = u64::MAX;

impl Limit {
    const fn new(pause: Duration, others: Duration) -> Limit {
        Limit { not_before: AtomicU64::new(0), pause, others }
    }

    /// Whether it may happen now; then the next time is later.
    fn allows(&self) -> bool {
        let age = age();
        let given_at = GIVEN_AT.load(Ordering::Relaxed);
        let allowed = age >= Duration::from_nanos(self.not_before.load(Ordering::Relaxed))
            && (given_at == 0 || age >= Duration::from_nanos(given_at) + self.others);
        if allowed {
            let next = age + self.pause.max(age);
            self.not_before.store(next.as_nanos() as u64, Ordering::Relaxed);
        }
        allowed
    }
}

/// How long the program has run, from the first question on.
fn age() -> Duration {
    static STARTED: OnceLock<Instant> = OnceLock::new();
    STARTED.get_or_init(Instant::now).elapsed()
}

/// From now on memory may be given back, of the objects that are loaded by now. What the dynamic linker touched of libraries goes at once: that
/// costs 20 µs, and little of it is needed again.
pub fn begin() {
    if AT_START.load(Ordering::Relaxed) != 0 {
        return;
    }
    let mut count = 0;
    // SAFETY: `count_object` fits the signature and takes the data for what it is.
    unsafe { libc::dl_iterate_phdr(Some(count_object), (&raw mut count).cast()) };
    AT_START.store(count, Ordering::Relaxed);
    age();
    drop_pages(Pass { python: false, narrow: true });
}

/// The program does something new, or goes on with something: what it needs no more may go.
pub fn give_back() {
    let recorded_at = RECORDED_AT.load(Ordering::Relaxed);
    let paused = recorded_at != NONE && age() >= Duration::from_nanos(recorded_at) + COMPILER_PAUSE;
    if paused && AFTER_COMPILING.allows() {
        RECORDED_AT.store(NONE, Ordering::Relaxed);
        trim();
        if let (Some((start, end)), Ok(pagemap)) = (compiler(), File::open(PAGEMAP)) {
            // The interpreter's code is on the first page, too.
            drop_clean(&pagemap, start.next_multiple_of(page_size()), end / page_size() * page_size());
        }
    }
    let importing = is_importing();
    if (if importing { &WHILE_IMPORTING } else { &WHEN_WARM }).allows() {
        drop_idle(importing, !importing);
    }
}

/// A recording begins: makes room for it, and maps the code that only the JIT runs, all at once instead of at some twenty page faults.
pub fn begin_recording() {
    if RECORDED_AT.load(Ordering::Relaxed) != NONE {
        return;
    }
    if FOR_RECORDING.allows() {
        drop_idle(is_importing(), true);
    }
    if let Some((start, end)) = compiler() {
        let start = start / page_size() * page_size();
        // SAFETY: pages of this library's code; nothing of them changes. Kernels before 5.14 refuse, and map at each fault.
        unsafe { libc::madvise(start as *mut c_void, end - start, libc::MADV_POPULATE_READ) };
    }
}

/// A recording has ended, and what was made of it is installed.
pub fn end_recording() {
    RECORDED_AT.store(age().as_nanos() as u64, Ordering::Relaxed);
}

/// Whether the program is still importing what it begins with.
fn is_importing() -> bool {
    // SAFETY: the GIL is held, by the module's contract.
    age() < BEGINNING && unsafe { capi::import::is_importing(capi::sys::PyThreadState_Get()) }
}

/// Gives back the pages of code and constants of the objects that were noted, and free memory. `python`: Python's own, too, of which an import
/// needs most again.
fn drop_idle(importing: bool, python: bool) {
    // The compiler's code goes, too.
    RECORDED_AT.store(NONE, Ordering::Relaxed);
    trim();
    let first = !importing && GIVEN_AT.swap(age().as_nanos() as u64, Ordering::Relaxed) == 0;
    drop_pages(Pass { python, narrow: first });
}

/// Gives back the pages of code and constants of the objects that were noted.
fn drop_pages(pass: Pass) {
    let left = AT_START.load(Ordering::Relaxed);
    let Ok(pagemap) = File::open(PAGEMAP) else { return };
    let mut visit = Visit { pagemap, left, pass };
    // SAFETY: `visit_object` fits the signature and takes the data for what it is.
    unsafe { libc::dl_iterate_phdr(Some(visit_object), (&raw mut visit).cast()) };
}

/// Gives free memory back. A little is soon used again, and costs more to get back than it is worth.
fn trim() {
    // SAFETY: the allocator's own functions; they move nothing that is in use.
    unsafe {
        // What is beyond 2 GiB may look negative.
        if !(0..WORTH_TRIMMING).contains(&libc::mallinfo().fordblks) {
            libc::malloc_trim(0);
        }
    }
}

/// Where the code is that only the JIT runs: known where the linker was told to put it together.
fn compiler() -> Option<(usize, usize)> {
    #[cfg(all(ordered_code, not(test)))]
    {
        unsafe extern "C" {
            // tools/link-python/order.ld
            static coluber_compiler_begin: u8;
            static coluber_compiler_end: u8;
        }
        Some((&raw const coluber_compiler_begin as usize, &raw const coluber_compiler_end as usize))
    }
    #[cfg(not(all(ordered_code, not(test))))]
    None
}

/// See Documentation/admin-guide/mm/pagemap.rst of the kernel.
const PAGEMAP: &str = "/proc/self/pagemap";

/// Bytes of a page.
fn page_size() -> usize {
    // SAFETY: asks for a number.
    unsafe { libc::sysconf(libc::_SC_PAGESIZE) as usize }
}

/// Lies in the code of Python.
const PYTHON: unsafe extern "C" fn() -> c_int = capi::sys::Py_IsInitialized;

/// Whose pages go: those of libraries do each time.
struct Pass {
    /// Those of the object that Python is in, too.
    python: bool,
    /// Large segments are narrowed, for good: of that object, or else of the libraries.
    narrow: bool,
}

struct Visit {
    pagemap: File,
    left: usize,
    pass: Pass,
}

unsafe extern "C" fn count_object(_: *mut libc::dl_phdr_info, _size: usize, data: *mut c_void) -> c_int {
    // SAFETY: `begin` passes a number.
    unsafe { *data.cast::<usize>() += 1 };
    0
}

unsafe extern "C" fn visit_object(info: *mut libc::dl_phdr_info, _size: usize, data: *mut c_void) -> c_int {
    // SAFETY: the dynamic linker passes a valid description, which stays as it is during the call, and our own data.
    let (info, visit) = unsafe { (&*info, &mut *data.cast::<Visit>()) };
    let Some(left) = visit.left.checked_sub(1) else { return 1 };
    visit.left = left;
    // SAFETY: as above.
    let headers = unsafe { std::slice::from_raw_parts(info.dlpi_phdr, usize::from(info.dlpi_phnum)) };
    let page = page_size();
    let has = |address: usize| {
        let start = |h: &libc::Elf64_Phdr| (info.dlpi_addr + h.p_vaddr) as usize;
        headers.iter().any(|h| address.wrapping_sub(start(h)) < h.p_memsz as usize)
    };
    let python = has(PYTHON as usize);
    if python && !visit.pass.python {
        return 0;
    }
    // Our own code is in the order in which it is needed.
    let narrows = visit.pass.narrow && python == visit.pass.python && !has(narrow as *const () as usize);
    for header in headers.iter().filter(|h| h.p_type == libc::PT_LOAD && h.p_flags & libc::PF_W == 0) {
        let address = (info.dlpi_addr + header.p_vaddr) as usize;
        if (header.p_memsz as usize) < LARGE {
            continue;
        }
        // The page at each end may belong to a neighbour that is written to.
        let (start, end) =
            (address.next_multiple_of(page), (address + header.p_memsz as usize) / page * page);
        drop_clean(&visit.pagemap, start, end);
        if narrows && end - start >= VERY_LARGE {
            narrow(start, end);
        }
    }
    0
}

/// Lets a page fault from `start` to `end` map few pages around it instead of 64 KiB: the kernel maps none beyond the end of a
/// mapping, so it becomes many, of which every other is marked. The mark forbids huge pages, which these never have.
fn narrow(start: usize, end: usize) {
    for at in (start.next_multiple_of(2 * WINDOW)..end).step_by(2 * WINDOW) {
        let bytes = WINDOW.min(end - at);
        // SAFETY: pages of a mapped file; the advice changes nothing that can be read. It may be refused, and is then without effect.
        unsafe { libc::madvise(at as *mut c_void, bytes, libc::MADV_NOHUGEPAGE) };
    }
}

/// Drops the pages from `start` to `end` but for those that were written to (a debugger's breakpoint, a hook, a text with
/// relocations): they could not be had again.
fn drop_clean(pagemap: &File, start: usize, end: usize) {
    let page = page_size();
    // The bits of an entry.
    const PRESENT: u64 = 1 << 63;
    const SWAPPED: u64 = 1 << 62;
    const OF_A_FILE: u64 = 1 << 61;
    const ENTRY: usize = size_of::<u64>();
    let mut entries = [0; 512 * ENTRY];
    let (mut clean_from, mut at) = (start, start);
    while at < end {
        let wanted = ((end - at) / page * ENTRY).min(entries.len());
        if pagemap.read_exact_at(&mut entries[..wanted], (at / page * ENTRY) as u64).is_err() {
            return;
        }
        for entry in entries[..wanted].chunks_exact(ENTRY) {
            let entry = u64::from_ne_bytes(entry.try_into().expect("eight bytes"));
            if entry & SWAPPED != 0 || entry & (PRESENT | OF_A_FILE) == PRESENT {
                drop_range(clean_from, at);
                clean_from = at + page;
            }
            at += page;
        }
    }
    drop_range(clean_from, end);
}

fn drop_range(start: usize, end: usize) {
    if start < end {
        // SAFETY: pages of a private mapping of a file, as they are in the file: dropping one means reading it again. A
        // failure changes nothing.
        unsafe { libc::madvise(start as *mut c_void, end - start, libc::MADV_DONTNEED) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsRawFd;

    #[test]
    fn only_pages_that_were_written_to_stay() {
        const PAGE: usize = 1 << 16; // a page or several, everywhere
        let path = std::env::temp_dir().join(format!("coluber-pages-{}", std::process::id()));
        std::fs::write(&path, vec![1; 3 * PAGE]).unwrap();
        let file = File::open(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        let pagemap = File::open("/proc/self/pagemap").unwrap();
        let present = |address: usize| {
            let mut entry = [0; 8];
            pagemap.read_exact_at(&mut entry, (address / page_size() * 8) as u64).unwrap();
            u64::from_ne_bytes(entry) >> 63 == 1
        };
        // SAFETY: a new mapping of three pages, which only this test uses.
        unsafe {
            let protection = libc::PROT_READ | libc::PROT_WRITE;
            let at = libc::mmap(
                std::ptr::null_mut(),
                3 * PAGE,
                protection,
                libc::MAP_PRIVATE,
                file.as_raw_fd(),
                0,
            );
            assert_ne!(at, libc::MAP_FAILED);
            let bytes = std::slice::from_raw_parts_mut(at.cast::<u8>(), 3 * PAGE);
            assert_eq!(bytes[0] + bytes[2 * PAGE], 2);
            bytes[PAGE] = 7;
            let start = at as usize;
            drop_clean(&pagemap, start, start + 3 * PAGE);
            assert_eq!([0, PAGE, 2 * PAGE].map(|offset| present(start + offset)), [false, true, false]);
            assert_eq!([bytes[0], bytes[PAGE], bytes[2 * PAGE]], [1, 7, 1]);
            libc::munmap(at, 3 * PAGE);
        }
    }
}
