//! A voter's command: what a message hides.
//!
//! Source: MACI's command object; the packing and the hash are design choices of MACI v3.

use crate::babyjub::Point;
use crate::cipher;
use crate::eddsa::{self, Signature};
use crate::field::{to_bytes, Fr};
use crate::keys::PrivateKey;
use crate::poseidon::hash;
use serde::{Deserialize, Serialize};

/// Bits of each of the five packed fields.
pub const FIELD_BITS: u32 = 50;

/// A field of a command does not fit in its 50 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the command's {field} is not below 2^50")]
pub struct CommandError {
    /// The field's name in words.
    pub field: &'static str,
}

/// Casts a vote, changes the voter's key, or both. The first five numbers are below 2^50.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    /// The voter's index in the state tree.
    pub state_index: u64,
    /// The voter's key from here on: any two elements.
    pub new_public_key: Point,
    /// The option to vote for.
    pub vote_option_index: u64,
    /// The weight that the option gets instead of its earlier one.
    pub new_vote_weight: u64,
    /// One more than the voter's commands applied so far.
    pub nonce: u64,
    /// The poll that the command is for.
    pub poll_id: u64,
    /// Randomness that hides the command's hash.
    #[serde(with = "crate::field::decimal")]
    pub salt: Fr,
}

impl Command {
    /// A command of checked fields, in the order of the struct.
    ///
    /// # Errors
    /// [`CommandError`] if one of the five numbers is not below 2^50.
    pub fn new(
        state_index: u64,
        new_public_key: Point,
        vote_option_index: u64,
        new_vote_weight: u64,
        nonce: u64,
        poll_id: u64,
        salt: Fr,
    ) -> Result<Self, CommandError> {
        let numbers = [
            (state_index, "state index"),
            (vote_option_index, "vote option index"),
            (new_vote_weight, "vote weight"),
            (nonce, "nonce"),
            (poll_id, "poll id"),
        ];
        if let Some((_, field)) = numbers.iter().find(|(number, _)| number >> FIELD_BITS != 0) {
            return Err(CommandError { field });
        }
        Ok(Command {
            state_index,
            new_public_key,
            vote_option_index,
            new_vote_weight,
            nonce,
            poll_id,
            salt,
        })
    }

    /// `stateIndex + voteOptionIndex 2^50 + newVoteWeight 2^100 + nonce 2^150 + pollId 2^200`.
    pub fn pack(&self) -> Fr {
        let numbers = [
            self.poll_id,
            self.nonce,
            self.new_vote_weight,
            self.vote_option_index,
            self.state_index,
        ];
        let shift = Fr::from(1 << FIELD_BITS);
        numbers
            .into_iter()
            .fold(Fr::from(0), |sum, number| sum * shift + Fr::from(number))
    }

    /// The command of a decrypted packed element: bits 0..249 of its canonical integer are the five
    /// numbers, bits 250..253 are ignored.
    pub fn unpack(packed: Fr, new_public_key: Point, salt: Fr) -> Self {
        let bytes = to_bytes(&packed);
        let number = |index: u32| bits(&bytes, index * FIELD_BITS);
        Command {
            state_index: number(0),
            new_public_key,
            vote_option_index: number(1),
            new_vote_weight: number(2),
            nonce: number(3),
            poll_id: number(4),
            salt,
        }
    }

    /// What is signed: `P4(packed, newPublicKey.x, newPublicKey.y, salt)`.
    pub fn hash(&self) -> Fr {
        let key = &self.new_public_key;
        hash(&[self.pack(), key.x, key.y, self.salt])
    }

    /// The signature of the command's hash.
    pub fn sign(&self, private_key: &PrivateKey) -> Signature {
        eddsa::sign(private_key, self.hash())
    }

    /// The ciphertext of the command and its signature under a shared key.
    pub fn encrypt(&self, signature: &Signature, shared: &Point) -> [Fr; 10] {
        let plaintext = [
            self.pack(),
            self.new_public_key.x,
            self.new_public_key.y,
            self.salt,
            signature.r8.x,
            signature.r8.y,
            signature.s,
        ];
        cipher::encrypt(&plaintext, shared)
    }
}

/// The 50 bits of a little-endian integer from a bit position below 206.
fn bits(bytes: &[u8; 32], from: u32) -> u64 {
    let start = (from / 8) as usize;
    let window = bytes[start..]
        .iter()
        .take(8)
        .rev()
        .fold(0u64, |sum, byte| (sum << 8) | u64::from(*byte));
    (window >> (from % 8)) & ((1 << FIELD_BITS) - 1)
}
