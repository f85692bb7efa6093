//! A count in segments by the program's own workers, and what `worker` and its driver refuse.

use std::fs;
use std::path::Path;

use maci_nova_jobs::{NatsServer, ServerError};
use serde_json::Value;

use crate::harness::{maci_nova, mode, run_line, set_mode, Run};

/// Whether there is a server to start; with `MACI_NOVA_REQUIRE_NATS=1` there has to be one.
fn has_server(directory: &Path) -> bool {
    match NatsServer::start(directory) {
        Ok(_) => true,
        Err(error @ ServerError::NotInstalled) => {
            let required = std::env::var_os("MACI_NOVA_REQUIRE_NATS");
            assert!(required.is_none_or(|value| value != "1"), "{error}");
            eprintln!("skipped: {error}");
            false
        }
        Err(error) => panic!("{error}"),
    }
}

/// The development keys that the tests have in common.
fn with_cache(line: &str) -> Run {
    let mut command = maci_nova();
    if let Some(cache) = std::env::var_os("MACI_NOVA_CACHE") {
        command.env("MACI_NOVA_CACHE", cache);
    }
    let output = command.args(line.split_whitespace()).output();
    Run::from(output.expect("runs"))
}

#[test]
fn a_poll_by_two_workers() {
    let scratch = tempfile::tempdir().expect("directory");
    if !has_server(scratch.path()) {
        return;
    }
    let document = with_cache("demo --workers 2 --messages 20 --json")
        .ok()
        .json();
    assert_eq!(document["finalized"], true);
    let segments = document["segments"].as_array().expect("segments");
    assert_eq!(segments.len(), 1);
    let first = &segments[0];
    // A link and seven zeros, at which the last segment begins.
    let z = first["statement"]["z"].as_array().expect("words");
    assert!(
        z[0] != "0" && z[1..].iter().all(|word| word == "0"),
        "{z:?}"
    );
    assert_eq!(document["statement"]["z0"], first["statement"]["z"]);
    assert_eq!(first["proof"].as_array().map(Vec::len), Some(22));
    assert!(first["gas"].as_u64().is_some_and(|gas| gas < 450_000));
    assert!(first["transaction"].is_string());
    let actions = document["calls"].as_array().into_iter().flatten();
    let proven = |action: &&Value| action["action"] == "proveSegment";
    assert_eq!(actions.filter(proven).count(), 1);
}

#[test]
fn a_job_key_is_made_once_for_its_owner() {
    let scratch = tempfile::tempdir().expect("directory");
    let path = scratch.path().join("job.key");
    let make = |more: &str| run_line(&("keygen --job-key --out {}".to_owned() + more), &[&path]);
    let document = make(" --json").ok().json();
    assert_eq!(document["jobKeyFile"], path.display().to_string());
    assert_eq!(mode(&path), 0o600);
    let text = fs::read_to_string(&path).expect("read");
    assert_eq!(text.trim().len(), 64);
    assert!(make("").failed(2).contains("already exists"));
    assert_eq!(fs::read_to_string(&path).expect("read"), text);
}

#[test]
fn what_a_worker_needs_is_said() {
    let scratch = tempfile::tempdir().expect("directory");
    let key = scratch.path().join("job.key");
    run_line("keygen --job-key --out {}", &[&key]).ok();
    let worker = |line: &str| run_line(&("worker --insecure-setup ".to_owned() + line), &[&key]);
    assert!(worker("").failed(2).contains("--nats"));
    assert_eq!(worker("--nats nats://127.0.0.1:1").code, Some(2));
    let password = worker("--nats nats://me:secret@127.0.0.1 --job-key-file {}");
    assert_eq!(password.code, Some(2));
    assert!(!password.stderr.contains("secret"), "{password:?}");
    assert!(password.stderr.contains("credentials"), "{password:?}");
    let log = "finalize --log x --dry-run --out x --insecure-setup --nats nats://127.0.0.1 --job-key-file x";
    let error = run_line(log, &[]).failed(2);
    assert!(error.contains("on its chain"), "{error}");
    // Nobody is there: it may be later.
    let away = worker("--nats nats://127.0.0.1:1 --job-key-file {}").failed(9);
    assert!(away.contains("127.0.0.1:1"), "{away}");
    set_mode(&key, 0o644);
    let exposed = worker("--nats nats://127.0.0.1:1 --job-key-file {}").failed(3);
    assert!(exposed.contains("chmod 600"), "{exposed}");
    set_mode(&key, 0o600);
    fs::write(&key, "0123\n").expect("written");
    worker("--nats nats://127.0.0.1:1 --job-key-file {}").failed(3);
}

#[test]
fn production_takes_no_server_in_the_clear() {
    let scratch = tempfile::tempdir().expect("directory");
    let key = scratch.path().join("job.key");
    run_line("keygen --job-key --out {}", &[&key]).ok();
    let ptau = scratch.path().join("powers.ptau");
    let line = "worker --production --ptau {} --nats nats://jobs.example:4222 --job-key-file {}";
    let error = run_line(line, &[&ptau, &key]).failed(2);
    assert!(error.contains("TLS"), "{error}");
    let line = "worker --production --insecure-setup --nats nats://127.0.0.1:1 --job-key-file {}";
    run_line(line, &[&key]).failed(5);
}
