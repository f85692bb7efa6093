use maci_nova_step_circuit::{num::Gadget, recorder::Recorder, testing::small_poll};
use maci_nova_step_circuit::{Shape, StepCircuit, StepFunction};
use rand_core::OsRng;

use super::*;
use crate::augmented::{self, Inputs};

fn randoms(count: usize) -> Vec<Fr> {
    (0..count).map(|_| Fr::random(OsRng)).collect()
}

/// `z' = (z_2^2, z_0, z_1^5)`.
struct Rotate;

impl StepFunction for Rotate {
    fn arity(&self) -> usize {
        3
    }

    fn fill<CS: Constraints<Fr>>(
        &self,
        g: &mut Gadget<'_, CS>,
        z: &[maci_nova_step_circuit::num::Num],
    ) -> Vec<maci_nova_step_circuit::num::Num> {
        let square = g.mul(&z[2], &z[2]);
        vec![
            square,
            z[0].clone(),
            g.fifth_power(&z[1].add_constant(Fr::ONE)),
        ]
    }
}

/// The step alone, with what it leaves as public inputs.
fn fill_alone<CS: Constraints<Fr>>(g: &mut Gadget<'_, CS>) {
    let z: Vec<_> = (5..8).map(|value| g.alloc(Fr::from(value))).collect();
    let next = Rotate.fill(g, &z);
    for value in &next {
        g.publish(value);
    }
}

/// Rows that `fill` records, compared with what the same gadget tells of its rows' values and with
/// what a recorder keeps of it.
struct Three {
    rows: Rows,
    told: Values<Fr>,
    recorder: Recorder<Fr>,
}

macro_rules! three {
    ($fill:expr) => {{
        let (rows, _) = Rows::record(|rows| $fill(&mut Gadget::new(rows)));
        let mut told = Values::with_powers();
        $fill(&mut Gadget::new(&mut told));
        let mut recorder = Recorder::with_powers();
        $fill(&mut Gadget::new(&mut recorder));
        let three = Three {
            rows,
            told,
            recorder,
        };
        three.agree();
        three
    }};
}

impl Three {
    fn agree(&self) {
        let Three {
            rows,
            told,
            recorder,
        } = self;
        assert_eq!(rows.variables(), told.witness.len());
        assert_eq!(rows.inputs(), told.inputs.len());
        assert_eq!(rows.products(), told.products[0].len());
        assert_eq!(rows.powers(), told.fifths[0].len());
        let total = recorder.total();
        assert_eq!(rows.count(), total.constraints);
        assert_eq!(rows.powers(), total.powers);
        assert_eq!(rows.entries(), total.entries);
        let multiplied = rows.values(&told.witness, &told.inputs);
        assert!(multiplied == *told, "what the gadget told of its rows");
        assert!(recorder.values() == *told, "what was recorded");
        // Every entry, by values that satisfy nothing: here all inputs are the last variables.
        for _ in 0..2 {
            let (w, x) = (randoms(rows.variables()), randoms(rows.inputs()));
            let assignment = [&[Fr::ONE][..], &w, &x].concat();
            assert_eq!(assignment.len(), recorder.assignment().len());
            let value =
                |row: &[(usize, Fr)]| -> Fr { row.iter().map(|(v, c)| assignment[*v] * c).sum() };
            let mut expected = Values::with_powers();
            for constraint in recorder.constraints() {
                let values = [&constraint.a, &constraint.b, &constraint.c].map(|row| value(row));
                match constraint.kind {
                    maci_nova_step_circuit::recorder::Kind::Product => {
                        expected.product_values(values);
                    }
                    maci_nova_step_circuit::recorder::Kind::Power => {
                        expected.power_values([values[0], values[2]]);
                    }
                }
            }
            let values = rows.values(&w, &x);
            assert!(values.products == expected.products);
            assert!(values.fifths == expected.fifths);
        }
    }
}

#[test]
fn rows_are_those_of_the_gadget() {
    let three = three!(fill_alone);
    assert_eq!((three.rows.products(), three.rows.powers()), (4, 1));
    assert_eq!((three.rows.variables(), three.rows.inputs()), (5, 3));
}

