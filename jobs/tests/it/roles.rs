//! Processes that can be killed: this program again, as a driver or a worker.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::os::unix::process::parent_id;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use maci_nova_files::{write_atomically, Readers};
use maci_nova_jobs::{Announcement, Broker, BrokerError, Direction, JobKey, Reply};
use sha2::{Digest, Sha256};

use crate::support::{job, options, Server, POLL};

const ROLE: &str = "MACI_NOVA_JOBS_ROLE";
const URL: &str = "MACI_NOVA_JOBS_URL";
const FOLDER: &str = "MACI_NOVA_JOBS_FOLDER";
const SEGMENTS: &str = "MACI_NOVA_JOBS_SEGMENTS";

/// How often a driver submits what it has no result of.
const SUBMISSIONS: Duration = Duration::from_secs(1);

/// How many segments are in the queue at once.
const WINDOW: usize = 16;

/// How long a job takes.
const WORK: Duration = Duration::from_millis(200);

/// Bytes of a job: two chunks.
const JOB: usize = 140_000;

/// A process, which is killed when this is dropped.
pub struct Role(Child);

impl Role {
    pub fn kill(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }

    /// How it has ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.0.try_wait().expect("a child")
    }

    pub fn take_output(&mut self) -> ChildStdout {
        self.0.stdout.take().expect("a pipe")
    }
}

