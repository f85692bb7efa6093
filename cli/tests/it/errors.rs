//! Each thing that people get wrong: its exit code, and a line that says what to do.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::harness::{maci_nova, poll_file, proven, run, run_line, words, Poll, Run};

fn tally(poll: &Poll) -> Run {
    run_line("tally --log {} --key-file {}", &[&poll.log, &poll.key])
}

/// The tally's error when line `number` (from 1) of the small poll is changed by `change`.
fn error_with_line(number: usize, change: impl FnOnce(&str) -> String) -> String {
    let poll = Poll::vector("small");
    let mut lines = poll.lines();
    lines[number - 1] = change(&lines[number - 1]);
    fs::write(&poll.log, lines.join("\n") + "\n").expect("written");
    let error = tally(&poll).failed(3);
    assert!(error.contains(&format!("line {number}:")), "{error}");
    error
}

#[test]
fn wrong_arguments_are_usage_errors() {
    for line in [
        "",
        "count",
        "tally",
        "prove --log a --key-file b --out c",
        "prove --log a --key-file b --out c --ptau d --insecure-setup",
        "prove --log a --key-file b --out c --insecure-setup --checkpoint-every 30",
        "inspect",
        "inspect --state-depth 3",
        "inspect --log a --state-depth 3 --vote-depth 2",
        "inspect --state-depth 21 --vote-depth 2",
        "inspect --state-depth 4 --vote-depth 0",
        "inspect --state-depth 4 --vote-depth 2 --events-per-step 65",
        "demo --poll enormous",
        "demo --poll small --rpc-url http://127.0.0.1:1",
        "finalize --log a --key-file b --out c --insecure-setup",
        "finalize --poll-file a --dry-run --key-file b --out c --insecure-setup",
        "finalize --key-file b --out c --insecure-setup",
        "verify --log a",
        "verify --log a --proof b --poll-file c",
        "results",
        "results --proof a --poll-file b",
        "deploy --state-depth 3",
        "deploy --insecure-setup --sign-up-token 0x12",
        "deploy --insecure-setup --gatekeeper everybody",
        "deploy --insecure-setup --gatekeeper token:0x12",
        "poll",
        "poll create --options 3",
        "poll create --coordinator-key a --options 3 --duration 1d",
        "poll create --coordinator-key a --options 3 --credits 9 --duration 1d --end-at 5",
        "poll create --coordinator-key a --options 3 --credits 9 --duration 1",
        "poll import",
        "poll import 0x12",
        "signup --token-id x",
        "signup --gatekeeper-data x",
        "signup --gatekeeper-data 0x01 --token-id 1",
        "join",
        "vote --key-file a",
        "vote --key-file a --vote 1",
        "publish",
        "topup --state-index 1",
        "process --key-file a --out b",
        "status --rpc-url ws://127.0.0.1",
        "export-log",
    ] {
        let run = run(line.split_whitespace());
        assert_eq!(run.code, Some(2), "{line}: {run:?}");
        assert_eq!(run.stdout, "", "{line}: {run:?}");
        assert!(!run.stderr.is_empty(), "{line}");
    }
}

#[test]
fn a_proof_is_of_something() {
    let directory = tempfile::tempdir().expect("directory");
    let mut command = maci_nova();
    command.args(["verify", "--proof", "proof"]);
    let run: Run = command
        .current_dir(&directory)
        .output()
        .expect("runs")
        .into();
    let error = run.failed(2);
    for words in ["--log", "--poll-file", "no poll.json here"] {
        assert!(error.contains(words), "{error}");
    }
}

/// What MACI's own program has, with any of its arguments, and this one does not need.
#[test]
fn commands_of_maci_that_are_not_needed_say_why() {
    for (line, words) in [
        ("mergeSignups --poll-id 0", "always complete"),
        ("generateProofs -k macisk -z dir --json", "finalize"),
        ("timeTravel -s 10", "evm_increaseTime"),
        ("isJoinedUser", "join"),
    ] {
        let error = run_line(line, &[]).failed(2);
        assert!(
            error.contains("not needed") && error.contains(words),
            "{error}"
        );
    }
}

/// Without a node nothing is written, and a file that is there is never replaced.
#[test]
fn a_poll_is_imported_into_a_new_file() {
    let directory = tempfile::tempdir().expect("directory");
    let file = directory.path().join("poll.json");
    let address = "0x1111111111111111111111111111111111111111";
    let line = format!("poll import {address} --poll-file {{}}");
    let error = run_line(&line, &[&file]).failed(2);
    assert!(error.contains("--rpc-url"), "{error}");
    assert!(!file.exists());
    fs::write(&file, "precious").expect("written");
    let error = run_line(&format!("{line} --rpc-url http://127.0.0.1:1"), &[&file]).failed(2);
    assert!(error.contains("already exists"), "{error}");
    assert_eq!(fs::read_to_string(&file).expect("read"), "precious");
}

