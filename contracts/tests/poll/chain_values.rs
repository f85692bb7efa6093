//! What the contract keeps is what the protocol computes from the events.

use maci_nova_contracts::alloy_primitives::U256;
use maci_nova_contracts::bindings::Poll;
use maci_nova_contracts::chain::{Chain, Log};
use maci_nova_contracts::words;
use maci_nova_protocol::babyjub::Point;
use maci_nova_protocol::chain::zero;
use maci_nova_protocol::field::Fr;
use maci_nova_protocol::log::{PublicFacts, Record};
use maci_nova_protocol::message::{Join, Message, TopUp};
use maci_nova_protocol::poll::Header;
use maci_nova_protocol::tally::Mode;

use crate::world::{batch_call, extend_plain, key, message, World, ALICE, BOB};

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
        }))
    } else {
        let top_up = log.decode::<Poll::TopUp>().expect("one of three");
        Record::TopUp(TopUp {
            state_index: top_up.stateIndex.to(),
            amount: top_up.credits.to(),
        })
    }
}

#[test]
fn the_events_of_a_poll_are_its_log() {
    let mut world = World::open();
    world.voter(1);
    world.publish(ALICE, &message(1)).unwrap();
    world.voter(2);
    world.top_up(ALICE, 2, 10).unwrap();
    let batch = batch_call(&[message(2), message(3)]);
    world.send(BOB, world.poll, &batch).unwrap();
    world.voter(3);
    world.top_up(BOB, 3, 1000).unwrap();
    world.publish(ALICE, &message(4)).unwrap();

    let info = world.info();
    let header = Header {
        poll_id: info.pollId,
        coordinator_key: key(1),
        vote_options: info.settings.voteOptions.into(),
        mode: Mode::Quadratic,
        state_tree_depth: info.settings.shape.stateTreeDepth.into(),
        vote_option_tree_depth: info.settings.shape.voteOptionTreeDepth.into(),
    };
    let mut facts = PublicFacts::initial(header);
    let mut head = zero();
    let logs = world.evm.logs(world.poll, 0, u64::MAX, &[]).unwrap();
    for log in &logs {
        let record = record(log);
        head = match &record {
            Record::Message(message) => extend_plain(head, message.digest()),
            Record::TopUp(top_up) => extend_plain(head, top_up.digest()),
            _ => head,
        };
        facts.absorb(&record).expect("a valid log");
    }
    let chains = world.chains();
    assert_eq!(logs.len(), 9);
    assert_eq!(chains.joinChain, words::scalar(&facts.join_chain));
    assert_eq!(chains.joinCount, U256::from(facts.join_count));
    assert_eq!(chains.messageChain, words::scalar(&head));
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
