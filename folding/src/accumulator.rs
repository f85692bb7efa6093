//! The running instance on BN254: a commitment and a claim about what it commits to.
//!
//! ```text
//! U = (C, x, beta, e):   C = Com(w; blind),   sum_i pow_i(beta) f_i(w, 1, x) = e
//! ```
//! ([`crate::claims`] has the sum, [`crate::rows`] the f_i.) There is no error vector, so nothing
//! but the witness is committed to. An incoming instance is strict, all its f_i are 0, and is folded by
//! ```text
//! D = Com(w_1) - C      delta = RO(x_1, D)      alpha = RO(delta, F)      gamma = RO(alpha, K)
//! U' = (C + gamma D,  x + gamma (x_1 - x),  beta + alpha (delta, delta^2, delta^4, ..),
//!       (1 - gamma) F(alpha) + gamma (gamma - 1) K(gamma))
//! ```
//! `docs/folding.md` says why that is sound.

use core::{fmt, ops::Range};
use std::sync::OnceLock;

use ff::Field;
use halo2curves::bn256::{Fr, G1};
use maci_nova_step_circuit::constraints::Values;
use maci_nova_step_circuit::secret::Secret;
use nova_snark::{
    errors::NovaError,
    traits::{
        commitment::{CommitmentEngineTrait, Len},
        Engine,
    },
};
use rand_core::OsRng;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{
    claims::{self, QUOTIENT},
    fixed_base::FixedBases,
    relation::{Commitment, CommitmentKey, Primary, RelationError},
    rows::Rows,
};

type Ce = <Primary as Engine>::CE;

/// The rows of the augmented circuit, and the key that their witnesses are committed with.
pub struct RowRelation {
    rows: Rows,
    key: CommitmentKey<Primary>,
    /// Elements of beta: 2^t weights are enough for all rows.
    t: usize,
    /// Multiples of the key's elements, made by who folds.
    bases: OnceLock<FixedBases>,
}

/// The running instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accumulator {
    /// To the witness.
    pub commitment: Commitment<Primary>,
    /// The public inputs.
    pub x: [Fr; 2],
    /// What the weights are made of.
    pub beta: Vec<Fr>,
    /// What the weighted rows sum up to.
    pub e: Fr,
}

/// A witness with its blinding: secret. Its rows' values are kept, since they fold as it does.
#[derive(Clone)]
pub struct Opening {
    pub(crate) values: Values<Fr>,
    pub(crate) blind: Fr,
}

/// A part of a witness that has been committed to, without blinding: what the rest of the commitment is added to.
#[derive(Clone)]
pub(crate) struct CommittedPart {
    /// Which of the variables.
    range: Range<usize>,
    /// Their values times the key's elements.
    sum: G1,
}

/// What the prover of a folding sends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Messages {
    /// `Com(w_1) - C`.
    pub difference: Commitment<Primary>,
    /// `F_1..F_t`.
    pub f: Vec<Fr>,
    /// `K_0..K_3`.
    pub k: [Fr; QUOTIENT],
}

impl fmt::Debug for RowRelation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RowRelation")
            .field("rows", &self.rows)
            .field("t", &self.t)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Opening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Opening(<secret>)")
    }
}

impl RowRelation {
    /// Rows with a key for their witnesses, and so many elements of beta.
    ///
    /// # Errors
    /// When the key is too short, there are too many rows for `2^t` weights, or the first row is
    /// not 0 at the start, where it is the only one with a weight.
    pub(crate) fn new(
        rows: Rows,
        key: CommitmentKey<Primary>,
        t: usize,
    ) -> Result<Self, NovaError> {
        if key.length() < rows.variables() {
            return Err(NovaError::InvalidCommitmentKeyLength);
        }
        let relation = RowRelation {
            rows,
            key,
            t,
            bases: OnceLock::new(),
        };
        let zero = relation.zero();
        let enough = relation.rows.count() <= 1 << t;
        if !enough || claims::sum(&zero.1.values, &zero.0.beta) != zero.0.e {
            return Err(NovaError::UnSat {
                reason: "the rows do not fit the claim that everything starts from".into(),
            });
        }
        Ok(relation)
    }

