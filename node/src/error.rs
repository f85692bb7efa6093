//! Why a node was asked in vain.

use std::error::Error;
use std::path::PathBuf;

use ethers_providers::ProviderError;
use maci_nova_chain::alloy_primitives::{hex, Address, Bytes, B256, U256};
use maci_nova_chain::refusal::as_chain_error;
use maci_nova_chain::words::ether;
use maci_nova_chain::{ChainError, UrlError};

use crate::account::AccountError;
use crate::transport::TransportError;

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
        /// How often it was tried: what came before the answer may have arrived.
        tries: u32,
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
    /// The node names another contract than the one that the transaction made.
    #[error("the node says that transaction {hash} made the contract {named}, and it makes {made}: the node lies, or this chain has rules of its own")]
    OtherContract {
        /// The transaction.
        hash: B256,
        /// Where account and nonce put it.
        made: Address,
        /// Where the node says that it is.
        named: Address,
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
    /// The node names a nonce that another transaction of the account has, each time that it is
    /// asked. Nothing was sent.
    #[error("{node} says that nonce {nonce} is next and that it is taken: some of its nodes are behind ({reason})")]
    StaleNonce {
        /// Scheme and host of the node.
        node: String,
        /// The nonce.
        nonce: U256,
        /// The node's words.
        reason: String,
    },
    /// What an earlier process did not know to be in a block is there. Nothing was sent.
    #[error("transaction {hash}, which an earlier command sent before it stopped, is in block {block} and did the same kind of thing; nothing was sent now: run the command again only if it is to be done once more")]
    Earlier {
        /// The transaction.
        hash: B256,
        /// Its block.
        block: u64,
    },
    /// What an earlier process signed cannot get into a block as things are. Nothing was sent.
    #[error("cannot settle {}, which remembers what is sent: {reason}", path.display())]
    Stuck {
        /// The file that remembers it.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// The file that remembers what is sent cannot be read or written. Nothing was sent.
    #[error("cannot {action} {}, which remembers what is sent: {reason}", path.display())]
    Outbox {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
        /// Whether it was read, and is not as it was written.
        damaged: bool,
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
    /// The observer asked to stop, when the transaction was sent, or perhaps was.
    #[error("interrupted; transaction {hash} may be in a block, or get into one")]
    Left {
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
            RpcError::PerhapsSent { hash, .. }
            | RpcError::NoReceipt { hash, .. }
            | RpcError::Left { hash } => Some(*hash),
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

impl From<RpcError> for ChainError {
    fn from(error: RpcError) -> Self {
        error.of_chain()
    }
}

impl RpcError {
    /// Whether the same may go well later, with nobody doing anything.
    pub fn is_for_now(&self) -> bool {
        self.of_chain().is_for_now()
    }

    /// In the words of whoever uses a chain.
    fn of_chain(&self) -> ChainError {
        let text = self.to_string();
        match self {
            RpcError::UnknownAccount(address) => ChainError::UnknownAccount(*address),
            RpcError::NoContract(address) => ChainError::NoContract(*address),
            RpcError::UnknownBlock(number) => ChainError::UnknownBlock(*number),
            RpcError::Reverted { data } => ChainError::Reverted {
                data: data.clone(),
                gas_used: None,
            },
            RpcError::RevertedOnChain { data, gas_used, .. } => ChainError::Reverted {
                data: data.clone(),
                gas_used: Some(*gas_used),
            },
            RpcError::OutOfGas { .. } => ChainError::Halted(text),
            RpcError::OtherContract { .. } => ChainError::Refused(text),
            RpcError::Refused {
                method,
                code,
                message,
                ..
            } => as_chain_error(method, *code, message, text),
            RpcError::PerhapsSent { hash, reason } | RpcError::NoReceipt { hash, reason } => {
                ChainError::Undecided {
                    transaction: *hash,
                    reason: reason.clone(),
                }
            }
            RpcError::Overdue { hash } => ChainError::Overdue { transaction: *hash },
            RpcError::Left { hash } => ChainError::Left { transaction: *hash },
            RpcError::Earlier { .. } => ChainError::Earlier(text),
            RpcError::Stuck { .. } => ChainError::Stuck(text),
            RpcError::Outbox { damaged, .. } => ChainError::Memory {
                reason: text,
                damaged: *damaged,
            },
            RpcError::TooDear { .. } | RpcError::StaleNonce { .. } => ChainError::NotNow(text),
            RpcError::Signing(_) | RpcError::WrongChain { .. } => ChainError::Invalid(text),
            RpcError::Interrupted => ChainError::Interrupted,
            RpcError::Url(_) | RpcError::Client(_) | RpcError::Account(_) => {
                ChainError::Refused(text)
            }
            RpcError::Unreachable { .. } | RpcError::Nonsense { .. } => ChainError::Transport(text),
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
                tries,
                answer,
            } => RpcError::Refused {
                node,
                method,
                tries,
                code: answer.code,
                message: answer.message,
            },
            TransportError::Interrupted => RpcError::Interrupted,
        }
    }
}
