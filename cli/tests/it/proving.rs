//! `prove`, `verify`, `results`, `demo` when all goes well.

use std::fs;

use serde_json::Value;

use crate::harness::{expected_results, mode, proven, run, run_line, Poll};

#[test]
fn a_proof_says_what_the_tally_says() {
    let proven = proven();
    let printed = proven.run.json();
    let tally = run_line(
        "tally --json --log {} --key-file {}",
        &[&proven.poll.log, &proven.poll.key],
    )
    .ok()
    .json();
    let verified = run_line(
        "verify --json --log {} --proof {}",
        &[&proven.poll.log, &proven.directory],
    )
    .ok();
    let claimed = run_line("results --json --proof {}", &[&proven.directory]).ok();
    for document in [&printed, &verified.json(), &claimed.json()] {
        assert_eq!(document["results"], tally["results"]);
        assert_eq!(document["totalSpent"], tally["totalSpent"]);
        assert_eq!(document["setup"], "INSECURE development");
        assert_eq!(document["insecure"], true);
        // 5 voters, 3 messages, 1 top-up, 1 blinding event.
        assert_eq!(document["steps"], 10);
        assert_eq!(document["parametersDigest"], printed["parametersDigest"]);
    }
    assert_eq!(verified.json()["verified"], true);
    assert_eq!(claimed.json()["verified"], false);
    assert!(verified.stderr.contains("INSECURE"), "{verified:?}");
    assert!(claimed.stderr.contains("INSECURE"), "{claimed:?}");
    assert!(claimed.stderr.contains("not verified"), "{claimed:?}");
}

#[test]
fn verifying_takes_the_file_too_and_prints_a_table() {
    let proven = proven();
    let file = proven.directory.join("final.proof");
    let verified = run_line("verify --log {} --proof {}", &[&proven.poll.log, &file]).ok();
    assert!(verified.stdout.starts_with("option "), "{verified:?}");
    assert!(verified.stdout.contains("verified"), "{verified:?}");
    assert!(verified.stdout.contains("INSECURE"), "{verified:?}");
    let claimed = run_line("results --proof {}", &[&file]).ok();
    assert!(claimed.stdout.contains("NOT verified"), "{claimed:?}");
}

#[test]
fn only_the_proof_is_left_and_it_is_public() {
    let proven = proven();
    let mut names: Vec<String> = fs::read_dir(&proven.directory)
        .expect("directory")
        .map(|entry| {
            entry
                .expect("entry")
                .file_name()
                .into_string()
                .expect("text")
        })
        .collect();
    names.sort();
    assert_eq!(names, ["final.proof", "lock"]);
    assert_eq!(mode(&proven.directory.join("final.proof")), 0o644);
    assert_eq!(mode(&proven.directory), 0o700);
}

#[test]
fn several_events_fit_in_a_step() {
    let poll = Poll::tiny();
    let out = poll.beside("proof");
    let proved = run_line(
        "prove --json --log {} --key-file {} --out {} --insecure-setup --events-per-step 4 --quiet",
        &[&poll.log, &poll.key, &out],
    )
    .ok();
    // 10 events and 2 more blinding ones to fill the third step.
    assert_eq!(proved.json()["steps"], 3);
    let verified = run_line("verify --json --log {} --proof {}", &[&poll.log, &out]).ok();
    assert_eq!(verified.json()["results"], proved.json()["results"]);
}

#[test]
fn a_poll_in_which_nothing_happened_has_a_proof() {
    let header = Poll::vector("small").lines()[0].clone();
    let poll = Poll::from_log("small", &format!("{header}\n"));
    let out = poll.beside("proof");
    let proved = run_line(
        "prove --json --log {} --key-file {} --out {} --insecure-setup",
        &[&poll.log, &poll.key, &out],
    )
    .ok()
    .json();
    assert_eq!(proved["steps"], 1);
    assert_eq!(proved["totalSpent"], "0");
    // It proves nothing about a poll in which something happened.
    let tiny = Poll::tiny();
    run_line("verify --log {} --proof {}", &[&tiny.log, &out]).failed(7);
    run_line("verify --log {} --proof {}", &[&poll.log, &out]).ok();
}

#[test]
fn the_demo_counts_proves_and_verifies() {
    let demo = run(["demo", "--poll", "small", "--json"]).ok();
    let document = demo.json();
    let (results, total) = expected_results("small");
    assert_eq!(document["results"], results);
    assert_eq!(document["totalSpent"], total);
    assert_eq!(document["verified"], true);
    assert_eq!(document["insecure"], true);
    let stages: Vec<&Value> = document["stages"]
        .as_array()
        .expect("array")
        .iter()
        .map(|stage| &stage["stage"])
        .collect();
    assert_eq!(stages, ["tally", "prove", "verify"]);
}

#[test]
fn production_refuses_the_development_setup() {
    let proven = proven();
    let out = proven.poll.beside("production");
    let error = run_line(
        "prove --production --log {} --key-file {} --out {} --insecure-setup",
        &[&proven.poll.log, &proven.poll.key, &out],
    )
    .failed(5);
    assert!(error.contains("INSECURE"), "{error}");
    assert!(!out.exists());
    let verify = "verify --production --log {} --proof {}";
    let error = run_line(verify, &[&proven.poll.log, &proven.directory]).failed(5);
    assert!(error.contains("INSECURE"), "{error}");
    let error = run_line("results --production --proof {}", &[&proven.directory]).failed(5);
    assert!(error.contains("INSECURE"), "{error}");
    let demo = crate::harness::maci_nova()
        .arg("demo")
        .env("MACI_NOVA_PRODUCTION", "1")
        .output();
    crate::harness::Run::from(demo.expect("runs")).failed(5);
}
