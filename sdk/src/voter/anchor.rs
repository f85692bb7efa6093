//! Anchors: what shows that a message was signed a short while ago.
//!
//! A poll's contract takes a message only with the anchor of a recent block, made of that block's
//! hash, which nobody can know before. A command counts only if its salt is that anchor. So what
//! was signed cannot be sent again once its block is too old.

use maci_nova_protocol::Fr;

/// A block, and what messages that are signed after it have as salt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Anchor {
    /// The block's number.
    pub block_number: u64,
    /// The anchor.
    pub element: Fr,
}

impl Anchor {
    /// Of a poll without anchors.
    pub const NONE: Anchor = Anchor {
        block_number: 0,
        element: Fr::from_raw([0; 4]),
    };
}
