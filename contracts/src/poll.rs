//! Numbers that contracts derive and that other parties need before, or without, asking them.

use alloy_primitives::{hex, keccak256, Address, B256, U256};
use alloy_sol_types::SolValue;

use crate::bindings::Poll::PollInfo;
use crate::words;

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

/// What a poll is made with, as it stands in its code behind the address of what it executes: the
/// fields of [`PollInfo`] in their order, each as wide as its type.
pub fn arguments(info: &PollInfo) -> Vec<u8> {
    let settings = &info.settings;
    let shape = &settings.shape;
    let fixed = (
        info.maci,
        info.owner,
        info.pollId,
        info.verifier,
        info.joinVerifier,
        info.bundleVerifier,
        [
            info.pollContext,
            info.scope,
            info.emptyStateRoot,
            info.emptyTallyRoot,
            settings.coordinatorKey.x,
            settings.coordinatorKey.y,
        ],
    );
    let numbers = [
        &settings.voteOptions.to_be_bytes()[..],
        &[
            settings.mode,
            shape.stateTreeDepth,
            shape.voteOptionTreeDepth,
            shape.eventsPerStep,
        ],
        &settings.startTime.to_be_bytes(),
        &settings.endTime.to_be_bytes(),
        &settings.signedWithin.to_be_bytes(),
        &settings.lastRoot.to_be_bytes(),
        &settings.provingBase.to_be_bytes(),
        &settings.provingPerMessage.to_be_bytes(),
        &settings.provingMax.to_be_bytes(),
    ];
    let money = (
        settings.credits,
        settings.topUpToken,
        settings.creditUnit,
        settings.beneficiary,
        settings.messageFee,
    );
    let numbers = numbers.concat();
    [
        fixed.abi_encode_packed(),
        numbers,
        money.abi_encode_packed(),
    ]
    .concat()
}

/// The code of a poll: a clone of `implementation` (ERC-1167) with its arguments behind it.
pub fn clone_code(implementation: Address, arguments: &[u8]) -> Vec<u8> {
    let start = hex!("363d3d373d3d3d363d73");
    let end = hex!("5af43d82803e903d91602b57fd5bf3");
    [&start[..], implementation.as_slice(), &end, arguments].concat()
}

/// Where a poll with these arguments is if `factory` made it. Whoever finds a poll there knows its
/// code, its arguments, and that its storage was empty when it was made: the address is a hash of
/// all that created it (CREATE2).
pub fn clone_address(factory: Address, implementation: Address, arguments: &[u8]) -> Address {
    let code = clone_code(implementation, arguments);
    // PUSH2 size, RETURNDATASIZE, DUP2, PUSH1 10, RETURNDATASIZE, CODECOPY, RETURN. The size is
    // below 2^16.
    let size = (code.len() as u16).to_be_bytes();
    let creation = [&hex!("61")[..], &size, &hex!("3d81600a3d39f3"), &code].concat();
    factory.create2(B256::ZERO, keccak256(creation))
}

/// Where the results of a finalized poll are: the first contract that it creates, which has them as
/// its code.
pub fn results_address(poll: Address) -> Address {
    poll.create(1)
}

/// A block's anchor in a poll: `keccak256(abi.encode(blockHash, chainId, poll)) mod r`.
pub fn anchor(block_hash: B256, chain_id: u64, poll: Address) -> U256 {
    let encoded = (block_hash, U256::from(chain_id), poll).abi_encode();
    U256::from_be_bytes(keccak256(encoded).0) % words::group_order()
}

/// What a final proof is bound to: `keccak256(abi.encode(chainId, poll, verifier))`.
pub fn domain(chain_id: u64, poll: Address, verifier: Address) -> [u8; 32] {
    keccak256((U256::from(chain_id), poll, verifier).abi_encode()).0
}
