//! The example contract that pays by a poll's result, and polls that are not the one that was
//! meant.

use maci_nova_chain::{Chain, ChainError, Receipt};
use maci_nova_contracts::alloy_primitives::{keccak256, Address, B256, U256};
use maci_nova_contracts::alloy_sol_types::{sol, SolValue};
use maci_nova_contracts::artifact::{Artifact, Libraries};
use maci_nova_contracts::bindings::{Poll, MACI};

use crate::poll::world::{test_artifact, World, ALICE, BOB, HOUR, MALLORY, OPTIONS, OWNER};

sol!(
    #[derive(Debug, PartialEq, Eq)]
    PayByResult,
    "out/PayByResult.sol/PayByResult.json"
);
sol!(
    #[derive(Debug)]
    ChangingPoll,
    "tests/out/Ecosystem.sol/ChangingPoll.json"
);
sol!(
    #[derive(Debug)]
    HostileAccount,
    "tests/out/Hostile.sol/HostileAccount.json"
);

const PRIZE: u64 = 1000;
const FINALIZED: u8 = 3;
const ABORTED: u8 = 4;

/// The digest as a poll file has it.
fn digest(world: &World) -> B256 {
    keccak256(world.info().abi_encode())
}

fn code(poll: Address, info: B256, payees: &[Address]) -> Vec<u8> {
    let artifact = Artifact {
        name: "PayByResult",
        json: include_str!("../../../out/PayByResult.sol/PayByResult.json"),
    };
    let code = artifact.link(&Libraries::new()).unwrap();
    let arguments = (poll, info, payees.to_vec()).abi_encode_params();
    [code.as_ref(), &arguments].concat()
}

/// Alice has options 0 and 2, Bob 1, Mallory 3 and 4.
fn payees(world: &World) -> [Address; OPTIONS] {
    [ALICE, BOB, ALICE, MALLORY, MALLORY].map(|account| world.account(account))
}

/// The owner pays the prize in.
fn try_prize(
    world: &mut World,
    poll: Address,
    info: B256,
    payees: &[Address],
) -> Result<Address, ChainError> {
    let (from, code) = (world.account(OWNER), code(poll, info, payees));
    let receipt = world.evm.send(from, None, code.into(), U256::from(PRIZE))?;
    let prize = receipt.contract.expect("a contract");
    world.others.push(prize);
    Ok(prize)
}

/// A prize by the poll of this world, which takes votes against an option.
fn prize_world() -> (World, Address) {
    let mut world = World::new();
    let mut settings = world.settings();
    settings.mode = 3;
    world.open_with(settings);
    let (poll, info, payees) = (world.poll, digest(&world), payees(&world));
    let prize = try_prize(&mut world, poll, info, &payees).unwrap();
    (world, prize)
}

fn settle(prize: Address) -> impl Fn(&mut World) -> Result<Receipt, ChainError> {
    move |world| world.send(MALLORY, prize, &PayByResult::settleCall {})
}

fn settled(world: &mut World, prize: Address) -> (u8, u64) {
    let receipt = settle(prize)(world).unwrap();
    let event: PayByResult::Settled = receipt.event(prize).unwrap();
    (event.state, event.winners.to())
}

fn withdraw(prize: Address, from: usize) -> impl Fn(&mut World) -> Result<Receipt, ChainError> {
    move |world| world.send(from, prize, &PayByResult::withdrawCall {})
}

/// What each of owner, Alice, Bob and Mallory may take.
fn owed(world: &World, prize: Address) -> [u64; 4] {
    [OWNER, ALICE, BOB, MALLORY].map(|account| {
        let payee = world.account(account);
        world.view(prize, PayByResult::owedCall { payee }).to()
    })
}

/// Ends the poll with these votes.
fn finalize(world: &mut World, votes: [i128; OPTIONS]) {
    world.go_to_end();
    let results = votes.map(|votes| (votes, votes.unsigned_abs() * 2));
    world.finalize(&results).unwrap();
}

