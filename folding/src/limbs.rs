//! Points of BN254's first group as limbs: how their coordinates, elements of Fq, stand in circuits
//! over Fr and in the public inputs of the CycleFold circuit.
//!
//! A coordinate `c < q < 2^254` is `l_0 + 2^85 l_1 + 2^170 l_2`, limbs of 85, 85 and 84 bits. They
//! are that short so that folding needs no arithmetic modulo q: a limb times a folding multiplier
//! below 2^130 is below 2^215, and a sum of 2^38 such products is below both r and q, so the same
//! integer stands on both sides of the cycle (see [`MAX_STEPS`]).

use ff::{Field, PrimeField};
use halo2curves::bn256::{Fq, Fr};
use maci_nova_step_circuit::num::{Bit, Gadget, Num};
use nova_snark::frontend::ConstraintSystem;

/// Bits of the two lower limbs; the highest has one less.
pub(crate) const LIMB_BITS: usize = 85;
/// Limbs of a coordinate.
pub(crate) const LIMBS: usize = 3;
/// Bits of a coordinate.
pub(crate) const COORDINATE_BITS: usize = 254;
/// Limbs of a point.
pub(crate) const POINT_LIMBS: usize = 2 * LIMBS;
/// Elements that a point is hashed as: two limbs of 85 bits at a time.
pub(crate) const PACKED_POINT: usize = 3;

/// The most steps of one running proof: 2^37. Public inputs of the folded CycleFold instance are
/// sums of at most that many products below 2^215, less than 2^252 and so below r and q.
pub const MAX_STEPS: u64 = 1 << 37;

/// The limbs of a coordinate, least significant first.
pub(crate) fn limbs(coordinate: &Fq) -> [u128; LIMBS] {
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
pub(crate) fn point_limbs<F: PrimeField>((x, y): &(Fq, Fq)) -> [F; POINT_LIMBS] {
    let (x, y) = (limbs(x), limbs(y));
    core::array::from_fn(|i| F::from_u128(if i < LIMBS { x[i] } else { y[i - LIMBS] }))
}

/// `2^(85 k)`.
pub(crate) fn limb_weight<F: PrimeField>(k: usize) -> F {
    F::from(2).pow_vartime([(k * LIMB_BITS) as u64])
}

/// The elements that six limbs are hashed as: the pairs `(x_0, x_1)`, `(y_0, y_1)`, `(x_2, y_2)`,
/// each `first + 2^85 second`. One to one for limbs in range.
pub(crate) fn pack(limbs: &[Fr; POINT_LIMBS]) -> [Fr; PACKED_POINT] {
    PAIRS.map(|(first, second)| limbs[first] + limb_weight::<Fr>(1) * limbs[second])
}

/// Which limbs are hashed together.
const PAIRS: [(usize, usize); PACKED_POINT] = [(0, 1), (3, 4), (2, 5)];
/// The highest limbs of x and y.
const HIGHEST: (usize, usize) = PAIRS[2];
/// Elements of a point in the hash of a running instance.
pub(crate) const HALF_PACKED_POINT: usize = 5;

/// The elements that a point is hashed as where its limbs' ranges are to be shown again: the four
/// lower limbs, and the two highest as one.
pub(crate) fn half_pack(limbs: &[Fr; POINT_LIMBS]) -> [Fr; HALF_PACKED_POINT] {
    let highest = limbs[HIGHEST.0] + limb_weight::<Fr>(1) * limbs[HIGHEST.1];
    [limbs[0], limbs[1], limbs[3], limbs[4], highest]
}

/// The limbs of a point in a circuit over Fr.
#[derive(Clone, Debug)]
pub(crate) struct PointLimbs(pub(crate) [Num; POINT_LIMBS]);

impl PointLimbs {
    /// Two coordinates below q, each limb in its range: 315 constraints a coordinate.
    pub(crate) fn alloc<CS: ConstraintSystem<Fr>>(
        g: &mut Gadget<'_, CS>,
        point: &(Fq, Fq),
    ) -> Self {
        let mut limbs = alloc_coordinate(g, &point.0);
        limbs.extend(alloc_coordinate(g, &point.1));
        PointLimbs(limbs.try_into().expect("three limbs a coordinate"))
    }

    /// Limbs that were shown to be in range by the step before, as its hash binds them: the lower
    /// ones stand in the hash as they are, of the highest the range is shown again, since the hash
    /// binds only `x_2 + 2^85 y_2`. 168 constraints.
    pub(crate) fn alloc_hashed<CS: ConstraintSystem<Fr>>(
        g: &mut Gadget<'_, CS>,
        point: &(Fq, Fq),
    ) -> Self {
        let values = point_limbs::<Fr>(point);
        let integers = [limbs(&point.0), limbs(&point.1)];
        PointLimbs(core::array::from_fn(|i| {
            if i == HIGHEST.0 || i == HIGHEST.1 {
                let (from, to) = limb_range(LIMBS - 1);
                alloc_integer(g, integers[i / LIMBS][LIMBS - 1], to - from)
            } else {
                g.alloc(values[i])
            }
        }))
    }

    pub(crate) fn pack(&self) -> [Num; PACKED_POINT] {
        PAIRS.map(|(first, second)| self.pair(first, second))
    }

    pub(crate) fn half_pack(&self) -> [Num; HALF_PACKED_POINT] {
        let limbs = &self.0;
        let highest = self.pair(HIGHEST.0, HIGHEST.1);
        [
            limbs[0].clone(),
            limbs[1].clone(),
            limbs[3].clone(),
            limbs[4].clone(),
            highest,
        ]
    }

    /// The sum of all limbs: 0 exactly for infinity, where the limbs are in range.
    pub(crate) fn sum(&self) -> Num {
        Num::dot(&self.0, &[Fr::ONE; POINT_LIMBS])
    }

    fn pair(&self, first: usize, second: usize) -> Num {
        self.0[first].add_scaled(&self.0[second], limb_weight(1))
    }
}

/// The limbs of a coordinate below q.
fn alloc_coordinate<CS: ConstraintSystem<Fr>>(g: &mut Gadget<'_, CS>, coordinate: &Fq) -> Vec<Num> {
    let bytes = coordinate.to_repr();
    let bytes: &[u8] = bytes.as_ref();
    let bits: Vec<Bit> = (0..COORDINATE_BITS)
        .map(|i| g.alloc_bit(bytes[i / 8] >> (i % 8) & 1 == 1))
        .collect();
    let below = g.less_than_constant(&bits, &base_modulus());
    g.enforce_equal("coordinate < q", below.num(), &Num::one());
    (0..LIMBS)
        .map(|limb| {
            let (from, to) = limb_range(limb);
            Num::from_bits_le(&bits[from..to])
        })
        .collect()
}

/// An integer of so many bits, at most 128.
fn alloc_integer<CS: ConstraintSystem<Fr>>(
    g: &mut Gadget<'_, CS>,
    integer: u128,
    bits: usize,
) -> Num {
    let bits: Vec<Bit> = (0..bits)
        .map(|i| g.alloc_bit(integer >> i & 1 == 1))
        .collect();
    Num::from_bits_le(&bits)
}

/// q, little-endian.
fn base_modulus() -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes.copy_from_slice((-Fq::ONE).to_repr().as_ref());
    // q - 1 is even, so adding 1 carries nowhere.
    bytes[0] += 1;
    bytes
}
