//! What was sent, sent again: every step has a witness, and the circuit comes to what the rules
//! say.

use maci_nova_protocol::babyjub::Scalar;
use maci_nova_protocol::command::Command;
use maci_nova_protocol::eddsa::Signature;
use maci_nova_protocol::hash_chain::{self, Link};
use maci_nova_protocol::keys::{shared_key, PrivateKey};
use maci_nova_protocol::message::{Join, Message};
use maci_nova_protocol::poll::{Decision, Event, Header, Mode, Poll, Rule, Transition};
use maci_nova_protocol::Fr;
use maci_nova_step_circuit::{Shape, StepCircuit, StepError};
use rand_chacha::rand_core::SeedableRng;
use rand_chacha::ChaCha20Rng;

const POLL_ID: u64 = 3;

/// A poll that one voter with 100 credits has joined.
struct World {
    rng: ChaCha20Rng,
    header: Header,
    secret: Scalar,
    voter: PrivateKey,
    poll: Poll,
}

impl World {
    fn new(signed_within: u32) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(9);
        let coordinator = PrivateKey::random(&mut rng);
        let header = Header {
            poll_id: POLL_ID,
            coordinator_key: coordinator.public_key().point(),
            vote_options: 5,
            mode: Mode::Quadratic,
            signed_within,
            state_tree_depth: 1,
            vote_option_tree_depth: 1,
        };
        let secret = coordinator.secret_scalar();
        let voter = PrivateKey::random(&mut rng);
        let mut poll = Poll::new(header.clone(), secret).expect("a valid header");
        let join = Join {
            public_key: voter.public_key().point(),
            voice_credits: 100,
        };
        poll.join(&join).expect("room for a voter");
        World {
            rng,
            header,
            secret,
            voter,
            poll,
        }
    }

    /// A ballot, which changes the key to one that is forgotten, and its signature.
    fn command(&mut self, option: u64, weight: u64, salt: Fr) -> (Command, Signature) {
        let forgotten = PrivateKey::random(&mut self.rng).public_key().point();
        let command = Command::new(1, forgotten, option, weight, 1, POLL_ID, salt);
        let command = command.expect("small numbers");
        (command, command.sign(&self.voter))
    }

    /// Under a fresh one-time key.
    fn encrypt(&mut self, (command, signature): &(Command, Signature), anchor: Fr) -> Message {
        let key = PrivateKey::random(&mut self.rng);
        let shared = shared_key(&key.secret_scalar(), &self.header.coordinator_key);
        Message {
            data: command.encrypt(signature, &shared),
            encryption_key: key.public_key().point(),
            anchor,
        }
    }

    fn prepare(&self, transition: Transition) -> Result<StepCircuit, StepError> {
        let shape = Shape::new(1, 1, 1).expect("a small shape");
        StepCircuit::prepare(shape, &self.header, self.secret, vec![transition])
    }

    /// Counts messages that are given in order of arrival: the decisions in that order and the
    /// transitions in that of the count. All have a witness whose outcome is the state machine's.
    fn count(&mut self, messages: &[Message]) -> (Vec<Decision>, Vec<Transition>) {
        let mut links = vec![hash_chain::zero()];
        for message in messages {
            links.push(hash_chain::extend(
                links[links.len() - 1],
                Link::from(message),
            ));
        }
        let mut transitions = Vec::new();
        for (message, previous) in messages.iter().zip(&links).rev() {
            let transition = self.poll.vote(message, *previous).expect("in the chain");
            let circuit = self.prepare(transition.clone()).expect("the same outcome");
            assert!(circuit.record(&[]).recorder.violated().is_none());
            transitions.push(transition);
        }
        let decisions = transitions.iter().rev().map(|t| t.decision).collect();
        (decisions, transitions)
    }

    /// The votes for options 2 and 4.
    fn votes(&self) -> (i128, i128) {
        let results = self.poll.results();
        (results[2].votes, results[4].votes)
    }
}

const NONCE: Decision = Decision::Refused(Rule::Nonce);
const ANCHOR: Decision = Decision::Refused(Rule::Anchor);
const KEY: Decision = Decision::Refused(Rule::SignatureEquation);
const APPLIED: Decision = Decision::Applied;

