//! `serve`: through a bad day of a node, reorganisations and kills, to one transaction; and what
//! strangers can ask of it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use maci_nova_chain::{BlockId, Chain};
use maci_nova_node::testing::hostile::Hostile;
use rand_chacha::ChaCha20Rng;
use rand_core::{RngCore, SeedableRng};
use serde_json::{json, Value};

use crate::harness::{maci_nova, make_private, Run};
use crate::node::{votes, Town};

const TOKEN: &str = "5f6e1c0b8a4d4b7f9d3a2c1e0f8b7a69";

/// What a node's address may hold that nobody is to see.
const SECRET: &str = "api-key-hunter2";

const LONG: Duration = Duration::from_secs(120);

/// A service that runs.
pub struct Serving {
    child: Child,
    pub address: String,
}

impl Serving {
    /// Starts it on a free port. Its log is added to `log`.
    pub fn start(mut command: Command, log: &Path) -> Self {
        let log = File::options().create(true).append(true).open(log);
        let mut child = command
            .args(["--listen", "127.0.0.1:0", "--json"])
            .stdout(Stdio::piped())
            .stderr(log.expect("opened"))
            .spawn()
            .expect("runs");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("piped");
        BufReader::new(stdout).read_line(&mut line).expect("text");
        let said: Value = serde_json::from_str(&line).expect("it listens");
        let address = said["listening"].as_str().expect("an address").to_owned();
        Serving { child, address }
    }

