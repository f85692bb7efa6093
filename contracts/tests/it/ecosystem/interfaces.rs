//! What integrators compile against is what the contracts have.

use std::collections::BTreeMap;

use serde_json::Value;

/// The ABI of an artifact, each entry by its kind and name.
fn abi(artifact: &str) -> BTreeMap<String, Value> {
    let artifact: Value = serde_json::from_str(artifact).unwrap();
    let entries = artifact["abi"].as_array().unwrap().iter();
    let named = entries.filter(|entry| entry["type"] != "constructor");
    named.map(|entry| (name(entry), shape(entry))).collect()
}

fn name(entry: &Value) -> String {
    let part = |key: &str| entry[key].as_str().unwrap_or_default().to_owned();
    format!("{} {}", part("type"), part("name"))
}

/// All that a caller depends on: not the names that structs and contracts have inside, nor those of
/// results.
fn shape(entry: &Value) -> Value {
    let mut entry = entry.clone();
    strip(&mut entry, "internalType");
    if let Some(outputs) = entry["outputs"].as_array_mut() {
        for output in outputs {
            output.as_object_mut().unwrap().remove("name");
        }
    }
    entry
}

fn strip(value: &mut Value, key: &str) {
    match value {
        Value::Object(fields) => {
            fields.remove(key);
            fields.values_mut().for_each(|field| strip(field, key));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| strip(item, key)),
        _ => {}
    }
}

macro_rules! out {
    ($name:literal) => {
        abi(include_str!(concat!(
            "../../../out/",
            $name,
            ".sol/",
            $name,
            ".json"
        )))
    };
}

/// Asserts that the contract has all of the interface, and the interface all of the contract but
/// what is named.
#[track_caller]
fn assert_same(
    interface: &BTreeMap<String, Value>,
    contract: &BTreeMap<String, Value>,
    besides: &[&str],
) {
    for (name, entry) in interface {
        assert_eq!(contract.get(name), Some(entry), "{name}");
    }
    let missing = contract
        .keys()
        .filter(|name| !interface.contains_key(*name));
    let missing: Vec<_> = missing.collect();
    assert_eq!(missing, besides);
}

/// What the libraries of others revert with.
const GUARD: &str = "error ReentrancyGuardReentrantCall";

const BESIDES_POLL: [&str; 5] = [
    "error AddressEmptyCode",
    "error FailedCall",
    "error InsufficientBalance",
    GUARD,
    "error SafeERC20FailedOperation",
];

#[test]
fn poll() {
    assert_same(&out!("IPoll"), &out!("Poll"), &BESIDES_POLL);
}

#[test]
fn maci() {
    let besides = [
        "error LeafAlreadyExists",
        "error LeafCannotBeZero",
        "error LeafGreaterThanSnarkScalarField",
        GUARD,
    ];
    assert_same(&out!("IMACI"), &out!("MACI"), &besides);
}

#[test]
fn gatekeepers() {
    let own = [
        "error MaciAlreadySet",
        "error MaciIsZero",
        "error MalformedCalldata",
        "error OnlyMaci",
        "error OnlyOwner",
        "error OwnerIsZero",
        "error UnexpectedGatekeeperData",
        "function OWNER",
    ];
    assert_same(&out!("IGatekeeper"), &out!("FreeForAllGatekeeper"), &own);
    for other in [out!("SignUpTokenGatekeeper"), out!("ExcubiaeGatekeeper")] {
        for (name, entry) in &out!("IGatekeeper") {
            assert_eq!(other.get(name), Some(entry), "{name}");
        }
    }
}

#[test]
fn voice_credits() {
    let own = [
        "error CreditsOutOfRange",
        "error UnexpectedCreditData",
        "function CREDITS",
    ];
    let mut constant = out!("ConstantInitialVoiceCreditProxy");
    // What changes nothing may be called where something may be changed; the account plays no part.
    let given = constant.get_mut("function getVoiceCredits").unwrap();
    assert_eq!(given["stateMutability"], "view");
    given["stateMutability"] = "nonpayable".into();
    given["inputs"][0]["name"] = "account".into();
    assert_same(&out!("IVoiceCreditProxy"), &constant, &own);
    let votes = out!("VotesInitialVoiceCreditProxy");
    for (name, entry) in &out!("IVoiceCreditProxy") {
        assert_eq!(votes.get(name), Some(entry), "{name}");
    }
}

/// The comparison sees what would break a caller.
#[test]
fn a_difference_is_found() {
    let differs = |change: &dyn Fn(&mut BTreeMap<String, Value>)| {
        let mut other = out!("Poll");
        change(&mut other);
        let compare = || assert_same(&out!("IPoll"), &other, &BESIDES_POLL);
        std::panic::catch_unwind(compare).is_err()
    };
    assert!(!differs(&|_| ()));
    let field = |entry: &'static str, pointer: &'static str, value: Value| {
        differs(&|poll| {
            let entry = poll.get_mut(entry).unwrap();
            *entry.pointer_mut(pointer).unwrap() = value.clone();
        })
    };
    assert!(field(
        "function topUp",
        "/stateMutability",
        "nonpayable".into()
    ));
    assert!(field("function topUp", "/inputs/0/type", "uint48".into()));
    assert!(field("event Join", "/inputs/0/indexed", false.into()));
    assert!(field("error WrongFee", "/inputs/1/name", "other".into()));
    assert!(field("function results", "/outputs/0/type", "tuple".into()));
    assert!(differs(&|poll| {
        poll.remove("function topUp");
    }));
    assert!(differs(&|poll| {
        let entry = poll["function topUp"].clone();
        poll.insert("function more".to_owned(), entry);
    }));
}
