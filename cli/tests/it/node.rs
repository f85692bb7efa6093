//! Whole polls on a node, each command a process of its own, as people run them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use maci_nova_chain::{deploy, send, view, BlockId, Chain};
use maci_nova_contracts::alloy_primitives::U256;
use maci_nova_contracts::bindings::{ExcubiaePolicy, SampleToken};
use maci_nova_contracts::deploy::sample_token;
use maci_nova_node::testing::{Anvil, CHAIN, KEYS};
use maci_nova_node::RpcChain;
use maci_nova_sdk::poll::metadata::digest;
use maci_nova_sdk::testing::policies::{evidence, policy};
use serde_json::{json, Value};
use tempfile::TempDir;

use crate::finalizing::{shared_cache, Running};
use crate::harness::{maci_nova, make_private, poll_file, Run};

/// A node and a directory with the keys of its accounts.
pub struct Town {
    anvil: Anvil,
    directory: TempDir,
    cache: PathBuf,
    /// What every command finds in its environment.
    environment: BTreeMap<&'static str, String>,
}

impl Town {
    pub fn new() -> Option<Self> {
        Self::with_cache(shared_cache().to_owned())
    }

    /// Whose blocks are twelve seconds apart, however fast they come.
    pub fn with_block_time() -> Option<Self> {
        let town = Self::new()?;
        let interval = json!([12]);
        let call = "anvil_setBlockTimestampInterval";
        let _: Value = town.chain().request(call, interval).expect("set");
        Some(town)
    }

    /// All of whose commands are for production, and take keys from this folder.
    pub fn in_production(cache: PathBuf) -> Option<Self> {
        let mut town = Self::with_cache(cache)?;
        town.environment.insert("MACI_NOVA_PRODUCTION", "1".into());
        Some(town)
    }

    /// From now on every command relies on the keys with this digest.
    pub fn name_keys(&mut self, digest: &str) {
        self.environment
            .insert("MACI_NOVA_KEY_DIGEST", digest.into());
    }

    /// From now on nobody has named keys.
    pub fn name_no_keys(&mut self) {
        self.environment.remove("MACI_NOVA_KEY_DIGEST");
    }

    fn with_cache(cache: PathBuf) -> Option<Self> {
        let town = Town {
            anvil: Anvil::start(&[])?,
            directory: tempfile::tempdir().expect("directory"),
            cache,
            environment: BTreeMap::new(),
        };
        for (i, key) in KEYS.iter().enumerate() {
            let path = town.path(&format!("account{i}.key"));
            fs::write(&path, format!("0x{key}\n")).expect("written");
            make_private(&path);
        }
        Some(town)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The command, run in the town's directory with the cache that all tests share.
    pub fn command(&self, line: &str) -> Command {
        let mut command = maci_nova();
        command
            .args(line.split_whitespace())
            .current_dir(self.directory.path())
            .env("MACI_NOVA_CACHE", &self.cache)
            .envs(&self.environment);
        command
    }

    pub fn url(&self) -> String {
        self.anvil.url().to_string()
    }

    pub fn run(&self, line: &str) -> Run {
        self.command(line).output().expect("runs").into()
    }

    /// What a command that ends well prints.
    #[track_caller]
    pub fn json(&self, line: &str) -> Value {
        self.run(&format!("{line} --json")).ok().json()
    }

    /// The error of a command that the chain does not allow, and never will.
    #[track_caller]
    pub fn refused(&self, line: &str) -> String {
        self.run(line).failed(10)
    }

    /// The error of a command that the chain does not allow yet.
    #[track_caller]
    fn not_now(&self, line: &str) -> String {
        self.run(line).failed(9)
    }

    pub fn chain(&self) -> RpcChain {
        self.anvil.chain()
    }

    /// A block of this time.
    pub fn go_to(&self, timestamp: u64) {
        let chain = self.chain();
        let now = chain.block(BlockId::Latest).expect("a block").timestamp;
        if now < timestamp {
            let call = "evm_setNextBlockTimestamp";
            let _: Value = chain.request(call, json!([timestamp])).expect("set");
            let _: Value = chain.request("evm_mine", json!([])).expect("mined");
        }
    }

    /// The second that the poll's status tells of.
    pub fn time(&self, name: &str) -> u64 {
        self.json("status")[name].as_u64().expect("a time")
    }

    pub fn deploy(&self) -> Value {
        self.json(&self.deployment("free-for-all"))
    }

    /// The command that deploys for these people.
    fn deployment(&self, gatekeeper: &str) -> String {
        format!(
            "deploy --rpc-url {} --account-key-file account0.key --insecure-setup --state-depth 4 --vote-depth 1 --gatekeeper {gatekeeper}",
            self.anvil.url()
        )
    }

    pub fn create(&self, more: &str) -> Value {
        let key = self.json("keygen --out coordinator.key")["publicKey"]["serialized"].clone();
        let key = key.as_str().expect("text");
        self.json(&format!(
            "poll create --coordinator-key {key} --options 3 --duration 1d --credits 100 --account-key-file account0.key {more}"
        ))
    }
}

fn lines(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).expect("a file");
    text.lines().map(str::to_owned).collect()
}

