//! What everybody can know of a poll.

use super::{LogErrorKind, Record};
use crate::field::Fr;
use crate::hash_chain::{self, Link};
use crate::message::{Join, Message, TopUp, AMOUNT_BITS, CREDIT_BITS};
use crate::poll::{Header, State};
use crate::tree::capacity;
use ff::Field;
use serde::{Deserialize, Serialize};

/// A poll has fewer messages than two to this power, which bounds balances.
const MESSAGE_BITS: u32 = 50;

/// Why a record cannot be the next one of a poll.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FactError {
    /// The record is a header; the poll has one.
    #[error("there is a second poll header")]
    Header,
    /// The voice credits of a join are not below 2^32.
    #[error("the voice credits are not below 2^32")]
    VoiceCredits,
    /// The state tree has no free leaf for a join.
    #[error("more voters join than the state tree holds")]
    TooManyJoins,
    /// A top-up's state index is not that of a voter who has joined before.
    #[error("the state index of the top-up is not that of a voter who has joined")]
    TopUpStateIndex,
    /// A top-up's amount is 0 or not below 2^48.
    #[error("the amount of the top-up is 0 or not below 2^48")]
    TopUpAmount,
    /// A message has the anchor 0 in a poll with anchors.
    #[error("the message has no anchor, and the poll's messages have one")]
    NoAnchor,
    /// A message has an anchor other than 0 in a poll without.
    #[error("the message has an anchor, and the poll's messages have none")]
    UnexpectedAnchor,
    /// Lines of version 3 have no place in a log of an earlier one.
    #[error("the log is of an earlier version, to which nothing can be added")]
    OldVersion,
    /// The poll has 2^50 messages.
    #[error("the poll has too many messages")]
    TooManyMessages,
}

/// The header and both chains: what fixes a poll, and against which a count is proven.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicFacts {
    /// The poll's header.
    pub header: Header,
    /// The join chain after the last join.
    #[serde(with = "crate::field::decimal")]
    pub join_chain: Fr,
    /// One more than the voters.
    pub next_state_index: u64,
    /// The message chain after the last message.
    #[serde(with = "crate::field::decimal")]
    pub message_head: Fr,
    /// Places of the message chain that are taken: by each message, each top-up and each bundle.
    pub message_count: u64,
}

impl PublicFacts {
    /// The facts of a poll in which nothing happened yet.
    pub fn initial(header: Header) -> Self {
        PublicFacts {
            header,
            join_chain: hash_chain::zero(),
            next_state_index: 1,
            message_head: hash_chain::zero(),
            message_count: 0,
        }
    }

    /// Adds the next record in order of arrival.
    ///
    /// # Errors
    /// Any [`FactError`]; nothing changes.
    pub fn absorb(&mut self, record: &Record) -> Result<(), FactError> {
        check(
            &self.header,
            self.next_state_index,
            self.message_count,
            record,
        )?;
        match record {
            Record::Header(_) => return Err(FactError::Header),
            Record::Join(join) => {
                self.join_chain = hash_chain::extend_joins(self.join_chain, join);
                self.next_state_index += 1;
            }
            Record::Message(message) => self.extend((&**message).into(), record),
            Record::TopUp(top_up) => self.extend(top_up.into(), record),
            Record::Bundle(bundle) => self.extend(Link::of_bundle(bundle.inner()), record),
        }
        Ok(())
    }

    fn extend(&mut self, link: Link, record: &Record) {
        self.message_head = hash_chain::extend(self.message_head, link);
        self.message_count += record.places();
    }

