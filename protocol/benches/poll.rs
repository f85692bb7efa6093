//! Messages a second on one core, and what they are made of.
//!
//! The poll has state depth 10 and vote depth 3; the bar is 300 messages a second with everything
//! that a proof needs.

// The macros of criterion make functions without comments.
#![allow(missing_docs)]

use std::hint::black_box;
use std::io::Cursor;
use std::time::Duration;

use criterion::{criterion_group, criterion_main, BatchSize, Criterion, Throughput};
use maci_nova_protocol::babyjub::Point;
use maci_nova_protocol::command::Command;
use maci_nova_protocol::count::Count;
use maci_nova_protocol::eddsa;
use maci_nova_protocol::keys::{shared_key, PrivateKey};
use maci_nova_protocol::log::{LogIndex, LogWriter, PublicFacts, Record};
use maci_nova_protocol::message::{Join, Message};
use maci_nova_protocol::poll::{Decision, Header, Mode, Poll};
use maci_nova_protocol::{poseidon, Fr};
use rand_chacha::rand_core::SeedableRng;
use rand_chacha::ChaCha20Rng;

const VOTERS: u64 = 64;
const VOTES_EACH: u64 = 4;

/// A poll with every voter joined, and messages that all count, in order of processing.
struct Bench {
    coordinator: PrivateKey,
    header: Header,
    joins: Vec<Join>,
    messages: Vec<(Message, Fr)>,
    log: Vec<u8>,
}

impl Bench {
    fn new() -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let coordinator = PrivateKey::random(&mut rng);
        let header = Header {
            poll_id: 1,
            coordinator_key: coordinator.public_key().point(),
            vote_options: 125,
            mode: Mode::Quadratic,
            signed_within: 0,
            state_tree_depth: 10,
            vote_option_tree_depth: 3,
        };
        let voters: Vec<PrivateKey> = (0..VOTERS).map(|_| PrivateKey::random(&mut rng)).collect();
        let mut facts = PublicFacts::initial(header.clone());
        let mut writer = LogWriter::new(Vec::new());
        writer
            .write(&Record::Header(header.clone()))
            .expect("a header");
        let mut joins = Vec::new();
        for voter in &voters {
            let join = Join {
                public_key: voter.public_key().point(),
                voice_credits: 1000,
            };
            facts.absorb(&Record::Join(join)).expect("room");
            writer.write(&Record::Join(join)).expect("room");
            joins.push(join);
        }
        let mut messages = Vec::new();
        for nonce in (1..=VOTES_EACH).rev() {
            for (voter, index) in voters.iter().zip(1..) {
                let command = Command {
                    state_index: index,
                    new_public_key: voter.public_key().point(),
                    vote_option_index: (index * 7 + nonce * 31) % 125,
                    new_vote_weight: nonce,
                    nonce,
                    poll_id: 1,
                    salt: Fr::from(nonce),
                };
                let key = PrivateKey::random(&mut rng);
                let shared = shared_key(&key.secret_scalar(), &header.coordinator_key);
                let message = Message {
                    data: command.encrypt(&command.sign(voter), &shared),
                    encryption_key: key.public_key().point(),
                    anchor: Fr::from(0),
                };
                let record = Record::Message(Box::new(message));
                messages.push((message, facts.message_head));
                facts.absorb(&record).expect("a message");
                writer.write(&record).expect("a message");
            }
        }
        messages.reverse();
        Bench {
            coordinator,
            header,
            joins,
            messages,
            log: writer.finish().expect("memory"),
        }
    }

    fn poll(&self) -> Poll {
        let secret = self.coordinator.secret_scalar();
        let mut poll = Poll::new(self.header.clone(), secret).expect("a valid header");
        poll.join_all(&self.joins).expect("room");
        poll
    }

    fn count(&self) -> Count {
        let secret = self.coordinator.secret_scalar();
        let mut count = Count::new(self.header.clone(), secret).expect("a valid header");
        for join in &self.joins {
            count.join(join).expect("room");
        }
        count
    }
}

fn messages(criterion: &mut Criterion) {
    let bench = Bench::new();
    let poll = bench.poll();
    let count = bench.count();
    let mut group = criterion.benchmark_group("messages");
    group.throughput(Throughput::Elements(bench.messages.len() as u64));
    group
        .sample_size(10)
        .measurement_time(Duration::from_secs(5));
    group.bench_function("with witnesses", |bencher| {
        let run = |mut poll: Poll| {
            for (message, previous) in &bench.messages {
                let transition = poll.vote(message, *previous).expect("in the chain");
                assert_eq!(black_box(transition).decision, Decision::Applied);
            }
            poll
        };
        bencher.iter_batched(|| poll.clone(), run, BatchSize::LargeInput);
    });
    group.bench_function("count alone", |bencher| {
        let run = |mut count: Count| {
            for (message, previous) in &bench.messages {
                assert_eq!(count.vote(message, *previous), Ok(Decision::Applied));
            }
            count
        };
        bencher.iter_batched(|| count.clone(), run, BatchSize::LargeInput);
    });
    group.bench_function("log read forwards and backwards", |bencher| {
        bencher.iter(|| {
            let index = LogIndex::scan(&bench.log[..]).expect("a valid log");
            let messages = index.messages_reversed(Cursor::new(&bench.log));
            assert!(messages.map(black_box).all(|message| message.is_ok()));
        });
    });
    group.finish();
}

fn joins(criterion: &mut Criterion) {
    let bench = Bench::new();
    let secret = bench.coordinator.secret_scalar();
    let empty = Poll::new(bench.header.clone(), secret).expect("a valid header");
    let mut group = criterion.benchmark_group("joins");
    group.throughput(Throughput::Elements(bench.joins.len() as u64));
    group
        .sample_size(10)
        .measurement_time(Duration::from_secs(3));
    group.bench_function("with witnesses", |bencher| {
        let run = |mut poll: Poll| {
            for join in &bench.joins {
                black_box(poll.join(join).expect("room"));
            }
            poll
        };
        bencher.iter_batched(|| empty.clone(), run, BatchSize::LargeInput);
    });
    group.finish();
}

fn parts(criterion: &mut Criterion) {
    let mut rng = ChaCha20Rng::seed_from_u64(2);
    let key = PrivateKey::random(&mut rng);
    let public = key.public_key().point();
    let signature = eddsa::sign(&key, Fr::from(3));
    let inputs = [
        public.x,
        public.y,
        signature.r8.x,
        signature.r8.y,
        signature.s,
    ];
    let bytes = key.secret_scalar().to_bytes();
    criterion.bench_function("Poseidon, 5 inputs", |b| {
        b.iter(|| poseidon::hash(black_box(&inputs)))
    });
    criterion.bench_function("shared key", |b| b.iter(|| black_box(public).mul(&bytes)));
    criterion.bench_function("public key", |b| {
        b.iter(|| Point::mul_base8(black_box(&bytes)))
    });
    criterion.bench_function("signature check", |b| {
        b.iter(|| eddsa::verify(&public, Fr::from(3), black_box(&signature)));
    });
}

criterion_group!(benches, messages, joins, parts);
criterion_main!(benches);
