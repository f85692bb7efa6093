//! Claims about all rows at once, and what folding two of them sends.
//!
//! Row i has the weight `pow_i(beta)`, the product of the `beta_j` for which bit j of i is set. The
//! claim of `beta` and `e` about z is one equation:
//! ```text
//! sum_i pow_i(beta) f_i(z) = e
//! ```
//! Folding (ProtoGalaxy, ePrint 2023/1106, with one incoming instance) moves beta by alpha along
//! `(delta, delta^2, delta^4, ..)`, then z by gamma towards the incoming one:
//! ```text
//! F(X) = sum_i pow_i(beta + X (delta, delta^2, delta^4, ..)) f_i(z)      F(0) = e, sent: F_1..F_t
//! G(X) = sum_i pow_i(beta') f_i(z + X (z_1 - z))                          of degree 5
//!      = (1 - X) G(0) + X G(1) + X (X - 1) K(X)                           sent: K_0..K_3
//! ```
//! `G(0) = F(alpha)`; G(1) is 0 for an incoming instance, and the other claim's value for two claims
//! of one beta.

use ff::Field;
use halo2curves::bn256::Fr;
use maci_nova_step_circuit::constraints::{fifth, Constraints, Values};
use maci_nova_step_circuit::num::{Gadget, Num};
use rayon::prelude::*;

use maci_nova_step_circuit::secret::Secret;

/// Coefficients of K: that of degree 3 is the last.
pub const QUOTIENT: usize = 4;

/// Rows, or nodes of a tree over them, that a thread takes at a time.
const CHUNK: usize = 1 << 9;

/// `f_i(z)` of all rows.
pub fn row_errors(values: &Values<Fr>) -> Secret<Fr> {
    let [a, b, c] = &values.products;
    let [l, o] = &values.fifths;
    let mut errors = vec![Fr::ZERO; a.len() + l.len()];
    let (products, powers) = errors.split_at_mut(a.len());
    products
        .par_iter_mut()
        .with_min_len(CHUNK)
        .enumerate()
        .for_each(|(i, error)| *error = a[i] * b[i] - c[i]);
    powers
        .par_iter_mut()
        .with_min_len(CHUNK)
        .enumerate()
        .for_each(|(i, error)| *error = fifth(l[i]) - o[i]);
    errors.into()
}

/// `pow_i(beta)` for i below `count`, which is at most `2^t`.
pub fn weights(beta: &[Fr], count: usize) -> Vec<Fr> {
    let mut weights = vec![Fr::ONE];
    for beta in beta {
        if weights.len() >= count {
            break;
        }
        let upper: Vec<Fr> = weights
            .par_iter()
            .with_min_len(CHUNK)
            .map(|weight| *weight * beta)
            .collect();
        weights.extend(upper);
    }
    weights.truncate(count);
    weights
}

/// `sum_i pow_i(beta) f_i(z)`.
pub fn sum(values: &Values<Fr>, beta: &[Fr]) -> Fr {
    let errors = row_errors(values);
    let weights = weights(beta, errors.len());
    assert_eq!(errors.len(), weights.len(), "each row has a weight");
    (errors.par_iter().with_min_len(CHUNK))
        .zip(&weights)
        .map(|(error, weight)| *error * weight)
        .sum()
}

/// `delta, delta^2, delta^4, ..`: t of them.
pub fn directions(delta: Fr, t: usize) -> Vec<Fr> {
    core::iter::successors(Some(delta), |delta| Some(delta.square()))
        .take(t)
        .collect()
}

/// `beta + alpha (delta, delta^2, delta^4, ..)`.
pub fn moved(beta: &[Fr], delta: Fr, alpha: Fr) -> Vec<Fr> {
    let directions = directions(delta, beta.len());
    let moved = beta.iter().zip(directions);
    moved.map(|(beta, step)| *beta + alpha * step).collect()
}

/// `F_1..F_t`, by a tree: with nodes L and R of bit j, their parent is `L + (beta_j + X delta_j) R`.
/// 4 multiplications a row in all.
pub fn perturbation(errors: &[Fr], beta: &[Fr], delta: Fr) -> Vec<Fr> {
    let t = beta.len();
    assert!(errors.len() <= 1 << t, "no two rows share a weight");
    let mut level: Secret<Fr> = errors.to_vec().into();
    for (j, (beta, step)) in beta.iter().zip(directions(delta, t)).enumerate() {
        level = parents(&level, j + 1, *beta, step).into();
    }
    let mut coefficients = level.to_vec();
    coefficients.resize(t + 1, Fr::ZERO);
    coefficients.split_off(1)
}

