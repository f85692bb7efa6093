//! A bundle's proof: the circuit against the native statement, and what it refuses.

use ff::Field;
use maci_nova_protocol::babyjub::Point;
use maci_nova_protocol::bundle::{Bundle, BundleStatement, ELEMENTS, MAX_BUNDLE};
use maci_nova_protocol::message::Message;
use maci_nova_step_circuit::bundle::{BundleCircuit, BundleError};
use maci_nova_step_circuit::Fr;

/// Slots of the circuits here.
const ROOM: usize = 4;

fn message(seed: u64) -> Message {
    Message {
        data: core::array::from_fn(|i| Fr::from(seed * 1000 + i as u64).square()),
        encryption_key: Point {
            x: Fr::from(seed).square(),
            y: -Fr::from(seed),
        },
        anchor: Fr::from(seed + 7),
    }
}

fn bundle(messages: impl IntoIterator<Item = u64>) -> Bundle {
    Bundle::new(messages.into_iter().map(message).collect()).expect("a few")
}

/// The first constraint that a claim violates.
fn violation(statement: BundleStatement, of: &Bundle) -> Option<&'static str> {
    let messages = of.messages().to_vec();
    BundleCircuit::from_claims(ROOM, statement, messages)
        .record(&[])
        .violated
}

const CHAIN: Option<&str> = Some("the chain ends with inner");
const VALUE: Option<&str> = Some("the elements have the value e at c");
const COUNT: Option<&str> = Some("n messages");

#[test]
fn bundles_of_all_sizes() {
    for count in 1..=ROOM as u64 {
        let own = bundle(1..=count);
        let circuit = BundleCircuit::prepare(ROOM, &own).expect("room");
        let recording = circuit.record(&[]);
        assert_eq!(recording.violated, None);
        assert!(recording.recorder.violated().is_none());
        let blank = BundleCircuit::blank(ROOM).expect("a size").record(&[]);
        assert!(recording.recorder.constraints() == blank.recorder.constraints());
    }
}

#[test]
fn what_there_is_no_room_for() {
    let error = BundleCircuit::prepare(2, &bundle(1..=3)).expect_err("no room");
    let (messages, room) = (3, 2);
    assert_eq!(error, BundleError::TooMany { messages, room });
    for room in [0, MAX_BUNDLE + 1] {
        let error = BundleCircuit::blank(room).expect_err("no size");
        assert_eq!(error, BundleError::Room(room));
    }
}

#[test]
fn another_statement() {
    let own = bundle(1..=3);
    let honest = BundleStatement::of(&own);
    assert_eq!(violation(honest, &own), None);
    let changed = |change: fn(&mut BundleStatement)| {
        let mut statement = honest;
        change(&mut statement);
        violation(statement, &own)
    };
    assert_eq!(changed(|s| s.inner += Fr::ONE), CHAIN);
    assert_eq!(changed(|s| s.challenge += Fr::ONE), VALUE);
    assert_eq!(changed(|s| s.value += Fr::ONE), VALUE);
    for count in [0, 1, 2, 4, 1 << 40] {
        let statement = BundleStatement {
            messages: Fr::from(count),
            ..honest
        };
        assert_eq!(violation(statement, &own), COUNT);
    }
}

/// The statement of one bundle with the messages of another: of other elements, another order, or
/// another number with the same one.
#[test]
fn other_messages() {
    let own = bundle(1..=3);
    let honest = BundleStatement::of(&own);
    for other in [bundle([1, 3, 2]), bundle([1, 2, 4]), bundle([1, 2, 2])] {
        assert_eq!(violation(honest, &other), CHAIN);
        // With its own chain: what the contract has is another value.
        let mixed = BundleStatement {
            inner: other.inner(),
            ..honest
        };
        assert_eq!(violation(mixed, &other), VALUE);
    }
    for i in 0..ELEMENTS {
        let mut messages = own.messages().to_vec();
        let slot = match i {
            0 => &mut messages[1].anchor,
            11 => &mut messages[1].encryption_key.x,
            12 => &mut messages[1].encryption_key.y,
            _ => &mut messages[1].data[i - 1],
        };
        *slot += Fr::ONE;
        let other = Bundle::new(messages).expect("three");
        assert_eq!(violation(honest, &other), CHAIN);
    }
    for count in [2, 4] {
        let other = bundle(1..=count);
        let claimed = BundleStatement {
            messages: Fr::from(count),
            ..honest
        };
        assert_eq!(violation(claimed, &other), CHAIN);
        assert_eq!(violation(honest, &other), COUNT);
    }
}

/// Slots are used from the first on, each is used or not.
#[test]
fn slots_with_a_gap_or_by_halves() {
    let own = bundle(1..=2);
    let circuit = BundleCircuit::prepare(ROOM, &own).expect("room");
    let hints = circuit.record(&[]).hints;
    // The bits of the slots after the first.
    assert_eq!(hints[..ROOM - 1], [Fr::ONE, Fr::ZERO, Fr::ZERO]);
    let gap = [(0, Fr::ZERO), (1, Fr::ONE)];
    let violated = circuit.record(&gap).violated;
    assert_eq!(violated, Some("slots are used from the first on"));
    let half = Fr::from(2).invert().expect("not 0");
    let violated = circuit.record(&[(1, half)]).violated;
    assert_eq!(violated, Some("bit * (1 - bit) = 0"));
}

/// Of hints only those of slots that are not used are free, and they change nothing.
#[test]
fn hints_that_decide_nothing_are_those_of_unused_slots() {
    let own = bundle(1..=2);
    let circuit = BundleCircuit::prepare(ROOM, &own).expect("room");
    let hints = circuit.record(&[]).hints;
    let bits = ROOM - 1;
    let free: Vec<usize> = (0..hints.len())
        .filter(|i| {
            circuit
                .record(&[(*i, hints[*i] + Fr::ONE)])
                .violated
                .is_none()
        })
        .collect();
    // In each slot the elements come first.
    let of_slot = (hints.len() - bits) / ROOM;
    let unused = |slot: usize| {
        let first = bits + slot * of_slot;
        first..first + ELEMENTS
    };
    let expected: Vec<usize> = unused(2).chain(unused(3)).collect();
    assert_eq!(free, expected);
}

#[test]
fn no_variable_can_be_changed_alone() {
    let circuit = BundleCircuit::prepare(ROOM, &bundle(1..=3)).expect("room");
    let recorder = circuit.record(&[]).recorder;
    let touching = recorder.constraints_of_variables();
    for (variable, constraints) in touching.iter().enumerate().skip(1) {
        let value = recorder.assignment()[variable];
        let accepts = |value| recorder.all_hold_with(constraints, variable, value);
        for change in [Fr::ONE, -Fr::ONE, Fr::from(1 << 33)] {
            assert!(!accepts(value + change), "variable {variable} is free");
        }
    }
}
