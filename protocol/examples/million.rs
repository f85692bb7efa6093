//! A poll with a million voters of whom many vote, and what it takes: time, and the process's peak
//! memory.
//!
//! `cargo run --release -p maci-nova-protocol --example million [VOTERS] [VOTES]`, by default
//! 1000000 and 20000. The bar is 1 GB at a state depth of 10 and a vote depth of 3. A tenth of the
//! voters' keys and all messages are real; the other keys repeat, which changes neither time nor
//! memory.

use std::time::Instant;

use maci_nova_protocol::command::Command;
use maci_nova_protocol::hash_chain;
use maci_nova_protocol::keys::{shared_key, PrivateKey};
use maci_nova_protocol::message::{Join, Message};
use maci_nova_protocol::poll::{Decision, Header, Mode, Poll};
use maci_nova_protocol::Fr;
use rand_chacha::rand_core::SeedableRng;
use rand_chacha::ChaCha20Rng;

/// Voters with keys of their own; voter i has key i modulo this.
const KEYS: u64 = 512;
/// Voters who join at once.
const CHUNK: u64 = 50_000;

fn main() {
    let mut arguments = std::env::args()
        .skip(1)
        .map(|text| text.parse().expect("a number"));
    let voters: u64 = arguments.next().unwrap_or(1_000_000);
    let votes: u64 = arguments.next().unwrap_or(20_000);
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
    let secret = coordinator.secret_scalar();
    let mut poll = Poll::new(header.clone(), secret).expect("a valid header");

    let keys: Vec<PrivateKey> = (0..KEYS).map(|_| PrivateKey::random(&mut rng)).collect();
    let points: Vec<_> = keys.iter().map(|key| key.public_key().point()).collect();
    let start = Instant::now();
    for first in (1..=voters).step_by(CHUNK as usize) {
        let joins: Vec<Join> = (first..=voters.min(first + CHUNK - 1))
            .map(|index| Join {
                public_key: points[(index % KEYS) as usize],
                voice_credits: 1000,
            })
            .collect();
        poll.join_all(&joins).expect("room");
    }
    report("joins", voters, start);

    // One ephemeral key for all messages is enough here.
    let ephemeral = PrivateKey::random(&mut rng);
    let shared = shared_key(&ephemeral.secret_scalar(), &header.coordinator_key);
    let start = Instant::now();
    let messages: Vec<Message> = (0..votes)
        .map(|number| {
            let index = 1 + number * (voters / votes).max(1) % voters;
            let command = Command {
                state_index: index,
                new_public_key: points[(index % KEYS) as usize],
                vote_option_index: number % 125,
                new_vote_weight: 1 + number % 9,
                nonce: 1 + number / voters,
                poll_id: 1,
                salt: Fr::from(number),
            };
            let signature = command.sign(&keys[(index % KEYS) as usize]);
            Message {
                data: command.encrypt(&signature, &shared),
                encryption_key: ephemeral.public_key().point(),
                anchor: Fr::from(0),
            }
        })
        .collect();
    report("messages made", votes, start);

    // The last message that arrived is processed first: here, the first of the list.
    let mut heads = vec![hash_chain::zero()];
    for message in messages.iter().rev() {
        heads.push(hash_chain::extend(heads[heads.len() - 1], message.into()));
    }
    heads.pop();
    let start = Instant::now();
    let mut applied = 0u64;
    for message in &messages {
        let previous = heads.pop().expect("one a message");
        let transition = poll.vote(message, previous).expect("in the chain");
        applied += u64::from(transition.decision == Decision::Applied);
    }
    report("messages processed", votes, start);
    println!("applied: {applied}, spent: {}", poll.total_spent());
    match peak_memory() {
        Some(kib) => println!("peak memory: {} MiB", kib / 1024),
        None => println!("peak memory: unknown on this system"),
    }
}

fn report(what: &str, count: u64, start: Instant) {
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "{what}: {count} in {seconds:.1} s, {:.0} a second",
        count as f64 / seconds
    );
}

/// The process's peak resident memory in KiB, where the kernel tells.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
