//! Points of BN254's first group as limbs: how their coordinates, elements of Fq, stand in circuits
//! over Fr and in the public inputs of the CycleFold circuit.
//!
//! A coordinate `c < q < 2^254` is `l_0 + 2^85 l_1 + 2^170 l_2`, limbs of 85, 85 and 84 bits. They
//! are that short so that folding needs no arithmetic modulo q: a limb times a folding multiplier
//! below 2^130 is below 2^215, and a sum of 2^38 such products is below both r and q, so the same
//! integer stands on both sides of the cycle (see [`MAX_STEPS`]).

use ff::{Field, PrimeField};
use halo2curves::bn256::{Fq, Fr};
use maci_nova_step_circuit::constraints::Constraints;
use maci_nova_step_circuit::num::{Bit, Gadget, Num};

/// Bits of the two lower limbs; the highest has one less.
pub const LIMB_BITS: usize = 85;
/// Limbs of a coordinate.
pub const LIMBS: usize = 3;
/// Bits of a coordinate.
pub const COORDINATE_BITS: usize = 254;
/// Limbs of a point.
pub const POINT_LIMBS: usize = 2 * LIMBS;
/// Elements that a point is hashed as: two limbs of 85 bits at a time.
pub const PACKED_POINT: usize = 3;

/// The most steps of one running proof: 2^37. Public inputs of the folded CycleFold instance are
/// sums of at most that many products below 2^215, less than 2^252 and so below r and q.
pub const MAX_STEPS: u64 = 1 << 37;

/// Bits of what a CycleFold instance is multiplied by: `2^128 + 2 k + 1`, k of 128 bits.
pub const MULTIPLIER_BITS: usize = 130;

/// Bits of the public inputs of the folded CycleFold instance.
pub const INPUT_BITS: usize = MULTIPLIER_BITS + LIMB_BITS + MAX_STEPS.ilog2() as usize;

// 2^MAX_STEPS.ilog2() are all steps, and both moduli are above 2^253.
const _: () = assert!(MAX_STEPS.is_power_of_two() && INPUT_BITS <= 253);

/// The limbs of a coordinate, least significant first.
pub fn limbs(coordinate: &Fq) -> [u128; LIMBS] {
    let bytes = coordinate.to_repr();
    let bytes: &[u8] = bytes.as_ref();
    core::array::from_fn(|limb| {
        let (from, to) = limb_range(limb);
        (from..to).rev().fold(0, |acc, bit| {
            acc << 1 | u128::from(bytes[bit / 8] >> (bit % 8) & 1)
        })
    })
}

/// The bits of a coordinate that make a limb.
fn limb_range(limb: usize) -> (usize, usize) {
    let from = limb * LIMB_BITS;
    (from, (from + LIMB_BITS).min(COORDINATE_BITS))
}

/// The six limbs of a point (x, then y) in any field; infinity is six zeros.
pub fn point_limbs<F: PrimeField>((x, y): &(Fq, Fq)) -> [F; POINT_LIMBS] {
    let (x, y) = (limbs(x), limbs(y));
    core::array::from_fn(|i| F::from_u128(if i < LIMBS { x[i] } else { y[i - LIMBS] }))
}

/// `2^(85 k)`.
pub fn limb_weight<F: PrimeField>(k: usize) -> F {
    F::from(2).pow_vartime([(k * LIMB_BITS) as u64])
}

/// The elements that six limbs are hashed as: the pairs `(x_0, x_1)`, `(y_0, y_1)`, `(x_2, y_2)`,
/// each `first + 2^85 second`. One to one for limbs in range.
pub fn pack(limbs: &[Fr; POINT_LIMBS]) -> [Fr; PACKED_POINT] {
    PAIRS.map(|(first, second)| limbs[first] + limb_weight::<Fr>(1) * limbs[second])
}

/// Which limbs are hashed together.
const PAIRS: [(usize, usize); PACKED_POINT] = [(0, 1), (3, 4), (2, 5)];

/// The limbs of a point in a circuit over Fr.
#[derive(Clone, Debug)]
pub struct PointLimbs(pub [Num; POINT_LIMBS]);

impl PointLimbs {
    /// Two coordinates below q, each limb in its range: 316 constraints a coordinate.
    pub fn alloc<CS: Constraints<Fr>>(g: &mut Gadget<'_, CS>, point: &(Fq, Fq)) -> Self {
        let mut limbs = alloc_coordinate(g, &point.0);
        limbs.extend(alloc_coordinate(g, &point.1));
        PointLimbs(limbs.try_into().expect("three limbs a coordinate"))
    }

