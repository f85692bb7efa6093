//! Following a chain that may reorganise: which blocks to read next, and how far back what was read
//! is still true.
//!
//! ```no_run
//! use maci_nova_chain::{Follower, Step};
//! # use maci_nova_chain::{Chain, ChainError};
//! # fn follow(
//! #     chain: &dyn Chain,
//! #     read: impl Fn(u64, u64) -> Result<u64, ChainError>,
//! #     forget_after: impl Fn(u64),
//! # ) -> Result<(), ChainError> {
//! let mut follower = Follower::new(100, 12);
//! loop {
//!     match follower.next(chain, 1000)? {
//!         Step::Read(range) => {
//!             let length = read(range.from(), range.to())?;
//!             if !follower.keep(chain, range, length)? {
//!                 // The chain changed meanwhile: what was read now is void, and the next step tells more.
//!             }
//!         }
//!         Step::RolledBack(common) => forget_after(common.map_or(0, |mark| mark.value)),
//!         Step::Idle | Step::Behind { .. } => break,
//!     }
//! }
//! # Ok(())
//! # }
//! ```

use alloy_primitives::B256;
use serde::{Deserialize, Serialize};

use crate::{Block, BlockId, Chain, ChainError};

/// The newest marks, which are all kept.
const NEWEST: usize = 64;

/// Of the older ones so many are kept that the distance between two is about the distance to the
/// newest block divided by this: so much further than needed a rollback may go.
const SPACING: u64 = 8;

/// A block up to which everything was read, and what its reader keeps with it, for example the
/// length of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark<T> {
    /// The block's number.
    pub number: u64,
    /// The block's hash.
    pub hash: B256,
    /// The reader's own.
    pub value: T,
}

/// Remembers what was read of a chain. Saved and loaded with serde, it goes on where it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Follower<T> {
    /// The first block of interest.
    first: u64,
    /// Blocks after one that make it count.
    confirmations: u64,
    /// Ascending.
    marks: Vec<Mark<T>>,
}

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step<T> {
    /// Read these blocks, then [`Follower::keep`].
    Read(Range),
    /// Blocks that were read are no more: drop everything after this mark, or everything at all.
    RolledBack(Option<Mark<T>>),
    /// Everything that has its confirmations was read.
    Idle,
    /// The node's newest block is before one that was read, and nothing contradicts it: the node is
    /// catching up, or the chain is being replaced by a shorter one so far.
    Behind {
        /// The node's newest block.
        newest: u64,
    },
}

/// Consecutive blocks to read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Range {
    from: u64,
    last: Block,
}

impl Range {
    /// The first block.
    pub fn from(&self) -> u64 {
        self.from
    }

    /// The last block, not before the first.
    pub fn to(&self) -> u64 {
        self.last.number
    }

    /// The last block.
    pub fn last(&self) -> Block {
        self.last
    }
}

impl<T: Clone> Follower<T> {
    /// Starts at block `first`. A block is read once `confirmations` blocks are after it.
    pub fn new(first: u64, confirmations: u64) -> Self {
        Follower {
            first,
            confirmations,
            marks: Vec::new(),
        }
    }

    /// The same before anything was read.
    pub fn anew(&self) -> Self {
        Follower::new(self.first, self.confirmations)
    }

    /// From now on a block is read once so many are after it.
    pub fn set_confirmations(&mut self, confirmations: u64) {
        self.confirmations = confirmations;
    }

    /// The block up to which everything was read; `None` if nothing was.
    pub fn read_to(&self) -> Option<&Mark<T>> {
        self.marks.last()
    }

