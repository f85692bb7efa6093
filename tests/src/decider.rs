//! Decider proofs of the polls of `vectors/`, with the keys and the contract that verify them.

use std::sync::{Arc, OnceLock};

use ff::Field;
use maci_nova_compressor::decider::{self, DeciderKey, DeciderProof, DeciderStatement, Prover};
use maci_nova_contracts::decider::Refusal;
use maci_nova_folding::{Parameters, RunningProof, SetupSource};
use maci_nova_groth16::{KeyCache, Trapdoors, CACHE_VARIABLE};
use maci_nova_protocol::tally::OptionResult;
use maci_nova_protocol::Fr;
use maci_nova_step_circuit::{Shape, StepCircuit};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use serde_json::Value;

use crate::vectors;

pub use maci_nova_compressor::testing::{calldata, Contract};

/// Where the proofs are said to be verified.
pub const DOMAIN: [u8; 32] = [7; 32];

/// What proves and verifies the polls of one shape.
#[derive(Debug)]
pub struct Keys {
    /// Of the folding.
    pub parameters: Parameters,
    /// Of the decider.
    pub prover: Prover,
    /// What verifies in Rust.
    pub verifying: DeciderKey,
    /// What verifies on chain.
    pub contract: Contract,
}

impl Keys {
    /// The keys of the polls with vote option trees of depth 1 or 2, state trees of depth 4, and
    /// one event a step. Making them takes a minute, so each are made once.
    pub fn of(vote_depth: usize) -> &'static Keys {
        static KEYS: [OnceLock<Keys>; 2] = [const { OnceLock::new() }; 2];
        KEYS[vote_depth - 1].get_or_init(|| {
            let shape = Shape::new(4, vote_depth, 1).expect("in range");
            let parameters =
                Parameters::setup(shape, &SetupSource::InsecureDevelopment).expect("parameters");
            let engine = Arc::clone(parameters.engine());
            let trapdoors = Trapdoors::insecure_development();
            // Where a cache is named, as in CI, another process may have made them.
            let cache = std::env::var_os(CACHE_VARIABLE).map(|_| KeyCache::of_user());
            let prover = match cache {
                Some(cache) => {
                    let cache = cache.expect("a folder");
                    Prover::cached(engine, vote_depth, &cache, false, &mut |_| {})
                }
                None => Prover::setup(engine, vote_depth, trapdoors),
            }
            .expect("keys");
            let verifying = prover.verifying_key();
            Keys {
                contract: Contract::deploy(&verifying, 5usize.pow(vote_depth as u32)),
                parameters,
                prover,
                verifying,
            }
        })
    }

    /// Whether a proof is accepted in Rust and on chain, which must agree: the gas.
    pub fn accept(&self, statement: &DeciderStatement, proof: &DeciderProof) -> Option<u64> {
        let native = decider::verify(&self.verifying, statement, proof);
        let on_chain = self.contract.verify(statement, proof);
        assert_eq!(native.is_ok(), on_chain.is_ok(), "{native:?} {on_chain:?}");
        if let Err(refusal) = &on_chain {
            assert_eq!(*refusal, Refusal::ProofRejected);
        }
        on_chain.ok()
    }
}

/// A poll of `vectors/`, folded to its end or through its first events.
#[derive(Debug)]
pub struct Folded {
    /// The shape's keys.
    pub keys: &'static Keys,
    /// The proof of the steps.
    pub running: RunningProof,
    /// The results in the state that it has reached.
    pub results: Vec<OptionResult>,
}

impl Folded {
    /// Folds the first so many events of a poll and, as in every whole proof, a blinding one.
    pub fn new(name: &str, events: usize) -> Self {
        let (mut poll, mut transitions) = vectors::first_transitions(name, events);
        let mut rng = ChaCha20Rng::seed_from_u64(5);
        transitions.push(poll.blind(Fr::random(&mut rng)));
        let header = poll.header();
        let keys = Keys::of(header.vote_option_tree_depth);
        let secret = vectors::coordinator(name).secret_scalar();
        let mut running = RunningProof::new(&keys.parameters, header).expect("begun");
        for transition in transitions {
            let shape = keys.parameters.shape();
            let step = StepCircuit::prepare(shape, header, secret, vec![transition]);
            let folded = running.fold(&keys.parameters, step.expect("prepared"));
            folded.expect("folded");
        }
        Folded {
            keys,
            running,
            results: poll.results(),
        }
    }

    /// What a proof with these results states.
    pub fn statement(&self, results: &[OptionResult]) -> DeciderStatement {
        let proof = self.running.engine_proof().expect("steps");
        DeciderStatement::new(proof, DOMAIN, &decider::WHOLE, results).expect("a poll's states")
    }

    /// A decider proof with these results.
    pub fn prove(&self, results: &[OptionResult]) -> Result<DeciderProof, decider::ProverError> {
        let proof = self.running.engine_proof().expect("steps");
        self.keys
            .prover
            .prove(proof, DOMAIN, &decider::WHOLE, results)
    }
}

/// A proof of a whole poll, and what it states: the published results.
#[derive(Debug)]
pub struct Proven {
    /// What is proven.
    pub folded: Folded,
    /// With the published results.
    pub statement: DeciderStatement,
    /// The proof.
    pub proof: DeciderProof,
}

impl Proven {
    /// The proof of a poll of `vectors/`, made once.
    pub fn of(name: &str) -> &'static Proven {
        static PROVEN: [OnceLock<Proven>; vectors::POLLS.len()] =
            [const { OnceLock::new() }; vectors::POLLS.len()];
        let place = vectors::POLLS.iter().position(|poll| *poll == name);
        PROVEN[place.expect("a poll of the vectors")].get_or_init(|| {
            let folded = Folded::new(name, usize::MAX);
            let published = published(name);
            Proven {
                statement: folded.statement(&published),
                proof: folded.prove(&published).expect("proven"),
                folded,
            }
        })
    }
}

fn number<T: std::str::FromStr<Err = std::num::ParseIntError>>(value: &Value) -> T {
    value.as_str().expect("a string").parse().expect("a number")
}

/// The results that MACI's core computed for a poll.
pub fn published(name: &str) -> Vec<OptionResult> {
    let path = vectors::path(&format!("polls/{name}/expected.json"));
    let text = std::fs::read(path).expect("the vector");
    let expected: Value = serde_json::from_slice(&text).expect("JSON");
    let list = |key: &str| expected[key].as_array().expect("a list").iter();
    list("results")
        .zip(list("perOptionSpent"))
        .map(|(votes, spent)| OptionResult {
            votes: number(votes),
            spent: number(spent),
        })
        .collect()
}
