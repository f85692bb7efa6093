//! Where a poll is, and what came of it.

use std::collections::HashMap;
use std::io::{self, Write};

use maci_nova_chain::clock::{moment, span};
use maci_nova_chain::{Chain, Observer};
use maci_nova_contracts::alloy_primitives::{Address, U256};
use maci_nova_contracts::bindings::Poll;
use maci_nova_contracts::poll::PollState;
use maci_nova_protocol::keys::PublicKey;
use maci_nova_protocol::log::SignedMessage;
use maci_nova_protocol::message::Message;
use serde::Serialize;

use crate::error::Error;
use crate::poll::contract::PollContract;
use crate::poll::results::Results;

/// Results that a poll's contract has stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Stored {
    /// What each option received.
    #[serde(flatten)]
    pub results: Results,
    /// Votes for all options.
    pub total_votes: String,
    /// The state tree's salted root after the count.
    pub state_root: String,
}

/// The stored results of a poll, with its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ResultsDocument {
    /// The chain.
    pub chain_id: u64,
    /// The poll's address.
    pub poll: String,
    /// Its id in its MACI.
    pub poll_id: u64,
    /// What the contract has stored.
    #[serde(flatten)]
    pub stored: Stored,
}

/// Where a poll is, its settings and its results.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// The chain.
    pub chain_id: u64,
    /// The poll's address.
    pub poll: String,
    /// Its id in its MACI.
    pub poll_id: u64,
    /// Who created it.
    pub owner: String,
    /// `pending`, `open`, `ended`, `expired`, `finalized` or `aborted`. The contract has no
    /// `expired`: the deadline has passed, and nobody has called `abort`.
    pub state: &'static str,
    /// The time that all is told of, in seconds since 1970.
    pub now: u64,
    /// When it starts, in seconds since 1970.
    pub start_time: u64,
    /// When it ends.
    pub end_time: u64,
    /// From when on it can be given up.
    pub deadline: u64,
    /// Seconds for the proof after the end.
    pub proving_base: u64,
    /// Seconds for the proof that each message adds.
    pub proving_per_message: u32,
    /// How many have joined.
    pub joins: u64,
    /// How many can join.
    pub most_joins: u64,
    /// Messages, top-ups and bundles.
    pub messages: u64,
    /// No more are taken than can be proven in time.
    pub most_messages: u64,
    /// How many options there are.
    pub options: u64,
    /// What weights mean and cost: `quadratic`, `linear`, `full` or `negative`.
    pub mode: &'static str,
    /// How many blocks an anchor is good for; 0 if messages have none.
    pub signed_within: u32,
    /// Depth of the state tree.
    pub state_tree_depth: usize,
    /// Depth of the vote option tree.
    pub vote_option_tree_depth: usize,
    /// Events that a step of the proof takes.
    pub events_per_step: usize,
    /// The coordinator's public key.
    pub coordinator_key: String,
    /// The contract that says what voters start with.
    pub credits_contract: String,
    /// How credits are bought, if they can be.
    pub top_ups: Option<TopUps>,
    /// Wei for each message, in decimal.
    pub message_fee: String,
    /// What the contract has stored, once it has.
    pub results: Option<Stored>,
    /// Where the messages of a file are, if one was named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sent: Option<Placement>,
}

/// Where messages of a file are among the poll's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Placement {
    /// Of each message, in the file's order, the places in which the poll has it, from 0. Somebody
    /// else may have sent it again.
    pub places: Vec<Vec<u64>>,
    /// Whether the poll has all of them.
    pub complete: bool,
    /// Whether those that the poll has are there in the file's order, as a ballot has to be.
    pub in_order: bool,
}

impl Placement {
    /// Looks for messages among those of the poll.
    pub fn find<C: Chain + ?Sized>(
        chain: &C,
        poll: &PollContract,
        messages: &[SignedMessage],
        observer: &dyn Observer,
    ) -> Result<Self, Error> {
        let mut places: HashMap<&Message, Vec<u64>> = messages
            .iter()
            .map(|signed| (&signed.message, Vec::new()))
            .collect();
        for sent in poll.all_sent(chain, observer)? {
            for (place, message) in sent.messages() {
                if let Some(found) = places.get_mut(message) {
                    found.push(place);
                }
            }
        }
        let places: Vec<Vec<u64>> = messages
            .iter()
            .map(|signed| places[&signed.message].clone())
            .collect();
        let there = places.iter().map(Vec::as_slice);
        let there: Vec<&[u64]> = there.filter(|places| !places.is_empty()).collect();
        Ok(Placement {
            complete: there.len() == places.len(),
            in_order: in_order(&there) == there.len(),
            places,
        })
    }

