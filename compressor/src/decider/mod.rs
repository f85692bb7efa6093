//! The decider: one proof of a poll that a contract verifies.
//!
//! It is a Groth16 proof with a committed part ([`crate::groth16`]) and one KZG opening, both in one
//! pairing product. [`verifier`] is all of the verification in Rust.

pub mod verifier;

pub use verifier::{verify, DeciderError, DeciderKey, DeciderProof, Fold, Statement};
