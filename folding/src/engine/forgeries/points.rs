//! Commitments and their folding: what the CycleFold instance says, and for what.

use super::*;
use crate::cyclefold::tests::claim;

/// The claimed R commits to a witness that satisfies the folded claim: any but for one variable.
/// Only the CycleFold instance says that it is not the fold.
#[test]
fn a_claimed_commitment_that_is_not_the_fold() {
    let proof = chain(3, &z0());
    let length = proof.opening.values.witness.len();
    let w: Vec<Fr> = (0..length).map(|_| Fr::random(OsRng)).collect();
    let forged = proof.next_from_nothing(engine(), &HONEST, w.into());
    assert!(refused(&forged.expect("a step")).contains("the running CycleFold instance"));
}

/// A true CycleFold instance, but not of this step's folding.
#[test]
fn a_cyclefold_instance_of_another_step() {
    let earlier = Attempt::begin(&chain(2, &z0())).folded.claim;
    let proof = chain(3, &z0());
    let mut attempt = Attempt::begin(&proof);
    let honest = attempt.folded.claim;
    attempt.folded.claim = earlier;
    attempt.fold_claim();
    attempt.inputs.difference = honest.q;
    attempt.inputs.folded = honest.sum;
    assert!(refused(&attempt.finish()).contains("hashes"));
    // The circuit is told of the other's points: they are not of its running instance.
    let mut attempt = Attempt::begin(&proof);
    attempt.folded.claim = earlier;
    assert!(refused(&attempt.fold_and_finish()).contains("hashes"));
    // The instance that the circuit has made, its own claim's inputs, folded with the commitment to
    // the other's witness.
    let mut attempt = Attempt::begin(&proof);
    let (own, _) = cyclefold_values_of(&attempt.folded.claim);
    let (mut values, _) = cyclefold_values_of(&earlier);
    values.inputs = own.inputs.clone();
    let inputs = attempt.inputs.clone();
    let inputs = attempt
        .next
        .fold_claim(engine(), inputs, &attempt.folded, &values);
    attempt.inputs = inputs.expect("folded");
    let error = refused(&attempt.finish());
    assert!(error.contains("the running CycleFold instance"), "{error}");
}

#[test]
fn points_off_the_curves() {
    // On Grumpkin the augmented circuit itself refuses.
    let mut inputs = honest_inputs(3);
    inputs.cyclefold_commitment.1 += Fr::ONE;
    assert_eq!(violation(&inputs), Some("y^2 = x^3 + b"));
    inputs.cyclefold_commitment.1 = Fr::ZERO;
    assert_eq!(violation(&inputs), Some("infinity is (0, 0)"));
    // On BN254 the CycleFold circuit does. A commitment off the curve has no representation here,
    // so its challenges are computed from its coordinates as the circuit does it.
    let proof = chain(3, &z0());
    let mut attempt = Attempt::begin(&proof);
    attempt.folded.claim.q.1 += Fq::ONE;
    let q = attempt.folded.claim.q;
    let delta = engine().hash(&Query::Delta {
        x: &proof.parts.x,
        difference: &pack(&point_limbs(&q)),
    });
    let messages = &attempt.folded.messages;
    let alpha = engine().alpha(&delta, &messages.f);
    let hash = engine().gamma(&alpha, &messages.k);
    let bits = Challenge::new(oracle::low_bits(hash));
    attempt.folded.claim.challenge = bits;
    let (_, violated) = cyclefold_values_of(&attempt.folded.claim);
    assert_eq!(violated, Some("y^2 = x^3 + b"));
    let challenges = Challenges {
        delta,
        alpha,
        gamma: bits.multiplier(),
    };
    let commitment = attempt.next.parts.running.commitment;
    let before = &proof.parts.running;
    let folded = before.fold(&proof.parts.x, messages, &challenges);
    attempt.next.parts.running = Accumulator {
        commitment,
        ..folded
    };
    assert!(refused(&attempt.fold_and_finish()).contains("the running"));
}

/// "Folding nothing": infinity in D's place, so that R = U.C and the witness stays, at the first
/// folding and at a later one. G is then constant, and not 0 at 1.
#[test]
fn infinity_in_the_place_of_the_difference() {
    for steps in [1, 3] {
        let proof = chain(steps, &z0());
        let nothing = Opening {
            values: proof.opening.values.clone(),
            blind: proof.opening.blind,
        };
        let messages = answers(&proof, &nothing, Commitment::<Primary>::default());
        assert_eq!(messages.k, [Fr::ZERO; claims::QUOTIENT]);
        let attempt = Attempt::send(&proof, &nothing, messages);
        let claim = &attempt.folded.claim;
        assert_eq!((claim.q, claim.sum), ((Fq::ZERO, Fq::ZERO), claim.p));
        assert_eq!(cyclefold_values_of(claim).1, None, "a true claim");
        assert!(refused(&attempt.fold_and_finish()).contains("the running instance"));
    }
}