    /// Whether a state is that of the complete count: every join and every message processed, none
    /// else.
    ///
    /// Complete means that `joinChain` and `nextStateIndex` are the facts', and that `messageHead`
    /// is the facts' and `messageCursor` the start of the chain, or both are 0 and the facts have
    /// no message; and that no bundle is open.
    pub fn completed_by(&self, state: &State) -> bool {
        let joins = state.join_chain == self.join_chain
            && state.next_state_index == Fr::from(self.next_state_index);
        let untouched = state.message_head == Fr::ZERO && state.message_cursor == Fr::ZERO;
        let messages = match untouched {
            true => self.message_head == hash_chain::zero(),
            false => {
                state.message_head == self.message_head
                    && state.message_cursor == hash_chain::zero()
            }
        };
        let outside = state.outer_cursor == Fr::ZERO;
        state.poll == self.header.context() && joins && messages && outside
    }
}

/// Checks a record that comes when the next join gets `next_state_index` and `message_count`
/// messages have arrived.
pub(super) fn check(
    header: &Header,
    next_state_index: u64,
    message_count: u64,
    record: &Record,
) -> Result<(), FactError> {
    match record {
        Record::Header(_) => Err(FactError::Header),
        Record::Join(join) => check_join(header, next_state_index, join),
        Record::Message(message) => {
            check_message_count(message_count, record)?;
            check_anchor(header, message)
        }
        Record::TopUp(top_up) => {
            check_message_count(message_count, record)?;
            check_top_up(next_state_index, top_up)
        }
        Record::Bundle(bundle) => {
            check_message_count(message_count, record)?;
            let mut messages = bundle.messages().iter();
            messages.try_for_each(|message| check_anchor(header, message))
        }
    }
}

fn check_join(header: &Header, next_state_index: u64, join: &Join) -> Result<(), FactError> {
    if join.voice_credits >> CREDIT_BITS != 0 {
        return Err(FactError::VoiceCredits);
    }
    if next_state_index >= capacity(header.state_tree_depth) {
        return Err(FactError::TooManyJoins);
    }
    Ok(())
}

fn check_message_count(message_count: u64, record: &Record) -> Result<(), FactError> {
    if message_count.saturating_add(record.places()) >> MESSAGE_BITS != 0 {
        return Err(FactError::TooManyMessages);
    }
    Ok(())
}

/// The contract lets in no other: each message has an anchor, or none has.
fn check_anchor(header: &Header, message: &Message) -> Result<(), FactError> {
    match (header.has_anchors(), message.anchor == Fr::ZERO) {
        (true, true) => Err(FactError::NoAnchor),
        (false, false) => Err(FactError::UnexpectedAnchor),
        _ => Ok(()),
    }
}

fn check_top_up(next_state_index: u64, top_up: &TopUp) -> Result<(), FactError> {
    if !(1..next_state_index).contains(&top_up.state_index) {
        return Err(FactError::TopUpStateIndex);
    }
    if top_up.amount == 0 || top_up.amount >> AMOUNT_BITS != 0 {
        return Err(FactError::TopUpAmount);
    }
    Ok(())
}

/// What has to be known of the records before to check the next, without hashing.
#[derive(Clone, Debug, Default)]
pub(super) struct Sequence {
    header: Option<Header>,
    next_state_index: u64,
    message_count: u64,
}

impl Sequence {
    /// Checks that the record may come next, the first being a header, and counts it.
    pub(super) fn next(&mut self, record: &Record) -> Result<(), LogErrorKind> {
        let Some(header) = &self.header else {
            let Record::Header(header) = record else {
                return Err(LogErrorKind::HeaderNotFirst);
            };
            self.header = Some(header.clone());
            self.next_state_index = 1;
            return Ok(());
        };
        check(header, self.next_state_index, self.message_count, record)
            .map_err(LogErrorKind::from)?;
        match record {
            Record::Join(_) => self.next_state_index += 1,
            _ => self.message_count += record.places(),
        }
        Ok(())
    }

    /// Whether there was a header.
    pub(super) fn has_header(&self) -> bool {
        self.header.is_some()
    }
}

impl From<FactError> for LogErrorKind {
    fn from(error: FactError) -> Self {
        match error {
            FactError::Header => LogErrorKind::HeaderDuplicated,
            other => LogErrorKind::Fact(other),
        }
    }
}