/// What a poll is about, with so many options.
fn about(options: usize) -> String {
    let options: Vec<Value> = (0..options)
        .map(|option| json!({ "name": format!("Option {option}") }))
        .collect();
    json!({ "version": 1, "title": "A poll", "options": options }).to_string()
}

/// A description that does not fit the poll, or is none, is refused before anything is sent.
fn described_before_it_is_paid_for(town: &Town) {
    let path = town.path("about.json");
    let key = "macipk.0000000000000000000000000000000000000000000000000000000000000001";
    let line = format!("poll create --coordinator-key {key} --options 3 --duration 1d --credits 100 --account-key-file account0.key --metadata about.json");
    let poll_file = fs::read(town.path("poll.json")).expect("a file");
    for (text, expected) in [
        (None, "cannot read"),
        (Some(about(2)), "has 2 options, and the poll has 3"),
        (Some("{}".into()), "no description"),
    ] {
        if let Some(text) = text {
            fs::write(&path, text).expect("written");
        }
        let error = town.run(&line).failed(3);
        assert!(error.contains(expected), "{error}");
    }
    assert_eq!(fs::read(town.path("poll.json")).expect("a file"), poll_file);
    fs::write(&path, about(3)).expect("written");
}

/// The poll file names the document that is beside it, byte for byte.
fn described(town: &Town) {
    let document = fs::read(town.path("poll.metadata.json")).expect("a copy");
    assert_eq!(document, fs::read(town.path("about.json")).expect("a file"));
    let file = fs::read_to_string(town.path("poll.json")).expect("a file");
    let file: Value = serde_json::from_str(&file).expect("JSON");
    assert_eq!(file["metadata"], json!(digest(&document)));
}

/// Its keys are for development: every role is told, and in production refuses. Who only takes money
/// out is not kept from it.
fn insecure_to_every_role(town: &Town) {
    for line in [
        "status",
        "signup --key-file coordinator.key --account-key-file account1.key",
        "vote --key-file coordinator.key --vote 0=1 --account-key-file account1.key",
        "process --key-file coordinator.key --out never --ptau never --once",
    ] {
        let error = town.run(&format!("{line} --production")).failed(5);
        assert!(error.contains("INSECURE"), "{line}: {error}");
        assert!(error.contains("--production"), "{line}: {error}");
    }
    let status = town.run("status");
    assert!(status.ok().stderr.contains("warning: INSECURE"));
    let line = "withdraw --production --account-key-file account1.key";
    let error = town.not_now(line);
    assert!(!error.contains("INSECURE"), "{error}");
}

/// There are no top-ups; folders that are missing; and of what was sent until now nothing is open.
fn what_an_open_poll_refuses(town: &Town) {
    let error = town.refused("topup --state-index 1 --amount 5 --account-key-file account1.key");
    assert!(error.contains("top-ups"), "{error}");
    for line in [
        "vote --key-file ben.poll.key --vote 2=7 --out missing/messages.jsonl",
        "export-log --out missing/poll.jsonl",
    ] {
        town.run(line).failed(8);
    }
    let left = fs::read_dir(town.directory.path()).expect("directory");
    let mut left = left.map(|entry| entry.expect("entry").file_name());
    let is_open = |name: &std::ffi::OsString| name.to_string_lossy().contains(".sent.json");
    assert!(!left.any(|name| is_open(&name)), "all is in a block");
}

