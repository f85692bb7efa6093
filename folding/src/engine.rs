//! The folding engine: Nova with CycleFold over BN254 and Grumpkin (ePrint 2021/370, 2023/1192).
//!
//! After step i the proof holds `(U, W)`, the running instance on BN254, the public inputs and
//! witness of the instance that step i left (its commitment is made when it is folded), and
//! `(U_cf, W_cf)`, the running CycleFold instance on Grumpkin. The next step folds the incoming
//! instance into U, states that in a CycleFold instance, folds this into U_cf, and runs the augmented
//! circuit, which does the same in its constraints.
//!
//! It is generic over the step circuit, which the engine's own tests use.

use std::fmt;

use ff::{Field, PrimeField};
use halo2curves::bn256::{Fq, Fr};
use maci_nova_step_circuit::num::Gadget;
use nova_snark::{
    errors::NovaError,
    frontend::{
        r1cs::NovaShape, shape_cs::ShapeCS, util_cs::witness_cs::WitnessCS, ConstraintSystem,
        SynthesisError,
    },
    provider::{hyperkzg, traits::DlogGroup, Bn256EngineKZG, GrumpkinEngine},
    r1cs::R1CSShape,
    traits::{circuit::StepCircuit, commitment::CommitmentEngineTrait, Engine as CurveEngine},
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    augmented::{self, cyclefold_multiplier, CycleFoldRunning, Inputs, Running},
    blinding::{packed, same_integer},
    cyclefold::{self, Challenge, Claim},
    layout::{Layout, LayoutError},
    limbs::{half_pack, pack, point_limbs, MAX_STEPS},
    oracle::{Oracle, Query},
    powers_of_tau::PowersOfTau,
    relation::{coordinates, Commitment, Instance, Products, Relation, RelationError, Witness},
    silence::Silence,
};

/// BN254 with HyperKZG commitments: the curve of the step circuit.
pub type Primary = Bn256EngineKZG;
/// Grumpkin with Pedersen commitments.
pub type Secondary = GrumpkinEngine;

/// Public inputs of the augmented circuit: the two hashes.
const PUBLIC_INPUTS: usize = 2;
/// Label of the blinding generators and of the Pedersen key.
const KEY_LABEL: &[u8] = b"maci-nova commitment key";
/// Prefix of the engine's digest; its version changes with what the digest covers.
const DIGEST_DOMAIN: &[u8] = b"maci-nova CycleFold engine, version 1";

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
    /// The proof is not of what is stated: the text says how.
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

/// Why [`Engine::setup`] failed.
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
pub struct Engine {
    primary: Relation<Primary>,
    secondary: Relation<Secondary>,
    oracle: Oracle,
    digest: Fr,
    arity: usize,
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine")
            .field("sizes", &self.sizes())
            .finish_non_exhaustive()
    }
}

