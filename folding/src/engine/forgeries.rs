//! What a prover who leaves the honest path cannot do: a named test for each thing that has broken
//! in such systems (`docs/folding.md`).
//!
//! A forger computes everything like an honest prover but for the forgery, and keeps all that he is
//! free to keep consistent with it. His proof must be refused at once, and still after honest
//! steps.

use ff::Field;
use halo2curves::{
    bn256::{G1Affine, G1},
    group::{Curve, Group},
};
use maci_nova_step_circuit::recorder::Recorder;
use rand_core::OsRng;

use super::{
    tests::{chain, engine, z0, Rotate, HONEST},
    *,
};
use crate::{
    cyclefold::tests::claim,
    mutation::{every_hint, every_variable},
};

/// A step between its two foldings.
struct Attempt {
    next: IvcProof,
    inputs: Inputs,
    claim: Claim,
}

impl Attempt {
    /// Folds the incoming instance into U.
    fn begin(proof: &IvcProof) -> Self {
        let mut next = proof.clone();
        let Parts {
            steps,
            z0,
            z,
            salt,
            running,
            cyclefold,
            ..
        } = &proof.parts;
        let mut inputs = Inputs {
            step: *steps,
            z: z.clone(),
            salt: *salt,
            next_salt: Fr::random(OsRng),
            running: running_values(running).expect("in range"),
            cyclefold: cyclefold_values(cyclefold).expect("in range"),
            ..Inputs::first(engine().digest, z0, Fr::ONE)
        };
        let claim = next.fold_primary(engine()).expect("folded");
        inputs.commitment = claim.q;
        inputs.folded = claim.sum;
        Attempt {
            next,
            inputs,
            claim,
        }
    }

    /// Folds the CycleFold instance of the claim, whether it is true or not.
    fn fold_claim(&mut self) {
        let (x, w, _) = cyclefold_witness(&self.claim);
        let folded = self.next.fold_cyclefold(engine(), &self.claim, &x, &w);
        self.inputs.cyclefold_commitment = coordinates::<Secondary>(&folded.expect("folded"));
    }

    /// Runs the step's circuit on the inputs as they are.
    fn finish(mut self) -> IvcProof {
        let step = engine().step(&self.inputs, &HONEST).expect("synthesized");
        assert_eq!(step.violated, None, "the step itself accepts the forgery");
        self.next.follow(&self.inputs, step);
        self.next
    }
}

/// The error of a proof that must be false now and after two more honest steps.
fn refused(forged: &IvcProof) -> String {
    let error = forged.verify(engine(), &z0()).expect_err("a forgery");
    let mut later = forged.clone();
    for _ in 0..2 {
        later = later.next(engine(), &HONEST).expect("an honest step");
    }
    later.verify(engine(), &z0()).expect_err("still a forgery");
    error.to_string()
}

fn violation(inputs: &Inputs) -> Option<&'static str> {
    engine()
        .step(inputs, &HONEST)
        .expect("synthesized")
        .violated
}

/// The inputs of an honest step that follows so many.
fn honest_inputs(steps: usize) -> Inputs {
    chain(steps, &z0()).fold(engine()).expect("folded")
}

fn random_point() -> G1Affine {
    G1::random(OsRng).to_affine()
}

fn with_parts(proof: &IvcProof, change: impl FnOnce(&mut Parts)) -> IvcProof {
    let mut parts = proof.parts.clone();
    change(&mut parts);
    IvcProof::from_parts(engine(), parts).expect("of the same sizes")
}

/// The public inputs that a forger states are those of what he shows.
fn restate(parts: &mut Parts) {
    let (running, cyclefold) = (&parts.running, &parts.cyclefold);
    parts.x = engine()
        .public_inputs(&parts.statement(), &parts.salt, running, cyclefold)
        .expect("in range");
}

#[test]
fn an_attempt_without_a_forgery_is_true() {
    let mut attempt = Attempt::begin(&chain(3, &z0()));
    attempt.fold_claim();
    let next = attempt.finish();
    assert_eq!(next.verify(engine(), &z0()).expect("true"), next.z());
}

#[test]
fn a_changed_hash_in_the_public_inputs() {
    for k in 0..2 {
        let forged = with_parts(&chain(3, &z0()), |parts| parts.x[k] += Fr::ONE);
        assert!(refused(&forged).contains("hashes"));
    }
}

