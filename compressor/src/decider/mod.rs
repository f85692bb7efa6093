//! The decider: one proof of a poll that a contract verifies.
//!
//! It is a Groth16 proof with a committed part (`maci_nova_groth16`) and one KZG opening, both in
//! one pairing product. [`circuit`] says what is proven, [`prover`] makes keys and proofs,
//! [`verifier`] is all of the verification in Rust.
//!
//! # What a proof reveals
//!
//! A proof is 24 words, all of them public. No one of them tells more than the statement does:
//!
//! | revealed | masked by |
//! | --- | --- |
//! | U.C | the blindings of all foldings before: it is `sum_i rho_i C_i`, each C_i blinded anew |
//! | C | its own blinding |
//! | A, B | their own blindings; they are commitments to random vectors and their cross term besides |
//! | r_1 | it is a hash of x_0, which hashes a salt, and of C; 128 bits of it, as a multiplier |
//! | r_2 | it is a hash of the random instance, all of it |
//! | b | `b_U + r_1 b_C + r_2 b_A + r_2^2 b_B`: uniform as b_A and b_B are. It opens F's blinding and no other commitment's |
//! | D | nothing: it is a function of `W'', u'', x''`, which are uniform, and of v, which is public |
//! | e, pi | nothing: functions of `W''`, of `E''`, which follows from the former and u'', x'', and of c |
//! | A, B, C of Groth16 | the prover's two random elements |
//!
//! `W'' = W + r_2 R.w`, `u'' = u + r_2 R.u`, `x'' = x + r_2 R.x` are uniform and independent of
//! what they mask, since R's are drawn anew for each proof and r_2 is not 0 but with probability
//! 1/r. (R itself is bound by a hash only; A and B hide it.) So a simulator that may program r_2
//! draws `W'', u'', x''`, b, U.C, C, A, solves `F = U.C + r_1 C + r_2 A + r_2^2 B` for B, and
//! simulates Groth16's part with its trapdoors. Not revealed are U.u, U.x, R.u, R.x, the salt, U_cf
//! and the number of steps.
//!
//! Of two proofs of one running proof U.C is the same, and says so. Tests: `circuit::forgeries`
//! compares all words of proofs of different votes with one result, and all elements of the masked
//! vectors.

pub mod circuit;
#[cfg(feature = "contracts")]
pub mod contract;
mod nonnative;
mod pedersen;
pub mod prover;
pub mod verifier;

pub use prover::{CommitmentBases, DeciderFacts, Prover, ProverError, KEY_NAME, PUBLICS};
pub use verifier::{verify, DeciderError, DeciderKey, DeciderProof, DeciderStatement, Fold};
