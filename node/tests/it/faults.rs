//! Every method that is asked for, and every kind of answer that is none: once and for good, before
//! and after a transaction has arrived. What comes of it, that exactly one transaction is paid for,
//! and that the same command ends right when the fault is over.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use maci_nova_chain::{BlockId, Chain, ChainError};
use maci_nova_contracts::alloy_primitives::{Address, Bytes, B256, U256};
use maci_nova_node::testing::accounts;
use maci_nova_node::{Options, RetryPolicy, RpcChain, RpcError};
use serde_json::{json, Value};

use crate::script::{block, hash_of, logs, range, raw, receipt, transaction, usual, CONTRACT};
use crate::server::{Reply, Server};

/// What comes of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// It does what it should.
    Done,
    /// The same may go well later.
    Later,
    /// It will not until somebody does something.
    Never,
}

/// What an answer is to whoever asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// None, or "later".
    Passing,
    /// An error that the method is unknown, or the caller.
    Final,
    /// An error of the node's own.
    Trouble,
    /// Words that nobody knows.
    Unknown,
}

/// An answer longer than the caller waits.
const LATE: &str = "late";

fn error(code: i64, words: &'static str) -> Reply {
    Reply::Error(code, words, Value::Null)
}

/// What stands before nodes, and nodes that are away.
fn no_answers() -> Vec<(&'static str, Reply, Kind)> {
    vec![
        ("text", Reply::Status(500, "<html>oh</html>"), Kind::Passing),
        ("empty", Reply::Status(200, ""), Kind::Passing),
        ("cut connection", Reply::Nothing, Kind::Passing),
        ("429", Reply::Status(429, "slow down"), Kind::Passing),
        ("502", Reply::Status(502, "Bad Gateway"), Kind::Passing),
        ("503", Reply::Status(503, "Unavailable"), Kind::Passing),
        (LATE, Reply::Status(504, "late"), Kind::Passing),
    ]
}

/// "Later" in the words of nodes and providers.
fn for_now() -> Vec<(&'static str, Reply, Kind)> {
    vec![
        (
            "Infura's limit",
            error(
                -32_005,
                "daily request count exceeded, request rate limited",
            ),
            Kind::Passing,
        ),
        (
            "Alchemy's limit",
            error(
                429,
                "Your app has exceeded its compute units per second capacity.",
            ),
            Kind::Passing,
        ),
        (
            "QuickNode's limit",
            error(
                -32_007,
                "50/second request limit reached - reduce calls per second",
            ),
            Kind::Passing,
        ),
        (
            "Ankr's limit",
            error(-32_029, "Too many requests, please slow down"),
            Kind::Passing,
        ),
        (
            "Cloudflare",
            error(-32_046, "Cannot fulfill request"),
            Kind::Passing,
        ),
        (
            "geth that indexes",
            error(-32_000, "transaction indexing is in progress"),
            Kind::Passing,
        ),
        (
            "erigon that lags",
            error(-32_000, "header not found"),
            Kind::Passing,
        ),
        (
            "nethermind that is busy",
            error(-32_005, "Rate limit exceeded"),
            Kind::Passing,
        ),
        (
            "besu that is not there",
            error(-32_603, "Service temporarily unavailable"),
            Kind::Passing,
        ),
        (
            "reth that is busy",
            error(-32_603, "server busy, try again"),
            Kind::Passing,
        ),
    ]
}

/// Errors that do not say "later".
fn other_errors() -> Vec<(&'static str, Reply, Kind)> {
    vec![
        (
            "an unknown method",
            error(-32_601, "the method does not exist/is not available"),
            Kind::Final,
        ),
        (
            "a bad key",
            error(-32_000, "Unauthorized: invalid API key"),
            Kind::Final,
        ),
        (
            "an internal error",
            error(-32_603, "Internal error"),
            Kind::Trouble,
        ),
        (
            "a database",
            error(-32_000, "leveldb: closed"),
            Kind::Unknown,
        ),
    ]
}

fn faults() -> Vec<(&'static str, Reply, Kind)> {
    [no_answers(), for_now(), other_errors()].concat()
}

/// When a fault happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Times {
    Once,
    ForGood,
}

