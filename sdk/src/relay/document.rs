//! What a relayer and a voter say to each other, as JSON.
//!
//! `POST /relay/{poll}` takes a [ticket](super::ticket::Ticket) and, below it, a ballot's messages as a
//! file of messages has them, a line each; `POST /relay/{poll}/joins` takes a [`JoinDocument`].

use maci_nova_chain::clock;
use maci_nova_contracts::alloy_primitives::{Address, B256, U256};
use maci_nova_contracts::bindings::Poll;
use maci_nova_protocol::relay::{BallotDigest, Relayer, DAY};
use serde::{Deserialize, Serialize};

use crate::poll::contract::PollContract;

/// `GET /relay/{poll}`: what a relayer does for a poll.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RelayDocument {
    /// The chain.
    pub chain_id: u64,
    /// The poll.
    pub poll: Address,
    /// The account that sends: tickets and joins are made for it.
    pub account: Address,
    /// Whether ballots are taken now.
    pub takes: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
    /// The day that tickets are for, in days since 1970.
    pub day: u64,
    /// Tickets of a sign-up a day.
    pub slots: u8,
    /// The most messages of a ballot.
    pub most_messages: usize,
    /// Blocks for which the contract has to go on taking a message's anchor.
    pub margin: u64,
    /// The longest time that a ballot waits for others, in seconds.
    pub wait: u64,
    /// Whether joins are taken.
    pub joins: bool,
    /// Messages that wait.
    pub queued: usize,
}

/// Nobody waits longer for others' ballots, in seconds.
const LONGEST_WAIT: u64 = 3600;

/// As much of what a relayer says is shown, in characters.
const LONGEST_TEXT: usize = 300;

/// What a relayer says, as much of it as is shown.
pub fn shown(text: &str) -> String {
    text.chars().take(LONGEST_TEXT).collect()
}

/// Why a relayer's document is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// It is of something else.
    #[error("the relayer answers for another poll, or for one of another chain")]
    OtherPoll,
    /// Which tickets are used is remembered for a day.
    #[error("the relayer's day is not this machine's: one of the clocks is wrong")]
    OtherDay,
}

impl RelayDocument {
    /// The document if it is one for the poll, and of this machine's day; what it says without limits
    /// is limited.
    ///
    /// # Errors
    /// See [`Unfit`].
    pub fn checked(mut self, poll: &PollContract) -> Result<Self, Unfit> {
        if (self.chain_id, self.poll) != (poll.chain_id, poll.address) {
            return Err(Unfit::OtherPoll);
        }
        if self.day.abs_diff(clock::here() / DAY) > 1 {
            return Err(Unfit::OtherDay);
        }
        self.reason = self.reason.as_deref().map(shown);
        self.wait = self.wait.min(LONGEST_WAIT);
        Ok(self)
    }

    /// Where tickets are used.
    pub fn relayer(&self) -> Relayer {
        use maci_nova_protocol::membership::Address;
        Relayer {
            chain_id: self.chain_id,
            account: Address(self.account.into()),
            poll: Address(self.poll.into()),
        }
    }
}

/// Where something is that a relayer has taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Stage {
    /// It waits for others, or for a block.
    Queued,
    /// A transaction with it is in a block, or on its way into one.
    Sent,
    /// A transaction with it is in a block that is deep enough.
    Confirmed,
    /// It can no longer be published, and was not.
    Expired,
}

/// `GET /relay/{poll}/{ballot}`, and the answer where a ballot is taken. Nothing in it has to be
/// believed: the poll's event in this block has the messages, and their places.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BallotDocument {
    /// Its digest.
    pub ballot: B256,
    /// Where it is.
    pub state: Stage,
    /// How many messages it has.
    pub messages: usize,
    /// The transaction, once it is in a block.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub transaction: Option<B256>,
    /// The block.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub block: Option<u64>,
    /// The block's hash.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub block_hash: Option<B256>,
    /// The place of its first message in the poll's message chain; the others follow.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub first_message: Option<u64>,
}

/// `POST /relay/{poll}/joins`: a join whose sender is the relayer, with no data for the contract that
/// gives credits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct JoinDocument {
    /// The sign-up's, in this poll.
    pub nullifier: U256,
    /// The root that the proof is under.
    pub root_index: u64,
    /// The voter's first key in the poll.
    pub poll_key: [U256; 2],
    /// The proof's words.
    pub proof: [U256; 8],
    /// With fewer credits the poll refuses.
    pub min_credits: u64,
}

/// `GET /relay/{poll}/joins/{nullifier}`, and the answer where a join is taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JoinedDocument {
    /// The sign-up's nullifier in this poll.
    pub nullifier: U256,
    /// Where it is.
    pub state: Stage,
    /// The transaction, once it is in a block.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub transaction: Option<B256>,
    /// The voter's index, once they have joined.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub state_index: Option<u64>,
}

/// Why something is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Refusal {
    /// It is not of the form that is asked for, or no message that a poll takes.
    Form,
    /// A ballot has at least one message, and at most as many as the poll has options.
    Size,
    /// A message is there twice.
    Repeated,
    /// The block that a message was signed after is too old, or soon will be.
    TooOld,
    /// The block that a message was signed after is not known here, or has been replaced.
    UnknownBlock,
    /// The root of sign-ups is not known here.
    UnknownRoot,
    /// The ticket is of another day.
    Day,
    /// The ticket has been used.
    Used,
    /// The proof is false.
    Proof,
    /// The poll takes nothing now, or its last minutes have begun.
    Closed,
    /// The poll asks for a fee that the relayer does not pay.
    Fee,
    /// The day's gas is spent.
    Budget,
    /// As much waits as there is room for.
    Full,
    /// Too much is asked for at once.
    Busy,
    /// The node does not answer.
    Node,
    /// Joins are not taken, or those of this poll cannot be.
    NoJoins,
    /// Nothing can be written down.
    Disk,
    /// There is no such poll here.
    NoPoll,
    /// Nothing is known of it.
    Unknown,
}

