//! The first of the two proofs on BN254: that the last foldings were made as they should be.
//!
//! What the prover of a folding sends are functions of witnesses that are not blinded, so they
//! cannot be published. This relation has them as its witness, and as its public inputs what they
//! lead to: it is [`crate::last_foldings`] alone. Its own instance, which is strict, is folded into a
//! random relaxed one before it is proven, since Spartan hides nothing.

use ff::Field;
use maci_nova_folding::{
    blinding::{Blinded, Foldings},
    engine::{EngineError, Primary, PublicParams, Statement},
    limbs::PACKED_POINT,
    relation::{packed, BlindedStrict, Commitment, Instance, Relation, Witness},
};
use maci_nova_step_circuit::{
    constraints::{Constraints, Values},
    num::{Gadget, Num},
    Fr,
};
use nova_snark::frontend::{r1cs::NovaShape, shape_cs::ShapeCS};
use serde::{Deserialize, Serialize};

use crate::{
    last_foldings::{self, Stated, POINTS},
    snark_error::SnarkError,
    strict_r1cs::{self, PrimarySnark},
    transcript,
};

/// Prefix of what the random instance's challenge is a hash of.
const DOMAIN: &[u8] = b"maci-nova last foldings, version 1";

/// What is public of the last foldings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Shown {
    /// U.C, D and D_R.
    pub(crate) points: [Commitment<Primary>; POINTS],
    pub(crate) r1: Fr,
    pub(crate) r2: Fr,
    /// x'', beta'' and e''.
    pub(crate) x: [Fr; 2],
    pub(crate) beta: Vec<Fr>,
    pub(crate) e: Fr,
}

impl Shown {
    /// What is shown of the blinded instance of a statement.
    pub(crate) fn of(
        blinded: &Blinded,
        engine: &PublicParams,
        statement: &Statement<'_>,
    ) -> Result<Self, EngineError> {
        let (foldings, instance) = (&blinded.foldings, &blinded.instance);
        let (r1, r2) = foldings.challenges(engine, statement)?;
        Ok(Shown {
            points: [
                foldings.running.commitment,
                foldings.messages.difference,
                foldings.random.difference,
            ],
            r1,
            r2,
            x: instance.x,
            beta: instance.beta.clone(),
            e: instance.e,
        })
    }

    /// The public inputs: i, z_0, z_i, x_1, the points, r_1, r_2, x'', beta'', e''.
    pub(crate) fn inputs(&self, statement: &Statement<'_>, x1: Fr) -> Vec<Fr> {
        let mut inputs = vec![Fr::from(statement.steps)];
        inputs.extend_from_slice(statement.z0);
        inputs.extend_from_slice(statement.z);
        inputs.push(x1);
        inputs.extend(self.points.iter().flat_map(packed));
        inputs.extend([self.r1, self.r2]);
        inputs.extend(self.x);
        inputs.extend_from_slice(&self.beta);
        inputs.push(self.e);
        inputs
    }
}

/// A proof of the relation.
#[derive(Serialize, Deserialize)]
pub(crate) struct Proof {
    /// To the witness and its cross term with the random instance.
    commitment: Commitment<Primary>,
    /// The random instance that the relation's own is folded into.
    random: Instance<Primary>,
    /// The blinding of the folded commitment, which nothing needs any more.
    blind: Fr,
    snark: PrimarySnark,
}

/// Fills `g` with the relation: the public inputs first.
fn fill<CS: Constraints<Fr>>(
    g: &mut Gadget<'_, CS>,
    engine: &PublicParams,
    inputs: &[Fr],
    foldings: &Foldings,
) {
    let sizes = engine.sizes();
    let inputs: Vec<Num> = inputs.iter().map(|value| g.alloc_input(*value)).collect();
    let mut rest = &inputs[..];
    let mut take = |count: usize| {
        let (taken, left) = rest.split_at(count);
        rest = left;
        taken
    };
    let (step, z0, z) = (take(1), take(sizes.arity), take(sizes.arity));
    let x1 = take(1);
    let points = [(); POINTS].map(|()| {
        let point = take(PACKED_POINT);
        core::array::from_fn(|k| point[k].clone())
    });
    let stated = Stated {
        step: &step[0],
        z0,
        z,
        x1: &x1[0],
        points: &points,
    };
    let folded = last_foldings::fold(g, engine, &stated, foldings);
    let mut results = vec![folded.r1, folded.r2];
    results.extend(folded.x);
    results.extend(folded.beta);
    results.push(folded.e);
    for (result, input) in results.iter().zip(take(results.len())) {
        g.enforce_equal("what is shown", result, input);
    }
}

