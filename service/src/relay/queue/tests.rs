//! What lines come to, and which cannot follow each other.

use std::fs::{self, File};
use std::io::Write;

use maci_nova_protocol::babyjub::Point;
use maci_nova_protocol::message::Message;
use maci_nova_protocol::Fr;

use super::*;
use crate::error::Error;
use crate::relay::journal::Journal;

const TIME: u64 = 20_000 * DAY + 5;

fn id(number: u64) -> B256 {
    B256::from(U256::from(number))
}

/// A ballot of two messages.
fn ballot(number: u64) -> Record {
    let line = |seed: u64| {
        let message = Message {
            data: std::array::from_fn(|i| Fr::from(seed + i as u64)),
            encryption_key: Point::base8(),
            anchor: Fr::from(7),
        };
        SignedMessage {
            message,
            block_number: 3,
        }
        .print()
    };
    Record::Ballot {
        ballot: id(number),
        time: TIME,
        day: TIME / DAY,
        nullifier: id(100 + number),
        messages: vec![line(10 * number), line(10 * number + 1)],
    }
}

fn bundle(inner: u64, ballots: &[u64]) -> Record {
    Record::Bundle {
        inner: U256::from(inner),
        ballots: ballots.iter().copied().map(id).collect(),
        calldata: vec![inner as u8].into(),
        after: 9,
    }
}

fn landed(inner: u64, block: u64) -> Record {
    Record::Landed {
        inner: U256::from(inner),
        transaction: id(1000 + inner),
        block,
        block_hash: id(2000 + block),
        first: 40,
        gas: 500,
        time: TIME,
    }
}

fn of(records: impl IntoIterator<Item = Record>) -> Queue {
    let mut queue = Queue::default();
    for record in records {
        queue.apply(record).expect("it can follow");
    }
    queue
}

fn waiting(queue: &Queue) -> Vec<B256> {
    queue.waiting().iter().map(|ballot| ballot.id).collect()
}

fn ids(numbers: &[u64]) -> Vec<B256> {
    numbers.iter().copied().map(id).collect()
}

#[track_caller]
fn stage(queue: &Queue, number: u64) -> Stage {
    queue.ballot(&id(number)).expect("known").state
}

#[test]
fn a_ballot_from_its_arrival_to_the_end() {
    let mut queue = of([ballot(1), ballot(2), ballot(3)]);
    assert_eq!((stage(&queue, 1), queue.messages()), (Stage::Queued, 6));
    assert!(queue.is_used(TIME / DAY, &id(101)) && !queue.is_used(TIME / DAY, &id(104)));
    queue.apply(bundle(5, &[1, 2])).expect("the first two");
    assert_eq!((stage(&queue, 2), queue.messages()), (Stage::Sent, 6));
    assert_eq!(waiting(&queue), ids(&[3]));
    queue.apply(landed(5, 12)).expect("it was sent");
    let found = queue.ballot(&id(2)).expect("known");
    // Behind the two messages of the first.
    assert_eq!((found.block, found.first_message), (Some(12), Some(42)));
    assert_eq!((found.state, queue.messages()), (Stage::Sent, 2));
    let inner = U256::from(5);
    queue
        .apply(Record::Confirmed { inner })
        .expect("it has landed");
    assert_eq!(stage(&queue, 1), Stage::Confirmed);
    assert!(queue.landed().is_none() && queue.flight().is_none());
    assert_eq!(queue.spent(TIME), 500);
    assert_eq!(queue.spent(TIME + DAY), 0);
    queue
        .apply(Record::Expired { ballot: id(3) })
        .expect("it waits");
    assert_eq!((stage(&queue, 3), queue.messages()), (Stage::Expired, 0));
}

