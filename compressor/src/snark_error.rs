//! Why an off-chain proof is refused, or cannot be made.

use maci_nova_folding::engine::EngineError;

/// Why encoded bytes are no proof.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SnarkError {
    /// The size is wrong, an element or point is invalid, or what it states is out of range.
    #[error("{0}")]
    Engine(#[from] EngineError),
    /// An element or point that is valid, but not encoded in the one way it should be. (The
    /// decoders are strict, so none is known; should one become lax, this remains.)
    #[error("an element or point has a second encoding")]
    NotCanonical,
    /// The library's verifier rejects, with its error.
    #[error("the verifier rejects it ({0})")]
    Rejected(String),
}
