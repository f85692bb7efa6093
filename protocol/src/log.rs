//! The poll log: a poll's header and events as JSON Lines, one object a line, field elements as
//! decimal strings.
//!
//! ```text
//! {"kind":"poll","version":3,"pollId":"0","coordinatorPublicKey":[x,y],"voteOptions":23,"mode":"quadratic","signedWithin":75,"stateTreeDepth":4,"voteOptionTreeDepth":2}
//! {"kind":"join","publicKey":[x,y],"voiceCredits":"100"}
//! {"kind":"message","data":[10 elements],"encryptionPublicKey":[x,y],"anchor":"1234"}
//! {"kind":"topUp","stateIndex":"1","amount":"50"}
//! {"kind":"bundle","messages":2,"inner":"5678"}
//! {"kind":"message","data":[10 elements],"encryptionPublicKey":[x,y],"anchor":"1234"}
//! {"kind":"message","data":[10 elements],"encryptionPublicKey":[x,y],"anchor":"1234"}
//! ```
//!
//! The header comes first; joins and messages follow in order of arrival and may interleave. A key
//! twice, an unknown key, a missing key, a number in another form, all are errors: a log has one
//! meaning or none.
//!
//! `signedWithin` is a number of blocks, 0 for a poll without anchors, in which every message's
//! `anchor` is `"0"`; in the others none is. Logs of version 1 have neither, and are read as
//! without anchors.
//!
//! The `messages` lines after a `bundle` are its messages; `inner` is the end of the bundle's own
//! chain. Logs of versions 1 and 2 have no bundles.

mod facts;
mod fingerprint;
mod index;
mod object;
mod reader;
mod record;
mod writer;

pub use facts::{FactError, PublicFacts};
pub use index::{Joins, LogIndex, LoggedMessage, MessagesReversed};
pub use reader::{LogReader, MessageReader, MAX_LINE_LENGTH};
pub use record::{Record, SignedMessage, Version};
pub use writer::LogWriter;

use crate::bundle::BundleSize;
use crate::field::FieldError;
use crate::poll::HeaderError;
use std::io;

/// A line of a log that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("line {line}: {kind}")]
pub struct LogError {
    /// The line's number, from 1.
    pub line: u64,
    /// What is wrong with it.
    #[source]
    pub kind: LogErrorKind,
}

/// What is wrong with a line of a log.
#[derive(Debug, thiserror::Error)]
pub enum LogErrorKind {
    /// Reading or writing failed.
    #[error("the log cannot be read or written: {0}")]
    Io(#[from] io::Error),
    /// The line is longer than [`MAX_LINE_LENGTH`] bytes.
    #[error("the line is longer than {MAX_LINE_LENGTH} bytes")]
    LineTooLong,
    /// The last line ends in the middle of its object.
    #[error("the last line is truncated")]
    Truncated,
    /// The line is not one JSON object in UTF-8 whose values are strings, numbers and lists of
    /// strings.
    #[error("not a JSON object of strings, numbers and lists of strings: {0}")]
    Json(String),
    /// The kind is none of `poll`, `join`, `message`, `topUp`, `bundle`, or not one of the log's
    /// version.
    #[error("unknown kind \"{0}\"")]
    UnknownKind(String),
    /// A key is there twice.
    #[error("the field \"{0}\" is there twice")]
    DuplicateField(String),
    /// A key is not one of the kind's.
    #[error("unknown field \"{0}\"")]
    UnknownField(String),
    /// One of the kind's keys is missing.
    #[error("the field \"{0}\" is missing")]
    MissingField(&'static str),
    /// A value is a string where a number belongs, or the like.
    #[error("the field \"{field}\" is not {expected}")]
    WrongType {
        /// The value's key.
        field: &'static str,
        /// What belongs there.
        expected: &'static str,
    },
    /// A list has another length.
    #[error("the field \"{field}\" has {found} elements, not {expected}")]
    WrongLength {
        /// The list's key.
        field: &'static str,
        /// The length that it has to have.
        expected: usize,
        /// The length that it has.
        found: usize,
    },
    /// A string is not a canonical field element.
    #[error("the field \"{field}\" is not a canonical field element: {reason}")]
    Element {
        /// The value's key.
        field: &'static str,
        /// Why it is none.
        reason: FieldError,
    },
    /// A number is too large for its place.
    #[error("the number in the field \"{0}\" is out of range")]
    Number(&'static str),
    /// The header's version is not 1 to 3.
    #[error("version {0} of the poll log is not supported, only 1 to 3")]
    Version(u64),
    /// The mode is not one of the log's version.
    #[error("the mode \"{0}\" is not one that the log's version has")]
    Mode(String),
    /// The header is not that of a poll.
    #[error("{0}")]
    Header(HeaderError),
    /// The log is empty.
    #[error("the log has no poll header")]
    HeaderMissing,
    /// The first line is not the header.
    #[error("the poll header is not the first line")]
    HeaderNotFirst,
    /// There is a second header.
    #[error("there is a second poll header")]
    HeaderDuplicated,
    /// A bundle has no messages, or too many.
    #[error("{0}")]
    Bundle(BundleSize),
    /// A line of a bundle is not a message's, or is missing.
    #[error("the bundle has {expected} messages, and only {found} follow it")]
    BundleCut {
        /// Messages that the bundle says it has.
        expected: usize,
        /// Messages that follow it.
        found: usize,
    },
    /// The messages of a bundle do not come to what it says.
    #[error("the bundle's messages do not come to its \"inner\"")]
    BundleInner,
    /// The record cannot be added to the poll.
    #[error("{0}")]
    Fact(FactError),
    /// The log is not the one that was indexed.
    #[error("the log changed while it was in use")]
    Changed,
}
