//! From recordings to compiled traces: the recording machine, the optimizer, exits, and the driver that decides.

pub mod abort;
pub mod code_info;
mod data_stack;
pub mod driver;
pub mod dump;
pub mod exits;
mod layout;
pub mod optimizer;
mod packed;
mod picture;
pub mod recorder;
mod reserve;
pub mod runtime;
pub mod statistics;
mod versions;
