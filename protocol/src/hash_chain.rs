//! The two hash chains that fix what entered a poll and in which order.

use crate::field::Fr;
use crate::message::{Join, Message, TopUp};
use crate::poseidon::hash;
use ff::Field;

/// `ZERO`, the start of both chains: keccak256("Maci") modulo r,
/// 8370432830353022751713833565135785980866757267633941821328460903436894336785.
const ZERO: Fr = Fr::from_raw([
    0x704745128417f711,
    0x80e4f8975483c8c2,
    0xd33f26c55735a77e,
    0x12817f4161f2f5de,
]);

/// The start of both chains.
pub fn zero() -> Fr {
    ZERO
}

/// What a message adds to the message chain: its digest, and the anchor that it was sent with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// The digest of a message or a top-up.
    pub digest: Fr,
    /// The message's anchor; 0 in a poll without anchors, and for top-ups.
    pub anchor: Fr,
}

impl From<&Message> for Link {
    fn from(message: &Message) -> Self {
        Link {
            digest: message.digest(),
            anchor: message.anchor,
        }
    }
}

impl From<&TopUp> for Link {
    /// Nobody signs a top-up: whoever sends it again pays again.
    fn from(top_up: &TopUp) -> Self {
        Link {
            digest: top_up.digest(),
            anchor: Fr::ZERO,
        }
    }
}

/// The message chain after a message or top-up: `P3(head, digest, anchor)`.
pub fn extend(head: Fr, link: Link) -> Fr {
    hash(&[head, link.digest, link.anchor])
}

/// The join chain after a join: `P4(head, publicKey.x, publicKey.y, voiceCredits)`.
pub fn extend_joins(head: Fr, join: &Join) -> Fr {
    hash(&[
        head,
        join.public_key.x,
        join.public_key.y,
        Fr::from(join.voice_credits),
    ])
}
