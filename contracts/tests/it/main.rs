//! The contracts on the embedded chain.

mod artifacts;
mod calldata;
mod decider;
mod ecosystem;
mod poll;
mod snapshot;
