//! The poll that everything is measured on: random voters vote for random options.

use std::collections::BTreeMap;

use ff::Field;
use maci_nova_protocol::babyjub::Scalar;
use maci_nova_protocol::command::Command;
use maci_nova_protocol::hash_chain::{self, Link};
use maci_nova_protocol::keys::{ecdh, PrivateKey, PublicKey};
use maci_nova_protocol::log::{PublicFacts, Record};
use maci_nova_protocol::message::{Join, Message};
use maci_nova_protocol::poll::{Header, Mode, Poll, Transition};
use maci_nova_protocol::tally::OptionResult;
use maci_nova_protocol::Fr;
use maci_nova_step_circuit::{Shape, StepCircuit, StepError};
use rand_chacha::ChaCha20Rng;
use rand_core::{RngCore, SeedableRng};

use crate::Error;

/// Everybody measures the same poll.
const SEED: u64 = 14;
/// Voice credits that each voter joins with.
const CREDITS: u64 = 100;
/// Most voters: more change nothing, a message costs the same whoever sends it.
const MOST_VOTERS: usize = 24;
/// One message in so many does not count: its nonce is wrong. It costs what the others cost.
const REFUSED_EVERY: usize = 8;

/// A poll whose voters have joined, and messages that are processed one after another.
#[derive(Debug)]
pub struct RandomPoll {
    header: Header,
    secret: Scalar,
    poll: Poll,
    opening: Vec<Transition>,
    /// In the order of processing, each with the chain before it.
    messages: std::vec::IntoIter<(Message, Fr)>,
    facts: PublicFacts,
}

/// What a voter's messages depend on.
struct Voter {
    key: PrivateKey,
    balance: u64,
    nonce: u64,
    weights: BTreeMap<u64, u64>,
}

impl RandomPoll {
    /// A poll of these depths with so many messages. Its opening, the blinding event and the joins, fills whole steps
    /// of the shape, two at least.
    ///
    /// # Errors
    /// [`Error::Proof`] when the depths are out of range.
    pub fn new(shape: Shape, messages: usize) -> Result<Self, Error> {
        let mut rng = ChaCha20Rng::seed_from_u64(SEED);
        let coordinator = PrivateKey::random(&mut rng);
        let header = Header {
            poll_id: 3,
            coordinator_key: coordinator.public_key().point(),
            vote_options: 5_u64.pow(shape.vote_depth as u32),
            mode: Mode::Quadratic,
            signed_within: 75,
            state_tree_depth: shape.state_depth,
            vote_option_tree_depth: shape.vote_depth,
        };
        let secret = coordinator.secret_scalar();
        let failed = Error::proof("a random poll");
        let mut poll = Poll::new(header.clone(), secret).map_err(&failed)?;
        let mut facts = PublicFacts::initial(header.clone());
        // The same voters whatever K is, so that it is the same poll.
        let room = 5_usize.pow(shape.state_depth.min(3) as u32) - 1;
        let mut voters: Vec<Voter> = (0..room.min(MOST_VOTERS))
            .map(|_| Voter::new(&mut rng))
            .collect();
        let mut opening = vec![poll.blind(Fr::random(&mut rng))];
        for voter in &voters {
            let join = voter.join();
            facts
                .absorb(&Record::Join(join))
                .map_err(Error::proof("a join"))?;
            opening.push(poll.join(&join).map_err(&failed)?);
        }
        let k = shape.events_per_step;
        while !opening.len().is_multiple_of(k) || opening.len() < 2 * k {
            opening.push(poll.blind(Fr::random(&mut rng)));
        }
        let made: Vec<Message> = (0..messages)
            .map(|i| make(&header, &mut voters, i, &mut rng))
            .collect();
        let messages = linked(made, &mut facts).map_err(Error::proof("a message"))?;
        Ok(RandomPoll {
            header,
            secret,
            poll,
            opening,
            messages,
            facts,
        })
    }

    /// The header.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The coordinator's secret scalar, which is everybody's.
    pub fn secret(&self) -> Scalar {
        self.secret
    }

    /// What is public about it: its voters and all its messages.
    pub fn facts(&self) -> &PublicFacts {
        &self.facts
    }

    /// The results so far.
    pub fn results(&self) -> Vec<OptionResult> {
        self.poll.results()
    }

