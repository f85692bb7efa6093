//! Authenticated encryption of seven elements in Poseidon's duplex mode, nonce 0.
//!
//! The state starts as `[0, key.x, key.y, length 2^128]`. Before each block of three elements, and
//! before the tag, the permutation of width 4 is applied; a block is added to words 1, 2, 3, which
//! become ciphertext; the tag is word 1.
//!
//! Source: Khovratovich, "Encryption with Poseidon" (2019), as MACI uses it.

use crate::babyjub::Point;
use crate::field::Fr;
use crate::poseidon::permute;
use ff::{Field, PrimeField};

/// Elements of a message before encryption.
pub const PLAINTEXT_LENGTH: usize = 7;

/// Elements of a ciphertext: the plaintext padded to nine, and the tag.
pub const CIPHERTEXT_LENGTH: usize = 10;

/// What a ciphertext gives under a shared key. The three fields are independent: a wrong tag hides
/// nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decryption {
    /// The nine decrypted elements; an honest ciphertext's last two are 0.
    pub plaintext: [Fr; 9],
    /// Whether the authentication tag is right.
    pub tag_valid: bool,
    /// Whether the last two elements are 0.
    pub padding_zero: bool,
}

fn initial_state(shared: &Point) -> [Fr; 4] {
    let length = Fr::from_u128(PLAINTEXT_LENGTH as u128) * Fr::from_u128(1 << 127).double();
    [Fr::ZERO, shared.x, shared.y, length]
}

/// Encrypts under a shared key, which must be used for one message only.
pub fn encrypt(plaintext: &[Fr; 7], shared: &Point) -> [Fr; 10] {
    let mut padded = [Fr::ZERO; 9];
    padded[..7].copy_from_slice(plaintext);
    let mut ciphertext = [Fr::ZERO; 10];
    let mut state = initial_state(shared);
    for (block, out) in padded.chunks_exact(3).zip(ciphertext.chunks_exact_mut(3)) {
        permute(&mut state);
        for i in 0..3 {
            state[i + 1] += block[i];
        }
        out.copy_from_slice(&state[1..]);
    }
    permute(&mut state);
    ciphertext[9] = state[1];
    ciphertext
}

/// Decrypts under a shared key. Never fails: the result says whether the ciphertext was honest.
pub fn decrypt(ciphertext: &[Fr; 10], shared: &Point) -> Decryption {
    let mut plaintext = [Fr::ZERO; 9];
    let mut state = initial_state(shared);
    for (block, out) in ciphertext
        .chunks_exact(3)
        .zip(plaintext.chunks_exact_mut(3))
    {
        permute(&mut state);
        for i in 0..3 {
            out[i] = block[i] - state[i + 1];
        }
        state[1..].copy_from_slice(block);
    }
    permute(&mut state);
    Decryption {
        plaintext,
        tag_valid: ciphertext[9] == state[1],
        padding_zero: plaintext[7] == Fr::ZERO && plaintext[8] == Fr::ZERO,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn elements<const N: usize>(seeds: [u64; N]) -> [Fr; N] {
        seeds.map(|seed| Fr::from(seed).square().square().square())
    }

    proptest! {
        #[test]
        fn round_trip_and_tamper(
            text in any::<[u64; 7]>(), key in any::<[u64; 2]>(), at in 0usize..10, by in 1u64..,
        ) {
            let text = elements(text);
            let [x, y] = elements(key);
            let shared = Point { x, y };
            let mut ciphertext = encrypt(&text, &shared);
            let decryption = decrypt(&ciphertext, &shared);
            prop_assert_eq!(&decryption.plaintext[..7], &text[..]);
            prop_assert!(decryption.tag_valid && decryption.padding_zero);

            let other = Point { x: x + Fr::ONE, y };
            prop_assert!(!decrypt(&ciphertext, &other).tag_valid);
            ciphertext[at] += Fr::from(by);
            prop_assert!(!decrypt(&ciphertext, &shared).tag_valid);
        }
    }
}
