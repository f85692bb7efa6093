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

use std::io::{Read, Seek};
use std::path::Path;

use maci_nova_groth16::{
    self as groth16,
    adapter::{Assignment, Matrices},
    KeyFileError, Trapdoors,
};
use maci_nova_protocol::keys::PrivateKey;
use maci_nova_protocol::lean_imt::LeanImt;
use maci_nova_protocol::membership::{leaf, Binding, MembershipError, Scope};

use crate::plain_proof::prover::PlainProver;
pub use crate::plain_proof::{
    PlainKey as JoinKey, PlainProof as JoinProof, ProofError as JoinError,
};
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

/// What makes proofs: one circuit for all trees, polls and voters.
#[derive(Debug)]
pub struct Prover {
    plain: PlainProver,
}

impl Prover {
    /// Makes the keys.
    ///
    /// # Errors
    /// [`ProverError::Circuit`], [`ProverError::Setup`].
    pub fn setup(trapdoors: Trapdoors) -> Result<Self, ProverError> {
        let plain = PlainProver::setup(matrices()?, trapdoors)?;
        Ok(Prover { plain })
    }

    /// Reads the keys from a file that [`write`](Self::write) made, perhaps somebody else's. A key
    /// made to spy on voters gives proofs that tell nothing if they [`verify`] under the
    /// [`verifying_key`](Self::verifying_key), see [`groth16::ProvingKey::read_foreign`]; others must not be
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

    /// The same from whatever holds a file's bytes; without a digest, any key of the circuit.
    ///
    /// # Errors
    /// As for [`read_known`](Self::read_known).
    pub fn read_from(
        file: impl Read + Seek,
        digest: Option<&[u8; 32]>,
    ) -> Result<Self, ProverError> {
        let plain = PlainProver::read_from(file, matrices()?, digest)?;
        Ok(Prover { plain })
    }

    fn read_file(path: &Path, digest: Option<&[u8; 32]>) -> Result<Self, ProverError> {
        let plain = PlainProver::read(path, matrices()?, digest)?;
        Ok(Prover { plain })
    }

    /// Writes the keys for whoever wants to join. Everybody may read the file.
    ///
    /// # Errors
    /// [`ProverError::File`].
    pub fn write(&self, path: &Path) -> Result<(), ProverError> {
        self.plain.key.write(path)?;
        Ok(())
    }

    /// SHA-256 of the keys and the circuit's digest, which tells these keys from others.
    pub fn digest(&self) -> [u8; 32] {
        self.plain.digest()
    }

    /// The ceremony that the keys say they come from, see [`groth16::ProvingKey::ceremony`].
    pub fn ceremony(&self) -> Option<[u8; 32]> {
        self.plain.ceremony()
    }

    /// Constraints of the circuit.
    pub fn constraints(&self) -> usize {
        self.plain.constraints()
    }

    /// What verifies the proofs.
    pub fn verifying_key(&self) -> JoinKey {
        self.plain.verifying_key()
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
        Ok(self.plain.prove(&assignment)?)
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

/// Verifies that the proof is one for the statement.
///
/// # Errors
/// [`JoinError::Point`], [`JoinError::False`].
pub fn verify(
    key: &JoinKey,
    statement: &JoinStatement,
    proof: &JoinProof,
) -> Result<(), JoinError> {
    key.verify(&statement.to_array(), proof)
}

#[cfg(test)]
mod tests;
