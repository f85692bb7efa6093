//! What nodes do now and then, played by a server.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use maci_nova_chain::{BlockId, Chain, ChainError, Log, Notice, Observer};
use maci_nova_contracts::alloy_primitives::{hex, keccak256, Address, Bytes, B256, U256};
use maci_nova_node::testing::{accounts, hurried, CHAIN};
use maci_nova_node::{Options, RpcChain, RpcError};
use serde_json::{json, Value};

use crate::server::{Reply, Server, KEY};

pub const CONTRACT: Address = Address::repeat_byte(0xcc);
const REVERT: &str = "0x0badc0de";

/// Keeps what it is told.
#[derive(Default)]
struct Listener {
    notices: Mutex<Vec<Notice>>,
    stop: AtomicBool,
}

impl Observer for Listener {
    fn notice(&self, notice: &Notice) {
        self.notices.lock().unwrap().push(notice.clone());
    }

    fn interrupted(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }
}

impl Listener {
    fn count(&self, which: impl Fn(&Notice) -> bool) -> usize {
        let notices = self.notices.lock().unwrap();
        notices.iter().filter(|notice| which(notice)).count()
    }
}

fn options(observer: &Arc<Listener>) -> Options {
    Options {
        chain_id: None,
        accounts: accounts(),
        patience: hurried(),
        receipt: Duration::from_millis(400),
        observer: Arc::clone(observer) as Arc<dyn Observer>,
        ..Options::default()
    }
}

/// A chain on a server whose script answers what `reply` returns, and what `usual` does for the
/// rest.
fn play(
    mut reply: impl FnMut(&str, &Value) -> Option<Reply> + Send + 'static,
) -> (Server, RpcChain, Arc<Listener>) {
    let server = Server::start(move |method, params| {
        reply(method, params).unwrap_or_else(|| usual(method, params))
    });
    let listener = Arc::new(Listener::default());
    let chain = RpcChain::connect(&server.url(), options(&listener)).unwrap();
    (server, chain, listener)
}

/// A healthy node at block 50,000 on which every transaction goes through.
pub fn usual(method: &str, params: &Value) -> Reply {
    Reply::Result(match method {
        "eth_chainId" => json!(format!("{CHAIN:#x}")),
        "eth_getBlockByNumber" => block(&params[0]),
        "eth_getCode" => json!("0x00"),
        "eth_call" => json!("0x01"),
        "eth_estimateGas" => json!("0x186a0"),
        "eth_maxPriorityFeePerGas" => json!("0x7"),
        "eth_gasPrice" => json!("0x13"),
        "eth_getTransactionCount" => json!("0x5"),
        "eth_sendRawTransaction" => json!(hash_of(params)),
        "eth_getTransactionReceipt" => receipt(params, 1),
        other => return Reply::Error(-32_601, "method not found", json!(other)),
    })
}

pub fn block(number: &Value) -> Value {
    let number = match number.as_str().unwrap() {
        "latest" => 50_000,
        number => u64::from_str_radix(&number[2..], 16).unwrap(),
    };
    json!({
        "number": format!("{number:#x}"),
        "hash": B256::from(U256::from(number)),
        "parentHash": B256::ZERO,
        "sha3Uncles": B256::ZERO,
        "miner": Address::ZERO,
        "stateRoot": B256::ZERO,
        "transactionsRoot": B256::ZERO,
        "receiptsRoot": B256::ZERO,
        "gasUsed": "0x0",
        "gasLimit": "0x1c9c380",
        "extraData": "0x",
        "logsBloom": null,
        "timestamp": format!("{:#x}", 12 * number),
        "difficulty": "0x0",
        "totalDifficulty": "0x0",
        "sealFields": [],
        "uncles": [],
        "transactions": [],
        "size": "0x0",
        "baseFeePerGas": "0xb"
    })
}

pub fn receipt(params: &Value, status: u8) -> Value {
    json!({
        "transactionHash": params[0],
        "transactionIndex": "0x0",
        "blockHash": B256::repeat_byte(1),
        "blockNumber": "0xc351",
        "from": Address::ZERO,
        "to": CONTRACT,
        "cumulativeGasUsed": "0xc350",
        "gasUsed": "0xc350",
        "contractAddress": null,
        "logs": [],
        "status": format!("{status:#x}"),
        "logsBloom": format!("0x{}", "0".repeat(512)),
        "type": "0x2"
    })
}

/// The hash of a transaction as it was sent.
pub fn hash_of(params: &Value) -> B256 {
    keccak256(raw(params))
}

pub fn raw(params: &Value) -> Vec<u8> {
    hex::decode(params[0].as_str().unwrap()).unwrap()
}

fn send(chain: &mut RpcChain) -> Result<B256, ChainError> {
    let from = chain.accounts()[0];
    let calldata = Bytes::from_static(&[1, 2, 3, 4]);
    let receipt = chain.send(from, Some(CONTRACT), calldata, U256::from(9))?;
    Ok(receipt.transaction)
}

fn assert_silent(text: impl std::fmt::Display) {
    let text = text.to_string();
    assert!(!text.contains(KEY), "{text}");
}

// Logs.

/// One log in every tenth block.
pub fn logs(from: u64, to: u64) -> Value {
    let tenths = (from..=to).filter(|number| number % 10 == 0);
    let logs = tenths.map(|number| {
        json!({
            "address": CONTRACT,
            "topics": [B256::repeat_byte(3)],
            "data": "0x",
            "blockNumber": format!("{number:#x}"),
            "blockHash": B256::from(U256::from(number)),
            "transactionHash": B256::repeat_byte(4),
            "transactionIndex": "0x0",
            "logIndex": "0x2",
            "removed": false
        })
    });
    logs.collect()
}

pub fn range(params: &Value) -> (u64, u64) {
    let number = |field: &str| {
        let text = params[0][field].as_str().unwrap();
        u64::from_str_radix(&text[2..], 16).unwrap()
    };
    (number("fromBlock"), number("toBlock"))
}

/// A node that refuses more than so many blocks at once.
fn bounded(most: u64, refusal: Reply) -> (Server, RpcChain, Arc<Listener>) {
    play(move |method, params| {
        (method == "eth_getLogs").then(|| {
            let (from, to) = range(params);
            if to - from + 1 > most {
                return refusal.clone();
            }
            Reply::Result(logs(from, to))
        })
    })
}

