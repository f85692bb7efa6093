//! The decider: one proof of a poll that a contract verifies.
//!
//! It is a Groth16 proof with a committed part ([`crate::groth16`]) and one KZG opening, both in one
//! pairing product. [`circuit`] says what is proven, [`prover`] makes keys and proofs, [`verifier`] is all
//! of the verification in Rust.

pub mod circuit;
mod nonnative;
mod pedersen;
pub mod prover;
pub mod verifier;

pub use prover::{Prover, ProverError};
pub use verifier::{verify, DeciderError, DeciderKey, DeciderProof, Fold, Statement};
