//! What verification costs, compared with the committed snapshot.
//!
//! All figures are whole transactions. `MACI_NOVA_WRITE_GAS=1` writes the snapshot anew.

use std::collections::BTreeMap;

use maci_nova_contracts::decider::{deploy_code, verify, OptionResult};
use maci_nova_contracts::evm::Evm;

use crate::simulator::{rng, statement, Choices, Trapdoors, MAX_OPTIONS};

const SNAPSHOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/gas.json");

/// Verification with full-size states and results of at most `bits` bits.
fn verification(options: usize, bits: u32) -> u64 {
    let mut rng = rng(80);
    let trapdoors = Trapdoors::random(&mut rng);
    let mut evm = Evm::new();
    let code = deploy_code(&trapdoors.key(), MAX_OPTIONS);
    let contract = evm.deploy(code).unwrap().contract;
    let mut statement = statement(options, &mut rng);
    // No zero byte within the size, so that the figure is the most that such results cost.
    let value = u128::from_be_bytes([0x5a; 16]) >> (128 - bits);
    let result = OptionResult {
        votes: value,
        spent: value,
    };
    statement.results.fill(result);
    let proof = trapdoors.prove(&statement, &Choices::random(&mut rng));
    verify(&mut evm, contract, &statement, &proof)
        .unwrap()
        .gas_used
}

fn deployment() -> u64 {
    let key = Trapdoors::random(&mut rng(81)).key();
    Evm::new()
        .deploy(deploy_code(&key, MAX_OPTIONS))
        .unwrap()
        .gas_used
}

fn measured() -> BTreeMap<String, u64> {
    [
        ("deploy", deployment()),
        ("verify", verification(25, 40)),
        ("verify, 1 option", verification(1, 40)),
        ("verify, 5 options", verification(5, 40)),
        ("verify, 125 options", verification(125, 40)),
        ("verify, largest results", verification(25, 128)),
    ]
    .map(|(name, gas)| (name.to_owned(), gas))
    .into()
}

#[test]
fn gas_is_what_the_snapshot_says() {
    let measured = measured();
    for name in ["verify", "verify, largest results"] {
        assert!(measured[name] < 400_000, "{name}: {}", measured[name]);
    }
    if std::env::var_os("MACI_NOVA_WRITE_GAS").is_some_and(|value| value == "1") {
        let text = serde_json::to_string_pretty(&measured).unwrap();
        std::fs::write(SNAPSHOT, text + "\n").unwrap();
    }
    let text = std::fs::read_to_string(SNAPSHOT).expect("gas.json is committed");
    let committed: BTreeMap<String, u64> = serde_json::from_str(&text).unwrap();
    assert_eq!(measured, committed);
}
