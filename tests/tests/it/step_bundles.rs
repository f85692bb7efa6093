//! Bundles in the circuit: what a prover may not do with one.

use maci_nova_protocol::bundle::Bundle;
use maci_nova_protocol::hash_chain::{self, bundle_mark, bundle_start, Link};
use maci_nova_protocol::log::Record;
use maci_nova_protocol::message::{Join, Message, TopUp};
use maci_nova_protocol::poll::{Event, Poll, PollError, State, Transition};
use maci_nova_protocol::Fr;
use maci_nova_step_circuit::testing::{bundled_poll, header, small_poll, SmallPoll};
use maci_nova_step_circuit::{Shape, StepCircuit};

use ff::Field;

/// One step of events that are only claimed: the first constraint that they violate, and the state
/// that the circuit comes to.
fn claim(poll: &SmallPoll, transitions: Vec<Transition>) -> (Option<&'static str>, State) {
    let shape = Shape {
        events_per_step: transitions.len(),
        ..poll.shape()
    };
    let step = StepCircuit::from_claims(shape, &poll.header, poll.secret, transitions);
    let recording = step.record(&[]);
    (recording.violated, recording.after)
}

/// The transitions of the bundled poll up to the first event that `is` the one, which is the last.
fn until(is: impl Fn(&Transition) -> bool) -> (SmallPoll, Vec<Transition>) {
    let mut poll = bundled_poll(2, 1);
    let at = poll.transitions.iter().position(is).expect("there is one");
    poll.transitions.truncate(at + 1);
    let transitions = poll.transitions.clone();
    (poll, transitions)
}

fn opens(transition: &Transition) -> bool {
    matches!(transition.event, Event::Bundle { .. })
}

fn is_vote(transition: &Transition) -> bool {
    matches!(transition.event, Event::Vote { .. })
}

fn is_in_bundle(transition: &Transition) -> bool {
    is_vote(transition) && transition.before.outer_cursor != Fr::ZERO
}

#[test]
fn a_poll_with_bundles_counts_as_one_without() {
    let [bundled, plain] = [bundled_poll(2, 1), small_poll(2, 1)];
    assert_eq!(bundled.results, plain.results);
    // Both poll's leaves are the same; two bundles are two events and two places more.
    assert_eq!(bundled.transitions.len(), plain.transitions.len() + 2);
    assert_eq!(bundled.facts.message_count, plain.facts.message_count + 2);
    assert!(bundled.facts.completed_by(&bundled.end));
    assert_eq!(bundled.end.outer_cursor, Fr::ZERO);
    for step in bundled.steps() {
        step.expect("the circuit comes to the same");
    }
}

/// A bundle may begin and end anywhere in a step.
#[test]
fn bundles_reach_over_the_edges_of_steps() {
    let poll = bundled_poll(2, 1);
    for events_per_step in [2, 3, 4, 5] {
        let shape = Shape {
            events_per_step,
            ..poll.shape()
        };
        for skipped in 0..events_per_step {
            for transitions in poll.transitions[skipped..].chunks_exact(events_per_step) {
                StepCircuit::prepare(shape, &poll.header, poll.secret, transitions.to_vec())
                    .expect("consecutive events");
            }
        }
    }
}

/// What is claimed of the event after the first so many: the circuit refuses it, or comes to a
/// state from which nothing leads to the poll's end.
#[test]
fn a_bundle_is_opened_as_it_was_published() {
    let (poll, transitions) = until(opens);
    let honest = transitions.last().expect("the bundle").clone();
    let Event::Bundle { inner, previous } = honest.event else {
        unreachable!("it opens a bundle")
    };
    let one = Fr::ONE;
    for event in [
        Event::Bundle {
            inner: inner + one,
            previous,
        },
        Event::Bundle {
            inner,
            previous: previous + one,
        },
        // Its own chain is not the poll's.
        Event::Bundle {
            inner: previous,
            previous: inner,
        },
        // The message in it as one of the poll's own.
        poll_vote(inner, previous),
    ] {
        let forged = Transition {
            event,
            ..honest.clone()
        };
        // As the poll's last message it only sets another head than the contract's.
        let (_, after) = claim(&poll, vec![forged.clone()]);
        assert_ne!(after.message_head, honest.after.message_head);
        // After another message it is not the chain's next.
        let mut forged = forged;
        forged.before.message_head = honest.after.message_head;
        forged.before.message_cursor = honest.after.message_head;
        let violated = claim(&poll, vec![forged]).0;
        assert_eq!(violated, Some("link at the cursor"));
    }
}

