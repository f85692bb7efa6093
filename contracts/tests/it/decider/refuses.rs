//! What the verifier refuses, and the reason that it gives.

use ff::Field;
use halo2curves::bn256::Fr;
use maci_nova_chain::ChainError;
use maci_nova_contracts::alloy_primitives::U256;
use maci_nova_contracts::decider::{verify, OptionResult, Refusal, VerifyError, PROOF_WORDS};
use maci_nova_contracts::evm::SENDER;

use crate::decider::keys::{on_twist_outside_subgroup, random_fq2};
use maci_nova_contracts::testing::decider::{
    base_modulus, g1, group_order, rng, signed_word, statement, Case, Choices, Setting, MAX_OPTIONS,
};

/// Words of a proof that are scalars.
const SCALARS: [usize; 4] = [6, 7, 18, 19];
/// Words where points start: seven of two words, then the one of four.
const G1_POINTS: [usize; 7] = [0, 2, 4, 8, 10, 16, 20];
const G2_POINT: usize = 12;

fn modulus(word: usize) -> U256 {
    if SCALARS.contains(&word) {
        group_order()
    } else {
        base_modulus()
    }
}

fn refusal(setting: &mut Setting, case: &Case) -> Refusal {
    let error = setting.call(case.calldata()).expect_err("it must not pass");
    match VerifyError::from(error) {
        VerifyError::Refused(refusal) => refusal,
        VerifyError::Chain(error) => panic!("no reason given: {error}"),
    }
}

fn new_case(seed: u64, options: usize) -> (Setting, Case) {
    let mut rng = rng(seed);
    let setting = Setting::new(&mut rng);
    let case = setting.case(options, &mut rng);
    (setting, case)
}

#[test]
fn every_other_word_of_the_proof() {
    let (mut setting, case) = new_case(20, 5);
    for word in 0..PROOF_WORDS {
        for change in [U256::ONE, U256::from(1) << 200, modulus(word) - U256::ONE] {
            let mut changed = case.clone();
            changed.proof[word] = case.proof[word].add_mod(change, modulus(word));
            let expected = if SCALARS.contains(&word) {
                Refusal::ProofRejected
            } else {
                Refusal::InvalidPoint
            };
            assert_eq!(refusal(&mut setting, &changed), expected, "word {word}");
        }
    }
}

/// Other points of the right group, so that only the equations are in the way.
#[test]
fn every_other_point() {
    let (mut setting, case) = new_case(21, 5);
    for start in G1_POINTS {
        let mut changed = case.clone();
        let other = g1(Fr::random(rng(start as u64)));
        changed.proof[start..start + 2].copy_from_slice(&maci_nova_contracts::words::g1(&other));
        assert_eq!(refusal(&mut setting, &changed), Refusal::ProofRejected);
        let mut negated = case.clone();
        negated.proof[start + 1] = base_modulus() - case.proof[start + 1];
        assert_eq!(refusal(&mut setting, &negated), Refusal::ProofRejected);
    }
    let mut negated = case.clone();
    for word in G2_POINT + 2..G2_POINT + 4 {
        negated.proof[word] = base_modulus() - case.proof[word];
    }
    assert_eq!(refusal(&mut setting, &negated), Refusal::ProofRejected);
}

#[test]
fn another_statement() {
    let (mut setting, case) = new_case(22, 5);
    let mut others = Vec::new();
    for bit in [0, 100, 255] {
        let mut other = case.clone();
        other.domain ^= U256::ONE << bit;
        others.push(other);
    }
    for i in 0..16 {
        let mut other = case.clone();
        other.states[i] = case.states[i].add_mod(U256::ONE, group_order());
        others.push(other);
    }
    for i in 0..case.results.len() {
        let mut other = case.clone();
        other.results[i] ^= U256::ONE;
        others.push(other);
    }
    for other in others {
        assert_eq!(refusal(&mut setting, &other), Refusal::ProofRejected);
    }
}

