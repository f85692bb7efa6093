//! A whole poll in production: every role relies on keys that somebody has named, and on no others.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use maci_nova_compressor::decider::{self, circuit::Decider, contract, DeciderKey};
use maci_nova_contracts::decider::key_words;
use maci_nova_contracts::groth16::Key as PlainKey;
use maci_nova_folding::testing::write_powers;
use maci_nova_folding::{Parameters, SetupSource};
use maci_nova_groth16::adapter::Matrices;
use maci_nova_groth16::{setup, KeyCache, ProvingKey, Trapdoors};
use maci_nova_sdk::bundle::proof as bundle;
use maci_nova_sdk::poll::keys::digest;
use maci_nova_sdk::voter::join_proof as join;
use maci_nova_step_circuit::Shape;
use serde_json::{json, Value};
use tempfile::TempDir;

use crate::node::{votes, Town};

/// Keys in a cache, the powers of tau that they are for, and the name that both keys have together.
struct Keys {
    _folder: Option<TempDir>,
    cache: PathBuf,
    ptau: PathBuf,
    digest: String,
    state_depth: usize,
    /// Verified by who deploys, where there is one.
    ceremony: Option<PathBuf>,
}

impl Keys {
    /// INSECURE: of trapdoors that this process drew, and a ceremony that never was. That keys say so of themselves is what
    /// production must not believe; with the digest that the test names they stand for those of a ceremony.
    fn pretended() -> Self {
        let folder = tempfile::tempdir().expect("directory");
        let (cache, ptau) = (
            folder.path().join("cache"),
            folder.path().join("powers.ptau"),
        );
        std::fs::create_dir(&cache).expect("made");
        write_powers(&ptau, 4, 16);
        let state_depth = 2;
        let shape = Shape::new(state_depth, 1, 1).expect("in range");
        let source = SetupSource::PowersOfTau(ptau.clone());
        let parameters = Parameters::setup(shape, &source).expect("parameters");
        let engine = Arc::clone(parameters.engine());
        let matrices = Decider::new(engine, shape.vote_depth).matrices();
        let keep = |name: &str, matrices: &Matrices, publics: usize| {
            let key = setup(matrices, publics, Trapdoors::insecure_development()).expect("made");
            let key = ProvingKey::of_ceremony(matrices, key.parts(), [7; 32]).expect("fits");
            let cache = KeyCache::new(cache.join("maci-nova"));
            cache.keep(name, &key).expect("kept");
            key.verifying_key().clone()
        };
        let of_decider = keep(
            decider::KEY_NAME,
            &matrices.expect("recorded"),
            decider::PUBLICS,
        );
        let of_decider = DeciderKey::new(parameters.engine(), of_decider);
        let of_decider = contract::key(&of_decider).expect("a key");
        let of_join = keep(
            join::KEY_NAME,
            &join::matrices().expect("recorded"),
            join::INPUTS,
        );
        let of_bundle = keep(
            bundle::KEY_NAME,
            &bundle::matrices(bundle::ROOM).expect("recorded"),
            bundle::INPUTS,
        );
        let plain = [of_join, of_bundle].map(|key| {
            let key = join::JoinKey::new(&key.plain()).expect("a key");
            PlainKey::from(&key).to_words()
        });
        Keys {
            _folder: Some(folder),
            cache,
            ptau,
            digest: digest(&key_words(&of_decider), &plain).to_string(),
            state_depth,
            ceremony: None,
        }
    }

    /// Those of the ceremony that `.ci/ceremony` has held.
    fn named() -> Self {
        let named = |variable: &str| {
            std::env::var(variable)
                .unwrap_or_else(|_| panic!("{variable} is not set: see .ci/ceremony"))
        };
        Keys {
            _folder: None,
            cache: named("MACI_NOVA_CACHE").into(),
            ptau: named("MACI_NOVA_TEST_PTAU").into(),
            digest: named("MACI_NOVA_TEST_KEY_DIGEST"),
            state_depth: named("MACI_NOVA_TEST_STATE_DEPTH")
                .parse()
                .expect("a number"),
            ceremony: Some(named("MACI_NOVA_TEST_CEREMONY").into()),
        }
    }

    fn ptau(&self) -> &str {
        self.ptau.to_str().expect("text")
    }
}

/// A digest that no keys have.
fn no_keys() -> String {
    format!("0x{}", "11".repeat(32))
}

/// The deployment's keys are those that are named: by their digest, or by their ceremony.
fn deploy(town: &mut Town, keys: &Keys) -> Value {
    let url = town.url();
    let line = format!(
        "deploy --rpc-url {url} --account-key-file account0.key --ptau {} --state-depth {} --vote-depth 1 --gatekeeper free-for-all",
        keys.ptau(),
        keys.state_depth
    );
    let unnamed = town.run(&line).failed(5);
    assert!(unnamed.contains("--key-digest"), "{unnamed}");
    town.name_keys(&no_keys());
    let others = town.run(&line).failed(5);
    assert!(others.contains("not the one that was given"), "{others}");
    assert!(!town.path("poll.json").exists());
    match &keys.ceremony {
        Some(ceremony) => {
            let ceremony = ceremony.to_str().expect("text");
            town.run(&format!("{line} --ceremony {ceremony}")).failed(5);
            town.name_no_keys();
            town.json(&format!("{line} --ceremony {ceremony}"))
        }
        None => {
            town.name_keys(&keys.digest);
            town.json(&line)
        }
    }
}

