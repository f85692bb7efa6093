//! What the parameters are, and what their digest covers.

use maci_nova_step_circuit::constraints::Constraints;
use nova_snark::{
    frontend::{ConstraintSystem, LinearCombination},
    r1cs::R1CSShape,
    traits::commitment::Len,
};

use super::*;
use crate::rows::RowsBuilder;

fn own_key() -> crate::relation::CommitmentKey<Primary> {
    engine().primary.key().clone()
}

/// Another key from the same bytes.
fn key(change: impl FnOnce(&mut Vec<u8>)) -> crate::relation::CommitmentKey<Primary> {
    let mut bytes = encode(engine().primary.key()).expect("encoded");
    change(&mut bytes);
    decode(&bytes).expect("a key")
}

/// The rows before the digest is put into one of them.
fn rows() -> Rows {
    let rows = augmented_rows(&HONEST);
    rows.expect("rows").rows
}

/// The rows with something changed, under the same key.
fn with_rows(change: impl FnOnce(&mut Rows)) -> Result<RowRelation, NovaError> {
    let mut rows = rows();
    change(&mut rows);
    RowRelation::new(rows, own_key(), engine().primary.t())
}

/// An engine with these parts in the place of its own.
fn engine_of(
    primary: RowRelation,
    secondary: impl FnOnce(&mut R1CSShape<Secondary>),
    pedersen: impl FnOnce(&mut Vec<u8>),
) -> PublicParams {
    let original = engine();
    let mut shape = original.secondary.shape().clone();
    secondary(&mut shape);
    let mut bytes = encode(original.secondary.key()).expect("encoded");
    pedersen(&mut bytes);
    let key = decode(&bytes).expect("a key");
    let mut engine = PublicParams {
        primary,
        secondary: Relation::new(shape, key).expect("long enough"),
        digest: Fr::ZERO,
        arity: original.arity,
        function: original.function.clone(),
    };
    engine.digest = engine.compute_digest().expect("a digest");
    engine.primary.set_digest(engine.digest);
    engine
}

fn of_rows(change: impl FnOnce(&mut Rows)) -> PublicParams {
    let primary = with_rows(change).expect("rows that start from 0");
    engine_of(primary, |_| (), |_| ())
}

fn of_key(change: impl FnOnce(&mut Vec<u8>)) -> PublicParams {
    let t = engine().primary.t();
    let primary = RowRelation::new(rows(), key(change), t).expect("the same lengths");
    engine_of(primary, |_| (), |_| ())
}

fn of_t(t: usize) -> PublicParams {
    let primary = RowRelation::new(rows(), own_key(), t).expect("enough weights");
    engine_of(primary, |_| (), |_| ())
}

fn same() -> PublicParams {
    of_rows(|_| ())
}

/// Adds one to one entry of A.
fn change_entry<E: CurveEngine>(shape: &mut R1CSShape<E>) {
    let mut a = shape.A().clone();
    let middle = a.data.len() / 2;
    a.data[middle] += E::Scalar::ONE;
    let (b, c) = (shape.B().clone(), shape.C().clone());
    let sizes = (shape.num_cons(), shape.num_vars(), shape.num_io());
    *shape = R1CSShape::new(sizes.0, sizes.1, sizes.2, a, b, c).expect("indices in range");
}

/// Replaces the 32 bytes of point number `to` by those of point number `from`.
fn change_point(key: &mut [u8], from: usize, to: usize) {
    let bytes = key[8 + 32 * from..8 + 32 * (from + 1)].to_vec();
    key[8 + 32 * to..8 + 32 * (to + 1)].copy_from_slice(&bytes);
}

/// Puts the generator of G2 in the place of tau times it.
fn change_tau(key: &mut [u8]) {
    let generator = encode(&halo2curves::bn256::G2Affine::generator()).expect("encoded");
    let start = key.len() - generator.len();
    key[start..].copy_from_slice(&generator);
}

/// Other parameters have another digest, and no proof is of them.
fn refused_by(other: &PublicParams, proof: &IvcProof, what: &str) {
    assert_ne!(other.digest, engine().digest, "{what}");
    let error = proof.verify(other, &z0()).expect_err("other parameters");
    assert!(error.to_string().contains("hashes"), "{what}");
}

