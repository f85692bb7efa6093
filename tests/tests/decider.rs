//! The decider: a finished running proof as one proof that a contract accepts.

use std::sync::{Arc, OnceLock};

use ff::Field;
use maci_nova::contract;
use maci_nova::dry_run::DryRun;
use maci_nova_compressor::decider::{self, DeciderProof, Prover, Statement};
use maci_nova_compressor::groth16::Trapdoors;
use maci_nova_contracts::chain::deploy;
use maci_nova_contracts::decider::{deploy_code, verify};
use maci_nova_contracts::evm::{Evm, SENDER};
use maci_nova_folding::{Parameters, RunningProof, SetupSource};
use maci_nova_protocol::poll::Mode;
use maci_nova_step_circuit::{Fr, Shape, StepCircuit};
use maci_nova_tests::hostile::{HostilePoll, Kind};

const DOMAIN: [u8; 32] = [7; 32];
/// Options that depth 1 has room for.
const OPTIONS: usize = 5;

/// A proof with everything that verifies it. Making the keys takes most of a minute.
struct Proven {
    prover: Prover,
    running: RunningProof,
    statement: Statement,
    proof: DeciderProof,
}

fn proven() -> &'static Proven {
    static PROVEN: OnceLock<Proven> = OnceLock::new();
    PROVEN.get_or_init(|| {
        let (mut poll, mut transitions) = HostilePoll::new(3, Mode::Quadratic, (1, 1), 3);
        let mut kinds = vec![Kind::Valid; 8];
        kinds.extend([Kind::Garbage, Kind::OtherSigner]);
        let events = poll.process(&kinds, 3);
        transitions.extend(events.into_iter().map(|(_, transition)| transition));
        let shape = Shape::new(1, 1, 1).expect("in range");
        let parameters =
            Parameters::setup(shape, &SetupSource::InsecureDevelopment).expect("parameters");
        let mut running = RunningProof::new(&parameters, poll.header()).expect("begun");
        for transition in transitions {
            let step = vec![transition];
            let step = StepCircuit::prepare(shape, poll.header(), poll.secret(), step);
            running
                .fold(&parameters, step.expect("prepared"))
                .expect("folded");
        }
        let engine = Arc::clone(parameters.engine());
        let trapdoors = Trapdoors::insecure_development();
        let prover = Prover::setup(engine, 1, trapdoors).expect("keys");
        let results = poll.poll().results();
        let ivc = running.engine_proof().expect("steps");
        let proof = prover.prove(ivc, DOMAIN, &results).expect("proven");
        let stated = ivc.statement();
        let statement = Statement {
            domain: DOMAIN,
            z0: stated.z0.try_into().expect("seven elements"),
            z: stated.z.try_into().expect("seven elements"),
            results,
        };
        Proven {
            prover,
            running,
            statement,
            proof,
        }
    })
}

/// Whether Rust and the contract accept: they must agree. The gas, where they do.
fn accepted(statement: &Statement, proof: &DeciderProof) -> Option<u64> {
    let key = proven().prover.verifying_key();
    let native = decider::verify(&key, statement, proof);
    let mut evm = Evm::new();
    let contract_key = contract::key(&key).expect("a key of a decider");
    let code = deploy_code(&contract_key, OPTIONS, true);
    let deployment = deploy(&mut evm, SENDER, code).expect("deployed");
    let address = deployment.contract;
    let statement = contract::statement(statement);
    let proof = contract::proof(proof);
    let on_chain = verify(&mut evm, SENDER, address, &statement, &proof);
    assert_eq!(native.is_ok(), on_chain.is_ok(), "{native:?} {on_chain:?}");
    on_chain.ok().map(|receipt| receipt.gas_used)
}

#[test]
fn a_finished_poll_is_accepted_in_rust_and_on_chain() {
    let Proven {
        statement, proof, ..
    } = proven();
    let total: u128 = statement.results.iter().map(|result| result.votes).sum();
    assert!(total > 0, "a poll with votes");
    let gas = accepted(statement, proof).expect("a true proof");
    assert!(gas < 400_000, "{gas} gas");
}

