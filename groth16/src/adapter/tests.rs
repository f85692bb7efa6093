//! Recorded circuits.

use ark_relations::gr1cs::{ConstraintSystem as ArkConstraintSystem, R1CS_PREDICATE_LABEL};
use ff::Field;
use maci_nova_step_circuit::{Shape, StepCircuit};

use super::*;

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
    assert_eq!(matrices.rows(), rows);
    assert_eq!(matrices, Matrices::from_rows(2, 2, &rows));
    assert_eq!((matrices.instance(), matrices.witness()), (2, 2));
    assert_eq!(matrices.domain(), 4);
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
    let changed = |change: fn(&mut [Vec<Row>; 3])| {
        let mut rows = matrices.rows();
        change(&mut rows);
        Matrices::from_rows(2, 2, &rows).digest()
    };
    let one = ark_bn254::Fr::from(1);
    assert_eq!(one, matrices.rows()[0][0][0].0);
    assert_eq!(changed(|_| ()), digest);
    let all = [
        Matrices::from_rows(3, 2, &matrices.rows()).digest(),
        Matrices::from_rows(2, 3, &matrices.rows()).digest(),
        changed(|rows| rows[0][0][0].0 += ark_bn254::Fr::from(1)),
        changed(|rows| rows[2][1][1].1 = 3),
        changed(|rows| rows[2].swap(0, 1)),
        changed(|rows| rows.swap(0, 2)),
        changed(|rows| rows.iter_mut().for_each(|rows| rows.truncate(1))),
    ];
    for other in all {
        assert_ne!(other, digest);
    }
}

/// What the prover is given is what the key is made of.
#[test]
fn the_constraints_arrive_unchanged() {
    let shape = Shape::new(1, 1, 1).expect("in range");
    let matrices = crate::batch::matrices(&StepCircuit::blank(shape)).expect("recorded");
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
    assert_eq!(cs.num_instance_variables(), matrices.instance());
    assert_eq!(cs.num_witness_variables(), matrices.witness());
    let arrived = &cs.to_matrices().expect("matrices")[R1CS_PREDICATE_LABEL];
    assert_eq!(arrived.as_slice(), matrices.rows().as_slice());
}

#[test]
fn too_few_values_are_refused() {
    let matrices = Matrices::record(|cs| cubic(cs, 0)).expect("recorded");
    let assignment = Assignment::new(&[Fr::ONE], &[Fr::ONE; 3]);
    let cs = ArkConstraintSystem::new_ref();
    let refused = Adapter::new(&matrices, &assignment).generate_constraints(cs);
    assert!(refused.is_err());
}
