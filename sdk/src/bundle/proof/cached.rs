//! Keys from the user's cache.

use std::path::PathBuf;

use maci_nova_groth16::{KeyCache, KeyEvent};

use super::{matrices, BundleProver, BundleProverError, KEY_NAME};
use crate::plain_proof::prover::{cached_facts, PlainProver};
use crate::plain_proof::PlainKey;

/// What others are told of the keys: enough to deploy their verifier.
#[derive(Clone, Debug)]
pub struct BundleFacts {
    /// The ceremony that they say they come from.
    pub ceremony: Option<[u8; 32]>,
    /// Names the proving key: its digest.
    pub digest: [u8; 32],
    /// What verifies the proofs.
    pub key: PlainKey,
    /// Messages that there is room for.
    pub room: usize,
}

impl BundleProver {
    /// Keys from a cache, where they are kept if they had to be made. In production only a
    /// ceremony's keys will do.
    ///
    /// # Errors
    /// [`BundleProverError::Bundle`], [`BundleProverError::Circuit`],
    /// [`BundleProverError::Cache`].
    pub fn cached(
        cache: &KeyCache,
        room: usize,
        production: bool,
        report: &mut dyn FnMut(KeyEvent<'_>),
    ) -> Result<Self, BundleProverError> {
        let plain = PlainProver::cached(KEY_NAME, matrices(room)?, cache, production, report)?;
        Ok(BundleProver { room, plain })
    }

    /// Where a cache keeps the keys, whether they are there or not.
    ///
    /// # Errors
    /// [`BundleProverError::Bundle`], [`BundleProverError::Circuit`].
    pub fn cached_path(cache: &KeyCache, room: usize) -> Result<PathBuf, BundleProverError> {
        Ok(cache.path(KEY_NAME, &matrices(room)?.digest()))
    }

    /// What others are told of the keys.
    pub fn facts(&self) -> BundleFacts {
        BundleFacts {
            ceremony: self.ceremony(),
            digest: self.digest(),
            key: self.verifying_key(),
            room: self.room,
        }
    }
}

impl BundleFacts {
    /// Those of the keys that [`BundleProver::cached`] takes or makes. Keys that are there are not
    /// read as a whole.
    ///
    /// # Errors
    /// As [`BundleProver::cached`].
    pub fn cached(
        cache: &KeyCache,
        room: usize,
        production: bool,
        report: &mut dyn FnMut(KeyEvent<'_>),
    ) -> Result<Self, BundleProverError> {
        let facts = cached_facts(KEY_NAME, &matrices(room)?, cache, production, report)?;
        let key = PlainKey::new(&facts.verifying.plain());
        Ok(BundleFacts {
            ceremony: facts.ceremony,
            digest: facts.digest,
            key: key.expect("a base for 1 and for each input"),
            room,
        })
    }
}
