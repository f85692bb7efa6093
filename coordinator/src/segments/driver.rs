//! The driver: from a poll that has ended to a proof of each segment of its count.
//!
//! Everything is on disk before it is needed: the plan with its salts, each sealed job, each proof as soon as it was verified. A
//! driver that was stopped goes on from there, whatever became of the broker; it publishes again what is missing.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use maci_nova_chain::words::count;
use maci_nova_chain::{Observer, Stage};
use maci_nova_compressor::decider::{self, DeciderProof, Prover};
use maci_nova_files::{write_atomically, Readers};
use maci_nova_folding::{checkpoint, Parameters, RunningProof};
use maci_nova_jobs::{
    Announcement, Broker, BrokerError, Context, Direction, JobId, JobKey, Reply, ResultReader,
    ANNOUNCEMENT_VERSION,
};
use maci_nova_protocol::keys::PrivateKey;
use maci_nova_protocol::poll::Header;
use zeroize::Zeroizing;

use crate::directory::{create_private, ProofDirectory};
use crate::error::{Error, Kept};
use crate::fold::checkpoints::Interval;
use crate::fold::Fold;
use crate::log::poll_log::PollLog;
use crate::prove::finalization::{Finalization, SegmentProof};
use crate::segments::job::{Job, JobError, JobWriter};
use crate::segments::plan::{Cut, Plan, PlanFiles};

/// Waiting for a result at a time.
const LISTEN: Duration = Duration::from_millis(500);

/// So often jobs are published again, which does nothing where they are in the queue.
const REPUBLISH: Duration = Duration::from_secs(30);

/// Between two attempts at a broker that is away.
const RECONNECT: Duration = Duration::from_secs(5);

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
        let most = crate::segments::plan::MAX_SEGMENTS;
        match text.parse() {
            Ok(segments) if (1..=most).contains(&segments) => Ok(SegmentCount::Of(segments)),
            _ => Err(format!("not auto or a number from 1 to {most}")),
        }
    }
}

/// Who proves segments, and how many there are to be.
#[derive(Debug)]
pub struct Workers<'a> {
    /// Where jobs go.
    pub broker: &'a Broker,
    /// What they are sealed with.
    pub key: &'a JobKey,
    /// How many segments.
    pub segments: SegmentCount,
    /// After so much time in which nobody takes a job that waits, one is proven here.
    pub patience: Duration,
}

