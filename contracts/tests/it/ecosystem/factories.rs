//! Gatekeepers that a factory has made.

use maci_nova_chain::ChainError;
use maci_nova_contracts::alloy_primitives::{Address, Bytes, B256};
use maci_nova_contracts::bindings::{FreeForAllGatekeeper, MACI};
use maci_nova_contracts::deploy;

use crate::poll::world::{key, test_artifact, World, ALICE, MALLORY, OWNER};

maci_nova_contracts::alloy_sol_types::sol!(
    #[derive(Debug)]
    SharedFactory,
    "tests/out/Ecosystem.sol/SharedFactory.json"
);

/// What the shared factory makes of this code, whoever asks it.
fn make(world: &mut World, from: usize, factory: Address, code: Bytes) -> Address {
    let salt = B256::ZERO;
    let call = SharedFactory::deployCall { salt, code };
    let receipt = world.send(from, factory, &call).unwrap();
    let event: SharedFactory::Deployed = receipt.event(factory).unwrap();
    event.made
}

fn set_maci(
    gatekeeper: Address,
    maci: Address,
    from: usize,
) -> impl Fn(&mut World) -> Result<(), ChainError> {
    move |world| {
        let call = FreeForAllGatekeeper::setMaciCall { newMaci: maci };
        world.send(from, gatekeeper, &call).map(|_| ())
    }
}

#[test]
fn a_gatekeeper_from_a_factory_serves_a_maci() {
    let mut world = World::new();
    let factory = world.deploy_test(test_artifact!("Ecosystem", "SharedFactory"), &[]);
    let code = deploy::free_for_all_gatekeeper(world.account(OWNER)).unwrap();
    // Whoever sends the transaction, it is the owner in the code who may name the MACI.
    world.gatekeeper = make(&mut world, MALLORY, factory, code);
    let gatekeeper = world.gatekeeper;
    let owner = world.view(gatekeeper, FreeForAllGatekeeper::OWNERCall {});
    assert_eq!(owner, world.account(OWNER));
    world.maci = world.new_maci(gatekeeper, 32).unwrap();
    world.sign_up(ALICE, &key(1)).unwrap();
    let roots = world.view(world.maci, MACI::rootCountCall {});
    assert_eq!(roots.to::<u64>(), 1);
}

/// Between the two transactions everybody sees the gatekeeper that waits for its MACI.
#[test]
fn nobody_else_names_the_maci_first() {
    let mut world = World::new();
    let factory = world.deploy_test(test_artifact!("Ecosystem", "SharedFactory"), &[]);
    let code = deploy::free_for_all_gatekeeper(world.account(OWNER)).unwrap();
    let gatekeeper = make(&mut world, OWNER, factory, code);
    world.others.push(gatekeeper);
    let theirs = world.account(MALLORY);
    world.refuses(
        set_maci(gatekeeper, theirs, MALLORY),
        FreeForAllGatekeeper::OnlyOwner {},
    );
    set_maci(gatekeeper, world.maci, OWNER)(&mut world).unwrap();
    world.refuses(
        set_maci(gatekeeper, theirs, OWNER),
        FreeForAllGatekeeper::MaciAlreadySet {},
    );
    let maci = world.view(gatekeeper, FreeForAllGatekeeper::maciCall {});
    assert_eq!(maci, world.maci);
}

/// The address is that of the code with the owner in it: a stranger who takes the same salt gets
/// another one.
#[test]
fn nobody_squats_the_address() {
    let mut world = World::new();
    let factory = world.deploy_test(test_artifact!("Ecosystem", "SharedFactory"), &[]);
    let [theirs, ours] = [MALLORY, OWNER].map(|owner| {
        let code = deploy::free_for_all_gatekeeper(world.account(owner)).unwrap();
        make(&mut world, MALLORY, factory, code)
    });
    assert_ne!(theirs, ours);
    let owner = world.view(ours, FreeForAllGatekeeper::OWNERCall {});
    assert_eq!(owner, world.account(OWNER));
}

#[test]
fn a_gatekeeper_of_nobody() {
    let mut world = World::new();
    let code = deploy::free_for_all_gatekeeper(Address::ZERO).unwrap();
    let error = FreeForAllGatekeeper::OwnerIsZero {};
    world.refuses(|world| world.try_deploy(code), error);
}
