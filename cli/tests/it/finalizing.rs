//! `finalize --dry-run`: a proof that the contract accepts, and the keys that it needs.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use maci_nova_folding::testing::write_powers;
use maci_nova_step_circuit::ARITY;
use serde_json::Value;

use crate::harness::{
    expected_results, maci_nova, mode, run_line, set_mode, words, Poll, Run, TINY_MESSAGES,
};

const FINALIZE: &str = "finalize --dry-run --json --log {} --key-file {} --out {} --insecure-setup";

/// Bytes of `verify`'s calldata for five options: the selector, then words for the domain, two
/// states, the offset and number of the results, the results and the proof.
const CALLDATA: usize = 4 + 32 * (1 + 2 * ARITY + 1 + 22 + 1 + 2 * 5);

/// The folder in which all tests share their keys. Making them takes most of a minute, so those are
/// taken that a demo has left in the folder named by MACI_NOVA_CACHE, which has the same shape; else
/// each run of the tests begins without.
pub fn shared_cache() -> &'static Path {
    static CACHE: OnceLock<PathBuf> = OnceLock::new();
    CACHE.get_or_init(|| {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("finalizing");
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).expect("made");
        if let Some([key]) = demo_keys().as_deref() {
            let folder = path.join("maci-nova");
            fs::create_dir(&folder).expect("made");
            set_mode(&folder, 0o700);
            fs::copy(key, folder.join(key.file_name().expect("name"))).expect("copied");
        }
        path
    })
}

/// The decider's keys that were there before the tests.
fn demo_keys() -> Option<Vec<PathBuf>> {
    let cache = std::env::var_os("MACI_NOVA_CACHE").filter(|cache| !cache.is_empty())?;
    let folder = Path::new(&cache).join("maci-nova");
    folder.exists().then(|| decider_keys(&folder))
}

fn decider_keys(folder: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(folder).expect("a folder");
    files
        .map(|entry| entry.expect("entry").path())
        .filter(|path| {
            let name = path.file_name().and_then(|name| name.to_str());
            name.is_some_and(|name| name.starts_with("decider-") && name.ends_with(".key"))
        })
        .collect()
}

/// Where the binary keeps the decider's keys of the one shape in a cache folder.
fn key_file(cache: &Path) -> PathBuf {
    let keys = decider_keys(&cache.join("maci-nova"));
    let [key] = &keys[..] else {
        panic!("not one key: {keys:?}");
    };
    key.clone()
}

fn command(cache: &Path, line: &str, paths: &[&Path]) -> Command {
    let mut command = maci_nova();
    command
        .args(words(line, paths))
        .env("MACI_NOVA_CACHE", cache);
    command
}

fn run(cache: &Path, line: &str, paths: &[&Path]) -> Run {
    command(cache, line, paths).output().expect("runs").into()
}

/// The small poll, finalized once for all tests that only read it.
struct Finalized {
    poll: Poll,
    out: PathBuf,
    run: Run,
}

impl Finalized {
    fn paths(&self) -> [&Path; 3] {
        [&self.poll.log, &self.poll.key, &self.out]
    }

    fn file(&self) -> PathBuf {
        self.out.join("decider.json")
    }
}

fn finalized() -> &'static Finalized {
    static FINALIZED: OnceLock<Finalized> = OnceLock::new();
    FINALIZED.get_or_init(|| {
        let poll = Poll::vector("small");
        let out = poll.beside("proof");
        let paths: [&Path; 3] = [&poll.log, &poll.key, &out];
        let run = run(shared_cache(), FINALIZE, &paths).ok();
        Finalized { poll, out, run }
    })
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).expect("directory");
    let name = |entry: std::io::Result<fs::DirEntry>| entry.expect("entry").file_name();
    let mut names: Vec<String> = entries
        .map(|entry| name(entry).into_string().expect("text"))
        .collect();
    names.sort();
    names
}

fn length(hex: &Value) -> usize {
    let digits = hex.as_str().expect("text").strip_prefix("0x");
    digits.expect("begins with 0x").len() / 2
}