/// What came to nothing is sent before what arrived later, in its order.
#[test]
fn nothing_changes_the_order_of_arrival() {
    let mut queue = of([ballot(1), ballot(2), bundle(5, &[1, 2]), ballot(3)]);
    let grounded = Record::Grounded { gas: 7, time: TIME };
    queue.apply(grounded.clone()).expect("it was sent");
    assert_eq!(waiting(&queue), ids(&[1, 2, 3]));
    assert_eq!(queue.spent(TIME), 7);

    // A block that is replaced, by one without it.
    for record in [bundle(6, &[1, 2]), landed(6, 12)] {
        queue.apply(record).expect("it can follow");
    }
    let inner = U256::from(6);
    queue
        .apply(Record::Vanished { inner })
        .expect("it has landed");
    assert_eq!(stage(&queue, 1), Stage::Sent);
    assert_eq!(queue.ballot(&id(1)).expect("known").block, None);
    let calldata = &queue.flight().expect("it is sent again").attempts[0].calldata;
    assert_eq!(calldata[..], [6]);
    queue.apply(grounded).expect("it flies");
    assert_eq!(waiting(&queue), ids(&[1, 2, 3]));
    assert_eq!(stage(&queue, 1), Stage::Queued);

    // A block that is replaced, by one that has it.
    for record in [bundle(8, &[1, 2]), landed(8, 12), landed(8, 13)] {
        queue.apply(record).expect("it can follow");
    }
    assert_eq!(queue.ballot(&id(1)).expect("known").block, Some(13));
}

/// A second bundle of the same nonce, without what was too old by then.
#[test]
fn one_of_two_bundles() {
    let before = [ballot(1), ballot(2), bundle(5, &[1, 2]), bundle(6, &[2])];
    let with = |last| of(before.clone().into_iter().chain([last]));
    let first = with(landed(5, 12));
    assert_eq!(
        (stage(&first, 1), stage(&first, 2)),
        (Stage::Sent, Stage::Sent)
    );
    assert!(waiting(&first).is_empty());
    let second = with(landed(6, 12));
    assert_eq!(
        (stage(&second, 1), stage(&second, 2)),
        (Stage::Expired, Stage::Sent)
    );
    assert_eq!(
        second.ballot(&id(2)).expect("known").first_message,
        Some(40)
    );
    assert!(waiting(&second).is_empty());
}

#[test]
fn lines_that_cannot_follow() {
    let sent = || vec![ballot(1), ballot(2), bundle(5, &[1])];
    let there = || [sent(), vec![landed(5, 12)]].concat();
    let other = |change: fn(&mut B256, &mut B256, &mut Vec<String>)| {
        let mut other = ballot(3);
        if let Record::Ballot {
            ballot,
            nullifier,
            messages,
            ..
        } = &mut other
        {
            change(ballot, nullifier, messages);
        }
        other
    };
    let inner = U256::from(4);
    for (before, record) in [
        (sent(), other(|ballot, _, _| *ballot = id(1))),
        (sent(), other(|_, nullifier, _| *nullifier = id(101))),
        (sent(), other(|_, _, messages| messages.clear())),
        (sent(), other(|_, _, messages| messages[0].push('x'))),
        (vec![ballot(1), ballot(2)], bundle(5, &[2])),
        (vec![ballot(1)], bundle(5, &[])),
        (vec![ballot(1)], bundle(5, &[1, 2])),
        // Others than those in flight.
        (sent(), bundle(6, &[2])),
        // While one is not deep enough.
        (there(), bundle(6, &[2])),
        (sent(), landed(4, 12)),
        (there(), Record::Confirmed { inner }),
        (there(), Record::Vanished { inner }),
        (there(), Record::Grounded { gas: 0, time: 0 }),
        (sent(), Record::Expired { ballot: id(1) }),
    ] {
        let mut queue = of(before);
        assert_eq!(
            queue.apply(record.clone()),
            Err(Contradiction),
            "{record:?}"
        );
    }
}

fn join(number: u64) -> Record {
    Record::Join {
        nullifier: U256::from(number),
        time: TIME,
        calldata: vec![1].into(),
    }
}