    /// Looks at the chain. At most `limit` blocks are to be read at once, at least one.
    ///
    /// After [`Step::RolledBack`] the follower has gone back too.
    ///
    /// # Errors
    /// Those of [`Chain::block`]; the follower is as before.
    pub fn next<C: Chain + ?Sized>(
        &mut self,
        chain: &C,
        limit: u64,
    ) -> Result<Step<T>, ChainError> {
        let newest = chain.block(BlockId::Latest)?.number;
        let from = self.next_block();
        // The hash of the last block comes before the check of what was read before: the other way
        // round a reorganisation between them would go unseen.
        let range = match newest.checked_sub(self.confirmations) {
            Some(confirmed) if confirmed >= from => {
                let to = confirmed.min(from.saturating_add(limit.max(1) - 1));
                let last = chain.block(BlockId::Number(to))?;
                Some(Range { from, last })
            }
            _ => None,
        };
        if let Some(step) = self.roll_back(chain, newest)? {
            return Ok(step);
        }
        Ok(match range {
            Some(range) => Step::Read(range),
            None if self.marks.last().is_some_and(|mark| mark.number > newest) => {
                Step::Behind { newest }
            }
            None => Step::Idle,
        })
    }

    /// Remembers that a range was read, if the chain still is the one that it was found on. If not,
    /// returns false: what was read is void.
    ///
    /// # Errors
    /// Those of [`Chain::block`]; the range counts as not read.
    pub fn keep<C: Chain + ?Sized>(
        &mut self,
        chain: &C,
        range: Range,
        value: T,
    ) -> Result<bool, ChainError> {
        if range.from != self.next_block() {
            return Ok(false);
        }
        let Block { number, hash, .. } = range.last;
        match chain.block(BlockId::Number(number)) {
            Ok(block) if block.hash == hash => {}
            Ok(_) | Err(ChainError::UnknownBlock(_)) => return Ok(false),
            Err(error) => return Err(error),
        }
        self.marks.push(Mark {
            number,
            hash,
            value,
        });
        self.thin();
        Ok(true)
    }

    fn next_block(&self) -> u64 {
        let after_last = self.marks.last().map(|mark| mark.number.saturating_add(1));
        after_last.unwrap_or(self.first)
    }

    /// Goes back to the newest mark that the chain still has, unless that is the last one. Marks
    /// after the newest block can neither be confirmed nor refuted.
    fn roll_back<C: Chain + ?Sized>(
        &mut self,
        chain: &C,
        newest: u64,
    ) -> Result<Option<Step<T>>, ChainError> {
        let known = self.marks.partition_point(|mark| mark.number <= newest);
        let mut common = known;
        while let Some(mark) = common.checked_sub(1).and_then(|i| self.marks.get(i)) {
            // A block that is missing although a later one is there: the node is of two minds, so
            // that the error is right.
            if chain.block(BlockId::Number(mark.number))?.hash == mark.hash {
                break;
            }
            common -= 1;
        }
        if common == known {
            return Ok(None);
        }
        self.marks.truncate(common);
        Ok(Some(Step::RolledBack(self.marks.last().cloned())))
    }