#[test]
fn results_in_another_order_or_number() {
    let (mut setting, case) = new_case(23, 5);
    let mut swapped = case.clone();
    swapped.results.swap(0, 2);
    let mut shorter = case.clone();
    shorter.results.truncate(8);
    let mut longer = case.clone();
    longer.results.extend([U256::ZERO; 2]);
    let mut none = case.clone();
    none.results.clear();
    for other in [swapped, shorter, longer, none] {
        assert_eq!(refusal(&mut setting, &other), Refusal::ProofRejected);
    }
}

/// The same values in other words: every multiple of the modulus that still fits.
#[test]
fn words_that_are_not_canonical() {
    let (mut setting, case) = new_case(24, 2);
    for word in 0..PROOF_WORDS {
        let mut changed = case.clone();
        while let Some(value) = changed.proof[word].checked_add(modulus(word)) {
            changed.proof[word] = value;
            let expected = Refusal::NonCanonicalProof(U256::from(word));
            assert_eq!(refusal(&mut setting, &changed), expected);
        }
    }
    for i in 0..16 {
        let mut changed = case.clone();
        while let Some(value) = changed.states[i].checked_add(group_order()) {
            changed.states[i] = value;
            let expected = Refusal::NonCanonicalState(U256::from(i));
            assert_eq!(refusal(&mut setting, &changed), expected);
        }
    }
}

#[test]
fn moduli_themselves_and_the_largest_words() {
    let (mut setting, case) = new_case(25, 2);
    for word in 0..PROOF_WORDS {
        for value in [modulus(word), U256::MAX] {
            let mut changed = case.clone();
            changed.proof[word] = value;
            let expected = Refusal::NonCanonicalProof(U256::from(word));
            assert_eq!(refusal(&mut setting, &changed), expected);
        }
    }
    for i in 0..16 {
        for value in [group_order(), U256::MAX] {
            let mut changed = case.clone();
            changed.states[i] = value;
            let expected = Refusal::NonCanonicalState(U256::from(i));
            assert_eq!(refusal(&mut setting, &changed), expected);
        }
    }
}

/// Infinity has one encoding: neither coordinate may be q in place of 0.
#[test]
fn infinity_in_other_words() {
    let mut rng = rng(26);
    let mut setting = Setting::new(&mut rng);
    let statement = statement(2, &mut rng);
    let mut choices = Choices::random(&mut rng);
    choices.a = Fr::ZERO;
    let proof = setting.trapdoors.prove(&statement, &choices);
    let case = Case::new(&statement, &proof);
    assert!(setting.call(case.calldata()).is_ok());
    for word in [10, 11] {
        let mut changed = case.clone();
        changed.proof[word] = base_modulus();
        let expected = Refusal::NonCanonicalProof(U256::from(word));
        assert_eq!(refusal(&mut setting, &changed), expected);
    }
}

#[test]
fn results_that_are_too_large() {
    let (mut setting, case) = new_case(27, 2);
    let one = U256::ONE;
    // Votes of 128 bits without a sign, or with a sign in some of the bits above; the field's way
    // to write -1.
    let bit = |bit: usize| U256::ONE << bit;
    let votes = [
        bit(127),
        bit(128) - one,
        bit(128),
        bit(255),
        !bit(127),
        !bit(128),
        !bit(200),
        !bit(254),
        group_order() - one,
    ];
    let spent = [bit(128), bit(255), U256::MAX, group_order() - one];
    for i in 0..case.results.len() {
        let values = if i % 2 == 0 { &votes[..] } else { &spent };
        for value in values {
            let mut changed = case.clone();
            changed.results[i] = *value;
            assert_eq!(refusal(&mut setting, &changed), Refusal::ResultOutOfRange);
        }
    }
}

