//! Honest proofs, and forgeries of what the two trapdoors keep apart.

use std::sync::OnceLock;

use ff::Field as _;
use halo2curves::bn256::Fr as HaloFr;
use nova_snark::frontend::{num::AllocatedNum, ConstraintSystem, SynthesisError};
use sha2::{Digest, Sha256};

use super::*;
use crate::convert::{bytes, ToHalo};

/// Public variables: c and e_v.
pub(crate) const PUBLICS: usize = 2;
/// Committed variables.
const COMMITTED: usize = 3;

/// What the circuit is about, or what somebody claims: v_0^2 = v_1, and v_2 = w^3 for a secret w.
type Committed = [u64; COMMITTED];

const TRUE: Committed = [3, 9, 125];
const SECRET: u64 = 5;

/// `e_v = v_0 + v_1 c + v_2 c^2`, `v_0^2 = v_1`, `w^3 = v_2`.
fn circuit<CS: ConstraintSystem<HaloFr>>(
    cs: &mut CS,
    v: Committed,
    c: HaloFr,
    e_v: HaloFr,
) -> Result<(), SynthesisError> {
    let input = |cs: &mut CS, value: HaloFr| AllocatedNum::alloc_input(cs, || Ok(value));
    let challenge = input(cs, c)?;
    let evaluation = input(cs, e_v)?;
    let values = v.map(HaloFr::from);
    let v = [
        input(cs, values[0])?,
        input(cs, values[1])?,
        input(cs, values[2])?,
    ];
    product(cs, &v[0], &v[0], |lc| lc + v[1].get_variable());

    // (v_2 c + v_1) c + v_0 by Horner's rule.
    let high = AllocatedNum::alloc(&mut *cs, || Ok(values[2] * c))?;
    product(cs, &v[2], &challenge, |lc| lc + high.get_variable());
    cs.enforce(
        || "e_v",
        |lc| lc + high.get_variable() + v[1].get_variable(),
        |lc| lc + challenge.get_variable(),
        |lc| lc + evaluation.get_variable() - v[0].get_variable(),
    );

    let root = HaloFr::from(SECRET);
    let w = AllocatedNum::alloc(&mut *cs, || Ok(root))?;
    let square = AllocatedNum::alloc(&mut *cs, || Ok(root.square()))?;
    product(cs, &w, &w, |lc| lc + square.get_variable());
    product(cs, &square, &w, |lc| lc + v[2].get_variable());
    Ok(())
}

type Combination = nova_snark::frontend::LinearCombination<HaloFr>;

fn product<CS: ConstraintSystem<HaloFr>>(
    cs: &mut CS,
    a: &AllocatedNum<HaloFr>,
    b: &AllocatedNum<HaloFr>,
    c: impl FnOnce(Combination) -> Combination,
) {
    cs.enforce(
        || "product",
        |lc| lc + a.get_variable(),
        |lc| lc + b.get_variable(),
        c,
    );
}

pub(crate) fn matrices() -> &'static Matrices {
    static MATRICES: OnceLock<Matrices> = OnceLock::new();
    let zero = HaloFr::ZERO;
    MATRICES.get_or_init(|| {
        Matrices::record(|cs| circuit(cs, [0; COMMITTED], zero, zero)).expect("recorded")
    })
}

pub(crate) fn trapdoors() -> Trapdoors {
    Trapdoors {
        alpha: Fr::from(1001),
        beta: Fr::from(1002),
        delta: Fr::from(1003),
        rho: Fr::from(1004),
        seed: [5; 32],
    }
}

pub(crate) fn keys() -> &'static ProvingKey {
    static KEYS: OnceLock<ProvingKey> = OnceLock::new();
    KEYS.get_or_init(|| setup(matrices(), PUBLICS, trapdoors()).expect("keys"))
}

/// The same key, but the committed part shares the trapdoor of the public one.
fn shared_keys() -> &'static ProvingKey {
    static KEYS: OnceLock<ProvingKey> = OnceLock::new();
    KEYS.get_or_init(|| {
        let mut trapdoors = trapdoors();
        trapdoors.rho = Fr::ONE;
        setup(matrices(), PUBLICS, trapdoors).expect("keys")
    })
}

fn ark(v: Committed) -> [Fr; COMMITTED] {
    v.map(Fr::from)
}

