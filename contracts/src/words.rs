//! Field elements and points as the EVM's words: 256-bit integers, points as affine coordinates,
//! infinity as zeros.

use alloy_primitives::U256;
use ff::{Field, PrimeField};
use halo2curves::bn256::{Fq, Fq2, Fr, G1Affine, G2Affine, G2};
use halo2curves::CurveAffine;

/// A scalar, below the group order.
pub fn scalar(value: &Fr) -> U256 {
    U256::from_le_slice(value.to_repr().as_ref())
}

/// The group order r.
pub fn group_order() -> U256 {
    scalar(&-Fr::ONE) + U256::ONE
}

/// A word as a scalar; `None` if it is not below the group order.
pub fn to_scalar(word: U256) -> Option<Fr> {
    Fr::from_repr(word.to_le_bytes::<32>().into()).into()
}

/// A coordinate, below the base field's modulus.
pub fn coordinate(value: &Fq) -> U256 {
    U256::from_le_slice(value.to_repr().as_ref())
}

/// A word as a coordinate; `None` if it is not below the modulus.
pub fn to_coordinate(word: U256) -> Option<Fq> {
    Fq::from_repr(word.to_le_bytes::<32>().into()).into()
}

/// A point of G1 as `x, y`.
pub fn g1(point: &G1Affine) -> [U256; 2] {
    [coordinate(&point.x), coordinate(&point.y)]
}

/// A point of G2 as `x.c1, x.c0, y.c1, y.c0`, the order of the pairing precompile (EIP-197).
pub fn g2(point: &G2Affine) -> [U256; 4] {
    [
        coordinate(point.x.c1()),
        coordinate(point.x.c0()),
        coordinate(point.y.c1()),
        coordinate(point.y.c0()),
    ]
}

/// The inverse of [`g1`]; `None` if the words are not below the modulus or not on the curve.
pub fn to_g1(words: [U256; 2]) -> Option<G1Affine> {
    let [x, y] = words.map(to_coordinate);
    G1Affine::from_xy(x?, y?).into()
}

/// The inverse of [`g2`]; `None` if the words are not below the modulus, not on the curve, or the
/// point is not of order r.
pub fn to_g2(words: [U256; 4]) -> Option<G2Affine> {
    let [x1, x0, y1, y0] = words.map(to_coordinate);
    let (x, y) = (Fq2::new(x0?, x1?), Fq2::new(y0?, y1?));
    let point: G2Affine = Option::from(G2Affine::from_xy(x, y))?;
    // (r - 1) P = -P, that is r P = 0.
    let of_order_r = point * -Fr::ONE == -G2::from(point);
    of_order_r.then_some(point)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_of_both_groups_go_both_ways() {
        let (one, two) = (G1Affine::generator(), G2Affine::generator());
        assert_eq!(to_g1(g1(&one)), Some(one));
        assert_eq!(to_g2(g2(&two)), Some(two));
        assert_eq!(to_g1([U256::ZERO; 2]), Some(G1Affine::default()));
        assert_eq!(to_g2([U256::ZERO; 4]), Some(G2Affine::default()));
    }

    #[test]
    fn words_that_are_no_points() {
        let modulus = coordinate(&-Fq::ONE) + U256::ONE;
        let [x, y] = g1(&G1Affine::generator());
        for words in [
            [x, y + U256::ONE],
            [x + modulus, y],
            [x, y + modulus],
            [U256::MAX, y],
        ] {
            assert_eq!(to_g1(words), None, "{words:?}");
        }
        let words = g2(&G2Affine::generator());
        for i in 0..4 {
            let mut off = words;
            off[i] += U256::ONE;
            assert_eq!(to_g2(off), None, "{i}");
            let mut above = words;
            above[i] += modulus;
            assert_eq!(to_g2(above), None, "{i}");
        }
    }

    #[test]
    fn a_point_of_the_curve_outside_the_subgroup() {
        // The curve of G2 has a cofactor, so almost every point that is found so is outside.
        let found = (1..).find_map(|i| {
            let x = Fq2::new(Fq::from(i), Fq::ZERO);
            let y: Option<Fq2> = (x.square() * x + G2Affine::b()).sqrt().into();
            G2Affine::from_xy(x, y?).into_option()
        });
        let point = found.expect("a point");
        assert_eq!(to_g2(g2(&point)), None);
    }
}
