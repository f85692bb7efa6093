//! Killed, interrupted, out of space, run twice: nothing is lost, and the statement is the same.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use rand_chacha::ChaCha20Rng;
use rand_core::{RngCore, SeedableRng};
use serde_json::Value;

use crate::harness::{expected_results, maci_nova, mode, run_line, words, Poll, Run};

const PROVE: &str =
    "prove --log {} --key-file {} --out {} --insecure-setup --json --checkpoint-every 1step";

/// The checkpoint that is written before the first step is smaller than this.
const WITHOUT_STEPS: usize = 10_000;

/// A directory in which a poll is being proven.
struct Attempt {
    poll: Poll,
    out: PathBuf,
}

impl Attempt {
    fn new(poll: Poll) -> Self {
        let out = poll.beside("proof");
        Attempt { poll, out }
    }

    fn arguments(&self, more: &str) -> Vec<String> {
        let paths: [&Path; 3] = [&self.poll.log, &self.poll.key, &self.out];
        words(&format!("{PROVE} {more}"), &paths)
    }

    fn run(&self, more: &str) -> Run {
        crate::harness::run(self.arguments(more))
    }

    fn start(&self, more: &str) -> Child {
        maci_nova()
            .args(self.arguments(more))
            // A process that is killed leaves its temporary files, which go with the poll's.
            .env("TMPDIR", self.poll.beside(""))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("runs")
    }

    fn checkpoint(&self) -> PathBuf {
        self.out.join("running.checkpoint")
    }

