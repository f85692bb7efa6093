//! The native state machine and the circuit agree, on MACI's polls and on polls full of hostile
//! messages; every message has a satisfying step; the shape is the same for all of them.

use maci_nova_protocol::poll::{Decision, Header, Mode, Transition};
use maci_nova_protocol::Fr;
use maci_nova_step_circuit::recorder::Constraint;
use maci_nova_step_circuit::{Shape, StepCircuit};
use maci_nova_tests::hostile::{HostilePoll, Kind, KINDS};
use maci_nova_tests::vectors;
use proptest::prelude::*;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

fn shape_of(header: &Header, events_per_step: usize) -> Shape {
    Shape::new(
        header.state_tree_depth,
        header.vote_option_tree_depth,
        events_per_step,
    )
    .expect("the header's depths are in range")
}

/// `prepare` compares the circuit's outcome with the state machine's.
fn agrees(circuit: Result<StepCircuit, maci_nova_step_circuit::StepError>) -> StepCircuit {
    circuit.expect("the circuit comes to the state machine's outcome")
}

fn is_satisfied(circuit: &StepCircuit) {
    let recording = circuit.record(&[]);
    if let Some(violated) = recording.recorder.violated() {
        let scope = &recording.recorder.scopes()[violated.scope];
        panic!("{scope}: {}", violated.name);
    }
    assert_eq!(recording.after, *circuit.after());
}

#[test]
fn every_step_of_the_published_polls_agrees() {
    for name in vectors::POLLS {
        let (poll, transitions) = vectors::transitions(name);
        let shape = shape_of(poll.header(), 1);
        let secret = vectors::coordinator(name).secret_scalar();
        for (i, transition) in transitions.into_iter().enumerate() {
            let circuit = agrees(StepCircuit::prepare(
                shape,
                poll.header(),
                secret,
                vec![transition],
            ));
            // The constraints are evaluated on every step of the small poll and on samples.
            if name == "small" || i % 16 == 0 {
                is_satisfied(&circuit);
            }
        }
    }
}

#[test]
fn several_events_a_step_agree_too() {
    let (poll, mut transitions) = vectors::transitions("small");
    let secret = vectors::coordinator("small").secret_scalar();
    let shape = shape_of(poll.header(), 4);
    let mut poll = poll;
    while transitions.len() % 4 != 0 {
        transitions.push(poll.blind(Fr::from(7)));
    }
    for step in transitions.chunks(4) {
        let circuit = agrees(StepCircuit::prepare(
            shape,
            poll.header(),
            secret,
            step.to_vec(),
        ));
        is_satisfied(&circuit);
    }
}

fn steps(poll: &HostilePoll, transitions: Vec<Transition>) -> Vec<StepCircuit> {
    let shape = shape_of(poll.header(), 1);
    transitions
        .into_iter()
        .map(|transition| {
            agrees(StepCircuit::prepare(
                shape,
                poll.header(),
                poll.secret(),
                vec![transition],
            ))
        })
        .collect()
}

/// Each kind of hostile message: the state machine refuses it by the rule that it is made to
/// break, and the step has a witness.
#[test]
fn every_kind_of_message_has_a_step_and_its_rule() {
    for (seed, mode) in [(1, Mode::Quadratic), (2, Mode::Linear)] {
        let (mut poll, joins) = HostilePoll::new(seed, mode, (2, 1), 20);
        let events = poll.process(&KINDS, 5);
        let mut kinds = KINDS.iter();
        let mut transitions = joins;
        for (item, transition) in events {
            if let maci_nova_tests::hostile::Item::Message(_) = item {
                let kind = kinds.next().expect("a kind a message");
                match transition.decision {
                    Decision::Applied => assert!(kind.refused_by().is_empty(), "{kind:?}"),
                    Decision::Refused(rule) => {
                        assert!(kind.refused_by().contains(&rule), "{kind:?}: {rule:?}");
                    }
                }
            } else {
                assert_eq!(transition.decision, Decision::Applied);
            }
            transitions.push(transition);
        }
        for circuit in steps(&poll, transitions) {
            is_satisfied(&circuit);
        }
    }
}

/// A voter whose key was replaced by an unusable one: later messages for that leaf have steps.
#[test]
fn messages_for_a_leaf_with_an_unusable_key_have_steps() {
    let unusable = [
        Kind::OffCurveKey,
        Kind::ZeroKey,
        Kind::LowOrderKey(0),
        Kind::LowOrderKey(1),
        Kind::LowOrderKey(2),
        Kind::LowOrderKey(3),
    ];
    for (seed, kind) in unusable.into_iter().enumerate() {
        let (mut poll, joins) = HostilePoll::new(seed as u64, Mode::Quadratic, (1, 1), 1);
        let events = poll.process(&[kind, Kind::Valid, Kind::LowOrderR8, Kind::OffCurveR8], 0);
        let transitions = joins
            .into_iter()
            .chain(events.into_iter().map(|(_, transition)| transition));
        let transitions: Vec<Transition> = transitions.collect();
        let applied = transitions[2..]
            .iter()
            .filter(|t| t.decision == Decision::Applied);
        assert_eq!(applied.count(), 1, "{kind:?}");
        for circuit in steps(&poll, transitions) {
            is_satisfied(&circuit);
        }
    }
}

/// The matrices are those of the blank circuit for every event, whatever it holds.
#[test]
fn the_shape_is_the_same_for_every_event() {
    let (mut poll, mut transitions) = HostilePoll::new(3, Mode::Linear, (2, 1), 20);
    let events = poll.process(&KINDS, 7);
    transitions.truncate(3);
    transitions.extend(events.into_iter().map(|(_, transition)| transition));
    let blank = StepCircuit::blank(shape_of(poll.header(), 1)).record(&[]);
    let blank: &[Constraint] = blank.recorder.constraints();
    for circuit in steps(&poll, transitions) {
        assert!(circuit.record(&[]).recorder.constraints() == blank);
    }
}

fn kinds() -> impl Strategy<Value = Vec<Kind>> {
    let kind = (0..KINDS.len()).prop_map(|i| KINDS[i]);
    proptest::collection::vec(kind, 1..8)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_polls_agree(
        seed in any::<u64>(),
        kinds in kinds(),
        linear in any::<bool>(),
        voters in 1usize..4,
        top_up_every in 0usize..4,
        events_per_step in 1usize..4,
    ) {
        let mode = if linear { Mode::Linear } else { Mode::Quadratic };
        let (mut poll, mut transitions) = HostilePoll::new(seed, mode, (1, 1), voters);
        let events = poll.process(&kinds, top_up_every);
        transitions.extend(events.into_iter().map(|(_, transition)| transition));
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        while transitions.len() % events_per_step != 0 {
            use ff::Field;
            transitions.push(poll.poll().blind(Fr::random(&mut rng)));
        }
        let shape = shape_of(poll.header(), events_per_step);
        for step in transitions.chunks(events_per_step) {
            let circuit = StepCircuit::prepare(shape, poll.header(), poll.secret(), step.to_vec());
            is_satisfied(&agrees(circuit));
        }
    }
}
