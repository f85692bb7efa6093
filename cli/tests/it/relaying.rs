//! `serve` with a relayer: voters without money join and vote, whatever happens to the relayer, and
//! what it does not take.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use maci_nova_chain::{BlockId, Chain};
use maci_nova_contracts::alloy_primitives::B256;
use maci_nova_protocol::keys::PrivateKey;
use maci_nova_protocol::log::SignedMessage;
use maci_nova_protocol::relay::{BallotDigest, Slot};
use maci_nova_protocol::Fr;
use maci_nova_sdk::poll::file::PollFile;
use maci_nova_sdk::relay::document::{ballot_id, BallotDocument, RelayDocument, Stage};
use maci_nova_sdk::relay::ticket::Ticket;
use maci_nova_sdk::voter::join_proof::Prover;
use maci_nova_sdk::voter::messages_file;
use maci_nova_sdk::voter::sign_ups::SignUps;
use serde_json::{json, Value};

use crate::harness::Run;
use crate::node::{votes, Town};
use crate::serving::{sum, Serving};

const LONG: Duration = Duration::from_secs(90);

/// The poll's window.
const WINDOW: u64 = 75;

struct Scene {
    town: Town,
    prover: Prover,
}

/// A ballot with a ticket.
#[derive(Clone)]
struct Ballot {
    ticket: Ticket,
    messages: Vec<SignedMessage>,
    digest: BallotDigest,
}

impl Ballot {
    fn body(&self) -> String {
        self.ticket.print_with(&self.messages)
    }

    /// With something in it that is not as it was.
    fn changed(&self, change: impl Fn(&mut Ballot)) -> String {
        let mut ballot = self.clone();
        change(&mut ballot);
        ballot.body()
    }
}

impl Scene {
    fn new() -> Option<Self> {
        let town = Town::with_block_time()?;
        town.deploy();
        town.create("--start-in 10min");
        for voter in ["ada", "ben", "eve"] {
            town.json(&format!("keygen --out {voter}.key"));
            town.json(&format!(
                "signup --key-file {voter}.key --account-key-file account1.key"
            ));
        }
        let config = r#"
            [node]
            every = "1s"
            [http]
            requests_a_second = 10000
            burst = 10000
            [relay]
            out = "relayed"
            polls = ["poll.json"]
            account_key_file = "account2.key"
            wait = "3s"
            confirmations = 2
            joins = true
            "#;
        fs::write(town.path("serve.toml"), config).expect("written");
        let prover = Prover::read(&town.path("poll.join.key")).expect("the deployment's");
        Some(Scene { town, prover })
    }

    fn start(&self) -> Serving {
        let command = self.town.command("serve --config serve.toml");
        Serving::start(command, &self.town.path("log"))
    }

    fn poll(&self) -> String {
        let status = self.town.json("status");
        status["poll"].as_str().expect("an address").to_owned()
    }

    fn mine(&self, blocks: u64) {
        let chain = self.town.chain();
        let _: Value = chain.request("anvil_mine", json!([blocks])).expect("mined");
    }

    fn present(&self) -> u64 {
        let newest = self.town.chain().block(BlockId::Latest);
        newest.expect("a block").number
    }

    /// A relayer that takes ballots.
    #[track_caller]
    fn wait(&self, serving: &Serving) -> RelayDocument {
        let path = format!("/relay/{}", self.poll());
        until("it takes ballots", || {
            let document: RelayDocument = document(serving, &path);
            document.takes.then_some(document)
        })
    }

    /// The messages of a ballot, which nobody has.
    fn sign(&self, voter: &str, name: &str, choices: &str) -> Vec<SignedMessage> {
        let file = format!("{name}.jsonl");
        self.town.json(&format!(
            "vote --key-file {voter}.poll.key {choices} --out {file}"
        ));
        messages_file::read(&self.town.path(&file)).expect("messages")
    }

    fn ticket(
        &self,
        voter: &str,
        relayer: &RelayDocument,
        slot: Slot,
        ballot: &BallotDigest,
    ) -> Ticket {
        let file = PollFile::read(&self.town.path("poll.json")).expect("a poll file");
        let maci = file.contracts.maci;
        let sign_ups = SignUps::read(&self.town.chain(), maci, &()).expect("sign-ups");
        let key = fs::read_to_string(self.town.path(&format!("{voter}.key"))).expect("a key");
        let key = PrivateKey::from_serialized(key.trim()).expect("a key");
        Ticket::make(
            &self.prover,
            &key,
            &sign_ups,
            &relayer.relayer(),
            slot,
            ballot,
        )
        .expect("a ticket")
    }

