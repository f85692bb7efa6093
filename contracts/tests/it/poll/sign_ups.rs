//! Signing up: the tree, its roots, and what is no sign-up.

use maci_nova_chain::ChainError;
use maci_nova_contracts::alloy_primitives::{Bytes, U256};
use maci_nova_contracts::alloy_sol_types::SolError;
use maci_nova_contracts::bindings::{FreeForAllGatekeeper, MACI};
use maci_nova_contracts::evm::{Evm, SENDER};
use maci_nova_contracts::{deploy, words};
use maci_nova_protocol::babyjub::Point;
use maci_nova_protocol::field::Fr;
use maci_nova_protocol::lean_imt::LeanImt;
use maci_nova_protocol::membership::leaf;

use crate::poll::world::{key, maci_key, World, ALICE, BOB, MALLORY, OWNER};

#[test]
fn every_root_is_kept_by_its_index() {
    let mut world = World::new();
    let mut tree = LeanImt::new();
    let mut roots = Vec::new();
    for number in 0..19 {
        let key = key(number + 1);
        let receipt = world.sign_up(ALICE, &key).unwrap();
        tree.insert(leaf(&key)).unwrap();
        roots.push(words::scalar(&tree.root().unwrap()));
        let event: MACI::SignUp = receipt.event(world.maci).unwrap();
        let MACI::PublicKey { x, y } = maci_key(&key);
        let root = roots[number as usize];
        let index = U256::from(number);
        assert_eq!(event, MACI::SignUp { index, x, y, root });
        let count: U256 = world.view(world.maci, MACI::rootCountCall {});
        assert_eq!(count, U256::from(number + 1));
    }
    for (index, root) in roots.iter().enumerate() {
        let index = U256::from(index);
        let told: U256 = world.view(world.maci, MACI::rootAtCall { index });
        assert_eq!(told, *root);
    }
}

fn root_error(world: &World, index: U256) -> ChainError {
    let call = MACI::rootAtCall { index };
    maci_nova_chain::view(&world.evm, world.maci, &call).unwrap_err()
}

#[test]
fn a_root_that_is_not_there_yet() {
    let mut world = World::new();
    world.sign_up(ALICE, &key(1)).unwrap();
    for index in [U256::ONE, U256::MAX] {
        let error = root_error(&world, index);
        let data = MACI::UnknownRoot { index }.abi_encode().into();
        let gas_used = None;
        assert_eq!(error, ChainError::Reverted { data, gas_used });
    }
}

#[test]
fn a_key_is_in_the_tree_once() {
    let mut world = World::new();
    world.sign_up(ALICE, &key(1)).unwrap();
    let again = |world: &mut World| world.sign_up(BOB, &key(1));
    world.refuses(again, MACI::LeafAlreadyExists {});
}

#[test]
fn keys_off_the_curve() {
    let mut world = World::new();
    let good = key(1);
    let bad = [
        Point {
            x: good.y,
            y: good.x,
        },
        Point {
            x: good.x + Fr::from(1),
            y: good.y,
        },
        Point::default(),
    ];
    for key in bad {
        let sign_up = |world: &mut World| world.sign_up(ALICE, &key);
        world.refuses(sign_up, MACI::KeyNotOnCurve {});
    }
}

/// They harm nobody but who uses them: nobody can prove to know their logarithm to base B8.
#[test]
fn keys_of_low_order_are_taken() {
    let mut world = World::new();
    let low = [
        Point::IDENTITY,
        Point {
            x: Fr::from(0),
            y: -Fr::from(1),
        },
    ];
    for key in low {
        world.sign_up(ALICE, &key).unwrap();
    }
}

#[test]
fn the_tree_is_full_when_the_join_circuit_is() {
    let mut world = World::with(2, Evm::new(), false);
    for number in 0..4 {
        world.sign_up(ALICE, &key(number + 1)).unwrap();
    }
    let fifth = |world: &mut World| world.sign_up(ALICE, &key(5));
    world.refuses(fifth, MACI::SignUpsFull {});
    let mut world = World::with(0, Evm::new(), false);
    world.sign_up(ALICE, &key(1)).unwrap();
    let second = |world: &mut World| world.sign_up(ALICE, &key(2));
    world.refuses(second, MACI::SignUpsFull {});
}

#[test]
fn a_join_circuit_deeper_than_32() {
    let mut world = World::new();
    let gatekeeper = world.deploy(deploy::free_for_all_gatekeeper(SENDER).unwrap());
    let error = MACI::JoinDepthOutOfRange { joinDepth: 33 };
    world.refuses(|world| world.new_maci(gatekeeper, 33), error);
    world.new_maci(gatekeeper, 32).unwrap();
}

#[test]
fn the_constants_are_what_it_was_made_with() {
    let world = World::new();
    let maci = world.maci;
    assert_eq!(world.view(maci, MACI::GATEKEEPERCall {}), world.gatekeeper);
    assert_eq!(world.view(maci, MACI::FACTORYCall {}), world.factory);
    assert_eq!(world.view(maci, MACI::REGISTRYCall {}), world.registry);
    let join_verifier = world.view(maci, MACI::JOIN_VERIFIERCall {});
    assert_eq!(join_verifier, world.join_verifier);
    let bundle_verifier = world.view(maci, MACI::BUNDLE_VERIFIERCall {});
    assert_eq!(bundle_verifier, world.bundle_verifier);
    assert_eq!(world.view(maci, MACI::JOIN_DEPTHCall {}), 32);
}

#[test]
fn data_for_a_gatekeeper_that_wants_none() {
    let mut world = World::new();
    let call = MACI::signUpCall {
        key: maci_key(&key(1)),
        gatekeeperData: Bytes::from_static(&[1]),
    };
    let error = FreeForAllGatekeeper::UnexpectedGatekeeperData {};
    world.refuses(|world| world.send(ALICE, world.maci, &call), error);
}

/// One sign-up is good for polls that are created before it and after it.
#[test]
fn sign_ups_never_close() {
    let mut world = World::open();
    world.sign_up(ALICE, &key(1)).unwrap();
    world.finalize_now();
    world.sign_up(BOB, &key(2)).unwrap();
    world.evm.advance_time(1 << 40);
    world.sign_up(MALLORY, &key(3)).unwrap();
    world.sign_up(OWNER, &key(4)).unwrap();
}
