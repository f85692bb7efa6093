//! Publishing messages.

use maci_nova_chain::Chain;
use maci_nova_contracts::alloy_primitives::U256;
use maci_nova_contracts::bindings::Poll;
use maci_nova_contracts::words;
use maci_nova_protocol::babyjub::Point;
use maci_nova_protocol::field::Fr;
use maci_nova_protocol::hash_chain::zero;
use maci_nova_protocol::message::Message;

use crate::poll::world::{
    batch_call, extend_plain, message, order, publish_call, top_up_call, World, ALICE, BOB,
    MALLORY, OPTIONS, OWNER,
};

/// The protocol's chain of these messages.
fn chain(messages: &[Message]) -> U256 {
    let chain = messages
        .iter()
        .fold(zero(), |head, message| extend_plain(head, message.digest()));
    words::scalar(&chain)
}

fn messages(count: u64) -> Vec<Message> {
    (1..=count).map(message).collect()
}

#[test]
fn messages_extend_the_chain_and_are_in_events() {
    let mut world = World::open();
    let messages = messages(4);
    for (index, message) in messages.iter().enumerate() {
        let receipt = world.publish(ALICE, message).unwrap();
        let event: Poll::Message = receipt.event(world.poll).unwrap();
        let call = publish_call(message);
        assert_eq!(event.index, U256::from(index));
        assert_eq!(event.data, call.data);
        assert_eq!(
            [event.x, event.y],
            [call.encryptionKey.x, call.encryptionKey.y]
        );
        let chains = world.chains();
        assert_eq!(chains.messageChain, chain(&messages[..=index]));
        assert_eq!(chains.messageCount, U256::from(index + 1));
    }
}

#[test]
fn a_batch_is_its_messages_in_their_order() {
    let messages = messages(11);
    let mut one = World::open();
    one.publish(ALICE, &messages[0]).unwrap();
    let mut other = one.clone();
    let mut singles = Vec::new();
    for message in &messages[1..] {
        singles.push(
            one.publish(BOB, message)
                .unwrap()
                .event::<Poll::Message>(one.poll),
        );
    }
    let receipt = other
        .send(BOB, other.poll, &batch_call(&messages[1..]))
        .unwrap();
    let batched = receipt.logs.iter().map(|log| log.decode::<Poll::Message>());
    assert_eq!(batched.collect::<Vec<_>>(), singles);
    assert_eq!(one.chains(), other.chains());
    assert_eq!(other.chains().messageChain, chain(&messages));
}

#[test]
fn elements_that_are_not_canonical() {
    let mut world = World::open();
    for index in 0..10 {
        let good = publish_call(&message(1)).data[index];
        for element in [order(), U256::MAX, good + order()] {
            let mut call = publish_call(&message(1));
            call.data[index] = element;
            let error = || Poll::NonCanonicalMessage {
                index: U256::from(index),
            };
            world.refuses(|world| world.send(ALICE, world.poll, &call), error());
            let mut batch = batch_call(&messages(3));
            batch.data[1][index] = element;
            world.refuses(|world| world.send(ALICE, world.poll, &batch), error());
        }
        let mut call = publish_call(&message(1));
        call.data[index] = order() - U256::ONE;
        world.clone().send(ALICE, world.poll, &call).unwrap();
    }
}

#[test]
fn encryption_keys_that_are_none() {
    let mut world = World::open();
    let good = publish_call(&message(1)).encryptionKey;
    for (x, y) in [(good.x + order(), good.y), (good.x, order())] {
        let mut call = publish_call(&message(1));
        call.encryptionKey = Poll::PublicKey { x, y };
        let error = Poll::KeyNotCanonical {};
        world.refuses(|world| world.send(ALICE, world.poll, &call), error);
    }
    let mut off = message(1);
    off.encryption_key.x += Fr::from(1);
    world.refuses(|world| world.publish(ALICE, &off), Poll::KeyNotOnCurve {});
    let batch = batch_call(&[message(1), off]);
    let error = Poll::KeyNotOnCurve {};
    world.refuses(|world| world.send(ALICE, world.poll, &batch), error);
}

/// A step proves them to be invalid votes; refusing them here would be one more rule to get wrong.
#[test]
fn encryption_keys_of_low_order_are_taken() {
    let mut world = World::open();
    let mut low = message(1);
    low.encryption_key = Point::IDENTITY;
    world.publish(ALICE, &low).unwrap();
    assert_eq!(world.chains().messageChain, chain(&[low]));
}

