//! What comes of running an operation, as JSON.

use maci_nova_sdk::{Error, ErrorKind, Hint};
use serde::Serialize;
use serde_json::Value;

use crate::rehearsal::Need;
use crate::request::Transaction;

/// What comes of running an operation.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", tag = "outcome")]
pub enum Outcome {
    /// A node has to be asked.
    Read {
        /// The method of JSON-RPC.
        method: &'static str,
        /// Its parameters.
        params: Value,
    },
    /// A transaction has to be sent, and to be in a block.
    Send {
        /// What it is.
        transaction: Transaction,
    },
    /// It is done.
    Done {
        /// What came of it.
        value: Value,
    },
    /// It cannot be done.
    Failed {
        /// Why.
        error: Failure,
    },
}

impl Outcome {
    /// Of what is lacking.
    pub fn of_need(need: &Need) -> Self {
        match need {
            Need::Read(request) => Outcome::Read {
                method: request.method(),
                params: request.params(),
            },
            Need::Send(transaction) => Outcome::Send {
                transaction: transaction.clone(),
            },
        }
    }
}

/// Why something could not be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// What kind of error it is: a name of [`ErrorKind`].
    pub kind: &'static str,
    /// A sentence.
    pub message: String,
    /// What may help, if something is known: a name of [`Hint`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<&'static str>,
}

impl Failure {
    /// Something that was asked for is wrong.
    pub fn request(message: impl ToString) -> Self {
        Failure {
            kind: ErrorKind::Request.name(),
            message: message.to_string(),
            hint: None,
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure {
            kind: error.kind().name(),
            message: error.to_string(),
            hint: error.hint().and_then(name),
        }
    }
}

/// Those that somebody with a page can follow.
fn name(hint: &Hint) -> Option<&'static str> {
    match hint {
        Hint::OtherPollFile => Some("other-poll-file"),
        Hint::OtherNode => Some("other-node"),
        Hint::OtherNodeOrProof => Some("other-node-or-proof"),
        Hint::StateIndex => Some("state-index"),
        Hint::KeyOfJoin => Some("key-of-join"),
        Hint::Nonce => Some("nonce"),
        Hint::MinCredits => Some("min-credits"),
        Hint::VoteAgain => Some("vote-again"),
        Hint::JoinKey(_) => Some("join-key"),
        Hint::SignUp => Some("sign-up"),
        Hint::KeyDigest => Some("key-digest"),
        Hint::Proof => Some("proof"),
        _ => None,
    }
}