    /// The rows.
    pub fn rows(&self) -> &Rows {
        &self.rows
    }

    /// The key.
    pub fn key(&self) -> &CommitmentKey<Primary> {
        &self.key
    }

    /// The rows with the digest that their last product row states.
    pub(crate) fn set_digest(&mut self, digest: Fr) {
        self.rows.set_last_constant(digest);
    }

    /// Elements of beta.
    pub fn t(&self) -> usize {
        self.t
    }

    /// `Com(w; blind)`.
    pub fn commit(&self, w: &[Fr], blind: &Fr) -> Commitment<Primary> {
        Ce::commit(&self.key, w, blind)
    }

    /// What every running instance begins as: all zero.
    pub(crate) fn zero(&self) -> (Accumulator, Opening) {
        let accumulator = Accumulator {
            commitment: Commitment::<Primary>::default(),
            x: [Fr::ZERO; 2],
            beta: vec![Fr::ZERO; self.t],
            e: Fr::ZERO,
        };
        let w = vec![Fr::ZERO; self.rows.variables()];
        let values = self.rows.values(&w, &accumulator.x);
        let blind = Fr::ZERO;
        (accumulator, Opening { values, blind })
    }

    /// The opening with this witness.
    pub(crate) fn opening(
        &self,
        w: &[Fr],
        x: &[Fr; 2],
        blind: Fr,
    ) -> Result<Opening, RelationError> {
        if w.len() != self.rows.variables() || self.rows.inputs() != x.len() {
            return Err(RelationError::Length);
        }
        let values = self.rows.values(w, x);
        Ok(Opening { values, blind })
    }

    /// Checks a running instance and a witness: lengths, commitment, claim. The values kept beside
    /// the witness are not looked at.
    ///
    /// # Errors
    /// What is wrong.
    pub fn check(&self, accumulator: &Accumulator, opening: &Opening) -> Result<(), RelationError> {
        let (w, blind) = (&opening.values.witness, opening.blind);
        if accumulator.beta.len() != self.t {
            return Err(RelationError::Length);
        }
        let own = self.opening(w, &accumulator.x, blind)?;
        let (committed, sum) = rayon::join(
            || self.commit(w, &blind) == accumulator.commitment,
            || claims::sum(&own.values, &accumulator.beta),
        );
        match (committed, sum == accumulator.e) {
            (true, true) => Ok(()),
            (false, _) => Err(RelationError::Commitment),
            (_, false) => Err(RelationError::Unsatisfied),
        }
    }

    /// Checks that a witness makes every row 0.
    ///
    /// # Errors
    /// What is wrong.
    pub fn check_incoming(&self, x: &[Fr; 2], w: &[Fr]) -> Result<(), RelationError> {
        let opening = self.opening(w, x, Fr::ZERO)?;
        let errors = claims::row_errors(&opening.values);
        match errors.iter().all(|error| *error == Fr::ZERO) {
            true => Ok(()),
            false => Err(RelationError::Unsatisfied),
        }
    }

    /// Commits to an incoming witness, of which a part may have been committed to: a blinding and
    /// `Com(w_1) - C`.
    pub(crate) fn incoming(
        &self,
        running: &Accumulator,
        witness: &[Fr],
        part: Option<&CommittedPart>,
    ) -> (Fr, Commitment<Primary>) {
        let blind = Fr::random(&mut OsRng);
        let sum = match part {
            None => self.bases().multiply(witness),
            Some(CommittedPart { range, sum }) => {
                let rest = [&witness[..range.start], &witness[range.end..]].concat();
                let rest = Secret::from(rest);
                self.bases().multiply_around(range.clone(), &rest) + sum
            }
        };
        let commitment = Commitment::<Primary>::new(sum + *self.key.h() * blind);
        let difference = commitment + running.commitment * -Fr::ONE;
        (blind, difference)
    }

    /// Commits to the values of the variables from `first` on.
    pub(crate) fn commit_part(&self, first: usize, values: &[Fr]) -> CommittedPart {
        CommittedPart {
            range: first..first + values.len(),
            sum: self.bases().multiply_around(0..first, values),
        }
    }

