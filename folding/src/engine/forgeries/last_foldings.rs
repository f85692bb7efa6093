//! The last foldings: what is shown of a proof is that of its statement only, and nothing of what
//! leads there can be changed.

use super::{
    mutation::{offsets, spliced},
    *,
};
use crate::blinding::{Blinded, Foldings, RandomClaim, RandomInstance};

fn folded(foldings: &Foldings, statement: &Statement<'_>) -> Accumulator {
    foldings.fold(engine(), statement).expect("folded")
}

/// The instances that a verifier computes are those that the blinded witnesses satisfy, for the
/// statement proven and for no other.
#[test]
fn the_last_foldings_are_of_the_statement_only() {
    let proof = chain(3, &z0());
    let statement = proof.statement();
    let Blinded {
        foldings,
        instance,
        opening,
    } = proof.blinded(engine());
    assert_eq!(folded(&foldings, &statement), instance);
    let check = |instance: &Accumulator| engine().primary.check(instance, &opening);
    check(&instance).expect("satisfied");
    // The values that are kept beside the witness are its own.
    let own = engine()
        .primary
        .opening(opening.witness(), &instance.x, opening.blind);
    assert!(own.expect("of the same lengths").values == opening.values);
    let (mut z, steps) = (proof.z().to_vec(), statement.steps);
    z[0] += Fr::ONE;
    let others = [
        Statement { z: &z, ..statement },
        Statement {
            z0: &z,
            ..statement
        },
        Statement {
            steps: steps + 1,
            ..statement
        },
        Statement {
            steps: steps - 1,
            ..statement
        },
    ];
    for other in others {
        let folded = folded(&foldings, &other);
        assert_ne!(folded, instance);
        assert!(check(&folded).is_err());
    }
    for steps in [0, MAX_STEPS + 1, u64::MAX] {
        let other = Statement { steps, ..statement };
        assert!(foldings.fold(engine(), &other).is_err());
        assert!(foldings.challenges(engine(), &other).is_err());
    }
}

#[test]
fn the_last_folding_on_grumpkin_is_of_the_instance_only() {
    let proof = chain(3, &z0());
    let blinded = proof.blinded_cyclefold(engine()).expect("blinded");
    let secondary = &engine().secondary;
    secondary
        .check(&blinded.instance, &blinded.witness)
        .expect("satisfied");
    let fold = |cyclefold: &Instance<Secondary>| blinded.random.fold_into(engine(), cyclefold);
    let own = &proof.parts.cyclefold;
    assert_eq!(fold(own).expect("folded"), blinded.instance);
    let other = chain(3, &[Fr::from(5); 7]).parts.cyclefold;
    let folded = fold(&other).expect("folded");
    assert!(secondary.check(&folded, &blinded.witness).is_err());
    let mut longer = own.clone();
    longer.x.push(Fq::ZERO);
    assert!(fold(&longer).is_err());
    let mut random = proof.blinded_cyclefold(engine()).expect("blinded").random;
    random.x.truncate(3);
    assert!(random.fold_into(engine(), own).is_err());
}

/// A false last step, or a false claim before it, leads to a false blinded instance.
#[test]
fn a_falsehood_is_blinded_to_a_falsehood() {
    let last = false_step(&chain(2, &z0()));
    let earlier = last.next(engine(), &HONEST).expect("a step");
    for proof in [last, earlier] {
        let Blinded {
            foldings,
            instance,
            opening,
        } = proof.blinded(engine());
        assert_eq!(folded(&foldings, &proof.statement()), instance);
        let checked = engine().primary.check(&instance, &opening);
        assert_eq!(checked, Err(RelationError::Unsatisfied));
    }
}

