//! The commands, and the chains that they find.

use std::fs;
use std::path::PathBuf;

use maci_nova_chain::{deploy, send, Chain};
use maci_nova_contracts::alloy_primitives::U256;
use maci_nova_contracts::bindings::SampleToken;
use maci_nova_contracts::deploy::sample_token;
use maci_nova_tests::town::Town;
use serde_json::Value;

/// All of them.
pub const NAMES: [&str; 12] = [
    "deploy",
    "create",
    "signup",
    "join",
    "vote",
    "publish",
    "topup",
    "status",
    "process",
    "export-log",
    "import",
    "abort",
];

/// A command, and what it finds.
pub struct Command {
    /// What it is called here.
    pub name: &'static str,
    /// Copies of these files of the town are in its folder.
    files: &'static [&'static str],
    /// The command.
    pub line: String,
    /// What a run that was disturbed says as well as one that was not.
    pub fields: &'static [&'static str],
    /// It signs anew each time: what lands late is told once, and then another one may be paid for.
    pub signs_anew: bool,
    /// The chain that it finds.
    snapshot: Value,
}

impl Command {
    /// A folder for it, on a chain as it was.
    pub fn prepare(&mut self, town: &mut Town) -> PathBuf {
        town.go_back_to(&self.snapshot);
        self.snapshot = town.snapshot();
        town.folder_with(self.files)
    }
}

/// Deploys, creates a poll with top-ups, lets one voter join it and another one sign up.
fn build(town: &Town) {
    let mut chain = town.chain();
    let [owner, ada] = [0, 1].map(|account| chain.accounts()[account]);
    let code = sample_token(owner).expect("compiled");
    let token = deploy(&mut chain, owner, code).expect("deployed").contract;
    let amount = U256::from(1_000);
    let call = SampleToken::mintCall { to: ada, amount };
    send(&mut chain, owner, token, &call, U256::ZERO).expect("sent");
    let url = town.url();
    town.json(&format!(
        "deploy --rpc-url {url} --poll-file deployment.json {DEPLOYMENT}"
    ));
    let copied = fs::copy(town.path("deployment.json"), town.path("poll.json"));
    copied.expect("copied");
    fs::copy(town.path("deployment.join.key"), town.path("poll.join.key")).expect("copied");
    let made = town.json("keygen --out coordinator.key");
    let key = made["publicKey"]["serialized"].as_str().expect("text");
    town.json(&format!("poll create --coordinator-key {key} --options 3 --start-in 1h --duration 1d --credits 100 --top-up-token {token} --credit-unit 10 --beneficiary {owner} --account-key-file account0.key"));
    for (voter, account) in [("ada", 1), ("ben", 2), ("eve", 2)] {
        town.json(&format!("keygen --out {voter}.key"));
        if voter != "eve" {
            let sender = format!("--account-key-file account{account}.key");
            town.json(&format!("signup --key-file {voter}.key {sender}"));
        }
    }
    town.go_to(time(town, "startTime"));
    town.json(
        "join --key-file ada.key --poll-key-file ada.poll.key --account-key-file account1.key",
    );
    town.json("vote --key-file ada.poll.key --vote 0=3 --account-key-file account1.key");
    town.json("vote --key-file ada.poll.key --vote 1=3 --vote 2=1 --out messages.jsonl");
}

const DEPLOYMENT: &str = "--account-key-file account0.key --insecure-setup --state-depth 4 --vote-depth 1 --gatekeeper free-for-all";

fn time(town: &Town, name: &str) -> u64 {
    town.json("status")[name].as_u64().expect("a time")
}

/// The command of this name, on the chain that it needs.
pub fn named(name: &str, town: &mut Town) -> Command {
    if !town.path("messages.jsonl").exists() {
        build(town);
        fs::write(town.path("base"), town.snapshot().to_string()).expect("written");
    }
    let base = fs::read(town.path("base")).expect("read");
    town.go_back_to(&serde_json::from_slice(&base).expect("JSON"));
    fs::write(town.path("base"), town.snapshot().to_string()).expect("written");
    match name {
        "process" | "export-log" => town.go_to(time(town, "endTime")),
        "abort" => town.go_to(time(town, "deadline")),
        _ => {}
    }
    let (files, line, fields) = asked(name, town);
    let name = NAMES.iter().find(|known| **known == name);
    let name = name.expect("a command");
    Command {
        name,
        files,
        line,
        fields,
        signs_anew: *name == "vote",
        snapshot: town.snapshot(),
    }
}

type Names = &'static [&'static str];

/// A command's files, its line, and what it says each time.
fn asked(name: &str, town: &Town) -> (Names, String, Names) {
    match name {
        "deploy" => (&["account0.key"], format!("deploy {DEPLOYMENT}"), &["chainId", "keys"]),
        "create" => {
            let key = town.json("pubkey --key-file coordinator.key");
            let key = key["publicKey"]["serialized"].as_str().expect("text").to_owned();
            (
                &["account0.key", "deployment.json", "deployment.join.key"],
                format!("poll create --deployment deployment.json --poll-file second.json --coordinator-key {key} --options 3 --start-in 1h --duration 1d --credits 100 --account-key-file account0.key"),
                &["coordinatorKey", "options", "mode", "pollId"],
            )
        }
        "signup" => (
            &["account2.key", "eve.key", "poll.json"],
            "signup --key-file eve.key --account-key-file account2.key".into(),
            &["publicKey", "index"],
        ),
        "join" => (
            &["account2.key", "ben.key", "ben.key.signup", "poll.json", "poll.join.key"],
            "join --key-file ben.key --poll-key-file ben.poll.key --account-key-file account2.key".into(),
            &["stateIndex", "voiceCredits"],
        ),
        "vote" => (
            &["account1.key", "ada.poll.key", "poll.json"],
            "vote --key-file ada.poll.key --vote 1=5 --account-key-file account1.key".into(),
            &["nonces", "cost", "fees"],
        ),
        "publish" => (
            &["account2.key", "messages.jsonl", "poll.json"],
            "publish --messages messages.jsonl --account-key-file account2.key".into(),
            &["firstMessage"],
        ),
        "topup" => (
            &["account1.key", "poll.json"],
            "topup --state-index 1 --amount 5 --max-tokens 50 --account-key-file account1.key".into(),
            &["index", "voiceCredits", "tokens"],
        ),
        "status" => (
            &["poll.json", "messages.jsonl"],
            "status --messages messages.jsonl".into(),
            &["poll", "state", "joins", "messages", "sent"],
        ),
        "process" => (
            &["poll.json", "coordinator.key"],
            "process --key-file coordinator.key --out proof --insecure-setup --confirmations 0 --once".into(),
            &["complete", "voters", "messages", "steps"],
        ),
        "export-log" => (
            &["poll.json"],
            "export-log --out log.jsonl --confirmations 0".into(),
            &["voters", "messages", "whole"],
        ),
        "import" => {
            let poll = town.json("status")["poll"].as_str().expect("an address").to_owned();
            (
                &[],
                format!("poll import {poll} --poll-file imported.json"),
                &["poll", "firstBlock", "maci", "owner", "coordinatorKey", "keyDigest"],
            )
        }
        _ => (
            &["account2.key", "poll.json"],
            "abort --account-key-file account2.key".into(),
            &["poll", "state"],
        ),
    }
}
