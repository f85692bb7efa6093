//! Asks a relayer for more than it can do, and looks whether it keeps its word: whatever it has said
//! that it takes is in the poll in the end, once.
//!
//! `just load`, or `cargo run --release -p maci-nova-tests --bin load -- --help`. The program is the
//! release binary beside this one.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::process::{Child, ExitCode};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use maci_nova_contracts::alloy_primitives::B256;
use maci_nova_contracts::words;
use maci_nova_protocol::babyjub::Point;
use maci_nova_protocol::log::SignedMessage;
use maci_nova_protocol::message::Message;
use maci_nova_protocol::relay::SLOTS;
use maci_nova_protocol::Fr;
use maci_nova_sdk::relay::document::{RelayDocument, Stage};
use maci_nova_sdk::voter::signing_window::Window;
use maci_nova_tests::harness::Asked;
use maci_nova_tests::relayed::{Clients, Handed, RelayClient};
use maci_nova_tests::town::Town;
use serde_json::{json, Value};

const HELP: &str = "\
load [--seconds N]

Asks a relayer 500 times a second for N seconds (20 by default): ballots that it has to take, the same
again, false proofs, noise, and questions.";

/// Requests a second.
const RATE: u32 = 500;

/// Connections.
const CLIENTS: usize = 64;

const VOTERS: u8 = 12;

/// Messages of a ballot.
const MESSAGES: u64 = 2;

/// The longest time from the last request to the end.
const END: Duration = Duration::from_secs(600);

/// One request.
enum Request {
    /// A ballot that it may take.
    Ballot(usize),
    /// One whose proof is false.
    False(usize),
    /// Not even that.
    Noise,
    /// Where is it?
    Question(usize),
}

/// A relayer.
struct Relayer {
    process: Child,
    address: String,
}

impl Relayer {
    fn start(town: &Town) -> Self {
        let (process, address) = town.serve().expect("it listens");
        Relayer { process, address }
    }

    /// The most memory that it has had, in KiB.
    fn peak(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id()));
        let status = status.expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let number = line.and_then(|line| line.split_whitespace().next());
        number
            .and_then(|number| number.parse().ok())
            .expect("a number")
    }
}

impl Drop for Relayer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn main() -> ExitCode {
    let Some(asked) = Asked::read("--seconds", 20, &[]) else {
        println!("{HELP}");
        return ExitCode::from(2);
    };
    let Some(town) = Town::new() else {
        return ExitCode::FAILURE;
    };
    prepare(&town);
    let clients = Clients::new(&town);
    let relayer = Relayer::start(&town);
    let client = RelayClient::new(&relayer.address, clients.poll.address);
    let document = wait_for(&client);
    println!("making {} tickets", u32::from(VOTERS) * u32::from(SLOTS));
    let ballots = ballots(&town, &clients, &document);
    // Their block has to be known there.
    thread::sleep(Duration::from_secs(5));
    let before = relayer.peak();
    let taken = ask(&relayer.address, &clients, &ballots, asked.count);
    println!(
        "memory: {before} KiB before, {} KiB at most",
        relayer.peak()
    );
    match finish(&town, &client, &clients, &ballots, &taken) {
        Ok(text) => {
            println!("{text}");
            ExitCode::SUCCESS
        }
        Err(fault) => {
            println!("FAULT {fault}");
            ExitCode::FAILURE
        }
    }
}

/// A poll that is open, and a relayer's configuration.
fn prepare(town: &Town) {
    let url = town.url();
    town.json(&format!("deploy --rpc-url {url} --account-key-file account0.key --insecure-setup --state-depth 4 --vote-depth 1 --gatekeeper free-for-all"));
    let made = town.json("keygen --out coordinator.key");
    let key = made["publicKey"]["serialized"].as_str().expect("text");
    for voter in 0..VOTERS {
        town.json(&format!("keygen --out voter{voter}.key"));
        town.json(&format!(
            "signup --key-file voter{voter}.key --account-key-file account1.key"
        ));
    }
    town.json(&format!("poll create --coordinator-key {key} --options 5 --start-in 60s --duration 1d --credits 100 --account-key-file account0.key"));
    let start = town.json("status")["startTime"].as_u64().expect("a time");
    town.go_to(start);
    let config = format!(
        r#"
        [node]
        rpc_url = "{url}"
        every = "1s"
        [http]
        listen = "127.0.0.1:0"
        requests_a_second = 100000
        burst = 100000
        [relay]
        out = "relayed"
        polls = ["poll.json"]
        account_key_file = "account2.key"
        wait = "10s"
        confirmations = 1
        "#
    );
    fs::write(town.path("serve.toml"), config).expect("written");
}

fn wait_for(client: &RelayClient) -> RelayDocument {
    let begun = Instant::now();
    loop {
        if let Some(document) = client.document().filter(|document| document.takes) {
            return document;
        }
        assert!(begun.elapsed() < END, "it takes nothing");
        thread::sleep(Duration::from_millis(200));
    }
}

/// Ballots that mean nothing to anybody, each with a ticket of its own.
fn ballots(town: &Town, clients: &Clients, relayer: &RelayDocument) -> Vec<Handed> {
    let anchor = Window::newest(&town.chain(), &clients.poll).expect("an anchor");
    let messages = |seed: u64| -> Vec<SignedMessage> {
        let message = |number: u64| Message {
            data: std::array::from_fn(|i| {
                Fr::from(1 + 1000 * (MESSAGES * seed + number) + i as u64)
            }),
            encryption_key: Point::base8(),
            anchor: anchor.element,
        };
        let signed = (0..MESSAGES).map(|number| SignedMessage {
            message: message(number),
            block_number: anchor.block_number,
        });
        signed.collect()
    };
    let mut ballots = Vec::new();
    for number in 0..SLOTS {
        for voter in 0..VOTERS {
            let seed = u64::from(number) * u64::from(VOTERS) + u64::from(voter);
            let name = format!("voter{voter}");
            ballots.push(clients.hand(town, &name, relayer, number, messages(seed)));
        }
    }
    ballots
}

