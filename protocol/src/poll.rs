//! The state machine of a poll.

mod ballot;
mod decision;
mod electorate;
mod header;
mod state;
mod transition;

pub use crate::tally::Mode;
pub use decision::{Decision, Rule};
pub use header::{
    Header, HeaderError, MAX_SIGNED_WITHIN, MAX_STATE_TREE_DEPTH, MAX_VOTE_OPTION_TREE_DEPTH,
    MIN_SIGNED_WITHIN,
};
pub use state::{State, StateLeaf, STATE_ELEMENTS};
pub use transition::{Event, Transition};

pub(crate) use electorate::{AppliedVote, Electorate};

use crate::babyjub::Scalar;
use crate::field::Fr;
use crate::hash_chain::{self, Link};
use crate::message::{Join, Message, TopUp, AMOUNT_BITS, CREDIT_BITS};
use crate::tally::{OptionResult, Tally};
use crate::tree::{capacity, SparseTree};
use ballot::Ballots;
use ff::Field;

/// Why a poll cannot take an event. None of these happens with the events of a poll log in the
/// right order: a message that does not count is a [`Decision`], not an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PollError {
    /// The header is not that of a poll.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// The secret scalar does not belong to the header's coordinator key.
    #[error("the key is not the coordinator key of this poll")]
    WrongKey,
    /// A join comes after a message: all joins are processed first.
    #[error("a voter cannot join after the first processed message")]
    JoinAfterMessage,
    /// The state tree has no free leaf.
    #[error("the state tree is full")]
    Full,
    /// A join's voice credits are not below 2^32.
    #[error("the voice credits of a join are not below 2^32")]
    VoiceCredits,
    /// A top-up's amount is 0 or not below 2^48.
    #[error("the amount of a top-up is 0 or not below 2^48")]
    TopUpAmount,
    /// The message chain's value before the message, extended by the message, is not the value that
    /// the message processed before had before it: a message is left out, repeated or out of order.
    #[error("the message is not the one before the last processed in the message chain")]
    NotInChain,
    /// A top-up or a bundle where the messages of a bundle are being processed.
    #[error("a bundle holds neither top-ups nor bundles")]
    InBundle,
}

/// A poll being counted: joins in order of arrival, then votes and top-ups in reverse order of
/// arrival, blind events at any time.
///
/// Memory: about 180 bytes a voter, about 90 for each node of a voter's vote tree that has a weight
/// below it (as many as levels for the first), and 16 for each weight from the fifth.
#[derive(Clone, Debug)]
pub struct Poll {
    electorate: Electorate,
    state: State,
    tree: SparseTree,
    ballots: Ballots,
    tally: Tally,
}

impl Poll {
    /// The poll before its first event.
    ///
    /// # Errors
    /// [`PollError::Header`] and [`PollError::WrongKey`].
    pub fn new(header: Header, secret: Scalar) -> Result<Self, PollError> {
        let electorate = Electorate::new(header, secret)?;
        let header = electorate.header();
        Ok(Poll {
            state: State::initial(header),
            tree: SparseTree::new(header.state_tree_depth, Fr::ZERO),
            ballots: Ballots::new(header.vote_option_tree_depth),
            tally: Tally::new(header.vote_option_tree_depth),
            electorate,
        })
    }

    /// The poll's header.
    pub fn header(&self) -> &Header {
        self.electorate.header()
    }

    /// The state after the events so far.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Leaves in use, leaf 0 included: one more than the voters.
    pub fn next_state_index(&self) -> u64 {
        self.electorate.next_state_index()
    }

    /// Replaces leaf 0 by a random element, so that the state root reveals nothing.
    pub fn blind(&mut self, salt: Fr) -> Transition {
        let mut transition = self.unchanged(Event::Blind { salt }, 0, 0, None);
        self.finish(&mut transition, salt);
        transition
    }

    /// A voter joins, at the next index.
    ///
    /// # Errors
    /// [`PollError::JoinAfterMessage`], [`PollError::Full`], [`PollError::VoiceCredits`]; nothing
    /// changes.
    pub fn join(&mut self, join: &Join) -> Result<Transition, PollError> {
        self.check_join(join)?;
        let index = self.next_state_index();
        let mut transition = self.unchanged(Event::Join(*join), index, 0, None);
        self.electorate.join(join)?;
        self.state.join_chain = hash_chain::extend_joins(self.state.join_chain, join);
        self.state.next_state_index += Fr::ONE;
        let leaf = self.leaf_hash(index);
        self.finish(&mut transition, leaf);
        Ok(transition)
    }

