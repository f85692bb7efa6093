//! Points and lists as files have them: `ark-serialize`'s uncompressed form, 64 bytes a point of G1 and 128 of G2, each
//! coordinate little endian, the highest bits of the last byte marking infinity and the sign of y. No point has two forms.

use ark_bn254::{Fr, G1Affine, G2Affine};
use ark_ff::PrimeField;
use ark_serialize::{CanonicalDeserialize, CanonicalSerialize};
use rayon::prelude::*;
use sha2::{Digest, Sha512};
use zeroize::Zeroizing;

pub(crate) const G1_BYTES: usize = 64;
pub(crate) const G2_BYTES: usize = 128;
pub(crate) const SCALAR_BYTES: usize = 32;

/// The form of a value.
pub(crate) fn put<T: CanonicalSerialize>(bytes: &mut Vec<u8>, value: &T) {
    value
        .serialize_uncompressed(bytes)
        .expect("a vector takes everything");
}

/// The value of a form: of its group, and written as it would be here.
fn value<T: CanonicalSerialize + CanonicalDeserialize>(bytes: &[u8]) -> Option<T> {
    let value = T::deserialize_uncompressed(bytes).ok()?;
    let mut again = Vec::with_capacity(bytes.len());
    put(&mut again, &value);
    (again == bytes).then_some(value)
}

/// A list's bytes.
pub(crate) fn encode(points: &[G1Affine]) -> Vec<u8> {
    let mut bytes = vec![0; points.len() * G1_BYTES];
    bytes
        .par_chunks_exact_mut(G1_BYTES)
        .zip(points)
        .for_each(|(slot, point)| {
            point
                .serialize_uncompressed(slot)
                .expect("as long as a point");
        });
    bytes
}

/// A list of its bytes, if each point is one.
pub(crate) fn decode(bytes: &[u8]) -> Option<Vec<G1Affine>> {
    bytes.par_chunks_exact(G1_BYTES).map(value).collect()
}

/// Takes one thing after another from bytes; nothing where they end, or are something else.
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.bytes(N)?.try_into().ok()
    }

    pub(crate) fn byte(&mut self) -> Option<u8> {
        self.array().map(|[byte]| byte)
    }

    /// Bytes after their number.
    pub(crate) fn prefixed(&mut self) -> Option<&'a [u8]> {
        let count = u16::from_le_bytes(self.array()?);
        self.bytes(usize::from(count))
    }

    pub(crate) fn g1(&mut self) -> Option<G1Affine> {
        self.bytes(G1_BYTES).and_then(value)
    }

    pub(crate) fn g2(&mut self) -> Option<G2Affine> {
        self.bytes(G2_BYTES).and_then(value)
    }

    pub(crate) fn scalar(&mut self) -> Option<Fr> {
        self.bytes(SCALAR_BYTES).and_then(value)
    }

    pub(crate) fn is_at_end(&self) -> bool {
        self.0.is_empty()
    }
}

/// Bytes after their number. They are at most 65,535.
pub(crate) fn put_prefixed(bytes: &mut Vec<u8>, content: &[u8]) {
    let count = u16::try_from(content.len()).expect("checked by whoever made it");
    bytes.extend_from_slice(&count.to_le_bytes());
    bytes.extend_from_slice(content);
}

/// A number below r from what is hashed, as good as uniform: 512 bits modulo r.
pub(crate) fn scalar_of(hash: Sha512) -> Fr {
    let digest = Zeroizing::new(<[u8; 64]>::from(hash.finalize()));
    Fr::from_le_bytes_mod_order(&*digest)
}

#[cfg(test)]
mod tests {
    use ark_ec::AffineRepr;

    use super::*;

    #[test]
    fn a_point_has_one_form() {
        for point in [
            G1Affine::generator(),
            G1Affine::zero(),
            -G1Affine::generator(),
        ] {
            let bytes = encode(&[point]);
            assert_eq!(decode(&bytes), Some(vec![point]));
            for bit in 0..8 * G1_BYTES {
                let mut changed = bytes.clone();
                changed[bit / 8] ^= 1 << (bit % 8);
                let read = decode(&changed);
                assert!(read.is_none_or(|read| read != [point]), "{bit}");
            }
        }
        assert!(Reader(&[0xff; 32]).scalar().is_none());
    }
}