/// Kills the command with the keys loaded, with everything folded, and with the proof made; what it
/// prints in the end.
fn finalize_through_kills(town: &Town, finalize: &str) -> Value {
    let kill_at = |moment| {
        let mut running = Running::start(town.command(finalize));
        running.wait_for(moment);
        running.kill();
    };
    kill_at("keys loaded");
    kill_at("steps proven");
    // Another node that knows nothing of the poll: nothing is proven, so nothing is shown to a
    // node.
    let stranger = Anvil::start(&[]).expect("one was there");
    let line = finalize.replace(" --json", "");
    let error = town.refused(&format!("{line} --second-rpc-url {}", stranger.url()));
    assert!(error.contains("no contract"), "{error}");
    assert!(!town.path("proof/decider.json").exists());
    kill_at("decider proof made");
    let finalize_twice_seen = format!("{finalize} --second-rpc-url {}", town.anvil.url());
    let document = town.run(&finalize_twice_seen).ok().json();
    assert_eq!(document["finalized"], true);
    document
}

/// The votes of each option.
pub fn votes(document: &Value) -> Vec<String> {
    let results = document["results"].as_array().expect("results");
    let votes = results
        .iter()
        .map(|result| result["votes"].as_str().expect("text").to_owned());
    votes.collect()
}

/// Votes, a relayer, an override and a restart after a kill at each stage of the coordinator's
/// work.
#[test]
fn every_role_by_its_commands() {
    let Some(town) = Town::new() else {
        return;
    };
    town.deploy();
    // The specification's names for parts of it find everything done.
    for alias in ["deployVkRegistry", "setVks", "createMaci"] {
        let again = town.run(&format!(
            "{alias} --rpc-url {} --account-key-file account0.key --insecure-setup --state-depth 4 --vote-depth 1 --gatekeeper free-for-all",
            town.anvil.url()
        ));
        assert!(again.ok().stderr.contains("already"), "{alias}");
    }
    described_before_it_is_paid_for(&town);
    town.create("--start-in 60s --metadata about.json");
    described(&town);
    insecure_to_every_role(&town);
    for voter in ["ada", "ben"] {
        town.json(&format!("genMaciKeypair --out {voter}.key"));
        let line = format!("signup --key-file {voter}.key --account-key-file account1.key");
        assert!(town.json(&line)["gas"].is_number());
        assert!(town.json(&line)["gas"].is_null(), "signed up before");
    }
    town.go_to(town.time("startTime"));
    for (voter, index) in [("ada", 1), ("ben", 2)] {
        let line = format!("join --key-file {voter}.key --poll-key-file {voter}.poll.key --account-key-file account2.key");
        let joined = town.json(&line);
        assert_eq!(joined["stateIndex"], index);
        assert_eq!(joined["voiceCredits"], "100");
        let again = town.json(&line);
        assert_eq!(
            (&again["stateIndex"], &again["gas"]),
            (&json!(index), &Value::Null)
        );
    }

    joins_are_folded(&town);
    town.json("vote --key-file ada.poll.key --vote 0=5 --vote 1=6 --account-key-file account1.key");
    town.json("vote --key-file ben.poll.key --vote 1=9 --account-key-file account2.key");
    written_down_and_published_once(&town);
    what_cannot_count_is_not_made(&town);
    what_an_open_poll_refuses(&town);
    let finalize = "finalize --poll-file poll.json --key-file coordinator.key --out proof --insecure-setup --confirmations 0 --every 1s --account-key-file account0.key --json";
    let error = town.not_now("results --poll-file poll.json");
    assert!(error.contains("no results"), "{error}");
    town.go_to(town.time("endTime"));
    let error =
        town.refused("vote --key-file ada.poll.key --vote 0=1 --account-key-file account1.key");
    assert!(error.contains("ended"), "{error}");

    let document = finalize_through_kills(&town, finalize);
    assert_eq!(votes(&document), ["5", "6", "7"]);
    let gas = document["gas"].as_u64().expect("gas");
    assert!(gas < 500_000 + 3 * 25_000, "{gas}");
    assert_eq!(
        town.json("status --proof proof")["folded"]["proven"],
        json!(true)
    );
    // Again: nothing is sent.
    assert!(town.run(finalize).ok().json()["gas"].is_null());

    for line in [
        "results --poll-file poll.json",
        "verify --poll-file poll.json",
    ] {
        assert_eq!(votes(&town.json(line)), ["5", "6", "7"], "{line}");
    }
    assert_eq!(votes(&town.json("status")["results"]), ["5", "6", "7"]);
    assert_eq!(town.json("verify --poll-file poll.json")["verified"], true);

    // The log of the chain is a log like any other.
    town.json("export-log --out poll.jsonl --confirmations 0");
    let tally = town.json("tally --log poll.jsonl --key-file coordinator.key");
    assert_eq!(votes(&tally), ["5", "6", "7"]);
    assert_eq!(tally["results"], document["results"]);
    let error = town.run("export-log --out poll.jsonl").failed(2);
    assert!(error.contains("exists"), "{error}");

    let names = fs::read_dir(town.path("proof")).expect("directory");
    let mut names: Vec<_> = names
        .map(|entry| entry.expect("entry").file_name())
        .collect();
    names.sort();
    assert_eq!(
        names,
        ["decider.json", "follower.json", "lock", "poll.jsonl"]
    );
}

