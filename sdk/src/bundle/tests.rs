//! Bundles with real proofs, on the embedded chain.

use std::sync::OnceLock;

use ff::Field;
use maci_nova_chain::Chain;
use maci_nova_contracts::alloy_primitives::U256;
use maci_nova_groth16::Trapdoors;
use maci_nova_protocol::babyjub::Point;
use maci_nova_protocol::bundle::{Bundle, BundleStatement};
use maci_nova_protocol::log::{Record, SignedMessage};
use maci_nova_protocol::message::Message;
use maci_nova_protocol::Fr;

use super::proof::{verify, BundleProver, BundleProverError};
use super::publish::{publish, room, ProvenBundle};
use crate::operator::poll_creation::Terms;
use crate::plain_proof::ProofError;
use crate::poll::contract::PollContract;
use crate::poll::status::Placement;
use crate::testing::{key, request, World, FEE, QUIET};
use crate::voter::ballot::{Ballot, Choice};
use crate::voter::budget::Budget;
use crate::voter::price::PriceError;
use crate::voter::signing_window::Window;
use crate::voter::Published;
use crate::{Error, ErrorKind};

/// Messages that bundles here have room for.
const ROOM: usize = 3;

fn prover() -> &'static BundleProver {
    static PROVER: OnceLock<BundleProver> = OnceLock::new();
    PROVER
        .get_or_init(|| BundleProver::setup(ROOM, Trapdoors::insecure_development()).expect("keys"))
}

/// A poll that has begun, with two voters, whose bundles the prover's key is for.
fn opened() -> (World, PollContract) {
    let mut request = request();
    request.bundle_key = (&prover().verifying_key()).into();
    request.bundle_messages = ROOM;
    let mut world = World::of(&request);
    let poll = world.create(&world.terms());
    world.go_to(poll.times().0);
    for voter in [2, 3] {
        world.join(&poll, voter);
    }
    (world, poll)
}

/// The ballots of both voters, three messages, signed now.
fn ballots(world: &World, poll: &PollContract) -> Vec<SignedMessage> {
    let anchor = Window::newest(&world.evm, poll).unwrap();
    let choices = [(0, 3), (2, 4)].map(|(option, weight)| Choice { option, weight });
    let mut messages = vec![];
    for (state_index, voter, choices) in [(1, 2, &choices[..]), (2, 3, &choices[..1])] {
        let ballot = Ballot {
            header: poll.header(),
            state_index,
            key: &key(1000 + voter),
            choices,
            new_key: None,
            first_nonce: 1,
            at_least: 1,
        };
        messages.extend(ballot.messages(&anchor).unwrap());
    }
    messages
}

/// What becomes of bundles of these messages that somebody publishes.
fn send(
    world: &mut World,
    poll: &PollContract,
    messages: &[SignedMessage],
    budget: &Budget,
) -> Result<Published, Error> {
    let account = world.account(4);
    let chain = &mut world.evm;
    publish(chain, account, poll, prover(), messages, budget, &QUIET)
}

fn message(seed: u64) -> Message {
    Message {
        data: core::array::from_fn(|i| Fr::from(seed + i as u64)),
        encryption_key: Point::base8(),
        anchor: Fr::ZERO,
    }
}

#[test]
fn a_bundle_is_in_the_poll() {
    let (mut world, poll) = opened();
    assert_eq!(room(&world.evm, &poll).unwrap(), ROOM);
    let messages = ballots(&world, &poll);
    let sent = send(&mut world, &poll, &messages, &Budget::default());
    let sent = sent.unwrap();
    assert_eq!((sent.first, sent.count), (0, 3));
    assert_eq!(poll.chains(&world.evm).unwrap().message_count, 4);
    let all = poll.all_sent(&world.evm, &QUIET).unwrap();
    let bundle = all.iter().find_map(|sent| match &sent.record {
        Record::Bundle(bundle) => Some(bundle),
        _ => None,
    });
    let published: Vec<Message> = messages.iter().map(|signed| signed.message).collect();
    assert_eq!(bundle.unwrap().messages(), published);
    let placement = Placement::find(&world.evm, &poll, &messages, &QUIET).unwrap();
    assert_eq!(placement.places, [[0], [1], [2]]);
    assert!(placement.complete && placement.in_order);
}

