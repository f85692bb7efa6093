//! `keygen`, `pubkey` and where keys come from.

use std::fs;

use crate::harness::{
    maci_nova, make_private, mode, run, run_line, set_mode, vector_path, Poll, Run,
};

#[test]
fn a_new_key_is_for_its_owner_only() {
    let directory = tempfile::tempdir().expect("directory");
    let file = directory.path().join("new.key");
    let made = run_line("keygen --out {}", &[&file]).ok();
    assert!(made.stdout.starts_with("macipk."), "{made:?}");
    assert!(!made.stdout.contains("macisk") && !made.stderr.contains("macisk"));
    assert_eq!(mode(&file), 0o600);
    let read = run_line("pubkey --key-file {}", &[&file]).ok();
    assert_eq!(read.stdout, made.stdout);
    assert_eq!(read.stderr, "");

    let other = directory.path().join("other.key");
    let second = run_line("keygen --out {} --json", &[&other]).ok();
    let serialized = second.json()["publicKey"]["serialized"].clone();
    assert_ne!(
        format!("{}\n", serialized.as_str().expect("text")),
        made.stdout
    );
}

#[test]
fn a_key_file_is_never_overwritten() {
    let directory = tempfile::tempdir().expect("directory");
    let file = directory.path().join("there");
    fs::write(&file, "precious").expect("written");
    let error = run_line("keygen --out {}", &[&file]).failed(2);
    assert!(error.contains("already exists"), "{error}");
    assert_eq!(fs::read_to_string(&file).expect("read"), "precious");
}

#[test]
fn a_secret_needs_a_file() {
    let error = run(["keygen"]).failed(2);
    assert_eq!(
        error,
        "keygen needs --out FILE for the secret key, which is never printed"
    );
    let error = run(["keygen", "--out", "/nonexistent-directory/key"]).failed(8);
    assert!(error.contains("/nonexistent-directory/key"), "{error}");
}

#[test]
fn public_keys_are_those_of_the_vectors() {
    let header = fs::read_to_string(vector_path("small", "poll.jsonl")).expect("vector");
    let header: serde_json::Value =
        serde_json::from_str(header.lines().next().expect("line")).expect("JSON");
    let poll = Poll::vector("small");
    let public = run_line("pubkey --json --key-file {}", &[&poll.key])
        .ok()
        .json();
    let public = &public["publicKey"];
    assert_eq!(public["x"], header["coordinatorPublicKey"][0]);
    assert_eq!(public["y"], header["coordinatorPublicKey"][1]);
    let text = run_line("pubkey --key-file {}", &[&poll.key]).ok().stdout;
    assert_eq!(public["serialized"], text.trim_end());
}

#[test]
fn the_environment_may_hold_the_key() {
    let poll = Poll::vector("small");
    let key = fs::read_to_string(&poll.key).expect("key");
    let from_file = run_line("pubkey --key-file {}", &[&poll.key]).ok();
    let output = maci_nova()
        .arg("pubkey")
        .env("MACI_NOVA_KEY", key.trim())
        .output();
    let from_environment = Run::from(output.expect("runs")).ok();
    assert_eq!(from_environment.stdout, from_file.stdout);

    let output = maci_nova()
        .arg("pubkey")
        .env("MACI_NOVA_KEY", "macisk.0x")
        .output();
    let error = Run::from(output.expect("runs")).failed(3);
    assert!(
        error.contains("MACI_NOVA_KEY") && !error.contains("0x"),
        "{error}"
    );
}

#[test]
fn a_key_file_that_others_can_read_is_pointed_out() {
    let poll = Poll::vector("small");
    set_mode(&poll.key, 0o644);
    let loud = run_line("pubkey --quiet --key-file {}", &[&poll.key]).ok();
    assert!(loud.stderr.starts_with("warning: key file "), "{loud:?}");
    assert!(loud.stderr.contains("0644"), "{loud:?}");
    make_private(&poll.key);
    assert_eq!(
        run_line("pubkey --key-file {}", &[&poll.key]).ok().stderr,
        ""
    );
}

#[test]
fn what_is_no_key_is_not_shown() {
    let poll = Poll::vector("small");
    let other = poll.beside("public");
    let public = run_line("pubkey --key-file {}", &[&poll.key]).ok().stdout;
    let secret_like = format!("macisk.{}", "f".repeat(65));
    for text in ["", "hello", public.trim(), &secret_like, "macisk.\u{fffd}"] {
        fs::write(&other, text).expect("written");
        make_private(&other);
        let error = run_line("pubkey --key-file {}", &[&other]).failed(3);
        assert!(error.contains("macisk.<hex>"), "{error}");
        assert!(text.is_empty() || !error.contains(text), "{error}");
    }
    fs::write(&other, [0xff, 0xfe, 0]).expect("written");
    run_line("pubkey --key-file {}", &[&other]).failed(3);
    let error = run_line("pubkey --key-file {}", &[&poll.beside("missing")]).failed(3);
    assert!(error.contains("cannot read key file"), "{error}");
    let error = run(["pubkey"]).failed(3);
    assert_eq!(error, "no key: give --key-file FILE or set MACI_NOVA_KEY");
}
