//! The proof with which a voter joins a poll: membership in the tree of sign-ups, as plain Groth16.
//!
//! [`JoinStatement`], [`Witness`] and what they mean are in `maci_nova_protocol::membership`, the
//! circuit in `maci_nova_step_circuit::membership`. A proof tells nothing but its statement. It is
//! not unique: anybody can re-randomize A, B and C of a proof, for the same statement; the contract
//! takes each nullifier once.
//!
//! ```no_run
//! # use std::path::Path;
//! # use maci_nova_sdk::poll::file::PollFile;
//! # use maci_nova_sdk::voter::join_proof::{verify, Prover};
//! # use maci_nova_protocol::keys::PrivateKey;
//! # use maci_nova_protocol::lean_imt::LeanImt;
//! # use maci_nova_protocol::membership::{leaf, Binding, Scope, Witness};
//! # fn join(
//! #     file: &PollFile,
//! #     key: &PrivateKey,
//! #     sign_ups: &LeanImt,
//! #     scope: Scope,
//! #     binding: Binding,
//! # ) -> Result<(), Box<dyn std::error::Error>> {
//! // The key that the poll's verifier was deployed with: the poll file has its digest.
//! let keys = file.keys.ok_or("a file from a chain: compare the key with the verifier's")?;
//! let prover = Prover::read_known(Path::new("poll.join.key"), &keys.join.0)?;
//! let index = sign_ups.position(&leaf(&key.public_key().point())).ok_or("not signed up")?;
//! let witness = Witness::new(key, sign_ups.path(index)?)?;
//! let statement = witness.statement(scope, binding);
//! let proof = prover.prove(statement, &witness)?;
//! verify(&prover.verifying_key(), &statement, &proof)?;
//! let calldata = proof.to_bytes();
//! # Ok(())
//! # }
//! ```

use core::fmt;
use std::path::Path;

use ark_bn254::{Fr, G1Affine, G2Affine};
use maci_nova_groth16::{
    self as groth16,
    adapter::{Assignment, Matrices},
    convert::{ToArk, ToHalo},
    valid_g1, valid_g2,
    words::{g1_words, g2_words, NotCanonical, Words, WORD},
    KeyFileError, PlainVerifyingKey, Proof, ProvingKey, Trapdoors,
};
use maci_nova_protocol::keys::PrivateKey;
use maci_nova_protocol::lean_imt::LeanImt;
use maci_nova_protocol::membership::{leaf, Binding, MembershipError, Scope};

pub use maci_nova_protocol::membership::{JoinStatement, Witness};
pub use maci_nova_step_circuit::membership::INPUTS;
use maci_nova_step_circuit::{membership::MembershipCircuit, num::Gadget};
use nova_snark::frontend::SynthesisError;
use rand_core::{CryptoRng, RngCore};

#[cfg(feature = "files")]
mod cached;

/// Names the keys in a cache, and in a ceremony.
pub const KEY_NAME: &str = "join";

