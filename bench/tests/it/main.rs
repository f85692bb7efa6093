//! Tiny benches, their files, and circuits that others have written.

mod batches;
mod circuits;
mod documents;
mod poseidon;
mod runs;
