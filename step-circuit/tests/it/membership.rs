//! A voter's membership: the circuit against the native check, and what a voter who leaves the
//! honest path cannot do.

use ff::{Field, PrimeField};
use maci_nova_protocol::babyjub::{Point, Scalar};
use maci_nova_protocol::lean_imt::{LeanImt, Level, Path};
use maci_nova_protocol::membership::{
    leaf, Binding, JoinStatement, MembershipError, Nullifier, Scope, Witness, MAX_DEPTH,
};
use maci_nova_protocol::poseidon::hash;
use maci_nova_step_circuit::babyjub::SCALAR_BITS;
use maci_nova_step_circuit::membership::{MembershipCircuit, INPUTS};
use maci_nova_step_circuit::num::Gadget;
use maci_nova_step_circuit::Fr;
use nova_snark::frontend::util_cs::witness_cs::WitnessCS;
use nova_snark::frontend::ConstraintSystem;
use num_bigint::BigUint;
use rand_chacha::ChaCha20Rng;
use rand_core::{RngCore, SeedableRng};

/// Hints of a level: whether it is used, its side, its sibling. The levels' are the last hints.
const LEVEL_HINTS: usize = 3;
const USED: usize = 0;
const SIDE: usize = 1;
const SIBLING: usize = 2;

const NOT_IN_THE_TREE: Option<&str> = Some("the key is in the tree");
const OTHER_NULLIFIER: Option<&str> = Some("the nullifier is the key's");

fn rng() -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(77)
}

fn scope() -> Scope {
    Scope(Fr::from(1234))
}

fn binding() -> Binding {
    Binding(Fr::from(5678))
}

fn key(secret: &Scalar) -> Point {
    Point::mul_base8(&secret.to_bytes())
}

/// A tree that was never built: siblings and sides at random.
fn random_path(depth: usize) -> Path {
    let mut rng = rng();
    let level = |_| Level {
        sibling: Fr::random(&mut rng),
        is_right: rng.next_u32() & 1 == 1,
    };
    Path {
        levels: (0..depth).map(level).collect(),
    }
}

fn witness(secret: Scalar, path: Path) -> Witness {
    Witness::of_scalar(secret, path).expect("a path of at most 32 levels")
}

fn statement(witness: &Witness) -> JoinStatement {
    witness.statement(scope(), binding())
}

/// A member at this depth.
fn member(secret: u64, depth: usize) -> (JoinStatement, Witness) {
    let witness = witness(Scalar::from(secret), random_path(depth));
    (statement(&witness), witness)
}

/// The tree of the keys 1 to n, whose index is one less.
fn tree(n: u64) -> LeanImt {
    let mut tree = LeanImt::new();
    for secret in 1..=n {
        tree.insert(leaf(&key(&Scalar::from(secret))))
            .expect("another key each time");
    }
    tree
}

/// The first constraint that a claim violates, some hints replaced.
fn violation(
    statement: JoinStatement,
    witness: &Witness,
    replacements: &[(usize, Fr)],
) -> Option<&'static str> {
    let mut cs = WitnessCS::<Fr>::new();
    let mut gadget = Gadget::with_replacements(&mut cs, replacements);
    MembershipCircuit::from_claims(statement, witness.clone()).fill(&mut gadget);
    gadget.violated()
}

/// The number of a level's hint.
fn hint(hints: usize, level: usize, which: usize) -> usize {
    hints - LEVEL_HINTS * (MAX_DEPTH - level) + which
}

fn hints() -> usize {
    MembershipCircuit::blank().record(&[]).hints.len()
}

fn accept(statement: JoinStatement, witness: &Witness) {
    let circuit = MembershipCircuit::prepare(statement, witness.clone()).expect("a true statement");
    let recording = circuit.record(&[]);
    assert_eq!(recording.violated, None);
    assert!(recording.recorder.violated().is_none());
    // The inputs come first, in order.
    let inputs = &recording.recorder.assignment()[1..=INPUTS];
    assert_eq!(inputs, statement.to_array());
    // A generator of witnesses alone comes to the same values.
    let mut cs = WitnessCS::<Fr>::new();
    circuit.fill(&mut Gadget::new(&mut cs));
    assert_eq!(cs.input_assignment()[1..], statement.to_array());
    let others = &recording.recorder.assignment()[1 + INPUTS..];
    assert_eq!(cs.aux_assignment(), others);
}

