//! Keys from the user's cache.

use std::path::PathBuf;

use maci_nova_groth16::{KeyCache, KeyEvent};

use super::{matrices, Prover, ProverError, KEY_NAME};
use crate::plain_proof::prover::PlainProver;

impl Prover {
    /// Keys from a cache, where they are kept if they had to be made. In production
    /// only a ceremony's keys will do.
    ///
    /// # Errors
    /// [`ProverError::Circuit`], [`ProverError::Cache`].
    pub fn cached(
        cache: &KeyCache,
        production: bool,
        report: &mut dyn FnMut(KeyEvent<'_>),
    ) -> Result<Self, ProverError> {
        let plain = PlainProver::cached(KEY_NAME, matrices()?, cache, production, report)?;
        Ok(Prover { plain })
    }

    /// Where a cache keeps the keys, whether they are there or not.
    ///
    /// # Errors
    /// [`ProverError::Circuit`].
    pub fn cached_path(cache: &KeyCache) -> Result<PathBuf, ProverError> {
        Ok(cache.path(KEY_NAME, &matrices()?.digest()))
    }
}
