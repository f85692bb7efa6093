//! Kills the program at random moments, runs the same command again until it ends, and compares
//! what is there then with what an undisturbed run leaves: results, files, transactions paid for.
//!
//! `just kill 1000`, or `cargo run --release -p maci-nova-tests --bin kill -- --help`. The program
//! is the release binary beside this one.

mod scenes;
mod trial;

use std::process::ExitCode;

use rand_chacha::ChaCha20Rng;
use rand_core::{OsRng, RngCore, SeedableRng};

use maci_nova_tests::town::Town;
use trial::{run, Tally};

const HELP: &str = "\
kill [--kills N] [--seed S] [SCENE...]

Kills each scene's command N times (100 by default) at moments drawn from the seed.
Scenes: prove, deploy, create, vote, process, finalize; all of them by default.";

/// What the arguments ask for.
struct Asked {
    kills: u32,
    seed: u64,
    scenes: Vec<String>,
}

fn asked() -> Option<Asked> {
    let mut asked = Asked {
        kills: 100,
        seed: OsRng.next_u64() >> 32,
        scenes: vec![],
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--kills" => asked.kills = arguments.next()?.parse().ok()?,
            "--seed" => asked.seed = arguments.next()?.parse().ok()?,
            name if scenes::NAMES.contains(&name) => asked.scenes.push(argument),
            _ => return None,
        }
    }
    if asked.scenes.is_empty() {
        asked.scenes = scenes::NAMES.map(str::to_owned).to_vec();
    }
    Some(asked)
}

fn main() -> ExitCode {
    let Some(asked) = asked() else {
        println!("{HELP}");
        return ExitCode::from(2);
    };
    let Some(mut town) = Town::new() else {
        return ExitCode::FAILURE;
    };
    println!("seed {}", asked.seed);
    let mut tallies = vec![];
    for (i, name) in asked.scenes.iter().enumerate() {
        // Each scene is the same whatever ran before it.
        let mut rng = ChaCha20Rng::seed_from_u64(asked.seed);
        rng.set_stream(i as u64);
        let mut scene = scenes::named(name, &mut town);
        tallies.push(run(&mut *scene, &mut town, asked.kills, &mut rng));
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
