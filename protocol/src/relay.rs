//! Tickets: what a voter shows to a relayer, which publishes ballots and pays for them.
//!
//! A relayer cannot tell a ballot from noise, so whoever wants something published proves to have
//! signed up: with the proof that joins are made with ([`crate::membership`]), under another scope
//! and binding. A sign-up has [`SLOTS`] tickets a day for each poll and relayer. With all words of
//! 32 bytes:
//! ```text
//! ballot  = keccak256(digest_0, anchor_0, digest_1, anchor_1, ...)
//! scope   = keccak256(chainId, relayer, poll, day, slot) mod r
//! binding = keccak256(relayer, poll, day, slot, ballot) mod r
//! ```
//! The words of a join's scope are three, so no ticket has the nullifier of a join. A ticket is one
//! for its ballot alone: whoever sees it can neither spend it on another one nor for another
//! relayer.
//!
//! # What a ticket tells
//!
//! That one of all who had signed up sends this ballot, and not which. Nullifiers of different slots
//! do not show that they are one voter's; whoever has the scalar of the sign-up can compute all of
//! them.

use crate::membership::{Address, Binding, Scope};
use crate::message::Message;
use crate::words::{digest, element, integer, WORD};
use sha3::{Digest, Keccak256};

/// Tickets of a sign-up for a day, a poll and a relayer.
pub const SLOTS: u8 = 16;

/// Seconds of a day.
pub const DAY: u64 = 86_400;

/// Where tickets are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Relayer {
    /// The chain's id.
    pub chain_id: u64,
    /// The account that pays.
    pub account: Address,
    /// The poll's contract.
    pub poll: Address,
}

/// One of a sign-up's tickets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Slot {
    /// Days since 1970.
    pub day: u64,
    /// Which of the day's tickets: below [`SLOTS`].
    pub number: u8,
}

/// What a ballot is named by: its messages in their order, and the blocks that they were signed
/// after.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BallotDigest(pub [u8; WORD]);

impl BallotDigest {
    /// `keccak256(digest_0, anchor_0, digest_1, anchor_1, ...)`.
    pub fn of<'a>(messages: impl IntoIterator<Item = &'a Message>) -> Self {
        let words = messages
            .into_iter()
            .flat_map(|message| [element(&message.digest()), element(&message.anchor)]);
        let mut hash = Keccak256::new();
        words.for_each(|word| hash.update(word));
        BallotDigest(hash.finalize().into())
    }
}

impl Slot {
    /// `keccak256(chainId, relayer, poll, day, slot) mod r`.
    pub fn scope(&self, relayer: &Relayer) -> Scope {
        Scope(digest(&[
            integer(relayer.chain_id),
            relayer.account.word(),
            relayer.poll.word(),
            integer(self.day),
            integer(self.number.into()),
        ]))
    }

    /// `keccak256(relayer, poll, day, slot, ballot) mod r`.
    pub fn binding(&self, relayer: &Relayer, ballot: &BallotDigest) -> Binding {
        Binding(digest(&[
            relayer.account.word(),
            relayer.poll.word(),
            integer(self.day),
            integer(self.number.into()),
            ballot.0,
        ]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::babyjub::Point;
    use crate::Fr;
    use std::collections::HashSet;

    fn message(seed: u64) -> Message {
        Message {
            data: std::array::from_fn(|i| Fr::from(seed + i as u64)),
            encryption_key: Point::base8(),
            anchor: Fr::from(seed),
        }
    }

    const RELAYER: Relayer = Relayer {
        chain_id: 5,
        account: Address([1; 20]),
        poll: Address([2; 20]),
    };

    #[test]
    fn a_ballot_is_its_messages_in_their_order() {
        let [one, two] = [1, 2].map(message);
        let mut elsewhere = one;
        elsewhere.anchor = Fr::from(9);
        let ballots = [
            vec![one],
            vec![two],
            vec![one, two],
            vec![two, one],
            vec![one, one],
            vec![elsewhere, two],
        ];
        let digests: HashSet<_> = ballots.iter().map(BallotDigest::of).collect();
        assert_eq!(digests.len(), ballots.len());
    }

    /// Whatever differs gives another scope and another binding, but the ballot and the chain.
    #[test]
    fn everything_enters() {
        let slot = Slot { day: 7, number: 3 };
        let ballot = BallotDigest([8; WORD]);
        let others = [
            (Slot { day: 8, ..slot }, RELAYER),
            (Slot { number: 4, ..slot }, RELAYER),
            // Words do not run into each other.
            (Slot { day: 3, number: 7 }, RELAYER),
            (
                slot,
                Relayer {
                    account: Address([3; 20]),
                    ..RELAYER
                },
            ),
            (
                slot,
                Relayer {
                    poll: Address([3; 20]),
                    ..RELAYER
                },
            ),
        ];
        for (other, relayer) in others {
            assert_ne!(other.scope(&relayer), slot.scope(&RELAYER));
            assert_ne!(
                other.binding(&relayer, &ballot),
                slot.binding(&RELAYER, &ballot)
            );
        }
        let elsewhere = Relayer {
            chain_id: 6,
            ..RELAYER
        };
        assert_ne!(slot.scope(&elsewhere), slot.scope(&RELAYER));
        let changed = slot.binding(&RELAYER, &BallotDigest([9; WORD]));
        assert_ne!(changed, slot.binding(&RELAYER, &ballot));
        // A poll's own scope is another, whatever its number.
        let poll = Scope::new(RELAYER.chain_id, &RELAYER.poll, slot.day);
        assert_ne!(poll, slot.scope(&RELAYER));
    }
}
