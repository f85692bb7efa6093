//! Determinism: from the state, an event, the openings and the coordinator's key every variable of
//! the circuits follows by their constraints.
//!
//! The constraints alone are looked at, not their values. What is given is said in [`tables`]; then
//! variables are found one after the other: by constraints that are linear in the last unknown one,
//! make it a fifth power, or divide by what is known, and by groups of constraints of known forms
//! ([`structures`], each with the reason why it has one solution). What no variable is found by is
//! a check. Divisions, which are unique only where the divisor is not 0, and checks are pinned by
//! place. Taking away any one constraint leaves a variable open, or a check or a condition out.
//!
//! In an event without a valid target the preimage and the ballot under it are the prover's choice.
//! They are given like the other openings; another test shows that the state after does not depend
//! on them.
//!
//! What this cannot see:
//! * whether the function is the right one. A wrong rule, a wrong constant or a coefficient that is
//!   off determines as well as a right one. Tests with polls and forgeries compare with the
//!   protocol;
//! * whether the checks are enough. That the state's roots bind the openings, the poll's commitment
//!   its constants, and the key its bits rests on the pinned checks, on Poseidon and on the order
//!   of the group. A check that is made weaker under its old name and place (times a factor that is
//!   mostly 0) is not noticed;
//! * whether divisors are 0. The pinned conditions stand for arguments in the code, where each
//!   division is;
//! * whether every event has a witness (a constraint too many is a check that is not pinned, but a
//!   wrong one that determines is not seen), and what is a bit by an argument and not by a
//!   constraint (`Bit::assume`);
//! * whether what is recorded here is what is folded and proven. That both come from one function
//!   is in the crates that do so.

mod propagation;
mod structures;
mod system;
mod tables;

use std::collections::BTreeMap;
use std::thread;

use ff::Field;
use maci_nova_step_circuit::budget::REFERENCE;
use maci_nova_step_circuit::constraints::Constraints;
use maci_nova_step_circuit::membership::{self, MembershipCircuit};
use maci_nova_step_circuit::num::{Gadget, Num};
use maci_nova_step_circuit::recorder::Recorder;
use maci_nova_step_circuit::{Fr, Shape, StepCircuit, ARITY};
use nova_snark::frontend::{ConstraintSystem, LinearCombination};
use num_bigint::BigUint;
use rand_chacha::ChaCha20Rng;
use rand_core::{RngCore, SeedableRng};

use propagation::{analyse, Inventory, Report, Role};
use system::{single, Place, System};
use tables::{Given, Pinned};

/// Shapes for which keys and parameters are made, and one of several events a step.
const SHAPES: [Shape; 5] = [
    REFERENCE,
    shape(4, 1, 1),
    shape(2, 1, 1),
    shape(4, 2, 1),
    shape(2, 1, 3),
];

/// Constraints that are taken away, one at a time, from each circuit.
const REMOVALS: usize = 300;

const fn shape(state_depth: usize, vote_depth: usize, events_per_step: usize) -> Shape {
    Shape {
        state_depth,
        vote_depth,
        events_per_step,
    }
}

fn step(shape: Shape) -> System {
    step_of(&StepCircuit::blank(shape).record(&[]).recorder)
}

fn step_of(recorder: &Recorder) -> System {
    let given = tables::STEP_GIVEN.map(|Given { scope, which, .. }| (scope, which));
    System::new(recorder, ARITY, &given)
}

fn membership() -> System {
    let recorder = MembershipCircuit::blank().record(&[]).recorder;
    let given = tables::MEMBERSHIP_GIVEN.map(|Given { scope, which, .. }| (scope, which));
    System::new(&recorder, membership::INPUTS, &given)
}

/// What the tables say of a circuit.
struct Expected {
    conditions: Inventory,
    checks: Inventory,
}

impl Expected {
    /// The poll is opened once a step; everything else is once an event.
    fn of_step(events: usize) -> Self {
        let times = |scope: &str| if scope.starts_with("poll") { 1 } else { events };
        Expected {
            conditions: inventory(&tables::STEP_CONDITIONS, times),
            checks: inventory(&tables::STEP_CHECKS, times),
        }
    }

    fn of_membership() -> Self {
        Expected {
            conditions: inventory(&tables::MEMBERSHIP_CONDITIONS, |_| 1),
            checks: inventory(&tables::MEMBERSHIP_CHECKS, |_| 1),
        }
    }

    fn is(&self, report: &Report) -> bool {
        report.undetermined.is_empty()
            && report.conditions == self.conditions
            && report.checks == self.checks
    }