    /// The status and the body of an answer.
    pub fn ask(&self, method: &str, path: &str, token: Option<&str>, body: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.address).expect("connected");
        let token = token.map(|token| format!("Authorization: Bearer {token}\r\n"));
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n{}Content-Length: {}\r\n\r\n{body}",
            token.unwrap_or_default(),
            body.len()
        );
        stream.write_all(request.as_bytes()).expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("answered");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        let status = head.split(' ').nth(1).expect("a status");
        for header in [
            "content-security-policy: default-src 'none'",
            "x-request-id: ",
        ] {
            assert!(head.contains(header), "{head}");
        }
        (status.parse().expect("a number"), body.to_owned())
    }

    pub fn get(&self, path: &str) -> (u16, String) {
        self.ask("GET", path, None, "")
    }

    fn poll(&self) -> Value {
        let (status, body) = self.get("/api/polls");
        assert_eq!(status, 200, "{body}");
        let document: Value = serde_json::from_str(&body).expect("JSON");
        document["polls"][0].clone()
    }

    /// Until what is shown of the poll is so.
    #[track_caller]
    fn wait(&self, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + LONG;
        loop {
            let poll = self.poll();
            if is_so(&poll) {
                return poll;
            }
            assert!(Instant::now() < deadline, "never {what}: {poll}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    #[track_caller]
    fn wait_for(&self, phase: &str) -> Value {
        self.wait(phase, |poll| poll["phase"] == phase)
    }

    pub fn metrics(&self) -> BTreeMap<String, f64> {
        let (status, body) = self.get("/metrics");
        assert_eq!(status, 200);
        let lines = body
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with('#'));
        lines
            .map(|line| {
                let (name, value) = line.rsplit_once(' ').expect("a name and a value");
                (name.to_owned(), value.parse().expect("a number"))
            })
            .collect()
    }

    pub fn kill(mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("ends");
    }

    /// As a supervisor does. It ends well, and soon.
    pub fn terminate(mut self) {
        let signal = Command::new("kill")
            .arg(self.child.id().to_string())
            .status();
        assert!(signal.expect("kill runs").success());
        let begun = Instant::now();
        let status = self.child.wait().expect("ends");
        assert!(status.success(), "{status}");
        assert!(
            begun.elapsed() < Duration::from_secs(5),
            "{:?}",
            begun.elapsed()
        );
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The sum of a metric over its labels.
pub fn sum(metrics: &BTreeMap<String, f64>, name: &str) -> f64 {
    let of_name = metrics
        .iter()
        .filter(|(key, _)| key.split('{').next() == Some(name));
    of_name.map(|(_, value)| value).sum()
}

/// A poll that is served by way of a bad node.
struct Scene {
    town: Town,
    node: Hostile,
    rng: ChaCha20Rng,
}

impl Scene {
    fn new() -> Option<Self> {
        const SEED: u64 = 16;
        let town = Town::with_block_time()?;
        town.deploy();
        town.create("--start-in 10min");
        for voter in ["ada", "ben"] {
            town.json(&format!("keygen --out {voter}.key"));
            town.json(&format!(
                "signup --key-file {voter}.key --account-key-file account1.key"
            ));
        }
        fs::write(town.path("admin.token"), TOKEN).expect("written");
        make_private(&town.path("admin.token"));
        let node = Hostile::start(&town.url().parse().expect("URL"), SEED);
        let config = format!(
            r#"
            [node]
            rpc_url = "{}/?key={SECRET}"
            confirmations = 1
            every = "1s"
            [http]
            token_file = "admin.token"
            requests_a_second = 1000
            burst = 1000
            [log]
            format = "json"
            level = "debug"
            [coordinator]
            out = "state"
            key_file = "coordinator.key"
            insecure_setup = true
            checkpoint_every = "1step"
            finalize = "ask"
            account_key_file = "account0.key"
            [[coordinator.polls]]
            file = "poll.json"
            "#,
            node.url()
        );
        fs::write(town.path("serve.toml"), config).expect("written");
        let rng = ChaCha20Rng::seed_from_u64(SEED);
        Some(Scene { town, node, rng })
    }

    fn start(&self) -> Serving {
        let command = self.town.command("serve --config serve.toml");
        Serving::start(command, &self.town.path("log"))
    }

    /// Lets it run for a moment that nobody chose, kills it, and starts it again.
    fn kill(&mut self, serving: Serving) -> Serving {
        let milliseconds = self.rng.next_u64() % 2_000;
        std::thread::sleep(Duration::from_millis(milliseconds));
        serving.kill();
        println!("killed after {milliseconds} ms");
        self.start()
    }

    fn mine(&self, blocks: u64) -> u64 {
        let chain = self.town.chain();
        let _: Value = chain.request("anvil_mine", json!([blocks])).expect("mined");
        chain.block(BlockId::Latest).expect("a block").number
    }

    /// Transactions of the account that finalizes.
    fn sent(&self) -> String {
        let chain = self.town.chain();
        let account = chain.accounts()[0];
        let call = "eth_getTransactionCount";
        chain
            .request(call, json!([account, "latest"]))
            .expect("read")
    }

    fn vote(&self, voter: &str, account: u32, choices: &str) {
        self.town.json(&format!(
            "vote --key-file {voter}.poll.key {choices} --account-key-file account{account}.key"
        ));
    }
}

/// What does not fit is said before anything runs, by whom and in which folder.
fn what_does_not_fit_is_told(scene: &Scene) {
    let town = &scene.town;
    let checked = town.json("serve --config serve.toml --check");
    assert_eq!(checked["fits"], true, "{checked}");
    assert!(!checked.to_string().contains(SECRET), "{checked}");
    let other = "serve --config serve.toml --check --key-file ada.key";
    let run = town.run(other);
    assert_eq!(run.code, Some(4), "{run:?}");
    assert!(run.stdout.contains("coordinator's"), "{run:?}");
    let production = "serve --config serve.toml --production";
    assert!(town.run(production).failed(5).contains("INSECURE"));
    let away = "serve --config serve.toml --check --rpc-url http://127.0.0.1:1";
    assert_eq!(town.run(away).code, Some(9));
}

/// While the poll is open: joins are folded, reorganisations seen, kills survived.
fn open(scene: &mut Scene, serving: Serving) -> Serving {
    scene.town.go_to(scene.town.time("startTime"));
    scene.node.set_rate(80);
    for voter in ["ada", "ben"] {
        let line = format!("join --key-file {voter}.key --poll-key-file {voter}.poll.key --account-key-file account2.key");
        scene.town.json(&line);
    }
    scene.vote("ada", 1, "--vote 0=5 --vote 1=6");
    let newest = scene.mine(4);
    serving.wait("read", |poll| poll["readTo"].as_u64() >= Some(newest - 1));
    let chain = scene.town.chain();
    let _: Value = chain.request("anvil_reorg", json!([3, []])).expect("done");
    scene.mine(3);
    serving.wait("reorganised", |_| {
        sum(&serving.metrics(), "maci_nova_poll_reorganisations_total") >= 1.0
    });
    scene.vote("ben", 2, "--vote 1=9");
    let newest = scene.mine(2);
    let serving = scene.kill(serving);
    // Not that the message is there: where the node leaves out its event, the next one tells, or the poll's end.
    serving.wait("folded", |poll| {
        poll["steps"]["done"] == 2 && poll["readTo"].as_u64() >= Some(newest - 1)
    });
    serving.terminate();
    assert!(scene
        .town
        .path("state")
        .join(poll_of(scene))
        .join("running.checkpoint")
        .exists());
    scene.start()
}

fn poll_of(scene: &Scene) -> String {
    scene.town.json("status")["poll"]
        .as_str()
        .expect("an address")
        .to_owned()
}

/// Nothing is sent before an administrator says so, and that is not forgotten.
fn asked(scene: &Scene, serving: Serving) -> Serving {
    let sent = scene.sent();
    let poll = serving.wait_for("asking");
    assert_eq!(poll["steps"]["done"], poll["steps"]["total"], "{poll}");
    let path = format!(
        "/api/polls/{}/finalize",
        poll["poll"].as_str().expect("text")
    );
    for token in [None, Some(""), Some("5f6e1c0b8a4d4b7f9d3a2c1e0f8b7a60")] {
        assert_eq!(serving.ask("POST", &path, token, "").0, 401, "{token:?}");
    }
    assert_eq!(serving.get(&path).0, 405);
    assert_eq!(
        serving
            .ask("POST", &path, Some(TOKEN), &"x".repeat(2_000))
            .0,
        413
    );
    let other = format!("/api/polls/0x{}/finalize", "1".repeat(40));
    assert_eq!(serving.ask("POST", &other, Some(TOKEN), "").0, 404);
    assert_eq!(scene.sent(), sent);
    assert_eq!(serving.ask("POST", &path, Some(TOKEN), "").0, 202);
    serving.kill();
    scene.start()
}

#[test]
fn a_poll_is_served_on_a_bad_day() {
    let Some(mut scene) = Scene::new() else {
        return;
    };
    what_does_not_fit_is_told(&scene);
    let serving = scene.start();
    serving.wait_for("pending");
    let error = scene
        .town
        .run("serve --config serve.toml --listen 127.0.0.1:0")
        .failed(2);
    assert!(error.contains("another process"), "{error}");
    let mut serving = open(&mut scene, serving);
    scene.vote("ben", 2, "--vote 2=7");
    scene.town.go_to(scene.town.time("endTime"));
    scene.mine(2);
    for _ in 0..2 {
        serving = scene.kill(serving);
    }
    let before = scene.sent();
    let serving = asked(&scene, serving);
    let poll = serving.wait_for("finalized");
    let [before, after] = [before, scene.sent()].map(|text| number(&text));
    assert_eq!(after - before, 1, "one transaction");
    assert_eq!(
        votes(&scene.town.json("results --poll-file poll.json")),
        ["5", "6", "7"]
    );
    let metrics = serving.metrics();
    let phase = format!(
        "maci_nova_poll_phase{{poll={},phase=\"finalized\"}}",
        poll["poll"]
    );
    assert_eq!(metrics.get(&phase), Some(&1.0), "{metrics:?}");
    for name in [
        "maci_nova_node_head_block",
        "maci_nova_rpc_retries_total",
        "maci_nova_poll_events",
    ] {
        assert!(sum(&metrics, name) > 0.0, "{name}: {metrics:?}");
    }
    println!("{:?}", scene.node.met());
    what_is_left(&scene, serving);
}

fn number(text: &str) -> u64 {
    u64::from_str_radix(text.trim_start_matches("0x"), 16).expect("a number")
}

/// Neither in files, nor in the log, nor on the page there is what should not be there.
fn what_is_left(scene: &Scene, serving: Serving) {
    let (status, page) = serving.get("/");
    assert_eq!(status, 200);
    assert!(page.contains("its results are on its chain"), "{page}");
    let api = serving.get("/api/polls").1;
    serving.terminate();
    let folder = scene.town.path("state").join(poll_of(scene));
    let names = fs::read_dir(&folder)
        .expect("a folder")
        .map(|entry| entry.expect("entry").file_name());
    let mut names: Vec<_> = names.collect();
    names.sort();
    assert_eq!(
        names,
        [
            "approved",
            "decider.json",
            "follower.json",
            "lock",
            "poll.jsonl"
        ]
    );
    let log = fs::read_to_string(scene.town.path("log")).expect("read");
    let key = fs::read_to_string(scene.town.path("coordinator.key")).expect("read");
    for (name, text) in [("log", &log), ("page", &page), ("api", &api)] {
        for secret in [
            TOKEN,
            SECRET,
            key.trim(),
            "ac0974bec39a17e36ba4a6b4d238ff94",
        ] {
            assert!(!text.contains(secret), "{name}");
        }
    }
    let lines = log
        .lines()
        .filter(|line| !line.starts_with("warning: INSECURE"));
    for line in lines {
        let line: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"));
        assert!(
            line["level"].is_string() && line["message"].is_string(),
            "{line}"
        );
    }
}

/// A service that counts nothing, with these lines of configuration.
fn idle(folder: &Path, http: &str) -> Serving {
    let config = folder.join("serve.toml");
    fs::write(&config, format!("[http]\n{http}\n")).expect("written");
    let mut command = maci_nova();
    command.args(["serve", "--config"]).arg(&config);
    Serving::start(command, &folder.join("log"))
}

#[test]
fn strangers_get_what_there_is_and_no_more() {
    let folder = tempfile::tempdir().expect("a folder");
    let serving = idle(folder.path(), "requests_a_second = 1\nburst = 8");
    for (path, status) in [
        ("/healthz", 200),
        ("/readyz", 200),
        ("/", 200),
        ("/api/polls", 200),
    ] {
        assert_eq!(serving.get(path).0, status, "{path}");
    }
    let poll = format!("/api/polls/0x{}", "0".repeat(40));
    for path in [
        poll.as_str(),
        "/api/polls/%3Cscript%3E",
        "/../../etc/passwd",
    ] {
        let (status, body) = serving.get(path);
        assert_eq!(status, 404, "{path}");
        assert!(!body.contains("script"), "{body}");
    }
    // Nobody is an administrator where there is no token.
    let post = format!("{poll}/finalize");
    assert_eq!(serving.ask("POST", &post, Some(TOKEN), "").0, 403);
    let refused = (0..3).map(|_| serving.get("/api/polls").0);
    assert!(refused.filter(|status| *status == 429).count() >= 1);
    assert_eq!(serving.get("/healthz").0, 200);
    let mut long = TcpStream::connect(&serving.address).expect("connected");
    let _ = write!(
        long,
        "GET / HTTP/1.1\r\nHost: {}\r\n\r\n",
        "x".repeat(100_000)
    );
    let mut answer = String::new();
    let _ = long.read_to_string(&mut answer);
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 4"),
        "{answer}"
    );
    serving.terminate();
}

#[test]
fn a_token_that_others_can_read_or_guess_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    fs::write(path("serve.toml"), "[http]\ntoken_file = \"token\"\n").expect("written");
    let run = || -> Run {
        let mut command = maci_nova();
        let command = command.args(["serve", "--config"]).arg(path("serve.toml"));
        command.output().expect("runs").into()
    };
    run().failed(3);
    fs::write(path("token"), TOKEN).expect("written");
    assert!(run().failed(3).contains("open to other users"));
    fs::write(path("token"), "short").expect("written");
    make_private(&path("token"));
    assert!(run().failed(3).contains("fewer than 32"));
}
