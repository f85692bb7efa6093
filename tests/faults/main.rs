//! Runs commands against a node that answers wrongly at random moments, then runs the same command
//! again with a node that answers rightly, and compares what is there with what an undisturbed run
//! leaves: what it says, transactions paid for, files.
//!
//! `just faults 500`, or `cargo run --release -p maci-nova-tests --bin faults -- --help`. The
//! program is the release binary beside this one.

mod commands;
mod proxy;
mod trial;

use std::process::ExitCode;

use maci_nova_tests::harness::Asked;
use maci_nova_tests::town::Town;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

use proxy::Proxy;

const HELP: &str = "\
faults [--trials N] [--seed S] [COMMAND...]

Runs each command N times (20 by default) against a node with a fault that is drawn from the seed.
Commands: deploy, create, signup, join, vote, publish, topup, status, process, export-log, import,
abort; all of them by default.";

fn main() -> ExitCode {
    let Some(asked) = Asked::read("--trials", 20, &commands::NAMES) else {
        println!("{HELP}");
        return ExitCode::from(2);
    };
    let Some(mut town) = Town::new() else {
        return ExitCode::FAILURE;
    };
    let proxy = Proxy::start(&town.url());
    println!("seed {}", asked.seed);
    println!("{}", trial::HEAD);
    let mut faults = vec![];
    for name in &asked.names {
        let mut rng = ChaCha20Rng::seed_from_u64(asked.seed);
        let mut command = commands::named(name, &mut town);
        let tally = trial::run(&mut command, &mut town, &proxy, asked.count, &mut rng);
        println!("{tally}");
        faults.extend(tally.faults);
    }
    faults.iter().for_each(|fault| println!("FAULT {fault}"));
    match faults.is_empty() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}