fn balance(world: &World, account: usize) -> U256 {
    world.evm.balance(world.account(account)).unwrap()
}

#[test]
fn the_most_votes_take_the_prize() {
    let (mut world, prize) = prize_world();
    finalize(&mut world, [3, 9, 0, -20, 8]);
    assert_eq!(settled(&mut world, prize), (FINALIZED, 1));
    assert_eq!(owed(&world, prize), [0, 0, PRIZE, 0]);
    let before = balance(&world, BOB);
    withdraw(prize, BOB)(&mut world).unwrap();
    assert_eq!(balance(&world, BOB), before + U256::from(PRIZE));
    for from in [BOB, ALICE, OWNER] {
        world.refuses(withdraw(prize, from), PayByResult::NothingToPay {});
    }
    world.refuses(settle(prize), PayByResult::AlreadySettled {});
}

#[test]
fn ties_share_and_no_wei_is_lost() {
    for (votes, expected) in [
        ([5, 5, 0, 0, 0], [0, 500, 500, 0]),
        // The rest is the first one's; Alice has two of the options.
        ([7, 7, 7, -7, 6], [0, 334 + 333, 333, 0]),
        ([1, 1, 1, 1, 1], [0, 400, 200, 400]),
    ] {
        let (mut world, prize) = prize_world();
        finalize(&mut world, votes);
        let winners = votes.iter().filter(|one| Some(*one) == votes.iter().max());
        let winners = winners.count() as u64;
        assert_eq!(settled(&mut world, prize), (FINALIZED, winners));
        assert_eq!(owed(&world, prize), expected, "{votes:?}");
    }
}

/// Who gets nothing but votes against, or none at all, has not won.
#[test]
fn no_votes_for_anything() {
    for votes in [[0; OPTIONS], [-1, -2, -1, -1, -9], [0, -5, 0, -5, 0]] {
        let (mut world, prize) = prize_world();
        finalize(&mut world, votes);
        assert_eq!(settled(&mut world, prize), (FINALIZED, 0));
        assert_eq!(owed(&world, prize), [PRIZE, 0, 0, 0], "{votes:?}");
        withdraw(prize, OWNER)(&mut world).unwrap();
        assert_eq!(world.evm.balance(prize).unwrap(), U256::ZERO);
    }
}

#[test]
fn before_there_is_an_outcome() {
    let (mut world, prize) = prize_world();
    world.refuses(settle(prize), PayByResult::NotDecided {});
    world.go_to_end();
    world.refuses(settle(prize), PayByResult::NotDecided {});
    // The deadline alone is none: until somebody aborts it.
    world.go_to_deadline();
    world.refuses(settle(prize), PayByResult::NotDecided {});
    assert_eq!(owed(&world, prize), [0; 4]);
}

#[test]
fn a_poll_that_was_given_up() {
    let (mut world, prize) = prize_world();
    world.abort_now();
    assert_eq!(settled(&mut world, prize), (ABORTED, 0));
    assert_eq!(owed(&world, prize), [PRIZE, 0, 0, 0]);
}

/// One of the same MACI, with the same options, but another owner, coordinator or end.
#[test]
fn another_poll() {
    let mut world = World::open();
    let (expected, payees) = (digest(&world), payees(&world));
    let meant: MACI::PollSettings = world.settings();
    let later = MACI::PollSettings {
        endTime: meant.endTime + HOUR,
        ..meant.clone()
    };
    let coordinator = MACI::PollSettings {
        coordinatorKey: crate::poll::world::maci_key(&crate::poll::world::key(2)),
        ..meant.clone()
    };
    for (from, settings) in [(MALLORY, meant), (OWNER, later), (OWNER, coordinator)] {
        world.poll = world.create(from, settings).unwrap();
        let (poll, given) = (world.poll, digest(&world));
        assert_ne!(given, expected);
        let error = PayByResult::WrongPoll { given, expected };
        world.refuses(|world| try_prize(world, poll, expected, &payees), error);
    }
}

