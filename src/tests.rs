//! The unit tests of the library's modules, in an executable that is linked with libpython.

#![allow(dead_code)]

mod executable;
mod memory;
mod module;
mod options;
mod report;
mod start;
mod version;
mod wire;