#[test]
fn another_number_of_steps() {
    for steps in [1, 2, 4, u64::MAX, 0] {
        let forged = with_parts(&chain(3, &z0()), |parts| parts.steps = steps);
        assert!(forged.verify(engine(), &z0()).is_err());
        if (1..MAX_STEPS).contains(&steps) {
            let restated = with_parts(&forged, restate);
            assert!(refused(&restated).contains("the last step"));
        }
    }
}

#[test]
fn another_state_or_salt() {
    let changes: [fn(&mut Parts); 2] =
        [|parts| parts.z[2] += Fr::ONE, |parts| parts.salt += Fr::ONE];
    for change in changes {
        let forged = with_parts(&chain(3, &z0()), change);
        assert!(refused(&forged).contains("hashes"));
        assert!(refused(&with_parts(&forged, restate)).contains("the last step"));
    }
}

/// The other chain's instance is satisfied by its witness.
#[test]
fn a_running_instance_from_another_chain() {
    let (own, other) = (chain(3, &z0()), chain(3, &[Fr::from(5); 7]));
    let forged = with_parts(&own, |parts| {
        parts.running = other.parts.running.clone();
        parts.running_witness = other.parts.running_witness.clone();
    });
    assert!(refused(&forged).contains("hashes"));
    assert!(refused(&with_parts(&forged, restate)).contains("the last step"));
}

#[test]
fn a_cyclefold_instance_from_another_chain() {
    let (own, other) = (chain(3, &z0()), chain(3, &[Fr::from(5); 7]));
    let forged = with_parts(&own, |parts| {
        parts.cyclefold = other.parts.cyclefold.clone();
        parts.cyclefold_witness = other.parts.cyclefold_witness.clone();
    });
    assert!(refused(&forged).contains("hashes"));
    assert!(refused(&with_parts(&forged, restate)).contains("the last step"));
}

/// ePrint 2023/969: the last step's instance does not bind a running instance of one of the curves,
/// so that a trivially satisfied one can stand there.
#[test]
fn the_attack_on_the_cycle_of_curves() {
    for primary in [true, false] {
        let forged = with_parts(&chain(3, &z0()), |parts| {
            if primary {
                (parts.running, parts.running_witness) = engine().primary.zero();
            } else {
                (parts.cyclefold, parts.cyclefold_witness) = engine().secondary.zero();
            }
        });
        assert!(refused(&forged).contains("hashes"));
        assert!(refused(&with_parts(&forged, restate)).contains("the last step"));
    }
}

#[test]
fn previous_values_at_step_zero() {
    let first = Inputs::first(engine().digest, &z0(), Fr::ONE);
    assert_eq!(violation(&first), None);
    let previous = honest_inputs(3);
    let mut forgeries = vec![previous.clone()];
    let mut forge = |change: &dyn Fn(&mut Inputs)| {
        let mut inputs = first.clone();
        change(&mut inputs);
        forgeries.push(inputs);
    };
    forge(&|inputs| inputs.running = previous.running.clone());
    forge(&|inputs| inputs.running.commitment = previous.running.commitment);
    forge(&|inputs| inputs.salt = Fr::ONE);
    forge(&|inputs| inputs.running.u = Fr::ONE);
    forge(&|inputs| inputs.running.x[0] = Fr::ONE);
    forge(&|inputs| inputs.running.x[1] = Fr::ONE);
    forge(&|inputs| inputs.commitment = previous.commitment);
    forge(&|inputs| inputs.folded = previous.folded);
    forge(&|inputs| inputs.cyclefold = previous.cyclefold.clone());
    forge(&|inputs| inputs.cyclefold.commitment = previous.cyclefold.commitment);
    forge(&|inputs| inputs.cyclefold.u = Fr::ONE);
    for k in 0..cyclefold::PUBLIC_INPUTS {
        forge(&move |inputs| inputs.cyclefold.x[k] = Fr::ONE);
    }
    forge(&|inputs| inputs.cyclefold_commitment = previous.cyclefold_commitment);
    for (i, forgery) in forgeries.iter_mut().enumerate() {
        forgery.step = 0;
        assert!(violation(forgery).is_some(), "forgery {i}");
    }
}