/// Joins are folded while the poll goes on, and whoever looks sees how far.
fn joins_are_folded(town: &Town) {
    let process =
        "process --key-file coordinator.key --out proof --insecure-setup --confirmations 0 --once";
    let document = town.json(process);
    assert_eq!(
        (&document["complete"], &document["steps"]),
        (&json!(false), &json!(2))
    );
    // Of two joins and a step that blinds, as it is now.
    let folded = town.json("status --proof proof")["folded"].clone();
    assert_eq!(
        (&folded["steps"], &folded["stepsInAll"]),
        (&json!(2), &json!(3))
    );
    assert_eq!(folded["proven"], json!(false));
}

/// A ballot that somebody else publishes; once more, nothing is sent.
fn written_down_and_published_once(town: &Town) {
    town.json("vote --key-file ben.poll.key --vote 2=7 --out messages.jsonl");
    assert_eq!(lines(&town.path("messages.jsonl")).len(), 1);
    for (sent, already) in [(1, 0), (0, 1)] {
        let line = "publish --messages messages.jsonl --account-key-file account0.key";
        let document = town.json(line);
        let counts = ["messages", "already"].map(|name| document[name].as_u64());
        assert_eq!(counts, [Some(sent), Some(already)]);
        assert_eq!(document["fees"], "0");
        assert_eq!(document["gas"].is_null(), sent == 0);
    }
}

/// Ballots that cost too much, and those of keys that nobody joined with. (Nothing is sent.)
fn what_cannot_count_is_not_made(town: &Town) {
    let messages = || town.json("status")["messages"].clone();
    let before = messages();
    let line = "vote --key-file ada.poll.key --vote 0=10 --vote 1=1";
    for more in ["--out dear.jsonl", "--account-key-file account1.key"] {
        let error = town.run(&format!("{line} {more}")).failed(2);
        assert!(error.contains("costs 101 voice credits"), "{error}");
        assert!(error.contains("has 100"), "{error}");
    }
    town.json(
        "vote --key-file ben.poll.key --vote 2=7 --new-key-file ben.new.key --out keyed.jsonl",
    );
    // The key that a ballot changes to signs nothing that comes after it.
    let line = "vote --key-file ben.new.key --vote 2=1 --out early.jsonl";
    let error = town.refused(line);
    assert!(error.contains("the key that you joined with"), "{error}");
    assert!(!error.contains("--state-index"), "{error}");
    let error = town.run(&format!("{line} --state-index 2")).failed(4);
    for words in ["joined with another key", "--before-key-change"] {
        assert!(error.contains(words), "{error}");
    }
    let line = format!("{line} --state-index 2 --before-key-change");
    let error = town.run(&line).failed(2);
    assert!(error.contains("give --nonce"), "{error}");
    let run = town.run(&format!("{line} --nonce 2 --json")).ok();
    assert!(run.stderr.contains("AFTER it"), "{}", run.stderr);
    assert_eq!(run.json()["nonces"], json!([2]));
    // Somebody else's key.
    let line = "vote --key-file ada.poll.key --vote 0=1 --state-index 2 --out never.jsonl";
    town.run(line).failed(4);
    assert_eq!(messages(), before);
}

