//! The 32-byte words that contracts hash.

use crate::field::Fr;
use ff::FromUniformBytes;
use sha3::{Digest, Keccak256};
use zeroize::Zeroizing;

/// Bytes of a word.
pub(crate) const WORD: usize = 32;

/// A word: a big-endian integer.
pub(crate) fn integer(value: u64) -> [u8; WORD] {
    let mut word = [0; WORD];
    word[WORD - 8..].copy_from_slice(&value.to_be_bytes());
    word
}

/// A word: the element's integer in [0, r), big-endian.
pub(crate) fn element(value: &Fr) -> [u8; WORD] {
    let mut word = crate::field::to_bytes(value);
    word.reverse();
    word
}

/// keccak256 of the words, a big-endian integer, modulo r.
pub(crate) fn digest(words: &[[u8; WORD]]) -> Fr {
    let mut hash: [u8; WORD] = Keccak256::digest(words.concat()).into();
    hash.reverse();
    reduce(&hash)
}

/// A little-endian integer modulo r.
pub(crate) fn reduce(bytes: &[u8; WORD]) -> Fr {
    let mut wide = Zeroizing::new([0; 64]);
    wide[..WORD].copy_from_slice(bytes);
    Fr::from_uniform_bytes(&wide)
}