fn numbers(logs: &[Log]) -> Vec<u64> {
    logs.iter().map(|log| log.block_number).collect()
}

#[test]
fn refused_ranges_shrink_and_nothing_is_lost() {
    let none = Value::Null;
    let refusals = [
        Reply::Error(
            -32_005,
            "query returned more than 10000 results",
            none.clone(),
        ),
        Reply::Error(-32_000, "block range too large", none.clone()),
        Reply::Error(
            -32_602,
            "eth_getLogs is limited to a 1000 range",
            none.clone(),
        ),
        Reply::Error(-32_008, "response is too big", none.clone()),
        Reply::Error(-32_002, "request timed out", none),
        Reply::Status(413, "<html>too large</html>"),
        Reply::Nothing,
    ];
    for refusal in refusals {
        let (server, chain, listener) = bounded(700, refusal.clone());
        let found = chain.logs(CONTRACT, 5, 20_000, &[]).unwrap();
        let expected: Vec<u64> = (1..=2_000).map(|i| 10 * i).collect();
        assert_eq!(numbers(&found), expected, "{refusal:?}");
        let asked = server.calls("eth_getLogs");
        let answered = asked.iter().map(range).filter(|(from, to)| to - from < 700);
        // Without gaps, so that it is known where it stopped, and without repetitions.
        let mut next = 5;
        for (from, to) in answered {
            assert_eq!(from, next, "{refusal:?}");
            next = to + 1;
        }
        assert_eq!(next, 20_001);
        assert!(listener.count(|notice| matches!(notice, Notice::SmallerRange { .. })) >= 4);
    }
}

#[test]
fn ranges_grow_again() {
    let refuse = Arc::new(AtomicBool::new(true));
    let refusing = Arc::clone(&refuse);
    let (server, chain, _) = play(move |method, params| {
        (method == "eth_getLogs").then(|| {
            let (from, to) = range(params);
            if to > from && refusing.load(Ordering::SeqCst) {
                return Reply::Error(-32_000, "busy", Value::Null);
            }
            Reply::Result(logs(from, to))
        })
    });
    assert_eq!(chain.logs(CONTRACT, 100, 109, &[]).unwrap().len(), 1);
    refuse.store(false, Ordering::SeqCst);
    assert_eq!(chain.logs(CONTRACT, 0, 49_999, &[]).unwrap().len(), 5_000);
    let calls = server.calls("eth_getLogs");
    let largest = calls
        .iter()
        .map(range)
        .map(|(from, to)| to - from + 1)
        .max();
    assert!(largest > Some(4_000), "{largest:?}");
    assert!(calls.len() < 120, "{}", calls.len());
}

#[test]
fn one_block_that_is_refused_is_an_error() {
    let refusal = Reply::Error(
        -32_005,
        "query returned more than 10000 results",
        Value::Null,
    );
    let (server, chain, _) = bounded(0, refusal);
    let error = chain.logs(CONTRACT, 1, 20_000, &[]).unwrap_err();
    assert!(matches!(error, ChainError::RangeTooLarge(_)), "{error}");
    assert!(server.calls("eth_getLogs").len() < 20);
    // A node that is gone is not asked for much longer.
    let (server, chain, _) = bounded(0, Reply::Nothing);
    let error = chain.logs(CONTRACT, 1, 20_000, &[]).unwrap_err();
    assert!(matches!(error, ChainError::Transport(_)), "{error}");
    assert!(server.calls("eth_getLogs").len() < 60);
    assert_silent(error);
}

#[test]
fn blocks_that_are_not_there_yet_are_not_asked_for() {
    let (server, chain, _) = bounded(u64::MAX, Reply::Nothing);
    assert_eq!(chain.logs(CONTRACT, 50_001, u64::MAX, &[]).unwrap(), []);
    assert_eq!(server.calls("eth_getLogs").len(), 0);
    let found = chain.logs(CONTRACT, 49_995, u64::MAX, &[]).unwrap();
    assert_eq!(numbers(&found), [50_000]);
    assert_eq!(chain.logs(CONTRACT, 9, 5, &[]).unwrap(), []);
}

/// A node that claims the last block that there can be.
#[test]
fn the_last_block_of_all_is_asked_for_once() {
    for from in [u64::MAX, u64::MAX - 1, u64::MAX - 12_345] {
        let (server, chain, _) = play(move |method, _| match method {
            "eth_getBlockByNumber" => {
                let mut newest = block(&json!("0x1"));
                newest["number"] = json!(format!("{:#x}", u64::MAX));
                Some(Reply::Result(newest))
            }
            "eth_getLogs" => Some(Reply::Result(json!([]))),
            _ => None,
        });
        assert_eq!(chain.logs(CONTRACT, from, u64::MAX, &[]).unwrap(), []);
        let asked = server.calls("eth_getLogs").len();
        assert_eq!(asked as u64, (u64::MAX - from) / 10_000 + 1);
    }
}

#[test]
fn the_filter_is_what_was_asked_for() {
    let (server, chain, _) = bounded(u64::MAX, Reply::Nothing);
    let [a, b] = [B256::repeat_byte(3), B256::repeat_byte(5)];
    let topics = [vec![a, b], vec![], vec![]];
    assert_eq!(chain.logs(CONTRACT, 1, 10, &topics).unwrap().len(), 1);
    let asked = &server.calls("eth_getLogs")[0][0];
    assert_eq!(asked["fromBlock"], "0x1");
    assert_eq!(asked["toBlock"], "0xa");
    let address: Address = serde_json::from_value(asked["address"].clone()).unwrap();
    assert_eq!(address, CONTRACT);
    assert_eq!(asked["topics"][0], json!([a, b]));
    assert!(asked["topics"][1].is_null());
}

#[test]
fn logs_that_were_not_asked_for_are_refused() {
    let changes: [fn(&mut Value); 4] = [
        |log| log["removed"] = true.into(),
        |log| log["address"] = json!(Address::ZERO),
        |log| log["blockNumber"] = "0xb".into(),
        |log| log["blockHash"] = Value::Null,
    ];
    for (i, change) in changes.into_iter().enumerate() {
        let (_server, chain, _) = play(move |method, _| {
            (method == "eth_getLogs").then(|| {
                let mut logs = logs(1, 10);
                change(&mut logs[0]);
                Reply::Result(logs)
            })
        });
        let error = chain.logs(CONTRACT, 1, 10, &[]).unwrap_err();
        assert!(matches!(error, ChainError::Transport(_)), "{i}: {error}");
    }
}

