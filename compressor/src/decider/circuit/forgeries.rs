//! Proofs by provers who leave the honest path, each refused by the Rust verifier and by the
//! contract (`docs/soundness.md`). Where one part of the design is what refuses, the same forgery
//! is shown to pass without it.
//!
//! Making the keys takes most of a minute, and each proof some ten seconds.

use std::sync::OnceLock;

use ark_bn254::{Fr as ArkFr, G1Affine as ArkG1};
use ark_ec::{AffineRepr, CurveGroup};
use maci_nova_contracts::decider::Refusal;
use maci_nova_folding::{
    accumulator::Accumulator,
    blinding::RandomClaim,
    claims::{moved as moved_beta, perturbation, quotient, row_errors, sum, weights},
    RunningProof,
};
use maci_nova_groth16::{
    self as groth16,
    adapter::Assignment,
    convert::{ToArk, ToHalo},
    testing::prove_unchecked,
    ProvingKey, Trapdoors, VerifyError,
};
use maci_nova_protocol::tally::results_root;
use maci_nova_step_circuit::testing::swapped_poll;
use nova_snark::{
    frontend::ConstraintSystem as _,
    traits::{commitment::CommitmentEngineTrait, Engine as CurveEngine},
};
use rand_core::OsRng;

use super::{
    tests::{decider, violation, witness, witness_of},
    *,
};
use crate::{
    decider::{
        verifier::{equations, holds, verify, Challenges},
        DeciderError, DeciderKey, DeciderProof, DeciderStatement as Stated, Fold, Salt,
    },
    testing::Contract,
    tests::{fold, folded, parameters, poll},
};

const DOMAIN: [u8; 32] = [7; 32];
/// c, e_v, e.
const PUBLICS: usize = 3;

struct Setting {
    matrices: Matrices,
    key: ProvingKey,
    /// The same without a trapdoor of the committed part's own.
    shared: ProvingKey,
    contract: Contract,
}

fn setting() -> &'static Setting {
    static SETTING: OnceLock<Setting> = OnceLock::new();
    SETTING.get_or_init(|| {
        let matrices = decider().matrices().expect("made");
        let trapdoors = Trapdoors::insecure_development();
        let rho = trapdoors.rho();
        let key = groth16::setup(&matrices, PUBLICS, trapdoors).expect("keys");
        Setting {
            matrices,
            shared: key.without_own_trapdoor(&rho),
            contract: Contract::deploy(&verifying(&key), decider().options()),
            key,
        }
    })
}

fn verifying(key: &ProvingKey) -> DeciderKey {
    let kzg = decider().engine().primary().key();
    DeciderKey {
        groth16: key.verifying_key().clone(),
        tau_2: kzg.tau_H().to_ark(),
        h: kzg.h().to_ark(),
    }
}

/// Rust and the contract refuse it, for no other reason than that the equation does not hold.
fn refused(statement: &Stated, proof: &DeciderProof) {
    let key = verifying(&setting().key);
    assert_eq!(verify(&key, statement, proof), Err(DeciderError::False));
    let refusal = setting().contract.verify(statement, proof);
    assert_eq!(refusal, Err(Refusal::ProofRejected));
}

fn accepted(statement: &Stated, proof: &DeciderProof) {
    let key = verifying(&setting().key);
    assert_eq!(verify(&key, statement, proof), Ok(()));
    setting().contract.verify(statement, proof).expect("true");
}

type Ce = <Primary as CurveEngine>::CE;

fn commit(vector: &[Fr], blind: Fr) -> Commitment<Primary> {
    Ce::commit(decider().engine().primary().key(), vector, &blind)
}

fn point(commitment: &Commitment<Primary>) -> ArkG1 {
    let (x, y) = coordinates::<Primary>(commitment);
    ArkG1::new_unchecked(x.to_ark(), y.to_ark())
}

fn moved(point: ArkG1, by: impl Into<<ArkG1 as AffineRepr>::Group>) -> ArkG1 {
    (point.into_group() + by.into()).into_affine()
}

fn random_vector(length: usize) -> Vec<Fr> {
    (0..length).map(|_| Fr::random(OsRng)).collect()
}

/// All that a prover is free to choose.
struct Attempt {
    /// What the circuit is filled with, satisfied or not.
    witness: Witness,
    /// What the verifier is told.
    statement: Stated,
    fold: Fold,
    /// What F is a commitment to, and its blinding.
    vector: Secret<Fr>,
    blind: Fr,
}

