//! What a proof says, and what its hashes bind.

use super::*;

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
        refused_restated_or_not(&with_parts(&chain(3, &z0()), change));
    }
}

/// Takes over the running instance of another proof, with the witness that satisfies it.
fn take_running(shown: &mut Shown, other: &IvcProof) {
    shown.parts.running = other.parts.running.clone();
    shown.w = other.opening.values.witness.clone();
    shown.blind = other.opening.blind;
}

/// The other chain's instance is satisfied by its witness.
#[test]
fn a_running_instance_from_another_chain() {
    let (own, other) = (chain(3, &z0()), chain(3, &[Fr::from(5); 7]));
    let forged = changed(&own, |shown| take_running(shown, &other));
    engine()
        .primary
        .check(&forged.parts.running, &forged.opening)
        .expect("satisfied");
    refused_restated_or_not(&forged);
    // So it is with an earlier instance of the same chain.
    let earlier = chain(2, &z0());
    refused_restated_or_not(&changed(&own, |shown| take_running(shown, &earlier)));
}

#[test]
fn a_cyclefold_instance_from_another_chain() {
    let (own, other) = (chain(3, &z0()), chain(3, &[Fr::from(5); 7]));
    let forged = with_parts(&own, |parts| {
        parts.cyclefold = other.parts.cyclefold.clone();
        parts.cyclefold_witness = other.parts.cyclefold_witness.clone();
    });
    refused_restated_or_not(&forged);
}

/// ePrint 2023/969: the last step's instance does not bind a running instance of one of the curves,
/// so that a trivially satisfied one can stand there.
#[test]
fn the_attack_on_the_cycle_of_curves() {
    let (running, opening) = engine().primary.zero();
    let forged = changed(&chain(3, &z0()), |shown| {
        shown.parts.running = running;
        shown.w = opening.values.witness.clone();
        shown.blind = opening.blind;
    });
    refused_restated_or_not(&forged);
    let forged = with_parts(&chain(3, &z0()), |parts| {
        (parts.cyclefold, parts.cyclefold_witness) = engine().secondary.zero();
    });
    refused_restated_or_not(&forged);
}

/// What the running claim is made of, each element alone: neither beta nor e can be another one.
#[test]
fn a_changed_beta_or_value_of_the_claim() {
    let proof = chain(3, &z0());
    for j in 0..engine().primary.t() {
        let forged = with_parts(&proof, |parts| parts.running.beta[j] += Fr::ONE);
        refused_restated_or_not(&forged);
    }
    refused_restated_or_not(&with_parts(&proof, |parts| parts.running.e += Fr::ONE));
    for k in 0..2 {
        let forged = with_parts(&proof, |parts| parts.running.x[k] += Fr::ONE);
        refused_restated_or_not(&forged);
    }
}

/// Of any witness there is a true claim for any beta, a false witness's too: so beta and e are
/// hashed. One of the claims is that of all weights 0 but the first row's, which everything starts
/// from, and another that of another chain's weights.
#[test]
fn a_true_claim_at_another_beta() {
    let proof = chain(3, &z0());
    let t = engine().primary.t();
    let others = [
        vec![Fr::ZERO; t],
        (0..t).map(|_| Fr::random(OsRng)).collect(),
        chain(3, &[Fr::from(5); 7]).parts.running.beta.clone(),
        chain(2, &z0()).parts.running.beta.clone(),
    ];
    for beta in others {
        let forged = with_parts(&proof, |parts| {
            parts.running.e = claims::sum(&proof.opening.values, &beta);
            parts.running.beta = beta;
        });
        engine()
            .primary
            .check(&forged.parts.running, &forged.opening)
            .expect("a true claim");
        refused_restated_or_not(&forged);
    }
}

#[test]
fn previous_values_at_step_zero() {
    let t = engine().primary.t();
    let first = Inputs::first(engine().digest, &z0(), Fr::ONE, t);
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
    forge(&|inputs| inputs.running.x[0] = Fr::ONE);
    forge(&|inputs| inputs.running.x[1] = Fr::ONE);
    forge(&|inputs| inputs.running.e = Fr::ONE);
    for j in 0..t {
        forge(&move |inputs| inputs.running.beta[j] = Fr::ONE);
        forge(&move |inputs| inputs.f[j] = Fr::ONE);
    }
    for j in 0..claims::QUOTIENT {
        forge(&move |inputs| inputs.k[j] = Fr::ONE);
    }
    forge(&|inputs| inputs.difference = previous.difference);
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
        assert_eq!(
            violation(forgery),
            Some("nothing before step 0"),
            "forgery {i}"
        );
    }
}

