//! Everything that can go wrong between a poll's log and its final proof.

use std::fmt;
use std::io;
use std::path::PathBuf;

use maci_nova_chain::words::count;
use maci_nova_compressor::{ProofFileError, VerifyError};
use maci_nova_contracts::alloy_primitives::Address;
use maci_nova_folding::{CheckpointError, SetupError};
use maci_nova_groth16::KeyCacheError;
use maci_nova_jobs::BrokerError;
use maci_nova_protocol::log::{LogError, LogErrorKind};
use maci_nova_sdk::{ErrorKind, Hint};
use maci_nova_step_circuit::ShapeError;

/// Why a poll could not be followed, folded, proven or finalized.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Something with the poll on its chain.
    #[error("{0}")]
    Poll(#[from] maci_nova_sdk::Error),
    /// The poll log cannot be opened.
    #[error("cannot open poll log {}: {source}", path.display())]
    LogFile {
        /// The log.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A line of the poll log is wrong.
    #[error("poll log {}: {source}", path.display())]
    Log {
        /// The log.
        path: PathBuf,
        /// Which line, and why.
        source: LogError,
    },
    /// The log is no longer what it was a moment ago.
    #[error("poll log {} has changed while it was read: {reason}", path.display())]
    LogChanged {
        /// The log.
        path: PathBuf,
        /// What no longer fits.
        reason: String,
    },
    /// A file that this library keeps beside the log is damaged.
    #[error("{0}")]
    Damaged(String),
    /// The key belongs to somebody else than the poll's coordinator.
    #[error("the key is not this poll's coordinator's: it has public key {found}, {poll} says {expected}")]
    WrongKey {
        /// The poll.
        poll: PollName,
        /// The poll's public key.
        expected: String,
        /// The given key's public key.
        found: String,
    },
    /// Parameters cannot be made.
    #[error("{0}")]
    Setup(#[from] SetupError),
    /// Parameters other than those that something was made with.
    #[error("{0}")]
    OtherParameters(String),
    /// The powers of tau that a proof was made with are not given.
    #[error("this proof was made with {0}, which are not given")]
    NoPowersOfTau(String),
    /// A proof of the development setup where only secure ones are allowed.
    #[error("this proof rests on the INSECURE development setup")]
    InsecureProof,
    /// A ceremony's file, or its powers of tau.
    #[error("{0}")]
    Ceremony(#[from] maci_nova_ceremony::Error),
    /// The decider's keys cannot be obtained.
    #[error("{0}")]
    Keys(#[from] KeyCacheError),
    /// A checkpoint cannot be written, read or used.
    #[error("checkpoint {}: {source}", path.display())]
    Checkpoint {
        /// The checkpoint.
        path: PathBuf,
        /// Why.
        source: CheckpointError,
    },
    /// A checkpoint that was made of another log, or with another request.
    #[error("checkpoint {}: {reason}", path.display())]
    ForeignCheckpoint {
        /// The checkpoint.
        path: PathBuf,
        /// What differs.
        reason: String,
    },
    /// A proof file cannot be written, read or decoded.
    #[error("proof file {}: {source}", path.display())]
    ProofFile {
        /// The file.
        path: PathBuf,
        /// Why.
        source: ProofFileError,
    },
    /// A proof is not accepted.
    #[error("proof file {}: {source}", path.display())]
    Proof {
        /// The file.
        path: PathBuf,
        /// Which check failed.
        source: VerifyError,
    },
    /// A proof of a poll with this header, but not of this log.
    #[error("proof file {}: the proof is for another log of this poll, with other voters or messages", .0.display())]
    OtherLog(PathBuf),
    /// A stored proof for the contract cannot be read, or does not pass.
    #[error("proof file {}: {reason}", path.display())]
    Decider {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A file or directory cannot be read, written or made.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The broker of jobs, or the connection to it.
    #[error("{0}")]
    Broker(#[from] BrokerError),
    /// The observer asked to stop. Nothing is lost.
    #[error("interrupted; {0}")]
    Interrupted(Kept),
}

/// What a key's poll is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PollName {
    /// By its log.
    Log(PathBuf),
    /// By its contract.
    Contract(Address),
}

impl fmt::Display for PollName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PollName::Log(path) => write!(f, "poll log {}", path.display()),
            PollName::Contract(address) => write!(f, "poll {address}"),
        }
    }
}

/// What is there when work stops early; the same request resumes from it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kept {
    /// A poll is followed on its chain.
    Followed {
        /// Joins that were read.
        joins: u64,
        /// Places in the message chain that were read: of messages, top-ups and bundles.
        messages: u64,
        /// Steps that are folded.
        steps: u64,
    },
    /// Steps in a checkpoint.
    Steps {
        /// How many.
        done: u64,
        /// Of how many.
        total: u64,
        /// The checkpoint.
        checkpoint: PathBuf,
        /// Whether the log is a poll's on a chain, whose checkpoint is always resumed from.
        of_chain: bool,
    },
    /// Segments that are proven.
    Segments {
        /// How many.
        done: u64,
        /// Of how many.
        total: u64,
        /// Their plan.
        plan: PathBuf,
    },
    /// Nothing of a segment: another worker gets it.
    HandedOn,
    /// All that was there before.
    Everything,
}

impl fmt::Display for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Kept::Followed {
                joins,
                messages,
                steps,
            } => write!(
                f,
                "nothing is lost: read {} and {}, folded {}",
                count(*joins, "join"),
                count(*messages, "message"),
                count(*steps, "step")
            ),
            Kept::Steps {
                done,
                total,
                checkpoint,
                ..
            } => write!(
                f,
                "{done} of {total} steps are kept in {}",
                checkpoint.display()
            ),
            Kept::Segments { done, total, plan } => write!(
                f,
                "nothing is lost: {done} of {} are proven, which {} keeps",
                count(*total, "segment"),
                plan.display()
            ),
            Kept::HandedOn => write!(f, "a segment that was begun goes to another worker"),
            Kept::Everything => write!(f, "nothing is lost"),
        }
    }
}