/// The witnesses of two blindings of one proof have nothing in common, nor has anything that was
/// drawn for them.
#[test]
fn two_blindings_have_nothing_in_common() {
    let proof = chain(3, &z0());
    let (one, two) = (proof.blinded(engine()), proof.blinded(engine()));
    let differ = |one: &[Fr], two: &[Fr]| {
        assert_eq!(one.len(), two.len());
        for (i, (one, two)) in one.iter().zip(two).enumerate() {
            assert_ne!(one, two, "element {i}");
        }
    };
    differ(one.opening.witness(), two.opening.witness());
    differ(one.opening.witness(), proof.opening.witness());
    differ(&[one.opening.blinding()], &[two.opening.blinding()]);
    differ(&one.instance.x, &two.instance.x);
    differ(&[one.instance.e], &[two.instance.e]);
    assert_ne!(one.instance.commitment, two.instance.commitment);
    let (one, two) = (one.foldings, two.foldings);
    differ(&one.random.x, &two.random.x);
    differ(&[one.random.e], &[two.random.e]);
    differ(&one.random.k, &two.random.k);
    assert_ne!(one.random.difference, two.random.difference);
    assert_ne!(one.messages.difference, two.messages.difference);
    let witness = || {
        let blinded = proof.blinded_cyclefold(engine()).expect("blinded");
        (blinded.witness, blinded.instance)
    };
    let (one, two) = (witness(), witness());
    for (one, two) in one.0.w.iter().zip(two.0.w.iter()) {
        assert_ne!(one, two);
    }
    assert_ne!(one.0.blind, two.0.blind);
    assert_ne!(one.1.u, two.1.u);
    for (one, two) in one.1.x.iter().zip(&two.1.x) {
        assert_ne!(one, two);
    }
}

/// A blinding by hand: of a folded proof with a random opening.
struct ByHand {
    folded: Accumulator,
    opening: Opening,
    hash: Fr,
    random: Opening,
    claim: RandomClaim,
}

impl ByHand {
    fn new(proof: &IvcProof) -> Self {
        let relation = &engine().primary;
        let Folding {
            folded,
            opening,
            gamma_hash: hash,
            ..
        } = proof.last_folding(engine());
        let (random, x, e) = relation.random(&folded.beta);
        let weights = claims::weights(&folded.beta, relation.rows().count());
        let commitment = relation.commit(random.witness(), &random.blind);
        let claim = RandomClaim {
            difference: commitment + folded.commitment * -Fr::ONE,
            x,
            e,
            k: claims::quotient(&opening.values, &random.values, &weights),
        };
        ByHand {
            folded,
            opening,
            hash,
            random,
            claim,
        }
    }

    /// Folds by this claim with the challenge for another, or its own.
    fn fold(&self, claim: &RandomClaim, challenge_of: &RandomClaim) -> (Accumulator, Opening) {
        let rho = challenge_of.challenge(engine(), &self.hash);
        let RandomClaim {
            difference,
            x,
            e,
            k,
        } = claim;
        let instance = self.folded.blind(difference, x, *e, k, rho);
        (instance, moved(&self.opening, &self.random, rho))
    }

    fn is_satisfied(&self, claim: &RandomClaim, challenge_of: &RandomClaim) -> bool {
        let (instance, opening) = self.fold(claim, challenge_of);
        engine().primary.check(&instance, &opening).is_ok()
    }
}

/// Claims with one element changed: of e_R, x_R, D_R, K^R.
fn changes(honest: &RandomClaim) -> Vec<RandomClaim> {
    let changed = |change: &dyn Fn(&mut RandomClaim)| {
        let mut claim = honest.clone();
        change(&mut claim);
        claim
    };
    let mut claims = vec![
        changed(&|claim| claim.e += Fr::ONE),
        changed(&|claim| claim.x[0] += Fr::ONE),
        changed(&|claim| claim.x[1] += Fr::ONE),
        changed(&|claim| claim.difference = claim.difference + claim.difference),
        changed(&|claim| claim.difference = Commitment::<Primary>::default()),
    ];
    for j in 0..claims::QUOTIENT {
        claims.push(changed(&|claim| claim.k[j] += Fr::ONE));
    }
    claims
}

/// Whether the challenge is drawn for the changed claim or was drawn for the honest one.
#[test]
fn a_changed_random_claim() {
    let by_hand = ByHand::new(&chain(3, &z0()));
    let honest = &by_hand.claim;
    assert!(by_hand.is_satisfied(honest, honest));
    for (i, claim) in changes(honest).into_iter().enumerate() {
        assert!(!by_hand.is_satisfied(&claim, &claim), "change {i}");
        assert!(!by_hand.is_satisfied(&claim, honest), "change {i}");
    }
}

