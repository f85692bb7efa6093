//! Messages that are chosen when a challenge after them is known.
//!
//! With them a false step can be folded into a claim that is true, which each of these shows. The
//! circuit draws its challenges from what it is told, so they are others.

use super::*;

/// Three steps, of which the last is false, with that step's opening and what an honest folding of
/// it sends.
struct Scene {
    proof: IvcProof,
    incoming: Opening,
    messages: Messages,
    drawn: Drawn,
}

impl Scene {
    fn new() -> Self {
        let proof = false_step(&chain(2, &z0()));
        let (incoming, difference) = incoming(&proof);
        let messages = answers(&proof, &incoming, difference);
        let drawn = Drawn::new(&proof, &messages);
        Scene {
            proof,
            incoming,
            messages,
            drawn,
        }
    }

    /// How much the folded claim lacks.
    fn lack(&self) -> Fr {
        let attempt = self.keep(self.messages.clone());
        assert!(!attempt.is_satisfied(), "a false step");
        attempt.sum() - attempt.next.parts.running.e
    }

    /// Folds by other messages, with the challenges of the first ones.
    fn keep(&self, messages: Messages) -> Attempt {
        Attempt::keep(&self.proof, &self.incoming, messages, &self.drawn)
    }

    /// The claim is true, but not that of the circuit; and with the challenges that the circuit
    /// draws for these messages, it is false.
    fn refuse(&self, messages: Messages, forged: Attempt) {
        assert!(forged.is_satisfied(), "what the forger is after");
        let (_, violated) = cyclefold_values_of(&forged.folded.claim);
        assert_eq!(violated, None, "a true claim of points");
        assert!(refused(&forged.fold_and_finish()).contains("hashes"));
        let consistent = Attempt::send(&self.proof, &self.incoming, messages);
        assert!(refused(&consistent.fold_and_finish()).contains("the running instance"));
    }
}

/// Nothing hides a false step from whoever checks all witnesses.
#[test]
fn a_false_witness_folded_by_honest_messages() {
    let scene = Scene::new();
    assert!(refused(&scene.proof).contains("the last step"));
    let attempt = scene.keep(scene.messages.clone());
    assert!(refused(&attempt.fold_and_finish()).contains("the running instance"));
}

/// Any K_j can take in what is lacking, if gamma is known before.
#[test]
fn gamma_before_k() {
    let scene = Scene::new();
    let gamma = scene.drawn.challenges.gamma;
    for j in 0..claims::QUOTIENT {
        let share = gamma * (gamma - Fr::ONE) * gamma.pow_vartime([j as u64]);
        let mut messages = scene.messages.clone();
        messages.k[j] += scene.lack() * share.invert().expect("not 0");
        scene.refuse(messages.clone(), scene.keep(messages));
    }
}

/// Any F_k can, if alpha is known before.
#[test]
fn alpha_before_f() {
    let scene = Scene::new();
    let Challenges { alpha, gamma, .. } = scene.drawn.challenges;
    for k in [0, 1, engine().primary.t() - 1] {
        let share = (Fr::ONE - gamma) * alpha.pow_vartime([k as u64 + 1]);
        let mut messages = scene.messages.clone();
        messages.f[k] += scene.lack() * share.invert().expect("not 0");
        scene.refuse(messages.clone(), scene.keep(messages));
    }
}

