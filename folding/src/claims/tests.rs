use maci_nova_step_circuit::recorder::Recorder;
use rand_core::OsRng;

use super::*;

fn random() -> Fr {
    Fr::random(OsRng)
}

fn randoms(count: usize) -> Vec<Fr> {
    (0..count).map(|_| random()).collect()
}

/// Rows of both kinds with any values: no witness has to satisfy them.
fn values(products: usize, powers: usize) -> Values<Fr> {
    let mut values = Values::with_powers();
    values.products = [(); 3].map(|()| randoms(products).into());
    values.fifths = [(); 2].map(|()| randoms(powers).into());
    values
}

/// The same with errors 0.
fn satisfied(products: usize, powers: usize) -> Values<Fr> {
    let mut values = values(products, powers);
    let [a, b, c] = &mut values.products;
    for (i, c) in c.iter_mut().enumerate() {
        *c = a[i] * b[i];
    }
    let [l, o] = &mut values.fifths;
    for (l, o) in l.iter().zip(o.iter_mut()) {
        *o = l.pow_vartime([5]);
    }
    values
}

/// Counts at which trees are full or not, and threads share the work or not.
const SIZES: [(usize, usize); 10] = [
    (1, 0),
    (0, 1),
    (1, 1),
    (2, 1),
    (3, 5),
    (8, 8),
    (5, 12),
    (511, 2),
    (700, 900),
    (1_500, 2_596),
];

/// The least number of elements of beta that is enough, and two more.
fn enough(count: usize) -> [usize; 2] {
    let least = count.next_power_of_two().ilog2() as usize;
    [least, least + 2]
}

/// `f_i(z)` by its definition.
fn error(values: &Values<Fr>, i: usize) -> Fr {
    let [a, b, c] = &values.products;
    let [l, o] = &values.fifths;
    match i.checked_sub(a.len()) {
        None => a[i] * b[i] - c[i],
        Some(i) => l[i] * l[i] * l[i] * l[i] * l[i] - o[i],
    }
}

/// `pow_i(beta)` by its definition.
fn weight(beta: &[Fr], i: usize) -> Fr {
    let set = beta.iter().enumerate().filter(|(j, _)| i >> j & 1 == 1);
    set.map(|(_, beta)| *beta).product()
}

fn sum_by_definition(values: &Values<Fr>, beta: &[Fr]) -> Fr {
    let count = values.products[0].len() + values.fifths[0].len();
    (0..count).map(|i| weight(beta, i) * error(values, i)).sum()
}

/// `z + x (z_1 - z)`, in the rows.
fn between(from: &Values<Fr>, to: &Values<Fr>, x: Fr) -> Values<Fr> {
    let line = |one: &[Fr], other: &[Fr]| -> Vec<Fr> {
        let pairs = one.iter().zip(other);
        pairs
            .map(|(one, other)| *one + x * (*other - *one))
            .collect()
    };
    let mut values = Values::with_powers();
    values.products = [0, 1, 2].map(|k| line(&from.products[k], &to.products[k]).into());
    values.fifths = [0, 1].map(|k| line(&from.fifths[k], &to.fifths[k]).into());
    values
}

#[test]
fn sums_are_those_of_the_definition() {
    for (products, powers) in SIZES {
        let count = products + powers;
        for t in enough(count) {
            let (values, beta) = (values(products, powers), randoms(t));
            let errors = row_errors(&values);
            assert_eq!(errors.len(), count);
            let weights = weights(&beta, count);
            assert_eq!(weights.len(), count);
            for i in 0..count {
                assert_eq!(errors[i], error(&values, i));
                assert_eq!(weights[i], weight(&beta, i));
            }
            assert_eq!(sum(&values, &beta), sum_by_definition(&values, &beta));
            let zero = satisfied(products, powers);
            assert!(row_errors(&zero).iter().all(|error| *error == Fr::ZERO));
            assert_eq!(sum(&zero, &beta), Fr::ZERO);
        }
    }
}

