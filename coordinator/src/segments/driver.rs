//! The driver: from a poll that has ended to a proof of each segment of its count.
//!
//! Everything is on disk before it is needed: the plan with its salts, each sealed job, each proof as soon as it was verified. A
//! driver that was stopped goes on from there, whatever became of the broker; it publishes again what is missing.

mod here;
mod post;
#[cfg(test)]
mod tests;

use std::thread;
use std::time::{Duration, Instant};

use maci_nova_chain::words::count;
use maci_nova_chain::{Observer, Stage};
use maci_nova_compressor::decider::{DeciderStatement, Prover};
use maci_nova_files::{write_atomically, Readers};
use maci_nova_folding::{Parameters, RunningProof};
use maci_nova_jobs::{
    Announcement, Context, Direction, JobId, JobKey, LateBroker, ANNOUNCEMENT_VERSION,
};
use maci_nova_protocol::keys::PrivateKey;
use maci_nova_protocol::poll::{Header, State};
use zeroize::Zeroizing;

use crate::directory::{create_private, ProofDirectory};
use crate::error::{Error, Kept};
use crate::fold::checkpoints::Interval;
use crate::fold::Fold;
use crate::log::poll_log::PollLog;
use crate::prove::finalization::{Finalization, SegmentProof};
use crate::segments::cost;
use crate::segments::job::JobWriter;
use crate::segments::plan::{Cut, Plan, PlanFiles, MAX_SEGMENTS};

/// Between two looks whether workers have come.
const WAIT: Duration = Duration::from_millis(500);

/// How many segments a count is cut into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SegmentCount {
    /// One for each worker that waits when the poll ends, as far as that makes it faster; one if there are none.
    Auto,
    /// So many, or as many as there are steps for.
    Of(u32),
}

impl std::str::FromStr for SegmentCount {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "auto" {
            return Ok(SegmentCount::Auto);
        }
        match text.parse() {
            Ok(segments) if (1..=MAX_SEGMENTS).contains(&segments) => {
                Ok(SegmentCount::Of(segments))
            }
            _ => Err(format!("not auto or a number from 1 to {MAX_SEGMENTS}")),
        }
    }
}

/// Who proves segments, and how many there are to be.
#[derive(Debug)]
pub struct Workers<'a> {
    /// Where jobs go, which need not be there all the time.
    pub broker: &'a LateBroker,
    /// What they are sealed with.
    pub key: &'a JobKey,
    /// How many segments.
    pub segments: SegmentCount,
    /// After so much time without a proof, a job that waits for a worker is proven here.
    pub patience: Duration,
}

/// What a driver works with.
#[derive(Clone, Copy)]
pub(crate) struct DriverContext<'a> {
    pub(crate) workers: &'a Workers<'a>,
    pub(crate) parameters: &'a Parameters,
    pub(crate) prover: &'a Prover,
    pub(crate) key: &'a PrivateKey,
    pub(crate) domain: [u8; 32],
    pub(crate) checkpoint_every: Interval,
    pub(crate) observer: &'a dyn Observer,
}

/// A count that is being proven in segments.
pub(crate) struct Driver<'a> {
    context: DriverContext<'a>,
    files: PlanFiles,
    plan: Plan,
    header: Header,
}

impl<'a> Driver<'a> {
    /// The plan of the directory, or a new one. None if the count is better proven whole.
    pub(crate) fn open(
        context: DriverContext<'a>,
        directory: &ProofDirectory,
        fold: &Fold<'_>,
        log: &PollLog,
    ) -> Result<Option<Self>, Error> {
        let files = directory.segments();
        let cut = Cut {
            facts: log.facts(),
            domain: context.domain,
            parameters: context.parameters.digest().0,
            blinding: fold.blinding(),
            folded: fold.proof().steps(),
            steps: fold.total(log),
        };
        let header = log.header().clone();
        let plan = match Plan::load(&files.plan, &cut)? {
            Some(plan) => {
                // Whatever number of segments is asked for now.
                let proven = plan.len() as usize - plan.unproven().len();
                context.observer.note(&format!(
                    "resuming with {proven} of {} proven",
                    count(plan.len().into(), "segment")
                ));
                plan
            }
            None => {
                if files.plan.exists() {
                    // It was given up, and its jobs are of another count.
                    context.workers.forget(&context.domain, context.observer);
                }
                files.remove()?;
                let plan = Plan::new(&cut, context.segments(&cut)?);
                if plan.len() < 2 {
                    context
                        .observer
                        .note("the count is proven whole, on this machine");
                    return Ok(None);
                }
                context.observer.note(&format!(
                    "the count is cut into {}",
                    count(plan.len().into(), "segment")
                ));
                // From here on the salts are fixed, and so is every statement.
                plan.save(&files.plan)?;
                plan
            }
        };
        let driver = Driver {
            context,
            files,
            plan,
            header,
        };
        driver.check_job_key()?;
        Ok(Some(driver))
    }

