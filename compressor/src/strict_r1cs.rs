//! A relaxed instance with a known scalar as a strict one, for a proof system that commits to
//! witness and error apart.
//!
//! The folding commits to `V = W || E` as one vector. In `A z * B z = u C z + E`, z = (W, u, x),
//! the scalar u is public and E is part of V, so over `z' = (V, 1, x)` this is strict R1CS:
//! ```text
//! A' z' * B' z' = C' z',   A' = A, B' = B with the column of u multiplied by u,
//!                          C' = u C (that column by u^2) + (1 at row i, column of E_i)
//! ```
//! Spartan (ePrint 2019/550) proves it as it is, with the commitment that the folding has made; the
//! matrices are made anew for each proof's u. That and their digest are most of a verification's
//! time.

use ff::Field;
use maci_nova_folding::relation::{Commitment, Instance, Relation, Witness};
use nova_snark::{
    errors::NovaError,
    provider::{hyperkzg, ipa_pc, Bn256EngineKZG, GrumpkinEngine},
    r1cs::{
        R1CSInstance, R1CSShape, R1CSWitness, RelaxedR1CSInstance, RelaxedR1CSWitness, SparseMatrix,
    },
    spartan::snark::RelaxedR1CSSNARK,
    traits::{commitment::CommitmentEngineTrait, snark::RelaxedR1CSSNARKTrait, Engine},
};
use rand_core::OsRng;

/// Spartan on BN254, opened by HyperKZG.
pub(crate) type PrimarySnark =
    RelaxedR1CSSNARK<Bn256EngineKZG, hyperkzg::EvaluationEngine<Bn256EngineKZG>>;
/// Spartan on Grumpkin, opened by the inner-product argument.
pub(crate) type SecondarySnark =
    RelaxedR1CSSNARK<GrumpkinEngine, ipa_pc::EvaluationEngine<GrumpkinEngine>>;

/// Rows and witness columns of the strict constraints, a power of two: what Spartan's proofs are
/// sized by. Half of the rows are zeros: the library opens witness and error together, and with
/// more than two threads it slices both as if they were of one length.
pub(crate) fn dimension<E: Engine>(relation: &Relation<E>) -> usize {
    2 * relation.half()
}

/// Proves that the witness satisfies the instance, whose commitment counts with its blinding taken
/// off.
pub(crate) fn prove<E: Engine, S: RelaxedR1CSSNARKTrait<E>>(
    relation: &Relation<E>,
    instance: &Instance<E>,
    witness: &Witness<E>,
) -> Result<S, NovaError> {
    let shape = shape(relation, &instance.u)?;
    let (prover, _) = S::setup(relation.key(), &shape)?;
    let mut vector = relation.joined(&witness.w, &witness.e);
    vector.resize(shape.num_vars(), E::Scalar::ZERO);
    let blind = &witness.blind;
    let witness = R1CSWitness::new(&shape, &vector, &mut OsRng)?;
    // No blinding: the vector is uniform already, and the commitment's own has been taken off.
    let (witness, _) = witness.derandomize();
    S::prove(
        relation.key(),
        &prover,
        &shape,
        &strict_instance(relation, &shape, instance, blind)?,
        &RelaxedR1CSWitness::from_r1cs_witness(&shape, &witness),
    )
}

/// Verifies such a proof.
pub(crate) fn verify<E: Engine, S: RelaxedR1CSSNARKTrait<E>>(
    relation: &Relation<E>,
    instance: &Instance<E>,
    blind: &E::Scalar,
    snark: &S,
) -> Result<(), NovaError> {
    let shape = shape(relation, &instance.u)?;
    let (_, verifier) = S::setup(relation.key(), &shape)?;
    snark.verify(
        &verifier,
        &strict_instance(relation, &shape, instance, blind)?,
    )
}

fn strict_instance<E: Engine>(
    relation: &Relation<E>,
    shape: &R1CSShape<E>,
    instance: &Instance<E>,
    blind: &E::Scalar,
) -> Result<RelaxedR1CSInstance<E>, NovaError> {
    let key = E::CE::derand_key(relation.key());
    let commitment: Commitment<E> = E::CE::derandomize(&key, &instance.commitment, blind);
    let strict = R1CSInstance::new(shape, &commitment, &instance.x)?;
    Ok(RelaxedR1CSInstance::from_r1cs_instance(
        relation.key(),
        shape,
        &strict,
    ))
}