    /// The tables, made by the first who ask. They are made before they are put in their place: threads of the pool that waited
    /// for that place would be missing where the tables are made.
    fn bases(&self) -> &FixedBases {
        if let Some(bases) = self.bases.get() {
            return bases;
        }
        let made = FixedBases::new(&self.key.ck()[..self.rows.variables()]);
        self.bases.get_or_init(|| made)
    }

    /// A random witness with random public inputs, and the claim about it that shares `beta`.
    pub(crate) fn random(&self, beta: &[Fr]) -> (Opening, [Fr; 2], Fr) {
        let w: Vec<Fr> = (0..self.rows.variables())
            .into_par_iter()
            .map(|_| Fr::random(&mut OsRng))
            .collect();
        let w = Secret::from(w);
        let x = [Fr::random(&mut OsRng), Fr::random(&mut OsRng)];
        let opening = Opening {
            values: self.rows.values(&w, &x),
            blind: Fr::random(&mut OsRng),
        };
        let e = claims::sum(&opening.values, beta);
        (opening, x, e)
    }
}

/// The challenges of a folding as field elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Challenges {
    /// What beta moves by the powers of.
    pub delta: Fr,
    /// How far it moves.
    pub alpha: Fr,
    /// How far the instance moves towards the incoming one.
    pub gamma: Fr,
}

impl Accumulator {
    /// Folds an incoming instance with these public inputs.
    pub(crate) fn fold(&self, x: &[Fr; 2], messages: &Messages, challenges: &Challenges) -> Self {
        let Challenges {
            delta,
            alpha,
            gamma,
        } = *challenges;
        let value = claims::evaluate(self.e, &messages.f, alpha);
        let moved = claims::moved(&self.beta, delta, alpha);
        Accumulator {
            commitment: self.commitment + messages.difference * gamma,
            x: between(&self.x, x, gamma),
            beta: moved,
            e: claims::on_line([value, Fr::ZERO], &messages.k, gamma),
        }
    }

    /// Folds a claim that shares beta: the last folding, with a random instance.
    pub(crate) fn blind(
        &self,
        difference: &Commitment<Primary>,
        x: &[Fr; 2],
        e: Fr,
        k: &[Fr; QUOTIENT],
        rho: Fr,
    ) -> Self {
        Accumulator {
            commitment: self.commitment + *difference * rho,
            x: between(&self.x, x, rho),
            beta: self.beta.clone(),
            e: claims::on_line([self.e, e], k, rho),
        }
    }
}

/// `one + share (other - one)`; both have one length.
fn towards(one: &[Fr], other: &[Fr], share: Fr) -> Secret<Fr> {
    assert_eq!(one.len(), other.len(), "values of one circuit");
    let pairs = one.par_iter().with_min_len(1 << 10).zip(other);
    let moved: Vec<Fr> = pairs.map(|(a, b)| *a + share * (*b - *a)).collect();
    moved.into()
}

fn between(from: &[Fr; 2], to: &[Fr; 2], share: Fr) -> [Fr; 2] {
    [0, 1].map(|k| from[k] + share * (to[k] - from[k]))
}

impl Opening {
    /// The witness: secret.
    pub fn witness(&self) -> &[Fr] {
        &self.values.witness
    }

    /// The blinding of its commitment: secret, until it has been folded with a random one.
    pub fn blinding(&self) -> Fr {
        self.blind
    }

    /// The opening on the line to another one: `w + share (w_1 - w)`, and so on.
    pub(crate) fn towards(&self, values: &Values<Fr>, blind: Fr, share: Fr) -> Self {
        let own = &self.values;
        let between = |one: &Secret<Fr>, other: &Secret<Fr>| towards(one, other, share);
        let mut moved = Values::with_powers();
        moved.inputs = between(&own.inputs, &values.inputs);
        moved.witness = between(&own.witness, &values.witness);
        moved.products = [0, 1, 2].map(|k| between(&own.products[k], &values.products[k]));
        moved.fifths = [0, 1].map(|k| between(&own.fifths[k], &values.fifths[k]));
        Opening {
            values: moved,
            blind: self.blind + share * (blind - self.blind),
        }
    }
}

#[cfg(test)]
mod tests;
