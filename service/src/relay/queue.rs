//! What a relayer has taken for a poll, and where it is: the sum of a [`journal`](super::journal)'s
//! lines.
//!
//! Ballots are sent in the order of their arrival, also where some have to be sent again: one bundle at
//! a time, until its block is deep enough, and what came to nothing goes back to the front. Of two
//! ballots of a voter the last one in the poll counts; were the first one sent again after the second,
//! it would undo it.

use std::collections::{HashMap, HashSet, VecDeque};

use maci_nova_contracts::alloy_primitives::{Bytes, B256, U256};
use maci_nova_protocol::log::SignedMessage;
use maci_nova_protocol::relay::DAY;
use maci_nova_sdk::relay::document::{BallotDocument, JoinedDocument, Stage};

use super::journal::{Contradiction, Record};

/// Seconds for which a join that the poll has refused is not tried again.
const REFUSED: u64 = 600;

/// A ballot that waits, or is on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ballot {
    pub id: B256,
    /// When it was taken, in seconds since 1970.
    pub time: u64,
    pub messages: Vec<SignedMessage>,
}

/// A call that publishes ballots, about to be sent or sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Attempt {
    pub inner: U256,
    pub ballots: Vec<B256>,
    pub calldata: Bytes,
    /// The newest block before it.
    pub after: u64,
}

/// Bundles of one nonce, so that at most one of them gets into a block.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Flight {
    pub ballots: Vec<Ballot>,
    pub attempts: Vec<Attempt>,
}

/// A bundle in a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Landed {
    pub attempt: Attempt,
    pub ballots: Vec<Ballot>,
    pub block: u64,
    pub block_hash: B256,
}

impl Landed {
    /// What its messages come to.
    pub(crate) fn inner(&self) -> U256 {
        self.attempt.inner
    }
}

/// A join that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Join {
    pub nullifier: U256,
    pub calldata: Bytes,
}

/// A join in a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LandedJoin {
    pub join: Join,
    pub block: u64,
}

/// Where a ballot is, and how many messages it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    stage: Stage,
    messages: usize,
    found: Option<Found>,
}

/// Where it is on the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Found {
    transaction: B256,
    block: u64,
    block_hash: B256,
    first: u64,
}

/// All of it.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    places: HashMap<B256, Place>,
    waiting: VecDeque<Ballot>,
    flight: Option<Flight>,
    landed: Option<Landed>,
    /// Nullifiers of tickets, by their day.
    used: HashMap<u64, HashSet<B256>>,
    joins: HashMap<U256, JoinedDocument>,
    waiting_joins: VecDeque<Join>,
    landed_joins: Vec<LandedJoin>,
    /// When the poll refused which join, in seconds since 1970.
    refused: HashMap<U256, u64>,
    /// Gas that was used on the day, in days since 1970.
    gas: (u64, u64),
}

impl Queue {
    /// One more line.
    pub(crate) fn apply(&mut self, record: Record) -> Result<(), Contradiction> {
        match record {
            Record::Ballot {
                ballot,
                time,
                day,
                nullifier,
                messages,
            } => self.take(ballot, time, day, nullifier, &messages),
            Record::Bundle {
                inner,
                ballots,
                calldata,
                after,
            } => self.send(Attempt {
                inner,
                ballots,
                calldata,
                after,
            }),
            Record::Landed {
                inner,
                transaction,
                block,
                block_hash,
                first,
                gas,
                time,
            } => {
                let found = Found {
                    transaction,
                    block,
                    block_hash,
                    first,
                };
                self.spend(gas, time);
                self.land(inner, found)
            }
            Record::Grounded { gas, time } => {
                self.spend(gas, time);
                let flight = self.flight.take().ok_or(Contradiction)?;
                self.put_back(flight.ballots);
                Ok(())
            }
            Record::Vanished { inner } => {
                let landed = self.take_landed(inner)?;
                for ballot in &landed.ballots {
                    self.set(ballot.id, Stage::Sent).found = None;
                }
                self.flight = Some(Flight {
                    ballots: landed.ballots,
                    attempts: vec![landed.attempt],
                });
                Ok(())
            }
            Record::Confirmed { inner } => {
                for ballot in self.take_landed(inner)?.ballots {
                    self.set(ballot.id, Stage::Confirmed);
                }
                Ok(())
            }
            Record::Expired { ballot } => {
                let place = self.waiting.iter().position(|waits| waits.id == ballot);
                self.waiting.remove(place.ok_or(Contradiction)?);
                self.set(ballot, Stage::Expired);
                Ok(())
            }
            of_a_join => self.apply_to_joins(of_a_join),
        }
    }