/// The strict constraints for the scalar `u`.
fn shape<E: Engine>(relation: &Relation<E>, u: &E::Scalar) -> Result<R1CSShape<E>, NovaError> {
    let relaxed = relation.shape();
    let size = dimension(relation);
    let strict = |matrix: &SparseMatrix<E::Scalar>, scale: E::Scalar| {
        Strict {
            one: relaxed.num_vars(),
            size,
            width: size + 1 + relaxed.num_io(),
            scale,
            u: *u,
        }
        .matrix(matrix, relaxed.num_cons())
    };
    let one = E::Scalar::ONE;
    let mut c = strict(relaxed.C(), *u);
    add_error(&mut c, relaxed.num_cons(), relation.half());
    R1CSShape::new(
        size,
        size,
        relaxed.num_io(),
        strict(relaxed.A(), one),
        strict(relaxed.B(), one),
        c,
    )
}

/// How a matrix is rewritten.
struct Strict<F> {
    /// The column of the scalar; witness before it, public inputs after.
    one: usize,
    /// Rows, and witness columns.
    size: usize,
    width: usize,
    /// What every entry is multiplied by.
    scale: F,
    /// What entries of the scalar's column are multiplied by besides.
    u: F,
}

impl<F: ff::PrimeField> Strict<F> {
    fn matrix(&self, matrix: &SparseMatrix<F>, constraints: usize) -> SparseMatrix<F> {
        let moved = |(column, value): (&usize, &F)| {
            let value = self.scale * value;
            match *column {
                column if column < self.one => (column, value),
                column if column == self.one => (self.size, value * self.u),
                column => (column - self.one + self.size, value),
            }
        };
        let entries = matrix.indices.iter().zip(&matrix.data).map(moved);
        let (indices, data) = entries.unzip();
        let mut indptr = matrix.indptr.clone();
        let end = indptr.last().copied().unwrap_or(0);
        // Rows of zeros up to a power of two.
        indptr.resize(indptr.len() + self.size - constraints, end);
        SparseMatrix {
            data,
            indices,
            indptr,
            cols: self.width,
        }
    }
}

/// Adds 1 at row i, column of `E_i`.
fn add_error<F: ff::PrimeField>(matrix: &mut SparseMatrix<F>, constraints: usize, half: usize) {
    let mut indices = Vec::with_capacity(matrix.indices.len() + constraints);
    let mut data = Vec::with_capacity(indices.capacity());
    let mut indptr = vec![0];
    for (row, span) in matrix.indptr.windows(2).enumerate() {
        indices.extend_from_slice(&matrix.indices[span[0]..span[1]]);
        data.extend_from_slice(&matrix.data[span[0]..span[1]]);
        if row < constraints {
            indices.push(half + row);
            data.push(F::ONE);
        }
        indptr.push(indices.len());
    }
    (matrix.indices, matrix.data, matrix.indptr) = (indices, data, indptr);
}

#[cfg(test)]
mod tests {
    use halo2curves::bn256::Fr;

    use super::*;

    fn sparse(entries: &[(usize, usize, u64)], rows: usize, columns: usize) -> SparseMatrix<Fr> {
        let entries: Vec<_> = entries
            .iter()
            .map(|(row, column, value)| (*row, *column, Fr::from(*value)))
            .collect();
        SparseMatrix::new(&entries, rows, columns)
    }

    /// Two variables, one input, three constraints; half = 4.
    #[test]
    fn columns_move_and_scale() {
        let matrix = sparse(&[(0, 0, 5), (0, 2, 7), (1, 1, 3), (2, 3, 11)], 3, 4);
        let u = Fr::from(10);
        let strict = Strict {
            one: 2,
            size: 8,
            width: 10,
            scale: u,
            u,
        };
        let mut moved = strict.matrix(&matrix, 3);
        add_error(&mut moved, 3, 4);
        let expected = [
            (0, 0, 50),
            (0, 8, 700),
            (0, 4, 1),
            (1, 1, 30),
            (1, 5, 1),
            (2, 9, 110),
            (2, 6, 1),
        ];
        let entries: Vec<_> = moved.iter().collect();
        assert_eq!(entries.len(), expected.len());
        for (row, column, value) in expected {
            assert!(entries.contains(&(row, column, Fr::from(value))));
        }
        assert_eq!(moved.indptr.len(), 9);
    }
}
