//! The last foldings: what leaves the coordinator instead of the running proof.
//!
//! The incoming instance is folded into the running one, and both running instances are folded with
//! random ones (HyperNova, ePrint 2023/573), so that their witnesses become uniform: whatever is
//! then proven of them tells nothing about the votes. The group operations are done by whoever
//! verifies; no CycleFold instance states them.
//!
//! On BN254 the random instance is a claim that shares the folded one's beta. What the prover sends
//! of these foldings but for the commitments are functions of witnesses that are not blinded, so
//! [`Foldings`] are secret, and are proven to lead to what is shown of them: the two challenges,
//! and the blinded instance. Of the Grumpkin side everything can be shown.

use core::fmt;

use ff::{Field, PrimeField};
use halo2curves::bn256::{Fq, Fr};
use nova_snark::traits::Engine;
use serde::{Deserialize, Serialize};

use crate::{
    accumulator::{Accumulator, Challenges, Messages, Opening},
    claims::{self, QUOTIENT},
    engine::{EngineError, IvcProof, Primary, PublicParams, Secondary, Statement},
    oracle::{self, Query},
    relation::{coordinates, packed, Commitment, Instance, Random, RelationError, Witness},
};

/// The last foldings on BN254. Secret, but for the commitments.
#[derive(Clone)]
pub struct Foldings {
    /// The salt of the last step's hash.
    pub salt: Fr,
    /// U, as the last step left it.
    pub running: Accumulator,
    /// U_cf, as the last step left it.
    pub cyclefold: Instance<Secondary>,
    /// Of folding the last step's instance into U.
    pub messages: Messages,
    /// Of folding a random one into U'.
    pub random: RandomClaim,
}

/// A random claim, and what folding it sends.
#[derive(Clone)]
pub struct RandomClaim {
    /// The commitment to its witness, less that of U'.
    pub difference: Commitment<Primary>,
    /// Its public inputs.
    pub x: [Fr; 2],
    /// What its weighted rows sum up to.
    pub e: Fr,
    /// K.
    pub k: [Fr; QUOTIENT],
}

/// The blinded instance on BN254 with its opening, which a prover still keeps.
pub struct Blinded {
    /// What led to it.
    pub foldings: Foldings,
    /// The instance.
    pub instance: Accumulator,
    /// Its opening: uniform.
    pub opening: Opening,
}

/// The public part of a random satisfying instance of a relaxed relation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct RandomInstance<E: Engine> {
    /// Com(W || T), T the cross term.
    pub witness_commitment: Commitment<E>,
    /// Com(0 || E).
    pub error_commitment: Commitment<E>,
    /// The scalar.
    pub u: E::Scalar,
    /// The public inputs.
    pub x: Vec<E::Scalar>,
}

/// The blinded CycleFold instance with its witness, which a prover still keeps.
pub struct BlindedCycleFold {
    /// The random instance.
    pub random: RandomInstance<Secondary>,
    /// The instance.
    pub instance: Instance<Secondary>,
    /// Its witness: uniform.
    pub witness: Witness<Secondary>,
}

impl fmt::Debug for Foldings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Foldings(<secret>)")
    }
}

impl fmt::Debug for RandomClaim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RandomClaim(<secret>)")
    }
}

impl fmt::Debug for Blinded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Blinded").finish_non_exhaustive()
    }
}

impl fmt::Debug for BlindedCycleFold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlindedCycleFold").finish_non_exhaustive()
    }
}

impl<E: Engine> From<&Random<E>> for RandomInstance<E> {
    fn from(random: &Random<E>) -> Self {
        RandomInstance {
            witness_commitment: random.witness_commitment,
            error_commitment: random.error_commitment,
            u: random.u,
            x: random.x.clone(),
        }
    }
}

impl Foldings {
    /// Some foldings of the right lengths, to make constraints with.
    pub fn blank(engine: &PublicParams) -> Self {
        let t = engine.sizes().t;
        let infinity = Commitment::<Primary>::default();
        Foldings {
            salt: Fr::ZERO,
            running: engine.primary().zero().0,
            cyclefold: engine.secondary().zero().0,
            messages: Messages {
                difference: infinity,
                f: vec![Fr::ZERO; t],
                k: [Fr::ZERO; QUOTIENT],
            },
            random: RandomClaim {
                difference: infinity,
                x: [Fr::ZERO; 2],
                e: Fr::ZERO,
                k: [Fr::ZERO; QUOTIENT],
            },
        }
    }

    /// The challenges of the last two foldings on BN254, as multipliers.
    ///
    /// # Errors
    /// When the number of steps is out of range, or a vector or scalar of the instances is.
    pub fn challenges(
        &self,
        engine: &PublicParams,
        statement: &Statement<'_>,
    ) -> Result<(Fr, Fr), EngineError> {
        let (_, challenges, gamma_hash) = self.drawn(engine, statement)?;
        Ok((challenges.gamma, self.random.challenge(engine, &gamma_hash)))
    }

    /// The blinded instance of a statement.
    ///
    /// The incoming instance's public inputs are the hashes of what is stated and of the running
    /// instances here, so no running instance of another chain or statement can stand in for them.
    ///
    /// # Errors
    /// As [`Foldings::challenges`].
    pub fn fold(
        &self,
        engine: &PublicParams,
        statement: &Statement<'_>,
    ) -> Result<Accumulator, EngineError> {
        let (x, challenges, gamma_hash) = self.drawn(engine, statement)?;
        let folded = self.running.fold(&x, &self.messages, &challenges);
        let rho = self.random.challenge(engine, &gamma_hash);
        Ok(self.random.fold_into(&folded, rho))
    }