#[test]
fn a_hidden_start_state() {
    for k in 0..7 {
        let mut inputs = Inputs::first(engine().digest, &z0(), Fr::ONE);
        inputs.z[k] += Fr::ONE;
        assert_eq!(violation(&inputs), Some("nothing before step 0"));
    }
    // A true chain from elsewhere, stated to begin here.
    let elsewhere = chain(3, &[Fr::from(5); 7]);
    let forged = with_parts(&elsewhere, |parts| {
        parts.z0 = z0();
        restate(parts);
    });
    assert!(refused(&forged).contains("the last step"));
}

/// C moved after the challenge for it is known: the circuit's challenge is for the C that it is
/// given.
#[test]
fn a_cross_term_chosen_after_the_challenge() {
    let proof = chain(3, &z0());
    let mut attempt = Attempt::begin(&proof);
    let rho = attempt.claim.challenge.multiplier();
    // C' = C + Com(0 || delta), R' = R + rho Com(0 || delta): E' is what the forger likes.
    let mut delta = vec![Fr::ZERO; engine().sizes().constraints.0];
    delta[7] = Fr::from(3);
    let moved = engine().primary.commit(&[], &delta, &Fr::ZERO);
    let parts = &mut attempt.next.parts;
    parts.running.commitment = parts.running.commitment + moved * rho;
    parts.running_witness.e[7] += rho * delta[7];
    let incoming = point(&attempt.claim.q) + moved.into_inner();
    attempt.claim.q = affine(incoming);
    attempt.claim.sum = coordinates::<Primary>(&parts.running.commitment);
    // The claim is true, for the old challenge; the circuit states it with the new one.
    assert_eq!(cyclefold_witness(&attempt.claim).2, None);
    attempt.inputs.commitment = attempt.claim.q;
    attempt.inputs.folded = attempt.claim.sum;
    attempt.fold_claim();
    let forged = attempt.finish();
    assert!(refused(&forged).contains("hashes"));
}

fn point((x, y): &(Fq, Fq)) -> G1 {
    if *x == Fq::ZERO && *y == Fq::ZERO {
        return G1::identity();
    }
    G1Affine { x: *x, y: *y }.into()
}

fn affine(point: G1) -> (Fq, Fq) {
    crate::curve::tests::coordinates(point.to_affine())
}

/// The claimed R commits to vectors that satisfy the folded instance: any W, and the error that
/// makes it right. Only the CycleFold instance says that it is not the fold.
#[test]
fn a_claimed_commitment_that_is_not_the_fold() {
    let proof = chain(3, &z0());
    let w: Vec<Fr> = proof.parts.w.iter().map(|_| Fr::random(OsRng)).collect();
    let forged = proof.next_from_nothing(engine(), &HONEST, w.into());
    assert!(refused(&forged.expect("a step")).contains("the running CycleFold instance"));
}

/// A true CycleFold instance, but not of this step's folding.
#[test]
fn a_cyclefold_instance_of_another_step() {
    let earlier = Attempt::begin(&chain(2, &z0())).claim;
    let proof = chain(3, &z0());
    let mut attempt = Attempt::begin(&proof);
    attempt.claim = earlier;
    attempt.fold_claim();
    let mut forged = attempt.finish();
    assert!(refused(&forged).contains("hashes"));
    // The same with the instance that the circuit has made: its own claim's inputs, folded with
    // the commitment to the other's witness.
    let mut attempt = Attempt::begin(&proof);
    let own = attempt.claim;
    let (x, _, _) = cyclefold_witness(&own);
    let (_, w, _) = cyclefold_witness(&earlier);
    let commitment = attempt
        .next
        .fold_cyclefold(engine(), &own, &x, &w)
        .expect("folded");
    attempt.inputs.cyclefold_commitment = coordinates::<Secondary>(&commitment);
    forged = attempt.finish();
    let error = refused(&forged);
    assert!(error.contains("the running CycleFold instance"), "{error}");
}

/// The running instance that a step was told, with the commitment of `instance`.
fn chain_instance(instance: &Instance<Primary>, told: &Running) -> Instance<Primary> {
    Instance {
        commitment: instance.commitment,
        u: told.u,
        x: told.x.to_vec(),
    }
}

