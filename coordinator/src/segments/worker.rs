//! A worker: takes jobs from the broker, folds and proves them, and sends the proofs back.
//!
//! It keeps nothing on disk. Stopped at any moment it loses the segment that it works on, which another worker is given: by the
//! worker itself if it can still speak, else once its heartbeats have stopped.

use std::time::Duration;

use maci_nova_chain::words::count;
use maci_nova_chain::{Observer, Stage};
use maci_nova_folding::{Parameters, SetupSource};
use maci_nova_jobs::{Announcement, Broker, Direction, JobKey, TakenJob};
use maci_nova_sdk::poll::keys::KeyPolicy;
use maci_nova_step_circuit::Shape;
use serde::Serialize;

use crate::error::{Error, Kept};
use crate::parameters::parameters;
use crate::prove::keys::{self, DeciderKeys};
use crate::segments::job::{Job, JobError};

/// Waiting for a job at a time.
const LISTEN: Duration = Duration::from_secs(1);

/// Between two attempts at a broker that is away.
const RECONNECT: Duration = Duration::from_secs(5);

/// For so long a worker that has refused a job takes none, so that others find it: it is theirs at once.
const AFTER_REFUSAL: Duration = Duration::from_secs(30);

/// What a worker works with.
#[derive(Debug)]
pub struct WorkerContext<'a> {
    /// Where jobs come from.
    pub broker: &'a Broker,
    /// What they are sealed with.
    pub key: &'a JobKey,
    /// The setup of the parameters.
    pub source: &'a SetupSource,
    /// Which keys are relied on.
    pub policy: KeyPolicy,
    /// It ends after so many segments; without a number when it is told to.
    pub most: Option<u64>,
    /// Shown progress, and asked whether to stop.
    pub observer: &'a dyn Observer,
}

/// What a worker has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct WorkerReport {
    /// Segments proven.
    pub segments: u64,
    /// Steps folded for them.
    pub steps: u64,
}

/// What jobs of a shape are proven with.
struct Equipment {
    parameters: Parameters,
    /// Once the parameters are found to be a job's.
    keys: Option<DeciderKeys>,
}