#[test]
fn the_contract_accepts_what_the_tally_says() {
    let finalized = finalized();
    let document = finalized.run.json();
    let (results, total) = expected_results("small");
    assert_eq!(document["results"], results);
    assert_eq!(document["totalSpent"], total);
    let tally = run_line(
        "tally --json --log {} --key-file {}",
        &[&finalized.poll.log, &finalized.poll.key],
    )
    .ok()
    .json();
    assert_eq!(document["results"], tally["results"]);
    assert_eq!(document["totalSpent"], tally["totalSpent"]);
    assert_eq!(document["verified"], true);
    assert_eq!(document["dryRun"], true);
    let gas = document["gas"].as_u64().expect("gas");
    assert!((300_000..400_000).contains(&gas), "{gas}");
}

#[test]
fn the_document_has_all_that_a_transaction_needs() {
    let finalized = finalized();
    let document = finalized.run.json();
    let fields: Vec<&String> = document.as_object().expect("object").keys().collect();
    let mut expected = vec![
        "calldata",
        "chainId",
        "constraints",
        "deploymentGas",
        "dryRun",
        "gas",
        "insecure",
        "keys",
        "parametersDigest",
        "poll",
        "proof",
        "results",
        "setup",
        "statement",
        "totalSpent",
        "verified",
        "verifier",
        "verifyingKey",
    ];
    expected.sort_unstable();
    assert_eq!(fields, expected);
    assert_eq!(document["insecure"], true);
    assert_eq!(document["keys"], "INSECURE development");
    assert_eq!(document["chainId"], 1);
    for address in ["poll", "verifier"] {
        assert_eq!(length(&document[address]), 20);
    }
    assert_eq!(length(&document["calldata"]), CALLDATA);
    let calldata = document["calldata"].as_str().expect("text");
    let proof = document["proof"].as_array().expect("array");
    assert_eq!(proof.len(), 22);
    for word in proof.iter().chain([&document["statement"]["domain"]]) {
        assert_eq!(length(word), 32);
        let digits = &word.as_str().expect("text")[2..];
        assert!(calldata.contains(digits), "{digits}");
    }
    for state in ["z0", "z"] {
        let state = document["statement"][state].as_array().expect("array");
        assert_eq!(state.len(), 8);
        assert_eq!(state[0], document["statement"]["z0"][0]);
    }
    let key = document["verifyingKey"].as_object().expect("object");
    let lengths = |name: &str| key[name].as_array().expect("array").len();
    assert_eq!(
        ["alpha", "h", "beta", "gammaPrime", "delta", "tau", "ic"].map(lengths),
        [2, 2, 4, 4, 4, 4, 4]
    );
    let constraints = document["constraints"].as_u64().expect("number");
    assert!(
        (100_000..=2_500_000).contains(&constraints),
        "{constraints}"
    );

    let stored = fs::read_to_string(finalized.file()).expect("written");
    let stored: Value = serde_json::from_str(&stored).expect("JSON");
    assert_eq!(stored, document);
    assert_eq!(names(&finalized.out), ["decider.json", "lock"]);
    assert_eq!(mode(&finalized.file()), 0o644);
}

#[test]
fn a_run_says_where_keys_come_from_and_that_they_are_insecure() {
    let stderr = &finalized().run.stderr;
    let line = |text: &str| stderr.lines().any(|line| line.contains(text));
    match demo_keys().is_some_and(|keys| keys.len() == 1) {
        true => assert!(line("keys loaded in"), "{stderr}"),
        false => {
            let making = "making the decider's keys, once for this shape and setup";
            assert!(line(making), "{stderr}");
            assert!(line("constraints, about"), "{stderr}");
            assert_eq!(mode(&shared_cache().join("maci-nova")), 0o700);
        }
    }
    assert!(line("INSECURE: the decider's keys"), "{stderr}");
    assert!(line("decider proof made in"), "{stderr}");
}

