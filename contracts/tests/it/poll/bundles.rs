//! Bundles: many messages as one link of the chain, with a proof of what they come to.

use halo2curves::bn256::Fr;
use maci_nova_chain::{BlockId, Chain, ChainError, Receipt};
use maci_nova_contracts::alloy_primitives::{Bytes, U256};
use maci_nova_contracts::alloy_sol_types::SolCall;
use maci_nova_contracts::bindings::{BundleVerifier, Poll};
use maci_nova_contracts::evm::SENDER;
use maci_nova_contracts::groth16::bundle_verifier_code;
use maci_nova_contracts::testing::decider::rng;
use maci_nova_contracts::testing::groth16::Trapdoors;
use maci_nova_contracts::words;
use maci_nova_protocol::bundle::{Bundle, BundleStatement};
use maci_nova_protocol::hash_chain::{extend, zero, Link};
use maci_nova_protocol::message::Message;

use crate::poll::world::{
    asked, bundle_call, extend_plain, message, order, publish_call, top_up_call, Answer,
    MockVerifier, World, ALICE, BOB, HOUR, MALLORY, OPTIONS, OWNER,
};

fn messages(count: u64) -> Vec<Message> {
    (1..=count).map(message).collect()
}

fn bundle(messages: &[Message]) -> Bundle {
    Bundle::new(messages.to_vec()).expect("one to 300")
}

fn send(world: &mut World, messages: &[Message]) -> Result<Receipt, ChainError> {
    world.send(ALICE, world.poll, &bundle_call(&bundle(messages)))
}

#[test]
fn a_bundle_is_one_link_and_takes_its_places() {
    let mut world = World::open();
    world.publish(BOB, &message(9)).unwrap();
    let bundle = bundle(&messages(3));
    let receipt = send(&mut world, bundle.messages()).unwrap();
    let event: Poll::Bundle = receipt.event(world.poll).unwrap();
    assert_eq!(receipt.logs.len(), 1);
    assert_eq!(event.index, U256::from(1));
    assert_eq!(event.inner, words::scalar(&bundle.inner()));
    let call = bundle_call(&bundle);
    for (told, sent) in event.messages.iter().zip(&call.messages) {
        assert_eq!(told[0], U256::ZERO);
        assert_eq!(told[1..], sent[..]);
    }
    assert_eq!(event.messages.len(), 3);
    let first = extend_plain(zero(), message(9).digest());
    let head = extend(first, Link::of_bundle(bundle.inner()));
    let chains = world.chains();
    assert_eq!(chains.messageChain, words::scalar(&head));
    // One message, three, and the bundle itself.
    assert_eq!(chains.messageCount, U256::from(5));
    let receipt = world.publish(BOB, &message(8)).unwrap();
    let event: Poll::Message = receipt.event(world.poll).unwrap();
    assert_eq!(event.index, U256::from(5));
    let head = extend_plain(head, message(8).digest());
    assert_eq!(world.chains().messageChain, words::scalar(&head));
}

/// The verifier is asked about what is in the calldata, and whatever it refuses is refused.
#[test]
fn what_the_verifier_is_asked() {
    let mut world = World::open();
    for count in [1, 2, 7] {
        let bundle = bundle(&messages(count));
        let mut call = bundle_call(&bundle);
        call.proof = core::array::from_fn(|i| U256::from(100 + i));
        world.answer(world.bundle_verifier, Answer::Echo);
        let asked = asked(world.send(ALICE, world.poll, &call));
        let statement = BundleStatement::of(&bundle).to_array();
        assert_eq!(asked[..4], statement.each_ref().map(words::scalar));
        assert_eq!(asked[4..], call.proof);
    }
    world.answer(world.bundle_verifier, Answer::Reject);
    let rejected = |world: &mut World| send(world, &messages(2));
    world.refuses(rejected, MockVerifier::ProofRejected {});
    world.answer(world.bundle_verifier, Answer::Accept);
    rejected(&mut world).unwrap();
}