fn refuse(statement: JoinStatement, witness: &Witness, reason: Option<&str>) {
    assert!(MembershipCircuit::prepare(statement, witness.clone()).is_err());
    assert_eq!(violation(statement, witness, &[]), reason);
}

#[test]
fn edges_of_scalars_and_depths() {
    let mut rng = rng();
    let scalars = [
        Scalar::ZERO,
        Scalar::ONE,
        Scalar::from(2),
        -Scalar::ONE,
        Scalar::random(&mut rng),
    ];
    for secret in scalars {
        for depth in [0, 1, 2, 31, 32] {
            let witness = witness(secret, random_path(depth));
            accept(statement(&witness), &witness);
        }
    }
}

#[test]
fn members_of_real_trees() {
    for n in [1, 2, 3, 5, 8, 13] {
        let tree = tree(n);
        for secret in 1..=n {
            let path = tree.path(secret as usize - 1).expect("in the tree");
            let witness = witness(Scalar::from(secret), path);
            let statement = statement(&witness);
            assert_eq!(Some(statement.root), tree.root());
            accept(statement, &witness);
        }
    }
}

/// The last of 33 leaves is carried up five levels and has one sibling.
#[test]
fn a_leaf_that_is_carried_up() {
    let tree = tree(33);
    let path = tree.path(32).expect("in the tree");
    assert_eq!((tree.depth(), path.levels.len()), (6, 1));
    let witness = witness(Scalar::from(33), path);
    accept(statement(&witness), &witness);
}

/// s + l has the key of s and would have another nullifier. Whatever the voter says of the
/// comparison with l, it is refused.
#[test]
fn the_secret_plus_the_order() {
    let (honest, witness) = member(9, 2);
    let order = BigUint::from_bytes_le((-Scalar::ONE).to_repr().as_ref()) + 1u8;
    let other = order + 9u8;
    let bits: Vec<(usize, Fr)> = (0..SCALAR_BITS)
        .map(|i| (i, Fr::from(u64::from(other.bit(i as u64)))))
        .collect();
    let element = bits
        .iter()
        .rev()
        .fold(Fr::ZERO, |sum, (_, bit)| sum.double() + bit);
    let second = JoinStatement {
        nullifier: Nullifier(hash(&[element, scope().0])),
        ..honest
    };
    assert_ne!(second.nullifier, honest.nullifier);
    assert_eq!(violation(second, &witness, &bits), Some("sk < ℓ"));
    for forged in SCALAR_BITS..hint(hints(), 0, 0) {
        for value in [Fr::ZERO, Fr::ONE, -Fr::ONE, Fr::from(1 << 32)] {
            let replacements = [bits.as_slice(), &[(forged, value)]].concat();
            let violated = violation(second, &witness, &replacements);
            assert!(violated.is_some(), "hint {forged}");
        }
    }
}

#[test]
fn a_nullifier_of_another_poll() {
    let (honest, witness) = member(9, 2);
    let other = Scope(Fr::from(4321));
    let elsewhere = witness.statement(other, binding()).nullifier;
    let forged = JoinStatement {
        nullifier: elsewhere,
        ..honest
    };
    refuse(forged, &witness, OTHER_NULLIFIER);
    let forged = JoinStatement {
        scope: other,
        ..honest
    };
    refuse(forged, &witness, OTHER_NULLIFIER);
}

#[test]
fn a_nullifier_of_another_key() {
    let (honest, witness) = member(9, 2);
    let forged = JoinStatement {
        nullifier: Nullifier::new(&Scalar::from(10), &scope()),
        ..honest
    };
    refuse(forged, &witness, OTHER_NULLIFIER);
}

#[test]
fn the_path_of_another_leaf() {
    let tree = tree(9);
    let root = tree.root().expect("leaves");
    for index in 0..8 {
        let path = tree.path(index).expect("in the tree");
        let witness = witness(Scalar::from(9), path);
        let forged = JoinStatement {
            root,
            ..statement(&witness)
        };
        refuse(forged, &witness, NOT_IN_THE_TREE);
    }
}

