//! The commands that are killed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use maci_nova_jobs::NatsServer;
use serde_json::Value;

use maci_nova_tests::harness::same;
use maci_nova_tests::town::{make_private, Town};

/// All of them.
pub const NAMES: [&str; 7] = [
    "prove", "deploy", "create", "vote", "process", "finalize", "segments",
];

/// How often a command that was killed may pay.
#[derive(Clone, Copy, Debug)]
pub enum Payments {
    /// As often as an undisturbed run.
    Once,
    /// At each run: what it sends again takes the place of what it sent before.
    EachRun,
}

/// A command, and what it finds.
pub trait Scene {
    /// What it is called.
    fn name(&self) -> &'static str;

    /// A folder in which the command is run for the first time.
    fn prepare(&mut self, town: &mut Town) -> PathBuf;

    /// The command.
    fn line(&self) -> String;

    /// How often it may pay.
    fn payments(&self) -> Payments {
        Payments::Once
    }

    /// Looks at what a killed run has left.
    fn after_kill(&mut self, folder: &Path) -> Result<(), String> {
        let _ = folder;
        Ok(())
    }

    /// Whether the run that came to its end says what an undisturbed one says.
    fn compare(&self, document: &Value, undisturbed: &Value) -> Result<(), String>;

    /// Looks at what all trials together have left.
    fn conclude(&self, town: &Town) -> Result<(), String> {
        let _ = town;
        Ok(())
    }
}

/// The scene of this name, with what it needs on the chain.
pub fn named(name: &str, town: &mut Town) -> Box<dyn Scene> {
    match name {
        "prove" => Box::new(Prove::new(town)),
        "deploy" => Box::new(Deploy { url: town.url() }),
        "create" => Box::new(Create::new(town)),
        "vote" => Box::new(Vote::new(town)),
        "process" => Box::new(Counting::new(town, false)),
        "segments" => Box::new(Segments::new(town)),
        _ => Box::new(Counting::new(town, true)),
    }
}

/// Steps that a checkpoint's head tells of; `None` if there is no checkpoint.
fn steps_in(checkpoint: &Path) -> Option<u64> {
    const OFFSET: usize = 8 + 4 + 32 + 32;
    let bytes = fs::read(checkpoint).ok()?;
    let steps = bytes.get(OFFSET..OFFSET + 8)?;
    steps.try_into().ok().map(u64::from_le_bytes)
}

/// The folded position, which never goes back.
#[derive(Debug, Default)]
struct Position(u64);

impl Position {
    fn look(&mut self, folder: &Path) -> Result<(), String> {
        let Some(steps) = steps_in(&folder.join("proof/running.checkpoint")) else {
            return Ok(());
        };
        if steps < self.0 {
            return Err(format!("back at step {steps} after step {}", self.0));
        }
        self.0 = steps;
        Ok(())
    }
}

/// A poll's log in a file.
struct Prove {
    position: Position,
}

impl Prove {
    fn new(town: &Town) -> Self {
        let poll = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/polls/small");
        for name in ["poll.jsonl", "coordinator.key"] {
            let path = town.path(&format!("small.{name}"));
            fs::copy(poll.join(name), &path).expect("copied");
            make_private(&path);
        }
        Prove {
            position: Position::default(),
        }
    }
}

impl Scene for Prove {
    fn name(&self) -> &'static str {
        "prove"
    }

    fn prepare(&mut self, town: &mut Town) -> PathBuf {
        self.position = Position::default();
        town.folder_with(&["small.poll.jsonl", "small.coordinator.key"])
    }

    fn line(&self) -> String {
        "prove --log small.poll.jsonl --key-file small.coordinator.key --out proof --insecure-setup --resume --checkpoint-every 1step".into()
    }

    fn after_kill(&mut self, folder: &Path) -> Result<(), String> {
        self.position.look(folder)
    }

    fn compare(&self, document: &Value, undisturbed: &Value) -> Result<(), String> {
        same(&["results", "totalSpent", "steps"], document, undisturbed)
    }
}

/// A deployment.
struct Deploy {
    url: String,
}

impl Scene for Deploy {
    fn name(&self) -> &'static str {
        "deploy"
    }

    fn prepare(&mut self, town: &mut Town) -> PathBuf {
        town.folder_with(&["account0.key"])
    }

    fn line(&self) -> String {
        deployment(&self.url)
    }

    fn compare(&self, document: &Value, undisturbed: &Value) -> Result<(), String> {
        same(&["chainId", "keys"], document, undisturbed)
    }
}

