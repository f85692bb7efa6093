//! Pedersen commitments on Grumpkin in a circuit over Fr, the field of its coordinates.
//!
//! A scalar is `s = sum_i 8^i n_i`, 85 digits of 0 to 7, any integer below 2^255. With odd digits
//! `d_i = 2 n_i - 7`, of 1, 3, 5, 7 up to sign,
//! ```text
//! s g = sum_i d_i 8^i (g / 2) + (8^85 - 1) (g / 2)
//! ```
//! so a window adds a point from a table of four, or its opposite. It costs 8 constraints:
//! ```text
//! a_0, a_1 bits; a_0 a_1           D = 1 + 2 a_0 + 4 a_1, and the coordinates X, Y of D 8^i g/2, are
//!                                  linear in the three
//! (y - Y)(d + D) = 0               d = D and y = Y, or d = -D and y = -Y: no other d or y solves
//! (y + Y)(d - D) = 0               both, as D and Y are not 0
//! three for an incomplete addition
//! ```
//! The sums begin at a constant point of unknown logarithm, hashed to the curve. An addition is
//! exceptional only if the prover's scalars make the sum the next table point or its opposite,
//! which would give that logarithm away. (At a point of the prover's choice it could be made so.)

use ff::{Field, PrimeField};
use halo2curves::{
    bn256::{Fq, Fr},
    group::Curve as _,
    grumpkin::{G1Affine, G1},
};
use maci_nova_folding::curve::{add, Checked, Point};
use maci_nova_step_circuit::constraints::Constraints;
use maci_nova_step_circuit::num::{Bit, Gadget, Num};
use nova_snark::provider::traits::DlogGroup;
use num_bigint::BigUint;
use rayon::prelude::*;

use super::nonnative::{Integer, LIMBS, LIMB_BITS};

/// Digits of a scalar.
const WINDOWS: usize = 85;
/// Bits of a digit.
const WINDOW_BITS: usize = 3;
/// Digits of a limb: 22, but 19 of the highest.
const LIMB_WINDOWS: usize = LIMB_BITS / WINDOW_BITS;
/// Label of the point that sums begin at.
const START_LABEL: &[u8] = b"maci-nova start of Pedersen sums";

/// `(2 m + 1) 8^i g / 2` for i = 0..85, m = 0..4.
struct Table(Vec<[(Fr, Fr); 4]>);

impl Table {
    /// The table of one generator.
    fn new(generator: &G1Affine) -> Self {
        let half = Fq::from(2).invert().expect("2 is not 0");
        let mut power = G1::from(*generator) * half;
        let mut points = Vec::with_capacity(4 * WINDOWS);
        for _ in 0..WINDOWS {
            let double = power + power;
            let mut multiple = power;
            for _ in 0..4 {
                points.push(multiple);
                multiple += double;
            }
            power = double + double;
            power += power;
        }
        let mut affine = vec![G1Affine::default(); points.len()];
        G1::batch_normalize(&points, &mut affine);
        Table(
            affine
                .chunks(4)
                .map(|four| core::array::from_fn(|m| (four[m].x, four[m].y)))
                .collect(),
        )
    }
}

/// The generators, and what their sums begin at and end with.
pub(crate) struct Key {
    tables: Vec<Table>,
    start: G1Affine,
    /// `(8^85 - 1) sum g / 2 - start`: what the digits' sum lacks.
    correction: G1Affine,
}

impl Key {
    pub(crate) fn new(generators: &[G1Affine]) -> Self {
        let start = <G1 as DlogGroup>::from_label(START_LABEL, 1)[0];
        let all: G1 = generators
            .iter()
            .fold(G1::default(), |sum, generator| sum + generator);
        let top = Fq::from(8).pow_vartime([WINDOWS as u64]) - Fq::ONE;
        let half = Fq::from(2).invert().expect("2 is not 0");
        Key {
            tables: generators.par_iter().map(Table::new).collect(),
            start,
            correction: (all * (top * half) - G1::from(start)).to_affine(),
        }
    }

