//! This workspace's folding: its sizes, its steps, and both final proofs.

use std::sync::Arc;
use std::time::Instant;

use maci_nova_compressor::decider::{self, circuit::Decider, DeciderStatement, Prover};
use maci_nova_compressor::{verify, FinalProof, VerifierKey};
use maci_nova_coordinator::prove::dry_run::DryRun;
use maci_nova_folding::{checkpoint, engine, Parameters, RunningProof, SetupSource};
use maci_nova_groth16::{KeyCache, KeyEvent, Trapdoors};
use maci_nova_step_circuit::recorder::Recorder;
use maci_nova_step_circuit::{Shape, StepCircuit, ARITY};
use nova_snark::r1cs::R1CSShape;
use nova_snark::traits::Engine;

use crate::configuration::{Configuration, Measurement};
use crate::figures::{self as is, Quantity};
use crate::measure::{forget_peak, timed};
use crate::random_poll::RandomPoll;
use crate::Error;

/// The sizes of a step by itself, in the order of the quantities: of one recorded with the rows that
/// an engine has.
pub(crate) fn step_sizes(measured: &mut Measurement, recorder: &Recorder) {
    let total = recorder.total();
    // One, and the elements of z, are no variables of the witness.
    let variables = recorder.assignment().len() - 1 - ARITY;
    measured.count(is::STEP_CONSTRAINTS, total.constraints);
    measured.count(is::STEP_VARIABLES, variables);
    measured.count(is::STEP_ENTRIES, total.entries);
}

/// Constraints, variables and entries of a circuit.
fn circuit_sizes<E: Engine>(
    measured: &mut Measurement,
    quantities: [Quantity; 3],
    shape: &R1CSShape<E>,
) {
    let entries = [shape.A(), shape.B(), shape.C()].map(|matrix| matrix.len());
    let sizes = [shape.num_cons(), shape.num_vars(), entries.iter().sum()];
    for (quantity, size) in quantities.into_iter().zip(sizes) {
        measured.count(quantity, size);
    }
}

/// Steps folded one after another, each timed.
pub(crate) struct Folded {
    poll: RandomPoll,
    running: RunningProof,
    preparing: Vec<f64>,
    folding: Vec<f64>,
    series: Vec<(u64, f64)>,
}

impl Folded {
    /// Folds the opening, which is not timed, and then steps until so many messages are folded.
    pub(crate) fn new(parameters: &Parameters, messages: usize) -> Result<Self, Error> {
        let shape = parameters.shape();
        let k = shape.events_per_step;
        let mut poll = RandomPoll::new(shape, messages)?;
        let running =
            RunningProof::new(parameters, poll.header()).map_err(Error::proof("begun"))?;
        let opening = poll.take_opening();
        let mut folded = Folded {
            poll,
            running,
            preparing: Vec::new(),
            folding: Vec::new(),
            series: Vec::new(),
        };
        for events in opening.chunks(k) {
            folded.step(parameters, events.to_vec())?;
        }
        // A step commits to the witness of the step before it, so the first step of messages pays for joins. It is
        // timed like the others: over all steps it is a shift by one.
        folded.preparing.clear();
        folded.folding.clear();
        let mut elapsed = 0.0;
        for step in 1..=messages.div_ceil(k) {
            let events = folded.poll.decide(k)?;
            elapsed += folded.step(parameters, events)?;
            folded.series.push(((step * k) as u64, elapsed));
        }
        Ok(folded)
    }

    fn step(
        &mut self,
        parameters: &Parameters,
        events: Vec<maci_nova_protocol::poll::Transition>,
    ) -> Result<f64, Error> {
        let (circuit, preparing) = timed(|| self.poll.prepare(parameters.shape(), events));
        let circuit = circuit.map_err(Error::proof("a step"))?;
        let (folded, folding) = timed(|| self.running.fold(parameters, circuit));
        folded.map_err(Error::proof("folding a step"))?;
        self.preparing.push(preparing);
        self.folding.push(folding);
        Ok(preparing + folding)
    }

    fn figures(self, measured: &mut Measurement, k: usize) -> (RandomPoll, RunningProof) {
        let per_message = |seconds: &[f64]| -> Vec<f64> {
            seconds.iter().map(|seconds| seconds / k as f64).collect()
        };
        measured.push(is::PREPARING, &self.preparing);
        measured.push(is::PROVING, &self.folding);
        measured.push(is::PREPARING_MESSAGE, &per_message(&self.preparing));
        measured.push(is::PROVING_MESSAGE, &per_message(&self.folding));
        measured.series = self.series;
        (self.poll, self.running)
    }
}

pub(crate) fn parameters(shape: Shape) -> Result<Parameters, Error> {
    Parameters::setup(shape, &SetupSource::InsecureDevelopment).map_err(Error::proof("parameters"))
}

