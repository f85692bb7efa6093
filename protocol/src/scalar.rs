//! The scalar field of BabyJubJub's prime-order subgroup.

// The derive macro makes a representation type without a comment.
#![allow(missing_docs)]

use ff::{Field, PrimeField};
use zeroize::DefaultIsZeroes;

/// An integer modulo the subgroup order l.
#[derive(PrimeField)]
#[PrimeFieldModulus = "2736030358979909402780800718157159386076813972158567259200215660948447373041"]
#[PrimeFieldGenerator = "31"]
#[PrimeFieldReprEndianness = "little"]
pub struct Scalar([u64; 4]);

impl DefaultIsZeroes for Scalar {}

impl Scalar {
    /// The canonical integer, in [0, l), as 32 little-endian bytes.
    pub fn to_bytes(&self) -> [u8; 32] {
        let mut bytes = [0u8; 32];
        bytes.copy_from_slice(self.to_repr().as_ref());
        bytes
    }

    /// The integer of 32 little-endian bytes, or `None` if it is not below l.
    pub fn from_bytes(bytes: &[u8; 32]) -> Option<Self> {
        let mut repr = ScalarRepr::default();
        repr.as_mut().copy_from_slice(bytes);
        Self::from_repr(repr).into()
    }

    /// Any number of little-endian bytes modulo l.
    pub fn from_le_bytes_mod_order(bytes: &[u8]) -> Self {
        let radix = Scalar::from(256);
        let horner = |sum: Scalar, byte: &u8| sum * radix + Scalar::from(u64::from(*byte));
        bytes.iter().rev().fold(Scalar::ZERO, horner)
    }
}