    /// The public inputs of the last step's instance, the challenges of folding it, and the hash
    /// that gamma is made of.
    fn drawn(
        &self,
        engine: &PublicParams,
        statement: &Statement<'_>,
    ) -> Result<([Fr; 2], Challenges, Fr), EngineError> {
        // A hash of F tells nothing of its length, which the circuits fix.
        if self.messages.f.len() != engine.sizes().t {
            return Err(RelationError::Length.into());
        }
        let x = engine.public_inputs(statement, &self.salt, &self.running, &self.cyclefold)?;
        let (challenges, gamma_hash) = engine.challenges(&x, &self.messages);
        Ok((x, challenges, gamma_hash))
    }
}

impl RandomClaim {
    /// The challenge of the last folding on BN254: all of a hash.
    pub(crate) fn challenge(&self, engine: &PublicParams, gamma_hash: &Fr) -> Fr {
        engine.hash(&Query::Blinding {
            gamma: gamma_hash,
            difference: &packed(&self.difference),
            random_x: &self.x,
            random_e: &self.e,
            k: &self.k,
        })
    }

    fn fold_into(&self, folded: &Accumulator, rho: Fr) -> Accumulator {
        folded.blind(&self.difference, &self.x, self.e, &self.k, rho)
    }
}

impl<E: Engine> RandomInstance<E> {
    /// The fold of an instance with this one.
    pub fn fold(&self, instance: &Instance<E>, rho: &E::Scalar) -> Instance<E> {
        let (witness, error) = (&self.witness_commitment, &self.error_commitment);
        instance.blind(rho, witness, error, &self.u, &self.x)
    }
}

impl RandomInstance<Secondary> {
    /// The blinded CycleFold instance.
    ///
    /// # Errors
    /// When a vector has another length.
    pub fn fold_into(
        &self,
        engine: &PublicParams,
        cyclefold: &Instance<Secondary>,
    ) -> Result<Instance<Secondary>, EngineError> {
        if self.x.len() != cyclefold.x.len() {
            return Err(EngineError::Statement("a vector of another length"));
        }
        let x1 = engine.hash_of_cyclefold(cyclefold)?;
        let rho = self.challenge(engine, &x1);
        Ok(self.fold(cyclefold, &rho))
    }

    /// The challenge of the last folding on Grumpkin: 128 bits.
    pub(crate) fn challenge(&self, engine: &PublicParams, x1: &Fr) -> Fq {
        let [witness, error] = [self.witness_commitment, self.error_commitment]
            .map(|commitment| <[Fr; 2]>::from(coordinates::<Secondary>(&commitment)));
        let scalars: Vec<Fr> = core::iter::once(&self.u)
            .chain(&self.x)
            .flat_map(halves)
            .collect();
        let query = Query::CycleFoldBlinding {
            x1,
            random_commitments: [&witness, &error],
            random_scalars: &scalars,
        };
        Fq::from_u128(oracle::low_bits(engine.hash(&query)))
    }
}

/// An element of Fq as two elements of Fr: its lower and its upper 128 bits.
fn halves(scalar: &Fq) -> [Fr; 2] {
    let bytes = scalar.to_repr();
    let bytes: &[u8] = bytes.as_ref();
    [0, 16].map(|from| {
        let mut half = [0; 16];
        half.copy_from_slice(&bytes[from..from + 16]);
        Fr::from_u128(u128::from_le_bytes(half))
    })
}

impl IvcProof {
    /// Folds the last step's witness into the running one, and that with a random one, on BN254.
    pub fn blinded(&self, engine: &PublicParams) -> Blinded {
        let parts = self.parts();
        let relation = engine.primary();
        let folding = self.last_folding(engine);
        let folded = folding.folded;
        let (random, x, e) = relation.random(&folded.beta);
        let weights = claims::weights(&folded.beta, relation.rows().count());
        let commitment = relation.commit(random.witness(), &random.blind);
        let random_claim = RandomClaim {
            difference: commitment + folded.commitment * -Fr::ONE,
            x,
            e,
            k: claims::quotient(&folding.opening.values, &random.values, &weights),
        };
        let rho = random_claim.challenge(engine, &folding.gamma_hash);
        let opening = folding.opening.towards(&random.values, random.blind, rho);
        Blinded {
            instance: random_claim.fold_into(&folded, rho),
            opening,
            foldings: Foldings {
                salt: parts.salt,
                running: parts.running.clone(),
                cyclefold: parts.cyclefold.clone(),
                messages: folding.messages,
                random: random_claim,
            },
        }
    }

    /// Folds the running CycleFold instance with a random one.
    ///
    /// # Errors
    /// When the proof's vectors are not the engine's.
    pub fn blinded_cyclefold(
        &self,
        engine: &PublicParams,
    ) -> Result<BlindedCycleFold, EngineError> {
        let parts = self.parts();
        let relation = engine.secondary();
        let random = relation.random(&parts.cyclefold, &parts.cyclefold_witness)?;
        let public = RandomInstance::from(&random);
        let rho = public.challenge(engine, &parts.x[1]);
        Ok(BlindedCycleFold {
            instance: public.fold_into(engine, &parts.cyclefold)?,
            witness: parts.cyclefold_witness.blind(&rho, &random),
            random: public,
        })
    }
}