/// What a driver works with.
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
            folded: fold.proof().steps(),
            steps: fold.total(log),
        };
        let header = log.header().clone();
        let plan = match Plan::load(&files.plan, &cut)? {
            Some(plan) => {
                let proven = plan.len() as usize - plan.unproven().len();
                context.observer.note(&format!(
                    "resuming with {proven} of {} proven",
                    count(plan.len().into(), "segment")
                ));
                plan
            }
            None => {
                files.remove()?;
                // Of a plan that was given up: its jobs are of another count.
                let _ = context.workers.broker.forget(&context.domain);
                let segments = context.segments(&cut);
                if segments < 2 {
                    return Ok(None);
                }
                let plan = Plan::new(&cut, segments);
                // From here on the salts are fixed, and so is every statement.
                plan.save(&files.plan)?;
                plan
            }
        };
        Ok(Some(Driver {
            context,
            files,
            plan,
            header,
        }))
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
        state: maci_nova_protocol::poll::State,
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
        (bytes, statement): (Zeroizing<Vec<u8>>, decider::DeciderStatement),
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

    /// Waits until every segment has its proof.
    fn collect(&mut self) -> Result<(), Error> {
        let mut progress = self.context.observer.begin(Stage::Counted {
            label: "segments",
            unit: "segments",
            done: 0,
            total: self.plan.len().into(),
        });
        let mut post = Post::default();
        loop {
            let unproven = self.plan.unproven();
            progress.at(u64::from(self.plan.len()) - unproven.len() as u64);
            if unproven.is_empty() {
                return Ok(());
            }
            self.check_interrupt()?;
            match self.exchange(&mut post, &unproven) {
                Ok(()) => {}
                Err(Exchange::Away(error)) => {
                    post.lost(&error, self.context.observer);
                    self.pause(RECONNECT)?;
                }
                Err(Exchange::Failed(error)) => return Err(error),
            }
            if post.idle.elapsed() >= self.context.workers.patience {
                self.help(&mut post)?;
            }
        }
    }

    /// Proves a segment on this machine, if there is one that the queue would give to anybody, or no queue. One whose worker is alive
    /// is not given away.
    fn help(&mut self, post: &mut Post) -> Result<(), Error> {
        let Some(last) = self.plan.unproven().last().copied() else {
            return Ok(());
        };
        if post.is_away {
            return self.prove_here(last);
        }
        match self.context.workers.broker.take(LISTEN) {
            Ok(Some(taken)) => {
                let Announcement {
                    poll, segment, job, ..
                } = *taken.announcement();
                let is_ours = poll == self.context.domain
                    && segment < self.plan.len()
                    && self.plan.job(segment).is_some_and(|(id, _)| id == job);
                // Held meanwhile, so that nobody else does it too. Of other polls' jobs there may be any number before ours.
                match is_ours {
                    true => self.prove_here(segment),
                    false => {
                        drop(taken);
                        self.prove_here(last)
                    }
                }
            }
            Ok(None) => {
                post.idle = Instant::now();
                Ok(())
            }
            Err(_) => Ok(()),
        }
    }

    /// Takes results, and publishes what is missing. Notes in `post` when something was taken or came back last.
    fn exchange(&mut self, post: &mut Post, unproven: &[u32]) -> Result<(), Exchange> {
        let broker = self.context.workers.broker;
        if post.reader.is_none() {
            post.reader = Some(broker.results(&self.context.domain)?);
            post.found(self.context.observer);
        }
        if let Some(reply) = post.reader.as_mut().map(|reader| reader.next(LISTEN)) {
            if let Some(reply) = reply? {
                match self.accept(&reply).map_err(Exchange::Failed)? {
                    true => post.idle = Instant::now(),
                    // Whoever sent it may have taken the job out of the queue.
                    false => post.published = None,
                }
                return Ok(());
            }
        }
        // Nothing more is there: what has no proof now is to be done.
        if post.published.is_none_or(|at| at.elapsed() >= REPUBLISH) {
            for segment in unproven {
                self.publish(*segment)?;
            }
            post.published = Some(Instant::now());
        }
        let load = broker.load()?;
        if load.jobs_taken > post.taken {
            post.idle = Instant::now();
        }
        post.taken = load.jobs_taken;
        Ok(())
    }

    /// Hands the job of a segment to the broker, unless that has it.
    fn publish(&self, segment: u32) -> Result<(), Exchange> {
        let Some((job, _)) = self.plan.job(segment) else {
            return Ok(());
        };
        let path = self.files.job(segment);
        let announcement = self.context.announcement(&self.plan, segment, job);
        let broker = self.context.workers.broker;
        // Not to be read from disk for nothing.
        if broker.holds(&announcement)? {
            return Ok(());
        }
        let sealed = read_file(&path).map_err(Exchange::Failed)?;
        broker.submit(&announcement, &sealed)?;
        Ok(())
    }

    /// A result that somebody sent, which may be anybody; whether it is one that was waited for.
    fn accept(&mut self, reply: &Reply) -> Result<bool, Error> {
        let segment = reply.segment;
        if segment >= self.plan.len() || self.plan.proof(segment).is_some() {
            return Ok(false);
        }
        match self.verified(reply) {
            Ok(proof) => self.proven(segment, &proof).map(|()| true),
            Err(reason) => {
                let number = u64::from(segment) + 1;
                self.context.observer.warn(&format!(
                    "a result of segment {number} is not taken: {reason}"
                ));
                Ok(false)
            }
        }
    }

    /// The proof in a result, if it is one for that segment.
    fn verified(&self, reply: &Reply) -> Result<DeciderProof, String> {
        let job = self.plan.job(reply.segment);
        let (id, statement) = job.ok_or("its job is not written")?;
        if id != reply.job {
            return Err("it is of another job".into());
        }
        let context = self.context.seal(reply.segment, id, Direction::Result);
        let bytes = self.context.workers.key.open(&context, &reply.sealed);
        let bytes = bytes.map_err(|error| error.to_string())?;
        let proof = DeciderProof::from_bytes(&bytes).map_err(|error| error.to_string())?;
        decider::verify(&self.context.prover.verifying_key(), &statement, &proof).map_err(
            |error| {
                format!("its proof does not pass ({error}); the worker's keys are others, perhaps")
            },
        )?;
        Ok(proof)
    }

    fn proven(&mut self, segment: u32, proof: &DeciderProof) -> Result<(), Error> {
        self.plan.proven(segment, proof);
        self.plan.save(&self.files.plan)?;
        // What cannot be removed now does no harm: it is done once more, or its sender vanishes first.
        let _ = self
            .context
            .workers
            .broker
            .finish(&self.context.domain, segment);
        remove(&self.files.job(segment))?;
        remove(&self.files.checkpoint(segment))?;
        self.context.observer.note(&format!(
            "segment {} of {} is proven",
            segment + 1,
            self.plan.len()
        ));
        Ok(())
    }

    /// Proves a segment on this machine.
    fn prove_here(&mut self, segment: u32) -> Result<(), Error> {
        let Some((id, _)) = self.plan.job(segment) else {
            return Err(Error::internal("a job is not written"));
        };
        let observer = self.context.observer;
        observer.note(&format!(
            "proving segment {} of {} here: no worker takes it",
            segment + 1,
            self.plan.len()
        ));
        let path = self.files.job(segment);
        let context = self.context.seal(segment, id, Direction::Job);
        let bytes = self.context.workers.key.open(&context, &read_file(&path)?);
        let bytes = bytes.map_err(|error| {
            Error::Damaged(format!(
                "{}: {error}; give the key that it was sealed with, or remove {} to begin again",
                path.display(),
                self.files.plan.display()
            ))
        })?;
        let job = Job::decode(bytes).map_err(Error::internal)?;
        let proof = self.fold_here(segment, &job)?;
        self.proven(segment, &proof)
    }

    fn fold_here(&self, segment: u32, job: &Job) -> Result<DeciderProof, Error> {
        let DriverContext {
            parameters,
            prover,
            observer,
            checkpoint_every,
            ..
        } = &self.context;
        let path = self.files.checkpoint(segment);
        // One that cannot be used is begun again: nothing but time is lost.
        let begun = checkpoint::load(&path, parameters, &self.header).ok();
        let begun = begun
            .map(|begun| begun.proof)
            .filter(|begun| begun.start() == &job.facts().start);
        let mut progress = observer.begin(Stage::Counted {
            label: "proving",
            unit: "steps",
            done: 0,
            total: job.steps(),
        });
        let mut saved = (Instant::now(), 0);
        let stop = || observer.interrupted();
        let proof = job.prove(parameters, prover, begun, &stop, |done, proof| {
            progress.at(done);
            let (written, steps) = saved;
            if checkpoint_every.is_due(written, done.saturating_sub(steps)) {
                // A full disk loses no more than time either.
                let _ = checkpoint::save(&path, parameters, proof, &[]);
                saved = (Instant::now(), done);
            }
        });
        proof.map_err(|error| match error {
            JobError::Interrupted => self.interrupted(),
            other => Error::internal(other),
        })
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

    fn pause(&self, time: Duration) -> Result<(), Error> {
        let begun = Instant::now();
        while begun.elapsed() < time {
            self.check_interrupt()?;
            thread::sleep(Duration::from_millis(100));
        }
        Ok(())
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

impl DriverContext<'_> {
    /// How many segments to cut into.
    fn segments(&self, cut: &Cut<'_>) -> u32 {
        match self.workers.segments {
            SegmentCount::Of(segments) => segments,
            SegmentCount::Auto => {
                let load = self.workers.broker.load();
                let waiting = load.map_or(0, |load| load.workers_waiting);
                let left = cut.steps.saturating_sub(cut.folded);
                crate::segments::cost::segments(&self.parameters.shape(), left, waiting)
            }
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

/// How it stands with the broker.
struct Post {
    reader: Option<ResultReader>,
    published: Option<Instant>,
    /// Jobs that workers had at the last look.
    taken: u64,
    /// Since when nobody has taken a job, or sent a proof.
    idle: Instant,
    is_away: bool,
}

impl Default for Post {
    fn default() -> Self {
        Post {
            reader: None,
            published: None,
            taken: 0,
            idle: Instant::now(),
            is_away: false,
        }
    }
}

impl Post {
    fn lost(&mut self, error: &BrokerError, observer: &dyn Observer) {
        if !std::mem::replace(&mut self.is_away, true) {
            observer.warn(&format!("{error}: trying again"));
        }
        self.reader = None;
        self.published = None;
    }

    fn found(&mut self, observer: &dyn Observer) {
        if std::mem::replace(&mut self.is_away, false) {
            observer.note("the broker is back");
        }
    }
}

/// Why an exchange with the broker came to nothing.
enum Exchange {
    /// The broker is away, and may come back.
    Away(BrokerError),
    Failed(Error),
}

impl From<BrokerError> for Exchange {
    fn from(error: BrokerError) -> Self {
        match error.is_transient() {
            true => Exchange::Away(error),
            false => Exchange::Failed(error.into()),
        }
    }
}

fn read_file(path: &Path) -> Result<Vec<u8>, Error> {
    fs::read(path).map_err(|source| Error::Io {
        action: "read",
        path: path.to_owned(),
        source,
    })
}

fn remove(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => Err(Error::Io {
            action: "remove",
            path: path.to_owned(),
            source,
        }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
