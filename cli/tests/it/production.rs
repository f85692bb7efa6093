//! A whole poll in production, with the keys of a ceremony: `.ci/ceremony` holds one and then runs this.

use std::path::PathBuf;

use serde_json::json;

use crate::node::{votes, Town};

/// What `.ci/ceremony` names.
fn named(variable: &str) -> String {
    std::env::var(variable).unwrap_or_else(|_| panic!("{variable} is not set: see .ci/ceremony"))
}

/// `--production` in every role, from the deployment to the verdict of somebody who knows the ceremony.
#[test]
#[ignore = "it needs the keys of a ceremony, which take a quarter of an hour: .ci/ceremony"]
fn every_role_in_production() {
    let ptau = named("MACI_NOVA_TEST_PTAU");
    let digest = named("MACI_NOVA_TEST_KEY_DIGEST");
    let cache = PathBuf::from(named("MACI_NOVA_CACHE"));
    let town = Town::with_cache(cache).expect("a node");
    let url = town.url();
    town.json(&format!(
        "deploy --production --rpc-url {url} --account-key-file account0.key --ptau {ptau} --state-depth 2 --vote-depth 1 --gatekeeper free-for-all"
    ));
    town.create("--start-in 60s --production");
    for voter in ["ada", "ben"] {
        town.json(&format!("keygen --out {voter}.key"));
        town.json(&format!(
            "signup --production --key-file {voter}.key --account-key-file account1.key"
        ));
    }
    town.go_to(town.time("startTime"));
    for voter in ["ada", "ben"] {
        town.json(&format!("join --production --key-file {voter}.key --poll-key-file {voter}.poll.key --account-key-file account2.key"));
    }
    town.json("vote --production --key-file ada.poll.key --vote 0=5 --vote 1=6 --account-key-file account1.key");
    town.json(
        "vote --production --key-file ben.poll.key --vote 2=7 --account-key-file account2.key",
    );
    town.go_to(town.time("endTime"));
    let finalize = format!("finalize --production --poll-file poll.json --key-file coordinator.key --out proof --ptau {ptau} --confirmations 0 --account-key-file account0.key");
    let document = town.json(&finalize);
    assert_eq!(document["finalized"], true);
    assert_eq!(votes(&document), ["5", "6", "7"]);

    let verify = "verify --production --poll-file poll.json";
    let verified = town.json(&format!("{verify} --key-digest {digest}"));
    assert_eq!(
        (&verified["verified"], &verified["insecure"]),
        (&json!(true), &json!(false))
    );
    assert_eq!(verified["keyDigest"], json!(digest));
    // Who does not know the ceremony is told so, and who knows another one too.
    let unknown = town.run(verify).failed(5);
    assert!(unknown.contains("--key-digest"), "{unknown}");
    let other = format!("0x{}", "11".repeat(32));
    let other = town.refused(&format!("{verify} --key-digest {other}"));
    assert!(other.contains("not the one that was given"), "{other}");
    let status = town.run("status --production").ok();
    assert!(!status.stderr.contains("INSECURE"), "{status:?}");
}