/// Nobody proves; after the deadline anybody gives the poll up, and what was paid comes back.
#[test]
fn a_poll_that_is_given_up() {
    let Some(town) = Town::new() else {
        return;
    };
    town.deploy();
    town.create("--start-in 60s --proving-time 1h --message-fee 1000");
    for line in [
        "keygen --out ada.key",
        "signup --key-file ada.key --account-key-file account1.key",
    ] {
        town.json(line);
    }
    town.go_to(town.time("startTime"));
    town.json(
        "join --key-file ada.key --poll-key-file ada.poll.key --account-key-file account1.key",
    );
    what_a_poll_asks_is_agreed_to(&town);
    let error = town.not_now("abort --account-key-file account2.key");
    assert!(error.contains("at the earliest from"), "{error}");
    let error = town.not_now("withdraw --account-key-file account1.key");
    assert!(error.contains("aborted"), "{error}");
    town.go_to(town.time("deadline"));
    let late = "finalize --poll-file poll.json --key-file coordinator.key --out proof --insecure-setup --confirmations 0 --account-key-file account0.key";
    let error = town.refused(late);
    assert!(error.contains("deadline"), "{error}");
    town.json("abort --account-key-file account2.key");
    assert_eq!(town.json("status")["state"], "aborted");
    town.json("withdraw --account-key-file account1.key");
    // Again there is nothing, as for who collects.
    let again = town.json("withdraw --account-key-file account1.key");
    assert_eq!(
        (&again["tokens"], &again["fees"], &again["gas"]),
        (&json!("0"), &json!("0"), &json!(0))
    );
    let again = town.run("withdraw --account-key-file account1.key").ok();
    assert!(again.stdout.contains("nothing (more)"), "{again:?}");
    let error = town.refused("verify --poll-file poll.json");
    assert!(error.contains("aborted"), "{error}");
}

/// A fee of 1000 wei for each message, whoever pays.
fn what_a_poll_asks_is_agreed_to(town: &Town) {
    let vote = "vote --key-file ada.poll.key --vote 0=5 --vote 1=6";
    town.json(&format!("{vote} --out messages.jsonl"));
    let vote = format!("{vote} --account-key-file account1.key");
    let publish = "publish --messages messages.jsonl --account-key-file account1.key";
    for line in [&*vote, publish] {
        for less in ["", "--max-message-fee 999"] {
            let error = town.run(&format!("{line} {less}")).failed(2);
            for words in [
                "1000 wei",
                "2000 wei for 2 messages",
                "--max-message-fee 1000",
            ] {
                assert!(error.contains(words), "{error}");
            }
        }
    }
    assert_eq!(town.json("status")["messages"], 0);
    for line in [&*vote, publish] {
        let line = format!("{line} --max-message-fee 1000 --json");
        let run = town.run(&line).ok();
        assert!(
            run.stderr.contains("the poll takes 2000 wei"),
            "{}",
            run.stderr
        );
        assert!(run.stderr.contains("sending: at most"), "{}", run.stderr);
        assert_eq!(run.json()["fees"], "2000");
    }
}

/// A policy whose owner has to agree, and evidence for it.
#[test]
fn a_policy_by_the_commands() {
    let Some(town) = Town::new() else {
        return;
    };
    let mut chain = town.chain();
    let [owner, ada, ben] = [1, 1, 2].map(|account| chain.accounts()[account]);
    let policy = policy(&mut chain, owner, [ada, ben]);
    let deployment = town.deployment(&format!("excubiae:{policy}"));
    let error = town.refused(&deployment);
    let adapter = error.split_once("setTarget(").expect("what to call").1;
    let guarded = adapter.split_once(')').expect("an address").0;
    let guarded = guarded.parse().expect("an address");
    assert_eq!(town.refused(&deployment), error);
    let call = ExcubiaePolicy::setTargetCall { guarded };
    send(&mut chain, owner, policy, &call, U256::ZERO).expect("sent");
    town.json(&deployment);
    assert_eq!(town.json(&deployment)["gas"], 0, "it is known again");
    let error = town.run(&town.deployment("free-for-all")).failed(2);
    assert!(error.contains("another gatekeeper"), "{error}");

    for voter in ["ada", "ben", "eve"] {
        town.json(&format!("keygen --out {voter}.key"));
    }
    let evidence = evidence(ben);
    let sign_up = |voter: &str, account: usize, more: &str| {
        format!("signup --key-file {voter}.key --account-key-file account{account}.key {more}")
    };
    let with = format!("--gatekeeper-data {evidence}");
    let error = town.refused(&sign_up("eve", 0, &with));
    assert!(error.contains("InvalidProof: the policy"), "{error}");
    town.refused(&sign_up("ada", 1, ""));
    assert!(town.json(&sign_up("ada", 1, &with))["gas"].is_number());
    let error = town.refused(&sign_up("eve", 1, &with));
    assert!(error.contains("AlreadyEnforced"), "{error}");
}