    fn apply_to_joins(&mut self, record: Record) -> Result<(), Contradiction> {
        match record {
            Record::Join {
                nullifier,
                calldata,
                ..
            } => self.take_join(nullifier, calldata),
            Record::Joined {
                nullifier,
                transaction,
                block,
                state_index,
                gas,
                time,
            } => {
                self.spend(gas, time);
                let join = self.next_join(nullifier)?;
                self.landed_joins.push(LandedJoin { join, block });
                let known = self.joins.get_mut(&nullifier).ok_or(Contradiction)?;
                known.state = Stage::Sent;
                known.transaction = Some(transaction);
                known.state_index = Some(state_index);
                Ok(())
            }
            Record::JoinConfirmed { nullifier } => {
                self.take_landed_join(nullifier)?;
                self.set_join(nullifier, Stage::Confirmed)
            }
            Record::JoinVanished { nullifier } => {
                let landed = self.take_landed_join(nullifier)?;
                self.waiting_joins.push_front(landed.join);
                self.set_join(nullifier, Stage::Queued)
            }
            Record::Refused {
                nullifier,
                gas,
                time,
            } => {
                self.spend(gas, time);
                self.next_join(nullifier)?;
                self.refused.insert(nullifier, time);
                self.set_join(nullifier, Stage::Expired)
            }
            _ => Err(Contradiction),
        }
    }

    fn take(
        &mut self,
        id: B256,
        time: u64,
        day: u64,
        nullifier: B256,
        lines: &[String],
    ) -> Result<(), Contradiction> {
        let messages = lines
            .iter()
            .map(|line| SignedMessage::parse(line.as_bytes()));
        let messages: Vec<_> = messages
            .collect::<Result<_, _>>()
            .map_err(|_| Contradiction)?;
        let place = Place {
            stage: Stage::Queued,
            messages: messages.len(),
            found: None,
        };
        let is_new = self.used.entry(day).or_default().insert(nullifier);
        if !is_new || messages.is_empty() || self.places.insert(id, place).is_some() {
            return Err(Contradiction);
        }
        // Older tickets are not taken, whatever their nullifier.
        self.used.retain(|other, _| other.saturating_add(2) > day);
        self.waiting.push_back(Ballot { id, time, messages });
        Ok(())
    }

    /// A first bundle takes the first ballots that wait; another one has ballots of the first.
    fn send(&mut self, attempt: Attempt) -> Result<(), Contradiction> {
        if let Some(flight) = &mut self.flight {
            let all: Vec<B256> = flight.ballots.iter().map(|ballot| ballot.id).collect();
            if !is_within(&attempt.ballots, &all) {
                return Err(Contradiction);
            }
            flight.attempts.push(attempt);
            return Ok(());
        }
        let first = self.waiting.iter().map(|ballot| &ballot.id);
        let count = attempt.ballots.len();
        if self.landed.is_some() || count == 0 || !first.take(count).eq(&attempt.ballots) {
            return Err(Contradiction);
        }
        let ballots: Vec<Ballot> = self.waiting.drain(..count).collect();
        for ballot in &ballots {
            self.set(ballot.id, Stage::Sent);
        }
        self.flight = Some(Flight {
            ballots,
            attempts: vec![attempt],
        });
        Ok(())
    }

    /// A bundle in flight, or one that was in another block.
    fn land(&mut self, inner: U256, found: Found) -> Result<(), Contradiction> {
        let of_flight = |flight: &Flight| {
            let mut attempts = flight.attempts.iter();
            attempts.find(|attempt| attempt.inner == inner).cloned()
        };
        let (attempt, ballots) = match self.flight.as_ref().and_then(of_flight) {
            Some(attempt) => {
                let flight = self.flight.take().unwrap_or_default();
                let (landed, others): (Vec<Ballot>, Vec<Ballot>) = flight
                    .ballots
                    .into_iter()
                    .partition(|ballot| attempt.ballots.contains(&ballot.id));
                // They were left out since no block can have them. Whatever a node says later: after
                // those that are there they may undo a newer ballot.
                for ballot in others {
                    self.set(ballot.id, Stage::Expired);
                }
                (attempt, landed)
            }
            None => {
                let landed = self.take_landed(inner)?;
                (landed.attempt, landed.ballots)
            }
        };
        let mut first = found.first;
        for ballot in &ballots {
            let place = self.set(ballot.id, Stage::Sent);
            place.found = Some(Found { first, ..found });
            first += ballot.messages.len() as u64;
        }
        self.landed = Some(Landed {
            attempt,
            ballots,
            block: found.block,
            block_hash: found.block_hash,
        });
        Ok(())
    }

    fn take_landed(&mut self, inner: U256) -> Result<Landed, Contradiction> {
        let landed = self.landed.take_if(|landed| landed.inner() == inner);
        landed.ok_or(Contradiction)
    }

    /// To the front, where they were.
    fn put_back(&mut self, ballots: Vec<Ballot>) {
        for ballot in ballots.into_iter().rev() {
            let place = self.set(ballot.id, Stage::Queued);
            place.found = None;
            self.waiting.push_front(ballot);
        }
    }