    /// The events before the first message, once.
    pub fn take_opening(&mut self) -> Vec<Transition> {
        std::mem::take(&mut self.opening)
    }

    /// Decides the next messages. After the last one, blinding events fill up.
    ///
    /// # Errors
    /// [`Error::Proof`]: never, the messages are linked.
    pub fn decide(&mut self, events: usize) -> Result<Vec<Transition>, Error> {
        (0..events)
            .map(|_| match self.messages.next() {
                Some((message, previous)) => {
                    let decided = self.poll.vote(&message, previous);
                    decided.map_err(Error::proof("a message"))
                }
                None => Ok(self.poll.blind(Fr::ONE)),
            })
            .collect()
    }

    /// The step of these events, with its witness.
    ///
    /// # Errors
    /// Never: they are this poll's.
    pub fn prepare(&self, shape: Shape, events: Vec<Transition>) -> Result<StepCircuit, StepError> {
        StepCircuit::prepare(shape, &self.header, self.secret, events)
    }

    /// The same for the library, whose constraint systems have products only.
    ///
    /// # Errors
    /// Never, as [`prepare`](Self::prepare).
    pub fn prepare_plain(
        &self,
        shape: Shape,
        events: Vec<Transition>,
    ) -> Result<StepCircuit, StepError> {
        StepCircuit::prepare_plain(shape, &self.header, self.secret, events)
    }

    /// The same as a relation of any number of events, unchecked.
    pub fn relation(&self, shape: Shape, events: Vec<Transition>) -> StepCircuit {
        StepCircuit::from_claims(shape, &self.header, self.secret, events)
    }
}

impl Voter {
    fn new(rng: &mut ChaCha20Rng) -> Self {
        Voter {
            key: PrivateKey::random(rng),
            balance: CREDITS,
            nonce: 0,
            weights: BTreeMap::new(),
        }
    }

    fn join(&self) -> Join {
        Join {
            public_key: self.key.public_key().point(),
            voice_credits: CREDITS,
        }
    }

    /// A weight for an option that the voter can pay, which is then paid.
    fn pay(&mut self, option: u64, rng: &mut ChaCha20Rng) -> u64 {
        let old = self.weights.get(&option).copied().unwrap_or(0);
        let budget = self.balance + old * old;
        let weight = (u64::from(rng.next_u32()) % 4).min(budget.isqrt());
        self.balance = budget - weight * weight;
        self.weights.insert(option, weight);
        self.nonce += 1;
        weight
    }
}

/// The i-th message to be processed.
fn make(header: &Header, voters: &mut [Voter], i: usize, rng: &mut ChaCha20Rng) -> Message {
    let who = rng.next_u32() as usize % voters.len();
    let option = u64::from(rng.next_u32()) % header.vote_options;
    let voter = &mut voters[who];
    let refused = i % REFUSED_EVERY == REFUSED_EVERY - 1;
    let (weight, nonce) = match refused {
        true => (1, voter.nonce),
        false => (voter.pay(option, rng), voter.nonce),
    };
    let anchor = Fr::random(&mut *rng);
    let command = Command {
        state_index: who as u64 + 1,
        new_public_key: voter.key.public_key().point(),
        vote_option_index: option,
        new_vote_weight: weight,
        nonce,
        poll_id: header.poll_id,
        salt: anchor,
    };
    let ephemeral = PrivateKey::random(rng);
    let coordinator = PublicKey::new(header.coordinator_key).expect("a key's own point");
    let shared = ecdh(&ephemeral, &coordinator);
    Message {
        data: command.encrypt(&command.sign(&voter.key), &shared),
        encryption_key: ephemeral.public_key().point(),
        anchor,
    }
}

type Linked = std::vec::IntoIter<(Message, Fr)>;

/// The messages with the chain before each: what is processed first was sent last.
fn linked(
    messages: Vec<Message>,
    facts: &mut PublicFacts,
) -> Result<Linked, maci_nova_protocol::log::FactError> {
    let mut chain = hash_chain::zero();
    let mut sent = Vec::with_capacity(messages.len());
    for message in messages.into_iter().rev() {
        facts.absorb(&Record::Message(Box::new(message)))?;
        sent.push((message, chain));
        chain = hash_chain::extend(chain, Link::from(&message));
    }
    sent.reverse();
    Ok(sent.into_iter())
}
