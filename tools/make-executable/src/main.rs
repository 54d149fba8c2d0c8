//! Makes the executable `coluber`: the base Python's own file, made to load `libcoluber` first.
//!
//!     make-executable LIBRARY OUTPUT
//!
//! `LIBRARY` is the built library; the executable looks for it beside itself, then where it is now (what `venv --copies` copies is only
//! the executable). `libcoluber` takes control at the program's start (`src/executable.rs`). Nothing of the base Python's code or data
//! changes: it is what distributions optimise best, with profiles and at link time, and no libpython is as fast.

use std::error::Error;
use std::fs;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use object_rewrite::{Options, Rewriter};

fn main() -> ExitCode {
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [library, output] = arguments.as_slice() else {
        eprintln!("usage: make-executable LIBRARY OUTPUT");
        return ExitCode::from(2);
    };
    match make(library, output) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("coluber: {message}");
            ExitCode::FAILURE
        }
    }
}

fn make(library: &Path, output: &Path) -> Result<(), String> {
    let python = link_python::ask();
    let base = &python.executable;
    let library = library.canonicalize().map_err(|error| format!("{}: {error}", library.display()))?;
    let (Some(folder), Some(name)) = (library.parent(), library.file_name()) else {
        return Err(format!("{} is not a file", library.display()));
    };
    let data = fs::read(base).map_err(|error| format!("{}: {error}", base.display()))?;
    let unfit = |error: object_rewrite::Error| format!("{} can't be extended: {error}", base.display());
    let mut rewriter = Rewriter::read(&data).map_err(unfit)?;

    let mut folders = vec!["$ORIGIN".into(), bytes(folder)];
    folders.extend(rewriter.elf_runpath().map(<[u8]>::to_vec));
    if python.runs_shared {
        folders.extend(python.library.parent().map(bytes).filter(|folder| !folders.contains(folder)));
    }
    let mut options = Options::default();
    options.elf.add_needed = vec![name.as_encoded_bytes().to_vec()];
    options.elf.set_runpath = Some(folders.join(&b':'));
    rewriter.modify(options).map_err(unfit)?;

    write(rewriter, base, output).map_err(|error| format!("{}: {error}", output.display()))?;
    forget_pages(output);
    forget_pages(&library);
    Ok(())
}

/// Puts the file, with the rights of `base`, in place of `output` when it is complete, and never over one that a process runs.
fn write(rewriter: Rewriter, base: &Path, output: &Path) -> Result<(), Box<dyn Error>> {
    let unfinished = output.with_extension("new");
    rewriter.write(fs::File::create(&unfinished)?)?;
    fs::set_permissions(&unfinished, fs::metadata(base)?.permissions())?;
    Ok(fs::rename(&unfinished, output)?)
}

/// Lets the kernel read a file anew when it is needed. What was just written may lie in huge pages, of which a process gets all as soon as
/// it touches a byte; read as code they become as small as those of every other program. A wish only: failing costs memory, nothing else.
fn forget_pages(path: &Path) {
    if let Ok(file) = fs::File::open(path).and_then(|file| file.sync_all().map(|()| file)) {
        // SAFETY: advice on an open file; nothing of this process is touched.
        unsafe { libc::posix_fadvise(file.as_raw_fd(), 0, 0, libc::POSIX_FADV_DONTNEED) };
    }
}

fn bytes(path: impl AsRef<Path>) -> Vec<u8> {
    path.as_ref().as_os_str().as_encoded_bytes().to_vec()
}