#[test]
fn lists_of_different_lengths_or_none() {
    let mut world = World::open();
    let mut call = batch_call(&messages(3));
    call.encryptionKeys.pop();
    let error = Poll::LengthMismatch {
        first: U256::from(3),
        second: U256::from(2),
    };
    world.refuses(|world| world.send(ALICE, world.poll, &call), error);
    let call = batch_call(&[]);
    let error = Poll::EmptyBatch {};
    world.refuses(|world| world.send(ALICE, world.poll, &call), error);
}

#[test]
fn before_the_start_and_from_the_end_on() {
    let mut world = World::new();
    let settings = world.settings();
    let (start, end) = (settings.startTime, settings.endTime);
    world.poll = world.create(OWNER, settings).unwrap();
    let batch = batch_call(&messages(2));
    let publish = |world: &mut World| world.publish(ALICE, &message(1));
    let publish_batch = |world: &mut World| world.send(ALICE, world.poll, &batch);
    world.go_to(start - 2);
    world.refuses(publish, Poll::PollNotStarted {});
    world.go_to(start - 1);
    world.refuses(publish_batch, Poll::PollNotStarted {});
    world.go_to(start);
    publish(&mut world).unwrap();
    world.go_to(end - 1);
    publish_batch(&mut world).unwrap();
    world.go_to(end);
    world.refuses(publish, Poll::PollEnded {});
    world.refuses(publish_batch, Poll::PollEnded {});
}

const FEE: u64 = 1_000;

fn with_fee() -> World {
    let mut world = World::new();
    let mut settings = world.settings();
    settings.messageFee = U256::from(FEE);
    world.open_with(settings);
    world
}

#[test]
fn a_message_costs_its_fee_and_nothing_else() {
    let mut world = with_fee();
    let call = publish_call(&message(1));
    let batch = batch_call(&messages(3));
    for (wei, due) in [(0, FEE), (FEE - 1, FEE), (FEE + 1, FEE)] {
        let error = Poll::WrongFee {
            given: U256::from(wei),
            due: U256::from(due),
        };
        world.refuses(|world| world.pay(ALICE, world.poll, &call, wei), error);
    }
    for wei in [0, FEE, 3 * FEE + 1] {
        let error = Poll::WrongFee {
            given: U256::from(wei),
            due: U256::from(3 * FEE),
        };
        world.refuses(|world| world.pay(ALICE, world.poll, &batch, wei), error);
    }
    world.pay(ALICE, world.poll, &call, FEE).unwrap();
    world.pay(BOB, world.poll, &batch, 3 * FEE).unwrap();
    world.pay(ALICE, world.poll, &batch, 3 * FEE).unwrap();
    assert_eq!(world.evm.balance(world.poll).unwrap(), U256::from(7 * FEE));
    for (account, fees) in [(ALICE, 4 * FEE), (BOB, 3 * FEE), (MALLORY, 0)] {
        let payer = world.account(account);
        let told: U256 = world.view(world.poll, Poll::feesOfCall { payer });
        assert_eq!(told, U256::from(fees));
    }
}

#[test]
fn without_a_fee_nothing_is_taken() {
    let mut world = World::open();
    let call = publish_call(&message(1));
    let error = Poll::WrongFee {
        given: U256::ONE,
        due: U256::ZERO,
    };
    world.refuses(|world| world.pay(ALICE, world.poll, &call, 1), error);
}

/// Room for three messages, an hour each.
fn small() -> World {
    let mut world = World::new();
    let mut settings = world.settings();
    settings.messageFee = U256::from(FEE);
    settings.provingPerMessage = 3600;
    settings.provingMax = 4 * 3600 - 1;
    world.open_with(settings);
    world
}

fn full() -> Poll::MessagesFull {
    Poll::MessagesFull {
        limit: U256::from(3),
    }
}

#[test]
fn no_more_than_can_be_proven_in_time() {
    let mut world = small();
    world.voter(1);
    let limit: U256 = world.view(world.poll, Poll::messageLimitCall {});
    assert_eq!(limit, U256::from(3));
    let one = publish_call(&message(1));
    let batch = |count| batch_call(&messages(count));
    // A batch is taken as a whole or not at all.
    let too_many = |world: &mut World| world.pay(MALLORY, world.poll, &batch(4), 4 * FEE);
    world.refuses(too_many, full());
    world.pay(ALICE, world.poll, &one, FEE).unwrap();
    let too_many = |world: &mut World| world.pay(MALLORY, world.poll, &batch(3), 3 * FEE);
    world.refuses(too_many, full());
    let mut other = world.clone();
    other.pay(ALICE, other.poll, &batch(2), 2 * FEE).unwrap();
    // Top-ups count too.
    let one_top_up = top_up_call(1, 10);
    let top_up = |world: &mut World| world.pay(ALICE, world.poll, &one_top_up, FEE);
    top_up(&mut world).unwrap();
    top_up(&mut world).unwrap();
    for mut world in [world, other] {
        let next = |world: &mut World| world.pay(BOB, world.poll, &one, FEE);
        world.refuses(next, full());
        world.refuses(top_up, full());
        let call = Poll::topUpBatchCall {
            stateIndices: vec![U256::ONE],
            amounts: vec![U256::from(10)],
        };
        world.refuses(|world| world.pay(ALICE, world.poll, &call, FEE), full());
        assert_eq!(world.chains().messageCount, U256::from(3));
    }
}

