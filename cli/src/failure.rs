//! Everything that can go wrong, with its exit code and a line that says what to do.

use std::fmt;
use std::io;
use std::path::PathBuf;

use maci_nova_compressor::ProofFileError;
use maci_nova_coordinator::{Error as CoordinatorError, Kept};
use maci_nova_groth16::KeyCacheError;
use maci_nova_node::{AccountError, RpcError};
use maci_nova_sdk::poll::file::PollFileError;
use maci_nova_sdk::voter::ballot::BallotError;
use maci_nova_sdk::voter::messages_file::MessagesError;
use maci_nova_sdk::{Error as PollError, ErrorKind, Hint};
use maci_nova_service::Error as ServiceError;
use maci_nova_step_circuit::ShapeError;

use crate::advice;
use crate::key::{KeyFault, ENVIRONMENT};
use crate::relayer::RelayError;

/// The process's exit code for each kind of failure.
pub fn exit_code(kind: ErrorKind) -> u8 {
    match kind {
        ErrorKind::Internal => 1,
        ErrorKind::Request => 2,
        ErrorKind::Input => 3,
        ErrorKind::WrongKey => 4,
        ErrorKind::Parameters => 5,
        ErrorKind::Checkpoint => 6,
        ErrorKind::Proof => 7,
        ErrorKind::Io => 8,
        ErrorKind::Later => 9,
        ErrorKind::Chain => 10,
        ErrorKind::Interrupted => 130,
    }
}

/// Why a command failed. Each message is one line that ends in what to do, where something can be
/// done.
#[derive(Debug)]
pub enum Failure {
    /// The arguments do not fit each other, or what they name.
    Usage(String),
    /// A file is missing, or what it holds is invalid.
    Input(String),
    /// There is no key.
    Key(KeyFault),
    /// The development setup where only secure ones are allowed.
    Insecure(&'static str),
    /// There is no account to send from.
    Account(AccountError),
    /// A node cannot be used.
    Node(RpcError),
    /// Something with a poll on its chain.
    Poll(PollError),
    /// Following, folding, proving or finalizing a poll.
    Coordinator(CoordinatorError),
    /// The service cannot start.
    Service(ServiceError),
    /// A relayer does not do what it is asked for.
    Relayer(RelayError),
    /// A relayer did not publish the messages of this file.
    Unrelayed {
        /// Why, as far as is known.
        error: RelayError,
        /// Where they are.
        messages: PathBuf,
    },
    /// Measuring, or writing what was measured.
    Bench(maci_nova_bench::Error),
    /// The standard output cannot be written.
    Stdout(io::Error),
    /// A file or directory cannot be read, written or made.
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// So many things are missing for a poll in production, the first of this kind; or not looked at.
    NotReady {
        /// As a command would end that needs the first one.
        kind: ErrorKind,
        /// How many.
        lacking: usize,
    },
    /// So many things of a configuration do not fit, the first of this kind.
    Unfit {
        /// As a command would end that needs the first one.
        kind: ErrorKind,
        /// How many.
        lacking: usize,
    },
    /// Interrupted, and what that means.
    Interrupted(&'static str),
    /// The program contradicts itself.
    Internal(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Usage(text) | Failure::Input(text) => f.write_str(text),
            Failure::Key(error) => write!(f, "{error}"),
            Failure::Insecure(what) => write!(f, "{what}: {}", advice::INSECURE),
            Failure::Account(error) => write!(f, "{error}"),
            Failure::Node(error) => write!(f, "{error}"),
            Failure::Poll(error) => write!(f, "{}{error}{}", flag_of(error), poll_advice(error)),
            Failure::Coordinator(error) => {
                write!(f, "{error}{}", coordinator_advice(error))
            }
            Failure::Service(error) => write!(f, "{error}{}", service_advice(error)),
            Failure::Relayer(error) => write!(f, "{error}"),
            Failure::Unrelayed { error, messages } => write!(
                f,
                "{error}; publish --messages {} publishes the same with an account of yours, as long as they are taken (status --messages tells whether the poll has them): only then sign others",
                messages.display()
            ),
            Failure::Bench(error @ maci_nova_bench::Error::Interrupted { .. }) => {
                write!(f, "interrupted; {error}; run the same command to resume")
            }
            Failure::Bench(error) => write!(f, "{error}"),
            Failure::Stdout(error) => write!(f, "cannot write the result: {error}"),
            Failure::Io {
                action,
                path,
                source,
            } => write!(f, "cannot {action} {}: {source}", path.display()),
            Failure::NotReady { lacking: 0, .. } => {
                f.write_str("not everything was looked at: name what is unknown")
            }
            Failure::NotReady { lacking, .. } => {
                write!(f, "not ready for production: {lacking} missing, as listed")
            }
            Failure::Unfit { lacking, .. } => {
                write!(
                    f,
                    "the configuration does not fit: {lacking} wrong, as listed"
                )
            }
            Failure::Interrupted(text) => write!(f, "interrupted; {text}"),
            Failure::Internal(text) => {
                write!(f, "internal error: {text}; please report this")
            }
        }
    }
}

impl std::error::Error for Failure {}

impl Failure {
    /// What kind of failure it is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Failure::Usage(_) => ErrorKind::Request,
            Failure::Key(KeyFault::Unwritable { .. }) => ErrorKind::Io,
            Failure::Input(_) | Failure::Key(_) | Failure::Account(_) => ErrorKind::Input,
            Failure::Insecure(_) => ErrorKind::Parameters,
            Failure::Node(RpcError::Interrupted) => ErrorKind::Interrupted,
            Failure::Node(error) if error.is_for_now() => ErrorKind::Later,
            Failure::Node(_) => ErrorKind::Chain,
            Failure::Poll(error) => error.kind(),
            Failure::Coordinator(error) => error.kind(),
            Failure::Service(error) => error.kind(),
            Failure::Bench(error) => error.kind(),
            Failure::Stdout(_) | Failure::Io { .. } => ErrorKind::Io,
            Failure::NotReady { kind, .. } | Failure::Unfit { kind, .. } => *kind,
            Failure::Relayer(error) | Failure::Unrelayed { error, .. } => error.kind(),
            Failure::Interrupted(_) => ErrorKind::Interrupted,
            Failure::Internal(_) => ErrorKind::Internal,
        }
    }
}

