//! Groth16 (ePrint 2016/260) in the form commit, then challenge (as MIRAGE, ePrint 2020/278).
//!
//! The instance variables of a circuit are `1, publics.., committed..`. The verifier sees the
//! committed ones only as one point D, and the public ones may be made from D by a hash, so that
//! the circuit can use a challenge on what was committed before. With trapdoors alpha, beta, delta,
//! rho, a point x, and `y_i = beta u_i(x) + alpha v_i(x) + w_i(x)` for each variable i:
//! ```text
//! IC_i = [y_i]_1                  for 1 and the publics
//! D    = sum_i a_i [y_i / rho]_1  over the committed, gamma' = [rho]_2
//! C    = sum_i a_i [y_i / delta]_1 + ...                     over the witness, as in Groth16
//!        e(A, B) = e(alpha, beta) e(IC(publics), [1]_2) e(D, gamma') e(C, delta)
//! ```
//! rho is the committed part's own trapdoor: no multiple of an IC base is a D for [`gamma_prime`],
//! so what D says and what the publics say cannot be moved into each other. With `rho = 1` it
//! could: `D + t IC_k` would make a proof for `pub_k + t` one for `pub_k`.
//!
//! Without committed variables D is 0, and this is Groth16 as it is elsewhere, with the generator
//! for gamma, as ceremonies make it (ePrint 2017/1050): [`ProvingKey::plain`].
//!
//! What this does not give, and a caller has to know:
//! * The publics must depend on D, by a hash that also covers what the committed values are claimed
//!   to be. The bare equation is malleable: from one solution `(A, B, C, D)` follows
//!   `(A, B + s gamma', C, D + s A)`.
//! * D does not hide. It is for values that the verifier is told anyway.
//! * Proofs are not unique: anybody can re-randomize A, B and C.
//!
//! [`Trapdoors::insecure_development`] draws all trapdoors in one process, and whoever keeps them can prove anything:
//! **INSECURE**, for development. [`ProvingKey::of_ceremony`] takes the points of a ceremony, whose trapdoors nobody knows. A
//! key tells which ceremony it says it comes from. Keys are made once and kept in a `KeyCache` (feature `cache`).
//!
//! Circuits come from `nova-snark`'s frontend by way of [`adapter`].
//!
//! [`gamma_prime`]: VerifyingKey::gamma_prime

pub mod adapter;
pub mod batch;
pub mod convert;
#[cfg(feature = "cache")]
mod key_cache;
mod key_file;
mod multiples;
mod quotient;
mod scheme;
pub mod words;

#[cfg(feature = "cache")]
pub use key_cache::{Circuit, KeyCache, KeyCacheError, KeyEvent, CACHE_VARIABLE};
pub use key_file::{KeyFacts, KeyFileError};
pub use scheme::{
    prove, setup, valid_g1, valid_g2, verify, verify_plain, KeyParts, PlainVerifyingKey, Proof,
    ProveError, ProvingKey, SetupError, Trapdoors, VerifyError, VerifyingKey,
};

/// For tests: proofs of what is false.
#[cfg(any(test, feature = "testing"))]
pub mod testing {
    use crate::adapter::{Assignment, Matrices};
    use crate::{scheme, Proof, ProveError, ProvingKey};

    /// The prover without its check: of values that violate a constraint it makes a false proof.
    /// The key, the circuit and the values are of one size.
    ///
    /// # Errors
    /// [`ProveError::Circuit`].
    pub fn prove_unchecked(
        key: &ProvingKey,
        matrices: &Matrices,
        assignment: &Assignment,
    ) -> Result<Proof, ProveError> {
        scheme::prove_unchecked(key, matrices, assignment)
    }
}
