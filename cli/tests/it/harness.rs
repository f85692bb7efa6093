//! Running the binary, and polls to run it on.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use maci_nova_chain::{Contract, RpcUrl};
use maci_nova_contracts::alloy_primitives::{Address, B256};
use maci_nova_sdk::poll::file::{Contracts, KeyDigests, PollFile};
use serde_json::Value;
use tempfile::TempDir;

/// A command with nothing of the caller's environment that the binary reads.
pub fn maci_nova() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_maci-nova"));
    command
        .env_remove("MACI_NOVA_CACHE")
        .env_remove("MACI_NOVA_ETH_KEY")
        .env_remove("MACI_NOVA_KEY")
        .env_remove("MACI_NOVA_KEY_DIGEST")
        .env_remove("MACI_NOVA_PASSWORD")
        .env_remove("MACI_NOVA_PRODUCTION")
        .env_remove("MACI_NOVA_RPC_URL");
    command
}

/// What a run printed and how it ended.
#[derive(Debug)]
pub struct Run {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        Run {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).expect("stdout is text"),
            stderr: String::from_utf8(output.stderr).expect("stderr is text"),
        }
    }
}

impl Run {
    /// Ended well.
    #[track_caller]
    pub fn ok(self) -> Self {
        assert_eq!(self.code, Some(0), "{self:?}");
        self
    }

    /// Ended with this exit code, nothing on stdout, and one line that is an error.
    #[track_caller]
    pub fn failed(self, code: i32) -> String {
        assert_eq!(self.code, Some(code), "{self:?}");
        assert_eq!(self.stdout, "", "{self:?}");
        let errors: Vec<&str> = self
            .stderr
            .lines()
            .filter_map(|line| line.strip_prefix("error: "))
            .collect();
        let [error] = errors[..] else {
            panic!("not one line of error: {self:?}");
        };
        error.to_owned()
    }

    /// The JSON document on stdout. Every address in it has its checksum.
    #[track_caller]
    pub fn json(&self) -> Value {
        let document = serde_json::from_str(&self.stdout);
        let document = document.unwrap_or_else(|error| panic!("{error}: {self:?}"));
        check_addresses(&document);
        document
    }
}

#[track_caller]
fn check_addresses(value: &Value) {
    match value {
        Value::String(text) => {
            if let Ok(address) = text.parse::<Address>() {
                assert_eq!(*text, address.to_string());
            }
        }
        Value::Array(values) => values.iter().for_each(check_addresses),
        Value::Object(fields) => fields.values().for_each(check_addresses),
        _ => {}
    }
}

/// Runs the binary with these arguments.
pub fn run<S: AsRef<std::ffi::OsStr>>(arguments: impl IntoIterator<Item = S>) -> Run {
    let output = maci_nova().args(arguments).output();
    output.expect("the binary runs").into()
}

/// Splits at spaces; `{}` stands for the next of `paths`.
pub fn run_line(line: &str, paths: &[&Path]) -> Run {
    run(words(line, paths))
}

/// The words of a command line; `{}` stands for the next of `paths`.
pub fn words(line: &str, paths: &[&Path]) -> Vec<String> {
    let mut paths = paths.iter();
    line.split_whitespace()
        .map(|word| match word {
            "{}" => {
                let path = paths.next().expect("a path for each {}");
                path.to_str().expect("paths of tests are text").to_owned()
            }
            word => word.to_owned(),
        })
        .collect()
}

/// A poll on disk.
pub struct Poll {
    _directory: TempDir,
    pub log: PathBuf,
    pub key: PathBuf,
}

impl Poll {
    /// One of the vectors' polls, with a key file as `keygen` makes it.
    pub fn vector(name: &str) -> Self {
        let log = fs::read_to_string(vector_path(name, "poll.jsonl")).expect("vector");
        Poll::from_log(name, &log)
    }

