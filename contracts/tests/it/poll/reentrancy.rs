//! Calls from inside calls: whatever a poll or a MACI talks to may talk back.

use maci_nova_chain::Chain;
use maci_nova_contracts::alloy_primitives::{Address, Bytes, U256};
use maci_nova_contracts::alloy_sol_types::{sol, SolCall, SolError};
use maci_nova_contracts::bindings::{Poll, MACI};
use maci_nova_protocol::bundle::Bundle;

use crate::poll::bounds::HostileCredits;
use crate::poll::top_ups::{hostile_world, HostileToken};
use crate::poll::world::{
    batch_call, bundle_call, finalize_call, finalize_from_call, join_call, key, maci_key, message,
    publish_call, segment_call, test_artifact, top_up_call, World, ALICE, BOB, MALLORY, OPTIONS,
    OWNER,
};

sol!(
    #[derive(Debug)]
    HostileAccount,
    "tests/out/Hostile.sol/HostileAccount.json"
);
sol!(
    #[derive(Debug)]
    HostileGatekeeper,
    "tests/out/Hostile.sol/HostileGatekeeper.json"
);

/// Every function of a poll that changes anything.
pub fn entry_points() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("join", join_call(9).abi_encode()),
        ("publishMessage", publish_call(&message(9)).abi_encode()),
        (
            "publishMessageBatch",
            batch_call(&[message(9)]).abi_encode(),
        ),
        (
            "publishBundle",
            bundle_call(&Bundle::new(vec![message(9)]).unwrap()).abi_encode(),
        ),
        ("topUp", top_up_call(1, 10).abi_encode()),
        (
            "topUpBatch",
            Poll::topUpBatchCall {
                stateIndices: vec![U256::ONE],
                amounts: vec![U256::from(10)],
            }
            .abi_encode(),
        ),
        ("finalize", finalize_call(&[(0, 0); OPTIONS]).abi_encode()),
        (
            "finalizeFrom",
            finalize_from_call(5, &[(0, 0); OPTIONS]).abi_encode(),
        ),
        ("proveSegment", segment_call(0, 5).abi_encode()),
        ("abort", Poll::abortCall {}.abi_encode()),
        ("collect", Poll::collectCall {}.abi_encode()),
        ("collectFees", Poll::collectFeesCall {}.abi_encode()),
        ("withdraw", Poll::withdrawCall {}.abi_encode()),
        ("withdrawFees", Poll::withdrawFeesCall {}.abi_encode()),
    ]
}

/// The list above has every such function of the interface.
#[test]
fn every_entry_point_is_tried() {
    let artifact = maci_nova_contracts::artifact::POLL;
    let artifact: serde_json::Value = serde_json::from_str(artifact.json).unwrap();
    let mut names: Vec<_> = artifact["abi"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|entry| entry["type"] == "function")
        .filter(|entry| !["view", "pure"].contains(&entry["stateMutability"].as_str().unwrap()))
        .map(|entry| entry["name"].as_str().unwrap().to_owned())
        .collect();
    names.sort_unstable();
    let mut tried: Vec<_> = entry_points()
        .iter()
        .map(|entry| entry.0.to_owned())
        .collect();
    tried.sort_unstable();
    assert_eq!(names, tried);
}

impl World {
    /// What the hostile contract does when it gets the chance.
    fn prepare(&mut self, hostile: Address, target: Address, payload: Vec<u8>) {
        let call = HostileAccount::prepareCall {
            newTarget: target,
            newPayload: payload.into(),
        };
        self.send(MALLORY, hostile, &call).unwrap();
    }

    /// Lets the account that is a contract send something.
    fn execute(&mut self, account: Address, to: Address, data: Vec<u8>, wei: u64) {
        let data = data.into();
        let call = HostileAccount::executeCall { to, data };
        self.pay(MALLORY, account, &call, wei).unwrap();
    }
}

/// The prepared call was made once and refused by the guard.
#[track_caller]
fn assert_guarded(world: &World, hostile: Address, name: &str) {
    let succeeded: U256 = world.view(hostile, HostileAccount::succeededCall {});
    let failed: U256 = world.view(hostile, HostileAccount::failedCall {});
    assert_eq!([succeeded, failed], [U256::ZERO, U256::ONE], "{name}");
    let reason: Bytes = world.view(hostile, HostileAccount::reasonCall {});
    let guard = Poll::ReentrancyGuardReentrantCall {};
    assert_eq!(reason, guard.abi_encode(), "{name}");
}

#[test]
fn a_token_that_calls_back_during_a_top_up() {
    let world = hostile_world();
    let mut honest = world.clone();
    honest.top_up(ALICE, 1, 100).unwrap();
    for (name, payload) in entry_points() {
        let mut world = world.clone();
        world.prepare(world.token, world.poll, payload);
        world.top_up(ALICE, 1, 100).unwrap();
        assert_guarded(&world, world.token, name);
        assert_eq!(world.chains(), honest.chains(), "{name}");
    }
}

#[test]
fn a_token_that_calls_back_during_a_withdrawal() {
    let mut world = hostile_world();
    world.top_up(ALICE, 1, 100).unwrap();
    world.top_up(BOB, 2, 300).unwrap();
    world.abort_now();
    for (name, payload) in entry_points() {
        let mut world = world.clone();
        world.prepare(world.token, world.poll, payload);
        world
            .send(ALICE, world.poll, &Poll::withdrawCall {})
            .unwrap();
        assert_guarded(&world, world.token, name);
        assert_eq!(world.tokens(world.poll), 300, "{name}");
    }
}