/// A bundle with the real verifier, of which the trapdoors are known.
fn real() -> (World, Trapdoors) {
    let mut world = World::new();
    let trapdoors = Trapdoors::random(&mut rng(500));
    let code = bundle_verifier_code(&trapdoors.key(), 100, false);
    world.bundle_verifier = world.deploy(code);
    world.gatekeeper =
        world.deploy(maci_nova_contracts::deploy::free_for_all_gatekeeper(SENDER).unwrap());
    world.maci = world.new_maci(world.gatekeeper, 32).unwrap();
    let settings = world.settings();
    world.open_with(settings);
    (world, trapdoors)
}

fn proven(trapdoors: &Trapdoors, of: &Bundle, inputs: &[Fr; 4]) -> Poll::publishBundleCall {
    let proof = trapdoors.prove(inputs, &mut rng(501));
    Poll::publishBundleCall {
        proof: proof.words(),
        ..bundle_call(of)
    }
}

/// Whoever proves something else of other messages, of another number or for another end of the
/// chain has no proof of these.
#[test]
fn a_proof_is_of_one_bundle() {
    let (mut world, trapdoors) = real();
    let own = bundle(&messages(3));
    let truth = BundleStatement::of(&own);
    let honest = truth.to_array();
    let call = proven(&trapdoors, &own, &honest);
    world.clone().send(ALICE, world.poll, &call).unwrap();
    let rejected = || BundleVerifier::ProofRejected {};
    for i in 0..4 {
        let mut other = honest;
        other[i] += Fr::from(1);
        let call = proven(&trapdoors, &own, &other);
        world.refuses(|world| world.send(ALICE, world.poll, &call), rejected());
    }
    // Any element of any message, their order, and how many there are.
    for message in 0..3 {
        for word in 0..12 {
            let mut other = call.clone();
            other.messages[message][word] += U256::ONE;
            world.refuses(|world| world.send(ALICE, world.poll, &other), rejected());
        }
    }
    let mut changes = vec![call.clone(); 4];
    changes[0].messages.swap(0, 1);
    changes[1].messages.pop();
    changes[2].messages.push(call.messages[0]);
    changes[3].inner += U256::ONE;
    for other in changes {
        world.refuses(|world| world.send(ALICE, world.poll, &other), rejected());
    }
    // An end of the chain that is the same element in another form.
    let mut other = call;
    other.inner += order();
    let error = BundleVerifier::NonCanonicalInput { index: U256::ZERO };
    world.refuses(|world| world.send(ALICE, world.poll, &other), error);
}

#[test]
fn elements_that_are_not_canonical() {
    let mut world = World::open();
    let good = bundle_call(&bundle(&messages(3)));
    for message in 0..3 {
        for word in 0..12 {
            for element in [order(), U256::MAX] {
                let mut call = good.clone();
                call.messages[message][word] = element;
                let error = Poll::NonCanonicalBundle {};
                world.refuses(|world| world.send(ALICE, world.poll, &call), error);
            }
        }
    }
    // Keys off the curve are let in: the circuit voids them.
    let mut call = good;
    call.messages[0][10] = order() - U256::ONE;
    world.send(ALICE, world.poll, &call).unwrap();
}

#[test]
fn nothing_and_too_much() {
    let mut world = World::open();
    let mut call = bundle_call(&bundle(&messages(1)));
    call.messages.clear();
    world.refuses(
        |world| world.send(ALICE, world.poll, &call),
        Poll::EmptyBatch {},
    );
    // As many as there may be: what the chain takes.
    send(&mut world, &vec![message(5); 300]).unwrap();
}

#[test]
fn before_the_start_and_from_the_end_on() {
    let mut world = World::new();
    let settings = world.settings();
    let (start, end) = (settings.startTime, settings.endTime);
    world.poll = world.create(OWNER, settings).unwrap();
    let publish = |world: &mut World| send(world, &messages(2));
    world.go_to(start - 1);
    world.refuses(publish, Poll::PollNotStarted {});
    world.go_to(end - 1);
    publish(&mut world).unwrap();
    world.go_to(end);
    world.refuses(publish, Poll::PollEnded {});
}

const FEE: u64 = 1_000;

/// Room for three places, an hour each.
fn small() -> World {
    let mut world = World::new();
    let mut settings = world.settings();
    settings.messageFee = U256::from(FEE);
    settings.provingPerMessage = 3600;
    settings.provingMax = 4 * 3600 - 1;
    world.open_with(settings);
    world
}

