//! What is asked of a node, as JSON-RPC, and what its answers mean.

use maci_nova_chain::alloy_primitives::{Address, Bytes, B256, U256, U64};
use maci_nova_chain::refusal::{as_chain_error, revert_data, GET_LOGS};
use maci_nova_chain::{Block, BlockId, ChainError, Log, Receipt, TransactionInput};
use serde::{Deserialize, Serialize};
use serde_json::{json, Value};

/// A question to a node.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Request {
    /// Which chain.
    ChainId,
    /// A call that changes nothing.
    Call {
        /// The contract.
        to: Address,
        /// Selector and arguments.
        calldata: Bytes,
    },
    /// Code that is run as the creation of a contract.
    Create(Bytes),
    /// A unit of gas.
    GasPrice,
    /// Logs of a contract in a range of blocks, both ends included.
    Logs {
        /// The contract.
        address: Address,
        /// The first block.
        from: u64,
        /// The last block.
        to: u64,
        /// Values that each topic may have; an empty list allows all.
        topics: Vec<Vec<B256>>,
    },
    /// The newest block.
    Latest,
    /// A block.
    Block(u64),
    /// A contract's code.
    Code(Address),
    /// A transaction.
    Transaction(B256),
    /// An account's balance.
    Balance(Address),
}

impl Request {
    /// Of a block.
    pub fn of_block(block: BlockId) -> Self {
        match block {
            BlockId::Latest => Request::Latest,
            BlockId::Number(number) => Request::Block(number),
        }
    }

    /// The method.
    pub fn method(&self) -> &'static str {
        match self {
            Request::ChainId => "eth_chainId",
            Request::Call { .. } | Request::Create(_) => "eth_call",
            Request::GasPrice => "eth_gasPrice",
            Request::Logs { .. } => GET_LOGS,
            Request::Latest | Request::Block(_) => "eth_getBlockByNumber",
            Request::Code(_) => "eth_getCode",
            Request::Transaction(_) => "eth_getTransactionByHash",
            Request::Balance(_) => "eth_getBalance",
        }
    }

    /// The method's parameters.
    pub fn params(&self) -> Value {
        match self {
            Request::ChainId | Request::GasPrice => json!([]),
            Request::Call { to, calldata } => json!([{"to": to, "data": calldata}, "latest"]),
            Request::Create(code) => json!([{"data": code}, "latest"]),
            Request::Logs {
                address,
                from,
                to,
                topics,
            } => json!([{
                "address": address,
                "fromBlock": U64::from(*from),
                "toBlock": U64::from(*to),
                "topics": topics.iter().map(|values| match values.is_empty() {
                    true => Value::Null,
                    false => json!(values),
                }).collect::<Vec<_>>(),
            }]),
            Request::Latest => json!(["latest", false]),
            Request::Block(number) => json!([U64::from(*number), false]),
            Request::Code(address) | Request::Balance(address) => json!([address, "latest"]),
            Request::Transaction(hash) => json!([hash]),
        }
    }
}

/// A node's answer: what it gives, or its error.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Answer {
    /// What it gives.
    Result(Value),
    /// Its error.
    Error(NodeError),
}

/// An error of a node or a wallet (EIP-1193), as JavaScript shows it.
#[derive(Clone, Debug, Deserialize)]
pub struct NodeError {
    /// Its code; 0 if it has none.
    #[serde(default)]
    pub code: i64,
    /// Its words.
    #[serde(default)]
    pub message: String,
    /// More.
    #[serde(default)]
    pub data: Option<Value>,
}

impl NodeError {
    /// As a chain has it, in answer to this method.
    pub fn into_chain_error(self, method: &str) -> ChainError {
        let inner = self.innermost();
        match revert_data(inner.code, &inner.message, inner.data.as_ref()) {
            Some(data) => ChainError::Reverted {
                data,
                gas_used: None,
            },
            None => as_chain_error(method, inner.code, &inner.message, inner.message.clone()),
        }
    }

    /// Wallets put a node's error into the `data` of one of their own.
    fn innermost(&self) -> NodeError {
        let inside = |data: &Value| {
            let inner = data.get("originalError").unwrap_or(data);
            let inner: NodeError = serde_json::from_value(inner.clone()).ok()?;
            (!inner.message.is_empty()).then_some(inner)
        };
        match self.data.as_ref().and_then(inside) {
            Some(inner) => inner.innermost(),
            None => self.clone(),
        }
    }
}

