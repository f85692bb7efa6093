//! Setup, one fold, and checkpoints at shape (10, 3, 1).

use std::hint::black_box;

use criterion::{criterion_group, criterion_main, Criterion};
use maci_nova_folding::{checkpoint, Parameters, RunningProof, SetupSource};
use maci_nova_step_circuit::{testing::small_poll, Shape};

fn benches(c: &mut Criterion) {
    let shape = Shape::new(10, 3, 1).expect("in range");
    let setup = || Parameters::setup(shape, &SetupSource::InsecureDevelopment).expect("parameters");
    let parameters = setup();
    let (first, second) = parameters.constraints();
    println!("{first} constraints on BN254, {second} on Grumpkin");
    let poll = small_poll(10, 3);
    let mut proof = RunningProof::new(&parameters, &poll.header).expect("begun");
    let mut steps = poll.steps().map(|step| step.expect("prepared"));
    for step in steps.by_ref().take(5) {
        proof.fold(&parameters, step).expect("folded");
    }
    let vote = steps.next().expect("a vote");
    let directory = tempfile::tempdir().expect("directory");
    let path = directory.path().join("checkpoint");
    let save = || checkpoint::save(&path, &parameters, &proof, &[]).expect("saved");
    save();
    let size = std::fs::metadata(&path).expect("metadata").len();
    println!("a checkpoint has {size} bytes");

    let mut group = c.benchmark_group("folding (10, 3, 1)");
    group.sample_size(10);
    group.bench_function("setup", |b| b.iter(setup));
    group.bench_function("fold one vote", |b| {
        b.iter_batched(
            || (proof.clone(), vote.clone()),
            |(mut proof, vote)| {
                proof.fold(&parameters, vote).expect("folded");
                proof
            },
            criterion::BatchSize::LargeInput,
        );
    });
    group.bench_function("verify the running proof", |b| {
        b.iter(|| proof.verify(&parameters).expect("true"));
    });
    group.bench_function("save a checkpoint", |b| b.iter(save));
    group.bench_function("load a checkpoint", |b| {
        b.iter(|| {
            let loaded = checkpoint::load(&path, &parameters, &poll.header);
            black_box(loaded.expect("loaded"))
        });
    });
    group.finish();
}

criterion_group!(fold, benches);
criterion_main!(fold);
