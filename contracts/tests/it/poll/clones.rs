//! Polls are clones: what their address proves, and what their code is.

use maci_nova_chain::{view, Chain, ChainError};
use maci_nova_contracts::alloy_primitives::{Address, Bytes, U256};
use maci_nova_contracts::alloy_sol_types::{SolCall, SolValue};
use maci_nova_contracts::bindings::{Poll, PollFactory};
use maci_nova_contracts::deploy;
use maci_nova_contracts::poll::{arguments, clone_address, clone_code};

use crate::poll::reentrancy::entry_points;
use crate::poll::world::{
    assert_reverts, message, publish_call, World, ALICE, MALLORY, OPTIONS, OWNER,
};

/// The address that the facts which the poll tells lead to.
fn expected(world: &World) -> Address {
    let arguments = arguments(&world.info());
    clone_address(world.factory, world.implementation, &arguments)
}

#[test]
fn the_address_is_that_of_its_arguments() {
    let mut world = World::new();
    for mode in 0..4 {
        let mut settings = world.settings();
        settings.mode = mode;
        settings.messageFee = U256::MAX - U256::from(mode);
        if mode == 2 {
            settings.topUpToken = Address::ZERO;
        }
        if mode == 3 {
            settings.signedWithin = 255;
            settings.lastRoot = 7;
        }
        world.poll = world.create(ALICE, settings).unwrap();
        assert_eq!(world.poll, expected(&world));
        let code = clone_code(world.implementation, &arguments(&world.info()));
        assert_eq!(world.evm.code(world.poll).unwrap().to_vec(), code);
    }
}

/// Whoever computes the address from what a poll says of itself would notice each other fact.
#[test]
fn every_argument_is_in_the_address() {
    let world = World::open();
    let honest = arguments(&world.info());
    assert_eq!(honest.len(), 470);
    for place in 0..honest.len() {
        let mut other = honest.clone();
        other[place] ^= 1;
        let address = clone_address(world.factory, world.implementation, &other);
        assert_ne!(address, world.poll);
    }
    let [factory, implementation] = [world.factory, world.implementation];
    assert_ne!(
        clone_address(world.maci, implementation, &honest),
        world.poll
    );
    assert_ne!(clone_address(factory, world.maci, &honest), world.poll);
    assert_ne!(
        clone_address(factory, implementation, &honest[..469]),
        world.poll
    );
}

#[test]
fn a_new_poll_has_empty_storage() {
    let mut world = World::new();
    let settings = world.settings();
    world.poll = world.create(OWNER, settings).unwrap();
    assert!(world.evm.storage(world.poll).is_empty());
    let mut settings = world.settings();
    settings.topUpToken = Address::ZERO;
    world.open_with(settings);
    assert!(world.evm.storage(world.poll).is_empty());
    world.publish(ALICE, &message(1)).unwrap();
    assert_eq!(world.evm.storage(world.poll).len(), 2);
}

/// A stranger calls the factory with what the next poll of the MACI will be made with, to take its
/// address.
#[test]
fn nobody_takes_the_address_of_anothers_poll() {
    let world = World::new();
    let settings = world.settings();
    let mut honest = world.clone();
    honest.go_to(settings.startTime);
    honest.poll = honest.create(OWNER, settings.clone()).unwrap();
    let info = honest.info();
    let call = PollFactory::deployCall {
        setup: PollFactory::PollSetup {
            owner: info.owner,
            pollId: info.pollId,
            joinVerifier: info.joinVerifier,
            bundleVerifier: info.bundleVerifier,
            verifier: info.verifier,
            emptyStateRoot: info.emptyStateRoot,
            emptyTallyRoot: info.emptyTallyRoot,
        },
        settings: PollFactory::PollSettings::abi_decode(&settings.abi_encode()).unwrap(),
    };
    let mut squatted = world.clone();
    let made: Address = squatted.view(world.factory, call.clone());
    squatted.send(MALLORY, world.factory, &call).unwrap();
    assert_ne!(made, honest.poll);
    squatted.go_to(settings.startTime);
    assert_eq!(squatted.create(OWNER, settings), Ok(honest.poll));
    // A second one of the same is no other poll.
    let again = squatted.send(MALLORY, world.factory, &call);
    assert!(matches!(again, Err(ChainError::Reverted { .. })));
}