impl Attempt {
    /// Tells the verifier what the circuit is filled with.
    fn new(witness: Witness) -> Self {
        let [uc, dn, dr] = witness.commitments().map(|commitment| point(&commitment));
        let (r1, r2) = decider().challenges(&witness).expect("in range");
        Attempt {
            statement: Stated {
                domain: DOMAIN,
                z0: witness.ends[0].words(&witness.z0),
                z: witness.ends[1].words(&witness.z),
                results: witness.results.clone(),
            },
            fold: Fold {
                uc,
                dn,
                dr,
                r1: r1.to_ark(),
                r2: r2.to_ark(),
            },
            vector: witness.vector().to_vec().into(),
            blind: witness.blind,
            witness,
        }
    }

    fn v(&self) -> Vec<ArkFr> {
        self.statement.v(&self.fold)
    }

    /// The commitment to what the circuit is filled with.
    fn d(&self, key: &ProvingKey) -> ArkG1 {
        let values = decider().committed(&self.witness).expect("in range");
        let values: Vec<ArkFr> = values.iter().map(ToArk::to_ark).collect();
        key.commit(&values).expect("committed")
    }

    fn challenge(&self, d: &ArkG1) -> ArkFr {
        self.statement.challenge(d, &self.v())
    }

    /// The values of the circuit's variables for a challenge.
    fn assignment(&self, c: ArkFr) -> Assignment {
        let filled = Assignment::record(|cs| {
            decider()
                .fill(&mut Gadget::new(cs), &self.witness, c.to_halo())
                .map_err(|_| SynthesisError::Unsatisfiable(String::new()))
        });
        filled.expect("filled")
    }

    /// Groth16's proof of the circuit as it is filled, with its public inputs, and the opening of
    /// F.
    fn prove(&self, d: ArkG1, c: ArkFr) -> (DeciderProof, [ArkFr; PUBLICS]) {
        let assignment = self.assignment(c);
        let Setting { matrices, key, .. } = setting();
        let groth16 = prove_unchecked(key, matrices, &assignment).expect("made");
        let (e, quotient) = divided(&self.vector, c.to_halo());
        let proof = DeciderProof {
            fold: self.fold,
            d,
            groth16,
            e: e.to_ark(),
            blind: self.blind.to_ark(),
            opening: point(&commit(&quotient, Fr::ZERO)),
        };
        let publics = &assignment.instance()[1..=PUBLICS];
        (proof, publics.try_into().expect("three"))
    }

    /// As the protocol wants it: D, the challenge, the proof.
    fn send(&self) -> (DeciderProof, [ArkFr; PUBLICS]) {
        let d = self.d(&setting().key);
        self.prove(d, self.challenge(&d))
    }

    /// Another W'' for which the claim holds, and which has this value at c: both equations are
    /// solved for two variables that stand in no row together, and in each linearly.
    fn choose_witness(&mut self, c: Fr, target: Fr) {
        let Accumulator { x, beta, e, .. } = folded_instance(&self.witness);
        let rows = decider().engine().primary().rows();
        let mut w = random_vector(self.witness.w.len());
        let powers: Vec<Fr> = core::iter::successors(Some(Fr::ONE), |power| Some(*power * c))
            .take(w.len())
            .collect();
        let mut claimed = |one: (usize, Fr), two: (usize, Fr)| {
            (w[one.0], w[two.0]) = (one.1, two.1);
            let sum = sum(&rows.values(&w, &x), &beta) - e;
            (sum, evaluate(&w, c) - target)
        };
        let (zero, unit, five) = (Fr::ZERO, Fr::ONE, Fr::from(5));
        for (i, j) in (0..rows.variables() - 1).map(|i| (i, i + 1)) {
            let at = (claimed)((i, zero), (j, zero));
            let (di, dj) = (
                claimed((i, unit), (j, zero)).0 - at.0,
                claimed((i, zero), (j, unit)).0 - at.0,
            );
            let linear = claimed((i, five), (j, -five)).0 == at.0 + five * (di - dj);
            let determinant = di * powers[j] - dj * powers[i];
            if let (true, Some(inverse)) = (linear, Option::<Fr>::from(determinant.invert())) {
                let wi = -(at.0 * powers[j] - at.1 * dj) * inverse;
                let wj = -(di * at.1 - powers[i] * at.0) * inverse;
                let solved = claimed((i, wi), (j, wj));
                assert_eq!(solved, (Fr::ZERO, Fr::ZERO));
                self.witness.w = w.into();
                return;
            }
        }
        panic!("no two variables are linear");
    }
}