/// Five messages make a bundle of three and one of two.
#[test]
fn as_many_bundles_as_are_needed() {
    let (mut world, poll) = opened();
    let one = ballots(&world, &poll);
    let two = ballots(&world, &poll);
    let messages: Vec<SignedMessage> = one.iter().chain(&two[..2]).cloned().collect();
    let sent = send(&mut world, &poll, &messages, &Budget::default());
    assert_eq!(sent.unwrap().count, 5);
    assert_eq!(poll.chains(&world.evm).unwrap().message_count, 7);
    let placement = Placement::find(&world.evm, &poll, &messages, &QUIET).unwrap();
    assert_eq!(placement.places, [[0], [1], [2], [4], [5]]);
}

#[test]
fn what_is_refused_before_anything_is_paid() {
    let (mut world, poll) = opened();
    let honest = ballots(&world, &poll);
    let mut refused = |messages: &[SignedMessage]| {
        send(&mut world, &poll, messages, &Budget::default()).unwrap_err()
    };
    assert_eq!(refused(&[]).kind(), ErrorKind::Request);
    let mut foreign = honest.clone();
    foreign[1].message.anchor += Fr::ONE;
    assert!(refused(&foreign).to_string().contains("another anchor"));
    world.evm.mine(80);
    let old = send(&mut world, &poll, &honest, &Budget::default());
    assert!(old.unwrap_err().to_string().contains("too old"));
    assert_eq!(poll.chains(&world.evm).unwrap().message_count, 0);
}

#[test]
fn a_poll_takes_no_more_than_was_agreed_to() {
    let mut request = request();
    request.bundle_key = (&prover().verifying_key()).into();
    request.bundle_messages = ROOM;
    let mut world = World::of(&request);
    let terms = Terms {
        message_fee: U256::from(FEE),
        ..world.terms()
    };
    let poll = world.create(&terms);
    world.go_to(poll.times().0);
    for voter in [2, 3] {
        world.join(&poll, voter);
    }
    let messages = ballots(&world, &poll);
    let mut send = |message_fee: u64| {
        let budget = Budget {
            message_fee: U256::from(message_fee),
            ..Budget::default()
        };
        send(&mut world, &poll, &messages, &budget)
    };
    let error = send(FEE - 1).unwrap_err();
    assert!(
        matches!(error, Error::Price(PriceError::MessageFee { .. })),
        "{error}"
    );
    let sent = send(FEE).unwrap();
    assert_eq!(sent.fees, U256::from(3 * FEE));
    assert_eq!(
        world.evm.balance(poll.address).unwrap(),
        U256::from(3 * FEE)
    );
}

#[test]
fn a_poll_whose_verifier_has_another_key() {
    let mut world = World::new();
    let poll = world.create(&world.terms());
    world.go_to(poll.times().0);
    for voter in [2, 3] {
        world.join(&poll, voter);
    }
    let messages = ballots(&world, &poll);
    let sent = send(&mut world, &poll, &messages, &Budget::default());
    assert!(sent.unwrap_err().to_string().contains("another key"));
}

#[test]
fn more_anchors_than_have_a_place() {
    let signed = |block_number: u64| SignedMessage {
        message: Message {
            anchor: Fr::from(block_number),
            ..message(block_number)
        },
        block_number,
    };
    let many: Vec<SignedMessage> = (1..=257).map(signed).collect();
    let error = ProvenBundle::new(prover(), &many).unwrap_err();
    assert!(matches!(error, BundleProverError::Anchors), "{error}");
}

#[test]
fn a_proof_is_of_its_bundle() {
    let key = prover().verifying_key();
    let of = |seeds: &[u64]| {
        let messages = seeds.iter().map(|seed| message(*seed)).collect();
        Bundle::new(messages).unwrap()
    };
    for seeds in [&[1][..], &[1, 2], &[3, 2, 1]] {
        let proof = prover().prove(&of(seeds)).unwrap();
        let statement = BundleStatement::of(&of(seeds));
        assert_eq!(verify(&key, &statement, &proof), Ok(()));
        let other = BundleStatement::of(&of(&[9]));
        assert_eq!(verify(&key, &other, &proof), Err(ProofError::False));
    }
    let error = prover().prove(&of(&[1, 2, 3, 4])).unwrap_err();
    assert!(matches!(error, BundleProverError::Bundle(_)), "{error}");
    let none = ProvenBundle::new(prover(), &[]).unwrap_err();
    assert!(matches!(none, BundleProverError::Size(_)), "{none}");
}
