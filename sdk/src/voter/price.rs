//! What a poll asks, in words.

use maci_nova_chain::words::{count, ether};
use maci_nova_contracts::alloy_primitives::{Address, U256};

/// What a poll asks, when it is more than the budget. Nothing was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PriceError {
    /// For messages and top-ups.
    #[error(
        "the poll asks a fee of {} for each message, {} for {}, and the most that was agreed to is {} for each",
        in_full(*fee),
        ether(fee.saturating_mul(U256::from(*messages))),
        count(*messages, "message"),
        ether(*most)
    )]
    MessageFee {
        /// For each.
        fee: U256,
        /// How many there are.
        messages: u64,
        /// The most for each.
        most: U256,
    },
    /// For credits.
    #[error("{credits} voice credits cost {tokens} of the poll's token {token}, in its smallest unit, and the most that was agreed to is {most}")]
    Tokens {
        /// How many.
        credits: u64,
        /// What they cost.
        tokens: U256,
        /// What pays.
        token: Address,
        /// The most for all.
        most: U256,
    },
}

/// An amount as people read it, and in wei, as it is agreed to.
fn in_full(wei: U256) -> String {
    let text = ether(wei);
    match text.ends_with(" wei") {
        true => text,
        false => format!("{text} ({wei} wei)"),
    }
}
