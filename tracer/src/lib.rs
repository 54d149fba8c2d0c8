//! From recordings to compiled traces.

pub mod abort;
pub mod optimizer;
