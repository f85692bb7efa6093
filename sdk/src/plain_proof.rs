//! Proofs of circuits with four public inputs, which are plain Groth16, and what verifies them: of
//! joins and of bundles.

use ark_bn254::{Fr, G1Affine, G2Affine};
use maci_nova_contracts::alloy_primitives::U256;
use maci_nova_contracts::groth16 as groth16_contract;
use maci_nova_groth16::{
    self as groth16,
    convert::{ToArk, ToHalo},
    valid_g1, valid_g2,
    words::{g1_words, g2_words, NotCanonical, Words, WORD},
    PlainVerifyingKey, Proof,
};
use maci_nova_protocol::Fr as HaloFr;

pub(crate) mod prover;

/// Public inputs of the circuits.
pub const PLAIN_INPUTS: usize = groth16_contract::INPUTS;

/// Why a proof is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// The proof is not 8 words long.
    #[error("the proof has {0} bytes, not {len}", len = PlainProof::BYTES)]
    Length(usize),
    /// This word is not below the modulus.
    #[error("word {0} of the proof is not below the modulus")]
    NotCanonical(usize),
    /// The point that begins with this word is not of its group.
    #[error("the point at word {0} of the proof is not of its group")]
    Point(usize),
    /// The equation does not hold: the proof is false or is for another statement.
    #[error("the proof is false")]
    False,
}

impl From<NotCanonical> for ProofError {
    fn from(NotCanonical(word): NotCanonical) -> Self {
        ProofError::NotCanonical(word)
    }
}

/// What verifies proofs: `e(A, B) = e(alpha, beta) e(IC, gamma) e(C, delta)` with
/// `IC = ic_0 + sum_i x_i ic_i` over the public inputs x_1 to x_4.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlainKey {
    /// `[alpha]_1`.
    pub alpha: G1Affine,
    /// `[beta]_2`.
    pub beta: G2Affine,
    /// `[gamma]_2`; the keys that are made here have the generator.
    pub gamma: G2Affine,
    /// `[delta]_2`.
    pub delta: G2Affine,
    /// The bases of 1 and of the inputs in order.
    pub ic: [G1Affine; PLAIN_INPUTS + 1],
}

impl PlainKey {
    /// The words of a key.
    pub const WORDS: usize = 24;

    /// The key of a circuit with four inputs; `None` with another number.
    pub fn new(key: &PlainVerifyingKey) -> Option<Self> {
        Some(PlainKey {
            alpha: key.alpha_g1,
            beta: key.beta_g2,
            gamma: key.gamma_g2,
            delta: key.delta_g2,
            ic: key.gamma_abc_g1.as_slice().try_into().ok()?,
        })
    }

    /// The key as the contract takes it, big-endian words:
    /// ```text
    /// alpha(2) beta(x.c1 x.c0 y.c1 y.c0) gamma(4) delta(4) ic_0(2) .. ic_4(2)
    /// ```
    pub fn to_bytes(&self) -> [u8; Self::WORDS * WORD] {
        let mut all = g1_words(&self.alpha).to_vec();
        for point in [&self.beta, &self.gamma, &self.delta] {
            all.extend(g2_words(point));
        }
        self.ic.iter().for_each(|point| all.extend(g1_words(point)));
        all.concat().try_into().expect("24 words")
    }

