//! The bounds that the circuit relies on and does not check: each is kept by a contract.

use maci_nova_contracts::alloy_primitives::U256;
use maci_nova_contracts::alloy_sol_types::SolError;
use maci_nova_contracts::bindings::{Poll, MACI};
use maci_nova_contracts::poll::{poll_id, POLL_ID_BITS};
use maci_nova_protocol::babyjub::Point;
use maci_nova_protocol::command::FIELD_BITS;
use maci_nova_protocol::field::Fr;
use maci_nova_protocol::message::{AMOUNT_BITS, CREDIT_BITS};

use crate::poll::top_ups::world as voters_world;
use crate::poll::world::{
    join_call, key, maci_key, shape, test_artifact, top_up_call, World, ALICE, CREDIT_UNIT,
    OPTIONS, OWNER,
};

maci_nova_contracts::alloy_sol_types::sol!(
    #[derive(Debug)]
    HostileCredits,
    "tests/out/Hostile.sol/HostileCredits.json"
);

fn refused(change: impl FnOnce(&mut MACI::PollSettings), error: impl SolError) {
    let mut world = World::new();
    let mut settings = world.settings();
    change(&mut settings);
    world.refuses(|world| world.create(OWNER, settings), error);
}

#[test]
fn vote_options_fit_the_tree() {
    for given in [0, OPTIONS as u32 + 1, u32::MAX] {
        let max = U256::from(OPTIONS);
        let error = MACI::VoteOptionsOutOfRange { given, max };
        refused(|settings| settings.voteOptions = given, error);
    }
}

/// Results of more options fit into no piece of code, so that such a poll could never be finalized.
#[test]
fn vote_options_fit_the_results() {
    let mut world = World::new();
    let verifier = world.mock_verifier(5, false);
    world.set_verifier(2, 5, verifier);
    let mut settings = world.settings();
    settings.shape = shape(2, 5);
    let max = U256::from(944);
    for given in [945, 3125] {
        settings.voteOptions = given;
        let error = MACI::VoteOptionsOutOfRange { given, max };
        let settings = settings.clone();
        world.refuses(|world| world.create(OWNER, settings), error);
    }
    settings.voteOptions = 944;
    world.create(OWNER, settings).unwrap();
}

#[test]
fn poll_ids_are_below_two_to_the_50() {
    assert_eq!(POLL_ID_BITS, FIELD_BITS);
    let mut world = World::new();
    let mut all = 0;
    for index in 0..40 {
        let settings = world.settings();
        world.poll = world.create(OWNER, settings).unwrap();
        let id = world.info().pollId;
        let chain_id = maci_nova_contracts::evm::CHAIN_ID;
        assert_eq!(id, poll_id(chain_id, world.maci, index));
        assert_eq!(id >> FIELD_BITS, 0);
        all |= id;
    }
    // None of the bits below is always 0.
    assert_eq!(all, (1 << FIELD_BITS) - 1);
}

#[test]
fn the_mode_is_one_of_four() {
    for mode in [4, 5, u8::MAX] {
        refused(|settings| settings.mode = mode, MACI::UnknownMode { mode });
    }
}

#[test]
fn the_coordinator_key_is_in_the_subgroup() {
    // (x, y) + (0, -1) = (-x, -y).
    let good = key(1);
    let moved = Point {
        x: -good.x,
        y: -good.y,
    };
    assert!(moved.is_on_curve());
    let error = MACI::KeyNotInSubgroup {};
    refused(|settings| settings.coordinatorKey = maci_key(&moved), error);
}

#[test]
fn the_coordinator_keys_x_is_not_zero() {
    let zeros = [Fr::from(1), -Fr::from(1)].map(|y| Point { x: Fr::from(0), y });
    for key in zeros {
        let error = MACI::KeyXIsZero {};
        refused(|settings| settings.coordinatorKey = maci_key(&key), error);
    }
}

#[test]
fn a_top_ups_index_is_a_voters() {
    let mut world = voters_world();
    for index in [U256::ZERO, U256::from(3), U256::ONE << 50, U256::MAX] {
        let mut call = top_up_call(0, 10);
        call.stateIndex = index;
        let error = Poll::UnknownStateIndex { stateIndex: index };
        world.refuses(|world| world.send(ALICE, world.poll, &call), error);
    }
    for index in [1, 2] {
        world.top_up(ALICE, index, 10).unwrap();
    }
    // The next voter's index is one from their join on.
    world.voter(3);
    world.top_up(ALICE, 3, 10).unwrap();
}

#[test]
fn a_top_ups_amount_is_above_0_and_below_two_to_the_48() {
    let mut world = voters_world();
    let credits = U256::ZERO;
    let error = Poll::AmountOutOfRange { credits };
    world.refuses(|world| world.top_up(ALICE, 1, 0), error);
    let amount = CREDIT_UNIT << AMOUNT_BITS;
    let to = world.account(ALICE);
    let call = maci_nova_contracts::bindings::SampleToken::mintCall {
        to,
        amount: U256::from(2 * amount),
    };
    world.send(OWNER, world.token, &call).unwrap();
    let credits = U256::ONE << AMOUNT_BITS;
    let error = Poll::AmountOutOfRange { credits };
    world.refuses(|world| world.top_up(ALICE, 1, amount), error);
    world.top_up(ALICE, 1, amount - CREDIT_UNIT).unwrap();
}

#[test]
fn credits_at_the_start_are_below_two_to_the_32() {
    let mut world = World::new();
    world.credits = world.deploy_test(test_artifact!("Hostile", "HostileCredits"), &[]);
    let settings = world.settings();
    world.open_with(settings);
    world.sign_up(ALICE, &key(1)).unwrap();
    let mut number = 0;
    let mut join = |world: &mut World| {
        number += 1;
        world.send(ALICE, world.poll, &join_call(number))
    };
    let too_many = U256::ONE << CREDIT_BITS;
    for credits in [too_many, U256::MAX] {
        let call = HostileCredits::setCreditsCall {
            newCredits: credits,
        };
        world.send(OWNER, world.credits, &call).unwrap();
        world.refuses(&mut join, Poll::CreditsOutOfRange { credits });
    }
    for credits in [too_many - U256::ONE, U256::ZERO] {
        let call = HostileCredits::setCreditsCall {
            newCredits: credits,
        };
        world.send(OWNER, world.credits, &call).unwrap();
        join(&mut world).unwrap();
    }
}

#[test]
fn there_are_no_more_voters_than_leaves() {
    let mut world = World::new();
    world.set_verifier(1, 1, world.verifier);
    let mut settings = world.settings();
    settings.shape = shape(1, 1);
    world.open_with(settings);
    // Leaf 0 is nobody's.
    for number in 1..5 {
        world.voter(number);
    }
    let sixth = |world: &mut World| world.send(ALICE, world.poll, &join_call(5));
    world.refuses(sixth, Poll::PollFull {});
    assert_eq!(world.chains().joinCount, U256::from(5));
}