/// At the start the first row has a weight, and no other.
#[test]
fn only_the_first_row_counts_at_zero() {
    let mut at_zero = weights(&[Fr::ZERO; 5], 20);
    assert_eq!(at_zero.remove(0), Fr::ONE);
    assert_eq!(at_zero, [Fr::ZERO; 19]);
    assert_eq!(weights(&[], 1), [Fr::ONE]);
}

#[test]
fn beta_moves_along_the_powers_of_delta() {
    let (delta, alpha) = (Fr::from(3), Fr::from(10));
    assert_eq!(directions(delta, 4), [3, 9, 81, 6561].map(Fr::from));
    let beta = [1, 2, 3].map(Fr::from);
    assert_eq!(moved(&beta, delta, alpha), [31, 92, 813].map(Fr::from));
    assert!(directions(delta, 0).is_empty());
    // Monomials of beta go to different powers of delta.
    let t = 4;
    let directions = directions(delta, t);
    for i in 0..1 << t {
        assert_eq!(weight(&directions, i), delta.pow_vartime([i as u64]));
    }
}

/// F is the claim at the moved beta, as a polynomial in how far it moves.
#[test]
fn the_perturbation_is_the_sum_at_moved_weights() {
    for (products, powers) in SIZES {
        for t in enough(products + powers) {
            let (values, beta, delta) = (values(products, powers), randoms(t), random());
            let f = perturbation(&row_errors(&values), &beta, delta);
            assert_eq!(f.len(), t);
            let e = sum(&values, &beta);
            // t + 1 points fix a polynomial of degree t.
            for x in randoms(3).into_iter().chain([Fr::ZERO, Fr::ONE]) {
                let moved = moved(&beta, delta, x);
                assert_eq!(
                    evaluate(e, &f, x),
                    sum(&values, &moved),
                    "{products} {powers} {t}"
                );
            }
        }
    }
    // Of rows that all hold it is 0.
    let f = perturbation(&row_errors(&satisfied(9, 9)), &randoms(5), random());
    assert_eq!(f, [Fr::ZERO; 5]);
}

#[test]
fn polynomials_are_evaluated() {
    let f = [5, 7, 11].map(Fr::from);
    assert_eq!(evaluate(Fr::from(3), &f, Fr::from(10)), Fr::from(11_753));
    assert_eq!(evaluate(Fr::from(3), &f, Fr::ZERO), Fr::from(3));
    assert_eq!(evaluate(Fr::from(3), &[], random()), Fr::from(3));
    let k = [2, 3, 5, 7].map(Fr::from);
    // (1 - 10) 4 + 10 * 6 + 90 * 7532.
    let ends = [4, 6].map(Fr::from);
    let expected = Fr::from(677_904);
    assert_eq!(on_line(ends, &k, Fr::from(10)), expected);
    assert_eq!(on_line(ends, &k, Fr::ZERO), ends[0]);
    assert_eq!(on_line(ends, &k, Fr::ONE), ends[1]);
}

/// `G(X) = (1 - X) G(0) + X G(1) + X (X - 1) K(X)`, whatever G(0) and G(1) are.
#[test]
fn the_quotient_gives_the_sum_on_the_line() {
    for (products, powers) in SIZES {
        for t in enough(products + powers) {
            let (from, beta) = (values(products, powers), randoms(t));
            let weights = weights(&beta, products + powers);
            for to in [values(products, powers), satisfied(products, powers)] {
                let k = quotient(&from, &to, &weights);
                let ends = [sum(&from, &beta), sum(&to, &beta)];
                for x in randoms(3).into_iter().chain([Fr::ZERO, Fr::ONE]) {
                    let on_it = sum(&between(&from, &to, x), &beta);
                    assert_eq!(on_line(ends, &k, x), on_it, "{products} {powers} {t}");
                }
            }
        }
    }
}

/// Without power rows G has degree 2, and of equal ends it is constant.
#[test]
fn quotients_have_the_degree_of_their_rows() {
    let beta = randoms(4);
    let weights = weights(&beta, 16);
    let [_, high @ ..] = quotient(&values(16, 0), &values(16, 0), &weights);
    assert_eq!(high, [Fr::ZERO; 3]);
    let same = values(7, 9);
    assert_eq!(quotient(&same, &same, &weights), [Fr::ZERO; QUOTIENT]);
}

