//! Tiny benches, their files, and circuits that others have written.

mod batches;
mod circuits;
mod documents;
mod pasta;
mod poseidon;
mod runs;
