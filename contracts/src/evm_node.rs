//! The embedded EVM as a node's JSON-RPC shows it: for pages, and for tests of what reads a node.
//!
//! Its accounts are the node's own, as on nodes for trying out: `eth_sendTransaction` sends from them.

use std::collections::BTreeMap;

use alloy_primitives::{hex, keccak256, Address, Bytes, B256, U256, U64};
use maci_nova_chain::refusal::{GET_LOGS, REVERT_CODE};
use maci_nova_chain::{Block, BlockId, Chain, ChainError, Log, Receipt};
use serde::Deserialize;
use serde_json::{json, Value};

use crate::evm::{Evm, GAS_LIMIT};

/// JSON-RPC's codes.
const UNKNOWN_METHOD: i64 = -32601;
const WRONG_PARAMETERS: i64 = -32602;
const REFUSED: i64 = -32000;

/// Wei for a unit of gas, so that wallets show a price; nothing is charged.
const GAS_PRICE: u64 = 1_000_000_000;

/// An error as JSON-RPC has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeError {
    /// Its code.
    pub code: i64,
    /// Its words.
    pub message: String,
    /// What a contract reverts with.
    pub data: Option<Bytes>,
}

impl NodeError {
    /// The object that an answer has.
    pub fn to_json(&self) -> Value {
        match &self.data {
            Some(data) => json!({"code": self.code, "message": self.message, "data": data}),
            None => json!({"code": self.code, "message": self.message}),
        }
    }
}

/// An EVM, and what a node remembers besides.
#[derive(Clone, Debug, Default)]
pub struct EvmNode {
    /// The chain.
    pub evm: Evm,
    receipts: BTreeMap<B256, Landed>,
}

