//! What audits of MACI found and must not come back, as far as it is the contracts' matter. Each
//! test is the finding. Those of the circuit are tested with the circuit.

use std::collections::BTreeSet;

use halo2curves::bn256::Fr;
use maci_nova_contracts::alloy_primitives::U256;
use maci_nova_contracts::alloy_sol_types::SolCall;
use maci_nova_contracts::artifact;
use maci_nova_contracts::bindings::{JoinVerifier, Poll, MACI};
use maci_nova_contracts::evm::{CHAIN_ID, SENDER};
use maci_nova_contracts::{groth16, words};
use maci_nova_protocol::hash_chain::zero;
use maci_nova_protocol::membership::leaf;
use maci_nova_protocol::message::TopUp;
use maci_nova_protocol::poseidon::hash;

use crate::poll::world::{
    asked, binding, extend_plain, finalize_call, join_call, key, message, order, poll_key,
    publish_call, result_words, scope, Answer, World, ALICE, BOB, MALLORY, OPTIONS,
};
use maci_nova_contracts::testing::decider::rng;
use maci_nova_contracts::testing::groth16::Trapdoors;

/// z0 and z of what a finalization asks.
fn states(world: &World) -> (Vec<U256>, Vec<U256>) {
    let mut world = world.clone();
    world.answer(world.verifier, Answer::Echo);
    world.go_to_end();
    let asked = asked(world.finalize(&[(0, 0); OPTIONS]));
    (asked[1..9].to_vec(), asked[9..17].to_vec())
}

/// HashCloak 2021: the tally could start from any values. Here nobody hands a starting state in:
/// the same one reaches the verifier whatever is sent, with the poll's own context and the empty
/// roots, or a link that proofs lead to from there.
#[test]
fn an_arbitrary_starting_tally_or_state() {
    let mut world = World::open();
    let (first, _) = states(&world);
    world.voter(1);
    world.publish(ALICE, &message(1)).unwrap();
    assert_eq!(states(&world).0, first);
    let info = world.info();
    assert_eq!(first[0], info.pollContext);
    assert_eq!(first[6..], [info.emptyStateRoot, info.emptyTallyRoot]);
    // finalize takes the two last roots, results and proof, and no other state.
    assert_eq!(
        Poll::finalizeCall::SIGNATURE,
        "finalize(uint256,uint256,(int128,uint128)[],uint256[22])"
    );
}

/// A bound of 2^50 on indices where the tree is smaller: nobody joins or is topped up beyond it.
#[test]
fn a_bound_that_is_larger_than_the_tree() {
    let mut world = World::open();
    for number in 1..25 {
        world.voter(number);
    }
    let next = |world: &mut World| world.send(ALICE, world.poll, &join_call(25));
    world.refuses(next, Poll::PollFull {});
    for index in [25, 1 << 49] {
        let error = Poll::UnknownStateIndex {
            stateIndex: U256::from(index),
        };
        world.refuses(|world| world.top_up(ALICE, index, 10), error);
    }
}

/// Trailing messages skipped: the statement has the head of all of them, so a proof of all but the
/// last is about something else.
#[test]
fn trailing_messages_are_not_skipped() {
    let mut world = World::open();
    world.voter(1);
    world.publish(ALICE, &message(1)).unwrap();
    let (_, before) = states(&world);
    let mut more = world.clone();
    more.publish(MALLORY, &message(2)).unwrap();
    let (_, after) = states(&more);
    assert_ne!(before[3], after[3]);
    let mut more = world.clone();
    more.top_up(ALICE, 1, 10).unwrap();
    assert_ne!(before[3], states(&more).1[3]);
    // The same for joins.
    let mut more = world.clone();
    more.voter(2);
    assert_ne!(before[1..3], states(&more).1[1..3]);
}

/// HashCloak 2022: a top-up's amount was not what was paid. Here it is computed from what arrived,
/// the leaf is checked, and both are in the digest.
#[test]
fn a_top_up_of_another_leaf_or_amount() {
    let mut world = World::open();
    world.voter(1);
    world.voter(2);
    world.top_up(ALICE, 2, 40).unwrap();
    let digest = |state_index, amount| {
        let top_up = TopUp {
            state_index,
            amount,
        };
        words::scalar(&extend_plain(zero(), top_up.digest()))
    };
    let chain = world.chains().messageChain;
    assert_eq!(chain, digest(2, 4));
    assert_ne!(chain, digest(1, 4));
    assert_ne!(chain, digest(2, 40));
    assert_eq!(world.tokens(world.poll), 40);
}