    /// Whether jobs that are on disk can be opened: no worker could either.
    fn check_job_key(&self) -> Result<(), Error> {
        let unproven = self.plan.unproven();
        let written = unproven
            .into_iter()
            .find(|segment| self.plan.job(*segment).is_some() && self.files.job(*segment).exists());
        written.map_or(Ok(()), |segment| self.job_here(segment).map(drop))
    }

    /// Proves all segments.
    ///
    /// # Errors
    /// [`Error::Interrupted`] if somebody asks to stop; what is done is kept.
    pub(crate) fn prove(
        mut self,
        fold: &mut Fold<'_>,
        log: &PollLog,
    ) -> Result<Finalization, Error> {
        self.write_jobs(fold, log)?;
        self.collect()?;
        self.finalization()
    }

    /// Decides all messages and writes the jobs that are not on disk, publishing each at once.
    fn write_jobs(&mut self, fold: &mut Fold<'_>, log: &PollLog) -> Result<(), Error> {
        let missing = |segment: &u32| !self.has_job(*segment);
        let Some(last) = (0..self.plan.len()).rev().find(missing) else {
            return Ok(());
        };
        create_private(&self.files.jobs).map_err(|source| Error::Io {
            action: "make directory",
            path: self.files.jobs.clone(),
            source,
        })?;
        let begun = fold.proof().clone();
        let folded = begun.steps();
        if folded >= self.plan.end(0) {
            return Err(Error::Damaged(format!(
                "jobs are missing in {}; remove {} to begin again",
                self.files.jobs.display(),
                self.files.plan.display()
            )));
        }
        let mut progress = self.context.observer.begin(Stage::Counted {
            label: "deciding",
            unit: "steps",
            done: folded,
            total: self.plan.steps(),
        });
        let mut steps = fold.rest(log)?;
        let mut done = folded;
        for segment in 0..=last {
            let end = self.plan.end(segment);
            let mut writer = match self.has_job(segment) {
                true => None,
                false => Some(self.writer(segment, &begun, *steps.state(), end - done)?),
            };
            while done < end {
                let transitions = steps.transitions()?;
                if transitions.len() < self.context.parameters.shape().events_per_step {
                    return Err(Error::internal("the log has fewer steps than its plan"));
                }
                if let Some(writer) = &mut writer {
                    transitions
                        .iter()
                        .try_for_each(|transition| writer.push(transition))?;
                }
                done += 1;
                progress.at(done);
                self.check_interrupt()?;
            }
            if let Some(writer) = writer {
                self.write_job(segment, writer.finish(steps.results())?)?;
                // Workers begin while the rest is decided. That the broker is away is noticed later.
                let _ = self.publish(segment);
            }
        }
        Ok(())
    }

    fn has_job(&self, segment: u32) -> bool {
        let is_written = self.plan.job(segment).is_some() && self.files.job(segment).exists();
        is_written || self.plan.proof(segment).is_some()
    }

    fn writer(
        &self,
        segment: u32,
        begun: &RunningProof,
        state: State,
        steps: u64,
    ) -> Result<JobWriter, Error> {
        let DriverContext {
            parameters,
            domain,
            key,
            ..
        } = &self.context;
        let here;
        let begun = match segment {
            0 => begun,
            _ => {
                here = RunningProof::begin_at(parameters, &self.header, state)
                    .map_err(Error::internal)?;
                &here
            }
        };
        let events = steps * parameters.shape().events_per_step as u64;
        JobWriter::new(
            parameters,
            begun,
            *domain,
            &self.plan.place(segment),
            key.secret_scalar(),
            events,
        )
    }

    fn write_job(
        &mut self,
        segment: u32,
        (bytes, statement): (Zeroizing<Vec<u8>>, DeciderStatement),
    ) -> Result<(), Error> {
        let id = JobId::of(&bytes);
        let context = self.context.seal(segment, id, Direction::Job);
        let sealed = self.context.workers.key.seal(&context, &bytes);
        drop(bytes);
        let path = self.files.job(segment);
        write_atomically(&path, Readers::Owner, |file| file.write_all(&sealed)).map_err(
            |source| Error::Io {
                action: "write",
                path,
                source,
            },
        )?;
        self.plan.written(segment, id, &statement);
        self.plan.save(&self.files.plan)
    }

