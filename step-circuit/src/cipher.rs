//! Poseidon decryption as a gadget: `protocol::cipher` inside the circuit.

use crate::babyjub::Point;
use crate::bits::power_of_two;
use crate::constraints::Constraints;
use crate::num::{Bit, Gadget, Num};
use crate::Fr;

/// Elements of plaintext in a message.
pub const PLAINTEXT_LEN: usize = 7;

/// Elements of ciphertext in a message: the plaintext padded to a multiple of three, and the tag.
pub const CIPHERTEXT_LEN: usize = 10;

/// What a ciphertext decrypts to. Anything decrypts to something.
#[derive(Clone, Debug)]
pub struct Decryption {
    /// The plaintext, without its padding.
    pub plaintext: Vec<Num>,
    /// Whether the tag is right and the padding is zero.
    pub is_authentic: Bit,
}

impl<CS: Constraints<Fr>> Gadget<'_, CS> {
    /// Decrypts under a shared key, with nonce 0. The sponge starts as
    /// `(0, key.x, key.y, length * 2^128)`; after each permutation a block of plaintext is the
    /// block of ciphertext less the state, and the ciphertext replaces it in the state.
    pub fn decrypt(&mut self, ciphertext: &[Num; CIPHERTEXT_LEN], key: &Point) -> Decryption {
        let length = Fr::from(PLAINTEXT_LEN as u64) * power_of_two(128);
        let mut state = vec![
            Num::zero(),
            key.x.clone(),
            key.y.clone(),
            Num::constant(length),
        ];
        let mut plaintext = Vec::with_capacity(CIPHERTEXT_LEN - 1);
        let (blocks, tag) = ciphertext.split_at(CIPHERTEXT_LEN - 1);
        for block in blocks.chunks(3) {
            state = self.permute(state);
            for (word, cipher) in state[1..].iter_mut().zip(block) {
                plaintext.push(cipher - word);
                *word = cipher.clone();
            }
        }
        state = self.permute(state);
        let tag_valid = self.is_equal(&tag[0], &state[1]);
        let padding = plaintext.split_off(PLAINTEXT_LEN);
        let first_zero = self.is_zero(&padding[0]);
        let second_zero = self.is_zero(&padding[1]);
        let is_authentic = self.all(&[&tag_valid, &first_zero, &second_zero]);
        Decryption {
            plaintext,
            is_authentic,
        }
    }
}