/// The challenge on D and on what is claimed of the committed values.
fn challenge(d: &G1Affine, claimed: Committed) -> Fr {
    let mut hash = Sha256::new();
    for coordinate in [d.x, d.y] {
        let limbs = ark_ff::PrimeField::into_bigint(coordinate).0;
        hash.update(bytes(limbs));
    }
    for value in claimed {
        hash.update(value.to_le_bytes());
    }
    ark_ff::PrimeField::from_le_bytes_mod_order(&hash.finalize())
}

fn evaluate(v: Committed, c: Fr) -> Fr {
    let [v0, v1, v2] = ark(v);
    v0 + c * (v1 + c * v2)
}

/// The publics, as the verifier makes them from D and the claim.
fn publics(d: &G1Affine, claimed: Committed) -> [Fr; PUBLICS] {
    let c = challenge(d, claimed);
    [c, evaluate(claimed, c)]
}

/// The protocol's verifier: the circuit's statement about `claimed`.
fn accepts(key: &ProvingKey, claimed: Committed, d: &G1Affine, proof: &Proof) -> bool {
    verify(key.verifying_key(), &publics(d, claimed), d, proof).is_ok()
}

fn assignment(v: Committed, [c, e_v]: [Fr; PUBLICS]) -> Assignment {
    let (c, e_v) = (c.to_halo(), e_v.to_halo());
    Assignment::record(|cs| circuit(cs, v, c, e_v)).expect("values")
}

fn honest(key: &ProvingKey) -> (G1Affine, Proof) {
    let d = key.commit(&ark(TRUE)).expect("committed");
    let assignment = assignment(TRUE, publics(&d, TRUE));
    let proof = prove(key, matrices(), &assignment).expect("proven");
    (d, proof)
}

#[test]
fn an_honest_proof_is_accepted() {
    assert_eq!(matrices().instance(), 1 + PUBLICS + COMMITTED);
    for key in [keys(), shared_keys()] {
        let (d, proof) = honest(key);
        assert!(accepts(key, TRUE, &d, &proof));
        let (_, again) = honest(key);
        assert_ne!(proof, again, "blinded");
    }
    let key = setup(matrices(), PUBLICS, Trapdoors::insecure_development()).expect("keys");
    let (d, proof) = honest(&key);
    assert!(accepts(&key, TRUE, &d, &proof));
    assert!(!accepts(keys(), TRUE, &d, &proof));
}

#[test]
fn other_publics_and_other_points_are_refused() {
    let (d, proof) = honest(keys());
    let key = keys().verifying_key();
    let publics = publics(&d, TRUE);
    assert_eq!(verify(key, &publics, &d, &proof), Ok(()));
    for i in 0..PUBLICS {
        let mut other = publics;
        other[i] += Fr::ONE;
        assert_eq!(verify(key, &other, &d, &proof), Err(VerifyError::False));
    }
    let few = verify(key, &publics[..1], &d, &proof);
    assert_eq!(few, Err(VerifyError::Publics));
    let many = [publics.as_slice(), &[Fr::ONE]].concat();
    assert_eq!(verify(key, &many, &d, &proof), Err(VerifyError::Publics));

    let generator = G1Affine::generator();
    let moved = |point: G1Affine| (point + generator).into_affine();
    let second = (proof.b + G2Affine::generator()).into_affine();
    let false_proofs = [
        (moved(d), proof.clone()),
        (
            d,
            Proof {
                a: moved(proof.a),
                ..proof.clone()
            },
        ),
        (
            d,
            Proof {
                b: second,
                ..proof.clone()
            },
        ),
        (
            d,
            Proof {
                c: moved(proof.c),
                ..proof.clone()
            },
        ),
        (
            d,
            Proof {
                a: -proof.a,
                ..proof.clone()
            },
        ),
    ];
    for (d, proof) in false_proofs {
        assert_eq!(verify(key, &publics, &d, &proof), Err(VerifyError::False));
    }
}

