//! Everything that can go wrong, with its exit code and a line that says what to do.

use std::io;
use std::path::PathBuf;

use maci_nova_chain::ChainError;
use maci_nova_compressor::{ProofFileError, VerifyError};
use maci_nova_contracts::alloy_primitives::Address;
use maci_nova_contracts::deploy::GatekeeperError;
use maci_nova_folding::{CheckpointError, SetupError};
use maci_nova_groth16::KeyCacheError;
use maci_nova_node::{AccountError, RpcError};
use maci_nova_protocol::log::{LogError, LogErrorKind};
use maci_nova_step_circuit::ShapeError;

use crate::ballot::BallotError;
use crate::key::{KeyFault, ENVIRONMENT};
use crate::messages_file::MessagesError;
use crate::poll_file::PollFileError;
use crate::refusal;

/// What kind of failure it is: one for each exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Something in the program itself.
    Internal,
    /// Arguments that are wrong or do not fit what they name.
    Usage,
    /// A poll log or key that is missing or invalid.
    Input,
    /// Another key than the poll's.
    WrongKey,
    /// Parameters that are missing, wrong or not allowed.
    Parameters,
    /// A checkpoint that cannot be used.
    Checkpoint,
    /// A proof that is not one, or not of this poll.
    Proof,
    /// Reading or writing failed.
    Io,
    /// A node that does not answer, or a contract that refuses.
    Chain,
    /// Somebody asked to stop.
    Interrupted,
}

impl Kind {
    /// The process's exit code.
    pub fn exit_code(self) -> u8 {
        match self {
            Kind::Internal => 1,
            Kind::Usage => 2,
            Kind::Input => 3,
            Kind::WrongKey => 4,
            Kind::Parameters => 5,
            Kind::Checkpoint => 6,
            Kind::Proof => 7,
            Kind::Io => 8,
            Kind::Chain => 9,
            Kind::Interrupted => 130,
        }
    }

    /// The name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Internal => "internal",
            Kind::Usage => "usage",
            Kind::Input => "input",
            Kind::WrongKey => "wrong-key",
            Kind::Parameters => "parameters",
            Kind::Checkpoint => "checkpoint",
            Kind::Proof => "proof",
            Kind::Io => "io",
            Kind::Chain => "chain",
            Kind::Interrupted => "interrupted",
        }
    }
}

