//! Compression and verification of small polls, and forgeries.

use std::{ops::RangeInclusive, sync::OnceLock};

use ff::{Field, PrimeField};
use maci_nova_folding::blinding::{Blinded, Foldings};
use maci_nova_folding::{Parameters, RunningProof, SetupOrigin, SetupSource};
use maci_nova_protocol::{
    hash_chain,
    log::PublicFacts,
    tally::{results_root, OptionResult},
};
use maci_nova_step_circuit::{
    testing::{self, silent_poll, small_poll, SmallPoll},
    Fr, Shape,
};
use rand_chacha::ChaCha20Rng;
use rand_core::{OsRng, RngCore, SeedableRng};
use sha2::{Digest, Sha256};

use super::*;
use crate::hashes::{self, Shown};

/// Constraints of the last foldings' own relation, with 14 elements of beta.
const HASHES: usize = 3_854;

fn setup(events: usize) -> Parameters {
    let shape = Shape::new(2, 1, events).expect("in range");
    Parameters::setup(shape, &SetupSource::InsecureDevelopment).expect("parameters")
}

pub(crate) fn parameters() -> &'static Parameters {
    static PARAMETERS: OnceLock<Parameters> = OnceLock::new();
    PARAMETERS.get_or_init(|| setup(1))
}

fn key() -> VerifierKey {
    VerifierKey::new(parameters())
}

pub(crate) fn poll() -> &'static SmallPoll {
    static POLL: OnceLock<SmallPoll> = OnceLock::new();
    POLL.get_or_init(|| small_poll(2, 1))
}

pub(crate) fn fold(poll: &SmallPoll, events: RangeInclusive<usize>) -> RunningProof {
    let mut running = RunningProof::new(parameters(), &poll.header).expect("begun");
    let skipped = *events.start();
    for step in poll.steps().skip(skipped).take(events.end() + 1 - skipped) {
        let step = step.expect("prepared");
        running.fold(parameters(), step).expect("folded");
    }
    running
}

pub(crate) fn folded() -> &'static RunningProof {
    static FOLDED: OnceLock<RunningProof> = OnceLock::new();
    FOLDED.get_or_init(|| fold(poll(), 0..=poll().transitions.len() - 1))
}

fn prove(running: &RunningProof, results: &[OptionResult]) -> Result<FinalProof, ProveError> {
    FinalProof::prove(parameters(), running, results.to_vec())
}

/// A true proof of the small poll.
fn honest() -> FinalProof {
    static HONEST: OnceLock<FinalProof> = OnceLock::new();
    let make = || prove(folded(), &poll().results).expect("proven");
    HONEST.get_or_init(make).clone()
}

/// Another proof of the same.
fn second() -> FinalProof {
    static SECOND: OnceLock<FinalProof> = OnceLock::new();
    let make = || prove(folded(), &poll().results).expect("proven");
    SECOND.get_or_init(make).clone()
}

fn check(proof: &FinalProof) -> Result<ProvenResults, VerifyError> {
    verify(&key(), proof, &poll().facts)
}

fn check_against(facts: &PublicFacts) -> Result<ProvenResults, VerifyError> {
    verify(&key(), &honest(), facts)
}

#[test]
fn an_honest_proof_gives_the_native_results() {
    let proven = check(&honest()).expect("true");
    assert_eq!(proven.results, poll().results);
    assert_eq!(proven.total_spent, poll().total_spent);
    assert_eq!(proven.steps, poll().transitions.len() as u64);
    assert_eq!(proven.origin, SetupOrigin::InsecureDevelopment);
    assert_eq!(proven.state_root, poll().end.state_root);
    assert!(proven.total_spent > 0);
}

/// It would be false to everybody who verifies it against the poll's beginning.
#[test]
fn a_part_of_the_count_is_no_final_proof() {
    let last = poll().steps().last().expect("a step").expect("prepared");
    let part = RunningProof::begin_at(parameters(), &poll().header, *last.before());
    let mut part = part.expect("begun");
    part.fold(parameters(), last).expect("folded");
    assert_eq!(part.state(), folded().state());
    let refused = prove(&part, &poll().results);
    assert!(matches!(refused, Err(ProveError::Segment)));
}

