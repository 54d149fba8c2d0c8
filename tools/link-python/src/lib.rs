//! What the base Python says of itself, and how this workspace's own executables are linked with its libpython.
//!
//! Called by build scripts, the root package's (`for_library`) and those of the crates whose tests run Python
//! (`for_tests`), and by `tools/make-executable`. It is the one place that knows about archives and shared libraries, and it must never
//! choose a Python itself: that is `tools/find-python`'s part, and its answer comes in `COLUBER_PYTHON`.
//!
//! ```text
//! fn main() {
//!     link_python::for_tests(); // build.rs of a crate with Python in its tests
//! }
//! ```
//!
//! Only tests are linked with libpython: with the static archive where the base Python itself is linked that way, else with the shared
//! library and an rpath. `libcoluber` finds Python's functions in the process that loads it.

use std::path::{Path, PathBuf};
use std::process::Command;

/// What the base Python says of itself.
pub struct Python {
    /// The interpreter; of a venv, the one that it is based on.
    pub executable: PathBuf,
    /// `3.11.x`.
    pub version: String,
    /// `sys.version` in one line: when and with what it was built, too.
    pub build: String,
    /// `sys.base_prefix`.
    pub prefix: String,
    /// `sys.base_exec_prefix`.
    pub exec_prefix: String,
    /// The folder of `Python.h`.
    pub include: PathBuf,
    /// Whether it is a debug build: with assertions.
    pub debug: bool,
    /// How its extension modules' file names end.
    pub ext_suffix: String,
    /// Its archive or shared library.
    pub library: PathBuf,
    /// Whether the interpreter is in the shared library; else it is in the executable.
    pub runs_shared: bool,
    /// Arguments for the linker driver, in order.
    pub link_args: Vec<String>,
}

/// Compiles a Python source to a file.
const FREEZE: &str = "\
import marshal, sys
name, source, target = sys.argv[1:]
with open(source, encoding='utf-8') as file:
    code = compile(file.read(), f'<frozen {name}>', 'exec', dont_inherit=True)
with open(target, 'wb') as file:
    file.write(marshal.dumps(code))
";

impl Python {
    /// Compiles `source`, a path within the calling package, as module `name`; the marshalled code is in the answered file,
    /// `file` in OUT_DIR.
    pub fn freeze(&self, name: &str, source: &str, file: &str) -> PathBuf {
        println!("cargo:rerun-if-changed={source}");
        let target = Path::new(&std::env::var("OUT_DIR").expect("cargo sets OUT_DIR")).join(file);
        let mut freeze = Command::new(&self.executable);
        freeze.args(["-I", "-S", "-c", FREEZE, name, source]).arg(&target);
        assert!(freeze.status().is_ok_and(|status| status.success()), "{source} does not compile");
        target
    }
}

/// Links every executable of the calling package (unit tests, integration tests, examples) with libpython.
/// For library crates only: a `cdylib` must not be linked so.
pub fn for_tests() -> Python {
    let python = find();
    for arg in &python.link_args {
        println!("cargo:rustc-link-arg={arg}");
    }
    python
}

/// Links the calling package's library, code that is executed next to each other, and its tests with libpython. Where the linker does
/// the first, the package is compiled with `cfg(ordered_code)` and may use the symbols of `order.ld`; where the C compiler's
/// library is there to be linked in, with `cfg(static_libgcc)` and may ask for it.
pub fn for_library() -> Python {
    let python = find();
    println!("cargo:rustc-check-cfg=cfg(ordered_code)");
    let mut args = order_args();
    // Relative relocations in a few bytes each, where linker and C library know them: less to read at start-up.
    let packed = "-Wl,-z,pack-relative-relocs";
    args.extend(program_runs_with(packed).then(|| packed.to_owned()));
    println!("cargo:rustc-check-cfg=cfg(static_libgcc)");
    if let Some(folder) = located("libgcc_eh.a").as_deref().and_then(Path::parent) {
        println!("cargo:rustc-link-search=native={}", folder.display());
        println!("cargo:rustc-cfg=static_libgcc");
        // Extension modules in C++ load the shared one, of which no function must be replaced by ours.
        args.push("-Wl,--exclude-libs,libgcc_eh.a:libgcc.a".into());
    }
    for arg in &args {
        println!("cargo:rustc-link-arg-cdylib={arg}");
    }
    for arg in &python.link_args {
        println!("cargo:rustc-link-arg-tests={arg}");
    }
    python
}

/// Puts code that is executed next to each other (`order.ld`, made by `tools/order-text`), where the linker understands it.
fn order_args() -> Vec<String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("order.ld");
    println!("cargo:rerun-if-changed={}", script.display());
    let arg = format!("-Wl,-T,{}", script.display());
    if program_runs_with(&arg) {
        println!("cargo:rustc-cfg=ordered_code");
        return vec![arg];
    }
    // LLD otherwise mixes the functions that the profile called hot with the cold ones; GNU ld never does.
    vec!["-Wl,-z,keep-text-section-prefix".into()]
}

