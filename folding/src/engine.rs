//! The folding engine: Nova with CycleFold over BN254 and Grumpkin (ePrint 2021/370, 2023/1192).
//!
//! After step i the proof holds `(U, W)`, the running instance on BN254, the public inputs and
//! witness of the instance that step i left (its commitment is made when it is folded), and `(U_cf,
//! W_cf)`, the running CycleFold instance on Grumpkin. The next step folds the incoming instance
//! into U, states that in a CycleFold instance, folds this into U_cf, and runs the augmented
//! circuit, which does the same in its constraints.
//!
//! It is generic over the step circuit, which the engine's own tests use.

use std::fmt;

use ff::{Field, PrimeField};
use halo2curves::bn256::{Fq, Fr, G1Affine};
use maci_nova_step_circuit::num::Gadget;
use nova_snark::{
    errors::NovaError,
    frontend::{
        r1cs::NovaShape, shape_cs::ShapeCS, util_cs::witness_cs::WitnessCS, ConstraintSystem,
        SynthesisError,
    },
    provider::{hyperkzg, traits::DlogGroup},
    r1cs::R1CSShape,
    traits::{circuit::StepCircuit, commitment::CommitmentEngineTrait, Engine as CurveEngine},
};
use rand_core::OsRng;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::{
    augmented::{self, cyclefold_multiplier, CycleFoldRunning, Inputs, Running},
    cyclefold::{self, Challenge, Claim},
    layout::{Layout, LayoutError},
    limbs::{pack, point_limbs, same_integer, MAX_STEPS},
    oracle::{Oracle, Query},
    powers_of_tau::PowersOfTau,
    relation::{
        coordinates, packed, Commitment, Instance, Products, Relation, RelationError, Witness,
    },
    secret::Secret,
    start::Start,
    stdout_guard::StdoutGuard,
};

pub use crate::relation::{Primary, Secondary};

/// Public inputs of the augmented circuit: the two hashes.
const PUBLIC_INPUTS: usize = 2;
/// Label of the blinding generators and of the Pedersen key.
const KEY_LABEL: &[u8] = b"maci-nova commitment key";
/// Prefix of the engine's digest; its version changes with what the digest covers.
const DIGEST_DOMAIN: &[u8] = b"maci-nova CycleFold engine, version 2";

/// Rows and columns of the two circuits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// State elements between steps.
    pub arity: usize,
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
    /// The step circuit could not be synthesized.
    #[error("{0}")]
    Synthesis(#[from] SynthesisError),
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
    primary: Relation<Primary>,
    secondary: Relation<Secondary>,
    oracle: Oracle,
    start: Start,
    digest: Fr,
    arity: usize,
}

impl fmt::Debug for PublicParams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublicParams")
            .field("sizes", &self.sizes())
            .finish_non_exhaustive()
    }
}

impl PublicParams {
    /// Synthesizes both circuits for `blank`, all of whose computations begin with `start`, and takes
    /// the commitment keys. `provide` is called
    /// once, with the number of powers that the BN254 key needs (a power of two).
    pub(crate) fn setup<C: StepCircuit<Fr>, T, E>(
        blank: &C,
        start: Start,
        provide: impl FnOnce(usize) -> Result<(PowersOfTau, T), E>,
    ) -> Result<(Self, T), SetupFailure<E>> {
        let oracle = Oracle::new();
        let shape = augmented_shape(&oracle, &start, blank)?;
        let count = Relation::<Primary>::key_size(&shape);
        let (powers, value) = provide(count).map_err(SetupFailure::Powers)?;
        let guard = StdoutGuard::begin().map_err(SetupFailure::Io)?;
        let key = kzg_key(powers)?;
        drop(guard);
        let primary = Relation::new(shape, key).map_err(EngineError::from)?;
        let secondary = secondary_relation()?;
        let mut engine = PublicParams {
            primary,
            secondary,
            oracle,
            start,
            digest: Fr::ZERO,
            arity: blank.arity(),
        };
        engine.digest = engine.compute_digest()?;
        Ok((engine, value))
    }

    /// Rows and columns.
    pub fn sizes(&self) -> Sizes {
        let (primary, secondary) = (self.primary.shape(), self.secondary.shape());
        Sizes {
            arity: self.arity,
            constraints: (primary.num_cons(), secondary.num_cons()),
            variables: (primary.num_vars(), secondary.num_vars()),
        }
    }

