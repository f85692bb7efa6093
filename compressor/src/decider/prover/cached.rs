//! Keys from the user's cache.

use std::sync::Arc;

use maci_nova_folding::engine::PublicParams;
use maci_nova_groth16::{self as groth16, adapter::Matrices, KeyCache, KeyEvent, Trapdoors};

use super::{Decider, DeciderFacts, Prover, ProverError, KEY_NAME, PUBLICS};

impl Prover {
    /// The same with keys from a cache, where they are kept if they had to be made. In production
    /// only a ceremony's keys will do.
    ///
    /// The circuit holds the engine's digest, which covers both folding circuits and both
    /// commitment keys with the powers of tau, and the generators of the CycleFold commitments. So
    /// keys of another shape or of other powers are those of another circuit, which the cache keeps
    /// apart.
    ///
    /// # Errors
    /// [`ProverError::Circuit`], [`ProverError::Cache`].
    pub fn cached(
        engine: Arc<PublicParams>,
        vote_depth: usize,
        cache: &KeyCache,
        production: bool,
        report: &mut dyn FnMut(KeyEvent<'_>),
    ) -> Result<Self, ProverError> {
        let decider = Decider::new(engine, vote_depth);
        let matrices = decider.matrices()?;
        let circuit = cached_circuit(&matrices, production);
        let key = cache.key(circuit, Trapdoors::insecure_development, report)?;
        Ok(Prover {
            decider,
            matrices,
            key,
        })
    }
}

impl DeciderFacts {
    /// Those of the keys that [`Prover::cached`] takes or makes. Keys that are there are not read
    /// as a whole, which takes less time and memory than a prover.
    ///
    /// # Errors
    /// As [`Prover::cached`].
    pub fn cached(
        engine: &Arc<PublicParams>,
        vote_depth: usize,
        cache: &KeyCache,
        production: bool,
        report: &mut dyn FnMut(KeyEvent<'_>),
    ) -> Result<Self, ProverError> {
        let matrices = Decider::new(Arc::clone(engine), vote_depth).matrices()?;
        let circuit = cached_circuit(&matrices, production);
        let facts = cache.facts(circuit, Trapdoors::insecure_development, report)?;
        Ok(Self::new(engine, facts, matrices.constraints()))
    }
}

fn cached_circuit(matrices: &Matrices, production: bool) -> groth16::Circuit<'_> {
    groth16::Circuit {
        name: KEY_NAME,
        matrices,
        publics: PUBLICS,
        production,
    }
}
