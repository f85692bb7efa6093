//! The two hash chains that fix what entered a poll and in which order.
//!
//! The message chain may hold a bundle of messages as one link: they have a chain of their own, from
//! [`bundle_start`] on, whose end is in the link.

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

/// The start of a bundle's own chain: keccak256("maci-nova bundle start") modulo r,
/// 2399512151363211220101465339461083672571344845419815035026336865038705886943.
const BUNDLE_START: Fr = Fr::from_raw([
    0x7ee2edccc05806df,
    0x3ab18cbda3f09bc2,
    0x97ed0f2da5cbc259,
    0x054e13644e0b0ffa,
]);

/// What stands in a bundle's link where a message has its anchor: keccak256("maci-nova bundle")
/// modulo r, 18821328232289350506185933559994378747969262344298964345595998791259202653222.
const BUNDLE_MARK: Fr = Fr::from_raw([
    0x8a37765d28960c26,
    0x3838aefab8e5b898,
    0x646f5d9f8dfc3a8d,
    0x299c7e886ee2925c,
]);

/// The start of a bundle's own chain.
pub fn bundle_start() -> Fr {
    BUNDLE_START
}

/// What stands in a bundle's link in the place of an anchor. No message has it: an anchor is 0 or a
/// hash that depends on a block.
pub fn bundle_mark() -> Fr {
    BUNDLE_MARK
}

/// What a message, a top-up or a bundle adds to the message chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// The digest of a message or a top-up, or the end of a bundle's own chain.
    pub digest: Fr,
    /// The message's anchor; 0 in a poll without anchors, and for top-ups; [`bundle_mark`] for a
    /// bundle.
    pub anchor: Fr,
}

impl Link {
    /// That of a bundle whose own chain ends with `inner`.
    pub fn of_bundle(inner: Fr) -> Self {
        Link {
            digest: inner,
            anchor: BUNDLE_MARK,
        }
    }
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

/// The message chain after a message, a top-up or a bundle, or a bundle's own chain after a message:
/// `P3(head, digest, anchor)`.
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
