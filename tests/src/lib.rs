//! Shared helpers for tests that cross crates: polls made of honest and hostile events, and the
//! proving library's IVC to compare the folding engine with, and decider proofs of MACI's polls.

pub mod baseline;
pub mod decider;
pub mod hostile;
pub mod measure;
pub mod town;
pub mod vectors;
