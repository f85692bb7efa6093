//! Assignments that differ from an honest one in one place, and the circuit's independence of
//! values.

use std::collections::BTreeMap;

use ark_bn254::Fr as ArkFr;
use ark_ff::{AdditiveGroup, Field as _};
use maci_nova_folding::relation::Instance;
use maci_nova_groth16::adapter::Assignment;
use maci_nova_step_circuit::testing::silent_poll;
use nova_snark::frontend::{util_cs::witness_cs::WitnessCS, ConstraintSystem as _};
use rand_core::OsRng;
use rayon::prelude::*;

use super::{
    tests::{decider, witness, witness_of},
    *,
};
use crate::{decider::Salt, tests::fold};

const CHALLENGE: u64 = 0x1234_5678_9abc_def0;

/// By how much a variable may change while all others stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Freedom {
    /// By anything.
    Any,
    /// By this alone.
    By(ArkFr),
    /// Not at all.
    Bound,
}

impl Freedom {
    /// In a row `a b = c` where the variable has these coefficients in a, b and c. A change by d
    /// is not noticed if
    /// ```text
    /// (a + α d)(b + β d) - (c + γ d) = d (α b + β a - γ + α β d) = 0
    /// ```
    fn in_row([alpha, beta, gamma]: [ArkFr; 3], a: ArkFr, b: ArkFr) -> Self {
        let slope = alpha * b + beta * a - gamma;
        let square = alpha * beta;
        let zero = ArkFr::ZERO;
        match square.inverse() {
            None if slope == zero => Freedom::Any,
            Some(inverse) if slope != zero => Freedom::By(-slope * inverse),
            _ => Freedom::Bound,
        }
    }

    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Freedom::Any, other) => other,
            (own, Freedom::Any) => own,
            (own, other) if own == other => own,
            _ => Freedom::Bound,
        }
    }
}

fn value(row: &[(ArkFr, usize)], values: &[ArkFr]) -> ArkFr {
    row.iter().map(|(factor, i)| *factor * values[*i]).sum()
}

/// For each variable by how much it may change alone: exact, without any value being tried.
fn freedoms(matrices: &Matrices, assignment: &Assignment) -> Vec<Freedom> {
    let values = assignment.values();
    let mut freedoms = vec![Freedom::Any; values.len()];
    let [a, b, c] = &matrices.rows();
    for ((a, b), c) in a.iter().zip(b).zip(c) {
        let mut entries: Vec<(usize, usize, ArkFr)> = vec![];
        for (k, row) in [a, b, c].into_iter().enumerate() {
            entries.extend(row.iter().map(|(factor, variable)| (*variable, k, *factor)));
        }
        entries.sort_unstable_by_key(|(variable, ..)| *variable);
        let (a, b) = (value(a, values), value(b, values));
        for entries in entries.chunk_by(|one, other| one.0 == other.0) {
            let variable = entries[0].0;
            if freedoms[variable] == Freedom::Bound {
                continue;
            }
            let mut coefficients = [ArkFr::ZERO; 3];
            for (_, k, factor) in entries {
                coefficients[*k] += factor;
            }
            freedoms[variable] = freedoms[variable].and(Freedom::in_row(coefficients, a, b));
        }
    }
    freedoms
}

/// The values of all variables, and the constraint of the library's gadgets that they violate.
fn assignment(witness: &Witness) -> Assignment {
    let mut cs = WitnessCS::<Fr>::new();
    let mut g = Gadget::new(&mut cs);
    let filled = decider().fill(&mut g, witness, Fr::from(CHALLENGE));
    filled.expect("filled");
    assert_eq!(g.violated(), None);
    Assignment::from(&cs)
}

/// A true witness of a poll of other events: no messages.
fn silent_witness() -> Witness {
    let silent = silent_poll(2, 1);
    let running = fold(&silent, 0..=silent.transitions.len() - 1);
    witness_of(&running, &silent.results)
}

/// A proof of one step: U and U_cf are all zero.
fn first_step_witness() -> Witness {
    let silent = silent_poll(2, 1);
    let results = vec![OptionResult::default(); 5];
    witness_of(&fold(&silent, 0..=0), &results)
}

