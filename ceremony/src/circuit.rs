//! A circuit, and what its keys are made of.
//!
//! With u_i, v_i, w_i the polynomials that take the entries of variable i in the rows of A, B and C, interpolated over the
//! domain (A has a row more for each instance variable, as libsnark and ark-groth16 have it), and
//! `y_i = beta u_i(x) + alpha v_i(x) + w_i(x)`:
//! ```text
//! A: u_i(x)   B: v_i(x)   IC, the bases of D, L: y_i   H: x^j (x^n - 1)
//! ```
//! Everything is a sum of Lagrange bases: for the keys one for each variable (`columns`), for a check one in all, with a
//! random weight for each variable.

use ark_bn254::{Fr, G1Affine, G1Projective};
use ark_ec::{AffineRepr, CurveGroup, VariableBaseMSM};
use ark_ff::{AdditiveGroup, BigInteger, PrimeField};
use maci_nova_groth16::adapter::Matrices;
use rayon::prelude::*;

use crate::Phase1;

/// A circuit for which keys are made.
#[derive(Clone, Debug)]
pub struct Circuit {
    /// Its name: lower-case letters.
    pub name: &'static str,
    /// Its constraints.
    pub matrices: Matrices,
    /// Public variables; the instance variables after them are committed to.
    pub publics: usize,
}

/// How many points each list of a circuit has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// L.
    pub l: usize,
    /// H.
    pub h: usize,
    /// The bases of D.
    pub committed: usize,
}

/// A, B or C.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Which {
    A = 0,
    B = 1,
    C = 2,
}

impl Circuit {
    /// Rows of the domain.
    pub fn domain(&self) -> usize {
        self.matrices.domain()
    }

    /// Lengths of the lists that contributors change; none if there are fewer instance variables than public ones.
    pub fn sizes(&self) -> Option<Sizes> {
        Some(Sizes {
            l: self.matrices.witness(),
            h: self.domain() - 1,
            committed: self.matrices.instance().checked_sub(self.publics + 1)?,
        })
    }

    fn first_witness(&self) -> usize {
        self.matrices.instance()
    }

    /// `y_i` of the variables from one up to another.
    fn y(&self, phase1: &Phase1, variables: core::ops::Range<usize>) -> Vec<G1Affine> {
        let parts = [
            (Which::A, &phase1.beta_lagrange),
            (Which::B, &phase1.alpha_lagrange),
            (Which::C, &phase1.lagrange),
        ];
        let mut sums = vec![G1Projective::ZERO; variables.len()];
        for (which, bases) in parts {
            let part = columns(&self.matrices, which, bases, variables.clone());
            sums.par_iter_mut()
                .zip(part)
                .for_each(|(sum, part)| *sum += part);
        }
        G1Projective::normalize_batch(&sums)
    }

    /// The bases of the constant one and of the public variables.
    pub fn ic(&self, phase1: &Phase1) -> Vec<G1Affine> {
        self.y(phase1, 0..self.publics + 1)
    }

    /// The bases of D, before anyone has contributed.
    pub fn committed(&self, phase1: &Phase1) -> Vec<G1Affine> {
        self.y(phase1, self.publics + 1..self.first_witness())
    }

    /// L before anyone has contributed.
    pub fn l(&self, phase1: &Phase1) -> Vec<G1Affine> {
        let last = self.first_witness() + self.matrices.witness();
        self.y(phase1, self.first_witness()..last)
    }

    /// H before anyone has contributed: `x^(j + n) - x^j`.
    pub fn h(&self, phase1: &Phase1) -> Vec<G1Affine> {
        let n = self.domain();
        let differences: Vec<G1Projective> = (0..n - 1)
            .into_par_iter()
            .map(|j| phase1.powers[j + n] - phase1.powers[j])
            .collect();
        G1Projective::normalize_batch(&differences)
    }

    /// The bases of A.
    pub fn a(&self, phase1: &Phase1) -> Vec<G1Affine> {
        self.bases(Which::A, &phase1.lagrange)
    }

    /// The bases of B, in the group of `lagrange`.
    pub fn b<P: AffineRepr<ScalarField = Fr>>(&self, lagrange: &[P]) -> Vec<P>
    where
        P::Group: CurveGroup<Affine = P>,
    {
        self.bases(Which::B, lagrange)
    }

    fn bases<P: AffineRepr<ScalarField = Fr>>(&self, which: Which, lagrange: &[P]) -> Vec<P>
    where
        P::Group: CurveGroup<Affine = P>,
    {
        let variables = self.first_witness() + self.matrices.witness();
        P::Group::normalize_batch(&columns(&self.matrices, which, lagrange, 0..variables))
    }

