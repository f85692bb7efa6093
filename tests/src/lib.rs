//! Shared helpers for tests that cross crates: polls made of honest and hostile events, and decider
//! proofs of MACI's polls.

pub mod decider;
pub mod harness;
pub mod hostile;
pub mod relayed;
pub mod town;
pub mod vectors;
