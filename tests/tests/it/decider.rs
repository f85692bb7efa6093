//! The decider: finished polls as proofs that a contract accepts. The forgeries of a prover who
//! leaves the honest path are in the compressor's own tests, which reach into the prover.

use ff::Field;
use maci_nova_compressor::decider::{self, DeciderError, DeciderProof, DeciderStatement};
use maci_nova_contracts::alloy_primitives::U256;
use maci_nova_contracts::decider::{Refusal, VerifyError, PROOF_WORDS};
use maci_nova_folding::RunningProof;
use maci_nova_protocol::poll::Mode;
use maci_nova_protocol::tally::OptionResult;
use maci_nova_step_circuit::{Fr, StepCircuit};
use maci_nova_tests::decider::{calldata, published, Folded, Keys, Proven, DOMAIN};
use maci_nova_tests::hostile::HostilePoll;

/// Bytes of the selector.
const SELECTOR: usize = 4;
/// Words of z0 and z, after that of the domain; the next word says where the results are.
const STATES: usize = 16;
/// The word that says where the results are.
const OFFSET: usize = STATES + 1;
/// The first word of the proof.
const PROOF: usize = OFFSET + 1;
/// The word that counts the results, which follow.
const COUNT: usize = PROOF + PROOF_WORDS;
/// Words of a proof that are scalars.
const SCALARS: [usize; 4] = [6, 7, 18, 19];

fn is_accepted_with_the_stored_results(name: &str) -> u64 {
    let Proven {
        folded,
        statement,
        proof,
    } = Proven::of(name);
    assert_eq!(statement.results, published(name));
    let total: i128 = statement.results.iter().map(|result| result.votes).sum();
    assert!(total > 0, "a poll with votes");
    let gas = folded.keys.accept(statement, proof).expect("a true proof");
    assert!(gas <= 380_500, "{gas} gas");
    // The same poll with one vote more is refused.
    let mut other = statement.clone();
    other.results[1].votes += 1;
    assert_eq!(folded.keys.accept(&other, proof), None);
    gas
}

#[test]
fn the_small_poll_is_accepted() {
    is_accepted_with_the_stored_results("small");
}

/// Of another number of steps and of messages, but of one shape: the gas is that of the calldata.
#[test]
fn the_linear_and_the_medium_poll_are_accepted() {
    let linear = is_accepted_with_the_stored_results("linear");
    let medium = is_accepted_with_the_stored_results("medium");
    assert!(linear.abs_diff(medium) < 1_000, "{linear} and {medium} gas");
}

#[test]
fn another_statement_is_refused() {
    let Proven {
        folded,
        statement,
        proof,
    } = Proven::of("small");
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
    for i in 0..statement.results.len() {
        let mut other = statement.clone();
        other.results[i].votes += 1;
        others.push(other);
        let mut other = statement.clone();
        other.results[i].spent += 1;
        others.push(other);
    }
    let mut other = statement.clone();
    other.results.reverse();
    others.push(other);
    for (i, other) in others.iter().enumerate() {
        assert_ne!(other, statement);
        assert_eq!(folded.keys.accept(other, proof), None, "statement {i}");
    }
}

/// Each other's proofs, and each other's chains and trees in an otherwise true statement.
#[test]
fn a_proof_of_another_poll_is_refused() {
    let (linear, medium) = (Proven::of("linear"), Proven::of("medium"));
    let keys = Keys::of(2);
    assert_eq!(keys.accept(&linear.statement, &medium.proof), None);
    assert_eq!(keys.accept(&medium.statement, &linear.proof), None);
    for i in 0..linear.statement.z.len() {
        for start in [true, false] {
            let mut other = linear.statement.clone();
            if start {
                other.z0[i] = medium.statement.z0[i];
            } else {
                other.z[i] = medium.statement.z[i];
            }
            if other != linear.statement {
                assert_eq!(keys.accept(&other, &linear.proof), None, "element {i}");
            }
        }
    }
}

#[test]
fn a_proof_under_another_shapes_key_is_refused() {
    let (small, linear) = (Proven::of("small"), Proven::of("linear"));
    let [one, two] = [1, 2].map(Keys::of);
    assert_eq!(two.accept(&small.statement, &small.proof), None);
    // 23 results are more than the smaller shape's contract takes; the first five say it all.
    let mut statement = linear.statement.clone();
    assert_eq!(
        one.contract.verify(&statement, &linear.proof),
        Err(Refusal::TooManyOptions {
            given: U256::from(23),
            max: U256::from(5),
        })
    );
    statement.results.truncate(5);
    assert_eq!(one.accept(&statement, &linear.proof), None);
}