fn deployment(url: &str) -> String {
    format!("deploy --rpc-url {url} --account-key-file account0.key --insecure-setup --state-depth 4 --vote-depth 1 --gatekeeper free-for-all")
}

/// A deployment in the town's folder, if there is none.
fn deploy(town: &Town) {
    if !town.path("deployment.json").exists() {
        let line = deployment(&town.url());
        town.json(&format!("{line} --poll-file deployment.json"));
    }
}

fn creation(coordinator: &str) -> String {
    format!("poll create --coordinator-key {coordinator} --options 3 --start-in 1h --duration 1d --credits 100 --account-key-file account0.key")
}

/// A coordinator's key in a file of the town.
fn coordinator(town: &Town, file: &str) -> String {
    let made = town.json(&format!("keygen --out {file}"));
    let key = made["publicKey"]["serialized"].as_str();
    key.expect("text").to_owned()
}

/// A poll.
struct Create {
    key: String,
}

impl Create {
    fn new(town: &Town) -> Self {
        deploy(town);
        Create {
            key: coordinator(town, "creation.key"),
        }
    }
}

impl Scene for Create {
    fn name(&self) -> &'static str {
        "create"
    }

    fn prepare(&mut self, town: &mut Town) -> PathBuf {
        let folder = town.folder_with(&["account0.key", "deployment.json"]);
        fs::rename(folder.join("deployment.json"), folder.join("poll.json")).expect("renamed");
        folder
    }

    fn line(&self) -> String {
        creation(&self.key)
    }

    fn compare(&self, document: &Value, undisturbed: &Value) -> Result<(), String> {
        same(
            &["coordinatorKey", "options", "mode"],
            document,
            undisturbed,
        )
    }
}

/// Makes a poll that one voter has joined: the files `NAME.json`, `NAME.key`, `NAME.poll.key`.
fn joined(town: &Town, name: &str) {
    deploy(town);
    fs::copy(
        town.path("deployment.json"),
        town.path(&format!("{name}.json")),
    )
    .expect("copied");
    let key = coordinator(town, &format!("{name}.key"));
    let file = format!("--poll-file {name}.json");
    town.json(&format!("{} {file}", creation(&key)));
    town.json(&format!("keygen --out {name}.ada.key"));
    let ada = format!("{file} --key-file {name}.ada.key --account-key-file account1.key");
    town.json(&format!("signup {ada}"));
    let times = town.json(&format!("status {file}"));
    town.go_to(times["startTime"].as_u64().expect("a time"));
    town.json(&format!(
        "join {ada} --poll-key-file {name}.poll.key --join-key deployment.join.key"
    ));
}

/// A ballot. One that is sent again takes the place of the one before.
struct Vote;

impl Vote {
    fn new(town: &Town) -> Self {
        joined(town, "voting");
        Vote
    }
}

impl Scene for Vote {
    fn name(&self) -> &'static str {
        "vote"
    }

    fn prepare(&mut self, town: &mut Town) -> PathBuf {
        town.folder_with(&["account2.key", "voting.json", "voting.poll.key"])
    }

    fn line(&self) -> String {
        "vote --poll-file voting.json --key-file voting.poll.key --vote 0=5 --vote 1=6 --account-key-file account2.key".into()
    }

    fn payments(&self) -> Payments {
        Payments::EachRun
    }

    fn compare(&self, document: &Value, undisturbed: &Value) -> Result<(), String> {
        same(&["stateIndex", "nonces", "cost"], document, undisturbed)
    }

    /// However many ballots there are, one counts, and whole.
    fn conclude(&self, town: &Town) -> Result<(), String> {
        town.json("export-log --poll-file voting.json --confirmations 0 --out voting.jsonl");
        let tally = town.json("tally --log voting.jsonl --key-file voting.key");
        let results = tally["results"].as_array().into_iter().flatten();
        let votes: Vec<_> = results.map(|result| &result["votes"]).collect();
        match votes[..] == ["5", "6", "0"] {
            true => Ok(()),
            false => Err(format!("the poll has votes {votes:?}")),
        }
    }
}

/// A poll that is finalized in two segments, which workers prove. With each kill of the command another part is killed too: a
/// worker, or the server, which loses all that it had every other time.
struct Segments {
    counting: Counting,
    server: NatsServer,
    workers: Vec<Child>,
    folder: PathBuf,
    kills: usize,
}

impl Segments {
    /// What is killed with the command, in turns.
    const PARTS: usize = 4;