    /// Reads a key as [`to_bytes`](Self::to_bytes) writes it. Every word is below the modulus, every
    /// point of its group.
    ///
    /// # Errors
    /// See [`ProofError`], of the key; no bytes cause a panic.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ProofError> {
        if bytes.len() != Self::WORDS * WORD {
            return Err(ProofError::Length(bytes.len()));
        }
        let mut words = Words::new(bytes);
        let alpha = words.g1()?;
        let [beta, gamma, delta] = [words.g2()?, words.g2()?, words.g2()?];
        let mut ic = [G1Affine::identity(); PLAIN_INPUTS + 1];
        for base in &mut ic {
            *base = words.g1()?;
        }
        let is_valid = valid_g1(&alpha)
            && [&beta, &gamma, &delta].into_iter().all(valid_g2)
            && ic.iter().all(valid_g1);
        match is_valid {
            true => Ok(PlainKey {
                alpha,
                beta,
                gamma,
                delta,
                ic,
            }),
            false => Err(ProofError::Point(0)),
        }
    }

    /// Verifies that the proof is one for these public inputs.
    ///
    /// # Errors
    /// [`ProofError::Point`], [`ProofError::False`].
    pub fn verify(
        &self,
        inputs: &[HaloFr; PLAIN_INPUTS],
        proof: &PlainProof,
    ) -> Result<(), ProofError> {
        proof.check_points()?;
        let inputs: [Fr; PLAIN_INPUTS] = inputs.map(|input| input.to_ark());
        groth16::verify_plain(&self.plain(), &inputs, &proof.0).map_err(|_| ProofError::False)
    }

    pub(crate) fn plain(&self) -> PlainVerifyingKey {
        PlainVerifyingKey {
            alpha_g1: self.alpha,
            beta_g2: self.beta,
            gamma_g2: self.gamma,
            delta_g2: self.delta,
            gamma_abc_g1: self.ic.to_vec(),
        }
    }
}

impl From<&PlainKey> for groth16_contract::Key {
    fn from(key: &PlainKey) -> Self {
        Self {
            alpha: key.alpha.to_halo(),
            beta: key.beta.to_halo(),
            gamma: key.gamma.to_halo(),
            delta: key.delta.to_halo(),
            ic: key.ic.each_ref().map(ToHalo::to_halo),
        }
    }
}

/// A proof: A, B and C, 8 words of 32 bytes, big endian. Infinity is (0, 0).
#[derive(Clone, Debug, PartialEq)]
pub struct PlainProof(pub Proof);

impl PlainProof {
    /// The words of a proof.
    pub const WORDS: usize = 8;

    /// The bytes of a proof.
    pub const BYTES: usize = Self::WORDS * WORD;

    /// The proof as calldata: `A.x A.y B.x.c1 B.x.c0 B.y.c1 B.y.c0 C.x C.y`.
    pub fn to_bytes(&self) -> [u8; Self::BYTES] {
        let mut all = g1_words(&self.0.a).to_vec();
        all.extend(g2_words(&self.0.b));
        all.extend(g1_words(&self.0.c));
        all.concat().try_into().expect("8 words")
    }

    /// Reads calldata. Every word is below the modulus, every point of its group.
    ///
    /// # Errors
    /// See [`ProofError`]; no bytes cause a panic.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ProofError> {
        if bytes.len() != Self::BYTES {
            return Err(ProofError::Length(bytes.len()));
        }
        let mut words = Words::new(bytes);
        let proof = PlainProof(Proof {
            a: words.g1()?,
            b: words.g2()?,
            c: words.g1()?,
        });
        proof.check_points()?;
        Ok(proof)
    }

    /// Reads a proof as the contracts take it.
    ///
    /// # Errors
    /// As for [`from_bytes`](Self::from_bytes).
    pub fn from_words(words: &[U256; Self::WORDS]) -> Result<Self, ProofError> {
        let bytes: Vec<u8> = words.iter().flat_map(U256::to_be_bytes::<WORD>).collect();
        Self::from_bytes(&bytes)
    }

    /// The proof as the contracts take it.
    pub fn words(&self) -> [U256; Self::WORDS] {
        let bytes = self.to_bytes();
        core::array::from_fn(|i| U256::from_be_slice(&bytes[WORD * i..WORD * (i + 1)]))
    }

    fn check_points(&self) -> Result<(), ProofError> {
        let Proof { a, b, c } = &self.0;
        match (valid_g1(a), valid_g2(b), valid_g1(c)) {
            (true, true, true) => Ok(()),
            (false, ..) => Err(ProofError::Point(0)),
            (_, false, _) => Err(ProofError::Point(2)),
            (.., false) => Err(ProofError::Point(6)),
        }
    }
}
