//! Verification as it will be on chain, in an embedded EVM.

use maci_nova_chain::{self as chain, ChainError};
use maci_nova_compressor::decider::{
    self, contract, DeciderError, DeciderKey, DeciderProof, DeciderStatement,
};
use maci_nova_contracts::alloy_primitives::{Address, Bytes};
use maci_nova_contracts::decider::{deploy_code, verify, verify_calldata, VerifyError};
use maci_nova_contracts::evm::{Evm, SENDER};
use maci_nova_contracts::poll::domain;

/// The main network's, whose rules the EVM has.
pub const CHAIN_ID: u64 = 1;

/// Why a proof does not pass.
#[derive(Debug, thiserror::Error)]
pub enum DryRunError {
    /// The key is not one of a decider.
    #[error("{0}")]
    Key(DeciderError),
    /// The verifier refuses its key.
    #[error("the verifier cannot be deployed: {0}")]
    Deploy(ChainError),
    /// Verification in Rust fails.
    #[error("{0}")]
    Native(DeciderError),
    /// Verification by the contract fails.
    #[error("{0}")]
    Contract(VerifyError),
}

/// A verifier in an EVM that holds nothing else. The account that deployed it stands for the poll.
#[derive(Debug)]
pub struct DryRun {
    key: DeciderKey,
    evm: Evm,
    verifier: Address,
    gas: u64,
}

/// A call that went through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// What it was called with.
    pub calldata: Bytes,
    /// Gas of the whole transaction.
    pub gas: u64,
}

impl Accepted {
    /// The part of the gas that is the price of the calldata's bytes: 4 for one that is 0, else 16
    /// (EIP-2028).
    pub fn calldata_gas(&self) -> u64 {
        let price = |byte: &u8| if *byte == 0 { 4 } else { 16 };
        self.calldata.iter().map(price).sum()
    }
}

impl DryRun {
    /// Deploys the verifier of a key, for vote option trees with so many leaves (5^voteDepth).
    /// `development` tells that the key was made without a ceremony.
    ///
    /// # Errors
    /// [`DryRunError::Key`], [`DryRunError::Deploy`].
    pub fn deploy(
        key: DeciderKey,
        max_options: usize,
        development: bool,
    ) -> Result<Self, DryRunError> {
        let deployed = contract::key(&key).map_err(DryRunError::Key)?;
        let code = deploy_code(&deployed, max_options, development);
        let mut evm = Evm::with_chain_id(CHAIN_ID);
        let deployment = chain::deploy(&mut evm, SENDER, code).map_err(DryRunError::Deploy)?;
        Ok(DryRun {
            key,
            evm,
            verifier: deployment.contract,
            gas: deployment.gas_used,
        })
    }

    /// The key.
    pub fn key(&self) -> &DeciderKey {
        &self.key
    }

    /// Where the verifier is.
    pub fn verifier(&self) -> Address {
        self.verifier
    }

    /// Who asks it.
    pub fn poll(&self) -> Address {
        SENDER
    }

    /// Gas that the deployment took.
    pub fn deployment_gas(&self) -> u64 {
        self.gas
    }

    /// What proofs have to be bound to here.
    pub fn domain(&self) -> [u8; 32] {
        domain(CHAIN_ID, self.poll(), self.verifier)
    }

    /// Verifies a proof in Rust and by the contract.
    ///
    /// # Errors
    /// [`DryRunError::Native`], [`DryRunError::Contract`].
    pub fn verify(
        &mut self,
        statement: &DeciderStatement,
        proof: &DeciderProof,
    ) -> Result<Accepted, DryRunError> {
        decider::verify(&self.key, statement, proof).map_err(DryRunError::Native)?;
        let (statement, proof) = (contract::statement(statement), contract::proof(proof));
        let receipt = verify(&mut self.evm, SENDER, self.verifier, &statement, &proof)
            .map_err(DryRunError::Contract)?;
        Ok(Accepted {
            calldata: verify_calldata(&statement, &proof),
            gas: receipt.gas_used,
        })
    }
}