    /// All proofs together.
    fn finalization(&self) -> Result<Finalization, Error> {
        let lost = || Error::internal("a segment has no proof");
        let stated = |segment| {
            let (_, statement) = self.plan.job(segment)?;
            Some((statement, self.plan.proof(segment)?))
        };
        let last = self.plan.len() - 1;
        let segments = (0..last).map(|segment| {
            let (statement, proof) = stated(segment)?;
            Some(SegmentProof { statement, proof })
        });
        let (statement, proof) = stated(last).ok_or_else(lost)?;
        Ok(Finalization {
            segments: segments.collect::<Option<_>>().ok_or_else(lost)?,
            statement,
            proof,
        })
    }

    fn check_interrupt(&self) -> Result<(), Error> {
        match self.context.observer.interrupted() {
            true => Err(self.interrupted()),
            false => Ok(()),
        }
    }

    fn interrupted(&self) -> Error {
        Error::Interrupted(Kept::Segments {
            done: u64::from(self.plan.len()) - self.plan.unproven().len() as u64,
            total: self.plan.len().into(),
            plan: self.files.plan.clone(),
        })
    }
}

impl Workers<'_> {
    /// Removes what the broker has of a poll. Sealed jobs that stay there are removed by the broker after a month.
    pub(crate) fn forget(&self, poll: &[u8; 32], observer: &dyn Observer) {
        let forgotten = self.broker.get().and_then(|broker| broker.forget(poll));
        if let Err(error) = forgotten {
            observer.warn(&format!(
                "sealed jobs of the poll may be left at the broker: {error}"
            ));
        }
    }
}

impl DriverContext<'_> {
    /// How many segments to cut into: as many as are asked for, or more where the broker takes no jobs of their size.
    ///
    /// # Errors
    /// [`maci_nova_sdk::Error::Request`] where no number of them is enough.
    fn segments(&self, cut: &Cut<'_>) -> Result<u32, Error> {
        let shape = self.parameters.shape();
        let left = cut.steps.saturating_sub(cut.folded);
        let asked = match self.workers.segments {
            SegmentCount::Of(segments) => segments,
            SegmentCount::Auto => cost::segments(&shape, left, self.workers_that_wait()?),
        };
        let largest = self.workers.broker.options().largest_job;
        let needed = cost::least_segments(&shape, left, largest);
        match u32::try_from(needed).ok().filter(|needed| *needed <= MAX_SEGMENTS) {
            // One segment is no job.
            Some(_) if asked < 2 => Ok(asked),
            Some(needed) => Ok(asked.max(needed)),
            None => Err(Error::request(format!(
                "jobs of at most {largest} bytes take more than {MAX_SEGMENTS} segments: finalize it without --nats"
            ))),
        }
    }

    /// Workers that wait for a job now, or after some time if there are none yet.
    fn workers_that_wait(&self) -> Result<u64, Error> {
        let begun = Instant::now();
        let mut said = false;
        loop {
            let broker = self.workers.broker.get();
            let load = broker.and_then(|broker| broker.load());
            match load {
                Ok(load) if load.workers_waiting > 0 => {
                    let text = count(load.workers_waiting, "worker");
                    self.observer.note(&format!("waiting for jobs: {text}"));
                    return Ok(load.workers_waiting);
                }
                Err(error) if !error.is_transient() => return Err(error.into()),
                other => {
                    if !std::mem::replace(&mut said, true) {
                        let why = other.map_or_else(
                            |error| error.to_string(),
                            |_| "no worker waits for jobs".into(),
                        );
                        self.observer.warn(&format!("{why}: waiting for some"));
                    }
                }
            }
            if self.observer.interrupted() {
                return Err(Error::Interrupted(Kept::Everything));
            }
            if begun.elapsed() >= self.workers.patience {
                return Ok(0);
            }
            thread::sleep(WAIT);
        }
    }

    fn seal(&self, segment: u32, job: JobId, direction: Direction) -> Context {
        Context {
            parameters: self.parameters.digest().0,
            poll: self.domain,
            segment,
            job,
            direction,
        }
    }

    fn announcement(&self, plan: &Plan, segment: u32, job: JobId) -> Announcement {
        let shape = self.parameters.shape();
        let sizes = [shape.state_depth, shape.vote_depth, shape.events_per_step];
        Announcement {
            version: ANNOUNCEMENT_VERSION,
            parameters: self.parameters.digest().0,
            keys: self.prover.digest(),
            poll: self.domain,
            segment,
            segments: plan.len(),
            job,
            steps: plan.steps_of(segment),
            shape: sizes.map(|size| size as u32),
        }
    }
}
