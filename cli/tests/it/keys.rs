//! `keygen`, `pubkey` and where keys come from.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use crate::harness::{
    maci_nova, make_private, mode, run, run_line, set_mode, vector_path, Poll, Run,
};

/// Some editors begin a file with it.
#[test]
fn a_byte_order_mark_is_no_part_of_a_key() {
    let directory = tempfile::tempdir().expect("directory");
    let (plain, marked) = (directory.path().join("a"), directory.path().join("b"));
    let made = run_line("keygen --out {}", &[&plain]).ok();
    let text = fs::read_to_string(&plain).expect("read");
    fs::write(&marked, format!("\u{feff}{text}\r\n")).expect("written");
    make_private(&marked);
    let read = run_line("pubkey --key-file {}", &[&marked]).ok();
    assert_eq!(read.stdout, made.stdout);
}

/// As PowerShell writes what it is given.
#[test]
fn text_in_utf_16_is_named() {
    let directory = tempfile::tempdir().expect("directory");
    let file = directory.path().join("file");
    let units = "\u{feff}macisk.01\r\n".encode_utf16();
    let bytes: Vec<u8> = units.flat_map(u16::to_le_bytes).collect();
    fs::write(&file, bytes).expect("written");
    make_private(&file);
    for line in ["pubkey --key-file {}", "status --poll-file {}"] {
        let error = run_line(line, &[&file]).failed(3);
        assert!(error.contains("UTF-16"), "{line}: {error}");
    }
}

#[test]
fn a_cut_public_key_is_refused() {
    let directory = tempfile::tempdir().expect("directory");
    let made = run_line("keygen --out {}", &[&directory.path().join("key")]).ok();
    let key = made.stdout.trim();
    for cut in [key.len() - 1, key.len() - 7, 20, 8] {
        let line = format!(
            "poll create --poll-file {{}} --coordinator-key {} --options 2 --duration 1h --credits 1",
            &key[..cut]
        );
        let error = run_line(&line, &[&directory.path().join("poll.json")]).failed(2);
        assert!(error.contains("a part of it is missing"), "{error}");
    }
}

#[test]
fn a_variable_that_is_empty_is_unset() {
    let run = |name: &str, line: &str| -> Run {
        let mut command = maci_nova();
        command.env(name, "").args(line.split_whitespace());
        command.output().expect("runs").into()
    };
    run(
        "MACI_NOVA_KEY_DIGEST",
        "inspect --state-depth 2 --vote-depth 1",
    )
    .ok();
    let error = run("MACI_NOVA_KEY", "pubkey").failed(3);
    assert!(error.contains("no key"), "{error}");
    // Without a node the poll file is asked for one, and there is none.
    let status = "status --poll-file /nonexistent/poll.json";
    let error = run("MACI_NOVA_RPC_URL", status).failed(3);
    assert!(error.contains("poll file"), "{error}");
}

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

/// Keys that MACI's packages made: any 256 bits, which are not reduced, in any of the texts that
/// they read.
#[test]
fn keys_of_macis_packages_are_read() {
    let directory = tempfile::tempdir().expect("directory");
    let file = directory.path().join("maci.key");
    let key = "f3e9c82b1d3a6f5ce0d94b7a8812de6f0c35a7b94e2d1f60875c3b2a19084d7e";
    for (private, public) in [
        (
            "f".repeat(64),
            "2c557aab55571912c0e63f034bef8cf6bd961e5063546acc8413885bbe4d7d46",
        ),
        (
            "30644e72e131a029b85045b68181585d2833e84879b9709143e1f593f0000001".into(),
            "87ddef84f439652c890a07b0876470fb7c97efb35c73715035d3873bf27ec2ae",
        ),
        (
            key.into(),
            "036b8f308c1269ee8b52fa48ce0cf1e792d75b86f534118c9c3248b5fe6ec602",
        ),
        (
            key.to_uppercase(),
            "036b8f308c1269ee8b52fa48ce0cf1e792d75b86f534118c9c3248b5fe6ec602",
        ),
        (
            "5".into(),
            "8f5f5bf26c4599005979270106bfbd37e41a6434205b5e0ddf40bc8f53621bf7",
        ),
        (
            format!("{:0>64}", 5),
            "8f5f5bf26c4599005979270106bfbd37e41a6434205b5e0ddf40bc8f53621bf7",
        ),
    ] {
        fs::write(&file, format!("macisk.{private}\n")).expect("written");
        make_private(&file);
        let made = run_line("pubkey --key-file {}", &[&file]).ok();
        assert_eq!(made.stdout, format!("macipk.{public}\n"));
        assert_eq!(made.stderr, "");
    }
}

