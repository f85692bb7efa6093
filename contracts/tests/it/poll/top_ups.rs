//! Top-ups: tokens in, credits out.

use maci_nova_chain::Chain;
use maci_nova_contracts::alloy_primitives::{Address, U256};
use maci_nova_contracts::alloy_sol_types::sol;
use maci_nova_contracts::bindings::{Poll, SampleToken};
use maci_nova_contracts::words;
use maci_nova_protocol::hash_chain::zero;
use maci_nova_protocol::message::TopUp;

use crate::poll::world::{
    extend_plain, message, test_artifact, World, ALICE, BENEFICIARY, BOB, CREDIT_UNIT, MALLORY,
    OPTIONS, OWNER,
};

sol!(
    #[derive(Debug, PartialEq, Eq)]
    HostileToken,
    "tests/out/Hostile.sol/HostileToken.json"
);

/// A poll with voters 1 and 2.
pub fn world() -> World {
    let mut world = World::open();
    world.voter(1);
    world.voter(2);
    world
}

/// The same with a token that does what it is told; Alice and Bob have a million each.
pub fn hostile_world() -> World {
    let mut world = World::new();
    let token = world.deploy_test(test_artifact!("Hostile", "HostileToken"), &[]);
    let mut settings = world.settings();
    settings.topUpToken = token;
    world.open_with(settings);
    world.token = token;
    for account in [ALICE, BOB] {
        let to = world.account(account);
        let amount = U256::from(1_000_000);
        world
            .send(OWNER, token, &HostileToken::mintCall { to, amount })
            .unwrap();
        let call = HostileToken::approveCall {
            spender: world.poll,
            value: U256::MAX,
        };
        world.send(account, token, &call).unwrap();
    }
    world.voter(1);
    world.voter(2);
    world
}

fn deposit(world: &World, account: usize) -> u64 {
    let depositor = world.account(account);
    let deposit: U256 = world.view(world.poll, Poll::depositOfCall { depositor });
    deposit.to()
}

#[test]
fn tokens_become_credits() {
    let mut world = world();
    let mut chain = zero();
    let cases = [(ALICE, 1, 20), (BOB, 1, 10), (ALICE, 2, 990)];
    for (index, (from, state_index, tokens)) in cases.into_iter().enumerate() {
        let before = world.tokens(world.account(from));
        let receipt = world.top_up(from, state_index, tokens).unwrap();
        let amount = tokens / CREDIT_UNIT;
        chain = extend_plain(
            chain,
            TopUp {
                state_index,
                amount,
            }
            .digest(),
        );
        let event: Poll::TopUp = receipt.event(world.poll).unwrap();
        let expected = Poll::TopUp {
            index: U256::from(index),
            stateIndex: U256::from(state_index),
            credits: U256::from(amount),
            depositor: world.account(from),
        };
        assert_eq!(event, expected);
        assert_eq!(world.tokens(world.account(from)), before - tokens);
        assert_eq!(world.chains().messageChain, words::scalar(&chain));
    }
    assert_eq!(world.tokens(world.poll), 1020);
    assert_eq!([deposit(&world, ALICE), deposit(&world, BOB)], [1010, 10]);
}

#[test]
fn a_batch_is_its_top_ups_in_their_order() {
    let mut one = world();
    let mut other = one.clone();
    let cases = [(2, 30), (1, 10), (2, 50)];
    for (index, tokens) in cases {
        one.top_up(ALICE, index, tokens).unwrap();
    }
    let call = Poll::topUpBatchCall {
        stateIndices: cases.map(|(index, _)| U256::from(index)).to_vec(),
        amounts: cases.map(|(_, tokens)| U256::from(tokens)).to_vec(),
    };
    let receipt = other.send(ALICE, other.poll, &call).unwrap();
    let events = receipt
        .logs
        .iter()
        .filter_map(|log| log.decode::<Poll::TopUp>());
    assert_eq!(events.count(), 3);
    assert_eq!(one.chains(), other.chains());
    assert_eq!(deposit(&one, ALICE), deposit(&other, ALICE));
}

#[test]
fn batches_that_do_not_fit_or_hold_one_bad_top_up() {
    let mut world = world();
    let batch = |indices: &[u64], amounts: &[u64]| Poll::topUpBatchCall {
        stateIndices: indices.iter().copied().map(U256::from).collect(),
        amounts: amounts.iter().copied().map(U256::from).collect(),
    };
    let call = batch(&[1, 2], &[10]);
    let error = Poll::LengthMismatch {
        first: U256::from(2),
        second: U256::from(1),
    };
    world.refuses(|world| world.send(ALICE, world.poll, &call), error);
    let call = batch(&[], &[]);
    let error = Poll::EmptyBatch {};
    world.refuses(|world| world.send(ALICE, world.poll, &call), error);
    let call = batch(&[1, 3], &[10, 10]);
    let error = Poll::UnknownStateIndex {
        stateIndex: U256::from(3),
    };
    world.refuses(|world| world.send(ALICE, world.poll, &call), error);
}

