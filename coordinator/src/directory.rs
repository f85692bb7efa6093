//! The directory of one proof: a lock, a checkpoint while it is being made, the proof for everybody
//! or the one for the contract.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use fs4::fs_std::FileExt;

use maci_nova_sdk::Hint;

use crate::error::Error;
use crate::files::gone;
use crate::segments::plan::PlanFiles;

const CHECKPOINT: &str = "running.checkpoint";
const PROOF: &str = "final.proof";
const DECIDER: &str = "decider.json";
const LOG: &str = "poll.jsonl";
const FOLLOWER: &str = "follower.json";
const PLAN: &str = "segments.json";
const JOBS: &str = "segments";
const LOCK: &str = "lock";

/// A directory that this process alone writes to.
#[derive(Debug)]
pub struct ProofDirectory {
    root: PathBuf,
    /// The lock is held as long as this file is open; the system lets go of it however the process
    /// ends.
    _lock: File,
}

impl ProofDirectory {
    /// Makes the directory if needed and locks it.
    ///
    /// # Errors
    /// [`Error::Io`]; [`maci_nova_sdk::Error::Request`] if another process has it.
    pub fn open(root: &Path) -> Result<Self, Error> {
        create_private(root).map_err(|source| Error::Io {
            action: "make directory",
            path: root.to_owned(),
            source,
        })?;
        let path = root.join(LOCK);
        let failed = |source| Error::Io {
            action: "lock",
            path: path.clone(),
            source,
        };
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(failed)?;
        if !lock.try_lock_exclusive().map_err(failed)? {
            return Err(Error::hinted(
                Hint::WaitOrOtherDirectory,
                format!("another process is proving in {}", root.display()),
            ));
        }
        Ok(ProofDirectory {
            root: root.to_owned(),
            _lock: lock,
        })
    }

    /// Where the checkpoint is.
    pub fn checkpoint(&self) -> PathBuf {
        checkpoint_file(&self.root)
    }

    /// Where the final proof is.
    pub fn proof(&self) -> PathBuf {
        self.root.join(PROOF)
    }

    /// Where the proof for the contract is.
    pub fn decider(&self) -> PathBuf {
        self.root.join(DECIDER)
    }

    /// Where the log of a poll on a chain is.
    pub fn log(&self) -> PathBuf {
        log_file(&self.root)
    }

    /// Where it is written how far the chain was read.
    pub fn follower(&self) -> PathBuf {
        self.root.join(FOLLOWER)
    }

    /// Where a count in segments is: their plan, and their jobs.
    pub fn segments(&self) -> PlanFiles {
        PlanFiles {
            plan: plan_file(&self.root),
            jobs: self.root.join(JOBS),
        }
    }

    /// Removes the checkpoint, and one whose writing was cut short.
    pub fn remove_checkpoint(&self) -> Result<(), Error> {
        let partial = self.root.join(format!("{CHECKPOINT}.partial"));
        for path in [self.checkpoint(), partial] {
            gone(&path, fs::remove_file(&path))?;
        }
        Ok(())
    }

    /// The directory.
    pub fn root(&self) -> &Path {
        &self.root
    }
}

/// The checkpoint in a directory.
pub fn checkpoint_file(root: &Path) -> PathBuf {
    root.join(CHECKPOINT)
}

/// The plan of a count in segments in a directory.
pub fn plan_file(root: &Path) -> PathBuf {
    root.join(PLAN)
}

/// The log of a poll on a chain in a directory.
pub fn log_file(root: &Path) -> PathBuf {
    root.join(LOG)
}

/// The proof for the contract that a directory or the file's own path names.
pub fn decider_file(path: &Path) -> PathBuf {
    match path.is_dir() {
        true => path.join(DECIDER),
        false => path.to_owned(),
    }
}

/// The proof file that a directory or the file's own path names.
pub fn proof_file(path: &Path) -> PathBuf {
    if path.is_dir() {
        path.join(PROOF)
    } else {
        path.to_owned()
    }
}

pub(crate) fn create_private(root: &Path) -> io::Result<()> {
    if let Some(parent) = root.parent() {
        fs::create_dir_all(parent)?;
    }
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    match builder.create(root) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && root.is_dir() => Ok(()),
        other => other.map(|()| sync_parents(root)),
    }
}

/// Makes the new directory itself durable, as far as its parents can be opened.
fn sync_parents(root: &Path) {
    for parent in root.ancestors().skip(1) {
        let parent = if parent.as_os_str().is_empty() {
            Path::new(".")
        } else {
            parent
        };
        if let Ok(directory) = fs::File::open(parent) {
            let _ = directory.sync_all();
        }
    }
}
