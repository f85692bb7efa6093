//! The axis of Nova's paper (ePrint 2021/370): steps of 2^k constraints, on the Pasta curves and on BN254 and Grumpkin.
//!
//! Figures that are published for the former can so be set beside those of the latter, on one machine. It is the proving
//! library's own IVC with its Spartan at the end, over inner-product arguments on both curves of a cycle. A step is a
//! chain of squarings, whose constraints are as sparse as can be.
//!
//! A crate of its own, since the library's code is compiled anew for each pair of curves and takes longer than all of
//! `bench/`: it depends on nothing whose features tests change, and is compiled once.

use std::time::Instant;

use ff::PrimeField;
use nova_snark::{
    errors::NovaError,
    frontend::{num::AllocatedNum, ConstraintSystem, SynthesisError},
    nova::{CompressedSNARK, PublicParams, RecursiveSNARK},
    provider::{
        ipa_pc::EvaluationEngine, Bn256EngineIPA, GrumpkinEngine, PallasEngine, VestaEngine,
    },
    spartan::snark::RelaxedR1CSSNARK,
    traits::{
        circuit::StepCircuit, evaluation::EvaluationEngineTrait, snark::RelaxedR1CSSNARKTrait,
        Engine,
    },
};

/// Curves that take turns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Curves {
    /// Pallas and Vesta.
    Pasta,
    /// BN254 and Grumpkin.
    Bn254,
}

/// What has been done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Done {
    /// The parameters, with their constraints on either curve.
    Parameters(usize, usize),
    /// One step.
    Step,
    /// The proof at the end, its keys not counted.
    Proof,
    /// Its verification. It has so many bytes.
    Verification {
        /// The encoded proof's.
        bytes: usize,
    },
}

/// Why a calibration failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The library's own error.
    #[error("{0}")]
    Library(#[from] NovaError),
    /// The proof could not be encoded.
    #[error("the proof could not be encoded: {0}")]
    Encoding(#[from] bincode::error::EncodeError),
}

/// Proves that many steps of `2^power` constraints, and the end of them. `done` is told of each part
/// with its seconds; the first step, which is made with the proof, is not told of.
///
/// # Errors
/// See [`Error`].
pub fn run(
    curves: Curves,
    power: u32,
    steps: usize,
    done: &mut dyn FnMut(Done, f64),
) -> Result<(), Error> {
    match curves {
        Curves::Pasta => run_on::<PallasEngine, VestaEngine>(power, steps, done),
        Curves::Bn254 => run_on::<Bn256EngineIPA, GrumpkinEngine>(power, steps, done),
    }
}

/// x becomes x squared so many times over.
#[derive(Clone, Copy, Debug)]
struct Squarings(usize);

impl<F: PrimeField> StepCircuit<F> for Squarings {
    fn arity(&self) -> usize {
        1
    }

    fn synthesize<CS: ConstraintSystem<F>>(
        &self,
        cs: &mut CS,
        z: &[AllocatedNum<F>],
    ) -> Result<Vec<AllocatedNum<F>>, SynthesisError> {
        let mut x = z[0].clone();
        for i in 0..self.0 {
            x = x.square(cs.namespace(|| format!("square {i}")))?;
        }
        Ok(vec![x])
    }
}

type Spartan<E> = RelaxedR1CSSNARK<E, EvaluationEngine<E>>;

fn run_on<E1, E2>(power: u32, steps: usize, done: &mut dyn FnMut(Done, f64)) -> Result<(), Error>
where
    E1: Engine<Base = <E2 as Engine>::Scalar>,
    E2: Engine<Base = <E1 as Engine>::Scalar>,
    EvaluationEngine<E1>: EvaluationEngineTrait<E1>,
    EvaluationEngine<E2>: EvaluationEngineTrait<E2>,
{
    let step = Squarings(1 << power);
    let hints = (Spartan::<E1>::ck_floor(), Spartan::<E2>::ck_floor());
    let start = Instant::now();
    let parameters = PublicParams::<E1, E2, _>::setup(&step, &*hints.0, &*hints.1)?;
    let (one, two) = parameters.num_constraints();
    done(Done::Parameters(one, two), start.elapsed().as_secs_f64());
    let z0 = [E1::Scalar::from(3)];
    let mut running = RecursiveSNARK::new(&parameters, &step, &z0)?;
    // The constructor has executed the first step; this call counts it.
    running.prove_step(&parameters, &step)?;
    for _ in 0..steps {
        let start = Instant::now();
        running.prove_step(&parameters, &step)?;
        done(Done::Step, start.elapsed().as_secs_f64());
    }
    let keys = CompressedSNARK::<E1, E2, _, Spartan<E1>, Spartan<E2>>::setup(&parameters)?;
    let (proving, verifying) = keys;
    let start = Instant::now();
    let proof = CompressedSNARK::prove(&parameters, &proving, &running)?;
    done(Done::Proof, start.elapsed().as_secs_f64());
    let start = Instant::now();
    proof.verify(&verifying, steps + 1, &z0)?;
    let seconds = start.elapsed().as_secs_f64();
    let config = bincode::config::standard().with_fixed_int_encoding();
    let bytes = bincode::serde::encode_to_vec(&proof, config)?.len();
    done(Done::Verification { bytes }, seconds);
    Ok(())
}
