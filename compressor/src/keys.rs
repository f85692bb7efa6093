//! What verifies final proofs.

use std::{fmt, sync::Arc};

use maci_nova_folding::{engine::PublicParams, Parameters, ParametersDigest, SetupOrigin};
use maci_nova_step_circuit::Shape;

/// The circuits and keys that final proofs are verified with; shared with the parameters that it
/// was taken from, so it costs nothing.
#[derive(Clone)]
pub struct VerifierKey {
    pub(crate) shape: Shape,
    pub(crate) origin: SetupOrigin,
    pub(crate) parameters: ParametersDigest,
    pub(crate) engine: Arc<PublicParams>,
}

impl VerifierKey {
    /// The key that belongs to `parameters`.
    pub fn new(parameters: &Parameters) -> Self {
        VerifierKey {
            shape: parameters.shape(),
            origin: parameters.origin(),
            parameters: parameters.digest(),
            engine: Arc::clone(parameters.engine()),
        }
    }

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
