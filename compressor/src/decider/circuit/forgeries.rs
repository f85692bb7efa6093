//! Proofs by provers who leave the honest path, each refused by the Rust verifier and by the
//! contract (`docs/soundness.md`). Where one part of the design is what refuses, the same forgery
//! is shown to pass without it.
//!
//! Making the keys takes most of a minute, and each proof some ten seconds.

use std::sync::OnceLock;

use ark_bn254::{Fr as ArkFr, G1Affine as ArkG1};
use ark_ec::{AffineRepr, CurveGroup};
use maci_nova_contracts::decider::Refusal;
use maci_nova_groth16::{
    self as groth16,
    adapter::Assignment,
    convert::{ToArk, ToHalo},
    testing::prove_unchecked,
    ProvingKey, Trapdoors, VerifyError,
};
use maci_nova_protocol::tally::results_root;
use maci_nova_step_circuit::testing::swapped_poll;
use nova_snark::traits::{commitment::CommitmentEngineTrait, Engine as CurveEngine};
use rand_core::OsRng;

use super::{
    tests::{decider, violation, witness, witness_of},
    *,
};
use crate::{
    decider::{
        verifier::{equations, holds, verify, Challenges},
        DeciderError, DeciderKey, DeciderProof, DeciderStatement as Stated, Fold,
    },
    testing::Contract,
    tests::{fold, folded, poll},
};