impl Drop for Role {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Starts a process. What it says is for whoever takes its output, or goes to a file.
pub fn spawn(role: &str, server: &Server, folder: &Path) -> Role {
    spawn_for(role, server, folder, 0)
}

/// The same, for a poll with so many segments.
pub fn spawn_for(role: &str, server: &Server, folder: &Path, segments: u32) -> Role {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command
        .args([
            "--exact",
            "roles::plays_a_role",
            "--nocapture",
            "--test-threads=1",
        ])
        .env(ROLE, role)
        .env(URL, server.nats.url().to_string())
        .env(FOLDER, folder)
        .env(SEGMENTS, segments.to_string())
        .stdin(Stdio::null())
        .stderr(Stdio::inherit());
    match role {
        "stuck" => command.stdout(Stdio::piped()),
        _ => command.stdout(Stdio::null()),
    };
    Role(command.spawn().expect("started"))
}

/// Not a test where nobody says which role.
#[test]
fn plays_a_role() {
    let Ok(role) = std::env::var(ROLE) else {
        return;
    };
    let variable = |name| std::env::var(name).expect("set");
    let options = options(variable(URL).parse().expect("an address"));
    let broker = loop {
        match Broker::connect(&options) {
            Ok(broker) => break broker,
            Err(error) => pause_after(&error),
        }
    };
    let folder = PathBuf::from(variable(FOLDER));
    match &role[..] {
        "stuck" => stuck(&broker),
        "worker" => worker(&broker, &folder),
        "driver" => driver(
            &broker,
            &folder,
            variable(SEGMENTS).parse().expect("a number"),
        ),
        other => panic!("no role {other}"),
    }
}

/// Waits a little where that may help, and ends where whoever started this has.
fn pause_after(error: &BrokerError) {
    assert!(error.is_transient(), "{error}");
    std::thread::sleep(Duration::from_millis(50));
    end_with_parent();
}

fn end_with_parent() {
    if parent_id() == 1 {
        std::process::exit(0);
    }
}

/// Has a job and does nothing with it.
fn stuck(broker: &Broker) {
    let taken = broker.take(Duration::from_secs(10)).expect("asked");
    assert!(taken.is_some(), "no job");
    println!("has a job");
    std::io::stdout().flush().expect("said");
    loop {
        std::thread::sleep(Duration::from_millis(100));
        end_with_parent();
    }
}

/// What a job comes to.
fn outcome(plaintext: &[u8]) -> String {
    hex::encode(Sha256::digest(plaintext))
}

fn worker(broker: &Broker, folder: &Path) {
    let key = JobKey::read(&folder.join("job-key")).expect("a key");
    loop {
        end_with_parent();
        let taken = match broker.take(Duration::from_secs(1)) {
            Ok(Some(taken)) => taken,
            Ok(None) => continue,
            Err(error) => {
                pause_after(&error);
                continue;
            }
        };
        let announcement = taken.announcement().clone();
        let context = announcement.context(Direction::Job);
        let opened = taken.fetch().map(|sealed| key.open(&context, &sealed));
        let Ok(Ok(plaintext)) = opened else {
            taken.give_back(Duration::from_millis(200));
            continue;
        };
        let start = Instant::now();
        while start.elapsed() < WORK {
            std::hint::black_box(outcome(&plaintext));
        }
        // Results of two workers differ, so that it shows which one was accepted.
        let result = format!("{} {}", outcome(&plaintext), std::process::id());
        let context = announcement.context(Direction::Result);
        if let Err(error) = taken.complete(&key.seal(&context, result.as_bytes())) {
            pause_after(&error);
        }
    }
}

/// Results that a driver has accepted, by segment.
pub type Accepted = BTreeMap<u32, String>;

/// What is in a driver's file.
pub fn accepted(folder: &Path) -> Accepted {
    let text = fs::read_to_string(folder.join("accepted")).unwrap_or_default();
    let entry = |line: &str| {
        let (segment, result) = line.split_once(' ').expect("two words");
        (segment.parse().expect("a segment"), result.to_owned())
    };
    text.lines().map(entry).collect()
}

/// Whether this is the result that the segment's job comes to, whoever did it.
pub fn is_right(segment: u32, result: &str) -> bool {
    let job = job(&JobKey::random(), POLL, segment, JOB);
    result.starts_with(&outcome(&job.plaintext))
}

fn keep(folder: &Path, accepted: &Accepted) {
    let mut text = String::new();
    for (segment, result) in accepted {
        writeln!(text, "{segment} {result}").expect("memory");
    }
    let write = |file: &mut dyn std::io::Write| file.write_all(text.as_bytes());
    write_atomically(&folder.join("accepted"), Readers::Owner, write).expect("written");
}

fn driver(broker: &Broker, folder: &Path, segments: u32) {
    let key = JobKey::read(&folder.join("job-key")).expect("a key");
    let mut accepted = accepted(folder);
    let mut results = broker.results(&POLL).expect("a reader");
    let mut submitted = None;
    while accepted.len() < segments as usize {
        end_with_parent();
        if submitted.is_none_or(|time: Instant| time.elapsed() > SUBMISSIONS) {
            submit(broker, &key, segments, &accepted);
            submitted = Some(Instant::now());
        }
        let reply = match results.next(Duration::from_millis(200)) {
            Ok(Some(reply)) => reply,
            Ok(None) => continue,
            Err(error) => {
                pause_after(&error);
                continue;
            }
        };
        if let Some(result) =
            verify(&key, &reply).filter(|_| !accepted.contains_key(&reply.segment))
        {
            accepted.insert(reply.segment, result);
            keep(folder, &accepted);
        }
        if accepted.contains_key(&reply.segment) {
            let _ = broker.finish(&POLL, reply.segment);
        }
    }
    while let Err(error) = broker.forget(&POLL) {
        pause_after(&error);
    }
}

/// What there is no result of, but no more than can be done soon: a driver that is killed while it
/// submits has read nothing.
fn submit(broker: &Broker, key: &JobKey, segments: u32, accepted: &Accepted) {
    let open = (0..segments).filter(|segment| !accepted.contains_key(segment));
    for segment in open.take(WINDOW) {
        let job = job(key, POLL, segment, JOB);
        if let Err(error) = broker.submit(&job.announcement, &job.sealed) {
            pause_after(&error);
            return;
        }
    }
}

fn verify(key: &JobKey, reply: &Reply) -> Option<String> {
    let announcement: Announcement = job(key, POLL, reply.segment, JOB).announcement;
    let context = announcement.context(Direction::Result);
    let result = key.open(&context, &reply.sealed).ok()?;
    let result = String::from_utf8(result.to_vec()).ok()?;
    is_right(reply.segment, &result).then_some(result)
}
