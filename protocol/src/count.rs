//! The count alone: the decisions of [`crate::poll::Poll`] without trees, paths or states.

use crate::babyjub::Scalar;
use crate::field::Fr;
use crate::hash_chain::{self, Link};
use crate::message::{Join, Message, TopUp};
use crate::poll::{check_amount, Decision, Electorate, Header, PollError};
use crate::tally::{OptionResult, Results};

/// A poll being counted, nothing more. Events come in the same order as for [`crate::poll::Poll`]:
/// joins in order of arrival, then votes and top-ups in reverse.
#[derive(Clone, Debug)]
pub struct Count {
    electorate: Electorate,
    results: Results,
    /// The message chain before the message processed last.
    cursor: Option<Fr>,
}

impl Count {
    /// The count before the first event.
    ///
    /// # Errors
    /// [`PollError::Header`] and [`PollError::WrongKey`].
    pub fn new(header: Header, secret: Scalar) -> Result<Self, PollError> {
        Ok(Count {
            electorate: Electorate::new(header, secret)?,
            results: Results::default(),
            cursor: None,
        })
    }

    /// A voter joins.
    ///
    /// # Errors
    /// [`PollError::JoinAfterMessage`], [`PollError::Full`], [`PollError::VoiceCredits`]; nothing
    /// changes.
    pub fn join(&mut self, join: &Join) -> Result<(), PollError> {
        if self.cursor.is_some() {
            return Err(PollError::JoinAfterMessage);
        }
        self.electorate.join(join)
    }

    /// Processes a vote, `previous` being the message chain before it arrived.
    ///
    /// # Errors
    /// [`PollError::NotInChain`]; nothing changes.
    pub fn vote(&mut self, message: &Message, previous: Fr) -> Result<Decision, PollError> {
        self.step_back(message.into(), previous)?;
        let assessment = self.electorate.assess(message);
        if let Some(vote) = assessment.applied() {
            let old_weight = self.electorate.weight(vote.index, vote.option);
            let mode = self.electorate.header().mode;
            self.electorate.apply(&vote);
            // The old weight is in the ballot, so it was counted.
            let counted = self
                .results
                .apply(vote.option, old_weight, vote.weight, mode);
            debug_assert!(counted.is_ok());
        }
        Ok(assessment.decision)
    }

    /// Processes a top-up, `previous` being the message chain before it arrived.
    ///
    /// # Errors
    /// [`PollError::NotInChain`] and [`PollError::TopUpAmount`]; nothing changes.
    pub fn top_up(&mut self, top_up: &TopUp, previous: Fr) -> Result<Decision, PollError> {
        check_amount(top_up)?;
        self.step_back(top_up.into(), previous)?;
        Ok(self.electorate.top_up(top_up))
    }

    fn step_back(&mut self, link: Link, previous: Fr) -> Result<(), PollError> {
        let link = hash_chain::extend(previous, link);
        if self.cursor.is_some_and(|cursor| cursor != link) {
            return Err(PollError::NotInChain);
        }
        self.cursor = Some(previous);
        Ok(())
    }

    /// The results of the votes processed so far, one for each vote option of the poll.
    pub fn results(&self) -> Vec<OptionResult> {
        self.results.list(self.electorate.header().vote_options)
    }

    /// The voice credits spent on all options.
    pub fn total_spent(&self) -> u128 {
        self.results.total_spent()
    }
}