#[test]
fn points_outside_the_groups_are_refused() {
    let (d, proof) = honest(keys());
    let publics = publics(&d, TRUE);
    let off = G1Affine::new_unchecked(1.into(), 1.into());
    let off_2 = G2Affine::new_unchecked(proof.b.x, proof.b.x);
    // On the twist, whose order has other factors.
    let other_order = (1_u64..)
        .filter_map(|x| G2Affine::get_point_from_x_unchecked(ark_bn254::Fq2::from(x), true))
        .find(|point| !point.is_in_correct_subgroup_assuming_on_curve())
        .expect("most points");
    let outside = [
        (off, proof.clone()),
        (
            d,
            Proof {
                a: off,
                ..proof.clone()
            },
        ),
        (
            d,
            Proof {
                c: off,
                ..proof.clone()
            },
        ),
        (
            d,
            Proof {
                b: off_2,
                ..proof.clone()
            },
        ),
        (
            d,
            Proof {
                b: other_order,
                ..proof.clone()
            },
        ),
    ];
    for (d, proof) in outside {
        let refused = verify(keys().verifying_key(), &publics, &d, &proof);
        assert_eq!(refused, Err(VerifyError::Point));
    }
}

/// A true proof for other committed values than D's. Those values satisfy the circuit with the
/// publics made from D and the claim, which they have nothing to do with.
#[test]
fn a_proof_for_other_committed_values_is_refused() {
    let claimed = [4, 9, 125];
    for key in [keys(), shared_keys()] {
        let d = key.commit(&ark(claimed)).expect("committed");
        let c = challenge(&d, claimed);
        // The circuit knows no e_v for the claim; this is the one for TRUE.
        let publics = [c, evaluate(TRUE, c)];
        let proof = prove(key, matrices(), &assignment(TRUE, publics)).expect("proven");
        assert!(!accepts(key, claimed, &d, &proof));
        // Neither for the publics that it was made for.
        let refused = verify(key.verifying_key(), &publics, &d, &proof);
        assert_eq!(refused, Err(VerifyError::False));
        let own = key.commit(&ark(TRUE)).expect("committed");
        assert_eq!(verify(key.verifying_key(), &publics, &own, &proof), Ok(()));
    }
}

/// The claim 4^2 = 9. It differs from the truth in v_0 alone, so for every challenge
/// `e_v(claimed) = e_v(TRUE) + 1`, which is known before D is, and D can carry it:
/// `IC(c, e_v + 1) + (D - IC_2) = IC(c, e_v) + D`.
fn forge_by_shifting_d(key: &ProvingKey) -> (Committed, G1Affine, Proof) {
    let claimed = [4, 9, 125];
    let d = key.commit(&ark(TRUE)).expect("committed");
    let d = (d - key.verifying_key().ic[2]).into_affine();
    let c = challenge(&d, claimed);
    let proof = prove(key, matrices(), &assignment(TRUE, [c, evaluate(TRUE, c)])).expect("proven");
    (claimed, d, proof)
}

#[test]
fn shifting_d_forges_only_without_its_own_trapdoor() {
    let (claimed, d, proof) = forge_by_shifting_d(shared_keys());
    assert!(
        accepts(shared_keys(), claimed, &d, &proof),
        "the attack works"
    );
    let (claimed, d, proof) = forge_by_shifting_d(keys());
    assert!(!accepts(keys(), claimed, &d, &proof));
}

/// The same with a shift that is not known before D is, as a check that the attack needs one.
#[test]
fn a_shift_that_depends_on_the_challenge_is_refused_anyway() {
    let claimed = [3, 10, 125];
    let key = shared_keys();
    let d = key.commit(&ark(TRUE)).expect("committed");
    let c = challenge(&d, claimed);
    let shift = evaluate(claimed, c) - evaluate(TRUE, c);
    let proof = prove(key, matrices(), &assignment(TRUE, [c, evaluate(TRUE, c)])).expect("proven");
    let shifted = (d - key.verifying_key().ic[2] * shift).into_affine();
    let publics = [c, evaluate(claimed, c)];
    assert_eq!(
        verify(key.verifying_key(), &publics, &shifted, &proof),
        Ok(())
    );
    assert!(!accepts(key, claimed, &shifted, &proof));
}

/// D moved by multiples of every base that a prover has, C compensating where it can.
#[test]
fn no_base_moves_d() {
    let (d, proof) = honest(keys());
    let publics = publics(&d, TRUE);
    let key = keys();
    let bases = key.verifying.ic.iter().chain(&key.committed);
    for base in bases.chain(&key.inner.l_query) {
        for t in [Fr::ONE, -Fr::ONE, Fr::from(12345)] {
            let shift = *base * t;
            let moved = (d + shift).into_affine();
            for c in [proof.c.into_group(), proof.c - shift, proof.c + shift] {
                let c = c.into_affine();
                let moved_proof = Proof { c, ..proof.clone() };
                let refused = verify(&key.verifying, &publics, &moved, &moved_proof);
                assert_eq!(refused, Err(VerifyError::False));
                assert!(!accepts(key, TRUE, &moved, &moved_proof));
            }
        }
    }
}

