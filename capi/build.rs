//! Links this crate's tests with the base Python's libpython, and compiles the samples of the start-up check.

fn main() {
    let python = link_python::for_tests();
    println!("cargo:rerun-if-changed=build.rs");
    python.freeze("coluber.check", "src/check_samples.py", "check_samples.marshal");
}
