//! What enters a poll in the clear: messages (encrypted commands), top-ups and joins.

use crate::babyjub::Point;
use crate::field::Fr;
use crate::poseidon::hash;
use ff::Field;
use serde::{Deserialize, Serialize};

/// A top-up's amount is below two to this power.
pub const AMOUNT_BITS: u32 = 48;

/// A join's voice credits are below two to this power.
pub const CREDIT_BITS: u32 = 32;

/// An encrypted command: any elements at all, and the anchor that it was sent with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Message {
    /// The ciphertext, tag last.
    #[serde(with = "crate::message::elements")]
    pub data: [Fr; 10],
    /// The sender's one-time public key, which may be off the curve.
    pub encryption_key: Point,
    /// What nobody could know before a recent block, as the poll's contract computed it from that
    /// block's hash; 0 in a poll without anchors. A command counts only if its salt is this, so it
    /// cannot be sent again later.
    #[serde(with = "crate::field::decimal")]
    pub anchor: Fr,
}

impl Message {
    /// `P4(P5(d0..d4), P5(d5..d9), encryptionKey.x, encryptionKey.y)`: the anchor is not part of
    /// it, it enters the message chain beside it.
    pub fn digest(&self) -> Fr {
        let [d0, d1, d2, d3, d4, d5, d6, d7, d8, d9] = self.data;
        let halves = [hash(&[d0, d1, d2, d3, d4]), hash(&[d5, d6, d7, d8, d9])];
        hash(&[
            halves[0],
            halves[1],
            self.encryption_key.x,
            self.encryption_key.y,
        ])
    }
}

/// Voice credits added to a voter's balance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopUp {
    /// The voter's index in the state tree, from 1.
    pub state_index: u64,
    /// Voice credits, above 0 and below 2^48.
    pub amount: u64,
}

impl TopUp {
    /// `P3(1, stateIndex, amount)`.
    pub fn digest(&self) -> Fr {
        hash(&[Fr::ONE, Fr::from(self.state_index), Fr::from(self.amount)])
    }
}

/// A voter entering the poll.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Join {
    /// The voter's first key for this poll: any two elements.
    pub public_key: Point,
    /// The voter's first balance, below 2^32.
    pub voice_credits: u64,
}

/// Serde form of a ciphertext: ten elements.
pub(crate) mod elements {
    use crate::field::{decimal::Element, Fr};
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(crate) fn serialize<S: Serializer>(
        data: &[Fr; 10],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        data.map(Element).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<[Fr; 10], D::Error> {
        <[Element; 10]>::deserialize(deserializer).map(|elements| elements.map(|element| element.0))
    }
}