// Retries.

#[test]
fn what_is_no_answer_is_asked_for_again() {
    let passing = [
        Reply::Nothing,
        Reply::Status(503, "Service Unavailable"),
        Reply::Status(429, r#"{"message":"slow down"}"#),
        Reply::Status(
            429,
            r#"{"jsonrpc":"2.0","id":null,"error":{"code":429,"message":"slow"}}"#,
        ),
        Reply::Status(302, ""),
        Reply::Error(429, "slow down", Value::Null),
        Reply::Error(-32_000, "header not found", Value::Null),
    ];
    for reply in passing {
        let mut left = 3;
        let first = reply.clone();
        let (server, chain, listener) = play(move |method, _| {
            (method == "eth_getBalance").then(|| {
                left -= 1;
                match left {
                    0 => Reply::Result(json!("0x2a")),
                    _ => first.clone(),
                }
            })
        });
        assert_eq!(
            chain.balance(CONTRACT).unwrap(),
            U256::from(42),
            "{reply:?}"
        );
        assert_eq!(server.calls("eth_getBalance").len(), 3);
        let waits = listener.count(|notice| matches!(notice, Notice::Retrying { .. }));
        assert_eq!(waits, 2, "{reply:?}");
        for notice in listener.notices.lock().unwrap().iter() {
            assert_silent(notice);
        }
    }
}

#[test]
fn patience_ends() {
    for reply in [Reply::Nothing, Reply::Status(401, "who are you?")] {
        let (server, chain, _) =
            play(move |method, _| (method == "eth_getBalance").then(|| reply.clone()));
        let error = chain.balance(CONTRACT).unwrap_err();
        assert!(matches!(error, ChainError::Transport(_)), "{error}");
        assert!(error.to_string().contains("5 tries"), "{error}");
        assert_silent(error);
        assert_eq!(
            server.calls("eth_getBalance").len(),
            hurried().tries as usize
        );
    }
}

#[test]
fn nobody_is_there() {
    let url = Server::start(usual).url();
    let error = RpcChain::connect(&url, options(&Arc::default())).unwrap_err();
    assert!(
        matches!(error, RpcError::Unreachable { tries: 3, .. }),
        "{error}"
    );
    assert_silent(&error);
    assert_silent(format!("{error:?}"));
    assert!(error.to_string().contains("http://127.0.0.1:"), "{error}");
}

#[test]
fn an_answer_is_asked_for_once() {
    let answers = [
        (Reply::Error(3, "execution reverted", json!(REVERT)), REVERT),
        (
            Reply::Error(-32_000, "execution reverted", json!(REVERT)),
            REVERT,
        ),
        (
            Reply::Error(
                -32_603,
                "reverted",
                json!({ "message": "0x00", "data": REVERT }),
            ),
            REVERT,
        ),
        (
            Reply::Error(3, "VM execution error", json!("Reverted 0x0badc0de")),
            REVERT,
        ),
        (
            Reply::Error(-32_000, "execution reverted", Value::Null),
            "0x",
        ),
        (
            Reply::Error(3, "execution reverted", json!("gibberish")),
            "0x",
        ),
    ];
    for (reply, expected) in answers {
        let answer = reply.clone();
        let (server, chain, _) =
            play(move |method, _| (method == "eth_call").then(|| answer.clone()));
        match chain.call(CONTRACT, Bytes::new()) {
            Err(ChainError::Reverted { data, gas_used }) => {
                assert_eq!(data.to_string(), expected, "{reply:?}");
                assert_eq!(gas_used, None);
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(server.calls("eth_call").len(), 1, "{reply:?}");
    }
    let refusal = Reply::Error(-32_602, "invalid argument", Value::Null);
    let (server, chain, _) = play(move |method, _| (method == "eth_call").then(|| refusal.clone()));
    let error = chain.call(CONTRACT, Bytes::new()).unwrap_err();
    assert!(error.to_string().contains("invalid argument"), "{error}");
    assert_eq!(server.calls("eth_call").len(), 1);
}

#[test]
fn an_interruption_ends_waiting() {
    let (_server, chain, listener) =
        play(|method, _| (method == "eth_getBalance").then_some(Reply::Nothing));
    listener.stop.store(true, Ordering::SeqCst);
    let error = chain.balance(CONTRACT).unwrap_err();
    assert_eq!(error, ChainError::Interrupted);
}

/// Whoever stops while a transaction is on its way is told which, and that it may arrive.
#[test]
fn an_interruption_leaves_what_was_sent() {
    for stopped_at in ["eth_sendRawTransaction", "eth_getTransactionReceipt"] {
        let stop = Arc::new(Mutex::new(None::<Arc<Listener>>));
        let listener = Arc::clone(&stop);
        let (server, mut chain, observer) = play(move |method, _| {
            if method == stopped_at {
                let listener = listener.lock().unwrap();
                let listener = listener.as_ref().expect("connected");
                listener.stop.store(true, Ordering::SeqCst);
                return Some(Reply::Nothing);
            }
            None
        });
        *stop.lock().unwrap() = Some(observer);
        let from = accounts()[0].address();
        let sent = chain.send(from, Some(CONTRACT), Bytes::new(), U256::ZERO);
        let hash = hash_of(&server.calls("eth_sendRawTransaction")[0]);
        let left = ChainError::Left { transaction: hash };
        assert_eq!(sent.expect_err("stopped"), left, "{stopped_at}");
    }
}

#[test]
fn another_block_than_asked_for_is_refused() {
    let (_server, chain, _) = play(|method, params| {
        (method == "eth_getBlockByNumber" && params[0] == "0x7")
            .then(|| Reply::Result(block(&json!("0x8"))))
    });
    let error = chain.block(BlockId::Number(7)).unwrap_err();
    assert!(matches!(error, ChainError::Transport(_)), "{error}");
    assert_eq!(chain.block(BlockId::Number(8)).unwrap().timestamp, 96);
}

#[test]
fn a_block_that_is_not_there() {
    let (_server, chain, _) = play(|method, params| {
        (method == "eth_getBlockByNumber" && params[0] == "0x7")
            .then_some(Reply::Result(Value::Null))
    });
    let error = chain.block(BlockId::Number(7)).unwrap_err();
    assert_eq!(error, ChainError::UnknownBlock(7));
}

// Transactions.

#[test]
fn a_transaction_is_filled() {
    let (server, mut chain, listener) = play(|_, _| None);
    let hash = send(&mut chain).unwrap();
    let sent = server.calls("eth_sendRawTransaction");
    let [sent] = &sent[..] else {
        panic!("{sent:?}");
    };
    assert_eq!(hash_of(sent), hash);
    // EIP-1559: type 2, then chain id, nonce 5, tip 7, at most 2 * 11 + 7, 125,000 gas, the
    // contract, 9 wei, the calldata, an empty access list.
    let fields = format!("827a6905071d8301e84894{}098401020304c0", "cc".repeat(20));
    let raw = hex::encode(raw(sent));
    assert!(raw.starts_with("02f8"), "{raw}");
    assert_eq!(&raw[6..6 + fields.len()], fields);
    assert_eq!(listener.count(|notice| *notice == Notice::Sent { hash }), 1);
    // The estimate names no fees, but what is sent and by whom.
    let estimate = &server.calls("eth_estimateGas")[0][0];
    assert!(estimate["gasPrice"].is_null() && estimate["maxFeePerGas"].is_null());
    assert_eq!(estimate["value"], "0x9");
    let from: Address = serde_json::from_value(estimate["from"].clone()).unwrap();
    assert_eq!(from, chain.accounts()[0]);
}

/// A node recommends what it likes; the account pays no more than it is told to.
#[test]
fn a_tip_has_a_limit() {
    for (max_tip, tip) in [(0, 0_u64), (3, 3), (7, 7), (8, 7)] {
        let server = Server::start(usual);
        let listener = Arc::new(Listener::default());
        let options = Options {
            max_tip: U256::from(max_tip),
            ..options(&listener)
        };
        let mut chain = RpcChain::connect(&server.url(), options).unwrap();
        send(&mut chain).unwrap();
        // Of a base fee of 11, twice, and the tip; RLP has 0 as an empty text.
        let most = 22 + tip;
        let written = if tip == 0 { 0x80 } else { tip };
        let raw = hex::encode(raw(&server.calls("eth_sendRawTransaction")[0]));
        assert_eq!(&raw[6..18], format!("827a6905{written:02x}{most:02x}"));
        // What is not followed is said, and what it costs, before it is sent.
        let smaller = Notice::SmallerTip {
            recommended: U256::from(7),
            paid: U256::from(tip),
        };
        let told = listener.count(|notice| *notice == smaller);
        assert_eq!(told, usize::from(tip < 7));
        let price = Notice::Price {
            gas: 125_000,
            most: U256::from(125_000 * most),
            value: U256::from(9),
        };
        assert_eq!(listener.count(|notice| *notice == price), 1);
    }
}

#[test]
fn chains_without_a_base_fee() {
    let (server, mut chain, _) = play(|method, params| {
        (method == "eth_getBlockByNumber").then(|| {
            let mut block = block(&params[0]);
            block["baseFeePerGas"] = Value::Null;
            Reply::Result(block)
        })
    });
    send(&mut chain).unwrap();
    // A list, not a type: nonce 5, price 19, 125,000 gas.
    let raw = hex::encode(raw(&server.calls("eth_sendRawTransaction")[0]));
    assert!(raw.starts_with("f8"), "{raw}");
    assert!(raw[4..].starts_with("05138301e848"), "{raw}");
    assert_eq!(server.calls("eth_maxPriorityFeePerGas").len(), 0);
}

#[test]
fn nodes_that_recommend_no_tip() {
    let (server, mut chain, _) = play(|method, _| {
        let unknown = Reply::Error(-32_601, "the method does not exist", Value::Null);
        (method == "eth_maxPriorityFeePerGas").then_some(unknown)
    });
    send(&mut chain).unwrap();
    // The price of 19 without the base fee of 11.
    let raw = hex::encode(raw(&server.calls("eth_sendRawTransaction")[0]));
    assert_eq!(&raw[6..18], "827a6905081e");
}

#[test]
fn what_would_revert_is_not_sent() {
    let (server, mut chain, _) = play(|method, _| {
        (method == "eth_estimateGas").then(|| Reply::Error(3, "execution reverted", json!(REVERT)))
    });
    match send(&mut chain) {
        Err(ChainError::Reverted { data, gas_used }) => {
            assert_eq!((data.to_string().as_str(), gas_used), (REVERT, None));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(server.calls("eth_sendRawTransaction").len(), 0);
}

#[test]
fn what_the_node_does_not_take_was_not_sent() {
    let (server, mut chain, _) = play(|method, _| match method {
        "eth_sendRawTransaction" => Some(Reply::Error(-32_000, "insufficient funds", Value::Null)),
        "eth_getTransactionByHash" => Some(Reply::Result(Value::Null)),
        _ => None,
    });
    match send(&mut chain) {
        Err(ChainError::Invalid(reason)) => assert!(reason.contains("insufficient"), "{reason}"),
        other => panic!("{other:?}"),
    }
    assert_eq!(server.calls("eth_sendRawTransaction").len(), 1);
}

#[test]
fn what_reverts_in_a_block_says_why() {
    let (server, mut chain, _) = play(|method, params| match method {
        "eth_getTransactionReceipt" => Some(Reply::Result(receipt(params, 0))),
        "eth_call" => Some(Reply::Error(3, "execution reverted", json!(REVERT))),
        _ => None,
    });
    match send(&mut chain) {
        Err(ChainError::Reverted { data, gas_used }) => {
            assert_eq!(
                (data.to_string().as_str(), gas_used),
                (REVERT, Some(50_000))
            );
        }
        other => panic!("{other:?}"),
    }
    let repeated = &server.calls("eth_call")[0];
    assert_eq!(repeated[1], "0xc351");
    assert_eq!(server.calls("eth_sendRawTransaction").len(), 1);
}

#[test]
fn what_runs_out_of_gas_says_so() {
    let (_server, mut chain, _) = play(|method, params| {
        (method == "eth_getTransactionReceipt").then(|| {
            let mut receipt = receipt(params, 0);
            receipt["gasUsed"] = json!(format!("{:#x}", 125_000));
            Reply::Result(receipt)
        })
    });
    let error = send(&mut chain).unwrap_err();
    assert!(matches!(error, ChainError::Halted(_)), "{error}");
}

/// The node takes the transaction and the connection breaks before it can say so.
#[test]
fn a_lost_answer_does_not_send_twice() {
    let words = ["already known", "nonce too low: next nonce 6, tx nonce 5"];
    for words in words {
        let sends = AtomicUsize::new(0);
        let (server, mut chain, _) = play(move |method, params| match method {
            "eth_sendRawTransaction" => Some(match sends.fetch_add(1, Ordering::SeqCst) {
                0 => Reply::Nothing,
                _ => Reply::Error(-32_000, words, Value::Null),
            }),
            "eth_getTransactionByHash" => Some(Reply::Result(transaction(&params[0]))),
            _ => None,
        });
        let hash = send(&mut chain).unwrap();
        let mut sent = server.calls("eth_sendRawTransaction");
        assert_eq!(sent.len(), 2);
        sent.dedup();
        assert_eq!(sent.len(), 1, "the same transaction");
        assert_eq!(hash_of(&sent[0]), hash);
        // The next one, and how many are used; neither again.
        assert_eq!(server.calls("eth_getTransactionCount").len(), 2);
    }
}

pub fn transaction(hash: &Value) -> Value {
    json!({
        "hash": hash,
        "nonce": "0x5",
        "blockHash": null,
        "blockNumber": null,
        "transactionIndex": null,
        "from": Address::ZERO,
        "to": CONTRACT,
        "value": "0x9",
        "gas": "0x1e848",
        "gasPrice": "0x1d",
        "input": "0x01020304",
        "v": "0x0",
        "r": "0x1",
        "s": "0x1",
        "type": "0x2",
        "chainId": "0x7a69"
    })
}

#[test]
fn a_node_that_dies_while_it_is_sent_to_leaves_it_open() {
    let (server, mut chain, _) =
        play(|method, _| (method == "eth_sendRawTransaction").then_some(Reply::Nothing));
    let error = send(&mut chain).unwrap_err();
    let sent = server.calls("eth_sendRawTransaction");
    match &error {
        ChainError::Undecided { transaction, .. } => assert_eq!(*transaction, hash_of(&sent[0])),
        other => panic!("{other:?}"),
    }
    assert!(sent.iter().all(|again| *again == sent[0]));
    assert_silent(error);
}

#[test]
fn a_receipt_that_does_not_come_leaves_it_open() {
    let (server, mut chain, listener) = play(|method, _| {
        (method == "eth_getTransactionReceipt").then_some(Reply::Result(Value::Null))
    });
    let started = Instant::now();
    let error = send(&mut chain).unwrap_err();
    let sent = server.calls("eth_sendRawTransaction");
    assert_eq!(sent.len(), 1);
    match error {
        ChainError::Undecided { transaction, .. } => {
            assert_eq!(transaction, hash_of(&sent[0]));
            assert_eq!(chain.receipt(transaction).unwrap(), None);
        }
        other => panic!("{other:?}"),
    }
    assert!(started.elapsed() >= Duration::from_millis(400));
    assert!(listener.count(|notice| matches!(notice, Notice::Pending { .. })) > 1);
}

/// Whatever a node says when it is asked for the receipt, the transaction was sent.
#[test]
fn a_node_that_has_trouble_with_receipts_is_asked_again() {
    for reply in [
        Reply::Error(-32_000, "transaction indexing is in progress", Value::Null),
        Reply::Error(-32_603, "internal error", Value::Null),
        Reply::Error(-32_601, "method not found", Value::Null),
        Reply::Status(502, "Bad Gateway"),
        Reply::Nothing,
    ] {
        let looks = AtomicUsize::new(0);
        let answer = reply.clone();
        let (server, mut chain, _) = play(move |method, _| {
            let is_look = method == "eth_getTransactionReceipt";
            (is_look && looks.fetch_add(1, Ordering::SeqCst) < 2).then(|| answer.clone())
        });
        send(&mut chain).unwrap_or_else(|error| panic!("{reply:?}: {error}"));
        assert_eq!(server.calls("eth_sendRawTransaction").len(), 1, "{reply:?}");
    }
}

/// For good: then it is open what became of it, and the node's words are told.
#[test]
fn a_node_that_never_finds_receipts_leaves_it_open() {
    let (server, mut chain, _) = play(|method, _| {
        let error = Reply::Error(-32_603, "database is away", Value::Null);
        (method == "eth_getTransactionReceipt").then_some(error)
    });
    let error = send(&mut chain).unwrap_err();
    assert!(matches!(error, ChainError::Undecided { .. }), "{error:?}");
    assert!(error.to_string().contains("database is away"), "{error}");
    assert_eq!(server.calls("eth_sendRawTransaction").len(), 1);
}

#[test]
fn a_receipt_of_no_block_is_none_yet() {
    let looks = AtomicUsize::new(0);
    let (_server, mut chain, listener) = play(move |method, params| {
        (method == "eth_getTransactionReceipt").then(|| {
            let mut receipt = receipt(params, 1);
            if looks.fetch_add(1, Ordering::SeqCst) == 0 {
                (receipt["blockNumber"], receipt["blockHash"]) = (Value::Null, Value::Null);
            }
            Reply::Result(receipt)
        })
    });
    send(&mut chain).unwrap();
    assert_eq!(
        listener.count(|notice| matches!(notice, Notice::Pending { .. })),
        1
    );
}

#[test]
fn a_transaction_of_no_block_is_none_yet() {
    let (_server, chain, _) = play(|method, params| {
        (method == "eth_getTransactionByHash").then(|| Reply::Result(transaction(&params[0])))
    });
    assert_eq!(chain.input(B256::repeat_byte(5)), Ok(None));
}

#[test]
fn another_transaction_than_asked_for_is_refused() {
    let hash = B256::repeat_byte(5);
    let (_server, chain, _) = play(move |method, _| {
        (method == "eth_getTransactionByHash").then(|| {
            let mut answer = transaction(&json!(hash));
            answer["blockNumber"] = json!("0x7");
            answer["blockHash"] = json!(B256::repeat_byte(7));
            answer["transactionIndex"] = json!("0x0");
            Reply::Result(answer)
        })
    });
    let found = chain.input(hash).unwrap().expect("it is in a block");
    assert_eq!(found.to, Some(CONTRACT));
    assert_eq!(found.calldata.as_ref(), [1, 2, 3, 4]);
    let error = chain.input(B256::repeat_byte(6)).unwrap_err();
    assert!(matches!(error, ChainError::Transport(_)), "{error}");
}

#[test]
fn calldata_to_nobody_is_not_sent() {
    let (server, mut chain, _) =
        play(|method, _| (method == "eth_getCode").then(|| Reply::Result(json!("0x"))));
    assert_eq!(
        send(&mut chain).unwrap_err(),
        ChainError::NoContract(CONTRACT)
    );
    assert_eq!(server.calls("eth_estimateGas").len(), 0);
}

#[test]
fn an_account_without_a_key() {
    let (server, mut chain, _) = play(|_, _| None);
    let error = chain.send(CONTRACT, Some(CONTRACT), Bytes::new(), U256::ZERO);
    assert_eq!(error.unwrap_err(), ChainError::UnknownAccount(CONTRACT));
    assert_eq!(server.calls("eth_estimateGas").len(), 0);
}

#[test]
fn the_address_of_a_node_does_not_show() {
    let (_server, chain, listener) = play(|_, _| None);
    assert_silent(format!("{chain:?}"));
    assert_silent(format!("{:?}", options(&listener)));
}

// What is too old before it is in a block.

/// A chain whose next block is there at each look, from 50,001 on, and in which nothing gets into a
/// block until a second transaction is sent.
struct Busy {
    server: Server,
    chain: RpcChain,
    listener: Arc<Listener>,
    /// The transaction that is open, which the next one replaces.
    open: Option<B256>,
}

/// What happens from the second transaction on.
#[derive(Clone, Copy)]
struct Then {
    /// Which transaction is in a block, by its number from 0 in the order of sending, and with
    /// which status.
    included: fn(usize) -> Option<u8>,
    /// What the node says to the second one.
    answer: Option<fn() -> Reply>,
    /// Nonces that blocks have used, and those that the pool has besides.
    nonces: (u64, u64),
}

impl Default for Then {
    fn default() -> Self {
        Then {
            included: |_| None,
            answer: None,
            nonces: (5, 0),
        }
    }
}

impl Busy {
    fn new(then: Then) -> Self {
        let looks = AtomicUsize::new(0);
        let sent: Arc<Mutex<Vec<B256>>> = Arc::default();
        let (server, chain, listener) = play(move |method, params| {
            let mut sent = sent.lock().unwrap();
            Some(match method {
                "eth_getBlockByNumber" => {
                    let number = 50_001 + looks.fetch_add(1, Ordering::SeqCst);
                    Reply::Result(block(&json!(format!("{number:#x}"))))
                }
                "eth_getTransactionCount" if sent.is_empty() => return None,
                "eth_getTransactionCount" => {
                    let pool = if params[1] == "latest" {
                        0
                    } else {
                        then.nonces.1
                    };
                    Reply::Result(json!(format!("{:#x}", then.nonces.0 + pool)))
                }
                "eth_sendRawTransaction" => {
                    let hash = hash_of(params);
                    if !sent.contains(&hash) {
                        sent.push(hash);
                    }
                    match then.answer {
                        Some(answer) if sent.len() == 2 => answer(),
                        _ => Reply::Result(json!(hash)),
                    }
                }
                "eth_getTransactionByHash" => Reply::Result(Value::Null),
                "eth_getTransactionReceipt" => {
                    let hash: B256 = serde_json::from_value(params[0].clone()).unwrap();
                    let number = sent.iter().position(|other| *other == hash);
                    let status = number.and_then(then.included).filter(|_| sent.len() > 1);
                    Reply::Result(status.map_or(Value::Null, |status| receipt(params, status)))
                }
                "eth_call" if params[0]["data"] == "0x01020304" => {
                    Reply::Error(3, "execution reverted", json!(REVERT))
                }
                _ => return None,
            })
        });
        Busy {
            server,
            chain,
            listener,
            open: None,
        }
    }

    /// Sends what is of use for a few blocks.
    fn send(&mut self, calldata: &'static [u8]) -> Result<B256, ChainError> {
        let from = self.chain.accounts()[0];
        let calldata = Bytes::from_static(calldata);
        let value = U256::from(9);
        let replaces = self.open.take();
        let sent = self
            .chain
            .send_until(from, CONTRACT, calldata, value, 50_006, replaces);
        self.open = match &sent {
            Err(
                ChainError::Overdue { transaction } | ChainError::Undecided { transaction, .. },
            ) => Some(*transaction),
            _ => None,
        };
        Ok(sent?.transaction)
    }

    /// Nonce, tip and most of what was sent, in its order. Each is one byte here.
    fn sent(&self) -> Vec<[u8; 3]> {
        let calls = self.server.calls("eth_sendRawTransaction");
        let fields = calls.iter().map(|sent| raw(sent)[6..9].try_into().unwrap());
        fields.collect()
    }

    fn hash(&self, number: usize) -> B256 {
        hash_of(&self.server.calls("eth_sendRawTransaction")[number])
    }
}

const FIRST: &[u8] = &[1, 2, 3, 4];
const SECOND: &[u8] = &[5, 6, 7, 8];

fn too_low() -> Reply {
    Reply::Error(-32_000, "nonce too low", Value::Null)
}

#[test]
fn what_is_too_old_is_replaced() {
    let mut busy = Busy::new(Then {
        included: |number| (number >= 1).then_some(1),
        ..Then::default()
    });
    let error = busy.send(FIRST).unwrap_err();
    let transaction = busy.hash(0);
    assert_eq!(error, ChainError::Overdue { transaction });
    assert_eq!(busy.send(SECOND), Ok(busy.hash(1)));
    // The same nonce, and at least an eighth more for each part of the price.
    assert_eq!(busy.sent(), [[5, 7, 29], [5, 8, 33]]);
    // Afterwards nothing is left to be replaced.
    busy.send(&[9; 4]).unwrap();
    assert_eq!(busy.sent()[2], [5, 7, 29]);
}

/// Where the last block that it is of use in is there already, there is one more block for it.
#[test]
fn there_is_a_block_for_whatever_is_sent() {
    let looks = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&looks);
    let (_server, mut chain, _) = play(move |method, params| match method {
        "eth_getBlockByNumber" => {
            let number = 50_001 + counted.fetch_add(1, Ordering::SeqCst) / 4;
            Some(Reply::Result(block(&json!(format!("{number:#x}")))))
        }
        // Two looks after it was sent.
        "eth_getTransactionReceipt" if counted.load(Ordering::SeqCst) > 3 => {
            Some(Reply::Result(receipt(params, 1)))
        }
        "eth_getTransactionReceipt" => Some(Reply::Result(Value::Null)),
        _ => None,
    });
    let from = chain.accounts()[0];
    let data = Bytes::from_static(FIRST);
    chain
        .send_until(from, CONTRACT, data, U256::ZERO, 50_000, None)
        .unwrap();
}

#[test]
fn what_was_to_be_replaced_may_come_first() {
    // It had its effect, which is what the caller wanted.
    let mut busy = Busy::new(Then {
        included: |number| (number == 0).then_some(1),
        answer: Some(too_low),
        nonces: (6, 0),
    });
    busy.send(FIRST).unwrap_err();
    assert_eq!(busy.send(SECOND), Ok(busy.hash(0)));
    // It reverted: its nonce is used, and the caller is told why.
    let mut busy = Busy::new(Then {
        included: |number| (number == 0).then_some(0),
        answer: Some(too_low),
        nonces: (6, 0),
    });
    busy.send(FIRST).unwrap_err();
    let error = busy.send(SECOND).unwrap_err();
    let data = hex::decode(REVERT).unwrap().into();
    let gas_used = Some(50_000);
    assert_eq!(error, ChainError::Reverted { data, gas_used });
    // The next one begins anew.
    let error = busy.send(&[9; 4]).unwrap_err();
    assert!(matches!(error, ChainError::Overdue { .. }), "{error:?}");
    assert_eq!(busy.sent()[2], [6, 7, 29]);
}

/// Somebody who is told that nothing was sent sends again, and pays twice.
#[test]
fn a_replacement_that_was_perhaps_sent_is_not_forgotten() {
    let mut busy = Busy::new(Then {
        included: |number| (number == 1).then_some(1),
        answer: Some(|| Reply::Nothing),
        ..Then::default()
    });
    busy.send(FIRST).unwrap_err();
    let error = busy.send(SECOND).unwrap_err();
    let second = busy.hash(1);
    match error {
        ChainError::Undecided { transaction, .. } => assert_eq!(transaction, second),
        other => panic!("{other:?}"),
    }
    let calls = busy.sent().len();
    assert_eq!(busy.send(&[9; 4]), Ok(second));
    assert_eq!(busy.sent().len(), calls, "nothing more was sent");
}

#[test]
fn a_replacement_that_was_not_sent_leaves_the_first_one_open() {
    // Refused while the first one waits: it may still get into a block.
    let mut busy = Busy::new(Then {
        answer: Some(|| Reply::Error(-32_000, "replacement transaction underpriced", Value::Null)),
        ..Then::default()
    });
    busy.send(FIRST).unwrap_err();
    let error = busy.send(SECOND).unwrap_err();
    let first = busy.hash(0);
    assert!(
        matches!(&error, ChainError::Undecided { transaction, reason }
            if *transaction == first && reason.contains("underpriced")),
        "{error:?}"
    );
    busy.send(&[9; 4]).unwrap_err();
    assert_eq!(busy.sent()[2][0], 5, "the same nonce");
    // Somebody else has used the nonce: the next one begins anew.
    let mut busy = Busy::new(Then {
        answer: Some(too_low),
        nonces: (6, 0),
        ..Then::default()
    });
    busy.send(FIRST).unwrap_err();
    let error = busy.send(SECOND).unwrap_err();
    assert!(matches!(error, ChainError::Undecided { .. }), "{error:?}");
    busy.send(&[9; 4]).unwrap_err();
    assert_eq!(busy.sent()[2], [6, 7, 29]);
}

#[test]
fn who_has_to_queue_is_told() {
    let mut busy = Busy::new(Then {
        included: |_| Some(1),
        nonces: (5, 2),
        ..Then::default()
    });
    let queued = |busy: &Busy| {
        let told = |notice: &Notice| *notice == Notice::Queued { nonce: 5 };
        busy.listener.count(told)
    };
    busy.send(FIRST).unwrap_err();
    busy.send(SECOND).unwrap();
    assert_eq!(queued(&busy), 0);
    busy.send(&[9; 4]).unwrap();
    assert_eq!(queued(&busy), 1);
    assert_eq!(busy.sent()[2][0], 7);
}

/// Only what the caller names is replaced: anything else is something else.
#[test]
fn what_others_wait_for_is_not_replaced() {
    let mut busy = Busy::new(Then {
        included: |number| (number > 0).then_some(1),
        ..Then::default()
    });
    busy.send(FIRST).unwrap_err();
    let [from, other] = [0, 1].map(|index| busy.chain.accounts()[index]);
    let data = || Bytes::from_static(SECOND);
    let value = U256::from(9);
    let chain = &mut busy.chain;
    chain.send(other, Some(CONTRACT), data(), value).unwrap();
    chain.send(from, Some(CONTRACT), data(), value).unwrap();
    let until = chain.send_until(from, CONTRACT, data(), value, 50_006, None);
    until.unwrap();
    assert_eq!(busy.sent()[1..], [[5, 7, 29]; 3]);
}

/// What is of use at any time is none of the versions of what is sent next, whatever became of it.
#[test]
fn what_is_sent_for_good_is_not_replaced() {
    let mut busy = Busy::new(Then {
        included: |number| (number == 1).then_some(1),
        answer: Some(|| Reply::Nothing),
        ..Then::default()
    });
    busy.send(FIRST).unwrap_err();
    let from = busy.chain.accounts()[0];
    let data = Bytes::from_static(SECOND);
    let error = busy.chain.send(from, Some(CONTRACT), data, U256::ZERO);
    let Err(ChainError::Undecided { transaction, .. }) = error else {
        panic!("{error:?}");
    };
    // It is in a block, and its receipt is not that of a ballot.
    busy.open = Some(transaction);
    let error = busy.send(&[9; 4]).unwrap_err();
    assert!(matches!(error, ChainError::Overdue { .. }), "{error:?}");
    assert_eq!(busy.sent().last().unwrap()[..2], [5, 7]);
}

/// Whatever goes wrong while a version waits, nobody is told that nothing was sent.
#[test]
fn a_failure_while_a_version_waits_is_undecided() {
    for trouble in [
        "eth_getTransactionReceipt",
        "eth_estimateGas",
        "eth_getTransactionCount",
    ] {
        let sent = Arc::new(AtomicUsize::new(0));
        let (looks, count) = (AtomicUsize::new(0), Arc::clone(&sent));
        let (_server, mut chain, listener) = play(move |method, params| match method {
            "eth_sendRawTransaction" => {
                count.fetch_add(1, Ordering::SeqCst);
                None
            }
            "eth_getBlockByNumber" => {
                let number = 50_001 + looks.fetch_add(1, Ordering::SeqCst);
                Some(Reply::Result(block(&json!(format!("{number:#x}")))))
            }
            // From the second version on.
            method if method == trouble && looks.load(Ordering::SeqCst) > 7 => {
                let text = "transaction indexing is in progress";
                Some(Reply::Error(-32_000, text, Value::Null))
            }
            "eth_getTransactionReceipt" => Some(Reply::Result(Value::Null)),
            _ => {
                let _ = params;
                None
            }
        });
        let from = chain.accounts()[0];
        let data = || Bytes::from_static(FIRST);
        let first = chain.send_until(from, CONTRACT, data(), U256::ZERO, 50_006, None);
        let Err(ChainError::Overdue { transaction: first }) = first else {
            panic!("{trouble}: {first:?}");
        };
        let second = chain.send_until(from, CONTRACT, data(), U256::ZERO, 50_006, Some(first));
        let undecided = matches!(
            &second,
            Err(ChainError::Undecided { .. } | ChainError::Overdue { .. })
        );
        assert!(undecided, "{trouble}: {second:?}");
        // Nor after Ctrl-C.
        listener.stop.store(true, Ordering::SeqCst);
        let third = chain.send_until(from, CONTRACT, data(), U256::ZERO, 50_006, Some(first));
        let left = matches!(&third, Err(ChainError::Left { .. }));
        assert!(left, "{trouble}: {third:?}");
    }
}

#[test]
fn a_node_that_knows_a_transaction_has_it() {
    let (_server, mut chain, _) = play(|method, _| {
        Some(match method {
            "eth_sendRawTransaction" => Reply::Error(-32_000, "already known", Value::Null),
            "eth_getTransactionByHash" => Reply::Result(Value::Null),
            _ => return None,
        })
    });
    send(&mut chain).unwrap();
}

/// Where a higher price would be above what the sender is willing to pay, the transaction is waited
/// for.
#[test]
fn what_cannot_be_replaced_is_waited_for() {
    // 29 in all and a tip of 7 at first; 33 and 8 in its place.
    for (max_fee, max_tip, replaced) in [(30, 100, false), (100, 7, false), (33, 8, true)] {
        let looks = AtomicUsize::new(0);
        let server = Server::start(move |method, params| match method {
            "eth_getBlockByNumber" => {
                let number = 50_001 + looks.fetch_add(1, Ordering::SeqCst);
                Reply::Result(block(&json!(format!("{number:#x}"))))
            }
            "eth_getTransactionReceipt" => Reply::Result(Value::Null),
            _ => usual(method, params),
        });
        let options = Options {
            max_fee: U256::from(max_fee),
            max_tip: U256::from(max_tip),
            ..options(&Arc::default())
        };
        let mut chain = RpcChain::connect(&server.url(), options).unwrap();
        let (from, data) = (chain.accounts()[0], Bytes::from_static(FIRST));
        let sent = chain.send_until(from, CONTRACT, data, U256::ZERO, 50_000, None);
        match sent {
            Err(ChainError::Overdue { .. }) => assert!(replaced, "{max_fee}, {max_tip}"),
            Err(ChainError::Undecided { .. }) => assert!(!replaced, "{max_fee}, {max_tip}"),
            other => panic!("{other:?}"),
        }
    }
}

/// Where a contract is follows from the account and the nonce, whatever a node says.
#[test]
fn a_contract_is_where_its_transaction_puts_it() {
    let made = accounts()[0].address().create(5);
    let deploy = |named: Value| {
        let (_server, mut chain, _) = play(move |method, params| {
            (method == "eth_getTransactionReceipt").then(|| {
                let mut receipt = receipt(params, 1);
                receipt["contractAddress"] = named.clone();
                Reply::Result(receipt)
            })
        });
        let from = chain.accounts()[0];
        chain.send(from, None, Bytes::from_static(&[0]), U256::ZERO)
    };
    for named in [json!(made), Value::Null] {
        assert_eq!(deploy(named).unwrap().contract, Some(made));
    }
    let error = deploy(json!(Address::repeat_byte(9))).unwrap_err();
    assert!(matches!(error, ChainError::Refused(_)), "{error:?}");
    assert!(error.to_string().contains("the node lies"), "{error}");
}

/// A margin on an estimate does not take a transaction past what chains allow (EIP-7825).
#[test]
fn a_transaction_asks_for_no_more_gas_than_there_may_be() {
    for (estimate, asked) in [
        (100_000_u64, 125_000_u64),
        (16_000_000, 1 << 24),
        ((1 << 24) - 1, 1 << 24),
        (20_000_000, 20_000_000),
    ] {
        let (server, mut chain, _) = play(move |method, _| {
            let estimated = json!(format!("{estimate:#x}"));
            (method == "eth_estimateGas").then_some(Reply::Result(estimated))
        });
        send(&mut chain).unwrap();
        let sent = raw(&server.calls("eth_sendRawTransaction")[0]);
        // 2, the list's two bytes, the chain in three, then nonce, tip and fee in one each.
        let length = usize::from(sent[9] - 0x80);
        let gas = U256::from_be_slice(&sent[10..10 + length]);
        assert_eq!(gas, U256::from(asked), "{estimate}");
    }
}
