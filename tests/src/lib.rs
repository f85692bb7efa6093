//! Shared helpers for tests that cross crates.