/// Who fills a poll up neither forces an abort, since there is time for all that was let in, nor
/// gets the fees back.
#[test]
fn spam_is_neither_fatal_nor_free() {
    let mut world = small();
    for _ in 0..3 {
        let call = publish_call(&message(1));
        world.pay(MALLORY, world.poll, &call, FEE).unwrap();
    }
    let settings = world.info().settings;
    let deadline: U256 = world.view(world.poll, Poll::deadlineCall {});
    let base = settings.endTime + settings.provingBase;
    assert_eq!(deadline, U256::from(base + 3 * 3600));
    // The bound of all that anybody pays: the deadline of a full poll.
    assert!(deadline <= U256::from(base + u64::from(settings.provingMax)));
    world.go_to(base + 3 * 3600 - 1);
    let abort = |world: &mut World| world.send(MALLORY, world.poll, &Poll::abortCall {});
    world.refuses(abort, Poll::DeadlineNotReached {});
    world.go_to(base + 3 * 3600 - 1);
    world.finalize(&[(0, 0); OPTIONS]).unwrap();
    let withdraw = |world: &mut World| world.send(MALLORY, world.poll, &Poll::withdrawFeesCall {});
    world.refuses(withdraw, Poll::NotAborted {});
    let owner = world.account(OWNER);
    let before = world.evm.balance(owner).unwrap();
    world
        .send(BOB, world.poll, &Poll::collectFeesCall {})
        .unwrap();
    let paid = world.evm.balance(owner).unwrap() - before;
    assert_eq!(paid, U256::from(3 * FEE));
}

/// A fee that no product with a batch's length holds is no way to publish for less.
#[test]
fn a_fee_that_overflows() {
    let mut world = World::new();
    let mut settings = world.settings();
    settings.messageFee = U256::ONE << 255;
    world.open_with(settings);
    let before = world.facts();
    let batch = batch_call(&messages(2));
    assert!(world.pay(ALICE, world.poll, &batch, 0).is_err());
    assert_eq!(world.facts(), before);
}

#[test]
fn fees_go_to_the_owner_after_finalization_alone() {
    let mut world = with_fee();
    world
        .pay(ALICE, world.poll, &publish_call(&message(1)), FEE)
        .unwrap();
    let collect = |world: &mut World| world.send(MALLORY, world.poll, &Poll::collectFeesCall {});
    world.refuses(collect, Poll::NotFinalized {});
    world.go_to_end();
    world.refuses(collect, Poll::NotFinalized {});
    world.finalize(&[(0, 0); OPTIONS]).unwrap();
    let owner = world.account(OWNER);
    let before = world.evm.balance(owner).unwrap();
    collect(&mut world).unwrap();
    let after = world.evm.balance(owner).unwrap();
    assert_eq!(after - before, U256::from(FEE));
    world.refuses(collect, Poll::NothingToPay {});
    let withdraw = |world: &mut World| world.send(ALICE, world.poll, &Poll::withdrawFeesCall {});
    world.refuses(withdraw, Poll::NotAborted {});
}

#[test]
fn fees_go_back_after_an_abort() {
    let mut world = with_fee();
    world
        .pay(ALICE, world.poll, &publish_call(&message(1)), FEE)
        .unwrap();
    world
        .pay(BOB, world.poll, &batch_call(&messages(2)), 2 * FEE)
        .unwrap();
    let withdraw = |account: usize| {
        move |world: &mut World| world.send(account, world.poll, &Poll::withdrawFeesCall {})
    };
    world.refuses(withdraw(ALICE), Poll::NotAborted {});
    world.abort_now();
    for (account, fees) in [(BOB, 2 * FEE), (ALICE, FEE)] {
        let before = world.evm.balance(world.account(account)).unwrap();
        withdraw(account)(&mut world).unwrap();
        let after = world.evm.balance(world.account(account)).unwrap();
        assert_eq!(after - before, U256::from(fees));
        world.refuses(withdraw(account), Poll::NothingToPay {});
    }
    world.refuses(withdraw(MALLORY), Poll::NothingToPay {});
    let collect = |world: &mut World| world.send(OWNER, world.poll, &Poll::collectFeesCall {});
    world.refuses(collect, Poll::NotFinalized {});
}
