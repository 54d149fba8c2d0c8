//! Gives back memory that a program needs no more once it has a hot loop.
//!
//! Called by the tracer before it records for the first time and now and then after that, by way of `executable.rs`: a hot loop needs little of
//! the code that start-up, importing and compiling needed. Its pages are clean copies of files; what is needed after all comes back from the page
//! cache at the first touch, some 64 KiB at a time. What the C library keeps of freed memory goes, too, so that compiling a
//! trace does not come on top. A program without a hot loop pays nothing.

use std::ffi::{c_int, c_void};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many objects were loaded when the program began: the executable, libpython, the system's libraries. Extension modules come
/// behind them in the dynamic linker's list; they may be large, and are left alone.
static AT_START: AtomicUsize = AtomicUsize::new(0);

/// Bytes of free memory that are worth giving back.
const WORTH_TRIMMING: c_int = 256 << 10;

/// Before the program begins: says which objects `drop_idle` may deal with.
pub fn note_objects() {
    let mut count = 0;
    // SAFETY: `count_object` fits the signature and takes the data for what it is.
    unsafe { libc::dl_iterate_phdr(Some(count_object), (&raw mut count).cast()) };
    AT_START.store(count, Ordering::Relaxed);
}

/// Gives back the pages of code and constants of the objects that were noted, and free memory.
pub fn drop_idle() {
    // SAFETY: the allocator's own functions; they move nothing that is in use.
    unsafe {
        // A little is soon used again, and costs more to get back than it is worth. What is beyond 2 GiB may look negative.
        if !(0..WORTH_TRIMMING).contains(&libc::mallinfo().fordblks) {
            libc::malloc_trim(0);
        }
    }
    let Ok(pagemap) = File::open("/proc/self/pagemap") else { return };
    let mut visit = Visit { pagemap, left: AT_START.load(Ordering::Relaxed) };
    // SAFETY: `visit_object` fits the signature and takes the data for what it is.
    unsafe { libc::dl_iterate_phdr(Some(visit_object), (&raw mut visit).cast()) };
}

/// Maps the code that only the JIT runs, all at once instead of at some twenty page faults; a program is about to record.
pub fn expect_compiler() {
    #[cfg(all(ordered_code, not(test)))]
    {
        unsafe extern "C" {
            // tools/link-python/order.ld
            static coluber_compiler_begin: u8;
            static coluber_compiler_end: u8;
        }
        let (start, end) =
            (&raw const coluber_compiler_begin as usize, &raw const coluber_compiler_end as usize);
        let start = start / page_size() * page_size();
        // SAFETY: pages of this library's code; nothing of them changes. Kernels before 5.14 refuse, and map at each fault.
        unsafe { libc::madvise(start as *mut c_void, end - start, libc::MADV_POPULATE_READ) };
    }
}

/// Bytes of a page.
fn page_size() -> usize {
    // SAFETY: asks for a number.
    unsafe { libc::sysconf(libc::_SC_PAGESIZE) as usize }
}

struct Visit {
    pagemap: File,
    left: usize,
}

unsafe extern "C" fn count_object(_: *mut libc::dl_phdr_info, _size: usize, data: *mut c_void) -> c_int {
    // SAFETY: `note_objects` passes a number.
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
    for header in headers.iter().filter(|h| h.p_type == libc::PT_LOAD && h.p_flags & libc::PF_W == 0) {
        let address = (info.dlpi_addr + header.p_vaddr) as usize;
        // The page at each end may belong to a neighbour that is written to.
        let (start, end) =
            (address.next_multiple_of(page), (address + header.p_memsz as usize) / page * page);
        drop_clean(&visit.pagemap, start, end, page);
    }
    0
}

/// Drops the pages from `start` to `end` but for those that were written to (a debugger's breakpoint, a hook, a text with
/// relocations): they could not be had again.
fn drop_clean(pagemap: &File, start: usize, end: usize, page: usize) {
    // The bits of an entry: see Documentation/admin-guide/mm/pagemap.rst of the kernel.
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
            drop_clean(&pagemap, start, start + 3 * PAGE, page_size());
            assert_eq!([0, PAGE, 2 * PAGE].map(|offset| present(start + offset)), [false, true, false]);
            assert_eq!([bytes[0], bytes[PAGE], bytes[2 * PAGE]], [1, 7, 1]);
            libc::munmap(at, 3 * PAGE);
        }
    }
}