    /// `sum_j scalars_j generators_j`, and the scalars as integers below 2^255. 684 constraints a
    /// scalar, 13 besides.
    pub(crate) fn commit<CS: Constraints<Fr>>(
        &self,
        g: &mut Gadget<'_, CS>,
        scalars: &[BigUint],
    ) -> (Point<Fr>, Vec<Integer>) {
        assert_eq!(scalars.len(), self.tables.len());
        let mut sum = constant(&self.start);
        let integers = scalars
            .iter()
            .zip(&self.tables)
            .map(|(scalar, table)| add_multiple(g, &mut sum, table, scalar))
            .collect();
        // The sum is never infinity, as no sum of an incomplete addition is.
        let sum = Checked {
            point: sum,
            infinite: Bit::constant(false),
        };
        let correction = constant(&self.correction);
        (add(g, &sum, &correction, &Bit::constant(false)), integers)
    }
}

fn constant(point: &G1Affine) -> Point<Fr> {
    Point {
        x: Num::constant(point.x),
        y: Num::constant(point.y),
    }
}

/// Adds the digits' multiples of a table; returns the scalar. 684 constraints.
fn add_multiple<CS: Constraints<Fr>>(
    g: &mut Gadget<'_, CS>,
    sum: &mut Point<Fr>,
    table: &Table,
    scalar: &BigUint,
) -> Integer {
    let digits: Vec<Num> = table
        .0
        .iter()
        .enumerate()
        .map(|(i, four)| {
            let (digit, point) = window(g, four, digit_of(scalar, i));
            *sum = add_incomplete(g, sum, &point);
            digit
        })
        .collect();
    // n = (d + 7) / 2.
    let half = Fr::from(2).invert().expect("2 is not 0");
    let eights: Vec<Fr> = core::iter::successors(Some(half), |power| Some(*power * Fr::from(8)))
        .take(LIMB_WINDOWS)
        .collect();
    let limb = |k: usize| {
        let digits = &digits[k * LIMB_WINDOWS..WINDOWS.min((k + 1) * LIMB_WINDOWS)];
        let weights = &eights[..digits.len()];
        let sevens: Fr = weights.iter().map(|weight| *weight * Fr::from(7)).sum();
        Num::dot(digits, weights).add_constant(sevens)
    };
    let limbs: [Num; LIMBS] = core::array::from_fn(|k| g.materialize(&limb(k)));
    let value = limbs
        .iter()
        .enumerate()
        .fold(BigUint::default(), |sum, (k, limb)| {
            sum + (BigUint::from_bytes_le(limb.value().to_repr().as_ref()) << (k * LIMB_BITS))
        });
    Integer::from_limbs(limbs, value, WINDOWS * WINDOW_BITS)
}

/// Digit i to the base 8.
fn digit_of(scalar: &BigUint, i: usize) -> u64 {
    (0..WINDOW_BITS).rev().fold(0, |digit, bit| {
        digit << 1 | u64::from(scalar.bit((i * WINDOW_BITS + bit) as u64))
    })
}

/// The odd digit `d = 2 n - 7`, and d times the table's unit: 5 constraints.
fn window<CS: Constraints<Fr>>(
    g: &mut Gadget<'_, CS>,
    table: &[(Fr, Fr); 4],
    n: u64,
) -> (Num, Point<Fr>) {
    // |2 n - 7| = 2 m + 1.
    let (m, negative) = if n >= 4 {
        (n - 4, false)
    } else {
        (3 - n, true)
    };
    let (low, high) = (g.alloc_bit(m & 1 == 1), g.alloc_bit(m >> 1 == 1));
    let both = g.mul(low.num(), high.num());
    let products = [low.num().clone(), high.num().clone(), both];
    let interpolate = |v: [Fr; 4]| {
        let weights = [v[1] - v[0], v[2] - v[0], v[3] - v[2] - v[1] + v[0]];
        Num::dot(&products, &weights).add_constant(v[0])
    };
    let absolute = interpolate([1, 3, 5, 7].map(Fr::from));
    let ordinate = interpolate(table.map(|(_, y)| y));
    let signed = |num: &Num| if negative { -num.value() } else { num.value() };
    let digit = g.alloc(signed(&absolute));
    let y = g.alloc(signed(&ordinate));
    let zero = Num::zero();
    g.enforce(
        "y = Y or d = -D",
        &(&y - &ordinate),
        &(&digit + &absolute),
        &zero,
    );
    g.enforce(
        "y = -Y or d = D",
        &(&y + &ordinate),
        &(&digit - &absolute),
        &zero,
    );
    let x = interpolate(table.map(|(x, _)| x));
    (digit, Point { x, y })
}

