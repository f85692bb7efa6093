//! For tests: anvil, a node. It is installed by npm in `tests/node`. What stands before it on a bad
//! day is [`hostile`].

pub mod hostile;
pub mod http;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use maci_nova_chain::alloy_primitives::hex;
use maci_nova_chain::RpcUrl;

use crate::{Account, Options, RetryPolicy, RpcChain};

/// Keys of the first accounts, which anvil has published and gives 10,000 ether.
pub const KEYS: [&str; 3] = [
    "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80",
    "59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d",
    "5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a",
];

/// Anvil's chain id unless it is told another one.
pub const CHAIN: u64 = 31_337;

/// How long anvil may take to start.
const START: Duration = Duration::from_secs(60);

/// A running node. Ends when it is dropped.
#[derive(Debug)]
pub struct Anvil {
    process: Child,
    port: u16,
}

impl Anvil {
    /// Starts a node with these arguments on a free port. `None`, and a line that says so, if anvil
    /// is not installed (`npm ci` in `tests/node`); with `MACI_NOVA_REQUIRE_ANVIL=1` that is a
    /// failure.
    pub fn start(arguments: &[&str]) -> Option<Self> {
        let Some(binary) = binary() else {
            let required =
                std::env::var_os("MACI_NOVA_REQUIRE_ANVIL").is_some_and(|value| value == "1");
            assert!(!required, "run `npm ci` in tests/node first");
            eprintln!("skipped: `npm ci` in tests/node installs the node that this test needs");
            return None;
        };
        Some(Anvil::run(&binary, 0, arguments))
    }

    fn run(binary: &Path, port: u16, arguments: &[&str]) -> Self {
        let mut process = Command::new(binary)
            .args(["--host", "127.0.0.1", "--port", &port.to_string()])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("anvil starts");
        let output = process.stdout.take().expect("a pipe");
        let (listening, port) = mpsc::channel();
        // Goes on reading, or anvil would wait for somebody to.
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if let Some(address) = line.strip_prefix("Listening on ") {
                    let _ = listening.send(address.trim().to_owned());
                }
            }
        });
        let mut anvil = Anvil { process, port: 0 };
        let address = port.recv_timeout(START).expect("anvil listens");
        let (_, port) = address.rsplit_once(':').expect("a port");
        anvil.port = port.parse().expect("a number");
        anvil
    }

    /// Ends the node as a power cut does.
    pub fn kill(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }

    /// Starts an empty node where this one was.
    pub fn restart(&mut self, arguments: &[&str]) {
        self.kill();
        let binary = binary().expect("it was there");
        *self = Anvil::run(&binary, self.port, arguments);
    }

    /// Where it is.
    pub fn url(&self) -> RpcUrl {
        let url = format!("http://127.0.0.1:{}", self.port);
        url.parse().expect("URL")
    }

    /// A chain with the keys of the first accounts.
    pub fn chain(&self) -> RpcChain {
        self.chain_with(Options::default())
    }

    /// A chain with the keys of the first accounts, and these options.
    pub fn chain_with(&self, options: Options) -> RpcChain {
        let options = Options {
            chain_id: Some(CHAIN),
            accounts: accounts(),
            ..options
        };
        RpcChain::connect(&self.url(), options).expect("connected")
    }
}

impl Drop for Anvil {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The first accounts.
pub fn accounts() -> Vec<Account> {
    let account = |key: &str| {
        let mut bytes = [0; 32];
        hex::decode_to_slice(key, &mut bytes).expect("hexadecimal");
        Account::from_bytes(&bytes).expect("a key")
    };
    KEYS.map(account).to_vec()
}

/// Short pauses, as a test wants them.
pub fn hurried() -> RetryPolicy {
    RetryPolicy {
        first: Duration::from_millis(10),
        longest: Duration::from_millis(40),
        tries: 5,
        answer: Duration::from_secs(20),
    }
}

/// `MACI_NOVA_ANVIL`, or what npm has installed.
fn binary() -> Option<PathBuf> {
    if let Some(path) = std::env::var_os("MACI_NOVA_ANVIL") {
        return Some(path.into());
    }
    let packages = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/node/node_modules");
    let packages = std::fs::read_dir(packages.join("@foundry-rs")).ok()?;
    let binaries = packages.filter_map(|package| Some(package.ok()?.path().join("bin/anvil")));
    binaries.into_iter().find(|binary| binary.is_file())
}