/// The blinded instance that a witness's foldings lead to.
fn folded_instance(witness: &Witness) -> Accumulator {
    let folded = witness
        .foldings
        .fold(decider().engine(), &witness.statement());
    folded.expect("in range")
}

/// The value of a polynomial, and what is left when it is divided by X - c.
fn divided(polynomial: &[Fr], c: Fr) -> (Fr, Vec<Fr>) {
    let mut quotient = vec![Fr::ZERO; polynomial.len()];
    let mut sum = Fr::ZERO;
    for (quotient, coefficient) in quotient.iter_mut().zip(polynomial).rev() {
        *quotient = sum;
        sum = sum * c + coefficient;
    }
    (sum, quotient)
}

/// A proof of the small poll by a prover who stays on the path.
fn honest() -> &'static (Attempt, DeciderProof, [ArkFr; PUBLICS]) {
    static HONEST: OnceLock<(Attempt, DeciderProof, [ArkFr; PUBLICS])> = OnceLock::new();
    HONEST.get_or_init(|| {
        let attempt = Attempt::new(witness());
        let (proof, publics) = attempt.send();
        (attempt, proof, publics)
    })
}

/// A prover of the small poll's steps in a range, whose ends are shown so.
fn segment(events: core::ops::Range<usize>, ends: [End; 2]) -> Attempt {
    let poll = poll();
    let mut steps = poll.steps().skip(events.start).take(events.len());
    let mut step = || steps.next().map(|step| step.expect("prepared"));
    let first = step().expect("a step");
    let begun = RunningProof::begin_at(parameters(), &poll.header, *first.before());
    let mut running = begun.expect("begun");
    running.fold(parameters(), first).expect("folded");
    while let Some(next) = step() {
        running.fold(parameters(), next).expect("folded");
    }
    let hidden = matches!(ends[1], End::Link(_));
    let results: &[OptionResult] = if hidden { &[] } else { &poll.results };
    let proof = running.engine_proof().expect("steps");
    let witness = decider().witness(proof, ends, results).expect("witness");
    let mut attempt = Attempt::new(witness);
    attempt.statement.results.truncate(results.len());
    assert_eq!(violation_at(&attempt.witness, ArkFr::from(5)), None);
    attempt
}

/// A count in three segments, and what their proofs are not: proofs of each other's part, of the
/// whole, of another poll's, of states, of other links.
#[test]
fn a_count_in_segments() {
    let count = poll().transitions.len();
    let [one, two] = [count / 3, 2 * count / 3];
    let salts = [Salt::random(), Salt::random()];
    let [a, b] = &salts.map(End::Link);
    let segments = [
        segment(0..one, [End::State, a.clone()]),
        segment(one..two, [a.clone(), b.clone()]),
        segment(two..count, [b.clone(), End::State]),
    ];
    let segments = segments.map(|attempt| {
        let (proof, _) = attempt.send();
        (attempt, proof)
    });
    for (attempt, proof) in &segments {
        accepted(&attempt.statement, proof);
    }
    // They meet, and begin and end as the whole does.
    let [first, middle, last] = segments.each_ref().map(|(attempt, _)| &attempt.statement);
    let whole = &honest().0.statement;
    assert_eq!((first.z, middle.z), (middle.z0, last.z0));
    assert_eq!((first.z0, last.z), (whole.z0, whole.z));
    assert_eq!(last.results, whole.results);
    for (i, (attempt, proof)) in segments.iter().enumerate() {
        for (k, (other, _)) in segments.iter().enumerate() {
            if i != k {
                refused(&other.statement, proof);
            }
        }
        refused(whole, proof);
        let changes: [&dyn Fn(&mut Stated); 6] = [
            &|stated| stated.domain[0] ^= 1,
            &|stated| stated.z0 = attempt.witness.z0,
            &|stated| stated.z = attempt.witness.z,
            &|stated| stated.z0[0] += Fr::ONE,
            &|stated| stated.z[0] += Fr::ONE,
            &|stated| stated.results = vec![OptionResult { votes: 1, spent: 1 }],
        ];
        for change in changes {
            let mut stated = attempt.statement.clone();
            change(&mut stated);
            if stated != attempt.statement {
                refused(&stated, proof);
            }
        }
    }
}