impl Engine {
    /// Synthesizes both circuits for `blank` and takes the commitment keys. `provide` is called
    /// once, with the number of powers that the BN254 key needs (a power of two).
    pub(crate) fn setup<C: StepCircuit<Fr>, T, E>(
        blank: &C,
        provide: impl FnOnce(usize) -> Result<(PowersOfTau, T), E>,
    ) -> Result<(Self, T), SetupFailure<E>> {
        let oracle = Oracle::new();
        let shape = augmented_shape(&oracle, blank)?;
        let count = Relation::<Primary>::key_size(&shape);
        let (powers, value) = provide(count).map_err(SetupFailure::Powers)?;
        let silence = Silence::begin().map_err(SetupFailure::Io)?;
        let key = kzg_key(powers)?;
        drop(silence);
        let primary = Relation::new(shape, key).map_err(EngineError::from)?;
        let secondary = secondary_relation()?;
        let mut engine = Engine {
            primary,
            secondary,
            oracle,
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

    pub(crate) fn oracle(&self) -> &Oracle {
        &self.oracle
    }

    /// SHA-256 over a domain, the arity, the library's digests of both shapes, every element of
    /// both keys with the blinding generators and the verifier's key of KZG, and the constants of
    /// Poseidon; its first 31 bytes as an integer.
    fn compute_digest(&self) -> Result<Fr, EngineError> {
        let mut hash = Sha256::new();
        hash.update(DIGEST_DOMAIN);
        hash.update((self.arity as u64).to_le_bytes());
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

    /// The public inputs of the instance that step number `steps` leaves: the hashes of the
    /// statement and of both running instances.
    pub(crate) fn public_inputs(
        &self,
        steps: u64,
        z0: &[Fr],
        z: &[Fr],
        running: &Instance<Primary>,
        cyclefold: &Instance<Secondary>,
    ) -> Result<[Fr; PUBLIC_INPUTS], EngineError> {
        if steps == 0 || steps > MAX_STEPS {
            return Err(EngineError::Statement(
                "the number of steps is out of range",
            ));
        }
        if z0.len() != self.arity || z.len() != self.arity {
            return Err(EngineError::Statement("a state of another arity"));
        }
        let Running { commitment, u, x } = running_values(running)?;
        let x0 = Query::Running {
            step: &Fr::from(steps),
            z0,
            z,
            commitment: &half_pack(&point_limbs(&commitment)),
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
            p: &half_pack(&point_limbs(&claim.p)),
            q: &pack(&point_limbs(&claim.q)),
            sum: &pack(&point_limbs(&claim.sum)),
            commitment: &coordinates::<Secondary>(commitment).into(),
        };
        self.oracle.challenge(self.digest, &query)
    }

    /// Runs the augmented circuit: `z_{i+1}`, and the public inputs and witness of the instance.
    fn step<C: StepCircuit<Fr>>(
        &self,
        inputs: &Inputs,
        circuit: &C,
    ) -> Result<(Vec<Fr>, [Fr; PUBLIC_INPUTS], Vec<Fr>), EngineError> {
        let mut cs = WitnessCS::<Fr>::with_capacity(self.sizes().variables.0, PUBLIC_INPUTS);
        let mut gadget = Gadget::new(&mut cs);
        let z = augmented::fill(&mut gadget, &self.oracle, inputs, circuit)?;
        if let Some(constraint) = gadget.violated() {
            return Err(EngineError::Unsatisfied(constraint));
        }
        let x = [cs.input_assignment()[1], cs.input_assignment()[2]];
        Ok((z, x, cs.aux_assignment().to_vec()))
    }
}

/// The constraints of the augmented circuit around `blank`.
fn augmented_shape<C: StepCircuit<Fr>>(
    oracle: &Oracle,
    blank: &C,
) -> Result<R1CSShape<Primary>, EngineError> {
    let mut cs = ShapeCS::<Primary>::new();
    let inputs = Inputs::first(Fr::ZERO, &vec![Fr::ZERO; blank.arity()]);
    augmented::fill(&mut Gadget::new(&mut cs), oracle, &inputs, blank)?;
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
    let blinding = <<Primary as CurveEngine>::GE as DlogGroup>::from_label(KEY_LABEL, 1);
    let (g1, tau_g2) = powers.into_points();
    Ok(hyperkzg::CommitmentKey::new(g1, blinding[0], tau_g2)?)
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
    /// U.
    pub(crate) running: Instance<Primary>,
    /// W.
    pub(crate) running_witness: Witness<Primary>,
    /// The public inputs that step i left.
    pub(crate) x: [Fr; PUBLIC_INPUTS],
    /// The witness of step i.
    pub(crate) w: Vec<Fr>,
    /// U_cf.
    pub(crate) cyclefold: Instance<Secondary>,
    /// W_cf.
    pub(crate) cyclefold_witness: Witness<Secondary>,
}

/// A proof of one step or more.
#[derive(Clone)]
pub struct Ivc {
    parts: Parts,
    /// The matrices times the running witnesses: folded along, since multiplying anew costs more.
    products: (Products<Primary>, Products<Secondary>),
}

impl fmt::Debug for Ivc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The witness is secret.
        f.debug_struct("Ivc")
            .field("steps", &self.steps())
            .finish_non_exhaustive()
    }
}

impl Ivc {
    /// Proves the first step, from `z0`.
    pub fn first<C: StepCircuit<Fr>>(
        engine: &Engine,
        circuit: &C,
        z0: &[Fr],
    ) -> Result<Self, EngineError> {
        if z0.len() != engine.arity {
            return Err(EngineError::Statement("a state of another arity"));
        }
        let inputs = Inputs::first(engine.digest, z0);
        let (z, x, w) = engine.step(&inputs, circuit)?;
        let (running, running_witness) = engine.primary.zero();
        let (cyclefold, cyclefold_witness) = engine.secondary.zero();
        Self::from_parts(
            engine,
            Parts {
                steps: 1,
                z0: z0.to_vec(),
                z,
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
    pub fn next<C: StepCircuit<Fr>>(
        &self,
        engine: &Engine,
        circuit: &C,
    ) -> Result<Self, EngineError> {
        if self.parts.steps >= MAX_STEPS {
            return Err(EngineError::Statement(
                "the number of steps is out of range",
            ));
        }
        let mut next = self.clone();
        let folded = next.fold(engine)?;
        let (z, x, w) = engine.step(&folded, circuit)?;
        next.parts.steps += 1;
        next.parts.z = z;
        next.parts.x = x;
        next.parts.w = w;
        Ok(next)
    }

    /// Folds the incoming instance into the running ones; returns what the next step's circuit is
    /// told of it.
    fn fold(&mut self, engine: &Engine) -> Result<Inputs, EngineError> {
        let parts = &mut self.parts;
        let (before, before_cyclefold) = (parts.running.clone(), parts.cyclefold.clone());
        let incoming = engine
            .primary
            .incoming(&before.u, &self.products.0, &parts.x, &parts.w)?;
        let challenge = engine.challenge(&parts.x, &incoming.commitment);
        let rho = challenge.multiplier();
        parts.running = before.fold(&rho, &parts.x, &incoming.commitment);
        parts
            .running_witness
            .fold(&mut self.products.0, &rho, &parts.w, &incoming);

        let claim = Claim {
            challenge,
            p: coordinates::<Primary>(&before.commitment),
            q: coordinates::<Primary>(&incoming.commitment),
            sum: coordinates::<Primary>(&parts.running.commitment),
        };
        let (x, w) = cyclefold_witness(&claim)?;
        let cyclefold = engine
            .secondary
            .incoming(&before_cyclefold.u, &self.products.1, &x, &w)?;
        let bits = engine.cyclefold_challenge(&parts.x[1], &claim, &cyclefold.commitment);
        let rho: Fq = cyclefold_multiplier(bits);
        parts.cyclefold = before_cyclefold.fold(&rho, &x, &cyclefold.commitment);
        parts
            .cyclefold_witness
            .fold(&mut self.products.1, &rho, &w, &cyclefold);

        Ok(Inputs {
            digest: engine.digest,
            step: parts.steps,
            z0: parts.z0.clone(),
            z: parts.z.clone(),
            running: running_values(&before)?,
            commitment: claim.q,
            folded: claim.sum,
            cyclefold: cyclefold_values(&before_cyclefold)?,
            cyclefold_commitment: coordinates::<Secondary>(&cyclefold.commitment),
        })
    }

    /// The state after the last step.
    pub fn z(&self) -> &[Fr] {
        &self.parts.z
    }

    /// The number of steps.
    pub fn steps(&self) -> u64 {
        self.parts.steps
    }

    pub(crate) fn parts(&self) -> &Parts {
        &self.parts
    }

    /// Checks the whole proof: the hashes that bind the statement and both running instances, and
    /// that all three instances are satisfied by their witnesses. Returns the state proven.
    pub fn verify(&self, engine: &Engine, z0: &[Fr]) -> Result<Vec<Fr>, EngineError> {
        let Parts {
            steps,
            z0: own_z0,
            z,
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
        if engine.public_inputs(*steps, z0, z, running, cyclefold)? != *x {
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
    pub fn encode(&self, sizes: &Sizes) -> Result<Vec<u8>, EngineError> {
        Ok(running_layout(sizes).pack(&encode(&self.parts)?)?)
    }

    /// Decodes; checks sizes and that every element and point is valid, not what they prove.
    pub fn decode(engine: &Engine, bytes: &[u8]) -> Result<Self, EngineError> {
        let library = running_layout(&engine.sizes()).unpack(bytes)?;
        Self::from_parts(engine, decode(&library)?)
    }

    /// Bytes of [`Ivc::encode`].
    pub fn encoded_size(sizes: &Sizes) -> usize {
        running_layout(sizes).packed_size()
    }

    pub(crate) fn from_parts(engine: &Engine, parts: Parts) -> Result<Self, EngineError> {
        let products = (
            engine
                .primary
                .running_products(&parts.running, &parts.running_witness)?,
            engine
                .secondary
                .running_products(&parts.cyclefold, &parts.cyclefold_witness)?,
        );
        Ok(Ivc { parts, products })
    }
}

/// The public inputs and the witness of the CycleFold circuit for a claim.
fn cyclefold_witness(claim: &Claim) -> Result<(Vec<Fq>, Vec<Fq>), EngineError> {
    let mut cs = WitnessCS::<Fq>::new();
    let mut gadget = Gadget::new(&mut cs);
    claim.fill(&mut gadget);
    if let Some(constraint) = gadget.violated() {
        return Err(EngineError::Unsatisfied(constraint));
    }
    Ok((
        cs.input_assignment()[1..].to_vec(),
        cs.aux_assignment().to_vec(),
    ))
}

/// The library's encoding of a value.
pub fn encode<T: serde::Serialize>(value: &T) -> Result<Vec<u8>, EngineError> {
    let config = bincode::config::standard().with_fixed_int_encoding();
    bincode::serde::encode_to_vec(value, config).map_err(|e| EngineError::Encoding(e.to_string()))
}

/// A value from the library's encoding, which it must fill.
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
pub fn instance(layout: Layout, inputs: usize) -> Layout {
    layout.elements(2).vector(inputs)
}

/// A witness: W, E, the blinding.
fn witness(layout: Layout, variables: usize, constraints: usize) -> Layout {
    layout.vector(variables).vector(constraints).elements(1)
}

/// The fields of [`Parts`], in order.
fn running_layout(sizes: &Sizes) -> Layout {
    let layout = Layout::default().counter();
    let layout = layout.vector(sizes.arity).vector(sizes.arity);
    let layout = instance(layout, PUBLIC_INPUTS);
    let layout = witness(layout, sizes.variables.0, sizes.constraints.0);
    let layout = layout.elements(PUBLIC_INPUTS).vector(sizes.variables.0);
    let layout = instance(layout, cyclefold::PUBLIC_INPUTS);
    witness(layout, sizes.variables.1, sizes.constraints.1)
}

#[cfg(test)]
mod tests {
    use std::sync::OnceLock;

    use ff::Field;
    use nova_snark::frontend::{num::AllocatedNum, ConstraintSystem, SynthesisError};

    use super::*;
    use crate::powers_of_tau::PowersOfTau;

    /// `z' = (z_6^2, z_0, ..., z_5)`; with `false_witness` the square's witness is another value.
    #[derive(Clone)]
    struct Rotate {
        false_witness: bool,
    }

    impl StepCircuit<Fr> for Rotate {
        fn arity(&self) -> usize {
            7
        }

        fn synthesize<CS: ConstraintSystem<Fr>>(
            &self,
            cs: &mut CS,
            z: &[AllocatedNum<Fr>],
        ) -> Result<Vec<AllocatedNum<Fr>>, SynthesisError> {
            let square = AllocatedNum::alloc(cs.namespace(|| "square"), || {
                let value = z[6].get_value().ok_or(SynthesisError::AssignmentMissing)?;
                Ok(value.square() + Fr::from(u64::from(self.false_witness)))
            })?;
            cs.enforce(
                || "z_6 * z_6 = square",
                |lc| lc + z[6].get_variable(),
                |lc| lc + z[6].get_variable(),
                |lc| lc + square.get_variable(),
            );
            let mut next = vec![square];
            next.extend_from_slice(&z[..6]);
            Ok(next)
        }
    }

    const HONEST: Rotate = Rotate {
        false_witness: false,
    };

    fn z0() -> Vec<Fr> {
        (2..9).map(Fr::from).collect()
    }

    fn rotate(z: &[Fr]) -> Vec<Fr> {
        let mut next = vec![z[6].square()];
        next.extend_from_slice(&z[..6]);
        next
    }

    fn engine() -> &'static Engine {
        static ENGINE: OnceLock<Engine> = OnceLock::new();
        ENGINE.get_or_init(|| {
            let provide = |count: usize| Ok::<_, ()>((PowersOfTau::development(count), ()));
            Engine::setup(&HONEST, provide).expect("parameters").0
        })
    }

    fn three_steps() -> Ivc {
        let engine = engine();
        let first = Ivc::first(engine, &HONEST, &z0()).expect("step");
        let second = first.next(engine, &HONEST).expect("step");
        second.next(engine, &HONEST).expect("step")
    }

    #[test]
    fn steps_compute_and_verify() {
        let engine = engine();
        let mut z = z0();
        let mut ivc = Ivc::first(engine, &HONEST, &z).expect("step");
        for steps in 1..=4 {
            z = rotate(&z);
            assert_eq!((ivc.steps(), ivc.z()), (steps, &z[..]));
            assert_eq!(ivc.verify(engine, &z0()).expect("true"), z);
            ivc = ivc.next(engine, &HONEST).expect("step");
        }
        let mut other = z0();
        other[3] += Fr::ONE;
        assert!(ivc.verify(engine, &other).is_err());
        assert!(ivc.verify(engine, &z0()[..6]).is_err());
    }

    #[test]
    fn a_false_step_does_not_verify() {
        let engine = engine();
        let lie = Rotate {
            false_witness: true,
        };
        let first = Ivc::first(engine, &lie, &z0()).expect("the prover does not check");
        assert!(first.verify(engine, &z0()).is_err());
        let later = three_steps().next(engine, &lie).expect("neither here");
        assert!(later.verify(engine, &z0()).is_err());
        let buried = later.next(engine, &HONEST).expect("step");
        assert!(buried.verify(engine, &z0()).is_err());
    }

    #[test]
    fn encoding_is_exact_and_canonical() {
        let (engine, ivc) = (engine(), three_steps());
        let sizes = engine.sizes();
        let bytes = ivc.encode(&sizes).expect("encoded");
        assert_eq!(bytes.len(), Ivc::encoded_size(&sizes));
        let decoded = Ivc::decode(engine, &bytes).expect("decoded");
        assert_eq!(decoded.encode(&sizes).expect("encoded"), bytes);
        assert_eq!(decoded.verify(engine, &z0()).expect("true"), ivc.z());
        // A decoded proof continues as the original does.
        let next = decoded.next(engine, &HONEST).expect("step");
        assert_eq!(next.verify(engine, &z0()).expect("true"), rotate(ivc.z()));
    }

    #[test]
    fn altered_encodings_do_not_verify() {
        let (engine, ivc) = (engine(), three_steps());
        let sizes = engine.sizes();
        let bytes = ivc.encode(&sizes).expect("encoded");
        for position in (0..bytes.len()).step_by(bytes.len() / 30) {
            let mut altered = bytes.clone();
            altered[position] ^= 1 << (position % 8);
            let verified =
                Ivc::decode(engine, &altered).and_then(|decoded| decoded.verify(engine, &z0()));
            assert!(verified.is_err(), "byte {position}");
        }
        for length in [0, 1, 31, bytes.len() - 1] {
            assert!(Ivc::decode(engine, &bytes[..length]).is_err());
        }
        assert!(Ivc::decode(engine, &[bytes, vec![0]].concat()).is_err());
    }

    #[test]
    fn elements_that_are_not_canonical_are_refused() {
        let sizes = engine().sizes();
        let mut bytes = three_steps().encode(&sizes).expect("encoded");
        bytes[8..40].fill(0xff);
        let decoded = Ivc::decode(engine(), &bytes);
        assert!(matches!(decoded, Err(EngineError::Encoding(_))));
    }

    #[test]
    fn setup_reports_the_providers_error() {
        let result = Engine::setup(&HONEST, |count| Err::<(_, ()), usize>(count));
        assert!(matches!(result, Err(SetupFailure::Powers(count)) if count >= 1 << 13));
        let few = |count: usize| Ok::<_, ()>((PowersOfTau::development(count / 2), ()));
        let short = Engine::setup(&HONEST, few);
        assert!(matches!(short, Err(SetupFailure::Engine(_))));
    }
}