#[test]
fn every_message_pays_and_the_bundle_takes_a_place_too() {
    let mut world = small();
    let deadline = |world: &World| -> U256 { world.view(world.poll, Poll::deadlineCall {}) };
    let before = deadline(&world);
    let call = |count| bundle_call(&bundle(&messages(count)));
    let full = || Poll::MessagesFull {
        limit: U256::from(3),
    };
    world.refuses(|w| w.pay(MALLORY, w.poll, &call(3), 3 * FEE), full());
    for wei in [0, FEE, 3 * FEE] {
        let error = Poll::WrongFee {
            given: U256::from(wei),
            due: U256::from(2 * FEE),
        };
        world.refuses(|world| world.pay(ALICE, world.poll, &call(2), wei), error);
    }
    world.pay(ALICE, world.poll, &call(2), 2 * FEE).unwrap();
    assert_eq!(world.chains().messageCount, U256::from(3));
    // There is time to prove the messages, and the opening of the bundle.
    assert_eq!(deadline(&world) - before, U256::from(3 * 3600));
    let payer = world.account(ALICE);
    let fees: U256 = world.view(world.poll, Poll::feesOfCall { payer });
    assert_eq!(fees, U256::from(2 * FEE));
    world.refuses(|w| w.pay(BOB, w.poll, &call(1), FEE), full());
    let next = publish_call(&message(1));
    world.refuses(|w| w.pay(BOB, w.poll, &next, FEE), full());
    world.voter(1);
    let next = top_up_call(1, 10);
    world.refuses(|w| w.pay(BOB, w.poll, &next, FEE), full());
    // And they go back, or to the owner.
    world.abort_now();
    let withdraw = |world: &mut World| world.send(ALICE, world.poll, &Poll::withdrawFeesCall {});
    withdraw(&mut world).unwrap();
    world.refuses(withdraw, Poll::NothingToPay {});
}

/// A poll whose only message is in a bundle is finalized for its head.
#[test]
fn a_poll_of_a_bundle_alone() {
    let mut world = World::open();
    let own = bundle(&messages(1));
    send(&mut world, own.messages()).unwrap();
    world.go_to_end();
    world.answer(world.verifier, Answer::Echo);
    let asked = asked(world.finalize(&[(0, 0); OPTIONS]));
    // After the domain, z_0 with its constants and z: no bundle is open in either.
    let head = words::scalar(&extend(zero(), Link::of_bundle(own.inner())));
    let start = words::scalar(&zero());
    assert_eq!(
        asked[2..7],
        [start, U256::ONE, U256::ZERO, U256::ZERO, U256::ZERO]
    );
    assert_eq!(asked[12..15], [head, start, U256::ZERO]);
}

/// The poll of [`World::open`] with anchors of 75 blocks, and messages with those of recent blocks.
fn anchored() -> (World, Vec<(u64, U256)>) {
    let mut world = World::new();
    let mut settings = world.settings();
    settings.signedWithin = 75;
    world.open_with(settings);
    world.evm.mine(150);
    let newest = world.evm.latest().number - 1;
    let anchors = [0, 5, 40].map(|back| {
        let block = U256::from(newest - back);
        let told = world.view(world.poll, Poll::anchorOfCall { blockNumber: block });
        (newest - back, told.anchor)
    });
    (world, anchors.to_vec())
}

/// A bundle of messages with the anchors at these places.
fn with_anchors(anchors: &[(u64, U256)], places: &[u8]) -> (Bundle, Poll::publishBundleCall) {
    let messages: Vec<Message> = (1..)
        .zip(places)
        .map(|(seed, place)| Message {
            anchor: words::to_scalar(anchors[usize::from(*place)].1).unwrap(),
            ..message(seed)
        })
        .collect();
    let bundle = bundle(&messages);
    let call = Poll::publishBundleCall {
        anchors: anchors
            .iter()
            .map(|(number, anchor)| [U256::from(*number), *anchor])
            .collect(),
        anchorPlaces: places.to_vec().into(),
        ..bundle_call(&bundle)
    };
    (bundle, call)
}

