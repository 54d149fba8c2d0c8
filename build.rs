//! Links the executable with libpython and freezes the Python package `coluber` into it.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

const FREEZE: &str = "\
import marshal, sys
name, source, target = sys.argv[1:]
with open(source, encoding='utf-8') as file:
    code = compile(file.read(), f'<frozen {name}>', 'exec', dont_inherit=True)
with open(target, 'wb') as file:
    file.write(marshal.dumps(code))
";

/// Module name, source, whether it is a package.
const PACKAGE: [(&str, &str, bool); 2] = [
    ("coluber", "lib-python/coluber/__init__.py", true),
    ("coluber.jit", "lib-python/coluber/jit.py", false),
];

fn main() {
    let python = link_python::for_executable();
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-env=COLUBER_BASE_VERSION={}", python.version);
    println!("cargo:rustc-env=COLUBER_BASE_PREFIX={}", python.prefix);
    println!("cargo:rustc-env=COLUBER_BASE_EXEC_PREFIX={}", python.exec_prefix);

    let out = std::env::var("OUT_DIR").expect("cargo sets OUT_DIR");
    let mut table = format!("const FROZEN: [Source; {}] = [\n", PACKAGE.len());
    for (name, source, package) in PACKAGE {
        println!("cargo:rerun-if-changed={source}");
        let target = Path::new(&out).join(format!("{name}.marshal"));
        let mut freeze = Command::new(&python.executable);
        freeze.args(["-I", "-S", "-c", FREEZE, name, source]).arg(&target);
        assert!(freeze.status().is_ok_and(|status| status.success()), "{source} does not compile");
        writeln!(
            table,
            "Source {{ name: c{name:?}, code: include_bytes!({target:?}), package: {package} }},"
        )
        .expect("a String takes all");
    }
    std::fs::write(Path::new(&out).join("frozen.rs"), table + "];\n").expect("OUT_DIR is ours to write");
}