/// The parents of nodes with `size` coefficients each; they have one more. A node without a sibling
/// has one that is 0.
fn parents(nodes: &[Fr], size: usize, beta: Fr, step: Fr) -> Vec<Fr> {
    let count = nodes.len().div_ceil(2 * size);
    let mut parents = vec![Fr::ZERO; count * (size + 1)];
    parents
        .par_chunks_mut(size + 1)
        .with_min_len((CHUNK / size).max(1))
        .zip(nodes.par_chunks(2 * size))
        .for_each(|(parent, pair)| {
            let (left, right) = pair.split_at(size);
            parent[..size].copy_from_slice(left);
            for (k, coefficient) in right.iter().enumerate() {
                parent[k] += beta * coefficient;
                parent[k + 1] += step * coefficient;
            }
        });
    parents
}

/// `F(X) = e + F_1 X + .. + F_t X^t`.
pub fn evaluate(e: Fr, f: &[Fr], x: Fr) -> Fr {
    f.iter().rev().fold(Fr::ZERO, |sum, f| (sum + f) * x) + e
}

/// `K_0..K_3` of the line from one assignment to another.
///
/// With `G(X) = sum_k g_k X^k`, `K_j = g_{j+2} + .. + g_5`: G less its values at 0 and 1 is
/// divisible by X (X - 1), whatever these are.
pub fn quotient(from: &Values<Fr>, to: &Values<Fr>, weights: &[Fr]) -> [Fr; QUOTIENT] {
    let products = from.products[0].len();
    let rows = products + from.fifths[0].len();
    assert_eq!(rows, weights.len(), "each row has a weight");
    let (of_products, of_powers) = weights.split_at(products);
    let (a, b) = (
        [&from.products[0], &to.products[0]],
        [&from.products[1], &to.products[1]],
    );
    let square: Fr = of_products
        .par_iter()
        .with_min_len(CHUNK)
        .enumerate()
        .map(|(i, weight)| (a[1][i] - a[0][i]) * (b[1][i] - b[0][i]) * weight)
        .sum();
    let l = [&from.fifths[0], &to.fifths[0]];
    let mut g = of_powers
        .par_iter()
        .with_min_len(CHUNK)
        .enumerate()
        .map(|(i, weight)| fifth_of_line(l[0][i], l[1][i] - l[0][i], *weight))
        .reduce(
            || [Fr::ZERO; QUOTIENT],
            |one, two| core::array::from_fn(|k| one[k] + two[k]),
        );
    // The line's fifth power has binomial coefficients.
    for (g, binomial) in g.iter_mut().zip([10, 10, 5, 1]) {
        *g *= Fr::from(binomial);
    }
    g[0] += square;
    for k in (0..QUOTIENT - 1).rev() {
        let above = g[k + 1];
        g[k] += above;
    }
    g
}

/// `weight (l^3 d^2, l^2 d^3, l d^4, d^5)`.
fn fifth_of_line(l: Fr, d: Fr, weight: Fr) -> [Fr; QUOTIENT] {
    let (d2, l2) = (d.square(), l.square());
    let scaled = weight * d2;
    [
        scaled * (l2 * l),
        scaled * (l2 * d),
        scaled * (l * d2),
        scaled * (d2 * d),
    ]
}

/// `(1 - x) G(0) + x G(1) + x (x - 1) K(x)`.
pub fn on_line(ends: [Fr; 2], k: &[Fr; QUOTIENT], x: Fr) -> Fr {
    let quotient = k.iter().rev().fold(Fr::ZERO, |sum, k| sum * x + k);
    ends[0] + x * (ends[1] - ends[0] + (x - Fr::ONE) * quotient)
}

/// [`moved`] in a circuit: `2 t - 1` constraints.
pub fn moved_in_circuit<CS: Constraints<Fr>>(
    g: &mut Gadget<'_, CS>,
    beta: &[Num],
    delta: &Num,
    alpha: &Num,
) -> Vec<Num> {
    let mut step = delta.clone();
    let mut moved = Vec::with_capacity(beta.len());
    for (j, beta) in beta.iter().enumerate() {
        if j > 0 {
            step = g.mul(&step, &step);
        }
        moved.push(beta + &g.mul(alpha, &step));
    }
    moved
}

/// [`evaluate`] in a circuit: t constraints.
pub fn evaluate_in_circuit<CS: Constraints<Fr>>(
    g: &mut Gadget<'_, CS>,
    e: &Num,
    f: &[Num],
    x: &Num,
) -> Num {
    let mut sum = Num::zero();
    for f in f.iter().rev() {
        sum = g.mul(&(&sum + f), x);
    }
    &sum + e
}

/// [`on_line`] in a circuit: 5 constraints.
pub fn on_line_in_circuit<CS: Constraints<Fr>>(
    g: &mut Gadget<'_, CS>,
    ends: [&Num; 2],
    k: &[Num; QUOTIENT],
    x: &Num,
) -> Num {
    let [last, rest @ ..] = [&k[3], &k[2], &k[1], &k[0]];
    let quotient = rest
        .into_iter()
        .fold(last.clone(), |sum, k| &g.mul(&sum, x) + k);
    let bent = g.mul(&x.add_constant(-Fr::ONE), &quotient);
    let line = &(ends[1] - ends[0]) + &bent;
    ends[0] + &g.mul(x, &line)
}

#[cfg(test)]
mod tests;
