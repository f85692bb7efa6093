//! The three polls of `vectors/`, folded from the first event to the last by the folding engine and
//! by the proving library's IVC: after every step both are in the state of the native state
//! machine, and at the end both proofs verify and lead to MACI's results.
//!
//! Each poll is folded with one event a step and with four. Only the largest with one event a step
//! is left out of what the library folds, for its time: the engine is there compared with the state
//! machine alone.

use std::sync::OnceLock;

use ff::Field;
use maci_nova_bench::library as baseline;
use maci_nova_folding::{Parameters, RunningProof, SetupSource};
use maci_nova_protocol::poll::{Header, State, Transition};
use maci_nova_protocol::tally::{results_root, OptionResult};
use maci_nova_protocol::Fr;
use maci_nova_step_circuit::{Shape, StepCircuit};
use maci_nova_tests::vectors;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use serde_json::Value;

/// The shapes of the polls with one event and with four events a step.
const SHAPES: [Shape; 4] = [
    shape(4, 1, 1),
    shape(4, 1, 4),
    shape(4, 2, 1),
    shape(4, 2, 4),
];

const fn shape(state_depth: usize, vote_depth: usize, events_per_step: usize) -> Shape {
    Shape {
        state_depth,
        vote_depth,
        events_per_step,
    }
}

/// Parameters of both engines for one shape.
struct Engines {
    folding: Parameters,
    library: baseline::Parameters,
}

/// Each shape's parameters are made once, whichever tests run.
fn engines(shape: Shape) -> &'static Engines {
    static ENGINES: [OnceLock<Engines>; SHAPES.len()] = [const { OnceLock::new() }; SHAPES.len()];
    let place = SHAPES.iter().position(|other| *other == shape);
    ENGINES[place.expect("a shape of the polls")].get_or_init(|| Engines {
        folding: Parameters::setup(shape, &SetupSource::InsecureDevelopment).expect("parameters"),
        library: baseline::Parameters::setup(shape).expect("parameters"),
    })
}

/// A poll's steps, and where they lead natively.
struct Steps {
    name: &'static str,
    shape: Shape,
    header: Header,
    circuits: Vec<StepCircuit>,
    /// The states after each step.
    states: Vec<State>,
}

impl Steps {
    fn last(&self) -> State {
        self.states[self.states.len() - 1]
    }
}

/// All events of a poll and, as in every whole proof, blinding events at the end: at least one, and
/// as many as fill the last step.
fn steps(name: &'static str, events_per_step: usize) -> Steps {
    let (mut poll, mut transitions) = vectors::transitions(name);
    let mut rng = ChaCha20Rng::seed_from_u64(5);
    for _ in 0..events_per_step - transitions.len() % events_per_step {
        transitions.push(poll.blind(Fr::random(&mut rng)));
    }
    let header = poll.header().clone();
    let depths = (header.state_tree_depth, header.vote_option_tree_depth);
    let shape = shape(depths.0, depths.1, events_per_step);
    let secret = vectors::coordinator(name).secret_scalar();
    let prepare = |step: &[Transition]| {
        StepCircuit::prepare(shape, &header, secret, step.to_vec())
            .expect("the circuit comes to the state machine's outcome")
    };
    let steps = transitions.chunks(events_per_step);
    let circuits = steps.clone().map(prepare).collect();
    let states = steps.map(|step| step[events_per_step - 1].after).collect();
    Steps {
        name,
        shape,
        header,
        circuits,
        states,
    }
}

/// The root of the tally tree for the results that MACI's core computed.
fn published_results_root(name: &str, depth: usize) -> Fr {
    let path = vectors::path(&format!("polls/{name}/expected.json"));
    let text = std::fs::read(path).expect("the vector");
    let expected: Value = serde_json::from_slice(&text).expect("JSON");
    let list = |key: &str| expected[key].as_array().expect("a list").iter();
    let text = |value: &Value| value.as_str().expect("a string").to_owned();
    let results: Vec<OptionResult> = list("results")
        .zip(list("perOptionSpent"))
        .map(|(votes, spent)| OptionResult {
            votes: text(votes).parse().expect("votes"),
            spent: text(spent).parse().expect("credits"),
        })
        .collect();
    results_root(depth, &results).expect("as many as the tree has room for")
}

/// The engine's proof after all steps, each compared with the native state.
fn fold(parameters: &Parameters, steps: &Steps) -> RunningProof {
    let mut proof = RunningProof::new(parameters, &steps.header).expect("begun");
    for (i, (circuit, state)) in steps.circuits.iter().zip(&steps.states).enumerate() {
        proof.fold(parameters, circuit.clone()).expect("folded");
        let z = proof.engine_proof().expect("a step was folded").z();
        assert_eq!(z, state.to_array(), "step {i}");
    }
    proof
}

/// The library's proof after all steps, each compared with the native state.
fn fold_in_library(parameters: &baseline::Parameters, steps: &Steps) -> baseline::RunningProof {
    let (first, rest) = steps.circuits.split_first().expect("a step");
    let mut proof = baseline::RunningProof::first(parameters, first).expect("proven");
    assert_eq!(proof.z(), steps.states[0].to_array(), "step 0");
    for (i, circuit) in rest.iter().enumerate() {
        proof.fold(parameters, circuit).expect("folded");
        assert_eq!(proof.z(), steps.states[i + 1].to_array(), "step {}", i + 1);
    }
    proof
}

/// Folds a whole poll with the engine, to MACI's results.
fn engine_agrees(steps: &Steps) {
    let last = steps.last();
    let published = published_results_root(steps.name, steps.shape.vote_depth);
    assert_eq!(last.tally_root, published);
    let parameters = &engines(steps.shape).folding;
    let proof = fold(parameters, steps);
    assert_eq!(proof.steps(), steps.states.len() as u64);
    assert_eq!(proof.verify(parameters).expect("true"), last);
}

/// Folds a whole poll with the library, to the same states.
fn library_agrees(steps: &Steps) {
    let parameters = &engines(steps.shape).library;
    let proof = fold_in_library(parameters, steps);
    let (count, z0) = (steps.states.len(), State::initial(&steps.header).to_array());
    let verify = |count, z0| proof.verify(parameters, count, z0);
    assert_eq!(verify(count, &z0).expect("true"), steps.last().to_array());
    let mut other = z0;
    other[0] += Fr::ONE;
    assert!(verify(count, &other).is_err());
    assert!(verify(count + 1, &z0).is_err());
}

fn both_agree(name: &'static str, events_per_step: usize) {
    let steps = steps(name, events_per_step);
    engine_agrees(&steps);
    library_agrees(&steps);
}

#[test]
fn small_poll_with_one_event_a_step() {
    both_agree("small", 1);
}

#[test]
fn small_poll_with_four_events_a_step() {
    both_agree("small", 4);
}

#[test]
fn linear_poll_with_one_event_a_step() {
    both_agree("linear", 1);
}

#[test]
fn linear_poll_with_four_events_a_step() {
    both_agree("linear", 4);
}

#[test]
fn medium_poll_with_one_event_a_step_without_the_library() {
    engine_agrees(&steps("medium", 1));
}

#[test]
fn medium_poll_with_four_events_a_step() {
    both_agree("medium", 4);
}