/// `e(A, B + s gamma') = e(A, B) e(s A, gamma')`: the bare equation accepts it. The publics are
/// made from D, so the protocol does not.
#[test]
fn b_shifted_by_gamma_prime_does_not_pass_the_challenge() {
    let (d, proof) = honest(keys());
    let key = keys().verifying_key();
    let s = Fr::from(77);
    let shifted = Proof {
        b: (proof.b + key.gamma_prime * s).into_affine(),
        ..proof.clone()
    };
    let moved = (d + proof.a * s).into_affine();
    assert_eq!(verify(key, &publics(&d, TRUE), &moved, &shifted), Ok(()));
    assert!(!accepts(keys(), TRUE, &moved, &shifted));
    assert!(!accepts(keys(), TRUE, &d, &shifted));
    // The same with delta is what re-randomizes a proof of Groth16: C takes it, D stays.
    let again = Proof {
        b: (proof.b + key.delta * s).into_affine(),
        c: (proof.c + proof.a * s).into_affine(),
        ..proof
    };
    assert!(accepts(keys(), TRUE, &d, &again));
}

/// Bases of committed variables exist divided by rho only.
#[test]
fn the_original_bases_are_gone() {
    let (own, shared) = (keys(), shared_keys());
    let rho = trapdoors().rho;
    assert_eq!(own.committed(), COMMITTED);
    for (divided, original) in own.committed.iter().zip(&shared.committed) {
        assert!(!original.is_zero());
        assert_eq!(*divided * rho, original.into_group());
    }
    let points = |key: &ProvingKey| {
        let inner = &key.inner;
        let queries = [&inner.a_query, &inner.b_g1_query, &inner.h_query];
        let mut points: Vec<_> = queries.into_iter().flatten().copied().collect();
        points.extend(inner.l_query.iter().chain(&inner.vk.gamma_abc_g1));
        points.extend(key.verifying.ic.iter().chain(&key.committed));
        points
    };
    let left = points(own);
    assert!(shared.committed.iter().all(|point| !left.contains(point)));
    assert_eq!(own.verifying.ic, shared.verifying.ic);
    assert_eq!(own.inner.vk.gamma_abc_g1.len(), 1 + PUBLICS);
    assert_eq!(own.inner.vk.gamma_g2, G2Affine::generator());
}

/// With the same randomness it is the library's proof, of false values too.
#[test]
fn the_proof_is_the_librarys() {
    let d = keys().commit(&ark(TRUE)).expect("committed");
    for values in [TRUE, [4, 9, 125]] {
        let assignment = assignment(values, publics(&d, TRUE));
        for (r, s) in [(0, 0), (3, 0), (0, 4), (5, 6)] {
            let (r, s) = (Fr::from(r), Fr::from(s));
            let library = Engine::create_proof_with_reduction_and_matrices(
                &keys().inner,
                r,
                s,
                &matrices().rows(),
                matrices().instance(),
                matrices().constraints(),
                assignment.values(),
            );
            let own = prove_blinded(keys(), matrices(), &assignment, &r, &s);
            assert_eq!(own.expect("proven"), library.expect("proven"));
        }
    }
}

#[test]
fn false_values_and_other_sizes_are_not_proven() {
    let d = keys().commit(&ark(TRUE)).expect("committed");
    let publics = publics(&d, TRUE);
    let wrong = assignment([4, 9, 125], publics);
    let refused = prove(keys(), matrices(), &wrong);
    assert!(matches!(refused, Err(ProveError::Unsatisfied(0))));

    let short = Assignment::new(&[HaloFr::ONE; 6], &[HaloFr::ONE]);
    assert!(matches!(
        prove(keys(), matrices(), &short),
        Err(ProveError::Size)
    ));
    let (instance, witness) = (matrices().instance(), matrices().witness());
    let larger = Matrices::from_rows(instance, witness + 1, &matrices().rows());
    let right = assignment(TRUE, publics);
    assert!(matches!(
        prove(keys(), &larger, &right),
        Err(ProveError::Size)
    ));
    assert!(matches!(
        keys().commit(&ark(TRUE)[..2]),
        Err(ProveError::Size)
    ));
    let refused = setup(matrices(), 6, trapdoors());
    assert!(matches!(
        refused,
        Err(SetupError::Publics {
            publics: 6,
            instance: 6
        })
    ));
}

