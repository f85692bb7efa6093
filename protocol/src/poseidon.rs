//! Poseidon over BN254's scalar field with circomlib's parameters, for 2 to 5 inputs; and wider
//! permutations, which the folding hashes with.
//!
//! `Pk(x1..xk)`: the state of width t = k + 1 is `[0, x1, .., xk]`, the permutation is applied
//! once, the output is the first word. S-box x^5, 8 full rounds, and 57, 56, 60, 60 partial rounds
//! for t = 3..6, 68 for t = 17 (circomlib's too), and 59 for t = 25 (by the paper's formula with its
//! margins). Round constants and MDS matrix come from the Grain LFSR of the reference
//! implementation.
//!
//! Source: Grassi et al., "Poseidon: A New Hash Function for Zero-Knowledge Proof Systems" (ePrint
//! 2019/458), its appendix B for the sparse form of the partial rounds and appendix F for the LFSR.

use crate::field::{from_bytes, Fr};
use ff::{Field, FromUniformBytes};
use std::sync::LazyLock;

/// Full rounds, for every width; half of them before the partial rounds and half after.
const FULL_ROUNDS: usize = 8;
const HALF: usize = FULL_ROUNDS / 2;

/// The widths that there are parameters for.
pub const WIDTHS: [usize; 6] = [3, 4, 5, 6, 17, 25];

/// The S-boxes of a permutation.
pub const fn boxes(width: usize) -> usize {
    FULL_ROUNDS * width + partial_rounds(width)
}

/// The partial rounds of a width.
const fn partial_rounds(width: usize) -> usize {
    match width {
        3 => 57,
        4 => 56,
        17 => 68,
        25 => 59,
        _ => 60,
    }
}

/// The plain definition of one width, for those who state the permutation in another language (a
/// circuit).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// Words of the state, one of [`WIDTHS`].
    pub width: usize,
    /// Rounds with the S-box on every word: the first half of them come first, the others last.
    pub full_rounds: usize,
    /// Rounds between with the S-box on the first word only.
    pub partial_rounds: usize,
    /// `round_constants[round][i]` is added to word i before the S-box of that round; all rounds,
    /// in order.
    pub round_constants: Vec<Vec<Fr>>,
    /// After the S-box, `new[i] = sum_j mds[i][j] * state[j]`.
    pub mds: Vec<Vec<Fr>>,
}

impl Parameters {
    fn generate(width: usize) -> Self {
        let partial_rounds = partial_rounds(width);
        let mut grain = Grain::new(width, FULL_ROUNDS, partial_rounds);
        let round_constants = (0..FULL_ROUNDS + partial_rounds)
            .map(|_| (0..width).map(|_| grain.canonical_element()).collect())
            .collect();
        let x: Vec<Fr> = (0..width).map(|_| grain.reduced_element()).collect();
        let y: Vec<Fr> = (0..width).map(|_| grain.reduced_element()).collect();
        // The Cauchy matrix 1 / (x_i + y_j). For these widths no sum is 0.
        let entry = |x: &Fr, y: &Fr| (*x + *y).invert().unwrap_or(Fr::ZERO);
        let mds = x
            .iter()
            .map(|x| y.iter().map(|y| entry(x, y)).collect())
            .collect();
        Parameters {
            width,
            full_rounds: FULL_ROUNDS,
            partial_rounds,
            round_constants,
            mds,
        }
    }
}

/// The parameters of a state width.
///
/// # Panics
/// If `width` is not one of [`WIDTHS`].
pub fn parameters(width: usize) -> &'static Parameters {
    static PARAMETERS: [LazyLock<Parameters>; WIDTHS.len()] = [
        LazyLock::new(|| Parameters::generate(3)),
        LazyLock::new(|| Parameters::generate(4)),
        LazyLock::new(|| Parameters::generate(5)),
        LazyLock::new(|| Parameters::generate(6)),
        LazyLock::new(|| Parameters::generate(17)),
        LazyLock::new(|| Parameters::generate(25)),
    ];
    let known = WIDTHS.iter().position(|known| *known == width);
    &PARAMETERS[known.expect("a width that Poseidon has parameters for")]
}

