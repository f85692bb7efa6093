//! Credits from votes: what clients have to be able to ask, and voters whom others delegate to.

use maci_nova_contracts::alloy_primitives::{Address, U256};
use maci_nova_contracts::bindings::{Poll, SampleToken, VotesInitialVoiceCreditProxy};
use maci_nova_contracts::deploy;

use crate::poll::world::{join_call, key, test_artifact, World, ALICE, BOB, MALLORY, OWNER};

maci_nova_contracts::alloy_sol_types::sol!(
    #[derive(Debug)]
    TimedVotes,
    "tests/out/Ecosystem.sol/TimedVotes.json"
);

const FACTOR: u64 = 100;
/// The most credits that a poll takes.
const MOST: u64 = u32::MAX as u64;

fn proxy(world: &mut World, token: Address, snapshot: u64) -> Address {
    let code = deploy::votes_credits(token, snapshot, U256::from(FACTOR)).unwrap();
    world.deploy(code)
}

fn mint(world: &mut World, to: usize, amount: u64) {
    let (to, amount) = (world.account(to), U256::from(amount));
    let call = SampleToken::mintCall { to, amount };
    world.send(OWNER, world.token, &call).unwrap();
}

fn delegate(world: &mut World, from: usize, to: usize) {
    let delegatee = world.account(to);
    let call = SampleToken::delegateCall { delegatee };
    world.send(from, world.token, &call).unwrap();
}

/// An open poll with credits from the votes as they are now.
fn open(world: &mut World) {
    let snapshot = world.evm.latest().number;
    world.evm.mine(1);
    world.sign_up(ALICE, &key(1)).unwrap();
    let token = world.token;
    world.credits = proxy(world, token, snapshot);
    let settings = world.settings();
    world.open_with(settings);
}

fn joined(world: &mut World, from: usize, number: u64) -> u64 {
    let receipt = world.send(from, world.poll, &join_call(number)).unwrap();
    let event: Poll::Join = receipt.event(world.poll).unwrap();
    event.credits.to()
}

/// Mallory gives Alice more votes than a poll takes credits, which Alice cannot refuse.
#[test]
fn delegating_votes_to_somebody_does_not_lock_them_out() {
    let mut world = World::new();
    mint(&mut world, MALLORY, 10 * FACTOR * MOST);
    delegate(&mut world, ALICE, ALICE);
    delegate(&mut world, MALLORY, ALICE);
    open(&mut world);
    assert_eq!(joined(&mut world, ALICE, 1), MOST);
}

/// Everybody has a million tokens at first.
#[test]
fn credits_stop_at_the_most_that_a_poll_takes() {
    for (votes, credits) in [
        (FACTOR * MOST - 1, MOST - 1),
        (FACTOR * MOST, MOST),
        (FACTOR * MOST + FACTOR - 1, MOST),
        (FACTOR * (MOST + 1), MOST),
    ] {
        let mut world = World::new();
        mint(&mut world, ALICE, votes - 1_000_000);
        delegate(&mut world, ALICE, ALICE);
        open(&mut world);
        assert_eq!(joined(&mut world, ALICE, 1), credits, "{votes} votes");
    }
}

/// Votes of 2^208 - 1, the most that the token can count, are no more than others.
#[test]
fn the_most_votes_that_there_can_be() {
    let mut world = World::new();
    let supply: U256 = world.view(world.token, SampleToken::totalSupplyCall {});
    let amount = (U256::ONE << 208) - U256::ONE - supply;
    let to = world.account(BOB);
    world
        .send(OWNER, world.token, &SampleToken::mintCall { to, amount })
        .unwrap();
    delegate(&mut world, BOB, BOB);
    open(&mut world);
    assert_eq!(joined(&mut world, BOB, 1), MOST);
}