#[test]
fn a_poll_without_messages_is_proven_too() {
    let silent = silent_poll(2, 1);
    let running = fold(&silent, 0..=silent.transitions.len() - 1);
    let proof = prove(&running, &silent.results).expect("proven");
    let proven = verify(&key(), &proof, &silent.facts).expect("true");
    assert_eq!(proven.total_spent, 0);
    // The same voters with messages: nobody may leave all of them out.
    assert!(matches!(check(&proof), Err(VerifyError::MessageHead)));
}

#[test]
fn messages_cannot_be_left_out() {
    // Without the message processed last, which was sent first.
    let all = poll().transitions.len();
    let running = fold(poll(), 0..=all - 3);
    let tally = poll().transitions[all - 3].after.tally_root;
    let results: Vec<OptionResult> = vec![OptionResult::default(); 5];
    assert!(matches!(
        prove(&running, &results),
        Err(ProveError::Results)
    ));
    let mut results = poll().results.clone();
    results[2] = OptionResult::default();
    assert_eq!(results_root(1, &results).expect("root"), tally);
    let proof = prove(&running, &results).expect("proven");
    assert!(matches!(check(&proof), Err(VerifyError::MessagesLeft)));
}

#[test]
fn each_proof_is_randomized() {
    let again = second();
    check(&again).expect("true");
    let (one, two) = (&again.snark, &honest().snark);
    assert_eq!(one.len(), two.len());
    let equal = one.chunks(32).zip(two.chunks(32)).filter(|(a, b)| a == b);
    // The running instances are hidden in what is proven, but are themselves in the proof.
    assert!(equal.count() < one.len() / 32 / 2);
}

#[test]
fn proving_checks_what_it_is_given() {
    let none = RunningProof::new(parameters(), &poll().header).expect("begun");
    let zeros = vec![OptionResult::default(); 5];
    assert!(matches!(prove(&none, &zeros), Err(ProveError::NoSteps)));
    let mut wrong = poll().results.clone();
    wrong[0].votes += 1;
    assert!(matches!(prove(folded(), &wrong), Err(ProveError::Results)));
    // A sixth result of zero would have the same root in a larger tree of options.
    let mut more = poll().results.clone();
    more.push(OptionResult::default());
    assert!(matches!(prove(folded(), &more), Err(ProveError::Results)));
    let others = setup(2);
    let other_key = VerifierKey::new(&others);
    let refused = FinalProof::prove(&others, folded(), poll().results.clone());
    assert!(matches!(refused, Err(ProveError::OtherParameters)));
    let refused = verify(&other_key, &honest(), &poll().facts);
    assert!(matches!(refused, Err(VerifyError::OtherParameters { .. })));
}

#[test]
fn parameters_shape_and_setup_are_checked() {
    let mut proof = honest();
    proof.parameters.0[0] ^= 1;
    assert!(matches!(
        check(&proof),
        Err(VerifyError::OtherParameters { .. })
    ));
    let mut proof = honest();
    proof.shape.events_per_step = 2;
    assert!(matches!(check(&proof), Err(VerifyError::OtherShape { .. })));
    let mut proof = honest();
    proof.origin = SetupOrigin::PowersOfTau {
        digest: [7; 32],
        power: 15,
    };
    assert!(matches!(check(&proof), Err(VerifyError::OtherSetup { .. })));
}

#[test]
fn the_poll_must_be_that_of_the_facts() {
    let changes: [fn(&mut maci_nova_protocol::poll::Header); 4] = [
        |header| header.poll_id += 1,
        |header| header.vote_options = 4,
        |header| header.mode = maci_nova_protocol::poll::Mode::Linear,
        |header| header.coordinator_key = testing::key(3).public_key().point(),
    ];
    for change in changes {
        let mut facts = poll().facts.clone();
        change(&mut facts.header);
        assert!(matches!(check_against(&facts), Err(VerifyError::OtherPoll)));
        // Stating the other header in the proof does not help.
        let mut proof = honest();
        change(&mut proof.header);
        let refused = verify(&key(), &proof, &facts);
        let expected = matches!(
            refused,
            Err(VerifyError::False(_) | VerifyError::ResultsCount { .. })
        );
        assert!(expected, "{refused:?}");
    }
    let mut facts = poll().facts.clone();
    facts.header.state_tree_depth = 3;
    let mut proof = honest();
    proof.header.state_tree_depth = 3;
    let refused = verify(&key(), &proof, &facts);
    assert!(matches!(refused, Err(VerifyError::PollShape)));
}

