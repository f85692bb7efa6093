//! Giving a poll up, and getting the tokens back.

use maci_nova_contracts::alloy_primitives::U256;
use maci_nova_contracts::bindings::Poll;

use crate::poll::top_ups::{hostile_world, world, HostileToken};
use crate::poll::world::{message, World, ALICE, BOB, MALLORY, OPTIONS, OWNER};

fn abort(world: &mut World) -> Result<maci_nova_chain::Receipt, maci_nova_chain::ChainError> {
    world.send(MALLORY, world.poll, &Poll::abortCall {})
}

fn withdraw(
    account: usize,
) -> impl Fn(&mut World) -> Result<maci_nova_chain::Receipt, maci_nova_chain::ChainError> {
    move |world| world.send(account, world.poll, &Poll::withdrawCall {})
}

fn deadline(world: &World) -> u64 {
    let deadline: U256 = world.view(world.poll, Poll::deadlineCall {});
    deadline.to()
}

#[test]
fn anybody_from_the_deadline_on_and_once() {
    let mut world = world();
    let (end, deadline) = (world.info().settings.endTime, deadline(&world));
    for time in [end - 1, end, deadline - 1] {
        world.go_to(time);
        world.refuses(abort, Poll::DeadlineNotReached {});
    }
    world.go_to(deadline);
    let receipt = abort(&mut world).unwrap();
    assert!(receipt.event::<Poll::Aborted>(world.poll).is_some());
    world.refuses(abort, Poll::AlreadyAborted {});
    let finalize = |world: &mut World| world.finalize(&[(0, 0); OPTIONS]);
    world.refuses(finalize, Poll::DeadlinePassed {});
}

/// Who knows the result has no choice between it and an abort: their times do not overlap.
#[test]
fn there_is_no_time_at_which_both_are_possible() {
    let world = world();
    let deadline = deadline(&world);
    for time in [deadline - 1, deadline, deadline + 1] {
        let mut one = world.clone();
        one.go_to(time);
        let mut other = one.clone();
        let finalized = one.finalize(&[(0, 0); OPTIONS]).is_ok();
        let aborted = abort(&mut other).is_ok();
        assert_ne!(finalized, aborted, "at {time}");
    }
}

/// Spam makes the time for proving longer, so that it cannot force an abort.
#[test]
fn every_message_moves_the_deadline() {
    let mut world = world();
    let settings = world.info().settings;
    let first = settings.endTime + settings.provingBase;
    assert_eq!(deadline(&world), first);
    let step = u64::from(settings.provingPerMessage);
    world.publish(ALICE, &message(1)).unwrap();
    assert_eq!(deadline(&world), first + step);
    world.top_up(ALICE, 1, 10).unwrap();
    assert_eq!(deadline(&world), first + 2 * step);
    let call = crate::poll::world::batch_call(&[message(2), message(3), message(4)]);
    world.send(BOB, world.poll, &call).unwrap();
    assert_eq!(deadline(&world), first + 5 * step);
    world.go_to(first + 5 * step - 1);
    world.refuses(abort, Poll::DeadlineNotReached {});
    world.go_to(first + 5 * step - 1);
    world.finalize(&[(0, 0); OPTIONS]).unwrap();
}

#[test]
fn each_depositor_gets_their_own_tokens_back() {
    let mut world = world();
    world.top_up(ALICE, 1, 100).unwrap();
    world.top_up(ALICE, 2, 50).unwrap();
    world.top_up(BOB, 1, 20).unwrap();
    for account in [ALICE, BOB] {
        world.refuses(withdraw(account), Poll::NotAborted {});
    }
    world.go_to_deadline();
    world.refuses(withdraw(ALICE), Poll::NotAborted {});
    abort(&mut world).unwrap();
    for (account, tokens) in [(BOB, 20), (ALICE, 150)] {
        let before = world.tokens(world.account(account));
        withdraw(account)(&mut world).unwrap();
        assert_eq!(world.tokens(world.account(account)), before + tokens);
        world.refuses(withdraw(account), Poll::NothingToPay {});
    }
    for account in [MALLORY, OWNER] {
        world.refuses(withdraw(account), Poll::NothingToPay {});
    }
    assert_eq!(world.tokens(world.poll), 0);
    let collect = |world: &mut World| world.send(OWNER, world.poll, &Poll::collectCall {});
    world.refuses(collect, Poll::NotFinalized {});
}

/// Tokens that somebody sent without a top-up are nobody's to withdraw.
#[test]
fn withdrawals_are_bounded_by_deposits() {
    use maci_nova_contracts::bindings::SampleToken;
    let mut world = world();
    world.top_up(ALICE, 1, 100).unwrap();
    let call = SampleToken::transferCall {
        to: world.poll,
        value: U256::from(1000),
    };
    world.send(BOB, world.token, &call).unwrap();
    world.abort_now();
    world.refuses(withdraw(BOB), Poll::NothingToPay {});
    withdraw(ALICE)(&mut world).unwrap();
    assert_eq!(world.tokens(world.poll), 1000);
}

#[test]
fn a_token_that_refuses_holds_up_itself_alone() {
    let mut world = hostile_world();
    world.top_up(ALICE, 1, 100).unwrap();
    world.abort_now();
    let set = |refuses: bool| HostileToken::setRefusesCall {
        newRefuses: refuses,
    };
    world.send(OWNER, world.token, &set(true)).unwrap();
    world.refuses(withdraw(ALICE), HostileToken::Refused {});
    world.send(OWNER, world.token, &set(false)).unwrap();
    withdraw(ALICE)(&mut world).unwrap();
}