/// The self-shrinking Grain LFSR that gives the constants: 80 bits, bit i of the register is b_i.
struct Grain(u128);

impl Grain {
    const BITS: u32 = 80;

    /// Field kind 1 (prime), S-box kind 0 (power), 254 bits, then width and rounds, then thirty
    /// ones.
    fn new(width: usize, full_rounds: usize, partial_rounds: usize) -> Self {
        let fields = [
            (2, 1),
            (4, 0),
            (12, 254),
            (12, width as u128),
            (10, full_rounds as u128),
            (10, partial_rounds as u128),
            (30, (1 << 30) - 1),
        ];
        let mut register = 0u128;
        let mut position = 0;
        for (bits, value) in fields {
            for bit in (0..bits).rev() {
                register |= ((value >> bit) & 1) << position;
                position += 1;
            }
        }
        let mut grain = Grain(register);
        for _ in 0..160 {
            grain.step();
        }
        grain
    }

    /// b_80 = b_62 + b_51 + b_38 + b_23 + b_13 + b_0.
    fn step(&mut self) -> bool {
        let tap = |i: u32| self.0 >> i;
        let bit = (tap(62) ^ tap(51) ^ tap(38) ^ tap(23) ^ tap(13) ^ tap(0)) & 1;
        self.0 = (self.0 >> 1) | (bit << (Self::BITS - 1));
        bit == 1
    }

    /// Of each pair of bits the second counts, if the first is 1.
    fn bit(&mut self) -> bool {
        loop {
            let keep = self.step();
            let bit = self.step();
            if keep {
                return bit;
            }
        }
    }

    /// A 254-bit integer, most significant bit first, as little-endian bytes.
    fn integer(&mut self) -> [u8; 32] {
        let mut bytes = [0u8; 32];
        for position in (0..254).rev() {
            bytes[position / 8] |= u8::from(self.bit()) << (position % 8);
        }
        bytes
    }

    fn canonical_element(&mut self) -> Fr {
        loop {
            if let Some(element) = from_bytes(&self.integer()) {
                return element;
            }
        }
    }

    fn reduced_element(&mut self) -> Fr {
        let mut wide = [0u8; 64];
        wide[..32].copy_from_slice(&self.integer());
        Fr::from_uniform_bytes(&wide)
    }
}

type Matrix<const T: usize> = [[Fr; T]; T];

/// One partial round's matrix `[m00, row; column, identity]`.
struct Sparse<const T: usize> {
    /// The first row, m00 included.
    row: [Fr; T],
    /// The first column; its word 0 is unused.
    column: [Fr; T],
}

/// The same permutation with fewer multiplications.
///
/// Constants: what a partial round adds to words 1.. commutes with its S-box, so it moves through
/// the matrix into the next round. Matrices: M = M' M'' with M' = [1, 0; 0, m] and M'' sparse; M'
/// commutes with the S-box and the constant of the first word, so it moves into the next round's
/// matrix M M'. The last partial round's matrix stays dense.
struct Schedule<const T: usize> {
    opening: [[Fr; T]; HALF],
    partial: Vec<Fr>,
    sparse: Vec<Sparse<T>>,
    dense: Matrix<T>,
    closing: [[Fr; T]; HALF],
    mds: Matrix<T>,
}

impl<const T: usize> Schedule<T> {
    fn new() -> Self {
        let parameters = parameters(T);
        let mds = matrix(&parameters.mds);
        let constants: Vec<[Fr; T]> = parameters.round_constants.iter().map(|c| row(c)).collect();
        let (sparse, dense) = factor(&mds, parameters.partial_rounds);

        let mut partial = Vec::with_capacity(parameters.partial_rounds);
        let mut carried = [Fr::ZERO; T];
        for constant in &constants[HALF..HALF + parameters.partial_rounds] {
            let mut sum = add(constant, &carried);
            partial.push(sum[0]);
            sum[0] = Fr::ZERO;
            carried = multiply(&mds, &sum);
        }
        let mut closing = [[Fr::ZERO; T]; HALF];
        closing.copy_from_slice(&constants[HALF + parameters.partial_rounds..]);
        closing[0] = add(&closing[0], &carried);
        let mut opening = [[Fr::ZERO; T]; HALF];
        opening.copy_from_slice(&constants[..HALF]);
        Schedule {
            opening,
            partial,
            sparse,
            dense,
            closing,
            mds,
        }
    }