#[test]
fn the_root_of_another_tree() {
    let witness = witness(Scalar::from(3), tree(9).path(2).expect("in the tree"));
    let honest = statement(&witness);
    let others = [tree(8).root(), tree(10).root(), Some(Fr::ZERO)];
    for root in others.map(|root| root.expect("leaves")) {
        refuse(JoinStatement { root, ..honest }, &witness, NOT_IN_THE_TREE);
    }
}

#[test]
fn a_key_that_did_not_sign_up() {
    let tree = tree(9);
    let root = tree.root().expect("leaves");
    let witness = witness(Scalar::from(10), tree.path(0).expect("in the tree"));
    let forged = JoinStatement {
        root,
        ..statement(&witness)
    };
    refuse(forged, &witness, NOT_IN_THE_TREE);
}

/// The path from a node above the leaf: the leaf is computed from s and cannot be replaced, nor can
/// levels be left out.
#[test]
fn an_inner_node_passed_as_a_leaf() {
    let tree = tree(8);
    let root = tree.root().expect("leaves");
    for below in 1..=3 {
        let mut path = tree.path(4).expect("in the tree");
        path.levels.drain(..below);
        let witness = witness(Scalar::from(5), path);
        let forged = JoinStatement {
            root,
            ..statement(&witness)
        };
        refuse(forged, &witness, NOT_IN_THE_TREE);
    }
}

/// Four keys whose tree has the root x, and y with (x, y) on the curve: that point signs up, and
/// the four go through it as if its leaf were a node.
#[test]
fn a_tree_signed_up_as_one_key() {
    let (own, y) = (1..)
        .find_map(|first: u64| {
            let mut own = LeanImt::new();
            for secret in 100 * first..100 * first + 4 {
                own.insert(leaf(&key(&Scalar::from(secret))))
                    .expect("another key each time");
            }
            let xx = own.root().expect("leaves").square();
            let (a, d) = (Fr::from(168_700), Fr::from(168_696));
            let inverse = (Fr::ONE - d * xx).invert().expect("not a pole");
            let y: Option<Fr> = ((Fr::ONE - a * xx) * inverse).sqrt().into();
            y.map(|y| ((own, 100 * first), y))
        })
        .expect("every second root is an x");
    let ((own, first), mut tree) = (own, tree(5));
    let point = Point {
        x: own.root().expect("leaves"),
        y,
    };
    assert!(point.is_on_curve());
    let index = tree.insert(leaf(&point)).expect("new");
    let root = tree.root().expect("leaves");
    for i in 0..4 {
        let mut path = own.path(i).expect("in the tree");
        path.levels.push(Level {
            sibling: y,
            is_right: false,
        });
        path.levels
            .extend(tree.path(index).expect("in the tree").levels);
        let witness = witness(Scalar::from(first + i as u64), path);
        let forged = JoinStatement {
            root,
            ..statement(&witness)
        };
        refuse(forged, &witness, NOT_IN_THE_TREE);
    }
}

#[test]
fn more_levels_than_there_are() {
    let refused = Witness::of_scalar(Scalar::ONE, random_path(33));
    assert_eq!(refused.unwrap_err(), MembershipError::Depth(33));
    // Nor by a hint: there is no place for it.
    assert_eq!(hints(), hint(hints(), MAX_DEPTH, 0));
}

/// What a level above the path says is fixed, so it cannot change anything.
#[test]
fn garbage_in_levels_that_are_not_used() {
    let hints = hints();
    let (honest, witness) = member(9, 3);
    for level in [3, 4, 17, 31] {
        let at = |which, value| (hint(hints, level, which), value);
        let garbage = Fr::from(99);
        let violated = |replacements: &[_]| violation(honest, &witness, replacements);
        assert_eq!(violated(&[at(SIDE, Fr::ONE)]), Some("no side"));
        assert_eq!(violated(&[at(SIBLING, garbage)]), Some("no sibling"));
        let both = [at(SIDE, Fr::ONE), at(SIBLING, garbage)];
        assert_eq!(violated(&both), Some("no side"));
        // Used after all: then it is hashed, and the root is another.
        let used = [at(USED, Fr::ONE), at(SIBLING, garbage)];
        let reason = if level == 3 {
            NOT_IN_THE_TREE
        } else {
            Some("levels are used from the first on")
        };
        assert_eq!(violated(&used), reason);
        assert!(violated(&[at(USED, Fr::ONE)]).is_some());
    }
}