    /// Waits until a checkpoint with steps is there that is not `before`.
    fn wait_for_checkpoint(&self, child: &mut Child, before: Option<Vec<u8>>) {
        let deadline = Instant::now() + Duration::from_secs(120);
        while Instant::now() < deadline {
            let now = fs::read(self.checkpoint()).unwrap_or_default();
            if now.len() > WITHOUT_STEPS && before.as_ref() != Some(&now) {
                return;
            }
            if child.try_wait().expect("status").is_some() {
                assert!(self.is_finished(), "ended before a checkpoint");
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("no checkpoint");
    }

    /// Whether a run has come to its end.
    fn is_finished(&self) -> bool {
        self.out.join("final.proof").exists()
    }

    /// Kills it; the checkpoint that is left (none if it was faster than the kill).
    fn kill(&self, mut child: Child) -> Vec<u8> {
        child.kill().expect("killed");
        child.wait().expect("ends");
        if self.is_finished() && !self.checkpoint().exists() {
            return vec![];
        }
        assert_eq!(mode(&self.checkpoint()), 0o600);
        fs::read(self.checkpoint()).expect("still there")
    }

    /// Resumes to the end; the proof verifies.
    fn finish(&self) -> Value {
        let proved = self.run("--resume").ok().json();
        let verified = run_line(
            "verify --json --log {} --proof {}",
            &[&self.poll.log, &self.out],
        )
        .ok()
        .json();
        assert_eq!(verified["verified"], true);
        assert_eq!(verified["results"], proved["results"]);
        assert_eq!(verified["stateRoot"], proved["stateRoot"]);
        assert!(!self.checkpoint().exists());
        proved
    }
}

fn message(run: &Run, code: i32) -> String {
    assert_eq!(run.code, Some(code), "{run:?}");
    let error = run.stderr.lines().last().expect("a line");
    let document: Value = serde_json::from_str(error).expect("JSON");
    document["error"]["message"]
        .as_str()
        .expect("text")
        .to_owned()
}

fn signal(child: &Child, name: &str) {
    let status = Command::new("kill")
        .args([&format!("-{name}"), &child.id().to_string()])
        .status();
    assert!(status.expect("kill runs").success());
}

#[test]
fn killed_at_random_moments_it_comes_to_the_same_end() {
    const SEED: u64 = 20;
    let mut rng = ChaCha20Rng::seed_from_u64(SEED);
    let attempt = Attempt::new(Poll::vector("small"));
    let mut child = attempt.start("");
    attempt.wait_for_checkpoint(&mut child, None);
    for kill in 0..4 {
        let milliseconds = rng.next_u64() % 1000;
        println!("kill {kill}: {milliseconds} ms after a checkpoint");
        std::thread::sleep(Duration::from_millis(milliseconds));
        let checkpoint = attempt.kill(child);
        child = attempt.start("--resume");
        // Every other time it is killed again before it has gone on.
        if kill % 2 == 0 {
            attempt.wait_for_checkpoint(&mut child, Some(checkpoint));
        }
    }
    attempt.kill(child);
    let proved = attempt.finish();
    let (results, total) = expected_results("small");
    assert_eq!(proved["results"], results);
    assert_eq!(proved["totalSpent"], total);
    // 5 voters, 16 messages, 1 blinding event: no event was folded twice.
    assert_eq!(proved["steps"], 22);
}

/// Killed when all steps are folded: while the final proof is made, and (as good as) before the
/// checkpoint that it makes superfluous is removed.
#[test]
fn killed_while_the_final_proof_is_made_it_makes_it_again() {
    let attempt = Attempt::new(Poll::vector("small"));
    let mut child = attempt.start("");
    let deadline = Instant::now() + Duration::from_secs(120);
    while steps_of(&attempt.checkpoint()) != Some(22) {
        assert!(Instant::now() < deadline, "never folded");
        assert!(child.try_wait().expect("status").is_none(), "ended");
        std::thread::sleep(Duration::from_millis(5));
    }
    let folded = attempt.kill(child);
    assert!(!attempt.is_finished(), "killed too late to test anything");
    let ended = attempt.finish();
    // With the final proof written and the checkpoint still there.
    fs::write(attempt.checkpoint(), folded).expect("written");
    let again = attempt.finish();
    for field in ["results", "totalSpent", "steps", "stateRoot"] {
        assert_eq!(ended[field], again[field], "{field}");
    }
}

/// The number of steps in a checkpoint's head.
fn steps_of(checkpoint: &Path) -> Option<u64> {
    const OFFSET: usize = 8 + 4 + 32 + 32;
    let bytes = fs::read(checkpoint).ok()?;
    let steps = bytes.get(OFFSET..OFFSET + 8)?;
    steps.try_into().ok().map(u64::from_le_bytes)
}

#[test]
fn going_on_from_any_checkpoint_ends_in_the_same_state() {
    let attempt = Attempt::new(Poll::tiny());
    let mut child = attempt.start("");
    attempt.wait_for_checkpoint(&mut child, None);
    let first = attempt.kill(child);
    let ended = attempt.finish();
    // The checkpoint from before again: even the blinding is the same.
    fs::write(attempt.checkpoint(), first).expect("written");
    let again = attempt.finish();
    for field in ["results", "totalSpent", "steps", "stateRoot"] {
        assert_eq!(ended[field], again[field], "{field}");
    }
}

#[test]
fn interrupted_it_leaves_a_checkpoint_and_says_how_to_go_on() {
    let attempt = Attempt::new(Poll::vector("small"));
    // Killed before there is a checkpoint: nothing to go on from, and no harm.
    let mut child = attempt.start("");
    std::thread::sleep(Duration::from_millis(50));
    child.kill().expect("killed");
    child.wait().expect("ends");

    let mut child = attempt.start("--resume");
    attempt.wait_for_checkpoint(&mut child, None);
    for more in ["", "--resume"] {
        let error = message(&attempt.run(more), 2);
        assert!(error.contains("another process"), "{error}");
    }
    signal(&child, "INT");
    let run = Run::from(child.wait_with_output().expect("ends"));
    assert_eq!(run.stdout, "");
    let error = message(&run, 130);
    assert!(
        error.contains("of 22 steps") && error.contains("--resume"),
        "{error}"
    );
    assert!(attempt.checkpoint().exists());

    let error = message(&attempt.run(""), 2);
    assert!(error.contains("--resume"), "{error}");
    assert_eq!(attempt.finish()["steps"], 22);
}

#[test]
fn an_interrupted_demo_leaves_nothing() {
    let temporary = tempfile::tempdir().expect("directory");
    let child = maci_nova()
        .args(["demo", "--poll", "small", "--json"])
        .env("TMPDIR", temporary.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("runs");
    let entries = || fs::read_dir(temporary.path()).expect("directory").count();
    let deadline = Instant::now() + Duration::from_secs(120);
    while entries() == 0 && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(10));
    }
    signal(&child, "INT");
    let run = Run::from(child.wait_with_output().expect("ends"));
    assert_eq!(
        message(&run, 130),
        "interrupted; the demo leaves nothing behind"
    );
    assert_eq!(entries(), 0);
}

/// A poll of which a part is proven: a checkpoint to copy.
fn part() -> &'static (Attempt, Vec<u8>) {
    static PART: OnceLock<(Attempt, Vec<u8>)> = OnceLock::new();
    PART.get_or_init(|| {
        let attempt = Attempt::new(Poll::vector("small"));
        let mut child = attempt.start("");
        attempt.wait_for_checkpoint(&mut child, None);
        signal(&child, "TERM");
        let run = Run::from(child.wait_with_output().expect("ends"));
        message(&run, 130);
        let checkpoint = fs::read(attempt.checkpoint()).expect("checkpoint");
        (attempt, checkpoint)
    })
}

