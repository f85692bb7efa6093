//! Keys of the compression, made from the public parameters.

use std::fmt;

use maci_nova_folding::{
    engine::{Primary, PrimarySnark, Secondary, SecondarySnark, Sizes},
    Parameters, ParametersDigest, SetupOrigin,
};
use maci_nova_step_circuit::{Shape, StepCircuit};
use nova_snark::nova;

use crate::snark::{CompressedSnark, LibraryVerifierKey};

/// Why there are no keys.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The library refused the parameters.
    #[error("the compression's keys could not be made: {0}")]
    Library(String),
}

/// Both keys. They are made in a tenth of a second at shape (10, 3, 1), so they are not stored.
#[derive(Debug)]
pub struct Keys {
    /// For [`crate::FinalProof::prove`].
    pub prover: ProverKey,
    /// For [`crate::verify()`].
    pub verifier: VerifierKey,
}

impl Keys {
    /// Makes the keys that belong to `parameters`.
    ///
    /// # Errors
    /// [`KeyError::Library`].
    pub fn new(parameters: &Parameters) -> Result<Self, KeyError> {
        let (prover, verifier) = CompressedSnark::setup(parameters.engine().parameters())
            .map_err(|error| KeyError::Library(error.to_string()))?;
        Ok(Keys {
            prover: ProverKey {
                parameters: parameters.digest(),
                key: prover,
            },
            verifier: VerifierKey {
                shape: parameters.shape(),
                origin: parameters.origin(),
                parameters: parameters.digest(),
                sizes: parameters.engine().sizes(),
                key: verifier,
            },
        })
    }
}

/// What makes final proofs, together with the parameters that it belongs to.
pub struct ProverKey {
    pub(crate) parameters: ParametersDigest,
    pub(crate) key: nova::ProverKey<Primary, Secondary, StepCircuit, PrimarySnark, SecondarySnark>,
}

impl fmt::Debug for ProverKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProverKey")
            .field("parameters", &self.parameters)
            .finish_non_exhaustive()
    }
}

/// What verifies final proofs. The parameters are not needed beside it.
pub struct VerifierKey {
    pub(crate) shape: Shape,
    pub(crate) origin: SetupOrigin,
    pub(crate) parameters: ParametersDigest,
    pub(crate) sizes: Sizes,
    pub(crate) key: LibraryVerifierKey,
}

impl VerifierKey {
    /// The parameters that it belongs to.
    pub fn parameters(&self) -> ParametersDigest {
        self.parameters
    }
}

impl fmt::Debug for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifierKey")
            .field("shape", &self.shape)
            .field("origin", &self.origin)
            .field("parameters", &self.parameters)
            .finish_non_exhaustive()
    }
}