/// Whether what was asked for happens all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Effect {
    None,
    Full,
}

#[derive(Clone)]
struct Fault {
    method: &'static str,
    reply: Reply,
    late: bool,
    times: Times,
    effect: Effect,
}

/// A chain on which whatever is sent is in a block at once.
#[derive(Default)]
struct Script {
    /// Transactions in blocks, with their nonces.
    mined: Vec<(u64, B256)>,
    /// What the node pretends that the next nonce is, so many times.
    stale: Option<(u64, u32)>,
    fault: Option<Fault>,
}

const FIRST_NONCE: u64 = 5;

impl Script {
    fn next_nonce(&self) -> u64 {
        FIRST_NONCE + self.mined.len() as u64
    }

    fn has(&self, hash: &Value) -> bool {
        self.mined.iter().any(|(_, known)| json!(known) == *hash)
    }

    fn reply(&mut self, method: &str, params: &Value) -> Reply {
        let Some(fault) = self.fault.clone().filter(|fault| fault.method == method) else {
            return self.honest(method, params);
        };
        if fault.times == Times::Once {
            self.fault = None;
        }
        if fault.effect == Effect::Full {
            self.honest(method, params);
        }
        if fault.late {
            std::thread::sleep(2 * ANSWER);
        }
        fault.reply
    }

    fn honest(&mut self, method: &str, params: &Value) -> Reply {
        Reply::Result(match method {
            "eth_getTransactionCount" => match &mut self.stale {
                Some((nonce, times)) if *times > 0 => {
                    *times -= 1;
                    json!(format!("{nonce:#x}"))
                }
                _ => json!(format!("{:#x}", self.next_nonce())),
            },
            "eth_sendRawTransaction" => return self.take(params),
            "eth_getTransactionReceipt" if self.has(&params[0]) => receipt(params, 1),
            "eth_getTransactionByHash" if self.has(&params[0]) => {
                let mut found = transaction(&params[0]);
                found["blockNumber"] = json!("0xc351");
                found["blockHash"] = json!(B256::repeat_byte(1));
                found["transactionIndex"] = json!("0x0");
                found
            }
            "eth_getTransactionReceipt" | "eth_getTransactionByHash" => Value::Null,
            "eth_getBalance" => json!("0x2a"),
            "eth_getLogs" => {
                let (from, to) = range(params);
                logs(from, to)
            }
            "eth_getBlockByNumber" => block(&params[0]),
            _ => return usual(method, params),
        })
    }

    fn take(&mut self, params: &Value) -> Reply {
        let refuse = |words| Reply::Error(-32_000, words, Value::Null);
        let (hash, nonce) = (hash_of(params), u64::from(raw(params)[6]));
        if self.has(&json!(hash)) {
            return refuse("already known");
        }
        match nonce.cmp(&self.next_nonce()) {
            std::cmp::Ordering::Less => refuse("nonce too low"),
            std::cmp::Ordering::Greater => refuse("nonce too high"),
            std::cmp::Ordering::Equal => {
                self.mined.push((nonce, hash));
                Reply::Result(json!(hash))
            }
        }
    }
}

/// How long an answer may take.
const ANSWER: Duration = Duration::from_millis(100);

/// A node, and the folder of whoever asks it.
struct Stage {
    script: Arc<Mutex<Script>>,
    server: Server,
    folder: tempfile::TempDir,
}

impl Stage {
    fn new() -> Self {
        let script = Arc::new(Mutex::new(Script::default()));
        let played = Arc::clone(&script);
        Stage {
            script,
            server: Server::start(move |method, params| {
                played.lock().expect("no panic").reply(method, params)
            }),
            folder: tempfile::tempdir().expect("folder"),
        }
    }

    fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().expect("no panic")
    }

    /// As a command does it: a process of its own.
    fn process(&self, action: Action) -> Result<(), ChainError> {
        let mut chain = self.connect()?;
        action(&mut chain)?;
        chain.tidy()
    }

    fn connect(&self) -> Result<RpcChain, RpcError> {
        let path: &Path = self.folder.path();
        let options = Options {
            accounts: accounts(),
            patience: RetryPolicy {
                first: Duration::from_millis(1),
                longest: Duration::from_millis(4),
                tries: 3,
                answer: ANSWER,
            },
            receipt: Duration::from_millis(120),
            outbox: Some(path.join("poll.json")),
            ..Options::default()
        };
        RpcChain::connect(&self.server.url(), options)
    }

    /// Nonces that are paid for.
    fn paid(&self) -> usize {
        let script = self.script();
        let nonces: BTreeSet<u64> = script.mined.iter().map(|(nonce, _)| *nonce).collect();
        assert_eq!(nonces.len(), script.mined.len());
        nonces.len()
    }

    fn is_tidy(&self) -> bool {
        let mut left = std::fs::read_dir(self.folder.path()).expect("folder");
        left.next().is_none()
    }
}

type Action = fn(&mut RpcChain) -> Result<(), ChainError>;

const CALLDATA: &[u8] = &[1, 2, 3, 4];

fn send_this(chain: &mut RpcChain, calldata: &'static [u8]) -> Result<(), ChainError> {
    let from = chain.accounts()[0];
    let calldata = Bytes::from_static(calldata);
    let sent = chain.send(from, Some(CONTRACT), calldata, U256::from(9));
    sent.map(drop)
}

fn send(chain: &mut RpcChain) -> Result<(), ChainError> {
    send_this(chain, CALLDATA)
}

/// As a top-up does it: two calls of different functions.
fn send_two(chain: &mut RpcChain) -> Result<(), ChainError> {
    send_this(chain, &[5, 6, 7, 8])?;
    send_this(chain, CALLDATA)
}

/// Each method, what asks for it, and how many transactions that is.
const METHODS: [(&str, Action, usize); 14] = [
    ("eth_chainId", |chain| chain.chain_id().map(drop), 0),
    (
        "eth_getBalance",
        |chain| chain.balance(CONTRACT).map(drop),
        0,
    ),
    ("eth_getCode", |chain| chain.code(CONTRACT).map(drop), 0),
    (
        "eth_call",
        |chain| chain.call(CONTRACT, Bytes::new()).map(drop),
        0,
    ),
    (
        "eth_getBlockByNumber",
        |chain| chain.block(BlockId::Latest).map(drop),
        0,
    ),
    (
        "eth_getLogs",
        |chain| chain.logs(CONTRACT, 7, 7, &[]).map(drop),
        0,
    ),
    (
        "eth_getTransactionByHash",
        |chain| chain.input(B256::repeat_byte(7)).map(drop),
        0,
    ),
    ("eth_getCode", send, 1),
    ("eth_getBlockByNumber", send, 1),
    ("eth_estimateGas", send, 1),
    ("eth_maxPriorityFeePerGas", send, 1),
    ("eth_getTransactionCount", send, 1),
    ("eth_sendRawTransaction", send, 1),
    ("eth_getTransactionReceipt", send, 1),
];

/// What comes of a fault.
fn expected(method: &str, kind: Kind, times: Times, effect: Effect) -> Outcome {
    let answers = matches!(kind, Kind::Final | Kind::Trouble | Kind::Unknown);
    match (method, kind, times) {
        // Whatever the node says, what was sent is looked for again.
        ("eth_getTransactionReceipt", _, Times::Once) => Outcome::Done,
        ("eth_getTransactionReceipt", _, Times::ForGood) => Outcome::Later,
        // The price that the node recommends contains the tip.
        ("eth_maxPriorityFeePerGas", _, _) if answers => Outcome::Done,
        // Once it has arrived the node shows it by its hash.
        ("eth_sendRawTransaction", _, _) if answers && effect == Effect::Full => Outcome::Done,
        // Words that are no refusal may come from behind a node that has taken it.
        ("eth_sendRawTransaction", Kind::Trouble | Kind::Unknown, _) => Outcome::Later,
        ("eth_estimateGas", Kind::Unknown, _) => Outcome::Never,
        // Providers have their own words for "too many".
        ("eth_getLogs", Kind::Unknown, _) => Outcome::Never,
        (_, Kind::Passing, Times::Once) => Outcome::Done,
        (_, Kind::Passing, Times::ForGood) => Outcome::Later,
        (_, Kind::Final, _) => Outcome::Never,
        (_, Kind::Trouble | Kind::Unknown, _) => Outcome::Later,
    }
}

