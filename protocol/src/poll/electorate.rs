//! The voters of a poll and the decision whether a message counts, without any tree.

use super::{check_credits, Decision, Header, Mode, PollError, Rule};
use crate::babyjub::{Point, Scalar};
use crate::cipher::{decrypt, Decryption};
use crate::command::Command;
use crate::eddsa::{verify, Signature};
use crate::field::Fr;
use crate::keys::shared_key;
use crate::message::{Join, Message, TopUp};
use crate::tree::capacity;
use ff::Field;
use std::fmt;
use zeroize::Zeroizing;

/// A voter. Weights are those that were ever set, by option.
#[derive(Clone)]
pub(crate) struct Voter {
    pub(crate) key: Point,
    pub(crate) balance: u128,
    pub(crate) nonce: u64,
    weights: Vec<(u64, i64)>,
}

impl Voter {
    fn find(&self, option: u64) -> Result<usize, usize> {
        self.weights
            .binary_search_by_key(&option, |(option, _)| *option)
    }

    fn weight(&self, option: u64) -> i64 {
        self.find(option).map_or(0, |at| self.weights[at].1)
    }

    fn set_weight(&mut self, option: u64, weight: i64) {
        match self.find(option) {
            Ok(at) => self.weights[at].1 = weight,
            Err(at) => self.weights.insert(at, (option, weight)),
        }
    }
}

/// What a message says and whether it counts. The indices are there if they are valid, whatever the
/// decision, and the weight if it is one of the mode's.
pub(crate) struct Assessment {
    pub(crate) decision: Decision,
    pub(crate) state_index: Option<u64>,
    pub(crate) option_index: Option<u64>,
    command: Command,
    weight: Option<i64>,
}

impl Assessment {
    /// The vote, if it counts.
    pub(crate) fn applied(&self) -> Option<AppliedVote> {
        if self.decision != Decision::Applied {
            return None;
        }
        Some(AppliedVote {
            index: self.state_index?,
            option: self.option_index?,
            weight: self.weight?,
            key: self.command.new_public_key,
            nonce: self.command.nonce,
        })
    }
}

/// A vote that every rule accepts.
pub(crate) struct AppliedVote {
    pub(crate) index: u64,
    pub(crate) option: u64,
    pub(crate) weight: i64,
    key: Point,
    nonce: u64,
}

/// All voters; index 0 is nobody's.
#[derive(Clone)]
pub(crate) struct Electorate {
    header: Header,
    secret: Zeroizing<Scalar>,
    voters: Vec<Voter>,
}

impl fmt::Debug for Electorate {
    /// Neither the secret nor the voters.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Electorate")
            .field("header", &self.header)
            .field("voters", &self.voters.len())
            .finish_non_exhaustive()
    }
}

impl Electorate {
    pub(crate) fn new(header: Header, secret: Scalar) -> Result<Self, PollError> {
        let secret = Zeroizing::new(secret);
        header.validate()?;
        if !header.belongs_to(&secret) {
            return Err(PollError::WrongKey);
        }
        Ok(Electorate {
            header,
            secret,
            voters: Vec::new(),
        })
    }

    pub(crate) fn header(&self) -> &Header {
        &self.header
    }

    pub(crate) fn next_state_index(&self) -> u64 {
        self.voters.len() as u64 + 1
    }

    pub(crate) fn voter(&self, index: u64) -> Option<&Voter> {
        let position = usize::try_from(index.checked_sub(1)?).ok()?;
        self.voters.get(position)
    }

    fn voter_mut(&mut self, index: u64) -> Option<&mut Voter> {
        let position = usize::try_from(index.checked_sub(1)?).ok()?;
        self.voters.get_mut(position)
    }

    /// The index if it is a voter's.
    pub(crate) fn valid_index(&self, index: u64) -> Option<u64> {
        self.voter(index).map(|_| index)
    }

    pub(crate) fn weight(&self, index: u64, option: u64) -> i64 {
        self.voter(index).map_or(0, |voter| voter.weight(option))
    }

    pub(crate) fn weights(&self, index: u64) -> &[(u64, i64)] {
        self.voter(index).map_or(&[], |voter| &voter.weights)
    }

