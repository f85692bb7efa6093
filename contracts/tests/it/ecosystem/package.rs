//! What `npm pack` packs.

use serde_json::Value;

fn package() -> Value {
    serde_json::from_str(include_str!("../../../package.json")).unwrap()
}

/// Sources of another version would compile to another code, which `verify` does not know.
#[test]
fn what_the_sources_import_is_pinned() {
    let package = package();
    let dependencies = package["dependencies"].as_object().unwrap();
    let names: Vec<_> = dependencies.keys().map(String::as_str).collect();
    let expected = [
        "@openzeppelin/contracts",
        "@zk-kit/lean-imt.sol",
        "poseidon-solidity",
    ];
    assert_eq!(names, expected);
    for (name, version) in dependencies {
        let mut parts = version.as_str().unwrap().split('.');
        let exact = parts.all(|part| part.parse::<u32>().is_ok());
        assert!(exact, "{name} {version}");
    }
}

/// Publishing takes the intent to remove this.
#[test]
fn nothing_is_published_by_accident() {
    assert_eq!(package()["private"], true);
}

#[test]
fn the_licences_are_those_of_the_project() {
    let mit = include_str!("../../../LICENSE-MIT");
    assert_eq!(mit, include_str!("../../../../LICENSE-MIT"));
    let apache = include_str!("../../../LICENSE-APACHE");
    assert_eq!(apache, include_str!("../../../../LICENSE-APACHE"));
}
