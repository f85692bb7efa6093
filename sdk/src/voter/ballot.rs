//! A ballot as messages: all that a voter wants, in place of every earlier ballot.
//!
//! Messages are counted from the last to the first. So the message that is published last is
//! counted first and has the first nonce `n`, the one before it `n + 1`, and so on. The one that is
//! counted first is signed with the key that the voter has then: the key of the join, unless later
//! ballots changed it. It also changes the key to one that is drawn for this ballot and forgotten,
//! which signs the others. So nothing that was sent before counts, as soon as one message of the
//! ballot is. The message that is counted last may change the key once more, to one that the voter
//! keeps: what that key has signed before may count then.
//!
//! A message whose cost is more than the voter's credits is refused, and the ballot's later nonces
//! with it. If it is the one that is counted first, the key stays, and an earlier ballot may count
//! instead.
//!
//! That it costs too much is no way to make a ballot void. Anybody may top up any voter, and a
//! top-up that is sent after a ballot is counted before it: whoever pays what is missing, a briber
//! included, makes it count in place of the earlier one. A decoy that shall not count has to be
//! refused by something that nobody else can put right, such as a signature by a key that is not
//! the voter's; better, a ballot that the voter can pay for is sent after it.

use std::fmt;

use ff::Field;
use maci_nova_protocol::babyjub::Point;
use maci_nova_protocol::command::{Command, CommandError};
use maci_nova_protocol::keys::{ecdh, PrivateKey, PublicKey};
use maci_nova_protocol::log::SignedMessage;
use maci_nova_protocol::message::Message;
use maci_nova_protocol::poll::{Header, Mode};
use maci_nova_protocol::Fr;
use rand_core::OsRng;

use crate::voter::anchor::Anchor;

/// An option and its weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choice {
    /// Which option.
    pub option: u64,
    /// What it gets; negative for a weight against it.
    pub weight: i64,
}

impl std::str::FromStr for Choice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let pair = text.split_once('=');
        pair.and_then(|(option, weight)| {
            Some((option.trim().parse().ok()?, weight.trim().parse().ok()?))
        })
        .map(|(option, weight)| Choice { option, weight })
        .ok_or_else(|| "not an option and a weight, such as 2=9".into())
    }
}

/// What a key change votes for when it is all that a ballot does: a message always sets a weight.
/// On a fresh state this sets 0 to 0; with a first nonce above 1 it takes the weight that was
/// counted for option 0 before.
const NO_CHOICE: Choice = Choice {
    option: 0,
    weight: 0,
};

/// All that a voter wants.
pub struct Ballot<'a> {
    /// The poll.
    pub header: &'a Header,
    /// The voter's index.
    pub state_index: u64,
    /// The voter's key when the ballot is counted.
    pub key: &'a PrivateKey,
    /// The options with their weights, at most one for each; the first is counted first.
    pub choices: &'a [Choice],
    /// The key that it changes to in the end; none is one that nobody has.
    pub new_key: Option<PublicKey>,
    /// Nonce of the message that is counted first: 1, unless later ballots are counted before.
    pub first_nonce: u64,
    /// It has no fewer messages than this: what is counted last is counted again, which changes
    /// nothing. So the number of messages, which everybody sees, is no longer the number of
    /// options, as long as that is not larger.
    pub at_least: u16,
}

impl fmt::Debug for Ballot<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What it says is secret.
        f.debug_struct("Ballot")
            .field("state_index", &self.state_index)
            .finish_non_exhaustive()
    }
}

