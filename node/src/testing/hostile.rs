//! What stands before a node and does what nodes and networks do on a bad day: answers 429 and 503,
//! cuts connections before and after a request has arrived, leaves logs out and mixes their order.

use std::collections::BTreeMap;
use std::io;
use std::net::TcpStream;
use std::sync::{Arc, Mutex, MutexGuard};

use maci_nova_chain::RpcUrl;
use serde_json::Value;

use super::http::{self, ask, read, write};

/// What it does in place of answering.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Status(u16),
    CutBefore,
    CutAfter,
    Lost,
    Mixed,
}

/// Of any request, and of one for logs.
const ALL: [(&str, Fault); 6] = [
    ("429", Fault::Status(429)),
    ("503", Fault::Status(503)),
    ("cut before", Fault::CutBefore),
    ("cut after", Fault::CutAfter),
    ("lost logs", Fault::Lost),
    ("mixed logs", Fault::Mixed),
];
const OF_ANY: usize = 4;

#[derive(Debug)]
struct State {
    /// Of 1,000 requests so many meet a fault.
    rate: u64,
    random: u64,
    met: BTreeMap<&'static str, u64>,
}

/// A server before a node. It ends with the process.
#[derive(Debug)]
pub struct Hostile {
    port: u16,
    state: Arc<Mutex<State>>,
}

impl Hostile {
    /// Before the node at this address, with faults that are drawn from the seed.
    pub fn start(node: &RpcUrl, seed: u64) -> Self {
        let state = Arc::new(Mutex::new(State {
            rate: 0,
            random: seed.wrapping_mul(2).wrapping_add(0x9e37_79b9_7f4a_7c15),
            met: BTreeMap::new(),
        }));
        let node = node.to_string();
        let node = node.trim_start_matches("http://").to_owned();
        let shared = Arc::clone(&state);
        let port = http::listen(move |stream| serve(stream, &node, &shared));
        Hostile { port, state }
    }

    /// Where it is.
    pub fn url(&self) -> RpcUrl {
        let url = format!("http://127.0.0.1:{}", self.port);
        url.parse().expect("URL")
    }

    /// From now on so many of 1,000 requests meet a fault.
    pub fn set_rate(&self, rate: u64) {
        self.state().rate = rate;
    }

    /// How often each fault was met.
    pub fn met(&self) -> BTreeMap<&'static str, u64> {
        self.state().met.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no panic")
    }
}

impl State {
    /// xorshift: good enough for faults.
    fn next(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random
    }

    fn draw(&mut self, method: &str) -> Option<Fault> {
        if self.next() % 1_000 >= self.rate {
            return None;
        }
        let kinds = match method {
            "eth_getLogs" => ALL.len(),
            _ => OF_ANY,
        };
        let (name, fault) = ALL[(self.next() % kinds as u64) as usize];
        *self.met.entry(name).or_default() += 1;
        Some(fault)
    }
}

fn serve(stream: &TcpStream, node: &str, state: &Mutex<State>) -> io::Result<()> {
    let body = read(stream)?;
    let request: Value = serde_json::from_slice(&body)?;
    let method = request["method"].as_str().unwrap_or_default();
    let fault = state.lock().expect("no panic").draw(method);
    match fault {
        Some(Fault::Status(status)) => return write(stream, status, "slow down"),
        Some(Fault::CutBefore) => return Ok(()),
        _ => {}
    }
    let mut answer = ask(node, &body)?;
    let logs = answer["result"].as_array_mut();
    match (fault, logs) {
        (Some(Fault::CutAfter), _) => return Ok(()),
        (Some(Fault::Lost), Some(logs)) => {
            logs.pop();
        }
        (Some(Fault::Mixed), Some(logs)) => logs.reverse(),
        _ => {}
    }
    write(stream, 200, &answer.to_string())
}