impl Error {
    /// What kind of error it is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Error::Poll(error) => error.kind(),
            Error::Log { source, .. } if matches!(source.kind, LogErrorKind::Io(_)) => {
                ErrorKind::Io
            }
            Error::LogFile { .. }
            | Error::Log { .. }
            | Error::LogChanged { .. }
            | Error::Damaged(_) => ErrorKind::Input,
            Error::WrongKey { .. } => ErrorKind::WrongKey,
            Error::Setup(error) => setup_kind(error),
            Error::OtherParameters(_) | Error::NoPowersOfTau(_) | Error::InsecureProof => {
                ErrorKind::Parameters
            }
            Error::Ceremony(error) => ceremony_kind(error),
            Error::Keys(error) => keys_kind(error),
            Error::Checkpoint { source, .. } => checkpoint_kind(source),
            Error::ForeignCheckpoint { .. } => ErrorKind::Checkpoint,
            Error::ProofFile { source, .. } => proof_file_kind(source),
            Error::Proof { source, .. } => proof_kind(source),
            Error::OtherLog(_) | Error::Decider { .. } => ErrorKind::Proof,
            Error::Io { .. } => ErrorKind::Io,
            Error::Broker(error) => broker_kind(error),
            Error::Interrupted(_) => ErrorKind::Interrupted,
        }
    }

    /// What was asked for is wrong, or does not fit what it names.
    pub(crate) fn request(text: impl Into<String>) -> Self {
        maci_nova_sdk::Error::Request(text.into()).into()
    }

    /// The same with what may help.
    pub(crate) fn hinted(hint: Hint, text: impl Into<String>) -> Self {
        maci_nova_sdk::Error::Request(text.into())
            .with_hint(hint)
            .into()
    }

    /// What is on the chain does not allow what was asked for.
    pub(crate) fn on_chain(text: impl Into<String>) -> Self {
        maci_nova_sdk::Error::OnChain(text.into()).into()
    }

    /// An error inside a library that this one stands on.
    pub(crate) fn internal(error: impl fmt::Display) -> Self {
        maci_nova_sdk::Error::internal(error).into()
    }
}

impl From<ShapeError> for Error {
    fn from(error: ShapeError) -> Self {
        maci_nova_sdk::Error::from(error).into()
    }
}

fn broker_kind(error: &BrokerError) -> ErrorKind {
    match error.is_transient() {
        true => ErrorKind::Later,
        false => ErrorKind::Request,
    }
}

fn setup_kind(error: &SetupError) -> ErrorKind {
    match error {
        SetupError::Io(_) => ErrorKind::Io,
        SetupError::Ptau { .. } => ErrorKind::Parameters,
        SetupError::Library(_) => ErrorKind::Internal,
    }
}

fn keys_kind(error: &KeyCacheError) -> ErrorKind {
    match error {
        KeyCacheError::NoFolder | KeyCacheError::Exposed { .. } | KeyCacheError::Io { .. } => {
            ErrorKind::Io
        }
        KeyCacheError::Insecure => ErrorKind::Parameters,
        KeyCacheError::Setup(_) => ErrorKind::Internal,
    }
}

fn ceremony_kind(error: &maci_nova_ceremony::Error) -> ErrorKind {
    use maci_nova_ceremony::Error as Ceremony;
    match error {
        Ceremony::Io { source, .. } if source.kind() == io::ErrorKind::NotFound => ErrorKind::Input,
        Ceremony::Io { .. } => ErrorKind::Io,
        Ceremony::PowersOfTau { .. }
        | Ceremony::NotPrepared { .. }
        | Ceremony::Contradiction { .. }
        | Ceremony::Other(_) => ErrorKind::Parameters,
        Ceremony::Damaged { .. } => ErrorKind::Input,
        Ceremony::Record { .. } | Ceremony::Points { .. } | Ceremony::Beacon(_) => ErrorKind::Proof,
        Ceremony::Stage(_) | Ceremony::Request(_) => ErrorKind::Request,
        Ceremony::Interrupted => ErrorKind::Interrupted,
        _ => ErrorKind::Internal,
    }
}

fn checkpoint_kind(error: &CheckpointError) -> ErrorKind {
    match error {
        CheckpointError::Io(_) | CheckpointError::DiskFull(_) => ErrorKind::Io,
        CheckpointError::ApplicationSize(_)
        | CheckpointError::ProofParameters
        | CheckpointError::Encoding(_) => ErrorKind::Internal,
        _ => ErrorKind::Checkpoint,
    }
}

fn proof_file_kind(error: &ProofFileError) -> ErrorKind {
    match error {
        ProofFileError::Io(error) if error.kind() == io::ErrorKind::NotFound => ErrorKind::Input,
        ProofFileError::Io(_) => ErrorKind::Io,
        _ => ErrorKind::Proof,
    }
}

/// Parameters that differ are the verifier's affair as often as the proof's.
fn proof_kind(error: &VerifyError) -> ErrorKind {
    match error {
        VerifyError::OtherParameters { .. }
        | VerifyError::OtherShape { .. }
        | VerifyError::OtherSetup { .. } => ErrorKind::Parameters,
        _ => ErrorKind::Proof,
    }
}