#[test]
fn every_message_has_its_anchor() {
    let (mut world, anchors) = anchored();
    let (bundle, call) = with_anchors(&anchors, &[2, 0, 0, 1, 2]);
    world.answer(world.bundle_verifier, Answer::Echo);
    let asked = asked(world.send(ALICE, world.poll, &call));
    let statement = BundleStatement::of(&bundle).to_array();
    assert_eq!(asked[..4], statement.each_ref().map(words::scalar));
    world.answer(world.bundle_verifier, Answer::Accept);
    let receipt = world.send(ALICE, world.poll, &call).unwrap();
    let event: Poll::Bundle = receipt.event(world.poll).unwrap();
    let told: Vec<U256> = event.messages.iter().map(|words| words[0]).collect();
    assert_eq!(told, [2, 0, 0, 1, 2].map(|place: usize| anchors[place].1));
    let head = extend(zero(), Link::of_bundle(bundle.inner()));
    assert_eq!(world.chains().messageChain, words::scalar(&head));
}

/// Each way to send in a bundle what `publishMessage` would refuse.
#[test]
fn anchors_that_are_refused() {
    let (mut world, anchors) = anchored();
    let (_, good) = with_anchors(&anchors, &[0, 1, 2]);
    // What is refused makes a block too.
    let refuses = |world: &mut World, change: &dyn Fn(&mut Poll::publishBundleCall, u64)| {
        let mut call = good.clone();
        change(&mut call, world.evm.latest().number + 1);
        let before = world.facts();
        let error = world.send(ALICE, world.poll, &call).unwrap_err();
        assert_eq!(world.facts(), before);
        error
            .revert::<Poll::PollErrors>()
            .expect("an error of the poll's")
    };
    use Poll::PollErrors as E;
    // A block that is too old, in any place of the list, used or not.
    for place in 0..3 {
        let error = refuses(&mut world, &|call, present| {
            call.anchors[place][0] = U256::from(present - 76);
        });
        assert!(matches!(error, E::AnchorTooOld(_)), "{error:?}");
        let error = refuses(&mut world, &|call, present| {
            call.anchors[place][0] = U256::from(present)
        });
        assert!(matches!(error, E::AnchorUnknown(_)), "{error:?}");
        let error = refuses(&mut world, &|call, _| call.anchors[place][1] += U256::ONE);
        assert!(matches!(error, E::WrongAnchor(_)), "{error:?}");
    }
    let error = refuses(&mut world, &|call, _| {
        call.anchors.push([U256::ONE, U256::ONE])
    });
    assert!(matches!(error, E::AnchorTooOld(_)), "{error:?}");
    // Another one's place; a place that is none.
    let mut swapped = good.clone();
    swapped.anchorPlaces = vec![1, 0, 2].into();
    world.answer(world.bundle_verifier, Answer::Echo);
    let honest = asked(world.send(ALICE, world.poll, &good));
    let other = asked(world.send(ALICE, world.poll, &swapped));
    assert_ne!((honest[1], honest[2]), (other[1], other[2]));
    world.answer(world.bundle_verifier, Answer::Accept);
    let error = refuses(&mut world, &|call, _| {
        call.anchorPlaces = vec![0, 1, 3].into()
    });
    assert!(matches!(error, E::UnknownAnchor(_)), "{error:?}");
    // No anchors at all, which are 0 in other polls; too few or too many places.
    let error = refuses(&mut world, &|call, _| {
        call.anchors.clear();
        call.anchorPlaces = Bytes::new();
    });
    assert!(matches!(error, E::AnchorTooOld(_)), "{error:?}");
    for places in [vec![], vec![0, 1], vec![0, 1, 2, 2]] {
        let error = refuses(&mut world, &|call, _| {
            call.anchorPlaces = places.clone().into()
        });
        assert!(matches!(error, E::LengthMismatch(_)), "{error:?}");
    }
    world.send(ALICE, world.poll, &good).unwrap();
    // The same again is let in while it lives, as single messages are, and not any longer.
    world.send(MALLORY, world.poll, &good).unwrap();
    world.evm.mine(75);
    let error = world.send(MALLORY, world.poll, &good).unwrap_err();
    let error = error.revert::<Poll::PollErrors>();
    assert!(matches!(error, Some(E::AnchorTooOld(_))), "{error:?}");
}

