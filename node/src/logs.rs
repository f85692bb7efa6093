//! Logs in ranges of blocks that a node is willing to answer for.
//!
//! Providers bound the blocks, the logs or the bytes of one answer, each in its own words. So any
//! refusal halves the range, down to one block, and success lets it grow again.

use maci_nova_chain::alloy_primitives::{Address, B256};
use maci_nova_chain::refusal::GET_LOGS;
use maci_nova_chain::Log;

use crate::error::RpcError;
use crate::types::{alloy_address, alloy_hash, small};

/// Blocks of the largest request.
pub const LARGEST: u64 = 10_000;

/// Requests that must go well before more blocks are tried than were refused.
const PROBATION: u32 = 8;

/// How many blocks to ask for next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    blocks: u64,
    ceiling: u64,
    successes: u32,
}

impl Window {
    /// Starts with the most.
    pub fn new() -> Self {
        Window {
            blocks: LARGEST,
            ceiling: LARGEST,
            successes: 0,
        }
    }

    /// Blocks of the next request, at least 1.
    pub fn blocks(&self) -> u64 {
        self.blocks
    }

    /// The node answered.
    pub fn accepted(&mut self) {
        self.successes += 1;
        if self.successes >= PROBATION {
            self.successes = 0;
            self.ceiling = self.ceiling.saturating_mul(2).min(LARGEST);
        }
        self.blocks = self.blocks.saturating_mul(2).min(self.ceiling);
    }

    /// The node refused to answer for so many blocks: the next request is for half of them, and for
    /// some time none is for more.
    pub fn refused(&mut self, blocks: u64) {
        self.failed(blocks);
        self.ceiling = self.blocks;
        self.successes = 0;
    }

    /// No answer came for so many blocks. They may have been too many.
    pub fn failed(&mut self, blocks: u64) {
        self.blocks = (blocks / 2).max(1);
    }
}

/// What was asked for.
#[derive(Clone, Copy, Debug)]
pub struct Query<'a> {
    /// The contract.
    pub address: Address,
    /// The first block.
    pub from: u64,
    /// The last block.
    pub to: u64,
    /// Values that each topic may have; an empty list allows all.
    pub topics: &'a [Vec<B256>],
}

impl Query<'_> {
    /// The logs in their order, each of them what was asked for.
    pub fn read(&self, answer: Vec<ethers_core::types::Log>) -> Result<Vec<Log>, RpcError> {
        let logs: Option<Vec<Log>> = answer.into_iter().map(read).collect();
        let mut logs = logs.ok_or_else(|| nonsense("a log is removed, or of no block"))?;
        if !logs.iter().all(|log| self.contains(log)) {
            return Err(nonsense("a log that was not asked for"));
        }
        logs.sort_by_key(|log| (log.block_number, log.index));
        let pairs = || logs.iter().zip(logs.iter().skip(1));
        if pairs().any(|(a, b)| (a.block_number, a.index) == (b.block_number, b.index)) {
            return Err(nonsense("two logs at the same place"));
        }
        if pairs().any(|(a, b)| a.block_number == b.block_number && a.block_hash != b.block_hash) {
            return Err(nonsense("two hashes of one block"));
        }
        Ok(logs)
    }

    fn contains(&self, log: &Log) -> bool {
        let topics = self.topics.iter().enumerate();
        log.address == self.address
            && (self.from..=self.to).contains(&log.block_number)
            && topics.clone().all(|(i, allowed)| {
                allowed.is_empty()
                    || log
                        .topics
                        .get(i)
                        .is_some_and(|topic| allowed.contains(topic))
            })
    }
}

/// `None` for a log that a reorganisation removed, or that is not in a block.
pub fn read(log: ethers_core::types::Log) -> Option<Log> {
    if log.removed == Some(true) {
        return None;
    }
    Some(Log {
        address: alloy_address(log.address),
        topics: log.topics.into_iter().map(alloy_hash).collect(),
        data: log.data.0.into(),
        block_number: log.block_number?.as_u64(),
        block_hash: alloy_hash(log.block_hash?),
        transaction: alloy_hash(log.transaction_hash?),
        index: small(log.log_index?)?,
    })
}