impl From<KeyFault> for Failure {
    fn from(error: KeyFault) -> Self {
        Failure::Key(error)
    }
}

impl From<AccountError> for Failure {
    fn from(error: AccountError) -> Self {
        Failure::Account(error)
    }
}

impl From<RelayError> for Failure {
    fn from(error: RelayError) -> Self {
        Failure::Relayer(error)
    }
}

impl From<PollError> for Failure {
    fn from(error: PollError) -> Self {
        Failure::Poll(error)
    }
}

impl From<ServiceError> for Failure {
    fn from(error: ServiceError) -> Self {
        match error {
            ServiceError::Coordinator(error) => error.into(),
            ServiceError::PollFile(error) => error.into(),
            other => Failure::Service(other),
        }
    }
}

impl From<maci_nova_bench::Error> for Failure {
    fn from(error: maci_nova_bench::Error) -> Self {
        Failure::Bench(error)
    }
}

impl From<CoordinatorError> for Failure {
    fn from(error: CoordinatorError) -> Self {
        match error {
            CoordinatorError::Poll(error) => Failure::Poll(error),
            other => Failure::Coordinator(other),
        }
    }
}

impl From<maci_nova_ceremony::Error> for Failure {
    fn from(error: maci_nova_ceremony::Error) -> Self {
        CoordinatorError::from(error).into()
    }
}

impl From<KeyCacheError> for Failure {
    fn from(error: KeyCacheError) -> Self {
        CoordinatorError::from(error).into()
    }
}

/// Errors that the SDK's error is made of.
macro_rules! from_parts {
    ($($part:ty),*) => {$(
        impl From<$part> for Failure {
            fn from(error: $part) -> Self {
                Failure::Poll(error.into())
            }
        }
    )*};
}

from_parts!(BallotError, MessagesError, PollFileError, ShapeError);

/// Settings are flags here.
fn flag_of(error: &PollError) -> &'static str {
    match error {
        PollError::Setting { .. } => "--",
        PollError::Hinted { error, .. } => flag_of(error),
        _ => "",
    }
}