fn parameters_figures(measured: &mut Measurement, parameters: &Parameters) -> Result<(), Error> {
    let (primary, secondary) = (
        parameters.engine().primary(),
        parameters.engine().secondary(),
    );
    let rows = primary.rows();
    measured.count(is::CONSTRAINTS, rows.count());
    measured.count(is::VARIABLES, rows.variables());
    measured.count(is::ENTRIES, rows.entries());
    circuit_sizes(
        measured,
        [
            is::SECOND_CONSTRAINTS,
            is::SECOND_VARIABLES,
            is::SECOND_ENTRIES,
        ],
        secondary.shape(),
    );
    let (one, two) = parameters.constraints();
    let step = measured
        .sample(is::STEP_CONSTRAINTS)
        .map_or(0.0, |step| step.median);
    measured.push(is::OVERHEAD, &[(one + two) as f64 - step]);
    let encoded = Error::proof("encoding parameters");
    let bytes = [
        engine::encode(primary.key()),
        engine::encode(secondary.shape()),
        engine::encode(secondary.key()),
    ];
    let mut sum = rows.bytes();
    for part in bytes {
        sum += part.map_err(&encoded)?.len();
    }
    measured.count(is::PARAMETERS_BYTES, sum);
    Ok(())
}

/// Folding, and Spartan at its end.
pub(crate) fn measure(configuration: &Configuration, k: usize) -> Result<Measurement, Error> {
    let shape = configuration.shape(k);
    let mut measured = Measurement::new(configuration);
    let (made, seconds) = timed(|| parameters(shape));
    let made = made?;
    measured.push(is::PARAMETERS_SECONDS, &[seconds]);
    forget_peak();
    let folded = Folded::new(&made, configuration.messages)?;
    measured.peak(is::PEAK);
    let (poll, running) = folded.figures(&mut measured, k);
    forget_peak();
    measured.count(is::CHECKPOINT_BYTES, checkpoint_bytes(&made, &running)?);
    spartan(&mut measured, &made, &poll, &running)?;
    measured.peak(is::PEAK_FINAL);
    // After the peaks: what is counted here takes memory that folding does not.
    step_sizes(
        &mut measured,
        &StepCircuit::blank(shape).record(&[]).recorder,
    );
    parameters_figures(&mut measured, &made)?;
    Ok(measured)
}

/// Folding alone, of many messages.
pub(crate) fn check_point(configuration: &Configuration, k: usize) -> Result<Measurement, Error> {
    let mut measured = Measurement::new(configuration);
    let made = parameters(configuration.shape(k))?;
    forget_peak();
    let folded = Folded::new(&made, configuration.messages)?;
    measured.peak(is::PEAK);
    folded.figures(&mut measured, k);
    measured.series = decades(&measured.series);
    Ok(measured)
}

/// The first point at or above each power of ten, and the last.
fn decades(series: &[(u64, f64)]) -> Vec<(u64, f64)> {
    let mut next = 10;
    let mut kept: Vec<(u64, f64)> = Vec::new();
    for point in series {
        if point.0 >= next {
            kept.push(*point);
            next *= 10;
        }
    }
    match series.last() {
        Some(last) if kept.last() != Some(last) => kept.push(*last),
        _ => {}
    }
    kept
}

fn checkpoint_bytes(parameters: &Parameters, running: &RunningProof) -> Result<usize, Error> {
    let folder = tempfile::tempdir().map_err(Error::proof("a checkpoint"))?;
    let path = folder.path().join("checkpoint");
    checkpoint::save(&path, parameters, running, &[]).map_err(Error::proof("a checkpoint"))?;
    let metadata = std::fs::metadata(&path).map_err(Error::proof("a checkpoint"))?;
    Ok(metadata.len() as usize)
}

fn spartan(
    measured: &mut Measurement,
    parameters: &Parameters,
    poll: &RandomPoll,
    running: &RunningProof,
) -> Result<(), Error> {
    let repeats = measured.configuration.repeats;
    let (mut proving, mut verifying) = (Vec::new(), Vec::new());
    let key = VerifierKey::new(parameters);
    for _ in 0..repeats {
        let (proof, seconds) = timed(|| FinalProof::prove(parameters, running, poll.results()));
        let proof = proof.map_err(Error::proof("the final proof"))?;
        proving.push(seconds);
        let (proven, seconds) = timed(|| verify(&key, &proof, poll.facts()));
        proven.map_err(Error::proof("verifying the final proof"))?;
        verifying.push(seconds);
        if proving.len() == repeats {
            measured.count(is::FINAL_BYTES, proof.to_bytes().len());
        }
    }
    measured.push(is::FINAL_SECONDS, &proving);
    measured.push(is::VERIFYING, &verifying);
    Ok(())
}