#[test]
fn a_free_variable_is_found() {
    let one = ArkFr::from(1);
    // x (1 - x) = 0, at x = 1: x may be 0 as well.
    let bit = Freedom::in_row([one, -one, ArkFr::ZERO], one, ArkFr::ZERO);
    assert_eq!(bit, Freedom::By(-one));
    // x y = z at y = 0: x is free, z is not.
    let factor = Freedom::in_row([one, ArkFr::ZERO, ArkFr::ZERO], one, ArkFr::ZERO);
    assert_eq!(factor, Freedom::Any);
    let product = Freedom::in_row([ArkFr::ZERO, ArkFr::ZERO, one], one, ArkFr::ZERO);
    assert_eq!(product, Freedom::Bound);
    // (x - 2)^2 = 0 has one root only.
    let root = Freedom::in_row([one, one, ArkFr::ZERO], ArkFr::ZERO, ArkFr::ZERO);
    assert_eq!(root, Freedom::Bound);
    assert_eq!(bit.and(factor), bit);
    assert_eq!(bit.and(Freedom::By(one)), Freedom::Bound);
}

/// Every variable of the circuit, public, committed and witness ones: no other value of it alone
/// satisfies all the rows that it stands in. There are no exceptions.
#[test]
fn every_variable_is_bound() {
    let matrices = decider().matrices().expect("made");
    for witness in [witness(), silent_witness(), first_step_witness()] {
        let assignment = assignment(&witness);
        assert!(matrices.fits(&assignment));
        assert_eq!(matrices.violated(&assignment), None);
        let freedoms = freedoms(&matrices, &assignment);
        let free = freedoms
            .iter()
            .enumerate()
            .skip(1)
            .find(|(_, freedom)| **freedom != Freedom::Bound);
        assert_eq!(free, None, "of {} instance variables", matrices.instance());
    }
    // Without its last row, which is the equation for e, the circuit leaves e free.
    let assignment = assignment(&witness());
    let mut rows = matrices.rows();
    rows.iter_mut().for_each(|matrix| {
        matrix.pop();
    });
    let shorter = Matrices::from_rows(matrices.instance(), matrices.witness(), &rows);
    assert_eq!(freedoms(&shorter, &assignment)[3], Freedom::Any);
}

/// The constraints are those of the shape, whatever values they are made with.
#[test]
fn the_constraints_do_not_depend_on_values() {
    let blank = decider().matrices().expect("made").digest();
    for witness in [witness(), silent_witness()] {
        let filled = Matrices::record(|cs| {
            let mut g = Gadget::new(cs);
            let filled = decider().fill(&mut g, &witness, Fr::from(CHALLENGE));
            filled.map_err(|_| SynthesisError::Unsatisfiable(String::new()))
        });
        assert_eq!(filled.expect("made").digest(), blank);
    }
}

