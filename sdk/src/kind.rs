//! Kinds of errors.

/// What kind of error it is, for whoever acts on one: a supervisor, or a program's exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The library contradicts itself.
    Internal,
    /// What was asked for is wrong, or does not fit what it names.
    Request,
    /// A file that is missing or invalid.
    Input,
    /// Another key than the poll's.
    WrongKey,
    /// Parameters or proving keys that are missing, wrong or not allowed.
    Parameters,
    /// A checkpoint that cannot be used.
    Checkpoint,
    /// A proof that is not one, or not of this poll.
    Proof,
    /// Reading or writing failed.
    Io,
    /// Not now: a node is away, lags or bounds requests, or it is too early. The same may go well
    /// later, with nobody doing anything, and is safe to ask for again.
    Later,
    /// What the chain, a contract or a node refuses, and will until somebody does something.
    Chain,
    /// The observer asked to stop.
    Interrupted,
}

impl ErrorKind {
    /// Its name, as JSON, logs and metrics have it.
    pub fn name(self) -> &'static str {
        match self {
            ErrorKind::Internal => "internal",
            ErrorKind::Request => "usage",
            ErrorKind::Input => "input",
            ErrorKind::WrongKey => "wrong-key",
            ErrorKind::Parameters => "parameters",
            ErrorKind::Checkpoint => "checkpoint",
            ErrorKind::Proof => "proof",
            ErrorKind::Io => "io",
            ErrorKind::Later => "later",
            ErrorKind::Chain => "chain",
            ErrorKind::Interrupted => "interrupted",
        }
    }
}
