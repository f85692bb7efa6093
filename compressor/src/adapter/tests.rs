//! Conversions, recorded circuits, and a step proven without folding.

use ark_bn254::Bn254;
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::UniformRand;
use ark_groth16::Groth16;
use ark_relations::gr1cs::{ConstraintSystem as ArkConstraintSystem, R1CS_PREDICATE_LABEL};
use halo2curves::group::Curve;
use maci_nova_step_circuit::{testing::small_poll, Shape};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

use super::*;

fn rng() -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(7)
}

#[test]
fn field_elements_convert_both_ways() {
    let mut rng = rng();
    for _ in 0..50 {
        let (scalar, coordinate) = (Fr::random(&mut rng), Fq::random(&mut rng));
        assert_eq!(scalar.to_ark().to_halo(), scalar);
        assert_eq!(coordinate.to_ark().to_halo(), coordinate);
    }
    assert_eq!(Fr::from(258).to_ark(), ark_bn254::Fr::from(258));
    assert_eq!((-Fr::ONE).to_ark(), -ark_bn254::Fr::from(1));
    assert_eq!((-Fq::ONE).to_ark(), -ark_bn254::Fq::from(1));
    assert_eq!(Fr::ZERO.to_ark(), ark_bn254::Fr::from(0));
    // Products too: the same field, not only the same representation.
    let (a, b) = (Fr::random(&mut rng), Fr::random(&mut rng));
    assert_eq!((a * b).to_ark(), a.to_ark() * b.to_ark());
}

#[test]
fn points_convert_both_ways() {
    use halo2curves::bn256::{G1, G2};
    let mut rng = rng();
    let scalar = Fr::random(&mut rng);
    let ark = scalar.to_ark();

    let g1 = (G1::generator() * scalar).to_affine();
    let same = (ark_bn254::G1Affine::generator() * ark).into_affine();
    assert_eq!(g1.to_ark(), same);
    assert_eq!(same.to_halo(), g1);

    let g2 = (G2::generator() * scalar).to_affine();
    let same = (ark_bn254::G2Affine::generator() * ark).into_affine();
    assert_eq!(g2.to_ark(), same);
    assert_eq!(same.to_halo(), g2);

    let infinity = G1Affine::identity();
    assert!(infinity.to_ark().is_zero());
    assert_eq!(infinity.to_ark().to_halo(), infinity);
    let infinity = G2Affine::identity();
    assert!(infinity.to_ark().is_zero());
    assert_eq!(infinity.to_ark().to_halo(), infinity);
}

/// `x^3 + x + 5 = out`, the input allocated last and one coefficient 0.
fn cubic<CS: ConstraintSystem<Fr>>(cs: &mut CS, x: u64) -> Result<(), SynthesisError> {
    let square = x * x;
    let variable = cs.alloc(|| "x", || Ok(Fr::from(x)))?;
    let square = cs.alloc(|| "x^2", || Ok(Fr::from(square)))?;
    let out = cs.alloc_input(|| "out", || Ok(Fr::from(x * x * x + x + 5)))?;
    cs.enforce(
        || "square",
        |lc| lc + variable,
        |lc| lc + variable,
        |lc| lc + square + (Fr::ZERO, out),
    );
    cs.enforce(
        || "cube",
        |lc| lc + square,
        |lc| lc + variable,
        |lc| lc + out - variable - (Fr::from(5), CS::one()),
    );
    Ok(())
}

#[test]
fn a_circuit_is_recorded_as_it_is() {
    let matrices = Matrices::record(|cs| cubic(cs, 0)).expect("recorded");
    let one = ark_bn254::Fr::from(1);
    let rows = [
        vec![vec![(one, 2)], vec![(one, 3)]],
        vec![vec![(one, 2)], vec![(one, 2)]],
        vec![
            vec![(one, 3)],
            vec![(-ark_bn254::Fr::from(5), 0), (one, 1), (-one, 2)],
        ],
    ];
    let expected = Matrices {
        instance: 2,
        witness: 2,
        rows,
    };
    assert_eq!(matrices, expected);
    assert_eq!((matrices.constraints(), matrices.entries()), (2, 8));

    let assignment = Assignment::record(|cs| cubic(cs, 3)).expect("recorded");
    let values = [1, 35, 3, 9].map(ark_bn254::Fr::from);
    assert_eq!(assignment.values(), values);
    assert_eq!(assignment.instance(), &values[..2]);
    assert_eq!(assignment.witness(), &values[2..]);
    assert_eq!(matrices.violated(&assignment), None);

    let values = [1, 36, 3, 9].map(Fr::from);
    let (instance, witness) = values.split_at(2);
    let wrong = Assignment::new(instance, witness);
    assert_eq!(matrices.violated(&wrong), Some(1));
    assert!(matrices.fits(&wrong));
    assert!(!matrices.fits(&Assignment::new(&values, &[])));
}

