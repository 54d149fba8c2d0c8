//! The extension module: speeds up a stock python3.11 that imports it.
//!
//! Python loads it as `_coluber` (`make ext` gives it that name) and finds `PyInit__coluber` in `module.rs`. It shares all
//! its files with the executable; what is only the executable's is in `main.rs`.

mod module;
mod options;
mod report;
mod start;
mod wire;
