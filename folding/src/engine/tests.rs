//! The engine over a small circuit of seven elements.

use std::sync::OnceLock;

use ff::Field;
use maci_nova_step_circuit::{constraints::Constraints, num::Num};

use super::*;
use crate::powers_of_tau::PowersOfTau;

/// `z' = (z_6^2, z_0, ..., z_5)`; with `false_witness` the square's witness is another value.
#[derive(Clone)]
pub(super) struct Rotate {
    pub(super) false_witness: bool,
}

impl StepFunction for Rotate {
    fn arity(&self) -> usize {
        7
    }

    fn fill<CS: Constraints<Fr>>(&self, g: &mut Gadget<'_, CS>, z: &[Num]) -> Vec<Num> {
        let lie = Fr::from(u64::from(self.false_witness));
        let square = g.alloc(z[6].value().square() + lie);
        g.enforce("z_6 * z_6 = square", &z[6], &z[6], &square);
        let mut next = vec![square];
        next.extend_from_slice(&z[..6]);
        next
    }
}

pub(super) const HONEST: Rotate = Rotate {
    false_witness: false,
};

pub(super) fn z0() -> Vec<Fr> {
    (2..9).map(Fr::from).collect()
}

fn rotate(z: &[Fr]) -> Vec<Fr> {
    let mut next = vec![z[6].square()];
    next.extend_from_slice(&z[..6]);
    next
}

pub(super) fn engine() -> &'static PublicParams {
    static ENGINE: OnceLock<PublicParams> = OnceLock::new();
    ENGINE.get_or_init(|| {
        let provide = |count: usize| Ok::<_, ()>((PowersOfTau::development(count), ()));
        PublicParams::setup(&HONEST, provide).expect("parameters").0
    })
}

/// So many honest steps, at least one.
pub(super) fn chain(steps: usize, z0: &[Fr]) -> IvcProof {
    let first = IvcProof::first(engine(), &HONEST, z0).expect("step");
    (1..steps).fold(first, |proof, _| {
        proof.next(engine(), &HONEST).expect("step")
    })
}

fn three_steps() -> IvcProof {
    chain(3, &z0())
}

#[test]
fn steps_compute_and_verify() {
    let engine = engine();
    let mut z = z0();
    let mut ivc = IvcProof::first(engine, &HONEST, &z).expect("step");
    for steps in 1..=4 {
        z = rotate(&z);
        assert_eq!((ivc.steps(), ivc.z()), (steps, &z[..]));
        assert_eq!(ivc.verify(engine, &z0()).expect("true"), z);
        ivc = ivc.next(engine, &HONEST).expect("step");
    }
    let mut other = z0();
    other[3] += Fr::ONE;
    assert!(ivc.verify(engine, &other).is_err());
    assert!(ivc.verify(engine, &z0()[..6]).is_err());
}

/// A step of [`HONEST`] from `z`, with values made before.
struct Ahead {
    z: Vec<Fr>,
    /// What it says that it is going to append.
    prepared: Values<Fr>,
    /// What it appends.
    appended: Values<Fr>,
}

impl Ahead {
    fn new(z: &[Fr]) -> Self {
        let mut values = Values::with_powers();
        let inputs: Vec<Num> = z.iter().copied().map(Num::from_value).collect();
        HONEST.fill(&mut Gadget::new(&mut values), &inputs);
        Ahead {
            z: z.to_vec(),
            prepared: values.clone(),
            appended: values,
        }
    }
}

impl StepFunction for Ahead {
    fn arity(&self) -> usize {
        7
    }

    fn fill<CS: Constraints<Fr>>(&self, g: &mut Gadget<'_, CS>, _: &[Num]) -> Vec<Num> {
        assert!(g.append(&self.appended));
        rotate(&self.z).into_iter().map(Num::from_value).collect()
    }

    fn prepared(&self) -> Option<&Values<Fr>> {
        Some(&self.prepared)
    }
}

/// A step that has been committed to ahead is the same step.
#[test]
fn a_step_is_committed_to_ahead() {
    let (engine, mut proof) = (engine(), three_steps());
    for _ in 0..2 {
        let step = Ahead::new(proof.z());
        let committed = engine.commit_ahead(&step);
        assert!(committed.is_some());
        proof = proof.next_ahead(engine, &step, committed).expect("step");
        assert!(proof.committed.is_some());
        proof.verify(engine, &z0()).expect("true");
    }
    // Saved without.
    let bytes = proof.encode(&engine.sizes()).expect("encoded");
    let decoded = IvcProof::decode(engine, &bytes).expect("decoded");
    for proof in [proof, decoded] {
        let next = proof.next(engine, &HONEST).expect("step");
        next.verify(engine, &z0()).expect("true");
    }
}

