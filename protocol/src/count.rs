//! The count alone: the decisions of [`crate::poll::Poll`] without trees, paths or states.

use crate::babyjub::Scalar;
use crate::field::Fr;
use crate::hash_chain::extend;
use crate::message::{Join, Message, TopUp};
use crate::poll::{check_amount, Decision, Electorate, Event, Header, PollError, State};
use crate::tally::{OptionResult, Results};
use ff::Field;

/// A poll being counted, nothing more. Events come in the same order as for [`crate::poll::Poll`]:
/// joins in order of arrival, then votes and top-ups in reverse.
#[derive(Clone, Debug)]
pub struct Count {
    electorate: Electorate,
    results: Results,
    /// Where the message chain is; nothing else of it changes.
    state: State,
}

impl Count {
    /// The count before the first event.
    ///
    /// # Errors
    /// [`PollError::Header`] and [`PollError::WrongKey`].
    pub fn new(header: Header, secret: Scalar) -> Result<Self, PollError> {
        let electorate = Electorate::new(header, secret)?;
        Ok(Count {
            state: State::initial(electorate.header()),
            results: Results::default(),
            electorate,
        })
    }

    /// Processes any event; gives the decision on a vote or a top-up.
    ///
    /// # Errors
    /// Those of [`crate::poll::Poll::process`]; nothing changes.
    pub fn process(&mut self, event: &Event) -> Result<Option<Decision>, PollError> {
        self.process_over(event, event.link().unwrap_or(Fr::ZERO))
    }

    /// The same where the event's [`Event::link`] is known.
    pub(crate) fn process_over(
        &mut self,
        event: &Event,
        link: Fr,
    ) -> Result<Option<Decision>, PollError> {
        match event {
            Event::Blind { .. } => Ok(None),
            Event::Join(join) => self.join(join).map(|()| None),
            Event::Vote { message, previous } => self.vote_over(message, *previous, link).map(Some),
            Event::Bundle { inner, previous } => {
                self.state = self.state.open_bundle(link, *inner, *previous)?;
                Ok(None)
            }
            Event::TopUp { top_up, previous } => {
                self.top_up_over(top_up, *previous, link).map(Some)
            }
        }
    }

    /// A voter joins.
    ///
    /// # Errors
    /// [`PollError::JoinAfterMessage`], [`PollError::Full`], [`PollError::VoiceCredits`]; nothing
    /// changes.
    pub fn join(&mut self, join: &Join) -> Result<(), PollError> {
        if self.state.message_head != Fr::ZERO {
            return Err(PollError::JoinAfterMessage);
        }
        self.electorate.join(join)
    }

    /// Processes a vote, `previous` being the message chain before it arrived.
    ///
    /// # Errors
    /// [`PollError::NotInChain`]; nothing changes.
    pub fn vote(&mut self, message: &Message, previous: Fr) -> Result<Decision, PollError> {
        self.vote_over(message, previous, extend(previous, message.into()))
    }

    fn vote_over(
        &mut self,
        message: &Message,
        previous: Fr,
        link: Fr,
    ) -> Result<Decision, PollError> {
        self.state = self.state.step_back(link, previous)?;
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
    /// [`PollError::NotInChain`], [`PollError::InBundle`] and [`PollError::TopUpAmount`]; nothing
    /// changes.
    pub fn top_up(&mut self, top_up: &TopUp, previous: Fr) -> Result<Decision, PollError> {
        self.top_up_over(top_up, previous, extend(previous, top_up.into()))
    }

    fn top_up_over(
        &mut self,
        top_up: &TopUp,
        previous: Fr,
        link: Fr,
    ) -> Result<Decision, PollError> {
        check_amount(top_up)?;
        self.state = self.state.step_back_over_top_up(link, previous)?;
        Ok(self.electorate.top_up(top_up))
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