/// A sum of -v is another one than v, and than the 2^128 - v that its low bits alone would be.
#[test]
fn votes_with_another_sign() {
    let mut rng = rng(41);
    let mut setting = Setting::new(&mut rng);
    let mut statement = statement(2, &mut rng);
    for votes in [-1, 1, -7, i128::MAX, -i128::MAX] {
        statement.results[1].votes = votes;
        let choices = Choices::random(&mut rng);
        let proof = setting.trapdoors.prove(&statement, &choices);
        let mut case = Case::new(&statement, &proof);
        assert!(setting.call(case.calldata()).is_ok());
        case.results[2] = signed_word(-votes);
        assert_eq!(refusal(&mut setting, &case), Refusal::ProofRejected);
    }
}

/// Left out are those with neither votes nor spent credits: votes for and against may add up to 0.
#[test]
fn an_option_whose_votes_cancel_is_not_left_out() {
    let mut rng = rng(42);
    let mut setting = Setting::new(&mut rng);
    let mut statement = statement(2, &mut rng);
    statement.results[1] = OptionResult { votes: 0, spent: 8 };
    let choices = Choices::random(&mut rng);
    let proof = setting.trapdoors.prove(&statement, &choices);
    let mut case = Case::new(&statement, &proof);
    assert!(setting.call(case.calldata()).is_ok());
    case.results.truncate(2);
    assert_eq!(refusal(&mut setting, &case), Refusal::ProofRejected);
}

#[test]
fn more_results_than_options() {
    let mut rng = rng(28);
    let mut setting = Setting::new(&mut rng);
    let statement = statement(MAX_OPTIONS + 1, &mut rng);
    let proof = setting
        .trapdoors
        .prove(&statement, &Choices::random(&mut rng));
    let error = verify(
        &mut setting.evm,
        SENDER,
        setting.contract,
        &statement,
        &proof,
    )
    .unwrap_err();
    let expected = Refusal::TooManyOptions {
        given: U256::from(MAX_OPTIONS + 1),
        max: U256::from(MAX_OPTIONS),
    };
    assert_eq!(error, VerifyError::Refused(expected));
}

#[test]
fn infinity_in_the_place_of_a_point() {
    let (mut setting, case) = new_case(29, 5);
    for start in G1_POINTS {
        let mut changed = case.clone();
        changed.proof[start..start + 2].fill(U256::ZERO);
        assert_eq!(refusal(&mut setting, &changed), Refusal::ProofRejected);
    }
    let mut changed = case.clone();
    changed.proof[G2_POINT..G2_POINT + 4].fill(U256::ZERO);
    assert_eq!(refusal(&mut setting, &changed), Refusal::ProofRejected);
}

#[test]
fn all_zeros() {
    let mut rng = rng(30);
    let mut setting = Setting::new(&mut rng);
    let zeros = Case {
        domain: U256::ZERO,
        states: [U256::ZERO; 16],
        results: vec![U256::ZERO; 10],
        proof: [U256::ZERO; PROOF_WORDS],
    };
    assert_eq!(refusal(&mut setting, &zeros), Refusal::ProofRejected);
}

/// Off the curve, also where the scalar that multiplies the point is zero.
#[test]
fn points_off_the_curve() {
    let mut rng = rng(31);
    let mut setting = Setting::new(&mut rng);
    let statement = statement(2, &mut rng);
    for scalars in [Fr::random(&mut rng), Fr::ZERO] {
        let mut choices = Choices::random(&mut rng);
        choices.r1 = scalars;
        choices.r2 = scalars;
        let proof = setting.trapdoors.prove(&statement, &choices);
        let case = Case::new(&statement, &proof);
        assert!(setting.call(case.calldata()).is_ok());
        for start in G1_POINTS {
            for point in [[1, 1], [0, 1], [1, 0]] {
                let mut changed = case.clone();
                changed.proof[start..start + 2].copy_from_slice(&point.map(U256::from));
                assert_eq!(refusal(&mut setting, &changed), Refusal::InvalidPoint);
            }
        }
    }
}

