//! Calldata changed at random, for every function that changes anything: either it is refused and
//! nothing has changed, or it is the one canonical encoding of some arguments.

use std::sync::OnceLock;

use maci_nova_chain::{Chain, ChainError};
use maci_nova_contracts::alloy_primitives::{Address, Bytes, U256};
use maci_nova_contracts::alloy_sol_types::SolCall;
use maci_nova_contracts::bindings::{
    FreeForAllGatekeeper, JoinVerifier, Poll, PollFactory, SampleToken, SignUpToken, VkRegistry,
    MACI,
};
use maci_nova_contracts::deploy;
use maci_nova_contracts::evm::SENDER;
use maci_nova_protocol::bundle::Bundle;
use proptest::prelude::*;
use proptest::sample::Index;

use crate::calldata::{self, cases, changed, check_reverted, Change};
use crate::poll::world::{
    batch_call, bundle_call, finalize_call, finalize_from_call, join_call, key, maci_key, message,
    publish_call, segment_call, top_up_call, World, ALICE, BOB, OPTIONS, OWNER,
};

/// A call that goes through, and whether other bytes are such a call as well.
struct Target {
    world: World,
    from: usize,
    to: Address,
    calldata: Vec<u8>,
    canonical: fn(&[u8]) -> bool,
}

/// Whether decoding and encoding again gives the same bytes.
fn canonical<C: SolCall>(calldata: &[u8]) -> bool {
    C::abi_decode_validate(calldata).is_ok_and(|call| call.abi_encode() == calldata)
}

fn target<C: SolCall>(world: &World, from: usize, to: Address, call: &C) -> Target {
    let target = Target {
        world: world.clone(),
        from,
        to,
        calldata: call.abi_encode(),
        canonical: canonical::<C>,
    };
    let outcome = send(&mut target.world.clone(), &target, &target.calldata);
    assert_eq!(outcome, Ok(()), "{} must go through", C::SIGNATURE);
    target
}

fn send(world: &mut World, target: &Target, calldata: &[u8]) -> Result<(), ChainError> {
    let from = world.account(target.from);
    let data = Bytes::copy_from_slice(calldata);
    let receipt = world.evm.send(from, Some(target.to), data, U256::ZERO);
    receipt.map(drop)
}

/// A poll with two voters, some messages and top-ups.
fn open() -> World {
    let mut world = crate::poll::top_ups::world();
    world.publish(ALICE, &message(1)).unwrap();
    world.top_up(ALICE, 1, 100).unwrap();
    world
}

fn ended() -> World {
    let mut world = open();
    let end = world.info().settings.endTime;
    world.go_to(end);
    world.evm.mine(1);
    world
}

/// With a proven link 5.
fn segmented() -> World {
    let mut world = ended();
    let call = segment_call(0, 5);
    world.send(BOB, world.poll, &call).unwrap();
    world
}

fn finalized() -> World {
    let mut world = ended();
    world.finalize(&[(1, 1); OPTIONS]).unwrap();
    world
}

fn aborted() -> World {
    let mut world = open();
    world.abort_now();
    world
}

fn overdue() -> World {
    let mut world = open();
    world.go_to_deadline();
    world.evm.mine(1);
    world
}

fn with_fees(finish: fn(&mut World)) -> World {
    let mut world = World::new();
    let mut settings = world.settings();
    settings.messageFee = U256::from(5);
    world.open_with(settings);
    let call = publish_call(&message(1));
    world.pay(ALICE, world.poll, &call, 5).unwrap();
    finish(&mut world);
    world
}

/// A poll with anchors, and a call with that of a recent block.
fn with_anchors() -> (World, Poll::publishMessageCall) {
    let mut world = World::new();
    let mut settings = world.settings();
    settings.signedWithin = 75;
    world.open_with(settings);
    world.evm.mine(5);
    let mut call = publish_call(&message(1));
    call.blockNumber = U256::from(world.evm.latest().number - 1);
    let anchor = Poll::anchorOfCall {
        blockNumber: call.blockNumber,
    };
    call.anchor = world.view(world.poll, anchor).anchor;
    (world, call)
}

/// A bundle of two messages.
fn two() -> Bundle {
    Bundle::new(vec![message(2), message(3)]).expect("two")
}