#[test]
fn a_poll_without_anchors_takes_none() {
    let mut world = World::open();
    world.evm.mine(20);
    let number = world.evm.latest().number - 1;
    let hash = world.evm.block(BlockId::Number(number)).unwrap().hash;
    let some = U256::from_be_bytes(hash.0) % order();
    let (_, call) = with_anchors(&[(number, some)], &[0]);
    let error = Poll::WrongAnchor {
        given: U256::from(number),
        expected: U256::ZERO,
    };
    world.refuses(|world| world.send(ALICE, world.poll, &call), error);
    let (_, call) = with_anchors(&[(0, some)], &[0]);
    let error = Poll::WrongAnchor {
        given: some,
        expected: U256::ZERO,
    };
    world.refuses(|world| world.send(ALICE, world.poll, &call), error);
    let mut call = bundle_call(&bundle(&messages(2)));
    call.anchorPlaces = vec![0, 0].into();
    let error = Poll::LengthMismatch {
        first: U256::from(2),
        second: U256::from(2),
    };
    world.refuses(|world| world.send(ALICE, world.poll, &call), error);
}

/// The window shrinks in the last hour, for bundles as for messages.
#[test]
fn the_window_at_the_end() {
    let (mut world, _) = anchored();
    let end = world.info().settings.endTime;
    world.go_to(end - HOUR / 15 + 1);
    world.evm.mine(1);
    let newest = world.evm.latest().number - 1;
    let anchor = |world: &World, number: u64| {
        let hash = world.evm.block(BlockId::Number(number)).unwrap().hash;
        maci_nova_contracts::poll::anchor(hash, world.evm.chain_id().unwrap(), world.poll)
    };
    let old = (newest - 10, anchor(&world, newest - 10));
    let (_, call) = with_anchors(&[old], &[0]);
    let error = world.send(ALICE, world.poll, &call).unwrap_err();
    let error = error.revert::<Poll::PollErrors>();
    assert!(
        matches!(error, Some(Poll::PollErrors::AnchorTooOld(_))),
        "{error:?}"
    );
    let young = (newest, anchor(&world, newest));
    let (_, call) = with_anchors(&[young], &[0]);
    world.send(ALICE, world.poll, &call).unwrap();
}

/// One call has one encoding.
#[test]
fn calldata_has_one_form() {
    let (mut world, anchors) = anchored();
    let (_, call) = with_anchors(&anchors, &[0, 1, 2]);
    let good = call.abi_encode();
    let refused = |world: &mut World, calldata: Vec<u8>| {
        let from = world.account(ALICE);
        let sent = |world: &mut World| {
            let (to, data) = (world.poll, calldata.into());
            world.evm.send(from, Some(to), data, U256::ZERO)
        };
        world.refuses(sent, Poll::MalformedCalldata {});
    };
    for trailing in [vec![0], vec![0; 32]] {
        refused(&mut world, [good.clone(), trailing].concat());
    }
    // The bytes are behind the head, the anchors and their length: their padding.
    let places = 4 + 32 * 12 + 32 + 64 * 3 + 32;
    assert_eq!(good[places..places + 3], [0, 1, 2]);
    for at in [places + 3, places + 31] {
        let mut dirty = good.clone();
        dirty[at] = 1;
        refused(&mut world, dirty);
    }
    // A word before an argument, with everything where its offset says.
    for head in 0..3 {
        let mut moved = good.clone();
        let offset = |start: usize| U256::from_be_slice(&good[start..start + 32]);
        let at = 4 + usize::try_from(offset(4 + 32 * head)).unwrap();
        moved.splice(at..at, [0; 32]);
        for start in (head..3).map(|head| 4 + 32 * head) {
            let to = (offset(start) + U256::from(32)).to_be_bytes::<32>();
            moved[start..start + 32].copy_from_slice(&to);
        }
        refused(&mut world, moved);
    }
    world.send(ALICE, world.poll, &call).unwrap();
}