#[test]
fn secrets_are_wiped() {
    fn on_drop<T: ZeroizeOnDrop>() {}
    on_drop::<Trapdoors>();
    on_drop::<Assignment>();
    let mut trapdoors = trapdoors();
    trapdoors.zeroize();
    let Trapdoors {
        alpha,
        beta,
        delta,
        rho,
        seed,
    } = &trapdoors;
    assert!([alpha, beta, delta, rho].into_iter().all(Zero::is_zero));
    assert_eq!(*seed, [0; 32]);
    assert_eq!(format!("{trapdoors:?}"), "<secret>");
    let mut values = assignment(TRUE, [Fr::ONE; PUBLICS]);
    values.zeroize();
    assert!(values.values().is_empty());
    assert_eq!(format!("{values:?}"), "<secret>");
}

/// Without committed variables it is Groth16.
#[test]
fn nothing_needs_to_be_committed() {
    let all = PUBLICS + COMMITTED;
    let key = setup(matrices(), all, trapdoors()).expect("keys");
    let d = key.commit(&[]).expect("committed");
    assert!(d.is_zero());
    let publics = publics(&d, TRUE);
    let proof = prove(&key, matrices(), &assignment(TRUE, publics)).expect("proven");
    let publics = [publics.as_slice(), &ark(TRUE)].concat();
    assert_eq!(verify(&key.verifying, &publics, &d, &proof), Ok(()));
    let stock = ark_groth16::prepare_verifying_key(&key.inner.vk);
    assert!(Engine::verify_proof(&stock, &proof, &publics).expect("verified"));
}

/// `n = 3` for a committed n, and `e_v = n`.
fn constant_circuit<CS: ConstraintSystem<HaloFr>>(
    cs: &mut CS,
    n: u64,
) -> Result<(), SynthesisError> {
    let value = HaloFr::from(n);
    let e_v = AllocatedNum::alloc_input(&mut *cs, || Ok(value))?;
    let n = AllocatedNum::alloc_input(&mut *cs, || Ok(value))?;
    let three = HaloFr::from(3);
    cs.enforce(
        || "n = 3",
        |lc| lc + n.get_variable() - (three, CS::one()),
        |lc| lc + CS::one(),
        |lc| lc,
    );
    cs.enforce(
        || "e_v = n",
        |lc| lc + n.get_variable() - e_v.get_variable(),
        |lc| lc + CS::one(),
        |lc| lc,
    );
    Ok(())
}

/// A prover for whom the constant is 2 proves n = 6 in place of n = 3; D carries what the
/// verifier's constant lacks: `IC_0 + (D + IC_0) = 2 IC_0 + D`.
#[test]
fn shifting_d_by_the_constants_base_forges_only_without_its_own_trapdoor() {
    let matrices = Matrices::record(|cs| constant_circuit(cs, 0)).expect("recorded");
    let own = setup(&matrices, 1, trapdoors()).expect("keys");
    let shared = own.without_own_trapdoor(&trapdoors().rho);
    // The one, e_v and n: (n - 3 * 2) * 2 = 0.
    let values = [2, 6, 6].map(HaloFr::from);
    let doubled = Assignment::new(&values, &[]);
    assert_eq!(matrices.violated(&doubled), None);
    // The library's prover takes the constant to be 1 in A and in B; C has no part of them when
    // they are not randomized.
    let zero = Fr::from(0);
    let mut proof = Engine::create_proof_with_reduction_and_matrices(
        &own.inner,
        zero,
        zero,
        &matrices.rows(),
        matrices.instance(),
        matrices.constraints(),
        doubled.values(),
    )
    .expect("proven");
    proof.a = (proof.a + own.inner.a_query[0]).into_affine();
    proof.b = (proof.b + own.inner.b_g2_query[0]).into_affine();
    let forge = |key: &ProvingKey| {
        let d = key.commit(&[Fr::from(6)]).expect("committed");
        let d = (d + key.verifying.ic[0]).into_affine();
        verify(&key.verifying, &[Fr::from(6)], &d, &proof)
    };
    assert_eq!(forge(&shared), Ok(()), "the attack works");
    assert_eq!(forge(&own), Err(VerifyError::False));
}