/// A path with a gap leads to the root of the path without it; only one of the two is accepted.
#[test]
fn levels_with_a_gap() {
    let hints = hints();
    let (honest, full) = member(9, 3);
    let mut shorter = full.path().clone();
    let last = shorter.levels.pop().expect("three levels");
    let shorter = witness(Scalar::from(9), shorter);
    for level in 2..MAX_DEPTH {
        let gap = [
            (hint(hints, level, USED), Fr::ONE),
            (hint(hints, level, SIDE), Fr::from(u64::from(last.is_right))),
            (hint(hints, level, SIBLING), last.sibling),
        ];
        let expected = (level > 2).then_some("levels are used from the first on");
        assert_eq!(violation(honest, &shorter, &gap), expected);
    }
}

/// Half a level, a level used twice.
#[test]
fn flags_that_are_not_bits() {
    let hints = hints();
    let (honest, witness) = member(9, 3);
    let half = Option::<Fr>::from(Fr::from(2).invert()).expect("not 0");
    for level in [0, 2, 3, 31] {
        for which in [USED, SIDE] {
            for value in [half, Fr::from(2), -Fr::ONE] {
                let forged = [(hint(hints, level, which), value)];
                let violated = violation(honest, &witness, &forged);
                assert_eq!(violated, Some("bit * (1 - bit) = 0"));
            }
        }
    }
}

fn samples() -> Vec<(JoinStatement, Witness)> {
    let carried = witness(Scalar::from(33), tree(33).path(32).expect("in the tree"));
    let mut samples = vec![member(0, 2), member(1, 0), (statement(&carried), carried)];
    let largest = witness(-Scalar::ONE, random_path(MAX_DEPTH));
    samples.push((statement(&largest), largest));
    samples
}

/// Inputs, hints and everything between, one variable at a time.
#[test]
fn no_variable_can_be_changed_alone() {
    let changes = [Fr::ONE, -Fr::ONE, Fr::from(2), Fr::from(1 << 33)];
    for (statement, witness) in samples() {
        let circuit = MembershipCircuit::from_claims(statement, witness);
        let recorder = circuit.record(&[]).recorder;
        let touching = recorder.constraints_of_variables();
        // Variable 0 is one.
        for (variable, constraints) in touching.iter().enumerate().skip(1) {
            let value = recorder.assignment()[variable];
            let accepts = |value| recorder.all_hold_with(constraints, variable, value);
            let free = changes.iter().any(|change| accepts(value + change));
            assert!(!free, "variable {variable} is free");
        }
    }
}

/// One hint at a time, with everything after it computed from the replacement.
#[test]
fn no_hint_can_be_changed_alone() {
    for (statement, witness) in samples() {
        let circuit = MembershipCircuit::from_claims(statement, witness.clone());
        let honest = circuit.record(&[]).hints;
        for (i, value) in honest.iter().enumerate() {
            for other in [Fr::ONE - value, value + Fr::ONE] {
                let forged = [(i, other)];
                let violated = violation(statement, &witness, &forged);
                assert!(violated.is_some(), "hint {i}");
            }
        }
    }
}

/// Two hints of a level at a time, and the same hint of two levels that follow each other.
#[test]
fn no_two_hints_of_the_levels_can_be_changed() {
    let hints = hints();
    // Two levels are used, and all.
    for (statement, witness) in samples().into_iter().step_by(3) {
        let circuit = MembershipCircuit::from_claims(statement, witness.clone());
        let honest = circuit.record(&[]).hints;
        let first = hint(hints, 0, 0);
        for i in first..hints {
            for j in (i + 1)..hints.min(i + 2 * LEVEL_HINTS) {
                let other = |i: usize| (i, Fr::ONE - honest[i]);
                let forged = [other(i), other(j)];
                let violated = violation(statement, &witness, &forged);
                assert!(violated.is_some(), "hints {i} and {j}");
            }
        }
    }
}
