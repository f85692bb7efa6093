//! Commands as gadgets: `protocol::command` inside the circuit.

use nova_snark::frontend::ConstraintSystem;

use crate::babyjub::Point;
use crate::eddsa::Signature;
use crate::num::{Gadget, Num};
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
    /// The weight to give it.
    pub new_vote_weight: Num,
    /// The nonce.
    pub nonce: Num,
    /// The poll.
    pub poll_id: Num,
    /// The key that replaces the voter's.
    pub new_public_key: Point,
    /// The hash that is signed.
    pub hash: Num,
    /// The signature.
    pub signature: Signature,
}

impl<CS: ConstraintSystem<Fr>> Gadget<'_, CS> {
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
            new_vote_weight: field(2),
            nonce: field(3),
            poll_id: field(4),
            new_public_key: Point {
                x: plaintext[1].clone(),
                y: plaintext[2].clone(),
            },
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