/// Takes jobs and proves them.
///
/// # Errors
/// [`Error::Interrupted`] when the observer asks to stop; a broker that refuses; parameters or keys that cannot be had. A job that
/// cannot be proven is given back with a warning.
pub fn work(context: &WorkerContext<'_>) -> Result<WorkerReport, Error> {
    let mut report = WorkerReport::default();
    let mut equipment = None;
    let mut is_away = false;
    while context.most.is_none_or(|most| report.segments < most) {
        context.check_interrupt()?;
        match context.broker.take(LISTEN) {
            Ok(Some(job)) => {
                is_away = false;
                match context.attempt(job, &mut equipment)? {
                    Some(steps) => {
                        report.segments += 1;
                        report.steps += steps;
                    }
                    None => context.pause(AFTER_REFUSAL)?,
                }
            }
            Ok(None) => is_away = false,
            Err(error) if error.is_transient() => {
                if !std::mem::replace(&mut is_away, true) {
                    context.observer.warn(&format!("{error}: trying again"));
                }
                context.pause(RECONNECT)?;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(report)
}

/// Why a job is given back.
enum Refusal {
    /// Another worker, or this one later, may do better.
    Refused(String),
    /// Somebody asked to stop.
    Interrupted,
}

impl From<JobError> for Refusal {
    fn from(error: JobError) -> Self {
        match error {
            JobError::Interrupted => Refusal::Interrupted,
            other => Refusal::Refused(other.to_string()),
        }
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        match error {
            Error::Interrupted(_) => Refusal::Interrupted,
            other => Refusal::Refused(other.to_string()),
        }
    }
}

impl WorkerContext<'_> {
    /// Steps of the job, if it was proven.
    fn attempt(
        &self,
        job: TakenJob,
        equipment: &mut Option<Equipment>,
    ) -> Result<Option<u64>, Error> {
        let announcement = job.announcement().clone();
        let name = format!(
            "segment {} of {}",
            announcement.segment + 1,
            announcement.segments
        );
        match self.prove(&job, &name, equipment) {
            Ok((sealed, steps)) => match job.complete(&sealed) {
                Ok(()) => {
                    self.observer.note(&format!("{name} is proven"));
                    Ok(Some(steps))
                }
                Err(error) => {
                    self.observer.warn(&format!(
                        "{name} is proven, and nobody took its proof: {error}"
                    ));
                    Ok(None)
                }
            },
            Err(Refusal::Refused(reason)) => {
                self.observer
                    .warn(&format!("{name} is given back: {reason}"));
                job.give_back(Duration::ZERO);
                Ok(None)
            }
            Err(Refusal::Interrupted) => {
                job.give_back(Duration::ZERO);
                Err(interrupted())
            }
        }
    }

    /// The sealed proof of a job, and its steps.
    fn prove(
        &self,
        taken: &TakenJob,
        name: &str,
        equipment: &mut Option<Equipment>,
    ) -> Result<(Vec<u8>, u64), Refusal> {
        let announcement = taken.announcement();
        let sealed = taken
            .fetch()
            .map_err(|error| Refusal::Refused(error.to_string()))?;
        let context = announcement.context(Direction::Job);
        let bytes = self.key.open(&context, &sealed).map_err(|error| {
            Refusal::Refused(format!(
                "{error}; it was sealed with another job key, perhaps"
            ))
        })?;
        drop(sealed);
        let job = Job::decode(bytes)?;
        let facts = job.facts();
        if facts.domain != announcement.poll || facts.segment.0 != announcement.segment {
            return Err(Refusal::Refused(
                "it is not what it was announced as".into(),
            ));
        }
        // Now that somebody with the key has said so: anybody can announce a shape.
        let (parameters, keys) = self.equipment(job.facts().shape, announcement, equipment)?;
        let steps = job.steps();
        self.observer
            .note(&format!("{name}: {}", count(steps, "step")));
        let mut progress = self.observer.begin(Stage::Counted {
            label: "proving",
            unit: "steps",
            done: 0,
            total: steps,
        });
        let stop = || self.observer.interrupted();
        let proof = job.prove(parameters, &keys.prover, None, &stop, |done, _| {
            progress.at(done);
        })?;
        let context = announcement.context(Direction::Result);
        Ok((self.key.seal(&context, &proof.to_bytes()), steps))
    }

    /// What jobs like this are proven with. It is made once for each shape.
    fn equipment<'e>(
        &self,
        shape: Shape,
        announcement: &Announcement,
        equipment: &'e mut Option<Equipment>,
    ) -> Result<(&'e Parameters, &'e DeciderKeys), Refusal> {
        let of_shape = |equipment: &Equipment| equipment.parameters.shape() == shape;
        if !equipment.as_ref().is_some_and(of_shape) {
            // The old one goes first: there may not be memory for both.
            *equipment = None;
            let parameters = parameters(shape, self.source, self.observer)?;
            let keys = None;
            *equipment = Some(Equipment { parameters, keys });
        }
        let Some(Equipment { parameters, keys }) = equipment else {
            return Err(Error::internal("no equipment").into());
        };
        if parameters.digest().0 != announcement.parameters {
            return Err(Refusal::Refused(format!(
                "it is of other parameters than this worker's, {}: give it the driver's setup, and the same program",
                parameters.digest()
            )));
        }
        let keys = match keys {
            Some(keys) => keys,
            None => keys.insert(keys::decider_alone(
                parameters,
                &self.policy,
                self.observer,
            )?),
        };
        if keys.prover.digest() != announcement.keys {
            return Err(Refusal::Refused(
                "it is of other keys than this worker's: copy the driver's decider-….key into the cache folder".into(),
            ));
        }
        Ok((parameters, keys))
    }

    fn pause(&self, time: Duration) -> Result<(), Error> {
        let begun = std::time::Instant::now();
        while begun.elapsed() < time {
            self.check_interrupt()?;
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    }

    fn check_interrupt(&self) -> Result<(), Error> {
        match self.observer.interrupted() {
            true => Err(interrupted()),
            false => Ok(()),
        }
    }
}

fn interrupted() -> Error {
    Error::Interrupted(Kept::HandedOn)
}
