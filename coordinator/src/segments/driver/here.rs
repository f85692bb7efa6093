//! Proving a segment on the driver's own machine.

use std::time::Instant;

use maci_nova_chain::Stage;
use maci_nova_compressor::decider::DeciderProof;
use maci_nova_folding::checkpoint;
use maci_nova_jobs::Direction;

use super::post::read_file;
use super::{Driver, DriverContext};
use crate::error::Error;
use crate::segments::job::{Job, JobError};

impl Driver<'_> {
    /// Proves a segment on this machine.
    pub(super) fn prove_here(&mut self, segment: u32) -> Result<(), Error> {
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
}
