//! The steps of a poll, one after another, with their witnesses.

use maci_nova_protocol::keys::PrivateKey;
use maci_nova_protocol::poll::{Event, Poll, PollError, State, Transition};
use maci_nova_protocol::tally::OptionResult;
use maci_nova_protocol::Fr;
use maci_nova_step_circuit::{Shape, StepCircuit};

use crate::failure::Failure;
use crate::poll_log::{Events, PollLog};

/// What is left of a poll, K events at a time.
pub struct Steps<'a> {
    events: Events<'a>,
    poll: Poll,
    key: &'a PrivateKey,
    shape: Shape,
}

impl<'a> Steps<'a> {
    /// All steps: joins, messages in reverse, then a blinding event for each of `salts`. Their
    /// number is a multiple of the shape's K.
    pub fn new(
        log: &'a PollLog,
        key: &'a PrivateKey,
        shape: Shape,
        salts: &[Fr],
    ) -> Result<Self, Failure> {
        let poll = Poll::new(log.header().clone(), key.secret_scalar())
            .map_err(|error| Failure::Internal(error.to_string()))?;
        Ok(Steps {
            events: log.events(salts.to_vec())?,
            poll,
            key,
            shape,
        })
    }

    /// The state after the last step that was taken or skipped.
    pub fn state(&self) -> &State {
        self.poll.state()
    }

    /// Results so far, one for each option.
    pub fn results(&self) -> Vec<OptionResult> {
        self.poll.results()
    }

    /// Takes a step without making its witness.
    pub fn pass(&mut self) -> Result<(), Failure> {
        self.transitions().map(drop)
    }

    /// The next K transitions; none when all are taken.
    fn transitions(&mut self) -> Result<Vec<Transition>, Failure> {
        let mut transitions = Vec::with_capacity(self.shape.events_per_step);
        while transitions.len() < self.shape.events_per_step {
            let Some(event) = self.events.next() else {
                break;
            };
            let (_, event) = event?;
            let transition = apply(&mut self.poll, event);
            transitions.push(transition.map_err(|error| self.events.refused(&error))?);
        }
        Ok(transitions)
    }

    fn circuit(&self, transitions: Vec<Transition>) -> Result<StepCircuit, Failure> {
        let secret = self.key.secret_scalar();
        let header = self.events.header();
        StepCircuit::prepare(self.shape, header, secret, transitions)
            .map_err(|error| Failure::Internal(error.to_string()))
    }
}

impl Iterator for Steps<'_> {
    type Item = Result<StepCircuit, Failure>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.transitions() {
            Ok(transitions) if transitions.is_empty() => None,
            Ok(transitions) => Some(self.circuit(transitions)),
            Err(failure) => Some(Err(failure)),
        }
    }
}

fn apply(poll: &mut Poll, event: Event) -> Result<Transition, PollError> {
    match event {
        Event::Blind { salt } => Ok(poll.blind(salt)),
        Event::Join(join) => poll.join(&join),
        Event::Vote { message, previous } => poll.vote(&message, previous),
        Event::TopUp { top_up, previous } => poll.top_up(&top_up, previous),
    }
}
