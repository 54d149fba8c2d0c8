//! The library `libcoluber`, which is all of Coluber: what the executable loads, and the extension module for a stock python3.11.
//!
//! Of the executable only is `executable.rs`. As an extension module Python loads it as `coluber` (`make ext` gives it that name) and finds
//! `PyInit_coluber` in `module.rs`.

#![cfg_attr(test, allow(dead_code))] // nobody starts a test as the executable

/// All of our own memory. CPython's is its own business.
#[cfg(not(test))]
#[global_allocator]
static ALLOCATOR: allocator::Allocator = allocator::Allocator;

mod executable;
mod memory;
mod module;
mod options;
mod report;
mod start;
mod version;
mod wire;

// The unwinder, which only backtraces of panics need: linked in, so that no process has to load it.
#[cfg(static_libgcc)]
#[link(name = "gcc_eh", kind = "static", modifiers = "-bundle")]
unsafe extern "C" {}
#[cfg(static_libgcc)]
#[link(name = "gcc", kind = "static", modifiers = "-bundle")]
unsafe extern "C" {}