/// Sums in which two of the previous values cancel do not help: each is 0 for itself.
#[test]
fn previous_values_that_cancel() {
    let t = engine().primary.t();
    let mut inputs = Inputs::first(engine().digest, &z0(), Fr::ONE, t);
    inputs.running.e = Fr::ONE;
    inputs.f[0] = -Fr::ONE;
    assert_eq!(violation(&inputs), Some("nothing before step 0"));
}

/// With delta or gamma not multiplied by 0 at i = 0, the first step would not leave the instances
/// that everything starts from.
#[test]
fn the_first_step_folds_nothing() {
    let first = chain(1, &z0());
    let (running, cyclefold) = (engine().primary.zero().0, engine().secondary.zero().0);
    assert_eq!(first.parts.running, running);
    assert_eq!(first.parts.cyclefold, cyclefold);
    let of_zero = |running: &Accumulator| {
        let statement = first.statement();
        engine().public_inputs(&statement, &first.parts.salt, running, &cyclefold)
    };
    assert_eq!(of_zero(&running).expect("in range"), first.parts.x);
    // What the circuit would leave without: challenges are drawn at i = 0 too, and are not 0.
    let messages = Messages {
        difference: Commitment::<Primary>::default(),
        f: vec![Fr::ZERO; engine().primary.t()],
        k: [Fr::ZERO; claims::QUOTIENT],
    };
    let (drawn, _) = engine().challenges(&[Fr::ZERO; 2], &messages);
    let one = [Fr::ONE; 2];
    let unmasked = running.fold(&one, &messages, &drawn);
    assert_ne!(unmasked.beta, running.beta);
    assert_ne!(unmasked.x, running.x);
    assert_ne!(of_zero(&unmasked).expect("in range"), first.parts.x);
}