    fn new(town: &mut Town) -> Self {
        let server = NatsServer::start(&town.path("nats")).expect("nats-server");
        town.json("keygen --job-key --out job.key");
        let mut segments = Segments {
            counting: Counting::new(town, true),
            server,
            workers: vec![],
            folder: town.folder_with(&["job.key"]),
            kills: 0,
        };
        for _ in 0..2 {
            let worker = segments.worker(town);
            segments.workers.push(worker);
        }
        segments
    }

    fn worker(&self, town: &Town) -> Child {
        let url = self.server.url();
        let line =
            format!("worker --nats {url} --job-key-file job.key --insecure-setup --threads 1");
        let mut command = town.command(&self.folder, &line);
        let command = command.stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().expect("a worker")
    }
}

impl Drop for Segments {
    fn drop(&mut self) {
        for worker in &mut self.workers {
            let _ = worker.kill();
            let _ = worker.wait();
        }
    }
}

impl Scene for Segments {
    fn name(&self) -> &'static str {
        "segments"
    }

    fn prepare(&mut self, town: &mut Town) -> PathBuf {
        // Those that were killed.
        for i in 0..self.workers.len() {
            if self.workers[i].try_wait().expect("asked").is_some() {
                self.workers[i] = self.worker(town);
            }
        }
        self.counting.prepare(town);
        town.folder_with(&["account0.key", "counted.json", "counted.key", "job.key"])
    }

    fn line(&self) -> String {
        let url = self.server.url();
        format!(
            "{} --nats {url} --job-key-file job.key --segments 2 --patience 20s",
            self.counting.line()
        )
    }

    fn after_kill(&mut self, _folder: &Path) -> Result<(), String> {
        let part = self.kills % Self::PARTS;
        self.kills += 1;
        let failed = |error: &dyn std::fmt::Display| format!("the server: {error}");
        match part {
            0 | 2 => {
                let worker = (self.kills / 2) % self.workers.len();
                // The other one has to do its work.
                let _ = self.workers[worker].kill();
                let _ = self.workers[worker].wait();
            }
            1 => self.server.restart().map_err(|error| failed(&error))?,
            _ => {
                self.server.kill();
                let lost = self.server.lose_everything();
                lost.map_err(|error| failed(&error))?;
                self.server.restart().map_err(|error| failed(&error))?;
            }
        }
        Ok(())
    }

    fn compare(&self, document: &Value, undisturbed: &Value) -> Result<(), String> {
        let segments = document["segments"].as_array().map_or(0, Vec::len);
        if segments != 1 {
            return Err(format!("{segments} segments before the last"));
        }
        self.counting.compare(document, undisturbed)
    }
}

/// A poll that has ended: followed and folded, or finalized.
struct Counting {
    finalizes: bool,
    snapshot: Value,
    position: Position,
}

impl Counting {
    const POLL: &'static str = "counted";

    fn new(town: &Town, finalizes: bool) -> Self {
        if !town.path("counted.json").exists() {
            joined(town, Self::POLL);
            for votes in [
                "--vote 0=9",
                "--vote 0=5 --vote 1=6",
                "--vote 2=3 --vote 1=6",
            ] {
                town.json(&format!(
                    "vote --poll-file counted.json --key-file counted.poll.key {votes} --account-key-file account2.key"
                ));
            }
            let times = town.json("status --poll-file counted.json");
            town.go_to(times["endTime"].as_u64().expect("a time"));
        }
        Counting {
            finalizes,
            snapshot: town.snapshot(),
            position: Position::default(),
        }
    }
}

impl Scene for Counting {
    fn name(&self) -> &'static str {
        match self.finalizes {
            true => "finalize",
            false => "process",
        }
    }

    fn prepare(&mut self, town: &mut Town) -> PathBuf {
        self.position = Position::default();
        town.go_back_to(&self.snapshot);
        self.snapshot = town.snapshot();
        town.folder_with(&["account0.key", "counted.json", "counted.key"])
    }

    fn line(&self) -> String {
        let line = format!(
            "{} --poll-file counted.json --key-file counted.key --out proof --insecure-setup --confirmations 0 --every 1s --checkpoint-every 1s",
            self.name()
        );
        match self.finalizes {
            true => format!("{line} --account-key-file account0.key"),
            false => line,
        }
    }

    fn after_kill(&mut self, folder: &Path) -> Result<(), String> {
        self.position.look(folder)
    }

    fn compare(&self, document: &Value, undisturbed: &Value) -> Result<(), String> {
        let fields: &[&str] = match self.finalizes {
            true => &["finalized", "results", "totalSpent"],
            false => &["complete", "voters", "messages", "steps"],
        };
        same(fields, document, undisturbed)
    }
}
