//! `bench`, as small as it can be: stopped, resumed, and what it prints.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::harness::{maci_nova, run_line, words, Run};

const TINY: &str = "bench --out {} --quick --depths 1,1 --events-per-step 1 --batch 1 --messages 2,1000 --without-decider";

fn finished(folder: &Path) -> usize {
    let text = fs::read_to_string(folder.join("measurements.jsonl")).unwrap_or_default();
    text.lines().count()
}

/// Ctrl-C after the first measurement; the same command then measures the others.
#[test]
#[ignore = "slow, it measures a whole plan: .ci/slow"]
fn stopped_and_resumed() {
    let directory = tempfile::tempdir().expect("a folder");
    let folder = directory.path().join("bench");
    let mut child = maci_nova()
        .args(words(TINY, &[&folder]))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("runs");
    let deadline = Instant::now() + Duration::from_secs(120);
    while finished(&folder) == 0 {
        assert!(Instant::now() < deadline, "nothing is measured");
        assert!(child.try_wait().expect("asked").is_none(), "it ended");
        sleep(Duration::from_millis(20));
    }
    let signalled = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(signalled.expect("kill runs").success());
    let stopped = Run::from(child.wait_with_output().expect("ends"));
    let kept = finished(&folder);
    let error = stopped.failed(130);
    assert!(error.contains("run the same command to resume"), "{error}");
    let resumed = run_line(&format!("{TINY} --json"), &[&folder]).ok();
    assert!(
        resumed.stderr.contains(&format!("resuming: {kept} of ")),
        "{resumed:?}"
    );
    let results = resumed.json();
    let measured = results["measurements"].as_array().expect("a list").len();
    assert!(measured == finished(&folder) && measured > kept);
    assert!(results["rows"].as_array().expect("a list").len() > 50);
    for file in [
        "results.csv",
        "results.json",
        "report.md",
        "report.html",
        "seconds.svg",
        "gas.svg",
    ] {
        assert!(folder.join(file).is_file(), "{file}");
    }
    // Nothing is measured again, and people get the crossovers.
    let again = run_line(TINY, &[&folder]).ok();
    assert!(
        again.stdout.contains("total time: folding and Spartan"),
        "{again:?}"
    );
    let other = run_line(&TINY.replace("--batch 1", "--batch 2"), &[&folder]);
    assert!(other.failed(2).contains("another plan (--batch)"));
}

#[test]
fn what_cannot_be_measured() {
    let directory = tempfile::tempdir().expect("a folder");
    let folder = directory.path().join("bench");
    for (arguments, code) in [
        ("--batch 0", 2),
        ("--events-per-step 17", 2),
        ("--depths 10,11", 2),
        ("--messages 0", 2),
        ("--gas-price NaN", 2),
        ("--production", 5),
    ] {
        let run = run_line(&format!("bench --out {{}} {arguments}"), &[&folder]);
        run.failed(code);
    }
    assert!(!folder.exists());
    let run = run_line("bench --from {} --write-docs {}", &[&folder, &folder]);
    run.failed(8);
}

/// The words of a child that fails come with its error.
#[test]
fn a_child_says_what_is_wrong() {
    let error = run_line("bench --child nothing", &[]).failed(2);
    assert!(error.contains("not a configuration"), "{error}");
}
