//! What verification costs, compared with the committed snapshot.
//!
//! All figures are whole transactions. `MACI_NOVA_WRITE_GAS=1` writes the snapshot anew.

use maci_nova_chain::deploy;
use maci_nova_contracts::decider::{deploy_code, verify, OptionResult};
use maci_nova_contracts::evm::{Evm, SENDER};

use crate::snapshot::{compare, Gas};
use maci_nova_contracts::testing::decider::{rng, statement, Choices, Trapdoors, MAX_OPTIONS};

/// Verification with full-size states and results of at most `bits` bits.
fn verification(options: usize, bits: u32) -> u64 {
    let mut rng = rng(80);
    let trapdoors = Trapdoors::random(&mut rng);
    let mut evm = Evm::new();
    let code = deploy_code(&trapdoors.key(), MAX_OPTIONS, false);
    let contract = deploy(&mut evm, SENDER, code).unwrap().contract;
    let mut statement = statement(options, &mut rng);
    // No zero byte within the size, so that the figure is the most that such results cost.
    let value = u128::from_be_bytes([0x5a; 16]) >> (128 - bits);
    let result = OptionResult {
        votes: value as i128,
        spent: value,
    };
    statement.results.fill(result);
    let proof = trapdoors.prove(&statement, &Choices::random(&mut rng));
    verify(&mut evm, SENDER, contract, &statement, &proof)
        .unwrap()
        .gas_used
}

fn deployment() -> u64 {
    let key = Trapdoors::random(&mut rng(81)).key();
    let code = deploy_code(&key, MAX_OPTIONS, false);
    deploy(&mut Evm::new(), SENDER, code).unwrap().gas_used
}

fn measured() -> Gas {
    [
        ("deploy the verifier of a random key", deployment()),
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
    for (name, bar) in [("verify", 380_500), ("verify, largest results", 387_500)] {
        assert!(measured[name] <= bar, "{name}: {}", measured[name]);
    }
    compare(&measured);
}