/// D moved after the challenges for it are known: the folded commitment is one to a witness that
/// makes the claim true.
#[test]
fn delta_before_d() {
    let scene = Scene::new();
    let gamma = scene.drawn.challenges.gamma;
    let folded = scene.keep(scene.messages.clone()).next;
    let (running, before) = (&folded.parts.running, &folded.opening);
    let w = before.values.witness.clone();
    let w = engine().primary.solve(running, w).expect("solved");
    let after = engine().primary.opening(&w, &running.x, before.blind);
    let after = after.expect("of the same lengths");
    // R' - R = Com(w' - w), so D' - D is that by gamma.
    let share = gamma.invert().expect("not 0");
    let moved_by = engine().primary.commit(&w, &before.blind) + running.commitment * -Fr::ONE;
    let mut messages = scene.messages.clone();
    messages.difference = messages.difference + moved_by * share;
    let mut forged = scene.keep(messages.clone());
    forged.next.opening = after;
    scene.refuse(messages.clone(), forged);
    // The witness that he has committed to by D', and messages that are honest for it.
    let shift: Vec<Fr> = w
        .iter()
        .zip(before.witness())
        .map(|(a, b)| *a - *b)
        .collect();
    let incoming_witness = scene.incoming.witness().iter().zip(shift);
    let moved: Vec<Fr> = incoming_witness.map(|(w, by)| *w + by * share).collect();
    let blind = scene.incoming.blind;
    let opening = engine()
        .primary
        .opening(&moved, &scene.proof.parts.x, blind);
    let opening = opening.expect("of the same lengths");
    let answers = answers(&scene.proof, &opening, messages.difference);
    let consistent = Attempt::send(&scene.proof, &opening, answers);
    let after = &consistent.next;
    let (running, own) = (&after.parts.running, &after.opening);
    assert_eq!(
        engine().primary.check(running, own),
        Err(RelationError::Unsatisfied),
        "committed to, but false"
    );
    assert!(refused(&consistent.fold_and_finish()).contains("the running instance"));
}

/// Of an honest step as well nothing can be moved when the challenges are known: any other D, F or
/// K, with the folding of the first ones.
#[test]
fn other_messages_than_the_challenges_were_drawn_for() {
    let proof = chain(3, &z0());
    let (incoming, difference) = incoming(&proof);
    let honest = answers(&proof, &incoming, difference);
    let drawn = Drawn::new(&proof, &honest);
    let changes: [fn(&mut Messages); 3] = [
        |messages| messages.f[3] += Fr::ONE,
        |messages| messages.k[1] += Fr::ONE,
        |messages| messages.difference = messages.difference + messages.difference,
    ];
    for change in changes {
        let mut messages = honest.clone();
        change(&mut messages);
        let mut attempt = Attempt::keep(&proof, &incoming, honest.clone(), &drawn);
        assert!(attempt.is_satisfied());
        attempt.folded.messages = messages;
        attempt.folded.claim.q = coordinates::<Primary>(&attempt.folded.messages.difference);
        refused(&attempt.fold_and_finish());
    }
}

/// The weights of another chain for the folded claim, which is true with them.
#[test]
fn the_folded_claim_at_the_weights_of_another_chain() {
    let (proof, other) = (chain(3, &z0()), chain(3, &[Fr::from(5); 7]));
    let others = [
        Attempt::begin(&other).next.parts.running.beta,
        proof.parts.running.beta.clone(),
        vec![Fr::ZERO; engine().primary.t()],
    ];
    for beta in others {
        let mut attempt = Attempt::begin(&proof);
        attempt.next.parts.running.beta = beta;
        attempt.next.parts.running.e = attempt.sum();
        assert!(attempt.is_satisfied());
        assert!(refused(&attempt.fold_and_finish()).contains("hashes"));
    }
}

/// gamma with the one that other bits give, for the points or for the claim alone.
#[test]
fn another_gamma_for_the_points_than_for_the_claim() {
    let proof = chain(3, &z0());
    let other = Challenge::new(7);
    let mut attempt = Attempt::begin(&proof);
    let claim = &mut attempt.folded.claim;
    let (before, difference) = (
        proof.parts.running.commitment,
        attempt.folded.messages.difference,
    );
    let sum = before + difference * other.multiplier();
    claim.challenge = other;
    claim.sum = coordinates::<Primary>(&sum);
    assert_eq!(cyclefold_values_of(claim).1, None, "a true claim");
    attempt.next.parts.running.commitment = sum;
    refused(&attempt.fold_and_finish());
}
