//! The native state machine and the circuit agree, on MACI's polls and on polls full of hostile
//! messages; every message has a satisfying step; the shape is the same for all of them.

use ff::{Field, PrimeField};
use maci_nova_protocol::babyjub::{Point, Scalar};
use maci_nova_protocol::command::Command;
use maci_nova_protocol::field::from_i64;
use maci_nova_protocol::keys::shared_key;
use maci_nova_protocol::poll::{Decision, Event, Header, Mode, Rule, Transition};
use maci_nova_protocol::tally::OptionResult;
use maci_nova_protocol::{cipher, hash_chain, Fr};
use maci_nova_step_circuit::recorder::Constraint;
use maci_nova_step_circuit::{Shape, StepCircuit, StepError};
use maci_nova_tests::hostile::{low_order, torsion, HostilePoll, Kind, KINDS};
use maci_nova_tests::vectors;
use proptest::prelude::*;
use rand_chacha::ChaCha20Rng;
use rand_core::{RngCore, SeedableRng};

fn shape_of(header: &Header, events_per_step: usize) -> Shape {
    Shape::new(
        header.state_tree_depth,
        header.vote_option_tree_depth,
        events_per_step,
    )
    .expect("the header's depths are in range")
}

/// `prepare` compares the circuit's outcome with the state machine's.
fn agrees(circuit: Result<StepCircuit, StepError>) -> StepCircuit {
    circuit.expect("the circuit comes to the state machine's outcome")
}

fn is_satisfied(circuit: &StepCircuit) {
    let recording = circuit.record(&[]);
    if let Some(violated) = recording.recorder.violated() {
        let scope = &recording.recorder.scopes()[violated.scope];
        panic!("{scope}: {}", violated.name);
    }
    assert_eq!(recording.violated, None);
    assert_eq!(recording.after, *circuit.after());
    // Making only the witness gives the same variables in the same order.
    let assignment = circuit.assignment(&[]);
    assert!(assignment.values == recording.recorder.assignment());
}

