//! Proving a poll: from the log to the final proof, through checkpoints.

use std::ops::ControlFlow;
use std::path::Path;

use maci_nova_compressor::{verify, FinalProof, VerifierKey};
use maci_nova_folding::{fold_all, Outcome, Parameters, PipelineError, RunningProof, SetupSource};
use maci_nova_protocol::keys::PrivateKey;
use rand_core::OsRng;

use crate::arguments::Interval;
use crate::checkpoints::Checkpoints;
use crate::console::Console;
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::plan::Plan;
use crate::poll_log::PollLog;
use crate::progress::Progress;
use crate::proof_directory::ProofDirectory;
use crate::proof_file;
use crate::steps::Steps;

/// What to prove, and how.
#[derive(Debug)]
pub struct Job<'a> {
    /// The poll.
    pub log: &'a PollLog,
    /// Its coordinator's key.
    pub key: &'a PrivateKey,
    /// Where checkpoint and proof go.
    pub out: &'a Path,
    /// The setup.
    pub source: SetupSource,
    /// Events in one step.
    pub events_per_step: usize,
    /// How often to write a checkpoint.
    pub checkpoint_every: Interval,
    /// Go on from a checkpoint.
    pub resume: bool,
}

/// The proof on its way.
struct Work<'a> {
    job: &'a Job<'a>,
    interrupt: &'a Interrupt,
    console: &'a Console,
    parameters: Parameters,
    checkpoints: Checkpoints,
    plan: Plan,
    proof: RunningProof,
}

/// Proves the poll and returns the proof that is then in the directory.
pub fn prove(
    job: &Job<'_>,
    interrupt: &Interrupt,
    console: &Console,
) -> Result<FinalProof, Failure> {
    let shape = job.log.shape(job.events_per_step)?;
    job.log.require_file()?;
    let directory = ProofDirectory::open(job.out)?;
    if let Some(proof) = finished(job, &directory, console)? {
        return Ok(proof);
    }
    let stage = Progress::timed(console, "parameters");
    let parameters = Parameters::setup(shape, &job.source)?;
    console.note(format!("parameters made in {:.1} s", stage.finish()));
    let mut work = Work::begin(job, interrupt, console, parameters, &directory)?;
    let mut steps = work.steps()?;
    work.fold(&mut steps)?;
    let proof = work.compress(&steps)?;
    write(&proof, &directory)?;
    Ok(proof)
}

/// The proof that is already in the directory, if it is this job's; an error if there is something
/// that must not be touched.
fn finished(
    job: &Job<'_>,
    directory: &ProofDirectory,
    console: &Console,
) -> Result<Option<FinalProof>, Failure> {
    let (checkpoint, proof) = (directory.checkpoint(), directory.proof());
    let root = directory.root().display();
    let refuse = |text: String| Err(Failure::Usage(text));
    match (checkpoint.exists(), proof.exists(), job.resume) {
        (false, false, _) | (true, _, true) => Ok(None),
        (true, _, false) => refuse(format!(
            "{root} holds a checkpoint; go on with --resume, or give another --out"
        )),
        (false, true, false) => refuse(format!(
            "{root} already holds a final proof; give another --out"
        )),
        (false, true, true) => {
            let read = proof_file::read(&proof, false, console)?;
            proof_file::check(&proof, &read, &job.source, job.log.facts(), console)?;
            console.note(format!("{} is complete", proof.display()));
            Ok(Some(read))
        }
    }
}

/// Puts the proof on disk, and only then removes the checkpoint.
fn write(proof: &FinalProof, directory: &ProofDirectory) -> Result<(), Failure> {
    let path = directory.proof();
    proof
        .write(&path)
        .map_err(|source| Failure::ProofFile { path, source })?;
    directory.remove_checkpoint()
}