#[test]
fn what_is_complete_is_verified_again_and_printed() {
    let finalized = finalized();
    let again = run(
        shared_cache(),
        &format!("{FINALIZE} --resume"),
        &finalized.paths(),
    )
    .ok();
    assert_eq!(again.json(), finalized.run.json());
    assert!(again.stderr.contains("is complete"), "{again:?}");
    assert!(again.stderr.contains("keys loaded"), "{again:?}");
    assert!(!again.stderr.contains("making"), "{again:?}");

    let line = FINALIZE.replace(" --json", "");
    let error = run(shared_cache(), &line, &finalized.paths()).failed(2);
    assert!(error.contains("already holds decider.json"), "{error}");
    let table = run(
        shared_cache(),
        &format!("{line} --resume"),
        &finalized.paths(),
    )
    .ok();
    assert!(table.stdout.starts_with("option "), "{table:?}");
    assert!(
        table
            .stdout
            .contains("verified in Rust and by the contract"),
        "{table:?}"
    );
}

#[test]
fn a_stored_proof_that_is_not_this_polls_is_refused() {
    let finalized = finalized();
    let document = finalized.run.json();
    let honest = |name: &str| document["proof"][name.parse::<usize>().expect("index")].clone();
    let log = fs::read_to_string(&finalized.poll.log).expect("log");
    let other = Poll::from_log("small", &log);
    let out = other.beside("proof");
    fs::create_dir(&out).expect("made");
    let refused = |change: &dyn Fn(&mut Value)| {
        let mut document = document.clone();
        change(&mut document);
        fs::write(out.join("decider.json"), document.to_string()).expect("written");
        let line = FINALIZE.replace(" --json", " --resume");
        run(shared_cache(), &line, &[&other.log, &other.key, &out]).failed(7)
    };
    // Words 18 and 19 are two scalars.
    let error = refused(&|document| document["proof"][18] = honest("19"));
    assert!(error.contains("the proof is false"), "{error}");
    let error = refused(&|document| document["results"][0]["votes"] = "1000".into());
    assert!(error.contains("the proof is false"), "{error}");
    let error = refused(&|document| document["statement"]["z"][1] = "1".into());
    assert!(error.contains("another log"), "{error}");
    let error = refused(&|document| document["proof"] = Value::Null);
    assert!(error.contains("cannot be read"), "{error}");
}

#[test]
fn a_log_is_for_dry_runs() {
    let poll = Poll::tiny();
    let out = poll.beside("proof");
    let line = FINALIZE.replace(" --dry-run --json", "");
    let run = run_line(&line, &[&poll.log, &poll.key, &out]);
    assert_eq!(run.code, Some(2), "{run:?}");
    assert!(run.stderr.contains("--dry-run"), "{run:?}");
    assert!(!out.exists());
}

/// Neither parameters nor keys of one machine: both are refused before the first step.
#[test]
fn production_refuses_development_parameters_and_keys() {
    let poll = Poll::tiny();
    let (out, powers) = (poll.beside("proof"), poll.beside("powers.ptau"));
    let cache = poll.beside("cache");
    let line = "finalize --dry-run --production --log {} --key-file {} --out {}";
    let insecure = format!("{line} --insecure-setup");
    let error = run(&cache, &insecure, &[&poll.log, &poll.key, &out]).failed(5);
    assert!(error.contains("INSECURE"), "{error}");
    assert!(!out.exists());

    write_powers(&powers, 2, 16);
    let secure = format!("{line} --ptau {{}}");
    let run = run(&cache, &secure, &[&poll.log, &poll.key, &out, &powers]);
    assert!(!run.stderr.contains("making"), "{run:?}");
    let error = run.failed(5);
    assert!(
        error.contains("ceremony") && error.contains("--production"),
        "{error}"
    );
    assert_eq!(names(&out), ["lock"]);
}

/// A run whose standard error is read line by line.
pub struct Running {
    child: Child,
    stderr: BufReader<std::process::ChildStderr>,
    seen: String,
}

impl Running {
    pub fn start(mut command: Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("runs");
        let stderr = BufReader::new(child.stderr.take().expect("piped"));
        Running {
            child,
            stderr,
            seen: String::new(),
        }
    }

