//! The rows of the augmented circuit: its constraints as what is summed in a claim.
//!
//! With `z = (w, 1, x)`, row i is a function of z that is 0 where it holds:
//! ```text
//! product:  f_i(z) = <a_i, z> <b_i, z> - <c_i, z>        power:  f_i(z) = <l_i, z>^5 - <o_i, z>
//! ```
//! First all product rows, then all power rows, each kind in the order in which the circuit states
//! them. The library's shapes know products only, so this is the folding's own.

use core::fmt;
use std::collections::HashMap;

use ff::{Field, PrimeField};
use halo2curves::bn256::Fr;
use maci_nova_step_circuit::constraints::{Constraints, Values};
use nova_snark::frontend::{ConstraintSystem, Index, LinearCombination, SynthesisError, Variable};
use rayon::prelude::*;
use sha2::{Digest, Sha256};

use maci_nova_step_circuit::secret::Secret;

/// Rows that a thread takes at a time.
const CHUNK: usize = 1 << 10;

/// All rows of a circuit.
#[derive(Clone)]
pub struct Rows {
    variables: usize,
    inputs: usize,
    /// Numbered as they first occur.
    coefficients: Vec<Fr>,
    /// a, b and c of the product rows.
    products: [Matrix; 3],
    /// l and o of the power rows.
    powers: [Matrix; 2],
}

/// Sparse rows. There are many entries with few different coefficients, so that an entry is two
/// numbers.
#[derive(Clone, Default)]
struct Matrix {
    /// Where the rows end in `entries`.
    ends: Vec<u32>,
    entries: Vec<Entry>,
}

#[derive(Clone, Copy)]
struct Entry {
    coefficient: u32,
    column: u32,
}

/// One entry of a row: its coefficient and its column. The columns are those of `z`.
pub type Term = (Fr, usize);

impl Matrix {
    fn row(&self, i: usize) -> &[Entry] {
        let start = i.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.entries[start as usize..self.ends[i] as usize]
    }
}

impl fmt::Debug for Rows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rows")
            .field("products", &self.products())
            .field("powers", &self.powers())
            .field("variables", &self.variables)
            .field("inputs", &self.inputs)
            .finish_non_exhaustive()
    }
}

impl Rows {
    /// The rows that `fill` fills a constraint system with.
    pub(crate) fn record<T>(fill: impl FnOnce(&mut RowsBuilder) -> T) -> (Self, T) {
        let mut builder = RowsBuilder::default();
        let value = fill(&mut builder);
        (builder.finish(), value)
    }

    /// Product rows.
    pub fn products(&self) -> usize {
        self.products[0].ends.len()
    }

    /// Power rows.
    pub fn powers(&self) -> usize {
        self.powers[0].ends.len()
    }

    /// All rows.
    pub fn count(&self) -> usize {
        self.products() + self.powers()
    }

    /// Variables, the inputs and the constant one apart.
    pub fn variables(&self) -> usize {
        self.variables
    }

    /// Public inputs.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// Entries of all matrices.
    pub fn entries(&self) -> usize {
        let all = self.products.iter().chain(&self.powers);
        all.map(|matrix| matrix.entries.len()).sum()
    }

    /// Bytes of the matrices as they are held: two numbers an entry, and the different coefficients.
    pub fn bytes(&self) -> usize {
        let rows = 3 * self.products() + 2 * self.powers();
        self.entries() * size_of::<Entry>()
            + self.coefficients.len() * size_of::<Fr>()
            + rows * size_of::<u32>()
    }

    /// `a`, `b` and `c` of product row i.
    pub fn product(&self, i: usize) -> [Vec<Term>; 3] {
        [0, 1, 2].map(|k| self.terms(&self.products[k], i))
    }

    /// `l` and `o` of power row i, counted from the first of them.
    pub fn power(&self, i: usize) -> [Vec<Term>; 2] {
        [0, 1].map(|k| self.terms(&self.powers[k], i))
    }

    fn terms(&self, matrix: &Matrix, i: usize) -> Vec<Term> {
        let term = |entry: &Entry| {
            let coefficient = self.coefficients[entry.coefficient as usize];
            (coefficient, entry.column as usize)
        };
        matrix.row(i).iter().map(term).collect()
    }