/// A false claim blinded to a true one, by whoever knows the challenge before e_R or K^R: it is
/// drawn from them.
#[test]
fn the_last_challenge_before_what_it_is_drawn_from() {
    let by_hand = ByHand::new(&false_step(&chain(2, &z0())));
    let honest = &by_hand.claim;
    let (instance, opening) = by_hand.fold(honest, honest);
    let lack = claims::sum(&opening.values, &instance.beta) - instance.e;
    assert_ne!(lack, Fr::ZERO);
    let rho = honest.challenge(engine(), &by_hand.hash);
    let inverse = |value: Fr| value.invert().expect("not 0");
    let mut of_e = honest.clone();
    of_e.e += lack * inverse(rho);
    let mut of_k = honest.clone();
    of_k.k[0] += lack * inverse(rho * (rho - Fr::ONE));
    for claim in [of_e, of_k] {
        assert!(
            by_hand.is_satisfied(&claim, honest),
            "what a forger is after"
        );
        assert!(!by_hand.is_satisfied(&claim, &claim));
    }
}

/// And before D_R: the blinded commitment can be to anything then.
#[test]
fn the_last_challenge_before_the_random_commitment() {
    let mut by_hand = ByHand::new(&false_step(&chain(2, &z0())));
    let honest = by_hand.claim.clone();
    let (instance, opening) = by_hand.fold(&honest, &honest);
    let w = opening.values.witness.clone();
    let w = engine().primary.solve(&instance, w).expect("solved");
    let after = engine().primary.commit(&w, &opening.blind);
    let rho = honest.challenge(engine(), &by_hand.hash);
    let share = rho.invert().expect("not 0");
    let mut forged = honest.clone();
    forged.difference = forged.difference + (after + instance.commitment * -Fr::ONE) * share;
    let (instance, _) = by_hand.fold(&forged, &honest);
    let solved = engine().primary.opening(&w, &instance.x, opening.blind);
    let solved = solved.expect("of the same lengths");
    let checked = engine().primary.check(&instance, &solved);
    checked.expect("what a forger is after");
    // With the challenge for it, he knows no opening that satisfies it: neither that one, nor the
    // one that he has committed to.
    let (instance, _) = by_hand.fold(&forged, &forged);
    assert!(engine().primary.check(&instance, &solved).is_err());
    let shift = w
        .iter()
        .zip(opening.witness())
        .map(|(a, b)| (*a - *b) * share);
    let random = by_hand.random.witness().iter().zip(shift);
    let random: Vec<Fr> = random.map(|(w, by)| *w + by).collect();
    let (x, blind) = (honest.x, by_hand.random.blind);
    let committed = engine().primary.opening(&random, &x, blind);
    by_hand.random = committed.expect("of the same lengths");
    let (instance, opening) = by_hand.fold(&forged, &forged);
    let checked = engine().primary.check(&instance, &opening);
    assert_eq!(checked, Err(RelationError::Unsatisfied));
}