/// The second segment is folded from a state that the first one did not end in, whose tally suits the
/// forger, and shown under the first one's link.
#[test]
fn a_segment_that_begins_in_another_state_under_a_link() {
    let salt = Salt::random();
    let count = poll().transitions.len();
    let mut attempt = segment(count / 2 + 1..count, [End::Link(salt.clone()), End::State]);
    let there = poll().transitions[count / 2].before.to_array();
    assert_ne!(there, attempt.witness.z0);
    let link = End::Link(salt).words(&there);
    // Filled with that state, the hashes are not those of the folding.
    let own = attempt.witness.z0;
    attempt.witness.z0 = there;
    assert!(violation_at(&attempt.witness, ArkFr::from(5)).is_some());
    // With the own one and whatever salt, the link is another.
    attempt.witness.z0 = own;
    attempt.witness.ends[0] = End::Link(Salt::random());
    attempt.statement.z0 = link;
    let (proof, _) = attempt.send();
    refused(&attempt.statement, &proof);
}

#[test]
fn an_attempt_without_a_forgery_is_accepted() {
    let (attempt, proof, publics) = honest();
    accepted(&attempt.statement, proof);
    let vk = setting().key.verifying_key();
    assert_eq!(
        groth16::verify(vk, publics, &proof.d, &proof.groth16),
        Ok(())
    );
}

/// A poll of which nothing was ever proven: all commitments are zero, and the results are what the
/// forger likes. The claim is one equation about W'', so only the value at the challenge ties it to
/// what is committed.
fn from_nothing() -> Attempt {
    let mut witness = decider().blank();
    witness.z0 = honest().0.witness.z0;
    witness.z = honest().0.witness.z;
    witness.results[3].votes = 1_000_000;
    witness.z[TALLY_ROOT] = results_root(1, &witness.results).expect("five options");
    Attempt::new(witness)
}

/// The trap that the design is made against: a challenge that is known before D is, here a hash of
/// `v` alone. Then W'' is chosen after it, so as to have the value that the committed vector has.
#[test]
fn a_witness_chosen_after_the_challenge() {
    let (key, vk) = (&setting().key, verifying(&setting().key));
    let mut attempt = from_nothing();
    let v = attempt.v();
    let early = attempt.statement.challenge(&ArkG1::zero(), &v);
    attempt.choose_witness(early.to_halo(), Fr::ZERO);
    assert_eq!(violation_at(&attempt.witness, early), None);
    let d = attempt.d(key);
    let (proof, _) = attempt.prove(d, early);
    let challenges = Challenges::of(early, &v, &proof);
    let passes = holds(&vk, &challenges, &proof);
    assert_eq!(passes, Ok(true), "the attack works on an early challenge");
    refused(&attempt.statement, &proof);

    // With the challenge for this D: another W'' has the value there, but is not D's.
    let c = attempt.challenge(&d);
    assert_eq!(violation_at(&attempt.witness, c), None, "e is W'''s own");
    assert_ne!(evaluate(attempt.witness.vector(), c.to_halo()), Fr::ZERO);
    attempt.choose_witness(c.to_halo(), Fr::ZERO);
    let (mut proof, publics) = attempt.prove(d, c);
    let own = attempt.d(key);
    let verified = |d: &ArkG1| groth16::verify(&vk.groth16, &publics, d, &proof.groth16);
    assert_eq!(verified(&own), Ok(()));
    assert_eq!(verified(&d), Err(VerifyError::False));
    refused(&attempt.statement, &proof);
    proof.d = own;
    refused(&attempt.statement, &proof);
}

/// The first constraint that a witness violates when the challenge is c.
fn violation_at(witness: &Witness, c: ArkFr) -> Option<&'static str> {
    let mut cs = nova_snark::frontend::util_cs::witness_cs::WitnessCS::<Fr>::new();
    let mut g = Gadget::new(&mut cs);
    let filled = decider().fill(&mut g, witness, c.to_halo());
    filled.expect("filled");
    g.violated()
}