fn outcome(result: &Result<(), ChainError>) -> Outcome {
    match result {
        Ok(()) => Outcome::Done,
        Err(error) if error.is_for_now() => Outcome::Later,
        Err(_) => Outcome::Never,
    }
}

fn try_all(of: impl Fn(&str, usize) -> bool) {
    let mut tried = 0;
    for (method, action, transactions) in METHODS {
        if !of(method, transactions) {
            continue;
        }
        for (name, reply, kind) in faults() {
            for times in [Times::Once, Times::ForGood] {
                for effect in [Effect::None, Effect::Full] {
                    if effect == Effect::Full && method != "eth_sendRawTransaction" {
                        continue;
                    }
                    let fault = Fault {
                        method,
                        reply: reply.clone(),
                        late: name == LATE,
                        times,
                        effect,
                    };
                    let what = format!("{method}: {name}, {times:?}, effect {effect:?}");
                    try_one(&what, fault, kind, action, transactions);
                    tried += 1;
                }
            }
        }
    }
    assert!(tried >= 2 * faults().len(), "{tried}");
}

fn try_one(what: &str, fault: Fault, kind: Kind, action: Action, transactions: usize) {
    let stage = Stage::new();
    let expected = expected(fault.method, kind, fault.times, fault.effect);
    let arrives = fault.effect == Effect::Full;
    stage.script().fault = Some(fault);
    let result = stage.process(action);
    assert_eq!(outcome(&result), expected, "{what}: {result:?}");
    let paid = stage.paid();
    assert!(paid <= transactions, "{what}: {paid} transactions");
    match &result {
        Ok(()) => assert_eq!(paid, transactions, "{what}"),
        // Nobody is told that nothing was sent if something was.
        Err(error) if paid > 0 => {
            assert!(
                matches!(error, ChainError::Undecided { .. }),
                "{what}: {error:?}"
            );
        }
        Err(error) => assert!(!arrives, "{what}: {error:?}"),
    }
    // The same command, when the fault is over.
    stage.script().fault = None;
    let done = result.is_ok();
    if !done {
        let again = stage.process(action);
        assert!(again.is_ok(), "{what}, again: {again:?}");
    }
    assert_eq!(stage.paid(), transactions, "{what}, again");
    assert!(stage.is_tidy(), "{what}");
    // Afterwards the same is something else: it is sent once more.
    stage.process(action).expect(what);
    assert_eq!(stage.paid(), 2 * transactions, "{what}, twice");
}

#[test]
fn reading_with_every_fault() {
    try_all(|_, transactions| transactions == 0);
}

#[test]
fn preparing_a_transaction_with_every_fault() {
    let sent = ["eth_sendRawTransaction", "eth_getTransactionReceipt"];
    try_all(|method, transactions| transactions > 0 && !sent.contains(&method));
}

#[test]
fn sending_with_every_fault() {
    try_all(|method, _| method == "eth_sendRawTransaction");
}

#[test]
fn waiting_for_a_receipt_with_every_fault() {
    try_all(|method, _| method == "eth_getTransactionReceipt");
}

/// No result at all, which is an answer to some questions.
#[test]
fn an_answer_of_null() {
    for (method, action, transactions) in METHODS {
        for times in [Times::Once, Times::ForGood] {
            let stage = Stage::new();
            stage.script().fault = Some(Fault {
                method,
                reply: Reply::Result(Value::Null),
                late: false,
                times,
                effect: Effect::None,
            });
            let result = stage.process(action);
            let expected = match (method, times) {
                // No block has it.
                ("eth_getTransactionByHash", _) => Outcome::Done,
                ("eth_getBlockByNumber", _) | (_, Times::ForGood) => Outcome::Later,
                (_, Times::Once) => Outcome::Done,
            };
            let what = format!("{method}, {times:?}");
            assert_eq!(outcome(&result), expected, "{what}: {result:?}");
            stage.script().fault = None;
            if result.is_err() {
                stage.process(action).expect(&what);
            }
            assert_eq!(stage.paid(), transactions, "{what}");
        }
    }
}

