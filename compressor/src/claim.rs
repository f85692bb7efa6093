//! The second of the two proofs on BN254: that the blinded claim is true of what is committed to.
//!
//! ```text
//! sum_i pow_i(beta'') f_i(W'', 1, x'') = e''
//! ```
//! beta'', e'' and x'' are public, so over V = (W'', p, s, q) this is strict R1CS: a product row says
//! `<a, z> <b, z> = p_i`, a power row `<l, z>^2 = s_i`, `s_i^2 = q_i`, `q_i <l, z> = p_i`, and one
//! row is the sum, in which the p_i have the weights. Spartan proves it with a commitment of its own
//! to V. Another row says that W'' as a polynomial has the value `e_c` at c, a hash of that
//! commitment and of all that is public; and KZG that so has what the folded commitment `F` opens
//! to. So W'' is what F commits to. All of V is a function of W'' and x'', which are uniform: it is
//! proven as it is.

use ff::Field;
use maci_nova_folding::{
    engine::{EngineError, Primary, PublicParams},
    relation::Commitment,
    rows::{Rows, Term},
};
use maci_nova_groth16::convert::ToArk;
use maci_nova_step_circuit::{secret::Secret, Fr};
use nova_snark::{
    errors::NovaError,
    r1cs::{
        R1CSInstance, R1CSShape, R1CSWitness, RelaxedR1CSInstance, RelaxedR1CSWitness, SparseMatrix,
    },
    traits::{commitment::CommitmentEngineTrait, snark::RelaxedR1CSSNARKTrait, Engine},
};
use rand_core::OsRng;
use serde::{Deserialize, Serialize};

use crate::{
    decider::prover::{divide, point, CommitmentBases},
    hashes::Shown,
    snark_error::SnarkError,
    strict_r1cs::PrimarySnark,
    transcript,
};

type Ce = <Primary as Engine>::CE;

/// Prefix of what c is a hash of.
const DOMAIN: &[u8] = b"maci-nova claim, version 1";

/// A proof of the claim.
#[derive(Serialize, Deserialize)]
pub(crate) struct Proof {
    /// To V.
    commitment: Commitment<Primary>,
    /// The blinding of F, which nothing needs any more.
    blind: Fr,
    /// The value of W'' at c.
    value: Fr,
    /// The opening of F at c.
    opening: Commitment<Primary>,
    snark: PrimarySnark,
}

/// Rows and variables of the strict constraints: a power of two.
pub(crate) fn dimension(engine: &PublicParams) -> usize {
    let rows = engine.primary().rows();
    let products = rows.products() + 3 * rows.powers();
    (rows.variables() + products)
        .max(products + 2)
        .next_power_of_two()
}

/// Proves the claim that is shown, of its witness, F being blinded by `blind`.
pub(crate) fn prove(
    engine: &PublicParams,
    shown: &Shown,
    w: &[Fr],
    blind: Fr,
    stated: &[Fr],
) -> Result<Proof, SnarkError> {
    let key = engine.primary().key();
    let mut vector = Secret::from(w.to_vec());
    extend_with_products(&mut vector, engine.primary().rows(), &shown.x);
    vector.resize(dimension(engine), Fr::ZERO);
    let commitment = Ce::commit(key, &vector, &Fr::ZERO);
    let c = challenge(engine, shown, &commitment, blind, stated)?;
    let (value, quotient) = divide(w, c);
    let shape = shape(engine, shown, c, value).map_err(EngineError::from)?;
    let proven = || -> Result<PrimarySnark, NovaError> {
        let (prover, _) = PrimarySnark::setup(key, &shape)?;
        let witness = R1CSWitness::new(&shape, &vector, &mut OsRng)?;
        let (witness, _) = witness.derandomize();
        PrimarySnark::prove(
            key,
            &prover,
            &shape,
            &instance(engine, &shape, &commitment, shown)?,
            &RelaxedR1CSWitness::from_r1cs_witness(&shape, &witness),
        )
    };
    Ok(Proof {
        commitment,
        blind,
        value,
        opening: Ce::commit(key, &quotient, &Fr::ZERO),
        snark: proven().map_err(EngineError::from)?,
    })
}

impl Proof {
    /// Verifies that the claim which is shown is true of what F commits to.
    pub(crate) fn verify(
        &self,
        engine: &PublicParams,
        shown: &Shown,
        stated: &[Fr],
    ) -> Result<(), SnarkError> {
        if shown.beta.len() != engine.sizes().t {
            return Err(EngineError::Statement("a vector of another length").into());
        }
        let rejected = |error: NovaError| SnarkError::Rejected(error.to_string());
        let c = challenge(engine, shown, &self.commitment, self.blind, stated)?;
        if !self.opens(engine, shown, c) {
            return Err(SnarkError::Rejected("the opening".into()));
        }
        let shape = shape(engine, shown, c, self.value).map_err(EngineError::from)?;
        let (_, verifier) =
            PrimarySnark::setup(engine.primary().key(), &shape).map_err(rejected)?;
        let instance = instance(engine, &shape, &self.commitment, shown).map_err(rejected)?;
        self.snark.verify(&verifier, &instance).map_err(rejected)?;
        Ok(())
    }

