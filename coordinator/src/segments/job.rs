//! What proving a segment takes, as bytes that travel: its transitions with their witnesses, and the facts around them. Whoever has
//! them needs no log and no chain.
//!
//! **Secret**: the coordinator's scalar is in them, which decrypts every message of the poll.
//!
//! ```text
//! transitions, one after another | zeros | facts | length of the facts, u64 little endian
//! ```
//! The facts come last, as the state that a segment ends in is known last: a job is written while the messages are decided.
//!
//! Who sees a sealed job sees its size. So that depends on nothing but the shape, the number of events and what kinds they are of
//! everything that is public: integers have all their bytes, and zeros fill the place of each transition.

use std::io::Write;
use std::ops::ControlFlow;

use maci_nova_compressor::decider::{
    self, end::Salt, DeciderError, DeciderProof, DeciderStatement, End, Prover,
};
use maci_nova_folding::{checkpoint, fold_all, Outcome, Parameters, PipelineError, RunningProof};
use maci_nova_protocol::babyjub::Scalar;
use maci_nova_protocol::poll::{Header, State, Transition};
use maci_nova_protocol::tally::OptionResult;
use maci_nova_step_circuit::{Shape, StepCircuit};
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

use crate::error::Error;

const VERSION: u32 = 1;
/// Of the length at the end.
const LENGTH_BYTES: usize = 8;
/// Bytes of a transition beside its paths, at most: those of a vote are counted in a test.
const TRANSITION_BYTES: usize = 1_250;
/// Bytes of an option's result.
const RESULT_BYTES: usize = 32;
/// Bytes of the facts beside results and running proof, at most.
const FACTS_BYTES: usize = 1_500;
/// Bytes of a level of a path.
const LEVEL_BYTES: usize = 4 * 32;

/// Everything of a job but its transitions.
#[derive(Serialize, Deserialize)]
pub struct JobFacts {
    version: u32,
    /// The poll.
    pub header: Header,
    /// The sizes of the circuit.
    pub shape: Shape,
    /// What the proof is bound to.
    pub domain: [u8; 32],
    /// The segment, from 0, and how many there are.
    pub segment: (u32, u32),
    /// The state before the segment.
    pub start: State,
    /// The state after it.
    pub end: State,
    /// What hides these two; none at the poll's own ends.
    pub salts: [Option<[u8; 32]>; 2],
    /// The coordinator's secret scalar.
    secret: [u8; 32],
    /// A running proof that has come some steps from `start`, in the bytes of a checkpoint.
    begun: Option<Vec<u8>>,
    /// One for each option, where the end is not hidden.
    pub results: Vec<OptionResult>,
    /// Events of the job: those that `begun` has not seen.
    events: u64,
    /// Bytes of their transitions.
    length: u64,
}

impl Drop for JobFacts {
    fn drop(&mut self) {
        self.secret.zeroize();
        self.salts.zeroize();
        self.begun.zeroize();
    }
}

impl std::fmt::Debug for JobFacts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("JobFacts")
            .field("shape", &self.shape)
            .field("segment", &self.segment)
            .field("events", &self.events)
            .finish_non_exhaustive()
    }
}

/// Why bytes are no job, or one that cannot be proven.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JobError {
    /// They are not of the form, or of another version's.
    #[error("the job cannot be read: {0}")]
    Form(String),
    /// Parts of it do not fit each other, or not the parameters.
    #[error("the job is not consistent: {0}")]
    Inconsistent(String),
    /// Folding or proving failed.
    #[error("the segment cannot be proven: {0}")]
    Proof(String),
    /// Somebody asked to stop.
    #[error("interrupted")]
    Interrupted,
}

impl JobError {
    fn inconsistent(error: impl std::fmt::Display) -> Self {
        JobError::Inconsistent(error.to_string())
    }

    fn proof(error: impl std::fmt::Display) -> Self {
        JobError::Proof(error.to_string())
    }
}

/// Where a segment lies, and how its ends are shown.
#[derive(Clone, Debug)]
pub struct SegmentPlace {
    /// The segment, from 0, and how many there are.
    pub segment: (u32, u32),
    /// How its ends are shown.
    pub ends: [End; 2],
}