#[test]
fn a_token_that_calls_back_while_the_beneficiary_is_paid() {
    let mut world = hostile_world();
    world.top_up(ALICE, 1, 100).unwrap();
    world.finalize_now();
    for (name, payload) in entry_points() {
        let mut world = world.clone();
        world.prepare(world.token, world.poll, payload);
        world
            .send(MALLORY, world.poll, &Poll::collectCall {})
            .unwrap();
        assert_guarded(&world, world.token, name);
    }
}

#[test]
fn a_credit_proxy_that_calls_back_during_a_join() {
    let mut world = World::new();
    world.credits = world.deploy_test(test_artifact!("Hostile", "HostileCredits"), &[]);
    let settings = world.settings();
    world.open_with(settings);
    world.sign_up(ALICE, &key(1)).unwrap();
    let call = HostileCredits::setCreditsCall {
        newCredits: U256::from(7),
    };
    world.send(OWNER, world.credits, &call).unwrap();
    for (name, payload) in entry_points() {
        let mut world = world.clone();
        world.prepare(world.credits, world.poll, payload);
        world.send(ALICE, world.poll, &join_call(1)).unwrap();
        assert_guarded(&world, world.credits, name);
        assert_eq!(world.chains().joinCount, U256::from(2), "{name}");
        assert_eq!(world.chains().messageCount, U256::ZERO, "{name}");
    }
}

#[test]
fn a_gatekeeper_that_calls_back() {
    let mut world = World::new();
    let gatekeeper = world.deploy_test(test_artifact!("Hostile", "HostileGatekeeper"), &[]);
    world.gatekeeper = gatekeeper;
    world.maci = world.new_maci(gatekeeper, 32).unwrap();
    let calls = [
        (
            "signUp",
            MACI::signUpCall {
                key: maci_key(&key(9)),
                gatekeeperData: Bytes::new(),
            }
            .abi_encode(),
        ),
        (
            "createPoll",
            MACI::createPollCall {
                settings: world.settings(),
            }
            .abi_encode(),
        ),
    ];
    for (name, payload) in calls {
        let mut world = world.clone();
        world.prepare(gatekeeper, world.maci, payload);
        world.sign_up(ALICE, &key(1)).unwrap();
        assert_guarded(&world, gatekeeper, name);
        let count: U256 = world.view(world.maci, MACI::rootCountCall {});
        assert_eq!(count, U256::ONE);
        let count: U256 = world.view(world.maci, MACI::pollCountCall {});
        assert_eq!(count, U256::ZERO);
    }
}

const FEE: u64 = 1_000;

/// A poll with a fee that an account which is a contract owns and publishes in.
fn contract_world() -> (World, Address) {
    let mut world = World::new();
    let account = world.deploy_test(test_artifact!("Hostile", "HostileAccount"), &[]);
    let mut settings = world.settings();
    settings.messageFee = U256::from(FEE);
    let start = settings.startTime;
    let call = MACI::createPollCall { settings };
    world.execute(account, world.maci, call.abi_encode(), 0);
    world.poll = world.view(world.maci, MACI::pollAtCall { index: U256::ZERO });
    world.go_to(start);
    let call = publish_call(&message(1)).abi_encode();
    world.execute(account, world.poll, call, FEE);
    let call = publish_call(&message(2));
    world.pay(BOB, world.poll, &call, FEE).unwrap();
    (world, account)
}

#[test]
fn who_gets_fees_back_and_calls_back() {
    let (mut world, account) = contract_world();
    world.abort_now();
    for (name, payload) in entry_points() {
        let mut world = world.clone();
        world.prepare(account, world.poll, payload);
        let call = Poll::withdrawFeesCall {}.abi_encode();
        world.execute(account, world.poll, call, 0);
        assert_guarded(&world, account, name);
        let left = world.evm.balance(world.poll).unwrap();
        assert_eq!(left, U256::from(FEE), "{name}");
    }
}

#[test]
fn an_owner_who_is_paid_fees_and_calls_back() {
    let (mut world, account) = contract_world();
    world.finalize_now();
    for (name, payload) in entry_points() {
        let mut world = world.clone();
        world.prepare(account, world.poll, payload);
        let call = Poll::collectFeesCall {};
        world.send(MALLORY, world.poll, &call).unwrap();
        assert_guarded(&world, account, name);
        let paid = world.evm.balance(account).unwrap();
        assert_eq!(paid, U256::from(2 * FEE), "{name}");
    }
}

/// An owner who cannot be paid keeps nobody from the results or from the tokens.
#[test]
fn an_owner_who_refuses_money() {
    let (mut world, account) = contract_world();
    let call = HostileAccount::setRefusesCall { newRefuses: true };
    world.send(OWNER, account, &call).unwrap();
    world.finalize_now();
    let collect = |world: &mut World| world.send(MALLORY, world.poll, &Poll::collectFeesCall {});
    world.refuses(collect, HostileAccount::Refused {});
}

/// The guard is of one transaction and one contract: another poll of the same token is not locked.
#[test]
fn another_poll_can_be_called() {
    let mut world = hostile_world();
    let first = world.poll;
    let mut settings = world.settings();
    settings.startTime = world.evm.latest().timestamp + 100;
    let start = settings.startTime;
    let second = world.create(OWNER, settings).unwrap();
    world.go_to(start);
    let payload = publish_call(&message(1)).abi_encode();
    world.prepare(world.token, second, payload);
    world.poll = first;
    world.top_up(ALICE, 1, 100).unwrap();
    let succeeded: U256 = world.view(world.token, HostileToken::succeededCall {});
    assert_eq!(succeeded, U256::ONE);
    world.poll = second;
    assert_eq!(world.chains().messageCount, U256::ONE);
}
