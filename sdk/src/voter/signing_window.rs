//! Which blocks' anchors a poll takes, now and until its end.

use maci_nova_chain::clock::{self, USUAL_BLOCK_TIME};
use maci_nova_chain::{BlockId, Chain, ChainError};
use maci_nova_contracts::bindings::Poll;
use maci_nova_contracts::{poll, words};

use crate::error::{on_chain, Error};
use crate::poll::contract::PollContract;
use crate::voter::anchor::Anchor;

/// From so many blocks on, a rounded number is taken: it is public, and says less about when
/// somebody signed.
const ROUNDED_FROM: u64 = 30;

/// What block numbers are rounded to.
const ROUND: u64 = 5;

/// How far the blocks that contracts and nodes count differ, where they are the same.
const NEAR: u64 = 256;

/// The window shrinks during the last hour to a fifteenth, and not below 5 blocks, as the contract
/// has it.
const SHRINKING: u64 = 3600;
const LAST_PART: u64 = 15;
const LEAST: u64 = 5;

/// Which blocks' anchors a poll takes now. Blocks are numbered as contracts see them: on some
/// rollups nodes count others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// The present block: those before it have anchors.
    pub present: u64,
    /// How many blocks back from the present one.
    pub blocks: u64,
}

/// How the window becomes smaller, as far as can be told: blocks may come faster or slower than
/// they do now.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outlook {
    /// The window now.
    pub window: Window,
    /// Whether nodes count the blocks that contracts see.
    pub of_node: bool,
    signed_within: u64,
    /// Seconds from the newest block until the poll ends.
    left: u64,
    /// Seconds between two blocks.
    block_time: f64,
}

impl Window {
    /// The anchor to sign with now.
    ///
    /// # Errors
    /// [`Error::OnChain`] where the anchor is not made of the hash that the contract tells, this
    /// chain and this poll.
    pub fn newest<C: Chain + ?Sized>(chain: &C, poll: &PollContract) -> Result<Anchor, Error> {
        if !poll.header().has_anchors() {
            return Ok(Anchor::NONE);
        }
        // A reorganisation between two questions gives two answers: once more, then.
        Self::read(chain, poll).or_else(|_| Self::read(chain, poll))
    }

    /// The contract says what it will compare with, and which hash that is made of.
    fn read<C: Chain + ?Sized>(chain: &C, poll: &PollContract) -> Result<Anchor, Error> {
        let block_number = Window::now(chain, poll)?.choice();
        let told = poll.anchor_of(chain, block_number)?;
        let expected = poll::anchor(told.blockHash, poll.chain_id, poll.address);
        // Only what is made of this poll's address is signed: a node could otherwise get a
        // signature for a twin of the poll. The contract compares, too, when the message arrives.
        match words::to_scalar(told.anchor) {
            Some(element) if told.anchor == expected => Ok(Anchor {
                block_number,
                element,
            }),
            _ => Err(poll.inconsistent(&format!(
                "its anchor of block {block_number} is not made of the hash that it says this block has"
            ))),
        }
    }
}

impl Window {
    /// The poll's window now.
    pub fn now<C: Chain + ?Sized>(chain: &C, poll: &PollContract) -> Result<Self, Error> {
        let told = poll.ask(chain, &Poll::anchorWindowCall {})?;
        let newest: u64 = told.newest.saturating_to();
        Ok(Window {
            present: newest.saturating_add(1),
            blocks: told.blocks.saturating_to(),
        })
    }

    /// The oldest block that the next one takes, if the window does not shrink.
    pub fn oldest(&self) -> u64 {
        self.present.saturating_add(1).saturating_sub(self.blocks)
    }

    /// The block to sign after: the newest whose hash calls see, or, of many, one with a rounded
    /// number that no small reorganisation changes.
    fn choice(&self) -> u64 {
        match self.blocks {
            ROUNDED_FROM.. => self.present.saturating_sub(2) / ROUND * ROUND,
            _ => self.present.saturating_sub(1),
        }
    }
}

impl Outlook {
    /// Of a poll with anchors, from now on.
    pub fn now<C: Chain + ?Sized>(chain: &C, poll: &PollContract) -> Result<Self, Error> {
        let window = Window::now(chain, poll)?;
        let head = chain.block(BlockId::Latest);
        let head = head.map_err(on_chain("read the newest block"))?;
        // Calls are executed in the newest block, or in the next one, and blocks come in between.
        // Others that are counted are another chain's, and millions away.
        let of_node = head.number.abs_diff(window.present) <= NEAR;
        Ok(Outlook {
            window,
            of_node,
            signed_within: poll.header().signed_within.into(),
            left: poll.times().1.saturating_sub(head.timestamp),
            block_time: match of_node {
                true => clock::block_time(chain).map_err(on_chain("read the newest block"))?,
                false => USUAL_BLOCK_TIME,
            },
        })
    }

    /// In which block a message that is signed after `block_number` can be for the last time: never
    /// one after the poll's end.
    pub fn last(&self, block_number: u64) -> u64 {
        let taken = |block: &u64| {
            let left = self.left_at(*block);
            left > 0 && block.saturating_sub(block_number) <= self.blocks(left)
        };
        let present = self.window.present;
        let later = present.saturating_add(1)..=block_number.saturating_add(self.signed_within);
        later.take_while(taken).last().unwrap_or(present)
    }

