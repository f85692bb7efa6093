//! The two hash chains that fix what entered a poll and in which order.

use crate::field::Fr;
use crate::message::Join;
use crate::poseidon::hash;

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

/// The message chain after a message: `P2(head, digest)`.
pub fn extend(head: Fr, digest: Fr) -> Fr {
    hash(&[head, digest])
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