impl Refusal {
    /// For programs, as JSON has it.
    pub fn name(self) -> &'static str {
        match self {
            Refusal::Form => "form",
            Refusal::Size => "size",
            Refusal::Repeated => "repeated",
            Refusal::TooOld => "too-old",
            Refusal::UnknownBlock => "unknown-block",
            Refusal::UnknownRoot => "unknown-root",
            Refusal::Day => "day",
            Refusal::Used => "used",
            Refusal::Proof => "proof",
            Refusal::Closed => "closed",
            Refusal::Fee => "fee",
            Refusal::Budget => "budget",
            Refusal::Full => "full",
            Refusal::Busy => "busy",
            Refusal::Node => "node",
            Refusal::NoJoins => "no-joins",
            Refusal::Disk => "disk",
            Refusal::NoPoll => "no-poll",
            Refusal::Unknown => "unknown",
        }
    }

    /// For people.
    pub fn words(self) -> &'static str {
        match self {
            Refusal::Form => {
                "this is not a ticket with messages, or with messages that the poll does not take"
            }
            Refusal::Size => {
                "a ballot has at least one message, and at most as many as the poll has options"
            }
            Refusal::Repeated => "a message is there twice",
            Refusal::TooOld => {
                "the messages were signed too long ago: they have to be signed again"
            }
            Refusal::UnknownBlock => {
                "the block that the messages were signed after is not known here, or was replaced"
            }
            Refusal::UnknownRoot => "the ticket's root of sign-ups is not known here",
            Refusal::Day => "the ticket is of another day",
            Refusal::Used => "the ticket has been used",
            Refusal::Proof => "the proof is false",
            Refusal::Closed => "the poll takes nothing now, or not for long enough",
            Refusal::Fee => "the poll asks for a fee that is not paid here",
            Refusal::Budget => "the gas of the day is spent",
            Refusal::Full => "as much waits as there is room for",
            Refusal::Busy => "too much is asked for at once",
            Refusal::Node => "the node does not answer",
            Refusal::NoJoins => "joins of this poll are not taken here",
            Refusal::Disk => "nothing can be written down",
            Refusal::NoPoll => "no such poll is relayed here",
            Refusal::Unknown => "nothing is known of it here",
        }
    }

    /// Whether the same may be taken a little later.
    pub fn is_for_now(self) -> bool {
        matches!(
            self,
            Refusal::UnknownBlock
                | Refusal::UnknownRoot
                | Refusal::Full
                | Refusal::Busy
                | Refusal::Node
                | Refusal::Disk
        )
    }
}

/// An error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusalDocument {
    /// For programs.
    pub code: Refusal,
    /// For people.
    pub error: String,
}

impl From<Refusal> for RefusalDocument {
    fn from(code: Refusal) -> Self {
        RefusalDocument {
            code,
            error: code.words().into(),
        }
    }
}

impl From<&Poll::joinCall> for JoinDocument {
    fn from(call: &Poll::joinCall) -> Self {
        JoinDocument {
            nullifier: call.nullifier,
            root_index: call.rootIndex.saturating_to(),
            poll_key: [call.pollKey.x, call.pollKey.y],
            proof: call.proof,
            min_credits: call.minCredits.saturating_to(),
        }
    }
}

impl From<&JoinDocument> for Poll::joinCall {
    fn from(join: &JoinDocument) -> Self {
        let [x, y] = join.poll_key;
        Poll::joinCall {
            nullifier: join.nullifier,
            rootIndex: U256::from(join.root_index),
            pollKey: Poll::PublicKey { x, y },
            proof: join.proof,
            creditData: Default::default(),
            minCredits: U256::from(join.min_credits),
        }
    }
}

/// A ballot's digest, as a path and a document have it.
pub fn ballot_id(ballot: &BallotDigest) -> B256 {
    B256::from(ballot.0)
}

#[cfg(test)]
mod tests {
    use maci_nova_contracts::alloy_sol_types::SolCall;

    use super::*;

    #[test]
    fn a_refusal_has_one_name() {
        for refusal in [
            Refusal::TooOld,
            Refusal::NoJoins,
            Refusal::UnknownBlock,
            Refusal::Form,
        ] {
            let document = RefusalDocument::from(refusal);
            let text = serde_json::to_string(&document).expect("text");
            let start = format!("{{\"code\":\"{}\",", refusal.name());
            assert!(text.starts_with(&start), "{text}");
            assert_eq!(
                serde_json::from_str::<RefusalDocument>(&text).ok(),
                Some(document)
            );
        }
    }

    #[test]
    fn a_join_is_the_call_that_it_was() {
        let call = Poll::joinCall {
            nullifier: U256::from(1),
            rootIndex: U256::from(2),
            pollKey: Poll::PublicKey {
                x: U256::from(3),
                y: U256::from(4),
            },
            proof: std::array::from_fn(U256::from),
            creditData: Default::default(),
            minCredits: U256::from(5),
        };
        let text = serde_json::to_string(&JoinDocument::from(&call)).expect("text");
        let read: JoinDocument = serde_json::from_str(&text).expect("a join");
        let again = Poll::joinCall::from(&read);
        assert_eq!(again.abi_encode(), call.abi_encode());
    }
}
