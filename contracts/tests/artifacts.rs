//! The committed artifacts are what the sources compile to.

use std::path::Path;
use std::process::Command;

use maci_nova_contracts::{bindings, decider};

/// Compiles anew if the compiler is installed (`npm ci` in this folder). With
/// `MACI_NOVA_REQUIRE_SOLC=1` a missing compiler is a failure.
#[test]
fn artifacts_are_up_to_date() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    if !folder.join("node_modules/solc").is_dir() {
        let required = std::env::var_os("MACI_NOVA_REQUIRE_SOLC").is_some_and(|value| value == "1");
        assert!(!required, "run `npm ci` in contracts/ first");
        eprintln!("not compared: `npm ci` in contracts/ installs the compiler");
        return;
    }
    let output = Command::new("node")
        .args(["build.mjs", "--check"])
        .current_dir(folder)
        .output()
        .expect("node runs");
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{complaint}");
}

#[test]
fn the_bindings_are_of_the_artifact() {
    let artifact: serde_json::Value = serde_json::from_str(decider::ARTIFACT).unwrap();
    let code = artifact["bytecode"]["object"].as_str().unwrap();
    assert_eq!(code, bindings::DeciderVerifier::BYTECODE.to_string());
    // EIP-170 bounds what is deployed; creation code is longer still.
    assert!(code.len() / 2 < 24_576);
}

/// A lock file that names where packages come from would tie the build to one server.
#[test]
fn packages_are_pinned_without_a_server() {
    let lock = include_str!("../package-lock.json");
    assert!(!lock.contains("\"resolved\""));
    let package: serde_json::Value = serde_json::from_str(include_str!("../package.json")).unwrap();
    for (name, version) in package["devDependencies"].as_object().unwrap() {
        let version = version.as_str().unwrap();
        let exact = version.split('.').all(|part| part.parse::<u32>().is_ok());
        assert!(exact, "{name} {version}");
    }
}
