//! Field elements and points as the EVM's words: 256-bit integers, points as affine coordinates,
//! infinity as zeros.

use alloy_primitives::U256;
use ff::PrimeField;
use halo2curves::bn256::{Fq, Fr, G1Affine, G2Affine};

/// A scalar, below the group order.
pub fn scalar(value: &Fr) -> U256 {
    U256::from_le_slice(value.to_repr().as_ref())
}

/// A word as a scalar; `None` if it is not below the group order.
pub fn to_scalar(word: U256) -> Option<Fr> {
    Fr::from_repr(word.to_le_bytes::<32>().into()).into()
}

/// A coordinate, below the base field's modulus.
pub fn coordinate(value: &Fq) -> U256 {
    U256::from_le_slice(value.to_repr().as_ref())
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
