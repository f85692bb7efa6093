//! Kills the program at random moments, runs the same command again until it ends, and compares
//! what is there then with what an undisturbed run leaves: results, files, transactions paid for.
//!
//! `just kill 1000`, or `cargo run --release -p maci-nova-tests --bin kill -- --help`. The program
//! is the release binary beside this one.

mod scenes;
mod trial;

use std::process::ExitCode;

use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

use maci_nova_tests::harness::Asked;
use maci_nova_tests::town::Town;
use trial::{run, Tally};

const HELP: &str = "\
kill [--kills N] [--seed S] [SCENE...]

Kills each scene's command N times (100 by default) at moments drawn from the seed.
Scenes: prove, deploy, create, vote, process, finalize, segments (which needs nats-server); all of them by default.";

fn main() -> ExitCode {
    let Some(asked) = Asked::read("--kills", 100, &scenes::NAMES) else {
        println!("{HELP}");
        return ExitCode::from(2);
    };
    let Some(mut town) = Town::new() else {
        return ExitCode::FAILURE;
    };
    println!("seed {}", asked.seed);
    let mut tallies = vec![];
    for (i, name) in asked.names.iter().enumerate() {
        // Each scene is the same whatever ran before it.
        let mut rng = ChaCha20Rng::seed_from_u64(asked.seed);
        rng.set_stream(i as u64);
        let mut scene = scenes::named(name, &mut town);
        tallies.push(run(&mut *scene, &mut town, asked.count, &mut rng));
    }
    println!("{}", Tally::HEAD);
    for tally in &tallies {
        println!("{tally}");
    }
    let faults = tallies.iter().flat_map(|tally| &tally.faults);
    faults.clone().for_each(|fault| println!("FAULT {fault}"));
    match faults.count() {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}
