//! Serves a poll of many voters by way of a node that has a bad day, kills the service at random
//! moments, and looks whether anything was lost, or sent twice.
//!
//! `just serve 100`, or `cargo run --release -p maci-nova-tests --bin serve -- --help`. The program
//! is the release binary beside this one.

mod scene;

use std::process::ExitCode;
use std::time::Instant;

use maci_nova_tests::harness::Asked;
use maci_nova_tests::town::Town;

use scene::Scene;

const HELP: &str = "\
serve [--kills N] [--seed S]

Lets 60 voters join a poll and send 300 messages, half of them by the service's relayer, while the service is killed N times (100 by
default) at moments drawn from the seed, before and after the poll's end.";

fn main() -> ExitCode {
    let Some(asked) = Asked::read("--kills", 100, &["poll"]) else {
        println!("{HELP}");
        return ExitCode::from(2);
    };
    let Some(town) = Town::new() else {
        return ExitCode::FAILURE;
    };
    println!("seed {}", asked.seed);
    let begun = Instant::now();
    let mut scene = Scene::new(town, asked.seed);
    let outcome = scene.play(asked.count);
    println!(
        "{} kills, {} starts, {} ballots signed again, {:.0} s; faults of the node: {:?}",
        scene.kills,
        scene.starts,
        scene.expired,
        begun.elapsed().as_secs_f64(),
        scene.faults()
    );
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            println!("FAULT {fault}");
            ExitCode::FAILURE
        }
    }
}