/// Why there is no key or no proof.
#[derive(Debug, thiserror::Error)]
pub enum ProverError {
    /// The statement is false.
    #[error("{0}")]
    Statement(#[from] MembershipError),
    /// The circuit could not be made or filled.
    #[error("the circuit cannot be filled: {0}")]
    Circuit(#[from] SynthesisError),
    /// The keys could not be made.
    #[error("{0}")]
    Setup(#[from] groth16::SetupError),
    /// The keys could not be obtained from the cache.
    #[cfg(feature = "files")]
    #[error("{0}")]
    Cache(#[from] maci_nova_groth16::KeyCacheError),
    /// The keys could not be read from a file.
    #[error("{0}")]
    File(#[from] KeyFileError),
    /// The proof could not be made.
    #[error("{0}")]
    Groth16(#[from] groth16::ProveError),
    /// Proofs do not verify.
    #[error("what they prove does not verify, since their points are not the circuit's")]
    Lists,
}

/// Why a proof is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JoinError {
    /// The proof is not 8 words long.
    #[error("the proof has {0} bytes, not {len}", len = JoinProof::BYTES)]
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

impl From<NotCanonical> for JoinError {
    fn from(NotCanonical(word): NotCanonical) -> Self {
        JoinError::NotCanonical(word)
    }
}

/// What makes proofs: one circuit for all trees, polls and voters.
pub struct Prover {
    matrices: Matrices,
    key: ProvingKey,
}

impl fmt::Debug for Prover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prover").finish_non_exhaustive()
    }
}

impl Prover {
    /// Makes the keys.
    ///
    /// # Errors
    /// [`ProverError::Circuit`], [`ProverError::Setup`].
    pub fn setup(trapdoors: Trapdoors) -> Result<Self, ProverError> {
        let matrices = matrices()?;
        let key = groth16::setup(&matrices, INPUTS, trapdoors)?;
        Ok(Prover { matrices, key })
    }

    /// Reads the keys from a file that [`write`](Self::write) made, perhaps somebody else's. A key
    /// made to spy on voters gives proofs that tell nothing if they [`verify`] under the
    /// [`verifying_key`](Self::verifying_key), see [`ProvingKey::read_foreign`]; others must not be
    /// sent.
    ///
    /// # Errors
    /// [`ProverError::Circuit`], [`ProverError::File`]; no file causes a panic.
    pub fn read(path: &Path) -> Result<Self, ProverError> {
        Self::read_file(path, None)
    }

    /// The same for the keys with this [`digest`](Self::digest) alone, which is checked before
    /// anything is read.
    ///
    /// # Errors
    /// As for [`read`](Self::read); [`KeyFileError::OtherKey`] for other keys.
    pub fn read_known(path: &Path, digest: &[u8; 32]) -> Result<Self, ProverError> {
        Self::read_file(path, Some(digest))
    }

    fn read_file(path: &Path, digest: Option<&[u8; 32]>) -> Result<Self, ProverError> {
        let matrices = matrices()?;
        let key = ProvingKey::read_foreign(path, &matrices, INPUTS, digest)?;
        Ok(Prover { matrices, key })
    }

    /// Writes the keys for whoever wants to join. Everybody may read the file.
    ///
    /// # Errors
    /// [`ProverError::File`].
    pub fn write(&self, path: &Path) -> Result<(), ProverError> {
        self.key.write(path)?;
        Ok(())
    }

    /// SHA-256 of the keys and the circuit's digest, which tells these keys from others.
    pub fn digest(&self) -> [u8; 32] {
        self.key.digest()
    }

    /// The ceremony that the keys say they come from, see [`ProvingKey::ceremony`].
    pub fn ceremony(&self) -> Option<[u8; 32]> {
        self.key.ceremony()
    }

    /// Constraints of the circuit.
    pub fn constraints(&self) -> usize {
        self.matrices.constraints()
    }

    /// What verifies the proofs.
    pub fn verifying_key(&self) -> JoinKey {
        let key = self.key.plain().expect("nothing is committed to");
        JoinKey::new(key).expect("a base for 1 and for each input")
    }

    /// Proves a statement. Another proof each time.
    ///
    /// # Errors
    /// [`ProverError::Statement`] if it does not follow from the witness.
    pub fn prove(
        &self,
        statement: JoinStatement,
        witness: &Witness,
    ) -> Result<JoinProof, ProverError> {
        let circuit = MembershipCircuit::prepare(statement, witness.clone())?;
        let assignment = assignment(&circuit)?;
        let proof = groth16::prove(&self.key, &self.matrices, &assignment)?;
        Ok(JoinProof(proof))
    }

    /// Proves that somebody has joined who never was. With lists of points that are not the circuit's, which nothing else shows of a
    /// key with the right verifying key, there is no proof: then nobody could join.
    ///
    /// # Errors
    /// [`ProverError::Lists`].
    pub fn try_out<R: RngCore + CryptoRng>(&self, rng: &mut R) -> Result<(), ProverError> {
        let key = PrivateKey::random(rng);
        let mut tree = LeanImt::new();
        tree.insert(leaf(&key.public_key().point()))
            .expect("a leaf is not 0");
        let path = tree.path(0);
        let witness = Witness::new(&key, path.expect("one leaf"))?;
        let statement = witness.statement(Scope(1.into()), Binding(1.into()));
        let proof = self.prove(statement, &witness)?;
        verify(&self.verifying_key(), &statement, &proof).map_err(|_| ProverError::Lists)
    }
}

/// The circuit's constraints.
/// The circuit's constraints; it has [`INPUTS`] public variables.
///
/// # Errors
/// Never.
pub fn matrices() -> Result<Matrices, SynthesisError> {
    Matrices::record(|cs| {
        MembershipCircuit::blank().fill(&mut Gadget::new(cs));
        Ok(())
    })
}

fn assignment(circuit: &MembershipCircuit) -> Result<Assignment, SynthesisError> {
    Assignment::record(|cs| {
        circuit.fill(&mut Gadget::new(cs));
        Ok(())
    })
}

/// What verifies proofs: `e(A, B) = e(alpha, beta) e(IC, gamma) e(C, delta)` with
/// `IC = ic_0 + root ic_1 + nullifier ic_2 + scope ic_3 + binding ic_4`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JoinKey {
    /// `[alpha]_1`.
    pub alpha: G1Affine,
    /// `[beta]_2`.
    pub beta: G2Affine,
    /// `[gamma]_2`; the keys that are made here have the generator.
    pub gamma: G2Affine,
    /// `[delta]_2`.
    pub delta: G2Affine,
    /// The bases of 1 and of the inputs in order.
    pub ic: [G1Affine; INPUTS + 1],
}

impl JoinKey {
    /// The words of a key.
    pub const WORDS: usize = 24;

    /// The key of a circuit with four inputs; `None` with another number.
    pub fn new(key: &PlainVerifyingKey) -> Option<Self> {
        Some(JoinKey {
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

    fn plain(&self) -> PlainVerifyingKey {
        PlainVerifyingKey {
            alpha_g1: self.alpha,
            beta_g2: self.beta,
            gamma_g2: self.gamma,
            delta_g2: self.delta,
            gamma_abc_g1: self.ic.to_vec(),
        }
    }
}

impl From<&JoinKey> for maci_nova_contracts::join::Key {
    fn from(key: &JoinKey) -> Self {
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
pub struct JoinProof(pub Proof);

impl JoinProof {
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
    /// See [`JoinError`]; no bytes cause a panic.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, JoinError> {
        if bytes.len() != Self::BYTES {
            return Err(JoinError::Length(bytes.len()));
        }
        let mut words = Words::new(bytes);
        let proof = JoinProof(Proof {
            a: words.g1()?,
            b: words.g2()?,
            c: words.g1()?,
        });
        proof.check_points()?;
        Ok(proof)
    }

    fn check_points(&self) -> Result<(), JoinError> {
        let Proof { a, b, c } = &self.0;
        match (valid_g1(a), valid_g2(b), valid_g1(c)) {
            (true, true, true) => Ok(()),
            (false, ..) => Err(JoinError::Point(0)),
            (_, false, _) => Err(JoinError::Point(2)),
            (.., false) => Err(JoinError::Point(6)),
        }
    }
}

/// Verifies that the proof is one for the statement.
///
/// # Errors
/// [`JoinError::Point`], [`JoinError::False`].
pub fn verify(
    key: &JoinKey,
    statement: &JoinStatement,
    proof: &JoinProof,
) -> Result<(), JoinError> {
    proof.check_points()?;
    let inputs: [Fr; INPUTS] = statement.to_array().map(|input| input.to_ark());
    groth16::verify_plain(&key.plain(), &inputs, &proof.0).map_err(|_| JoinError::False)
}

#[cfg(test)]
mod tests;