/// The claim is another poll's: `z_0` differs from the truth in one element, so e_v does by 1
/// whatever c is, and `D - IC_2` carries it: `IC(c, e_v + 1, e) + (D - IC_2) = IC(c, e_v, e) + D`.
#[test]
fn d_shifted_along_the_base_of_e_v() {
    let Setting { key, shared, .. } = setting();
    let mut attempt = Attempt::new(witness());
    attempt.statement.z0[0] += Fr::ONE;
    let shifted = |key: &ProvingKey| moved(attempt.d(key), -key.verifying_key().ic[2].into_group());
    let d = shifted(shared);
    let c = attempt.challenge(&d);
    let (mut proof, _) = attempt.prove(d, c);
    let passes = equations(&verifying(shared), &attempt.statement, &proof);
    assert_eq!(passes, Ok(()), "the attack works on a shared trapdoor");
    let refused_key = verify(&verifying(shared), &attempt.statement, &proof);
    assert_eq!(refused_key, Err(DeciderError::Key));
    // The same proof and the same challenge under the key as it is.
    proof.d = shifted(key);
    let challenges = Challenges::of(c, &attempt.v(), &proof);
    assert_eq!(holds(&verifying(key), &challenges, &proof), Ok(false));
    refused(&attempt.statement, &proof);
}

/// D moved along the base of each public input, for a claim of a public input that differs by as
/// much: what a shared trapdoor lets pass.
#[test]
fn d_shifted_along_the_base_of_each_public_input() {
    let Setting { key, shared, .. } = setting();
    let (attempt, proof, publics) = honest();
    for k in 0..PUBLICS {
        for t in [1, 12345].map(ArkFr::from) {
            let mut claimed = *publics;
            claimed[k] += t;
            let check = |key: &ProvingKey| {
                let base = key.verifying_key().ic[k + 1];
                let d = moved(attempt.d(key), base * -t);
                let verified = groth16::verify(key.verifying_key(), &claimed, &d, &proof.groth16);
                (d, verified)
            };
            assert_eq!(
                check(shared).1,
                Ok(()),
                "the attack works on a shared trapdoor"
            );
            let (d, verified) = check(key);
            assert_eq!(verified, Err(VerifyError::False));
            refused(&attempt.statement, &DeciderProof { d, ..proof.clone() });
        }
    }
}

/// D moved along the constant's base (`groth16::tests` has the forgery that a shared trapdoor lets
/// pass) and along the bases of committed variables, C making up for it or not.
#[test]
fn d_shifted_along_the_constants_base_and_along_committed_bases() {
    let key = &setting().key;
    let (attempt, proof, publics) = honest();
    let unit = |place: usize| {
        let mut values = vec![ArkFr::from(0); key.committed()];
        values[place] = ArkFr::from(1);
        key.commit(&values).expect("a base")
    };
    // W'' begins, x'' begins, z_0 begins, the last result.
    let variables = decider().engine().sizes().variables.0;
    let places = [0, variables, variables + 2, key.committed() - 1];
    let bases = [key.verifying_key().ic[0]]
        .into_iter()
        .chain(places.map(unit));
    for base in bases {
        for t in [1, 12345].map(ArkFr::from) {
            let shift = base * t;
            for c in [proof.groth16.c.into_group(), proof.groth16.c - shift] {
                let mut forged = proof.clone();
                forged.d = moved(proof.d, shift);
                forged.groth16.c = c.into_affine();
                let vk = key.verifying_key();
                let verified = groth16::verify(vk, publics, &forged.d, &forged.groth16);
                assert_eq!(verified, Err(VerifyError::False));
                refused(&attempt.statement, &forged);
            }
        }
    }
}

/// `e(A, B + s gamma') = e(A, B) e(s A, gamma')`: D takes it in the bare equation, but c is made
/// from D.
#[test]
fn d_shifted_by_a_with_b_shifted_by_gamma_prime() {
    let (attempt, proof, _) = honest();
    let vk = verifying(&setting().key);
    let s = ArkFr::from(77);
    let mut forged = proof.clone();
    forged.groth16.b = (proof.groth16.b + vk.groth16.gamma_prime * s).into_affine();
    forged.d = moved(proof.d, proof.groth16.a * s);
    let before = Challenges::of(attempt.challenge(&proof.d), &attempt.v(), &forged);
    assert_eq!(
        holds(&vk, &before, &forged),
        Ok(true),
        "with the old challenge"
    );
    refused(&attempt.statement, &forged);
}

/// The commitment to other values than the circuit was filled with, for which the proof is.
#[test]
fn a_d_that_does_not_match() {
    let (attempt, proof, publics) = honest();
    let key = &setting().key;
    let mut values = decider().committed(&attempt.witness).expect("in range");
    values[7] += Fr::ONE;
    let values: Vec<ArkFr> = values.iter().map(ToArk::to_ark).collect();
    let other = key.commit(&values).expect("committed");
    for d in [other, ArkG1::zero(), -proof.d, proof.groth16.c] {
        let verified = groth16::verify(key.verifying_key(), publics, &d, &proof.groth16);
        assert_eq!(verified, Err(VerifyError::False));
        refused(&attempt.statement, &DeciderProof { d, ..proof.clone() });
    }
}