/// What the command line can do about an error, as the end of its sentence.
fn poll_advice(error: &PollError) -> String {
    match error {
        PollError::Chain { source, .. } => advice::of_chain(source),
        PollError::InsecureKeys(_) => "; --production refuses it".into(),
        // It says what --production needs.
        PollError::Hinted {
            hint: hint @ Hint::KeyDigest,
            ..
        } => advice::of_hint(hint),
        PollError::Hinted { error, hint } => {
            format!("{}{}", advice::of_hint(hint), poll_advice(error))
        }
        PollError::Partly { error, .. } if error.kind() == ErrorKind::Interrupted => {
            poll_advice(error)
        }
        PollError::Price(price) => advice::of_price(price),
        PollError::PollFile(PollFileError::NoPoll(_)) => advice::of_hint(&Hint::CreatePoll),
        _ => String::new(),
    }
}

fn coordinator_advice(error: &CoordinatorError) -> String {
    match error {
        CoordinatorError::Poll(error) => poll_advice(error),
        CoordinatorError::WrongKey { .. } => {
            format!("; give the coordinator's key with --key-file or {ENVIRONMENT}")
        }
        CoordinatorError::NoPowersOfTau(_) => ": give that file with --ptau".into(),
        CoordinatorError::InsecureProof => advice::INSECURE_PROOF.into(),
        CoordinatorError::Keys(error) => keys_advice(error).into(),
        CoordinatorError::Checkpoint { .. } => checkpoint_advice(error.kind()).into(),
        CoordinatorError::ProofFile { source, .. } => proof_file_advice(source).into(),
        CoordinatorError::Decider { .. } => "; to prove again, give another --out".into(),
        CoordinatorError::Interrupted(kept) => resume_advice(kept).into(),
        _ => String::new(),
    }
}

fn service_advice(error: &ServiceError) -> &'static str {
    match error {
        ServiceError::Format { .. } | ServiceError::Config(_) => "; docs/serving.md has all of it",
        ServiceError::Listen { .. } => "; --listen names another address",
        _ => "",
    }
}

/// How to resume. A poll on a chain always is.
fn resume_advice(kept: &Kept) -> &'static str {
    match kept {
        Kept::HandedOn => "",
        Kept::Followed { .. } | Kept::Segments { .. } | Kept::Steps { of_chain: true, .. } => {
            "; run the same command to resume"
        }
        _ => "; run the same command with --resume",
    }
}

/// What helps against a cache that gives no keys.
fn keys_advice(error: &KeyCacheError) -> &'static str {
    match error {
        KeyCacheError::Exposed { .. } => {
            "; chown it to yourself and chmod go-w it, or name another folder in MACI_NOVA_CACHE"
        }
        KeyCacheError::Io { .. } => "; the folder can be set with MACI_NOVA_CACHE",
        KeyCacheError::Insecure => "; `ceremony finish` makes keys that --production takes",
        _ => "",
    }
}

/// What helps against a checkpoint that cannot be used or written.
fn checkpoint_advice(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Io => "; the last one is unchanged: make room and run it again with --resume (a poll on a chain needs no flag)",
        ErrorKind::Checkpoint => {
            "; use the arguments and the log that it was made with, or start over in another --out"
        }
        _ => "",
    }
}

