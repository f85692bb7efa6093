//! What is known of the tree of sign-ups, whatever a node shows.

use maci_nova_contracts::alloy_primitives::B256;
use serde::{Deserialize, Serialize};

/// A root that the tree of sign-ups had: from when a poll was created, from a voter's own sign-up, or
/// from another node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnownRoot {
    /// After the sign-up of this index, from 0.
    pub index: u64,
    /// It was this one, below the scalar field's modulus.
    pub root: B256,
}
