//! Steps in constraint systems of each kind: what one has, the others have.

use nova_snark::frontend::util_cs::witness_cs::WitnessCS;
use nova_snark::traits::circuit::StepCircuit as _;

use super::*;
use crate::recorder::Kind;
use crate::testing::{bundled_poll, small_poll, SmallPoll};

/// What makes the values of a step ready.
type Prepare = fn(Shape, &Header, Scalar, Vec<Transition>) -> Result<StepCircuit, StepError>;

/// Everything of one kind of system.
struct Setting {
    powers: bool,
    empty: fn() -> Values<Fr>,
    prepare: Prepare,
    record: fn(&StepCircuit, &[(usize, Fr)]) -> Recording,
    recorder: fn() -> Recorder,
}

const SETTINGS: [Setting; 2] = [
    Setting {
        powers: true,
        empty: Values::with_powers,
        prepare: StepCircuit::prepare,
        record: StepCircuit::record,
        recorder: Recorder::with_powers,
    },
    Setting {
        powers: false,
        empty: Values::plain,
        prepare: StepCircuit::prepare_plain,
        record: StepCircuit::record_plain,
        recorder: Recorder::default,
    },
];

/// Events of all kinds, one a step and three.
fn polls() -> Vec<(SmallPoll, Shape)> {
    let shape = |k| Shape::new(2, 1, k).expect("in range");
    vec![
        (small_poll(2, 1), shape(1)),
        (bundled_poll(2, 1), shape(1)),
        (bundled_poll(2, 1), shape(3)),
    ]
}

/// The whole steps of a poll.
fn claims(poll: &SmallPoll, shape: Shape) -> impl Iterator<Item = Vec<Transition>> + '_ {
    let steps = poll.transitions.chunks_exact(shape.events_per_step);
    steps.map(<[_]>::to_vec)
}

/// A step of a vote, prepared in each way that there is, and not at all.
fn vote() -> [StepCircuit; 3] {
    let (poll, shape) = &polls()[0];
    let events = vec![poll.transitions[3].clone()];
    let prepared = SETTINGS.map(|setting| {
        let circuit = (setting.prepare)(*shape, &poll.header, poll.secret, events.clone());
        circuit.expect("prepared")
    });
    let [powers, plain] = prepared;
    let anew = StepCircuit::from_claims(*shape, &poll.header, poll.secret, events);
    [powers, plain, anew]
}

/// What [`StepFunction::fill`] fills an empty system with from this state, some hints replaced; and
/// the state after.
fn filled(
    mut values: Values<Fr>,
    circuit: &StepCircuit,
    z: [Fr; ARITY],
    replacements: &[(usize, Fr)],
) -> (Values<Fr>, Vec<Fr>) {
    let mut gadget = Gadget::with_replacements(&mut values, replacements);
    let after = circuit.fill(&mut gadget, &z.map(Num::from_value));
    let after = after.iter().map(Num::value).collect();
    (values, after)
}

/// The values but the inputs, which `record` has and a part of another circuit has not.
fn own(recorder: &Recorder) -> Values<Fr> {
    let mut values = recorder.values();
    values.inputs.clear();
    values
}

/// A system of values alone has what the recorded rows come to, row by row and variable by
/// variable, whether the step has been prepared or not.
#[test]
fn values_are_those_of_the_recorded_rows() {
    for (poll, shape) in polls() {
        for events in claims(&poll, shape) {
            for setting in &SETTINGS {
                let anew =
                    StepCircuit::from_claims(shape, &poll.header, poll.secret, events.clone());
                let prepared = (setting.prepare)(shape, &poll.header, poll.secret, events.clone());
                let prepared = prepared.expect("prepared");
                let recording = (setting.record)(&anew, &[]);
                assert_eq!(recording.violated, None);
                assert!(recording.recorder.violated().is_none());
                let total = recording.recorder.total();
                let expected = own(&recording.recorder);
                assert_eq!(expected.fifths[0].len(), total.powers);
                assert_eq!(expected.products[0].len(), total.constraints - total.powers);
                assert_eq!(total.powers > 0, setting.powers);
                let z = anew.before().to_array();
                for circuit in [&anew, &prepared] {
                    let (values, after) = filled((setting.empty)(), circuit, z, &[]);
                    assert!(values == expected, "{shape:?}");
                    assert_eq!(after, anew.after().to_array());
                }
                let kept = prepared.prepared.as_ref().expect("prepared");
                assert!(**kept == expected);
                // Where the folding looks for the state after.
                assert!(kept.witness.ends_with(&anew.after().to_array()));
            }
        }
    }
}

