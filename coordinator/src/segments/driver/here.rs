//! Proving a segment on the driver's own machine, while results of others are taken as always.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Instant;

use maci_nova_chain::Stage;
use maci_nova_compressor::decider::DeciderProof;
use maci_nova_folding::checkpoint;
use maci_nova_jobs::Direction;

use super::post::{read_file, Post};
use super::{Driver, DriverContext};
use crate::error::Error;
use crate::segments::job::{Job, JobError};

impl Driver<'_> {
    /// Proves a segment on this machine, unless somebody else is faster.
    pub(super) fn prove_here(&mut self, post: &mut Post, segment: u32) -> Result<(), Error> {
        let context = self.context;
        context.observer.note(&format!(
            "proving segment {} of {} here: no worker takes it",
            segment + 1,
            self.plan.len()
        ));
        let job = self.job_here(segment)?;
        let checkpoint = self.files.checkpoint(segment);
        let is_needless = AtomicBool::new(false);
        let stop = || is_needless.load(Ordering::SeqCst) || context.observer.interrupted();
        let proof = thread::scope(|scope| {
            let proving = scope.spawn(|| fold_here(context, &job, checkpoint, &stop));
            let mut talked = Ok(());
            while !proving.is_finished() && talked.is_ok() {
                talked = self.talk(post);
                if talked.is_err() || self.plan.proof(segment).is_some() {
                    is_needless.store(true, Ordering::SeqCst);
                }
            }
            let proof = proving
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            talked.map(|()| proof)
        })?;
        match proof {
            Ok(proof) if self.plan.proof(segment).is_none() => self.proven(segment, &proof),
            Ok(_) | Err(JobError::Interrupted) => self.check_interrupt(),
            Err(error) => Err(Error::internal(error)),
        }
    }

    /// A job that is on disk, opened.
    pub(super) fn job_here(&self, segment: u32) -> Result<Job, Error> {
        let Some((id, _)) = self.plan.job(segment) else {
            return Err(Error::internal("a job is not written"));
        };
        let path = self.files.job(segment);
        let context = self.context.seal(segment, id, Direction::Job);
        let bytes = self.context.workers.key.open(&context, &read_file(&path)?);
        let bytes = bytes.map_err(|error| {
            Error::Damaged(format!(
                "{}: {error}; give the job key that it was sealed with, or remove {} to begin again",
                path.display(),
                self.files.plan.display()
            ))
        })?;
        Job::decode(bytes).map_err(Error::internal)
    }
}

/// The proof of a job, by way of checkpoints.
fn fold_here(
    context: DriverContext<'_>,
    job: &Job,
    path: PathBuf,
    stop: &(dyn Fn() -> bool + Sync),
) -> Result<DeciderProof, JobError> {
    let DriverContext {
        parameters,
        prover,
        observer,
        checkpoint_every,
        ..
    } = context;
    let facts = job.facts();
    // One that cannot be used is begun again: nothing but time is lost.
    let begun = checkpoint::load(&path, parameters, &facts.header).ok();
    let begun = begun
        .map(|begun| begun.proof)
        .filter(|begun| begun.start() == &facts.start);
    let mut progress = observer.begin(Stage::Counted {
        label: "proving",
        unit: "steps",
        done: 0,
        total: job.steps(),
    });
    let mut saved = (Instant::now(), 0);
    job.prove(parameters, prover, begun, stop, |done, proof| {
        progress.at(done);
        let (written, steps) = saved;
        if checkpoint_every.is_due(written, done.saturating_sub(steps)) {
            // A full disk loses no more than time either.
            let _ = checkpoint::save(&path, parameters, proof, &[]);
            saved = (Instant::now(), done);
        }
    })
}