/// A copy of [`part`], with this for a checkpoint.
fn part_with(checkpoint: &[u8]) -> Attempt {
    let log = fs::read_to_string(&part().0.poll.log).expect("log");
    let attempt = Attempt::new(Poll::from_log("small", &log));
    fs::create_dir(&attempt.out).expect("made");
    fs::write(attempt.checkpoint(), checkpoint).expect("written");
    attempt
}

#[test]
fn a_checkpoint_is_for_one_log_and_one_shape() {
    let attempt = part_with(&part().1);
    let error = message(&attempt.run("--resume --events-per-step 2"), 6);
    assert!(error.contains("parameters"), "{error}");

    let log = attempt.poll.lines();
    let one_less = log[..log.len() - 1].join("\n") + "\n";
    fs::write(&attempt.poll.log, one_less).expect("written");
    let error = message(&attempt.run("--resume"), 6);
    assert!(error.contains("5 voters and 16 messages"), "{error}");
    assert!(part().1 == fs::read(attempt.checkpoint()).expect("checkpoint"));
}

#[test]
fn a_corrupt_checkpoint_is_refused_and_kept() {
    let checkpoint = &part().1;
    let mut altered = checkpoint.clone();
    altered[checkpoint.len() / 2] ^= 4;
    let cut = checkpoint[..checkpoint.len() / 2].to_vec();
    for (corrupt, word) in [(altered, "corrupt"), (cut, "truncated")] {
        let attempt = part_with(&corrupt);
        let error = message(&attempt.run("--resume"), 6);
        assert!(error.contains("running.checkpoint"), "{error}");
        assert!(error.contains(word), "{error}");
        assert!(corrupt == fs::read(attempt.checkpoint()).expect("checkpoint"));
    }
}

#[test]
fn a_full_disk_loses_nothing() {
    let checkpoint = &part().1;
    let attempt = part_with(checkpoint);
    // The shell limits the size of files (in blocks of 512 bytes) to a little less than a
    // checkpoint's, and the signal that would end the process is ignored: the file's last bytes
    // cannot be written, as on a full disk.
    let blocks = checkpoint.len() / 512 - 2;
    let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
    let output = Command::new("sh")
        .args(["-c", &script, env!("CARGO_BIN_EXE_maci-nova")])
        .args(attempt.arguments("--resume"))
        .output();
    let error = message(&Run::from(output.expect("runs")), 8);
    assert!(error.contains("the last one is unchanged"), "{error}");
    assert!(error.contains("run it again with --resume"), "{error}");
    let mut left: Vec<_> = fs::read_dir(&attempt.out)
        .expect("directory")
        .map(|entry| entry.expect("entry").file_name())
        .collect();
    left.sort();
    assert_eq!(left, ["lock", "running.checkpoint"]);
    assert!(checkpoint == &fs::read(attempt.checkpoint()).expect("checkpoint"));
}
