//! The committed gas of whole transactions.

use std::collections::BTreeMap;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/gas.json");

/// Gas by what was done.
pub type Gas = BTreeMap<String, u64>;

/// Compares exactly. `MACI_NOVA_WRITE_GAS=1` writes the figures anew first.
pub fn compare(measured: &Gas) {
    let mut all = read();
    if std::env::var_os("MACI_NOVA_WRITE_GAS").is_some_and(|value| value == "1") {
        all.extend(measured.clone());
        let text = serde_json::to_string_pretty(&all).unwrap();
        std::fs::write(FILE, text + "\n").unwrap();
    }
    for (what, gas) in measured {
        assert_eq!(Some(gas), all.get(what), "{what} in gas.json");
    }
}

/// What is committed.
pub fn read() -> Gas {
    let text = std::fs::read_to_string(FILE).expect("gas.json is committed");
    serde_json::from_str(&text).expect("gas.json has numbers")
}
