//! Proving a poll: from the log to a running proof of all steps, through checkpoints, and to the
//! final proof.

use std::path::{Path, PathBuf};

use maci_nova_chain::{Observer, Stage};
use maci_nova_compressor::{verify, FinalProof, VerifierKey};
use maci_nova_folding::{Parameters, SetupSource};
use maci_nova_protocol::keys::PrivateKey;
use maci_nova_step_circuit::Shape;

use crate::arguments::{Interval, Proving};
use crate::checkpoints::Checkpoints;
use crate::failure::Failure;
use crate::fold::{Fold, Tools};
use crate::interrupt::Interrupt;
use crate::parameters::parameters;
use crate::poll_log::PollLog;
use crate::proof_directory::ProofDirectory;
use crate::proof_file;

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
    observer: &'a dyn Observer,
    shape: Shape,
    directory: ProofDirectory,
}

impl<'a> Attempt<'a> {
    /// Locks the directory.
    pub fn begin(
        job: &'a Job<'a>,
        interrupt: &'a Interrupt,
        observer: &'a dyn Observer,
    ) -> Result<Self, Failure> {
        let shape = job.log.shape(job.events_per_step)?;
        job.log.require_file()?;
        Ok(Attempt {
            job,
            interrupt,
            observer,
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
        parameters(self.shape, &self.job.source, self.observer)
    }

    /// Folds what is left of the poll. The checkpoint then holds all of it.
    pub fn fold<'p>(&'p self, parameters: &'p Parameters) -> Result<Fold<'p>, Failure> {
        let Job { log, key, .. } = self.job;
        let tools = Tools {
            parameters,
            key,
            interrupt: self.interrupt,
            observer: self.observer,
        };
        let checkpoints = Checkpoints::new(self.directory.checkpoint(), self.job.checkpoint_every);
        if self.job.resume && !checkpoints.path().exists() {
            self.observer
                .note("no checkpoint yet: beginning with the first event");
        }
        let mut fold = Fold::open(tools, checkpoints, log.header(), Some(log.facts()))?;
        if !fold.catch_up(log)? {
            return Err(fold.foreign("its state is not the one that the log leads to"));
        }
        self.announce(&fold);
        fold.fold_rest(log)?;
        Ok(fold)
    }

    fn announce(&self, fold: &Fold<'_>) {
        let (done, total) = (fold.proof().steps(), fold.total(self.job.log));
        if done > 0 {
            let text = format!("going on after step {done} of {total}");
            self.observer.note(&text);
        }
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
    observer: &dyn Observer,
) -> Result<FinalProof, Failure> {
    let attempt = Attempt::begin(job, interrupt, observer)?;
    let path = attempt.directory().proof();
    if attempt.is_complete(&path)? {
        let proof = proof_file::read(&path, false, observer)?;
        proof_file::check(&path, &proof, &job.source, job.log.facts(), observer)?;
        observer.note(&format!("{} is complete", path.display()));
        return Ok(proof);
    }
    let parameters = attempt.parameters()?;
    let folded = attempt.fold(&parameters)?;
    let proof = compress(job, &parameters, &folded, observer)?;
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
    folded: &Fold<'_>,
    observer: &dyn Observer,
) -> Result<FinalProof, Failure> {
    let internal = |error: &dyn std::error::Error| Failure::Internal(error.to_string());
    let stage = observer.begin(Stage::Timed {
        label: "final proof",
    });
    let proof = FinalProof::prove(parameters, folded.proof(), folded.results())
        .map_err(|error| internal(&error))?;
    let key = VerifierKey::new(parameters);
    verify(&key, &proof, job.log.facts()).map_err(|error| internal(&error))?;
    let seconds = stage.finish();
    observer.note(&format!("final proof made and verified in {seconds:.1} s"));
    Ok(proof)
}

/// The setup that the arguments name. In production the development setup is refused.
pub fn source(
    ptau: Option<&PathBuf>,
    production: bool,
    observer: &dyn Observer,
) -> Result<SetupSource, Failure> {
    match ptau {
        Some(path) => Ok(SetupSource::PowersOfTau(path.clone())),
        None if production => Err(Failure::Insecure("--insecure-setup")),
        None => {
            observer.warn(proof_file::INSECURE);
            Ok(SetupSource::InsecureDevelopment)
        }
    }
}