/// Why a command failed. Each message is one line that ends in what to do, where something can be
/// done.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The arguments do not fit each other, or what they name.
    #[error("{0}")]
    Usage(String),
    /// There is no key.
    #[error("{0}")]
    Key(#[from] KeyFault),
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
    /// The key belongs to somebody else than the poll's coordinator.
    #[error(
        "the key is not this poll's coordinator's: it has public key {found}, poll log {} says {expected}; give the coordinator's key with --key-file or {ENVIRONMENT}", log.display()
    )]
    WrongKey {
        /// The log.
        log: PathBuf,
        /// The public key in the log.
        expected: String,
        /// The given key's public key.
        found: String,
    },
    /// The key belongs to somebody else than the coordinator of a poll on a chain.
    #[error(
        "the key is not this poll's coordinator's: it has public key {found}, poll {poll} says {expected}; give the coordinator's key with --key-file or {ENVIRONMENT}"
    )]
    WrongPollKey {
        /// The poll.
        poll: Address,
        /// The poll's public key.
        expected: String,
        /// The given key's public key.
        found: String,
    },
    /// The sizes of a step circuit are out of range.
    #[error("{0}")]
    Shape(#[from] ShapeError),
    /// Parameters cannot be made.
    #[error("{0}")]
    Setup(#[from] SetupError),
    /// Parameters other than those that something was made with.
    #[error("{0}")]
    OtherParameters(String),
    /// The development setup where only secure ones are allowed.
    #[error("{0}: the development setup is INSECURE and --production refuses it; use a powers-of-tau file of a public ceremony")]
    Insecure(&'static str),
    /// Keys of one machine where only a ceremony's are allowed.
    #[error("INSECURE: {0}; --production refuses it")]
    InsecureKeys(&'static str),
    /// The decider's keys cannot be obtained.
    #[error("{source}{}", keys_advice(.source))]
    Keys {
        /// Why.
        #[from]
        source: KeyCacheError,
    },
    /// A checkpoint cannot be written, read or used.
    #[error("checkpoint {}: {source}{}", path.display(), checkpoint_advice(.source))]
    Checkpoint {
        /// The checkpoint.
        path: PathBuf,
        /// Why.
        source: CheckpointError,
    },
    /// A checkpoint that was made by something else than this command with these arguments.
    #[error("checkpoint {}: {reason}", path.display())]
    ForeignCheckpoint {
        /// The checkpoint.
        path: PathBuf,
        /// What differs.
        reason: String,
    },
    /// A proof file cannot be written, read or decoded.
    #[error("proof file {}: {source}{}", path.display(), proof_file_advice(.source))]
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
    /// A stored proof for the contract is none, or does not pass.
    #[error("proof file {}: {reason}; to prove again, give another --out", path.display())]
    Decider {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The poll file cannot be read, written or used.
    #[error("{0}")]
    PollFile(#[from] PollFileError),
    /// A ballot is none.
    #[error("{0}")]
    Ballot(#[from] BallotError),
    /// A file of messages cannot be read, written or used.
    #[error("{0}")]
    Messages(#[from] MessagesError),
    /// There is no account to send from.
    #[error("{0}")]
    Account(#[from] AccountError),
    /// A node cannot be used.
    #[error("{0}")]
    Node(RpcError),
    /// The chain does not do what it is asked for.
    #[error("cannot {what}: {}{}", refusal::explain(.source), chain_advice(.source))]
    Chain {
        /// What was tried.
        what: String,
        /// Why not.
        source: ChainError,
    },
    /// What is on the chain does not allow what was asked for.
    #[error("{0}")]
    OnChain(String),
    /// People could not sign up with the gatekeeper, or not yet.
    #[error("{0}")]
    Gatekeeper(#[from] GatekeeperError),
    /// The standard output cannot be written.
    #[error("cannot write the result: {0}")]
    Stdout(#[source] io::Error),
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
    /// Somebody asked to stop.
    #[error("interrupted; {0}")]
    Interrupted(String),
    /// The program contradicts itself.
    #[error("internal error: {0}; please report this")]
    Internal(String),
}

impl Failure {
    /// What kind of failure it is.
    pub fn kind(&self) -> Kind {
        match self {
            Failure::Usage(_) | Failure::Shape(_) | Failure::Ballot(_) => Kind::Usage,
            Failure::Messages(error) => messages_kind(error),
            Failure::Log { source, .. } if matches!(source.kind, LogErrorKind::Io(_)) => Kind::Io,
            Failure::Key(KeyFault::Unwritable { .. }) => Kind::Io,
            Failure::Key(_)
            | Failure::LogFile { .. }
            | Failure::Log { .. }
            | Failure::LogChanged { .. } => Kind::Input,
            Failure::WrongKey { .. } | Failure::WrongPollKey { .. } => Kind::WrongKey,
            Failure::Setup(error) => setup_kind(error),
            Failure::OtherParameters(_) | Failure::Insecure(_) | Failure::InsecureKeys(_) => {
                Kind::Parameters
            }
            Failure::Checkpoint { source, .. } => checkpoint_kind(source),
            Failure::ForeignCheckpoint { .. } => Kind::Checkpoint,
            Failure::ProofFile { source, .. } => proof_file_kind(source),
            Failure::Proof { source, .. } => proof_kind(source),
            Failure::Keys { source } => keys_kind(source),
            Failure::OtherLog(_) | Failure::Decider { .. } => Kind::Proof,
            Failure::Stdout(_) | Failure::Io { .. } => Kind::Io,
            Failure::PollFile(error) => poll_file_kind(error),
            Failure::Account(_) => Kind::Input,
            Failure::Node(RpcError::Interrupted) => Kind::Interrupted,
            Failure::Chain { source, .. } if *source == ChainError::Interrupted => {
                Kind::Interrupted
            }
            Failure::Node(_)
            | Failure::Chain { .. }
            | Failure::OnChain(_)
            | Failure::Gatekeeper(_) => Kind::Chain,
            Failure::Interrupted(_) => Kind::Interrupted,
            Failure::Internal(_) => Kind::Internal,
        }
    }
}

/// Arguments that do not fit what they name.
pub fn usage<T>(text: impl Into<String>) -> Result<T, Failure> {
    Err(Failure::Usage(text.into()))
}

/// Names what was tried on a chain in the error that came of it.
pub fn on_chain(what: impl Into<String>) -> impl FnOnce(ChainError) -> Failure {
    let what = what.into();
    move |source| Failure::Chain { what, source }
}

/// The same for what is read, in a contract's logs.
pub fn reading(what: &'static str) -> impl Fn(ChainError) -> Failure {
    move |error| on_chain(format!("read the {what}"))(error)
}

/// What helps against a chain that does not do as it is asked.
fn chain_advice(error: &ChainError) -> &'static str {
    match error {
        ChainError::Transport(_) => "; nothing was lost, run the same command again",
        ChainError::Undecided { .. } => {
            "; look it up before running the command again, which may send another"
        }
        ChainError::Overdue { .. } => {
            "; look it up before running the command again, which sends another"
        }
        ChainError::Interrupted => "; nothing was sent",
        _ => "",
    }
}

fn poll_file_kind(error: &PollFileError) -> Kind {
    match error {
        PollFileError::Io { source, .. } if source.kind() == io::ErrorKind::NotFound => Kind::Input,
        PollFileError::Io { .. } => Kind::Io,
        PollFileError::Exists(_) | PollFileError::NoPoll(_) => Kind::Usage,
        _ => Kind::Input,
    }
}

fn messages_kind(error: &MessagesError) -> Kind {
    match error {
        MessagesError::Io { source, .. } if source.kind() == io::ErrorKind::NotFound => Kind::Input,
        MessagesError::Io { .. } => Kind::Io,
        MessagesError::Exists(_) => Kind::Usage,
        MessagesError::Line { .. } | MessagesError::Empty(_) => Kind::Input,
    }
}

fn setup_kind(error: &SetupError) -> Kind {
    match error {
        SetupError::Io(_) => Kind::Io,
        SetupError::Ptau { .. } => Kind::Parameters,
        SetupError::Library(_) => Kind::Internal,
    }
}

fn keys_kind(error: &KeyCacheError) -> Kind {
    match error {
        KeyCacheError::NoFolder | KeyCacheError::Exposed { .. } | KeyCacheError::Io { .. } => {
            Kind::Io
        }
        KeyCacheError::Insecure => Kind::Parameters,
        KeyCacheError::Setup(_) => Kind::Internal,
    }
}

/// What helps against a cache that gives no keys.
fn keys_advice(error: &KeyCacheError) -> &'static str {
    match error {
        KeyCacheError::Exposed { .. } => {
            "; chown it to yourself and chmod go-w it, or name another folder in MACI_NOVA_CACHE"
        }
        KeyCacheError::Io { .. } => "; the folder can be set with MACI_NOVA_CACHE",
        KeyCacheError::Insecure => ": --production refuses it, and no ceremony makes others yet",
        _ => "",
    }
}

fn checkpoint_kind(error: &CheckpointError) -> Kind {
    match error {
        CheckpointError::Io(_) | CheckpointError::DiskFull(_) => Kind::Io,
        CheckpointError::ApplicationSize(_)
        | CheckpointError::ProofParameters
        | CheckpointError::Encoding(_) => Kind::Internal,
        _ => Kind::Checkpoint,
    }
}

/// What helps against a proof file that cannot be read or written.
fn proof_file_advice(error: &ProofFileError) -> &'static str {
    match error {
        ProofFileError::Io(error) if error.kind() == io::ErrorKind::NotFound => {
            "; give the directory or the file that prove wrote"
        }
        ProofFileError::Io(_) => "; if prove was writing it, go on with --resume",
        _ => "",
    }
}

/// What helps against a checkpoint that cannot be used or written.
fn checkpoint_advice(error: &CheckpointError) -> &'static str {
    match checkpoint_kind(error) {
        Kind::Io => "; the last one is unchanged: make room and go on with --resume (a poll on a chain needs no flag)",
        Kind::Checkpoint => {
            "; use the arguments and the log that it was made with, or start over in another --out"
        }
        _ => "",
    }
}

fn proof_file_kind(error: &ProofFileError) -> Kind {
    match error {
        ProofFileError::Io(error) if error.kind() == io::ErrorKind::NotFound => Kind::Input,
        ProofFileError::Io(_) => Kind::Io,
        _ => Kind::Proof,
    }
}

/// Parameters that differ are the verifier's affair as often as the proof's.
fn proof_kind(error: &VerifyError) -> Kind {
    match error {
        VerifyError::OtherParameters { .. }
        | VerifyError::OtherShape { .. }
        | VerifyError::OtherSetup { .. } => Kind::Parameters,
        _ => Kind::Proof,
    }
}
