//! How much faster more workers prove a count in segments, by real jobs through a real server: the same segments by one worker and by
//! several, in turns.
//!
//! `just workers`, or `cargo run --release -p maci-nova-tests --bin workers -- --help`. The program is the release binary beside this
//! one; it needs nats-server.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use maci_nova_bench::random_poll::RandomPoll;
use maci_nova_compressor::decider::{self, DeciderProof, DeciderStatement, End, Prover, Salt};
use maci_nova_coordinator::prove::keys;
use maci_nova_coordinator::segments::job::{JobWriter, SegmentPlace};
use maci_nova_folding::{Parameters, RunningProof, SetupSource};
use maci_nova_jobs::{
    Announcement, Broker, BrokerOptions, Direction, JobId, JobKey, NatsServer, ANNOUNCEMENT_VERSION,
};
use maci_nova_sdk::poll::keys::KeyPolicy;
use maci_nova_step_circuit::Shape;

const HELP: &str = "\
workers [--messages N] [--segments S] [--workers W] [--runs R] [--events-per-step K]

Proves N messages (400 by default) in S segments (2) by one worker and by W (2) of one thread each, R times (2) in turns, and
tells how much faster they are. --segments 1 with one worker is the whole count without segments.";

/// A count takes no longer.
const LONGEST: Duration = Duration::from_secs(3600);

const SHAPE: Shape = Shape {
    state_depth: 4,
    vote_depth: 1,
    events_per_step: 1,
};

struct Asked {
    messages: usize,
    segments: usize,
    workers: usize,
    runs: usize,
    events_per_step: usize,
}

impl Asked {
    fn read() -> Option<Self> {
        let mut asked = Asked {
            messages: 400,
            segments: 2,
            workers: 2,
            runs: 2,
            events_per_step: 1,
        };
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            let place = match argument.as_str() {
                "--messages" => &mut asked.messages,
                "--segments" => &mut asked.segments,
                "--workers" => &mut asked.workers,
                "--runs" => &mut asked.runs,
                "--events-per-step" => &mut asked.events_per_step,
                _ => return None,
            };
            *place = arguments
                .next()?
                .parse()
                .ok()
                .filter(|number| *number > 0)?;
        }
        Some(asked)
    }
}

fn main() -> ExitCode {
    let Some(asked) = Asked::read() else {
        println!("{HELP}");
        return ExitCode::from(2);
    };
    let directory = tempfile::tempdir().expect("directory");
    let server = match NatsServer::start(&directory.path().join("nats")) {
        Ok(server) => server,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    let key_file = directory.path().join("job.key");
    let shape = Shape {
        events_per_step: asked.events_per_step,
        ..SHAPE
    };
    let parameters =
        Parameters::setup(shape, &SetupSource::InsecureDevelopment).expect("parameters");
    let keys = keys::decider(&parameters, &KeyPolicy::default(), &()).expect("keys");
    let bench = Bench {
        broker: Broker::connect(&BrokerOptions::new(server.url())).expect("connected"),
        key: JobKey::create(&key_file).expect("made"),
        prover: &keys.prover,
        parameters: &parameters,
        server: &server,
        key_file,
    };
    let (mut one, mut several) = (vec![], vec![]);
    for run in 1..=asked.runs {
        for (workers, times) in [(1, &mut one), (asked.workers, &mut several)] {
            let seconds = bench.count(&asked, workers);
            println!("run {run}: {workers} workers, {seconds:.1} s");
            times.push(seconds);
        }
    }
    let median = |times: &mut Vec<f64>| {
        times.sort_by(f64::total_cmp);
        times[times.len() / 2]
    };
    let (one, several) = (median(&mut one), median(&mut several));
    println!(
        "{} messages in {} segments: one worker {one:.1} s, {} workers {several:.1} s: {:.2} times faster",
        asked.messages,
        asked.segments,
        asked.workers,
        one / several
    );
    ExitCode::SUCCESS
}

struct Bench<'a> {
    broker: Broker,
    key: JobKey,
    prover: &'a Prover,
    parameters: &'a Parameters,
    server: &'a NatsServer,
    key_file: PathBuf,
}

/// A job as it is submitted, and what is proven by it.
struct Made {
    announcement: Announcement,
    sealed: Vec<u8>,
    statement: DeciderStatement,
}