#[test]
fn joins_and_messages_must_be_those_of_the_facts() {
    let mut facts = poll().facts.clone();
    facts.join_chain += Fr::ONE;
    assert!(matches!(check_against(&facts), Err(VerifyError::JoinChain)));
    facts = poll().facts.clone();
    facts.next_state_index += 1;
    assert!(matches!(check_against(&facts), Err(VerifyError::JoinCount)));
    facts = poll().facts.clone();
    facts.message_head += Fr::ONE;
    assert!(matches!(
        check_against(&facts),
        Err(VerifyError::MessageHead)
    ));
    facts.message_head = hash_chain::zero();
    assert!(matches!(
        check_against(&facts),
        Err(VerifyError::MessageHead)
    ));
}

#[test]
fn results_are_checked_and_not_trusted() {
    let mut proof = honest();
    proof.results.pop();
    assert!(matches!(
        check(&proof),
        Err(VerifyError::ResultsCount {
            expected: 5,
            found: 4
        })
    ));
    let mut proof = honest();
    proof.results[0].votes += 1;
    assert!(matches!(check(&proof), Err(VerifyError::Results)));
    let mut proof = honest();
    proof.results.swap(2, 4);
    assert!(matches!(check(&proof), Err(VerifyError::Results)));
    let mut proof = honest();
    proof.results[1].spent = u128::MAX;
    proof.results[2].spent = u128::MAX;
    assert!(matches!(check(&proof), Err(VerifyError::Results)));
    // A root that fits the forged results is another state.
    let mut proof = honest();
    proof.results[0].votes += 1;
    proof.state.tally_root = results_root(1, &proof.results).expect("root");
    assert!(matches!(check(&proof), Err(VerifyError::False(_))));
}

#[test]
fn state_and_steps_are_proven() {
    let mut proof = honest();
    proof.state.state_root += Fr::ONE;
    assert!(matches!(check(&proof), Err(VerifyError::False(_))));
    for steps in [1, honest().steps - 1, honest().steps + 1, u64::MAX] {
        let mut proof = honest();
        proof.steps = steps;
        assert!(matches!(check(&proof), Err(VerifyError::False(_))));
    }
    let mut proof = honest();
    proof.steps = 0;
    assert!(matches!(check(&proof), Err(VerifyError::NoSteps)));
    // The context is the header's: the first state element cannot be another poll's.
    let mut proof = honest();
    proof.state.poll += Fr::ONE;
    assert!(matches!(check(&proof), Err(VerifyError::False(_))));
}

/// One in five of many forgeries, each of which takes half a second to refuse; all of them where the
/// environment asks for it, as `.ci/slow` does. Which ones changes from run to run.
fn sample<T>(all: Vec<T>) -> Vec<T> {
    const EVERY: usize = 5;
    if std::env::var_os("MACI_NOVA_EXHAUSTIVE").is_some() {
        return all;
    }
    let first = OsRng.next_u32() as usize % EVERY;
    all.into_iter().skip(first).step_by(EVERY).collect()
}

#[test]
fn every_flipped_byte_of_the_snark_is_noticed() {
    let snark = honest().snark;
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    // Each element of the first instances, then a sample of the rest.
    let head = (0..58).map(|element| 32 * element + (element % 32));
    let rest = (0..80).map(|_| rng.next_u32() as usize % snark.len());
    let positions: Vec<usize> = head.chain(rest).collect();
    for position in sample(positions) {
        let mut proof = honest();
        proof.snark[position] ^= 1 << (rng.next_u32() % 8);
        assert!(
            matches!(check(&proof), Err(VerifyError::False(_))),
            "byte {position}"
        );
    }
}

#[test]
fn snarks_of_other_sizes_or_values_are_false() {
    let length = honest().snark.len();
    let mut longer = honest().snark;
    longer.extend_from_slice(&[0; 32]);
    let shorter = longer[..length - 32].to_vec();
    for snark in [vec![], vec![0; length], vec![0xff; length], longer, shorter] {
        let mut proof = honest();
        proof.snark = snark;
        assert!(matches!(check(&proof), Err(VerifyError::False(_))));
    }
    // Another proof's parts in this one.
    let other = second().snark;
    for cut in [length / 3, length / 2, length - 320] {
        let mut proof = honest();
        let whole = length - cut % 32;
        proof.snark[cut / 32 * 32..whole].copy_from_slice(&other[cut / 32 * 32..whole]);
        assert!(matches!(check(&proof), Err(VerifyError::False(_))));
    }
}