    /// So many blocks come in this time, as far as can be told; at least one.
    pub fn blocks_in(&self, seconds: u64) -> u64 {
        (seconds as f64 / self.block_time.max(0.001))
            .ceil()
            .max(1.0) as u64
    }

    /// About how many seconds so many blocks take.
    pub fn seconds_of(&self, blocks: u64) -> u64 {
        (blocks as f64 * self.block_time).ceil() as u64
    }

    /// Whether a block that comes after this one is still before the poll's end.
    pub fn is_followed(&self, block: u64) -> bool {
        self.left_at(block.saturating_add(1)) > 0
    }

    /// The last block for [`Chain::send_until`]: where nodes count other blocks than contracts,
    /// none.
    pub fn last_for_node(&self, block_number: u64) -> Option<u64> {
        self.of_node.then(|| self.last(block_number))
    }

    /// Seconds that are left in a later block.
    fn left_at(&self, block: u64) -> u64 {
        let blocks = block.saturating_sub(self.window.present);
        let passed = (blocks as f64 * self.block_time) as u64;
        self.left.saturating_sub(passed)
    }

    /// The window with so many seconds to go, as the contract computes it.
    fn blocks(&self, left: u64) -> u64 {
        let least = self.signed_within.div_ceil(LAST_PART).max(LEAST);
        let shrunk = match left {
            0..SHRINKING => self.signed_within * left / SHRINKING,
            _ => self.signed_within,
        };
        shrunk.max(least)
    }
}

/// Whether somebody could send a message again that is in the poll: its anchor is still taken, or
/// may be. What was signed and is not in the poll shows nowhere.
pub fn can_be_repeated<C: Chain + ?Sized>(
    chain: &C,
    poll: &PollContract,
    outlook: &Outlook,
) -> Result<bool, Error> {
    if poll.chains(chain)?.message_count == 0 {
        return Ok(false);
    }
    if !outlook.of_node {
        return Ok(true);
    }
    let oldest = outlook.window.oldest();
    let sent = poll.sent(chain, oldest.max(poll.first_block), outlook.window.present)?;
    Ok(sent.iter().any(|sent| !sent.messages().is_empty()))
}

/// Whether the contract refused an anchor: signed and sent again, the message may be in time.
pub fn is_refused(error: &ChainError) -> bool {
    use Poll::PollErrors::{AnchorTooOld, AnchorUnknown, WrongAnchor};
    matches!(
        error.revert(),
        Some(AnchorTooOld(_) | AnchorUnknown(_) | WrongAnchor(_))
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(present: u64, blocks: u64) -> Window {
        Window { present, blocks }
    }

    #[test]
    fn the_block_that_is_signed_after() {
        // In the next block, 101, the oldest of 75 is 26.
        assert_eq!(window(100, 75).oldest(), 26);
        for (present, blocks, choice) in [
            (100, 75, 95),
            (101, 75, 95),
            (102, 75, 100),
            (107, 30, 105),
            (107, 29, 106),
            (107, 5, 106),
            (1, 75, 0),
            (0, 5, 0),
        ] {
            let window = window(present, blocks);
            assert_eq!(window.choice(), choice, "{window:?}");
            assert!(window.choice() >= window.oldest());
        }
    }

    fn outlook(left: u64) -> Outlook {
        Outlook {
            window: window(1000, 75),
            of_node: true,
            signed_within: 75,
            left,
            block_time: 12.0,
        }
    }

    #[test]
    fn how_long_it_is_taken() {
        // Far from the end the whole window is left.
        let far = outlook(100_000);
        assert_eq!(far.last(1000), 1075);
        assert_eq!(far.last(995), 1070);
        // What is too old by now was taken for the last time before.
        assert_eq!(far.last(900), 1000);
        assert!(far.is_followed(1075));
    }

    #[test]
    fn the_window_shrinks_while_it_is_waited_for() {
        // Half an hour before the end 37 blocks are taken, but 25 blocks later, with 1,500 s to go,
        // 31.
        let near = outlook(1800);
        assert_eq!(near.blocks(1800), 37);
        assert_eq!(near.last(1000), 1030);
        for block in 1001..=1030 {
            assert!(block - 1000 <= near.blocks(1800 - 12 * (block - 1000)));
        }
        assert!(31 > near.blocks(1800 - 12 * 31));
        // A minute before the end the window is 5 blocks, and none comes in after the end.
        assert_eq!(outlook(60).blocks(60), 5);
        assert_eq!(outlook(60).last(1000), 1004);
        assert!(!outlook(60).is_followed(1004));
        assert_eq!(outlook(0).last(1000), 1000);
    }

    #[test]
    fn blocks_that_come_in_a_minute() {
        let mut outlook = outlook(100_000);
        assert_eq!((outlook.blocks_in(60), outlook.blocks_in(0)), (5, 1));
        outlook.block_time = 0.25;
        assert_eq!(outlook.blocks_in(60), 240);
    }

    #[test]
    fn blocks_that_only_contracts_count() {
        let mut rollup = outlook(100_000);
        assert_eq!(rollup.last_for_node(1000), Some(1075));
        rollup.of_node = false;
        assert_eq!(rollup.last_for_node(1000), None);
    }
}