#[test]
fn points_off_the_curves() {
    // On Grumpkin the augmented circuit itself refuses.
    let mut inputs = honest_inputs(3);
    inputs.cyclefold_commitment.1 += Fr::ONE;
    assert_eq!(violation(&inputs), Some("y^2 = x^3 + b"));
    inputs.cyclefold_commitment.1 = Fr::ZERO;
    assert_eq!(violation(&inputs), Some("infinity is (0, 0)"));
    // On BN254 the CycleFold circuit does.
    let mut attempt = Attempt::begin(&chain(3, &z0()));
    attempt.claim.q.1 += Fq::ONE;
    // The challenge that the circuit will compute for these coordinates.
    let query = Query::Challenge {
        x: &attempt.next.parts.x,
        commitment: &pack(&point_limbs(&attempt.claim.q)),
    };
    let bits = engine().oracle.challenge(engine().digest, &query);
    attempt.claim.challenge = Challenge::new(bits);
    attempt.inputs.commitment = attempt.claim.q;
    assert_eq!(cyclefold_witness(&attempt.claim).2, Some("y^2 = x^3 + b"));
    let rho = attempt.claim.challenge.multiplier();
    let parts = &mut attempt.next.parts;
    let before = chain_instance(&parts.running, &attempt.inputs.running);
    let commitment = parts.running.commitment;
    parts.running = before.fold(&rho, &parts.x, &Commitment::<Primary>::default());
    parts.running.commitment = commitment;
    attempt.fold_claim();
    let forged = attempt.finish();
    assert!(refused(&forged).contains("the running"));
}

/// "Folding nothing": infinity in C's place and R = U.C, at the first folding and at a later one.
#[test]
fn infinity_in_the_incoming_commitments_place() {
    for steps in [1, 3] {
        let proof = chain(steps, &z0());
        let mut attempt = Attempt::begin(&proof);
        let infinity = Commitment::<Primary>::default();
        let x = proof.parts.x;
        let challenge = engine().challenge(&x, &infinity);
        let before = &proof.parts.running;
        attempt.next.parts.running = before.fold(&challenge.multiplier(), &x, &infinity);
        attempt.next.parts.running_witness = proof.parts.running_witness.clone();
        attempt.claim.challenge = challenge;
        attempt.claim.q = (Fq::ZERO, Fq::ZERO);
        attempt.claim.sum = attempt.claim.p;
        assert_eq!(cyclefold_witness(&attempt.claim).2, None, "a true claim");
        attempt.inputs.commitment = attempt.claim.q;
        attempt.inputs.folded = attempt.claim.sum;
        attempt.fold_claim();
        let forged = attempt.finish();
        assert!(refused(&forged).contains("the running instance"));
    }
}

#[test]
fn infinity_in_the_place_of_other_points() {
    let proof = chain(3, &z0());
    // In the CycleFold commitment's place: the running commitment stays as it is.
    let mut attempt = Attempt::begin(&proof);
    let before = proof.parts.cyclefold.clone();
    let (x, _, _) = cyclefold_witness(&attempt.claim);
    let infinity = Commitment::<Secondary>::default();
    let bits = engine().cyclefold_challenge(&proof.parts.x[1], &attempt.claim, &infinity);
    attempt.next.parts.cyclefold = before.fold(&cyclefold_multiplier(bits), &x, &infinity);
    attempt.inputs.cyclefold_commitment = (Fr::ZERO, Fr::ZERO);
    let forged = attempt.finish();
    assert!(refused(&forged).contains("the running CycleFold instance"));

    // In R's place.
    let mut attempt = Attempt::begin(&proof);
    attempt.claim.sum = (Fq::ZERO, Fq::ZERO);
    attempt.inputs.folded = attempt.claim.sum;
    attempt.next.parts.running.commitment = Commitment::<Primary>::default();
    attempt.fold_claim();
    refused(&attempt.finish());

    // In the running commitments' places, which hashes bind.
    for primary in [true, false] {
        let mut attempt = Attempt::begin(&proof);
        if primary {
            attempt.inputs.running.commitment = (Fq::ZERO, Fq::ZERO);
        } else {
            attempt.inputs.cyclefold.commitment = (Fr::ZERO, Fr::ZERO);
        }
        attempt.fold_claim();
        refused(&attempt.finish());
    }
}