    /// # Panics
    /// When a circuit is not as expected, with the tables as they would have to be.
    fn check(&self, circuit: &str, system: &System, report: &Report) {
        let open: Vec<String> = report
            .undetermined
            .iter()
            .take(20)
            .map(|v| {
                let places = system.touching[*v].iter().map(|k| system.place(*k));
                format!("{v} in {:?}", places.take(3).collect::<Vec<_>>())
            })
            .collect();
        assert!(
            self.is(report),
            "{circuit}: {} variables are undetermined: {open:#?}\nconditions:\n{}checks:\n{}",
            report.undetermined.len(),
            tables::source(&report.conditions),
            tables::source(&report.checks),
        );
    }
}

fn inventory(pinned: &[Pinned], times: impl Fn(&str) -> usize) -> Inventory {
    let entry = |pinned: &Pinned| {
        let place = (pinned.scope.to_owned(), pinned.says.to_owned());
        (place, pinned.count * times(pinned.scope))
    };
    pinned.iter().map(entry).collect()
}

fn check_given(circuit: &str, system: &System, given: &[Given], shape: &Shape) {
    let expected: BTreeMap<&str, usize> = given
        .iter()
        .map(|given| (given.scope, (given.count)(shape)))
        .collect();
    let found = system.given_hints.iter();
    let found: BTreeMap<&str, usize> = found
        .map(|(scope, hints)| (&**scope, hints.len()))
        .collect();
    assert_eq!(found, expected, "{circuit}: hints that are given");
}