/// Infinity, and points that are equal, where the honest prover's are neither.
#[test]
fn degenerate_points_are_false_and_cause_no_panic() {
    let snark = honest().snark;
    let elements = snark.len() / 32;
    let mut infinity = [0; 32];
    infinity[31] = 0x40;
    let replaced = |element: usize, by: &[u8]| {
        let mut proof = honest();
        proof.snark[element * 32..element * 32 + 32].copy_from_slice(by);
        let text = check(&proof).expect_err("false").to_string();
        assert!(!text.contains("panic"), "element {element}: {text}");
        text
    };
    for element in sample((0..40).chain((40..elements).step_by(3)).collect()) {
        replaced(element, &infinity);
    }
    // The three HyperKZG witnesses, then the inner-product argument, which only the last check of
    // each curve reads.
    let (secondary, ipa, evaluations) = (79, 21, 48);
    let witnesses = elements - secondary - ipa - evaluations - 3;
    let pairing = (witnesses..witnesses + 3).map(|element| (element, "ProofVerifyError"));
    // From its second point on, so that what comes before is a point too, and without its scalar.
    let argument = (elements - ipa + 1..elements - 1).step_by(4);
    for (element, error) in pairing.chain(argument.map(|element| (element, "InvalidPCS"))) {
        let text = replaced(element, &snark[element * 32 - 32..element * 32]);
        assert!(text.contains(error), "element {element}: {text}");
    }
}

/// The circuit relies on the header's ranges, so facts with another header are nothing to verify.
#[test]
fn facts_without_a_valid_header_are_refused() {
    let mut facts = poll().facts.clone();
    facts.header.vote_options = u64::MAX;
    let mut proof = honest();
    proof.header = facts.header.clone();
    let verdict = verify(&key(), &proof, &facts);
    assert!(matches!(verdict, Err(VerifyError::Header(_))));
}

/// Scalars of the running CycleFold instance are hashed as integers below r: an element of Fq that
/// is r or more would be absorbed as another.
#[test]
fn cyclefold_scalars_above_r_are_refused() {
    let mut r: [u8; 32] = (-Fr::ONE).to_repr().into();
    r[0] += 1;
    // Three points, r_1, r_2, x'', beta'', e'' and the commitment come before u; its inputs follow.
    let u = 3 + 2 + 2 + parameters().engine().sizes().t + 1 + 1;
    for element in [u, u + 1, u + 10, u + 20] {
        let mut proof = honest();
        proof.snark[element * 32..element * 32 + 32].copy_from_slice(&r);
        let refused = check(&proof).expect_err("refused").to_string();
        assert!(refused.contains("out of range"), "{refused}");
    }
}

/// The prover does not check what it proves; the verifier refuses each of these.
#[test]
fn a_witness_that_is_false_proves_nothing() {
    use maci_nova_folding::blinding::BlindedCycleFold;

    use crate::strict_r1cs::{self, SecondarySnark};

    let engine = parameters().engine();
    let relation = engine.secondary();
    let blinded = || -> BlindedCycleFold {
        let proof = folded().engine_proof().expect("steps");
        proof.blinded_cyclefold(engine).expect("blinded")
    };
    let BlindedCycleFold {
        instance, witness, ..
    } = blinded();
    let one = halo2curves::bn256::Fq::ONE;
    let verdict = |proven: &maci_nova_folding::relation::Witness<_>, stated: &_, blind| {
        let snark: SecondarySnark = strict_r1cs::prove(relation, &instance, proven).expect("made");
        strict_r1cs::verify(relation, stated, &blind, &snark)
    };
    verdict(&witness, &instance, witness.blind).expect("true");
    let mut error = witness.clone();
    error.e[5] += one;
    let mut variable = witness.clone();
    variable.w[5] += one;
    for proven in [error, variable] {
        assert!(verdict(&proven, &instance, witness.blind).is_err());
    }
    let (mut u, mut x, mut other) = (instance.clone(), instance.clone(), instance.clone());
    u.u += one;
    x.x[3] += one;
    other.commitment = blinded().instance.commitment;
    for stated in [u, x, other] {
        assert!(verdict(&witness, &stated, witness.blind).is_err());
    }
    assert!(verdict(&witness, &instance, witness.blind + one).is_err());
}