/// A running instance that the step before did not hash: the circuit computes the incoming public
/// inputs from what it is told, so the folded instance is not that of any witness.
#[test]
fn a_step_told_of_other_running_instances() {
    let proof = chain(3, &z0());
    let forgeries: [fn(&mut Inputs); 6] = [
        |inputs| inputs.salt += Fr::ONE,
        |inputs| inputs.running.u += Fr::ONE,
        |inputs| inputs.running.x[0] += Fr::ONE,
        |inputs| inputs.cyclefold.u += Fr::ONE,
        |inputs| inputs.cyclefold.x[9] += Fr::ONE,
        |inputs| inputs.z[3] += Fr::ONE,
    ];
    for forge in forgeries {
        let mut attempt = Attempt::begin(&proof);
        attempt.fold_claim();
        forge(&mut attempt.inputs);
        refused(&attempt.finish());
    }
}

/// The forger restates the incoming instance: its witness does not satisfy it any more, and a cross
/// term cannot make up for that.
#[test]
fn an_incoming_instance_with_other_public_inputs() {
    let forged = with_parts(&chain(3, &z0()), |parts| {
        parts.running.u += Fr::ONE;
        restate(parts);
    });
    assert!(refused(&forged).contains("the last step"));
    let later = forged.next(engine(), &HONEST).expect("a step");
    let error = later.verify(engine(), &z0()).expect_err("false");
    assert!(
        error.to_string().contains("the running instance"),
        "{error}"
    );
}

#[test]
fn a_changed_witness_or_error() {
    let proof = chain(3, &z0());
    let forgeries: [fn(&mut Parts); 7] = [
        |parts| parts.running_witness.w[11] += Fr::ONE,
        |parts| parts.running_witness.e[11] += Fr::ONE,
        |parts| parts.running_witness.blind += Fr::ONE,
        |parts| parts.w[11] += Fr::ONE,
        |parts| parts.cyclefold_witness.w[11] += Fq::ONE,
        |parts| parts.cyclefold_witness.e[11] += Fq::ONE,
        |parts| parts.cyclefold_witness.blind += Fq::ONE,
    ];
    for forge in forgeries {
        refused(&with_parts(&proof, forge));
    }
}

#[test]
fn vectors_of_other_lengths_are_refused() {
    let proof = chain(3, &z0());
    let forgeries: [fn(&mut Parts); 8] = [
        |parts| parts.running_witness.e.clear(),
        |parts| parts.cyclefold_witness.e.clear(),
        |parts| parts.running_witness.e.push(Fr::ZERO),
        |parts| parts.running_witness.w.push(Fr::ZERO),
        |parts| parts.w.push(Fr::ZERO),
        |parts| parts.running.x.push(Fr::ZERO),
        |parts| parts.cyclefold.x.push(Fq::ZERO),
        |parts| parts.z.push(Fr::ZERO),
    ];
    for (i, forge) in forgeries.into_iter().enumerate() {
        let mut parts = proof.parts.clone();
        forge(&mut parts);
        let products = proof.products.clone();
        let forged = IvcProof { parts, products };
        assert!(forged.verify(engine(), &z0()).is_err(), "forgery {i}");
    }
}

/// An engine whose parts are changed as their encodings: one element of a matrix or a key.
fn altered(
    shapes: impl FnOnce(&mut R1CSShape<Primary>, &mut R1CSShape<Secondary>),
    keys: impl FnOnce(&mut Vec<u8>, &mut Vec<u8>),
) -> PublicParams {
    let original = engine();
    let mut shape = original.primary.shape().clone();
    let mut cyclefold = original.secondary.shape().clone();
    shapes(&mut shape, &mut cyclefold);
    let mut key = encode(original.primary.key()).expect("encoded");
    let mut pedersen = encode(original.secondary.key()).expect("encoded");
    keys(&mut key, &mut pedersen);
    let mut engine = PublicParams {
        primary: Relation::new(shape, decode(&key).expect("a key")).expect("long enough"),
        secondary: Relation::new(cyclefold, decode(&pedersen).expect("a key"))
            .expect("long enough"),
        oracle: Oracle::new(),
        start: original.start.clone(),
        digest: Fr::ZERO,
        arity: original.arity,
    };
    engine.digest = engine.compute_digest().expect("a digest");
    engine
}