/// Whether a program that is linked with this argument runs.
fn program_runs_with(arg: &str) -> bool {
    let get = |name| std::env::var(name).ok().filter(|value: &String| !value.is_empty());
    let (Some(rustc), Some(out)) = (get("RUSTC"), get("OUT_DIR")) else { return false };
    let (source, program) = (Path::new(&out).join("probe.rs"), Path::new(&out).join("probe"));
    let mut command = Command::new(rustc);
    command.arg(&source).arg("-o").arg(&program).args(["-C", &format!("link-arg={arg}")]);
    command.args(get("RUSTC_LINKER").map(|linker| format!("-Clinker={linker}")));
    command.args(get("CARGO_ENCODED_RUSTFLAGS").iter().flat_map(|flags| flags.split('\u{1f}')));
    let runs = |mut command: Command| command.output().is_ok_and(|done| done.status.success());
    std::fs::write(source, "fn main() {}").is_ok() && runs(command) && runs(Command::new(program))
}

/// Asks the base Python, and tells cargo when to ask again. Ends the build with one line where that fails.
pub fn find() -> Python {
    println!("cargo:rerun-if-env-changed=COLUBER_PYTHON");
    // A package brings a Python that was made before our last build: its files' times say nothing. The Makefile says which it is.
    println!("cargo:rerun-if-env-changed=COLUBER_PYTHON_BUILD");
    let python = ask();
    println!("cargo:rerun-if-changed={}", python.executable.display());
    println!("cargo:rerun-if-changed={}", python.library.display());
    python
}

/// Asks the base Python. Ends the process with one line where that fails.
pub fn ask() -> Python {
    let executable = match std::env::var("COLUBER_PYTHON") {
        Ok(path) if !path.is_empty() => path,
        _ => run(Command::new(finder()).arg("--no-install")).trim().to_owned(),
    };
    let answer = run(Command::new(&executable).args(["-I", "-S", "-c", include_str!("probe.py")]));
    let get = |name: &str| -> String {
        let line = answer.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        line.unwrap_or_else(|| fail(&format!("{executable} did not tell its {name}"))).to_owned()
    };
    let library = PathBuf::from(get("library"));
    let link_args = match get("form").as_str() {
        "static" => static_args(&library, &get("libs")),
        "shared" => shared_args(&library),
        _ => fail(&format!("{executable} has neither libpython3.11.a nor {}", library.display())),
    };
    Python {
        executable: get("executable").into(),
        version: get("version"),
        build: get("build"),
        prefix: get("prefix"),
        exec_prefix: get("exec_prefix"),
        include: get("include").into(),
        debug: get("debug") == "1",
        ext_suffix: get("ext_suffix"),
        runs_shared: get("form") == "shared",
        library,
        link_args,
    }
}

/// The whole archive, its symbols exported for extension modules, in an executable that isn't position-independent.
/// The later `-no-pie` wins over the `-pie` that rustc passes.
fn static_args(archive: &Path, libs: &str) -> Vec<String> {
    let mut args = vec![
        "-no-pie".into(),
        "-Wl,--whole-archive".into(),
        archive.display().to_string(),
        "-Wl,--no-whole-archive".into(),
        "-Wl,--export-dynamic".into(),
    ];
    let named = libs.split_whitespace().filter_map(|word| word.strip_prefix("-l"));
    for name in named.chain(["m", "dl", "util", "pthread"]) {
        let arg = system_library(name);
        if !args.contains(&arg) {
            args.push(arg);
        }
    }
    args
}

fn shared_args(shared: &Path) -> Vec<String> {
    let folder = shared.parent().unwrap_or(Path::new("/"));
    vec![shared.display().to_string(), format!("-Wl,-rpath,{}", folder.display())]
}

/// `-lname`; where only the run-time library is installed (no `libname.so` for the linker), that file itself.
fn system_library(name: &str) -> String {
    for suffix in ["so", "a"] {
        if located(&format!("lib{name}.{suffix}")).is_some() {
            return format!("-l{name}");
        }
    }
    let versioned = (0..10).find_map(|version| located(&format!("lib{name}.so.{version}")));
    versioned.map_or_else(|| format!("-l{name}"), |path| path.display().to_string())
}

/// Where the C compiler's linker finds a file; it repeats the bare name where it doesn't.
fn located(file: &str) -> Option<PathBuf> {
    let output = Command::new("cc").arg(format!("-print-file-name={file}")).output().ok()?;
    let path = PathBuf::from(String::from_utf8(output.stdout).ok()?.trim());
    path.is_absolute().then_some(path)
}

fn finder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../find-python")
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| fail(&format!("{command:?}: {error}")));
    if !output.status.success() {
        fail(String::from_utf8_lossy(&output.stderr).trim());
    }
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn fail(reason: &str) -> ! {
    println!("cargo:warning={reason}");
    std::process::exit(1)
}