/// Whatever K is sent, what is on the line has degree 5: five values and one more fix the seventh.
/// So G of a higher degree, which could have other roots, cannot be sent.
#[test]
fn a_polynomial_of_degree_six_cannot_be_sent() {
    for _ in 0..5 {
        let ends = [random(), random()];
        let k = core::array::from_fn(|_| random());
        let points: Vec<Fr> = (2..8).map(Fr::from).collect();
        let seventh = Fr::from(99);
        let interpolated: Fr = points
            .iter()
            .map(|x| {
                let others = points.iter().filter(|other| *other != x);
                let basis: Fr = others
                    .map(|other| (seventh - other) * (*x - other).invert().expect("different"))
                    .product();
                on_line(ends, &k, *x) * basis
            })
            .sum();
        assert_eq!(interpolated, on_line(ends, &k, seventh));
    }
}

/// One row's error alone makes a claim false at all but few beta, and F tells of it.
#[test]
fn one_false_row_is_noticed() {
    for row in [0, 1, 6, 7, 11] {
        let mut values = satisfied(7, 5);
        match row {
            0..=6 => values.products[2][row] += Fr::ONE,
            _ => values.fifths[1][row - 7] += Fr::ONE,
        }
        let beta = randoms(4);
        assert_ne!(sum(&values, &beta), Fr::ZERO, "row {row}");
        let f = perturbation(&row_errors(&values), &beta, random());
        assert_eq!(f.iter().all(|f| *f == Fr::ZERO), row == 0, "row {row}");
    }
}

#[test]
#[should_panic(expected = "each row has a weight")]
fn a_sum_with_too_few_weights() {
    sum(&values(5, 4), &randoms(3));
}

#[test]
#[should_panic(expected = "each row has a weight")]
fn a_quotient_with_too_few_weights() {
    let values = values(5, 4);
    quotient(&values, &values, &weights(&randoms(3), 9));
}

/// What a gadget gives and costs.
fn in_circuit<T>(body: impl FnOnce(&mut Gadget<'_, Recorder<Fr>>) -> T, constraints: usize) -> T {
    let mut recorder = Recorder::with_powers();
    let value = body(&mut Gadget::new(&mut recorder));
    assert_eq!(recorder.violated(), None);
    assert_eq!(recorder.total().constraints, constraints);
    value
}

#[test]
fn circuits_compute_the_same() {
    for t in [1, 2, 15, 18] {
        let (beta, delta, alpha) = (randoms(t), random(), random());
        let result = in_circuit(
            |g| {
                let nums: Vec<Num> = beta.iter().map(|value| g.alloc(*value)).collect();
                let (delta, alpha) = (g.alloc(delta), g.alloc(alpha));
                moved_in_circuit(g, &nums, &delta, &alpha)
            },
            2 * t - 1,
        );
        let result: Vec<Fr> = result.iter().map(Num::value).collect();
        assert_eq!(result, moved(&beta, delta, alpha));

        let (e, f) = (random(), randoms(t));
        let result = in_circuit(
            |g| {
                let nums: Vec<Num> = f.iter().map(|value| g.alloc(*value)).collect();
                let (e, alpha) = (g.alloc(e), g.alloc(alpha));
                evaluate_in_circuit(g, &e, &nums, &alpha)
            },
            t,
        );
        assert_eq!(result.value(), evaluate(e, &f, alpha));
    }
    for end in [Fr::ZERO, random()] {
        let (ends, k) = ([random(), end], core::array::from_fn(|_| random()));
        for x in [random(), Fr::ZERO, Fr::ONE] {
            let result = in_circuit(
                |g| {
                    let ends = ends.map(|value| g.alloc(value));
                    let k = k.map(|value| g.alloc(value));
                    let x = g.alloc(x);
                    on_line_in_circuit(g, [&ends[0], &ends[1]], &k, &x)
                },
                5,
            );
            assert_eq!(result.value(), on_line(ends, &k, x));
        }
    }
}