fn joined(number: u64) -> Record {
    Record::Joined {
        nullifier: U256::from(number),
        transaction: id(3000),
        block: 6,
        state_index: 4,
        gas: 50,
        time: TIME,
    }
}

#[test]
fn joins_that_get_in_and_others() {
    let mut queue = of([join(1), join(2), joined(1)]);
    let state = |queue: &Queue, number| queue.join(&U256::from(number)).expect("known").state;
    assert_eq!(state(&queue, 1), Stage::Sent);
    assert_eq!(queue.apply(join(1)), Err(Contradiction));
    let nullifier = U256::from(1);
    queue
        .apply(Record::JoinVanished { nullifier })
        .expect("it has landed");
    let vanished = queue.join(&nullifier).expect("known");
    assert_eq!(
        (vanished.state, vanished.state_index),
        (Stage::Queued, None)
    );
    let next: Vec<U256> = queue
        .waiting_joins()
        .iter()
        .map(|join| join.nullifier)
        .collect();
    assert_eq!(next, [U256::from(1), U256::from(2)]);
    queue.apply(joined(1)).expect("it waits");
    queue
        .apply(Record::JoinConfirmed { nullifier })
        .expect("it has landed");
    assert_eq!(state(&queue, 1), Stage::Confirmed);
    let refused = Record::Refused {
        nullifier: U256::from(2),
        gas: 5,
        time: TIME,
    };
    queue.apply(refused).expect("it waits");
    assert_eq!(state(&queue, 2), Stage::Expired);
    // It may be tried again, after a while.
    let nullifier = U256::from(2);
    assert!(queue.is_refused(&nullifier, TIME + 599) && !queue.is_refused(&nullifier, TIME + 600));
    queue.apply(join(2)).expect("it was refused");
    assert_eq!(queue.spent(TIME), 105);
}

#[test]
fn a_day_later_tickets_are_forgotten() {
    let mut queue = of([ballot(1)]);
    for days in 1..=2 {
        let mut later = ballot(1 + days);
        if let Record::Ballot { day, .. } = &mut later {
            *day += days;
        }
        queue.apply(later).expect("another day");
        assert_eq!(queue.is_used(TIME / DAY, &id(101)), days < 2);
    }
}

/// All lines come back, and a last one that was cut is as if it had never been.
#[test]
fn a_start_finds_what_was_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("poll.jsonl");
    let open = || {
        let mut records = Vec::new();
        let journal = Journal::open(&path, |record| {
            records.push(record);
            Ok(())
        });
        journal.map(|journal| (journal, records))
    };
    let written = [
        ballot(1),
        bundle(5, &[1]),
        landed(5, 12),
        join(1),
        joined(1),
    ];
    let (journal, records) = open().expect("opened");
    assert!(records.is_empty());
    let waits: Vec<_> = written.iter().map(|record| journal.add(record)).collect();
    for wait in waits {
        assert_eq!(wait.blocking_recv(), Ok(Ok(())));
    }
    drop(journal);
    assert_eq!(open().expect("opened").1, written);

    let whole = fs::read(&path).expect("read");
    for cut in [whole.len() - 1, whole.len() - 40] {
        fs::write(&path, &whole[..cut]).expect("written");
        let (journal, records) = open().expect("opened");
        assert_eq!(records, written[..4]);
        let wait = journal.add(&written[4]);
        assert_eq!(wait.blocking_recv(), Ok(Ok(())));
        drop(journal);
        assert_eq!(fs::read(&path).expect("read"), whole);
    }

    // What was whole and is not as it was written stops everything.
    let mut file = File::options().append(true).open(&path).expect("opened");
    writeln!(file, "{{}}").expect("written");
    assert!(matches!(open(), Err(Error::Journal { line: 6, .. })));
    let contradicts = Journal::open(&path, |_| Err(Contradiction));
    assert!(matches!(contradicts, Err(Error::Journal { line: 1, .. })));
}
