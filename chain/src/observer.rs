//! Who is told what happens, and asked whether to go on: a terminal, a service's log, a page.

use std::fmt;
use std::time::Duration;

use alloy_primitives::{B256, U256};
use web_time::Instant;

use crate::words::{ether, rounded_up};

/// Told what happens, asked whether to go on. `()` ignores all and goes on.
pub trait Observer: Send + Sync {
    /// A line that is worth knowing, and can be left out.
    fn note(&self, text: &str) {
        let _ = text;
    }

    /// A line that must not be missed.
    fn warn(&self, text: &str) {
        let _ = text;
    }

    /// A node is waited for, or has taken something back. What has to be said in a line of its own
    /// comes as a note too.
    fn notice(&self, notice: &Notice) {
        let _ = notice;
    }

    /// Something begins that takes time. It ends when what is returned is dropped.
    fn stage(&self, stage: Stage) -> Box<dyn Progress> {
        let _ = stage;
        Box::new(())
    }

    /// Whether to give up at once. Asked several times a second while a node is waited for.
    fn interrupted(&self) -> bool {
        false
    }
}

impl Observer for () {}

impl dyn Observer + '_ {
    /// Begins a stage, whose time is taken.
    pub fn begin(&self, stage: Stage) -> Running {
        Running {
            started: Instant::now(),
            progress: self.stage(stage),
        }
    }
}

impl fmt::Debug for dyn Observer + '_ {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Observer")
    }
}

/// A stage that has begun. It ends when it is dropped.
pub struct Running {
    started: Instant,
    progress: Box<dyn Progress>,
}

impl Running {
    /// So many units of all are done.
    pub fn at(&mut self, done: u64) {
        self.progress.at(done);
    }

    /// Seconds since the start.
    pub fn finish(self) -> f64 {
        self.started.elapsed().as_secs_f64()
    }
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Running")
            .field("started", &self.started)
            .finish_non_exhaustive()
    }
}

/// Something that takes time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Nobody knows how long.
    Timed {
        /// What it is.
        label: &'static str,
    },
    /// A number of steps.
    Counted {
        /// What it is.
        label: &'static str,
        /// What is counted, in the plural.
        unit: &'static str,
        /// How many were done earlier.
        done: u64,
        /// How many there are.
        total: u64,
    },
}

/// How far a [`Stage`] has come.
pub trait Progress {
    /// So many units of all are done.
    fn at(&mut self, done: u64) {
        let _ = done;
    }
}

impl Progress for () {}

/// What happens with a node: why it is waited for, or what it has taken back. Shown as one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// A request failed and is tried again.
    Retrying {
        /// The JSON-RPC method.
        method: String,
        /// Why it failed.
        reason: String,
        /// Tries so far, at least 1.
        tries: u32,
        /// Time until the next.
        wait: Duration,
    },
    /// Earlier transactions of the account are in no block yet, the first of them with this nonce.
    Queued {
        /// The nonce.
        nonce: u64,
    },
    /// A transaction is about to be sent.
    Price {
        /// The gas that it may take.
        gas: u64,
        /// The most that this gas costs, in wei.
        most: U256,
        /// What the contract gets, in wei.
        value: U256,
    },
    /// The node recommends a higher tip than is paid.
    SmallerTip {
        /// What it recommends for a unit of gas, in wei.
        recommended: U256,
        /// What is paid.
        paid: U256,
    },
    /// A transaction is on its way.
    Sent {
        /// The transaction.
        hash: B256,
    },
    /// A transaction is not in a block yet. Comes with every look at the chain.
    Pending {
        /// The transaction.
        hash: B256,
        /// Time since it was sent.
        waited: Duration,
    },
    /// A node refused logs of so many blocks at once; fewer are asked for.
    SmallerRange {
        /// Blocks of the next request.
        blocks: u64,
    },
    /// Blocks that were read are no more.
    Reorganised,
    /// The node leaves out events before this block.
    LeftOut {
        /// The block.
        block: u64,
    },
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Notice::Retrying {
                method,
                reason,
                tries,
                wait,
            } => write!(
                f,
                "{method} failed ({reason}); try {} in {:.1} s",
                tries.saturating_add(1),
                wait.as_secs_f64()
            ),
            Notice::Queued { nonce } => write!(
                f,
                "a transaction of this account waits with nonce {nonce}, and what is sent now waits for it; replace it with your wallet if it does not get into a block"
            ),
            Notice::Price { gas, most, value } => {
                let most = ether(rounded_up(*most));
                write!(f, "sending: at most {most} for {gas} gas")?;
                match value.is_zero() {
                    true => Ok(()),
                    false => write!(f, ", and {} to the contract", ether(*value)),
                }
            }
            Notice::SmallerTip { recommended, paid } => write!(
                f,
                "the node recommends a tip of {} for a unit of gas, and {} is paid; with too little the transaction waits, or the node refuses it",
                ether(*recommended),
                ether(*paid)
            ),
            Notice::Sent { hash } => write!(f, "transaction {hash} sent"),
            Notice::Pending { hash, waited } => {
                write!(f, "waiting for {hash} for {} s", waited.as_secs())
            }
            Notice::SmallerRange { blocks } => {
                write!(f, "the node refuses; asking for logs of {blocks} blocks")
            }
            Notice::Reorganised => {
                f.write_str("the chain was reorganised: reading again what has changed")
            }
            Notice::LeftOut { block } => {
                write!(f, "the node leaves out events before block {block}")
            }
        }
    }
}