/// The contract computes what the poll file has.
#[test]
fn the_digest_of_the_poll_file() {
    let mut world = World::open();
    let (poll, info, payees) = (world.poll, digest(&world), payees(&world));
    let prize = try_prize(&mut world, poll, info, &payees).unwrap();
    assert_eq!(world.view(prize, PayByResult::POLL_INFOCall {}), info);
    assert_eq!(world.view(prize, PayByResult::POLLCall {}), poll);
}

#[test]
fn as_many_payees_as_options() {
    let mut world = World::open();
    let (poll, info, payees) = (world.poll, digest(&world), payees(&world));
    for few in [&payees[..0], &payees[..OPTIONS - 1]] {
        let error = PayByResult::WrongNumberOfPayees {
            given: U256::from(few.len()),
            expected: U256::from(OPTIONS),
        };
        world.refuses(|world| try_prize(world, poll, info, few), error);
    }
}

#[test]
fn a_contract_that_was_replaced_at_the_address() {
    let mut world = World::open();
    let poll = world.deploy_test(test_artifact!("Ecosystem", "ChangingPoll"), &[]);
    let set = |options: u32| ChangingPoll::setVoteOptionsCall {
        voteOptions: options,
    };
    world.send(MALLORY, poll, &set(OPTIONS as u32)).unwrap();
    let info = |world: &World| {
        let info = world.view(poll, Poll::pollInfoCall {});
        keccak256(info.abi_encode())
    };
    let (expected, payees) = (info(&world), payees(&world));
    let prize = try_prize(&mut world, poll, expected, &payees).unwrap();
    world.send(MALLORY, poll, &set(2)).unwrap();
    let given = info(&world);
    let error = PayByResult::WrongPoll { given, expected };
    world.refuses(settle(prize), error);
}

/// A payee that comes back for more while it is paid, and one that refuses its money.
#[test]
fn payees_that_are_contracts() {
    let mut world = World::open();
    let hostile = test_artifact!("Hostile", "HostileAccount");
    let [greedy, proud] = [0, 1].map(|_| world.deploy_test(hostile, &[]));
    let alice = world.account(ALICE);
    let (poll, info) = (world.poll, digest(&world));
    let payees = [greedy, proud, alice, alice, alice];
    let prize = try_prize(&mut world, poll, info, &payees).unwrap();
    finalize(&mut world, [4, 4, 4, 0, 0]);
    assert_eq!(settled(&mut world, prize), (FINALIZED, 3));

    let take: Vec<u8> =
        maci_nova_contracts::alloy_sol_types::SolCall::abi_encode(&PayByResult::withdrawCall {});
    let prepare = HostileAccount::prepareCall {
        newTarget: prize,
        newPayload: take.clone().into(),
    };
    world.send(MALLORY, greedy, &prepare).unwrap();
    let execute = HostileAccount::executeCall {
        to: prize,
        data: take.into(),
    };
    world.send(MALLORY, greedy, &execute).unwrap();
    assert_eq!(world.evm.balance(greedy).unwrap(), U256::from(334));
    let failed: U256 = world.view(greedy, HostileAccount::failedCall {});
    assert_eq!(failed, U256::ONE);

    let refuse = HostileAccount::setRefusesCall { newRefuses: true };
    world.send(MALLORY, proud, &refuse).unwrap();
    let refused = |world: &mut World| world.send(MALLORY, proud, &execute);
    world.refuses(refused, PayByResult::PaymentFailed {});
    // Nobody else waits for it, and it may change its mind.
    withdraw(prize, ALICE)(&mut world).unwrap();
    let accept = HostileAccount::setRefusesCall { newRefuses: false };
    world.send(MALLORY, proud, &accept).unwrap();
    world.send(MALLORY, proud, &execute).unwrap();
    assert_eq!(world.evm.balance(prize).unwrap(), U256::ZERO);
}
