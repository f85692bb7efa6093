//! The count alone, with a decision for each message.

use std::collections::BTreeMap;

use maci_nova_chain::{Observer, Stage};
use maci_nova_protocol::count::Count as Counter;
use maci_nova_protocol::keys::PrivateKey;
use maci_nova_protocol::poll::{Decision, Event, PollError};
use maci_nova_protocol::tally::OptionResult;

use crate::error::Error;
use crate::log::poll_log::{Logged, PollLog};

/// The name of a message that counts.
pub const APPLIED: &str = "applied";
/// The name of one that does not.
pub const REFUSED: &str = "refused";

/// A poll's count.
#[derive(Debug)]
pub struct Count {
    /// For each option.
    pub results: Vec<OptionResult>,
    /// On all options.
    pub total_spent: u128,
    /// Every message, in order of arrival.
    pub messages: Vec<Counted>,
}

/// What became of a message.
#[derive(Clone, Copy, Debug)]
pub struct Counted {
    /// Its line in the log.
    pub line: u64,
    /// Whether it is a top-up, not a vote.
    pub top_up: bool,
    /// Whether it was applied.
    pub decision: Decision,
}

impl Counted {
    /// Its name in the output.
    pub fn kind(&self) -> &'static str {
        if self.top_up {
            "topUp"
        } else {
            "vote"
        }
    }
}

impl Count {
    /// How many messages were applied, and how many each rule refused.
    pub fn decisions(&self) -> BTreeMap<&'static str, u64> {
        let mut decisions = BTreeMap::from([(APPLIED, 0)]);
        for message in &self.messages {
            let name = match message.decision {
                Decision::Applied => APPLIED,
                Decision::Refused(rule) => rule.name(),
            };
            *decisions.entry(name).or_insert(0) += 1;
        }
        decisions
    }
}

/// Counts the poll: joins in order, messages in reverse.
///
/// # Errors
/// [`Error::WrongKey`]; what the log cannot be read with.
pub fn count(log: &PollLog, key: &PrivateKey, observer: &dyn Observer) -> Result<Count, Error> {
    log.check_key(key)?;
    let mut counter =
        Counter::new(log.header().clone(), key.secret_scalar()).map_err(Error::internal)?;
    let mut messages = vec![];
    let mut progress = observer.begin(Stage::Counted {
        label: "counting",
        unit: "events",
        done: 0,
        total: log.voters() + log.messages(),
    });
    let mut events = log.events(vec![])?;
    let mut done = 0;
    while let Some(event) = events.next() {
        counted(&event?, &mut counter, &mut messages).map_err(|error| events.refused(&error))?;
        done += 1;
        progress.at(done);
    }
    drop(progress);
    messages.reverse();
    Ok(Count {
        results: counter.results(),
        total_spent: counter.total_spent(),
        messages,
    })
}

/// Counts an event, and adds what became of a message.
fn counted(
    event: &Logged,
    counter: &mut Counter,
    messages: &mut Vec<Counted>,
) -> Result<(), PollError> {
    match event {
        Logged::Event(event) => {
            counter.process(event)?;
        }
        Logged::Message(message) => {
            let decision = message.count(counter)?;
            messages.extend(decision.map(|decision| Counted {
                line: message.line_number,
                top_up: matches!(message.event(), Event::TopUp { .. }),
                decision,
            }));
        }
    }
    Ok(())
}
