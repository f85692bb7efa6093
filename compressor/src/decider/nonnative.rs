//! Relations modulo q in a circuit over Fr.
//!
//! An element of Fq stands as four limbs of 66 bits, little-endian: any integer below 2^255 that is
//! congruent to it. A relation `S = 0 mod q` is shown as the integer equation `S = k q`, which
//! holds if it does modulo r (one native constraint) and modulo 2^264 (two carries over the limbs
//! of the products' lower half), since `|S - k q| < r 2^264` (Chinese remainders).

use ff::{Field, PrimeField};
use maci_nova_step_circuit::constraints::Constraints;
use maci_nova_step_circuit::{
    num::{Bit, Gadget, Num},
    Fr,
};
use num_bigint::{BigInt, BigUint, Sign};

/// Bits of a limb.
pub(crate) const LIMB_BITS: usize = 66;
/// Limbs of an element.
pub(crate) const LIMBS: usize = 4;
/// Bits of the modulus of the second congruence: all limbs together.
const LOW_BITS: usize = LIMB_BITS * LIMBS;

/// q.
pub(crate) fn modulus() -> BigInt {
    let bytes = (-halo2curves::bn256::Fq::ONE).to_repr();
    BigInt::from_bytes_le(Sign::Plus, bytes.as_ref()) + 1
}

/// r.
fn native_modulus() -> BigInt {
    BigInt::from_bytes_le(Sign::Plus, (-Fr::ONE).to_repr().as_ref()) + 1
}

/// An integer as an element of Fr.
pub(crate) fn to_native(integer: &BigInt) -> Fr {
    let r = native_modulus();
    let reduced = ((integer % &r) + &r) % &r;
    let (_, mut bytes) = reduced.to_bytes_le();
    bytes.resize(32, 0);
    let mut repr = <Fr as PrimeField>::Repr::default();
    repr.as_mut().copy_from_slice(&bytes);
    Fr::from_repr(repr).expect("below r")
}

/// The integer of least absolute value that an element of Fr is.
fn signed(element: Fr) -> BigInt {
    let value = BigInt::from_bytes_le(Sign::Plus, element.to_repr().as_ref());
    let r = native_modulus();
    if &value * 2 > r {
        value - r
    } else {
        value
    }
}

/// An integer with limbs that may be negative or larger than 66 bits, and bounds of both.
#[derive(Clone, Debug)]
pub(crate) struct Integer {
    pub(crate) limbs: [Num; LIMBS],
    /// The integer modulo r.
    pub(crate) native: Num,
    /// The integer under the current assignment.
    pub(crate) value: BigInt,
    /// No limb has a larger absolute value.
    limb_bound: BigUint,
    /// Nor has the integer.
    bound: BigUint,
}

/// `2^(66 k)`.
fn weight(k: usize) -> Fr {
    Fr::from(2).pow_vartime([(k * LIMB_BITS) as u64])
}

impl Integer {
    /// An integer below `2^bits` from limbs of 66 bits, the ranges of which the caller has shown.
    pub(crate) fn from_limbs(limbs: [Num; LIMBS], value: BigUint, bits: usize) -> Self {
        let weights: [Fr; LIMBS] = core::array::from_fn(weight);
        Integer {
            native: Num::dot(&limbs, &weights),
            limbs,
            value: value.into(),
            limb_bound: BigUint::from(1u8) << LIMB_BITS.min(bits),
            bound: BigUint::from(1u8) << bits,
        }
    }

    /// A new integer below `2^bits`: that many constraints.
    pub(crate) fn alloc<CS: Constraints<Fr>>(
        g: &mut Gadget<'_, CS>,
        value: &BigUint,
        bits: usize,
    ) -> Self {
        let variables: Vec<Bit> = (0..bits)
            .map(|i| g.alloc_bit(value.bit(i as u64)))
            .collect();
        let limb = |k: usize| {
            let (from, to) = ((k * LIMB_BITS).min(bits), ((k + 1) * LIMB_BITS).min(bits));
            Num::from_bits_le(&variables[from..to])
        };
        let limbs = core::array::from_fn(|k| g.materialize(&limb(k)));
        let held = variables
            .iter()
            .enumerate()
            .fold(BigUint::default(), |mut sum, (i, bit)| {
                sum.set_bit(i as u64, bit.value());
                sum
            });
        Self::from_limbs(limbs, held, bits)
    }