#[test]
fn parameters_with_one_entry_changed() {
    let proof = chain(3, &z0());
    let same = same();
    assert_eq!(same.digest, engine().digest);
    proof.verify(&same, &z0()).expect("the same parameters");
    for (matrix, name) in ["a", "b", "c", "l", "o"].into_iter().enumerate() {
        refused_by(&of_rows(|rows| rows.change_entry(matrix)), &proof, name);
    }
    let primary = with_rows(|_| ()).expect("the same");
    let other = engine_of(primary, change_entry, |_| ());
    refused_by(&other, &proof, "the CycleFold circuit's A");
}

/// The weights are those of the places in which the rows stand.
#[test]
fn parameters_with_the_rows_in_another_order() {
    let proof = chain(3, &z0());
    for power in [false, true] {
        let rows = engine().primary.rows();
        let count = if power {
            rows.powers()
        } else {
            rows.products()
        };
        // Rows that are not equal.
        let differs = |j: usize| match power {
            true => rows.power(5) != rows.power(j),
            false => rows.product(5) != rows.product(j),
        };
        let other = (6..count).find(|j| differs(*j)).expect("some row");
        for other in [other, count - 2] {
            let exchanged = of_rows(|rows| rows.exchange(power, 5, other));
            refused_by(&exchanged, &proof, "the order of rows");
        }
    }
}

/// The rows `l * 0 = o` and `l^5 = o`, with the same entries.
#[test]
fn rows_of_another_kind() {
    let of_kind = |power: bool| {
        let (rows, ()) = Rows::record(|rows: &mut RowsBuilder| {
            let [l, o] = [0, 1].map(|_| rows.alloc(|| "", || Ok(Fr::ONE)).expect("a variable"));
            let zero = LinearCombination::zero;
            if power {
                rows.enforce_power("", zero() + l, zero() + o);
            } else {
                rows.enforce(|| "", |_| zero() + l, |_| zero(), |_| zero() + o);
            }
        });
        assert_eq!((rows.count(), rows.entries(), rows.variables()), (1, 2, 2));
        rows.digest()
    };
    assert_ne!(of_kind(true), of_kind(false));
}

#[test]
fn parameters_with_one_key_element_changed() {
    let proof = chain(3, &z0());
    let points = |key: &[u8]| (key.len() - 8) / 32;
    let kzg = points(&encode(engine().primary.key()).expect("encoded"));
    let pedersen = points(&encode(engine().secondary.key()).expect("encoded"));
    refused_by(&of_key(|key| change_point(key, 4, 5)), &proof, "a power");
    // The last powers no witness needs, but the final proof does. The blinding generator follows
    // the powers; tau H of the verifier's key, of G2, is last.
    let length = engine().primary.key().length();
    let last = of_key(|key| change_point(key, 4, length - 1));
    refused_by(&last, &proof, "the last power");
    let h = of_key(|key| change_point(key, 1, kzg - 3));
    refused_by(&h, &proof, "h");
    refused_by(&of_key(|key| change_tau(key)), &proof, "tau");
    for to in [5, pedersen - 1] {
        let primary = with_rows(|_| ()).expect("the same");
        let other = engine_of(primary, |_| (), |key| change_point(key, 4, to));
        refused_by(&other, &proof, "the Pedersen key");
    }
}

/// The arity and the number of weights are in the digest as well. (So are the hash's constants, which nothing can change here.)
#[test]
fn the_digest_covers_the_rest() {
    let mut changed = same();
    changed.primary = with_rows(|_| ()).expect("the same");
    let digest = |engine: &PublicParams| engine.compute_digest().expect("a digest");
    assert_eq!(digest(&changed), engine().digest);
    changed.arity += 1;
    assert_ne!(digest(&changed), engine().digest);
    changed.arity -= 1;
    let t = engine().primary.t();
    assert_eq!(of_t(t).digest, engine().digest);
    assert_ne!(of_t(t + 1).digest, engine().digest);
}

/// Every row has a weight of its own.
#[test]
fn too_few_weights() {
    let rows = engine().primary.rows();
    let t = engine().primary.t();
    assert!(rows.count() <= 1 << t && rows.count() > 1 << (t - 1));
    for few in [0, 1, t - 1] {
        let refused = RowRelation::new(rows.clone(), own_key(), few);
        assert!(refused.is_err(), "{few} elements of beta");
    }
}