    fn set(&mut self, id: B256, stage: Stage) -> &mut Place {
        let place = self.places.entry(id).or_insert(Place {
            stage,
            messages: 0,
            found: None,
        });
        place.stage = stage;
        place
    }

    fn take_join(&mut self, nullifier: U256, calldata: Bytes) -> Result<(), Contradiction> {
        // One that the poll has refused may be sent again.
        let known = self.joins.get(&nullifier).map(|join| join.state);
        if known.is_some_and(|state| state != Stage::Expired) {
            return Err(Contradiction);
        }
        let document = JoinedDocument {
            nullifier,
            state: Stage::Queued,
            transaction: None,
            state_index: None,
        };
        self.joins.insert(nullifier, document);
        self.waiting_joins.push_back(Join {
            nullifier,
            calldata,
        });
        Ok(())
    }

    /// Removes it from those that wait.
    fn next_join(&mut self, nullifier: U256) -> Result<Join, Contradiction> {
        let mut waiting = self.waiting_joins.iter();
        let place = waiting.position(|join| join.nullifier == nullifier);
        let join = self.waiting_joins.remove(place.ok_or(Contradiction)?);
        join.ok_or(Contradiction)
    }

    fn take_landed_join(&mut self, nullifier: U256) -> Result<LandedJoin, Contradiction> {
        let mut landed = self.landed_joins.iter();
        let place = landed.position(|landed| landed.join.nullifier == nullifier);
        Ok(self.landed_joins.remove(place.ok_or(Contradiction)?))
    }

    /// One that is in no block has neither a transaction nor an index.
    fn set_join(&mut self, nullifier: U256, stage: Stage) -> Result<(), Contradiction> {
        let known = self.joins.get_mut(&nullifier).ok_or(Contradiction)?;
        known.state = stage;
        if matches!(stage, Stage::Queued | Stage::Expired) {
            (known.transaction, known.state_index) = (None, None);
        }
        Ok(())
    }

    fn spend(&mut self, gas: u64, time: u64) {
        let spent = self.spent(time);
        self.gas = (time / DAY, spent.saturating_add(gas));
    }

    /// Gas that was used on the day of this time.
    pub(crate) fn spent(&self, time: u64) -> u64 {
        match self.gas.0 == time / DAY {
            true => self.gas.1,
            false => 0,
        }
    }

    /// Where a ballot is.
    pub(crate) fn ballot(&self, ballot: &B256) -> Option<BallotDocument> {
        let place = self.places.get(ballot)?;
        let found = place.found.as_ref();
        Some(BallotDocument {
            ballot: *ballot,
            state: place.stage,
            messages: place.messages,
            transaction: found.map(|found| found.transaction),
            block: found.map(|found| found.block),
            block_hash: found.map(|found| found.block_hash),
            first_message: found.map(|found| found.first),
        })
    }

    /// Where a join is.
    pub(crate) fn join(&self, nullifier: &U256) -> Option<&JoinedDocument> {
        self.joins.get(nullifier)
    }

    /// Whether the poll has refused a join a short while ago.
    pub(crate) fn is_refused(&self, nullifier: &U256, now: u64) -> bool {
        let time = self.refused.get(nullifier);
        time.is_some_and(|time| now.saturating_sub(*time) < REFUSED)
    }

    /// Whether a ticket was used.
    pub(crate) fn is_used(&self, day: u64, nullifier: &B256) -> bool {
        let used = self.used.get(&day);
        used.is_some_and(|used| used.contains(nullifier))
    }

    /// Ballots that wait, in the order of their arrival.
    pub(crate) fn waiting(&self) -> &VecDeque<Ballot> {
        &self.waiting
    }

    /// Joins that wait, in the order of their arrival.
    pub(crate) fn waiting_joins(&self) -> &VecDeque<Join> {
        &self.waiting_joins
    }

    /// Messages that wait or are on their way.
    pub(crate) fn messages(&self) -> usize {
        let flying = self.flight.iter().flat_map(|flight| &flight.ballots);
        let ballots = self.waiting.iter().chain(flying);
        ballots.map(|ballot| ballot.messages.len()).sum()
    }

    /// What is on its way.
    pub(crate) fn flight(&self) -> Option<&Flight> {
        self.flight.as_ref()
    }

    /// The bundle whose block is not deep enough.
    pub(crate) fn landed(&self) -> Option<&Landed> {
        self.landed.as_ref()
    }

    /// Joins whose blocks are not deep enough.
    pub(crate) fn landed_joins(&self) -> &[LandedJoin] {
        &self.landed_joins
    }
}

/// Whether the first are some of the second, in the same order, and at least one.
fn is_within(some: &[B256], all: &[B256]) -> bool {
    let mut rest = all.iter();
    !some.is_empty() && some.iter().all(|id| rest.any(|other| other == id))
}

#[cfg(test)]
mod tests;