    /// Limbs of a point that the step before hashed. Their ranges are shown again, since the hash
    /// binds only their pairs; that they are canonical is not: two points' limbs in range with
    /// equal pairs are equal. 508 constraints.
    pub fn alloc_hashed<CS: Constraints<Fr>>(g: &mut Gadget<'_, CS>, point: &(Fq, Fq)) -> Self {
        let mut limbs = limbs_of_bits(&alloc_bits(g, &point.0));
        limbs.extend(limbs_of_bits(&alloc_bits(g, &point.1)));
        PointLimbs(limbs.try_into().expect("three limbs a coordinate"))
    }

    pub fn pack(&self) -> [Num; PACKED_POINT] {
        PAIRS.map(|(first, second)| self.pair(first, second))
    }

    /// The sum of all limbs: 0 exactly for infinity, where the limbs are in range.
    pub fn sum(&self) -> Num {
        Num::dot(&self.0, &[Fr::ONE; POINT_LIMBS])
    }

    fn pair(&self, first: usize, second: usize) -> Num {
        self.0[first].add_scaled(&self.0[second], limb_weight(1))
    }
}

/// The limbs of a coordinate below q.
fn alloc_coordinate<CS: Constraints<Fr>>(g: &mut Gadget<'_, CS>, coordinate: &Fq) -> Vec<Num> {
    let bits = alloc_bits(g, coordinate);
    let below = g.less_than_constant(&bits, &base_modulus());
    g.enforce_equal("coordinate < q", below.num(), &Num::one());
    limbs_of_bits(&bits)
}

fn alloc_bits<CS: Constraints<Fr>>(g: &mut Gadget<'_, CS>, coordinate: &Fq) -> Vec<Bit> {
    let bytes = coordinate.to_repr();
    let bytes: &[u8] = bytes.as_ref();
    (0..COORDINATE_BITS)
        .map(|i| g.alloc_bit(bytes[i / 8] >> (i % 8) & 1 == 1))
        .collect()
}

fn limbs_of_bits(bits: &[Bit]) -> Vec<Num> {
    (0..LIMBS)
        .map(|limb| {
            let (from, to) = limb_range(limb);
            Num::from_bits_le(&bits[from..to])
        })
        .collect()
}

/// q, little-endian.
fn base_modulus() -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes.copy_from_slice((-Fq::ONE).to_repr().as_ref());
    // q - 1 is even, so adding 1 carries nowhere.
    bytes[0] += 1;
    bytes
}

/// The element of Fr that is the same integer, if there is one.
pub(crate) fn same_integer(scalar: &Fq) -> Option<Fr> {
    let mut bytes = <Fr as PrimeField>::Repr::default();
    bytes.as_mut().copy_from_slice(scalar.to_repr().as_ref());
    Fr::from_repr(bytes).into()
}

#[cfg(test)]
mod tests {
    use maci_nova_step_circuit::recorder::Recorder;
    use num_bigint::BigUint;
    use rand_core::OsRng;

    use super::*;

    fn integer(coordinate: &Fq) -> BigUint {
        BigUint::from_bytes_le(coordinate.to_repr().as_ref())
    }

    fn power(exponent: u64) -> Fq {
        Fq::from(2).pow_vartime([exponent])
    }

    /// Values at the boundaries of limbs and of the field.
    fn edges() -> Vec<Fq> {
        let mut edges = vec![Fq::ZERO, Fq::ONE, -Fq::ONE, -Fq::from(2)];
        for bit in [64, 84, 85, 86, 128, 169, 170, 171, 253] {
            edges.extend([power(bit), power(bit) - Fq::ONE, power(bit) + Fq::ONE]);
        }
        edges.extend((0..20).map(|_| Fq::random(OsRng)));
        edges
    }

    fn alloc(point: (Fq, Fq), replacements: &[(usize, Fr)]) -> (PointLimbs, Option<&'static str>) {
        let mut recorder = Recorder::default();
        let mut gadget = Gadget::with_replacements(&mut recorder, replacements);
        let limbs = PointLimbs::alloc(&mut gadget, &point);
        let violated = gadget.violated();
        assert_eq!(violated.is_none(), recorder.violated().is_none());
        (limbs, violated)
    }