#[test]
fn a_hidden_start_state() {
    for k in 0..7 {
        let mut inputs = Inputs::first(engine().digest, &z0(), Fr::ONE, engine().primary.t());
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

/// A running instance that the step before did not hash: the circuit computes the incoming public
/// inputs from what it is told, so the folded instance is not that of any witness.
#[test]
fn a_step_told_of_other_running_instances() {
    let proof = chain(3, &z0());
    let other = chain(3, &[Fr::from(5); 7]);
    let forgeries: [&dyn Fn(&mut Inputs); 9] = [
        &|inputs| inputs.salt += Fr::ONE,
        &|inputs| inputs.running.e += Fr::ONE,
        &|inputs| inputs.running.beta[0] += Fr::ONE,
        &|inputs| inputs.running.beta.clone_from(&other.parts.running.beta),
        &|inputs| inputs.running.beta.fill(Fr::ZERO),
        &|inputs| inputs.running.x[0] += Fr::ONE,
        &|inputs| inputs.cyclefold.u += Fr::ONE,
        &|inputs| inputs.cyclefold.x[9] += Fr::ONE,
        &|inputs| inputs.z[3] += Fr::ONE,
    ];
    for forge in forgeries {
        let mut attempt = Attempt::begin(&proof);
        attempt.fold_claim();
        forge(&mut attempt.inputs);
        refused(&attempt.finish());
    }
}

/// The forger restates the incoming instance: its witness does not satisfy it any more, and no
/// message makes up for that.
#[test]
fn an_incoming_instance_with_other_public_inputs() {
    let forged = with_parts(&chain(3, &z0()), |parts| {
        parts.running.e += Fr::ONE;
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
fn a_changed_witness_error_or_blinding() {
    let proof = chain(3, &z0());
    let forgeries: [fn(&mut Shown); 6] = [
        |shown| shown.w[11] += Fr::ONE,
        |shown| shown.blind += Fr::ONE,
        |shown| shown.incoming[11] += Fr::ONE,
        |shown| shown.parts.cyclefold_witness.w[11] += Fq::ONE,
        |shown| shown.parts.cyclefold_witness.e[11] += Fq::ONE,
        |shown| shown.parts.cyclefold_witness.blind += Fq::ONE,
    ];
    for forge in forgeries {
        refused(&changed(&proof, forge));
    }
}

/// What the rows come to is kept beside the witnesses, for speed. A verifier multiplies for
/// himself.
#[test]
fn values_that_are_not_those_of_the_witness() {
    let proof = false_step(&chain(2, &z0()));
    let mut forged = proof.clone();
    let [a, b, c] = &mut forged.incoming.products;
    for (i, c) in c.iter_mut().enumerate() {
        *c = a[i] * b[i];
    }
    let errors = claims::row_errors(&forged.incoming);
    assert!(errors.iter().all(|error| *error == Fr::ZERO));
    assert!(refused(&forged).contains("the last step"));
    let later = forged.next(engine(), &HONEST).expect("a step");
    let running = &later.parts.running;
    assert_eq!(claims::sum(&later.opening.values, &running.beta), running.e);
    assert!(refused(&later).contains("the running instance"));
}

#[test]
fn vectors_of_other_lengths_are_refused() {
    let proof = chain(3, &z0());
    let sizes = engine().sizes();
    let forgeries: [fn(&mut IvcProof); 15] = [
        |proof| proof.parts.cyclefold_witness.e.clear(),
        |proof| proof.parts.cyclefold_witness.e.push(Fq::ZERO),
        |proof| proof.parts.cyclefold_witness.w.push(Fq::ZERO),
        |proof| proof.opening.values.witness.push(Fr::ZERO),
        |proof| proof.opening.values.witness.truncate(5),
        |proof| proof.incoming.witness.push(Fr::ZERO),
        |proof| proof.incoming.witness.clear(),
        |proof| proof.parts.running.beta.push(Fr::ZERO),
        |proof| proof.parts.running.beta.truncate(4),
        |proof| proof.parts.running.beta.clear(),
        |proof| proof.parts.cyclefold.x.push(Fq::ZERO),
        |proof| proof.parts.cyclefold.x.clear(),
        |proof| proof.parts.z.push(Fr::ZERO),
        |proof| proof.parts.z.clear(),
        |proof| proof.parts.z0.push(Fr::ZERO),
    ];
    for (i, forge) in forgeries.into_iter().enumerate() {
        let mut forged = proof.clone();
        forge(&mut forged);
        let own_z0 = forged.parts.z0.clone();
        assert!(forged.verify(engine(), &own_z0).is_err(), "forgery {i}");
        // Neither can it be saved, and read again as something else.
        let saved = forged.encode(&sizes);
        assert!(matches!(saved, Err(EngineError::Layout(_))), "forgery {i}");
    }
}

/// The circuit takes as many elements of beta and F as its parameters say; K is an array.
#[test]
fn a_step_told_of_more_or_fewer_elements() {
    let forgeries: [fn(&mut Inputs); 6] = [
        |inputs| inputs.f.push(Fr::ONE),
        |inputs| inputs.f.truncate(3),
        |inputs| inputs.f.clear(),
        |inputs| inputs.running.beta.push(Fr::ONE),
        |inputs| inputs.running.beta.clear(),
        |inputs| inputs.z.push(Fr::ONE),
    ];
    for (i, forge) in forgeries.into_iter().enumerate() {
        let mut inputs = honest_inputs(2);
        forge(&mut inputs);
        let step = engine().step(&inputs, &HONEST);
        assert!(step.is_err(), "forgery {i}");
    }
    let messages = chain(2, &z0()).last_folding(engine()).messages;
    let bytes = encode(&messages).expect("encoded");
    assert!(decode::<Messages>(&bytes).expect("decoded") == messages);
    let longer = [&bytes[..], &[0; 32]].concat();
    assert!(decode::<Messages>(&longer).is_err(), "another K");
    assert!(decode::<Messages>(&bytes[..bytes.len() - 32]).is_err());
}

/// Hashes of states are salted: beta is published at the end, a sum over all steps of what is drawn
/// from them, and must not confirm guesses.
#[test]
fn hashes_of_states_tell_nothing_of_them() {
    let (one, two) = (chain(2, &z0()), chain(2, &z0()));
    assert_eq!(one.z(), two.z());
    // After two steps `beta_1 / beta_0` is the first folding's delta itself.
    let first_delta = |proof: &IvcProof| {
        let beta = &proof.parts.running.beta;
        beta[1] * beta[0].invert().expect("not 0")
    };
    assert_ne!(first_delta(&one), first_delta(&two));
    // The hash that it is drawn from, and the guess of somebody who knows the state.
    let first = chain(1, &z0());
    let mut next = first.clone();
    let difference = next.fold_primary(engine()).messages.difference;
    let delta = first_delta(&next);
    assert_eq!(engine().delta(&first.parts.x, &difference), delta);
    let (running, cyclefold) = (engine().primary.zero().0, engine().secondary.zero().0);
    let with_salt = |salt: &Fr| {
        let guess = engine().public_inputs(&first.statement(), salt, &running, &cyclefold);
        engine().delta(&guess.expect("in range"), &difference)
    };
    assert_eq!(with_salt(&first.parts.salt), delta);
    assert_ne!(with_salt(&Fr::ZERO), delta);
    // Only the last hash's salt ever leaves the prover, whose preimage is public otherwise too.
    let later = next_of(&first);
    assert_ne!(with_salt(&later.parts.salt), delta);
    // D is a hiding commitment besides.
    assert_ne!(incoming(&first).1, incoming(&first).1);
}

fn next_of(proof: &IvcProof) -> IvcProof {
    proof.next(engine(), &HONEST).expect("a step")
}
