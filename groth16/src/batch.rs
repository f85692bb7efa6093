//! A step of a poll as a circuit of its own, which a plain Groth16 proves without any folding.
//!
//! ```no_run
//! # use ark_bn254::Bn254;
//! # use ark_groth16::Groth16;
//! # use maci_nova_groth16::adapter::Adapter;
//! # use maci_nova_groth16::batch;
//! # use maci_nova_step_circuit::StepCircuit;
//! # fn prove(step: &StepCircuit) -> Result<(), Box<dyn std::error::Error>> {
//! let matrices = batch::matrices(step)?;
//! let assignment = batch::assignment(step)?;
//! let mut rng = rand_core::OsRng;
//! let key = Groth16::<Bn254>::generate_random_parameters_with_reduction(
//!     Adapter::blank(&matrices),
//!     &mut rng,
//! )?;
//! let circuit = Adapter::new(&matrices, &assignment);
//! let proof = Groth16::<Bn254>::create_random_proof_with_reduction(circuit, &key, &mut rng)?;
//! # Ok(())
//! # }
//! ```

use halo2curves::bn256::Fr;
use maci_nova_step_circuit::{StepCircuit, ARITY};
use nova_snark::{
    frontend::{num::AllocatedNum, ConstraintSystem, SynthesisError},
    traits::circuit::StepCircuit as _,
};

use crate::adapter::{Assignment, Matrices};

/// The constraints of a step of K events as one statement: `z_in` leads to `z_out`, the instance
/// variables being the one and the elements of each.
///
/// # Errors
/// As the step's synthesis gives them; a [`StepCircuit`] gives none.
pub fn matrices(step: &StepCircuit) -> Result<Matrices, SynthesisError> {
    Matrices::record(|cs| synthesize(cs, step))
}

/// The values that belong to [`matrices`]. Those of a step from [`StepCircuit::prepare_plain`] are
/// copied, others are computed.
///
/// # Errors
/// As [`matrices`].
pub fn assignment(step: &StepCircuit) -> Result<Assignment, SynthesisError> {
    Assignment::record(|cs| synthesize(cs, step))
}

fn synthesize<CS: ConstraintSystem<Fr>>(
    cs: &mut CS,
    step: &StepCircuit,
) -> Result<(), SynthesisError> {
    let state = |cs: &mut CS, values: [Fr; ARITY]| {
        let input = |value| AllocatedNum::alloc_input(cs.namespace(|| "state"), || Ok(value));
        values.into_iter().map(input).collect::<Result<Vec<_>, _>>()
    };
    let before = state(cs, step.before().to_array())?;
    let stated = state(cs, step.after().to_array())?;
    let after = step.synthesize(cs, &before)?;
    for (stated, after) in stated.iter().zip(&after) {
        cs.enforce(
            || "z_out is the state after",
            |lc| lc + after.get_variable(),
            |lc| lc + CS::one(),
            |lc| lc + stated.get_variable(),
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use ark_bn254::Bn254;
    use ark_ff::UniformRand;
    use ark_groth16::Groth16;
    use ff::Field;
    use maci_nova_step_circuit::{testing::small_poll, Shape};
    use rand_chacha::ChaCha20Rng;
    use rand_core::SeedableRng;

    use super::*;
    use crate::adapter::Adapter;
    use crate::convert::{ToArk, ToHalo};

    /// A step of two events with stock Groth16, no folding: key, proof, and other states refused.
    #[test]
    fn a_step_is_proven_as_a_batch() {
        let poll = small_poll(2, 1);
        let shape = Shape::new(2, 1, 2).expect("in range");
        let prepare = |events: &[_]| {
            StepCircuit::prepare_plain(shape, &poll.header, poll.secret, events.to_vec())
                .expect("prepared")
        };
        let steps: Vec<_> = poll.transitions.chunks_exact(2).map(prepare).collect();
        let matrices = super::matrices(&steps[0]).expect("recorded");
        assert_eq!(matrices.instance(), 1 + 2 * ARITY);
        let mut rng = ChaCha20Rng::seed_from_u64(7);
        let key = Groth16::<Bn254>::generate_random_parameters_with_reduction(
            Adapter::blank(&matrices),
            &mut rng,
        )
        .expect("key");
        let prepared = ark_groth16::prepare_verifying_key(&key.vk);
        // Joins, and messages.
        for step in [&steps[0], &steps[steps.len() - 1]] {
            // The constraints do not depend on the events.
            assert_eq!(super::matrices(step).expect("recorded"), matrices);
            let assignment = assignment(step).expect("values");
            assert_eq!(matrices.violated(&assignment), None);
            let circuit = Adapter::new(&matrices, &assignment);
            let proof =
                Groth16::<Bn254>::create_random_proof_with_reduction(circuit, &key, &mut rng)
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
        let matrices = super::matrices(&step).expect("recorded");
        let honest = assignment(&step).expect("values");
        for i in 1 + ARITY..1 + 2 * ARITY {
            let mut instance: Vec<_> = honest.instance().iter().map(ToHalo::to_halo).collect();
            let witness: Vec<_> = honest.witness().iter().map(ToHalo::to_halo).collect();
            instance[i] += Fr::ONE;
            let false_claim = Assignment::new(&instance, &witness);
            let last = matrices.constraints() - ARITY + (i - 1 - ARITY);
            assert_eq!(matrices.violated(&false_claim), Some(last));
        }
    }
}
