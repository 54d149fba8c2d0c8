//! Gives back the pages of code and constants that only Python's start-up needed.
//!
//! Called once by `main.rs`, between initialization and the program. These pages are clean copies of the executable's file:
//! what the program needs of them comes back from the page cache at the first touch, some 64 KiB at a time. An interpreter that is
//! linked from an archive has its functions less well sorted than the distribution's own, so start-up leaves more such pages behind.

use std::ffi::{CStr, c_int, c_void};

/// Drops the read-only pages of the executable and of libpython from memory.
pub fn drop_startup_pages() {
    // SAFETY: `visit` fits the signature and keeps nothing of what it is given.
    unsafe { libc::dl_iterate_phdr(Some(visit), std::ptr::null_mut()) };
}

unsafe extern "C" fn visit(info: *mut libc::dl_phdr_info, _size: usize, _data: *mut c_void) -> c_int {
    // SAFETY: the dynamic linker passes a valid description, which stays as it is during the call.
    let (info, name, headers) = unsafe {
        let info = &*info;
        (
            info,
            CStr::from_ptr(info.dlpi_name),
            std::slice::from_raw_parts(info.dlpi_phdr, usize::from(info.dlpi_phnum)),
        )
    };
    let name = name.to_bytes();
    if !name.is_empty() && !name.windows(9).any(|part| part == b"libpython") {
        return 0;
    }
    // SAFETY: asks for a number.
    let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) } as usize;
    for header in headers {
        if header.p_type != libc::PT_LOAD || header.p_flags & libc::PF_W != 0 {
            continue;
        }
        // The page at each end may belong to a neighbour that is written to.
        let start = (info.dlpi_addr as usize + header.p_vaddr as usize).next_multiple_of(page);
        let end = (info.dlpi_addr as usize + header.p_vaddr as usize + header.p_memsz as usize) / page * page;
        if start < end {
            // SAFETY: a private mapping of a file that is never written to: dropping a page means reading it again. A
            // failure changes nothing.
            unsafe { libc::madvise(start as *mut c_void, end - start, libc::MADV_DONTNEED) };
        }
    }
    0
}