/// The augmented circuit around a small function, and around a poll's step, at the first step and
/// at a later one (whose values need not belong together: constraints are not looked at).
#[test]
fn rows_of_the_augmented_circuit_are_those_of_the_gadget() {
    const T: usize = 15;
    let around =
        |inputs: &Inputs| three!(|g: &mut Gadget<'_, _>| augmented::fill(g, inputs, &Rotate));
    let z0 = [2, 3, 4].map(Fr::from);
    let first = Inputs::first(Fr::from(9), &z0, Fr::from(11), T);
    let mut later = Inputs {
        step: 5,
        salt: Fr::from(77),
        f: randoms(T),
        k: core::array::from_fn(|_| Fr::random(OsRng)),
        ..first.clone()
    };
    later.running.beta = randoms(T);
    later.running.e = Fr::random(OsRng);
    later.cyclefold.u = Fr::from(1 << 40);
    let digests = [&first, &later].map(|inputs| around(inputs).rows.digest());
    assert_eq!(digests[0], digests[1], "rows do not depend on values");
}

/// Parameters' rows are recorded before their digest is known.
#[test]
fn the_last_constant_can_be_put_in_later() {
    let z0 = [2, 3, 4].map(Fr::from);
    let rows = |digest| {
        let inputs = Inputs::first(digest, &z0, Fr::ONE, 15);
        Rows::record(|rows| augmented::fill(&mut Gadget::new(rows), &inputs, &Rotate)).0
    };
    let (mut later, known) = (rows(Fr::ZERO), rows(Fr::from(99)));
    assert_ne!(later.digest(), known.digest());
    later.set_last_constant(Fr::from(99));
    assert_eq!(later.digest(), known.digest());
    let (w, x) = (randoms(known.variables()), randoms(2));
    assert!(later.values(&w, &x) == known.values(&w, &x));
}

#[test]
fn rows_around_a_polls_step_are_those_of_the_gadget() {
    let poll = small_poll(2, 1);
    let step = poll.steps().next().expect("a step").expect("prepared");
    let blank = StepCircuit::blank(Shape::new(2, 1, 1).expect("in range"));
    let digests = [step, blank].map(|step| {
        let z0 = step.before().to_array();
        let inputs = Inputs::first(Fr::from(9), &z0, Fr::from(11), 15);
        let three = three!(|g: &mut Gadget<'_, _>| augmented::fill(g, &inputs, &step));
        assert!(three.recorder.violated().is_none());
        three.rows.digest()
    });
    assert_eq!(digests[0], digests[1], "rows do not depend on values");
}

/// The terms that are handed out are those that rows are multiplied with.
#[test]
fn rows_can_be_read() {
    let rows = three!(fill_alone).rows;
    let (w, x) = (randoms(rows.variables()), randoms(rows.inputs()));
    let z = [&w[..], &[Fr::ONE], &x].concat();
    let value = |terms: &[Term]| -> Fr { terms.iter().map(|(c, column)| *c * z[*column]).sum() };
    let values = rows.values(&w, &x);
    for i in 0..rows.products() {
        let row = rows.product(i);
        assert_eq!(
            [0, 1, 2].map(|k| value(&row[k])),
            [0, 1, 2].map(|k| values.products[k][i])
        );
    }
    for i in 0..rows.powers() {
        let row = rows.power(i);
        assert_eq!(
            [0, 1].map(|k| value(&row[k])),
            [0, 1].map(|k| values.fifths[k][i])
        );
    }
}

/// Each matrix, the order of the rows of each kind, and each size. (Kinds are another test's:
/// `engine::forgeries::parameters`.)
#[test]
fn the_digest_covers_every_part() {
    let fill = |extra: usize, inputs: usize| {
        let (rows, ()) = Rows::record(|rows| {
            let g = &mut Gadget::new(rows);
            fill_alone(g);
            fill_alone(g);
            for _ in 0..extra {
                g.alloc(Fr::ONE);
            }
            for _ in 0..inputs {
                g.alloc_input(Fr::ONE);
            }
        });
        rows
    };
    let before = fill(0, 0);
    let mut digests = vec![before.digest(), fill(1, 0).digest(), fill(0, 1).digest()];
    for matrix in 0..5 {
        let mut rows = before.clone();
        rows.change_entry(matrix);
        digests.push(rows.digest());
    }
    for (power, i, j) in [(false, 0, 1), (false, 1, 2), (true, 0, 1)] {
        let mut rows = before.clone();
        rows.exchange(power, i, j);
        assert_eq!(rows.entries(), before.entries());
        digests.push(rows.digest());
        rows.exchange(power, j, i);
        assert_eq!(rows.digest(), before.digest());
    }
    // An entry that moves to the next row.
    let mut rows = before.clone();
    rows.products[0].ends[0] += 1;
    digests.push(rows.digest());
    let mut rows = before.clone();
    rows.powers[1].entries[0].column += 1;
    digests.push(rows.digest());
    let count = digests.len();
    digests.sort_unstable();
    digests.dedup();
    assert_eq!(digests.len(), count);
}

/// Coefficients are kept once each, which changes nothing of what rows are.
#[test]
fn coefficients_of_zero_have_no_entries() {
    let (rows, ()) = Rows::record(|rows: &mut RowsBuilder| {
        let [a, b] = [0, 1].map(|_| rows.alloc(|| "", || Ok(Fr::ONE)).expect("a variable"));
        let x = rows.alloc_input(|| "", || Ok(Fr::ONE)).expect("an input");
        let zero = LinearCombination::zero;
        let seven = Fr::from(7);
        rows.enforce(
            || "",
            |_| zero() + (seven, x) + (seven, b) + (Fr::ZERO, a),
            |_| zero() + (seven, RowsBuilder::one()),
            |_| zero() + a - a,
        );
    });
    // Columns: a, b, 1, x.
    let seven = Fr::from(7);
    assert_eq!(
        rows.product(0),
        [vec![(seven, 1), (seven, 3)], vec![(seven, 2)], vec![]]
    );
    assert_eq!(rows.coefficients, [seven]);
    assert_eq!((rows.entries(), rows.count()), (3, 1));
}

#[test]
#[should_panic(expected = "left == right")]
fn witnesses_of_other_lengths_have_no_values() {
    let rows = three!(fill_alone).rows;
    rows.values(&randoms(rows.variables() + 1), &randoms(rows.inputs()));
}
