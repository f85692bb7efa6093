//! The decider: one proof of a poll that a contract verifies.
//!
//! It is a Groth16 proof with a committed part (`maci_nova_groth16`) and one KZG opening, both in
//! one pairing product. [`circuit`] says what is proven, [`prover`] makes keys and proofs,
//! [`verifier`] is all of the verification in Rust.
//!
//! # What a proof reveals
//!
//! A proof is 22 words, all of them public. No one of them tells more than the statement does:
//!
//! | revealed | masked by |
//! | --- | --- |
//! | U.C | the blindings of all foldings before: each incoming commitment is blinded anew |
//! | D_n, the last step's difference | its own blinding |
//! | D_R, the random claim's difference | its own blinding; it is a commitment to a random vector besides |
//! | r_1 | it is a hash of hashes of x_0, which hashes a salt, and of D_n; 128 bits of it, as a multiplier |
//! | r_2 | it is a hash of the random claim, all of it |
//! | b | the blinding of F: uniform as D_R's is. It opens F's blinding and no other commitment's |
//! | D | nothing: it is a function of `W'', x''`, which are uniform, and of v, which is public |
//! | e, pi | nothing: functions of `W''` and of c |
//! | A, B, C of Groth16 | the prover's two random elements |
//!
//! `W'' = W' + r_2 (R.w - W')` and `x'' = x' + r_2 (R.x - x')` are uniform and independent of what
//! they mask, since R's are drawn anew for each proof and r_2 is not 0 but with probability 1/r. (R
//! itself is bound by a hash only; D_R hides it.) So a simulator that may program r_2 draws `W'',
//! x''`, b, U.C, D_n, solves `F = U.C + r_1 D_n + r_2 D_R` for D_R, and simulates Groth16's part with
//! its trapdoors. Not revealed are U.x, U.beta, U.e, F, K, the random claim, beta'', e'', the salt,
//! U_cf and the number of steps.
//!
//! Of two proofs of one running proof U.C is the same, and says so. Tests: `circuit::forgeries`
//! compares all words of proofs of different votes with one result, and all elements of the masked
//! vectors.

pub mod circuit;
#[cfg(feature = "contracts")]
pub mod contract;
pub mod end;
mod nonnative;
mod pedersen;
pub mod prover;
pub mod verifier;

pub use end::{End, Salt, WHOLE};
pub use prover::{CommitmentBases, DeciderFacts, Prover, ProverError, KEY_NAME, PUBLICS};
pub use verifier::{verify, DeciderError, DeciderKey, DeciderProof, DeciderStatement, Fold};
