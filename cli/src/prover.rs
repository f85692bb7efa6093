//! Proving a poll: from the log to a running proof of all steps, through checkpoints, and to the
//! final proof.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use maci_nova_compressor::{verify, FinalProof, VerifierKey};
use maci_nova_folding::{fold_all, Outcome, Parameters, PipelineError, RunningProof, SetupSource};
use maci_nova_protocol::keys::PrivateKey;
use maci_nova_protocol::tally::OptionResult;
use maci_nova_step_circuit::Shape;
use rand_core::OsRng;

use crate::arguments::{Interval, Proving};
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

impl<'a> Job<'a> {
    /// As the arguments say.
    pub fn new(
        arguments: &'a Proving,
        source: SetupSource,
        log: &'a PollLog,
        key: &'a PrivateKey,
    ) -> Self {
        Job {
            log,
            key,
            out: &arguments.out,
            source,
            events_per_step: arguments.events_per_step,
            checkpoint_every: arguments.checkpoint_every,
            resume: arguments.resume,
        }
    }
}

/// A job that has its directory to itself.
pub struct Attempt<'a> {
    job: &'a Job<'a>,
    interrupt: &'a Interrupt,
    console: &'a Console,
    shape: Shape,
    directory: ProofDirectory,
}

/// A poll all of whose steps are folded.
pub struct Folded {
    /// The running proof.
    pub proof: RunningProof,
    /// What it counted, one for each option.
    pub results: Vec<OptionResult>,
}

impl<'a> Attempt<'a> {
    /// Locks the directory.
    pub fn begin(
        job: &'a Job<'a>,
        interrupt: &'a Interrupt,
        console: &'a Console,
    ) -> Result<Self, Failure> {
        let shape = job.log.shape(job.events_per_step)?;
        job.log.require_file()?;
        Ok(Attempt {
            job,
            interrupt,
            console,
            shape,
            directory: ProofDirectory::open(job.out)?,
        })
    }

    /// The sizes of the circuit.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// Where everything goes.
    pub fn directory(&self) -> &ProofDirectory {
        &self.directory
    }

    /// Whether this job's outcome is already there; an error if there is something that must not be
    /// touched.
    pub fn is_complete(&self, outcome: &Path) -> Result<bool, Failure> {
        let root = self.directory.root().display();
        let refuse = |text: String| Err(Failure::Usage(text));
        let checkpoint = self.directory.checkpoint();
        match (checkpoint.exists(), outcome.exists(), self.job.resume) {
            (false, false, _) | (true, _, true) => Ok(false),
            (false, true, true) => Ok(true),
            (true, _, false) => refuse(format!(
                "{root} holds a checkpoint; go on with --resume, or give another --out"
            )),
            (false, true, false) => {
                let name = outcome.file_name().unwrap_or_default();
                refuse(format!(
                    "{root} already holds {}; give another --out",
                    Path::new(name).display()
                ))
            }
        }
    }

    /// Makes the parameters.
    pub fn parameters(&self) -> Result<Parameters, Failure> {
        let stage = Progress::timed(self.console, "parameters");
        let parameters = Parameters::setup(self.shape, &self.job.source)?;
        let seconds = stage.finish();
        self.console
            .note(format!("parameters made in {seconds:.1} s"));
        Ok(parameters)
    }

    /// Folds what is left of the poll. The checkpoint then holds all of it.
    pub fn fold(&self, parameters: &Parameters) -> Result<Folded, Failure> {
        let mut work = Work::begin(self, parameters)?;
        let mut steps = work.steps()?;
        work.fold(&mut steps)?;
        if self.interrupt.asked() {
            return Err(work.interrupted());
        }
        Ok(Folded {
            proof: work.proof,
            results: steps.results(),
        })
    }

    /// An error if somebody has asked to stop: nothing is lost.
    pub fn check_interrupt(&self) -> Result<(), Failure> {
        match self.interrupt.asked() {
            true => Err(Failure::Interrupted(
                "nothing is lost; run the same command with --resume to go on".into(),
            )),
            false => Ok(()),
        }
    }
}

