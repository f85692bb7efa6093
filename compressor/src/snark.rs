//! The compressed running proof and its encoding.

use std::panic::{self, AssertUnwindSafe};

use halo2curves::bn256::Fq;
use maci_nova_folding::{
    blinding::{Blinded, Foldings},
    engine::{decode, encode, instance_layout, EngineError, IvcProof, PublicParams, Statement},
    layout::Layout,
};
use maci_nova_step_circuit::Fr;
use nova_snark::errors::NovaError;
use serde::{Deserialize, Serialize};

use crate::strict_r1cs::{self, PrimarySnark, SecondarySnark};

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
pub(crate) fn prove(engine: &PublicParams, proof: &IvcProof) -> Result<Vec<u8>, SnarkError> {
    let Blinded {
        foldings,
        primary: (instance, witness),
        secondary: (cyclefold, cyclefold_witness),
    } = proof.blinded(engine)?;
    let snark = CompressedSnark {
        foldings,
        blinds: (witness.blind, cyclefold_witness.blind),
        primary: strict_r1cs::prove(engine.primary(), &instance, &witness)
            .map_err(EngineError::from)?,
        secondary: strict_r1cs::prove(engine.secondary(), &cyclefold, &cyclefold_witness)
            .map_err(EngineError::from)?,
    };
    let bytes = layout(engine).pack(&encode(&snark)?);
    Ok(bytes.map_err(EngineError::from)?)
}

/// Verifies an encoded proof of a statement.
///
/// Hostile bytes are an error: their size must be the one that the circuits' sizes imply, so every
/// vector has its length; each element is canonical and each point on its curve.
pub(crate) fn verify(
    engine: &PublicParams,
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
    fn verify(&self, engine: &PublicParams, statement: &Statement<'_>) -> Result<(), SnarkError> {
        let (primary, secondary) = self.foldings.fold(engine, statement)?;
        let rejected = |error: NovaError| SnarkError::Rejected(error.to_string());
        let Self { blinds, .. } = self;
        strict_r1cs::verify(engine.primary(), &primary, &blinds.0, &self.primary)
            .map_err(rejected)?;
        strict_r1cs::verify(engine.secondary(), &secondary, &blinds.1, &self.secondary)
            .map_err(rejected)?;
        Ok(())
    }
}

/// The fields of [`CompressedSnark`], in order.
fn layout(engine: &PublicParams) -> Layout {
    let inputs = [
        engine.primary().shape().num_io(),
        engine.secondary().shape().num_io(),
    ];
    // Salt, running instance, commitment to the last witness; running CycleFold instance.
    let layout = instance_layout(Layout::default().elements(1), inputs[0]).elements(1);
    let layout = instance_layout(layout, inputs[1]);
    // Random instances: two commitments, scalar, public inputs.
    let layout = layout.elements(3).vector(inputs[0]);
    let layout = layout.elements(3).vector(inputs[1]);
    // The blindings of both commitments.
    let layout = layout.elements(2);
    let layout = primary_snark(
        layout,
        &Rounds::new(strict_r1cs::dimension(engine.primary())),
    );
    secondary_snark(
        layout,
        &Rounds::new(strict_r1cs::dimension(engine.secondary())),
    )
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
