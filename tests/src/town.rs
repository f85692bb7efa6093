//! A node, its accounts, a folder, and the program.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use maci_nova_chain::{BlockId, Chain};
use maci_nova_node::testing::{Anvil, KEYS};
use maci_nova_node::RpcChain;
use serde_json::{json, Value};
use tempfile::TempDir;

/// Seconds between two blocks.
const BLOCK_TIME: u64 = 12;

/// The parts that scenes are made in.
#[derive(Debug)]
pub struct Town {
    anvil: Anvil,
    chain: RpcChain,
    folder: TempDir,
    program: PathBuf,
    cache: PathBuf,
    folders: u32,
}

impl Town {
    /// `None` where no node is installed.
    pub fn new() -> Option<Self> {
        let beside = std::env::current_exe().expect("this program");
        let program = beside.with_file_name("maci-nova");
        assert!(program.exists(), "cargo build --release comes first");
        let anvil = Anvil::start(&[])?;
        let town = Town {
            chain: anvil.chain(),
            anvil,
            folder: tempfile::tempdir().expect("a folder"),
            // The keys take minutes, and are the same each time.
            cache: beside.with_file_name("kill-cache"),
            program,
            folders: 0,
        };
        fs::create_dir_all(&town.cache).expect("made");
        // A chain whose blocks come as fast as they are asked for leaves no time to sign a message.
        let interval = json!([BLOCK_TIME]);
        let call = "anvil_setBlockTimestampInterval";
        let _: Value = town.chain.request(call, interval).expect("set");
        for (i, key) in KEYS.iter().enumerate() {
            let path = town.path(&format!("account{i}.key"));
            fs::write(&path, format!("0x{key}\n")).expect("written");
            make_private(&path);
        }
        Some(town)
    }

    /// The node, without the program.
    pub fn chain(&self) -> RpcChain {
        self.anvil.chain()
    }

    /// A path in the town's folder, where keys and poll files are made.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A new folder with copies of these files of the town.
    pub fn folder_with(&mut self, names: &[&str]) -> PathBuf {
        self.folders += 1;
        let folder = self.path(&format!("trial{}", self.folders));
        fs::create_dir(&folder).expect("made");
        for name in names {
            // A copy has the mode of what it is a copy of.
            fs::copy(self.path(name), folder.join(name)).expect("copied");
        }
        folder
    }

    /// The command in a folder, its temporary files there too.
    pub fn command(&self, folder: &Path, line: &str) -> Command {
        let mut command = Command::new(&self.program);
        for name in ["ETH_KEY", "KEY", "PASSWORD", "PRODUCTION", "RPC_URL"] {
            command.env_remove(format!("MACI_NOVA_{name}"));
        }
        command
            .args(line.split_whitespace())
            .current_dir(folder)
            .env("MACI_NOVA_CACHE", &self.cache)
            .env("TMPDIR", folder)
            .stdin(Stdio::null());
        command
    }

    /// Starts the service of `serve.toml`, and adds what it logs to the file `log`: the process, and where
    /// it listens.
    ///
    /// # Errors
    /// What it said in the place of that.
    pub fn serve(&self) -> Result<(Child, String), String> {
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.path("log"));
        let mut command = self.command(self.folder.path(), "serve --config serve.toml --json");
        let command = command.stdout(Stdio::piped()).stderr(log.expect("opened"));
        let mut service = command.spawn().expect("runs");
        let mut line = String::new();
        let stdout = service.stdout.take().expect("piped");
        BufReader::new(stdout).read_line(&mut line).expect("text");
        let said: Option<Value> = serde_json::from_str(&line).ok();
        let address = said.and_then(|said| Some(said["listening"].as_str()?.to_owned()));
        match address {
            Some(address) => Ok((service, address)),
            None => {
                let _ = service.kill();
                let _ = service.wait();
                Err(line)
            }
        }
    }

    /// What a command prints that ends well.
    pub fn json(&self, line: &str) -> Value {
        let output = self
            .command(self.folder.path(), line)
            .arg("--json")
            .output();
        document(&output.expect("runs")).unwrap_or_else(|said| panic!("{line}: {said}"))
    }

    /// The node's address.
    pub fn url(&self) -> String {
        self.anvil.url().to_string()
    }

    /// Transactions that the accounts have sent.
    pub fn transactions(&self) -> u64 {
        let chain = &self.chain;
        let accounts = chain.accounts();
        let sent = accounts.iter().map(|account| {
            let call = "eth_getTransactionCount";
            let count: String = chain
                .request(call, json!([account, "latest"]))
                .expect("read");
            u64::from_str_radix(count.trim_start_matches("0x"), 16).expect("a number")
        });
        sent.sum()
    }

    /// A block of this time, unless it is past.
    pub fn go_to(&self, timestamp: u64) {
        let chain = &self.chain;
        let now = chain.block(BlockId::Latest).expect("a block").timestamp;
        if now < timestamp {
            let call = "evm_setNextBlockTimestamp";
            let _: Value = chain.request(call, json!([timestamp])).expect("set");
            let _: Value = chain.request("evm_mine", json!([])).expect("mined");
        }
    }

    /// Remembers the chain as it is.
    pub fn snapshot(&self) -> Value {
        self.chain
            .request("evm_snapshot", json!([]))
            .expect("taken")
    }

    /// The chain as it was; what is remembered of it is good for this once.
    pub fn go_back_to(&self, snapshot: &Value) {
        let _: bool = self
            .chain
            .request("evm_revert", json!([snapshot]))
            .expect("set");
    }
}

/// What a run printed, or what it said if it failed.
pub fn document(output: &Output) -> Result<Value, String> {
    let said = || {
        let text = String::from_utf8_lossy(&output.stderr);
        format!("{}: {}", output.status, text.lines().last().unwrap_or(""))
    };
    match output.status.success() {
        true => serde_json::from_slice(&output.stdout).map_err(|error| error.to_string()),
        false => Err(said()),
    }
}

/// The names of all that is in a folder, those in folders with what is before them.
pub fn files(folder: &Path, above: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_string_lossy();
        let name = format!("{above}{name}");
        if path.is_dir() {
            names.extend(files(&path, &format!("{name}/")));
        }
        names.insert(name);
    }
    names
}

/// As `chmod 600`.
pub fn make_private(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("chmod");
}
