//! Links this crate's tests with the base Python's libpython, and compiles the samples of the start-up check. For a debug build of
//! Python the crate is compiled with `cfg(debug_python)`.

fn main() {
    let python = link_python::for_tests();
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-check-cfg=cfg(debug_python)");
    if python.debug {
        println!("cargo:rustc-cfg=debug_python");
    }
    python.freeze("coluber.check", "src/check_samples.py", "check_samples.marshal");
}
