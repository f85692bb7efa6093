//! The second phase of Groth16's setup (ePrint 2017/1050), for circuits with a committed part.
//!
//! The trapdoors x, alpha and beta come from a powers-of-tau file of a public ceremony ([`phase1`]); gamma is 1. Delta,
//! and rho of the committed part, are products of what each contributor draws and forgets. Nobody knows them if one of
//! the contributors did forget.
//!
//! ```text
//! from the file and the circuit     alpha_1, beta_1, beta_2, A, B_1, B_2, IC
//! times d, for each contributor     delta_1, delta_2        and 1/d:   L, H
//! times p                           gamma' = [rho]_2        and 1/p:   the bases of D
//! ```
//!
//! A [`file`](mod@file) holds what changes, L, H and the bases of D, and a [`record`] for each contributor. A record proves
//! that its author knew d and p ([`knowledge`]), and each is bound to all before it by a chain of hashes. [`contribute`]
//! makes the next file of one that it has checked; [`verify`] needs the last file, the circuits and the powers of tau, nothing
//! else; [`finish`] makes the proving keys of what has been verified.
//!
//! What `verify` establishes, for random weights:
//! * each record's d and p were known to its author, neither is 1, and they are not the same;
//! * delta is the same number in both groups;
//! * L times delta, H times delta and the bases of D times rho are what the circuit and the powers of tau make them;
//! * the last record, and no other, is a beacon: randomness that came after all contributions.
//!
//! An honest contributor is one that [`contribute`]s with this crate: it divides nothing but the circuits' own lists.
//!
//! What it does not: that the powers of tau come from a ceremony that the reader trusts (their digest is in the
//! description, for comparison), that the beacon is what was announced, and that contributors are who they say.

pub mod circuit;
pub mod contribute;
pub mod drand;
mod encoding;
mod error;
pub mod file;
pub mod finish;
pub mod knowledge;
mod meter;
pub mod phase1;
pub mod record;
mod sums;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod verify;

pub use circuit::Circuit;
pub use error::Error;
pub use phase1::Phase1;
pub use record::{Beacon, Record};