/// Proves the poll and returns the proof that is then in the directory.
pub fn prove(
    job: &Job<'_>,
    interrupt: &Interrupt,
    console: &Console,
) -> Result<FinalProof, Failure> {
    let attempt = Attempt::begin(job, interrupt, console)?;
    let path = attempt.directory().proof();
    if attempt.is_complete(&path)? {
        let proof = proof_file::read(&path, false, console)?;
        proof_file::check(&path, &proof, &job.source, job.log.facts(), console)?;
        console.note(format!("{} is complete", path.display()));
        return Ok(proof);
    }
    let parameters = attempt.parameters()?;
    let folded = attempt.fold(&parameters)?;
    let proof = compress(job, &parameters, folded, console)?;
    // The proof is on disk before the checkpoint goes.
    proof
        .write(&path)
        .map_err(|source| Failure::ProofFile { path, source })?;
    attempt.directory().remove_checkpoint()?;
    Ok(proof)
}

/// The final proof, verified.
fn compress(
    job: &Job<'_>,
    parameters: &Parameters,
    folded: Folded,
    console: &Console,
) -> Result<FinalProof, Failure> {
    let internal = |error: &dyn std::error::Error| Failure::Internal(error.to_string());
    let stage = Progress::timed(console, "final proof");
    let proof = FinalProof::prove(parameters, &folded.proof, folded.results)
        .map_err(|error| internal(&error))?;
    let key = VerifierKey::new(parameters);
    verify(&key, &proof, job.log.facts()).map_err(|error| internal(&error))?;
    let seconds = stage.finish();
    console.note(format!("final proof made and verified in {seconds:.1} s"));
    Ok(proof)
}

/// The setup that the arguments name. In production the development setup is refused.
pub fn source(
    ptau: Option<&PathBuf>,
    production: bool,
    console: &Console,
) -> Result<SetupSource, Failure> {
    match ptau {
        Some(path) => Ok(SetupSource::PowersOfTau(path.clone())),
        None if production => Err(Failure::Insecure("--insecure-setup")),
        None => {
            console.warn(proof_file::INSECURE);
            Ok(SetupSource::InsecureDevelopment)
        }
    }
}

/// The running proof on its way.
struct Work<'a> {
    job: &'a Job<'a>,
    interrupt: &'a Interrupt,
    console: &'a Console,
    parameters: &'a Parameters,
    checkpoints: Checkpoints,
    plan: Plan,
    proof: RunningProof,
}

impl<'a> Work<'a> {
    /// From the checkpoint, or from the first event.
    fn begin(attempt: &'a Attempt<'a>, parameters: &'a Parameters) -> Result<Self, Failure> {
        let Attempt {
            job,
            interrupt,
            console,
            directory,
            ..
        } = attempt;
        let facts = job.log.facts();
        let mut checkpoints = Checkpoints::new(directory.checkpoint(), job.checkpoint_every);
        let (proof, plan) = if checkpoints.path().exists() {
            checkpoints.load(parameters, facts)?
        } else {
            if job.resume {
                console.note("no checkpoint yet: beginning with the first event");
            }
            let proof = RunningProof::new(parameters, &facts.header)
                .map_err(|error| Failure::Internal(error.to_string()))?;
            let plan = Plan::new(facts, &parameters.shape(), &mut OsRng);
            // From here on the blinding is fixed: whatever happens, the final state is the same.
            checkpoints.save(parameters, &proof, &plan)?;
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
        let (parameters, plan) = (self.parameters, &self.plan);
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

    fn interrupted(&self) -> Failure {
        let (done, total) = (self.proof.steps(), self.plan.steps());
        Failure::Interrupted(format!(
            "{done} of {total} steps are kept in {}; run the same command with --resume to go on",
            self.checkpoints.path().display()
        ))
    }
}