/// Every few requests are of a ballot that nobody has sent before; others of one that was.
fn request(number: usize, all: usize, ballots: usize) -> Request {
    let every = all / ballots;
    let begun = number / every;
    let known = (number * 7919) % (begun + 1);
    match number % every {
        0 if begun < ballots => Request::Ballot(begun),
        rest => match rest % 4 {
            0 => Request::Ballot(known.min(ballots - 1)),
            1 => Request::False(known.min(ballots - 1)),
            2 => Request::Noise,
            _ => Request::Question(known.min(ballots - 1)),
        },
    }
}

/// The ballots that were taken.
fn ask(address: &str, clients: &Clients, ballots: &[Handed], seconds: u32) -> HashSet<B256> {
    let all = (RATE * seconds) as usize;
    let next = AtomicUsize::new(0);
    let outcomes = Mutex::new(BTreeMap::<(&str, u16), u64>::new());
    let taken = Mutex::new(HashSet::new());
    let times = Mutex::new(Vec::with_capacity(all));
    let begun = Instant::now();
    thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                let client = RelayClient::new(address, clients.poll.address);
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= all {
                        return;
                    }
                    let due = Duration::from_secs_f64(number as f64 / f64::from(RATE));
                    thread::sleep(due.saturating_sub(begun.elapsed()));
                    let (asked, request) = (Instant::now(), request(number, all, ballots.len()));
                    let (name, status) = send(&client, ballots, &request, &taken);
                    times.lock().expect("times").push(asked.elapsed());
                    let key = (name, status);
                    *outcomes.lock().expect("outcomes").entry(key).or_default() += 1;
                }
            });
        }
    });
    let took = begun.elapsed().as_secs_f64();
    let mut times = times.into_inner().expect("times");
    times.sort();
    let of = |part: usize| times[(times.len() - 1) * part / 1000].as_secs_f64() * 1000.0;
    println!(
        "{all} requests in {took:.1} s: {:.0} a second; {:.1} ms in the middle, {:.1} ms of 99 in 100, {:.1} ms at most",
        all as f64 / took,
        of(500),
        of(990),
        of(1000)
    );
    for ((name, status), count) in outcomes.into_inner().expect("outcomes") {
        println!("{name:<10}{status:>5}{count:>8}");
    }
    taken.into_inner().expect("taken")
}

/// What it was, and the status; 0 if there was no answer.
fn send(
    client: &RelayClient,
    ballots: &[Handed],
    request: &Request,
    taken: &Mutex<HashSet<B256>>,
) -> (&'static str, u16) {
    match request {
        Request::Ballot(number) => {
            let ballot = &ballots[*number];
            let status = client.send(&ballot.body).unwrap_or(0);
            if matches!(status, 200 | 202) {
                taken.lock().expect("taken").insert(ballot.ballot);
            }
            ("ballot", status)
        }
        Request::False(number) => (
            "false",
            client
                .send(&with_another_nullifier(&ballots[*number].body))
                .unwrap_or(0),
        ),
        Request::Noise => ("noise", client.send("noise\nand more\n").unwrap_or(0)),
        Request::Question(number) => {
            let known = client.ballot(&ballots[*number].ballot);
            ("question", if known.is_some() { 200 } else { 404 })
        }
    }
}

/// A part of a ballot, with a nullifier that nobody has used: all that is left to look at is the proof.
fn with_another_nullifier(body: &str) -> String {
    let body = body.trim_end().rsplit_once('\n').expect("lines").0;
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    const NAME: &str = "\"nullifier\":\"0x";
    let at = body.find(NAME).expect("a ticket") + NAME.len();
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("{}{number:016x}{}\n", &body[..at], &body[at + 16..])
}

/// Blocks come until all is done; then the poll has to have all that was taken, once.
fn finish(
    town: &Town,
    client: &RelayClient,
    clients: &Clients,
    ballots: &[Handed],
    taken: &HashSet<B256>,
) -> Result<String, String> {
    let chain = Arc::new(town.chain());
    let begun = Instant::now();
    let is_done = |ballot: &B256| {
        let known = client.ballot(ballot).map(|known| known.state);
        matches!(known, Some(Stage::Confirmed | Stage::Expired))
    };
    while !taken.iter().all(is_done) {
        if begun.elapsed() > END {
            return Err("it does not come to an end".into());
        }
        let _: Value = chain.request("anvil_mine", json!([1])).expect("mined");
        thread::sleep(Duration::from_secs(2));
    }
    let sent = clients
        .poll
        .all_sent(&*chain, &())
        .map_err(|error| error.to_string())?;
    let mut times: HashMap<String, u32> = HashMap::new();
    for (_, message) in sent.iter().flat_map(|sent| sent.messages()) {
        *times
            .entry(words::scalar(&message.digest()).to_string())
            .or_default() += 1;
    }
    for ballot in ballots {
        let expected = u32::from(taken.contains(&ballot.ballot));
        for signed in &ballot.messages {
            let digest = words::scalar(&signed.message.digest()).to_string();
            let found = times.get(&digest).copied().unwrap_or(0);
            if found != expected {
                return Err(format!("a message is there {found} times, not {expected}"));
            }
        }
    }
    Ok(format!(
        "{} ballots were taken, and each is in the poll once ({} bundles)",
        taken.len(),
        sent.len()
    ))
}