/// Adds one to one entry of A.
fn change_entry<E: CurveEngine>(shape: &mut R1CSShape<E>) {
    let mut a = shape.A().clone();
    let middle = a.data.len() / 2;
    a.data[middle] += E::Scalar::ONE;
    let (b, c) = (shape.B().clone(), shape.C().clone());
    let sizes = (shape.num_cons(), shape.num_vars(), shape.num_io());
    *shape = R1CSShape::new(sizes.0, sizes.1, sizes.2, a, b, c).expect("indices in range");
}

/// Replaces the 32 bytes of point number `to` by those of point number `from`.
fn change_point(key: &mut [u8], from: usize, to: usize) {
    let bytes = key[8 + 32 * from..8 + 32 * (from + 1)].to_vec();
    key[8 + 32 * to..8 + 32 * (to + 1)].copy_from_slice(&bytes);
}

/// Puts the generator of G2 in the place of tau times it.
fn change_tau(key: &mut [u8]) {
    let generator = encode(&halo2curves::bn256::G2Affine::generator()).expect("encoded");
    let start = key.len() - generator.len();
    key[start..].copy_from_slice(&generator);
}

#[test]
fn parameters_with_one_entry_or_one_key_element_changed() {
    let proof = chain(3, &z0());
    let same = altered(|_, _| {}, |_, _| {});
    assert_eq!(same.digest, engine().digest);
    proof.verify(&same, &z0()).expect("the same parameters");
    let points = |key: &[u8]| (key.len() - 8) / 32;
    let (kzg, pedersen) = (
        points(&encode(same.primary.key()).expect("encoded")),
        points(&encode(same.secondary.key()).expect("encoded")),
    );
    let others = [
        altered(|primary, _| change_entry(primary), |_, _| {}),
        altered(|_, secondary| change_entry(secondary), |_, _| {}),
        altered(|_, _| {}, |key, _| change_point(key, 4, 5)),
        // The blinding generator follows the powers; tau H of the verifier's key, of G2, is last.
        altered(|_, _| {}, |key, _| change_point(key, 1, kzg - 3)),
        altered(|_, _| {}, |key, _| change_tau(key)),
        altered(|_, _| {}, |_, key| change_point(key, 4, 5)),
        altered(|_, _| {}, |_, key| change_point(key, 4, pedersen - 1)),
    ];
    for (i, other) in others.iter().enumerate() {
        assert_ne!(other.digest, engine().digest, "change {i}");
        let error = proof.verify(other, &z0()).expect_err("other parameters");
        assert!(error.to_string().contains("hashes"), "change {i}");
    }
}

/// The arity is in the digest as well. (So are the random oracle's constants, which nothing can
/// change here.)
#[test]
fn the_digest_covers_the_rest() {
    let mut other = altered(|_, _| {}, |_, _| {});
    other.arity += 1;
    assert_ne!(other.compute_digest().expect("a digest"), engine().digest);
    let mut other = altered(|_, _| {}, |_, _| {});
    other.start = Start::known_but_for(&z0(), &[1, 2, 3, 4, 5, 6]);
    assert_ne!(other.compute_digest().expect("a digest"), engine().digest);
}

struct Run {
    recorder: Recorder<Fr>,
    hints: Vec<Fr>,
}

fn record(inputs: &Inputs) -> Run {
    let mut recorder = Recorder::default();
    let mut gadget = Gadget::new(&mut recorder);
    augmented::fill(
        &mut gadget,
        engine().oracle(),
        engine().start(),
        inputs,
        &HONEST,
    )
    .expect("synthesized");
    let hints = gadget.hints().to_vec();
    Run { recorder, hints }
}

/// The public inputs and whether everything is satisfied, with a hint replaced.
fn run_with(inputs: &Inputs, replacement: (usize, Fr)) -> ([Fr; 2], bool) {
    let mut cs = WitnessCS::<Fr>::new();
    let mut gadget = Gadget::with_replacements(&mut cs, &[replacement]);
    augmented::fill(
        &mut gadget,
        engine().oracle(),
        engine().start(),
        inputs,
        &HONEST,
    )
    .expect("synthesized");
    let satisfied = gadget.violated().is_none();
    let x = [cs.input_assignment()[1], cs.input_assignment()[2]];
    (x, satisfied)
}

