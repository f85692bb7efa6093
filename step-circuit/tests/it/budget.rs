//! The pinned counts are those of the circuit.

use maci_nova_step_circuit::budget::{
    BUNDLE_CONSTRAINTS, CONSTRAINTS, CONSTRAINTS_A_FURTHER_EVENT, CONSTRAINT_LIMIT, ENTRIES,
    GADGETS, MEMBERSHIP_CONSTRAINTS, MEMBERSHIP_ENTRIES, MEMBERSHIP_GADGETS, PLAIN_CONSTRAINTS,
    PLAIN_CONSTRAINTS_A_FURTHER_EVENT, PLAIN_CONSTRAINT_LIMIT, PLAIN_ENTRIES, POWERS, REFERENCE,
    VARIABLES,
};
use maci_nova_step_circuit::bundle::BundleCircuit;
use maci_nova_step_circuit::membership::MembershipCircuit;
use maci_nova_step_circuit::{Shape, StepCircuit, ARITY};

#[test]
fn counts_of_the_reference_step_are_pinned() {
    let recorder = StepCircuit::blank(REFERENCE).record(&[]).recorder;
    let counts: Vec<(String, usize)> = recorder
        .costs(2)
        .into_iter()
        .map(|(gadget, cost)| (gadget, cost.constraints))
        .collect();
    let pinned: Vec<(String, usize)> = GADGETS.map(|(name, n)| (name.to_string(), n)).to_vec();
    assert_eq!(counts, pinned);
    let total = recorder.total();
    let variables = recorder.assignment().len() - 1 - ARITY;
    assert_eq!(
        (total.constraints, total.powers, variables, total.entries),
        (CONSTRAINTS, POWERS, VARIABLES, ENTRIES)
    );
    assert!(total.constraints <= CONSTRAINT_LIMIT);
}

#[test]
fn counts_of_the_reference_step_without_power_rows_are_pinned() {
    let total = StepCircuit::blank(REFERENCE).record_plain(&[]);
    let total = total.recorder.total();
    assert_eq!(
        (total.constraints, total.powers, total.entries),
        (PLAIN_CONSTRAINTS, 0, PLAIN_ENTRIES)
    );
    const { assert!(PLAIN_CONSTRAINTS == CONSTRAINTS + 2 * POWERS) };
    assert!(total.constraints <= PLAIN_CONSTRAINT_LIMIT);
}

#[test]
fn a_further_event_shares_the_poll_and_the_key() {
    let two = Shape {
        events_per_step: 2,
        ..REFERENCE
    };
    let circuit = StepCircuit::blank(two);
    let total = circuit.record(&[]).recorder.total();
    assert_eq!(total.constraints, CONSTRAINTS + CONSTRAINTS_A_FURTHER_EVENT);
    let total = circuit.record_plain(&[]).recorder.total();
    assert_eq!(
        total.constraints,
        PLAIN_CONSTRAINTS + PLAIN_CONSTRAINTS_A_FURTHER_EVENT
    );
}

#[test]
fn counts_of_a_bundle_are_pinned() {
    let constraints = |room: usize| {
        let blank = BundleCircuit::blank(room).expect("a size");
        blank.record(&[]).recorder.total().constraints
    };
    let (first, further) = BUNDLE_CONSTRAINTS;
    for room in [2, 3, 10] {
        assert_eq!(constraints(room), first + further * (room - 1));
    }
}

#[test]
fn counts_of_a_membership_are_pinned() {
    let recorder = MembershipCircuit::blank().record(&[]).recorder;
    let counts: Vec<(String, usize)> = recorder
        .costs(1)
        .into_iter()
        .map(|(gadget, cost)| (gadget, cost.constraints))
        .collect();
    let pinned: Vec<(String, usize)> = MEMBERSHIP_GADGETS
        .map(|(name, n)| (name.to_string(), n))
        .to_vec();
    assert_eq!(counts, pinned);
    let total = recorder.total();
    assert_eq!(
        (total.constraints, total.entries),
        (MEMBERSHIP_CONSTRAINTS, MEMBERSHIP_ENTRIES)
    );
}
