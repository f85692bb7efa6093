//! The constraints of a circuit.

use core::fmt;
use std::{
    collections::HashMap,
    io::{self, Write},
};

use ark_bn254::Fr as ArkFr;
use ark_ff::{AdditiveGroup, Field as _, PrimeField as _};
use ff::Field;
use halo2curves::bn256::Fr;
use maci_nova_step_circuit::constraints::Constraints;
use nova_snark::frontend::{ConstraintSystem, Index, LinearCombination, SynthesisError, Variable};
use rayon::prelude::*;
use sha2::{Digest, Sha256};

use super::Assignment;
use crate::convert::{bytes, ToArk};

/// What [`Matrices::write`] begins with.
const DIGEST_DOMAIN: &[u8] = b"maci-nova R1CS over BN254, version 1";

/// A linear combination as (coefficient, column). Columns are the instance variables, number 0
/// being the constant one, and after them the witness variables.
pub type Row = Vec<(ArkFr, usize)>;

/// Rank-1 constraints: row i says `(A_i z) (B_i z) = C_i z`. No entry is 0, and all columns are
/// below `instance + witness`.
///
/// There are millions of entries with a few thousand different coefficients, so that an entry is
/// two numbers: that of its coefficient, and its column.
#[derive(Clone, PartialEq, Eq)]
pub struct Matrices {
    instance: usize,
    witness: usize,
    /// Numbered as they first occur; number 0 is one.
    coefficients: Vec<ArkFr>,
    /// A, B and C.
    matrices: [Matrix; 3],
}

/// One matrix in one piece.
#[derive(Clone, Default, PartialEq, Eq)]
struct Matrix {
    /// Where the rows end in `entries`.
    ends: Vec<u32>,
    entries: Vec<Entry>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Entry {
    coefficient: u32,
    column: u32,
}

impl Matrix {
    fn row(&self, i: usize) -> &[Entry] {
        let start = i.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.entries[start as usize..self.ends[i] as usize]
    }

    fn rows(&self) -> impl Iterator<Item = &[Entry]> {
        (0..self.ends.len()).map(|i| self.row(i))
    }

    fn end_row(&mut self) {
        self.ends.push(number(self.entries.len()));
    }
}

/// Counts of entries and of variables fit: 2^31 of them would take more memory than there is.
fn number(count: usize) -> u32 {
    u32::try_from(count).expect("below 2^32")
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

    /// The constraints with these rows of A, B and C, equally many of each.
    ///
    /// # Panics
    /// If there are not equally many, or a column is not below `instance + witness`.
    pub fn from_rows(instance: usize, witness: usize, rows: &[Vec<Row>; 3]) -> Self {
        let [a, b, c] = rows;
        assert!(a.len() == b.len() && b.len() == c.len());
        let mut builder = Builder::default();
        for constraint in a.iter().zip(b).zip(c) {
            let ((a, b), c) = constraint;
            for (matrix, row) in [a, b, c].into_iter().enumerate() {
                for (coefficient, column) in row {
                    assert!(*column < instance + witness);
                    builder.entry(matrix, coefficient, number(*column));
                }
                builder.end_row(matrix);
            }
        }
        builder.finish(instance, witness)
    }

    /// The rows of A, B and C, each in a list of its own: five times the memory.
    pub fn rows(&self) -> [Vec<Row>; 3] {
        let all = |matrix: &Matrix| {
            matrix
                .rows()
                .map(|row| self.expand(row).collect())
                .collect()
        };
        self.matrices.each_ref().map(all)
    }

    fn expand<'a>(&'a self, row: &'a [Entry]) -> impl Iterator<Item = (ArkFr, usize)> + 'a {
        row.iter().map(|entry| {
            let coefficient = self.coefficients[entry.coefficient as usize];
            (coefficient, entry.column as usize)
        })
    }

    /// The coefficients that entries are numbered by; number 0 is one.
    pub fn coefficients(&self) -> &[ArkFr] {
        &self.coefficients
    }

    /// Row i of A (0), B (1) or C (2) as (number of the coefficient, column).
    pub fn numbered_row(&self, matrix: usize, i: usize) -> impl Iterator<Item = (u32, u32)> + '_ {
        let row = self.matrices[matrix].row(i).iter();
        row.map(|entry| (entry.coefficient, entry.column))
    }

    /// Row i of A, B and C as (coefficient, column).
    pub(crate) fn constraint(&self, i: usize) -> [impl Iterator<Item = (ArkFr, usize)> + '_; 3] {
        self.matrices
            .each_ref()
            .map(|matrix| self.expand(matrix.row(i)))
    }

    /// Instance variables, the constant one included.
    pub fn instance(&self) -> usize {
        self.instance
    }

    /// Witness variables.
    pub fn witness(&self) -> usize {
        self.witness
    }

    /// The number of constraints.
    pub fn constraints(&self) -> usize {
        self.matrices[0].ends.len()
    }

    /// Size of the domain that Groth16 interpolates over: a row for each constraint and each
    /// instance variable, filled up to a power of two.
    pub fn domain(&self) -> usize {
        (self.constraints() + self.instance).next_power_of_two()
    }

