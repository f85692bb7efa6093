//! Proving the poll of a log in a file: from the log to a running proof of all steps, through
//! checkpoints.

use std::fmt;
use std::path::Path;

use maci_nova_chain::Observer;
use maci_nova_folding::{Parameters, SetupSource};
use maci_nova_protocol::keys::PrivateKey;
use maci_nova_sdk::Hint;
use maci_nova_step_circuit::Shape;

use crate::directory::ProofDirectory;
use crate::error::{Error, Kept};
use crate::fold::checkpoints::{Checkpoints, Interval};
use crate::fold::{Fold, FoldContext};
use crate::log::poll_log::PollLog;
use crate::parameters::parameters;

/// What to prove, and how.
#[derive(Debug)]
pub struct ProveRequest<'a> {
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

/// The proving of one request, with its directory locked.
pub struct ProvingSession<'a> {
    request: &'a ProveRequest<'a>,
    observer: &'a dyn Observer,
    shape: Shape,
    directory: ProofDirectory,
}

impl fmt::Debug for ProvingSession<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProvingSession")
            .field("directory", &self.directory)
            .field("shape", &self.shape)
            .finish_non_exhaustive()
    }
}

impl<'a> ProvingSession<'a> {
    /// Locks the directory.
    pub fn begin(request: &'a ProveRequest<'a>, observer: &'a dyn Observer) -> Result<Self, Error> {
        let shape = request.log.shape(request.events_per_step)?;
        request.log.check_key(request.key)?;
        request.log.require_file()?;
        Ok(ProvingSession {
            request,
            observer,
            shape,
            directory: ProofDirectory::open(request.out)?,
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

    /// Whether this request's outcome is already there; an error if there is something that must
    /// not be touched.
    pub fn is_complete(&self, outcome: &Path) -> Result<bool, Error> {
        let root = self.directory.root().display();
        let refuse = |hint, text| Err(Error::hinted(hint, text));
        let checkpoint = self.directory.checkpoint();
        match (checkpoint.exists(), outcome.exists(), self.request.resume) {
            (false, false, _) | (true, _, true) => Ok(false),
            (false, true, true) => Ok(true),
            (true, _, false) => refuse(
                Hint::ResumeOrOtherDirectory,
                format!("{root} holds a checkpoint"),
            ),
            (false, true, false) => {
                let name = outcome.file_name().unwrap_or_default();
                refuse(
                    Hint::OtherDirectory,
                    format!("{root} already holds {}", Path::new(name).display()),
                )
            }
        }
    }

    /// Makes the parameters.
    pub fn parameters(&self) -> Result<Parameters, Error> {
        parameters(self.shape, &self.request.source, self.observer)
    }

    /// Folds what is left of the poll. The checkpoint then holds all of it.
    pub fn fold<'p>(&'p self, parameters: &'p Parameters) -> Result<Fold<'p>, Error> {
        let ProveRequest { log, key, .. } = self.request;
        let context = FoldContext {
            parameters,
            key,
            observer: self.observer,
        };
        let checkpoints =
            Checkpoints::new(self.directory.checkpoint(), self.request.checkpoint_every);
        if self.request.resume && !checkpoints.path().exists() {
            self.observer
                .note("no checkpoint yet: beginning with the first event");
        }
        let mut fold = Fold::open(context, checkpoints, log.header(), Some(log.facts()))?;
        if !fold.catch_up(log)? {
            return Err(fold.foreign("its state is not the one that the log leads to"));
        }
        self.announce(&fold);
        fold.fold_rest(log)?;
        Ok(fold)
    }

    fn announce(&self, fold: &Fold<'_>) {
        let (done, total) = (fold.proof().steps(), fold.total(self.request.log));
        if done > 0 {
            let text = format!("resuming after step {done} of {total}");
            self.observer.note(&text);
        }
    }

    /// An error if the observer asks to stop: nothing is lost.
    pub fn check_interrupt(&self) -> Result<(), Error> {
        match self.observer.interrupted() {
            true => Err(Error::Interrupted(Kept::Everything)),
            false => Ok(()),
        }
    }
}