/// U.C, D, D_R, r_1, r_2 as the contract has them are not those of the circuit, but F still opens
/// to e at c: by a multiple of `X - c`, or since U.C makes up for it. As if c were the same (a
/// collision of the hash), e_v alone refuses.
#[test]
fn a_fold_replaced_on_the_contracts_side() {
    let (attempt, proof, publics) = honest();
    let vk = verifying(&setting().key);
    let [c, e_v, _] = *publics;
    let Fold { dn, dr, r1, r2, .. } = proof.fold;
    let s = Fr::from(5);
    // s (X - c), which the quotient has s more for.
    let zero_at_c = point(&commit(&[-s * c.to_halo(), s], Fr::ZERO));
    let inverse = |r: ArkFr| ark_ff::Field::inverse(&r).expect("not 0");
    let one = ArkFr::from(1);
    type Place = fn(&mut Fold) -> &mut ArkG1;
    let points: [(Place, ArkFr); 3] = [
        (|fold| &mut fold.uc, one),
        (|fold| &mut fold.dn, inverse(r1)),
        (|fold| &mut fold.dr, inverse(r2)),
    ];
    let mut forgeries = vec![];
    for (place, weight) in points {
        let mut forged = proof.clone();
        let place = place(&mut forged.fold);
        *place = moved(*place, zero_at_c * weight);
        forged.opening = moved(proof.opening, ArkG1::generator() * s.to_ark());
        forgeries.push(forged);
    }
    let mut forged = proof.clone();
    forged.fold.r1 += one;
    forged.fold.uc = moved(forged.fold.uc, -dn.into_group());
    forgeries.push(forged);
    let mut forged = proof.clone();
    forged.fold.r2 += one;
    forged.fold.uc = moved(forged.fold.uc, -dr.into_group());
    forgeries.push(forged);
    for (i, forged) in forgeries.iter().enumerate() {
        let v = attempt.statement.v(&forged.fold);
        let same = Challenges::of(c, &v, forged);
        assert_ne!(same.e_v, e_v);
        assert_eq!(holds(&vk, &same, forged), Ok(false), "replacement {i}");
        let unbound = Challenges { e_v, ..same };
        assert_eq!(holds(&vk, &unbound, forged), Ok(true), "replacement {i}");
        refused(&attempt.statement, forged);
    }
    let alone: [fn(&mut Fold); 2] = [
        |fold| fold.r1 += ArkFr::from(1),
        |fold| fold.r2 += ArkFr::from(1),
    ];
    for replace in alone {
        let mut forged = proof.clone();
        replace(&mut forged.fold);
        refused(&attempt.statement, &forged);
    }
}

/// The same by a prover who makes all of the proof for the challenge that results.
#[test]
fn a_proof_whose_running_commitment_is_the_contracts_alone() {
    let mut attempt = Attempt::new(witness());
    attempt.fold.uc = moved(attempt.fold.uc, ArkG1::generator());
    attempt.vector[0] += Fr::ONE;
    let (proof, publics) = attempt.send();
    let vk = setting().key.verifying_key();
    assert_eq!(
        groth16::verify(vk, &publics, &proof.d, &proof.groth16),
        Ok(())
    );
    refused(&attempt.statement, &proof);
}

/// The vector of a commitment and its blinding.
#[derive(Clone)]
struct Opened {
    vector: Secret<Fr>,
    blind: Fr,
}

impl Opened {
    fn new(w: &[Fr]) -> Self {
        Opened {
            vector: w.to_vec().into(),
            blind: Fr::random(OsRng),
        }
    }

    fn zero() -> Self {
        Opened {
            vector: vec![Fr::ZERO; decider().engine().sizes().variables.0].into(),
            blind: Fr::ZERO,
        }
    }

    fn commitment(&self) -> Commitment<Primary> {
        commit(&self.vector, self.blind)
    }

    /// `self + factor other`.
    fn plus(&self, other: &Self, factor: Fr) -> Self {
        let pairs = self.vector.iter().zip(other.vector.iter());
        let vector: Vec<Fr> = pairs.map(|(a, b)| *a + factor * b).collect();
        Opened {
            vector: vector.into(),
            blind: self.blind + factor * other.blind,
        }
    }
}

