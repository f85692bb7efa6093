//! The compressed running proof and its encoding.

use std::panic::{self, AssertUnwindSafe};

use halo2curves::bn256::Fq;
use maci_nova_folding::{
    blinding::Foldings,
    engine::{decode, encode, instance, Engine, EngineError, Ivc, Statement},
    layout::Layout,
};
use maci_nova_step_circuit::Fr;
use nova_snark::errors::NovaError;
use serde::{Deserialize, Serialize};

use crate::strict::{self, PrimarySnark, SecondarySnark};

/// Why encoded bytes are no proof.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SnarkError {
    /// The size is wrong, an element or point is invalid, or what it states is out of range.
    #[error("{0}")]
    Engine(#[from] EngineError),
    /// An element or point that is valid, but not encoded in the one way it should be.
    #[error("an element or point has a second encoding")]
    NotCanonical,
    /// The library's verifier rejects, with its error.
    #[error("the verifier rejects it ({0})")]
    Rejected(String),
}

impl From<NovaError> for SnarkError {
    fn from(error: NovaError) -> Self {
        SnarkError::Rejected(error.to_string())
    }
}

/// A running proof without its witnesses: the blinded instances' public parts, and a proof that
/// each is satisfied.
#[derive(Serialize, Deserialize)]
pub(crate) struct CompressedSnark {
    foldings: Foldings,
    /// The blindings of the two blinded commitments, which nothing needs any more.
    blinds: (Fr, Fq),
    primary: PrimarySnark,
    secondary: SecondarySnark,
}

/// Compresses a running proof.
pub(crate) fn prove(engine: &Engine, proof: &Ivc) -> Result<Vec<u8>, SnarkError> {
    let blinded = proof.blinded(engine)?;
    let (instance, witness) = &blinded.primary;
    let relation = engine.primary();
    let vector = relation.joined(&witness.w, &witness.e);
    let primary = strict::prove(relation, instance, &witness.blind, vector)?;
    let primary_blind = witness.blind;
    let (instance, witness) = &blinded.secondary;
    let relation = engine.secondary();
    let vector = relation.joined(&witness.w, &witness.e);
    let secondary = strict::prove(relation, instance, &witness.blind, vector)?;
    let snark = CompressedSnark {
        foldings: blinded.foldings,
        blinds: (primary_blind, witness.blind),
        primary,
        secondary,
    };
    let bytes = layout(engine).pack(&encode(&snark)?);
    Ok(bytes.map_err(EngineError::from)?)
}

/// Verifies an encoded proof of a statement.
///
/// Hostile bytes are an error: their size must be the one that the circuits' sizes imply, so every
/// vector has its length; each element is canonical and each point on its curve.
pub(crate) fn verify(
    engine: &Engine,
    bytes: &[u8],
    statement: &Statement<'_>,
) -> Result<(), SnarkError> {
    let library = layout(engine).unpack(bytes).map_err(EngineError::from)?;
    // Last resort: with the lengths fixed, no path of the library's verifier that can panic is
    // known, but a verifier must not end its process in any case.
    panic::catch_unwind(AssertUnwindSafe(|| {
        let snark: CompressedSnark = decode(&library)?;
        if encode(&snark)? != library {
            return Err(SnarkError::NotCanonical);
        }
        snark.verify(engine, statement)
    }))
    .unwrap_or_else(|_| Err(SnarkError::Rejected("by a panic".into())))
}

impl CompressedSnark {
    fn verify(&self, engine: &Engine, statement: &Statement<'_>) -> Result<(), SnarkError> {
        let (primary, secondary) = self.foldings.fold(engine, statement)?;
        strict::verify(engine.primary(), &primary, &self.blinds.0, &self.primary)?;
        strict::verify(
            engine.secondary(),
            &secondary,
            &self.blinds.1,
            &self.secondary,
        )?;
        Ok(())
    }
}

/// The fields of [`CompressedSnark`], in order.
fn layout(engine: &Engine) -> Layout {
    let inputs = [
        engine.primary().shape().num_io(),
        engine.secondary().shape().num_io(),
    ];
    // Salt, running instance, commitment to the last witness; running CycleFold instance.
    let layout = instance(Layout::default().elements(1), inputs[0]).elements(1);
    let layout = instance(layout, inputs[1]);
    // Random instances: two commitments, scalar, public inputs.
    let layout = layout.elements(3).vector(inputs[0]);
    let layout = layout.elements(3).vector(inputs[1]);
    // The blindings of both commitments.
    let layout = layout.elements(2);
    let layout = primary_snark(layout, &Rounds::new(strict::dimension(engine.primary())));
    secondary_snark(layout, &Rounds::new(strict::dimension(engine.secondary())))
}

/// Rounds of the sum-checks of a Spartan proof.
struct Rounds {
    outer: usize,
    inner: usize,
    batch: usize,
}

impl Rounds {
    fn new(dimension: usize) -> Self {
        let outer = dimension.ilog2() as usize;
        Rounds {
            outer,
            inner: outer + 1,
            batch: outer,
        }
    }
}

/// Spartan without its polynomial opening: each round polynomial without its linear term.
fn spartan(layout: Layout, rounds: &Rounds) -> Layout {
    layout
        .vector_of(rounds.outer, |round| round.vector(3))
        .elements(4)
        .vector_of(rounds.inner, |round| round.vector(2))
        .elements(1)
        .vector_of(rounds.batch, |round| round.vector(2))
        .vector(2)
}

/// HyperKZG: commitments to the folded polynomials, three witnesses, three evaluations of each.
fn primary_snark(layout: Layout, rounds: &Rounds) -> Layout {
    spartan(layout, rounds)
        .vector(rounds.batch - 1)
        .elements(3)
        .vector_of(rounds.batch, |evaluations| evaluations.elements(3))
}

/// The inner-product argument: left and right commitments of each round, the last scalar.
fn secondary_snark(layout: Layout, rounds: &Rounds) -> Layout {
    spartan(layout, rounds)
        .vector(rounds.batch)
        .vector(rounds.batch)
        .elements(1)
}
