//! Tells how `libcoluber` is linked and freezes the Python package `coluber` into it.

use std::fmt::Write as _;
use std::path::Path;

/// Module name, source, whether it is a package.
const PACKAGE: [(&str, &str, bool); 2] = [
    ("coluber", "lib-python/coluber/__init__.py", true),
    ("coluber.jit", "lib-python/coluber/jit.py", false),
];

fn main() {
    let python = link_python::for_library();
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-env=COLUBER_BASE_VERSION={}", python.version);
    println!("cargo:rustc-env=COLUBER_BASE_BUILD={}", python.build);
    println!("cargo:rustc-env=COLUBER_BASE_PREFIX={}", python.prefix);
    println!("cargo:rustc-env=COLUBER_BASE_EXEC_PREFIX={}", python.exec_prefix);

    let out = std::env::var("OUT_DIR").expect("cargo sets OUT_DIR");
    let mut table = format!("const FROZEN: [Source; {}] = [\n", PACKAGE.len());
    for (name, source, package) in PACKAGE {
        let target = python.freeze(name, source, &format!("{name}.marshal"));
        writeln!(
            table,
            "Source {{ name: c{name:?}, code: include_bytes!({target:?}), package: {package} }},"
        )
        .expect("a String takes all");
    }
    std::fs::write(Path::new(&out).join("frozen.rs"), table + "];\n").expect("OUT_DIR is ours to write");
}