/// A commitment that the caller supplies was believed. Here every value of the statement but the
/// two roots that the proof is about comes from storage, and no entry point takes a digest, but for
/// the end of a bundle's own chain, which is proven with the messages that come with it, and the links
/// at a segment's ends: that it begins at was proven before, that it leads to is proven with it.
#[test]
fn no_entry_point_takes_a_commitment() {
    let poll: serde_json::Value = serde_json::from_str(artifact::POLL.json).unwrap();
    let functions = poll["abi"].as_array().unwrap().iter();
    let changing = functions.filter(|entry| {
        entry["type"] == "function" && entry["stateMutability"].as_str() != Some("view")
    });
    let mut arguments = BTreeSet::new();
    for function in changing {
        for input in function["inputs"].as_array().unwrap() {
            arguments.insert(input["name"].as_str().unwrap().to_owned());
        }
    }
    let expected = [
        "amount",
        "amounts",
        "anchor",
        "anchorPlaces",
        "anchors",
        "blockNumber",
        "creditData",
        "data",
        "encryptionKey",
        "encryptionKeys",
        "from",
        "inner",
        "link",
        "messages",
        "minCredits",
        "newResults",
        "newStateRoot",
        "nullifier",
        "pollKey",
        "proof",
        "rootIndex",
        "stateIndex",
        "stateIndices",
        "tallyRoot",
        "to",
    ];
    assert_eq!(arguments, expected.map(str::to_owned).into());
}

/// PSE 2024 C3: a message of one type published as another. Their digests are hashes of different
/// numbers of inputs, and what reaches a digest is in the event of its kind.
#[test]
fn a_message_of_one_type_published_as_another() {
    let mut world = World::open();
    world.voter(1);
    // The words of a top-up as a message's first words.
    let mut call = publish_call(&message(1));
    call.data = [U256::ZERO; 10];
    call.data[..3].copy_from_slice(&[U256::ONE, U256::ONE, U256::from(4)]);
    let mut published = world.clone();
    published.send(MALLORY, published.poll, &call).unwrap();
    world.top_up(ALICE, 1, 40).unwrap();
    assert_ne!(world.chains().messageChain, published.chains().messageChain);
}

/// A world with a real join verifier whose trapdoors are known, one sign-up, and Alice's proof.
fn real_joins() -> (World, Trapdoors) {
    let trapdoors = Trapdoors::random(&mut rng(300));
    let mut world = World::new();
    world.join_verifier = world.deploy(groth16::join_verifier_code(&trapdoors.key(), false));
    let gatekeeper = maci_nova_contracts::deploy::free_for_all_gatekeeper(SENDER).unwrap();
    world.gatekeeper = world.deploy(gatekeeper);
    world.maci = world.new_maci(world.gatekeeper, 32).unwrap();
    let settings = world.settings();
    world.open_with(settings);
    world.sign_up(ALICE, &key(1)).unwrap();
    (world, trapdoors)
}

/// Inputs of Alice's join under `key(number)`.
fn inputs(world: &World, nullifier: U256, number: u64) -> [Fr; 4] {
    let root: U256 = world.view(world.maci, MACI::rootAtCall { index: U256::ZERO });
    let poll_key = key(3000 + number);
    let scope = scope(CHAIN_ID, world.maci, world.info().pollId);
    let binding = binding(CHAIN_ID, world.poll, poll_key, world.account(ALICE), &[], 0);
    let [root, nullifier] = [root, nullifier].map(|word| words::to_scalar(word).unwrap());
    [root, nullifier, scope, binding]
}

fn alices_join(world: &World, trapdoors: &Trapdoors) -> Poll::joinCall {
    let mut call = join_call(1);
    let inputs = inputs(world, call.nullifier, 1);
    call.proof = trapdoors.prove(&inputs, &mut rng(301)).words();
    call
}

/// A join could be front-run: copied, with another key, or burnt with somebody else's credits.
#[test]
fn a_join_that_somebody_copies() {
    let (mut world, trapdoors) = real_joins();
    let call = alices_join(&world, &trapdoors);
    let rejected = || JoinVerifier::ProofRejected {};
    for thief in [MALLORY, BOB] {
        world.refuses(|world| world.send(thief, world.poll, &call), rejected());
    }
    let mut other_key = call.clone();
    other_key.pollKey = poll_key(&key(666));
    let mut other_nullifier = call.clone();
    other_nullifier.nullifier += U256::ONE;
    let mut other_data = call.clone();
    other_data.creditData = vec![1].into();
    let mut other_least = call.clone();
    other_least.minCredits += U256::ONE;
    for other in [other_key, other_nullifier, other_data, other_least] {
        world.refuses(|world| world.send(ALICE, world.poll, &other), rejected());
    }
    world.send(ALICE, world.poll, &call).unwrap();
}