/// Everything that leads to the blinded instance changes its challenges: of the running instances,
/// of the messages, and of the random claim.
#[test]
fn every_element_of_the_last_foldings_is_absorbed() {
    let (proof, longer) = (chain(3, &z0()), chain(4, &z0()));
    let Blinded {
        foldings: honest,
        opening,
        ..
    } = proof.blinded(engine());
    let mut other = longer.blinded(engine()).foldings;
    other.messages.f = mutation::any_f();
    let statement = proof.statement();
    let challenges = |foldings: &Foldings| {
        let challenges = foldings.challenges(engine(), &statement);
        challenges.expect("of the same lengths")
    };
    let before = challenges(&honest);
    let mut changed: Vec<Foldings> = vec![];
    let mut splice_all =
        |own: Vec<u8>, other: Vec<u8>, head, put: &dyn Fn(&mut Foldings, &[u8])| {
            for offset in offsets(own.len(), head) {
                let mut foldings = honest.clone();
                put(&mut foldings, &spliced(&own, &other, offset));
                changed.push(foldings);
            }
        };
    let bytes = |value: &Accumulator| encode(value).expect("encoded");
    splice_all(
        bytes(&honest.running),
        bytes(&other.running),
        3,
        &|foldings, bytes| foldings.running = decode(bytes).expect("valid"),
    );
    let bytes = |value: &Messages| encode(value).expect("encoded");
    splice_all(
        bytes(&honest.messages),
        bytes(&other.messages),
        1,
        &|foldings, bytes| foldings.messages = decode(bytes).expect("valid"),
    );
    let bytes = |value: &Instance<Secondary>| encode(value).expect("encoded");
    splice_all(
        bytes(&honest.cyclefold),
        bytes(&other.cyclefold),
        2,
        &|foldings, bytes| foldings.cyclefold = decode(bytes).expect("valid"),
    );
    let mut salted = honest.clone();
    salted.salt += Fr::ONE;
    changed.push(salted);
    for (i, foldings) in changed.iter().enumerate() {
        let after = challenges(foldings);
        assert_ne!(after.0, before.0, "change {i}");
        assert_ne!(after.1, before.1, "change {i}");
        let folded = folded(foldings, &statement);
        let checked = engine().primary.check(&folded, &opening);
        assert!(checked.is_err(), "change {i}");
    }
    for (i, random) in changes(&honest.random).into_iter().enumerate() {
        let mut foldings = honest.clone();
        foldings.random = random;
        let after = challenges(&foldings);
        assert_eq!(after.0, before.0, "it is drawn before");
        assert_ne!(after.1, before.1, "change {i}");
        let folded = folded(&foldings, &statement);
        let checked = engine().primary.check(&folded, &opening);
        assert!(checked.is_err(), "change {i}");
    }
}

/// The last challenge is drawn from all of gamma's hash, of which gamma takes half.
#[test]
fn the_last_challenge_is_after_all_of_gammas_hash() {
    let by_hand = ByHand::new(&chain(2, &z0()));
    let before = by_hand.claim.challenge(engine(), &by_hand.hash);
    let high = by_hand.hash + Fr::from(2).pow_vartime([200]);
    assert_eq!(oracle::low_bits(high), oracle::low_bits(by_hand.hash));
    assert_ne!(by_hand.claim.challenge(engine(), &high), before);
}

#[test]
fn foldings_of_other_lengths_are_refused() {
    let proof = chain(3, &z0());
    let honest = proof.blinded(engine()).foldings;
    let forgeries: [fn(&mut Foldings); 7] = [
        |foldings| foldings.running.beta.push(Fr::ZERO),
        |foldings| foldings.running.beta.truncate(2),
        |foldings| foldings.running.beta.clear(),
        |foldings| foldings.messages.f.push(Fr::ZERO),
        |foldings| foldings.messages.f.truncate(2),
        |foldings| foldings.messages.f.clear(),
        |foldings| foldings.cyclefold.x.push(Fq::ZERO),
    ];
    for (i, forge) in forgeries.into_iter().enumerate() {
        let mut foldings = honest.clone();
        forge(&mut foldings);
        let statement = proof.statement();
        assert!(foldings.fold(engine(), &statement).is_err(), "{i}");
        assert!(foldings.challenges(engine(), &statement).is_err(), "{i}");
    }
}

/// Those that constraints are made with have the lengths of all others.
#[test]
fn blank_foldings_have_the_right_lengths() {
    let proof = chain(1, &z0());
    let blank = Foldings::blank(engine());
    blank.fold(engine(), &proof.statement()).expect("in range");
}

/// The same on Grumpkin.
#[test]
fn every_element_of_the_random_cyclefold_instance_is_absorbed() {
    let proof = chain(3, &z0());
    let random = || proof.blinded_cyclefold(engine()).expect("blinded").random;
    let (one, two) = (random(), random());
    let x1 = &proof.parts.x[1];
    let before = one.challenge(engine(), x1);
    let (own, other) = (
        encode(&one).expect("encoded"),
        encode(&two).expect("encoded"),
    );
    // Com(W || T), Com(0 || E), u; a length; x.
    assert_eq!((own.len() - 8) / 32, 3 + cyclefold::PUBLIC_INPUTS);
    for offset in offsets(own.len(), 3) {
        let changed: RandomInstance<Secondary> =
            decode(&spliced(&own, &other, offset)).expect("valid");
        assert_ne!(changed.challenge(engine(), x1), before);
    }
    assert_ne!(one.challenge(engine(), &(*x1 + Fr::ONE)), before);
}
