//! What the driver of a count in segments does alone, at the size of a large poll: reading the log, deciding every message and
//! writing sealed jobs. It tells the time, and the process's peak memory.
//!
//! ```sh
//! cargo build --release -p maci-nova-coordinator --example deciding
//! target/release/examples/deciding generate DIR 1000000 200000
//! RAYON_NUM_THREADS=1 target/release/examples/deciding decide DIR 16
//! ```
//!
//! The first makes a log of so many messages by so many voters, the second cuts its count into so many segments. The bar is 20 minutes
//! and 1 GB on one core. Everybody's messages count, and each voter's weigh on options of their own; 512 keys repeat, which
//! changes neither time nor memory. No proof is made: parameters are INSECURE.

use std::error::Error;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::Instant;

use maci_nova_compressor::decider::{End, Salt};
use maci_nova_coordinator::fold::steps::Steps;
use maci_nova_coordinator::log::poll_log::PollLog;
use maci_nova_coordinator::segments::job::{JobWriter, SegmentPlace};
use maci_nova_folding::{Parameters, RunningProof, SetupSource};
use maci_nova_jobs::{Context, Direction, JobId, JobKey};
use maci_nova_protocol::command::Command;
use maci_nova_protocol::keys::{shared_key, PrivateKey};
use maci_nova_protocol::log::{LogWriter, Record};
use maci_nova_protocol::message::{Join, Message};
use maci_nova_protocol::poll::{Header, Mode, Poll};
use maci_nova_protocol::Fr;
use rand_chacha::rand_core::SeedableRng;
use rand_chacha::ChaCha20Rng;

/// Voters with keys of their own; voter i has key i modulo this.
const KEYS: u64 = 512;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let texts: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match texts.as_slice() {
        ["generate", directory, messages, voters] => {
            generate(Path::new(directory), messages.parse()?, voters.parse()?)
        }
        ["decide", directory, segments] => decide(Path::new(directory), segments.parse()?),
        _ => Err("generate DIR MESSAGES VOTERS, or decide DIR SEGMENTS".into()),
    }
}

/// The same keys whenever it is run.
fn keys() -> (PrivateKey, Vec<PrivateKey>) {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let coordinator = PrivateKey::random(&mut rng);
    let keys = (0..KEYS).map(|_| PrivateKey::random(&mut rng)).collect();
    (coordinator, keys)
}

fn generate(directory: &Path, messages: u64, voters: u64) -> Result<(), Box<dyn Error>> {
    let (coordinator, keys) = keys();
    let header = Header {
        poll_id: 1,
        coordinator_key: coordinator.public_key().point(),
        vote_options: 125,
        mode: Mode::Quadratic,
        signed_within: 0,
        state_tree_depth: 10,
        vote_option_tree_depth: 3,
    };
    let points: Vec<_> = keys.iter().map(|key| key.public_key().point()).collect();
    // One ephemeral key for all messages is enough here.
    let ephemeral = PrivateKey::random(&mut ChaCha20Rng::seed_from_u64(2));
    let shared = shared_key(&ephemeral.secret_scalar(), &header.coordinator_key);
    fs::create_dir_all(directory)?;
    let file = BufWriter::new(File::create(directory.join("poll.jsonl"))?);
    let mut log = LogWriter::new(file);
    log.write(&Record::Header(header))?;
    for index in 1..=voters {
        log.write(&Record::Join(Join {
            public_key: points[(index % KEYS) as usize],
            voice_credits: 1000,
        }))?;
    }
    // Processed from the last to the first: a voter's last message has nonce 1.
    for number in (0..messages).rev() {
        let index = 1 + number % voters;
        let command = Command {
            state_index: index,
            new_public_key: points[(index % KEYS) as usize],
            vote_option_index: (number / voters + index) % 125,
            new_vote_weight: 1 + number % 9,
            nonce: 1 + number / voters,
            poll_id: 1,
            salt: Fr::from(0),
        };
        let signature = command.sign(&keys[(index % KEYS) as usize]);
        log.write(&Record::Message(Box::new(Message {
            data: command.encrypt(&signature, &shared),
            encryption_key: ephemeral.public_key().point(),
            anchor: Fr::from(0),
        })))?;
    }
    log.finish()?.flush()?;
    Ok(())
}

fn decide(directory: &Path, segments: u64) -> Result<(), Box<dyn Error>> {
    let start = Instant::now();
    let log = PollLog::open(&directory.join("poll.jsonl"))?;
    println!(
        "read: {} joins, {} messages, {} bytes in {:.1} s",
        log.voters(),
        log.messages(),
        log.bytes(),
        start.elapsed().as_secs_f64()
    );
    let shape = log.shape(1)?;
    let parameters = Parameters::setup(shape, &SetupSource::InsecureDevelopment)?;
    let (coordinator, _) = keys();
    let secret = coordinator.secret_scalar();
    let key = JobKey::random();
    let begin = Instant::now();
    let mut poll = Poll::new(log.header().clone(), secret)?;
    let events = log.events(vec![Fr::from(1)])?;
    let mut steps = Steps::new(events, &mut poll, &coordinator, shape);
    let total = log.voters() + log.messages() + 1;
    let salts: Vec<Salt> = (1..segments).map(|_| Salt::random()).collect();
    let end = |salt: Option<&Salt>| salt.cloned().map_or(End::State, End::Link);
    let (mut done, mut largest, mut all) = (0, 0, 0);
    for segment in 0..segments {
        let last = total * (segment + 1) / segments;
        let place = SegmentPlace {
            segment: (segment as u32, segments as u32),
            ends: [
                end(segment.checked_sub(1).map(|before| &salts[before as usize])),
                end(salts.get(segment as usize)),
            ],
        };
        let begun = RunningProof::begin_at(&parameters, log.header(), *steps.state())?;
        let mut writer = JobWriter::new(&parameters, &begun, [7; 32], &place, secret, last - done)?;
        while done < last {
            for transition in steps.transitions()? {
                writer.push(&transition)?;
            }
            done += 1;
        }
        let (bytes, _) = writer.finish(steps.results())?;
        let context = Context {
            parameters: parameters.digest().0,
            poll: [7; 32],
            segment: segment as u32,
            job: JobId::of(&bytes),
            direction: Direction::Job,
        };
        let sealed = key.seal(&context, &bytes);
        fs::write(directory.join("segment.job"), &sealed)?;
        largest = largest.max(sealed.len());
        all += sealed.len();
    }
    println!(
        "decided: {total} events in {:.1} s; jobs have {all} bytes, the largest {largest}",
        begin.elapsed().as_secs_f64()
    );
    println!(
        "all of it: {:.1} s, peak memory {} MiB",
        start.elapsed().as_secs_f64(),
        peak_memory().map_or("unknown".into(), |kib| (kib / 1024).to_string())
    );
    Ok(())
}

/// The process's peak resident memory in KiB, where the kernel tells.
fn peak_memory() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
