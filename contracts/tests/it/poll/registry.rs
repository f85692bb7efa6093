//! The registry of verifiers.

use maci_nova_chain::{ChainError, Receipt};
use maci_nova_contracts::alloy_primitives::{Address, U256};
use maci_nova_contracts::bindings::{VkRegistry, MACI};
use maci_nova_contracts::evm::{Evm, SENDER};
use maci_nova_contracts::{deploy, words};
use maci_nova_protocol::poll::{Header, State};
use maci_nova_protocol::tally::Mode;

use crate::poll::world::{key, World, MALLORY, OWNER, STATE_DEPTH, VOTE_DEPTH};

fn shape(state: u8, options: u8, events: u8) -> VkRegistry::Shape {
    VkRegistry::Shape {
        stateTreeDepth: state,
        voteOptionTreeDepth: options,
        eventsPerStep: events,
    }
}

fn set(
    world: &mut World,
    from: usize,
    shape: &VkRegistry::Shape,
    verifier: Address,
) -> Result<Receipt, ChainError> {
    let shape = shape.clone();
    let call = VkRegistry::setVerifierCall { shape, verifier };
    world.send(from, world.registry, &call)
}

/// The empty roots are the protocol's, for every depth.
#[test]
fn empty_roots_are_computed_on_chain() {
    let mut world = World::new();
    for options in 1..=10u8 {
        let state = 2 * options;
        let verifier = world.mock_verifier(options, false);
        let shape = shape(state, options, 3);
        let receipt = set(&mut world, OWNER, &shape, verifier).unwrap();
        let header = Header {
            poll_id: 0,
            coordinator_key: key(1),
            vote_options: 1,
            mode: Mode::Linear,
            signed_within: 0,
            state_tree_depth: state.into(),
            vote_option_tree_depth: options.into(),
        };
        let initial = State::initial(&header)
            .to_array()
            .map(|x| words::scalar(&x));
        let call = VkRegistry::verifierOfCall {
            shape: shape.clone(),
        };
        let told = world.view(world.registry, call);
        assert_eq!(told.verifier, verifier);
        assert_eq!([told.emptyStateRoot, told.emptyTallyRoot], initial[6..]);
        let event: VkRegistry::VerifierSet = receipt.event(world.registry).unwrap();
        let expected = VkRegistry::VerifierSet {
            shape,
            verifier,
            emptyStateRoot: initial[6],
            emptyTallyRoot: initial[7],
        };
        assert_eq!(event, expected);
    }
}

#[test]
fn a_verifier_stays() {
    let mut world = World::new();
    let other = world.mock_verifier(VOTE_DEPTH, false);
    let shape = shape(STATE_DEPTH, VOTE_DEPTH, 1);
    let error = VkRegistry::VerifierAlreadySet {};
    world.refuses(|world| set(world, OWNER, &shape, other), error);
}

#[test]
fn only_the_owner_sets_verifiers() {
    let mut world = World::new();
    let verifier = world.mock_verifier(2, false);
    let account = world.account(MALLORY);
    let error = VkRegistry::OwnableUnauthorizedAccount { account };
    world.refuses(
        |world| set(world, MALLORY, &shape(2, 2, 1), verifier),
        error,
    );
}

#[test]
fn shapes_without_circuits() {
    let mut world = World::new();
    let verifier = world.mock_verifier(1, false);
    let shapes = [
        (0, 1, 1),
        (21, 1, 1),
        (255, 1, 1),
        (1, 0, 1),
        (1, 11, 1),
        (1, 255, 1),
        (1, 1, 0),
        (1, 1, 17),
        (0, 0, 0),
    ];
    for (state, options, events) in shapes {
        let shape = shape(state, options, events);
        let error = VkRegistry::ShapeOutOfRange {};
        world.refuses(|world| set(world, OWNER, &shape, verifier), error);
    }
    for (state, options, events) in [(20, 1, 16), (1, 1, 1), (20, 1, 1)] {
        set(&mut world, OWNER, &shape(state, options, events), verifier).unwrap();
    }
}

#[test]
fn a_verifier_for_another_number_of_options() {
    let mut world = World::new();
    let verifier = world.mock_verifier(3, false);
    let error = VkRegistry::MaxOptionsMismatch {
        found: U256::from(125),
        expected: U256::from(25),
    };
    world.refuses(|world| set(world, OWNER, &shape(2, 2, 1), verifier), error);
    set(&mut world, OWNER, &shape(2, 3, 1), verifier).unwrap();
}

#[test]
fn an_address_without_a_contract() {
    let mut world = World::new();
    for verifier in [Address::ZERO, Address::repeat_byte(0x99)] {
        let error = VkRegistry::NoVerifierContract { verifier };
        world.refuses(|world| set(world, OWNER, &shape(2, 2, 1), verifier), error);
    }
}

#[test]
fn production_takes_no_development_keys() {
    let mut world = World::with(32, Evm::new(), true);
    let registry = world.registry;
    assert!(world.view(registry, VkRegistry::PRODUCTIONCall {}));
    let development = world.mock_verifier(2, true);
    let error = VkRegistry::DevelopmentVerifier {};
    world.refuses(
        |world| set(world, OWNER, &shape(2, 2, 1), development),
        error,
    );
    let verifier = world.mock_verifier(2, false);
    set(&mut world, OWNER, &shape(2, 2, 1), verifier).unwrap();
    // The same for join proofs.
    world.join_verifier = world.mock_join_verifier(true);
    let gatekeeper = world.deploy(deploy::free_for_all_gatekeeper(SENDER).unwrap());
    let error = MACI::DevelopmentVerifier {};
    world.refuses(|world| world.new_maci(gatekeeper, 32), error);
}

#[test]
fn development_takes_both() {
    let mut world = World::new();
    let development = world.mock_verifier(2, true);
    set(&mut world, OWNER, &shape(2, 2, 1), development).unwrap();
    world.join_verifier = world.mock_join_verifier(true);
    let gatekeeper = world.deploy(deploy::free_for_all_gatekeeper(SENDER).unwrap());
    world.new_maci(gatekeeper, 32).unwrap();
}

#[test]
fn a_shape_that_nothing_is_set_for() {
    let world = World::new();
    let call = VkRegistry::verifierOfCall {
        shape: shape(9, 9, 9),
    };
    let told = world.view(world.registry, call);
    assert_eq!(told.verifier, Address::ZERO);
    assert_eq!(told.emptyStateRoot, U256::ZERO);
}