    /// Whether `F = U.C + r_1 D + r_2 D_R`, less its blinding, has the value at c.
    fn opens(&self, engine: &PublicParams, shown: &Shown, c: Fr) -> bool {
        let [running, difference, random] = shown.points;
        let folded = running + difference * shown.r1 + random * shown.r2;
        CommitmentBases::of(engine).opens(
            &point(&folded),
            &self.blind.to_ark(),
            (&c.to_ark(), &self.value.to_ark()),
            &point(&self.opening),
        )
    }
}

/// A hash of the parameters and of all that is public, the statement and F's blinding among it, and
/// of the commitment to V.
fn challenge(
    engine: &PublicParams,
    shown: &Shown,
    commitment: &Commitment<Primary>,
    blind: Fr,
    stated: &[Fr],
) -> Result<Fr, EngineError> {
    let all = (engine.digest(), stated, shown, commitment, blind);
    transcript::challenge(DOMAIN, &all)
}

/// Appends to W'' what its rows' products come to.
fn extend_with_products(vector: &mut Secret<Fr>, rows: &Rows, x: &[Fr; 2]) {
    let values = rows.values(vector, x);
    let [a, b, _] = &values.products;
    vector.extend(a.iter().zip(b.iter()).map(|(a, b)| *a * b));
    for l in values.fifths[0].iter() {
        let square = l.square();
        vector.extend([square, square.square(), square.square() * l]);
    }
}

fn instance(
    engine: &PublicParams,
    shape: &R1CSShape<Primary>,
    commitment: &Commitment<Primary>,
    shown: &Shown,
) -> Result<RelaxedR1CSInstance<Primary>, NovaError> {
    let strict = R1CSInstance::new(shape, commitment, &shown.x)?;
    Ok(RelaxedR1CSInstance::from_r1cs_instance(
        engine.primary().key(),
        shape,
        &strict,
    ))
}

/// A matrix that is written row by row.
struct Writer {
    data: Vec<Fr>,
    indices: Vec<usize>,
    indptr: Vec<usize>,
}

impl Writer {
    fn new() -> Self {
        Writer {
            data: vec![],
            indices: vec![],
            indptr: vec![0],
        }
    }

    fn row(&mut self, terms: impl IntoIterator<Item = Term>) {
        for (coefficient, column) in terms {
            self.data.push(coefficient);
            self.indices.push(column);
        }
        self.indptr.push(self.indices.len());
    }

    /// Rows of zeros up to so many.
    fn finish(mut self, rows: usize, cols: usize) -> SparseMatrix<Fr> {
        let end = self.indices.len();
        self.indptr.resize(rows + 1, end);
        SparseMatrix {
            data: self.data,
            indices: self.indices,
            indptr: self.indptr,
            cols,
        }
    }
}

/// The strict constraints for the claim that is shown, and for a value at c.
fn shape(
    engine: &PublicParams,
    shown: &Shown,
    c: Fr,
    value: Fr,
) -> Result<R1CSShape<Primary>, NovaError> {
    let rows = engine.primary().rows();
    let (size, variables) = (dimension(engine), rows.variables());
    // Columns of V, the one, x''; in the rows' own z the one follows W''.
    let moved = |terms: Vec<Term>| {
        let place = move |column: usize| match column < variables {
            true => column,
            false => column - variables + size,
        };
        terms
            .into_iter()
            .map(move |(coefficient, column)| (coefficient, place(column)))
    };
    let one = |column: usize| [(Fr::ONE, column)];
    let weights = maci_nova_folding::claims::weights(&shown.beta, rows.count());
    let mut dense = vec![Fr::ZERO; size + 1 + shown.x.len()];
    let [mut a, mut b, mut c_rows] = [(); 3].map(|()| Writer::new());
    for i in 0..rows.products() {
        let [left, right, subtracted] = rows.product(i);
        a.row(moved(left));
        b.row(moved(right));
        c_rows.row(one(variables + i));
        dense[variables + i] = weights[i];
        for (coefficient, column) in moved(subtracted) {
            dense[column] -= weights[i] * coefficient;
        }
    }
    let first = variables + rows.products();
    for i in 0..rows.powers() {
        let [l, o] = rows.power(i);
        let [square, fourth, fifth] = [0, 1, 2].map(|k| first + 3 * i + k);
        a.row(moved(l.clone()));
        b.row(moved(l.clone()));
        c_rows.row(one(square));
        a.row(one(square));
        b.row(one(square));
        c_rows.row(one(fourth));
        a.row(one(fourth));
        b.row(moved(l));
        c_rows.row(one(fifth));
        let weight = weights[rows.products() + i];
        dense[fifth] = weight;
        for (coefficient, column) in moved(o) {
            dense[column] -= weight * coefficient;
        }
    }
    let sum = dense.into_iter().enumerate();
    let sum = sum.filter(|(_, coefficient)| *coefficient != Fr::ZERO);
    a.row(sum.map(|(column, coefficient)| (coefficient, column)));
    b.row(one(size));
    c_rows.row([(shown.e, size)]);
    let powers = core::iter::successors(Some(Fr::ONE), |power| Some(*power * c));
    a.row(
        powers
            .take(variables)
            .enumerate()
            .map(|(j, power)| (power, j)),
    );
    b.row(one(size));
    c_rows.row([(value, size)]);
    let width = size + 1 + shown.x.len();
    let [a, b, c_rows] = [a, b, c_rows].map(|matrix| matrix.finish(size, width));
    R1CSShape::new(size, size, shown.x.len(), a, b, c_rows)
}