fn poll_targets() -> Vec<Target> {
    let (anchored, signed) = with_anchors();
    let mut signed_batch = batch_call(&[message(2), message(3)]);
    (signed_batch.blockNumber, signed_batch.anchor) = (signed.blockNumber, signed.anchor);
    let signed_bundle = Poll::publishBundleCall {
        anchors: vec![[signed.blockNumber, signed.anchor]],
        anchorPlaces: vec![0, 0].into(),
        ..bundle_call(&two())
    };
    let world = open();
    let poll = world.poll;
    let batch = Poll::topUpBatchCall {
        stateIndices: vec![U256::from(1), U256::from(2)],
        amounts: vec![U256::from(10), U256::from(20)],
    };
    let paid = with_fees(World::finalize_now);
    let refunded = with_fees(World::abort_now);
    vec![
        target(&world, ALICE, poll, &join_call(7)),
        target(&world, ALICE, poll, &publish_call(&message(2))),
        target(&world, ALICE, poll, &batch_call(&[message(2), message(3)])),
        target(&world, ALICE, poll, &bundle_call(&two())),
        target(&anchored, ALICE, anchored.poll, &signed),
        target(&anchored, ALICE, anchored.poll, &signed_bundle),
        target(&anchored, ALICE, anchored.poll, &signed_batch),
        target(&world, ALICE, poll, &top_up_call(1, 10)),
        target(&world, ALICE, poll, &batch),
        target(&ended(), ALICE, poll, &finalize_call(&[(1, 2); OPTIONS])),
        target(&ended(), ALICE, poll, &segment_call(0, 6)),
        target(&segmented(), ALICE, poll, &segment_call(5, 6)),
        target(
            &segmented(),
            ALICE,
            poll,
            &finalize_from_call(5, &[(1, 2); OPTIONS]),
        ),
        target(&overdue(), ALICE, poll, &Poll::abortCall {}),
        target(&finalized(), ALICE, poll, &Poll::collectCall {}),
        target(&paid, ALICE, paid.poll, &Poll::collectFeesCall {}),
        target(&aborted(), ALICE, poll, &Poll::withdrawCall {}),
        target(&refunded, ALICE, refunded.poll, &Poll::withdrawFeesCall {}),
    ]
}

fn other_targets() -> Vec<Target> {
    let mut world = open();
    let maci = world.maci;
    let gatekeeper = world.deploy(deploy::free_for_all_gatekeeper(SENDER).unwrap());
    let owner = world.account(OWNER);
    let sign_up_token = world.deploy(deploy::sign_up_token(owner).unwrap());
    world.others.extend([gatekeeper, sign_up_token]);
    let verifier = world.mock_verifier(2, false);
    let set_verifier = VkRegistry::setVerifierCall {
        shape: VkRegistry::Shape {
            stateTreeDepth: 2,
            voteOptionTreeDepth: 2,
            eventsPerStep: 1,
        },
        verifier,
    };
    let sign_up = MACI::signUpCall {
        key: maci_key(&key(77)),
        gatekeeperData: Bytes::new(),
    };
    let settings = world.settings();
    let to = world.account(ALICE);
    let amount = U256::from(5);
    vec![
        target(&world, ALICE, maci, &sign_up),
        target(&world, ALICE, maci, &MACI::createPollCall { settings }),
        target(&world, OWNER, world.registry, &set_verifier),
        target(
            &world,
            OWNER,
            gatekeeper,
            &FreeForAllGatekeeper::setMaciCall { newMaci: maci },
        ),
        target(&world, ALICE, world.factory, &deploy_call(&world)),
        target(
            &world,
            OWNER,
            world.token,
            &SampleToken::mintCall { to, amount },
        ),
        target(
            &world,
            OWNER,
            sign_up_token,
            &SignUpToken::giveTokenCall { to },
        ),
        join_verifier_target(),
    ]
}

fn deploy_call(world: &World) -> PollFactory::deployCall {
    use maci_nova_contracts::alloy_sol_types::SolValue;
    let info = world.info();
    PollFactory::deployCall {
        setup: PollFactory::PollSetup {
            owner: info.owner,
            pollId: info.pollId,
            joinVerifier: info.joinVerifier,
            bundleVerifier: info.bundleVerifier,
            verifier: info.verifier,
            emptyStateRoot: info.emptyStateRoot,
            emptyTallyRoot: info.emptyTallyRoot,
        },
        settings: PollFactory::PollSettings::abi_decode(&info.settings.abi_encode()).unwrap(),
    }
}

