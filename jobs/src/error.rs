//! Why nothing came of what a broker was asked for.

use std::io;

use crate::address::BrokerUrlError;
use crate::private::PrivateFileError;
use crate::seal::JobId;

/// Why nothing came of what a broker was asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BrokerError {
    /// Its address is wrong.
    #[error(transparent)]
    Url(#[from] BrokerUrlError),
    /// The file of credentials cannot be used.
    #[error("credentials: {0}")]
    Credentials(#[from] PrivateFileError),
    /// The file of certificates cannot be used.
    #[error("certificates: {0}")]
    Certificate(io::Error),
    /// This machine starts no threads.
    #[error("cannot start threads: {0}")]
    Threads(io::Error),
    /// It cannot be reached, or did not answer in time.
    #[error("{broker} is away: {reason}")]
    Away {
        /// Where it should be.
        broker: String,
        /// What happened.
        reason: String,
    },
    /// It does not let this program in.
    #[error("{broker} refuses to serve this program ({reason}): does it want credentials?")]
    Refused {
        /// Where it is.
        broker: String,
        /// Its words.
        reason: String,
    },
    /// No encrypted connection comes about.
    #[error("no TLS with {broker}: {reason}")]
    Tls {
        /// Where it is.
        broker: String,
        /// Why.
        reason: String,
    },
    /// It keeps nothing.
    #[error("{broker} has no JetStream: add `jetstream {{ store_dir: \"/var/lib/nats\" }}` to its configuration, for this account too")]
    NoJetStream {
        /// Where it is.
        broker: String,
    },
    /// It is too old.
    #[error("{broker} runs NATS {version}; 2.9 or newer is needed")]
    TooOld {
        /// Where it is.
        broker: String,
        /// What it runs.
        version: String,
    },
    /// Something else has made a stream of this name, with other properties.
    #[error("the stream {stream} was made by something else: {reason}. Delete it, or use another broker or account")]
    OtherStream {
        /// Its name.
        stream: &'static str,
        /// What differs.
        reason: String,
    },
    /// It is there, and does not do what it is asked for.
    #[error("{broker} cannot {action}: {reason}")]
    Unable {
        /// Where it is.
        broker: String,
        /// What it should do.
        action: &'static str,
        /// Its words.
        reason: String,
    },
    /// More than is taken.
    #[error("{what} of {bytes} bytes, and at most {most} are taken")]
    TooLarge {
        /// What it is.
        what: &'static str,
        /// Its size.
        bytes: u64,
        /// The limit.
        most: u64,
    },
    /// The broker has lost what the job consists of. The driver puts it there again.
    #[error("job {job} is announced and not there, or not all of it: {reason}")]
    NoJob {
        /// The job.
        job: JobId,
        /// What is missing.
        reason: String,
    },
}

impl BrokerError {
    /// Whether the same call may succeed later without anybody changing files or options: a caller
    /// can go on without the broker, and try again.
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            BrokerError::Away { .. } | BrokerError::Unable { .. } | BrokerError::NoJob { .. }
        )
    }
}