    fn permute(&self, state: &mut [Fr; T], power5: &mut dyn FnMut(Fr) -> Fr) {
        self.before_the_last_matrix(state, power5);
        *state = multiply(&self.mds, state);
    }

    /// The first word after the permutation.
    fn first_word(&self, mut state: [Fr; T]) -> Fr {
        self.before_the_last_matrix(&mut state, &mut power5);
        dot(&self.mds[0], &state)
    }

    fn before_the_last_matrix(&self, state: &mut [Fr; T], power5: &mut dyn FnMut(Fr) -> Fr) {
        for constants in &self.opening {
            boxes_of_all(state, constants, power5);
            *state = multiply(&self.mds, state);
        }
        for (round, constant) in self.partial.iter().enumerate() {
            state[0] = power5(state[0] + constant);
            match self.sparse.get(round) {
                Some(sparse) => sparse.apply(state),
                None => *state = multiply(&self.dense, state),
            }
        }
        let [before @ .., last] = &self.closing;
        for constants in before {
            boxes_of_all(state, constants, power5);
            *state = multiply(&self.mds, state);
        }
        boxes_of_all(state, last, power5);
    }
}

/// The constants and S-boxes of a full round.
fn boxes_of_all<const T: usize>(
    state: &mut [Fr; T],
    constants: &[Fr; T],
    power5: &mut dyn FnMut(Fr) -> Fr,
) {
    for (word, constant) in state.iter_mut().zip(constants) {
        *word = power5(*word + constant);
    }
}

impl<const T: usize> Sparse<T> {
    fn apply(&self, state: &mut [Fr; T]) {
        let first = state[0];
        let mut sum = self.row[0] * first;
        let rest = self.row.iter().zip(&self.column).zip(state.iter_mut());
        for ((row, column), word) in rest.skip(1) {
            sum += row * *word;
            *word += column * first;
        }
        state[0] = sum;
    }
}

/// The sparse matrices of all partial rounds but the last, and the dense one of the last.
fn factor<const T: usize>(mds: &Matrix<T>, rounds: usize) -> (Vec<Sparse<T>>, Matrix<T>) {
    let mut current = *mds;
    let mut sparse = Vec::with_capacity(rounds);
    for _ in 1..rounds {
        // current = [m00, v; w, m]; M'' = [m00, v; m^-1 w, 1].
        let mut left = current;
        left[0] = unit(0);
        for row in left.iter_mut().skip(1) {
            row[0] = Fr::ZERO;
        }
        let mut column = current.map(|row| row[0]);
        column[0] = Fr::ZERO;
        sparse.push(Sparse {
            row: current[0],
            column: solve(left, column),
        });
        current = product(mds, &left);
    }
    (sparse, current)
}

/// x with `matrix * x = vector`, by Gauss-Jordan elimination. Every matrix here is invertible, as
/// all square submatrices of an MDS matrix are.
fn solve<const T: usize>(mut matrix: Matrix<T>, mut vector: [Fr; T]) -> [Fr; T] {
    for pivot in 0..T {
        let found = (pivot..T)
            .find(|row| matrix[*row][pivot] != Fr::ZERO)
            .unwrap_or(pivot);
        matrix.swap(pivot, found);
        vector.swap(pivot, found);
        let inverse = matrix[pivot][pivot].invert().unwrap_or(Fr::ZERO);
        matrix[pivot] = matrix[pivot].map(|entry| entry * inverse);
        vector[pivot] *= inverse;
        let (pivot_row, pivot_value) = (matrix[pivot], vector[pivot]);
        for row in (0..T).filter(|row| *row != pivot) {
            let scale = matrix[row][pivot];
            for (entry, value) in matrix[row].iter_mut().zip(pivot_row) {
                *entry -= scale * value;
            }
            vector[row] -= scale * pivot_value;
        }
    }
    vector
}