    /// `sum_i w_i y_i` over the variables from `first` on, with the weights of these.
    pub(crate) fn weighted_y(&self, phase1: &Phase1, first: usize, weights: &[Fr]) -> G1Projective {
        let variables = self.first_witness() + self.matrices.witness();
        let mut z = vec![Fr::ZERO; variables];
        z[first..first + weights.len()].copy_from_slice(weights);
        let rows = |which: Which| {
            let rows = self.matrices.constraints();
            let mut values: Vec<Fr> = (0..rows)
                .into_par_iter()
                .map(|i| self.matrices.product(which as usize, i, &z))
                .collect();
            if which == Which::A {
                values.extend_from_slice(&z[..self.matrices.instance()]);
            }
            values
        };
        let sum = |bases: &[G1Affine], scalars: Vec<Fr>| {
            G1Projective::msm_unchecked(&bases[..scalars.len()], &scalars)
        };
        sum(&phase1.beta_lagrange, rows(Which::A))
            + sum(&phase1.alpha_lagrange, rows(Which::B))
            + sum(&phase1.lagrange, rows(Which::C))
    }

    /// `sum_j w_j x^j (x^n - 1)`.
    pub(crate) fn weighted_h(&self, phase1: &Phase1, weights: &[Fr]) -> G1Projective {
        let (n, count) = (self.domain(), weights.len());
        G1Projective::msm_unchecked(&phase1.powers[n..n + count], weights)
            - G1Projective::msm_unchecked(&phase1.powers[..count], weights)
    }
}

/// A coefficient in the way that it is cheapest to multiply by.
enum Factor {
    Small { magnitude: u64, negative: bool },
    Large(Fr),
}

impl Factor {
    fn new(coefficient: &Fr) -> Self {
        let small = |value: Fr| {
            let limbs = value.into_bigint();
            (limbs.num_bits() <= 64).then(|| limbs.0[0])
        };
        match (small(*coefficient), small(-*coefficient)) {
            (Some(magnitude), _) => Factor::Small {
                magnitude,
                negative: false,
            },
            (_, Some(magnitude)) => Factor::Small {
                magnitude,
                negative: true,
            },
            _ => Factor::Large(*coefficient),
        }
    }

    fn add<P: AffineRepr<ScalarField = Fr>>(&self, sum: &mut P::Group, point: &P) {
        match self {
            Factor::Small {
                magnitude: 1,
                negative: false,
            } => *sum += point,
            Factor::Small {
                magnitude: 1,
                negative: true,
            } => *sum -= point.into_group(),
            Factor::Small {
                magnitude,
                negative,
            } => {
                let product = point.mul_bigint([*magnitude]);
                match negative {
                    true => *sum -= product,
                    false => *sum += product,
                }
            }
            Factor::Large(factor) => *sum += *point * factor,
        }
    }
}

/// For each of these variables, the sum of the rows' bases times its entries in a matrix.
fn columns<P: AffineRepr<ScalarField = Fr>>(
    matrices: &Matrices,
    which: Which,
    bases: &[P],
    variables: core::ops::Range<usize>,
) -> Vec<P::Group> {
    let (starts, entries) = transposed(matrices, which, &variables);
    let factors: Vec<Factor> = matrices.coefficients().iter().map(Factor::new).collect();
    let constraints = matrices.constraints();
    (0..variables.len())
        .into_par_iter()
        .map(|i| {
            let mut sum = P::Group::ZERO;
            for (row, coefficient) in &entries[starts[i]..starts[i + 1]] {
                factors[*coefficient as usize].add(&mut sum, &bases[*row as usize]);
            }
            let variable = variables.start + i;
            if which == Which::A && variable < matrices.instance() {
                sum += bases[constraints + variable];
            }
            sum
        })
        .collect()
}

/// Row and coefficient of each entry, by variable, and where each variable's begin.
fn transposed(
    matrices: &Matrices,
    which: Which,
    variables: &core::ops::Range<usize>,
) -> (Vec<usize>, Vec<(u32, u32)>) {
    let entries = || {
        (0..matrices.constraints()).flat_map(move |row| {
            let row_entries = matrices.numbered_row(which as usize, row);
            row_entries.map(move |(coefficient, column)| (row as u32, coefficient, column as usize))
        })
    };
    let wanted = |column: &usize| variables.contains(column);
    let mut starts = vec![0; variables.len() + 1];
    for (_, _, column) in entries().filter(|(_, _, column)| wanted(column)) {
        starts[column - variables.start + 1] += 1;
    }
    for i in 1..starts.len() {
        starts[i] += starts[i - 1];
    }
    let mut next = starts.clone();
    let mut all = vec![(0, 0); starts[variables.len()]];
    for (row, coefficient, column) in entries().filter(|(_, _, column)| wanted(column)) {
        let place = &mut next[column - variables.start];
        all[*place] = (row, coefficient);
        *place += 1;
    }
    (starts, all)
}
