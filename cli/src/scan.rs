//! Logs of a contract from its first block to the newest one, so many blocks at a time.

use maci_nova_contracts::alloy_primitives::B256;
use maci_nova_contracts::chain::{BlockId, Chain, Log};

use crate::console::Console;
use crate::failure::{on_chain, Failure};
use crate::poll_file::Contract;
use crate::progress::Progress;

/// Blocks that are asked for at once.
const BLOCKS: u64 = 10_000;

/// Which logs are read.
#[derive(Debug)]
pub struct Scan<'a> {
    /// Whose, and since when.
    pub contract: Contract,
    /// The values that each topic may have, as for [`Chain::logs`].
    pub topics: &'a [Vec<B256>],
    /// What is read: completes "cannot read the ...".
    pub what: &'static str,
    /// Where progress is shown.
    pub console: &'a Console,
}

impl Scan<'_> {
    /// Shows every log to `visit`, in their order.
    pub fn each<C: Chain + ?Sized>(
        &self,
        chain: &C,
        mut visit: impl FnMut(&Log) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let failed = || on_chain(format!("read the {}", self.what));
        let Contract {
            address,
            first_block: first,
        } = self.contract;
        let newest = chain.block(BlockId::Latest).map_err(failed())?.number;
        let blocks = newest.saturating_add(1).saturating_sub(first);
        let mut progress = Progress::counted(self.console, self.what, "blocks", 0, blocks);
        let mut from = first;
        while from <= newest && from < u64::MAX {
            let to = newest.min(from.saturating_add(BLOCKS - 1));
            let logs = chain.logs(address, from, to, self.topics);
            logs.map_err(failed())?.iter().try_for_each(&mut visit)?;
            progress.at(to - first);
            from = to.saturating_add(1);
        }
        Ok(())
    }
}
