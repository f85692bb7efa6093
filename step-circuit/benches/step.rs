//! One vote at the reference shape: deciding it natively, and making its witness.
//!
//! Prints the constraints and matrix entries of each gadget first.

use criterion::{criterion_group, criterion_main, BatchSize, Criterion};
use ff::Field;
use maci_nova_protocol::command::Command;
use maci_nova_protocol::hash_chain;
use maci_nova_protocol::keys::{ecdh, PrivateKey};
use maci_nova_protocol::message::{Join, Message};
use maci_nova_protocol::poll::{Header, Mode, Poll};
use maci_nova_step_circuit::budget::REFERENCE;
use maci_nova_step_circuit::{Fr, StepCircuit};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

/// A poll with one voter, and a valid vote of theirs.
fn poll_and_vote() -> (Poll, PrivateKey, Message) {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let [coordinator, voter, ephemeral] = [(); 3].map(|()| PrivateKey::random(&mut rng));
    let header = Header {
        poll_id: 1,
        coordinator_key: coordinator.public_key().point(),
        vote_options: 125,
        mode: Mode::Quadratic,
        signed_within: 0,
        state_tree_depth: REFERENCE.state_depth,
        vote_option_tree_depth: REFERENCE.vote_depth,
    };
    let mut poll = Poll::new(header, coordinator.secret_scalar()).expect("a valid header");
    poll.join(&Join {
        public_key: voter.public_key().point(),
        voice_credits: 100,
    })
    .expect("room for a voter");
    let command = Command {
        state_index: 1,
        new_public_key: voter.public_key().point(),
        vote_option_index: 77,
        new_vote_weight: 9,
        nonce: 1,
        poll_id: 1,
        salt: Fr::random(&mut rng),
    };
    let shared = ecdh(&ephemeral, &coordinator.public_key());
    let message = Message {
        data: command.encrypt(&command.sign(&voter), &shared),
        encryption_key: ephemeral.public_key().point(),
        anchor: Fr::ZERO,
    };
    (poll, coordinator, message)
}

fn print_costs() {
    let recorder = StepCircuit::blank(REFERENCE).record(&[]).recorder;
    println!("{:<28}{:>12}{:>12}", "gadget", "constraints", "entries");
    for (gadget, cost) in recorder.costs(2) {
        println!("{gadget:<28}{:>12}{:>12}", cost.constraints, cost.entries);
    }
    let total = recorder.total();
    println!(
        "{:<28}{:>12}{:>12}",
        "total", total.constraints, total.entries
    );
}

fn step(c: &mut Criterion) {
    print_costs();
    let (poll, coordinator, message) = poll_and_vote();
    let decide = |mut poll: Poll| {
        poll.vote(&message, hash_chain::zero())
            .expect("the first message")
    };
    c.bench_function("decide a vote natively", |b| {
        b.iter_batched(|| poll.clone(), decide, BatchSize::SmallInput);
    });
    let transition = decide(poll.clone());
    c.bench_function("make the witness of a vote", |b| {
        b.iter(|| {
            StepCircuit::prepare(
                REFERENCE,
                poll.header(),
                coordinator.secret_scalar(),
                vec![transition.clone()],
            )
        });
    });
}

criterion_group!(benches, step);
criterion_main!(benches);
