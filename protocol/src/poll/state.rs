//! The state that is carried from event to event.

use super::{Header, PollError};
use crate::babyjub::Point;
use crate::field::{from_u128, Fr};
use crate::hash_chain::{self, Link};
use crate::poseidon::hash;
use crate::tally::OptionResult;
use crate::tree::empty_root;
use ff::Field;
use serde::{Deserialize, Serialize};

/// `z`, the seven elements that a proof of the count carries.
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
    /// The message chain before the message that was processed last; 0 before the first processed
    /// message.
    #[serde(with = "crate::field::decimal")]
    pub message_cursor: Fr,
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
            state_root: empty_root(header.state_tree_depth, Fr::ZERO),
            tally_root: empty_root(
                header.vote_option_tree_depth,
                OptionResult::default().hash(),
            ),
        }
    }

    /// The elements in the order of the struct.
    pub fn to_array(&self) -> [Fr; 7] {
        [
            self.poll,
            self.join_chain,
            self.next_state_index,
            self.message_head,
            self.message_cursor,
            self.state_root,
            self.tally_root,
        ]
    }

    /// The inverse of [`State::to_array`].
    pub fn from_array(elements: [Fr; 7]) -> Self {
        let [poll, join_chain, next_state_index, message_head, message_cursor, state_root, tally_root] =
            elements;
        State {
            poll,
            join_chain,
            next_state_index,
            message_head,
            message_cursor,
            state_root,
            tally_root,
        }
    }

    /// The state after the cursor went back over a message: `P3(previous, digest, anchor)` must be
    /// the cursor, and is taken for head and cursor if this is the first processed message.
    pub(crate) fn step_back(&self, link: Link, previous: Fr) -> Result<Self, PollError> {
        let mut state = *self;
        let link = hash_chain::extend(previous, link);
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StateLeaf {
    /// The voter's key: any two elements.
    pub key: Point,
    /// Voice credits left, below 2^99.
    pub balance: u128,
    /// Commands applied.
    pub nonce: u64,
    /// The root of the voter's vote tree.
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