/// The last foldings of the small poll's proof by a prover who replaces commitments, with their
/// openings, before the challenges that hash them, and is honest with all that he sends besides.
fn folded_again(
    change_first: impl FnOnce(&mut [Opened; 2]),
    change_second: impl FnOnce(&mut Opened),
) -> Witness {
    let engine = decider().engine();
    let rows = engine.primary().rows();
    let proof = folded().engine_proof().expect("steps");
    let (opening, incoming) = proof.primary_witnesses();
    let w = opening.witness();
    let mut witness = witness();
    let running = &mut witness.foldings.running;
    let mut first = [Opened::new(w), Opened::new(incoming)];
    first[0].blind = opening.blinding();
    assert_eq!(first[0].commitment(), running.commitment);
    first[1] = first[1].plus(&first[0], -Fr::ONE);
    change_first(&mut first);
    running.commitment = first[0].commitment();
    witness.foldings.messages.difference = first[1].commitment();

    let statement = witness.statement();
    let Foldings {
        salt,
        running,
        cyclefold,
        ..
    } = &witness.foldings;
    let x = engine.public_inputs(&statement, salt, running, cyclefold);
    let x = x.expect("in range");
    let from = rows.values(&first[0].vector, &running.x);
    let to = rows.values(&first[0].plus(&first[1], Fr::ONE).vector, &x);
    // Each message comes before the next challenge.
    let mut messages = witness.foldings.messages.clone();
    let delta = engine.challenges(&x, &messages).0.delta;
    messages.f = perturbation(&row_errors(&from), &running.beta, delta);
    let alpha = engine.challenges(&x, &messages).0.alpha;
    let beta = moved_beta(&running.beta, delta, alpha);
    let weights = weights(&beta, rows.count());
    messages.k = quotient(&from, &to, &weights);
    let gamma = engine.challenges(&x, &messages).0.gamma;
    let once = first[0].plus(&first[1], gamma);
    let once_x = [0, 1].map(|k| running.x[k] + gamma * (x[k] - running.x[k]));

    let random = Opened::new(&random_vector(w.len()));
    let random_x = [Fr::random(OsRng), Fr::random(OsRng)];
    let mut second = random.plus(&once, -Fr::ONE);
    let (from, to) = (
        rows.values(&once.vector, &once_x),
        rows.values(&random.vector, &random_x),
    );
    let random_claim = RandomClaim {
        difference: {
            change_second(&mut second);
            second.commitment()
        },
        x: random_x,
        e: sum(&to, &beta),
        k: quotient(&from, &to, &weights),
    };
    witness.foldings.messages = messages;
    witness.foldings.random = random_claim;
    let (_, r2) = decider().challenges(&witness).expect("in range");
    let Opened { vector, blind } = once.plus(&second, r2);
    witness.w = vector;
    witness.blind = blind;
    witness
}

/// Commitments that are infinity or in each other's place, by a prover who knows all openings and
/// folds what he sends: the claim about the folded vector is false.
#[test]
fn zero_and_swapped_commitments() {
    type First = fn(&mut [Opened; 2]);
    type Second = fn(&mut Opened);
    let (nothing, no_change): (First, Second) = (|_| {}, |_| {});
    let honest = folded_again(nothing, no_change);
    assert_eq!(violation(&honest), None);
    let changes: [(&str, First, Second); 6] = [
        ("D = 0", |first| first[1] = Opened::zero(), no_change),
        ("U.C = 0", |first| first[0] = Opened::zero(), no_change),
        ("U.C and D", |first| first.swap(0, 1), no_change),
        ("D = U.C", |first| first[1] = first[0].clone(), no_change),
        ("D_R = 0", nothing, |second| *second = Opened::zero()),
        ("D_R = -D_R", nothing, |second| {
            *second = Opened::zero().plus(second, -Fr::ONE);
        }),
    ];
    for (name, change_first, change_second) in changes {
        let forged = folded_again(change_first, change_second);
        assert_eq!(violation(&forged), Some("the claim"), "{name}");
    }
    let attempt = Attempt::new(folded_again(|first| first[1] = Opened::zero(), no_change));
    let (proof, _) = attempt.send();
    assert!(proof.fold.dn.is_zero());
    let opens = commit(&attempt.vector, attempt.blind);
    assert_eq!(point(&opens), proof.fold.commitment().into_affine());
    refused(&attempt.statement, &proof);
    // On the contract's side alone.
    let (attempt, honest, _) = self::honest();
    let replacements: [fn(&mut Fold); 5] = [
        |fold| fold.uc = ArkG1::zero(),
        |fold| fold.dn = ArkG1::zero(),
        |fold| fold.dr = ArkG1::zero(),
        |fold| core::mem::swap(&mut fold.uc, &mut fold.dn),
        |fold| core::mem::swap(&mut fold.dn, &mut fold.dr),
    ];
    for replace in replacements {
        let mut forged = honest.clone();
        replace(&mut forged.fold);
        refused(&attempt.statement, &forged);
    }
}