/// The last foldings of the small poll, and what a proof shows of them.
fn last_foldings() -> (Blinded, Shown, Vec<Fr>) {
    let engine = parameters().engine();
    let proof = folded().engine_proof().expect("steps");
    let blinded = proof.blinded(engine);
    let shown = Shown::of(&blinded, engine, &proof.statement()).expect("in range");
    let foldings = &blinded.foldings;
    let x1 = engine.hash_of_cyclefold(&foldings.cyclefold).expect("hash");
    let inputs = shown.inputs(&proof.statement(), x1);
    (blinded, shown, inputs)
}

/// Its relation is the same for all step circuits with as many elements of beta.
#[test]
fn the_size_of_the_last_foldings_is_pinned() {
    let relation = hashes::relation(parameters().engine()).expect("made");
    let sizes = (relation.shape().num_cons(), relation.shape().num_io());
    assert_eq!(sizes, (HASHES, 1 + 8 + 8 + 1 + 9 + 2 + 2 + 14 + 1));
}

/// Each public input of the proof of the last foldings counts, and so does each thing that is hidden
/// there: the prover of others does not get past his own circuit.
#[test]
fn the_last_foldings_are_bound() {
    let engine = parameters().engine();
    let relation = &hashes::relation(engine).expect("made");
    let (blinded, _, inputs) = last_foldings();
    let proof = hashes::prove(engine, relation, &inputs, &blinded.foldings).expect("proven");
    proof.verify(engine, relation, &inputs).expect("true");
    for i in 0..inputs.len() {
        let mut other = inputs.clone();
        other[i] += Fr::ONE;
        assert!(proof.verify(engine, relation, &other).is_err(), "input {i}");
        let refused = hashes::prove(engine, relation, &other, &blinded.foldings);
        assert!(refused.is_err(), "input {i}");
    }
    assert!(proof.verify(engine, relation, &inputs[1..]).is_err());
    type Change = fn(&mut Foldings);
    let changes: [Change; 10] = [
        |f| f.salt += Fr::ONE,
        |f| f.running.x[0] += Fr::ONE,
        |f| f.running.beta[5] += Fr::ONE,
        |f| f.running.e += Fr::ONE,
        |f| f.messages.f[0] += Fr::ONE,
        |f| f.messages.f[9] += Fr::ONE,
        |f| f.messages.k[3] += Fr::ONE,
        |f| f.random.x[1] += Fr::ONE,
        |f| f.random.e += Fr::ONE,
        |f| f.random.k[0] += Fr::ONE,
    ];
    for (i, change) in changes.into_iter().enumerate() {
        let mut other = blinded.foldings.clone();
        change(&mut other);
        assert!(
            hashes::prove(engine, relation, &inputs, &other).is_err(),
            "change {i}"
        );
        // Nor by a prover who goes on in spite of it, with the error that his witness has or not: the
        // relation is strict, whatever the random instance may have.
        for fitted in [false, true] {
            let forged = hashes::prove_unchecked(engine, relation, &inputs, &other, fitted);
            assert!(
                forged.verify(engine, relation, &inputs).is_err(),
                "change {i}"
            );
        }
    }
    // By the same prover without a falsehood.
    for fitted in [false, true] {
        let proof = hashes::prove_unchecked(engine, relation, &inputs, &blinded.foldings, fitted);
        proof.verify(engine, relation, &inputs).expect("true");
    }
}

/// The claim is proven of what F commits to, and of nothing else.
#[test]
fn the_claim_is_bound() {
    let engine = parameters().engine();
    let (blinded, shown, inputs) = last_foldings();
    let (w, blind) = (blinded.opening.witness(), blinded.opening.blinding());
    let prove = |shown: &Shown, w: &[Fr], blind: Fr| {
        claim::prove(engine, shown, w, blind, &inputs).expect("made")
    };
    let verdict = |proof: &claim::Proof, shown: &Shown| proof.verify(engine, shown, &inputs);
    let honest = prove(&shown, w, blind);
    verdict(&honest, &shown).expect("true");
    // Another witness, with the opening of what F commits to or not.
    let mut other = w.to_vec();
    other[11] += Fr::ONE;
    assert!(verdict(&prove(&shown, &other, blind), &shown).is_err());
    assert!(verdict(&prove(&shown, w, blind + Fr::ONE), &shown).is_err());
    // Another claim, by the honest prover of this one and by one of it.
    let mut others = vec![shown.clone(); 6];
    others[0].e += Fr::ONE;
    others[1].beta[2] += Fr::ONE;
    others[2].x[0] += Fr::ONE;
    others[3].r1 += Fr::ONE;
    others[4].r2 += Fr::ONE;
    others[5].points.swap(1, 2);
    for (i, other) in others.iter().enumerate() {
        assert!(verdict(&honest, other).is_err(), "claim {i}");
        assert!(
            verdict(&prove(other, w, blind), other).is_err(),
            "claim {i}"
        );
    }
    let mut elsewhere = inputs.clone();
    elsewhere[0] += Fr::ONE;
    assert!(honest.verify(engine, &shown, &elsewhere).is_err());
}