#[test]
fn every_part_of_the_constraints_is_in_the_digest() {
    let matrices = Matrices::record(|cs| cubic(cs, 0)).expect("recorded");
    let digest = matrices.digest();
    assert_eq!(matrices.clone().digest(), digest);
    let changed = |change: fn(&mut Matrices)| {
        let mut matrices = matrices.clone();
        change(&mut matrices);
        matrices.digest()
    };
    let one = ark_bn254::Fr::from(1);
    assert_eq!(one, matrices.rows[0][0][0].0);
    let all = [
        changed(|m| m.instance += 1),
        changed(|m| m.witness += 1),
        changed(|m| m.rows[0][0][0].0 += ark_bn254::Fr::from(1)),
        changed(|m| m.rows[2][1][1].1 = 3),
        changed(|m| m.rows[2].swap(0, 1)),
        changed(|m| m.rows.swap(0, 2)),
        changed(|m| m.rows.iter_mut().for_each(|rows| rows.truncate(1))),
    ];
    for other in all {
        assert_ne!(other, digest);
    }
}

/// What the prover is given is what the key is made of.
#[test]
fn the_constraints_arrive_unchanged() {
    let shape = Shape::new(1, 1, 1).expect("in range");
    let matrices = batch(&StepCircuit::blank(shape)).expect("recorded");
    let cs = ArkConstraintSystem::new_ref();
    Adapter::blank(&matrices)
        .generate_constraints(cs.clone())
        .expect_err("values are asked for");
    let cs = ArkConstraintSystem::new_ref();
    cs.set_mode(gr1cs::SynthesisMode::Setup);
    Adapter::blank(&matrices)
        .generate_constraints(cs.clone())
        .expect("carried");
    cs.finalize();
    assert_eq!(cs.num_instance_variables(), matrices.instance);
    assert_eq!(cs.num_witness_variables(), matrices.witness);
    let arrived = &cs.to_matrices().expect("matrices")[R1CS_PREDICATE_LABEL];
    assert_eq!(arrived.as_slice(), matrices.rows.as_slice());
}

#[test]
fn too_few_values_are_refused() {
    let matrices = Matrices::record(|cs| cubic(cs, 0)).expect("recorded");
    let assignment = Assignment::new(&[Fr::ONE], &[Fr::ONE; 3]);
    let cs = ArkConstraintSystem::new_ref();
    let refused = Adapter::new(&matrices, &assignment).generate_constraints(cs);
    assert!(refused.is_err());
}

/// A step of two events with stock Groth16, no folding: key, proof, and other states refused.
#[test]
fn a_step_is_proven_as_a_batch() {
    let poll = small_poll(2, 1);
    let shape = Shape::new(2, 1, 2).expect("in range");
    let prepare = |events: &[_]| {
        StepCircuit::prepare(shape, &poll.header, poll.secret, events.to_vec()).expect("prepared")
    };
    let steps: Vec<_> = poll.transitions.chunks_exact(2).map(prepare).collect();
    let matrices = batch(&steps[0]).expect("recorded");
    assert_eq!(matrices.instance, 15);
    let mut rng = rng();
    let key = Groth16::<Bn254>::generate_random_parameters_with_reduction(
        Adapter::blank(&matrices),
        &mut rng,
    )
    .expect("key");
    let prepared = ark_groth16::prepare_verifying_key(&key.vk);
    // Joins, and messages.
    for step in [&steps[0], &steps[steps.len() - 1]] {
        // The constraints do not depend on the events.
        assert_eq!(batch(step).expect("recorded"), matrices);
        let assignment = batch_assignment(step).expect("values");
        assert_eq!(matrices.violated(&assignment), None);
        let circuit = Adapter::new(&matrices, &assignment);
        let proof = Groth16::<Bn254>::create_random_proof_with_reduction(circuit, &key, &mut rng)
            .expect("proof");
        let states = [step.before(), step.after()].map(|state| state.to_array());
        let mut publics: Vec<_> = states.concat().iter().map(ToArk::to_ark).collect();
        let verify = |publics: &[ark_bn254::Fr]| {
            Groth16::<Bn254>::verify_proof(&prepared, &proof, publics).expect("verified")
        };
        assert!(verify(&publics));
        for i in 0..publics.len() {
            let value = publics[i];
            publics[i] = ark_bn254::Fr::rand(&mut rng);
            assert!(!verify(&publics), "z element {i}");
            publics[i] = value;
        }
    }
}

/// A step of claims that are false has no satisfying values.
#[test]
fn a_false_state_after_violates_the_batch() {
    let poll = small_poll(2, 1);
    let step = poll.steps().next().expect("a step").expect("prepared");
    let matrices = batch(&step).expect("recorded");
    let honest = batch_assignment(&step).expect("values");
    for i in 8..15 {
        let mut instance: Vec<_> = honest.instance().iter().map(ToHalo::to_halo).collect();
        let witness: Vec<_> = honest.witness().iter().map(ToHalo::to_halo).collect();
        instance[i] += Fr::ONE;
        let false_claim = Assignment::new(&instance, &witness);
        let last = matrices.constraints() - 7 + (i - 8);
        assert_eq!(matrices.violated(&false_claim), Some(last));
    }
}
