//! An Ethereum virtual machine in this process, with the rules and prices of the main network.

use alloy_primitives::{Address, Bytes};
use revm::context::result::{ExecutionResult, HaltReason};
use revm::context::{Context, TxEnv};
use revm::database::{CacheDB, EmptyDB};
use revm::primitives::TxKind;
use revm::{ExecuteCommitEvm, MainBuilder, MainContext};
use thiserror::Error;

/// Gas that every transaction may use: the most that the main network allows (EIP-7825).
pub const GAS_LIMIT: u64 = 1 << 24;

/// Who sends transactions.
pub const SENDER: Address = Address::repeat_byte(0x11);

/// An EVM and its state. Gas has no price and nonces are not checked.
#[derive(Clone, Debug, Default)]
pub struct Evm {
    state: CacheDB<EmptyDB>,
}

/// What a transaction that went through returned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Gas of the whole transaction: intrinsic, calldata and execution.
    pub gas_used: u64,
    /// Bytes that the contract returned.
    pub output: Bytes,
}

/// What a deployment returned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deployment {
    /// Where the contract is.
    pub contract: Address,
    /// Gas of the whole transaction.
    pub gas_used: u64,
}

/// Why a transaction did not go through. The state is as before, nonces excepted.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum EvmError {
    /// The contract reverted.
    #[error("the contract reverted with 0x{}", alloy_primitives::hex::encode(data))]
    Reverted {
        /// Gas of the whole transaction.
        gas_used: u64,
        /// The encoded error, empty if the contract named none.
        data: Bytes,
    },
    /// Execution stopped, for example out of gas.
    #[error("execution halted: {0:?}")]
    Halted(HaltReason),
    /// The transaction could not be executed at all.
    #[error("invalid transaction: {0}")]
    Invalid(String),
    /// Nothing is deployed at the address.
    #[error("there is no contract at {0}")]
    NoContract(Address),
}

impl Evm {
    /// An EVM without any contract.
    pub fn new() -> Self {
        Self::default()
    }

    /// Deploys a contract: `code` is its bytecode followed by the encoded constructor arguments.
    ///
    /// # Errors
    /// [`EvmError::Reverted`] if the constructor refuses its arguments, and as for any transaction.
    pub fn deploy(&mut self, code: Bytes) -> Result<Deployment, EvmError> {
        let (contract, receipt) = self.transact(TxKind::Create, code)?;
        let contract =
            contract.ok_or_else(|| EvmError::Invalid("nothing was created".to_owned()))?;
        Ok(Deployment {
            contract,
            gas_used: receipt.gas_used,
        })
    }

    /// Calls a contract and keeps what it changes.
    ///
    /// # Errors
    /// [`EvmError::NoContract`] if there is no code at the address, which the EVM itself would take
    /// for a success, and as for any transaction.
    pub fn call(&mut self, contract: Address, calldata: Bytes) -> Result<Receipt, EvmError> {
        let account = self.state.cache.accounts.get(&contract);
        if account.is_none_or(|account| account.info.is_empty_code_hash()) {
            return Err(EvmError::NoContract(contract));
        }
        let (_, receipt) = self.transact(TxKind::Call(contract), calldata)?;
        Ok(receipt)
    }

    fn transact(
        &mut self,
        kind: TxKind,
        data: Bytes,
    ) -> Result<(Option<Address>, Receipt), EvmError> {
        let transaction = TxEnv::builder()
            .caller(SENDER)
            .kind(kind)
            .data(data)
            .gas_limit(GAS_LIMIT)
            .build()
            .map_err(|error| EvmError::Invalid(format!("{error:?}")))?;
        let result = Context::mainnet()
            .with_db(&mut self.state)
            .modify_cfg_chained(|cfg| cfg.disable_nonce_check = true)
            .build_mainnet()
            .transact_commit(transaction)
            .map_err(|error| EvmError::Invalid(error.to_string()))?;
        read(result)
    }
}

fn read(result: ExecutionResult) -> Result<(Option<Address>, Receipt), EvmError> {
    let gas_used = result.gas_used();
    match result {
        ExecutionResult::Success { output, .. } => {
            let receipt = Receipt {
                gas_used,
                output: output.data().clone(),
            };
            Ok((output.address().copied(), receipt))
        }
        ExecutionResult::Revert { output, .. } => Err(EvmError::Reverted {
            gas_used,
            data: output,
        }),
        ExecutionResult::Halt { reason, .. } => Err(EvmError::Halted(reason)),
    }
}
