//! The folding engine: claims folded as in ProtoGalaxy (ePrint 2023/1106) on BN254, and Nova with
//! CycleFold (ePrint 2021/370, 2023/1192) on Grumpkin, which folds the commitments.
//!
//! After step i the proof holds `(U, W)`, the running instance on BN254, the public inputs and
//! witness of the instance that step i left (what is missing of its commitment is made when it is folded), and `(U_cf,
//! W_cf)`, the running CycleFold instance on Grumpkin. The next step folds the incoming instance
//! into U, states that in a CycleFold instance, folds this into U_cf, and runs the augmented
//! circuit, which does the same in its constraints.
//!
//! It is generic over the step function, which the engine's own tests use.

use std::{cell::RefCell, fmt, ops::Range};

use ff::{Field, PrimeField};
use halo2curves::bn256::{Fq, Fr, G1Affine};
use maci_nova_step_circuit::{
    constraints::{Constraints, Values},
    num::{Gadget, Num},
    secret::Secret,
    StepFunction,
};
use nova_snark::{
    errors::NovaError,
    frontend::{r1cs::NovaShape, shape_cs::ShapeCS},
    provider::{hyperkzg, traits::DlogGroup},
    traits::{commitment::CommitmentEngineTrait, Engine as CurveEngine},
};
use rand_core::OsRng;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::{
    accumulator::{self, Accumulator, CommittedPart, Messages, Opening, RowRelation},
    augmented::{self, cyclefold_multiplier, CycleFoldRunning, Inputs, Running},
    claims,
    cyclefold::{self, Challenge, Claim},
    layout::{Layout, LayoutError},
    limbs::{pack, point_limbs, same_integer, MAX_STEPS},
    oracle::{self, Query},
    powers_of_tau::PowersOfTau,
    relation::{
        coordinates, packed, Commitment, Instance, Products, Relation, RelationError, Witness,
    },
    rows::Rows,
    stdout_guard::StdoutGuard,
};

pub use crate::relation::{Primary, Secondary};
pub use proof::IvcProof;

/// Public inputs of the augmented circuit: the two hashes.
const PUBLIC_INPUTS: usize = 2;
/// Label of the blinding generators and of the Pedersen key.
const KEY_LABEL: &[u8] = b"maci-nova commitment key";
/// Prefix of the engine's digest; its version changes with what the digest covers.
const DIGEST_DOMAIN: &[u8] = b"maci-nova CycleFold engine, version 4";

/// Rows and columns of the two circuits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// State elements between steps.
    pub arity: usize,
    /// Elements of beta: 2^t is at least the number of rows on BN254.
    pub t: usize,
    /// Constraints on BN254 and on Grumpkin.
    pub constraints: (usize, usize),
    /// Witness variables on BN254 and on Grumpkin.
    pub variables: (usize, usize),
}

