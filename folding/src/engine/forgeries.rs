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

use super::{
    proof::{cyclefold_values_of, Folded, Parts},
    tests::{chain, engine, z0, Rotate, HONEST},
    *,
};
use crate::accumulator::Challenges;

/// A step between its two foldings.
struct Attempt {
    next: IvcProof,
    inputs: Inputs,
    folded: Folded,
}

impl Attempt {
    /// Folds the incoming instance into U.
    fn begin(proof: &IvcProof) -> Self {
        let mut next = proof.clone();
        let inputs = next.inputs(engine()).expect("in range");
        let folded = next.fold_primary(engine());
        Attempt {
            next,
            inputs,
            folded,
        }
    }

    /// Folds an incoming witness by these messages, with the challenges that the circuit draws for
    /// them.
    fn send(proof: &IvcProof, incoming: &Opening, messages: Messages) -> Self {
        let drawn = Drawn::new(proof, &messages);
        Attempt::keep(proof, incoming, messages, &drawn)
    }

    /// The same with challenges that were drawn for something else.
    fn keep(proof: &IvcProof, incoming: &Opening, messages: Messages, drawn: &Drawn) -> Self {
        let inputs = proof.inputs(engine()).expect("in range");
        let mut next = proof.clone();
        let (before, x) = (&proof.parts.running, &proof.parts.x);
        next.parts.running = before.fold(x, &messages, &drawn.challenges);
        next.opening = moved(&proof.opening, incoming, drawn.challenges.gamma);
        let claim = Claim {
            challenge: drawn.bits(),
            p: coordinates::<Primary>(&before.commitment),
            q: coordinates::<Primary>(&messages.difference),
            sum: coordinates::<Primary>(&next.parts.running.commitment),
        };
        Attempt {
            next,
            inputs,
            folded: Folded { claim, messages },
        }
    }

    /// Folds the CycleFold instance of the claim, whether it is true or not.
    fn fold_claim(&mut self) {
        let (values, _) = cyclefold_values_of(&self.folded.claim);
        let inputs = self.inputs.clone();
        let inputs = self
            .next
            .fold_claim(engine(), inputs, &self.folded, &values);
        self.inputs = inputs.expect("folded");
    }

    /// Runs the step's circuit on the inputs as they are.
    fn finish(mut self) -> IvcProof {
        let step = engine().step(&self.inputs, &HONEST).expect("synthesized");
        assert_eq!(step.violated, None, "the step itself accepts the forgery");
        self.next.follow(&self.inputs, step);
        self.next
    }

    /// Both.
    fn fold_and_finish(mut self) -> IvcProof {
        self.fold_claim();
        self.finish()
    }

    /// Whether the forger has what his folded claim is about.
    fn is_satisfied(&self) -> bool {
        let (running, opening) = (&self.next.parts.running, &self.next.opening);
        engine().primary.check(running, opening).is_ok()
    }

    /// What the claim is in fact about: the sum of the folded witness's rows.
    fn sum(&self) -> Fr {
        let opening = &self.next.opening;
        claims::sum(&opening.values, &self.next.parts.running.beta)
    }
}

/// Challenges, with the hash that gamma is made of.
struct Drawn {
    challenges: Challenges,
    hash: Fr,
}

impl Drawn {
    /// Those that the circuit draws for messages of folding a proof's last step.
    fn new(proof: &IvcProof, messages: &Messages) -> Self {
        let (challenges, hash) = engine().challenges(&proof.parts.x, messages);
        Drawn { challenges, hash }
    }

    fn bits(&self) -> Challenge {
        Challenge::new(oracle::low_bits(self.hash))
    }
}

/// An opening moved towards another one.
fn moved(opening: &Opening, other: &Opening, share: Fr) -> Opening {
    opening.towards(&other.values, other.blind, share)
}

/// The last step's witness, with a blinding of its own, and `Com(w_1) - C`.
fn incoming(proof: &IvcProof) -> (Opening, Commitment<Primary>) {
    incoming_of(proof, proof.incoming.clone())
}