#[test]
fn a_new_key_is_written_as_macis_packages_write_it() {
    let directory = tempfile::tempdir().expect("directory");
    for i in 0..8 {
        let file = directory.path().join(format!("{i}.key"));
        run_line("keygen --out {}", &[&file]).ok();
        let text = fs::read_to_string(&file).expect("key");
        let digits = text.strip_prefix("macisk.").expect("a key").trim_end();
        assert_eq!(text, format!("macisk.{digits}\n"));
        assert_eq!(digits.len(), 64);
        assert!(digits.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f')));
    }
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

/// A key that was split, and the shares' files.
struct Guarded {
    directory: tempfile::TempDir,
    public_key: Value,
    shares: Vec<PathBuf>,
}

impl Guarded {
    fn two_of_three() -> Self {
        let directory = tempfile::tempdir().expect("directory");
        let key = directory.path().join("coordinator.key");
        let made = run_line("keygen --out {} --guardians 2-of-3 --json", &[&key])
            .ok()
            .json();
        let share = |i| {
            directory
                .path()
                .join(format!("coordinator.key.guardian-{i}"))
        };
        let shares: Vec<_> = (1..=3).map(share).collect();
        let named: Vec<_> = shares
            .iter()
            .map(|path| path.to_str().expect("text"))
            .collect();
        assert_eq!(made["shares"], serde_json::json!(named));
        Guarded {
            directory,
            public_key: made["publicKey"].clone(),
            shares,
        }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }
}

#[test]
fn guardians_recover_a_key() {
    let guarded = Guarded::two_of_three();
    let shares = &guarded.shares;
    let mut splits = vec![];
    for (number, share) in (1..).zip(shares) {
        assert_eq!(mode(share), 0o600);
        let checked = run_line("keygen --check {} --json", &[share]).ok().json();
        assert_eq!(checked["publicKey"], guarded.public_key);
        assert_eq!(checked["number"], number);
        splits.push(checked["split"].clone());
    }
    assert!(splits.windows(2).all(|pair| pair[0] == pair[1]));
    let again = guarded.at("again.key");
    let recover = "keygen --recover {} {} --out {} --json";
    let recovered = run_line(recover, &[&shares[2], &shares[0], &again]).ok();
    assert_eq!(recovered.json()["publicKey"], guarded.public_key);
    let text = |path| fs::read_to_string(path).expect("read");
    assert_eq!(text(&again), text(&guarded.at("coordinator.key")));
    assert_eq!(mode(&again), 0o600);
    set_mode(&shares[1], 0o644);
    let shown = run_line("keygen --check {}", &[&shares[1]]).ok();
    assert!(shown.stderr.contains("open to other users"), "{shown:?}");
}

#[test]
fn what_is_no_share_recovers_nothing() {
    let guarded = Guarded::two_of_three();
    let (shares, key) = (&guarded.shares, guarded.at("coordinator.key"));
    // Split once more: other shares of the same key.
    let again = guarded.at("again.key");
    fs::copy(&key, &again).expect("copied");
    run_line("keygen --guardians 2-of-3 --key-file {}", &[&again]).ok();
    let other = guarded.at("again.key.guardian-1");
    let no = guarded.at("no.key");
    let two = "keygen --recover {} {} --out {}";
    let split = "keygen --guardians 2-of-3 --key-file {}";
    for (line, paths, code, complaint) in [
        (
            "keygen --recover {} --out {}",
            vec![&shares[0], &no],
            3,
            "1 of 2 shares",
        ),
        (two, vec![&shares[0], &shares[0], &no], 3, "twice"),
        (two, vec![&shares[1], &other, &no], 3, "split once"),
        (
            two,
            vec![&shares[1], &key, &no],
            3,
            "not a guardian's share",
        ),
        (two, vec![&shares[1], &no, &no], 3, "no.key"),
        (
            two,
            vec![&shares[1], &shares[2], &key],
            2,
            "never overwritten",
        ),
        (split, vec![&again], 2, "never overwritten"),
        (split, vec![&no], 3, "no.key"),
        (
            "keygen --recover {} {}",
            vec![&shares[1], &shares[2]],
            2,
            "--out",
        ),
    ] {
        let paths: Vec<_> = paths.into_iter().map(PathBuf::as_path).collect();
        let error = run_line(line, &paths).failed(code);
        assert!(error.contains(complaint), "{line}: {error}");
        assert!(!no.exists(), "{line}");
    }
    for wrong in ["1-of-3", "4-of-3", "three"] {
        let run = run_line(&format!("keygen --guardians {wrong} --out {{}}"), &[&no]);
        assert_eq!(run.code, Some(2), "{run:?}");
        assert!(run.stderr.contains("3-of-5") && !no.exists(), "{run:?}");
    }
}
