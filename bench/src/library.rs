//! The proving library's own IVC for the same step circuit: the baseline that the folding engine is
//! compared with, in what it proves and in what it costs. The library's rows are products alone, so
//! that an S-box takes three of them and the step is larger than the folding's.
//!
//! Both commitment keys are Pedersen's, which need no powers of tau; committing costs what it costs
//! under KZG, the same multi-scalar multiplication.

use std::fmt;

use maci_nova_step_circuit::{Fr, Shape, StepCircuit};
use nova_snark::errors::NovaError;
use nova_snark::nova;
use nova_snark::provider::{Bn256EngineIPA, GrumpkinEngine};
use nova_snark::traits::snark::default_ck_hint;

use crate::configuration::{Configuration, Measurement};
use crate::figures as is;
use crate::folding::step_sizes;
use crate::measure::timed;
use crate::random_poll::RandomPoll;
use crate::Error;

/// The library's public parameters for a shape.
pub struct Parameters {
    library: nova::PublicParams<Bn256EngineIPA, GrumpkinEngine, StepCircuit>,
}

impl Parameters {
    /// Makes them.
    ///
    /// # Errors
    /// The library's.
    pub fn setup(shape: Shape) -> Result<Self, NovaError> {
        let blank = StepCircuit::blank(shape);
        let library = nova::PublicParams::setup(&blank, &*default_ck_hint(), &*default_ck_hint())?;
        Ok(Parameters { library })
    }

    /// Constraints of the augmented circuits on BN254 and on Grumpkin.
    pub fn constraints(&self) -> (usize, usize) {
        self.library.num_constraints()
    }
}

impl fmt::Debug for Parameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parameters")
            .field("constraints", &self.constraints())
            .finish_non_exhaustive()
    }
}

/// The library's proof of one step or more.
pub struct RunningProof {
    library: nova::RecursiveSNARK<Bn256EngineIPA, GrumpkinEngine, StepCircuit>,
}

impl RunningProof {
    /// Proves the first step, from the state that it starts in.
    ///
    /// # Errors
    /// The library's.
    pub fn first(parameters: &Parameters, circuit: &StepCircuit) -> Result<Self, NovaError> {
        let z0 = circuit.before().to_array();
        let mut library = nova::RecursiveSNARK::new(&parameters.library, circuit, &z0)?;
        // The constructor has executed the step; this call only counts it.
        library.prove_step(&parameters.library, circuit)?;
        Ok(RunningProof { library })
    }

    /// Proves one more step, in place.
    ///
    /// # Errors
    /// The library's; the proof is then of no use.
    pub fn fold(
        &mut self,
        parameters: &Parameters,
        circuit: &StepCircuit,
    ) -> Result<(), NovaError> {
        self.library.prove_step(&parameters.library, circuit)
    }

    /// The state after the last step, as the circuit computed it.
    pub fn z(&self) -> &[Fr] {
        self.library.outputs()
    }

    /// Checks that the proof leads from `z0` to the state returned in `steps` steps.
    ///
    /// # Errors
    /// The library's, when it does not.
    pub fn verify(
        &self,
        parameters: &Parameters,
        steps: usize,
        z0: &[Fr],
    ) -> Result<Vec<Fr>, NovaError> {
        self.library.verify(&parameters.library, steps, z0)
    }

    /// Bytes of the proof with its witness: elements and compressed points of 32 bytes, as they
    /// are in a checkpoint, and a length of 8 before each vector.
    ///
    /// # Errors
    /// The encoder's.
    pub fn encoded_size(&self) -> Result<usize, bincode::error::EncodeError> {
        let config = bincode::config::standard().with_fixed_int_encoding();
        Ok(bincode::serde::encode_to_vec(&self.library, config)?.len())
    }
}

impl fmt::Debug for RunningProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The witness is secret.
        f.debug_struct("RunningProof")
            .field("steps", &self.library.num_steps())
            .finish_non_exhaustive()
    }
}

pub(crate) fn measure(configuration: &Configuration, k: usize) -> Result<Measurement, Error> {
    let shape = configuration.shape(k);
    let mut measured = Measurement::new(configuration);
    let (parameters, seconds) = timed(|| Parameters::setup(shape));
    let parameters = parameters.map_err(Error::proof("the library's parameters"))?;
    measured.push(is::PARAMETERS_SECONDS, &[seconds]);
    let mut poll = RandomPoll::new(shape, configuration.messages)?;
    let mut steps = poll
        .take_opening()
        .chunks(k)
        .map(<[_]>::to_vec)
        .collect::<Vec<_>>();
    let opening = steps.len();
    for _ in 0..configuration.messages.div_ceil(k) {
        steps.push(poll.decide(k)?);
    }
    let z0 = steps[0][0].before.to_array();
    let last = steps[steps.len() - 1][k - 1].after.to_array();
    let mut running: Option<RunningProof> = None;
    let (mut preparing, mut proving, mut elapsed) = (vec![], vec![], 0.0);
    for (i, events) in steps.into_iter().enumerate() {
        let (circuit, prepared) = timed(|| poll.prepare_plain(shape, events));
        let circuit = circuit.map_err(Error::proof("a step"))?;
        let (folded, seconds) = timed(|| match running.as_mut() {
            Some(proof) => proof.fold(&parameters, &circuit),
            None => RunningProof::first(&parameters, &circuit).map(|first| running = Some(first)),
        });
        folded.map_err(Error::proof("a step of the library"))?;
        if i >= opening {
            preparing.push(prepared);
            proving.push(seconds);
            elapsed += prepared + seconds;
            let done = (i + 1 - opening) * k;
            measured.series.push((done as u64, elapsed));
        }
    }
    measured.peak(is::PEAK);
    let per_message = |seconds: &[f64]| -> Vec<f64> {
        seconds.iter().map(|seconds| seconds / k as f64).collect()
    };
    measured.push(is::PREPARING, &preparing);
    measured.push(is::PROVING, &proving);
    measured.push(is::PREPARING_MESSAGE, &per_message(&preparing));
    measured.push(is::PROVING_MESSAGE, &per_message(&proving));
    let running = running.ok_or(Error::Request("a poll without steps".into()))?;
    let steps = opening + proving.len();
    let (reached, seconds) = timed(|| running.verify(&parameters, steps, &z0));
    let reached = reached.map_err(Error::proof("verifying the library's proof"))?;
    if reached != last {
        return Err(Error::Request("the library reached another state".into()));
    }
    measured.push(is::VERIFYING, &[seconds]);
    let bytes = running.encoded_size().map_err(Error::proof("encoding"))?;
    measured.count(is::CHECKPOINT_BYTES, bytes);
    let blank = StepCircuit::blank(shape);
    step_sizes(&mut measured, &blank.record_plain(&[]).recorder);
    let (one, two) = parameters.constraints();
    measured.count(is::CONSTRAINTS, one);
    measured.count(is::SECOND_CONSTRAINTS, two);
    let step = measured
        .sample(is::STEP_CONSTRAINTS)
        .map_or(0.0, |step| step.median);
    measured.push(is::OVERHEAD, &[(one + two) as f64 - step]);
    Ok(measured)
}
