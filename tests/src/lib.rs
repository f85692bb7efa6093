//! Shared helpers for tests that cross crates: polls made of honest and hostile events.

pub mod hostile;
pub mod vectors;