/// Making the keys of the proof for a contract, as its first run in this cache does.
pub(crate) fn decider_key(configuration: &Configuration, k: usize) -> Result<Measurement, Error> {
    let mut measured = Measurement::new(configuration);
    let made = parameters(configuration.shape(k))?;
    let cache = KeyCache::of_user().map_err(Error::proof("the cache of keys"))?;
    let mut begun = None;
    forget_peak();
    drop(prover(&made, &cache, &mut |event| {
        if matches!(event, KeyEvent::Making(_)) {
            begun = Some(Instant::now());
        }
    })?);
    let seconds = match begun {
        Some(begun) => begun.elapsed().as_secs_f64(),
        // A process that was killed has left it there.
        None => {
            let (engine, depth) = (Arc::clone(made.engine()), made.shape().vote_depth);
            forget_peak();
            let (again, seconds) =
                timed(|| Prover::setup(engine, depth, Trapdoors::insecure_development()));
            again.map_err(Error::proof("the decider's keys"))?;
            seconds
        }
    };
    measured.push(is::KEY_SECONDS, &[seconds]);
    measured.peak(is::KEY_PEAK);
    Ok(measured)
}

/// Folding, and the proof for a contract at its end. The keys come from the user's cache, or are made.
pub(crate) fn decider(configuration: &Configuration, k: usize) -> Result<Measurement, Error> {
    let shape = configuration.shape(k);
    let mut measured = Measurement::new(configuration);
    let made = parameters(shape)?;
    let folded = Folded::new(&made, configuration.messages)?;
    let (poll, running) = folded.figures(&mut measured, k);
    let cache = KeyCache::of_user().map_err(Error::proof("the cache of keys"))?;
    let mut was_cached = true;
    let (prover, loading) = timed(|| {
        prover(&made, &cache, &mut |event| {
            was_cached &= !matches!(event, KeyEvent::Making(_));
        })
    });
    let prover = prover?;
    if was_cached {
        measured.push(is::KEY_LOADING, &[loading]);
    }
    forget_peak();
    measured.count(is::CONSTRAINTS, prover.constraints());
    let ivc = running
        .engine_proof()
        .ok_or(Error::Request("a poll without messages".into()))?;
    let options = 5_usize.pow(shape.vote_depth as u32);
    let deployed = DryRun::deploy(prover.verifying_key(), options, true);
    let mut verifier = deployed.map_err(Error::proof("the verifier"))?;
    let results = poll.results();
    let (mut proving, mut verifying) = (Vec::new(), Vec::new());
    for _ in 0..configuration.repeats {
        let domain = verifier.domain();
        let (proof, seconds) = timed(|| prover.prove(ivc, domain, &decider::WHOLE, &results));
        let proof = proof.map_err(Error::proof("the decider's proof"))?;
        proving.push(seconds);
        let statement = DeciderStatement::new(ivc, domain, &decider::WHOLE, &results);
        let statement = statement.map_err(Error::proof("the decider's statement"))?;
        let (verified, seconds) = timed(|| decider::verify(verifier.key(), &statement, &proof));
        verified.map_err(Error::proof("verifying the decider's proof"))?;
        verifying.push(seconds);
        if proving.len() == configuration.repeats {
            let accepted = verifier
                .verify(&statement, &proof)
                .map_err(Error::proof("the contract"))?;
            measured.count(is::GAS, accepted.gas as usize);
            measured.count(is::CALLDATA_GAS, accepted.calldata_gas() as usize);
            measured.count(is::CALLDATA_BYTES, accepted.calldata.len());
            measured.count(is::DEPLOYMENT_GAS, verifier.deployment_gas() as usize);
        }
    }
    measured.push(is::FINAL_SECONDS, &proving);
    measured.push(is::VERIFYING, &verifying);
    measured.peak(is::PEAK_FINAL);
    drop(prover);
    decider_sizes(&mut measured, &made, &cache)?;
    Ok(measured)
}

fn prover(
    parameters: &Parameters,
    cache: &KeyCache,
    report: &mut dyn FnMut(KeyEvent<'_>),
) -> Result<Prover, Error> {
    let (engine, depth) = (
        Arc::clone(parameters.engine()),
        parameters.shape().vote_depth,
    );
    Prover::cached(engine, depth, cache, false, report).map_err(Error::proof("the decider's keys"))
}

fn decider_sizes(
    measured: &mut Measurement,
    parameters: &Parameters,
    cache: &KeyCache,
) -> Result<(), Error> {
    let decider = Decider::new(
        Arc::clone(parameters.engine()),
        parameters.shape().vote_depth,
    );
    let matrices = decider
        .matrices()
        .map_err(Error::proof("the decider's circuit"))?;
    measured.count(is::ENTRIES, matrices.entries());
    measured.count(is::DOMAIN, matrices.domain());
    let path = cache.path(decider::KEY_NAME, &matrices.digest());
    let metadata = std::fs::metadata(&path).map_err(Error::io("read", &path))?;
    measured.count(is::KEY_BYTES, metadata.len() as usize);
    Ok(())
}