fn poll_vote(inner: Fr, previous: Fr) -> Event {
    let message = Message {
        data: [inner; 10],
        encryption_key: maci_nova_protocol::babyjub::Point::base8(),
        anchor: bundle_mark(),
    };
    Event::Vote { message, previous }
}

/// `P3(previous, digest, anchor)` would be a bundle's link too, if a bundle had no mark.
#[test]
fn no_message_is_taken_for_a_bundle() {
    let poll = small_poll(2, 1);
    let vote = poll
        .transitions
        .iter()
        .find(|t| is_vote(t))
        .expect("a vote");
    let Event::Vote { message, previous } = vote.event else {
        unreachable!("it is a vote")
    };
    // The digest as a bundle's chain: with its own anchor it would be the same link.
    let event = Event::Bundle {
        inner: message.digest(),
        previous,
    };
    let forged = Transition {
        event,
        ..vote.clone()
    };
    let step = StepCircuit::from_claims(poll.shape(), &poll.header, poll.secret, vec![forged]);
    let hints = step.record(&[]).hints;
    let mark = hints
        .iter()
        .position(|hint| *hint == bundle_mark())
        .expect("the mark");
    let recording = step.record(&[(mark, message.anchor)]);
    assert_eq!(recording.violated, Some("a bundle's mark"));
    // Everything else of it would have held.
    let head = hash_chain::extend(previous, Link::from(&message));
    assert_eq!(recording.after.message_head, head);
}

#[test]
fn nothing_but_messages_and_blinding_in_a_bundle() {
    let (poll, transitions) = until(opens);
    let state = transitions.last().expect("the bundle").after;
    let mut machine = Poll::new(poll.header.clone(), poll.secret).expect("a poll");
    for transition in &transitions {
        machine.process(&transition.event).expect("as before");
    }
    let blind = machine.clone().blind(Fr::from(5));
    assert_eq!(claim(&poll, vec![blind.clone()]), (None, blind.after));
    assert_eq!(blind.after.outer_cursor, state.outer_cursor);

    let top_up = TopUp {
        state_index: 1,
        amount: 1,
    };
    let previous = bundle_start();
    let events = [
        (Event::TopUp { top_up, previous }, PollError::InBundle),
        (
            Event::Bundle {
                inner: state.message_cursor,
                previous,
            },
            PollError::InBundle,
        ),
        (
            Event::Join(Join {
                public_key: poll.header.coordinator_key,
                voice_credits: 1,
            }),
            PollError::JoinAfterMessage,
        ),
    ];
    let expected = [
        "no top-up or bundle in a bundle",
        "no top-up or bundle in a bundle",
        "no join after a message",
    ];
    for ((event, refused), violated) in events.into_iter().zip(expected) {
        assert_eq!(machine.clone().process(&event), Err(refused));
        // As if it were the chain's next: the cursor is what it would have to be.
        let mut before = state;
        let link = match event {
            Event::TopUp { top_up, .. } => hash_chain::extend(previous, (&top_up).into()),
            Event::Bundle { inner, .. } => hash_chain::extend(previous, Link::of_bundle(inner)),
            _ => state.message_cursor,
        };
        before.message_cursor = link;
        let forged = Transition {
            event,
            before,
            ..blind.clone()
        };
        assert_eq!(claim(&poll, vec![forged]).0, Some(violated));
    }
}