/// Every variable of F' changed alone violates a constraint; every hint replaced, with everything
/// after it computed anew, does too or, if it is an input of the step, changes the public inputs.
#[test]
fn every_variable_and_every_hint_of_the_augmented_circuit_is_bound() {
    let inputs = [
        Inputs::first(engine().digest, &z0(), Fr::ONE),
        honest_inputs(1),
        honest_inputs(3),
    ];
    for inputs in &inputs {
        let Run { recorder, hints } = record(inputs);
        every_variable(&recorder);
        let of_inputs = augmented::tests::input_hints(inputs);
        let honest = run_with(inputs, (usize::MAX, Fr::ZERO));
        assert!(honest.1);
        every_hint(&hints, |replacement| {
            let (x, satisfied) = run_with(inputs, replacement);
            !satisfied || (replacement.0 < of_inputs && x != honest.0)
        });
    }
}

/// What is hashed of an instance is all of it: each element of its encoding, taken from another
/// instance's, gives another hash. (An element that is added to an instance and not absorbed fails
/// this.)
#[test]
fn every_element_of_the_instances_is_absorbed() {
    let (one, two) = (chain(3, &z0()).parts, chain(4, &z0()).parts);
    let hash = |running: &Instance<Primary>, cyclefold: &Instance<Secondary>| {
        engine()
            .public_inputs(&one.statement(), &one.salt, running, cyclefold)
            .expect("in range")
    };
    let honest = hash(&one.running, &one.cyclefold);
    let elements = |bytes: usize| (bytes - 8) / 32;
    let own = encode(&one.running).expect("encoded");
    let other = encode(&two.running).expect("encoded");
    // Commitment, u; a length; x.
    assert_eq!(elements(own.len()), 2 + 2);
    for offset in offsets(own.len(), 2) {
        let changed: Instance<Primary> = decode(&spliced(&own, &other, offset)).expect("valid");
        assert_ne!(hash(&changed, &one.cyclefold)[0], honest[0], "{offset}");
    }
    let own = encode(&one.cyclefold).expect("encoded");
    let other = encode(&two.cyclefold).expect("encoded");
    assert_eq!(elements(own.len()), 2 + cyclefold::PUBLIC_INPUTS);
    for offset in offsets(own.len(), 2) {
        let changed: Instance<Secondary> = decode(&spliced(&own, &other, offset)).expect("valid");
        assert_ne!(hash(&one.running, &changed)[1], honest[1], "{offset}");
    }
}

/// The same of the random instances that the last foldings take.
#[test]
fn every_element_of_the_random_instances_is_absorbed() {
    let proof = chain(3, &z0());
    let one = proof.blinded(engine()).expect("blinded").foldings;
    let two = proof.blinded(engine()).expect("blinded").foldings;
    let challenges = |foldings: &crate::blinding::Foldings| {
        (
            foldings.blinding(engine(), &proof.parts.x),
            foldings.cyclefold_blinding(engine(), &proof.parts.x[1]),
        )
    };
    let honest = challenges(&one);
    let (own, other) = (
        encode(&one.random).expect("encoded"),
        encode(&two.random).expect("encoded"),
    );
    for offset in offsets(own.len(), 3) {
        let mut changed = one.clone();
        changed.random = decode(&spliced(&own, &other, offset)).expect("valid");
        assert_ne!(challenges(&changed).0, honest.0);
    }
    let (own, other) = (
        encode(&one.random_cyclefold).expect("encoded"),
        encode(&two.random_cyclefold).expect("encoded"),
    );
    for offset in offsets(own.len(), 3) {
        let mut changed = one.clone();
        changed.random_cyclefold = decode(&spliced(&own, &other, offset)).expect("valid");
        assert_ne!(challenges(&changed).1, honest.1);
    }
    let mut changed = one.clone();
    changed.commitment = two.commitment;
    assert_ne!(challenges(&changed).0, honest.0);
}