/// Infinity as the incoming commitment: `D = -U.C`, the commitment to the empty witness.
#[test]
fn infinity_in_the_incoming_commitments_place() {
    for steps in [1, 3] {
        let proof = chain(steps, &z0());
        let zeros = vec![Fr::ZERO; engine().primary.rows().variables()];
        let empty = engine().primary.opening(&zeros, &proof.parts.x, Fr::ZERO);
        let empty = empty.expect("of the same lengths");
        let difference = proof.parts.running.commitment * -Fr::ONE;
        let messages = answers(&proof, &empty, difference);
        let attempt = Attempt::send(&proof, &empty, messages);
        assert_eq!(cyclefold_values_of(&attempt.folded.claim).1, None);
        assert!(refused(&attempt.fold_and_finish()).contains("the running instance"));
    }
}

#[test]
fn infinity_in_the_place_of_other_points() {
    let proof = chain(3, &z0());
    // In the CycleFold commitment's place: the running commitment stays as it is.
    let mut attempt = Attempt::begin(&proof);
    let claim = attempt.folded.claim;
    attempt.fold_claim();
    let before = proof.parts.cyclefold.clone();
    let (values, _) = cyclefold_values_of(&claim);
    let infinity = Commitment::<Secondary>::default();
    let bits = engine().cyclefold_challenge(&proof.parts.x[1], &claim, &infinity);
    let rho: Fq = cyclefold_multiplier(bits);
    attempt.next.parts.cyclefold = before.fold(&rho, &values.inputs, &infinity);
    attempt.next.parts.cyclefold_witness = proof.parts.cyclefold_witness.clone();
    attempt.next.products = proof.products.clone();
    attempt.inputs.cyclefold_commitment = (Fr::ZERO, Fr::ZERO);
    let forged = attempt.finish();
    assert!(refused(&forged).contains("the running CycleFold instance"));

    // In R's place.
    let mut attempt = Attempt::begin(&proof);
    attempt.folded.claim.sum = (Fq::ZERO, Fq::ZERO);
    attempt.next.parts.running.commitment = Commitment::<Primary>::default();
    refused(&attempt.fold_and_finish());

    // In the running commitments' places, which hashes bind.
    for primary in [true, false] {
        let mut attempt = Attempt::begin(&proof);
        if primary {
            attempt.inputs.running.commitment = (Fq::ZERO, Fq::ZERO);
        } else {
            attempt.inputs.cyclefold.commitment = (Fr::ZERO, Fr::ZERO);
        }
        refused(&attempt.fold_and_finish());
    }
}

/// D with the opposite sign, and `Com(w_1)` in its place: true claims of points, for foldings of
/// other witnesses.
#[test]
fn another_difference() {
    let proof = chain(3, &z0());
    let (incoming, difference) = incoming(&proof);
    let commitment = difference + proof.parts.running.commitment;
    for other in [difference * -Fr::ONE, commitment] {
        let messages = answers(&proof, &incoming, other);
        let attempt = Attempt::send(&proof, &incoming, messages);
        assert_eq!(cyclefold_values_of(&attempt.folded.claim).1, None);
        assert!(refused(&attempt.fold_and_finish()).contains("the running instance"));
    }
}

/// Each part of a claim changes the challenge for folding it.
#[test]
fn every_part_of_a_claim_is_absorbed() {
    let honest = Attempt::begin(&chain(3, &z0())).folded.claim;
    let commitment = chain(3, &z0()).parts.cyclefold.commitment;
    let challenge = |x1: Fr, claim: &Claim, commitment: &Commitment<Secondary>| {
        engine().cyclefold_challenge(&x1, claim, commitment)
    };
    let before = challenge(Fr::ONE, &honest, &commitment);
    let other = crate::curve::tests::coordinates(random_point());
    let bits = honest.challenge;
    let other_signs = Challenge {
        signs: bits.signs ^ 1,
        ..bits
    };
    let other_turns = Challenge {
        turns: bits.turns ^ 1,
        ..bits
    };
    let with_bits = |challenge| Claim {
        challenge,
        ..honest
    };
    let changes = [
        with_bits(other_signs),
        with_bits(other_turns),
        Claim { p: other, ..honest },
        Claim { q: other, ..honest },
        Claim {
            sum: other,
            ..honest
        },
    ];
    for claim in changes {
        assert_ne!(challenge(Fr::ONE, &claim, &commitment), before);
    }
    assert_ne!(challenge(Fr::from(2), &honest, &commitment), before);
    let none = Commitment::<Secondary>::default();
    assert_ne!(challenge(Fr::ONE, &honest, &none), before);
    // A random claim is folded like any other.
    let random = claim(bits, G1::random(OsRng), G1::random(OsRng));
    assert_ne!(challenge(Fr::ONE, &random, &commitment), before);
}
