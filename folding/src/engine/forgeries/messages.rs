//! Messages that are not those of an honest prover, with the challenges that the circuit draws for
//! them: the folded claim is false.

use super::*;

/// The running claim that these messages lead to is bound, and false.
fn leads_to_a_false_claim(proof: &IvcProof, incoming: &Opening, messages: Messages) {
    let attempt = Attempt::send(proof, incoming, messages);
    assert!(!attempt.is_satisfied());
    let error = refused(&attempt.fold_and_finish());
    assert!(error.contains("the running instance"), "{error}");
}

/// Each message alone, of an honest step.
#[test]
fn a_changed_message() {
    let proof = chain(3, &z0());
    let (incoming, difference) = incoming(&proof);
    let honest = answers(&proof, &incoming, difference);
    let forge = |change: &dyn Fn(&mut Messages)| {
        let mut messages = honest.clone();
        change(&mut messages);
        leads_to_a_false_claim(&proof, &incoming, messages);
    };
    for k in 0..engine().primary.t() {
        forge(&|messages| messages.f[k] += Fr::ONE);
    }
    for j in 0..claims::QUOTIENT {
        forge(&|messages| messages.k[j] += Fr::ONE);
    }
    forge(&|messages| messages.difference = messages.difference + messages.difference);
    forge(&|messages| messages.f.fill(Fr::ZERO));
    forge(&|messages| messages.k = [Fr::ZERO; claims::QUOTIENT]);
    // Sound D, and everything after it that is honest for another.
    let answers = answers(&proof, &incoming, Commitment::<Primary>::default());
    let messages = Messages {
        difference,
        ..answers
    };
    leads_to_a_false_claim(&proof, &incoming, messages);
}

/// A false incoming witness with honest F, and any K: zero, random, and such that the claim would
/// be true for a gamma that was drawn before.
#[test]
fn a_false_witness_with_any_k() {
    let proof = false_step(&chain(2, &z0()));
    let (incoming, difference) = incoming(&proof);
    let honest = answers(&proof, &incoming, difference);
    let random = || core::array::from_fn(|_| Fr::random(OsRng));
    for k in [honest.k, [Fr::ZERO; claims::QUOTIENT], random(), random()] {
        let messages = Messages {
            k,
            ..honest.clone()
        };
        leads_to_a_false_claim(&proof, &incoming, messages);
    }
    // Again and again: each fit draws another gamma.
    let mut messages = honest;
    for _ in 0..3 {
        let attempt = Attempt::send(&proof, &incoming, messages.clone());
        let gamma = Drawn::new(&proof, &messages).challenges.gamma;
        let lack = attempt.sum() - attempt.next.parts.running.e;
        let share = gamma * (gamma - Fr::ONE);
        messages.k[0] += lack * share.invert().expect("not 0");
        leads_to_a_false_claim(&proof, &incoming, messages.clone());
    }
}

/// And with any F.
#[test]
fn a_false_witness_with_any_f() {
    let proof = false_step(&chain(2, &z0()));
    let (incoming, difference) = incoming(&proof);
    let t = engine().primary.t();
    let of_f = |f: Vec<Fr>| {
        let mut messages = Messages {
            difference,
            f,
            k: [Fr::ZERO; claims::QUOTIENT],
        };
        messages.k = last_answer(&proof, &incoming, &messages);
        messages
    };
    let random = (0..t).map(|_| Fr::random(OsRng)).collect();
    leads_to_a_false_claim(&proof, &incoming, of_f(vec![Fr::ZERO; t]));
    leads_to_a_false_claim(&proof, &incoming, of_f(random));
    // F of the incoming witness in the place of the running one's.
    let delta = engine().delta(&proof.parts.x, &difference);
    let errors = claims::row_errors(&incoming.values);
    let f = claims::perturbation(&errors, &proof.parts.running.beta, delta);
    leads_to_a_false_claim(&proof, &incoming, of_f(f));
}

/// A proof whose running claim is false by now: its last step is true.
fn with_a_false_claim() -> (IvcProof, Fr) {
    let proof = false_step(&chain(2, &z0())).next(engine(), &HONEST);
    let proof = proof.expect("a step");
    let sum = claims::sum(&proof.opening.values, &proof.parts.running.beta);
    assert_ne!(sum, proof.parts.running.e);
    assert!(refused(&proof).contains("the running instance"));
    (proof, sum)
}