    /// `sum_i factors_i * integers_i`, short factors.
    pub(crate) fn combine(terms: &[(i128, &Integer)]) -> Self {
        let weights: Vec<Fr> = terms.iter().map(|(factor, _)| short(*factor)).collect();
        let column = |pick: &dyn Fn(&Integer) -> Num| {
            let nums: Vec<Num> = terms.iter().map(|(_, integer)| pick(integer)).collect();
            Num::dot(&nums, &weights)
        };
        let bound = |pick: &dyn Fn(&Integer) -> &BigUint| {
            terms
                .iter()
                .map(|(factor, integer)| pick(integer) * factor.unsigned_abs())
                .sum()
        };
        Integer {
            limbs: core::array::from_fn(|k| column(&|integer| integer.limbs[k].clone())),
            native: column(&|integer| integer.native.clone()),
            value: terms
                .iter()
                .map(|(factor, integer)| &integer.value * factor)
                .sum(),
            limb_bound: bound(&|integer| &integer.limb_bound),
            bound: bound(&|integer| &integer.bound),
        }
    }
}

fn short(factor: i128) -> Fr {
    let absolute = Fr::from_u128(factor.unsigned_abs());
    if factor < 0 {
        -absolute
    } else {
        absolute
    }
}

/// `S` of a relation `S = 0 mod q`, by its residues.
struct Relation {
    /// Coefficients of the four lower powers of 2^66.
    low: [Num; LIMBS],
    /// S modulo r.
    native: Num,
    value: BigInt,
    /// No coefficient has a larger absolute value.
    low_bound: BigUint,
    /// Nor has S.
    bound: BigUint,
}

/// Enforces `a b = u c + e` modulo q.
pub(crate) fn enforce_product<CS: Constraints<Fr>>(
    g: &mut Gadget<'_, CS>,
    [a, b]: [&Integer; 2],
    [u, c]: [&Integer; 2],
    e: &Integer,
) {
    let left = low_product(g, a, b);
    let right = low_product(g, u, c);
    let left_native = g.mul(&a.native, &b.native);
    let right_native = g.mul(&u.native, &c.native);
    let products = &a.limb_bound * &b.limb_bound + &u.limb_bound * &c.limb_bound;
    let relation = Relation {
        low: core::array::from_fn(|k| &(&left[k] - &right[k]) - &e.limbs[k]),
        native: &(&left_native - &right_native) - &e.native,
        value: &a.value * &b.value - &u.value * &c.value - &e.value,
        low_bound: products * LIMBS + &e.limb_bound,
        bound: &a.bound * &b.bound + &u.bound * &c.bound + &e.bound,
    };
    enforce_zero(g, relation);
}

/// A new integer below 2^255, congruent modulo q to `sum_i factors_i integers_i`, factors below q.
pub(crate) fn reduce<CS: Constraints<Fr>>(
    g: &mut Gadget<'_, CS>,
    terms: &[(BigInt, &Integer)],
) -> Integer {
    let q = modulus();
    let value: BigInt = terms.iter().map(|(f, integer)| f * &integer.value).sum();
    let reduced = ((&value % &q) + &q) % &q;
    let reduced = Integer::alloc(g, reduced.magnitude(), 255);
    let mut low: [Num; LIMBS] = core::array::from_fn(|k| -&reduced.limbs[k]);
    let mut native = -&reduced.native;
    let mut low_bound = reduced.limb_bound.clone();
    let mut bound = reduced.bound.clone();
    for (factor, integer) in terms {
        let parts = constant_limbs(factor);
        for (i, part) in parts.iter().enumerate() {
            for (low, limb) in low[i..].iter_mut().zip(&integer.limbs) {
                *low = low.add_scaled(limb, to_native(part));
            }
        }
        native = native.add_scaled(&integer.native, to_native(factor));
        low_bound += (&integer.limb_bound << LIMB_BITS) * LIMBS;
        bound += &integer.bound * factor.magnitude();
    }
    let relation = Relation {
        low,
        native,
        value: value - &reduced.value,
        low_bound,
        bound,
    };
    enforce_zero(g, relation);
    reduced
}