    pub(crate) fn check_join(&self, join: &Join) -> Result<(), PollError> {
        check_credits(join)?;
        if self.next_state_index() >= capacity(self.header.state_tree_depth) {
            return Err(PollError::Full);
        }
        Ok(())
    }

    pub(crate) fn join(&mut self, join: &Join) -> Result<(), PollError> {
        self.check_join(join)?;
        self.voters.push(Voter {
            key: join.public_key,
            balance: u128::from(join.voice_credits),
            nonce: 0,
            weights: Vec::new(),
        });
        Ok(())
    }

    /// Adds to a voter's balance. Fewer than 2^50 messages of amounts below 2^48 keep it below
    /// 2^99.
    pub(crate) fn top_up(&mut self, top_up: &TopUp) -> Decision {
        match self.voter_mut(top_up.state_index) {
            Some(voter) => {
                voter.balance += u128::from(top_up.amount);
                Decision::Applied
            }
            None => Decision::Refused(Rule::StateIndex),
        }
    }

    /// Reads a message and decides whether it counts.
    pub(crate) fn assess(&self, message: &Message) -> Assessment {
        let on_curve = message.encryption_key.is_on_curve();
        // A message with a key off the curve is read too, under (0, 1), so that every message has
        // an index.
        let base = if on_curve {
            message.encryption_key
        } else {
            Point::IDENTITY
        };
        let decryption = decrypt(&message.data, &shared_key(&self.secret, &base));
        let (command, signature) = read(&decryption);
        let checks = [
            (on_curve, Rule::EncryptionKey),
            (decryption.tag_valid, Rule::Tag),
            (decryption.padding_zero, Rule::Padding),
        ];
        let legible = checks
            .into_iter()
            .try_for_each(|(holds, rule)| require(holds, rule));
        let judged = legible.and_then(|()| self.check(message.anchor, &command, &signature));
        let decision = match judged {
            Ok(()) => Decision::Applied,
            Err(rule) => Decision::Refused(rule),
        };
        let option = command.vote_option_index;
        Assessment {
            decision,
            state_index: self.valid_index(command.state_index),
            option_index: (option < self.header.vote_options).then_some(option),
            weight: self.header.mode.weight(command.new_vote_weight),
            command,
        }
    }

    /// The rules for a command in their order.
    fn check(&self, anchor: Fr, command: &Command, signature: &Signature) -> Result<(), Rule> {
        let voter = self.voter(command.state_index).ok_or(Rule::StateIndex)?;
        let option = command.vote_option_index;
        require(option < self.header.vote_options, Rule::VoteOption)?;
        require(
            voter.nonce.checked_add(1) == Some(command.nonce),
            Rule::Nonce,
        )?;
        require(command.poll_id == self.header.poll_id, Rule::PollId)?;
        require(anchor == Fr::ZERO || command.salt == anchor, Rule::Anchor)?;
        verify(&voter.key, command.hash(), signature)?;
        let mode = self.header.mode;
        let weight = mode.weight(command.new_vote_weight).ok_or(Rule::Weight)?;
        let credits = voter.balance + mode.cost(voter.weight(option));
        let cost = mode.cost(weight);
        require(credits >= cost, Rule::Credits)?;
        let whole = credits == cost && weight != 0;
        require(whole || mode != Mode::Full, Rule::WholeBalance)
    }

    /// Writes an accepted vote: key, nonce, balance and weight of its voter.
    pub(crate) fn apply(&mut self, vote: &AppliedVote) {
        let mode = self.header.mode;
        let Some(voter) = self.voter_mut(vote.index) else {
            return;
        };
        voter.balance += mode.cost(voter.weight(vote.option));
        voter.balance -= mode.cost(vote.weight);
        voter.key = vote.key;
        voter.nonce = vote.nonce;
        voter.set_weight(vote.option, vote.weight);
    }
}

fn require(condition: bool, rule: Rule) -> Result<(), Rule> {
    condition.then_some(()).ok_or(rule)
}

/// The command and the signature of nine decrypted elements, honest or not.
fn read(decryption: &Decryption) -> (Command, Signature) {
    let [packed, key_x, key_y, salt, r8_x, r8_y, s, _, _] = decryption.plaintext;
    let key = Point { x: key_x, y: key_y };
    let r8 = Point { x: r8_x, y: r8_y };
    (Command::unpack(packed, key, salt), Signature { r8, s })
}