/// Why a ballot is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BallotError {
    /// There is neither a choice nor a key.
    #[error("the ballot is empty: give a vote or a new key")]
    Empty,
    /// Nobody has state index 0.
    #[error("state indices begin with 1")]
    StateIndex,
    /// The first nonce is 0.
    #[error("nonces begin with 1")]
    Nonce,
    /// There is no such option.
    #[error("there is no option {option}: the poll has options 0 to {last}")]
    Option {
        /// The option.
        option: u64,
        /// The last one that there is.
        last: u64,
    },
    /// An option has two weights.
    #[error("option {0} is there twice; a ballot gives it one weight")]
    Twice(u64),
    /// The mode has no such weight.
    #[error("weight {weight}: weights in {mode} voting are below 2^49, and not negative but in negative voting")]
    Weight {
        /// The weight.
        weight: i64,
        /// The poll's mode.
        mode: &'static str,
    },
    /// A ballot of full voting is one vote.
    #[error("full voting: a ballot gives all voice credits to one option")]
    NotFull,
    /// It costs more than its voter has, and nobody can add to that.
    #[error("the ballot costs {cost} voice credits, and its voter has {credits}: in a poll without top-ups it can never count")]
    TooDear {
        /// What it costs.
        cost: u128,
        /// What the voter has.
        credits: u64,
    },
    /// A ballot of full voting spends all that there is.
    #[error(
        "full voting: a ballot gives all {credits} voice credits to one option, this one {cost}"
    )]
    NotWhole {
        /// What it costs.
        cost: u128,
        /// What the voter has.
        credits: u64,
    },
    /// The new key is the old one.
    #[error("the ballot changes the key to the one that signs it, so that earlier messages count; give another one")]
    SameKey,
    /// A number is too large for a command.
    #[error("{0}")]
    Command(#[from] CommandError),
    /// The coordinator's key is none.
    #[error("the coordinator's key is not on the curve")]
    CoordinatorKey,
}

/// A command of a ballot with the key that signs it, to be signed after a recent block.
pub struct Draft {
    command: Command,
    signer: PrivateKey,
    coordinator: PublicKey,
}

impl fmt::Debug for Draft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Draft").finish_non_exhaustive()
    }
}

impl Draft {
    /// The command, signed for an anchor and encrypted to the coordinator under a key of its own.
    /// Another message each time. Without anchors the salt is random.
    pub fn sign(&self, anchor: &Anchor) -> Message {
        let salt = match anchor.element {
            Fr::ZERO => Fr::random(OsRng),
            element => element,
        };
        let command = Command {
            salt,
            ..self.command
        };
        let one_time = PrivateKey::random(&mut OsRng);
        let shared = ecdh(&one_time, &self.coordinator);
        Message {
            data: command.encrypt(&command.sign(&self.signer), &shared),
            encryption_key: one_time.public_key().point(),
            anchor: anchor.element,
        }
    }
}

