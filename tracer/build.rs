//! Links the tests of this crate with libpython: the crates below it refer to its symbols.

fn main() {
    link_python::for_tests();
}
