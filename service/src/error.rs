//! Why the service cannot start, or stops.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use maci_nova_sdk::ErrorKind;

/// Why the service cannot start. What goes wrong later is shown, and waited for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The configuration is not of its format. What it holds is not shown: it may be a secret.
    #[error("{}{}: {reason}", path.display(), line.map_or_else(String::new, |line| format!(", line {line}")))]
    Format {
        /// The file.
        path: PathBuf,
        /// Where.
        line: Option<usize>,
        /// Why.
        reason: String,
    },
    /// The configuration contradicts itself, or something is missing.
    #[error("{0}")]
    Config(String),
    /// A file cannot be read, or a thread or runtime not made.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A relayer's journal is not as it was written.
    #[error("relayer's journal {}, line {line}: {reason}", path.display())]
    Journal {
        /// The file.
        path: PathBuf,
        /// Where.
        line: u64,
        /// Why.
        reason: String,
    },
    /// The administrator's token is not one that can be used. The token itself is never shown.
    #[error("token file {}: {reason}", path.display())]
    Token {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: &'static str,
    },
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// A thread cannot be made.
    #[error("cannot start a thread: {0}")]
    Thread(io::Error),
    /// The directory of the service, or of a poll.
    #[error("{0}")]
    Coordinator(#[from] maci_nova_coordinator::Error),
    /// A poll file.
    #[error("{0}")]
    PollFile(#[from] maci_nova_sdk::poll::file::PollFileError),
}

impl Error {
    /// What kind of error it is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Error::Format { .. } | Error::Journal { .. } | Error::Token { .. } => ErrorKind::Input,
            Error::Config(_) => ErrorKind::Request,
            Error::Io { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                ErrorKind::Input
            }
            Error::Io { .. } | Error::Listen { .. } | Error::Thread(_) => ErrorKind::Io,
            Error::Coordinator(error) => error.kind(),
            Error::PollFile(error) => error.kind(),
        }
    }
}