impl Ballot<'_> {
    /// Its messages, signed after one block, in the order in which they have to be published.
    pub fn messages(&self, anchor: &Anchor) -> Result<Vec<SignedMessage>, BallotError> {
        let drafts = self.drafts()?;
        let signed = drafts.iter().map(|draft| SignedMessage {
            message: draft.sign(anchor),
            block_number: anchor.block_number,
        });
        Ok(signed.collect())
    }

    /// What is to be signed, in the order in which it has to be published.
    pub fn drafts(&self) -> Result<Vec<Draft>, BallotError> {
        self.check()?;
        let coordinator =
            PublicKey::new(self.header.coordinator_key).map_err(|_| BallotError::CoordinatorKey)?;
        let forgotten = PrivateKey::random(&mut OsRng);
        let between = forgotten.public_key();
        let after = self.new_key.unwrap_or(between);
        let choices = self.votes();
        let mut drafts = Vec::with_capacity(choices.len());
        for (i, choice) in choices.iter().enumerate() {
            let signer = if i == 0 { self.key } else { &forgotten };
            let is_last = i + 1 == choices.len();
            let key = if is_last { after } else { between };
            let nonce = self.first_nonce.saturating_add(i as u64);
            drafts.push(Draft {
                command: self.command(choice, nonce, key.point())?,
                signer: signer.clone(),
                coordinator,
            });
        }
        drafts.reverse();
        Ok(drafts)
    }

    /// The nonces of the messages, in the order in which they are published.
    pub fn nonces(&self) -> Vec<u64> {
        let count = self.votes().len() as u64;
        let last = self.first_nonce.saturating_add(count);
        (self.first_nonce..last).rev().collect()
    }

    /// The voice credits that all of it takes.
    pub fn cost(&self) -> u128 {
        let costs = self.choices.iter();
        costs
            .map(|choice| self.header.mode.cost(choice.weight))
            .fold(0, u128::saturating_add)
    }

    /// Voice credits that somebody has to add AFTER this ballot for all of it to count, for a voter
    /// who joined with `credits`. Top-ups that were sent before it are counted after it, and do not
    /// help.
    ///
    /// # Errors
    /// [`BallotError::TooDear`] where nobody can add any; [`BallotError::NotWhole`] in full voting,
    /// where a ballot that is counted first spends exactly what its voter has.
    pub fn missing(&self, credits: u64, has_top_ups: bool) -> Result<u128, BallotError> {
        let cost = self.cost();
        let whole = cost == u128::from(credits);
        if self.header.mode == Mode::Full && self.first_nonce == 1 && !whole {
            return Err(BallotError::NotWhole { cost, credits });
        }
        // Once all of it is counted its options have cost that much, whatever was counted before.
        match cost.saturating_sub(u128::from(credits)) {
            1.. if !has_top_ups => Err(BallotError::TooDear { cost, credits }),
            missing => Ok(missing),
        }
    }

    /// What its messages vote for, in the order in which they are counted.
    fn votes(&self) -> Vec<Choice> {
        let last = self.choices.last().copied().unwrap_or(NO_CHOICE);
        let mut votes = self.choices.to_vec();
        let count = votes.len().max(usize::from(self.at_least)).max(1);
        votes.resize(count, last);
        votes
    }

    fn check(&self) -> Result<(), BallotError> {
        if self.choices.is_empty() && self.new_key.is_none() {
            return Err(BallotError::Empty);
        }
        if self.new_key == Some(self.key.public_key()) {
            return Err(BallotError::SameKey);
        }
        self.check_votes()
    }

    /// Checks everything but the new key, which may not have been made yet.
    pub fn check_votes(&self) -> Result<(), BallotError> {
        if self.state_index == 0 {
            return Err(BallotError::StateIndex);
        }
        if self.first_nonce == 0 {
            return Err(BallotError::Nonce);
        }
        self.check_options()?;
        self.check_mode()?;
        // Of the numbers that only a command checks.
        let nonce = self.nonces().first().copied().unwrap_or(u64::MAX);
        for choice in self.votes() {
            self.command(&choice, nonce, Point::IDENTITY)?;
        }
        Ok(())
    }

    fn check_options(&self) -> Result<(), BallotError> {
        let mut options: Vec<u64> = self.choices.iter().map(|choice| choice.option).collect();
        options.sort_unstable();
        let last = self.header.vote_options.saturating_sub(1);
        match options.last() {
            Some(option) if *option > last => {
                let option = *option;
                return Err(BallotError::Option { option, last });
            }
            _ => {}
        }
        match options.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(BallotError::Twice(pair[0])),
            None => Ok(()),
        }
    }

    /// In full voting all goes to one option: what spends less does not count.
    fn check_mode(&self) -> Result<(), BallotError> {
        let one_vote = matches!(self.choices, [choice] if choice.weight != 0);
        match self.header.mode {
            Mode::Full if !one_vote => Err(BallotError::NotFull),
            _ => Ok(()),
        }
    }

    /// The command but for its salt.
    fn command(&self, choice: &Choice, nonce: u64, key: Point) -> Result<Command, BallotError> {
        let mode = self.header.mode;
        let weight = mode.pack_weight(choice.weight).ok_or(BallotError::Weight {
            weight: choice.weight,
            mode: mode.name(),
        })?;
        Ok(Command::new(
            self.state_index,
            key,
            choice.option,
            weight,
            nonce,
            self.header.poll_id,
            Fr::ZERO,
        )?)
    }
}

#[cfg(test)]
mod tests;
