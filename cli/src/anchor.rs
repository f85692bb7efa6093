//! Anchors: what shows that a message was signed a short while ago.
//!
//! A poll's contract takes a message only with the anchor of a recent block, made of that block's hash,
//! which nobody can know before. A command counts only if its salt is that anchor. So what was signed
//! cannot be sent again once its block is too old.

use maci_nova_contracts::bindings::Poll;
use maci_nova_contracts::chain::{BlockId, Chain, ChainError};
use maci_nova_contracts::{poll, words};
use maci_nova_protocol::Fr;

use crate::failure::{on_chain, Failure};
use crate::poll_contract::PollContract;

/// From so many blocks on, a rounded number is taken: it is public, and says less about when somebody
/// signed.
const ROUNDED_FROM: u64 = 30;

/// What block numbers are rounded to.
const ROUND: u64 = 5;

/// A block, and what messages that are signed after it have as salt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Anchor {
    /// The block's number.
    pub block_number: u64,
    /// The anchor.
    pub element: Fr,
}

/// Which blocks' anchors a poll takes in its next block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// The newest block that there is.
    pub head: u64,
    /// How many blocks back from the next one.
    pub blocks: u64,
}

impl Anchor {
    /// Of a poll without anchors.
    pub const NONE: Anchor = Anchor {
        block_number: 0,
        element: Fr::from_raw([0; 4]),
    };

    /// The anchor to sign with now.
    ///
    /// # Errors
    /// [`Failure::OnChain`] where the node's block and the contract's anchor do not fit each other.
    pub fn newest<C: Chain + ?Sized>(chain: &C, poll: &PollContract) -> Result<Self, Failure> {
        if !poll.header().has_anchors() {
            return Ok(Self::NONE);
        }
        // A reorganisation between two questions gives two answers: once more, then.
        Self::read(chain, poll).or_else(|_| Self::read(chain, poll))
    }

    /// The contract says what it will compare with; the header shows that this is made of a block.
    fn read<C: Chain + ?Sized>(chain: &C, poll: &PollContract) -> Result<Self, Failure> {
        let block_number = Window::now(chain, poll)?.choice();
        let said = poll.anchor_of(chain, block_number)?;
        let block = chain
            .block(BlockId::Number(block_number))
            .map_err(on_chain("read a block"))?;
        let expected = poll::anchor(block.hash, poll.chain_id, poll.address);
        // Only what is made of this poll's address is signed: a node could otherwise get a signature for
        // a twin of the poll. The contract compares, too, when the message arrives.
        match words::to_scalar(said) {
            Some(element) if said == expected => Ok(Anchor {
                block_number,
                element,
            }),
            _ => Err(poll.contradiction(&format!(
                "its anchor of block {block_number} is not made of the hash that the node says this block has"
            ))),
        }
    }
}

impl Window {
    /// The poll's window now.
    pub fn now<C: Chain + ?Sized>(chain: &C, poll: &PollContract) -> Result<Self, Failure> {
        let head = chain.block(BlockId::Latest);
        let head = head.map_err(on_chain("read the newest block"))?.number;
        let blocks = poll.ask(chain, &Poll::anchorWindowCall {})?;
        Ok(Window {
            head,
            blocks: blocks.saturating_to(),
        })
    }

    /// The oldest block that the next one takes.
    pub fn oldest(&self) -> u64 {
        (self.head + 1).saturating_sub(self.blocks)
    }

    /// In which block a message that is signed after `block_number` can be for the last time.
    pub fn last(&self, block_number: u64) -> u64 {
        block_number.saturating_add(self.blocks)
    }

    /// The block to sign after: the newest whose hash calls see, or, of many, one with a rounded number
    /// that no small reorganisation changes.
    fn choice(&self) -> u64 {
        match self.blocks {
            ROUNDED_FROM.. => self.head.saturating_sub(2) / ROUND * ROUND,
            _ => self.head.saturating_sub(1),
        }
    }
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

    fn window(head: u64, blocks: u64) -> Window {
        Window { head, blocks }
    }

    #[test]
    fn the_block_that_is_signed_after() {
        // In the next block, 101, the oldest of 75 is 26.
        assert_eq!(window(100, 75).oldest(), 26);
        for (head, blocks, choice) in [
            (100, 75, 95),
            (101, 75, 95),
            (102, 75, 100),
            (107, 30, 105),
            (107, 29, 106),
            (107, 5, 106),
            (1, 75, 0),
            (0, 5, 0),
        ] {
            let window = window(head, blocks);
            assert_eq!(window.choice(), choice, "{window:?}");
            assert!(window.choice() >= window.oldest());
        }
    }

    #[test]
    fn how_long_it_is_taken() {
        let window = window(100, 75);
        assert_eq!(window.last(window.oldest()), 101);
        assert_eq!(window.last(100), 175);
    }
}