/// `p + q`, neither equal nor opposite: 3 constraints.
fn add_incomplete<CS: Constraints<Fr>>(
    g: &mut Gadget<'_, CS>,
    p: &Point<Fr>,
    q: &Point<Fr>,
) -> Point<Fr> {
    let slope = g.div_nonzero(&(&q.y - &p.y), &(&q.x - &p.x));
    let x = g.mul_sub(&slope, &slope, &(&p.x + &q.x));
    let y = g.mul_sub(&slope, &(&p.x - &x), &p.y);
    Point { x, y }
}

#[cfg(test)]
mod tests {
    use halo2curves::group::Group;
    use maci_nova_step_circuit::recorder::Recorder;
    use rand_core::{OsRng, RngCore};

    use super::*;

    fn generators(count: usize) -> Vec<G1Affine> {
        <G1 as DlogGroup>::from_label(b"generators of a test", count)
    }

    fn random() -> BigUint {
        let mut bytes = [0; 32];
        OsRng.fill_bytes(&mut bytes);
        BigUint::from_bytes_le(&bytes) >> 1
    }

    fn native(scalars: &[BigUint], generators: &[G1Affine]) -> G1Affine {
        let q = super::super::nonnative::modulus();
        let mut sum = G1::identity();
        for (scalar, generator) in scalars.iter().zip(generators) {
            let mut bytes = (scalar % q.magnitude()).to_bytes_le();
            bytes.resize(32, 0);
            let mut repr = <Fq as ff::PrimeField>::Repr::default();
            repr.as_mut().copy_from_slice(&bytes);
            sum += *generator * Fq::from_repr(repr).expect("below q");
        }
        sum.to_affine()
    }

    #[test]
    fn commitments_are_the_native_ones() {
        let generators = generators(4);
        let key = Key::new(&generators);
        let q = super::super::nonnative::modulus().magnitude().clone();
        let top = (BigUint::from(1u8) << 255u32) - 1u8;
        let zero = BigUint::default();
        let cases = [
            [zero.clone(), zero.clone(), zero.clone(), zero.clone()],
            [top.clone(), q.clone(), &q - 1u8, &q + 5u8],
            [random(), random(), random(), random()],
            [BigUint::from(1u8), zero, top, random()],
        ];
        for scalars in cases {
            let mut recorder = Recorder::default();
            let mut g = Gadget::new(&mut recorder);
            let (sum, integers) = key.commit(&mut g, &scalars);
            assert_eq!(g.violated(), None);
            let expected = native(&scalars, &generators);
            // Infinity is (0, 0), which is halo2curves' default too.
            assert_eq!((sum.x.value(), sum.y.value()), (expected.x, expected.y));
            for (integer, scalar) in integers.iter().zip(&scalars) {
                assert_eq!(integer.value.magnitude(), scalar);
            }
            assert!(recorder.violated().is_none());
        }
    }

    #[test]
    fn the_cost_is_pinned() {
        let generators = generators(3);
        let key = Key::new(&generators);
        let mut recorder = Recorder::default();
        let mut g = Gadget::new(&mut recorder);
        key.commit(&mut g, &[random(), random(), random()]);
        assert_eq!(recorder.total().constraints, 3 * 684 + 13);
    }

    /// Each hint of a commitment replaced, with everything after it computed anew: refused, or it
    /// commits to another integer.
    #[test]
    fn scalars_and_points_belong_together() {
        let generators = generators(1);
        let key = Key::new(&generators);
        let scalars = [random()];
        let run = |replacement: &[(usize, Fr)]| {
            let mut recorder = Recorder::default();
            let mut g = Gadget::with_replacements(&mut recorder, replacement);
            let (sum, integers) = key.commit(&mut g, &scalars);
            let value = integers[0].value.magnitude().clone();
            let point = (sum.x.value(), sum.y.value());
            (g.violated().is_none(), value, point, g.hints().to_vec())
        };
        let (satisfied, value, _, hints) = run(&[]);
        assert!(satisfied);
        for (hint, honest) in hints.iter().enumerate() {
            for other in [-*honest, *honest + Fr::ONE, Fr::ONE - honest, Fr::ZERO] {
                if other == *honest {
                    continue;
                }
                let (satisfied, changed, at, _) = run(&[(hint, other)]);
                if satisfied {
                    // Another digit: another integer, and its commitment.
                    assert_ne!(changed, value, "hint {hint}");
                    let expected = native(&[changed], &generators);
                    assert_eq!(at, (expected.x, expected.y), "hint {hint}");
                }
            }
        }
    }
}