#[test]
fn another_poll_needs_a_file_of_its_own() {
    let directory = tempfile::tempdir().expect("directory");
    let file = directory.path().join("poll.json");
    let made = run_line("keygen --out {}", &[&directory.path().join("key")]).ok();
    let line = format!(
        "poll create --poll-file {{}} --deployment {{}} --coordinator-key {} --options 2 --duration 1h --credits 1",
        made.stdout.trim()
    );
    let error = run_line(&line, &[&file, &file]).failed(2);
    assert!(error.contains("a file of its own"), "{error}");
    let error = run_line(&line, &[&directory.path().join("new.json"), &file]).failed(3);
    assert!(error.contains("cannot read poll file"), "{error}");
}

/// Nobody can be asked here, and silence is not consent.
#[test]
fn a_deployment_says_who_signs_up() {
    let line = "deploy --insecure-setup --rpc-url http://127.0.0.1:1";
    let error = run_line(line, &[]).failed(2);
    for words in ["who may sign up?", "token:ADDRESS", "free-for-all"] {
        assert!(error.contains(words), "{error}");
    }
}

#[test]
fn help_has_an_example_for_each_command() {
    for command in [
        "keygen",
        "pubkey",
        "tally",
        "prove",
        "finalize",
        "verify",
        "results",
        "inspect",
        "demo",
        "bench",
        "deploy",
        "poll create",
        "poll import",
        "signup",
        "join",
        "vote",
        "publish",
        "topup",
        "status",
        "process",
        "abort",
        "withdraw",
        "collect",
        "export-log",
    ] {
        let help = run_line(&format!("{command} --help"), &[]).ok().stdout;
        assert!(help.contains(&format!("maci-nova {command}")), "{help}");
        assert!(help.contains("Example"), "{help}");
    }
    let help = run(["--help"]).ok().stdout;
    assert!(
        help.contains("Exit codes:") && help.contains("130  interrupted"),
        "{help}"
    );
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let readme = fs::read_to_string(readme).expect("README");
    let documented = help.split("Exit codes:\n").nth(1).expect("codes");
    let codes: Vec<(&str, &str)> = documented
        .lines()
        .map_while(|line| line.trim().split_once("  "))
        .collect();
    assert_eq!(codes.len(), 12);
    for (code, meaning) in codes {
        let row = format!("| {code} | {meaning}");
        assert!(readme.contains(&row), "not in the README: {row}");
    }
    let version = run(["--version"]).ok().stdout;
    assert_eq!(
        version,
        format!("maci-nova {}\n", env!("CARGO_PKG_VERSION"))
    );
}

#[test]
fn a_missing_log_is_named() {
    let poll = Poll::vector("small");
    let missing = poll.beside("missing.jsonl");
    let error = run_line("tally --log {} --key-file {}", &[&missing, &poll.key]).failed(3);
    assert!(error.starts_with("cannot open poll log "), "{error}");
    assert!(error.contains("missing.jsonl"), "{error}");
    let directory = missing.parent().expect("parent");
    run_line("tally --log {} --key-file {}", &[directory, &poll.key]).failed(3);
}

#[test]
fn a_truncated_log_is_an_error_with_its_line() {
    let poll = Poll::vector("small");
    let log = fs::read(&poll.log).expect("log");
    // In the middle of the last line, and right before its closing brace.
    for cut in [100, 2] {
        fs::write(&poll.log, &log[..log.len() - cut]).expect("written");
        let error = tally(&poll).failed(3);
        assert!(
            error.contains("line 22:") && error.contains("truncated"),
            "{error}"
        );
    }
    // Only the last line break is missing: nothing is lost.
    fs::write(&poll.log, &log[..log.len() - 1]).expect("written");
    tally(&poll).ok();
    fs::write(&poll.log, "").expect("written");
    let error = tally(&poll).failed(3);
    assert!(error.contains("header"), "{error}");
}

