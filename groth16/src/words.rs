//! Numbers and points as the EVM's words: 32 bytes, big endian; points in affine coordinates,
//! infinity as zeros.

use ark_bn254::{G1Affine, G2Affine};
use ark_ff::{BigInt, PrimeField};

use crate::convert::bytes;

/// Bytes of a word.
pub const WORD: usize = 32;

/// This word is not below its modulus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotCanonical(pub usize);

/// An element as a word.
pub fn word<F: PrimeField<BigInt = BigInt<4>>>(element: &F) -> [u8; WORD] {
    let mut word = bytes(element.into_bigint().0);
    word.reverse();
    word
}

/// A point of G1 as `x, y`.
pub fn g1_words(point: &G1Affine) -> [[u8; WORD]; 2] {
    [&point.x, &point.y].map(word)
}

/// A point of G2 as `x.c1, x.c0, y.c1, y.c0`, the order of the pairing precompile (EIP-197).
pub fn g2_words(point: &G2Affine) -> [[u8; WORD]; 4] {
    [&point.x.c1, &point.x.c0, &point.y.c1, &point.y.c0].map(word)
}

/// Words that have not been read yet, as many as are asked for.
#[derive(Debug)]
pub struct Words<'a> {
    bytes: &'a [u8],
    next: usize,
}

impl<'a> Words<'a> {
    /// All words of `bytes`; the caller reads no more than there are.
    pub fn new(bytes: &'a [u8]) -> Self {
        Words { bytes, next: 0 }
    }

    /// The next word as an element.
    pub fn element<F: PrimeField<BigInt = BigInt<4>>>(&mut self) -> Result<F, NotCanonical> {
        let number = self.next;
        self.next += 1;
        let word = &self.bytes[number * WORD..self.next * WORD];
        let mut limbs = [0; 4];
        for (limb, bytes) in limbs.iter_mut().zip(word.rchunks(8)) {
            let bytes = bytes.iter();
            *limb = bytes.fold(0, |limb, byte| limb << 8 | u64::from(*byte));
        }
        F::from_bigint(BigInt::new(limbs)).ok_or(NotCanonical(number))
    }

    /// The next two words as a point, on the curve or not.
    pub fn g1(&mut self) -> Result<G1Affine, NotCanonical> {
        let (x, y) = (self.element()?, self.element()?);
        Ok(G1Affine::new_unchecked(x, y))
    }

    /// The next four words as a point, on the curve or not.
    pub fn g2(&mut self) -> Result<G2Affine, NotCanonical> {
        let mut imaginary_first = || {
            let (c1, c0) = (self.element()?, self.element()?);
            Ok(ark_bn254::Fq2::new(c0, c1))
        };
        Ok(G2Affine::new_unchecked(
            imaginary_first()?,
            imaginary_first()?,
        ))
    }
}
