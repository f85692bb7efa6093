//! What the contract keeps is what the protocol computes from the events.

use maci_nova_chain::{Chain, Log};
use maci_nova_contracts::alloy_primitives::U256;
use maci_nova_contracts::bindings::Poll;
use maci_nova_contracts::words;
use maci_nova_protocol::babyjub::Point;
use maci_nova_protocol::field::Fr;
use maci_nova_protocol::hash_chain::zero;
use maci_nova_protocol::log::{PublicFacts, Record};
use maci_nova_protocol::message::{Join, Message, TopUp};
use maci_nova_protocol::poll::Header;
use maci_nova_protocol::tally::Mode;

use crate::poll::world::{batch_call, key, message, publish_call, World, ALICE, BOB};

fn element(word: U256) -> Fr {
    words::to_scalar(word).expect("canonical")
}

fn point(x: U256, y: U256) -> Point {
    let [x, y] = [x, y].map(element);
    Point { x, y }
}

/// One line of a poll's log for each event.
fn record(log: &Log) -> Record {
    if let Some(join) = log.decode::<Poll::Join>() {
        Record::Join(Join {
            public_key: point(join.x, join.y),
            voice_credits: join.credits.to(),
        })
    } else if let Some(message) = log.decode::<Poll::Message>() {
        Record::Message(Box::new(Message {
            data: message.data.map(element),
            encryption_key: point(message.x, message.y),
            anchor: element(message.anchor),
        }))
    } else {
        let top_up = log.decode::<Poll::TopUp>().expect("one of three");
        Record::TopUp(TopUp {
            state_index: top_up.stateIndex.to(),
            amount: top_up.credits.to(),
        })
    }
}

/// The newest block that the poll tells the anchor of, and that anchor.
fn anchor(world: &World) -> [U256; 2] {
    if world.info().settings.signedWithin == 0 {
        return [U256::ZERO; 2];
    }
    let block = U256::from(world.evm.latest().number - 1);
    let call = Poll::anchorOfCall { blockNumber: block };
    [block, world.view(world.poll, call).anchor]
}

fn publish(world: &mut World, seed: u64) {
    let mut call = publish_call(&message(seed));
    [call.blockNumber, call.anchor] = anchor(world);
    world.send(ALICE, world.poll, &call).unwrap();
}

#[test]
fn the_events_of_a_poll_are_its_log() {
    for signed_within in [0, 75] {
        let mut world = World::new();
        let mut settings = world.settings();
        settings.signedWithin = signed_within;
        world.open_with(settings);
        events_are_the_log(world);
    }
}

fn events_are_the_log(mut world: World) {
    world.voter(1);
    publish(&mut world, 1);
    world.voter(2);
    world.top_up(ALICE, 2, 10).unwrap();
    let mut batch = batch_call(&[message(2), message(3)]);
    [batch.blockNumber, batch.anchor] = anchor(&world);
    world.send(BOB, world.poll, &batch).unwrap();
    world.voter(3);
    world.top_up(BOB, 3, 1000).unwrap();
    publish(&mut world, 4);

    let info = world.info();
    let header = Header {
        poll_id: info.pollId,
        coordinator_key: key(1),
        vote_options: info.settings.voteOptions.into(),
        mode: Mode::Quadratic,
        signed_within: info.settings.signedWithin.into(),
        state_tree_depth: info.settings.shape.stateTreeDepth.into(),
        vote_option_tree_depth: info.settings.shape.voteOptionTreeDepth.into(),
    };
    let mut facts = PublicFacts::initial(header);
    let logs = world.evm.logs(world.poll, 0, u64::MAX, &[]).unwrap();
    for log in &logs {
        facts.absorb(&record(log)).expect("a valid log");
    }
    let chains = world.chains();
    assert_eq!(logs.len(), 9);
    assert_eq!(chains.joinChain, words::scalar(&facts.join_chain));
    assert_eq!(chains.joinCount, U256::from(facts.next_state_index));
    assert_eq!(chains.messageChain, words::scalar(&facts.message_head));
    assert_eq!(chains.messageCount, U256::from(6));
}

#[test]
fn both_chains_start_with_zero() {
    let world = World::open();
    let start = words::scalar(&zero());
    let chains = world.chains();
    assert_eq!([chains.joinChain, chains.messageChain], [start; 2]);
    let counts = [chains.joinCount, chains.messageCount];
    assert_eq!(counts, [U256::ONE, U256::ZERO]);
}