/// What came of a transaction.
#[derive(Clone, Debug)]
struct Landed {
    from: Address,
    block: Block,
    /// None if it reverted.
    receipt: Option<Receipt>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Call {
    #[serde(default)]
    from: Option<Address>,
    #[serde(default)]
    to: Option<Address>,
    #[serde(default, alias = "input")]
    data: Bytes,
    #[serde(default)]
    value: U256,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Filter {
    address: Address,
    from_block: U64,
    to_block: U64,
    #[serde(default)]
    topics: Vec<Option<Topic>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Topic {
    One(B256),
    Any(Vec<B256>),
}

impl EvmNode {
    /// Of this chain.
    pub fn new(evm: Evm) -> Self {
        EvmNode {
            evm,
            receipts: BTreeMap::new(),
        }
    }

    /// The answer to a request.
    ///
    /// # Errors
    /// See [`NodeError`]; no parameters cause a panic.
    pub fn answer(&mut self, method: &str, params: &Value) -> Result<Value, NodeError> {
        let evm = &self.evm;
        match method {
            "eth_chainId" => Ok(json!(U64::from(evm.chain_id().map_err(failed)?))),
            "net_version" => Ok(json!(evm.chain_id().map_err(failed)?.to_string())),
            "eth_accounts" | "eth_requestAccounts" => Ok(json!(evm.accounts())),
            "eth_blockNumber" => Ok(json!(U64::from(evm.latest().number))),
            "eth_gasPrice" | "eth_maxPriorityFeePerGas" => Ok(json!(U64::from(GAS_PRICE))),
            "eth_getBlockByNumber" => self.block(params),
            "eth_getCode" => Ok(json!(evm.code(at(params, 0)?).map_err(failed)?)),
            "eth_getBalance" => Ok(json!(evm.balance(at(params, 0)?).map_err(failed)?)),
            "eth_getTransactionCount" => {
                let account: Address = at(params, 0)?;
                let sent = self
                    .receipts
                    .values()
                    .filter(|landed| landed.from == account);
                Ok(json!(U64::from(sent.count())))
            }
            "eth_call" => self.call(&at(params, 0)?),
            "eth_estimateGas" => self.estimate(&at(params, 0)?),
            GET_LOGS => self.logs(&at(params, 0)?),
            "eth_sendTransaction" => self.send(at(params, 0)?),
            "eth_getTransactionReceipt" => self.receipt(at(params, 0)?),
            "eth_getTransactionByHash" => self.transaction(at(params, 0)?),
            _ => Err(NodeError {
                code: UNKNOWN_METHOD,
                message: format!("the method {method} does not exist"),
                data: None,
            }),
        }
    }

    fn block(&self, params: &Value) -> Result<Value, NodeError> {
        let which: String = at(params, 0)?;
        let block = match which.as_str() {
            "latest" | "pending" | "safe" | "finalized" => BlockId::Latest,
            "earliest" => BlockId::Number(0),
            number => BlockId::Number(parsed::<U64>(json!(number))?.to()),
        };
        match self.evm.block(block) {
            Ok(block) => Ok(block_document(&block)),
            Err(ChainError::UnknownBlock(_)) => Ok(Value::Null),
            Err(error) => Err(failed(error)),
        }
    }

    fn call(&self, call: &Call) -> Result<Value, NodeError> {
        let answer = match call.to {
            Some(to) => match self.evm.call(to, call.data.clone()) {
                // As nodes answer where there is nothing.
                Err(ChainError::NoContract(_)) => Ok(Bytes::new()),
                answer => answer,
            },
            None => {
                let tried = self.evm.try_create(call.data.clone());
                tried.map(Option::unwrap_or_default)
            }
        };
        Ok(json!(answer.map_err(failed)?))
    }

    /// What it takes now; the same later takes no more than all that there is.
    fn estimate(&self, call: &Call) -> Result<Value, NodeError> {
        let from = self.sender(call)?;
        let mut trial = self.evm.clone();
        let receipt = trial.send(from, call.to, call.data.clone(), call.value);
        let gas = receipt.map_err(failed)?.gas_used;
        Ok(json!(U64::from(gas.min(GAS_LIMIT))))
    }

    fn sender(&self, call: &Call) -> Result<Address, NodeError> {
        let first = self.evm.accounts().first().copied();
        let from = call.from.or(first);
        from.ok_or_else(|| failed(ChainError::UnknownAccount(Address::ZERO)))
    }

    fn logs(&self, filter: &Filter) -> Result<Value, NodeError> {
        let topics: Vec<Vec<B256>> = filter
            .topics
            .iter()
            .map(|topic| match topic {
                None => Vec::new(),
                Some(Topic::One(one)) => vec![*one],
                Some(Topic::Any(any)) => any.clone(),
            })
            .collect();
        let (from, to) = (filter.from_block.to(), filter.to_block.to());
        let logs = self.evm.logs(filter.address, from, to, &topics);
        let logs = logs.map_err(failed)?;
        Ok(logs.iter().map(log_document).collect())
    }

    fn send(&mut self, call: Call) -> Result<Value, NodeError> {
        let from = self.sender(&call)?;
        let number = self.evm.latest().number;
        let sent = self.evm.send(from, call.to, call.data, call.value);
        let (hash, receipt) = match sent {
            Ok(receipt) => (receipt.transaction, Some(receipt)),
            // It is in a block all the same, if there is one.
            Err(error) if self.evm.latest().number == number => return Err(failed(error)),
            Err(_) => (keccak256(self.evm.latest().hash), None),
        };
        let landed = Landed {
            from,
            block: self.evm.latest(),
            receipt,
        };
        self.receipts.insert(hash, landed);
        Ok(json!(hash))
    }

    fn receipt(&self, hash: B256) -> Result<Value, NodeError> {
        let Some(landed) = self.receipts.get(&hash) else {
            return Ok(Value::Null);
        };
        let Landed {
            from,
            block,
            receipt,
        } = landed;
        let Some(receipt) = receipt else {
            return Ok(json!({
                "transactionHash": hash, "from": from, "to": null, "status": "0x0",
                "blockNumber": U64::from(block.number), "blockHash": block.hash,
                "gasUsed": U64::from(GAS_LIMIT), "logs": [],
            }));
        };
        let to = self
            .evm
            .input(hash)
            .ok()
            .flatten()
            .and_then(|input| input.to);
        Ok(json!({
            "transactionHash": hash,
            "transactionIndex": "0x0",
            "blockNumber": U64::from(receipt.block_number),
            "blockHash": receipt.block_hash,
            "from": from,
            "to": to,
            "contractAddress": receipt.contract,
            "gasUsed": U64::from(receipt.gas_used),
            "cumulativeGasUsed": U64::from(receipt.gas_used),
            "effectiveGasPrice": U64::from(GAS_PRICE),
            "logsBloom": format!("0x{}", hex::encode([0; 256])),
            "type": "0x2",
            "status": "0x1",
            "logs": receipt.logs.iter().map(log_document).collect::<Vec<_>>(),
        }))
    }

    fn transaction(&self, hash: B256) -> Result<Value, NodeError> {
        let input = self.evm.input(hash).map_err(failed)?;
        let Some(input) = input else {
            return Ok(Value::Null);
        };
        let known = self.receipts.get(&hash);
        // Of what was sent before there was a node, the block is any.
        let block = known.map_or(self.evm.latest(), |landed| landed.block);
        Ok(json!({
            "hash": hash,
            "blockHash": block.hash,
            "blockNumber": U64::from(block.number),
            "transactionIndex": "0x0",
            "from": known.map_or(Address::ZERO, |landed| landed.from),
            "to": input.to,
            "input": input.calldata,
            "value": "0x0",
            "nonce": "0x0",
            "gas": U64::from(GAS_LIMIT),
            "gasPrice": U64::from(GAS_PRICE),
            "type": "0x2",
        }))
    }
}

fn block_document(block: &Block) -> Value {
    json!({
        "number": U64::from(block.number),
        "hash": block.hash,
        "timestamp": U64::from(block.timestamp),
        "gasLimit": U64::from(GAS_LIMIT),
        "gasUsed": "0x0",
        "baseFeePerGas": U64::from(GAS_PRICE),
        "transactions": [],
    })
}

fn log_document(log: &Log) -> Value {
    json!({
        "address": log.address,
        "topics": log.topics,
        "data": log.data,
        "blockNumber": U64::from(log.block_number),
        "blockHash": log.block_hash,
        "transactionHash": log.transaction,
        "transactionIndex": "0x0",
        "logIndex": U64::from(log.index),
        "removed": false,
    })
}

fn at<T: for<'a> Deserialize<'a>>(params: &Value, index: usize) -> Result<T, NodeError> {
    parsed(params.get(index).cloned().unwrap_or_default())
}

fn parsed<T: for<'a> Deserialize<'a>>(value: Value) -> Result<T, NodeError> {
    serde_json::from_value(value).map_err(|error| NodeError {
        code: WRONG_PARAMETERS,
        message: format!("invalid params: {error}"),
        data: None,
    })
}

fn failed(error: ChainError) -> NodeError {
    match error {
        ChainError::Reverted { data, .. } => NodeError {
            code: REVERT_CODE,
            message: "execution reverted".to_owned(),
            data: Some(data),
        },
        other => NodeError {
            code: REFUSED,
            message: other.to_string(),
            data: None,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evm::SENDER;

    #[test]
    fn what_is_asked_wrongly() {
        let mut node = EvmNode::default();
        for (method, params, code) in [
            ("eth_nothing", json!([]), UNKNOWN_METHOD),
            ("eth_getCode", json!([]), WRONG_PARAMETERS),
            ("eth_getCode", json!({"a": 1}), WRONG_PARAMETERS),
            ("eth_getLogs", json!([{"address": 5}]), WRONG_PARAMETERS),
            (
                "eth_sendTransaction",
                json!([{"from": Address::ZERO, "to": SENDER}]),
                REFUSED,
            ),
        ] {
            let error = node.answer(method, &params).unwrap_err();
            assert_eq!(error.code, code, "{method}: {}", error.message);
        }
    }

    #[test]
    fn a_transaction_is_found_again() {
        let mut node = EvmNode::default();
        let to = node.evm.accounts()[1];
        let call = json!([{"from": SENDER, "to": to, "value": "0x5"}]);
        let before = node
            .answer("eth_getBalance", &json!([to, "latest"]))
            .unwrap();
        let hash = node.answer("eth_sendTransaction", &call).unwrap();
        let receipt = node
            .answer("eth_getTransactionReceipt", &json!([hash]))
            .unwrap();
        assert_eq!(receipt["status"], "0x1");
        assert_eq!(receipt["from"], json!(SENDER));
        let after = node
            .answer("eth_getBalance", &json!([to, "latest"]))
            .unwrap();
        assert_ne!(before, after);
        let unknown = json!([B256::ZERO]);
        assert!(node
            .answer("eth_getTransactionReceipt", &unknown)
            .unwrap()
            .is_null());
        let count = node
            .answer("eth_getTransactionCount", &json!([SENDER]))
            .unwrap();
        assert_eq!(count, "0x1");
    }

    #[test]
    fn what_reverted_stays_in_its_block() {
        let mut node = EvmNode::default();
        // PUSH1 0, PUSH1 0, REVERT.
        let call = json!([{"from": SENDER, "data": "0x60006000fd"}]);
        assert_eq!(
            node.answer("eth_estimateGas", &call).unwrap_err().code,
            REVERT_CODE
        );
        let hash = node.answer("eth_sendTransaction", &call).unwrap();
        node.evm.mine(3);
        let receipt = node.answer("eth_getTransactionReceipt", &json!([hash]));
        let receipt = receipt.unwrap();
        assert_eq!(
            (&receipt["status"], &receipt["blockNumber"]),
            (&json!("0x0"), &json!("0x1"))
        );
    }

    #[test]
    fn a_call_to_nothing_is_empty_and_a_block_that_is_not_there_is_null() {
        let mut node = EvmNode::default();
        let call = json!([{"to": SENDER, "data": "0x12345678"}, "latest"]);
        assert_eq!(node.answer("eth_call", &call).unwrap(), "0x");
        let block = node.answer("eth_getBlockByNumber", &json!(["0x99", false]));
        assert!(block.unwrap().is_null());
        let latest = node.answer("eth_getBlockByNumber", &json!(["latest", false]));
        assert_eq!(latest.unwrap()["number"], "0x0");
    }
}