    /// The digest over both circuits, both commitment keys and the hash constants; every hash of
    /// the engine begins with it.
    pub fn digest(&self) -> Fr {
        self.digest
    }

    /// The augmented circuit and its key.
    pub fn primary(&self) -> &Relation<Primary> {
        &self.primary
    }

    /// The CycleFold circuit and its key.
    pub fn secondary(&self) -> &Relation<Secondary> {
        &self.secondary
    }

    /// What is known of the first state.
    pub fn start(&self) -> &Start {
        &self.start
    }

    /// The random oracle.
    pub fn oracle(&self) -> &Oracle {
        &self.oracle
    }

    /// SHA-256 over a domain, the arity, what is known of the first state, the library's digests of both shapes, every element of
    /// both keys with the blinding generators and the verifier's key of KZG, and the constants of
    /// Poseidon; its first 31 bytes as an integer.
    fn compute_digest(&self) -> Result<Fr, EngineError> {
        let mut hash = Sha256::new();
        hash.update(DIGEST_DOMAIN);
        hash.update((self.arity as u64).to_le_bytes());
        for (at, value) in self.start.known() {
            hash.update((at as u64).to_le_bytes());
            hash.update(value.to_repr());
        }
        hash.update(self.primary.shape().digest().to_repr());
        hash.update(self.secondary.shape().digest().to_repr());
        let parts = [
            encode(self.primary.key())?,
            encode(self.secondary.key())?,
            encode(self.oracle.constants())?,
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
    pub(crate) fn public_inputs(
        &self,
        statement: &Statement<'_>,
        salt: &Fr,
        running: &Instance<Primary>,
        cyclefold: &Instance<Secondary>,
    ) -> Result<[Fr; PUBLIC_INPUTS], EngineError> {
        let Statement { steps, z0, z } = *statement;
        if steps == 0 || steps > MAX_STEPS {
            return Err(EngineError::Statement(
                "the number of steps is out of range",
            ));
        }
        if z0.len() != self.arity || z.len() != self.arity {
            return Err(EngineError::Statement("a state of another arity"));
        }
        if !self.start.admits(z0) {
            return Err(EngineError::Statement(
                "no computation starts from this state",
            ));
        }
        let Running { commitment, u, x } = running_values(running)?;
        let x0 = Query::Running {
            step: &Fr::from(steps),
            salt,
            z0: &self.start.unknown_of(z0),
            z,
            commitment: &pack(&point_limbs(&commitment)),
            u: &u,
            x: &x,
        };
        let CycleFoldRunning { commitment, u, x } = cyclefold_values(cyclefold)?;
        let x1 = Query::CycleFold {
            commitment: &commitment.into(),
            u: &u,
            x: &x,
        };
        Ok([x0, x1].map(|query| self.oracle.hash(self.digest, &query)))
    }

    /// The challenge for folding the instance with public inputs `x`, and this commitment to its
    /// witness and cross term, into the running instance that `x` binds.
    pub(crate) fn challenge(&self, x: &[Fr; 2], commitment: &Commitment<Primary>) -> Challenge {
        let query = Query::Challenge {
            x,
            commitment: &packed(commitment),
        };
        Challenge::new(self.oracle.challenge(self.digest, &query))
    }

    /// The same for the CycleFold instance of `claim`.
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
        self.oracle.challenge(self.digest, &query)
    }

    /// Runs the augmented circuit.
    fn step<C: StepCircuit<Fr>>(&self, inputs: &Inputs, circuit: &C) -> Result<Step, EngineError> {
        let mut cs = WitnessCS::<Fr>::with_capacity(self.sizes().variables.0, PUBLIC_INPUTS + 1);
        let mut gadget = Gadget::new(&mut cs);
        let z = augmented::fill(&mut gadget, &self.oracle, &self.start, inputs, circuit)?;
        let violated = gadget.violated();
        // A gadget that allocates otherwise when only the witness is made would show here.
        if cs.aux_assignment().len() != self.primary.shape().num_vars() {
            return Err(RelationError::Length.into());
        }
        Ok(Step {
            z,
            x: [cs.input_assignment()[1], cs.input_assignment()[2]],
            w: cs.aux_assignment().to_vec().into(),
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
    /// The witness.
    w: Secret<Fr>,
    /// The first of the folding's own constraints that it violates.
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

/// The constraints of the augmented circuit around `blank`.
fn augmented_shape<C: StepCircuit<Fr>>(
    oracle: &Oracle,
    start: &Start,
    blank: &C,
) -> Result<R1CSShape<Primary>, EngineError> {
    let mut cs = ShapeCS::<Primary>::new();
    let inputs = Inputs::first(Fr::ZERO, &start.example(), Fr::ZERO);
    augmented::fill(&mut Gadget::new(&mut cs), oracle, start, &inputs, blank)?;
    Ok(cs.r1cs_shape()?)
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
fn running_values(instance: &Instance<Primary>) -> Result<Running, EngineError> {
    let Instance { commitment, u, x } = instance;
    let x = <[Fr; 2]>::try_from(&x[..]).map_err(|_| RelationError::Length)?;
    Ok(Running {
        commitment: coordinates::<Primary>(commitment),
        u: *u,
        x,
    })
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

/// What a proof consists of, as it is saved.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Parts {
    /// i, at least 1.
    pub(crate) steps: u64,
    pub(crate) z0: Vec<Fr>,
    /// z_i.
    pub(crate) z: Vec<Fr>,
    /// The salt of the last step's hash.
    pub(crate) salt: Fr,
    /// U.
    pub(crate) running: Instance<Primary>,
    /// W.
    pub(crate) running_witness: Witness<Primary>,
    /// The public inputs that step i left.
    pub(crate) x: [Fr; PUBLIC_INPUTS],
    /// The witness of step i.
    pub(crate) w: Secret<Fr>,
    /// U_cf.
    pub(crate) cyclefold: Instance<Secondary>,
    /// W_cf.
    pub(crate) cyclefold_witness: Witness<Secondary>,
}

impl Parts {
    pub(crate) fn statement(&self) -> Statement<'_> {
        Statement {
            steps: self.steps,
            z0: &self.z0,
            z: &self.z,
        }
    }
}

/// A proof of one step or more.
#[derive(Clone)]
pub struct IvcProof {
    parts: Parts,
    /// The matrices times the running witnesses: folded along, since multiplying anew costs more.
    products: (Products<Primary>, Products<Secondary>),
}

impl fmt::Debug for IvcProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The witness is secret.
        f.debug_struct("IvcProof")
            .field("steps", &self.steps())
            .finish_non_exhaustive()
    }
}

impl IvcProof {
    /// Proves the first step, from `z0`.
    ///
    /// # Errors
    /// [`EngineError::Statement`] for a state that the parameters do not begin with, [`EngineError::Synthesis`] when the
    /// step's circuit fails. Its constraints are not checked here.
    pub fn first<C: StepCircuit<Fr>>(
        engine: &PublicParams,
        circuit: &C,
        z0: &[Fr],
    ) -> Result<Self, EngineError> {
        if !engine.start.admits(z0) {
            return Err(EngineError::Statement(
                "no computation starts from this state",
            ));
        }
        let inputs = Inputs::first(engine.digest, z0, Fr::random(&mut OsRng));
        let Step { z, x, w, .. } = engine.step(&inputs, circuit)?.satisfied()?;
        let (running, running_witness) = engine.primary.zero();
        let (cyclefold, cyclefold_witness) = engine.secondary.zero();
        Self::from_parts(
            engine,
            Parts {
                steps: 1,
                z0: z0.to_vec(),
                z,
                salt: inputs.next_salt,
                running,
                running_witness,
                x,
                w,
                cyclefold,
                cyclefold_witness,
            },
        )
    }

    /// Proves one more step; `self` stays as it is.
    ///
    /// # Errors
    /// As [`IvcProof::first`], and [`EngineError::Statement`] after
    /// [`MAX_STEPS`](crate::MAX_STEPS).
    pub fn next<C: StepCircuit<Fr>>(
        &self,
        engine: &PublicParams,
        circuit: &C,
    ) -> Result<Self, EngineError> {
        if self.parts.steps >= MAX_STEPS {
            return Err(EngineError::Statement(
                "the number of steps is out of range",
            ));
        }
        let mut next = self.clone();
        let inputs = next.fold(engine)?;
        let step = engine.step(&inputs, circuit)?.satisfied()?;
        next.follow(&inputs, step);
        Ok(next)
    }

    /// Takes over the instance that a step leaves.
    fn follow(&mut self, inputs: &Inputs, step: Step) {
        self.parts.steps += 1;
        self.parts.salt = inputs.next_salt;
        self.parts.z = step.z;
        self.parts.x = step.x;
        self.parts.w = step.w;
    }

    /// Folds the incoming instance into the running ones; returns what the next step's circuit is
    /// told of it.
    fn fold(&mut self, engine: &PublicParams) -> Result<Inputs, EngineError> {
        let inputs = self.inputs(engine)?;
        let claim = self.fold_primary(engine)?;
        let (x, w, violated) = cyclefold_witness(&claim);
        if let Some(constraint) = violated {
            return Err(EngineError::Unsatisfied(constraint));
        }
        self.fold_claim(engine, inputs, &claim, (&x, &w))
    }

    /// What the next step's circuit is told, but for what the foldings bring.
    fn inputs(&self, engine: &PublicParams) -> Result<Inputs, EngineError> {
        let Parts {
            steps,
            z0,
            z,
            salt,
            running,
            cyclefold,
            ..
        } = &self.parts;
        Ok(Inputs {
            digest: engine.digest,
            step: *steps,
            z0: z0.clone(),
            z: z.clone(),
            salt: *salt,
            running: running_values(running)?,
            cyclefold: cyclefold_values(cyclefold)?,
            ..Inputs::first(engine.digest, z0, Fr::random(&mut OsRng))
        })
    }

    /// Folds the CycleFold instance `(x, w)` of a claim, and puts both foldings into the inputs.
    fn fold_claim(
        &mut self,
        engine: &PublicParams,
        mut inputs: Inputs,
        claim: &Claim,
        (x, w): (&[Fq], &[Fq]),
    ) -> Result<Inputs, EngineError> {
        let commitment = self.fold_cyclefold(engine, claim, x, w)?;
        inputs.commitment = claim.q;
        inputs.folded = claim.sum;
        inputs.cyclefold_commitment = coordinates::<Secondary>(&commitment);
        Ok(inputs)
    }

    /// Folds the last step's instance into U; returns what the CycleFold instance shall say.
    fn fold_primary(&mut self, engine: &PublicParams) -> Result<Claim, EngineError> {
        let parts = &mut self.parts;
        let before = coordinates::<Primary>(&parts.running.commitment);
        let incoming =
            engine
                .primary
                .incoming(&parts.running.u, &self.products.0, &parts.x, &parts.w)?;
        let challenge = engine.challenge(&parts.x, &incoming.commitment);
        let rho = challenge.multiplier();
        parts.running = parts.running.fold(&rho, &parts.x, &incoming.commitment);
        parts
            .running_witness
            .fold(&mut self.products.0, &rho, &parts.w, &incoming);
        Ok(Claim {
            challenge,
            p: before,
            q: coordinates::<Primary>(&incoming.commitment),
            sum: coordinates::<Primary>(&parts.running.commitment),
        })
    }

    /// Folds a CycleFold instance into U_cf, with the challenge for `claim`; returns the commitment
    /// to its witness and cross term.
    fn fold_cyclefold(
        &mut self,
        engine: &PublicParams,
        claim: &Claim,
        x: &[Fq],
        w: &[Fq],
    ) -> Result<Commitment<Secondary>, EngineError> {
        let parts = &mut self.parts;
        let incoming = engine
            .secondary
            .incoming(&parts.cyclefold.u, &self.products.1, x, w)?;
        let bits = engine.cyclefold_challenge(&parts.x[1], claim, &incoming.commitment);
        let rho: Fq = cyclefold_multiplier(bits);
        parts.cyclefold = parts.cyclefold.fold(&rho, x, &incoming.commitment);
        parts
            .cyclefold_witness
            .fold(&mut self.products.1, &rho, w, &incoming);
        Ok(incoming.commitment)
    }

    /// The state after the last step.
    pub fn z(&self) -> &[Fr] {
        &self.parts.z
    }

    /// The number of steps.
    pub fn steps(&self) -> u64 {
        self.parts.steps
    }

    /// What it proves.
    pub fn statement(&self) -> Statement<'_> {
        self.parts.statement()
    }

    /// The running witness and that of the last step, on BN254: secret.
    pub fn primary_witnesses(&self) -> (&Witness<Primary>, &[Fr]) {
        (&self.parts.running_witness, &self.parts.w)
    }

    /// The running CycleFold instance's witness: secret.
    pub fn cyclefold_witness(&self) -> &Witness<Secondary> {
        &self.parts.cyclefold_witness
    }

    pub(crate) fn parts(&self) -> &Parts {
        &self.parts
    }

    /// Checks the whole proof: the hashes that bind the statement and both running instances, and
    /// that all three instances are satisfied by their witnesses. Returns the state proven.
    ///
    /// # Errors
    /// [`EngineError::Statement`] or [`EngineError::Relation`] when it is false.
    pub fn verify(&self, engine: &PublicParams, z0: &[Fr]) -> Result<Vec<Fr>, EngineError> {
        let Parts {
            steps: _,
            z0: own_z0,
            z,
            salt,
            running,
            running_witness,
            x,
            w,
            cyclefold,
            cyclefold_witness,
        } = &self.parts;
        if own_z0 != z0 {
            return Err(EngineError::Statement("it begins in another state"));
        }
        if engine.public_inputs(&self.parts.statement(), salt, running, cyclefold)? != *x {
            return Err(EngineError::Statement(
                "the last step has other public inputs than its statement has hashes",
            ));
        }
        engine
            .primary
            .check_incoming(x, w)
            .map_err(|error| EngineError::Relation("the last step", error))?;
        engine
            .primary
            .check(running, running_witness)
            .map_err(|error| EngineError::Relation("the running instance", error))?;
        engine
            .secondary
            .check(cyclefold, cyclefold_witness)
            .map_err(|error| EngineError::Relation("the running CycleFold instance", error))?;
        Ok(z.clone())
    }

    /// Encodes the proof with its witness: secret.
    ///
    /// # Errors
    /// [`EngineError::Layout`] when these are not the sizes of its engine.
    pub fn encode(&self, sizes: &Sizes) -> Result<Zeroizing<Vec<u8>>, EngineError> {
        let library = Zeroizing::new(encode(&self.parts)?);
        Ok(running_layout(sizes).pack(&library)?.into())
    }

    /// Decodes; checks sizes and that every element and point is valid, not what they prove.
    ///
    /// # Errors
    /// [`EngineError::Layout`], [`EngineError::Encoding`].
    pub fn decode(engine: &PublicParams, bytes: &[u8]) -> Result<Self, EngineError> {
        let library = Zeroizing::new(running_layout(&engine.sizes()).unpack(bytes)?);
        Self::from_parts(engine, decode(&library)?)
    }

    /// Bytes of [`IvcProof::encode`].
    pub fn encoded_size(sizes: &Sizes) -> usize {
        running_layout(sizes).packed_size()
    }

    pub(crate) fn from_parts(engine: &PublicParams, parts: Parts) -> Result<Self, EngineError> {
        let products = (
            engine
                .primary
                .running_products(&parts.running, &parts.running_witness)?,
            engine
                .secondary
                .running_products(&parts.cyclefold, &parts.cyclefold_witness)?,
        );
        Ok(IvcProof { parts, products })
    }
}

/// The public inputs and the witness of the CycleFold circuit for a claim, and the first constraint
/// that they violate.
fn cyclefold_witness(claim: &Claim) -> (Vec<Fq>, Secret<Fq>, Option<&'static str>) {
    let mut cs = WitnessCS::<Fq>::new();
    let mut gadget = Gadget::new(&mut cs);
    claim.fill(&mut gadget);
    let violated = gadget.violated();
    (
        cs.input_assignment()[1..].to_vec(),
        cs.aux_assignment().to_vec().into(),
        violated,
    )
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

/// A witness: W, E, the blinding.
fn witness_layout(layout: Layout, variables: usize, constraints: usize) -> Layout {
    layout.vector(variables).vector(constraints).elements(1)
}

/// The fields of [`Parts`], in order.
fn running_layout(sizes: &Sizes) -> Layout {
    let layout = Layout::default().counter();
    let layout = layout.vector(sizes.arity).vector(sizes.arity).elements(1);
    let layout = instance_layout(layout, PUBLIC_INPUTS);
    let layout = witness_layout(layout, sizes.variables.0, sizes.constraints.0);
    let layout = layout.elements(PUBLIC_INPUTS).vector(sizes.variables.0);
    let layout = instance_layout(layout, cyclefold::PUBLIC_INPUTS);
    witness_layout(layout, sizes.variables.1, sizes.constraints.1)
}

mod dishonest;
#[cfg(test)]
mod forgeries;
#[cfg(test)]
mod tests;
