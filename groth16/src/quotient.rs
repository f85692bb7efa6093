//! The quotient of a proof: with `a`, `b` and `c` the polynomials that take the products of row i
//! with all values at the domain's element i, `h = (a b - c) / Z`, where Z vanishes on the domain.
//!
//! The library can do it too, from matrices with each row in a list of its own. Those of the
//! decider take 420 MB so, and 50 MB as [`Matrices`] keeps them.

use ark_bn254::Fr;
use ark_ff::{FftField, Field, Zero};
use ark_poly::{EvaluationDomain, Radix2EvaluationDomain};
use ark_relations::gr1cs::{Result, SynthesisError};
use rayon::prelude::*;
use zeroize::Zeroizing;

use crate::adapter::{Assignment, Matrices};

/// The coefficients of h, as many as the domain has elements; the last one is 0 if the values
/// satisfy the constraints.
///
/// The public variables have a row each, `x_i * 0 = 0`, after those of the constraints: so no
/// polynomial of A is a combination of others (as libsnark and ark-groth16 have it).
pub(crate) fn quotient(matrices: &Matrices, assignment: &Assignment) -> Result<Zeroizing<Vec<Fr>>> {
    let (rows, z) = (matrices.constraints(), assignment.values());
    let domain = Radix2EvaluationDomain::<Fr>::new(rows + matrices.instance())
        .ok_or(SynthesisError::PolynomialDegreeTooLarge)?;
    let coset = domain
        .get_coset(Fr::GENERATOR)
        .ok_or(SynthesisError::PolynomialDegreeTooLarge)?;
    // The values on the coset of the polynomial that takes these on the domain.
    let extended = |mut values: Zeroizing<Vec<Fr>>| {
        domain.ifft_in_place(&mut values);
        coset.fft_in_place(&mut values);
        values
    };
    let products = |matrix: usize| {
        // They tell the witness.
        let mut values = Zeroizing::new(Vec::with_capacity(domain.size()));
        let product = |i| matrices.product(matrix, i, z);
        (0..rows)
            .into_par_iter()
            .map(product)
            .collect_into_vec(&mut values);
        if matrix == 0 {
            values.extend_from_slice(assignment.instance());
        }
        values.resize(domain.size(), Fr::zero());
        values
    };

    let mut h = extended(products(0));
    h.par_iter_mut()
        .zip(extended(products(1)).par_iter())
        .for_each(|(a, b)| *a *= b);
    // Z is constant on the coset, and not 0 there.
    let vanishing = domain.evaluate_vanishing_polynomial(Fr::GENERATOR);
    let inverse = vanishing.inverse().ok_or(SynthesisError::DivisionByZero)?;
    h.par_iter_mut()
        .zip(extended(products(2)).par_iter())
        .for_each(|(ab, c)| *ab = (*ab - c) * inverse);
    coset.ifft_in_place(&mut h);
    Ok(h)
}

#[cfg(test)]
mod tests {
    use ark_groth16::r1cs_to_qap::{LibsnarkReduction, R1CSToQAP};
    use ark_poly::GeneralEvaluationDomain;
    use maci_nova_step_circuit::{testing::small_poll, Shape, StepCircuit};

    use super::*;
    use crate::batch;

    /// The same as the library's, of true values and of false ones.
    #[test]
    fn the_quotient_is_the_librarys() {
        let poll = small_poll(2, 1);
        let shape = Shape::new(2, 1, 1).expect("in range");
        let event = poll.transitions[1].clone();
        let step = StepCircuit::prepare_plain(shape, &poll.header, poll.secret, vec![event]);
        let step = step.expect("prepared");
        let matrices = batch::matrices(&step).expect("recorded");
        let honest = batch::assignment(&step).expect("values");
        let false_one = Assignment::from_values(
            honest
                .values()
                .iter()
                .map(|value| *value + Fr::ONE)
                .collect(),
            honest.instance().len(),
        );
        for assignment in [honest, false_one] {
            let library =
                LibsnarkReduction::witness_map_from_matrices::<Fr, GeneralEvaluationDomain<Fr>>(
                    &matrices.rows(),
                    matrices.instance(),
                    matrices.constraints(),
                    assignment.values(),
                );
            let own = quotient(&matrices, &assignment).expect("a domain");
            assert!(*own == library.expect("a domain"));
            let satisfied = matrices.violated(&assignment).is_none();
            assert_eq!(own.last().is_some_and(Zero::is_zero), satisfied);
        }
    }
}