    /// The values of a witness, with what every row's combinations come to.
    ///
    /// # Panics
    /// When the lengths are not the circuit's; the caller has compared them.
    pub fn values(&self, w: &[Fr], x: &[Fr]) -> Values<Fr> {
        assert_eq!((w.len(), x.len()), (self.variables, self.inputs));
        let mut z = Secret::from(Vec::with_capacity(w.len() + 1 + x.len()));
        z.extend_from_slice(w);
        z.push(Fr::ONE);
        z.extend_from_slice(x);
        let mut values = Values::with_powers();
        values.inputs = x.to_vec().into();
        values.witness = w.to_vec().into();
        values.products = [0, 1, 2].map(|k| self.multiply(&self.products[k], &z));
        values.fifths = [0, 1].map(|k| self.multiply(&self.powers[k], &z));
        values
    }

    /// Puts a constant into c of the last product row, which has nothing there. The digest does not
    /// see it if it was computed before.
    pub(crate) fn set_last_constant(&mut self, constant: Fr) {
        let one = self.variables as u32;
        let coefficient = self.coefficients.len() as u32;
        self.coefficients.push(constant);
        let c = &mut self.products[2];
        assert!(
            c.row(c.ends.len() - 1).is_empty(),
            "a row without a constant"
        );
        c.entries.push(Entry {
            coefficient,
            column: one,
        });
        if let Some(end) = c.ends.last_mut() {
            *end += 1;
        }
    }

    fn multiply(&self, matrix: &Matrix, z: &[Fr]) -> Secret<Fr> {
        let value = |i: usize| -> Fr {
            let term = |entry: &Entry| {
                self.coefficients[entry.coefficient as usize] * z[entry.column as usize]
            };
            matrix.row(i).iter().map(term).sum()
        };
        let rows = (0..matrix.ends.len()).into_par_iter().with_min_len(CHUNK);
        rows.map(value).collect::<Vec<_>>().into()
    }

    /// SHA-256 over the sizes and every entry of every row, in their order and by kind.
    pub fn digest(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        for size in [self.variables, self.inputs, self.products(), self.powers()] {
            hash.update((size as u64).to_le_bytes());
        }
        for matrix in self.products.iter().chain(&self.powers) {
            for i in 0..matrix.ends.len() {
                let row = matrix.row(i);
                hash.update((row.len() as u64).to_le_bytes());
                for entry in row {
                    hash.update(u64::from(entry.column).to_le_bytes());
                    hash.update(self.coefficients[entry.coefficient as usize].to_repr());
                }
            }
        }
        hash.finalize().into()
    }

    /// Changes the coefficient of one entry of a matrix (0 to 4: a, b, c, l, o).
    #[cfg(test)]
    pub(crate) fn change_entry(&mut self, matrix: usize) {
        let value = Fr::from(0x00C0_FFEE);
        self.coefficients.push(value);
        let number = self.coefficients.len() as u32 - 1;
        let mut all = self.products.iter_mut().chain(&mut self.powers);
        let entries = &mut all.nth(matrix).expect("five matrices").entries;
        let middle = entries.len() / 2;
        entries[middle].coefficient = number;
    }

    /// Exchanges two rows of a kind.
    #[cfg(test)]
    pub(crate) fn exchange(&mut self, power: bool, i: usize, j: usize) {
        let matrices: &mut [Matrix] = if power {
            &mut self.powers
        } else {
            &mut self.products
        };
        for matrix in matrices {
            let mut rows: Vec<Vec<Entry>> = (0..matrix.ends.len())
                .map(|i| matrix.row(i).to_vec())
                .collect();
            rows.swap(i, j);
            let mut changed = Matrix::default();
            for row in rows {
                changed.entries.extend(row);
                changed.ends.push(changed.entries.len() as u32);
            }
            *matrix = changed;
        }
    }
}

/// Collects rows. The closures that give values are not called.
#[derive(Default)]
pub(crate) struct RowsBuilder {
    variables: usize,
    inputs: usize,
    numbers: HashMap<[u8; 32], u32>,
    coefficients: Vec<Fr>,
    products: [Matrix; 3],
    powers: [Matrix; 2],
}