/// Killed between sending and seeing it in a block: the same command again reports it.
#[test]
fn what_was_paid_for_is_not_paid_for_again() {
    let Some(town) = Town::new() else {
        return;
    };
    town.deploy();
    let mut chain = town.chain();
    let [owner, ada] = [0, 1].map(|account| chain.accounts()[account]);
    let code = sample_token(owner).expect("compiled");
    let token = deploy(&mut chain, owner, code).expect("deployed").contract;
    let amount = U256::from(1_000);
    let call = SampleToken::mintCall { to: ada, amount };
    send(&mut chain, owner, token, &call, U256::ZERO).expect("sent");
    let created = town.create(&format!(
        "--start-in 60s --top-up-token {token} --credit-unit 10 --beneficiary {owner}"
    ));
    town.json("keygen --out ada.key");
    town.json("signup --key-file ada.key --account-key-file account1.key");
    town.go_to(town.time("startTime"));
    town.json(
        "join --key-file ada.key --poll-key-file ada.poll.key --account-key-file account1.key",
    );
    let poll = created["poll"].as_str().expect("an address");
    let spender = poll.parse().expect("an address");
    // Just what the first one takes: when it has landed, nothing is allowed any more.
    let value = U256::from(50);
    let call = SampleToken::approveCall { spender, value };
    send(&mut chain, ada, token, &call, U256::ZERO).expect("sent");

    let top_up = "topup --state-index 1 --amount 5 --max-tokens 50 --account-key-file account1.key";
    let _: Value = chain
        .request("evm_setAutomine", json!([false]))
        .expect("set");
    let running = Running::start(town.command(top_up));
    let nonce = |block: &str| -> Value {
        let call = "eth_getTransactionCount";
        chain.request(call, json!([ada, block])).expect("asked")
    };
    let started = Instant::now();
    while nonce("pending") == nonce("latest") {
        assert!(started.elapsed() < Duration::from_secs(60), "it is sent");
        std::thread::sleep(Duration::from_millis(50));
    }
    running.kill();
    let _: Value = chain
        .request("evm_setAutomine", json!([true]))
        .expect("set");
    let _: Value = chain.request("evm_mine", json!([])).expect("mined");

    let balance = || {
        let call = SampleToken::balanceOfCall { account: ada };
        view(&chain, token, &call).expect("asked")
    };
    assert_eq!(balance(), U256::from(950));
    let reported = town.json(top_up);
    assert_eq!(
        (&reported["index"], balance()),
        (&json!(0), U256::from(950))
    );
    // What was reported is done: now it is one more.
    let second = town.json(top_up);
    assert_eq!((&second["index"], balance()), (&json!(1), U256::from(900)));
}

/// A node of another chain is another one tomorrow too.
#[test]
fn a_node_of_another_chain() {
    let Some(town) = Town::new() else {
        return;
    };
    let file = poll_file(CHAIN + 1, town.anvil.url());
    file.replace(&town.path("poll.json")).expect("written");
    let error = town.refused("status");
    assert!(error.contains("not of chain"), "{error}");
}

/// The demo on a node, where one account does everything.
#[test]
#[ignore = "slow, the demo once more, on a node, where node::every_role_by_its_commands takes the same steps: .ci/slow"]
fn the_demo_on_a_node() {
    let Some(town) = Town::new() else {
        return;
    };
    let document = town.json(&format!(
        "demo --rpc-url {} --account-key-file account0.key",
        town.anvil.url()
    ));
    assert_eq!(document["finalized"], true);
    assert!(document["gas"].is_number());
    for part in ["calls", "stages"] {
        assert!(
            document[part].as_array().is_some_and(|list| list.len() > 5),
            "{part}"
        );
    }
}
