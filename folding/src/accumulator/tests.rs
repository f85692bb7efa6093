use maci_nova_step_circuit::constraints::Constraints;
use maci_nova_step_circuit::num::{Gadget, Num};
use nova_snark::provider::hyperkzg;

use super::*;
use crate::{engine::blinding_generator, powers_of_tau::PowersOfTau};

fn random() -> Fr {
    Fr::random(OsRng)
}

/// `x_0 = (v + 3)^5 u` and `x_1 = v u + 1`, with a row before that starts from 0.
fn fill<CS: Constraints<Fr>>(g: &mut Gadget<'_, CS>, v: Fr, u: Fr) {
    let (v, u) = (g.alloc(v), g.alloc(u));
    let product = g.mul(&v, &u);
    let power = g.fifth_power(&v.add_constant(Fr::from(3)));
    let first = g.mul(&power, &u);
    g.publish(&first);
    g.publish(&product.add_constant(Fr::ONE));
    g.enforce("1 * 1 = 1", &Num::one(), &Num::one(), &Num::one());
}

const T: usize = 3;

fn relation() -> RowRelation {
    let rows = Rows::record(|rows| fill(&mut Gadget::new(rows), Fr::ZERO, Fr::ZERO)).0;
    assert_eq!((rows.products(), rows.powers()), (5, 1));
    let (g1, tau_g2) = PowersOfTau::development(8).into_points();
    let key = hyperkzg::CommitmentKey::new(g1, blinding_generator(), tau_g2);
    RowRelation::new(rows, key.expect("a key"), T).expect("rows that start from 0")
}

fn satisfying() -> Values<Fr> {
    let mut values = Values::with_powers();
    fill(&mut Gadget::new(&mut values), random(), random());
    values
}

fn inputs(values: &Values<Fr>) -> [Fr; 2] {
    [values.inputs[0], values.inputs[1]]
}

/// What an honest prover sends of folding these values, by the challenges given.
fn messages(
    relation: &RowRelation,
    (running, opening): (&Accumulator, &Opening),
    values: &Values<Fr>,
    challenges: &Challenges,
) -> (Messages, Fr) {
    let (blind, difference) = relation.incoming(running, &values.witness, None);
    let Challenges { delta, alpha, .. } = *challenges;
    let errors = claims::row_errors(&opening.values);
    let f = claims::perturbation(&errors, &running.beta, delta);
    let moved = claims::moved(&running.beta, delta, alpha);
    let weights = claims::weights(&moved, errors.len());
    let k = claims::quotient(&opening.values, values, &weights);
    (Messages { difference, f, k }, blind)
}

fn challenges() -> Challenges {
    Challenges {
        delta: random(),
        alpha: random(),
        gamma: random(),
    }
}

/// So many foldings from the start.
fn folded(relation: &RowRelation, count: usize) -> (Accumulator, Opening) {
    let (mut running, mut opening) = relation.zero();
    for _ in 0..count {
        let (values, challenges) = (satisfying(), challenges());
        let (messages, blind) = messages(relation, (&running, &opening), &values, &challenges);
        running = running.fold(&inputs(&values), &messages, &challenges);
        opening = opening.towards(&values, blind, challenges.gamma);
    }
    (running, opening)
}

#[test]
fn the_start_is_satisfied() {
    let relation = relation();
    let (running, opening) = relation.zero();
    relation.check(&running, &opening).expect("satisfied");
    assert_eq!(running.commitment, Commitment::<Primary>::default());
    let zeros = running.x.iter().chain(&running.beta).chain([&running.e]);
    assert!(zeros.into_iter().all(|element| *element == Fr::ZERO));
    assert_eq!(running.beta.len(), relation.t());
    assert!(opening.witness().iter().all(|w| *w == Fr::ZERO));
    // It is no satisfying witness: of the rows, some have constants.
    assert_eq!(
        relation.check_incoming(&[Fr::ZERO; 2], opening.witness()),
        Err(RelationError::Unsatisfied)
    );
}

/// The folded opening is of the folded instance, whatever the challenges, and the values kept
/// beside its witness are its own.
#[test]
fn instances_and_openings_fold_alike() {
    let relation = relation();
    for count in 1..5 {
        let (running, opening) = folded(&relation, count);
        relation.check(&running, &opening).expect("satisfied");
        assert_eq!(running.e, claims::sum(&opening.values, &running.beta));
        assert_ne!(running.e, Fr::ZERO, "not a strict instance");
        let own = relation.opening(opening.witness(), &running.x, opening.blinding());
        assert!(own.expect("of the same lengths").values == opening.values);
    }
}

/// What a challenge of 0 or 1 would leave: the running instance, or the incoming one.
#[test]
fn the_ends_of_the_line() {
    let relation = relation();
    let (running, opening) = folded(&relation, 2);
    let values = satisfying();
    let at = |gamma| {
        let challenges = Challenges {
            gamma,
            ..challenges()
        };
        let (messages, blind) = messages(&relation, (&running, &opening), &values, &challenges);
        let after = running.fold(&inputs(&values), &messages, &challenges);
        let opening = opening.towards(&values, blind, gamma);
        relation.check(&after, &opening).expect("satisfied");
        (after, opening)
    };
    let (same, own) = at(Fr::ZERO);
    assert_eq!((same.commitment, same.x), (running.commitment, running.x));
    assert!(own.values == opening.values);
    let (other, incoming) = at(Fr::ONE);
    assert_eq!((other.x, other.e), (inputs(&values), Fr::ZERO));
    assert!(incoming.values == values);
}

