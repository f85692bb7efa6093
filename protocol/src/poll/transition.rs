//! One event with everything that a proof of it needs.

use super::{Decision, State, StateLeaf};
use crate::field::Fr;
use crate::hash_chain::{self, Link};
use crate::message::{Join, Message, TopUp};
use crate::tally::OptionResult;
use crate::tree::Path;
use serde::{Deserialize, Serialize};

/// What happens in one step.
// Votes are by far the most frequent events: boxing the large variant would gain nothing.
#[allow(clippy::large_enum_variant)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// Leaf 0 is replaced.
    Blind {
        /// The new leaf 0, random.
        #[serde(with = "crate::field::decimal")]
        salt: Fr,
    },
    /// A voter joins.
    Join(Join),
    /// A message is processed.
    Vote {
        /// The message.
        message: Message,
        /// The message chain before it arrived: within a bundle, the bundle's own.
        #[serde(with = "crate::field::decimal")]
        previous: Fr,
    },
    /// A bundle is opened: its messages follow, from the last to the first.
    Bundle {
        /// The end of the bundle's own chain.
        #[serde(with = "crate::field::decimal")]
        inner: Fr,
        /// The message chain before it arrived.
        #[serde(with = "crate::field::decimal")]
        previous: Fr,
    },
    /// A top-up is processed.
    TopUp {
        /// The top-up.
        top_up: TopUp,
        /// The message chain before it arrived.
        #[serde(with = "crate::field::decimal")]
        previous: Fr,
    },
}

impl Event {
    /// The message chain (within a bundle, the bundle's own) before a message, a top-up or a bundle
    /// arrived; `None` for what is in no such chain.
    pub fn previous(&self) -> Option<Fr> {
        match self {
            Event::Blind { .. } | Event::Join(_) => None,
            Event::Vote { previous, .. }
            | Event::Bundle { previous, .. }
            | Event::TopUp { previous, .. } => Some(*previous),
        }
    }

    /// That chain after it arrived.
    pub fn link(&self) -> Option<Fr> {
        let link = match self {
            Event::Blind { .. } | Event::Join(_) => return None,
            Event::Vote { message, .. } => Link::from(message),
            Event::Bundle { inner, .. } => Link::of_bundle(*inner),
            Event::TopUp { top_up, .. } => Link::from(top_up),
        };
        let previous = self.previous()?;
        Some(hash_chain::extend(previous, link))
    }
}

/// A step: z and the event determine everything else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transition {
    /// z before the event.
    pub before: State,
    /// z after the event.
    pub after: State,
    /// The event.
    pub event: Event,
    /// Whether it was applied; always for a join, a bundle or a blind event.
    pub decision: Decision,
    /// The leaf of the state tree that the event is about: 0 for a blind event and a bundle, the join count
    /// before a join, a vote's or top-up's state index if that is a voter's and 0 otherwise.
    pub path_index: u64,
    /// That leaf before the event.
    #[serde(with = "crate::field::decimal")]
    pub old_leaf: Fr,
    /// Its preimage before the event if it is a voter's and the event a vote or a top-up; otherwise
    /// all zeros with the root of an empty vote tree.
    pub leaf: StateLeaf,
    /// The path of that leaf, the same before and after.
    pub state_path: Path,
    /// A vote's option if that exists, otherwise 0. Of a refused vote too.
    pub option_index: u64,
    /// The weight at that option in the vote tree of `leaf`, before the event; negative for one
    /// against the option.
    pub old_weight: i64,
    /// The path of that weight in the vote tree of `leaf`.
    pub vote_path: Path,
    /// The result of that option before the event.
    pub old_result: OptionResult,
    /// The path of that option in the tally tree.
    pub tally_path: Path,
    /// The leaf after the event.
    #[serde(with = "crate::field::decimal")]
    pub new_leaf: Fr,
}