const DOMAIN: [u8; 32] = [7; 32];
/// c, e_v, e.
const PUBLICS: usize = 3;
/// The place of z_i's root of the tally.
const TALLY_ROOT: usize = 7;

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
        let state = |state: &[Fr]| state.try_into().expect("a state");
        let [uc, c, a, b] = witness.commitments().map(|commitment| point(&commitment));
        let (r1, r2) = decider().challenges(&witness).expect("in range");
        Attempt {
            statement: Stated {
                domain: DOMAIN,
                z0: state(&witness.z0),
                z: state(&witness.z),
                results: witness.results.clone(),
            },
            fold: Fold {
                uc,
                c,
                a,
                b,
                r1: r1.to_ark(),
                r2: r2.to_ark(),
            },
            vector: decider().vector(&witness),
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

    /// Another W'', with the error that makes it satisfied, that has this value at c.
    ///
    /// On a line `W + t Δ` the value is quadratic in t.
    fn choose_witness(&mut self, c: Fr, target: Fr) {
        let statement = self.witness.statement();
        let folded = self.witness.foldings.fold(decider().engine(), &statement);
        let (Instance { u, x, .. }, _) = folded.expect("in range");
        let count = self.witness.w.len();
        loop {
            let (origin, direction) = (random_vector(count), random_vector(count));
            let at = |t: Fr| -> Vec<Fr> {
                let pairs = origin.iter().zip(&direction);
                pairs.map(|(a, b)| *a + t * b).collect()
            };
            let value = |w: &[Fr]| {
                let joined = decider().engine().primary().joined(w, &error(w, u, &x));
                evaluate(&joined, c)
            };
            let [zero, plus, minus] = [Fr::ZERO, Fr::ONE, -Fr::ONE].map(|t| value(&at(t)));
            let half = Fr::from(2).invert().expect("not 0");
            let (square, slope) = ((plus + minus) * half - zero, (plus - minus) * half);
            let discriminant = slope.square() - Fr::from(4) * square * (zero - target);
            let Some(root) = Option::<Fr>::from(discriminant.sqrt()) else {
                continue;
            };
            let t = (root - slope) * (square + square).invert().expect("a random one");
            let w = at(t);
            assert_eq!(value(&w), target);
            self.witness.e = error(&w, u, &x).into();
            self.witness.w = w.into();
            return;
        }
    }
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

/// `A z`, `B z`, `C z`.
fn products(w: &[Fr], u: Fr, x: &[Fr]) -> [Vec<Fr>; 3] {
    let z = [w, &[u], x].concat();
    let shape = decider().engine().primary().shape();
    let (a, b, c) = shape.multiply_vec(&z).expect("of the right length");
    [a, b, c]
}

/// `A z * B z - u C z`.
fn error(w: &[Fr], u: Fr, x: &[Fr]) -> Vec<Fr> {
    let [a, b, c] = products(w, u, x);
    (0..a.len()).map(|i| a[i] * b[i] - u * c[i]).collect()
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
/// forger likes. Whatever W'' he fills the circuit with has some error E'', so only the value at
/// the challenge ties it to what is committed.
fn from_nothing() -> Attempt {
    let mut witness = decider().blank();
    witness.z0 = honest().0.witness.z0.clone();
    witness.z = honest().0.witness.z.clone();
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
    assert_ne!(
        evaluate(&decider().vector(&attempt.witness), c.to_halo()),
        Fr::ZERO
    );
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
    // W'' begins, u'', z_0 begins, the last result.
    let variables = decider().engine().sizes().variables.0;
    let places = [0, variables, variables + 3, key.committed() - 1];
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

/// U.C, C, A, B, r_1, r_2 as the contract has them are not those of the circuit, but F still opens
/// to e at c: by a multiple of `X - c`, or since U.C makes up for it. As if c were the same (a
/// collision of the hash), e_v alone refuses.
#[test]
fn a_fold_replaced_on_the_contracts_side() {
    let (attempt, proof, publics) = honest();
    let vk = verifying(&setting().key);
    let [c, e_v, _] = *publics;
    let Fold { a, b, r1, r2, .. } = proof.fold;
    let s = Fr::from(5);
    // s (X - c), which the quotient has s more for.
    let zero_at_c = point(&commit(&[-s * c.to_halo(), s], Fr::ZERO));
    let inverse = |r: ArkFr| ark_ff::Field::inverse(&r).expect("not 0");
    let one = ArkFr::from(1);
    type Place = fn(&mut Fold) -> &mut ArkG1;
    let points: [(Place, ArkFr); 4] = [
        (|fold| &mut fold.uc, one),
        (|fold| &mut fold.c, inverse(r1)),
        (|fold| &mut fold.a, inverse(r2)),
        (|fold| &mut fold.b, inverse(r2 * r2)),
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
    forged.fold.uc = moved(forged.fold.uc, -proof.fold.c.into_group());
    forgeries.push(forged);
    let mut forged = proof.clone();
    forged.fold.r2 += one;
    // (r + 1)^2 - r^2 = 2 r + 1
    let change = a.into_group() + b * (r2 + r2 + one);
    forged.fold.uc = moved(forged.fold.uc, -change);
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

/// The vector of a commitment, W in its first half and E in its second, and its blinding.
#[derive(Clone)]
struct Opened {
    vector: Secret<Fr>,
    blind: Fr,
}

impl Opened {
    fn new(w: &[Fr], e: &[Fr]) -> Self {
        let mut vector = decider().engine().primary().joined(w, e);
        vector.resize(2 * decider().engine().primary().half(), Fr::ZERO);
        Opened {
            vector,
            blind: Fr::random(OsRng),
        }
    }

    fn zero() -> Self {
        let mut zero = Self::new(&[], &[]);
        zero.blind = Fr::ZERO;
        zero
    }

    fn commitment(&self) -> Commitment<Primary> {
        commit(&self.vector, self.blind)
    }

    fn add(&mut self, other: &Self, factor: Fr) {
        let pairs = self.vector.iter_mut().zip(other.vector.iter());
        pairs.for_each(|(a, b)| *a += factor * b);
        self.blind += factor * other.blind;
    }

    fn halves(&self) -> (&[Fr], &[Fr]) {
        let primary = decider().engine().primary();
        let (variables, constraints) = (primary.shape().num_vars(), primary.shape().num_cons());
        let (w, e) = self.vector.split_at(primary.half());
        (&w[..variables], &e[..constraints])
    }
}

/// The cross term of folding `(w_2, u_2, x_2)` into `(w_1, u_1, x_1)`.
fn cross(first: (&[Fr], Fr, &[Fr]), second: (&[Fr], Fr, &[Fr])) -> Vec<Fr> {
    let [a1, b1, c1] = products(first.0, first.1, first.2);
    let [a2, b2, c2] = products(second.0, second.1, second.2);
    let term = |i: usize| a1[i] * b2[i] + a2[i] * b1[i] - first.1 * c2[i] - second.1 * c1[i];
    (0..a1.len()).map(term).collect()
}

/// The last foldings of the small poll's proof by a prover who replaces commitments, with their
/// openings, before the challenges that hash them.
fn folded_again(
    change_first: impl FnOnce(&mut [Opened; 2]),
    change_second: impl FnOnce(&mut [Opened; 2]),
) -> Witness {
    let engine = decider().engine();
    let (running, w) = folded().engine_proof().expect("steps").primary_witnesses();
    let mut witness = witness();
    let Instance { u, x, .. } = witness.foldings.running.clone();
    let incoming = engine_inputs(&witness);
    let term = cross((&running.w, u, &x), (w, Fr::ONE, &incoming));
    let mut first = [Opened::new(&running.w, &running.e), Opened::new(w, &term)];
    first[0].blind = running.blind;
    assert_eq!(first[0].commitment(), witness.foldings.running.commitment);
    change_first(&mut first);
    witness.foldings.running.commitment = first[0].commitment();
    witness.foldings.commitment = first[1].commitment();

    // The instance before the random one is the fold with a random one of zeros.
    witness.foldings.random.u = Fr::ZERO;
    witness.foldings.random.x = vec![Fr::ZERO; 2];
    let before = witness.foldings.fold(engine, &witness.statement());
    let (Instance { u, x, .. }, _) = before.expect("in range");
    let (r1, _) = decider().challenges(&witness).expect("in range");
    let [mut sum, incoming] = first;
    sum.add(&incoming, r1);
    let random_w = random_vector(w.len());
    let (random_u, random_x) = (Fr::random(OsRng), random_vector(2));
    let term = cross((sum.halves().0, u, &x), (&random_w, random_u, &random_x));
    let random_e = error(&random_w, random_u, &random_x);
    let mut second = [Opened::new(&random_w, &term), Opened::new(&[], &random_e)];
    change_second(&mut second);
    let random = &mut witness.foldings.random;
    random.witness_commitment = second[0].commitment();
    random.error_commitment = second[1].commitment();
    random.u = random_u;
    random.x = random_x;
    let (_, r2) = decider().challenges(&witness).expect("in range");
    sum.add(&second[0], r2);
    sum.add(&second[1], r2.square());
    let (w, e) = sum.halves();
    witness.w = w.to_vec().into();
    witness.e = e.to_vec().into();
    witness.blind = sum.blind;
    witness
}

/// The public inputs of the last step's instance: its fold into nothing, less nothing.
fn engine_inputs(witness: &Witness) -> Vec<Fr> {
    let mut foldings = witness.foldings.clone();
    foldings.random.u = Fr::ZERO;
    foldings.random.x = vec![Fr::ZERO; 2];
    let engine = decider().engine();
    let (folded, _) = foldings
        .fold(engine, &witness.statement())
        .expect("in range");
    let (r1, _) = decider().challenges(witness).expect("in range");
    let inverse = r1.invert().expect("not 0");
    let pairs = folded.x.iter().zip(&foldings.running.x);
    pairs.map(|(folded, x)| (*folded - x) * inverse).collect()
}

/// Commitments that are infinity or in each other's place, by a prover who knows all openings and
/// folds what he sends: the folded vector does not satisfy the folded instance.
#[test]
fn zero_and_swapped_commitments() {
    type Change = fn(&mut [Opened; 2]);
    let nothing: Change = |_| {};
    let honest = folded_again(nothing, nothing);
    assert_eq!(violation(&honest), None);
    let changes: [(&str, Change, Change); 7] = [
        ("C = 0", |first| first[1] = Opened::zero(), nothing),
        ("U.C = 0", |first| first[0] = Opened::zero(), nothing),
        ("U.C and C", |first| first.swap(0, 1), nothing),
        ("C = U.C", |first| first[1] = first[0].clone(), nothing),
        ("A = 0", nothing, |second| second[0] = Opened::zero()),
        ("B = 0", nothing, |second| second[1] = Opened::zero()),
        ("A and B", nothing, |second| second.swap(0, 1)),
    ];
    for (name, change_first, change_second) in changes {
        let forged = folded_again(change_first, change_second);
        assert_eq!(violation(&forged), Some("e"), "{name}");
    }
    let attempt = Attempt::new(folded_again(|first| first[1] = Opened::zero(), nothing));
    let (proof, _) = attempt.send();
    assert!(proof.fold.c.is_zero());
    let opens = commit(&attempt.vector, attempt.blind);
    assert_eq!(point(&opens), proof.fold.commitment().into_affine());
    refused(&attempt.statement, &proof);
    // On the contract's side alone.
    let (attempt, honest, _) = self::honest();
    let replacements: [fn(&mut Fold); 6] = [
        |fold| fold.uc = ArkG1::zero(),
        |fold| fold.c = ArkG1::zero(),
        |fold| fold.a = ArkG1::zero(),
        |fold| fold.b = ArkG1::zero(),
        |fold| core::mem::swap(&mut fold.uc, &mut fold.c),
        |fold| core::mem::swap(&mut fold.a, &mut fold.b),
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

    let witness = decider().witness(&forged, &poll.results).expect("witness");
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

/// Two proofs of one running proof: the random instance masks every element of W'', E'', u'' and
/// x'', and so D, e and the opening, which are functions of them; the blinding is another too, and
/// so is the last step's commitment. U.C is what it is, blinded by the foldings before.
#[test]
fn every_element_of_the_folded_instance_is_masked() {
    let [one, two] = [(); 2].map(|()| witness());
    let differ = |one: &[Fr], two: &[Fr]| one.iter().zip(two).all(|(one, two)| one != two);
    assert!(differ(&one.w, &two.w));
    assert!(differ(&one.e, &two.e));
    assert_ne!(one.blind, two.blind);
    let [first, second] = [&one, &two].map(|witness| {
        let folded = witness
            .foldings
            .fold(decider().engine(), &witness.statement());
        folded.expect("in range").0
    });
    assert_ne!(first.u, second.u);
    assert!(differ(&first.x, &second.x));
    let (ones, twos) = (one.commitments(), two.commitments());
    assert_eq!(ones[0], twos[0]);
    assert!((1..4).all(|i| ones[i] != twos[i]));
    let challenges = |witness| decider().challenges(witness).expect("in range");
    let (ones, twos) = (challenges(&one), challenges(&two));
    assert!(ones.0 != twos.0 && ones.1 != twos.1);
    // The same votes folded anew have another U.C.
    let again = fold(poll(), 0..=poll().transitions.len() - 1);
    let again = witness_of(&again, &poll().results);
    assert_ne!(again.commitments()[0], one.commitments()[0]);
}