/// Every command of a poll that is there, by who knows no keys and by who knows others.
fn refuse_others(town: &mut Town, keys: &Keys) {
    let lines = [
        "status",
        "signup --key-file ada.key --account-key-file account1.key",
        "vote --key-file ada.key --vote 0=1 --account-key-file account1.key",
        &format!(
            "process --key-file coordinator.key --out never --ptau {} --once",
            keys.ptau()
        ),
    ];
    for line in lines {
        town.name_no_keys();
        let unknown = town.run(line).failed(5);
        assert!(unknown.contains("--key-digest"), "{line}: {unknown}");
        town.name_keys(&no_keys());
        let other = town.run(line).failed(5);
        assert!(
            other.contains("not the one that was given"),
            "{line}: {other}"
        );
    }
    town.name_keys(&keys.digest);
}

/// What a machine lacks for this poll: nothing, or what follows from not knowing the keys.
fn doctor(town: &mut Town, keys: &Keys) {
    let line = format!(
        "doctor --poll-file poll.json --ptau {} --voters 3 --messages 9 --json",
        keys.ptau()
    );
    let ready = town.run(&line).ok().json();
    assert_eq!(ready["ready"], true);
    let names = [
        "node",
        "clock",
        "logs",
        "verifiers",
        "powers of tau",
        "keys",
        "time",
        "memory",
        "disk",
    ];
    let findings = ready["findings"].as_array().expect("findings");
    let found: Vec<&str> = findings
        .iter()
        .filter_map(|finding| finding["name"].as_str())
        .collect();
    assert_eq!(found, names);

    town.name_no_keys();
    let lacking = town.run(&line);
    assert_eq!(lacking.code, Some(5), "{lacking:?}");
    let document = lacking.json();
    let findings = document["findings"].as_array().expect("findings");
    let missing = findings
        .iter()
        .filter(|finding| finding["state"] == "missing");
    let missing: Vec<_> = missing
        .filter_map(|finding| finding["name"].as_str())
        .collect();
    assert_eq!(missing, ["verifiers", "keys"]);
    // The poll's own times count, and not those of arguments.
    let many = line.replace("--messages 9", "--messages 90000000 --proving-time 365d");
    let late = town.run(&many);
    assert!(late.stdout.contains("--proving-time"), "{late:?}");
    town.name_keys(&keys.digest);
}

/// From the deployment to the verdict of somebody who knows the ceremony.
fn every_role(keys: &Keys) {
    let Some(mut town) = Town::in_production(keys.cache.clone()) else {
        return;
    };
    let deployed = deploy(&mut town, keys);
    town.name_keys(&keys.digest);
    assert!(deployed["gas"].as_u64().expect("gas") > 0);
    town.create("--start-in 60s");
    for voter in ["ada", "ben"] {
        town.json(&format!("keygen --out {voter}.key"));
    }
    refuse_others(&mut town, keys);
    doctor(&mut town, keys);
    for voter in ["ada", "ben"] {
        town.json(&format!(
            "signup --key-file {voter}.key --account-key-file account1.key"
        ));
    }
    town.go_to(town.time("startTime"));
    for voter in ["ada", "ben"] {
        town.json(&format!("join --key-file {voter}.key --poll-key-file {voter}.poll.key --account-key-file account2.key"));
    }
    town.json("vote --key-file ada.poll.key --vote 0=5 --vote 1=6 --account-key-file account1.key");
    town.json("vote --key-file ben.poll.key --vote 2=7 --account-key-file account2.key");
    let work = format!(
        "--key-file coordinator.key --out proof --ptau {} --confirmations 0",
        keys.ptau()
    );
    town.json(&format!("process {work} --once"));
    town.go_to(town.time("endTime"));
    let finalize = format!("finalize --poll-file poll.json {work} --account-key-file account0.key");
    let document = town.json(&finalize);
    assert_eq!(document["finalized"], true);
    assert_eq!(
        (&document["keys"], &document["insecure"]),
        (&json!("ceremony"), &json!(false))
    );
    assert_eq!(votes(&document), ["5", "6", "7"]);
    verify(&mut town, keys);
}

/// Who knows the ceremony, who does not, and who knows another one.
fn verify(town: &mut Town, keys: &Keys) {
    let line = "verify --poll-file poll.json";
    let verified = town.json(line);
    assert_eq!(
        (&verified["verified"], &verified["insecure"]),
        (&json!(true), &json!(false))
    );
    assert_eq!(verified["keyDigest"], json!(keys.digest));
    town.name_no_keys();
    let unknown = town.run(line).failed(5);
    assert!(unknown.contains("--key-digest"), "{unknown}");
    town.name_keys(&no_keys());
    let other = town.run(line).failed(5);
    assert!(other.contains("not the one that was given"), "{other}");
    town.name_keys(&keys.digest);
    let status = town.run("status").ok();
    assert!(!status.stderr.contains("INSECURE"), "{status:?}");
}

#[test]
#[ignore = "slow, every role's commands once more with keys of its own, after node::every_role_by_its_commands: .ci/slow"]
fn every_role_with_named_keys() {
    if Town::in_production(Path::new("none").into()).is_some() {
        every_role(&Keys::pretended());
    }
}

/// The same with the keys of a ceremony.
#[test]
#[ignore = "it needs the keys of a ceremony, which take a quarter of an hour: .ci/ceremony"]
fn every_role_with_the_keys_of_a_ceremony() {
    every_role(&Keys::named());
}
