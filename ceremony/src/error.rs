//! Everything that can go wrong with a ceremony.

use std::io;
use std::path::{Path, PathBuf};

use maci_nova_folding::PtauError;
use maci_nova_groth16::SetupError;

/// Why a file is not made, or not believed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
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
    /// The powers-of-tau file will not do.
    #[error("the powers-of-tau file {} {source}", path.display())]
    PowersOfTau {
        /// The file.
        path: PathBuf,
        /// Why.
        source: PtauError,
    },
    /// The powers-of-tau file has no Lagrange bases of the size that a circuit needs.
    #[error("the powers-of-tau file {} is not prepared for 2^{power}: `snarkjs powersoftau prepare phase2` does that", path.display())]
    NotPrepared {
        /// The file.
        path: PathBuf,
        /// The logarithm of the circuit's domain.
        power: u32,
    },
    /// Points of the powers-of-tau file contradict each other.
    #[error("the powers-of-tau file {} contradicts itself: {what}", path.display())]
    Contradiction {
        /// The file.
        path: PathBuf,
        /// Which points.
        what: &'static str,
    },
    /// The file is not one of a ceremony, or damaged.
    #[error("{}: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The ceremony is about something else.
    #[error("it is a ceremony of something else: {0}")]
    Other(String),
    /// A record is not what an honest contributor makes.
    #[error("contribution {number} ({name}): {reason}")]
    Record {
        /// Its place, from 1.
        number: usize,
        /// Its author.
        name: String,
        /// Why.
        reason: &'static str,
    },
    /// Another beacon than the one that was announced.
    #[error("the beacon is not the signature of {0}, which was announced, hashed 2^0 times")]
    Beacon(String),
    /// The points do not follow from the circuit, the powers of tau and the records.
    #[error("the points of {circuit}: {reason}")]
    Points {
        /// The circuit.
        circuit: String,
        /// Why.
        reason: &'static str,
    },
    /// The ceremony is not at the stage for this.
    #[error("{0}")]
    Stage(&'static str),
    /// What was asked for cannot be.
    #[error("{0}")]
    Request(String),
    /// The circuit has no keys.
    #[error(transparent)]
    Circuit(#[from] SetupError),
    /// The observer asked to stop; nothing was written.
    #[error("interrupted: nothing was written")]
    Interrupted,
}

impl Error {
    pub(crate) fn io(action: &'static str, path: &Path) -> impl Fn(io::Error) -> Error {
        let path = path.to_owned();
        move |source| Error::Io {
            action,
            path: path.clone(),
            source,
        }
    }

    pub(crate) fn powers_of_tau(path: &Path) -> impl Fn(PtauError) -> Error {
        let path = path.to_owned();
        move |source| Error::PowersOfTau {
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
}