    /// Entries that are not 0, of all three matrices.
    pub fn entries(&self) -> usize {
        let entries = |matrix: &Matrix| matrix.entries.len();
        self.matrices.iter().map(entries).sum()
    }

    /// Whether the assignment has as many variables of each kind as the constraints.
    pub fn fits(&self, assignment: &Assignment) -> bool {
        (self.instance, self.witness) == (assignment.instance().len(), assignment.witness().len())
    }

    /// The first constraint that an assignment which [fits](Self::fits) does not satisfy.
    pub fn violated(&self, assignment: &Assignment) -> Option<usize> {
        let z = assignment.values();
        (0..self.constraints()).into_par_iter().find_first(|i| {
            let [a, b, c] = [0, 1, 2].map(|matrix| self.product(matrix, *i, z));
            a * b != c
        })
    }

    /// Row i of A (0), B (1) or C (2), times the values of all variables.
    pub fn product(&self, matrix: usize, i: usize, z: &[ArkFr]) -> ArkFr {
        let mut sum = ArkFr::ZERO;
        for entry in self.matrices[matrix].row(i) {
            let value = z[entry.column as usize];
            sum += match entry.coefficient {
                0 => value,
                number => value * self.coefficients[number as usize],
            };
        }
        sum
    }

    /// SHA-256 of everything that [`write`](Self::write) writes: equal digests mean the same circuit.
    pub fn digest(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        self.write(&mut hash).expect("a hash takes everything");
        hash.finalize().into()
    }

    /// Writes the constraints, all integers as u64 and little endian: the text
    /// `maci-nova R1CS over BN254, version 1`; the numbers of instance
    /// variables (the one included), of witness variables and of constraints; for each matrix, A, B and C, and each of
    /// its rows, the number of entries, and for each entry its column and its coefficient (32 bytes, little endian).
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write(&self, mut writer: impl Write) -> io::Result<()> {
        let coefficients: Vec<[u8; 32]> = self
            .coefficients
            .iter()
            .map(|coefficient| bytes(coefficient.into_bigint().0))
            .collect();
        writer.write_all(DIGEST_DOMAIN)?;
        for count in [self.instance, self.witness, self.constraints()] {
            writer.write_all(&(count as u64).to_le_bytes())?;
        }
        for row in self.matrices.iter().flat_map(Matrix::rows) {
            writer.write_all(&(row.len() as u64).to_le_bytes())?;
            for entry in row {
                writer.write_all(&u64::from(entry.column).to_le_bytes())?;
                writer.write_all(&coefficients[entry.coefficient as usize])?;
            }
        }
        Ok(())
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

/// Rows while they come.
struct Builder {
    numbers: HashMap<ArkFr, u32>,
    coefficients: Vec<ArkFr>,
    matrices: [Matrix; 3],
}

impl Default for Builder {
    fn default() -> Self {
        Builder {
            numbers: HashMap::from([(ArkFr::ONE, 0)]),
            coefficients: vec![ArkFr::ONE],
            matrices: Default::default(),
        }
    }
}

impl Builder {
    fn entry(&mut self, matrix: usize, coefficient: &ArkFr, column: u32) {
        let next = number(self.coefficients.len());
        let number = *self.numbers.entry(*coefficient).or_insert(next);
        if number == next {
            self.coefficients.push(*coefficient);
        }
        self.matrices[matrix].entries.push(Entry {
            coefficient: number,
            column,
        });
    }

    fn end_row(&mut self, matrix: usize) {
        self.matrices[matrix].end_row();
    }

    fn finish(mut self, instance: usize, witness: usize) -> Matrices {
        for matrix in &mut self.matrices {
            matrix.ends.shrink_to_fit();
            matrix.entries.shrink_to_fit();
        }
        Matrices {
            instance,
            witness,
            coefficients: self.coefficients,
            matrices: self.matrices,
        }
    }
}

/// Marks a witness variable's number until the number of instance variables is known.
const WITNESS: u32 = 1 << 31;

/// The constraint system that [`Matrices::record`] gives to a circuit.
pub struct Recorder {
    instance: usize,
    witness: usize,
    rows: Builder,
}

impl Default for Recorder {
    fn default() -> Self {
        Recorder {
            instance: 1,
            witness: 0,
            rows: Builder::default(),
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
        for (variable, value) in combination.iter() {
            if *value == Fr::ZERO {
                continue;
            }
            let column = match variable.get_unchecked() {
                Index::Input(i) => number(i),
                Index::Aux(i) => number(i) | WITNESS,
            };
            self.rows.entry(matrix, &value.to_ark(), column);
        }
        self.rows.end_row(matrix);
    }

    /// Columns are known once all instance variables are.
    fn finish(mut self) -> Matrices {
        assert!(self.instance + self.witness < WITNESS as usize);
        let instance = number(self.instance);
        let entries = self.rows.matrices.iter_mut();
        for entry in entries.flat_map(|matrix| &mut matrix.entries) {
            if entry.column & WITNESS != 0 {
                entry.column = instance + (entry.column & !WITNESS);
            }
        }
        self.rows.finish(self.instance, self.witness)
    }
}

/// Groth16 has products only.
impl Constraints<Fr> for Recorder {}

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
