//! Links this crate's tests with the base Python's libpython.

fn main() {
    link_python::for_tests();
    println!("cargo:rerun-if-changed=build.rs");
}
