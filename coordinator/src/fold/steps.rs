//! The steps of a poll, one after another, with their witnesses.

use std::fmt;

use maci_nova_protocol::keys::PrivateKey;
use maci_nova_protocol::poll::{Poll, State, Transition};
use maci_nova_protocol::tally::OptionResult;
use maci_nova_step_circuit::{Shape, StepCircuit};

use crate::error::Error;
use crate::log::poll_log::Events;

/// Steps of a poll from where its state machine is, K events at a time.
pub struct Steps<'a> {
    events: Events<'a>,
    poll: &'a mut Poll,
    key: &'a PrivateKey,
    shape: Shape,
}

impl fmt::Debug for Steps<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Steps")
            .field("shape", &self.shape)
            .finish_non_exhaustive()
    }
}

impl<'a> Steps<'a> {
    /// The steps of these events, the next for the state machine. A step that they do not fill is
    /// none.
    pub fn new(events: Events<'a>, poll: &'a mut Poll, key: &'a PrivateKey, shape: Shape) -> Self {
        Steps {
            events,
            poll,
            key,
            shape,
        }
    }

    /// Takes a step without making its witness. None is left if it returns false.
    pub fn pass(&mut self) -> Result<bool, Error> {
        let transitions = self.transitions()?;
        Ok(transitions.len() == self.shape.events_per_step)
    }

    /// The state before the next step.
    pub fn state(&self) -> &State {
        self.poll.state()
    }

    /// The results in that state, one for each option.
    pub fn results(&self) -> Vec<OptionResult> {
        self.poll.results()
    }

    /// The next K transitions; fewer when there are no more.
    pub fn transitions(&mut self) -> Result<Vec<Transition>, Error> {
        let mut transitions = Vec::with_capacity(self.shape.events_per_step);
        while transitions.len() < self.shape.events_per_step {
            let Some(event) = self.events.next() else {
                break;
            };
            let transition = event?.process(self.poll);
            transitions.push(transition.map_err(|error| self.events.refused(&error))?);
        }
        Ok(transitions)
    }

    fn circuit(&self, transitions: Vec<Transition>) -> Result<StepCircuit, Error> {
        let secret = self.key.secret_scalar();
        let header = self.events.header();
        StepCircuit::prepare(self.shape, header, secret, transitions).map_err(Error::internal)
    }
}

impl Iterator for Steps<'_> {
    type Item = Result<StepCircuit, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.transitions() {
            Ok(transitions) if transitions.len() < self.shape.events_per_step => None,
            Ok(transitions) => Some(self.circuit(transitions)),
            Err(failure) => Some(Err(failure)),
        }
    }
}
