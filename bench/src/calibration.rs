//! The axis of Nova's paper (ePrint 2021/370): steps of 2^k constraints, on the Pasta curves and on BN254 and Grumpkin.
//!
//! Figures that are published for the former can so be set beside those of the latter, on one machine. It is the proving
//! library's own IVC with its Spartan at the end, over inner-product arguments on both curves of a cycle. A step is a
//! chain of squarings, whose constraints are as sparse as can be.

use ff::PrimeField;
use nova_snark::frontend::num::AllocatedNum;
use nova_snark::frontend::{ConstraintSystem, SynthesisError};
use nova_snark::nova::{CompressedSNARK, PublicParams, RecursiveSNARK};
use nova_snark::provider::ipa_pc::EvaluationEngine;
use nova_snark::provider::{Bn256EngineIPA, GrumpkinEngine, PallasEngine, VestaEngine};
use nova_snark::spartan::snark::RelaxedR1CSSNARK;
use nova_snark::traits::circuit::StepCircuit;
use nova_snark::traits::evaluation::EvaluationEngineTrait;
use nova_snark::traits::snark::RelaxedR1CSSNARKTrait;
use nova_snark::traits::Engine;

use crate::configuration::{Configuration, Cycle, Measurement};
use crate::figures as is;
use crate::measure::timed;
use crate::Error;

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

pub(crate) fn measure(
    configuration: &Configuration,
    cycle: Cycle,
    power: u32,
) -> Result<Measurement, Error> {
    match cycle {
        Cycle::Pasta => run::<PallasEngine, VestaEngine>(configuration, power),
        Cycle::Bn254 => run::<Bn256EngineIPA, GrumpkinEngine>(configuration, power),
    }
}

type Spartan<E> = RelaxedR1CSSNARK<E, EvaluationEngine<E>>;

fn run<E1, E2>(configuration: &Configuration, power: u32) -> Result<Measurement, Error>
where
    E1: Engine<Base = <E2 as Engine>::Scalar>,
    E2: Engine<Base = <E1 as Engine>::Scalar>,
    EvaluationEngine<E1>: EvaluationEngineTrait<E1>,
    EvaluationEngine<E2>: EvaluationEngineTrait<E2>,
{
    let failed = Error::proof("a calibration");
    let mut measured = Measurement::new(configuration);
    let step = Squarings(1 << power);
    let hints = (Spartan::<E1>::ck_floor(), Spartan::<E2>::ck_floor());
    let (parameters, seconds) =
        timed(|| PublicParams::<E1, E2, _>::setup(&step, &*hints.0, &*hints.1));
    let parameters = parameters.map_err(&failed)?;
    measured.push(is::PARAMETERS_SECONDS, &[seconds]);
    let (one, two) = parameters.num_constraints();
    measured.count(is::STEP_CONSTRAINTS, 1 << power);
    measured.count(is::CONSTRAINTS, one);
    measured.count(is::SECOND_CONSTRAINTS, two);
    measured.count(is::OVERHEAD, one + two - (1 << power));
    let z0 = [E1::Scalar::from(3)];
    let mut running = RecursiveSNARK::new(&parameters, &step, &z0).map_err(&failed)?;
    // The constructor has executed the first step; this call counts it.
    running.prove_step(&parameters, &step).map_err(&failed)?;
    let (mut proving, mut elapsed) = (Vec::new(), 0.0);
    for done in 1..=configuration.messages {
        let (proven, seconds) = timed(|| running.prove_step(&parameters, &step));
        proven.map_err(&failed)?;
        proving.push(seconds);
        elapsed += seconds;
        measured.series.push((done as u64, elapsed));
    }
    let steps = configuration.messages + 1;
    measured.push(is::PROVING, &proving);
    measured.peak(is::PEAK);
    let keys = CompressedSNARK::<E1, E2, _, Spartan<E1>, Spartan<E2>>::setup(&parameters);
    let (proving, verifying) = keys.map_err(&failed)?;
    let (proof, seconds) = timed(|| CompressedSNARK::prove(&parameters, &proving, &running));
    let proof = proof.map_err(&failed)?;
    measured.push(is::FINAL_SECONDS, &[seconds]);
    let (verified, seconds) = timed(|| proof.verify(&verifying, steps, &z0));
    verified.map_err(&failed)?;
    measured.push(is::VERIFYING, &[seconds]);
    let config = bincode::config::standard().with_fixed_int_encoding();
    let bytes = bincode::serde::encode_to_vec(&proof, config).map_err(Error::proof("encoding"))?;
    measured.count(is::FINAL_BYTES, bytes.len());
    measured.peak(is::PEAK_FINAL);
    Ok(measured)
}