fn nonsense(reason: &str) -> RpcError {
    RpcError::Nonsense {
        method: GET_LOGS,
        reason: reason.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use ethers_core::types::{Log as NodeLog, H160, H256};

    use super::*;

    #[test]
    fn a_window_shrinks_to_one_block_and_grows_again() {
        let mut window = Window::new();
        for _ in 0..20 {
            let blocks = window.blocks();
            window.refused(blocks);
        }
        assert_eq!(window.blocks(), 1);
        let mut requests = 0;
        while window.blocks() < LARGEST {
            window.accepted();
            requests += 1;
            assert!(requests < 1_000, "{window:?}");
        }
        assert_eq!(window, Window::new());
    }

    #[test]
    fn what_was_refused_is_not_tried_at_once() {
        let mut window = Window::new();
        window.refused(3_000);
        for _ in 1..PROBATION {
            assert_eq!(window.blocks(), 1_500);
            window.accepted();
        }
        window.accepted();
        assert_eq!(window.blocks(), 3_000);
    }

    #[test]
    fn a_failure_is_forgotten_sooner_than_a_refusal() {
        let mut window = Window::new();
        window.failed(8);
        assert_eq!(window.blocks(), 4);
        for _ in 0..12 {
            window.accepted();
        }
        assert_eq!(window.blocks(), LARGEST);
    }

    const CONTRACT: Address = Address::repeat_byte(7);
    const TOPIC: B256 = B256::repeat_byte(9);

    fn log(block: u64, index: u64) -> NodeLog {
        NodeLog {
            address: H160::repeat_byte(7),
            topics: vec![H256::repeat_byte(9), H256::zero()],
            block_number: Some(block.into()),
            block_hash: Some(H256::from_low_u64_be(block)),
            transaction_hash: Some(H256::repeat_byte(1)),
            log_index: Some(index.into()),
            ..NodeLog::default()
        }
    }

    fn read_all(answer: Vec<NodeLog>) -> Result<Vec<(u64, u64)>, String> {
        let topics = [vec![TOPIC, B256::ZERO], vec![]];
        let query = Query {
            address: CONTRACT,
            from: 10,
            to: 20,
            topics: &topics,
        };
        match query.read(answer) {
            Ok(logs) => Ok(logs
                .iter()
                .map(|log| (log.block_number, log.index))
                .collect()),
            Err(RpcError::Nonsense { reason, .. }) => Err(reason),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn logs_come_in_their_order() {
        let logs = vec![log(20, 0), log(10, 11), log(15, 3), log(10, 2)];
        let expected = vec![(10, 2), (10, 11), (15, 3), (20, 0)];
        assert_eq!(read_all(logs), Ok(expected));
        assert_eq!(read_all(vec![]), Ok(vec![]));
    }

    #[test]
    fn logs_that_no_honest_node_sends() {
        let broken: [fn(&mut NodeLog); 11] = [
            |log| log.removed = Some(true),
            |log| log.block_number = None,
            |log| log.block_hash = None,
            |log| log.transaction_hash = None,
            |log| log.log_index = None,
            |log| log.log_index = Some(ethers_core::types::U256::MAX),
            |log| log.address = H160::zero(),
            |log| log.block_number = Some(9.into()),
            |log| log.block_number = Some(21.into()),
            |log| log.topics = vec![H256::repeat_byte(8)],
            |log| log.topics = vec![],
        ];
        for (i, broken) in broken.into_iter().enumerate() {
            let mut bad = log(12, 1);
            broken(&mut bad);
            assert!(read_all(vec![log(10, 0), bad]).is_err(), "{i}");
        }
        assert!(read_all(vec![log(12, 1), log(12, 1)]).is_err());
        let mut other = log(12, 2);
        other.block_hash = Some(H256::zero());
        assert!(read_all(vec![log(12, 1), other]).is_err());
    }
}