impl Bench<'_> {
    /// Seconds from the first message's decision to the last verified proof. The workers have parameters and keys by then.
    fn count(&self, asked: &Asked, workers: usize) -> f64 {
        let mut crew = Crew(vec![]);
        for _ in 0..workers {
            crew.0.push(worker(self.server, &self.key_file));
        }
        // A short job each, at the same time, so that each worker gets ready.
        let short: Vec<Made> = self.jobs(2 * workers, workers, [1; 32]).collect();
        self.prove([1; 32], short.into_iter());
        let begun = Instant::now();
        self.prove([2; 32], self.jobs(asked.messages, asked.segments, [2; 32]));
        begun.elapsed().as_secs_f64()
    }

    /// Submits jobs as they are made, and waits for the proofs.
    fn prove(&self, poll: [u8; 32], jobs: impl Iterator<Item = Made>) {
        let mut waiting = vec![];
        for job in jobs {
            self.broker
                .submit(&job.announcement, &job.sealed)
                .expect("submitted");
            waiting.push(job);
        }
        let mut results = self.broker.results(&poll).expect("results");
        let begun = Instant::now();
        while !waiting.is_empty() {
            assert!(begun.elapsed() < LONGEST, "no proofs come");
            let Some(reply) = results.next(Duration::from_millis(100)).expect("asked") else {
                continue;
            };
            waiting.retain(|job| {
                let context = job.announcement.context(Direction::Result);
                let Ok(bytes) = self.key.open(&context, &reply.sealed) else {
                    return true;
                };
                let proof = DeciderProof::from_bytes(&bytes).expect("a proof");
                decider::verify(&self.prover.verifying_key(), &job.statement, &proof)
                    .expect("true");
                false
            });
        }
        self.broker.forget(&poll).expect("forgotten");
    }

    /// The jobs of so many messages, made one after the other.
    fn jobs(
        &self,
        messages: usize,
        segments: usize,
        poll: [u8; 32],
    ) -> impl Iterator<Item = Made> + '_ {
        let shape = self.parameters.shape();
        let mut events = RandomPoll::new(shape, messages).expect("a poll");
        let salts: Vec<Salt> = (1..segments).map(|_| Salt::random()).collect();
        let k = shape.events_per_step;
        let steps = messages / k + 1;
        let mut done = 0;
        (0..segments).map(move |segment| {
            let end = |salt: Option<&Salt>| salt.cloned().map_or(End::State, End::Link);
            let place = SegmentPlace {
                segment: (segment as u32, segments as u32),
                ends: [
                    end(segment.checked_sub(1).map(|before| &salts[before])),
                    end(salts.get(segment)),
                ],
            };
            let last = steps * (segment + 1) / segments;
            let mut transitions = events.take_opening();
            transitions.extend(events.decide((last - done) * k).expect("messages"));
            done = last;
            let begun =
                RunningProof::begin_at(self.parameters, events.header(), transitions[0].before)
                    .expect("begun");
            let secret = events.secret();
            let count = transitions.len() as u64;
            let mut writer =
                JobWriter::new(self.parameters, &begun, poll, &place, secret, count).expect("room");
            for transition in &transitions {
                writer.push(transition).expect("written");
            }
            let (bytes, statement) = writer.finish(events.results()).expect("finished");
            let announcement = Announcement {
                version: ANNOUNCEMENT_VERSION,
                parameters: self.parameters.digest().0,
                keys: self.prover.digest(),
                poll,
                segment: segment as u32,
                segments: segments as u32,
                job: JobId::of(&bytes),
                steps: count / k as u64,
                shape: [shape.state_depth, shape.vote_depth, k].map(|size| size as u32),
            };
            let context = announcement.context(Direction::Job);
            Made {
                sealed: self.key.seal(&context, &bytes),
                announcement,
                statement,
            }
        })
    }
}

/// Workers, which end with this.
struct Crew(Vec<Child>);

impl Drop for Crew {
    fn drop(&mut self) {
        for worker in &mut self.0 {
            let _ = worker.kill();
            let _ = worker.wait();
        }
    }
}

fn worker(server: &NatsServer, key: &Path) -> Child {
    let program = std::env::current_exe().expect("a path");
    let program = program.with_file_name("maci-nova");
    Command::new(program)
        .args(["worker", "--insecure-setup", "--threads", "1", "--nats"])
        .arg(server.url().to_string())
        .arg("--job-key-file")
        .arg(key)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("a worker")
}