    fn ballot(
        &self,
        voter: &str,
        relayer: &RelayDocument,
        number: u8,
        messages: Vec<SignedMessage>,
    ) -> Ballot {
        let digest = BallotDigest::of(messages.iter().map(|signed| &signed.message));
        let day = relayer.day;
        let ticket = self.ticket(voter, relayer, Slot { day, number }, &digest);
        Ballot {
            ticket,
            messages,
            digest,
        }
    }

    fn post(&self, serving: &Serving, body: &str) -> (u16, Value) {
        let path = format!("/relay/{}", self.poll());
        let (status, body) = serving.ask("POST", &path, None, body);
        (status, serde_json::from_str(&body).expect("JSON"))
    }

    /// Until a ballot is so. Blocks come once it is in one: before that they would make it too old.
    #[track_caller]
    fn follow(&self, serving: &Serving, ballot: &B256, stage: Stage) -> BallotDocument {
        let path = format!("/relay/{}/{ballot}", self.poll());
        until(&format!("{stage:?}"), || {
            let found: BallotDocument = document(serving, &path);
            if found.block.is_some() {
                self.mine(1);
            }
            (found.state == stage).then_some(found)
        })
    }

    /// How often the poll has the messages of a file, which are there in their order.
    fn times(&self, name: &str) -> usize {
        let status = self.town.json(&format!("status --messages {name}.jsonl"));
        let sent = &status["sent"];
        assert_eq!(
            (&sent["complete"], &sent["inOrder"]),
            (&json!(true), &json!(true))
        );
        let places = sent["places"].as_array().expect("places");
        let times = places
            .iter()
            .map(|places| places.as_array().expect("places").len());
        let times: Vec<usize> = times.collect();
        assert!(times.iter().all(|one| *one == times[0]), "{times:?}");
        times[0]
    }

    /// A command that goes on while others do something.
    fn spawn(&self, line: &str) -> std::process::Child {
        let mut command: Command = self.town.command(line);
        command
            .arg("--json")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("runs")
    }

    fn journal(&self) -> PathBuf {
        self.town
            .path("relayed")
            .join(format!("{}.jsonl", self.poll()))
    }
}