/// The relation of an engine.
pub(crate) fn relation(engine: &PublicParams) -> Result<Relation<Primary>, EngineError> {
    let mut cs = ShapeCS::<Primary>::new();
    let foldings = Foldings::blank(engine);
    let shown = Shown {
        points: [Commitment::<Primary>::default(); POINTS],
        r1: Fr::ZERO,
        r2: Fr::ZERO,
        x: [Fr::ZERO; 2],
        beta: vec![Fr::ZERO; engine.sizes().t],
        e: Fr::ZERO,
    };
    let z0 = vec![Fr::ZERO; engine.sizes().arity];
    let statement = Statement {
        steps: 1,
        z0: &z0,
        z: &z0,
    };
    let inputs = shown.inputs(&statement, Fr::ZERO);
    fill(&mut Gadget::new(&mut cs), engine, &inputs, &foldings);
    Ok(Relation::new(
        cs.r1cs_shape()?,
        engine.primary().key().clone(),
    )?)
}

/// Proves that these foldings lead to what is shown.
pub(crate) fn prove(
    engine: &PublicParams,
    relation: &Relation<Primary>,
    inputs: &[Fr],
    foldings: &Foldings,
) -> Result<Proof, SnarkError> {
    let (values, violated) = values(engine, inputs, foldings);
    match violated {
        Some(constraint) => Err(EngineError::Unsatisfied(constraint).into()),
        None => prove_values(engine, relation, &values, |_, _| {}),
    }
}

/// The values of the relation's variables and rows, and the first constraint that they violate.
fn values(
    engine: &PublicParams,
    inputs: &[Fr],
    foldings: &Foldings,
) -> (Values<Fr>, Option<&'static str>) {
    let mut values = Values::plain();
    let mut g = Gadget::new(&mut values);
    fill(&mut g, engine, inputs, foldings);
    let violated = g.violated();
    (values, violated)
}

/// The proof of values, which may be false, by a prover who may change what he proves last.
fn prove_values(
    engine: &PublicParams,
    relation: &Relation<Primary>,
    values: &Values<Fr>,
    change: impl FnOnce(&Instance<Primary>, &mut Witness<Primary>),
) -> Result<Proof, SnarkError> {
    let BlindedStrict {
        commitment,
        random,
        instance,
        mut witness,
    } = relation.blinded_strict(values, |commitment, random| {
        challenge(engine, &values.inputs, commitment, random)
    })?;
    change(&instance, &mut witness);
    let snark = strict_r1cs::prove(relation, &instance, &witness).map_err(EngineError::from)?;
    Ok(Proof {
        commitment,
        random,
        blind: witness.blind,
        snark,
    })
}

/// A prover who does not mind that his foldings do not lead to what he shows; with `fitted` he proves
/// the folded instance with the error that makes it satisfied.
#[cfg(test)]
pub(crate) fn prove_unchecked(
    engine: &PublicParams,
    relation: &Relation<Primary>,
    inputs: &[Fr],
    foldings: &Foldings,
    fitted: bool,
) -> Proof {
    let (values, _) = values(engine, inputs, foldings);
    let proof = prove_values(engine, relation, &values, |instance, witness| {
        if fitted {
            witness.e = relation.error_of(instance, &witness.w);
        }
    });
    proof.expect("made")
}

impl Proof {
    /// Verifies that there are foldings which lead to what is shown.
    pub(crate) fn verify(
        &self,
        engine: &PublicParams,
        relation: &Relation<Primary>,
        inputs: &[Fr],
    ) -> Result<(), SnarkError> {
        let lengths = [inputs.len(), self.random.x.len()];
        if lengths != [relation.shape().num_io(); 2] {
            return Err(EngineError::Statement("a vector of another length").into());
        }
        let rho = challenge(engine, inputs, &self.commitment, &self.random)?;
        let instance = self.random.fold(&rho, inputs, &self.commitment);
        strict_r1cs::verify(relation, &instance, &self.blind, &self.snark)
            .map_err(|error| SnarkError::Rejected(error.to_string()))
    }
}

/// The challenge of folding into the random instance: a hash of the parameters, of all public inputs,
/// of the commitment to witness and cross term, and of all of the random instance.
fn challenge(
    engine: &PublicParams,
    inputs: &[Fr],
    commitment: &Commitment<Primary>,
    random: &Instance<Primary>,
) -> Result<Fr, EngineError> {
    transcript::challenge(DOMAIN, &(engine.digest(), inputs, commitment, random))
}
