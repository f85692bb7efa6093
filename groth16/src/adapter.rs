//! Circuits written with `nova-snark`'s frontend, for provers that take `ark-relations`.
//!
//! [`Matrices`] are the constraints of a circuit, [`Assignment`] the values of its variables, and
//! [`Adapter`] both as what `ark-relations` calls a synthesizer. Any circuit over BN254's scalar
//! field can be carried so.

use core::fmt;

use ark_ff::PrimeField as _;
use ark_relations::gr1cs::{
    self, ConstraintSynthesizer, ConstraintSystemRef, Variable as ArkVariable,
};
use ff::Field;
use halo2curves::bn256::Fr;
use nova_snark::frontend::{
    util_cs::witness_cs::WitnessCS, ConstraintSystem, Index, LinearCombination, SynthesisError,
    Variable,
};
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::convert::{bytes, ToArk};

/// Prefix of [`Matrices::digest`].
const DIGEST_DOMAIN: &[u8] = b"maci-nova R1CS over BN254, version 1";

/// A linear combination as (coefficient, column). Columns are the instance variables, number 0
/// being the constant one, and after them the witness variables.
pub type Row = Vec<(ark_bn254::Fr, usize)>;

/// Rank-1 constraints: row i says `(rows[0][i] z) (rows[1][i] z) = rows[2][i] z`.
#[derive(Clone, PartialEq, Eq)]
pub struct Matrices {
    /// Instance variables, the constant one included.
    pub instance: usize,
    /// Witness variables.
    pub witness: usize,
    /// The matrices A, B and C: equally many rows each, no entries that are 0, and all columns
    /// below `instance + witness`.
    pub rows: [Vec<Row>; 3],
}

impl Matrices {
    /// The constraints of a circuit: `synthesize` is given a constraint system that keeps them and
    /// does not call the closures that give values.
    ///
    /// # Errors
    /// As `synthesize` gives them.
    pub fn record<T>(
        synthesize: impl FnOnce(&mut Recorder) -> Result<T, SynthesisError>,
    ) -> Result<Self, SynthesisError> {
        let mut recorder = Recorder::default();
        synthesize(&mut recorder)?;
        Ok(recorder.finish())
    }

    /// The number of constraints.
    pub fn constraints(&self) -> usize {
        self.rows[0].len()
    }

    /// Entries that are not 0, of all three matrices.
    pub fn entries(&self) -> usize {
        self.rows.iter().flatten().map(Vec::len).sum()
    }

    /// Whether the assignment has as many variables of each kind as the constraints.
    pub fn fits(&self, assignment: &Assignment) -> bool {
        (self.instance, self.witness) == (assignment.instance().len(), assignment.witness().len())
    }

    /// The first constraint that an assignment which [fits](Self::fits) does not satisfy.
    pub fn violated(&self, assignment: &Assignment) -> Option<usize> {
        let value = |row: &Row| evaluate(row, assignment.values());
        let [a, b, c] = &self.rows;
        (0..self.constraints()).find(|i| value(&a[*i]) * value(&b[*i]) != value(&c[*i]))
    }

    /// SHA-256 of everything: equal digests mean the same circuit.
    pub fn digest(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(DIGEST_DOMAIN);
        for count in [self.instance, self.witness, self.constraints()] {
            hash.update((count as u64).to_le_bytes());
        }
        for row in self.rows.iter().flatten() {
            hash.update((row.len() as u64).to_le_bytes());
            for (coefficient, column) in row {
                hash.update((*column as u64).to_le_bytes());
                hash.update(bytes(coefficient.into_bigint().0));
            }
        }
        hash.finalize().into()
    }
}

impl fmt::Debug for Matrices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Matrices")
            .field("instance", &self.instance)
            .field("witness", &self.witness)
            .field("constraints", &self.constraints())
            .finish_non_exhaustive()
    }
}

fn evaluate(row: &Row, values: &[ark_bn254::Fr]) -> ark_bn254::Fr {
    row.iter()
        .map(|(coefficient, column)| *coefficient * values[*column])
        .sum()
}

/// The values of a circuit's variables. They are secret, and zeroed when dropped.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Assignment {
    values: Vec<ark_bn254::Fr>,
    instance: usize,
}

impl Assignment {
    /// The values that a constraint system has been given: instance variables with the constant
    /// one first, and witness variables.
    pub fn new(instance: &[Fr], witness: &[Fr]) -> Self {
        Assignment {
            values: instance.iter().chain(witness).map(ToArk::to_ark).collect(),
            instance: instance.len(),
        }
    }

    /// The values of a circuit that `synthesize` fills a witness generator with. (That generator's
    /// own copy of them is not zeroed.)
    ///
    /// # Errors
    /// As `synthesize` gives them.
    pub fn record<T>(
        synthesize: impl FnOnce(&mut WitnessCS<Fr>) -> Result<T, SynthesisError>,
    ) -> Result<Self, SynthesisError> {
        let mut generator = WitnessCS::new();
        synthesize(&mut generator)?;
        Ok(Self::from(&generator))
    }

    /// The constant one and the instance after it.
    pub fn instance(&self) -> &[ark_bn254::Fr] {
        &self.values[..self.instance]
    }

    /// The witness.
    pub fn witness(&self) -> &[ark_bn254::Fr] {
        &self.values[self.instance..]
    }

    /// Instance and witness.
    pub fn values(&self) -> &[ark_bn254::Fr] {
        &self.values
    }
}

impl From<&WitnessCS<Fr>> for Assignment {
    fn from(generator: &WitnessCS<Fr>) -> Self {
        Self::new(generator.input_assignment(), generator.aux_assignment())
    }
}

impl fmt::Debug for Assignment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<secret>")
    }
}