/// The coefficients of 2^0, 2^66, 2^132, 2^198 in `a b`; 10 constraints.
fn low_product<CS: Constraints<Fr>>(
    g: &mut Gadget<'_, CS>,
    a: &Integer,
    b: &Integer,
) -> [Num; LIMBS] {
    let mut low: [Num; LIMBS] = core::array::from_fn(|_| Num::zero());
    for i in 0..LIMBS {
        for (low, limb) in low[i..].iter_mut().zip(&b.limbs) {
            let product = g.mul(&a.limbs[i], limb);
            *low = &*low + &product;
        }
    }
    low
}

/// The limbs of an integer's absolute value, with its sign.
fn constant_limbs(integer: &BigInt) -> [BigInt; LIMBS] {
    let mask = (BigUint::from(1u8) << LIMB_BITS) - 1u8;
    core::array::from_fn(|k| {
        let limb = (integer.magnitude() >> (k * LIMB_BITS)) & &mask;
        BigInt::from_biguint(integer.sign(), limb)
    })
}

/// Enforces `S = k q` for an integer k.
fn enforce_zero<CS: Constraints<Fr>>(g: &mut Gadget<'_, CS>, relation: Relation) {
    let q = modulus();
    // |k| <= bound / q < 2^bits.
    let bits = (&relation.bound / q.magnitude()).bits() as usize + 1;
    let offset = BigInt::from(1) << bits;
    let quotient = floor_div(&relation.value, &q);
    let shifted = alloc_quotient(g, &(quotient + &offset), bits + 1);
    // |S - k q| <= bound + 2^bits q must be below r 2^264.
    let largest = BigInt::from(relation.bound.clone()) + (&q << bits);
    assert!(
        largest < native_modulus() << LOW_BITS,
        "bounds of the limbs"
    );

    let product = constant_limbs(&q);
    let shift = constant_limbs(&(&offset * &q));
    let mut low = relation.low;
    for k in 0..LIMBS {
        for i in 0..=k {
            low[k] = low[k].add_scaled(&shifted[k - i], -to_native(&product[i]));
        }
        low[k] = low[k].add_constant(to_native(&shift[k]));
    }
    let limb = BigUint::from(1u8) << LIMB_BITS;
    // The top limb of k may be longer than 66 bits.
    let top = BigUint::from(1u8)
        << (bits + 1)
            .saturating_sub(LIMB_BITS * (LIMBS - 1))
            .max(LIMB_BITS);
    let low_bound = relation.low_bound + (top * &limb) * LIMBS + &limb;
    enforce_low(g, &low, &low_bound);

    let weights: [Fr; LIMBS] = core::array::from_fn(weight);
    let native = relation
        .native
        .add_scaled(&Num::dot(&shifted, &weights), -to_native(&q))
        .add_constant(to_native(&(&offset * &q)));
    g.enforce_equal("S = k q modulo r", &native, &Num::zero());
}

fn floor_div(a: &BigInt, b: &BigInt) -> BigInt {
    let quotient = a / b;
    if &quotient * b > *a {
        quotient - 1
    } else {
        quotient
    }
}

/// A non-negative integer of so many bits as limbs of 66 bits, the highest of them with the rest.
fn alloc_quotient<CS: Constraints<Fr>>(
    g: &mut Gadget<'_, CS>,
    value: &BigInt,
    bits: usize,
) -> [Num; LIMBS] {
    let value = value.magnitude();
    let variables: Vec<Bit> = (0..bits)
        .map(|i| g.alloc_bit(value.bit(i as u64)))
        .collect();
    core::array::from_fn(|k| {
        let from = (k * LIMB_BITS).min(bits);
        let to = if k + 1 == LIMBS {
            bits
        } else {
            (from + LIMB_BITS).min(bits)
        };
        Num::from_bits_le(&variables[from..to])
    })
}