/// Why: with 2^t weights for more rows, a false witness whose errors cancel in pairs of rows with
/// one weight has a true claim at every beta.
#[test]
fn rows_that_share_a_weight_cancel() {
    const T: usize = 3;
    let one = Fr::ONE;
    let mut values = Values::with_powers();
    for i in 0..2 << T {
        // The second half's errors are the opposites of the first's.
        let error = if i < 1 << T { one } else { -one };
        values.products[0].push(error * Fr::from(i % (1 << T) as u64 + 1));
        values.products[1].push(one);
        values.products[2].push(Fr::ZERO);
    }
    let errors = claims::row_errors(&values);
    assert!(errors.iter().all(|error| *error != Fr::ZERO));
    for _ in 0..5 {
        let beta: Vec<Fr> = (0..=T).map(|_| Fr::random(OsRng)).collect();
        let few = claims::weights(&beta[..T], errors.len());
        assert_eq!(few.len(), 1 << T, "there are no more");
        let shared = few.iter().cycle().zip(errors.iter());
        let sum: Fr = shared.map(|(weight, error)| *weight * error).sum();
        assert_eq!(sum, Fr::ZERO, "a true claim of a false witness");
        // With a weight for each row it is false.
        assert_ne!(claims::sum(&values, &beta), Fr::ZERO);
    }
}

/// Nobody computes with too few of them.
#[test]
#[should_panic(expected = "no two rows share a weight")]
fn a_polynomial_for_too_few_weights() {
    claims::perturbation(&[Fr::ONE; 5], &[Fr::ONE; 2], Fr::ONE);
}

/// Everything starts from a claim that gives the first row alone a weight, at the witness 0: it
/// would be false with a constant in that row.
#[test]
fn a_first_row_with_a_constant() {
    let rows = engine().primary.rows();
    let zeros = vec![Fr::ZERO; rows.variables()];
    let errors = claims::row_errors(&rows.values(&zeros, &[Fr::ZERO; 2]));
    assert_eq!(errors[0], Fr::ZERO);
    let products = &errors[..rows.products()];
    let constant = products.iter().position(|error| *error != Fr::ZERO);
    let constant = constant.expect("there are rows with constants");
    assert!(with_rows(|_| ()).is_ok());
    let refused = with_rows(|rows| rows.exchange(false, 0, constant));
    assert!(matches!(refused, Err(NovaError::UnSat { .. })));
}

/// A witness has no more elements than the key.
#[test]
fn a_key_that_is_too_short() {
    let rows = engine().primary.rows();
    let powers = PowersOfTau::development(rows.variables().next_power_of_two() / 2);
    let short = kzg_key(powers).expect("a key");
    let refused = RowRelation::new(rows.clone(), short, engine().primary.t());
    assert!(matches!(
        refused,
        Err(NovaError::InvalidCommitmentKeyLength)
    ));
}

/// The last product row states the digest, so no step can hash under another one: not even a step
/// whose hashes all are consistent with that.
#[test]
fn a_step_under_another_digest() {
    let mut attempt = Attempt::begin(&chain(3, &z0()));
    attempt.fold_claim();
    attempt.inputs.digest += Fr::ONE;
    let forged = attempt.finish();
    refused_restated_or_not(&forged);
    let (x, w) = (&forged.parts.x, &forged.incoming.witness);
    let own = claims::row_errors(&forged.incoming);
    assert!(
        own.iter().all(|error| *error == Fr::ZERO),
        "as he states it"
    );
    let rows = engine().primary.rows();
    let errors = claims::row_errors(&rows.values(w, x));
    let false_row = |i: &usize| errors[*i] != Fr::ZERO;
    let violated: Vec<usize> = (0..rows.count()).filter(false_row).collect();
    assert_eq!(violated, [rows.products() - 1]);
    let checked = engine().primary.check_incoming(x, w);
    assert_eq!(checked, Err(RelationError::Unsatisfied));
}

/// The row states the digest that is computed without it.
#[test]
fn the_digest_is_in_the_last_product_row() {
    let (stated, before) = (engine().primary.rows(), rows());
    let last = stated.products() - 1;
    let [a, b, c] = stated.product(last);
    let one = (Fr::ONE, stated.variables());
    assert_eq!(
        (a.len(), &b, &c),
        (1, &vec![one], &vec![(engine().digest, one.1)])
    );
    assert_eq!(before.product(last), [a, b, vec![]]);
    for i in 0..last {
        assert_eq!(stated.product(i), before.product(i));
    }
    for i in 0..stated.powers() {
        assert_eq!(stated.power(i), before.power(i));
    }
    assert_eq!(stated.count(), before.count());
}