fn unit<const T: usize>(index: usize) -> [Fr; T] {
    std::array::from_fn(|i| if i == index { Fr::ONE } else { Fr::ZERO })
}

fn row<const T: usize>(values: &[Fr]) -> [Fr; T] {
    std::array::from_fn(|i| values[i])
}

fn matrix<const T: usize>(rows: &[Vec<Fr>]) -> Matrix<T> {
    std::array::from_fn(|i| row(&rows[i]))
}

fn add<const T: usize>(a: &[Fr; T], b: &[Fr; T]) -> [Fr; T] {
    std::array::from_fn(|i| a[i] + b[i])
}

#[inline]
fn multiply<const T: usize>(matrix: &Matrix<T>, state: &[Fr; T]) -> [Fr; T] {
    std::array::from_fn(|i| dot(&matrix[i], state))
}

#[inline]
fn dot<const T: usize>(row: &[Fr; T], state: &[Fr; T]) -> Fr {
    let mut sum = row[0] * state[0];
    for j in 1..T {
        sum += row[j] * state[j];
    }
    sum
}

fn product<const T: usize>(a: &Matrix<T>, b: &Matrix<T>) -> Matrix<T> {
    let columns: Matrix<T> = std::array::from_fn(|j| multiply(a, &b.map(|row| row[j])));
    std::array::from_fn(|i| columns.map(|column| column[i]))
}

#[inline]
fn power5(x: Fr) -> Fr {
    x.square().square() * x
}

/// Applies the permutation to a state of 3 to 6 words.
///
/// # Panics
/// If the state has another length.
pub fn permute(state: &mut [Fr]) {
    permute_narrow(state, &mut power5);
}

/// Applies the permutation to a state of any of [`WIDTHS`], calling `power5` for each S-box, which
/// takes x to x^5, in the order of the definition.
///
/// # Panics
/// If the state has another length.
pub fn permute_with(state: &mut [Fr], power5: &mut dyn FnMut(Fr) -> Fr) {
    static WIDTH_17: LazyLock<Box<Schedule<17>>> = LazyLock::new(|| Box::new(Schedule::new()));
    static WIDTH_25: LazyLock<Box<Schedule<25>>> = LazyLock::new(|| Box::new(Schedule::new()));
    if let Ok(state) = <&mut [Fr; 17]>::try_from(&mut *state) {
        WIDTH_17.permute(state, power5);
    } else if let Ok(state) = <&mut [Fr; 25]>::try_from(&mut *state) {
        WIDTH_25.permute(state, power5);
    } else {
        permute_narrow(state, power5);
    }
}

/// The same of any of [`WIDTHS`] with the S-box itself.
///
/// # Panics
/// If the state has another length.
pub fn permute_wide(state: &mut [Fr]) {
    permute_with(state, &mut power5);
}

static WIDTH_3: LazyLock<Schedule<3>> = LazyLock::new(Schedule::new);
static WIDTH_4: LazyLock<Schedule<4>> = LazyLock::new(Schedule::new);
static WIDTH_5: LazyLock<Schedule<5>> = LazyLock::new(Schedule::new);
static WIDTH_6: LazyLock<Schedule<6>> = LazyLock::new(Schedule::new);

fn permute_narrow(state: &mut [Fr], power5: &mut dyn FnMut(Fr) -> Fr) {
    if let Ok(state) = <&mut [Fr; 3]>::try_from(&mut *state) {
        WIDTH_3.permute(state, power5);
    } else if let Ok(state) = <&mut [Fr; 4]>::try_from(&mut *state) {
        WIDTH_4.permute(state, power5);
    } else if let Ok(state) = <&mut [Fr; 5]>::try_from(&mut *state) {
        WIDTH_5.permute(state, power5);
    } else if let Ok(state) = <&mut [Fr; 6]>::try_from(&mut *state) {
        WIDTH_6.permute(state, power5);
    } else {
        panic!("Poseidon widths are 3 to 6");
    }
}

