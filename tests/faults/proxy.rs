//! What stands before a node, and answers wrongly when it is told to.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::net::TcpStream;
use std::sync::{Arc, Mutex, MutexGuard};

use maci_nova_node::testing::http::{self, ask, read, write};
use serde_json::{json, Value};

/// What it answers in place of the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// An HTTP status and a body that is no JSON-RPC.
    Status(u16, &'static str),
    /// The connection is closed.
    Cut,
    /// A JSON-RPC error.
    Error(i64, &'static str),
    /// The result null.
    Null,
    /// A result of the right kind, with nothing in it: no logs, no code, no receipt.
    Nothing,
    /// What the same method answered to its first call.
    Stale,
}

/// All of them, with what may be expected of whoever hears it once.
pub const ANSWERS: [(&str, Answer, bool); 20] = [
    ("text", Answer::Status(500, "<html>oh</html>"), true),
    ("empty", Answer::Status(200, ""), true),
    ("429", Answer::Status(429, "slow down"), true),
    ("502", Answer::Status(502, "Bad Gateway"), true),
    ("503", Answer::Status(503, "Unavailable"), true),
    ("cut connection", Answer::Cut, true),
    (
        "Infura's limit",
        Answer::Error(
            -32_005,
            "daily request count exceeded, request rate limited",
        ),
        true,
    ),
    (
        "Alchemy's limit",
        Answer::Error(
            429,
            "Your app has exceeded its compute units per second capacity.",
        ),
        true,
    ),
    (
        "QuickNode's limit",
        Answer::Error(
            -32_007,
            "50/second request limit reached - reduce calls per second",
        ),
        true,
    ),
    (
        "Ankr's limit",
        Answer::Error(-32_029, "Too many requests, please slow down"),
        true,
    ),
    (
        "throttled",
        Answer::Error(-32_000, "request throttled, try again"),
        true,
    ),
    (
        "geth that indexes",
        Answer::Error(-32_000, "transaction indexing is in progress"),
        true,
    ),
    (
        "erigon that lags",
        Answer::Error(-32_000, "header not found"),
        true,
    ),
    (
        "reth that is busy",
        Answer::Error(-32_603, "server busy, try again"),
        true,
    ),
    (
        "an unknown method",
        Answer::Error(-32_601, "the method does not exist/is not available"),
        false,
    ),
    (
        "a bad key",
        Answer::Error(-32_000, "Unauthorized: invalid API key"),
        false,
    ),
    (
        "words that nobody knows",
        Answer::Error(-32_000, "kerfuffle"),
        false,
    ),
    ("null", Answer::Null, false),
    ("nothing", Answer::Nothing, false),
    ("stale", Answer::Stale, false),
];

/// When it answers so.
#[derive(Clone, Debug)]
pub struct Rule {
    /// The method.
    pub method: String,
    /// So many calls of it before are answered as the node does.
    pub after: usize,
    /// Then so many are not.
    pub times: usize,
    /// What it says.
    pub answer: Answer,
    /// Whether the node is asked all the same.
    pub arrives: bool,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (method, after) = (&self.method, self.after + 1);
        let name = ANSWERS.iter().find(|(_, answer, _)| *answer == self.answer);
        let name = name.map_or("", |(name, ..)| name);
        let times = match self.times {
            1 => "once",
            _ => "for good",
        };
        let arrives = match self.arrives {
            true => ", which arrives",
            false => "",
        };
        write!(f, "{name} to call {after} of {method}{arrives}, {times}")
    }
}

#[derive(Default)]
struct State {
    rule: Option<Rule>,
    /// How often each method was asked for, and what its first answer was.
    calls: BTreeMap<String, (usize, Value)>,
    /// How often the rule was followed.
    hits: usize,
}

/// A server before a node. It ends with the process.
pub struct Proxy {
    port: u16,
    state: Arc<Mutex<State>>,
}

impl Proxy {
    /// Before the node at this address.
    pub fn start(node: &str) -> Self {
        let state = Arc::<Mutex<State>>::default();
        let node = node
            .trim_start_matches("http://")
            .trim_end_matches('/')
            .to_owned();
        let shared = Arc::clone(&state);
        let port = http::listen(move |stream| serve(stream, &node, &shared));
        Proxy { port, state }
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no panic")
    }

    /// From now on it follows the rule, if there is one.
    pub fn follow(&self, rule: Option<Rule>) {
        *self.state() = State {
            rule,
            ..State::default()
        };
    }

    /// How often it was asked for each method since then.
    pub fn calls(&self) -> Vec<(String, usize)> {
        let state = self.state();
        let calls = state.calls.iter();
        calls
            .map(|(method, (count, _))| (method.clone(), *count))
            .collect()
    }

    /// How often it has followed the rule.
    pub fn hits(&self) -> usize {
        self.state().hits
    }
}

fn serve(stream: &TcpStream, node: &str, state: &Mutex<State>) -> io::Result<()> {
    let body = read(stream)?;
    let request: Value = serde_json::from_slice(&body)?;
    let method = request["method"].as_str().unwrap_or_default().to_owned();
    let rule = {
        let mut state = state.lock().expect("no panic");
        let count = &mut state.calls.entry(method.clone()).or_default().0;
        *count += 1;
        let number = *count;
        let rule = state.rule.clone().filter(|rule| {
            let from = rule.after + 1;
            rule.method == method && number >= from && number - from < rule.times
        });
        state.hits += usize::from(rule.is_some());
        rule
    };
    if rule.as_ref().is_none_or(|rule| rule.arrives) {
        let answer = ask(node, &body)?;
        let mut state = state.lock().expect("no panic");
        if let Some((_, first)) = state.calls.get_mut(&method) {
            if first.is_null() {
                *first = answer["result"].clone();
            }
        }
        if rule.is_none() {
            return write(stream, 200, &answer.to_string());
        }
    }
    let result = |result: Value| {
        let answer = json!({ "jsonrpc": "2.0", "id": request["id"], "result": result });
        write(stream, 200, &answer.to_string())
    };
    match rule.map(|rule| rule.answer) {
        Some(Answer::Status(status, body)) => write(stream, status, body),
        Some(Answer::Error(code, message)) => {
            let error = json!({ "code": code, "message": message });
            let answer = json!({ "jsonrpc": "2.0", "id": request["id"], "error": error });
            write(stream, 200, &answer.to_string())
        }
        Some(Answer::Null) => result(Value::Null),
        Some(Answer::Nothing) => result(nothing(&method)),
        Some(Answer::Stale) => {
            let state = state.lock().expect("no panic");
            let first = state.calls.get(&method).map(|(_, first)| first.clone());
            result(first.unwrap_or_default())
        }
        Some(Answer::Cut) | None => Ok(()),
    }
}

/// An answer that has nothing in it.
fn nothing(method: &str) -> Value {
    match method {
        "eth_getLogs" => json!([]),
        "eth_getCode" | "eth_call" => json!("0x"),
        "eth_getBalance" | "eth_getTransactionCount" | "eth_blockNumber" => json!("0x0"),
        _ => Value::Null,
    }
}