/// Messages of a bundle: none left out, none twice, in order, each with its anchor.
#[test]
fn a_bundle_is_processed_as_it_was_published() {
    let poll = bundled_poll(2, 1);
    let inside: Vec<usize> = (0..poll.transitions.len())
        .filter(|i| is_in_bundle(&poll.transitions[*i]))
        .collect();
    // The poll's last bundle has one message, the first two.
    let &[_, second, first] = &inside[..] else {
        panic!("three messages in bundles")
    };
    assert_eq!(second + 1, first);
    let before = poll.transitions[second].before;
    let claimed = |transition: &Transition, change: &dyn Fn(&mut Message)| {
        let mut forged = transition.clone();
        forged.before = before;
        let Event::Vote { message, .. } = &mut forged.event else {
            unreachable!("a message of a bundle")
        };
        change(message);
        claim(&poll, vec![forged]).0
    };
    let at_cursor = Some("link at the cursor");
    // The second left out.
    assert_eq!(claimed(&poll.transitions[first], &|_| {}), at_cursor);
    let own = &poll.transitions[second];
    assert_eq!(claimed(own, &|_| {}), None);
    assert_eq!(
        claimed(own, &|message| message.anchor += Fr::ONE),
        at_cursor
    );
    for i in 0..10 {
        assert_eq!(
            claimed(own, &|message| message.data[i] += Fr::ONE),
            at_cursor
        );
    }
    assert_eq!(claimed(own, &|m| m.encryption_key.x += Fr::ONE), at_cursor);
    assert_eq!(claimed(own, &|m| m.encryption_key.y += Fr::ONE), at_cursor);
    // The second again.
    let mut again = own.clone();
    again.before = own.after;
    assert_eq!(claim(&poll, vec![again]).0, at_cursor);
}

/// Wherever a prover stops or leaves a bundle, the state says so, and the contract asks for 0.
#[test]
fn an_open_bundle_is_no_end() {
    let poll = bundled_poll(2, 1);
    let mut open = 0;
    for transition in &poll.transitions {
        let is_open = transition.after.outer_cursor != Fr::ZERO;
        open += u64::from(is_open);
        let mut end = poll.end;
        end.outer_cursor = transition.after.outer_cursor;
        assert_eq!(poll.facts.completed_by(&end), !is_open);
    }
    // One after opening the last bundle; two, after opening the first and after one of its two.
    assert_eq!(open, 3);
}

/// A bundle of no messages, which no proof lets into the chain, has no way out.
#[test]
fn an_empty_bundle_is_a_dead_end() {
    let poll = small_poll(2, 1);
    let mut machine = Poll::new(header(7, 2, 1), poll.secret).expect("a poll");
    let opened = machine
        .open_bundle(bundle_start(), hash_chain::zero())
        .expect("the state machine is not asked");
    assert_eq!(opened.after.message_cursor, bundle_start());
    assert_eq!(opened.after.outer_cursor, hash_chain::zero());
    assert!(!poll.facts.completed_by(&opened.after));
    assert!(Bundle::new(vec![]).is_err());
}

/// Messages that are the same in a bundle and outside have different links.
#[test]
fn a_bundle_of_one_is_not_its_message() {
    let poll = small_poll(2, 1);
    let message = poll.transitions.iter().find_map(|t| match t.event {
        Event::Vote { message, .. } => Some(message),
        _ => None,
    });
    let message = message.expect("a vote");
    let bundle = Record::Bundle(Bundle::new(vec![message]).expect("one"));
    let alone = Record::Message(Box::new(message));
    assert_ne!(bundle.link(), alone.link());
    let zero = hash_chain::zero();
    let events = bundle.events(zero);
    assert_eq!(events.len(), 2);
    assert!(matches!(events[1], Event::Vote { previous, .. } if previous == bundle_start()));
}