    /// Drops old marks that have neighbours close by.
    fn thin(&mut self) {
        let older = self.marks.len().saturating_sub(NEWEST);
        let newest = self.marks.last().map_or(0, |mark| mark.number);
        let numbers: Vec<u64> = self.marks.iter().map(|mark| mark.number).collect();
        let mut i = 0;
        let mut kept_before = None;
        self.marks.retain(|mark| {
            i += 1;
            let (Some(before), Some(after)) = (kept_before, numbers.get(i)) else {
                kept_before = Some(mark.number);
                return true;
            };
            let close = after.saturating_sub(before) <= newest.saturating_sub(*after) / SPACING;
            if i <= older && close {
                return false;
            }
            kept_before = Some(mark.number);
            true
        });
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use alloy_primitives::{Address, Bytes, U256};

    use super::*;
    use crate::{Log, Receipt, TransactionInput};

    /// A chain of blocks that a script replaces: block `i` has the hash that counts its fork and
    /// `i`.
    #[derive(Default)]
    struct Fake {
        blocks: RefCell<Vec<B256>>,
        /// Done before the query of this number, counted down to zero.
        script: RefCell<Option<(u32, Change)>>,
    }

    type Change = Box<dyn FnOnce(&mut Vec<B256>)>;

    fn hash(fork: u8, number: u64) -> B256 {
        let mut hash = B256::repeat_byte(fork);
        hash[24..].copy_from_slice(&number.to_be_bytes());
        hash
    }

    /// Blocks `from..=to` become those of another fork, and there are none after them.
    fn replace(blocks: &mut Vec<B256>, fork: u8, from: u64, to: u64) {
        blocks.truncate(from as usize);
        blocks.extend((from..=to).map(|number| hash(fork, number)));
    }

    impl Fake {
        fn new(newest: u64) -> Self {
            let fake = Fake::default();
            fake.fork(1, 0, newest);
            fake
        }

        fn fork(&self, fork: u8, from: u64, to: u64) {
            replace(&mut self.blocks.borrow_mut(), fork, from, to);
        }

        /// Before the query after `queries` others.
        fn then(&self, queries: u32, change: impl FnOnce(&mut Vec<B256>) + 'static) {
            *self.script.borrow_mut() = Some((queries, Box::new(change)));
        }

        fn play(&self) {
            let mut script = self.script.borrow_mut();
            match script.take() {
                Some((0, change)) => change(&mut self.blocks.borrow_mut()),
                Some((queries, change)) => *script = Some((queries - 1, change)),
                None => {}
            }
        }
    }

    impl Chain for Fake {
        fn block(&self, block: BlockId) -> Result<Block, ChainError> {
            self.play();
            let blocks = self.blocks.borrow();
            let number = match block {
                BlockId::Latest => blocks.len() as u64 - 1,
                BlockId::Number(number) => number,
            };
            let hash = blocks.get(number as usize).copied();
            Ok(Block {
                number,
                hash: hash.ok_or(ChainError::UnknownBlock(number))?,
                timestamp: 10 * number,
            })
        }

        fn chain_id(&self) -> Result<u64, ChainError> {
            unreachable!("the follower reads blocks alone")
        }

        fn accounts(&self) -> Vec<Address> {
            unreachable!("the follower reads blocks alone")
        }

        fn send(
            &mut self,
            _: Address,
            _: Option<Address>,
            _: Bytes,
            _: U256,
        ) -> Result<Receipt, ChainError> {
            unreachable!("the follower reads blocks alone")
        }

        fn call(&self, _: Address, _: Bytes) -> Result<Bytes, ChainError> {
            unreachable!("the follower reads blocks alone")
        }

        fn logs(
            &self,
            _: Address,
            _: u64,
            _: u64,
            _: &[Vec<B256>],
        ) -> Result<Vec<Log>, ChainError> {
            unreachable!("the follower reads blocks alone")
        }

        fn code(&self, _: Address) -> Result<Bytes, ChainError> {
            unreachable!("the follower reads blocks alone")
        }

        fn input(&self, _: B256) -> Result<Option<TransactionInput>, ChainError> {
            unreachable!("the follower reads blocks alone")
        }

        fn balance(&self, _: Address) -> Result<U256, ChainError> {
            unreachable!("the follower reads blocks alone")
        }
    }

    /// Reads and keeps until nothing is left; the ranges.
    fn read_all(follower: &mut Follower<u64>, chain: &Fake, limit: u64) -> Vec<(u64, u64)> {
        let mut ranges = Vec::new();
        loop {
            match follower.next(chain, limit).unwrap() {
                Step::Read(range) => {
                    let (from, to) = (range.from(), range.to());
                    ranges.push((from, to));
                    assert!(follower.keep(chain, range, to).unwrap());
                }
                Step::Idle => return ranges,
                other => panic!("{other:?}"),
            }
        }
    }

    fn mark(fork: u8, number: u64) -> Mark<u64> {
        Mark {
            number,
            hash: hash(fork, number),
            value: number,
        }
    }

    #[test]
    fn blocks_are_read_once_and_only_with_their_confirmations() {
        let chain = Fake::new(20);
        let mut follower = Follower::new(3, 5);
        assert_eq!(
            read_all(&mut follower, &chain, 4),
            [(3, 6), (7, 10), (11, 14), (15, 15)]
        );
        assert_eq!(follower.read_to(), Some(&mark(1, 15)));
        chain.fork(1, 21, 22);
        assert_eq!(read_all(&mut follower, &chain, 4), [(16, 17)]);
        let mut all = Follower::new(0, 0);
        assert_eq!(read_all(&mut all, &chain, u64::MAX), [(0, 22)]);
    }

    #[test]
    fn a_chain_that_has_not_come_so_far() {
        for newest in 0..8 {
            let mut follower = Follower::<u64>::new(3, 5);
            let step = follower.next(&Fake::new(newest), 10).unwrap();
            assert_eq!(step, Step::Idle, "{newest}");
        }
        let mut follower = Follower::new(3, 5);
        assert_eq!(read_all(&mut follower, &Fake::new(8), 0), [(3, 3)]);
    }

    #[test]
    fn a_reorganisation_above_the_confirmations_is_nothing() {
        let chain = Fake::new(20);
        let mut follower = Follower::new(0, 5);
        read_all(&mut follower, &chain, 1);
        chain.fork(2, 16, 25);
        assert_eq!(read_all(&mut follower, &chain, 100), [(16, 20)]);
    }

    #[test]
    fn a_deeper_one_goes_back_to_the_last_common_block() {
        let chain = Fake::new(20);
        let mut follower = Follower::new(0, 5);
        read_all(&mut follower, &chain, 1);
        chain.fork(2, 12, 21);
        let step = follower.next(&chain, 100).unwrap();
        assert_eq!(step, Step::RolledBack(Some(mark(1, 11))));
        assert_eq!(follower.read_to(), Some(&mark(1, 11)));
        assert_eq!(read_all(&mut follower, &chain, 100), [(12, 16)]);
        assert_eq!(follower.read_to(), Some(&mark(2, 16)));
    }

    #[test]
    fn between_marks_the_one_before_counts() {
        let chain = Fake::new(20);
        let mut follower = Follower::new(0, 0);
        read_all(&mut follower, &chain, 7);
        chain.fork(2, 17, 30);
        let step = follower.next(&chain, 7).unwrap();
        assert_eq!(step, Step::RolledBack(Some(mark(1, 13))));
    }

    #[test]
    fn another_chain_altogether() {
        let chain = Fake::new(20);
        let mut follower = Follower::new(4, 0);
        read_all(&mut follower, &chain, 7);
        chain.fork(2, 0, 30);
        assert_eq!(follower.next(&chain, 7).unwrap(), Step::RolledBack(None));
        assert_eq!(read_all(&mut follower, &chain, 100), [(4, 30)]);
    }

    #[test]
    fn a_shorter_chain_is_waited_for() {
        let chain = Fake::new(20);
        let mut follower = Follower::new(0, 0);
        read_all(&mut follower, &chain, 3);
        chain.fork(1, 0, 16);
        let behind = Step::Behind { newest: 16 };
        assert_eq!(follower.next(&chain, 7).unwrap(), behind);
        assert_eq!(follower.read_to(), Some(&mark(1, 20)));
        // It caught up.
        chain.fork(1, 17, 20);
        assert_eq!(follower.next(&chain, 7).unwrap(), Step::Idle);
        // It did not: other blocks came.
        chain.fork(2, 16, 21);
        let back = Step::RolledBack(Some(mark(1, 14)));
        assert_eq!(follower.next(&chain, 7).unwrap(), back);
    }

    #[test]
    fn a_shorter_chain_that_contradicts_is_not() {
        let chain = Fake::new(20);
        let mut follower = Follower::new(0, 0);
        read_all(&mut follower, &chain, 3);
        chain.fork(2, 10, 16);
        let back = Step::RolledBack(Some(mark(1, 8)));
        assert_eq!(follower.next(&chain, 7).unwrap(), back);
    }

    /// Whenever the chain changes, between any two queries: what is kept in the end is of one
    /// chain.
    #[test]
    fn a_reorganisation_at_any_moment_is_noticed() {
        for moment in 0..40 {
            let chain = Fake::new(20);
            let mut follower = Follower::new(0, 2);
            chain.then(moment, |blocks| replace(blocks, 2, 9, 24));
            let mut read = Vec::new();
            let mut quiet = 0;
            while quiet < 20 {
                match follower.next(&chain, 4).unwrap() {
                    Step::Read(range) => {
                        let numbers = range.from()..=range.to();
                        // A reader asks the chain too; the same script sees it.
                        let hashes: Vec<B256> = numbers
                            .map(|number| chain.block(BlockId::Number(number)).unwrap().hash)
                            .collect();
                        if follower.keep(&chain, range, 0).unwrap() {
                            read.extend(hashes);
                        }
                    }
                    Step::RolledBack(common) => {
                        read.truncate(common.map_or(0, |mark| mark.number as usize + 1));
                    }
                    Step::Idle => quiet += 1,
                    other => panic!("{other:?}"),
                }
            }
            assert!(chain.script.borrow().is_none(), "{moment}");
            let blocks = chain.blocks.borrow();
            assert_eq!(read, blocks[..blocks.len() - 2], "{moment}");
        }
    }

    #[test]
    fn a_range_of_another_time_is_not_kept() {
        let chain = Fake::new(20);
        let mut follower = Follower::new(0, 0);
        let Step::Read(early) = follower.next(&chain, 5).unwrap() else {
            panic!("nothing to read");
        };
        assert!(follower.keep(&chain, early.clone(), 0).unwrap());
        assert!(!follower.keep(&chain, early, 0).unwrap());
        let Step::Read(next) = follower.next(&chain, 5).unwrap() else {
            panic!("nothing to read");
        };
        chain.fork(1, 0, 8);
        assert!(!follower.keep(&chain, next, 0).unwrap());
    }

    #[test]
    fn marks_stay_few_and_reach_back() {
        let chain = Fake::new(5_000);
        let mut follower = Follower::new(0, 0);
        read_all(&mut follower, &chain, 1);
        assert!(
            follower.marks.len() <= 3 * NEWEST,
            "{}",
            follower.marks.len()
        );
        let newest: Vec<u64> = follower
            .marks
            .iter()
            .rev()
            .map(|mark| mark.number)
            .collect();
        let expected: Vec<u64> = (4_937..=5_000).rev().collect();
        assert_eq!(newest[..NEWEST], expected);
        assert_eq!(follower.marks[0].number, 0);
        for depth in [70_u64, 300, 2_000] {
            let mut follower = follower.clone();
            let chain = Fake::new(5_000);
            chain.fork(2, 5_001 - depth, 5_000);
            let Step::RolledBack(Some(mark)) = follower.next(&chain, 1).unwrap() else {
                panic!("not noticed");
            };
            let back = 5_000 - mark.number;
            assert!(
                (depth..=depth + depth / 4).contains(&back),
                "{depth}: {back}"
            );
        }
    }

    #[test]
    fn it_goes_on_after_it_was_saved() {
        let chain = Fake::new(20);
        let mut follower = Follower::new(2, 5);
        read_all(&mut follower, &chain, 3);
        let saved = serde_json::to_string(&follower).unwrap();
        let mut loaded: Follower<u64> = serde_json::from_str(&saved).unwrap();
        assert_eq!(loaded, follower);
        chain.fork(2, 13, 21);
        let step = loaded.next(&chain, 3).unwrap();
        assert_eq!(step, Step::RolledBack(Some(mark(1, 10))));
    }

    #[test]
    fn errors_of_the_chain_change_nothing() {
        let chain = Fake::new(20);
        let mut follower = Follower::new(0, 0);
        read_all(&mut follower, &chain, 5);
        let before = follower.clone();
        // The newest block is known, the last mark then is not.
        chain.then(1, |blocks| blocks.truncate(3));
        let error = follower.next(&chain, 5).unwrap_err();
        assert_eq!(error, ChainError::UnknownBlock(20));
        assert_eq!(follower, before);
    }
}
