//! For tests: the contract that verifies decider proofs, in the embedded EVM.

use maci_nova_chain::{deploy, Chain};
use maci_nova_contracts::alloy_primitives::{Address, Bytes, U256};
use maci_nova_contracts::decider::{deploy_code, verify_calldata, Refusal, VerifyError};
use maci_nova_contracts::evm::{Evm, SENDER};

use crate::decider::{contract as convert, DeciderKey, DeciderProof, DeciderStatement};

/// A deployed contract.
#[derive(Clone, Debug)]
pub struct Contract {
    evm: Evm,
    address: Address,
}

impl Contract {
    /// Deploys the contract for a key and so many options.
    pub fn deploy(key: &DeciderKey, options: usize) -> Self {
        let mut evm = Evm::new();
        let key = convert::key(key).expect("a key of a decider");
        let deployed = deploy(&mut evm, SENDER, deploy_code(&key, options, true));
        let address = deployed.expect("a valid key").contract;
        Contract { evm, address }
    }

    /// What the contract says to a proof: the gas, or why it refuses.
    pub fn verify(
        &self,
        statement: &DeciderStatement,
        proof: &DeciderProof,
    ) -> Result<u64, Refusal> {
        match self.call(calldata(statement, proof)) {
            Ok(gas) => Ok(gas),
            Err(VerifyError::Refused(refusal)) => Err(refusal),
            Err(error) => panic!("no reason given: {error}"),
        }
    }

    /// What it says to any bytes. Each call is made to the contract as it was deployed.
    pub fn call(&self, calldata: impl Into<Bytes>) -> Result<u64, VerifyError> {
        let mut evm = self.evm.clone();
        let receipt = evm.send(SENDER, Some(self.address), calldata.into(), U256::ZERO);
        Ok(receipt.map_err(VerifyError::from)?.gas_used)
    }
}

/// The call for a proof.
pub fn calldata(statement: &DeciderStatement, proof: &DeciderProof) -> Bytes {
    verify_calldata(&convert::statement(statement), &convert::proof(proof))
}