#[test]
fn a_client_sees_whether_the_factor_fits_the_token() {
    let mut world = World::new();
    let supply: U256 = world.view(world.token, SampleToken::totalSupplyCall {});
    let snapshot = world.evm.latest().number;
    world.evm.mine(1);
    let token = world.token;
    let proxy = proxy(&mut world, token, snapshot);
    let credits = world.view(proxy, VotesInitialVoiceCreditProxy::supplyInCreditsCall {});
    assert_eq!(credits, supply / U256::from(FACTOR));
}

#[test]
fn a_client_sees_whether_the_snapshot_has_passed() {
    let mut world = World::new();
    // The proxy's own block is the next one.
    let snapshot = world.evm.latest().number + 1;
    let token = world.token;
    let proxy = proxy(&mut world, token, snapshot);
    let passed = VotesInitialVoiceCreditProxy::hasPassedCall {};
    assert!(!world.view(proxy, passed.clone()));
    world.evm.mine(1);
    assert!(world.view(proxy, passed));
}

#[test]
fn a_token_that_counts_blocks() {
    let mut world = World::new();
    let token = world.token;
    let proxy = proxy(&mut world, token, 1);
    let mode = world.view(proxy, VotesInitialVoiceCreditProxy::CLOCK_MODECall {});
    assert_eq!(mode, "mode=blocknumber&from=default");
    let clock = world.view(proxy, VotesInitialVoiceCreditProxy::clockCall {});
    assert_eq!(clock.to::<u64>(), world.evm.latest().number);
}

/// A block's number where a time is meant would be a snapshot of 1970: nobody would have votes.
#[test]
fn a_token_that_counts_seconds() {
    let mut world = World::new();
    let token = world.deploy_test(test_artifact!("Ecosystem", "TimedVotes"), &[]);
    let (to, amount) = (world.account(ALICE), U256::from(7 * FACTOR));
    world
        .send(MALLORY, token, &TimedVotes::mintCall { to, amount })
        .unwrap();
    let call = TimedVotes::delegateCall { delegatee: to };
    world.send(ALICE, token, &call).unwrap();
    let snapshot = world.evm.latest().timestamp;
    world.evm.mine(1);
    world.sign_up(ALICE, &key(1)).unwrap();
    world.credits = proxy(&mut world, token, snapshot);
    let credits = world.credits;
    let mode = world.view(credits, VotesInitialVoiceCreditProxy::CLOCK_MODECall {});
    assert_eq!(mode, "mode=timestamp");
    let clock = world.view(credits, VotesInitialVoiceCreditProxy::clockCall {});
    assert_eq!(clock.to::<u64>(), world.evm.latest().timestamp);
    assert!(world.view(credits, VotesInitialVoiceCreditProxy::hasPassedCall {}));
    let settings = world.settings();
    world.open_with(settings);
    assert_eq!(joined(&mut world, ALICE, 1), 7);
}

/// ERC-5805 takes such tokens to count blocks.
#[test]
fn a_token_that_does_not_say_what_it_counts() {
    let mut world = World::new();
    let token = world.deploy_test(test_artifact!("Ecosystem", "ClocklessVotes"), &[]);
    let snapshot = world.evm.latest().number;
    let proxy = proxy(&mut world, token, snapshot);
    let mode = world.view(proxy, VotesInitialVoiceCreditProxy::CLOCK_MODECall {});
    assert_eq!(mode, "mode=blocknumber&from=default");
    assert!(world.view(proxy, VotesInitialVoiceCreditProxy::hasPassedCall {}));
    let credits = world.view(proxy, VotesInitialVoiceCreditProxy::supplyInCreditsCall {});
    assert_eq!(credits, U256::from(5000 / FACTOR));
}

#[test]
fn votes_of_no_token() {
    let mut world = World::new();
    let account = world.account(MALLORY);
    let code = deploy::votes_credits(account, 1, U256::ONE).unwrap();
    let error = VotesInitialVoiceCreditProxy::NoContract { account };
    world.refuses(|world| world.try_deploy(code), error);
}