/// Votes and top-ups are in one chain, in the order of their arrival.
#[test]
fn votes_and_top_ups_share_the_chain() {
    let mut world = world();
    world.publish(ALICE, &message(1)).unwrap();
    let receipt = world.top_up(ALICE, 1, 50).unwrap();
    let event: Poll::TopUp = receipt.event(world.poll).unwrap();
    assert_eq!(event.index, U256::from(1));
    let receipt = world.publish(ALICE, &message(2)).unwrap();
    let event: Poll::Message = receipt.event(world.poll).unwrap();
    assert_eq!(event.index, U256::from(2));
    let top_up = TopUp {
        state_index: 1,
        amount: 5,
    };
    let digests = [message(1).digest(), top_up.digest(), message(2).digest()];
    let chain = digests.into_iter().fold(zero(), extend_plain);
    assert_eq!(world.chains().messageChain, words::scalar(&chain));
}

#[test]
fn a_remainder_is_refused() {
    let mut world = world();
    for tokens in [1, 9, 11, 1019] {
        let error = Poll::TokenRemainder {
            remainder: U256::from(tokens % CREDIT_UNIT),
        };
        world.refuses(|world| world.top_up(ALICE, 1, tokens), error);
    }
}

#[test]
fn a_poll_without_top_ups() {
    let mut world = World::new();
    let mut settings = world.settings();
    settings.topUpToken = Address::ZERO;
    world.open_with(settings);
    world.voter(1);
    world.refuses(|world| world.top_up(ALICE, 1, 10), Poll::NoTopUps {});
    world.finalize_now();
    let collect = |world: &mut World| world.send(OWNER, world.poll, &Poll::collectCall {});
    world.refuses(collect, Poll::NoTopUps {});
}

#[test]
fn tokens_that_were_not_approved_or_are_not_there() {
    let mut world = world();
    let poll = world.poll;
    let spender = poll;
    let value = U256::from(5);
    let call = SampleToken::approveCall { spender, value };
    world.send(ALICE, world.token, &call).unwrap();
    let error = SampleToken::ERC20InsufficientAllowance {
        spender,
        allowance: value,
        needed: U256::from(10),
    };
    world.refuses(|world| world.top_up(ALICE, 1, 10), error);
    let error = SampleToken::ERC20InsufficientBalance {
        sender: world.account(BOB),
        balance: U256::from(1_000_000),
        needed: U256::from(1_000_010),
    };
    world.refuses(|world| world.top_up(BOB, 1, 1_000_010), error);
}

/// A top-up takes the place of a message in the poll, so it is no cheaper way to fill one up.
#[test]
fn a_top_up_pays_the_fee_of_a_message() {
    const FEE: u64 = 7;
    let mut world = World::new();
    let mut settings = world.settings();
    settings.messageFee = U256::from(FEE);
    world.open_with(settings);
    world.voter(1);
    world.voter(2);
    let one = Poll::topUpCall {
        stateIndex: U256::ONE,
        amount: U256::from(10),
    };
    let batch = Poll::topUpBatchCall {
        stateIndices: vec![U256::ONE, U256::from(2)],
        amounts: vec![U256::from(10), U256::from(20)],
    };
    let wrong = |given: u64, due: u64| Poll::WrongFee {
        given: U256::from(given),
        due: U256::from(due),
    };
    for given in [0, FEE - 1, FEE + 1] {
        let pay = |world: &mut World| world.pay(ALICE, world.poll, &one, given);
        world.refuses(pay, wrong(given, FEE));
    }
    for given in [0, FEE, 3 * FEE] {
        let pay = |world: &mut World| world.pay(ALICE, world.poll, &batch, given);
        world.refuses(pay, wrong(given, 2 * FEE));
    }
    world.pay(ALICE, world.poll, &one, FEE).unwrap();
    world.pay(ALICE, world.poll, &batch, 2 * FEE).unwrap();
    let payer = world.account(ALICE);
    let fees: U256 = world.view(world.poll, Poll::feesOfCall { payer });
    assert_eq!(fees, U256::from(3 * FEE));
    assert_eq!(world.chains().messageCount, U256::from(3));
    // Given up, both the tokens and the fees go back.
    world.abort_now();
    let poll = world.poll;
    world.send(ALICE, poll, &Poll::withdrawCall {}).unwrap();
    world.send(ALICE, poll, &Poll::withdrawFeesCall {}).unwrap();
    let balance = world.evm.balance(world.poll).unwrap();
    assert_eq!((world.tokens(world.poll), balance), (0, U256::ZERO));
}

