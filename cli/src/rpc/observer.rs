//! What happens while a node is waited for, for whoever shows it; and when to stop waiting.

use std::fmt;
use std::time::Duration;

use maci_nova_contracts::alloy_primitives::B256;

/// Told about waits, asked whether to go on. `()` ignores all and goes on.
pub trait Observer: Send + Sync {
    /// Something that takes time.
    fn notice(&self, notice: &Notice) {
        let _ = notice;
    }

    /// Whether to give up at once, with [`RpcError::Interrupted`](super::RpcError::Interrupted).
    /// Asked several times a second.
    fn interrupted(&self) -> bool {
        false
    }
}

impl Observer for () {}

/// Something that takes time. Shown as one line.
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
            Notice::Sent { hash } => write!(f, "transaction {hash} sent"),
            Notice::Pending { hash, waited } => {
                write!(f, "waiting for {hash} for {} s", waited.as_secs())
            }
            Notice::SmallerRange { blocks } => {
                write!(f, "the node refuses; asking for logs of {blocks} blocks")
            }
        }
    }
}