/// What a node says is not of the form that its method has.
fn nonsense(method: &str) -> ChainError {
    ChainError::Transport(format!("its answer to {method} is not of the form"))
}

/// Reads an answer to a method.
pub fn read<T: for<'a> Deserialize<'a>>(method: &str, value: &Value) -> Result<T, ChainError> {
    T::deserialize(value).map_err(|_| nonsense(method))
}

#[derive(Deserialize)]
struct NodeBlock {
    number: U64,
    hash: B256,
    timestamp: U64,
}

/// A block; none for null.
pub fn block(method: &str, value: &Value) -> Result<Option<Block>, ChainError> {
    let block: Option<NodeBlock> = read(method, value)?;
    Ok(block.map(|block| Block {
        number: block.number.to(),
        hash: block.hash,
        timestamp: block.timestamp.to(),
    }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NodeLog {
    address: Address,
    topics: Vec<B256>,
    data: Bytes,
    block_number: U64,
    block_hash: B256,
    transaction_hash: B256,
    log_index: U64,
}

impl From<NodeLog> for Log {
    fn from(log: NodeLog) -> Self {
        Log {
            address: log.address,
            topics: log.topics,
            data: log.data,
            block_number: log.block_number.to(),
            block_hash: log.block_hash,
            transaction: log.transaction_hash,
            index: log.log_index.to(),
        }
    }
}

/// Logs in their order, each of them what was asked for.
pub fn logs(request: &Request, value: &Value) -> Result<Vec<Log>, ChainError> {
    let method = request.method();
    let Request::Logs {
        address,
        from,
        to,
        topics,
    } = request
    else {
        return Err(nonsense(method));
    };
    let logs: Vec<NodeLog> = read(method, value)?;
    let mut logs: Vec<Log> = logs.into_iter().map(Log::from).collect();
    logs.sort_by_key(|log| (log.block_number, log.index));
    let is_asked_for = |log: &Log| {
        log.address == *address
            && (*from..=*to).contains(&log.block_number)
            && topics.iter().enumerate().all(|(i, values)| {
                values.is_empty()
                    || log
                        .topics
                        .get(i)
                        .is_some_and(|topic| values.contains(topic))
            })
    };
    match logs.iter().all(is_asked_for) {
        true => Ok(logs),
        false => Err(nonsense(method)),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NodeTransaction {
    #[serde(default)]
    block_hash: Option<B256>,
    to: Option<Address>,
    input: Bytes,
}

/// What a transaction in a block was.
pub fn input(method: &str, value: &Value) -> Result<Option<TransactionInput>, ChainError> {
    let transaction: Option<NodeTransaction> = read(method, value)?;
    let mined = transaction.filter(|transaction| transaction.block_hash.is_some());
    Ok(mined.map(|transaction| TransactionInput {
        to: transaction.to,
        calldata: transaction.input,
    }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NodeReceipt {
    transaction_hash: B256,
    block_number: U64,
    block_hash: B256,
    gas_used: U64,
    #[serde(default)]
    contract_address: Option<Address>,
    #[serde(default)]
    status: Option<U64>,
    logs: Vec<NodeLog>,
}

/// A receipt of a transaction that went through; a revert in a block is an error.
pub fn receipt(value: &Value) -> Result<Receipt, ChainError> {
    let receipt: NodeReceipt = read("eth_getTransactionReceipt", value)?;
    if receipt.status == Some(U64::ZERO) {
        return Err(ChainError::Reverted {
            data: Bytes::new(),
            gas_used: Some(receipt.gas_used.to()),
        });
    }
    Ok(Receipt {
        transaction: receipt.transaction_hash,
        block_number: receipt.block_number.to(),
        block_hash: receipt.block_hash,
        gas_used: receipt.gas_used.to(),
        contract: receipt.contract_address,
        logs: receipt.logs.into_iter().map(Log::from).collect(),
    })
}

/// A transaction that somebody has to sign and send.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transaction {
    /// From this account.
    pub from: Address,
    /// To this contract.
    pub to: Address,
    /// With this.
    pub data: Bytes,
    /// And so many wei.
    pub value: U256,
}
