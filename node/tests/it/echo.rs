//! A contract that says what it is told: calldata is a topic and data, which become a log; with the
//! topic zero the data is what it reverts with.

use maci_nova_chain::{self as chain, Chain};
use maci_nova_contracts::alloy_primitives::{hex, Address, Bytes, B256};

/// Deploys the contract.
pub fn deploy(chain: &mut dyn Chain) -> Address {
    let from = chain.accounts()[0];
    let deployed = chain::deploy(chain, from, code());
    deployed.expect("deployed").contract
}

/// Code that deploys the contract.
pub fn code() -> Bytes {
    let runtime = hex!(
        "36 5f 5f 37"    // calldata to memory
        "60 20 36 03"    // its length without the topic
        "5f 51"          // the topic
        "80 60 12 57"    // unless it is zero, go on at 12
        "50 60 20 fd"    // revert with the data
        "5b 90 60 20 a1" // 12: log the data under the topic
        "00"
    );
    let deploy = hex!("60 18 80 60 09 5f 39 5f f3");
    [&deploy[..], &runtime].concat().into()
}

/// Calldata for a log, or with topic zero for a revert.
pub fn say(topic: B256, data: &[u8]) -> Bytes {
    [topic.as_slice(), data].concat().into()
}