/// Enforces `sum_k low_k 2^(66 k) = 0 mod 2^264`, two limbs at a time.
fn enforce_low<CS: Constraints<Fr>>(g: &mut Gadget<'_, CS>, low: &[Num; LIMBS], bound: &BigUint) {
    let pair = BigUint::from(1u8) << (2 * LIMB_BITS);
    let mut carry = Num::zero();
    let mut carry_bound = BigUint::default();
    for two in low.chunks(2) {
        let sum = &two[0].add_scaled(&two[1], weight(1)) + &carry;
        let sum_bound = bound + (bound << LIMB_BITS) + &carry_bound;
        // The carry is an integer of at most so many bits, signed.
        carry_bound = &sum_bound / &pair + 1u8;
        let bits = carry_bound.bits() as usize;
        let wrap = (BigUint::from(1u8) << (bits + 1)) * &pair + &sum_bound;
        assert!(
            wrap.bits() < u64::from(Fr::NUM_BITS),
            "the carries' equation is one of integers"
        );
        let offset = BigInt::from(1) << bits;
        let honest = floor_div(&signed(sum.value()), &BigInt::from(pair.clone())) + &offset;
        let variables: Vec<Bit> = (0..=bits)
            .map(|i| g.alloc_bit(honest.magnitude().bit(i as u64)))
            .collect();
        carry = Num::from_bits_le(&variables).add_constant(-to_native(&offset));
        let shifted = carry.scale(to_native(&BigInt::from(pair.clone())));
        g.enforce_equal("carry", &sum, &shifted);
    }
}

#[cfg(test)]
mod tests {
    use maci_nova_step_circuit::recorder::Recorder;
    use rand_core::{OsRng, RngCore};

    use super::*;

    fn random() -> BigUint {
        let mut bytes = [0; 32];
        OsRng.fill_bytes(&mut bytes);
        BigUint::from_bytes_le(&bytes) >> 1
    }

    fn edges() -> Vec<BigUint> {
        let q = modulus().magnitude().clone();
        let one = BigUint::from(1u8);
        vec![
            BigUint::default(),
            one.clone(),
            &q - 1u8,
            q.clone(),
            &q + 1u8,
            (&one << 255u32) - 1u8,
            (&one << 66u32) - 1u8,
            &one << 66u32,
            (&one << 198u32) - 1u8,
            &one << 132u32,
        ]
    }

    /// The first violated constraint of `a b = u c + e`, with `e` made right but for `error`.
    fn violation(values: [&BigUint; 4], error: i64) -> (Option<&'static str>, usize) {
        let q = modulus();
        let [a, b, u, c] = values;
        let e = BigInt::from(a * b) - BigInt::from(u * c) + error;
        let e = ((e % &q) + &q) % &q;
        let mut recorder = Recorder::default();
        let mut g = Gadget::new(&mut recorder);
        let [a, b, c] = [a, b, c].map(|value| Integer::alloc(&mut g, value, 255));
        let u = Integer::alloc(&mut g, u, 168);
        let e = Integer::alloc(&mut g, e.magnitude(), 255);
        let a = Integer::combine(&[(3, &a), (-2, &a)]);
        let before = g.hints().len();
        enforce_product(&mut g, [&a, &b], [&u, &c], &e);
        let own = g.hints().len() - before;
        let violated = g.violated();
        assert_eq!(violated.is_none(), recorder.violated().is_none());
        (violated, own)
    }

    #[test]
    fn products_hold_or_do_not() {
        let small = BigUint::from(1u8) << 167u32;
        let mut values = edges();
        values.extend((0..4).map(|_| random()));
        for (i, a) in values.iter().enumerate() {
            for b in &values {
                let u = &values[i] % &small;
                let c = &values[values.len() - 1 - i];
                assert_eq!(violation([a, b, &u, c], 0).0, None, "{a} {b}");
                for error in [1, -1, 1 << 40] {
                    assert!(violation([a, b, &u, c], error).0.is_some(), "{a} {b}");
                }
            }
        }
    }

    #[test]
    fn reductions_are_congruent() {
        let q = modulus();
        let mut factors: Vec<BigInt> = edges().into_iter().map(|e| BigInt::from(e) % &q).collect();
        factors.push(BigInt::from(-5));
        for value in edges() {
            let mut recorder = Recorder::default();
            let mut g = Gadget::new(&mut recorder);
            let integer = Integer::alloc(&mut g, &value, 255);
            let terms: Vec<(BigInt, &Integer)> =
                factors.iter().map(|f| (f.clone(), &integer)).collect();
            let reduced = reduce(&mut g, &terms);
            assert_eq!(g.violated(), None);
            let sum: BigInt = factors
                .iter()
                .map(|f| f * BigInt::from(value.clone()))
                .sum();
            assert_eq!((sum - &reduced.value) % &q, BigInt::from(0));
            assert!(recorder.violated().is_none());
        }
    }
}