    /// Reads on until a line has this text.
    pub fn wait_for(&mut self, text: &str) {
        loop {
            let mut line = String::new();
            let bytes = self.stderr.read_line(&mut line).expect("text");
            assert!(bytes > 0, "ended without {text}: {}", self.seen);
            self.seen += &line;
            if line.contains(text) {
                return;
            }
        }
    }

    /// As `kill -9`; everything that it said.
    pub fn kill(mut self) -> String {
        self.child.kill().expect("killed");
        self.child.wait().expect("ends");
        std::io::Read::read_to_string(&mut self.stderr, &mut self.seen).expect("text");
        self.seen
    }

    /// As Ctrl-C; its exit code, and everything that it said.
    fn interrupt(mut self) -> (Option<i32>, String) {
        let signal = Command::new("kill")
            .args(["-INT", &self.child.id().to_string()])
            .status();
        assert!(signal.expect("kill runs").success());
        std::io::Read::read_to_string(&mut self.stderr, &mut self.seen).expect("text");
        (self.child.wait().expect("ends").code(), self.seen)
    }
}

/// Begun by `prove` and killed; killed while keys are made in place of damaged ones; interrupted
/// while they are made; killed while the proof is made; and then finished.
#[test]
#[ignore = "slow, it makes the decider's keys twice to be stopped meanwhile: .ci/slow"]
fn stopped_anywhere_it_goes_on() {
    let poll = Poll::tiny();
    let (out, cache) = (poll.beside("proof"), poll.beside("cache"));
    let paths: [&Path; 3] = [&poll.log, &poll.key, &out];
    let checkpoint = out.join("running.checkpoint");

    let line = "prove --log {} --key-file {} --out {} --insecure-setup --checkpoint-every 1step";
    let proving = Running::start(command(&cache, line, &paths));
    let deadline = Instant::now() + Duration::from_secs(120);
    while fs::read(&checkpoint).unwrap_or_default().len() < 10_000 {
        assert!(Instant::now() < deadline, "no checkpoint");
        std::thread::sleep(Duration::from_millis(10));
    }
    proving.kill();
    assert!(checkpoint.exists(), "killed too late to test anything");

    // The keys that the other tests use, which are for the same circuit, damaged.
    let good = {
        finalized();
        key_file(shared_cache())
    };
    let folder = cache.join("maci-nova");
    fs::create_dir_all(&folder).expect("made");
    let key = folder.join(good.file_name().expect("name"));
    let mut bytes = fs::read(&good).expect("read");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&key, &bytes).expect("written");
    set_mode(&folder, 0o700);

    let line = format!("{FINALIZE} --resume");
    let start = || Running::start(command(&cache, &line, &paths));
    let mut making = start();
    making.wait_for("making the decider's keys");
    let said = making.kill();
    assert!(said.contains("is damaged"), "{said}");
    assert!(fs::read(&key).expect("read") == bytes, "as it was");

    let mut making = start();
    making.wait_for("making the decider's keys");
    let (code, said) = making.interrupt();
    assert_eq!(code, Some(130), "{said}");
    assert!(said.contains("--resume"), "{said}");
    assert!(fs::read(&key).expect("read") != bytes, "made and kept");
    drop(bytes);

    let mut proving = start();
    proving.wait_for("keys loaded");
    proving.wait_for("steps proven");
    let said = proving.kill();
    assert!(!said.contains("making"), "{said}");
    assert!(
        !out.join("decider.json").exists(),
        "killed too late to test anything"
    );

    let ended = run(&cache, &line, &paths).ok();
    // 5 voters, a top-up and a blinding event.
    let steps = 5 + TINY_MESSAGES + 2;
    let going_on = format!("resuming after step {steps} of {steps}");
    assert!(ended.stderr.contains(&going_on), "{ended:?}");
    assert_eq!(ended.json()["verified"], true);
    let tally = run_line("tally --json --log {} --key-file {}", &paths[..2])
        .ok()
        .json();
    assert_eq!(ended.json()["results"], tally["results"]);
    assert_eq!(names(&out), ["decider.json", "lock"]);
}
