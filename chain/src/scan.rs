//! Logs of a contract from its first block to the newest one, so many blocks at a time.

use alloy_primitives::{Address, B256};
use serde::{Deserialize, Serialize};

use crate::{BlockId, Chain, ChainError, Log, Observer, Stage};

/// Blocks that are asked for at once.
const BLOCKS: u64 = 10_000;

/// Where a contract is, and since when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Contract {
    /// Its address; not zero. Written with its checksum (EIP-55), which must be right if there is
    /// one.
    #[serde(with = "crate::checksummed")]
    pub address: Address,
    /// The block that it was deployed in: it has no events before.
    pub first_block: u64,
}

/// Which logs are read.
#[derive(Debug)]
pub struct Scan<'a> {
    /// Whose, and since when.
    pub contract: Contract,
    /// The values that each topic may have, as for [`Chain::logs`].
    pub topics: &'a [Vec<B256>],
    /// What is read, for whoever watches.
    pub what: &'static str,
    /// Who watches.
    pub observer: &'a dyn Observer,
}

impl Scan<'_> {
    /// Shows every log to `visit`, in their order.
    ///
    /// # Errors
    /// What the chain fails with, made an `E` by `failed`, and what `visit` returns.
    pub fn each<C: Chain + ?Sized, E>(
        &self,
        chain: &C,
        failed: impl Fn(ChainError) -> E,
        mut visit: impl FnMut(&Log) -> Result<(), E>,
    ) -> Result<(), E> {
        let Contract {
            address,
            first_block: first,
        } = self.contract;
        let newest = chain.block(BlockId::Latest).map_err(&failed)?.number;
        let blocks = newest.saturating_add(1).saturating_sub(first);
        let mut progress = self.observer.begin(Stage::Counted {
            label: self.what,
            unit: "blocks",
            done: 0,
            total: blocks,
        });
        let mut from = first;
        while from <= newest && from < u64::MAX {
            let to = newest.min(from.saturating_add(BLOCKS - 1));
            let logs = chain.logs(address, from, to, self.topics);
            logs.map_err(&failed)?.iter().try_for_each(&mut visit)?;
            progress.at(to - first);
            from = to.saturating_add(1);
        }
        Ok(())
    }
}