/// The library cuts its work by the number of threads.
#[test]
fn the_number_of_threads_does_not_matter() {
    for threads in [1, 3, 8] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        pool.expect("threads").install(|| {
            let proof = prove(folded(), &poll().results).expect("proven");
            check(&proof).expect("true");
        });
    }
}

#[test]
fn the_size_of_a_proof_is_pinned() {
    assert_eq!(
        (honest().snark.len(), honest().to_bytes().len()),
        (18_016, 18_634)
    );
}

#[test]
fn files_are_read_back_the_same() {
    let directory = tempfile::tempdir().expect("directory");
    let path = directory.path().join("poll.proof");
    honest().write(&path).expect("written");
    let read = FinalProof::read(&path).expect("read");
    assert_eq!(read, honest());
    check(&read).expect("true");
    let mut ceremony = honest();
    ceremony.origin = SetupOrigin::PowersOfTau {
        digest: [9; 32],
        power: 17,
    };
    let read = FinalProof::from_bytes(&ceremony.to_bytes()).expect("read");
    assert_eq!(read, ceremony);
    let missing = FinalProof::read(&directory.path().join("none"));
    assert!(matches!(missing, Err(ProofFileError::Io(_))));
}

#[test]
fn altered_files_are_refused() {
    let bytes = honest().to_bytes();
    for position in 0..bytes.len() {
        let mut altered = bytes.clone();
        altered[position] ^= 1 << (position % 8);
        let error = FinalProof::from_bytes(&altered).expect_err("refused");
        match position {
            0..=7 => assert!(matches!(error, ProofFileError::NotProof)),
            8..=11 => assert!(matches!(error, ProofFileError::Version(_))),
            _ => {}
        }
    }
    for length in 0..bytes.len() {
        let error = FinalProof::from_bytes(&bytes[..length]).expect_err("refused");
        match length {
            0..=7 => assert!(matches!(error, ProofFileError::NotProof)),
            _ => assert!(matches!(error, ProofFileError::Truncated)),
        }
    }
    let longer = [&bytes[..], &[0]].concat();
    assert!(matches!(
        FinalProof::from_bytes(&longer),
        Err(ProofFileError::Malformed(_))
    ));
}

/// With the file's hash made right again, what is not malformed must be false.
#[test]
fn forged_files_are_malformed_or_false() {
    let bytes = honest().to_bytes();
    let end = bytes.len() - 32;
    let before_snark = end - honest().snark.len();
    let mut rng = ChaCha20Rng::seed_from_u64(2);
    let rest = (0..30).map(|_| before_snark + rng.next_u32() as usize % (end - before_snark));
    let rest: Vec<usize> = rest.collect();
    for position in sample((8..before_snark).chain(rest).collect()) {
        let mut forged = bytes.clone();
        forged[position] ^= 1 << (position % 8);
        let hash = Sha256::digest(&forged[..end]);
        forged[end..].copy_from_slice(&hash);
        if let Ok(proof) = FinalProof::from_bytes(&forged) {
            assert_eq!(proof.to_bytes(), forged, "byte {position} has no meaning");
            assert!(check(&proof).is_err(), "byte {position}");
        }
    }
}

#[test]
fn hostile_counts_take_no_memory() {
    let bytes = honest().to_bytes();
    let snark_length = bytes.len() - 32 - honest().snark.len() - 4;
    let results_count = snark_length - 5 * 32 - 8;
    for count in [u64::MAX, 1 << 59, 1 << 40, 1000] {
        let mut forged = bytes.clone();
        forged[results_count..results_count + 8].copy_from_slice(&count.to_le_bytes());
        assert!(FinalProof::from_bytes(&forged).is_err());
    }
    let mut forged = bytes.clone();
    forged[snark_length..snark_length + 4].fill(0xff);
    assert!(matches!(
        FinalProof::from_bytes(&forged),
        Err(ProofFileError::Truncated)
    ));
}