/// Rows of either kind say the same: an S-box is one power, or three products.
#[test]
fn a_power_row_stands_for_three_products() {
    let [.., circuit] = vote();
    let with = circuit.record(&[]).recorder.total();
    let without = circuit.record_plain(&[]).recorder.total();
    assert_eq!(without.powers, 0);
    assert_eq!(without.constraints, with.constraints + 2 * with.powers);
    let hints = |recording: Recording| recording.hints;
    assert_eq!(hints(circuit.record(&[])), hints(circuit.record_plain(&[])));
}

/// A prepared step is appended behind what is there already.
#[test]
fn a_prepared_step_is_appended() {
    let [powers, plain, anew] = vote();
    for (prepared, setting) in [&powers, &plain].into_iter().zip(&SETTINGS) {
        let twice = |circuit: &StepCircuit| {
            let mut values = (setting.empty)();
            let mut gadget = Gadget::new(&mut values);
            let input = gadget.alloc_input(Fr::from(3));
            gadget.fifth_power(&input);
            for _ in 0..2 {
                let z = circuit.before().to_array().map(Num::from_value);
                circuit.fill(&mut gadget, &z);
            }
            gadget.mul(&input, &input);
            // The hints of an appended part are its own.
            let appended = gadget.hints().is_empty();
            (values, appended)
        };
        let (expected, appended) = twice(&anew);
        assert!(!appended);
        let (values, appended) = twice(prepared);
        assert!(appended && values == expected);
    }
}

/// Only a system that keeps values of the same rows takes a prepared step over.
#[test]
fn a_prepared_step_is_not_appended_elsewhere() {
    let [powers, plain, anew] = vote();
    let z = anew.before().to_array();
    for (circuit, other) in [(&powers, 1), (&plain, 0)] {
        let part = circuit.prepared.as_ref().expect("prepared");
        let mut values = (SETTINGS[other].empty)();
        assert!(!Gadget::new(&mut values).append(part));
        assert!(values == (SETTINGS[other].empty)());
        let (values, after) = filled((SETTINGS[other].empty)(), circuit, z, &[]);
        assert!(values == own(&(SETTINGS[other].record)(&anew, &[]).recorder));
        assert_eq!(after, anew.after().to_array());
        let mut recorder = (SETTINGS[1 - other].recorder)();
        assert!(!Gadget::new(&mut recorder).append(part));
        let mut generator = WitnessCS::<Fr>::new();
        assert!(!Gadget::new(&mut generator).append(part));
        assert!(!Gadget::new(&mut Plain(&mut generator)).append(part));
        assert!(recorder.assignment().len() == 1 && generator.aux_assignment().is_empty());
    }
    // A part with inputs would put them among those of another circuit.
    let mut part = Values::with_powers();
    Gadget::new(&mut part).alloc_input(Fr::ONE);
    assert!(!Gadget::new(&mut Values::with_powers()).append(&part));
}

/// Where constraints are wanted a prepared step has the same as any.
#[test]
fn a_prepared_step_is_recorded_like_any() {
    let [powers, plain, anew] = vote();
    for setting in &SETTINGS {
        let expected = (setting.record)(&anew, &[]).recorder;
        for circuit in [&powers, &plain] {
            let mut recorder = (setting.recorder)();
            let z = circuit.before().to_array();
            let mut gadget = Gadget::new(&mut recorder);
            let z = z.map(|value| gadget.alloc_input(value));
            let after = circuit.fill(&mut gadget, &z);
            let last = after.iter().map(|element| element.variable());
            let last: Vec<_> = last.collect::<Option<_>>().expect("one variable each");
            assert!(recorder.constraints() == expected.constraints());
            assert!(recorder.values() == expected.values());
            let first = recorder.values().witness.len() - ARITY;
            let outputs = (first..).map(|i| Variable::new_unchecked(Index::Aux(i)));
            assert!(outputs.take(ARITY).eq(last));
        }
    }
}

/// A prover who replaces a hint, or starts from another state, gets no honest values.
#[test]
fn nothing_is_appended_that_is_another_run() {
    let [powers, plain, anew] = vote();
    let honest = anew.before().to_array();
    for (circuit, setting) in [&powers, &plain].into_iter().zip(&SETTINGS) {
        let part = circuit.prepared.as_ref().expect("prepared");
        let hints = (setting.record)(&anew, &[]).hints;
        for number in [0, hints.len() / 2, hints.len() - 1, hints.len()] {
            let forged = [(number, Fr::from(1 << 40))];
            let mut values = (setting.empty)();
            assert!(!Gadget::with_replacements(&mut values, &forged).append(part));
            assert!(values == (setting.empty)());
            let (values, _) = filled(values, circuit, honest, &forged);
            let recording = (setting.record)(&anew, &forged);
            assert!(values == own(&recording.recorder));
            // The last one is no hint's number.
            assert_eq!(values == **part, number == hints.len());
            assert_eq!(recording.violated.is_none(), number == hints.len());
        }
        for i in 0..ARITY {
            let mut z = honest;
            z[i] += Fr::ONE;
            let (values, _) = filled((setting.empty)(), circuit, z, &[]);
            let (expected, _) = filled((setting.empty)(), &anew, z, &[]);
            assert!(values == expected && values != **part, "z element {i}");
        }
    }
}