/// A job that is being written.
pub struct JobWriter {
    bytes: Zeroizing<Vec<u8>>,
    facts: JobFacts,
    /// Bytes that a transition takes.
    room: usize,
}

impl std::fmt::Debug for JobWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("JobWriter")
            .field("facts", &self.facts)
            .finish_non_exhaustive()
    }
}

impl JobWriter {
    /// Begins the job of a segment which goes on from a running proof, with room for so many events.
    ///
    /// # Errors
    /// [`Error`] if the proof cannot be encoded.
    pub fn new(
        parameters: &Parameters,
        begun: &RunningProof,
        domain: [u8; 32],
        place: &SegmentPlace,
        secret: Scalar,
        events: u64,
    ) -> Result<Self, Error> {
        let shape = parameters.shape();
        let encoded = match begun.steps() {
            0 => None,
            _ => Some(checkpoint::encode(parameters, begun, &[]).map_err(Error::internal)?),
        };
        let salt = |end: &End| match end {
            End::State => None,
            End::Link(salt) => Some(*salt.to_bytes()),
        };
        let header = begun.header();
        let facts = encoded.as_ref().map_or(0, |bytes| bytes.len())
            + (header.vote_options as usize).saturating_mul(RESULT_BYTES)
            + FACTS_BYTES;
        let room = transition_bytes(&shape);
        // All at once: a vector that grows leaves copies behind.
        let all = usize::try_from(events)
            .unwrap_or(usize::MAX)
            .saturating_mul(room)
            .saturating_add(facts);
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(all).map_err(|_| {
            Error::request(format!(
                "no memory for a job of {all} bytes; ask for more segments"
            ))
        })?;
        Ok(JobWriter {
            bytes: Zeroizing::new(bytes),
            facts: JobFacts {
                version: VERSION,
                header: header.clone(),
                shape,
                domain,
                segment: place.segment,
                start: *begun.start(),
                end: *begun.state(),
                salts: [salt(&place.ends[0]), salt(&place.ends[1])],
                secret: secret.to_bytes(),
                begun: encoded.map(|bytes| bytes.to_vec()),
                results: vec![],
                events: 0,
                length: 0,
            },
            room,
        })
    }

    /// Adds the next transition.
    ///
    /// # Errors
    /// [`maci_nova_sdk::Error::Internal`].
    pub fn push(&mut self, transition: &Transition) -> Result<(), Error> {
        write(transition, &mut *self.bytes).map_err(Error::internal)?;
        self.facts.end = transition.after;
        self.facts.events += 1;
        Ok(())
    }

    /// The job's bytes, and what they are to prove. `results` are those of the state at its end, where that is not hidden.
    ///
    /// # Errors
    /// [`maci_nova_sdk::Error::Internal`].
    pub fn finish(
        mut self,
        results: Vec<OptionResult>,
    ) -> Result<(Zeroizing<Vec<u8>>, DeciderStatement), Error> {
        if self.facts.salts[1].is_none() {
            self.facts.results = results;
        }
        self.facts.length = self.bytes.len() as u64;
        let padded = self.facts.events as usize * self.room;
        if self.bytes.len() > padded {
            return Err(Error::internal("a transition is larger than its place"));
        }
        self.bytes.resize(padded, 0);
        write(&self.facts, &mut *self.bytes).map_err(Error::internal)?;
        let length = (self.bytes.len() - padded) as u64;
        self.bytes.extend_from_slice(&length.to_le_bytes());
        let statement = self.facts.statement().map_err(Error::internal)?;
        Ok((self.bytes, statement))
    }
}

/// A job that was read.
pub struct Job {
    facts: JobFacts,
    bytes: Zeroizing<Vec<u8>>,
    /// Bytes of the transitions.
    length: usize,
}

impl std::fmt::Debug for Job {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.facts.fmt(f)
    }
}