/// `PN(inputs)`, for N = 2 to 5 (another N does not compile).
pub fn hash<const N: usize>(inputs: &[Fr; N]) -> Fr {
    const { assert!(N >= 2 && N <= 5, "Poseidon takes 2 to 5 inputs here") };
    match *inputs.as_slice() {
        [a, b] => WIDTH_3.first_word([Fr::ZERO, a, b]),
        [a, b, c] => WIDTH_4.first_word([Fr::ZERO, a, b, c]),
        [a, b, c, d] => WIDTH_5.first_word([Fr::ZERO, a, b, c, d]),
        [a, b, c, d, e] => WIDTH_6.first_word([Fr::ZERO, a, b, c, d, e]),
        _ => unreachable!("N is 2 to 5"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The permutation word for word as the paper defines it.
    fn plain(state: &[Fr]) -> Vec<Fr> {
        let parameters = parameters(state.len());
        let half = parameters.full_rounds / 2;
        let mut state = state.to_vec();
        for (round, constants) in parameters.round_constants.iter().enumerate() {
            let full = round < half || round >= half + parameters.partial_rounds;
            for (i, word) in state.iter_mut().enumerate() {
                *word += constants[i];
                if full || i == 0 {
                    *word = word.pow_vartime([5]);
                }
            }
            state = parameters
                .mds
                .iter()
                .map(|row| row.iter().zip(&state).map(|(m, s)| *m * s).sum())
                .collect();
        }
        state
    }

    #[test]
    fn rounds_of_each_width() {
        for width in WIDTHS {
            let parameters = parameters(width);
            let rounds = parameters.full_rounds + parameters.partial_rounds;
            assert_eq!(parameters.round_constants.len(), rounds);
            assert_eq!(parameters.mds.len(), width);
        }
    }

    /// The paper's bounds for 128 bits of security and its margins: two full rounds more, and 7.5%
    /// more partial rounds. (circomlib's are some rounds more.)
    #[test]
    fn rounds_are_enough() {
        for width in WIDTHS {
            let t = width as f64;
            let full = (FULL_ROUNDS - 2) as f64;
            let bounds = [
                0.43 * 128.0 + t.log2() - full,
                0.21 * 254.0 - full,
                (0.14 * 254.0 - 1.0 - full) / (t - 1.0),
            ];
            let least = bounds.into_iter().fold(0.0, f64::max).ceil();
            let least = (least * 1.075).ceil() as usize;
            assert!(partial_rounds(width) >= least, "{width}: {least}");
        }
    }

    /// No subspace of states stays out of the partial rounds' S-box for as many rounds as the
    /// state has words: the first rows of M^0, M^1, .. are independent.
    #[test]
    fn every_state_meets_the_s_box() {
        for width in WIDTHS {
            let mds = &parameters(width).mds;
            let mut row = vec![Fr::ZERO; width];
            row[0] = Fr::ONE;
            let mut rows = vec![];
            for _ in 0..width {
                rows.push(row.clone());
                row = (0..width)
                    .map(|j| (0..width).map(|i| row[i] * mds[i][j]).sum())
                    .collect();
            }
            assert_eq!(rank(rows), width);
        }
    }

    fn rank(mut rows: Vec<Vec<Fr>>) -> usize {
        let mut rank = 0;
        for column in 0..rows.len() {
            let Some(found) = (rank..rows.len()).find(|i| rows[*i][column] != Fr::ZERO) else {
                continue;
            };
            rows.swap(rank, found);
            let pivot = rows[rank].clone();
            let inverse = pivot[column].invert().expect("not 0");
            for row in rows.iter_mut().skip(rank + 1) {
                let scale = row[column] * inverse;
                for (entry, value) in row.iter_mut().zip(&pivot) {
                    *entry -= scale * value;
                }
            }
            rank += 1;
        }
        rank
    }

    proptest! {
        #[test]
        fn fast_form_is_the_plain_one(seed in any::<[u64; 25]>(), width in 0usize..6) {
            let width = WIDTHS[width];
            let mut state: Vec<Fr> = seed[..width].iter().map(|x| Fr::from(*x).square()).collect();
            let expected = plain(&state);
            permute_wide(&mut state);
            prop_assert_eq!(state, expected);
        }
    }
}