/// A node behind a balancer that names a nonce of before: it is asked again, and no gap is left.
#[test]
fn an_old_nonce() {
    for (times, expected) in [
        (1, Outcome::Done),
        (3, Outcome::Done),
        (u32::MAX, Outcome::Later),
    ] {
        let stage = Stage::new();
        // The first transaction has used its nonce; the node goes on naming it.
        stage
            .process(|chain| send_this(chain, &[5, 6, 7, 8]))
            .expect("sent");
        stage.script().stale = Some((FIRST_NONCE, times));
        let result = stage.process(send);
        assert_eq!(outcome(&result), expected, "{times}: {result:?}");
        if let Err(error) = &result {
            assert!(matches!(error, ChainError::NotNow(_)), "{error:?}");
            assert!(error.to_string().contains("behind"), "{error}");
            assert_eq!(stage.paid(), 1);
            stage.script().stale = None;
            stage.process(send).expect("the balancer has caught up");
        }
        assert_eq!(stage.paid(), 2, "{times}");
        assert!(stage.is_tidy());
    }
    // Two in one process, as a top-up sends them.
    let stage = Stage::new();
    stage.script().stale = Some((FIRST_NONCE, 3));
    stage.process(send_two).expect("sent");
    assert_eq!(stage.paid(), 2);
}

/// After a reorganisation that drops a transaction its nonce is free again.
#[test]
fn a_transaction_that_a_reorganisation_drops() {
    let stage = Stage::new();
    stage.process(send).expect("sent");
    stage.script().mined.clear();
    stage.process(send).expect("sent with the same nonce");
    assert_eq!(stage.paid(), 1);
}

/// The words of clients for what they do not take.
#[test]
fn what_is_refused_in_the_words_of_clients() {
    let refusals = [
        ("insufficient funds for gas * price + value", Outcome::Never),
        ("InsufficientFunds, Account balance: 0", Outcome::Never),
        ("Upfront cost exceeds account balance", Outcome::Never),
        ("intrinsic gas too low", Outcome::Never),
        ("exceeds block gas limit", Outcome::Never),
        ("txpool is full", Outcome::Later),
        ("transaction underpriced", Outcome::Later),
        ("max fee per gas less than block base fee", Outcome::Later),
        ("Nonce too high", Outcome::Later),
        ("nonce too low: next nonce 6, tx nonce 5", Outcome::Later),
        ("OldNonce, Current nonce: 6", Outcome::Later),
        ("replacement transaction underpriced", Outcome::Later),
    ];
    for (words, expected) in refusals {
        let stage = Stage::new();
        stage.script().fault = Some(Fault {
            method: "eth_sendRawTransaction",
            reply: Reply::Error(-32_000, words, Value::Null),
            late: false,
            times: Times::ForGood,
            effect: Effect::None,
        });
        let result = stage.process(send);
        assert_eq!(outcome(&result), expected, "{words}: {result:?}");
        let error = result.expect_err(words).to_string();
        assert!(error.contains(words), "{error}");
        assert!(stage.is_tidy(), "{words}: nothing was sent");
        stage.script().fault = None;
        stage.process(send).expect(words);
        assert_eq!(stage.paid(), 1, "{words}");
    }
}

/// What the next command is told of a transaction that the last one did not see in a block.
#[test]
fn what_comes_after_an_open_transaction() {
    let lost = |stage: &Stage| {
        stage.script().fault = Some(Fault {
            method: "eth_getTransactionReceipt",
            reply: Reply::Result(Value::Null),
            late: false,
            times: Times::ForGood,
            effect: Effect::None,
        });
        let result = stage.process(send);
        let undecided = matches!(result, Err(ChainError::Undecided { .. }));
        assert!(undecided, "{result:?}");
    };
    // As long as nothing is known, nothing is sent.
    let stage = Stage::new();
    lost(&stage);
    for action in [send, send_two] {
        let result = stage.process(action);
        assert!(
            matches!(result, Err(ChainError::Undecided { .. })),
            "{result:?}"
        );
        assert_eq!(stage.paid(), 1);
    }
    // The same function with other arguments: it is told, once.
    stage.script().fault = None;
    let other: Action = |chain| send_this(chain, &[1, 2, 3, 4, 5]);
    let error = stage.process(other).expect_err("told");
    assert!(matches!(error, ChainError::Earlier(_)), "{error:?}");
    assert!(
        error.to_string().contains("nothing was sent now"),
        "{error}"
    );
    assert_eq!(stage.paid(), 1);
    stage.process(other).expect("it is to be done once more");
    assert_eq!(stage.paid(), 2);
    // Another function is something else.
    let stage = Stage::new();
    lost(&stage);
    stage.script().fault = None;
    stage
        .process(|chain| send_this(chain, &[5, 6, 7, 8]))
        .expect("sent");
    assert_eq!(stage.paid(), 2);
    assert!(stage.is_tidy());
}

