//! What the relayer's two threads share.

use std::panic::{catch_unwind, AssertUnwindSafe};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use maci_nova_chain::{Contract, Notice, Observer, RpcUrl};
use maci_nova_contracts::alloy_primitives::U256;
use maci_nova_node::{Account, Options, RetryPolicy, RpcChain, RpcError};
use maci_nova_sdk::poll::file::PollFile;
use maci_nova_sdk::poll::keys::KeyPolicy;
use maci_nova_sdk::{Error as PollError, ErrorKind};
use tracing::{debug, info, warn};

use super::intake::{Intake, Trouble};
use crate::logs::Redaction;
use crate::metrics::{self as names, Metrics};
use crate::node::kind_of;
use crate::stop::{lock, Stop};

/// Which of a poll's troubles: of looking at it, and of sending.
pub(crate) const LOOK: usize = 0;
pub(crate) const SEND: usize = 1;

/// Tries of a look: whoever asks is told that the node is away.
const TRIES: u32 = 3;

/// A poll that is relayed.
#[derive(Debug)]
pub(crate) struct RelayedPoll {
    pub path: PathBuf,
    pub file: PollFile,
    pub contract: Contract,
    pub intake: Arc<Intake>,
}

/// How all polls are relayed.
#[derive(Debug)]
pub(crate) struct Office {
    pub url: RpcUrl,
    pub every: Duration,
    pub confirmations: u64,
    pub policy: KeyPolicy,
    pub account: Account,
    /// In wei.
    pub max_fee: U256,
    /// In wei.
    pub max_tip: U256,
    /// The relayer's folder.
    pub out: PathBuf,
    /// Where the bundles' proving key is; else in the cache.
    pub bundle_key: Option<PathBuf>,
    /// Whether joins are taken where they can be.
    pub joins: bool,
    pub polls: Vec<RelayedPoll>,
    pub redaction: Redaction,
    pub metrics: Arc<Metrics>,
    pub stop: Stop,
}

/// Why something about a poll was not done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error("{0}")]
    Poll(#[from] PollError),
    #[error("{0}")]
    Node(#[from] RpcError),
    /// The proving key of bundles, or a proof with it.
    #[error("the bundles' proving key cannot be used: {0}")]
    Key(#[from] maci_nova_sdk::bundle::proof::BundleProverError),
    /// A mistake in this program.
    #[error("the work on this poll has panicked")]
    Panic,
    /// Nothing can be written down.
    #[error("the relayer's journal cannot be written: {0}")]
    Journal(String),
}

impl Fault {
    pub(crate) fn kind(&self) -> ErrorKind {
        match self {
            Fault::Poll(error) => error.kind(),
            Fault::Node(error) => kind_of(error),
            Fault::Key(_) => ErrorKind::Parameters,
            Fault::Journal(_) => ErrorKind::Io,
            Fault::Panic => ErrorKind::Internal,
        }
    }
}

impl Office {
    /// Does something with the chain, to which there is a connection as long as all goes well.
    pub(crate) fn with_chain<T, E: Into<Fault>>(
        &self,
        kept: &mut Option<RpcChain>,
        sends: bool,
        work: impl FnOnce(&mut RpcChain) -> Result<T, E>,
    ) -> Result<T, Fault> {
        let mut chain = match kept.take() {
            Some(chain) => chain,
            None => self.connect(sends)?,
        };
        let done = catch_unwind(AssertUnwindSafe(|| work(&mut chain)));
        let done = done.map_err(|_| Fault::Panic)?.map_err(Into::into)?;
        *kept = Some(chain);
        Ok(done)
    }

    fn connect(&self, sends: bool) -> Result<RpcChain, RpcError> {
        let chain_id = self.polls.first().map(|poll| poll.file.chain_id);
        let observer = Arc::new(Watch {
            redaction: self.redaction.clone(),
            metrics: Arc::clone(&self.metrics),
            stop: self.stop.clone(),
        });
        let few = RetryPolicy {
            tries: TRIES,
            ..RetryPolicy::default()
        };
        let options = match sends {
            true => Options {
                accounts: vec![self.account.clone()],
                max_fee: self.max_fee,
                max_tip: self.max_tip,
                outbox: Some(self.out.join("relayer")),
                ..Options::default()
            },
            false => Options {
                patience: few,
                ..Options::default()
            },
        };
        let options = Options {
            chain_id,
            observer,
            ..options
        };
        RpcChain::connect(&self.url, options)
    }

    /// Shows what has gone wrong, or that it no longer does.
    pub(crate) fn note(&self, poll: &RelayedPoll, which: usize, done: Result<(), Fault>) {
        let mut shown = lock(&poll.intake.troubles[which]);
        let address = &poll.intake.address;
        match done {
            Ok(()) => {
                if shown.take().is_some() {
                    info!(poll = %address, "relaying goes on");
                }
            }
            Err(fault) if fault.kind() == ErrorKind::Interrupted => {}
            Err(fault) => {
                let text = self.redaction.apply(&fault.to_string());
                let is_new = shown.as_ref().is_none_or(|before| before.text != text);
                match is_new {
                    true => warn!(poll = %address, "relaying: {text}"),
                    false => debug!(poll = %address, "relaying: {text}"),
                }
                let kind = fault.kind();
                *shown = Some(Trouble { kind, text });
            }
        }
    }
}

/// What the relayer's work is watched by.
#[derive(Debug)]
pub(crate) struct Watch {
    redaction: Redaction,
    metrics: Arc<Metrics>,
    stop: Stop,
}

impl Observer for Watch {
    fn note(&self, text: &str) {
        info!("relaying: {}", self.redaction.apply(text));
    }

    fn warn(&self, text: &str) {
        warn!("relaying: {}", self.redaction.apply(text));
    }

    fn notice(&self, notice: &Notice) {
        match notice {
            Notice::Retrying { method, .. } => {
                let retries = self.metrics.counter(&names::RETRIES, &[method]);
                retries.increment(1);
            }
            Notice::Pending { .. } => return,
            _ => {}
        }
        debug!("relaying: {}", self.redaction.apply(&notice.to_string()));
    }

    fn interrupted(&self) -> bool {
        self.stop.asked()
    }
}