/// How many variables are open of those that `fill` makes from one input.
fn open(fill: impl FnOnce(&mut Gadget<'_, Recorder>, &Num)) -> usize {
    open_in(Recorder::default(), fill)
}

fn open_in(mut recorder: Recorder, fill: impl FnOnce(&mut Gadget<'_, Recorder>, &Num)) -> usize {
    let mut gadget = Gadget::new(&mut recorder);
    let input = gadget.alloc_input(Fr::from(12));
    fill(&mut gadget, &input);
    analyse(&System::new(&recorder, 1, &[]), None)
        .undetermined
        .len()
}

#[test]
fn what_is_open_is_seen() {
    let zero = Num::zero();
    assert_eq!(open(|g, a| drop(g.mul(a, a))), 0);
    assert_eq!(open(|g, _| drop(g.alloc(Fr::ONE))), 1);
    // A square has two roots, a product two factors, and zero times anything is zero.
    let square = open(|g, a| {
        let x = g.alloc(Fr::ONE);
        g.enforce("x x = a", &x, &x, a);
    });
    let product = open(|g, a| {
        let (x, y) = (g.alloc(Fr::ONE), g.alloc(Fr::ONE));
        g.enforce("x y = a", &x, &y, a);
    });
    let nothing = open(|g, _| {
        let x = g.alloc(Fr::ONE);
        g.enforce("0 x = 0", &zero, &x, &zero);
    });
    assert_eq!((square, product, nothing), (1, 2, 1));
    // Sums of bits with these weights: 1 + 3 = 4 has two forms; so has 0 = r.
    let weighted = |weights: &[u64]| {
        open(|g, a| {
            let bits: Vec<Num> = weights
                .iter()
                .map(|_| g.alloc_bit(true).num().clone())
                .collect();
            let weights: Vec<Fr> = weights.iter().copied().map(Fr::from).collect();
            g.enforce_equal("sum = a", &Num::dot(&bits, &weights), a);
        })
    };
    assert_eq!(weighted(&[1, 2, 4, 9]), 0);
    assert_eq!(weighted(&[1, 3, 4]), 3);
    assert_eq!(weighted(&[1, 1]), 2);
    assert_eq!(open(|g, a| drop(g.bits(a, 253))), 0);
    assert_eq!(open(|g, a| drop(g.bits(a, 254))), 254);
    assert_eq!(open(|g, a| drop(g.canonical_bits(a))), 0);
}

/// How many of some hints are open, which may be bits, beside an input y and the row `l^5 = o`,
/// whose combinations are made of one, y and the hints, in this order.
fn open_beside_power(hints: usize, are_bits: bool, [l, o]: [&[i64]; 2]) -> usize {
    let mut recorder = Recorder::with_powers();
    let input = recorder.alloc_input(|| "y", || Ok(Fr::from(12)));
    let mut variables = vec![<Recorder as ConstraintSystem<Fr>>::one()];
    variables.push(input.expect("a value"));
    for _ in 0..hints {
        let hint = recorder.alloc(|| "hint", || Ok(Fr::ONE)).expect("a value");
        if are_bits {
            let rest = |lc| lc + variables[0] - hint;
            recorder.enforce(|| "a bit", |lc| lc + hint, rest, |lc| lc);
        }
        variables.push(hint);
    }
    let combination = |coefficients: &[i64]| {
        let terms = coefficients.iter().zip(&variables);
        terms.fold(LinearCombination::zero(), |sum, (coefficient, variable)| {
            let size = Fr::from(coefficient.unsigned_abs());
            let coefficient = if *coefficient < 0 { -size } else { size };
            sum + (coefficient, *variable)
        })
    };
    recorder.enforce_power("l^5 = o", combination(l), combination(o));
    analyse(&System::new(&recorder, 1, &[]), None)
        .undetermined
        .len()
}

#[test]
fn what_is_open_beside_a_power_is_seen() {
    let powers = Recorder::with_powers;
    assert_eq!(open_in(powers(), |g, a| drop(g.fifth_power(a))), 0);
    let chain = |g: &mut Gadget<'_, Recorder>, a: &Num| {
        let fifth = g.fifth_power(a);
        let sum = a + &fifth;
        g.fifth_power(&sum);
    };
    assert_eq!(open_in(powers(), chain), 0);
    assert_eq!(open_in(powers(), |g, _| drop(g.alloc(Fr::ONE))), 1);
    let elements = |hints, rows| open_beside_power(hints, false, rows);
    // (1 + y)^5 = 2 x - 3 y says what x is, (1 + y)^5 = x_1 + x_2 only the sum.
    assert_eq!(elements(1, [&[1, 1], &[0, -3, 2]]), 0);
    assert_eq!(elements(2, [&[1, 1], &[0, 0, 1, 1]]), 2);
    // x^5 = x has more than one solution. So may x^5 = y + x.
    assert_eq!(elements(1, [&[0, 0, 1], &[0, 0, 1]]), 1);
    assert_eq!(elements(1, [&[0, 0, 1], &[0, 1, 1]]), 1);
    // x^5 = y and x^5 = 0 have one, which is not made use of. In y^5 = 12 there is no x.
    assert_eq!(elements(1, [&[0, 0, 1], &[0, 1]]), 1);
    assert_eq!(elements(1, [&[0, 0, 1], &[]]), 1);
    assert_eq!(elements(1, [&[0, 1], &[12]]), 1);
    // 2^5 = x_1 + 32 x_2 says what bits are. x_1^5 = x_2 + 2 x_3 does not: it would if it were the
    // product x_1 0 = x_2 + 2 x_3, as its rows are.
    let bits = |hints, rows| open_beside_power(hints, true, rows);
    assert_eq!(bits(2, [&[2], &[0, 0, 1, 32]]), 0);
    assert_eq!(bits(3, [&[0, 0, 1], &[0, 0, 0, 1, 2]]), 3);
}

/// Every element has one fifth root: 5 does not divide r - 1, so x^5 permutes the units, and 0 is
/// the fifth power of 0 alone. The analysis above does without; Poseidon's S-box has to be a
/// permutation, and a variable that stands only in what is raised is bound by the power.
#[test]
fn fifth_powers_are_a_permutation() {
    let units = system::modulus() - 1u8;
    assert_ne!(&units % 5u8, BigUint::ZERO);
    // The inverse of 5 modulo r - 1 takes the roots.
    let inverse = (1u8..5).find_map(|k| {
        let multiple = &units * k + 1u8;
        (&multiple % 5u8 == BigUint::ZERO).then(|| multiple / 5u8)
    });
    let inverse = inverse.expect("5 is a unit").to_u64_digits();
    for x in (0..20).map(|x| -Fr::from(x)) {
        assert_eq!(x.pow_vartime([5]).pow_vartime(&inverse), x);
    }
}

#[test]
fn a_step_is_a_function() {
    for shape in SHAPES {
        let circuit = format!("{shape:?}");
        let system = step(shape);
        check_given(&circuit, &system, &tables::STEP_GIVEN, &shape);
        let expected = Expected::of_step(shape.events_per_step);
        expected.check(&circuit, &system, &analyse(&system, None));
    }
}

/// Without power rows too, as batches and the library have it.
#[test]
fn a_step_of_products_is_a_function() {
    for shape in [REFERENCE, shape(2, 1, 3)] {
        let system = step_of(&StepCircuit::blank(shape).record_plain(&[]).recorder);
        check_given("products", &system, &tables::STEP_GIVEN, &shape);
        let expected = Expected::of_step(shape.events_per_step);
        expected.check("products", &system, &analyse(&system, None));
    }
}

#[test]
fn a_membership_is_a_function() {
    let system = membership();
    check_given("membership", &system, &tables::MEMBERSHIP_GIVEN, &REFERENCE);
    Expected::of_membership().check("membership", &system, &analyse(&system, None));
}

/// Which outputs follow without the target's preimage and the ballot under it, in an event of this
/// kind (join, vote, top-up, bundle), with a valid target or without.
fn outputs_without_target(kind: [u64; 4], has_target: bool) -> [bool; ARITY] {
    let mut system = step(shape(2, 1, 1));
    let mut fixed: Vec<(usize, Fr)> = (0..4)
        .map(|i| (system.given_hints["event"][i], Fr::from(kind[i])))
        .collect();
    let own_leaf = |k: &usize| system.place(*k).1 == "own leaf";
    let own_leaf = (0..system.constraints.len()).find(own_leaf);
    let own_leaf = &system.constraints[own_leaf.expect("the preimage is bound by it")];
    let is_valid = single(&own_leaf.a).expect("one variable says that there is a target");
    fixed.extend((!has_target).then_some((is_valid, Fr::ZERO)));
    // The leaf itself is the state's; its preimage comes after it, then siblings.
    let preimage = system.given_hints["state leaf"][1..6].to_vec();
    for variable in preimage.iter().chain(&system.given_hints["vote tree"]) {
        system.given[*variable] = false;
    }
    system.fix(&fixed);
    let undetermined = analyse(&system, None).undetermined;
    let outputs = system.given.len() - ARITY;
    core::array::from_fn(|i| !undetermined.contains(&(outputs + i)))
}

#[test]
fn what_nothing_binds_changes_nothing() {
    const JOIN: [u64; 4] = [1, 0, 0, 0];
    const VOTE: [u64; 4] = [0, 1, 0, 0];
    const TOP_UP: [u64; 4] = [0, 0, 1, 0];
    const BUNDLE: [u64; 4] = [0, 0, 0, 1];
    const BLIND: [u64; 4] = [0, 0, 0, 0];
    for kind in [BLIND, JOIN, VOTE, TOP_UP, BUNDLE] {
        let follow = outputs_without_target(kind, false);
        assert_eq!(follow, [true; ARITY], "{kind:?}");
    }
    // Where there is a target, the state root follows from its preimage, and the tally root from
    // the weight that a vote replaces.
    let [.., state_root, tally_root] = outputs_without_target(VOTE, true);
    assert_eq!((state_root, tally_root), (false, false));
    let [.., state_root, tally_root] = outputs_without_target(TOP_UP, true);
    assert_eq!((state_root, tally_root), (false, true));
}

#[test]
fn no_constraint_of_a_step_can_be_missing() {
    no_constraint_can_be_missing(&step(REFERENCE), &Expected::of_step(1));
}

#[test]
fn no_constraint_of_a_membership_can_be_missing() {
    no_constraint_can_be_missing(&membership(), &Expected::of_membership());
}

/// Constraints are taken away one at a time, of each place and role at least one.
fn no_constraint_can_be_missing(system: &System, expected: &Expected) {
    let roles = analyse(system, None).roles;
    let chosen = spread(system, &roles, REMOVALS);
    let half = chosen.len().div_ceil(2);
    thread::scope(|scope| {
        for chosen in chosen.chunks(half) {
            let roles = &roles;
            scope.spawn(move || {
                for k in chosen {
                    let report = analyse(system, Some(*k));
                    let place = system.place(*k);
                    assert!(
                        !expected.is(&report),
                        "constraint {k}, {place:?}, is not missed"
                    );
                    // A check is missed as itself: nothing else depends on it.
                    let is_open = !report.undetermined.is_empty();
                    let divides = report.conditions != expected.conditions;
                    let is_check = roles[*k] == Role::Check;
                    assert!(
                        !is_check || !is_open && !divides,
                        "constraint {k}, {place:?}"
                    );
                }
            });
        }
    });
}

/// So many constraints, taken in turn from all places and roles.
fn spread(system: &System, roles: &[Role], count: usize) -> Vec<usize> {
    let mut rng = ChaCha20Rng::seed_from_u64(300);
    let mut kinds: BTreeMap<(&Place, Role), Vec<usize>> = BTreeMap::new();
    for (k, role) in roles.iter().enumerate() {
        kinds.entry((system.place(k), *role)).or_default().push(k);
    }
    assert!(kinds.len() <= count, "{} kinds of constraints", kinds.len());
    let mut chosen = Vec::with_capacity(count);
    while chosen.len() < count {
        for members in kinds.values_mut() {
            if !members.is_empty() && chosen.len() < count {
                let at = rng.next_u64() as usize % members.len();
                chosen.push(members.swap_remove(at));
            }
        }
    }
    chosen
}
