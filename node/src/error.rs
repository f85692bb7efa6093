//! Why a node was asked in vain.

use std::error::Error;

use ethers_providers::ProviderError;
use maci_nova_chain::alloy_primitives::{hex, Address, Bytes, B256, U256};
use maci_nova_chain::words::ether;
use maci_nova_chain::{ChainError, UrlError};

use crate::account::AccountError;
use crate::transport::TransportError;
use crate::types::GET_LOGS;

/// Why nothing came of a request, or nothing is known of it. No message shows more of a node's
/// address than its host.
#[derive(Debug, thiserror::Error)]
pub enum RpcError {
    /// The node's address is wrong.
    #[error("the address of the node is {0}")]
    Url(#[from] UrlError),
    /// The HTTP client cannot be made.
    #[error("cannot make an HTTP client: {0}")]
    Client(String),
    /// There is no account.
    #[error(transparent)]
    Account(#[from] AccountError),
    /// There is no key to send from this address.
    #[error("there is no key for the account {0}")]
    UnknownAccount(Address),
    /// Nothing is deployed at the address.
    #[error("there is no contract at {0}")]
    NoContract(Address),
    /// There is no such block (yet).
    #[error("there is no block {0}")]
    UnknownBlock(u64),
    /// The node did not answer, after all tries.
    #[error("{node} did not answer {method} in {tries} tries: {reason}")]
    Unreachable {
        /// Scheme and host of the node.
        node: String,
        /// The JSON-RPC method.
        method: String,
        /// How often it was tried.
        tries: u32,
        /// Why the last try failed.
        reason: String,
    },
    /// The node answered with an error that is no revert.
    #[error("{node} refuses {method}: {message} (code {code})")]
    Refused {
        /// Scheme and host of the node.
        node: String,
        /// The JSON-RPC method.
        method: String,
        /// JSON-RPC's error code.
        code: i64,
        /// The node's words.
        message: String,
    },
    /// The node contradicts itself or the protocol.
    #[error("{method} was answered with nonsense: {reason}")]
    Nonsense {
        /// The JSON-RPC method.
        method: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// The node is of another chain than expected.
    #[error("the node is of chain {found}, not of chain {expected}")]
    WrongChain {
        /// The chain that was expected.
        expected: u64,
        /// The node's chain.
        found: u64,
    },
    /// The contract reverts. Nothing was sent.
    #[error("the contract reverts with 0x{}", hex::encode(data))]
    Reverted {
        /// The encoded error; empty if the contract names none.
        data: Bytes,
    },
    /// The transaction is in a block and had no effect.
    #[error(
        "transaction {hash} reverted with 0x{}, using {gas_used} gas",
        hex::encode(data)
    )]
    RevertedOnChain {
        /// The transaction.
        hash: B256,
        /// The encoded error as far as the call shows it when it is repeated; may be empty.
        data: Bytes,
        /// Gas that was used and is paid for.
        gas_used: u64,
    },
    /// The transaction is in a block and had no effect, for want of gas.
    #[error("transaction {hash} ran out of gas, using {gas_used}")]
    OutOfGas {
        /// The transaction.
        hash: B256,
        /// Gas that was used and is paid for.
        gas_used: u64,
    },
    /// The node wants more for a unit of gas than the sender is willing to pay. Nothing was sent.
    #[error(
        "a unit of gas costs {} now, and {} is the most that is paid; --max-fee sets the most, in gwei, and --max-tip the most of it for whoever makes the block",
        ether(*asked),
        ether(*max)
    )]
    TooDear {
        /// What it costs now.
        asked: U256,
        /// The most that is paid.
        max: U256,
    },
    /// It cannot be signed.
    #[error("cannot sign: {0}")]
    Signing(String),
    /// The connection was lost while the transaction was sent: the node may have it, or not.
    #[error("transaction {hash} may have been sent: {reason}; look it up before doing this again")]
    PerhapsSent {
        /// The transaction.
        hash: B256,
        /// What went wrong.
        reason: String,
    },
    /// The transaction was sent and is in no block that was seen.
    #[error("transaction {hash} was sent and has no receipt yet: {reason}; look it up before doing this again")]
    NoReceipt {
        /// The transaction.
        hash: B256,
        /// Why nobody waits any longer.
        reason: String,
    },
    /// The transaction is in no block yet, and of no use any more. The next one can take its place.
    #[error("transaction {hash} is in no block yet, and is likely to be too old by now")]
    Overdue {
        /// The transaction.
        hash: B256,
    },
    /// The observer asked to stop.
    #[error("interrupted while waiting for the node")]
    Interrupted,
}