/// The same of any values.
fn incoming_of(proof: &IvcProof, values: Values<Fr>) -> (Opening, Commitment<Primary>) {
    let running = &proof.parts.running;
    let (blind, difference) = engine().primary.incoming(running, &values.witness, None);
    (Opening { values, blind }, difference)
}

/// What an honest prover sends after D.
fn answers(proof: &IvcProof, incoming: &Opening, difference: Commitment<Primary>) -> Messages {
    let beta = &proof.parts.running.beta;
    let delta = engine().delta(&proof.parts.x, &difference);
    let errors = claims::row_errors(&proof.opening.values);
    let f = claims::perturbation(&errors, beta, delta);
    let mut messages = Messages {
        difference,
        f,
        k: [Fr::ZERO; claims::QUOTIENT],
    };
    messages.k = last_answer(proof, incoming, &messages);
    messages
}

/// K for the challenges that are drawn for D and F.
fn last_answer(
    proof: &IvcProof,
    incoming: &Opening,
    messages: &Messages,
) -> [Fr; claims::QUOTIENT] {
    let Challenges { delta, alpha, .. } = Drawn::new(proof, messages).challenges;
    let beta = claims::moved(&proof.parts.running.beta, delta, alpha);
    let weights = claims::weights(&beta, engine().primary.rows().count());
    claims::quotient(&proof.opening.values, &incoming.values, &weights)
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

/// One more step, whose witness is false.
fn false_step(proof: &IvcProof) -> IvcProof {
    let lie = Rotate {
        false_witness: true,
    };
    let mut next = proof.clone();
    let inputs = next.fold(engine()).expect("folded");
    let step = engine().step(&inputs, &lie).expect("values");
    assert!(step.violated.is_some());
    next.follow(&inputs, step);
    next
}

fn random_point() -> G1Affine {
    G1::random(OsRng).to_affine()
}

/// All that a proof shows.
struct Shown {
    parts: Parts,
    w: Secret<Fr>,
    blind: Fr,
    incoming: Secret<Fr>,
}

/// A proof with something of it changed; what follows from it is computed anew.
fn changed(proof: &IvcProof, change: impl FnOnce(&mut Shown)) -> IvcProof {
    let mut shown = Shown {
        parts: proof.parts.clone(),
        w: proof.opening.values.witness.clone(),
        blind: proof.opening.blind,
        incoming: proof.incoming.witness.clone(),
    };
    change(&mut shown);
    let Shown {
        parts,
        w,
        blind,
        incoming,
    } = shown;
    IvcProof::from_parts(engine(), parts, (&w, blind), &incoming).expect("of the same sizes")
}

fn with_parts(proof: &IvcProof, change: impl FnOnce(&mut Parts)) -> IvcProof {
    changed(proof, |shown| change(&mut shown.parts))
}

/// The public inputs that a forger states are those of what he shows.
fn restate(parts: &mut Parts) {
    let (running, cyclefold) = (&parts.running, &parts.cyclefold);
    parts.x = engine()
        .public_inputs(&parts.statement(), &parts.salt, running, cyclefold)
        .expect("in range");
}

/// A false running instance or statement is refused by its hash; with the hash restated, by the
/// last step's witness, which is of another.
fn refused_restated_or_not(forged: &IvcProof) {
    assert!(refused(forged).contains("hashes"));
    assert!(refused(&with_parts(forged, restate)).contains("the last step"));
}

#[test]
fn an_attempt_without_a_forgery_is_true() {
    let proof = chain(3, &z0());
    let (incoming, difference) = incoming(&proof);
    let messages = answers(&proof, &incoming, difference);
    let by_hand = Attempt::send(&proof, &incoming, messages);
    for attempt in [Attempt::begin(&proof), by_hand] {
        assert!(attempt.is_satisfied());
        let next = attempt.fold_and_finish();
        assert_eq!(next.verify(engine(), &z0()).expect("true"), next.z());
    }
}

mod challenges;
mod last_foldings;
mod messages;
mod mutation;
mod parameters;
mod points;
mod statement;
