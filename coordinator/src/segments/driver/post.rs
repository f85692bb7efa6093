//! What goes to workers and comes back, and what is done while nobody takes it.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use maci_nova_chain::{Observer, Stage};
use maci_nova_compressor::decider::{self, DeciderProof};
use maci_nova_jobs::{Announcement, BrokerError, Direction, Reply, ResultReader};

use super::Driver;
use crate::error::Error;
use crate::files::gone;

/// Waiting for a result at a time.
const LISTEN: Duration = Duration::from_millis(500);

/// So often jobs are published again, which does nothing where they are in the queue and can be had from it.
const REPUBLISH: Duration = Duration::from_secs(15);

/// Between two attempts at a broker that is away.
const RECONNECT: Duration = Duration::from_secs(5);

/// Between two looks at the queue for a job that nobody takes.
const LOOK: Duration = Duration::from_secs(5);

impl Driver<'_> {
    /// Waits until every segment has its proof.
    pub(super) fn collect(&mut self) -> Result<(), Error> {
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
            let Some(last) = unproven.last().copied() else {
                return Ok(());
            };
            self.talk(&mut post)?;
            if self.plan.proof(last).is_none() && post.is_due(self.context.workers.patience) {
                self.help(&mut post, last)?;
            }
        }
    }

    /// Proves a segment on this machine, if there is one that the queue would give to anybody, or no queue. One whose worker is alive
    /// is not given away.
    fn help(&mut self, post: &mut Post, last: u32) -> Result<(), Error> {
        if post.is_away {
            return self.prove_here(post, last);
        }
        let broker = self.context.workers.broker.get();
        // Held meanwhile, so that nobody else does it too.
        let taken = match broker.and_then(|broker| broker.take(LISTEN)) {
            Ok(Some(taken)) => taken,
            Ok(None) => {
                post.looked = Some(Instant::now());
                return Ok(());
            }
            // That is noticed by whoever talks to it next.
            Err(_) => return Ok(()),
        };
        let Announcement {
            poll, segment, job, ..
        } = *taken.announcement();
        let is_ours = poll == self.context.domain
            && segment < self.plan.len()
            && self.plan.job(segment).is_some_and(|(id, _)| id == job);
        match is_ours {
            true if self.plan.proof(segment).is_some() => {
                self.finish(segment);
                Ok(())
            }
            true => self.prove_here(post, segment),
            // Of other polls' jobs there may be any number before ours.
            false => {
                drop(taken);
                self.prove_here(post, last)
            }
        }
    }

    /// Takes results and publishes what is missing, if the broker is there; a moment passes.
    pub(super) fn talk(&mut self, post: &mut Post) -> Result<(), Error> {
        self.check_interrupt()?;
        match self.exchange(post) {
            Ok(()) => Ok(()),
            Err(Exchange::Away(error)) => {
                post.lost(&error, self.context.observer);
                self.pause(RECONNECT)
            }
            Err(Exchange::Failed(error)) => Err(error),
        }
    }

    fn exchange(&mut self, post: &mut Post) -> Result<(), Exchange> {
        if post.reader.is_none() {
            let broker = self.context.workers.broker.get()?;
            post.reader = Some(broker.results(&self.context.domain)?);
        }
        if let Some(reply) = post.reader.as_mut().map(|reader| reader.next(LISTEN)) {
            let reply = reply?;
            post.found(self.context.observer);
            if let Some(reply) = reply {
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
            for segment in self.plan.unproven() {
                self.publish(segment)?;
            }
            post.published = Some(Instant::now());
        }
        Ok(())
    }

    /// Hands the job of a segment to the broker, unless that has it.
    pub(super) fn publish(&self, segment: u32) -> Result<(), Exchange> {
        let Some((job, _)) = self.plan.job(segment) else {
            return Ok(());
        };
        let path = self.files.job(segment);
        let announcement = self.context.announcement(&self.plan, segment, job);
        let broker = self.context.workers.broker.get()?;
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

    /// Has nobody do a job any more. Where that does not succeed, the next one who takes it may be this driver.
    pub(super) fn finish(&self, segment: u32) {
        let broker = self.context.workers.broker.get();
        let _ = broker.and_then(|broker| broker.finish(&self.context.domain, segment));
    }

    pub(super) fn proven(&mut self, segment: u32, proof: &DeciderProof) -> Result<(), Error> {
        self.plan.proven(segment, proof);
        self.plan.save(&self.files.plan)?;
        self.finish(segment);
        for path in [self.files.job(segment), self.files.checkpoint(segment)] {
            gone(&path, fs::remove_file(&path))?;
        }
        self.context.observer.note(&format!(
            "segment {} of {} is proven",
            segment + 1,
            self.plan.len()
        ));
        Ok(())
    }

    pub(super) fn pause(&self, time: Duration) -> Result<(), Error> {
        let begun = Instant::now();
        while begun.elapsed() < time {
            self.check_interrupt()?;
            thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    }
}

/// How it stands with the broker.
pub(super) struct Post {
    reader: Option<ResultReader>,
    published: Option<Instant>,
    /// Since when no proof has come.
    idle: Instant,
    /// When the queue was found to have nothing for this machine.
    looked: Option<Instant>,
    is_away: bool,
}

impl Default for Post {
    fn default() -> Self {
        Post {
            reader: None,
            published: None,
            idle: Instant::now(),
            looked: None,
            is_away: false,
        }
    }
}

impl Post {
    /// Whether it is time to look for work that nobody does.
    fn is_due(&self, patience: Duration) -> bool {
        let is_idle = self.idle.elapsed() >= patience;
        is_idle && self.looked.is_none_or(|at| at.elapsed() >= LOOK)
    }

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
pub(super) enum Exchange {
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

pub(super) fn read_file(path: &Path) -> Result<Vec<u8>, Error> {
    fs::read(path).map_err(|source| Error::Io {
        action: "read",
        path: path.to_owned(),
        source,
    })
}