#[test]
fn a_bad_line_is_an_error_with_its_number_and_why() {
    error_with_line(3, |_| "not JSON".into());
    error_with_line(3, |_| String::new());
    error_with_line(2, |line| line.replace("voiceCredits", "credits"));
    error_with_line(2, |line| line.replace("\"join\"", "\"joined\""));
    let error = error_with_line(2, |line| {
        line.replace(r#""voiceCredits":""#, r#""voiceCredits":"4294967296"#)
    });
    assert!(error.contains("credits"), "{error}");
    error_with_line(9, |line| line.replacen("\"data\":[\"", "\"data\":[\"0", 1));
    error_with_line(9, |line| line.replacen("\"data\":[", "\"data\":[\"1\",", 1));
    error_with_line(1, |line| line.replace("\"version\":1", "\"version\":2"));
    error_with_line(1, |line| {
        line.replace("\"voteOptions\":5", "\"voteOptions\":6")
    });
    error_with_line(22, |_| {
        r#"{"kind":"topUp","stateIndex":"6","amount":"1"}"#.into()
    });
    // Controls in a line must not reach the terminal.
    let error = error_with_line(4, |_| "{\"kind\":\"\u{1b}[2J\"}".into());
    assert!(!error.contains('\u{1b}'), "{error}");
}

#[test]
fn a_line_without_end_does_not_fill_the_memory() {
    let poll = Poll::vector("small");
    fs::write(&poll.log, vec![b'['; 1 << 20]).expect("written");
    let error = tally(&poll).failed(3);
    assert!(error.contains("line 1:"), "{error}");
}

#[test]
fn another_key_is_refused() {
    let poll = Poll::vector("small");
    let medium = Poll::vector("medium");
    let out = poll.beside("proof");
    for line in [
        "tally --log {} --key-file {}",
        "prove --log {} --key-file {} --out {} --insecure-setup",
    ] {
        let error = run_line(line, &[&poll.log, &medium.key, &out]).failed(4);
        assert!(
            error.starts_with("the key is not this poll's coordinator's"),
            "{error}"
        );
        assert!(error.contains("macipk."), "{error}");
    }
    assert!(!out.exists());
}

#[test]
fn errors_are_json_when_asked_for() {
    let poll = Poll::vector("small");
    let missing = poll.beside("missing.jsonl");
    let run = run_line(
        "tally --json --log {} --key-file {}",
        &[&missing, &poll.key],
    );
    assert_eq!(run.code, Some(3), "{run:?}");
    assert_eq!(run.stdout, "");
    let document: serde_json::Value = serde_json::from_str(&run.stderr).expect("one document");
    assert_eq!(document["error"]["kind"], "input");
    assert_eq!(document["error"]["exitCode"], 3);
    assert!(document["error"]["message"]
        .as_str()
        .expect("text")
        .contains("missing.jsonl"));
}

fn prove_with_ptau(poll: &Poll, ptau: &Path) -> Run {
    let out = poll.beside("proof");
    run_line(
        "prove --log {} --key-file {} --out {} --ptau {}",
        &[&poll.log, &poll.key, &out, ptau],
    )
}

#[test]
fn bad_powers_of_tau_are_refused() {
    let poll = Poll::tiny();
    let ptau = poll.beside("powers.ptau");
    let error = prove_with_ptau(&poll, &ptau).failed(5);
    assert!(error.contains("powers.ptau"), "{error}");
    fs::write(&ptau, "no powers here").expect("written");
    let error = prove_with_ptau(&poll, &ptau).failed(5);
    assert!(error.contains("powers.ptau"), "{error}");
    let small =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../folding/tests/data/snarkjs-power-4.ptau");
    let error = prove_with_ptau(&poll, &small).failed(5);
    assert!(
        error.contains('4') && error.contains("snarkjs-power-4.ptau"),
        "{error}"
    );
}

#[test]
fn a_proof_of_another_poll_is_refused() {
    let proven = proven();
    let small = Poll::vector("small");
    let error = run_line(
        "verify --log {} --proof {}",
        &[&small.log, &proven.directory],
    )
    .failed(7);
    assert!(!error.is_empty());
    let medium = Poll::vector("medium");
    run_line(
        "verify --log {} --proof {}",
        &[&medium.log, &proven.directory],
    )
    .failed(7);

    // One message more, one less, and the last two the other way round.
    let lines = proven.poll.lines();
    let more = small.lines()[lines.len()].clone();
    let mut swapped = lines.clone();
    swapped.swap(lines.len() - 1, lines.len() - 2);
    for lines in [
        [lines.clone(), vec![more]].concat(),
        lines[..lines.len() - 1].to_vec(),
        swapped,
    ] {
        let other = Poll::from_log("small", &(lines.join("\n") + "\n"));
        let verify = run_line(
            "verify --log {} --proof {}",
            &[&other.log, &proven.directory],
        );
        let error = verify.failed(7);
        assert!(error.contains("log"), "{error}");
    }
}

#[test]
fn a_damaged_proof_is_refused() {
    let proven = proven();
    let bytes = fs::read(proven.directory.join("final.proof")).expect("proof");
    let damaged = proven.poll.beside("damaged.proof");
    let verify = || run_line("verify --log {} --proof {}", &[&proven.poll.log, &damaged]);
    for position in [0, 9, bytes.len() / 2, bytes.len() - 1] {
        let mut changed = bytes.clone();
        changed[position] ^= 1;
        fs::write(&damaged, &changed).expect("written");
        verify().failed(7);
    }
    for length in [0, 4, bytes.len() - 1] {
        fs::write(&damaged, &bytes[..length]).expect("written");
        verify().failed(7);
    }
    fs::remove_file(&damaged).expect("removed");
    let error = verify().failed(3);
    assert!(error.contains("damaged.proof"), "{error}");
    let empty = tempfile::tempdir().expect("directory");
    let error = run_line("results --proof {}", &[empty.path()]).failed(3);
    assert!(error.contains("final.proof"), "{error}");
}

#[test]
fn a_finished_directory_is_not_proven_into_again() {
    let proven = proven();
    let prove = "prove --log {} --key-file {} --out {} --insecure-setup";
    let paths: [&Path; 3] = [&proven.poll.log, &proven.poll.key, &proven.directory];
    let error = run_line(prove, &paths).failed(2);
    assert!(error.contains("already holds"), "{error}");
    // With --resume there is nothing left to do: the same statement again.
    let again = run_line(&format!("{prove} --resume --json"), &paths).ok();
    assert_eq!(again.json(), proven.run.json());
}

#[test]
fn a_directory_that_cannot_be_made_is_an_error() {
    let poll = Poll::tiny();
    let under_a_file = poll.key.join("proof");
    let prove = "prove --log {} --key-file {} --out {} --insecure-setup";
    let error = run_line(prove, &[&poll.log, &poll.key, &under_a_file]).failed(8);
    assert!(error.contains("cannot make directory"), "{error}");
}

#[test]
fn a_folder_that_is_missing_is_an_error_of_writing() {
    let poll = Poll::tiny();
    let out = poll.beside("missing").join("voter.key");
    run_line("keygen --out {}", &[&out]).failed(8);
}

#[test]
fn a_bad_ballot_is_a_bad_file() {
    let poll = Poll::tiny();
    let ballot = poll.beside("ballot.txt");
    let vote = || run_line("vote --key-file {} --ballot {}", &[&poll.key, &ballot]);
    let missing = vote().failed(3);
    assert!(missing.contains("ballot.txt"), "{missing}");
    for (text, line) in [("0=1\nfive\n", 2), ("=", 1), ("1=2=3", 1)] {
        fs::write(&ballot, text).expect("written");
        let error = vote().failed(3);
        assert!(error.contains(&format!("line {line}:")), "{error}");
    }
}

/// Whoever is told 9 tries again.
#[test]
fn a_node_that_is_away_may_come_back() {
    let poll = Poll::tiny();
    let file = poll.beside("poll.json");
    // A port that was free a moment ago.
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    drop(listener);
    let written = poll_file(1, url.parse().expect("URL")).replace(&file);
    written.expect("written");
    let error = run_line("status --poll-file {}", &[&file]).failed(9);
    assert!(error.contains("did not answer"), "{error}");
    let run = run_line("status --json --poll-file {}", &[&file]);
    let text = run.stderr.lines().last().expect("a line");
    let document: serde_json::Value = serde_json::from_str(text).expect("JSON");
    assert_eq!(document["error"]["kind"], "later");
    assert_eq!(document["error"]["exitCode"], 9);
}

/// Ctrl-C, while a node is waited for that never answers.
#[test]
fn an_interruption_ends_waiting() {
    let poll = Poll::tiny();
    let file = poll.beside("poll.json");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let written = poll_file(1, url.parse().expect("URL")).replace(&file);
    written.expect("written");
    let child = maci_nova()
        .args(words("status --poll-file {}", &[&file]))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let (_open, _) = listener.accept().expect("it asks");
    let interrupted = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(interrupted.expect("kill runs").success());
    let error = Run::from(child.wait_with_output().expect("ends")).failed(130);
    assert!(error.contains("interrupted"), "{error}");
}

#[test]
fn secrets_reach_no_output() {
    let poll = Poll::vector("small");
    let key = fs::read_to_string(&poll.key).expect("key");
    let secret = key.trim().trim_start_matches("macisk.");
    let output = maci_nova()
        .args(["tally", "-m", "--log"])
        .arg(&poll.log)
        .env("MACI_NOVA_KEY", key.trim())
        .output();
    let run = Run::from(output.expect("runs")).ok();
    assert!(!run.stdout.contains(secret) && !run.stderr.contains(secret));
}
