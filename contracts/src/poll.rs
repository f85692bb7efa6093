//! Numbers that contracts derive and that other parties need before, or without, asking them.

use alloy_primitives::{keccak256, Address, U256};
use alloy_sol_types::SolValue;

/// Bits of a poll id: what a command has room for.
pub const POLL_ID_BITS: u32 = 50;

/// Where a poll is, as `Poll.state()` says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PollState {
    /// It has not started.
    Pending,
    /// It takes joins, messages and top-ups.
    Open,
    /// It takes the final proof, until the deadline; after that, `abort`.
    Ended,
    /// It has its results.
    Finalized,
    /// It was given up.
    Aborted,
}

impl PollState {
    /// Reads the contract's number; `None` if it is none of the states.
    pub fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            0 => Self::Pending,
            1 => Self::Open,
            2 => Self::Ended,
            3 => Self::Finalized,
            4 => Self::Aborted,
            _ => return None,
        })
    }
}

/// A poll's id: the low 50 bits of `keccak256(abi.encode(chainId, maci, index))`.
pub fn poll_id(chain_id: u64, maci: Address, index: u64) -> u64 {
    let encoded = (U256::from(chain_id), maci, U256::from(index)).abi_encode();
    let hash = U256::from_be_bytes(keccak256(encoded).0);
    (hash.as_limbs()[0]) & ((1 << POLL_ID_BITS) - 1)
}

/// What a final proof is bound to: `keccak256(abi.encode(chainId, poll, verifier))`.
pub fn domain(chain_id: u64, poll: Address, verifier: Address) -> [u8; 32] {
    keccak256((U256::from(chain_id), poll, verifier).abi_encode()).0
}