    /// How many of the first messages the poll has in their order, if it has none of the others:
    /// those can follow. `None` where what is missing cannot be added in the file's order.
    pub fn begun(&self) -> Option<usize> {
        let places: Vec<&[u64]> = self.places.iter().map(Vec::as_slice).collect();
        let begun = in_order(&places);
        let rest = places.iter().skip(begun);
        rest.copied().all(<[u64]>::is_empty).then_some(begun)
    }

    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        for (number, places) in (1..).zip(&self.places) {
            let text = match &places[..] {
                [] => "not in the poll".into(),
                places => {
                    let places: Vec<String> = places.iter().map(u64::to_string).collect();
                    format!("at index {}", places.join(", "))
                }
            };
            writeln!(out, "message {number}  {text}")?;
        }
        match (self.complete, self.in_order) {
            (false, _) => writeln!(out, "the poll does not have all of them"),
            (true, true) => writeln!(out, "all are in the poll, in this order"),
            (true, false) => writeln!(
                out,
                "all are in the poll, in ANOTHER order: as a ballot they may not count; vote again"
            ),
        }
    }
}

/// How many messages from the first on have a place after the one of the message before. One that
/// somebody has sent again has several places, of which any will do: a copy is refused where its
/// nonce is not the next one.
fn in_order(places: &[&[u64]]) -> usize {
    let mut before = None;
    let next = |places: &&&[u64]| {
        let place = places.iter().find(|place| Some(**place) > before);
        before = place.copied().or(before);
        place.is_some()
    };
    places.iter().take_while(next).count()
}

/// How a poll's credits are bought.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TopUps {
    /// The token that pays.
    pub token: String,
    /// Tokens for one credit, in decimal.
    pub credit_unit: String,
    /// Who receives them in the end.
    pub beneficiary: String,
}

/// What the poll's contract has stored; an error if it has no results.
///
/// # Errors
/// [`Error::OnChain`] if the poll was aborted; [`Error::NotNow`] if it has no results yet;
/// [`Error::Chain`].
pub fn results<C: Chain + ?Sized>(
    chain: &C,
    poll: &PollContract,
) -> Result<ResultsDocument, Error> {
    match poll.state(chain)? {
        PollState::Finalized => {}
        PollState::Aborted => return Err(poll.inconsistent("it was aborted, there are no results")),
        PollState::Ended => {
            return Err(poll.not_now("it has no results yet: its coordinator has not finalized it"))
        }
        PollState::Pending | PollState::Open => {
            return Err(poll.not_now("it has no results before its end"))
        }
    }
    Ok(ResultsDocument {
        chain_id: poll.chain_id,
        poll: poll.address.to_string(),
        poll_id: poll.header().poll_id,
        stored: stored(chain, poll)?,
    })
}

/// Where the poll is at the time `now`.
///
/// # Errors
/// [`Error::Chain`] if the chain does not answer.
pub fn status<C: Chain + ?Sized>(
    chain: &C,
    poll: &PollContract,
    now: u64,
) -> Result<Status, Error> {
    let state = poll.state(chain)?;
    let chains = poll.chains(chain)?;
    let deadline = poll.deadline(chain)?;
    let (header, shape, settings) = (poll.header(), poll.shape(), &poll.info.settings);
    let results = match state {
        PollState::Finalized => Some(stored(chain, poll)?),
        _ => None,
    };
    Ok(Status {
        chain_id: poll.chain_id,
        poll: poll.address.to_string(),
        poll_id: header.poll_id,
        owner: poll.info.owner.to_string(),
        state: state_name(state, poll.times(), deadline, now),
        now,
        start_time: settings.startTime,
        end_time: settings.endTime,
        deadline,
        proving_base: settings.provingBase,
        proving_per_message: settings.provingPerMessage,
        joins: chains.next_state_index.saturating_sub(1),
        most_joins: 5_u64.saturating_pow(shape.state_depth as u32) - 1,
        messages: chains.message_count,
        most_messages: poll.ask(chain, &Poll::messageLimitCall {})?.saturating_to(),
        options: header.vote_options,
        mode: header.mode.name(),
        signed_within: header.signed_within,
        state_tree_depth: shape.state_depth,
        vote_option_tree_depth: shape.vote_depth,
        events_per_step: shape.events_per_step,
        coordinator_key: PublicKey::new(header.coordinator_key)
            .map_err(|error| poll.inconsistent(&error.to_string()))?
            .to_serialized(),
        credits_contract: settings.credits.to_string(),
        top_ups: top_ups(settings),
        message_fee: settings.messageFee.to_string(),
        results,
        sent: None,
    })
}

