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

use core::ops::Range;

use ark_bn254::{Fr, G1Affine, G1Projective};
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::{AdditiveGroup, BigInteger, PrimeField};
use maci_nova_groth16::adapter::Matrices;
use rayon::prelude::*;

use crate::meter::Meter;
use crate::sums::sum;
use crate::{Error, Phase1};

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

    /// Its variables.
    pub(crate) fn variables(&self) -> usize {
        self.matrices.instance() + self.matrices.witness()
    }

    /// `y_i` of the variables from one up to another.
    fn y(
        &self,
        phase1: &Phase1,
        variables: Range<usize>,
        meter: &mut Meter<'_>,
    ) -> Result<Vec<G1Affine>, Error> {
        let parts = [
            (Which::A, &phase1.beta_lagrange),
            (Which::B, &phase1.alpha_lagrange),
            (Which::C, &phase1.lagrange),
        ];
        in_parts(variables, meter, |variables| {
            let mut sums = vec![G1Projective::ZERO; variables.len()];
            for (which, bases) in parts {
                let part = columns(&self.matrices, which, bases, variables.clone());
                sums.par_iter_mut()
                    .zip(part)
                    .for_each(|(sum, part)| *sum += part);
            }
            G1Projective::normalize_batch(&sums)
        })
    }

    /// The bases of the constant one and of the public variables.
    pub fn ic(&self, phase1: &Phase1) -> Vec<G1Affine> {
        let bases = self.y(phase1, 0..self.publics + 1, &mut Meter::silent());
        bases.expect("nobody asks to stop")
    }

    /// The bases of D, before anyone has contributed.
    pub(crate) fn committed(
        &self,
        phase1: &Phase1,
        meter: &mut Meter<'_>,
    ) -> Result<Vec<G1Affine>, Error> {
        self.y(phase1, self.publics + 1..self.first_witness(), meter)
    }

    /// L before anyone has contributed.
    pub(crate) fn l(&self, phase1: &Phase1, meter: &mut Meter<'_>) -> Result<Vec<G1Affine>, Error> {
        self.y(phase1, self.first_witness()..self.variables(), meter)
    }

    /// The bases of A.
    pub(crate) fn a(&self, phase1: &Phase1, meter: &mut Meter<'_>) -> Result<Vec<G1Affine>, Error> {
        self.bases(Which::A, &phase1.lagrange, meter)
    }

    /// The bases of B, in the group of `lagrange`.
    pub(crate) fn b<P: AffineRepr<ScalarField = Fr>>(
        &self,
        lagrange: &[P],
        meter: &mut Meter<'_>,
    ) -> Result<Vec<P>, Error>
    where
        P::Group: CurveGroup<Affine = P>,
    {
        self.bases(Which::B, lagrange, meter)
    }

    fn bases<P: AffineRepr<ScalarField = Fr>>(
        &self,
        which: Which,
        lagrange: &[P],
        meter: &mut Meter<'_>,
    ) -> Result<Vec<P>, Error>
    where
        P::Group: CurveGroup<Affine = P>,
    {
        in_parts(0..self.variables(), meter, |variables| {
            P::Group::normalize_batch(&columns(&self.matrices, which, lagrange, variables))
        })
    }

    /// `sum_i w_i y_i` over the variables from `first` on, with the weights of these.
    pub(crate) fn weighted_y(
        &self,
        phase1: &Phase1,
        first: usize,
        weights: &[Fr],
        meter: &mut Meter<'_>,
    ) -> Result<G1Projective, Error> {
        let mut z = vec![Fr::ZERO; self.variables()];
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
        let mut sum =
            |bases: &[G1Affine], scalars: Vec<Fr>| sum(&bases[..scalars.len()], &scalars, meter);
        Ok(sum(&phase1.beta_lagrange, rows(Which::A))?
            + sum(&phase1.alpha_lagrange, rows(Which::B))?
            + sum(&phase1.lagrange, rows(Which::C))?)
    }
}

/// Variables whose bases are made at once.
const AT_ONCE: usize = 1 << 17;

/// What is made for each variable, made for a part of them at a time.
fn in_parts<P>(
    variables: Range<usize>,
    meter: &mut Meter<'_>,
    make: impl Fn(Range<usize>) -> Vec<P>,
) -> Result<Vec<P>, Error> {
    let mut all = Vec::with_capacity(variables.len());
    for start in variables.clone().step_by(AT_ONCE) {
        let end = variables.end.min(start + AT_ONCE);
        all.append(&mut make(start..end));
        meter.add(end - start)?;
    }
    Ok(all)
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
    variables: Range<usize>,
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
    variables: &Range<usize>,
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
