//! Commands as gadgets: `protocol::command` inside the circuit.

use crate::babyjub::Point;
use crate::constraints::Constraints;
use crate::eddsa::Signature;
use crate::num::{Bit, Gadget, Num};
use crate::Fr;

/// Bits of each of the five packed fields.
pub const FIELD_WIDTH: usize = 50;

/// A decrypted command and its signature. The five fields are below 2^50; the rest is any element.
#[derive(Clone, Debug)]
pub struct Command {
    /// The voter's index in the state tree.
    pub state_index: Num,
    /// The option.
    pub vote_option_index: Num,
    /// The weight to give it, without its sign: below 2^49.
    pub weight_magnitude: Num,
    /// Whether the weight is one against the option: bit 49.
    pub is_against: Bit,
    /// The nonce.
    pub nonce: Num,
    /// The poll.
    pub poll_id: Num,
    /// The key that replaces the voter's.
    pub new_public_key: Point,
    /// Randomness of the sender's, or the anchor.
    pub salt: Num,
    /// The hash that is signed.
    pub hash: Num,
    /// The signature.
    pub signature: Signature,
}

impl<CS: Constraints<Fr>> Gadget<'_, CS> {
    /// Reads `[packed, key.x, key.y, salt, R8.x, R8.y, S]`. The bits of the packed element are
    /// canonical, or the prover could read other fields from it; bits 250 to 253 are ignored, and
    /// the hash is over the five fields packed again.
    pub fn unpack_command(&mut self, plaintext: &[Num]) -> Command {
        let bits = self.scope("packed bits", |g| g.canonical_bits(&plaintext[0]));
        let field = |i: usize| Num::from_bits_le(&bits[i * FIELD_WIDTH..(i + 1) * FIELD_WIDTH]);
        let packed = Num::from_bits_le(&bits[..5 * FIELD_WIDTH]);
        let hash = self.scope("command hash", |g| {
            g.hash([&packed, &plaintext[1], &plaintext[2], &plaintext[3]])
        });
        Command {
            state_index: field(0),
            vote_option_index: field(1),
            weight_magnitude: Num::from_bits_le(&bits[2 * FIELD_WIDTH..3 * FIELD_WIDTH - 1]),
            is_against: bits[3 * FIELD_WIDTH - 1].clone(),
            nonce: field(3),
            poll_id: field(4),
            new_public_key: Point {
                x: plaintext[1].clone(),
                y: plaintext[2].clone(),
            },
            salt: plaintext[3].clone(),
            hash,
            signature: Signature {
                r8: Point {
                    x: plaintext[4].clone(),
                    y: plaintext[5].clone(),
                },
                s: plaintext[6].clone(),
            },
        }
    }
}