/// A commitment to other values than those of the step would make the proof false.
#[test]
fn what_is_committed_to_ahead_is_what_is_folded() {
    let (engine, proof) = (engine(), three_steps());
    let mut step = Ahead::new(proof.z());
    step.prepared.witness[0] += Fr::ONE;
    let committed = engine.commit_ahead(&step);
    let next = proof.next_ahead(engine, &step, committed).expect("step");
    assert!(next.committed.is_none());
    let next = next.next(engine, &HONEST).expect("step");
    next.verify(engine, &z0()).expect("true");

    step.prepared.witness.push(Fr::ONE);
    assert!(engine.commit_ahead(&step).is_none());
    assert!(engine.commit_ahead(&HONEST).is_none());
}

/// By a prover who goes on in spite of it.
#[test]
fn a_false_step_does_not_verify() {
    let engine = engine();
    let lie = Rotate {
        false_witness: true,
    };
    let refused = |result: Result<IvcProof, EngineError>| {
        assert!(matches!(result, Err(EngineError::Unsatisfied(_))));
    };
    refused(IvcProof::first(engine, &lie, &z0()));
    refused(three_steps().next(engine, &lie));
    let first = engine.first_inputs(&z0());
    let step = engine.step(&first, &lie).expect("values");
    let first = IvcProof::begin(engine, &first, step).expect("a proof");
    assert!(first.verify(engine, &z0()).is_err());
    let mut later = three_steps();
    let inputs = later.fold(engine).expect("folded");
    let step = engine.step(&inputs, &lie).expect("values");
    later.follow(&inputs, step);
    assert!(later.verify(engine, &z0()).is_err());
    let buried = later.next(engine, &HONEST).expect("step");
    assert!(buried.verify(engine, &z0()).is_err());
}

#[test]
fn encoding_is_exact_and_canonical() {
    let (engine, ivc) = (engine(), three_steps());
    let sizes = engine.sizes();
    let bytes = ivc.encode(&sizes).expect("encoded");
    assert_eq!(bytes.len(), IvcProof::encoded_size(&sizes));
    let decoded = IvcProof::decode(engine, &bytes).expect("decoded");
    assert_eq!(decoded.encode(&sizes).expect("encoded"), bytes);
    assert_eq!(decoded.verify(engine, &z0()).expect("true"), ivc.z());
    // A decoded proof continues as the original does.
    let next = decoded.next(engine, &HONEST).expect("step");
    assert_eq!(next.verify(engine, &z0()).expect("true"), rotate(ivc.z()));
}

#[test]
fn altered_encodings_do_not_verify() {
    let (engine, ivc) = (engine(), three_steps());
    let sizes = engine.sizes();
    let bytes = ivc.encode(&sizes).expect("encoded");
    for position in (0..bytes.len()).step_by(bytes.len() / 30) {
        let mut altered = bytes.clone();
        altered[position] ^= 1 << (position % 8);
        let verified =
            IvcProof::decode(engine, &altered).and_then(|decoded| decoded.verify(engine, &z0()));
        assert!(verified.is_err(), "byte {position}");
    }
    for length in [0, 1, 31, bytes.len() - 1] {
        assert!(IvcProof::decode(engine, &bytes[..length]).is_err());
    }
    assert!(IvcProof::decode(engine, &[&bytes[..], &[0]].concat()).is_err());
}

#[test]
fn elements_that_are_not_canonical_are_refused() {
    let sizes = engine().sizes();
    let mut bytes = three_steps().encode(&sizes).expect("encoded");
    bytes[8..40].fill(0xff);
    let decoded = IvcProof::decode(engine(), &bytes);
    assert!(matches!(decoded, Err(EngineError::Encoding(_))));
}

#[test]
fn setup_reports_the_providers_error() {
    let result = PublicParams::setup(&HONEST, Err::<(_, ()), usize>);
    assert!(matches!(result, Err(SetupFailure::Powers(count)) if count >= 1 << 13));
    // The final proof's part of the key is not missed here.
    let few = |count: usize| Ok::<_, ()>((PowersOfTau::development(count / 8), ()));
    let short = PublicParams::setup(&HONEST, few);
    assert!(matches!(short, Err(SetupFailure::Engine(_))));
}

#[test]
fn computations_start_where_they_say() {
    let engine = engine();
    let two = chain(2, &z0());
    for at in 0..z0().len() {
        let mut other = z0();
        other[at] += Fr::ONE;
        let mut claimed = two.clone();
        claimed.parts.z0.clone_from(&other);
        assert!(claimed.verify(engine, &other).is_err(), "element {at}");
        assert!(claimed.verify(engine, &z0()).is_err(), "element {at}");
        // And no step 0 has another state than z_0.
        let mut inputs = Inputs::first(engine.digest, &other, Fr::ONE, engine.primary.t());
        inputs.z = z0();
        let violated = engine.step(&inputs, &HONEST).expect("synthesized").violated;
        assert_eq!(violated, Some("nothing before step 0"), "element {at}");
    }
}