/// What polls execute is no poll: nothing can be sent to it, so there is nothing in it that a clone
/// could find.
#[test]
fn the_implementation_is_no_poll() {
    let mut world = World::open();
    let implementation = world.implementation;
    for (name, calldata) in entry_points() {
        let before = world.facts();
        let from = world.account(ALICE);
        let to = Some(implementation);
        let outcome = world.evm.send(from, to, calldata.into(), U256::ZERO);
        match name {
            "collect" | "collectFees" => assert_reverts(outcome, Poll::NotFinalized {}),
            "withdraw" | "withdrawFees" => assert_reverts(outcome, Poll::NotAborted {}),
            _ => assert_reverts(outcome, Poll::NoPoll {}),
        }
        assert_eq!(world.facts(), before, "{name}");
    }
    for calldata in [
        Poll::pollInfoCall {}.abi_encode(),
        Poll::stateCall {}.abi_encode(),
        Poll::deadlineCall {}.abi_encode(),
        Poll::messageLimitCall {}.abi_encode(),
        Poll::anchorWindowCall {}.abi_encode(),
        Poll::anchorOfCall {
            blockNumber: U256::ZERO,
        }
        .abi_encode(),
    ] {
        let outcome = world.evm.call(implementation, calldata.into());
        assert_reverts(outcome, Poll::NoPoll {});
    }
}

/// Clones of one implementation share nothing.
#[test]
fn polls_do_not_share_their_storage() {
    let mut world = World::open();
    let first = world.poll;
    world.publish(ALICE, &message(1)).unwrap();
    let settings = world.settings();
    world.open_with(settings);
    assert_eq!(world.chains().messageCount, U256::ZERO);
    world.voter(1);
    world.finalize_now();
    world.poll = first;
    let chains = world.chains();
    assert_eq!(chains.messageCount, U256::ONE);
    assert_eq!(chains.joinCount, U256::ONE);
    let read = view(&world.evm, first, &Poll::resultsCall {}).unwrap_err();
    let expected = Poll::PollErrors::NotFinalized(Poll::NotFinalized {});
    assert_eq!(read.revert(), Some(expected));
}

/// A factory that says that its polls execute something else makes polls at other addresses.
#[test]
fn another_implementation() {
    let mut world = World::open();
    let honest = world.poll;
    let arguments = arguments(&world.info());
    let other = world.deploy(deploy::poll_implementation(&world.libraries).unwrap());
    let code = deploy::poll_factory(&world.libraries, other).unwrap();
    let factory = world.deploy(code);
    let told: Address = world.view(factory, PollFactory::IMPLEMENTATIONCall {});
    assert_eq!(told, other);
    assert_ne!(clone_address(factory, other, &arguments), honest);
    assert_ne!(clone_address(world.factory, other, &arguments), honest);
}

/// Money comes with messages alone: a clone passes everything on, and what it executes refuses the
/// rest.
#[test]
fn a_poll_takes_no_money_without_a_message() {
    let mut world = World::open();
    let mallory = world.account(MALLORY);
    let poll = Some(world.poll);
    for data in [Bytes::new(), Bytes::from_static(&[1, 2, 3, 4])] {
        let before = world.facts();
        let outcome = world.evm.send(mallory, poll, data, U256::ONE);
        assert!(matches!(outcome, Err(ChainError::Reverted { .. })));
        assert_eq!(world.facts(), before);
    }
    world
        .send(ALICE, world.poll, &publish_call(&message(1)))
        .unwrap();
    world.go_to_end();
    world.finalize(&[(0, 0); OPTIONS]).unwrap();
    assert_eq!(world.evm.balance(world.poll), Ok(U256::ZERO));
}