impl RpcError {
    /// The transaction that may be in a block, or will be: whoever sends another may act twice.
    pub fn undecided(&self) -> Option<B256> {
        match self {
            RpcError::PerhapsSent { hash, .. } | RpcError::NoReceipt { hash, .. } => Some(*hash),
            _ => None,
        }
    }

    /// What ethers' provider says of a request.
    pub(crate) fn of_provider(method: &'static str, error: ProviderError) -> Self {
        let ProviderError::JsonRpcClientError(inner) = &error else {
            return RpcError::Nonsense {
                method,
                reason: error.to_string(),
            };
        };
        let inner: &(dyn Error + 'static) = inner.as_ref();
        match inner.downcast_ref::<TransportError>() {
            Some(error) => error.clone().into(),
            None => RpcError::Nonsense {
                method,
                reason: inner.to_string(),
            },
        }
    }
}

/// Methods whose refusal says that the transaction cannot be executed.
const OF_TRANSACTIONS: [&str; 2] = ["eth_estimateGas", "eth_sendRawTransaction"];

impl From<RpcError> for ChainError {
    fn from(error: RpcError) -> Self {
        let text = error.to_string();
        match error {
            RpcError::UnknownAccount(address) => ChainError::UnknownAccount(address),
            RpcError::NoContract(address) => ChainError::NoContract(address),
            RpcError::UnknownBlock(number) => ChainError::UnknownBlock(number),
            RpcError::Reverted { data } => ChainError::Reverted {
                data,
                gas_used: None,
            },
            RpcError::RevertedOnChain { data, gas_used, .. } => ChainError::Reverted {
                data,
                gas_used: Some(gas_used),
            },
            RpcError::OutOfGas { .. } => ChainError::Halted(text),
            RpcError::Refused { method, .. } if OF_TRANSACTIONS.contains(&method.as_str()) => {
                ChainError::Invalid(text)
            }
            RpcError::Refused { method, .. } if method == GET_LOGS => {
                ChainError::RangeTooLarge(text)
            }
            RpcError::PerhapsSent { hash, reason } | RpcError::NoReceipt { hash, reason } => {
                ChainError::Undecided {
                    transaction: hash,
                    reason,
                }
            }
            RpcError::Signing(_) | RpcError::TooDear { .. } | RpcError::WrongChain { .. } => {
                ChainError::Invalid(text)
            }
            RpcError::Overdue { hash } => ChainError::Overdue { transaction: hash },
            RpcError::Interrupted => ChainError::Interrupted,
            RpcError::Url(_)
            | RpcError::Client(_)
            | RpcError::Account(_)
            | RpcError::Unreachable { .. }
            | RpcError::Refused { .. }
            | RpcError::Nonsense { .. } => ChainError::Transport(text),
        }
    }
}

impl From<TransportError> for RpcError {
    fn from(error: TransportError) -> Self {
        match error {
            TransportError::Unreachable {
                node,
                method,
                tries,
                reason,
            } => RpcError::Unreachable {
                node,
                method,
                tries,
                reason,
            },
            TransportError::Answer {
                node,
                method,
                answer,
            } => RpcError::Refused {
                node,
                method,
                code: answer.code,
                message: answer.message,
            },
            TransportError::Interrupted => RpcError::Interrupted,
        }
    }
}
