//! One element at a time: of the augmented circuit's variables and hints, and of what is hashed.

use maci_nova_step_circuit::recorder::Recorder;

use super::*;
use crate::mutation::{every_hint, every_variable};

struct Run {
    recorder: Recorder<Fr>,
    hints: Vec<Fr>,
}

fn record(inputs: &Inputs) -> Run {
    let mut recorder = Recorder::with_powers();
    let mut gadget = Gadget::new(&mut recorder);
    augmented::fill(&mut gadget, inputs, &HONEST);
    let hints = gadget.hints().to_vec();
    Run { recorder, hints }
}

/// The public inputs and whether everything is satisfied, with a hint replaced.
fn run_with(inputs: &Inputs, replacement: (usize, Fr)) -> ([Fr; 2], bool) {
    let mut values = Values::with_powers();
    let mut gadget = Gadget::with_replacements(&mut values, &[replacement]);
    augmented::fill(&mut gadget, inputs, &HONEST);
    let satisfied = gadget.violated().is_none();
    ([values.inputs[0], values.inputs[1]], satisfied)
}

/// Every variable of F' changed alone violates a constraint; every hint replaced, with everything
/// after it computed anew, does too or, if it is an input of the step, changes the public inputs.
/// F and K are such inputs: they change the challenges, and with them what is hashed.
#[test]
fn every_variable_and_every_hint_of_the_augmented_circuit_is_bound() {
    let inputs = [
        Inputs::first(engine().digest, &z0(), Fr::ONE, engine().primary.t()),
        honest_inputs(1),
        honest_inputs(3),
    ];
    for inputs in &inputs {
        let Run { recorder, hints } = record(inputs);
        let rows = engine().primary.rows();
        assert_eq!(recorder.constraints().len(), rows.count());
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

/// Each input of a later step alone, F and K among them: another `x_0`. At i = 0 they must be 0.
#[test]
fn every_message_changes_what_is_hashed() {
    let honest = honest_inputs(3);
    let x = |inputs: &Inputs| {
        let step = engine().step(inputs, &HONEST).expect("synthesized");
        assert_eq!(step.violated, None);
        step.x
    };
    let before = x(&honest);
    assert_eq!(x(&honest), before);
    let mut changes: Vec<Inputs> = vec![];
    for j in 0..engine().primary.t() {
        let (mut f, mut beta) = (honest.clone(), honest.clone());
        f.f[j] += Fr::ONE;
        beta.running.beta[j] += Fr::ONE;
        changes.extend([f, beta]);
    }
    for j in 0..claims::QUOTIENT {
        let mut k = honest.clone();
        k.k[j] += Fr::ONE;
        changes.push(k);
    }
    let mut e = honest.clone();
    e.running.e += Fr::ONE;
    changes.push(e);
    for (i, inputs) in changes.iter().enumerate() {
        let after = x(inputs);
        assert_ne!(after[0], before[0], "change {i}");
        // The CycleFold instance has gamma's bits among its inputs.
        assert_ne!(after[1], before[1], "change {i}");
    }
}

/// What is hashed of an instance is all of it: each element of its encoding, taken from another
/// instance's, gives another hash. (An element that is added to an instance and not absorbed fails
/// this.)
#[test]
fn every_element_of_the_instances_is_absorbed() {
    let (one, two) = (chain(3, &z0()).parts, chain(4, &z0()).parts);
    let hash = |running: &Accumulator, cyclefold: &Instance<Secondary>| {
        engine()
            .public_inputs(&one.statement(), &one.salt, running, cyclefold)
            .expect("in range")
    };
    let honest = hash(&one.running, &one.cyclefold);
    let elements = |bytes: usize| (bytes - 8) / 32;
    let own = encode(&one.running).expect("encoded");
    let other = encode(&two.running).expect("encoded");
    // Commitment, x; a length; beta; e.
    assert_eq!(elements(own.len()), 1 + 2 + engine().primary.t() + 1);
    for offset in offsets(own.len(), 3) {
        let changed: Accumulator = decode(&spliced(&own, &other, offset)).expect("valid");
        assert_ne!(changed, one.running);
        assert_ne!(hash(&changed, &one.cyclefold)[0], honest[0], "{offset}");
    }
    let own = encode(&one.cyclefold).expect("encoded");
    let other = encode(&two.cyclefold).expect("encoded");
    // Commitment, u; a length; x.
    assert_eq!(elements(own.len()), 2 + cyclefold::PUBLIC_INPUTS);
    for offset in offsets(own.len(), 2) {
        let changed: Instance<Secondary> = decode(&spliced(&own, &other, offset)).expect("valid");
        assert_ne!(hash(&one.running, &changed)[1], honest[1], "{offset}");
    }
}

/// The same of what is sent: each element changes the challenges after it.
#[test]
fn every_element_of_the_messages_is_absorbed() {
    let (one, two) = (chain(3, &z0()), chain(4, &z0()));
    let of = |proof: &IvcProof| proof.last_folding(engine()).messages;
    let (own_messages, x) = (of(&one), one.parts.x);
    let other_messages = Messages {
        f: any_f(),
        ..of(&two)
    };
    let honest = engine().challenges(&x, &own_messages);
    let own = encode(&own_messages).expect("encoded");
    let other = encode(&other_messages).expect("encoded");
    // D; a length; F; K.
    let t = engine().primary.t();
    assert_eq!((own.len() - 8) / 32, 1 + t + claims::QUOTIENT);
    for (i, offset) in offsets(own.len(), 1).into_iter().enumerate() {
        let changed: Messages = decode(&spliced(&own, &other, offset)).expect("valid");
        let (challenges, hash) = engine().challenges(&x, &changed);
        let drawn_before = [
            (challenges.delta == honest.0.delta, i == 0),
            (challenges.alpha == honest.0.alpha, i <= t),
            (challenges.gamma == honest.0.gamma, true),
            (hash == honest.1, true),
        ];
        for (equal, absorbed) in drawn_before {
            assert_eq!(equal, !absorbed, "element {i}");
        }
    }
    for k in 0..2 {
        let mut x = x;
        x[k] += Fr::ONE;
        let (challenges, _) = engine().challenges(&x, &own_messages);
        assert_ne!(challenges.delta, honest.0.delta);
    }
}

/// Any F. (Honest ones end in zeros where there are fewer rows than weights.)
pub(super) fn any_f() -> Vec<Fr> {
    let t = engine().primary.t();
    (0..t).map(|_| Fr::random(OsRng)).collect()
}

/// Offsets of the 32-byte elements of an encoding with a length of 8 bytes after `head` of them.
pub(super) fn offsets(bytes: usize, head: usize) -> Vec<usize> {
    let tail = (bytes - 8 - 32 * head) / 32;
    let head_offsets = (0..head).map(|i| 32 * i);
    head_offsets
        .chain((0..tail).map(|i| 32 * (head + i) + 8))
        .collect()
}

/// `own` with the element at `offset` from `other`.
pub(super) fn spliced(own: &[u8], other: &[u8], offset: usize) -> Vec<u8> {
    let mut spliced = own.to_vec();
    assert_ne!(own[offset..offset + 32], other[offset..offset + 32]);
    spliced[offset..offset + 32].copy_from_slice(&other[offset..offset + 32]);
    spliced
}