fn top_ups(settings: &Poll::PollSettings) -> Option<TopUps> {
    (settings.topUpToken != Address::ZERO).then(|| TopUps {
        token: settings.topUpToken.to_string(),
        credit_unit: settings.creditUnit.to_string(),
        beneficiary: settings.beneficiary.to_string(),
    })
}

/// The newest block of a chain that waits for transactions may be old, so times decide where the
/// contract goes by them.
fn state_name(state: PollState, times: (u64, u64), deadline: u64, now: u64) -> &'static str {
    match state {
        PollState::Finalized => "finalized",
        PollState::Aborted => "aborted",
        _ if now >= deadline => "expired",
        _ if now >= times.1 => "ended",
        _ if now >= times.0 => "open",
        _ => "pending",
    }
}

fn stored<C: Chain + ?Sized>(chain: &C, poll: &PollContract) -> Result<Stored, Error> {
    let results = poll.results(chain)?;
    let totals = poll.ask(chain, &Poll::totalsCall {})?;
    let root: U256 = poll.ask(chain, &Poll::stateRootCall {})?;
    Ok(Stored {
        results: Results::new(&results, totals.spent),
        total_votes: totals.votes.to_string(),
        state_root: root.to_string(),
    })
}

impl ResultsDocument {
    /// As a table.
    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        self.stored.results.write_table(out)?;
        writeln!(out, "state root {}", self.stored.state_root)
    }
}

impl Status {
    /// As lines.
    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut line =
            |name: &str, value: &dyn std::fmt::Display| writeln!(out, "{name:<16}{value}");
        line("poll", &format!("{} on chain {}", self.poll, self.chain_id))?;
        line("poll id", &self.poll_id)?;
        line("state", &self.words())?;
        line("start", &moment(self.start_time, self.now))?;
        line("end", &moment(self.end_time, self.now))?;
        line("deadline", &self.deadline_words())?;
        line(
            "joins",
            &format!("{} of at most {}", self.joins, self.most_joins),
        )?;
        line(
            "messages",
            &format!("{} of at most {}", self.messages, self.most_messages),
        )?;
        line("options", &format!("{}, {} costs", self.options, self.mode))?;
        line("signed within", &self.signing_words())?;
        line("coordinator key", &self.coordinator_key)?;
        line("owner", &self.owner)?;
        line("credits", &format!("contract {}", self.credits_contract))?;
        line("top-ups", &self.top_up_words())?;
        line("message fee", &self.fee_words())?;
        if let Some(sent) = &self.sent {
            writeln!(out)?;
            sent.write(out)?;
        }
        match &self.results {
            Some(stored) => {
                writeln!(out)?;
                stored.results.write_table(out)
            }
            None => Ok(()),
        }
    }

    fn signing_words(&self) -> String {
        match self.signed_within {
            0 => "off: what was signed at any time can be sent again".into(),
            blocks => format!("{blocks} blocks, fewer in the last hour"),
        }
    }

    fn words(&self) -> &'static str {
        match self.state {
            "pending" => "pending: it has not started",
            "open" => "open: takes joins, messages and top-ups",
            "ended" => "ended: waits for its coordinator to finalize",
            "expired" => "expired: the deadline has passed, anyone may abort",
            "finalized" => "finalized: the results are final",
            _ => "aborted: top-ups and fees can be withdrawn",
        }
    }

    fn deadline_words(&self) -> String {
        let text = moment(self.deadline, self.now);
        match self.state {
            "pending" | "open" if self.proving_per_message > 0 => format!(
                "{text}, {} later with each message",
                span(self.proving_per_message.into())
            ),
            _ => text,
        }
    }

    fn top_up_words(&self) -> String {
        match &self.top_ups {
            None => "none".into(),
            Some(top_ups) => format!(
                "{} of token {} for a credit, to {} in the end",
                top_ups.credit_unit, top_ups.token, top_ups.beneficiary
            ),
        }
    }

    fn fee_words(&self) -> String {
        match self.message_fee.as_str() {
            "0" => "none".into(),
            fee => format!("{fee} wei"),
        }
    }
}

#[cfg(test)]
mod tests;