/// Somebody without a key sends the first ballot's message again: it has to come with an anchor of
/// now.
#[test]
fn a_message_sent_again() {
    let [old, newer, now] = [10, 20, 30].map(Fr::from);
    let mut world = World::new(75);
    let (first, second) = (world.command(2, 3, old), world.command(4, 7, newer));
    let (first, second) = (world.encrypt(&first, old), world.encrypt(&second, newer));
    let again = Message {
        anchor: now,
        ..first
    };
    let (decisions, transitions) = world.count(&[first, second, again]);
    assert_eq!(decisions, [NONCE, APPLIED, ANCHOR]);
    assert_eq!(world.votes(), (0, 7));
    // A prover who says that it counted, or that it was sent with the anchor that was signed.
    let mut applied = transitions[0].clone();
    applied.decision = APPLIED;
    applied.after.tally_root = transitions[1].after.tally_root;
    let outcome = world.prepare(applied).map(|_| ());
    assert_eq!(outcome, Err(StepError::OtherOutcome));
    let mut signed = transitions[0].clone();
    let Event::Vote { message, .. } = &mut signed.event else {
        unreachable!("a vote");
    };
    message.anchor = old;
    let outcome = world.prepare(signed).map(|_| ());
    assert_eq!(outcome, Err(StepError::OtherOutcome));
}

/// The coordinator has the first command and its signature, and encrypts them again.
#[test]
fn a_command_encrypted_again() {
    let [old, newer, now] = [10, 20, 30].map(Fr::from);
    let mut world = World::new(75);
    let (first, second) = (world.command(2, 3, old), world.command(4, 7, newer));
    let again = world.encrypt(&first, now);
    let (changed, signature) = first;
    let resalted = world.encrypt(
        &(
            Command {
                salt: now,
                ..changed
            },
            signature,
        ),
        now,
    );
    let messages = [
        world.encrypt(&first, old),
        world.encrypt(&second, newer),
        again,
        resalted,
    ];
    let (decisions, _) = world.count(&messages);
    assert_eq!(decisions, [NONCE, APPLIED, ANCHOR, KEY]);
    assert_eq!(world.votes(), (0, 7));
}

/// What remains: as long as its anchor is taken, what was sent can be sent again, until the voter's
/// next ballot.
#[test]
fn a_message_sent_again_within_the_window() {
    let [old, newer, now] = [10, 20, 30].map(Fr::from);
    let mut world = World::new(75);
    let (first, second) = (world.command(2, 3, old), world.command(4, 7, newer));
    let (first, second) = (world.encrypt(&first, old), world.encrypt(&second, newer));
    let mut answered = World::new(75);
    let (decisions, _) = world.count(&[first, second, first]);
    assert_eq!(decisions, [NONCE, NONCE, APPLIED]);
    assert_eq!(world.votes(), (3, 0));
    let third = answered.command(4, 5, now);
    let third = answered.encrypt(&third, now);
    let (decisions, _) = answered.count(&[first, second, first, third]);
    assert_eq!(decisions, [NONCE, NONCE, NONCE, APPLIED]);
    assert_eq!(answered.votes(), (0, 5));
}

/// What remains in polls without anchors, whose salts are random: the first ballot is back, by
/// whoever sends it, under whatever key.
#[test]
fn without_anchors_an_old_ballot_comes_back() {
    let [one, other] = [10, 20].map(Fr::from);
    let none = Fr::from(0);
    for encrypted_again in [false, true] {
        let mut world = World::new(0);
        let (first, second) = (world.command(2, 3, one), world.command(4, 7, other));
        let sent = world.encrypt(&first, none);
        let second = world.encrypt(&second, none);
        let again = match encrypted_again {
            true => world.encrypt(&first, none),
            false => sent,
        };
        let (decisions, _) = world.count(&[sent, second, again]);
        assert_eq!(decisions, [NONCE, NONCE, APPLIED]);
        assert_eq!(world.votes(), (3, 0));
    }
}
