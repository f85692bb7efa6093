//! Poll logs: in a file, and of a poll on a chain.

pub mod chain_log;
pub mod poll_log;
