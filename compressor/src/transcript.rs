//! Challenges of the off-chain proof beside those of the folding and of the library.

use ff::FromUniformBytes;
use maci_nova_folding::engine::{encode, EngineError};
use maci_nova_step_circuit::Fr;
use serde::Serialize;
use sha2::{Digest, Sha512};

/// A field element from SHA-512 over a domain and the encoding of everything that the challenge comes
/// after.
///
/// # Errors
/// When the values cannot be encoded.
pub(crate) fn challenge<T: Serialize>(domain: &[u8], after: &T) -> Result<Fr, EngineError> {
    let hash = Sha512::new()
        .chain_update(domain)
        .chain_update(encode(after)?)
        .finalize();
    Ok(Fr::from_uniform_bytes(&hash.into()))
}
