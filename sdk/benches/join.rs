//! A voter's proof of membership, at the largest depth.

use criterion::{criterion_group, criterion_main, Criterion};
use maci_nova_groth16::Trapdoors;
use maci_nova_protocol::babyjub::Scalar;
use maci_nova_protocol::lean_imt::{Level, Path};
use maci_nova_protocol::membership::{Binding, Scope, MAX_DEPTH};
use maci_nova_protocol::Fr;
use maci_nova_sdk::voter::join_proof::{verify, Prover, Witness};

fn benches(c: &mut Criterion) {
    let prover = Prover::setup(Trapdoors::insecure_development()).expect("keys");
    println!("{} constraints", prover.constraints());
    let level = Level {
        sibling: Fr::from(5),
        is_right: true,
    };
    let levels = vec![level; MAX_DEPTH];
    let witness = Witness::of_scalar(Scalar::from(77), Path { levels }).expect("32 levels");
    let statement = witness.statement(Scope(Fr::from(3)), Binding(Fr::from(4)));
    let prove = || prover.prove(statement, &witness).expect("proven");
    let (key, proof) = (prover.verifying_key(), prove());

    let mut group = c.benchmark_group("join");
    group.sample_size(10);
    group.bench_function("prove", |b| b.iter(prove));
    group.bench_function("verify", |b| {
        b.iter(|| verify(&key, &statement, &proof).expect("true"));
    });
    group.finish();
}

criterion_group!(join, benches);
criterion_main!(join);