/// The last messages are left out: a true proof of the state before them.
#[test]
fn fewer_steps_are_another_statement() {
    let whole = Proven::of("small");
    let steps = usize::try_from(whole.folded.running.steps()).expect("few");
    let earlier = Folded::new("small", steps - 9);
    let (keys, results) = (earlier.keys, earlier.results.clone());
    assert_ne!(results, whole.statement.results);
    assert!(earlier.prove(&whole.statement.results).is_err());
    let proof = earlier.prove(&results).expect("proven");
    let statement = earlier.statement(&results);
    assert!(keys.accept(&statement, &proof).is_some());
    assert_eq!(keys.accept(&whole.statement, &proof), None);
    assert_eq!(keys.accept(&statement, &whole.proof), None);
    // No step at all: the state is the first one.
    let mut nothing = whole.statement.clone();
    nothing.z = nothing.z0;
    nothing.results.fill(OptionResult::default());
    assert_eq!(keys.accept(&nothing, &whole.proof), None);
    assert_eq!(keys.accept(&nothing, &proof), None);
}

/// Another proof of the same statement reveals other values, and its parts do not fit this one's.
#[test]
fn proofs_are_randomized_and_do_not_mix() {
    let Proven {
        folded,
        statement,
        proof,
    } = Proven::of("small");
    let second = folded.prove(&statement.results).expect("proven");
    assert!(folded.keys.accept(statement, &second).is_some());
    let (one, two) = (proof.to_bytes(), second.to_bytes());
    // The running instance's commitment is hiding itself, and the same in both.
    for (i, (one, two)) in one.chunks(32).zip(two.chunks(32)).enumerate().skip(2) {
        assert_ne!(one, two, "word {i}");
    }
    let mixes: [fn(&mut DeciderProof, &DeciderProof); 9] = [
        |proof, other| proof.fold.dn = other.fold.dn,
        |proof, other| proof.fold.dr = other.fold.dr,
        |proof, other| proof.fold.r1 = other.fold.r1,
        |proof, other| proof.fold.r2 = other.fold.r2,
        |proof, other| proof.d = other.d,
        |proof, other| proof.groth16 = other.groth16.clone(),
        |proof, other| proof.e = other.e,
        |proof, other| proof.blind = other.blind,
        |proof, other| proof.opening = other.opening,
    ];
    for (i, mix) in mixes.into_iter().enumerate() {
        let mut mixed = proof.clone();
        mix(&mut mixed, &second);
        assert_eq!(folded.keys.accept(statement, &mixed), None, "mix {i}");
    }
}

#[test]
fn false_results_cannot_be_proven() {
    let Proven {
        folded, statement, ..
    } = Proven::of("small");
    let mut results = statement.results.clone();
    results[1].votes += 1;
    let error = folded.prove(&results).expect_err("false");
    assert!(matches!(error, decider::ProverError::Groth16(_)), "{error}");
    let more = vec![OptionResult::default(); 6];
    let error = folded.prove(&more).expect_err("too many");
    assert!(matches!(error, decider::ProverError::Engine(_)), "{error}");
}

/// Calldata of the small poll's proof, as words after the selector.
struct Calldata(Vec<u8>);

impl Calldata {
    fn new() -> Self {
        let Proven {
            statement, proof, ..
        } = Proven::of("small");
        Calldata(calldata(statement, proof).to_vec())
    }

    fn words(&self) -> usize {
        (self.0.len() - SELECTOR) / 32
    }

    fn word(&self, word: usize) -> U256 {
        U256::from_be_slice(&self.0[SELECTOR + 32 * word..][..32])
    }

    fn with(&self, word: usize, value: U256) -> Vec<u8> {
        let mut changed = self.0.clone();
        changed[SELECTOR + 32 * word..][..32].copy_from_slice(&value.to_be_bytes::<32>());
        changed
    }

    /// The words' modulus; none of those that count or are not elements.
    fn modulus(&self, word: usize) -> Option<U256> {
        let parse = |modulus: &str| U256::from_str_radix(modulus, 10).expect("a number");
        let r = "21888242871839275222246405745257275088548364400416034343698204186575808495617";
        let q = "21888242871839275222246405745257275088696311157297823662689037894645226208583";
        match word {
            1..=STATES => Some(parse(r)),
            PROOF..COUNT if SCALARS.contains(&(word - PROOF)) => Some(parse(r)),
            PROOF..COUNT => Some(parse(q)),
            _ => None,
        }
    }
}

/// Why the contract refuses some bytes.
fn refusal(bytes: Vec<u8>) -> Option<Refusal> {
    match Proven::of("small").folded.keys.contract.call(bytes) {
        Ok(gas) => panic!("accepted for {gas} gas"),
        Err(VerifyError::Refused(refusal)) => Some(refusal),
        Err(VerifyError::Chain(error)) => {
            // Only a call that no function takes has no reason.
            assert!(error.to_string().contains("reverted with 0x"), "{error}");
            None
        }
    }
}

/// What Rust says to the proof in calldata.
fn native(bytes: &[u8]) -> Result<(), DeciderError> {
    let Proven {
        folded, statement, ..
    } = Proven::of("small");
    let proof = DeciderProof::from_bytes(&bytes[SELECTOR + 32 * PROOF..SELECTOR + 32 * COUNT])?;
    decider::verify(&folded.keys.verifying, statement, &proof)
}

