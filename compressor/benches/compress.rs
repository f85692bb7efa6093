//! Compression and verification at shape (10, 3, 1).

use criterion::{criterion_group, criterion_main, Criterion};
use maci_nova_compressor::{verify, FinalProof, VerifierKey};
use maci_nova_folding::{Parameters, RunningProof, SetupSource};
use maci_nova_step_circuit::{testing::small_poll, Shape};

fn benches(c: &mut Criterion) {
    let shape = Shape::new(10, 3, 1).expect("in range");
    let parameters =
        Parameters::setup(shape, &SetupSource::InsecureDevelopment).expect("parameters");
    let poll = small_poll(10, 3);
    let mut running = RunningProof::new(&parameters, &poll.header).expect("begun");
    for step in poll.steps() {
        let step = step.expect("prepared");
        running.fold(&parameters, step).expect("folded");
    }
    let key = VerifierKey::new(&parameters);
    let prove = || FinalProof::prove(&parameters, &running, poll.results.clone()).expect("proven");
    let proof = prove();
    println!("a final proof has {} bytes", proof.to_bytes().len());

    let mut group = c.benchmark_group("compression (10, 3, 1)");
    group.sample_size(10);
    group.bench_function("prove", |b| b.iter(prove));
    group.bench_function("verify", |b| {
        b.iter(|| verify(&key, &proof, &poll.facts).expect("true"));
    });
    group.finish();
}

criterion_group!(compress, benches);
criterion_main!(compress);