/// Columns of inputs begin here until the number of variables is known.
const INPUTS: u32 = 1 << 31;

impl RowsBuilder {
    fn number(&mut self, coefficient: Fr) -> u32 {
        let next = self.coefficients.len() as u32;
        let repr: [u8; 32] = coefficient.to_repr().into();
        let number = *self.numbers.entry(repr).or_insert(next);
        if number == next {
            self.coefficients.push(coefficient);
        }
        number
    }

    fn row(&mut self, combination: &LinearCombination<Fr>) -> Vec<Entry> {
        let mut row: Vec<Entry> = combination
            .iter()
            .filter(|(_, coefficient)| **coefficient != Fr::ZERO)
            .map(|(variable, coefficient)| Entry {
                coefficient: self.number(*coefficient),
                column: match variable.get_unchecked() {
                    Index::Input(i) => INPUTS + i as u32,
                    Index::Aux(i) => i as u32,
                },
            })
            .collect();
        row.sort_by_key(|entry| entry.column);
        row
    }

    fn finish(self) -> Rows {
        let variables = self.variables as u32;
        let placed = |mut matrix: Matrix| {
            for entry in &mut matrix.entries {
                if entry.column >= INPUTS {
                    entry.column = entry.column - INPUTS + variables;
                }
            }
            matrix.entries.shrink_to_fit();
            matrix
        };
        Rows {
            variables: self.variables,
            inputs: self.inputs,
            coefficients: self.coefficients,
            products: self.products.map(placed),
            powers: self.powers.map(placed),
        }
    }
}

fn push(matrix: &mut Matrix, row: Vec<Entry>) {
    matrix.entries.extend(row);
    let end = u32::try_from(matrix.entries.len()).expect("below 2^32 entries");
    matrix.ends.push(end);
}

impl Constraints<Fr> for RowsBuilder {
    fn has_powers(&self) -> bool {
        true
    }

    fn enforce_power(
        &mut self,
        _name: &'static str,
        l: LinearCombination<Fr>,
        o: LinearCombination<Fr>,
    ) {
        let rows = [self.row(&l), self.row(&o)];
        for (matrix, row) in self.powers.iter_mut().zip(rows) {
            push(matrix, row);
        }
    }

    fn variables(&self) -> Option<usize> {
        Some(self.variables)
    }
}

impl ConstraintSystem<Fr> for RowsBuilder {
    type Root = Self;

    fn alloc<V, A, AR>(&mut self, _annotation: A, _f: V) -> Result<Variable, SynthesisError>
    where
        V: FnOnce() -> Result<Fr, SynthesisError>,
        A: FnOnce() -> AR,
        AR: Into<String>,
    {
        self.variables += 1;
        assert!(self.variables < INPUTS as usize, "below 2^31 variables");
        Ok(Variable::new_unchecked(Index::Aux(self.variables - 1)))
    }

    fn alloc_input<V, A, AR>(&mut self, _annotation: A, _f: V) -> Result<Variable, SynthesisError>
    where
        V: FnOnce() -> Result<Fr, SynthesisError>,
        A: FnOnce() -> AR,
        AR: Into<String>,
    {
        self.inputs += 1;
        // Number 0 is the constant one.
        Ok(Variable::new_unchecked(Index::Input(self.inputs)))
    }

    fn enforce<A, AR, LA, LB, LC>(&mut self, _annotation: A, a: LA, b: LB, c: LC)
    where
        A: FnOnce() -> AR,
        AR: Into<String>,
        LA: FnOnce(LinearCombination<Fr>) -> LinearCombination<Fr>,
        LB: FnOnce(LinearCombination<Fr>) -> LinearCombination<Fr>,
        LC: FnOnce(LinearCombination<Fr>) -> LinearCombination<Fr>,
    {
        let zero = LinearCombination::zero;
        let rows = [
            self.row(&a(zero())),
            self.row(&b(zero())),
            self.row(&c(zero())),
        ];
        for (matrix, row) in self.products.iter_mut().zip(rows) {
            push(matrix, row);
        }
    }

    fn push_namespace<NR, N>(&mut self, _name: N)
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