    #[test]
    fn limbs_are_the_coordinate() {
        for edge in edges() {
            let [low, middle, high] = limbs(&edge).map(BigUint::from);
            let sum = low + (middle << LIMB_BITS) + (high << (2 * LIMB_BITS));
            assert_eq!(sum, integer(&edge));
            assert!(limbs(&edge)[2] < 1 << 84);
        }
    }

    #[test]
    fn the_gadget_gives_the_native_limbs() {
        let values = edges();
        for (x, y) in values.iter().zip(values.iter().rev()) {
            let (limbs, violated) = alloc((*x, *y), &[]);
            assert_eq!(violated, None);
            let native = point_limbs::<Fr>(&(*x, *y));
            assert_eq!(limbs.0.clone().map(|limb| limb.value()), native);
            assert_eq!(limbs.pack().map(|e| e.value()), pack(&native));
            let zero = limbs.sum().value() == Fr::ZERO;
            assert_eq!(zero, *x == Fq::ZERO && *y == Fq::ZERO);

            let mut recorder = Recorder::default();
            let mut gadget = Gadget::new(&mut recorder);
            let hashed = PointLimbs::alloc_hashed(&mut gadget, &(*x, *y));
            assert_eq!(gadget.violated(), None);
            assert_eq!(hashed.0.map(|limb| limb.value()), native);
        }
    }

    /// The bits of `c + q` where `c` has a second representation below 2^254.
    #[test]
    fn coordinates_that_are_not_canonical_are_refused() {
        let modulus = integer(&-Fq::ONE) + 1u8;
        for small in [0u64, 1, 1 << 40] {
            let second = &modulus + small;
            assert!(second.bits() <= COORDINATE_BITS as u64);
            // The bits are the first hints of the coordinate.
            let bits: Vec<(usize, Fr)> = (0..COORDINATE_BITS)
                .map(|i| (i, Fr::from(u64::from(second.bit(i as u64)))))
                .collect();
            let (_, violated) = alloc((Fq::from(small), Fq::ONE), &bits);
            assert!(violated.is_some(), "{small}");
        }
    }

    #[test]
    fn limbs_out_of_range_are_refused() {
        let point = (Fq::from(5), Fq::from(7));
        for hint in 0..2 * COORDINATE_BITS {
            for value in [-Fr::ONE, Fr::from(2), Fr::from(1 << 20)] {
                let mut recorder = Recorder::default();
                let mut gadget = Gadget::with_replacements(&mut recorder, &[(hint, value)]);
                PointLimbs::alloc_hashed(&mut gadget, &point);
                assert!(gadget.violated().is_some(), "hint {hint}");
            }
        }
        for bit in [0, 84, 85, 169, 170, 253, 254 + 61] {
            for value in [-Fr::ONE, Fr::from(2)] {
                assert!(alloc(point, &[(bit, value)]).1.is_some(), "bit {bit}");
            }
        }
    }

    #[test]
    fn packing_is_one_to_one_at_the_boundaries() {
        // A borrow between limbs that are packed together is an overflow of one of them.
        let top = Fr::from_u128((1 << 85) - 1);
        let honest = [top, Fr::ONE, Fr::ONE, top, Fr::ONE, Fr::ONE];
        for (first, second) in PAIRS {
            let mut moved = honest;
            moved[first] += limb_weight::<Fr>(1);
            moved[second] -= Fr::ONE;
            assert_eq!(pack(&moved), pack(&honest), "what the ranges are for");
        }
        for i in 0..POINT_LIMBS {
            let mut other = honest;
            other[i] += Fr::ONE;
            assert_ne!(pack(&other), pack(&honest));
        }
    }

    /// No public input of the folded CycleFold instance can wrap around either modulus.
    #[test]
    fn sums_of_all_steps_stay_below_both_moduli() {
        let multiplier = (BigUint::from(1u8) << 128u32) + (BigUint::from(1u8) << 129u32);
        let limb = BigUint::from(1u8) << LIMB_BITS;
        let bound = multiplier * limb * MAX_STEPS;
        let r = BigUint::from_bytes_le((-Fr::ONE).to_repr().as_ref());
        let q = BigUint::from_bytes_le((-Fq::ONE).to_repr().as_ref());
        assert!(bound < r && bound < q);
    }
}