impl Job {
    /// Reads a job's facts. Its transitions are read as they are folded.
    ///
    /// # Errors
    /// [`JobError::Form`].
    pub fn decode(bytes: Zeroizing<Vec<u8>>) -> Result<Self, JobError> {
        let form = |text: &str| JobError::Form(text.into());
        let (rest, length) = bytes
            .split_last_chunk::<LENGTH_BYTES>()
            .ok_or_else(|| form("it ends too early"))?;
        let facts = usize::try_from(u64::from_le_bytes(*length))
            .ok()
            .and_then(|facts| rest.len().checked_sub(facts));
        let length = facts.ok_or_else(|| form("it ends too early"))?;
        let (facts, used): (JobFacts, usize) = read(&rest[length..])?;
        if facts.version != VERSION {
            return Err(JobError::Form(format!(
                "it has version {}, this program knows version {VERSION}",
                facts.version
            )));
        }
        if used != rest.len() - length {
            return Err(form("bytes follow its facts"));
        }
        let transitions = usize::try_from(facts.length).ok();
        let length = transitions
            .filter(|bytes| *bytes <= length)
            .ok_or_else(|| form("it has no room for its transitions"))?;
        Ok(Job {
            facts,
            bytes,
            length,
        })
    }

    /// Everything but the transitions.
    pub fn facts(&self) -> &JobFacts {
        &self.facts
    }

    /// Steps that are to be folded.
    pub fn steps(&self) -> u64 {
        self.facts.events / self.facts.shape.events_per_step as u64
    }

    /// Folds the segment, from a running proof of its first steps if there is one, and proves it. `on_step` is shown the running
    /// proof after each step, with the job's steps so far; `stop` is asked meanwhile.
    ///
    /// # Errors
    /// [`JobError`]. The proof has been verified.
    pub fn prove(
        &self,
        parameters: &Parameters,
        prover: &Prover,
        resumed: Option<RunningProof>,
        stop: &(dyn Fn() -> bool + Sync),
        mut on_step: impl FnMut(u64, &RunningProof),
    ) -> Result<DeciderProof, JobError> {
        let facts = &self.facts;
        if facts.shape != parameters.shape() {
            return Err(JobError::inconsistent("it is of another shape"));
        }
        let mut running = self.begun(parameters)?;
        let first = running.steps();
        if let Some(resumed) = resumed.filter(|proof| proof.steps() > first) {
            running = resumed;
        }
        let left = Circuits::after(self, running.steps() - first)?;
        fold(parameters, &mut running, left, stop, |proof| {
            on_step(proof.steps() - first, proof);
        })?;
        if *running.state() != facts.end {
            return Err(JobError::inconsistent("it does not end where it says"));
        }
        let (statement, ends) = (facts.statement()?, facts.ends()?);
        let folded = running
            .engine_proof()
            .ok_or_else(|| JobError::inconsistent("it has no steps"))?;
        let proof = prover
            .prove(folded, facts.domain, &ends, &facts.results)
            .map_err(JobError::proof)?;
        decider::verify(&prover.verifying_key(), &statement, &proof).map_err(JobError::proof)?;
        Ok(proof)
    }

    /// Folds all of it into a running proof that has come to where it begins.
    #[cfg(test)]
    pub(super) fn fold_into(
        &self,
        parameters: &Parameters,
        proof: &mut RunningProof,
    ) -> Result<(), JobError> {
        fold(parameters, proof, Circuits::new(self)?, &|| false, |_| {})
    }

    /// The running proof that the transitions go on from.
    fn begun(&self, parameters: &Parameters) -> Result<RunningProof, JobError> {
        let JobFacts {
            header,
            start,
            begun,
            ..
        } = &self.facts;
        let proof = match begun {
            None => RunningProof::begin_at(parameters, header, *start)
                .map_err(JobError::inconsistent)?,
            Some(bytes) => {
                checkpoint::decode(bytes, parameters, header)
                    .map_err(JobError::inconsistent)?
                    .proof
            }
        };
        match proof.start() == start {
            true => Ok(proof),
            false => Err(JobError::inconsistent("its proof begins elsewhere")),
        }
    }
}

impl JobFacts {
    /// What is proven.
    ///
    /// # Errors
    /// [`JobError::Inconsistent`].
    pub fn statement(&self) -> Result<DeciderStatement, JobError> {
        let [from, to] = self.ends()?;
        Ok(DeciderStatement {
            domain: self.domain,
            z0: from.words(&self.start.to_array()),
            z: to.words(&self.end.to_array()),
            results: self.results.clone(),
        })
    }

