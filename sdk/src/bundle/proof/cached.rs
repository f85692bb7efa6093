//! Keys from the user's cache.

use std::path::PathBuf;

use maci_nova_groth16::adapter::Matrices;
use maci_nova_groth16::{Circuit, KeyCache, KeyEvent, KeyFacts, Trapdoors};

use super::{matrices, BundleProver, BundleProverError, INPUTS, KEY_NAME};
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
        let matrices = matrices(room)?;
        let circuit = circuit(&matrices, production);
        let key = cache.key(circuit, Trapdoors::insecure_development, report)?;
        Ok(BundleProver {
            room,
            matrices,
            key,
        })
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

    /// Where a cache keeps the keys, whether they are there or not.
    ///
    /// # Errors
    /// [`BundleProverError::Bundle`], [`BundleProverError::Circuit`].
    pub fn cached_path(cache: &KeyCache, room: usize) -> Result<PathBuf, BundleProverError> {
        Ok(cache.path(KEY_NAME, &matrices(room)?.digest()))
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
        let matrices = matrices(room)?;
        let circuit = circuit(&matrices, production);
        let facts: KeyFacts = cache.facts(circuit, Trapdoors::insecure_development, report)?;
        let key = PlainKey::new(&facts.verifying.plain());
        Ok(BundleFacts {
            ceremony: facts.ceremony,
            digest: facts.digest,
            key: key.expect("a base for 1 and for each input"),
            room,
        })
    }
}

fn circuit(matrices: &Matrices, production: bool) -> Circuit<'_> {
    Circuit {
        name: KEY_NAME,
        matrices,
        publics: INPUTS,
        production,
    }
}
