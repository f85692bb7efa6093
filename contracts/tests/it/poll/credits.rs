//! How many voice credits a voter starts with.

use maci_nova_chain::ChainError;
use maci_nova_contracts::alloy_primitives::{Address, U256};
use maci_nova_contracts::bindings::{
    ConstantInitialVoiceCreditProxy, Poll, SampleToken, VotesInitialVoiceCreditProxy,
};
use maci_nova_contracts::{artifact, deploy};

use crate::poll::world::{join_call, key, World, ALICE, BOB, CREDITS, MALLORY, OWNER};

maci_nova_contracts::alloy_sol_types::sol! {
    error ERC5805FutureLookup(uint256 timepoint, uint48 clock);
}

const FACTOR: u64 = 100;

/// Alice has delegated her million to herself before the snapshot, Bob has not; an open poll.
fn votes_world() -> World {
    let mut world = World::new();
    world.sign_up(ALICE, &key(1)).unwrap();
    delegate(&mut world, ALICE);
    let snapshot = world.evm.latest().number;
    world.evm.mine(1);
    let code = deploy::votes_credits(world.token, snapshot, U256::from(FACTOR)).unwrap();
    world.credits = world.deploy(code);
    let settings = world.settings();
    world.open_with(settings);
    world
}

fn delegate(world: &mut World, account: usize) {
    let delegatee = world.account(account);
    let call = SampleToken::delegateCall { delegatee };
    world.send(account, world.token, &call).unwrap();
}

fn joined(world: &mut World, from: usize, number: u64) -> u64 {
    let receipt = world.send(from, world.poll, &join_call(number)).unwrap();
    let event: Poll::Join = receipt.event(world.poll).unwrap();
    event.credits.to()
}

#[test]
fn constant_credits_are_everybodys() {
    let mut world = World::open();
    world.sign_up(ALICE, &key(1)).unwrap();
    for (number, from) in [ALICE, BOB, ALICE].into_iter().enumerate() {
        let credits = joined(&mut world, from, number as u64);
        assert_eq!(credits, u64::from(CREDITS));
    }
    let told: U256 = world.view(
        world.credits,
        ConstantInitialVoiceCreditProxy::CREDITSCall {},
    );
    assert_eq!(told, U256::from(CREDITS));
}

#[test]
fn constant_credits_that_no_poll_would_take() {
    let mut world = World::new();
    let credits = U256::ONE << 32;
    let arguments = ConstantInitialVoiceCreditProxy::constructorCall { credits };
    let artifact = artifact::CONSTANT_INITIAL_VOICE_CREDIT_PROXY;
    let code = artifact.code(&world.libraries, &arguments).unwrap();
    let error = ConstantInitialVoiceCreditProxy::CreditsOutOfRange { credits };
    world.refuses(|world| world.try_deploy(code), error);
    world.deploy(deploy::constant_credits(u32::MAX).unwrap());
}

#[test]
fn votes_at_the_snapshot_count() {
    let mut world = votes_world();
    // What happens after the snapshot changes nothing.
    let call = SampleToken::transferCall {
        to: world.account(BOB),
        value: U256::from(1_000_000),
    };
    world.send(ALICE, world.token, &call).unwrap();
    delegate(&mut world, BOB);
    assert_eq!(joined(&mut world, ALICE, 1), 1_000_000 / FACTOR);
    assert_eq!(joined(&mut world, BOB, 2), 0);
}

#[test]
fn an_address_backs_one_join_of_a_poll() {
    let mut world = votes_world();
    joined(&mut world, ALICE, 1);
    let account = world.account(ALICE);
    let error = VotesInitialVoiceCreditProxy::AccountAlreadyUsed { account };
    let again = |world: &mut World| world.send(ALICE, world.poll, &join_call(2));
    world.refuses(again, error);
    // Another poll is another matter.
    let settings = world.settings();
    world.open_with(settings);
    joined(&mut world, ALICE, 3);
    let (poll, account) = (world.poll, world.account(ALICE));
    let used = VotesInitialVoiceCreditProxy::usedCall { poll, account };
    assert!(world.view(world.credits, used));
}

/// Whoever asks the proxy directly uses an address up for themselves alone.
#[test]
fn nobody_else_can_use_an_address_up() {
    let mut world = votes_world();
    let call = VotesInitialVoiceCreditProxy::getVoiceCreditsCall {
        account: world.account(ALICE),
        data: Default::default(),
    };
    world.send(MALLORY, world.credits, &call).unwrap();
    assert_eq!(joined(&mut world, ALICE, 1), 1_000_000 / FACTOR);
}

#[test]
fn data_where_none_is_wanted() {
    let mut world = votes_world();
    let mut call = join_call(1);
    call.creditData = vec![1].into();
    let error = VotesInitialVoiceCreditProxy::UnexpectedCreditData {};
    world.refuses(|world| world.send(ALICE, world.poll, &call), error);
}

#[test]
fn a_factor_of_zero() {
    let mut world = World::new();
    let code = deploy::votes_credits(world.token, 1, U256::ZERO).unwrap();
    let error = VotesInitialVoiceCreditProxy::FactorIsZero {};
    world.refuses(|world| world.try_deploy(code), error);
}

#[test]
fn a_snapshot_in_the_future() {
    let mut world = World::new();
    world.sign_up(ALICE, &key(1)).unwrap();
    let code = deploy::votes_credits(world.token, 1_000_000, U256::ONE).unwrap();
    world.credits = world.deploy(code);
    let settings = world.settings();
    world.open_with(settings);
    let outcome = world.send(ALICE, world.poll, &join_call(1));
    let error = outcome.unwrap_err();
    let ChainError::Reverted { data, .. } = &error else {
        panic!("{error}");
    };
    let refused =
        <ERC5805FutureLookup as maci_nova_contracts::alloy_sol_types::SolError>::abi_decode(data);
    assert_eq!(refused.unwrap().timepoint, U256::from(1_000_000));
}

/// Tokens minted by anyone would be voice credits made by anyone.
#[test]
fn only_the_owner_mints() {
    let mut world = World::new();
    let account = world.account(MALLORY);
    let call = SampleToken::mintCall {
        to: account,
        amount: U256::ONE,
    };
    let error = SampleToken::OwnableUnauthorizedAccount { account };
    world.refuses(|world| world.send(MALLORY, world.token, &call), error);
    world.send(OWNER, world.token, &call).unwrap();
    assert_ne!(world.token, Address::ZERO);
}
