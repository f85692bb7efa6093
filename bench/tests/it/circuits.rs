//! Circuits of `bellpepper-core` as steps: neptune's Poseidon.

use bellpepper_core::num::AllocatedNum;
use bellpepper_core::{ConstraintSystem, SynthesisError};
use generic_array::typenum::U2;
use maci_nova_bench::bellpepper::{BellpepperStep, Step};
use maci_nova_protocol::Fr;
use neptune::circuit2::poseidon_hash_allocated;
use neptune::poseidon::{Poseidon, PoseidonConstants};
use nova_snark::frontend::num::AllocatedNum as Number;
use nova_snark::frontend::r1cs::NovaShape;
use nova_snark::frontend::shape_cs::ShapeCS;
use nova_snark::frontend::util_cs::test_cs::TestConstraintSystem;
use nova_snark::nova::{PublicParams, RecursiveSNARK};
use nova_snark::provider::{Bn256EngineIPA, GrumpkinEngine};
use nova_snark::traits::circuit::StepCircuit;
use nova_snark::traits::snark::default_ck_hint;

/// (a, b) becomes (b, P(a, b)).
#[derive(Clone)]
struct HashChain(PoseidonConstants<Fr, U2>);

impl BellpepperStep<Fr> for HashChain {
    fn arity(&self) -> usize {
        2
    }

    fn synthesize<CS: ConstraintSystem<Fr>>(
        &self,
        cs: &mut CS,
        z: &[AllocatedNum<Fr>],
    ) -> Result<Vec<AllocatedNum<Fr>>, SynthesisError> {
        let hash = poseidon_hash_allocated(cs.namespace(|| "hash"), z.to_vec(), &self.0)?;
        Ok(vec![z[1].clone(), hash])
    }
}

fn native(constants: &PoseidonConstants<Fr, U2>, z: [Fr; 2]) -> [Fr; 2] {
    [z[1], Poseidon::new_with_preimage(&z, constants).hash()]
}

fn inputs<CS: nova_snark::frontend::ConstraintSystem<Fr>>(
    cs: &mut CS,
    z: [Fr; 2],
) -> Vec<Number<Fr>> {
    let number = |i: usize| (format!("z {i}"), z[i]);
    (0..2)
        .map(number)
        .map(|(name, value)| Number::alloc(cs.namespace(|| name), || Ok(value)).expect("a value"))
        .collect()
}

#[test]
fn a_chain_of_neptunes_hashes_is_proven() {
    let step = Step(HashChain(PoseidonConstants::new()));
    let parameters = PublicParams::<Bn256EngineIPA, GrumpkinEngine, _>::setup(
        &step,
        &*default_ck_hint(),
        &*default_ck_hint(),
    )
    .expect("parameters");
    let z0 = [Fr::from(3), Fr::from(5)];
    let mut proof = RecursiveSNARK::new(&parameters, &step, &z0).expect("begun");
    let mut expected = z0;
    for _ in 0..3 {
        proof.prove_step(&parameters, &step).expect("proven");
        expected = native(&step.0 .0, expected);
    }
    assert_eq!(proof.verify(&parameters, 3, &z0).expect("true"), expected);
    assert!(proof
        .verify(&parameters, 3, &[Fr::from(3), Fr::from(6)])
        .is_err());
}

/// Two copies of the state, and what the circuit has under its own crate's constraint system.
#[test]
fn nothing_is_lost_on_the_way() {
    let chain = HashChain(PoseidonConstants::new());
    let z = [Fr::from(3), Fr::from(5)];
    let mut theirs = bellpepper_core::test_cs::TestConstraintSystem::<Fr>::new();
    let numbers = [0, 1].map(|i| {
        let name = theirs.namespace(|| format!("z {i}"));
        AllocatedNum::alloc(name, || Ok(z[i])).expect("a value")
    });
    let out = chain
        .synthesize(&mut theirs, &numbers)
        .expect("synthesized");
    assert!(theirs.is_satisfied());
    let mut shape = ShapeCS::<Bn256EngineIPA>::new();
    let numbers = inputs(&mut shape, z);
    Step(chain.clone())
        .synthesize(&mut shape, &numbers)
        .expect("synthesized");
    let shape = shape.r1cs_shape().expect("a shape");
    assert_eq!(shape.num_cons(), theirs.num_constraints() + 2);
    let mut ours = TestConstraintSystem::<Fr>::new();
    let numbers = inputs(&mut ours, z);
    let reached = Step(chain)
        .synthesize(&mut ours, &numbers)
        .expect("synthesized");
    assert!(ours.is_satisfied(), "{:?}", ours.which_is_unsatisfied());
    for (ours, theirs) in reached.iter().zip(&out) {
        assert_eq!(ours.get_value(), theirs.get_value());
    }
}
