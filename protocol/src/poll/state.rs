//! The state that is carried from event to event.

use super::{Header, PollError};
use crate::babyjub::Point;
use crate::field::{from_u128, Fr};
use crate::hash_chain;
use crate::poseidon::hash;
use crate::tally::OptionResult;
use crate::tree::empty_root;
use ff::Field;
use serde::{Deserialize, Serialize};

/// Elements of the state.
pub const STATE_ELEMENTS: usize = 8;

/// `z`, the eight elements that a proof of the count carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// The poll's context, [`Header::context`].
    #[serde(with = "crate::field::decimal")]
    pub poll: Fr,
    /// The join chain so far.
    #[serde(with = "crate::field::decimal")]
    pub join_chain: Fr,
    /// Leaves in use: one more than the voters so far.
    #[serde(with = "crate::field::decimal")]
    pub next_state_index: Fr,
    /// The message chain after the last message of the poll; 0 before the first processed message.
    #[serde(with = "crate::field::decimal")]
    pub message_head: Fr,
    /// The message chain before the message that was processed last, within a bundle the bundle's
    /// own; 0 before the first processed message.
    #[serde(with = "crate::field::decimal")]
    pub message_cursor: Fr,
    /// The message chain before the bundle whose messages are being processed; 0 outside bundles.
    #[serde(with = "crate::field::decimal")]
    pub outer_cursor: Fr,
    /// The root of the state tree.
    #[serde(with = "crate::field::decimal")]
    pub state_root: Fr,
    /// The root of the tally tree.
    #[serde(with = "crate::field::decimal")]
    pub tally_root: Fr,
}

impl State {
    /// `z_0`, which depends on the header alone.
    pub fn initial(header: &Header) -> Self {
        State {
            poll: header.context(),
            join_chain: hash_chain::zero(),
            next_state_index: Fr::ONE,
            message_head: Fr::ZERO,
            message_cursor: Fr::ZERO,
            outer_cursor: Fr::ZERO,
            state_root: empty_root(header.state_tree_depth, Fr::ZERO),
            tally_root: empty_root(
                header.vote_option_tree_depth,
                OptionResult::default().hash(),
            ),
        }
    }

    /// The elements in the order of the struct.
    pub fn to_array(&self) -> [Fr; STATE_ELEMENTS] {
        [
            self.poll,
            self.join_chain,
            self.next_state_index,
            self.message_head,
            self.message_cursor,
            self.outer_cursor,
            self.state_root,
            self.tally_root,
        ]
    }

    /// The inverse of [`State::to_array`].
    pub fn from_array(elements: [Fr; STATE_ELEMENTS]) -> Self {
        let [poll, join_chain, next_state_index, message_head, message_cursor, outer_cursor, state_root, tally_root] =
            elements;
        State {
            poll,
            join_chain,
            next_state_index,
            message_head,
            message_cursor,
            outer_cursor,
            state_root,
            tally_root,
        }
    }

    /// The state after the cursor went back over a message: `link`, which is `P3(previous, digest,
    /// anchor)`, must be the cursor, and is taken for head and cursor if this is the first processed
    /// message. After the first message of a bundle the cursor is where the bundle was.
    pub(crate) fn step_back(&self, link: Fr, previous: Fr) -> Result<Self, PollError> {
        let mut state = self.over(link, previous)?;
        if previous == hash_chain::bundle_start() {
            state.message_cursor = state.outer_cursor;
            state.outer_cursor = Fr::ZERO;
        }
        Ok(state)
    }

    /// The same over a top-up, which no bundle holds.
    pub(crate) fn step_back_over_top_up(&self, link: Fr, previous: Fr) -> Result<Self, PollError> {
        self.require_outside()?;
        self.over(link, previous)
    }

    /// The state in front of a bundle's last message.
    pub(crate) fn open_bundle(&self, link: Fr, inner: Fr, previous: Fr) -> Result<Self, PollError> {
        self.require_outside()?;
        let state = self.over(link, previous)?;
        Ok(State {
            message_cursor: inner,
            outer_cursor: previous,
            ..state
        })
    }

    fn require_outside(&self) -> Result<(), PollError> {
        match self.outer_cursor == Fr::ZERO {
            true => Ok(()),
            false => Err(PollError::InBundle),
        }
    }

    fn over(&self, link: Fr, previous: Fr) -> Result<Self, PollError> {
        let mut state = *self;
        if state.message_head == Fr::ZERO {
            state.message_head = link;
            state.message_cursor = link;
        }
        if state.message_cursor != link || link == Fr::ZERO {
            return Err(PollError::NotInChain);
        }
        state.message_cursor = previous;
        Ok(state)
    }
}

/// What a leaf of the state tree hides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateLeaf {
    /// The voter's key: any two elements.
    pub key: Point,
    /// Voice credits left, below 2^99.
    pub balance: u128,
    /// Commands applied.
    pub nonce: u64,
    /// The root of the voter's vote tree.
    #[serde(with = "crate::field::decimal")]
    pub vote_root: Fr,
}

impl StateLeaf {
    /// All zeros and an empty vote tree: where an event is about no voter.
    pub(crate) fn nobody(empty_vote_root: Fr) -> Self {
        StateLeaf {
            key: Point::default(),
            balance: 0,
            nonce: 0,
            vote_root: empty_vote_root,
        }
    }

    /// `P5(key.x, key.y, balance, nonce, voteRoot)`.
    pub fn hash(&self) -> Fr {
        let balance = from_u128(self.balance);
        hash(&[
            self.key.x,
            self.key.y,
            balance,
            Fr::from(self.nonce),
            self.vote_root,
        ])
    }
}