    /// The header, the voters and the first messages of the small poll, and a top-up: enough for a
    /// proof.
    pub fn tiny() -> Self {
        let log = fs::read_to_string(vector_path("small", "poll.jsonl")).expect("vector");
        let mut joins = 0;
        let mut messages = 0;
        let lines: Vec<&str> = log
            .lines()
            .filter(|line| {
                joins += usize::from(line.contains(r#""kind":"join""#));
                let message = line.contains(r#""kind":"message""#);
                messages += usize::from(message);
                !message || messages <= TINY_MESSAGES
            })
            .collect();
        assert_eq!(joins, 5);
        let top_up = r#"{"kind":"topUp","stateIndex":"1","amount":"50"}"#;
        Poll::from_log("small", &format!("{}\n{top_up}\n", lines.join("\n")))
    }

    /// A log with the key of the vectors' poll `name`.
    pub fn from_log(name: &str, log: &str) -> Self {
        let directory = tempfile::tempdir().expect("directory");
        let poll = Poll {
            log: directory.path().join("poll.jsonl"),
            key: directory.path().join("coordinator.key"),
            _directory: directory,
        };
        fs::write(&poll.log, log).expect("log");
        fs::copy(vector_path(name, "coordinator.key"), &poll.key).expect("key");
        make_private(&poll.key);
        poll
    }

    /// A path beside the log.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.log.with_file_name(name)
    }

    /// The log's lines.
    pub fn lines(&self) -> Vec<String> {
        let log = fs::read_to_string(&self.log).expect("log");
        log.lines().map(str::to_owned).collect()
    }
}

/// Messages of [`Poll::tiny`]; with 5 voters, a top-up and a blinding event it has 10 events.
pub const TINY_MESSAGES: usize = 3;

/// A file of the vectors.
pub fn vector_path(poll: &str, file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../tests/vectors/polls")
        .join(poll)
        .join(file)
}

/// The results that MACI's own core computed, as the binary prints them.
pub fn expected_results(poll: &str) -> (Value, Value) {
    let text = fs::read_to_string(vector_path(poll, "expected.json")).expect("vector");
    let expected: Value = serde_json::from_str(&text).expect("JSON");
    let votes = expected["results"].as_array().expect("array");
    let spent = expected["perOptionSpent"].as_array().expect("array");
    let lines = votes
        .iter()
        .zip(spent)
        .enumerate()
        .map(|(option, (votes, spent))| {
            serde_json::json!({ "option": option, "votes": votes, "spent": spent })
        })
        .collect();
    (Value::Array(lines), expected["totalSpent"].clone())
}

/// A poll file of a poll that is nowhere, with a node.
pub fn poll_file(chain_id: u64, node: RpcUrl) -> PollFile {
    let contract = |byte| Contract {
        address: Address::repeat_byte(byte),
        first_block: 1,
    };
    let contracts = Contracts {
        registry: contract(1),
        decider_verifier: contract(2),
        join_verifier: contract(3),
        bundle_verifier: contract(9),
        maci: contract(4),
    };
    let keys = KeyDigests {
        decider: B256::repeat_byte(5),
        join: B256::repeat_byte(6),
        bundle: B256::repeat_byte(9),
    };
    let mut file = PollFile::new(chain_id, Some(&node), contracts, keys);
    file.poll = Some(contract(7));
    file.poll_info = Some(B256::repeat_byte(8));
    file
}

/// As `chmod 600`.
pub fn make_private(path: &Path) {
    set_mode(path, 0o600);
}

/// As `chmod`.
pub fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("chmod");
}

/// The permission bits.
pub fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).expect("metadata").permissions().mode() & 0o777
}

/// A poll and its final proof, made once for all tests that only read it.
pub struct Proven {
    pub poll: Poll,
    pub directory: PathBuf,
    pub run: Run,
}

/// The tiny poll, proven.
pub fn proven() -> &'static Proven {
    static PROVEN: OnceLock<Proven> = OnceLock::new();
    PROVEN.get_or_init(|| {
        let poll = Poll::tiny();
        let directory = poll.beside("proof");
        let run = run_line(
            "prove --log {} --key-file {} --out {} --insecure-setup --json",
            &[&poll.log, &poll.key, &directory],
        )
        .ok();
        Proven {
            poll,
            directory,
            run,
        }
    })
}
