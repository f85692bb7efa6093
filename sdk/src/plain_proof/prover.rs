//! A circuit with four public inputs and its proving key.

use core::fmt;
use std::io::{Read, Seek};
use std::path::Path;

use maci_nova_groth16::{
    self as groth16,
    adapter::{Assignment, Matrices},
    KeyFileError, ProveError, ProvingKey, SetupError, Trapdoors,
};
#[cfg(feature = "files")]
use maci_nova_groth16::{Circuit, KeyCache, KeyCacheError, KeyEvent, KeyFacts};

use super::{PlainKey, PlainProof, PLAIN_INPUTS};

/// What makes proofs of one circuit, whatever it states.
pub(crate) struct PlainProver {
    pub(crate) matrices: Matrices,
    pub(crate) key: ProvingKey,
}

impl fmt::Debug for PlainProver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PlainProver").finish_non_exhaustive()
    }
}

impl PlainProver {
    /// Makes the key.
    pub(crate) fn setup(matrices: Matrices, trapdoors: Trapdoors) -> Result<Self, SetupError> {
        let key = groth16::setup(&matrices, PLAIN_INPUTS, trapdoors)?;
        Ok(PlainProver { matrices, key })
    }

    /// Reads the key from a file, perhaps somebody else's; with a digest, that key alone. See
    /// [`ProvingKey::read_foreign`].
    pub(crate) fn read(
        path: &Path,
        matrices: Matrices,
        digest: Option<&[u8; 32]>,
    ) -> Result<Self, KeyFileError> {
        let key = ProvingKey::read_foreign(path, &matrices, PLAIN_INPUTS, digest)?;
        Ok(PlainProver { matrices, key })
    }

    /// The same from whatever holds a file's bytes.
    pub(crate) fn read_from(
        file: impl Read + Seek,
        matrices: Matrices,
        digest: Option<&[u8; 32]>,
    ) -> Result<Self, KeyFileError> {
        let key = ProvingKey::read_foreign_from(file, &matrices, PLAIN_INPUTS, digest)?;
        Ok(PlainProver { matrices, key })
    }

    /// The key from a cache, where it is kept if it had to be made. In production only a
    /// ceremony's key will do.
    #[cfg(feature = "files")]
    pub(crate) fn cached(
        name: &'static str,
        matrices: Matrices,
        cache: &KeyCache,
        production: bool,
        report: &mut dyn FnMut(KeyEvent<'_>),
    ) -> Result<Self, KeyCacheError> {
        let circuit = circuit(name, &matrices, production);
        let key = cache.key(circuit, Trapdoors::insecure_development, report)?;
        Ok(PlainProver { matrices, key })
    }

    /// SHA-256 of the key and the circuit's digest, which tells this key from others.
    pub(crate) fn digest(&self) -> [u8; 32] {
        self.key.digest()
    }

    /// The ceremony that the key says it comes from, see [`ProvingKey::ceremony`].
    pub(crate) fn ceremony(&self) -> Option<[u8; 32]> {
        self.key.ceremony()
    }

    /// Constraints of the circuit.
    pub(crate) fn constraints(&self) -> usize {
        self.matrices.constraints()
    }

    /// What verifies the proofs.
    pub(crate) fn verifying_key(&self) -> PlainKey {
        let key = self.key.plain().expect("nothing is committed to");
        PlainKey::new(key).expect("a base for 1 and for each input")
    }

    /// Proves what the circuit is filled with. Another proof each time.
    pub(crate) fn prove(&self, assignment: &Assignment) -> Result<PlainProof, ProveError> {
        groth16::prove(&self.key, &self.matrices, assignment).map(PlainProof)
    }
}

/// What others are told of the key that [`PlainProver::cached`] takes or makes. One that is there is
/// not read as a whole.
#[cfg(feature = "files")]
pub(crate) fn cached_facts(
    name: &'static str,
    matrices: &Matrices,
    cache: &KeyCache,
    production: bool,
    report: &mut dyn FnMut(KeyEvent<'_>),
) -> Result<KeyFacts, KeyCacheError> {
    let circuit = circuit(name, matrices, production);
    cache.facts(circuit, Trapdoors::insecure_development, report)
}

#[cfg(feature = "files")]
fn circuit<'a>(name: &'static str, matrices: &'a Matrices, production: bool) -> Circuit<'a> {
    Circuit {
        name,
        matrices,
        publics: PLAIN_INPUTS,
        production,
    }
}