/// A circuit as `ark-relations` takes it; without an assignment for making keys.
#[derive(Clone, Copy, Debug)]
pub struct Adapter<'a> {
    /// The constraints.
    pub matrices: &'a Matrices,
    /// The values of all variables.
    pub assignment: Option<&'a Assignment>,
}

impl<'a> Adapter<'a> {
    /// The circuit without values.
    pub fn blank(matrices: &'a Matrices) -> Self {
        Adapter {
            matrices,
            assignment: None,
        }
    }

    /// The circuit with values.
    pub fn new(matrices: &'a Matrices, assignment: &'a Assignment) -> Self {
        Adapter {
            matrices,
            assignment: Some(assignment),
        }
    }

    fn value(&self, column: usize) -> gr1cs::Result<ark_bn254::Fr> {
        self.assignment
            .and_then(|assignment| assignment.values().get(column).copied())
            .ok_or(gr1cs::SynthesisError::AssignmentMissing)
    }

    fn combination(&self, row: &Row) -> gr1cs::LinearCombination<ark_bn254::Fr> {
        let variable = |column: usize| match column.checked_sub(self.matrices.instance) {
            Some(i) => ArkVariable::witness(i),
            None if column == 0 => ArkVariable::One,
            None => ArkVariable::instance(column),
        };
        let terms = row
            .iter()
            .map(|(value, column)| (*value, variable(*column)));
        gr1cs::LinearCombination(terms.collect())
    }
}

impl ConstraintSynthesizer<ark_bn254::Fr> for Adapter<'_> {
    fn generate_constraints(self, cs: ConstraintSystemRef<ark_bn254::Fr>) -> gr1cs::Result<()> {
        let Matrices {
            instance, witness, ..
        } = *self.matrices;
        if matches!(self.assignment, Some(assignment) if !self.matrices.fits(assignment)) {
            return Err(gr1cs::SynthesisError::AssignmentMissing);
        }
        for column in 1..instance {
            let _ = cs.new_input_variable(|| self.value(column))?;
        }
        for column in instance..instance + witness {
            let _ = cs.new_witness_variable(|| self.value(column))?;
        }
        let [a, b, c] = &self.matrices.rows;
        for ((a, b), c) in a.iter().zip(b).zip(c) {
            cs.enforce_r1cs_constraint(
                || self.combination(a),
                || self.combination(b),
                || self.combination(c),
            )?;
        }
        Ok(())
    }
}

/// The constraint system that [`Matrices::record`] gives to a circuit.
pub struct Recorder {
    instance: usize,
    witness: usize,
    rows: [Vec<Vec<(ark_bn254::Fr, Index)>>; 3],
}

impl Default for Recorder {
    fn default() -> Self {
        Recorder {
            instance: 1,
            witness: 0,
            rows: Default::default(),
        }
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder").finish_non_exhaustive()
    }
}

impl Recorder {
    fn push(&mut self, matrix: usize, combination: &LinearCombination<Fr>) {
        let terms = combination.iter().filter(|(_, value)| **value != Fr::ZERO);
        let mut row = Vec::with_capacity(combination.iter().count());
        row.extend(terms.map(|(variable, value)| (value.to_ark(), variable.get_unchecked())));
        self.rows[matrix].push(row);
    }

    /// Columns are known once all instance variables are.
    fn finish(self) -> Matrices {
        let column = |index| match index {
            Index::Input(i) => i,
            Index::Aux(i) => self.instance + i,
        };
        // There are millions of rows, most of them with one or two entries: no room to spare.
        let place = |row: Vec<_>| {
            let mut placed = Row::with_capacity(row.len());
            placed.extend(row.into_iter().map(|(value, index)| (value, column(index))));
            placed
        };
        Matrices {
            instance: self.instance,
            witness: self.witness,
            rows: self
                .rows
                .map(|matrix| matrix.into_iter().map(place).collect()),
        }
    }
}

impl ConstraintSystem<Fr> for Recorder {
    type Root = Self;

    fn new() -> Self {
        Self::default()
    }

    fn alloc<F, A, AR>(&mut self, _: A, _: F) -> Result<Variable, SynthesisError>
    where
        F: FnOnce() -> Result<Fr, SynthesisError>,
        A: FnOnce() -> AR,
        AR: Into<String>,
    {
        self.witness += 1;
        Ok(Variable(Index::Aux(self.witness - 1)))
    }

    fn alloc_input<F, A, AR>(&mut self, _: A, _: F) -> Result<Variable, SynthesisError>
    where
        F: FnOnce() -> Result<Fr, SynthesisError>,
        A: FnOnce() -> AR,
        AR: Into<String>,
    {
        self.instance += 1;
        Ok(Variable(Index::Input(self.instance - 1)))
    }

    fn enforce<A, AR, LA, LB, LC>(&mut self, _: A, a: LA, b: LB, c: LC)
    where
        A: FnOnce() -> AR,
        AR: Into<String>,
        LA: FnOnce(LinearCombination<Fr>) -> LinearCombination<Fr>,
        LB: FnOnce(LinearCombination<Fr>) -> LinearCombination<Fr>,
        LC: FnOnce(LinearCombination<Fr>) -> LinearCombination<Fr>,
    {
        self.push(0, &a(LinearCombination::zero()));
        self.push(1, &b(LinearCombination::zero()));
        self.push(2, &c(LinearCombination::zero()));
    }

    fn push_namespace<NR, N>(&mut self, _: N)
    where
        NR: Into<String>,
        N: FnOnce() -> NR,
    {
    }

    fn pop_namespace(&mut self) {}

    fn get_root(&mut self) -> &mut Self::Root {
        self
    }
}

#[cfg(test)]
mod tests;