/// The node has forgotten it: it is handed over again, the same one.
#[test]
fn a_transaction_that_the_node_loses_is_sent_again() {
    let stage = Stage::new();
    stage.script().fault = Some(Fault {
        method: "eth_sendRawTransaction",
        reply: Reply::Nothing,
        late: false,
        times: Times::ForGood,
        effect: Effect::None,
    });
    let result = stage.process(send);
    assert!(
        matches!(result, Err(ChainError::Undecided { .. })),
        "{result:?}"
    );
    let first = stage.server.calls("eth_sendRawTransaction");
    stage.script().fault = None;
    stage.process(send).expect("sent");
    let all = stage.server.calls("eth_sendRawTransaction");
    assert!(all.iter().all(|sent| *sent == first[0]), "the same one");
    assert_eq!(stage.paid(), 1);
}

/// Nothing is sent by who cannot remember it.
#[test]
fn a_memory_that_cannot_be_read_or_written() {
    let stage = Stage::new();
    let account: Address = accounts()[0].address();
    let file = stage
        .folder
        .path()
        .join(format!("poll.{account:#x}.sent.json"));
    std::fs::write(&file, "{").expect("written");
    let error = stage.process(send).expect_err("nothing is known");
    let is_memory = |error: &ChainError, is: bool| matches!(error, ChainError::Memory { damaged, .. } if *damaged == is);
    assert!(is_memory(&error, true), "{error:?}");
    assert!(error.to_string().contains("sent.json"), "{error}");
    std::fs::remove_file(&file).expect("removed");
    std::fs::create_dir(&file).expect("in the way");
    let error = stage.process(send).expect_err("it cannot be read");
    assert!(is_memory(&error, false), "{error:?}");
    assert_eq!(stage.paid(), 0);
}

/// Killed with the receipt in hand, and nothing written down: the same transaction is not sent again.
/// Once somebody had the time to write it down, the same again is something new.
#[test]
fn what_landed_is_remembered_until_it_is_written_down() {
    let stage = Stage::new();
    let mut killed = stage.connect().expect("connected");
    send(&mut killed).expect("sent");
    let account: Address = accounts()[0].address();
    let file = stage
        .folder
        .path()
        .join(format!("poll.{account:#x}.sent.json"));
    let left = std::fs::read(&file).expect("it is there");
    // An error behind it, or a signal: it stays. A command that ends well without it removes it,
    drop(killed);
    assert!(!stage.is_tidy());
    // A lock of a process that was killed goes, too, with and without something open.
    let lock = file.with_extension("lock");
    std::fs::write(&lock, "").expect("written");
    stage.connect().expect("connected").tidy().expect("asked");
    assert!(stage.is_tidy() && !lock.exists());
    std::fs::write(&lock, "").expect("written");
    stage.connect().expect("connected").tidy().expect("asked");
    assert!(!lock.exists());
    // and the same transaction is not sent again.
    std::fs::write(&file, left).expect("written");
    stage.process(send).expect("it is there");
    assert_eq!(stage.paid(), 1);
    assert!(stage.is_tidy());
    stage.process(send).expect("sent");
    assert_eq!(stage.paid(), 2);
    // So it is in one process: who sends the next has written the last one down.
    stage
        .process(|chain| send(chain).and_then(|()| send(chain)))
        .expect("sent twice");
    assert_eq!(stage.paid(), 4);
    assert!(stage.is_tidy());
}