    /// Many voters join, without transitions: the same state as after as many [`Poll::join`], with
    /// fewer hashes.
    ///
    /// # Errors
    /// Those of [`Poll::join`] for the first voter who cannot; nothing changes.
    pub fn join_all(&mut self, joins: &[Join]) -> Result<(), PollError> {
        let first = self.next_state_index();
        let free = capacity(self.header().state_tree_depth) - first;
        for (join, number) in joins.iter().zip(0u64..) {
            self.check_join(join)?;
            if number >= free {
                return Err(PollError::Full);
            }
        }
        let mut leaves = Vec::with_capacity(joins.len());
        for (join, index) in joins.iter().zip(first..) {
            self.electorate.join(join)?;
            self.state.join_chain = hash_chain::extend_joins(self.state.join_chain, join);
            leaves.push((index, self.leaf_hash(index)));
        }
        self.state.next_state_index += Fr::from(joins.len() as u64);
        // Every index is below the capacity, as checked above.
        self.tree.set_all(&leaves).map_err(|_| PollError::Full)?;
        self.state.state_root = self.tree.root();
        Ok(())
    }

    fn check_join(&self, join: &Join) -> Result<(), PollError> {
        if self.state.message_head != Fr::ZERO {
            return Err(PollError::JoinAfterMessage);
        }
        self.electorate.check_join(join)
    }

    /// Processes any event.
    ///
    /// # Errors
    /// Those of the method for its kind; nothing changes.
    pub fn process(&mut self, event: &Event) -> Result<Transition, PollError> {
        self.process_over(event, event.link().unwrap_or(Fr::ZERO))
    }

    /// The same where the event's [`Event::link`] is known.
    pub(crate) fn process_over(
        &mut self,
        event: &Event,
        link: Fr,
    ) -> Result<Transition, PollError> {
        match event {
            Event::Blind { salt } => Ok(self.blind(*salt)),
            Event::Join(join) => self.join(join),
            Event::Vote { message, previous } => self.vote_over(message, *previous, link),
            Event::Bundle { inner, previous } => self.open_bundle_over(*inner, *previous, link),
            Event::TopUp { top_up, previous } => self.top_up_over(top_up, *previous, link),
        }
    }

    /// Opens the bundle that comes before the last processed message in order of arrival: its
    /// messages are to be processed next, from the last to the first. `inner` is the end of its own
    /// chain, `previous` the message chain before it arrived.
    ///
    /// # Errors
    /// [`PollError::NotInChain`], [`PollError::InBundle`]; nothing changes.
    pub fn open_bundle(&mut self, inner: Fr, previous: Fr) -> Result<Transition, PollError> {
        let link = hash_chain::extend(previous, Link::of_bundle(inner));
        self.open_bundle_over(inner, previous, link)
    }

    fn open_bundle_over(
        &mut self,
        inner: Fr,
        previous: Fr,
        link: Fr,
    ) -> Result<Transition, PollError> {
        let before = self.state;
        self.state = before.open_bundle(link, inner, previous)?;
        let mut transition = self.unchanged(Event::Bundle { inner, previous }, 0, 0, None);
        transition.before = before;
        let leaf = transition.old_leaf;
        self.finish(&mut transition, leaf);
        Ok(transition)
    }

    /// Processes the vote that comes before the last processed message in order of arrival (or the
    /// very last, if there is none); `previous` is the message chain before it arrived (within a bundle, the
    /// bundle's own).
    ///
    /// # Errors
    /// [`PollError::NotInChain`]; nothing changes.
    pub fn vote(&mut self, message: &Message, previous: Fr) -> Result<Transition, PollError> {
        self.vote_over(
            message,
            previous,
            hash_chain::extend(previous, message.into()),
        )
    }

    fn vote_over(
        &mut self,
        message: &Message,
        previous: Fr,
        link: Fr,
    ) -> Result<Transition, PollError> {
        let before = self.state;
        self.state = before.step_back(link, previous)?;
        let assessment = self.electorate.assess(message);
        let (index, option) = (assessment.state_index, assessment.option_index);
        let event = Event::Vote {
            message: *message,
            previous,
        };
        let mut transition = self.unchanged(event, index.unwrap_or(0), option.unwrap_or(0), index);
        transition.before = before;
        transition.decision = assessment.decision;
        let mut leaf = transition.old_leaf;
        if let Some(vote) = assessment.applied() {
            leaf = self.apply(&vote, &transition);
        }
        self.finish(&mut transition, leaf);
        Ok(transition)
    }

    /// Writes an accepted vote everywhere but in the state tree, and gives its new leaf.
    fn apply(&mut self, vote: &AppliedVote, before: &Transition) -> Fr {
        let &AppliedVote {
            index,
            option,
            weight,
            ..
        } = vote;
        self.electorate.apply(vote);
        self.ballots.set(index, option, weight, &before.vote_path);
        // The old weight is in the ballot, so it was counted, and the option is one of the poll's.
        let mode = self.header().mode;
        let counted = self.tally.apply(option, before.old_weight, weight, mode);
        debug_assert!(counted.is_ok());
        self.state.tally_root = self.tally.root();
        self.leaf_hash(index)
    }