#[test]
fn every_step_of_the_published_polls_agrees() {
    for name in vectors::COUNTED_ALIKE.into_iter().chain([vectors::WIPED]) {
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
            // The constraints are evaluated on every step of the smaller polls and on samples.
            if !["linear", "medium"].contains(&name) || i % 16 == 0 {
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

/// Each kind of hostile message, in every mode, with anchors and without: the state machine refuses
/// it by the rule that it is made to break, and the step has a witness.
#[test]
fn every_kind_of_message_has_a_step_and_its_rule() {
    let polls = Mode::ALL.into_iter().zip(1..).flat_map(|(mode, seed)| {
        [
            HostilePoll::new(seed, mode, (2, 1), 20),
            HostilePoll::without_anchors(seed + 10, mode, (2, 1), 20),
        ]
    });
    for (mut poll, joins) in polls {
        let header = poll.header().clone();
        let events = poll.process(&KINDS, 5);
        let mut kinds = KINDS.iter();
        let mut transitions = joins;
        for (item, transition) in events {
            if let maci_nova_tests::hostile::Item::Message(_) = item {
                let kind = kinds.next().expect("a kind a message");
                let expected = kind
                    .refused_by(&header)
                    .map_or(Decision::Applied, Decision::Refused);
                assert_eq!(transition.decision, expected, "{kind:?} {header:?}");
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
        let events = poll.process(
            &[
                kind,
                Kind::Valid,
                Kind::LowOrderR8,
                Kind::OffCurveR8,
                Kind::Forged,
            ],
            0,
        );
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

/// In full voting weight 0 for another option, when all is spent, has the right price and does not
/// count.
#[test]
fn a_spent_ballot_cannot_be_wiped() {
    let (mut poll, joins) = HostilePoll::new(6, Mode::Full, (1, 1), 1);
    let kinds = [Kind::Valid, Kind::ZeroElsewhere, Kind::Zero, Kind::Valid];
    let transitions: Vec<Transition> = poll
        .process(&kinds, 0)
        .into_iter()
        .map(|(_, t)| t)
        .collect();
    let decisions = transitions.iter().map(|t| t.decision);
    let whole = Decision::Refused(Rule::WholeBalance);
    let expected = [Decision::Applied, whole, whole, Decision::Applied];
    assert!(decisions.eq(expected));
    assert_eq!(transitions[1].leaf.balance, 0);
    for circuit in steps(&poll, joins.into_iter().chain(transitions).collect()) {
        is_satisfied(&circuit);
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

/// `prepare` refuses events that do not satisfy the circuit, whatever they claim to lead to.
#[test]
fn events_that_do_not_satisfy_are_not_prepared() {
    let (mut poll, joins) = HostilePoll::new(9, Mode::Quadratic, (1, 1), 3);
    let shape = shape_of(poll.header(), 1);
    let header = poll.header().clone();
    let prepare = |secret, transition| {
        StepCircuit::prepare(shape, &header, secret, vec![transition]).map(|_| ())
    };
    let other = poll.secret() + Scalar::from(1);
    let wrong_key = prepare(other, joins[1].clone());
    assert_eq!(wrong_key, Err(StepError::Unsatisfied("sk B8 = key, x")));
    let (_, honest) = poll.process(&[Kind::OtherSigner], 0).remove(0);
    let mut forged = honest.clone();
    forged.leaf.balance += 5;
    let wrong_leaf = prepare(poll.secret(), forged);
    assert_eq!(wrong_leaf, Err(StepError::Unsatisfied("own leaf")));
    let mut forged = honest.clone();
    forged.after.tally_root = Fr::from(1);
    let wrong_end = prepare(poll.secret(), forged);
    assert_eq!(wrong_end, Err(StepError::OtherOutcome));
    assert_eq!(prepare(poll.secret(), honest), Ok(()));
}

#[test]
fn steps_of_another_number_depth_or_order_are_not_prepared() {
    let (poll, joins) = HostilePoll::new(9, Mode::Quadratic, (1, 1), 3);
    let prepare = |shape, transitions: &[Transition]| {
        StepCircuit::prepare(shape, poll.header(), poll.secret(), transitions.to_vec()).map(|_| ())
    };
    let two = shape_of(poll.header(), 2);
    let (expected, found) = (2, 1);
    assert_eq!(
        prepare(two, &joins[..1]),
        Err(StepError::EventCount { expected, found })
    );
    let apart = [joins[0].clone(), joins[2].clone()];
    assert_eq!(prepare(two, &apart), Err(StepError::NotConsecutive(1)));
    let deep = Shape {
        state_depth: 2,
        ..two
    };
    assert_eq!(prepare(deep, &joins[..2]), Err(StepError::Depth(0)));
    let none = Shape {
        events_per_step: 0,
        ..two
    };
    assert!(matches!(prepare(none, &[]), Err(StepError::Shape(_))));
}

/// The command in a vote of this poll.
fn command_of(poll: &HostilePoll, transition: &Transition) -> Command {
    let Event::Vote { message, .. } = &transition.event else {
        panic!("a vote");
    };
    let shared = shared_key(&poll.secret(), &message.encryption_key);
    let plain = cipher::decrypt(&message.data, &shared).plaintext;
    let (x, y) = (plain[1], plain[2]);
    Command::unpack(plain[0], Point { x, y }, plain[3])
}

/// The credit rule at the ends of its ranges: the vote's leaf replaced by one with these values,
/// and the roots made to fit.
#[test]
fn the_credit_rule_is_exact_at_its_limits() {
    let huge = (1i64 << 49) - 1;
    for (mode, kind) in [
        (Mode::Quadratic, Kind::Valid),
        (Mode::Quadratic, Kind::WeightLargest),
        (Mode::Linear, Kind::Valid),
        (Mode::Linear, Kind::WeightLargest),
        (Mode::Negative, Kind::Valid),
        (Mode::Negative, Kind::WeightLargest),
    ] {
        let (mut poll, _) = HostilePoll::new(4, mode, (2, 1), 3);
        let (_, vote) = poll.process(&[kind], 0).remove(0);
        let command = command_of(&poll, &vote);
        let new = mode.weight(command.new_vote_weight).expect("a weight");
        let limit = mode.cost(new);
        for (balance, old) in [
            (0, 0),
            (0, huge),
            ((1 << 99) - 1, huge),
            ((1 << 99) - 1, 0),
            (limit, 0),
            (limit.saturating_sub(1), 0),
            (0, new),
            (0, (new - 1).max(0)),
            // Against the option as much as for it, where there are signs.
            (0, if mode.has_signs() { -new } else { new }),
        ] {
            let before = with_ballot(&vote, balance, old);
            let circuit = StepCircuit::from_claims(
                shape_of(poll.header(), 1),
                poll.header(),
                poll.secret(),
                vec![before.clone()],
            );
            let recording = circuit.record(&[]);
            assert!(recording.recorder.violated().is_none());
            let mut leaf = before.leaf;
            if balance + mode.cost(old) >= limit {
                leaf.balance = balance + mode.cost(old) - limit;
                leaf.nonce += 1;
                leaf.key = command.new_public_key;
                leaf.vote_root = before.vote_path.root(from_i64(new), before.option_index);
            }
            let root = before.state_path.root(leaf.hash(), before.path_index);
            assert_eq!(recording.after.state_root, root, "{mode:?} {balance} {old}");
        }
    }
}

/// The vote for a voter with this balance and this weight at the option, in a tally of large
/// numbers.
fn with_ballot(vote: &Transition, balance: u128, weight: i64) -> Transition {
    let mut t = vote.clone();
    t.leaf.balance = balance;
    t.old_weight = weight;
    t.leaf.vote_root = t.vote_path.root(from_i64(weight), t.option_index);
    t.old_leaf = t.leaf.hash();
    t.before.state_root = t.state_path.root(t.old_leaf, t.path_index);
    t.old_result = OptionResult {
        votes: 1 << 94,
        spent: 1 << 120,
    };
    t.before.tally_root = t.tally_path.root(t.old_result.hash(), t.option_index);
    t
}

/// Plaintexts of a sender's choice: edge values of every field, under every sort of encryption
/// key. The sender knows the shared key, so anything can be decrypted.
#[test]
fn chosen_plaintexts_have_steps() {
    let mut rng = ChaCha20Rng::seed_from_u64(77);
    let (mut poll, joins) = HostilePoll::new(4, Mode::Linear, (2, 1), 6);
    let points = special_points(&joins);
    let elements = special_elements(&points);
    let two = |n: u64| Fr::from(2).pow_vartime([n]);
    for round in 0..60 {
        let mut element = || elements[rng.next_u32() as usize % elements.len()];
        let (first, salt, s, padding) = (element(), element(), element(), element());
        let mut point = || points[rng.next_u32() as usize % points.len()];
        let (key, r8, encryption_key) = (point(), point(), point());
        let mut small = |n: u32| Fr::from(u64::from(rng.next_u32() % n));
        let packed = small(9)
            + small(6) * two(50)
            + small(1 << 31) * two(100)
            + two(150)
            + Fr::from(3) * two(200)
            + small(8) * two(250);
        let plaintext = [
            if round % 3 == 0 { first } else { packed },
            key.x,
            key.y,
            salt,
            r8.x,
            r8.y,
            s,
            Fr::ZERO,
            if round % 7 == 0 { padding } else { Fr::ZERO },
        ];
        let message = poll.message_of(&plaintext, encryption_key);
        let mut copy = poll.poll().clone();
        let transition = copy
            .vote(&message, hash_chain::zero())
            .expect("the first message");
        is_satisfied(&steps(&poll, vec![transition])[0]);
    }
}

/// Points of low order, of both, off the curve, the voters' and their opposites.
fn special_points(joins: &[Transition]) -> Vec<Point> {
    let mut points: Vec<Point> = (0..4).map(low_order).collect();
    points.push(Point::base8());
    points.push(torsion().add(&Point::base8()));
    points.extend([(0, 0), (1, 2)].map(|(x, y)| Point {
        x: Fr::from(x),
        y: -Fr::from(y),
    }));
    for transition in joins {
        if let Event::Join(join) = &transition.event {
            let Point { x, y } = join.public_key;
            points.extend([Point { x, y }, Point { x: -x, y }]);
        }
    }
    points
}

fn special_elements(points: &[Point]) -> Vec<Fr> {
    let below = Fr::from_repr((-Scalar::from(1)).to_bytes().into());
    let order = below.expect("ℓ - 1 is below r") + Fr::ONE;
    let two = |n: u64| Fr::from(2).pow_vartime([n]);
    let mut elements = vec![
        Fr::ZERO,
        Fr::ONE,
        -Fr::ONE,
        order,
        order - Fr::ONE,
        order + Fr::ONE,
    ];
    elements.extend([250, 251, 253].map(two));
    elements.extend([two(250) - Fr::ONE, -two(28), order.double()]);
    elements.extend(points.iter().flat_map(|p| [p.x, p.y]));
    elements
}

fn kinds() -> impl Strategy<Value = Vec<Kind>> {
    let kind = (0..KINDS.len()).prop_map(|i| KINDS[i]);
    proptest::collection::vec(kind, 1..8)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_polls_agree(
        seed in any::<u64>(),
        kinds in kinds(),
        mode in prop::sample::select(&Mode::ALL[..]),
        anchored in any::<bool>(),
        voters in 1usize..4,
        top_up_every in 0usize..4,
        events_per_step in 1usize..4,
    ) {
        let made = if anchored { HostilePoll::new } else { HostilePoll::without_anchors };
        let (mut poll, mut transitions) = made(seed, mode, (1, 1), voters);
        let events = poll.process(&kinds, top_up_every);
        transitions.extend(events.into_iter().map(|(_, transition)| transition));
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        while transitions.len() % events_per_step != 0 {
            transitions.push(poll.poll().blind(Fr::random(&mut rng)));
        }
        let shape = shape_of(poll.header(), events_per_step);
        for step in transitions.chunks(events_per_step) {
            let circuit = StepCircuit::prepare(shape, poll.header(), poll.secret(), step.to_vec());
            is_satisfied(&agrees(circuit));
        }
    }
}