/// What `assignment` says is what is recorded, forged or not.
#[test]
fn an_assignment_is_the_recorded_one() {
    let [powers, ..] = vote();
    let hints = powers.record(&[]).hints.len();
    for forged in [vec![], vec![(7, Fr::from(5))], vec![(hints - 1, Fr::ONE)]] {
        let (assignment, recording) = (powers.assignment(&forged), powers.record(&forged));
        assert!(assignment.values == recording.recorder.assignment());
        assert_eq!(assignment.after, recording.after);
        assert_eq!(assignment.violated, recording.violated);
        let violated = recording.recorder.violated();
        assert_eq!(violated.is_some(), recording.violated.is_some());
    }
}

/// What the library's circuit gives: variables but the state, the variables of the state after, and
/// their values.
fn synthesized(circuit: &StepCircuit, z: [Fr; ARITY]) -> (Vec<Fr>, Vec<Variable>, Vec<Fr>) {
    let mut cs = WitnessCS::<Fr>::new();
    let z = z.map(|value| AllocatedNum::alloc(&mut cs, || Ok(value)).expect("a value"));
    let after = circuit.synthesize(&mut cs, &z).expect("synthesized");
    let variables = after.iter().map(AllocatedNum::get_variable).collect();
    let values = after
        .iter()
        .map(|element| element.get_value().expect("a value"));
    (
        cs.aux_assignment()[ARITY..].to_vec(),
        variables,
        values.collect(),
    )
}

/// In the library's systems, which have products only: values that were prepared for them are
/// copied, those that were prepared for power rows are not, and all come to the same.
#[test]
fn the_library_gets_a_witness_of_products() {
    let circuits = vote();
    let [powers, plain, anew] = &circuits;
    let copies = |circuit: &StepCircuit, z: [Fr; ARITY]| {
        let mut cs = WitnessCS::<Fr>::new();
        let z = z.map(|value| AllocatedNum::alloc(&mut cs, || Ok(value)).expect("a value"));
        circuit.copy_witness(&mut cs, &z).is_some()
    };
    let honest = anew.before().to_array();
    let recording = anew.record_plain(&[]);
    let expected = own(&recording.recorder).witness;
    for circuit in &circuits {
        let (witness, variables, after) = synthesized(circuit, honest);
        assert!(witness == **expected);
        assert_eq!(after, anew.after().to_array());
        // The last ones, after the state before.
        let first = ARITY + expected.len() - ARITY;
        let last = (first..first + ARITY).map(|i| Variable::new_unchecked(Index::Aux(i)));
        assert!(last.eq(variables));
    }
    assert_eq!(
        [plain, powers, anew].map(|circuit| copies(circuit, honest)),
        [true, false, false]
    );
    // From another state nothing is copied, and all are wrong in the same way.
    let mut other = honest;
    other[0] += Fr::ONE;
    assert!(!copies(plain, other));
    let all = circuits
        .each_ref()
        .map(|circuit| synthesized(circuit, other));
    assert!(all[0] == all[1] && all[1] == all[2] && all[0].0 != **expected);
}

/// The library's circuit has products only, even in a system that could do otherwise, and they are
/// those that its witness is for.
#[test]
fn the_library_gets_rows_of_products() {
    let [powers, plain, anew] = vote();
    let expected = anew.record_plain(&[]).recorder;
    for setting in &SETTINGS {
        for circuit in [&powers, &plain, &anew] {
            let mut recorder = (setting.recorder)();
            let z = circuit.before().to_array().map(|value| {
                AllocatedNum::alloc_input(&mut recorder, || Ok(value)).expect("a value")
            });
            circuit.synthesize(&mut recorder, &z).expect("synthesized");
            let mut rows = recorder.constraints().iter();
            assert!(rows.all(|constraint| constraint.kind == Kind::Product));
            assert!(recorder.constraints() == expected.constraints());
            assert!(recorder.assignment() == expected.assignment());
        }
    }
}