/// Offsets of the 32-byte elements of an encoding with a length of 8 bytes after `head` of them.
fn offsets(bytes: usize, head: usize) -> Vec<usize> {
    let tail = (bytes - 8 - 32 * head) / 32;
    let head_offsets = (0..head).map(|i| 32 * i);
    head_offsets
        .chain((0..tail).map(|i| 32 * (head + i) + 8))
        .collect()
}

/// `own` with the element at `offset` from `other`.
fn spliced(own: &[u8], other: &[u8], offset: usize) -> Vec<u8> {
    let mut spliced = own.to_vec();
    assert_ne!(own[offset..offset + 32], other[offset..offset + 32]);
    spliced[offset..offset + 32].copy_from_slice(&other[offset..offset + 32]);
    spliced
}

/// Each part of a claim changes the challenge for folding it.
#[test]
fn every_part_of_a_claim_is_absorbed() {
    let honest = Attempt::begin(&chain(3, &z0())).claim;
    let commitment = chain(3, &z0()).parts.cyclefold.commitment;
    let challenge = |x1: Fr, claim: &Claim, commitment: &Commitment<Secondary>| {
        engine().cyclefold_challenge(&x1, claim, commitment)
    };
    let before = challenge(Fr::ONE, &honest, &commitment);
    let other = crate::curve::tests::coordinates(random_point());
    let Claim {
        challenge: bits, ..
    } = honest;
    let changes = [
        Claim {
            challenge: Challenge {
                signs: bits.signs ^ 1,
                ..bits
            },
            ..honest
        },
        Claim {
            challenge: Challenge {
                turns: bits.turns ^ 1,
                ..bits
            },
            ..honest
        },
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

/// A step circuit that lies is noticed when its own constraints are checked.
#[test]
fn a_false_step_in_the_middle() {
    let lie = Rotate {
        false_witness: true,
    };
    let proof = chain(2, &z0());
    let forged = proof.next(engine(), &lie).expect("not checked here");
    assert!(refused(&forged).contains("the last step"));
}

/// Hashes of states are salted: sums of them are published, and must not confirm guesses. (With two
/// steps `U.x / U.u` is the first hash itself.)
#[test]
fn hashes_of_states_tell_nothing_of_them() {
    let (one, two) = (chain(2, &z0()), chain(2, &z0()));
    assert_eq!(one.z(), two.z());
    let first_hash = |proof: &IvcProof| {
        let Instance { u, x, .. } = &proof.parts.running;
        x[0] * u.invert().expect("a challenge")
    };
    assert_ne!(first_hash(&one), first_hash(&two));
    let (running, cyclefold) = (engine().primary.zero().0, engine().secondary.zero().0);
    let guessed = chain(1, &z0());
    let guess = guessed.parts.statement();
    let unsalted = engine().public_inputs(&guess, &Fr::ZERO, &running, &cyclefold);
    assert_ne!(unsalted.expect("in range")[0], first_hash(&one));
    // The published salt is the last hash's, whose preimage is public otherwise too.
    let published = one.blinded(engine()).expect("blinded").foldings.salt;
    let salted = engine().public_inputs(&guess, &published, &running, &cyclefold);
    assert_ne!(salted.expect("in range")[0], first_hash(&one));
}

/// The instances that a verifier computes are those that the blinded witnesses satisfy, for the
/// statement proven and for no other.
#[test]
fn the_last_foldings_are_of_the_statement_only() {
    let proof = chain(3, &z0());
    let blinded = proof.blinded(engine()).expect("blinded");
    let statement = proof.parts.statement();
    let (primary, secondary) = blinded.foldings.fold(engine(), &statement).expect("folded");
    assert_eq!(primary, blinded.primary.0);
    assert_eq!(secondary, blinded.secondary.0);
    engine()
        .primary
        .check(&primary, &blinded.primary.1)
        .expect("satisfied");
    engine()
        .secondary
        .check(&secondary, &blinded.secondary.1)
        .expect("satisfied");
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
        let (folded, _) = blinded.foldings.fold(engine(), &other).expect("folded");
        assert!(engine().primary.check(&folded, &blinded.primary.1).is_err());
    }
    for steps in [0, MAX_STEPS + 1, u64::MAX] {
        let other = Statement { steps, ..statement };
        assert!(blinded.foldings.fold(engine(), &other).is_err());
    }
}
