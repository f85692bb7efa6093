//! A circuit that was written for `bellpepper-core`, neptune's Poseidon, as a step of Nova.
//!
//! ```sh
//! cargo run --release -p maci-nova-bench --example poseidon -- 16
//! ```
//! proves 16 steps (3 if no number is given) of a hash chain and says what they took.

use std::error::Error;

use bellpepper_core::num::AllocatedNum;
use bellpepper_core::{ConstraintSystem, SynthesisError};
use generic_array::typenum::U2;
use maci_nova_bench::bellpepper::{BellpepperStep, Step};
use maci_nova_bench::measure::timed;
use maci_nova_protocol::Fr;
use neptune::circuit2::poseidon_hash_allocated;
use neptune::poseidon::PoseidonConstants;
use nova_snark::nova::{PublicParams, RecursiveSNARK};
use nova_snark::provider::{Bn256EngineIPA, GrumpkinEngine};
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

fn main() -> Result<(), Box<dyn Error>> {
    let steps = std::env::args()
        .nth(1)
        .map_or(Ok(3), |number| number.parse())?;
    let step = Step(HashChain(PoseidonConstants::new()));
    let parameters = PublicParams::<Bn256EngineIPA, GrumpkinEngine, _>::setup(
        &step,
        &*default_ck_hint(),
        &*default_ck_hint(),
    )?;
    let (first, second) = parameters.num_constraints();
    println!("{first} constraints on BN254, {second} on Grumpkin");
    let z0 = [Fr::from(3), Fr::from(5)];
    let mut proof = RecursiveSNARK::new(&parameters, &step, &z0)?;
    let (proven, seconds) =
        timed(|| (0..steps).try_for_each(|_| proof.prove_step(&parameters, &step)));
    proven?;
    let state = proof.verify(&parameters, steps, &z0)?;
    println!("{steps} steps in {seconds:.2} s lead to {state:?}");
    Ok(())
}