/// What helps against a proof file that cannot be read or written.
fn proof_file_advice(error: &ProofFileError) -> &'static str {
    match error {
        ProofFileError::Io(error) if error.kind() == io::ErrorKind::NotFound => {
            "; give the directory or the file that prove wrote"
        }
        ProofFileError::Io(_) => "; if prove was writing it, run it again with --resume",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use maci_nova_chain::ChainError;
    use maci_nova_contracts::alloy_primitives::{Address, B256, U256};
    use maci_nova_contracts::alloy_sol_types::SolError;
    use maci_nova_contracts::bindings::Poll;
    use maci_nova_sdk::voter::price::PriceError;
    use maci_nova_sdk::Setting;

    use super::*;

    #[test]
    fn settings_are_flags_and_hints_end_the_sentence() {
        let setting = PollError::Setting {
            setting: Setting::CoordinatorKey,
            problem: "is not a point".into(),
        };
        let failure = Failure::from(setting.with_hint(Hint::MakeKey));
        assert_eq!(failure.kind(), ErrorKind::Request);
        let text = "--coordinator-key is not a point; make one with keygen";
        assert_eq!(failure.to_string(), text);
    }

    /// What a supervisor does depends on it: try again, or call somebody.
    #[test]
    fn now_and_never_have_their_codes() {
        let chain = |source| PollError::Chain {
            what: "vote".into(),
            source,
        };
        let transaction = B256::ZERO;
        let reason = String::new;
        let later = [
            PollError::NotNow("the node lags".into()),
            chain(ChainError::Transport(reason())),
            chain(ChainError::NotNow(reason())),
            chain(ChainError::UnknownBlock(1)),
            chain(ChainError::Overdue { transaction }),
            chain(ChainError::Undecided {
                transaction,
                reason: reason(),
            }),
            chain(reverted(Poll::PollNotStarted {}.abi_encode())),
        ];
        let never = [
            PollError::OnChain("it was aborted".into()),
            chain(ChainError::Invalid("insufficient funds".into())),
            chain(ChainError::Refused("unknown method".into())),
            chain(ChainError::Halted("out of gas".into())),
            chain(ChainError::NoContract(Address::ZERO)),
            chain(ChainError::UnknownAccount(Address::ZERO)),
            chain(ChainError::Earlier(reason())),
            chain(reverted(Poll::PollEnded {}.abi_encode())),
            chain(reverted(Vec::new())),
        ];
        for (errors, code, kind) in [(&later[..], 9, "later"), (&never[..], 10, "chain")] {
            for error in errors {
                assert_eq!(
                    (exit_code(error.kind()), error.kind().name()),
                    (code, kind),
                    "{error}"
                );
            }
        }
        let memory = |damaged| ChainError::Memory {
            reason: reason(),
            damaged,
        };
        for (error, code) in [
            (ChainError::Interrupted, 130),
            (ChainError::Left { transaction }, 130),
            (memory(true), 3),
            (memory(false), 8),
        ] {
            assert_eq!(exit_code(chain(error).kind()), code);
        }
        let wrong = RpcError::WrongChain {
            expected: 1,
            found: 2,
        };
        assert_eq!(exit_code(Failure::Node(wrong).kind()), 10);
    }

    fn reverted(data: Vec<u8>) -> ChainError {
        ChainError::Reverted {
            data: data.into(),
            gas_used: None,
        }
    }

    #[test]
    fn a_price_comes_with_the_flag_that_agrees_to_it() {
        let fee = PriceError::MessageFee {
            fee: U256::from(5),
            messages: 3,
            most: U256::ZERO,
        };
        let tokens = PriceError::Tokens {
            credits: 5,
            tokens: U256::from(50),
            token: Address::repeat_byte(9),
            most: U256::from(49),
        };
        for (price, flag) in [(fee, "--max-message-fee 5"), (tokens, "--max-tokens 50")] {
            let failure = Failure::from(PollError::from(price));
            assert_eq!(exit_code(failure.kind()), 2);
            assert!(failure.to_string().contains(flag), "{failure}");
        }
    }

    #[test]
    fn advice_comes_through_a_coordinators_error() {
        let unknown = PollError::InsecureKeys("it is not known which key is the ceremony's".into());
        let error = CoordinatorError::Poll(unknown.with_hint(Hint::KeyDigest));
        let failure = Failure::from(error);
        assert_eq!(exit_code(failure.kind()), 5);
        let text = "INSECURE: it is not known which key is the ceremony's; --production needs its digest, with --key-digest";
        assert_eq!(failure.to_string(), text);
    }

    #[test]
    fn who_resumes_is_told_whether_it_takes_a_flag() {
        let kept = |of_chain| Kept::Steps {
            done: 3,
            total: 9,
            checkpoint: "proof/running.checkpoint".into(),
            of_chain,
        };
        let text = |kept| Failure::from(CoordinatorError::Interrupted(kept)).to_string();
        let begin =
            "interrupted; 3 of 9 steps are kept in proof/running.checkpoint; run the same command";
        assert_eq!(text(kept(true)), format!("{begin} to resume"));
        assert_eq!(text(kept(false)), format!("{begin} with --resume"));
    }
}
