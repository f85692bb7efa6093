//! The running proof: folded, saved, loaded.

mod checkpoint;
mod running_proof;