#[test]
fn every_word_of_the_calldata_changed() {
    let calldata = Calldata::new();
    let contract = &Proven::of("small").folded.keys.contract;
    contract.call(calldata.0.clone()).expect("true");
    assert_eq!(native(&calldata.0), Ok(()));
    assert_eq!(calldata.words(), COUNT + 1 + 2 * 5);
    for word in 0..calldata.words() {
        let value = calldata.word(word);
        let changes = [
            value ^ U256::ONE,
            value ^ (U256::ONE << 255),
            value.wrapping_sub(U256::ONE),
            value ^ (U256::ONE << 100),
            U256::ZERO,
            U256::MAX,
        ];
        for changed in changes {
            if changed == value {
                continue;
            }
            let bytes = calldata.with(word, changed);
            if (PROOF..COUNT).contains(&word) {
                assert!(native(&bytes).is_err(), "word {word}");
            }
            // Of these two the compiler's decoder refuses some without a reason, before the
            // contract's code.
            let decoded = word == OFFSET || word == COUNT;
            let reason = refusal(bytes);
            assert!(decoded || reason.is_some(), "word {word}: no reason");
        }
    }
    for byte in 0..SELECTOR {
        let mut bytes = calldata.0.clone();
        bytes[byte] ^= 1;
        assert_eq!(refusal(bytes), None);
    }
}

/// The same residues in other words: every multiple of the modulus that fits.
#[test]
fn words_of_the_calldata_that_are_not_canonical() {
    let calldata = Calldata::new();
    for word in 0..calldata.words() {
        let Some(modulus) = calldata.modulus(word) else {
            continue;
        };
        let mut value = calldata.word(word);
        let mut variants = 0;
        while let Some(next) = value.checked_add(modulus) {
            value = next;
            variants += 1;
            let bytes = calldata.with(word, value);
            if word < PROOF {
                let expected = Refusal::NonCanonicalState(U256::from(word - 1));
                assert_eq!(refusal(bytes), Some(expected));
            } else {
                let expected = Err(DeciderError::NotCanonical(word - PROOF));
                assert_eq!(native(&bytes), expected);
                let expected = Refusal::NonCanonicalProof(U256::from(word - PROOF));
                assert_eq!(refusal(bytes), Some(expected));
            }
        }
        assert!(variants >= 4, "word {word}");
    }
    for word in COUNT + 1..calldata.words() {
        let bytes = calldata.with(word, calldata.word(word) + (U256::ONE << 128));
        assert_eq!(refusal(bytes), Some(Refusal::ResultOutOfRange));
    }
}

#[test]
fn calldata_that_is_cut_off_or_has_more_behind_it() {
    let calldata = Calldata::new();
    for length in 0..calldata.0.len() {
        refusal(calldata.0[..length].to_vec());
    }
    for more in [1, 31, 32, 33, 64, 1000] {
        for byte in [0, 1, 0xff] {
            let mut longer = calldata.0.clone();
            longer.resize(longer.len() + more, byte);
            assert_eq!(refusal(longer), Some(Refusal::MalformedCalldata));
        }
    }
    // A result more, with its words.
    let mut longer = calldata.with(COUNT, U256::from(6));
    longer.extend([0; 64]);
    assert!(refusal(longer).is_some());
}

/// Gas of a proof for a poll of four voters and so many messages, without the price of the
/// calldata's bytes: 4 for one that is 0, else 16 (EIP-2028).
fn execution_gas(messages: usize) -> u64 {
    let keys = Keys::of(1);
    let (mut poll, mut transitions) = HostilePoll::new(4, Mode::Quadratic, (4, 1), 4);
    transitions.extend(poll.vote(messages));
    let mut running = RunningProof::new(&keys.parameters, poll.header()).expect("begun");
    for transition in transitions {
        let (shape, header, secret) = (keys.parameters.shape(), poll.header(), poll.secret());
        let step = StepCircuit::prepare(shape, header, secret, vec![transition]);
        let folded = running.fold(&keys.parameters, step.expect("prepared"));
        folded.expect("folded");
    }
    let ivc = running.engine_proof().expect("steps");
    let results = poll.poll().results();
    let proof = keys
        .prover
        .prove(ivc, DOMAIN, &decider::WHOLE, &results)
        .expect("proven");
    let statement =
        DeciderStatement::new(ivc, DOMAIN, &decider::WHOLE, &results).expect("seven elements");
    let gas = keys.accept(&statement, &proof).expect("a true proof");
    let calldata = calldata(&statement, &proof);
    let price = |byte: &u8| if *byte == 0 { 4 } else { 16 };
    gas - calldata.iter().map(price).sum::<u64>()
}

/// Every operation that the verifier uses costs the same whatever the values are: the tolerance is
/// 0.
#[test]
#[ignore = "slow, it folds 1,000 messages: .ci/slow"]
fn the_gas_of_1000_messages_is_that_of_10() {
    assert_eq!(execution_gas(10), execution_gas(1000));
}
