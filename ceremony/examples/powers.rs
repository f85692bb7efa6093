//! Writes a powers-of-tau file that is prepared for the circuits of small polls. INSECURE: its trapdoors are in the source.
//!
//! `cargo run --release -p maci-nova-ceremony --features testing --example powers -- FILE [POWER PREPARED...]`

use std::path::Path;

use maci_nova_ceremony::testing::{write_prepared, Secrets};

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let (file, numbers) = words.split_first().expect("a file");
    let numbers: Vec<u32> = numbers
        .iter()
        .map(|number| number.parse().expect("a number"))
        .collect();
    match numbers.split_first() {
        Some((power, prepared)) => {
            write_prepared(Path::new(file), &Secrets::some(), *power, prepared)
        }
        // Those of the decider and of join proofs.
        None => write_prepared(Path::new(file), &Secrets::some(), 20, &[14, 20]),
    }
}