impl<'a> Work<'a> {
    /// From the checkpoint, or from the first event.
    fn begin(
        job: &'a Job<'a>,
        interrupt: &'a Interrupt,
        console: &'a Console,
        parameters: Parameters,
        directory: &ProofDirectory,
    ) -> Result<Self, Failure> {
        let facts = job.log.facts();
        let mut checkpoints = Checkpoints::new(directory.checkpoint(), job.checkpoint_every);
        let (proof, plan) = if checkpoints.path().exists() {
            checkpoints.load(&parameters, facts)?
        } else {
            if job.resume {
                console.note("no checkpoint yet: beginning with the first event");
            }
            let proof = RunningProof::new(&parameters, &facts.header)
                .map_err(|error| Failure::Internal(error.to_string()))?;
            let plan = Plan::new(facts, &parameters.shape(), &mut OsRng);
            // From here on the blinding is fixed: whatever happens, the final state is the same.
            checkpoints.save(&parameters, &proof, &plan)?;
            (proof, plan)
        };
        Ok(Work {
            job,
            interrupt,
            console,
            parameters,
            checkpoints,
            plan,
            proof,
        })
    }

    /// The steps that are left. Those that are folded are counted again, which must lead to the
    /// state that the proof has reached.
    fn steps(&self) -> Result<Steps<'a>, Failure> {
        let (done, total) = (self.proof.steps(), self.plan.steps());
        let shape = self.parameters.shape();
        let mut steps = Steps::new(self.job.log, self.job.key, shape, self.plan.salts())?;
        let mut progress = Progress::counted(self.console, "counting", "steps", 0, done);
        for step in 0..done.min(total) {
            steps.pass()?;
            progress.at(step + 1);
            if self.interrupt.asked() {
                return Err(self.interrupted());
            }
        }
        progress.finish();
        if steps.state() != self.proof.state() {
            let reason = "its state is not the one that the log leads to";
            return Err(self.checkpoints.foreign(reason.into()));
        }
        if done > 0 {
            let text = format!("going on after step {done} of {total}");
            self.console.note(text);
        }
        Ok(steps)
    }

    /// Folds what is left. However it ends, the checkpoint then holds every step folded, unless it
    /// cannot be written.
    fn fold(&mut self, steps: &mut Steps<'a>) -> Result<(), Failure> {
        let (done, total) = (self.proof.steps(), self.plan.steps());
        let mut progress = Progress::counted(self.console, "proving", "steps", done, total);
        let mut unsaved = None;
        let (parameters, plan) = (&self.parameters, &self.plan);
        let checkpoints = &mut self.checkpoints;
        let stop = self.interrupt.flag();
        let outcome = fold_all(parameters, &mut self.proof, steps, stop, |proof| {
            progress.at(proof.steps());
            match checkpoints.save_if_due(parameters, proof, plan) {
                Ok(()) => ControlFlow::Continue(()),
                Err(failure) => {
                    unsaved = Some(failure);
                    ControlFlow::Break(())
                }
            }
        });
        let seconds = progress.finish();
        if let Some(failure) = unsaved {
            return Err(failure);
        }
        let saved = checkpoints.save_rest(parameters, &self.proof, plan);
        match outcome {
            Err(PipelineError::Producer(failure)) => return Err(failure),
            Err(PipelineError::Fold(error)) => return Err(Failure::Internal(error.to_string())),
            Ok(_) => saved?,
        }
        if outcome.is_ok_and(|outcome| outcome == Outcome::Stopped) {
            return Err(self.interrupted());
        }
        let folded = self.proof.steps() - done;
        let rate = folded as f64 / seconds.max(1e-9);
        self.console.note(format!(
            "{folded} steps proven in {seconds:.1} s, {rate:.1} steps/s"
        ));
        Ok(())
    }

    /// The final proof, verified.
    fn compress(&self, steps: &Steps<'_>) -> Result<FinalProof, Failure> {
        if self.interrupt.asked() {
            return Err(self.interrupted());
        }
        let internal = |error: &dyn std::error::Error| Failure::Internal(error.to_string());
        let stage = Progress::timed(self.console, "final proof");
        let results = steps.results();
        let proof = FinalProof::prove(&self.parameters, &self.proof, results)
            .map_err(|error| internal(&error))?;
        let key = VerifierKey::new(&self.parameters);
        verify(&key, &proof, self.job.log.facts()).map_err(|error| internal(&error))?;
        let seconds = stage.finish();
        self.console
            .note(format!("final proof made and verified in {seconds:.1} s"));
        Ok(proof)
    }

    fn interrupted(&self) -> Failure {
        let (done, total) = (self.proof.steps(), self.plan.steps());
        Failure::Interrupted(format!(
            "{done} of {total} steps are kept in {}; run the same command with --resume to go on",
            self.checkpoints.path().display()
        ))
    }
}