/// Each part of an instance or an opening changed.
#[test]
fn every_wrong_part_is_refused() {
    let relation = relation();
    let (running, opening) = folded(&relation, 3);
    let refused = |change: &dyn Fn(&mut Accumulator, &mut Opening)| {
        let (mut running, mut opening) = (running.clone(), opening.clone());
        change(&mut running, &mut opening);
        relation.check(&running, &opening).expect_err("changed")
    };
    for i in 0..opening.witness().len() {
        let error = refused(&|_, opening| opening.values.witness[i] += Fr::ONE);
        assert_eq!(error, RelationError::Commitment);
    }
    let error = refused(&|_, opening| opening.blind += Fr::ONE);
    assert_eq!(error, RelationError::Commitment);
    let error = refused(&|running, _| running.commitment = Commitment::<Primary>::default());
    assert_eq!(error, RelationError::Commitment);
    for k in 0..2 {
        let error = refused(&|running, _| running.x[k] += Fr::ONE);
        assert_eq!(error, RelationError::Unsatisfied);
    }
    for j in 0..T {
        let error = refused(&|running, _| running.beta[j] += Fr::ONE);
        assert_eq!(error, RelationError::Unsatisfied);
    }
    let error = refused(&|running, _| running.e += Fr::ONE);
    assert_eq!(error, RelationError::Unsatisfied);
    let lengths: [fn(&mut Accumulator, &mut Opening); 5] = [
        |running, _| running.beta.push(Fr::ZERO),
        |running, _| running.beta.truncate(2),
        |running, _| running.beta.clear(),
        |_, opening| opening.values.witness.push(Fr::ZERO),
        |_, opening| opening.values.witness.truncate(1),
    ];
    for change in lengths {
        assert_eq!(refused(&change), RelationError::Length);
    }
}

/// What is kept beside a witness is not believed.
#[test]
fn values_beside_the_witness_are_not_looked_at() {
    let relation = relation();
    let (running, honest) = folded(&relation, 3);
    let mut opening = honest.clone();
    opening.values.products[2][0] += Fr::ONE;
    opening.values.inputs[0] += Fr::ONE;
    relation.check(&running, &opening).expect("by the witness");
    let mut forged = running.clone();
    forged.e = claims::sum(&opening.values, &forged.beta);
    assert_eq!(
        relation.check(&forged, &opening),
        Err(RelationError::Unsatisfied)
    );
}

#[test]
fn strict_instances_are_checked_row_by_row() {
    let relation = relation();
    let values = satisfying();
    let x = inputs(&values);
    relation
        .check_incoming(&x, &values.witness)
        .expect("satisfied");
    for i in 0..values.witness.len() {
        let mut w = values.witness.clone();
        w[i] += Fr::ONE;
        let checked = relation.check_incoming(&x, &w);
        assert_eq!(checked, Err(RelationError::Unsatisfied));
    }
    for k in 0..2 {
        let mut x = x;
        x[k] += Fr::ONE;
        let checked = relation.check_incoming(&x, &values.witness);
        assert_eq!(checked, Err(RelationError::Unsatisfied));
    }
    for length in [0, values.witness.len() - 1] {
        let checked = relation.check_incoming(&x, &values.witness[..length]);
        assert_eq!(checked, Err(RelationError::Length));
    }
    // A true claim is not enough.
    let (running, opening) = folded(&relation, 2);
    let checked = relation.check_incoming(&running.x, opening.witness());
    assert_eq!(checked, Err(RelationError::Unsatisfied));
}

/// A random claim is true, and folding it leaves beta as it is.
#[test]
fn random_claims_fold_too() {
    let relation = relation();
    for count in [0, 1, 3] {
        let (running, opening) = folded(&relation, count);
        let (other, x, e) = relation.random(&running.beta);
        let commitment = relation.commit(other.witness(), &other.blind);
        let claim = Accumulator {
            commitment,
            x,
            beta: running.beta.clone(),
            e,
        };
        relation.check(&claim, &other).expect("a true claim");
        let weights = claims::weights(&running.beta, relation.rows().count());
        let k = claims::quotient(&opening.values, &other.values, &weights);
        let difference = commitment + running.commitment * -Fr::ONE;
        let rho = random();
        let blinded = running.blind(&difference, &x, e, &k, rho);
        assert_eq!(blinded.beta, running.beta);
        let own = opening.towards(&other.values, other.blind, rho);
        relation.check(&blinded, &own).expect("satisfied");
    }
}

#[test]
fn relations_that_do_not_fit_are_refused() {
    let rows = || relation().rows().clone();
    let key = |count| {
        let (g1, tau_g2) = PowersOfTau::development(count).into_points();
        hyperkzg::CommitmentKey::new(g1, blinding_generator(), tau_g2).expect("a key")
    };
    assert!(RowRelation::new(rows(), key(8), T).is_ok());
    // Five variables, six rows.
    let short = RowRelation::new(rows(), key(4), T);
    assert!(matches!(short, Err(NovaError::InvalidCommitmentKeyLength)));
    for t in 0..T {
        let few = RowRelation::new(rows(), key(8), t);
        assert!(matches!(few, Err(NovaError::UnSat { .. })), "{t}");
    }
    // The row `1 * 1 = 1` holds, the one before, `x_1 = v u + 1`, does not start from 0.
    for (row, fits) in [(4, true), (3, false), (2, true)] {
        let mut rows = rows();
        rows.exchange(false, 0, row);
        assert_eq!(RowRelation::new(rows, key(8), T).is_ok(), fits, "row {row}");
    }
}

#[test]
fn debug_output_holds_no_witness() {
    let (_, opening) = folded(&relation(), 1);
    assert_eq!(format!("{opening:?}"), "Opening(<secret>)");
}