#[test]
fn points_of_g2_off_the_curve_or_outside_the_subgroup() {
    let (mut setting, case) = new_case(32, 2);
    let mut rng = rng(33);
    let outside = on_twist_outside_subgroup(&mut rng);
    let off = [random_fq2(&mut rng), random_fq2(&mut rng)];
    for [x, y] in [outside, off] {
        let mut changed = case.clone();
        let words = [x.c1(), x.c0(), y.c1(), y.c0()];
        changed.proof[G2_POINT..G2_POINT + 4]
            .copy_from_slice(&words.map(maci_nova_contracts::words::coordinate));
        assert_eq!(refusal(&mut setting, &changed), Refusal::InvalidPoint);
    }
}

/// Errors in both equations that cancel if one is added to the other as it is.
#[test]
fn errors_that_cancel_without_the_batching_challenge() {
    let mut rng = rng(34);
    let mut setting = Setting::new(&mut rng);
    let statement = statement(2, &mut rng);
    let choices = Choices::random(&mut rng);
    let proof = setting.trapdoors.prove(&statement, &choices);
    let shift = Fr::random(&mut rng);
    // b + s takes s h from K, and C gets it back.
    let returned = shift * setting.trapdoors.h * setting.trapdoors.delta.invert().unwrap();
    for sign in [Fr::ONE, -Fr::ONE] {
        let mut forged = proof.clone();
        forged.blinding += shift;
        forged.c = (halo2curves::bn256::G1::from(proof.c) + g1(sign * returned)).into();
        let error = verify(
            &mut setting.evm,
            SENDER,
            setting.contract,
            &statement,
            &forged,
        );
        assert_eq!(
            error.unwrap_err(),
            VerifyError::Refused(Refusal::ProofRejected)
        );
    }
}

#[test]
fn a_proof_for_another_key() {
    let (_, case) = new_case(35, 2);
    let (mut other, _) = new_case(36, 2);
    assert_eq!(refusal(&mut other, &case), Refusal::ProofRejected);
}

#[test]
fn calldata_that_is_cut_off() {
    let (mut setting, case) = new_case(37, 5);
    let calldata = case.calldata();
    for length in (4..calldata.len()).step_by(31).chain([0, 1, 3]) {
        let error = setting.call(calldata[..length].to_vec()).unwrap_err();
        assert!(
            matches!(error, ChainError::Reverted { .. }),
            "{length} bytes"
        );
    }
}

#[test]
fn calldata_with_more_behind_it() {
    let (mut setting, case) = new_case(38, 5);
    for extra in [1, 31, 32, 64, 1000] {
        let mut calldata = case.calldata();
        calldata.resize(calldata.len() + extra, 0);
        assert_malformed(&mut setting, calldata);
    }
}

/// The ABI lets `results` start anywhere; the verifier wants it in one place.
#[test]
fn results_at_another_offset() {
    let (mut setting, case) = new_case(39, 5);
    let mut calldata = case.calldata();
    let offset_word = 4 + 32 * 17;
    let head = 4 + 32 * (18 + PROOF_WORDS);
    calldata.splice(head..head, [0; 32]);
    let offset = U256::from(head - 4 + 32);
    calldata[offset_word..offset_word + 32].copy_from_slice(&offset.to_be_bytes::<32>());
    assert_malformed(&mut setting, calldata);
    // Overlapping the proof, whose words are then the results.
    let mut calldata = case.calldata();
    let offset = U256::from(32 * 17);
    calldata[offset_word..offset_word + 32].copy_from_slice(&offset.to_be_bytes::<32>());
    let error = setting.call(calldata).unwrap_err();
    assert!(matches!(error, ChainError::Reverted { .. }));
}

fn assert_malformed(setting: &mut Setting, calldata: Vec<u8>) {
    let error = VerifyError::from(setting.call(calldata).unwrap_err());
    assert_eq!(error, VerifyError::Refused(Refusal::MalformedCalldata));
}

#[test]
fn an_unknown_function() {
    let (mut setting, case) = new_case(40, 1);
    let mut calldata = case.calldata();
    calldata[0] ^= 1;
    let error = setting.call(calldata).unwrap_err();
    assert!(matches!(error, ChainError::Reverted { .. }));
}
