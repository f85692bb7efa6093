//! The proof that comes with a bundle: the chain of its messages ends with `inner`.
//!
//! What is stated is in `maci_nova_protocol::bundle`, the circuit in
//! `maci_nova_step_circuit::bundle`. The circuit is one for each number of messages that it has room
//! for.

use std::path::Path;

use maci_nova_groth16::{
    self as groth16,
    adapter::{Assignment, Matrices},
    KeyFileError, Trapdoors,
};
use maci_nova_protocol::bundle::{Bundle, BundleSize, BundleStatement};
use maci_nova_step_circuit::bundle::{BundleCircuit, BundleError};
use maci_nova_step_circuit::num::Gadget;
use nova_snark::frontend::SynthesisError;

use crate::plain_proof::prover::PlainProver;
use crate::plain_proof::{PlainKey, PlainProof, ProofError};

pub use maci_nova_step_circuit::bundle::INPUTS;

#[cfg(feature = "files")]
mod cached;

#[cfg(feature = "files")]
pub use cached::BundleFacts;

/// Names the keys in a cache, and in a ceremony.
pub const KEY_NAME: &str = "bundle";

/// Messages that the bundles of a deployment have room for: as many as a circuit of 2^17 constraints has.
pub const ROOM: usize = 100;

/// Why there is no key or no proof.
#[derive(Debug, thiserror::Error)]
pub enum BundleProverError {
    /// There is no circuit of this size, or no room for the bundle.
    #[error("{0}")]
    Bundle(#[from] BundleError),
    /// There are no messages, or too many for any bundle.
    #[error("{0}")]
    Size(#[from] BundleSize),
    /// The messages were signed after more different blocks than a bundle can name.
    #[error("the messages of a bundle were signed after at most 256 different blocks")]
    Anchors,
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
    /// What was proven does not verify: the points of the key are not the circuit's.
    #[error("the proof does not verify, since the points of the key are not the circuit's")]
    Lists,
}

/// What makes proofs of bundles of at most so many messages.
#[derive(Debug)]
pub struct BundleProver {
    room: usize,
    plain: PlainProver,
}

impl BundleProver {
    /// Makes the keys of the circuit with room for so many messages.
    ///
    /// # Errors
    /// [`BundleProverError::Bundle`] for a room of none or of more than a bundle has,
    /// [`BundleProverError::Circuit`], [`BundleProverError::Setup`].
    pub fn setup(room: usize, trapdoors: Trapdoors) -> Result<Self, BundleProverError> {
        let plain = PlainProver::setup(matrices(room)?, trapdoors)?;
        Ok(BundleProver { room, plain })
    }

    /// Reads the keys from a file, perhaps somebody else's; with a digest, those alone.
    ///
    /// # Errors
    /// [`BundleProverError::Bundle`], [`BundleProverError::Circuit`], [`BundleProverError::File`];
    /// no file causes a panic.
    pub fn read(
        path: &Path,
        room: usize,
        digest: Option<&[u8; 32]>,
    ) -> Result<Self, BundleProverError> {
        let plain = PlainProver::read(path, matrices(room)?, digest)?;
        Ok(BundleProver { room, plain })
    }

    /// SHA-256 of the keys and the circuit's digest, which tells these keys from others.
    pub fn digest(&self) -> [u8; 32] {
        self.plain.digest()
    }

    /// The ceremony that the keys say they come from, see [`groth16::ProvingKey::ceremony`].
    pub fn ceremony(&self) -> Option<[u8; 32]> {
        self.plain.ceremony()
    }

    /// Messages that there is room for.
    pub fn room(&self) -> usize {
        self.room
    }

    /// Constraints of the circuit.
    pub fn constraints(&self) -> usize {
        self.plain.constraints()
    }

    /// What verifies the proofs.
    pub fn verifying_key(&self) -> PlainKey {
        self.plain.verifying_key()
    }

    /// Proves what a bundle's messages come to, and verifies the proof. Another proof each time.
    ///
    /// # Errors
    /// [`BundleProverError::Bundle`] for more messages than there is room for;
    /// [`BundleProverError::Lists`] if the key is none of the circuit.
    pub fn prove(&self, bundle: &Bundle) -> Result<PlainProof, BundleProverError> {
        let circuit = BundleCircuit::prepare(self.room, bundle)?;
        let assignment = Assignment::record(|cs| {
            circuit.fill(&mut Gadget::new(cs));
            Ok(())
        })?;
        let proof = self.plain.prove(&assignment)?;
        let verified = verify(&self.verifying_key(), &BundleStatement::of(bundle), &proof);
        match verified {
            Ok(()) => Ok(proof),
            Err(_) => Err(BundleProverError::Lists),
        }
    }
}

/// The constraints of the circuit with room for so many messages; it has [`INPUTS`] public
/// variables.
///
/// # Errors
/// [`BundleProverError::Bundle`] for a room of none or of more than a bundle has.
pub fn matrices(room: usize) -> Result<Matrices, BundleProverError> {
    let blank = BundleCircuit::blank(room)?;
    let matrices = Matrices::record(|cs| {
        blank.fill(&mut Gadget::new(cs));
        Ok(())
    })?;
    Ok(matrices)
}

/// Verifies that the proof is one for the statement.
///
/// # Errors
/// [`ProofError::Point`], [`ProofError::False`].
pub fn verify(
    key: &PlainKey,
    statement: &BundleStatement,
    proof: &PlainProof,
) -> Result<(), ProofError> {
    key.verify(&statement.to_array(), proof)
}
