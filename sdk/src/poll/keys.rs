//! Whether a deployment's verifiers say that their keys were made without a ceremony, and what names their keys.

use maci_nova_chain::Chain;
use maci_nova_contracts::alloy_primitives::{keccak256, B256};
use maci_nova_contracts::alloy_sol_types::SolValue;
use maci_nova_contracts::bindings::DeciderVerifier::{self, VerifyingKey};
use maci_nova_contracts::bindings::JoinVerifier::{self, JoinVerifyingKey};

use crate::error::Error;
use crate::poll::contract::view;
use crate::poll::file::Contracts;

/// Said of the key of the final proof.
pub(crate) const DECIDER: &str =
    "the verifier's key was made without a ceremony: whoever made it can prove any results";

/// Said of the key of join proofs.
pub(crate) const JOIN: &str =
    "the join verifier's key was made without a ceremony: whoever made it can join at will";

/// Why a deployment's polls show nothing to those who do not trust whoever made its keys, as far as
/// its verifiers say so; `None` if they do not. Whether a ceremony's key is the one that it is said
/// to be, [`verify`](mod@crate::verify) tells by its digest.
///
/// # Errors
/// [`Error::Chain`] if the chain does not answer, or there are no verifiers.
pub fn insecure<C: Chain + ?Sized>(
    chain: &C,
    contracts: &Contracts,
) -> Result<Option<&'static str>, Error> {
    let (decider, join) = (contracts.decider_verifier, contracts.join_verifier);
    let call = DeciderVerifier::DEVELOPMENTCall {};
    if view(chain, decider.address, &call, "read the verifier")? {
        return Ok(Some(DECIDER));
    }
    let call = JoinVerifier::DEVELOPMENTCall {};
    let joins = view(chain, join.address, &call, "read the join verifier")?;
    Ok(joins.then_some(JOIN))
}

/// keccak256 of both verifying keys, each encoded as its contract's constructor takes it: what a ceremony's keys are known by.
/// Of the decider's alone it would say nothing of who can join.
pub fn digest(decider: &VerifyingKey, join: &JoinVerifyingKey) -> B256 {
    keccak256([decider.abi_encode(), join.abi_encode()].concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::World;

    #[test]
    fn verifiers_say_that_their_keys_are_for_development() {
        let world = World::new();
        let reason = insecure(&world.evm, &world.file.contracts).unwrap();
        assert_eq!(reason, Some(DECIDER));
        // Where they are said to be other contracts, that is an error and not a "no".
        let mut contracts = world.file.contracts;
        contracts.decider_verifier = contracts.maci;
        insecure(&world.evm, &contracts).unwrap_err();
    }
}
