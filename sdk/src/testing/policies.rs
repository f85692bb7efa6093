//! Policies of Excubiae, made by their own factories.

use maci_nova_chain::{deploy, send, Chain};
use maci_nova_contracts::alloy_primitives::{keccak256, Address, Bytes, B256, U256};
use maci_nova_contracts::alloy_sol_types::{sol, SolCall, SolValue};
use maci_nova_contracts::artifact::{Artifact, Libraries};

sol! {
    #![sol(alloy_sol_types = maci_nova_contracts::alloy_sol_types)]

    interface MerkleProofCheckerFactory {
        function deploy(bytes32 root) external;
    }
    interface MerkleProofPolicyFactory {
        function deploy(address checkerAddress) external;
    }
    event CloneDeployed(address indexed clone);
}

/// An artifact that only tests use.
macro_rules! test_artifact {
    ($file:literal, $name:literal) => {
        maci_nova_contracts::artifact::Artifact {
            name: $name,
            json: include_str!(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/../contracts/tests/out/",
                $file,
                ".sol/",
                $name,
                ".json"
            )),
        }
    };
}
#[cfg(test)]
pub(crate) use test_artifact;

/// Deploys one of the tests' contracts.
pub fn put<C: Chain>(chain: &mut C, from: Address, artifact: Artifact) -> Address {
    let code = artifact.link(&Libraries::new()).expect("code");
    deploy(chain, from, code).expect("deployed").contract
}

/// What a factory, deployed first, makes. The sender becomes a policy's owner.
fn clone_of<C: Chain>(
    chain: &mut C,
    from: Address,
    factory: Artifact,
    call: &impl SolCall,
) -> Address {
    let factory = put(chain, from, factory);
    let receipt = send(chain, from, factory, call, U256::ZERO).expect("made");
    receipt.event::<CloneDeployed>(factory).expect("told").clone
}

fn leaf(account: Address) -> B256 {
    keccak256(keccak256(account.abi_encode()))
}

/// A policy of `owner`'s that lets these two in.
pub fn policy<C: Chain>(chain: &mut C, owner: Address, voters: [Address; 2]) -> Address {
    let mut leaves = voters.map(leaf);
    leaves.sort();
    let root = keccak256(leaves.concat());
    let factory = test_artifact!("MerkleProofCheckerFactory", "MerkleProofCheckerFactory");
    let call = MerkleProofCheckerFactory::deployCall { root };
    let checker = clone_of(chain, owner, factory, &call);
    let factory = test_artifact!("MerkleProofPolicyFactory", "MerkleProofPolicyFactory");
    let call = MerkleProofPolicyFactory::deployCall {
        checkerAddress: checker,
    };
    clone_of(chain, owner, factory, &call)
}

/// The proof that an account is one of the two, by the other one.
pub fn evidence(other: Address) -> Bytes {
    vec![leaf(other)].abi_encode().into()
}
