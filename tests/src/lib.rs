//! Shared helpers for tests that cross crates: polls made of honest and hostile events, and the
//! proving library's IVC to compare the folding engine with.

pub mod baseline;
pub mod hostile;
pub mod measure;
pub mod vectors;