    /// Processes the top-up that comes before the last processed message in order of arrival;
    /// `previous` as for [`Poll::vote`].
    ///
    /// # Errors
    /// [`PollError::NotInChain`], [`PollError::InBundle`] and [`PollError::TopUpAmount`]; nothing
    /// changes.
    pub fn top_up(&mut self, top_up: &TopUp, previous: Fr) -> Result<Transition, PollError> {
        self.top_up_over(
            top_up,
            previous,
            hash_chain::extend(previous, top_up.into()),
        )
    }

    fn top_up_over(
        &mut self,
        top_up: &TopUp,
        previous: Fr,
        link: Fr,
    ) -> Result<Transition, PollError> {
        check_amount(top_up)?;
        let before = self.state;
        self.state = before.step_back_over_top_up(link, previous)?;
        let index = self.electorate.valid_index(top_up.state_index);
        let event = Event::TopUp {
            top_up: *top_up,
            previous,
        };
        let mut transition = self.unchanged(event, index.unwrap_or(0), 0, index);
        transition.before = before;
        transition.decision = self.electorate.top_up(top_up);
        let leaf = index.map_or(transition.old_leaf, |index| self.leaf_hash(index));
        self.finish(&mut transition, leaf);
        Ok(transition)
    }

    /// The results of the votes processed so far, one for each vote option of the poll.
    pub fn results(&self) -> Vec<OptionResult> {
        self.tally.results(self.header().vote_options)
    }

    /// The voice credits spent on all options.
    pub fn total_spent(&self) -> u128 {
        self.tally.total_spent()
    }

    /// The voter at an index from 1, or `None` if there is none.
    pub fn leaf(&self, index: u64) -> Option<StateLeaf> {
        let voter = self.electorate.voter(index)?;
        Some(StateLeaf {
            key: voter.key,
            balance: voter.balance,
            nonce: voter.nonce,
            vote_root: self.ballots.root(index),
        })
    }

    /// A voter's weight for an option, negative if against it; 0 if there is no such voter.
    pub fn weight(&self, index: u64, option: u64) -> i64 {
        self.electorate.weight(index, option)
    }

    /// A voter's options with a weight that was ever set, in order, with the weight.
    pub fn weights(&self, index: u64) -> &[(u64, i64)] {
        self.electorate.weights(index)
    }

    fn leaf_hash(&self, index: u64) -> Fr {
        self.leaf(index).map_or(Fr::ZERO, |leaf| leaf.hash())
    }

    /// A transition that changes nothing yet: the leaf, the weight and the result that the event is
    /// about.
    fn unchanged(&self, event: Event, index: u64, option: u64, voter: Option<u64>) -> Transition {
        let old_leaf = self.tree.leaf(index);
        let weights = voter.map_or(&[][..], |voter| self.electorate.weights(voter));
        let empty_vote_root = self.ballots.empty_root();
        Transition {
            before: self.state,
            after: self.state,
            event,
            decision: Decision::Applied,
            path_index: index,
            old_leaf,
            leaf: voter
                .and_then(|voter| self.leaf(voter))
                .unwrap_or(StateLeaf::nobody(empty_vote_root)),
            state_path: self.tree.path_within(index),
            option_index: option,
            old_weight: voter.map_or(0, |voter| self.electorate.weight(voter, option)),
            vote_path: self.ballots.path(voter.unwrap_or(0), option, weights),
            old_result: self.tally.result(option),
            tally_path: self.tally.path_within(option),
            new_leaf: old_leaf,
        }
    }

    /// Writes the leaf and closes the transition.
    fn finish(&mut self, transition: &mut Transition, leaf: Fr) {
        if leaf != transition.old_leaf {
            // The index is that of a leaf in use or, for a join, was checked to be free.
            let written = self.tree.set(transition.path_index, leaf);
            debug_assert!(written.is_ok());
            self.state.state_root = self.tree.root();
        }
        transition.new_leaf = leaf;
        transition.after = self.state;
    }
}

pub(crate) fn check_amount(top_up: &TopUp) -> Result<(), PollError> {
    if top_up.amount == 0 || top_up.amount >> AMOUNT_BITS != 0 {
        return Err(PollError::TopUpAmount);
    }
    Ok(())
}

pub(crate) fn check_credits(join: &Join) -> Result<(), PollError> {
    if join.voice_credits >> CREDIT_BITS != 0 {
        return Err(PollError::VoiceCredits);
    }
    Ok(())
}
