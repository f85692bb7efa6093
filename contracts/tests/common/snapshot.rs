//! The committed gas of whole transactions, a section for each test.

use std::collections::BTreeMap;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/gas.json");

/// Gas by what was done.
pub type Section = BTreeMap<String, u64>;

/// Compares a section exactly. `MACI_NOVA_WRITE_GAS=1` writes it anew first.
pub fn compare(section: &str, measured: &Section) {
    let mut all = read();
    if std::env::var_os("MACI_NOVA_WRITE_GAS").is_some_and(|value| value == "1") {
        all.insert(section.to_owned(), measured.clone());
        let text = serde_json::to_string_pretty(&all).unwrap();
        std::fs::write(FILE, text + "\n").unwrap();
    }
    assert_eq!(Some(measured), all.get(section), "{section} in gas.json");
}

fn read() -> BTreeMap<String, Section> {
    let text = std::fs::read_to_string(FILE).expect("gas.json is committed");
    serde_json::from_str(&text).expect("gas.json has sections")
}
