//! Everything that can go wrong with a poll on a chain.

use std::io;
use std::path::PathBuf;

use maci_nova_chain::ChainError;
use maci_nova_contracts::alloy_primitives::B256;
use maci_nova_contracts::deploy::GatekeeperError;
use maci_nova_step_circuit::ShapeError;

use crate::hint::Hint;
use crate::kind::ErrorKind;
use crate::poll::file::PollFileError;
use crate::revert;
use crate::setting::Setting;
use crate::voter::ballot::BallotError;
use crate::voter::price::PriceError;

#[cfg(feature = "files")]
use crate::voter::messages_file::MessagesError;

/// Why something could not be done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// What was asked for is wrong, or does not fit what it names.
    #[error("{0}")]
    Request(String),
    /// A decision about a poll is wrong, or does not fit the chain.
    #[error("{setting} {problem}")]
    Setting {
        /// Which.
        setting: Setting,
        /// What is wrong, as the rest of a sentence.
        problem: String,
    },
    /// An error against which something may help.
    #[error("{error}")]
    Hinted {
        /// The error.
        error: Box<Error>,
        /// What may help.
        hint: Hint,
    },
    /// The sizes of a poll's trees are out of range.
    #[error("{0}")]
    Shape(#[from] ShapeError),
    /// A ballot is invalid.
    #[error("{0}")]
    Ballot(#[from] BallotError),
    /// A poll asks for more than was agreed to.
    #[error("{0}")]
    Price(#[from] PriceError),
    /// The voter at this state index joined with another key than the one that signs.
    #[error("the voter at state index {0} joined with another key than this one: messages are counted from the last to the first, so what this key signs counts only before a ballot that changes to it, never after")]
    SigningKey(u64),
    /// The poll file cannot be read, written or used.
    #[error("{0}")]
    PollFile(#[from] PollFileError),
    /// A file of messages cannot be read, written or used.
    #[cfg(feature = "files")]
    #[error("{0}")]
    Messages(#[from] MessagesError),
    /// The proving key of join proofs is missing, or not the deployment's.
    #[error("{0}")]
    JoinKey(String),
    /// The proving key of bundles is missing, or cannot be used.
    #[error("{0}")]
    BundleKey(String),
    /// Keys of one machine where only a ceremony's are allowed.
    #[error("INSECURE: {0}")]
    InsecureKeys(String),
    /// Other keys than those that were named.
    #[error("the verifiers' keys have digest {0}, not the one that was given")]
    OtherKeys(B256),
    /// The chain does not do what it is asked for.
    #[error("cannot {what}: {}", revert::explain(.source))]
    Chain {
        /// What was tried.
        what: String,
        /// Why not.
        source: ChainError,
    },
    /// What is on the chain does not allow what was asked for.
    #[error("{0}")]
    OnChain(String),
    /// The same for now: it is too early, or the node lags or leaves things out.
    #[error("{0}")]
    NotNow(String),
    /// Some of a ballot's messages are in the poll, and the others are not.
    #[error("{done} of {all} messages are in the poll and paid for, and do not count without the others: {error}; vote again, with the whole ballot")]
    Partly {
        /// So many are there.
        done: u64,
        /// Of so many.
        all: u64,
        /// What came between.
        error: Box<Error>,
    },
    /// People could not sign up with the gatekeeper, or not yet.
    #[error("{0}")]
    Gatekeeper(#[from] GatekeeperError),
    /// A file that was written here is not as it was written.
    #[error("{} is damaged: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
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
    /// The library contradicts itself.
    #[error("internal error: {0}; please report this")]
    Internal(String),
}

impl Error {
    /// What kind of error it is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Error::Request(_)
            | Error::Setting { .. }
            | Error::Shape(_)
            | Error::Ballot(_)
            | Error::Price(_) => ErrorKind::Request,
            Error::SigningKey(_) => ErrorKind::WrongKey,
            Error::Hinted { error, .. } => error.kind(),
            Error::PollFile(error) => error.kind(),
            #[cfg(feature = "files")]
            Error::Messages(error) => error.kind(),
            Error::JoinKey(_)
            | Error::BundleKey(_)
            | Error::InsecureKeys(_)
            | Error::OtherKeys(_) => ErrorKind::Parameters,
            Error::Chain {
                source: ChainError::Interrupted | ChainError::Left { .. },
                ..
            } => ErrorKind::Interrupted,
            Error::Chain {
                source: ChainError::Memory { damaged, .. },
                ..
            } => match damaged {
                true => ErrorKind::Input,
                false => ErrorKind::Io,
            },
            Error::NotNow(_) => ErrorKind::Later,
            Error::Chain { source, .. } if source.is_for_now() || revert::is_too_early(source) => {
                ErrorKind::Later
            }
            Error::Partly { error, .. } if error.kind() == ErrorKind::Interrupted => {
                ErrorKind::Interrupted
            }
            Error::Damaged { .. } => ErrorKind::Input,
            Error::Chain { .. }
            | Error::OnChain(_)
            | Error::Partly { .. }
            | Error::Gatekeeper(_) => ErrorKind::Chain,
            Error::Io { .. } => ErrorKind::Io,
            Error::Internal(_) => ErrorKind::Internal,
        }
    }

    /// The same with what may help.
    pub fn with_hint(self, hint: Hint) -> Self {
        Error::Hinted {
            error: Box::new(self),
            hint,
        }
    }

    /// What may help, if something is known.
    pub fn hint(&self) -> Option<&Hint> {
        match self {
            Error::Hinted { hint, .. } => Some(hint),
            _ => None,
        }
    }

    /// The error itself, for whoever looks at its variant.
    pub fn without_hint(&self) -> &Error {
        match self {
            Error::Hinted { error, .. } => error.without_hint(),
            other => other,
        }
    }

    /// An error inside a library that this one stands on.
    pub fn internal(error: impl std::fmt::Display) -> Self {
        Error::Internal(error.to_string())
    }
}

/// What was asked for is wrong, or does not fit what it names.
pub fn request<T>(text: impl Into<String>) -> Result<T, Error> {
    Err(Error::Request(text.into()))
}

/// A decision about a poll is wrong, or does not fit the chain.
pub fn setting<T>(setting: Setting, problem: impl Into<String>) -> Result<T, Error> {
    Err(Error::Setting {
        setting,
        problem: problem.into(),
    })
}

/// Names what was tried on a chain in the error that came of it.
pub fn on_chain(what: impl Into<String>) -> impl FnOnce(ChainError) -> Error {
    let what = what.into();
    move |source| Error::Chain { what, source }
}

/// The same for what is read, in a contract's logs.
pub fn reading(what: &'static str) -> impl Fn(ChainError) -> Error {
    move |error| on_chain(format!("read the {what}"))(error)
}
