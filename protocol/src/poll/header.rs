//! What defines a poll before anybody joins.

use crate::babyjub::{Point, Scalar};
use crate::command::FIELD_BITS;
use crate::field::Fr;
use crate::poseidon::hash;
use crate::tally::Mode;
use crate::tree::capacity;
use ff::Field;
use serde::{Deserialize, Serialize};

/// The deepest state tree, for 5^20 leaves.
pub const MAX_STATE_TREE_DEPTH: usize = 20;

/// The most blocks that an anchor can be good for: as far back as the chain's history contract
/// (EIP-2935) answers.
pub const MAX_SIGNED_WITHIN: u32 = 8190;

/// The fewest blocks, where there are anchors at all.
pub const MIN_SIGNED_WITHIN: u32 = 5;

/// The deepest vote and tally trees, for 5^10 options.
pub const MAX_VOTE_OPTION_TREE_DEPTH: usize = 10;

/// Why a header is not that of a poll.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// The poll id is not below 2^50.
    #[error("the poll id is not below 2^50")]
    PollId,
    /// The coordinator key is off the curve, outside the prime-order subgroup, or has x = 0.
    #[error("the coordinator key is not a key: it must be on the curve, in the prime-order subgroup, with x not 0")]
    CoordinatorKey,
    /// The state tree's depth is not 1 to 20.
    #[error("the state tree depth is not 1 to {MAX_STATE_TREE_DEPTH}")]
    StateTreeDepth,
    /// The vote option tree's depth is not 1 to 10.
    #[error("the vote option tree depth is not 1 to {MAX_VOTE_OPTION_TREE_DEPTH}")]
    VoteOptionTreeDepth,
    /// There are no options, or more than the tree of that depth has leaves.
    #[error("the number of vote options is 0 or more than the vote option tree holds")]
    VoteOptions,
    /// Anchors are good for less than 5 blocks or more than 8,190, and not off.
    #[error("signedWithin is neither 0 nor {MIN_SIGNED_WITHIN} to {MAX_SIGNED_WITHIN} blocks")]
    SignedWithin,
}

/// A poll's public parameters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// The poll's number, below 2^50.
    pub poll_id: u64,
    /// The key to which messages are encrypted.
    pub coordinator_key: Point,
    /// Options are 0 to `vote_options - 1`.
    pub vote_options: u64,
    /// What weights mean and cost.
    pub mode: Mode,
    /// How many blocks an anchor is good for at most; 0 in a poll without anchors.
    pub signed_within: u32,
    /// Depth of the state tree; leaf 0 is nobody's, so 5^depth - 1 voters fit.
    pub state_tree_depth: usize,
    /// Depth of the vote trees and of the tally tree.
    pub vote_option_tree_depth: usize,
}

impl Header {
    /// Checks every range and the coordinator key.
    ///
    /// # Errors
    /// The first [`HeaderError`] that applies.
    pub fn validate(&self) -> Result<(), HeaderError> {
        if self.poll_id >> FIELD_BITS != 0 {
            return Err(HeaderError::PollId);
        }
        if !(1..=MAX_STATE_TREE_DEPTH).contains(&self.state_tree_depth) {
            return Err(HeaderError::StateTreeDepth);
        }
        if !(1..=MAX_VOTE_OPTION_TREE_DEPTH).contains(&self.vote_option_tree_depth) {
            return Err(HeaderError::VoteOptionTreeDepth);
        }
        if !(1..=capacity(self.vote_option_tree_depth)).contains(&self.vote_options) {
            return Err(HeaderError::VoteOptions);
        }
        let blocks = self.signed_within;
        if blocks != 0 && !(MIN_SIGNED_WITHIN..=MAX_SIGNED_WITHIN).contains(&blocks) {
            return Err(HeaderError::SignedWithin);
        }
        let key = &self.coordinator_key;
        if key.x == Fr::ZERO || !key.is_on_curve() || !key.is_in_subgroup() {
            return Err(HeaderError::CoordinatorKey);
        }
        Ok(())
    }

    /// Whether messages have anchors.
    pub fn has_anchors(&self) -> bool {
        self.signed_within != 0
    }

    /// `P5(pollId, coordinatorKey.x, coordinatorKey.y, voteOptions, mode)`. The number of blocks is
    /// not in it: messages are judged by their anchors alone, and which of them are let in is the
    /// contract's to decide.
    pub fn context(&self) -> Fr {
        let key = &self.coordinator_key;
        let numbers = [self.poll_id, self.vote_options].map(Fr::from);
        hash(&[numbers[0], key.x, key.y, numbers[1], self.mode.to_element()])
    }

    /// Whether the coordinator key is this secret scalar's.
    pub fn belongs_to(&self, secret: &Scalar) -> bool {
        Point::mul_base8(&secret.to_bytes()) == self.coordinator_key
    }
}
