//! Everything that can go wrong with a bench.

use std::io;
use std::path::{Path, PathBuf};

use maci_nova_sdk::ErrorKind;

/// Why something was not measured, or its results not written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// What was asked for cannot be.
    #[error("{0}")]
    Request(String),
    /// The folder holds the measurements of another plan, commit or machine.
    #[error("{} holds measurements of another plan ({what}): give another folder, or the same arguments", path.display())]
    OtherPlan {
        /// The folder.
        path: PathBuf,
        /// What differs.
        what: &'static str,
    },
    /// A file of the folder is not what this program writes.
    #[error("{}: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// Reading or writing failed.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The process that measured ended with an error.
    #[error("measuring {what} failed: {said}")]
    Child {
        /// What it measured.
        what: String,
        /// Its last words.
        said: String,
    },
    /// Something that is true was not proven, or something that is false was.
    #[error("{what}: {source}")]
    Proof {
        /// What was done.
        what: &'static str,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A plot could not be drawn.
    #[error("a plot cannot be drawn: {0}")]
    Plot(String),
    /// The observer asked to stop; so many measurements are kept.
    #[error("{done} of {total} measurements are kept in {}", path.display())]
    Interrupted {
        /// Finished ones.
        done: usize,
        /// All.
        total: usize,
        /// The folder.
        path: PathBuf,
    },
}

impl Error {
    /// What kind of error it is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Error::Request(_) | Error::OtherPlan { .. } => ErrorKind::Request,
            Error::Damaged { .. } => ErrorKind::Input,
            Error::Io { .. } => ErrorKind::Io,
            Error::Child { .. } | Error::Proof { .. } | Error::Plot(_) => ErrorKind::Internal,
            Error::Interrupted { .. } => ErrorKind::Interrupted,
        }
    }

    pub(crate) fn io(action: &'static str, path: &Path) -> impl Fn(io::Error) -> Error {
        let path = path.to_owned();
        move |source| Error::Io {
            action,
            path: path.clone(),
            source,
        }
    }

    pub(crate) fn damaged(path: &Path, reason: impl ToString) -> Error {
        Error::Damaged {
            path: path.to_owned(),
            reason: reason.to_string(),
        }
    }

    /// What was done, as the beginning of an error.
    pub(crate) fn proof<E>(what: &'static str) -> impl Fn(E) -> Error
    where
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        move |source| Error::Proof {
            what,
            source: source.into(),
        }
    }
}