/// Runs a part of the circuit with each of its hints replaced, everything after it computed anew:
/// each time a constraint must be violated. Returns the number of hints.
fn every_hint_is_noticed(
    run: impl Fn(&[(usize, Fr)]) -> (Vec<Fr>, Option<&'static str>) + Sync,
) -> usize {
    let (hints, violated) = run(&[]);
    assert_eq!(violated, None);
    hints.par_iter().enumerate().for_each(|(hint, honest)| {
        for other in [*honest + Fr::ONE, Fr::ONE - honest, Fr::random(OsRng)] {
            if other != *honest {
                let (_, violated) = run(&[(hint, other)]);
                assert!(violated.is_some(), "hint {hint} can as well be {other:?}");
            }
        }
    });
    hints.len()
}

/// The hashes and the foldings' scalars: number of steps, salt, U, F, K, the challenge's bits, the
/// random claim.
#[test]
fn every_hint_of_the_foldings_is_noticed() {
    let witness = witness();
    let instance = witness
        .foldings
        .fold(decider().engine(), &witness.statement())
        .expect("folded");
    let agreed = decider().agreed(&witness).expect("values");
    let Instance { commitment, u, x } = &witness.foldings.cyclefold;
    let native = |value: &Fq| nonnative::to_native(&BigInt::from(integer(value)));
    let number = |value: &Fr| Num::from_value(*value);
    let (px, py) = coordinates::<Secondary>(commitment);
    let cyclefold = CycleFold {
        commitment: [px, py].map(Num::from_value),
        u: Num::from_value(native(u)),
        x: x.iter()
            .map(|value| Num::from_value(native(value)))
            .collect(),
    };
    let folded_x: Vec<Num> = instance.x.iter().map(number).collect();
    let run = |replacements: &[(usize, Fr)]| {
        let mut cs = WitnessCS::<Fr>::new();
        let mut g = Gadget::with_replacements(&mut cs, replacements);
        let v = agreed.map(number);
        let states = [witness.z0, witness.z].map(|state| state.map(|value| number(&value)));
        decider().fold(&mut g, &witness, &cyclefold, (&states, &v), &folded_x);
        (g.hints().to_vec(), g.violated())
    };
    let hints = every_hint_is_noticed(run);
    assert!(hints > STEP_BITS + 254);
    // No step at all, and more than there may be: the number less one is the first hint.
    for steps_less_one in [-Fr::ONE, Fr::from(1 << STEP_BITS)] {
        let (_, violated) = run(&[(0, steps_less_one)]);
        assert_eq!(violated, Some("sum of bits = a"));
    }
}

/// Of an end's hints only the salt of a state that is shown is free: nothing depends on it.
#[test]
fn every_hint_of_an_end_is_noticed() {
    const SALT: usize = 2;
    let state = witness().z;
    let number = |value: Fr| Num::from_value(value);
    for end in [End::State, End::Link(Salt::random())] {
        let words = end.words(&state).map(number);
        let run = |replacements: &[(usize, Fr)]| {
            let mut cs = WitnessCS::<Fr>::new();
            let mut g = Gadget::with_replacements(&mut cs, replacements);
            enforce_shown(&mut g, &words, &state.map(number), end.salt());
            (g.hints().to_vec(), g.violated())
        };
        let (hints, violated) = run(&[]);
        assert_eq!((hints.len(), violated), (3, None));
        let hidden = matches!(end, End::Link(_));
        for (hint, honest) in hints.iter().enumerate() {
            for other in [*honest + Fr::ONE, Fr::ONE - honest, Fr::random(OsRng)] {
                let noticed = run(&[(hint, other)]).1.is_some();
                let bound = other != *honest && (hidden || hint != SALT);
                assert_eq!(noticed, bound, "hint {hint} of {end:?}");
            }
        }
    }
}

/// The arithmetic modulo q: quotients, carries, reduced sums, in rows of every kind.
#[test]
fn every_hint_of_the_cyclefold_relation_is_noticed() {
    let witness = witness();
    let shape = decider().engine().secondary().shape();
    let instance = &witness.foldings.cyclefold;
    let scalars = witness.cyclefold_w.iter().chain([&instance.u]);
    let z: Vec<Integer> = scalars.chain(&instance.x).map(fixed).collect();
    let z: Vec<&Integer> = z.iter().collect();
    let u = z[shape.num_vars()];
    let mut sizes = BTreeMap::new();
    for row in 0..shape.num_cons() {
        let error = fixed(&witness.cyclefold_e[row]);
        let run = |replacements: &[(usize, Fr)]| {
            let mut cs = WitnessCS::<Fr>::new();
            let mut g = Gadget::with_replacements(&mut cs, replacements);
            relation_modulo_q(&mut g, shape, row, &z, [u, &error]);
            (g.hints().to_vec(), g.violated())
        };
        let hints = run(&[]).0.len();
        // Two rows of each size; all rows take minutes.
        let seen: &mut usize = sizes.entry(hints).or_default();
        *seen += 1;
        if *seen <= 2 {
            every_hint_is_noticed(run);
        }
    }
    assert!(sizes.len() > 1, "rows with and without reduced sums");
}

/// An element as an integer without variables.
fn fixed(value: &Fq) -> Integer {
    let value = integer(value);
    let mask = (BigUint::from(1u8) << nonnative::LIMB_BITS) - 1u8;
    let limb = |k: usize| BigInt::from((&value >> (k * nonnative::LIMB_BITS)) & &mask);
    let limbs = core::array::from_fn(|k| Num::from_value(nonnative::to_native(&limb(k))));
    Integer::from_limbs(limbs, value, 255)
}

/// All of part 4, at places throughout: `pedersen`'s own test replaces every hint of one scalar.
#[test]
fn hints_of_the_whole_cyclefold_part_are_noticed() {
    let witness = witness();
    let run = |replacements: &[(usize, Fr)]| {
        let mut cs = WitnessCS::<Fr>::new();
        let mut g = Gadget::with_replacements(&mut cs, replacements);
        decider().cyclefold(&mut g, &witness);
        (g.hints().to_vec(), g.violated())
    };
    let (hints, violated) = run(&[]);
    assert_eq!(violated, None);
    const PLACES: usize = 16;
    (0..PLACES).into_par_iter().for_each(|i| {
        let hint = (hints.len() - 1) * i / (PLACES - 1);
        let (_, violated) = run(&[(hint, Fr::ONE - hints[hint])]);
        assert!(violated.is_some(), "hint {hint} of {}", hints.len());
    });
}