/// F(0) is e, which is hashed, and not what the witness gives: a false claim stays false.
#[test]
fn a_polynomial_with_another_constant_term() {
    let (proof, sum) = with_a_false_claim();
    let (incoming, difference) = incoming(&proof);
    let honest = answers(&proof, &incoming, difference);
    leads_to_a_false_claim(&proof, &incoming, honest.clone());
    // With the witness's own constant term the folded claim is true, but not the circuit's.
    let mut attempt = Attempt::send(&proof, &incoming, honest.clone());
    let drawn = Drawn::new(&proof, &honest);
    let repaired = Accumulator {
        e: sum,
        ..proof.parts.running.clone()
    };
    attempt.next.parts.running = repaired.fold(&proof.parts.x, &honest, &drawn.challenges);
    assert!(attempt.is_satisfied());
    assert!(refused(&attempt.fold_and_finish()).contains("hashes"));
    // The circuit can be told so: then the incoming instance is another one.
    let forged = with_parts(&proof, |parts| {
        parts.running.e = sum;
        restate(parts);
    });
    assert!(refused(&forged).contains("the last step"));
    let (incoming, difference) = super::incoming(&forged);
    let messages = answers(&forged, &incoming, difference);
    leads_to_a_false_claim(&forged, &incoming, messages);
}

/// What is lacking, moved into F_1, which is what it would be for another alpha.
#[test]
fn a_false_claim_moved_into_a_coefficient() {
    let (proof, sum) = with_a_false_claim();
    let (incoming, difference) = incoming(&proof);
    let mut messages = answers(&proof, &incoming, difference);
    let alpha = Drawn::new(&proof, &messages).challenges.alpha;
    let lack = sum - proof.parts.running.e;
    messages.f[0] += lack * alpha.invert().expect("not 0");
    messages.k = last_answer(&proof, &incoming, &messages);
    leads_to_a_false_claim(&proof, &incoming, messages);
}

/// What `z = (w, scalar, x)` makes of all rows.
fn rows_at(w: &[Fr], scalar: Fr, x: &[Fr]) -> Values<Fr> {
    let rows = engine().primary.rows();
    let z = [w, &[scalar], x].concat();
    let value = |terms: &[crate::rows::Term]| -> Fr {
        terms.iter().map(|(c, column)| *c * z[*column]).sum()
    };
    let mut values = Values::with_powers();
    values.witness = w.to_vec().into();
    values.inputs = x.to_vec().into();
    for i in 0..rows.products() {
        let row = rows.product(i);
        for (all, terms) in values.products.iter_mut().zip(&row) {
            all.push(value(terms));
        }
    }
    for i in 0..rows.powers() {
        let row = rows.power(i);
        for (all, terms) in values.fifths.iter_mut().zip(&row) {
            all.push(value(terms));
        }
    }
    values
}

/// A strict instance's scalar is 1. With 0 in its place the empty witness would satisfy all rows,
/// whatever the public inputs.
#[test]
fn an_incoming_instance_with_another_scalar() {
    let honest = chain(3, &z0());
    let zeros = vec![Fr::ZERO; engine().primary.rows().variables()];
    let lie = |shown: &mut Shown| {
        shown.parts.z = vec![Fr::from(77); 7];
        restate(&mut shown.parts);
        shown.incoming = zeros.clone().into();
    };
    let forged = changed(&honest, lie);
    let x = forged.parts.x;
    let all_zero = |values: &Values<Fr>| {
        let errors = claims::row_errors(values);
        errors.iter().all(|error| *error == Fr::ZERO)
    };
    let with_zero = rows_at(&zeros, Fr::ZERO, &x);
    assert!(all_zero(&with_zero));
    assert!(!all_zero(&rows_at(&zeros, Fr::ONE, &x)));
    let own = rows_at(&honest.incoming.witness, Fr::ONE, &honest.parts.x);
    assert!(own == honest.incoming && all_zero(&own));
    // There is no place for a scalar in what he shows.
    assert!(refused(&forged).contains("the last step"));
    // Folded as if it were 0: consistent to the end, with rows that are not those of his witness.
    for scalar in [Fr::ZERO, Fr::from(2), -Fr::ONE] {
        let values = rows_at(&zeros, scalar, &x);
        let (incoming, difference) = incoming_of(&forged, values);
        let messages = answers(&forged, &incoming, difference);
        let attempt = Attempt::send(&forged, &incoming, messages.clone());
        let true_to_him = attempt.sum() == attempt.next.parts.running.e;
        assert_eq!(true_to_him, scalar == Fr::ZERO);
        leads_to_a_false_claim(&forged, &incoming, messages);
    }
}