/// Why the engine refused or failed.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The library's own error.
    #[error("{0}")]
    Library(#[from] NovaError),
    /// An instance that its witness does not satisfy: the text says which.
    #[error("{0}: {1}")]
    Relation(&'static str, RelationError),
    /// The vectors of a proof are not the engine's.
    #[error("{0}")]
    Vectors(#[from] RelationError),
    /// The proof is not of what is stated, or something stated is out of range: the text says what.
    #[error("{0}")]
    Statement(&'static str),
    /// The values that the prover computed violate a constraint.
    #[error("the folding's own circuit is not satisfied: {0}")]
    Unsatisfied(&'static str),
    /// The library's encoder or decoder failed: an element that is not canonical, a point that is
    /// not on its curve.
    #[error("an element or point is invalid: {0}")]
    Encoding(String),
    /// Bytes of another size than the circuit's.
    #[error("{0}")]
    Layout(#[from] LayoutError),
}

/// Why [`PublicParams::setup`] failed.
#[derive(Debug)]
pub(crate) enum SetupFailure<E> {
    /// The powers could not be had.
    Powers(E),
    /// The circuits or keys could not be made.
    Engine(EngineError),
    /// Standard output could not be kept clean.
    Io(std::io::Error),
}

impl<E> From<EngineError> for SetupFailure<E> {
    fn from(error: EngineError) -> Self {
        SetupFailure::Engine(error)
    }
}

/// Public parameters for a step circuit.
pub struct PublicParams {
    primary: RowRelation,
    secondary: Relation<Secondary>,
    digest: Fr,
    arity: usize,
    /// Which variables of the augmented circuit are the step function's.
    function: Range<usize>,
}

impl fmt::Debug for PublicParams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublicParams")
            .field("sizes", &self.sizes())
            .finish_non_exhaustive()
    }
}

impl PublicParams {
    /// Synthesizes both circuits for `blank`, and takes the commitment keys. `provide` is called once, with
    /// the number of powers that the BN254 key needs (a power of two).
    pub(crate) fn setup<C: StepFunction, T, E>(
        blank: &C,
        provide: impl FnOnce(usize) -> Result<(PowersOfTau, T), E>,
    ) -> Result<(Self, T), SetupFailure<E>> {
        let AugmentedRows { rows, t, function } = augmented_rows(blank)?;
        let count = key_size(&rows);
        let (powers, value) = provide(count).map_err(SetupFailure::Powers)?;
        let guard = StdoutGuard::begin().map_err(SetupFailure::Io)?;
        let key = kzg_key(powers)?;
        drop(guard);
        let primary = RowRelation::new(rows, key, t).map_err(EngineError::from)?;
        let secondary = secondary_relation()?;
        let mut engine = PublicParams {
            primary,
            secondary,
            digest: Fr::ZERO,
            arity: blank.arity(),
            function,
        };
        engine.digest = engine.compute_digest()?;
        engine.primary.set_digest(engine.digest);
        Ok((engine, value))
    }

    /// Rows and columns.
    pub fn sizes(&self) -> Sizes {
        let (primary, secondary) = (self.primary.rows(), self.secondary.shape());
        Sizes {
            arity: self.arity,
            t: self.primary.t(),
            constraints: (primary.count(), secondary.num_cons()),
            variables: (primary.variables(), secondary.num_vars()),
        }
    }

    /// The digest over both circuits, both commitment keys and the hash constants; every hash of
    /// the engine begins with it.
    pub fn digest(&self) -> Fr {
        self.digest
    }

    /// The augmented circuit and its key.
    pub fn primary(&self) -> &RowRelation {
        &self.primary
    }

    /// The CycleFold circuit and its key.
    pub fn secondary(&self) -> &Relation<Secondary> {
        &self.secondary
    }

    /// Of parameters whose rows do not state it yet: SHA-256 over a domain, the arity, t, the rows of the augmented circuit by kind and in order, the
    /// library's digest of the CycleFold circuit's shape, every element of both keys with the
    /// blinding generators and the verifier's key of KZG, and the constants of Poseidon; its first
    /// 31 bytes as an integer.
    fn compute_digest(&self) -> Result<Fr, EngineError> {
        let mut hash = Sha256::new();
        hash.update(DIGEST_DOMAIN);
        hash.update((self.arity as u64).to_le_bytes());
        hash.update((self.primary.t() as u64).to_le_bytes());
        hash.update(self.primary.rows().digest());
        hash.update(self.secondary.shape().digest().to_repr());
        let parts = [
            encode(self.primary.key())?,
            encode(self.secondary.key())?,
            oracle::constants(),
        ];
        for part in parts {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        let mut repr = <Fr as PrimeField>::Repr::default();
        repr.as_mut()[..31].copy_from_slice(&hash.finalize()[..31]);
        Option::from(Fr::from_repr(repr)).ok_or(EngineError::Statement("a digest above r"))
    }

    /// The public inputs of the instance that the last step leaves: the hashes of the
    /// statement and of both running instances.
    ///
    /// # Errors
    /// [`EngineError::Statement`], [`EngineError::Vectors`] for what is out of range.
    pub fn public_inputs(
        &self,
        statement: &Statement<'_>,
        salt: &Fr,
        running: &Accumulator,
        cyclefold: &Instance<Secondary>,
    ) -> Result<[Fr; PUBLIC_INPUTS], EngineError> {
        self.check_statement(statement)?;
        let Statement { steps, z0, z } = *statement;
        let Running {
            commitment,
            x,
            beta,
            e,
        } = running_values(running);
        if beta.len() != self.primary.t() {
            return Err(RelationError::Length.into());
        }
        let x0 = Query::Running {
            step: &Fr::from(steps),
            salt,
            z0,
            z,
            commitment: &pack(&point_limbs(&commitment)),
            x: &x,
            beta: &beta,
            e: &e,
        };
        Ok([self.hash(&x0), self.hash_of_cyclefold(cyclefold)?])
    }

    /// That the number of steps is in range, and the states are of the computation.
    ///
    /// # Errors
    /// [`EngineError::Statement`].
    pub fn check_statement(&self, statement: &Statement<'_>) -> Result<(), EngineError> {
        let Statement { steps, z0, z } = *statement;
        let error = if steps == 0 || steps > MAX_STEPS {
            "the number of steps is out of range"
        } else if z0.len() != self.arity || z.len() != self.arity {
            "a state of another arity"
        } else {
            return Ok(());
        };
        Err(EngineError::Statement(error))
    }

    /// `x_1`: the hash of a running CycleFold instance.
    ///
    /// # Errors
    /// When a vector or scalar of it is out of range.
    pub fn hash_of_cyclefold(&self, cyclefold: &Instance<Secondary>) -> Result<Fr, EngineError> {
        let CycleFoldRunning { commitment, u, x } = cyclefold_values(cyclefold)?;
        Ok(self.hash(&Query::CycleFold {
            commitment: &commitment.into(),
            u: &u,
            x: &x,
        }))
    }

    /// The hash of a query.
    pub fn hash(&self, query: &Query<'_, Fr>) -> Fr {
        oracle::hash(self.digest, query)
    }

    /// `delta`, for folding the instance with public inputs `x` into the running one that `x` binds.
    pub(crate) fn delta(&self, x: &[Fr; 2], difference: &Commitment<Primary>) -> Fr {
        self.hash(&Query::Delta {
            x,
            difference: &packed(difference),
        })
    }

    /// `alpha`.
    pub(crate) fn alpha(&self, delta: &Fr, f: &[Fr]) -> Fr {
        self.hash(&Query::Alpha { delta, f })
    }

    /// The hash that gamma is made of.
    pub(crate) fn gamma(&self, alpha: &Fr, k: &[Fr; claims::QUOTIENT]) -> Fr {
        self.hash(&Query::Gamma { alpha, k })
    }

    /// The challenges of a folding, and the hash that gamma is made of.
    pub fn challenges(&self, x: &[Fr; 2], messages: &Messages) -> (accumulator::Challenges, Fr) {
        let delta = self.delta(x, &messages.difference);
        let alpha = self.alpha(&delta, &messages.f);
        let hash = self.gamma(&alpha, &messages.k);
        let gamma = Challenge::new(oracle::low_bits(hash)).multiplier();
        let challenges = accumulator::Challenges {
            delta,
            alpha,
            gamma,
        };
        (challenges, hash)
    }

    /// The challenge for folding the CycleFold instance of `claim`.
    fn cyclefold_challenge(
        &self,
        x1: &Fr,
        claim: &Claim,
        commitment: &Commitment<Secondary>,
    ) -> u128 {
        let query = Query::CycleFoldChallenge {
            x1,
            halves: &[claim.challenge.signs, claim.challenge.turns].map(Fr::from),
            p: &pack(&point_limbs(&claim.p)),
            q: &pack(&point_limbs(&claim.q)),
            sum: &pack(&point_limbs(&claim.sum)),
            commitment: &coordinates::<Secondary>(commitment).into(),
        };
        oracle::low_bits(self.hash(&query))
    }

    /// Commits to the values that a step function has made already, before the proof has come to
    /// it; none where it has none, or they are another circuit's.
    pub(crate) fn commit_ahead<S: StepFunction>(&self, function: &S) -> Option<CommittedPart> {
        let values = &function.prepared()?.witness;
        let fits = values.len() == self.function.len();
        fits.then(|| self.primary.commit_part(self.function.start, values))
    }

    /// Runs the augmented circuit.
    fn step<S: StepFunction>(&self, inputs: &Inputs, function: &S) -> Result<Step, EngineError> {
        let mut values = Values::with_powers();
        let mut gadget = Gadget::new(&mut values);
        let z = augmented::fill(&mut gadget, inputs, function);
        let violated = gadget.violated();
        let rows = self.primary.rows();
        // A gadget that allocates or states otherwise when only values are made would show here.
        let sizes = (
            values.witness.len(),
            values.products[0].len(),
            values.fifths[0].len(),
        );
        if sizes != (rows.variables(), rows.products(), rows.powers()) || z.len() != self.arity {
            return Err(RelationError::Length.into());
        }
        // What was committed to ahead is what has been appended.
        let appended = function
            .prepared()
            .is_some_and(|prepared| values.witness[self.function.clone()] == prepared.witness[..]);
        Ok(Step {
            z,
            x: [values.inputs[0], values.inputs[1]],
            values,
            appended,
            violated,
        })
    }
}

/// What a proof is of: `steps` steps lead from `z0` to `z`.
#[derive(Clone, Copy, Debug)]
pub struct Statement<'a> {
    /// From 1 to `MAX_STEPS`.
    pub steps: u64,
    /// The state before the first step.
    pub z0: &'a [Fr],
    /// The state after the last.
    pub z: &'a [Fr],
}

/// What a run of the augmented circuit gives.
struct Step {
    /// `z_{i+1}`.
    z: Vec<Fr>,
    /// The public inputs.
    x: [Fr; PUBLIC_INPUTS],
    /// Witness and rows.
    values: Values<Fr>,
    /// Whether the step function's are those that it had prepared.
    appended: bool,
    /// The first constraint that they violate.
    violated: Option<&'static str>,
}

impl Step {
    fn satisfied(self) -> Result<Self, EngineError> {
        match self.violated {
            None => Ok(self),
            Some(constraint) => Err(EngineError::Unsatisfied(constraint)),
        }
    }
}

/// The rows of the augmented circuit around a step function.
struct AugmentedRows {
    rows: Rows,
    /// Elements of beta, which the circuit's size depends on.
    t: usize,
    /// The step function's variables.
    function: Range<usize>,
}

/// A step function that notes which variables are its own.
struct Located<'a, S> {
    function: &'a S,
    variables: RefCell<Range<usize>>,
}

impl<S: StepFunction> StepFunction for Located<'_, S> {
    fn arity(&self) -> usize {
        self.function.arity()
    }

    fn fill<CS: Constraints<Fr>>(&self, g: &mut Gadget<'_, CS>, z: &[Num]) -> Vec<Num> {
        let count = |g: &Gadget<'_, CS>| g.variables().expect("rows count their variables");
        let first = count(g);
        let z_next = self.function.fill(g, z);
        self.variables.replace(first..count(g));
        z_next
    }
}

fn augmented_rows<S: StepFunction>(blank: &S) -> Result<AugmentedRows, EngineError> {
    let z0 = vec![Fr::ZERO; blank.arity()];
    let inputs = |t: usize| Inputs::first(Fr::ZERO, &z0, Fr::ZERO, t);
    let count = |t: usize| {
        let mut values = Values::with_powers();
        augmented::fill(&mut Gadget::new(&mut values), &inputs(t), blank);
        values.products[0].len() + values.fifths[0].len()
    };
    let least = count(1).next_power_of_two().ilog2() as usize;
    let t = (least..usize::BITS as usize).find(|t| count(*t) <= 1 << t);
    let t = t.ok_or(EngineError::Statement("no number of weights is enough"))?;
    let located = Located {
        function: blank,
        variables: RefCell::default(),
    };
    let (rows, z) =
        Rows::record(|rows| augmented::fill(&mut Gadget::new(rows), &inputs(t), &located));
    if z.len() != z0.len() {
        return Err(RelationError::Length.into());
    }
    let function = located.variables.into_inner();
    Ok(AugmentedRows { rows, t, function })
}

/// Elements of the key on BN254. Witnesses need one for each variable; the final proof commits to
/// the rows' products besides: one a product row, three a power row.
fn key_size(rows: &Rows) -> usize {
    (rows.variables() + rows.products() + 3 * rows.powers()).next_power_of_two()
}

fn secondary_relation() -> Result<Relation<Secondary>, EngineError> {
    let mut cs = ShapeCS::<Secondary>::new();
    Claim::blank().fill(&mut Gadget::new(&mut cs));
    let shape = cs.r1cs_shape()?;
    let size = Relation::<Secondary>::key_size(&shape);
    let key = <Secondary as CurveEngine>::CE::setup(KEY_LABEL, size)?;
    Ok(Relation::new(shape, key)?)
}

fn kzg_key(powers: PowersOfTau) -> Result<hyperkzg::CommitmentKey<Primary>, EngineError> {
    let (g1, tau_g2) = powers.into_points();
    Ok(hyperkzg::CommitmentKey::new(
        g1,
        blinding_generator(),
        tau_g2,
    )?)
}

/// What blindings on BN254 are multiplied by: the same point for all parameters, hashed to the
/// curve, so that nobody knows its logarithm. Under another one somebody might open commitments to
/// anything.
pub fn blinding_generator() -> G1Affine {
    <<Primary as CurveEngine>::GE as DlogGroup>::from_label(KEY_LABEL, 1)[0]
}

/// A running instance as the augmented circuit takes it.
fn running_values(instance: &Accumulator) -> Running {
    Running {
        commitment: coordinates::<Primary>(&instance.commitment),
        x: instance.x,
        beta: instance.beta.clone(),
        e: instance.e,
    }
}

/// The same on Grumpkin. Its scalars are sums that stay below r (`MAX_STEPS`); others are refused.
fn cyclefold_values(instance: &Instance<Secondary>) -> Result<CycleFoldRunning, EngineError> {
    let Instance { commitment, u, x } = instance;
    let outside = EngineError::Statement("a CycleFold scalar is out of range");
    let scalars: Option<Vec<Fr>> = core::iter::once(u).chain(x).map(same_integer).collect();
    let scalars = scalars.ok_or(outside)?;
    let x = <[Fr; cyclefold::PUBLIC_INPUTS]>::try_from(&scalars[1..])
        .map_err(|_| RelationError::Length)?;
    Ok(CycleFoldRunning {
        commitment: coordinates::<Secondary>(commitment),
        u: scalars[0],
        x,
    })
}

/// A folding of an incoming instance into U, by the prover.
pub(crate) struct Folding {
    /// What he sends.
    pub(crate) messages: Messages,
    /// The hash that gamma is made of.
    pub(crate) gamma_hash: Fr,
    /// U'.
    pub(crate) folded: Accumulator,
    /// Its opening.
    pub(crate) opening: Opening,
}

impl PublicParams {
    /// Folds an incoming instance with public inputs `x` into a running one.
    fn fold_incoming(
        &self,
        running: &Accumulator,
        opening: &Opening,
        x: &[Fr; 2],
        incoming: &Values<Fr>,
        part: Option<&CommittedPart>,
    ) -> Folding {
        let (blind, difference) = self.primary.incoming(running, &incoming.witness, part);
        let errors = claims::row_errors(&opening.values);
        let delta = self.delta(x, &difference);
        let f = claims::perturbation(&errors, &running.beta, delta);
        let alpha = self.alpha(&delta, &f);
        let moved = claims::moved(&running.beta, delta, alpha);
        let weights = claims::weights(&moved, errors.len());
        let k = claims::quotient(&opening.values, incoming, &weights);
        let gamma_hash = self.gamma(&alpha, &k);
        let challenges = accumulator::Challenges {
            delta,
            alpha,
            gamma: Challenge::new(oracle::low_bits(gamma_hash)).multiplier(),
        };
        let messages = Messages { difference, f, k };
        Folding {
            folded: running.fold(x, &messages, &challenges),
            opening: opening.towards(incoming, blind, challenges.gamma),
            messages,
            gamma_hash,
        }
    }

    fn first_inputs(&self, z0: &[Fr]) -> Inputs {
        let salt = Fr::random(&mut OsRng);
        Inputs::first(self.digest, z0, salt, self.primary.t())
    }
}

/// The library's encoding of a value.
///
/// # Errors
/// [`EngineError::Encoding`].
pub fn encode<T: serde::Serialize>(value: &T) -> Result<Vec<u8>, EngineError> {
    let config = bincode::config::standard().with_fixed_int_encoding();
    bincode::serde::encode_to_vec(value, config).map_err(|e| EngineError::Encoding(e.to_string()))
}

/// A value from the library's encoding, which it must fill.
///
/// # Errors
/// [`EngineError::Encoding`], [`EngineError::Layout`].
pub fn decode<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, EngineError> {
    let config = bincode::config::standard().with_fixed_int_encoding();
    let (value, used) = bincode::serde::decode_from_slice(bytes, config)
        .map_err(|e| EngineError::Encoding(e.to_string()))?;
    if used != bytes.len() {
        return Err(EngineError::Layout(LayoutError::Size {
            expected: used,
            found: bytes.len(),
        }));
    }
    Ok(value)
}

/// An instance: commitment, u, x.
pub fn instance_layout(layout: Layout, inputs: usize) -> Layout {
    layout.elements(2).vector(inputs)
}

mod dishonest;
#[cfg(test)]
mod forgeries;
mod proof;
#[cfg(test)]
mod tests;