/// The prover of the last step drops what was proven before and claims that the fold is a
/// commitment of his own. Only the running CycleFold instance is not satisfied then.
#[test]
fn an_unsatisfied_cyclefold_instance() {
    let (poll, engine) = (poll(), decider().engine());
    let before = fold(poll, 0..=poll.transitions.len() - 2);
    let last = poll.steps().last().expect("a step").expect("prepared");
    let w = random_vector(engine.sizes().variables.0);
    let before = before.engine_proof().expect("steps");
    let forged = before.next_from_nothing(engine, &last, w.into());
    let forged = forged.expect("a step");
    let error = forged.verify(engine, forged.statement().z0);
    let error = error.expect_err("false").to_string();
    assert!(error.contains("the running CycleFold instance"), "{error}");

    let witness = decider()
        .witness(&forged, WHOLE, &poll.results)
        .expect("witness");
    let violated = violation(&witness);
    assert!(
        matches!(violated, Some("carry" | "S = k q modulo r")),
        "{violated:?}"
    );
    let attempt = Attempt::new(witness);
    refused(&attempt.statement, &attempt.send().0);
}

/// A prover who does not mind that the circuit is not satisfied.
#[test]
fn results_that_differ_from_the_tally_root() {
    let mut witness = witness();
    witness.results[1].votes += 1;
    assert_eq!(violation(&witness), Some("results are in the tally"));
    let attempt = Attempt::new(witness);
    refused(&attempt.statement, &attempt.send().0);
}

/// Other votes with the same results: no value that is revealed is the same. `prover` says what
/// masks each.
#[test]
fn all_that_is_revealed_is_fresh() {
    let swapped = swapped_poll(2, 1);
    assert_eq!(swapped.results, poll().results);
    assert_ne!(swapped.end.state_root, poll().end.state_root);
    let running = fold(&swapped, 0..=swapped.transitions.len() - 1);
    let attempt = Attempt::new(witness_of(&running, &swapped.results));
    let (proof, _) = attempt.send();
    accepted(&attempt.statement, &proof);
    let words = |proof: &DeciderProof| -> Vec<Vec<u8>> {
        proof.to_bytes().chunks(32).map(<[u8]>::to_vec).collect()
    };
    let (one, two) = (words(&honest().1), words(&proof));
    for (i, word) in one.iter().enumerate() {
        assert!(!two.contains(word), "word {i}");
    }
}

/// Two proofs of one running proof: the random claim masks every element of W'' and x'', and so
/// Groth16's D, e and the opening, which are functions of them; the blinding is another too, and
/// so is the last step's commitment. U.C is what it is, blinded by the foldings before.
#[test]
fn every_element_of_the_folded_instance_is_masked() {
    let [one, two] = [(); 2].map(|()| witness());
    let differ = |one: &[Fr], two: &[Fr]| one.iter().zip(two).all(|(one, two)| one != two);
    assert!(differ(&one.w, &two.w));
    assert_ne!(one.blind, two.blind);
    let [first, second] = [&one, &two].map(folded_instance);
    assert_ne!(first.e, second.e);
    assert!(differ(&first.x, &second.x));
    let (ones, twos) = (one.commitments(), two.commitments());
    assert_eq!(ones[0], twos[0]);
    assert!((1..POINTS).all(|i| ones[i] != twos[i]));
    let challenges = |witness| decider().challenges(witness).expect("in range");
    let (ones, twos) = (challenges(&one), challenges(&two));
    assert!(ones.0 != twos.0 && ones.1 != twos.1);
    // The same votes folded anew have another U.C.
    let again = fold(poll(), 0..=poll().transitions.len() - 1);
    let again = witness_of(&again, &poll().results);
    assert_ne!(again.commitments()[0], one.commitments()[0]);
}