#[test]
fn another_statement_is_refused() {
    let Proven {
        statement, proof, ..
    } = proven();
    let one = Fr::ONE;
    let mut others = vec![];
    for i in 0..statement.z.len() {
        let mut other = statement.clone();
        other.z[i] += one;
        others.push(other);
        let mut other = statement.clone();
        other.z0[i] += one;
        others.push(other);
    }
    let mut other = statement.clone();
    other.domain[31] ^= 1;
    others.push(other);
    let mut other = statement.clone();
    other.results[0].votes += 1;
    others.push(other);
    let mut other = statement.clone();
    other.results.reverse();
    others.push(other);
    for (i, other) in others.iter().enumerate() {
        if other != statement {
            assert_eq!(accepted(other, proof), None, "statement {i}");
        }
    }
}

/// Another proof of the same statement reveals other values, and its parts do not fit this one's.
#[test]
fn proofs_are_randomized_and_do_not_mix() {
    let Proven {
        prover,
        running,
        statement,
        proof,
    } = proven();
    let ivc = running.engine_proof().expect("steps");
    let second = prover
        .prove(ivc, DOMAIN, &statement.results)
        .expect("proven");
    assert!(accepted(statement, &second).is_some());
    let words = |proof: &DeciderProof| contract::proof(proof).words();
    let (one, two) = (words(proof), words(&second));
    // The running instance's commitment is hiding itself, and the same in both.
    for (i, (one, two)) in one.iter().zip(&two).enumerate().skip(2) {
        assert_ne!(one, two, "word {i}");
    }
    let mixes: [fn(&mut DeciderProof, &DeciderProof); 9] = [
        |proof, other| proof.fold.c = other.fold.c,
        |proof, other| proof.fold.a = other.fold.a,
        |proof, other| proof.fold.b = other.fold.b,
        |proof, other| proof.fold.r1 = other.fold.r1,
        |proof, other| proof.fold.r2 = other.fold.r2,
        |proof, other| proof.d = other.d,
        |proof, other| proof.groth16 = other.groth16.clone(),
        |proof, other| proof.e = other.e,
        |proof, other| proof.opening = other.opening,
    ];
    for (i, mix) in mixes.into_iter().enumerate() {
        let mut mixed = proof.clone();
        mix(&mut mixed, &second);
        assert_eq!(accepted(statement, &mixed), None, "mix {i}");
    }
}

#[test]
fn false_results_cannot_be_proven() {
    let Proven {
        prover,
        running,
        statement,
        ..
    } = proven();
    let ivc = running.engine_proof().expect("steps");
    let mut results = statement.results.clone();
    results[1].votes += 1;
    let error = prover.prove(ivc, DOMAIN, &results).expect_err("false");
    assert!(matches!(error, decider::ProverError::Groth16(_)), "{error}");
}

/// The price of every operation that the verifier uses is the same whatever the values are, so the
/// gas differs by nothing (the tolerance is 0) but the calldata: 4 for a byte that happens to be 0, 16
/// for another.
#[test]
#[ignore = "folds 1,000 messages, which takes minutes"]
fn the_gas_of_1000_messages_is_that_of_10() {
    const MESSAGES: usize = 1000;
    let Proven {
        prover,
        statement,
        proof,
        ..
    } = proven();
    let (mut poll, mut transitions) = HostilePoll::new(4, Mode::Quadratic, (1, 1), 4);
    transitions.extend(poll.vote(MESSAGES));
    let shape = Shape::new(1, 1, 1).expect("in range");
    let source = SetupSource::InsecureDevelopment;
    let parameters = Parameters::setup(shape, &source).expect("parameters");
    let mut running = RunningProof::new(&parameters, poll.header()).expect("begun");
    for transition in transitions {
        let (header, secret) = (poll.header(), poll.secret());
        let step = StepCircuit::prepare(shape, header, secret, vec![transition]);
        let step = step.expect("prepared");
        running.fold(&parameters, step).expect("folded");
    }
    let ivc = running.engine_proof().expect("steps");
    let results = poll.poll().results();
    let many = prover.prove(ivc, DOMAIN, &results).expect("proven");
    let stated = Statement::new(ivc, DOMAIN, &results).expect("seven elements");
    assert_eq!(stated.results.len(), statement.results.len());

    let mut verifier = DryRun::deploy(prover.verifying_key(), OPTIONS, true).expect("deployed");
    let [few, many] = [(statement, proof), (&stated, &many)].map(|(statement, proof)| {
        let accepted = verifier.verify(statement, proof).expect("accepted");
        println!(
            "{} gas, {} of it for calldata",
            accepted.gas,
            accepted.calldata_gas()
        );
        accepted.gas - accepted.calldata_gas()
    });
    assert_eq!(few, many);
}
