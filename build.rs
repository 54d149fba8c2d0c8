//! Tells how `libcoluber` is linked, and what it was built for.

fn main() {
    let python = link_python::for_library();
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-env=COLUBER_BASE_VERSION={}", python.version);
    println!("cargo:rustc-env=COLUBER_BASE_BUILD={}", python.build);
    println!("cargo:rustc-env=COLUBER_BASE_PREFIX={}", python.prefix);
    println!("cargo:rustc-env=COLUBER_BASE_EXEC_PREFIX={}", python.exec_prefix);
}
