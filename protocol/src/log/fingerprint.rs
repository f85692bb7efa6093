//! What a message was when its log was scanned, in 16 bytes.

use crate::field::{to_bytes, Fr};
use crate::poll::Event;
use sha3::{Digest, Keccak256};

/// Half of a Keccak-256 of what is in a message, a top-up or a bundle. It tells that a log is still the one that was scanned, in less
/// time than its chain takes: that is four Poseidon hashes, and was checked then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fingerprint([u8; 16]);

impl Fingerprint {
    pub(super) fn of(event: &Event) -> Self {
        let mut hasher = Keccak256::new();
        let mut add = |kind: u8, elements: &[Fr]| {
            hasher.update([kind]);
            for element in elements {
                hasher.update(to_bytes(element));
            }
        };
        match event {
            Event::Blind { salt } => add(0, &[*salt]),
            Event::Join(join) => {
                let credits = Fr::from(join.voice_credits);
                add(1, &[join.public_key.x, join.public_key.y, credits]);
            }
            Event::Vote { message, .. } => {
                let key = message.encryption_key;
                add(2, &message.data);
                add(2, &[key.x, key.y, message.anchor]);
            }
            Event::TopUp { top_up, .. } => {
                let of = [top_up.state_index, top_up.amount].map(Fr::from);
                add(3, &of);
            }
            Event::Bundle { inner, .. } => add(4, &[*inner]),
        }
        let mut half = [0; 16];
        half.copy_from_slice(&hasher.finalize()[..16]);
        Fingerprint(half)
    }
}
