//! The last foldings: what leaves the coordinator instead of the running proof.
//!
//! The incoming instance is folded into the running one, and both running instances are folded with
//! random satisfying ones (HyperNova, ePrint 2023/573), so that their witnesses become uniform:
//! whatever is then proven of them tells nothing about the votes. The group operations are done by
//! whoever verifies; no CycleFold instance states them.

use core::fmt;

use ff::PrimeField;
use halo2curves::bn256::{Fq, Fr};
use serde::{Deserialize, Serialize};

use crate::{
    cyclefold::Challenge,
    engine::{EngineError, IvcProof, Primary, PublicParams, Secondary, Statement},
    oracle::Query,
    relation::{coordinates, packed, Commitment, Instance, Random, Witness},
};

/// Everything that a verifier needs besides the statement to compute the blinded instances.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Foldings {
    /// The salt of the last step's hash.
    pub salt: Fr,
    /// U, as the last step left it.
    pub running: Instance<Primary>,
    /// To the last step's witness and its cross term with U.
    pub commitment: Commitment<Primary>,
    /// U_cf, as the last step left it.
    pub cyclefold: Instance<Secondary>,
    /// The random instance on BN254.
    pub random: RandomInstance<Primary>,
    /// The random instance on Grumpkin.
    pub random_cyclefold: RandomInstance<Secondary>,
}

/// The public part of a random satisfying instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct RandomInstance<E: nova_snark::traits::Engine> {
    /// Com(W || T), T the cross term.
    pub witness_commitment: Commitment<E>,
    /// Com(0 || E).
    pub error_commitment: Commitment<E>,
    /// The scalar.
    pub u: E::Scalar,
    /// The public inputs.
    pub x: Vec<E::Scalar>,
}

/// The blinded instances with their witnesses, which a prover still keeps.
pub struct Blinded {
    /// What the verifier is given.
    pub foldings: Foldings,
    /// On BN254.
    pub primary: (Instance<Primary>, Witness<Primary>),
    /// On Grumpkin.
    pub secondary: (Instance<Secondary>, Witness<Secondary>),
}

impl fmt::Debug for Blinded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Blinded").finish_non_exhaustive()
    }
}

impl<E: nova_snark::traits::Engine> From<&Random<E>> for RandomInstance<E> {
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
    /// The blinded instances of a statement.
    ///
    /// The incoming instance's public inputs are the hashes of what is stated and of the running
    /// instances here, so no running instance of another chain or statement can stand in for them.
    ///
    /// # Errors
    /// When the number of steps is out of range, or a vector or scalar of the instances is.
    pub fn fold(
        &self,
        engine: &PublicParams,
        statement: &Statement<'_>,
    ) -> Result<(Instance<Primary>, Instance<Secondary>), EngineError> {
        let lengths = [
            self.running.x.len() == 2,
            self.random.x.len() == 2,
            self.random_cyclefold.x.len() == self.cyclefold.x.len(),
        ];
        if lengths.contains(&false) {
            return Err(EngineError::Statement("a vector of another length"));
        }
        let x = engine.public_inputs(statement, &self.salt, &self.running, &self.cyclefold)?;
        let folded = self.running.fold(
            &engine.challenge(&x, &self.commitment).multiplier(),
            &x,
            &self.commitment,
        );
        let primary = blind(&folded, &self.blinding(engine, &x), &self.random);
        let rho = self.cyclefold_blinding(engine, &x[1]);
        let secondary = blind(&self.cyclefold, &rho, &self.random_cyclefold);
        Ok((primary, secondary))
    }

    /// The challenges of the last two foldings on BN254, as multipliers.
    ///
    /// # Errors
    /// As [`Foldings::fold`].
    pub fn challenges(
        &self,
        engine: &PublicParams,
        statement: &Statement<'_>,
    ) -> Result<(Fr, Fr), EngineError> {
        let x = engine.public_inputs(statement, &self.salt, &self.running, &self.cyclefold)?;
        let first = engine.challenge(&x, &self.commitment).multiplier();
        Ok((first, self.blinding(engine, &x)))
    }

    /// The challenge of the last folding on BN254: all of a hash.
    pub(crate) fn blinding(&self, engine: &PublicParams, x: &[Fr; 2]) -> Fr {
        let RandomInstance {
            witness_commitment,
            error_commitment,
            u,
            x: random_x,
        } = &self.random;
        let query = Query::Blinding {
            x,
            commitment: &packed(&self.commitment),
            random_commitments: [&packed(witness_commitment), &packed(error_commitment)],
            random_u: u,
            random_x: &[random_x[0], random_x[1]],
        };
        engine.oracle().hash(engine.digest(), &query)
    }

    /// The challenge of the last folding on Grumpkin: 128 bits.
    pub(crate) fn cyclefold_blinding(&self, engine: &PublicParams, x1: &Fr) -> Fq {
        let RandomInstance {
            witness_commitment,
            error_commitment,
            u,
            x,
        } = &self.random_cyclefold;
        let [witness, error] = [witness_commitment, error_commitment]
            .map(|commitment| <[Fr; 2]>::from(coordinates::<Secondary>(commitment)));
        let scalars: Vec<Fr> = core::iter::once(u).chain(x).flat_map(halves).collect();
        let query = Query::CycleFoldBlinding {
            x1,
            random_commitments: [&witness, &error],
            random_scalars: &scalars,
        };
        Fq::from_u128(engine.oracle().challenge(engine.digest(), &query))
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

fn blind<E: nova_snark::traits::Engine>(
    instance: &Instance<E>,
    rho: &E::Scalar,
    random: &RandomInstance<E>,
) -> Instance<E> {
    instance.blind(
        rho,
        &random.witness_commitment,
        &random.error_commitment,
        &random.u,
        &random.x,
    )
}

impl IvcProof {
    /// Folds the last step's witness into the running one, and both running instances with random
    /// ones.
    ///
    /// # Errors
    /// When the proof's vectors are not the engine's.
    pub fn blinded(&self, engine: &PublicParams) -> Result<Blinded, EngineError> {
        let parts = self.parts();
        let (running, cyclefold) = (&parts.running, &parts.cyclefold);
        let mut witness = parts.running_witness.clone();
        let mut products = engine.primary().running_products(running, &witness)?;
        let incoming = engine
            .primary()
            .incoming(&running.u, &products, &parts.x, &parts.w)?;
        let rho: Challenge = engine.challenge(&parts.x, &incoming.commitment);
        let rho = rho.multiplier();
        let folded = running.fold(&rho, &parts.x, &incoming.commitment);
        witness.fold(&mut products, &rho, &parts.w, &incoming);

        let random = engine.primary().random(&folded, &witness)?;
        let random_cyclefold = engine
            .secondary()
            .random(cyclefold, &parts.cyclefold_witness)?;
        let foldings = Foldings {
            salt: parts.salt,
            running: running.clone(),
            commitment: incoming.commitment,
            cyclefold: cyclefold.clone(),
            random: RandomInstance::from(&random),
            random_cyclefold: RandomInstance::from(&random_cyclefold),
        };
        let rho = foldings.blinding(engine, &parts.x);
        let primary = (
            blind(&folded, &rho, &foldings.random),
            witness.blind(&rho, &random),
        );
        let rho = foldings.cyclefold_blinding(engine, &parts.x[1]);
        let secondary = (
            blind(cyclefold, &rho, &foldings.random_cyclefold),
            parts.cyclefold_witness.blind(&rho, &random_cyclefold),
        );
        Ok(Blinded {
            foldings,
            primary,
            secondary,
        })
    }
}
