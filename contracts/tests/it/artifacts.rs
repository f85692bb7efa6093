//! The committed artifacts are what the sources compile to.

use std::path::Path;
use std::process::Command;

use maci_nova_contracts::alloy_primitives::Address;
use maci_nova_contracts::artifact::{self, Artifact, ArtifactError, Libraries};
use maci_nova_contracts::bindings;

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
fn the_bindings_are_of_the_artifacts() {
    let artifact = artifact::DECIDER_VERIFIER.link(&Libraries::new()).unwrap();
    assert_eq!(artifact, bindings::DeciderVerifier::BYTECODE);
    let artifact = artifact::JOIN_VERIFIER.link(&Libraries::new()).unwrap();
    assert_eq!(artifact, bindings::JoinVerifier::BYTECODE);
}

/// EIP-170 bounds what is deployed; creation code is longer still.
#[test]
fn every_contract_is_below_the_size_limit() {
    for artifact in artifact::ALL {
        let code = artifact.link(&libraries()).unwrap();
        assert!(code.len() < 24_576, "{}: {}", artifact.name, code.len());
    }
}

/// Addresses that are seen in linked code.
fn libraries() -> Libraries {
    let names = ["PoseidonT3", "PoseidonT4", "PoseidonT5", "PoseidonT6"];
    let addresses = [0xa3, 0xa4, 0xa5, 0xa6].map(Address::repeat_byte);
    names
        .map(str::to_owned)
        .into_iter()
        .zip(addresses)
        .collect()
}

/// A poll hashes three inputs and more, the factory five.
#[test]
fn libraries_are_linked_wherever_they_are_called() {
    for (artifact, first) in [
        (artifact::POLL, "PoseidonT4"),
        (artifact::POLL_FACTORY, "PoseidonT6"),
    ] {
        let code = artifact.link(&libraries()).unwrap();
        for (name, address) in &libraries() {
            let called = code.windows(20).any(|bytes| bytes == address);
            assert_eq!(called, name.as_str() >= first, "{}", artifact.name);
        }
    }
    let code = artifact::MACI.link(&libraries()).unwrap();
    assert!(code.windows(20).any(|bytes| bytes == [0xa3; 20]));
}

#[test]
fn a_missing_library_is_named() {
    let mut some = libraries();
    some.remove("PoseidonT5");
    let error = artifact::POLL.link(&some).unwrap_err();
    let expected = ArtifactError::MissingLibrary {
        contract: "Poll",
        library: "PoseidonT5".to_owned(),
    };
    assert_eq!(error, expected);
    assert!(artifact::MACI.link(&some).is_ok(), "it does not need it");
}

#[test]
fn files_that_are_no_artifacts() {
    let reference = |start: &str| {
        format!(
            r#"{{"bytecode":{{"object":"0x6000","linkReferences":{{"a.sol":{{"PoseidonT3":[{{"length":20,"start":{start}}}]}}}}}}}}"#
        )
    };
    let texts = [
        String::new(),
        "{}".to_owned(),
        r#"{"bytecode":{"object":"0x60zz"}}"#.to_owned(),
        r#"{"bytecode":{"object":"0x600"}}"#.to_owned(),
        reference("0"),
        reference("18446744073709551615"),
        reference("-1"),
    ];
    for text in texts {
        let json = Box::leak(text.into_boxed_str());
        let artifact = Artifact { name: "X", json };
        let error = artifact.link(&libraries()).unwrap_err();
        assert!(matches!(error, ArtifactError::Malformed { .. }), "{json}");
    }
}

/// A lock file that names where packages come from would tie the build to one server.
#[test]
fn packages_are_pinned_without_a_server() {
    let lock = include_str!("../../package-lock.json");
    assert!(!lock.contains("\"resolved\""));
    let package: serde_json::Value =
        serde_json::from_str(include_str!("../../package.json")).unwrap();
    for (name, version) in package["devDependencies"].as_object().unwrap() {
        let version = version.as_str().unwrap();
        let exact = version.split('.').all(|part| part.parse::<u32>().is_ok());
        assert!(exact, "{name} {version}");
    }
}