/// A join replayed for another poll.
#[test]
fn a_join_for_another_poll() {
    let (mut world, trapdoors) = real_joins();
    let call = alices_join(&world, &trapdoors);
    let settings = world.settings();
    world.open_with(settings);
    let replay = |world: &mut World| world.send(ALICE, world.poll, &call);
    world.refuses(replay, JoinVerifier::ProofRejected {});
}

/// The same nullifier in other words would be another nullifier.
#[test]
fn a_nullifier_that_is_not_canonical() {
    let (mut world, trapdoors) = real_joins();
    let call = alices_join(&world, &trapdoors);
    let mut wrapped = call.clone();
    wrapped.nullifier += order();
    let error = JoinVerifier::NonCanonicalInput { index: U256::ONE };
    world.refuses(|world| world.send(ALICE, world.poll, &wrapped), error);
    world.send(ALICE, world.poll, &call).unwrap();
}

/// A public key that is not field-checked has two digests, or none that a proof can have.
#[test]
fn a_public_key_that_is_not_field_checked() {
    let mut world = World::open();
    world.sign_up(ALICE, &key(1)).unwrap();
    let mut join = join_call(1);
    join.pollKey.x += order();
    let error = Poll::KeyNotCanonical {};
    world.refuses(|world| world.send(ALICE, world.poll, &join), error);
    let mut publish = publish_call(&message(1));
    publish.encryptionKey.y += order();
    let error = Poll::KeyNotCanonical {};
    world.refuses(|world| world.send(ALICE, world.poll, &publish), error);
    let mut sign_up = MACI::signUpCall {
        key: crate::poll::world::maci_key(&key(2)),
        gatekeeperData: Default::default(),
    };
    sign_up.key.x += order();
    let error = MACI::KeyNotCanonical {};
    world.refuses(|world| world.send(ALICE, world.maci, &sign_up), error);
    let mut settings = world.settings();
    settings.coordinatorKey.y += order();
    let error = MACI::KeyNotCanonical {};
    world.refuses(|world| world.create(ALICE, settings), error);
}

/// PSE 2024-07 M2: an optimisation dropped a public input. Each of the four is in the equation.
#[test]
fn a_public_input_that_is_lost() {
    let (world, trapdoors) = real_joins();
    let call = alices_join(&world, &trapdoors);
    for i in 0..4 {
        let mut inputs = inputs(&world, call.nullifier, 1);
        inputs[i] += Fr::from(1);
        let mut other = call.clone();
        other.proof = trapdoors.prove(&inputs, &mut rng(302)).words();
        let error = JoinVerifier::ProofRejected {};
        let mut world = world.clone();
        world.refuses(|world| world.send(ALICE, world.poll, &other), error);
    }
}

/// A leaf that is a node as well, so that one sign-up lets a whole tree of keys in. Leaves are
/// hashes of another number of inputs than nodes.
#[test]
fn a_leaf_that_could_be_a_node() {
    let mut world = World::new();
    let key = key(1);
    world.sign_up(ALICE, &key).unwrap();
    let root: U256 = world.view(world.maci, MACI::rootAtCall { index: U256::ZERO });
    assert_eq!(root, words::scalar(&leaf(&key)));
    assert_ne!(root, words::scalar(&hash(&[key.x, key.y])));
}

/// A finalization replayed for another poll: context, domain and both chains are that poll's own.
#[test]
fn a_finalization_for_another_poll() {
    let world = World::open();
    let mut other = world.clone();
    let settings = other.settings();
    other.open_with(settings);
    assert_ne!(states(&world), states(&other));
    assert_ne!(states(&world).0[0], states(&other).0[0]);
}

/// A parameter hash left at zero, no check at step 0: the context is never 0 and stands in both
/// states.
#[test]
fn the_context_is_in_the_first_and_in_the_last_state() {
    let world = World::open();
    let (first, last) = states(&world);
    assert_ne!(first[0], U256::ZERO);
    assert_eq!(first[0], last[0]);
    assert_eq!(first[2], U256::ONE);
}

/// Results are handed to the verifier as they are stored.
#[test]
fn results_that_the_proof_is_not_about() {
    let mut world = World::open();
    world.answer(world.verifier, Answer::Echo);
    world.go_to_end();
    let results: Vec<_> = (0..OPTIONS as u8)
        .map(|i| (i.into(), 100 + u128::from(i)))
        .collect();
    let asked = asked(world.finalize(&results));
    assert_eq!(asked[41..], result_words(&results));
    world.answer(world.verifier, Answer::Accept);
    world.finalize(&results).unwrap();
    let stored = world.view(world.poll, Poll::resultsCall {});
    assert_eq!(stored, finalize_call(&results).newResults);
}
