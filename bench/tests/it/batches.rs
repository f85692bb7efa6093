//! Batches and the folding prove the same of one poll, and a batch of something else is refused.

use maci_nova_bench::batches::{BatchStatement, Batches};
use maci_nova_bench::random_poll::RandomPoll;
use maci_nova_folding::{Parameters, RunningProof, SetupSource};
use maci_nova_protocol::Fr;
use maci_nova_step_circuit::Shape;

const MESSAGES: usize = 3;

fn shape(events_per_step: usize) -> Shape {
    Shape {
        state_depth: 1,
        vote_depth: 1,
        events_per_step,
    }
}

/// The state that the folding comes to after so many messages, and one before.
fn folded() -> RunningProof {
    let parameters =
        Parameters::setup(shape(1), &SetupSource::InsecureDevelopment).expect("parameters");
    let mut poll = RandomPoll::new(shape(1), MESSAGES).expect("a poll");
    let mut running = RunningProof::new(&parameters, poll.header()).expect("begun");
    let mut events = poll.take_opening();
    events.extend(poll.decide(MESSAGES).expect("messages"));
    for event in events {
        let step = poll.prepare(shape(1), vec![event]).expect("prepared");
        running.fold(&parameters, step).expect("folded");
    }
    running.verify(&parameters).expect("a true proof");
    running
}

#[test]
fn a_batch_and_the_folding_reach_the_same_state() {
    let size = MESSAGES - 1;
    let batches = Batches::setup(shape(size)).expect("keys");
    let mut poll = RandomPoll::new(shape(1), MESSAGES).expect("a poll");
    poll.take_opening();
    // The message chain's head stands in the state from the first message on.
    poll.decide(1).expect("a message");
    let events = poll.decide(size).expect("messages");
    let (before, after) = (events[0].before, events[size - 1].after);
    assert_eq!(&after, folded().state());
    let statement = BatchStatement::new(&before, &after);
    let prepared = batches
        .prepare(&poll, events.clone(), statement)
        .expect("true");
    let proof = batches.prove(&prepared).expect("proven");
    batches.verify(&statement, &proof).expect("verified");
    let mut contract = batches.deploy().expect("deployed");
    let cost = contract.verify(&statement, &proof).expect("accepted");
    assert!(cost.gas > 21_000 + cost.calldata_gas && cost.calldata == 4 + 12 * 32);
    // Nothing else is proven by it, natively or on chain.
    for i in 0..4 {
        let mut other = statement;
        let element = [
            &mut other.poll,
            &mut other.message_head,
            &mut other.before,
            &mut other.after,
        ];
        *element.into_iter().nth(i).expect("one of four") += Fr::from(1);
        assert!(batches.verify(&other, &proof).is_err(), "{i}");
        assert!(contract.verify(&other, &proof).is_err(), "{i}");
        // Nor can it be prepared.
        let refused = batches.prepare(&poll, events.clone(), other);
        assert!(refused.is_err(), "{i}");
    }
}