#[test]
fn before_the_start_and_from_the_end_on() {
    let mut world = world();
    let end = world.info().settings.endTime;
    world.go_to(end - 1);
    world.top_up(ALICE, 1, 10).unwrap();
    world.go_to(end);
    world.refuses(|world| world.top_up(ALICE, 1, 10), Poll::PollEnded {});
    let call = Poll::topUpBatchCall {
        stateIndices: vec![U256::ONE],
        amounts: vec![U256::from(10)],
    };
    let batch = |world: &mut World| world.send(ALICE, world.poll, &call);
    world.refuses(batch, Poll::PollEnded {});
    let mut world = World::new();
    let settings = world.settings();
    world.poll = world.create(OWNER, settings).unwrap();
    let error = Poll::PollNotStarted {};
    world.refuses(|world| world.top_up(ALICE, 1, 10), error);
    world.refuses(batch, Poll::PollNotStarted {});
}

/// Only what arrives counts.
#[test]
fn a_token_that_takes_a_fee() {
    let mut world = hostile_world();
    let call = HostileToken::setFeeCall {
        newFee: U256::from(10),
    };
    world.send(OWNER, world.token, &call).unwrap();
    let receipt = world.top_up(ALICE, 1, 1000).unwrap();
    let event: Poll::TopUp = receipt.event(world.poll).unwrap();
    assert_eq!(event.credits, U256::from(90));
    assert_eq!(deposit(&world, ALICE), 900);
    assert_eq!(world.tokens(world.poll), 900);
    // 90 % of 50 tokens are no whole credits.
    let error = Poll::TokenRemainder {
        remainder: U256::from(5),
    };
    world.refuses(|world| world.top_up(ALICE, 1, 50), error);
    // After an abort nobody's tokens are paid with somebody else's.
    world.top_up(BOB, 2, 2000).unwrap();
    world.abort_now();
    for account in [ALICE, BOB] {
        world
            .send(account, world.poll, &Poll::withdrawCall {})
            .unwrap();
    }
    assert_eq!(world.tokens(world.poll), 0);
}

#[test]
fn tokens_that_only_say_that_they_moved() {
    for (name, error) in [("LyingToken", None), ("FalseToken", Some(()))] {
        let mut world = World::new();
        let artifact = match name {
            "LyingToken" => test_artifact!("Hostile", "LyingToken"),
            _ => test_artifact!("Hostile", "FalseToken"),
        };
        let token = world.deploy_test(artifact, &[]);
        let mut settings = world.settings();
        settings.topUpToken = token;
        world.open_with(settings);
        world.voter(1);
        let top_up = |world: &mut World| world.top_up(ALICE, 1, 100);
        match error {
            None => {
                let credits = U256::ZERO;
                world.refuses(top_up, Poll::AmountOutOfRange { credits });
            }
            Some(()) => world.refuses(top_up, Poll::SafeERC20FailedOperation { token }),
        }
    }
}

#[test]
fn the_tokens_go_to_the_beneficiary_after_finalization() {
    let mut world = world();
    world.top_up(ALICE, 1, 100).unwrap();
    world.top_up(BOB, 2, 20).unwrap();
    let collect = |world: &mut World| world.send(MALLORY, world.poll, &Poll::collectCall {});
    world.refuses(collect, Poll::NotFinalized {});
    world.finalize_now();
    let beneficiary = world.account(BENEFICIARY);
    let before = world.tokens(beneficiary);
    collect(&mut world).unwrap();
    assert_eq!(world.tokens(beneficiary), before + 120);
    assert_eq!(world.tokens(world.poll), 0);
    world.refuses(collect, Poll::NothingToPay {});
    let withdraw = |world: &mut World| world.send(ALICE, world.poll, &Poll::withdrawCall {});
    world.refuses(withdraw, Poll::NotAborted {});
}

/// The transfer is no part of finalization, so a token cannot keep a poll from its results.
#[test]
fn a_token_that_refuses_does_not_stop_the_count() {
    let mut world = hostile_world();
    world.top_up(ALICE, 1, 100).unwrap();
    let set = |refuses: bool| HostileToken::setRefusesCall {
        newRefuses: refuses,
    };
    world.send(OWNER, world.token, &set(true)).unwrap();
    world.go_to_end();
    world.finalize(&[(1, 1); OPTIONS]).unwrap();
    let collect = |world: &mut World| world.send(MALLORY, world.poll, &Poll::collectCall {});
    world.refuses(collect, HostileToken::Refused {});
    world.send(OWNER, world.token, &set(false)).unwrap();
    collect(&mut world).unwrap();
}