/// Nothing but the accepted bytes is accepted here: the proof is of these inputs.
fn join_verifier_target() -> Target {
    let mut world = World::new();
    let mut rng = maci_nova_contracts::testing::decider::rng(500);
    let trapdoors = maci_nova_contracts::testing::groth16::Trapdoors::random(&mut rng);
    let code = maci_nova_contracts::groth16::join_verifier_code(&trapdoors.key(), false);
    let verifier = world.deploy(code);
    let inputs = [1, 2, 3, 4].map(halo2curves::bn256::Fr::from);
    let call = JoinVerifier::verifyCall {
        inputs: [1, 2, 3, 4].map(U256::from),
        proof: trapdoors.prove(&inputs, &mut rng).words(),
    };
    static ACCEPTED: OnceLock<Vec<u8>> = OnceLock::new();
    let mut target = target(&world, ALICE, verifier, &call);
    ACCEPTED.get_or_init(|| target.calldata.clone());
    target.canonical = |calldata| Some(calldata) == ACCEPTED.get().map(Vec::as_slice);
    target
}

fn change() -> impl Strategy<Value = Change> {
    let insert = (any::<Index>(), word()).prop_map(|(place, word)| Change::Insert(place, word));
    prop_oneof![
        calldata::CHANGES => calldata::change(word()),
        1 => insert,
    ]
}

fn word() -> impl Strategy<Value = U256> {
    prop_oneof![
        calldata::WORDS => calldata::word(),
        1 => (0usize..1000).prop_map(U256::from),
        1 => (0usize..64).prop_map(|words| U256::from(32 * words)),
        1 => (0usize..256).prop_map(|bit| U256::ONE << bit),
    ]
}

fn check(target: &Target, calldata: &[u8]) -> Result<(), TestCaseError> {
    let mut world = target.world.clone();
    let before = world.facts();
    match send(&mut world, target, calldata) {
        Ok(()) => prop_assert!(
            (target.canonical)(calldata),
            "{}",
            Bytes::copy_from_slice(calldata)
        ),
        Err(error) => {
            check_reverted(&error)?;
            prop_assert_eq!(world.facts(), before);
        }
    }
    Ok(())
}

fn check_changed(targets: &[Target]) {
    let changes = prop::collection::vec(change(), 1..4);
    proptest!(cases(1500), |(which in any::<Index>(), changes in changes)| {
        let target = which.get(targets);
        check(target, &changed(&target.calldata, &changes))?;
    });
}

#[test]
fn changed_calldata_of_a_poll() {
    check_changed(&poll_targets());
}

#[test]
fn changed_calldata_of_the_other_contracts() {
    check_changed(&other_targets());
}

/// Each of the changes that an encoder would never make, for each function.
#[test]
fn trailing_and_missing_bytes() {
    for target in poll_targets().iter().chain(&other_targets()) {
        let full = target.calldata.len();
        for length in [full + 1, full + 31, full + 32, full + 64] {
            let mut calldata = target.calldata.clone();
            calldata.resize(length, 0);
            let outcome = send(&mut target.world.clone(), target, &calldata);
            assert!(outcome.is_err(), "{:?} {length}", &calldata[..4]);
        }
        for length in (0..full).filter(|length| (full - length) % 17 == 1) {
            let calldata = &target.calldata[..length];
            let outcome = send(&mut target.world.clone(), target, calldata);
            assert!(outcome.is_err(), "{calldata:?}");
        }
    }
}

#[test]
fn arbitrary_bytes() {
    let mut targets = poll_targets();
    targets.extend(other_targets());
    let body = prop::collection::vec(any::<u8>(), 0..1000);
    proptest!(cases(500), |(which in any::<Index>(), body in body)| {
        let target = which.get(&targets);
        let calldata = [&target.calldata[..4], &body].concat();
        check(target, &calldata)?;
    });
}

/// Padding and offsets of `bytes` arguments, which the decoder does not look at.
#[test]
fn dirty_padding_of_bytes() {
    let world = open();
    let sign_up = MACI::signUpCall {
        key: maci_key(&key(77)),
        gatekeeperData: Bytes::from_static(&[1, 2, 3]),
    };
    let join = Poll::joinCall {
        creditData: Bytes::from_static(&[1, 2, 3]),
        ..join_call(7)
    };
    for (to, mut calldata) in [
        (world.maci, sign_up.abi_encode()),
        (world.poll, join.abi_encode()),
    ] {
        let last = calldata.len() - 1;
        for place in [last, last - 28] {
            calldata[place] ^= 1;
            let data = Bytes::copy_from_slice(&calldata);
            let outcome = world.evm.call(to, data);
            crate::poll::world::assert_reverts(outcome, Poll::MalformedCalldata {});
            calldata[place] ^= 1;
        }
        // Without the dirt it gets as far as the one who wants no data.
        let error = world.evm.call(to, calldata.into()).unwrap_err();
        let malformed = Poll::PollErrors::MalformedCalldata(Poll::MalformedCalldata {});
        assert_ne!(error.revert(), Some(malformed));
    }
}
