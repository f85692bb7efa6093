//! A setup from a file.

use maci_nova_folding::testing::write_powers;

use crate::harness::{run_line, Poll};

/// Enough for a poll of a few hundred voters.
const POWER: u32 = 16;

#[test]
fn a_proof_with_a_file_needs_that_file_to_verify() {
    let poll = Poll::tiny();
    let out = poll.beside("proof");
    let (ours, others) = (poll.beside("ours.ptau"), poll.beside("others.ptau"));
    write_powers(&ours, 2, POWER);
    write_powers(&others, 3, POWER);
    let proved = run_line(
        "prove --production --json --log {} --key-file {} --out {} --ptau {}",
        &[&poll.log, &poll.key, &out, &ours],
    )
    .ok();
    assert!(!proved.stderr.contains("INSECURE"), "{proved:?}");
    let proved = proved.json();
    assert_eq!(proved["insecure"], false);
    assert_eq!(proved["setup"], "powers of tau");

    let verify = "verify --production --json --log {} --proof {} --ptau {}";
    let verified = run_line(verify, &[&poll.log, &out, &ours]).ok();
    assert_eq!(verified.stderr, "");
    assert_eq!(verified.json(), proved);

    let verify = "verify --log {} --proof {}";
    let error = run_line(verify, &[&poll.log, &out]).failed(5);
    assert!(error.contains("--ptau"), "{error}");
    let verify = "verify --log {} --proof {} --ptau {}";
    let error = run_line(verify, &[&poll.log, &out, &others]).failed(5);
    assert!(error.contains("others.ptau"), "{error}");
}

/// A file that is given is what the verifier trusts, whatever the proof says it rests on.
#[test]
fn a_development_proof_does_not_pass_for_one_with_a_file() {
    let poll = Poll::tiny();
    let out = poll.beside("proof");
    let ours = poll.beside("ours.ptau");
    write_powers(&ours, 2, POWER);
    run_line(
        "prove --json --log {} --key-file {} --out {} --insecure-setup",
        &[&poll.log, &poll.key, &out],
    )
    .ok();
    let error = run_line(
        "verify --log {} --proof {} --ptau {}",
        &[&poll.log, &out, &ours],
    )
    .failed(5);
    assert!(error.contains("INSECURE"), "{error}");
}
