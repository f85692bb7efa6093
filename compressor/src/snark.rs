//! The compressed running proof and its encoding.

use std::panic::{self, AssertUnwindSafe};

use halo2curves::bn256::Fq;
use maci_nova_folding::{
    blinding::{Blinded, RandomInstance},
    engine::{
        decode, encode, instance_layout, EngineError, IvcProof, Primary, PublicParams, Secondary,
        Statement,
    },
    layout::Layout,
    relation::{Instance, Relation},
};
use serde::{Deserialize, Serialize};

use crate::snark_error::SnarkError;
use crate::{
    claim,
    hashes::{self, Shown},
    strict_r1cs::{self, SecondarySnark},
};

/// A running proof without its witnesses: what is public of the last foldings, that these were made
/// rightly, and that what they lead to is satisfied.
#[derive(Serialize, Deserialize)]
pub(crate) struct CompressedSnark {
    shown: Shown,
    /// U_cf, and the random instance that it is folded with.
    cyclefold: Instance<Secondary>,
    random_cyclefold: RandomInstance<Secondary>,
    /// The blinding of the blinded CycleFold commitment, which nothing needs any more.
    blind: Fq,
    hashes: hashes::Proof,
    claim: claim::Proof,
    secondary: SecondarySnark,
}

/// Compresses a running proof.
pub(crate) fn prove(engine: &PublicParams, proof: &IvcProof) -> Result<Vec<u8>, SnarkError> {
    let statement = proof.statement();
    let blinded = proof.blinded(engine);
    let shown = Shown::of(&blinded, engine, &statement)?;
    let Blinded {
        foldings, opening, ..
    } = blinded;
    let x1 = engine.hash_of_cyclefold(&foldings.cyclefold)?;
    let inputs = shown.inputs(&statement, x1);
    let (w, blind) = (opening.witness(), opening.blinding());
    let cyclefold = proof.blinded_cyclefold(engine)?;
    let relation = hashes::relation(engine)?;
    let snark = CompressedSnark {
        hashes: hashes::prove(engine, &relation, &inputs, &foldings)?,
        claim: claim::prove(engine, &shown, w, blind, &inputs)?,
        secondary: strict_r1cs::prove(engine.secondary(), &cyclefold.instance, &cyclefold.witness)
            .map_err(EngineError::from)?,
        blind: cyclefold.witness.blind,
        cyclefold: foldings.cyclefold,
        random_cyclefold: cyclefold.random,
        shown,
    };
    let bytes = layout(engine, &relation).pack(&encode(&snark)?);
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
    let relation = hashes::relation(engine)?;
    let library = layout(engine, &relation)
        .unpack(bytes)
        .map_err(EngineError::from)?;
    // Last resort: with the lengths fixed, no path of the library's verifier that can panic is
    // known, but a verifier must not end its process in any case.
    panic::catch_unwind(AssertUnwindSafe(|| {
        let snark: CompressedSnark = decode(&library)?;
        if encode(&snark)? != library {
            return Err(SnarkError::NotCanonical);
        }
        snark.verify(engine, &relation, statement)
    }))
    .unwrap_or_else(|_| Err(SnarkError::Rejected("by a panic".into())))
}

impl CompressedSnark {
    /// The CycleFold instance that is proven is the one whose hash the last step's instance has, and
    /// the claim is the one that the last foldings lead to.
    fn verify(
        &self,
        engine: &PublicParams,
        relation: &Relation<Primary>,
        statement: &Statement<'_>,
    ) -> Result<(), SnarkError> {
        engine.check_statement(statement)?;
        let x1 = engine.hash_of_cyclefold(&self.cyclefold)?;
        let inputs = self.shown.inputs(statement, x1);
        let secondary = self.random_cyclefold.fold_into(engine, &self.cyclefold)?;
        self.hashes.verify(engine, relation, &inputs)?;
        self.claim.verify(engine, &self.shown, &inputs)?;
        strict_r1cs::verify(engine.secondary(), &secondary, &self.blind, &self.secondary)
            .map_err(|error| SnarkError::Rejected(error.to_string()))
    }
}

/// The fields of [`CompressedSnark`], in order.
fn layout(engine: &PublicParams, hashes: &Relation<Primary>) -> Layout {
    let sizes = engine.sizes();
    let inputs = engine.secondary().shape().num_io();
    // What is shown: three points, r_1, r_2, x'', beta'', e''.
    let layout = Layout::default().elements(3 + 2 + 2);
    let layout = layout.vector(sizes.t).elements(1);
    // The running CycleFold instance, the random one: two commitments, scalar, public inputs.
    let layout = instance_layout(layout, inputs);
    let layout = layout.elements(3).vector(inputs).elements(1);
    // The hashes: the commitment to the witness, the random instance, the blinding.
    let layout = instance_layout(layout.elements(1), hashes.shape().num_io());
    let layout = primary_snark(
        layout.elements(1),
        &Rounds::new(strict_r1cs::dimension(hashes)),
    );
    // The claim: commitment, blinding, value, opening.
    let layout = primary_snark(layout.elements(4), &Rounds::new(claim::dimension(engine)));
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