#[track_caller]
fn until<T>(what: &str, is_so: impl Fn() -> Option<T>) -> T {
    let deadline = Instant::now() + LONG;
    loop {
        if let Some(found) = is_so() {
            return found;
        }
        assert!(Instant::now() < deadline, "never: {what}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

#[track_caller]
fn document<T: serde::de::DeserializeOwned>(serving: &Serving, path: &str) -> T {
    let (status, body) = serving.get(path);
    assert_eq!(status, 200, "{body}");
    serde_json::from_str(&body).expect("a document")
}

#[test]
#[ignore = "slow, ten voters by a relayer that is killed, ignored and reorganised, each with a join proof: .ci/slow"]
fn voters_without_money() {
    let Some(scene) = Scene::new() else {
        return;
    };
    what_does_not_fit(&scene);
    let serving = scene.start();
    let path = format!("/relay/{}", scene.poll());
    let pending: RelayDocument = until("the poll is found", || {
        let found: RelayDocument = document(&serving, &path);
        (found.most_messages > 0).then_some(found)
    });
    assert!(!pending.takes && pending.reason.is_some());
    scene.town.go_to(scene.town.time("startTime"));
    let relayer = scene.wait(&serving);
    assert_eq!(
        (relayer.slots, relayer.most_messages, relayer.joins),
        (16, 3, true)
    );
    by_its_commands(&scene, &serving);
    what_is_not_taken(&scene, &serving, &relayer);
    let serving = killed_with_a_ballot(&scene, serving, &relayer);
    a_block_is_replaced(&scene, &serving, &relayer);
    let serving = ignored(&scene, serving);
    what_counts(&scene, serving);
}

fn what_does_not_fit(scene: &Scene) {
    let town = &scene.town;
    let checked = town.json("serve --config serve.toml --check");
    assert_eq!(checked["fits"], true, "{checked}");
    let run = town.run("serve --config serve.toml --check --production");
    assert_eq!(run.code, Some(5), "{run:?}");
    let error = town
        .run("vote --key-file ada.key --vote 0=1 --relayer http://127.0.0.1:1 --out x")
        .code;
    assert_eq!(error, Some(2), "a ticket's key is needed");
}

/// Neither account nor money: the relayer's pays.
fn by_its_commands(scene: &Scene, serving: &Serving) {
    let (town, url) = (&scene.town, format!("http://{}", serving.address));
    for (voter, index) in [("ada", 1), ("ben", 2)] {
        let line =
            format!("join --key-file {voter}.key --poll-key-file {voter}.poll.key --relayer {url}");
        let joined = town.json(&line);
        assert_eq!(joined["stateIndex"], index, "{joined}");
        assert_eq!(
            (&joined["alreadyDone"], &joined["gas"]),
            (&json!(false), &Value::Null)
        );
        assert_eq!(town.json(&line)["alreadyDone"], true);
    }
    let line = format!("vote --key-file ada.poll.key --vote 0=5 --vote 1=6 --out ada.jsonl --ticket-key-file ada.key --relayer {url}");
    let voted = town.json(&line);
    assert_eq!(voted["firstMessage"], 0, "{voted}");
    assert!(
        voted["relayed"]["transaction"].is_string() && voted["gas"].is_null(),
        "{voted}"
    );
    assert_eq!(scene.times("ada"), 1);
    let status = town.json(&format!("status --messages ada.jsonl --relayer {url}"));
    let ballot = &status["relayed"]["ballot"];
    assert_eq!(
        (&ballot["state"], &ballot["firstMessage"]),
        (&json!("sent"), &json!(0))
    );
    let id: B256 = ballot["ballot"]
        .as_str()
        .expect("text")
        .parse()
        .expect("a digest");
    scene.follow(serving, &id, Stage::Confirmed);
    assert!(town.path("ada.key.tickets").exists());
    // Somebody else's ballot was never here.
    let messages = scene.sign("ben", "never", "--vote 0=1");
    assert_eq!(messages.len(), 1);
    let status = town.json(&format!("status --messages never.jsonl --relayer {url}"));
    assert_eq!(status["relayed"]["ballot"], Value::Null);
    // Whoever has many ballots may publish them as the relayer does.
    let line = "publish --bundle --messages never.jsonl --account-key-file account1.key";
    let published = town.json(line);
    assert_eq!(published["messages"], 1, "{published}");
    let again = town.json(line);
    assert_eq!(
        (&again["messages"], &again["already"]),
        (&json!(0), &json!(1))
    );
    assert_eq!(scene.times("never"), 1);
    let no_key = format!("{line} --bundle-key poll.join.key");
    assert!(town.run(&no_key).failed(5).contains("poll.join.key"));
}

/// What is sent, what it is, the status and the reason.
type Wrong = (&'static str, String, u16, &'static str);

/// One thing about each is not as in a good one.
fn wrong_ones(scene: &Scene, relayer: &RelayDocument, good: &Ballot) -> Vec<Wrong> {
    let messages = &good.messages;
    let elsewhere = RelayDocument {
        account: relayer.poll,
        ..relayer.clone()
    };
    let of_another = scene.ballot("ben", &elsewhere, 3, messages.clone()).body();
    let yesterday = RelayDocument {
        day: relayer.day - 2,
        ..relayer.clone()
    };
    let of_another_day = scene.ballot("ben", &yesterday, 3, messages.clone()).body();
    let many: Vec<SignedMessage> = (0..4).map(|i| messages[i % 2].clone()).collect();
    let mut wrong = vec![
        ("nothing", String::new(), 400, "form"),
        (
            "no ticket",
            good.changed(|_| ())
                .split_once('\n')
                .expect("lines")
                .1
                .into(),
            400,
            "form",
        ),
        (
            "no message",
            good.changed(|one| one.messages.clear()),
            400,
            "size",
        ),
        (
            "more than options",
            good.changed(|one| one.messages = many.clone()),
            400,
            "size",
        ),
        (
            "a message twice",
            good.changed(|one| one.messages[1] = one.messages[0].clone()),
            400,
            "repeated",
        ),
        (
            "a key that is no point",
            good.changed(|one| one.messages[0].message.encryption_key.x += Fr::from(1)),
            400,
            "form",
        ),
        (
            "another order",
            good.changed(|one| one.messages.reverse()),
            400,
            "proof",
        ),
        (
            "a part",
            good.changed(|one| one.messages.truncate(1)),
            400,
            "proof",
        ),
        (
            "another slot",
            good.changed(|one| one.ticket.slot.number = 4),
            400,
            "proof",
        ),
        (
            "another nullifier",
            good.changed(|one| one.ticket.nullifier.0 += Fr::from(1)),
            400,
            "proof",
        ),
        ("another relayer's", of_another, 400, "proof"),
        ("another day's", of_another_day, 409, "day"),
    ];
    wrong.extend(wrong_places(good));
    wrong
}

fn wrong_places(good: &Ballot) -> Vec<Wrong> {
    vec![
        (
            "another root",
            good.changed(|one| one.ticket.root += Fr::from(1)),
            503,
            "unknown-root",
        ),
        (
            "an older root than it says",
            good.changed(|one| one.ticket.root_index = 0),
            503,
            "unknown-root",
        ),
        (
            "another block",
            good.changed(|one| one.messages[0].block_number -= 1),
            503,
            "unknown-block",
        ),
        (
            "a block of the future",
            good.changed(|one| one.messages[0].block_number += 1000),
            503,
            "unknown-block",
        ),
    ]
}

/// Everything that is public decides, and nothing else; what was refused leaves no trace.
fn what_is_not_taken(scene: &Scene, serving: &Serving, relayer: &RelayDocument) {
    let before = fs::read(scene.journal()).expect("a journal");
    let messages = scene.sign("ben", "ben", "--vote 1=9 --vote 2=1");
    let good = scene.ballot("ben", relayer, 3, messages);
    for (what, body, status, code) in wrong_ones(scene, relayer, &good) {
        let answer = scene.post(serving, &body);
        assert_eq!(
            (answer.0, &answer.1["code"]),
            (status, &json!(code)),
            "{what}: {answer:?}"
        );
    }
    // Too much for one request.
    let long = format!("{}{}", good.body(), "\n".repeat(300 << 10));
    assert_eq!(
        serving
            .ask("POST", &format!("/relay/{}", scene.poll()), None, &long)
            .0,
        413
    );
    let nowhere = format!("/relay/0x{}", "1".repeat(40));
    assert_eq!(serving.get(&nowhere).0, 404);
    assert_eq!(fs::read(scene.journal()).expect("a journal"), before);

    taken_once(scene, serving, relayer, &good);
}

/// However often it is sent, and its ticket is of no use for another one.
fn taken_once(scene: &Scene, serving: &Serving, relayer: &RelayDocument, good: &Ballot) {
    assert_eq!(scene.post(serving, &good.body()).0, 202);
    for _ in 0..3 {
        assert_eq!(scene.post(serving, &good.body()).0, 200);
    }
    let other = scene.sign("ben", "other", "--vote 0=2");
    let used = scene.ballot("ben", relayer, 3, other.clone());
    let answer = scene.post(serving, &used.body());
    assert_eq!((answer.0, &answer.1["code"]), (409, &json!("used")));
    scene.follow(serving, &ballot_id(&good.digest), Stage::Confirmed);
    assert_eq!(scene.times("ben"), 1);
    assert_eq!(scene.post(serving, &good.body()).0, 200);

    // What was signed too long ago, once it is seen that it was.
    scene.mine(WINDOW);
    std::thread::sleep(Duration::from_secs(4));
    let old = scene.ballot("ben", relayer, 5, other);
    let answer = scene.post(serving, &old.body());
    assert_eq!((answer.0, &answer.1["code"]), (409, &json!("too-old")));
}

/// What it has said that it takes is published after a kill, once.
fn killed_with_a_ballot(scene: &Scene, serving: Serving, relayer: &RelayDocument) -> Serving {
    scene.mine(6);
    let messages = scene.sign("ada", "killed", "--vote 2=4");
    // Anybody's ticket will do: which of ada's are left her own commands know.
    let ballot = scene.ballot("eve", relayer, 9, messages);
    until("its block is known", || {
        let (status, said) = scene.post(&serving, &ballot.body());
        assert!(matches!(status, 202 | 503), "{said}");
        (status == 202).then_some(())
    });
    serving.kill();
    let serving = scene.start();
    let id = ballot_id(&ballot.digest);
    let path = format!("/relay/{}/{id}", scene.poll());
    let known: BallotDocument = document(&serving, &path);
    assert_eq!(known.messages, 1);
    scene.follow(&serving, &id, Stage::Confirmed);
    assert_eq!(scene.times("killed"), 1);
    // Whoever did not get the answer asks again.
    assert_eq!(scene.post(&serving, &ballot.body()).0, 200);
    serving
}

/// The block with a bundle is replaced by one without it: it is published again.
fn a_block_is_replaced(scene: &Scene, serving: &Serving, relayer: &RelayDocument) {
    scene.mine(6);
    let messages = scene.sign("ben", "replaced", "--vote 0=3");
    let ballot = scene.ballot("ben", relayer, 11, messages);
    until("its block is known", || {
        (scene.post(serving, &ballot.body()).0 == 202).then_some(())
    });
    let path = format!("/relay/{}/{}", scene.poll(), ballot_id(&ballot.digest));
    let found = until("it is in a block", || {
        let found: BallotDocument = document(serving, &path);
        found.block
    });
    assert_eq!(found, scene.present());
    let chain = scene.town.chain();
    let _: Value = chain.request("anvil_reorg", json!([1, []])).expect("done");
    let status = scene.town.json("status --messages replaced.jsonl");
    assert_eq!(status["sent"]["complete"], false, "{status}");
    scene.follow(serving, &ballot_id(&ballot.digest), Stage::Confirmed);
    assert_eq!(scene.times("replaced"), 1);
}

/// A relayer that takes a ballot and does nothing: the client publishes the same.
fn ignored(scene: &Scene, serving: Serving) -> Serving {
    let url = format!("http://{}", serving.address);
    scene.mine(6);
    let before = fs::read(scene.journal()).expect("a journal").len();
    let line = format!("vote --key-file ada.poll.key --vote 0=1 --vote 1=2 --out ignored.jsonl --ticket-key-file ada.key --relayer {url} --account-key-file account1.key");
    let voting = scene.spawn(&line);
    until("it is taken", || {
        let length = fs::read(scene.journal()).expect("a journal").len();
        (length > before).then_some(())
    });
    serving.kill();
    // As late as the client waits.
    let messages = messages_file::read(&scene.town.path("ignored.jsonl")).expect("messages");
    scene.mine(messages[0].block_number + WINDOW - 3 - scene.present());
    let run: Run = voting.wait_with_output().expect("ends").into();
    let run = run.ok();
    assert!(
        run.stderr.contains("publishes the same messages"),
        "{run:?}"
    );
    let voted = run.json();
    assert!(
        voted["gas"].is_number() && voted["relayed"].is_null(),
        "{voted}"
    );
    scene.mine(WINDOW);
    let serving = scene.start();
    let digest = BallotDigest::of(messages.iter().map(|signed| &signed.message));
    scene.follow(&serving, &ballot_id(&digest), Stage::Expired);
    assert_eq!(scene.times("ignored"), 1);

    // Without an account it is said what to do.
    serving.terminate();
    scene.mine(6);
    let error = scene
        .town
        .run(&format!("vote --key-file ada.poll.key --vote 0=1 --out never2.jsonl --ticket-key-file ada.key --relayer {url}"))
        .failed(9);
    assert!(error.contains("does not answer"), "{error}");
    scene.start()
}

/// The last ballot of each counts; and what is shown.
fn what_counts(scene: &Scene, serving: Serving) {
    scene.wait(&serving);
    let metrics = serving.metrics();
    for name in [
        "maci_nova_relay_queue_messages",
        "maci_nova_relay_gas_today",
    ] {
        let shown = metrics.keys().any(|key| key.starts_with(name));
        assert!(shown, "{name}: {metrics:?}");
    }
    assert_eq!(sum(&metrics, "maci_nova_relay_queue_messages"), 0.0);
    serving.terminate();
    let log = fs::read_to_string(scene.town.path("log")).expect("read");
    let key = fs::read_to_string(scene.town.path("account2.key")).expect("read");
    assert!(!log.contains(key.trim().trim_start_matches("0x")), "{log}");
    assert!(!log.contains("panicked"), "{log}");
    use std::os::unix::fs::PermissionsExt;
    let mode = fs::metadata(scene.journal())
        .expect("a journal")
        .permissions()
        .mode();
    assert_eq!(mode & 0o77, 0, "others read it");

    scene.town.go_to(scene.town.time("endTime"));
    scene.town.json("export-log --out poll.jsonl");
    let counted = scene
        .town
        .json("tally --log poll.jsonl --key-file coordinator.key");
    // Ada's last one was the ignored one; Ben's the replaced one.
    assert_eq!(votes(&counted), ["4", "2", "0"]);
}