    fn ends(&self) -> Result<[End; 2], JobError> {
        let end = |salt: &Option<[u8; 32]>| match salt {
            None => Ok(End::State),
            Some(bytes) => Salt::from_bytes(bytes)
                .map(End::Link)
                .ok_or_else(|| JobError::inconsistent("a salt is not an element")),
        };
        Ok([end(&self.salts[0])?, end(&self.salts[1])?])
    }
}

impl From<DeciderError> for JobError {
    fn from(error: DeciderError) -> Self {
        JobError::inconsistent(error)
    }
}

/// Folds steps, until somebody asks to stop.
fn fold(
    parameters: &Parameters,
    proof: &mut RunningProof,
    steps: Circuits<'_>,
    stop: &(dyn Fn() -> bool + Sync),
    mut on_step: impl FnMut(&RunningProof),
) -> Result<(), JobError> {
    let outcome = fold_all(parameters, proof, steps, stop, |proof| {
        on_step(proof);
        ControlFlow::Continue(())
    });
    match outcome {
        Ok(Outcome::Finished) => Ok(()),
        Ok(Outcome::Stopped) => Err(JobError::Interrupted),
        Err(PipelineError::Producer(error)) => Err(error),
        Err(PipelineError::Fold(error)) => Err(JobError::proof(error)),
    }
}

/// The steps of a job.
struct Circuits<'a> {
    job: &'a Job,
    secret: Scalar,
    /// Where the next transition begins.
    at: usize,
    events: u64,
}

impl<'a> Circuits<'a> {
    /// Those after the first so many.
    fn after(job: &'a Job, done: u64) -> Result<Self, JobError> {
        let mut circuits = Self::new(job)?;
        for _ in 0..done {
            circuits.transitions()?;
        }
        Ok(circuits)
    }

    fn new(job: &'a Job) -> Result<Self, JobError> {
        let secret = Scalar::from_bytes(&job.facts.secret)
            .ok_or_else(|| JobError::inconsistent("its key is none"))?;
        let step = job.facts.shape.events_per_step as u64;
        if !job.facts.events.is_multiple_of(step) {
            return Err(JobError::inconsistent("its events do not fill its steps"));
        }
        Ok(Circuits {
            job,
            secret,
            at: 0,
            events: 0,
        })
    }

    /// Those of the next step.
    fn transitions(&mut self) -> Result<Vec<Transition>, JobError> {
        let events = self.job.facts.shape.events_per_step;
        let mut transitions = Vec::with_capacity(events);
        for _ in 0..events {
            let (transition, used) = read(&self.job.bytes[self.at..self.job.length])?;
            transitions.push(transition);
            self.at += used;
        }
        self.events += events as u64;
        Ok(transitions)
    }

    fn circuit(&mut self) -> Result<StepCircuit, JobError> {
        let JobFacts { shape, header, .. } = &self.job.facts;
        let transitions = self.transitions()?;
        // The witness is checked against every constraint here.
        StepCircuit::prepare(*shape, header, self.secret, transitions)
            .map_err(JobError::inconsistent)
    }
}

impl Iterator for Circuits<'_> {
    type Item = Result<StepCircuit, JobError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.events >= self.job.facts.events {
            let left = self.at != self.job.length;
            self.at = self.job.length;
            return left.then(|| Err(JobError::Form("transitions follow its last".into())));
        }
        Some(self.circuit())
    }
}

/// Bytes of a transition, at most.
pub fn transition_bytes(shape: &Shape) -> usize {
    // A path in the state tree, and two in trees of options.
    TRANSITION_BYTES + (shape.state_depth + 2 * shape.vote_depth) * LEVEL_BYTES
}

fn configuration() -> impl bincode::config::Config {
    bincode::config::standard().with_fixed_int_encoding()
}

pub(super) fn write(value: &impl Serialize, sink: &mut impl Write) -> Result<(), String> {
    bincode::serde::encode_into_std_write(value, sink, configuration())
        .map(|_| ())
        .map_err(|error| error.to_string())
}

pub(super) fn read<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<(T, usize), JobError> {
    bincode::serde::decode_from_slice(bytes, configuration())
        .map_err(|error| JobError::Form(error.to_string()))
}
